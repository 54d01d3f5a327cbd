//! What is new in a mail: its words without what it quotes and without the signature.
//!
//! It rather leaves something in than takes too much away: what is only likely a quotation stays if nothing else would.

use super::history::{self, Sure};
use super::{FULL_CHARS, TEXT_CHARS, html};

/// How many lines a signature behind `--` may have, if the space behind it got lost.
const SIGNATURE_LINES: usize = 12;
/// How many lines are looked at.
pub const LINES: usize = 20_000;
/// Among how many of the last lines a mail program's own is looked for.
const LAST_LINES: usize = 4;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words {
    /// What is new: lines end with LF, no space around it.
    pub text: String,
    /// All of it, for staff, with `>` before what is quoted.
    pub full: String,
    /// Whether nothing is new in it: it only quotes or forwards.
    pub only_quotes: bool,
    /// Whether either was longer than it may be, and has lost its end.
    pub cut_short: bool,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Own,
    Quote,
    Signature,
    /// An earlier mail, as is all that follows.
    History,
}

/// A line and what is known of it.
#[derive(Debug)]
pub struct Line {
    pub text: String,
    pub kind: Kind,
}

/// The lines of a mail.
#[derive(Debug, Default)]
pub struct Lines {
    lines: Vec<Line>,
    full: String,
    pub cut_short: bool,
}

/// Cuts a text, or HTML where there is no text; for vendors that hand over both.
pub fn cut(text: &str, html: Option<&str>) -> Words {
    let body = if text.trim().is_empty() { html.map(|html| (true, html)) } else { None };
    Lines::of_bodies(&[body.unwrap_or((false, text))]).cut()
}

/// The same for vendors that cut too (`stripped-text`, `StrippedTextReply`): theirs is taken unless it is empty.
pub fn cut_parsed(text: &str, html: Option<&str>, stripped: Option<&str>) -> Words {
    let words = cut(text, html);
    match stripped.map(|stripped| Lines::of_bodies(&[(false, stripped)])) {
        Some(stripped) if !stripped.full.trim().is_empty() => {
            let (text, is_cut) = limited(stripped.full.trim().to_owned(), TEXT_CHARS);
            let full = if words.full.trim().is_empty() { stripped.full.trim().to_owned() } else { words.full };
            Words { text, full, only_quotes: false, cut_short: is_cut || words.cut_short }
        }
        _ => words,
    }
}

impl Lines {
    /// The lines of texts, one after another; HTML where it says so.
    pub fn of_bodies(bodies: &[(bool, &str)]) -> Self {
        let mut all = Self::default();
        for (is_html, text) in bodies {
            let room = LINES.saturating_sub(all.lines.len());
            if !all.lines.is_empty() {
                all.lines.push(Line { text: String::new(), kind: Kind::Own });
            }
            if *is_html {
                let lines = html::lines(text).into_iter().take(room);
                all.lines.extend(lines.map(|line| Line { text: printable(&line.text), ..line }));
            } else {
                all.lines.extend(text.split('\n').take(room).map(|line| {
                    let is_quote = line.trim_start().starts_with('>');
                    Line { text: printable(line), kind: if is_quote { Kind::Quote } else { Kind::Own } }
                }));
            }
        }
        let mut full = String::new();
        for line in &all.lines {
            if full.len() > FULL_CHARS * 4 {
                break;
            }
            if line.kind == Kind::Quote && !line.text.starts_with('>') && !line.text.is_empty() {
                full.push_str("> ");
            }
            full.push_str(line.text.trim_end());
            full.push('\n');
        }
        (all.full, all.cut_short) = limited(tidy(&full), FULL_CHARS);
        all.cut_short |= all.lines.len() >= LINES;
        all
    }

    /// All of it.
    pub fn full(&self) -> &str {
        &self.full
    }

