//! What Twilio sends: what customers wrote, and what became of our messages.

use attune_vendor::form::Form;
use attune_vendor::{Object, Report, fingerprint, first, header, list, text};
use serde_json::{Value, json};

use super::bindings::exports::attune::connector::receiving::{Incoming, Rejection, Request};
use super::{STOPPED, is_no_address};

/// The most files that a message can have, at Twilio ten.
const FILES: usize = 20;

pub fn read(request: &Request) -> Result<Vec<Incoming>, Rejection> {
    let kind = header(&request.headers, "content-type").unwrap_or_default();
    if kind.starts_with("application/json") {
        return streamed(&request.body);
    }
    let form = Form::read(kind, &request.body).map_err(Rejection::Malformed)?;
    // A message that comes in has a status too, and it is always this.
    let status =
        form.first(&["MessageStatus", "SmsStatus"]).filter(|status| status != "received" && status != "receiving");
    let id = form.first(&["MessageSid", "SmsMessageSid", "SmsSid"]);
    let event = match (id, status, form.text("From")) {
        (Some(id), Some(status), _) => reported(&form, id, &status)?,
        (Some(id), None, Some(from)) => message(&form, id, &from),
        _ => other(&form, header(&request.headers, "i-twilio-idempotency-token"), &request.body),
    };
    Ok(vec![event])
}

/// A customer wrote.
fn message(form: &Form<'_>, id: String, from: &str) -> Incoming {
    let (channel, address) = split(from);
    // WhatsApp hides the numbers of those who want it so: then there is an id that only this business knows them by. And machines
    // send texts from short numbers and names, where nothing can be sent.
    let (addresses, alias) = match address.starts_with('+') {
        true => (vec![json!(format!("phone:{address}"))], None),
        false => (Vec::new(), Some(format!("{channel}:{address}"))),
    };
    let customer = Object::new()
        .with_list("addresses", addresses)
        .with_list("unverified", alias.iter().map(|_| json!(address)).collect())
        .with("external_id", alias)
        .with("name", form.text("ProfileName"))
        .with("country", form.text("FromCountry"));
    let body = form.text("Body");
    let word = form.text("OptOutType").map(|word| word.to_ascii_uppercase());
    // Twilio names the word where it has answered it.
    let confirmed = word.is_some().then_some(true);
    let text = match word.as_deref() {
        // Twilio's own word for it: it also knows words that the business told it, and those of other languages.
        Some(word @ ("STOP" | "START")) => word.to_owned(),
        Some("HELP") if body.is_none() => "HELP".to_owned(),
        _ => body.clone().unwrap_or_default(),
    };
    let mut full: Vec<String> = body.clone().into_iter().collect();
    full.extend(word.filter(|word| body.as_deref() != Some(word)).map(|word| format!("(Twilio: OptOutType={word})")));
    full.extend(place(form));
    let files: Vec<(String, String)> = (0..FILES).map_while(|at| file(form, at)).collect();
    full.extend(files.iter().map(|(kind, url)| format!("({kind}) {url}")));
    let full = full.join("\n");
    let listed = |(kind, url): &(String, String)| {
        let name = url.split(['?', '#']).next().and_then(|url| url.rsplit('/').next()).filter(|name| !name.is_empty());
        Object::new().with("name", name).with("content_type", Some(kind.as_str())).value()
    };
    let data = Object::new()
        .with("customer", Some(customer))
        .with("channel", Some(channel))
        .with("full", Some(full).filter(|full| *full != text && !full.is_empty()))
        .with("text", Some(text))
        .with("message_id", Some(id.as_str()))
        .with("in_reply_to_id", form.text("OriginalRepliedMessageSid"))
        .with("confirmed", confirmed)
        .with_list("attachments", files.iter().map(listed).collect());
    Incoming { kind: "attune.message.received.v1".to_owned(), id, time: None, data: data.value().to_string() }
}

