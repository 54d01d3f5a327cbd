//! What is known of a business, and the businesses of an installation.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Deserializer};
use utoipa::{IntoParams, ToSchema};

use crate::domain::business::Business;
use crate::domain::chat::Chat;
use crate::domain::entry::Change;
use crate::domain::errand::{self, NoticeRoute};
use crate::domain::hours::OpeningHours;
use crate::domain::ids::BusinessId;
use crate::domain::phone::is_country;
use crate::domain::promises::Promises;
use crate::domain::quiet::QuietHours;
use crate::domain::retention::{MOST_DAYS, Retention};
use crate::domain::time;
use crate::engine::config::{business_key, businesses};
use crate::intake::schema::Misfit;

use super::ask::{Asked, Body, Nothing, Page, parse};
use super::auth::{Operator, Owner};
use super::problem::{Problem, ProblemBody};
use super::{App, json};

/// What changes of a business. What is absent stays as it is; for a new one it is the usual.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BusinessPatch {
    /// As customers know it.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// IANA zone in which its hours are written.
    #[schema(example = "Europe/Berlin")]
    zone: Option<String>,
    /// BCP 47: what it speaks when nothing is known of a customer's language.
    #[schema(example = "en")]
    language: Option<String>,
    /// In which country it is, ISO 3166-1: telephone numbers without a country are read as its own; null for none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, pattern = "^[A-Z]{2}$", example = "DE")]
    country: Option<Option<String>>,
    /// How a customer reaches a person; null for nothing.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 500)]
    contact: Option<Option<String>>,
    /// Names of what it sells, or by which it is known, all of them: in a customer's message they say nothing of the mood.
    #[schema(max_items = 50)]
    brand_words: Option<Vec<String>>,
    /// When it is open, all of it.
    hours: Option<OpeningHours>,
    /// When customers are left alone.
    #[schema(value_type = Option<QuietHours>)]
    quiet: Option<QuietHours>,
    /// Further rules for automated messages, all of them; what is left out is as usual.
    promises: Option<Promises>,
    /// In a simulation everything is decided and recorded, and nothing automated is sent.
    simulation: Option<bool>,
    /// Where notices to staff go beside the list of them, all of it.
    #[schema(max_items = 8)]
    notices: Option<Vec<NoticeRoute>>,
    /// For how many days each kind of data is kept, all of it: what is absent gets its usual time again.
    retention: Option<Retention>,
    /// The chat on its pages, all of it; what is left out is as usual.
    chat: Option<Chat>,
}

/// Tells null from nothing.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl BusinessPatch {
    /// The business with the changes in it, if it is one then.
    fn merge(self, business: Business) -> Result<Business, Problem> {
        let merged = Business {
            id: business.id,
            name: self.name.map_or(business.name, |name| name.trim().to_owned()),
            zone: self.zone.unwrap_or(business.zone),
            language: self.language.unwrap_or(business.language),
            country: self.country.unwrap_or(business.country),
            contact: self.contact.unwrap_or(business.contact),
            brand_words: self.brand_words.unwrap_or(business.brand_words),
            hours: self.hours.unwrap_or(business.hours),
            quiet: self.quiet.unwrap_or(business.quiet),
            promises: self.promises.unwrap_or(business.promises),
            paused: business.paused,
            simulation: self.simulation.unwrap_or(business.simulation),
            notices: self.notices.unwrap_or(business.notices),
            retention: self.retention.unwrap_or(business.retention),
            chat: self.chat.unwrap_or(business.chat),
            trusted_keys: business.trusted_keys,
        };
        let errors = misfits(&merged);
        if errors.is_empty() { Ok(merged) } else { Err(Problem::misfits("the body does not fit", errors)) }
    }
}

fn misfits(business: &Business) -> Vec<Misfit> {
    let printable = |text: &str, most: usize| text.chars().count() <= most && !text.chars().any(char::is_control);
    let language = |text: &str| {
        (2..=35).contains(&text.len())
            && text
                .split('-')
                .all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
    };
    let rules = [
        (!business.name.is_empty(), "/name", "is empty; give the name that customers know"),
        (printable(&business.name, 200), "/name", "has at most 200 printable characters"),
        (time::zone(&business.zone).is_some(), "/zone", "is no IANA time zone, such as Europe/Berlin"),
        (language(&business.language), "/language", "is no BCP 47 language, such as en or pt-BR"),
        (
            business.country.as_deref().is_none_or(is_country),
            "/country",
            "is no country's two capital letters, such as DE",
        ),
        (
            business.contact.as_deref().is_none_or(|contact| printable(contact, 500)),
            "/contact",
            "has at most 500 printable characters",
        ),
        (
            business.brand_words.len() <= 50
                && business.brand_words.iter().all(|name| (1..=60).contains(&name.trim().len()) && printable(name, 60)),
            "/brand_words",
            "has at most 50 names, each of 1 to 60 printable characters",
        ),
    ];
    let broken = rules.into_iter().filter(|(holds, ..)| !holds);
    let kept = business.retention.misfits().map(|kind| Misfit {
        path: format!("/retention/{kind}"),
        rule: format!("is 1 to {MOST_DAYS} days; leave it out for the usual time"),
    });
    let broken = broken.map(|(_, path, rule)| Misfit { path: path.to_owned(), rule: rule.to_owned() });
    let promises = business.promises.misfits().into_iter();
    let promises = promises.map(|(path, rule)| Misfit { path: format!("/promises{path}"), rule });
    let chat = business.chat.misfits().into_iter();
    let chat = chat.map(|(path, rule)| Misfit { path: format!("/chat{path}"), rule });
    let notices = errand::misfits(&business.notices).into_iter();
    let notices = notices.map(|(path, rule)| Misfit { path: format!("/notices{path}"), rule });
    broken.chain(kept).chain(promises).chain(chat).chain(notices).collect()
}

