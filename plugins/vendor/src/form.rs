//! Bodies that are forms: percent-encoded ones, and those of several parts, in which files are listed and never opened.
//!
//! Its time grows with the length of the body and not faster.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// The most fields of a form that are read; vendors send about fifty.
const FIELDS: usize = 1_000;

/// A form, in the order in which it came. A name may be there twice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Form<'a> {
    /// Its fields.
    pub fields: Vec<Field<'a>>,
}

/// A field of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field<'a> {
    /// What it is called.
    pub name: String,
    /// What stands in it, in the charset of whoever wrote it.
    pub value: Cow<'a, [u8]>,
    /// Of a file, its own name and its media type.
    pub file: Option<(Option<String>, String)>,
}

impl<'a> Form<'a> {
    /// Reads a form by its `Content-Type`.
    ///
    /// # Errors
    /// In words for a vendor: it is no form, or it was cut short.
    pub fn read(content_type: &str, body: &'a [u8]) -> Result<Self, String> {
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "application/x-www-form-urlencoded" => Ok(Self { fields: encoded(body) }),
            "multipart/form-data" => {
                let boundary = parameter(content_type, "boundary").filter(|boundary| !boundary.is_empty());
                let boundary = boundary.ok_or("the Content-Type names no boundary between the form's parts")?;
                parts(&boundary, body).map(|fields| Self { fields })
            }
            _ => Err(format!("a form is expected, and the Content-Type is `{kind}`")),
        }
    }

    /// What stands in a field, as it came; none of a file.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().find(|field| field.file.is_none() && field.name == name).map(|field| &*field.value)
    }

    /// A field's text, without space around it; empty is absent.
    pub fn text(&self, name: &str) -> Option<String> {
        let text = String::from_utf8_lossy(self.bytes(name)?);
        (!text.trim().is_empty()).then(|| text.trim().to_owned())
    }

    /// The first text in one of several fields.
    pub fn first(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.text(name))
    }

    /// The files, each with its field's name.
    pub fn files(&self) -> impl Iterator<Item = (&Field<'a>, Option<&str>, &str)> {
        self.fields.iter().filter_map(|field| {
            let (name, kind) = field.file.as_ref()?;
            Some((field, name.as_deref(), kind.as_str()))
        })
    }

    /// All texts, for what is kept as it came. A name that is there several times has a list.
    pub fn value(&self) -> Value {
        let mut all = Map::new();
        for field in self.fields.iter().filter(|field| field.file.is_none()) {
            let text = Value::from(String::from_utf8_lossy(&field.value));
            match all.get_mut(&field.name) {
                None => drop(all.insert(field.name.clone(), text)),
                Some(Value::Array(several)) => several.push(text),
                Some(one) => *one = Value::Array(vec![one.take(), text]),
            }
        }
        Value::Object(all)
    }
}

/// A form as a provider takes it, percent-encoded: no brace is left in it, so no text in it is taken for a placeholder.
pub fn encode(fields: &[(&str, &str)]) -> Vec<u8> {
    let one = |(name, value): &(&str, &str)| format!("{}={}", escape(name), escape(value));
    fields.iter().map(one).collect::<Vec<_>>().join("&").into_bytes()
}

/// A text for an address or a form: all but letters, digits and `-._~` as `%XX`.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn encoded(body: &[u8]) -> Vec<Field<'_>> {
    let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).take(FIELDS);
    pairs
        .map(|pair| {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decoded(halves.next().unwrap_or_default());
            let value = decoded(halves.next().unwrap_or_default());
            Field { name: String::from_utf8_lossy(&name).into_owned(), value: Cow::Owned(value), file: None }
        })
        .collect()
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    // What needs no decoding is copied in one piece: most of a mail of megabytes.
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'+' | b'%')) {
        let (plain, odd) = rest.split_at(at);
        out.extend_from_slice(plain);
        let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as u8;
        rest = match odd {
            [b'%', high, low, more @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(digit(*high) << 4 | digit(*low));
                more
            }
            [first, more @ ..] => {
                out.push(if *first == b'+' { b' ' } else { *first });
                more
            }
            [] => break,
        };
    }
    out.extend_from_slice(rest);
    out
}

/// The parts between boundaries. What stands before the first is nobody's.
fn parts<'a>(boundary: &str, body: &'a [u8]) -> Result<Vec<Field<'a>>, String> {
    let boundary = format!("--{boundary}").into_bytes();
    let mut fields = Vec::new();
    // Where the part begins that is open.
    let mut open: Option<usize> = None;
    let mut line = 0;
    loop {
        let rest = body.get(line..).unwrap_or_default();
        if let Some(after) = rest.strip_prefix(boundary.as_slice()) {
            let before = open.and_then(|from| body.get(from..line));
            fields.extend(before.and_then(field));
            if after.starts_with(b"--") || fields.len() >= FIELDS {
                return Ok(fields);
            }
            open = Some(line + boundary.len());
        }
        match rest.iter().position(|byte| *byte == b'\n') {
            Some(end) => line += end + 1,
            None => return Err("the form does not end; it was cut short".to_owned()),
        }
    }
}

