//! The one thread that writes the file: it gathers the batches that wait into groups, and moves rows to their places.
//!
//! A group is one transaction: the effects of its batches as one value of the log, and, when the overlay is over its
//! threshold, a slice of it. A cursor goes round the key space, so that a slice is a run of neighbours and touches few
//! pages; what was put and deleted again before the cursor came by never reaches its place at all. Once the cursor has
//! been all the way round since a group was written, the group's log is no longer needed.
//!
//! It never acknowledges a batch that is not durable, and never writes again after a failure.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use redb::{Database, ReadableTable, ReadableTableMetadata};

use super::key::Key;
use super::overlay::{Group, Overlay, Place};
use super::redb::{LOG, META, Merged, NEXT, ROWS, RedbView, Replayed, Settings, Shared, store_error};
use super::stage::{stage, weight};
use super::{Batch, Committed, Done, Health, Refused, Stats, StoreError, lock, log, run};

/// Groups of the log are deleted by so many at a time: deleting touches pages of its own, and reads every page that goes.
/// A cycle of the cursor ends the life of a thousand groups at once, and all of them in one commit would hold it up for
/// 50 ms.
const DEAD_GROUPS: usize = 8;

/// The same, when nothing waits to be moved any more.
const LAST_GROUPS: usize = 128;

/// An overlay smaller than this is left in memory however idle the store is: moving a few rows costs as many pages, and
/// a quiet shop would do it all day.
const IDLE_FLOOR: usize = 64;

/// The batches that wait.
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    batches_limit: usize,
    bytes_limit: usize,
}

struct Waiting {
    jobs: VecDeque<Job>,
    bytes: usize,
    health: Health,
    /// How many batches the writer waits for; it is woken once, not for each of them.
    wanted: usize,
    /// Whether to end, and then whether to tidy up first.
    closing: Option<bool>,
}

struct Job {
    batch: Batch,
    bytes: usize,
    done: Done,
}

/// What the writer does next.
enum Next {
    Group(Vec<Job>),
    Idle,
    Close { settle: bool },
}

impl Queue {
    pub(super) fn new(settings: &Settings) -> Queue {
        let waiting = Waiting { jobs: VecDeque::new(), bytes: 0, health: Health::Well, wanted: 0, closing: None };
        Queue {
            waiting: Mutex::new(waiting),
            wake: Condvar::new(),
            batches_limit: settings.queue_batches,
            bytes_limit: settings.queue_bytes,
        }
    }

    pub(super) fn submit(&self, batch: Batch, done: Done) {
        let bytes = weight(&batch);
        let mut waiting = lock(&self.waiting);
        let refused = match &waiting.health {
            Health::Broken(reason) => Refused::Broken(reason.clone()),
            Health::Closed => Refused::Closed,
            Health::Well if waiting.closing.is_some() => Refused::Closed,
            Health::Well if waiting.jobs.len() >= self.batches_limit || waiting.bytes >= self.bytes_limit => {
                Refused::Busy
            }
            Health::Well => {
                waiting.bytes += bytes;
                waiting.jobs.push_back(Job { batch, bytes, done });
                let enough = waiting.jobs.len() == waiting.wanted;
                drop(waiting);
                if enough {
                    self.wake.notify_one();
                }
                return;
            }
        };
        drop(waiting);
        if let Err(reason) = run(done, Err(refused)) {
            self.fail(&reason);
        }
    }

    pub(super) fn health(&self) -> Health {
        lock(&self.waiting).health.clone()
    }

    /// Lets the writer finish what waits and then end, tidying up or not.
    pub(super) fn close(&self, settle: bool) {
        lock(&self.waiting).closing.get_or_insert(settle);
        self.wake.notify_all();
    }

    /// Takes no more batches.
    fn fail(&self, reason: &str) {
        lock(&self.waiting).health = Health::Broken(reason.to_owned());
    }

    /// Takes no more batches, and refuses those that wait.
    fn end(&self, health: Health) {
        let mut waiting = lock(&self.waiting);
        if waiting.health == Health::Well {
            waiting.health = health;
        }
        let refused = match &waiting.health {
            Health::Broken(reason) => Refused::Broken(reason.clone()),
            _ => Refused::Closed,
        };
        let jobs = std::mem::take(&mut waiting.jobs);
        waiting.bytes = 0;
        drop(waiting);
        for job in jobs {
            // It is over already; a callback that panics changes nothing.
            let _ = run(job.done, Err(refused.clone()));
        }
    }

