//! Tells customers who ask whether the business is open, and when it opens again.

wit_bindgen::generate!({ path: "wit", world: "plugin", generate_all });

use attune::host::message::{self, Content, Draft, Value};
use attune::host::{business, clock, log, settings, understanding};
use attune::types::types::{Failure, Message, Moment, Refusal};
use exports::attune::automation::on_message::{Guest, Verdict};

struct Plugin;
export!(Plugin);

impl Guest for Plugin {
    fn handle(message: Message) -> Result<Verdict, Failure> {
        // A panic's text reaches the record of why through the log.
        std::panic::set_hook(Box::new(|panic| log::write(log::Level::Error, &panic.to_string())));
        let asks = |name| understanding::intents(&message.text).iter().any(|i| i.name == name && i.confidence >= 0.5);
        if !asks("opening-hours") {
            return Ok(Verdict::Passed);
        }
        let now = clock::now();
        if business::is_open(now) {
            // For more than one setting, take the crate serde_json.
            if settings::get().contains(r#""only_when_closed":true"#) {
                return Ok(Verdict::Passed);
            }
            return reply("open", vec![]);
        }
        let Some(at) = business::next_open(now) else { return Ok(Verdict::Passed) };
        let opens = Moment { at, zone: business::current().zone };
        reply("closed", vec![("opens".into(), Value::Moment(opens))])
    }
}

fn reply(template: &str, values: Vec<(String, Value)>) -> Result<Verdict, Failure> {
    let content = Content::Template((template.into(), values));
    let draft = Draft { purpose: "reply".into(), content, channel: None, about: None, expires: None, once: None };
    message::send(&draft).map_err(failure)?;
    Ok(Verdict::Answered)
}

fn failure(refusal: Refusal) -> Failure {
    Failure::Reject(format!("{}: {}", refusal.code, refusal.text))
}
