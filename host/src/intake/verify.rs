//! Whether a vendor's request is genuine: its signature, its age, and whether its token was used before with another body.
//!
//! Never tells what a right signature would have been, and compares in constant time.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::domain::time::Instant;
use crate::domain::webhook::{Algorithm, Encoding, Scheme, Source, Webhook};
use crate::sandbox::signature::is_ecdsa;

/// A request as it came.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// Names in any case.
    pub headers: &'a [(String, String)],
    /// The address that the vendor was given, with the query that it sent.
    pub url: &'a str,
    /// Every byte.
    pub body: &'a [u8],
}

/// A request that is genuine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Genuine {
    /// The token that it used up, where the vendor's signature covers that instead of the body.
    pub token: Option<String>,
}

/// Why a request is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// The owner has not set the secret.
    #[error("the secret `{0}` is not set, so nothing that comes can be believed; set it with `attune plugin secret`")]
    NoSecret(String),
    /// There is no signature where it should be.
    #[error("there is no signature; it is expected at {0}")]
    Unsigned(String),
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// It is another one.
    #[error("the signature is wrong: another secret, another address, or something changed it on its way")]
    Wrong,
    /// It is from another time.
    #[error(
        "it was signed {age_s} s ago, and {tolerance_s} s are the limit; look at the clocks, or somebody sent an old request again"
    )]
    Stale {
        /// How long ago, in seconds; below zero when it is in the future.
        age_s: i64,
        /// How far it may be.
        tolerance_s: u64,
    },
}

/// Decides whether a request is genuine, by what its plugin says of it and the secret's values.
///
/// # Errors
/// [`Unverified`], in words for the owner.
pub fn verify(webhook: &Webhook, secrets: &[String], given: Given<'_>, now: Instant) -> Result<Genuine, Unverified> {
    if webhook.scheme != Scheme::None && secrets.is_empty() {
        return Err(Unverified::NoSecret(webhook.secret.clone()));
    }
    match webhook.scheme {
        Scheme::None => Ok(Genuine::default()),
        Scheme::Hmac | Scheme::Ecdsa => signed(webhook, secrets, given, now),
        Scheme::StandardWebhooks => standard(webhook, secrets, given, now),
        Scheme::Twilio => twilio(secrets, given),
        Scheme::Basic => {
            let sent = header(given, "authorization")
                .ok_or_else(|| Unverified::Unsigned("header:authorization".to_owned()))?;
            let sent = sent.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
            let sent = sent.and_then(|(_, code)| STANDARD.decode(code.trim()).ok()).unwrap_or_default();
            one_of(secrets, |secret| is_same(secret.as_bytes(), &sent))
        }
        Scheme::Token => {
            let sent = find(&webhook.signature, given).ok_or_else(|| expected(&webhook.signature))?;
            let sent = sent.strip_prefix(webhook.prefix.as_str()).unwrap_or(&sent);
            one_of(secrets, |secret| is_same(secret.as_bytes(), sent.as_bytes()))
        }
    }
}

fn one_of(secrets: &[String], fits: impl Fn(&String) -> bool) -> Result<Genuine, Unverified> {
    if secrets.iter().any(fits) { Ok(Genuine::default()) } else { Err(Unverified::Wrong) }
}

fn is_same(one: &[u8], other: &[u8]) -> bool {
    use subtle::ConstantTimeEq;
    // Of equal length by hashing, so that not even the length is told.
    Sha256::digest(one).ct_eq(&Sha256::digest(other)).into()
}

