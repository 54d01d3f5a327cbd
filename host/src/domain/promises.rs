//! What an owner promises about automated messages beyond quiet hours: how many, of which kind, and when they stop by themselves.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::message::Purpose;
use super::time::Instant;

/// The owner's rules for automated messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Promises {
    /// The purposes for which a customer has to have agreed.
    pub consent_for: BTreeSet<Purpose>,
    /// How often one customer is written to, by purpose; a purpose that is not named has no limit. Answers are not counted:
    /// there is one at the most for every message of the customer.
    pub caps: BTreeMap<Purpose, Cap>,
    /// The same text is not sent twice to a customer within so many hours, 0 to 720. Answers may repeat what was said, if the
    /// customer asked again.
    #[schema(minimum = 0, maximum = 720)]
    pub repeat_hours: u32,
    /// How many automated messages may follow each other without a word from the customer or staff, 1 to 1000.
    #[schema(minimum = 1, maximum = 1000)]
    pub automated_in_a_row: u32,
    /// Whether messages about an order or appointment go out while a person has the conversation.
    pub service_during_case: bool,
    /// When automations stop by themselves.
    pub breaker: Breaker,
}

/// So many messages of a purpose in so many hours, and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// How many, 0 to 100; 0 is none at all.
    #[schema(minimum = 0, maximum = 100)]
    pub most: u32,
    /// In how many hours, 1 to 2160 (90 days).
    #[schema(minimum = 1, maximum = 2160)]
    pub hours: u32,
}

/// When automations stop by themselves: more in an hour than ever before is more likely a mistake than a good day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Breaker {
    /// A plugin is paused when it sends so many times as many messages in an hour as it did in its busiest hour of the last
    /// seven days, 2 to 100. Answers are not counted.
    #[schema(minimum = 2, maximum = 100)]
    pub times: u32,
    /// Fewer than this in an hour are no surge, 1 to 1000000.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub messages: u32,
    /// Everything is paused when in an hour so many messages were refused by their channels, and a third of what was sent.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub refusals: u32,
    /// Everything is paused when in an hour so many customers say stop, and more than one in ten of those written to.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub stops: u32,
}

/// Everything automated is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pause {
    /// Since when, in milliseconds since the Unix epoch.
    #[schema(value_type = u64)]
    pub since: Instant,
    /// Who paused it: a person's name, or `Attune`.
    pub by: String,
    /// Why, in words.
    pub reason: String,
}

impl Default for Promises {
    fn default() -> Self {
        let cap = |most, hours| Cap { most, hours };
        Self {
            // Article 13 of the ePrivacy directive: selling needs consent.
            consent_for: BTreeSet::from([Purpose::Marketing]),
            caps: BTreeMap::from([
                // Enough for an order and an appointment on one day, with all that can happen to them.
                (Purpose::Service, cap(12, 24)),
                // What people still answer.
                (Purpose::Survey, cap(1, 14 * 24)),
                (Purpose::Marketing, cap(2, 7 * 24)),
            ]),
            repeat_hours: 24,
            // Enough for an appointment's whole course (two reminders, a follow-up) with a few orders beside it; few enough to
            // stop two machines talking to each other.
            automated_in_a_row: 12,
            service_during_case: true,
            breaker: Breaker::default(),
        }
    }
}

impl Default for Breaker {
    /// A shop of a thousand customers reminds fifty a day.
    fn default() -> Self {
        Self { times: 5, messages: 200, refusals: 20, stops: 10 }
    }
}

impl Promises {
    /// What is out of range: where, as a JSON Pointer, and the rule.
    pub fn misfits(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut within = |path: String, value: u32, least: u32, most: u32| {
            if !(least..=most).contains(&value) {
                found.push((path, format!("is {value}; it is {least} to {most}")));
            }
        };
        for (purpose, cap) in &self.caps {
            within(format!("/caps/{}/most", purpose.word()), cap.most, 0, 100);
            within(format!("/caps/{}/hours", purpose.word()), cap.hours, 1, 2_160);
        }
        within("/repeat_hours".to_owned(), self.repeat_hours, 0, 720);
        within("/automated_in_a_row".to_owned(), self.automated_in_a_row, 1, 1_000);
        within("/breaker/times".to_owned(), self.breaker.times, 2, 100);
        for (name, value) in
            [("messages", self.breaker.messages), ("refusals", self.breaker.refusals), ("stops", self.breaker.stops)]
        {
            within(format!("/breaker/{name}"), value, 1, 1_000_000);
        }
        if self.caps.contains_key(&Purpose::Reply) {
            found.push(("/caps/reply".to_owned(), "answers have no cap; leave it out".to_owned()));
        }
        found
    }
}
