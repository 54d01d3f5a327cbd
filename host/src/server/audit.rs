//! The audit log: every request of a person that changed something or showed what is known of a customer leaves a line, by the
//! path it took. A handler cannot forget it, and a route that is new fails a test until it is said here what it does.
//!
//! A line has ids and labels, never an address, a text or a query: it outlives an erasure. The answer waits until its line is
//! durable; if the line cannot be written, the answer is given all the same and the operator reads why.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{MatchedPath, Query, Request, State};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use utoipa::{IntoParams, ToSchema};

use crate::domain::address::Address;
use crate::domain::audit::{LOOK_MS, Line};
use crate::domain::ids::{AuditId, BusinessId, CustomerId, TokenId};
use crate::domain::time::Instant;

use super::ask::{Asked, Page, parse};
use super::auth::{Keeper, Person, person};
use super::problem::Problem;
use super::{App, json};

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// Shows what is known of a customer.
    Look(&'static str),
    /// Changes something.
    Change(&'static str),
    /// Tells of what happened, which stands in the journal with its source: one line a minute says that a person did so.
    Tell(&'static str),
}

impl Act {
    fn word(self) -> &'static str {
        match self {
            Self::Look(word) | Self::Change(word) | Self::Tell(word) => word,
        }
    }
}

/// What a request does, by its method and the path of its route.
fn act_of(method: &Method, path: &str) -> Option<Act> {
    use Act::{Change, Look, Tell};
    Some(match (method.as_str(), path) {
        ("GET", "/v1/customers") => Look("customers.list"),
        ("GET", "/v1/customers/{id}") => Look("customers.get"),
        ("DELETE", "/v1/customers/{id}") => Change("customers.erase"),
        ("GET", "/v1/customers/{id}/export") => Look("customers.export"),
        ("GET", "/v1/customers/{id}/whys") => Look("customers.whys"),
        ("POST", "/v1/customers/{id}/merged") => Change("customers.merge"),
        ("DELETE", "/v1/customers/{id}/merged/{other}") => Change("customers.part"),
        ("GET", "/v1/customers/{id}/messages") => Look("messages.list"),
        ("GET", "/v1/customers/{id}/messages/stream") => Look("messages.stream"),
        ("POST", "/v1/customers/{id}/messages") => Change("messages.write"),
        ("GET", "/v1/messages/{id}/why") => Look("messages.why"),
        ("POST", "/v1/messages/{id}/settle") => Change("messages.settle"),
        ("GET", "/v1/cases") => Look("cases.list"),
        ("GET", "/v1/cases/{id}") => Look("cases.get"),
        ("POST", "/v1/cases/{id}/take") => Change("cases.take"),
        ("POST", "/v1/cases/{id}/resolve") => Change("cases.resolve"),
        ("POST", "/v1/cases/{id}/reply") => Change("cases.reply"),
        ("GET", "/v1/notices") => Look("notices.list"),
        ("GET", "/v1/troubles") => Look("troubles.list"),
        ("GET", "/v1/dead-letters") => Look("dead-letters.list"),
        ("POST", "/v1/dead-letters/{id}/retry") => Change("dead-letters.retry"),
        ("POST", "/v1/plugins") => Change("plugins.install"),
        ("PATCH", "/v1/plugins/{name}") => Change("plugins.change"),
        ("DELETE", "/v1/plugins/{name}") => Change("plugins.remove"),
        ("PUT", "/v1/plugins/{name}/secrets/{secret}") => Change("secrets.set"),
        ("DELETE", "/v1/plugins/{name}/secrets/{secret}") => Change("secrets.remove"),
        ("POST", "/v1/keys") => Change("keys.trust"),
        ("DELETE", "/v1/keys/{key}") => Change("keys.distrust"),
        ("POST", "/v1/knowledge") => Change("knowledge.add"),
        ("POST", "/v1/knowledge/import") => Change("knowledge.import"),
        ("PUT", "/v1/knowledge/{id}") => Change("knowledge.change"),
        ("DELETE", "/v1/knowledge/{id}") => Change("knowledge.delete"),
        ("PATCH", "/v1/business") => Change("business.change"),
        ("POST", "/v1/pause") => Change("automations.pause"),
        ("POST", "/v1/resume") => Change("automations.resume"),
        ("GET", "/v1/customers/{id}/consents") => Look("consents.get"),
        ("POST", "/v1/customers/{id}/consents") => Change("consents.tell"),
        ("POST", "/v1/businesses") => Change("businesses.create"),
        ("POST", "/v1/tokens") => Change("tokens.create"),
        ("DELETE", "/v1/tokens/{id}") => Change("tokens.revoke"),
        ("POST", "/v1/visitors") => Change("visitors.admit"),
        ("POST", "/v1/events") => Tell("events.send"),
        _ => return None,
    })
}

/// Whose, by which token, what, about whom, about what else.
type Repeated = (BusinessId, TokenId, &'static str, Option<CustomerId>, Option<String>);

/// How many looks are remembered.
const SEEN: usize = 4_096;

/// What was written down lately, and when.
#[derive(Default)]
pub struct Seen(Mutex<HashMap<Repeated, Instant>>);

impl Seen {
    /// Whether the same was written down a moment ago; if not it counts as written down now.
    fn repeats(&self, what: Repeated, now: Instant) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |at: &Instant| now < at.plus(LOOK_MS);
        if seen.get(&what).is_some_and(is_recent) {
            return true;
        }
        if seen.len() >= SEEN {
            seen.retain(|_, at| is_recent(at));
        }
        if seen.len() >= SEEN {
            seen.clear();
        }
        seen.insert(what, now);
        false
    }
}

/// Writes down what a person's request did, if it did something.
pub async fn watch(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let act = route.as_deref().and_then(|route| act_of(request.method(), route));
    let (Some(route), Some(act)) = (route, act) else { return next.run(request).await };
    let Some(person) = person(request.headers(), &app) else { return next.run(request).await };
    let named = named(&route, request.uri().path());
    // Looked up before the request is done: afterwards it may be gone.
    let customer = match &named {
        Some(named) => customer(&app, person.business, &route, named),
        None => by_address(&app, person.business, &route, request.uri()),
    };
    let response = next.run(request).await;
    let status = response.status();
    let changed = !matches!(act, Act::Look(_));
    // A change whose answer is a failure of the server may still come about.
    if status.is_success() || (changed && status.is_server_error()) {
        let subject = named.filter(|named| customer.is_none_or(|customer| customer.to_string() != *named));
        write(&app, person, act, customer, subject, changed, status).await;
    }
    response
}

async fn write(
    app: &App,
    person: Person,
    act: Act,
    customer: Option<CustomerId>,
    subject: Option<String>,
    changed: bool,
    status: StatusCode,
) {
    let now = app.engine.world().now();
    let what = (person.business, person.token.id, act.word(), customer, subject.clone());
    if !matches!(act, Act::Change(_)) && app.seen.repeats(what, now) {
        return;
    }
    let line = Line {
        id: app.engine.new_audit_id(),
        at: now,
        role: person.token.role,
        label: person.token.label.clone(),
        token: person.token.id,
        act: act.word().to_owned(),
        customer,
        subject,
        changed,
        status: status.as_u16(),
    };
    let (sender, receiver) = oneshot::channel();
    app.engine.audit(person.business, &line, move |result| drop(sender.send(result)));
    if let Ok(Err(error)) = receiver.await {
        tracing::error!(act = line.act, %error, "a line of the audit log could not be written");
    }
}

/// What the path names where its route has a parameter.
fn named(route: &str, path: &str) -> Option<String> {
    let parts = route.split('/').zip(path.split('/'));
    let named = parts.filter(|(part, _)| part.starts_with('{')).map(|(_, named)| named.chars().take(100).collect());
    // Whatever is no id or name was not found.
    named.reduce(|all: String, next: String| format!("{all}/{next}"))
}

/// Whom it is about, as far as the path tells.
fn customer(app: &App, business: BusinessId, route: &str, named: &str) -> Option<CustomerId> {
    let query = app.engine.query(business);
    // What cannot be looked up cannot be shown either, and is told by the answer.
    match route.split('/').nth(2)? {
        "customers" => named.split('/').next()?.parse().ok(),
        "messages" => Some(query.message(named.parse().ok()?).ok()??.customer),
        "cases" => Some(query.case(named.parse().ok()?).ok()??.customer),
        "dead-letters" => query.dead_letter_owner(named.parse().ok()?).ok()?,
        _ => None,
    }
}

/// Whom an address in the query leads to. The address itself is not written down.
fn by_address(app: &App, business: BusinessId, route: &str, uri: &Uri) -> Option<CustomerId> {
    #[derive(Deserialize)]
    struct Asks {
        address: String,
    }
    let Query(asks) = Query::<Asks>::try_from_uri(uri).ok().filter(|_| route == "/v1/customers")?;
    let address = Address::parse(&asks.address).ok()?;
    Some(app.engine.query(business).customer_by_address(&address).ok()??.id)
}

/// Which lines.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Where to go on: `next` of the page before.
    after: Option<String>,
    /// Only what is about this customer: `cus_...`.
    customer: Option<String>,
    /// How many, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// A line of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShownLine {
    /// What it says.
    #[serde(flatten)]
    line: Line,
    /// When, RFC 3339.
    time: String,
}

