//! What an owner should look at now, each with what to do about it: vendors' requests that were refused, messages that did not reach
//! anybody, plugins that do not run, and what they need.
//!
//! It keeps nothing of its own. What was refused is remembered in memory ([`lately`](super::lately)), all else follows from the
//! store as it is: so a trouble is gone as soon as it is over. It never goes through a whole business: it looks at the newest notices and
//! dead letters, at most so many as said here.

mod english;
mod german;
mod spanish;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::ids::{BusinessId, CustomerId, MessageId};
use crate::domain::message::{Delivery, Message, is_own};
use crate::domain::plugin::{Export, Installed, WANTS_NO_MORE};
use crate::domain::time::{DAY, Instant};
use crate::domain::webhook::Scheme;
use crate::engine::config::Ready;
use crate::engine::query::Query;
use crate::store::StoreError;

use super::ask::{Asked, Page};
use super::auth::Staff;
use super::lately::{Reason, Refusals, short};
use super::messages::Telling;
use super::problem::{Kind, Problem};
use super::story::Language;
use super::{App, json};

/// How far back messages that did not arrive are looked for, in milliseconds.
const RECENT_MS: u64 = 7 * DAY;

/// How many of the newest notices are looked at: each message that did not arrive has left one.
const NOTICES: usize = 500;

/// How many of the newest dead letters are looked at.
const DEAD_LETTERS: usize = 200;

/// How many troubles are told at a time.
const TROUBLES: usize = 200;

/// What is wrong, with what its sentences need.
#[derive(Debug, Clone, Copy)]
pub enum What<'a> {
    /// Requests to a connector were refused; `secret` is the one that verifies them.
    Refused { plugin: &'a str, reason: Reason, secret: &'a str, count: u64 },
    /// Messages could not be sent.
    Failed { channel: &'a str, reason: &'a str, count: u64 },
    /// Nobody knows whether messages were sent.
    Uncertain { channel: &'a str, reason: &'a str, count: u64 },
    /// Messages failed since no plugin serves their channel.
    Unserved { channel: &'a str, count: u64 },
    /// The other end of a channel wants no more messages.
    Gone { plugin: &'a str, reason: &'a str },
    /// Attune, or somebody's word about a key, stopped a plugin.
    Stopped { plugin: &'a str, reason: &'a str },
    /// A plugin that is on asks for more than its owner approved.
    Unapproved { plugin: &'a str, wants: &'a str },
    /// A plugin that is on has no value of a secret; `verifies` if requests to it are verified by that one.
    NoSecret { plugin: &'a str, secret: &'a str, verifies: bool },
    /// Parts of events were given up.
    GivenUp { plugin: &'a str, reason: &'a str, count: u64 },
    /// Everything automated is paused.
    AllPaused { by: &'a str, reason: &'a str },
}

impl What<'_> {
    /// The stable word for its kind.
    fn kind(&self) -> &'static str {
        match self {
            Self::Refused { reason: Reason::ConnectorFailed, .. } => "connector-failed",
            Self::Refused { .. } => "request-refused",
            Self::Failed { .. } => "delivery-failed",
            Self::Uncertain { .. } => "delivery-uncertain",
            Self::Unserved { .. } => "channel-unserved",
            Self::Gone { .. } => "channel-gone",
            Self::Stopped { .. } => "plugin-stopped",
            Self::Unapproved { .. } => "plugin-unapproved",
            Self::NoSecret { .. } => "secret-missing",
            Self::GivenUp { .. } => "dead-letters",
            Self::AllPaused { .. } => "all-paused",
        }
    }

    /// What is wrong, and what to do, in a language.
    fn words(&self, language: Language) -> (String, String) {
        match language {
            Language::English => english::words(self),
            Language::German => german::words(self),
            Language::Spanish => spanish::words(self),
        }
    }
}

/// Something that an owner should look at.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Trouble {
    /// `request-refused`, `connector-failed`, `delivery-failed`, `delivery-uncertain`, `channel-unserved`, `channel-gone`, `plugin-stopped`,
    /// `plugin-unapproved`, `secret-missing`, `dead-letters` or `all-paused`.
    kind: &'static str,
    /// When it happened last, in milliseconds since the Unix epoch; now, for what is so now and nobody noted since when.
    #[schema(value_type = u64)]
    at: Instant,
    /// When it happened first, as far as is remembered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    since: Option<Instant>,
    /// How often.
    count: u64,
    /// Which plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    plugin: Option<String>,
    /// Which channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    /// Whom it is about: of several, the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    customer: Option<CustomerId>,
    /// Which message: of several, the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    message: Option<MessageId>,
    /// Of requests that were refused, a stable word for why.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    /// What was said of it, as it was said: the provider's, the connector's or the host's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What is wrong.
    text: String,
    /// What to do.
    remedy: String,
    /// Where in the API it is to be seen.
    link: String,
}

