//! What became of customers' messages, by how they were written: how often a person was called, an automation answered, or
//! neither. From rows that exist: messages and cases.
//!
//! Gives numbers only: no text, no customer. Never judges a text, since nobody labelled it: what people write about differs
//! between groups as well, so a gap is a question to look into, not a finding.

use std::collections::HashSet;
use std::ops::ControlFlow;

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::case::{Case, Stage};
use crate::domain::ids::{CaseId, CustomerId, MessageId, raw};
use crate::domain::message::{Author, Message, Purpose};
use crate::domain::time::Instant;
use crate::reading::shares::{Compared, Gap, Share};
use crate::store::{Key, Order, Range, StoreError, Table};
use crate::turn::records::Records;

use super::query::Query;
use super::why::Handled;

/// The largest difference between a group and the others that passes, 0 to 1. Groups ask for other things, so they differ by
/// more than the same situations would; a quarter is more than that explains.
pub const LIMIT: f64 = 0.25;

/// Groups of fewer customers are shown and not judged.
pub const ENOUGH: usize = 20;

/// What becomes of a message later than this is no longer because of it.
const FOLLOWS_MS: u64 = 86_400_000;

/// How many languages and how many channels are told apart; the rest is `other`.
const KINDS: usize = 40;

/// How much is looked at, newest first.
#[derive(Debug, Clone, Copy)]
pub struct Most {
    /// Entries of the journal in which customers are looked for.
    pub entries: usize,
    /// Customers.
    pub customers: usize,
    /// Rows of one customer's conversation: who writes most does not speak for all.
    pub messages_each: usize,
    /// Cases of one customer.
    pub cases_each: usize,
    /// Rows of all conversations.
    pub messages: usize,
}

impl Default for Most {
    /// So much is read in a few seconds.
    fn default() -> Self {
        Self { entries: 500_000, customers: 5_000, messages_each: 200, cases_each: 100, messages: 200_000 }
    }
}

/// What became of messages of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Line {
    /// The kind: a language, a channel, a way of writing.
    pub name: String,
    /// How many messages.
    pub messages: usize,
    /// Of how many customers. Intervals go by these.
    pub customers: usize,
    /// A person was called: a case was opened.
    pub escalated: Share,
    /// No case, and an automation or the host answered.
    pub answered: Share,
    /// Neither.
    pub left: Share,
}

/// The whole report.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct History {
    /// Since when, in milliseconds since the Unix epoch.
    #[schema(value_type = u64)]
    pub since: Instant,
    /// How many messages of customers were counted.
    pub messages: usize,
    /// Of how many customers.
    pub customers: usize,
    /// How many more were written while a person had the conversation, and are not counted.
    pub with_a_person: usize,
    /// Whether there was more than one report looks at: then it is of the newest.
    pub is_cut: bool,
    /// By language, as it was told by the event or recognised; `unknown` where neither.
    pub languages: Vec<Line>,
    /// By channel.
    pub channels: Vec<Line>,
    /// By way of writing: `few words` (fewer than three), `all capitals`, `all lower case`, `no punctuation`, `ordinary`; the
    /// first that fits.
    pub ways: Vec<Line>,
    /// How far groups are apart. Messages of few words are not judged: a thanks needs no answer.
    pub gaps: Vec<Gap>,
    /// Whether no gap is past its limit.
    pub is_within_limits: bool,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Became {
    Escalated,
    Answered,
    Left,
}

/// Messages of one kind, while they are counted.
struct Kind {
    name: String,
    /// In the order of [`Became`].
    counts: [usize; 3],
    customers: usize,
    last: Option<CustomerId>,
}

impl Kind {
    fn messages(&self) -> usize {
        self.counts.iter().sum()
    }

    fn count(&self, became: Became) -> usize {
        self.counts.get(became as usize).copied().unwrap_or_default()
    }
}

/// All kinds of one property.
#[derive(Default)]
struct Kinds(Vec<Kind>);

