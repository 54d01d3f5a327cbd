//! The API: everything that is HTTP. It asks who is there, reads what they want, hands it to the intake or the engine, and
//! writes the answer.
//!
//! It decides nothing about customers, writes no row by itself, and keeps nothing that a restart would miss. What it never
//! does: tell one business anything about another, log a body or a secret, or panic on input. axum and hyper appear only here.

mod ask;
mod audit;
mod auth;
mod business;
mod cases;
mod chat;
mod consents;
mod customers;
mod dead_letters;
mod events;
mod fairness;
mod health;
mod hooks;
mod keys;
mod knowledge;
mod lately;
mod messages;
mod metrics;
mod openapi;
mod pause;
mod plugins;
mod problem;
mod requests;
mod rest;
mod rights;
mod secret;
mod secrets;
mod serve;
mod story;
mod stream;
mod tokens;
mod trends;
mod troubles;
mod unsubscribe;
mod visitors;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{from_fn, from_fn_with_state, map_response_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post, put};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, watch};

use crate::domain::entry::{Change, Input};
use crate::domain::ids::{BusinessId, CustomerId};
use crate::engine::{Engine, Report};
use crate::store::Batch;

use problem::{Kind, Problem};

pub use openapi::description;
pub use secret::{new_secret, secret_hash};
pub use serve::serve;

/// What a request may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of a body. A batch of a thousand ordinary events fits.
    pub body_bytes: usize,
    /// Bytes of what a vendor sends: a mail with its attachments.
    pub hook_bytes: usize,
    /// Vendors' requests that are verified and understood at one time.
    pub hooks: usize,
    /// Items of a page when nothing is said.
    pub page: usize,
    /// Items of a page at the most.
    pub page_most: usize,
    /// Events of a batch.
    pub batch: usize,
    /// Connections at one time; more wait to be accepted.
    pub connections: usize,
    /// Live streams of conversations at one time; each holds a connection.
    pub streams: usize,
    /// Components that are read and compiled at one time.
    pub uploads: usize,
    /// How long another one waits for its turn, in seconds.
    pub upload_wait_s: u64,
    /// How long a connection may take to send the head of its next request, in seconds; idle ones are closed after it.
    pub head_s: u64,
    /// How long a body may take, in seconds.
    pub body_s: u64,
    /// How long a change waits for its step, in seconds. It stands in the journal all the same.
    pub act_s: u64,
    /// How long requests under way may take when the server stops, in seconds.
    pub stop_s: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            hook_bytes: 16 << 20,
            hooks: 8,
            page: 50,
            page_most: 200,
            batch: 1_000,
            connections: 8_192,
            streams: 4_096,
            uploads: 2,
            upload_wait_s: 10,
            head_s: 75,
            body_s: 30,
            act_s: 30,
            stop_s: 10,
        }
    }
}

/// What the API stands on, shared by all requests.
pub struct App {
    engine: Arc<Engine>,
    limits: Limits,
    version: &'static str,
    counts: metrics::Counts,
    known: auth::KnownTokens,
    /// What visitors of the chat used lately.
    rates: chat::Rates,
    /// What the audit log has of the last minute.
    seen: audit::Seen,
    /// What vendors sent, and what of it was refused.
    lately: lately::Lately,
    /// True once the server stops: streams end then.
    closing: watch::Sender<bool>,
    streams: Arc<Semaphore>,
    uploads: Semaphore,
    hooks: Arc<Semaphore>,
    /// Digests of the component files that the operator put on the server.
    vouched: OnceLock<BTreeSet<String>>,
    /// Held while what is known of a business is read, merged and written.
    merging: tokio::sync::Mutex<()>,
}

impl App {
    /// The API of an engine. `version` is the program's.
    pub fn new(engine: Arc<Engine>, limits: Limits, version: &'static str) -> Arc<Self> {
        Arc::new(Self {
            counts: metrics::Counts::default(),
            known: auth::KnownTokens::default(),
            rates: chat::Rates::default(),
            seen: audit::Seen::default(),
            lately: lately::Lately::default(),
            closing: watch::Sender::new(false),
            streams: Arc::new(Semaphore::new(limits.streams)),
            uploads: Semaphore::new(limits.uploads),
            hooks: Arc::new(Semaphore::new(limits.hooks)),
            vouched: OnceLock::new(),
            merging: tokio::sync::Mutex::default(),
            engine,
            limits,
            version,
        })
    }

    /// The operator vouches for component files, by their digests (SHA-256 in hexadecimal). Only the first call counts.
    pub fn vouch(&self, digests: BTreeSet<String>) {
        // There is one caller, before the first request.
        let _ = self.vouched.set(digests);
    }

    /// Puts an input into the journal and waits for its step. What the step refused is a problem.
    async fn act(
        self: &Arc<Self>,
        business: BusinessId,
        customer: CustomerId,
        input: Input,
        batch: Batch,
    ) -> Result<Report, Problem> {
        let engine = self.engine.clone();
        // The engine answers through its own threads, and waiting for them would hold up this one.
        let acting = tokio::task::spawn_blocking(move || engine.act_with(business, customer, input, batch));
        match tokio::time::timeout(Duration::from_secs(self.limits.act_s), acting).await {
            Ok(Ok(report)) => Problem::of_report(report?),
            Ok(Err(_)) => {
                Err(Problem::new(Kind::Internal, "the change was dropped by a failure; look whether it is there"))
            }
            Err(_) => Err(Problem::new(
                Kind::Stopped,
                "the change is in the journal, but its turn has not come; look later whether it is there",
            )),
        }
    }

