//! Which language a plugin is written in.

use std::path::Path;

use anyhow::{Result, bail};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Compiled, c, go, javascript, python, rust};

/// A language that plugins are written in. In `plugin.toml`: `[build] language = "rust"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Rust, built by Cargo.
    Rust,
    /// C, built by clang or zig.
    C,
    /// Go, by its own tool.
    Go,
    /// JavaScript, with QuickJS inside.
    JavaScript,
    /// TypeScript, made JavaScript first.
    TypeScript,
    /// Python, with CPython inside.
    Python,
}

/// The file that tells a language, in the order in which they are looked for.
const SIGNS: [(&str, Language); 6] = [
    ("Cargo.toml", Language::Rust),
    (c::SOURCE, Language::C),
    (go::MODULE, Language::Go),
    (javascript::TYPESCRIPT, Language::TypeScript),
    (javascript::JAVASCRIPT, Language::JavaScript),
    (python::SOURCE, Language::Python),
];

impl Language {
    /// The language of a plugin, by the files of its folder.
    ///
    /// # Errors
    /// When none of them tells a language.
    pub fn of(folder: &Path) -> Result<Self> {
        for (sign, language) in SIGNS {
            if folder.join(sign).is_file() {
                return Ok(language);
            }
        }
        let signs = SIGNS.map(|(sign, _)| sign).join(", ");
        bail!("{}: no source here; a plugin's folder has one of {signs}", folder.display())
    }

    pub(super) fn compile(self, folder: &Path) -> Result<Compiled> {
        match self {
            Self::Rust => rust::compile(folder),
            Self::C => c::compile(folder),
            Self::Go => go::compile(folder),
            Self::JavaScript => javascript::javascript(folder),
            Self::TypeScript => javascript::typescript(folder),
            Self::Python => python::compile(folder),
        }
    }
}
