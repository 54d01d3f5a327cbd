//! Whose word stands behind a plugin's file: a signature by somebody whom the business trusts, its owner's own, or the operator's.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::Instant;

/// The most keys that a business may trust.
pub const MOST_KEYS: usize = 50;

/// A public key that a business trusts: what it signed is installed without asking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrustedKey {
    /// The key: `ed25519:` and 64 hexadecimal digits.
    pub key: String,
    /// Whose it is, for people.
    pub label: String,
    /// Since when it is trusted, in milliseconds since the Unix epoch.
    #[schema(value_type = u64)]
    pub since: Instant,
    /// Who said so.
    pub by: String,
}

/// Whose word stands behind a plugin's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Vouched {
    /// That of whoever signed it, as long as their key is trusted.
    Signature,
    /// The owner's: they said yes to a file that nobody signed whom they trust.
    Owner,
    /// The operator's: it is one of the plugins that they put on the server. So is what was installed before signatures were
    /// asked for.
    #[default]
    Operator,
}

impl Vouched {
    /// Whether it is what an absent one means, so that it is not written.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// By whom a file is signed and whose word stands behind it, in a sentence for its owner.
pub fn sentence(signer: Option<&str>, vouched: Vouched, keys: &[TrustedKey]) -> String {
    let trusted = signer.and_then(|signer| keys.iter().find(|one| one.key == signer));
    let signed = match (signer, trusted) {
        (Some(signer), Some(trusted)) => format!("signed by {} ({signer}), whose key you trust", trusted.label),
        (Some(signer), None) => format!("signed by {signer}, a key that you do not trust"),
        (None, _) => "not signed".to_owned(),
    };
    match vouched {
        _ if trusted.is_some() => signed,
        Vouched::Signature => format!("{signed} any more"),
        Vouched::Owner => format!("{signed}; you said yes to it"),
        Vouched::Operator => format!("{signed}; the operator of this server vouches for it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_reads_who_signed_and_who_vouches() {
        let acme = TrustedKey { key: "k1".into(), label: "Acme".into(), since: Instant(0), by: "Petra".into() };
        for (signer, vouched, expected) in [
            (Some("k1"), Vouched::Signature, "signed by Acme (k1), whose key you trust"),
            (Some("k1"), Vouched::Owner, "signed by Acme (k1), whose key you trust"),
            (Some("k2"), Vouched::Signature, "signed by k2, a key that you do not trust any more"),
            (Some("k2"), Vouched::Owner, "signed by k2, a key that you do not trust; you said yes to it"),
            (None, Vouched::Owner, "not signed; you said yes to it"),
            (None, Vouched::Operator, "not signed; the operator of this server vouches for it"),
        ] {
            assert_eq!(sentence(signer, vouched, std::slice::from_ref(&acme)), expected);
        }
    }
}
