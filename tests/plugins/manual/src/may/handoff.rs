//! `attune:host/handoff`.

use crate::bindings::attune::host::handoff::{self, Stage};
use crate::bindings::attune::types::types::Failure;
use crate::failed;

/// Calls a person, unless one is there already.
pub fn call_a_person(summary: &str) -> Result<(), Failure> {
    match handoff::current() {
        Stage::Taken(_) => Ok(()),
        Stage::None | Stage::Waiting => handoff::open("is upset", "high", summary).map_err(failed),
    }
}
