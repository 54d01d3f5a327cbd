//! `attune:host/staff-examples`.

use crate::bindings::attune::host::staff_examples;

/// Staff see up to five of the messages. The plugin does not.
pub fn tell_of_topic(topic: &str) {
    let title = format!("Unusually many people are unhappy: {topic}");
    staff_examples::notify_about("high", &title, "Within the last hour.", topic, 1);
}
