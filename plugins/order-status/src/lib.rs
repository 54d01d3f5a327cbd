//! Tells customers where their order is: when they ask, and by itself when it is shipped, delayed or delivered.
//!
//! It changes no order, and speaks only of this customer's own. Whoever asks about another one is asked to prove that it
//! is theirs; the host checks the proof.

mod bindings;
mod claim;

use attune_guest::text;
use bindings::attune::host::message::{self, Content, Draft, Value};
use bindings::attune::host::{business, clock, log, orders, settings, understanding};
use bindings::attune::types::types::{Failure, Message, Moment, Order, Refusal};
use bindings::exports::attune::automation::{on_message, on_message::Verdict, on_order};
use claim::{Asked, cannot_tell, is_number};

const DAY_MS: u64 = 24 * 3_600_000;

struct Plugin;

impl on_message::Guest for Plugin {
    fn handle(message: Message) -> Result<Verdict, Failure> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let (codes, email) = (text::codes(&message.text), text::email(&message.text));
        let wanted = wanted(&message.text);
        let asked = Asked::load(&message);
        let number = codes.iter().copied().find(|code| is_number(code));
        if wanted == "order-status"
            && let Some(order) = number.and_then(orders::get)
        {
            return answer(&order);
        }
        // Two or three words with a digit are an answer too: "SW1A 1AA", "it is 12".
        let tells = number.is_some() || email.is_some() || (!codes.is_empty() && message.text.len() < 20);
        match (asked, wanted.as_str()) {
            (Some(asked), "none" | "order-status") if tells => asked.go_on(&message, &codes, email),
            (Some(asked), "none") if cannot_tell(&message.text) => {
                asked.hand_over(&message, "they do not have the number")
            }
            (asked, "order-status") => match newest(number) {
                Some(order) => answer(&order),
                None => asked.unwrap_or_default().go_on(&message, number.as_slice(), email),
            },
            _ => Ok(Verdict::Passed),
        }
    }
}

impl on_order::Guest for Plugin {
    fn handle(change: String, order: Order) -> Result<(), Failure> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        // The one setting is a list of words from the schema, so there is nothing to parse.
        let wanted = settings::get().contains(&["\"", &change, "\""].concat());
        // Late news: a parcel that has arrived is no longer delayed.
        if !wanted || (is_closed(&order) && order.status != change) {
            return Ok(());
        }
        // A second parcel or another date is news; the same event once more is not.
        let (expected, happened) =
            (order.shipments.iter().filter_map(|shipment| shipment.expected).max(), clock::happened());
        let news = match change.as_str() {
            "shipped" => order.shipments.len() as u64,
            "delayed" => expected.unwrap_or(0),
            _ => 0,
        };
        let draft = Draft {
            purpose: "service".into(),
            content: words("news-", &change, &order, expected.filter(|day| change != "delivered" && *day > happened)),
            channel: None,
            about: Some(order.id.clone()),
            // What happened long ago, in orders that a shop imports, is no news.
            expires: Some(happened + 3 * DAY_MS),
            once: Some([&change, "/", &order.id, "/", &news.to_string()].concat()),
        };
        message::send(&draft).map_err(failure).map(drop)
    }
}

/// The first thing the text asks for. A greeting or a complaint may go along with it.
fn wanted(text: &str) -> String {
    let aside = ["complaint", "greeting", "thanks", "goodbye"];
    let mut found = understanding::intents(text).into_iter();
    let first = found.find(|intent| intent.confidence >= 0.5 && !aside.contains(&intent.name.as_str()));
    first.map_or("none".into(), |intent| intent.name)
}

/// The newest order that is still to come, else the newest. None if `number` must be that of another order.
fn newest(number: Option<&str>) -> Option<Order> {
    let must_be = |number: &str| number.starts_with('#') || text::digits(number) > 3 && !number.starts_with("20");
    if number.is_some_and(must_be) {
        return None;
    }
    let mut all = orders::recent(10);
    let newest_open = all.iter().position(|order| !is_closed(order)).unwrap_or(0);
    (newest_open < all.len()).then(|| all.swap_remove(newest_open))
}

fn is_closed(order: &Order) -> bool {
    matches!(order.status.as_str(), "delivered" | "cancelled" | "refunded")
}

fn answer(order: &Order) -> Result<Verdict, Failure> {
    let under_way = || order.shipments.iter().filter(|shipment| shipment.delivered.is_none());
    let (status, day) = match order.status.as_str() {
        closed @ ("cancelled" | "refunded") => (closed, None),
        "delivered" => ("delivered", order.shipments.iter().filter_map(|shipment| shipment.delivered).max()),
        open => match under_way().filter_map(|shipment| shipment.expected).min() {
            Some(expected) if expected < clock::now() => ("late", Some(expected)),
            expected if matches!(open, "shipped" | "delayed") => (open, expected),
            _ => ("preparing", None),
        },
    };
    reply(words("", status, order, day))
}

/// The template for a status, with its values; the one that ends in `-on` names a day. `parcel` and `link` bring their
/// own space, so that a sentence reads well without them.
fn words(prefix: &str, status: &str, order: &Order, day: Option<u64>) -> Content {
    let (mut parcel, mut link) = (String::new(), String::new());
    for shipment in order.shipments.iter().filter(|shipment| shipment.delivered.is_none()) {
        let names: Vec<&str> =
            [&shipment.carrier, &shipment.tracking].into_iter().flatten().map(String::as_str).collect();
        if !names.is_empty() {
            parcel += &[" (", &names.join(" "), ")"].concat();
        }
        if let Some(url) = &shipment.url {
            link += &["\n", url].concat();
        }
    }
    let mut values = vec![("number".into(), Value::Text(order.number.clone()))];
    values.push(("parcel".into(), Value::Text(parcel)));
    values.push(("link".into(), Value::Text(link)));
    if let Some(at) = day {
        values.push(("day".into(), Value::Moment(Moment { at, zone: business::current().zone })));
    }
    Content::Template(([prefix, status, if day.is_some() { "-on" } else { "" }].concat(), values))
}

fn reply(content: Content) -> Result<Verdict, Failure> {
    let draft = Draft { purpose: "reply".into(), content, channel: None, about: None, expires: None, once: None };
    message::send(&draft).map_err(failure)?;
    Ok(Verdict::Answered)
}

fn failure(refusal: Refusal) -> Failure {
    Failure::Reject([refusal.code, refusal.text].join(": "))
}
