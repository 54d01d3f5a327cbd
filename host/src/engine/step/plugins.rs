//! Running plugins within a step, and what is done about one that fails: a *share* (entry, plugin, attempt) waits and is
//! tried again; later entries of the customer wait for that plugin only; in the end the share is a dead letter.

use std::sync::Arc;

use crate::domain::entry::{Entry, Input, News};
use crate::domain::ids::DeadLetterId;
use crate::domain::message::Author;
use crate::domain::plugin::Export;
use crate::domain::time::{HOUR, Instant};
use crate::engine::journal;
use crate::engine::why::Run;
use crate::sandbox::{Call, OVERTIME_RUNS, Outcome};
use crate::store::StoreError;
use crate::turn::config::Plugin;
use crate::turn::records::{DeadLetter, Share};
use crate::turn::{Effect, Turn};

use super::{Action, Step};

impl Step<'_> {
    /// The plugins that run and export an interface, in the owner's order.
    pub(super) fn exporters(&self, export: Export) -> Vec<Arc<Plugin>> {
        self.env.ready.config.exporters(export).cloned().collect()
    }

    /// Lets a plugin have its part of this entry, unless an earlier part of it still waits.
    pub(super) fn offer(&mut self, plugin: &Arc<Plugin>, call: &Call) {
        if self.has_share(plugin) {
            self.note(format!(
                "{} still has to do with an earlier event of this customer, so this one waits",
                plugin.name
            ));
            let share = self.share(&plugin.name, call, 0);
            self.wait(share);
            return;
        }
        let outcome = self.invoke(plugin, call, self.entry.clone(), 1);
        if !succeeded(&outcome) {
            let share = self.share(&plugin.name, call, 0);
            self.settle(share, outcome);
        }
    }

    pub(super) fn has_share(&mut self, plugin: &Plugin) -> bool {
        self.turn.shares().iter().any(|share| *share.plugin == *plugin.name)
    }

    /// This entry's part for a plugin, to be kept.
    pub(super) fn share(&self, plugin: &str, call: &Call, attempts: u32) -> Share {
        Share {
            plugin: plugin.to_owned(),
            export: call.export(),
            entry: self.entry.id,
            number: self.entry.number,
            message: match call {
                Call::OnMessage(message) | Call::WatchMessage(message) => Some(message.id),
                _ => None,
            },
            note: match call {
                Call::OnTimer(_, _, note) => Some(note.clone()),
                _ => None,
            },
            attempts,
            reason: String::new(),
        }
    }

    /// Keeps a share that waits behind another one.
    pub(super) fn wait(&mut self, share: Share) {
        let limit = self.turn.scene.limits.shares;
        let waiting = self.turn.shares().iter().filter(|one| one.plugin == share.plugin).count();
        if waiting >= limit {
            let reason = format!("{limit} events of this customer already wait for this plugin");
            self.give_up(Share { reason, ..share });
        } else {
            self.turn.stage(Effect::Share(share));
        }
    }

    /// Keeps a share that failed for another attempt, or gives it up.
    pub(super) fn settle(&mut self, share: Share, outcome: Outcome) {
        let limits = self.turn.scene.limits;
        let (reason, after_ms) = match outcome {
            Outcome::Done | Outcome::Answered | Outcome::Passed | Outcome::Off(_) => return,
            Outcome::Reject(reason) => {
                self.give_up(Share { attempts: share.attempts + 1, reason, ..share });
                return;
            }
            Outcome::Retry(reason, after_ms) => (reason, after_ms),
            Outcome::Failed(reason) => (reason, 0),
            Outcome::Overtime => ("took longer than it may, several times".to_owned(), 0),
        };
        let share = Share { attempts: share.attempts + 1, reason, ..share };
        if share.attempts >= limits.attempts {
            self.give_up(share);
            return;
        }
        let wait_ms = limits.backoff_ms(share.attempts + 1, self.seed()).max(after_ms);
        let at = self.now().plus(wait_ms);
        self.note(format!("{} is tried again at {at}", share.plugin));
        self.turn.stage(Effect::RetryAt { plugin: share.plugin.clone(), at });
        self.turn.stage(Effect::Share(share));
    }

    /// A number that differs from entry to entry, for jitter.
    pub(super) fn seed(&self) -> u64 {
        self.entry.id.0.iter().fold(0, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(*byte)))
    }

    fn give_up(&mut self, share: Share) {
        let plugin = share.plugin.clone();
        self.note(format!("{plugin} is not tried again after {} attempts: {}", share.attempts, share.reason));
        self.turn.stage(Effect::ShareDone { plugin, number: share.number });
        let letter = DeadLetter { id: DeadLetterId::new(self.now(), self.turn.mint()), at: self.now(), share };
        self.turn.stage(Effect::DeadLetter(letter));
    }

    /// Runs a plugin once. Whatever it does, the step goes on; a failed run leaves nothing but its record.
    pub(super) fn invoke(&mut self, plugin: &Arc<Plugin>, call: &Call, subject: Arc<Entry>, attempt: u32) -> Outcome {
        let Some(component) = self.env.ready.component(&plugin.name) else {
            return Outcome::Retry("its component could not be loaded on this host".to_owned(), HOUR);
        };
        let mut overtime = 0;
        loop {
            let started_us = self.env.world.stopwatch_us();
            self.turn.begin(plugin.clone(), subject.clone());
            let scene = self.turn.scene.clone();
            let turn = std::mem::replace(&mut self.turn, Turn::new(scene));
            let (turn, ran) = self.env.sandbox.run(&component, call, turn);
            self.turn = turn;
            let keep = succeeded(&ran.outcome);
            let (effects, mut trace) = self.turn.end(keep);
            self.measured.runs_us.push(self.env.world.stopwatch_us().saturating_sub(started_us));
            if ran.outcome == Outcome::Overtime && overtime + 1 < OVERTIME_RUNS {
                overtime += 1;
                continue;
            }
            if let Outcome::Off(reason) = &ran.outcome {
                self.off.get_or_insert_with(|| reason.clone());
            }
            let words = words(&ran.outcome);
            let left_out = trace.left_out();
            self.why.runs.push(Run {
                plugin: plugin.name.to_string(),
                version: plugin.installed.manifest.version.clone(),
                digest: plugin.installed.digest.clone(),
                export: call.export(),
                attempt,
                outcome: words.clone(),
                failed: !keep,
                calls: trace.take_calls(),
                left_out,
                effects,
                log: trace.take_log(),
                fuel: ran.fuel,
            });
            let occasion = call.export().sentence().split(" (").next().unwrap_or_default();
            let failure = (!keep).then(|| format!("when {occasion}, it {words}"));
            self.actions.push(Action::Ran { plugin: plugin.name.to_string(), failure });
            return ran.outcome;
        }
    }

    /// Notes what the owner's reader did in this step, once for all texts.
    pub(super) fn reads(&mut self) {
        let Some(mut reads) = self.turn.take_reads() else { return };
        let (plugin, failed) = (reads.plugin.clone(), reads.failure.is_some());
        let outcome = match &reads.failure {
            Some(failure) => failure.to_string(),
            None if reads.read > 0 => "read".to_owned(),
            None => "passed".to_owned(),
        };
        let short = outcome.lines().next().unwrap_or_default().to_owned();
        if failed {
            self.note(format!("the reader {} failed ({short}): Attune's own reading was used", plugin.name));
        }
        self.why.runs.push(Run {
            plugin: plugin.name.to_string(),
            version: plugin.installed.manifest.version.clone(),
            digest: plugin.installed.digest.clone(),
            export: Export::Reading,
            attempt: 1,
            outcome,
            failed,
            calls: reads.take_calls(),
            left_out: reads.left_out(),
            effects: Vec::new(),
            log: reads.take_log(),
            fuel: reads.fuel,
        });
        let failure = reads.only_failed().then(|| format!("when {}, it failed: {short}", Export::Reading.sentence()));
        self.actions.push(Action::Ran { plugin: plugin.name.to_string(), failure });
    }

    /// A timer fell due.
    pub(super) fn timer(&mut self, plugin: &str, key: &str, due: Instant) {
        self.why.what = format!("a timer of {plugin} fell due");
        let Some(timer) = self.turn.timer(plugin, key).filter(|timer| timer.due == due) else {
            self.note("the timer was moved or cancelled meanwhile");
            return;
        };
        self.turn.stage(Effect::Timer { plugin: Arc::from(plugin), key: key.to_owned(), timer: None });
        let call = Call::OnTimer(timer.key, due, timer.note);
        match self.running(plugin, Export::OnTimer) {
            Some(plugin) => self.offer(&plugin, &call),
            None => self.note(format!("{plugin} does not run at present, so its timer is dropped")),
        }
    }

    fn running(&self, name: &str, export: Export) -> Option<Arc<Plugin>> {
        self.env.ready.config.exporters(export).find(|plugin| *plugin.name == *name).cloned()
    }

    /// A plugin's shares are to be tried again, in order, until one fails.
    pub(super) fn retry(&mut self, plugin: &str) {
        self.why.what = format!("{plugin} is tried again");
        let shares: Vec<Share> = self.turn.shares().into_iter().filter(|share| share.plugin == plugin).collect();
        for share in shares {
            let Some(running) = self.running(plugin, share.export) else {
                if self.env.ready.config.plugin(plugin).is_none() {
                    self.give_up(Share { reason: "the plugin was removed".to_owned(), ..share });
                    continue;
                }
                self.note(format!("{plugin} does not run at present; it is tried again in an hour"));
                let at = self.now().plus(HOUR);
                self.turn.stage(Effect::RetryAt { plugin: plugin.to_owned(), at });
                return;
            };
            let entry = match self.entry_of(&share) {
                Ok(Some(entry)) => Arc::new(entry),
                Ok(None) => {
                    self.give_up(Share { reason: "its entry is no longer in the journal".to_owned(), ..share });
                    continue;
                }
                Err(error) => {
                    self.off.get_or_insert_with(|| error.to_string());
                    return;
                }
            };
            let Some(call) = self.call_again(&share, &entry) else {
                self.note(format!("{plugin} need not be tried again: the message was answered, or a person has it"));
                self.turn.stage(Effect::ShareDone { plugin: plugin.to_owned(), number: share.number });
                continue;
            };
            let outcome = self.invoke(&running, &call, entry, share.attempts + 1);
            if succeeded(&outcome) {
                self.turn.stage(Effect::ShareDone { plugin: plugin.to_owned(), number: share.number });
            } else {
                let given_up = share.attempts + 1 >= self.turn.scene.limits.attempts;
                let given_up = given_up || matches!(outcome, Outcome::Reject(_));
                self.settle(share, outcome);
                if !given_up {
                    return;
                }
            }
        }
    }

    /// The entry that a share is a part of: one of this customer, or of somebody who is part of them since.
    fn entry_of(&self, share: &Share) -> Result<Option<Entry>, StoreError> {
        let records = self.records();
        match journal::lane(records.view().as_ref(), records.business(), share.number)? {
            Some(lane) if lane == records.who() => journal::read(records, share.number),
            Some(lane) => journal::read(&(self.env.others)(lane)?, share.number),
            None => Ok(None),
        }
    }

    /// What to call for a share; none if there is no point any more.
    fn call_again(&mut self, share: &Share, entry: &Entry) -> Option<Call> {
        match (&entry.input, share.export) {
            (Input::Event(_), Export::WatchMessage) => Some(Call::WatchMessage(self.turn.message(share.message?)?)),
            (Input::Event(_), Export::OnMessage) => {
                let message = self.turn.message(share.message?)?;
                let answered = self.turn.messages(50).iter().any(|later| {
                    later.id > message.id
                        && later.delivery.is_live()
                        && matches!(later.author, Author::Staff | Author::Automation)
                });
                (!answered && !self.turn.case_is_open()).then_some(Call::OnMessage(message))
            }
            (Input::Timer { key, due, .. }, Export::OnTimer) => {
                Some(Call::OnTimer(key.clone(), *due, share.note.clone().unwrap_or_default()))
            }
            (Input::Hour { ended }, Export::OnHour) => Some(Call::OnHour(*ended)),
            (Input::Event(event), export) => match (&event.news, export) {
                (News::Appointment { change, appointment }, Export::OnAppointment) => {
                    let known = self.turn.appointments();
                    let now =
                        known.into_iter().find(|one| one.id == appointment.id && one.source == appointment.source);
                    Some(Call::OnAppointment(change.clone(), now.unwrap_or_else(|| Arc::new(appointment.clone()))))
                }
                (News::Order { change, order }, Export::OnOrder) => {
                    let known = self.turn.orders();
                    let now = known.into_iter().find(|one| one.id == order.id && one.source == order.source);
                    Some(Call::OnOrder(change.clone(), now.unwrap_or_else(|| Arc::new(order.clone()))))
                }
                (News::Other(data), Export::OnEvent) => Some(Call::OnEvent(event.kind.clone(), data.clone())),
                _ => None,
            },
            _ => None,
        }
    }
}

fn succeeded(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Done | Outcome::Answered | Outcome::Passed)
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done => "done".to_owned(),
        Outcome::Answered => "answered".to_owned(),
        Outcome::Passed => "passed".to_owned(),
        Outcome::Retry(reason, _) => format!("asked to be tried again: {reason}"),
        Outcome::Reject(reason) => format!("rejected the event: {reason}"),
        Outcome::Failed(reason) => reason.clone(),
        Outcome::Overtime => "took too long, several times".to_owned(),
        Outcome::Off(reason) => format!("the host could not go on: {reason}"),
    }
}
