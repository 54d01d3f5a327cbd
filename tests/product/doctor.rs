//! `attune doctor` and `attune completions`: what is found, in words and for scripts, and with which code it ends.

use std::net::TcpListener;
use std::process::Command;

use attune_tests::{Folder, Shop, program};
use serde_json::Value;

/// Runs the doctor, with nothing set in the environment; gives its exit code and its findings.
fn doctor(arguments: &[&str]) -> (i32, Value) {
    let mut command = Command::new(program());
    for name in ["ATTUNE_DATA", "ATTUNE_LISTEN", "ATTUNE_SMTP", "ATTUNE_PUBLIC_URL"] {
        command.env_remove(name);
    }
    let output = command.arg("doctor").args(arguments).args(["--format", "json"]).output().unwrap();
    let body = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.code().unwrap_or(-1), body)
}

/// Whether a thing is in some state, in some words, with a fix or without.
#[track_caller]
fn finds(arguments: &[&str], check: &str, state: &str, words: &str) {
    let (code, body) = doctor(arguments);
    let findings = body["findings"].as_array().unwrap();
    let of_it = findings.iter().filter(|finding| finding["check"] == check);
    let found = of_it.clone().find(|finding| finding["state"] == state);
    let found = found.unwrap_or_else(|| panic!("{check} is not {state}: {body:#}"));
    assert!(found["found"].as_str().unwrap().contains(words), "{found:#}");
    assert_eq!(found["fix"].is_string(), state != "ok", "what is wrong has a fix: {found:#}");
    let failed = findings.iter().any(|finding| finding["state"] == "fail");
    assert_eq!((code, &body["ok"]), (i32::from(failed), &Value::Bool(!failed)), "{body:#}");
}

#[test]
fn each_finding_names_what_is_wrong_and_what_to_do() {
    let folder = Folder::new();
    let fresh = folder.path().join("deep/data").to_string_lossy().into_owned();
    let file = folder.write("file", "no folder").to_string_lossy().into_owned();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().to_string();
    let shop = Shop::open();
    let (serving, held) = (shop.server.url.trim_start_matches("http://"), shop.server.data());
    let held = held.to_string_lossy();
    let free = ["--listen", "127.0.0.1:0", "--data", &fresh];
    let with = |more: &[&'static str]| free.iter().copied().chain(more.iter().copied()).collect::<Vec<_>>();
    // The tests are built with Cargo, and `make` has installed the target.
    finds(&with(&["--lang", "rust"]), "Rust", "ok", "cargo ");
    finds(&free, "port", "ok", "is free");
    finds(&["--listen", &taken, "--data", &fresh], "port", "fail", "another program listens on");
    finds(&["--listen", serving, "--data", &fresh], "port", "ok", "an Attune listens on");
    finds(&["--listen", "192.0.2.1:80", "--data", &fresh], "port", "fail", "cannot be listened on");
    finds(&free, "data directory", "ok", "is not there yet and can be made");
    finds(&["--listen", "127.0.0.1:0", "--data", &file], "data directory", "fail", "is a file");
    finds(&["--listen", "127.0.0.1:0", "--data", &held], "data directory", "ok", "can be written");
    finds(&["--listen", "127.0.0.1:0", "--data", &held], "keys", "warn", "has this data directory open");
    finds(&free, "clock", "ok", "20");
    finds(&free, "mail", "warn", "no mail server is set");
    finds(&with(&["--smtp", "mail.example.com"]), "mail", "fail", "the mail server's URL is refused");
    // Nobody listens on port 1.
    finds(&with(&["--smtp", "smtp://127.0.0.1:1?from=a@example.com"]), "mail", "fail", "127.0.0.1:1 cannot be reached");
    let mail = format!("smtp://{taken}?from=a@example.com&tls=none");
    finds(&["--listen", "127.0.0.1:0", "--data", &fresh, "--smtp", &mail], "mail", "ok", "answers");
    finds(&["--data", &fresh, "--smtp", &mail], "public address", "warn", "it is not set");
    assert!(!folder.path().join("deep").exists(), "it looks, and makes nothing");
}

#[test]
fn a_tool_chain_that_is_missing_is_a_failure_where_it_is_needed() {
    let folder = Folder::new();
    let empty = folder.path();
    let run = |arguments: &[&str]| {
        let output = Command::new(program())
            .args(["doctor", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .env("PATH", empty)
            .current_dir(empty)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, text) = run(&[]);
    assert_eq!(code, Some(0), "{text}");
    for words in
        ["warn  Rust: cargo is missing", "https://rustup.rs", "warn  Go: go is missing", "ok    data directory"]
    {
        assert!(text.contains(words), "`{words}` is missing: {text}");
    }
    for (language, words) in [("rust", "FAIL  Rust"), ("typescript", "FAIL  JavaScript"), ("c", "FAIL  C")] {
        let (code, text) = run(&["--lang", language]);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(words), "`{words}` is missing: {text}");
    }
}

#[test]
fn shells_are_told_how_to_complete() {
    for (shell, words) in [("bash", "complete -F _attune"), ("zsh", "#compdef attune"), ("fish", "complete -c attune")]
    {
        let output = Command::new(program()).args(["completions", shell]).output().unwrap();
        let script = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && script.contains(words) && script.contains("knowledge"), "{shell}: {script}");
        // What the program uses itself is nobody's to type.
        assert!(!script.contains("build-one") && !script.contains("build_one"), "{shell}: {script}");
        assert!(!script.contains("Compile the component"), "{shell}: {script}");
    }
}
