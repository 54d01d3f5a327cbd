//! What Acuity Scheduling sends, as Attune's events. It sends ids and nothing else, neither a customer nor a time: an appointment
//! that is called off can be understood, everything else is kept for whoever looks it up.
//!
//! Source: Acuity's "Webhooks" guide.

mod bindings;

use attune_vendor::{Object, rfc3339};
use bindings::attune::host::log;
use bindings::exports::attune::connector::receiving::{Guest, Incoming, Rejection, Request};
use serde_json::Value;

struct Acuity;

impl Guest for Acuity {
    fn receive(request: Request) -> Result<Vec<Incoming>, Rejection> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let fields = fields(&request.body).ok_or_else(|| Rejection::Malformed("the body is no form".to_owned()))?;
        let told = |name: &str| {
            let value = fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim().to_owned());
            value.filter(|value| !value.is_empty())
        };
        let action = told("action").ok_or_else(|| Rejection::Malformed("the form has no `action`".to_owned()))?;
        // The API's own word for it is `appointment.canceled`.
        let action = action.strip_prefix("appointment.").unwrap_or(&action).to_owned();
        let about = told("id").ok_or_else(|| Rejection::Malformed("the form has no `id`".to_owned()))?;
        let ids = Object::new()
            .with("calendar_id", told("calendarID"))
            .with("appointment_type_id", told("appointmentTypeID"));
        let (kind, data) = match action.as_str() {
            "canceled" => {
                let extra = ids.with("status", Some("canceled"));
                let appointment = Object::new().with("id", Some(about.clone())).with_object("extra", extra);
                let data = Object::new().with("customer", Some(Object::new())).with("appointment", Some(appointment));
                ("attune.appointment.cancelled.v1".to_owned(), data)
            }
            _ => (format!("acuity.{action}"), Object::new().with("acuity", Some(ids.with("id", Some(about.clone()))))),
        };
        // Nothing tells one change of an appointment from the next but when it came; two in a minute say the same: look it up.
        let id = match action.as_str() {
            "scheduled" | "canceled" | "order.completed" => format!("{action}:{about}"),
            _ => format!("{action}:{about}:{}", rfc3339(request.received / 60_000 * 60_000)),
        };
        Ok(vec![Incoming { kind, id, time: None, data: Value::from(data).to_string() }])
    }
}

/// The fields of a form. None where it is not text.
fn fields(body: &[u8]) -> Option<Vec<(String, String)>> {
    let text = str::from_utf8(body).ok()?;
    text.split('&').map(|pair| pair.split_once('=').map(|(name, value)| (plain(name), plain(value)))).collect()
}

/// What a form writes as `+` and `%20`; what is no text stays as it was sent.
fn plain(text: &str) -> String {
    let spaced = text.replace('+', " ");
    let mut parts = spaced.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(part.get(2..).unwrap_or_default().as_bytes());
            }
            None => bytes.extend([b"%", part.as_bytes()].concat()),
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}
