//! `attune:host/appointment-answers`.

use crate::bindings::attune::host::appointment_answers;
use crate::bindings::attune::types::types::Failure;
use crate::failed;

pub fn confirm(appointment: &str) -> Result<String, Failure> {
    appointment_answers::answer(appointment, "confirmed").map_err(failed)?;
    Ok("See you then.".into())
}
