//! The envelope of every row: `{version, clear, sealed}`.
//!
//! `clear` is JSON and holds what is not personal, so that an operator can look at it; `sealed` holds the rest, packed
//! and closed under the customer's own key. As bytes: the version, the length of `clear` as a varint, `clear`, `sealed`.
//!
//! A row is never read as something it is not: a version that this program does not know is refused, not guessed at.

use std::cell::Cell;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::StoreError;
use super::pack::{pack, unpack};
use super::seal::CustomerKey;

/// The newest version of any row that this program writes and reads.
pub const NEWEST_VERSION: u8 = 1;

/// The largest row, in encoded bytes. Larger ones are refused as misuse.
pub const ROW_LIMIT_BYTES: usize = 8 << 20;

/// A buffer that has grown beyond this is not kept for the next row.
const SCRATCH_BYTES: usize = 64 << 10;

thread_local! {
    /// Where the text of a sealed part is written and read: a step makes many rows, and each would grow a buffer anew.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

fn with_scratch<T>(work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let mut scratch = SCRATCH.take();
    scratch.clear();
    let done = work(&mut scratch);
    if scratch.capacity() <= SCRATCH_BYTES {
        SCRATCH.set(scratch);
    }
    done
}

/// One row.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Row {
    /// The version of the schema it was written with.
    pub version: u8,
    /// JSON, or empty.
    pub clear: Vec<u8>,
    /// What [`CustomerKey::seal`] made, or empty.
    pub sealed: Vec<u8>,
}

impl Row {
    /// A row without a sealed part.
    pub fn clear<T: Serialize>(version: u8, clear: &T) -> Result<Row, StoreError> {
        Ok(Row { version, clear: json(clear)?, sealed: Vec::new() })
    }

    /// A row with a part sealed under the customer's key. `aad` is what the sealed part belongs to (the row's key):
    /// it opens only with the same.
    pub fn sealed<C: Serialize, S: Serialize>(
        version: u8,
        clear: &C,
        sealed: &S,
        key: &CustomerKey,
        aad: &[u8],
    ) -> Result<Row, StoreError> {
        let clear = json(clear)?;
        let sealed = with_scratch(|text| {
            write_json(text, sealed)?;
            pack(text);
            Ok(key.seal_scratch(aad, text))
        })?;
        Ok(Row { version, clear, sealed })
    }

    /// A row that says only that it is there.
    pub fn empty(version: u8) -> Row {
        Row { version, ..Row::default() }
    }

