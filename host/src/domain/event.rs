//! The events that Attune knows, as they stand in the `data` of a CloudEvent. The JSON Schemas of these types are part of
//! the API's description; data that does not fit is refused with the path and the rule.
//!
//! A type that is not known here is a custom event: it is accepted as it is and reaches plugins that export `on-event`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::address::Address;
use super::message::{Attachment, Purpose};
use super::order::{Money, OrderStatus};

/// A customer wrote something.
pub const MESSAGE_RECEIVED: &str = "attune.message.received.v1";
/// What became known of a customer.
pub const CUSTOMER_UPDATED: &str = "attune.customer.updated.v1";

/// Whom an event is about. At least one of `id` and `addresses` is needed to find or make the customer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomerRef {
    /// `cus_...`, when Attune's own id is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^cus_[0-9a-hjkmnp-tv-z]{26}$")]
    pub id: Option<String>,
    /// `email:anna@example.com`, `phone:+4915112345678`, `chat:visitor-77`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 16)]
    pub addresses: Vec<Address>,
    /// The source's own id of them: whoever it was before, with other addresses, it is the same customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    pub external_id: Option<String>,
    /// How they want to be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200)]
    pub name: Option<String>,
    /// BCP 47.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 35)]
    pub language: Option<String>,
    /// IANA zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub zone: Option<String>,
    /// Where their telephone numbers are that come without a country: ISO 3166-1, two capital letters. Absent: where the business is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[A-Z]{2}$")]
    pub country: Option<String>,
    /// What was given as an address and cannot be one. Staff see it; nothing is sent there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 16)]
    pub unverified: Vec<String>,
    /// A proof for claiming an order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 20)]
    pub postcode: Option<String>,
    /// What they agreed to be written to for, each as a word (`"marketing"`) or with all that is known of it. Present, it is
    /// the whole list: what an earlier list granted and this one does not name is withdrawn. What the customer withdrew
    /// themselves stays so, unless a line says that they filled in a `form` later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 16)]
    pub consents: Option<Vec<ConsentNews>>,
}

/// A line of consents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ConsentNews {
    /// Granted on every channel.
    Purpose(Purpose),
    /// With all that is known of it.
    Told(ConsentTold),
}

/// What is known of something granted or withdrawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentTold {
    /// For what.
    pub purpose: Purpose,
    /// On which channel; none is every channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[a-z][a-z0-9-]*$", max_length = 32)]
    pub channel: Option<String>,
    /// Granted, or withdrawn.
    #[serde(default = "yes")]
    pub granted: bool,
    /// When the customer did so, RFC 3339; none is when the event happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time", max_length = 64)]
    pub at: Option<String>,
    /// How that is known: `form`, `import` or `event`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ConsentSource>,
    /// What they agreed to, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000)]
    pub text: Option<String>,
}

/// How an event knows of a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConsentSource {
    /// The customer filled in a form.
    Form,
    /// It stood in a list.
    Import,
    /// It is not said.
    Event,
}

fn yes() -> bool {
    true
}

/// Data of `attune.message.received.v1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageReceived {
    /// Who wrote.
    pub customer: CustomerRef,
    /// On which channel: `chat`, `email`.
    #[serde(default = "chat")]
    #[schema(min_length = 1, max_length = 32, pattern = "^[a-z][a-z0-9-]*$")]
    pub channel: String,
    /// What was written, at most 65,536 characters: of a mail what is new in it.
    #[schema(max_length = 65536)]
    pub text: String,
    /// The subject, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub subject: Option<String>,
    /// The message it answers: `msg_...`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^msg_[0-9a-hjkmnp-tv-z]{26}$")]
    pub in_reply_to: Option<String>,
    /// BCP 47, when the source knows; else Attune tells it from the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 35)]
    pub language: Option<String>,
    /// For mail: the headers that tell a machine from a person (`Auto-Submitted`, `Precedence`, `List-Id`, `Return-Path`,
    /// `Content-Type`, `X-Auto-Response-Suppress`). Nothing answers a machine.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The channel's own id of this message: a mail's `Message-ID` in angle brackets, Twilio's `MessageSid`. An answer by
    /// mail refers to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 1000)]
    pub message_id: Option<String>,
    /// The channel's own id of what this message answers: a mail's `In-Reply-To`. If it is a mail of Attune's to this customer,
    /// `in_reply_to` is found by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 1000)]
    pub in_reply_to_id: Option<String>,
    /// All that was written, for staff: with what it quotes and with its signature. Absent if `text` is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 131072)]
    pub full: Option<String>,
    /// What hung on it, for staff.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub attachments: Vec<Attachment>,
    /// Whether the channel's provider has answered a STOP, START or HELP itself, as Twilio does: then Attune notes what was said, and
    /// confirms nothing twice.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirmed: bool,
}

