//! The brake: what pauses automations, at once and whatever the lanes are still busy with, and what lets them go on.
//!
//! What the configuration does not say yet is kept here in memory; a step that meets it writes so beside its entry.

use std::sync::{Arc, PoisonError, mpsc};

use crate::domain::entry::{Change, Entry, Input};
use crate::domain::ids::BusinessId;
use crate::domain::message::Message;
use crate::domain::promises::Pause;
use crate::domain::time::Instant;
use crate::store::View;

use super::breaker::Followup;
use super::config::Ready;
use super::{Engine, NotTaken, lock};

impl Engine {
    pub(super) fn paused_now(&self, business: BusinessId) -> Vec<String> {
        let paused = self.paused_now.read().unwrap_or_else(PoisonError::into_inner);
        paused.iter().filter(|(whose, _)| *whose == business).map(|(_, name)| name.clone()).collect()
    }

    /// Pauses everything automated, at once: from this call on the gate lets no automated message out, however much waits in the
    /// business's lanes before the entry that says so. Returns once that entry is durable, and does not wait for its turn.
    ///
    /// # Errors
    /// [`NotTaken`]; nothing is paused then.
    pub fn pause_all(self: &Arc<Self>, business: BusinessId, by: &str, reason: &str) -> Result<Pause, NotTaken> {
        let paused = || self.paused_now.write().unwrap_or_else(PoisonError::into_inner);
        let everything = (business, "*".to_owned());
        paused().insert(everything.clone());
        let change = Change::PauseAll { reason: reason.to_owned() };
        let (sender, receiver) = mpsc::sync_channel(1);
        self.append_own(business, Input::Owner { by: by.to_owned(), change }, move |result| drop(sender.send(result)));
        let taken = receiver.recv().unwrap_or_else(|_| Err(NotTaken::Stopped("the store stopped".to_owned())));
        if let Err(error) = taken {
            paused().remove(&everything);
            return Err(error);
        }
        Ok(Pause { since: self.parts.world.now(), by: by.to_owned(), reason: reason.to_owned() })
    }

    /// Counts what a step led to, and does what follows from that.
    pub(super) fn watch_counts(
        self: &Arc<Self>,
        entry: &Entry,
        view: &dyn View,
        messages: &[Arc<Message>],
        said_stop: bool,
    ) {
        let Some(ready) = self.ready(entry.business).filter(|_| self.replayed.is_none()) else { return };
        let rules = &ready.config.business.promises.breaker;
        let counted = lock(&self.counts).count(view, entry, messages, said_stop, rules);
        let followups = counted.unwrap_or_else(|error| {
            tracing::error!(%error, "what was sent in the past could not be read; nothing is held against it");
            Vec::new()
        });
        for followup in followups {
            let input = match followup {
                Followup::Counted(hour, sent) => Input::Counted { hour, sent },
                Followup::Pause(plugin, reason) => {
                    let name = (entry.business, plugin.clone());
                    self.paused_now.write().unwrap_or_else(PoisonError::into_inner).insert(name);
                    Input::Pause { plugin, reason }
                }
            };
            let (engine, business) = (self.clone(), entry.business);
            let plugin = match &input {
                Input::Pause { plugin, .. } => Some(plugin.clone()),
                _ => None,
            };
            self.append_own(business, input, move |result| {
                if let Err(error) = result {
                    tracing::error!(%error, "an entry of Attune's own was not taken");
                    // What no entry says would be paused until a restart, and nobody could tell why.
                    let mut paused = engine.paused_now.write().unwrap_or_else(PoisonError::into_inner);
                    paused.retain(|(whose, name)| *whose != business || Some(name) != plugin.as_ref());
                }
            });
        }
    }

    /// The configuration was read again: what it says now is no longer kept beside it, and what was resumed goes on.
    pub(super) fn paused_or_resumed(&self, business: BusinessId, before: Option<&Ready>, ready: &Ready) {
        let paused = ready.config.business.paused.is_some();
        let was_paused = before.is_some_and(|before| before.config.business.paused.is_some());
        let says = |name: &String| match name.as_str() {
            "*" => paused,
            name => ready.config.plugin(name).is_none_or(|plugin| plugin.installed.paused.is_some()),
        };
        // What the configuration says now it says to a replay as well.
        let mut now = self.paused_now.write().unwrap_or_else(PoisonError::into_inner);
        now.retain(|(whose, name)| *whose != business || !says(name));
        drop(now);
        if was_paused && !paused {
            lock(&self.counts).resumed(business, "*");
        }
        let is_stopped = |name: &str, ready: &Ready| {
            ready.config.plugin(name).is_some_and(|plugin| plugin.installed.paused.is_some())
        };
        for plugin in before.into_iter().flat_map(|before| &before.config.plugins) {
            if plugin.installed.paused.is_some() && !is_stopped(&plugin.name, ready) {
                lock(&self.counts).resumed(business, &plugin.name);
            }
        }
        // What was held may go on.
        self.due.wake(Instant(0));
    }
}
