//! Mails that came back: who did not get what, and whether they ever will (RFC 3464), and the bounces of servers that follow
//! no standard.
//!
//! It never guesses an address: without one that the report names there is no bounce.

use mail_parser::HeaderName;

use super::headers;
use super::parts::Report;

/// How much of a report's texts is read.
const REPORT_BYTES: usize = 64 << 10;

/// A mail that came back, or is late.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bounce {
    /// Who did not get it.
    pub recipient: String,
    /// `failed`, `delayed`, `delivered`, `relayed` or `expanded`.
    pub action: String,
    /// RFC 3463: `5.1.1`.
    pub status: Option<String>,
    /// What the other server said, on one line.
    pub diagnostic: Option<String>,
    /// Whether another attempt is pointless: a status of 5, not one of 4. Where there is no status, the action says it.
    pub permanent: bool,
    /// The lost mail's `Message-ID`, in angle brackets.
    pub message_id: Option<String>,
}

/// Reads a bounce. A report about several recipients gives the first whom the mail did not reach, else the first.
pub fn read(reports: &[Report<'_>], failed: Option<String>, text: &str, by_postmaster: bool) -> Option<Bounce> {
    let lost = reports.iter().find_map(|report| match report {
        Report::Lost(raw) => {
            let (head, _) = headers::split(raw);
            let block = headers::block(head);
            headers::parse(&block).and_then(|message| headers::ids(&message, HeaderName::MessageId).into_iter().next())
        }
        Report::Status(_) => None,
    });
    let statuses = reports.iter().filter_map(|report| match report {
        Report::Status(text) => Some(text.as_slice()),
        Report::Lost(_) => None,
    });
    let told: Vec<Bounce> = statuses.flat_map(by_status).collect();
    let first = told.iter().find(|bounce| bounce.action == "failed").or(told.first()).cloned();
    let bounce = first.or_else(|| if failed.is_some() || by_postmaster { by_words(failed, text) } else { None })?;
    Some(Bounce { message_id: lost.or_else(|| id_in(text).filter(|_| told.is_empty())), ..bounce })
}

/// One bounce for each recipient that a report names.
fn by_status(report: &[u8]) -> Vec<Bounce> {
    let text = String::from_utf8_lossy(report.get(..REPORT_BYTES).unwrap_or(report)).replace("\r\n", "\n");
    // Its groups of fields stand between empty lines, and are written as headers are.
    text.split("\n\n").filter_map(by_fields).take(super::LIST).collect()
}

fn by_fields(group: &str) -> Option<Bounce> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in group.lines() {
        match (fields.last_mut(), line.split_once(':')) {
            (Some((_, value)), _) if line.starts_with([' ', '\t']) => {
                value.push(' ');
                value.push_str(line.trim());
            }
            (_, Some((name, value))) => fields.push((name.trim().to_ascii_lowercase(), value.trim().to_owned())),
            _ => {}
        }
    }
    let field = |name: &str| fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
    // "rfc822; anna@example.com": the type of the address stands first.
    let address =
        |name| field(name).map(|value| value.split_once(';').map_or(value, |(_, value)| value)).and_then(address);
    let recipient = address("final-recipient").or_else(|| address("original-recipient"))?;
    let diagnostic = field("diagnostic-code").map(|value| match value.split_once(';') {
        Some((kind, text)) if !kind.contains(' ') => text,
        _ => value,
    });
    let diagnostic = diagnostic.map(headers::line).filter(|text| !text.is_empty());
    let status = field("status").and_then(status_in).or_else(|| diagnostic.as_deref().and_then(status_in));
    let action = field("action").unwrap_or("failed").to_ascii_lowercase();
    let action = action.split_whitespace().next().unwrap_or("failed").to_owned();
    let permanent = action == "failed" && status.as_ref().is_none_or(|status| status.starts_with('5'));
    Some(Bounce { recipient, action: headers::line(&action), status, diagnostic, permanent, message_id: None })
}

/// The words of servers that write no report: Exim names the address in a header, qmail and others on a line of its own.
fn by_words(failed: Option<String>, text: &str) -> Option<Bounce> {
    let text = text.get(..text.floor_char_boundary(REPORT_BYTES)).unwrap_or_default();
    let own_line = || {
        text.lines().find_map(|line| {
            let line = line.trim().trim_end_matches(':');
            let bare = line.strip_prefix('<').and_then(|line| line.strip_suffix('>')).unwrap_or(line);
            address(bare)
        })
    };
    let recipient = failed.as_deref().and_then(|list| address(list.split(',').next()?)).or_else(own_line)?;
    // A reply code of SMTP or a status at the head of a word.
    let line = text.lines().find(|line| status_in(line).is_some() || code_in(line).is_some());
    let status = line.and_then(status_in);
    let code = line.and_then(code_in);
    let late =
        ["will be retried", "delayed", "not yet been delivered", "no action is required", "warning message only"];
    let lower = text.to_lowercase();
    let is_late =
        late.iter().any(|words| lower.contains(words)) && status.as_ref().is_none_or(|it| it.starts_with('4'));
    let permanent = !is_late && status.as_deref().or(code).is_none_or(|status| status.starts_with('5'));
    let action = if is_late { "delayed" } else { "failed" }.to_owned();
    let diagnostic = line.map(headers::line);
    Some(Bounce { recipient, action, status, diagnostic, permanent, message_id: None })
}

/// A text that is an address and nothing else.
fn address(text: &str) -> Option<String> {
    let text = text.trim().trim_matches(['<', '>']);
    let (name, domain) = text.rsplit_once('@')?;
    let fits = |char: char| !char.is_whitespace() && !char.is_control() && !"<>()[],;:\\\"".contains(char);
    let is_one = !name.is_empty() && !domain.is_empty() && text.len() <= 320 && text.chars().all(fits);
    is_one.then(|| text.to_owned())
}

/// The first word that is a status: `5.1.1`, `4.2.2`.
fn status_in(text: &str) -> Option<String> {
    let words = text.split(|char: char| !char.is_ascii_digit() && char != '.');
    words.map(|word| word.trim_matches('.')).find_map(|word| {
        let numbers: Vec<&str> = word.split('.').collect();
        let is_one = matches!(numbers.as_slice(), ["2" | "4" | "5", a, b] if (1..=3).contains(&a.len()) && (1..=3).contains(&b.len()));
        is_one.then(|| word.to_owned())
    })
}

/// The first word that is a reply code of SMTP: 550, 451.
fn code_in(text: &str) -> Option<&str> {
    text.split(|char: char| !char.is_ascii_alphanumeric())
        .find(|word| word.len() == 3 && word.starts_with(['4', '5']) && word.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The `Message-ID` in a mail that was quoted as a text.
fn id_in(text: &str) -> Option<String> {
    let line =
        text.lines().find(|line| line.get(..11).is_some_and(|start| start.eq_ignore_ascii_case("message-id:")))?;
    headers::id(line.get(11..)?)
}
