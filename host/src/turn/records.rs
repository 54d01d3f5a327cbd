//! One customer's rows as types: reading them from a view, and the row each is written as.
//!
//! Names no customer but the one it was made for. What is personal is sealed under that customer's key, with the row's key
//! as associated data, so that a row moved elsewhere does not open. Without the key, which an erasure destroys, rows that
//! may still stand somewhere (in a copy that was put back) are as good as not there.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::domain::address::Address;
use crate::domain::appointment::Appointment;
use crate::domain::case::Case;
use crate::domain::consent::Consents;
use crate::domain::customer::Customer;
use crate::domain::errand::Errand;
use crate::domain::ids::{BusinessId, CaseId, CustomerId, DeadLetterId, ErrandId, EventId, MessageId, NoticeId};
use crate::domain::message::Message;
use crate::domain::order::Order;
use crate::domain::plugin::Export;
use crate::domain::recent::Recent;
use crate::domain::time::Instant;
use crate::store::{CustomerKey, IndexKey, Key, Order as Direction, Range, Row, StoreError, Table, View};

/// The version of every row written here.
pub const VERSION: u8 = 1;

/// A timer of a plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timer {
    /// Whose.
    pub plugin: String,
    /// The plugin's key.
    pub key: String,
    /// When it fires.
    pub due: Instant,
    /// The plugin's note.
    pub note: String,
    /// How many steps led to it, one at once after the other; 0 for a timer that leaves time in between.
    #[serde(default)]
    pub depth: u16,
}

/// A plugin's part of an entry, still to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Whose part.
    pub plugin: String,
    /// Which subscription.
    pub export: Export,
    /// The entry.
    pub entry: EventId,
    /// Its place in the journal.
    pub number: u64,
    /// The customer's message that it is about, for a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
    /// The timer's note, for a timer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Runs so far; 0 when it only waits behind another share.
    pub attempts: u32,
    /// The last failure, in words.
    pub reason: String,
}

/// A share that was given up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// `dlq_...`.
    pub id: DeadLetterId,
    /// Since when.
    pub at: Instant,
    /// What was given up, with the last failure in words.
    pub share: Share,
}

/// A notice to staff.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Notice {
    /// `ntc_...`.
    #[schema(value_type = String)]
    pub id: NoticeId,
    /// When, in milliseconds since the Unix epoch.
    #[schema(value_type = u64)]
    pub at: Instant,
    /// `low`, `normal` or `high`.
    pub urgency: String,
    /// One line.
    pub title: String,
    /// The rest.
    pub text: String,
    /// The plugin it came from.
    pub plugin: String,
    /// Messages that show what it is about: where they stand, so that one that is erased is gone from here too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(ignore)]
    pub examples: Vec<Example>,
    /// The errands by which it goes to staff.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(ignore)]
    pub errands: Vec<ErrandId>,
}

/// A message of a customer that a notice shows to staff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// Whose.
    pub customer: CustomerId,
    /// Which.
    pub message: MessageId,
}

/// Wrong proofs given while claiming orders.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Tries {
    /// When each was given.
    pub at: Vec<Instant>,
}

#[derive(Serialize, Deserialize)]
struct Noted {
    key: String,
    value: String,
}

/// Where an order number leads: whose order it is and what proves it. It says nothing in clear that a shop or customer wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderPointer {
    /// Whose order it is.
    pub customer: CustomerId,
    /// The keyed hash under which the order stands. A row of before this was one leads nowhere until the next news of its order.
    #[serde(default)]
    pub order: String,
    /// Keyed hashes of what the customer may prove it with.
    pub proofs: Vec<String>,
}

/// One customer's rows.
#[derive(Clone)]
pub struct Records {
    view: Arc<dyn View>,
    business: BusinessId,
    customer: CustomerId,
    key: Option<Arc<CustomerKey>>,
    index: Arc<IndexKey>,
}

impl Records {
    /// The rows of one customer in one view; without a key none of them can be read.
    pub fn new(
        view: Arc<dyn View>,
        business: BusinessId,
        customer: CustomerId,
        key: Option<Arc<CustomerKey>>,
        index: Arc<IndexKey>,
    ) -> Self {
        Self { view, business, customer, key, index }
    }

    /// Whose rows.
    pub fn who(&self) -> CustomerId {
        self.customer
    }

    /// Whether the key is gone: the customer was erased.
    pub fn is_closed(&self) -> bool {
        self.key.is_none()
    }

    /// Of which business.
    pub fn business(&self) -> BusinessId {
        self.business
    }

    /// The view they are read from.
    pub fn view(&self) -> &Arc<dyn View> {
        &self.view
    }

    /// The key under which the business's index hashes are made.
    pub fn index(&self) -> &IndexKey {
        &self.index
    }

    /// A row key of this customer.
    pub fn at(&self, table: Table) -> Key {
        Key::new(self.business, self.customer, table)
    }

    /// A row key of the business.
    pub fn of_business(&self, table: Table) -> Key {
        Key::new(self.business, CustomerId::BUSINESS, table)
    }

