//! Small components for tests, made here: out of the contract in `wit/`, a world, and a core module as text.

use attune::domain::plugin::Manifest;
use attune::workbench::build::wrap;
use attune_tests::repository;
use serde_json::{Value, json};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// What `wit/` says at present.
pub const CONTRACT: &str = "0.1.0";

/// A core module that exports `attune:automation/on-event` and always gives what `result` writes at address 16.
fn on_event(version: &str, result: &str) -> String {
    format!(
        r#"(module
            (memory (export "memory") 1)
            (global $free (mut i32) (i32.const 1024))
            (data (i32.const 512) "not today")
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
                (global.set $free (i32.add (local.get $at) (local.get 3)))
                (local.get $at))
            (func (export "attune:automation/on-event@{version}#handle") (param i32 i32 i32 i32) (result i32)
                {result}
                (i32.const 16)))"#
    )
}

/// Takes every event.
const WELL: &str = "(i32.store (i32.const 16) (i32.const 0))";

/// Rejects every event with "not today": `result` is an error, `failure` its second case, then the text.
const REJECTS: &str = "(i32.store (i32.const 16) (i32.const 1)) (i32.store (i32.const 24) (i32.const 1))
    (i32.store (i32.const 32) (i32.const 512)) (i32.store (i32.const 36) (i32.const 9))";

/// A world that exports `on-event` and has these further lines.
fn world(version: &str, lines: &str) -> String {
    format!("package test:plugin; world plugin {{ {lines} export attune:automation/on-event@{version}; }}")
}

/// A component out of a world and a core module. `version` is the one that the contract is taken to have.
fn component(version: &str, world: &str, further: &[&str], module: &str) -> Vec<u8> {
    wrap(&core(version, world, further, module), &manifest()).unwrap()
}

/// A core module that knows its world, so that a component can be made of it.
fn core(version: &str, world: &str, further: &[&str], module: &str) -> Vec<u8> {
    let wit = repository().join("wit");
    let mut resolve = Resolve::default();
    for file in ["deps/types/types.wit", "deps/host/host.wit", "automation.wit"] {
        let text = std::fs::read_to_string(wit.join(file)).unwrap().replace(CONTRACT, version);
        resolve.push_str(file, &text).unwrap();
    }
    for text in further {
        resolve.push_str("further.wit", text).unwrap();
    }
    let package = resolve.push_str("world.wit", world).unwrap();
    let world = resolve.select_world(&[package], Some("plugin")).unwrap();
    let mut module = wat::parse_str(module).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    module
}

/// The same as the loader has it.
pub fn manifest() -> Manifest {
    serde_json::from_value(about()).unwrap()
}

/// What all of these say of themselves. The template says whatever it is given, in subject and text.
pub fn about() -> Value {
    json!({
        "name": "small",
        "version": "1.0.0",
        "description": "A small plugin for a test.",
        "templates": {
            "words": {
                "purpose": "service", "values": ["words"],
                "text": { "en": "{words}" }, "subject": { "en": "{words}" }
            }
        },
    })
}

/// A plugin that takes every event.
pub fn well() -> Vec<u8> {
    component(CONTRACT, &world(CONTRACT, ""), &[], &on_event(CONTRACT, WELL))
}

/// The core module of the same.
pub fn well_module() -> Vec<u8> {
    core(CONTRACT, &world(CONTRACT, ""), &[], &on_event(CONTRACT, WELL))
}

/// A plugin that rejects every event.
pub fn rejects() -> Vec<u8> {
    component(CONTRACT, &world(CONTRACT, ""), &[], &on_event(CONTRACT, REJECTS))
}

/// A plugin that was built for another version of the contract.
pub fn of_version(version: &str) -> Vec<u8> {
    component(version, &world(version, ""), &[], &on_event(version, WELL))
}

