//! How the effects of a group commit are written down: once, in order.
//!
//! A group is room for the header of its record in the [`wal`](super::wal), the next number of the sequence, then its
//! effects; keys leave out what they share with the key before.

use std::ops::Range;

use super::StoreError;
use super::key::Key;
use super::row::{Row, put_varint, take_varint};
use super::wal::HEADER_BYTES;

/// Encodes one group.
pub(super) struct Writer {
    bytes: Vec<u8>,
    last: Option<Key>,
}

impl Writer {
    pub(super) fn new(capacity: usize) -> Writer {
        let mut bytes = Vec::with_capacity(capacity + HEADER_BYTES + 8);
        // The header comes with the writing, and the next number is known only at the end.
        bytes.resize(HEADER_BYTES + 8, 0);
        Writer { bytes, last: None }
    }

    /// Adds an effect; gives where the encoded row stands.
    pub(super) fn push(&mut self, key: &Key, row: Option<&Row>) -> Option<Range<usize>> {
        let bytes = key.as_bytes();
        let last = self.last.as_ref().map_or(&[][..], Key::as_bytes);
        let shared = bytes.iter().zip(last).take_while(|(a, b)| a == b).count();
        let own = bytes.get(shared..).unwrap_or_default();
        put_varint(&mut self.bytes, shared as u64);
        put_varint(&mut self.bytes, own.len() as u64);
        self.bytes.extend_from_slice(own);
        self.last = Some(key.clone());
        let Some(row) = row else {
            self.bytes.push(0);
            return None;
        };
        put_varint(&mut self.bytes, row.encoded_len() as u64 + 1);
        let start = self.bytes.len();
        row.encode_into(&mut self.bytes);
        Some(start..self.bytes.len())
    }

    /// The bytes so far.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes of the group.
    pub(super) fn finish(mut self, next: u64) -> Vec<u8> {
        if let Some(place) = self.bytes.get_mut(HEADER_BYTES..).and_then(<[u8]>::first_chunk_mut) {
            *place = next.to_be_bytes();
        }
        self.bytes
    }
}

/// Reads a group: the next number of the sequence, and for every effect, in order, the key and where the row stands.
pub(super) fn read(bytes: &[u8], mut visit: impl FnMut(Key, Option<Range<usize>>)) -> Result<u64, StoreError> {
    let damaged = || StoreError::Damaged("a group in the log is cut short".into());
    let (next, mut rest) = bytes.get(HEADER_BYTES..).and_then(<[u8]>::split_first_chunk).ok_or_else(damaged)?;
    let mut name = Vec::new();
    while !rest.is_empty() {
        let mut number = || take_varint(&mut rest).and_then(|n| usize::try_from(n).ok()).ok_or_else(damaged);
        let (shared, own) = (number()?, number()?);
        let (tail, more) = rest.split_at_checked(own).ok_or_else(damaged)?;
        rest = more;
        name.truncate(shared);
        name.extend_from_slice(tail);
        let key = Key::from_bytes(&name).ok_or_else(damaged)?;
        let size = take_varint(&mut rest).and_then(|n| usize::try_from(n).ok()).ok_or_else(damaged)?;
        let start = bytes.len() - rest.len();
        let row = size.checked_sub(1).map(|size| start..start + size);
        rest = rest.get(size.saturating_sub(1)..).ok_or_else(damaged)?;
        visit(key, row);
    }
    Ok(u64::from_be_bytes(*next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{BusinessId, CustomerId};
    use crate::store::key::Table;

    #[test]
    fn a_group_is_read_as_it_was_written_and_a_cut_one_is_refused() {
        let key = |n: u64| Key::new(BusinessId([1; 16]), CustomerId([2; 16]), Table::Message).number(n);
        let row = Row { version: 1, clear: b"{}".to_vec(), sealed: vec![7; 40] };
        let effects =
            vec![(key(1), Some(row.clone())), (key(300), None), (key(2).text("x"), Some(row)), (key(1), None)];
        let mut writer = Writer::new(0);
        for (key, row) in &effects {
            writer.push(key, row.as_ref());
        }
        let bytes = writer.finish(77);
        let mut seen = Vec::new();
        let row_at = |place: Option<Range<usize>>| place.map(|place| Row::decode(&bytes[place]).unwrap());
        assert_eq!(read(&bytes, |key, place| seen.push((key, row_at(place)))), Ok(77));
        assert_eq!(seen, effects);
        for cut in [0, 7, HEADER_BYTES + 7, HEADER_BYTES + 9, HEADER_BYTES + 30, bytes.len() - 1] {
            assert!(read(&bytes[..cut], |_, _| {}).is_err(), "{cut}");
        }
    }
}
