//! The keyring in a file of its own.
//!
//! A header and then slots of 128 bytes, one key each; a slot lies within one disk sector. A new key is appended and
//! synced before anyone gets it. Erasing overwrites the slot *in place* and syncs: a tree that copies on write would leave
//! the key behind in a free page, and the point is that it is gone. (Copies that a file system or a drive keeps by
//! itself are out of reach; so is a backup, which is why this file stays out of backups.)
//!
//! After a failed write it gives out no more new keys until it is opened again. It never gives out a key that is not
//! durable, and never puts a key anywhere else.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};

use super::seal::{CustomerKey, IndexKey, Keyring};
use super::{StoreError, lock};
use crate::domain::ids::{BusinessId, CustomerId};

const SLOT_BYTES: usize = 128;
const MAGIC: &[u8; 12] = b"attune keys\n";
const FORMAT: u8 = 1;
/// How many ciphers are kept ready.
const CACHE_LIMIT: usize = 4_096;

const CUSTOMER: u8 = 1;
const INDEX: u8 = 2;

/// Whose key: kind, business, customer.
type Name = (u8, [u8; 16], [u8; 16]);

/// A keyring in a file.
#[derive(Debug)]
pub struct FileKeyring {
    inside: Mutex<Inside>,
}

#[derive(Debug)]
struct Inside {
    file: File,
    slots: HashMap<Name, (u64, [u8; 32])>,
    /// Slots that an erasure left, to be used again.
    free: Vec<u64>,
    end: u64,
    ciphers: HashMap<Name, Arc<CustomerKey>>,
    index_keys: HashMap<Name, Arc<IndexKey>>,
    broken: Option<String>,
}

impl FileKeyring {
    /// Opens the file, or makes it (readable by its owner only).
    ///
    /// # Errors
    /// When it is in use, damaged or newer than this program, or cannot be read or written.
    pub fn open(path: &Path) -> Result<FileKeyring, StoreError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(|e| failed(path, &e))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(path.display().to_string())),
            Err(TryLockError::Error(e)) => return Err(failed(path, &e)),
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|e| failed(path, &e))?;
        if bytes.len() < SLOT_BYTES {
            // Nobody was given a key out of a file that has no whole header.
            write_slot(&mut file, 0, &header()).map_err(|e| failed(path, &e))?;
            sync_folder(path).map_err(|e| failed(path, &e))?;
            bytes = header().to_vec();
        }
        let inside = Inside::read(file, &bytes)?;
        Ok(FileKeyring { inside: Mutex::new(inside) })
    }
}

impl Keyring for FileKeyring {
    fn get(&self, business: BusinessId, customer: CustomerId) -> Result<Option<Arc<CustomerKey>>, StoreError> {
        Ok(lock(&self.inside).cipher((CUSTOMER, business.0, customer.0)))
    }

    fn get_or_create(&self, business: BusinessId, customer: CustomerId) -> Result<Arc<CustomerKey>, StoreError> {
        let name = (CUSTOMER, business.0, customer.0);
        let mut inside = lock(&self.inside);
        if let Some(key) = inside.cipher(name) {
            return Ok(key);
        }
        let bytes = inside.create(name)?;
        Ok(inside.cipher(name).unwrap_or_else(|| Arc::new(CustomerKey::new(&bytes))))
    }

    fn erase(&self, business: BusinessId, customer: CustomerId) -> Result<(), StoreError> {
        lock(&self.inside).erase((CUSTOMER, business.0, customer.0))
    }

    fn index_key(&self, business: BusinessId) -> Result<Arc<IndexKey>, StoreError> {
        let name = (INDEX, business.0, [0; 16]);
        let mut inside = lock(&self.inside);
        if let Some(key) = inside.index_keys.get(&name) {
            return Ok(key.clone());
        }
        let bytes = match inside.slots.get(&name) {
            Some((_, bytes)) => *bytes,
            None => inside.create(name)?,
        };
        let key = Arc::new(IndexKey::new(&bytes));
        inside.index_keys.insert(name, key.clone());
        Ok(key)
    }
}

