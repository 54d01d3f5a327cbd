//! A raw mail, read.

use std::collections::BTreeMap;

use mail_parser::{HeaderName, HeaderValue};

use super::bounce::{self, Bounce};
use super::cut::{Lines, Words, cut_parsed};
use super::headers::{self, Address};
use super::machine;
use super::parts::{self, Attachment};

/// A mail.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mail {
    /// Who wrote it, if anybody with an address.
    pub from: Option<Address>,
    /// Where answers are wanted.
    pub reply_to: Vec<Address>,
    /// To whom.
    pub to: Vec<Address>,
    /// And to whom besides.
    pub cc: Vec<Address>,
    /// The subject, decoded, on one line.
    pub subject: Option<String>,
    /// When it says that it was written, as RFC 3339 with its offset.
    pub date: Option<String>,
    /// Its id, in angle brackets, as all ids here.
    pub message_id: Option<String>,
    /// The mail it answers.
    pub in_reply_to: Option<String>,
    /// The mails before it, oldest first.
    pub references: Vec<String>,
    /// What was written.
    pub words: Words,
    /// What hangs on it.
    pub attachments: Vec<Attachment>,
    /// Why it was written by a machine, if it says so.
    pub machine: Option<&'static str>,
    /// The headers that say so or not, by their names in lower case: `headers` of `attune.message.received.v1`.
    pub headers: BTreeMap<String, String>,
    /// What came back, if it is a bounce.
    pub bounce: Option<Bounce>,
}

/// Reads a raw mail (RFC 5322). Nothing is refused: what cannot be read is not there.
pub fn read(raw: &[u8]) -> Mail {
    let (head, body) = headers::split(raw);
    let block = headers::block(head);
    let parsed = headers::parse(&block);
    let parts = parts::walk(parsed.as_ref(), body);
    let bodies: Vec<(bool, &str)> = parts.bodies.iter().map(|body| (body.html, body.text.as_str())).collect();
    let mut lines = Lines::of_bodies(&bodies);
    lines.cut_short |= parts.bodies.iter().any(|body| body.cut_short);
    let mut mail = Mail { attachments: parts.attachments, ..Mail::default() };
    let Some(message) = parsed else {
        mail.words = lines.cut();
        return mail;
    };
    mail.from = headers::addresses(&message, HeaderName::From)
        .into_iter()
        .chain(headers::addresses(&message, HeaderName::Sender))
        .next();
    mail.reply_to = headers::addresses(&message, HeaderName::ReplyTo);
    mail.to = headers::addresses(&message, HeaderName::To);
    mail.cc = headers::addresses(&message, HeaderName::Cc);
    mail.subject = headers::text(&message, HeaderName::Subject);
    let date = message.header_values(HeaderName::Date).find_map(HeaderValue::as_datetime);
    mail.date = date.filter(|date| date.is_valid() && date.year > 0).map(mail_parser::DateTime::to_rfc3339);
    mail.message_id = headers::ids(&message, HeaderName::MessageId).into_iter().next();
    mail.in_reply_to = headers::ids(&message, HeaderName::InReplyTo).into_iter().next();
    mail.references = headers::ids(&message, HeaderName::References);
    mail.headers = telling(&message);
    let by_headers = machine::by_headers(mail.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    mail.machine = by_headers.or_else(|| mail.subject.as_deref().and_then(machine::by_subject));
    let failed = mail.headers.get("x-failed-recipients").cloned();
    // Reports hang on forwarded mails too; only a machine's is one.
    if mail.machine.is_some() {
        let empty_sender = mail.headers.get("return-path").is_some_and(|path| path.is_empty() || path == "<>");
        let is_auto = mail.headers.contains_key("auto-submitted");
        let from = mail.headers.get("from").map(|from| ("from", from.as_str()));
        let by_postmaster = machine::by_headers(from).is_some() || empty_sender && !is_auto;
        mail.bounce = bounce::read(&parts.reports, failed, lines.full(), by_postmaster);
    }
    mail.words = lines.cut();
    mail
}

/// Reads a mail that a vendor has taken apart: its headers as they stood, its text, its HTML, and what the vendor thinks is new
/// in it. Attachments are the vendor's to list. Absent headers may be left out; the rest comes as from [`read`].
pub fn read_parsed<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    text: &str,
    html: Option<&str>,
    stripped: Option<&str>,
) -> Mail {
    let mut raw = String::new();
    for (name, value) in headers {
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
        if is_name {
            let value: String = value.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
            raw.push_str(&format!("{name}: {value}\n"));
        }
    }
    Mail { words: cut_parsed(text, html, stripped), attachments: Vec::new(), ..read(raw.as_bytes()) }
}

/// The headers that tell machines from people. Of one that is there twice, the one that tells of a machine.
fn telling(message: &mail_parser::Message<'_>) -> BTreeMap<String, String> {
    let mut telling: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in message.headers_raw() {
        let name = name.to_ascii_lowercase();
        if !machine::HEADERS.contains(&name.as_str()) {
            continue;
        }
        let value = headers::line(value);
        let tells = machine::by_headers([(name.as_str(), value.as_str())]).is_some();
        if tells || !telling.contains_key(&name) {
            telling.insert(name, value);
        }
    }
    telling
}
