//! Consent: what a customer agreed to and what they took back, by channel and purpose.
//!
//! A withdrawal wins. A stop (all purposes of a channel) is lifted by the customer's own word, or by staff who say how they
//! know; a purpose that was withdrawn comes back when the customer agrees to it again later. A list that somebody imports
//! lifts nothing.
//!
//! Never decides whether a message goes out: that is the gate's.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::message::Purpose;
use super::time::Instant;

/// Every channel.
pub const EVERYWHERE: &str = "*";

/// How it became known what a customer wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The customer's own word, such as STOP or START.
    Word,
    /// The link in a mail.
    OneClick,
    /// A form that the customer filled in.
    Form,
    /// An event said so, and not how it knows.
    Event,
    /// A list of people with what they agreed to.
    Import,
    /// A member of staff, who was told.
    Staff,
    /// The channel, which says that the address takes no messages any more.
    Channel,
    /// What was kept of an address when its customer was erased.
    Kept,
}

impl Source {
    /// Whether it tells of what the customer did themselves, at a time that is known.
    fn is_first_hand(self) -> bool {
        matches!(self, Self::Word | Self::OneClick | Self::Form | Self::Staff)
    }

    /// Whether somebody else says so.
    fn is_list(self) -> bool {
        matches!(self, Self::Event | Self::Import)
    }
}

/// A line of the ledger: something was granted or withdrawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Consent {
    /// On which channel; `*` is every channel.
    pub channel: String,
    /// For what; none is everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Purpose>,
    /// Granted, or withdrawn.
    pub granted: bool,
    /// When the customer did so, in milliseconds since the Unix epoch.
    #[schema(value_type = u64)]
    pub at: Instant,
    /// How it became known.
    pub source: Source,
    /// What was agreed to, or said, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Which member of staff wrote it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// Where a customer stands: for each channel and purpose the last word that counts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Consents(Vec<Consent>);

impl Consents {
    /// Whether nothing was ever said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What counts now.
    pub fn iter(&self) -> impl Iterator<Item = &Consent> {
        self.0.iter()
    }

    /// The word that counts for exactly this, else for every channel.
    fn standing(&self, channel: &str, purpose: Option<Purpose>) -> Option<&Consent> {
        let on = |channel: &str| self.0.iter().find(|one| one.purpose == purpose && one.channel == channel);
        on(channel).or_else(|| on(EVERYWHERE))
    }

    /// The stop that holds on a channel, whatever the purpose.
    pub fn stop(&self, channel: &str) -> Option<&Consent> {
        self.standing(channel, None).filter(|one| !one.granted)
    }

    /// The withdrawal that speaks against a message: a stop, or one of its purpose.
    pub fn withdrawal(&self, channel: &str, purpose: Purpose) -> Option<&Consent> {
        self.stop(channel).or_else(|| self.standing(channel, Some(purpose)).filter(|one| !one.granted))
    }

    /// The grant of a purpose, if nothing was withdrawn since.
    pub fn grant(&self, channel: &str, purpose: Purpose) -> Option<&Consent> {
        self.standing(channel, Some(purpose)).filter(|one| one.granted)
    }

    /// Takes a new word. False if an earlier withdrawal wins over it, and nothing has changed.
    pub fn take(&mut self, new: Consent) -> bool {
        if new.granted && !self.may_grant(&new) {
            return false;
        }
        let is_same = |old: &&Consent| old.purpose == new.purpose && old.channel == new.channel;
        let stronger = |old: &Consent| !old.granted && !new.granted && !old.source.is_list() && new.source.is_list();
        if self.0.iter().find(is_same).is_some_and(stronger) {
            // The customer withdrew it themselves; that a list says so too makes it no weaker.
            return true;
        }
        // A withdrawal everywhere leaves no channel out, nor does what the customer grants everywhere later.
        let undone = |old: &Consent| {
            let wider = new.channel == EVERYWHERE && old.purpose == new.purpose && old.granted != new.granted;
            wider && (!new.granted || new.source.is_first_hand() && lifts(&new, old))
        };
        self.0.retain(|old| !is_same(&old) && !undone(old));
        self.0.push(new);
        true
    }

    /// Takes over all that somebody else said who turned out to be the same person. Every withdrawal holds, whatever was
    /// granted later: each was said by one who could not know of the other.
    pub fn absorb(&mut self, other: &Self) {
        let (granted, withdrawn): (Vec<_>, Vec<_>) = other.0.iter().cloned().partition(|one| one.granted);
        for one in withdrawn {
            self.take(one);
        }
        let stands =
            |own: &Self, one: &Consent| own.standing(&one.channel, one.purpose).is_some_and(|own| !own.granted);
        for one in granted {
            if !stands(self, &one) {
                self.take(one);
            }
        }
    }

    /// Whether a grant counts: nothing that it would lift was withdrawn, or the customer themselves grants it later.
    fn may_grant(&self, new: &Consent) -> bool {
        let lifted = self.standing(&new.channel, new.purpose).filter(|old| !old.granted);
        lifted.is_none_or(|old| lifts(new, old))
    }

