//! What an entry led to, in short lines: who wrote what, which plugins ran, what they asked, what went out or was withheld and
//! why. It says what the record of why says.

use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::Value;

use crate::domain::ids::CustomerId;
use crate::domain::message::{Author, Delivery, Message};
use crate::domain::time::Instant;
use crate::engine::why::{Run, Why};

/// How much of a text is shown, in characters.
const SHOWN_CHARS: usize = 240;
/// How many lines of a plugin's failure or log are shown.
const SHOWN_LINES: usize = 20;

/// Entries that only carry on what an earlier one began; what they change is shown, not that they came.
const QUIET: [&str; 5] = [
    "a message is due for sending",
    "a channel told what became of a message",
    "an hour ended in which customers wrote",
    "what was sent in an hour is counted",
    "what was kept for its time goes",
];

/// Colours, on a terminal only.
#[derive(Clone, Copy)]
pub(super) struct Paint(pub(super) bool);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    pub(super) fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    pub(super) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    pub(super) fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }
}

/// How entries are shown.
pub(super) struct Teller<'a> {
    /// The business's zone.
    pub(super) zone: &'a TimeZone,
    /// Colours.
    pub(super) paint: Paint,
    /// What a customer is called.
    pub(super) name: &'a dyn Fn(CustomerId) -> String,
}

impl Teller<'_> {
    /// An entry in lines; none if there is nothing to show.
    pub(super) fn lines(&self, customer: CustomerId, why: &Why, messages: &[Arc<Message>]) -> Vec<String> {
        let is_quiet = QUIET.iter().any(|quiet| why.what.starts_with(quiet));
        let mut below: Vec<String> = why.runs.iter().flat_map(|run| self.run(run)).collect();
        if !is_quiet {
            below.extend(why.host.iter().map(|words| format!("    Attune: {}", short(words))));
        }
        if let Some((code, words)) = &why.refused {
            below.push(format!("    {}", self.paint.red(&format!("refused ({code}): {}", short(words)))));
        }
        below.extend(messages.iter().flat_map(|message| self.message(message)));
        let said = messages.iter().find(|message| message.author == Author::Customer);
        let head = match said {
            Some(said) => format!("{} by {}: {}", (self.name)(customer), said.channel, short(&said.text)),
            None if is_quiet => String::new(),
            None if customer.is_business() => short(&why.what),
            None => format!("{} ({})", short(&why.what), (self.name)(customer)),
        };
        let mut below = below.into_iter();
        // Where there is nothing to say of the entry itself, what it changed stands in its line.
        let first = match head.is_empty() {
            true => below.next().map(|line| line.trim_start().to_owned()),
            false => Some(self.paint.bold(&head)),
        };
        first.map(|first| format!("{}  {first}", self.when(why.at))).into_iter().chain(below).collect()
    }

    /// A moment by the business's clock.
    pub(super) fn when(&self, at: Instant) -> String {
        at.in_zone(self.zone).strftime("%a %d %b %H:%M").to_string()
    }

    fn run(&self, run: &Run) -> Vec<String> {
        let head = format!("    {} {} {}", run.plugin, run.version, run.export.word());
        let asked = asked(run);
        let asked = if asked.is_empty() { "nothing asked".to_owned() } else { asked };
        let fuel = self.paint.dim(&format!("{asked}; fuel {}", run.fuel));
        let mut lines = Vec::new();
        if run.failed {
            let mut words = run.outcome.lines().take(SHOWN_LINES);
            let first = words.next().unwrap_or_default();
            lines.push(format!("{head} {}  {fuel}", self.paint.red(&format!("failed: {}", plain(first)))));
            lines.extend(words.map(|line| format!("        {}", plain(line))));
        } else {
            lines.push(format!("{head} {}  {fuel}", self.paint.green(&plain(&run.outcome))));
        }
        lines.extend(run.effects.iter().filter_map(|effect| self.effect(effect)));
        // What a plugin logs is escaped when it is written down.
        lines.extend(run.log.lines().take(SHOWN_LINES).map(|line| format!("        log {line}")));
        lines
    }

    /// What a plugin did beside sending messages, which are shown as they are. That it is noted on the customer who spoke to them
    /// goes without saying.
    fn effect(&self, effect: &Value) -> Option<String> {
        if effect.get("message").or(effect.get("customer")).is_some() {
            return None;
        }
        let key = |name: &str| effect[name].as_str().map(plain);
        let words = match (key("timer"), effect["due"].as_u64(), key("state")) {
            (Some(timer), Some(due), _) => format!("timer {timer} for {}", self.when(Instant(due))),
            (Some(timer), None, _) => format!("timer {timer} is taken back"),
            (None, _, Some(state)) if effect["set"] == true => format!("state {state} is set"),
            (None, _, Some(state)) => format!("state {state} is taken away"),
            _ => plain(&effect.to_string()),
        };
        Some(format!("        {words}"))
    }

    fn message(&self, message: &Message) -> Vec<String> {
        let from = match (message.author, &message.origin) {
            (Author::Customer, _) => return Vec::new(),
            (Author::Automation, Some(origin)) => origin.plugin.as_str(),
            (Author::Staff, _) => message.staff.as_deref().unwrap_or("staff"),
            _ => "Attune",
        };
        let paint = self.paint;
        let mut because = None;
        let stands = match &message.delivery {
            Delivery::Received | Delivery::Queued | Delivery::Attempting { .. } => return Vec::new(),
            Delivery::Sent { .. } => paint.green("sent"),
            Delivery::Simulated { .. } => paint.green("simulated"),
            Delivery::Deferred { until, code } => paint.yellow(&format!("waits until {} ({code})", self.when(*until))),
            Delivery::Withheld { code, reason } => {
                because = Some(reason);
                paint.red(&format!("withheld ({code})"))
            }
            Delivery::Failed { reason } => {
                because = Some(reason);
                paint.red("failed")
            }
            Delivery::Uncertain { reason } => {
                because = Some(reason);
                paint.red("uncertain")
            }
        };
        let to = (self.name)(message.customer);
        let line = format!("    {from} to {to} by {}, {stands}: {}", message.channel, short(&message.text));
        let because = because.map(|reason| format!("        because {}", short(reason)));
        [line].into_iter().chain(because).collect()
    }
}

