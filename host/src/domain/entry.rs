//! A journal entry: one input of the engine. Whatever changes the state of a business stands in the journal first; the
//! store is a function of it.

use serde::{Deserialize, Serialize};

use super::address::Address;
use super::appointment::Appointment;
use super::business::Business;
use super::consent::Consent;
use super::ids::{BusinessId, CaseId, CustomerId, DeadLetterId, ErrandId, EventId, MessageId, TokenId};
use super::knowledge::KnowledgeChange;
use super::merge::Tie;
use super::message::{Original, Purpose};
use super::order::Order;
use super::plugin::{Export, Manifest};
use super::time::Instant;
use super::trust::Vouched;
use super::webhook::Values;

/// One input, durable before it is acknowledged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place in the journal, given by the commit.
    #[serde(skip)]
    pub number: u64,
    /// `evt_...`.
    pub id: EventId,
    /// Which business.
    pub business: BusinessId,
    /// Whose lane: a customer's, or the business's own.
    pub customer: CustomerId,
    /// When it was accepted; every step on it says that it is this time.
    pub at: Instant,
    /// When it happened, as its source says.
    pub happened: Instant,
    /// How many automated steps lie between this and something from outside.
    #[serde(default)]
    pub depth: u16,
    /// What came in.
    pub input: Input,
}

/// What came in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Input {
    /// Something from outside.
    Event(Box<Event>),
    /// A plugin's timer fell due.
    Timer {
        /// Whose timer.
        plugin: String,
        /// The plugin's key.
        key: String,
        /// When it was due.
        due: Instant,
    },
    /// The shares of a plugin in this lane are to be tried again.
    Retry {
        /// Whose shares.
        plugin: String,
        /// When it was due.
        due: Instant,
    },
    /// A message is due for sending.
    Claim {
        /// Which.
        message: MessageId,
        /// When it was due.
        due: Instant,
    },
    /// What became of an attempt to send.
    Outcome {
        /// Which message.
        message: MessageId,
        /// Which attempt at it.
        attempt: u32,
        /// What the channel said.
        outcome: Outcome,
    },
    /// An errand is due.
    Errand {
        /// Which.
        errand: ErrandId,
        /// When it was due.
        due: Instant,
    },
    /// What became of an attempt at an errand.
    ErrandOutcome {
        /// Which errand.
        errand: ErrandId,
        /// Which attempt at it.
        attempt: u32,
        /// What the other end said.
        outcome: Outcome,
    },
    /// Something a member of staff did with this customer.
    Staff {
        /// Who: the token's name.
        by: String,
        /// What.
        act: StaffAct,
    },
    /// Something the owner or an operator changed.
    Owner {
        /// Who: the token's name.
        by: String,
        /// What.
        change: Change,
    },
    /// Attune stopped a plugin that keeps failing or sends far more than it used to, or everything.
    Pause {
        /// Which; `*` is everything automated.
        plugin: String,
        /// In words for the owner.
        reason: String,
    },
    /// The customer unsubscribed with the link in a mail.
    Unsubscribe {
        /// From which channel.
        channel: String,
        /// From which messages.
        purpose: Purpose,
    },
    /// What a business sent in an hour, for later comparison.
    Counted {
        /// Which hour, in hours since the Unix epoch.
        hour: u64,
        /// Messages by plugin, without answers.
        sent: Vec<(String, u32)>,
    },
    /// An hour is over in which customers wrote.
    Hour {
        /// When it ended: a full hour.
        ended: Instant,
    },
    /// What was kept for its time may go.
    Retention {
        /// Records of why from before go in any case: the operator's limit.
        before: Instant,
        /// Where the last slice of this work stopped.
        after: Option<CustomerId>,
        /// When it was due.
        due: Instant,
    },
}

