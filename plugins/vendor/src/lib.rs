//! What connectors written in Rust want: reading a vendor's JSON, where an id may be a number or a text and nothing may be an empty
//! text, and writing events.
//!
//! It knows no vendor and nothing of Attune's imports.

pub mod calendar;
pub mod channel;
pub mod form;
#[cfg(feature = "mail")]
pub mod mail;
mod moment;
mod partly;
mod reading;
pub mod time;

pub use moment::{moment, paired, rfc3339};
pub use partly::without;
pub use reading::{addresses, details, object, unescaped};

use serde_json::{Map, Value, json};

/// A header by its name in lower case; empty is absent.
pub fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
}

/// A text at a place (a JSON Pointer). A number is its digits; an empty text is none.
pub fn text(value: &Value, place: &str) -> Option<String> {
    match value.pointer(place)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The first text at one of several places.
pub fn first(value: &Value, places: &[&str]) -> Option<String> {
    places.iter().find_map(|place| text(value, place))
}

/// The items of a list at a place; none where there is no list.
pub fn list<'a>(value: &'a Value, place: &str) -> &'a [Value] {
    value.pointer(place).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Texts joined by a space: a first and a last name.
pub fn joined<const N: usize>(parts: [Option<String>; N]) -> Option<String> {
    let known: Vec<String> = parts.into_iter().flatten().collect();
    (!known.is_empty()).then(|| known.join(" "))
}

/// An amount (`"181.09"`) in the smallest unit of its currency, as an event has it.
pub fn money(amount: Option<String>, currency: Option<String>) -> Option<Value> {
    let (amount, currency) = (amount?, currency?.to_ascii_uppercase());
    let digits = match currency.as_str() {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND" | "VUV"
        | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    };
    let (sign, bare) = amount.strip_prefix('-').map_or((1, amount.as_str()), |bare| (-1, bare));
    let (whole, part) = bare.split_once('.').unwrap_or((bare, ""));
    let part: String = part.chars().chain("000".chars()).take(digits).collect();
    let minor: i64 = format!("{whole}{part}").parse().ok()?;
    Some(json!({ "amount_minor": sign * minor, "currency": currency }))
}

/// Milliseconds since 1970 of an RFC 3339 time, for versions that rise with time. None where it is none.
pub fn millis(time: &str) -> Option<u64> {
    let number = |from: usize, to: usize| time.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let rest = time.get(19..)?;
    let zone_at = rest.find(['Z', 'z', '+', '-'])?;
    let fraction: String = rest.get(..zone_at)?.trim_start_matches('.').chars().chain("000".chars()).take(3).collect();
    let zone = rest.get(zone_at..)?;
    let offset = match zone.as_bytes().first()? {
        b'Z' | b'z' => 0,
        sign => {
            let (hours, minutes) = (zone.get(1..3)?.parse::<i64>().ok()?, zone.get(4..6)?.parse::<i64>().ok()?);
            (hours * 60 + minutes) * if *sign == b'-' { -1 } else { 1 }
        }
    };
    // Days since 1970 of a civil date: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    let (shifted, moved) = (if month <= 2 { year - 1 } else { year }, (month + 9) % 12);
    let era = shifted.div_euclid(400);
    let of_era = shifted - era * 400;
    let of_year = (153 * moved + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let seconds = ((days * 24 + hour) * 60 + minute - offset) * 60 + second;
    u64::try_from(seconds * 1_000 + fraction.parse::<i64>().ok()?).ok()
}

/// The longest reason that a provider gives, in characters.
const REASON_CHARS: usize = 500;

/// What a provider reports of a message that went out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The provider's id of the message. Without one it is told under the vendor's own name, of whoever has the address.
    pub id: Option<String>,
    /// `sent`, `delivered`, `read`, `failed`, `bounced`, `complained` or `unsubscribed`.
    pub status: &'static str,
    /// In the provider's words.
    pub reason: Option<String>,
    /// Of a failure, whether the address is good for nothing any more.
    pub permanent: Option<bool>,
    /// Whose it is, with its kind: `email:anna@example.com`.
    pub address: Option<String>,
}

