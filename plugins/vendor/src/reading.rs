//! A request's body, and the customer and the details in it.

use serde_json::{Value, json};

use super::{Object, text};

/// A body that is one JSON object.
///
/// # Errors
/// In words for the owner, when it is none.
pub fn object(body: &[u8]) -> Result<Value, String> {
    let body: Value = serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}"))?;
    if body.is_object() { Ok(body) } else { Err("the body is no object".to_owned()) }
}

/// An e-mail address and a telephone number as an event has them.
pub fn addresses(email: Option<String>, phone: Option<String>) -> Vec<Value> {
    let address = |(kind, value): (&str, Option<String>)| value.map(|value| json!(format!("{kind}:{value}")));
    [("email", email), ("phone", phone)].into_iter().filter_map(address).collect()
}

/// What stands at places, each under the name that plugins know it by; what is not there is left out.
pub fn details(body: &Value, places: &[(&str, &str)]) -> Object {
    places.iter().fold(Object::new(), |details, (name, place)| details.with(name, text(body, place)))
}

/// A text without the HTML entities that a vendor writes in it (`&ndash;`, `&#8211;`); one that is not known stays.
pub fn unescaped(text: &str) -> String {
    const KNOWN: [(&str, char); 10] = [
        ("amp", '&'),
        ("quot", '"'),
        ("lt", '<'),
        ("gt", '>'),
        ("nbsp", ' '),
        ("ndash", '–'),
        ("mdash", '—'),
        ("rsquo", '’'),
        ("lsquo", '‘'),
        ("hellip", '…'),
    ];
    let mut parts = text.split('&');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let read = part.split_once(';').and_then(|(word, rest)| {
            let number = word.strip_prefix('#').and_then(|digits| digits.parse().ok()).and_then(char::from_u32);
            let known = KNOWN.iter().find(|(known, _)| *known == word).map(|(_, is)| *is);
            Some((number.or(known)?, rest))
        });
        match read {
            Some((is, rest)) => plain.extend([is.to_string().as_str(), rest]),
            None => plain.extend(["&", part]),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_become_what_they_stand_for_and_nothing_else_does() {
        for (text, expected) in [
            ("Rye &ndash; 1&nbsp;kg", "Rye – 1 kg"),
            ("Tom &amp; Jerry&#8217;s &#039;best&#039;", "Tom & Jerry’s 'best'"),
            ("&lt;b&gt;", "<b>"),
            ("salt & pepper; &unknown; &#xx; &#99999999; &", "salt & pepper; &unknown; &#xx; &#99999999; &"),
        ] {
            assert_eq!(unescaped(text), expected);
        }
    }
}
