//! The chat on a business's pages, for their visitors: what the script `chat.js` asks.
//!
//! Thin over what is there: a visitor is a customer with a pass for one conversation, what they write is an event, what they
//! hear is a stream. It never makes a customer of somebody who only looked, and never shows more than the visitor's own.

mod origins;
mod pages;
mod rates;

use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::header::{HeaderValue, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::address::Address;
use crate::domain::case::Stage;
use crate::domain::ids::{BusinessId, CustomerId, MessageId};
use crate::domain::time::{DAY, HOUR, Instant};
use crate::store::StoreError;

use super::ask::{Asked, Body, Id, Nothing, Older, Page, parse};
use super::auth::{Pass, VISITOR_COOKIE, pass};
use super::events::Accepted;
use super::messages::{NewMessage, ShownMessage, receive};
use super::problem::{Kind, Problem, ProblemBody};
use super::secret::VisitorPass;
use super::stream::{self, Audience, Since, Whose};
use super::visitors::introduce;
use super::{App, json};

pub use origins::guard;
pub use pages::{__path_demo, __path_script, demo, script};
pub use rates::{Network, Peer, Rates};

/// How long a pass is good: a visitor who comes back within a week finds the conversation.
const PASS_MS: u64 = 7 * DAY;
/// A pass that has been good for so long is renewed when it is used.
const RENEW_MS: u64 = HOUR;

/// What the chat of a business looks like, and whether its visitor is known.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChatAbout {
    /// The business, as customers know it.
    name: String,
    /// BCP 47: what it speaks.
    language: String,
    /// IANA zone: by which clock it opens.
    zone: String,
    /// Its colour, `#rrggbb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    colour: Option<String>,
    /// The first words, by language.
    greeting: std::collections::BTreeMap<String, String>,
    /// How many bytes of UTF-8 a message may have.
    message_bytes: usize,
    /// Whether the visitor has a conversation here.
    visiting: bool,
    /// The visitor's pass, renewed; only for one who sent theirs as a bearer. The others have it in their cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// What the chat looks like, and whether the visitor has a conversation.
///
/// Roles: anybody, from a page of an origin that the owner named. The id of the business is its public key. A visitor's pass
/// that is older than an hour is renewed.
#[utoipa::path(get, path = "/v1/chat/{id}", operation_id = "getChat", tag = "conversations",
    security((), ("visitor" = []), ("visitorCookie" = [])),
    params(("id" = String, Path, description = "`biz_...`")),
    responses(
        (status = 200, description = "The chat", body = ChatAbout),
        (status = 403, description = "Pages of this origin may not use it", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 404, description = "There is no such business", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn about(
    State(app): State<Arc<App>>,
    Id(id): Id<BusinessId>,
    Asked(Nothing {}): Asked<Nothing>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let ready = app.engine.ready(id).filter(|_| id != BusinessId::SYSTEM);
    let business = ready.ok_or_else(|| Problem::new(Kind::NotFound, format!("there is no business {id}")))?;
    let business = &business.config.business;
    let known = known(&app, id, &headers)?;
    let now = app.engine.world().now();
    let old = known.filter(|known| known.pass.expires < now.plus(PASS_MS - RENEW_MS));
    let renewed = match &old {
        Some(old) => Some(new_pass(&app, id, old.pass.customer)?),
        None => None,
    };
    let in_header = old.is_some_and(|old| !old.by_cookie);
    let shown = ChatAbout {
        name: business.name.clone(),
        language: business.language.clone(),
        zone: business.zone.clone(),
        colour: business.chat.colour.clone(),
        greeting: business.chat.greeting.clone(),
        message_bytes: app.engine.limits().message_bytes,
        visiting: known.is_some(),
        token: renewed.as_ref().filter(|_| in_header).map(|(token, _)| token.clone()),
    };
    let mut response = json(StatusCode::OK, &shown);
    if let Some((token, _)) = renewed.filter(|_| !in_header) {
        keep(&app, id, &token, &headers, &mut response)?;
    }
    Ok(response)
}

/// Who begins.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewVisit {
    /// BCP 47: what the page speaks.
    #[schema(max_length = 35)]
    language: Option<String>,
}

/// A visit.
#[derive(Debug, Serialize, ToSchema)]
pub struct Visit {
    /// The pass, for a visitor whose browser keeps no cookie from here. Absent where a cookie had one that is still good.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// When the pass ends, in milliseconds since the Unix epoch.
    #[schema(value_type = u64)]
    expires: Instant,
}

/// Begins a conversation: makes a customer, and gives a pass for their conversation, as a cookie too. Whoever has a pass that is
/// good keeps their conversation, and gets a new pass.
///
/// Roles: anybody, from a page of an origin that the owner named.
#[utoipa::path(post, path = "/v1/chat/{id}/visit", operation_id = "postVisit", tag = "conversations",
    security((), ("visitor" = []), ("visitorCookie" = [])),
    params(("id" = String, Path, description = "`biz_...`")),
    request_body = NewVisit,
    responses(
        (status = 201, description = "A new conversation", body = Visit),
        (status = 200, description = "The conversation that was there", body = Visit),
        (status = 403, description = "Pages of this origin may not", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 422, description = "The body does not fit", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 429, description = "Too many from this address; `Retry-After` says when to come again",
            body = ProblemBody, content_type = "application/problem+json")))]
