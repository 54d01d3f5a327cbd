//! Compiled code on disk, so that a start does not compile; or in memory, so that a process compiles a component once.
//!
//! Loading compiled code runs what it says, so only what this host wrote is loaded: each file carries an authentication tag
//! over the component's digest, the engine's settings and the code. A file that does not fit is ignored and written anew.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Where compiled code is kept.
pub struct Cache {
    place: Place,
}

enum Place {
    Nowhere,
    /// For as long as the process lives.
    Memory(Mutex<HashMap<String, Vec<u8>>>),
    /// A directory, and the key that vouches for what is in it.
    Directory(PathBuf, [u8; 32]),
}

impl Cache {
    /// Keeps compiled code in a directory, vouched for by a key that only this host has.
    pub fn new(directory: PathBuf, key: [u8; 32]) -> Self {
        Self { place: Place::Directory(directory, key) }
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
        let (directory, key) = match &self.place {
            Place::Nowhere => return None,
            Place::Memory(kept) => return kept.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned(),
            Place::Directory(directory, key) => (directory, key),
        };
        let file = std::fs::read(directory.join(name)).ok()?;
        let (tag, code) = file.split_at_checked(32)?;
        let fits = mac(key, name, code).verify_slice(tag).is_ok();
        if !fits {
            tracing::warn!(name, "a file of compiled code was not written by this host and is ignored");
        }
        fits.then(|| code.to_vec())
    }

    /// Keeps the compiled code of a component. Failing to is no harm: it is compiled again next time.
    pub fn keep(&self, name: &str, code: &[u8]) {
        let (directory, key) = match &self.place {
            Place::Nowhere => return,
            Place::Memory(kept) => {
                kept.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), code.to_vec());
                return;
            }
            Place::Directory(directory, key) => (directory, key),
        };
        let mut file = mac(key, name, code).finalize().into_bytes().to_vec();
        file.extend_from_slice(code);
        let path = directory.join(name);
        let fresh = directory.join(format!("{name}.new"));
        let kept = std::fs::create_dir_all(directory)
            .and_then(|()| std::fs::write(&fresh, file))
            .and_then(|()| std::fs::rename(&fresh, &path));
        if let Err(error) = kept {
            tracing::warn!(%error, path = %path.display(), "compiled code could not be kept");
        }
    }
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
