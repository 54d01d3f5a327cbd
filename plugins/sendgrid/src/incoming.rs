//! What SendGrid reports of mails that went out, a list of events at a time.

use attune_vendor::{REPORTED, fingerprint, first, joined, report, text, time};
use serde_json::{Value, json};

use super::bindings::exports::attune::connector::receiving::{Incoming, Rejection};

pub fn read(body: &[u8]) -> Result<Vec<Incoming>, Rejection> {
    let body: Value =
        serde_json::from_slice(body).map_err(|error| Rejection::Malformed(format!("the body is not JSON: {error}")))?;
    let events = body.as_array().ok_or_else(|| Rejection::Malformed("the body is no list of events".to_owned()))?;
    // One that cannot be read must not keep the others from being heard, and a vendor would send it again and again.
    Ok(events.iter().filter(|event| event.is_object()).map(one).collect())
}

fn one(event: &Value) -> Incoming {
    let name = text(event, "/event").unwrap_or_else(|| "unnamed".to_owned());
    let id = text(event, "/sg_event_id").unwrap_or_else(|| fingerprint(event.to_string().as_bytes()));
    let time = text(event, "/timestamp").and_then(|seconds| time::of_unix(&seconds));
    let is = |place: &str, word: &str| text(event, place).is_some_and(|text| text.eq_ignore_ascii_case(word));
    let (status, permanent) = match name.as_str() {
        "processed" => ("sent", None),
        "delivered" => ("delivered", None),
        // It tries again for three days, and nothing is lost yet.
        "deferred" => ("sent", None),
        // It was refused for what it is or where it comes from: the address is good.
        "bounce" if is("/type", "blocked") => ("bounced", Some(false)),
        "bounce" => ("bounced", Some(true)),
        "dropped" if is("/reason", "Bounced Address") => ("bounced", Some(true)),
        "dropped" if is("/reason", "Unsubscribed Address") => ("unsubscribed", Some(true)),
        "dropped" if is("/reason", "Spam Reporting Address") => ("complained", Some(true)),
        "dropped" => ("failed", Some(is("/reason", "Invalid"))),
        "spamreport" => ("complained", Some(true)),
        "unsubscribe" | "group_unsubscribe" => ("unsubscribed", Some(true)),
        _ => return kept(&name, id, time, event),
    };
    // Mails that went out by this plugin carry their Message-ID along; those that went out by SMTP have it as smtp-id.
    let message = first(event, &["/attune_message_id", "/smtp-id"]);
    let message = message.or_else(|| text(event, "/sg_message_id")?.split('.').next().map(str::to_owned));
    let address = text(event, "/email").map(|address| format!("email:{address}"));
    if message.is_none() && address.is_none() {
        return kept(&name, id, time, event);
    }
    let said = first(event, &["/reason", "/response"]);
    // Most reasons begin with the code and the status themselves.
    let code = text(event, "/status").filter(|code| !said.as_deref().is_some_and(|said| said.contains(code.as_str())));
    let reason = joined([code, said]).filter(|_| status != "delivered");
    let data = report(message, status, reason, permanent, address);
    Incoming { kind: REPORTED.to_owned(), id, time, data: data.to_string() }
}

fn kept(name: &str, id: String, time: Option<String>, event: &Value) -> Incoming {
    Incoming { kind: format!("sendgrid.{name}"), id, time, data: json!({ "sendgrid": event }).to_string() }
}
