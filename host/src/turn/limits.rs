//! Every limit on what plugins may use, in one place, with the reason for each number.
//!
//! An operator may set all of them for the installation (`attune serve --limits FILE`) and some of them for a single plugin
//! ([`OF_A_PLUGIN`]). None goes beyond what the pool of the sandbox is laid out for ([`MOST`]).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The limits that may be set for a single plugin. The others are about the business, or come before there is a plugin.
pub const OF_A_PLUGIN: [&str; 33] = [
    "fuel",
    "wall_ms",
    "memory_bytes",
    "tables",
    "table_elements",
    "memories",
    "instances",
    "hostcall_bytes",
    "host_calls",
    "messages",
    "notices",
    "effects",
    "staged_bytes",
    "log_bytes",
    "why_bytes",
    "message_bytes",
    "note_bytes",
    "summary_bytes",
    "state_value_bytes",
    "state_keys",
    "state_bytes",
    "timers",
    "facts",
    "depth",
    "reader_fuel",
    "door_fuel",
    "runtime_fuel",
    "runtime_wall_ms",
    "runtime_memory_bytes",
    "runtime_tables",
    "runtime_table_elements",
    "runtime_memories",
    "runtime_instances",
];

/// Where a limit may not be set higher, and why: the pool of instances is laid out at the start for so much each, an epoch
/// that is a minute away still ends a run before anybody thinks the host is dead, and a batch of the store takes 64 MiB.
pub const MOST: [(&str, u64); 18] = [
    ("fuel", 60_000_000_000),
    // Thirty-two texts of one event take half a minute then.
    ("reader_fuel", 1_000_000_000),
    ("door_fuel", 10_000_000_000),
    ("wall_ms", 60_000),
    ("memory_bytes", 64 << 20),
    ("tables", 4),
    ("table_elements", 20_000),
    ("memories", 1),
    ("instances", 16),
    ("runtime_fuel", 60_000_000_000),
    ("runtime_wall_ms", 60_000),
    ("runtime_memory_bytes", 256 << 20),
    ("runtime_tables", 16),
    ("runtime_table_elements", 100_000),
    ("runtime_memories", 2),
    ("runtime_instances", 64),
    ("staged_bytes", 16 << 20),
    ("component_bytes", COMPONENT_BYTES as u64),
];

/// The largest component that any host takes, in bytes. Python's weigh 18 MB.
pub const COMPONENT_BYTES: usize = 32 << 20;

/// What one run of a plugin, or one step, may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Instructions a run, as wasmtime counts fuel. A prebuilt plugin's run uses well under 100,000; two hundred million is about
    /// 200 ms, what a person would still call at once. It is deterministic, so it decides.
    pub fuel: u64,
    /// Instructions a text that a reader may use, counted in the same way. Every message is read before anything else is done
    /// with it, so it is 10 ms and not 200; the built-in reading takes 0.02. By the clock it is ten times that.
    pub reader_fuel: u64,
    /// Instructions that a connector may use for a request, or a channel for a message, counted in the same way. An order of 10 KB
    /// takes well under a million, a mail of 10 MB with its attachments some hundred million.
    pub door_fuel: u64,
    /// Wall time after which the epoch stops what fuel did not, in milliseconds. Ten times what the fuel takes.
    pub wall_ms: u64,
    /// Linear memory, in bytes. QuickJS needs 2 MiB, plugins in Rust 128 KiB; 64 MiB leaves room and still lets a pool of
    /// runs fit a small machine.
    pub memory_bytes: usize,
    /// Tables. Compilers make one; an adapter between two modules adds one.
    pub tables: usize,
    /// Elements of a table: function pointers of the largest components seen, times ten.
    pub table_elements: usize,
    /// Memories: one. More are a proposal that is off.
    pub memories: usize,
    /// Core instances. A component in Rust is four of them, one that embeds an interpreter about ten.
    pub instances: usize,
    /// The same of a component with a language's runtime in it (JavaScript, Python), which takes the place of `fuel` there: a small
    /// plugin's event takes QuickJS half a million and Python one and a half, and what an author's own code computes takes an
    /// interpreter some fifty times as many as Rust.
    pub runtime_fuel: u64,
    /// The same for `wall_ms`.
    pub runtime_wall_ms: u64,
    /// The same for `memory_bytes`. QuickJS begins with 2 MiB, Python with 20.
    pub runtime_memory_bytes: usize,
    /// The same for `tables`: a runtime's libraries have one each.
    pub runtime_tables: usize,
    /// The same for `table_elements`.
    pub runtime_table_elements: usize,
    /// The same for `memories`: what stands between QuickJS and WASI has a small one of its own.
    pub runtime_memories: usize,
    /// The same for `instances`.
    pub runtime_instances: usize,
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
    /// Bytes of state a customer and plugin, as they are stored: what a thousand keys of a kilobyte take.
    pub state_bytes: usize,
    /// Timers a customer and plugin.
    pub timers: usize,
    /// Facts, and tags, a customer.
    pub facts: usize,
    /// Runs of one share before it becomes a dead letter: spread by [`Limits::backoff_ms`] over an hour and a half.
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
    /// Plugins of a business. The code of each is in memory.
    pub plugins: usize,
    /// Bytes of a component's file.
    pub component_bytes: usize,
    /// Memory that a compilation may take, in bytes. A prebuilt plugin of 130 KB takes 30 MB.
    pub compile_memory_bytes: u64,
    /// Computing that a compilation may take, in seconds of one core; by the clock it is twice that. A prebuilt plugin takes a
    /// quarter of a second, a component as Python makes them about fourteen.
    pub compile_s: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 200_000_000,
            reader_fuel: 10_000_000,
            door_fuel: 1_000_000_000,
            wall_ms: 2_000,
            memory_bytes: 64 << 20,
            tables: 4,
            table_elements: 20_000,
            memories: 1,
            instances: 16,
            runtime_fuel: 2_000_000_000,
            runtime_wall_ms: 20_000,
            runtime_memory_bytes: 256 << 20,
            runtime_tables: 16,
            runtime_table_elements: 100_000,
            runtime_memories: 2,
            runtime_instances: 64,
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
            state_bytes: 1 << 20,
            timers: 100,
            facts: 64,
            attempts: 6,
            shares: 100,
            failures_in_a_row: 5,
            deliveries: 8,
            why_days: 90,
            claim_tries: 5,
            depth: 16,
            plugins: 64,
            component_bytes: COMPONENT_BYTES,
            compile_memory_bytes: 2 << 30,
            compile_s: 60,
        }
    }
}

