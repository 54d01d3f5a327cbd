//! What Postmark sends: mail that came in, and what became of ours.

use attune_mail::{Address, Attachment, Mail};
use attune_vendor::mail::{email, told};
use attune_vendor::{REPORTED, first, joined, list, report, text};
use serde_json::{Value, json};

use super::bindings::exports::attune::connector::receiving::{Incoming, Rejection};

pub fn read(body: &[u8]) -> Result<Incoming, Rejection> {
    let body: Value =
        serde_json::from_slice(body).map_err(|error| Rejection::Malformed(format!("the body is not JSON: {error}")))?;
    match text(&body, "/RecordType") {
        Some(kind) => reported(&body, &kind),
        None if body.pointer("/FromFull").is_some() || text(&body, "/From").is_some() => mail(&body),
        None => Err(Rejection::Malformed("the body has neither a RecordType nor a From".to_owned())),
    }
}

/// A mail that came in.
fn mail(body: &Value) -> Result<Incoming, Rejection> {
    let mail = text(body, "/RawEmail").map_or_else(|| parsed(body), |raw| attune_mail::read(raw.as_bytes()));
    let told = told(mail).ok_or_else(|| Rejection::Malformed("nobody wrote this mail: it has no sender".to_owned()))?;
    let id = told.id.or_else(|| text(body, "/MessageID"));
    let id = id.ok_or_else(|| Rejection::Malformed("the mail has no MessageID".to_owned()))?;
    Ok(Incoming { kind: told.kind.to_owned(), id, time: told.time, data: told.data.to_string() })
}

/// A mail that Postmark took apart. Its headers lack those that have fields of their own.
fn parsed(body: &Value) -> Mail {
    let mut headers: Vec<(String, String)> = list(body, "/Headers")
        .iter()
        .filter_map(|header| Some((text(header, "/Name")?, text(header, "/Value").unwrap_or_default())))
        .collect();
    for (name, place) in
        [("From", "/From"), ("To", "/To"), ("Reply-To", "/ReplyTo"), ("Subject", "/Subject"), ("Date", "/Date")]
    {
        if !headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            headers.extend(text(body, place).map(|value| (name.to_owned(), value)));
        }
    }
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let (plain, html) = (text(body, "/TextBody").unwrap_or_default(), text(body, "/HtmlBody"));
    let stripped = text(body, "/StrippedTextReply");
    let mail = attune_mail::read_parsed(headers, &plain, html.as_deref(), stripped.as_deref());
    let from = text(body, "/FromFull/Email").map(|address| Address { address, name: text(body, "/FromFull/Name") });
    let attachments = list(body, "/Attachments").iter().map(|one| Attachment {
        name: text(one, "/Name"),
        content_type: text(one, "/ContentType").unwrap_or_else(|| "application/octet-stream".to_owned()),
        size_bytes: one.pointer("/ContentLength").and_then(Value::as_u64).unwrap_or_default(),
        ..Attachment::default()
    });
    let attachments = attachments.take(attune_mail::ATTACHMENTS).collect();
    Mail { from: from.or_else(|| mail.from.clone()), attachments, ..mail }
}

/// What became of a mail of ours.
fn reported(body: &Value, kind: &str) -> Result<Incoming, Rejection> {
    let time = first(body, &["/BouncedAt", "/DeliveredAt", "/ChangedAt", "/ReceivedAt"]);
    // A subscription is not one mail's, and then this is all zeros.
    let message = text(body, "/MessageID").filter(|id| id.chars().any(|c| c != '0' && c != '-'));
    let suppressed = body.pointer("/SuppressSending").and_then(Value::as_bool);
    let parts = match text(body, "/ID") {
        Some(id) => vec![Some(id)],
        None => {
            vec![text(body, "/MessageID"), text(body, "/Recipient"), time.clone(), suppressed.map(|it| it.to_string())]
        }
    };
    let parts: Vec<String> = [Some(kind.to_owned())].into_iter().chain(parts).flatten().collect();
    let id = parts.join(":");
    let bounce = text(body, "/Type").unwrap_or_default();
    let why = text(body, "/SuppressionReason").unwrap_or_default();
    let known = match (kind, suppressed) {
        ("Delivery", _) => Some(("delivered", None)),
        ("Bounce", _) => bounced(&bounce),
        ("SpamComplaint", _) => Some(("complained", Some(true))),
        ("SubscriptionChange", Some(true)) => Some(match why.as_str() {
            "HardBounce" => ("bounced", Some(true)),
            "SpamComplaint" => ("complained", Some(true)),
            _ => ("unsubscribed", Some(true)),
        }),
        _ => None,
    };
    let Some((status, permanent)) = known else {
        let name = if kind == "Bounce" { format!("Bounce.{bounce}") } else { kind.to_owned() };
        let data = json!({ "postmark": body }).to_string();
        return Ok(Incoming { kind: format!("postmark.{name}"), id, time, data });
    };
    let said = first(body, &["/Details", "/Description"]).filter(|_| kind != "Delivery");
    let origin = text(body, "/Origin").map(|origin| format!("({origin})"));
    let reason = joined([text(body, "/Type"), Some(why).filter(|why| !why.is_empty()), origin, said]);
    let address = first(body, &["/Email", "/Recipient"]).map(|address| email(&address));
    let data = report(message, status, reason, permanent, address);
    Ok(Incoming { kind: REPORTED.to_owned(), id, time, data: data.to_string() })
}

/// What a kind of bounce means; none of those that are no bounce: automatic replies, and challenges to prove that one is human.
fn bounced(kind: &str) -> Option<(&'static str, Option<bool>)> {
    match kind {
        "HardBounce" | "BadEmailAddress" | "ManuallyDeactivated" => Some(("bounced", Some(true))),
        "SpamComplaint" => Some(("complained", Some(true))),
        "Unsubscribe" => Some(("unsubscribed", Some(true))),
        // Postmark tries again, and nothing is lost yet.
        "Transient" => Some(("sent", None)),
        "SoftBounce" | "DnsError" | "SpamNotification" | "Blocked" | "SMTPApiError" | "DMARCPolicy" | "Unknown" => {
            Some(("bounced", Some(false)))
        }
        _ => None,
    }
}
