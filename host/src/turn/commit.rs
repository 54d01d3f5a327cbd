//! From staged effects to the rows of one commit.
//!
//! Of several effects on one row the last wins; sealing happens once, here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::domain::entry::Input;
use crate::domain::errand::State;
use crate::domain::ids::{CustomerId, ErrandId, MessageId};
use crate::domain::message::{Delivery, Message};
use crate::domain::order::{Order, fold_number};
use crate::domain::time::Instant;
use crate::store::{Key, Row, StoreError, Table, Write};

use super::calls::fold_proof;
use super::records::{OrderPointer, Records, VERSION, hex};
use super::{Effect, Turn, trends};

/// What is due, as the row of the due table says it. Whose it is stands in the row's key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DueWhat {
    /// The timer with the hash in the row's key.
    Timer,
    /// A message is to be claimed.
    Claim(MessageId),
    /// The shares of this plugin.
    Retry(String),
    /// An errand is to be done.
    Errand(ErrandId),
    /// An hour ends in which customers wrote.
    Hour,
    /// Old records of why; the rest of the work after this customer.
    Retention(Option<CustomerId>),
}

/// The key of a row of the due table: sorted by time, then whose, then what.
pub fn due_key(records: &Records, at: Instant, what: &[u8; 16]) -> Key {
    records.of_business(Table::Due).number(at.0).id(&records.who().0).hash(what)
}

/// The row of the due table that became an entry, if one did. The entry's step deletes it.
pub fn fired(records: &Records, input: &Input) -> Option<Key> {
    Some(match input {
        Input::Timer { plugin, key, due } => due_key(records, *due, &records.timer_hash(plugin, key)),
        Input::Claim { message, due } => due_key(records, *due, &message.0),
        Input::Errand { errand, due } => due_key(records, *due, &errand.0),
        Input::Retry { plugin, due } => due_key(records, *due, &retry_hash(records, plugin)),
        Input::Hour { ended } => due_key(records, *ended, HOUR_HASH),
        Input::Retention { due, .. } => due_key(records, *due, RETENTION_HASH),
        Input::Event(_)
        | Input::Outcome { .. }
        | Input::ErrandOutcome { .. }
        | Input::Staff { .. }
        | Input::Owner { .. }
        | Input::Pause { .. }
        | Input::Unsubscribe { .. }
        | Input::Counted { .. } => return None,
    })
}

/// The row of the due table.
pub fn due_row(what: &DueWhat) -> Result<Row, StoreError> {
    Row::clear(VERSION, what)
}

/// The hash under which a plugin's retry is due.
pub fn retry_hash(records: &Records, plugin: &str) -> [u8; 16] {
    records.index().hash("retry", &[plugin.as_bytes()])
}

/// The hash under which retention is due.
pub const RETENTION_HASH: &[u8; 16] = b"retention\0\0\0\0\0\0\0";

/// The hash under which the end of an hour is due.
pub const HOUR_HASH: &[u8; 16] = b"hour\0\0\0\0\0\0\0\0\0\0\0\0";

/// The rows that a step writes.
#[derive(Default)]
pub(super) struct Rows {
    puts: BTreeMap<Key, Option<Row>>,
    adds: BTreeMap<Key, i64>,
}

impl Rows {
    /// Writes a row.
    pub fn put(&mut self, key: Key, row: Row) {
        self.puts.insert(key, Some(row));
    }

    /// Adds to a number.
    pub fn add(&mut self, key: Key, amount: i64) {
        *self.adds.entry(key).or_default() += amount;
    }
}

impl Turn {
    /// The rows of everything staged.
    pub fn writes(&mut self) -> Result<Vec<Write>, StoreError> {
        let records = self.scene.records.clone();
        let mut rows = Rows::default();
        let mut seen: Vec<Key> = Vec::with_capacity(self.effects.len());
        // Newest first, so that each row is sealed once.
        for effect in self.effects.iter().rev() {
            let Some(key) = effect_key(&records, effect) else {
                self.side_rows(&records, effect, &mut rows)?;
                continue;
            };
            if seen.contains(&key) {
                continue;
            }
            if self.is_as_before(effect) {
                seen.push(key);
                continue;
            }
            let row = effect_row(&records, &key, effect)?;
            self.side_rows(&records, effect, &mut rows)?;
            rows.puts.insert(key.clone(), row);
            seen.push(key);
        }
        if let Some(key) = fired(&records, &self.scene.entry.input) {
            rows.puts.entry(key).or_insert(None);
        }
        let puts = rows.puts.into_iter().map(|(key, row)| match row {
            Some(row) => Write::Put(key, row),
            None => Write::Delete(key),
        });
        Ok(puts.chain(rows.adds.into_iter().map(|(key, amount)| Write::Add(key, amount))).collect())
    }

    /// Whether an effect leaves the row that stands in the store already: the count of automated messages, say, went to
    /// none and back to one.
    fn is_as_before(&self, effect: &Effect) -> bool {
        match effect {
            Effect::Customer(customer) => self.customer_is_stored && self.loaded_customer.as_ref() == Some(customer),
            _ => false,
        }
    }