pub async fn visit(
    State(app): State<Arc<App>>,
    Id(id): Id<BusinessId>,
    network: Network,
    Asked(Nothing {}): Asked<Nothing>,
    headers: HeaderMap,
    Body(new): Body<NewVisit>,
) -> Result<Response, Problem> {
    if app.engine.ready(id).is_none() || id == BusinessId::SYSTEM {
        return Err(Problem::new(Kind::NotFound, format!("there is no business {id}")));
    }
    let known = known(&app, id, &headers)?;
    let (status, customer) = match known {
        Some(known) => (StatusCode::OK, known.pass.customer),
        None => {
            app.rates.begin(id, network, app.engine.world().now())?;
            let unique = app.engine.new_event_id();
            let address = Address::parse(&format!("chat:{unique}"));
            let address = address.map_err(|error| Problem::new(Kind::Internal, error.to_string()))?;
            (StatusCode::CREATED, introduce(&app, id, unique, &address, None, new.language).await?)
        }
    };
    let (token, expires) = new_pass(&app, id, customer)?;
    // Whoever has it in a cookie, out of reach of the page, does not get it into the page's hands.
    let shown = known.is_none_or(|known| !known.by_cookie).then(|| token.clone());
    let mut response = json(status, &Visit { token: shown, expires });
    keep(&app, id, &token, &headers, &mut response)?;
    Ok(response)
}

/// A person who has the conversation in hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "stage", rename_all = "lowercase")]
pub enum Person {
    /// Somebody was called.
    Waiting {
        /// When the business opens, in milliseconds since the Unix epoch; absent when it is open, or nobody can tell.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<u64>)]
        from: Option<Instant>,
    },
    /// Somebody is there.
    Taken {
        /// Who.
        by: String,
    },
}

impl Person {
    /// The person who has a conversation; none while no case is open.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn of(app: &App, business: BusinessId, customer: CustomerId) -> Result<Option<Self>, StoreError> {
        let case = app.engine.query(business).records(customer)?.last_case()?;
        Ok(match case.map(|case| case.stage) {
            Some(Stage::Waiting) => Some(Self::Waiting { from: opens(app, business) }),
            Some(Stage::Taken { by }) => Some(Self::Taken { by }),
            Some(Stage::Resolved { .. }) | None => None,
        })
    }
}

/// When a business that is closed opens.
fn opens(app: &App, business: BusinessId) -> Option<Instant> {
    let ready = app.engine.ready(business)?;
    let (config, now) = (&ready.config, app.engine.world().now());
    let hours = &config.business.hours;
    if hours.is_open(now, &config.zone) { None } else { hours.next_open(now, &config.zone) }
}

/// A page of the visitor's conversation.
#[derive(Debug, Serialize, ToSchema)]
pub struct Conversation {
    /// Its messages, newest first.
    #[serde(flatten)]
    page: Page<ShownMessage>,
    /// Where a stream goes on that is to miss nothing, as `after`.
    #[schema(value_type = String)]
    after: MessageId,
    /// Who has the conversation, if a person does.
    person: Option<Person>,
}

