//! What vendors really send. A folder beside the repository (`../shared/payloads`, or where `ATTUNE_PAYLOADS` says) has bodies from
//! vendors' documentation and captures, each with what must come out of it; every one is given to the connector for its vendor.
//! Without the folder there is nothing to hold against; the connectors' own requests, which stand beside them, are played all the same.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use attune::domain::time::Instant;
use attune_tests::{plugins_folder, repository};
use serde_json::Value;

use crate::command_line::{path, plain, run};

/// Which connector reads files that begin so, where it is not that of their folder's name.
const READ_BY: &[(&str, &str)] = &[("standard-webhooks/", "mapping"), ("sendgrid/inbound-", "sendgrid-inbound")];

fn folder() -> PathBuf {
    std::env::var_os("ATTUNE_PAYLOADS").map_or_else(|| repository().join("../shared/payloads"), PathBuf::from)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.sort();
    found
}

#[test]
fn what_vendors_really_send_is_understood() {
    let mut by_connector: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for file in entries(&folder()).iter().flat_map(|vendor| entries(vendor)) {
        let name = file.strip_prefix(folder()).unwrap_or(&file).to_string_lossy().into_owned();
        let vendor = name.split('/').next().unwrap_or_default();
        let reader = READ_BY.iter().find(|(start, _)| name.starts_with(start)).map_or(vendor, |(_, reader)| reader);
        if name.ends_with(".json") {
            by_connector.entry(reader.to_owned()).or_default().push(file);
        }
    }
    if by_connector.is_empty() {
        return eprintln!("skipped: there are no payloads in {}", folder().display());
    }
    let mut wrong = Vec::new();
    let mut tried = 0;
    for (name, files) in by_connector {
        let component = plugins_folder().join(format!("{name}.wasm"));
        if !component.is_file() {
            eprintln!("skipped: there is no connector {name}");
            continue;
        }
        let shown: Vec<String> = files.iter().map(|file| path(file)).collect();
        let component = path(&component);
        let call: Vec<&str> =
            ["call", &component, "--format", "json"].into_iter().chain(shown.iter().map(String::as_str)).collect();
        let ran = run(plain(), &call, "");
        let told: Vec<Value> = ran.out.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        assert_eq!(told.len(), files.len(), "{name}: a line for each file: {ran:#?}");
        for (file, told) in shown.iter().zip(&told) {
            let sent: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
            wrong.extend(differences(&sent, told).into_iter().map(|what| format!("{file}: {what}\n  {told}")));
            tried += 1;
        }
    }
    assert!(wrong.is_empty(), "{} things differ in {tried} payloads:\n{}", wrong.len(), wrong.join("\n"));
    assert!(tried > 20, "only {tried} payloads were tried; are the connectors built?");
}

/// What of the things that a file expects did not come out.
fn differences(sent: &Value, told: &Value) -> Vec<String> {
    let expect = &sent["expect"];
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    let events = told["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    if let Some(valid) = expect["valid"].as_bool() {
        must(told["verified"] == valid, format!("its signature is {}", if valid { "right" } else { "wrong" }));
        must(valid || events.is_empty(), "nothing comes of a wrong signature".to_owned());
        return wrong;
    }
    if sent["signing"]["secret"].is_string() {
        must(told["verified"] == true, "its signature is right".to_owned());
    }
    must(told.get("error").is_none(), "it can be read".to_owned());
    must(events.iter().all(|event| event.get("misfits").is_none()), "its events fit their schemas".to_owned());
    match expect["deliver"].as_str() {
        Some("event") => must(!events.is_empty(), "it is an event".to_owned()),
        Some("ignore") => must(events.is_empty(), "it is no event".to_owned()),
        _ => {}
    }
    if expect["deliver"] != "event" {
        return wrong;
    }
    let any = |holds: &dyn Fn(&Value) -> bool| events.iter().any(holds);
    if let Some(key) = expect["dedupe_key"]["value"].as_str() {
        must(any(&|event| event["id"].as_str().is_some_and(|id| has_parts(id, key))), format!("its id has {key}"));
    }
    if let Some(at) = expect["occurred_at"]["at"].as_str() {
        must(any(&|event| is_same(&event["time"], at)), format!("it happened at {at}"));
    }
    let customer = &expect["customer"];
    for (kind, place) in [("email", "email"), ("phone", "phone_e164")] {
        if let Some(address) = customer[place].as_str() {
            let wanted = format!("{kind}:{}", address.to_lowercase());
            must(any(&|event| addresses(event).contains(&wanted)), format!("its customer has the address {wanted}"));
        }
    }
    for (place, name) in [("external_id", "external_id"), ("name", "name"), ("locale", "language")] {
        if let Some(value) = customer[place].as_str() {
            must(any(&|event| event["data"]["customer"][name] == value), format!("its customer's {name} is {value}"));
        }
    }
    for (place, name) in [("start", "starts"), ("end", "ends")] {
        let Some(at) = expect[place]["at"].as_str() else { continue };
        let is = |event: &Value| is_same(&event["data"]["appointment"][name], at);
        must(any(&is), format!("the appointment {name} at {at}"));
        if let Some(zone) = expect[place]["zone"].as_str() {
            must(any(&|event| event["data"]["appointment"]["zone"] == zone), format!("its zone is {zone}"));
        }
    }
    if let Some(before) = expect["ids"]["previous_booking_uid"].as_str() {
        must(any(&|event| event["data"]["appointment"]["replaces"] == before), format!("it replaces {before}"));
    }
    if let Some(reason) = expect["reason"].as_str() {
        let quoted = Value::from(reason).to_string();
        must(
            any(&|event| event["data"].to_string().contains(quoted.trim_matches('"'))),
            format!("it says why: {reason}"),
        );
    }
    wrong
}

/// The addresses that an event tells of, in lower case: a customer's, or where a message was to go.
fn addresses(event: &Value) -> Vec<String> {
    let of_customer = event["data"]["customer"]["addresses"].as_array().into_iter().flatten();
    let known = of_customer.chain(event["data"].pointer("/delivery/address"));
    known.filter_map(|address| address.as_str().map(str::to_lowercase)).collect()
}

/// Whether an id has each part of a key, in their order; it may have more.
fn has_parts(id: &str, key: &str) -> bool {
    let rest = key.split(':').try_fold(id, |rest, part| rest.split_once(part).map(|(_, rest)| rest));
    rest.is_some()
}

fn is_same(told: &Value, at: &str) -> bool {
    let told = told.as_str().and_then(Instant::parse);
    told.is_some() && told == Instant::parse(at)
}
