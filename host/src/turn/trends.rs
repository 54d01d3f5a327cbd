//! How many customers wrote and how many of them unhappily, hour by hour and topic by topic; and where the unhappy messages of
//! the last two days stand, for staff.
//!
//! Numbers are all that a plugin sees of it, and only in the business's own lane: elsewhere they would depend on what other
//! customers are doing at this very moment. Each message counts in its own step, by adding to rows that nobody reads there.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::entry::Input;
use crate::domain::ids::{BusinessId, CustomerId, MessageId, raw};
use crate::domain::message::Message;
use crate::domain::time::{DAY, HOUR, Instant};
use crate::reading::intent;
use crate::store::{Key, Order as Direction, Range, Row, StoreError, Table, View};

use super::commit::{DueWhat, HOUR_HASH, Rows, due_row};
use super::records::{Example, Records, VERSION};
use super::tone::{mood, sure};
use super::{Effect, Turn};

/// A message of a customer, as it counts.
#[derive(Debug, Clone)]
pub struct Said {
    message: MessageId,
    /// What it is about.
    topics: Vec<&'static str>,
    is_unhappy: bool,
}

/// How many wrote about something within some hours, and how many of them unhappily.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Topic {
    /// The intent's name, or `all` for all messages, those without a topic as well.
    pub name: &'static str,
    /// Messages.
    pub messages: u32,
    /// Unhappy ones among them.
    pub unhappy: u32,
    /// Messages in the same hours of the seven days before, on average.
    pub usual_messages: f32,
    /// Unhappy ones in the same hours of the seven days before, on average.
    pub usual_unhappy: f32,
}

/// The hours that are looked at, as hours since the Unix epoch: from the first to before the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    from: u64,
    until: u64,
}

impl Span {
    /// So many hours (1 to 24) before a moment. The hour that has begun at that moment counts as one.
    pub fn before(moment: Instant, hours: u32) -> Self {
        let until = moment.0.div_ceil(HOUR);
        Self { from: until.saturating_sub(u64::from(hours.clamp(1, MOST_HOURS))), until }
    }

    /// The same hours so many days earlier.
    fn earlier(self, days: u64) -> Self {
        let hours = days * DAY / HOUR;
        Self { from: self.from.saturating_sub(hours), until: self.until.saturating_sub(hours) }
    }
}

/// The most hours that are looked at: with more, the same hours of the day before would overlap.
pub const MOST_HOURS: u32 = 24;

/// The most examples that a notice has.
pub const EXAMPLES: usize = 5;

/// How many days are usual.
const USUAL_DAYS: u64 = 7;

/// How long counts stay: the days that are usual, and some in hand for a host that was down.
const COUNTS_LAST: u64 = 10 * DAY;

/// How long it is known which messages were unhappy.
const UNHAPPY_LASTS: u64 = 2 * DAY;

/// The name of all messages.
const ALL: &str = "all";

/// The names under which the counts stand among the tallies. No plugin can have them.
const MESSAGES: &str = "*said";
const UNHAPPY: &str = "*unhappy";

/// The intent that says nothing of what a message is about, and yet counts.
const COMPLAINT: &str = "complaint";

/// What there may be counts of.
fn names() -> impl Iterator<Item = &'static str> {
    [ALL].into_iter().chain(intent::NAMES.into_iter().filter(|name| is_topic(name)))
}

fn is_topic(name: &str) -> bool {
    !matches!(name, "greeting" | "thanks" | "goodbye" | "none")
}