    /// Waits for something to do. `expected` is how many batches are likely to come; `idle` how long to wait for the
    /// first of them, if there is something to do meanwhile.
    fn next(&self, settings: &Settings, expected: usize, idle: Option<Duration>) -> Next {
        let mut waiting = lock(&self.waiting);
        while waiting.jobs.is_empty() {
            waiting.wanted = 1;
            if let Some(settle) = waiting.closing {
                return Next::Close { settle };
            }
            waiting = match idle {
                None => self.wake.wait(waiting).unwrap_or_else(std::sync::PoisonError::into_inner),
                Some(idle) => {
                    let (waiting, timeout) =
                        self.wake.wait_timeout(waiting, idle).unwrap_or_else(std::sync::PoisonError::into_inner);
                    if timeout.timed_out() && waiting.jobs.is_empty() && waiting.closing.is_none() {
                        return Next::Idle;
                    }
                    waiting
                }
            };
        }
        if waiting.jobs.len() < expected {
            waiting.wanted = expected;
            let more = |waiting: &mut Waiting| waiting.jobs.len() < expected && waiting.closing.is_none();
            let gathered = self.wake.wait_timeout_while(waiting, settings.gather, more);
            waiting = gathered.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
        waiting.wanted = 0;
        let mut bytes = 0;
        let mut jobs = Vec::with_capacity(waiting.jobs.len().min(settings.group_batches));
        while jobs.len() < settings.group_batches
            && let Some(job) = waiting.jobs.pop_front_if(|job| bytes == 0 || bytes + job.bytes <= settings.group_bytes)
        {
            bytes += job.bytes;
            jobs.push(job);
        }
        waiting.bytes -= bytes;
        Next::Group(jobs)
    }
}

/// A group in the log, and where the cursor was when it was written.
struct Logged {
    group: u64,
    bytes: usize,
    cycle: u64,
    position: Option<Key>,
}

/// The state of the one thread that writes.
pub(super) struct Writer {
    database: Database,
    shared: Arc<Shared>,
    settings: Settings,
    overlay: Overlay,
    /// The latest published view: what batches are judged against, under the overlay.
    rows: Arc<RedbView>,
    logged: VecDeque<Logged>,
    log_bytes: usize,
    group: u64,
    next: u64,
    /// Everything up to here has been moved in this cycle.
    cursor: Option<Key>,
    cycle: u64,
    counts: (u64, u64),
}

impl Writer {
    pub(super) fn new(database: Database, shared: Arc<Shared>, settings: Settings, log: Replayed) -> Writer {
        let rows = shared.view();
        let logged = log.groups.iter().map(|&(group, bytes)| Logged { group, bytes, cycle: 0, position: None });
        let writer = Writer {
            database,
            settings,
            overlay: log.overlay,
            rows,
            log_bytes: log.groups.iter().map(|(_, bytes)| bytes).sum(),
            group: log.groups.last().map_or(0, |(group, _)| group + 1),
            logged: logged.collect(),
            next: log.next,
            cursor: None,
            cycle: 0,
            counts: (0, 0),
            shared,
        };
        writer.count();
        writer
    }

    /// Works until the store is closed or fails. After a failure it gives the file back, for published views to read.
    pub(super) fn run(mut self) -> Option<Database> {
        let shared = self.shared.clone();
        let work = std::panic::AssertUnwindSafe(|| self.work());
        let reason = match std::panic::catch_unwind(work) {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("the writer panicked".to_owned()),
        };
        let (database, reason) = match reason {
            None => (None, self.shut().err().map(|error| error.to_string())),
            Some(reason) => (Some(self.database), Some(reason)),
        };
        if let Some(reason) = &reason {
            tracing::error!(reason, "the store has stopped");
        }
        shared.queue.end(reason.map_or(Health::Closed, Health::Broken));
        database
    }

    fn work(&mut self) -> Result<(), StoreError> {
        let mut last_group = 0;
        let mut settling = false;
        loop {
            let floor = self.settings.overlay_bytes / IDLE_FLOOR;
            let idle = match settling {
                true if self.overlay.bytes() > 0 || !self.logged.is_empty() => Some(Duration::ZERO),
                false if self.overlay.bytes() > floor => Some(self.settings.idle),
                _ => None,
            };
            match self.shared.queue.next(&self.settings, last_group, idle) {
                Next::Group(jobs) => {
                    settling = false;
                    last_group = jobs.len();
                    self.commit(jobs)?;
                }
                Next::Idle => {
                    settling = true;
                    self.write(None, self.settings.slice_bytes)?;
                    self.publish()?;
                    self.rows = self.shared.view();
                }
                Next::Close { settle } => {
                    while settle && !(self.overlay.layer().entries.is_empty() && self.logged.is_empty()) {
                        self.write(None, 8 * self.settings.slice_bytes)?;
                    }
                    self.publish()?;
                    return Ok(());
                }
            }
        }
    }

