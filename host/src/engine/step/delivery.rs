//! A message on its way out: the gate asked again in the commit that claims it, and what its channel said.

use crate::domain::entry::Outcome;
use crate::domain::ids::{MessageId, NoticeId};
use crate::domain::message::{Delivery, Message};
use crate::turn::Effect;
use crate::turn::records::Notice;

use super::Step;

impl Step<'_> {
    /// A message is due. The commit of this step is what "sent" means: after it the channel has the message.
    pub(super) fn claim(&mut self, id: MessageId) {
        self.why.what = "a message is due for sending".to_owned();
        let Some(message) = self.turn.message(id) else {
            self.note("there is no such message");
            return;
        };
        if !matches!(message.delivery, Delivery::Queued | Delivery::Deferred { .. }) {
            self.note(format!("the message is {} already", message.delivery.word()));
            return;
        }
        let mut changed = Message::clone(&message);
        match self.turn.judge(&message, true) {
            Delivery::Queued => self.turn.goes_out(&mut changed),
            other => changed.delivery = other,
        }
        match changed.delivery {
            Delivery::Withheld { .. } => {
                self.turn.uncount(&changed);
                self.turn.free_once(&changed);
            }
            _ => self.turn.note_sent(&changed),
        }
        self.note(match &changed.delivery {
            Delivery::Withheld { reason, .. } => format!("withheld: {reason}"),
            Delivery::Deferred { until, .. } => format!("deferred until {until}"),
            Delivery::Simulated { .. } => {
                "nothing speaks against it; this is a simulation, so nothing is sent".to_owned()
            }
            _ => "nothing speaks against it: the channel gets it".to_owned(),
        });
        self.change_message(id, |message| *message = changed);
    }

    /// What the channel said of an attempt.
    pub(super) fn outcome(&mut self, id: MessageId, attempt: u32, outcome: &Outcome) {
        self.why.what = "a channel told what became of a message".to_owned();
        let Some(message) = self.turn.message(id) else {
            self.note("there is no such message");
            return;
        };
        if message.delivery != (Delivery::Attempting { attempt }) {
            self.note(format!("it is about attempt {attempt}, and the message is {}", message.delivery.word()));
            return;
        }
        let limits = self.turn.scene.limits;
        let (now, seed) = (self.now(), self.seed());
        let delivery = match outcome {
            Outcome::Sent => Delivery::Sent { at: now },
            Outcome::Retry(reason) if attempt < limits.deliveries => {
                self.note(format!("not yet: {reason}"));
                let until = now.plus(limits.backoff_ms(attempt + 1, seed));
                Delivery::Deferred { until, code: "channel".to_owned() }
            }
            Outcome::Retry(reason) => Delivery::Failed { reason: format!("after {attempt} attempts: {reason}") },
            Outcome::Failed(reason) => Delivery::Failed { reason: reason.clone() },
            Outcome::Unknown(reason) => Delivery::Uncertain { reason: reason.clone() },
        };
        if let Delivery::Failed { reason } | Delivery::Uncertain { reason } = &delivery {
            let title = format!("A message by {} is {}", message.channel, delivery.word());
            let notice = Notice {
                id: NoticeId::new(now, self.turn.mint()),
                at: now,
                urgency: "normal".to_owned(),
                title,
                text: reason.clone(),
                plugin: "host".to_owned(),
                examples: Vec::new(),
            };
            self.turn.stage(Effect::Notice(notice));
        }
        if matches!(delivery, Delivery::Failed { .. }) {
            self.turn.uncount(&message);
        }
        self.note(format!("the message is {}", delivery.word()));
        self.change_message(id, |message| message.delivery = delivery);
    }
}
