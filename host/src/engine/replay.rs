//! Replay: a journal into an empty store. The store is a function of the journal, so what comes out is what was there, byte
//! for byte, but for measurements.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::entry::{Change, Input};
use crate::domain::ids::{BusinessId, CustomerId};
use crate::domain::time::Instant;
use crate::store::{Append, Batch, Key, Keyring, Range, Row, Store, StoreError, Table, View};
use crate::turn::limits::Limits;
use crate::world::Replay;

use super::config::businesses;
use super::why::Handled;
use super::{Engine, Parts, journal};

/// Replays everything that stands in a view into an empty store, with so many workers.
///
/// # Errors
/// When either store cannot be used, or the target is not empty.
pub fn replay(
    from: &dyn View,
    into: Arc<dyn Store>,
    keyring: Arc<dyn Keyring>,
    sandbox: Arc<crate::sandbox::Sandbox>,
    limits: Limits,
    workers: usize,
) -> Result<Arc<Engine>, StoreError> {
    let failed = |error: crate::store::Refused| StoreError::Failed(error.to_string());
    if into.view().count(&Range::all(), 1)? > 0 {
        return Err(StoreError::Failed("the store to replay into is not empty".to_owned()));
    }
    let components = Range::prefix(Key::new(BusinessId::SYSTEM, CustomerId::BUSINESS, Table::Component));
    let mut batch = Batch::new();
    for (key, row) in from.all(&components)? {
        batch.put(key, row);
    }
    let mut entries = Vec::new();
    for business in businesses(from)? {
        let own = journal::all(from, business, keyring.as_ref())?;
        // What outlives an erasure was written because of entries that went with it.
        let there = own.iter().map(|(entry, _)| entry.id).collect();
        let suppressed = Range::prefix(Key::new(business, CustomerId::BUSINESS, Table::Suppressed));
        for (key, row) in crate::intake::outlived(from, business, &there)?.into_iter().chain(from.all(&suppressed)?) {
            batch.put(key, row);
        }
        entries.extend(own);
    }
    into.commit(batch).map_err(failed)?;
    entries.sort_by_key(|(entry, _)| entry.number);
    let observed: HashMap<u64, _> = entries.iter().map(|(entry, seen)| (entry.number, seen.clone())).collect();
    let last = entries.last().map_or(Instant(0), |(entry, _)| entry.at);
    let parts = Parts {
        public_url: None,
        store: into,
        keyring: keyring.clone(),
        world: Arc::new(Replay(last)),
        sandbox,
        limits,
        workers,
        queue: usize::MAX,
    };
    let engine = Engine::start_with(parts, Some(observed))?;
    let mut next = engine.store().stats().next_number;
    for (entry, seen) in entries {
        if entry.number > next {
            // Numbers of entries that are gone stay theirs: other rows count by those of the rest.
            let mut gap = Batch::new();
            gap.appends.resize_with((entry.number - next) as usize, Append::default);
            engine.store().commit(gap).map_err(failed)?;
        }
        next = entry.number + 1;
        let (entry, mut batch) = (crate::domain::entry::Entry::clone(&entry), Batch::new());
        let view = engine.view();
        crate::intake::replayed(view.as_ref(), &engine, &entry, &mut batch)?;
        if !seen.is_empty() {
            let at = journal::observed(entry.business, entry.number);
            if let Some(row) = from.get(&at)? {
                batch.put(at, row);
            }
        }
        let parts = matches!(&entry.input, Input::Owner { change: Change::Part { .. }, .. });
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        engine.append(vec![entry], batch, move |result| {
            let _ = sender.send(result);
        });
        match receiver.recv() {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(StoreError::Failed(error.to_string())),
            Err(_) => return Err(StoreError::Failed("the store stopped".to_owned())),
        }
        if workers == 0 {
            engine.run_until_idle();
        }
        // Nothing is taken in the name of whoever is parted before that is done.
        while parts && engine.queue().0 > 0 {
            std::thread::yield_now();
        }
    }
    Ok(engine)
}

/// Every row that steps have written, without measurements, which are no state. Who looked at what is written at the door.
///
/// # Errors
/// When the store cannot be read.
pub fn state(view: &dyn View) -> Result<Vec<(Key, Row)>, StoreError> {
    let mut rows = view.all(&Range::all())?;
    rows.retain(|(key, _)| key.table() != Table::Audit);
    for (_, row) in rows.iter_mut().filter(|(key, _)| key.table() == Table::Stepped) {
        let handled: Handled = row.read_clear()?;
        *row = Row::clear(row.version, &handled.customer)?;
    }
    Ok(rows)
}
