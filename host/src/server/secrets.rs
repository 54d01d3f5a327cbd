//! The secrets of plugins: what proves that a vendor's request is genuine, and what a provider wants to see. They are set here and
//! never shown.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::entry::Change;
use crate::domain::ids::BusinessId;
use crate::domain::plugin::Installed;
use crate::domain::webhook::{MOST_VALUES, VALUE_BYTES, Values};
use crate::store::StoreError;

use super::App;
use super::ask::{Asked, Body, Names, Nothing};
use super::auth::Owner;
use super::problem::{Problem, ProblemBody};

/// A secret that a plugin needs.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecretView {
    /// Its name.
    name: String,
    /// What it is, and where the vendor shows it.
    description: String,
    /// Where its owner chooses it: how a new value is made, a text with `{random}` (32 letters and digits) or `{base64}` (32 bytes in
    /// base64) in it. Absent where the vendor gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    chosen: Option<String>,
    /// How many values it has; 0 while it is not set.
    values: usize,
    /// When it was set, in milliseconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<u64>,
}

/// The secrets of a plugin, without their values.
pub fn of(app: &App, business: BusinessId, installed: &Installed) -> Result<Vec<SecretView>, StoreError> {
    let query = app.engine.query(business);
    let view = |(name, description): (&String, &String)| {
        let known = query.secret(&installed.name, name)?;
        Ok(SecretView {
            name: name.clone(),
            description: description.clone(),
            chosen: installed.manifest.chosen.get(name).cloned(),
            values: known.as_ref().map_or(0, |known| known.values.0.len()),
            since: known.map(|known| known.since.0),
        })
    };
    installed.manifest.secrets.iter().map(view).collect()
}

/// What a secret is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSecret {
    /// Its values, newest first: while a vendor changes from one to the next, both are good. At most 3, each of 1 to 2,048 bytes.
    #[schema(min_items = 1, max_items = 3)]
    values: Vec<String>,
}

/// Sets a secret of a plugin.
///
/// Roles: owner. It is sealed under the business's own key, and no call shows it again.
#[utoipa::path(put, path = "/v1/plugins/{name}/secrets/{secret}", operation_id = "setSecret", tag = "plugins",
    params(("name" = String, Path, description = "The name the plugin was installed under"),
        ("secret" = String, Path, description = "The secret's name, as the plugin's file has it")),
    request_body = NewSecret,
    responses(
        (status = 204, description = "It is set"),
        (status = 404, description = "There is no such plugin, or it has no such secret", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 422, description = "The body does not fit", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn set(
    State(app): State<Arc<App>>,
    Owner(actor): Owner,
    Names(plugin, name): Names,
    Asked(Nothing {}): Asked<Nothing>,
    Body(NewSecret { values }): Body<NewSecret>,
) -> Result<Response, Problem> {
    if !(1..=MOST_VALUES).contains(&values.len()) {
        return Err(Problem::invalid("/values", format!("has 1 to {MOST_VALUES} values, newest first")));
    }
    let fits = |value: &String| (1..=VALUE_BYTES).contains(&value.len()) && !value.contains('\0');
    if let Some(place) = values.iter().position(|value| !fits(value)) {
        return Err(Problem::invalid(
            &format!("/values/{place}"),
            format!("has 1 to {VALUE_BYTES} bytes, none of them NUL"),
        ));
    }
    app.change(actor.business, &actor.by, Change::Secret { plugin, name, values: Values(values) }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Takes a secret of a plugin away. What it verified is refused from then on.
///
/// Roles: owner.
#[utoipa::path(delete, path = "/v1/plugins/{name}/secrets/{secret}", operation_id = "removeSecret", tag = "plugins",
    params(("name" = String, Path, description = "The name the plugin was installed under"),
        ("secret" = String, Path, description = "The secret's name")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is no such plugin", body = ProblemBody, content_type = "application/problem+json")))]
pub async fn remove(
    State(app): State<Arc<App>>,
    Owner(actor): Owner,
    Names(plugin, name): Names,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response, Problem> {
    app.change(actor.business, &actor.by, Change::Secret { plugin, name, values: Values::default() }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
