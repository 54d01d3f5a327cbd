//! A new project: the smallest good plugin, which builds and passes its scenarios as it stands.
//!
//! The templates are real files, in `templates/`; there a plugin is called `my-plugin`. Never asks anything, and never writes
//! into a folder that is there.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{contract, schemas};

/// What a plugin is called in the templates.
const NAMED: &str = "my-plugin";

/// The longest name, in bytes; what `plugin.toml` may hold.
const NAME_BYTES: usize = 64;

/// A project to begin with.
pub struct Template {
    /// What `--lang` calls its language.
    pub language: &'static str,
    /// What it is built with.
    pub built_with: &'static str,
    files: &'static [(&'static str, &'static str)],
}

/// A file of a template, as it stands in a project.
macro_rules! file {
    ($from:literal, $path:literal) => {
        ($path, include_str!(concat!("templates/", $from, "/", $path)))
    };
}

/// What every project has, whatever its language.
const COMMON: [(&str, &str); 6] = [
    file!("common", "README.md"),
    file!("common", "plugin.toml"),
    file!("common", "scenarios/only-when-closed.toml"),
    file!("common", "scenarios/opening-hours.toml"),
    file!("common", "settings.schema.json"),
    file!("common", "wit/world.wit"),
];

/// The templates. All of them are the same plugin.
pub const TEMPLATES: [Template; 6] = [
    Template {
        language: "rust",
        built_with: "cargo",
        files: &[file!("rust", ".gitignore"), file!("rust", "Cargo.toml"), file!("rust", "src/lib.rs")],
    },
    Template {
        language: "javascript",
        built_with: "componentize-qjs, from npm",
        files: &[
            file!("javascript", ".gitignore"),
            file!("javascript", "main.js"),
            file!("javascript", "package.json"),
        ],
    },
    Template {
        language: "typescript",
        built_with: "componentize-qjs, amaro and typescript, from npm",
        files: &[
            file!("typescript", ".gitignore"),
            file!("typescript", "contract.d.ts"),
            file!("typescript", "main.ts"),
            file!("typescript", "package.json"),
            file!("typescript", "tsconfig.json"),
        ],
    },
    Template {
        language: "python",
        built_with: "componentize-py, from PyPI",
        files: &[file!("python", ".gitignore"), file!("python", "app.py"), file!("python", "requirements.txt")],
    },
    Template {
        language: "c",
        built_with: "clang or zig",
        files: &[file!("c", ".gitignore"), file!("c", "src/plugin.c")],
    },
    Template {
        language: "go",
        built_with: "go",
        files: &[
            file!("go", ".gitignore"),
            file!("go", "go.mod"),
            file!("go", "export_attune_automation_on_message/plugin.go"),
        ],
    },
];

impl Template {
    /// The template of a language.
    pub fn of(language: &str) -> Option<&'static Self> {
        TEMPLATES.iter().find(|template| template.language == language)
    }

    /// Writes a project into a new folder `parent/name`. Gives the folder.
    ///
    /// # Errors
    /// A name that is none, a folder that is there already, a file that cannot be written.
    pub fn write(&self, parent: &Path, name: &str) -> Result<PathBuf> {
        check_name(name)?;
        let folder = parent.join(name);
        match std::fs::create_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                bail!("{} is there already; choose another name, or move it away", folder.display())
            }
            made => made.with_context(|| folder.display().to_string())?,
        }
        for (path, text) in COMMON.iter().chain(self.files) {
            let path = folder.join(path);
            let inner = path.parent().unwrap_or(&folder);
            std::fs::create_dir_all(inner)
                .and_then(|()| std::fs::write(&path, text.replace(NAMED, name)))
                .with_context(|| path.display().to_string())?;
        }
        contract::write(&folder.join("wit").join("deps"))?;
        schemas::write(&folder.join("schemas"))?;
        Ok(folder)
    }
}

/// Whether a plugin can be called so in every language, and in its world.
fn check_name(name: &str) -> Result<()> {
    let is_part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_lowercase())
            && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    if name.len() > NAME_BYTES || !name.split('-').all(is_part) {
        bail!(
            "`{name}` is no name for a plugin; a name is at most {NAME_BYTES} lower-case letters and digits, with single hyphens \
             between words that begin with a letter, such as opening-hours"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_in_every_language() {
        for name in ["a", "birthday", "opening-hours", "opening-hours2", "x1", &"a".repeat(64)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        let wrong = [
            "",
            "-",
            "a-",
            "a-2",
            "-a",
            "a--b",
            "1a",
            "Birthday",
            "a_b",
            "a b",
            "../a",
            "a/b",
            ".",
            "é",
            &"a".repeat(65),
        ];
        for name in wrong {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_project_has_its_own_name_everywhere_and_never_writes_over_a_folder() {
        let parent = std::env::temp_dir().join(format!("attune-new-{}", std::process::id()));
        std::fs::create_dir_all(&parent).unwrap();
        for template in &TEMPLATES {
            let folder = template.write(&parent, "greeter").unwrap();
            assert!(
                std::fs::read_to_string(folder.join("wit/deps/host/host.wit")).unwrap().contains("package attune:host")
            );
            for (path, text) in COMMON.iter().chain(template.files) {
                let written = std::fs::read_to_string(folder.join(path)).unwrap();
                assert!(!written.contains(NAMED), "{}: {path}", template.language);
                assert_eq!(written.contains("greeter"), text.contains(NAMED), "{}: {path}", template.language);
            }
            for (path, text) in COMMON.iter().filter(|(path, _)| path.ends_with(".toml")) {
                // What editors complete the file by is there, without any network.
                let named = text.lines().next().and_then(|line| line.strip_prefix("#:schema ")).expect(path);
                let schema = folder.join(path).parent().unwrap().join(named);
                let read: serde_json::Value = serde_json::from_slice(&std::fs::read(schema).unwrap()).unwrap();
                assert!(read["properties"].is_object(), "{path}");
            }
            let again = template.write(&parent, "greeter").unwrap_err().to_string();
            assert!(again.ends_with("greeter is there already; choose another name, or move it away"), "{again}");
            std::fs::remove_dir_all(&folder).unwrap();
        }
        std::fs::remove_dir_all(&parent).unwrap();
    }
}
