//! Where the link in an offer leads: a mail program posts to it and is done (RFC 8058), a person sees a page with one button.
//!
//! Looking at the page never unsubscribes anybody: mail filters follow links.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};

use crate::domain::entry::Input;
use crate::domain::locale;
use crate::domain::sentences;
use crate::engine::unsubscribe::{CHANNEL, Unsubscribing};
use crate::store::Batch;

use super::App;
use super::problem::{Kind, Problem, ProblemBody};

/// The page behind the link: a question and a button.
#[utoipa::path(get, path = "/unsubscribe/{token}", operation_id = "unsubscribePage", tag = "conversations", security(()),
    params(("token" = String, Path, description = "From the link")),
    responses(
        (status = 200, description = "A page that asks", body = String, content_type = "text/html"),
        (status = 404, description = "The link was not made here", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn ask(State(app): State<Arc<App>>, Path(token): Path<String>) -> Result<Response, Problem> {
    let what = read(&app, &token)?;
    let (language, name) = whom(&app, what)?;
    let words = sentences::unsubscribing(&language, &name);
    let form = format!("<form method=\"post\"><button>{}</button></form>", html(words.button));
    Ok(page(&language, &words.question, &form))
}

/// Unsubscribes.
///
/// Takes what RFC 8058 has a mail program post, and what the page's button posts; doing it twice changes nothing.
#[utoipa::path(post, path = "/unsubscribe/{token}", operation_id = "unsubscribe", tag = "conversations", security(()),
    params(("token" = String, Path, description = "From the link")),
    responses(
        (status = 200, description = "It is done", body = String, content_type = "text/html"),
        (status = 404, description = "The link was not made here", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn end(State(app): State<Arc<App>>, Path(token): Path<String>) -> Result<Response, Problem> {
    let what = read(&app, &token)?;
    let (language, name) = whom(&app, what)?;
    let customer = app.engine.query(what.business).customer(what.customer)?;
    // Whoever is not known here any more gets nothing anyway; and every click of an impatient reader is not another entry.
    if customer.is_some_and(|known| known.consents.withdrawal(CHANNEL, what.purpose).is_none()) {
        let input = Input::Unsubscribe { channel: CHANNEL.to_owned(), purpose: what.purpose };
        app.act(what.business, what.customer, input, Batch::new()).await?;
    }
    Ok(page(&language, &sentences::unsubscribing(&language, &name).done, ""))
}

fn read(app: &App, token: &str) -> Result<Unsubscribing, Problem> {
    let no_link = || {
        Problem::new(
            Kind::NotFound,
            "this link was not made here; take it from the mail as it is, up to its last character",
        )
    };
    app.engine.unsubscribing(token)?.ok_or_else(no_link)
}

/// What the reader speaks, and the business's name.
fn whom(app: &App, what: Unsubscribing) -> Result<(String, String), Problem> {
    let business = app.engine.ready(what.business).map(|ready| ready.config.business.clone());
    let (name, usual) = business.map_or_else(Default::default, |business| (business.name, business.language));
    let customer = app.engine.query(what.business).customer(what.customer)?;
    Ok((customer.and_then(|customer| customer.language).unwrap_or(usual), name))
}

fn page(language: &str, words: &str, more: &str) -> Response {
    let (language, words) = (html(locale::primary(language)), html(words));
    let body = format!(
        "<!doctype html><html lang=\"{language}\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\">\
         <title>{words}</title><body><p>{words}</p>{more}</body></html>"
    );
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; form-action 'self'; frame-ancestors 'none'"),
        ),
    ];
    (StatusCode::OK, headers, body).into_response()
}

/// A text within a page.
fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
