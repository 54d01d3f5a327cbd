//! Moves rows from the overlay to their places, in a thread of its own, while commits go on.
//!
//! A cursor goes round the key space, so that a slice of the overlay is a run of neighbours and touches few pages; what was
//! put and deleted again before the cursor came by never reaches its place at all. Each slice is one transaction. Once
//! the cursor has been all the way round since a group was written, the log of the group is no longer needed, and the
//! same transaction says so.
//!
//! It never moves a row that is not durable in the log.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use redb::{Database, ReadableTable};

use super::StoreError;
use super::key::Key;
use super::overlay::{Layer, Overlay, Place};
use super::redb::{FROM, META, NEXT, ROWS, Rows, Settings, Shared, rows, store_error};

/// A run of neighbours on the way to their places.
pub(super) struct Slice {
    pub(super) entries: Vec<(Key, Option<Place>)>,
    /// What the entries point into.
    layer: Layer,
    /// The first group of the log that is needed once these are in their places.
    pub(super) from: u64,
    /// The next number of the sequence.
    next: u64,
}

/// A slice in its place, and the rows since then.
pub(super) struct Settled {
    pub(super) slice: Slice,
    pub(super) rows: Arc<Rows>,
}

/// Where the cursor is, and what it has still to pass.
#[derive(Default)]
pub(super) struct Round {
    /// Everything up to here has been moved in this cycle.
    cursor: Option<Key>,
    cycle: u64,
    /// The groups in the log, each with where the cursor was when it was written.
    groups: VecDeque<(u64, u64, Option<Key>)>,
}

impl Round {
    /// A group was written.
    pub(super) fn logged(&mut self, group: u64) {
        self.groups.push_back((group, self.cycle, self.cursor.clone()));
    }

    /// Whether nothing is left in the log.
    pub(super) fn is_done(&self) -> bool {
        self.groups.is_empty()
    }

    /// Takes the next entries of the overlay and moves the cursor past them. `group` and `next` are the next group and the next
    /// number of the sequence.
    pub(super) fn take(&mut self, overlay: &mut Overlay, bytes: usize, group: u64, next: u64) -> Slice {
        let entries = overlay.move_out(self.cursor.as_ref(), bytes);
        if let Some((key, _)) = entries.last() {
            self.cursor = Some(key.clone());
        }
        if overlay.is_last(self.cursor.as_ref()) {
            self.cursor = None;
            self.cycle += 1;
        }
        let is_all = entries.len() == overlay.layer().entries.len();
        let here = (self.cycle, self.cursor.as_ref());
        let is_done =
            |(_, cycle, cursor): &mut (u64, u64, Option<Key>)| is_all || here >= (*cycle + 1, cursor.as_ref());
        while self.groups.pop_front_if(is_done).is_some() {}
        let from = self.groups.front().map_or(group, |(group, ..)| *group);
        Slice { entries, layer: overlay.layer().clone(), from, next }
    }
}

/// The thread that moves slices.
pub(super) struct Settler {
    slices: Sender<Slice>,
    thread: JoinHandle<Database>,
}

impl Settler {
    /// Starts the thread. What it has done it says to the queue.
    pub(super) fn start(database: Database, shared: Arc<Shared>, settings: &Settings) -> Result<Settler, StoreError> {
        let (slices, waiting) = channel();
        let two_phase = settings.two_phase;
        let thread = std::thread::Builder::new()
            .name("store-rows".into())
            .spawn(move || work(database, &shared, &waiting, two_phase))
            .map_err(|e| StoreError::Failed(format!("no thread for the rows of the store: {e}")))?;
        Ok(Settler { slices, thread })
    }

    /// Hands a slice over.
    pub(super) fn settle(&self, slice: Slice) {
        // A thread that ended has said why to the queue.
        let _ = self.slices.send(slice);
    }

    /// Waits for the slice that is on its way and gives the file back, unless the thread panicked.
    pub(super) fn end(self) -> Option<Database> {
        drop(self.slices);
        self.thread.join().ok()
    }
}

fn work(database: Database, shared: &Shared, waiting: &Receiver<Slice>, two_phase: bool) -> Database {
    while let Ok(slice) = waiting.recv() {
        let moving = std::panic::AssertUnwindSafe(|| write(&database, &slice, two_phase));
        let outcome = std::panic::catch_unwind(moving)
            .unwrap_or_else(|_| Err(StoreError::Failed("the thread that moves rows panicked".into())));
        let outcome = match shared.gauge.failure() {
            Some(reason) => Err(StoreError::Failed(reason.to_owned())),
            None => outcome,
        };
        let is_over = outcome.is_err();
        shared.queue.settled(outcome.map(|rows| Settled { slice, rows }));
        if is_over {
            break;
        }
    }
    database
}

/// One transaction: the rows of a slice, and how far the log is done with.
fn write(database: &Database, slice: &Slice, two_phase: bool) -> Result<Arc<Rows>, StoreError> {
    let mut transaction = database.begin_write().map_err(store_error)?;
    transaction.set_two_phase_commit(two_phase);
    {
        let mut table = transaction.open_table(ROWS).map_err(store_error)?;
        // A page that is full is cut in the middle, so rows put in order would leave every page half empty. Three of five go
        // first and fill their pages by halves; the other two, in between, fill them up to five sixths.
        let in_between = |(place, _): &(usize, _)| place % 5 % 2 == 1;
        let numbered = || slice.entries.iter().enumerate();
        let first = numbered().filter(|one| !in_between(one));
        for (_, (key, row)) in first.chain(numbered().filter(in_between)) {
            match row {
                Some(place) => {
                    table.insert(key.as_bytes(), slice.layer.bytes(place, &[])).map_err(store_error)?;
                }
                // Removing what is not there would still copy the pages on the way.
                None if table.get(key.as_bytes()).map_err(store_error)?.is_none() => {}
                None => {
                    table.remove(key.as_bytes()).map_err(store_error)?;
                }
            }
        }
        let mut meta = transaction.open_table(META).map_err(store_error)?;
        meta.insert(FROM, slice.from).map_err(store_error)?;
        meta.insert(NEXT, slice.next).map_err(store_error)?;
    }
    transaction.commit().map_err(store_error)?;
    rows(database)
}
