//! Loading a component: is it one, what does it say of itself, what does it subscribe to, what does it ask for?

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use wasmparser::{Encoding, Parser, Payload};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{ComponentNamedList, InstancePre, Lift, Lower};
use wasmtime::error::Context as _;

use crate::domain::plugin::{CONTRACT, Export, HOST, Manifest, PERMISSIONS, UNVERIFIED, permission_of};
use crate::domain::webhook::Scheme;
use crate::turn::config::check_manifest;
use crate::turn::limits::COMPONENT_BYTES;
use crate::turn::records::hex;

use super::door::Door;
use super::reader::Reader;
use super::rejected::Rejected;
use super::run::Handlers;
use super::{Room, Sandbox, signature, wasi};

/// The custom section in which a component says what it is.
pub const SECTION: &str = "attune:plugin";

/// The largest manifest taken, in bytes: a hundred templates in ten languages.
const MANIFEST_BYTES: usize = 1 << 20;

/// Interfaces of `attune:host` that need no grant.
const FREE: [&str; 3] = ["settings", "clock", "log"];

/// The one interface of `attune:host` that a reader, a connector or a channel may import.
const OF_A_FUNCTION: &str = "log";

/// What a component file says, without running it.
#[derive(Debug, Clone, PartialEq)]
pub struct About {
    /// SHA-256 of the file, in hexadecimal.
    pub digest: String,
    /// What it says of itself.
    pub manifest: Manifest,
    /// The public key of whoever signed it. The signature is right; whether the key is trusted is a business's to say.
    pub signer: Option<String>,
    /// What it subscribes to.
    pub exports: BTreeSet<Export>,
    /// The permissions it asks for: interfaces of `attune:host` of which it imports functions, and `reading` if it reads.
    pub wants: BTreeSet<String>,
    /// Every function it imports: `message.send`.
    pub imports: BTreeSet<String>,
    /// The size of the file, in bytes.
    pub size_bytes: usize,
    /// Whether a language's runtime is in it: it imports WASI.
    pub runtime: bool,
    /// Whether it is several components in one, each with a memory of its own.
    pub composed: bool,
}

impl About {
    /// Whether it runs on the engine for what is large, and may use more.
    pub fn is_roomy(&self) -> bool {
        self.runtime || self.composed
    }
}

/// A component that is ready to run.
pub struct Component {
    /// What it says of itself.
    pub about: About,
    pub(super) code: Code,
}

impl Component {
    /// Its code, if it handles events.
    pub(super) fn automation(&self) -> Option<&wasmtime::component::Component> {
        match &self.code {
            Code::Automation(pre, _) => Some(pre.component()),
            Code::Reader(_) | Code::Door(_) => None,
        }
    }
}

