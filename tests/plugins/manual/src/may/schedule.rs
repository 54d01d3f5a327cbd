//! `attune:host/schedule`.

use crate::bindings::attune::host::{clock, schedule};
use crate::bindings::attune::types::types::{Failure, Order};
use crate::{HOUR_MS, failed};

/// Wakes `on-timer` tomorrow; the note is what it is woken with. The same key again moves the timer.
pub fn ask_tomorrow(order: &Order) -> Result<(), Failure> {
    schedule::set("how-was-it", clock::now() + 24 * HOUR_MS, &order.id).map_err(failed)
}

pub fn ask_nothing() {
    schedule::cancel("how-was-it");
}
