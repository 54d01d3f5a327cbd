//! `attune:automation/on-appointment`.

use crate::bindings::attune::types::types::{Appointment, Failure};
use crate::bindings::exports::attune::automation::on_appointment;
use crate::may::log::note;
use crate::{Plugin, tell_of_panics};

impl on_appointment::Guest for Plugin {
    fn handle(change: String, appointment: Appointment) -> Result<(), Failure> {
        tell_of_panics();
        match change.as_str() {
            "booked" | "moved" => note(&format!("{} at {}", appointment.service, appointment.starts)),
            // New changes may come: leave alone what you do not know.
            _ => {}
        }
        Ok(())
    }
}
