//! The story of a message in plain sentences, for the owner of a bakery: what came in, who wrote it and why, what the rules
//! said and by which facts, what became of it, and what would have to change if it was not sent. In English, German or
//! Spanish.
//!
//! It says only what the records of why say, and says so where they are gone. What plugins and staff wrote stays as they
//! wrote it.

mod decision;
mod english;
mod german;
mod language;
mod sentence;
mod spanish;

#[cfg(test)]
mod tests;

use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::gate::Rule;
use crate::domain::message::{Author, CONFIRMS_STOP, Delivery, Message, WITHDRAWN};
use crate::domain::plugin::Export;
use crate::domain::time::Instant;
use crate::engine::query::Story;
use crate::engine::why::{Run, Why};
use crate::turn::judge::Decided;
use crate::turn::tone::Worded;

use decision::{Telling, plain};
use sentence::{Did, Event, HostWords, Note, Phrase, Ran, Sentence, Stands};

pub use language::Language;

/// A story.
pub struct Told {
    /// All of it, in order.
    pub sentences: Vec<String>,
    /// What the gate decided about the message, in order.
    pub decisions: Vec<ToldDecision>,
}

/// An answer of the gate about the message: the rule, the facts, and both in words.
#[derive(Debug, Serialize, ToSchema)]
pub struct ToldDecision {
    /// The rule and all that the gate knew.
    #[serde(flatten)]
    decided: Decided,
    /// The same in plain sentences: the rule, and the facts that decided.
    sentences: Vec<String>,
    /// What would have to change for such a message to go out; absent where nothing has to.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

/// Tells why a message was or was not sent.
pub fn tell(story: &Story, zone: &TimeZone, why_days: u32, language: Language) -> Told {
    let mut teller = Teller { message: &story.message, zone, language, sentences: Vec::new(), decisions: Vec::new() };
    let mut whys = story.whys.iter().map(|(why, _)| why).peekable();
    match whys.next_if(|why| why.entry == Some(story.message.entry)) {
        Some(first) => teller.beginning(first),
        None => {
            teller.author(None);
            teller.say(Sentence::Forgotten { days: why_days });
        }
    }
    for why in whys {
        teller.later(why);
    }
    teller.end();
    Told { sentences: teller.sentences, decisions: teller.decisions }
}

struct Teller<'a> {
    message: &'a Message,
    zone: &'a TimeZone,
    language: Language,
    sentences: Vec<String>,
    decisions: Vec<ToldDecision>,
}