/// A keyed hash, or a signature, of what the plugin's file says.
fn signed(webhook: &Webhook, secrets: &[String], given: Given<'_>, now: Instant) -> Result<Genuine, Unverified> {
    let signatures = find_all(&webhook.signature, given);
    if signatures.is_empty() {
        return Err(expected(&webhook.signature));
    }
    let part = |name: &str, sources: &[Source]| {
        find(sources, given)
            .ok_or_else(|| Unverified::Unreadable(format!("there is no {name}; it is expected at {}", listed(sources))))
    };
    let mut message = Vec::with_capacity(given.body.len() + 64);
    let mut token = None;
    let mut rest = webhook.signed.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        message.extend_from_slice(before.as_bytes());
        let Some((name, after)) = after.split_once('}') else { break };
        match name {
            "body" => message.extend_from_slice(given.body),
            "url" => message.extend_from_slice(given.url.as_bytes()),
            "timestamp" => message.extend_from_slice(part("timestamp", &webhook.timestamp)?.as_bytes()),
            "id" => message.extend_from_slice(part("id", &webhook.id)?.as_bytes()),
            "token" => {
                let used = part("token", &webhook.token)?;
                message.extend_from_slice(used.as_bytes());
                token = Some(used);
            }
            _ => {}
        }
        rest = after;
    }
    message.extend_from_slice(rest.as_bytes());
    let decoded: Vec<Vec<u8>> = signatures
        .iter()
        .filter_map(|signature| decode(webhook.encoding, signature.strip_prefix(webhook.prefix.as_str())?))
        .collect();
    let fits = |secret: &String| {
        decoded.iter().any(|signature| match webhook.scheme {
            Scheme::Ecdsa => is_ecdsa(secret, &message, signature),
            _ => is_mac(webhook.algorithm, secret.as_bytes(), &message, signature),
        })
    };
    one_of(secrets, fits)?;
    if !webhook.timestamp.is_empty() {
        fresh(&part("timestamp", &webhook.timestamp)?, webhook.tolerance_s, now)?;
    }
    Ok(Genuine { token })
}

/// Standard Webhooks 1.0.
fn standard(webhook: &Webhook, secrets: &[String], given: Given<'_>, now: Instant) -> Result<Genuine, Unverified> {
    let needed = |name: &str| header(given, name).ok_or_else(|| Unverified::Unsigned(format!("header:{name}")));
    let (id, timestamp, signatures) =
        (needed("webhook-id")?, needed("webhook-timestamp")?, needed("webhook-signature")?);
    let mut message = format!("{id}.{timestamp}.").into_bytes();
    message.extend_from_slice(given.body);
    let decoded: Vec<Vec<u8>> =
        signatures.split(' ').filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok()).collect();
    one_of(secrets, |secret| {
        let Ok(key) = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)) else { return false };
        decoded.iter().any(|signature| is_mac(Algorithm::Sha256, &key, &message, signature))
    })?;
    fresh(timestamp, webhook.tolerance_s, now)?;
    Ok(Genuine::default())
}

/// Twilio's scheme: HMAC-SHA1 of the address and of the parameters of a form, sorted by name; or, of any other body, of the address
/// alone, in whose query `bodySHA256` is the body's hash. Twilio signs with the port or without, so both are tried.
fn twilio(secrets: &[String], given: Given<'_>) -> Result<Genuine, Unverified> {
    const HEADER: &str = "x-twilio-signature";
    let sent = header(given, HEADER).ok_or_else(|| Unverified::Unsigned(format!("header:{HEADER}")))?;
    let signature = STANDARD.decode(sent).map_err(|_| Unverified::Wrong)?;
    let url = url::Url::parse(given.url).map_err(|error| Unverified::Unreadable(format!("the address: {error}")))?;
    let hash = url.query_pairs().find(|(name, _)| name == "bodySHA256").map(|(_, hash)| hash.into_owned());
    let mut parameters = String::new();
    match hash {
        Some(hash) if decode(Encoding::Hex, &hash).is_none_or(|hash| !is_same(&hash, &Sha256::digest(given.body))) => {
            return Err(Unverified::Wrong);
        }
        Some(_) => {}
        None => {
            let mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = url::form_urlencoded::parse(given.body).collect();
            pairs.sort();
            pairs.dedup();
            pairs.iter().for_each(|(name, value)| parameters.extend([name.as_ref(), value.as_ref()]));
        }
    }
    one_of(secrets, |secret| {
        spellings(given.url, &url)
            .iter()
            .any(|url| is_mac(Algorithm::Sha1, secret.as_bytes(), format!("{url}{parameters}").as_bytes(), &signature))
    })
}

/// An address as it is, with its port and without.
fn spellings(given: &str, url: &url::Url) -> Vec<String> {
    let Some((host, port)) = url.host_str().zip(url.port_or_known_default()) else { return vec![given.to_owned()] };
    let rest = given.split_once("://").and_then(|(_, rest)| rest.find(['/', '?']).and_then(|at| rest.get(at..)));
    let (scheme, rest) = (url.scheme(), rest.unwrap_or_default());
    vec![given.to_owned(), format!("{scheme}://{host}{rest}"), format!("{scheme}://{host}:{port}{rest}")]
}

