//! What vendors sent to connectors lately: what was taken, and what was refused and why.
//!
//! Strangers can knock as often as they like, so none of it is written to the store: counts and times are kept in memory, by
//! business, plugin and reason, within limits, and a restart forgets them. It keeps no body, no header and no secret.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::ids::{BusinessId, CustomerId, EventId};
use crate::domain::time::{DAY, Instant, MINUTE};

/// How many connectors are remembered; when one more is knocked at, the one that was longest ago is forgotten.
const DOORS: usize = 4_096;

/// How many requests that were taken are remembered of a connector.
const TAKEN: usize = 5;

/// How many events of a request are remembered; the others are counted.
const EVENTS: usize = 5;

/// How many characters of any text are remembered.
const WORDS: usize = 300;

/// How long a refusal is remembered, in milliseconds.
pub const REMEMBERED_MS: u64 = DAY;

/// How far apart two lines of the log about one reason are, in milliseconds.
const LOG_MS: u64 = MINUTE;

/// Why a vendor's request was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The connector is off, stopped, or lacks grants.
    Off,
    /// Its owner has not set the secret.
    NoSecret,
    /// It carries no signature.
    Unsigned,
    /// Its signature is wrong.
    WrongSignature,
    /// It was signed too long ago, or in the future.
    Stale,
    /// What proves who sent it cannot be read.
    Unreadable,
    /// Its token was used before, with another body.
    Replayed,
    /// The connector cannot read it.
    Malformed,
    /// An event in it does not fit its schema.
    Misfit,
    /// An event in it has the source and id of another one.
    Conflict,
    /// It has more bytes than are taken.
    TooLarge,
    /// It broke off, or came too slowly.
    BrokenOff,
    /// The connector failed over it.
    ConnectorFailed,
    /// There is no connector of that name.
    NoConnector,
    /// Attune could take nothing at that moment. It is no trouble of the owner's: vendors send again.
    Busy,
}

impl Reason {
    /// The stable word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::NoSecret => "no-secret",
            Self::Unsigned => "unsigned",
            Self::WrongSignature => "wrong-signature",
            Self::Stale => "stale",
            Self::Unreadable => "unreadable",
            Self::Replayed => "replayed",
            Self::Malformed => "malformed",
            Self::Misfit => "misfit",
            Self::Conflict => "conflict",
            Self::TooLarge => "too-large",
            Self::BrokenOff => "broken-off",
            Self::ConnectorFailed => "connector-failed",
            Self::NoConnector => "no-connector",
            Self::Busy => "busy",
        }
    }

    /// The label under which the operator's figures count it, if they do not count its events already.
    pub fn figure(self) -> &'static str {
        match self {
            Self::NoSecret | Self::Unsigned | Self::WrongSignature | Self::Stale | Self::Unreadable => "unverified",
            Self::Replayed => "replayed",
            Self::Malformed => "malformed",
            _ => "",
        }
    }

    /// Whether it is over once a genuine request was taken: it was about how the vendor or the secret is set up. What was
    /// wrong with one request stays wrong, whatever the next one is like.
    fn ends_with_a_good_one(self) -> bool {
        matches!(
            self,
            Self::Off
                | Self::NoSecret
                | Self::Unsigned
                | Self::WrongSignature
                | Self::Stale
                | Self::Unreadable
                | Self::Busy
        )
    }
}

/// What was refused at one connector for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusals {
    /// How many, since `since`.
    pub count: u64,
    /// The first of them.
    pub since: Instant,
    /// The last.
    pub at: Instant,
    /// What the last one was told.
    pub words: String,
    /// Whether good ones came after them.
    pub over: bool,
    logged: Instant,
    unsaid: u64,
}

/// An event of a vendor's request that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TakenEvent {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is known by.
    pub id: String,
    /// `accepted`, or `repeated` when it was there before.
    pub status: &'static str,
    /// The entry it became: `evt_...`.
    #[schema(value_type = String)]
    pub entry: EventId,
    /// Whom it is about, as far as that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub customer: Option<CustomerId>,
}