    /// Commits a group: judges each batch, makes the good ones durable together, shows them, passes the word on.
    fn commit(&mut self, jobs: Vec<Job>) -> Result<(), StoreError> {
        let mut dones = Vec::with_capacity(jobs.len());
        let outcome = self.judge(jobs, &mut dones).and_then(|staged| {
            if let Some((group, slice)) = staged {
                self.write(Some(&group), slice)?;
                self.publish()?;
            }
            Ok(())
        });
        if let Err(error) = outcome {
            // Health first: whoever hears of the failure and asks is told the same.
            self.shared.queue.fail(&error.to_string());
            let refused = Refused::Broken(error.to_string());
            for (done, _) in dones {
                let _ = run(done, Err(refused.clone()));
            }
            return Err(error);
        }
        let mut ran = Ok(());
        let old = std::mem::replace(&mut self.rows, self.shared.view());
        for (done, result) in dones {
            let result = result.map(|numbers| Committed { numbers, view: self.rows.clone() });
            ran = run(done, result).map_err(StoreError::Failed).and(ran);
        }
        // Dropping the last copy of a view frees the nodes of the overlay that changed since: not while anyone waits.
        drop(old);
        ran
    }

    /// Judges the batches in order. Gives the encoded group and how much of the overlay to move, unless no batch passed.
    fn judge(
        &mut self,
        jobs: Vec<Job>,
        dones: &mut Vec<(Done, Result<Vec<u64>, Refused>)>,
    ) -> Result<Option<(Group, usize)>, StoreError> {
        let mut writer = log::Writer::new(jobs.iter().map(|job| job.bytes).sum());
        let (mut passed, mut added) = (0, 0);
        let mut failure = Ok(());
        for job in jobs {
            let ground = Merged { layer: self.overlay.layer(), open: writer.bytes(), rows: &self.rows.rows };
            let verdict = match &failure {
                // Everybody hears of a failure, in order.
                Err(_) => Err(Refused::Closed),
                Ok(()) => match stage(job.batch, self.next, &ground) {
                    Ok(verdict) => verdict,
                    Err(error) => {
                        failure = Err(error);
                        Err(Refused::Closed)
                    }
                },
            };
            let numbers = verdict.map(|staged| {
                passed += 1;
                self.next += staged.numbers.len() as u64;
                let before = self.overlay.bytes();
                for (number, (key, row)) in staged.effects.into_iter().enumerate() {
                    let is_fresh = number >= staged.fresh;
                    let place = writer.push(&key, row.as_ref());
                    let place = place.map(|bytes| Place::new(self.group, bytes, is_fresh));
                    self.overlay.set(key, place);
                }
                added += self.overlay.bytes().saturating_sub(before);
                staged.numbers
            });
            dones.push((job.done, numbers));
        }
        failure?;
        self.counts.1 += passed;
        if passed == 0 {
            return Ok(None);
        }
        // Twice of what comes in goes out, so that the overlay shrinks; when it is the log that is too long, for rows
        // that change over and over, the same pace takes the cursor round before the log has grown by half. Slices are large
        // and few: a page at the edge of one is written again with the next.
        let added = added.max(writer.bytes().len());
        let full =
            self.overlay.bytes() > self.settings.overlay_bytes || self.log_bytes > 2 * self.settings.overlay_bytes;
        let slice = if full { self.settings.slice_bytes.max(2 * added) } else { 0 };
        let group = Arc::new(writer.finish(self.next));
        self.overlay.add_group(self.group, group.clone());
        Ok(Some((group, slice)))
    }

