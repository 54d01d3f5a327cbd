//! What is durable in the log and not yet in its place: a persistent map that lies over the rows of the file.
//!
//! Entries point into the encoded groups of the log, which are kept as they were written: a row is encoded once and then
//! only pointed at.
//!
//! It never forgets a deletion before the row under it is gone.

use std::ops::Bound::{Excluded, Unbounded};
use std::ops::Range;
use std::sync::Arc;

use imbl::OrdMap;

use super::key::Key;

/// Puts and deletions by key, with the groups that the puts point into; cheap to copy.
#[derive(Clone, Default)]
pub(super) struct Layer {
    /// An entry points to its group by number: to copy a node of the map is then to copy bytes, and counts no references.
    pub(super) entries: OrdMap<Key, Option<Place>>,
    groups: OrdMap<u64, Group>,
}

/// The bytes of one group.
pub(super) type Group = Arc<Vec<u8>>;

/// An encoded row within a group.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Place {
    group: u64,
    start: u32,
    len: u32,
    /// Whether it is known that no row lies below.
    is_fresh: bool,
}

impl Place {
    pub(super) fn new(group: u64, bytes: Range<usize>, is_fresh: bool) -> Place {
        // Groups are limited to far less than 4 GiB; a place that is not in its group reads as a damaged row.
        let start = u32::try_from(bytes.start).unwrap_or(u32::MAX);
        Place { group, start, len: u32::try_from(bytes.len()).unwrap_or(u32::MAX), is_fresh }
    }
}

impl Layer {
    /// An encoded row. `open` is what there is of the group that is not complete yet.
    pub(super) fn bytes<'a>(&'a self, place: &Place, open: &'a [u8]) -> &'a [u8] {
        let group = self.groups.get(&place.group).map_or(open, |group| group.as_slice());
        let start = place.start as usize;
        group.get(start..start + place.len as usize).unwrap_or_default()
    }
}

/// What an entry takes beside the bytes of its row: key, pointers, nodes that are not full.
const ENTRY_BYTES: usize = 160;

/// A layer that knows about how much memory it takes.
#[derive(Default)]
pub(super) struct Overlay {
    layer: Layer,
    bytes: usize,
    /// The slice that is on its way: after which key, and up to which.
    moving: Option<(Option<Key>, Key)>,
}

impl Overlay {
    pub(super) fn layer(&self) -> &Layer {
        &self.layer
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Puts or deletes. What is deleted before it had a place of its own, or was on its way there, leaves no deletion either.
    pub(super) fn set(&mut self, key: Key, row: Option<Place>) {
        if row.is_none()
            && self.layer.entries.get(key.as_bytes()).is_some_and(|old| old.is_some_and(|p| p.is_fresh))
            && !self.is_moving(&key)
        {
            return self.remove(&key);
        }
        self.bytes += cost(row.as_ref());
        if let Some(old) = self.layer.entries.insert(key, row) {
            self.bytes -= cost(old.as_ref());
        }
    }

    fn remove(&mut self, key: &Key) {
        if let Some(old) = self.layer.entries.remove(key.as_bytes()) {
            self.bytes -= cost(old.as_ref());
        }
    }

    fn is_moving(&self, key: &Key) -> bool {
        self.moving.as_ref().is_some_and(|(after, upto)| after.as_ref().is_none_or(|after| key > after) && key <= upto)
    }

    /// Takes a complete group, which entries point into.
    pub(super) fn add_group(&mut self, number: u64, group: Group) {
        self.layer.groups.insert(number, group);
    }

    /// Forgets the groups up to a number: no entry points into them any more.
    pub(super) fn forget_groups(&mut self, last: u64) {
        while self.layer.groups.get_min().is_some_and(|(number, _)| *number <= last) {
            self.layer.groups = self.layer.groups.without_min().1;
        }
    }

    /// The entries after a key, or from the first on, up to about so many bytes, which are on their way from now on. At
    /// least one, if there is any.
    pub(super) fn move_out(&mut self, after: Option<&Key>, bytes: usize) -> Vec<(Key, Option<Place>)> {
        let mut taken = 0;
        let entries: Vec<_> = self
            .after(after)
            .take_while(|(_, row)| {
                let more = taken < bytes;
                taken += cost(row.as_ref());
                more
            })
            .map(|(key, row)| (key.clone(), *row))
            .collect();
        self.moving = entries.last().map(|(upto, _)| (after.cloned(), upto.clone()));
        entries
    }

    /// Takes out what has reached its place, unless it was changed since.
    pub(super) fn arrived(&mut self, entries: &[(Key, Option<Place>)]) {
        self.moving = None;
        for (key, row) in entries {
            if self.layer.entries.get(key.as_bytes()) == Some(row) {
                self.remove(key);
            }
        }
    }

    /// Whether nothing comes after a key.
    pub(super) fn is_last(&self, key: Option<&Key>) -> bool {
        self.after(key).next().is_none()
    }

    fn after(&self, key: Option<&Key>) -> impl Iterator<Item = (&Key, &Option<Place>)> {
        let start = key.map_or(Unbounded, |key| Excluded(key.as_bytes()));
        self.layer.entries.range::<_, [u8]>((start, Unbounded))
    }
}

fn cost(row: Option<&Place>) -> usize {
    ENTRY_BYTES + row.map_or(0, |place| place.len as usize)
}
