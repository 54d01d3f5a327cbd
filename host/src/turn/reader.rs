//! The plugin that reads texts in the place of the built-in reading, if the owner chose one: what it is asked, what becomes of
//! its answers, and what is noted of it.
//!
//! It is given a text and nothing else. What it answers is a function of that text, so a step stays a function of the journal.

use std::sync::Arc;

use serde_json::value::RawValue;

use crate::reading::{self, Read};

use super::config::Plugin;
use super::trace::Trace;
use super::{Observed, Turn};

/// How many texts of one step a reader is given, and how many readings a step keeps: the message at hand and the conversation
/// before it.
const READ_TEXTS: usize = 32;

/// How many texts of one step a reader may fail at before it is not asked any more, so that a step ends soon. More than one: a
/// conversation goes on after a text that no reader can read, and that text is asked about again.
const FAILED_TEXTS: u32 = 3;

/// Reads texts in the place of the built-in reading.
#[derive(Clone)]
pub struct Reader {
    /// Who.
    pub plugin: Arc<Plugin>,
    /// Calls it once.
    pub call: Call,
}

/// Calls a reader once.
pub type Call = Arc<dyn Fn(&str) -> Answer + Send + Sync>;

/// What came of one call.
pub struct Answer {
    /// What it read; none if it leaves the text to the built-in reading.
    pub read: Result<Option<Read>, Unread>,
    /// The fuel it used; none where the clock decided, since that figure would not come again.
    pub fuel: u64,
    /// What it logged; nothing where the clock decided.
    pub log: Trace,
}

/// Why a text was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// The reader broke, used up what it was given, or answered what is none. The same text gives the same end.
    #[error("{0}")]
    Failed(String),
    /// The clock stopped it, not fuel: nothing is known about it.
    #[error("took too long, several times")]
    Overtime,
}

/// What a reader did in one step, for the record of why.
pub struct Reads {
    /// Who.
    pub plugin: Arc<Plugin>,
    /// How many texts it was given.
    pub given: u32,
    /// How many of them it read.
    pub read: u32,
    /// How many it failed at.
    pub failed: u32,
    /// How it failed first.
    pub failure: Option<Unread>,
    /// The fuel it used.
    pub fuel: u64,
    trace: Trace,
}

impl Reads {
    fn new(plugin: Arc<Plugin>) -> Self {
        let trace = Trace::new(plugin.limits.why_bytes, plugin.limits.log_bytes);
        Self { plugin, given: 0, read: 0, failed: 0, failure: None, fuel: 0, trace }
    }

    /// Whether it failed at everything. One text that it fails at, among others, is no sign that it is broken.
    pub fn only_failed(&self) -> bool {
        self.failed > 0 && self.failed == self.given
    }

    /// What it was asked and answered, each as JSON.
    pub fn take_calls(&mut self) -> Vec<Box<RawValue>> {
        self.trace.take_calls()
    }

    /// How many calls did not fit.
    pub fn left_out(&self) -> u32 {
        self.trace.left_out()
    }

    /// What it logged.
    pub fn take_log(&mut self) -> String {
        self.trace.take_log()
    }
}

/// A text that was read in this step.
pub(super) struct Known {
    text: String,
    read: Arc<Read>,
    /// The reader that did it, with its version; none is the built-in reading.
    by: Option<Arc<str>>,
}

impl Turn {
    /// Reads a text: by the plugin that the owner chose for it, else by what is built in.
    pub fn reading(&mut self, text: &str) -> Arc<Read> {
        self.reading_by(text).0
    }

    /// The same, and which reader answered, with its version; none is the built-in reading.
    pub(super) fn reading_by(&mut self, text: &str) -> (Arc<Read>, Option<Arc<str>>) {
        if let Some(known) = self.read.iter().find(|known| known.text == text) {
            return (known.read.clone(), known.by.clone());
        }
        let (read, by) = match self.by_reader(text) {
            Some((read, by)) => (Arc::new(read), Some(by)),
            None => (Arc::new(self.own_reading(text)), None),
        };
        if self.read.len() < READ_TEXTS {
            self.read.push(Known { text: text.to_owned(), read: read.clone(), by: by.clone() });
        }
        (read, by)
    }

