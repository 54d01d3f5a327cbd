//! Mail that goes out by SendGrid, and what SendGrid answers.

use attune_vendor::channel::{json_body, mailbox, message_id, one_line, retry_after, said};
use attune_vendor::{Object, text};
use serde_json::{Value, json};

use super::bindings::exports::attune::channel::sending::{Delivery, HttpRequest, HttpResponse, Outgoing};

/// The longest subject, in characters.
const SUBJECT_CHARS: usize = 200;

pub fn request(message: &Outgoing) -> Result<HttpRequest, String> {
    let settings: Value = serde_json::from_str(&message.settings).unwrap_or_default();
    let from = text(&settings, "/from").ok_or("nothing says who mails come from; set `from` in SendGrid's settings")?;
    let id = message_id(&message.message, &from).ok_or("the setting `from` has no address in it")?;
    if message.text.trim().is_empty() {
        return Err("the message has no text, and SendGrid sends none without".to_owned());
    }
    // A mail without a subject looks like spam.
    let subject = message.subject.as_deref().map(|subject| one_line(subject, SUBJECT_CHARS));
    let subject = subject.filter(|subject| !subject.is_empty()).unwrap_or_else(|| "Message".to_owned());
    let answered = message.in_reply_to.as_deref().map(|id| one_line(id, 400));
    let headers = Object::new()
        .with("Message-ID", Some(id.as_str()))
        .with("In-Reply-To", answered.clone())
        .with("References", answered)
        .with("List-Unsubscribe", message.unsubscribe.as_deref().map(|url| format!("<{url}>")))
        .with("List-Unsubscribe-Post", message.unsubscribe.as_ref().map(|_| "List-Unsubscribe=One-Click"));
    let (address, name) = mailbox(&from);
    let sender = Object::new().with("email", Some(address)).with("name", name);
    let reply_to = text(&settings, "/reply_to").map(|address| json!({ "email": address }));
    let off = json!({ "enable": false });
    let body = Object::new()
        .with("personalizations", Some(json!([{ "to": [{ "email": message.to }] }])))
        .with("from", Some(sender))
        .with("reply_to", reply_to)
        .with("subject", Some(subject))
        .with("content", Some(json!([{ "type": "text/plain", "value": message.text }])))
        .with_object("headers", headers)
        .with("custom_args", Some(json!({ "attune_message_id": id })))
        .with("tracking_settings", Some(json!({ "click_tracking": off, "open_tracking": off })));
    Ok(HttpRequest {
        method: "POST".to_owned(),
        url: "https://api.sendgrid.com/v3/mail/send".to_owned(),
        headers: vec![
            ("authorization".to_owned(), "Bearer {{secret api-key}}".to_owned()),
            ("content-type".to_owned(), "application/json".to_owned()),
        ],
        body: json_body(&body.value()),
    })
}

pub fn delivery(message: &Outgoing, response: &HttpResponse) -> Delivery {
    let words = said(&response.body, &["/errors/0/message"]);
    let wait = || retry_after(&response.headers, message.now);
    match response.status {
        // Its own id is in no report in this form, and the Message-ID is: see custom_args.
        200..=299 => {
            let settings: Value = serde_json::from_str(&message.settings).unwrap_or_default();
            Delivery::Accepted(message_id(&message.message, &text(&settings, "/from").unwrap_or_default()))
        }
        400 if words.contains("valid address") && !words.to_lowercase().contains("from") => {
            Delivery::Unreachable(format!("SendGrid says that this is no address: {words}"))
        }
        401 => Delivery::Failed(format!("SendGrid refuses the key (401): {words}; look at the secret `api-key`")),
        403 => Delivery::Failed(format!(
            "SendGrid does not let this key send from that address (403): {words}; verify the sender at SendGrid"
        )),
        429 => Delivery::Retry((format!("SendGrid asks to wait: {words}"), wait())),
        // Its front door gave up waiting for what is behind it: the mail may be on its way, and must not go out twice.
        504 => Delivery::Failed("SendGrid's gateway timed out (504), so it may or may not have been sent".to_owned()),
        500..=599 => Delivery::Retry((format!("SendGrid is in trouble ({}): {words}", response.status), wait())),
        status => Delivery::Failed(format!("SendGrid refuses it ({status}): {words}")),
    }
}
