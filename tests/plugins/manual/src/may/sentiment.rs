//! `attune:host/sentiment`.

use crate::bindings::attune::host::sentiment;

pub fn is_upset(text: &str) -> bool {
    let falls = sentiment::trend(5).is_some_and(|(_, slope)| slope < -0.2);
    falls || sentiment::analyze(text).frustration > 0.6
}
