//! Compiled code on disk, so that a start does not compile; or in memory, so that a process compiles a component once.
//!
//! Loading compiled code runs what it says, so only what this host wrote is loaded: each file carries an authentication tag
//! over the component's digest, the engine's settings and the code. A file that does not fit is ignored and written anew.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How long a tag is.
const TAG_BYTES: usize = 32;

/// Where compiled code is kept.
pub struct Cache {
    place: Place,
}

enum Place {
    Nowhere,
    /// For as long as the process lives.
    Memory(Mutex<HashMap<String, Vec<u8>>>),
    Directory(Directory),
}

struct Directory {
    path: PathBuf,
    /// What vouches for what is in it.
    key: [u8; 32],
    /// The most that is kept in it.
    most_bytes: u64,
}

impl Cache {
    /// Keeps compiled code in a directory, vouched for by a key that only this host has.
    pub fn new(directory: PathBuf, key: [u8; 32]) -> Self {
        Self::bounded(directory, key, u64::MAX)
    }

    /// The same, with at most so many bytes in the directory: what was not used for longest makes room.
    pub fn bounded(path: PathBuf, key: [u8; 32], most_bytes: u64) -> Self {
        Self { place: Place::Directory(Directory { path, key, most_bytes }) }
    }

    /// Keeps compiled code in memory, all of it: for a process that loads the same few components again and again, and ends.
    pub fn memory() -> Self {
        Self { place: Place::Memory(Mutex::default()) }
    }

    /// Keeps nothing.
    pub fn none() -> Self {
        Self { place: Place::Nowhere }
    }

    /// The compiled code of a component, if it is there and this host wrote it.
    pub fn load(&self, name: &str) -> Option<Vec<u8>> {
        match &self.place {
            Place::Nowhere => None,
            Place::Memory(kept) => kept.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned(),
            Place::Directory(directory) => directory.load(name),
        }
    }

    /// Keeps the compiled code of a component. Failing to is no harm: it is compiled again next time.
    pub fn keep(&self, name: &str, code: &[u8]) {
        match &self.place {
            Place::Nowhere => {}
            Place::Memory(kept) => {
                kept.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), code.to_vec());
            }
            Place::Directory(directory) => {
                if let Err(error) = directory.keep(name, code).and_then(|()| directory.make_room()) {
                    tracing::warn!(%error, path = %directory.path.display(), "compiled code could not be kept");
                }
            }
        }
    }
}

impl Directory {
    fn load(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.path.join(name);
        let mut file = std::fs::read(&path).ok()?;
        let (tag, code) = file.split_at_checked(TAG_BYTES)?;
        if mac(&self.key, name, code).verify_slice(tag).is_err() {
            tracing::warn!(name, "a file of compiled code was not written by this host and is ignored");
            return None;
        }
        touch(&path);
        Some(file.split_off(TAG_BYTES))
    }

    fn keep(&self, name: &str, code: &[u8]) -> std::io::Result<()> {
        let tag = mac(&self.key, name, code).finalize().into_bytes();
        // Two processes may keep the same at one time.
        let fresh = self.path.join(format!("{name}.{}.new", std::process::id()));
        std::fs::create_dir_all(&self.path)?;
        let mut file = std::fs::File::create(&fresh)?;
        file.write_all(&tag).and_then(|()| file.write_all(code))?;
        std::fs::rename(&fresh, self.path.join(name))
    }

    /// Removes what was not used for longest until the rest is not too much. What a process left half written goes in the same way.
    fn make_room(&self) -> std::io::Result<()> {
        if self.most_bytes == u64::MAX {
            return Ok(());
        }
        let mut kept = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            // Another process may have removed it just now.
            let Ok(about) = entry.metadata() else { continue };
            kept.push((about.modified()?, about.len(), entry.path()));
        }
        kept.sort();
        let mut bytes: u64 = kept.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, size, path) in kept {
            if bytes <= self.most_bytes {
                break;
            }
            // Gone all the same if another process did it.
            let _ = std::fs::remove_file(path);
            bytes -= size;
        }
        Ok(())
    }
}

/// Notes that a file was used. Where it cannot be noted, the file that was written first makes room first.
fn touch(path: &Path) {
    #[cfg(unix)]
    {
        use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, utimensat};
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let _ = utimensat(CWD, path, &Timestamps { last_access: now, last_modification: now }, AtFlags::empty());
    }
    #[cfg(not(unix))]
    let _ = path;
}

fn mac(key: &[u8; 32], name: &str, code: &[u8]) -> Hmac<Sha256> {
    // HMAC takes a key of any length, so this never falls back.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()));
    mac.update(&(name.len() as u64).to_be_bytes());
    mac.update(name.as_bytes());
    mac.update(code);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_in_memory_is_there_and_what_is_kept_nowhere_is_not() {
        for (cache, there) in [(Cache::memory(), true), (Cache::none(), false)] {
            assert_eq!(cache.load("a"), None);
            cache.keep("a", b"code");
            assert_eq!(cache.load("a").is_some_and(|code| code == b"code"), there);
        }
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let directory = std::env::temp_dir().join(format!("attune-bounded-{}", std::process::id()));
        let kept = || {
            let mut names: Vec<_> =
                std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let written = |name: &str, seconds: u64| {
            let file = std::fs::File::options().write(true).open(directory.join(name)).unwrap();
            file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds)).unwrap();
        };
        // With their tags three files of 68 bytes fit.
        let cache = Cache::bounded(directory.clone(), [1; 32], 300);
        for (name, seconds) in [("a", 10), ("b", 20), ("c", 30)] {
            cache.keep(name, &[7; 68]);
            written(name, seconds);
        }
        assert_eq!(kept(), ["a", "b", "c"]);
        assert!(cfg!(not(unix)) || cache.load("a").is_some());
        cache.keep("d", &[7; 68]);
        assert_eq!(kept(), if cfg!(unix) { ["a", "c", "d"] } else { ["b", "c", "d"] });
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn only_what_this_host_wrote_is_loaded() {
        let directory = std::env::temp_dir().join(format!("attune-cache-{}", std::process::id()));
        let cache = Cache::new(directory.clone(), [1; 32]);
        cache.keep("a", b"code");
        assert_eq!(cache.load("a"), Some(b"code".to_vec()));
        assert_eq!(Cache::new(directory.clone(), [2; 32]).load("a"), None, "another host's key");
        std::fs::copy(directory.join("a"), directory.join("b")).unwrap();
        assert_eq!(cache.load("b"), None, "another component's code");
        std::fs::write(directory.join("a"), b"short").unwrap();
        assert_eq!(cache.load("a"), None, "a file cut short");
        std::fs::remove_dir_all(directory).unwrap();
    }
}
