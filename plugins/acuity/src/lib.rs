//! What Acuity Scheduling sends, as Attune's events. It sends ids and nothing else, neither a customer nor a time: an appointment
//! that is called off can be understood, everything else is kept for whoever looks it up.
//!
//! Source: Acuity's "Webhooks" guide.

mod bindings;
mod write_back;

use attune_vendor::form::Form;
use attune_vendor::{Object, header};
use bindings::attune::host::log;
use bindings::exports::attune::connector::receiving::{Guest, Incoming, Rejection, Request};
use serde_json::Value;

struct Acuity;

impl Guest for Acuity {
    fn receive(request: Request) -> Result<Vec<Incoming>, Rejection> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let content_type = header(&request.headers, "content-type").unwrap_or("application/x-www-form-urlencoded");
        let form = Form::read(content_type, &request.body).map_err(Rejection::Malformed)?;
        let told = |name: &str| form.text(name);
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
            _ => format!("{action}:{about}:{}", request.received / 60_000),
        };
        Ok(vec![Incoming { kind, id, time: None, data: Value::from(data).to_string() }])
    }
}
