//! Reading a request: ids in the path, the query, bodies within their limit, `If-Match`, pages.
//!
//! Never reads more of a body than it may, never waits for one longer than it may, and never takes a field that it does not
//! know: a misspelt one would be silently without effect.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderValue, IF_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio_stream::StreamExt;
use utoipa::{IntoParams, ToSchema};

use crate::domain::ids::BadId;
use crate::intake::schema::{Misfit, pointer, rule};

use super::problem::{Kind, Problem};
use super::{App, json};

/// How much of a body that is too large is read and thrown away, so that its sender gets to read the answer.
const DRAINED_BYTES: usize = 8 << 20;

/// An id in the path.
pub struct Id<T>(pub T);

impl<T: FromStr<Err = BadId> + Send> FromRequestParts<Arc<App>> for Id<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let Name(text) = Name::from_request_parts(parts, app).await?;
        text.parse().map(Self).map_err(|error: BadId| Problem::new(Kind::BadId, format!("in the path: {error}")))
    }
}

/// A name in the path.
pub struct Name(pub String);

impl FromRequestParts<Arc<App>> for Name {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, app).await;
        text.map(|Path(text)| Self(text)).map_err(|error| Problem::new(Kind::BadId, error.body_text()))
    }
}

/// Two names in the path.
pub struct Names(pub String, pub String);

impl FromRequestParts<Arc<App>> for Names {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let texts = Path::<(String, String)>::from_request_parts(parts, app).await;
        let texts = texts.map(|Path((one, other))| Self(one, other));
        texts.map_err(|error| Problem::new(Kind::BadId, error.body_text()))
    }
}

/// Two ids in the path.
pub struct Ids<T, U>(pub T, pub U);

impl<T: FromStr<Err = BadId> + Send, U: FromStr<Err = BadId> + Send> FromRequestParts<Arc<App>> for Ids<T, U> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let Names(one, other) = Names::from_request_parts(parts, app).await?;
        let bad = |error: BadId| Problem::new(Kind::BadId, format!("in the path: {error}"));
        Ok(Self(one.parse().map_err(bad)?, other.parse().map_err(bad)?))
    }
}

/// The query, with unknown parameters refused by those types that say so.
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Arc<App>> for Asked<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Problem> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(query)) => Ok(Self(query)),
            Err(error) => {
                let words = error.body_text();
                let words = words.strip_prefix("Failed to deserialize query string: ").unwrap_or(&words);
                Err(Problem::new(Kind::BadQuery, format!("in the query: {words}")))
            }
        }
    }
}

/// No query at all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// A page of what is listed newest first.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Older {
    /// Where to go on: `next` of the page before.
    pub before: Option<String>,
    /// How many, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next page goes on, as `before` or `after`; absent on the last page. Its form may change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A page of `limit` out of what was found with a limit of one more; `cursor` says where the next one goes on.
    pub fn of(mut items: Vec<T>, limit: usize, cursor: impl Fn(&T) -> String) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(cursor) } else { None };
        Self { items, next }
    }

    /// The same page with other items.
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(make).collect(), next: self.next }
    }
}

impl App {
    /// How many items a page has.
    pub(super) fn page_limit(&self, asked: Option<usize>) -> Result<usize, Problem> {
        match asked {
            None => Ok(self.limits.page),
            Some(limit) if (1..=self.limits.page_most).contains(&limit) => Ok(limit),
            Some(limit) => {
                let most = self.limits.page_most;
                Err(Problem::new(Kind::BadQuery, format!("in the query: limit is 1 to {most}, not {limit}")))
            }
        }
    }

    /// Reads a body within a limit and a time.
    pub(super) async fn read_body(&self, request: Request, limit: usize, seconds: u64) -> Result<Bytes, Problem> {
        let said = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if said.is_some_and(|said| said > limit.saturating_add(DRAINED_BYTES)) {
            return Err(too_large(limit));
        }
        match tokio::time::timeout(Duration::from_secs(seconds), collect(request, limit)).await {
            Ok(body) => body,
            Err(_) => Err(Problem::new(
                Kind::Slow,
                format!("the body did not arrive within {seconds} seconds; send it again"),
            )),
        }
    }
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Kind::TooLarge, format!("the body has more than {limit} bytes, which is the limit; send less at once"))
}

/// Most bodies come in one piece, and that one is not copied.
async fn collect(request: Request, limit: usize) -> Result<Bytes, Problem> {
    let mut pieces = request.into_body().into_data_stream();
    let mut next = async || match pieces.next().await {
        Some(Ok(piece)) => Ok(Some(piece)),
        Some(Err(error)) => Err(Problem::new(Kind::BadJson, format!("the body broke off: {error}"))),
        None => Ok(None),
    };
    let Some(first) = next().await? else { return Ok(Bytes::new()) };
    let mut size = first.len();
    let mut whole: Option<Vec<u8>> = None;
    while let Some(piece) = next().await? {
        size += piece.len();
        if size <= limit {
            whole.get_or_insert_with(|| first.to_vec()).extend_from_slice(&piece);
        } else if size > limit.saturating_add(DRAINED_BYTES) {
            break;
        }
    }
    match whole {
        _ if size > limit => Err(too_large(limit)),
        Some(whole) => Ok(whole.into()),
        None => Ok(first),
    }
}

/// The content type without its parameters, in lower case.
pub fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// Whether a content type is JSON.
pub fn is_json(kind: &str) -> bool {
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// A body of JSON.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Body<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let kind = content_type(request.headers());
        if !kind.as_deref().is_some_and(is_json) {
            let given = kind.map_or_else(|| "none".to_owned(), |kind| format!("`{kind}`"));
            let words = format!("the content type is {given}; send JSON with `Content-Type: application/json`");
            return Err(Problem::new(Kind::BadType, words));
        }
        let bytes = app.read_body(request, app.limits.body_bytes, app.limits.body_s).await?;
        read_json(&bytes).map(Self)
    }
}

fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = pointer(error.path());
        let inner = error.into_inner();
        if inner.is_data() {
            let errors = vec![Misfit { path, rule: rule(&inner) }];
            Problem::misfits("the body does not fit", errors)
        } else {
            Problem::new(Kind::BadJson, format!("the body is not JSON: {inner}"))
        }
    })?;
    reader.end().map_err(|error| Problem::new(Kind::BadJson, format!("the body is not JSON: {error}")))?;
    Ok(value)
}

/// A cursor or other id in the query.
pub fn parse<T: FromStr<Err = BadId>>(name: &str, text: Option<&str>) -> Result<Option<T>, Problem> {
    text.map(str::parse)
        .transpose()
        .map_err(|error: BadId| Problem::new(Kind::BadQuery, format!("in the query: `{name}`: {error}")))
}

/// The revision that a caller saw, by `If-Match: "3"`.
pub struct Seen(pub Option<u64>);

impl FromRequestParts<Arc<App>> for Seen {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(IF_MATCH) else { return Ok(Self(None)) };
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(Self(None));
        }
        let revision = text.trim_matches('"').parse();
        revision.map(|revision| Self(Some(revision))).map_err(|_| {
            Problem::new(
                Kind::BadHeader,
                "the header If-Match has another form than the ETag of an answer, such as \"3\"",
            )
        })
    }
}

/// An answer with a body of JSON and the revision as its `ETag`.
pub fn tagged<T: Serialize>(status: StatusCode, revision: u64, value: &T) -> Response {
    let mut response = json(status, value);
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{revision}\"")) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}
