//! Measures the product in one run: what a core does bare, what the engine makes of it, what the whole server makes of
//! it. Prints a table and writes `target/bench/summary.json`.
//!
//! `--quick` makes every part short, to see that it works; `--only KEY` measures what that figure needs. Figures are
//! reported, not asserted: a busy machine is no failure. What is wrong (an answer missing, an event lost) ends the run.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod disk;
mod events;
mod gate;
mod hooks;
mod http;
mod languages;
mod load;
mod process;
mod raw;
mod start;
mod step;
mod table;
mod wire;
mod workbench;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use attune::turn::limits::Limits;
use attune_tests::{plugin_file, plugins_folder, profile_folder, repository};
use serde_json::json;

use http::Bakery;
use raw::Bare;
use step::Shop;
use table::Summary;

const CUSTOMERS: usize = 1_000;

/// How long everything takes.
struct Plan {
    /// Rounds of raw and step, one of each in turn: what disturbs one then disturbs the other.
    rounds: usize,
    raw_round: Duration,
    warm: Duration,
    load: Duration,
    paced: Duration,
    starts: usize,
    idle: Duration,
}

const FULL: Plan = Plan {
    rounds: 25,
    raw_round: Duration::from_millis(80),
    warm: Duration::from_secs(5),
    load: Duration::from_secs(20),
    paced: Duration::from_secs(20),
    starts: 5,
    idle: Duration::from_secs(3),
};

const QUICK: Plan = Plan {
    rounds: 5,
    raw_round: Duration::from_millis(40),
    warm: Duration::from_secs(1),
    load: Duration::from_secs(4),
    paced: Duration::from_secs(4),
    starts: 3,
    idle: Duration::from_secs(1),
};

fn main() -> Result<()> {
    let (plan, only) = arguments()?;
    let wanted = |keys: &[&str]| only.as_ref().is_none_or(|only| keys.contains(&only.as_str()));
    build()?;
    let mut summary = Summary::new(plan.starts == FULL.starts);
    summary.condition("cores", json!(std::thread::available_parallelism()?.get()));
    summary.condition("load_average_before", json!(process::load_average()));
    summary.condition("whys_kept_days", json!(Limits::default().why_days));
    let bare = Bare::open(&plugin_file("order-status"))?;
    let mut raw = yardstick(&plan, &bare, &mut summary, wanted(&["step_events_per_s"]))?;
    if wanted(&["gate_us"]) {
        summary.at_most("gate_us", gate::measure(), 5.0);
    }
    let http = match wanted(&["http_events_per_s", "cpu_per_event", "disk_bytes_per_event", "http_p99_ms"]) {
        true => Some(server(&plan, &bare, &mut summary, &mut raw)?),
        false => None,
    };
    if wanted(&["connector_us"]) {
        summary.at_most("connector_us", hooks::connector_us(plan.rounds)?, 150.0);
    }
    if wanted(&["hook_events_per_s"]) {
        let http = match http {
            Some(http) => http,
            None => Bakery::open(CUSTOMERS)?.measure(plan.warm, plan.load)?.events_per_s,
        };
        let hooked = hooks::Hooked::open(CUSTOMERS)?;
        let hooks = hooked.events_per_s(plan.warm, plan.load)?;
        hooked.check()?;
        summary.at_least("hook_events_per_s", hooks, 0.5 * http);
        summary.ratio("hook_to_http", hooks / http);
    }
    if wanted(&["ready_ms", "idle_rss_mb"]) {
        let start::Figures { ready_ms, idle_rss_mb } = start::measure(plan.starts, plan.idle)?;
        summary.at_most("ready_ms", ready_ms, 300.0);
        summary.at_most("idle_rss_mb", idle_rss_mb, 80.0);
        summary.condition("plugins_at_start", json!(start::PLUGINS));
    }
    for (key, language, at_most) in [("js_event_us", "javascript", 8.0), ("py_event_us", "python", 50.0)] {
        if !wanted(&[key]) {
            continue;
        }
        match languages::built(language) {
            Some(plugin) => {
                let languages::Figures { rust_us, other_us } = languages::measure(&plugin)?;
                summary.at_most(key, other_us / rust_us, at_most);
                summary.condition(key, json!({ "rust_us": rust_us.round(), "us": other_us.round() }));
            }
            None => println!("{key} is left out: run tests/all/languages, which builds the plugin in {language}"),
        }
    }
    if wanted(&["test_month_ms"]) {
        summary.at_most("test_month_ms", workbench::test_month_ms(plan.starts * 2)?, 100.0);
    }
    if wanted(&["rebuild_swap_s"]) {
        summary.at_most("rebuild_swap_s", workbench::rebuild_swap_s(plan.starts)?, 2.0);
    }
    if wanted(&["new_to_green_s"]) {
        let (new_to_green_s, by) = workbench::new_to_green_s()?;
        summary.at_most("new_to_green_s", new_to_green_s, 60.0);
        summary.condition("new_to_green_made_by", json!(by));
    }
    summary.figure("raw_events_per_s", median(&mut raw));
    summary.condition("load_average_after", json!(process::load_average()));
    let folder = plugins_folder().with_file_name("bench");
    summary.write(&folder)?;
    print!("{summary}");
    println!("written to {}", folder.join("summary.json").display());
    Ok(())
}

