//! Telling Square what a customer answered: a line in the seller's note of what was confirmed, and a cancellation of what was declined,
//! where the owner's settings say so. Both name the version that is known, so that nothing is written over what people changed since:
//! Square refuses it then, and staff are told.
//!
//! Source: Square's API reference, "Cancel booking" and "Update booking" (fields that are not named stay).

use attune_vendor::calendar::{Judged, cancels, judge, segment};
use attune_vendor::channel::json_body;
use serde_json::{Value, json};

use super::Square;
use super::bindings::attune::host::log;
use super::bindings::exports::attune::connector::writing_back::{Answered, Delivery, Guest, HttpRequest, HttpResponse};

/// What stands in the seller's note.
const CONFIRMED: &str = "Confirmed by the customer (told by Attune)";

/// The longest note that is certain to be whole, in characters.
const NOTE_CHARS: usize = 900;

impl Guest for Square {
    fn encode(answer: Answered) -> Result<Option<HttpRequest>, String> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let settings: Value = serde_json::from_str(&answer.settings).unwrap_or_default();
        let appointment = answer.appointment;
        let told =
            |wanted: &str| appointment.extra.iter().rev().find(|(name, _)| name == wanted).map(|(_, value)| value);
        let version = told("version").and_then(|version| version.parse::<u64>().ok());
        let confirms = appointment.answer == "confirmed" && settings.get("note_confirmed") == Some(&Value::Bool(true));
        let id = segment(&appointment.id)?;
        let (method, place, body) = match version {
            Some(version) if cancels(&settings, &appointment.answer) => {
                let body = json!({ "idempotency_key": answer.errand, "booking_version": version });
                ("POST", format!("{id}/cancel"), body)
            }
            Some(version) if confirms => {
                let before = told("seller_note").map(String::as_str).unwrap_or_default();
                // A longer one may have been cut on its way here, and would be cut there too.
                if before.chars().count() > NOTE_CHARS {
                    return Ok(None);
                }
                let note = if before.is_empty() { CONFIRMED.to_owned() } else { format!("{before}\n{CONFIRMED}") };
                let booking = json!({ "version": version, "seller_note": note });
                ("PUT", id.to_owned(), json!({ "idempotency_key": answer.errand, "booking": booking }))
            }
            _ => return Ok(None),
        };
        Ok(Some(HttpRequest {
            method: method.to_owned(),
            url: format!("https://connect.squareup.com/v2/bookings/{place}"),
            headers: vec![
                ("authorization".to_owned(), "Bearer {{secret access-token}}".to_owned()),
                ("square-version".to_owned(), "2024-04-17".to_owned()),
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
            &["/errors/0/detail", "/errors/0/code"],
            &["already cancelled", "already canceled"],
            answer.now,
        ) {
            Judged::Taken => Delivery::Accepted(None),
            Judged::Later(words, after_ms) => Delivery::Retry((words, after_ms)),
            Judged::Never(words) => Delivery::Failed(words),
        }
    }
}
