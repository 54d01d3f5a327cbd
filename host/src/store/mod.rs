//! The store: ordered rows, consistent views, and batches that become durable whole or not at all.
//!
//! Few verbs: take a [`View`], submit a [`Batch`] of checks, writes and appends. [`redb`] keeps them in two files,
//! [`memory`] in memory; both pass the same suite, and the memory store refuses what a careless caller gets away with
//! elsewhere. [`key`] says whose a row is, [`row`] what is in it, [`seal`] closes what is personal.
//!
//! A store never reads a row without a key that names whose it is, never reads a clock and never draws a random number
//! (secrets of its own excepted), and never goes on after an input or output error: it stops, and says so.

pub mod fence;
pub mod group;
pub mod key;
pub mod keyring;
mod log;
pub mod memory;
mod overlay;
mod pack;
pub mod redb;
pub mod row;
pub mod seal;
mod settle;
mod stage;
mod wal;

#[cfg(test)]
mod measure;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod torn;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc;

pub use key::{Key, Order, Parts, Range, Table};
pub use keyring::FileKeyring;
pub use memory::MemoryStore;
pub use redb::{RedbStore, Settings};
pub use row::Row;
pub use seal::{CustomerKey, IndexKey, Keyring, MemoryKeyring};

/// Rows, and the one way to change them. Used from many threads.
pub trait Store: Send + Sync {
    /// The rows as of now: every commit whose `done` has started to run, and no part of any other.
    fn view(&self) -> Arc<dyn View>;

    /// Hands a batch in. Batches are judged and committed in the order they are handed in; `done` runs once, after the
    /// batch is durable and visible or was refused. `done` callbacks run one at a time, in the order of the commits, and
    /// hold up those after them: they should only pass the word on. They may submit, but not [`commit`](Store::commit).
    fn submit(&self, batch: Batch, done: Done);

    /// Whether it still takes batches.
    fn health(&self) -> Health;

    /// Figures for an operator.
    fn stats(&self) -> Stats;

    /// Finishes what was handed in, tidies up and takes no more batches. Views can no longer be read then: their file is
    /// closed.
    ///
    /// # Errors
    /// What broke the store, if it is broken; what was acknowledged is durable all the same.
    fn close(&self) -> Result<(), Refused>;

    /// Hands a batch in and waits: for start-up, tests and the command line. Never call it from a `done`.
    fn commit(&self, batch: Batch) -> Result<Committed, Refused> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.submit(
            batch,
            Box::new(move |result| {
                // The receiver waits below, so the word always arrives.
                let _ = sender.send(result);
            }),
        );
        receiver.recv().unwrap_or(Err(Refused::Closed))
    }
}

/// What a caller does once a batch is durable or refused.
pub type Done = Box<dyn FnOnce(Result<Committed, Refused>) + Send>;

/// A consistent snapshot. Holding one for long keeps old pages of the file from being used again.
pub trait View: Send + Sync {
    /// One row.
    fn get(&self, key: &Key) -> Result<Option<Row>, StoreError>;

