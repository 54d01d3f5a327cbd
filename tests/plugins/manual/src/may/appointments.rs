//! `attune:host/appointments`.

use crate::bindings::attune::host::appointments;

/// The id of the next appointment that nobody has confirmed yet.
pub fn next_unconfirmed() -> Option<String> {
    appointments::upcoming().into_iter().find(|one| one.answer == "none").map(|one| one.id)
}