/// A vendor's request that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TakenRequest {
    /// Counts the requests that this connector's address took since the server started, from 1.
    pub number: u64,
    /// When it came, in milliseconds since the Unix epoch.
    #[schema(value_type = u64)]
    pub at: Instant,
    /// How many events it told of.
    pub events: usize,
    /// The first of them, at most five.
    pub shown: Vec<TakenEvent>,
    /// Why it tells of nothing, as the connector says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignored: Option<String>,
}

/// What came to one connector.
#[derive(Debug, Clone, Default)]
struct Door {
    last: Instant,
    refused: BTreeMap<Reason, Refusals>,
    taken: VecDeque<TakenRequest>,
    count: u64,
}

/// What came to all connectors lately.
#[derive(Debug, Default)]
pub struct Lately(Mutex<HashMap<(BusinessId, String), Door>>);

/// A text that is short enough to keep, and safe to show.
pub fn short(text: &str) -> String {
    text.chars().take(WORDS).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl Lately {
    fn doors(&self) -> MutexGuard<'_, HashMap<(BusinessId, String), Door>> {
        // Every change is whole between statements, whoever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, business: BusinessId, plugin: &str, now: Instant, change: impl FnOnce(&mut Door) -> T) -> T {
        let (mut doors, name) = (self.doors(), (business, plugin.to_owned()));
        if doors.len() >= DOORS && !doors.contains_key(&name) {
            let longest_ago = doors.iter().min_by_key(|(_, door)| door.last).map(|(name, _)| name.clone());
            longest_ago.and_then(|name| doors.remove(&name));
        }
        let door = doors.entry(name).or_default();
        door.last = now;
        change(door)
    }

    /// Notes that a request was refused. Gives how many were refused for this reason and not logged, if the log is to have a line
    /// now: of the first, and then of one a minute.
    pub fn refused(
        &self,
        business: BusinessId,
        plugin: &str,
        reason: Reason,
        words: &str,
        now: Instant,
    ) -> Option<u64> {
        let first = || Refusals {
            count: 0,
            since: now,
            at: now,
            words: String::new(),
            over: false,
            logged: Instant(0),
            unsaid: 0,
        };
        self.with(business, plugin, now, |door| {
            let known = door.refused.entry(reason).or_insert_with(first);
            if known.over || known.at.plus(REMEMBERED_MS) < now {
                (known.count, known.since, known.over) = (0, now, false);
            }
            (known.count, known.at, known.words) = (known.count.saturating_add(1), now, short(words));
            if known.logged > Instant(0) && now < known.logged.plus(LOG_MS) {
                known.unsaid += 1;
                return None;
            }
            known.logged = now;
            Some(std::mem::take(&mut known.unsaid))
        })
    }

    /// Notes that a genuine request was taken. Of its events those that are too many are left out.
    pub fn taken(
        &self,
        business: BusinessId,
        plugin: &str,
        now: Instant,
        events: Vec<TakenEvent>,
        ignored: Option<String>,
    ) {
        self.with(business, plugin, now, |door| {
            door.refused.iter_mut().filter(|(reason, _)| reason.ends_with_a_good_one()).for_each(|(_, known)| {
                known.over = true;
            });
            door.count += 1;
            let count = events.len();
            let mut shown = events;
            shown.truncate(EVENTS);
            for event in &mut shown {
                (event.kind, event.id) = (short(&event.kind), short(&event.id));
            }
            door.taken.truncate(TAKEN - 1);
            let ignored = ignored.as_deref().map(short);
            door.taken.push_front(TakenRequest { number: door.count, at: now, events: count, shown, ignored });
        });
    }

    /// The last requests that a connector's address took, newest first.
    pub fn taken_by(&self, business: BusinessId, plugin: &str) -> Vec<TakenRequest> {
        let doors = self.doors();
        doors.get(&(business, plugin.to_owned())).map(|door| door.taken.iter().cloned().collect()).unwrap_or_default()
    }

    /// What was refused within the last day, by plugin and reason.
    pub fn refusals(&self, business: BusinessId, now: Instant) -> Vec<(String, Reason, Refusals)> {
        let (doors, mut found) = (self.doors(), Vec::new());
        for ((_, plugin), door) in doors.iter().filter(|((whose, _), _)| *whose == business) {
            let recent = door.refused.iter().filter(|(_, known)| now <= known.at.plus(REMEMBERED_MS));
            found.extend(recent.map(|(reason, known)| (plugin.clone(), *reason, known.clone())));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: BusinessId = BusinessId([1; 16]);
    const START: Instant = Instant(1_000 * DAY);

    fn counts(lately: &Lately, now: Instant) -> Vec<(Reason, u64, bool)> {
        let mut found: Vec<_> = lately
            .refusals(SHOP, now)
            .into_iter()
            .map(|(_, reason, known)| (reason, known.count, known.over))
            .collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn the_log_has_the_first_refusal_and_then_one_a_minute() {
        let lately = Lately::default();
        let refuse = |ms: u64| lately.refused(SHOP, "shopify", Reason::WrongSignature, "no", START.plus(ms));
        assert_eq!(refuse(0), Some(0));
        assert_eq!((refuse(1), refuse(59_999)), (None, None));
        assert_eq!(refuse(60_000), Some(2), "two were refused without a line");
        // A good one in between does not make the log longer.
        lately.taken(SHOP, "shopify", START.plus(60_001), Vec::new(), None);
        assert_eq!(refuse(60_002), None);
        assert_eq!(lately.refused(SHOP, "shopify", Reason::Stale, "old", START.plus(60_003)), Some(0));
    }

    #[test]
    fn a_good_request_ends_what_was_about_the_setup_and_a_day_ends_the_rest() {
        let lately = Lately::default();
        for reason in [Reason::WrongSignature, Reason::WrongSignature, Reason::Malformed] {
            lately.refused(SHOP, "shopify", reason, "no", START);
        }
        assert_eq!(counts(&lately, START), [(Reason::WrongSignature, 2, false), (Reason::Malformed, 1, false)]);
        lately.taken(SHOP, "shopify", START, Vec::new(), None);
        assert_eq!(counts(&lately, START), [(Reason::WrongSignature, 2, true), (Reason::Malformed, 1, false)]);
        lately.refused(SHOP, "shopify", Reason::WrongSignature, "no", START.plus(1));
        assert_eq!(
            counts(&lately, START.plus(DAY)),
            [(Reason::WrongSignature, 1, false), (Reason::Malformed, 1, false)]
        );
        assert_eq!(counts(&lately, START.plus(DAY + 1)), [(Reason::WrongSignature, 1, false)]);
        assert!(counts(&lately, START.plus(DAY + 2)).is_empty());
        lately.refused(SHOP, "shopify", Reason::Malformed, "no", START.plus(3 * DAY));
        assert_eq!(counts(&lately, START.plus(3 * DAY)), [(Reason::Malformed, 1, false)], "it counts anew");
    }

    #[test]
    fn what_is_kept_has_limits() {
        let lately = Lately::default();
        let event = TakenEvent {
            kind: "x".repeat(10_000),
            id: "a\nb".to_owned(),
            status: "accepted",
            entry: EventId([0; 16]),
            customer: None,
        };
        for ms in 0..20 {
            lately.taken(SHOP, "shopify", START.plus(ms), vec![event.clone(); 100], None);
        }
        let kept = lately.taken_by(SHOP, "shopify");
        assert_eq!((kept.len(), kept[0].number, kept[0].events, kept[0].shown.len()), (TAKEN, 20, 100, EVENTS));
        assert_eq!((kept[0].shown[0].kind.len(), kept[0].shown[0].id.as_str()), (WORDS, "a b"));
        for n in 0..DOORS as u64 {
            lately.refused(SHOP, &n.to_string(), Reason::Off, "off", START.plus(100 + n));
        }
        assert_eq!(lately.doors().len(), DOORS);
        assert!(lately.taken_by(SHOP, "shopify").is_empty(), "it was knocked at longest ago");
    }
}