    /// Where an order stands.
    pub fn order_key(&self, source: &str, id: &str) -> Key {
        self.at(Table::Order).hash(&self.order_hash(source, id))
    }

    /// The hash by which an order is known.
    pub fn order_hash(&self, source: &str, id: &str) -> [u8; 16] {
        self.index.hash("order", &[source.as_bytes(), id.as_bytes()])
    }

    /// The order that a number leads to.
    pub fn order_at(&self, pointer: &OrderPointer) -> Result<Option<Order>, StoreError> {
        match u128::from_str_radix(&pointer.order, 16) {
            Ok(hash) => self.get(&self.at(Table::Order).hash(&hash.to_be_bytes())),
            Err(_) => Ok(None),
        }
    }

    /// Where it stands to whom an address leads.
    pub fn address_key(&self, address: &Address) -> Key {
        address_key(self.business, &self.index, address)
    }

    /// Where it stands what was withdrawn at an address whose customer was erased. Its hash is another one than that by which
    /// a customer is found, so that neither row tells of the other.
    pub fn suppressed_key(&self, address: &Address) -> Key {
        self.of_business(Table::Suppressed).hash(&self.index.hash("suppressed", &[address.as_str().as_bytes()]))
    }

    /// What was withdrawn at an address whose customer was erased.
    pub fn suppressed(&self, address: &Address) -> Result<Consents, StoreError> {
        let row = self.view.get(&self.suppressed_key(address))?;
        row.map_or_else(|| Ok(Consents::default()), |row| row.read_clear())
    }

    /// Where an appointment stands.
    pub fn appointment_key(&self, source: &str, id: &str) -> Key {
        self.at(Table::Appointment).hash(&self.index.hash("appointment", &[source.as_bytes(), id.as_bytes()]))
    }

    /// Where a note of a plugin stands.
    pub fn state_key(&self, plugin: &str, key: &str) -> Key {
        self.at(Table::State).text(plugin).hash(&self.index.hash("state", &[key.as_bytes()]))
    }

    /// The hash by which a timer is known.
    pub fn timer_hash(&self, plugin: &str, key: &str) -> [u8; 16] {
        self.index.hash("timer", &[plugin.as_bytes(), key.as_bytes()])
    }

    /// Where a timer stands.
    pub fn timer_key(&self, plugin: &str, key: &str) -> Key {
        self.at(Table::Timer).hash(&self.timer_hash(plugin, key))
    }

    /// Where it stands that a `once` key was used.
    pub fn once_key(&self, plugin: &str, once: &str) -> Key {
        self.at(Table::Once).hash(&self.index.hash("once", &[plugin.as_bytes(), once.as_bytes()]))
    }

    /// Where a share waits.
    pub fn share_key(&self, plugin: &str, number: u64) -> Key {
        self.at(Table::Share).text(plugin).number(number)
    }

    /// Where it stands whose something is that a source or a provider has an id of its own for: `customer`, `order`,
    /// `appointment`, `message`.
    pub fn reference_key(&self, kind: &str, source: &str, id: &str) -> Key {
        reference_key(self.business, &self.index, kind, source, id)
    }

    /// Where an order number leads; followed by the id of the customer whose order it is.
    pub fn order_index_key(&self, folded_number: &str) -> Key {
        self.of_business(Table::OrderIndex).hash(&self.index.hash("number", &[folded_number.as_bytes()]))
    }

    /// A keyed hash of something that proves an order is theirs.
    pub fn proof(&self, proof: &str) -> String {
        hex(&self.index.hash("proof", &[proof.as_bytes()]))
    }

    /// Seals a value as the row that stands at a key.
    pub fn row<T: Serialize>(&self, key: &Key, value: &T) -> Result<Row, StoreError> {
        Row::sealed(VERSION, &(), value, self.sealer()?, key.as_bytes())
    }

    fn sealer(&self) -> Result<&CustomerKey, StoreError> {
        self.key.as_deref().ok_or(StoreError::Erased)
    }

    /// Opens a row that stands at a key of this customer.
    pub fn open<T: DeserializeOwned>(&self, key: &Key, row: &Row) -> Result<T, StoreError> {
        row.open(self.sealer()?, key.as_bytes())
    }

    /// Opens a row that was sealed with other associated data than its key.
    pub fn open_as<T: DeserializeOwned>(&self, row: &Row, aad: &[u8]) -> Result<T, StoreError> {
        row.open(self.sealer()?, aad)
    }

    /// Opens the row at a key.
    pub fn get<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, StoreError> {
        match self.view.get(key)? {
            Some(row) if !self.is_closed() => self.open(key, &row).map(Some),
            _ => Ok(None),
        }
    }

    /// Whether there is a row at a key.
    pub fn has(&self, key: &Key) -> Result<bool, StoreError> {
        Ok(self.view.get(key)?.is_some())
    }

