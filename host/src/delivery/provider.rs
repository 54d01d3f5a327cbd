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

use crate::domain::door::{Answered, Delivery, HttpRequest, HttpResponse, Outgoing};
use crate::domain::entry::Outcome;
use crate::domain::ids::BusinessId;
use crate::domain::plugin::Redo;
use crate::engine::{Engine, Parcel, WriteBack};
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
fn lost(redo: Redo, words: String) -> Outcome {
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
    // A channel for staff may have one place to go, and then needs no address.
    if parcel.address.is_empty() && parcel.notice.is_none() {
        return Outcome::Failed(format!("nothing is known of where to reach this customer by {channel}"));
    }
    let Some(declared) = plugin.installed.manifest.channel.as_ref() else {
        return Outcome::Failed(format!("{} does not say whom it reaches", plugin.name));
    };
    let message = outgoing(engine, parcel, &plugin);
    let (asked, limits, given, sandbox) = (component.clone(), plugin.limits, message.clone(), engine.clone());
    let request = match blocking(move || sandbox.sandbox().encode(&asked, &given, &limits)).await {
        Ok(request) => request,
        Err(words) => return Outcome::Failed(words),
    };
    let way = Way { engine, egress, plugin: &plugin, business: parcel.business, redo: declared.redo };
    let answer = match way.send(&request, &declared.hosts, handed_over).await {
        Ok(answer) => answer,
        Err(outcome) => return outcome,
    };
    let (status, sandbox) = (answer.status, engine.clone());
    let decoded = blocking(move || sandbox.sandbox().decode(&component, &message, &answer, &limits)).await;
    way.outcome(status, decoded)
}

/// One attempt at telling a calendar of a customer's answer; the same otherwise.
pub(super) async fn write_back(
    engine: &Arc<Engine>,
    egress: &Egress,
    answer: &WriteBack,
    handed_over: &AtomicBool,
) -> Outcome {
    let ready = engine.ready(answer.business);
    let Some((ready, plugin)) =
        ready.and_then(|ready| Some((ready.clone(), ready.config.plugin(&answer.plugin)?.clone())))
    else {
        return Outcome::Failed(format!("there is no plugin {} any more", answer.plugin));
    };
    let Some(declared) = plugin.installed.manifest.writing_back.as_ref().filter(|_| plugin.runs) else {
        return Outcome::Failed(format!("{} is turned off, or cannot be told from here", plugin.name));
    };
    let Some(component) = ready.component(&plugin.name) else {
        return Outcome::Retry("the connector's component could not be loaded on this host".to_owned());
    };
    let answered = Answered {
        errand: answer.errand.to_string(),
        appointment: answer.appointment.clone(),
        at: answer.at,
        settings: plugin.settings.clone(),
        now: engine.world().now(),
        extra: vec![("business".to_owned(), answer.business_name.clone())],
    };
    let (asked, limits, given, sandbox) = (component.clone(), plugin.limits, answered.clone(), engine.clone());
    let request = match blocking(move || sandbox.sandbox().encode_answer(&asked, &given, &limits)).await {
        Ok(Some(request)) => request,
        Ok(None) => return Outcome::Unwanted,
        Err(words) => return Outcome::Failed(words),
    };
    let way = Way { engine, egress, plugin: &plugin, business: answer.business, redo: declared.redo };
    let answer = match way.send(&request, &declared.hosts, handed_over).await {
        Ok(answer) => answer,
        Err(outcome) => return outcome,
    };
    let (status, sandbox) = (answer.status, engine.clone());
    let decoded = blocking(move || sandbox.sandbox().decode_answer(&component, &answered, &answer, &limits)).await;
    way.outcome(status, decoded)
}

/// A plugin's way to its provider and back.
struct Way<'a> {
    engine: &'a Arc<Engine>,
    egress: &'a Egress,
    plugin: &'a Plugin,
    business: BusinessId,
    redo: Redo,
}

impl Way<'_> {
    /// Fills in the secrets and sends a request; an outcome if there is no answer.
    async fn send(
        &self,
        request: &HttpRequest,
        declared: &[String],
        handed_over: &AtomicBool,
    ) -> Result<HttpResponse, Outcome> {
        let hosts = hosts(self.plugin, declared).map_err(Outcome::Failed)?;
        let request = {
            let query = self.engine.query(self.business);
            let secret = |name: &str| query.secret(&self.plugin.name, name).ok()??.values.0.into_iter().next();
            fill(request, secret).map_err(Outcome::Failed)?
        };
        handed_over.store(true, Ordering::SeqCst);
        self.egress.send(request, &hosts).await.map_err(|none| match none {
            NoAnswer::Forbidden(words) => Outcome::Failed(words),
            NoAnswer::NotSent(words) => Outcome::Retry(words),
            NoAnswer::Lost(words) => lost(self.redo, words),
        })
    }

    /// What the plugin makes of an answer.
    fn outcome(&self, status: u16, decoded: Result<Delivery, String>) -> Outcome {
        let name = &self.plugin.name;
        match decoded {
            Ok(Delivery::Accepted(Some(id))) => Outcome::Accepted { plugin: name.to_string(), id },
            Ok(Delivery::Accepted(None)) => Outcome::Sent,
            Ok(Delivery::Retry(reason, None)) => Outcome::Retry(reason),
            Ok(Delivery::Retry(reason, Some(after_ms))) => Outcome::Later { reason, after_ms },
            Ok(Delivery::Failed(reason)) => Outcome::Failed(reason),
            Ok(Delivery::Unreachable(reason)) => Outcome::Unreachable(reason),
            Ok(Delivery::Gone(reason)) => Outcome::Gone { plugin: name.to_string(), reason },
            Err(words) => {
                lost(self.redo, format!("the provider answered {status}, and {name} failed over it: {words}"))
            }
        }
    }
}

/// A call of the sandbox computes, so it has a thread of its own.
async fn blocking<T: Send + 'static>(call: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(call).await;
    done.unwrap_or_else(|_| Err("the channel could not be called here".to_owned()))
}

/// The hosts that a plugin may reach: those in its file, and those that its owner's settings name.
fn hosts(plugin: &Plugin, declared: &[String]) -> Result<Vec<String>, String> {
    let settings: serde_json::Value = serde_json::from_str(&plugin.settings).unwrap_or_default();
    declared
        .iter()
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
    let mut extra = vec![("business".to_owned(), parcel.business_name.clone())];
    if let Some(notice) = &parcel.notice {
        extra.push(("notice".to_owned(), notice.notice.to_string()));
        extra.push(("urgency".to_owned(), notice.urgency.clone()));
        extra.push(("title".to_owned(), notice.title.clone()));
        extra.extend(notice.link.clone().map(|link| ("link".to_owned(), link)));
    }
    Outgoing {
        message: parcel.notice.as_ref().map_or_else(|| message.id.to_string(), |notice| notice.errand.to_string()),
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
        extra,
    }
}
