//! Calling a person into the conversation: opening a case, and the host's one word on when somebody will be there.

use std::sync::Arc;

use crate::domain::case::{Case, Stage, Urgency};
use crate::domain::ids::CaseId;
use crate::domain::message::Purpose;
use crate::domain::sentences::{self, PersonWhen};

use super::judge::Written;
use super::send::no_customer;
use super::{Effect, Refusal, Turn};

impl Turn {
    /// `handoff.open`.
    pub fn open_case(&mut self, reason: &str, urgency: &str, summary: &str) -> Result<(), Refusal> {
        let result = self.try_open_case(reason, urgency, summary);
        self.note("handoff.open", &(reason, urgency, summary), &result);
        result
    }

    fn try_open_case(&mut self, reason: &str, urgency: &str, summary: &str) -> Result<(), Refusal> {
        let plugin = self.running()?;
        self.customer().ok_or_else(no_customer)?;
        let level = Urgency::parse(urgency)
            .ok_or_else(|| Refusal::new("bad-argument", format!("urgency `{urgency}` is none of low, normal, high")))?;
        self.fits("reason", reason, self.limits.note_bytes)?;
        self.fits("summary", summary, self.limits.summary_bytes)?;
        self.spend(reason.len() + summary.len());
        self.call_person(&plugin.name, reason, level, summary);
        Ok(())
    }

    /// Opens a case, or adds to the one that is open. The customer is told once a case when a person will be there.
    pub fn call_person(&mut self, by: &str, reason: &str, level: Urgency, summary: &str) {
        match self.case() {
            Some(case) if case.is_open() => {
                let mut case = Case::clone(&case);
                // Staff read the summary; what every message would add again is of no use to them.
                if !case.summary.contains(summary) && case.summary.len() < 8 * self.limits.summary_bytes {
                    case.summary = format!("{}\n\n{summary}", case.summary);
                }
                case.urgency = case.urgency.max(level);
                case.revision += 1;
                self.stage(Effect::Case(Arc::new(case)));
            }
            _ => {
                let case = Case {
                    id: CaseId::new(self.now(), self.mint()),
                    customer: self.scene.entry.customer,
                    opened: self.now(),
                    reason: reason.to_owned(),
                    urgency: level,
                    summary: summary.to_owned(),
                    opened_by: by.to_owned(),
                    stage: Stage::Waiting,
                    revision: 1,
                };
                self.stage(Effect::Case(Arc::new(case)));
                self.say_when_a_person_comes();
            }
        }
    }

    /// The host's one word, when a case opens.
    fn say_when_a_person_comes(&mut self) {
        let Some(customer) = self.customer() else { return };
        let config = self.scene.config.clone();
        let business = &config.business;
        let language = customer.language.clone().unwrap_or_else(|| business.language.clone());
        let when = if business.hours.is_open(self.now(), &config.zone) {
            PersonWhen::Now
        } else {
            match business.hours.next_open(self.now(), &config.zone) {
                Some(at) => PersonWhen::At { at, zone: config.zone.clone(), now: self.now() },
                None => PersonWhen::Unknown,
            }
        };
        let text = sentences::person_will_answer(&language, when, &business.name);
        let channel = self.pick_channel(None, Purpose::Reply);
        self.stage_message(Written::by_host(channel, text, language, None));
    }

    /// `handoff.current`: none, waiting, or taken by somebody.
    pub fn case_stage(&mut self) -> Option<Stage> {
        let stage = self.case().filter(|case| case.is_open()).map(|case| case.stage.clone());
        self.note("handoff.current", &(), &stage);
        stage
    }
}
