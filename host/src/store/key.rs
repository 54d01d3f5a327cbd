//! Keys: whose row it is, which table, which row. `[business 16][customer 16][table 1][parts...]`.
//!
//! Bytes sort as the parts do, and no part can be mistaken for another: fixed parts have a fixed width, text parts are
//! escaped and ended. So everything of one customer is one range, whatever anybody put into a text.
//!
//! A key never names a row without naming whose it is, and never holds an address or another person's text in clear:
//! those go through [`IndexKey::hash`](super::seal::IndexKey::hash) first.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::domain::ids::{BusinessId, CustomerId};

/// The bytes before a key's own parts: business, customer, table.
pub const HEAD_BYTES: usize = 33;

/// The longest key, in bytes. Longer ones are refused as misuse.
pub const KEY_LIMIT_BYTES: usize = 2_048;

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// What a row is about. Codes are in every file: they never change and are never given out twice.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Table {
            $($(#[$doc])* $name = $code,)*
        }

        impl Table {
            /// Every table, in the order of the codes.
            pub const ALL: &'static [Table] = &[$(Table::$name,)*];

            /// The name that an operator sees.
            pub fn name(self) -> &'static str {
                match self {
                    $(Table::$name => stringify!($name),)*
                }
            }

            /// The table of a code, if this program knows it.
            pub fn from_code(code: u8) -> Option<Table> {
                match code {
                    $($code => Some(Table::$name),)*
                    _ => None,
                }
            }
        }
    };
}

tables! {
    /// Entries, by number.
    Journal = 1,
    /// Entries that are not handled yet.
    Pending = 2,
    /// Events that were seen, by keyed hash of source and id.
    Dedupe = 3,
    /// Customers by keyed hash of an address.
    Address = 4,
    /// Customers by keyed hash of an order's or appointment's external id.
    OrderIndex = 5,
    /// Who has claimed an order, by a keyed hash of its source and id.
    Link = 6,
    /// Whose lane an entry was handled in, and how long that took, by the entry's id.
    Stepped = 7,
    /// Cases that are open.
    OpenCase = 8,
    /// Deliveries that are under way.
    Attempting = 9,
    /// What falls due, by time.
    Due = 10,
    /// Shares that were given up.
    DeadLetter = 11,
    /// Notices to staff.
    Notice = 12,
    /// Installed plugins.
    Plugin = 13,
    /// Approved wordings.
    Template = 14,
    /// Settings of a business.
    Business = 15,
    /// Access tokens.
    Token = 16,
    /// Components, by digest.
    Component = 17,
    /// Numbers that plugins count.
    Tally = 18,
    /// What a business used of its limits.
    Usage = 19,
    /// Customers.
    Customer = 20,
    /// Messages, in and out.
    Message = 21,
    /// Appointments.
    Appointment = 22,
    /// Orders.
    Order = 23,
    /// Cases.
    Case = 24,
    /// What a plugin remembers about a customer.
    State = 25,
    /// Timers of a customer.
    Timer = 26,
    /// What was done once and is not done again.
    Once = 27,
    /// Shares that wait for another attempt.
    Share = 28,
    /// The record of why.
    Why = 29,
    /// Consent and suppression.
    Consent = 30,
    /// What the installation knows about itself.
    Meta = 31,
    /// What was withdrawn at an address whose customer was erased, by keyed hash of the address.
    Suppressed = 32,
    /// Who looked at what, and who changed it.
    Audit = 33,
    /// Customers who are no more, by id: erased, or part of another.
    Erased = 34,
    /// Automated messages that a customer got lately, for caps.
    Recent = 35,
    /// Whose a notice is, by its id.
    NoticeOf = 36,
    /// Whose a share that was given up is, by its id.
    DeadLetterOf = 37,
    /// Unhappy messages of the last two days, by topic and id.
    Unhappy = 38,
    /// What customers' questions are answered with, by id.
    Knowledge = 39,
    /// Values of plugins' secrets, by plugin and name.
    Secret = 40,
    /// Whose an order or appointment is, by a keyed hash of its source and id.
    Reference = 41,
    /// Errands: notices on their way to staff, answers on their way to calendars.
    Errand = 42,
    /// Who was put together with a customer, and how to part them again, by id.
    Merge = 43,
}

