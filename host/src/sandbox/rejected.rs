//! Why a component file is not taken, in words for its author: what is wrong, and what to do.

use crate::domain::plugin::CONTRACT;

use super::SECTION;

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
    /// It carries a signature that is not right.
    #[error("the component's signature is wrong: {0}; get the file from its author again, or have it signed again")]
    Signature(String),
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
        "the component imports `{0}`, which this host does not offer; it offers attune:host@{CONTRACT}, and to the runtime of a \
         language what it needs of WASI 0.2"
    )]
    UnknownImport(String),
    /// It wants something of WASI that no plugin has.
    #[error(
        "the component imports `{0}`, which no plugin has: of WASI there is what the runtime of a language needs, with a clock \
         and random numbers that follow from the event; what a plugin does goes through attune:host@{CONTRACT}"
    )]
    UnknownWasi(String),
    /// It is a function, and has a language's runtime in it.
    #[error(
        "the component exports `{0}` and imports `{1}`: it is called for every text or request, which leaves no room for the runtime of \
         a language; write it in one without, such as Rust or C"
    )]
    FunctionRuntime(String, String),
    /// It is a function, and is several components in one.
    #[error(
        "the component exports `{0}` and is several components in one: it is called for every text or request, which leaves no room \
         for that; make it one component"
    )]
    FunctionComposed(String),
    /// It is a function, and wants more than what it is given.
    #[error(
        "the component exports `{0}` and imports `attune:host/{1}`: it is a function of what it is given and may import \
         `attune:host/log` only; make what needs `{1}` a plugin of its own"
    )]
    FunctionImports(String, String),
    /// It is a function, and handles events as well.
    #[error("the component exports `{0}` and `{1}`, which do not go together; make it two components")]
    FunctionHandles(String, String),
    /// It receives or sends, and its file does not say how, or the other way round.
    #[error("{0}")]
    Undeclared(String),
    /// An import or export has another type than the contract says.
    #[error("the component does not fit the contract: {0}")]
    Misfit(String),
    /// It takes more of the host to run than a component may.
    #[error("the component does not fit this host: {0}")]
    TooMuch(String),
    /// It takes more to compile than a component may.
    #[error("the component takes {0} to compile, which is more than a component may; make it smaller or simpler")]
    TooCostly(String),
    /// The compiler itself broke on it.
    #[error(
        "the component cannot be compiled, because the compiler itself failed: {0}; report it, with the file, to whoever makes Attune, \
         and try what another version of your tools makes"
    )]
    CompilerFailed(String),
    /// The host itself cannot do it.
    #[error("the sandbox cannot be set up: {0}")]
    Host(String),
}
