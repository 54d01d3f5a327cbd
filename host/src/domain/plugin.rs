//! What is known of a plugin: what its file says of itself, and what its owner decided about it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::message::Purpose;
use super::time::Instant;
use super::tone::Tone;
use super::trust::Vouched;
use super::webhook::Webhook;

/// The contract's version that this host serves.
pub const CONTRACT: &str = "0.1.0";

/// What a component can subscribe to, by exporting it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Export {
    /// Customers' messages, to answer them.
    OnMessage,
    /// Customers' messages, to watch them.
    WatchMessage,
    /// Appointments.
    OnAppointment,
    /// Orders.
    OnOrder,
    /// Its own timers.
    OnTimer,
    /// Any other event.
    OnEvent,
    /// The end of an hour in which customers wrote.
    OnHour,
    /// Texts, to read them in the place of the built-in reading. No event: it is called while others are handled.
    Reading,
    /// What a vendor sends, to say which events it tells of. It is called before there is an event.
    Receiving,
    /// Messages, to write them as a provider's requests.
    Sending,
    /// Customers' answers to appointments, to write them as requests to their calendar.
    WritingBack,
}

impl Export {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::OnMessage,
        Self::WatchMessage,
        Self::OnAppointment,
        Self::OnOrder,
        Self::OnTimer,
        Self::OnEvent,
        Self::OnHour,
        Self::Reading,
        Self::Receiving,
        Self::Sending,
        Self::WritingBack,
    ];

    /// The interface's name in its package.
    pub fn word(self) -> &'static str {
        match self {
            Self::OnMessage => "on-message",
            Self::WatchMessage => "watch-message",
            Self::OnAppointment => "on-appointment",
            Self::OnOrder => "on-order",
            Self::OnTimer => "on-timer",
            Self::OnEvent => "on-event",
            Self::OnHour => "on-hour",
            Self::Reading => "reading",
            Self::Receiving => "receiving",
            Self::Sending => "sending",
            Self::WritingBack => "writing-back",
        }
    }

    /// The package that the interface is in.
    pub fn package(self) -> &'static str {
        match self {
            Self::Reading => "attune:reader",
            Self::Receiving | Self::WritingBack => "attune:connector",
            Self::Sending => "attune:channel",
            _ => "attune:automation",
        }
    }

    /// The interface with its package: `attune:automation/on-message`.
    pub fn interface(self) -> String {
        format!("{}/{}", self.package(), self.word())
    }

    /// What it means to the owner: "runs when ...".
    pub fn sentence(self) -> &'static str {
        match self {
            Self::OnMessage => "a customer writes (it may answer)",
            Self::WatchMessage => "a customer writes (it only watches)",
            Self::OnAppointment => "an appointment is booked, moved, cancelled, completed or missed",
            Self::OnOrder => "an order is placed, shipped, delivered or otherwise changes",
            Self::OnTimer => "a moment comes that it had set itself",
            Self::OnEvent => "any other event comes in",
            Self::OnHour => "an hour ends in which customers wrote",
            Self::Reading => "a text is to be read",
            Self::Receiving => "a vendor sends something to its address",
            Self::Sending => "a message goes out on one of its channels",
            Self::WritingBack => "a customer answers to an appointment in its calendar",
        }
    }
}

/// Interfaces of `attune:host` that need the owner's word, each with the sentence the owner reads.
pub const PERMISSIONS: &[(&str, &str)] = &[
    ("customer", "know who the customer is"),
    ("customer-notes", "note facts about the customer"),
    ("message", "send messages to the customer"),
    ("conversation", "read the conversation with the customer"),
    ("sentiment", "judge the mood of messages"),
    ("understanding", "recognise what a message asks for"),
    ("knowledge", "look up the answers that you wrote"),
    ("handoff", "call a person into the conversation"),
    ("appointments", "see the customer's appointments"),
    ("appointment-answers", "note the customer's answer to an appointment"),
    ("orders", "see the customer's orders"),
    ("order-claims", "tie an order to the customer when they can prove that it is theirs"),
    ("schedule", "act later by itself"),
    ("state", "keep notes of its own"),
    ("tally", "count things across customers"),
    ("trends", "see how many messages are unhappy, by topic (numbers only)"),
    ("business", "know the business's name and opening hours"),
    ("staff", "notify staff"),
    ("staff-examples", "notify staff with examples of unhappy messages, which it does not see itself"),
];

