//! What the last step in a lane knew of its customer, kept in memory for the next one.
//!
//! A customer's rows change in steps of their own lane only, so what a step knew when its commit became durable is what the
//! next one would read. It is taken out while a step runs and put back once that step is durable; whatever goes wrong in
//! between just leaves it out, and the next step reads the store.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::appointment::Appointment;
use crate::domain::case::Case;
use crate::domain::customer::Customer;
use crate::domain::ids::{BusinessId, CustomerId};
use crate::domain::order::Order;
use crate::domain::recent::Recent;

use super::records::Share;

/// What is known of one customer. What is none was not looked at and has to be read.
#[derive(Debug, Clone, Default)]
pub struct Warm {
    /// What stands in their row.
    pub customer: Option<Arc<Customer>>,
    /// What they got lately.
    pub recent: Option<Arc<Recent>>,
    /// Their newest case, if they have one.
    pub case: Option<Option<Arc<Case>>>,
    /// All shares that wait.
    pub shares: Option<Vec<Share>>,
    /// All of their orders.
    pub orders: Option<Vec<Arc<Order>>>,
    /// All of their appointments.
    pub appointments: Option<Vec<Arc<Appointment>>>,
    /// Notes of plugins that were read or written, and such as were found not to be there.
    pub notes: Notes,
}

/// How many notes of a customer are kept.
const NOTES: usize = 16;

/// Longer notes are read again.
const NOTE_BYTES: usize = 256;

/// What is known of the notes of plugins: few and short ones.
#[derive(Debug, Clone, Default)]
pub struct Notes(Vec<(Arc<str>, String, Option<String>)>);

impl Notes {
    /// What is known of a note: its value, or that there is none.
    pub fn get(&self, plugin: &str, key: &str) -> Option<Option<String>> {
        let known = self.0.iter().find(|(whose, known, _)| **whose == *plugin && known == key);
        known.map(|(_, _, value)| value.clone())
    }

    /// Takes down what a note is now.
    pub fn set(&mut self, plugin: &Arc<str>, key: &str, value: Option<&str>) {
        self.0.retain(|(whose, known, _)| !(**whose == **plugin && known == key));
        if self.0.len() < NOTES && key.len() + value.map_or(0, str::len) <= NOTE_BYTES {
            self.0.push((plugin.clone(), key.to_owned(), value.map(str::to_owned)));
        }
    }
}

/// Which lane.
type Lane = (BusinessId, CustomerId);

/// The lanes that were used last. Two halves: when the young one is full it becomes the old one, and the old one is forgotten.
pub struct WarmLanes {
    young: HashMap<Lane, Warm>,
    old: HashMap<Lane, Warm>,
    half: usize,
}

impl WarmLanes {
    /// Keeps at most twice `half` lanes.
    pub fn new(half: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half }
    }

    /// Takes out what is known in a lane.
    pub fn take(&mut self, lane: Lane) -> Option<Warm> {
        self.young.remove(&lane).or_else(|| self.old.remove(&lane))
    }

    /// Puts back what is known in a lane.
    pub fn put(&mut self, lane: Lane, warm: Warm) {
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(lane, warm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_that_are_used_stay_and_others_are_forgotten() {
        let lane = |n: u8| (BusinessId([1; 16]), CustomerId([n; 16]));
        let mut lanes = WarmLanes::new(2);
        for n in 1..=5 {
            lanes.put(lane(n), Warm::default());
            let used = lanes.take(lane(1)).unwrap_or_else(|| panic!("the one in use was forgotten at {n}"));
            lanes.put(lane(1), used);
        }
        assert!(lanes.take(lane(2)).is_none());
        assert!(lanes.take(lane(5)).is_some());
    }
}
