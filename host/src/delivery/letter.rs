//! A message as a mail: headers, text, and the two addresses on its envelope.
//!
//! Never lets a name, a subject or an address end a line of the header: addresses are made of an allowed set of characters, and
//! texts lose what is not printable before they come near a header. Never reads a clock: the date is the message's.

use std::time::{Duration, SystemTime};

use lettre::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, SinglePart};

use crate::domain::message::{Author, Message, Purpose};
use crate::domain::sentences;
use crate::domain::time::LAST;
use crate::engine::Parcel;

use super::smtp::{Smtp, mailbox};

/// A mail ready to be handed in.
#[derive(Debug)]
pub(super) struct Letter {
    /// Who sends it; also who hears of it if it comes back.
    pub(super) from: Address,
    /// Who gets it.
    pub(super) to: Address,
    /// Headers and text, with CRLF at every line end; ASCII unless an address is not.
    pub(super) content: Vec<u8>,
}

/// The longest sender's name, in characters.
const NAME_CHARS: usize = 100;
/// The longest subject, in characters.
const SUBJECT_CHARS: usize = 200;
/// The longest id of a mail that is referred to, in bytes; servers make shorter ones.
const ID_BYTES: usize = 400;
/// How subjects of answers begin, in the languages that people write here.
const ANSWERS: [&str; 6] = ["re:", "aw:", "sv:", "rv:", "ref:", "re :"];

/// Writes a parcel as a mail. It is the same each time, byte for byte, and so is its `Message-ID`: a server or a person can tell
/// that two are one.
///
/// # Errors
/// Why this message can never be a mail, in words for the owner.
pub(super) fn write(smtp: &Smtp, parcel: &Parcel) -> Result<Letter, String> {
    let message = &parcel.message;
    let to = mailbox(&parcel.address)
        .ok_or_else(|| "the customer's e-mail address is none that mail can be sent to; correct it".to_owned())?;
    let name = one_line(&parcel.business_name, NAME_CHARS);
    let own = message.subject.as_deref().map(|subject| one_line(subject, SUBJECT_CHARS));
    let subject = match own.filter(|subject| !subject.is_empty()).or_else(|| answered_subject(parcel)) {
        Some(subject) => subject,
        _ if !name.is_empty() => name.clone(),
        // A mail without a subject looks like spam.
        _ => "Message".to_owned(),
    };
    let mut mail = lettre::Message::builder()
        .from(Mailbox::new(Some(name).filter(|name| !name.is_empty()), smtp.from.clone()))
        .to(Mailbox::new(None, to.clone()))
        .subject(subject)
        .date(SystemTime::UNIX_EPOCH + Duration::from_millis(message.at.0.min(LAST.0)))
        .message_id(Some(format!("<{}@{}>", message.id, smtp.from.domain())));
    let original = parcel.answers.as_ref().and_then(|answered| answered.original.as_deref());
    if let Some(id) = original.and_then(|original| mail_id(original.message_id.as_deref())) {
        // RFC 5322, section 3.6.4: what was answered, after what that answered itself.
        let before = original.and_then(|original| mail_id(original.in_reply_to_id.as_deref()));
        let all: Vec<&str> = before.filter(|before| *before != id).into_iter().chain([id]).collect();
        mail = mail.references(all.join(" ")).in_reply_to(id.to_owned());
    }
    if let Some(reply_to) = &smtp.reply_to {
        mail = mail.reply_to(Mailbox::new(None, reply_to.clone()));
    }
    if let Some(word) = auto_submitted(message) {
        mail = mail.raw_header(raw("Auto-Submitted", word.to_owned()));
    }
    let mut text = message.text.clone();
    if let Some(url) = &parcel.unsubscribe {
        // RFC 8058: the reader's own program ends such mails, without a page.
        mail = mail
            .raw_header(raw("List-Unsubscribe", format!("<{url}>")))
            .raw_header(raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
        let words = sentences::unsubscribe(message.language.as_deref().unwrap_or_default());
        text = format!("{}\n\n{words}\n{url}", text.trim_end());
    }
    let mail = mail
        .singlepart(SinglePart::plain(body(&text)))
        .map_err(|error| format!("it could not be written as a mail: {error}"))?;
    Ok(Letter { from: smtp.from.clone(), to, content: mail.formatted() })
}

/// The subject of the mail that is answered, with `Re:` once.
fn answered_subject(parcel: &Parcel) -> Option<String> {
    let subject = one_line(parcel.answers.as_ref()?.subject.as_deref()?, SUBJECT_CHARS);
    let lower = subject.to_lowercase();
    let is_answer = ANSWERS.iter().any(|start| lower.starts_with(start));
    (!subject.is_empty()).then(|| if is_answer { subject } else { format!("Re: {subject}") })
}

/// An id that may stand in a header as it is. The sender chose it: one with a space, a line end or letters beyond ASCII would
/// write more than an id.
fn mail_id(id: Option<&str>) -> Option<&str> {
    let id = id?;
    let bare = id.strip_prefix('<')?.strip_suffix('>')?;
    let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>');
    (id.len() <= ID_BYTES && bare.contains('@') && bare.bytes().all(fits)).then_some(id)
}

fn raw(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

/// The word of RFC 3834 that keeps two machines from answering each other.
fn auto_submitted(message: &Message) -> Option<&'static str> {
    let purpose = message.origin.as_ref().map(|origin| origin.purpose);
    match (message.author, purpose) {
        (Author::Staff | Author::Customer, _) => None,
        (Author::Automation | Author::Host, Some(Purpose::Reply)) => Some("auto-replied"),
        (Author::Automation | Author::Host, _) => Some("auto-generated"),
    }
}

/// A text for one line of a header: what is not printable becomes a space, and what turns the direction of writing goes.
fn one_line(text: &str, chars: usize) -> String {
    let printable: String = text
        .chars()
        .filter(
            |c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'),
        )
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let words: Vec<&str> = printable.split_whitespace().collect();
    // `=?` begins an encoded word: a reader would decode what was meant as it stands.
    let line: String = words.join(" ").replace("=?", "= ?").chars().take(chars).collect();
    line.trim_end().to_owned()
}

/// The text, with CRLF at every line end and without control characters. Lettre would write the line ends too, but moves the
/// rest of the text once for each.
fn body(text: &str) -> String {
    let mut body = text.replace("\r\n", "\n").replace('\r', "\n");
    body.retain(|c| matches!(c, '\n' | '\t') || !c.is_control());
    if !body.ends_with('\n') {
        body.push('\n');
    }
    body.replace('\n', "\r\n")
}
