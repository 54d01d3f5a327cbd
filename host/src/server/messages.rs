//! Conversations: reading them, writing into them, and why each message was or was not sent.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::to_raw_value;
use utoipa::{IntoParams, ToSchema};

use crate::domain::entry::{Input, StaffAct};
use crate::domain::event::MESSAGE_RECEIVED;
use crate::domain::ids::{BusinessId, CustomerId, EventId, MessageId};
use crate::domain::message::{Author, Delivery, Message, is_own};
use crate::engine::why::{Measured, Why};
use crate::intake::cloudevent::CloudEvent;
use crate::store::Batch;

use super::ask::{Asked, Body, Id, Nothing, Older, Page, parse};
use super::auth::{Actor, Reader, Staff};
use super::events::take;
use super::problem::{Kind, Problem, ProblemBody};
use super::story::{self, Language, Told, ToldDecision};
use super::{App, json as answer};

/// A message as the visitor whose conversation it is in sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct VisibleMessage {
    /// `msg_...`.
    #[schema(value_type = String)]
    id: MessageId,
    /// When it was said, in milliseconds since the Unix epoch.
    at: u64,
    /// Who said it.
    author: Author,
    /// `chat`, `email`.
    channel: String,
    /// What was said.
    text: String,
    /// Which member of staff wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    staff: Option<String>,
    /// `received`, `queued`, `attempting`, `sent` or `uncertain`.
    state: &'static str,
    /// The message this one answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    in_reply_to: Option<MessageId>,
    /// On the visitor's own: the id that came back when it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    entry: Option<EventId>,
}

/// A message for whoever reads it: all of it for staff, what concerns them for visitors.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ShownMessage {
    /// For staff.
    Whole(Box<Message>),
    /// For the visitor.
    Visible(VisibleMessage),
}

impl ShownMessage {
    /// What a reader sees of a message; nothing of one that a visitor is not to know of.
    pub fn of(message: &Message, visitor: bool) -> Option<Self> {
        if !visitor {
            return Some(Self::Whole(Box::new(message.clone())));
        }
        let unseen = matches!(
            message.delivery,
            Delivery::Withheld { .. }
                | Delivery::Deferred { .. }
                | Delivery::Failed { .. }
                | Delivery::Simulated { .. }
        );
        // Whoever sits at the page is known by the page alone: what was said by mail is not for them.
        (!unseen && is_own(&message.channel)).then(|| {
            Self::Visible(VisibleMessage {
                id: message.id,
                at: message.at.0,
                author: message.author,
                channel: message.channel.clone(),
                text: message.text.clone(),
                staff: message.staff.clone(),
                state: message.delivery.word(),
                in_reply_to: message.in_reply_to,
                entry: (message.author == Author::Customer).then_some(message.entry),
            })
        })
    }
}

