//! A calendar that takes every answer but a wish for another time, as the address in its settings says: what a host does with
//! refusals, silence and repeats is tried on it. It tells of nothing.

mod bindings;

use attune_vendor::calendar::{Judged, judge};
use attune_vendor::channel::json_body;
use attune_vendor::text;
use bindings::attune::host::log;
use bindings::exports::attune::connector::receiving::{self, Incoming, Rejection, Request};
use bindings::exports::attune::connector::writing_back::{self, Answered, Delivery, HttpRequest, HttpResponse};
use serde_json::{Value, json};

struct Diary;

impl receiving::Guest for Diary {
    fn receive(_: Request) -> Result<Vec<Incoming>, Rejection> {
        Err(Rejection::Ignored("it tells of nothing".to_owned()))
    }
}

impl writing_back::Guest for Diary {
    fn encode(answer: Answered) -> Result<Option<HttpRequest>, String> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let settings: Value = serde_json::from_str(&answer.settings).unwrap_or_default();
        if answer.appointment.answer == "asked-to-move" {
            return Ok(None);
        }
        Ok(Some(HttpRequest {
            method: "PUT".to_owned(),
            url: text(&settings, "/url").ok_or("nothing says where it is; set `url`")?,
            headers: vec![
                ("authorization".to_owned(), "Bearer {{secret key}}".to_owned()),
                ("content-type".to_owned(), "application/json".to_owned()),
            ],
            body: json_body(&json!({
                "errand": answer.errand, "appointment": answer.appointment.id, "answer": answer.appointment.answer,
            })),
        }))
    }

    fn decode(answer: Answered, response: HttpResponse) -> Delivery {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let HttpResponse { status, headers, body } = response;
        if status == 410 {
            return Delivery::Gone("the address says that it wants no more (410)".to_owned());
        }
        match judge((status, &headers, &body), &["/error"], &[], answer.now) {
            Judged::Taken => Delivery::Accepted(None),
            Judged::Later(words, after_ms) => Delivery::Retry((words, after_ms)),
            Judged::Never(words) => Delivery::Failed(words),
        }
    }
}
