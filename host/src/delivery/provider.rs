//! A message by a channel plugin: the plugin writes the request, the host fills in the secrets and sends it, and the plugin says what
//! the answer means.
//!
//! | what happens | outcome |
//! |---|---|
//! | the plugin cannot write it, or it may not be sent | failed |
//! | nothing reached the provider | retry |
//! | it was sent and the answer is lost | **unknown**; retry where the provider recognises a request that it has had before |
//! | an answer | what the plugin says |
//! | the plugin fails over the answer | unknown |

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use crate::domain::door::{Delivery, Outgoing};
use crate::domain::entry::Outcome;
use crate::domain::ids::BusinessId;
use crate::domain::plugin::Redo;
use crate::engine::{Engine, Parcel};
use crate::turn::config::Plugin;

use super::egress::{Egress, NoAnswer};
use super::placeholders::fill;

/// Requests of one plugin of a business that are under way at one time.
const AT_ONCE: usize = 8;

/// A plugin's way out: how many wait, and who may send.
pub(super) struct Gate {
    pub(super) waiting: AtomicUsize,
    pub(super) permits: Semaphore,
}

/// The ways out of all plugins.
#[derive(Default)]
pub(super) struct Gates(Mutex<HashMap<(BusinessId, String), Arc<Gate>>>);

impl Gates {
    pub(super) fn of(&self, business: BusinessId, plugin: &str) -> Arc<Gate> {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = || Arc::new(Gate { waiting: AtomicUsize::new(0), permits: Semaphore::new(AT_ONCE) });
        gates.entry((business, plugin.to_owned())).or_insert_with(gate).clone()
    }
}

/// What is unknown to us is done again where the provider says that it may be.
pub(super) fn lost(plugin: &Plugin, words: String) -> Outcome {
    let redo = plugin.installed.manifest.channel.as_ref().map(|channel| channel.redo).unwrap_or_default();
    match redo {
        Redo::Idempotent => Outcome::Retry(words),
        Redo::Never => Outcome::Unknown(words),
    }
}

/// One attempt at one message. `handed_over` is set just before the request may reach the provider.
pub(super) async fn attempt(
    engine: &Arc<Engine>,
    egress: &Egress,
    parcel: &Parcel,
    handed_over: &AtomicBool,
) -> Outcome {
    let channel = &parcel.message.channel;
    let ready = engine.ready(parcel.business);
    let Some((ready, plugin)) = ready.and_then(|ready| Some((ready.clone(), ready.config.channel(channel)?.clone())))
    else {
        return Outcome::Failed(format!("no plugin serves the channel `{channel}` any more"));
    };
    let Some(component) = ready.component(&plugin.name) else {
        return Outcome::Retry("the channel's component could not be loaded on this host".to_owned());
    };
    if parcel.address.is_empty() {
        return Outcome::Failed(format!("nothing is known of where to reach this customer by {channel}"));
    }
    let hosts = match hosts(&plugin) {
        Ok(hosts) => hosts,
        Err(words) => return Outcome::Failed(words),
    };
    let message = outgoing(engine, parcel, &plugin);
    let (asked, limits, given) = (component.clone(), plugin.limits, message.clone());
    let sandbox = engine.clone();
    let encoded = blocking(move || sandbox.sandbox().encode(&asked, &given, &limits)).await;
    let request = match encoded {
        Ok(request) => request,
        Err(words) => return Outcome::Failed(words),
    };
    let query = engine.query(parcel.business);
    let secret = |name: &str| query.secret(&plugin.name, name).ok()??.values.0.into_iter().next();
    let request = match fill(&request, secret) {
        Ok(request) => request,
        Err(words) => return Outcome::Failed(words),
    };
    handed_over.store(true, Ordering::SeqCst);
    let answer = match egress.send(request, &hosts).await {
        Ok(answer) => answer,
        Err(NoAnswer::Forbidden(words)) => return Outcome::Failed(words),
        Err(NoAnswer::NotSent(words)) => return Outcome::Retry(words),
        Err(NoAnswer::Lost(words)) => return lost(&plugin, words),
    };
    let (status, sandbox) = (answer.status, engine.clone());
    let decoded = blocking(move || sandbox.sandbox().decode(&component, &message, &answer, &limits)).await;
    match decoded {
        Ok(Delivery::Accepted(Some(id))) => Outcome::Accepted { plugin: plugin.name.to_string(), id },
        Ok(Delivery::Accepted(None)) => Outcome::Sent,
        Ok(Delivery::Retry(reason, None)) => Outcome::Retry(reason),
        Ok(Delivery::Retry(reason, Some(after_ms))) => Outcome::Later { reason, after_ms },
        Ok(Delivery::Failed(reason)) => Outcome::Failed(reason),
        Ok(Delivery::Unreachable(reason)) => Outcome::Unreachable(reason),
        Ok(Delivery::Gone(reason)) => Outcome::Gone { plugin: plugin.name.to_string(), reason },
        Err(words) => lost(&plugin, format!("the provider answered {status}, and the channel failed over it: {words}")),
    }
}

/// A call of the sandbox computes, so it has a thread of its own.
async fn blocking<T: Send + 'static>(call: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(call).await;
    done.unwrap_or_else(|_| Err("the channel could not be called here".to_owned()))
}

/// The hosts that a plugin may reach: those in its file, and those that its owner's settings name.
fn hosts(plugin: &Plugin) -> Result<Vec<String>, String> {
    let settings: serde_json::Value = serde_json::from_str(&plugin.settings).unwrap_or_default();
    let declared = plugin.installed.manifest.channel.iter().flat_map(|channel| &channel.hosts);
    declared
        .map(|host| match host.strip_prefix("setting:") {
            None => Ok(host.clone()),
            Some(place) => {
                let text = settings.pointer(place).and_then(serde_json::Value::as_str).unwrap_or_default();
                let host = url::Url::parse(text).ok().and_then(|url| url.host_str().map(str::to_owned));
                host.ok_or_else(|| {
                    format!("the setting `{}` of {} is no address", place.trim_start_matches('/'), plugin.name)
                })
            }
        })
        .collect()
}

fn outgoing(engine: &Engine, parcel: &Parcel, plugin: &Plugin) -> Outgoing {
    let message = &parcel.message;
    let reports = engine.public_url().filter(|_| plugin.installed.manifest.webhook.is_some());
    Outgoing {
        message: message.id.to_string(),
        channel: message.channel.clone(),
        to: parcel.address.clone(),
        name: None,
        subject: message.subject.clone(),
        text: message.text.clone(),
        language: message.language.clone(),
        in_reply_to: parcel.answers.as_ref().and_then(|answers| answers.original.as_ref()?.message_id.clone()),
        unsubscribe: parcel.unsubscribe.clone(),
        reports: reports.map(|url| format!("{}/hooks/{}/{}", url.trim_end_matches('/'), parcel.business, plugin.name)),
        settings: plugin.settings.clone(),
        now: engine.world().now(),
        extra: vec![("business".to_owned(), parcel.business_name.clone())],
    }
}
