//! Customers, and the records of why of each.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::address::Address;
use crate::domain::customer::Customer;
use crate::domain::entry::Change;
use crate::domain::ids::CustomerId;
use crate::domain::merge::Tie;
use crate::engine::why::Why;

use super::ask::{Asked, Body, Id, Ids, Nothing, Page, parse};
use super::auth::Staff;
use super::problem::{Kind, Problem, ProblemBody};
use super::{App, json};

/// Which customers.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Only the one whom this address leads to: `email:anna@example.com`.
    address: Option<String>,
    /// Where to go on: `next` of the page before.
    after: Option<String>,
    /// How many, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// Customers, in the order in which they became known; or the one of an address.
///
/// Roles: staff, owner.
#[utoipa::path(get, path = "/v1/customers", operation_id = "listCustomers", tag = "customers", params(Which), responses(
    (status = 200, description = "A page of customers", body = Page<Customer>)))]
pub async fn list(
    State(app): State<Arc<App>>,
    Staff(actor): Staff,
    Asked(which): Asked<Which>,
) -> Result<Response, Problem> {
    let limit = app.page_limit(which.limit)?;
    let query = app.engine.query(actor.business);
    let page = match &which.address {
        Some(address) => {
            let address = Address::parse(address);
            let address = address.map_err(|error| Problem::new(Kind::BadQuery, format!("in the query: {error}")))?;
            Page { items: query.customer_by_address(&address)?.into_iter().collect(), next: None }
        }
        None => {
            let found = query.customers(parse("after", which.after.as_deref())?, limit + 1)?;
            Page::of(found, limit, |customer| customer.id.to_string())
        }
    };
    Ok(json(StatusCode::OK, &page))
}

/// A customer.
///
/// Roles: staff, owner.
#[utoipa::path(get, path = "/v1/customers/{id}", operation_id = "getCustomer", tag = "customers",
    params(("id" = String, Path, description = "`cus_...`")),
    responses(
        (status = 200, description = "What is known of them", body = Customer),
        (status = 404, description = "There is none", body = ProblemBody, content_type = "application/problem+json")))]
pub async fn one(
    State(app): State<Arc<App>>,
    Staff(actor): Staff,
    Id(id): Id<CustomerId>,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response, Problem> {
    let customer = app.engine.query(actor.business).customer(id)?.ok_or_else(|| Problem::not_found("customer", id))?;
    Ok(json(StatusCode::OK, &customer))
}

/// With whom.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Other {
    /// `cus_...`: the other one.
    #[schema(value_type = String)]
    customer: CustomerId,
}

/// Puts another customer together with this one: they are the same person. All that is known of both is this one's from now on, the
/// other's id leads here, and what either withdrew holds for both.
///
/// Roles: staff, owner. `DELETE /v1/customers/{id}/merged/{other}` parts them again.
#[utoipa::path(post, path = "/v1/customers/{id}/merged", operation_id = "mergeCustomer", tag = "customers",
    params(("id" = String, Path, description = "`cus_...`")),
    request_body = Other,
    responses(
        (status = 200, description = "What is known of them now", body = Customer),
        (status = 404, description = "There is no such customer", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 409, description = "They are one customer already", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn merge(
    State(app): State<Arc<App>>,
    Staff(actor): Staff,
    Id(id): Id<CustomerId>,
    Asked(Nothing {}): Asked<Nothing>,
    Body(other): Body<Other>,
) -> Result<Response, Problem> {
    let known = |id| {
        let known = app.engine.query(actor.business).customer(id)?;
        Ok::<_, Problem>(known.ok_or_else(|| Problem::not_found("customer", id))?.id)
    };
    let (into, from) = (known(id)?, known(other.customer)?);
    if from == into {
        let words = format!("{id} and {} are one customer already: {into}", other.customer);
        return Err(Problem::new(Kind::Conflict, words));
    }
    let because = Tie::Staff { by: actor.by.clone() };
    app.change(actor.business, &actor.by, Change::Merge { from, into, because }).await?;
    one(State(app), Staff(actor), Id(into), Asked(Nothing {})).await
}

/// Parts two who were put together: what came with the other goes back, what came since stays, and what was withdrawn since holds
/// for both.
///
/// Roles: staff, owner. Of several the last is parted first.
#[utoipa::path(delete, path = "/v1/customers/{id}/merged/{other}", operation_id = "partCustomer", tag = "customers",
    params(("id" = String, Path, description = "`cus_...`"),
        ("other" = String, Path, description = "`cus_...`: who had been put together with them")),
    responses(
        (status = 200, description = "The other, who is a customer again", body = Customer),
        (status = 404, description = "They are not put together", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 409, description = "Another has to be parted first", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn part(
    State(app): State<Arc<App>>,
    Staff(actor): Staff,
    Ids(id, from): Ids<CustomerId, CustomerId>,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response, Problem> {
    let customer = app.engine.query(actor.business).customer(id)?;
    let into = customer.ok_or_else(|| Problem::not_found("customer", id))?.id;
    app.change(actor.business, &actor.by, Change::Part { from, into }).await?;
    one(State(app), Staff(actor), Id(from), Asked(Nothing {})).await
}

/// How many records of why.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HowMany {
    /// How many, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// Records of why, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Whys {
    /// One for each entry.
    pub items: Vec<Why>,
}

/// What happened to a customer last and why: one record for each entry, newest first.
///
/// Roles: staff, owner.
#[utoipa::path(get, path = "/v1/customers/{id}/whys", operation_id = "listWhys", tag = "customers",
    params(("id" = String, Path, description = "`cus_...`"), HowMany),
    responses(
        (status = 200, description = "The records", body = Whys),
        (status = 404, description = "There is no such customer", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn whys(
    State(app): State<Arc<App>>,
    Staff(actor): Staff,
    Id(id): Id<CustomerId>,
    Asked(many): Asked<HowMany>,
) -> Result<Response, Problem> {
    let limit = app.page_limit(many.limit)?;
    let query = app.engine.query(actor.business);
    query.customer(id)?.ok_or_else(|| Problem::not_found("customer", id))?;
    Ok(json(StatusCode::OK, &Whys { items: query.whys(id, limit)? }))
}
