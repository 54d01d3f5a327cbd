//! Where vendors' requests come in. There is no token: whether a request is genuine is proved by its signature.
//!
//! The vendor is answered once the events are durable. Whatever is wrong is told with a status that makes vendors do the right
//! thing: 4xx for what will be wrong again, 5xx for what is worth another try.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::response::{IntoResponse, Response};

use crate::domain::ids::BusinessId;
use crate::engine::NotTaken;
use crate::intake::cloudevent::CloudEvent;
use crate::intake::hook::{self, Knock, NotTold, Told};
use crate::intake::verify::Unverified;
use crate::intake::{self, NotAccepted};

use super::App;
use super::events::{Accepted, take};
use super::lately::{Reason, TakenEvent};
use super::problem::{Kind, Problem, ProblemBody};

/// Why a request was not taken, for the vendor and for the owner.
struct Refused {
    problem: Problem,
    reason: Reason,
}

fn refused(reason: Reason, kind: Kind, words: impl Into<String>) -> Refused {
    Refused { problem: Problem::new(kind, words), reason }
}

/// Takes what a vendor sends to a connector.
///
/// The request is verified as the plugin's file says, with the secret that the owner set. Every event it tells of is durable when the
/// answer is 200; the same request again is answered with 200 and changes nothing.
#[utoipa::path(post, path = "/hooks/{business}/{plugin}", operation_id = "postHook", tag = "events", security(()),
    params(("business" = String, Path, description = "`biz_...`"),
        ("plugin" = String, Path, description = "The name under which the connector is installed")),
    request_body(content = Vec<u8>, description = "Whatever the vendor sends, at most 16 MiB",
        content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "Every event in it is durable, or there is none"),
        (status = 400, description = "The connector cannot read it", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 401, description = "It is not genuine, or too old", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 404, description = "There is no such connector", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 409, description = "Its token was used with another body", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "An event in it does not fit its schema", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 500, description = "The connector failed; send it again", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 503, description = "The connector is off, or too much is waiting; send it again", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn post(
    State(app): State<Arc<App>>,
    Path((business, plugin)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    let known = business.parse::<BusinessId>().ok().filter(|id| app.engine.ready(*id).is_some());
    let Some(business) = known else { return Err(nobody()) };
    receive(&app, business, &plugin, request).await.map_err(|refused| note(&app, business, &plugin, refused))
}

/// Notes that a request was not taken: in the figures, in what troubles are told of, and now and then in the log.
fn note(app: &App, business: BusinessId, plugin: &str, Refused { problem, reason }: Refused) -> Problem {
    app.counts.refused(reason.figure());
    let shown: String = plugin.chars().take(64).filter(|c| !c.is_control()).collect();
    // A name that leads nowhere may be any stranger's, so it is not kept.
    let name = if reason == Reason::NoConnector { "" } else { plugin };
    let now = app.engine.world().now();
    if let Some(unsaid) = app.lately.refused(business, name, reason, problem.words(), now) {
        let (reason, problem) = (reason.word(), problem.words());
        tracing::warn!(%business, plugin = shown, reason, unsaid, problem, "a webhook was not taken");
    }
    problem
}

/// The same for a business and for a plugin that are not there: nobody learns which there are.
fn nobody() -> Problem {
    Problem::new(Kind::NotFound, "there is no connector at this address; `attune connect` prints the right one")
}

async fn receive(app: &Arc<App>, business: BusinessId, name: &str, request: Request) -> Result<Response, Refused> {
    let missing = || Refused { problem: nobody(), reason: Reason::NoConnector };
    let ready = app.engine.ready(business).ok_or_else(missing)?;
    let plugin = ready.config.plugin(name).filter(|plugin| hook::receives(plugin)).cloned().ok_or_else(missing)?;
    if !plugin.runs {
        let words = format!("the connector `{name}` is off; its owner turns it on with `attune plugin enable {name}`");
        return Err(refused(Reason::Off, Kind::Stopped, words));
    }
    let component = ready.component(name).ok_or_else(|| {
        let words = "the connector's component could not be loaded on this host";
        refused(Reason::ConnectorFailed, Kind::Internal, words)
    })?;
    let (mut knock, host) = knock(app, &request);
    let body = app.read_body(request, app.limits.hook_bytes, app.limits.body_s).await;
    let cut = |problem: Problem| {
        let reason = if problem.kind() == Kind::TooLarge { Reason::TooLarge } else { Reason::BrokenOff };
        Refused { problem, reason }
    };
    knock.body = body.map_err(cut)?.to_vec();
    knock.url = match app.engine.public_url() {
        Some(url) => format!("{}{}", url.trim_end_matches('/'), knock.target),
        None => format!("http://{host}{}", knock.target),
    };
    let (body, received) = (knock.body.clone(), knock.received);
    let told = hear(app, business, &ready, component, plugin, knock).await?;
    if !told.log.is_empty() {
        tracing::info!(plugin = name, log = told.log, "the connector says");
    }
    if let Some(words) = &told.ignored {
        tracing::info!(plugin = name, words, "a webhook was of no concern");
    }
    if let Some(token) = &told.token {
        spend(app, business, name, token, &body).await?;
    }
    let (mut taken, mut wrong) = (Vec::with_capacity(told.events.len()), None);
    for event in told.events {
        match take_one(app, business, event).await {
            Ok(event) => taken.push(event),
            // What can be taken is taken: the vendor sends all of it again, and what is known already is nothing new.
            Err(refused) => drop(wrong.get_or_insert(refused)),
        }
    }
    app.counts.hooks.fetch_add(1, Ordering::Relaxed);
    if let Some(wrong) = wrong {
        return Err(wrong);
    }
    app.lately.taken(business, name, received, taken, told.ignored);
    Ok(StatusCode::OK.into_response())
}

/// Takes an event of a request.
async fn take_one(app: &Arc<App>, business: BusinessId, event: CloudEvent) -> Result<TakenEvent, Refused> {
    let (kind, id) = (event.kind.clone(), event.id.clone());
    let accepted = take(app, business, event).await.map_err(|problem| {
        let reason = match problem.kind() {
            Kind::Invalid => Reason::Misfit,
            Kind::Conflict => Reason::Conflict,
            _ => Reason::Busy,
        };
        Refused { problem, reason }
    })?;
    let (status, entry, customer) = match accepted {
        Accepted::Accepted { id, customer } => ("accepted", id, customer),
        Accepted::Repeated { id } => ("repeated", id, None),
    };
    Ok(TakenEvent { kind, id, status, entry, customer })
}

/// The request without its body, and the host it was sent to.
fn knock(app: &App, request: &Request) -> (Knock, String) {
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = request.headers();
    let target = request.uri().path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
    let knock = Knock {
        method: request.method().to_string(),
        target,
        url: String::new(),
        headers: headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        body: Vec::new(),
        received: app.engine.world().now(),
    };
    (knock, headers.get(HOST).map(text).unwrap_or_default())
}

/// Verifies the request and asks the connector, on a thread that may compute.
async fn hear(
    app: &Arc<App>,
    business: BusinessId,
    ready: &crate::engine::config::Ready,
    component: Arc<crate::sandbox::Component>,
    plugin: Arc<crate::turn::config::Plugin>,
    knock: Knock,
) -> Result<Told, Refused> {
    let name = plugin.installed.manifest.webhook.as_ref().map(|webhook| webhook.secret.clone()).unwrap_or_default();
    let secret = app.engine.query(business).secret(&plugin.name, &name);
    let secret = secret.map_err(|error| Refused { problem: error.into(), reason: Reason::Busy })?;
    let secrets = secret.map(|secret| secret.values.0).unwrap_or_default();
    let home = intake::home_of(&ready.config.business);
    let Ok(permit) = app.hooks.clone().acquire_owned().await else {
        return Err(refused(Reason::Busy, Kind::Stopped, "the server is stopping; send it again"));
    };
    let engine = app.engine.clone();
    let heard = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        hook::hear(engine.sandbox(), &component, &plugin, &secrets, &home, knock)
    });
    let heard = heard.await.map_err(|_| refused(Reason::ConnectorFailed, Kind::Internal, "reading it failed here"))?;
    heard.map_err(|error| match &error {
        NotTold::Unverified(why) => refused(unverified(why), Kind::Unverified, why.to_string()),
        NotTold::Malformed(_) => refused(Reason::Malformed, Kind::Malformed, error.to_string()),
        NotTold::Failed(_) => refused(Reason::ConnectorFailed, Kind::Internal, error.to_string()),
    })
}

fn unverified(why: &Unverified) -> Reason {
    match why {
        Unverified::NoSecret(_) => Reason::NoSecret,
        Unverified::Unsigned(_) => Reason::Unsigned,
        Unverified::Unreadable(_) => Reason::Unreadable,
        Unverified::Wrong => Reason::WrongSignature,
        Unverified::Stale { .. } => Reason::Stale,
    }
}

/// Notes that a token was used, with which body.
async fn spend(app: &Arc<App>, business: BusinessId, plugin: &str, token: &str, body: &[u8]) -> Result<(), Refused> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    intake::spend(&app.engine, business, plugin, token, body, move |result| {
        // Whoever asked may be gone.
        let _ = sender.send(result);
    });
    match receiver.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(NotAccepted::Conflict)) => {
            let words = "its token was used before with another body, so somebody sends an old signature again";
            Err(refused(Reason::Replayed, Kind::Conflict, words))
        }
        Ok(Err(error)) => Err(Refused { problem: error.into(), reason: Reason::Busy }),
        Err(_) => {
            let stopped = NotTaken::Stopped("the store stopped meanwhile; send it again".to_owned());
            Err(Refused { problem: NotAccepted::NotTaken(stopped).into(), reason: Reason::Busy })
        }
    }
}
