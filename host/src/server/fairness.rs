//! How customers fared by how they write: numbers of the business's own history, for the owner.
//!
//! Never shows a text or a customer, so it is no look at one and leaves no line in the audit log.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::engine::fairness::{History, Most};

use super::ask::Asked;
use super::auth::Owner;
use super::problem::{Kind, Problem};
use super::{App, json};

/// The longest time of which a report is made, in days.
const DAYS: u16 = 366;

/// Of which time.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// How many days back, 1 to 366; 30 when absent.
    #[param(minimum = 1, maximum = 366)]
    days: Option<u16>,
}

/// What became of customers' messages by language, channel and way of writing: how often a person was called, an automation
/// answered, or neither before the customer's next message and within a day. Numbers only. Groups of fewer than 20 customers are
/// shown and not judged; groups ask for different things, so a gap is a question, not a finding.
///
/// Roles: owner. It looks at 5,000 customers, 200 rows of each conversation and 200,000 of all at the most, the newest, and
/// says so (`is_cut`) when there are more.
#[utoipa::path(get, path = "/v1/audit/fairness", operation_id = "auditFairness", tag = "business", params(Which),
    responses((status = 200, description = "The report", body = History)))]
pub async fn history(
    State(app): State<Arc<App>>,
    Owner(actor): Owner,
    Asked(which): Asked<Which>,
) -> Result<Response, Problem> {
    let days = which.days.unwrap_or(30);
    if !(1..=DAYS).contains(&days) {
        return Err(Problem::new(Kind::BadQuery, format!("in the query: days is 1 to {DAYS}, not {days}")));
    }
    // It reads many rows, and would hold up this thread's other requests.
    let reading = tokio::task::spawn_blocking(move || app.engine.query(actor.business).fairness(days, Most::default()));
    let failed = |error| Problem::new(Kind::Internal, format!("the report broke off: {error}; ask again"));
    Ok(json(StatusCode::OK, &reading.await.map_err(failed)??))
}
