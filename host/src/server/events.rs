//! Events in: CloudEvents 1.0, structured, binary or in a batch. Answers once they are durable, never before.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use tokio::sync::oneshot;
use utoipa::ToSchema;

use crate::domain::ids::{BusinessId, CustomerId, EventId};
use crate::engine::NotTaken;
use crate::intake::cloudevent::{self, CloudEvent, Malformed};
use crate::intake::{self, NotAccepted, Taken};

use super::ask::{Asked, Nothing, content_type, is_json};
use super::auth::Source;
use super::problem::{Kind, Problem, ProblemBody};
use super::{App, json};

/// What became of an event.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Accepted {
    /// It is durable in the journal.
    Accepted {
        /// The entry it became: `evt_...`.
        #[schema(value_type = String)]
        id: EventId,
        /// Whom it is about: `cus_...`; null for the business as a whole.
        #[schema(value_type = Option<String>)]
        customer: Option<CustomerId>,
    },
    /// It was there before; nothing changed.
    Repeated {
        /// The entry it became then.
        #[schema(value_type = String)]
        id: EventId,
    },
}

/// What became of one event of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum BatchResult {
    /// It is in the journal.
    Taken(Accepted),
    /// It is not.
    Refused(RefusedEvent),
}

/// An event of a batch that was not taken: `status` is `refused`, and `problem` says why.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedEvent {
    /// Always `refused`.
    pub status: &'static str,
    /// Why.
    pub problem: ProblemBody,
}

/// What became of the events of a batch, in their order.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchResults {
    /// One for each event.
    pub results: Vec<BatchResult>,
}

impl From<Taken> for Accepted {
    fn from(taken: Taken) -> Self {
        match taken {
            Taken::New { entry, customer } => Self::Accepted { id: entry, customer },
            Taken::Repeated { entry } => Self::Repeated { id: entry },
        }
    }
}

impl Accepted {
    /// 202 for what is new, 200 for what was there.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Accepted { .. } => StatusCode::ACCEPTED,
            Self::Repeated { .. } => StatusCode::OK,
        }
    }
}

/// Takes one event or a batch.
///
/// Roles: ingest, owner. The types that Attune knows, with the schema of their `data`: see the description of the request. Any
/// other type is taken as it is, and reaches plugins that export `on-event`. An event is about the customer in
/// `data.customer`; without one it is about the business as a whole. The same `source` and `id` again changes nothing and is
/// answered with 200; with another body it is a conflict.
#[utoipa::path(post, path = "/v1/events", operation_id = "postEvents", tag = "events",
    request_body(description = "A CloudEvent, structured or binary (attributes in `ce-` headers), or a batch", content(
        (CloudEventBody = "application/cloudevents+json"),
        (Vec<CloudEventBody> = "application/cloudevents-batch+json"),
        (serde_json::Value = "application/json"))),
    responses(
        (status = 202, description = "Durable in the journal; for a batch, a result for each event", body = EventAnswer),
        (status = 200, description = "It was there before; nothing changed", body = Accepted),
        (status = 400, description = "Malformed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The same source and id with another body", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 422, description = "The data does not fit its schema", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 503, description = "Too much is waiting, or the store has stopped; nothing was taken", body = ProblemBody,
            content_type = "application/problem+json")))]
pub async fn post(
    State(app): State<Arc<App>>,
    Source(actor): Source,
    Asked(Nothing {}): Asked<Nothing>,
    request: Request,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let form = form(&headers)?;
    let body = app.read_body(request, app.limits.body_bytes, app.limits.body_s).await?;
    let event = match form {
        Form::Structured => cloudevent::structured(&body),
        Form::Binary(kind) => binary(&headers, &kind, &body),
        Form::Batch => return batch(&app, actor.business, &body).await,
    };
    let event = event.map_err(|error| malformed(&app, error))?;
    let accepted = take(&app, actor.business, event).await?;
    Ok(json(accepted.status(), &accepted))
}

/// A CloudEvent in JSON.
#[derive(Debug, ToSchema)]
#[schema(as = CloudEvent)]
#[expect(dead_code, reason = "it describes what `cloudevent::structured` reads")]
pub struct CloudEventBody {
    /// `1.0`.
    #[schema(example = "1.0")]
    specversion: String,
    /// Unique at its source.
    #[schema(min_length = 1, max_length = 1024)]
    id: String,
    /// Who tells it.
    #[schema(min_length = 1, max_length = 1024, example = "shop")]
    source: String,
    /// What kind it is: one that Attune knows, or any other.
    #[schema(min_length = 1, max_length = 1024, example = "attune.message.received.v1")]
    r#type: String,
    /// When it happened, RFC 3339; absent: now.
    time: Option<String>,
    /// `application/json`, if given.
    datacontenttype: Option<String>,
    /// What it says.
    data: Option<serde_json::Value>,
}

