//! The public keys of those whose plugins the owner takes without asking.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::entry::Change;
use crate::domain::trust::TrustedKey;
use crate::sandbox::signature::PublicKey;

use super::ask::{Asked, Body, Name, Nothing, Page};
use super::auth::Owner;
use super::problem::{Kind, Problem, ProblemBody};
use super::{App, json};

/// A key to trust.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// The public key: `ed25519:` and 64 hexadecimal digits, as `attune key show` prints it.
    #[schema(example = "ed25519:19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1")]
    key: String,
    /// Whose it is, for people.
    #[schema(min_length = 1, max_length = 100, example = "Acme Plugins")]
    label: String,
}

/// The public keys that the business trusts. All on one page.
///
/// Roles: owner.
#[utoipa::path(get, path = "/v1/keys", operation_id = "listKeys", tag = "plugins", responses(
    (status = 200, description = "All of them", body = Page<TrustedKey>)))]
pub async fn list(
    State(app): State<Arc<App>>,
    Owner(actor): Owner,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response, Problem> {
    let items = app.engine.query(actor.business).trusted_keys()?;
    Ok(json(StatusCode::OK, &Page { items, next: None }))
}

/// Trusts a public key: what it signed is installed without asking. One that is trusted already gets the new label.
///
/// Roles: owner.
#[utoipa::path(post, path = "/v1/keys", operation_id = "trustKey", tag = "plugins", request_body = NewKey,
    responses(
        (status = 201, description = "The key is trusted", body = TrustedKey),
        (status = 422, description = "The body does not fit, or 50 keys are trusted already", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn trust(
    State(app): State<Arc<App>>,
    Owner(actor): Owner,
    Asked(Nothing {}): Asked<Nothing>,
    Body(NewKey { key, label }): Body<NewKey>,
) -> Result<Response, Problem> {
    let key = key.parse::<PublicKey>().map_err(|words| Problem::invalid("/key", words))?.to_string();
    let label = label.trim().to_owned();
    if label.is_empty() || label.chars().count() > 100 || label.chars().any(char::is_control) {
        return Err(Problem::invalid("/label", "has 1 to 100 printable characters"));
    }
    app.change(actor.business, &actor.by, Change::Trust { key: key.clone(), label }).await?;
    let keys = app.engine.query(actor.business).trusted_keys()?;
    let trusted = keys.into_iter().find(|one| one.key == key);
    // Somebody else may have taken it back in between.
    let trusted = trusted.ok_or_else(|| Problem::not_found("key", &key))?;
    Ok(json(StatusCode::CREATED, &trusted))
}

/// Trusts a public key no more. Plugins that were installed because of it stop, until their owner says yes to them.
///
/// Roles: owner.
#[utoipa::path(delete, path = "/v1/keys/{key}", operation_id = "distrustKey", tag = "plugins",
    params(("key" = String, Path, description = "The public key: `ed25519:...`")),
    responses(
        (status = 204, description = "It is trusted no more"),
        (status = 404, description = "It was not trusted", body = ProblemBody, content_type = "application/problem+json")))]
pub async fn distrust(
    State(app): State<Arc<App>>,
    Owner(actor): Owner,
    Name(key): Name,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response, Problem> {
    let key = key.parse::<PublicKey>();
    let key = key.map_err(|words| Problem::new(Kind::BadId, format!("in the path: {words}")))?.to_string();
    app.change(actor.business, &actor.by, Change::Distrust(key)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
