//! What happened in a scenario, a line each: shown when it fails, and held against the transcript that somebody has reviewed.
//!
//! A reviewed transcript has what a customer, the staff or the owner would notice. What only helps to find a mistake (logs, fuel)
//! stands in the shown one alone: it differs between languages and compilers.

use std::fmt;

use similar::{ChangeTag, TextDiff};

use crate::domain::ids::MessageId;
use crate::domain::message::{Delivery, Message};
use crate::domain::plugin::Export;
use crate::domain::time::Instant;
use crate::engine::why::{Run, Why};

/// One line.
#[derive(Debug, Clone)]
pub struct Line {
    /// What it says. What goes on after a line break is indented.
    pub text: String,
    /// The message that it tells of.
    pub message: Option<MessageId>,
    /// Whether it only helps to find a mistake.
    pub debug: bool,
}

impl Line {
    /// A line that belongs into a reviewed transcript.
    pub fn told(text: String) -> Self {
        Self { text, message: None, debug: false }
    }

    /// A line that only helps to find a mistake.
    pub fn debug(text: String) -> Self {
        Self { text, message: None, debug: true }
    }

    /// A line about a message.
    pub fn about(message: &Message, text: String) -> Self {
        let text: Vec<&str> = text.lines().map(str::trim_end).collect();
        let text = text.join("\n        ").replace("\n        \n", "\n\n");
        Self { text, message: Some(message.id), debug: false }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether a line of two compared transcripts is in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// In both.
    Same,
    /// Expected, and not there.
    Missing,
    /// There, and not expected.
    Beyond,
}

impl Mark {
    /// What stands before such a line.
    pub fn sign(self) -> char {
        match self {
            Self::Same => ' ',
            Self::Missing => '-',
            Self::Beyond => '+',
        }
    }
}

/// The text of a reviewed transcript.
pub fn reviewed(name: &str, lines: &[Line]) -> String {
    let mut text = format!("# {name}\n\n");
    for line in lines.iter().filter(|line| !line.debug) {
        for part in line.text.lines() {
            text.push_str(part.trim_end());
            text.push('\n');
        }
    }
    text
}

/// How a text differs from what was expected, line by line; none where it does not. Line ends of other systems are the same.
pub fn differs(expected: &str, is: &str) -> Option<Vec<(Mark, String)>> {
    let (expected, is) = (expected.replace("\r\n", "\n"), is.replace("\r\n", "\n"));
    if expected.trim_end() == is.trim_end() {
        return None;
    }
    let diff = TextDiff::from_lines(expected.trim_end(), is.trim_end());
    let marked = diff.iter_all_changes().map(|change| {
        let mark = match change.tag() {
            ChangeTag::Equal => Mark::Same,
            ChangeTag::Delete => Mark::Missing,
            ChangeTag::Insert => Mark::Beyond,
        };
        (mark, change.value().trim_end().to_owned())
    });
    Some(marked.collect())
}

/// The lines of one step about messages, in the order in which they changed.
pub fn of_message(message: &Message, zone: &jiff::tz::TimeZone, to: &str) -> Line {
    let at = match message.delivery {
        Delivery::Sent { at } => at,
        _ => message.at,
    };
    let what = match &message.delivery {
        Delivery::Withheld { code, .. } => format!("withheld, {code}"),
        Delivery::Deferred { until, .. } => format!("deferred to {}", moment(*until, zone)),
        other => other.word().to_owned(),
    };
    let template = message.origin.as_ref().and_then(|origin| origin.template.as_deref());
    let template = template.map(|name| format!(", {name}")).unwrap_or_default();
    let (from, channel) = (message.author.word(), &message.channel);
    let text = format!("{}    {from} to {to} by {channel} ({what}{template}): {}", moment(at, zone), message.text);
    // On its way to what it becomes in the same step.
    let debug = matches!(message.delivery.word(), "queued" | "attempting");
    Line { debug, ..Line::about(message, text) }
}

/// The lines about one record of why: what plugins did beside writing messages, what they were refused, failed with and logged.
pub fn of_why(why: &Why, zone: &jiff::tz::TimeZone) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some((code, words)) = &why.refused {
        lines.push(Line::told(format!("{INDENT}refused, {code}: {words}")));
    }
    for run in &why.runs {
        let plugin = &run.plugin;
        lines.extend(run.effects.iter().filter_map(|effect| {
            let words = of_effect(effect, zone)?;
            Some(Line::told(format!("{INDENT}{plugin} {words}")))
        }));
        for (call, code, words) in refusals(run) {
            lines.push(Line::told(format!("{INDENT}{plugin} was refused {call}, {code}: {words}")));
        }
        if run.failed {
            let mut outcome = run.outcome.trim_end().lines();
            let first = outcome.next().unwrap_or_default();
            lines.push(Line::told(format!("{INDENT}{plugin} failed: {first}")));
            lines.extend(outcome.map(|line| Line::debug(format!("{INDENT}    {line}"))));
        }
        for line in run.log.lines() {
            lines.push(Line::debug(format!("{INDENT}{plugin} logs {line}")));
        }
        let word = if run.failed { "failed" } else { run.outcome.lines().next().unwrap_or_default() };
        if run.export != Export::Reading {
            lines.push(Line::debug(format!("{INDENT}{plugin} ran {}: {word}, {} fuel", run.export.word(), run.fuel)));
        }
    }
    lines
}

