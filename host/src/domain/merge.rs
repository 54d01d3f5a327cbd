//! Two customers who turned out to be one: what is known of the one when they are put together, and what each is again when
//! they are parted.
//!
//! A withdrawal of either holds for both, whenever it was. What only grants something goes back to whom it came from.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::consent::Consents;
use super::customer::Customer;
use super::ids::{CustomerId, EventId};
use super::time::Instant;

/// Why two customers are taken for one. A name is never a reason. It says nothing of the person: it outlives an erasure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tie {
    /// A source has one record in which there is an address of each.
    Record {
        /// Which source.
        source: String,
    },
    /// An order or appointment of which nobody had said whose it is turned out to be theirs.
    Waiting {
        /// Which source.
        source: String,
    },
    /// Somebody of the business says so.
    Staff {
        /// Who: the token's name.
        by: String,
    },
}

impl Tie {
    /// In words, as the end of "they are one because".
    pub fn words(&self) -> String {
        match self {
            Self::Record { source } => format!("a record of `{source}` has both"),
            Self::Waiting { source } => {
                format!("`{source}` says whose order or appointment it is that had no customer yet")
            }
            Self::Staff { by } => format!("{by} says so"),
        }
    }
}

/// Somebody who is part of a customer now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Merged {
    /// `cus_...`: who they were. The id leads to this customer.
    #[schema(value_type = String)]
    pub id: CustomerId,
    /// Since when, in milliseconds since the Unix epoch.
    #[schema(value_type = u64)]
    pub at: Instant,
    /// The journal entry of the merge.
    #[schema(value_type = String)]
    pub entry: EventId,
    /// Why.
    pub because: Tie,
}

/// What is needed to part two customers again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Before {
    /// Who was put with the other.
    pub from: Customer,
    /// What was known of the other.
    pub into: Customer,
    /// Since when.
    pub at: Instant,
    /// The rows that came along.
    pub rows: Suffixes,
}

/// Tables and the rest of the keys of rows, without whose they are. As JSON they are hexadecimal.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Suffixes(pub Vec<Vec<u8>>);

impl Serialize for Suffixes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let hex = |bytes: &Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        serializer.collect_seq(self.0.iter().map(hex))
    }
}

impl<'de> Deserialize<'de> for Suffixes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let byte = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let bytes = |text: String| text.as_bytes().chunks(2).map(byte).collect::<Option<Vec<u8>>>();
        let texts = Vec::<String>::deserialize(deserializer)?;
        let read: Option<Vec<_>> = texts.into_iter().map(bytes).collect();
        read.map(Self).ok_or_else(|| serde::de::Error::custom("a row's key is no hexadecimal"))
    }
}

impl Customer {
    /// What is known of both. Where they differ this one's word counts, but for withdrawals, which all hold.
    pub fn absorb(&mut self, other: &Self, merged: Merged) {
        let take = |own: &mut Option<String>, other: &Option<String>| {
            if own.is_none() {
                own.clone_from(other);
            }
        };
        take(&mut self.name, &other.name);
        take(&mut self.language, &other.language);
        take(&mut self.zone, &other.zone);
        take(&mut self.postcode, &other.postcode);
        take(&mut self.last_channel, &other.last_channel);
        self.since = self.since.min(other.since);
        add(&mut self.addresses, &other.addresses);
        add(&mut self.unverified, &other.unverified);
        self.tags.extend(other.tags.iter().cloned());
        for (name, fact) in &other.facts {
            self.facts.entry(name.clone()).or_insert_with(|| fact.clone());
        }
        for (source, ids) in &other.records {
            self.records.entry(source.clone()).or_default().extend(ids.iter().cloned());
        }
        self.consents.absorb(&other.consents);
        for (channel, at) in &other.told_automated {
            self.told_automated.entry(channel.clone()).or_insert(*at);
        }
        self.automated_in_a_row = self.automated_in_a_row.max(other.automated_in_a_row);
        add(&mut self.merged, &other.merged);
        self.merged.push(merged);
    }

