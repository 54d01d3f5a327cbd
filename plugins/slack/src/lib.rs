//! Notices to staff in a Slack channel, by an incoming webhook. Nothing comes back: answers stay in Slack.
//!
//! Source: Slack's "Sending messages using incoming webhooks" and "Formatting text for app surfaces".

mod bindings;

use attune_vendor::channel::{json_body, one_line, retry_after, said};
use bindings::attune::host::log;
use bindings::exports::attune::channel::sending::{Delivery, Guest, HttpRequest, HttpResponse, Outgoing};
use serde_json::json;

/// The longest text, in characters: Slack asks for at most 4,000, and escaping adds some.
const TEXT_CHARS: usize = 3_000;

struct Slack;

impl Guest for Slack {
    fn encode(message: Outgoing) -> Result<HttpRequest, String> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let mut text = escaped(&short(&message.text));
        if let Some(subject) = message.subject.as_deref().map(|subject| one_line(subject, 200)) {
            // A star within would end the bold print.
            let subject = escaped(&subject.replace('*', ""));
            if !subject.trim().is_empty() {
                text = format!("*{subject}*\n{text}");
            }
        }
        if text.trim().is_empty() {
            return Err("the message has no text, and Slack takes none without".to_owned());
        }
        Ok(HttpRequest {
            method: "POST".to_owned(),
            url: "https://hooks.slack.com/services/{{secret path}}".to_owned(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: json_body(&json!({ "text": text, "unfurl_links": false, "unfurl_media": false })),
        })
    }

    fn decode(message: Outgoing, response: HttpResponse) -> Delivery {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        // Slack answers with a word and no JSON.
        let words = said(&response.body, &[]);
        let wait = || retry_after(&response.headers, message.now);
        match (response.status, words.as_str()) {
            (200..=299, _) => Delivery::Accepted(None),
            (410, _) | (404, "no_service" | "no_active_hooks") => {
                Delivery::Gone(format!("Slack says that the webhook or its channel is no more: {words}"))
            }
            (403 | 404, _) => Delivery::Failed(format!(
                "Slack does not take it ({}): {words}; look at the secret `path`, and whether the app may post there",
                response.status
            )),
            (429, _) => Delivery::Retry((format!("Slack asks to wait: {words}"), wait())),
            (504, _) => {
                Delivery::Failed("Slack's gateway timed out (504), so it may or may not stand there".to_owned())
            }
            (500..=599, _) => Delivery::Retry((format!("Slack is in trouble ({}): {words}", response.status), wait())),
            (status, _) => Delivery::Failed(format!("Slack refuses it ({status}): {words}")),
        }
    }
}

/// As Slack wants it: without this, a text with `<!channel>` in it would call everybody.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn short(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS) {
        Some((end, _)) => format!("{}\u{2026}", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
