//! Addresses: where a customer can be reached, in the one form in which they are compared, stored and hashed.
//!
//! Never asks anybody whether an address exists, and never guesses a country: `0151 2345678` is refused, not completed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// An address in its normal form. As text (and in JSON) it is its kind, a colon and its value:
/// `email:anna@example.com`, `phone:+4915112345678`, `chat:visitor-77`. Two spellings of one address are equal after
/// parsing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(value_type = String, examples("email:anna@example.com", "phone:+4915112345678", "chat:visitor-77"))]
pub struct Address(String);

/// What kind of address it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A mailbox.
    Email,
    /// A telephone, in the form of E.164.
    Phone,
    /// A visitor of the chat widget, or of another chat, by the name that channel gave them.
    Chat,
}

/// The longest e-mail address, in bytes (RFC 5321 with erratum 1690).
pub const EMAIL_BYTES: usize = 254;
/// The longest part before the `@`, in bytes (RFC 5321, 4.5.3.1.1).
pub const LOCAL_BYTES: usize = 64;
/// The longest name of a chat visitor, in characters.
pub const CHAT_CHARS: usize = 128;
/// How many digits a telephone number has: at most 15 (E.164); fewer than 8 is a short code, which is not a customer.
pub const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 8..=15;

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("address `{text}` is refused: {reason}")]
pub struct BadAddress {
    /// What was given, cut to 60 characters, with control characters replaced.
    pub text: String,
    /// What is wrong with it and what would be right.
    pub reason: &'static str,
}

impl Kind {
    /// `email`, `phone` or `chat`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Chat => "chat",
        }
    }

    /// The channel that reaches such an address when no other is named: `email`, `sms` or `chat`.
    pub fn channel(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "sms",
            Self::Chat => "chat",
        }
    }
}

impl Address {
    /// Reads an address and brings it into its normal form. Takes the text form, and without the kind in front also an
    /// e-mail address (`anna@example.com`) and a telephone number with its country code (`+49 151 1234567`).
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        let trimmed = text.trim();
        let (kind, value) = match trimmed.split_once(':') {
            Some((word, value)) => match [Kind::Email, Kind::Phone, Kind::Chat]
                .into_iter()
                .find(|kind| kind.word().eq_ignore_ascii_case(word.trim()))
            {
                Some(kind) => (kind, value.trim()),
                None => return Err(bad(text, "a kind is one of email:, phone: and chat:")),
            },
            None if trimmed.contains('@') => (Kind::Email, trimmed),
            None if trimmed.starts_with('+') || trimmed.starts_with("00") => (Kind::Phone, trimmed),
            None => return Err(bad(text, "write email:anna@example.com, phone:+4915112345678 or chat:visitor-77")),
        };
        let value = match kind {
            Kind::Email => email(value),
            Kind::Phone => phone(value),
            Kind::Chat => chat(value),
        };
        value.map(|value| Self(format!("{}:{value}", kind.word()))).map_err(|reason| bad(text, reason))
    }

    /// What kind of address it is.
    pub fn kind(&self) -> Kind {
        match self.0.as_bytes().first() {
            Some(b'e') => Kind::Email,
            Some(b'p') => Kind::Phone,
            _ => Kind::Chat,
        }
    }

    /// The address without its kind: `anna@example.com`.
    pub fn value(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, value)| value)
    }

    /// The text form, kind and value: what is hashed and compared.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The channel that reaches it when no other is named: `email`, `sms` or `chat`.
    pub fn channel(&self) -> &'static str {
        self.kind().channel()
    }

    /// Whether a channel takes messages to it. Whatever is neither mail nor Attune's own chat goes by telephone number: text
    /// messages, and the messengers that know people by it.
    pub fn reaches(&self, channel: &str) -> bool {
        match self.kind() {
            Kind::Email => channel == Kind::Email.channel(),
            Kind::Chat => channel == Kind::Chat.channel(),
            Kind::Phone => ![Kind::Email.channel(), Kind::Chat.channel()].contains(&channel),
        }
    }

    /// For logs: enough to recognise it when one knows it, too little to write to: `a***@example.com`, `+49***78`,
    /// `v***`.
    pub fn masked(&self) -> String {
        let value = self.value();
        let head = |n: usize| value.chars().take(n).collect::<String>();
        match (self.kind(), value.split_once('@')) {
            (Kind::Email, Some((_, host))) => format!("{}***@{host}", head(1)),
            (Kind::Phone, _) => format!("{}***{}", head(3), value.get(value.len().saturating_sub(2)..).unwrap_or("")),
            _ => format!("{}***", head(1)),
        }
    }
}

fn bad(text: &str, reason: &'static str) -> BadAddress {
    let shown = |c: char| if is_unprintable(c) { '\u{fffd}' } else { c };
    BadAddress { text: text.chars().take(60).map(shown).collect(), reason }
}

/// Control characters, and those that show nothing or turn the direction of writing: an address with one of them looks
/// like another address.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Lower case as a whole: mailboxes that tell `Anna` from `anna` exist in the standard only. What may stand in it is a
/// list of what is allowed, so nothing that a mail header gives a meaning (`,`, `<`, a line end) gets through.
fn email(text: &str) -> Result<String, &'static str> {
    if text.len() > EMAIL_BYTES {
        return Err("an e-mail address has at most 254 bytes");
    }
    let value = text.to_lowercase();
    if value.len() > EMAIL_BYTES {
        return Err("an e-mail address has at most 254 bytes");
    }
    let Some((local, host)) = value.split_once('@') else { return Err("an e-mail address has an @") };
    if host.contains('@') {
        return Err("an e-mail address has one @ only");
    }
    if local.is_empty() || local.len() > LOCAL_BYTES {
        return Err("an e-mail address has 1 to 64 bytes before the @");
    }
    if !local.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c)) {
        return Err("an e-mail address has letters, digits and . _ + - before the @, no spaces");
    }
    let label = |l: &str| !l.is_empty() && !l.starts_with('-') && l.chars().all(|c| c.is_alphanumeric() || c == '-');
    if !host.contains('.') || !host.split('.').all(label) {
        return Err("an e-mail address has a host name such as example.com after the @");
    }
    Ok(value)
}

