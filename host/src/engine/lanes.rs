//! Lanes: which entry may run next. One customer's entries run in order, one at a time; different customers' side by side.
//!
//! An entry of the business's own lane is a barrier: it waits until everything before it in the journal is done, and
//! everything after it waits for it. So a step sees the same configuration and the same sums however many workers there
//! are, which is what makes a replay exact.
//!
//! Nobody starves. Businesses take turns, and none has more than its [`Permits`] of entries running. What turns out
//! to take long runs on workers of its own ([`Pace::Slow`]): a plugin that computes until it is stopped holds up its like, and
//! nobody else.
//!
//! Plain data: no thread, no lock, no store.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::domain::entry::{Entry, Input, News};
use crate::domain::ids::{BusinessId, CustomerId};

/// What takes longer than this on average is slow, in microseconds. A prebuilt plugin's step takes a tenth of a millisecond, one
/// in an embedded interpreter a few; the limit of fuel is at 200.
const SLOW_US: u64 = 20_000;

/// Averages that are lower than this are not worth remembering, in microseconds.
const FORGOTTEN_US: u64 = SLOW_US / 4;

/// Whose turn an entry waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// That of most.
    Brisk,
    /// That of what takes long.
    Slow,
}

/// How much may run at one time.
#[derive(Debug, Clone, Copy)]
pub struct Permits {
    /// Entries of one business, at each [`Pace`]. Plugins have no permits of their own: an entry runs all that subscribe to
    /// it, and what is slow among them decides the entry's pace.
    pub of_a_business: [usize; 2],
}

/// Entries that wait and run, of all businesses.
pub struct Lanes {
    permits: Permits,
    businesses: HashMap<BusinessId, Business>,
    /// Businesses that have an entry ready, each once, in turn: no business waits behind another's queue.
    turns: [VecDeque<BusinessId>; 2],
    /// How long entries took lately, on average, by what they bring to plugins; only what took long.
    took_us: HashMap<(BusinessId, Kind), u64>,
    waiting: usize,
}

/// What an entry brings to plugins: entries of one kind run the same plugins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Message,
    Appointment,
    Order,
    Other,
    Timer,
    Retry,
    Host,
}

/// The entries of one business, cut into epochs by its own entries.
#[derive(Default)]
struct Business {
    epochs: VecDeque<Epoch>,
    in_turn: [bool; 2],
    /// Entries that run, at each pace.
    running: [usize; 2],
    waiting: usize,
}

/// What lies between two barriers. Only the first epoch runs.
#[derive(Default)]
struct Epoch {
    lanes: HashMap<CustomerId, Lane>,
    ready: [VecDeque<CustomerId>; 2],
    unfinished: usize,
    barrier: Option<Arc<Entry>>,
    barrier_runs: bool,
}

#[derive(Default)]
struct Lane {
    entries: VecDeque<Arc<Entry>>,
    /// At which pace its first entry runs, until it is durable.
    running: Option<Pace>,
    /// Whether that entry still has a permit: until its step is through.
    has_permit: bool,
}

impl Lanes {
    /// No entries yet.
    pub fn new(permits: Permits) -> Self {
        let turns = [VecDeque::new(), VecDeque::new()];
        Self { permits, businesses: HashMap::new(), turns, took_us: HashMap::new(), waiting: 0 }
    }

    /// Takes an entry. Entries have to be handed over in the order of the journal.
    pub fn push(&mut self, entry: Arc<Entry>) {
        let (id, pace) = (entry.business, self.pace(&entry));
        let business = self.businesses.entry(id).or_default();
        business.waiting += 1;
        if business.epochs.back().is_none_or(|epoch| epoch.barrier.is_some()) {
            business.epochs.push_back(Epoch::default());
        }
        if let Some(epoch) = business.epochs.back_mut() {
            if entry.customer.is_business() {
                epoch.barrier = Some(entry);
            } else {
                epoch.unfinished += 1;
                let customer = entry.customer;
                let lane = epoch.lanes.entry(customer).or_default();
                lane.entries.push_back(entry);
                if lane.running.is_none() && lane.entries.len() == 1 {
                    epoch.ready[pace as usize].push_back(customer);
                }
            }
        }
        self.waiting += 1;
        self.give_turns(id);
    }