fn chat() -> String {
    "chat".to_owned()
}

/// Data of `attune.appointment.{booked,moved,cancelled,completed,missed}.v1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AppointmentNews {
    /// Whose appointment.
    pub customer: CustomerRef,
    /// How it stands now.
    pub appointment: AppointmentData,
}

/// An appointment as its calendar tells it. Times are RFC 3339 (`2026-11-22T10:00:00Z`) or RFC 9557
/// (`2026-11-22T11:00[Europe/Berlin]`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AppointmentData {
    /// The calendar's own id.
    #[schema(min_length = 1, max_length = 200)]
    pub id: String,
    /// Counts changes upstream; news with a lower one is late and changes nothing. Absent: the event's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The id that it had before, where a calendar gives it another one when it is moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    pub replaces: Option<String>,
    /// What was booked; absent: as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 500)]
    pub service: Option<String>,
    /// When it starts; absent: as it is known. `booked` and `moved` need it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 16, max_length = 80)]
    pub starts: Option<String>,
    /// When it ends; absent: as it is known, else an hour later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 16, max_length = 80)]
    pub ends: Option<String>,
    /// The IANA zone of the place; absent: the business's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub zone: Option<String>,
    /// Who will be there for the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200)]
    pub staff: Option<String>,
    /// Where it happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500)]
    pub place: Option<String>,
    /// What else the vendor says, for plugins that know it: at most 32 names of 1 to 64 characters, each with up to 1,000.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, String>,
}

/// Data of `attune.order.{placed,updated,shipped,delayed,delivered,cancelled,refunded}.v1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderNews {
    /// Whose order.
    pub customer: CustomerRef,
    /// How it stands now.
    pub order: OrderData,
}

/// An order as its shop tells it. Times are RFC 3339 or RFC 9557.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderData {
    /// The shop's own id.
    #[schema(min_length = 1, max_length = 200)]
    pub id: String,
    /// Counts changes upstream; news with a lower one is late and changes nothing. Absent: the event's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// What the customer knows it by; absent: as it is known, else the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 100)]
    pub number: Option<String>,
    /// Where it stands: of `updated`, which otherwise says `processing`, or nothing where the number is absent too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<OrderStatus>,
    /// When it was placed; absent: as it is known, else the event's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 16, max_length = 80)]
    pub placed: Option<String>,
    /// The names of what was bought; absent: as it is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 200)]
    pub items: Vec<String>,
    /// What it cost; absent: as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
    /// Its parcels. One that is known already, by its tracking number, is told again; others that are known stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 50)]
    pub shipments: Vec<ShipmentData>,
    /// What else the vendor says, for plugins that know it: at most 32 names of 1 to 64 characters, each with up to 1,000.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, String>,
}

/// A parcel as the shop tells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShipmentData {
    /// Who carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100)]
    pub carrier: Option<String>,
    /// The carrier's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200)]
    pub tracking: Option<String>,
    /// Where to follow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub url: Option<String>,
    /// When it should arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 16, max_length = 80)]
    pub expected: Option<String>,
    /// When it arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 16, max_length = 80)]
    pub delivered: Option<String>,
}

/// What a channel tells of a message that it had taken.
pub const DELIVERY_REPORTED: &str = "attune.delivery.reported.v1";

/// Data of `attune.delivery.reported.v1`. The message says whose it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliveryReported {
    /// What is reported.
    pub delivery: DeliveryReport,
}

/// What became of a message, as its channel tells later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliveryReport {
    /// The channel's own id of the message.
    #[schema(min_length = 1, max_length = 1000)]
    pub id: String,
    /// What became of it. `bounced` and `failed` that are permanent, `complained` and `unsubscribed` end messages on this channel.
    pub status: DeliveryStatus,
    /// Why, in the provider's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
    /// Whether it would be the same again.
    #[serde(default)]
    pub permanent: bool,
    /// Where it was to go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 300)]
    pub address: Option<String>,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryStatus {
    /// The provider passed it on.
    Sent,
    /// It arrived.
    Delivered,
    /// It was looked at.
    Read,
    /// It did not arrive.
    Failed,
    /// The other side sent it back.
    Bounced,
    /// Whoever got it called it spam.
    Complained,
    /// Whoever got it wants no more of it.
    Unsubscribed,
}

impl DeliveryStatus {
    /// The word in the event.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
            Self::Unsubscribed => "unsubscribed",
        }
    }
}

/// Data of `attune.customer.updated.v1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomerUpdated {
    /// What is known now; what is absent stays as it was.
    pub customer: CustomerRef,
}