/// How many bytes are kept without an allocation; most keys are shorter.
const SHORT_BYTES: usize = 70;

/// Bytes that are cheap to copy and sort as slices do. Maps hold keys by value, so comparing them chases no pointer.
#[derive(Clone)]
enum Bytes {
    Short { len: u8, bytes: [u8; SHORT_BYTES] },
    Long(Arc<[u8]>),
}

impl Bytes {
    const EMPTY: Bytes = Bytes::Short { len: 0, bytes: [0; SHORT_BYTES] };

    fn new(slice: &[u8]) -> Bytes {
        let mut bytes = [0; SHORT_BYTES];
        match bytes.get_mut(..slice.len()) {
            Some(place) => {
                place.copy_from_slice(slice);
                Bytes::Short { len: slice.len() as u8, bytes }
            }
            None => Bytes::Long(slice.into()),
        }
    }

    fn push(&mut self, more: &[u8]) {
        if let Bytes::Short { len, bytes } = self
            && let Some(place) = bytes.get_mut(*len as usize..*len as usize + more.len())
        {
            place.copy_from_slice(more);
            *len += more.len() as u8;
            return;
        }
        *self = Bytes::Long([self.as_slice(), more].concat().into());
    }

    fn as_slice(&self) -> &[u8] {
        match self {
            Bytes::Short { len, bytes } => bytes.get(..*len as usize).unwrap_or_default(),
            Bytes::Long(bytes) => bytes,
        }
    }
}

/// The key of a row. Made part by part: `Key::new(business, customer, Table::Message).id(&message.0)`.
#[derive(Clone)]
pub struct Key(Bytes);

impl Key {
    /// The key of a table of a customer; [`CustomerId::BUSINESS`] for rows of the business itself,
    /// [`BusinessId::SYSTEM`] for the installation.
    pub fn new(business: BusinessId, customer: CustomerId, table: Table) -> Key {
        let mut bytes = [0; SHORT_BYTES];
        bytes[..16].copy_from_slice(&business.0);
        bytes[16..32].copy_from_slice(&customer.0);
        bytes[32] = table as u8;
        Key(Bytes::Short { len: HEAD_BYTES as u8, bytes })
    }

    /// The key that has these bytes, if they begin as a key does and the table is known.
    pub fn from_bytes(bytes: &[u8]) -> Option<Key> {
        Table::from_code(*bytes.get(HEAD_BYTES - 1)?)?;
        Some(Key(Bytes::new(bytes)))
    }

    /// This key and an id.
    #[must_use]
    pub fn id(mut self, raw: &[u8; 16]) -> Key {
        self.0.push(raw);
        self
    }

    /// This key and a number; bytes sort as numbers do.
    #[must_use]
    pub fn number(mut self, n: u64) -> Key {
        self.0.push(&n.to_be_bytes());
        self
    }

    /// This key and any text. Each NUL is written as `00 FF` and the end as `00 00`, so that order and uniqueness hold
    /// whatever the text is, and the parts after it cannot be reached from within it.
    #[must_use]
    pub fn text(mut self, text: &str) -> Key {
        for (place, piece) in text.as_bytes().split(|&b| b == 0).enumerate() {
            if place > 0 {
                self.0.push(&[0x00, 0xFF]);
            }
            self.0.push(piece);
        }
        self.0.push(&[0x00, 0x00]);
        self
    }

    /// This key and a keyed hash.
    #[must_use]
    pub fn hash(self, hash: &[u8; 16]) -> Key {
        self.id(hash)
    }

    /// Whose business it is.
    pub fn business(&self) -> BusinessId {
        BusinessId(self.sixteen(0))
    }

    /// Whose row it is; [`CustomerId::BUSINESS`] for the business itself.
    pub fn customer(&self) -> CustomerId {
        CustomerId(self.sixteen(16))
    }

    /// Which table it belongs to.
    pub fn table(&self) -> Table {
        // No key is made without a known code, so the fallback is never taken.
        self.as_bytes().get(HEAD_BYTES - 1).copied().and_then(Table::from_code).unwrap_or(Table::Meta)
    }

