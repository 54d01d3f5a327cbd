//! What staff do with a customer: take a case, write, resolve it, settle what nobody else can.

use std::sync::Arc;

use crate::domain::case::{Case, Stage};
use crate::domain::consent::{Consent, Source};
use crate::domain::entry::StaffAct;
use crate::domain::ids::{CaseId, DeadLetterId, MessageId};
use crate::domain::message::{Author, Delivery, Purpose};
use crate::store::Table;
use crate::turn::Effect;
use crate::turn::judge::Written;
use crate::turn::records::{DeadLetter, Share};

use super::Step;

impl Step<'_> {
    /// Something a member of staff did.
    pub(super) fn staff(&mut self, by: &str, act: &StaffAct) {
        match act {
            StaffAct::Take(case, seen) => {
                self.why.what = format!("{by} takes the conversation");
                self.change_case(*case, *seen, |case| case.stage = Stage::Taken { by: by.to_owned() });
            }
            StaffAct::Resolve(case, seen) => {
                self.why.what = format!("{by} resolves the case");
                let at = self.now();
                self.change_case(*case, *seen, |case| case.stage = Stage::Resolved { by: by.to_owned(), at });
                if self.refused.is_none() {
                    self.turn.change_customer(|customer| customer.automated_in_a_row = 0);
                }
            }
            StaffAct::Write { text, channel, in_spite } => self.write(by, text, channel.as_deref(), *in_spite),
            StaffAct::Consent(consent) => self.told(by, consent),
            StaffAct::RetryDeadLetter(id) => self.revive(by, *id),
            StaffAct::Settle { message, arrived } => self.settle_uncertain(by, *message, *arrived),
        }
    }

    fn change_case(&mut self, id: CaseId, seen: Option<u64>, change: impl FnOnce(&mut Case)) {
        let Some(case) = self.turn.case().filter(|case| case.id == id) else {
            return self.refuse("not-found", format!("there is no case {id} that is this customer's latest"));
        };
        if !case.is_open() {
            return self.refuse("conflict", format!("case {id} is resolved already"));
        }
        if seen.is_some_and(|seen| seen != case.revision) {
            let words = format!("case {id} has changed: it is at revision {}; read it again", case.revision);
            return self.refuse("changed", words);
        }
        let mut case = Case::clone(&case);
        change(&mut case);
        case.revision += 1;
        self.turn.stage(Effect::Case(Arc::new(case)));
    }

    fn write(&mut self, by: &str, text: &str, channel: Option<&str>, in_spite: bool) {
        self.why.what = format!("{by} writes to the customer");
        let channel = self.turn.pick_channel(channel, Purpose::Reply);
        let stopped = self.turn.customer().is_some_and(|customer| customer.consents.stop(&channel).is_some());
        let message = self.turn.stage_message(Written {
            author: Author::Staff,
            channel,
            text: text.to_owned(),
            subject: None,
            language: None,
            origin: None,
            staff: Some(by.to_owned()),
            in_spite: in_spite && stopped,
        });
        if message.in_spite {
            self.note(format!("{by} decided to write though the customer had said stop"));
        }
        match &message.delivery {
            Delivery::Withheld { code, .. } if stopped => {
                let words = "the customer said stop on this channel; if you have to write all the same, send it again \
                    with `in_spite`, and that is recorded";
                self.refuse(code, words);
            }
            Delivery::Withheld { code, reason } => self.refuse(code, format!("not sent: {reason}")),
            _ => {}
        }
    }

    /// What the customer told a member of staff.
    fn told(&mut self, by: &str, consent: &Consent) {
        let word = if consent.granted { "agrees to" } else { "takes back" };
        let what = consent.purpose.map_or("everything", Purpose::word);
        self.why.what = format!("{by} writes down that the customer {word} {what}");
        if !self.turn.consent(consent.clone()) {
            self.refuse("conflict", "the customer withdrew it at a later time; that stands");
        }
    }

    /// The customer followed the link in a mail.
    pub(super) fn unsubscribe(&mut self, channel: &str, purpose: Purpose) {
        self.why.what = format!("the customer unsubscribes from {} messages by {channel}", purpose.word());
        self.turn.consent(Consent {
            channel: channel.to_owned(),
            purpose: Some(purpose),
            granted: false,
            at: self.now(),
            source: Source::OneClick,
            text: None,
            by: None,
        });
    }

    fn revive(&mut self, by: &str, id: DeadLetterId) {
        self.why.what = format!("{by} wants a dead letter to be tried again");
        let at = self.records().at(Table::DeadLetter).id(&id.0);
        let letter: Option<DeadLetter> = match self.records().get(&at) {
            Ok(letter) => letter,
            Err(error) => {
                self.off.get_or_insert_with(|| error.to_string());
                return;
            }
        };
        let Some(letter) = letter else {
            return self.refuse("not-found", format!("there is no dead letter {id}"));
        };
        let plugin = letter.share.plugin.clone();
        self.turn.stage(Effect::DeadLetterDone(id));
        self.turn.stage(Effect::RetryAt { plugin, at: self.now() });
        self.turn.stage(Effect::Share(Share { attempts: 0, ..letter.share }));
    }

    fn settle_uncertain(&mut self, by: &str, id: MessageId, arrived: bool) {
        self.why.what = format!("{by} decides what became of a message");
        let uncertain = self.turn.message(id).filter(|message| matches!(message.delivery, Delivery::Uncertain { .. }));
        if uncertain.is_none() {
            return self.refuse("conflict", format!("message {id} is not uncertain"));
        }
        let now = self.now();
        self.change_message(id, |message| {
            message.delivery = if arrived { Delivery::Sent { at: now } } else { Delivery::Queued };
        });
    }
}
