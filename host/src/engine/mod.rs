//! The engine: entries into the journal, steps in lanes, one commit each, and what is to be done afterwards.
//!
//! Business state is written by steps only, and a step is a function of the journal. The engine reads no clock, draws no
//! random number, and opens no file or socket: all of that is the world's, the store's and the couriers'.

pub mod about;
mod audit;
mod brake;
pub mod breaker;
pub mod config;
pub mod due;
mod erasure;
mod errands;
pub mod export;
pub mod fairness;
pub mod journal;
pub mod lanes;
pub mod query;
pub mod replay;
pub mod step;
pub mod unsubscribe;
pub mod why;

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, mpsc};

use tokio::sync::broadcast;

use crate::domain::entry::{Entry, Input, Outcome};
use crate::domain::ids::{BusinessId, CustomerId, EventId};
use crate::domain::message::{Author, Message, Purpose};
use crate::domain::order::Order;
use crate::domain::plugin::WANTS_NO_MORE;
use crate::domain::time::Instant;
use crate::sandbox::Sandbox;
use crate::store::{Batch, Check, Committed, Health, Keyring, Refused, Store, StoreError, Table, View, Write};
use crate::turn::commit::fired;
use crate::turn::limits::Limits;
use crate::turn::records::{OrderPointer, Records};
use crate::turn::warm::WarmLanes;
use crate::turn::{Elsewhere, Observed, Scene, Turn};
use crate::world::World;

use config::Ready;
pub use errands::{StaffNotice, WriteBack};
use lanes::{Lanes, Pace, Permits};
use step::{Action, Env, Stepped};

/// Takes claimed messages to their channels. What becomes of each comes back with [`Engine::outcome`].
pub trait Courier: Send + Sync {
    /// Takes a message that was claimed in a durable commit. Must return at once.
    fn take(&self, engine: &Arc<Engine>, parcel: Parcel);

    /// Takes an answer to the calendar of its appointment. Must return at once. A courier that knows no calendars says so.
    fn write_back(&self, engine: &Arc<Engine>, answer: WriteBack) {
        engine.written_back(&answer, Outcome::Unwanted, |result| {
            if let Err(error) = result {
                tracing::error!(%error, "what became of an answer could not be written down; the next start settles it");
            }
        });
    }
}

/// A claimed message with what a channel needs to know.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// Which business speaks.
    pub business: BusinessId,
    /// Its name, as customers know it.
    pub business_name: String,
    /// Where to.
    pub address: String,
    /// The message.
    pub message: Arc<Message>,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Where the customer ends such messages with one click, on those that need that.
    pub unsubscribe: Option<String>,
    /// The customer's last message on this channel before it, on an answer.
    pub answers: Option<Box<Message>>,
    /// What it is beside a message, if it is a notice to staff. What becomes of it is that errand's.
    pub notice: Option<Box<StaffNotice>>,
}

/// Why an input was not taken. Nothing of it is in the journal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// Too much is waiting.
    #[error("{waiting} entries are waiting, which is the limit; try again in a moment")]
    Busy {
        /// How many wait.
        waiting: usize,
    },
    /// The store failed or is closed.
    #[error("events cannot be taken: {0}")]
    Stopped(String),
    /// A row that was to be absent is there, or the other way round: something came in between.
    #[error("something else came in between; try again")]
    Raced,
    /// It is in the lane of a customer who was erased.
    #[error("there is no customer {0} in this business")]
    Gone(CustomerId),
}

/// What a step made of an entry.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Why nothing became of it: a stable code, and words.
    pub refused: Option<(String, String)>,
    /// Messages that are new or changed.
    pub messages: Vec<Arc<Message>>,
    /// What was erased: how many rows of each kind.
    pub erased: about::Counts,
}

/// Something that became durable, for those who watch.
#[derive(Debug, Clone)]
pub struct Happened {
    /// In which business.
    pub business: BusinessId,
    /// Whose lane.
    pub customer: CustomerId,
    /// The entry.
    pub entry: EventId,
    /// Messages that are new or changed.
    pub messages: Vec<Arc<Message>>,
}