impl Limits {
    /// The same, with what an operator set for one plugin, by the names of the fields.
    ///
    /// # Errors
    /// What is wrong: no limit of a plugin, or out of range.
    pub fn of_plugin(&self, own: &BTreeMap<String, u64>) -> Result<Self, String> {
        if own.is_empty() {
            return Ok(*self);
        }
        if let Some(unknown) = own.keys().find(|name| !OF_A_PLUGIN.contains(&name.as_str())) {
            return Err(format!("`{unknown}` is no limit of a plugin; there are {}", OF_A_PLUGIN.join(", ")));
        }
        let mut all = serde_json::to_value(self).map_err(|error| error.to_string())?;
        for (name, number) in own {
            all[name.as_str()] = (*number).into();
        }
        let limits: Self = serde_json::from_value(all).map_err(|error| error.to_string())?;
        limits.check()?;
        Ok(limits)
    }

    /// What holds for a run of a component with a language's runtime in it.
    #[must_use]
    pub fn with_runtime(self) -> Self {
        Self {
            fuel: self.runtime_fuel,
            wall_ms: self.runtime_wall_ms,
            memory_bytes: self.runtime_memory_bytes,
            tables: self.runtime_tables,
            table_elements: self.runtime_table_elements,
            memories: self.runtime_memories,
            instances: self.runtime_instances,
            ..self
        }
    }

    /// Those that may be set for a single plugin, by name.
    pub fn settable(&self) -> BTreeMap<String, u64> {
        let all = serde_json::to_value(self).unwrap_or_default();
        let number = |name: &str| Some((name.to_owned(), all.get(name)?.as_u64()?));
        OF_A_PLUGIN.into_iter().filter_map(number).collect()
    }

    /// Whether every number is in range.
    ///
    /// # Errors
    /// Which is not, and what the range is.
    pub fn check(&self) -> Result<(), String> {
        let all = serde_json::to_value(self).map_err(|error| error.to_string())?;
        for (name, number) in all.as_object().into_iter().flatten() {
            let number = number.as_u64().unwrap_or_default();
            let most = MOST.iter().find(|(limited, _)| limited == name).map_or(u64::MAX, |(_, most)| *most);
            if number == 0 || number > most {
                return Err(match most {
                    u64::MAX => format!("{name} is {number}; it is at least 1"),
                    _ => format!("{name} is {number}; it is from 1 to {most}"),
                });
            }
        }
        Ok(())
    }

    /// How long to wait before an attempt (2 for the first retry): four times as long each time, from a quarter of a minute, with up to a quarter of
    /// jitter taken from `seed`, at most six hours. Milliseconds.
    pub fn backoff_ms(&self, attempt: u32, seed: u64) -> u64 {
        let base = 15_000_u64.saturating_mul(1 << (2 * attempt.saturating_sub(2)).min(20)).min(6 * 3_600_000);
        base + seed % (base / 4 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(name: &str, number: u64) -> BTreeMap<String, u64> {
        [(name.to_owned(), number)].into()
    }

    #[test]
    fn what_an_operator_sets_for_a_plugin_takes_the_place_of_the_general_limit() {
        let limits = Limits::default();
        assert_eq!(limits.check(), Ok(()));
        for name in OF_A_PLUGIN {
            let changed = limits.of_plugin(&own(name, 1)).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(serde_json::to_value(changed).unwrap()[name], 1);
        }
        assert_eq!(limits.of_plugin(&BTreeMap::new()), Ok(limits));
    }

    #[test]
    fn a_limit_that_is_none_or_out_of_range_is_named() {
        let limits = Limits::default();
        let told = |name, number| limits.of_plugin(&own(name, number)).unwrap_err();
        assert!(
            told("fule", 5).starts_with("`fule` is no limit of a plugin; there are fuel, wall_ms"),
            "{}",
            told("fule", 5)
        );
        assert!(told("claim_tries", 5).starts_with("`claim_tries` is no limit of a plugin"));
        assert_eq!(told("fuel", 0), "fuel is 0; it is from 1 to 60000000000");
        assert_eq!(told("memory_bytes", 1 << 30), "memory_bytes is 1073741824; it is from 1 to 67108864");
        assert_eq!(told("timers", 0), "timers is 0; it is at least 1");
        assert!(told("depth", 70_000).contains("70000"), "{}", told("depth", 70_000));
    }
}
