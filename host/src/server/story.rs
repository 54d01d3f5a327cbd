//! The story of a message in plain sentences, for the owner of a bakery: what came in, who wrote it and why, what the rules
//! said, and what became of it.
//!
//! It says only what the records of why say, and says so where they are gone.

use jiff::tz::TimeZone;
use serde_json::Value;

use crate::domain::message::{Author, Delivery, Message, Purpose};
use crate::domain::time::Instant;
use crate::engine::query::Story;
use crate::engine::why::{Run, Why};

/// Host calls, each with what the plugin did by it. Calls that say nothing about a decision are left out.
const CALLS: [(&str, &str); 30] = [
    ("customer.current", "looked up who the customer is"),
    ("customer.recall", "looked up what it had noted about the customer"),
    ("customer-notes.remember", "noted something about the customer"),
    ("customer-notes.tag", "tagged the customer"),
    ("customer-notes.untag", "took a tag off the customer"),
    ("conversation.recent", "read the last messages"),
    ("sentiment.analyze", "judged the mood of the message"),
    ("sentiment.trend", "looked how the mood was going"),
    ("understanding.intents", "worked out what the message asks for"),
    ("handoff.open", "called a person in"),
    ("handoff.current", "looked whether a person has the conversation"),
    ("appointments.get", "looked up the appointment"),
    ("appointments.upcoming", "looked up the customer's next appointments"),
    ("appointment-answers.answer", "noted the customer's answer to the appointment"),
    ("orders.recent", "looked up the customer's orders"),
    ("orders.get", "looked up the order"),
    ("order-claims.claim", "checked whether an order is the customer's"),
    ("schedule.set", "set itself a reminder"),
    ("schedule.cancel", "cancelled a reminder of its own"),
    ("state.get", "looked into its own notes"),
    ("state.set", "wrote into its own notes"),
    ("state.delete", "deleted one of its own notes"),
    ("tally.add", "counted"),
    ("tally.sum", "looked up a count of its own"),
    ("business.current", "looked up the business"),
    ("business.is-open", "looked whether the business is open"),
    ("business.next-open", "looked when the business opens next"),
    ("staff.notify", "told staff"),
    ("message.send", "asked for a message to be sent"),
    ("message.withdraw", "took a message back"),
];

/// Tells why a message was or was not sent.
pub fn tell(story: &Story, zone: &TimeZone, why_days: u32) -> Vec<String> {
    let teller = Teller { message: &story.message, zone };
    let mut sentences = Vec::new();
    let mut whys = story.whys.iter().map(|(why, _)| why).peekable();
    match whys.next_if(|why| why.entry == Some(story.message.entry)) {
        Some(first) => teller.beginning(first, &mut sentences),
        None => {
            sentences.push(teller.author(None));
            sentences.push(format!("How it came about is no longer known: the record is kept for {why_days} days."));
        }
    }
    for why in whys {
        sentences.push(teller.later(why));
    }
    sentences.push(teller.end());
    sentences
}

struct Teller<'a> {
    message: &'a Message,
    zone: &'a TimeZone,
}

