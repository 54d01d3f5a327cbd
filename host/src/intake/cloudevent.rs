//! CloudEvents 1.0 over HTTP: structured, binary and batch. See the specification's HTTP and JSON bindings.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The longest `id`, `source` or `type`, in bytes. The specification asks for at least 64 KiB for a whole event; names of this
/// length are beyond any real one.
const NAME_BYTES: usize = 1_024;

/// An event as it came, its data not looked at yet.
#[derive(Debug)]
pub struct CloudEvent {
    /// Unique at its source.
    pub id: String,
    /// Who tells it.
    pub source: String,
    /// What kind it is.
    pub kind: String,
    /// When it happened, RFC 3339.
    pub time: Option<String>,
    /// Its data, JSON.
    pub data: Box<RawValue>,
    /// Whether a connector told it: then it may leave out whose order or appointment it is about.
    pub by_connector: bool,
}

/// Something is wrong with an event's envelope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

#[derive(Deserialize)]
struct Envelope<'a> {
    specversion: Option<String>,
    id: Option<String>,
    source: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    time: Option<String>,
    datacontenttype: Option<String>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    data_base64: Option<serde::de::IgnoredAny>,
}

/// Reads a structured event (`application/cloudevents+json`).
///
/// # Errors
/// [`Malformed`], naming the attribute.
pub fn structured(body: &[u8]) -> Result<CloudEvent, Malformed> {
    let envelope: Envelope<'_> = serde_json::from_slice(body)
        .map_err(|error| Malformed(format!("the body is not a CloudEvent in JSON: {error}")))?;
    if envelope.data_base64.is_some() {
        return Err(Malformed("`data_base64` is not taken; send JSON in `data`".to_owned()));
    }
    check(
        envelope.specversion.as_deref(),
        envelope.id,
        envelope.source,
        envelope.kind,
        envelope.time,
        envelope.datacontenttype.as_deref(),
        envelope.data.map(RawValue::to_owned),
    )
}

/// Reads a batch (`application/cloudevents-batch+json`): each event by itself.
///
/// # Errors
/// [`Malformed`] when the body is no array; an event that is malformed stands as an error in its place.
pub fn batch(body: &[u8]) -> Result<Vec<Result<CloudEvent, Malformed>>, Malformed> {
    let events: Vec<&RawValue> = serde_json::from_slice(body)
        .map_err(|error| Malformed(format!("the body is not a JSON array of CloudEvents: {error}")))?;
    Ok(events.into_iter().map(|event| structured(event.get().as_bytes())).collect())
}

/// Reads a binary event: attributes from `ce-` headers, data from the body.
///
/// # Errors
/// [`Malformed`], naming the header.
pub fn binary(
    header: impl Fn(&str) -> Option<String>,
    content_type: Option<&str>,
    body: &[u8],
) -> Result<CloudEvent, Malformed> {
    let data = if body.is_empty() {
        None
    } else {
        let data = serde_json::from_slice::<Box<RawValue>>(body);
        Some(data.map_err(|error| Malformed(format!("the body is not JSON: {error}")))?)
    };
    let named = |name: &str| header(&format!("ce-{name}")).map(|value| percent_decoded(&value));
    check(
        named("specversion").as_deref(),
        named("id"),
        named("source"),
        named("type"),
        named("time"),
        content_type,
        data,
    )
}

fn check(
    specversion: Option<&str>,
    id: Option<String>,
    source: Option<String>,
    kind: Option<String>,
    time: Option<String>,
    content_type: Option<&str>,
    data: Option<Box<RawValue>>,
) -> Result<CloudEvent, Malformed> {
    match specversion {
        Some("1.0") => {}
        Some(other) => return Err(Malformed(format!("`specversion` is `{other}`; this takes CloudEvents `1.0`"))),
        None => return Err(Malformed("`specversion` is missing; give `1.0`".to_owned())),
    }
    let name = |what: &str, value: Option<String>| match value {
        None => Err(Malformed(format!("`{what}` is missing"))),
        Some(value) if value.is_empty() => Err(Malformed(format!("`{what}` is empty"))),
        Some(value) if value.len() > NAME_BYTES => Err(Malformed(format!("`{what}` has more than {NAME_BYTES} bytes"))),
        Some(value) if value.chars().any(char::is_control) => {
            Err(Malformed(format!("`{what}` has control characters")))
        }
        Some(value) => Ok(value),
    };
    if let Some(kind) = content_type {
        let base = kind.split(';').next().unwrap_or_default().trim();
        if !base.eq_ignore_ascii_case("application/json") && !base.to_ascii_lowercase().ends_with("+json") {
            return Err(Malformed(format!("the data's content type is `{base}`; this takes JSON")));
        }
    }
    Ok(CloudEvent {
        by_connector: false,
        id: name("id", id)?,
        source: name("source", source)?,
        kind: name("type", kind)?,
        time,
        data: data.unwrap_or_else(|| RawValue::NULL.to_owned()),
    })
}

/// Header values are percent-encoded in the binary binding.
fn percent_decoded(value: &str) -> String {
    let bytes = value.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        let hex = (*first == b'%').then(|| after.get(..2)).flatten();
        let byte = hex.and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte {
            Some(byte) => {
                decoded.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|_| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_envelope_is_refused_with_the_attribute_named() {
        let cases = [
            (r#"{"#, "the body is not a CloudEvent in JSON"),
            (r#"{"id":"1","source":"s","type":"t"}"#, "`specversion` is missing"),
            (r#"{"specversion":"0.3","id":"1","source":"s","type":"t"}"#, "`specversion` is `0.3`"),
            (r#"{"specversion":"1.0","source":"s","type":"t"}"#, "`id` is missing"),
            (r#"{"specversion":"1.0","id":"","source":"s","type":"t"}"#, "`id` is empty"),
            (r#"{"specversion":"1.0","id":"1","source":"s\u0000","type":"t"}"#, "`source` has control characters"),
            (
                r#"{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"AA=="}"#,
                "`data_base64` is not taken",
            ),
            (r#"{"specversion":"1.0","id":"1","source":"s","type":"t","datacontenttype":"text/xml"}"#, "`text/xml`"),
        ];
        for (body, expected) in cases {
            let error = structured(body.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{body}: {error}");
        }
    }

    #[test]
    fn binary_and_structured_say_the_same() {
        let headers = |name: &str| {
            Some(match name {
                "ce-specversion" => "1.0".to_owned(),
                "ce-id" => "a%20b".to_owned(),
                "ce-source" => "shop".to_owned(),
                "ce-type" => "t".to_owned(),
                _ => return None,
            })
        };
        let event = binary(headers, Some("application/json"), br#"{"x":1}"#).unwrap();
        assert_eq!((event.id.as_str(), event.data.get()), ("a b", r#"{"x":1}"#));
    }
}
