//! Lanes: which entry may run next. One customer's entries run in order, one at a time; different customers' side by side.
//!
//! An entry of the business's own lane is a barrier: it waits until everything before it in the journal is done, and
//! everything after it waits for it. So a step sees the same configuration and the same sums however many workers there
//! are, which is what makes a replay exact.
//!
//! Plain data: no thread, no lock, no store.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::domain::entry::Entry;
use crate::domain::ids::{BusinessId, CustomerId};

/// Entries that wait and run, of all businesses.
#[derive(Default)]
pub struct Lanes {
    businesses: HashMap<BusinessId, Business>,
    /// Businesses that have an entry ready, each once, in turn: no business waits behind another's queue.
    turns: VecDeque<BusinessId>,
    waiting: usize,
}

/// The entries of one business, cut into epochs by its own entries.
#[derive(Default)]
struct Business {
    epochs: VecDeque<Epoch>,
    in_turn: bool,
}

/// What lies between two barriers. Only the first epoch runs.
#[derive(Default)]
struct Epoch {
    lanes: HashMap<CustomerId, Lane>,
    ready: VecDeque<CustomerId>,
    unfinished: usize,
    barrier: Option<Arc<Entry>>,
    barrier_runs: bool,
}

#[derive(Default)]
struct Lane {
    entries: VecDeque<Arc<Entry>>,
    running: bool,
}

impl Lanes {
    /// Takes an entry. Entries have to be handed over in the order of the journal.
    pub fn push(&mut self, entry: Arc<Entry>) {
        let id = entry.business;
        let business = self.businesses.entry(id).or_default();
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
                if !lane.running && lane.entries.len() == 1 {
                    epoch.ready.push_back(customer);
                }
            }
        }
        self.waiting += 1;
        self.give_turn(id);
    }

    /// The next entry that may run. It has to be handed back by [`done`](Self::done).
    pub fn start(&mut self) -> Option<Arc<Entry>> {
        let id = self.turns.pop_front()?;
        let business = self.businesses.get_mut(&id)?;
        business.in_turn = false;
        let next = business.next();
        self.give_turn(id);
        next
    }

    /// An entry is done and durable; what waited for it may run.
    pub fn done(&mut self, entry: &Entry) {
        self.waiting = self.waiting.saturating_sub(1);
        if let Some(business) = self.businesses.get_mut(&entry.business) {
            business.done(entry);
            if business.epochs.is_empty() {
                // Its place among the turns, if it has one, is skipped when its turn comes.
                self.businesses.remove(&entry.business);
                self.turns.retain(|id| *id != entry.business);
            }
        }
        self.give_turn(entry.business);
    }

    /// How many entries wait or run.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    fn give_turn(&mut self, id: BusinessId) {
        if let Some(business) = self.businesses.get_mut(&id)
            && !business.in_turn
            && business.has_next()
        {
            business.in_turn = true;
            self.turns.push_back(id);
        }
    }
}

impl Business {
    fn has_next(&self) -> bool {
        self.epochs.front().is_some_and(|epoch| {
            !epoch.ready.is_empty() || (epoch.unfinished == 0 && epoch.barrier.is_some() && !epoch.barrier_runs)
        })
    }

    fn next(&mut self) -> Option<Arc<Entry>> {
        let epoch = self.epochs.front_mut()?;
        if let Some(customer) = epoch.ready.pop_front() {
            let lane = epoch.lanes.get_mut(&customer)?;
            lane.running = true;
            return lane.entries.pop_front();
        }
        if epoch.unfinished == 0 && !epoch.barrier_runs {
            epoch.barrier_runs = epoch.barrier.is_some();
            return epoch.barrier.clone();
        }
        None
    }

    fn done(&mut self, entry: &Entry) {
        let Some(epoch) = self.epochs.front_mut() else { return };
        if entry.customer.is_business() {
            self.epochs.pop_front();
            return;
        }
        epoch.unfinished = epoch.unfinished.saturating_sub(1);
        if let Some(lane) = epoch.lanes.get_mut(&entry.customer) {
            lane.running = false;
            if lane.entries.is_empty() {
                epoch.lanes.remove(&entry.customer);
            } else {
                epoch.ready.push_back(entry.customer);
            }
        }
        if epoch.unfinished == 0 && epoch.barrier.is_none() && self.epochs.len() == 1 {
            self.epochs.pop_front();
        }
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

    fn started(lanes: &mut Lanes) -> Vec<u64> {
        std::iter::from_fn(|| lanes.start()).map(|entry| entry.number).collect()
    }

    #[test]
    fn one_customers_entries_run_one_at_a_time_and_in_order() {
        let mut lanes = Lanes::default();
        let (first, second, other) = (entry(1, 1, 1), entry(1, 1, 2), entry(1, 2, 3));
        for one in [&first, &second, &other] {
            lanes.push(one.clone());
        }
        assert_eq!(started(&mut lanes), [1, 3]);
        lanes.done(&first);
        assert_eq!(started(&mut lanes), [2]);
    }

    #[test]
    fn an_entry_of_the_business_waits_for_all_before_it_and_holds_up_all_after_it() {
        let mut lanes = Lanes::default();
        let (before, barrier, after, elsewhere) = (entry(1, 1, 1), entry(1, 0, 2), entry(1, 2, 3), entry(2, 1, 4));
        for one in [&before, &barrier, &after, &elsewhere] {
            lanes.push(one.clone());
        }
        assert_eq!(started(&mut lanes), [1, 4], "another business is not held up");
        lanes.done(&before);
        assert_eq!(started(&mut lanes), [2]);
        lanes.done(&barrier);
        assert_eq!(started(&mut lanes), [3]);
        lanes.done(&after);
        lanes.done(&elsewhere);
        assert_eq!(lanes.waiting(), 0);
    }

    #[test]
    fn businesses_take_turns() {
        let mut lanes = Lanes::default();
        for number in 0..3 {
            lanes.push(entry(1, number + 1, u64::from(number)));
        }
        lanes.push(entry(2, 1, 9));
        assert_eq!(started(&mut lanes), [0, 9, 1, 2]);
    }
}
