//! The one thread that commits: it gathers the batches that wait into groups, judges them, and writes each group to the log.
//!
//! When the overlay is over its threshold it has slices of it moved to their places ([`settle`](super::settle)), one at a
//! time, and goes on with commits meanwhile.
//!
//! It never acknowledges a batch that is not durable, and never writes again after a failure.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use redb::{Database, ReadableTableMetadata};

use super::overlay::{Overlay, Place};
use super::redb::{Merged, RedbView, Replayed, Rows, Settings, Shared};
use super::settle::{Round, Settled, Settler};
use super::stage::{stage, weight};
use super::wal::Wal;
use super::{Batch, Committed, Done, Health, Refused, Stats, StoreError, lock, log, run};

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
    /// What became of the slice that was on its way.
    settled: Option<Result<Settled, StoreError>>,
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
    Settled(Settled),
    Idle,
    Close { settle: bool },
}

impl Queue {
    pub(super) fn new(settings: &Settings) -> Queue {
        let waiting =
            Waiting { jobs: VecDeque::new(), bytes: 0, health: Health::Well, wanted: 0, settled: None, closing: None };
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

    /// Takes what became of a slice.
    pub(super) fn settled(&self, outcome: Result<Settled, StoreError>) {
        lock(&self.waiting).settled = Some(outcome);
        self.wake.notify_one();
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

    /// Waits for something to do. `expected` is how many batches are likely to come; `idle` how long to wait for anything,
    /// if there is something to do meanwhile; `is_full` whether batches have to wait for the slice that is on its way.
    fn next(
        &self,
        settings: &Settings,
        expected: usize,
        idle: Option<Duration>,
        is_full: bool,
    ) -> Result<Next, StoreError> {
        let mut waiting = lock(&self.waiting);
        loop {
            if let Some(outcome) = waiting.settled.take() {
                return outcome.map(Next::Settled);
            }
            if !is_full {
                if !waiting.jobs.is_empty() {
                    break;
                }
                if let Some(settle) = waiting.closing {
                    return Ok(Next::Close { settle });
                }
                waiting.wanted = 1;
            }
            let (woken, timeout) = match idle {
                None => (self.wake.wait(waiting).unwrap_or_else(std::sync::PoisonError::into_inner), false),
                Some(idle) => {
                    let (waiting, timeout) =
                        self.wake.wait_timeout(waiting, idle).unwrap_or_else(std::sync::PoisonError::into_inner);
                    (waiting, timeout.timed_out())
                }
            };
            waiting = woken;
            waiting.wanted = 0;
            if timeout && waiting.jobs.is_empty() && waiting.settled.is_none() && waiting.closing.is_none() {
                return Ok(Next::Idle);
            }
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
        Ok(Next::Group(jobs))
    }
}

/// The state of the one thread that commits.
pub(super) struct Writer {
    settler: Settler,
    wal: Wal,
    shared: Arc<Shared>,
    settings: Settings,
    overlay: Overlay,
    /// The rows under the overlay.
    rows: Arc<Rows>,
    /// How many those are.
    settled_rows: u64,
    /// The latest published view.
    view: Arc<RedbView>,
    round: Round,
    /// Whether a slice is on its way.
    is_moving: bool,
    /// Whether everything is to be moved: the store is idle, or about to be closed.
    is_draining: bool,
    group: u64,
    next: u64,
    counts: (u64, u64),
}

impl Writer {
    pub(super) fn new(
        settler: Settler,
        wal: Wal,
        shared: Arc<Shared>,
        settings: Settings,
        replayed: Replayed,
    ) -> Writer {
        let view = shared.view();
        let mut round = Round::default();
        replayed.groups.clone().for_each(|group| round.logged(group));
        let writer = Writer {
            settler,
            wal,
            settings,
            overlay: replayed.overlay,
            rows: view.rows.clone(),
            settled_rows: view.rows.len().unwrap_or_default(),
            view,
            round,
            is_moving: false,
            is_draining: false,
            group: replayed.groups.end,
            next: replayed.next,
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
        let outcome = std::panic::catch_unwind(work)
            .unwrap_or_else(|_| Err(StoreError::Failed("the thread that commits panicked".into())));
        let database = self.settler.end();
        let outcome = outcome.and_then(|()| match shared.gauge.failure() {
            Some(reason) => Err(StoreError::Failed(reason.to_owned())),
            None => Ok(()),
        });
        let (database, health) = match (outcome, database) {
            (Err(error), database) => (database, Health::Broken(error.to_string())),
            (Ok(()), None) => (None, Health::Broken("the thread that moves rows panicked".into())),
            (Ok(()), Some(database)) => match database.close() {
                Ok(()) => (None, Health::Closed),
                Err(error) => (None, Health::Broken(error.to_string())),
            },
        };
        if let Health::Broken(reason) = &health {
            tracing::error!(reason, "the store has stopped");
        }
        shared.queue.end(health);
        database
    }

    fn work(&mut self) -> Result<(), StoreError> {
        let mut last_group = 0;
        loop {
            self.move_rows();
            let floor = self.settings.overlay_bytes / IDLE_FLOOR;
            let idle = (!self.is_moving && self.overlay.bytes() > floor).then_some(self.settings.idle);
            let is_full = self.is_moving && self.is_over(2);
            match self.shared.queue.next(&self.settings, last_group, idle, is_full)? {
                Next::Group(jobs) => {
                    self.is_draining = false;
                    last_group = jobs.len();
                    self.commit(jobs)?;
                }
                Next::Settled(settled) => self.settled(settled),
                Next::Idle => self.is_draining = true,
                Next::Close { settle } => {
                    self.is_draining = settle;
                    if self.is_moving || settle && !self.is_empty() {
                        continue;
                    }
                    self.wal.shrink()?;
                    return Ok(());
                }
            }
        }
    }

    /// Whether everything is in its place.
    fn is_empty(&self) -> bool {
        self.overlay.layer().entries.is_empty() && self.round.is_done()
    }

    /// Whether so many times of what may wait in memory does, or of the log that this comes to.
    fn is_over(&self, times: usize) -> bool {
        let limit = times * self.settings.overlay_bytes;
        self.overlay.bytes() > limit || self.wal.bytes() > 2 * limit
    }

    /// Sends a slice on its way, if it is time.
    fn move_rows(&mut self) {
        let is_due = self.is_over(1) || self.is_draining && !self.is_empty();
        if is_due && !self.is_moving {
            self.is_moving = true;
            let slice = self.round.take(&mut self.overlay, self.settings.slice_bytes, self.group, self.next);
            self.settler.settle(slice);
        }
    }

    /// A slice has reached its place.
    fn settled(&mut self, Settled { slice, rows }: Settled) {
        self.is_moving = false;
        self.overlay.arrived(&slice.entries);
        if let Some(last) = slice.from.checked_sub(1) {
            self.wal.forget(last);
            self.overlay.forget_groups(last);
        }
        self.settled_rows = rows.len().unwrap_or_default();
        self.rows = rows;
        self.publish();
    }

    /// Commits a group: judges each batch, makes the good ones durable together, shows them, passes the word on.
    fn commit(&mut self, jobs: Vec<Job>) -> Result<(), StoreError> {
        let mut dones = Vec::with_capacity(jobs.len());
        let outcome = self.judge(jobs, &mut dones).and_then(|group| group.map_or(Ok(()), |group| self.write(group)));
        if let Err(error) = outcome {
            // Health first: whoever hears of the failure and asks is told the same.
            self.shared.queue.fail(&error.to_string());
            let refused = Refused::Broken(error.to_string());
            for (done, _) in dones {
                let _ = run(done, Err(refused.clone()));
            }
            return Err(error);
        }
        let old = self.publish();
        let mut ran = Ok(());
        for (done, result) in dones {
            let result = result.map(|numbers| Committed { numbers, view: self.view.clone() });
            ran = run(done, result).map_err(StoreError::Failed).and(ran);
        }
        // Dropping the last copy of a view frees the nodes of the overlay that changed since: not while anyone waits.
        drop(old);
        ran
    }

    /// Judges the batches in order. Gives the encoded group, unless no batch passed.
    fn judge(
        &mut self,
        jobs: Vec<Job>,
        dones: &mut Vec<(Done, Result<Vec<u64>, Refused>)>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let mut writer = log::Writer::new(jobs.iter().map(|job| job.bytes).sum());
        let mut passed = 0;
        let mut failure = Ok(());
        for job in jobs {
            let ground = Merged { layer: self.overlay.layer(), open: writer.bytes(), rows: &self.rows };
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
                for (number, (key, row)) in staged.effects.into_iter().enumerate() {
                    let is_fresh = number >= staged.fresh;
                    let place = writer.push(&key, row.as_ref());
                    let place = place.map(|bytes| Place::new(self.group, bytes, is_fresh));
                    self.overlay.set(key, place);
                }
                staged.numbers
            });
            dones.push((job.done, numbers));
        }
        failure?;
        self.counts.1 += passed;
        Ok((passed > 0).then(|| writer.finish(self.next)))
    }

    /// Makes a group durable.
    fn write(&mut self, mut group: Vec<u8>) -> Result<(), StoreError> {
        self.wal.append(self.group, &mut group)?;
        if let Some(reason) = self.shared.gauge.failure() {
            return Err(StoreError::Failed(reason.to_owned()));
        }
        self.round.logged(self.group);
        self.overlay.add_group(self.group, Arc::new(group));
        self.group += 1;
        self.counts.0 += 1;
        Ok(())
    }

    /// Shows everything that is durable; gives back the view before.
    fn publish(&mut self) -> Arc<RedbView> {
        let view = Arc::new(RedbView { layer: self.overlay.layer().clone(), rows: self.rows.clone() });
        self.shared.publish(view.clone());
        self.count();
        std::mem::replace(&mut self.view, view)
    }

    fn count(&self) {
        *lock(&self.shared.stats) = Stats {
            settled_rows: self.settled_rows,
            waiting_rows: self.overlay.layer().entries.len() as u64,
            waiting_bytes: self.overlay.bytes() as u64,
            log_bytes: self.wal.bytes() as u64,
            file_bytes: self.shared.gauge.file_bytes(),
            written_bytes: 0,
            groups: self.counts.0,
            batches: self.counts.1,
            next_number: self.next,
        };
    }
}
