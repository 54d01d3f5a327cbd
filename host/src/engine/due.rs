//! What is due: timers, messages, retries and retention, each a row of one table in the order of time. When its moment
//! comes a row becomes a journal entry. The entry's own step deletes the row; until then it is remembered as firing, so that
//! it happens once.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::domain::entry::{Entry, Input, Outcome};
use crate::domain::errand::{State, What};
use crate::domain::ids::{BusinessId, CustomerId, ErrandId, EventId, MessageId};
use crate::domain::message::{Author, Delivery, Message};
use crate::domain::plugin::Redo;
use crate::domain::time::{DAY, Instant};
use crate::store::{Batch, Check, Key, Order, Range, StoreError, Table, View};
use crate::turn::commit::DueWhat;
use crate::turn::records::Timer;

use super::config::businesses;
use super::{Engine, Parcel, lock};

/// How many due rows become entries in one commit.
const SLICE: usize = 256;

/// The longest sleep, in milliseconds: a clock that was set forward is noticed after this.
const SLEEP_MS: u64 = 1_000;

/// Wakes the one who waits for what is due.
#[derive(Default)]
pub struct Alarm {
    next: Mutex<Option<Instant>>,
    rang: Condvar,
    /// Rows that became entries whose steps are not done yet.
    firing: Mutex<Firing>,
}

#[derive(Default)]
struct Firing {
    rows: HashSet<Key>,
    by_entry: HashMap<EventId, Key>,
}

impl Alarm {
    /// A row became an entry.
    pub(super) fn firing(&self, key: Key, entry: EventId) {
        let mut firing = lock(&self.firing);
        firing.rows.insert(key.clone());
        firing.by_entry.insert(entry, key);
    }

    /// The entry's step is done, and has deleted the row.
    pub(super) fn fired(&self, entry: EventId) {
        let mut firing = lock(&self.firing);
        if let Some(key) = firing.by_entry.remove(&entry) {
            firing.rows.remove(&key);
        }
    }

    fn is_firing(&self, key: &Key) -> bool {
        lock(&self.firing).rows.contains(key)
    }

    /// Something is due at this time.
    pub fn wake(&self, at: Instant) {
        let mut next = lock(&self.next);
        if next.is_none_or(|next| at < next) {
            *next = Some(at);
            self.rang.notify_all();
        }
    }

    fn sleep_until(&self, now: impl Fn() -> Instant) {
        let mut next = lock(&self.next);
        if let Some(at) = *next {
            let wait_ms = at.0.saturating_sub(now().0).min(SLEEP_MS);
            if wait_ms > 0 {
                next = self
                    .rang
                    .wait_timeout(next, Duration::from_millis(wait_ms))
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
            }
        } else {
            next =
                self.rang.wait_timeout(next, Duration::from_millis(SLEEP_MS)).unwrap_or_else(PoisonError::into_inner).0;
        }
        *next = None;
    }
}

/// What a look at the due table gave.
#[derive(Debug, Default)]
pub struct Rung {
    /// How many rows became entries.
    pub fired: usize,
    /// When something is due next.
    pub next: Option<Instant>,
}

