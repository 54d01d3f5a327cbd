//! The breaker: pauses a plugin, or everything automated, when far more goes out or goes wrong than usual.
//!
//! Counts what became durable in the current hour, in memory; what an hour came to becomes a journal entry when the hour is
//! over, and that is the past that later hours are held against. Answers are not counted: there is one at the most for every
//! message of a customer.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::domain::entry::Entry;
use crate::domain::ids::{BusinessId, CustomerId};
use crate::domain::message::{Author, Delivery, Message, Purpose};
use crate::domain::promises::Breaker;
use crate::domain::time::HOUR;
use crate::store::{Key, Range, StoreError, Table, View};

/// What a plugin sent is held against its busiest hour in so many hours: a week.
const PAST_HOURS: u64 = 7 * 24;

/// The name under which rows of counted hours stand among the tallies. No plugin can have it.
const NAME: &str = "*sent";

/// What was counted of all businesses.
#[derive(Debug, Default)]
pub struct Counts(HashMap<BusinessId, Hour>);

/// What was counted of one business in the current hour.
#[derive(Debug, Default, Clone)]
struct Hour {
    hour: u64,
    /// Messages that left, by plugin, without answers.
    sent: BTreeMap<String, u32>,
    /// Messages that left, answers as well.
    all: u32,
    refused: u32,
    /// Who was written to, and who said stop.
    reached: HashSet<CustomerId>,
    stopped: HashSet<CustomerId>,
    /// The busiest hour before, by plugin.
    busiest: BTreeMap<String, u32>,
    /// What was paused already in this hour: once is enough.
    tripped: Vec<String>,
}

/// What follows from a count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followup {
    /// An hour is over, and this was sent in it.
    Counted(u64, Vec<(String, u32)>),
    /// A plugin, or everything (`*`), is to be paused for this reason.
    Pause(String, String),
}

/// Where the counted hours of a business stand; followed by the plugin's name and the hour.
pub fn sent_key(business: BusinessId) -> Key {
    Key::new(business, CustomerId::BUSINESS, Table::Tally).text(NAME)
}

impl Counts {
    /// Counts what a step led to. Most lead to nothing that is counted.
    ///
    /// # Errors
    /// When the past cannot be read.
    pub fn count(
        &mut self,
        view: &dyn View,
        entry: &Entry,
        messages: &[Arc<Message>],
        said_stop: bool,
        rules: &Breaker,
    ) -> Result<Vec<Followup>, StoreError> {
        let leaves = |message: &&Arc<Message>| {
            let first = match message.delivery {
                Delivery::Sent { .. } => message.attempts == 0,
                Delivery::Attempting { attempt } => attempt == 1,
                Delivery::Simulated { .. } => true,
                _ => false,
            };
            first && message.author == Author::Automation
        };
        let is_refused = |message: &&Arc<Message>| matches!(message.delivery, Delivery::Failed { .. });
        let refused = messages.iter().filter(is_refused).count() as u32;
        let leaving = messages.iter().filter(leaves);
        let (mut plugins, mut all) = (Vec::new(), 0);
        for origin in leaving.filter_map(|message| message.origin.as_ref()) {
            all += 1;
            if origin.purpose != Purpose::Reply {
                plugins.push(origin.plugin.as_str());
            }
        }
        if all + refused == 0 && !said_stop {
            return Ok(Vec::new());
        }
        let mut followups = Vec::new();
        let hour = self.hour(view, entry.business, entry.at.0 / HOUR, &mut followups)?;
        hour.all += all;
        hour.refused += refused;
        if all > 0 {
            hour.reached.insert(entry.customer);
        }
        if said_stop {
            hour.stopped.insert(entry.customer);
        }
        for plugin in plugins {
            let sent = hour.sent.entry(plugin.to_owned()).or_default();
            *sent += 1;
            let (sent, busiest) = (*sent, hour.busiest.get(plugin).copied().unwrap_or(0));
            if sent >= rules.messages && sent > busiest.saturating_mul(rules.times) {
                let before = match busiest {
                    0 => "it sent none in any hour of the last seven days".to_owned(),
                    many => format!("the most in an hour of the last seven days was {many}"),
                };
                hour.trip(plugin, format!("sent {sent} messages within this hour; {before}"), &mut followups);
            }
        }
        if hour.refused >= rules.refusals && hour.refused * 3 > hour.all {
            let words = format!("{} messages were refused by their channels within this hour", hour.refused);
            hour.trip("*", words, &mut followups);
        }
        let (stopped, reached) = (hour.stopped.len(), hour.reached.len());
        if stopped >= rules.stops as usize && stopped * 10 > reached {
            let words = format!("{stopped} customers said stop within this hour; {reached} were written to");
            hour.trip("*", words, &mut followups);
        }
        Ok(followups)
    }