/// What stands before what is no step: so wide is the clock.
const INDENT: &str = "                    ";

/// What a run was refused: the call, the stable code, and the words.
pub fn refusals(run: &Run) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for call in &run.calls {
        let Ok(call) = serde_json::from_str::<serde_json::Value>(call.get()) else { continue };
        let word = |of: &serde_json::Value| of.as_str().unwrap_or_default().to_owned();
        let refusal = &call["result"]["Err"];
        if refusal["code"].is_string() {
            found.push((word(&call["call"]), word(&refusal["code"]), word(&refusal["text"])));
        }
    }
    found
}

/// An effect in words; none for those that are told otherwise or that nobody outside would notice.
fn of_effect(effect: &serde_json::Value, zone: &jiff::tz::TimeZone) -> Option<String> {
    let word = |name: &str| effect[name].as_str();
    if let Some(key) = word("timer") {
        return Some(match effect["due"].as_u64() {
            Some(due) => format!("sets the timer {key} for {}", moment(Instant(due), zone)),
            None => format!("takes the timer {key} away"),
        });
    }
    if let (Some(id), Some(answer)) = (word("appointment"), word("answer")) {
        return Some(format!("notes the answer to appointment {id}: {answer}"));
    }
    if let Some(number) = word("order") {
        return Some(format!("ties the order {number} to the customer"));
    }
    if let (Some(_), Some(urgency)) = (word("case"), word("urgency")) {
        return Some(format!("calls a person, urgency {urgency}"));
    }
    word("notice").map(|_| "notifies staff".to_owned())
}

/// A moment as transcripts write it.
pub fn moment(at: Instant, zone: &jiff::tz::TimeZone) -> String {
    at.in_zone(zone).strftime("%a %d %b %Y %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reviewed_transcript_has_no_logs_and_differs_line_by_line() {
        let lines = [Line::told("one".into()), Line::debug("two".into()), Line::told("three  \nfour".into())];
        let is = reviewed("A name", &lines);
        assert_eq!(is, "# A name\n\none\nthree\nfour\n");
        assert_eq!(differs("# A name\r\n\r\none\r\nthree\r\nfour", &is), None);
        let marked = differs("# A name\n\none\n3\nfour\n", &is).unwrap();
        let shown: Vec<String> = marked.iter().map(|(mark, line)| format!("{}{line}", mark.sign())).collect();
        assert_eq!(shown, [" # A name", " ", " one", "-3", "+three", " four"]);
    }
}
