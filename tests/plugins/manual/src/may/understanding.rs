//! `attune:host/understanding`.

use crate::bindings::attune::host::understanding;

pub fn asks_for(intent: &str, text: &str) -> bool {
    understanding::intents(text).iter().any(|found| found.name == intent && found.confidence >= 0.5)
}