/// The permission that an export needs of itself: to be asked is to see what customers write, and to decide what it means.
pub const READS: (&str, &str) = ("reading", "read messages in the place of Attune's own reading");

/// The same of receiving: what it says of a request becomes events like any other.
pub const RECEIVES: (&str, &str) = ("receiving", "tell what happened, from what a vendor sends to its address");

/// The same of sending.
pub const SENDS: (&str, &str) = ("sending", "see messages that go out on its channels, and pass them to its provider");

/// The same of telling a calendar.
pub const WRITES_BACK: (&str, &str) =
    ("writing-back", "see customers' answers to the appointments that it told of, and pass them to the calendar");

/// The same of receiving what nothing proves to be genuine.
pub const UNVERIFIED: (&str, &str) = ("unverified", "believe whoever calls its address: nothing proves who it is");

/// How the permission to reach a host begins: `host:api.example.com`.
pub const HOST: &str = "host:";

/// What an export needs the owner's word for by itself.
pub fn permission_of(export: Export) -> Option<&'static str> {
    match export {
        Export::Reading => Some(READS.0),
        Export::Receiving => Some(RECEIVES.0),
        Export::Sending => Some(SENDS.0),
        Export::WritingBack => Some(WRITES_BACK.0),
        _ => None,
    }
}

/// The sentence for a permission that needs the owner's word.
pub fn permission_sentence(interface: &str) -> Option<Cow<'static, str>> {
    if let Some(host) = interface.strip_prefix(HOST) {
        return Some(match host.strip_prefix("setting:/") {
            Some(setting) => Cow::Owned(format!("send what goes out to the host that its setting `{setting}` names")),
            None => Cow::Owned(format!("send what goes out to {host}")),
        });
    }
    let mut known = PERMISSIONS.iter().chain([&READS, &RECEIVES, &SENDS, &WRITES_BACK, &UNVERIFIED]);
    known.find(|(name, _)| *name == interface).map(|(_, sentence)| Cow::Borrowed(*sentence))
}

/// What a component says of itself, embedded in its file by `attune build`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Its own name; the name it runs under is given at installation.
    pub name: String,
    /// Its version.
    pub version: String,
    /// One sentence for owners.
    pub description: String,
    /// JSON Schema (2020-12) of its settings.
    #[serde(default = "any_object")]
    #[schema(value_type = Object)]
    pub settings: serde_json::Value,
    /// What it may say, by template name.
    #[serde(default)]
    pub templates: BTreeMap<String, TemplateDeclaration>,
    /// The keys under which it counts across customers.
    #[serde(default)]
    pub tally: Vec<String>,
    /// The secrets it needs, each with what it is and where the vendor shows it. Their values are the owner's, and no plugin sees
    /// one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, String>,
    /// Those of its secrets that the owner chooses, each with how a new value is made: a text in which `{random}` stands for 32
    /// random letters and digits, or `{base64}` for 32 random bytes in base64. Any other is the vendor's to give.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub chosen: BTreeMap<String, String>,
    /// Of a plugin that receives: how requests to it are verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
    /// Of a plugin that sends: which channels, and by which hosts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// Of a connector that tells its calendar what customers answer: by which hosts.
    #[serde(default, rename = "writing-back", skip_serializing_if = "Option::is_none")]
    pub writing_back: Option<WritingBack>,
}

impl Manifest {
    /// Every host that the plugin may send requests to.
    pub fn hosts(&self) -> impl Iterator<Item = &String> {
        let of_channel = self.channel.iter().flat_map(|channel| &channel.hosts);
        of_channel.chain(self.writing_back.iter().flat_map(|calendar| &calendar.hosts))
    }
}

/// What a channel plugin serves, and whom it may reach.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// The channels it serves: `sms`, `whatsapp`, `email`, or a name of its own.
    pub serves: Vec<String>,
    /// The hosts it may send requests to: `api.example.com`, or `setting:/url` for the host of an address in its settings.
    pub hosts: Vec<String>,
    /// What may be done when a provider's answer is lost.
    #[serde(default)]
    pub redo: Redo,
    /// For how long a message that is not taken is tried again.
    #[serde(default)]
    pub retry: Patience,
}

/// Whom a connector reaches to tell a calendar what customers answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WritingBack {
    /// The hosts it may send requests to, as those of a channel.
    pub hosts: Vec<String>,
    /// What may be done when the calendar's answer is lost.
    #[serde(default)]
    pub redo: Redo,
}

