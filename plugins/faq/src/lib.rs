//! Answers questions with what the owner wrote: at once when sure, after asking back when not. What it does not know it leaves to
//! others, or to a person if the owner wants that.
//!
//! It never makes an answer up, and stays away from what other plugins are there for.

mod bindings;

use attune_guest::text;
use bindings::attune::host::message::{self, Content, Draft, Value};
use bindings::attune::host::{handoff, knowledge, log, settings, state, understanding};
use bindings::attune::types::types::{Failure, Message, Refusal};
use bindings::exports::attune::automation::{on_message, on_message::Verdict};

const DAY_MS: u64 = 24 * 3_600_000;

/// What other plugins are there for, and what is no question.
const OTHERS: [&str; 8] = [
    "order-status",
    "talk-to-a-person",
    "are-you-a-bot",
    "opt-out",
    "book-appointment",
    "move-appointment",
    "cancel-appointment",
    "confirm-appointment",
];
const NO_QUESTION: [&str; 4] = ["thanks", "greeting", "goodbye", "complaint"];

/// How many questions are offered.
const OFFERED: u32 = 3;

#[derive(serde::Deserialize)]
struct Settings {
    answer_above: f32,
    offer_above: f32,
    when_unknown: String,
}

struct Plugin;

impl on_message::Guest for Plugin {
    fn handle(message: Message) -> Result<Verdict, Failure> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let settings: Settings =
            serde_json::from_str(&settings::get()).map_err(|error| Failure::Reject(error.to_string()))?;
        let offered = offered(&message);
        if let Some(question) = chosen(&message.text, &offered) {
            let answers = knowledge::search(question, 1);
            // The owner may have taken it away meanwhile.
            if let Some(answer) = answers.into_iter().find(|answer| answer.question == *question) {
                return say(answer.text);
            }
        }
        let intents = understanding::intents(&message.text);
        let asks =
            |names: &[&str]| intents.iter().any(|one| one.confidence >= 0.5 && names.contains(&one.name.as_str()));
        if asks(&OTHERS) {
            return Ok(Verdict::Passed);
        }
        let answers = knowledge::search(&message.text, OFFERED);
        if let Some(best) = answers.first() {
            // Whoever was asked which one they mean, and comes near it, means it.
            let enough = if offered.contains(&best.question) { settings.offer_above } else { settings.answer_above };
            if best.score >= enough {
                return say(best.text.clone());
            }
            // Nobody is asked the same again.
            if best.score >= settings.offer_above && settings.offer_above < 1.0 && offered.is_empty() {
                return offer(&message, answers.into_iter().map(|answer| answer.question).collect());
            }
        }
        if settings.when_unknown == "pass" || asks(&NO_QUESTION) || text::fold(&message.text).trim().is_empty() {
            return Ok(Verdict::Passed);
        }
        let said = message.text.chars().take(1_000).collect::<String>();
        let summary = ["Nobody wrote an answer to this yet: ", &said].concat();
        handoff::open("answer not known", "normal", &summary).map_err(failure)?;
        Ok(Verdict::Answered)
    }
}

/// The questions that were offered within a day and not answered, each on a line behind the time.
fn offered(message: &Message) -> Vec<String> {
    let saved = state::get("offered").unwrap_or_default();
    let mut lines = saved.lines();
    let at: u64 = lines.next().and_then(|at| at.parse().ok()).unwrap_or(0);
    if message.at < at + DAY_MS { lines.map(str::to_owned).collect() } else { Vec::new() }
}

/// The question that a number picks: "2", "2)", "number 2 please".
fn chosen<'a>(text: &str, offered: &'a [String]) -> Option<&'a String> {
    let codes = text::codes(text);
    let [code] = codes.as_slice() else { return None };
    let number: usize = code.trim_start_matches('#').parse().ok().filter(|_| text.len() <= 30)?;
    offered.get(number.checked_sub(1)?)
}

fn offer(message: &Message, questions: Vec<String>) -> Result<Verdict, Failure> {
    let choices: Vec<String> =
        (1..).zip(&questions).map(|(number, question)| format!("{number}) {question}")).collect();
    state::set("offered", &[message.at.to_string(), questions.join("\n")].join("\n")).map_err(failure)?;
    reply(Content::Template(("offer".into(), vec![("choices".into(), Value::Text(choices.join("\n")))])))
}

/// Says what the owner wrote, word for word.
fn say(answer: String) -> Result<Verdict, Failure> {
    state::delete("offered");
    reply(Content::Text(answer))
}

fn reply(content: Content) -> Result<Verdict, Failure> {
    let draft = Draft { purpose: "reply".into(), content, channel: None, about: None, expires: None, once: None };
    message::send(&draft).map_err(failure)?;
    Ok(Verdict::Answered)
}

fn failure(refusal: Refusal) -> Failure {
    Failure::Reject([refusal.code, refusal.text].join(": "))
}
