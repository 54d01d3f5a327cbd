//! Messages: what was said, by whom, on what channel, and what became of it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids::{CustomerId, EventId, MessageId};
use super::time::Instant;
use super::tone::Tone;

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Author {
    /// The customer.
    Customer,
    /// A person of the business.
    Staff,
    /// A plugin.
    Automation,
    /// Attune's own words, such as when a person will be there.
    Host,
}

impl Author {
    /// The word used in the contract and the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Staff => "staff",
            Self::Automation => "automation",
            Self::Host => "host",
        }
    }
}

/// Why a customer is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// In answer to the customer's own message.
    Reply,
    /// About an order or appointment of theirs.
    Service,
    /// Asking how it was.
    Survey,
    /// Selling.
    Marketing,
}

impl Purpose {
    /// Reads the contract's word.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "reply" => Self::Reply,
            "service" => Self::Service,
            "survey" => Self::Survey,
            "marketing" => Self::Marketing,
            _ => return None,
        })
    }

    /// The contract's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::Service => "service",
            Self::Survey => "survey",
            Self::Marketing => "marketing",
        }
    }
}

/// Where a message stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Delivery {
    /// Written by the customer.
    Received,
    /// Waits to be claimed for sending.
    Queued,
    /// Waits for a moment when it may go out.
    Deferred {
        /// The earliest moment, in milliseconds since the Unix epoch.
        #[schema(value_type = u64)]
        until: Instant,
        /// Why: `quiet-hours`, `paused`, or `channel` when its channel wants to be asked again.
        code: String,
    },
    /// Claimed: the channel has it, its answer is not known yet.
    Attempting {
        /// 1 for the first attempt.
        attempt: u32,
    },
    /// The channel took it.
    Sent {
        /// When, in milliseconds since the Unix epoch.
        #[schema(value_type = u64)]
        at: Instant,
    },
    /// In a simulation: it would have gone out.
    Simulated {
        /// When, in milliseconds since the Unix epoch.
        #[schema(value_type = u64)]
        at: Instant,
    },
    /// Given up.
    Failed {
        /// The channel's last answer.
        reason: String,
    },
    /// The gate said no.
    Withheld {
        /// `opted-out`, `person-here`, ...
        code: String,
        /// The same, for people.
        reason: String,
    },
    /// The channel may have sent it and may not be asked again; a person or a report decides.
    Uncertain {
        /// What happened.
        reason: String,
    },
}

impl Delivery {
    /// The state's name, as the API writes it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Queued => "queued",
            Self::Deferred { .. } => "deferred",
            Self::Attempting { .. } => "attempting",
            Self::Sent { .. } => "sent",
            Self::Simulated { .. } => "simulated",
            Self::Failed { .. } => "failed",
            Self::Withheld { .. } => "withheld",
            Self::Uncertain { .. } => "uncertain",
        }
    }

    /// Whether the customer has it, or will as things stand.
    pub fn is_live(&self) -> bool {
        !matches!(self, Self::Withheld { .. } | Self::Failed { .. })
    }
}

/// Which plugin said it, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Origin {
    /// The name it was installed under.
    pub plugin: String,
    /// Why the customer is written to.
    pub purpose: Purpose,
    /// The template's name, where one was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// In which tone its words are, where the template has variants.
    #[serde(default, skip_serializing_if = "Tone::is_neutral")]
    pub tone: Tone,
    /// The order or appointment it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// At most one message reaches the customer for one key of one plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<String>,
    /// After this it is pointless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub expires: Option<Instant>,
}

/// Something that hung on a message. It is listed, never opened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// The file's name, as its sender gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub name: Option<String>,
    /// The media type, as its sender gave it: `application/pdf`.
    #[schema(max_length = 1000)]
    pub content_type: String,
    /// How long it is, in bytes, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// How a message came in, in its channel's own terms. Staff see it; no plugin does.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Original {
    /// The channel's own id of the message: a mail's `Message-ID`, Twilio's `MessageSid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The channel's own id of what it answers: a mail's `In-Reply-To`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_reply_to_id: Option<String>,
    /// All that was written, with what it quotes and with its signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full: Option<String>,
    /// What hung on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