    /// A change by the owner or an operator.
    async fn change(self: &Arc<Self>, business: BusinessId, by: &str, change: Change) -> Result<Report, Problem> {
        let input = Input::Owner { by: by.to_owned(), change };
        self.act(business, CustomerId::BUSINESS, input, Batch::new()).await
    }
}

/// The whole API as a service.
pub fn router(app: Arc<App>) -> Router {
    let mut router = Router::new();
    for (path, methods) in routes() {
        router = router.route(path, methods);
    }
    router
        .fallback(no_route)
        .method_not_allowed_fallback(bad_method)
        .layer(from_fn_with_state(app.clone(), audit::watch))
        .layer(from_fn_with_state(app.clone(), chat::guard))
        .layer(map_response_with_state(app.clone(), finish))
        .layer(from_fn(rest::read_rest))
        .with_state(app)
}

/// Every path, with the methods it takes. A test holds this against the description.
fn routes() -> Vec<(&'static str, MethodRouter<Arc<App>>)> {
    vec![
        ("/", get(health::root)),
        ("/healthz", get(health::healthz)),
        ("/readyz", get(health::readyz)),
        ("/metrics", get(metrics::show)),
        ("/v1/openapi.json", get(openapi::show)),
        ("/v1/events", post(events::post)),
        ("/hooks/{business}/{plugin}", post(hooks::post)),
        ("/v1/visitors", post(visitors::post)),
        ("/v1/customers", get(customers::list)),
        ("/v1/customers/{id}", get(customers::one).delete(rights::erase)),
        ("/v1/customers/{id}/export", get(rights::export)),
        ("/v1/customers/{id}/merged", post(customers::merge)),
        ("/v1/customers/{id}/merged/{other}", delete(customers::part)),
        ("/v1/customers/{id}/whys", get(customers::whys)),
        ("/v1/customers/{id}/consents", get(consents::show).post(consents::tell)),
        ("/v1/customers/{id}/messages", get(messages::list).post(messages::post)),
        ("/v1/customers/{id}/messages/stream", get(stream::follow)),
        ("/v1/messages/{id}/why", get(messages::why)),
        ("/v1/messages/{id}/settle", post(messages::settle)),
        ("/v1/cases", get(cases::list)),
        ("/v1/cases/{id}", get(cases::one)),
        ("/v1/cases/{id}/take", post(cases::take)),
        ("/v1/cases/{id}/resolve", post(cases::resolve)),
        ("/v1/cases/{id}/reply", post(cases::reply)),
        ("/v1/notices", get(dead_letters::notices)),
        ("/v1/trends", get(trends::show)),
        ("/v1/troubles", get(troubles::list)),
        ("/v1/dead-letters", get(dead_letters::list)),
        ("/v1/dead-letters/{id}/retry", post(dead_letters::retry)),
        ("/v1/plugins", get(plugins::list).post(plugins::install)),
        ("/v1/plugins/{name}", get(plugins::one).patch(plugins::change).delete(plugins::remove)),
        ("/v1/plugins/{name}/requests", get(requests::show)),
        ("/v1/plugins/{name}/secrets/{secret}", put(secrets::set).delete(secrets::remove)),
        ("/v1/keys", get(keys::list).post(keys::trust)),
        ("/v1/keys/{key}", delete(keys::distrust)),
        ("/v1/knowledge", get(knowledge::list).post(knowledge::add)),
        ("/v1/knowledge/import", post(knowledge::import)),
        ("/v1/knowledge/search", get(knowledge::search)),
        ("/v1/knowledge/{id}", get(knowledge::one).put(knowledge::put).delete(knowledge::remove)),
        ("/v1/business", get(business::one).patch(business::change)),
        ("/v1/pause", post(pause::pause)),
        ("/v1/resume", post(pause::resume)),
        ("/v1/chat/{id}", get(chat::about)),
        ("/v1/chat/{id}/visit", post(chat::visit)),
        ("/v1/chat/{id}/messages", get(chat::list).post(chat::write)),
        ("/v1/chat/{id}/stream", get(chat::follow)),
        ("/chat.js", get(chat::script)),
        ("/chat/demo", get(chat::demo)),
        ("/unsubscribe/{token}", get(unsubscribe::ask).post(unsubscribe::end)),
        ("/v1/businesses", get(business::list).post(business::create)),
        ("/v1/audit", get(audit::list)),
        ("/v1/audit/fairness", get(fairness::history)),
        ("/v1/tokens", get(tokens::list).post(tokens::create)),
        ("/v1/tokens/{id}", delete(tokens::revoke)),
    ]
}

/// What every answer has, and its place in the count. What may be kept says so itself.
async fn finish(State(app): State<Arc<App>>, mut response: Response) -> Response {
    app.counts.answered(response.status());
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn no_route(uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    Problem::new(Kind::NoRoute, format!("there is nothing at `{path}`; /v1/openapi.json lists what there is"))
}

async fn bad_method(method: Method, uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    let method: String = method.as_str().chars().take(32).collect();
    Problem::new(Kind::BadMethod, format!("`{path}` does not take {method}; the header Allow says what it takes"))
}

/// An answer with a body of JSON.
fn json<T: Serialize>(status: StatusCode, value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => (status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response(),
        Err(error) => Problem::new(Kind::Internal, format!("the answer could not be written: {error}")).into_response(),
    }
}