impl Trouble {
    fn new(what: What<'_>, language: Language, at: Instant, link: String) -> Self {
        let (text, remedy) = what.words(language);
        Self {
            kind: what.kind(),
            at,
            since: None,
            count: 1,
            plugin: None,
            channel: None,
            customer: None,
            message: None,
            reason: None,
            detail: None,
            text,
            remedy,
            link,
        }
    }

    /// When it happened last.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// Whether it is about a plugin.
    pub fn is_of(&self, plugin: &str) -> bool {
        self.plugin.as_deref() == Some(plugin)
    }

    /// One of a plugin.
    fn of_plugin(what: What<'_>, language: Language, at: Instant, plugin: &str) -> Self {
        Self { plugin: Some(plugin.to_owned()), ..Self::new(what, language, at, format!("/v1/plugins/{plugin}")) }
    }
}

/// A reason as the end of a sentence.
fn clause(reason: &str) -> &str {
    reason.trim_end_matches(['.', ' '])
}

/// What an owner should look at now, newest first. All on one page.
///
/// Roles: staff, owner. Messages that did not arrive are looked for in the last seven days and the newest 500 notices, dead letters among the
/// newest 200; a `count` is of those. Of requests that were refused, the last day is remembered, and a restart forgets them. A trouble goes
/// by itself when it is over.
#[utoipa::path(get, path = "/v1/troubles", operation_id = "listTroubles", tag = "attention", params(Telling),
    responses((status = 200, description = "All of them", body = Page<Trouble>)))]
pub async fn list(
    State(app): State<Arc<App>>,
    Staff(actor): Staff,
    Asked(telling): Asked<Telling>,
) -> Result<Response, Problem> {
    // Hundreds of rows are opened, which would hold up this thread's other requests.
    let looked = tokio::task::spawn_blocking(move || troubles(&app, actor.business, telling.language)).await;
    let items = looked.map_err(|_| Problem::new(Kind::Internal, "looking for troubles failed here"))??;
    Ok(json(StatusCode::OK, &Page { items, next: None }))
}

fn troubles(app: &App, business: BusinessId, language: Language) -> Result<Vec<Trouble>, Problem> {
    let (query, now) = (app.engine.query(business), app.engine.world().now());
    let ready = app.engine.ready(business);
    let plugins = query.plugins()?;
    let mut found: Vec<Trouble> = refusals(app, business, &plugins, language, now)
        .into_iter()
        .filter_map(|(trouble, is_over)| (!is_over).then_some(trouble))
        .collect();
    for installed in plugins.iter().filter(|installed| installed.enabled) {
        of_plugin(&query, installed, language, now, &mut found)?;
    }
    if let Some(ready) = &ready {
        undelivered(&query, ready, language, now, &mut found)?;
        if let Some(pause) = &ready.config.business.paused {
            let what = What::AllPaused { by: &pause.by, reason: clause(&pause.reason) };
            let trouble = Trouble::new(what, language, pause.since, "/v1/business".to_owned());
            found.push(Trouble { since: Some(pause.since), detail: Some(pause.reason.clone()), ..trouble });
        }
    }
    given_up(&query, language, &mut found)?;
    found.sort_by_key(|one| std::cmp::Reverse(one.at));
    found.truncate(TROUBLES);
    Ok(found)
}

/// What was refused within the last day at connectors that are still there, and whether good requests came since.
pub fn refusals(
    app: &App,
    business: BusinessId,
    plugins: &[Installed],
    language: Language,
    now: Instant,
) -> Vec<(Trouble, bool)> {
    let mut found = Vec::new();
    for (plugin, reason, Refusals { count, since, at, words, over, .. }) in app.lately.refusals(business, now) {
        let installed = plugins.iter().find(|one| one.name == plugin);
        if reason == Reason::Busy || (installed.is_none() && reason != Reason::NoConnector) {
            continue;
        }
        let webhook = installed.and_then(|one| one.manifest.webhook.as_ref());
        let secret = webhook.map_or("", |webhook| webhook.secret.as_str());
        let what = What::Refused { plugin: &plugin, reason, secret, count };
        let link = match installed {
            Some(_) => format!("/v1/plugins/{plugin}/requests"),
            None => "/v1/plugins".to_owned(),
        };
        let mut trouble = Trouble::new(what, language, at, link);
        (trouble.since, trouble.count) = (Some(since), count);
        (trouble.reason, trouble.detail) = (Some(reason), Some(words));
        trouble.plugin = installed.map(|_| plugin.clone());
        found.push((trouble, over));
    }
    found
}

