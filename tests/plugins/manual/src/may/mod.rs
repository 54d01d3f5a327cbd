//! What this plugin asks of Attune: a file for each import.

pub mod appointment_answers;
pub mod appointments;
pub mod business;
pub mod clock;
pub mod conversation;
pub mod customer;
pub mod customer_notes;
pub mod handoff;
pub mod knowledge;
pub mod log;
pub mod message;
pub mod order_claims;
pub mod orders;
pub mod schedule;
pub mod sentiment;
pub mod settings;
pub mod staff;
pub mod staff_examples;
pub mod state;
pub mod tally;
pub mod trends;
pub mod understanding;
