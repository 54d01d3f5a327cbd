//! A message on its way out: the gate asked again in the commit that claims it, and what its channel said.

use std::sync::Arc;

use crate::domain::case::Urgency;
use crate::domain::consent::{Consent, Source};
use crate::domain::entry::{Outcome, Report};
use crate::domain::errand::pause_ms;
use crate::domain::ids::MessageId;
use crate::domain::message::{Delivery, Message, Reported, of_mail};
use crate::domain::plugin::Patience;
use crate::domain::time::HOUR;
use crate::turn::records::Example;

use super::{Action, Step};

/// How far back a message is looked for when a channel reports on it.
const LOOKED_BACK: usize = 200;

/// The longest a channel may have us wait, in milliseconds.
pub(super) const LONGEST_WAIT: u64 = 6 * HOUR;

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
        let (now, pause_ms) = (self.now(), self.pause_ms(&message.channel, attempt));
        let delivery = match outcome {
            Outcome::Sent | Outcome::Accepted { .. } => Delivery::Sent { at: now },
            Outcome::Retry(reason) | Outcome::Later { reason, .. } => match pause_ms {
                Some(pause_ms) => {
                    self.note(format!("not yet: {reason}"));
                    let asked_ms = if let Outcome::Later { after_ms, .. } = outcome { *after_ms } else { 0 };
                    let until = now.plus(pause_ms.max(asked_ms.min(LONGEST_WAIT)));
                    Delivery::Deferred { until, code: "channel".to_owned() }
                }
                None => Delivery::Failed { reason: format!("after {attempt} attempts: {reason}") },
            },
            Outcome::Unwanted => Delivery::Failed { reason: "the channel takes no such message".to_owned() },
            Outcome::Failed(reason) => Delivery::Failed { reason: reason.clone() },
            Outcome::Unreachable(reason) => {
                self.unreachable(&message.channel, reason);
                Delivery::Failed { reason: reason.clone() }
            }
            Outcome::Gone { plugin, reason } => {
                self.actions.push(Action::Gone { plugin: plugin.clone(), reason: reason.clone() });
                Delivery::Failed { reason: reason.clone() }
            }
            Outcome::Unknown(reason) => Delivery::Uncertain { reason: reason.clone() },
        };
        if let Delivery::Failed { reason } | Delivery::Uncertain { reason } = &delivery {
            self.notice_of(&message, delivery.word(), reason);
        }
        if matches!(delivery, Delivery::Failed { .. }) {
            self.turn.uncount(&message);
        }
        self.note(format!("the message is {}", delivery.word()));
        if let Outcome::Accepted { plugin, id } = outcome {
            self.known_as(plugin, id);
        }
        self.change_message(id, |message| {
            message.delivery = delivery;
            if let Outcome::Accepted { id, .. } = outcome {
                message.sent_as = Some(id.clone());
            }
        });
    }

    /// How long to wait after an attempt, in milliseconds, as the channel has it; none if it was the last. What expires meanwhile is
    /// withheld when it is claimed.
    fn pause_ms(&self, channel: &str, attempt: u32) -> Option<u64> {
        let served = self.env.ready.config.channel(channel);
        let declared = served.and_then(|plugin| plugin.installed.manifest.channel.as_ref());
        match declared.map(|channel| channel.retry).unwrap_or_default() {
            Patience::ThreeDays => pause_ms(attempt, self.seed()),
            Patience::Usual => {
                let limits = self.turn.scene.limits;
                (attempt < limits.deliveries).then(|| limits.backoff_ms(attempt + 1, self.seed()))
            }
        }
    }

    /// Nothing is sent to a customer on a channel any more: their address there is gone.
    fn unreachable(&mut self, channel: &str, reason: &str) {
        let gone = Consent {
            channel: channel.to_owned(),
            purpose: None,
            granted: false,
            at: self.now(),
            source: Source::Channel,
            text: Some(reason.chars().take(200).collect()),
            by: None,
        };
        self.turn.change_customer(|customer| {
            customer.consents.take(gone);
        });
        self.note(format!("nothing is sent to them by {channel} from now on: {reason}"));
    }

    /// Keeps by which id a plugin's provider knows a message, so that its reports find whose it is.
    fn known_as(&mut self, plugin: &str, id: &str) {
        let (key, customer) = (self.turn.scene.records.reference_key("message", plugin, id), self.entry.customer);
        self.put(key, &customer);
    }

    /// What a channel reported later of a message that it had taken.
    pub(super) fn reported(&mut self, report: &Report) {
        self.why.what = format!("a channel reports that a message was {}", report.status);
        let sent = self.turn.messages(LOOKED_BACK);
        let ours = of_mail(&report.id);
        let is_it = |one: &&Arc<Message>| one.sent_as.as_deref() == Some(report.id.as_str()) || Some(one.id) == ours;
        let Some(message) = sent.iter().find(is_it).cloned() else {
            self.note("there is no such message any more");
            return;
        };
        let (id, now) = (message.id, self.now());
        let reason = report.reason.clone().unwrap_or_else(|| format!("the channel reports: {}", report.status));
        match report.status.as_str() {
            "failed" | "bounced" => {
                if report.permanent {
                    self.unreachable(&message.channel, &reason);
                }
                if !matches!(message.delivery, Delivery::Failed { .. }) {
                    self.turn.uncount(&message);
                    self.notice_of(&message, "failed", &reason);
                    self.change_message(id, |message| message.delivery = Delivery::Failed { reason });
                }
            }
            "complained" | "unsubscribed" => self.unreachable(&message.channel, &reason),
            // What nobody knew is known now.
            "sent" | "delivered" | "read" => {
                if matches!(message.delivery, Delivery::Uncertain { .. }) {
                    self.change_message(id, |message| message.delivery = Delivery::Sent { at: now });
                }
            }
            _ => {}
        }
        let reported = Reported { status: report.status.clone(), at: self.entry.happened };
        let rank = |status: &str| ["sent", "delivered", "read"].iter().position(|known| *known == status);
        self.change_message(id, |message| {
            // Reports come in any order; "sent" after "delivered" is old news.
            let is_old = message.reported.as_ref().is_some_and(|known| {
                rank(&known.status).zip(rank(&reported.status)).is_some_and(|(known, new)| new < known)
            });
            if !is_old {
                message.reported = Some(reported);
            }
        });
    }

    fn notice_of(&mut self, message: &Message, state: &str, reason: &str) {
        let example = Example { customer: message.customer, message: message.id };
        self.tell(Urgency::Normal, &format!("A message by {} is {state}", message.channel), reason, vec![example]);
    }
}
