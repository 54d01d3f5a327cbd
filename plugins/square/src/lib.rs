//! What Square sends, as Attune's events. It sends ids and no names: those stand in the settings, and whose an id is, is told when
//! a customer is made or changed.
//!
//! Source: Square's Bookings, Customers and Webhooks references.

mod bindings;
mod write_back;

use attune_vendor::{Object, addresses, details, first, joined, list, millis, object, rfc3339, text};
use bindings::attune::host::log;
use bindings::exports::attune::connector::receiving::{Guest, Incoming, Rejection, Request};
use serde_json::Value;

struct Square;

impl Guest for Square {
    fn receive(request: Request) -> Result<Vec<Incoming>, Rejection> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let body = object(&request.body).map_err(Rejection::Malformed)?;
        let told = |name: &str| {
            text(&body, &format!("/{name}"))
                .ok_or_else(|| Rejection::Malformed(format!("an event of Square has `{name}`")))
        };
        let (id, topic) = (told("event_id")?, told("type")?);
        // The object stands under its kind: `booking`, `customer`, `payment`.
        let about = body.pointer("/data/object").and_then(Value::as_object).and_then(|kinds| kinds.values().next());
        let about = about.unwrap_or(&Value::Null);
        // The schema was checked when they were set.
        let settings: Value = serde_json::from_str(&request.settings).unwrap_or_default();
        let (kind, data) = read(&topic, about, &body, &settings);
        Ok(vec![Incoming { kind, id, time: text(&body, "/created_at"), data: data.value().to_string() }])
    }
}

/// The event's type and data. A topic that is not known, and one that says too little, is kept as it is.
fn read(topic: &str, about: &Value, body: &Value, settings: &Value) -> (String, Object) {
    let status = text(about, "/status").unwrap_or_default();
    let id = text(about, "/id");
    let change = match (topic, status.as_str()) {
        // What is called off has no event of its own.
        ("booking.created" | "booking.updated", "CANCELLED_BY_CUSTOMER" | "CANCELLED_BY_SELLER" | "DECLINED") => {
            Some("cancelled")
        }
        ("booking.created" | "booking.updated", "NO_SHOW") => Some("missed"),
        ("booking.created", "ACCEPTED") => Some("booked"),
        // Square does not say what was changed.
        ("booking.updated", "ACCEPTED") => Some("moved"),
        _ => None,
    };
    let is_complete = !matches!(change, Some("booked" | "moved")) || text(about, "/start_at").is_some();
    match change.filter(|_| is_complete && id.is_some()) {
        Some(change) => {
            let appointment = appointment(about, settings);
            let data = Object::new().with("customer", Some(person(about))).with("appointment", Some(appointment));
            (format!("attune.appointment.{change}.v1"), data)
        }
        None if matches!(topic, "customer.created" | "customer.updated") && id.is_some() => {
            ("attune.customer.updated.v1".to_owned(), Object::new().with("customer", Some(themselves(about))))
        }
        None => {
            let whole = body.pointer("/data").cloned();
            let data = Object::new().with_object("customer", person(about)).with("square", whole);
            (format!("square.{topic}"), data)
        }
    }
}

fn appointment(booking: &Value, settings: &Value) -> Object {
    let named = |id: &Option<String>| {
        let id = id.as_deref()?;
        settings.get("names")?.get(id)?.as_str().map(str::to_owned)
    };
    let segments = list(booking, "/appointment_segments");
    let (staff, location) = (text(booking, "/appointment_segments/0/team_member_id"), text(booking, "/location_id"));
    let services: Vec<String> = segments.iter().filter_map(|part| text(part, "/service_variation_id")).collect();
    let service: Vec<String> = services.iter().filter_map(|id| named(&Some(id.clone()))).collect();
    let status = text(booking, "/status").unwrap_or_default();
    let by = match status.as_str() {
        "CANCELLED_BY_CUSTOMER" => Some("customer"),
        "CANCELLED_BY_SELLER" | "DECLINED" => Some("seller"),
        _ => None,
    };
    let told = [
        ("status", "/status"),
        ("customer_note", "/customer_note"),
        ("seller_note", "/seller_note"),
        ("location_id", "/location_id"),
        ("source", "/source"),
    ];
    Object::new()
        .with("id", text(booking, "/id"))
        // Its own count of changes is finer than its times, which are whole seconds.
        .with("version", booking.pointer("/version").and_then(Value::as_u64))
        .with("service", (!service.is_empty()).then(|| service.join(", ")))
        .with("starts", text(booking, "/start_at"))
        .with("ends", ends(booking, segments))
        .with("staff", named(&staff))
        .with("place", named(&location))
        .with_object(
            "extra",
            details(booking, &told)
                .with("cancelled_by", by)
                .with("team_member_id", staff.clone())
                .with("service_ids", (!services.is_empty()).then(|| services.join(", "))),
        )
}

/// Nothing says when it ends but how long each part takes.
fn ends(booking: &Value, segments: &[Value]) -> Option<String> {
    let minutes =
        |part: &Value| ["duration_minutes", "intermission_minutes"].map(|name| part.get(name).and_then(Value::as_u64));
    let total: u64 = segments.iter().flat_map(minutes).flatten().map(|minutes| minutes.min(10_000)).sum();
    let starts = millis(&text(booking, "/start_at")?)?;
    rfc3339(starts + total * 60_000).filter(|_| total > 0)
}

/// Whom a booking, a payment or an invoice names.
fn person(about: &Value) -> Object {
    let recipient = "/primary_recipient";
    let part = |name: &str| text(about, &format!("{recipient}/{name}"));
    let email = part("email_address").or_else(|| text(about, "/buyer_email_address"));
    Object::new()
        .with_list("addresses", addresses(email, part("phone_number")))
        .with("external_id", text(about, "/customer_id").or_else(|| part("customer_id")))
        .with("name", joined([part("given_name"), part("family_name")]))
}

fn themselves(customer: &Value) -> Object {
    let name = joined([text(customer, "/given_name"), text(customer, "/family_name")]);
    Object::new()
        .with_list("addresses", addresses(text(customer, "/email_address"), text(customer, "/phone_number")))
        .with("external_id", text(customer, "/id"))
        .with("name", name.or_else(|| first(customer, &["/nickname", "/company_name"])))
        .with("country", text(customer, "/address/country"))
        .with("postcode", text(customer, "/address/postal_code"))
}
