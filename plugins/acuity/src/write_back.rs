//! Telling Acuity what a customer answered: a label on what was confirmed, and a cancellation of what was declined, each where the
//! owner's settings say so. Notes are left alone: the API writes over them.
//!
//! Source: Acuity's API reference, `PUT /appointments/:id` and `PUT /appointments/:id/cancel`.

use attune_vendor::calendar::{DECLINED, Judged, cancels, judge, segment};
use attune_vendor::channel::json_body;
use attune_vendor::text;
use serde_json::{Value, json};

use super::Acuity;
use super::bindings::attune::host::log;
use super::bindings::exports::attune::connector::writing_back::{Answered, Delivery, Guest, HttpRequest, HttpResponse};

impl Guest for Acuity {
    fn encode(answer: Answered) -> Result<Option<HttpRequest>, String> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let settings: Value = serde_json::from_str(&answer.settings).unwrap_or_default();
        let (appointment, label) = (answer.appointment, text(&settings, "/confirmed_label"));
        let (what, body) = match label.and_then(|label| label.parse::<u64>().ok()) {
            _ if cancels(&settings, &appointment.answer) => ("/cancel", json!({ "cancelNote": DECLINED })),
            Some(label) if appointment.answer == "confirmed" => ("", json!({ "labels": [{ "id": label }] })),
            _ => return Ok(None),
        };
        Ok(Some(HttpRequest {
            method: "PUT".to_owned(),
            // As the client, Acuity's own rules against late cancellation would hold.
            url: format!(
                "https://acuityscheduling.com/api/v1/appointments/{}{what}?admin=true",
                segment(&appointment.id)?
            ),
            headers: vec![
                ("authorization".to_owned(), "Basic {{basic user-id signing}}".to_owned()),
                ("content-type".to_owned(), "application/json".to_owned()),
            ],
            body: json_body(&body),
        }))
    }

    fn decode(answer: Answered, response: HttpResponse) -> Delivery {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let HttpResponse { status, headers, body } = response;
        match judge(
            (status, &headers, &body),
            &["/message"],
            &["already canceled", "already cancelled", "already been canceled"],
            answer.now,
        ) {
            Judged::Taken => Delivery::Accepted(None),
            Judged::Later(words, after_ms) => Delivery::Retry((words, after_ms)),
            Judged::Never(words) => Delivery::Failed(words),
        }
    }
}