    /// One transaction: a group for the log, if there is one, and a slice of the overlay.
    fn write(&mut self, group: Option<&Group>, slice_bytes: usize) -> Result<(), StoreError> {
        let mut transaction = self.database.begin_write().map_err(store_error)?;
        transaction.set_two_phase_commit(self.settings.two_phase);
        {
            let mut table = transaction.open_table(LOG).map_err(store_error)?;
            if let Some(bytes) = group {
                for (place, chunk) in log::chunks(bytes).enumerate() {
                    table.insert(log::chunk_name(self.group, place), chunk).map_err(store_error)?;
                }
                let (cycle, position) = (self.cycle, self.cursor.clone());
                self.logged.push_back(Logged { group: self.group, bytes: bytes.len(), cycle, position });
                self.log_bytes += bytes.len();
                self.group += 1;
            }
            if slice_bytes > 0 {
                self.settle(&transaction, slice_bytes)?;
                if let Some(last) = self.dead() {
                    table.retain_in(..log::chunk_name(last + 1, 0), |_, _| false).map_err(store_error)?;
                    if self.logged.is_empty() {
                        // With no group left in the log, nothing else says how far the sequence has come.
                        let mut meta = transaction.open_table(META).map_err(store_error)?;
                        meta.insert(NEXT, self.next).map_err(store_error)?;
                    }
                }
            }
        }
        transaction.commit().map_err(store_error)?;
        match self.shared.gauge.failure() {
            Some(reason) => Err(StoreError::Failed(reason.to_owned())),
            None => {
                self.counts.0 += 1;
                Ok(())
            }
        }
    }

    /// Moves the next entries of the overlay to their places, and the cursor past them.
    fn settle(&mut self, transaction: &redb::WriteTransaction, bytes: usize) -> Result<(), StoreError> {
        let slice = self.overlay.slice(self.cursor.as_ref(), bytes);
        let mut rows = transaction.open_table(ROWS).map_err(store_error)?;
        // A page that is full is cut in the middle, so rows put in order would leave every page half empty. Three of five go
        // first and fill their pages by halves; the other two, in between, fill them up to five sixths.
        let in_between = |(place, _): &(usize, _)| place % 5 % 2 == 1;
        let numbered = || slice.iter().enumerate();
        let first = numbered().filter(|one| !in_between(one));
        for (_, (key, row)) in first.chain(numbered().filter(in_between)) {
            match row {
                Some(place) => {
                    let row = self.overlay.layer().bytes(place, &[]);
                    rows.insert(key.as_bytes(), row).map_err(store_error)?;
                }
                // Removing what is not there would still copy the pages on the way.
                None if rows.get(key.as_bytes()).map_err(store_error)?.is_none() => {}
                None => {
                    rows.remove(key.as_bytes()).map_err(store_error)?;
                }
            }
            self.overlay.remove(key);
        }
        if let Some((key, _)) = slice.into_iter().next_back() {
            self.cursor = Some(key);
        }
        if self.overlay.slice(self.cursor.as_ref(), 1).is_empty() {
            self.cursor = None;
            self.cycle += 1;
        }
        Ok(())
    }

    /// Forgets the groups that are no longer needed, if they are worth deleting, and gives the last of them.
    fn dead(&mut self) -> Option<u64> {
        let settled = self.overlay.layer().entries.is_empty();
        let here = (self.cycle, self.cursor.as_ref());
        let is_dead = |logged: &Logged| settled || here >= (logged.cycle + 1, logged.position.as_ref());
        let most = if settled { LAST_GROUPS } else { DEAD_GROUPS };
        let count = self.logged.iter().take(most).take_while(|logged| is_dead(logged)).count();
        if count < DEAD_GROUPS && !settled {
            return None;
        }
        let mut last = None;
        for logged in self.logged.drain(..count) {
            self.log_bytes -= logged.bytes;
            last = Some(logged.group);
        }
        if let Some(last) = last {
            self.overlay.forget_groups(last);
        }
        last
    }

    fn publish(&mut self) -> Result<(), StoreError> {
        let view = RedbView::take(&self.database, self.overlay.layer())?;
        self.shared.publish(view);
        self.count();
        Ok(())
    }

    fn count(&self) {
        *lock(&self.shared.stats) = Stats {
            settled_rows: self.shared.view().rows.len().unwrap_or_default(),
            waiting_rows: self.overlay.layer().entries.len() as u64,
            waiting_bytes: self.overlay.bytes() as u64,
            log_bytes: self.log_bytes as u64,
            file_bytes: self.shared.gauge.file_bytes(),
            written_bytes: 0,
            groups: self.counts.0,
            batches: self.counts.1,
            next_number: self.next,
        };
    }

    /// Closes the file.
    fn shut(self) -> Result<(), StoreError> {
        drop(self.rows);
        self.database.close().map_err(store_error)?;
        match self.shared.gauge.failure() {
            Some(reason) => Err(StoreError::Failed(reason.to_owned())),
            None => Ok(()),
        }
    }
}
