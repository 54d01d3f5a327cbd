//! The contract as this program carries it: what a new project gets under `wit/deps`, and what plugins in C are built
//! against where they bring none of their own.

use std::path::Path;

use anyhow::{Context, Result};
use wit_bindgen_core::wit_parser::{Resolve, WorldId};

/// The files of the contract that an automation needs: where each stands under `wit/deps`, and its text. A file comes after
/// those that it uses.
pub const FILES: [(&str, &str); 3] = [
    ("types/types.wit", include_str!("../../../wit/deps/types/types.wit")),
    ("host/host.wit", include_str!("../../../wit/deps/host/host.wit")),
    ("automation/automation.wit", include_str!("../../../wit/automation.wit")),
];

/// What a project's world is called.
const WORLD: &str = "plugin";

/// Reads the world of a project: `wit/world.wit`, and the contract from `wit/deps`, or as this program carries it where the
/// project has none.
///
/// # Errors
/// What is wrong in the project's files, with the place.
pub fn world(folder: &Path) -> Result<(Resolve, WorldId)> {
    let wit = folder.join("wit");
    let mut resolve = Resolve::default();
    let package = if wit.join("deps").is_dir() {
        resolve.push_dir(&wit).with_context(|| wit.display().to_string())?.0
    } else {
        for (path, text) in FILES {
            resolve.push_str(path, text).context("the contract that this program carries")?;
        }
        let path = wit.join("world.wit");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("{}: a plugin's world stands here; `attune new` writes one", path.display()))?;
        resolve.push_str(&path, &text).with_context(|| path.display().to_string())?
    };
    let world = resolve
        .select_world(&[package], Some(WORLD))
        .with_context(|| format!("{}: the world has to be called `{WORLD}`", wit.display()))?;
    Ok((resolve, world))
}
