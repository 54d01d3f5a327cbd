//! How a vendor's webhooks are known to be genuine: what a plugin's file says of it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::Instant;

/// How old a signed request may be when a plugin does not say, in seconds: what Standard Webhooks and Stripe ask for.
pub const TOLERANCE_S: u64 = 300;

/// The most values that one secret has at a time: the new one, the old one, and one for a mistake.
pub const MOST_VALUES: usize = 3;

/// The longest value of a secret, in bytes. A public key of 4,096 bits fits.
pub const VALUE_BYTES: usize = 2_048;

/// How requests to a plugin are verified, and what its owner has to do at the vendor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// How the vendor proves that it sent the request.
    pub scheme: Scheme,
    /// The secret that signs, by its name under `secrets`.
    #[serde(default = "signing")]
    pub secret: String,
    /// Of `hmac`: the hash.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// Where the signature is, the first that is there: `header:x-signature`, `header:x-signature#v1` (of `t=..,v1=..`),
    /// `json:/signature/value` (a JSON Pointer into the body), `form:signature` (a field of the body), `query:key`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub signature: Vec<Source>,
    /// What stands in front of the signature itself: `sha256=`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// How the signature is written.
    #[serde(default)]
    pub encoding: Encoding,
    /// What is signed: text with `{body}`, `{timestamp}`, `{id}`, `{token}` and `{url}` (the address that the vendor was given).
    #[serde(default = "body")]
    pub signed: String,
    /// Where the time is at which it was signed, in seconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub timestamp: Vec<Source>,
    /// How far that may be from now, in seconds.
    #[serde(default = "tolerance_s")]
    pub tolerance_s: u64,
    /// Where the `{id}` is that is signed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub id: Vec<Source>,
    /// Where the `{token}` is that is signed and used once: the same one with another body is refused. For vendors whose signature
    /// does not cover the body.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub token: Vec<Source>,
    /// The topics that the owner ticks at the vendor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<String>,
    /// Where at the vendor they do so, in a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub guide: String,
}

/// How a request is proved to be the vendor's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// A keyed hash of what `signed` says.
    Hmac,
    /// Standard Webhooks 1: `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    StandardWebhooks,
    /// Twilio's: a keyed hash of the address and the sorted parameters, or of the address with `bodySHA256` in it.
    Twilio,
    /// A signature by an elliptic curve (P-256, SHA-256); the secret is the vendor's public key.
    Ecdsa,
    /// A name and a password (`name:password` is the secret), as HTTP has it.
    Basic,
    /// The secret itself, in the address or a header.
    Token,
    /// Nothing. Taken only when the owner says so.
    None,
}

/// The hash of an HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    #[default]
    Sha256,
}

/// How a signature is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Hexadecimal, in either case.
    Hex,
    /// Base64.
    #[default]
    Base64,
}

/// A place in a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Source {
    /// A header's value; with a name, that part of `t=1,v1=ab`.
    Header(String, Option<String>),
    /// A place in a body of JSON.
    Json(String),
    /// A field of a body that is a form.
    Form(String),
    /// A parameter of the address.
    Query(String),
}

fn signing() -> String {
    "signing".to_owned()
}

fn body() -> String {
    "{body}".to_owned()
}

fn tolerance_s() -> u64 {
    TOLERANCE_S
}

impl TryFrom<String> for Source {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no place in a request; write header:NAME, header:NAME#PART, json:/POINTER, form:FIELD or query:NAME"
            )
        };
        let (kind, place) = text.split_once(':').ok_or_else(wrong)?;
        if place.is_empty() || place.len() > 200 {
            return Err(wrong());
        }
        match kind {
            "header" => {
                let (name, part) = place.split_once('#').map_or((place, None), |(name, part)| (name, Some(part)));
                Ok(Self::Header(name.to_ascii_lowercase(), part.map(str::to_owned)))
            }
            "json" if place.starts_with('/') => Ok(Self::Json(place.to_owned())),
            "form" => Ok(Self::Form(place.to_owned())),
            "query" => Ok(Self::Query(place.to_owned())),
            _ => Err(wrong()),
        }
    }
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        source.to_string()
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name, None) => write!(f, "header:{name}"),
            Self::Header(name, Some(part)) => write!(f, "header:{name}#{part}"),
            Self::Json(place) => write!(f, "json:{place}"),
            Self::Form(field) => write!(f, "form:{field}"),
            Self::Query(name) => write!(f, "query:{name}"),
        }
    }
}

