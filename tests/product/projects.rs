//! `attune new`: what it begins builds and passes its scenarios outside of this repository. The templates that need more than
//! Rust are tried by `tests/all/templates`.

use std::process::Command;

use attune_tests::{Folder, cache_folder, profile_folder, program, repository};
use serde_json::Value;

#[test]
fn a_new_project_in_rust_builds_and_passes_its_scenarios() {
    let folder = Folder::new();
    let begun = Command::new(program()).args(["new", "hello", "--lang", "rust"]).current_dir(folder.path()).output();
    assert!(begun.unwrap().status.success());
    // The versions that are there already, so that nothing is fetched and little is compiled.
    std::fs::copy(repository().join("Cargo.lock"), folder.path().join("hello/Cargo.lock")).unwrap();
    let tested = Command::new(program())
        .args(["test", "hello", "--format", "json"])
        .current_dir(folder.path())
        .env("CARGO_TARGET_DIR", profile_folder().parent().unwrap())
        .env("CARGO_NET_OFFLINE", "true")
        .env("XDG_CACHE_HOME", cache_folder())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&tested.stderr);
    let played: Value = serde_json::from_slice(&tested.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    let played: Vec<_> = played.as_array().unwrap().iter().map(|one| (one["file"].as_str(), &one["failure"])).collect();
    assert_eq!(played, [(Some("only-when-closed"), &Value::Null), (Some("opening-hours"), &Value::Null)], "{said}");
}

#[test]
fn the_example_says_the_same_of_itself_in_every_language() {
    let examples = repository().join("examples");
    let of_rust = examples.join("rust/birthday");
    let mut languages = 0;
    for language in std::fs::read_dir(&examples).unwrap().map(|entry| entry.unwrap().path().join("birthday")) {
        if !language.is_dir() {
            continue;
        }
        languages += 1;
        for file in ["plugin.toml", "settings.schema.json", "wit/world.wit", "scenarios/birthday.toml"] {
            let read = |folder: &std::path::Path| std::fs::read_to_string(folder.join(file)).unwrap();
            assert_eq!(read(&language), read(&of_rust), "{}", language.join(file).display());
        }
    }
    assert!(languages >= 3, "Rust, C and Go at least");
}
