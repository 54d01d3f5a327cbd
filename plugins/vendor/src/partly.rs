//! Reading a part of a JSON document: what a connector will not look at is passed over and takes no memory.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Reads a document without the fields whose names are skipped, wherever they stand. A vendor's order has each price in two
/// currencies and forty fields a line, and most of the time goes into keeping them.
///
/// # Errors
/// When it is not JSON; the parts that are passed over have to be, too.
pub fn without(body: &[u8], skips: fn(&str) -> bool) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = Partly(skips).deserialize(&mut reader)?;
    reader.end().map(|()| value)
}

#[derive(Clone, Copy)]
struct Partly(fn(&str) -> bool);

impl<'de> DeserializeSeed<'de> for Partly {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Partly {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<Cow<'de, str>>()? {
            if (self.0)(&name) {
                fields.next_value::<IgnoredAny>()?;
            } else {
                object.insert(name.into_owned(), fields.next_value_seed(self)?);
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_skipped_is_not_there_and_the_rest_is_as_it_was() {
        let skips: fn(&str) -> bool = |name| name.ends_with("_set");
        let body =
            json!({ "a": [1, -2, 0.5, true, null, "x\n"], "price_set": { "b": 1 }, "c": { "d_set": [], "e": {} } });
        let kept = json!({ "a": [1, -2, 0.5, true, null, "x\n"], "c": { "e": {} } });
        assert_eq!(without(body.to_string().as_bytes(), skips).ok(), Some(kept));
        for broken in ["", "{", "{\"a_set\": }", "{} {}", "\u{feff}{}"] {
            assert!(without(broken.as_bytes(), skips).is_err(), "{broken}");
        }
        let deep = "[".repeat(100_000);
        assert!(without(deep.as_bytes(), skips).is_err(), "what is nested without end is refused, not followed");
    }
}
