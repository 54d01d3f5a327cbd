//! Bytes to texts: transfer encodings that are broken, charsets that lie, and lines that were wrapped on their way.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;

/// Undoes a `Content-Transfer-Encoding`. What is broken is read as far as it can be.
pub fn transfer<'a>(encoding: &str, bytes: &'a [u8]) -> Cow<'a, [u8]> {
    match encoding.trim().to_ascii_lowercase().as_str() {
        "base64" => Cow::Owned(base64_decode(bytes).unwrap_or_else(|| lenient_base64(bytes))),
        "quoted-printable" => {
            Cow::Owned(quoted_printable_decode(bytes).unwrap_or_else(|| lenient_quoted_printable(bytes)))
        }
        _ => Cow::Borrowed(bytes),
    }
}

/// How many bytes [`transfer`] would give, without giving them; for what is listed and not opened.
pub fn size(encoding: &str, bytes: &[u8]) -> u64 {
    match encoding.trim().to_ascii_lowercase().as_str() {
        "base64" => bytes.iter().filter(|byte| is_base64(**byte)).count() as u64 * 3 / 4,
        "quoted-printable" => transfer(encoding, bytes).len() as u64,
        _ => bytes.len() as u64,
    }
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/'
}

fn lenient_base64(bytes: &[u8]) -> Vec<u8> {
    let mut clean: Vec<u8> = bytes.iter().copied().filter(|byte| is_base64(*byte)).collect();
    // One letter alone has no byte in it.
    if clean.len() % 4 == 1 {
        clean.pop();
    }
    clean.resize(clean.len().next_multiple_of(4), b'=');
    base64_decode(&clean).unwrap_or_default()
}

/// An `=` that begins nothing stands for itself.
fn lenient_quoted_printable(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (b'=', [b'\r', b'\n', more @ ..] | [b'\n', more @ ..]) => rest = more,
            (b'=', [high, low, more @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as u8;
                out.push(digit(*high) << 4 | digit(*low));
                rest = more;
            }
            _ => out.push(*first),
        }
    }
    out
}

/// Bytes as a text. A label that bytes contradict is not believed: what is well-formed UTF-8 beyond ASCII is hardly ever
/// anything else, except in the charsets of East Asia; and what is none although it should be is Windows-1252.
pub fn text(label: Option<&str>, bytes: &[u8]) -> String {
    let label = label.unwrap_or_default().trim().to_ascii_lowercase();
    let utf8 = std::str::from_utf8(bytes);
    let trusted =
        ["utf-16", "utf-7", "iso-2022", "hz", "gb", "big5", "euc", "shift", "sjis", "ks_c", "cp9", "windows-9"];
    if let Ok(text) = utf8
        && (label.is_empty() || !trusted.iter().any(|start| label.starts_with(start)))
    {
        return text.trim_start_matches('\u{feff}').to_owned();
    }
    let is_utf8 = ["", "utf-8", "utf8", "us-ascii", "ascii"].contains(&label.as_str());
    let decoder = if is_utf8 { None } else { charset_decoder(label.as_bytes()) };
    let text = match decoder.or_else(|| if mostly_utf8(bytes) { None } else { charset_decoder(b"windows-1252") }) {
        Some(decode) => decode(bytes),
        None => String::from_utf8_lossy(bytes).into_owned(),
    };
    text.trim_start_matches('\u{feff}').to_owned()
}

/// Whether bytes are UTF-8 with a few breaks: more letters of it than bytes that are none.
fn mostly_utf8(bytes: &[u8]) -> bool {
    let (mut good, mut bad) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().chars().filter(|char| !char.is_ascii()).count();
        bad += chunk.invalid().len();
    }
    good > bad
}

/// Joins what `format=flowed` wrapped (RFC 3676): a line that ends with a space goes on in the next one of the same depth.
pub fn unflow(text: &str, delete_space: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut open: Option<usize> = None;
    for line in text.lines() {
        let depth = line.bytes().take_while(|byte| *byte == b'>').count();
        let content = line.get(depth..).unwrap_or_default();
        let content = content.strip_prefix(' ').unwrap_or(content);
        if open == Some(depth) && content != "-- " {
            out.push_str(content);
        } else {
            if !out.is_empty() || open.is_some() {
                out.push('\n');
            }
            out.extend(std::iter::repeat_n('>', depth));
            if depth > 0 {
                out.push(' ');
            }
            out.push_str(content);
        }
        open = None;
        if content.ends_with(' ') && content != "-- " {
            if delete_space {
                out.pop();
            }
            open = Some(depth);
        }
    }
    out
}
