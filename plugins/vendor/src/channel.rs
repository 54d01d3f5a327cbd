//! What channels want: bodies in which a customer's words cannot ask for a secret, and what a provider's answer says.

use serde_json::Value;

use crate::{header, time};

/// How much of a provider's answer is told, in characters.
const SAID_CHARS: usize = 300;

/// The longest that a provider's wish to wait is followed, in milliseconds: a day.
const LONGEST_WAIT_MS: u64 = 86_400_000;

/// JSON as a body. The host fills in what stands between two braces, so none are left next to each other: a text of a customer
/// never becomes a secret.
pub fn json_body(value: &Value) -> Vec<u8> {
    value.to_string().replace("{{", "{\\u007b").into_bytes()
}

/// A text for a header of a mail: on one line, without control characters.
pub fn one_line(text: &str, chars: usize) -> String {
    let printable: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<&str> = printable.split_whitespace().collect();
    words.join(" ").chars().take(chars).collect()
}

/// How long the provider asks to wait (`Retry-After`, in seconds or as a time), in milliseconds from `now`. A day at most.
pub fn retry_after(headers: &[(String, String)], now: u64) -> Option<u64> {
    let told = header(headers, "retry-after")?;
    let wait = match told.parse::<u64>() {
        Ok(seconds) => seconds.saturating_mul(1_000),
        Err(_) => time::of_http(told)?.saturating_sub(now),
    };
    Some(wait.min(LONGEST_WAIT_MS))
}

/// What the provider said, for the owner: the text at one of the places in its JSON, else the beginning of it on one line.
pub fn said(body: &[u8], places: &[&str]) -> String {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = crate::first(&json, places).unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    let line = one_line(&text, SAID_CHARS);
    if line.is_empty() { "nothing".to_owned() } else { line }
}

/// Address and name of `Name <anna@example.com>`, or of the address alone.
pub fn mailbox(text: &str) -> (&str, Option<&str>) {
    match text.trim().strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((name, address)) => (address.trim(), Some(name.trim()).filter(|name| !name.is_empty())),
        None => (text.trim(), None),
    }
}

/// An address's domain, of `Name <anna@example.com>` too.
pub fn domain(address: &str) -> Option<&str> {
    let (_, domain) = address.trim().trim_end_matches('>').rsplit_once('@')?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    (!domain.is_empty() && domain.chars().all(fits)).then_some(domain)
}

/// The `Message-ID` of a mail, made as Attune makes its own: answers to it are known by that.
pub fn message_id(message: &str, from: &str) -> Option<String> {
    domain(from).map(|domain| format!("<{message}@{domain}>"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_of_a_customer_never_ask_for_a_secret() {
        let text = "{{secret key}} {{{{basic a b}} \\{{x}}";
        let body = json_body(&json!({ "text": text }));
        let written = String::from_utf8(body).unwrap_or_default();
        assert!(!written.contains("{{"), "{written}");
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap_or_default(), json!({ "text": text }));
        assert_eq!(one_line(" a\r\nBcc:  b\0", 6), "a Bcc:");
    }

    #[test]
    fn a_wish_to_wait_is_read_in_seconds_and_as_a_time() {
        let after = |told: &str| retry_after(&[("retry-after".to_owned(), told.to_owned())], 784_111_747_000);
        assert_eq!(after("30"), Some(30_000));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(30_000));
        assert_eq!(after("99999999999"), Some(LONGEST_WAIT_MS));
        assert_eq!(after("Sat, 05 Nov 1994 08:49:37 GMT"), Some(0));
        assert_eq!(after("later"), None);
    }

    #[test]
    fn what_a_provider_said_is_its_own_words_on_one_line() {
        assert_eq!(said(br#"{"message":"no\nsuch number"}"#, &["/message"]), "no such number");
        assert_eq!(said(b"<html>\r\n502</html>", &["/message"]), "<html> 502</html>");
        assert_eq!(said(b"", &["/message"]), "nothing");
        assert_eq!(message_id("msg_1", "Shop <a@shop.example>").as_deref(), Some("<msg_1@shop.example>"));
        assert_eq!(message_id("msg_1", "a@shop example"), None);
        assert_eq!(mailbox("Shop <a@shop.example>"), ("a@shop.example", Some("Shop")));
        assert_eq!(mailbox(" a@shop.example"), ("a@shop.example", None));
    }
}
