//! Who signed a component file: an ed25519 signature in a custom section of its own, `attune:signature`, which is the last one
//! and speaks for every byte before it. So a file carries its signature wherever it is copied.
//!
//! It says whether a signature is right and whose it is. Whom a business trusts is not decided here.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wasm_encoder::{ComponentSection, CustomSection};
use wasmparser::BinaryReader;

use crate::turn::records::hex;

use super::Rejected;

/// The custom section that holds the signature.
pub const SIGNATURE: &str = "attune:signature";

/// What is signed begins with this, so that no signature made for another purpose fits.
const PURPOSE: &[u8] = b"attune plugin signature 1\n";

/// The most that the section may hold, in bytes; what we write takes about 250.
const MOST_BYTES: usize = 1024;

/// A secret key's file: PKCS#8 (RFC 8410) in PEM, as `openssl genpkey -algorithm ed25519` writes it.
const PEM: [&str; 2] = ["-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"];

/// What stands before the 32 bytes of an ed25519 key in PKCS#8.
const PKCS8: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// A public key, written as `ed25519:` and 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ed25519:{}", hex(&self.0))
    }
}

impl FromStr for PublicKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix("ed25519:").and_then(unhex);
        let key = digits.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let words = "is no public key; it is `ed25519:` and 64 hexadecimal digits, as `attune key show` prints it";
        key.map(Self).ok_or_else(|| words.to_owned())
    }
}

/// A secret key.
pub struct SecretKey(Ed25519KeyPair);

impl SecretKey {
    /// Makes a key: itself, and its file.
    ///
    /// # Errors
    /// When this machine gives no random numbers.
    pub fn new() -> Result<(Self, String), String> {
        let mut seed = [0; 32];
        SystemRandom::new().fill(&mut seed).map_err(|_| "this machine gives no random numbers".to_owned())?;
        let file = format!("{}\n{}\n{}\n", PEM[0], STANDARD.encode([&PKCS8[..], &seed].concat()), PEM[1]);
        Ok((Self::parse(&file)?, file))
    }

    /// Reads a key's file.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(file: &str) -> Result<Self, String> {
        let words = "is no secret key; `attune key new` makes one (PKCS#8 in PEM, ed25519)";
        let inside = file.split_once(PEM[0]).and_then(|(_, rest)| rest.split_once(PEM[1]));
        let text: String = inside.ok_or(words)?.0.split_whitespace().collect();
        let bytes = STANDARD.decode(text).map_err(|_| words)?;
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes).map(Self).map_err(|_| words.to_owned())
    }

    /// What others check its signatures with.
    pub fn public(&self) -> PublicKey {
        let mut key = [0; 32];
        key.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(key)
    }
}

/// What the section holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    version: u32,
    key: String,
    /// In hexadecimal.
    signature: String,
}

/// Who signed a component file; nobody, if it has no signature.
///
/// # Errors
/// [`Rejected::Signature`]: it has one that is wrong, that is not the last section, or that cannot be read.
pub fn signer(wasm: &[u8]) -> Result<Option<PublicKey>, Rejected> {
    let Some((start, content)) = find(wasm)? else { return Ok(None) };
    let wrong = |words: String| Rejected::Signature(words);
    let content = wasm.get(content).filter(|content| content.len() <= MOST_BYTES);
    let read = content.and_then(|content| serde_json::from_slice::<Signature>(content).ok());
    let signature = read.ok_or_else(|| wrong(format!("the section `{SIGNATURE}` cannot be read")))?;
    if signature.version != 1 {
        return Err(wrong(format!("it is of version {}, and this program knows version 1", signature.version)));
    }
    let key: PublicKey = signature.key.parse().map_err(|words| wrong(format!("its key {words}")))?;
    let bytes = unhex(&signature.signature).ok_or_else(|| wrong("it is not hexadecimal".to_owned()))?;
    let signed = wasm.get(..start).unwrap_or_default();
    match UnparsedPublicKey::new(&ED25519, key.0).verify(&message(signed), &bytes) {
        Ok(()) => Ok(Some(key)),
        Err(_) => Err(wrong(format!("the file is not the one that {key} signed"))),
    }
}

/// The same file, signed with this key; a signature that it had goes.
///
/// # Errors
/// [`Rejected`], when it is no component, or something was added after a signature.
pub fn sign(wasm: &[u8], key: &SecretKey) -> Result<Vec<u8>, Rejected> {
    let start = find(wasm)?.map_or(wasm.len(), |(start, _)| start);
    let mut signed = wasm.get(..start).unwrap_or_default().to_vec();
    let signature = hex(key.0.sign(&message(&signed)).as_ref());
    let signature = Signature { version: 1, key: key.public().to_string(), signature };
    let data = serde_json::to_vec(&signature).map_err(|error| Rejected::Signature(error.to_string()))?;
    CustomSection { name: SIGNATURE.into(), data: data.into() }.append_to_component(&mut signed);
    Ok(signed)
}

fn message(signed: &[u8]) -> Vec<u8> {
    [PURPOSE, &Sha256::digest(signed)].concat()
}

