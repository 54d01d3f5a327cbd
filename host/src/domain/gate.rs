//! The gate: whether a message may go out now, later, or not at all.
//!
//! One pure function. It is asked when a message is staged, and again in the transaction that claims it for sending; both
//! use the same rules, so what came in between (a stop, a case, a quiet hour) wins. It never looks anything up: all it knows
//! is in [`Question`].

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::message::{Author, Purpose};
use super::time::Instant;

/// What the gate is asked. The caller gathers the facts; the gate decides.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// The journalled time of the step.
    pub now: Instant,
    /// Who speaks. Staff pass every rule but opting out and reachability.
    pub author: Author,
    /// Why the customer is written to.
    pub purpose: Purpose,
    /// On which channel.
    pub channel: &'a str,
    /// Whether there is an address for that channel.
    pub reachable: bool,
    /// Whether they said stop there, or everywhere.
    pub opted_out: bool,
    /// Whether this is the one confirmation of that stop.
    pub confirms_stop: bool,
    /// Whether they agreed to this purpose; only asked of surveys and marketing.
    pub consented: bool,
    /// Whether a person has the conversation, or is asked for.
    pub case_open: bool,
    /// Whether an earlier message of this plugin used the same `once` key.
    pub once_used: bool,
    /// When the message becomes pointless.
    pub expires: Option<Instant>,
    /// The first moment, from now on, outside the customer's quiet hours.
    pub next_allowed: Instant,
    /// Automated messages since the customer or staff last spoke.
    pub automated_in_a_row: u32,
    /// How many of them the business allows.
    pub automated_allowed: u32,
}

/// A rule of the gate. Its code is stable: plugins and scripts compare it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The customer said stop.
    OptedOut,
    /// The customer did not agree to messages of this kind.
    NoConsent,
    /// A person has the conversation.
    PersonHere,
    /// A message with the same `once` key was staged before.
    Repeated,
    /// It would come too late to be of use.
    Expired,
    /// There is no address for the channel.
    Unreachable,
    /// Too many automated messages without a word from the customer or staff.
    TooManyInARow,
    /// It waits for the end of the quiet hours.
    QuietHours,
    /// Nothing speaks against it.
    Clear,
}

impl Rule {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::OptedOut => "opted-out",
            Self::NoConsent => "no-consent",
            Self::PersonHere => "person-here",
            Self::Repeated => "repeated",
            Self::Expired => "expired",
            Self::Unreachable => "unreachable",
            Self::TooManyInARow => "too-many-in-a-row",
            Self::QuietHours => "quiet-hours",
            Self::Clear => "clear",
        }
    }

    /// The rule in plain words, as the owner reads it.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::OptedOut => "the customer said stop on this channel",
            Self::NoConsent => "the customer has not agreed to messages of this kind",
            Self::PersonHere => "a person has this conversation, so automations are silent",
            Self::Repeated => "the same message was already sent or is under way",
            Self::Expired => "it would have come too late to be of use",
            Self::Unreachable => "no address of the customer is known for this channel",
            Self::TooManyInARow => "too many automated messages without a word from the customer",
            Self::QuietHours => "it is night or early morning for the customer, so it waits",
            Self::Clear => "nothing speaks against it",
        }
    }
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

/// Decides. Rules are asked in the order in which a person would want to hear them.
pub fn decide(question: &Question<'_>) -> Decision {
    let q = question;
    if q.opted_out && !q.confirms_stop {
        return Decision::Withhold(Rule::OptedOut);
    }
    if !q.reachable {
        return Decision::Withhold(Rule::Unreachable);
    }
    if matches!(q.author, Author::Staff | Author::Customer) {
        return Decision::Send;
    }
    if q.expires.is_some_and(|expires| expires <= q.now) {
        return Decision::Withhold(Rule::Expired);
    }
    if q.author == Author::Host {
        return Decision::Send;
    }
    if q.once_used {
        return Decision::Withhold(Rule::Repeated);
    }
    if matches!(q.purpose, Purpose::Survey | Purpose::Marketing) && !q.consented {
        return Decision::Withhold(Rule::NoConsent);
    }
    // A reminder is about a promise the business made; it still goes out while a person answers something else.
    if q.case_open && q.purpose != Purpose::Service {
        return Decision::Withhold(Rule::PersonHere);
    }
    if q.automated_in_a_row >= q.automated_allowed {
        return Decision::Withhold(Rule::TooManyInARow);
    }
    if q.purpose != Purpose::Reply && q.next_allowed > q.now {
        if q.expires.is_some_and(|expires| expires <= q.next_allowed) {
            return Decision::Withhold(Rule::Expired);
        }
        return Decision::Wait(q.next_allowed, Rule::QuietHours);
    }
    Decision::Send
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> Question<'static> {
        Question {
            now: Instant(1_000),
            author: Author::Automation,
            purpose: Purpose::Service,
            channel: "email",
            reachable: true,
            opted_out: false,
            confirms_stop: false,
            consented: false,
            case_open: false,
            once_used: false,
            expires: None,
            next_allowed: Instant(1_000),
            automated_in_a_row: 0,
            automated_allowed: 3,
        }
    }

    #[test]
    fn each_rule_decides_by_itself() {
        let wait = Decision::Wait(Instant(5_000), Rule::QuietHours);
        let no = Decision::Withhold;
        type Change = fn(&mut Question<'static>);
        let cases: &[(&str, Change, Decision)] = &[
            ("nothing against it", |_| {}, Decision::Send),
            ("opted out", |q| q.opted_out = true, no(Rule::OptedOut)),
            ("the confirmation", |q| (q.opted_out, q.confirms_stop) = (true, true), Decision::Send),
            ("no address", |q| q.reachable = false, no(Rule::Unreachable)),
            ("expired", |q| q.expires = Some(Instant(1_000)), no(Rule::Expired)),
            ("repeated", |q| q.once_used = true, no(Rule::Repeated)),
            ("too many", |q| q.automated_in_a_row = 3, no(Rule::TooManyInARow)),
            ("night", |q| q.next_allowed = Instant(5_000), wait),
            (
                "pointless by morning",
                |q| (q.next_allowed, q.expires) = (Instant(5_000), Some(Instant(4_000))),
                no(Rule::Expired),
            ),
            ("a reply at night", |q| (q.next_allowed, q.purpose) = (Instant(5_000), Purpose::Reply), Decision::Send),
            ("a reply beside a person", |q| (q.case_open, q.purpose) = (true, Purpose::Reply), no(Rule::PersonHere)),
            ("a reminder beside a person", |q| q.case_open = true, Decision::Send),
            ("marketing without consent", |q| q.purpose = Purpose::Marketing, no(Rule::NoConsent)),
            ("marketing with consent", |q| (q.purpose, q.consented) = (Purpose::Marketing, true), Decision::Send),
            ("staff beside a case", |q| (q.author, q.case_open) = (Author::Staff, true), Decision::Send),
            ("staff after a stop", |q| (q.author, q.opted_out) = (Author::Staff, true), no(Rule::OptedOut)),
            ("the host beside a case", |q| (q.author, q.case_open) = (Author::Host, true), Decision::Send),
        ];
        for (name, change, expected) in cases {
            let mut question = service();
            change(&mut question);
            assert_eq!(decide(&question), *expected, "{name}");
        }
    }
}