/// What a component's code is for.
pub(super) enum Code {
    /// It handles events.
    Automation(InstancePre<super::host::Context>, Handlers),
    /// It reads texts.
    Reader(Reader),
    /// It receives what vendors send, or sends messages by a provider.
    Door(Door),
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
        let signer = signature::signer(wasm)?.map(|key| key.to_string());
        let (runtime, composed) = (needs_wasi(wasm), is_composed(wasm));
        let room = if runtime || composed { self.roomy()? } else { &self.lean };
        let compiled = self.compiled(room, &digest, wasm)?;
        let kind = compiled.component_type();
        let (mut wants, mut imports, mut interfaces) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for (name, item) in kind.imports(&room.engine).filter(|(name, _)| !wasi::is_wasi(name)) {
            let interface = host_interface(name)?;
            interfaces.insert(interface);
            let ComponentItem::ComponentInstance(instance) = item.ty else {
                return Err(Rejected::UnknownImport(name.to_owned()));
            };
            for (function, item) in instance.exports(&room.engine) {
                if matches!(item.ty, ComponentItem::ComponentFunc(_)) {
                    imports.insert(format!("{interface}.{function}"));
                    if !FREE.contains(&interface) {
                        wants.insert(interface.to_owned());
                    }
                }
            }
        }
        let mut exports = BTreeSet::new();
        for (name, _) in kind.exports(&room.engine) {
            exports.extend(known_export(name)?);
        }
        if exports.is_empty() {
            let known = Export::ALL.map(Export::interface).join(", ");
            return Err(Rejected::NoExport { known });
        }
        let reads = exports.contains(&Export::Reading);
        let doors = [Export::Receiving, Export::Sending, Export::WritingBack].map(|door| exports.contains(&door));
        if let Some(function) = exports.iter().copied().find(|export| permission_of(*export).is_some()) {
            if let Some((name, _)) = kind.imports(&room.engine).find(|(name, _)| wasi::is_wasi(name)) {
                return Err(Rejected::FunctionRuntime(function.interface(), name.to_owned()));
            }
            if composed {
                return Err(Rejected::FunctionComposed(function.interface()));
            }
            check_function(function, &exports, &interfaces)?;
        }
        wants.extend(exports.iter().filter_map(|export| permission_of(*export)).map(str::to_owned));
        if manifest.webhook.as_ref().is_some_and(|webhook| webhook.scheme == Scheme::None) {
            wants.insert(UNVERIFIED.0.to_owned());
        }
        wants.extend(manifest.hosts().map(|host| format!("{HOST}{host}")));
        check_doors(&manifest, doors).map_err(Rejected::Undeclared)?;
        let misfit = |error: wasmtime::Error| Rejected::Misfit(format!("{error:#}"));
        let code = if reads {
            let pre = self.pure.instantiate_pre(&compiled).map_err(misfit)?;
            Code::Reader(Reader::new(pre).map_err(misfit)?)
        } else if doors.contains(&true) {
            let pre = self.pure.instantiate_pre(&compiled).map_err(misfit)?;
            Code::Door(Door::new(pre, doors).map_err(misfit)?)
        } else {
            let pre = if runtime {
                let mut linker = room.linker.clone();
                wasi::link(&mut linker, &room.engine, &compiled)?;
                linker.instantiate_pre(&compiled).map_err(misfit)?
            } else {
                room.linker.instantiate_pre(&compiled).map_err(misfit)?
            };
            let handlers = Handlers::new(&pre, &exports).map_err(misfit)?;
            Code::Automation(pre, handlers)
        };
        let about =
            About { digest, manifest, signer, exports, wants, imports, size_bytes: wasm.len(), runtime, composed };
        Ok(Arc::new(Component { about, code }))
    }

    fn compiled(&self, room: &Room, digest: &str, wasm: &[u8]) -> Result<wasmtime::component::Component, Rejected> {
        let mut hasher = std::hash::DefaultHasher::new();
        room.engine.precompile_compatibility_hash().hash(&mut hasher);
        let name = format!("{digest}-{:016x}.cwasm", hasher.finish());
        if let Some(component) = self.cache.load(&name).and_then(|code| room.trust(&code).ok()) {
            return Ok(component);
        }
        let code = self.compiler.compile(&room.engine, room.kind, wasm)?;
        // The compiler knows nothing of the pool; what does not fit into it shows here.
        let compiled = room.trust(&code).map_err(Rejected::TooMuch)?;
        self.cache.keep(&name, &code);
        Ok(compiled)
    }
}

impl Room {
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

/// Whether a component imports something of WASI. A file that is none is refused when it is compiled.
fn needs_wasi(wasm: &[u8]) -> bool {
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(wasm).map_while(Result::ok) {
        match payload {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section)
                if depth == 1 && section.clone().into_iter().flatten().any(|one| wasi::is_wasi(one.name.name)) =>
            {
                return true;
            }
            _ => {}
        }
    }
    false
}

/// Whether a component has components in it that have functions of their own. What carries values between two of them has the
/// memories of both, which is more than the lean engine takes. (What wraps a module is a component without any functions.)
fn is_composed(wasm: &[u8]) -> bool {
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(wasm).map_while(Result::ok) {
        match payload {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentCanonicalSection(_) if depth > 1 => return true,
            _ => {}
        }
    }
    false
}

/// Holds the type of an exported function to the contract. What `bindgen` makes looks for names only, and finds out about types
/// when the function is about to be called.
pub(super) fn check_type<T, Params, Return>(
    pre: &InstancePre<T>,
    export: Export,
    function: &str,
) -> wasmtime::Result<()>
where
    Params: ComponentNamedList + Lower,
    Return: ComponentNamedList + Lift,
{
    let name = format!("{}@{CONTRACT}", export.interface());
    let of = |what: &str| format!("`{function}` of `{name}` {what}");
    let instance = pre.component().get_export_index(None, name.as_str());
    let found = instance.and_then(|instance| pre.component().get_export(Some(&instance), function));
    match found {
        Some((ComponentItem::ComponentFunc(found), _)) => {
            found.typecheck::<Params, Return>(&pre.instance_type()).with_context(|| of("has another type"))
        }
        _ => Err(wasmtime::Error::msg(of("is missing"))),
    }
}

