//! Building in the background: one thread looks at the sources of all plugins and builds those that changed, one after another.
//!
//! Each build is a child process of the same program, so that what compilers print is kept apart from what the customer does, and
//! can be shown again.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::engine::Engine;
use crate::sandbox::Component;
use crate::workbench::sources::Sources;

use super::News;

/// How often sources are looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How long to wait after a change before building: an editor may be in the middle of writing.
const SETTLE: Duration = Duration::from_millis(20);

/// Compiling for a look, not for the owner: without optimising the whole program at the end, and going on from the last time. It
/// takes a quarter of the time, and the code does the same.
const QUICK: [(&str, &str); 3] = [
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_INCREMENTAL", "true"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
];

/// A plugin that was built and can run.
pub(super) struct Built {
    pub(super) component: Arc<Component>,
    pub(super) wasm: Vec<u8>,
    /// From the change that was seen to here, in milliseconds.
    pub(super) took_ms: u64,
}

/// Builds the plugin in a folder into the folder `out`, and loads it. What `attune build` made stays as it is.
///
/// # Errors
/// What the tools printed, or why the component is refused.
fn build(engine: &Engine, folder: &Path, out: &Path) -> Result<Built> {
    let started_us = engine.world().stopwatch_us();
    // Still there when the file was replaced by a newer one.
    let program = match cfg!(target_os = "linux") {
        true => PathBuf::from("/proc/self/exe"),
        false => std::env::current_exe().context("this program's own file cannot be found")?,
    };
    let mut command = Command::new(program);
    command.arg("build-one").arg(folder).arg(out);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.envs(QUICK.into_iter().filter(|(name, _)| std::env::var_os(name).is_none()));
    if std::io::stdout().is_terminal() && std::env::var_os("CARGO_TERM_COLOR").is_none() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command.spawn().context("a build cannot be started")?;
    // However this program ends, the other end of this goes with it, and so does the build.
    let held = child.stdin.take();
    let output = child.wait_with_output().context("a build cannot be waited for")?;
    drop(held);
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    let path = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    let wasm = std::fs::read(&path).with_context(|| format!("the component in {path}"))?;
    let component = engine.sandbox().load(&wasm).context("the component is refused")?;
    let took_ms = engine.world().stopwatch_us().saturating_sub(started_us) / 1_000;
    Ok(Built { component, wasm, took_ms })
}

/// Builds all plugins once, then again whenever their sources change, until nobody listens any more. Errors are told as text.
pub(super) fn keep_building(engine: &Arc<Engine>, folders: &[PathBuf], out: &Path, news: &Sender<News>) {
    let mut watched: Vec<Sources> = folders.iter().map(|folder| Sources::new(folder)).collect();
    loop {
        for (plugin, (sources, folder)) in watched.iter_mut().zip(folders).enumerate() {
            if !sources.changed() {
                continue;
            }
            while {
                std::thread::sleep(SETTLE);
                sources.changed()
            } {}
            if news.send(News::Building(plugin)).is_err() {
                return;
            }
            let built = build(engine, folder, out).map_err(|error| format!("{error:#}"));
            if news.send(News::Built(plugin, built)).is_err() {
                return;
            }
        }
        if engine.is_stopping() {
            return;
        }
        std::thread::sleep(LOOK);
    }
}
