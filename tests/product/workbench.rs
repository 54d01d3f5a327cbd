//! What authors of plugins work with, from outside: transcripts, expectations, what goes wrong and how it is told, and the
//! commands that show what a component file is and does.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use attune_tests::{Folder, plugin_file, until};
use serde_json::{Value, json};

use crate::command_line::{ASKS, BUSINESS, copy_of_order_status, path, plain, run};
use crate::components;

/// Plays one scenario with the prebuilt order-status. The folder has the scenario as `one.toml`.
fn play(scenario: &str, arguments: &[&str]) -> (Folder, crate::command_line::Ran) {
    let folder = Folder::new();
    let file = path(&folder.write("one.toml", scenario));
    let ran = test_with("order-status", &file, arguments);
    (folder, ran)
}

fn test_with(plugin: &str, scenarios: &str, arguments: &[&str]) -> crate::command_line::Ran {
    let component = path(&plugin_file(plugin));
    let all: Vec<&str> =
        ["test", &component, "--scenarios", scenarios].into_iter().chain(arguments.iter().copied()).collect();
    run(plain(), &all, "")
}

fn named(name: &str, steps: &str) -> String {
    format!("name = \"{name}\"\n{BUSINESS}{steps}")
}

#[test]
fn a_reviewed_transcript_is_written_once_and_held_from_then_on() {
    let (folder, ran) = play(&named("It asks", ASKS), &["--update"]);
    let (scenario, transcript) = (folder.path().join("one.toml"), folder.path().join("one.transcript"));
    ran.fits(0, &["1 passed", "one.transcript"]);
    let text = std::fs::read_to_string(&transcript).unwrap();
    let expected = "# It asks\n\n\
        Mon 02 Mar 2026 10:00  anna by chat: Where is my order?\n\
        Mon 02 Mar 2026 10:00    automation to anna by chat (sent, ask-both): I will gladly look.";
    assert!(text.starts_with(expected), "{text}");
    assert!(!text.contains("fuel"), "{text}");
    test_with("order-status", &path(&scenario), &[]).fits(0, &["1 passed"]);

    // Another text is shown as a difference, and taken over with --update.
    std::fs::write(&transcript, text.replace("gladly", "hardly")).unwrap();
    let ran = test_with("order-status", &path(&scenario), &[]);
    ran.fits(1, &["one.transcript: what happened is not what was reviewed", "--update", "0 passed, 1 failed"]);
    assert!(ran.out.lines().any(|line| line.starts_with("  - ") && line.contains("hardly look")), "{}", ran.out);
    assert!(ran.out.lines().any(|line| line.starts_with("  + ") && line.contains("gladly look")), "{}", ran.out);
    test_with("order-status", &path(&scenario), &["--update"]).fits(0, &["1 passed"]);
    assert_eq!(std::fs::read_to_string(&transcript).unwrap(), text);

    // What is expected in the scenario itself still counts, and a scenario that fails is not taken over.
    std::fs::write(&scenario, named("It asks", &format!("{ASKS}expect = [{{ message = \"no\" }}]"))).unwrap();
    test_with("order-status", &path(&scenario), &["--update"]).fits(1, &["expected a message with \"no\""]);
    assert_eq!(std::fs::read_to_string(&transcript).unwrap(), text);

    // Without a transcript, a scenario that expects something gets none.
    let (folder, ran) = play(&named("It asks", &format!("{ASKS}expect = [{{ message = \"gladly\" }}]")), &["--update"]);
    ran.fits(0, &["1 passed"]);
    assert!(!folder.path().join("one.transcript").exists());
}

#[test]
fn a_failure_shows_the_transcript_with_the_difference_marked() {
    let (_folder, ran) = play(&named("It asks", &format!("{ASKS}expect = [{{ message = \"by magic\" }}]")), &[]);
    ran.fits(1, &["one.toml:12: step 1: expected a message with \"by magic\""]);
    let lines: Vec<&str> = ran.out.lines().collect();
    let at = |sign: &str, words: &str| {
        let found = lines.iter().position(|line| line.starts_with(sign) && line.contains(words));
        found.unwrap_or_else(|| panic!("no line `{sign}` with {words}: {ran:#?}"))
    };
    assert!(at("    ", "anna by chat") < at("  - ", "expected: a message with \"by magic\""));
    assert!(at("  - ", "by magic") < at("  + ", "I will gladly look."));
}

