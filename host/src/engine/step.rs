//! The step: one journal entry, from news to rows. Everything that becomes of an entry is decided here, and nothing is
//! written: the step hands over one batch, and what is to be done once that batch is durable.
//!
//! A step is a function of the entry, its lane's rows and the configuration. It reads no clock but a stopwatch whose figures
//! stand apart from the state.

mod change;
mod customer;
mod delivery;
mod erase;
mod errand;
mod hours;
mod knowledge;
mod merge;
mod plugins;
mod retention;
mod staff;
mod trust;

use std::sync::Arc;

pub use change::customers_after;

use crate::domain::entry::{Entry, Input};
use crate::domain::errand::{Errand, State};
use crate::domain::ids::{BusinessId, CustomerId, MessageId};
use crate::domain::message::{Delivery, Message};
use crate::domain::time::Instant;
use crate::sandbox::Sandbox;
use crate::store::{Row, StoreError, Table, Write};
use crate::turn::commit::fired;
use crate::turn::records::{Records, VERSION};
use crate::turn::trends::hour_end;
use crate::turn::warm::Warm;
use crate::turn::{Effect, Observed, Turn};
use crate::world::World;

use super::about::Counts;
use super::config::Ready;
use super::why::{Handled, Measured, Why};

/// What a step needs beside its turn.
pub struct Env<'a> {
    /// Runs plugins.
    pub sandbox: &'a Sandbox,
    /// The business, ready for running.
    pub ready: &'a Ready,
    /// The stopwatch.
    pub world: &'a dyn World,
    /// The rows of any customer, for steps of the business's own lane, which run alone.
    pub others: &'a dyn Fn(CustomerId) -> Result<Records, StoreError>,
    /// Whom a customer's id leads to.
    pub home: &'a dyn Fn(CustomerId) -> CustomerId,
}

/// What a step hands over.
pub struct Stepped {
    /// What to write, all at once.
    pub writes: Vec<Write>,
    /// What was seen outside the lane; written beside the entry.
    pub observed: Vec<Observed>,
    /// What to do once that is durable.
    pub actions: Vec<Action>,
    /// Why nothing became of it, when it was refused: code and words.
    pub refused: Option<(String, String)>,
    /// What was erased.
    pub erased: Counts,
    /// The messages that are new or changed.
    pub messages: Vec<Arc<Message>>,
    /// What the next step in this lane need not read, once this one is durable.
    pub warm: Warm,
}

/// What is to be done once a step is durable.
pub enum Action {
    /// Give a claimed message to its channel.
    Deliver(Arc<Message>),
    /// Do a claimed errand.
    Run(Arc<Errand>),
    /// Something is due at this time.
    Wake(Instant),
    /// A plugin ran, well or not; for the count after which it is stopped.
    Ran {
        /// Which.
        plugin: String,
        /// How it failed, if it did.
        failure: Option<String>,
    },
    /// The other end of a channel plugin wants no messages any more: it is stopped.
    Gone {
        /// Which.
        plugin: String,
        /// In words.
        reason: String,
    },
    /// A customer said stop; for the count after which everything is paused.
    SaidStop,
    /// The configuration of the business changed.
    Reload(BusinessId),
    /// Rows of a customer changed outside their lane: what is kept of it in memory does not count any more.
    Cool(CustomerId),
    /// A customer who was part of another is not any more.
    Part(CustomerId),
    /// The rows of a customer are gone: their key goes too.
    Forget(CustomerId),
}

/// A step under way.
pub(super) struct Step<'a> {
    env: &'a Env<'a>,
    entry: Arc<Entry>,
    /// Only out of the step's hands while a plugin runs on it.
    turn: Turn,
    why: Why,
    measured: Measured,
    actions: Vec<Action>,
    refused: Option<(String, String)>,
    deletions: Vec<Write>,
    erased: Counts,
    off: Option<String>,
}

/// Handles one entry.
///
/// # Errors
/// When the store cannot be read; nothing has happened then.
pub fn step(env: &Env<'_>, turn: Turn) -> Result<Stepped, StoreError> {
    let started_us = env.world.stopwatch_us();
    let entry = turn.scene.entry.clone();
    let mut step = Step {
        env,
        turn,
        why: Why { entry: Some(entry.id), at: entry.at, ..Why::default() },
        measured: Measured::default(),
        actions: Vec::new(),
        refused: None,
        deletions: Vec::new(),
        erased: Counts::new(),
        off: None,
        entry: entry.clone(),
    };
    match &entry.input {
        Input::Event(event) => step.event(event),
        Input::Timer { plugin, key, due } => step.timer(plugin, key, *due),
        Input::Retry { plugin, .. } => step.retry(plugin),
        Input::Claim { message, .. } => step.claim(*message),
        Input::Outcome { message, attempt, outcome } => step.outcome(*message, *attempt, outcome),
        Input::Errand { errand, .. } => step.errand(*errand),
        Input::ErrandOutcome { errand, attempt, outcome } => step.errand_outcome(*errand, *attempt, outcome),
        Input::Staff { by, act } => step.staff(by, act),
        Input::Owner { by, change } => step.change(by, change)?,
        Input::Pause { plugin, reason } => step.pause(plugin, reason),
        Input::Unsubscribe { channel, purpose } => step.unsubscribe(channel, *purpose),
        Input::Counted { hour, sent } => step.counted(*hour, sent),
        Input::Hour { ended } => step.hour(*ended)?,
        Input::Retention { before, after, .. } => step.retention(*before, *after)?,
    }
    step.finish(started_us)
}

