//! Errands of a step: what staff are told besides the list of notices, and what a calendar is told.
//!
//! Which places a notice goes to is decided here, once a step, from the owner's own setting; when it goes is the engine's.

use std::sync::Arc;

use crate::domain::appointment::Appointment;
use crate::domain::case::{Case, Stage, Urgency};
use crate::domain::errand::{Errand, NoticeRoute, State, What};
use crate::domain::ids::{ErrandId, NoticeId};
use crate::domain::plugin::Export;

use super::records::{Notice, Records};
use super::{Effect, Turn};

/// What the title of a notice says when a person is called in: nothing that a customer wrote.
const CASE: &str = "A conversation needs a person";

impl Turn {
    /// An errand of this customer, with what was staged.
    pub fn errand(&mut self, id: ErrandId) -> Option<Arc<Errand>> {
        let staged = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Errand(errand) if errand.id == id => Some(errand.clone()),
            _ => None,
        });
        staged.or_else(|| self.read(|records: &Records| records.errand(id)).map(Arc::new))
    }

    /// Stages that the calendar an appointment came from is to be told of its answer. One that came from elsewhere has nobody to
    /// tell: whoever sends such events reads answers where they read appointments.
    pub(super) fn answer_goes_back(&mut self, appointment: &Appointment) {
        let connector = self.scene.config.plugin(&appointment.source);
        if !connector.is_some_and(|plugin| plugin.installed.exports.contains(&Export::Receiving)) {
            return;
        }
        let what = What::Answer {
            plugin: appointment.source.clone(),
            appointment: appointment.id.clone(),
            answer: appointment.answer,
            told: false,
        };
        let errand = self.new_errand(what, State::Queued);
        self.stage(Effect::Errand(Arc::new(errand)));
    }

    /// Stages what follows for staff from all that was staged: each notice, and each conversation that needs a person, goes to every
    /// place that the owner chose for its urgency. To be called once, at the end of a step.
    pub fn send_errands(&mut self) {
        let config = self.scene.config.clone();
        let called = self.called_in();
        let notices = self.effects.iter().any(|effect| matches!(effect, Effect::Notice(_)));
        if notices || called.is_some() {
            self.staff_are_told();
        }
        let routes = &config.business.notices;
        if let Some(case) = called.filter(|case| routes.iter().any(|route| route.from <= case.urgency)) {
            let name = self.customer().and_then(|customer| customer.name.clone());
            let who = name.map(|name| format!("{name}: ")).unwrap_or_default();
            let notice = Notice {
                id: NoticeId::new(self.now(), self.mint()),
                at: self.now(),
                urgency: case.urgency.word().to_owned(),
                title: CASE.to_owned(),
                text: format!("{who}{}\n{}", case.reason, case.summary),
                plugin: case.opened_by.clone(),
                examples: Vec::new(),
                errands: Vec::new(),
            };
            self.stage(Effect::Notice(notice));
        }
        for place in 0..self.effects.len() {
            let Some(Effect::Notice(notice)) = self.effects.get(place) else { continue };
            let mut notice = notice.clone();
            let urgency = Urgency::parse(&notice.urgency).unwrap_or(Urgency::Normal);
            for route in routes.iter().filter(|route| route.from <= urgency) {
                let errand = self.goes_to(route, notice.id, urgency);
                notice.errands.push(errand.id);
                self.stage(Effect::Errand(Arc::new(errand)));
            }
            if let Some(staged) = self.effects.get_mut(place) {
                *staged = Effect::Notice(notice);
            }
        }
    }

    fn goes_to(&mut self, route: &NoticeRoute, notice: NoticeId, urgency: Urgency) -> Errand {
        let (config, now) = (self.scene.config.clone(), self.now());
        let hours = &config.business.hours;
        let waits = route.when_open && urgency < Urgency::High && !hours.is_open(now, &config.zone);
        let state = match hours.next_open(now, &config.zone).filter(|_| waits) {
            Some(until) => State::Deferred { until, reason: "it is not urgent and waits for opening hours".to_owned() },
            None => State::Queued,
        };
        let NoticeRoute { channel, to, details, .. } = route.clone();
        self.new_errand(What::Notice { notice, channel, to, details }, state)
    }

    fn new_errand(&mut self, what: What, state: State) -> Errand {
        let at = self.now();
        let state = if self.scene.config.business.simulation { State::Simulated { at } } else { state };
        let entry = self.scene.entry.id;
        Errand { id: ErrandId::new(at, self.mint()), at, entry, what, attempts: 0, trail: Vec::new(), state }
    }

    /// The case for which a person is called in this step: one that was opened, or became more urgent, while nobody has it.
    fn called_in(&mut self) -> Option<Arc<Case>> {
        if !self.effects.iter().any(|effect| matches!(effect, Effect::Case(_))) {
            return None;
        }
        let case = self.case().filter(|case| case.stage == Stage::Waiting)?;
        let before = self.loaded_case.clone().flatten().filter(|before| before.id == case.id);
        before.is_none_or(|before| before.urgency < case.urgency).then_some(case)
    }

    /// Staff hear of what was answered in this step anyway.
    fn staff_are_told(&mut self) {
        for effect in &mut self.effects {
            if let Effect::Errand(errand) = effect
                && let What::Answer { told, .. } = &mut Arc::make_mut(errand).what
            {
                *told = true;
            }
        }
    }
}
