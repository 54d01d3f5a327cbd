//! Takes claimed messages to their channels and brings back what became of them.
//!
//! A message comes here after the commit that claimed it, as a [`Parcel`](crate::engine::Parcel). Every channel has a bounded
//! queue and workers of its own, so that a dead channel never delays another. What a channel says goes back to the engine as
//! an [`Outcome`](crate::domain::entry::Outcome), which becomes a journal entry.
//!
//! `chat` never comes here: writing a message down is what delivers it. `email` goes out by SMTP, and
//! what a channel plugin serves by its provider's own requests.
//!
//! Never writes to the store, decides whether a message may go out, or repeats an attempt by itself: an attempt whose end is not
//! known is told as such, and waits for a person. Never makes the engine wait. Never logs an address, a text or a password.

mod courier;
pub mod egress;
mod letter;
mod line;
mod placeholders;
mod provider;
mod recording;
mod smtp;

pub use courier::{Post, Settings};
pub use recording::Recording;
pub use smtp::{BadSmtp, Smtp, Tls};

#[cfg(test)]
mod tests;