fn phone(text: &str) -> Result<String, &'static str> {
    // Longer than any spelling of 15 digits; keeps a megabyte of brackets from being copied.
    if text.len() > 100 {
        return Err("a telephone number has 8 to 15 digits");
    }
    // `+49 (0) 151`: the bracketed zero is dialled only without the country code.
    let text = text.replace("(0)", "");
    let is_filler = |c: char| c.is_whitespace() || "-.()[]/\u{2010}\u{2011}\u{2012}\u{2013}".contains(c);
    let bare: String = text.chars().filter(|&c| !is_filler(c)).collect();
    let digits = match bare.strip_prefix('+').or_else(|| bare.strip_prefix("00")) {
        Some(digits) => digits,
        None if !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_digit()) => {
            return Err("it needs its country code: write +49 151 ... instead of 0151 ...");
        }
        None => return Err("a telephone number is a + and 8 to 15 digits"),
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) || !PHONE_DIGITS.contains(&digits.len()) {
        return Err("a telephone number is a + and 8 to 15 digits");
    }
    if digits.starts_with('0') {
        return Err("it needs its country code after the +, and no country code begins with 0");
    }
    Ok(format!("+{digits}"))
}

fn chat(text: &str) -> Result<String, &'static str> {
    if text.is_empty() || text.chars().nth(CHAT_CHARS).is_some() {
        return Err("a chat visitor's name has 1 to 128 characters");
    }
    if text.chars().any(is_unprintable) {
        return Err("a chat visitor's name has printable characters only");
    }
    Ok(text.to_owned())
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Masked, because debug output ends up in logs.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind().word(), self.masked())
    }
}

impl FromStr for Address {
    type Err = BadAddress;
    fn from_str(text: &str) -> Result<Self, BadAddress> {
        Self::parse(text)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address_become_the_same() {
        for (given, expected, channel, masked) in [
            ("email:Anna@Example.COM", "email:anna@example.com", "email", "a***@example.com"),
            ("  anna+shop@example.co.uk ", "email:anna+shop@example.co.uk", "email", "a***@example.co.uk"),
            ("EMAIL: ünal@müller.de", "email:ünal@müller.de", "email", "ü***@müller.de"),
            ("phone:+49 (0) 151-1234.5678", "phone:+4915112345678", "sms", "+49***78"),
            ("0049 151 12345678", "phone:+4915112345678", "sms", "+49***78"),
            ("+1 (555) 010-9999", "phone:+15550109999", "sms", "+15***99"),
            ("chat:visitor-77", "chat:visitor-77", "chat", "v***"),
            ("chat:Ä:b@c", "chat:Ä:b@c", "chat", "Ä***"),
        ] {
            let address = Address::parse(given).unwrap();
            assert_eq!(address.to_string(), expected);
            assert_eq!((address.channel(), address.masked().as_str()), (channel, masked), "{given}");
            assert_eq!(Address::parse(expected).as_ref(), Ok(&address), "normal forms stay as they are");
            assert_eq!(serde_json::to_string(&address).unwrap(), format!("\"{expected}\""));
            assert_eq!(serde_json::from_str::<Address>(&format!("\"{given}\"")).unwrap(), address);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        let long = format!("{}@example.com", "a".repeat(300));
        let chat = format!("chat:{}", "x".repeat(129));
        let huge = format!("phone:{}", "(".repeat(1_000_000));
        for (given, reason) in [
            ("", "write email:"),
            ("anna", "write email:"),
            ("fax:123", "a kind is one of"),
            ("email:anna", "has an @"),
            ("a@b@c.de", "one @ only"),
            ("@example.com", "before the @"),
            ("anna@localhost", "host name"),
            ("anna@.com", "host name"),
            ("anna@example..com", "host name"),
            ("an na@example.com", "no spaces"),
            ("anna@example.com\r\nbcc:x@y.z", "a kind is one of"),
            ("email:anna@example.com\r\nBcc", "host name"),
            ("email:a\0@example.com", "no spaces"),
            ("email:a,b@example.com", "no spaces"),
            ("email:\u{202e}a@example.com", "no spaces"),
            (&long, "254"),
            ("phone:0151 2345678", "country code"),
            ("phone:+0151 2345678", "country code"),
            ("phone:+49 151 abc", "8 to 15 digits"),
            ("+1234567", "8 to 15 digits"),
            ("+1234567890123456", "8 to 15 digits"),
            (&huge, "8 to 15 digits"),
            ("chat:", "1 to 128"),
            ("chat:a\nb", "printable"),
            ("chat:a\u{200b}b", "printable"),
            (&chat, "1 to 128"),
        ] {
            let error = Address::parse(given).unwrap_err().to_string();
            assert!(error.contains(reason), "{given:.60}: {error}");
            assert!(error.len() < 400 && !error.contains(['\n', '\0']), "{error}");
        }
    }

    #[test]
    fn debug_output_does_not_tell_the_address() {
        assert_eq!(format!("{:?}", Address::parse("anna@example.com").unwrap()), "email:a***@example.com");
    }
}
