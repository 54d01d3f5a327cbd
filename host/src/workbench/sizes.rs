//! What the bytes of a component file are: code, data, names, and what it says of itself.

use anyhow::Result;
use wasmparser::{Encoding, Parser, Payload};

/// A part of a component file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// `code of module 1`, `section name of module 1`.
    pub name: String,
    /// How many bytes.
    pub bytes: usize,
}

/// The parts of a component file, in the order in which they stand; together they are the whole file. Core modules are counted from 1.
///
/// # Errors
/// When the file is no component.
pub fn parts(wasm: &[u8]) -> Result<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    let mut add = |name: String, bytes: usize| match parts.iter_mut().find(|part| part.name == name) {
        Some(part) => part.bytes += bytes,
        None => parts.push(Part { name, bytes }),
    };
    // What stands in which module or component, from the outside in; the number of a module, none of a component.
    let mut inside: Vec<Option<u32>> = Vec::new();
    let mut modules = 0;
    let mut counted = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        match &payload {
            Payload::Version { encoding: Encoding::Module, .. } => {
                modules += 1;
                inside.push(Some(modules));
            }
            Payload::Version { .. } => inside.push(None),
            Payload::End(_) => drop(inside.pop()),
            _ => {}
        }
        let kind = match &payload {
            Payload::CodeSectionStart { .. } => "code",
            Payload::DataSection(_) => "data",
            Payload::CustomSection(_) => "section",
            _ => "",
        };
        // A module or component inside another one is counted by its own sections.
        let range = match &payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } | Payload::CodeSectionEntry(_) => None,
            other => other.as_section().map(|(_, range)| range),
        };
        let Some(range) = range else { continue };
        let custom = match &payload {
            Payload::CustomSection(section) => format!("{kind} {}", section.name()),
            _ => kind.to_owned(),
        };
        let module = inside.last().copied().flatten();
        let name = match (custom.as_str(), module) {
            ("", Some(number)) => format!("the rest of module {number}"),
            ("", None) => continue,
            (named, Some(number)) => format!("{named} of module {number}"),
            (named, None) => named.to_owned(),
        };
        counted += range.len();
        add(name, range.len());
    }
    add("types, imports and exports of the component".to_owned(), wasm.len().saturating_sub(counted));
    Ok(parts)
}