/// A plugin that exports nothing that Attune knows.
pub fn exports_nothing_known() -> Vec<u8> {
    let world = "package test:plugin; world plugin { export greet: func(); }";
    component(CONTRACT, world, &[], r#"(module (func (export "greet")))"#)
}

/// A plugin that imports a function of some interface that this host does not have.
pub fn imports(package: &str, interface: &str) -> Vec<u8> {
    let (name, version) = package.split_once('@').unwrap();
    let further = format!("package {package}; interface {interface} {{ read: func() -> u32; }}");
    let import = format!("{name}/{interface}@{version}");
    let function = format!(r#"(module (import "{import}" "read" (func (result i32)))"#);
    let module = on_event(CONTRACT, WELL).replacen("(module", &function, 1);
    component(CONTRACT, &world(CONTRACT, &format!("import {import};")), &[&further], &module)
}

/// Interfaces of WASI, with as little in them as the tests call.
const WASI: [&str; 7] = [
    "package wasi:clocks@0.2.6;
     interface wall-clock { record datetime { seconds: u64, nanoseconds: u32 } now: func() -> datetime; }
     interface monotonic-clock { now: func() -> u64; }",
    "package wasi:random@0.2.6; interface random { get-random-u64: func() -> u64; }",
    "package wasi:io@0.2.6; interface streams {
       resource output-stream { blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>; }
       variant stream-error { last-operation-failed(error), closed } resource error; }",
    "package wasi:cli@0.2.6;
     interface exit { exit: func(status: result); }
     interface stderr { use wasi:io/streams@0.2.6.{output-stream}; get-stderr: func() -> output-stream; }",
    "package wasi:sockets@0.2.6; interface instance-network { instance-network: func() -> u32; }
     interface tcp-create-socket { enum error-code { unknown, access-denied } create-tcp-socket: func() -> result<u32, error-code>; }",
    "package wasi:http@0.2.6; interface outgoing-handler { handle: func() -> u32; }",
    "package wasi:clocks@0.3.0; interface wall-clock { now: func() -> u64; }",
];

/// A plugin that imports something of WASI: these are the lines of its world, and the fields of its core module.
pub fn with_wasi(lines: &str, fields: &str) -> Vec<u8> {
    component(CONTRACT, &world(CONTRACT, lines), &WASI, &format!("(module {fields})"))
}

/// A reader that asks for random numbers.
pub fn reads_and_draws() -> Vec<u8> {
    let random = "wasi:random/random@0.2.6";
    let draw = format!(r#"(import "{random}" "get-random-u64" (func (result i64)))"#);
    let real = std::fs::read_to_string(repository().join("wit/deps/reader/reader.wit")).unwrap();
    let reads = format!("attune:reader/reading@{CONTRACT}");
    let module = on_event(CONTRACT, WELL)
        .replace(&format!("attune:automation/on-event@{CONTRACT}#handle"), &format!("{reads}#read"))
        .replacen("(module", &format!("(module {draw}"), 1);
    let world = format!("package test:plugin; world plugin {{ import {random}; export {reads}; }}");
    component(CONTRACT, &world, &[&real, WASI[1]], &module)
}

/// A reader that leaves every text to Attune, with further lines in its world, fields in its core module, and a contract of its own
/// for the reading; none is the real one.
fn reader(lines: &str, fields: &str, contract: Option<&str>) -> Vec<u8> {
    let real = std::fs::read_to_string(repository().join("wit/deps/reader/reader.wit")).unwrap();
    let reads = format!("attune:reader/reading@{CONTRACT}");
    let module = on_event(CONTRACT, WELL)
        .replace(&format!("attune:automation/on-event@{CONTRACT}#handle"), &format!("{reads}#read"))
        .replacen("(module", &format!("(module {fields}"), 1);
    let world = format!("package test:plugin; world plugin {{ {lines} export {reads}; }}");
    component(CONTRACT, &world, &[contract.unwrap_or(&real)], &module)
}

/// A reader that leaves every text to Attune.
pub fn reads() -> Vec<u8> {
    reader("", "", None)
}

/// A reader that also wants to send messages.
pub fn reads_and_sends() -> Vec<u8> {
    let send = IMPORTS.iter().find(|(name, _)| *name == "message").unwrap().1;
    reader(&format!("import attune:host/message@{CONTRACT};"), send, None)
}

/// A reader that also handles events.
pub fn reads_and_handles() -> Vec<u8> {
    let handle = format!(
        r#"(func (export "attune:automation/on-event@{CONTRACT}#handle") (param i32 i32 i32 i32) (result i32)
            (i32.const 16))"#
    );
    reader(&format!("export attune:automation/on-event@{CONTRACT};"), &handle, None)
}

/// A reader whose answer has another type than the contract says.
pub fn reads_otherwise() -> Vec<u8> {
    let contract = format!(
        "package attune:reader@{CONTRACT};
        interface reading {{ read: func(text: string, brand: list<string>) -> option<tuple<f32, string>>; }}"
    );
    reader("", "", Some(&contract))
}

/// A component without a section that says what it is.
pub fn says_nothing() -> Vec<u8> {
    wat::parse_str("(component)").unwrap()
}

/// A component with a section that is wrong.
pub fn says_nonsense() -> Vec<u8> {
    wat::parse_str(r#"(component (@custom "attune:plugin" "nonsense"))"#).unwrap()
}

/// A core module.
pub fn core_module() -> Vec<u8> {
    wat::parse_str("(module)").unwrap()
}

/// A component with so many bytes in it that mean nothing.
pub fn padded(component: Vec<u8>, bytes: usize) -> Vec<u8> {
    with_custom(component, "padding", &vec![7; bytes])
}

/// A component with a further custom section at its end.
pub fn with_custom(component: Vec<u8>, name: &str, data: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    leb(&mut content, name.len());
    content.extend_from_slice(name.as_bytes());
    content.extend_from_slice(data);
    with_section(component, 0, &content)
}

/// A module or component with a further section at its end.
pub fn with_section(mut component: Vec<u8>, kind: u8, content: &[u8]) -> Vec<u8> {
    component.push(kind);
    leb(&mut component, content.len());
    component.extend_from_slice(content);
    component
}

/// The handler of a plugin that is written by hand as a component: it takes every event.
pub const HANDLES: &str = r#"(memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))
    (func (export "handle") (param i32 i32 i32 i32) (result i32) (i32.const 16))"#;

/// A plugin as a component written by hand: these fields are its core module, and these lines stand before its end. It says
/// nothing of itself.
pub fn raw(fields: &str, lines: &str) -> Vec<u8> {
    raw_with(fields, lines, "(result (error $failure))")
}

/// A plugin whose handler fails with a text, where the contract has a failure.
pub fn handles_otherwise() -> Vec<u8> {
    says(raw_with(HANDLES, "", "(result (error string))"), &about())
}

/// The same with another result of its handler.
fn raw_with(fields: &str, lines: &str, result: &str) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(component
            (import "attune:types/types@{CONTRACT}" (instance $types
                (type $cases (variant (case "retry" (tuple string u64)) (case "reject" string)))
                (export "failure" (type (eq $cases)))))
            (alias export $types "failure" (type $failure))
            (core module $module {fields})
            (core instance $core (instantiate $module))
            (type $handler (func (param "kind" string) (param "data" string) (result {result})))
            (func $handle (type $handler) (canon lift (core func $core "handle")
                (memory (core memory $core "memory")) (realloc (core func $core "realloc"))))
            {lines}
            (instance $events (export "handle" (func $handle)))
            (export "attune:automation/on-event@{CONTRACT}" (instance $events)))"#
    ))
    .unwrap()
}