/// The visitor's conversation, newest message first. A page may have fewer messages than were asked for, and still have a next
/// one.
///
/// Roles: a visitor, for their own.
#[utoipa::path(get, path = "/v1/chat/{id}/messages", operation_id = "listChatMessages", tag = "conversations",
    security(("visitor" = []), ("visitorCookie" = [])),
    params(("id" = String, Path, description = "`biz_...`"), Older),
    responses(
        (status = 200, description = "A page of messages", body = Conversation),
        (status = 401, description = "There is no good pass; `POST .../visit` gives one", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn list(
    State(app): State<Arc<App>>,
    Visitor(pass): Visitor,
    Asked(older): Asked<Older>,
) -> Result<Response, Problem> {
    let limit = app.page_limit(older.limit)?;
    let before = parse("before", older.before.as_deref())?;
    let found = app.engine.query(pass.business).records(pass.customer)?.messages(before, limit + 1)?;
    let after = found.first().map_or(MessageId([0; 16]), |newest| newest.id);
    let Page { items, next } = Page::of(found, limit, |message| message.id.to_string());
    let items = items.iter().filter_map(|message| ShownMessage::of(message, true)).collect();
    let person = Person::of(&app, pass.business, pass.customer)?;
    Ok(json(StatusCode::OK, &Conversation { page: Page { items, next }, after, person }))
}

/// Takes what the visitor wrote. With an `id` of the visitor's own, sending it twice says it once.
///
/// Roles: a visitor, in their own conversation, from a page of an origin that the owner named.
#[utoipa::path(post, path = "/v1/chat/{id}/messages", operation_id = "postChatMessage", tag = "conversations",
    security(("visitor" = []), ("visitorCookie" = [])),
    params(("id" = String, Path, description = "`biz_...`")),
    request_body = NewMessage,
    responses(
        (status = 202, description = "It is in the journal", body = Accepted),
        (status = 200, description = "It was there before", body = Accepted),
        (status = 401, description = "There is no good pass; `POST .../visit` gives one", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 422, description = "The body does not fit", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 429, description = "Too many at once; `Retry-After` says when to come again", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn write(
    State(app): State<Arc<App>>,
    Visitor(pass): Visitor,
    network: Network,
    Asked(Nothing {}): Asked<Nothing>,
    Body(new): Body<NewMessage>,
) -> Result<Response, Problem> {
    let most = app.engine.limits().message_bytes;
    if new.text.len() > most {
        let words = format!("has {} bytes; at most {most} fit into one message", new.text.len());
        return Err(Problem::invalid("/text", words));
    }
    app.rates.write(pass.business, pass.customer, network, app.engine.world().now())?;
    receive(&app, pass.business, pass.customer, new).await
}

/// The visitor's conversation as it goes on, as server-sent events: `event: message` as in the page, its id as the event's id;
/// `event: person` with who has the conversation (or null), first and whenever that changes.
///
/// Roles: a visitor, for their own. With `after` or `Last-Event-ID` what came or changed since goes first.
#[utoipa::path(get, path = "/v1/chat/{id}/stream", operation_id = "streamChat", tag = "conversations",
    security(("visitor" = []), ("visitorCookie" = [])),
    params(("id" = String, Path, description = "`biz_...`"), Since,
        ("Last-Event-ID" = Option<String>, Header, description = "The last message that is known already")),
    responses(
        (status = 200, description = "Events, until either side ends it", body = ShownMessage,
            content_type = "text/event-stream"),
        (status = 401, description = "There is no good pass; `POST .../visit` gives one", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 429, description = "Too many streams of this address", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn follow(
    State(app): State<Arc<App>>,
    Visitor(pass): Visitor,
    network: Network,
    Asked(since): Asked<Since>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let since = since.or_header(&headers)?;
    let place = app.rates.stream(network)?;
    let whose = Whose { business: pass.business, customer: pass.customer, audience: Audience::Page };
    stream::open(&app, whose, since, place)
}

/// A visitor of the business in the path, whose conversation is there.
pub struct Visitor(VisitorPass);

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let Id(business) = Id::from_request_parts(parts, app).await?;
        match known(app, business, &parts.headers)? {
            Some(known) => Ok(Self(known.pass)),
            None => {
                let words = "there is no visitor's pass that is good here; POST /v1/chat/{id}/visit gives one";
                Err(Problem::unauthorized(false, words))
            }
        }
    }
}

/// The visitor who asks, if they have a good pass for this business and were not erased meanwhile. A pass that is not good is as
/// good as none: its visitor begins anew.
fn known(app: &App, business: BusinessId, headers: &HeaderMap) -> Result<Option<Pass>, Problem> {
    let Some(pass) = pass(headers, app)?.filter(|known| known.pass.business == business) else { return Ok(None) };
    Ok(app.engine.query(business).customer(pass.pass.customer)?.map(|_| pass))
}

fn new_pass(app: &App, business: BusinessId, customer: CustomerId) -> Result<(String, Instant), Problem> {
    let expires = app.engine.world().now().plus(PASS_MS);
    let key = app.engine.keyring().index_key(business)?;
    Ok((VisitorPass { business, customer, expires }.sign(&key), expires))
}

/// Puts a pass into a cookie that pages cannot read and that is sent to this business's chat only. Over https it is sent from
/// pages of other sites too, and kept apart for each of them where browsers do that.
fn keep(
    app: &App,
    business: BusinessId,
    token: &str,
    headers: &HeaderMap,
    response: &mut Response,
) -> Result<(), Problem> {
    let url = app.engine.public_url().unwrap_or_default();
    let forwarded = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme.as_bytes() == b"https");
    let is_secure = url.starts_with("https://") || forwarded;
    let sites = if is_secure { "SameSite=None; Secure; Partitioned" } else { "SameSite=Lax" };
    let before = url.split_once("://").and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)));
    let path = format!("{}/v1/chat/{business}", before.unwrap_or_default());
    let age = PASS_MS / 1_000;
    let cookie = format!("{VISITOR_COOKIE}={token}; Path={path}; Max-Age={age}; HttpOnly; {sites}");
    let cookie = HeaderValue::from_str(&cookie).map_err(|error| Problem::new(Kind::Internal, error.to_string()))?;
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(())
}