/// A part: the end of its boundary's line, headers, an empty line, and what stands in it with the end of its last line.
fn field(part: &[u8]) -> Option<Field<'_>> {
    let mut rest = after_line(part)?;
    let (mut disposition, mut kind) = (None, None);
    loop {
        let next = after_line(rest)?;
        let line = rest.get(..rest.len() - next.len()).unwrap_or_default();
        rest = next;
        let line = String::from_utf8_lossy(line);
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-disposition" => disposition = Some(value.to_owned()),
            "content-type" => kind = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let value = rest.strip_suffix(b"\r\n").or_else(|| rest.strip_suffix(b"\n")).unwrap_or(rest);
    let disposition = disposition?;
    let name = parameter(&disposition, "name")?;
    let file_name = parameter(&disposition, "filename");
    let file = file_name.map(|name| {
        let kind = kind.as_deref().and_then(|kind| kind.split(';').next()).unwrap_or("application/octet-stream");
        (Some(name).filter(|name| !name.is_empty()), kind.trim().to_ascii_lowercase())
    });
    Some(Field { name, value: Cow::Borrowed(value), file })
}

fn after_line(text: &[u8]) -> Option<&[u8]> {
    text.get(text.iter().position(|byte| *byte == b'\n')? + 1..)
}

/// A parameter of a header: `form-data; name="a"; filename=b`. A `;` and a `\"` within quotes belong to the value.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let (mut part, mut quoted, mut escaped) = (String::new(), false, false);
    let mut parts = Vec::new();
    for c in header.chars() {
        match c {
            '\\' if quoted && !escaped => escaped = true,
            '"' if !escaped => quoted = !quoted,
            ';' if !quoted => parts.push(std::mem::take(&mut part)),
            _ => {
                // A backslash before anything else is a backslash: paths of Windows come so.
                if escaped && c != '"' && c != '\\' {
                    part.push('\\');
                }
                part.push(c);
                escaped = false;
            }
        }
    }
    parts.push(part);
    let halves = parts.iter().filter_map(|part| part.split_once('='));
    let mut named = halves.filter(|(name, _)| name.trim().eq_ignore_ascii_case(wanted));
    named.next().map(|(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_form_is_decoded_and_repeats_are_kept() {
        let form = Form::read(
            "application/x-www-form-urlencoded; charset=UTF-8",
            b"Body=Gr%C3%BC%C3%9Fe+%26+100%25&Digits=5678&Digits=1234&To=&&Odd=%4",
        );
        let form = form.expect("it is a form");
        assert_eq!(form.text("Body").as_deref(), Some("Grüße & 100%"));
        assert_eq!(form.text("To"), None);
        assert_eq!(form.text("Odd").as_deref(), Some("%4"));
        assert_eq!(form.value()["Digits"], serde_json::json!(["5678", "1234"]));
        assert_eq!(encode(&[("Body", "Grüße {{secret x}}")]), b"Body=Gr%C3%BC%C3%9Fe%20%7B%7Bsecret%20x%7D%7D");
    }

    #[test]
    fn a_form_of_parts_has_texts_and_files() {
        let body = "before\r\n--x-y\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nline 1\r\n--x-ylophone?\r\n\r\n\
                    --x-y\r\ncontent-disposition: form-data; name=\"a1\"; filename=\"a; \\\"b\\\".pdf\"\r\nContent-Type: Application/PDF\r\n\r\n\
                    %PDF\r\n\r\n--x-y--\r\n";
        let form =
            Form::read("multipart/form-data; boundary=\"x-y\"", body.replace("--x-ylophone", "-x-ylo").as_bytes()).map(
                |form| {
                    let files: Vec<_> = form
                        .files()
                        .map(|(field, name, kind)| (field.value.len(), name.map(str::to_owned), kind.to_owned()))
                        .collect();
                    (form.text("text"), files)
                },
            );
        let files = vec![(6, Some("a; \"b\".pdf".to_owned()), "application/pdf".to_owned())];
        assert_eq!(form, Ok((Some("line 1\r\n-x-ylo?".to_owned()), files)));
    }

    #[test]
    fn what_is_no_form_or_no_whole_one_is_refused() {
        for (kind, body, words) in [
            (
                "multipart/form-data; boundary=x",
                "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n12",
                "cut short",
            ),
            ("multipart/form-data; boundary=x", "", "cut short"),
            ("multipart/form-data", "--\r\n", "no boundary"),
            ("application/json", "{}", "`application/json`"),
            ("", "a=b", "``"),
        ] {
            let refused = Form::read(kind, body.as_bytes()).err().unwrap_or_default();
            assert!(refused.contains(words), "{kind}: {refused}");
        }
    }
}
