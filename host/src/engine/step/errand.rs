//! Errands on their way: claimed when they are due, and what the other end said. Notices go out while automations are paused, since
//! that is when staff have to hear; answers to calendars wait (see `engine/due.rs`).

use crate::domain::appointment::{Answer, Appointment, AppointmentStatus};
use crate::domain::case::Urgency;
use crate::domain::entry::Outcome;
use crate::domain::errand::{Errand, State, What, pause_ms};
use crate::domain::ids::{ErrandId, NoticeId};
use crate::domain::locale;
use crate::domain::plugin::Export;
use crate::domain::time::DAY;
use crate::turn::Effect;
use crate::turn::records::{Example, Notice};

use super::delivery::LONGEST_WAIT;
use super::{Action, Step};

impl Step<'_> {
    /// An errand is due. After the commit of this step it is handed over.
    pub(super) fn errand(&mut self, id: ErrandId) {
        let Some(errand) = self.turn.errand(id) else {
            self.why.what = "an errand is due".to_owned();
            return self.note("there is no such errand");
        };
        self.why.what = format!("{} is due", name(&errand));
        if !matches!(errand.state, State::Queued | State::Deferred { .. }) {
            return self.note(format!("it is {} already", errand.state.word()));
        }
        let attempt = errand.attempts + 1;
        let mut changed = Errand { attempts: attempt, state: State::Attempting { attempt }, ..Errand::clone(&errand) };
        if let What::Answer { plugin, appointment, answer, .. } = &errand.what {
            let known = self.appointment_of(plugin, appointment);
            if let Some(reason) = of_no_use(known.as_ref(), *answer) {
                (changed.attempts, changed.state) = (errand.attempts, State::Dropped { reason: reason.to_owned() });
            } else if let Err(reason) = self.may_write_back(plugin) {
                changed.attempts = errand.attempts;
                self.people_have_to(&mut changed, known.as_ref(), reason);
            }
        }
        self.errand_is(changed);
    }

    /// What the other end said of an attempt.
    pub(super) fn errand_outcome(&mut self, id: ErrandId, attempt: u32, outcome: &Outcome) {
        let Some(errand) = self.turn.errand(id) else {
            self.why.what = "it is told what became of an errand".to_owned();
            return self.note("there is no such errand");
        };
        self.why.what = format!("it is told what became of {}", name(&errand));
        if errand.state != (State::Attempting { attempt }) {
            return self.note(format!("it is about attempt {attempt}, and the errand is {}", errand.state.word()));
        }
        let mut changed = Errand::clone(&errand);
        let appointment = match &errand.what {
            What::Answer { plugin, appointment, .. } => self.appointment_of(plugin, appointment),
            What::Notice { .. } => None,
        };
        let is_notice = matches!(errand.what, What::Notice { .. });
        match outcome {
            Outcome::Sent | Outcome::Accepted { .. } => changed.state = State::Done { at: self.now() },
            Outcome::Retry(reason) => self.again(&mut changed, appointment.as_ref(), reason, 0),
            Outcome::Later { reason, after_ms } => self.again(&mut changed, appointment.as_ref(), reason, *after_ms),
            // Staff would rather read it twice than not at all.
            Outcome::Unknown(reason) if is_notice => self.again(&mut changed, None, reason, 0),
            Outcome::Unknown(reason) => {
                changed.state = State::Uncertain { reason: reason.clone() };
                let words = format!("it is not known whether {} has it ({reason}); look there", of(&errand));
                self.tell_of(&changed, appointment.as_ref(), &words);
            }
            Outcome::Gone { plugin, reason } => {
                self.actions.push(Action::Gone { plugin: plugin.clone(), reason: reason.clone() });
                self.people_have_to(&mut changed, appointment.as_ref(), reason.clone());
            }
            Outcome::Failed(reason) | Outcome::Unreachable(reason) => {
                let words = format!("{} did not take it: {reason}", of(&errand));
                self.people_have_to(&mut changed, appointment.as_ref(), words);
            }
            Outcome::Unwanted => {
                let words = format!("{} takes no such answer from here", of(&errand));
                self.people_have_to(&mut changed, appointment.as_ref(), words);
            }
        }
        self.errand_is(changed);
    }

    /// It is tried again in a while, over three days; an answer only as long as the appointment is ahead.
    fn again(&mut self, errand: &mut Errand, appointment: Option<&Appointment>, reason: &str, asked_ms: u64) {
        let pause = pause_ms(errand.attempts, self.seed()).map(|pause| pause.max(asked_ms.min(LONGEST_WAIT)));
        let until = pause.map(|pause| self.now().plus(pause));
        let is_early = |until| appointment.is_none_or(|appointment| until < appointment.starts);
        match until.filter(|until| is_early(*until)) {
            Some(until) => errand.state = State::Deferred { until, reason: reason.to_owned() },
            None => {
                let words = format!("{} did not take it in {} attempts: {reason}", of(errand), errand.attempts);
                self.people_have_to(errand, appointment, words);
            }
        }
    }

    /// It failed for good. Of an answer, staff are told what to do. Of a notice nobody is told by another one, which might go the
    /// same way for ever: it stands in the list of notices with what became of it.
    fn people_have_to(&mut self, errand: &mut Errand, appointment: Option<&Appointment>, reason: String) {
        self.tell_of(errand, appointment, &format!("{reason}, so enter it there yourself"));
        errand.state = State::Failed { reason };
    }

    fn tell_of(&mut self, errand: &Errand, appointment: Option<&Appointment>, words: &str) {
        let (What::Answer { answer, told: false, .. }, Some(appointment)) = (&errand.what, appointment) else { return };
        let (title, does) = match answer {
            Answer::Declined => ("An appointment was declined", "declined"),
            Answer::AskedToMove => ("A customer asks for another time", "asks for another time for"),
            Answer::Confirmed | Answer::None => ("An appointment was confirmed", "confirmed"),
        };
        let is_soon = appointment.starts < self.now().plus(DAY);
        let urgency = match answer {
            Answer::Confirmed | Answer::None => Urgency::Low,
            _ if is_soon => Urgency::High,
            _ => Urgency::Normal,
        };
        let who = self.turn.customer().and_then(|customer| customer.name.clone());
        let who = who.unwrap_or_else(|| "The customer".to_owned());
        let service = if appointment.service.is_empty() { "the appointment" } else { &appointment.service };
        let starts = appointment.starts.in_zone(&self.env.ready.config.zone);
        let when = match appointment.is_known() {
            true => format!(" on {}, {}", locale::date("en", starts.date()), locale::time("en", starts.time())),
            false => String::new(),
        };
        self.tell(urgency, title, &format!("{who} {does} {service}{when}; {words}."), Vec::new());
    }

    /// Whether a connector can be told of answers, else in words why not.
    fn may_write_back(&self, plugin: &str) -> Result<(), String> {
        let Some(known) = self.env.ready.config.plugin(plugin) else {
            return Err(format!("there is no plugin {plugin} any more"));
        };
        if !known.installed.exports.contains(&Export::WritingBack) {
            return Err(format!("{plugin} cannot be told from here"));
        }
        if let Some(paused) = &known.installed.paused {
            return Err(format!("{plugin} is stopped ({})", paused.reason));
        }
        if !known.installed.ungranted().is_empty() {
            return Err(format!("{plugin} asks for permissions that it was not given"));
        }
        if known.runs { Ok(()) } else { Err(format!("{plugin} is turned off")) }
    }

    fn appointment_of(&mut self, source: &str, id: &str) -> Option<Appointment> {
        let found = self.turn.appointments().into_iter().find(|one| one.source == source && one.id == id);
        found.map(|one| Appointment::clone(&one))
    }

    fn errand_is(&mut self, mut errand: Errand) {
        self.note(match &errand.state {
            State::Deferred { until, reason } => format!("not yet: {reason}; again at {until}"),
            State::Failed { reason } | State::Uncertain { reason } | State::Dropped { reason } => {
                format!("it is {}: {reason}", errand.state.word())
            }
            state => format!("it is {}", state.word()),
        });
        errand.trail.push(self.entry.id);
        self.turn.stage(Effect::Errand(errand.into()));
    }

    /// A notice of the host's own, with messages that show what it is about.
    pub(super) fn tell(&mut self, urgency: Urgency, title: &str, text: &str, examples: Vec<Example>) {
        let notice = Notice {
            id: NoticeId::new(self.now(), self.turn.mint()),
            at: self.now(),
            urgency: urgency.word().to_owned(),
            title: title.to_owned(),
            text: text.to_owned(),
            plugin: "host".to_owned(),
            examples,
            errands: Vec::new(),
        };
        self.turn.stage(Effect::Notice(notice));
    }
}

/// Why a calendar need not hear of an answer any more.
fn of_no_use(appointment: Option<&Appointment>, answer: Answer) -> Option<&'static str> {
    match appointment {
        None => Some("the appointment is not known any more"),
        Some(known) if known.status != AppointmentStatus::Booked => Some("the appointment does not stand any more"),
        Some(known) if known.answer != answer => Some("the customer answered otherwise since, or the time is another"),
        Some(_) => None,
    }
}

fn name(errand: &Errand) -> String {
    match &errand.what {
        What::Notice { channel, .. } => format!("a notice to staff by {channel}"),
        What::Answer { plugin, answer, .. } => format!("an answer ({}) to the calendar of {plugin}", answer.word()),
    }
}

/// Whose doing it is.
fn of(errand: &Errand) -> &str {
    match &errand.what {
        What::Notice { channel, .. } => channel,
        What::Answer { plugin, .. } => plugin,
    }
}
