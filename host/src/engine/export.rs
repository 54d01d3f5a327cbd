//! Everything that is kept of a customer, as one document for people: what stands in their own range and whatever else of the
//! business is about them, each kind under its name.
//!
//! Rows are opened as they are, not as types that might leave a field out; times become RFC 3339.

use serde_json::{Map, Value, json};

use crate::domain::ids::{CustomerId, EventId, MessageId};
use crate::domain::time::{Instant, LAST};
use crate::store::{Key, Row, StoreError, Table};
use crate::turn::records::{Records, hex};

use super::about::{rows_about, word};
use super::journal;
use super::query::Query;

/// Fields that hold milliseconds since the Unix epoch, wherever they stand.
const TIMES: [&str; 14] = [
    "accepted",
    "at",
    "before",
    "delivered",
    "due",
    "ends",
    "expected",
    "expires",
    "happened",
    "opened",
    "placed",
    "since",
    "starts",
    "until",
];

impl Query<'_> {
    /// Everything that is kept of a customer, if there is one of that id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn export(&self, id: CustomerId) -> Result<Option<Value>, StoreError> {
        if self.customer(id)?.is_none() {
            return Ok(None);
        }
        let records = self.records(id)?;
        let mut document = Map::new();
        for table in Table::ALL {
            if let Some(word) = word(*table) {
                document.insert(word.to_owned(), json!([]));
            }
        }
        let mut broken = None;
        for one in records.parts()?.into_iter().chain([records.who()]) {
            // What was taken in the name of somebody who is part of them now is under a key of its own.
            let records = self.records_of(one)?;
            rows_about(self.view().as_ref(), records.business(), one, &mut |key, row| {
                if let Err(error) = show(&records, &mut document, key, row) {
                    broken.get_or_insert(error);
                }
            })?;
        }
        if let Some(error) = broken {
            return Err(error);
        }
        // There is one, and a list would make it look as if there could be more.
        if let Some(Value::Array(customers)) = document.get_mut("customer") {
            let customer = customers.pop().unwrap_or_default();
            document.insert("customer".to_owned(), customer);
        }
        let mut document = Value::Object(document);
        write_times(&mut document);
        document["exported"] = json!(self.now().to_string());
        document["business"] = json!({ "id": records.business(), "name": self.business_name() });
        Ok(Some(document))
    }
}

/// Adds a row to its kind.
fn show(records: &Records, document: &mut Map<String, Value>, key: &Key, row: &Row) -> Result<(), StoreError> {
    let table = key.table();
    let Some(Value::Array(list)) = word(table).and_then(|word| document.get_mut(word)) else { return Ok(()) };
    let mut shown: Value = match table {
        Table::Journal => match journal::number_of(key) {
            Some(number) => {
                let Some(entry) = journal::read(records, number)? else { return Ok(()) };
                let mut entry = serde_json::to_value(&entry).map_err(unreadable)?;
                entry["number"] = json!(number);
                entry["accepted"] = entry["at"].take();
                entry
            }
            None => {
                // What a step saw stands with its entry.
                if let Some(entry) = list.last_mut() {
                    entry["saw"] = records.open(key, row)?;
                }
                return Ok(());
            }
        },
        Table::Stepped => json!({ "entry": id_of(key), "took": row.read_clear::<Value>()?["m"] }),
        Table::Due => json!({ "at": key.parts().number(), "what": row.read_clear::<Value>()? }),
        Table::Pending => json!({ "number": journal::number_of(key) }),
        Table::Unhappy => {
            let mut parts = key.parts();
            json!({ "topic": parts.text(), "message": parts.id().map(MessageId) })
        }
        // These lead to what stands in the customer's own range.
        _ if key.customer().is_business() => {
            if matches!(table, Table::DeadLetterOf | Table::NoticeOf) {
                return Ok(());
            }
            json!({ "hash": hex(key.rest()), "leads_to": row.read_clear::<Value>()? })
        }
        _ => records.open(key, row)?,
    };
    match table {
        Table::State => shown["plugin"] = json!(key.parts().text()),
        Table::Once => shown = json!({ "message": shown }),
        _ => {}
    }
    list.push(shown);
    Ok(())
}

fn unreadable(error: serde_json::Error) -> StoreError {
    StoreError::Form { part: "sealed", reason: error.to_string() }
}

fn id_of(key: &Key) -> Option<EventId> {
    key.parts().id().map(EventId)
}

/// Writes every time as RFC 3339.
fn write_times(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(write_times),
        Value::Object(fields) => {
            for (name, field) in fields {
                if TIMES.contains(&name.as_str()) {
                    write_time(field);
                }
                write_times(field);
            }
        }
        _ => {}
    }
}

fn write_time(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(write_time),
        Value::Number(number) => {
            if let Some(ms) = number.as_u64().filter(|ms| *ms <= LAST.0) {
                *value = json!(Instant(ms).to_string());
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_for_people_and_numbers_that_are_none_stay() {
        let mut value = json!({
            "at": 1_790_000_000_000_u64, "version": 1_790_000_000_000_u64, "wrong_proofs": [{ "at": [0, 1_000] }],
            "delivery": { "state": "deferred", "until": 60_000 }, "status": "delivered",
        });
        write_times(&mut value);
        let expected = json!({
            "at": "2026-09-21T14:13:20.000Z", "version": 1_790_000_000_000_u64,
            "wrong_proofs": [{ "at": ["1970-01-01T00:00:00.000Z", "1970-01-01T00:00:01.000Z"] }],
            "delivery": { "state": "deferred", "until": "1970-01-01T00:01:00.000Z" }, "status": "delivered",
        });
        assert_eq!(value, expected);
    }
}
