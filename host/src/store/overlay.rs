//! What is durable in the log and not yet in its place: a persistent map that lies over the rows of the file.
//!
//! Entries point into the encoded groups of the log, which are kept as they were written: a row is encoded once and then
//! only pointed at, and copying a node of the map touches a few groups instead of as many rows.
//!
//! It never forgets a deletion before the row under it is gone.

use std::ops::Bound::{Excluded, Unbounded};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use imbl::OrdMap;

use super::key::Key;

/// Puts and deletions by key; cheap to copy.
pub(super) type Layer = OrdMap<Key, Option<Place>>;

/// The bytes of one group. They are set when the group is complete: until then only the writer reads them.
pub(super) type Group = Arc<OnceLock<Vec<u8>>>;

/// An encoded row within a group.
#[derive(Clone)]
pub(super) struct Place {
    group: Group,
    start: u32,
    len: u32,
}

impl Place {
    pub(super) fn new(group: &Group, bytes: Range<usize>) -> Place {
        // Groups are limited to far less than 4 GiB; a place that is not in its group reads as a damaged row.
        let start = u32::try_from(bytes.start).unwrap_or(u32::MAX);
        Place { group: group.clone(), start, len: u32::try_from(bytes.len()).unwrap_or(u32::MAX) }
    }

    /// The encoded row. `open` is what there is of the group that is not complete yet.
    pub(super) fn bytes<'a>(&'a self, open: &'a [u8]) -> &'a [u8] {
        let group = self.group.get().map_or(open, Vec::as_slice);
        let start = self.start as usize;
        group.get(start..start + self.len as usize).unwrap_or_default()
    }
}

/// What an entry takes beside the bytes of its row: key, pointers, nodes that are not full.
const ENTRY_BYTES: usize = 160;

/// A layer that knows about how much memory it takes.
#[derive(Default)]
pub(super) struct Overlay {
    layer: Layer,
    bytes: usize,
}

impl Overlay {
    pub(super) fn layer(&self) -> &Layer {
        &self.layer
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn set(&mut self, key: Key, row: Option<Place>) {
        self.bytes += cost(row.as_ref());
        if let Some(old) = self.layer.insert(key, row) {
            self.bytes -= cost(old.as_ref());
        }
    }

    pub(super) fn remove(&mut self, key: &Key) {
        if let Some(old) = self.layer.remove(key.as_bytes()) {
            self.bytes -= cost(old.as_ref());
        }
    }

    /// The entries after a key, or from the first on, up to about so many bytes. At least one, if there is any.
    pub(super) fn slice(&self, after: Option<&Key>, bytes: usize) -> Vec<(Key, Option<Place>)> {
        let mut taken = 0;
        let start = after.map_or(Unbounded, |key| Excluded(key.as_bytes()));
        self.layer
            .range::<_, [u8]>((start, Unbounded))
            .take_while(|(_, row)| {
                let more = taken < bytes;
                taken += cost(row.as_ref());
                more
            })
            .map(|(key, row)| (key.clone(), row.clone()))
            .collect()
    }
}

fn cost(row: Option<&Place>) -> usize {
    ENTRY_BYTES + row.map_or(0, |place| place.len as usize)
}
