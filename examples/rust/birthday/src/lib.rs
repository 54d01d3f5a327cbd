//! Wishes customers a happy birthday: once a year, from nine in the morning by their own clock, in their language, and only
//! if they agreed to such messages.
//!
//! A birthday comes with an event of the type `customer.birthday.v1` and the data
//! `{"customer": {...}, "birthday": "1992-02-29"}`; `02-29` will do. Only day and month are kept, as the fact `birthday`.
//! Whoever was born on 29 February is greeted on 1 March where there is none: never before the day.
//!
//! Consent, STOP and quiet hours are the host's to see to. A greeting that cannot go out on the day does not go out.

wit_bindgen::generate!({ path: ["../../../wit", "wit/world.wit"], world: "attune:birthday/plugin", generate_all });

use attune::host::message::{self, Content, Draft, Value};
use attune::host::{business, clock, customer, customer_notes, log, schedule, settings};
use attune::types::types::{Civil, Failure, Profile, Refusal};
use exports::attune::automation::{on_event, on_timer};

struct Plugin;
export!(Plugin);

impl on_event::Guest for Plugin {
    fn handle(kind: String, data: String) -> Result<(), Failure> {
        tell_of_panics();
        if kind != "customer.birthday.v1" {
            return Ok(());
        }
        let data: serde_json::Value = serde_json::from_str(&data).unwrap_or_default();
        let told = data["birthday"].as_str().unwrap_or_default();
        let Some((month, day)) = read(told) else {
            return Err(Failure::Reject(format!("birthday `{told}` is no day such as 1992-02-29 or 02-29")));
        };
        customer_notes::remember("birthday", &format!("{month:02}-{day:02}")).map_err(failure)?;
        look_at_the_day()
    }
}

impl on_timer::Guest for Plugin {
    fn handle(_key: String, _due: u64, _note: String) -> Result<(), Failure> {
        tell_of_panics();
        look_at_the_day()
    }
}

/// Greets if today is the day, and sets the timer for the next time. It asks what is known now: since the timer was set the
/// customer may have moved, and a host that was down wakes us late.
fn look_at_the_day() -> Result<(), Failure> {
    let Some(profile) = customer::current() else {
        return Err(Failure::Reject("the event names no customer".into()));
    };
    let Some((month, day)) = customer::recall("birthday").as_deref().and_then(read) else { return Ok(()) };
    let zone = profile.zone.clone().unwrap_or_else(|| business::current().zone);
    let hour = hour();
    let today = business::to_civil(clock::now(), &zone).map_err(failure)?;
    let this_year = day_in(today.year, month, day);
    if (today.month, today.day) == this_year && today.hour >= hour {
        greet(&profile, &zone, &today)?;
    }
    let is_over = (today.month, today.day, today.hour) >= (this_year.0, this_year.1, hour);
    let year = if is_over { today.year + 1 } else { today.year };
    let (month, day) = day_in(year, month, day);
    let next = Civil { year, month, day, hour, minute: 0, weekday: 0 };
    let next = business::to_instant(next, &zone).map_err(failure)?;
    schedule::set("birthday", next, "").map_err(failure)
}

fn greet(profile: &Profile, zone: &str, today: &Civil) -> Result<(), Failure> {
    let last_minute = business::to_instant(Civil { hour: 23, minute: 59, ..*today }, zone).map_err(failure)?;
    let name = profile.name.as_ref().map_or(String::new(), |name| format!(", {name}"));
    let draft = Draft {
        purpose: "marketing".into(),
        content: Content::Template(("greeting".into(), vec![("name".into(), Value::Text(name))])),
        channel: None,
        about: None,
        expires: Some(last_minute),
        once: Some(format!("birthday/{}", today.year)),
    };
    message::send(&draft).map_err(failure).map(drop)
}

/// Month and day of `1992-02-29` or `02-29`. The year is not looked at.
fn read(text: &str) -> Option<(u8, u8)> {
    let month_and_day = match text.len() {
        10 => text.get(4..)?.strip_prefix('-')?,
        _ => text,
    };
    let (month, day) = month_and_day.split_once('-')?;
    let number = |text: &str| if text.len() == 2 { text.parse().ok() } else { None };
    let (month, day) = (number(month)?, number(day)?);
    let days = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    (1..=days).contains(&day).then_some((month, day))
}

/// When a birthday is celebrated in a year: 29 February is 1 March where there is none.
fn day_in(year: i16, month: u8, day: u8) -> (u8, u8) {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (month, day) == (2, 29) && !is_leap { (3, 1) } else { (month, day) }
}

/// The host has filled in the schema's default.
fn hour() -> u8 {
    let settings: serde_json::Value = serde_json::from_str(&settings::get()).unwrap_or_default();
    settings["hour"].as_u64().and_then(|hour| u8::try_from(hour).ok()).unwrap_or(9)
}

fn failure(refusal: Refusal) -> Failure {
    Failure::Reject(format!("{}: {}", refusal.code, refusal.text))
}

/// A plugin has no standard error: a panic's text reaches the record of why through the log.
fn tell_of_panics() {
    std::panic::set_hook(Box::new(|panic| log::write(log::Level::Error, &panic.to_string())));
}
