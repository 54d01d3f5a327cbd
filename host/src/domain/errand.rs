//! Errands: requests on their way that are no messages to a customer. A notice that goes to staff, an answer that goes to the
//! calendar of its appointment. And where an owner wants notices to go.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::address::{Address, Kind};
use super::appointment::Answer;
use super::case::Urgency;
use super::ids::{ErrandId, EventId, NoticeId};
use super::message::is_own;
use super::time::{HOUR, Instant, MINUTE, SECOND};

/// A request on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Errand {
    /// `ern_...`.
    pub id: ErrandId,
    /// Since when.
    pub at: Instant,
    /// The journal entry that caused it.
    pub entry: EventId,
    /// What it is.
    pub what: What,
    /// How often the other end was asked.
    #[serde(default)]
    pub attempts: u32,
    /// The entries that later changed what became of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trail: Vec<EventId>,
    /// What became of it.
    pub state: State,
}

/// What an errand is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A notice goes to staff.
    Notice {
        /// Which. It stands in the same customer's rows.
        notice: NoticeId,
        /// By which channel.
        channel: String,
        /// Where to, on channels that need to know.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
        /// Whether all of it goes, or its title only.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        details: bool,
    },
    /// What the customer answered to an appointment goes to the calendar.
    Answer {
        /// Which calendar: the connector that told of the appointment.
        plugin: String,
        /// The calendar's own id of the appointment.
        appointment: String,
        /// What they answered.
        answer: Answer,
        /// Whether staff heard of it by other means, so that no notice has to tell them.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        told: bool,
    },
}

/// What became of an errand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum State {
    /// It goes as soon as it can.
    Queued,
    /// It goes later.
    Deferred {
        /// When, in milliseconds since the Unix epoch.
        #[schema(value_type = u64)]
        until: Instant,
        /// Why.
        reason: String,
    },
    /// It is under way.
    Attempting {
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// The other end has it.
    Done {
        /// Since when, in milliseconds since the Unix epoch.
        #[schema(value_type = u64)]
        at: Instant,
    },
    /// The other end did not take it and never will.
    Failed {
        /// Why.
        reason: String,
    },
    /// Nobody knows whether the other end has it.
    Uncertain {
        /// Why.
        reason: String,
    },
    /// It was of no use any more.
    Dropped {
        /// Why.
        reason: String,
    },
    /// In a simulation nothing goes out.
    Simulated {
        /// When it would have, in milliseconds since the Unix epoch.
        #[schema(value_type = u64)]
        at: Instant,
    },
}

impl State {
    /// The word used in the API.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Deferred { .. } => "deferred",
            Self::Attempting { .. } => "attempting",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
            Self::Uncertain { .. } => "uncertain",
            Self::Dropped { .. } => "dropped",
            Self::Simulated { .. } => "simulated",
        }
    }

    /// Whether there is still something to be done.
    pub fn is_over(&self) -> bool {
        !matches!(self, Self::Queued | Self::Deferred { .. } | Self::Attempting { .. })
    }
}

/// The pauses between attempts, in milliseconds: the example of Standard Webhooks 1.0, ten attempts in a little over three days.
const PAUSES_MS: [u64; 9] =
    [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];

/// How long to wait after an attempt (counted from 1), in milliseconds; none if it was the last. A twentieth more or less by `seed`,
/// so that what failed at one moment does not come back at one moment.
pub fn pause_ms(attempt: u32, seed: u64) -> Option<u64> {
    let base = *PAUSES_MS.get(attempt.saturating_sub(1) as usize)?;
    Some(base + seed % (base / 20 + 1))
}

/// The most places that notices go to.
pub const MOST_ROUTES: usize = 8;

/// Where notices to staff go beside the list of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoticeRoute {
    /// By which channel: one that a plugin serves (`slack`, `webhook`, `sms`), or `email`.
    #[schema(min_length = 1, max_length = 32, example = "slack")]
    pub channel: String,
    /// Where to. Channels with one place to go need none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 254, example = "team@example.com")]
    pub to: Option<String>,
    /// The least urgent notices that go there.
    #[serde(default = "normal")]
    pub from: Urgency,
    /// Whether those that are not urgent (`high`) wait until the business is open.
    #[serde(default)]
    pub when_open: bool,
    /// Whether all of a notice goes there. Its text may have customers' names and what they wrote; without this only its title goes,
    /// which says neither, and where to read on.
    #[serde(default)]
    pub details: bool,
}

fn normal() -> Urgency {
    Urgency::Normal
}

impl NoticeRoute {
    /// Where something does not fit, and what would.
    fn misfits(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let word = |text: &str| {
            (1..=32).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        let to = self.to.as_deref();
        let is_a = |kind: Kind| {
            let read = to.and_then(|to| Address::parse(&format!("{}:{to}", kind.word())).ok());
            read.is_some_and(|address| Some(address.value()) == to)
        };
        let reached = match self.channel.as_str() {
            "email" => is_a(Kind::Email),
            "sms" | "whatsapp" => is_a(Kind::Phone),
            _ => to.is_none_or(|to| (1..=254).contains(&to.len()) && !to.chars().any(char::is_control)),
        };
        let rules = [
            (
                word(&self.channel) && !is_own(&self.channel),
                "channel",
                "is no channel that leads to staff, such as slack, webhook, email or sms",
            ),
            (
                reached,
                "to",
                "is where staff are reached: by email an address (team@example.com), by sms or whatsapp a number (+4915112345678), \
                 else 1 to 254 printable characters",
            ),
        ];
        rules.into_iter().filter(|(fits, ..)| !fits).map(|(_, place, rule)| (place, rule))
    }
}

/// Where routes do not fit, as JSON Pointers below their list, and what would.
pub fn misfits(routes: &[NoticeRoute]) -> Vec<(String, String)> {
    if routes.len() > MOST_ROUTES {
        return vec![(String::new(), format!("has at most {MOST_ROUTES} places"))];
    }
    let all = routes.iter().enumerate();
    all.flat_map(|(number, route)| {
        route.misfits().map(move |(place, rule)| (format!("/{number}/{place}"), rule.to_owned()))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_attempts_take_a_little_over_three_days() {
        let whole: u64 = (1..20).map_while(|attempt| pause_ms(attempt, 0)).sum();
        assert_eq!((1..20).map_while(|attempt| pause_ms(attempt, 0)).count(), 9);
        assert!((72 * HOUR..78 * HOUR).contains(&whole), "{whole}");
        assert_eq!(pause_ms(1, u64::MAX).map(|ms| (5_000..=5_250).contains(&ms)), Some(true));
    }

    #[test]
    fn a_route_says_where_it_does_not_fit() {
        let route = |channel: &str, to: Option<&str>| NoticeRoute {
            channel: channel.to_owned(),
            to: to.map(str::to_owned),
            from: Urgency::Normal,
            when_open: false,
            details: false,
        };
        for (channel, to, place) in [
            ("slack", None, None),
            ("slack", Some("#team"), None),
            ("email", Some("team@example.com"), None),
            ("sms", Some("+4915112345678"), None),
            ("email", None, Some("/0/to")),
            ("email", Some("nobody"), Some("/0/to")),
            ("sms", Some("0151 1"), Some("/0/to")),
            ("slack", Some("a\nb"), Some("/0/to")),
            ("chat", None, Some("/0/channel")),
            ("", None, Some("/0/channel")),
        ] {
            let found = misfits(&[route(channel, to)]);
            assert_eq!(found.first().map(|(place, _)| place.as_str()), place, "{channel} {to:?}");
        }
        assert_eq!(misfits(&vec![route("slack", None); 9]).len(), 1);
    }
}
