//! Seals what is personal under a key of its own for each customer, and hashes what is looked up.
//!
//! Sealing is AES-256-GCM-SIV with a nonce derived from what the sealed part belongs to. An ordinary nonce must never
//! repeat, so it would have to come from a counter or from randomness, and a replay would write other bytes. A synthetic
//! IV is made from nonce, associated data *and* text, so a repeated nonce gives nothing away but that the same text was
//! put in the same place again; and the same journal gives the same bytes.
//!
//! Erasing a key erases the person: whatever it sealed, here or in any backup, stays closed.
//!
//! A key is never written into the store, never shown, and never made from anything that a customer knows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aes_gcm_siv::aead::{AeadInOut, KeyInit};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use super::{StoreError, lock};
use crate::domain::ids::{BusinessId, CustomerId};

/// The first byte of everything sealed: which way it was sealed.
const AES_256_GCM_SIV: u8 = 1;

/// What sealing adds at the end.
const TAG_BYTES: usize = 16;

/// Where the keys of customers and businesses are. Used from many threads.
pub trait Keyring: Send + Sync {
    /// The key of a customer, unless there is none yet or it was erased.
    fn get(&self, business: BusinessId, customer: CustomerId) -> Result<Option<Arc<CustomerKey>>, StoreError>;

    /// The key of a customer, made now if there is none. A new key is durable when this returns. After
    /// [`erase`](Keyring::erase) it is another key, and what the old one sealed stays closed.
    fn get_or_create(&self, business: BusinessId, customer: CustomerId) -> Result<Arc<CustomerKey>, StoreError>;

    /// Erases the key of a customer; durable when this returns. Nothing happens if there is none.
    fn erase(&self, business: BusinessId, customer: CustomerId) -> Result<(), StoreError>;

    /// The key for hashes that stand in keys of rows, made on first use. It is never erased: a hash of someone who
    /// opted out has to be found again.
    fn index_key(&self, business: BusinessId) -> Result<Arc<IndexKey>, StoreError>;
}

/// The key of one customer.
pub struct CustomerKey {
    cipher: Aes256GcmSiv,
}

impl CustomerKey {
    /// The key of these bytes.
    pub fn new(bytes: &[u8; 32]) -> CustomerKey {
        CustomerKey { cipher: Aes256GcmSiv::new(bytes.into()) }
    }

    /// Seals. The same key, `aad` and text give the same bytes, 17 more than the text has.
    pub fn seal(&self, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
        self.seal_scratch(aad, &mut plaintext.to_vec())
    }

    /// Seals a text that is not needed any more: it is enciphered where it stands.
    pub(super) fn seal_scratch(&self, aad: &[u8], text: &mut [u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(1 + text.len() + TAG_BYTES);
        sealed.push(AES_256_GCM_SIV);
        // The cipher refuses texts of more than 64 GiB only, which no row can hold; nothing would then open again.
        if let Ok(tag) = self.cipher.encrypt_inout_detached(&nonce(aad), aad, text.into()) {
            sealed.extend_from_slice(text);
            sealed.extend_from_slice(&tag);
        }
        sealed
    }

    /// Opens what was sealed under this key with the same `aad`.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] for anything else.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut text = Vec::new();
        self.open_into(aad, sealed, &mut text)?;
        Ok(text)
    }

    /// The same, into a buffer: what it holds is replaced.
    pub(super) fn open_into(&self, aad: &[u8], sealed: &[u8], text: &mut Vec<u8>) -> Result<(), StoreError> {
        let Some((&AES_256_GCM_SIV, body)) = sealed.split_first() else { return Err(StoreError::Sealed) };
        let (body, tag) = body.split_last_chunk::<TAG_BYTES>().ok_or(StoreError::Sealed)?;
        text.clear();
        text.extend_from_slice(body);
        let opened = self.cipher.decrypt_inout_detached(&nonce(aad), aad, text.as_mut_slice().into(), &(*tag).into());
        opened.map_err(|_| StoreError::Sealed)
    }
}

impl std::fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CustomerKey")
    }
}

fn nonce(aad: &[u8]) -> Nonce {
    let mut bytes = [0; 12];
    for (to, from) in bytes.iter_mut().zip(Sha256::digest(aad)) {
        *to = from;
    }
    bytes.into()
}

/// The key of a business for hashes of addresses and outside ids.
pub struct IndexKey {
    mac: Hmac<Sha256>,
}

impl IndexKey {
    /// The key of these bytes.
    pub fn new(bytes: &[u8; 32]) -> IndexKey {
        IndexKey { mac: keyed(bytes) }
    }

    /// A keyed hash: HMAC-SHA256, cut to 16 bytes. `domain` says what is hashed, so that an address and an order number
    /// of the same text differ; lengths are hashed too, so that no two lists of parts are the same.
    pub fn hash(&self, domain: &str, parts: &[&[u8]]) -> [u8; 16] {
        let mut mac = self.mac.clone();
        for part in [domain.as_bytes()].iter().chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        cut(mac)
    }
}

