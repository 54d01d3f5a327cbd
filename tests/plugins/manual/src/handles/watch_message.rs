//! `attune:automation/watch-message`.

use crate::bindings::attune::types::types::{Failure, Message};
use crate::bindings::exports::attune::automation::watch_message;
use crate::may::{handoff, sentiment};
use crate::{Plugin, tell_of_panics};

impl watch_message::Guest for Plugin {
    fn handle(message: Message) -> Result<(), Failure> {
        tell_of_panics();
        if sentiment::is_upset(&message.text) {
            handoff::call_a_person(&message.text)?;
        }
        Ok(())
    }
}