/// A conversation, newest message first.
///
/// Roles: staff, owner; a visitor for their own. A visitor's page may have fewer messages than were asked for, and still have
/// a next one.
#[utoipa::path(get, path = "/v1/customers/{id}/messages", operation_id = "listMessages", tag = "conversations",
    security(("token" = []), ("visitor" = []), ("visitorCookie" = [])),
    params(("id" = String, Path, description = "`cus_...`"), Older),
    responses(
        (status = 200, description = "A page of messages", body = Page<ShownMessage>),
        (status = 404, description = "There is no such customer", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn list(
    State(app): State<Arc<App>>,
    reader: Reader,
    Id(id): Id<CustomerId>,
    Asked(older): Asked<Older>,
) -> Result<Response, Problem> {
    let limit = app.page_limit(older.limit)?;
    let before = parse("before", older.before.as_deref())?;
    reader.sees(id)?;
    let query = app.engine.query(reader.business());
    query.customer(id)?.ok_or_else(|| Problem::not_found("customer", id))?;
    let found = query.records(id)?.messages(before, limit + 1)?;
    let Page { items, next } = Page::of(found, limit, |message| message.id.to_string());
    let items = items.iter().filter_map(|message| ShownMessage::of(message, reader.is_visitor())).collect();
    Ok(answer(StatusCode::OK, &Page { items, next }))
}

/// What to say.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    /// What to say.
    #[schema(min_length = 1)]
    pub text: String,
    /// For staff: on which channel; absent is where the customer last wrote.
    #[schema(max_length = 32)]
    channel: Option<String>,
    /// For staff: write though the customer said stop. It is recorded, with your name.
    #[serde(default)]
    in_spite: bool,
    /// For visitors: the message's own id, so that sending it twice says it once.
    #[schema(min_length = 1, max_length = 200)]
    id: Option<String>,
}

/// Writes into a conversation: staff to the customer, or a visitor to the business.
///
/// Roles: staff, owner; a visitor in their own. What staff write is answered with 201 and the message, or with 409 and the
/// rule that withheld it. What a visitor writes is taken like an event, and answered with 202.
#[utoipa::path(post, path = "/v1/customers/{id}/messages", operation_id = "postMessage", tag = "conversations",
    security(("token" = []), ("visitor" = []), ("visitorCookie" = [])),
    params(("id" = String, Path, description = "`cus_...`")),
    request_body = NewMessage,
    responses(
        (status = 201, description = "Staff's message", body = Message),
        (status = 202, description = "The visitor's message is in the journal", body = super::events::Accepted),
        (status = 200, description = "The visitor's message was there before", body = super::events::Accepted),
        (status = 404, description = "There is no such customer", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 409, description = "It is not sent; `rule` says why", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 422, description = "The body does not fit", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn post(
    State(app): State<Arc<App>>,
    reader: Reader,
    Id(id): Id<CustomerId>,
    Asked(Nothing {}): Asked<Nothing>,
    Body(new): Body<NewMessage>,
) -> Result<Response, Problem> {
    reader.sees(id)?;
    match reader {
        Reader::Visitor(business, customer) => receive(&app, business, customer, new).await,
        Reader::Staff(actor) => {
            if new.id.is_some() {
                return Err(Problem::invalid("/id", "is for visitors; staff's messages get their id here"));
            }
            let query = app.engine.query(actor.business);
            query.customer(id)?.ok_or_else(|| Problem::not_found("customer", id))?;
            write(&app, &actor, id, new.text, new.channel, new.in_spite).await
        }
    }
}

/// A visitor's message is an event like any other. Its id is the visitor's own: another one's cannot be used up.
pub async fn receive(
    app: &Arc<App>,
    business: BusinessId,
    customer: CustomerId,
    new: NewMessage,
) -> Result<Response, Problem> {
    if new.channel.is_some() {
        return Err(Problem::invalid("/channel", "is for staff; a visitor writes on `chat`"));
    }
    if new.in_spite {
        return Err(Problem::invalid("/in_spite", "is for staff"));
    }
    if new.text.trim().is_empty() {
        return Err(Problem::invalid("/text", "is empty; say something"));
    }
    let id = match new.id {
        Some(id) if (1..=200).contains(&id.len()) && !id.chars().any(char::is_control) => id,
        Some(_) => return Err(Problem::invalid("/id", "has 1 to 200 bytes and no control characters")),
        None => app.engine.new_event_id().to_string(),
    };
    let data = to_raw_value(&json!({ "customer": { "id": customer }, "channel": "chat", "text": new.text }));
    let event = CloudEvent {
        by_connector: false,
        id: format!("{customer}/{id}"),
        source: "chat".to_owned(),
        kind: MESSAGE_RECEIVED.to_owned(),
        time: None,
        data: data.map_err(|error| Problem::new(Kind::Internal, error.to_string()))?,
    };
    let accepted = take(app, business, event).await?;
    Ok(answer(accepted.status(), &accepted))
}

/// Staff write to a customer.
pub async fn write(
    app: &Arc<App>,
    actor: &Actor,
    customer: CustomerId,
    text: String,
    channel: Option<String>,
    in_spite: bool,
) -> Result<Response, Problem> {
    let most = app.engine.limits().message_bytes;
    if text.trim().is_empty() {
        return Err(Problem::invalid("/text", "is empty; say something"));
    }
    if text.len() > most {
        return Err(Problem::invalid(
            "/text",
            format!("has {} bytes; at most {most} fit into one message", text.len()),
        ));
    }
    check_channel(channel.as_ref())?;
    let input = Input::Staff { by: actor.by.clone(), act: StaffAct::Write { text, channel, in_spite } };
    let report = app.act(actor.business, customer, input, Batch::new()).await?;
    match report.messages.iter().find(|message| message.author == Author::Staff) {
        Some(message) => Ok(answer(StatusCode::CREATED, message.as_ref())),
        None => Err(Problem::new(Kind::Internal, "the step made no message; look into the conversation")),
    }
}

/// Checks the name of a channel.
///
/// # Errors
/// The problem, when it is none.
pub fn check_channel(channel: Option<&String>) -> Result<(), Problem> {
    let is_name = |name: &String| {
        (1..=32).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if channel.is_none_or(is_name) {
        return Ok(());
    }
    Err(Problem::invalid("/channel", "is no channel such as `chat` or `email`"))
}

/// The record of why of one entry, with what it took.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimedWhy {
    /// What happened.
    #[serde(flatten)]
    why: Why,
    /// What it took.
    measured: Measured,
}

/// The story of a message.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageStory {
    /// The message.
    message: Message,
    /// Why it was or was not sent, in plain sentences.
    sentences: Vec<String>,
    /// What the gate decided about it, in order: when it was written, and each time its turn came.
    decisions: Vec<ToldDecision>,
    /// The record of why of the entry that made it, then of those that changed it.
    entries: Vec<TimedWhy>,
}

/// How a story is told.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Telling {
    /// In which language; English when absent. What plugins and staff wrote stays as they wrote it.
    #[serde(default)]
    #[param(inline)]
    pub language: Language,
}

/// Why a message was, or was not, sent.
///
/// Roles: staff, owner.
#[utoipa::path(get, path = "/v1/messages/{id}/why", operation_id = "getMessageWhy", tag = "conversations",
    params(("id" = String, Path, description = "`msg_...`"), Telling),
    responses(
        (status = 200, description = "Its story", body = MessageStory),
        (status = 400, description = "There are no stories in this language", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 404, description = "There is no such message", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn why(
    State(app): State<Arc<App>>,
    Staff(actor): Staff,
    Id(id): Id<MessageId>,
    Asked(telling): Asked<Telling>,
) -> Result<Response, Problem> {
    let story = app.engine.query(actor.business).story(id)?.ok_or_else(|| Problem::not_found("message", id))?;
    let zone = app.engine.ready(actor.business).map_or(TimeZone::UTC, |ready| ready.config.zone.clone());
    let Told { sentences, decisions } = story::tell(&story, &zone, app.engine.limits().why_days, telling.language);
    let entries = story.whys.into_iter().map(|(why, measured)| TimedWhy { why, measured }).collect();
    Ok(answer(StatusCode::OK, &MessageStory { message: story.message, sentences, decisions, entries }))
}

/// What became of an uncertain message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settled {
    /// Whether the customer has it; if not it is sent again.
    arrived: bool,
}

/// Says what became of a message of which nobody knows whether it was sent.
///
/// Roles: staff, owner.
#[utoipa::path(post, path = "/v1/messages/{id}/settle", operation_id = "settleMessage", tag = "conversations",
    params(("id" = String, Path, description = "`msg_...`")),
    request_body = Settled,
    responses(
        (status = 200, description = "The message", body = Message),
        (status = 404, description = "There is no such message", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 409, description = "It is not uncertain", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn settle(
    State(app): State<Arc<App>>,
    Staff(actor): Staff,
    Id(id): Id<MessageId>,
    Asked(Nothing {}): Asked<Nothing>,
    Body(settled): Body<Settled>,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found("message", id);
    let customer = app.engine.query(actor.business).message(id)?.ok_or_else(missing)?.customer;
    let act = StaffAct::Settle { message: id, arrived: settled.arrived };
    app.act(actor.business, customer, Input::Staff { by: actor.by, act }, Batch::new()).await?;
    let message = app.engine.query(actor.business).message(id)?.ok_or_else(missing)?;
    Ok(answer(StatusCode::OK, &message).into_response())
}
