//! The write-ahead log: a file of its own beside that of the rows, written in place.
//!
//! Every group commit is one record: a header, then the group as [`log`](super::log) wrote it. A record begins at a page
//! and shares its pages with no other, so a write that is torn can hurt only the record it belongs to. Room is used again
//! as soon as what was there is in its place. So the file soon keeps its length, and a sync of it writes its own pages and
//! nothing else: while a file grows, every sync writes tables of the file system as well, and waits for whatever else goes on
//! with those.
//!
//! A start reads the whole file and takes every record that is whole, of this store, and not done with, wherever it stands.
//!
//! It never takes a record that another store or a guest's text could have put there: each bears the store's own secret
//! number and the digest of all that it says.

use std::collections::{BTreeMap, VecDeque};

use redb::StorageBackend;
use sha2::{Digest, Sha256};

use super::StoreError;

/// How many bytes of a record come before its group.
pub(super) const HEADER_BYTES: usize = 64;

const MAGIC: [u8; 8] = *b"attunwal";
const PAGE_BYTES: u64 = 4096;

/// The file grows by this much at a time. 4 MiB: about a thousand events of a quiet shop, which moves its rows sooner.
const GROWTH_BYTES: u64 = 4 << 20;

/// The log of one store.
#[derive(Debug)]
pub(super) struct Wal {
    file: Box<dyn StorageBackend>,
    /// The secret number of the store.
    id: u64,
    len: u64,
    /// Each group that is not done with, in order, where it stands and how long it is.
    groups: VecDeque<(u64, u64, usize)>,
    /// The pages that are taken: from where to where.
    taken: BTreeMap<u64, u64>,
    bytes: usize,
}

/// A record that a start finds: the number of its group, and its bytes.
pub(super) type Record = (u64, Vec<u8>);

impl Wal {
    /// Opens the log of the store with this number; gives the records from group `from` on, in order.
    ///
    /// # Errors
    /// When it cannot be read, or a record is missing before others.
    pub(super) fn open(file: Box<dyn StorageBackend>, id: u64, from: u64) -> Result<(Wal, Vec<Record>), StoreError> {
        let len = file.len().map_err(failed)?;
        let mut wal = Wal { file, id, len, groups: VecDeque::new(), taken: BTreeMap::new(), bytes: 0 };
        let mut found = BTreeMap::new();
        let mut at = 0;
        while at + HEADER_BYTES as u64 <= len {
            let record = wal.read(at)?;
            let size = record.as_ref().map_or(1, |(_, bytes)| bytes.len());
            if let Some((group, bytes)) = record
                && group >= from
            {
                found.insert(group, (at, bytes));
            }
            at += pages(size);
        }
        // What was read may be only in the memory of the machine, and is acted on from now on.
        wal.file.sync_data().map_err(failed)?;
        let mut records = Vec::with_capacity(found.len());
        for ((group, (at, bytes)), expected) in found.into_iter().zip(from..) {
            if group != expected {
                return Err(StoreError::Damaged(format!(
                    "group {expected} is missing in the log, and {group} is there"
                )));
            }
            wal.take(group, at, bytes.len());
            records.push((group, bytes));
        }
        Ok((wal, records))
    }

    /// Whether anything that looks like a record of some store is at the beginning of a file.
    pub(super) fn is_used(file: &dyn StorageBackend) -> Result<bool, StoreError> {
        let mut magic = [0; MAGIC.len()];
        if file.len().map_err(failed)? < magic.len() as u64 {
            return Ok(false);
        }
        file.read(0, &mut magic).map_err(failed)?;
        Ok(magic == MAGIC)
    }

    /// Writes a group and makes it durable. `record` has room for the header before the group; it is filled in, and the
    /// last page is filled up.
    pub(super) fn append(&mut self, group: u64, record: &mut Vec<u8>) -> Result<(), StoreError> {
        let len = record.len();
        let header = header(self.id, group, record);
        if let Some(place) = record.first_chunk_mut() {
            *place = header;
        }
        record.resize(pages(len) as usize, 0);
        let at = self.room(record.len() as u64);
        if at + record.len() as u64 > self.len {
            self.len = (at + record.len() as u64).next_multiple_of(GROWTH_BYTES);
            self.file.set_len(self.len).map_err(failed)?;
        }
        self.file.write(at, record).map_err(failed)?;
        self.file.sync_data().map_err(failed)?;
        self.take(group, at, len);
        Ok(())
    }

