//! Letting a visitor of the chat in: the customer is found or made, and gets a token for their own conversation.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::to_raw_value;
use tokio::sync::broadcast::error::RecvError;
use utoipa::ToSchema;

use crate::domain::address::{Address, Kind as AddressKind};
use crate::domain::event::CUSTOMER_UPDATED;
use crate::domain::ids::{BusinessId, CustomerId, EventId};
use crate::domain::time::MINUTE;
use crate::intake::cloudevent::CloudEvent;

use super::ask::{Asked, Body, Nothing};
use super::auth::Host;
use super::events::{Accepted, take};
use super::problem::{Kind, Problem, ProblemBody};
use super::secret::VisitorPass;
use super::{App, json as answer};

/// How long a token is good when nothing is said, in minutes: a long visit.
const MINUTES: u64 = 60;
/// How long a token may be good, in minutes: a week.
const MINUTES_MOST: u64 = 7 * 24 * 60;
/// The source of the events by which visitors become known.
const SOURCE: &str = "visitor";

/// Who comes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewVisitor {
    /// By which chat address they are known, `chat:...`; absent: a new one.
    #[schema(value_type = Option<String>, example = "chat:visitor-77")]
    address: Option<Address>,
    /// How they want to be called.
    #[schema(max_length = 200)]
    name: Option<String>,
    /// BCP 47.
    #[schema(max_length = 35)]
    language: Option<String>,
    /// For how long the token is good, in minutes, at most a week; an hour when absent.
    #[schema(minimum = 1, maximum = 10080)]
    minutes: Option<u64>,
}

/// A visitor's token.
#[derive(Debug, Serialize, ToSchema)]
pub struct Visitor {
    /// The customer whose conversation it opens.
    #[schema(value_type = String)]
    pub customer: CustomerId,
    /// The token, as bearer or in the cookie `attune_visitor`.
    pub token: String,
    /// When it ends, in milliseconds since the Unix epoch.
    pub expires: u64,
}

/// Lets a visitor in: finds or makes the customer, and gives a token for their conversation only.
///
/// Roles: ingest, staff, owner.
#[utoipa::path(post, path = "/v1/visitors", operation_id = "postVisitor", tag = "conversations",
    request_body = NewVisitor,
    responses(
        (status = 201, description = "The token", body = Visitor),
        (status = 422, description = "The body does not fit", body = ProblemBody, content_type = "application/problem+json")))]
pub async fn post(
    State(app): State<Arc<App>>,
    Host(actor): Host,
    Asked(Nothing {}): Asked<Nothing>,
    Body(new): Body<NewVisitor>,
) -> Result<Response, Problem> {
    let minutes = new.minutes.unwrap_or(MINUTES);
    if !(1..=MINUTES_MOST).contains(&minutes) {
        return Err(Problem::invalid("/minutes", format!("{minutes} is not between 1 and {MINUTES_MOST}")));
    }
    let unique = app.engine.new_event_id();
    let address = match new.address {
        Some(address) if address.kind() == AddressKind::Chat => address,
        Some(_) => return Err(Problem::invalid("/address", "is no chat address; give chat:... or leave it out")),
        None => Address::parse(&format!("chat:{unique}"))
            .map_err(|error| Problem::new(Kind::Internal, error.to_string()))?,
    };
    let known = app.engine.query(actor.business).customer_by_address(&address)?;
    let customer = match known {
        Some(customer) if new.name.is_none() && new.language.is_none() => customer.id,
        _ => introduce(&app, actor.business, unique, &address, new.name, new.language).await?,
    };
    let expires = app.engine.world().now().plus(minutes * MINUTE);
    let key = app.engine.keyring().index_key(actor.business)?;
    let token = VisitorPass { business: actor.business, customer, expires }.sign(&key);
    Ok(answer(StatusCode::CREATED, &Visitor { customer, token, expires: expires.0 }))
}

/// Takes an event that says who it is, and waits for its step: until then nobody can write to them.
pub(super) async fn introduce(
    app: &Arc<App>,
    business: BusinessId,
    unique: EventId,
    address: &Address,
    name: Option<String>,
    language: Option<String>,
) -> Result<CustomerId, Problem> {
    let mut who = json!({ "addresses": [address] });
    for (field, value) in [("name", name), ("language", language)] {
        if let Some(value) = value {
            who[field] = value.into();
        }
    }
    let data = to_raw_value(&json!({ "customer": who }));
    let data = data.map_err(|error| Problem::new(Kind::Internal, error.to_string()))?;
    let event = CloudEvent {
        by_connector: false,
        id: unique.to_string(),
        source: SOURCE.to_owned(),
        kind: CUSTOMER_UPDATED.to_owned(),
        time: None,
        data,
    };
    let mut steps = app.engine.watch();
    let Accepted::Accepted { id, customer: Some(customer) } = take(app, business, event).await? else {
        return Err(Problem::new(Kind::Internal, "a visitor's event was taken for another one; try again"));
    };
    let stepped = async {
        loop {
            match steps.recv().await {
                Ok(happened) if happened.entry == id => return,
                Ok(_) => {}
                Err(RecvError::Closed) => return,
                Err(RecvError::Lagged(_)) => {
                    if matches!(app.engine.query(business).customer(customer), Ok(Some(_))) {
                        return;
                    }
                }
            }
        }
    };
    match tokio::time::timeout(Duration::from_secs(app.limits.act_s), stepped).await {
        Ok(()) => Ok(customer),
        Err(_) => Err(Problem::new(Kind::Busy, "the visitor's turn has not come yet; try again in a moment")),
    }
}