/// Something from outside: a CloudEvent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The CloudEvents type.
    pub kind: String,
    /// Who tells it.
    pub source: String,
    /// Its id at the source; with `source` the key by which repeats are known.
    pub id: String,
    /// A keyed hash of all it says: the same key with another body is a conflict.
    pub body: String,
    /// Whether this is a copy for a customer who had claimed the order that it is about.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub copy: bool,
    /// What it says of the customer.
    #[serde(default, skip_serializing_if = "Who::is_empty")]
    pub who: Who,
    /// What it says.
    pub news: News,
}

/// What an event says of a customer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Who {
    /// Where they can be reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<Address>,
    /// The source's own id of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// How they want to be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// BCP 47.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// IANA zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Postcode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postcode: Option<String>,
    /// What was given as an address and cannot be one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unverified: Vec<String>,
    /// What they agreed to or took back; a purpose that no line names and that such a list had granted is withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consents: Option<Vec<Consent>>,
}

impl Who {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What an event says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum News {
    /// The customer wrote.
    Message(Inbound),
    /// Something became of an appointment.
    Appointment {
        /// `booked`, `moved`, `cancelled`, `completed`, `missed`.
        change: String,
        /// How it stands now.
        appointment: Appointment,
    },
    /// Something became of an order.
    Order {
        /// `placed`, `updated`, `shipped`, `delayed`, `delivered`, `cancelled`, `refunded`.
        change: String,
        /// How it stands now.
        order: Order,
    },
    /// A channel tells what became of a message.
    Report(Report),
    /// Nothing but what it says of the customer.
    Customer,
    /// A type that Attune does not know, with its data as JSON.
    Other(String),
}

/// What a channel tells later of a message that it had taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The channel's own id of the message, or the `Message-ID` of a mail of ours.
    pub id: String,
    /// `sent`, `delivered`, `read`, `failed`, `bounced`, `complained`, `unsubscribed`.
    pub status: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether it would be the same again.
    #[serde(default)]
    pub permanent: bool,
}

/// A customer's message on its way in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inbound {
    /// On which channel.
    pub channel: String,
    /// What was written.
    pub text: String,
    /// The subject, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The message it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<MessageId>,
    /// BCP 47.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Why a machine wrote it, if the mail says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// How it came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<Box<Original>>,
    /// Whether the channel's provider has answered a word of the host itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirmed: bool,
}

/// What a channel said of an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It took the message.
    Sent,
    /// A plugin's provider took the message, and has an id of its own for it.
    Accepted {
        /// Which plugin.
        plugin: String,
        /// The provider's id.
        id: String,
    },
    /// It did not, and may be asked again.
    Retry(String),
    /// The same, and it said how long to wait at least.
    Later {
        /// In words.
        reason: String,
        /// In milliseconds.
        after_ms: u64,
    },
    /// The address takes no messages any more.
    Unreachable(String),
    /// The other end wants no messages at all any more: its plugin is turned off.
    Gone {
        /// Which plugin.
        plugin: String,
        /// In words.
        reason: String,
    },
    /// It did not, and never will.
    Failed(String),
    /// Of an errand: the other end takes no such thing, so people have to do it.
    Unwanted,
    /// Nobody knows: the answer was lost, or this program stopped before it came.
    Unknown(String),
}

/// Something a member of staff did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StaffAct {
    /// Took the case.
    Take(CaseId, Option<u64>),
    /// Resolved the case.
    Resolve(CaseId, Option<u64>),
    /// Wrote to the customer.
    Write {
        /// What.
        text: String,
        /// On which channel; none is where the customer last wrote.
        channel: Option<String>,
        /// Whether it goes out though the customer said stop.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        in_spite: bool,
    },
    /// Wants a share that was given up to be tried again.
    RetryDeadLetter(DeadLetterId),
    /// Wrote down what the customer agrees to or takes back.
    Consent(Box<Consent>),
    /// Decided what became of an uncertain message.
    Settle {
        /// Which message.
        message: MessageId,
        /// Whether the customer has it; if not it is tried again.
        arrived: bool,
    },
}

