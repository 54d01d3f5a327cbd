//! Where the workbench keeps compiled code between runs: compiling a component with a language's runtime takes seconds, and nothing
//! of it changes until the component does.
//!
//! The place is a cache folder of the user's own, which may be deleted at any time. Compiled code is run as it is, so nothing is taken
//! from a folder or vouched for by a key that anybody else could have written or read.

use std::io::{Error, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::sandbox::{Cache, Compiler, Rejected, Sandbox};
use crate::turn::limits::Limits;
use crate::world::{Serve, World};

/// The most compiled code that is kept, in bytes: a dozen components with a runtime.
const MOST_BYTES: u64 = 1 << 30;

/// How many bytes the key has.
const KEY_BYTES: usize = 32;

/// The cache of compiled code of this user. Where there is no place for it, what this process compiles is kept in memory.
pub fn cache() -> Cache {
    let Some(folder) = folder() else { return Cache::memory() };
    match key(&folder) {
        Ok(key) => Cache::bounded(folder.join("compiled"), key, MOST_BYTES),
        Err(error) => {
            let path = folder.display();
            tracing::warn!(%path, "compiled code is not kept: {error}; set XDG_CACHE_HOME to a folder of your own");
            Cache::memory()
        }
    }
}

/// The sandbox of the workbench: components are compiled in a child process, and their code is kept.
///
/// # Errors
/// When this machine cannot run wasmtime as configured.
pub fn sandbox() -> Result<Arc<Sandbox>, Rejected> {
    Sandbox::new(cache(), Compiler::child(&Limits::default()))
}

/// The same for whoever looks for a mistake, see [`Sandbox::debugging`].
///
/// # Errors
/// When this machine cannot run wasmtime as configured.
pub fn debugging(profiles: bool) -> Result<Arc<Sandbox>, Rejected> {
    Sandbox::debugging(cache(), profiles)
}

/// The folder: `attune` in what the system has for such things.
fn folder() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || {
        let within = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
        named("HOME").map(|home| home.join(within))
    };
    let system = || if cfg!(windows) { named("LOCALAPPDATA") } else { home() };
    named("XDG_CACHE_HOME").or_else(system).map(|cache| cache.join("attune"))
}

/// The key that vouches for what is in the folder; it is made on first use.
fn key(folder: &Path) -> std::io::Result<[u8; KEY_BYTES]> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    only_mine(folder, 0o022)?;
    let path = folder.join("key");
    if !path.try_exists()? {
        make_key(&path)?;
    }
    only_mine(&path, 0o077)?;
    let short = || Error::new(ErrorKind::InvalidData, format!("{} is no key; delete it", path.display()));
    std::fs::read(&path)?.try_into().map_err(|_| short())
}

/// Writes a new key. If another process does so at the same time, the first of the two stays.
fn make_key(path: &Path) -> std::io::Result<()> {
    let world = Serve::new();
    let mut key = [0; KEY_BYTES];
    key.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&world.secret()[..8]));
    let fresh = path.with_extension(format!("{}.new", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&fresh)?.write_all(&key)?;
    // A link does not take the place of a key that another process made just now; but not every file system has links.
    match std::fs::hard_link(&fresh, path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => std::fs::rename(fresh, path),
        _ => std::fs::remove_file(fresh),
    }
}

/// Checks that a file or folder belongs to whoever runs this program, and that nobody else may do to it what `others` says.
#[cfg(unix)]
fn only_mine(path: &Path, others: u32) -> std::io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let about = std::fs::metadata(path)?;
    if about.uid() != rustix::process::geteuid().as_raw() {
        return Err(Error::other(format!("{} belongs to somebody else", path.display())));
    }
    if about.mode() & others != 0 {
        return Err(Error::other(format!("others may write or read {}; delete it", path.display())));
    }
    Ok(())
}

/// The folder is within the user's profile, which others cannot open.
#[cfg(not(unix))]
fn only_mine(_: &Path, _: u32) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_key_is_made_once_and_taken_only_where_nobody_else_can_have_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = std::env::temp_dir().join(format!("attune-kept-{}", std::process::id()));
        let mode = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        let path = folder.join("key");
        let made = key(&folder).unwrap();
        assert_ne!(made, [0; 32]);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(key(&folder).unwrap(), made, "it stays");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing else is left there");

        mode(&path, 0o644);
        assert!(key(&folder).is_err_and(|error| error.to_string().contains("others may")), "others may read it");
        mode(&path, 0o600);
        mode(&folder, 0o777);
        assert!(key(&folder).is_err_and(|error| error.to_string().contains("others may")), "others may replace it");
        mode(&folder, 0o700);
        std::fs::write(&path, "short").unwrap();
        assert!(key(&folder).is_err_and(|error| error.to_string().contains("is no key")));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