impl Kinds {
    /// Customers come one after the other.
    fn add(&mut self, name: &str, customer: CustomerId, became: Became) {
        let is_known = self.0.iter().any(|kind| kind.name == name);
        let name = if is_known || self.0.len() < KINDS { name } else { OTHER };
        if !self.0.iter().any(|kind| kind.name == name) {
            self.0.push(Kind { name: name.to_owned(), counts: [0; 3], customers: 0, last: None });
        }
        let Some(kind) = self.0.iter_mut().find(|kind| kind.name == name) else { return };
        if let Some(count) = kind.counts.get_mut(became as usize) {
            *count += 1;
        }
        if kind.last != Some(customer) {
            (kind.customers, kind.last) = (kind.customers + 1, Some(customer));
        }
    }

    fn lines(&self) -> Vec<Line> {
        let line = |kind: &Kind| {
            let share = |became| Share::of_independent(kind.count(became), kind.messages(), kind.customers);
            Line {
                name: kind.name.clone(),
                messages: kind.messages(),
                customers: kind.customers,
                escalated: share(Became::Escalated),
                answered: share(Became::Answered),
                left: share(Became::Left),
            }
        };
        let mut lines: Vec<Line> = self.0.iter().map(line).collect();
        lines.sort_by(|one, other| (other.messages, &one.name).cmp(&(one.messages, &other.name)));
        lines
    }

    /// Each kind against the others. The name says of which property it is.
    fn compared(&self, property: &str, became: Became) -> Vec<Compared> {
        let judged: Vec<&Kind> = self.0.iter().filter(|kind| kind.name != FEW_WORDS).collect();
        if judged.len() < 2 {
            return Vec::new();
        }
        let share = |count: usize, of: usize| count as f64 / of.max(1) as f64;
        let one = |kind: &&Kind| {
            let others = || judged.iter().filter(|other| other.name != kind.name);
            let sum = |figure: fn(&Kind, Became) -> usize| others().map(|other| figure(other, became)).sum::<usize>();
            let own = share(kind.count(became), kind.messages());
            let rest = share(sum(Kind::count), sum(|other, _| other.messages()));
            // Whoever writes in two ways is counted in both of them.
            let persons = (kind.customers, sum(|other, _| other.customers));
            Compared::by_shares(&format!("{property} {}", kind.name), own, rest, persons, ENOUGH, LIMIT)
        };
        judged.iter().map(one).collect()
    }
}

const OTHER: &str = "other";
const FEW_WORDS: &str = "few words";

/// How a text is written, as far as its letters and signs tell. Whether it is misspelt or a dialect they do not: that would
/// need a dictionary of every language and of what the business sells.
fn way(text: &str) -> &'static str {
    if text.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).take(3).count() < 3 {
        return FEW_WORDS;
    }
    let (upper, lower) = (text.contains(char::is_uppercase), text.contains(char::is_lowercase));
    match (upper, lower) {
        (true, false) => "all capitals",
        (false, true) => "all lower case",
        _ if !text.contains(['.', ',', '!', '?', ';', ':', '…', '。', '、', '？', '！', '،', '؟', '।']) => {
            "no punctuation"
        }
        _ => "ordinary",
    }
}

/// The language without its region, if that is what it is.
fn language(told: Option<&str>) -> String {
    let primary = told.unwrap_or_default().split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    let is_one = (2..=3).contains(&primary.len()) && primary.bytes().all(|byte| byte.is_ascii_lowercase());
    if is_one { primary } else { "unknown".to_owned() }
}

/// What became of a message, or none while a person had the conversation. `following` is what was said after it up to the
/// customer's next message.
fn became(message: &Message, following: &[Message], next: Option<MessageId>, cases: &[Case]) -> Option<Became> {
    // Ids rise in the order in which things came about, within one step too.
    let is_later = |id: CaseId| id.0 > message.id.0;
    let is_over = |case: &Case| matches!(case.stage, Stage::Resolved { at, .. } if at <= message.at);
    if cases.iter().any(|case| !is_later(case.id) && !is_over(case)) {
        return None;
    }
    let end = message.at.plus(FOLLOWS_MS);
    let opens = |case: &Case| is_later(case.id) && next.is_none_or(|next| case.id.0 < next.0) && case.opened < end;
    let answers = |said: &Message| {
        matches!(said.author, Author::Automation | Author::Host)
            && said.purpose() == Purpose::Reply
            && said.delivery.is_live()
            && said.at < end
    };
    Some(if cases.iter().any(opens) {
        Became::Escalated
    } else if following.iter().any(answers) {
        Became::Answered
    } else {
        Became::Left
    })
}

