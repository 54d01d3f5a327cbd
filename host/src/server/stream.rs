//! A conversation as it goes on: server-sent events, one for each new or changed message.
//!
//! What is sent is never less than what happened: after a break, or when a reader was too slow, what came since is read
//! again from the store. A message may therefore come twice; its id says that it is the same.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::IntoParams;

use crate::domain::ids::{BusinessId, CustomerId, MessageId};
use crate::domain::message::Message;
use crate::store::StoreError;

use super::App;
use super::ask::{Asked, Id, parse};
use super::auth::Reader;
use super::chat::Person;
use super::messages::ShownMessage;
use super::problem::{Kind, Problem, ProblemBody};

/// How often a line goes out while nothing happens, so that neither side nor anything in between gives up.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How many messages wait for a slow reader before the stream waits with them.
const WAITING: usize = 64;
/// How many messages are looked at to find what came since.
const LOOK_BACK: usize = 500;

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Since {
    /// The last message that is known already, like the header `Last-Event-ID`, which goes before it.
    after: Option<String>,
}

/// A conversation as it goes on, as server-sent events: `event: message`, the message as data, its id as the event's id.
///
/// Roles: staff, owner; a visitor for their own. With `Last-Event-ID` what came or changed since goes first. A message comes
/// again whenever it changed.
#[utoipa::path(get, path = "/v1/customers/{id}/messages/stream", operation_id = "streamMessages", tag = "conversations",
    security(("token" = []), ("visitor" = []), ("visitorCookie" = [])),
    params(("id" = String, Path, description = "`cus_...`"), Since,
        ("Last-Event-ID" = Option<String>, Header, description = "The last message that is known already")),
    responses(
        (status = 200, description = "Events, until either side ends it", body = ShownMessage,
            content_type = "text/event-stream"),
        (status = 404, description = "There is no such customer", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 503, description = "Too many streams", body = ProblemBody, content_type = "application/problem+json")))]
pub async fn follow(
    State(app): State<Arc<App>>,
    reader: Reader,
    Id(id): Id<CustomerId>,
    Asked(since): Asked<Since>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let since = since.or_header(&headers)?;
    reader.sees(id)?;
    open(&app, Whose { business: reader.business(), customer: id, audience: Audience::of(&reader) }, since, ())
}

/// Who reads a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Staff, who see everything.
    Staff,
    /// A visitor, who sees what concerns them.
    Visitor,
    /// A visitor on the owner's page, who also hears when a person has the conversation.
    Page,
}

impl Audience {
    fn of(reader: &Reader) -> Self {
        if reader.is_visitor() { Self::Visitor } else { Self::Staff }
    }
}

/// Whose conversation is read, and by whom.
#[derive(Debug, Clone, Copy)]
pub struct Whose {
    /// In which business.
    pub business: BusinessId,
    /// Whose it is.
    pub customer: CustomerId,
    /// Who reads it.
    pub audience: Audience,
}

impl Since {
    /// The last message that is known already; the header goes before the query.
    pub fn or_header(&self, headers: &HeaderMap) -> Result<Option<MessageId>, Problem> {
        let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()).filter(|last| !last.is_empty());
        match last.map(str::parse) {
            Some(Ok(last)) => Ok(Some(last)),
            Some(Err(error)) => Err(Problem::new(Kind::BadHeader, format!("the header Last-Event-ID: {error}"))),
            None => parse("after", self.after.as_deref()),
        }
    }
}

