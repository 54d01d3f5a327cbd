//! `attune:automation/on-message`.

use crate::bindings::attune::types::types::{Failure, Message};
use crate::bindings::exports::attune::automation::on_message::{self, Verdict};
use crate::may::{
    appointment_answers, appointments, business, conversation, customer, customer_notes, knowledge, log, message,
    order_claims, orders, settings, state, tally, understanding,
};
use crate::{Plugin, tell_of_panics};

impl on_message::Guest for Plugin {
    fn handle(asked: Message) -> Result<Verdict, Failure> {
        tell_of_panics();
        match answer(&asked.text)? {
            Some(text) => message::reply(text).map(|()| Verdict::Answered),
            None => Ok(Verdict::Passed),
        }
    }
}

/// What to answer; none leaves the message to the next plugin.
fn answer(text: &str) -> Result<Option<String>, Failure> {
    if text == "Do you know me?" {
        return Ok(customer::greeting());
    }
    if let Some(allergy) = text.strip_prefix("I cannot eat ") {
        return customer_notes::note_allergy(allergy).map(Some);
    }
    if text == "Anybody there?" {
        return Ok(Some(format!("Here we are. Not answered yet: {}.", conversation::unanswered())));
    }
    if let Some((number, postcode)) = text.strip_prefix("My order is ").and_then(|rest| rest.split_once(", ")) {
        return order_claims::claim(number, postcode).map(Some);
    }
    if text.contains("cake") {
        tally::one_more_cake()?;
        let (count, days) = (state::count_cakes()?, settings::days_ahead());
        return Ok(Some(format!("Cake number {count}: please order {days} days ahead.")));
    }
    if understanding::asks_for("order-status", text) {
        return Ok(orders::status(text));
    }
    if understanding::asks_for("confirm-appointment", text) {
        return appointments::next_unconfirmed().map(|id| appointment_answers::confirm(&id)).transpose();
    }
    if understanding::asks_for("opening-hours", text) {
        return Ok(Some(business::when_open()));
    }
    log::note("nobody taught me this; the owner may have");
    Ok(knowledge::owners_answer(text))
}
