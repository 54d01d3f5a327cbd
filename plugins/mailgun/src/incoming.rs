//! What Mailgun sends: mail that came in, and what became of ours.

use attune_mail::{Attachment, Mail};
use attune_vendor::form::Form;
use attune_vendor::mail::{bracketed, email, told};
use attune_vendor::{REPORTED, first, header, joined, report, text, time};
use serde_json::{Value, json};

use super::bindings::exports::attune::connector::receiving::{Incoming, Rejection, Request};

pub fn read(request: &Request) -> Result<Incoming, Rejection> {
    let kind = header(&request.headers, "content-type").unwrap_or_default();
    if !kind.starts_with("application/json") {
        let form = Form::read(kind, &request.body).map_err(Rejection::Malformed)?;
        return match (form.text("event"), form.text("token")) {
            // How events came before 2018; old domains may still have them.
            (Some(name), Some(id)) => Ok(kept(&name, id, None, form.value())),
            _ => mail(&form),
        };
    }
    let body: Value = serde_json::from_slice(&request.body)
        .map_err(|error| Rejection::Malformed(format!("the body is not JSON: {error}")))?;
    let event = body.get("event-data").filter(|event| event.is_object());
    let event = event.ok_or_else(|| Rejection::Malformed("the body has no event-data".to_owned()))?;
    let id = text(event, "/id").or_else(|| text(&body, "/signature/token"));
    reported(event, id.ok_or_else(|| Rejection::Malformed("there is neither an id nor a token".to_owned()))?)
}

/// A mail that came in: as it came, or taken apart.
fn mail(form: &Form<'_>) -> Result<Incoming, Rejection> {
    let mut mail = form.bytes("body-mime").map_or_else(|| parsed(form), attune_mail::read);
    if mail.from.is_none() {
        let address = form.text("sender");
        mail.from = address.map(|address| attune_mail::Address { address, name: None });
    }
    let told = told(mail).ok_or_else(|| Rejection::Malformed("nobody wrote this mail: it has no sender".to_owned()))?;
    let id = told.id.or_else(|| form.text("token"));
    let id = id.ok_or_else(|| Rejection::Malformed("there is neither a Message-Id nor a token".to_owned()))?;
    Ok(Incoming { kind: told.kind.to_owned(), id, time: told.time, data: told.data.to_string() })
}

fn parsed(form: &Form<'_>) -> Mail {
    let pairs: Value =
        form.bytes("message-headers").and_then(|pairs| serde_json::from_slice(pairs).ok()).unwrap_or_default();
    let mut headers: Vec<(String, String)> = pairs
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|pair| Some((text(pair, "/0")?, text(pair, "/1")?)))
        .collect();
    if headers.is_empty() {
        let named = |name: &str| form.first(&[name, &name.to_ascii_lowercase()]).map(|value| (name.to_owned(), value));
        let names = ["From", "To", "Subject", "Date", "Message-Id", "In-Reply-To", "References", "Auto-Submitted"];
        headers = names.into_iter().filter_map(named).collect();
    }
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("to")) {
        headers.extend(form.text("recipient").map(|to| ("To".to_owned(), to)));
    }
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let (plain, html) = (form.text("body-plain").unwrap_or_default(), form.text("body-html"));
    let mail = attune_mail::read_parsed(headers, &plain, html.as_deref(), form.text("stripped-text").as_deref());
    let attachments = form.files().map(|(field, name, kind)| Attachment {
        name: name.map(str::to_owned),
        content_type: kind.to_owned(),
        size_bytes: field.value.len() as u64,
        ..Attachment::default()
    });
    Mail { attachments: attachments.take(attune_mail::ATTACHMENTS).collect(), ..mail }
}

/// What became of a mail of ours.
fn reported(event: &Value, id: String) -> Result<Incoming, Rejection> {
    let name = text(event, "/event").ok_or_else(|| Rejection::Malformed("event-data has no event".to_owned()))?;
    let time = text(event, "/timestamp").and_then(|seconds| time::of_unix(&seconds));
    let severity = text(event, "/severity").unwrap_or_default();
    let why = text(event, "/reason").unwrap_or_default();
    let (status, permanent) = match (name.as_str(), severity.as_str()) {
        ("accepted", _) => return Err(Rejection::Ignored("Mailgun has it, as we know".to_owned())),
        ("delivered", _) => ("delivered", None),
        // It tries again for eight hours, and nothing is lost yet.
        ("failed", "temporary") => ("sent", None),
        ("failed", _) if why == "suppress-unsubscribe" => ("unsubscribed", Some(true)),
        ("failed", _) if why == "suppress-complaint" => ("complained", Some(true)),
        // It was tried until it was too old: the next one may arrive.
        ("failed", _) if why == "old" => ("failed", Some(false)),
        ("failed", _) => ("bounced", Some(true)),
        ("rejected", _) => ("failed", Some(false)),
        ("complained", _) => ("complained", Some(true)),
        ("unsubscribed", _) => ("unsubscribed", Some(true)),
        _ => return Ok(kept(&name, id, time, event.clone())),
    };
    let said = first(event, &["/delivery-status/message", "/delivery-status/description", "/reject/reason"]);
    let reason = joined([text(event, "/reason"), text(event, "/delivery-status/code"), said]);
    let message = text(event, "/message/headers/message-id").map(|id| bracketed(&id));
    let address = text(event, "/recipient").map(|address| email(&address));
    if message.is_none() && address.is_none() {
        return Err(Rejection::Ignored(format!("`{name}` of no message and nobody")));
    }
    let data = report(message, status, reason.filter(|_| status != "delivered"), permanent, address);
    Ok(Incoming { kind: REPORTED.to_owned(), id, time, data: data.to_string() })
}

/// What is not known is kept as it is.
fn kept(name: &str, id: String, time: Option<String>, all: Value) -> Incoming {
    Incoming { kind: format!("mailgun.{name}"), id, time, data: json!({ "mailgun": all }).to_string() }
}