    /// Reads the clear part.
    ///
    /// # Errors
    /// When the row is newer than this program, or not of this form.
    pub fn read_clear<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        self.check_version()?;
        parse("clear", &self.clear)
    }

    /// Opens the sealed part.
    ///
    /// # Errors
    /// When the row is newer than this program, when the key or `aad` is another one, or when it is not of this form.
    pub fn open<T: DeserializeOwned>(&self, key: &CustomerKey, aad: &[u8]) -> Result<T, StoreError> {
        self.check_version()?;
        with_scratch(|text| {
            key.open_into(aad, &self.sealed, text)?;
            unpack(text)?;
            parse("sealed", text)
        })
    }

    /// Reads the clear part of a row that may be older than `now`: `upcast` takes the JSON of one version and gives that
    /// of the next, and is called once for each version in between.
    pub fn upcast_clear<T: DeserializeOwned>(
        &self,
        now: u8,
        upcast: impl FnMut(u8, Value) -> Value,
    ) -> Result<T, StoreError> {
        self.check_version()?;
        self.raise("clear", &self.clear, now, upcast)
    }

    /// Opens the sealed part of a row that may be older than `now`; see [`Row::upcast_clear`].
    pub fn upcast_sealed<T: DeserializeOwned>(
        &self,
        key: &CustomerKey,
        aad: &[u8],
        now: u8,
        upcast: impl FnMut(u8, Value) -> Value,
    ) -> Result<T, StoreError> {
        self.check_version()?;
        let mut text = key.open(aad, &self.sealed)?;
        unpack(&mut text)?;
        self.raise("sealed", &text, now, upcast)
    }

    /// How many bytes [`Row::encode`] makes.
    pub fn encoded_len(&self) -> usize {
        1 + varint_len(self.clear.len() as u64) + self.clear.len() + self.sealed.len()
    }

    /// The row as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.encoded_len());
        self.encode_into(&mut bytes);
        bytes
    }

    /// Appends the row as bytes.
    pub fn encode_into(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.version);
        put_varint(bytes, self.clear.len() as u64);
        bytes.extend_from_slice(&self.clear);
        bytes.extend_from_slice(&self.sealed);
    }

    /// The row of these bytes, whatever its version.
    pub fn decode(bytes: &[u8]) -> Result<Row, StoreError> {
        let mut row = Row::default();
        row.decode_from(bytes)?;
        Ok(row)
    }

    /// Like [`Row::decode`], into this row: a scan allocates once, not for every row.
    pub(super) fn decode_from(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let damaged = || StoreError::Damaged(format!("a row of {} bytes is cut short", bytes.len()));
        let (&version, mut rest) = bytes.split_first().ok_or_else(damaged)?;
        let clear_bytes = usize::try_from(take_varint(&mut rest).ok_or_else(damaged)?).map_err(|_| damaged())?;
        let (clear, sealed) = rest.split_at_checked(clear_bytes).ok_or_else(damaged)?;
        self.version = version;
        self.clear.clear();
        self.clear.extend_from_slice(clear);
        self.sealed.clear();
        self.sealed.extend_from_slice(sealed);
        Ok(())
    }

    fn check_version(&self) -> Result<(), StoreError> {
        if self.version > NEWEST_VERSION {
            return Err(StoreError::Newer { what: "row", found: self.version.into(), known: NEWEST_VERSION.into() });
        }
        Ok(())
    }

    fn raise<T: DeserializeOwned>(
        &self,
        part: &'static str,
        bytes: &[u8],
        now: u8,
        mut upcast: impl FnMut(u8, Value) -> Value,
    ) -> Result<T, StoreError> {
        if self.version > now {
            return Err(StoreError::Newer { what: "row", found: self.version.into(), known: now.into() });
        }
        if self.version == now {
            return parse(part, bytes);
        }
        let value = (self.version..now).fold(parse(part, bytes)?, |value, version| upcast(version, value));
        serde_json::from_value(value).map_err(|e| StoreError::Form { part, reason: e.to_string() })
    }
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    write_json(&mut bytes, value)?;
    Ok(bytes)
}

fn write_json<T: Serialize>(bytes: &mut Vec<u8>, value: &T) -> Result<(), StoreError> {
    serde_json::to_writer(bytes, value).map_err(|e| StoreError::Form { part: "new", reason: e.to_string() })
}

fn parse<T: DeserializeOwned>(part: &'static str, bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|e| StoreError::Form { part, reason: e.to_string() })
}

pub(super) fn varint_len(n: u64) -> usize {
    (64 - n.leading_zeros() as usize).div_ceil(7).max(1)
}

pub(super) fn put_varint(bytes: &mut Vec<u8>, mut n: u64) {
    while n > 0x7F {
        bytes.push(n as u8 | 0x80);
        n >>= 7;
    }
    bytes.push(n as u8);
}

pub(super) fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut n = 0u64;
    for place in 0..10 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        n |= u64::from(byte & 0x7F).checked_shl(7 * place)?;
        if byte < 0x80 {
            return Some(n);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_comes_back_from_its_bytes_and_a_cut_one_is_refused() {
        let row = Row { version: 1, clear: vec![b'1'; 300], sealed: vec![2; 5] };
        assert_eq!(row.encode().len(), row.encoded_len());
        assert_eq!(Row::decode(&row.encode()), Ok(row.clone()));
        for cut in [0, 1, 2, 200] {
            assert!(matches!(Row::decode(&row.encode()[..cut]), Err(StoreError::Damaged(_))), "{cut}");
        }
        for n in [0, 127, 128, 16_383, 16_384, u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, n);
            assert_eq!((bytes.len(), take_varint(&mut bytes.as_slice())), (varint_len(n), Some(n)));
        }
    }

    #[test]
    fn a_row_newer_than_the_program_is_refused_with_words_that_say_so() {
        let row = Row::clear(NEWEST_VERSION + 1, &5).unwrap();
        assert_eq!(
            row.read_clear::<u8>().unwrap_err().to_string(),
            "this row has version 2, and this program knows versions up to 1; use a newer attune"
        );
    }

    #[test]
    fn an_older_row_is_raised_one_version_at_a_time() {
        let row = Row::clear(0, &1).unwrap();
        let raised: Result<u64, _> =
            row.upcast_clear(3, |version, value| Value::from(value.as_u64().unwrap_or(0) * 10 + u64::from(version)));
        assert_eq!(raised, Ok(1_012));
    }
}