    /// The two again: who was put with this one, and this one without them. What was learnt since stays with this one, and what
    /// was withdrawn since holds for both.
    pub fn part(&self, before: &Before) -> (Self, Self) {
        let (mut from, mut into) = (before.from.clone(), self.clone());
        let came = &before.from;
        let kept = &before.into;
        let give = |own: &mut Option<String>, came: &Option<String>, kept: &Option<String>| {
            if kept.is_none() && own == came {
                *own = None;
            }
        };
        give(&mut into.name, &came.name, &kept.name);
        give(&mut into.language, &came.language, &kept.language);
        give(&mut into.zone, &came.zone, &kept.zone);
        give(&mut into.postcode, &came.postcode, &kept.postcode);
        give(&mut into.last_channel, &came.last_channel, &kept.last_channel);
        into.since = kept.since;
        into.addresses.retain(|one| kept.addresses.contains(one) || !came.addresses.contains(one));
        into.unverified.retain(|one| kept.unverified.contains(one) || !came.unverified.contains(one));
        into.tags.retain(|one| kept.tags.contains(one) || !came.tags.contains(one));
        into.facts.retain(|name, fact| kept.facts.contains_key(name) || came.facts.get(name) != Some(fact));
        for (source, ids) in &mut into.records {
            let of = |customer: &Self, id: &String| customer.records.get(source).is_some_and(|ids| ids.contains(id));
            ids.retain(|id| of(kept, id) || !of(came, id));
        }
        into.records.retain(|_, ids| !ids.is_empty());
        into.merged.retain(|one| one.id != came.id && !came.merged.contains(one));
        into.consents = since(&kept.consents, &self.consents, before.at);
        let withdrawn = self.consents.iter().filter(|one| !one.granted);
        for one in withdrawn {
            from.consents.take(one.clone());
        }
        (from, into)
    }
}

/// What was agreed to before, and all that was said or withdrawn since.
fn since(before: &Consents, now: &Consents, at: Instant) -> Consents {
    let mut consents = before.clone();
    for one in now.iter().filter(|one| !one.granted || one.at > at) {
        consents.take(one.clone());
    }
    consents
}

fn add<T: Clone + PartialEq>(list: &mut Vec<T>, more: &[T]) {
    for one in more {
        if !list.contains(one) {
            list.push(one.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::consent::{Consent, EVERYWHERE, Source};
    use crate::domain::message::Purpose;

    use super::*;

    fn somebody(number: u8, name: Option<&str>, address: &str) -> Customer {
        let mut customer = Customer::new(CustomerId([number; 16]), Instant(u64::from(number)));
        customer.name = name.map(str::to_owned);
        customer.addresses.push(address.parse().expect("an address"));
        customer
    }

    fn said(granted: bool, channel: &str, purpose: Option<Purpose>, at: u64) -> Consent {
        let (channel, at) = (channel.to_owned(), Instant(at));
        Consent { channel, purpose, granted, at, source: Source::Word, text: None, by: None }
    }

    fn put_together(into: &Customer, from: &Customer) -> (Customer, Before) {
        let because = Tie::Staff { by: "Petra".to_owned() };
        let merged = Merged { id: from.id, at: Instant(100), entry: EventId([9; 16]), because };
        let mut both = into.clone();
        both.absorb(from, merged);
        (both, Before { from: from.clone(), into: into.clone(), at: Instant(100), rows: Suffixes::default() })
    }

    #[test]
    fn a_withdrawal_of_either_holds_for_both_and_after_they_are_parted() {
        let (mut anna, mut other) =
            (somebody(1, None, "email:a@example.com"), somebody(2, None, "email:b@example.com"));
        anna.consents.take(said(true, "email", None, 50));
        other.consents.take(said(false, "email", None, 10));
        let (mut both, before) = put_together(&anna, &other);
        assert!(both.consents.stop("email").is_some(), "an older stop of the other holds too");
        both.consents.take(said(false, EVERYWHERE, None, 200));
        let (from, into) = both.part(&before);
        assert!(from.consents.stop("sms").is_some() && into.consents.stop("sms").is_some());
    }

    #[test]
    fn what_one_had_agreed_to_is_not_the_others_when_they_are_parted() {
        let marketing = Some(Purpose::Marketing);
        let (anna, mut other) = (somebody(1, None, "email:a@example.com"), somebody(2, None, "email:b@example.com"));
        other.consents.take(said(true, "email", marketing, 10));
        let (both, before) = put_together(&anna, &other);
        assert!(both.consents.grant("email", Purpose::Marketing).is_some());
        let (from, into) = both.part(&before);
        assert!(from.consents.grant("email", Purpose::Marketing).is_some());
        assert!(into.consents.grant("email", Purpose::Marketing).is_none());
    }

    #[test]
    fn parted_each_is_who_they_were_and_what_came_since_stays() {
        let (anna, mut other) =
            (somebody(1, None, "email:a@example.com"), somebody(2, Some("Anna"), "phone:+4915550100"));
        other.tags.insert("vip".to_owned());
        other.records.entry("shopify".to_owned()).or_default().insert("7".to_owned());
        let (mut both, before) = put_together(&anna, &other);
        assert_eq!((both.name.as_deref(), both.addresses.len(), both.merged.len()), (Some("Anna"), 2, 1));
        both.tags.insert("late".to_owned());
        let (from, into) = both.part(&before);
        assert_eq!(from, other);
        let expected = Customer { tags: ["late".to_owned()].into(), ..anna };
        assert_eq!(into, expected);
    }
}