    /// Gives the room of the groups up to `last` back. The rows' file must say by now that they are done with.
    pub(super) fn forget(&mut self, last: u64) {
        while let Some((_, at, len)) = self.groups.pop_front_if(|(group, ..)| *group <= last) {
            self.taken.remove(&at);
            self.bytes -= len;
        }
    }

    /// How much a start would read back.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Lets the file go back to its first size, once nothing in it is needed.
    pub(super) fn shrink(&mut self) -> Result<(), StoreError> {
        if self.groups.is_empty() && self.len > GROWTH_BYTES {
            self.len = GROWTH_BYTES;
            self.file.set_len(self.len).map_err(failed)?;
        }
        Ok(())
    }

    fn take(&mut self, group: u64, at: u64, len: usize) {
        self.groups.push_back((group, at, len));
        self.taken.insert(at, at + pages(len));
        self.bytes += len;
    }

    /// Where so many bytes go: after the latest record, or else at the beginning, or else at the end.
    fn room(&self, bytes: u64) -> u64 {
        let Some(latest) = self.groups.back().map(|(_, at, len)| at + pages(*len)) else { return 0 };
        let fits = |at: u64| {
            let end = self.taken.range(at..).next().map_or(self.len, |(start, _)| *start);
            at + bytes <= end
        };
        match [latest, 0].into_iter().find(|at| fits(*at)) {
            Some(at) => at,
            None => self.taken.last_key_value().map_or(0, |(_, end)| *end),
        }
    }

    /// The record at a place, if a whole one of this store stands there.
    fn read(&self, at: u64) -> Result<Option<Record>, StoreError> {
        let mut head = [0; HEADER_BYTES];
        self.file.read(at, &mut head).map_err(failed)?;
        let number =
            |place: usize| head.get(place..).and_then(|rest| rest.first_chunk()).copied().map(u64::from_be_bytes);
        let (Some(id), Some(group), Some(len)) = (number(8), number(16), number(24)) else { return Ok(None) };
        if !head.starts_with(&MAGIC) || id != self.id || len < HEADER_BYTES as u64 || len > self.len - at {
            return Ok(None);
        }
        let mut record = vec![0; len as usize];
        self.file.read(at, &mut record).map_err(failed)?;
        Ok((header(id, group, &record) == head).then_some((group, record)))
    }
}

/// The header of a record whose own header need not be filled in yet.
fn header(id: u64, group: u64, record: &[u8]) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let (facts, digest) = header.split_at_mut(32);
    let len = record.len() as u64;
    for (place, value) in
        facts.chunks_exact_mut(8).zip([MAGIC, id.to_be_bytes(), group.to_be_bytes(), len.to_be_bytes()])
    {
        place.copy_from_slice(&value);
    }
    let content = record.get(HEADER_BYTES..).unwrap_or_default();
    digest.copy_from_slice(&Sha256::new().chain_update(&*facts).chain_update(content).finalize());
    header
}

/// The bytes of the pages that so many bytes take.
fn pages(bytes: usize) -> u64 {
    (bytes as u64).next_multiple_of(PAGE_BYTES)
}