/// All counts of a report.
#[derive(Default)]
struct Counted {
    messages: usize,
    customers: usize,
    with_a_person: usize,
    languages: Kinds,
    channels: Kinds,
    ways: Kinds,
}

impl Counted {
    /// One customer's conversation, oldest message first.
    fn add(&mut self, customer: CustomerId, messages: &[Message], cases: &[Case]) {
        let before = self.messages;
        let is_own = |message: &&Message| message.author == Author::Customer;
        for (at, message) in messages.iter().enumerate() {
            // What a machine wrote is answered by nobody.
            if !is_own(&message) || message.machine.is_some() {
                continue;
            }
            let rest = messages.get(at + 1..).unwrap_or_default();
            let until = rest.iter().position(|other| is_own(&other));
            let following = rest.get(..until.unwrap_or(rest.len())).unwrap_or_default();
            let next = until.and_then(|until| rest.get(until)).map(|next| next.id);
            let Some(became) = became(message, following, next, cases) else {
                self.with_a_person += 1;
                continue;
            };
            self.messages += 1;
            self.languages.add(&language(message.language.as_deref()), customer, became);
            self.channels.add(&message.channel, customer, became);
            self.ways.add(way(&message.text), customer, became);
        }
        self.customers += usize::from(self.messages > before);
    }

    fn report(self, since: Instant, is_cut: bool) -> History {
        let properties = [("language", &self.languages), ("channel", &self.channels), ("way", &self.ways)];
        let gap = |measure, became| {
            let compared = properties.iter().flat_map(|(property, kinds)| kinds.compared(property, became)).collect();
            Gap::new(measure, LIMIT, compared)
        };
        let gaps = vec![gap("escalated", Became::Escalated), gap("left", Became::Left)];
        History {
            since,
            messages: self.messages,
            customers: self.customers,
            with_a_person: self.with_a_person,
            is_cut,
            languages: self.languages.lines(),
            channels: self.channels.lines(),
            ways: self.ways.lines(),
            is_within_limits: gaps.iter().all(Gap::is_within),
            gaps,
        }
    }
}