    /// The count of the current hour. What the hour before came to is handed over when a new one begins.
    fn hour(
        &mut self,
        view: &dyn View,
        business: BusinessId,
        hour: u64,
        followups: &mut Vec<Followup>,
    ) -> Result<&mut Hour, StoreError> {
        let known = self.0.get(&business).filter(|known| known.hour >= hour);
        if known.is_none() {
            let mut busiest = past(view, business, hour)?;
            if let Some(over) = self.0.get(&business).filter(|over| !over.sent.is_empty()) {
                let lately = over.hour + PAST_HOURS >= hour;
                for (plugin, sent) in over.sent.iter().filter(|_| lately) {
                    let most = busiest.entry(plugin.clone()).or_default();
                    *most = (*most).max(*sent);
                }
                let sent = over.sent.iter().map(|(plugin, sent)| (plugin.clone(), *sent)).collect();
                followups.push(Followup::Counted(over.hour, sent));
            }
            self.0.insert(business, Hour { hour, busiest, ..Hour::default() });
        }
        Ok(self.0.entry(business).or_default())
    }

    /// Somebody resumed a plugin, or everything (`*`). It is counted anew: what it did so far is no surprise any more.
    pub fn resumed(&mut self, business: BusinessId, what: &str) {
        let Some(hour) = self.0.get_mut(&business) else { return };
        hour.tripped.retain(|one| one != what);
        if what == "*" {
            (hour.all, hour.refused) = (0, 0);
            hour.reached.clear();
            hour.stopped.clear();
        } else if let Some(sent) = hour.sent.get(what).copied() {
            let most = hour.busiest.entry(what.to_owned()).or_default();
            *most = (*most).max(sent);
        }
    }
}

impl Hour {
    fn trip(&mut self, what: &str, words: String, followups: &mut Vec<Followup>) {
        if !self.tripped.iter().any(|one| one == what) {
            self.tripped.push(what.to_owned());
            followups.push(Followup::Pause(what.to_owned(), words));
        }
    }
}