/// What an engine is made of.
pub struct Parts {
    /// Where rows stand.
    pub store: Arc<dyn Store>,
    /// Where keys stand.
    pub keyring: Arc<dyn Keyring>,
    /// Clock, ids.
    pub world: Arc<dyn World>,
    /// Runs plugins.
    pub sandbox: Arc<Sandbox>,
    /// What may be used.
    pub limits: Limits,
    /// Worker threads; 0 means that whoever calls [`Engine::run_until_idle`] does the work.
    pub workers: usize,
    /// How many entries may wait before more are refused.
    pub queue: usize,
    /// Where customers reach this server, such as `https://attune.example`; none if they cannot.
    pub public_url: Option<String>,
}

/// Half of the lanes that are kept warm. A lane takes one to three kilobytes, so all of them take about 12 MB.
const WARM_LANES: usize = 2_048;

/// Workers that wait.
#[derive(Default)]
struct Crew {
    work: Condvar,
    /// How many wait for `work` and were not woken yet; changed only while the lanes are locked. To wake nobody would be a
    /// system call all the same, and a commit puts many entries into the lanes at once.
    idle: AtomicUsize,
}

/// How much lower than others the workers for what takes long stand with the system, as `nice` counts.
const SLOW_NICENESS: i32 = 10;

/// The engine of a process.
pub struct Engine {
    parts: Parts,
    lanes: Mutex<Lanes>,
    /// Workers of each pace.
    crews: [Crew; 2],
    ready: RwLock<HashMap<BusinessId, Arc<Ready>>>,
    failures: Mutex<HashMap<(BusinessId, String), u32>>,
    counts: Mutex<breaker::Counts>,
    /// Plugins, or everything automated (`*`), that are paused from this moment on, whatever the lanes of their businesses are
    /// still busy with.
    paused_now: RwLock<HashSet<(BusinessId, String)>>,
    warm: Mutex<WarmLanes>,
    homes: erasure::Homes,
    waiters: Mutex<HashMap<EventId, mpsc::SyncSender<Report>>>,
    courier: OnceLock<Arc<dyn Courier>>,
    /// Entries that are on their way into the journal or not yet done.
    under_way: AtomicUsize,
    stopping: AtomicBool,
    due: due::Alarm,
    live: broadcast::Sender<Arc<Happened>>,
    threads: Mutex<Vec<std::thread::JoinHandle<()>>>,
    /// Set while a replay puts steps into a store: what they observed stands in the journal already.
    replayed: Option<Mutex<HashMap<u64, Vec<Observed>>>>,
}

