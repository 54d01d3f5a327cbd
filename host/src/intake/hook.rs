//! From a vendor's request to events: is it genuine, what does the connector make of it, is that in form?
//!
//! Nothing here is written down. What becomes of the events is [`take`](super::take)'s.

use serde_json::Value;
use serde_json::value::to_raw_value;

use crate::domain::door::{Incoming, NotReceived, Request};
use crate::domain::plugin::Export;
use crate::domain::time::Instant;
use crate::domain::webhook::{Scheme, Source, Webhook};
use crate::sandbox::{Component, Sandbox};
use crate::turn::config::Plugin;

use super::cloudevent::CloudEvent;
use super::schema::Home;
use super::tidy::tidy;
use super::verify::{Given, Unverified, verify};

/// The most events that one request may tell of: a provider of mail reports on a thousand messages at once.
pub const MOST_EVENTS: usize = 1_000;

/// The longest id and type of an event, in bytes.
const NAME_BYTES: usize = 1_024;

/// A request as it came to the door.
#[derive(Debug, Clone)]
pub struct Knock {
    /// `POST`, nearly always.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The address as the vendor knows it.
    pub url: String,
    /// In their order.
    pub headers: Vec<(String, String)>,
    /// Every byte.
    pub body: Vec<u8>,
    /// When it came.
    pub received: Instant,
}

/// What a genuine request tells of.
#[derive(Debug)]
pub struct Told {
    /// In their order.
    pub events: Vec<CloudEvent>,
    /// Why there are none, if the connector said so.
    pub ignored: Option<String>,
    /// What was used up, so that the same token with another request is refused.
    pub token: Option<String>,
    /// What the connector logged.
    pub log: String,
}

/// Why a request tells of nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTold {
    /// It is not genuine.
    #[error(transparent)]
    Unverified(#[from] Unverified),
    /// The connector cannot read it.
    #[error("the connector cannot read it: {0}")]
    Malformed(String),
    /// The connector failed.
    #[error("the connector failed: {0}")]
    Failed(String),
}

/// Verifies a request and has its connector say what it tells of.
///
/// # Errors
/// [`NotTold`], in words for the owner.
pub fn hear(
    sandbox: &Sandbox,
    component: &Component,
    plugin: &Plugin,
    secrets: &[String],
    home: &Home,
    knock: Knock,
) -> Result<Told, NotTold> {
    let unsaid = || NotTold::Failed("it does not say how requests are verified".to_owned());
    let webhook = plugin.installed.manifest.webhook.as_ref().ok_or_else(unsaid)?;
    let given = Given { headers: &knock.headers, url: &knock.url, body: &knock.body };
    let genuine = verify(webhook, secrets, given, knock.received)?;
    let request = Request {
        method: knock.method,
        target: without_secrets(&knock.target, webhook),
        headers: seen(knock.headers, webhook),
        body: knock.body,
        received: knock.received,
        settings: plugin.settings.clone(),
        zone: home.zone.clone(),
    };
    let received = sandbox.receive(component, &request, &plugin.limits);
    let (events, ignored) = match received.events {
        Ok(events) => (events, None),
        Err(NotReceived::Ignored(words)) => (Vec::new(), Some(words)),
        Err(NotReceived::Malformed(words)) => return Err(NotTold::Malformed(words)),
        Err(NotReceived::Failed(words)) => return Err(NotTold::Failed(words)),
    };
    if events.len() > MOST_EVENTS {
        return Err(NotTold::Failed(format!("it tells of {} events, and {MOST_EVENTS} are the limit", events.len())));
    }
    let events = events.into_iter().map(|event| self::event(event, &plugin.name, home)).collect::<Result<_, _>>();
    Ok(Told { events: events.map_err(NotTold::Failed)?, ignored, token: genuine.token, log: received.log })
}

/// An event as the intake takes it.
fn event(told: Incoming, source: &str, home: &Home) -> Result<CloudEvent, String> {
    let Incoming { kind, id, time, data } = told;
    for (what, text) in [("kind", &kind), ("id", &id)] {
        if text.is_empty() || text.len() > NAME_BYTES || text.chars().any(char::is_control) {
            return Err(format!("an event's `{what}` has 1 to {NAME_BYTES} bytes and no control characters"));
        }
    }
    let mut data: Value =
        serde_json::from_str(&data).map_err(|error| format!("the data of {kind} is not JSON: {error}"))?;
    tidy(&kind, &mut data, home);
    let data = to_raw_value(&data).map_err(|error| error.to_string())?;
    Ok(CloudEvent { id, source: source.to_owned(), kind, time, data, by_connector: true })
}

/// The headers that a connector sees: lower case, without what proves who it is.
fn seen(headers: Vec<(String, String)>, webhook: &Webhook) -> Vec<(String, String)> {
    let proves = |name: &str| {
        ["authorization", "cookie", "proxy-authorization"].contains(&name)
            || webhook.signature.iter().any(|source| matches!(source, Source::Header(header, _) if header == name))
    };
    let lower = headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
    lower.filter(|(name, _)| !proves(name)).collect()
}

/// Path and query without a secret that stands in the query.
fn without_secrets(target: &str, webhook: &Webhook) -> String {
    let Some((path, query)) = target.split_once('?').filter(|_| webhook.scheme == Scheme::Token) else {
        return target.to_owned();
    };
    let is_secret = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default();
        webhook.signature.iter().any(|source| matches!(source, Source::Query(known) if known == name))
    };
    let kept: Vec<&str> = query.split('&').filter(|pair| !is_secret(pair)).collect();
    if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
}

/// Whether a plugin receives at all.
pub fn receives(plugin: &Plugin) -> bool {
    plugin.installed.exports.contains(&Export::Receiving)
}
