//! Mail that goes out by Mailgun, and what Mailgun answers.

use attune_vendor::channel::{domain, message_id, one_line, retry_after, said};
use attune_vendor::form::{encode, escape};
use attune_vendor::text;
use serde_json::Value;

use super::bindings::exports::attune::channel::sending::{Delivery, HttpRequest, HttpResponse, Outgoing};

/// The longest subject, in characters.
const SUBJECT_CHARS: usize = 200;

pub fn request(message: &Outgoing) -> Result<HttpRequest, String> {
    let settings: Value = serde_json::from_str(&message.settings).unwrap_or_default();
    let from = text(&settings, "/from").ok_or("nothing says who mails come from; set `from` in Mailgun's settings")?;
    let id = message_id(&message.message, &from).ok_or("the setting `from` has no address in it")?;
    let domain = text(&settings, "/domain").or_else(|| domain(&from).map(str::to_owned)).unwrap_or_default();
    let is_eu = text(&settings, "/region").as_deref() == Some("eu");
    let host = if is_eu { "api.eu.mailgun.net" } else { "api.mailgun.net" };
    // A mail without a subject looks like spam.
    let subject = message.subject.as_deref().map(|subject| one_line(subject, SUBJECT_CHARS));
    let subject = subject.filter(|subject| !subject.is_empty()).unwrap_or_else(|| "Message".to_owned());
    let reply_to = text(&settings, "/reply_to");
    let answered = message.in_reply_to.as_deref().map(|id| one_line(id, 400));
    let unsubscribe = message.unsubscribe.as_deref().map(|url| format!("<{url}>"));
    let mut fields = vec![
        ("from", from.as_str()),
        ("to", message.to.as_str()),
        ("subject", subject.as_str()),
        ("text", message.text.as_str()),
        ("h:Message-Id", id.as_str()),
        ("o:tracking", "no"),
    ];
    fields.extend(reply_to.as_deref().map(|address| ("h:Reply-To", address)));
    if let Some(answered) = &answered {
        fields.extend([("h:In-Reply-To", answered.as_str()), ("h:References", answered.as_str())]);
    }
    if let Some(unsubscribe) = &unsubscribe {
        fields.push(("h:List-Unsubscribe", unsubscribe));
        fields.push(("h:List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
    }
    Ok(HttpRequest {
        method: "POST".to_owned(),
        url: format!("https://{host}/v3/{}/messages", escape(&domain)),
        headers: vec![
            ("authorization".to_owned(), "Basic {{basic user api-key}}".to_owned()),
            ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
        ],
        body: encode(&fields),
    })
}

pub fn delivery(message: &Outgoing, response: &HttpResponse) -> Delivery {
    let words = said(&response.body, &["/message", "/Error"]);
    match response.status {
        200..=299 => {
            let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
            let own = || message_id(&message.message, &text(&settings(message), "/from").unwrap_or_default());
            Delivery::Accepted(text(&body, "/id").map(|id| attune_vendor::mail::bracketed(&id)).or_else(own))
        }
        400 if words.contains("'to' parameter is not a valid") => {
            Delivery::Unreachable(format!("Mailgun says that this is no address: {words}"))
        }
        401 => Delivery::Failed("Mailgun refuses the key (401); look at the secrets `user` and `api-key`".to_owned()),
        404 => Delivery::Failed(format!(
            "Mailgun does not know the domain (404): {words}; look at the settings `domain` and `region`"
        )),
        429 => {
            let wait = retry_after(&response.headers, message.now);
            Delivery::Retry((format!("Mailgun asks to wait: {words}"), wait))
        }
        // Its front door gave up waiting for what is behind it: the mail may be on its way, and must not go out twice.
        504 => Delivery::Failed("Mailgun's gateway timed out (504), so it may or may not have been sent".to_owned()),
        500..=599 => {
            let wait = retry_after(&response.headers, message.now);
            Delivery::Retry((format!("Mailgun is in trouble ({}): {words}", response.status), wait))
        }
        status => Delivery::Failed(format!("Mailgun refuses it ({status}): {words}")),
    }
}

fn settings(message: &Outgoing) -> Value {
    serde_json::from_str(&message.settings).unwrap_or_default()
}