    /// The next entry that may run at a pace. It has to be handed back by [`done`](Self::done).
    pub fn start(&mut self, pace: Pace) -> Option<Arc<Entry>> {
        let id = self.turns[pace as usize].pop_front()?;
        let business = self.businesses.get_mut(&id)?;
        business.in_turn[pace as usize] = false;
        let next = business.next(pace);
        if next.is_some() {
            business.running[pace as usize] += 1;
        }
        self.give_turns(id);
        next
    }

    /// Whether an entry may run at a pace.
    pub fn has_next(&self, pace: Pace) -> bool {
        !self.turns[pace as usize].is_empty()
    }

    /// The step of an entry is through: others of its business may run while its commit becomes durable. Its lane waits for that.
    pub fn stepped(&mut self, entry: &Entry) {
        let Some(business) = self.businesses.get_mut(&entry.business) else { return };
        let lane = business.epochs.front_mut().and_then(|epoch| epoch.lanes.get_mut(&entry.customer));
        let pace = lane.and_then(|lane| lane.running.filter(|_| std::mem::take(&mut lane.has_permit)));
        if let Some(pace) = pace {
            business.leaves(pace);
        }
        self.give_turns(entry.business);
    }

    /// An entry is done and durable, after a step of so many microseconds; what waited for it may run.
    pub fn done(&mut self, entry: &Entry, took_us: u64) {
        self.waiting = self.waiting.saturating_sub(1);
        self.measured(entry, took_us);
        if let Some(business) = self.businesses.get_mut(&entry.business) {
            business.waiting = business.waiting.saturating_sub(1);
            if let Some((customer, next)) = business.done(entry) {
                let pace = self.took_us.get(&(next.business, kind(&next))).map_or(Pace::Brisk, |us| pace_of(*us));
                if let Some(epoch) = business.epochs.front_mut() {
                    epoch.ready[pace as usize].push_back(customer);
                }
            }
            if business.epochs.is_empty() {
                // Its place among the turns, if it has one, is skipped when its turn comes.
                self.businesses.remove(&entry.business);
                self.turns.iter_mut().for_each(|turns| turns.retain(|id| *id != entry.business));
            }
        }
        self.give_turns(entry.business);
    }

    /// How many entries wait or run.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many of one business do.
    pub fn waiting_of(&self, business: BusinessId) -> usize {
        self.businesses.get(&business).map_or(0, |business| business.waiting)
    }

    /// At which pace an entry runs, going by its like.
    fn pace(&self, entry: &Entry) -> Pace {
        self.took_us.get(&(entry.business, kind(entry))).map_or(Pace::Brisk, |us| pace_of(*us))
    }

    /// Takes down how long an entry took. The average is of about the last four.
    fn measured(&mut self, entry: &Entry, took_us: u64) {
        if entry.customer.is_business() && kind(entry) == Kind::Host {
            // It runs alone whatever it takes, and says nothing of customers' entries of that kind.
            return;
        }
        let name = (entry.business, kind(entry));
        let before = self.took_us.get(&name).copied();
        if before.is_none() && took_us < FORGOTTEN_US {
            return;
        }
        let average = before.map_or(took_us, |before| (3 * before + took_us) / 4);
        if average < FORGOTTEN_US {
            self.took_us.remove(&name);
        } else {
            self.took_us.insert(name, average);
        }
    }

    fn give_turns(&mut self, id: BusinessId) {
        let Some(business) = self.businesses.get_mut(&id) else { return };
        for pace in [Pace::Brisk, Pace::Slow] {
            let may = business.running[pace as usize] < self.permits.of_a_business[pace as usize];
            if may && !business.in_turn[pace as usize] && business.has_next(pace) {
                business.in_turn[pace as usize] = true;
                self.turns[pace as usize].push_back(id);
            }
        }
    }
}

fn pace_of(took_us: u64) -> Pace {
    if took_us > SLOW_US { Pace::Slow } else { Pace::Brisk }
}

