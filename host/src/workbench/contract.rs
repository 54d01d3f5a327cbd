//! The contract's own WIT files, as this program has them, for projects that stand outside its repository.

use std::path::Path;

use anyhow::{Context, Result};

/// The packages of the contract: a folder's name each, the file in it, and its text.
const PACKAGES: [(&str, &str, &str); 4] = [
    ("types", "types.wit", include_str!("../../../wit/deps/types/types.wit")),
    ("host", "host.wit", include_str!("../../../wit/deps/host/host.wit")),
    ("reader", "reader.wit", include_str!("../../../wit/deps/reader/reader.wit")),
    ("automation", "automation.wit", include_str!("../../../wit/automation.wit")),
];

/// Writes the contract's packages into a folder, `wit/deps` of a project. Files that say the same already are left alone, so
/// that nothing is built again because of them.
///
/// # Errors
/// When a file cannot be written.
pub fn write(folder: &Path) -> Result<()> {
    for (package, file, text) in PACKAGES {
        let folder = folder.join(package);
        let path = folder.join(file);
        if std::fs::read_to_string(&path).is_ok_and(|there| there == text) {
            continue;
        }
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        std::fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
