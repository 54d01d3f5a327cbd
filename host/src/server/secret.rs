//! Secrets: what a bearer shows, and how it is made and read.
//!
//! An access token's secret is shown once and kept as its SHA-256 only; it has 200 random bits, so no slower hash is needed.
//! A visitor's token is kept nowhere: it says itself for whom and until when it is good, with a code that only this host can
//! make. What it never does: compare a code in a time that tells how much of it was right.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::domain::ids::{BusinessId, CustomerId};
use crate::domain::time::Instant;
use crate::store::IndexKey;
use crate::turn::records::hex;
use crate::world::World;

/// How many bytes a secret has; 40 digits.
const SECRET_BYTES: usize = 25;

/// What a visitor's token begins with.
pub(super) const VISITOR_PREFIX: &str = "vis_";

const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A new secret for an access token: `att_` and 40 letters and digits, out of the world's randomness.
pub fn new_secret(world: &dyn World) -> String {
    let mut bytes = Vec::with_capacity(SECRET_BYTES + 10);
    while bytes.len() < SECRET_BYTES {
        bytes.extend_from_slice(&world.secret());
    }
    bytes.truncate(SECRET_BYTES);
    format!("att_{}", base32(&bytes))
}

/// What is kept of a secret: its SHA-256, in hexadecimal.
pub fn secret_hash(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

/// For whom a visitor's token is good, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct VisitorPass {
    /// The business whose conversation it is.
    pub business: BusinessId,
    /// The customer whose conversation it is.
    pub customer: CustomerId,
    /// From this moment on it is good for nothing.
    pub expires: Instant,
}

impl VisitorPass {
    fn code(&self, key: &IndexKey) -> [u8; 16] {
        key.hash("visitor", &[&self.business.0, &self.customer.0, &self.expires.0.to_be_bytes()])
    }

    /// The token.
    pub fn sign(&self, key: &IndexKey) -> String {
        let expires = self.expires.0.to_be_bytes();
        let bytes = [&self.business.0[..], &self.customer.0, &expires, &self.code(key)].concat();
        format!("{VISITOR_PREFIX}{}", base32(&bytes))
    }

    /// Reads what a token claims, with the code that would prove it. Nothing is checked yet.
    pub fn claimed(token: &str) -> Option<(Self, [u8; 16])> {
        let bytes: [u8; 56] = unbase32(token.strip_prefix(VISITOR_PREFIX)?)?.try_into().ok()?;
        let pass = Self {
            business: BusinessId(bytes.get(..16)?.try_into().ok()?),
            customer: CustomerId(bytes.get(16..32)?.try_into().ok()?),
            expires: Instant(u64::from_be_bytes(bytes.get(32..40)?.try_into().ok()?)),
        };
        Some((pass, bytes.get(40..)?.try_into().ok()?))
    }

    /// Whether a code proves it, and it is still good.
    pub fn holds(&self, code: &[u8; 16], key: &IndexKey, now: Instant) -> bool {
        bool::from(self.code(key).ct_eq(code)) && now < self.expires
    }
}

/// Bytes as digits of base 32, five bits each; the last one is filled up with zeros.
fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut held, mut bits) = (0_u32, 0);
    for byte in bytes {
        (held, bits) = ((held << 8) | u32::from(*byte), bits + 8);
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(DIGITS[((held >> bits) & 31) as usize]));
        }
        held &= 31;
    }
    if bits > 0 {
        text.push(char::from(DIGITS[((held << (5 - bits)) & 31) as usize]));
    }
    text
}

fn unbase32(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    let (mut held, mut bits) = (0_u32, 0);
    for byte in text.bytes() {
        let digit = DIGITS.iter().position(|digit| *digit == byte)?;
        (held, bits) = ((held << 5) | u32::try_from(digit).ok()?, bits + 5);
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 255).ok()?);
        }
        held &= 255;
    }
    // One token has one spelling.
    (bits < 5 && held & ((1 << bits) - 1) == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_lead_back_to_the_bytes() {
        for length in 0..60 {
            let bytes: Vec<u8> = (0..length).map(|n: u8| n.wrapping_mul(73).wrapping_add(200)).collect();
            assert_eq!(unbase32(&base32(&bytes)), Some(bytes));
        }
        for wrong in ["1", "zz", "!!", "000"] {
            assert_eq!(unbase32(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_secret_has_forty_digits_and_differs_from_the_next() {
        let world = crate::world::Test::new(Instant(0), 1);
        let (one, two) = (new_secret(&world), new_secret(&world));
        assert!(one.len() == 44 && one.starts_with("att_") && one != two, "{one} {two}");
    }

    #[test]
    fn a_pass_holds_for_its_time_and_only_as_it_was_made() {
        let key = IndexKey::new(&[7; 32]);
        let pass =
            VisitorPass { business: BusinessId([1; 16]), customer: CustomerId([2; 16]), expires: Instant(1_000) };
        let token = pass.sign(&key);
        let (claimed, code) = VisitorPass::claimed(&token).unwrap();
        assert_eq!(claimed, pass);
        assert!(claimed.holds(&code, &key, Instant(999)));
        assert!(!claimed.holds(&code, &key, Instant(1_000)), "it has ended");
        assert!(!claimed.holds(&code, &IndexKey::new(&[8; 32]), Instant(0)), "another key");
        let other = VisitorPass { customer: CustomerId([3; 16]), ..claimed };
        assert!(!other.holds(&code, &key, Instant(0)), "another customer");
        let longer = VisitorPass { expires: Instant(2_000), ..claimed };
        assert!(!longer.holds(&code, &key, Instant(0)), "a longer time");
    }
}
