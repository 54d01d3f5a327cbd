//! The contract's own WIT files, as this program has them, for projects that stand outside its repository.

mod typescript;

use std::path::Path;

use anyhow::{Context, Result};

/// The packages of the contract: a folder's name each, the file in it, and its text.
const PACKAGES: [(&str, &str, &str); 4] = [
    ("types", "types.wit", include_str!("../../../../wit/deps/types/types.wit")),
    ("host", "host.wit", include_str!("../../../../wit/deps/host/host.wit")),
    ("reader", "reader.wit", include_str!("../../../../wit/deps/reader/reader.wit")),
    ("automation", "automation.wit", include_str!("../../../../wit/automation.wit")),
];

/// Writes the contract's packages into a folder, `wit/deps` of a project. Files that say the same already are left alone, so
/// that nothing is built again because of them.
///
/// # Errors
/// When a file cannot be written.
pub fn write(folder: &Path) -> Result<()> {
    PACKAGES.into_iter().try_for_each(|(package, file, text)| write_one(&folder.join(package), file, text))
}

/// Writes the contract's types for TypeScript into the same folder, as `attune.d.ts`.
///
/// # Errors
/// When it cannot be written.
pub fn write_types(folder: &Path) -> Result<()> {
    let packages = PACKAGES.map(|(_, file, text)| (file, text));
    write_one(folder, "attune.d.ts", &typescript::declarations(&packages)?)
}

fn write_one(folder: &Path, file: &str, text: &str) -> Result<()> {
    let path = folder.join(file);
    if std::fs::read_to_string(&path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    std::fs::write(&path, text).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typescript_sees_records_variants_options_and_what_is_thrown() {
        let wit = "package a:b@1.0.0;
            interface types { record one-thing { long-name: option<string> } variant end { never, at(u64) } record refusal { code: string } }
            interface calls {
              use types.{one-thing, end, refusal};
              enum level { debug, info }
              /// Says it.
              say: func(a-thing: one-thing, to: list<tuple<string, level>>) -> result<end, refusal>;
            }";
        let text = typescript::declarations(&[("a.wit", wit)]).unwrap();
        for line in [
            "declare module \"a:b/types@1.0.0\" {",
            "export type OneThing = {\n    longName: string | null;\n  };",
            "| { tag: \"never\" }\n    | { tag: \"at\"; val: number };",
            "export type OneThing = import(\"a:b/types@1.0.0\").OneThing;",
            "export type Level = \"debug\" | \"info\";",
            "     * Says it.\n     */\n    /** Throws an Error whose `payload` is a Refusal. */\n    \
             say(aThing: OneThing, to: Array<[string, Level]>): End;",
        ] {
            assert!(text.contains(line), "{line}\nis not in\n{text}");
        }
    }

    #[test]
    fn the_whole_contract_has_types() {
        let text = typescript::declarations(&PACKAGES.map(|(_, file, text)| (file, text))).unwrap();
        assert!(!text.contains("unknown"), "{text}");
    }
}