fn kind(entry: &Entry) -> Kind {
    match &entry.input {
        Input::Event(event) => match &event.news {
            News::Message(_) => Kind::Message,
            News::Appointment { .. } => Kind::Appointment,
            News::Order { .. } => Kind::Order,
            News::Customer | News::Report(_) | News::Other(_) => Kind::Other,
        },
        Input::Timer { .. } => Kind::Timer,
        Input::Retry { .. } => Kind::Retry,
        _ => Kind::Host,
    }
}

impl Business {
    fn has_next(&self, pace: Pace) -> bool {
        self.epochs.front().is_some_and(|epoch| {
            let barrier = epoch.unfinished == 0 && epoch.barrier.is_some() && !epoch.barrier_runs;
            !epoch.ready[pace as usize].is_empty() || barrier && pace == Pace::Brisk
        })
    }

    fn next(&mut self, pace: Pace) -> Option<Arc<Entry>> {
        let epoch = self.epochs.front_mut()?;
        if let Some(customer) = epoch.ready[pace as usize].pop_front() {
            let lane = epoch.lanes.get_mut(&customer)?;
            (lane.running, lane.has_permit) = (Some(pace), true);
            return lane.entries.pop_front();
        }
        if epoch.unfinished == 0 && !epoch.barrier_runs && pace == Pace::Brisk {
            epoch.barrier_runs = epoch.barrier.is_some();
            return epoch.barrier.clone();
        }
        None
    }

    /// An entry is done; gives the next one of its lane, if there is one.
    fn done(&mut self, entry: &Entry) -> Option<(CustomerId, Arc<Entry>)> {
        let epoch = self.epochs.front_mut()?;
        if entry.customer.is_business() {
            self.leaves(Pace::Brisk);
            self.epochs.pop_front();
            return None;
        }
        epoch.unfinished = epoch.unfinished.saturating_sub(1);
        let (mut next, mut pace) = (None, None);
        if let Some(lane) = epoch.lanes.get_mut(&entry.customer) {
            pace = lane.running.take().filter(|_| std::mem::take(&mut lane.has_permit));
            match lane.entries.front() {
                Some(entry) => next = Some((entry.customer, entry.clone())),
                None => {
                    epoch.lanes.remove(&entry.customer);
                }
            }
        }
        if epoch.unfinished == 0 && epoch.barrier.is_none() && self.epochs.len() == 1 {
            self.epochs.pop_front();
        }
        if let Some(pace) = pace {
            self.leaves(pace);
        }
        next
    }

