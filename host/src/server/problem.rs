//! Problems: every answer that is not what was asked for, in the form of RFC 9457.
//!
//! `code` is for programs and never changes; `detail` is for people and says what was wrong, where, and what to do. Nothing
//! of another business, no secret and no stack of errors ever stands in one.

use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{Response as HttpResponse, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::{NotTaken, Report};
use crate::intake::NotAccepted;
use crate::intake::schema::Misfit;
use crate::store::StoreError;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $status:literal $code:literal $title:literal;)*) => {
        /// What kind of problem it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Kind {
            $($(#[$doc])* $name,)*
        }

        impl Kind {
            /// Its status, its stable code, its title.
            fn about(self) -> (u16, &'static str, &'static str) {
                match self {
                    $(Self::$name => ($status, $code, $title),)*
                }
            }
        }
    };
}

kinds! {
    /// The body is not JSON.
    BadJson = 400 "bad-json" "The body is not JSON";
    /// A CloudEvent's envelope is wrong.
    Malformed = 400 "malformed" "The event is malformed";
    /// A query parameter is unknown or wrong.
    BadQuery = 400 "bad-query" "The query is wrong";
    /// An id in the path is none.
    BadId = 400 "bad-id" "The path names no id";
    /// A header is wrong.
    BadHeader = 400 "bad-header" "A header is wrong";
    /// An operator has to say which business.
    NoBusiness = 400 "no-business" "No business is named";
    /// There is no token, or it is not known.
    Unauthorized = 401 "unauthorized" "No valid token";
    /// What a vendor sent does not prove that the vendor sent it.
    Unverified = 401 "unverified" "The request is not genuine";
    /// The token's role may not.
    Forbidden = 403 "forbidden" "This token may not do that";
    /// A page elsewhere may not use the chat.
    BadOrigin = 403 "origin" "This page may not use the chat";
    /// There is no such thing.
    NotFound = 404 "not-found" "Not found";
    /// There is no such place.
    NoRoute = 404 "no-route" "There is nothing at this path";
    /// The place is there, but not for this method.
    BadMethod = 405 "bad-method" "This path does not take that method";
    /// The body came too slowly.
    Slow = 408 "slow" "The request took too long";
    /// It does not go with what is there.
    Conflict = 409 "conflict" "It does not go with what is there";
    /// A plugin lacks grants.
    Ungranted = 409 "ungranted" "The plugin needs grants first";
    /// Nobody signed a plugin whom the business trusts.
    Unsigned = 409 "unsigned" "The plugin is not signed by anyone you trust";
    /// The gate withheld a message.
    Withheld = 409 "withheld" "The message is not sent";
    /// It has changed since it was read.
    Changed = 412 "changed" "It has changed meanwhile";
    /// The body is over the limit.
    TooLarge = 413 "too-large" "Too large";
    /// The body is of another type.
    BadType = 415 "bad-content-type" "This content type is not taken here";
    /// The body does not fit.
    Invalid = 422 "invalid" "The data does not fit";
    /// A component was not taken.
    Rejected = 422 "rejected" "The component is not taken";
    /// One visitor, or one address of the network, asks for too much.
    TooMany = 429 "too-many" "Too many at once";
    /// Something failed that should not.
    Internal = 500 "internal" "Something failed here";
    /// Too much is waiting.
    Busy = 503 "busy" "Too much is waiting";
    /// Nothing is taken at present.
    Stopped = 503 "stopped" "Nothing is taken at present";
}

/// An answer that is not what was asked for.
#[derive(Debug)]
pub struct Problem(Box<Inside>);

#[derive(Debug)]
struct Inside {
    kind: Kind,
    detail: String,
    errors: Vec<Misfit>,
    rule: Option<String>,
    message: Option<String>,
    challenge: Option<&'static str>,
    wait_s: Option<u64>,
}

