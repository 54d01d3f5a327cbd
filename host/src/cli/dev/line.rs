//! What the author types: words of the customer, the clock, or a command.

use std::path::PathBuf;

use crate::domain::time::Instant;
use crate::workbench::moment::{duration_ms, moment};

/// A line that was typed.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// Nothing.
    Nothing,
    /// The customer writes this.
    Says(String),
    /// Lines are another customer's from here on: a name or an address.
    As(String),
    /// The events of a file come in.
    Event(PathBuf),
    /// Staff write to the customer.
    Staff(String),
    /// Staff settle the customer's case.
    Resolve,
    /// The clock is put forward by so many milliseconds.
    Forward(u64),
    /// The clock is put forward to a moment.
    At(Instant),
    /// A plugin gets other settings: its name, and JSON.
    Settings(String, String),
    /// Show the last record of why in full.
    Why,
    /// Show again why plugins do not build.
    Error,
    /// Show what can be typed.
    Help,
    /// End.
    Quit,
}

/// What can be typed.
pub(super) const HELP: &str = "  a line            the customer writes it
  /as NAME          be another customer: a name such as ben, or an address such as email:ben@example.com
  +3d  +90m         put the clock forward (s, m, h, d); /at 2026-12-24T09:00[Europe/Berlin] to a moment
  /event FILE       send the CloudEvent of a file; {now}, {now+3d} and {new} are filled in
  /staff TEXT       staff write to the customer; /resolve settles the case
  /settings NAME {} give a plugin other settings, as JSON
  /why              the last record of why in full, as JSON
  /error            why a plugin does not build
  /quit             end; so do Ctrl-C and Ctrl-D
  A space before a line that begins with / or + has the customer write it as it is.";

/// Reads a line.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn read(text: &str) -> Result<Line, String> {
    if text.trim().is_empty() {
        return Ok(Line::Nothing);
    }
    if let Some(span) = text.strip_prefix('+') {
        let forward = duration_ms(span.trim()).map(Line::Forward);
        return forward.map_err(|error| format!("{error}; a space before the line has the customer write it"));
    }
    let Some(command) = text.strip_prefix('/') else { return Ok(Line::Says(text.trim().to_owned())) };
    let (name, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let rest = rest.trim();
    let needs = |what: &str| match rest.is_empty() {
        true => Err(format!("/{name} needs {what}")),
        false => Ok(rest.to_owned()),
    };
    match name {
        "as" => needs("a customer: a name or an address").map(Line::As),
        "event" => needs("a file").map(|file| Line::Event(file.into())),
        "staff" => needs("a text").map(Line::Staff),
        "resolve" => Ok(Line::Resolve),
        "at" => moment(&needs("a moment")?).map(Line::At).map_err(|error| error.to_string()),
        "settings" => match needs("a plugin's name and JSON")?.split_once(char::is_whitespace) {
            Some((plugin, json)) => Ok(Line::Settings(plugin.to_owned(), json.trim().to_owned())),
            None => Err("/settings needs a plugin's name and JSON".to_owned()),
        },
        "why" => Ok(Line::Why),
        "error" => Ok(Line::Error),
        "help" | "?" => Ok(Line::Help),
        "quit" | "exit" | "q" => Ok(Line::Quit),
        _ => Err(format!("there is no command /{name}; /help lists them")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::{DAY, MINUTE};

    #[test]
    fn lines_are_read() {
        for (text, expected) in [
            ("Where is my order?", Ok(Line::Says("Where is my order?".to_owned()))),
            ("", Ok(Line::Nothing)),
            ("+3d", Ok(Line::Forward(3 * DAY))),
            ("+90m", Ok(Line::Forward(90 * MINUTE))),
            (" +49 30 1234", Ok(Line::Says("+49 30 1234".to_owned()))),
            (
                "+3w",
                Err("`3w` is no time span such as 30m, 21h or 3d; a space before the line has the customer write it"),
            ),
            ("/as ben", Ok(Line::As("ben".to_owned()))),
            ("/as", Err("/as needs a customer: a name or an address")),
            ("/event a b.json", Ok(Line::Event("a b.json".into()))),
            ("/staff I am on it", Ok(Line::Staff("I am on it".to_owned()))),
            ("/at 1970-01-01T00:01:00Z", Ok(Line::At(Instant(MINUTE)))),
            ("/at noon", Err("`noon` is no moment such as 2026-03-02T09:00[Europe/Berlin] or 2026-03-02T08:00:00Z")),
            ("/settings faq {\"a\": 1}", Ok(Line::Settings("faq".to_owned(), "{\"a\": 1}".to_owned()))),
            ("/settings faq", Err("/settings needs a plugin's name and JSON")),
            ("/quit", Ok(Line::Quit)),
            ("/dance", Err("there is no command /dance; /help lists them")),
        ] {
            assert_eq!(read(text), expected.map_err(str::to_owned), "{text}");
        }
    }
}
