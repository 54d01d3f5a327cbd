//! How soon a server with ten plugins is ready, and what it holds when it has nothing to do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use attune_tests::{Server, Shop, Start, plugin_file};

use crate::median;
use crate::process::resident_mb;

/// How many plugins are installed.
pub const PLUGINS: usize = 10;

/// What was measured.
pub struct Figures {
    /// From the start of the process until `/readyz` says so, in milliseconds; the median.
    pub ready_ms: f64,
    /// What it holds then, with nothing to do, in MB.
    pub idle_rss_mb: f64,
}

/// Starts a server several times on a data directory with ten plugins, whose code is compiled already.
pub fn measure(starts: usize, idle: Duration) -> Result<Figures> {
    let mut server = Arc::new(Server::start());
    let shop = Shop::open_on(server.clone());
    let prebuilt = ["order-status", "escalation", "appointment-reminders"];
    for (number, plugin) in prebuilt.iter().cycle().take(PLUGINS).enumerate() {
        shop.enable_as(&format!("{plugin}-{number}"), &std::fs::read(plugin_file(plugin))?);
    }
    shop.settled();
    let mut took = Vec::with_capacity(starts);
    for _ in 0..starts {
        ensure!(server.stop(), "the server did not stop well");
        let started = Instant::now();
        server = Arc::new(server.restart(&Start::default()));
        took.push(started.elapsed().as_secs_f64() * 1e3);
    }
    std::thread::sleep(idle);
    Ok(Figures { ready_ms: median(&mut took), idle_rss_mb: resident_mb(server.pid())? })
}