/// For how long something that is not taken is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub enum Patience {
    /// A day or so: a message is worth little after that.
    #[default]
    #[serde(rename = "usual")]
    Usual,
    /// Ten times over three days, as Standard Webhooks has it; a message that expires, no longer than that.
    #[serde(rename = "3d")]
    ThreeDays,
}

/// Whether a request may be repeated though it may have been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Redo {
    /// The provider recognises a request that it has had before.
    Idempotent,
    /// It would be done twice, so a person decides.
    #[default]
    Never,
}

fn any_object() -> serde_json::Value {
    serde_json::json!({ "type": "object", "additionalProperties": false })
}

/// A template as its plugin ships it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateDeclaration {
    /// What it is for.
    pub purpose: Purpose,
    /// When it is sent, for the owner.
    #[serde(default)]
    pub description: String,
    /// Every placeholder it may use.
    #[serde(default)]
    pub values: Vec<String>,
    /// The text by locale.
    pub text: BTreeMap<String, String>,
    /// The text by locale for customers who are upset. It has the placeholders of the plain one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub apologetic: BTreeMap<String, String>,
    /// The text by locale for customers who are glad. It has the placeholders of the plain one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub warm: BTreeMap<String, String>,
    /// The subject by locale, for channels that have one.
    #[serde(default)]
    pub subject: BTreeMap<String, String>,
}

impl TemplateDeclaration {
    /// The texts in a tone.
    pub fn in_tone(&self, tone: Tone) -> &BTreeMap<String, String> {
        match tone {
            Tone::Neutral => &self.text,
            Tone::Apologetic => &self.apologetic,
            Tone::Warm => &self.warm,
        }
    }
}

/// How the reason begins for which a channel is stopped: its provider, or whoever receives, answered 410.
pub const WANTS_NO_MORE: &str = "the other end wants no more messages: ";

/// Why a plugin does not run although it is enabled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Paused {
    /// Since when, in milliseconds since the Unix epoch.
    #[schema(value_type = u64)]
    pub since: Instant,
    /// In words for the owner.
    pub reason: String,
}

/// A plugin of a business, as its owner set it up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Installed {
    /// The name given at installation; its identity.
    pub name: String,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// The public key of whoever signed the component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// Whose word stands behind it.
    #[serde(default, skip_serializing_if = "Vouched::is_usual")]
    pub vouched: Vouched,
    /// Where it was pulled from, as whoever installed it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What the file says of itself.
    pub manifest: Manifest,
    /// What it subscribes to.
    pub exports: BTreeSet<Export>,
    /// The permissions its code asks for: interfaces of `attune:host`, and `reading` of a reader.
    pub wants: BTreeSet<String>,
    /// The permissions the owner granted.
    pub grants: BTreeSet<String>,
    /// Whether the owner turned it on.
    pub enabled: bool,
    /// Its place among responders: lower answers first.
    pub order: u32,
    /// The owner's settings; what is absent has the schema's default.
    #[schema(value_type = Object)]
    pub settings: serde_json::Value,
    /// The owner's own wording: template name, then locale, then text. A variant's name is that of its template and of its
    /// tone: `late-on.apologetic`.
    #[serde(default)]
    pub wording: BTreeMap<String, BTreeMap<String, String>>,
    /// What an operator lets it use instead of what others may, by the names of the limits.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, u64>,
    /// Set when Attune stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Paused>,
    /// Counts changes; the API's `ETag`.
    pub revision: u64,
}

impl Installed {
    /// A plugin as it is before its owner decided anything: off, without grants, last in the order.
    pub fn new(
        name: &str,
        digest: &str,
        manifest: Manifest,
        exports: BTreeSet<Export>,
        wants: BTreeSet<String>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            digest: digest.to_owned(),
            signer: None,
            vouched: Vouched::Signature,
            source: None,
            manifest,
            exports,
            wants,
            grants: BTreeSet::new(),
            enabled: false,
            order: 0,
            settings: serde_json::json!({}),
            wording: BTreeMap::new(),
            limits: BTreeMap::new(),
            paused: None,
            revision: 1,
        }
    }

    /// What its code asks for and the owner has not granted.
    pub fn ungranted(&self) -> Vec<&str> {
        self.wants.difference(&self.grants).map(String::as_str).collect()
    }

    /// Whether it runs: on, fully granted, not paused.
    pub fn runs(&self) -> bool {
        self.enabled && self.paused.is_none() && self.wants.is_subset(&self.grants)
    }
}