    fn leaves(&mut self, pace: Pace) {
        let running = &mut self.running[pace as usize];
        *running = running.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entry::Input;
    use crate::domain::ids::EventId;
    use crate::domain::time::Instant;

    fn entry(business: u8, customer: u8, number: u64) -> Arc<Entry> {
        Arc::new(Entry {
            number,
            id: EventId::new(Instant(number), [0; 10]),
            business: BusinessId([business; 16]),
            customer: CustomerId([customer; 16]),
            at: Instant(number),
            happened: Instant(number),
            depth: 0,
            input: Input::Retry { plugin: "any".into(), due: Instant(0) },
        })
    }

    const PERMITS: Permits = Permits { of_a_business: [2, 2] };

    fn started(lanes: &mut Lanes) -> Vec<u64> {
        at_pace(lanes, Pace::Brisk)
    }

    fn at_pace(lanes: &mut Lanes, pace: Pace) -> Vec<u64> {
        std::iter::from_fn(|| lanes.start(pace)).map(|entry| entry.number).collect()
    }

    #[test]
    fn one_customers_entries_run_one_at_a_time_and_in_order() {
        let mut lanes = Lanes::new(PERMITS);
        let (first, second, other) = (entry(1, 1, 1), entry(1, 1, 2), entry(1, 2, 3));
        for one in [&first, &second, &other] {
            lanes.push(one.clone());
        }
        assert_eq!(started(&mut lanes), [1, 3]);
        lanes.done(&first, 100);
        assert_eq!(started(&mut lanes), [2]);
    }

    #[test]
    fn an_entry_of_the_business_waits_for_all_before_it_and_holds_up_all_after_it() {
        let mut lanes = Lanes::new(PERMITS);
        let (before, barrier, after, elsewhere) = (entry(1, 1, 1), entry(1, 0, 2), entry(1, 2, 3), entry(2, 1, 4));
        for one in [&before, &barrier, &after, &elsewhere] {
            lanes.push(one.clone());
        }
        assert_eq!(started(&mut lanes), [1, 4], "another business is not held up");
        lanes.done(&before, 100);
        assert_eq!(started(&mut lanes), [2]);
        lanes.done(&barrier, 100);
        assert_eq!(started(&mut lanes), [3]);
        lanes.done(&after, 100);
        lanes.done(&elsewhere, 100);
        assert_eq!(lanes.waiting(), 0);
    }

    #[test]
    fn businesses_take_turns() {
        let mut lanes = Lanes::new(PERMITS);
        for number in 0..2 {
            lanes.push(entry(1, number + 1, u64::from(number)));
        }
        lanes.push(entry(2, 1, 9));
        assert_eq!(started(&mut lanes), [0, 9, 1]);
    }

    #[test]
    fn a_business_has_no_more_entries_running_than_it_may() {
        let mut lanes = Lanes::new(PERMITS);
        let flood: Vec<_> = (0..5).map(|number| entry(1, number + 1, u64::from(number))).collect();
        flood.iter().for_each(|one| lanes.push(one.clone()));
        assert_eq!(started(&mut lanes), [0, 1]);
        lanes.push(entry(2, 1, 9));
        assert_eq!(started(&mut lanes), [9], "another business is not held up");
        lanes.done(&flood[1], 100);
        assert_eq!(started(&mut lanes), [2]);
        assert_eq!((lanes.waiting(), lanes.waiting_of(BusinessId([1; 16]))), (5, 4));
    }

    #[test]
    fn a_permit_is_free_again_when_the_step_is_through_and_the_lane_when_it_is_durable() {
        let mut lanes = Lanes::new(PERMITS);
        let flood: Vec<_> = (0..4).map(|number| entry(1, number + 1, u64::from(number))).collect();
        let behind = entry(1, 1, 9);
        flood.iter().chain([&behind]).for_each(|one| lanes.push(one.clone()));
        assert_eq!(started(&mut lanes), [0, 1]);
        lanes.stepped(&flood[0]);
        assert_eq!(started(&mut lanes), [2], "and not what waits behind it in its lane");
        lanes.done(&flood[0], 100);
        assert!(started(&mut lanes).is_empty(), "it gave its permit back already");
        lanes.stepped(&flood[1]);
        lanes.stepped(&flood[2]);
        assert_eq!(started(&mut lanes), [3, 9]);
    }

    #[test]
    fn what_takes_long_runs_at_a_pace_of_its_own_until_it_does_not() {
        let mut lanes = Lanes::new(PERMITS);
        let one = |number: u64| entry(1, number as u8 + 1, number);
        lanes.push(one(0));
        assert_eq!(started(&mut lanes), [0]);
        lanes.done(&one(0), 150_000);
        for number in 1..=3 {
            lanes.push(one(number));
        }
        lanes.push(entry(2, 1, 9));
        assert_eq!(started(&mut lanes), [9], "only the other business has something that is brisk");
        assert!(lanes.has_next(Pace::Slow));
        assert_eq!(at_pace(&mut lanes, Pace::Slow), [1, 2], "no more than it may");
        lanes.done(&one(1), 100);
        assert_eq!(at_pace(&mut lanes, Pace::Slow), [3]);
        for number in 2..=3 {
            lanes.done(&one(number), 100);
        }
        for number in 4..=8 {
            lanes.push(one(number));
            let pace = if lanes.has_next(Pace::Slow) { Pace::Slow } else { Pace::Brisk };
            assert_eq!(at_pace(&mut lanes, pace), [number]);
            lanes.done(&one(number), 100);
        }
        lanes.push(one(9));
        assert_eq!(started(&mut lanes), [9], "it has been quick for a while");
    }
}
