//! What a plugin author waits for: from nothing to green, from saving to running, and a month in a scenario.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use attune::sandbox::{Cache, Compiler, Sandbox};
use attune::workbench::play::{Part, play};
use attune::workbench::scenario::Scenario;
use attune_tests::dev::{Dev, Tryout};
use attune_tests::{Folder, plugin_file, program};

use crate::median;

/// Seconds from nothing to a plugin whose scenarios pass: `new`, `build`, `test`, with all of its crates to compile. And who wrote it.
pub fn new_to_green_s() -> Result<(f64, &'static str)> {
    let folder = Folder::new();
    let attune = |arguments: &[&str]| -> Result<Output> {
        // Cargo tells programs that it runs where it is itself; an author's shell does not.
        let mut command = Command::new(program());
        let command = command.args(arguments).current_dir(folder.path()).env_remove("CARGO_TARGET_DIR");
        // Nothing is compiled yet, as for somebody new.
        let command = command.env("XDG_CACHE_HOME", folder.path().join("cache"));
        command.output().context("attune cannot be started")
    };
    let started = Instant::now();
    let made = attune(&["new", "green", "--lang", "rust"])?;
    let (plugin, by) = match made.status.code() {
        Some(0) => ("green".to_owned(), "attune new"),
        // A program that has no `new` refuses the arguments.
        Some(2) => (small(&folder)?, "the benchmark"),
        _ => bail!("attune new failed: {}", String::from_utf8_lossy(&made.stderr)),
    };
    for command in ["build", "test"] {
        let output = attune(&[command, &plugin])?;
        ensure!(output.status.success(), "attune {command} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok((started.elapsed().as_secs_f64(), by))
}

/// A small plugin with a scenario, in a folder.
fn small(folder: &Folder) -> Result<String> {
    let plugin = Tryout::in_folder(&folder.path().join("green"), "green", "green");
    let scenarios = plugin.path().join("scenarios");
    std::fs::create_dir_all(&scenarios)?;
    let step = "[[step]]\nsays = \"Hello\"\ncustomer = \"anna\"\nexpect = [{ message = \"green 1\" }]\n";
    std::fs::write(scenarios.join("answers.toml"), format!("name = \"It answers\"\n{SHOP}{step}"))?;
    Ok("green".to_owned())
}

/// Seconds from saving a source to its new version running in `attune dev`, once warm; the median.
pub fn rebuild_swap_s(times: usize) -> Result<f64> {
    let plugin = Tryout::new("bench", "first");
    let mut dev = Dev::start(&plugin, &[]);
    dev.shows("You are chat:anna");
    // The first build may have changed Cargo.lock, which is built once more.
    std::thread::sleep(std::time::Duration::from_secs(3));
    let mut took = Vec::with_capacity(times);
    for number in 0..times {
        let started = Instant::now();
        plugin.says(&format!("word-{number}"));
        dev.shows("bench 1.0.0 runs");
        took.push(started.elapsed().as_secs_f64());
        dev.types("Hello");
        dev.shows(&format!("word-{number} "));
    }
    ensure!(dev.ends(), "attune dev did not end well");
    Ok(median(&mut took))
}

const SHOP: &str = r#"
[business]
name = "Baker Street Bakery"
zone = "Europe/Berlin"
start = "2026-03-02T10:00[Europe/Berlin]"

[[customer]]
as = "anna"
addresses = ["chat:anna"]
"#;

/// Events of the month, and hours between them: thirty days in all.
const EVENTS: usize = 100;
const APART_MINUTES: usize = 30 * 24 * 60 / EVENTS;

/// Milliseconds that a scenario over 30 virtual days with 100 events takes; the median. The component is compiled before.
pub fn test_month_ms(times: usize) -> Result<f64> {
    let folder = Folder::new();
    let mut text = format!("name = \"A month\"\n{SHOP}");
    let order = "data = { order = { id = \"1\", number = \"#1001\", items = [\"Rye bread\"] } }";
    write!(text, "[[step]]\nevent = \"attune.order.placed.v1\"\ncustomer = \"anna\"\n{order}\n")?;
    for number in 1..EVENTS {
        write!(text, "[[step]]\nwait = \"{APART_MINUTES}m\"\n")?;
        let answer = "expect = [{ message = \"#1001\", to = \"anna\" }]";
        write!(text, "[[step]]\nsays = \"Where is my order #1001? {number}\"\ncustomer = \"anna\"\n{answer}\n")?;
    }
    let scenario = Scenario::read(&folder.write("month.toml", text))?;
    let sandbox = Sandbox::new(Cache::memory(), Compiler::Here)?;
    let part = part(&sandbox, &plugin_file("order-status"))?;
    let mut took = Vec::with_capacity(times);
    for _ in 0..times {
        let started = Instant::now();
        let played = play(&sandbox, &scenario, &part, &[], false)?;
        took.push(started.elapsed().as_secs_f64() * 1e3);
        if let Some(failure) = played.failure {
            let told: String = played.transcript.iter().map(|line| format!("{}\n", line.text)).collect();
            bail!("the month failed: {}\n{told}", failure.words);
        }
    }
    Ok(median(&mut took))
}

fn part(sandbox: &Arc<Sandbox>, file: &Path) -> Result<Part> {
    let wasm = std::fs::read(file)?;
    let about = sandbox.load(&wasm)?.about.clone();
    Ok(Part { about, wasm: Arc::new(wasm) })
}
