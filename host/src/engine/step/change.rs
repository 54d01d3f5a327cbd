//! What the owner or an operator changes: the business, its plugins, its tokens. These steps run in the business's own lane,
//! alone, so that every other step sees one configuration from beginning to end.

use std::ops::ControlFlow;

use serde::Serialize;

use crate::domain::business::Business;
use crate::domain::case::Urgency;
use crate::domain::entry::{Change, Install, PluginChange, Token};
use crate::domain::ids::{BusinessId, CustomerId, TokenId};
use crate::domain::plugin::{Installed, Paused};
use crate::domain::promises::Pause;
use crate::domain::time::{DAY, Instant};
use crate::domain::trust::Vouched;
use crate::domain::webhook::{Secret, Values};
use crate::engine::breaker::sent_key;
use crate::engine::config::{business_key, listed_key, plugin_key, secret_key, token_index, token_key};
use crate::store::{Key, Order, Range, Row, StoreError, Table};
use crate::turn::Effect;
use crate::turn::commit::{DueWhat, RETENTION_HASH, due_key, due_row};
use crate::turn::config::{check_settings, check_wordings};
use crate::turn::records::VERSION;

use super::{Action, Step};

impl Step<'_> {
    /// Something the owner or an operator changed.
    pub(super) fn change(&mut self, by: &str, change: &Change) -> Result<(), StoreError> {
        match change {
            Change::Business(business) => {
                self.why.what = format!("{by} sets up the business");
                let id = self.entry.business;
                let is_new = self.env.ready.config.business.name.is_empty();
                // Whether it is paused and whom it trusts is decided by other entries, and one of them may have come in between.
                let now = &self.env.ready.config.business;
                let (paused, trusted_keys) = (now.paused.clone(), now.trusted_keys.clone());
                self.put(business_key(id), &Business { paused, trusted_keys, ..business.as_ref().clone() });
                self.put(listed_key(id), &business.name);
                if is_new {
                    self.plan_retention(self.now().plus(DAY), None);
                }
            }
            Change::Install(install) => self.install(by, install),
            Change::Plugin { name, seen, set } => self.set_up(by, name, *seen, set),
            Change::Remove(name) => {
                self.why.what = format!("{by} removes plugin {name}");
                if let Some(installed) = self.known(name) {
                    self.turn.stage(Effect::Raw(plugin_key(self.entry.business, name), None));
                    for secret in installed.manifest.secrets.keys() {
                        self.turn.stage(Effect::Raw(secret_key(self.entry.business, name, secret), None));
                    }
                }
            }
            Change::PauseAll { reason } => self.pause_all(by, reason),
            Change::Resume => {
                self.why.what = format!("{by} lets automations go on");
                self.change_business(|business| business.paused = None);
            }
            Change::Token(token) => self.token(by, token),
            Change::Revoke(id) => self.revoke(by, *id),
            Change::Erase(customer) => return self.erase(by, *customer),
            Change::Merge { from, into, because } => return self.merge(by, *from, *into, because),
            Change::Part { from, into } => return self.part(by, *from, *into),
            Change::Trust { key, label } => self.trust(by, key, label),
            Change::Distrust(key) => self.distrust(by, key),
            Change::Knowledge(change) => self.knowledge(by, change),
            Change::Secret { plugin, name, values } => self.secret(by, plugin, name, values)?,
        }
        self.actions.push(Action::Reload(self.entry.business));
        Ok(())
    }

    pub(super) fn put<T: Serialize>(&mut self, key: Key, value: &T) {
        match Row::clear(VERSION, value) {
            Ok(row) => self.turn.stage(Effect::Raw(key, Some(row))),
            Err(error) => {
                self.off.get_or_insert_with(|| error.to_string());
            }
        }
    }

    /// A plugin by name; refuses the entry when there is none.
    fn known(&mut self, name: &str) -> Option<Installed> {
        let known = self.env.ready.config.plugin(name).map(|plugin| plugin.installed.clone());
        if known.is_none() {
            self.refuse("not-found", format!("there is no plugin `{name}` in this business"));
        }
        known
    }

    /// What a plugin's secret is from now on. The record of why has its name only.
    fn secret(&mut self, by: &str, plugin: &str, name: &str, values: &Values) -> Result<(), StoreError> {
        let does = if values.0.is_empty() { "takes away" } else { "sets" };
        self.why.what = format!("{by} {does} the secret `{name}` of plugin {plugin}");
        let Some(installed) = self.known(plugin) else { return Ok(()) };
        let secrets = &installed.manifest.secrets;
        if !secrets.contains_key(name) && !values.0.is_empty() {
            let known: Vec<&str> = secrets.keys().map(String::as_str).collect();
            let has = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            self.refuse("not-found", format!("plugin `{plugin}` has no secret `{name}`; it has {has}"));
            return Ok(());
        }
        let key = secret_key(self.entry.business, plugin, name);
        let row = match values.0.is_empty() {
            true => None,
            false => Some(self.turn.scene.records.row(&key, &Secret { values: values.clone(), since: self.now() })?),
        };
        self.turn.stage(Effect::Raw(key, row));
        Ok(())
    }

    /// A new plugin, or another version of one. What the owner decided stays; what the new version asks for beyond that has to
    /// be granted before it runs.
    fn install(&mut self, by: &str, install: &Install) {
        let (name, digest) = (&install.name, &install.digest);
        self.why.what = format!("{by} installs plugin {name} {}", install.manifest.version);
        let old = self.env.ready.config.plugin(name).map(|plugin| plugin.installed.clone());
        let (there, limit) = (self.env.ready.config.plugins.len(), self.turn.scene.limits.plugins);
        if old.is_none() && there >= limit {
            return self.refuse("invalid", format!("a business has at most {limit} plugins; remove one first"));
        }
        let before = old.as_ref().filter(|old| old.digest == *digest).map_or(Vouched::Signature, |old| old.vouched);
        let given = if install.vouched == Vouched::Signature { before } else { install.vouched };
        let Some(vouched) = self.vouched(name, install.signer.as_deref(), given, "install") else { return };
        let last = self.env.ready.config.plugins.iter().map(|plugin| plugin.installed.order).max().unwrap_or(0);
        let Install { manifest, exports, wants, .. } = install.clone();
        let mut installed =
            Installed::new(name, digest, manifest, exports.into_iter().collect(), wants.into_iter().collect());
        installed.signer.clone_from(&install.signer);
        installed.source.clone_from(&install.source);
        (installed.vouched, installed.order) = (vouched, last + 10);
        if let Some(old) = old.clone() {
            installed = Installed {
                grants: old.grants,
                enabled: old.enabled,
                order: old.order,
                settings: old.settings,
                wording: old.wording,
                limits: old.limits,
                revision: old.revision + 1,
                ..installed
            };
        }
        if check_settings(&installed.manifest, &installed.settings).is_err() && old.is_some() {
            installed.enabled = false;
            self.note("the settings do not fit the new version's schema any more: it is off until they do");
        }
        if !installed.ungranted().is_empty() {
            self.note(format!("it asks for what is not granted yet: {}", installed.ungranted().join(", ")));
        }
        self.put(plugin_key(self.entry.business, name), &installed);
    }

    fn set_up(&mut self, by: &str, name: &str, seen: Option<u64>, set: &PluginChange) {
        self.why.what = format!("{by} sets up plugin {name}");
        let Some(mut installed) = self.known(name) else { return };
        if seen.is_some_and(|seen| seen != installed.revision) {
            let words = format!("plugin `{name}` has changed: it is at revision {}; read it again", installed.revision);
            return self.refuse("changed", words);
        }
        if let Some(settings) = &set.settings {
            if let Err(words) = check_settings(&installed.manifest, settings) {
                return self.refuse("invalid", words);
            }
            installed.settings = settings.clone();
        }
        if let Some(grants) = &set.grants {
            if let Some(unknown) = grants.iter().find(|grant| !installed.wants.contains(*grant)) {
                let wants: Vec<_> = installed.wants.iter().map(String::as_str).collect();
                let words =
                    format!("grants: plugin `{name}` does not ask for `{unknown}`; it asks for {}", wants.join(", "));
                return self.refuse("invalid", words);
            }
            installed.grants = grants.iter().cloned().collect();
        }
        if let Some(wording) = &set.wording {
            if let Err(words) = check_wordings(&installed.manifest, wording) {
                return self.refuse("invalid", words);
            }
            installed.wording = wording.clone();
        }
        if let Some(limits) = &set.limits {
            if let Err(words) = self.turn.scene.limits.of_plugin(limits) {
                return self.refuse("invalid", format!("limits: {words}"));
            }
            installed.limits = limits.clone();
        }
        if let Some(order) = set.order {
            installed.order = order;
        }
        if set.enabled == Some(true) || set.unsigned {
            let given = if set.unsigned { Vouched::Owner } else { installed.vouched };
            let Some(vouched) = self.vouched(name, installed.signer.as_deref(), given, "enable") else { return };
            installed.vouched = vouched;
        }
        if let Some(enabled) = set.enabled {
            if enabled && !installed.ungranted().is_empty() {
                let words = format!(
                    "plugin `{name}` needs grants first: {}; approve them with `grants`",
                    installed.ungranted().join(", ")
                );
                return self.refuse("ungranted", words);
            }
            if enabled && let Err(words) = check_settings(&installed.manifest, &installed.settings) {
                return self.refuse("invalid", words);
            }
            installed.enabled = enabled;
            installed.paused = None;
        }
        installed.revision += 1;
        self.put(plugin_key(self.entry.business, name), &installed);
    }

    /// Attune stops a plugin that keeps failing.
    pub(super) fn pause(&mut self, plugin: &str, reason: &str) {
        if plugin == "*" {
            self.pause_all("Attune", reason);
            self.tell(Urgency::High, "Everything automated is paused", reason, Vec::new());
            return self.actions.push(Action::Reload(self.entry.business));
        }
        self.why.what = format!("Attune stops plugin {plugin}");
        let Some(mut installed) = self.known(plugin).filter(|installed| installed.paused.is_none()) else { return };
        self.tell(Urgency::High, &format!("The plugin {plugin} is stopped"), reason, Vec::new());
        installed.paused = Some(Paused { since: self.now(), reason: reason.to_owned() });
        installed.revision += 1;
        self.put(plugin_key(self.entry.business, plugin), &installed);
        self.actions.push(Action::Reload(self.entry.business));
    }

    fn pause_all(&mut self, by: &str, reason: &str) {
        self.why.what = format!("{by} pauses everything automated: {reason}");
        let pause = Pause { since: self.now(), by: by.to_owned(), reason: reason.to_owned() };
        // Who paused first, and why, is what whoever resumes has to know.
        self.change_business(|business| _ = business.paused.get_or_insert(pause));
    }

    pub(super) fn change_business(&mut self, change: impl FnOnce(&mut Business)) {
        let mut business = self.env.ready.config.business.clone();
        change(&mut business);
        self.put(business_key(self.entry.business), &business);
    }

    /// Takes down what was sent in an hour, by plugin.
    pub(super) fn counted(&mut self, hour: u64, sent: &[(String, u32)]) {
        self.why.what = "what was sent in an hour is counted".to_owned();
        for (plugin, count) in sent {
            let key = sent_key(self.entry.business).text(plugin).number(hour);
            self.put(key, count);
        }
    }

    fn token(&mut self, by: &str, token: &Token) {
        self.why.what = format!("{by} makes a token for {}", token.label);
        self.put(token_key(&token.hash), token);
        self.put(token_index(self.entry.business, token.id), &token.hash);
    }

    fn revoke(&mut self, by: &str, id: TokenId) {
        self.why.what = format!("{by} takes a token back");
        let index = token_index(self.entry.business, id);
        match self.records().view().get(&index).and_then(|row| row.map(|row| row.read_clear::<String>()).transpose()) {
            Ok(Some(hash)) => {
                self.turn.stage(Effect::Raw(token_key(&hash), None));
                self.turn.stage(Effect::Raw(index, None));
            }
            Ok(None) => self.refuse("not-found", format!("there is no token {id} in this business")),
            Err(error) => {
                self.off.get_or_insert_with(|| error.to_string());
            }
        }
    }

    pub(super) fn plan_retention(&mut self, at: Instant, after: Option<CustomerId>) {
        let key = due_key(self.records(), at, RETENTION_HASH);
        match due_row(&DueWhat::Retention(after)) {
            Ok(row) => self.turn.stage(Effect::DueRow(key, row)),
            Err(error) => {
                self.off.get_or_insert_with(|| error.to_string());
            }
        }
    }
}

/// The first customers of a business after one, in the order of their ids.
pub fn customers_after(
    view: &dyn crate::store::View,
    business: BusinessId,
    after: Option<CustomerId>,
    limit: usize,
) -> Result<Vec<CustomerId>, StoreError> {
    let mut found = Vec::new();
    let mut last = after.unwrap_or(CustomerId::BUSINESS);
    // One row of each customer is enough: jump from customer to customer.
    while found.len() < limit {
        let mut next = None;
        let following = CustomerId(u128::from_be_bytes(last.0).saturating_add(1).to_be_bytes());
        let range = Range::business(business).past(&Key::new(business, following, Table::Journal));
        view.scan(&range, Order::Ascending, &mut |key, _| {
            next = Some(key.customer());
            ControlFlow::Break(())
        })?;
        match next {
            Some(customer) => {
                found.push(customer);
                last = customer;
            }
            None => break,
        }
    }
    Ok(found)
}
