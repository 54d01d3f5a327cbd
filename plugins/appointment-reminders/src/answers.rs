//! What customers answer to a reminder. A single letter means nothing elsewhere, so it counts only as the answer to a
//! message that is known to be about an appointment.

use crate::bindings::attune::host::message::{self, Receipt, Verdict as Sending};
use crate::bindings::attune::host::{
    appointment_answers, appointments, business, clock, conversation, customer, log, staff, state,
};
use crate::bindings::attune::types::types::{Appointment, Failure, Instant, Message};
use crate::bindings::exports::attune::automation::{on_message, on_message::Verdict};
use crate::{HOUR_MS, Plugin, failure, reply};

impl on_message::Guest for Plugin {
    /// `C` confirms and `R` asks to move, as the answer to a reminder. Anything else is not for this plugin.
    fn handle(message: Message) -> Result<Verdict, Failure> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let first_line = message.text.lines().map(bare).find(|line| !line.is_empty()).unwrap_or_default();
        let (answer, template) = match first_line {
            "C" | "c" => ("confirmed", "confirmed"),
            "R" | "r" => ("asked-to-move", "moving"),
            _ => return Ok(Verdict::Passed),
        };
        let Some((id, starts)) = reminded_of(&message) else { return Ok(Verdict::Passed) };
        let Some(appointment) = appointments::get(&id) else { return Ok(Verdict::Passed) };
        if appointment.status != "booked" || appointment.starts <= clock::now() {
            return reply("closed", &appointment).and(Ok(Verdict::Answered));
        }
        // They answered to a time that is no longer true: tell the new one, and ask again.
        if appointment.starts != starts {
            remember(&reply("changed", &appointment)?, &appointment)?;
            return Ok(Verdict::Answered);
        }
        appointment_answers::answer(&id, answer).map_err(failure)?;
        if answer == "asked-to-move" {
            let day = business::to_civil(appointment.starts, &appointment.zone).map_err(failure)?;
            let text = format!(
                "{} would like another time for {} on {}-{:02}-{:02} at {:02}:{:02}.",
                customer::current().and_then(|customer| customer.name).unwrap_or("The customer".into()),
                appointment.service,
                day.year,
                day.month,
                day.day,
                day.hour,
                day.minute,
            );
            let soon = appointment.starts < clock::now() + 24 * HOUR_MS;
            staff::notify(if soon { "high" } else { "normal" }, "Asks to move an appointment", &text);
        }
        reply(template, &appointment).and(Ok(Verdict::Answered))
    }
}

fn bare(line: &str) -> &str {
    line.trim_matches(|letter: char| !letter.is_alphanumeric())
}

/// Which appointment, with which start, the message answers: that of the reminder it names, or of the reminder that was
/// the last thing they got.
fn reminded_of(message: &Message) -> Option<(String, Instant)> {
    let reached = |said: &&Message| {
        let state = said.extra.iter().find(|(name, _)| name == "state").map(|(_, state)| state.as_str());
        said.id != message.id && said.author != "customer" && !matches!(state, Some("deferred" | "failed"))
    };
    let reminder = match &message.in_reply_to {
        Some(id) => id.clone(),
        None => conversation::recent(20).iter().rev().find(reached)?.id.clone(),
    };
    let known = state::get("reminders")?;
    let line = known.lines().rev().find_map(|line| line.strip_prefix(&reminder)?.strip_prefix(' '))?;
    let (starts, id) = line.split_once(' ')?;
    Some((id.to_owned(), starts.parse().ok()?))
}

/// Notes that a message is about an appointment and its start; the last 20 such messages are known.
pub fn remember(receipt: &Receipt, appointment: &Appointment) -> Result<(), Failure> {
    if matches!(receipt.verdict, Sending::Withheld(_)) {
        return Ok(());
    }
    let known = state::get("reminders").unwrap_or_default();
    let mut lines: Vec<&str> = known.lines().rev().take(19).collect();
    let line = format!("{} {} {}", receipt.message, appointment.starts, appointment.id);
    lines.reverse();
    lines.push(&line);
    state::set("reminders", &lines.join("\n")).map_err(failure)
}

/// Takes back reminders of an appointment that wait for the morning, say, and are no longer true.
pub fn withdraw_untrue(appointment: &Appointment) {
    for line in state::get("reminders").unwrap_or_default().lines() {
        let mut parts = line.splitn(3, ' ');
        let (Some(id), Some(starts), Some(about)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let is_true = appointment.status == "booked" && starts == appointment.starts.to_string();
        if about == appointment.id && !is_true {
            // Most have gone out long ago, and then it is too late for this one.
            let _ = message::withdraw(id);
        }
    }
}
