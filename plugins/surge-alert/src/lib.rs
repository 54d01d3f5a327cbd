//! Tells staff, once, when far more customers than usual are unhappy about the same thing.
//!
//! It knows numbers only: what customers wrote the host puts beside the notice, for staff.

mod bindings;

use bindings::attune::host::trends::{self, Topic};
use bindings::attune::host::{business, log, settings, staff_examples, state};
use bindings::attune::types::types::{Failure, Instant, Refusal};
use bindings::exports::attune::automation::on_hour;

const HOUR_MS: u64 = 3_600_000;

#[derive(serde::Deserialize)]
struct Settings {
    hours: u32,
    at_least: u32,
    times_usual: f32,
}

struct Plugin;

impl on_hour::Guest for Plugin {
    /// Which topics are in a surge, and at which hour they last were, is kept in `state`, a line each: a topic that is there
    /// was told.
    fn handle(ended: Instant) -> Result<(), Failure> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let settings: Settings =
            serde_json::from_str(&settings::get()).map_err(|error| Failure::Reject(format!("settings: {error}")))?;
        let topics = trends::topics(settings.hours);
        let surging: Vec<&Topic> = topics.iter().filter(|topic| is_surge(topic, &settings)).collect();
        let known = state::get("told").unwrap_or_default();
        // Hours in which nobody wrote are not told. After so many of them a surge was over.
        let lasts =
            |last: &str| last.parse().is_ok_and(|last: u64| ended <= last + u64::from(settings.hours) * HOUR_MS);
        let was_told = |name: &str| {
            let mut lines = known.lines().filter_map(|line| line.split_once(' '));
            lines.any(|(topic, last)| topic == name && lasts(last))
        };
        for topic in &surging {
            // What people complain about says more than that they complain.
            let is_told_beside = topic.name == "complaint" && surging.len() > 1;
            if !is_told_beside && !was_told(&topic.name) {
                tell(topic, &settings, ended)?;
            }
        }
        if surging.is_empty() {
            state::delete("told");
            return Ok(());
        }
        let told: Vec<String> = surging.iter().map(|topic| format!("{} {ended}", topic.name)).collect();
        state::set("told", &told.join("\n")).map_err(failure)
    }
}

fn is_surge(topic: &Topic, settings: &Settings) -> bool {
    let is_more = topic.unhappy as f32 >= settings.times_usual * topic.usual_unhappy;
    topic.name != "all" && topic.unhappy >= settings.at_least && is_more
}

fn tell(topic: &Topic, settings: &Settings, ended: Instant) -> Result<(), Failure> {
    let from = ended.saturating_sub(u64::from(settings.hours) * HOUR_MS);
    let since = business::to_civil(from, &business::current().zone).map_err(failure)?;
    let name = topic.name.replace('-', " ");
    let usual = match topic.usual_unhappy {
        0.0 => "none".to_owned(),
        usual => format!("{usual:.1}"),
    };
    let text = format!(
        "{} of {} messages about \"{name}\" since {:02}:{:02} are unhappy. Usual in these hours: {usual}.",
        topic.unhappy, topic.messages, since.hour, since.minute,
    );
    let title = format!("Many unhappy messages: {name}");
    staff_examples::notify_about("high", &title, &text, &topic.name, settings.hours);
    Ok(())
}

fn failure(refusal: Refusal) -> Failure {
    Failure::Reject([refusal.code, refusal.text].join(": "))
}