/// What keeps a plugin that is on from doing its work.
fn of_plugin(
    query: &Query<'_>,
    installed: &Installed,
    language: Language,
    now: Instant,
    found: &mut Vec<Trouble>,
) -> Result<(), StoreError> {
    let plugin = installed.name.as_str();
    if let Some(paused) = &installed.paused {
        let what = match paused.reason.strip_prefix(WANTS_NO_MORE) {
            Some(reason) => What::Gone { plugin, reason: clause(reason) },
            None => What::Stopped { plugin, reason: clause(&paused.reason) },
        };
        let trouble = Trouble::of_plugin(what, language, paused.since, plugin);
        found.push(Trouble { since: Some(paused.since), detail: Some(short(&paused.reason)), ..trouble });
    }
    let wants = installed.ungranted().join(", ");
    if !wants.is_empty() {
        found.push(Trouble::of_plugin(What::Unapproved { plugin, wants: &wants }, language, now, plugin));
    }
    let webhook = installed.manifest.webhook.as_ref().filter(|webhook| webhook.scheme != Scheme::None);
    let verifying = webhook.filter(|_| installed.exports.contains(&Export::Receiving)).map(|webhook| &webhook.secret);
    let sends = installed.exports.contains(&Export::Sending);
    for secret in installed.manifest.secrets.keys() {
        let verifies = verifying == Some(secret);
        // A secret that neither verifies nor is for sending is for something that the owner may do without.
        if (verifies || sends) && query.secret(plugin, secret)?.is_none() {
            found.push(Trouble::of_plugin(What::NoSecret { plugin, secret, verifies }, language, now, plugin));
        }
    }
    Ok(())
}

/// Messages that went wrong in one way.
struct Lost {
    count: u64,
    since: Instant,
    at: Instant,
    last: Message,
}

/// Messages that could not be sent, or of which nobody knows, by channel and reason.
fn undelivered(
    query: &Query<'_>,
    ready: &Ready,
    language: Language,
    now: Instant,
    found: &mut Vec<Trouble>,
) -> Result<(), StoreError> {
    let mut groups: HashMap<(String, String, bool), Lost> = HashMap::new();
    let mut seen = HashSet::new();
    for (_, notice) in query.notices(None, NOTICES)? {
        if notice.plugin != "host" || notice.at.plus(RECENT_MS) < now {
            continue;
        }
        for message in query.examples(&notice.examples)? {
            // As it is now: it may have been settled, or sent after all.
            let (reason, known) = match &message.delivery {
                Delivery::Failed { reason } => (reason, true),
                Delivery::Uncertain { reason } => (reason, false),
                _ => continue,
            };
            // One that failed twice has left two notices.
            if !seen.insert(message.id) {
                continue;
            }
            let name = (message.channel.clone(), short(reason.lines().next().unwrap_or_default()), known);
            let at = notice.at;
            let lost = groups.entry(name).or_insert(Lost { count: 0, since: at, at, last: message });
            // Newest first: the last message is the one that is there already.
            (lost.count, lost.since) = (lost.count + 1, at);
        }
    }
    for ((channel, reason, known), Lost { count, since, at, last }) in groups {
        // Whether the host has a mail server, the reason says.
        let served = is_own(&channel) || channel == "email" || ready.config.channel(&channel).is_some();
        let (channel, reason) = (channel.as_str(), clause(&reason));
        let what = match known {
            false => What::Uncertain { channel, reason, count },
            true if served => What::Failed { channel, reason, count },
            true => What::Unserved { channel, count },
        };
        let mut trouble = Trouble::new(what, language, at, format!("/v1/messages/{}/why", last.id));
        (trouble.since, trouble.count) = (Some(since), count);
        (trouble.channel, trouble.detail) = (Some(channel.to_owned()), Some(reason.to_owned()));
        (trouble.customer, trouble.message) = (Some(last.customer), Some(last.id));
        found.push(trouble);
    }
    Ok(())
}

/// Parts of events that were given up, by plugin and reason.
fn given_up(query: &Query<'_>, language: Language, found: &mut Vec<Trouble>) -> Result<(), StoreError> {
    let mut groups: HashMap<(String, String), (u64, Instant, Instant, CustomerId)> = HashMap::new();
    for (customer, letter) in query.dead_letters(None, DEAD_LETTERS)? {
        let name = (letter.share.plugin, short(letter.share.reason.lines().next().unwrap_or_default()));
        let group = groups.entry(name).or_insert((0, letter.at, letter.at, customer));
        (group.0, group.1) = (group.0 + 1, letter.at);
    }
    for ((plugin, reason), (count, since, at, customer)) in groups {
        let what = What::GivenUp { plugin: &plugin, reason: clause(&reason), count };
        let mut trouble = Trouble::new(what, language, at, "/v1/dead-letters".to_owned());
        (trouble.since, trouble.count) = (Some(since), count);
        trouble.customer = (!customer.is_business()).then_some(customer);
        (trouble.plugin, trouble.detail) = (Some(plugin), Some(reason));
        found.push(trouble);
    }
    Ok(())
}