/// What a message is about: the first thing that it asks for, and beside it `complaint` if it complains.
fn topics(sure: &[&'static str]) -> Vec<&'static str> {
    let first = sure.iter().find(|name| is_topic(name) && **name != COMPLAINT);
    let complaint = sure.iter().find(|name| **name == COMPLAINT);
    first.into_iter().chain(complaint).copied().collect()
}

fn count_key(business: BusinessId, what: &str, topic: &str) -> Key {
    Key::new(business, CustomerId::BUSINESS, Table::Tally).text(what).text(topic)
}

fn unhappy_key(business: BusinessId, topic: &str) -> Key {
    Key::new(business, CustomerId::BUSINESS, Table::Unhappy).text(topic)
}

/// The end of the hour that a moment is in.
pub fn hour_end(at: Instant) -> Instant {
    Instant((at.0 / HOUR + 1) * HOUR)
}

/// The rows of a message that counts: its counts, where it stands if it is unhappy, and that its hour is to be told when it ends.
pub(super) fn rows(records: &Records, said: &Said, now: Instant, rows: &mut Rows) -> Result<(), StoreError> {
    let (business, hour) = (records.business(), now.0 / HOUR);
    for topic in [ALL].into_iter().chain(said.topics.iter().copied()) {
        rows.add(count_key(business, MESSAGES, topic).number(hour), 1);
        if said.is_unhappy {
            rows.add(count_key(business, UNHAPPY, topic).number(hour), 1);
            let key = unhappy_key(business, topic).id(&said.message.0);
            rows.put(key, Row::clear(VERSION, &records.who())?);
        }
    }
    let due = records.of_business(Table::Due).number(hour_end(now).0).id(&CustomerId::BUSINESS.0).hash(HOUR_HASH);
    rows.put(due, due_row(&DueWhat::Hour)?);
    Ok(())
}

/// What was counted in a span, topics without a message left out; all messages first.
///
/// # Errors
/// When the store cannot be read.
pub fn counts(view: &dyn View, business: BusinessId, span: Span) -> Result<Vec<Topic>, StoreError> {
    let sum = |what: &str, topic: &str, span: Span| -> Result<u32, StoreError> {
        let key = count_key(business, what, topic);
        let range = Range::between(key.clone().number(span.from), key.number(span.until));
        let mut sum = 0_u64;
        for (_, row) in view.all(&range)? {
            sum += row.read_clear::<u64>()?;
        }
        Ok(u32::try_from(sum).unwrap_or(u32::MAX))
    };
    let usual = |what: &str, topic: &str| -> Result<f32, StoreError> {
        let mut all = 0.0;
        for day in 1..=USUAL_DAYS {
            all += sum(what, topic, span.earlier(day))? as f32;
        }
        Ok(all / USUAL_DAYS as f32)
    };
    let mut found = Vec::new();
    for name in names() {
        let topic = Topic {
            name,
            messages: sum(MESSAGES, name, span)?,
            unhappy: sum(UNHAPPY, name, span)?,
            usual_messages: usual(MESSAGES, name)?,
            usual_unhappy: usual(UNHAPPY, name)?,
        };
        if name == ALL || topic.messages > 0 || topic.usual_messages > 0.0 {
            found.push(topic);
        }
    }
    Ok(found)
}

/// The newest unhappy messages about a topic in a span: where they stand, newest first.
fn examples(view: &dyn View, business: BusinessId, topic: &str, span: Span) -> Result<Vec<Example>, StoreError> {
    let key = unhappy_key(business, topic);
    let at = |hour: u64| key.clone().id(&raw(Instant(hour * HOUR), [0; 10]));
    let rows = view.first(&Range::between(at(span.from), at(span.until)), Direction::Descending, EXAMPLES)?;
    let found = rows.into_iter().filter_map(|(key, row)| {
        let mut parts = key.parts();
        parts.text();
        let message = MessageId(parts.id()?);
        Some(row.read_clear::<CustomerId>().map(|customer| Example { customer, message }))
    });
    found.collect()
}

/// The rows that are of no use any more, at most so many of each kind and topic.
///
/// # Errors
/// When the store cannot be read.
pub fn outdated(view: &dyn View, business: BusinessId, now: Instant, limit: usize) -> Result<Vec<Key>, StoreError> {
    let mut keys = Vec::new();
    for name in names() {
        let start = unhappy_key(business, name);
        let old = Range::between(start.clone(), start.id(&raw(now.minus(UNHAPPY_LASTS), [0; 10])));
        let mut ranges = vec![old];
        for what in [MESSAGES, UNHAPPY] {
            let start = count_key(business, what, name);
            ranges.push(Range::between(start.clone(), start.number(now.minus(COUNTS_LAST).0 / HOUR)));
        }
        for range in ranges {
            keys.extend(view.first(&range, Direction::Ascending, limit)?.into_iter().map(|(key, _)| key));
        }
    }
    Ok(keys)
}

impl Turn {
    /// Counts a message of the customer.
    pub fn count_said(&mut self, message: &Message) {
        let read = self.reading(&message.text);
        // A plugin that reads may have names of its own; what is counted has ours.
        let sure: Vec<&'static str> =
            sure(&read).filter_map(|name| intent::NAMES.into_iter().find(|own| *own == name)).collect();
        let said = Said { message: message.id, topics: topics(&sure), is_unhappy: mood(&read).is_unhappy() };
        self.stage(Effect::Said(said));
    }

    /// `trends.topics`.
    pub fn trends(&mut self, hours: u32) -> Vec<Topic> {
        let found = match self.span(hours) {
            Some(span) => self.read(|records| counts(records.view().as_ref(), records.business(), span)),
            None => Vec::new(),
        };
        self.note("trends.topics", &hours, &found);
        found
    }

    /// `staff-examples.notify-about`.
    pub fn notify_about(&mut self, urgency: &str, title: &str, text: &str, topic: &str, hours: u32) {
        let found = match self.span(hours) {
            Some(span) => self.read(|records| examples(records.view().as_ref(), records.business(), topic, span)),
            None => Vec::new(),
        };
        self.stage_notice(urgency, title, text, found);
        self.note("staff-examples.notify-about", &(urgency, title, text, topic, hours), &());
    }

    /// The last hours up to the end of the hour that is told, or up to now. None outside the business's own lane.
    fn span(&self, hours: u32) -> Option<Span> {
        let moment = match self.subject.input {
            Input::Hour { ended } => ended,
            // What happens in the very first moment of an hour is in that hour.
            _ => self.now().plus(1),
        };
        self.scene.entry.customer.is_business().then(|| Span::before(moment, hours))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Batch, MemoryStore, Store};

    #[test]
    fn a_message_has_the_topic_that_it_asks_for_first_and_complaint_beside_it() {
        for (sure, expected) in [
            (&["greeting", "order-status", "price"][..], &["order-status"][..]),
            (&["complaint", "thanks", "order-status"], &["order-status", "complaint"]),
            (&["order-status", "complaint"], &["order-status", "complaint"]),
            (&["complaint"], &["complaint"]),
            (&["none"], &[]),
            (&["thanks", "goodbye"], &[]),
        ] {
            assert_eq!(topics(sure), expected);
        }
    }

    #[test]
    fn a_span_ends_with_the_hour_that_ended_or_with_the_one_that_runs() {
        for (moment, hours, expected) in [
            (10 * HOUR, 3, (7, 10)),
            (10 * HOUR + 1, 3, (8, 11)),
            (10 * HOUR, 0, (9, 10)),
            (100 * HOUR, 1_000, (76, 100)),
            (2 * HOUR, 3, (0, 2)),
        ] {
            assert_eq!(Span::before(Instant(moment), hours), Span { from: expected.0, until: expected.1 });
        }
    }

    #[test]
    fn what_is_usual_is_the_mean_of_the_same_hours_on_seven_days() {
        let (store, business) = (MemoryStore::new(), BusinessId([1; 16]));
        let now = 1_000_u64;
        let mut batch = Batch::new();
        let mut say = |what: &str, topic: &str, hour: u64, many: u64| {
            batch.put(count_key(business, what, topic).number(hour), Row::clear(VERSION, &many).unwrap());
        };
        for topic in [ALL, "price"] {
            say(MESSAGES, topic, now - 1, 6);
            say(UNHAPPY, topic, now - 2, 4);
            // Yesterday at the same hours; yesterday later; eight days ago.
            say(MESSAGES, topic, now - 25, 14);
            say(MESSAGES, topic, now - 22, 99);
            say(MESSAGES, topic, now - 8 * 24 - 1, 99);
            say(UNHAPPY, topic, now - 7 * 24 - 2, 7);
        }
        store.commit(batch).unwrap();
        let span = Span::before(Instant(now * HOUR), 2);
        let topic = |name| Topic { name, messages: 6, unhappy: 4, usual_messages: 2.0, usual_unhappy: 1.0 };
        let found = counts(store.view().as_ref(), business, span).unwrap();
        assert_eq!(found, [topic(ALL), topic("price")]);
        let quiet = counts(store.view().as_ref(), business, Span::before(Instant(50 * HOUR), 2)).unwrap();
        let nothing = Topic { name: ALL, messages: 0, unhappy: 0, usual_messages: 0.0, usual_unhappy: 0.0 };
        assert_eq!(quiet, [nothing], "all messages are always told");
    }
}
