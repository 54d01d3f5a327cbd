//! How many customers write, about what, and how many of them unhappily. Numbers only.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::turn::trends::{MOST_HOURS, Topic};

use super::ask::Asked;
use super::auth::Staff;
use super::problem::{Kind, Problem};
use super::{App, json};

/// How far back to look.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Last {
    /// How many hours, 1 to 24, the current one included; 24 when absent.
    #[param(minimum = 1, maximum = 24)]
    hours: Option<u32>,
}

/// What customers wrote within some hours.
#[derive(Debug, Serialize, ToSchema)]
pub struct Trends {
    /// How many hours.
    hours: u32,
    /// `all` first, then each topic that somebody wrote about.
    topics: Vec<Topic>,
}

/// How many customers wrote in the last hours, by topic, how many of them unhappily, and what is usual.
///
/// A message counts for the first thing it asks for, and for `complaint` if it complains. It is unhappy if it shows much
/// frustration, is clearly negative, or complains. Usual is the mean of the same hours on the seven days before.
///
/// Roles: staff, owner.
#[utoipa::path(get, path = "/v1/trends", operation_id = "trends", tag = "attention", params(Last),
    responses((status = 200, description = "The numbers", body = Trends)))]
pub async fn show(
    State(app): State<Arc<App>>,
    Staff(actor): Staff,
    Asked(last): Asked<Last>,
) -> Result<Response, Problem> {
    let hours = last.hours.unwrap_or(MOST_HOURS);
    if !(1..=MOST_HOURS).contains(&hours) {
        let words = format!("in the query: hours is 1 to {MOST_HOURS}, not {hours}");
        return Err(Problem::new(Kind::BadQuery, words));
    }
    let topics = app.engine.query(actor.business).trends(hours)?;
    Ok(json(StatusCode::OK, &Trends { hours, topics }))
}
