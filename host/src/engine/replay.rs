//! Replay: a journal into an empty store. The store is a function of the journal, so what comes out is what was there, byte
//! for byte, but for measurements.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::ids::BusinessId;
use crate::domain::time::Instant;
use crate::store::{Batch, Key, Keyring, Range, Row, Store, StoreError, Table, View};
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
    let components =
        Range::prefix(Key::new(BusinessId::SYSTEM, crate::domain::ids::CustomerId::BUSINESS, Table::Component));
    let mut batch = Batch::new();
    for (key, row) in from.all(&components)? {
        batch.put(key, row);
    }
    into.commit(batch).map_err(failed)?;
    let mut entries = Vec::new();
    for business in businesses(from)? {
        entries.extend(journal::all(from, business, keyring.as_ref())?);
    }
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
    for (entry, seen) in entries {
        let (entry, mut batch) = (crate::domain::entry::Entry::clone(&entry), Batch::new());
        let view = engine.view();
        crate::intake::replayed(view.as_ref(), &engine, &entry, &mut batch)?;
        if !seen.is_empty() {
            let at = journal::observed(entry.business, entry.number);
            if let Some(row) = from.get(&at)? {
                batch.put(at, row);
            }
        }
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
    }
    Ok(engine)
}

/// Every row, without measurements, which are no state.
///
/// # Errors
/// When the store cannot be read.
pub fn state(view: &dyn View) -> Result<Vec<(Key, Row)>, StoreError> {
    let mut rows = view.all(&Range::all())?;
    for (_, row) in rows.iter_mut().filter(|(key, _)| key.table() == Table::Stepped) {
        let handled: Handled = row.read_clear()?;
        *row = Row::clear(row.version, &handled.customer)?;
    }
    Ok(rows)
}