/// Opens a stream. What is `held` is dropped when it ends.
///
/// # Errors
/// When there is no such customer, or too many streams are open.
pub fn open<T: Send + 'static>(
    app: &Arc<App>,
    whose: Whose,
    since: Option<MessageId>,
    held: T,
) -> Result<Response, Problem> {
    let Whose { business, customer, .. } = whose;
    app.engine.query(business).customer(customer)?.ok_or_else(|| Problem::not_found("customer", customer))?;
    let place = app.streams.clone().try_acquire_owned().map_err(|_| {
        Problem::new(Kind::Busy, format!("{} conversations are followed, which is the limit", app.limits.streams))
    })?;
    let (sender, receiver) = mpsc::channel(WAITING);
    let stream = Stream { app: app.clone(), whose, sender };
    tokio::spawn(async move {
        stream.run(since).await;
        drop((place, held));
    });
    let live = Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    // Proxies that gather answers would hold messages back.
    let unbuffered = [(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"))];
    Ok((unbuffered, live).into_response())
}

/// The reader is gone, or the store cannot be read.
struct Ended;

struct Stream {
    app: Arc<App>,
    whose: Whose,
    sender: mpsc::Sender<Result<Event, Infallible>>,
}

impl Stream {
    async fn run(self, since: Option<MessageId>) {
        let (mut closing, sender) = (self.app.closing.subscribe(), self.sender.clone());
        tokio::select! {
            _ = self.tell(since) => {}
            _ = closing.wait_for(|closing| *closing) => {}
            () = sender.closed() => {}
        }
    }

    async fn tell(&self, since: Option<MessageId>) -> Result<(), Ended> {
        // From here on nothing is missed; what happened before is read.
        let mut steps = self.app.engine.watch();
        let mut last = since.unwrap_or_else(|| MessageId::new(self.app.engine.world().now(), [0; 10]));
        if since.is_some() {
            self.catch_up(&mut last).await?;
        }
        let Whose { business, customer, .. } = self.whose;
        let mut told = None;
        self.tell_person(&mut told).await?;
        loop {
            match steps.recv().await {
                // They may have become part of somebody else meanwhile.
                Ok(happened)
                    if happened.business == business
                        && happened.customer == self.app.engine.home(business, customer) =>
                {
                    for message in &happened.messages {
                        self.send(message, &mut last).await?;
                    }
                    self.tell_person(&mut told).await?;
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => {
                    self.catch_up(&mut last).await?;
                    self.tell_person(&mut told).await?;
                }
                Err(RecvError::Closed) => return Err(Ended),
            }
        }
    }

    async fn catch_up(&self, last: &mut MessageId) -> Result<(), Ended> {
        let missed = self.missed(*last).map_err(|error| {
            tracing::error!(%error, "a conversation could not be read for its stream");
            Ended
        })?;
        for message in missed {
            self.send(&message, last).await?;
        }
        Ok(())
    }

    /// What came since a message, or changed since it came, oldest first.
    fn missed(&self, last: MessageId) -> Result<Vec<Message>, StoreError> {
        let query = self.app.engine.query(self.whose.business);
        let mut found = query.records(self.whose.customer)?.messages(None, LOOK_BACK)?;
        // Ids of one millisecond are in no order, so that millisecond is told again.
        found.retain(|message| {
            let changed = message.trail.last().is_some_and(|entry| entry.at() >= last.at());
            changed || (message.id != last && message.id.at() >= last.at())
        });
        found.reverse();
        Ok(found)
    }

    async fn send(&self, message: &Message, last: &mut MessageId) -> Result<(), Ended> {
        let Some(shown) = ShownMessage::of(message, self.whose.audience != Audience::Staff) else { return Ok(()) };
        let Ok(data) = serde_json::to_string(&shown) else { return Err(Ended) };
        *last = message.id;
        let event = Event::default().event("message").id(message.id.to_string()).data(data);
        self.sender.send(Ok(event)).await.map_err(|_| Ended)
    }

    /// Tells a page whether a person has the conversation, if that is not what it heard last.
    async fn tell_person(&self, told: &mut Option<Option<Person>>) -> Result<(), Ended> {
        if self.whose.audience != Audience::Page {
            return Ok(());
        }
        let person = Person::of(&self.app, self.whose.business, self.whose.customer).map_err(|error| {
            tracing::error!(%error, "a conversation's case could not be read for its stream");
            Ended
        })?;
        let Ok(data) = serde_json::to_string(&person) else { return Err(Ended) };
        if told.as_ref() == Some(&person) {
            return Ok(());
        }
        *told = Some(person);
        self.sender.send(Ok(Event::default().event("person").data(data))).await.map_err(|_| Ended)
    }
}