    /// Visits the rows of a range in order until `visit` breaks.
    fn scan(
        &self,
        range: &Range,
        order: Order,
        visit: &mut dyn FnMut(&Key, &Row) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// Whether a row is there.
    fn has(&self, key: &Key) -> Result<bool, StoreError> {
        Ok(self.get(key)?.is_some())
    }

    /// The first `limit` rows of a range in an order.
    fn first(&self, range: &Range, order: Order, limit: usize) -> Result<Vec<(Key, Row)>, StoreError> {
        let mut rows = Vec::new();
        if limit == 0 {
            return Ok(rows);
        }
        self.scan(range, order, &mut |key, row| {
            rows.push((key.clone(), row.clone()));
            if rows.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(rows)
    }

    /// Every row of a range, ascending. Only for ranges that are known to be small, and for tests.
    fn all(&self, range: &Range) -> Result<Vec<(Key, Row)>, StoreError> {
        self.first(range, Order::Ascending, usize::MAX)
    }

    /// How many rows of a range there are, counted up to `limit`.
    fn count(&self, range: &Range, limit: usize) -> Result<usize, StoreError> {
        let mut count = 0;
        self.scan(range, Order::Ascending, &mut |_, _| {
            count += 1;
            if count < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(count.min(limit))
    }
}

/// What happens at once or not at all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// What has to hold, against every batch before this one.
    pub checks: Vec<Check>,
    /// What is written, in this order. No key is written twice, except that `Add`s of one key add up and that a `Put`
    /// may follow a `DeleteRange` it lies in.
    pub writes: Vec<Write>,
    /// What is given numbers, after the writes.
    pub appends: Vec<Append>,
}

impl Batch {
    /// A batch that does nothing yet.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Adds a check.
    pub fn check(&mut self, check: Check) -> &mut Batch {
        self.checks.push(check);
        self
    }

    /// Adds a row.
    pub fn put(&mut self, key: Key, row: Row) -> &mut Batch {
        self.writes.push(Write::Put(key, row));
        self
    }

    /// Adds a deletion.
    pub fn delete(&mut self, key: Key) -> &mut Batch {
        self.writes.push(Write::Delete(key));
        self
    }

    /// Adds a deletion of every row of a range.
    pub fn delete_range(&mut self, range: Range) -> &mut Batch {
        self.writes.push(Write::DeleteRange(range));
        self
    }

    /// Adds to a numeric row.
    pub fn add(&mut self, key: Key, amount: i64) -> &mut Batch {
        self.writes.push(Write::Add(key, amount));
        self
    }

    /// Appends rows, each at its prefix and the number that the commit gives out.
    pub fn append(&mut self, rows: Vec<(Key, Row)>) -> &mut Batch {
        self.appends.push(Append { rows });
        self
    }
}

/// What has to hold for a batch to be committed.
#[derive(Debug, Clone, PartialEq)]
pub enum Check {
    /// No such row.
    Absent(Key),
    /// Some such row.
    Present(Key),
    /// Exactly this row.
    Equals(Key, Row),
}

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Puts a row, in place of any other.
    Put(Key, Row),
    /// Deletes a row, if there is one.
    Delete(Key),
    /// Deletes every row of a range.
    DeleteRange(Range),
    /// Adds to a row whose clear part is a JSON integer; one that is not there counts as 0.
    Add(Key, i64),
}

/// Rows that are given one number together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Append {
    /// Each row is put at its prefix followed by the number. No prefix stands here twice, and nothing else puts a row at a
    /// number that the store has still to give out.
    pub rows: Vec<(Key, Row)>,
}

/// What a commit gave.
#[derive(Clone)]
pub struct Committed {
    /// One for each append, in order: numbers of the one sequence of the whole store, from 1 on, in the order of the
    /// commits and without gaps.
    pub numbers: Vec<u64>,
    /// The rows as of this commit, or after it.
    pub view: Arc<dyn View>,
}

impl std::fmt::Debug for Committed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Committed").field("numbers", &self.numbers).finish_non_exhaustive()
    }
}

/// Why a batch was not committed. Nothing of it is in the store, with one exception, at `Broken`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A check did not hold; the key says which.
    #[error("a check on {0} does not hold")]
    Check(Key),
    /// The batch itself is wrong; the text says how.
    #[error("the batch is wrong: {0}")]
    Misuse(String),
    /// Too much is waiting. Try again later.
    #[error("the store is busy; try again later")]
    Busy,
    /// The store failed and stopped. Whether this batch is in the file shows when it is opened again.
    #[error("the store has stopped after a failure: {0}; restart to open it again")]
    Broken(String),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

/// Whether a store takes batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Well,
    /// It failed and stopped; views can still be read.
    Broken(String),
    /// It was closed.
    Closed,
}

/// Figures for an operator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Rows in their final place in the file (or in memory, for the memory store).
    pub settled_rows: u64,
    /// Rows and deletions that are durable in the log and not yet in their place.
    pub waiting_rows: u64,
    /// About how much memory those take, in bytes.
    pub waiting_bytes: u64,
    /// Bytes of log that a start would replay.
    pub log_bytes: u64,
    /// Size of the files, in bytes.
    pub file_bytes: u64,
    /// Bytes written to the files since they were opened.
    pub written_bytes: u64,
    /// Group commits since it was opened.
    pub groups: u64,
    /// Batches committed since it was opened.
    pub batches: u64,
    /// The number that the next append will be given.
    pub next_number: u64,
}

/// What goes wrong with opening a store or reading from it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Input or output failed.
    #[error("the store cannot be read or written: {0}")]
    Failed(String),
    /// Bytes are not what was written.
    #[error("the store is damaged: {0}; restore it from a copy")]
    Damaged(String),
    /// Written by a newer program.
    #[error("this {what} has version {found}, and this program knows versions up to {known}; use a newer attune")]
    Newer {
        /// What is newer: a row, a store, a keyring.
        what: &'static str,
        /// Its version.
        found: u64,
        /// The newest that is known.
        known: u64,
    },
    /// Another process has it open.
    #[error("{0} is in use by another process; stop that one first")]
    InUse(String),
    /// A part of a row is not of the form that was asked for.
    #[error("the {part} part of a row has another form: {reason}")]
    Form {
        /// Which part.
        part: &'static str,
        /// What the reader says.
        reason: String,
    },
    /// The key of a customer is gone, and with it whatever it sealed.
    #[error("this customer was erased: there is no key for their rows any more")]
    Erased,
    /// A sealed part does not open: another key, another row, or changed bytes.
    #[error("a sealed part does not open: it belongs to another key or row, or its bytes were changed")]
    Sealed,
}

/// Runs a callback; a panic in it must not take the thread of the store with it.
fn run(done: Done, result: Result<Committed, Refused>) -> Result<(), String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| done(result)))
        .map_err(|_| "a callback of a commit panicked".to_owned())
}

/// Locks whatever a panicking thread left: all states here are whole between statements.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
