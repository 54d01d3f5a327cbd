//! Errands after the commit that claimed them: handed to the courier, and what the other end said written down again.

use std::sync::Arc;

use crate::domain::appointment::Appointment;
use crate::domain::entry::{Entry, Input, Outcome};
use crate::domain::errand::{Errand, State, What};
use crate::domain::ids::{BusinessId, CustomerId, ErrandId, MessageId, NoticeId};
use crate::domain::message::{Author, Delivery, Message};
use crate::domain::plugin::Redo;
use crate::domain::time::Instant;
use crate::store::{Batch, StoreError, Table};
use crate::turn::records::{Notice, Records};

use super::{Engine, NotTaken, Parcel};

/// What a notice to staff is beside a message.
#[derive(Debug, Clone)]
pub struct StaffNotice {
    /// By which errand it goes.
    pub errand: ErrandId,
    /// The notice.
    pub notice: NoticeId,
    /// `low`, `normal` or `high`.
    pub urgency: String,
    /// Its first line.
    pub title: String,
    /// Where staff find the conversation; none where this host cannot be reached, or it is about nobody.
    pub link: Option<String>,
}

/// A customer's answer on its way to the calendar of the appointment.
#[derive(Debug, Clone)]
pub struct WriteBack {
    /// Which business.
    pub business: BusinessId,
    /// Its name.
    pub business_name: String,
    /// Whose appointment.
    pub customer: CustomerId,
    /// By which errand it goes.
    pub errand: ErrandId,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// The connector.
    pub plugin: String,
    /// The appointment, with the answer.
    pub appointment: Appointment,
    /// When they answered.
    pub at: Instant,
}

impl Engine {
    /// Hands a claimed errand to the courier.
    pub(super) fn run_errand(self: &Arc<Self>, business: BusinessId, customer: CustomerId, errand: &Errand) {
        let (Some(courier), State::Attempting { attempt }) = (self.courier.get(), &errand.state) else { return };
        let records = self.records(self.view(), business, customer);
        let failed = |error: StoreError| {
            // It stays claimed; the next start settles what was being attempted.
            tracing::error!(errand = %errand.id, %error, "an errand could not be done");
        };
        match (records, &errand.what) {
            (Ok(records), What::Notice { notice, .. }) => match records.get(&records.at(Table::Notice).id(&notice.0)) {
                Ok(Some(notice)) => courier.take(self, self.to_staff(&records, errand, *attempt, &notice)),
                Ok(None) => self.settle((business, customer), errand.id, *attempt, "the notice is gone"),
                Err(error) => failed(error),
            },
            (Ok(records), What::Answer { plugin, appointment, answer, .. }) => {
                let found: Result<Option<Appointment>, _> = records.get(&records.appointment_key(plugin, appointment));
                let appointment = match found {
                    Ok(Some(appointment)) => Appointment { answer: *answer, ..appointment },
                    Ok(None) => {
                        return self.settle((business, customer), errand.id, *attempt, "the appointment is gone");
                    }
                    Err(error) => return failed(error),
                };
                let write_back = WriteBack {
                    business,
                    business_name: self.name_of(business),
                    customer,
                    errand: errand.id,
                    attempt: *attempt,
                    plugin: plugin.clone(),
                    appointment,
                    at: errand.at,
                };
                courier.write_back(self, write_back);
            }
            (Err(error), _) => failed(error),
        }
    }