impl Engine {
    /// Starts the thread that turns what is due into entries, in worlds whose clock moves by itself.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start_clock(self: &Arc<Self>) -> std::io::Result<()> {
        let engine = self.clone();
        let thread = std::thread::Builder::new().name("clock".to_owned()).spawn(move || {
            while !engine.is_stopping() {
                match engine.ring() {
                    Ok(Rung { next: Some(at), .. }) => engine.due.wake(at),
                    Ok(_) => {}
                    Err(error) => tracing::error!(%error, "what is due could not be read"),
                }
                engine.due.sleep_until(|| engine.world().now());
            }
        })?;
        self.keep_thread(thread);
        Ok(())
    }

    /// Turns everything that is due by now into entries.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn ring(self: &Arc<Self>) -> Result<Rung, StoreError> {
        let mut rung = Rung::default();
        for business in businesses(self.view().as_ref())? {
            let (now, view) = (self.world().now(), self.view());
            let mut range = due_range(business);
            loop {
                let rows = view.first(&range, Order::Ascending, SLICE)?;
                let full = rows.len() == SLICE;
                let mut all_due = true;
                for (key, row) in rows {
                    range = range.past(&key);
                    match due_at(&key) {
                        Some(at) if at > now => {
                            rung.next = Some(rung.next.map_or(at, |earlier| earlier.min(at)));
                            all_due = false;
                            break;
                        }
                        _ if self.due.is_firing(&key) => {}
                        _ => {
                            let what: DueWhat = row.read_clear()?;
                            if let DueWhat::Claim(message) = what
                                && self.is_held(&view, &key, business, message)?
                            {
                                continue;
                            }
                            if let DueWhat::Errand(errand) = what
                                && self.is_errand_held(&view, &key, business, errand)?
                            {
                                continue;
                            }
                            rung.fired += usize::from(self.fire(&view, business, key, what, now)?);
                        }
                    }
                }
                if !full || !all_due {
                    break;
                }
            }
        }
        Ok(rung)
    }

    /// Whether a message that is due waits on because automations, or its plugin, are paused. It is looked at again when they
    /// are resumed.
    fn is_held(
        &self,
        view: &Arc<dyn View>,
        key: &Key,
        business: BusinessId,
        message: MessageId,
    ) -> Result<bool, StoreError> {
        let Some(ready) = self.ready(business) else { return Ok(false) };
        let mut paused = self.paused_now(business);
        paused.extend(ready.config.business.paused.is_some().then(|| "*".to_owned()));
        let stopped = ready.config.plugins.iter().filter(|plugin| plugin.installed.paused.is_some());
        paused.extend(stopped.map(|plugin| plugin.name.to_string()));
        if paused.is_empty() {
            return Ok(false);
        }
        let Some((customer, _)) = due_of(key) else { return Ok(false) };
        let message = self.records(view.clone(), business, customer)?.message(message)?;
        let is_held = |message: &Message| {
            let plugin = message.origin.as_ref().map_or("", |origin| origin.plugin.as_str());
            message.author == Author::Automation && paused.iter().any(|name| name == "*" || name == plugin)
        };
        Ok(message.as_ref().is_some_and(is_held))
    }

    /// The same of an errand: what a customer answered goes to no calendar while everything is paused. Notices go to staff.
    fn is_errand_held(
        &self,
        view: &Arc<dyn View>,
        key: &Key,
        business: BusinessId,
        errand: ErrandId,
    ) -> Result<bool, StoreError> {
        let Some(ready) = self.ready(business) else { return Ok(false) };
        let is_paused =
            ready.config.business.paused.is_some() || self.paused_now(business).iter().any(|name| name == "*");
        let Some((customer, _)) = due_of(key).filter(|_| is_paused) else { return Ok(false) };
        let errand = self.records(view.clone(), business, customer)?.errand(errand)?;
        Ok(errand.is_some_and(|errand| matches!(errand.what, What::Answer { .. })))
    }

    fn fire(
        self: &Arc<Self>,
        view: &Arc<dyn View>,
        business: BusinessId,
        key: Key,
        what: DueWhat,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let Some((customer, hash)) = due_of(&key) else { return Ok(false) };
        let Some(due) = due_at(&key) else { return Ok(false) };
        if self.is_leaving(view.as_ref(), business, customer)? {
            return Ok(false);
        }
        let mut depth = 0;
        let input = match what {
            DueWhat::Timer => {
                let records = self.records(view.clone(), business, customer)?;
                match records.get::<Timer>(&records.at(Table::Timer).hash(&hash))? {
                    Some(timer) => {
                        depth = timer.depth;
                        Some(Input::Timer { plugin: timer.plugin, key: timer.key, due: timer.due })
                    }
                    None => None,
                }
            }
            DueWhat::Claim(message) => Some(Input::Claim { message, due }),
            DueWhat::Retry(plugin) => Some(Input::Retry { plugin, due }),
            DueWhat::Errand(errand) => Some(Input::Errand { errand, due }),
            DueWhat::Hour => Some(Input::Hour { ended: due }),
            DueWhat::Retention(after) => {
                let days = u64::from(self.limits().why_days);
                Some(Input::Retention { before: now.minus(days * DAY), after, due })
            }
        };
        let Some(input) = input else {
            tracing::error!(%key, "something is due that is not there");
            return Ok(false);
        };
        let id = self.new_event_id();
        let entry = Entry { number: 0, id, business, customer, at: now, happened: now, depth, input };
        self.due.firing(key.clone(), id);
        let mut batch = Batch::new();
        batch.check(Check::Present(key));
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.append(vec![entry], batch, move |result| {
            let _ = sender.send(result);
        });
        // Waiting keeps a host that was down from a burst: entries come no faster than they are taken.
        let taken = receiver.recv().map_err(|_| StoreError::Failed("the store stopped".to_owned()))?;
        if taken.is_err() {
            self.due.fired(id);
        }
        match taken {
            Ok(_) => Ok(true),
            Err(super::NotTaken::Busy { .. } | super::NotTaken::Raced | super::NotTaken::Gone(_)) => Ok(false),
            Err(error) => Err(StoreError::Failed(error.to_string())),
        }
    }
}

