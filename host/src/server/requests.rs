//! What came to a connector's address lately, as it was understood: for whoever sets it up and waits for the first request.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::ask::{Asked, Name};
use super::auth::Owner;
use super::lately::TakenRequest;
use super::messages::Telling;
use super::problem::{Problem, ProblemBody};
use super::troubles::{Trouble, refusals};
use super::{App, json};

/// What came to a connector's address lately. A restart forgets it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Requests {
    /// The last five requests that were taken, newest first.
    taken: Vec<TakenRequest>,
    /// What was refused within the last day, one for each reason, newest first; also what is over since good requests came.
    refused: Vec<Trouble>,
}

/// What came to a connector's address lately: what was taken, what the connector made of it, and what was refused and why.
///
/// Roles: owner. It is kept in memory, without bodies, and a restart forgets it.
#[utoipa::path(get, path = "/v1/plugins/{name}/requests", operation_id = "listPluginRequests", tag = "plugins",
    params(("name" = String, Path, description = "The name it was installed under"), Telling),
    responses(
        (status = 200, description = "The requests", body = Requests),
        (status = 404, description = "There is no such plugin", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn show(
    State(app): State<Arc<App>>,
    Owner(actor): Owner,
    Name(name): Name,
    Asked(telling): Asked<Telling>,
) -> Result<Response, Problem> {
    let mut plugins = app.engine.query(actor.business).plugins()?;
    plugins.retain(|plugin| plugin.name == name);
    if plugins.is_empty() {
        let shown: String = name.chars().take(64).collect();
        return Err(Problem::not_found("plugin", format_args!("`{shown}`")));
    }
    let now = app.engine.world().now();
    let refused = refusals(&app, actor.business, &plugins, telling.language, now);
    let mut refused: Vec<Trouble> =
        refused.into_iter().filter(|(trouble, _)| trouble.is_of(&name)).map(|(trouble, _)| trouble).collect();
    refused.sort_by_key(|trouble| std::cmp::Reverse(trouble.at()));
    Ok(json(StatusCode::OK, &Requests { taken: app.lately.taken_by(actor.business, &name), refused }))
}
