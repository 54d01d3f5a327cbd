//! The parts of a mail: its texts, and what hangs on it. Every part lies within the one around it, and how deep and how many
//! they are is limited, so that the time this takes grows with the mail's length only.
//!
//! It never opens an attachment or a mail inside a mail; it only says where they are.

use mail_parser::{ContentType, HeaderName, HeaderValue, Message};

use super::{ATTACHMENTS, FULL_CHARS, decode, headers};

/// How deep parts may lie in each other; deeper ones are attachments.
const DEPTH: usize = 12;
/// How many parts are looked at; what comes after them is left out.
const PARTS: usize = 1_000;
/// How much of a text is read: as much as can be shown of it.
const PLAIN_BYTES: usize = 4 * FULL_CHARS;
/// And of HTML, much of which is the style sheets of mail programs.
const HTML_BYTES: usize = 2 * PLAIN_BYTES;

/// Something that hangs on a mail. It is listed, never opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attachment {
    /// The file's name, as the sender gave it: any text of one line.
    pub name: Option<String>,
    /// The media type in lower case, as the sender gave it.
    pub content_type: String,
    /// How long it is, decoded.
    pub size_bytes: u64,
    /// Whether it is shown within the text.
    pub inline: bool,
    /// What the text refers to it by, without angle brackets.
    pub content_id: Option<String>,
}

/// One of a mail's texts.
#[derive(Debug)]
pub struct Body {
    /// Whether it is HTML.
    pub html: bool,
    /// The text.
    pub text: String,
    /// Whether more of it was there.
    pub cut_short: bool,
}

/// A part that tells of a mail that came back.
#[derive(Debug)]
pub enum Report<'a> {
    /// `message/delivery-status`.
    Status(Vec<u8>),
    /// The lost mail, or its headers.
    Lost(&'a [u8]),
}

/// What was found.
#[derive(Debug, Default)]
pub struct Parts<'a> {
    /// Its texts in order, the best of alternatives.
    pub bodies: Vec<Body>,
    /// What hangs on it.
    pub attachments: Vec<Attachment>,
    /// What tells of a mail that came back.
    pub reports: Vec<Report<'a>>,
    looked_at: usize,
}

/// Looks through a part, given its headers and its body.
pub fn walk<'a>(message: Option<&Message<'_>>, body: &'a [u8]) -> Parts<'a> {
    let mut parts = Parts::default();
    parts.part(message, body, DEPTH, Around::Whole);
    parts
}

/// What a part lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Around {
    Whole,
    Mixed,
    Digest,
}

