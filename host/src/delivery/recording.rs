//! A courier that goes nowhere: for tests, scenarios and replays.
//!
//! Never opens a socket, starts a thread or reads a clock. It answers in the call, so an engine without workers is done when
//! `run_until_idle` returns.

use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::entry::Outcome;
use crate::engine::{Courier, Engine, Parcel};

/// Keeps what it was given, and answers as it was told to.
pub struct Recording {
    taken: Mutex<Vec<Parcel>>,
    answer: Answer,
}

/// What becomes of a parcel; none is no answer at all.
type Answer = Box<dyn Fn(&Parcel) -> Option<Outcome> + Send + Sync>;

impl Recording {
    /// Takes every message: [`Outcome::Sent`] at once.
    pub fn new() -> Self {
        Self::answering(|_| Some(Outcome::Sent))
    }

    /// Answers each parcel as `answer` says; none leaves it without an answer, as a channel does that was killed. Such a one can
    /// be answered later with [`Engine::outcome`].
    pub fn answering(answer: impl Fn(&Parcel) -> Option<Outcome> + Send + Sync + 'static) -> Self {
        Self { taken: Mutex::default(), answer: Box::new(answer) }
    }

    /// What it was given so far, in order.
    pub fn taken(&self) -> Vec<Parcel> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Default for Recording {
    fn default() -> Self {
        Self::new()
    }
}

impl Courier for Recording {
    fn take(&self, engine: &Arc<Engine>, parcel: Parcel) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).push(parcel.clone());
        let Some(outcome) = (self.answer)(&parcel) else { return };
        let message = parcel.message.id;
        engine.outcome(&parcel, outcome, move |result| {
            if let Err(error) = result {
                tracing::error!(%message, %error, "what became of a message could not be written down");
            }
        });
    }
}