#[test]
fn what_plugins_keep_do_and_are_told_can_be_expected() {
    // Each has to pass, and to fail with other words.
    let table = [
        ("{ why = \"message.send\" }", "{ why = \"message.shout\" }", "expected \"message.shout\" in a record of why"),
        ("{ ran = \"on-message\" }", "{ ran = \"on-timer\" }", "expected a plugin to run on-timer; none did"),
        (
            "{ keeps = \"asked\" }",
            "{ keeps = \"clam\" }",
            "expected order-status to keep `clam` for anna; it keeps none",
        ),
        (
            "{ forgot = \"clam\" }",
            "{ forgot = \"asked\" }",
            "expected order-status to keep no `asked` for anna; it keeps",
        ),
    ];
    for (right, wrong, words) in table {
        let with = |what: &str| named("x", &format!("{ASKS}expect = [{{ message = \"gladly\" }}, {what}]"));
        play(&with(right), &[]).1.fits(0, &["1 passed"]);
        play(&with(wrong), &[]).1.fits(1, &[words]);
    }
    let (_folder, ran) = play(
        &named("x", &format!("{ASKS}expect = [{{ message = \"gladly\" }}, {{ fact = \"birthday\", value = \"1\" }}]")),
        &[],
    );
    ran.fits(1, &["expected the fact `birthday` about anna; it is not noted"]);
}

#[test]
fn results_are_told_to_scripts_and_build_servers_with_what_never_ran_and_the_fuel() {
    let folder = Folder::new();
    folder.write("right.toml", named("Right", &format!("{ASKS}expect = [{{ message = \"gladly\" }}]")));
    folder.write("wrong.toml", named("Wrong & <false>", ASKS));
    let at = path(folder.path());
    let ran = test_with("order-status", &at, &["--format", "junit"]);
    ran.fits(
        1,
        &[
            "<testsuite name=\"order-status\" tests=\"2\" failures=\"1\">",
            "name=\"wrong: Wrong &amp; &lt;false&gt;\"",
            "a message went out that was not expected",
            "on-order never ran",
        ],
    );
    assert_eq!(
        ran.out.matches("<testcase ").count(),
        ran.out.matches("/>").count() + ran.out.matches("</testcase>").count()
    );
    let ran = test_with("order-status", &at, &["--format", "json"]);
    let told: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:#?}"));
    assert_eq!((&told[0]["ran"], &told[0]["never_ran_in_any"]), (&json!(["on-message"]), &json!(["on-order"])));
    assert!(told[0]["fuel_by_step"][0].as_u64().unwrap() > 1_000, "{told:#}");
    let ran = test_with("order-status", &at, &["--verbose"]);
    ran.fits(
        1,
        &["order-status: on-order never ran", "order-status: a run used", "order-status ran on-message: answered, "],
    );
}

/// The second time it is another scenario, so another result.
#[test]
fn a_change_of_a_file_is_seen_and_played() {
    let folder = Folder::new();
    let file = folder.write("one.toml", named("x", &format!("{ASKS}expect = [{{ message = \"gladly\" }}]")));
    let mut child = plain()
        .args(["test", &path(&plugin_file("order-status")), "--watch", "--scenarios", &path(&file)])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let said: Arc<Mutex<Vec<String>>> = Arc::default();
    let (output, heard) = (child.stdout.take().unwrap(), said.clone());
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            heard.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    });
    let says = |words: &str| {
        let said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.iter().any(|line| line == words).then_some(())
    };
    until("the first result", || says("1 passed, 0 failed"));
    std::fs::write(&file, named("x", &format!("{ASKS}expect = [{{ message = \"by magic\" }}]"))).unwrap();
    until("the second result", || says("0 passed, 1 failed"));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A plugin that says something and breaks off at every event.