impl<'a> Parts<'a> {
    fn part(&mut self, message: Option<&Message<'_>>, body: &'a [u8], depth: usize, around: Around) {
        self.looked_at += 1;
        let kind = message.and_then(|message| content_type(message, HeaderName::ContentType));
        let (main, sub) = match kind {
            Some(kind) => (kind.ctype().to_ascii_lowercase(), kind.subtype().unwrap_or_default().to_ascii_lowercase()),
            None if around == Around::Digest => ("message".to_owned(), "rfc822".to_owned()),
            None => ("text".to_owned(), "plain".to_owned()),
        };
        let encoding = message.and_then(|message| headers::text(message, HeaderName::ContentTransferEncoding));
        let encoding = encoding.unwrap_or_default();
        if main == "multipart"
            && let Some(boundary) = kind.and_then(|kind| kind.attribute("boundary")).filter(|text| !text.is_empty())
            && depth > 0
        {
            let inside = split(body, boundary.as_bytes());
            if !inside.is_empty() {
                return self.multipart(&sub, &inside, depth - 1);
            }
        }
        let disposition = message.and_then(|message| content_type(message, HeaderName::ContentDisposition));
        let named =
            disposition.and_then(|one| one.attribute("filename")).or(kind.and_then(|kind| kind.attribute("name")));
        let name = named.map(headers::line).filter(|name| !name.is_empty());
        let is_attachment = disposition.is_some_and(|one| one.ctype().eq_ignore_ascii_case("attachment"));
        // What is a text inside and no text by its type, such as a multipart whose boundary is missing, is shown.
        let is_text = main == "text" && ["plain", "html", "enriched"].contains(&sub.as_str()) || main == "multipart";
        if is_text && !is_attachment && (name.is_none() || around == Around::Whole) {
            let most = if sub == "html" { HTML_BYTES } else { PLAIN_BYTES };
            let short = body.get(..most).unwrap_or(body);
            let text =
                decode::text(kind.and_then(|kind| kind.attribute("charset")), &decode::transfer(&encoding, short));
            let attribute = |name| kind.and_then(|kind| kind.attribute(name)).unwrap_or_default();
            let text = if attribute("format").eq_ignore_ascii_case("flowed") && sub != "html" {
                decode::unflow(&text, attribute("delsp").eq_ignore_ascii_case("yes"))
            } else {
                text
            };
            self.bodies.push(Body { html: sub == "html", text, cut_short: short.len() < body.len() });
            return;
        }
        match (main.as_str(), sub.as_str()) {
            ("message", "delivery-status" | "global-delivery-status") => {
                self.reports.push(Report::Status(decode::transfer(&encoding, body).into_owned()));
            }
            ("message", "rfc822" | "global") | ("text", "rfc822-headers") | ("message", "global-headers") => {
                self.reports.push(Report::Lost(body));
            }
            _ => {}
        }
        if self.attachments.len() < ATTACHMENTS {
            let id = message.and_then(|message| headers::ids(message, HeaderName::ContentId).into_iter().next());
            let content_id = id.map(|id| id.trim_matches(['<', '>']).to_owned());
            let said = disposition.map(|one| one.ctype().eq_ignore_ascii_case("inline"));
            self.attachments.push(Attachment {
                name,
                content_type: headers::line(&format!("{main}/{sub}")),
                size_bytes: decode::size(&encoding, body),
                inline: said.unwrap_or(content_id.is_some()),
                content_id,
            });
        }
    }

    fn multipart(&mut self, sub: &str, inside: &[&'a [u8]], depth: usize) {
        let around = if sub == "digest" { Around::Digest } else { Around::Mixed };
        let before = self.bodies.len();
        // Of alternatives one is shown: the first that has a plain text, else the last that has any.
        let mut best: Option<(u8, Vec<Body>)> = None;
        for part in inside {
            if self.looked_at >= PARTS {
                break;
            }
            let (head, body) = headers::split_part(part);
            let block = headers::block(head);
            self.part(headers::parse(&block).as_ref(), body, depth, around);
            if sub == "alternative" {
                let bodies: Vec<Body> = self.bodies.drain(before..).collect();
                let has = |html| bodies.iter().any(|body| body.html == html && !body.text.trim().is_empty());
                let worth = if has(false) { 2 } else { u8::from(has(true)) };
                if best.as_ref().is_none_or(|(other, _)| worth > *other) {
                    best = Some((worth, bodies));
                }
            }
        }
        self.bodies.extend(best.into_iter().flat_map(|(_, bodies)| bodies));
    }
}

fn content_type<'m>(message: &'m Message<'_>, name: HeaderName<'static>) -> Option<&'m ContentType<'m>> {
    message.header_values(name).find_map(HeaderValue::as_content_type)
}

/// The parts between the lines that begin with `--` and the boundary. The last may lack its end.
fn split<'a>(body: &'a [u8], boundary: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let (mut at, mut start) = (0, None);
    while at < body.len() && parts.len() < PARTS {
        let line = body.get(at..).unwrap_or_default();
        let end = line.iter().position(|byte| *byte == b'\n').map_or(line.len(), |end| end + 1);
        let after =
            line.get(..end).unwrap_or_default().strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary));
        if let Some(after) = after.map(<[u8]>::trim_ascii).filter(|after| after.is_empty() || *after == b"--") {
            if let Some(start) = start {
                parts.push(without_line_end(body.get(start..at).unwrap_or_default()));
            }
            start = after.is_empty().then_some(at + end);
            if !after.is_empty() {
                break;
            }
        }
        at += end;
    }
    if let Some(start) = start.filter(|start| *start < body.len() && parts.len() < PARTS) {
        parts.push(body.get(start..).unwrap_or_default());
    }
    parts
}

/// The line end before a boundary belongs to the boundary.
fn without_line_end(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}
