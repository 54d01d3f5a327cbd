//! The headers of a mail or of a part of one, as texts of one line without control characters.

use std::borrow::Cow;

use mail_parser::{HeaderName, HeaderValue, Message, MessageParser};

use super::decode;
use super::{LINE_CHARS, LIST};

/// How much of a header block is read. Mail servers take no more.
const BLOCK_BYTES: usize = 256 << 10;

/// Somebody's address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Address {
    /// As it was written; never empty.
    pub address: String,
    /// The name beside it.
    pub name: Option<String>,
}

/// Splits what starts with headers at its first empty line. A line `From ` of a mailbox file and empty lines before the
/// headers are left out. Without any header all of it is body.
pub fn split(raw: &[u8]) -> (&[u8], &[u8]) {
    let mut rest = raw;
    while let Some(after) = rest.strip_prefix(b"\n").or_else(|| rest.strip_prefix(b"\r\n")) {
        rest = after;
    }
    if rest.starts_with(b"From ") || rest.starts_with(b">From ") {
        rest = rest.iter().position(|byte| *byte == b'\n').map_or(&[][..], |at| rest.get(at + 1..).unwrap_or_default());
    }
    let mut at = 0;
    loop {
        let line = rest.get(at..).unwrap_or_default();
        let end = line.iter().position(|byte| *byte == b'\n').map_or(line.len(), |end| end + 1);
        let line = line.get(..end).unwrap_or_default();
        let is_empty = line.trim_ascii().is_empty();
        let is_header = line.first().is_some_and(|first| matches!(first, b' ' | b'\t'))
            || line.iter().position(|byte| *byte == b':').is_some_and(|colon| {
                colon > 0 && line.iter().take(colon).all(|byte| byte.is_ascii_graphic() || *byte == b' ')
            });
        if is_empty || !is_header {
            let body = rest.get(at + if is_empty { end } else { 0 }..).unwrap_or_default();
            return (rest.get(..at).unwrap_or_default(), body);
        }
        at += end;
    }
}

/// A header block ready to be read: short enough, in UTF-8, and with an end.
pub fn block(bytes: &[u8]) -> String {
    let bytes = bytes.get(..BLOCK_BYTES).unwrap_or(bytes);
    let mut text = decode::text(None, bytes);
    text.push_str("\r\n\r\n");
    text
}

/// Reads a header block.
pub fn parse(block: &str) -> Option<Message<'_>> {
    MessageParser::default().parse_headers(block.as_bytes())
}

/// One line: what is not printable becomes a space, spaces become one, and what is too long is cut short.
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(LINE_CHARS));
    let mut chars = 0;
    for char in text.chars().map(|char| if char.is_control() || char == '\u{fffd}' { ' ' } else { char }) {
        if char.is_whitespace() && (out.is_empty() || out.ends_with(' ')) {
            continue;
        }
        out.push(if char.is_whitespace() { ' ' } else { char });
        chars += 1;
        if chars == LINE_CHARS {
            break;
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// The addresses of a header, of all its groups, without those that are none.
pub fn addresses(message: &Message<'_>, name: HeaderName<'static>) -> Vec<Address> {
    let values = message.header_values(name).filter_map(HeaderValue::as_address);
    let all = values.flat_map(|value| value.iter());
    all.filter_map(|one| {
        let address = line(one.address.as_deref()?);
        let is_one = address.contains('@') && !address.contains(' ') && address.chars().count() < LINE_CHARS;
        let name = one.name.as_deref().map(line).filter(|name| !name.is_empty());
        is_one.then_some(Address { address, name })
    })
    .take(LIST)
    .collect()
}

/// A text header, decoded.
pub fn text(message: &Message<'_>, name: HeaderName<'static>) -> Option<String> {
    let text = message.header_values(name).find_map(HeaderValue::as_text).map(line);
    text.filter(|text| !text.is_empty())
}

/// The ids of a header, each in angle brackets.
pub fn ids(message: &Message<'_>, name: HeaderName<'static>) -> Vec<String> {
    let texts: Vec<&str> = message
        .header_values(name)
        .flat_map(|value| match value {
            HeaderValue::Text(text) => vec![text.as_ref()],
            HeaderValue::TextList(texts) => texts.iter().map(Cow::as_ref).collect(),
            _ => Vec::new(),
        })
        .collect();
    let mut ids: Vec<String> = texts.into_iter().flat_map(str::split_whitespace).filter_map(id).collect();
    // The newest stand last.
    ids.drain(..ids.len().saturating_sub(LIST));
    ids
}

/// An id in angle brackets, as it is compared; none if it cannot be one.
pub fn id(text: &str) -> Option<String> {
    let bare = text.trim().trim_start_matches('<').trim_end_matches('>');
    let is_one = !bare.is_empty()
        && bare.len() < LINE_CHARS - 2
        && bare
            .chars()
            .all(|char| !char.is_control() && !char.is_whitespace() && !matches!(char, '<' | '>' | '\u{fffd}'));
    is_one.then(|| format!("<{bare}>"))
}

/// Splits a part at its first empty line; one that begins with an empty line has no headers.
pub fn split_part(raw: &[u8]) -> (&[u8], &[u8]) {
    if let Some(body) = raw.strip_prefix(b"\n").or_else(|| raw.strip_prefix(b"\r\n")) {
        return (&[], body);
    }
    split(raw)
}
