//! `attune:host/trends`.

use crate::bindings::attune::host::trends;

/// A topic of which far more people are unhappy than usual. The topic `all` is every message.
pub fn unusual_topic() -> Option<String> {
    let unusual = |topic: &trends::Topic| topic.unhappy >= 3 && topic.unhappy as f32 > 2.0 * topic.usual_unhappy;
    trends::topics(1).into_iter().find(unusual).map(|topic| topic.name)
}
