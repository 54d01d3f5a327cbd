//! Identifiers: 128 bits, time-ordered, with a prefix that says what they name.
//!
//! An id is 48 bits of milliseconds since the Unix epoch and 80 further bits that its maker chooses (random in `serve`,
//! derived in a step). As text it is the prefix, an underscore and 26 digits of Crockford's base 32 in lower case; text
//! and bytes sort alike.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::time::Instant;

/// The 16 bytes of an id.
pub type Raw = [u8; 16];

const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A text that is no id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id of the form {prefix}_ and 26 letters and digits")]
pub struct BadId {
    /// What was given.
    pub text: String,
    /// The prefix that was wanted, without the underscore.
    pub prefix: &'static str,
}

/// Builds the bytes of an id from a time and 10 further bytes.
pub fn raw(at: Instant, rest: [u8; 10]) -> Raw {
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&at.0.to_be_bytes()[2..]);
    bytes[6..].copy_from_slice(&rest);
    bytes
}

/// An id's text: three letters, an underscore and 26 digits.
type Text = [u8; 30];

fn text<'a>(prefix: &str, raw: &Raw, text: &'a mut Text) -> &'a str {
    let (name, digits) = text.split_at_mut(4);
    name.copy_from_slice(b"   _");
    name.iter_mut().zip(prefix.bytes().take(3)).for_each(|(to, from)| *to = from);
    let value = u128::from_be_bytes(*raw);
    for (place, digit) in digits.iter_mut().rev().enumerate() {
        *digit = DIGITS[((value >> (5 * place)) & 31) as usize];
    }
    std::str::from_utf8(text).unwrap_or_default()
}

fn read_text(text: &str, prefix: &'static str) -> Result<Raw, BadId> {
    let bad = || BadId { text: text.chars().take(60).collect(), prefix };
    let digits = text.strip_prefix(prefix).and_then(|t| t.strip_prefix('_')).ok_or_else(bad)?;
    if digits.len() != 26 {
        return Err(bad());
    }
    let mut value: u128 = 0;
    for (place, byte) in digits.bytes().enumerate() {
        let digit = DIGITS.iter().position(|&d| d == byte).ok_or_else(bad)?;
        if place == 0 && digit > 7 {
            return Err(bad());
        }
        value = (value << 5) | digit as u128;
    }
    Ok(value.to_be_bytes())
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Raw);

        impl $name {
            /// The prefix of its text form, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// An id made at a time, from 10 further bytes.
            pub fn new(at: Instant, rest: [u8; 10]) -> Self {
                Self(raw(at, rest))
            }

            /// When it was made.
            pub fn at(&self) -> Instant {
                let mut bytes = [0; 8];
                bytes[2..].copy_from_slice(&self.0[..6]);
                Instant(u64::from_be_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(text($prefix, &self.0, &mut [0; _]))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(text($prefix, &self.0, &mut [0; _]))
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                read_text(text, $prefix).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(text($prefix, &self.0, &mut [0; _]))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A business (tenant). All zero is the installation itself.
    BusinessId = "biz";
    /// A customer of a business. All zero is the business itself, so that it has a lane and rows like a customer.
    CustomerId = "cus";
    /// An event, and the journal entry it became.
    EventId = "evt";
    /// A message, in or out, whatever became of it.
    MessageId = "msg";
    /// A conversation in a person's hands.
    CaseId = "cas";
    /// A share of an entry that was given up.
    DeadLetterId = "dlq";
    /// A notice to staff.
    NoticeId = "ntc";
    /// A request on its way that is no message to a customer.
    ErrandId = "ern";
    /// An access token (its name, not its secret).
    TokenId = "tok";
    /// A line of the audit log.
    AuditId = "aud";
}

impl BusinessId {
    /// The installation itself: operators' tokens and the list of businesses live here.
    pub const SYSTEM: Self = Self([0; 16]);
}

impl CustomerId {
    /// The business itself.
    pub const BUSINESS: Self = Self([0; 16]);

    /// Whether this is the business itself.
    pub fn is_business(&self) -> bool {
        *self == Self::BUSINESS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_are_the_same_id_and_sort_alike() {
        let early = MessageId::new(Instant(1_000), [9; 10]);
        let late = MessageId::new(Instant(2_000), [1; 10]);
        assert_eq!(early.to_string().parse::<MessageId>(), Ok(early));
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(late.at(), Instant(2_000));
    }

    #[test]
    fn refuses_what_is_no_id_of_its_kind() {
        for text in [
            "",
            "msg_",
            "cus_00000000000000000000000000",
            "msg_0000000000000000000000000u",
            "msg_80000000000000000000000000",
        ] {
            assert!(text.parse::<MessageId>().is_err(), "{text}");
        }
    }
}