    /// The bytes of the parts after business, customer and table.
    pub fn rest(&self) -> &[u8] {
        self.as_bytes().get(HEAD_BYTES..).unwrap_or_default()
    }

    /// The parts after business, customer and table, to be read in the order they were written.
    pub fn parts(&self) -> Parts<'_> {
        Parts(self.rest())
    }

    /// The last part, read as a number: the one that an append was given.
    pub fn last_number(&self) -> Option<u64> {
        self.rest().last_chunk().map(|bytes| u64::from_be_bytes(*bytes))
    }

    /// All bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    fn sixteen(&self, at: usize) -> [u8; 16] {
        self.as_bytes().get(at..).and_then(|b| b.first_chunk()).copied().unwrap_or_default()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Key) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Key) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.business(), self.customer(), self.table().name())?;
        if !self.rest().is_empty() {
            write!(f, "/")?;
        }
        self.rest().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Reads the parts of a key; each call takes one part off, and gives `None` when the bytes are no such part.
#[derive(Debug, Clone)]
pub struct Parts<'a>(&'a [u8]);

impl Parts<'_> {
    /// The next part as an id or hash.
    pub fn id(&mut self) -> Option<[u8; 16]> {
        let (part, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*part)
    }

    /// The next part as a number.
    pub fn number(&mut self) -> Option<u64> {
        let (part, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_be_bytes(*part))
    }

    /// The next part as a text.
    pub fn text(&mut self) -> Option<String> {
        let mut text = Vec::new();
        let mut bytes = self.0;
        loop {
            let zero = bytes.iter().position(|&b| b == 0)?;
            text.extend_from_slice(bytes.get(..zero)?);
            let mark = *bytes.get(zero + 1)?;
            bytes = bytes.get(zero + 2..)?;
            match mark {
                0x00 => break,
                0xFF => text.push(0),
                _ => return None,
            }
        }
        self.0 = bytes;
        String::from_utf8(text).ok()
    }

    /// Whether every part was read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The direction of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// From the smallest key on.
    Ascending,
    /// From the largest key on.
    Descending,
}

/// A range of keys: from `start` on, before `end` where there is one.
#[derive(Clone)]
pub struct Range {
    start: Bytes,
    end: Option<Bytes>,
}

impl Range {
    /// Every key that begins with these parts.
    pub fn prefix(key: Key) -> Range {
        Range::starting(key.as_bytes())
    }

    /// From one key on, before another.
    pub fn between(start: Key, end: Key) -> Range {
        Range { start: start.0, end: Some(end.0) }
    }

    /// From a key on, up to the end of its customer's table.
    pub fn from(key: Key) -> Range {
        let end = after_prefix(key.as_bytes().get(..HEAD_BYTES).unwrap_or_default());
        Range { start: key.0, end }
    }

    /// What comes after a key, up to the end of its customer's table: the next page.
    pub fn after(key: Key) -> Range {
        let mut range = Range::from(key);
        range.start.push(&[0]);
        range
    }

    /// From the start of a key's table (of its customer), before that key.
    pub fn before(key: Key) -> Range {
        Range { start: Bytes::new(key.as_bytes().get(..HEAD_BYTES).unwrap_or_default()), end: Some(key.0) }
    }

    /// Everything of one customer, in every table.
    pub fn customer(business: BusinessId, customer: CustomerId) -> Range {
        Range::starting(&[business.0, customer.0].concat())
    }

    /// Everything of one business and its customers.
    pub fn business(business: BusinessId) -> Range {
        Range::starting(&business.0)
    }

    /// Every row there is.
    pub fn all() -> Range {
        Range { start: Bytes::EMPTY, end: None }
    }

    /// This range, but only what comes after a key that lies in it: the next page of an ascending scan.
    #[must_use]
    pub fn past(mut self, key: &Key) -> Range {
        self.start = key.0.clone();
        self.start.push(&[0]);
        self
    }

