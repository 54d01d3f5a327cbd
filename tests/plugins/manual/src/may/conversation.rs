//! `attune:host/conversation`.

use crate::bindings::attune::host::conversation;

/// How many messages the customer has written since anybody answered.
pub fn unanswered() -> usize {
    conversation::recent(50).iter().rev().take_while(|message| message.author == "customer").count()
}