fn read(app: &App, id: BusinessId) -> Result<Option<Business>, Problem> {
    Ok(app.engine.view().get(&business_key(id))?.map(|row| row.read_clear()).transpose()?)
}

/// The business.
///
/// Roles: owner.
#[utoipa::path(get, path = "/v1/business", operation_id = "getBusiness", tag = "business", responses(
    (status = 200, description = "What is known of it", body = Business)))]
pub async fn one(
    State(app): State<Arc<App>>,
    Owner(actor): Owner,
    Asked(Nothing {}): Asked<Nothing>,
) -> Result<Response, Problem> {
    let business = read(&app, actor.business)?.ok_or_else(|| Problem::not_found("business", actor.business))?;
    Ok(json(StatusCode::OK, &business))
}

/// Changes what is known of the business.
///
/// Roles: owner.
#[utoipa::path(patch, path = "/v1/business", operation_id = "changeBusiness", tag = "business",
    request_body = BusinessPatch,
    responses(
        (status = 200, description = "The business as it is now", body = Business),
        (status = 422, description = "Something does not fit", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn change(
    State(app): State<Arc<App>>,
    Owner(actor): Owner,
    Asked(Nothing {}): Asked<Nothing>,
    Body(patch): Body<BusinessPatch>,
) -> Result<Response, Problem> {
    // One after the other, so that two changes at once are both there afterwards.
    let _merging = app.merging.lock().await;
    let business = read(&app, actor.business)?.ok_or_else(|| Problem::not_found("business", actor.business))?;
    let merged = patch.merge(business)?;
    app.change(actor.business, &actor.by, Change::Business(Box::new(merged.clone()))).await?;
    Ok(json(StatusCode::OK, &merged))
}

/// Which businesses.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct After {
    /// Where to go on: `next` of the page before.
    after: Option<String>,
    /// How many, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// The businesses of this installation, in the order in which they were made.
///
/// Roles: operator.
#[utoipa::path(get, path = "/v1/businesses", operation_id = "listBusinesses", tag = "business", params(After), responses(
    (status = 200, description = "A page of businesses", body = Page<Business>)))]
pub async fn list(
    State(app): State<Arc<App>>,
    Operator(_): Operator,
    Asked(asked): Asked<After>,
) -> Result<Response, Problem> {
    let limit = app.page_limit(asked.limit)?;
    let after = parse("after", asked.after.as_deref())?.unwrap_or(BusinessId::SYSTEM);
    let mut ids = businesses(app.engine.view().as_ref())?;
    ids.sort();
    let mut found = Vec::new();
    for id in ids.into_iter().filter(|id| *id > after).take(limit + 1) {
        found.extend(read(&app, id)?);
    }
    Ok(json(StatusCode::OK, &Page::of(found, limit, |business| business.id.to_string())))
}

/// Makes a business.
///
/// Roles: operator. `name` is needed; the rest is UTC, English, open on working days from 9 to 17, quiet from 21 to 8.
#[utoipa::path(post, path = "/v1/businesses", operation_id = "createBusiness", tag = "business",
    request_body = BusinessPatch,
    responses(
        (status = 201, description = "The business", body = Business),
        (status = 422, description = "Something does not fit", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn create(
    State(app): State<Arc<App>>,
    Operator(operator): Operator,
    Asked(Nothing {}): Asked<Nothing>,
    Body(patch): Body<BusinessPatch>,
) -> Result<Response, Problem> {
    let id = BusinessId::new(app.engine.world().now(), app.engine.world().unique());
    let business = patch.merge(Business::new(id, "", "UTC", "en"))?;
    app.change(id, &operator.by, Change::Business(Box::new(business.clone()))).await?;
    Ok(json(StatusCode::CREATED, &business))
}