    /// A notice as a parcel: what channels take.
    fn to_staff(&self, records: &Records, errand: &Errand, attempt: u32, notice: &Notice) -> Parcel {
        let (business, customer) = (records.business(), records.who());
        let (channel, to, details) = match &errand.what {
            What::Notice { channel, to, details, .. } => (channel.clone(), to.clone(), *details),
            What::Answer { .. } => Default::default(),
        };
        let outside = self.public_url().filter(|_| !customer.is_business());
        let link = outside.map(|url| format!("{}/v1/customers/{customer}/messages", url.trim_end_matches('/')));
        let details = Some(notice.text.clone()).filter(|text| details && !text.trim().is_empty());
        // The first line stands in the text too: not every channel has subjects.
        let lines: Vec<String> = [Some(notice.title.clone()), details, link.clone()].into_iter().flatten().collect();
        let message = Message {
            id: MessageId(errand.id.0),
            customer,
            at: notice.at,
            author: Author::Host,
            subject: (channel == "email").then(|| notice.title.clone()),
            channel,
            text: lines.join("\n\n"),
            language: None,
            in_reply_to: None,
            polarity: None,
            staff: None,
            origin: None,
            entry: errand.entry,
            attempts: attempt,
            machine: None,
            trail: Vec::new(),
            original: None,
            sent_as: None,
            reported: None,
            in_spite: false,
            delivery: Delivery::Attempting { attempt },
        };
        let notice = StaffNotice {
            errand: errand.id,
            notice: notice.id,
            urgency: notice.urgency.clone(),
            title: notice.title.clone(),
            link,
        };
        Parcel {
            business,
            business_name: self.name_of(business),
            address: to.unwrap_or_default(),
            message: Arc::new(message),
            attempt,
            unsubscribe: None,
            answers: None,
            notice: Some(Box::new(notice)),
        }
    }

    fn name_of(&self, business: BusinessId) -> String {
        self.ready(business).map(|ready| ready.config.business.name.clone()).unwrap_or_default()
    }

    /// What a calendar said of an answer.
    pub fn written_back(
        self: &Arc<Self>,
        answer: &WriteBack,
        outcome: Outcome,
        done: impl FnOnce(Result<Vec<u64>, NotTaken>) + Send + 'static,
    ) {
        self.errand_outcome((answer.business, answer.customer), answer.errand, answer.attempt, outcome, done);
    }

    /// Puts into the journal what became of an attempt at an errand.
    pub(super) fn errand_outcome(
        self: &Arc<Self>,
        (business, customer): (BusinessId, CustomerId),
        errand: ErrandId,
        attempt: u32,
        outcome: Outcome,
        done: impl FnOnce(Result<Vec<u64>, NotTaken>) + Send + 'static,
    ) {
        let (at, id, customer) = (self.world().now(), self.new_event_id(), self.home(business, customer));
        let input = Input::ErrandOutcome { errand, attempt, outcome };
        let entry = Entry { number: 0, id, business, customer, at, happened: at, depth: 0, input };
        self.append(vec![entry], Batch::new(), done);
    }

    fn settle(self: &Arc<Self>, lane: (BusinessId, CustomerId), errand: ErrandId, attempt: u32, reason: &str) {
        self.errand_outcome(lane, errand, attempt, Outcome::Failed(reason.to_owned()), written);
    }

    /// Settles an errand that was under way when the last process stopped. An answer is repeated only where the calendar knows a
    /// request that it has had before; a notice is (see `engine/step/errand.rs`).
    pub(super) fn settle_lost_errand(
        self: &Arc<Self>,
        business: BusinessId,
        customer: CustomerId,
        errand: &Errand,
        attempt: u32,
    ) {
        let reason = "Attune stopped before there was an answer".to_owned();
        let ready = self.ready(business);
        let redo = match (&errand.what, &ready) {
            (What::Answer { plugin, .. }, Some(ready)) => {
                let known = ready.config.plugin(plugin);
                let declared = known.and_then(|plugin| plugin.installed.manifest.writing_back.as_ref());
                declared.map(|declared| declared.redo).unwrap_or_default()
            }
            _ => Redo::Never,
        };
        let outcome = match redo {
            Redo::Idempotent => Outcome::Retry(reason),
            Redo::Never => Outcome::Unknown(reason),
        };
        self.errand_outcome((business, customer), errand.id, attempt, outcome, written);
    }
}

fn written(result: Result<Vec<u64>, NotTaken>) {
    if let Err(error) = result {
        tracing::error!(%error, "what became of an errand could not be written down; it is tried at the next start");
    }
}