    /// What is new.
    pub fn cut(self) -> Words {
        let texts: Vec<&str> = self.lines.iter().map(|line| line.text.as_str()).collect();
        let is_own = |kinds: &[Kind]| -> Vec<(usize, &str)> {
            let own = kinds.iter().enumerate().filter(|(_, kind)| **kind == Kind::Own);
            own.filter_map(|(at, _)| Some((at, *texts.get(at)?))).collect()
        };
        // From the boldest cut to the most careful one, until something is left.
        let mut only_quotes = false;
        let mut text = String::new();
        for guess in [true, false] {
            let kinds = self.kinds(&texts, guess);
            let own = is_own(&kinds);
            let whole = || own.iter().map(|(_, line)| *line).collect::<Vec<_>>().join("\n");
            text = tidy(&unsigned(&own, &kinds));
            if text.is_empty() {
                text = tidy(&whole());
            }
            if text.is_empty() {
                let signed = kinds.iter().zip(&texts).filter(|(kind, _)| **kind == Kind::Signature);
                text = tidy(&signed.map(|(_, line)| *line).collect::<Vec<_>>().join("\n"));
            }
            if !text.is_empty() {
                break;
            }
            only_quotes = !self.full.is_empty();
        }
        if !text.is_empty() {
            only_quotes = false;
        }
        let (text, is_cut) = limited(text, TEXT_CHARS);
        Words { text, full: self.full, only_quotes, cut_short: self.cut_short || is_cut }
    }

    /// What each line is. `guess`: whether an announcement counts that nothing quoted follows.
    fn kinds(&self, texts: &[&str], guess: bool) -> Vec<Kind> {
        let mut kinds: Vec<Kind> = self.lines.iter().map(|line| line.kind).collect();
        // What the next line with anything in it is, seen from each line.
        let mut next = vec![None; kinds.len() + 1];
        for at in (0..kinds.len()).rev() {
            let is_empty = texts.get(at).is_none_or(|text| text.trim().is_empty());
            let after = next.get(at + 1).copied().flatten();
            let here = if is_empty { after } else { kinds.get(at).copied() };
            if let Some(slot) = next.get_mut(at) {
                *slot = here;
            }
        }
        let mut at = 0;
        while at < kinds.len() {
            let rest = texts.get(at..).unwrap_or_default();
            let mut ends = match kinds.get(at) {
                Some(Kind::History) => true,
                Some(Kind::Own) => {
                    rest.first().is_some_and(|line| history::is_separator(line)) || history::is_header_block(rest)
                }
                _ => false,
            };
            if !ends
                && kinds.get(at) == Some(&Kind::Own)
                && let Some((lines, sure)) = history::attribution(rest)
            {
                let quote_follows =
                    matches!(next.get(at + lines).copied().flatten(), Some(Kind::Quote | Kind::History));
                if quote_follows {
                    kinds.iter_mut().skip(at).take(lines).for_each(|kind| *kind = Kind::Quote);
                }
                ends = !quote_follows && guess && sure == Sure::Yes;
            }
            if ends {
                kinds.iter_mut().skip(at).for_each(|kind| *kind = Kind::History);
                break;
            }
            at += 1;
        }
        kinds
    }
}

