//! What goes through a door: a vendor's request and the events it tells of, a message for a provider and the provider's answer.

use super::appointment::Appointment;
use super::time::Instant;

/// A vendor's request that is known to be genuine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `POST`, nearly always.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case, none of them a secret.
    pub headers: Vec<(String, String)>,
    /// As it came.
    pub body: Vec<u8>,
    /// When it came.
    pub received: Instant,
    /// The owner's settings of the connector, as JSON.
    pub settings: String,
    /// The business's zone.
    pub zone: String,
}

/// An event that a request tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// Its type.
    pub kind: String,
    /// What it is known by.
    pub id: String,
    /// When it happened, RFC 3339.
    pub time: Option<String>,
    /// JSON.
    pub data: String,
}

/// What a connector made of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The events, or why there are none.
    pub events: Result<Vec<Incoming>, NotReceived>,
    /// What it used, in instructions.
    pub fuel: u64,
    /// What it logged.
    pub log: String,
}

/// Why a request became no events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotReceived {
    /// It cannot be read.
    Malformed(String),
    /// It is of no concern.
    Ignored(String),
    /// The connector failed.
    Failed(String),
}

/// A message on its way to a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// `msg_...`.
    pub message: String,
    /// Which channel.
    pub channel: String,
    /// Where to.
    pub to: String,
    /// What the customer is called.
    pub name: Option<String>,
    /// The subject, where the channel has such a thing.
    pub subject: Option<String>,
    /// What is said.
    pub text: String,
    /// BCP 47.
    pub language: Option<String>,
    /// The provider's own id of the message that this one answers.
    pub in_reply_to: Option<String>,
    /// The one-click address that ends messages of its kind.
    pub unsubscribe: Option<String>,
    /// Where reports of delivery come in.
    pub reports: Option<String>,
    /// The owner's settings of the channel, as JSON.
    pub settings: String,
    /// When this attempt begins.
    pub now: Instant,
    /// Further named values.
    pub extra: Vec<(String, String)>,
}

/// What a customer answered to an appointment, on its way to the calendar.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// `ern_...`.
    pub errand: String,
    /// The appointment, with the answer.
    pub appointment: Appointment,
    /// When they answered.
    pub at: Instant,
    /// The owner's settings of the connector, as JSON.
    pub settings: String,
    /// When this attempt begins.
    pub now: Instant,
    /// Further named values.
    pub extra: Vec<(String, String)>,
}

/// A request to a provider, with placeholders where secrets go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// `POST`, nearly always.
    pub method: String,
    /// Where to.
    pub url: String,
    /// In their order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// A provider's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// 100 to 599.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its beginning.
    pub body: Vec<u8>,
}

/// What an answer means for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Taken, with the provider's own id for it.
    Accepted(Option<String>),
    /// Not now, and how long to wait at least, in milliseconds.
    Retry(String, Option<u64>),
    /// Never.
    Failed(String),
    /// The address takes no messages any more.
    Unreachable(String),
    /// The other end wants no messages at all any more.
    Gone(String),
}
