//! A business as it runs: its configuration read from the store, and its plugins' components.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::business::Business;
use crate::domain::entry::{Change, Install};
use crate::domain::ids::{BusinessId, CustomerId, TokenId};
use crate::domain::knowledge::Kept;
use crate::domain::plugin::{Export, Installed};
use crate::domain::trust::Vouched;
use crate::sandbox::{About, Component, Sandbox};
use crate::store::{Batch, Key, Range, Row, StoreError, Table, View};
use crate::turn::config::{Config, Knowledge};
use crate::turn::limits::Limits;
use crate::turn::reader::{Answer, Reader, Unread};
use crate::turn::records::VERSION;
use crate::turn::trace::Trace;

/// A business, ready for running. It is replaced as a whole when something in it changes.
pub struct Ready {
    /// What plugins see of it.
    pub config: Arc<Config>,
    /// The plugin that reads texts in the place of the built-in reading, if one is enabled.
    pub reader: Option<Reader>,
    components: BTreeMap<String, Arc<Component>>,
}

impl Ready {
    /// Reads a business from a view. Components that were ready before stay ready.
    ///
    /// # Errors
    /// When the store cannot be read. A component that cannot be loaded is no error: its plugin is tried again later.
    pub fn read(
        view: &dyn View,
        id: BusinessId,
        sandbox: &Arc<Sandbox>,
        limits: &Limits,
        before: Option<&Ready>,
    ) -> Result<Self, StoreError> {
        let business = match view.get(&business_key(id))? {
            Some(row) => row.read_clear()?,
            None => Business::new(id, "", "UTC", "en"),
        };
        let mut installed: Vec<Installed> = Vec::new();
        for (_, row) in view.all(&Range::prefix(Key::new(id, CustomerId::BUSINESS, Table::Plugin)))? {
            installed.push(row.read_clear()?);
        }
        let mut components = BTreeMap::new();
        for plugin in &installed {
            let kept = before.and_then(|before| before.components.get(&plugin.name));
            let component = match kept.filter(|kept| kept.about.digest == plugin.digest) {
                Some(kept) => Some(kept.clone()),
                None => load(view, &plugin.digest, sandbox)?,
            };
            if let Some(component) = component {
                components.insert(plugin.name.clone(), component);
            }
        }
        let knowledge = knowledge(view, id, before.map(|before| &before.config.knowledge))?;
        let config = Arc::new(Config { knowledge, ..Config::new(business, installed, limits) });
        let reader = reader(&config, &components, sandbox);
        Ok(Self { config, reader, components })
    }

    /// A plugin's component, if it could be loaded.
    pub fn component(&self, plugin: &str) -> Option<Arc<Component>> {
        self.components.get(plugin).cloned()
    }
}

/// The first reader in the owner's order, with how it is called. One without a component fails whenever it is called, so that its
/// owner hears of it.
fn reader(
    config: &Arc<Config>,
    components: &BTreeMap<String, Arc<Component>>,
    sandbox: &Arc<Sandbox>,
) -> Option<Reader> {
    let plugin = config.exporters(Export::Reading).next()?.clone();
    let (component, sandbox) = (components.get(&plugin.installed.name).cloned(), sandbox.clone());
    let (config, limits) = (config.clone(), plugin.limits);
    let call = move |text: &str| match &component {
        Some(component) => sandbox.read_with(component, text, &config.brand, &limits),
        None => {
            let read = Err(Unread::Failed("its component could not be loaded on this host".to_owned()));
            Answer { read, fuel: 0, log: Trace::default() }
        }
    };
    Some(Reader { plugin, call: Arc::new(call) })
}

/// What the business knows. The index is the one from before where nothing changed, since making it takes longest.
fn knowledge(view: &dyn View, id: BusinessId, before: Option<&Arc<Knowledge>>) -> Result<Arc<Knowledge>, StoreError> {
    let mut kept: Vec<Kept> = Vec::new();
    for (_, row) in view.all(&Range::prefix(Key::new(id, CustomerId::BUSINESS, Table::Knowledge)))? {
        kept.push(row.read_clear()?);
    }
    Ok(match before.filter(|before| before.is(&kept)) {
        Some(before) => before.clone(),
        None => Arc::new(Knowledge::new(kept)),
    })
}

