//! What a mail tells of: a customer's message, or that one of ours came back.

use attune_mail::{Bounce, Mail};
use serde_json::{Value, json};

use crate::{Object, REPORTED, report};

/// An event that a mail tells of.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Its type.
    pub kind: &'static str,
    /// The mail's `Message-ID`.
    pub id: Option<String>,
    /// When it was written.
    pub time: Option<String>,
    /// Its data.
    pub data: Value,
}

/// What a mail tells of; none where nobody wrote it.
pub fn told(mail: Mail) -> Option<Told> {
    let (id, time) = (mail.message_id.clone(), mail.date.clone());
    if let Some(bounce) = mail.bounce {
        return Some(Told { kind: REPORTED, id, time, data: bounced(bounce) });
    }
    let from = mail.from?;
    let customer = Object::new().with("addresses", Some(json!([email(&from.address)]))).with("name", from.name);
    let mut headers = mail.headers;
    // Not for the rules about machines: which of the business's mailboxes it came to, and where answers are wanted.
    for (name, addresses) in [("to", &mail.to), ("reply-to", &mail.reply_to)] {
        let all: Vec<&str> = addresses.iter().map(|one| one.address.as_str()).collect();
        if !all.is_empty() {
            headers.insert(name.to_owned(), all.join(", "));
        }
    }
    let full = Some(mail.words.full).filter(|full| *full != mail.words.text && !full.is_empty());
    let attachments = mail.attachments.into_iter().map(|one| attachment(one.name, one.content_type, one.size_bytes));
    let data = Object::new()
        .with("customer", Some(customer))
        .with("channel", Some("email"))
        .with("text", Some(mail.words.text))
        .with("subject", mail.subject)
        .with("headers", (!headers.is_empty()).then(|| json!(headers)))
        .with("message_id", mail.message_id)
        .with("in_reply_to_id", mail.in_reply_to.or_else(|| mail.references.into_iter().next_back()))
        .with("full", full)
        .with_list("attachments", attachments.collect());
    Some(Told { kind: "attune.message.received.v1", id, time, data: data.value() })
}

/// An address as an event has it.
pub fn email(address: &str) -> String {
    format!("email:{address}")
}

/// A line of a message's attachments.
pub fn attachment(name: Option<String>, content_type: String, bytes: u64) -> Value {
    Object::new().with("name", name).with("content_type", Some(content_type)).with("bytes", Some(bytes)).value()
}

/// An id of a mail, in angle brackets as everywhere.
pub fn bracketed(id: &str) -> String {
    format!("<{}>", id.trim().trim_start_matches('<').trim_end_matches('>'))
}

fn bounced(bounce: Bounce) -> Value {
    let (status, permanent) = match bounce.action.as_str() {
        "delivered" | "relayed" | "expanded" => ("delivered", None),
        // It is still being tried, and nothing is lost yet.
        "delayed" => ("sent", None),
        _ => ("bounced", Some(bounce.permanent)),
    };
    let reason = crate::joined([bounce.status, bounce.diagnostic]);
    report(bounce.message_id, status, reason, permanent, Some(email(&bounce.recipient)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_a_message_and_one_that_came_back_a_report() {
        let mail = "From: Mia <mia@example.com>\nTo: shop@example.com\nMessage-ID: <1@example.com>\n\nHello\n";
        let told = told(attune_mail::read(mail.as_bytes())).map(|told| (told.kind, told.id, told.data));
        let data = json!({
            "customer": { "addresses": ["email:mia@example.com"], "name": "Mia" }, "channel": "email", "text": "Hello",
            "headers": { "from": "Mia <mia@example.com>", "to": "shop@example.com" }, "message_id": "<1@example.com>",
        });
        assert_eq!(told, Some(("attune.message.received.v1", Some("<1@example.com>".to_owned()), data)));

        let late = Bounce { recipient: "mia@example.com".into(), action: "delayed".into(), ..Bounce::default() };
        let data = json!({ "delivery": { "status": "sent", "address": "email:mia@example.com" } });
        assert_eq!(bounced(late), data);
        assert_eq!(bracketed("1@example.com"), bracketed("<1@example.com>"));
    }

    #[test]
    fn a_mail_of_nobody_tells_of_nothing() {
        assert_eq!(told(attune_mail::read(b"\0\0 no mail at all")), None);
    }
}
