//! A customer: what is known of a person that the business talks to.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::address::Address;
use super::consent::Consents;
use super::ids::CustomerId;
use super::merge::Merged;
use super::time::Instant;

/// What is known of a customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Customer {
    /// `cus_...`.
    #[schema(value_type = String)]
    pub id: CustomerId,
    /// When Attune first heard of them, in milliseconds since the Unix epoch.
    #[schema(value_type = u64)]
    pub since: Instant,
    /// How they want to be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// BCP 47: what they last wrote in, or what an event said; none means what the business speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// IANA zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Postcode, as it was given; a proof for claiming an order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postcode: Option<String>,
    /// Where they can be reached, in the order in which the addresses became known.
    #[serde(default)]
    pub addresses: Vec<Address>,
    /// What was given as an address and cannot be one, such as a telephone number without a country. Nothing is sent there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unverified: Vec<String>,
    /// Under which ids sources have a record of them, by source: vendors' ids of customers. A source that has two different
    /// ids says that they are two people.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub records: BTreeMap<String, BTreeSet<String>>,
    /// Who else they turned out to be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<Merged>,
    /// The channel of their last message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_channel: Option<String>,
    /// Tags that plugins or staff gave them.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// Facts that plugins noted.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
    /// What they agreed to and what they took back.
    #[serde(default, skip_serializing_if = "Consents::is_empty")]
    pub consents: Consents,
    /// The channels on which they were told that messages are automated, since a person last wrote, and when.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = std::collections::BTreeMap<String, u64>)]
    pub told_automated: BTreeMap<String, Instant>,
    /// Automated messages in a row since the customer or staff last spoke.
    #[serde(default)]
    pub automated_in_a_row: u32,
}

impl Customer {
    /// A customer of whom only the id is known.
    pub fn new(id: CustomerId, since: Instant) -> Self {
        Self {
            id,
            since,
            name: None,
            language: None,
            zone: None,
            postcode: None,
            addresses: Vec::new(),
            unverified: Vec::new(),
            records: BTreeMap::new(),
            merged: Vec::new(),
            last_channel: None,
            tags: BTreeSet::new(),
            facts: BTreeMap::new(),
            consents: Consents::default(),
            told_automated: BTreeMap::new(),
            automated_in_a_row: 0,
        }
    }

    /// Whether a source knows both, and as two different people.
    pub fn is_known_as_another(&self, other: &Self) -> bool {
        let differs = |(source, ids): (&String, &BTreeSet<String>)| {
            other.records.get(source).is_some_and(|others| !ids.is_empty() && ids.is_disjoint(others))
        };
        self.records.iter().any(differs)
    }

    /// Whether there is an address for a channel. Anyone can be reached on `chat`: the message waits in the conversation.
    pub fn reachable_on(&self, channel: &str) -> bool {
        self.addresses.iter().any(|address| address.reaches(channel))
    }
}
