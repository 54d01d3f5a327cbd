//! Mail that goes out by Postmark, and what Postmark answers.

use attune_vendor::channel::{json_body, message_id, one_line, retry_after, said};
use attune_vendor::{Object, text};
use serde_json::{Value, json};

use super::bindings::exports::attune::channel::sending::{Delivery, HttpRequest, HttpResponse, Outgoing};

/// The longest subject, in characters.
const SUBJECT_CHARS: usize = 200;

pub fn request(message: &Outgoing) -> Result<HttpRequest, String> {
    let settings: Value = serde_json::from_str(&message.settings).unwrap_or_default();
    let from = text(&settings, "/from").ok_or("nothing says who mails come from; set `from` in Postmark's settings")?;
    let id = message_id(&message.message, &from).ok_or("the setting `from` has no address in it")?;
    // A mail without a subject looks like spam.
    let subject = message.subject.as_deref().map(|subject| one_line(subject, SUBJECT_CHARS));
    let subject = subject.filter(|subject| !subject.is_empty()).unwrap_or_else(|| "Message".to_owned());
    let answered = message.in_reply_to.as_deref().map(|id| one_line(id, 400));
    let mut headers = vec![("Message-ID", id), ("X-PM-KeepID", "true".to_owned())];
    if let Some(answered) = answered {
        headers.extend([("In-Reply-To", answered.clone()), ("References", answered)]);
    }
    if let Some(url) = &message.unsubscribe {
        headers.push(("List-Unsubscribe", format!("<{url}>")));
        headers.push(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
    }
    let headers = headers.into_iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
    let body = Object::new()
        .with("From", Some(from))
        .with("To", Some(message.to.as_str()))
        .with("ReplyTo", text(&settings, "/reply_to"))
        .with("Subject", Some(subject))
        .with("TextBody", Some(message.text.as_str()))
        .with("MessageStream", Some(text(&settings, "/stream").unwrap_or_else(|| "outbound".to_owned())))
        .with("TrackOpens", Some(false))
        .with("TrackLinks", Some("None"))
        .with_list("Headers", headers);
    Ok(HttpRequest {
        method: "POST".to_owned(),
        url: "https://api.postmarkapp.com/email".to_owned(),
        headers: vec![
            ("x-postmark-server-token".to_owned(), "{{secret server-token}}".to_owned()),
            ("content-type".to_owned(), "application/json".to_owned()),
            ("accept".to_owned(), "application/json".to_owned()),
        ],
        body: json_body(&body.value()),
    })
}

pub fn delivery(message: &Outgoing, response: &HttpResponse) -> Delivery {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let code = text(&body, "/ErrorCode").unwrap_or_default();
    let words = said(&response.body, &["/Message"]);
    let wait = || retry_after(&response.headers, message.now);
    match (response.status, code.as_str()) {
        (200..=299, "0" | "") => Delivery::Accepted(text(&body, "/MessageID")),
        // It bounced for good before, they complained, or they unsubscribed at Postmark.
        (_, "406") => Delivery::Unreachable(format!("Postmark sends nothing there any more (406): {words}")),
        (_, "300") if words.contains("'To'") => {
            Delivery::Unreachable(format!("Postmark says that this is no address (300): {words}"))
        }
        (401, _) => {
            Delivery::Failed(format!("Postmark refuses the token (401): {words}; look at the secret `server-token`"))
        }
        (429, _) => Delivery::Retry((format!("Postmark asks to wait: {words}"), wait())),
        // Its front door gave up waiting for what is behind it: the mail may be on its way, and must not go out twice.
        (504, _) => {
            Delivery::Failed("Postmark's gateway timed out (504), so it may or may not have been sent".to_owned())
        }
        (500..=599, _) => Delivery::Retry((format!("Postmark is in trouble ({}): {words}", response.status), wait())),
        (status, "") => Delivery::Failed(format!("Postmark refuses it ({status}): {words}")),
        (_, code) => Delivery::Failed(format!("Postmark refuses it (error {code}): {words}")),
    }
}