/// A problem as it stands in an answer (RFC 9457, `application/problem+json`).
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// A stable name: `urn:attune:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem, for people.
    pub title: &'static str,
    /// The status of the answer.
    pub status: u16,
    /// What was wrong, where, and what to do.
    pub detail: String,
    /// The kind of problem, for programs.
    pub code: &'static str,
    /// What does not fit, each with its path and the rule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Misfit>,
    /// The gate's rule that withheld a message: `opted-out`, `unreachable`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The message that was withheld; it stands in the conversation with its reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Problem {
    /// A problem with words for people.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self(Box::new(Inside {
            kind,
            detail,
            errors: Vec::new(),
            rule: None,
            message: None,
            challenge: None,
            wait_s: None,
        }))
    }

    /// There is no such thing in this business.
    pub fn not_found(what: &str, id: impl std::fmt::Display) -> Self {
        Self::new(Kind::NotFound, format!("there is no {what} {id} in this business"))
    }

    /// One place does not fit.
    pub fn invalid(path: &str, rule: impl Into<String>) -> Self {
        Self::misfits("the body does not fit", vec![Misfit { path: path.to_owned(), rule: rule.into() }])
    }

    /// Several places do not fit. `what` begins the words for people.
    pub fn misfits(what: &str, errors: Vec<Misfit>) -> Self {
        let words: Vec<String> = errors
            .iter()
            .map(|one| if one.path.is_empty() { one.rule.clone() } else { format!("{}: {}", one.path, one.rule) })
            .collect();
        let mut problem = Self::new(Kind::Invalid, format!("{what}: {}", words.join("; ")));
        problem.0.errors = errors;
        problem
    }

    /// The gate withheld a message.
    pub fn withheld(rule: &str, words: &str, message: Option<String>) -> Self {
        let mut problem = Self::new(Kind::Withheld, words);
        (problem.0.rule, problem.0.message) = (Some(rule.to_owned()), message);
        problem
    }

    /// No token, or (`given`) one that is not good. `WWW-Authenticate` says which scheme is wanted.
    pub fn unauthorized(given: bool, detail: &str) -> Self {
        let mut problem = Self::new(Kind::Unauthorized, detail);
        problem.0.challenge =
            Some(if given { r#"Bearer realm="attune", error="invalid_token""# } else { r#"Bearer realm="attune""# });
        problem
    }

    /// What kind it is.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// What is wrong, in words.
    pub fn words(&self) -> &str {
        &self.0.detail
    }

    /// Too much at once; `wait_s` is when to come again, in seconds.
    pub fn too_many(wait_s: u64, what: &str) -> Self {
        let mut problem = Self::new(Kind::TooMany, format!("{what}; try again in {wait_s} seconds"));
        problem.0.wait_s = Some(wait_s);
        problem
    }

    /// As it stands in an answer.
    pub fn body(self) -> ProblemBody {
        let Inside { kind, detail, errors, rule, message, .. } = *self.0;
        let (status, code, title) = kind.about();
        ProblemBody { kind: format!("urn:attune:problem:{code}"), title, status, detail, code, errors, rule, message }
    }

    /// What a step refused, in the words of the step.
    ///
    /// # Errors
    /// The problem, if it refused.
    pub fn of_report(report: Report) -> Result<Report, Self> {
        let Some((code, words)) = &report.refused else { return Ok(report) };
        Err(match code.as_str() {
            "invalid" => Self::misfits("the body does not fit", step_misfits(words)),
            "changed" => Self::new(Kind::Changed, words),
            "not-found" => Self::new(Kind::NotFound, words),
            "ungranted" => Self::new(Kind::Ungranted, words),
            "unsigned" => Self::new(Kind::Unsigned, words),
            "conflict" => Self::new(Kind::Conflict, words),
            "failed" => Self::new(Kind::Internal, words),
            rule => Self::withheld(rule, words, report.messages.first().map(|message| message.id.to_string())),
        })
    }
}

/// A step's words begin with the place: `settings/steps: ...`, `wording.reminder.en: ...`.
fn step_misfits(words: &str) -> Vec<Misfit> {
    let one = |words: &str| match words.split_once(": ") {
        Some((place, rule)) if !place.contains(' ') => {
            // The name of a variant has a dot of its own.
            let place = match place.strip_prefix("wording.").and_then(|rest| rest.rsplit_once('.')) {
                Some((template, locale)) => format!("wording/{template}/{locale}"),
                None => place.to_owned(),
            };
            Misfit { path: format!("/{place}"), rule: rule.to_owned() }
        }
        _ => Misfit { path: String::new(), rule: words.to_owned() },
    };
    // Several lines come of a settings schema only, and each begins with the same word.
    let mut lines = words.split("; settings");
    let first = lines.next().map(one);
    first.into_iter().chain(lines.map(|line| one(&format!("settings{line}")))).collect()
}

impl From<NotTaken> for Problem {
    fn from(error: NotTaken) -> Self {
        match error {
            NotTaken::Busy { .. } | NotTaken::Raced => Self::new(Kind::Busy, error.to_string()),
            NotTaken::Stopped(_) => Self::new(Kind::Stopped, error.to_string()),
            NotTaken::Gone(_) => Self::new(Kind::NotFound, error.to_string()),
        }
    }
}

impl From<NotAccepted> for Problem {
    fn from(error: NotAccepted) -> Self {
        match error {
            NotAccepted::Invalid { kind, misfits } => {
                Self::misfits(&format!("the data does not fit the schema of {kind}"), misfits)
            }
            NotAccepted::Conflict => Self::new(Kind::Conflict, error.to_string()),
            NotAccepted::NotTaken(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store could not answer the API");
        Self::new(Kind::Internal, format!("the store could not be read: {error}"))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (kind, challenge, wait_s) = (self.0.kind, self.0.challenge, self.0.wait_s);
        let body = self.body();
        let status = StatusCode::from_u16(body.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // The fields are texts and numbers, which always become JSON.
        let json = serde_json::to_vec(&body).unwrap_or_default();
        let mut response: Response = HttpResponse::new(json.into());
        *response.status_mut() = status;
        let mut header = |name: HeaderName, value: &'static str| {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        };
        header(CONTENT_TYPE, "application/problem+json");
        match kind {
            Kind::Busy => header(RETRY_AFTER, "1"),
            Kind::Stopped => header(RETRY_AFTER, "10"),
            Kind::Unauthorized => header(WWW_AUTHENTICATE, challenge.unwrap_or(r#"Bearer realm="attune""#)),
            _ => {}
        }
        if let Some(wait_s) = wait_s {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait_s));
        }
        response
    }
}
