//! The gate: whether a message may go out now, later, or not at all.
//!
//! One pure function. It is asked when a message is staged, and again in the transaction that claims it for sending; both
//! use the same rules, so what came in between (a stop, a case, a quiet hour) wins. It never looks anything up: all it knows
//! is in [`Facts`], which stands in the record of why beside what it decided.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::consent::Consent;
use super::message::{Author, Purpose};
use super::recent::Room;
use super::time::Instant;

/// What the gate knows. The caller gathers the facts; the gate decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Facts {
    /// The journalled time of the step, in milliseconds since the Unix epoch.
    #[schema(value_type = u64)]
    pub now: Instant,
    /// Who speaks. Staff pass every rule but opting out and reachability.
    pub author: Author,
    /// Why the customer is written to.
    pub purpose: Purpose,
    /// On which channel.
    pub channel: String,
    /// Whether there is an address for that channel.
    pub reachable: bool,
    /// The withdrawal that speaks against it: a stop, or one of this purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<Consent>,
    /// Whether this is the one confirmation of that stop.
    #[serde(default, skip_serializing_if = "is_false")]
    pub confirms_stop: bool,
    /// Whether a member of staff decided to write in spite of it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub in_spite: bool,
    /// Whether the business asks for consent to this purpose.
    #[serde(default, skip_serializing_if = "is_false")]
    pub consent_needed: bool,
    /// Whether the customer gave it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub consented: bool,
    /// Whether a person has the conversation, or is asked for.
    #[serde(default, skip_serializing_if = "is_false")]
    pub case_open: bool,
    /// Whether messages about an order or appointment go out all the same.
    #[serde(default, skip_serializing_if = "is_false")]
    pub service_during_case: bool,
    /// Whether it would answer a machine.
    #[serde(default, skip_serializing_if = "is_false")]
    pub to_machine: bool,
    /// Whether the plugin that wrote it has been turned off since.
    #[serde(default, skip_serializing_if = "is_false")]
    pub plugin_off: bool,
    /// Whether everything automated is paused, or the plugin that wrote it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub paused: bool,
    /// Whether an earlier message of this plugin used the same `once` key.
    #[serde(default, skip_serializing_if = "is_false")]
    pub once_used: bool,
    /// Whether the same text reached this customer lately, or is under way.
    #[serde(default, skip_serializing_if = "is_false")]
    pub same_text: bool,
    /// What the cap of this purpose allows; none where there is no cap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<Room>,
    /// When the message becomes pointless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub expires: Option<Instant>,
    /// The moment, from now on, at which the customer's quiet hours let it out; none if there is none within a year.
    #[schema(value_type = Option<u64>)]
    pub allowed_at: Option<Instant>,
    /// The zone of the customer's clock.
    pub zone: String,
    /// Automated messages since the customer or staff last spoke.
    pub in_a_row: u32,
    /// How many of them the business allows.
    pub in_a_row_allowed: u32,
    /// Whether it lacks what lets the customer unsubscribe with one click, where it has to have that.
    #[serde(default, skip_serializing_if = "is_false")]
    pub no_way_out: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $sentence:literal, $remedy:literal;)*) => {
        /// A rule of the gate. Its code is stable: plugins and scripts compare it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum Rule {
            $($(#[$doc])* $name,)*
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &'static [Rule] = &[$(Rule::$name,)*];

            /// The stable code.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The rule in plain words, as the owner reads it.
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)* }
            }

            /// What would have to change for such a message to go out.
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)* }
            }
        }
    };
}