    /// The built-in reading of a text, for promises that no plugin may change.
    pub fn own_reading(&self, text: &str) -> Read {
        reading::read(text, &self.scene.config.brand)
    }

    /// What the chosen reader says of a text.
    fn by_reader(&mut self, text: &str) -> Option<(Read, Arc<str>)> {
        let reader = self.scene.reader.clone()?;
        let mut reads = self.reads.take().unwrap_or_else(|| Reads::new(reader.plugin.clone()));
        let mut found = None;
        if reads.failed < FAILED_TEXTS && (reads.given as usize) < READ_TEXTS {
            reads.given += 1;
            let text = reading::head(text);
            let Answer { read, fuel, log } = self.ask(&reader, reads.given, text);
            reads.trace.take_over(log);
            reads.fuel += fuel;
            match read {
                Ok(read) => {
                    reads.trace.call("reading.read", &text, &read);
                    reads.read += u32::from(read.is_some());
                    let manifest = &reader.plugin.installed.manifest;
                    found = read.map(|read| (read, format!("{} {}", reader.plugin.name, manifest.version).into()));
                }
                Err(failure) => {
                    reads.trace.call("reading.read", &text, &failure.to_string());
                    reads.failed += 1;
                    reads.failure.get_or_insert(failure);
                }
            }
        }
        self.reads = Some(reads);
        found
    }

    /// Asks a reader. What only the clock decided stands in the journal beside the entry.
    fn ask(&mut self, reader: &Reader, given: u32, text: &str) -> Answer {
        let late = Observed::ReaderLate(given);
        if self.scene.observed.as_ref().is_some_and(|observed| observed.contains(&late)) {
            return Answer { read: Err(Unread::Overtime), fuel: 0, log: Trace::default() };
        }
        let answer = (reader.call)(text);
        if answer.read == Err(Unread::Overtime) {
            self.observe(late);
        }
        answer
    }

