//! What waits for a person's attention: shares of events that were given up, and notices.

use std::sync::Arc;

use axum::extract;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::entry::{Input, StaffAct};
use crate::domain::errand::{State, What};
use crate::domain::ids::{CustomerId, DeadLetterId, EventId, MessageId};
use crate::domain::message::Message;
use crate::domain::plugin::Export;
use crate::store::Batch;
use crate::turn::records::{DeadLetter, Notice};

use super::ask::{Asked, Id, Nothing, Older, Page, parse};
use super::auth::Staff;
use super::problem::{Problem, ProblemBody};
use super::{App, json};

/// A plugin's part of an event that was given up.
#[derive(Debug, Serialize, ToSchema)]
pub struct GivenUp {
    /// `dlq_...`.
    #[schema(value_type = String)]
    id: DeadLetterId,
    /// Whose event.
    #[schema(value_type = String)]
    customer: CustomerId,
    /// Since when, in milliseconds since the Unix epoch.
    at: u64,
    /// Which plugin.
    plugin: String,
    /// For which subscription.
    subscription: Export,
    /// The entry: `evt_...`.
    #[schema(value_type = String)]
    entry: EventId,
    /// How often it was tried.
    attempts: u32,
    /// The last failure, in words.
    reason: String,
}

impl From<(CustomerId, DeadLetter)> for GivenUp {
    fn from((customer, DeadLetter { id, at, share }): (CustomerId, DeadLetter)) -> Self {
        Self {
            id,
            customer,
            at: at.0,
            plugin: share.plugin,
            subscription: share.export,
            entry: share.entry,
            attempts: share.attempts,
            reason: share.reason,
        }
    }
}

/// What was given up, newest first.
///
/// Roles: staff, owner.
#[utoipa::path(get, path = "/v1/dead-letters", operation_id = "listDeadLetters", tag = "attention", params(Older),
    responses((status = 200, description = "A page of dead letters", body = Page<GivenUp>)))]
pub async fn list(
    extract::State(app): extract::State<Arc<App>>,
    Staff(actor): Staff,
    Asked(older): Asked<Older>,
) -> Result<Response, Problem> {
    let limit = app.page_limit(older.limit)?;
    let before = parse("before", older.before.as_deref())?;
    let found = app.engine.query(actor.business).dead_letters(before, limit + 1)?;
    let page = Page::of(found, limit, |(_, letter)| letter.id.to_string()).map(GivenUp::from);
    Ok(json(StatusCode::OK, &page))
}

/// That a dead letter is tried again.
#[derive(Debug, Serialize, ToSchema)]
pub struct TriedAgain {
    /// `dlq_...`: what it was; a new failure gets a new one.
    #[schema(value_type = String)]
    id: DeadLetterId,
    /// Whose event; its records of why tell what came of it.
    #[schema(value_type = String)]
    customer: CustomerId,
    /// Always `tried-again`.
    status: &'static str,
}

/// Tries again what was given up.
///
/// Roles: staff, owner.
#[utoipa::path(post, path = "/v1/dead-letters/{id}/retry", operation_id = "retryDeadLetter", tag = "attention",
    params(("id" = String, Path, description = "`dlq_...`")),
    responses(
        (status = 202, description = "It is tried again at once", body = TriedAgain),
        (status = 404, description = "There is none", body = ProblemBody, content_type = "application/problem+json")))]
pub async fn retry(
    extract::State(app): extract::State<Arc<App>>,
    Staff(actor): Staff,
    Id(id): Id<DeadLetterId>,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response, Problem> {
    let owner = app.engine.query(actor.business).dead_letter_owner(id)?;
    let customer = owner.ok_or_else(|| Problem::not_found("dead letter", id))?;
    let input = Input::Staff { by: actor.by, act: StaffAct::RetryDeadLetter(id) };
    app.act(actor.business, customer, input, Batch::new()).await?;
    Ok(json(StatusCode::ACCEPTED, &TriedAgain { id, customer, status: "tried-again" }))
}

/// A notice, with whom it is about.
#[derive(Debug, Serialize, ToSchema)]
pub struct AddressedNotice {
    /// Whom it is about.
    #[schema(value_type = String)]
    customer: CustomerId,
    /// The notice.
    #[serde(flatten)]
    notice: Notice,
    /// Messages that show what it is about, newest first, as far as they are still there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    examples: Vec<ShownExample>,
    /// Where it went besides, and what became of that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    went: Vec<Went>,
}

/// A place that a notice went to.
#[derive(Debug, Serialize, ToSchema)]
pub struct Went {
    /// By which channel.
    channel: String,
    /// Where to, on channels that need to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    /// How often it was tried.
    attempts: u32,
    /// What became of it.
    delivery: State,
}

/// A message of a customer that a notice shows.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShownExample {
    /// Whose.
    #[schema(value_type = String)]
    customer: CustomerId,
    /// `msg_...`.
    #[schema(value_type = String)]
    message: MessageId,
    /// When it was written, in milliseconds since the Unix epoch.
    at: u64,
    /// By which channel.
    channel: String,
    /// What it says.
    text: String,
}

/// Notices to staff, newest first.
///
/// Roles: staff, owner.
#[utoipa::path(get, path = "/v1/notices", operation_id = "listNotices", tag = "attention", params(Older),
    responses((status = 200, description = "A page of notices", body = Page<AddressedNotice>)))]
pub async fn notices(
    extract::State(app): extract::State<Arc<App>>,
    Staff(actor): Staff,
    Asked(older): Asked<Older>,
) -> Result<Response, Problem> {
    let limit = app.page_limit(older.limit)?;
    let before = parse("before", older.before.as_deref())?;
    let query = app.engine.query(actor.business);
    let mut found = Vec::new();
    for (customer, mut notice) in query.notices(before, limit + 1)? {
        let examples = query.examples(&std::mem::take(&mut notice.examples))?;
        let examples = examples.into_iter().map(|Message { customer, id: message, at, channel, text, .. }| {
            ShownExample { customer, message, at: at.0, channel, text }
        });
        let examples = examples.collect();
        let went = query.errands(customer, &std::mem::take(&mut notice.errands))?.into_iter().filter_map(|errand| {
            let What::Notice { channel, to, .. } = errand.what else { return None };
            Some(Went { channel, to, attempts: errand.attempts, delivery: errand.state })
        });
        let went = went.collect();
        found.push(AddressedNotice { customer, notice, examples, went });
    }
    let page = Page::of(found, limit, |shown| shown.notice.id.to_string());
    Ok(json(StatusCode::OK, &page))
}