rules! {
    /// The customer said stop, or took back their consent to this purpose.
    OptedOut = "opted-out", "the customer said stop",
        "the customer would have to write START, or agree again";
    /// There is no address for the channel.
    Unreachable = "unreachable", "no address of the customer is known for this channel",
        "an address for this channel would have to become known";
    /// It would come too late to be of use.
    Expired = "expired", "it would have come too late to be of use",
        "it would have to be wanted earlier, or stay useful for longer";
    /// It would answer a machine.
    ToMachine = "to-machine", "the message it answers was not written by a person",
        "a person would have to write";
    /// The plugin was turned off or removed since.
    PluginOff = "plugin-off", "the plugin that wrote it has been turned off since",
        "the owner would have to turn the plugin on before it is due";
    /// Everything automated is paused, or the plugin is.
    Paused = "paused", "automations are paused",
        "the owner would have to resume automations";
    /// A message with the same `once` key was staged before.
    Repeated = "repeated", "the plugin has used the same key for an earlier message, and one key is for one message",
        "the plugin would have to use another key";
    /// The same text reached the customer lately.
    SameText = "same-text", "the same words reached this customer a short time ago",
        "the words would have to differ, or more time would have to pass";
    /// The customer did not agree to messages of this kind.
    NoConsent = "no-consent", "the customer has not agreed to messages of this kind",
        "the customer would have to agree to messages of this kind";
    /// A person has the conversation.
    PersonHere = "person-here", "a person has this conversation, so automations are silent",
        "staff would have to resolve the case";
    /// The cap of its purpose is reached.
    TooOften = "too-often", "the customer got as many messages of this kind lately as they should",
        "some time would have to pass, or the owner would have to allow more";
    /// Too many automated messages without a word from the customer or staff.
    TooManyInARow = "too-many-in-a-row", "too many automated messages without a word from the customer",
        "the customer or staff would have to write";
    /// An offer by mail without a way to unsubscribe by one click.
    NoWayOut = "no-way-out", "an offer by mail needs a link to unsubscribe, and this server has no public address for it",
        "the operator would have to start Attune with its public address";
    /// It waits for the end of the quiet hours, or they never end.
    QuietHours = "quiet-hours", "the customer is left alone at this time",
        "the quiet hours would have to end";
    /// Nothing speaks against it.
    Clear = "clear", "nothing speaks against it",
        "nothing";
}

/// What the gate decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It may go out now.
    Send,
    /// It may go out at this moment at the earliest.
    Wait(Instant, Rule),
    /// It does not go out.
    Withhold(Rule),
}

impl Decision {
    /// The rule that decided.
    pub fn rule(self) -> Rule {
        match self {
            Self::Send => Rule::Clear,
            Self::Wait(_, rule) | Self::Withhold(rule) => rule,
        }
    }
}

/// Decides. Rules are asked in the order in which a person would want to hear them.
pub fn decide(facts: &Facts) -> Decision {
    let f = facts;
    if f.withdrawn.is_some() && !f.confirms_stop && !f.in_spite {
        return Decision::Withhold(Rule::OptedOut);
    }
    if !f.reachable {
        return Decision::Withhold(Rule::Unreachable);
    }
    if matches!(f.author, Author::Staff | Author::Customer) || f.confirms_stop {
        return Decision::Send;
    }
    if f.expires.is_some_and(|expires| expires <= f.now) {
        return Decision::Withhold(Rule::Expired);
    }
    if f.to_machine {
        return Decision::Withhold(Rule::ToMachine);
    }
    if f.plugin_off {
        return Decision::Withhold(Rule::PluginOff);
    }
    // An answer that comes an hour later is none.
    if f.paused && f.purpose == Purpose::Reply {
        return Decision::Withhold(Rule::Paused);
    }
    if f.author == Author::Host {
        return Decision::Send;
    }
    if let Some(rule) = refusal(f) {
        return Decision::Withhold(rule);
    }
    if f.paused {
        // What is no answer waits, and is asked about again when automations go on.
        return Decision::Wait(f.now, Rule::Paused);
    }
    match f.allowed_at {
        Some(at) if at <= f.now => Decision::Send,
        Some(at) if f.expires.is_some_and(|expires| expires <= at) => Decision::Withhold(Rule::Expired),
        Some(at) => Decision::Wait(at, Rule::QuietHours),
        None => Decision::Withhold(Rule::QuietHours),
    }
}

/// What speaks against an automated message whatever the time of day.
fn refusal(f: &Facts) -> Option<Rule> {
    let during_case = f.purpose == Purpose::Service && f.service_during_case;
    let rules = [
        (f.once_used, Rule::Repeated),
        (f.same_text, Rule::SameText),
        (f.consent_needed && !f.consented, Rule::NoConsent),
        (f.case_open && !during_case, Rule::PersonHere),
        (f.room.is_some_and(|room| !room.is_left()), Rule::TooOften),
        (f.in_a_row >= f.in_a_row_allowed, Rule::TooManyInARow),
        (f.no_way_out, Rule::NoWayOut),
    ];
    rules.into_iter().find(|(speaks_against, _)| *speaks_against).map(|(_, rule)| rule)
}
