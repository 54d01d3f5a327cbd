//! Plain data and pure rules: customers, messages, appointments, orders, cases, hours, the gate.
//!
//! Never reads a clock, draws a random number, or does input or output; everything a rule needs is an argument.

pub mod address;
pub mod appointment;
pub mod audit;
pub mod business;
pub mod case;
pub mod chat;
pub mod consent;
pub mod customer;
pub mod door;
pub mod entry;
pub mod errand;
pub mod event;
pub mod gate;
pub mod hours;
pub mod ids;
pub mod knowledge;
pub mod locale;
pub mod machine;
pub mod merge;
pub mod message;
pub mod nearest;
pub mod order;
pub mod phone;
pub mod plugin;
pub mod promises;
pub mod quiet;
pub mod recent;
pub mod retention;
pub mod sentences;
pub mod situation;
pub mod template;
pub mod time;
pub mod tone;
pub mod trust;
pub mod webhook;
pub mod words;