impl Inside {
    fn read(file: File, bytes: &[u8]) -> Result<Inside, StoreError> {
        let (head, body) = bytes.split_at_checked(SLOT_BYTES).unwrap_or_default();
        if head.get(..MAGIC.len()) != Some(MAGIC) {
            return Err(StoreError::Damaged("this file is no keyring".into()));
        }
        let format = head.get(MAGIC.len()).copied().unwrap_or_default();
        if format > FORMAT {
            return Err(StoreError::Newer { what: "keyring", found: format.into(), known: FORMAT.into() });
        }
        let mut slots = HashMap::new();
        let mut free = Vec::new();
        let count = body.len() / SLOT_BYTES;
        for (place, slot) in (1u64..).zip(body.chunks_exact(SLOT_BYTES)) {
            match read_slot(slot) {
                Slot::Key(name, key) => {
                    slots.insert(name, (place, key));
                }
                Slot::Free => free.push(place),
                // Each slot is synced before the next is written, so a crash can only have cut the last one.
                Slot::Damaged if place == count as u64 => free.push(place),
                Slot::Damaged => return Err(StoreError::Damaged(format!("slot {place} of the keyring"))),
            }
        }
        Ok(Inside {
            file,
            slots,
            free,
            end: count as u64 + 1,
            ciphers: HashMap::new(),
            index_keys: HashMap::new(),
            broken: None,
        })
    }

    fn cipher(&mut self, name: Name) -> Option<Arc<CustomerKey>> {
        if let Some(key) = self.ciphers.get(&name) {
            return Some(key.clone());
        }
        let (_, bytes) = self.slots.get(&name)?;
        let key = Arc::new(CustomerKey::new(bytes));
        if self.ciphers.len() >= CACHE_LIMIT {
            self.ciphers.clear();
        }
        self.ciphers.insert(name, key.clone());
        Some(key)
    }

    #[expect(clippy::disallowed_methods, reason = "a key of a customer is the one thing that must be unguessable")]
    fn create(&mut self, name: Name) -> Result<[u8; 32], StoreError> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|e| StoreError::Failed(format!("no randomness for a key: {e}")))?;
        let reused = self.free.pop();
        let place = reused.unwrap_or(self.end);
        self.write(place, &slot_of(name, &key))?;
        if reused.is_none() {
            self.end += 1;
        }
        self.slots.insert(name, (place, key));
        Ok(key)
    }

    fn erase(&mut self, name: Name) -> Result<(), StoreError> {
        let Some(&(place, _)) = self.slots.get(&name) else { return Ok(()) };
        self.slots.remove(&name);
        self.ciphers.remove(&name);
        self.write(place, &[0; SLOT_BYTES])?;
        self.free.push(place);
        Ok(())
    }

    fn write(&mut self, place: u64, slot: &[u8; SLOT_BYTES]) -> Result<(), StoreError> {
        if let Some(reason) = &self.broken {
            return Err(StoreError::Failed(format!("the keyring stopped after a failure: {reason}")));
        }
        write_slot(&mut self.file, place, slot).map_err(|e| {
            self.broken = Some(e.to_string());
            StoreError::Failed(format!("the keyring cannot be written: {e}"))
        })
    }
}

enum Slot {
    Key(Name, [u8; 32]),
    Free,
    Damaged,
}

fn header() -> [u8; SLOT_BYTES] {
    let mut slot = [0; SLOT_BYTES];
    slot[..12].copy_from_slice(MAGIC);
    slot[12] = FORMAT;
    slot
}

/// Kind 1, business 16, customer 16, key 32, and 16 bytes of SHA-256 over those 65.
fn slot_of(name: Name, key: &[u8; 32]) -> [u8; SLOT_BYTES] {
    let mut slot = [0; SLOT_BYTES];
    slot[0] = name.0;
    slot[1..17].copy_from_slice(&name.1);
    slot[17..33].copy_from_slice(&name.2);
    slot[33..65].copy_from_slice(key);
    let sum = Sha256::digest(&slot[..65]);
    slot[65..81].copy_from_slice(&sum[..16]);
    slot
}

