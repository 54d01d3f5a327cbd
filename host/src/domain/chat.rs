//! What an owner decides about the chat on their pages: where it may be used, its colour, its first words.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::{Host, Url};
use utoipa::ToSchema;

/// How many pages' origins a business may name.
pub const ORIGINS: usize = 20;
/// In how many languages it may greet.
const GREETINGS: usize = 20;
/// How long a greeting may be, in characters.
const GREETING: usize = 500;

/// The chat on the owner's pages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Chat {
    /// The origins of the pages that may use it, each exactly as a browser names it: scheme, host, and a port that is not the
    /// usual one. At most 20. Without one no page may.
    #[schema(max_items = 20, example = json!(["https://shop.example", "https://www.shop.example"]))]
    pub origins: Vec<String>,
    /// Its colour, as `#rrggbb`; the text on it is black or white, whichever can be read better.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "#1f5f8b")]
    pub colour: Option<String>,
    /// The first words, by language (BCP 47), at most 20 of 500 characters; where there are none the chat has its own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub greeting: BTreeMap<String, String>,
}

impl Chat {
    /// Whether nothing is decided.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a page of this origin may use it.
    pub fn allows(&self, origin: &str) -> bool {
        self.origins.iter().any(|allowed| allowed == origin)
    }

    /// What does not fit, each with its place and the rule.
    pub fn misfits(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        if self.origins.len() > ORIGINS {
            found.push(("/origins".to_owned(), format!("has {}; at most {ORIGINS}", self.origins.len())));
        }
        for (place, origin) in self.origins.iter().enumerate().take(ORIGINS) {
            found.extend(origin_misfit(origin).map(|rule| (format!("/origins/{place}"), rule)));
        }
        let is_colour = |text: &str| {
            text.strip_prefix('#').is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
        };
        if !self.colour.as_deref().is_none_or(is_colour) {
            found.push(("/colour".to_owned(), "is no colour such as #1f5f8b".to_owned()));
        }
        if self.greeting.len() > GREETINGS {
            found.push(("/greeting".to_owned(), format!("has {} languages; at most {GREETINGS}", self.greeting.len())));
        }
        let is_tag =
            |tag: &str| (2..=35).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let fits = |text: &str| !text.trim().is_empty() && text.chars().count() <= GREETING;
        for (language, text) in self.greeting.iter().take(GREETINGS) {
            if !is_tag(language) {
                found.push(("/greeting".to_owned(), "names its languages by BCP 47, such as en or pt-BR".to_owned()));
            } else if !fits(text) || text.chars().any(char::is_control) {
                let rule = format!("has 1 to {GREETING} printable characters");
                found.push((format!("/greeting/{language}"), rule));
            }
        }
        found
    }
}

/// Why a text is no origin that may be named, with what to write instead.
fn origin_misfit(text: &str) -> Option<String> {
    const FORM: &str = "is no origin; write it as https://shop.example";
    let Ok(url) = Url::parse(text) else { return Some(FORM.to_owned()) };
    let Some(host) = url.host() else { return Some(FORM.to_owned()) };
    let is_this_machine = match host {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    if text.contains('*') {
        return Some("is a pattern; name each origin by itself".to_owned());
    }
    let origin = url.origin().ascii_serialization();
    match url.scheme() {
        "https" => {}
        "http" if is_this_machine => {}
        "http" => return Some("is not encrypted; use https, http is for localhost only".to_owned()),
        _ => return Some(FORM.to_owned()),
    }
    (origin != text).then(|| format!("is not as a browser names it; write {origin}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_name_it() {
        let form = Some("is no origin; write it as https://shop.example");
        let open = Some("is not encrypted; use https, http is for localhost only");
        for (text, rule) in [
            ("https://shop.example", None),
            ("https://shop.example:8443", None),
            ("http://localhost:3000", None),
            ("http://127.0.0.1:8080", None),
            ("http://[::1]:8080", None),
            ("https://shop.example/", Some("is not as a browser names it; write https://shop.example")),
            ("https://shop.example:443", Some("is not as a browser names it; write https://shop.example")),
            ("https://Shop.Example/chat?x", Some("is not as a browser names it; write https://shop.example")),
            ("https://me@shop.example", Some("is not as a browser names it; write https://shop.example")),
            ("https://bücher.example", Some("is not as a browser names it; write https://xn--bcher-kva.example")),
            ("http://shop.example", open),
            ("http://localhost.example", open),
            ("shop.example", form),
            ("https://*.shop.example", Some("is a pattern; name each origin by itself")),
            ("*", form),
            ("null", form),
            ("", form),
            ("file:///home", form),
            ("javascript:alert(1)", form),
            ("ftp://shop.example", form),
        ] {
            assert_eq!(origin_misfit(text).as_deref(), rule, "{text}");
        }
    }
}