fn due_range(business: BusinessId) -> Range {
    Range::prefix(Key::new(business, CustomerId::BUSINESS, Table::Due))
}

pub(super) fn due_at(key: &Key) -> Option<Instant> {
    Some(Instant(u64::from_be_bytes(key.rest().get(..8)?.try_into().ok()?)))
}

pub(super) fn due_of(key: &Key) -> Option<(CustomerId, [u8; 16])> {
    let rest = key.rest();
    Some((CustomerId(rest.get(8..24)?.try_into().ok()?), rest.get(24..40)?.try_into().ok()?))
}

/// Settles what was being attempted when the last process stopped. Whether the channel had taken it nobody knows: no channel
/// here may be asked twice, so the message is uncertain, and a person decides.
pub(super) fn settle_lost_attempts(engine: &Arc<Engine>) -> Result<usize, StoreError> {
    let view = engine.view();
    let mut count = 0;
    for business in businesses(view.as_ref())? {
        let attempting = Range::prefix(Key::new(business, CustomerId::BUSINESS, Table::Attempting));
        for (key, row) in view.all(&attempting)? {
            let customer: CustomerId = row.read_clear()?;
            let Ok(raw) = key.rest().try_into() else { continue };
            let customer = engine.home(business, customer);
            let records = engine.records(view.clone(), business, customer)?;
            if let Some(errand) = records.errand(ErrandId(raw))? {
                let State::Attempting { attempt } = errand.state else { continue };
                engine.settle_lost_errand(business, customer, &errand, attempt);
                count += 1;
                continue;
            }
            let Some(message) = records.message(MessageId(raw))? else { continue };
            let Delivery::Attempting { attempt } = message.delivery else { continue };
            let parcel = Parcel {
                business,
                business_name: String::new(),
                address: String::new(),
                message: Arc::new(message),
                attempt,
                unsubscribe: None,
                answers: None,
                notice: None,
            };
            let reason = "Attune stopped before the channel answered".to_owned();
            let ready = engine.ready(business);
            let served = ready.as_ref().and_then(|ready| ready.config.channel(&parcel.message.channel));
            let declared = served.and_then(|plugin| plugin.installed.manifest.channel.as_ref());
            let outcome = match declared.map(|channel| channel.redo) {
                Some(Redo::Idempotent) => Outcome::Retry(reason),
                _ => Outcome::Unknown(reason),
            };
            engine.outcome(&parcel, outcome, |result| {
                if let Err(error) = result {
                    tracing::error!(%error, "a lost attempt could not be settled; it is tried at the next start");
                }
            });
            count += 1;
        }
    }
    Ok(count)
}
