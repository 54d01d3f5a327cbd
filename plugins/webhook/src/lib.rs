//! Messages to whatever the owner runs: a signed request for each (Standard Webhooks 1.0).
//!
//! A request carries the message's id as `webhook-id`, the same at every attempt, so whoever takes it knows one that came before.

mod bindings;

use attune_vendor::channel::{json_body, retry_after, said};
use attune_vendor::{Object, text, time};
use bindings::attune::host::log;
use bindings::exports::attune::channel::sending::{Delivery, Guest, HttpRequest, HttpResponse, Outgoing};
use serde_json::Value;

struct Webhook;

impl Guest for Webhook {
    fn encode(message: Outgoing) -> Result<HttpRequest, String> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let settings: Value = serde_json::from_str(&message.settings).unwrap_or_default();
        let url =
            text(&settings, "/url").ok_or("nothing says where to post to; set `url` in the webhook's settings")?;
        let seconds = (message.now / 1_000).to_string();
        let data = Object::new()
            .with("message", Some(message.message.as_str()))
            .with("channel", Some(message.channel))
            .with("to", Some(message.to).filter(|to| !to.is_empty()))
            .with("name", message.name)
            .with("subject", message.subject)
            .with("text", Some(message.text))
            .with("language", message.language)
            .with("in_reply_to", message.in_reply_to)
            .with("unsubscribe", message.unsubscribe);
        let told = |name: &str| message.extra.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        // A notice to staff is no message that somebody has to pass on.
        let notice = told("notice");
        let kind = if notice.is_some() { "attune.notice.send.v1" } else { "attune.message.send.v1" };
        let data = data
            .with("notice", notice)
            .with("urgency", told("urgency"))
            .with("title", told("title"))
            .with("link", told("link"));
        let body =
            Object::new().with("type", Some(kind)).with("timestamp", time::of_unix(&seconds)).with("data", Some(data));
        Ok(HttpRequest {
            method: "POST".to_owned(),
            url,
            headers: vec![
                ("content-type".to_owned(), "application/json".to_owned()),
                ("webhook-id".to_owned(), message.message),
                ("webhook-timestamp".to_owned(), seconds),
                ("webhook-signature".to_owned(), "v1,{{sign signing}}".to_owned()),
            ],
            body: json_body(&body.value()),
        })
    }

    fn decode(message: Outgoing, response: HttpResponse) -> Delivery {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let words = said(&response.body, &["/message", "/error", "/detail"]);
        match response.status {
            200..=299 => Delivery::Accepted(None),
            410 => Delivery::Gone("the address says that it wants no more requests (410)".to_owned()),
            300..=399 => Delivery::Failed(format!(
                "the address sends requests elsewhere ({}), and none is followed; set `url` to where it is now",
                response.status
            )),
            // It read the message and wants none like it: the next attempt would be the same.
            400 | 413 | 415 | 422 => Delivery::Failed(format!("the address refuses it ({}): {words}", response.status)),
            429 => Delivery::Retry((
                format!("the address asks to wait: {words}"),
                retry_after(&response.headers, message.now),
            )),
            // A wrong path or password is put right within three days, mostly.
            status => Delivery::Retry((
                format!("the address did not take it ({status}): {words}"),
                retry_after(&response.headers, message.now),
            )),
        }
    }
}
