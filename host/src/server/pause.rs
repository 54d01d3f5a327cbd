//! The owner's brake: everything automated stops within a second, and goes on with one click.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::entry::Change;
use crate::domain::promises::Pause;

use super::ask::{Asked, Body, Nothing};
use super::auth::{Owner, Staff};
use super::problem::{Kind, Problem, ProblemBody};
use super::{App, json};

/// Why everything is paused.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseAll {
    /// In words, for whoever resumes.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// Whether automations are paused.
#[derive(Debug, Serialize, ToSchema)]
pub struct Automations {
    /// Since when, by whom and why; null while they run.
    paused: Option<Pause>,
}

/// Pauses everything automated.
///
/// Roles: staff, owner. From the moment of the answer no automated message goes out: answers are withheld, what else waits goes
/// on waiting. Plugins run on, so nothing is forgotten; the confirmation of a stop is still sent, and staff write as ever.
#[utoipa::path(post, path = "/v1/pause", operation_id = "pauseAll", tag = "business", request_body = PauseAll, responses(
    (status = 200, description = "They are paused", body = Automations),
    (status = 422, description = "The reason does not fit", body = ProblemBody,
        content_type = "application/problem+json")))]
pub async fn pause(
    State(app): State<Arc<App>>,
    Staff(actor): Staff,
    Asked(Nothing {}): Asked<Nothing>,
    Body(asked): Body<PauseAll>,
) -> Result<Response, Problem> {
    let reason = asked.reason.unwrap_or_else(|| "no reason was given".to_owned());
    if reason.trim().is_empty() || reason.chars().count() > 500 || reason.chars().any(char::is_control) {
        return Err(Problem::invalid("/reason", "has 1 to 500 printable characters; leave it out to give none"));
    }
    let (engine, business, by) = (app.engine.clone(), actor.business, actor.by.clone());
    // Waiting for the store would hold up other requests.
    let pausing = tokio::task::spawn_blocking(move || engine.pause_all(business, &by, &reason));
    let pause =
        pausing.await.map_err(|_| Problem::new(Kind::Internal, "the pause was dropped by a failure; try again"))??;
    Ok(json(StatusCode::OK, &Automations { paused: Some(pause) }))
}

/// Lets automations go on.
///
/// Roles: owner. What waited is looked at again by the same rules, so what has become pointless is withheld.
#[utoipa::path(post, path = "/v1/resume", operation_id = "resumeAll", tag = "business", responses(
    (status = 200, description = "They run", body = Automations)))]
pub async fn resume(
    State(app): State<Arc<App>>,
    Owner(actor): Owner,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response, Problem> {
    app.change(actor.business, &actor.by, Change::Resume).await?;
    Ok(json(StatusCode::OK, &Automations { paused: None }))
}
