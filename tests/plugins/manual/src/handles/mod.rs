//! What this plugin handles: a file for each export.

mod on_appointment;
mod on_event;
mod on_hour;
mod on_message;
mod on_order;
mod on_timer;
mod watch_message;
