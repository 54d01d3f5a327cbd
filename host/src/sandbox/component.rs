//! Loading a component: is it one, what does it say of itself, what does it subscribe to, what does it ask for?

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use wasmparser::{Encoding, Parser, Payload};
use wasmtime::component::types::ComponentItem;

use crate::domain::plugin::{CONTRACT, Export, Manifest, PERMISSIONS};
use crate::turn::config::check_manifest;
use crate::turn::limits::COMPONENT_BYTES;
use crate::turn::records::hex;

use super::Sandbox;
use super::run::Handlers;

/// The custom section in which a component says what it is.
pub const SECTION: &str = "attune:plugin";

/// The largest manifest taken, in bytes: a hundred templates in ten languages.
const MANIFEST_BYTES: usize = 1 << 20;

/// Interfaces of `attune:host` that need no grant.
const FREE: [&str; 3] = ["settings", "clock", "log"];

/// Why a file was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// It is no component at all.
    #[error("not a WebAssembly component: {0}")]
    NotAComponent(String),
    /// It is too large.
    #[error("the component has {size_bytes} bytes; at most {limit_bytes} are taken")]
    TooLarge {
        /// Its size.
        size_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// It says nothing of itself.
    #[error("the component has no `{SECTION}` section; build it with `attune build`, which embeds plugin.toml")]
    NoManifest,
    /// What it says of itself is wrong.
    #[error("the component's `{SECTION}` section is wrong: {0}; mend plugin.toml and build again")]
    Manifest(String),
    /// It subscribes to nothing.
    #[error("the component exports nothing that Attune knows; export one of {known} at version {CONTRACT}")]
    NoExport {
        /// What could be exported.
        known: String,
    },
    /// It was built for another version of the contract.
    #[error(
        "the component {verb} `{interface}` at version {theirs}, this host serves version {CONTRACT}; build it against that one"
    )]
    OtherVersion {
        /// `imports` or `exports`.
        verb: &'static str,
        /// Which interface.
        interface: String,
        /// The version it was built for.
        theirs: String,
    },
    /// It wants something that this host does not have.
    #[error(
        "the component imports `{0}`, which this host does not offer; it offers attune:host@{CONTRACT} and no WASI"
    )]
    UnknownImport(String),
    /// An import or export has another type than the contract says.
    #[error("the component does not fit the contract: {0}")]
    Misfit(String),
    /// It takes more of the host to run than a component may.
    #[error("the component does not fit this host: {0}")]
    TooMuch(String),
    /// It takes more to compile than a component may.
    #[error("the component takes {0} to compile, which is more than a component may; make it smaller or simpler")]
    TooCostly(String),
    /// The host itself cannot do it.
    #[error("the sandbox cannot be set up: {0}")]
    Host(String),
}

/// What a component file says, without running it.
#[derive(Debug, Clone, PartialEq)]
pub struct About {
    /// SHA-256 of the file, in hexadecimal.
    pub digest: String,
    /// What it says of itself.
    pub manifest: Manifest,
    /// What it subscribes to.
    pub exports: BTreeSet<Export>,
    /// The permissions it asks for: interfaces of `attune:host` of which it imports functions.
    pub wants: BTreeSet<String>,
    /// Every function it imports: `message.send`.
    pub imports: BTreeSet<String>,
    /// The size of the file, in bytes.
    pub size_bytes: usize,
}

/// A component that is ready to run.
pub struct Component {
    /// What it says of itself.
    pub about: About,
    pub(super) pre: wasmtime::component::InstancePre<super::host::Context>,
    pub(super) handlers: Handlers,
}

/// The manifest in a component file.
///
/// # Errors
/// [`Rejected`], with what was wrong.
pub fn about(wasm: &[u8]) -> Result<(String, Manifest), Rejected> {
    if wasm.len() > COMPONENT_BYTES {
        return Err(Rejected::TooLarge { size_bytes: wasm.len(), limit_bytes: COMPONENT_BYTES });
    }
    if !wasm.starts_with(b"\0asm") {
        return Err(Rejected::NotAComponent(not_wasm(wasm).to_owned()));
    }
    let mut depth = 0_u32;
    let mut manifest = None;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(|error| Rejected::NotAComponent(error.to_string()))? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                return Err(Rejected::NotAComponent("it is a core module; `attune build` wraps it".to_owned()));
            }
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if depth == 1 && section.name() == SECTION => {
                if section.data().len() > MANIFEST_BYTES {
                    return Err(Rejected::Manifest(format!("it has more than {MANIFEST_BYTES} bytes")));
                }
                if manifest.replace(section.data()).is_some() {
                    return Err(Rejected::Manifest("there are two of them".to_owned()));
                }
            }
            _ => {}
        }
    }
    let manifest: Manifest = serde_json::from_slice(manifest.ok_or(Rejected::NoManifest)?)
        .map_err(|error| Rejected::Manifest(error.to_string()))?;
    check_manifest(&manifest).map_err(Rejected::Manifest)?;
    Ok((hex(&Sha256::digest(wasm)), manifest))
}