impl Query<'_> {
    /// What became of the messages that customers wrote in the last days, by how they were written.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn fairness(&self, days: u16, most: Most) -> Result<History, StoreError> {
        let since = Instant(self.now().0.saturating_sub(u64::from(days) * 86_400_000));
        let (customers, mut is_cut) = self.heard_from(since, most)?;
        let (mut counted, mut rows) = (Counted::default(), 0);
        for customer in customers {
            if rows >= most.messages {
                is_cut = true;
                break;
            }
            let records = self.records(customer)?;
            let (mut messages, cut) = said_since(&records, since, most.messages_each)?;
            is_cut |= cut;
            rows += messages.len();
            messages.reverse();
            let cases = records.at(Table::Case);
            let cases = records.list(&Range::prefix(cases), Order::Descending, most.cases_each)?;
            counted.add(customer, &messages, &cases);
        }
        Ok(counted.report(since, is_cut))
    }

    /// Customers of whom there were entries since then, those of the newest first; and whether there were more.
    fn heard_from(&self, since: Instant, most: Most) -> Result<(Vec<CustomerId>, bool), StoreError> {
        let start = Key::new(self.business(), CustomerId::BUSINESS, Table::Stepped).id(&raw(since, [0; 10]));
        let (mut found, mut known, mut entries) = (Vec::new(), HashSet::new(), 0);
        let (mut broken, mut is_cut) = (None, false);
        self.view().scan(&Range::from(start), Order::Descending, &mut |_, row| {
            entries += 1;
            match row.read_clear::<Handled>() {
                Ok(handled) if handled.customer.is_business() || known.contains(&handled.customer) => {}
                Ok(_) if found.len() >= most.customers => is_cut = true,
                Ok(handled) => {
                    known.insert(handled.customer);
                    found.push(handled.customer);
                }
                Err(error) => broken = Some(error),
            }
            is_cut |= entries > most.entries;
            if broken.is_some() || is_cut { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        broken.map_or(Ok((found, is_cut)), Err)
    }
}

/// The last messages of a conversation since then, newest first; and whether there were more.
fn said_since(records: &Records, since: Instant, limit: usize) -> Result<(Vec<Message>, bool), StoreError> {
    let range = Range::from(records.at(Table::Message).id(&raw(since, [0; 10])));
    let mut messages: Vec<Message> = records.list(&range, Order::Descending, limit + 1)?;
    let is_cut = messages.len() > limit;
    messages.truncate(limit);
    Ok((messages, is_cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_written_in_one_way() {
        for (text, expected) in [
            ("thanks", FEW_WORDS),
            ("", FEW_WORDS),
            ("OK !! 👍", FEW_WORDS),
            ("WHERE IS MY ORDER?", "all capitals"),
            ("where is my order? i'm waiting", "all lower case"),
            ("Where is my order", "no punctuation"),
            ("Where is my order?", "ordinary"),
            ("我的 订单 在哪里？", "ordinary"),
            ("12 34 56", "no punctuation"),
        ] {
            assert_eq!(way(text), expected, "{text}");
        }
    }

    #[test]
    fn a_language_is_told_without_its_region() {
        for (told, expected) in [
            (Some("de-AT"), "de"),
            (Some("EN_us"), "en"),
            (Some("gsw"), "gsw"),
            (Some("x; y"), "unknown"),
            (None, "unknown"),
        ] {
            assert_eq!(language(told), expected, "{told:?}");
        }
    }

    /// Counts messages of so many customers: each of a kind, of whom so many were left without an answer.
    fn kinds(of: &[(&str, u8, u8)]) -> Kinds {
        let mut kinds = Kinds::default();
        let mut customer = 0;
        for (name, customers, left) in of {
            for at in 0..*customers {
                customer += 1;
                let became = if at < *left { Became::Left } else { Became::Answered };
                kinds.add(name, CustomerId([customer; 16]), became);
                kinds.add(name, CustomerId([customer; 16]), became);
            }
        }
        kinds
    }

    #[test]
    fn large_groups_are_judged_and_small_ones_and_short_messages_are_shown() {
        for (of, past) in [
            (vec![("en", 40, 4), ("de", 20, 12)], vec!["way de", "way en"]),
            (vec![("en", 40, 4), ("de", 19, 12)], vec![]),
            (vec![("en", 40, 4), ("de", 20, 4)], vec![]),
            (vec![("ordinary", 40, 4), (FEW_WORDS, 40, 40)], vec![]),
            (vec![("en", 40, 40)], vec![]),
        ] {
            let kinds = kinds(&of);
            let compared = kinds.compared("way", Became::Left).into_iter();
            let mut found: Vec<_> = compared.filter(|one| one.is_past_limit).map(|one| one.name).collect();
            found.sort();
            assert_eq!(found, past, "{of:?}");
            let lines = kinds.lines();
            assert_eq!(lines.len(), of.len());
            assert!(lines.iter().all(|line| line.messages == 2 * line.customers && line.escalated.count == 0));
        }
    }

    #[test]
    fn more_kinds_than_a_report_has_room_for_are_counted_together() {
        let names: Vec<String> = (0..60).map(|at| format!("channel-{at:02}")).collect();
        let mut kinds = Kinds::default();
        for (at, name) in names.iter().enumerate() {
            kinds.add(name, CustomerId([at as u8 + 1; 16]), Became::Left);
        }
        let lines = kinds.lines();
        assert_eq!((lines.len(), lines[0].name.as_str(), lines[0].messages), (KINDS + 1, OTHER, 60 - KINDS));
    }
}