    /// The rows of the business that follow from a row of the customer: indexes and what is due.
    fn side_rows(&self, records: &Records, effect: &Effect, rows: &mut Rows) -> Result<(), StoreError> {
        let owner = || Row::clear(VERSION, &records.who());
        match effect {
            Effect::Message(message) => {
                let is_new = message.entry == self.scene.entry.id;
                if let Some((at, what)) = due_of(message, self.now()) {
                    let key = due_key(records, at, &message.id.0);
                    rows.puts.insert(key, Some(due_row(&what)?));
                }
                let attempting = records.of_business(Table::Attempting).id(&message.id.0);
                match message.delivery {
                    Delivery::Attempting { .. } => {
                        rows.puts.insert(attempting, Some(owner()?));
                    }
                    _ if !is_new => {
                        rows.puts.insert(attempting, None);
                    }
                    _ => {}
                }
            }
            Effect::Timer { plugin, key, timer } => {
                let hash = records.timer_hash(plugin, key);
                if let Some(old) = records.timer(plugin, key)? {
                    rows.puts.entry(due_key(records, old.due, &hash)).or_insert(None);
                }
                if let Some(timer) = timer {
                    rows.puts.insert(due_key(records, timer.due, &hash), Some(due_row(&DueWhat::Timer)?));
                }
            }
            Effect::RetryAt { plugin, at } => {
                let key = due_key(records, *at, &retry_hash(records, plugin));
                rows.puts.insert(key, Some(due_row(&DueWhat::Retry(plugin.clone()))?));
            }
            Effect::Order(order) if order.claimed => {
                rows.puts.insert(link_key(records, order).id(&records.who().0), Some(owner()?));
            }
            Effect::Order(order) => {
                let key = records.order_index_key(&fold_number(&order.number)).id(&records.who().0);
                rows.puts.insert(key, Some(Row::clear(VERSION, &self.pointer(records, order)?)?));
            }
            Effect::Case(case) => {
                let row = if case.is_open() { Some(owner()?) } else { None };
                rows.puts.insert(records.of_business(Table::OpenCase).id(&case.id.0), row);
            }
            Effect::Notice(notice) => {
                rows.puts.insert(records.of_business(Table::NoticeOf).id(&notice.id.0), Some(owner()?));
            }
            Effect::Errand(errand) => {
                let due = match errand.state {
                    State::Queued => Some(self.now()),
                    State::Deferred { until, .. } => Some(until),
                    _ => None,
                };
                if let Some(at) = due {
                    rows.puts.insert(due_key(records, at, &errand.id.0), Some(due_row(&DueWhat::Errand(errand.id))?));
                }
                let attempting = records.of_business(Table::Attempting).id(&errand.id.0);
                match errand.state {
                    State::Attempting { .. } => drop(rows.puts.insert(attempting, Some(owner()?))),
                    _ if errand.attempts > 0 => drop(rows.puts.insert(attempting, None)),
                    _ => {}
                }
            }
            Effect::DeadLetter(letter) => {
                rows.puts.insert(records.of_business(Table::DeadLetterOf).id(&letter.id.0), Some(owner()?));
            }
            Effect::DeadLetterDone(id) => {
                rows.puts.insert(records.of_business(Table::DeadLetterOf).id(&id.0), None);
            }
            Effect::Tally { plugin, key, amount } => {
                let hour = self.now().0 / crate::domain::time::HOUR;
                let at = records.of_business(Table::Tally).text(plugin).text(key).number(hour);
                rows.add(at, i64::from(*amount));
            }
            Effect::Said(said) => trends::rows(records, said, self.now(), rows)?,
            Effect::DueRow(key, row) => {
                rows.puts.insert(key.clone(), Some(row.clone()));
            }
            _ => {}
        }
        Ok(())
    }

    /// Where an order's number leads, with what the customer may prove it with.
    fn pointer(&self, records: &Records, order: &Order) -> Result<OrderPointer, StoreError> {
        let staged = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Customer(customer) => Some(customer.clone()),
            _ => None,
        });
        let customer = match staged.or_else(|| self.loaded_customer.clone()) {
            Some(customer) => Some(customer),
            None => records.customer()?.map(std::sync::Arc::new),
        };
        let mut proofs = Vec::new();
        if let Some(customer) = customer {
            let addresses = customer.addresses.iter().map(|address| fold_proof(&address.to_string()));
            let postcode = customer.postcode.as_deref().map(fold_proof);
            proofs.extend(addresses.chain(postcode).map(|proof| records.proof(&proof)));
        }
        Ok(OrderPointer { customer: records.who(), order: hex(&records.order_hash(&order.source, &order.id)), proofs })
    }
}

/// Where it stands who has claimed an order; followed by the customer's id.
pub fn link_key(records: &Records, order: &Order) -> Key {
    records.of_business(Table::Link).hash(&records.order_hash(&order.source, &order.id))
}

