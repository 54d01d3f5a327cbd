//! A connector's or channel's function called by itself: what a request tells of, which request a message becomes, and what a
//! provider's answer means. No server, no store; the same code verifies, calls and checks as at the door.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::appointment::{Answer, Appointment, AppointmentStatus};
use crate::domain::door::{Answered, Delivery, HttpRequest, HttpResponse, Outgoing};
use crate::domain::plugin::Export;
use crate::domain::time::Instant;
use crate::intake::hook::{Knock, NotTold, hear};
use crate::intake::schema::{self, Home};
use crate::sandbox::{Component, Sandbox};
use crate::turn::config::Plugin;

use super::play::Part;

/// A request in a file: headers and body as they were sent.
#[derive(Debug, Deserialize)]
struct Sent {
    #[serde(default = "post")]
    method: String,
    url: Option<String>,
    content_type: Option<String>,
    #[serde(default)]
    headers: serde_json::Map<String, Value>,
    body: String,
    body_encoding: Option<String>,
    signing: Option<Signing>,
}

/// How the request of a file was signed.
#[derive(Debug, Deserialize)]
struct Signing {
    secret: Option<String>,
    url: Option<String>,
    now: Option<u64>,
}

/// A message in a file, and perhaps a provider's answer to it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    channel: String,
    to: String,
    text: String,
    #[serde(default = "message")]
    message: String,
    name: Option<String>,
    subject: Option<String>,
    language: Option<String>,
    in_reply_to: Option<String>,
    unsubscribe: Option<String>,
    reports: Option<String>,
    /// Further values: of a notice to staff `notice`, `urgency`, `title`, `link`.
    #[serde(default)]
    extra: BTreeMap<String, String>,
    response: Option<Response>,
}

/// What a customer answered, in a file, and perhaps the calendar's answer to that.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnsweredFile {
    appointment: AppointmentFile,
    #[serde(default = "errand")]
    errand: String,
    response: Option<Response>,
}

/// An appointment with an answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AppointmentFile {
    id: String,
    answer: String,
    #[serde(default)]
    service: String,
    starts: String,
    ends: Option<String>,
    #[serde(default)]
    version: u64,
    #[serde(default)]
    extra: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Response {
    status: u16,
    #[serde(default)]
    headers: serde_json::Map<String, Value>,
    #[serde(default)]
    body: String,
}

/// What of a component ran, by plugin, as scenarios tell it.
pub fn ran(part: &Part, called: &Called) -> BTreeMap<String, BTreeSet<String>> {
    let export = match &called.told {
        told if told.get("events").is_some() => Export::Receiving,
        told if told.get("answer").is_some() => Export::WritingBack,
        _ => Export::Sending,
    };
    [(part.about.manifest.name.clone(), [export.word().to_owned()].into())].into()
}

fn post() -> String {
    "POST".to_owned()
}

fn message() -> String {
    "msg_00000000000000000000000000".to_owned()
}

fn errand() -> String {
    "ern_00000000000000000000000000".to_owned()
}

/// Whether a file's content is for a component's doors, not an event.
pub fn is_for_a_door(component: &Component, file: &Value) -> bool {
    let exports = &component.about.exports;
    (exports.contains(&Export::Receiving) && file.get("body").is_some())
        || (exports.contains(&Export::Sending) && file.get("to").is_some())
        || (exports.contains(&Export::WritingBack) && file.get("appointment").is_some())
}

/// What a connector makes of the request in a file, or a channel of the message in it. `fine` says whether a server would have
/// taken it.
pub struct Called {
    /// All of it.
    pub told: Value,
    /// Whether it went well.
    pub fine: bool,
}