fn read_slot(slot: &[u8]) -> Slot {
    let Some(slot) = slot.first_chunk::<SLOT_BYTES>() else { return Slot::Damaged };
    if slot.iter().all(|&b| b == 0) {
        return Slot::Free;
    }
    let (mut business, mut customer, mut key) = ([0; 16], [0; 16], [0; 32]);
    business.copy_from_slice(&slot[1..17]);
    customer.copy_from_slice(&slot[17..33]);
    key.copy_from_slice(&slot[33..65]);
    let name = (slot[0], business, customer);
    if slot_of(name, &key) == *slot { Slot::Key(name, key) } else { Slot::Damaged }
}

fn write_slot(file: &mut File, place: u64, slot: &[u8; SLOT_BYTES]) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(place * SLOT_BYTES as u64))?;
    file.write_all(slot)?;
    file.sync_data()
}

/// A new file is durable once its folder is.
pub(super) fn sync_folder(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

fn failed(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Failed(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::super::suite::Folder;
    use super::*;

    const SHOP: BusinessId = BusinessId([1; 16]);
    const ANN: CustomerId = CustomerId([2; 16]);
    const BOB: CustomerId = CustomerId([3; 16]);

    #[test]
    fn keys_survive_reopening_and_an_erased_one_leaves_no_trace_in_the_file() {
        let folder = Folder::new("keyring");
        let path = folder.path("keys");
        let keys = FileKeyring::open(&path).unwrap();
        let (ann, bob) = (keys.get_or_create(SHOP, ANN).unwrap(), keys.get_or_create(SHOP, BOB).unwrap());
        let hash = keys.index_key(SHOP).unwrap().hash("address", &[b"a"]);
        let (for_ann, for_bob) = (ann.seal(b"row", b"hello"), bob.seal(b"row", b"hello"));
        assert_ne!(for_ann, for_bob);
        let secret = lock(&keys.inside).slots[&(CUSTOMER, SHOP.0, ANN.0)].1;
        let holds = |secret: &[u8]| std::fs::read(&path).unwrap().windows(32).any(|window| window == secret);
        assert!(holds(&secret));
        assert_eq!(FileKeyring::open(&path).unwrap_err(), StoreError::InUse(path.display().to_string()));
        keys.erase(SHOP, ANN).unwrap();
        assert!(!holds(&secret));
        drop(keys);

        let keys = FileKeyring::open(&path).unwrap();
        assert!(keys.get(SHOP, ANN).unwrap().is_none());
        assert_eq!(keys.get(SHOP, BOB).unwrap().unwrap().open(b"row", &for_bob), Ok(b"hello".to_vec()));
        assert_eq!(keys.index_key(SHOP).unwrap().hash("address", &[b"a"]), hash);
        let length = std::fs::metadata(&path).unwrap().len();
        assert_eq!(keys.get_or_create(SHOP, ANN).unwrap().open(b"row", &for_ann), Err(StoreError::Sealed));
        assert_eq!(std::fs::metadata(&path).unwrap().len(), length, "the erased slot is used again");
    }

    #[test]
    fn a_slot_cut_by_a_crash_is_used_again_and_a_damaged_one_is_refused() {
        let folder = Folder::new("keyring-torn");
        let path = folder.path("keys");
        let keys = FileKeyring::open(&path).unwrap();
        for customer in 0..3 {
            keys.get_or_create(SHOP, CustomerId([customer; 16])).unwrap();
        }
        drop(keys);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..3 * SLOT_BYTES + 40]).unwrap();
        let keys = FileKeyring::open(&path).unwrap();
        assert!(keys.get(SHOP, CustomerId([1; 16])).unwrap().is_some());
        assert!(keys.get(SHOP, CustomerId([2; 16])).unwrap().is_none());
        keys.get_or_create(SHOP, CustomerId([2; 16])).unwrap();
        drop(keys);
        let mut whole = std::fs::read(&path).unwrap();
        whole[SLOT_BYTES + 40] ^= 1;
        std::fs::write(&path, &whole).unwrap();
        assert_eq!(FileKeyring::open(&path).unwrap_err(), StoreError::Damaged("slot 1 of the keyring".into()));
        whole[12] = 9;
        std::fs::write(&path, &whole).unwrap();
        assert!(matches!(FileKeyring::open(&path).unwrap_err(), StoreError::Newer { what: "keyring", found: 9, .. }));
    }
}