    /// What the chosen reader did in this step; none if it was not asked.
    pub fn take_reads(&mut self) -> Option<Reads> {
        self.reads.take()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::domain::business::Business;
    use crate::domain::entry::{Entry, Input};
    use crate::domain::ids::{BusinessId, CustomerId, EventId};
    use crate::domain::plugin::Installed;
    use crate::domain::time::Instant;
    use crate::reading::Reading;
    use crate::store::{Keyring, MemoryKeyring, MemoryStore, Store};
    use crate::turn::Scene;
    use crate::turn::config::Config;
    use crate::turn::limits::Limits;
    use crate::turn::records::Records;

    /// A turn with a reader that fails at texts that begin with `fail`, is late with `late`, leaves `leave`, and is pleased with
    /// all else. With the texts that it was given.
    fn turn(observed: Option<Vec<Observed>>) -> (Turn, Arc<Mutex<Vec<String>>>) {
        let installed: Installed = serde_json::from_value(serde_json::json!({
            "name": "house", "digest": "", "exports": ["reading"], "wants": ["reading"], "grants": ["reading"],
            "manifest": { "name": "house", "version": "1.0.0", "description": "" },
            "enabled": true, "order": 1, "settings": {}, "revision": 1,
        }))
        .expect("a plugin");
        let (business, customer) = (BusinessId([1; 16]), CustomerId([2; 16]));
        let about = Business::new(business, "Bakery", "UTC", "en");
        let config = Arc::new(Config::new(about, vec![installed], &Limits::default()));
        let given = Arc::new(Mutex::new(Vec::new()));
        let seen = given.clone();
        let call = move |text: &str| {
            seen.lock().expect("one thread").push(text.to_owned());
            let pleased = Read { mood: Reading { polarity: 1.0, ..Reading::default() }, ..Read::default() };
            let read = match text.split(' ').next() {
                Some("fail") => Err(Unread::Failed("broke off".to_owned())),
                Some("late") => Err(Unread::Overtime),
                Some("leave") => Ok(None),
                _ => Ok(Some(pleased)),
            };
            Answer { read, fuel: 10, log: Trace::default() }
        };
        let reader = Reader { plugin: config.plugins[0].clone(), call: Arc::new(call) };
        let keyring = MemoryKeyring::new([7; 32]);
        let key = keyring.get_or_create(business, customer).expect("a key");
        let index = keyring.index_key(business).expect("a key");
        let input = Input::Retry { plugin: "house".to_owned(), due: Instant(0) };
        let (id, at) = (EventId([3; 16]), Instant(0));
        let entry = Entry { number: 1, id, business, customer, at, happened: at, depth: 0, input };
        let scene = Scene {
            config,
            entry: Arc::new(entry),
            records: Records::new(MemoryStore::new().view(), business, customer, Some(key), index),
            limits: Limits::default(),
            paused_now: Vec::new(),
            has_public_url: true,
            elsewhere: None,
            observed,
            reader: Some(reader),
        };
        (Turn::new(Arc::new(scene)), given)
    }

    /// Whether the reader decided, for each text.
    fn decided(turn: &mut Turn, texts: &[&str]) -> Vec<bool> {
        texts.iter().map(|text| turn.reading_by(text).1.as_deref() == Some("house 1.0.0")).collect()
    }

    #[test]
    fn a_reader_decides_unless_it_fails_or_leaves_a_text() {
        let (mut turn, given) = turn(None);
        let texts = ["good", "fail 1", "leave it", "good", "fail 1", "fine"];
        assert_eq!(decided(&mut turn, &texts), [true, false, false, true, false, true]);
        assert!((turn.reading("awful, awful").mood.polarity - 1.0).abs() < 1e-6);
        assert_eq!(*given.lock().expect("one thread"), ["good", "fail 1", "leave it", "fine", "awful, awful"]);
        let reads = turn.take_reads().expect("it was asked");
        assert_eq!((reads.given, reads.read, reads.failed, reads.fuel), (5, 3, 1, 50));
        assert!(!reads.only_failed() && reads.failure == Some(Unread::Failed("broke off".to_owned())));
    }

    #[test]
    fn a_reader_that_only_fails_is_not_asked_for_long() {
        let (mut turn, given) = turn(None);
        assert_eq!(decided(&mut turn, &["fail 1", "fail 2", "late 3", "good", "fine"]), [false; 5]);
        assert_eq!(given.lock().expect("one thread").len(), 3);
        assert!(turn.take_reads().expect("it was asked").only_failed());
    }

    #[test]
    fn of_one_step_a_reader_is_given_so_many_texts() {
        let (mut turn, given) = turn(None);
        let texts: Vec<String> = (0..READ_TEXTS + 5).map(|number| format!("text {number}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let expected: Vec<bool> = (0..texts.len()).map(|number| number < READ_TEXTS).collect();
        assert_eq!(decided(&mut turn, &texts), expected);
        assert_eq!(given.lock().expect("one thread").len(), READ_TEXTS);
    }

    #[test]
    fn what_only_the_clock_decided_is_the_same_in_a_replay() {
        let texts = ["good", "late 2", "fine"];
        let (mut live, _) = turn(None);
        assert_eq!(decided(&mut live, &texts), [true, false, true]);
        assert_eq!(live.observations, [Observed::ReaderLate(2)]);

        // This time the machine is quick enough, and it makes no difference.
        let quick = ["good", "in time", "fine"];
        let (mut replayed, given) = turn(Some(live.observations.clone()));
        assert_eq!(decided(&mut replayed, &quick), [true, false, true]);
        assert_eq!(*given.lock().expect("one thread"), ["good", "fine"]);
        assert!(replayed.observations.is_empty());
    }
}