/// The calls of a run in order, each name once with how often, and what was refused.
fn asked(run: &Run) -> String {
    let mut names: Vec<(String, u32)> = Vec::new();
    for call in run.calls.iter().filter_map(|call| serde_json::from_str::<Value>(call.get()).ok()) {
        let name = plain(call["call"].as_str().unwrap_or("?"));
        let name = match call["result"].get("Err") {
            Some(error) => format!("{name} (refused: {})", short(&error.to_string())),
            None => name,
        };
        match names.iter_mut().find(|(known, _)| *known == name) {
            Some((_, times)) => *times += 1,
            None => names.push((name, 1)),
        }
    }
    if run.left_out > 0 {
        names.push((format!("{} more", run.left_out), 1));
    }
    let names = names.into_iter().map(|(name, times)| if times > 1 { format!("{name} x{times}") } else { name });
    names.collect::<Vec<_>>().join(", ")
}

/// A text in one line that no terminal is fooled by.
fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // A line that is empty is not shown as one.
            '\n' if shown.ends_with(" / ") => {}
            '\n' => shown.push_str(" / "),
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

/// The same, cut where it is long.
fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}...", plain(&text[..end])),
        None => plain(text),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serde_json::value::to_raw_value;

    use super::*;
    use crate::domain::ids::{EventId, MessageId};
    use crate::domain::plugin::Export;
    use crate::domain::time::{DAY, HOUR};

    fn run(outcome: &str, failed: bool) -> Run {
        let calls = [
            json!({ "call": "orders.recent", "args": null, "result": { "Ok": [] } }),
            json!({ "call": "orders.recent", "args": null, "result": { "Ok": [] } }),
            json!({ "call": "message.send", "args": {}, "result": { "Err": "too long" } }),
        ];
        Run {
            plugin: "birthday".to_owned(),
            version: "1.0.0".to_owned(),
            digest: String::new(),
            export: Export::OnMessage,
            attempt: 1,
            outcome: outcome.to_owned(),
            failed,
            calls: calls.iter().map(|call| to_raw_value(call).unwrap()).collect(),
            left_out: 0,
            effects: vec![json!({ "timer": "greet", "due": DAY }), json!({ "message": "msg_1", "state": "sent" })],
            log: "info: hello\n".to_owned(),
            fuel: 7,
        }
    }

    fn message(author: Author, text: &str, delivery: Delivery) -> Arc<Message> {
        let value = json!({
            "id": MessageId::new(Instant(0), [1; 10]), "customer": CustomerId::new(Instant(0), [1; 10]), "at": 0,
            "author": author, "channel": "chat", "text": text, "entry": EventId::new(Instant(0), [1; 10]),
            "delivery": delivery,
        });
        Arc::new(serde_json::from_value(value).unwrap())
    }

    fn shown(why: &Why, messages: &[Arc<Message>]) -> String {
        let teller = Teller { zone: &TimeZone::UTC, paint: Paint(false), name: &|_| "Anna".to_owned() };
        teller.lines(CustomerId::new(Instant(0), [1; 10]), why, messages).join("\n")
    }

    #[test]
    fn an_entry_is_told_in_short_lines() {
        let why = Why {
            at: Instant(9 * HOUR),
            what: "attune.message.received.v1 from dev".to_owned(),
            runs: vec![run("answered", false), run("it panicked\nat src/lib.rs:3", true)],
            host: vec!["a person is wanted".to_owned()],
            ..Why::default()
        };
        let withheld = Delivery::Withheld { code: "opted-out".to_owned(), reason: "they said stop".to_owned() };
        let messages = [
            message(Author::Customer, "Hi\n\x1b[2Jthere", Delivery::Received),
            message(Author::Host, "Somebody comes", Delivery::Sent { at: Instant(0) }),
            message(Author::Host, "Offers", withheld),
            message(Author::Host, "Later", Delivery::Deferred { until: Instant(DAY), code: "quiet-hours".to_owned() }),
            message(Author::Host, "On its way", Delivery::Queued),
        ];
        let asked = "orders.recent x2, message.send (refused: \"too long\"); fuel 7";
        let expected = [
            "Thu 01 Jan 09:00  Anna by chat: Hi / \\u{1b}[2Jthere",
            &format!("    birthday 1.0.0 on-message answered  {asked}"),
            "        timer greet for Fri 02 Jan 00:00",
            "        log info: hello",
            &format!("    birthday 1.0.0 on-message failed: it panicked  {asked}"),
            "        at src/lib.rs:3",
            "        timer greet for Fri 02 Jan 00:00",
            "        log info: hello",
            "    Attune: a person is wanted",
            "    Attune to Anna by chat, sent: Somebody comes",
            "    Attune to Anna by chat, withheld (opted-out): Offers",
            "        because they said stop",
            "    Attune to Anna by chat, waits until Fri 02 Jan 00:00 (quiet-hours): Later",
        ];
        assert_eq!(shown(&why, &messages), expected.join("\n"));
    }

    #[test]
    fn an_entry_that_only_carries_on_is_shown_by_what_it_changed() {
        let why = Why { what: "a message is due for sending".to_owned(), ..Why::default() };
        assert_eq!(shown(&why, &[message(Author::Host, "Hi", Delivery::Attempting { attempt: 1 })]), "");
        let sent = [message(Author::Host, "Hi", Delivery::Sent { at: Instant(0) })];
        assert_eq!(shown(&why, &sent), "Thu 01 Jan 00:00  Attune to Anna by chat, sent: Hi");
    }
}