/// Where the signature's section begins, and where its content is. Only the file's own sections are looked at, not those of
/// what is nested in it.
fn find(wasm: &[u8]) -> Result<Option<(usize, Range<usize>)>, Rejected> {
    let not_wasm = |error: wasmparser::BinaryReaderError| Rejected::NotAComponent(error.to_string());
    let mut reader = BinaryReader::new(wasm, 0);
    reader.read_bytes(8).map_err(not_wasm)?;
    let mut found = None;
    while !reader.eof() {
        let start = reader.current_position();
        if found.is_some() {
            let words = format!("something was added to the file at byte {start}, after it was signed");
            return Err(Rejected::Signature(words));
        }
        let id = reader.read_u8().map_err(not_wasm)?;
        let mut section = reader.read_reader().map_err(not_wasm)?;
        // Another custom section with a name that is none is for the parser to refuse.
        if id == 0 && section.read_string().is_ok_and(|name| name == SIGNATURE) {
            // The section's own reader counts from the section's begin, but knows where in the file that is.
            found = Some((start, section.original_position()..reader.original_position()));
        }
    }
    Ok(found)
}

/// Small digits only, so that there is one way to write a signature.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut pairs = text.as_bytes().chunks_exact(2);
    let bytes = pairs.by_ref().map(|pair| Some((digit(pair.first()?)? << 4) | digit(pair.last()?)?)).collect();
    if pairs.remainder().is_empty() { bytes } else { None }
}

/// Whether a signature (ASN.1) by an elliptic curve (P-256, SHA-256) is right. The public key is base64, as vendors show it, with or
/// without the lines of PEM around it.
pub fn is_ecdsa(public_key: &str, message: &[u8], signature: &[u8]) -> bool {
    let bare: String = public_key.lines().filter(|line| !line.starts_with("-----")).collect();
    let Ok(key) = STANDARD.decode(bare.trim()) else { return false };
    // Of what vendors show, a SubjectPublicKeyInfo, the point is the last 65 bytes.
    let point = key.get(key.len().saturating_sub(65)..).unwrap_or_default();
    let key = UnparsedPublicKey::new(&ring::signature::ECDSA_P256_SHA256_ASN1, point);
    key.verify(message, signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component of nothing but the section of another.
    fn file() -> Vec<u8> {
        let mut wasm = b"\0asm\x0d\0\x01\0".to_vec();
        CustomSection { name: "attune:plugin".into(), data: b"{}".into() }.append_to_component(&mut wasm);
        wasm
    }

    fn fails(wasm: &[u8], words: &str) {
        let error = signer(wasm).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }

    #[test]
    fn a_signed_file_says_who_signed_it_and_a_key_survives_its_file() {
        let (key, pem) = SecretKey::new().unwrap();
        assert_eq!(signer(&file()), Ok(None));
        let signed = sign(&file(), &SecretKey::parse(&pem).unwrap()).unwrap();
        assert_eq!(signer(&signed), Ok(Some(key.public())));
        assert_eq!(key.public().to_string().parse(), Ok(key.public()));
    }

    #[test]
    fn signing_again_replaces_the_signature() {
        let (first, second) = (SecretKey::new().unwrap().0, SecretKey::new().unwrap().0);
        let once = sign(&file(), &second).unwrap();
        assert_eq!(sign(&sign(&file(), &first).unwrap(), &second).unwrap(), once);
        assert_eq!(signer(&once), Ok(Some(second.public())));
    }

    #[test]
    fn no_bit_of_a_signed_file_can_change() {
        let (key, _) = SecretKey::new().unwrap();
        let signed = sign(&file(), &key).unwrap();
        for place in 0..signed.len() {
            for bit in 0..8 {
                let mut other = signed.clone();
                other[place] ^= 1 << bit;
                // Where the section has lost its name, the file counts as one that nobody signed.
                assert!(!matches!(signer(&other), Ok(Some(_))), "byte {place}, bit {bit}");
            }
        }
    }

    #[test]
    fn a_signature_does_not_fit_another_file_or_a_longer_one() {
        let (key, _) = SecretKey::new().unwrap();
        let signed = sign(&file(), &key).unwrap();
        let section = &signed[file().len()..];
        let mut other = b"\0asm\x0d\0\x01\0".to_vec();
        CustomSection { name: "attune:plugin".into(), data: b"[]".into() }.append_to_component(&mut other);
        fails(&[&other, section].concat(), "the file is not the one that ed25519:");
        let mut longer = signed.clone();
        CustomSection { name: "more".into(), data: b"".into() }.append_to_component(&mut longer);
        fails(&longer, "something was added to the file");
        fails(&[&signed[..], section].concat(), "something was added to the file");
    }

    #[test]
    fn a_section_that_cannot_be_read_is_named() {
        let with = |content: &[u8]| {
            let mut wasm = file();
            CustomSection { name: SIGNATURE.into(), data: content.into() }.append_to_component(&mut wasm);
            wasm
        };
        fails(&with(b"?"), "the section `attune:signature` cannot be read");
        fails(&with(&[b' '; 2000]), "the section `attune:signature` cannot be read");
        fails(&with(br#"{"version":2,"key":"","signature":""}"#), "of version 2");
        fails(&with(br#"{"version":1,"key":"rsa:00","signature":""}"#), "its key is no public key");
        let key = SecretKey::new().unwrap().0.public();
        let one = |signature: &str| format!(r#"{{"version":1,"key":"{key}","signature":"{signature}"}}"#);
        fails(&with(one("0").as_bytes()), "not hexadecimal");
        fails(&with(one("00").as_bytes()), "the file is not the one that");
    }

    #[test]
    fn a_key_that_openssl_made_is_read() {
        // openssl genpkey -algorithm ed25519
        let pem = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
        // RFC 8410, section 10.3, has this key; its public key is in section 10.1.
        let public = "ed25519:19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";
        assert_eq!(SecretKey::parse(pem).unwrap().public().to_string(), public);
        for wrong in ["", "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----", "ed25519:00"] {
            assert!(SecretKey::parse(wrong).is_err_and(|words| words.contains("is no secret key")), "{wrong}");
        }
    }
}