    /// Opens the first rows of a range.
    pub fn list<T: DeserializeOwned>(
        &self,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        let mut broken = None;
        if limit == 0 || self.is_closed() {
            return Ok(found);
        }
        self.view.scan(range, direction, &mut |key, row| {
            match self.open(key, row) {
                Ok(value) => found.push(value),
                Err(error) => broken = Some(error),
            }
            if broken.is_some() || found.len() >= limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        match broken {
            Some(error) => Err(error),
            None => Ok(found),
        }
    }

    /// How many rows a range has, counted up to a limit.
    pub fn count(&self, range: &Range, limit: usize) -> Result<usize, StoreError> {
        let mut count = 0;
        self.view.scan(range, Direction::Ascending, &mut |_, _| {
            count += 1;
            if count >= limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(count)
    }

    /// What is known of the customer.
    pub fn customer(&self) -> Result<Option<Customer>, StoreError> {
        self.get(&self.at(Table::Customer))
    }

    /// The automated messages that they got lately.
    pub fn recent(&self) -> Result<Recent, StoreError> {
        Ok(self.get(&self.at(Table::Recent))?.unwrap_or_default())
    }

    /// A message of theirs.
    pub fn message(&self, id: MessageId) -> Result<Option<Message>, StoreError> {
        self.get(&self.at(Table::Message).id(&id.0))
    }

    /// An errand of theirs.
    pub fn errand(&self, id: ErrandId) -> Result<Option<Errand>, StoreError> {
        self.get(&self.at(Table::Errand).id(&id.0))
    }

    /// Their last messages before one, newest first; all of them when `before` is none.
    pub fn messages(&self, before: Option<MessageId>, limit: usize) -> Result<Vec<Message>, StoreError> {
        let table = self.at(Table::Message);
        let range = match before {
            Some(id) => Range::between(table.clone(), table.id(&id.0)),
            None => Range::prefix(table),
        };
        self.list(&range, Direction::Descending, limit)
    }

    /// All of their appointments, at most 1,000.
    pub fn appointments(&self) -> Result<Vec<Appointment>, StoreError> {
        self.list(&Range::prefix(self.at(Table::Appointment)), Direction::Ascending, 1_000)
    }

    /// All of their orders, at most 1,000.
    pub fn orders(&self) -> Result<Vec<Order>, StoreError> {
        self.list(&Range::prefix(self.at(Table::Order)), Direction::Ascending, 1_000)
    }

    /// One of their cases.
    pub fn case(&self, id: CaseId) -> Result<Option<Case>, StoreError> {
        self.get(&self.at(Table::Case).id(&id.0))
    }

    /// Their newest case, open or not.
    pub fn last_case(&self) -> Result<Option<Case>, StoreError> {
        Ok(self.list(&Range::prefix(self.at(Table::Case)), Direction::Descending, 1)?.pop())
    }

    /// A plugin's note.
    pub fn state(&self, plugin: &str, key: &str) -> Result<Option<String>, StoreError> {
        Ok(self.get::<Noted>(&self.state_key(plugin, key))?.map(|noted| noted.value))
    }

    /// The row of a plugin's note.
    pub fn state_row(&self, at: &Key, key: &str, value: &str) -> Result<Row, StoreError> {
        self.row(at, &Noted { key: key.to_owned(), value: value.to_owned() })
    }

    /// How many notes a plugin has on this customer, counted up to a limit, and how many bytes those take as stored.
    pub fn state_size(&self, plugin: &str, limit: usize) -> Result<(usize, usize), StoreError> {
        let (mut count, mut bytes) = (0, 0);
        let range = Range::prefix(self.at(Table::State).text(plugin));
        self.view.scan(&range, Direction::Ascending, &mut |_, row| {
            (count, bytes) = (count + 1, bytes + row.sealed.len());
            if count < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok((count, bytes))
    }

    /// A timer.
    pub fn timer(&self, plugin: &str, key: &str) -> Result<Option<Timer>, StoreError> {
        self.get(&self.timer_key(plugin, key))
    }

    /// All timers of this customer.
    pub fn timers(&self) -> Result<Vec<Timer>, StoreError> {
        self.list(&Range::prefix(self.at(Table::Timer)), Direction::Ascending, 10_000)
    }

    /// Who was put together with this customer: entries and indexes may still be under their ids.
    pub fn parts(&self) -> Result<Vec<CustomerId>, StoreError> {
        let rows = self.view.all(&Range::prefix(self.at(Table::Merge)))?;
        Ok(rows.iter().filter_map(|(key, _)| key.parts().id().map(CustomerId)).collect())
    }

    /// Shares that wait, oldest first a plugin.
    pub fn shares(&self) -> Result<Vec<Share>, StoreError> {
        self.list(&Range::prefix(self.at(Table::Share)), Direction::Ascending, 10_000)
    }
}

/// Where it stands whose something is that a source or a provider has an id of its own for.
pub fn reference_key(business: BusinessId, index: &IndexKey, kind: &str, source: &str, id: &str) -> Key {
    let hash = index.hash(kind, &[source.as_bytes(), id.as_bytes()]);
    Key::new(business, CustomerId::BUSINESS, Table::Reference).hash(&hash)
}

/// Where it stands to whom an address leads.
pub fn address_key(business: BusinessId, index: &IndexKey, address: &Address) -> Key {
    let hash = index.hash("address", &[address.as_str().as_bytes()]);
    Key::new(business, CustomerId::BUSINESS, Table::Address).hash(&hash)
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