impl Step<'_> {
    fn now(&self) -> Instant {
        self.entry.at
    }

    /// Notes what the host decided, for the record of why.
    fn note(&mut self, words: impl Into<String>) {
        self.why.host.push(words.into());
    }

    /// Refuses the entry: nothing becomes of it but the record of why.
    fn refuse(&mut self, code: &str, words: impl Into<String>) {
        self.refused = Some((code.to_owned(), words.into()));
    }

    /// A message that changed: it keeps a trail of the entries that changed it.
    fn change_message(&mut self, id: MessageId, change: impl FnOnce(&mut Message)) -> Option<Arc<Message>> {
        let mut message = Message::clone(&*self.turn.message(id)?);
        change(&mut message);
        message.trail.push(self.entry.id);
        let message = Arc::new(message);
        self.turn.stage(Effect::Message(message.clone()));
        Some(message)
    }

    /// The rows of the commit.
    fn finish(mut self, started_us: u64) -> Result<Stepped, StoreError> {
        let halted = self.turn.take_halt().map(|halt| halt.to_string());
        if let Some(reason) = self.off.take().or(halted) {
            return Err(StoreError::Failed(reason));
        }
        let records = self.turn.scene.records.clone();
        self.turn.send_errands();
        let mut writes = self.turn.writes()?;
        writes.push(Write::Delete(pending_key(&self.entry)));
        writes.append(&mut self.deletions);
        self.reads();
        self.why.refused = self.refused.clone();
        self.why.decisions = self.turn.take_decided();
        self.why.worded = self.turn.take_worded();
        let why = records.at(Table::Why).id(&self.entry.id.0);
        writes.push(Write::Put(why.clone(), records.row(&why, &self.why)?));
        self.measured.step_us = self.env.world.stopwatch_us().saturating_sub(started_us);
        let stepped = records.of_business(Table::Stepped).id(&self.entry.id.0);
        let handled = Handled { customer: self.entry.customer, measured: self.measured };
        writes.push(Write::Put(stepped, Row::clear(VERSION, &handled)?));
        let mut messages: Vec<Arc<Message>> = Vec::new();
        for effect in self.turn.effects() {
            match effect {
                Effect::Message(message) => {
                    messages.retain(|known| known.id != message.id);
                    messages.push(message.clone());
                }
                Effect::Timer { timer: Some(timer), .. } => self.actions.push(Action::Wake(timer.due)),
                Effect::RetryAt { at, .. } => self.actions.push(Action::Wake(*at)),
                Effect::Errand(errand) => match errand.state {
                    State::Queued => self.actions.push(Action::Wake(self.entry.at)),
                    State::Deferred { until, .. } => self.actions.push(Action::Wake(until)),
                    State::Attempting { .. } => self.actions.push(Action::Run(errand.clone())),
                    _ => {}
                },
                Effect::Said(_) => self.actions.push(Action::Wake(hour_end(self.entry.at))),
                Effect::DueRow(..) => self.actions.push(Action::Wake(self.entry.at)),
                _ => {}
            }
        }
        for message in &messages {
            match message.delivery {
                Delivery::Queued => self.actions.push(Action::Wake(self.entry.at)),
                Delivery::Deferred { until, .. } => self.actions.push(Action::Wake(until)),
                Delivery::Attempting { .. } => self.actions.push(Action::Deliver(message.clone())),
                _ => {}
            }
        }
        let observed = std::mem::take(&mut self.turn.observations);
        let warm = self.turn.warm();
        let Self { actions, refused, erased, .. } = self;
        Ok(Stepped { writes, observed, actions, refused, erased, messages, warm })
    }

    fn records(&self) -> &Records {
        &self.turn.scene.records
    }
}

/// What becomes of an entry of somebody who was erased, should one have come through: it is done, and nothing comes of it.
pub fn dropped(entry: &Entry, records: &Records) -> Stepped {
    let keys = fired(records, &entry.input).into_iter().chain([pending_key(entry)]);
    Stepped {
        writes: keys.map(Write::Delete).collect(),
        observed: Vec::new(),
        actions: Vec::new(),
        refused: Some(("not-found".to_owned(), format!("there is no customer {} in this business", entry.customer))),
        erased: Counts::new(),
        messages: Vec::new(),
        warm: Warm::default(),
    }
}

/// Where it stands that an entry is still to be done.
pub fn pending_key(entry: &Entry) -> crate::store::Key {
    super::journal::pending(entry.business).number(entry.number)
}