impl Report {
    /// Type and data of the event.
    pub fn event(self, vendor: &str) -> (String, Value) {
        let reason = self.reason.map(|reason| channel::one_line(&reason, REASON_CHARS));
        let (known, address) = (self.id.is_some(), self.address.clone());
        let delivery = Object::new()
            .with("id", self.id)
            .with("status", Some(self.status))
            .with("reason", reason.filter(|reason| !reason.is_empty()))
            .with("permanent", self.permanent)
            .with("address", self.address);
        let data = Object::new().with("delivery", Some(delivery));
        if known {
            return ("attune.delivery.reported.v1".to_owned(), data.value());
        }
        let customer = address.map(|address| json!({ "addresses": [address] }));
        (format!("{vendor}.{}", self.status), data.with("customer", customer).value())
    }
}

/// An id for what a vendor gives none: the same bytes have the same one. FNV-1a in 64 bits, since whoever could make two alike on
/// purpose would have to be the vendor.
pub fn fingerprint(body: &[u8]) -> String {
    let hash = body
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

/// An object out of what is known; what is not known is left out.
#[derive(Debug, Default)]
pub struct Object(Map<String, Value>);

impl Object {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field, if there is something to say.
    #[must_use]
    pub fn with<T: Into<Value>>(mut self, name: &str, value: Option<T>) -> Self {
        if let Some(value) = value.map(Into::into) {
            self.0.insert(name.to_owned(), value);
        }
        self
    }

    /// Adds a list, if it is not empty.
    #[must_use]
    pub fn with_list(self, name: &str, items: Vec<Value>) -> Self {
        self.with(name, (!items.is_empty()).then_some(items))
    }

    /// Adds an object, if it is not empty.
    #[must_use]
    pub fn with_object(self, name: &str, object: Object) -> Self {
        self.with(name, (!object.0.is_empty()).then_some(object.0))
    }

    /// As JSON.
    pub fn value(self) -> Value {
        Value::Object(self.0)
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        object.value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_any_zone_and_precision_are_the_same_moment() {
        for (time, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-11-22T10:00:00+01:00", Some(1_795_338_000_000)),
            ("2026-11-22T09:00:00.000000Z", Some(1_795_338_000_000)),
            ("2024-02-29T23:59:59.5-05:00", Some(1_709_269_199_500)),
            ("2026-11-22", None),
            ("2026-11-22T10:00:00", None),
            ("", None),
            ("yesterday, about ten o'clock", None),
        ] {
            assert_eq!(millis(time), expected, "{time}");
        }
    }

    #[test]
    fn an_amount_is_counted_in_the_smallest_unit_of_its_currency() {
        let minor = |amount: &str, currency: &str| {
            money(Some(amount.to_owned()), Some(currency.to_owned())).map(|money| money["amount_minor"].clone())
        };
        assert_eq!(minor("181.09", "USD"), Some(json!(18_109)));
        assert_eq!(minor("598.9", "eur"), Some(json!(59_890)));
        assert_eq!(minor("1200", "JPY"), Some(json!(1_200)));
        assert_eq!(minor("-0.50", "GBP"), Some(json!(-50)));
        assert_eq!(minor("free", "GBP"), None);
    }

    #[test]
    fn a_report_of_no_message_is_news_of_whoever_has_the_address() {
        let address = Some("email:anna@example.com".to_owned());
        let report = Report { status: "unsubscribed", permanent: Some(true), address, ..Report::default() };
        let delivery = json!({ "status": "unsubscribed", "permanent": true, "address": "email:anna@example.com" });
        let data = json!({ "delivery": delivery, "customer": { "addresses": ["email:anna@example.com"] } });
        assert_eq!(report.clone().event("postmark"), ("postmark.unsubscribed".to_owned(), data));
        let (kind, data) =
            Report { id: Some("1".to_owned()), reason: Some("\n".to_owned()), ..report }.event("postmark");
        assert_eq!(kind, "attune.delivery.reported.v1");
        assert_eq!(data.pointer("/delivery/id"), Some(&json!("1")));
        assert_eq!((data.get("customer"), data.pointer("/delivery/reason")), (None, None));
    }

    #[test]
    fn what_is_empty_is_absent() {
        let vendor = json!({ "id": 450789469, "email": "", "phone": null, "name": " Jo " });
        assert_eq!(text(&vendor, "/id").as_deref(), Some("450789469"));
        assert_eq!(first(&vendor, &["/email", "/phone", "/name"]).as_deref(), Some("Jo"));
        assert_eq!(
            Object::new().with("email", text(&vendor, "/email")).with_list("items", Vec::new()).value(),
            json!({})
        );
    }
}
