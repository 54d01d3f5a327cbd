//! What the kernel says of a process, from `/proc`.

use anyhow::{Context, Result};

/// Clock ticks a second in `/proc/PID/stat`: on Linux always this many.
const TICKS_PER_S: f64 = 100.0;

/// What a process has used so far.
#[derive(Debug, Clone, Copy)]
pub struct Used {
    /// Time on a processor, in and out of the kernel, in seconds.
    pub cpu_s: f64,
    /// Bytes that it caused to be written to disks.
    pub written_bytes: f64,
}

/// What a process has used so far.
pub fn used(pid: u32) -> Result<Used> {
    let stat = read(pid, "stat")?;
    // The second field is the program's name in brackets, and may contain anything.
    let (_, fields) = stat.rsplit_once(')').context("a line of /proc/PID/stat has a name in brackets")?;
    let ticks: f64 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    let written_bytes = figure(&read(pid, "io")?, "write_bytes:")?;
    Ok(Used { cpu_s: ticks / TICKS_PER_S, written_bytes })
}

/// How much memory it holds, in MB (of 1,000,000 bytes).
pub fn resident_mb(pid: u32) -> Result<f64> {
    Ok(figure(&read(pid, "status")?, "VmRSS:")? * 1_024.0 / 1e6)
}

/// How many runnable tasks there were in the last minute, on the whole machine.
pub fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(f64::NAN)
}

fn read(pid: u32, name: &str) -> Result<String> {
    let path = format!("/proc/{pid}/{name}");
    std::fs::read_to_string(&path).with_context(|| path)
}

fn figure(text: &str, name: &str) -> Result<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let word = line.and_then(|line| line.split_whitespace().next()).with_context(|| format!("no {name}"))?;
    Ok(word.parse()?)
}
