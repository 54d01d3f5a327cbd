//! What connectors hand on is what people typed into a vendor's form. It is brought into the form that the schemas ask for, as far as
//! that loses nothing: what is empty is absent, what is too long is cut, and what cannot be an address is kept for staff to see.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::domain::address::Address;
use crate::domain::phone;

use super::schema::{EXTRA, Home, schema_name, schemas};

static SCHEMAS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(schemas);

/// How deep data is looked into. The schemas have six levels.
const LEVELS: usize = 16;

/// The most addresses that cannot be one, and characters of each.
const UNVERIFIED: usize = 16;
const UNVERIFIED_CHARS: usize = 200;

/// Brings an event's data into form. Data of a type that Attune does not know stays as it is, but for its customer.
pub fn tidy(kind: &str, data: &mut Value, home: &Home) {
    if let Some(schema) = schema_name(kind).and_then(|name| SCHEMAS.get(name)) {
        fit(data, schema, LEVELS);
    } else if let (Some(customer), Some(schema)) = (data.get_mut("customer"), SCHEMAS.get("CustomerRef")) {
        fit(customer, schema, LEVELS);
    }
    for place in ["/order/extra", "/appointment/extra"] {
        if let Some(Value::Object(extra)) = data.pointer_mut(place) {
            cut_extra(extra);
        }
    }
    if let Some(Value::Object(customer)) = data.get_mut("customer") {
        addresses(customer, home);
    }
}

/// Leaves out what is empty and cuts what is too long, by a schema.
fn fit(value: &mut Value, schema: &Value, levels: usize) {
    let Some(schema) = settled(schema).filter(|_| levels > 0) else { return };
    let limit = |name: &str| schema.get(name).and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok());
    match value {
        Value::Object(fields) => {
            let needed = schema.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            // That a message has no text is said by an empty one.
            let stays = |name: &String, value: &Value| {
                !is_empty(value) || value.is_string() && needed.iter().any(|needed| needed == name.as_str())
            };
            fields.retain(|name, value| stays(name, value));
            for (name, inner) in fields.iter_mut() {
                if let Some(known) = schema.pointer(&format!("/properties/{name}")) {
                    fit(inner, known, levels - 1);
                }
            }
            // A text may be empty after it was cut to nothing but spaces.
            fields.retain(|name, value| stays(name, value));
        }
        Value::Array(items) => {
            items.retain(|item| !item.is_null());
            items.truncate(limit("maxItems").unwrap_or(usize::MAX));
            if let Some(known) = schema.get("items") {
                items.iter_mut().for_each(|item| fit(item, known, levels - 1));
            }
        }
        Value::String(text) => {
            // What no text of a person has; a database or a mail would trip over it.
            text.retain(|c| c != '\0');
            if let Some((at, _)) = limit("maxLength").and_then(|most| text.char_indices().nth(most)) {
                text.truncate(at);
            }
        }
        _ => {}
    }
}

/// What a vendor says beside what Attune knows is texts, and not too many.
fn cut_extra(extra: &mut Map<String, Value>) {
    let (most, name_chars, value_chars) = EXTRA;
    let taken = std::mem::take(extra).into_iter().filter(|(name, _)| name.chars().count() <= name_chars).take(most);
    extra.extend(taken.map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (name, text.chars().take(value_chars).collect::<String>().into())
    }));
}

/// A schema behind its reference; of several the one that is no null.
fn settled(schema: &Value) -> Option<&Value> {
    let mut schema = schema;
    for _ in 0..4 {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            schema = SCHEMAS.get(name.rsplit('/').next()?)?;
        } else if let Some(several) = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array) {
            schema = several.iter().find(|one| one.get("type").and_then(Value::as_str) != Some("null"))?;
        } else {
            break;
        }
    }
    Some(schema)
}

/// Nothing, and a text of nothing. That a message has no text is said by an empty one.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        _ => false,
    }
}

/// Addresses that can be written to stay; the others are put where staff see them.
fn addresses(customer: &mut Map<String, Value>, home: &Home) {
    let country = customer.get("country").and_then(Value::as_str).map(str::to_uppercase);
    let country = country.filter(|country| phone::is_country(country));
    match &country {
        Some(country) => customer.insert("country".to_owned(), country.as_str().into()),
        None => customer.remove("country"),
    };
    let country = country.or_else(|| home.country.clone());
    let given = customer.remove("addresses");
    let given = given.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let (mut known, mut odd): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let already = customer.remove("unverified");
    odd.extend(already.iter().filter_map(Value::as_array).flatten().filter_map(Value::as_str).map(shown));
    for text in given.iter().filter_map(Value::as_str) {
        match read(text, country.as_deref()) {
            Some(address) if !known.contains(&address) => known.push(address),
            Some(_) => {}
            None if text.split_once(':').is_none_or(|(_, value)| value.trim().is_empty()) => {}
            None => odd.push(shown(text)),
        }
    }
    known.truncate(UNVERIFIED);
    odd.dedup();
    odd.truncate(UNVERIFIED);
    if !known.is_empty() {
        customer.insert("addresses".to_owned(), json!(known));
    }
    if !odd.is_empty() {
        customer.insert("unverified".to_owned(), json!(odd));
    }
}

fn read(text: &str, country: Option<&str>) -> Option<String> {
    if let Ok(address) = Address::parse(text) {
        return Some(address.as_str().to_owned());
    }
    let number = text.strip_prefix("phone:")?;
    phone::in_country(number, country?).map(|address| address.as_str().to_owned())
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(UNVERIFIED_CHARS).collect()
}
