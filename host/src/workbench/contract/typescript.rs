//! The contract as TypeScript sees it through componentize-qjs: records are objects with names in camel case, variants are
//! `{ tag, val }`, an option is the value or null, what is refused is thrown.

use std::fmt::Write;

use anyhow::{Context, Result};
use wit_parser::{Docs, Function, Interface, Resolve, Type, TypeDef, TypeDefKind, TypeOwner};

/// A module for each interface of the contract.
///
/// # Errors
/// When the contract's WIT cannot be read, which a test would have shown.
pub fn declarations(packages: &[(&str, &str)]) -> Result<String> {
    let mut resolve = Resolve::default();
    for (file, text) in packages {
        resolve.push_source(file, text)?;
    }
    let mut all = "// The contract, made from the WIT beside this file by `attune build`.\n".to_owned();
    for (id, interface) in resolve.interfaces.iter() {
        let name = resolve.id_of(id).context("an interface without a name")?;
        writeln!(all, "\n{}declare module \"{name}\" {{", comment(&interface.docs, ""))?;
        all.push_str(&module(&resolve, interface));
        all.push_str("}\n");
    }
    Ok(all)
}

fn module(resolve: &Resolve, interface: &Interface) -> String {
    let mut lines = String::new();
    for (name, id) in &interface.types {
        let Some(kind) = resolve.types.get(*id) else { continue };
        lines += &comment(&kind.docs, "  ");
        lines += &format!("  export type {} = {};\n", pascal(name), definition(resolve, kind));
    }
    if !interface.functions.is_empty() {
        lines += "  const functions: {\n";
        lines.extend(interface.functions.values().map(|one| function(resolve, one)));
        lines += "  };\n  export default functions;\n";
    }
    lines
}

fn function(resolve: &Resolve, function: &Function) -> String {
    let parameter = |one: &wit_parser::Param| format!("{}: {}", camel(&one.name), shown(resolve, &one.ty));
    let parameters: Vec<String> = function.params.iter().map(parameter).collect();
    let mut throws = String::new();
    let result = match function.result.as_ref().map(|kind| (kind, definition_of(resolve, kind))) {
        None => "void".to_owned(),
        Some((_, Some(TypeDefKind::Result(result)))) => {
            // What the host refuses comes as an Error that carries it; what a handler throws is the value itself.
            if let Some(error) = &result.err {
                let error = shown(resolve, error);
                let carried = if error == "Refusal" { "an Error whose `payload` is a " } else { "a " };
                throws = format!("    /** Throws {carried}{error}. */\n");
            }
            result.ok.as_ref().map_or_else(|| "void".to_owned(), |kind| shown(resolve, kind))
        }
        Some((kind, _)) => shown(resolve, kind),
    };
    let docs = comment(&function.docs, "    ");
    format!("{docs}{throws}    {}({}): {result};\n", camel(&function.name), parameters.join(", "))
}

fn definition_of<'a>(resolve: &'a Resolve, kind: &Type) -> Option<&'a TypeDefKind> {
    match kind {
        Type::Id(id) => resolve.types.get(*id).map(|kind| &kind.kind),
        _ => None,
    }
}

/// What stands behind a name.
fn definition(resolve: &Resolve, kind: &TypeDef) -> String {
    match &kind.kind {
        TypeDefKind::Type(Type::Id(id)) => match resolve.types.get(*id) {
            // A name that was taken over from another interface.
            Some(TypeDef { name: Some(name), owner: TypeOwner::Interface(owner), .. })
                if kind.owner != TypeOwner::Interface(*owner) =>
            {
                format!("import(\"{}\").{}", resolve.id_of(*owner).unwrap_or_default(), pascal(name))
            }
            _ => shown(resolve, &Type::Id(*id)),
        },
        TypeDefKind::Type(other) => shown(resolve, other),
        TypeDefKind::Record(record) => {
            let field = |field: &wit_parser::Field| {
                format!("{}    {}: {};\n", comment(&field.docs, "    "), camel(&field.name), shown(resolve, &field.ty))
            };
            format!("{{\n{}  }}", record.fields.iter().map(field).collect::<String>())
        }
        TypeDefKind::Variant(variant) => {
            let case = |case: &wit_parser::Case| {
                let value = case.ty.as_ref().map_or(String::new(), |kind| format!("; val: {}", shown(resolve, kind)));
                format!("\n{}    | {{ tag: \"{}\"{value} }}", comment(&case.docs, "    "), case.name)
            };
            variant.cases.iter().map(case).collect()
        }
        TypeDefKind::Enum(choices) => {
            choices.cases.iter().map(|case| format!("\"{}\"", case.name)).collect::<Vec<_>>().join(" | ")
        }
        TypeDefKind::Tuple(tuple) => {
            format!("[{}]", tuple.types.iter().map(|kind| shown(resolve, kind)).collect::<Vec<_>>().join(", "))
        }
        TypeDefKind::Option(inner) => format!("{} | null", shown(resolve, inner)),
        TypeDefKind::List(inner) => format!("Array<{}>", shown(resolve, inner)),
        // The contract has nothing else.
        _ => "unknown".to_owned(),
    }
}

/// A type where it is used.
fn shown(resolve: &Resolve, kind: &Type) -> String {
    match kind {
        Type::Bool => "boolean".to_owned(),
        Type::String | Type::Char => "string".to_owned(),
        Type::Id(id) => match resolve.types.get(*id) {
            Some(TypeDef { name: Some(name), .. }) => pascal(name),
            Some(kind) => definition(resolve, kind),
            None => "unknown".to_owned(),
        },
        Type::ErrorContext => "unknown".to_owned(),
        _ => "number".to_owned(),
    }
}

fn comment(docs: &Docs, indent: &str) -> String {
    let Some(text) = &docs.contents else { return String::new() };
    let lines: String =
        text.trim_end().lines().map(|line| format!("{indent} * {line}").trim_end().to_owned() + "\n").collect();
    format!("{indent}/**\n{lines}{indent} */\n")
}

fn pascal(name: &str) -> String {
    name.split('-').map(capital).collect()
}

fn camel(name: &str) -> String {
    name.split('-').enumerate().map(|(place, word)| if place == 0 { word.to_owned() } else { capital(word) }).collect()
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
}