/// Something the owner or an operator changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Created a business, or changed what is known of it.
    Business(Box<Business>),
    /// Installed a plugin, or another version of it.
    Install(Box<Install>),
    /// Changed a plugin's setup. What is none stays.
    Plugin {
        /// Which.
        name: String,
        /// The revision the owner saw.
        seen: Option<u64>,
        /// What they want.
        set: Box<PluginChange>,
    },
    /// Took a plugin away. Its notes stay.
    Remove(String),
    /// Paused everything automated.
    PauseAll {
        /// Why, in words.
        reason: String,
    },
    /// Lets automations go on.
    Resume,
    /// Made an access token.
    Token(Token),
    /// Took an access token back.
    Revoke(TokenId),
    /// Erased a customer: everything that is known of them, and their key.
    Erase(CustomerId),
    /// Two customers turned out to be one.
    Merge {
        /// Who is put with the other; their id leads there from now on.
        from: CustomerId,
        /// Who stays.
        into: CustomerId,
        /// Why.
        because: Tie,
    },
    /// They are two after all.
    Part {
        /// Who had been put with the other.
        from: CustomerId,
        /// With whom.
        into: CustomerId,
    },
    /// Trusts the public key of somebody who signs plugins, or calls it otherwise.
    Trust {
        /// Which key.
        key: String,
        /// Whose it is, for people.
        label: String,
    },
    /// Trusts a public key no more. Plugins that rested on it stop.
    Distrust(String),
    /// Changed what customers' questions are answered with.
    Knowledge(Box<KnowledgeChange>),
    /// Set a secret of a plugin.
    Secret {
        /// Whose.
        plugin: String,
        /// Which.
        name: String,
        /// Its values, newest first; none takes it away.
        values: Values,
    },
}

/// A plugin to be installed: what the sandbox read from the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Install {
    /// The name to run under.
    pub name: String,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// What the file says of itself.
    pub manifest: Manifest,
    /// What it subscribes to.
    pub exports: Vec<Export>,
    /// The permissions it asks for.
    pub wants: Vec<String>,
    /// The public key of whoever signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// Whose word it comes with; [`Vouched::Signature`] is nobody's but the signer's.
    #[serde(default, skip_serializing_if = "Vouched::is_usual")]
    pub vouched: Vouched,
    /// Where it was pulled from, as whoever installed it says: `registry/name@sha256:...`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// What the owner changes of a plugin. What is none stays as it is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PluginChange {
    /// Turn it on or off. Turning on also ends a pause.
    pub enabled: Option<bool>,
    /// Its place among responders.
    pub order: Option<u32>,
    /// All of its settings.
    pub settings: Option<serde_json::Value>,
    /// All of its grants.
    pub grants: Option<Vec<String>>,
    /// All of the owner's wording: template (`late-on`) or variant (`late-on.apologetic`), locale, text.
    pub wording: Option<std::collections::BTreeMap<String, std::collections::BTreeMap<String, String>>>,
    /// All limits of its own. An operator's to set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<std::collections::BTreeMap<String, u64>>,
    /// The owner says yes to its file though nobody signed it whom they trust.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsigned: bool,
}

/// What a token's bearer may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Creates businesses and sets limits.
    Operator,
    /// Decides everything in one business.
    Owner,
    /// Talks to customers.
    Staff,
    /// Sends events.
    Ingest,
}

impl Role {
    /// The word used on the command line and in the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Owner => "owner",
            Self::Staff => "staff",
            Self::Ingest => "ingest",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Operator, Self::Owner, Self::Staff, Self::Ingest].into_iter().find(|role| role.word() == word)
    }
}

/// An access token as it is kept: its hash, never itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// `tok_...`: its name, which is no secret.
    pub id: TokenId,
    /// SHA-256 of the secret, in hexadecimal.
    pub hash: String,
    /// What its bearer may do.
    pub role: Role,
    /// In which business; an operator's has none.
    pub business: Option<BusinessId>,
    /// Whose it is, for people; staff's messages are signed with it.
    pub label: String,
}
