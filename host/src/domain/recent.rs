//! Automated messages that one customer got lately, or will as things stand: what caps and the rule against repeats look at.
//!
//! Answers are not among them: there is one at the most for every message of the customer.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids::MessageId;
use super::message::Purpose;
use super::promises::Cap;
use super::time::{HOUR, Instant};

/// How many of one purpose are remembered: as many as the largest cap allows.
const MOST: usize = 100;

/// Messages by a plugin that went out or wait, oldest first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Recent(Vec<Sent>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Sent {
    /// Which.
    #[serde(rename = "m")]
    id: MessageId,
    /// When it went out, or when it was staged or may go out, if it has not.
    #[serde(rename = "t")]
    at: Instant,
    /// Its purpose.
    #[serde(rename = "p")]
    purpose: Purpose,
    /// A hash of its text.
    #[serde(rename = "h")]
    text: u64,
}

/// What a cap allows at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Room {
    /// The cap.
    pub cap: Cap,
    /// How many count against it.
    pub sent: u32,
    /// When there is room again, if there is none, in milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub again: Option<Instant>,
}

impl Recent {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A message went out or waits, since or until a moment. One that is known already moves there.
    pub fn note(&mut self, id: MessageId, at: Instant, purpose: Purpose, text: &str) {
        let known = self.0.iter().find(|sent| sent.id == id).map(|sent| sent.text);
        self.forget(id);
        self.0.push(Sent { id, at, purpose, text: known.unwrap_or_else(|| hash(text)) });
        let of_purpose = self.0.iter().filter(|sent| sent.purpose == purpose).count();
        if of_purpose > MOST
            && let Some(oldest) = self.0.iter().filter(|sent| sent.purpose == purpose).map(|sent| sent.at).min()
            && let Some(place) = self.0.iter().position(|sent| sent.purpose == purpose && sent.at == oldest)
        {
            self.0.remove(place);
        }
    }

    /// Takes over what went out to somebody who turned out to be the same person.
    pub fn absorb(&mut self, other: &Self) {
        let new = other.0.iter().filter(|theirs| !self.0.iter().any(|own| own.id == theirs.id));
        let new: Vec<Sent> = new.cloned().collect();
        self.0.extend(new);
        self.0.sort_by_key(|sent| sent.at);
    }

    /// A message will not go out after all.
    pub fn forget(&mut self, id: MessageId) {
        self.0.retain(|sent| sent.id != id);
    }

    /// What a cap allows at a moment, for a message that may be among these already.
    pub fn room(&self, cap: Cap, purpose: Purpose, now: Instant, besides: MessageId) -> Room {
        let window = u64::from(cap.hours) * HOUR;
        let counts = |sent: &&Sent| sent.purpose == purpose && sent.id != besides && sent.at.plus(window) > now;
        let mut times: Vec<Instant> = self.0.iter().filter(counts).map(|sent| sent.at).collect();
        times.sort_unstable();
        let sent = times.len();
        // There is room when all but one less than the cap have left the window.
        let last = sent.checked_sub(cap.most as usize).and_then(|over| times.get(over));
        Room { cap, sent: sent as u32, again: last.map(|at| at.plus(window)) }
    }

    /// Whether the same text went out or waits since a moment, by another message than this.
    pub fn has_text(&self, text: &str, since: Instant, besides: MessageId) -> bool {
        let hash = hash(text);
        self.0.iter().any(|sent| sent.text == hash && sent.at > since && sent.id != besides)
    }
}

impl Room {
    /// Whether another message may go out.
    pub fn is_left(&self) -> bool {
        self.sent < self.cap.most
    }
}

/// FNV-1a (draft-eastlake-fnv): it stands in stored rows, so it may never change.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * HOUR;
    const CAP: Cap = Cap { most: 2, hours: 24 };

    fn id(number: u8) -> MessageId {
        MessageId([number; 16])
    }

    #[test]
    fn a_cap_has_room_again_when_the_oldest_has_left_the_window() {
        let mut recent = Recent::default();
        let room = |recent: &Recent, now: u64| recent.room(CAP, Purpose::Service, Instant(now), id(99));
        assert!(room(&recent, 0).is_left());
        recent.note(id(1), Instant(1_000), Purpose::Service, "one");
        recent.note(id(2), Instant(2_000), Purpose::Service, "two");
        recent.note(id(3), Instant(3_000), Purpose::Survey, "another purpose");
        let full = room(&recent, 4_000);
        assert_eq!((full.is_left(), full.sent, full.again), (false, 2, Some(Instant(1_000 + DAY))));
        assert!(room(&recent, 1_000 + DAY).is_left());
        assert!(
            recent.room(CAP, Purpose::Service, Instant(4_000), id(2)).is_left(),
            "it does not count against itself"
        );
        recent.forget(id(1));
        assert!(room(&recent, 4_000).is_left());
        // One that waits until tomorrow counts today.
        recent.note(id(4), Instant(2 * DAY), Purpose::Service, "four");
        assert!(!room(&recent, 4_000).is_left());
        let none = Cap { most: 0, hours: 1 };
        assert!(!Recent::default().room(none, Purpose::Service, Instant(0), id(1)).is_left());
    }

    #[test]
    fn the_same_text_is_known_for_as_long_as_it_is_asked_for() {
        let mut recent = Recent::default();
        recent.note(id(1), Instant(1_000), Purpose::Service, "Your table is booked.");
        assert!(recent.has_text("Your table is booked.", Instant(999), id(2)));
        assert!(!recent.has_text("Your table is booked.", Instant(1_000), id(2)));
        assert!(!recent.has_text("Your table is booked.", Instant(999), id(1)));
        assert!(!recent.has_text("Your table is free.", Instant(999), id(2)));
        // With the words that the host put below it, it is still the same message.
        recent.note(id(1), Instant(5_000), Purpose::Service, "Your table is booked. This is automated.");
        assert!(recent.has_text("Your table is booked.", Instant(4_999), id(2)));
    }

    #[test]
    fn as_many_of_each_purpose_are_kept_as_a_cap_may_count() {
        let mut recent = Recent::default();
        for number in 0..=150_u8 {
            recent.note(id(number), Instant(u64::from(number)), Purpose::Service, "x");
        }
        recent.note(id(200), Instant(1), Purpose::Marketing, "y");
        let all = Cap { most: 100, hours: 1 };
        let room = recent.room(all, Purpose::Service, Instant(160), id(250));
        assert_eq!((room.sent, room.is_left()), (100, false));
        assert_eq!(recent.room(all, Purpose::Marketing, Instant(160), id(250)).sent, 1);
    }
}