/// What a file is that is no WebAssembly.
fn not_wasm(file: &[u8]) -> &'static str {
    match file.trim_ascii_start() {
        [] => "the file is empty",
        [b'(', ..] | [b';', ..] => "it is WebAssembly as text; give the `.wasm` file that `attune build` makes",
        _ => "the file does not begin as WebAssembly does; give the `.wasm` file that `attune build` makes",
    }
}

impl Sandbox {
    /// Checks a component, compiles it or takes the compiled code from the cache, and makes it ready.
    ///
    /// # Errors
    /// [`Rejected`], with what was wrong and what to do.
    pub fn load(&self, wasm: &[u8]) -> Result<Arc<Component>, Rejected> {
        let (digest, manifest) = about(wasm)?;
        let compiled = self.compiled(&digest, wasm)?;
        let kind = compiled.component_type();
        let (mut wants, mut imports) = (BTreeSet::new(), BTreeSet::new());
        for (name, item) in kind.imports(&self.engine) {
            let interface = host_interface(name)?;
            let ComponentItem::ComponentInstance(instance) = item.ty else {
                return Err(Rejected::UnknownImport(name.to_owned()));
            };
            for (function, item) in instance.exports(&self.engine) {
                if matches!(item.ty, ComponentItem::ComponentFunc(_)) {
                    imports.insert(format!("{interface}.{function}"));
                    if !FREE.contains(&interface) {
                        wants.insert(interface.to_owned());
                    }
                }
            }
        }
        let mut exports = BTreeSet::new();
        for (name, _) in kind.exports(&self.engine) {
            exports.extend(automation_export(name)?);
        }
        if exports.is_empty() {
            let known = Export::ALL.map(|export| format!("attune:automation/{}", export.word())).join(", ");
            return Err(Rejected::NoExport { known });
        }
        let misfit = |error: wasmtime::Error| Rejected::Misfit(format!("{error:#}"));
        let pre = self.linker.instantiate_pre(&compiled).map_err(misfit)?;
        let handlers = Handlers::new(&pre, &exports).map_err(misfit)?;
        let about = About { digest, manifest, exports, wants, imports, size_bytes: wasm.len() };
        Ok(Arc::new(Component { about, pre, handlers }))
    }

    fn compiled(&self, digest: &str, wasm: &[u8]) -> Result<wasmtime::component::Component, Rejected> {
        let mut hasher = std::hash::DefaultHasher::new();
        self.engine.precompile_compatibility_hash().hash(&mut hasher);
        let name = format!("{digest}-{:016x}.cwasm", hasher.finish());
        if let Some(component) = self.cache.load(&name).and_then(|code| self.trust(&code).ok()) {
            return Ok(component);
        }
        let code = self.compiler.compile(&self.engine, wasm)?;
        // The compiler knows nothing of the pool; what does not fit into it shows here.
        let compiled = self.trust(&code).map_err(Rejected::TooMuch)?;
        self.cache.keep(&name, &code);
        Ok(compiled)
    }

    /// Loads code that the cache or our own compiler vouches for.
    #[expect(
        unsafe_code,
        reason = "the cache has checked the tag that only this host can make, or it was compiled just now"
    )]
    fn trust(&self, code: &[u8]) -> Result<wasmtime::component::Component, String> {
        // SAFETY: `Cache::load` gives only bytes that this host wrote itself for this digest and these settings, and the compiler
        // is this same program.
        let loaded = unsafe { wasmtime::component::Component::deserialize(&self.engine, code) };
        loaded.map_err(|error| format!("{error:#}"))
    }
}

/// The interface of `attune:host` that an import names.
fn host_interface(name: &str) -> Result<&str, Rejected> {
    let (path, version) = name.split_once('@').unwrap_or((name, ""));
    let unknown = || Rejected::UnknownImport(name.to_owned());
    let (package, interface) = path.split_once('/').ok_or_else(unknown)?;
    let known = match package {
        "attune:types" => interface == "types",
        "attune:host" => FREE.contains(&interface) || PERMISSIONS.iter().any(|(known, _)| *known == interface),
        _ => false,
    };
    if package.starts_with("attune:") && version != CONTRACT {
        return Err(Rejected::OtherVersion { verb: "imports", interface: path.to_owned(), theirs: version.to_owned() });
    }
    if known { Ok(interface) } else { Err(unknown()) }
}

/// The subscription that an export names; other exports are of no concern.
fn automation_export(name: &str) -> Result<Option<Export>, Rejected> {
    let Some(rest) = name.strip_prefix("attune:automation/") else { return Ok(None) };
    let (interface, version) = rest.split_once('@').unwrap_or((rest, ""));
    if version != CONTRACT {
        return Err(Rejected::OtherVersion {
            verb: "exports",
            interface: format!("attune:automation/{interface}"),
            theirs: version.to_owned(),
        });
    }
    Ok(Export::parse(interface))
}