impl Teller<'_> {
    fn say(&mut self, sentence: Sentence<'_>) {
        self.sentences.push(self.language.say(sentence));
    }

    fn phrase(&self, phrase: Phrase<'_>) -> String {
        self.language.phrase(phrase)
    }

    fn when(&self, at: Instant) -> String {
        self.language.moment(at, self.zone)
    }

    fn channel(&self) -> String {
        self.phrase(Phrase::Channel(&self.message.channel))
    }

    /// The entry that made the message.
    fn beginning(&mut self, why: &Why) {
        let (when, event) = (self.when(why.at), self.phrase(Phrase::Event(event(&why.what))));
        let entry = why.entry.map(|entry| entry.to_string());
        self.say(Sentence::Began { when: &when, event: &event, entry: entry.as_deref() });
        let wrote = self.writer(why);
        self.author(wrote);
        if let Some(worded) = why.worded.iter().find(|worded| worded.message == self.message.id) {
            let Worded { tone, because, missing, .. } = *worded;
            self.say(Sentence::Worded { tone, because, missing });
        }
        self.decided(why);
        for run in why.runs.iter().filter(|run| !wrote.is_some_and(|wrote| std::ptr::eq(*run, wrote))) {
            // That a reader failed is among what Attune noted, with what was done instead.
            if run.failed && run.export == Export::Reading {
                continue;
            }
            self.beside(run);
        }
        for words in &why.host {
            // The sentence about who wrote it says so already.
            if self.message.in_spite && words.ends_with(WRITES_IN_SPITE) {
                continue;
            }
            let note = self.phrase(Phrase::Note(note(words)));
            self.say(Sentence::Noted { note: &note });
        }
        // A message of staff is refused by the rule that withheld it, which is told.
        let told = |code: &str| self.decisions.iter().any(|told| told.decided.rule.code() == code);
        if let Some((_, reason)) = why.refused.as_ref().filter(|(code, _)| !told(code)) {
            self.say(Sentence::Refused { reason });
        }
    }

    /// The run that wrote the message: the one that was told its id, else the plugin's last that did not fail.
    fn writer<'w>(&self, why: &'w Why) -> Option<&'w Run> {
        let origin = self.message.origin.as_ref()?;
        let own = || why.runs.iter().filter(|run| run.plugin == origin.plugin && !run.failed);
        own().find(|run| self.asked_for_it(run)).or_else(|| own().next_back())
    }

    /// Whether a run was told of this message when it asked for one to be sent.
    fn asked_for_it(&self, run: &Run) -> bool {
        let id = self.message.id.to_string();
        let told = |call: &Value| call.get("result")?.get("Ok")?.get("message")?.as_str().map(|told| told == id);
        calls(run).any(|call| call["call"] == "message.send" && told(&call) == Some(true))
    }

    /// Who wrote it.
    fn author(&mut self, run: Option<&Run>) {
        let message = self.message;
        match (message.author, &message.origin) {
            (Author::Customer, _) => {
                let channel = self.channel();
                self.say(Sentence::ByCustomer { channel: &channel });
            }
            (Author::Staff, _) => {
                self.say(Sentence::ByStaff { who: message.staff.as_deref(), in_spite: message.in_spite });
            }
            (Author::Automation, Some(origin)) => {
                let purpose = self.phrase(Phrase::Purpose(origin.purpose));
                self.say(Sentence::ByPlugin {
                    plugin: &origin.plugin,
                    version: run.map(|run| run.version.as_str()),
                    template: origin.template.as_deref(),
                    purpose: &purpose,
                    about: origin.about.as_deref(),
                });
                if let Some(run) = run {
                    self.looked(run);
                }
            }
            (Author::Automation, None) => self.say(Sentence::BySomePlugin),
            (Author::Host, origin) => {
                let template = origin.as_ref().and_then(|origin| origin.template.as_deref());
                self.say(Sentence::ByHost(host_words(template)));
            }
        }
    }

    /// What the gate said about the message in the step of an entry. False if it was not asked.
    fn decided(&mut self, why: &Why) -> bool {
        let before = self.decisions.len();
        for decided in why.decisions.iter().filter(|decided| decided.message == self.message.id) {
            let telling = Telling { language: self.language, zone: self.zone, message: self.message, decided };
            let (sentences, remedy) = (telling.sentences(), telling.remedy());
            self.sentences.extend(sentences.iter().cloned());
            self.decisions.push(ToldDecision { decided: decided.clone(), sentences, remedy });
        }
        self.decisions.len() > before
    }

    /// Another plugin that ran for the same entry.
    fn beside(&mut self, run: &Run) {
        let (plugin, version) = (run.plugin.as_str(), run.version.as_str());
        let ran = match run.outcome.as_str() {
            "answered" => Some(Ran::Answered),
            "passed" => Some(Ran::Passed),
            "done" => Some(Ran::Done),
            "read" => Some(Ran::Read),
            _ => None,
        };
        match ran.filter(|_| !run.failed) {
            Some(ran) => {
                self.say(Sentence::Beside { plugin, version, ran });
                self.looked(run);
            }
            None => self.say(Sentence::Broke { plugin, version, reason: &run.outcome }),
        }
    }

    /// What a run looked at and did before it decided, each thing once. It goes on where the last sentence named the plugin.
    fn looked(&mut self, run: &Run) {
        let mut did: Vec<Did> = Vec::new();
        for call in calls(run) {
            let known = Did::ALL.iter().find(|(name, _)| call["call"] == *name).map(|(_, did)| *did);
            if let Some(known) = known.filter(|known| !did.contains(known)) {
                did.push(known);
            }
        }
        let did: Vec<String> = did.into_iter().map(|one| self.phrase(Phrase::Did(one))).collect();
        if did.is_empty() {
            return;
        }
        let did = self.language.say(Sentence::Looked { did: &self.language.list(&did) });
        if let Some(last) = self.sentences.last_mut() {
            last.push(' ');
            last.push_str(&did);
        }
    }

    /// An entry that changed the message later.
    fn later(&mut self, why: &Why) {
        if self.decided(why) {
            return;
        }
        let channel = self.channel();
        let event = match event(&why.what) {
            Event::Answered { .. } => Event::Answered { channel: &channel },
            other => other,
        };
        let (when, event) = (self.when(why.at), self.phrase(Phrase::Event(event)));
        let notes: Vec<String> = why.host.iter().map(|words| self.phrase(Phrase::Note(note(words)))).collect();
        self.say(Sentence::Later { when: &when, event: &event, notes: &notes.join("; ") });
    }

    /// Where it stands now.
    fn end(&mut self) {
        let (channel, message) = (self.channel(), self.message);
        let channel = channel.as_str();
        let when = |at: Instant| self.language.moment(at, self.zone);
        let (text, stands);
        match &message.delivery {
            Delivery::Received => stands = Stands::Received,
            Delivery::Queued => stands = Stands::Queued { channel },
            Delivery::Deferred { code, .. } if code == Rule::Paused.code() => stands = Stands::WaitsForResume,
            Delivery::Deferred { until, code } => {
                text = when(*until);
                stands = match code.as_str() {
                    "channel" => Stands::WaitsForChannel { channel, until: &text },
                    _ => Stands::Waits { until: &text },
                };
            }
            Delivery::Simulated { at } => {
                text = when(*at);
                stands = Stands::Simulated { channel, at: &text };
            }
            Delivery::Attempting { .. } => stands = Stands::Attempting { channel },
            Delivery::Sent { at } => {
                text = when(*at);
                stands = Stands::Sent { channel, at: &text };
            }
            Delivery::Failed { reason } => stands = Stands::Failed { reason },
            Delivery::Withheld { code, reason } => return self.withheld(code, reason),
            Delivery::Uncertain { reason } => stands = Stands::Uncertain { reason },
        }
        self.say(Sentence::Stands(stands));
    }

    /// It was not sent: by which rule, what would have to change, and what became of its key.
    fn withheld(&mut self, code: &str, reason: &str) {
        if code == WITHDRAWN {
            self.say(Sentence::Stands(Stands::TakenBack));
            return self.key(false);
        }
        let rule = Rule::ALL.iter().copied().find(|rule| rule.code() == code);
        let last = self.decisions.last().filter(|last| last.decided.rule.code() == code);
        let key_taken = rule == Some(Rule::Repeated) || last.is_some_and(|last| last.decided.facts.once_used);
        let known = last.map(|last| last.remedy.clone());
        let remedy = known.clone().unwrap_or_else(|| rule.map(|rule| self.phrase(Phrase::Remedy(rule))));
        if known.is_some() {
            self.say(Sentence::Stands(Stands::SoWithheld { code }));
        } else {
            let rule = rule.map_or_else(|| plain(reason), |rule| self.phrase(Phrase::Rule(rule)));
            self.say(Sentence::Stands(Stands::Withheld { rule: &rule, code }));
        }
        if let Some(remedy) = remedy {
            self.say(Sentence::Remedy { remedy: &remedy });
        }
        self.key(key_taken);
    }

    /// What became of the `once` key of a message that was not sent; `taken` if another message has it.
    fn key(&mut self, taken: bool) {
        let message = self.message;
        let key = message.origin.as_ref().and_then(|origin| origin.once.as_deref());
        let (Some(key), Some(used)) = (key, message.used_once()) else { return };
        self.say(match used {
            true => Sentence::KeyUsedUp { key },
            false if taken => Sentence::KeyTaken { key },
            false => Sentence::KeyFree { key },
        });
    }
}

