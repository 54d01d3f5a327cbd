//! `attune:automation/watch-message`.

use crate::bindings::attune::types::types::{Failure, Message};
use crate::bindings::exports::attune::automation::watch_message;
use crate::may::handoff::call_a_person;
use crate::may::sentiment::is_upset;
use crate::{Plugin, tell_of_panics};

impl watch_message::Guest for Plugin {
    fn handle(message: Message) -> Result<(), Failure> {
        tell_of_panics();
        if is_upset(&message.text) {
            call_a_person(&message.text)?;
        }
        Ok(())
    }
}
