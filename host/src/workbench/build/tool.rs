//! What building in any language but Rust needs: finding the tool, running it, and knowing that nothing changed.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, anyhow, bail};

use super::Compiled;

/// Where tools stand in a project, or in a folder that it is in.
const PLACES: [&str; 5] = ["node_modules/.bin", ".venv/bin", "venv/bin", ".venv/Scripts", "venv/Scripts"];

/// Folders without sources.
pub(super) const NO_SOURCES: [&str; 7] =
    ["target", "node_modules", ".venv", "venv", "scenarios", "__pycache__", ".git"];

/// How deep folders are looked into.
const DEPTH: u32 = 16;

/// The target directory of a plugin that Cargo does not build, as a whole path. It is there.
///
/// # Errors
/// When it cannot be made.
pub(super) fn target(folder: &Path) -> Result<PathBuf> {
    let target = folder.join("target");
    std::fs::create_dir_all(&target).with_context(|| target.display().to_string())?;
    std::fs::canonicalize(&target).with_context(|| target.display().to_string())
}

/// Makes a component by `make`, which is told where it goes, unless it is there already and newer than every source. The target
/// directory is `target` in the plugin's folder.
///
/// # Errors
/// When it cannot be made.
pub(super) fn once(folder: &Path, make: impl FnOnce(&Path) -> Result<()>) -> Result<Compiled> {
    let target = target(folder)?;
    let component = target.join("component.wasm");
    if !is_fresh(&component, folder)? {
        make(&component)?;
    }
    let code = std::fs::read(&component).with_context(|| component.display().to_string())?;
    Ok(Compiled { code, target })
}

/// Makes sure that a package of Node is in the project, or in a folder that it is in.
///
/// # Errors
/// When it is not, with the line that installs it.
pub(super) fn package(folder: &Path, name: &str, install: &str) -> Result<()> {
    let folder = std::path::absolute(folder).with_context(|| folder.display().to_string())?;
    if folder.ancestors().any(|above| above.join("node_modules").join(name).is_dir()) {
        return Ok(());
    }
    Err(missing(&folder, name, install))
}

fn missing(folder: &Path, name: &str, install: &str) -> anyhow::Error {
    anyhow!("{name} is not installed; in {}: {install}", folder.display())
}

/// Finds a tool: in the project's own folders, in those of the folders above it, then on PATH. `install` is the line that
/// installs it.
///
/// # Errors
/// When it is nowhere, with that line.
pub(super) fn find(folder: &Path, name: &str, install: &str) -> Result<PathBuf> {
    let folder = std::path::absolute(folder).with_context(|| folder.display().to_string())?;
    locate(&folder, name).ok_or_else(|| missing(&folder, name, install))
}

/// Where a tool is: in the own places of a folder, which is a whole path, in those of the folders above it, or on PATH.
pub fn locate(folder: &Path, name: &str) -> Option<PathBuf> {
    let own = folder.ancestors().flat_map(|above| PLACES.map(|place| above.join(place)));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let files = |place: PathBuf| ["", ".exe", ".cmd"].map(|ending| place.join(format!("{name}{ending}")));
    own.chain(std::env::split_paths(&path)).flat_map(files).find(|file| file.is_file())
}

/// Runs a tool in a folder. What it prints is shown only when it fails.
///
/// # Errors
/// When it cannot be started or fails; what it printed is part of the error.
pub(super) fn run(command: &mut Command) -> Result<()> {
    let name = Path::new(command.get_program()).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("{name} cannot be started"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    bail!("{name} failed:\n{}", String::from_utf8_lossy(&said).trim_end())
}

/// Writes a file, and the folders that it is in, unless it says that already: then nothing is built again because of it.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write(path: &Path, contents: &[u8]) -> Result<()> {
    if std::fs::read(path).is_ok_and(|there| there == contents) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(path, contents));
    written.with_context(|| path.display().to_string())
}

/// Whether a file is newer than every source in a folder.
///
/// # Errors
/// When the folder cannot be read.
fn is_fresh(file: &Path, folder: &Path) -> Result<bool> {
    let made = match std::fs::metadata(file).and_then(|about| about.modified()) {
        Ok(made) => made,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error).with_context(|| file.display().to_string()),
    };
    let newest = newest(folder, DEPTH).with_context(|| folder.display().to_string())?;
    Ok(newest.is_none_or(|newest| newest < made))
}

/// When the newest source in a folder was written, or the newest folder: a file that is gone changes the folder it was in. The
/// outermost folder does not count, since tools put folders of their own there.
fn newest(folder: &Path, depth: u32) -> std::io::Result<Option<SystemTime>> {
    let mut newest = None;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if NO_SOURCES.iter().any(|other| entry.file_name() == *other) {
            continue;
        }
        let about = entry.metadata()?;
        newest = newest.max(about.modified().ok());
        if about.is_dir() && depth > 0 {
            newest = newest.max(self::newest(&entry.path(), depth - 1)?);
        }
    }
    Ok(newest)
}
