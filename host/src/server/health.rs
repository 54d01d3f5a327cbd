//! Whether the process is alive and takes events, and where to read on.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::store::Health;

use super::App;
use super::problem::{Kind, Problem};

/// Says where the API's description is.
#[utoipa::path(get, path = "/", operation_id = "root", tag = "operation", security(()), responses(
    (status = 200, description = "One line", body = String, content_type = "text/plain")))]
pub async fn root(State(app): State<Arc<App>>) -> String {
    format!("Attune {}. The API is described at /v1/openapi.json (OpenAPI 3.1).\n", app.version)
}

/// Whether the process is alive.
#[utoipa::path(get, path = "/healthz", operation_id = "healthz", tag = "operation", security(()), responses(
    (status = 200, description = "It is", body = String, content_type = "text/plain")))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether events are taken.
#[utoipa::path(get, path = "/readyz", operation_id = "readyz", tag = "operation", security(()), responses(
    (status = 200, description = "They are", body = String, content_type = "text/plain"),
    (status = 503, description = "They are not; the detail says why", body = super::problem::ProblemBody,
        content_type = "application/problem+json")))]
pub async fn readyz(State(app): State<Arc<App>>) -> Response {
    let stopped = |reason: String| Problem::new(Kind::Stopped, reason).into_response();
    if *app.closing.borrow() {
        return stopped("Attune is shutting down".to_owned());
    }
    match app.engine.health() {
        Health::Well => "ready\n".into_response(),
        Health::Closed => stopped("the store is closed".to_owned()),
        Health::Broken(reason) => {
            stopped(format!("the store has stopped after a failure: {reason}; mend what it names and restart"))
        }
    }
}