/// What a core does bare and what the engine makes of it, in turns. Gives the first, events a second.
fn yardstick(plan: &Plan, bare: &Bare, summary: &mut Summary, with_step: bool) -> Result<Vec<f64>> {
    bare.round(plan.raw_round)?;
    let mut shop = if with_step { Some(rehearsed(&plugin_file("order-status"), plan.rounds)?) } else { None };
    let (mut raw, mut step) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        raw.push(bare.round(plan.raw_round)?);
        if let Some(shop) = &mut shop {
            step.push(shop.round()?);
        }
    }
    if let Some(shop) = shop {
        shop.check()?;
        let (raw, step) = (median(&mut raw), median(&mut step));
        summary.at_least("step_events_per_s", step, 0.4 * raw);
        summary.ratio("step_to_raw", step / raw);
    }
    Ok(raw)
}

/// A shop, after another one has done the same work and is gone: the memory world keeps every event, and the kernel's time
/// for giving out memory that the process has never had is no part of a step.
fn rehearsed(plugin: &Path, rounds: usize) -> Result<Shop> {
    let mut rehearsal = Shop::open(plugin, CUSTOMERS)?;
    for _ in 0..rounds + 1 {
        rehearsal.round()?;
    }
    drop(rehearsal);
    let mut shop = Shop::open(plugin, CUSTOMERS)?;
    shop.round()?;
    Ok(shop)
}

/// The whole server; gives events a second. The yardstick is laid on before and after: the machine may not be the same all the time.
fn server(plan: &Plan, bare: &Bare, summary: &mut Summary, raws: &mut Vec<f64>) -> Result<f64> {
    let bakery = Bakery::open(CUSTOMERS)?;
    let load = bakery.measure(plan.warm, plan.load)?;
    for _ in 0..raws.len() {
        raws.push(bare.round(plan.raw_round)?);
    }
    let raw = median(raws);
    summary.at_least("http_events_per_s", load.events_per_s, 0.10 * raw);
    summary.ratio("http_to_raw", load.events_per_s / raw);
    summary.at_most("cpu_per_event", load.cpu_us * raw / 1e6, 12.0);
    summary.at_most("disk_bytes_per_event", load.disk_bytes, 8_192.0);
    summary.condition("http_events", json!(load.events));
    summary.condition("http_connections", json!(load::CONNECTIONS));
    summary.condition("http_customers", json!(CUSTOMERS));
    summary.condition("http_refused_as_busy", json!(load.busy));
    summary.condition("http_server_cpu_us_per_event", json!(load.cpu_us.round()));
    summary.condition("http_client_cpu_us_per_event", json!(load.client_cpu_us.round()));
    summary.condition("http_server_rss_mb_after", json!(load.loaded_rss_mb.round()));
    let before = disk::probe(plan.paced / 2)?;
    let latency = bakery.latency(load.events_per_s / 2.0, plan.paced)?;
    let after = disk::probe(plan.paced / 2)?;
    summary.at_most("http_p99_ms", latency.p99_ms, 25.0);
    summary.condition("disk_alone_sync_p99_ms", json!([before.p99_ms, after.p99_ms]));
    summary.condition("disk_alone_sync_max_ms", json!([before.max_ms, after.max_ms]));
    summary.condition("disk_alone_stalled_ms", json!([before.stalled_ms, after.stalled_ms]));
    summary.condition("paced_events_per_s", json!(latency.rate.round()));
    summary.condition("paced_probes", json!(latency.probes));
    summary.condition("paced_p50_ms", json!(latency.p50_ms));
    bakery.check()?;
    Ok(load.events_per_s)
}

fn arguments() -> Result<(Plan, Option<String>)> {
    let (mut plan, mut only) = (FULL, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match (argument.as_str(), arguments.len()) {
            ("--quick", _) => plan = QUICK,
            ("--only", 1..) => only = arguments.next(),
            _ => bail!("`{argument}`: bench [--quick] [--only KEY], with a key of the table"),
        }
    }
    if let Some(key) = only.as_deref().filter(|key| !table::KEYS.contains(key)) {
        bail!("--only {key}: there is no such key; there are {}", table::KEYS.join(", "));
    }
    Ok((plan, only))
}

/// Builds what is measured, if it is not there.
fn build() -> Result<()> {
    let program = profile_folder().join("attune");
    let run = |command: &mut Command| -> Result<()> {
        ensure!(command.current_dir(repository()).status()?.success(), "{command:?} failed");
        Ok(())
    };
    if !program.is_file() {
        run(Command::new("cargo").args(["build", "-p", "attune"]))?;
    }
    let plugins = ["order-status", "escalation", "appointment-reminders"];
    if plugins.iter().any(|name| !plugins_folder().join(format!("{name}.wasm")).is_file()) {
        run(Command::new(program).args(["build", "plugins"]))?;
    }
    Ok(())
}

/// The middle one.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