/// A place that a customer sent, for staff.
fn place(form: &Form<'_>) -> Option<String> {
    let (latitude, longitude) = (form.text("Latitude")?, form.text("Longitude")?);
    let named = [form.text("Label"), form.text("Address")].into_iter().flatten();
    Some(named.chain([format!("{latitude}, {longitude}")]).collect::<Vec<_>>().join(", "))
}

fn file(form: &Form<'_>, at: usize) -> Option<(String, String)> {
    let kind = form.text(&format!("MediaContentType{at}")).unwrap_or_else(|| "application/octet-stream".to_owned());
    Some((kind, form.text(&format!("MediaUrl{at}"))?))
}

/// What became of a message of ours. In these the customer is `To`.
fn reported(form: &Form<'_>, id: String, status: &str) -> Result<Incoming, Rejection> {
    let code = form.text("ErrorCode").filter(|code| code != "0");
    let told = match (status, code.as_deref()) {
        ("accepted" | "scheduled" | "queued" | "sending", _) => {
            return Err(Rejection::Ignored(format!("{id} is {status}: still on its way")));
        }
        (_, Some(STOPPED)) => "unsubscribed",
        ("sent", _) => "sent",
        ("delivered", _) => "delivered",
        ("read", _) => "read",
        ("failed" | "undelivered" | "canceled", _) => "failed",
        _ => return Ok(kept("twilio.status", format!("{id}:{status}"), form.value())),
    };
    let words = form.first(&["ErrorMessage", "ChannelStatusMessage"]);
    let words = words.or_else(|| (status == "canceled").then(|| "it was called off at Twilio".to_owned()));
    let reason = match (code.as_deref(), words) {
        (Some(code), Some(words)) => Some(format!("{code}: {words}")),
        (Some(code), None) => Some(format!("Twilio's error {code}")),
        (None, words) => words,
    };
    let lasting = matches!(told, "failed" | "unsubscribed")
        .then(|| told == "unsubscribed" || code.as_deref().is_some_and(is_no_address));
    let to = form.text("To").map(|to| format!("phone:{}", split(&to).1)).filter(|to| to.starts_with("phone:+"));
    let event_id = format!("{id}:{status}");
    let report = Report { id: Some(id), status: told, reason, permanent: lasting, address: to };
    let (kind, data) = report.event("twilio");
    Ok(Incoming { kind, id: event_id, time: None, data: data.to_string() })
}

/// What is neither, a call for one: kept as it is.
fn other(form: &Form<'_>, token: Option<&str>, body: &[u8]) -> Incoming {
    let kind = if form.text("CallSid").is_some() { "twilio.call" } else { "twilio.other" };
    kept(kind, token.map_or_else(|| fingerprint(body), str::to_owned), form.value())
}

/// Requests with JSON, whose hash Twilio signs as `bodySHA256`: CloudEvents of an event stream, each kept as it is.
fn streamed(body: &[u8]) -> Result<Vec<Incoming>, Rejection> {
    let body: Value =
        serde_json::from_slice(body).map_err(|error| Rejection::Malformed(format!("the body is not JSON: {error}")))?;
    let events = if body.is_array() { list(&body, "").to_vec() } else { vec![body] };
    let one = |event: Value| {
        let kind = first(&event, &["/type", "/event_type"]).unwrap_or_else(|| "event".to_owned());
        let id = first(&event, &["/id", "/sid"]).unwrap_or_else(|| fingerprint(event.to_string().as_bytes()));
        let time = text(&event, "/time");
        Incoming { time, ..kept(&format!("twilio.{}", kind.trim_start_matches("com.twilio.")), id, event) }
    };
    Ok(events.into_iter().map(one).collect())
}

fn kept(kind: &str, id: String, all: Value) -> Incoming {
    Incoming { kind: kind.to_owned(), id, time: None, data: json!({ "twilio": all }).to_string() }
}

/// Channel and address: `whatsapp:+5541999998888` or `+447700900513`.
fn split(address: &str) -> (&'static str, &str) {
    match address.strip_prefix("whatsapp:") {
        Some(address) => ("whatsapp", address.trim()),
        None => ("sms", address),
    }
}
