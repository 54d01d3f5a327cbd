//! What Calendly sends, as Attune's events. An appointment is known by its invitee: several may have booked one event.
//!
//! Source: Calendly's "Webhook payload" reference, and that of the first version, in which invitee and event are beside each other.

mod bindings;
mod write_back;

use attune_vendor::{Object, addresses, details, first, joined, millis, object, text};
use bindings::attune::host::log;
use bindings::exports::attune::connector::receiving::{Guest, Incoming, Rejection, Request};
use serde_json::Value;

struct Calendly;

impl Guest for Calendly {
    fn receive(request: Request) -> Result<Vec<Incoming>, Rejection> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let body = object(&request.body).map_err(Rejection::Malformed)?;
        let topic = text(&body, "/event")
            .ok_or_else(|| Rejection::Malformed("there is no `event` that says what happened".to_owned()))?;
        let Some(payload) = body.pointer("/payload").filter(|payload| payload.is_object()) else {
            return Err(Rejection::Ignored(format!("{topic} without a payload is about nobody")));
        };
        let told = Told::new(payload);
        let time = first(&body, &["/created_at", "/time"]);
        // An invitee is made once and called off once, whoever subscribed to it; anything else may happen again.
        let again = match topic.as_str() {
            "invitee.created" | "invitee.canceled" => None,
            _ => first(payload, &["/no_show/uri"]).or_else(|| time.clone()),
        };
        let id = [Some(topic.clone()), told.id(), again].into_iter().flatten().collect::<Vec<_>>().join(":");
        let (kind, data) = read(&topic, &told, time.as_deref())?;
        Ok(vec![Incoming { kind, id, time, data: data.value().to_string() }])
    }
}

/// A payload of either version.
struct Told<'a> {
    payload: &'a Value,
    invitee: &'a Value,
    event: &'a Value,
}

impl<'a> Told<'a> {
    fn new(payload: &'a Value) -> Self {
        let part = |place: &str| payload.pointer(place).filter(|part| part.is_object());
        Self {
            payload,
            invitee: part("/invitee").unwrap_or(payload),
            event: part("/scheduled_event").or_else(|| part("/event")).unwrap_or(&Value::Null),
        }
    }

    fn id(&self) -> Option<String> {
        first(self.invitee, &["/uri", "/uuid"])
    }
}

/// The event's type and data. A topic that is not known, and one that says too little, is kept as it is.
fn read(topic: &str, told: &Told<'_>, time: Option<&str>) -> Result<(String, Object), Rejection> {
    let payload = told.payload;
    let before = first(payload, &["/old_invitee", "/old_invitee/uri", "/old_invitee/uuid"]);
    let after = first(payload, &["/new_invitee", "/new_invitee/uri", "/new_invitee/uuid"]);
    let is_moved = payload.pointer("/rescheduled").and_then(Value::as_bool) == Some(true) || after.is_some();
    let is_timed = text(told.event, "/start_time").is_some();
    let change = match topic {
        "invitee.created" if is_timed && before.is_some() => Some("moved"),
        "invitee.created" if is_timed => Some("booked"),
        "invitee.canceled" if is_moved => {
            let words = "the old half of a move; the invitee.created with old_invitee tells of it";
            return Err(Rejection::Ignored(words.to_owned()));
        }
        "invitee.canceled" => Some("cancelled"),
        "invitee_no_show.created" => Some("missed"),
        // A mark that was taken back says that they were there.
        "invitee_no_show.deleted" => Some("completed"),
        _ => None,
    };
    Ok(match change.zip(told.id()) {
        Some((change, id)) => {
            let appointment = appointment(told, id, before.filter(|_| change == "moved"), time);
            let data = Object::new().with("customer", Some(person(told))).with("appointment", Some(appointment));
            (format!("attune.appointment.{change}.v1"), data)
        }
        None => {
            let data = Object::new().with_object("customer", person(told)).with("calendly", Some(payload.clone()));
            (format!("calendly.{topic}"), data)
        }
    })
}

fn appointment(told: &Told<'_>, id: String, before: Option<String>, time: Option<&str>) -> Object {
    let updated = [text(told.invitee, "/updated_at"), time.map(str::to_owned)];
    let place = first(told.event, &["/location/location", "/location", "/location/join_url"]);
    Object::new()
        .with("id", Some(id))
        .with("version", updated.iter().flatten().filter_map(|time| millis(time)).max())
        .with("replaces", before)
        .with("service", text(told.event, "/name").or_else(|| text(told.payload, "/event_type/name")))
        .with("starts", text(told.event, "/start_time"))
        .with("ends", text(told.event, "/end_time"))
        .with("zone", text(told.invitee, "/timezone"))
        .with(
            "staff",
            first(told.event, &["/event_memberships/0/user_name", "/extended_assigned_to/0/name", "/assigned_to/0"]),
        )
        .with("place", place.filter(|_| called(told).is_none()))
        .with_object("extra", extra(told))
}

fn extra(told: &Told<'_>) -> Object {
    let of_invitee = [
        ("status", "/status"),
        ("cancelled_by", "/cancellation/canceler_type"),
        ("cancel_url", "/cancel_url"),
        ("reschedule_url", "/reschedule_url"),
        ("price", "/payment/amount"),
        ("currency", "/payment/currency"),
    ];
    let of_event = ["/uri", "/uuid"];
    details(told.invitee, &of_invitee)
        .with("reason", first(told.invitee, &["/cancellation/reason", "/cancel_reason"]))
        .with("cancelled_by_name", first(told.invitee, &["/cancellation/canceled_by", "/canceler_name"]))
        .with("event", text(told.payload, "/event").or_else(|| first(told.event, &of_event)))
        .with("invitees_limit", text(told.event, "/invitees_counter/limit"))
        .with("meeting_url", text(told.event, "/location/join_url"))
        .with("host_email", first(told.event, &["/event_memberships/0/user_email", "/extended_assigned_to/0/email"]))
}

/// The number at which the host calls the invitee, where that was agreed.
fn called(told: &Told<'_>) -> Option<String> {
    let calls = text(told.event, "/location/type").as_deref() == Some("outbound_call");
    text(told.event, "/location/location").filter(|_| calls)
}

fn person(told: &Told<'_>) -> Object {
    let phone = text(told.invitee, "/text_reminder_number").or_else(|| called(told));
    let name = || joined([text(told.invitee, "/first_name"), text(told.invitee, "/last_name")]);
    Object::new()
        .with_list("addresses", addresses(text(told.invitee, "/email"), phone))
        .with("name", text(told.invitee, "/name").or_else(name))
        .with("zone", text(told.invitee, "/timezone"))
}