/// Calls a door with what stands in a file. Requests are verified with `secrets`, else with the secret in the file; without either
/// it is said that nobody did.
///
/// # Errors
/// When the file is not of that form.
pub fn call(
    sandbox: &Sandbox,
    component: &Component,
    plugin: &Plugin,
    home: &Home,
    secrets: &[String],
    now: Instant,
    file: Value,
) -> Result<Called> {
    if file.get("body").is_some() && component.about.exports.contains(&Export::Receiving) {
        let sent =
            serde_json::from_value(file).context("a request has `headers`, `body` and perhaps `url` and `signing`")?;
        return receive(sandbox, component, plugin, home, secrets, now, sent);
    }
    if file.get("appointment").is_some() && component.about.exports.contains(&Export::WritingBack) {
        let answered = serde_json::from_value(file)
            .context("an answer has `appointment` with `id`, `answer`, `starts`, and perhaps `response`")?;
        return write_back(sandbox, component, plugin, home, now, answered);
    }
    let message =
        serde_json::from_value(file).context("a message has `channel`, `to`, `text` and perhaps `response`")?;
    send(sandbox, component, plugin, now, message)
}

fn receive(
    sandbox: &Sandbox,
    component: &Component,
    plugin: &Plugin,
    home: &Home,
    secrets: &[String],
    now: Instant,
    sent: Sent,
) -> Result<Called> {
    let body = match sent.body_encoding.as_deref() {
        Some("base64") => STANDARD.decode(&sent.body).context("body")?,
        None | Some("utf-8") => sent.body.into_bytes(),
        Some(other) => bail!("body_encoding is `{other}`; it is utf-8 or base64"),
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut headers: Vec<(String, String)> =
        sent.headers.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    if let Some(kind) =
        sent.content_type.filter(|_| !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")))
    {
        headers.push(("Content-Type".to_owned(), kind));
    }
    let signing = sent.signing.as_ref();
    let url = sent.url.or_else(|| signing.and_then(|signing| signing.url.clone()));
    let url = url.unwrap_or_else(|| format!("https://attune.example/hooks/biz/{}", plugin.name));
    let rest = url.split_once("://").and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)));
    let received = signing.and_then(|signing| signing.now).map_or(now, |seconds| Instant(seconds * 1_000));
    let known: Vec<String> = match secrets {
        [] => signing.and_then(|signing| signing.secret.clone()).into_iter().collect(),
        given => given.to_vec(),
    };
    let knock = Knock { method: sent.method, target: rest.unwrap_or("/").to_owned(), url, headers, body, received };
    let verifies = !known.is_empty();
    let heard = if verifies {
        hear(sandbox, component, plugin, &known, home, knock)
    } else {
        hear(sandbox, component, &unverified(plugin), &known, home, knock)
    };
    let verified = if verifies { Value::Bool(true) } else { Value::Null };
    Ok(match heard {
        Ok(told) => {
            let mut fine = true;
            let events: Vec<Value> = told
                .events
                .into_iter()
                .map(|event| {
                    let misfits = schema::read(&event, received, home).err().unwrap_or_default();
                    fine &= misfits.is_empty();
                    let data: Value = serde_json::from_str(event.data.get()).unwrap_or_default();
                    let mut told = json!({ "type": event.kind, "source": event.source, "id": event.id, "time": event.time, "data": data });
                    if !misfits.is_empty() {
                        told["misfits"] = json!(misfits);
                    }
                    told
                })
                .collect();
            let mut told = json!({ "verified": verified, "events": events, "ignored": told.ignored, "log": told.log });
            drop_empty(&mut told, &["ignored", "log"]);
            Called { told, fine }
        }
        Err(NotTold::Unverified(why)) => {
            Called { told: json!({ "verified": false, "events": [], "error": why.to_string() }), fine: false }
        }
        Err(error) => {
            Called { told: json!({ "verified": verified, "events": [], "error": error.to_string() }), fine: false }
        }
    })
}

/// The same plugin, believing everything: nobody gave a secret to verify with.
fn unverified(plugin: &Plugin) -> Plugin {
    let mut installed = plugin.installed.clone();
    if let Some(webhook) = &mut installed.manifest.webhook {
        webhook.scheme = crate::domain::webhook::Scheme::None;
    }
    Plugin::new(installed, &plugin.limits)
}

