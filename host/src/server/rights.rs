//! What a customer has a right to: everything that is known of them in one document, and that it goes.
//!
//! Both are the owner's to give. Neither can be half done: the document is read from one view, and an erasure is one commit.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, HeaderValue};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::entry::Change;
use crate::domain::ids::CustomerId;
use crate::engine::about::Counts;

use super::ask::{Asked, Id, Nothing};
use super::auth::Owner;
use super::problem::{Kind, Problem, ProblemBody};
use super::{App, json};

/// Everything that is kept of a customer, as one document: what is known of them, messages, orders, appointments, cases, the
/// ledger of consents, notes and timers of plugins, notices, what is still to be tried, records of why, the entries of the
/// journal. Times are RFC 3339.
///
/// Roles: owner.
#[utoipa::path(get, path = "/v1/customers/{id}/export", operation_id = "exportCustomer", tag = "customers",
    params(("id" = String, Path, description = "`cus_...`")),
    responses(
        (status = 200, description = "The document, as a file to be saved: a list for each kind", body = Object),
        (status = 404, description = "There is no such customer", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn export(
    State(app): State<Arc<App>>,
    Owner(actor): Owner,
    Id(id): Id<CustomerId>,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response, Problem> {
    // It goes through the whole journal, and would hold up this thread's other requests.
    let reading = tokio::task::spawn_blocking(move || app.engine.query(actor.business).export(id));
    let failed = |error| Problem::new(Kind::Internal, format!("the export broke off: {error}; ask again"));
    let document = reading.await.map_err(failed)??.ok_or_else(|| Problem::not_found("customer", id))?;
    let mut response = json(StatusCode::OK, &document);
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{id}.json\"")) {
        response.headers_mut().insert(CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// What was erased.
#[derive(Debug, Serialize, ToSchema)]
pub struct Gone {
    /// `cus_...`: whose it was.
    #[schema(value_type = String)]
    customer: CustomerId,
    /// How many rows of each kind there were: `messages`, `orders`, `journal`, ...
    #[schema(value_type = std::collections::BTreeMap<String, u64>)]
    erased: Counts,
}

/// Erases a customer: every row about them, and then the key that opens what copies may still hold. It cannot be undone.
///
/// Roles: owner. What they withdrew stays under a hash of each address and holds for whoever comes with it next. What plugins
/// counted stays.
#[utoipa::path(delete, path = "/v1/customers/{id}", operation_id = "eraseCustomer", tag = "customers",
    params(("id" = String, Path, description = "`cus_...`")),
    responses(
        (status = 200, description = "They are gone", body = Gone),
        (status = 404, description = "There is no such customer", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 409, description = "They are part of another customer", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn erase(
    State(app): State<Arc<App>>,
    Owner(actor): Owner,
    Id(id): Id<CustomerId>,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response, Problem> {
    let home = app.engine.home(actor.business, id);
    if home != id && app.engine.query(actor.business).is_there(home)? {
        let words = format!("{id} is part of {home}; erase that one, who goes with all of theirs, or part them first");
        return Err(Problem::new(Kind::Conflict, words));
    }
    let there = app.engine.query(actor.business).is_there(id)?;
    if !there {
        return Err(Problem::not_found("customer", id));
    }
    let report = app.change(actor.business, &actor.by, Change::Erase(id)).await?;
    Ok(json(StatusCode::OK, &Gone { customer: id, erased: report.erased }))
}