fn failed(error: std::io::Error) -> StoreError {
    StoreError::Failed(format!("the log: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use redb::backends::InMemoryBackend;

    /// A backend that several logs can open in turn.
    #[derive(Debug, Clone)]
    struct Shared(std::sync::Arc<InMemoryBackend>);

    impl StorageBackend for Shared {
        fn len(&self) -> std::io::Result<u64> {
            self.0.len()
        }
        fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
            self.0.read(offset, out)
        }
        fn set_len(&self, len: u64) -> std::io::Result<()> {
            self.0.set_len(len)
        }
        fn sync_data(&self) -> std::io::Result<()> {
            Ok(())
        }
        fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
            self.0.write(offset, data)
        }
    }

    const ID: u64 = 77;

    fn file() -> Shared {
        Shared(std::sync::Arc::new(InMemoryBackend::new()))
    }

    fn group(number: u64, bytes: usize) -> Vec<u8> {
        let mut record = vec![0; HEADER_BYTES];
        record.resize(HEADER_BYTES + bytes, number as u8);
        record
    }

    fn numbers(file: &Shared, id: u64, from: u64) -> Vec<u64> {
        let (_, records) = Wal::open(Box::new(file.clone()), id, from).unwrap();
        for (number, record) in &records {
            assert!(record[HEADER_BYTES..].iter().all(|byte| *byte == *number as u8), "group {number}");
        }
        records.into_iter().map(|(number, _)| number).collect()
    }

    #[test]
    fn records_of_all_sizes_are_found_wherever_they_stand_and_room_is_used_again() {
        let file = file();
        let (mut wal, _) = Wal::open(Box::new(file.clone()), ID, 0).unwrap();
        let mut from = 0;
        for number in 0..2_000u64 {
            // A pace at which up to 60 groups are kept, of sizes that never line up.
            wal.append(number, &mut group(number, (number * 7_919 % 30_000) as usize)).unwrap();
            if number % 60 == 59 {
                from = number - number % 7;
                wal.forget(from - 1);
            }
            if number % 97 == 0 {
                assert_eq!(numbers(&file, ID, from), (from..=number).collect::<Vec<_>>());
            }
        }
        assert_eq!(file.len().unwrap(), GROWTH_BYTES);
        wal.forget(1_999);
        assert_eq!(wal.bytes(), 0);
    }

    #[test]
    fn a_log_that_is_full_grows_and_shrinks_once_nothing_in_it_is_needed() {
        let file = file();
        let (mut wal, _) = Wal::open(Box::new(file.clone()), ID, 0).unwrap();
        for number in 0..12 {
            wal.append(number, &mut group(number, 1 << 20)).unwrap();
            if number == 3 {
                wal.forget(1);
            }
        }
        assert_eq!(numbers(&file, ID, 2), (2..12).collect::<Vec<_>>());
        assert!(file.len().unwrap() <= 16 << 20);
        wal.forget(11);
        wal.shrink().unwrap();
        assert_eq!(file.len().unwrap(), GROWTH_BYTES);
        assert_eq!(numbers(&file, ID, 12), [0u64; 0]);
    }

    #[test]
    fn a_torn_record_at_the_end_is_left_out_and_one_that_is_missing_before_others_is_an_error() {
        let file = file();
        let (mut wal, _) = Wal::open(Box::new(file.clone()), ID, 0).unwrap();
        for number in 0..3 {
            wal.append(number, &mut group(number, 5_000)).unwrap();
        }
        file.write(2 * 8192 + 5_000, &[0xEE]).unwrap();
        assert_eq!(numbers(&file, ID, 0), [0, 1]);
        file.write(8192 + 100, &[0xEE]).unwrap();
        assert_eq!(numbers(&file, ID, 0), [0]);
        drop(wal);
        let (mut wal, _) = Wal::open(Box::new(file.clone()), ID, 0).unwrap();
        wal.append(1, &mut group(1, 100)).unwrap();
        wal.append(2, &mut group(2, 100)).unwrap();
        file.write(8192 + 100, &[0xEE]).unwrap();
        let error = Wal::open(Box::new(file.clone()), ID, 0).map(|_| ()).unwrap_err();
        assert_eq!(error, StoreError::Damaged("group 1 is missing in the log, and 2 is there".into()));
    }

    #[test]
    fn a_record_of_another_store_or_within_a_text_is_not_taken() {
        let file = file();
        let (mut wal, _) = Wal::open(Box::new(file.clone()), ID, 0).unwrap();
        wal.append(0, &mut group(0, 100)).unwrap();
        // A text that has a record in it, at a page of its own; then the record around it is written over in part.
        let mut forged = group(1, 100);
        let head = header(ID + 1, 1, &forged);
        forged[..HEADER_BYTES].copy_from_slice(&head);
        let mut text = vec![0; 4096];
        text.extend_from_slice(&forged);
        wal.append(1, &mut text).unwrap();
        file.write(4096 + 200, &[1]).unwrap();
        assert_eq!(numbers(&file, ID, 0), [0]);
        assert_eq!(numbers(&file, ID + 1, 1), [1], "it is a good record, but of another store");
    }
}