/// The same, with what plugins here say of themselves.
pub fn by_hand(fields: &str, lines: &str) -> Vec<u8> {
    says(raw(fields, lines), &about())
}

/// A plugin that is two components in one, as tools that compose components make it: one asks the other for a text at every event.
pub fn composed() -> Vec<u8> {
    let text = format!(
        r#"(component
             (import "attune:types/types@{CONTRACT}" (instance $types
               (type $cases (variant (case "retry" (tuple string u64)) (case "reject" string)))
               (export "failure" (type (eq $cases)))))
             (component $greeter
               (core module $m
                 (memory (export "memory") 1)
                 (data (i32.const 100) "hello")
                 (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))
                 (func (export "greet") (param i32 i32) (result i32)
                   (i32.store (i32.const 16) (i32.const 100)) (i32.store (i32.const 20) (i32.const 5)) (i32.const 16)))
               (core instance $i (instantiate $m))
               (func (export "greet") (param "name" string) (result string)
                 (canon lift (core func $i "greet") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
             (instance $g (instantiate $greeter))
             (alias export $types "failure" (type $failure))
             (component $main
               (type $again (variant (case "retry" (tuple string u64)) (case "reject" string)))
               (import "failure" (type $failure (eq $again)))
               (import "greet" (func $greet (param "name" string) (result string)))
               (core module $mem (memory (export "memory") 1)
                 (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096)))
               (core instance $mem (instantiate $mem))
               (core func $greet (canon lower (func $greet) (memory (core memory $mem "memory")) (realloc (core func $mem "realloc"))))
               (core module $m
                 (import "mem" "memory" (memory 1))
                 (import "g" "greet" (func $greet (param i32 i32 i32)))
                 (func (export "handle") (param i32 i32 i32 i32) (result i32)
                  (call $greet (local.get 0) (local.get 1) (i32.const 64))
                  (if (i32.ne (i32.load (i32.const 68)) (i32.const 5)) (then unreachable))
                  (i32.store (i32.const 16) (i32.const 0))
                  (i32.const 16)))
               (core instance $core (instantiate $m (with "mem" (instance $mem)) (with "g" (instance (export "greet" (func $greet))))))
               (type $handler (func (param "kind" string) (param "data" string) (result (result (error $failure)))))
               (func (export "handle") (type $handler) (canon lift (core func $core "handle")
                (memory (core memory $mem "memory")) (realloc (core func $mem "realloc")))))
             (instance $main (instantiate $main (with "failure" (type $failure)) (with "greet" (func $g "greet"))))
             (export "attune:automation/on-event@{CONTRACT}" (instance $main)))"#
    );
    says(wat::parse_str(text).unwrap(), &about())
}

