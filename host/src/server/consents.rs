//! What a customer agreed to and took back: where they stand, the whole ledger, and what staff write down.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::consent::{Consent, Consents as Standing, EVERYWHERE, Source};
use crate::domain::entry::{Input, StaffAct};
use crate::domain::ids::CustomerId;
use crate::domain::message::Purpose;
use crate::store::Batch;

use super::ask::{Asked, Body, Id, Nothing};
use super::auth::Staff;
use super::problem::{Problem, ProblemBody};
use super::{App, json};

/// What a customer agreed to and took back.
#[derive(Debug, Serialize, ToSchema)]
pub struct Consents {
    /// What counts now: for each channel and purpose the last word.
    standing: Standing,
    /// All that was ever said, oldest first.
    ledger: Vec<Consent>,
}

/// What a customer told staff.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// On which channel; absent is every channel.
    #[schema(max_length = 32)]
    channel: Option<String>,
    /// For what; absent is everything, as STOP and START are.
    purpose: Option<Purpose>,
    /// Granted, or withdrawn.
    granted: bool,
    /// How that is known, and what was agreed to, in words.
    #[schema(min_length = 1, max_length = 2000)]
    text: String,
}

/// What a customer agreed to and took back.
///
/// Roles: staff, owner.
#[utoipa::path(get, path = "/v1/customers/{id}/consents", operation_id = "getConsents", tag = "customers",
    params(("id" = String, Path, description = "`cus_...`")),
    responses(
        (status = 200, description = "What counts now, and how it came about", body = Consents),
        (status = 404, description = "There is no such customer", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn show(
    State(app): State<Arc<App>>,
    Staff(actor): Staff,
    Id(id): Id<CustomerId>,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response, Problem> {
    answer(&app, actor.business, id, StatusCode::OK)
}

/// Writes down what a customer told a member of staff.
///
/// Roles: staff, owner. It lifts a stop, because whoever writes it down stands for it with their name.
#[utoipa::path(post, path = "/v1/customers/{id}/consents", operation_id = "postConsent", tag = "customers",
    params(("id" = String, Path, description = "`cus_...`")),
    request_body = Told,
    responses(
        (status = 201, description = "What counts now, and how it came about", body = Consents),
        (status = 404, description = "There is no such customer", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 422, description = "Something does not fit", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn tell(
    State(app): State<Arc<App>>,
    Staff(actor): Staff,
    Id(id): Id<CustomerId>,
    Asked(Nothing {}): Asked<Nothing>,
    Body(told): Body<Told>,
) -> Result<Response, Problem> {
    app.engine.query(actor.business).customer(id)?.ok_or_else(|| Problem::not_found("customer", id))?;
    if told.text.trim().is_empty() || told.text.chars().count() > 2_000 {
        return Err(Problem::invalid("/text", "has 1 to 2000 characters; say how you know"));
    }
    if told.purpose == Some(Purpose::Reply) {
        return Err(Problem::invalid("/purpose", "an answer needs no consent; use survey, marketing or service"));
    }
    let channel = told.channel.unwrap_or_else(|| EVERYWHERE.to_owned());
    super::messages::check_channel(Some(&channel).filter(|channel| *channel != EVERYWHERE))?;
    let consent = Consent {
        channel,
        purpose: told.purpose,
        granted: told.granted,
        at: app.engine.world().now(),
        source: Source::Staff,
        text: Some(told.text),
        by: Some(actor.by.clone()),
    };
    let input = Input::Staff { by: actor.by.clone(), act: StaffAct::Consent(Box::new(consent)) };
    app.act(actor.business, id, input, Batch::new()).await?;
    answer(&app, actor.business, id, StatusCode::CREATED)
}

fn answer(
    app: &App,
    business: crate::domain::ids::BusinessId,
    id: CustomerId,
    status: StatusCode,
) -> Result<Response, Problem> {
    let query = app.engine.query(business);
    let customer = query.customer(id)?.ok_or_else(|| Problem::not_found("customer", id))?;
    Ok(json(status, &Consents { standing: customer.consents, ledger: query.ledger(id)? }))
}
