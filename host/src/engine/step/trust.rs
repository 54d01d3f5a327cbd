//! Whom the business trusts: keys that sign plugins, and whose word a plugin's file comes with.
//!
//! A signature itself was checked when the file was read; here it is decided by the keys of this moment, in the business's own
//! lane.

use crate::domain::plugin::Paused;
use crate::domain::trust::{MOST_KEYS, TrustedKey, Vouched, sentence};
use crate::engine::config::plugin_key;

use super::Step;

impl Step<'_> {
    /// Whose word a file is taken on: that of a signer whom the business trusts, else the one that was given. Without either
    /// the entry is refused.
    pub(super) fn vouched(&mut self, plugin: &str, signer: Option<&str>, given: Vouched, act: &str) -> Option<Vouched> {
        let keys = self.env.ready.config.business.trusted_keys.clone();
        let trusted = signer.is_some_and(|signer| keys.iter().any(|one| one.key == signer));
        let vouched = if trusted { Vouched::Signature } else { given };
        if vouched == Vouched::Signature && !trusted {
            let signed = signer.map_or_else(
                || "is not signed".to_owned(),
                |key| format!("is signed by {key}, a key that this business does not trust"),
            );
            let words = format!(
                "the component of plugin `{plugin}` {signed}; trust whoever made it (`attune plugin trust KEY`), or, if you know \
                 where it comes from, {act} it with `unsigned` (`--accept-unsigned`)"
            );
            self.refuse("unsigned", words);
            return None;
        }
        self.note(format!("its component is {}", sentence(signer, vouched, &keys)));
        Some(vouched)
    }

    /// What a key signed is installed without asking from now on.
    pub(super) fn trust(&mut self, by: &str, key: &str, label: &str) {
        self.why.what = format!("{by} trusts the key {key} of {label}");
        let keys = &self.env.ready.config.business.trusted_keys;
        let since = keys.iter().find(|one| one.key == key).map(|one| one.since);
        if since.is_none() && keys.len() >= MOST_KEYS {
            let words = format!("a business trusts at most {MOST_KEYS} keys; take one back first");
            return self.refuse("invalid", words);
        }
        let trusted = TrustedKey {
            key: key.to_owned(),
            label: label.to_owned(),
            since: since.unwrap_or(self.now()),
            by: by.to_owned(),
        };
        self.change_business(|business| match business.trusted_keys.iter_mut().find(|one| one.key == key) {
            Some(one) => *one = trusted,
            None => business.trusted_keys.push(trusted),
        });
    }

    /// A key is good for nothing any more, and a plugin that rested on it stops until its owner says yes to it themselves.
    pub(super) fn distrust(&mut self, by: &str, key: &str) {
        self.why.what = format!("{by} trusts the key {key} no more");
        let config = self.env.ready.config.clone();
        if !config.business.trusted_keys.iter().any(|one| one.key == key) {
            return self.refuse("not-found", format!("this business does not trust the key {key}"));
        }
        self.change_business(|business| business.trusted_keys.retain(|one| one.key != key));
        for plugin in &config.plugins {
            let mut installed = plugin.installed.clone();
            if installed.vouched != Vouched::Signature || installed.signer.as_deref() != Some(key) {
                continue;
            }
            self.note(format!("plugin {} stops: that key signed it", installed.name));
            installed.paused.get_or_insert(Paused {
                since: self.now(),
                reason: format!(
                    "{by} no longer trusts the key that signed it; turn it on with `unsigned` (`--accept-unsigned`) if you know \
                     where it comes from, or install another version"
                ),
            });
            installed.revision += 1;
            self.put(plugin_key(self.entry.business, &installed.name), &installed);
        }
    }
}
