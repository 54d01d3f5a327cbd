//! Telling Calendly what a customer answered. It holds no confirmation and no wish for another time: an invitee moves by a link of their
//! own. What remains is to cancel what was declined.
//!
//! Source: Calendly's API reference, "Cancel Event". It cancels the event for everybody, so one that others may book is left to people.

use attune_vendor::calendar::{DECLINED, Judged, cancels, judge, segment};
use attune_vendor::channel::json_body;
use serde_json::{Value, json};

use super::Calendly;
use super::bindings::attune::host::log;
use super::bindings::exports::attune::connector::writing_back::{Answered, Delivery, Guest, HttpRequest, HttpResponse};

impl Guest for Calendly {
    fn encode(answer: Answered) -> Result<Option<HttpRequest>, String> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let settings: Value = serde_json::from_str(&answer.settings).unwrap_or_default();
        let appointment = answer.appointment;
        let told = |wanted: &str| {
            appointment
                .extra
                .iter()
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.as_str())
                .unwrap_or_default()
        };
        if told("invitees_limit") != "1" || !cancels(&settings, &appointment.answer) {
            return Ok(None);
        }
        let event = told("event").strip_prefix("https://api.calendly.com/scheduled_events/").unwrap_or_default();
        Ok(Some(HttpRequest {
            method: "POST".to_owned(),
            url: format!("https://api.calendly.com/scheduled_events/{}/cancellation", segment(event)?),
            headers: vec![
                ("authorization".to_owned(), "Bearer {{secret access-token}}".to_owned()),
                ("content-type".to_owned(), "application/json".to_owned()),
            ],
            body: json_body(&json!({ "reason": DECLINED })),
        }))
    }

    fn decode(answer: Answered, response: HttpResponse) -> Delivery {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let HttpResponse { status, headers, body } = response;
        match judge(
            (status, &headers, &body),
            &["/message", "/title"],
            &["already canceled", "already cancelled"],
            answer.now,
        ) {
            Judged::Taken => Delivery::Accepted(None),
            Judged::Later(words, after_ms) => Delivery::Retry((words, after_ms)),
            Judged::Never(words) => Delivery::Failed(words),
        }
    }
}
