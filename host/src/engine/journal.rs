//! The journal: where every entry stands, and how it is written and read.
//!
//! An entry is sealed under the key of the customer it is about, so that erasing the key erases it here too.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::entry::{Entry, Input};
use crate::domain::ids::{BusinessId, CustomerId, EventId};
use crate::domain::time::Instant;
use crate::store::{Append, CustomerKey, Key, Keyring, Order, Range, Row, StoreError, Table, View};
use crate::turn::Observed;
use crate::turn::records::{Records, VERSION};

/// Where a business's entries stand; followed by the number.
pub fn journal(business: BusinessId) -> Key {
    Key::new(business, CustomerId::BUSINESS, Table::Journal)
}

/// Where it stands that an entry is still to be done; followed by the number.
pub fn pending(business: BusinessId) -> Key {
    Key::new(business, CustomerId::BUSINESS, Table::Pending)
}

/// Where it stands what a step saw outside its lane. It belongs to the journal: it follows the entry's own key.
pub fn observed(business: BusinessId, number: u64) -> Key {
    journal(business).number(number).number(0)
}

/// The part of an entry that is not personal. Short names: there is one a row.
#[derive(Serialize, Deserialize)]
struct Clear {
    /// The entry's id.
    e: EventId,
    /// Whose lane.
    c: CustomerId,
    /// When it was accepted.
    a: Instant,
    /// When it happened, if that is another time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    h: Option<Instant>,
    /// How deep.
    #[serde(default, skip_serializing_if = "is_zero")]
    d: u16,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(n: &u16) -> bool {
    *n == 0
}

/// The rows that put an entry into the journal and mark it as still to be done.
pub fn append(entry: &Entry, key: &CustomerKey) -> Result<Append, StoreError> {
    let clear = Clear {
        e: entry.id,
        c: entry.customer,
        a: entry.at,
        h: (entry.happened != entry.at).then_some(entry.happened),
        d: entry.depth,
    };
    let row = Row::sealed(VERSION, &clear, &entry.input, key, &entry.id.0)?;
    Ok(Append { rows: vec![(journal(entry.business), row), (pending(entry.business), Row::empty(VERSION))] })
}

/// Whose lane the entry in a row is of.
pub fn customer_of(row: &Row) -> Result<CustomerId, StoreError> {
    Ok(head(row)?.1)
}

/// The id of the entry in a row, whose lane it is of, and when it was accepted.
pub fn head(row: &Row) -> Result<(EventId, CustomerId, Instant), StoreError> {
    let Clear { e, c, a, .. } = row.read_clear()?;
    Ok((e, c, a))
}

fn open(business: BusinessId, number: u64, row: &Row, keys: &dyn Keyring) -> Result<Option<Entry>, StoreError> {
    let clear: Clear = row.read_clear()?;
    // An erased customer's entries stay as empty places in the journal.
    let Some(key) = keys.get(business, clear.c)? else { return Ok(None) };
    let input: Input = row.open(&key, &clear.e.0)?;
    Ok(Some(Entry {
        number,
        id: clear.e,
        business,
        customer: clear.c,
        at: clear.a,
        happened: clear.h.unwrap_or(clear.a),
        depth: clear.d,
        input,
    }))
}

/// Whose lane an entry was accepted in.
pub fn lane(view: &dyn View, business: BusinessId, number: u64) -> Result<Option<CustomerId>, StoreError> {
    view.get(&journal(business).number(number))?.map(|row| customer_of(&row)).transpose()
}

/// Reads an entry of the customer whose records these are.
pub fn read(records: &Records, number: u64) -> Result<Option<Entry>, StoreError> {
    let Some(row) = records.view().get(&journal(records.business()).number(number))? else { return Ok(None) };
    let clear: Clear = row.read_clear()?;
    if clear.c != records.who() || records.is_closed() {
        return Ok(None);
    }
    let input: Input = records.open_as(&row, &clear.e.0)?;
    Ok(Some(Entry {
        number,
        id: clear.e,
        business: records.business(),
        customer: clear.c,
        at: clear.a,
        happened: clear.h.unwrap_or(clear.a),
        depth: clear.d,
        input,
    }))
}

/// The number at the end of a key of the journal or of the pending table.
pub fn number_of(key: &Key) -> Option<u64> {
    Some(u64::from_be_bytes(<[u8; 8]>::try_from(key.rest()).ok()?))
}

/// All entries of a business that are still to be done, in order.
pub fn still_to_do(view: &dyn View, business: BusinessId, keys: &dyn Keyring) -> Result<Vec<Arc<Entry>>, StoreError> {
    let mut entries = Vec::new();
    for (key, _) in view.all(&Range::prefix(pending(business)))? {
        let Some(number) = number_of(&key) else { continue };
        if let Some(row) = view.get(&journal(business).number(number))?
            && let Some(entry) = open(business, number, &row, keys)?
        {
            entries.push(Arc::new(entry));
        }
    }
    Ok(entries)
}

/// An entry, with what its step saw outside its lane.
pub type Recorded = (Arc<Entry>, Vec<Observed>);

/// A business's whole journal, in order, with what each step saw outside its lane.
pub fn all(view: &dyn View, business: BusinessId, keys: &dyn Keyring) -> Result<Vec<Recorded>, StoreError> {
    let mut entries: Vec<Recorded> = Vec::new();
    let mut is_hole = false;
    for (key, row) in view.first(&Range::prefix(journal(business)), Order::Ascending, usize::MAX)? {
        match number_of(&key) {
            Some(number) => {
                let entry = open(business, number, &row, keys)?;
                is_hole = entry.is_none();
                entries.extend(entry.map(|entry| (Arc::new(entry), Vec::new())));
            }
            None if is_hole => {}
            None => {
                if let Some((entry, seen)) = entries.last_mut()
                    && let Some(sealed) = keys.get(business, entry.customer)?
                {
                    *seen = row.open(&sealed, key.as_bytes())?;
                }
            }
        }
    }
    Ok(entries)
}