/// Whether a component that is a function is nothing else. To receive and to send go together.
fn check_function(function: Export, exports: &BTreeSet<Export>, interfaces: &BTreeSet<&str>) -> Result<(), Rejected> {
    let fits = |other: Export| match function {
        Export::Receiving | Export::Sending | Export::WritingBack => {
            matches!(other, Export::Receiving | Export::Sending | Export::WritingBack)
        }
        _ => other == function,
    };
    if let Some(other) = exports.iter().find(|other| !fits(**other)) {
        return Err(Rejected::FunctionHandles(function.interface(), other.interface()));
    }
    match interfaces.iter().find(|interface| ![OF_A_FUNCTION, "types", "provider"].contains(*interface)) {
        Some(other) => Err(Rejected::FunctionImports(function.interface(), (*other).to_owned())),
        None => Ok(()),
    }
}

/// Whether what a file says of its doors is what its component exports.
fn check_doors(manifest: &Manifest, [receives, sends, writes_back]: [bool; 3]) -> Result<(), String> {
    if writes_back && !receives {
        return Err("the component exports `attune:connector/writing-back` and not `attune:connector/receiving`; only what tells of \
                    appointments can be told what was answered to them"
            .to_owned());
    }
    let says = |table: &str, export: &str| {
        format!(
            "plugin.toml has [{table}], and the component does not export `{export}`; export it, or take [{table}] out"
        )
    };
    let lacks = |table: &str, export: &str, what: &str| {
        format!(
            "the component exports `{export}`, and plugin.toml has no [{table}]; add it, so that it is known {what}"
        )
    };
    match (&manifest.webhook, receives, &manifest.channel, sends) {
        (Some(_), false, ..) => Err(says("webhook", "attune:connector/receiving")),
        (None, true, ..) => Err(lacks("webhook", "attune:connector/receiving", "how requests are verified")),
        (.., Some(_), false) => Err(says("channel", "attune:channel/sending")),
        (.., None, true) => Err(lacks("channel", "attune:channel/sending", "which channels and hosts it serves")),
        _ => match (&manifest.writing_back, writes_back) {
            (Some(_), false) => Err(says("writing-back", "attune:connector/writing-back")),
            (None, true) => Err(lacks("writing-back", "attune:connector/writing-back", "which hosts it reaches")),
            _ => Ok(()),
        },
    }
}

/// The interface of `attune:host` that an import names.
fn host_interface(name: &str) -> Result<&str, Rejected> {
    let (path, version) = name.split_once('@').unwrap_or((name, ""));
    let unknown = || Rejected::UnknownImport(name.to_owned());
    let (package, interface) = path.split_once('/').ok_or_else(unknown)?;
    let known = match package {
        "attune:types" => ["types", "provider"].contains(&interface),
        "attune:host" => FREE.contains(&interface) || PERMISSIONS.iter().any(|(known, _)| *known == interface),
        _ => false,
    };
    if package.starts_with("attune:") && version != CONTRACT {
        return Err(Rejected::OtherVersion { verb: "imports", interface: path.to_owned(), theirs: version.to_owned() });
    }
    if known { Ok(interface) } else { Err(unknown()) }
}

/// What of the contract an export is; other exports are of no concern.
fn known_export(name: &str) -> Result<Option<Export>, Rejected> {
    let (path, version) = name.split_once('@').unwrap_or((name, ""));
    if !["attune:automation/", "attune:reader/", "attune:connector/", "attune:channel/"]
        .iter()
        .any(|package| path.starts_with(package))
    {
        return Ok(None);
    }
    if version != CONTRACT {
        let (interface, theirs) = (path.to_owned(), version.to_owned());
        return Err(Rejected::OtherVersion { verb: "exports", interface, theirs });
    }
    Ok(Export::ALL.into_iter().find(|export| export.interface() == path))
}