fn fresh(timestamp: &str, tolerance_s: u64, now: Instant) -> Result<(), Unverified> {
    let wrong = || Unverified::Unreadable("the time it was signed at is no number of seconds since 1970".to_owned());
    let signed: i64 = timestamp.trim().parse().map_err(|_| wrong())?;
    // Milliseconds, as a few vendors write them.
    let signed = if signed > 100_000_000_000 { signed / 1_000 } else { signed };
    let age_s = i64::try_from(now.0 / 1_000).unwrap_or(i64::MAX).saturating_sub(signed);
    if age_s.unsigned_abs() > tolerance_s {
        return Err(Unverified::Stale { age_s, tolerance_s });
    }
    Ok(())
}

fn is_mac(algorithm: Algorithm, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    // A key of any length is taken, so there is no error to tell.
    match algorithm {
        Algorithm::Sha256 => Hmac::<Sha256>::new_from_slice(key)
            .is_ok_and(|mac| mac.chain_update(message).verify_slice(signature).is_ok()),
        Algorithm::Sha1 => Hmac::<sha1::Sha1>::new_from_slice(key)
            .is_ok_and(|mac| mac.chain_update(message).verify_slice(signature).is_ok()),
    }
}

fn decode(encoding: Encoding, text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    match encoding {
        Encoding::Base64 => STANDARD.decode(text).ok(),
        Encoding::Hex if text.len().is_multiple_of(2) && text.is_ascii() => {
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
        }
        Encoding::Hex => None,
    }
}

fn header<'a>(given: Given<'a>, name: &str) -> Option<&'a str> {
    given.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn listed(sources: &[Source]) -> String {
    sources.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

fn expected(sources: &[Source]) -> Unverified {
    Unverified::Unsigned(listed(sources))
}

fn find(sources: &[Source], given: Given<'_>) -> Option<String> {
    find_all(sources, given).into_iter().next()
}

/// Every value at the first place that has one: a header may carry several signatures while a secret is changed.
fn find_all(sources: &[Source], given: Given<'_>) -> Vec<String> {
    sources.iter().map(|source| values(source, given)).find(|found| !found.is_empty()).unwrap_or_default()
}

fn values(source: &Source, given: Given<'_>) -> Vec<String> {
    let of_pairs = |pairs: url::form_urlencoded::Parse<'_>, wanted: &str| {
        pairs.filter(|(name, _)| name == wanted).map(|(_, value)| value.into_owned()).take(1).collect()
    };
    match source {
        Source::Header(name, None) => header(given, name).map(|value| value.trim().to_owned()).into_iter().collect(),
        Source::Header(name, Some(wanted)) => {
            let parts = header(given, name).unwrap_or_default().split(',');
            let parts = parts.filter_map(|part| part.trim().split_once('='));
            parts.filter(|(part, _)| part == wanted).map(|(_, value)| value.to_owned()).collect()
        }
        Source::Query(wanted) => {
            let query = given.url.split_once('?').map(|(_, query)| query).unwrap_or_default();
            of_pairs(url::form_urlencoded::parse(query.as_bytes()), wanted)
        }
        Source::Json(place) => {
            let body: Option<Value> = serde_json::from_slice(given.body).ok();
            match body.as_ref().and_then(|body| body.pointer(place)) {
                Some(Value::String(text)) => vec![text.clone()],
                Some(Value::Number(number)) => vec![number.to_string()],
                _ => Vec::new(),
            }
        }
        Source::Form(wanted) => {
            let kind = header(given, "content-type").unwrap_or_default();
            match kind.split_once("boundary=") {
                Some((_, boundary)) => multipart(given.body, boundary.trim_matches('"'), wanted).into_iter().collect(),
                None => of_pairs(url::form_urlencoded::parse(given.body), wanted),
            }
        }
    }
}

/// The value of a field of a `multipart/form-data` body that has no file in it.
fn multipart(body: &[u8], boundary: &str, wanted: &str) -> Option<String> {
    let boundary = boundary.split(';').next().unwrap_or_default().trim_matches('"');
    let text = String::from_utf8_lossy(body);
    let named = format!("name=\"{wanted}\"");
    text.split(&format!("--{boundary}")).find_map(|part| {
        let (head, value) = part.split_once("\r\n\r\n").or_else(|| part.split_once("\n\n"))?;
        let is_it = head.lines().any(|line| {
            line.to_ascii_lowercase().starts_with("content-disposition:")
                && line.split(';').any(|part| part.trim() == named)
        });
        (is_it && !head.contains("filename=")).then(|| value.trim_end_matches(['\r', '\n']).to_owned())
    })
}