/// A reader with a component in it that has a function of its own.
pub fn reads_composed() -> Vec<u8> {
    let other = r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
        (func (canon lift (core func $i "f"))))"#;
    with_section(reads(), 4, &wat::parse_str(other).unwrap())
}

/// A component that says this of itself.
pub fn says(component: Vec<u8>, about: &Value) -> Vec<u8> {
    with_custom(component, "attune:plugin", about.to_string().as_bytes())
}

/// Appends a number as WebAssembly writes it.
pub fn leb(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// What a guest may import, as a core module does.
const IMPORTS: &[(&str, &str)] = &[
    ("log", r#"(import "attune:host/log@0.1.0" "write" (func $log (param i32 i32 i32)))"#),
    (
        "state",
        r#"(import "attune:host/state@0.1.0" "get" (func $state_get (param i32 i32 i32)))
           (import "attune:host/state@0.1.0" "set" (func $state_set (param i32 i32 i32 i32 i32)))"#,
    ),
    ("schedule", r#"(import "attune:host/schedule@0.1.0" "set" (func $schedule_set (param i32 i32 i64 i32 i32 i32)))"#),
    ("message", r#"(import "attune:host/message@0.1.0" "send" (func $message_send (param i32 i32)))"#),
    ("clock", r#"(import "attune:host/clock@0.1.0" "now" (func $clock_now (result i64)))"#),
];

/// What a guest may export, and the function of its core module that is it.
const EXPORTS: &[(&str, &str)] = &[("on-event", "$handle"), ("on-message", "$on_message"), ("on-timer", "$on_timer")];

/// A component out of these fields of a core module: it exports the handlers whose functions are among them. A memory and
/// `$realloc` are added where the fields have none.
pub fn guest(fields: &str, interfaces: &[String]) -> Vec<u8> {
    guest_that_says(fields, interfaces, &about())
}

/// The same, with what it says of itself.
pub fn guest_that_says(fields: &str, interfaces: &[String], about: &Value) -> Vec<u8> {
    let mut module = String::from("(module\n");
    let mut lines = String::new();
    for interface in interfaces {
        let known = IMPORTS.iter().find(|(name, _)| name == interface);
        module.push_str(known.unwrap_or_else(|| panic!("nothing is known of {interface}")).1);
        lines.push_str(&format!("import attune:host/{interface}@{CONTRACT}; "));
    }
    if !fields.contains("(export \"memory\")") {
        module.push_str("(memory (export \"memory\") 1)\n");
    }
    if !fields.contains("(func $realloc") {
        module.push_str(
            "(global $free (mut i32) (i32.const 4096))
            (func $realloc (param i32 i32 i32 i32) (result i32)
                (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
                (global.set $free (i32.add (local.get $at) (local.get 3)))
                (local.get $at))\n",
        );
    }
    module.push_str(fields);
    module.push_str("(export \"cabi_realloc\" (func $realloc))");
    for (interface, function) in EXPORTS.iter().filter(|(_, function)| fields.contains(&format!("(func {function} "))) {
        module.push_str(&format!("(export \"attune:automation/{interface}@{CONTRACT}#handle\" (func {function}))"));
        lines.push_str(&format!("export attune:automation/{interface}@{CONTRACT}; "));
    }
    module.push(')');
    let core = core(CONTRACT, &format!("package test:plugin; world plugin {{ {lines} }}"), &[], &module);
    wrap(&core, &serde_json::from_value(about.clone()).unwrap()).unwrap()
}
