//! A plugin's sources, and whether they changed since they were last looked at.
//!
//! Contents decide, not times: a build that writes the same file again into the plugin's folder, or a file that is only touched,
//! is no change. Folders that tools fill are not looked into.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

/// Folders that hold no sources of the component; those with a dot before their name neither.
const NO_SOURCES: [&str; 7] = ["target", "node_modules", "venv", "__pycache__", "dist", "build", "scenarios"];

/// How deep folders are looked into.
const DEPTH: u32 = 16;

/// How many files are looked at; more are not watched.
const FILES: usize = 5_000;

/// Files larger than this are known by their size and time alone, in bytes.
const READ_BYTES: u64 = 8 << 20;

/// The files of a plugin's folder as they were when they were last looked at.
pub struct Sources {
    folder: PathBuf,
    files: BTreeMap<PathBuf, File>,
}

#[derive(Clone, PartialEq)]
struct File {
    written: Option<SystemTime>,
    size_bytes: u64,
    digest: Option<[u8; 32]>,
}

impl Sources {
    /// The sources in a folder, none of which was looked at yet.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf(), files: BTreeMap::new() }
    }

    /// Looks at the files, and says whether one has another content, is new, or is gone since the last look. The first look
    /// finds all of them new.
    pub fn changed(&mut self) -> bool {
        let mut found = BTreeMap::new();
        self.look(&self.folder, DEPTH, &mut found);
        let same = found.len() == self.files.len()
            && found.iter().all(|(path, file)| self.files.get(path).is_some_and(|known| known.has_content_of(file)));
        self.files = found;
        !same
    }

    fn look(&self, folder: &Path, depth: u32, found: &mut BTreeMap<PathBuf, File>) {
        // What cannot be read is as good as not there; the build says so.
        for entry in std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
            let (name, path) = (entry.file_name(), entry.path());
            let is_hidden = name.to_string_lossy().starts_with('.');
            let Ok(kind) = entry.file_type() else { continue };
            if is_hidden || found.len() >= FILES {
                continue;
            }
            if kind.is_dir() {
                if depth > 0 && !NO_SOURCES.iter().any(|other| name == *other) {
                    self.look(&path, depth - 1, found);
                }
            } else if let Some(file) = self.file(&path) {
                found.insert(path, file);
            }
        }
    }

    /// A file as it is; one with the time and size that it had is not read again.
    fn file(&self, path: &Path) -> Option<File> {
        let about = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
        let file = File { written: about.modified().ok(), size_bytes: about.len(), digest: None };
        let known = self.files.get(path);
        if let Some(known) = known.filter(|known| (known.written, known.size_bytes) == (file.written, file.size_bytes))
        {
            return Some(known.clone());
        }
        let content = (file.size_bytes <= READ_BYTES).then(|| std::fs::read(path).ok()).flatten();
        Some(File { digest: content.map(|content| Sha256::digest(content).into()), ..file })
    }
}

impl File {
    fn has_content_of(&self, other: &Self) -> bool {
        match (self.digest, other.digest) {
            (Some(one), Some(other)) => one == other,
            _ => self == other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_watched_and_what_tools_write_is_not() {
        let folder = std::env::temp_dir().join(format!("attune-sources-{}", std::process::id()));
        let write = |name: &str, content: &str| {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        };
        write("src/lib.rs", "one");
        let mut sources = Sources::new(&folder);
        assert!(sources.changed(), "all is new at first");
        assert!(!sources.changed());
        for (what, name, content, changes) in [
            ("another content", "src/lib.rs", "two, longer", true),
            ("the same content, written again", "src/lib.rs", "two, longer", false),
            ("a new file", "plugin.toml", "[plugin]", true),
            ("a build's output", "target/release/lib.wasm", "\0asm", false),
            ("packages", "node_modules/one/index.js", "1", false),
            ("an editor's own file", "src/.lib.rs.swp", "1", false),
            ("a scenario", "scenarios/one.toml", "1", false),
        ] {
            write(name, content);
            assert_eq!(sources.changed(), changes, "{what}");
        }
        std::fs::remove_file(folder.join("plugin.toml")).unwrap();
        assert!(sources.changed(), "a file is gone");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