/// The end of the note that staff write in spite of a stop.
const WRITES_IN_SPITE: &str = " decided to write though the customer had said stop";

fn calls(run: &Run) -> impl Iterator<Item = Value> {
    run.calls.iter().filter_map(|call| serde_json::from_str(call.get()).ok())
}

/// What Attune says by a template of its own; without one it calls a person in.
fn host_words(template: Option<&str>) -> HostWords {
    match template {
        Some(CONFIRMS_STOP) => HostWords::StopConfirmed,
        Some("opted-in") => HostWords::StartConfirmed,
        Some("help") => HostWords::Help,
        Some("is-automated") => HostWords::IsAutomated,
        _ => HostWords::PersonComes,
    }
}

/// What happened, out of the words of the record.
fn event(words: &str) -> Event<'_> {
    match words {
        "a message is due for sending" => return Event::Due,
        "a channel told what became of a message" => return Event::Answered { channel: "" },
        _ => {}
    }
    if let Some(plugin) = words.strip_prefix("a timer of ").and_then(|rest| rest.strip_suffix(" fell due")) {
        return Event::Timer { plugin };
    }
    if let Some(plugin) = words.strip_suffix(" is tried again") {
        return Event::Retry { plugin };
    }
    if let Some(by) = words.strip_suffix(" writes to the customer") {
        return Event::StaffWrote { by };
    }
    if let Some(by) = words.strip_suffix(" decides what became of a message") {
        return Event::Settled { by };
    }
    let Some((kind, source)) = words.split_once(" from ").filter(|(kind, _)| !kind.contains(' ')) else {
        return Event::Logged(words);
    };
    let name = kind.strip_prefix("attune.").and_then(|kind| kind.strip_suffix(".v1"));
    match name.and_then(|name| name.split_once('.')) {
        Some(("message", "received")) => Event::Message { source },
        Some(("customer", _)) => Event::Customer { source },
        Some(("appointment", change)) => Event::Appointment { change, source },
        Some(("order", change)) => Event::Order { change, source },
        _ => Event::Other { kind, source },
    }
}

/// What Attune noted, out of the words of the record.
fn note(words: &str) -> Note<'_> {
    let failed =
        words.strip_prefix("the reader ").and_then(|rest| rest.strip_suffix("): Attune's own reading was used"));
    if let Some((plugin, reason)) = failed.and_then(|rest| rest.split_once(" failed (")) {
        return Note::ReaderFailed { plugin, reason };
    }
    match words {
        "a person has this conversation or is asked for: no automation answers" => Note::PersonHas,
        "the customer asked whether a machine is writing; the host says yes" => Note::AskedIfMachine,
        "the customer said stop; the host answers, no plugin is asked" => Note::SaidStop,
        "the customer said start; the host answers, no plugin is asked" => Note::SaidStart,
        "the customer asked for help; the host answers, no plugin is asked" => Note::AskedHelp,
        "the customer asked for a person; the host calls one in, no plugin is asked" => Note::AskedPerson,
        "the message is sent" => Note::Sent,
        "the message is failed" => Note::Failed,
        "the message is uncertain" => Note::Uncertain,
        "the message is deferred" => Note::Deferred,
        other => other.strip_prefix("not yet: ").map_or(Note::Logged(other), Note::NotYet),
    }
}
