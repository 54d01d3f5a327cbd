//! Sends what it is told to. An event of the type `example.send` says what, as JSON:
//! `{"purpose": "service", "template": "news", "text": "...", "about": "o1", "once": "k", "times": 3}`, with `in_minutes` to
//! do so later and `expires_minutes` for when it is pointless. A message that begins with `!` is answered with what follows; `?declined
//! ID` is an answer to an appointment.

mod bindings;

use bindings::attune::host::{appointment_answers, clock, log, message, schedule};
use bindings::attune::types::types::{Failure, Message};
use bindings::exports::attune::automation::{on_event, on_message, on_message::Verdict, on_timer};

#[derive(serde::Deserialize)]
struct Order {
    purpose: String,
    /// None is free text.
    template: Option<String>,
    text: String,
    channel: Option<String>,
    about: Option<String>,
    once: Option<String>,
    expires_minutes: Option<u64>,
    /// How often it is sent in one run.
    #[serde(default = "one")]
    times: u32,
    /// When it is sent; absent is at once.
    in_minutes: Option<u64>,
}

fn one() -> u32 {
    1
}

const MINUTE_MS: u64 = 60_000;

struct Plugin;

impl on_event::Guest for Plugin {
    fn handle(_kind: String, data: String) -> Result<(), Failure> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let order = read(&data)?;
        match order.in_minutes {
            Some(minutes) => schedule::set(&order.text, clock::now() + minutes * MINUTE_MS, &data)
                .map_err(|refusal| failed(&refusal.text)),
            None => send(&order),
        }
    }
}

impl on_timer::Guest for Plugin {
    fn handle(_key: String, _due: u64, note: String) -> Result<(), Failure> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        send(&read(&note)?)
    }
}

impl on_message::Guest for Plugin {
    fn handle(message: Message) -> Result<Verdict, Failure> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        if let Some((answer, id)) = message.text.strip_prefix('?').and_then(|rest| rest.split_once(' ')) {
            appointment_answers::answer(id, answer).map_err(|refusal| failed(&refusal.text))?;
            return Ok(Verdict::Answered);
        }
        let Some(text) = message.text.strip_prefix('!') else { return Ok(Verdict::Passed) };
        for text in text.split('|') {
            let content = message::Content::Text(text.trim().to_owned());
            put(message::Draft {
                purpose: "reply".to_owned(),
                content,
                channel: None,
                about: None,
                expires: None,
                once: None,
            })?;
        }
        Ok(Verdict::Answered)
    }
}

fn read(data: &str) -> Result<Order, Failure> {
    serde_json::from_str(data).map_err(|error| failed(&error.to_string()))
}

fn send(order: &Order) -> Result<(), Failure> {
    for _ in 0..order.times {
        let value = message::Value::Text(order.text.clone());
        put(message::Draft {
            purpose: order.purpose.clone(),
            content: match &order.template {
                Some(name) => message::Content::Template((name.clone(), vec![("text".to_owned(), value)])),
                None => message::Content::Text(order.text.clone()),
            },
            channel: order.channel.clone(),
            about: order.about.clone(),
            expires: order.expires_minutes.map(|minutes| clock::now() + minutes * MINUTE_MS),
            once: order.once.clone(),
        })?;
    }
    Ok(())
}

/// A refusal is a failure, so that a scenario can expect its words.
fn put(draft: message::Draft) -> Result<(), Failure> {
    match message::send(&draft) {
        Ok(_) => Ok(()),
        Err(refusal) => Err(failed(&format!("{}: {}", refusal.code, refusal.text))),
    }
}

fn failed(words: &str) -> Failure {
    Failure::Reject(words.to_owned())
}