    /// This range, but only what comes before a key that lies in it: the next page of a descending scan.
    #[must_use]
    pub fn short_of(mut self, key: &Key) -> Range {
        self.end = Some(key.0.clone());
        self
    }

    /// Whether a key lies in it.
    pub fn contains(&self, key: &Key) -> bool {
        self.start() <= key.as_bytes() && self.end().is_none_or(|end| key.as_bytes() < end)
    }

    /// The first bytes that belong to it.
    pub fn start(&self) -> &[u8] {
        self.start.as_slice()
    }

    /// The first bytes after it, if it ends.
    pub fn end(&self) -> Option<&[u8]> {
        self.end.as_ref().map(Bytes::as_slice)
    }

    /// Whether no key can lie in it.
    pub fn is_empty(&self) -> bool {
        self.end().is_some_and(|end| end <= self.start())
    }

    pub(super) fn bounds(&self) -> (std::ops::Bound<&[u8]>, std::ops::Bound<&[u8]>) {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        (Included(self.start()), self.end().map_or(Unbounded, Excluded))
    }

    fn starting(prefix: &[u8]) -> Range {
        Range { start: Bytes::new(prefix), end: after_prefix(prefix) }
    }
}

impl PartialEq for Range {
    fn eq(&self, other: &Range) -> bool {
        self.start() == other.start() && self.end() == other.end()
    }
}

impl Eq for Range {}

impl fmt::Debug for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x?}..{:02x?}", self.start(), self.end())
    }
}

/// The first bytes that sort after everything with this prefix; nothing does when all of it is FF.
fn after_prefix(prefix: &[u8]) -> Option<Bytes> {
    let last = prefix.iter().rposition(|&b| b != 0xFF)?;
    let mut end = prefix.get(..=last)?.to_vec();
    *end.last_mut()? += 1;
    Some(Bytes::new(&end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::new(BusinessId([7; 16]), CustomerId([9; 16]), Table::State)
    }

    #[test]
    fn text_parts_sort_as_texts_do_and_come_back_whole() {
        let mut texts = vec!["", "\0", "\0\0", "\0a", "a", "a\0", "a\0b", "a/b", "ab", "a\u{1}", "\u{10FFFF}", "é"];
        texts.sort_unstable();
        let keys: Vec<Key> = texts.iter().map(|t| key().text(t).number(1)).collect();
        assert!(keys.is_sorted_by(|a, b| a < b));
        for (text, key) in texts.iter().zip(&keys) {
            let mut parts = key.parts();
            assert_eq!((parts.text().as_deref(), parts.number(), parts.is_empty()), (Some(*text), Some(1), true));
        }
    }

    #[test]
    fn a_long_key_is_the_same_as_a_short_one_made_of_the_same_bytes() {
        let long = "x".repeat(300);
        let key = key().text(&long).number(3);
        assert_eq!(Key::from_bytes(key.as_bytes()), Some(key.clone()));
        assert_eq!((key.table(), key.last_number(), key.customer()), (Table::State, Some(3), CustomerId([9; 16])));
    }

    #[test]
    fn a_range_of_a_customer_ends_before_the_next_customer_even_at_the_last_id() {
        let range = Range::customer(BusinessId([7; 16]), CustomerId([0xFF; 16]));
        assert!(range.contains(&Key::new(BusinessId([7; 16]), CustomerId([0xFF; 16]), Table::Meta).text("\u{10FFFF}")));
        let mut next = [7; 16];
        next[15] = 8;
        assert!(!range.contains(&Key::new(BusinessId(next), CustomerId::BUSINESS, Table::Journal)));
        assert!(Range::business(BusinessId([0xFF; 16])).contains(&Key::new(
            BusinessId([0xFF; 16]),
            CustomerId([0xFF; 16]),
            Table::Meta
        )));
    }

    #[test]
    fn codes_of_tables_are_given_out_once() {
        for (place, table) in Table::ALL.iter().enumerate() {
            assert_eq!((*table as usize, Table::from_code(*table as u8)), (place + 1, Some(*table)));
        }
        assert_eq!(Key::from_bytes(&[0; 33]), None);
        assert_eq!(Key::from_bytes(&[1; 32]), None);
    }
}