fn breaks_off() -> Vec<u8> {
    components::guest(
        r#"(data (i32.const 512) "no sugar left")
        (func $handle (param i32 i32 i32 i32) (result i32)
            (call $log (i32.const 3) (i32.const 512) (i32.const 13))
            unreachable)"#,
        &["log".to_owned()],
    )
}

#[test]
fn a_plugin_that_breaks_off_shows_its_log_and_leaves_a_core_dump() {
    let folder = Folder::new();
    let component = path(&folder.write("small.wasm", breaks_off()));
    let scenario = path(
        &folder.write("one.toml", named("x", "[[step]]\nevent = \"shop.test\"\nexpect = [{ ran = \"on-hour\" }]\n")),
    );
    let dumps = folder.path().join("dumps");
    let flag = format!("--debug={}", dumps.display());
    let ran = run(plain(), &["test", &component, "--scenarios", &scenario, &flag], "");
    ran.fits(1, &["small failed: broke off: no sugar left", "small logs error: no sugar left", "wrote "]);
    let dump = std::fs::read(dumps.join("small-one-on-event-1.coredump")).unwrap();
    let read = read_dump(&dump);
    assert_eq!((read.plugin.as_str(), read.threads), ("small", 1), "{read:#?}");
    // The handler is on the stack, in an instance of one of the modules that has a memory of its own.
    let frame = read.frames.first().unwrap_or_else(|| panic!("no frame: {read:#?}"));
    assert!(frame.codeoffset > 0, "{frame:?}");
    let instance = &read.instances[frame.instanceidx as usize];
    assert!((instance.module_index as usize) < read.modules && instance.memories.len() == 1, "{read:#?}");
    assert_eq!(read.memories, 1);
    assert!(read.data.windows(13).any(|bytes| bytes == b"no sugar left"), "the memory's bytes are there");
    // Without the flag there is none.
    run(plain(), &["test", &component, "--scenarios", &scenario], "").fits(1, &["broke off: no sugar left"]);
}

/// What a core dump holds, as tools read it.
#[derive(Debug, Default)]
struct Read {
    plugin: String,
    threads: usize,
    frames: Vec<wasmparser::CoreDumpStackFrame>,
    modules: usize,
    instances: Vec<wasmparser::CoreDumpInstance>,
    memories: u32,
    data: Vec<u8>,
}

fn read_dump(dump: &[u8]) -> Read {
    use wasmparser::{KnownCustom, Payload};
    let mut read = Read::default();
    for payload in wasmparser::Parser::new(0).parse_all(dump) {
        match payload.unwrap() {
            Payload::CustomSection(section) => match section.as_known() {
                KnownCustom::CoreDump(about) => read.plugin = about.name.to_owned(),
                KnownCustom::CoreDumpStack(thread) => {
                    read.threads += 1;
                    read.frames.extend(thread.frames);
                }
                KnownCustom::CoreDumpModules(modules) => read.modules = modules.modules.len(),
                KnownCustom::CoreDumpInstances(instances) => read.instances = instances.instances,
                _ => {}
            },
            Payload::MemorySection(memories) => read.memories = memories.count(),
            Payload::DataSection(data) => data.into_iter().for_each(|one| read.data.extend(one.unwrap().data)),
            _ => {}
        }
    }
    read
}

#[test]
fn a_profile_shows_in_which_functions_a_plugin_was_and_is_the_same_every_time() {
    let folder = Folder::new();
    folder.write("one.toml", named("x", &format!("{ASKS}expect = [{{ message = \"gladly\" }}]")));
    let scenario = path(&folder.path().join("one.toml"));
    let profile = || -> Value {
        let flag = format!("--profile={}", folder.path().join("profiles").display());
        let ran = test_with("order-status", &scenario, &[&flag]);
        ran.fits(0, &["1 passed", "wrote "]);
        serde_json::from_slice(&std::fs::read(folder.path().join("profiles/order-status-one.profile.json")).unwrap())
            .unwrap()
    };
    let told = profile();
    let thread = &told["threads"][0];
    let stacks = thread["samples"]["stack"].as_array().unwrap();
    assert!(stacks.len() > 10, "{told:#}");
    assert!(thread.to_string().contains("order_status::"), "functions have their names: {told:#}");
    assert_eq!(profile()["threads"][0]["samples"]["stack"], thread["samples"]["stack"]);

    let file = folder.path().join("call.json");
    let event = "examples/events/02-anna-order-shipped.json";
    let component = path(&plugin_file("order-status"));
    run(plain(), &["call", &component, event, "--profile", &path(&file), "--debug", "none"], "")
        .fits(0, &["ran on-order: done", "wrote ", "none is not written: nothing broke off"]);
    assert!(std::fs::read_to_string(file).unwrap().contains("on-order@0.1.0#handle"));
}

