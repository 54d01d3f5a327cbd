//! `attune:host/clock`.

use crate::HOUR_MS;
use crate::bindings::attune::host::clock;

/// Whether the event comes too late to be worth a word: its source was down, or Attune was.
pub fn is_stale() -> bool {
    clock::now() > clock::happened() + 12 * HOUR_MS
}