/// The busiest hour of each plugin in the week before an hour.
fn past(view: &dyn View, business: BusinessId, hour: u64) -> Result<BTreeMap<String, u32>, StoreError> {
    let mut busiest: BTreeMap<String, u32> = BTreeMap::new();
    for (key, row) in view.all(&Range::prefix(sent_key(business)))? {
        let mut parts = key.parts();
        let (Some(_), Some(plugin), Some(at)) = (parts.text(), parts.text(), parts.number()) else { continue };
        if at < hour && at + PAST_HOURS >= hour {
            let count: u32 = row.read_clear()?;
            let most = busiest.entry(plugin).or_default();
            *most = (*most).max(count);
        }
    }
    Ok(busiest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entry::Input;
    use crate::domain::ids::{EventId, MessageId};
    use crate::domain::message::Origin;
    use crate::domain::time::Instant;
    use crate::domain::tone::Tone;
    use crate::store::{MemoryStore, Store};

    fn entry(customer: u8, at: u64) -> Entry {
        let input = Input::Retry { plugin: "any".into(), due: Instant(0) };
        let (id, business, at) = (EventId([1; 16]), BusinessId([1; 16]), Instant(at));
        Entry { number: 1, id, business, customer: CustomerId([customer; 16]), at, happened: at, depth: 0, input }
    }

    fn message(delivery: Delivery, purpose: Purpose) -> Arc<Message> {
        let origin = Origin {
            plugin: "news".into(),
            purpose,
            template: None,
            tone: Tone::Neutral,
            about: None,
            once: None,
            expires: None,
        };
        Arc::new(Message {
            id: MessageId([1; 16]),
            customer: CustomerId([1; 16]),
            at: Instant(0),
            author: Author::Automation,
            channel: "email".into(),
            text: "news".into(),
            subject: None,
            language: None,
            in_reply_to: None,
            polarity: None,
            staff: None,
            origin: Some(origin),
            entry: EventId([1; 16]),
            attempts: 1,
            machine: None,
            original: None,
            sent_as: None,
            reported: None,
            trail: Vec::new(),
            in_spite: false,
            delivery,
        })
    }

    const RULES: Breaker = Breaker { times: 2, messages: 10, refusals: 4, stops: 3 };

    /// What follows from so many steps, each by another customer.
    fn after(
        counts: &mut Counts,
        steps: u8,
        at: u64,
        delivery: &Delivery,
        purpose: Purpose,
        stops: bool,
    ) -> Vec<Followup> {
        let view = MemoryStore::new().view();
        let one = |n| {
            let messages = [message(delivery.clone(), purpose)];
            counts.count(view.as_ref(), &entry(n, at), &messages, stops, &RULES).unwrap()
        };
        (1..=steps).flat_map(one).collect()
    }

    fn paused(followups: &[Followup]) -> Vec<&str> {
        let pauses = followups.iter().filter_map(|followup| match followup {
            Followup::Pause(what, _) => Some(what.as_str()),
            Followup::Counted(..) => None,
        });
        pauses.collect()
    }

    const LEFT: Delivery = Delivery::Attempting { attempt: 1 };

    #[test]
    fn a_plugin_that_sends_more_than_ever_is_paused_once_and_answers_do_not_count() {
        let mut counts = Counts::default();
        assert!(after(&mut counts, 200, 0, &LEFT, Purpose::Reply, false).is_empty());
        assert!(after(&mut counts, 9, 0, &LEFT, Purpose::Service, false).is_empty());
        assert_eq!(paused(&after(&mut counts, 20, 0, &LEFT, Purpose::Service, false)), ["news"]);
        // Resumed, what it did so far is its measure.
        counts.resumed(BusinessId([1; 16]), "news");
        assert!(after(&mut counts, 20, 0, &LEFT, Purpose::Service, false).is_empty());
        // So it is in the next hour, which is told what the one before came to.
        let next = after(&mut counts, 90, HOUR, &LEFT, Purpose::Service, false);
        assert_eq!(next.first(), Some(&Followup::Counted(0, vec![("news".into(), 49)])));
        assert!(paused(&next).is_empty(), "{next:?}");
        assert_eq!(paused(&after(&mut counts, 20, HOUR, &LEFT, Purpose::Service, false)), ["news"]);
    }

    #[test]
    fn everything_is_paused_when_channels_refuse_a_third_of_what_is_sent() {
        let refused = Delivery::Failed { reason: "550 no such user".into() };
        let mut counts = Counts::default();
        after(&mut counts, 8, 0, &LEFT, Purpose::Reply, false);
        assert!(after(&mut counts, 3, 0, &refused, Purpose::Reply, false).is_empty());
        assert_eq!(paused(&after(&mut counts, 5, 0, &refused, Purpose::Reply, false)), ["*"]);
        let mut busy = Counts::default();
        after(&mut busy, 100, 0, &LEFT, Purpose::Reply, false);
        assert!(after(&mut busy, 20, 0, &refused, Purpose::Reply, false).is_empty(), "a fifth is no third");
    }

    #[test]
    fn everything_is_paused_when_many_of_those_written_to_say_stop() {
        let stop = Delivery::Received;
        let mut counts = Counts::default();
        after(&mut counts, 20, 0, &LEFT, Purpose::Marketing, false);
        let twice = [entry(1, 0), entry(1, 0), entry(1, 0), entry(1, 0)];
        let view = MemoryStore::new().view();
        for one in &twice {
            assert!(counts.count(view.as_ref(), one, &[], true, &RULES).unwrap().is_empty(), "one customer is one");
        }
        assert_eq!(paused(&after(&mut counts, 4, 0, &stop, Purpose::Marketing, true)), ["*"]);
    }
}