/// Who looked at what is known of customers, and who changed anything; oldest first. The same look of the same person within
/// a minute is one line. Nothing changes or deletes a line.
///
/// Roles: owner; an operator who names no business sees what operators did for the installation.
#[utoipa::path(get, path = "/v1/audit", operation_id = "listAudit", tag = "business", params(Which), responses(
    (status = 200, description = "A page of lines", body = Page<ShownLine>)))]
pub async fn list(
    State(app): State<Arc<App>>,
    Keeper(keeper): Keeper,
    Asked(which): Asked<Which>,
) -> Result<Response, Problem> {
    let limit = app.page_limit(which.limit)?;
    let after: Option<AuditId> = parse("after", which.after.as_deref())?;
    let customer = parse("customer", which.customer.as_deref())?;
    let found = app.engine.query(keeper.business).audit(after, customer, limit + 1)?;
    let page = Page::of(found, limit, |line| line.id.to_string());
    Ok(json(StatusCode::OK, &page.map(|line| ShownLine { time: line.at.to_string(), line })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_that_changes_something_or_shows_a_customer_leaves_a_line() {
        let shows = ["/v1/customers", "/v1/messages", "/v1/cases", "/v1/notices", "/v1/troubles", "/v1/dead-letters"];
        for (path, methods) in super::super::description()["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys() {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let act = act_of(&method, path);
                match method {
                    Method::GET if shows.iter().any(|shown| path.starts_with(shown)) => {
                        assert!(matches!(act, Some(Act::Look(_))), "{method} {path}");
                    }
                    Method::GET => assert_eq!(act, None, "{method} {path}"),
                    // Whoever follows the link in a mail, writes in the chat, or is a vendor, is no person of the business.
                    _ if ["/unsubscribe", "/v1/chat/", "/hooks/"].iter().any(|open| path.starts_with(open)) => {
                        assert_eq!(act, None, "{method} {path}")
                    }
                    _ => assert!(matches!(act, Some(Act::Change(_) | Act::Tell(_))), "{method} {path}"),
                }
            }
        }
    }

    #[test]
    fn the_same_look_again_is_another_one_after_a_minute_only() {
        let seen = Seen::default();
        let look = |customer: u8| {
            (BusinessId([1; 16]), TokenId([2; 16]), "customers.get", Some(CustomerId([customer; 16])), None)
        };
        let at = Instant(1_000_000);
        assert!(!seen.repeats(look(1), at));
        assert!(seen.repeats(look(1), at.plus(LOOK_MS - 1)));
        assert!(!seen.repeats(look(2), at));
        assert!(!seen.repeats(look(1), at.plus(LOOK_MS)));
    }
}
