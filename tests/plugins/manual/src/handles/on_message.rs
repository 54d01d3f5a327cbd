//! `attune:automation/on-message`.

use crate::bindings::attune::types::types::{Failure, Message};
use crate::bindings::exports::attune::automation::on_message::{self, Verdict};
use crate::may::appointment_answers::confirm;
use crate::may::appointments::next_unconfirmed;
use crate::may::business::when_open;
use crate::may::conversation::unanswered;
use crate::may::customer::greeting;
use crate::may::customer_notes::note_allergy;
use crate::may::knowledge::owners_answer;
use crate::may::log::note;
use crate::may::message::reply;
use crate::may::order_claims::claim;
use crate::may::orders::status;
use crate::may::settings::days_ahead;
use crate::may::state::count_cakes;
use crate::may::tally::one_more_cake;
use crate::may::understanding::asks_for;
use crate::{Plugin, tell_of_panics};

impl on_message::Guest for Plugin {
    fn handle(asked: Message) -> Result<Verdict, Failure> {
        tell_of_panics();
        match answer(&asked.text)? {
            Some(text) => reply(text).map(|()| Verdict::Answered),
            None => Ok(Verdict::Passed),
        }
    }
}

/// What to answer; none leaves the message to the next plugin.
fn answer(text: &str) -> Result<Option<String>, Failure> {
    if text == "Do you know me?" {
        return Ok(greeting());
    }
    if let Some(allergy) = text.strip_prefix("I cannot eat ") {
        return note_allergy(allergy).map(Some);
    }
    if text == "Anybody there?" {
        return Ok(Some(format!("Here we are. Not answered yet: {}.", unanswered())));
    }
    if let Some((number, postcode)) = text.strip_prefix("My order is ").and_then(|rest| rest.split_once(", ")) {
        return claim(number, postcode).map(Some);
    }
    if text.contains("cake") {
        one_more_cake()?;
        let (count, days) = (count_cakes()?, days_ahead());
        return Ok(Some(format!("Cake number {count}: please order {days} days ahead.")));
    }
    if asks_for("order-status", text) {
        return Ok(status(text));
    }
    if asks_for("confirm-appointment", text) {
        return next_unconfirmed().map(|id| confirm(&id)).transpose();
    }
    if asks_for("opening-hours", text) {
        return Ok(Some(when_open()));
    }
    note("nobody taught me this; the owner may have");
    Ok(owners_answer(text))
}
