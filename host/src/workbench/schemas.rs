//! JSON Schemas of the files that authors write, made of the types that read them, so that editors complete them.
//!
//! They stand in `docs/schemas/`; a test holds them to the types, and the repository's own files to them.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::build::PluginToml;
use super::scenario::Scenario;

/// Of `plugin.toml`.
pub fn plugin() -> Value {
    schema::<PluginToml>("Attune: plugin.toml")
}

/// Of a scenario.
pub fn scenario() -> Value {
    schema::<Scenario>("Attune: a scenario")
}

/// Writes both into a folder, where the first lines of an author's files name them.
///
/// # Errors
/// When they cannot be written.
pub(super) fn write(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for (name, schema) in [("plugin", plugin()), ("scenario", scenario())] {
        let path = folder.join(format!("{name}.schema.json"));
        let text = serde_json::to_string_pretty(&schema)? + "\n";
        std::fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn schema<T: ToSchema + PartialSchema>(title: &str) -> Value {
    let mut parts: Vec<(String, RefOr<Schema>)> = Vec::new();
    T::schemas(&mut parts);
    parts.sort_by(|(one, _), (other, _)| one.cmp(other));
    parts.dedup_by(|(one, _), (other, _)| one == other);
    let mut whole = json!(T::schema());
    let mut definitions: serde_json::Map<String, Value> =
        parts.into_iter().map(|(name, part)| (name, json!(part))).collect();
    // The type's own schema is that of answers, which have all of it; whoever writes quiet hours may leave out any.
    if let Some(quiet) = definitions.get_mut("QuietHours").and_then(Value::as_object_mut) {
        quiet.remove("required");
    }
    // It has the fields of `Which` in it, whose own schema would refuse all others.
    let which = definitions.get("Which").and_then(|one| one["properties"].as_object()).cloned().unwrap_or_default();
    if let Some(time) = definitions.get_mut("QuietTime")
        && let Some(mut own) = time["allOf"].get_mut(1).map(Value::take)
    {
        if let Some(properties) = own["properties"].as_object_mut() {
            properties.extend(which);
        }
        own["additionalProperties"] = json!(false);
        own["description"] = time["description"].take();
        *time = own;
    }
    if let Some(whole) = whole.as_object_mut() {
        whole.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        whole.insert("title".to_owned(), json!(title));
        whole.insert("$defs".to_owned(), definitions.into());
    }
    // An API's description has its parts elsewhere than a schema by itself.
    let text = whole.to_string().replace("#/components/schemas/", "#/$defs/");
    serde_json::from_str(&text).unwrap_or(whole)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn repository() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
    }

    /// Every file of that kind in the repository.
    fn files(folder: &Path, wanted: &dyn Fn(&Path) -> bool, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules") {
                files(&path, wanted, found);
            } else if wanted(&path) {
                found.push(path);
            }
        }
    }

    fn misfits(schema: &Value, toml: &str) -> Vec<String> {
        let value: Value = toml::from_str(toml).unwrap();
        let schema = jsonschema::validator_for(schema).unwrap();
        schema.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }

    #[test]
    fn the_schemas_in_the_papers_are_those_of_the_types() {
        for (name, schema) in [("plugin", plugin()), ("scenario", scenario())] {
            let path = repository().join(format!("docs/schemas/{name}.schema.json"));
            let is = serde_json::to_string_pretty(&schema).unwrap() + "\n";
            let written = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
            assert!(written == is, "{} is old: attune schema {name} > {}", path.display(), path.display());
        }
    }

    #[test]
    fn every_file_of_the_repository_fits_them() {
        let is_scenario = |path: &Path| {
            path.extension().is_some_and(|ending| ending == "toml")
                && path.parent().is_some_and(|at| at.ends_with("scenarios"))
        };
        let (mut scenarios, mut plugins) = (Vec::new(), Vec::new());
        for folder in ["plugins", "tests/plugins", "examples"] {
            files(&repository().join(folder), &is_scenario, &mut scenarios);
            files(&repository().join(folder), &|path| path.ends_with("plugin.toml"), &mut plugins);
        }
        assert!(scenarios.len() > 100 && plugins.len() > 5, "{} and {}", scenarios.len(), plugins.len());
        let mut named_by_files = 0;
        for (paths, schema) in [(scenarios, scenario()), (plugins, plugin())] {
            for path in paths {
                let wrong = misfits(&schema, &std::fs::read_to_string(&path).unwrap());
                assert!(wrong.is_empty(), "{}: {wrong:?}", path.display());
                // Where a file says by which schema editors complete it, that is there. It is found beside the file itself.
                let path = std::fs::canonicalize(&path).unwrap();
                let text = std::fs::read_to_string(&path).unwrap();
                if let Some(named) = text.lines().next().and_then(|line| line.strip_prefix("#:schema ")) {
                    named_by_files += 1;
                    let found = path.parent().unwrap().join(named);
                    let read: Value = serde_json::from_slice(&std::fs::read(&found).unwrap()).unwrap();
                    assert_eq!(read, schema, "{}", path.display());
                }
            }
        }
        assert!(named_by_files > 6, "{named_by_files}");
    }

    #[test]
    fn they_refuse_what_the_parser_refuses() {
        let scenarios = [
            ("name = 1\n[business]\nname = \"x\"\nzone = \"UTC\"\nstart = \"x\"", "/name"),
            ("name = \"x\"", "business"),
            ("name = \"x\"\ncolour = 1\n[business]\nname = \"x\"\nzone = \"UTC\"\nstart = \"x\"", "colour"),
            ("name = \"x\"\n[business]\nname = \"x\"\nzone = \"UTC\"\nstart = \"x\"\n[[step]]\nsasy = \"x\"", "sasy"),
            (
                "name = \"x\"\n[business]\nname = \"x\"\nzone = \"UTC\"\nstart = \"x\"\n[[step]]\nwait = \"1d\"\nexpect = [{ mesage = \"\" }]",
                "mesage",
            ),
        ];
        for (text, words) in scenarios {
            let wrong = misfits(&scenario(), text);
            assert!(wrong.iter().any(|wrong| wrong.contains(words)), "{text}: {wrong:?}");
            assert!(toml::from_str::<Scenario>(text).is_err(), "{text}");
        }
        let text = "[plugin]\nname = \"x\"\nversion = \"1\"\ndescription = \"x\"\nlicence = \"MIT\"";
        assert!(misfits(&plugin(), text).iter().any(|wrong| wrong.contains("licence")));
        assert!(toml::from_str::<PluginToml>(text).is_err());
    }
}