/// What became of an event, or of each of a batch.
#[derive(Debug, ToSchema)]
#[schema(as = EventAnswer)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes the two answers of one place")]
pub enum EventAnswer {
    /// Of one.
    One(Accepted),
    /// Of each.
    Batch(BatchResults),
}

enum Form {
    Structured,
    Binary(String),
    Batch,
}

fn form(headers: &HeaderMap) -> Result<Form, Problem> {
    let kind = content_type(headers);
    let words = match kind.as_deref() {
        Some("application/cloudevents+json") => return Ok(Form::Structured),
        Some("application/cloudevents-batch+json") => return Ok(Form::Batch),
        Some(kind) if kind.starts_with("application/cloudevents") => {
            format!("the content type is `{kind}`, which is not taken")
        }
        Some(kind) if is_json(kind) && headers.contains_key("ce-specversion") => {
            return Ok(Form::Binary(kind.to_owned()));
        }
        Some(kind) if is_json(kind) => format!("the content type is `{kind}` and there are no `ce-` headers"),
        Some(kind) => format!("the content type is `{kind}`"),
        None => "there is no content type".to_owned(),
    };
    let help = "send `application/cloudevents+json`, `application/cloudevents-batch+json`, or JSON with `ce-` headers";
    Err(Problem::new(Kind::BadType, format!("{words}; {help}")))
}

fn binary(headers: &HeaderMap, kind: &str, body: &Bytes) -> Result<CloudEvent, Malformed> {
    let header = |name: &str| Some(String::from_utf8_lossy(headers.get(name)?.as_bytes()).into_owned());
    cloudevent::binary(header, Some(kind), body)
}

fn malformed(app: &App, error: Malformed) -> Problem {
    app.counts.refused("malformed");
    Problem::new(Kind::Malformed, error.0)
}

/// Takes one event, and waits until it is durable.
pub async fn take(app: &Arc<App>, business: BusinessId, event: CloudEvent) -> Result<Accepted, Problem> {
    let (sender, receiver) = oneshot::channel();
    intake::take(&app.engine, business, event, move |result| {
        // Whoever asked may be gone; the event is taken all the same.
        let _ = sender.send(result);
    });
    settle(app, receiver.await)
}

type Answer = Result<Result<Taken, NotAccepted>, oneshot::error::RecvError>;

fn settle(app: &App, answer: Answer) -> Result<Accepted, Problem> {
    let counts = &app.counts;
    let gone = |_| NotTaken::Stopped("the store stopped meanwhile; send the event again".to_owned()).into();
    match answer.map_err(gone).and_then(|taken| taken) {
        Ok(taken) => {
            let count = if matches!(taken, Taken::New { .. }) { &counts.taken } else { &counts.repeated };
            count.fetch_add(1, Ordering::Relaxed);
            Ok(taken.into())
        }
        Err(error) => {
            counts.refused(match &error {
                NotAccepted::Invalid { .. } => "invalid",
                NotAccepted::Conflict => "conflict",
                NotAccepted::NotTaken(NotTaken::Stopped(_)) => "stopped",
                NotAccepted::NotTaken(_) => "busy",
            });
            Err(error.into())
        }
    }
}

/// Takes a batch: all its events are handed in at once and in order, and each gets its result.
async fn batch(app: &Arc<App>, business: BusinessId, body: &Bytes) -> Result<Response, Problem> {
    let events = cloudevent::batch(body).map_err(|error| malformed(app, error))?;
    let most = app.limits.batch;
    if events.len() > most {
        let words = format!("the batch has {} events, and {most} are the limit; send them in parts", events.len());
        return Err(Problem::new(Kind::TooLarge, words));
    }
    // Nothing is half taken: a batch that does not fit into the queue is refused before its first event.
    if let Some(full) = app.engine.has_no_room(business, events.len()) {
        app.counts.refused("busy");
        return Err(full.into());
    }
    let mut answers = Vec::with_capacity(events.len());
    for event in events {
        answers.push(event.map(|event| {
            let (sender, receiver) = oneshot::channel();
            intake::take(&app.engine, business, event, move |result| {
                let _ = sender.send(result);
            });
            receiver
        }));
    }
    let mut results = Vec::with_capacity(answers.len());
    for answer in answers {
        let result = match answer {
            Ok(receiver) => settle(app, receiver.await),
            Err(error) => Err(malformed(app, error)),
        };
        results.push(match result {
            Ok(accepted) => BatchResult::Taken(accepted),
            Err(problem) => BatchResult::Refused(RefusedEvent { status: "refused", problem: problem.body() }),
        });
    }
    Ok(json(StatusCode::ACCEPTED, &BatchResults { results }))
}