/// Has the system prefer other threads to this one, which is for what takes long.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(SLOW_NICENESS) {
        tracing::warn!(%error, "a worker for what takes long runs at the pace of others");
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a panicking thread left behind is still whole: every change under these locks is a single call.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// Starts an engine on a store: what was still to be done is taken up again, in order.
    ///
    /// # Errors
    /// When the store or the keyring cannot be read.
    pub fn start(parts: Parts) -> Result<Arc<Self>, StoreError> {
        Self::start_with(parts, None)
    }

    fn start_with(parts: Parts, replayed: Option<HashMap<u64, Vec<Observed>>>) -> Result<Arc<Self>, StoreError> {
        let view = parts.store.view();
        let workers = parts.workers;
        let slow = if workers == 0 { 0 } else { (workers / 4).max(1) };
        // Half of the workers are left for everybody else. Without workers, one thread does everything in turn.
        let permits = Permits { of_a_business: [workers, slow].map(|workers| (workers / 2).max(1)) };
        let engine = Arc::new(Self {
            parts,
            lanes: Mutex::new(Lanes::new(permits)),
            crews: Default::default(),
            ready: RwLock::default(),
            failures: Mutex::default(),
            counts: Mutex::default(),
            paused_now: RwLock::default(),
            warm: Mutex::new(WarmLanes::new(WARM_LANES)),
            homes: erasure::Homes::default(),
            waiters: Mutex::default(),
            courier: OnceLock::new(),
            under_way: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
            due: due::Alarm::default(),
            live: broadcast::channel(4_096).0,
            threads: Mutex::default(),
            replayed: replayed.map(Mutex::new),
        });
        for business in config::businesses(view.as_ref())? {
            engine.reload(view.as_ref(), business)?;
            engine.finish_erasures(view.as_ref(), business)?;
            let entries = journal::still_to_do(view.as_ref(), business, engine.parts.keyring.as_ref())?;
            engine.under_way.fetch_add(entries.len(), Ordering::SeqCst);
            for entry in entries {
                let records = engine.records(view.clone(), business, entry.customer)?;
                if let Some(key) = fired(&records, &entry.input) {
                    engine.due.firing(key, entry.id);
                }
                lock(&engine.lanes).push(entry);
            }
        }
        let brisk = (0..workers).map(|number| (format!("worker-{number}"), Pace::Brisk));
        for (name, pace) in brisk.chain((0..slow).map(|number| (format!("worker-slow-{number}"), Pace::Slow))) {
            let worker = engine.clone();
            let thread = std::thread::Builder::new().name(name).spawn(move || worker.work(pace));
            match thread {
                Ok(thread) => lock(&engine.threads).push(thread),
                Err(error) => return Err(StoreError::Failed(format!("no thread for a worker: {error}"))),
            }
        }
        Ok(engine)
    }

    /// Says who takes messages to their channels. Before that, claimed messages wait for a restart.
    pub fn set_courier(&self, courier: Arc<dyn Courier>) {
        if self.courier.set(courier).is_err() {
            tracing::warn!("a courier is set already; the second is ignored");
        }
    }

    /// Settles, after a start, what was being attempted when the last process stopped: its answer is lost.
    pub fn settle_lost_attempts(self: &Arc<Self>) -> Result<usize, StoreError> {
        due::settle_lost_attempts(self)
    }

    /// Stops taking work, waits for steps under way, and closes the store.
    pub fn stop(&self) -> Result<(), Refused> {
        self.stopping.store(true, Ordering::SeqCst);
        self.crews.iter().for_each(|crew| crew.work.notify_all());
        self.due.wake(Instant(0));
        let threads = std::mem::take(&mut *lock(&self.threads));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a worker had panicked");
            }
        }
        self.parts.store.close()
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    pub(crate) fn keep_thread(&self, thread: std::thread::JoinHandle<()>) {
        lock(&self.threads).push(thread);
    }

    /// The rows as they are now.
    pub fn view(&self) -> Arc<dyn View> {
        self.parts.store.view()
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.parts.store
    }

    /// The keys.
    pub fn keyring(&self) -> &dyn Keyring {
        self.parts.keyring.as_ref()
    }

    /// The world.
    pub fn world(&self) -> &dyn World {
        self.parts.world.as_ref()
    }

    /// The sandbox.
    pub fn sandbox(&self) -> &Sandbox {
        &self.parts.sandbox
    }

    /// What may be used.
    pub fn limits(&self) -> &Limits {
        &self.parts.limits
    }

    /// How many entries wait or run, and how many may.
    pub fn queue(&self) -> (usize, usize) {
        (self.under_way.load(Ordering::SeqCst), self.parts.queue)
    }

    /// Whether the store takes events.
    pub fn health(&self) -> Health {
        self.parts.store.health()
    }

    /// A business as it runs now.
    pub fn ready(&self, business: BusinessId) -> Option<Arc<Ready>> {
        self.ready.read().unwrap_or_else(PoisonError::into_inner).get(&business).cloned()
    }

    /// Watches what becomes durable from now on.
    pub fn watch(&self) -> broadcast::Receiver<Arc<Happened>> {
        self.live.subscribe()
    }

    /// Where customers reach this server, such as `https://attune.example`; none if they cannot.
    pub fn public_url(&self) -> Option<&str> {
        self.parts.public_url.as_deref()
    }

    /// A new id's unique part.
    pub fn new_event_id(&self) -> EventId {
        EventId::new(self.parts.world.now(), self.parts.world.unique())
    }

    /// The rows of one customer, as of a view. This makes no key but the business's own: there are no rows yet of a customer who
    /// has none, or no more.
    ///
    /// # Errors
    /// When the keyring cannot be read or written.
    pub fn records(
        &self,
        view: Arc<dyn View>,
        business: BusinessId,
        customer: CustomerId,
    ) -> Result<Records, StoreError> {
        let keyring = &self.parts.keyring;
        let key = match customer.is_business() {
            true => Some(keyring.get_or_create(business, customer)?),
            false => keyring.get(business, customer)?,
        };
        Ok(Records::new(view, business, customer, key, self.parts.keyring.index_key(business)?))
    }

    /// Why so many more events of a business would not be taken now, if they would not: all wait in one queue, and no business
    /// fills more than half of it.
    pub fn has_no_room(&self, business: BusinessId, events: usize) -> Option<NotTaken> {
        let (waiting, limit) = self.queue();
        let is_full = waiting > 0 && waiting + events > limit;
        is_full.then_some(NotTaken::Busy { waiting }).or_else(|| self.is_over_its_share(business, events))
    }

    fn is_over_its_share(&self, business: BusinessId, events: usize) -> Option<NotTaken> {
        let waiting = lock(&self.lanes).waiting_of(business);
        let is_full = waiting > 0 && waiting + events > self.parts.queue.div_ceil(2);
        is_full.then_some(NotTaken::Busy { waiting })
    }

    /// Puts entries into the journal, all or none, together with what has to hold and what else is written. `done` is called
    /// once they are durable, with their numbers, or were refused.
    pub fn append(
        self: &Arc<Self>,
        entries: Vec<Entry>,
        batch: Batch,
        done: impl FnOnce(Result<Vec<u64>, NotTaken>) + Send + 'static,
    ) {
        self.append_for(None, entries, batch, done);
    }

    /// The same with entries that make a customer: the only way to get a key.
    pub fn append_for(
        self: &Arc<Self>,
        newcomer: Option<CustomerId>,
        entries: Vec<Entry>,
        mut batch: Batch,
        done: impl FnOnce(Result<Vec<u64>, NotTaken>) + Send + 'static,
    ) {
        let count = entries.len();
        let before = self.under_way.fetch_add(count, Ordering::SeqCst);
        let refuse = |done: Box<dyn FnOnce(Result<Vec<u64>, NotTaken>) + Send>, error| {
            self.under_way.fetch_sub(count, Ordering::SeqCst);
            done(Err(error));
        };
        if before + count > self.parts.queue && before > 0 {
            return refuse(Box::new(done), NotTaken::Busy { waiting: before });
        }
        // What a business has to do with entries that were taken goes on.
        if let Some(Entry { business, input: Input::Event(_), .. }) = entries.first()
            && let Some(full) = self.is_over_its_share(*business, count)
        {
            return refuse(Box::new(done), full);
        }
        if self.is_stopping() {
            return refuse(Box::new(done), NotTaken::Stopped("Attune is shutting down".to_owned()));
        }
        for entry in &entries {
            let rows = self.key_for(entry, newcomer).and_then(|key| {
                Self::guard(entry, newcomer, &mut batch)?;
                journal::append(entry, &key).map_err(|error| NotTaken::Stopped(error.to_string()))
            });
            match rows {
                Ok(rows) => batch.appends.push(rows),
                Err(error) => return refuse(Box::new(done), error),
            }
        }
        let makes_erasure = entries.first().is_some_and(|entry| entry.customer.is_business());
        let engine = self.clone();
        self.parts.store.submit(
            batch,
            Box::new(move |result| match result {
                Ok(Committed { numbers, .. }) => {
                    engine.enqueue(entries, &numbers);
                    done(Ok(numbers));
                }
                Err(error) => {
                    engine.under_way.fetch_sub(count, Ordering::SeqCst);
                    done(Err(match error {
                        Refused::Check(key) => match <[u8; 16]>::try_from(key.rest()) {
                            Ok(customer) if key.table() == Table::Erased && !makes_erasure => {
                                NotTaken::Gone(CustomerId(customer))
                            }
                            _ => NotTaken::Raced,
                        },
                        Refused::Busy => NotTaken::Busy { waiting: engine.queue().0 },
                        other => NotTaken::Stopped(other.to_string()),
                    }));
                }
            }),
        );
    }

    fn enqueue(&self, entries: Vec<Entry>, numbers: &[u64]) {
        let mut lanes = lock(&self.lanes);
        for (mut entry, number) in entries.into_iter().zip(numbers) {
            self.follow(&entry);
            entry.number = *number;
            lanes.push(Arc::new(entry));
        }
        self.wake_worker(lanes);
    }

    /// Wakes a worker of each pace, if one waits and has something to do, after something was put into the lanes.
    fn wake_worker(&self, lanes: MutexGuard<'_, Lanes>) {
        let wakes = [Pace::Brisk, Pace::Slow].map(|pace| {
            let crew = &self.crews[pace as usize];
            let idle = crew.idle.load(Ordering::SeqCst);
            let wakes = idle > 0 && lanes.has_next(pace);
            if wakes {
                crew.idle.store(idle - 1, Ordering::SeqCst);
            }
            wakes
        });
        drop(lanes);
        self.crews.iter().zip(wakes).filter(|(_, wakes)| *wakes).for_each(|(crew, _)| crew.work.notify_one());
    }

    /// Puts an entry into the journal and waits until its step is durable. Not to be called from a step's own thread.
    ///
    /// # Errors
    /// [`NotTaken`]; nothing has happened then.
    pub fn act(self: &Arc<Self>, business: BusinessId, customer: CustomerId, input: Input) -> Result<Report, NotTaken> {
        self.act_with(business, customer, input, Batch::new())
    }

    /// The same, with what has to hold and what else is written with the entry.
    ///
    /// # Errors
    /// [`NotTaken`]; nothing has happened then.
    pub fn act_with(
        self: &Arc<Self>,
        business: BusinessId,
        customer: CustomerId,
        input: Input,
        batch: Batch,
    ) -> Result<Report, NotTaken> {
        let (id, at, customer) = (self.new_event_id(), self.parts.world.now(), self.home(business, customer));
        let (sender, receiver) = mpsc::sync_channel(1);
        lock(&self.waiters).insert(id, sender.clone());
        let entry = Entry { number: 0, id, business, customer, at, happened: at, depth: 0, input };
        let (taken_sender, taken) = mpsc::sync_channel(1);
        self.append(vec![entry], batch, move |result| {
            let _ = taken_sender.send(result);
        });
        let stopped = || NotTaken::Stopped("the store stopped meanwhile".to_owned());
        if let Err(error) = taken.recv().map_err(|_| stopped())? {
            lock(&self.waiters).remove(&id);
            return Err(error);
        }
        if self.parts.workers == 0 {
            self.run_until_idle();
        }
        // Our own sender would keep a report that never comes from being noticed.
        drop(sender);
        receiver.recv().map_err(|_| stopped())
    }

    /// What a channel said of an attempt.
    pub fn outcome(
        self: &Arc<Self>,
        parcel: &Parcel,
        outcome: Outcome,
        done: impl FnOnce(Result<Vec<u64>, NotTaken>) + Send + 'static,
    ) {
        if let Some(notice) = &parcel.notice {
            let lane = (parcel.business, parcel.message.customer);
            return self.errand_outcome(lane, notice.errand, parcel.attempt, outcome, done);
        }
        let at = self.parts.world.now();
        let entry = Entry {
            number: 0,
            id: self.new_event_id(),
            business: parcel.business,
            customer: self.home(parcel.business, parcel.message.customer),
            at,
            happened: at,
            depth: 0,
            input: Input::Outcome { message: parcel.message.id, attempt: parcel.attempt, outcome },
        };
        self.append(vec![entry], Batch::new(), done);
    }

    // workers

    fn work(self: Arc<Self>, pace: Pace) {
        if pace == Pace::Slow {
            step_back();
        }
        let crew = &self.crews[pace as usize];
        loop {
            let mut lanes = lock(&self.lanes);
            let entry = loop {
                if self.is_stopping() {
                    return;
                }
                if let Some(entry) = lanes.start(pace) {
                    break entry;
                }
                crew.idle.fetch_add(1, Ordering::SeqCst);
                lanes = crew.work.wait(lanes).unwrap_or_else(PoisonError::into_inner);
            };
            drop(lanes);
            self.run(&entry);
        }
    }

    /// Does everything that can be done now, in this thread. For engines without workers.
    pub fn run_until_idle(self: &Arc<Self>) {
        loop {
            let mut lanes = lock(&self.lanes);
            let next = lanes.start(Pace::Brisk).or_else(|| lanes.start(Pace::Slow));
            drop(lanes);
            match next {
                Some(entry) => self.run(&entry),
                None => return,
            }
        }
    }

    /// Handles one entry and hands its commit to the store. Its lane goes on when that is durable.
    fn run(self: &Arc<Self>, entry: &Arc<Entry>) {
        let started_us = self.parts.world.stopwatch_us();
        // A panic is a bug of ours. It must not take the worker with it, and nothing of its step is kept.
        let stepped = std::panic::catch_unwind(AssertUnwindSafe(|| self.step(entry)))
            .unwrap_or_else(|_| Err(StoreError::Failed("the step panicked".to_owned())))
            .and_then(|mut stepped| {
                self.write_observed(entry, &stepped.observed, &mut stepped.writes)?;
                Ok(stepped)
            });
        let Stepped { writes, actions, refused, erased, messages, warm, .. } = match stepped {
            Ok(stepped) => stepped,
            Err(error) => return self.leave(entry, &error),
        };
        let took_us = self.parts.world.stopwatch_us().saturating_sub(started_us);
        let mut lanes = lock(&self.lanes);
        lanes.stepped(entry);
        self.wake_worker(lanes);
        let batch = Batch { checks: vec![Check::Present(step::pending_key(entry))], writes, appends: Vec::new() };
        let (engine, entry) = (self.clone(), entry.clone());
        self.parts.store.submit(
            batch,
            Box::new(move |result| match result {
                Ok(committed) => {
                    if !entry.customer.is_business() {
                        lock(&engine.warm).put((entry.business, entry.customer), warm);
                    }
                    let report = Report { refused, messages, erased };
                    engine.after(&entry, took_us, committed.view.as_ref(), actions, report);
                }
                Err(Refused::Check(_)) => {
                    tracing::error!(entry = %entry.id, "an entry was done twice; the second time is dropped");
                    engine.release(&entry, took_us);
                }
                Err(error) => engine.leave(&entry, &error),
            }),
        );
    }

    /// An entry that cannot be handled: the store cannot be read or written, so nothing can go on. It stays in the journal, its
    /// lane waits, and whoever waits for it hears that it will not come.
    fn leave(&self, entry: &Entry, error: &dyn std::error::Error) {
        tracing::error!(entry = %entry.id, %error, "an entry could not be handled; it is taken up again after a restart");
        lock(&self.waiters).remove(&entry.id);
    }

    fn write_observed(&self, entry: &Entry, observed: &[Observed], writes: &mut Vec<Write>) -> Result<(), StoreError> {
        if !observed.is_empty() {
            let at = journal::observed(entry.business, entry.number);
            let records = self.records(self.view(), entry.business, entry.customer)?;
            writes.push(Write::Put(at.clone(), records.row(&at, &observed)?));
        }
        Ok(())
    }

    /// The step of one entry on the rows as they are now.
    fn step(self: &Arc<Self>, entry: &Arc<Entry>) -> Result<Stepped, StoreError> {
        let view = self.parts.store.view();
        let ready = match self.ready(entry.business) {
            Some(ready) => ready,
            None => self.reload(view.as_ref(), entry.business)?,
        };
        let observed: Option<Vec<Observed>> =
            self.replayed.as_ref().map(|seen| lock(seen).remove(&entry.number).unwrap_or_default());
        let scene = Scene {
            config: ready.config.clone(),
            entry: entry.clone(),
            records: self.records(view.clone(), entry.business, entry.customer)?,
            limits: self.parts.limits,
            paused_now: match &observed {
                Some(observed) => observed.iter().filter_map(Observed::paused).cloned().collect(),
                None => self.paused_now(entry.business),
            },
            has_public_url: match &observed {
                Some(observed) => !observed.contains(&Observed::NoPublicUrl),
                None => self.parts.public_url.is_some(),
            },
            elsewhere: Some(self.elsewhere(entry.business)),
            observed,
            reader: ready.reader.clone(),
        };
        if scene.records.is_closed() {
            return Ok(step::dropped(entry, &scene.records));
        }
        let others = |customer| self.records(view.clone(), entry.business, customer);
        let world = self.parts.world.as_ref();
        let home = |customer| self.home(entry.business, customer);
        let env = Env { sandbox: &self.parts.sandbox, ready: &ready, world, others: &others, home: &home };
        let warm = lock(&self.warm).take((entry.business, entry.customer)).unwrap_or_default();
        step::step(&env, Turn::warmed(Arc::new(scene), warm))
    }

    /// Finds another customer's order, for a claim.
    fn elsewhere(self: &Arc<Self>, business: BusinessId) -> Elsewhere {
        let engine = self.clone();
        Arc::new(move |pointer: &OrderPointer| -> Option<Order> {
            let view = engine.view();
            let at = |customer| engine.records(view.clone(), business, customer).ok()?.order_at(pointer).ok()?;
            at(pointer.customer).or_else(|| at(engine.home(business, pointer.customer)))
        })
    }

    /// What follows once a step is durable: the lane goes on, and the world hears of it.
    fn after(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        took_us: u64,
        view: &dyn View,
        actions: Vec<Action>,
        mut report: Report,
    ) {
        let mut wake: Option<Instant> = None;
        let mut said_stop = false;
        for action in actions {
            match action {
                Action::Reload(business) => {
                    if let Err(error) = self.reload(view, business) {
                        tracing::error!(%business, %error, "the configuration could not be read again");
                    }
                }
                Action::Wake(at) => wake = Some(wake.map_or(at, |earlier| earlier.min(at))),
                Action::Gone { plugin, reason } => self.stop_channel(entry.business, plugin, &reason),
                Action::Ran { plugin, failure } => self.count_failure(entry.business, plugin, failure),
                Action::SaidStop => said_stop = true,
                Action::Deliver(message) => self.deliver(entry.business, message),
                Action::Part(customer) => self.unfollow(entry.business, customer),
                Action::Run(errand) => self.run_errand(entry.business, entry.customer, &errand),
                Action::Cool(customer) => drop(lock(&self.warm).take((entry.business, customer))),
                Action::Forget(customer) => {
                    if let Err(error) = self.forget(entry.business, customer) {
                        tracing::error!(%customer, %error, "a key could not be destroyed; the next start does it");
                        let words =
                            format!("the rows are gone, but not the key: {error}; restart Attune to destroy it");
                        report.refused = Some(("failed".to_owned(), words));
                    }
                }
            }
        }
        if let Some(at) = wake {
            self.due.wake(at);
        }
        self.watch_counts(entry, view, &report.messages, said_stop);
        self.release(entry, took_us);
        let happened = Happened {
            business: entry.business,
            customer: entry.customer,
            entry: entry.id,
            messages: report.messages.clone(),
        };
        // Nobody watching is no failure.
        let _ = self.live.send(Arc::new(happened));
        if let Some(waiter) = lock(&self.waiters).remove(&entry.id) {
            let _ = waiter.send(report);
        }
    }

    fn release(&self, entry: &Entry, took_us: u64) {
        self.due.fired(entry.id);
        let mut lanes = lock(&self.lanes);
        lanes.done(entry, took_us);
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        self.wake_worker(lanes);
    }

    fn reload(&self, view: &dyn View, business: BusinessId) -> Result<Arc<Ready>, StoreError> {
        let before = self.ready(business);
        let ready = Arc::new(Ready::read(view, business, &self.parts.sandbox, &self.parts.limits, before.as_deref())?);
        self.ready.write().unwrap_or_else(PoisonError::into_inner).insert(business, ready.clone());
        self.paused_or_resumed(business, before.as_deref(), &ready);
        Ok(ready)
    }

    /// Puts an entry of the host's own into a business's lane.
    fn append_own(
        self: &Arc<Self>,
        business: BusinessId,
        input: Input,
        done: impl FnOnce(Result<Vec<u64>, NotTaken>) + Send + 'static,
    ) {
        let at = self.parts.world.now();
        let (id, customer) = (self.new_event_id(), CustomerId::BUSINESS);
        let entry = Entry { number: 0, id, business, customer, at, happened: at, depth: 0, input };
        self.append(vec![entry], Batch::new(), done);
    }

    fn deliver(self: &Arc<Self>, business: BusinessId, message: Arc<Message>) {
        let Some(courier) = self.courier.get() else { return };
        let crate::domain::message::Delivery::Attempting { attempt } = message.delivery else { return };
        let records = self.records(self.view(), business, message.customer);
        let found = records.and_then(|records| Ok((records.customer()?, answered(&records, &message)?)));
        let (customer, answers) = match found {
            Ok(found) => found,
            Err(error) => {
                // It stays claimed; the next start settles what was being attempted.
                tracing::error!(message = %message.id, %error, "a message could not be given to its channel");
                return;
            }
        };
        let on_channel = |customer: crate::domain::customer::Customer| {
            customer.addresses.into_iter().find(|address| address.reaches(&message.channel))
        };
        let address = customer.and_then(on_channel);
        let business_name = self.ready(business).map(|ready| ready.config.business.name.clone()).unwrap_or_default();
        let address = address.map(|address| address.value().to_owned()).unwrap_or_default();
        let unsubscribe = self.unsubscribe_url(business, &message);
        courier.take(
            self,
            Parcel { business, business_name, address, message, attempt, unsubscribe, answers, notice: None },
        );
    }

    /// The other end of a channel said that it wants no messages any more.
    fn stop_channel(self: &Arc<Self>, business: BusinessId, plugin: String, reason: &str) {
        if self.replayed.is_some() {
            return;
        }
        let reason = format!("{WANTS_NO_MORE}{reason}");
        self.append_own(business, Input::Pause { plugin, reason }, |result| {
            if let Err(error) = result {
                tracing::error!(%error, "a channel could not be stopped; its next message tries again");
            }
        });
    }

    /// Counts failures in a row; after too many the plugin is stopped, by an entry of its own.
    fn count_failure(self: &Arc<Self>, business: BusinessId, plugin: String, failure: Option<String>) {
        let mut failures = lock(&self.failures);
        let Some(words) = failure else {
            // Most plugins never failed, and then there is nothing to forget.
            failures.remove(&(business, plugin));
            return;
        };
        let count = failures.entry((business, plugin.clone())).or_default();
        *count += 1;
        let limit = self.parts.limits.failures_in_a_row;
        if *count < limit || self.replayed.is_some() {
            return;
        }
        let name = (business, plugin.clone());
        failures.remove(&name);
        drop(failures);
        let first_line = words.lines().next().unwrap_or_default();
        let reason = format!("stopped after {limit} failures in a row; the last time, {first_line}");
        let engine = self.clone();
        self.append_own(business, Input::Pause { plugin, reason }, move |result| {
            if let Err(error) = result {
                tracing::error!(%error, "a failing plugin could not be stopped; its next failure tries again");
                lock(&engine.failures).insert(name, limit - 1);
            }
        });
    }
}

/// How far back the mail that is answered is looked for, in messages.
const ANSWERED_BACK: usize = 50;

/// The mail that an answer by mail answers: the customer's last one before it that a person wrote.
fn answered(records: &Records, message: &Message) -> Result<Option<Box<Message>>, StoreError> {
    if message.channel != "email" || message.purpose() != Purpose::Reply {
        return Ok(None);
    }
    let theirs =
        |other: &Message| other.author == Author::Customer && other.channel == "email" && other.machine.is_none();
    Ok(records.messages(Some(message.id), ANSWERED_BACK)?.into_iter().find(theirs).map(Box::new))
}
