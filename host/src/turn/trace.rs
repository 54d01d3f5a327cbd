//! The trace of a run: what a plugin asked and was told, in the order in which it asked. It is written as JSON at once,
//! because every run has one and few are ever read.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::calls::cut;

/// What a plugin asked and was told.
#[derive(Debug, Default)]
pub struct Trace {
    calls: Vec<Box<RawValue>>,
    bytes: usize,
    limit_bytes: usize,
    left_out: u32,
    log: String,
    log_limit_bytes: usize,
    log_cut: bool,
    last_error: Option<String>,
}

/// How much of the last error is kept apart from the log, in characters: what an owner reads when a run breaks off.
const LAST_ERROR_CHARS: usize = 300;

impl Trace {
    /// A trace that keeps so many bytes of calls and of log.
    pub fn new(limit_bytes: usize, log_limit_bytes: usize) -> Self {
        Self { limit_bytes, log_limit_bytes, ..Self::default() }
    }

    /// Notes a call. What does not fit any more is counted instead.
    pub fn call<A: Serialize, R: Serialize>(&mut self, name: &str, args: &A, result: &R) {
        self.call_by(name, args, result, None);
    }

    /// The same, with who answered, if it was not Attune itself.
    pub fn call_by<A: Serialize, R: Serialize>(&mut self, name: &str, args: &A, result: &R, by: Option<&str>) {
        #[derive(Serialize)]
        struct Call<'a, A, R> {
            call: &'a str,
            args: &'a A,
            result: &'a R,
            #[serde(skip_serializing_if = "Option::is_none")]
            by: Option<&'a str>,
        }
        match to_raw_value(&Call { call: name, args, result, by }) {
            Ok(call) if self.bytes + call.get().len() <= self.limit_bytes => {
                self.bytes += call.get().len() + 1;
                self.calls.push(call);
            }
            _ => self.left_out += 1,
        }
    }

    /// Notes a line of the plugin's log. Control characters are made visible, so that no terminal or page is fooled, and what goes
    /// on after a line break is indented, so that it looks like no line of its own.
    pub fn log(&mut self, level: &str, text: &str) {
        if level == "error" {
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let shown = words.chars().map(|c| if c.is_control() { '?' } else { c });
            self.last_error = Some(shown.take(LAST_ERROR_CHARS).collect());
        }
        if self.log.len() >= self.log_limit_bytes {
            self.log_cut = true;
            return;
        }
        self.log.push_str(level);
        self.log.push_str(": ");
        for c in text.chars() {
            if self.log.len() >= self.log_limit_bytes {
                self.log_cut = true;
                break;
            }
            match c {
                '\n' => self.log.push_str("\n  "),
                '\t' => self.log.push(c),
                c if c.is_control() => self.log.extend(c.escape_default()),
                c => self.log.push(c),
            }
        }
        self.log.push('\n');
    }

    /// Takes over the log of another trace.
    pub fn take_over(&mut self, other: Self) {
        let room = self.log_limit_bytes.saturating_sub(self.log.len());
        self.log_cut |= other.log_cut || other.log.len() > room;
        self.log.push_str(&cut(&other.log, room));
        if self.log_cut && !self.log.ends_with('\n') {
            self.log.push('\n');
        }
    }

    /// The last error that the plugin logged: before it breaks off, that is the text of its panic.
    pub fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    /// The calls, each as JSON.
    pub fn take_calls(&mut self) -> Vec<Box<RawValue>> {
        std::mem::take(&mut self.calls)
    }

    /// How many calls did not fit.
    pub fn left_out(&self) -> u32 {
        self.left_out
    }

    /// The log, with a last line that says so if it was cut.
    pub fn take_log(&mut self) -> String {
        if self.log_cut {
            self.log.push_str("(the log is cut here: it was over its limit)\n");
            self.log_cut = false;
        }
        std::mem::take(&mut self.log)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_over_the_limit_are_counted_instead() {
        let mut trace = Trace::new(60, 10);
        trace.call("state.get", &"a", &Some(1));
        trace.call("state.get", &"a value that does not fit any more", &Some(1));
        assert_eq!(trace.left_out(), 1);
        let calls = trace.take_calls();
        let calls: Vec<&str> = calls.iter().map(|call| call.get()).collect();
        assert_eq!(calls, [r#"{"call":"state.get","args":"a","result":1}"#]);
    }

    #[test]
    fn a_log_that_is_taken_over_is_cut_at_the_limit_too() {
        let logged = |text: &str| {
            let mut trace = Trace::new(100, 40);
            trace.log("info", text);
            trace
        };
        let mut trace = logged("one");
        trace.take_over(logged("two"));
        assert_eq!(trace.take_log(), "info: one\ninfo: two\n");
        trace.take_over(logged("a line that does not fit beside another"));
        trace.take_over(logged("three"));
        assert_eq!(
            trace.take_log(),
            "info: a line that does not fit beside an\n(the log is cut here: it was over its limit)\n"
        );
    }

    #[test]
    fn a_log_shows_control_characters_and_is_cut_at_its_limit() {
        let mut trace = Trace::new(100, 24);
        trace.log("info", "\u{1b}[2J");
        trace.log("info", "this is far too long to be kept");
        assert_eq!(trace.last_error(), None);
        trace.log("error", "panicked at lib.rs:3:\nno\u{7} sugar");
        assert_eq!(trace.last_error(), Some("panicked at lib.rs:3: no? sugar"));
        assert_eq!(trace.take_log(), "info: \\u{1b}[2J\ninfo: th\n(the log is cut here: it was over its limit)\n");
    }
}
