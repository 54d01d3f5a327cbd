//! The trace of a run: what a plugin asked and was told, in the order in which it asked. It is written as JSON at once,
//! because every run has one and few are ever read.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

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
}

impl Trace {
    /// A trace that keeps so many bytes of calls and of log.
    pub fn new(limit_bytes: usize, log_limit_bytes: usize) -> Self {
        Self { limit_bytes, log_limit_bytes, ..Self::default() }
    }

    /// Notes a call. What does not fit any more is counted instead.
    pub fn call<A: Serialize, R: Serialize>(&mut self, name: &str, args: &A, result: &R) {
        #[derive(Serialize)]
        struct Call<'a, A, R> {
            call: &'a str,
            args: &'a A,
            result: &'a R,
        }
        match to_raw_value(&Call { call: name, args, result }) {
            Ok(call) if self.bytes + call.get().len() <= self.limit_bytes => {
                self.bytes += call.get().len() + 1;
                self.calls.push(call);
            }
            _ => self.left_out += 1,
        }
    }

    /// Notes a line of the plugin's log. Control characters are made visible, so that no terminal or page is fooled.
    pub fn log(&mut self, level: &str, text: &str) {
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
            if c.is_control() && c != '\n' && c != '\t' {
                self.log.extend(c.escape_default());
            } else {
                self.log.push(c);
            }
        }
        self.log.push('\n');
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
    fn a_log_shows_control_characters_and_is_cut_at_its_limit() {
        let mut trace = Trace::new(100, 24);
        trace.log("info", "\u{1b}[2J");
        trace.log("info", "this is far too long to be kept");
        assert_eq!(trace.take_log(), "info: \\u{1b}[2J\ninfo: th\n(the log is cut here: it was over its limit)\n");
    }
}
