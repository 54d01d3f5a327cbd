//! Reminds customers of their appointments, notes what they answer, and writes once afterwards if the owner wants that.
//!
//! It never changes the calendar: an answer is the customer's word, and moving an appointment is left to staff.

mod answers;
mod bindings;

use bindings::attune::host::message::{self, Content, Draft, Receipt, Value};
use bindings::attune::host::{appointments, business, clock, customer, log, schedule, settings};
use bindings::attune::types::types::{Appointment, Civil, Failure, Instant, Moment, Refusal};
use bindings::exports::attune::automation::{on_appointment, on_timer};

const HOUR_MS: u64 = 3_600_000;

#[derive(serde::Deserialize)]
struct Settings {
    remind_before_hours: Vec<u64>,
    /// 0 is off, here and below.
    follow_up_after_hours: u64,
    missed_follow_up_after_hours: u64,
}

struct Plugin;

impl on_appointment::Guest for Plugin {
    /// Keeps the timers in step with the calendar. A timer's key is what it is for, hours and appointment; its note is
    /// the start it was set for.
    fn handle(change: String, appointment: Appointment) -> Result<(), Failure> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        answers::withdraw_untrue(&appointment);
        let settings = read_settings()?;
        let key = |what: &str, hours: u64| format!("{what}/{hours}/{}", appointment.id);
        let note = appointment.starts.to_string();
        for &hours in &settings.remind_before_hours {
            let at = remind_at(&appointment, hours)?;
            if appointment.status == "booked" && at > clock::now() {
                schedule::set(&key("remind", hours), at, &note).map_err(failure)?;
            } else {
                schedule::cancel(&key("remind", hours));
            }
        }
        let (what, hours) = match change.as_str() {
            "completed" => ("visited", settings.follow_up_after_hours),
            "missed" => ("missed", settings.missed_follow_up_after_hours),
            _ => return Ok(()),
        };
        if hours > 0 {
            schedule::set(&key(what, 0), appointment.ends + hours * HOUR_MS, &note).map_err(failure)?;
        }
        Ok(())
    }
}

impl on_timer::Guest for Plugin {
    /// What was true when the timer was set may no longer be, so everything is looked at again.
    fn handle(key: String, due: Instant, note: String) -> Result<(), Failure> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let mut parts = key.splitn(3, '/');
        let (what, hours) =
            (parts.next().unwrap_or_default(), parts.next().and_then(|hours| hours.parse::<u64>().ok()));
        let Some(appointment) = parts.next().and_then(appointments::get) else { return Ok(()) };
        if appointment.starts.to_string() != note {
            return Ok(());
        }
        let settings = read_settings()?;
        let (template, expires) = match (what, appointment.status.as_str()) {
            ("remind", "booked") if step_to_take(&settings, &appointment)? == hours => {
                match appointment.answer.as_str() {
                    "declined" => return Ok(()),
                    "confirmed" => ("reminder-confirmed", appointment.starts),
                    _ => ("reminder", appointment.starts),
                }
            }
            ("visited", "completed") if settings.follow_up_after_hours > 0 => ("visited", due + 72 * HOUR_MS),
            // Nobody who has booked anew wants to hear that they were missed.
            ("missed", "missed")
                if settings.missed_follow_up_after_hours > 0 && appointments::upcoming().is_empty() =>
            {
                ("missed", due + 72 * HOUR_MS)
            }
            _ => return Ok(()),
        };
        let draft = Draft {
            purpose: "service".into(),
            content: words(template, &appointment),
            channel: None,
            about: Some(appointment.id.clone()),
            expires: Some(expires),
            once: Some(format!("{key}/{note}")),
        };
        let receipt = message::send(&draft).map_err(failure)?;
        if what == "remind" { answers::remember(&receipt, &appointment) } else { Ok(()) }
    }
}

fn read_settings() -> Result<Settings, Failure> {
    serde_json::from_str(&settings::get()).map_err(|error| Failure::Reject(error.to_string()))
}

/// The step whose time it is: the last one that has come. After a stop of the host several timers fire at once, and only
/// one reminder is worth sending; a step that the owner has taken out since is no longer one.
fn step_to_take(settings: &Settings, appointment: &Appointment) -> Result<Option<u64>, Failure> {
    let mut come = None;
    for &hours in &settings.remind_before_hours {
        if remind_at(appointment, hours)? <= clock::now() && come.is_none_or(|least| hours < least) {
            come = Some(hours);
        }
    }
    Ok(come)
}

/// Whole days are days of the calendar: "48 hours before 14:00" is 14:00 two days before, also when clocks change.
fn remind_at(appointment: &Appointment, hours: u64) -> Result<Instant, Failure> {
    if !hours.is_multiple_of(24) {
        return Ok(appointment.starts.saturating_sub(hours * HOUR_MS));
    }
    let zone = &appointment.zone;
    let starts = business::to_civil(appointment.starts, zone).map_err(failure)?;
    // From noon to noon: no change of clocks is large enough to miss the day.
    let noon = business::to_instant(Civil { hour: 12, minute: 0, ..starts }, zone).map_err(failure)?;
    let day = business::to_civil(noon.saturating_sub(hours * HOUR_MS), zone).map_err(failure)?;
    business::to_instant(Civil { hour: starts.hour, minute: starts.minute, ..day }, zone).map_err(failure)
}

fn reply(template: &str, appointment: &Appointment) -> Result<Receipt, Failure> {
    let content = words(template, appointment);
    let draft = Draft { purpose: "reply".into(), content, channel: None, about: None, expires: None, once: None };
    message::send(&draft).map_err(failure)
}

/// `name` and `place` bring their own space, so that a sentence reads well without them.
fn words(template: &str, appointment: &Appointment) -> Content {
    let name = customer::current().and_then(|customer| customer.name).map_or(String::new(), |name| format!(" {name}"));
    let place = appointment.place.as_ref().map_or(String::new(), |place| format!(" ({place})"));
    let starts = Moment { at: appointment.starts, zone: appointment.zone.clone() };
    let values = [
        ("name", Value::Text(name)),
        ("service", Value::Text(appointment.service.clone())),
        ("place", Value::Text(place)),
        ("starts", Value::Moment(starts)),
    ];
    Content::Template((template.into(), values.map(|(name, value)| (name.to_owned(), value)).into()))
}

fn failure(refusal: Refusal) -> Failure {
    Failure::Reject(format!("{}: {}", refusal.code, refusal.text))
}
