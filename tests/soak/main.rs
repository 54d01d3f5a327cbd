//! Every attack of the suite, many times over, on one server beside a healthy business that is asked at a steady pace: a fifth of
//! what the server was found to take. Prints a table and writes it to `target/soak/table.txt`.
//!
//! `--rounds N` says how often each strikes (1,000 when nothing is said); what takes long strikes once in 50 or 500 of these, and
//! once at the least. `--only WORDS` leaves those whose name has the words. First every attack strikes once: what the host then
//! holds, such as the room that its allocator keeps, is what growth is measured from. What is compared,
//! before and after, is what the host holds at rest, when it has nothing left to do.
//!
//! It ends with 1 if an attack came to another end than it has to, if the healthy business had an answer missing or twice, or if
//! the host grew by more than it may. Times are printed and not judged; a p99 far above that without an attack has a mark.
#![expect(clippy::disallowed_methods, reason = "it measures how long answers take")]

#[path = "../product/attacks.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod attacks;
#[path = "../product/bombs.rs"]
mod bombs;
#[path = "../product/components.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod components;
#[path = "../bench/events.rs"]
mod events;
#[path = "../bench/http.rs"]
#[expect(dead_code, reason = "the benchmark uses more of it")]
mod http;
#[path = "../bench/load.rs"]
mod load;
#[path = "../bench/process.rs"]
#[expect(dead_code, reason = "the benchmark uses more of it")]
mod process;
mod strikes;
#[path = "../bench/wire.rs"]
mod wire;

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use attune_tests::{figure, plugins_folder, profile_folder};

use http::Bakery;
use process::resident_mb;
use strikes::Attack;

/// Customers of the healthy business.
const CUSTOMERS: usize = 1_000;

/// The healthy business is asked at this share of what the server takes.
const SHARE: f64 = 0.2;

/// It is asked in slices of this length, and an attack ends with a slice.
const SLICE: Duration = Duration::from_secs(1);

/// How long the host has for coming to rest, and how often it is looked at then, asked so many times a second.
const REST: Duration = Duration::from_secs(60);
const LOOKS: usize = 8;
const RESTING_RATE: f64 = 20.0;

/// Rows that wait for their places are in memory. With fewer bytes of them than this the host has nothing left to do.
const RESTING_BYTES: f64 = 2e6;

/// How much more the host may hold in the end, in MB: 16 MiB.
const GROWTH_MB: f64 = 16.0 * 1_048_576.0 / 1e6;

/// What a p99 may be without a mark, in milliseconds, if that without an attack is less than half of it.
const PLAIN_MS: f64 = 10.0;

fn main() -> Result<ExitCode> {
    let (rounds, only) = arguments()?;
    ensure!(profile_folder().join("attune").is_file(), "the program is not built; `make soak` builds it");
    let mut soak = Soak::open()?;
    let attacks: Vec<Attack> = strikes::all().into_iter().filter(|attack| attack.name.contains(&only)).collect();
    ensure!(!attacks.is_empty(), "--only {only}: no attack has this in its name");
    soak.say("every attack once");
    for attack in &attacks {
        soak.strike(attack, 1)?;
    }
    let held_mb = soak.rest()?;
    soak.say(&format!("every attack {rounds} times, or as often as is said"));
    for attack in &attacks {
        soak.strike(attack, (rounds / attack.rarer).max(1))?;
    }
    let growth_mb = soak.rest()? - held_mb;
    if let Err(error) = soak.bakery.check() {
        soak.wrong(format!("the healthy business: {error:#}"));
    }
    if growth_mb > GROWTH_MB {
        soak.wrong(format!("the host grew by {growth_mb:.1} MB; at most {GROWTH_MB:.1}"));
    }
    soak.end(growth_mb)
}

/// A server with a healthy business, and what was seen of it so far.
struct Soak {
    bakery: Bakery,
    /// Events a second.
    rate: f64,
    /// Without an attack, in milliseconds.
    baseline_ms: f64,
    table: String,
    wrong: Vec<String>,
}

impl Soak {
    fn open() -> Result<Self> {
        let bakery = Bakery::open(CUSTOMERS)?;
        let capacity = bakery.measure(Duration::from_secs(3), Duration::from_secs(6))?.events_per_s;
        let rate = capacity * SHARE;
        // The middle of ten: a disk that stalls once says nothing about the server.
        let slices = (0..10).map(|_| Ok(p99(bakery.paced(rate, SLICE)?))).collect::<Result<Vec<f64>>>();
        let mut slices = slices?;
        slices.sort_by(f64::total_cmp);
        let baseline_ms = slices[slices.len() / 2];
        let mut soak = Self { bakery, rate, baseline_ms, table: String::new(), wrong: Vec::new() };
        soak.say(&format!(
            "the server takes {capacity:.0} events a second; the healthy business is asked {rate:.0} times a second, \
             and without an attack the p99 of a second is {baseline_ms:.1} ms"
        ));
        let heads = ["attack", "outcome", "rounds", "took s", "MB before", "after", "p99 ms"];
        let [attack, outcome, rounds, took, before, after, p99] = heads;
        soak.say(&format!("{attack:<46} {outcome:<34} {rounds:>6} {took:>8} {before:>9} {after:>7} {p99:>8}"));
        Ok(soak)
    }

