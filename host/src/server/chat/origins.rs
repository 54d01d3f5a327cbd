//! Which pages may use the chat: those whose origin the owner named, exactly.
//!
//! A page that may not gets an answer that it can read, so that whoever put the chat there finds out why; nothing of a
//! conversation stands in it. A request to write that names no origin is no browser's, and is refused.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderValue, ORIGIN, VARY,
};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::domain::ids::BusinessId;

use super::super::App;
use super::super::problem::{Kind, Problem};

/// Where the chat of a business is; what follows is its id.
const PLACE: &str = "/v1/chat/";

/// Lets through what comes from a page that may.
pub async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let Some(named) = request.uri().path().strip_prefix(PLACE) else { return next.run(request).await };
    let Some(business) = named.split('/').next().and_then(|id| id.parse().ok()) else { return next.run(request).await };
    let Some(origin) = request.headers().get(ORIGIN).cloned() else {
        // Browsers name it with all that is not a GET, and with a GET for a page of another origin.
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            return next.run(request).await;
        }
        return Problem::new(
            Kind::BadOrigin,
            "there is no header Origin, which a browser sends; the chat is for pages",
        )
        .into_response();
    };
    let asks_first = request.method() == Method::OPTIONS;
    let mut response = match refusal(&app, business, &origin) {
        Some(problem) => problem.into_response(),
        None if asks_first => StatusCode::NO_CONTENT.into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("origin"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
    if asks_first && response.status().is_success() {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, content-type"));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    response
}

/// Why a page may not, for the owner.
fn refusal(app: &App, business: BusinessId, origin: &HeaderValue) -> Option<Problem> {
    let origin = origin.to_str().unwrap_or("null");
    let ready = app.engine.ready(business).filter(|_| business != BusinessId::SYSTEM);
    let Some(ready) = ready else {
        return Some(Problem::new(
            Kind::BadOrigin,
            format!("there is no business {business}; copy the script tag again"),
        ));
    };
    let chat = &ready.config.business.chat;
    if chat.allows(origin) {
        return None;
    }
    let shown: String = origin.chars().take(200).collect();
    let none =
        if chat.origins.is_empty() { "this business has named no pages for its chat" } else { "it is not named" };
    let words = format!(
        "a page of `{shown}` may not use this chat: {none}; the owner adds its origin to `chat.origins` with PATCH /v1/business"
    );
    Some(Problem::new(Kind::BadOrigin, words))
}