impl std::fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IndexKey")
    }
}

/// A keyring that makes every key from a seed, so that a run can be repeated to the byte. For tests and replays.
#[derive(Debug)]
pub struct MemoryKeyring {
    seed: [u8; 32],
    customers: Mutex<HashMap<(BusinessId, CustomerId), Place>>,
    businesses: Mutex<HashMap<BusinessId, Arc<IndexKey>>>,
}

/// How often a customer's key was erased, and the key there is now.
#[derive(Debug, Default)]
struct Place {
    erased: u64,
    key: Option<Arc<CustomerKey>>,
}

impl MemoryKeyring {
    /// A keyring of this seed.
    pub fn new(seed: [u8; 32]) -> MemoryKeyring {
        MemoryKeyring { seed, customers: Mutex::default(), businesses: Mutex::default() }
    }

    fn derive(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = keyed(&self.seed);
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().into()
    }
}

impl Keyring for MemoryKeyring {
    fn get(&self, business: BusinessId, customer: CustomerId) -> Result<Option<Arc<CustomerKey>>, StoreError> {
        Ok(lock(&self.customers).get(&(business, customer)).and_then(|place| place.key.clone()))
    }

    fn get_or_create(&self, business: BusinessId, customer: CustomerId) -> Result<Arc<CustomerKey>, StoreError> {
        let mut customers = lock(&self.customers);
        let place = customers.entry((business, customer)).or_default();
        let erased = place.erased.to_be_bytes();
        let make = || Arc::new(CustomerKey::new(&self.derive(&[b"customer", &business.0, &customer.0, &erased])));
        Ok(place.key.get_or_insert_with(make).clone())
    }

    fn erase(&self, business: BusinessId, customer: CustomerId) -> Result<(), StoreError> {
        if let Some(place) = lock(&self.customers).get_mut(&(business, customer))
            && place.key.take().is_some()
        {
            place.erased += 1;
        }
        Ok(())
    }

    fn index_key(&self, business: BusinessId) -> Result<Arc<IndexKey>, StoreError> {
        let make = || Arc::new(IndexKey::new(&self.derive(&[b"index", &business.0])));
        Ok(lock(&self.businesses).entry(business).or_insert_with(make).clone())
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn cut(mac: Hmac<Sha256>) -> [u8; 16] {
    let mut hash = [0; 16];
    for (to, from) in hash.iter_mut().zip(mac.finalize().into_bytes()) {
        *to = from;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: BusinessId = BusinessId([1; 16]);
    const ANN: CustomerId = CustomerId([2; 16]);
    const BOB: CustomerId = CustomerId([3; 16]);

    #[test]
    fn sealing_is_the_same_every_time_and_opens_only_with_the_same_key_and_place() {
        let keys = MemoryKeyring::new([5; 32]);
        let ann = keys.get_or_create(SHOP, ANN).unwrap();
        let bob = keys.get_or_create(SHOP, BOB).unwrap();
        let sealed = ann.seal(b"row 1", b"hello");
        assert_eq!(sealed, MemoryKeyring::new([5; 32]).get_or_create(SHOP, ANN).unwrap().seal(b"row 1", b"hello"));
        assert_eq!(sealed.len(), 5 + 17);
        assert_eq!(ann.open(b"row 1", &sealed), Ok(b"hello".to_vec()));
        assert_eq!(ann.open(b"row 2", &sealed), Err(StoreError::Sealed));
        assert_eq!(bob.open(b"row 1", &sealed), Err(StoreError::Sealed));
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert_eq!(ann.open(b"row 1", &changed), Err(StoreError::Sealed), "byte {place}");
        }
    }

    #[test]
    fn an_erased_key_is_gone_and_its_successor_does_not_open_what_it_sealed() {
        let keys = MemoryKeyring::new([5; 32]);
        let sealed = keys.get_or_create(SHOP, ANN).unwrap().seal(b"row", b"hello");
        keys.erase(SHOP, ANN).unwrap();
        assert!(keys.get(SHOP, ANN).unwrap().is_none());
        assert_eq!(keys.get_or_create(SHOP, ANN).unwrap().open(b"row", &sealed), Err(StoreError::Sealed));
    }

    #[test]
    fn a_hash_depends_on_business_domain_and_every_part() {
        let keys = MemoryKeyring::new([5; 32]);
        let shop = keys.index_key(SHOP).unwrap();
        let other = keys.index_key(BusinessId([9; 16])).unwrap();
        let hash = shop.hash("address", &[b"ab", b"c"]);
        assert_eq!(hash, keys.index_key(SHOP).unwrap().hash("address", &[b"ab", b"c"]));
        for different in [
            shop.hash("address", &[b"a", b"bc"]),
            shop.hash("address", &[b"abc"]),
            shop.hash("order", &[b"ab", b"c"]),
            other.hash("address", &[b"ab", b"c"]),
        ] {
            assert_ne!(hash, different);
        }
    }
}