    /// Lets an attack strike, and asks the healthy business meanwhile.
    fn strike(&mut self, attack: &Attack, rounds: usize) -> Result<()> {
        let before_mb = self.resident_mb()?;
        let started = Instant::now();
        let server = self.bakery.shop.server.clone();
        let (mut took_ms, mut failed) = (Vec::new(), None);
        let (outcome, took) = std::thread::scope(|scope| {
            let striking = scope.spawn(move || {
                attack.strike(&server, rounds);
                started.elapsed()
            });
            loop {
                let ended = striking.is_finished();
                match self.bakery.paced(self.rate, SLICE) {
                    Ok(took) => took_ms.extend(took),
                    Err(error) => failed = Some(format!("{}: the healthy business: {error:#}", attack.name)),
                }
                if ended || striking.is_finished() {
                    break;
                }
            }
            match striking.join() {
                Ok(took) => (Ok(()), took),
                Err(panic) => (Err(words(&*panic)), started.elapsed()),
            }
        });
        let ends = match outcome {
            Ok(()) => attack.ends.clone(),
            Err(words) => {
                self.wrong(format!("{}: {words}", attack.name));
                "WRONG".to_owned()
            }
        };
        failed.into_iter().for_each(|failed| self.wrong(failed));
        let (p99, after_mb) = (p99(took_ms), self.resident_mb()?);
        let mark = if p99 > PLAIN_MS.max(2.0 * self.baseline_ms) { " *" } else { "" };
        self.row(&attack.name, &ends, rounds, took.as_secs_f64(), before_mb, after_mb, p99, mark);
        Ok(())
    }

    /// Waits until the host has nothing to do; gives the least that it holds then, in MB. While it works, what it holds goes up and
    /// down by a hundred with the rows that wait for their places.
    fn rest(&mut self) -> Result<f64> {
        self.bakery.shop.settled();
        let client = self.bakery.shop.server.client("");
        let until = Instant::now() + REST;
        while figure(&client, "attune_store_waiting_bytes").is_none_or(|bytes| bytes > RESTING_BYTES) {
            ensure!(Instant::now() < until, "the host does not come to rest");
            std::thread::sleep(Duration::from_millis(100));
        }
        // The allocator gives back what was freed when it is asked for something again.
        let mut held_mb = f64::INFINITY;
        for _ in 0..LOOKS {
            self.bakery.paced(RESTING_RATE, SLICE)?;
            held_mb = held_mb.min(self.resident_mb()?);
        }
        self.say(&format!("at rest the host holds {held_mb:.1} MB"));
        Ok(held_mb)
    }

    fn resident_mb(&self) -> Result<f64> {
        resident_mb(self.bakery.shop.server.pid())
    }

    #[expect(clippy::too_many_arguments, reason = "these are the columns")]
    fn row(
        &mut self,
        name: &str,
        ends: &str,
        rounds: usize,
        took_s: f64,
        before: f64,
        after: f64,
        p99: f64,
        mark: &str,
    ) {
        let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
        let (name, ends) = (cut(name, 46), cut(ends, 34));
        self.say(&format!(
            "{name:<46} {ends:<34} {rounds:>6} {took_s:>8.1} {before:>9.1} {after:>7.1} {p99:>8.1}{mark}"
        ));
    }

    fn say(&mut self, line: &str) {
        println!("{line}");
        // Writing into a text never fails.
        let _ = writeln!(self.table, "{line}");
    }

    fn wrong(&mut self, words: String) {
        self.wrong.push(words);
    }

    /// The last lines; writes the table, and says how it all ended.
    fn end(mut self, growth_mb: f64) -> Result<ExitCode> {
        self.say(&format!("the host grew by {growth_mb:.1} MB over all attacks; at most {GROWTH_MB:.1}"));
        self.say("* is above 10 ms and above twice the p99 of a second without an attack");
        for words in std::mem::take(&mut self.wrong) {
            self.say(&format!("WRONG {words}"));
        }
        let wrong = self.table.lines().any(|line| line.starts_with("WRONG "));
        let folder = plugins_folder().with_file_name("soak");
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let path = folder.join("table.txt");
        std::fs::write(&path, &self.table).with_context(|| path.display().to_string())?;
        println!("written to {}", path.display());
        Ok(if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// Of a hundred the last but one.
fn p99(mut took_ms: Vec<f64>) -> f64 {
    took_ms.sort_by(f64::total_cmp);
    took_ms.get((took_ms.len() as f64 * 0.99) as usize).copied().unwrap_or(f64::NAN)
}

/// What a thread said when it panicked; its first lines.
fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it broke off").lines().take(6).collect::<Vec<_>>().join(" ").chars().take(400).collect()
}

fn arguments() -> Result<(usize, String)> {
    let (mut rounds, mut only) = (1_000, String::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match (argument.as_str(), arguments.next()) {
            ("--rounds", Some(number)) => rounds = number.parse().context("--rounds takes a number")?,
            ("--only", Some(words)) => only = words,
            _ => bail!("`{argument}`: soak [--rounds N] [--only WORDS]"),
        }
    }
    Ok((rounds, only))
}