impl Original {
    /// It in a box, if there is anything to know.
    pub fn known(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// `msg_...`.
    #[schema(value_type = String)]
    pub id: MessageId,
    /// Whose conversation.
    #[schema(value_type = String)]
    pub customer: CustomerId,
    /// When it was said or staged, in milliseconds since the Unix epoch.
    #[schema(value_type = u64)]
    pub at: Instant,
    /// Who said it.
    pub author: Author,
    /// `chat`, `email`.
    pub channel: String,
    /// What was said.
    pub text: String,
    /// A subject, on channels that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// BCP 47.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The message this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub in_reply_to: Option<MessageId>,
    /// Polarity of a customer's message, -1 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub polarity: Option<f32>,
    /// Which member of staff wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staff: Option<String>,
    /// Which plugin wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The journal entry that caused it.
    #[schema(value_type = String)]
    pub entry: EventId,
    /// How often a channel was asked to take it.
    #[serde(default)]
    pub attempts: u32,
    /// Why it is taken for a machine's, on a message that came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// The entries that later changed what became of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub trail: Vec<EventId>,
    /// How it came in, on a message that did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<Box<Original>>,
    /// The channel's own id for it, once the channel took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_as: Option<String>,
    /// What the channel last reported of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported: Option<Reported>,
    /// Whether staff sent it though the customer had said stop.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_spite: bool,
    /// What became of it.
    pub delivery: Delivery,
}

/// What a channel reported of a message later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Reported {
    /// `sent`, `delivered`, `read`, `failed`, `bounced`, `complained` or `unsubscribed`.
    pub status: String,
    /// When, in milliseconds since the Unix epoch.
    #[schema(value_type = u64)]
    pub at: Instant,
}

/// The code of a message that its plugin took back: no rule of the gate.
pub const WITHDRAWN: &str = "withdrawn";

/// The channel that is this host's own: a message is delivered by being written down.
pub const OWN: &str = "chat";

/// Whether a channel is this host's own.
pub fn is_own(channel: &str) -> bool {
    channel == OWN
}

/// The host's own template that may go out after a stop, once.
pub const CONFIRMS_STOP: &str = "opted-out";

/// The message of ours that the `Message-ID` of a mail names, if it is of our making: `<msg_...@shop.example>`.
pub fn of_mail(id: &str) -> Option<MessageId> {
    let (name, _) = id.trim().trim_start_matches('<').split_once('@')?;
    name.parse().ok()
}

impl Message {
    /// Why the customer is written to; what has no plugin behind it is an answer.
    pub fn purpose(&self) -> Purpose {
        self.origin.as_ref().map_or(Purpose::Reply, |origin| origin.purpose)
    }

    /// The purpose of a message that caps and the rule against repeats look at: a plugin's, and no answer.
    pub fn capped(&self) -> Option<Purpose> {
        let purpose = self.origin.as_ref().map(|origin| origin.purpose);
        purpose.filter(|purpose| self.author == Author::Automation && *purpose != Purpose::Reply)
    }

    /// Whether it has to let its reader unsubscribe with one click (RFC 8058): whatever by mail is no answer and no news of the
    /// customer's own.
    pub fn needs_way_out(&self) -> bool {
        self.channel == "email" && matches!(self.capped(), Some(Purpose::Survey | Purpose::Marketing))
    }

    /// Whether it has used up its `once` key, if it has one: not if a rule withheld it.
    pub fn used_once(&self) -> Option<bool> {
        let has_key = self.origin.as_ref().is_some_and(|origin| origin.once.is_some());
        let withheld = matches!(&self.delivery, Delivery::Withheld { code, .. } if code != WITHDRAWN);
        has_key.then_some(!withheld)
    }
}
