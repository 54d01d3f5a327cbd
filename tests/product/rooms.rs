//! The drawing of the rooms, held against the sources: who may import whom, and where a library may appear at all. And
//! that nothing was forgotten: a test that is not in the list, a plugin without scenarios, a file that does not say what it is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use attune_tests::repository;

/// Which rooms each room may import from; its own is a matter of course.
const ROOMS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("world", &["domain"]),
    ("reading", &["domain"]),
    ("store", &["domain"]),
    ("turn", &["store", "reading", "domain"]),
    ("sandbox", &["turn", "reading", "domain"]),
    ("engine", &["sandbox", "turn", "store", "reading", "domain", "world"]),
    ("intake", &["engine", "sandbox", "store", "turn", "domain", "world"]),
    ("delivery", &["engine", "turn", "domain"]),
    ("server", &["engine", "intake", "domain", "store", "turn", "sandbox", "world"]),
    ("workbench", &["engine", "intake", "domain", "store", "turn", "sandbox", "world"]),
    (
        "cli",
        &[
            "server",
            "workbench",
            "delivery",
            "engine",
            "intake",
            "domain",
            "store",
            "turn",
            "sandbox",
            "world",
            "reading",
        ],
    ),
];

/// Files that import from one room more, each for the reason given.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("engine/query.rs", "intake", "an address leads to a customer by the row that the intake writes"),
    ("engine/replay.rs", "intake", "a replay repeats what the arrival of an event had written"),
];

/// Libraries that appear in one room only.
const LIBRARIES: &[(&str, &str)] = &[
    ("wasmtime", "sandbox"),
    ("axum", "server"),
    ("hyper", "server"),
    ("hyper_util", "server"),
    ("redb", "store"),
    ("csv", "intake"),
    ("ureq", "cli"),
    ("lettre", "delivery"),
    ("ring", "sandbox"),
    ("oci_client", "workbench"),
];

fn sources() -> PathBuf {
    repository().join("host/src")
}

/// Every file below a folder that ends in this, in order.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The lines of a file that are the product's: without comments, and without tests, which may import what they like.
fn product(path: &Path) -> Vec<(usize, String)> {
    let text = std::fs::read_to_string(path).unwrap();
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let code = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
    text[..end].lines().enumerate().map(|(number, line)| (number + 1, code(line))).collect()
}

/// Files that are compiled for tests only.
fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs")
        || path.contains("/tests/")
        || ["store/suite.rs", "store/torn.rs", "store/measure.rs"].contains(&path)
}

/// Each place in a line where a word stands at the head of a path; with what follows `::`.
fn paths<'a>(line: &'a str, word: &str) -> Vec<&'a str> {
    let is_name = |char: char| char.is_alphanumeric() || char == '_';
    let head = |at: usize| !line[..at].ends_with("::") && !line[..at].ends_with(is_name);
    let ends = line.match_indices(word).filter(|(at, _)| head(*at)).map(|(at, _)| &line[at + word.len()..]);
    ends.filter_map(|rest| rest.strip_prefix("::")).collect()
}

/// How many steps up a path goes, given what follows its first `super::`.
fn supers(rest: &str) -> usize {
    1 + rest.strip_prefix("super::").map_or(0, supers)
}

#[test]
fn a_room_imports_only_from_those_it_may() {
    let mut broken = Vec::new();
    for path in files(&sources(), ".rs") {
        let place = path.strip_prefix(sources()).unwrap().to_string_lossy().replace('\\', "/");
        let Some((room, _)) = place.split_once('/') else { continue };
        if is_test(&place) {
            continue;
        }
        let (_, allowed) = ROOMS
            .iter()
            .find(|(name, _)| *name == room)
            .unwrap_or_else(|| panic!("host/src/{room} is a room without a rule; add it to ROOMS"));
        // store/mod.rs is one deep, engine/step/plugins.rs three.
        let depth = place.split('/').count() - usize::from(place.ends_with("/mod.rs"));
        for (number, line) in product(&path) {
            let mut wanted: Vec<&str> = paths(&line, "crate")
                .into_iter()
                .map(|rest| rest.split(|char: char| !char.is_alphanumeric() && char != '_').next().unwrap_or_default())
                .collect();
            if paths(&line, "super").into_iter().any(|rest| supers(rest) >= depth) {
                wanted.push("the root, by super::; write crate::");
            }
            for other in wanted {
                let excepted = EXCEPTIONS.iter().any(|(file, more, _)| *file == place && *more == other);
                if other != room && !allowed.contains(&other) && !excepted {
                    let may = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
                    broken.push(format!("host/src/{place}:{number}: {room} imports {other}; it may import {may}"));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn an_exception_that_nobody_needs_any_more_is_removed() {
    for (file, room, reason) in EXCEPTIONS {
        let wanted = format!("crate::{room}");
        let needed = product(&sources().join(file)).iter().any(|(_, line)| line.contains(&wanted));
        assert!(needed, "host/src/{file} no longer imports {room} ({reason})");
    }
}

#[test]
fn a_library_stays_in_its_room() {
    let mut broken = Vec::new();
    for path in files(&sources(), ".rs") {
        let place = path.strip_prefix(sources()).unwrap().to_string_lossy().replace('\\', "/");
        let room = place.split_once('/').map_or("", |(room, _)| room);
        if is_test(&place) {
            continue;
        }
        for (number, line) in product(&path) {
            for (library, home) in LIBRARIES {
                let plain = line.trim_start().starts_with(&format!("use {library};"));
                if room != *home && (plain || !paths(&line, library).is_empty()) {
                    broken.push(format!("host/src/{place}:{number}: {library} appears only in {home}"));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_file_says_at_its_top_what_it_is() {
    let silent: Vec<String> = files(&sources(), ".rs")
        .into_iter()
        .filter(|path| !std::fs::read_to_string(path).unwrap().starts_with("//! "))
        .map(|path| format!("{}:1: a file opens with `//!`: what it does, then what it never does", path.display()))
        .collect();
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}

#[test]
fn no_test_is_forgotten() {
    let folder = repository().join("tests/product");
    let listed = std::fs::read_to_string(folder.join("main.rs")).unwrap();
    let listed: BTreeSet<&str> =
        listed.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';')).collect();
    for path in files(&folder, ".rs") {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let is_listed = name == "main" || listed.contains(name.as_str());
        assert!(is_listed, "{}: not in tests/product/main.rs, so it never runs", path.display());
    }
}

#[test]
fn every_plugin_has_scenarios() {
    let manifests = files(&repository().join("plugins"), "plugin.toml");
    assert!(!manifests.is_empty(), "plugins/ has no plugin");
    for manifest in manifests {
        let scenarios = manifest.with_file_name("scenarios");
        let has = |folder: &Path, ending: &str| folder.is_dir() && !files(folder, ending).is_empty();
        // A connector or a channel is judged by requests and messages in files.
        let some = has(&scenarios, ".toml") || has(&manifest.with_file_name("requests"), ".json");
        assert!(some, "{}: a plugin's scenarios stand here", scenarios.display());
    }
}
