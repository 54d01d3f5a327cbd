//! Telling Cal.com what a customer answered. It holds no confirmation by a guest (its `confirm` is the host's own yes to a request),
//! and a guest who wants another time is sent a link by its people. What remains is to cancel what was declined.
//!
//! Source: Cal.com's API reference, "Cancel a booking" of v2. As the host it cancels all seats, so a booking with seats or guests is left
//! to people.

use attune_vendor::calendar::{DECLINED, Judged, cancels, judge, segment};
use attune_vendor::channel::json_body;
use serde_json::{Value, json};

use super::CalCom;
use super::bindings::attune::host::log;
use super::bindings::exports::attune::connector::writing_back::{Answered, Delivery, Guest, HttpRequest, HttpResponse};

impl Guest for CalCom {
    fn encode(answer: Answered) -> Result<Option<HttpRequest>, String> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let settings: Value = serde_json::from_str(&answer.settings).unwrap_or_default();
        let appointment = answer.appointment;
        let shared = appointment.extra.iter().any(|(name, _)| name == "seats" || name == "guests");
        if shared || !cancels(&settings, &appointment.answer) {
            return Ok(None);
        }
        Ok(Some(HttpRequest {
            method: "POST".to_owned(),
            url: format!("https://api.cal.com/v2/bookings/{}/cancel", segment(&appointment.id)?),
            headers: vec![
                ("authorization".to_owned(), "Bearer {{secret api-key}}".to_owned()),
                ("cal-api-version".to_owned(), "2024-08-13".to_owned()),
                ("content-type".to_owned(), "application/json".to_owned()),
            ],
            body: json_body(&json!({ "cancellationReason": DECLINED })),
        }))
    }

    fn decode(answer: Answered, response: HttpResponse) -> Delivery {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let HttpResponse { status, headers, body } = response;
        match judge(
            (status, &headers, &body),
            &["/error/message", "/message"],
            &["already cancelled", "cancelled already", "already been cancelled"],
            answer.now,
        ) {
            Judged::Taken => Delivery::Accepted(None),
            Judged::Later(words, after_ms) => Delivery::Retry((words, after_ms)),
            Judged::Never(words) => Delivery::Failed(words),
        }
    }
}
