//! `attune:host/message`.

use crate::bindings::attune::host::message::{self, Content, Draft, Value, Verdict};
use crate::bindings::attune::host::{clock, log};
use crate::bindings::attune::types::types::{Failure, Moment, Order};
use crate::{HOUR_MS, failed};

/// Answers the message that is being handled. Only here may the text be free.
pub fn reply(text: String) -> Result<(), Failure> {
    let content = Content::Text(text);
    let draft = Draft { purpose: "reply".into(), content, channel: None, about: None, expires: None, once: None };
    message::send(&draft).map_err(failed).map(drop)
}

/// Says once that an order is ready. In six hours nobody needs to know any more.
pub fn say_ready(order: &Order) -> Result<(), Failure> {
    let until = clock::now() + 6 * HOUR_MS;
    let values = vec![
        ("number".into(), Value::Text(order.number.clone())),
        // Without a zone it is shown in the customer's.
        ("until".into(), Value::Moment(Moment { at: until, zone: String::new() })),
    ];
    let draft = Draft {
        purpose: "service".into(),
        content: Content::Template(("ready".into(), values)),
        channel: None,
        about: Some(order.id.clone()),
        expires: Some(until),
        once: Some(format!("ready/{}", order.id)),
    };
    let receipt = message::send(&draft).map_err(failed)?;
    if let Verdict::Withheld((code, _)) = receipt.verdict {
        log::write(log::Level::Info, &format!("{} was not told: {code}", order.number));
    }
    Ok(())
}

pub fn ask_how_it_was() -> Result<(), Failure> {
    let content = Content::Template(("how_was_it".into(), Vec::new()));
    let draft = Draft { purpose: "survey".into(), content, channel: None, about: None, expires: None, once: None };
    message::send(&draft).map_err(failed).map(drop)
}
