//! Cases: conversations in a person's hands.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::case::Case;
use crate::domain::entry::{Input, StaffAct};
use crate::domain::ids::CaseId;
use crate::domain::message::Message;
use crate::store::Batch;

use super::ask::{Asked, Body, Id, Nothing, Older, Page, Seen, parse, tagged};
use super::auth::{Actor, Staff};
use super::messages::write;
use super::problem::{Kind, Problem, ProblemBody};
use super::{App, json};

/// Open cases, newest first.
///
/// Roles: staff, owner.
#[utoipa::path(get, path = "/v1/cases", operation_id = "listCases", tag = "cases", params(Older), responses(
    (status = 200, description = "A page of open cases", body = Page<Case>)))]
pub async fn list(
    State(app): State<Arc<App>>,
    Staff(actor): Staff,
    Asked(older): Asked<Older>,
) -> Result<Response, Problem> {
    let limit = app.page_limit(older.limit)?;
    let before = parse("before", older.before.as_deref())?;
    let found = app.engine.query(actor.business).open_cases(before, limit + 1)?;
    Ok(json(StatusCode::OK, &Page::of(found, limit, |case| case.id.to_string())))
}

/// A case, open or resolved.
///
/// Roles: staff, owner.
#[utoipa::path(get, path = "/v1/cases/{id}", operation_id = "getCase", tag = "cases",
    params(("id" = String, Path, description = "`cas_...`")),
    responses(
        (status = 200, description = "The case, its revision as `ETag`", body = Case),
        (status = 404, description = "There is none", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn one(
    State(app): State<Arc<App>>,
    Staff(actor): Staff,
    Id(id): Id<CaseId>,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response, Problem> {
    let case = find(&app, &actor, id)?;
    Ok(tagged(StatusCode::OK, case.revision, &case))
}

/// Takes a case into one's hands.
///
/// Roles: staff, owner. With `If-Match` only if the case is still at that revision.
#[utoipa::path(post, path = "/v1/cases/{id}/take", operation_id = "takeCase", tag = "cases",
    params(("id" = String, Path, description = "`cas_...`"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was seen")),
    responses(
        (status = 200, description = "The case", body = Case),
        (status = 404, description = "There is none", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 409, description = "It is resolved already", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 412, description = "It has changed", body = ProblemBody, content_type = "application/problem+json")))]
pub async fn take(
    State(app): State<Arc<App>>,
    Staff(actor): Staff,
    Id(id): Id<CaseId>,
    Seen(seen): Seen,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response, Problem> {
    act(&app, actor, id, StaffAct::Take(id, seen)).await
}

/// Resolves a case; automations speak again.
///
/// Roles: staff, owner. With `If-Match` only if the case is still at that revision.
#[utoipa::path(post, path = "/v1/cases/{id}/resolve", operation_id = "resolveCase", tag = "cases",
    params(("id" = String, Path, description = "`cas_...`"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was seen")),
    responses(
        (status = 200, description = "The case", body = Case),
        (status = 404, description = "There is none", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 409, description = "It is resolved already", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 412, description = "It has changed", body = ProblemBody, content_type = "application/problem+json")))]
pub async fn resolve(
    State(app): State<Arc<App>>,
    Staff(actor): Staff,
    Id(id): Id<CaseId>,
    Seen(seen): Seen,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response, Problem> {
    act(&app, actor, id, StaffAct::Resolve(id, seen)).await
}

/// What to say to the customer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// What to say.
    #[schema(min_length = 1)]
    text: String,
    /// On which channel; absent is where the customer last wrote.
    #[schema(max_length = 32)]
    channel: Option<String>,
    /// Write though the customer said stop. It is recorded, with your name.
    #[serde(default)]
    in_spite: bool,
}

/// Writes to the customer of a case. The case stays as it is.
///
/// Roles: staff, owner.
#[utoipa::path(post, path = "/v1/cases/{id}/reply", operation_id = "replyToCase", tag = "cases",
    params(("id" = String, Path, description = "`cas_...`"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was seen")),
    request_body = Reply,
    responses(
        (status = 201, description = "The message", body = Message),
        (status = 404, description = "There is none", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 409, description = "It is resolved, or the message is not sent; `rule` says why", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 412, description = "The case has changed", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 422, description = "The body does not fit", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn reply(
    State(app): State<Arc<App>>,
    Staff(actor): Staff,
    Id(id): Id<CaseId>,
    Seen(seen): Seen,
    Asked(Nothing {}): Asked<Nothing>,
    Body(reply): Body<Reply>,
) -> Result<Response, Problem> {
    let case = find(&app, &actor, id)?;
    if !case.is_open() {
        return Err(Problem::new(
            Kind::Conflict,
            format!("case {id} is resolved; write to the customer's conversation instead"),
        ));
    }
    if seen.is_some_and(|seen| seen != case.revision) {
        let words = format!("case {id} has changed: it is at revision {}; read it again", case.revision);
        return Err(Problem::new(Kind::Changed, words));
    }
    write(&app, &actor, case.customer, reply.text, reply.channel, reply.in_spite).await
}

fn find(app: &App, actor: &Actor, id: CaseId) -> Result<Case, Problem> {
    let case = app.engine.query(actor.business).case(id)?;
    case.ok_or_else(|| Problem::new(Kind::NotFound, format!("there is no case {id} in this business")))
}

async fn act(app: &Arc<App>, actor: Actor, id: CaseId, act: StaffAct) -> Result<Response, Problem> {
    let customer = find(app, &actor, id)?.customer;
    app.act(actor.business, customer, Input::Staff { by: actor.by, act }, Batch::new()).await?;
    let records = app.engine.query(actor.business).records(customer)?;
    let case = records.case(id)?.ok_or_else(|| Problem::not_found("case", id))?;
    Ok(tagged(StatusCode::OK, case.revision, &case))
}