#[test]
fn a_component_that_is_composed_of_several_runs_and_says_so() {
    let folder = Folder::new();
    let file = path(&folder.write("composed.wasm", components::composed()));
    run(plain(), &["inspect", &file], "").fits(0, &["is several components in one: may compute 10 times as long"]);
    let event = json!({ "specversion": "1.0", "id": "1", "source": "x", "type": "shop.test", "data": {} }).to_string();
    run(plain(), &["call", &file, "-"], &event).fits(0, &["small 1.0.0 ran on-event: done"]);
}

#[test]
fn one_event_is_handled_and_what_came_of_it_is_shown() {
    let file = path(&plugin_file("order-status"));
    let shipped = "examples/events/02-anna-order-shipped.json";
    run(plain(), &["call", &file, shipped], "").fits(
        0,
        &[
            "order-status 0.1.0 ran on-order: done, ",
            "message.send {",
            "automation to chat:anna by chat (sent, ",
            "#1001",
        ],
    );
    let told = run(plain(), &["call", &file, shipped, "--format", "json"], "").json();
    assert_eq!((&told["runs"][0]["export"], &told["messages"][0]["state"]), (&json!("on-order"), &json!("sent")));
    assert_eq!(
        told,
        run(plain(), &["call", &file, shipped, "--format", "json"], "").json(),
        "it is the same every time"
    );

    // Whom an event does not name, a demonstration customer is. Settings, language and time are what flags say.
    let says = |words: &str| {
        json!({ "specversion": "1.0", "id": "{new}", "source": "x", "type": "attune.message.received.v1", "data": { "text": words } }).to_string()
    };
    run(plain(), &["call", &file, "-", "--language", "de"], &says("Wo ist meine Bestellung?"))
        .fits(0, &["Ich sehe gern nach."]);
    let night = ["call", &file, shipped, "--at", "2026-03-02T23:00[Europe/Berlin]"];
    run(plain(), &night, "").fits(0, &["deferred to Tue 03 Mar 2026 08:"]);
    let settings = ["call", &file, shipped, "--settings", r#"{"write_when":["lost"]}"#];
    run(plain(), &settings, "").fits(1, &["write_when", "lost"]);

    // What it does not subscribe to, and what is no event.
    run(plain(), &["call", &file, "examples/events/03-anna-appointment.json"], "")
        .fits(0, &["order-status 0.1.0 did not run; it runs when", "(on-order)"]);
    run(plain(), &["call", &file, "-"], "{").fits(1, &["error: -: "]);
    run(plain(), &["call", &file, "-"], "{\"type\":\"x\"}").fits(1, &["`specversion`"]);
    run(plain(), &["call", &file, shipped, "--at", "2026-03-29T02:30[Europe/Berlin]"], "")
        .fits(1, &["--at: ", "never comes"]);
    run(plain(), &["call", &file], "").fits(2, &["<EVENTS>"]);

    let folder = Folder::new();
    let small = path(&folder.write("small.wasm", breaks_off()));
    let event = json!({ "specversion": "1.0", "id": "1", "source": "x", "type": "shop.test", "data": {} }).to_string();
    let dump = folder.path().join("dump");
    run(plain(), &["call", &small, "-", "--debug", &path(&dump)], &event)
        .fits(1, &["small 1.0.0 ran on-event: failed", "no sugar left"]);
    assert!(dump.is_file());
}

#[test]
fn a_component_is_compiled_once_for_all_commands_of_one_user() {
    let folder = Folder::new();
    let (file, cache) = (path(&plugin_file("order-status")), folder.path().join("attune"));
    let scenarios = "plugins/order-status/scenarios";
    let ran = |arguments: &[&str]| {
        let mut command = plain();
        command.env("XDG_CACHE_HOME", folder.path());
        run(command, arguments, "")
    };
    let compiled = || {
        let entries = std::fs::read_dir(cache.join("compiled")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    ran(&["inspect", &file]).fits(0, &["order-status 0.1.0"]);
    let [kept] = compiled().try_into().unwrap();
    let code = std::fs::read(&kept).unwrap();
    // Was it compiled again, it would have been written again.
    let old = std::time::UNIX_EPOCH;
    let written = |path| std::fs::metadata(path).unwrap().created().unwrap_or(old);
    let first = written(&kept);
    for arguments in [&["inspect", &file][..], &["test", &file, "--scenarios", scenarios, "--filter", "number"]] {
        ran(arguments).fits(0, &[]);
        assert_eq!((compiled(), written(&kept)), (vec![kept.clone()], first), "{arguments:?}");
    }

    // What somebody else wrote there is not run but written anew.
    let mut other = code.clone();
    other.last_mut().map(|byte| *byte ^= 1).unwrap();
    std::fs::write(&kept, &other).unwrap();
    ran(&["inspect", &file]).fits(0, &["order-status 0.1.0"]);
    assert_eq!(std::fs::read(&kept).unwrap(), code);

    // A key that others can read vouches for nothing: the code is compiled each time, and the folder is left alone.
    #[cfg(unix)]
    {
        let key = cache.join("key");
        let mode = |mode| std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        mode(0o644);
        let told = ran(&["inspect", &file]);
        told.fits(0, &["order-status 0.1.0"]);
        assert!(told.err.contains("compiled code is not kept") && told.err.contains("others may"), "{}", told.err);
    }
}

#[test]
fn inspect_tells_every_byte_of_a_component_file() {
    let file = plugin_file("order-status");
    let told = run(plain(), &["inspect", &path(&file), "--format", "json"], "").json();
    let parts = told["parts"].as_array().unwrap();
    let bytes: u64 = parts.iter().filter_map(|part| part["bytes"].as_u64()).sum();
    assert_eq!(bytes, std::fs::metadata(&file).unwrap().len(), "{parts:#?}");
    for name in ["code of module 1", "data of module 1", "section attune:plugin"] {
        assert!(parts.iter().any(|part| part["name"] == name), "{name}: {parts:#?}");
    }
    run(plain(), &["inspect", &path(&file)], "").fits(
        0,
        &[
            "see the customer's orders",
            "write_when: ",
            "late-on, for reply messages, in de, en, es",
            "200 ms of computing",
            "code of module 1",
        ],
    );
}

#[test]
fn what_is_no_component_file_and_no_plugins_folder_is_named_with_what_to_do() {
    let cases: [(&[&str], &str); 5] = [
        (
            &["inspect", "plugins/faq"],
            "plugins/faq: this is a folder; name a component file: `attune build plugins/faq`",
        ),
        (&["inspect", "nowhere.wasm"], "nowhere.wasm: there is no such file; `attune build` prints where it puts one"),
        (&["diff", "nowhere.wasm", "nowhere.wasm"], "nowhere.wasm: there is no such file"),
        (&["build", "plugins/faq/plugin.toml"], "plugin.toml: this is a file; name the plugin's folder"),
        (&["test", "docs"], "docs: no plugin here; a plugin's folder has a plugin.toml"),
    ];
    for (arguments, words) in cases {
        run(plain(), arguments, "").fits(1, &[words]);
    }
}

#[test]
#[cfg(unix)]
fn whoever_stops_reading_ends_the_program_without_a_word() {
    let mut child = plain().arg("--help").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{ended:?}");
    let file = path(&plugin_file("order-status"));
    let mut child = plain().args(["inspect", &file]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()), (Some(141), ""));
}

#[test]
fn a_diff_says_what_changes_for_the_owner_and_whether_they_have_to_agree() {
    let folder = Folder::new();
    let write = |name: &str, about: &dyn Fn(&mut Value), interfaces: &[&str]| {
        let interfaces: Vec<String> = interfaces.iter().map(|&name| name.to_owned()).collect();
        let calls = interfaces.iter().map(|name| match name.as_str() {
            "clock" => "(drop (call $clock_now))",
            "state" => "(call $state_get (i32.const 512) (i32.const 1) (i32.const 2048))",
            _ => "",
        });
        let calls: String = calls.collect();
        let fields = format!(
            "(func $handle (param i32 i32 i32 i32) (result i32) {calls} (i32.store (i32.const 16) (i32.const 0)) (i32.const 16))"
        );
        let mut says = components::about();
        about(&mut says);
        path(&folder.write(name, components::guest_that_says(&fields, &interfaces, &says)))
    };
    let old = write("old.wasm", &|_| {}, &[]);
    run(plain(), &["diff", &old, &old], "").fits(0, &["nothing changes for the owner", "no approval is needed"]);
    let newer = write(
        "newer.wasm",
        &|about| {
            about["version"] = json!("1.1.0");
            about["templates"]["words"]["text"]["en"] = json!("So: {words}");
            about["settings"] =
                json!({ "type": "object", "properties": { "hour": { "title": "Hour", "default": 9 } } });
        },
        &["clock"],
    );
    run(plain(), &["diff", &old, &newer], "").fits(
        0,
        &[
            "+ function clock.now",
            "+ setting hour: Hour; by itself 9",
            "~ template words: text.en says: So: {words}",
            "~ version 1.1.0: it was 1.0.0",
            "no approval is needed",
        ],
    );
    run(plain(), &["diff", &newer, &old], "").fits(0, &["- setting hour"]);
    let asks = write("asks.wasm", &|_| {}, &["state"]);
    run(plain(), &["diff", &old, &asks], "").fits(
        3,
        &[
            "+ permission state: keep notes of its own",
            "+ function state.get",
            "the owner has to approve the new permissions",
        ],
    );
    run(plain(), &["diff", &asks, &old], "").fits(0, &["- permission state"]);
    let told = run(plain(), &["diff", &old, &asks, "--format", "json"], "");
    assert_eq!(serde_json::from_str::<Value>(&told.out).unwrap()["needs_approval"], true);

    // Behaviour, whatever the scenario expects.
    let breaks = path(&folder.write("breaks.wasm", breaks_off()));
    let scenario =
        path(&folder.write("one.toml", named("x", "[[step]]\nevent = \"shop.test\"\nexpect = [{ timers = 9 }]\n")));
    let ran = run(plain(), &["diff", &old, &breaks, "--scenarios", &scenario], "");
    ran.fits(0, &["~ behaviour ", "one.toml: x", "small failed: broke off"]);
    assert!(ran.out.lines().any(|line| line.starts_with("    + ") && line.contains("no sugar left")), "{}", ran.out);
    let ran = run(plain(), &["diff", &old, &newer, "--scenarios", &scenario], "");
    assert!(!ran.out.contains("behaviour"), "{}", ran.out);
}

#[test]
fn the_schemas_for_editors_are_printed() {
    for (of, property) in [("plugin", "templates"), ("scenario", "step")] {
        let schema = run(plain(), &["schema", of], "").json();
        assert!(schema["properties"][property].is_object(), "{schema:#}");
    }
    run(plain(), &["schema", "colour"], "").fits(2, &["plugin", "scenario"]);
}

/// A plugin's folder that needs nothing from any registry. `lib` is its source, `lines` come after its `plugin.toml`.
fn project(lib: &str, lines: &str) -> Folder {
    let folder = Folder::new();
    let crate_file =
        "[package]\nname = \"small\"\nversion = \"1.0.0\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"cdylib\"]\n";
    folder.write("small/Cargo.toml", crate_file);
    folder.write("small/src/lib.rs", lib);
    let about = "[plugin]\nname = \"small\"\nversion = \"1.0.0\"\ndescription = \"X.\"\n";
    folder.write("small/plugin.toml", format!("{about}{lines}"));
    folder
}

/// What goes wrong in the hands of an author, and what they read: where it is, and what to do.
#[test]
fn every_mistake_of_an_author_has_a_message_with_place_and_remedy() {
    let mut missed = Vec::new();
    let mut told = |what: &str, command: Command, arguments: &[&str], words: &[&str]| {
        let ran = run(command, arguments, "");
        let lacks: Vec<&&str> =
            words.iter().filter(|word| !ran.err.contains(**word) && !ran.out.contains(**word)).collect();
        if ran.code != 1 || !lacks.is_empty() {
            missed.push(format!("{what}: lacks {lacks:?}, code {}\n{}{}", ran.code, ran.out, ran.err));
        }
    };

    // Building.
    let small = project("", "");
    let at = path(&small.path().join("small"));
    let mut without = plain();
    without.env("CARGO", "nowhere/cargo");
    told(
        "no tool chain",
        without,
        &["build", &at],
        &["cargo cannot be started", "install Rust from https://rustup.rs"],
    );
    told(
        "a plugin that handles nothing",
        plain(),
        &["build", &at],
        &["plugin small: the component exports nothing that Attune knows; export one of attune:automation/on-message"],
    );
    let broken = project("pub fn handle( {\n", "");
    let at = path(&broken.path().join("small"));
    told("a syntax error", plain(), &["build", &at], &["src/lib.rs:1:", "does not compile"]);
    let manifests = [
        (
            "a typo in plugin.toml",
            "[template.x]\n",
            "plugin.toml:5:2: unknown key `template`; did you mean `templates`?",
        ),
        (
            "a typo in a template",
            "[templates.x]\npurpose = \"reply\"\nvalue = [\"a\"]\ntext = { en = \"Hi\" }\n",
            "plugin.toml:7:1: unknown key `value`; did you mean `values`?",
        ),
        (
            "a purpose that is none",
            "[templates.x]\npurpose = \"reples\"\ntext = { en = \"Hi\" }\n",
            "plugin.toml:6:11: unknown value `reples`; did you mean `reply`?",
        ),
        (
            "a placeholder that is not declared",
            "[templates.x]\npurpose = \"reply\"\nvalues = [\"name\"]\ntext = { en = \"Hi {nmae}\" }\n",
            "template `x`, text.en: `{nmae}` is not a value of this template (did you mean `{name}`?)",
        ),
    ];
    for (what, lines, words) in manifests {
        let folder = project("", lines);
        told(what, plain(), &["build", &path(&folder.path().join("small"))], &[words]);
    }
    for (what, schema, words) in [
        ("a settings schema that is no JSON", "{ \"type\": ", "settings.schema.json: EOF while parsing"),
        (
            "a settings schema that is none",
            "{ \"properties\": { \"hour\": { \"type\": \"number of hours\" } } }",
            "settings.schema.json: the settings schema of `small` is not a JSON Schema: at /properties/hour/type: ",
        ),
        ("a settings schema with references", "{ \"$ref\": \"#\" }", "it uses `$ref`; write out what is meant"),
    ] {
        let folder = project("", "");
        folder.write("small/settings.schema.json", schema);
        told(what, plain(), &["build", &path(&folder.path().join("small"))], &[words]);
    }

    // What a component exports and imports.
    let folder = Folder::new();
    let wasm = |name: &str, bytes: Vec<u8>| path(&folder.write(name, bytes));
    let files = [
        (
            "a missing export",
            wasm("none.wasm", components::exports_nothing_known()),
            vec!["none.wasm: ", "exports nothing that Attune knows; export one of attune:automation/on-message"],
        ),
        (
            "a wrong type in an export",
            wasm("type.wasm", components::handles_otherwise()),
            vec!["type.wasm: ", "`handle` of `attune:automation/on-event@0.1.0` has another type"],
        ),
        (
            "an import that there is not",
            wasm("import.wasm", components::imports("attune:telepathy@0.1.0", "minds")),
            vec!["import.wasm: ", "imports `attune:telepathy/minds@0.1.0`, which this host does not offer"],
        ),
        (
            "another version of the contract",
            wasm("version.wasm", components::of_version("0.9.0")),
            vec!["version.wasm: ", "at version 0.9.0, this host serves version 0.1.0; build it against that one"],
        ),
        ("a core module", wasm("core.wasm", components::core_module()), vec!["core.wasm: ", "`attune build` wraps it"]),
    ];
    for (what, file, words) in &files {
        told(what, plain(), &["inspect", file], words);
        told(what, plain(), &["test", file, "--scenarios", "plugins/order-status/scenarios"], words);
    }

    // Scenarios.
    let expects = |what: &str| named("x", &format!("{ASKS}expect = [{what}]"));
    let scenarios = [
        (
            "a typo in a step",
            named("x", "[[step]]\nsasy = \"Hi\""),
            "one.toml:12:1: unknown key `sasy`; did you mean `says`?",
        ),
        ("a typo in an expectation", expects("{ mesage = \"x\" }"), "unknown key `mesage`; did you mean `message`?"),
        (
            "a typo in the business",
            named("x", "").replace("zone =", "zoen ="),
            "unknown key `zoen`; did you mean `zone`?",
        ),
        (
            "an expectation of nothing",
            expects("{ to = \"anna\" }"),
            "one.toml:12: step 1: expect: needs exactly one of message,",
        ),
        ("two expectations in one", expects("{ timers = 1, notices = 2 }"), "needs exactly one of message,"),
        ("a state of a case that is none", expects("{ case = \"waitng\" }"), "did you mean `waiting`?"),
        ("a subscription that is none", expects("{ ran = \"on-mesage\" }"), "did you mean `on-message`?"),
        (
            "an act of staff that is none",
            named("x", "[[step]]\nstaff = \"tkae\"\ncustomer = \"anna\""),
            "did you mean `take`?",
        ),
        ("a customer that is none", named("x", "[[step]]\nsays = \"Hi\"\ncustomer = \"ana\""), "did you mean `anna`?"),
        (
            "a gap in the clock",
            named("x", "[[step]]\nat = \"2026-03-29T02:30[Europe/Berlin]\""),
            "one.toml:11: step 1: `2026-03-29T02:30[Europe/Berlin]` never comes: clocks go forward over it; write \
             2026-03-29T01:30[Europe/Berlin] or 2026-03-29T03:30[Europe/Berlin]",
        ),
        (
            "a fold of the clock",
            named("x", "[[step]]\nat = \"2026-10-25T02:30[Europe/Berlin]\""),
            "comes twice: clocks go back then; write 2026-10-25T02:30+02:00[Europe/Berlin] for the first time or",
        ),
        (
            "a time in the past",
            named("x", "[[step]]\nat = \"2026-03-01T10:00[Europe/Berlin]\""),
            "is in the past; the clock stands at",
        ),
        (
            "data that does not fit",
            named("x", "[[step]]\nevent = \"attune.order.shipped.v1\"\ncustomer = \"anna\""),
            "order",
        ),
    ];
    for (what, scenario, words) in scenarios {
        let folder = Folder::new();
        let file = path(&folder.write("one.toml", scenario));
        let component = path(&plugin_file("order-status"));
        told(what, plain(), &["test", &component, "--scenarios", &file], &["one.toml", words]);
    }

    // A template that is never given one of its values.
    let (folder, command) = copy_of_order_status(&[("asks", &named("x", ASKS))]);
    let manifest = std::fs::read_to_string(folder.path().join("orders/plugin.toml")).unwrap();
    let greeting = manifest.replace("I will gladly look.", "I will gladly look, {who}.");
    let (before, after) = greeting.split_once("[templates.ask-both]").unwrap();
    let greeting =
        format!("{before}[templates.ask-both]{}", after.replacen("[\"number\"]", "[\"number\", \"who\"]", 1));
    folder.write("orders/plugin.toml", greeting);
    told(
        "a template value that is never given",
        command,
        &["test", &path(&folder.path().join("orders"))],
        &[
            "asks.toml:",
            "order-status sent no message: template `ask-both`: no value was given for `{who}`; give it where",
        ],
    );
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