/// When and why the engine has to look at a message again.
fn due_of(message: &Message, now: Instant) -> Option<(Instant, DueWhat)> {
    match message.delivery {
        Delivery::Queued => Some((now, DueWhat::Claim(message.id))),
        Delivery::Deferred { until, .. } => Some((until, DueWhat::Claim(message.id))),
        _ => None,
    }
}

/// The row of the customer that an effect is about.
fn effect_key(records: &Records, effect: &Effect) -> Option<Key> {
    Some(match effect {
        Effect::Customer(_) => records.at(Table::Customer),
        Effect::Message(message) => records.at(Table::Message).id(&message.id.0),
        Effect::State { plugin, key, .. } => records.state_key(plugin, key),
        Effect::Timer { plugin, key, .. } => records.timer_key(plugin, key),
        Effect::Once { plugin, key, .. } | Effect::OnceFree { plugin, key } => records.once_key(plugin, key),
        Effect::Appointment(one) => records.appointment_key(&one.source, &one.id),
        Effect::Order(order) => records.order_key(&order.source, &order.id),
        Effect::Case(case) => records.at(Table::Case).id(&case.id.0),
        Effect::Recent(_) => records.at(Table::Recent),
        Effect::Consent(id, _) => records.at(Table::Consent).id(id),
        Effect::Notice(notice) => records.at(Table::Notice).id(&notice.id.0),
        Effect::Errand(errand) => records.at(Table::Errand).id(&errand.id.0),
        Effect::Share(share) => records.share_key(&share.plugin, share.number),
        Effect::ShareDone { plugin, number } => records.share_key(plugin, *number),
        Effect::DeadLetter(letter) => records.at(Table::DeadLetter).id(&letter.id.0),
        Effect::DeadLetterDone(id) => records.at(Table::DeadLetter).id(&id.0),
        Effect::Tries(_) => records.at(Table::Usage),
        Effect::Raw(key, _) => key.clone(),
        Effect::Said(_) | Effect::Tally { .. } | Effect::RetryAt { .. } | Effect::DueRow(..) => return None,
    })
}

/// The row that an effect leaves there; none deletes it.
fn effect_row(records: &Records, key: &Key, effect: &Effect) -> Result<Option<Row>, StoreError> {
    Ok(Some(match effect {
        Effect::Customer(customer) => records.row(key, customer.as_ref())?,
        Effect::Message(message) => records.row(key, message.as_ref())?,
        Effect::State { key: name, value: Some(value), .. } => records.state_row(key, name, value)?,
        Effect::Timer { timer: Some(timer), .. } => records.row(key, timer)?,
        Effect::Once { message, .. } => records.row(key, message)?,
        Effect::Appointment(one) => records.row(key, one.as_ref())?,
        Effect::Order(order) => records.row(key, order.as_ref())?,
        Effect::Case(case) => records.row(key, case.as_ref())?,
        Effect::Recent(recent) => records.row(key, recent.as_ref())?,
        Effect::Consent(_, consent) => records.row(key, consent.as_ref())?,
        Effect::Notice(notice) => records.row(key, notice)?,
        Effect::Errand(errand) => records.row(key, errand.as_ref())?,
        Effect::Share(share) => records.row(key, share)?,
        Effect::DeadLetter(letter) => records.row(key, letter)?,
        Effect::Tries(tries) => records.row(key, tries)?,
        Effect::Raw(_, Some(row)) => row.clone(),
        _ => return Ok(None),
    }))
}

/// A staged effect as the record of why shows it; none for what follows from others.
pub fn summary(effect: &Effect) -> Option<serde_json::Value> {
    Some(match effect {
        Effect::Message(message) => json!({ "message": message.id, "state": message.delivery.word() }),
        Effect::State { key, value, .. } => json!({ "state": key, "set": value.is_some() }),
        Effect::Timer { key, timer, .. } => json!({ "timer": key, "due": timer.as_ref().map(|timer| timer.due) }),
        Effect::Appointment(one) => json!({ "appointment": one.id, "answer": one.answer.word() }),
        Effect::Order(order) => json!({ "order": order.number, "claimed": order.claimed }),
        Effect::Case(case) => json!({ "case": case.id, "urgency": case.urgency.word() }),
        Effect::Notice(notice) => json!({ "notice": notice.id }),
        Effect::Tally { key, amount, .. } => json!({ "tally": key, "amount": amount }),
        Effect::Customer(_) => json!({ "customer": "changed" }),
        Effect::Consent(_, one) => json!({ "consent": one.channel, "purpose": one.purpose, "granted": one.granted }),
        Effect::Said(_)
        | Effect::Errand(_)
        | Effect::Once { .. }
        | Effect::OnceFree { .. }
        | Effect::Recent(_)
        | Effect::Share(_)
        | Effect::ShareDone { .. }
        | Effect::RetryAt { .. }
        | Effect::DeadLetter(_)
        | Effect::DeadLetterDone(_)
        | Effect::Tries(_)
        | Effect::Raw(..)
        | Effect::DueRow(..) => return None,
    })
}