fn send(sandbox: &Sandbox, component: &Component, plugin: &Plugin, now: Instant, message: Message) -> Result<Called> {
    let outgoing = Outgoing {
        message: message.message,
        channel: message.channel,
        to: message.to,
        name: message.name,
        subject: message.subject,
        text: message.text,
        language: message.language,
        in_reply_to: message.in_reply_to,
        unsubscribe: message.unsubscribe,
        reports: message.reports,
        settings: plugin.settings.clone(),
        now,
        extra: message.extra.into_iter().collect(),
    };
    let request = match sandbox.encode(component, &outgoing, &plugin.limits) {
        Ok(request) => request,
        Err(error) => return Ok(Called { told: json!({ "error": error }), fine: false }),
    };
    let told = json!({ "request": shown(&request) });
    let Some(answer) = message.response else { return Ok(Called { told, fine: true }) };
    Ok(judged(told, sandbox.decode(component, &outgoing, &answer.response(), &plugin.limits)))
}

fn write_back(
    sandbox: &Sandbox,
    component: &Component,
    plugin: &Plugin,
    home: &Home,
    now: Instant,
    file: AnsweredFile,
) -> Result<Called> {
    let AppointmentFile { id, answer, service, starts, ends, version, extra } = file.appointment;
    let at =
        |text: &str| Instant::parse(text).with_context(|| format!("`{text}` is no time, such as 2026-03-02T09:00:00Z"));
    let answer = Answer::parse(&answer)
        .with_context(|| format!("answer = `{answer}` is none of confirmed, declined, asked-to-move"))?;
    let starts = at(&starts)?;
    let appointment = Appointment {
        id,
        source: plugin.name.to_string(),
        version,
        replaces: None,
        service,
        starts,
        ends: ends.as_deref().map(at).transpose()?.unwrap_or(starts),
        zone: home.zone.clone(),
        staff: None,
        place: None,
        extra,
        status: AppointmentStatus::Booked,
        answer,
    };
    let settings = plugin.settings.clone();
    let answered = Answered { errand: file.errand, appointment, at: now, settings, now, extra: Vec::new() };
    let request = match sandbox.encode_answer(component, &answered, &plugin.limits) {
        Ok(request) => request,
        Err(error) => return Ok(Called { told: json!({ "answer": answer.word(), "error": error }), fine: false }),
    };
    let told = json!({ "answer": answer.word(), "request": request.as_ref().map(shown) });
    let Some(response) = file.response.filter(|_| request.is_some()) else { return Ok(Called { told, fine: true }) };
    Ok(judged(told, sandbox.decode_answer(component, &answered, &response.response(), &plugin.limits)))
}

impl Response {
    fn response(self) -> HttpResponse {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let headers = self.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), text(value))).collect();
        HttpResponse { status: self.status, headers, body: self.body.into_bytes() }
    }
}

fn shown(request: &HttpRequest) -> Value {
    let headers: serde_json::Map<String, Value> =
        request.headers.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    json!({
        "method": request.method, "url": request.url, "headers": headers, "body": String::from_utf8_lossy(&request.body),
    })
}

/// What a provider's answer came to.
fn judged(mut told: Value, decoded: Result<Delivery, String>) -> Called {
    let fine = match decoded {
        Ok(delivery) => {
            told["delivery"] = match delivery {
                Delivery::Accepted(id) => json!({ "state": "accepted", "id": id }),
                Delivery::Retry(words, after_ms) => json!({ "state": "retry", "words": words, "after_ms": after_ms }),
                Delivery::Failed(words) => json!({ "state": "failed", "words": words }),
                Delivery::Unreachable(words) => json!({ "state": "unreachable", "words": words }),
                Delivery::Gone(words) => json!({ "state": "gone", "words": words }),
            };
            true
        }
        Err(error) => {
            told["error"] = error.into();
            false
        }
    };
    Called { told, fine }
}

fn drop_empty(told: &mut Value, names: &[&str]) {
    if let Some(fields) = told.as_object_mut() {
        fields.retain(|name, value| !names.contains(&name.as_str()) || !(value.is_null() || value == ""));
    }
}
