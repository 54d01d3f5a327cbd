//! Every limit on what a run may use, in one place, with the reason for each number.

use serde::{Deserialize, Serialize};

/// What one run of a plugin, or one step, may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Instructions a run, as wasmtime counts fuel. A prebuilt plugin's run uses well under 100,000; two hundred million is about
    /// 200 ms, what a person would still call at once. It is deterministic, so it decides.
    pub fuel: u64,
    /// Wall time after which the epoch stops what fuel did not, in milliseconds. Ten times what the fuel takes.
    pub wall_ms: u64,
    /// Linear memory, in bytes. QuickJS needs 2 MiB, plugins in Rust 128 KiB; 64 MiB leaves room and still lets a pool of
    /// runs fit a small machine.
    pub memory_bytes: usize,
    /// Table elements: function pointers of the largest components seen, times ten.
    pub table_elements: usize,
    /// Bytes that one host call may make the host copy.
    pub hostcall_bytes: usize,
    /// Host calls a run.
    pub host_calls: u32,
    /// Messages a run.
    pub messages: u32,
    /// Notices to staff a run.
    pub notices: u32,
    /// Staged effects a run.
    pub effects: u32,
    /// Staged bytes a run.
    pub staged_bytes: usize,
    /// Log bytes a run; what is over is cut.
    pub log_bytes: usize,
    /// Bytes of arguments and results kept in the record of why, a run; what is over is left out and said so.
    pub why_bytes: usize,
    /// Characters of one message: what mail and chat still show in one piece.
    pub message_bytes: usize,
    /// Bytes of a key that a plugin chooses.
    pub key_bytes: usize,
    /// Bytes of a fact's or tag's name.
    pub name_bytes: usize,
    /// Bytes of a fact or a timer's note.
    pub note_bytes: usize,
    /// Bytes of a summary for staff.
    pub summary_bytes: usize,
    /// Bytes of one value in a plugin's state.
    pub state_value_bytes: usize,
    /// State keys a customer and plugin.
    pub state_keys: usize,
    /// Timers a customer and plugin.
    pub timers: usize,
    /// Facts, and tags, a customer.
    pub facts: usize,
    /// Runs of one share before it becomes a dead letter: spread by [`Limits::backoff_ms`] over about a day.
    pub attempts: u32,
    /// Shares of one plugin that may wait in one lane.
    pub shares: usize,
    /// Failures in a row after which a plugin is stopped.
    pub failures_in_a_row: u32,
    /// Attempts at delivering one message.
    pub deliveries: u32,
    /// How long records of why are kept, in days.
    pub why_days: u32,
    /// Wrong proofs a customer may give in 24 hours.
    pub claim_tries: usize,
    /// Steps that may cause each other at once, one after the other: a chain longer than this is a loop.
    pub depth: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 200_000_000,
            wall_ms: 2_000,
            memory_bytes: 64 << 20,
            table_elements: 20_000,
            hostcall_bytes: 1 << 20,
            host_calls: 1_000,
            messages: 8,
            notices: 8,
            effects: 256,
            staged_bytes: 1 << 20,
            log_bytes: 16 << 10,
            why_bytes: 64 << 10,
            message_bytes: 4_096,
            key_bytes: 200,
            name_bytes: 64,
            note_bytes: 1_024,
            summary_bytes: 2_000,
            state_value_bytes: 65_536,
            state_keys: 1_000,
            timers: 100,
            facts: 64,
            attempts: 6,
            shares: 100,
            failures_in_a_row: 5,
            deliveries: 8,
            why_days: 90,
            claim_tries: 5,
            depth: 16,
        }
    }
}

impl Limits {
    /// How long to wait before an attempt (2 for the first retry): doubling from a quarter of a minute, with up to a quarter of
    /// jitter taken from `seed`, at most six hours. Milliseconds.
    pub fn backoff_ms(&self, attempt: u32, seed: u64) -> u64 {
        let base = 15_000_u64.saturating_mul(1 << (2 * attempt.saturating_sub(2)).min(20)).min(6 * 3_600_000);
        base + seed % (base / 4 + 1)
    }
}
