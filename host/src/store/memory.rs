//! The store in memory: for tests, the workbench and replays. It is the strictest of the stores.
//!
//! A batch is applied in the thread that submits it. What another store might let pass is refused as misuse, so that a
//! careless caller is found out on a laptop.
//!
//! It never loses a batch, and nothing of it is there when the process ends.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use imbl::OrdMap;

use super::key::{Key, Order, Range};
use super::row::Row;
use super::stage::{Ground, misuse, stage};
use super::{Batch, Committed, Done, Health, Refused, Stats, Store, StoreError, View, lock, run};

/// A store in memory.
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

struct State {
    rows: OrdMap<Key, Arc<Row>>,
    next: u64,
    batches: u64,
    health: Health,
    /// Callbacks that are due, in commit order, and whether a thread is running them.
    due: VecDeque<(Done, Result<Committed, Refused>)>,
    running: bool,
}

impl Default for State {
    fn default() -> State {
        State { rows: OrdMap::new(), next: 1, batches: 0, health: Health::Well, due: VecDeque::new(), running: false }
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }
}

impl Store for MemoryStore {
    fn view(&self) -> Arc<dyn View> {
        Arc::new(MemoryView { rows: lock(&self.state).rows.clone() })
    }

    /// Applies the batch now, and runs `done` before it returns, unless callbacks are running already (this is called
    /// from one of them, or from another thread at the same time): then `done` runs after those.
    fn submit(&self, batch: Batch, done: Done) {
        let mut state = lock(&self.state);
        let result = state.apply(batch);
        state.due.push_back((done, result));
        if state.running {
            return;
        }
        state.running = true;
        while let Some((done, result)) = state.due.pop_front() {
            drop(state);
            let ran = run(done, result);
            state = lock(&self.state);
            if let Err(reason) = ran {
                state.health = Health::Broken(reason);
            }
        }
        state.running = false;
    }

    fn health(&self) -> Health {
        lock(&self.state).health.clone()
    }

    fn stats(&self) -> Stats {
        let state = lock(&self.state);
        Stats {
            settled_rows: state.rows.len() as u64,
            groups: state.batches,
            batches: state.batches,
            next_number: state.next,
            ..Stats::default()
        }
    }

    fn close(&self) -> Result<(), Refused> {
        let mut state = lock(&self.state);
        match &state.health {
            Health::Broken(reason) => Err(Refused::Broken(reason.clone())),
            _ => {
                state.health = Health::Closed;
                Ok(())
            }
        }
    }
}

impl State {
    fn apply(&mut self, batch: Batch) -> Result<Committed, Refused> {
        match &self.health {
            Health::Well => {}
            Health::Broken(reason) => return Err(Refused::Broken(reason.clone())),
            Health::Closed => return Err(Refused::Closed),
        }
        if let Some(reason) = misuse(&batch) {
            tracing::error!(reason, "a batch is wrong");
            return Err(Refused::Misuse(reason));
        }
        let staged = stage(batch, self.next, &self.rows).map_err(|e| Refused::Broken(e.to_string()))??;
        for (key, row) in staged.effects {
            match row {
                Some(row) => self.rows.insert(key, Arc::new(row)),
                None => self.rows.remove(key.as_bytes()),
            };
        }
        self.next += staged.numbers.len() as u64;
        self.batches += 1;
        Ok(Committed { numbers: staged.numbers, view: Arc::new(MemoryView { rows: self.rows.clone() }) })
    }
}

impl Ground for OrdMap<Key, Arc<Row>> {
    fn get(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        Ok(self.get(key.as_bytes()).map(|row| Row::clone(row)))
    }

    fn has(&self, key: &Key) -> Result<bool, StoreError> {
        Ok(self.contains_key(key.as_bytes()))
    }

    fn keys(&self, range: &Range) -> Result<Vec<Key>, StoreError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.range::<_, [u8]>(range.bounds()).map(|(key, _)| key.clone()).collect())
    }
}

struct MemoryView {
    rows: OrdMap<Key, Arc<Row>>,
}

impl View for MemoryView {
    fn get(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        Ok(self.rows.get(key.as_bytes()).map(|row| Row::clone(row)))
    }

    fn has(&self, key: &Key) -> Result<bool, StoreError> {
        Ok(self.rows.contains_key(key.as_bytes()))
    }

    fn scan(
        &self,
        range: &Range,
        order: Order,
        visit: &mut dyn FnMut(&Key, &Row) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        if range.is_empty() {
            return Ok(());
        }
        let mut rows = self.rows.range::<_, [u8]>(range.bounds());
        let mut next = || match order {
            Order::Ascending => rows.next(),
            Order::Descending => rows.next_back(),
        };
        while let Some((key, row)) = next() {
            if visit(key, row).is_break() {
                break;
            }
        }
        Ok(())
    }
}