/// The lines without what mail programs and people put below them.
fn unsigned(own: &[(usize, &str)], kinds: &[Kind]) -> String {
    let has_words = |lines: &[(usize, &str)]| lines.iter().any(|(_, line)| !line.trim().is_empty());
    let mut end = own.len();
    let mut seen = false;
    for (at, (_, line)) in own.iter().enumerate() {
        let left = own.len() - at;
        let is_start = *line == "-- " || line.trim() == "--" && left <= SIGNATURE_LINES;
        if is_start && seen {
            end = at;
            break;
        }
        seen |= !line.trim().is_empty();
    }
    let mut kept = own.get(..end).unwrap_or_default();
    // A mail program's own line stands alone, at the end.
    let last = kept.iter().enumerate().rev().filter(|(_, (_, line))| !line.trim().is_empty()).take(LAST_LINES);
    let device = last.map(|(at, _)| at).filter(|at| {
        let alone = at.checked_sub(1).and_then(|before| kept.get(before)).is_none_or(|(place, line)| {
            let jumps = kept.get(*at).is_some_and(|(here, _)| *here != place + 1);
            line.trim().is_empty() || jumps
        });
        alone && kept.get(*at).is_some_and(|(_, line)| is_device(line))
    });
    if let Some(at) = device.min().filter(|at| has_words(kept.get(..*at).unwrap_or_default())) {
        kept = kept.get(..at).unwrap_or_default();
    }
    // A rule above an earlier mail belongs to that.
    if kinds.last() == Some(&Kind::History) {
        while let Some((_, line)) = kept.last()
            && line.trim().chars().all(|char| matches!(char, '_' | '-' | '=' | '*'))
            && has_words(kept.get(..kept.len() - 1).unwrap_or_default())
        {
            kept = kept.get(..kept.len() - 1).unwrap_or_default();
        }
    }
    kept.iter().map(|(_, line)| *line).collect::<Vec<_>>().join("\n")
}

/// How mail programs begin the line that they put below a mail.
const DEVICES: &[&str] = &[
    "sent from my ",
    "sent from mail for",
    "sent from yahoo",
    "sent from outlook",
    "sent from proton",
    "sent from gmail",
    "sent from samsung",
    "sent from aol",
    "sent from a mobile",
    "sent from windows mail",
    "sent via blackberry",
    "sent via the samsung",
    "sent with proton",
    "sent with sparrow",
    "sent with airmail",
    "sent with spark",
    "get outlook for",
    "von meinem ",
    "gesendet von meinem",
    "gesendet von mail",
    "gesendet von yahoo",
    "gesendet von outlook",
    "gesendet mit der ",
    "gesendet mit proton",
    "diese nachricht wurde von meinem",
    "outlook für ",
    "holen sie sich outlook",
    "envoyé de mon ",
    "envoyé depuis ",
    "envoyé à partir de outlook",
    "télécharger outlook",
    "obtenir outlook",
    "enviado desde mi ",
    "enviado desde outlook",
    "enviado desde correo",
    "enviado desde yahoo",
    "obtener outlook",
    "descargar outlook",
    "inviato da ",
    "verzonden vanaf ",
    "enviado do meu ",
];

fn is_device(line: &str) -> bool {
    let line = line.trim_matches(|char: char| char.is_whitespace() || matches!(char, '*' | '_' | '[' | '-'));
    if line.len() > 160 {
        return false;
    }
    let lower = line.to_lowercase();
    let sent = ["gesendet", "verschickt", "geschickt", "holen", "beziehen", "herunterladen"];
    DEVICES.iter().any(|start| lower.starts_with(start))
        && (!(lower.starts_with("von meinem") || lower.starts_with("outlook für"))
            || sent.iter().any(|word| lower.trim_end_matches('.').contains(word)))
}

/// A line without control characters.
fn printable(line: &str) -> String {
    let line = line.strip_suffix('\r').unwrap_or(line);
    line.chars().filter(|char| !char.is_control() || *char == '\t').collect()
}

/// Without spaces around it, and with one empty line where there are more.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.split('\n').map(str::trim_end) {
        if line.is_empty() {
            empty += 1;
            continue;
        }
        if !out.is_empty() {
            out.push_str(if empty > 0 { "\n\n" } else { "\n" });
        }
        empty = 0;
        out.push_str(line);
    }
    let start = out.len() - out.trim_start().len();
    out.drain(..start);
    out
}

fn limited(mut text: String, chars: usize) -> (String, bool) {
    match text.char_indices().nth(chars) {
        Some((at, _)) => {
            text.truncate(at);
            (text, true)
        }
        None => (text, false),
    }
}