impl Teller<'_> {
    fn when(&self, at: Instant) -> String {
        let name = self.zone.iana_name().unwrap_or("UTC");
        format!("{} ({name})", at.in_zone(self.zone).strftime("%A, %-d %B %Y, %H:%M:%S"))
    }

    /// The entry that made the message.
    fn beginning(&self, why: &Why, sentences: &mut Vec<String>) {
        let entry = why.entry.map(|entry| format!(" It is entry {entry} of the journal.")).unwrap_or_default();
        sentences.push(format!("On {}, {}.{entry}", self.when(why.at), what(&why.what)));
        let wrote = self.writer(why);
        sentences.push(self.author(wrote));
        if let Some((_, verdict)) = wrote.and_then(|run| self.asked(run)) {
            sentences.push(self.verdict(&verdict));
        }
        for run in why.runs.iter().filter(|run| !wrote.is_some_and(|wrote| std::ptr::eq(*run, wrote))) {
            sentences.push(self.beside(run));
        }
        sentences.extend(why.host.iter().map(|note| format!("Attune noted: {note}.")));
        if let Some((_, words)) = &why.refused {
            sentences.push(format!("Attune refused it: {words}."));
        }
    }

    /// The run that wrote the message: the one that was told its id, else the plugin's last that did not fail.
    fn writer<'w>(&self, why: &'w Why) -> Option<&'w Run> {
        let origin = self.message.origin.as_ref()?;
        let own = || why.runs.iter().filter(|run| run.plugin == origin.plugin && !run.failed);
        own().find(|run| self.asked(run).is_some()).or_else(|| own().next_back())
    }

    /// The draft and the verdict with which a run was told of this message.
    fn asked(&self, run: &Run) -> Option<(Value, Value)> {
        let id = self.message.id.to_string();
        calls(run).find_map(|mut call| {
            let receipt = call.get("result")?.get("Ok")?;
            let is_it = call.get("call")? == "message.send" && receipt.get("message")?.as_str()? == id;
            let verdict = receipt.get("verdict").cloned().unwrap_or_default();
            is_it.then(|| (call["args"].take(), verdict))
        })
    }

    /// Who wrote it.
    fn author(&self, run: Option<&Run>) -> String {
        let message = self.message;
        match (message.author, &message.origin) {
            (Author::Customer, _) => format!("The customer wrote this message, by {}.", message.channel),
            (Author::Staff, _) => {
                let who = message.staff.as_deref().unwrap_or("A member of staff");
                format!("{who} wrote this message, as staff.")
            }
            (Author::Automation, Some(origin)) => {
                let version = run.map(|run| format!(" (version {})", run.version)).unwrap_or_default();
                let looked = run.map(looked).unwrap_or_default();
                let from =
                    origin.template.as_ref().map(|name| format!(" from the template `{name}`")).unwrap_or_default();
                let about = origin.about.as_ref().map(|about| format!(", about `{about}`")).unwrap_or_default();
                let purpose = purpose(origin.purpose);
                format!("The plugin {}{version} wrote this message{from}: {purpose}{about}.{looked}", origin.plugin)
            }
            (Author::Automation, None) => "A plugin wrote this message.".to_owned(),
            (Author::Host, _) => "Attune itself wrote this message.".to_owned(),
        }
    }

    /// What the gate said when the message was asked for.
    fn verdict(&self, verdict: &Value) -> String {
        if let Some(until) = verdict.get("deferred").and_then(Value::as_u64) {
            return format!("It had to wait until {}, because of the quiet hours.", self.when(Instant(until)));
        }
        match verdict.get("withheld").and_then(|withheld| withheld.get(1)).and_then(Value::as_str) {
            Some(reason) => format!("The rules did not let it go out: {reason}."),
            None => "No rule spoke against sending it.".to_owned(),
        }
    }

    /// Another plugin that ran for the same entry.
    fn beside(&self, run: &Run) -> String {
        let did = match run.outcome.as_str() {
            "answered" => "answered it",
            "passed" => "had nothing to say to it",
            "done" => "ran as well",
            _ => "",
        };
        if run.failed || did.is_empty() {
            return format!(
                "The plugin {} (version {}) failed, and nothing it wanted was done: {}.",
                run.plugin, run.version, run.outcome
            );
        }
        format!("The plugin {} (version {}) {did}.{}", run.plugin, run.version, looked(run))
    }

    /// An entry that changed the message later.
    fn later(&self, why: &Why) -> String {
        let mut words = match why.what.as_str() {
            "a message is due for sending" => "it was its turn to be sent".to_owned(),
            "a channel told what became of a message" => format!("{} answered", self.message.channel),
            other => what(other),
        };
        if !why.host.is_empty() {
            words = format!("{words}: {}", why.host.join("; "));
        }
        format!("On {}, {words}.", self.when(why.at))
    }

    /// Where it stands now.
    fn end(&self) -> String {
        let channel = &self.message.channel;
        match &self.message.delivery {
            Delivery::Received => "It stands in the conversation.".to_owned(),
            Delivery::Queued => format!("It is not sent yet: it goes out by {channel} at the next opportunity."),
            Delivery::Deferred { until, .. } => format!("It is not sent yet: it waits until {}.", self.when(*until)),
            Delivery::Simulated { at } => {
                format!(
                    "It would have gone out by {channel} on {}; this is a simulation, so it did not.",
                    self.when(*at)
                )
            }
            Delivery::Attempting { .. } => format!("It is on its way by {channel}; the answer is not known yet."),
            Delivery::Sent { at } => format!("It was sent by {channel} on {}.", self.when(*at)),
            Delivery::Failed { reason } => format!("It was not sent, because it could not be delivered: {reason}."),
            Delivery::Withheld { code, reason } => format!("It was not sent: {reason} (rule {code})."),
            Delivery::Uncertain { reason } => format!(
                "Nobody knows whether the customer has it: {reason}. It is not sent again unless somebody decides so."
            ),
        }
    }
}

fn calls(run: &Run) -> impl Iterator<Item = Value> {
    run.calls.iter().filter_map(|call| serde_json::from_str(call.get()).ok())
}

/// What a run looked at and did before it decided, each thing once.
fn looked(run: &Run) -> String {
    let mut did: Vec<&str> = Vec::new();
    for call in calls(run) {
        let name = call.get("call").and_then(Value::as_str).unwrap_or_default();
        let words = CALLS.iter().find(|(known, _)| *known == name).map(|(_, words)| *words);
        if let Some(words) = words.filter(|words| !did.contains(words)) {
            did.push(words);
        }
    }
    match did.split_last() {
        None => String::new(),
        Some((last, [])) => format!(" It {last}."),
        Some((last, rest)) => format!(" It {} and {last}.", rest.join(", ")),
    }
}

fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Reply => "an answer to the customer's own message",
        Purpose::Service => "news of something that is the customer's own",
        Purpose::Survey => "a question how it was",
        Purpose::Marketing => "an offer",
    }
}

/// What came in, in words; an event is named by its source as well.
fn what(words: &str) -> String {
    let Some((kind, source)) = words.split_once(" from ").filter(|(kind, _)| !kind.contains(' ')) else {
        return words.to_owned();
    };
    let name = kind.strip_prefix("attune.").and_then(|kind| kind.strip_suffix(".v1"));
    let happened = match name.and_then(|name| name.split_once('.')) {
        Some(("message", "received")) => "a message of the customer came in".to_owned(),
        Some(("customer", _)) => "news of the customer came in".to_owned(),
        Some(("appointment", change)) => format!("an appointment was {change}"),
        Some(("order", change)) => format!("an order was {change}"),
        _ => format!("the event {kind} came in"),
    };
    format!("{happened}, as `{source}` told")
}
