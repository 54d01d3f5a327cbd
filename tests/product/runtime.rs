//! Components that import WASI, as the runtimes of languages do: what they get follows from the event, what they may not have
//! is denied by name, and what they print ends up where their author reads it. The languages themselves are tried by
//! `tests/all/languages`.

use std::sync::Arc;

use attune::engine::replay::{replay, state};
use attune::store::{Keyring, MemoryKeyring, MemoryStore, Store, Table};
use attune::turn::limits::Limits;
use attune::workbench::play::{Part, play};
use attune::workbench::scenario::Scenario;
use attune_tests::Folder;
use serde_json::json;

use crate::components::{reads_and_draws, with_wasi};
use crate::replay::{SANDBOX, Stage, first_difference, reference, settle};

/// A core module's imports by name: the line of the world, and the field of the module.
const IMPORTS: [(&str, &str, &str); 10] = [
    ("state", "attune:host/state@0.1.0", r#""set" (func $state (param i32 i32 i32 i32 i32))"#),
    ("random", "wasi:random/random@0.2.6", r#""get-random-u64" (func $random (result i64))"#),
    ("clock", "wasi:clocks/wall-clock@0.2.6", r#""now" (func $clock (param i32))"#),
    ("steady", "wasi:clocks/monotonic-clock@0.2.6", r#""now" (func $steady (result i64))"#),
    ("exit", "wasi:cli/exit@0.2.6", r#""exit" (func $exit (param i32))"#),
    ("stderr", "wasi:cli/stderr@0.2.6", r#""get-stderr" (func $stderr (result i32))"#),
    (
        "streams",
        "wasi:io/streams@0.2.6",
        r#""[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32))"#,
    ),
    ("network", "wasi:sockets/instance-network@0.2.6", r#""instance-network" (func $network (result i32))"#),
    ("socket", "wasi:sockets/tcp-create-socket@0.2.6", r#""create-tcp-socket" (func $socket (param i32))"#),
    ("http", "wasi:http/outgoing-handler@0.2.6", r#""handle" (func $http (result i32))"#),
];

/// A plugin that imports these, and does this with every event.
fn plugin(imports: &[&str], act: &str) -> Vec<u8> {
    let known = |name: &&str| *IMPORTS.iter().find(|(known, _, _)| known == name).unwrap();
    let imports: Vec<_> = imports.iter().map(known).collect();
    let lines: String = imports.iter().map(|(_, import, _)| format!("import {import}; ")).collect();
    let fields: String =
        imports.iter().map(|(_, import, function)| format!("(import \"{import}\" {function})\n")).collect();
    with_wasi(
        &lines,
        &format!(
            r#"{fields}
            (memory (export "memory") 1)
            (data (i32.const 512) "no sugar\1b[2J")
            (global $free (mut i32) (i32.const 4096))
            (func $hex (param $at i32) (param $number i64)
                (local $digit i64)
                (loop $next
                    (local.set $digit (i64.and (local.get $number) (i64.const 15)))
                    (i32.store8 (local.get $at) (i32.wrap_i64 (i64.add (local.get $digit) (i64.const 97))))
                    (local.set $number (i64.shr_u (local.get $number) (i64.const 4)))
                    (local.set $at (i32.add (local.get $at) (i32.const 1)))
                    (br_if $next (i64.ne (local.get $number) (i64.const 0)))))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
                (global.set $free (i32.add (local.get $at) (local.get 3)))
                (local.get $at))
            (func (export "attune:automation/on-event@0.1.0#handle") (param i32 i32 i32 i32) (result i32)
                (i64.store (i32.const 1024) (i64.const 0x6161616161616161))
                (i64.store (i32.const 1032) (i64.const 0x6161616161616161))
                (i64.store (i32.const 1040) (i64.const 0x6161616161616161))
                {act}
                (i32.const 16))"#
        ),
    )
}

/// Notes a random number as the key of what both clocks say.
const DRAWS: &str = "(call $hex (i32.const 1024) (call $random))
    (call $clock (i32.const 64))
    (call $hex (i32.const 1040) (i64.xor (i64.load (i32.const 64)) (call $steady)))
    (call $state (i32.const 1024) (i32.const 16) (i32.const 1040) (i32.const 16) (i32.const 128))";

#[test]
fn what_a_runtime_draws_and_reads_off_a_clock_is_the_same_in_a_replay() {
    let keyring: Arc<dyn Keyring> = Arc::new(MemoryKeyring::new([3; 32]));
    let mut stage = Stage::new(Arc::new(MemoryStore::new()), keyring.clone(), Limits::default());
    stage.install_file("draws", &plugin(&["state", "random", "clock", "steady"], DRAWS));
    for _ in 0..5 {
        stage.event("shop.custom", json!({ "customer": reference(1) }));
    }
    let original = stage.engine.view();
    let expected = state(original.as_ref()).expect("the state is read");
    let drawn = expected.iter().filter(|(key, _)| key.table() == Table::State).count();
    assert_eq!(drawn, 5, "each event draws a number of its own");
    for workers in [0, 2] {
        let into: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let limits = Limits::default();
        let engine = replay(original.as_ref(), into.clone(), keyring.clone(), SANDBOX.clone(), limits, workers)
            .expect("a replay runs");
        settle(&engine);
        let replayed = state(into.view().as_ref()).expect("the state is read");
        assert_eq!(first_difference(&expected, &replayed), None, "{workers} workers");
        engine.stop().expect("the engine stops");
    }
}

#[test]
fn what_a_runtime_may_not_have_is_refused_by_name() {
    let refused = |wasm: &[u8]| SANDBOX.load(wasm).map(|_| ()).unwrap_err().to_string();
    assert_eq!(
        refused(&plugin(&["http"], "(drop (call $http))")),
        "the component imports `wasi:http/outgoing-handler@0.2.6`, which no plugin has: of WASI there is what the runtime of a \
         language needs, with a clock and random numbers that follow from the event; what a plugin does goes through \
         attune:host@0.1.0"
    );
    let later = plugin(&["clock"], "").replace_all(b"wasi:clocks/wall-clock@0.2.6", b"wasi:clocks/wall-clock@0.3.6");
    assert!(refused(&later).contains("`wasi:clocks/wall-clock@0.3.6`, which no plugin has"), "{}", refused(&later));
    assert!(
        refused(&reads_and_draws())
            .contains("imports `wasi:random/random@0.2.6`: it is called for every text or request"),
        "{}",
        refused(&reads_and_draws())
    );
    let about = SANDBOX.load(&plugin(&["random"], "(drop (call $random))")).unwrap().about.clone();
    assert!(about.runtime && about.wants.is_empty(), "WASI is nothing to be granted: {about:?}");
}

trait ReplaceAll {
    fn replace_all(self, from: &[u8], to: &[u8]) -> Self;
}

impl ReplaceAll for Vec<u8> {
    /// Both have the same length, so that the file stays one.
    fn replace_all(mut self, from: &[u8], to: &[u8]) -> Self {
        let places: Vec<_> = (0..self.len()).filter(|at| self[*at..].starts_with(from)).collect();
        assert!(!places.is_empty() && from.len() == to.len());
        for at in places {
            self[at..at + to.len()].copy_from_slice(to);
        }
        self
    }
}

#[test]
fn what_ends_a_run_is_told_in_words() {
    let print = "(call $write (call $stderr) (i32.const 512) (i32.const 12) (i32.const 128))";
    for (imports, act, ends) in [
        (vec!["exit"], "(call $exit (i32.const 0))".to_owned(), "broke off: the plugin ended its own process; a handler returns"),
        (vec!["exit"], "(call $exit (i32.const 1))".to_owned(), "broke off: the plugin ended its own process with an error"),
        (
            vec!["network"],
            "(drop (call $network))".to_owned(),
            "broke off: called `wasi:sockets/instance-network instance-network`: a plugin has no files and no network",
        ),
        // Control characters reach no terminal.
        (vec!["stderr", "streams"], format!("{print} unreachable"), "broke off:\nno sugar?[2J"),
        // A run that goes well may still have printed something.
        (vec!["stderr", "streams"], print.to_owned(), "logs warn: no sugar?[2J"),
        // Where a call can fail, it is denied and the run goes on: 1 is access-denied, at address 132.
        (
            vec!["socket"],
            "(call $socket (i32.const 128)) (if (i32.ne (i32.load8_u (i32.const 132)) (i32.const 1)) (then unreachable))".to_owned(),
            "",
        ),
        (
            vec!["random"],
            "(loop $again (drop (call $random)) (br $again))".to_owned(),
            "used up its 2000 ms of computing",
        ),
    ] {
        let wasm = plugin(&imports, &act);
        let about = SANDBOX.load(&wasm).unwrap_or_else(|error| panic!("{act}: {error}")).about.clone();
        let folder = Folder::new();
        let file = folder.path().join("scenario.toml");
        std::fs::write(&file, SCENARIO).unwrap();
        let part = Part { about, wasm: Arc::new(wasm) };
        let played = play(&SANDBOX, &Scenario::read(&file).unwrap(), &part, &[], true).unwrap();
        let lines = played.transcript.iter().flat_map(|line| line.text.lines());
        let told: String = lines.map(|line| format!("{}\n", line.trim())).collect();
        assert!(told.contains(ends), "{act} gives\n{told}");
        assert_eq!(told.contains("failed"), ends.starts_with("broke") || ends.starts_with("used"), "{told}");
    }
}

const SCENARIO: &str = r#"
name = "one event"
[business]
name = "Bakery"
zone = "Europe/Berlin"
language = "en"
start = "2026-10-20T09:00[Europe/Berlin]"
[[customer]]
as = "anna"
addresses = ["chat:anna"]
[[step]]
event = "shop.custom"
customer = "anna"
"#;