    /// The withdrawals that hold on a channel: what is kept of an address when its customer is erased, without words and names.
    pub fn kept(&self, channel: &str) -> Self {
        let holds = |one: &&Consent| !one.granted && (one.channel == channel || one.channel == EVERYWHERE);
        let lifted = |one: &&Consent| self.standing(channel, one.purpose).is_some_and(|standing| !standing.granted);
        let kept = |one: &Consent| Consent {
            channel: channel.to_owned(),
            source: Source::Kept,
            text: None,
            by: None,
            ..one.clone()
        };
        let mut consents = Self::default();
        for one in self.0.iter().filter(holds).filter(lifted) {
            consents.take(kept(one));
        }
        consents
    }
}

/// Whether a grant lifts a withdrawal of the same purpose.
fn lifts(new: &Consent, old: &Consent) -> bool {
    let by_person = matches!(new.source, Source::Word | Source::Staff);
    // What a list took away, a list may give back.
    let as_good = new.source.is_first_hand() || old.source.is_list();
    let may = if new.purpose.is_none() { by_person } else { as_good };
    may && new.at >= old.at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(granted: bool, channel: &str, purpose: Option<Purpose>, at: u64, source: Source) -> Consent {
        Consent { channel: channel.to_owned(), purpose, granted, at: Instant(at), source, text: None, by: None }
    }

    const MARKETING: Option<Purpose> = Some(Purpose::Marketing);

    #[test]
    fn a_stop_holds_on_its_channel_until_the_customer_says_start() {
        let mut consents = Consents::default();
        assert!(consents.take(word(true, EVERYWHERE, MARKETING, 1, Source::Form)));
        assert!(consents.take(word(false, "email", None, 2, Source::Word)));
        assert!(consents.withdrawal("email", Purpose::Service).is_some());
        assert!(consents.withdrawal("chat", Purpose::Service).is_none());
        for source in [Source::Event, Source::Import, Source::Form, Source::Kept] {
            assert!(!consents.take(word(true, "email", None, 9, source)), "{source:?}");
            consents.take(word(true, "email", MARKETING, 9, source));
            assert!(consents.withdrawal("email", Purpose::Marketing).is_some(), "{source:?}");
        }
        assert!(consents.take(word(true, "email", None, 10, Source::Word)));
        assert!(consents.withdrawal("email", Purpose::Marketing).is_none());
        assert!(consents.grant("email", Purpose::Marketing).is_some());
    }

    #[test]
    fn a_stop_everywhere_leaves_no_channel_out_and_a_start_brings_back_its_own() {
        let mut consents = Consents::default();
        consents.take(word(false, "chat", None, 1, Source::Word));
        consents.take(word(true, "chat", None, 2, Source::Word));
        consents.take(word(false, EVERYWHERE, None, 3, Source::Word));
        assert!(consents.stop("chat").is_some() && consents.stop("email").is_some());
        consents.take(word(true, "chat", None, 4, Source::Word));
        assert!(consents.stop("chat").is_none() && consents.stop("email").is_some());
    }

    #[test]
    fn a_purpose_that_was_withdrawn_comes_back_by_the_customers_own_later_act_alone() {
        let mut consents = Consents::default();
        consents.take(word(true, EVERYWHERE, MARKETING, 1, Source::Import));
        consents.take(word(false, "email", MARKETING, 5, Source::OneClick));
        assert!(consents.grant("email", Purpose::Marketing).is_none());
        assert!(consents.grant("sms", Purpose::Marketing).is_some());
        for (at, source, counts) in
            [(9, Source::Import, false), (9, Source::Event, false), (4, Source::Form, false), (9, Source::Form, true)]
        {
            assert_eq!(consents.clone().take(word(true, "email", MARKETING, at, source)), counts, "{source:?} at {at}");
        }
        consents.take(word(true, EVERYWHERE, MARKETING, 9, Source::Import));
        assert!(
            consents.withdrawal("email", Purpose::Marketing).is_some(),
            "a wider list lifts no narrower withdrawal"
        );
        consents.take(word(false, "email", MARKETING, 10, Source::Event));
        consents.take(word(true, "email", MARKETING, 11, Source::Event));
        assert!(
            consents.withdrawal("email", Purpose::Marketing).is_some(),
            "a list that withdrew it too does not lift it"
        );
        consents.take(word(true, EVERYWHERE, MARKETING, 12, Source::Form));
        assert!(consents.grant("email", Purpose::Marketing).is_some(), "everywhere is by mail as well");
    }

    #[test]
    fn what_is_kept_of_an_address_is_what_was_withdrawn_and_no_more() {
        let mut consents = Consents::default();
        consents.take(word(false, EVERYWHERE, None, 1, Source::Word));
        consents.take(word(true, "chat", None, 2, Source::Word));
        consents.take(Consent { text: Some("no more!".into()), ..word(false, "chat", MARKETING, 3, Source::Word) });
        assert_eq!(consents.kept("email").0, [word(false, "email", None, 1, Source::Kept)]);
        assert_eq!(consents.kept("chat").0, [word(false, "chat", MARKETING, 3, Source::Kept)]);
        assert!(Consents::default().kept("chat").is_empty());
    }
}