impl Webhook {
    /// Whether the parts fit together.
    ///
    /// # Errors
    /// What is wrong, in the words of plugin.toml.
    pub fn check<'a>(&self, secrets: impl Fn(&str) -> bool + 'a) -> Result<(), String> {
        if self.scheme != Scheme::None && !secrets(&self.secret) {
            return Err(format!(
                "[webhook] is verified with the secret `{0}`, which [secrets] does not have; add `{0} = \"what it is and where the \
                 vendor shows it\"`",
                self.secret
            ));
        }
        let needs_signature = matches!(self.scheme, Scheme::Hmac | Scheme::Ecdsa | Scheme::Token);
        if needs_signature && self.signature.is_empty() {
            return Err("[webhook] does not say where the signature is; add `signature = [\"header:...\"]`".to_owned());
        }
        for (name, sources) in [("timestamp", &self.timestamp), ("id", &self.id), ("token", &self.token)] {
            if self.signed.contains(&format!("{{{name}}}")) && sources.is_empty() {
                return Err(format!(
                    "[webhook] signs `{{{name}}}` and does not say where it is; add `{name} = [\"header:...\"]`"
                ));
            }
        }
        let signs = |name: &str| self.signed.contains(name);
        if matches!(self.scheme, Scheme::Hmac | Scheme::Ecdsa) {
            if let Some(unknown) = placeholders(&self.signed).find(|name| !PLACEHOLDERS.contains(name)) {
                return Err(format!("[webhook] signs `{{{unknown}}}`; there are {}", PLACEHOLDERS.join(", ")));
            }
            if !signs("{body}") && !signs("{token}") {
                return Err("[webhook] signs neither `{body}` nor a `{token}` that is used once, so whoever saw one request could \
                            send any other"
                    .to_owned());
            }
        }
        Ok(())
    }
}

const PLACEHOLDERS: [&str; 5] = ["body", "timestamp", "id", "token", "url"];

fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

/// What stands for something random in how a new secret is made: letters and digits, bytes in base64.
const RANDOM: [&str; 2] = ["{random}", "{base64}"];

/// How many random bytes a new secret is made of.
pub const RANDOM_BYTES: usize = 32;

/// Whether a text says how a new secret is made.
pub fn is_template(text: &str) -> bool {
    RANDOM.iter().map(|place| text.matches(place).count()).sum::<usize>() == 1
}

/// A new value of a secret that its owner chooses, made as a template says out of random bytes.
pub fn new_value(template: &str, random: &[u8; RANDOM_BYTES]) -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let [letters, bytes] = RANDOM;
    // Five bits of each byte: 160 in all.
    let digits: String = random.iter().map(|byte| char::from(DIGITS[usize::from(byte & 31)])).collect();
    template.replace(letters, &digits).replace(bytes, &STANDARD.encode(random))
}

/// A secret as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Secret {
    /// Newest first.
    pub values: Values,
    /// When they were set.
    pub since: Instant,
}

/// The values of a secret, newest first. Never shown, never logged.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Values(pub Vec<String>);

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} values", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_secret_is_made_as_its_template_says() {
        let random = std::array::from_fn(|n| (n * 37) as u8);
        for (template, wanted) in [
            ("{random}", "05afmsy38djqw16bgntz49ekrx27chpv"),
            ("attune:{random}", "attune:05afmsy38djqw16bgntz49ekrx27chpv"),
            ("whsec_{base64}", "whsec_ACVKb5S53gMoTXKXvOEGK1B1mr/kCS5TeJ3C5wwxVns="),
        ] {
            assert!(is_template(template), "{template}");
            assert_eq!(new_value(template, &random), wanted);
        }
        for wrong in ["", "secret", "{random}{base64}", "{random}{random}", "{other}"] {
            assert!(!is_template(wrong), "{wrong}");
        }
    }
}
