//! SendGrid's Inbound Parse: mail taken apart, or raw. Unsigned, so a secret stands in its address.
//!
//! Source: SendGrid's "Inbound Parse Webhook".

mod bindings;

use attune_mail::{Address, Attachment, Mail};
use attune_vendor::form::Form;
use attune_vendor::mail::told;
use attune_vendor::{fingerprint, header, text};
use bindings::attune::host::log;
use bindings::exports::attune::connector::receiving::{Guest, Incoming, Rejection, Request};
use serde_json::Value;

struct Inbound;

impl Guest for Inbound {
    fn receive(request: Request) -> Result<Vec<Incoming>, Rejection> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let kind = header(&request.headers, "content-type").unwrap_or_default();
        let form = Form::read(kind, &request.body).map_err(Rejection::Malformed)?;
        let mut mail = form.bytes("email").map_or_else(|| parsed(&form), attune_mail::read);
        if mail.from.is_none() {
            let sender = json(&form, "envelope").pointer("/from").and_then(|from| text(from, ""));
            mail.from = sender.map(|address| Address { address, name: None });
        }
        let told = told(mail);
        let told = told.ok_or_else(|| Rejection::Malformed("nobody wrote this mail: it has no sender".to_owned()))?;
        let id = told.id.unwrap_or_else(|| fingerprint(told.data.to_string().as_bytes()));
        Ok(vec![Incoming { kind: told.kind.to_owned(), id, time: told.time, data: told.data.to_string() }])
    }
}

fn parsed(form: &Form<'_>) -> Mail {
    let charsets = json(form, "charsets");
    // Its texts come in the charset of the mail, which a field beside them names.
    let decoded = |name: &str| {
        let charset = text(&charsets, &format!("/{name}"));
        form.bytes(name).map(|bytes| attune_mail::decoded(charset.as_deref(), bytes)).unwrap_or_default()
    };
    let block = unfolded(&decoded("headers"));
    let mut headers: Vec<(&str, &str)> = block.iter().filter_map(|line| line.split_once(':')).collect();
    let (from, to, subject) = (decoded("from"), decoded("to"), decoded("subject"));
    for (name, value) in [("From", &from), ("To", &to), ("Subject", &subject)] {
        if !value.trim().is_empty() && !headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            headers.push((name, value));
        }
    }
    let mail = attune_mail::read_parsed(headers, &decoded("text"), Some(&decoded("html")), None);
    let attachments = form.files().map(|(field, name, kind)| Attachment {
        name: name.map(str::to_owned),
        content_type: kind.to_owned(),
        size_bytes: field.value.len() as u64,
        ..Attachment::default()
    });
    Mail { attachments: attachments.take(attune_mail::ATTACHMENTS).collect(), ..mail }
}

/// Headers, each on one line.
fn unfolded(block: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in block.lines() {
        match lines.last_mut().filter(|_| line.starts_with([' ', '\t'])) {
            Some(last) => last.push_str(line),
            None => lines.push(line.to_owned()),
        }
    }
    lines
}

fn json(form: &Form<'_>, name: &str) -> Value {
    form.bytes(name).and_then(|text| serde_json::from_slice(text).ok()).unwrap_or_default()
}
