//! Playing a scenario: the real engine, gate and sandbox in the `test` world, where a month passes in milliseconds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Result;

use crate::domain::ids::MessageId;
use crate::sandbox::{About, Dump, Profile, Sandbox};

use super::expect::{self, Wrong};
use super::scenario::Scenario;
use super::stage::Stage;
use super::transcript::Line;

/// How a scenario went.
#[derive(Default)]
pub struct Played {
    /// Its name.
    pub name: String,
    /// What went wrong, if something did.
    pub failure: Option<Failure>,
    /// What happened, a line each.
    pub transcript: Vec<Line>,
    /// The most fuel that one run used.
    pub most_fuel: u64,
    /// The fuel that all runs of a step used, by step.
    pub fuel: Vec<u64>,
    /// The subscriptions that ran, by plugin.
    pub ran: BTreeMap<String, BTreeSet<String>>,
    /// A WebAssembly core dump for each run that broke off, where the sandbox keeps them.
    pub dumps: Vec<Dump>,
    /// A profile for each component that ran, where the sandbox keeps them.
    pub profiles: Vec<Profile>,
}

/// What went wrong in a scenario.
#[derive(Debug, Clone)]
pub struct Failure {
    /// In which step, counted from 0.
    pub step: usize,
    /// What was expected and what happened, in words.
    pub words: String,
    /// What was expected, as a line of the transcript.
    pub expected: Option<String>,
    /// The message in whose place that was expected, or that was not expected at all.
    pub instead: Option<MessageId>,
}

/// A component with its bytes, as it is installed.
#[derive(Clone)]
pub struct Part {
    /// What it says of itself.
    pub about: About,
    /// The file.
    pub wasm: Arc<Vec<u8>>,
}

/// Plays a scenario with the plugin under test and those it names. `judged` is whether a reviewed transcript judges it as well:
/// steps without expectations may then send messages.
///
/// # Errors
/// When the scenario itself is wrong. An expectation that fails is told in [`Played`].
pub fn play(
    sandbox: &Arc<Sandbox>,
    scenario: &Scenario,
    tested: &Part,
    others: &[(String, Part)],
    judged: bool,
) -> Result<Played> {
    let mut stage = Stage::set(sandbox, scenario, tested, others)?;
    let mut played = Played { name: scenario.name.clone(), ..Played::default() };
    for (number, step) in scenario.steps.iter().enumerate() {
        let wrong = match stage.act(scenario, step) {
            Ok(()) => {
                let events = stage.collect()?;
                let mut fuel = 0;
                for run in events.whys.iter().flat_map(|why| &why.runs) {
                    fuel += run.fuel;
                    played.most_fuel = played.most_fuel.max(run.fuel);
                    played.ran.entry(run.plugin.clone()).or_default().insert(run.export.word().to_owned());
                }
                played.fuel.push(fuel);
                stage.write_down(&events);
                if judged && step.expect.is_empty() { None } else { expect::check(&stage, step, &events)? }
            }
            Err(error) => Some(Wrong::that(format!("{error:#}"))),
        };
        played.dumps.extend(sandbox.take_dumps());
        if let Some(Wrong { words, expected, instead }) = wrong {
            played.failure = Some(Failure { step: number, words, expected, instead });
            break;
        }
    }
    played.profiles = sandbox.take_profiles();
    played.transcript = stage.transcript().to_vec();
    Ok(played)
}
