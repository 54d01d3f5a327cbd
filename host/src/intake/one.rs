//! One person, known as two: which customers an event shows to be the same.
//!
//! A vendor's record of a customer ties the addresses in it, and an order or appointment that had nobody yet is of whom its vendor
//! says later. A name never does, nor does an order that merely has another address than its customer's record: a present goes to
//! somebody else.

use std::sync::Arc;

use crate::domain::customer::Customer;
use crate::domain::entry::{Change, Entry, Input, News};
use crate::domain::ids::{BusinessId, CustomerId};
use crate::domain::merge::Tie;
use crate::domain::time::Instant;
use crate::engine::Engine;
use crate::store::{Range, StoreError, View};

use super::cloudevent::CloudEvent;
use super::{by_address, references, schema};

/// The most customers that one event puts together with another.
const MOST: usize = 4;

/// Who has more rows than this is put together with nobody by itself: that is no person, but what a whole shop writes to.
const MOST_ROWS: usize = 20_000;

/// Two customers who are one.
pub(super) struct One {
    from: CustomerId,
    /// Who stays.
    pub(super) into: CustomerId,
    because: Tie,
}

impl One {
    /// What puts them together.
    pub(super) fn entry(self, engine: &Engine, business: BusinessId, now: Instant) -> Entry {
        let Self { from, into, because } = self;
        let input = Input::Owner { by: "Attune".to_owned(), change: Change::Merge { from, into, because } };
        let (id, customer) = (engine.new_event_id(), CustomerId::BUSINESS);
        Entry { number: 0, id, business, customer, at: now, happened: now, depth: 0, input }
    }
}

/// Who an event shows to be the same as the customer it is about. All of them are put together with the one who is known longest.
pub(super) fn ties(
    engine: &Arc<Engine>,
    view: &Arc<dyn View>,
    business: BusinessId,
    customer: CustomerId,
    event: &CloudEvent,
    read: &schema::Read,
) -> Result<Vec<One>, StoreError> {
    let index = engine.keyring().index_key(business)?;
    let is_record = read.who.external_id.is_some() || matches!(read.news, News::Customer);
    let mut others: Vec<CustomerId> = Vec::new();
    let mut add = |found: Option<CustomerId>| {
        let other = found.map(|found| engine.home(business, found)).filter(|other| *other != customer);
        if let Some(other) = other.filter(|other| !others.contains(other) && others.len() < MOST) {
            others.push(other);
        }
    };
    if is_record {
        for address in &read.who.addresses {
            add(by_address(view.as_ref(), business, &index, address)?);
        }
    }
    for at in references(business, &index, &event.source, &read.who, &read.news) {
        add(view.get(&at)?.map(|row| row.read_clear()).transpose()?);
    }
    if others.is_empty() {
        return Ok(Vec::new());
    }
    let known = |customer| -> Result<Option<Customer>, StoreError> {
        match engine.is_leaving(view.as_ref(), business, customer)? {
            true => Ok(None),
            false => engine.records(view.clone(), business, customer)?.customer(),
        }
    };
    let Some(mut own) = known(customer)? else { return Ok(Vec::new()) };
    if let Some(id) = &read.who.external_id {
        own.records.entry(event.source.clone()).or_default().insert(id.clone());
    }
    let (mut found, mut one) = (Vec::new(), vec![own]);
    for other in others {
        let Some(other) = known(other)? else { continue };
        // Nobody had said whose the order is: a customer without an address, of whom no source has a record.
        let waits = other.addresses.is_empty() && other.records.is_empty();
        let source = event.source.clone();
        let because = match (waits, is_record) {
            (true, _) => Tie::Waiting { source },
            (false, true) => Tie::Record { source },
            (false, false) => continue,
        };
        let moves =
            engine.records(view.clone(), business, other.id)?.count(&Range::customer(business, other.id), MOST_ROWS)?;
        if moves >= MOST_ROWS || one.iter().any(|own| own.is_known_as_another(&other)) {
            continue;
        }
        found.push((other.id, waits, because));
        one.push(other);
    }
    // Whoever only held an order never stays.
    let longest = found.iter().filter(|(_, waits, _)| !waits).map(|(id, ..)| *id).chain([customer]).min();
    let into = longest.unwrap_or(customer);
    let own = found.first().map(|(_, _, because)| (customer, false, because.clone()));
    let all = found.into_iter().chain(own).filter(|(id, ..)| *id != into);
    Ok(all.map(|(from, _, because)| One { from, into, because }).collect())
}