fn load(view: &dyn View, digest: &str, sandbox: &Sandbox) -> Result<Option<Arc<Component>>, StoreError> {
    let parts = view.all(&Range::prefix(component_key(digest)))?;
    let wasm: Vec<u8> = parts.into_iter().flat_map(|(_, row)| row.sealed).collect();
    if wasm.is_empty() {
        tracing::error!(digest, "a component is missing from the store");
        return Ok(None);
    }
    // Loading reads the file whole: a signature in it is checked again.
    match sandbox.load(&wasm) {
        Ok(component) if component.about.digest == digest => Ok(Some(component)),
        Ok(component) => {
            let found = &component.about.digest;
            tracing::error!(
                digest,
                found,
                "a component in the store is not the one that was installed; install it again"
            );
            Ok(None)
        }
        Err(error) => {
            tracing::error!(digest, %error, "a component cannot be loaded any more");
            Ok(None)
        }
    }
}

/// Where it stands what is known of a business.
pub fn business_key(id: BusinessId) -> Key {
    Key::new(id, CustomerId::BUSINESS, Table::Business)
}

/// Where a business stands in the installation's list.
pub fn listed_key(id: BusinessId) -> Key {
    Key::new(BusinessId::SYSTEM, CustomerId::BUSINESS, Table::Business).id(&id.0)
}

/// Where a plugin of a business stands.
pub fn plugin_key(id: BusinessId, name: &str) -> Key {
    Key::new(id, CustomerId::BUSINESS, Table::Plugin).text(name)
}

/// Where an article of a business stands.
pub fn article_key(business: BusinessId, id: &str) -> Key {
    Key::new(business, CustomerId::BUSINESS, Table::Knowledge).text(id)
}

/// Where a plugin's secret stands.
pub fn secret_key(business: BusinessId, plugin: &str, name: &str) -> Key {
    Key::new(business, CustomerId::BUSINESS, Table::Secret).text(plugin).text(name)
}

/// The most of a component's file that one row takes.
const PART_BYTES: usize = 4 << 20;

/// What installs a component under a name on the operator's word: the change, and the rows of its file that are written with it.
pub fn install(name: &str, about: &About, wasm: &[u8]) -> (Change, Batch) {
    install_on(name, about, wasm, Vouched::Operator, None)
}

/// The same on somebody's word, with where it was pulled from.
pub fn install_on(name: &str, about: &About, wasm: &[u8], vouched: Vouched, source: Option<String>) -> (Change, Batch) {
    let mut batch = Batch::new();
    for (part, bytes) in (0..).zip(wasm.chunks(PART_BYTES)) {
        let row = Row { version: VERSION, clear: Vec::new(), sealed: bytes.to_vec() };
        batch.put(component_key(&about.digest).number(part), row);
    }
    let install = Install {
        name: name.to_owned(),
        digest: about.digest.clone(),
        manifest: about.manifest.clone(),
        exports: about.exports.iter().copied().collect(),
        wants: about.wants.iter().cloned().collect(),
        signer: about.signer.clone(),
        vouched,
        source,
    };
    (Change::Install(Box::new(install)), batch)
}

/// Where a component's file stands, by its digest, in parts. A part is its row's second half as it is: it is nobody's secret.
fn component_key(digest: &str) -> Key {
    Key::new(BusinessId::SYSTEM, CustomerId::BUSINESS, Table::Component).text(digest)
}

/// Where a token stands, by the hash of its secret.
pub fn token_key(hash: &str) -> Key {
    Key::new(BusinessId::SYSTEM, CustomerId::BUSINESS, Table::Token).text(hash)
}

/// Where a token's hash stands, by its name.
pub fn token_index(business: BusinessId, id: TokenId) -> Key {
    Key::new(business, CustomerId::BUSINESS, Table::Token).id(&id.0)
}

/// Every business of the installation, and the installation itself.
pub fn businesses(view: &dyn View) -> Result<Vec<BusinessId>, StoreError> {
    let listed = Range::prefix(Key::new(BusinessId::SYSTEM, CustomerId::BUSINESS, Table::Business));
    let ids = view.all(&listed)?.into_iter().filter_map(|(key, _)| Some(BusinessId(key.rest().try_into().ok()?)));
    Ok(ids.chain([BusinessId::SYSTEM]).collect())
}
