//! Watches conversations and calls a person in when one is needed.
//!
//! It never writes to the customer: that a person will come, and when, the host says. While a person has the
//! conversation it stays out of the way.

mod bindings;
mod summary;

use attune_guest::text;
use bindings::attune::host::{conversation, handoff, log, sentiment, settings, state, understanding};
use bindings::attune::types::types::{Failure, Intent, Message, Reading, Refusal};
use bindings::exports::attune::automation::watch_message;
use summary::summary;

const HOUR_MS: u64 = 3_600_000;

#[derive(serde::Deserialize)]
struct Settings {
    words: Vec<String>,
    frustration_above: f32,
    falling_mood_below: f32,
    /// 0 is off, here and below.
    times_asked: usize,
    automated_answers: usize,
    within_hours: u64,
}

/// What was said in this matter before the message at hand: since a person had the conversation, since the customer said
/// thanks, and not longer ago than the owner wants.
#[derive(Default)]
struct Matter {
    customer_messages: u32,
    automated_answers: usize,
    last_answer: String,
    /// How often the same was asked before, and the words of the first time.
    times_asked: usize,
    first_asked: String,
}

struct Plugin;

impl watch_message::Guest for Plugin {
    fn handle(message: Message) -> Result<(), Failure> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let settle = || state::set("settled", &message.at.to_string()).map_err(failure);
        if !matches!(handoff::current(), handoff::Stage::None) {
            // What they say to a person is not counted afterwards.
            return settle();
        }
        let settings: Settings =
            serde_json::from_str(&settings::get()).map_err(|error| Failure::Reject(error.to_string()))?;
        let intents = understanding::intents(&message.text);
        let wanted = wanted(&intents);
        let matter = matter(&message, wanted, &settings);
        let mood = sentiment::analyze(&message.text);
        let frustrated = mood.frustration > settings.frustration_above;
        let folded = text::fold(&message.text);
        let word = settings.words.iter().find(|word| text::says(&folded, word));

        let reason = if word.is_some() {
            "used a word that the owner watches"
        } else if wants_person(&intents) {
            "asked for a person"
        } else if frustrated {
            "is frustrated"
        } else if matches!(wanted, "thanks" | "goodbye") {
            return Ok(());
        } else if settings.times_asked > 0 && matter.times_asked + 1 >= settings.times_asked {
            "asks the same thing again"
        } else if mood_keeps_falling(&mood, &matter, settings.falling_mood_below) {
            "mood keeps falling"
        } else if settings.automated_answers > 0 && matter.automated_answers >= settings.automated_answers {
            "automated answers do not settle it"
        } else {
            return Ok(());
        };
        let urgency = if word.is_some() || frustrated || mood.urgency > 0.8 { "high" } else { "normal" };
        let detail = word.map_or(String::new(), |word| format!(" ({word})"));
        let summary = summary(&message, &format!("{reason}{detail}"), wanted, &mood, &matter);
        handoff::open(reason, urgency, &summary).map_err(failure)?;
        settle()
    }
}

/// What the text asks for. A greeting or a complaint may go along with it, and a confirmation asks nothing.
fn wanted(intents: &[Intent]) -> &str {
    let aside = ["greeting", "complaint", "confirm-appointment", "opt-out"];
    let mut sure = intents.iter().filter(|intent| intent.confidence >= 0.5).map(|intent| intent.name.as_str());
    sure.find(|name| !aside.contains(name)).unwrap_or("none")
}

/// "Are you a human?" is a question about the one who answers; "get me a human" is not.
fn wants_person(intents: &[Intent]) -> bool {
    let mut sure = intents.iter().filter(|intent| intent.confidence >= 0.5).map(|intent| intent.name.as_str());
    sure.find(|name| ["talk-to-a-person", "are-you-a-bot"].contains(name)) == Some("talk-to-a-person")
}

fn mood_keeps_falling(mood: &Reading, matter: &Matter, below: f32) -> bool {
    // Two messages are no trend.
    let messages = (matter.customer_messages + 1).min(5);
    let trend = if messages > 2 && mood.polarity < -0.05 { sentiment::trend(messages) } else { None };
    trend.is_some_and(|(mean, slope)| mean < below && slope < 0.0)
}

fn matter(message: &Message, wanted_now: &str, settings: &Settings) -> Matter {
    let settled: u64 = state::get("settled").and_then(|at| at.parse().ok()).unwrap_or(0);
    let since = settled.max(message.at.saturating_sub(settings.within_hours * HOUR_MS));
    let is = |said: &Message, name: &str, value: &str| said.extra.iter().any(|(n, v)| n == name && v == value);
    let (codes, folded) = (text::codes(&message.text), text::fold(&message.text));
    let mut matter = Matter::default();
    for said in conversation::recent(30).iter().rev().filter(|said| said.id != message.id) {
        if said.at <= since || said.author == "staff" {
            break;
        }
        if said.author == "automation" && is(said, "purpose", "reply") {
            matter.automated_answers += 1;
            if matter.last_answer.is_empty() {
                matter.last_answer.clone_from(&said.text);
            }
        }
        if said.author == "customer" {
            let intents = understanding::intents(&said.text);
            let wanted_then = wanted(&intents);
            if matches!(wanted_then, "thanks" | "goodbye") {
                break;
            }
            matter.customer_messages += 1;
            // The same wish about the same number, or the same sentence once more.
            let same_wish = wanted_then == wanted_now && wanted_now != "none" && text::codes(&said.text) == codes;
            if same_wish || (folded.len() > 12 && text::fold(&said.text) == folded) {
                matter.times_asked += 1;
                matter.first_asked.clone_from(&said.text);
            }
        }
    }
    matter
}

fn failure(refusal: Refusal) -> Failure {
    Failure::Reject(format!("{}: {}", refusal.code, refusal.text))
}
