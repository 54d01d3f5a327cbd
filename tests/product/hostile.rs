//! Guests that mean harm, in `tests/guests`: each on the built server beside a healthy business. What has to become of a guest
//! stands in its own first lines; whatever that is, the healthy business gets its answers and the host's memory stays.

use std::path::PathBuf;
use std::sync::Arc;

use attune::sandbox::{Cache, Compiler, Sandbox};
use attune_tests::{Server, Shop, event, repository, says, text, until};
use serde_json::{Value, json};

use crate::components::{self, guest};

/// How much more memory the host may hold after all of them, in bytes.
const GROWTH_BYTES: u64 = 16 << 20;

/// A guest, and what its first lines say of it.
struct Guest {
    name: String,
    /// What has to stand in the outcome of its last run; or, after `refused: `, in the refusal of its file.
    expect: String,
    /// The interfaces of the host that it calls.
    imports: Vec<String>,
    /// How often it runs.
    runs: usize,
    /// Which attempt at its last event is judged: a failed one is made again after a quarter of a minute.
    attempt: u64,
    source: String,
}

fn guests() -> Vec<Guest> {
    let folder = repository().join("tests/guests");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
        .into_iter()
        .map(|file| {
            let source = std::fs::read_to_string(&file).unwrap();
            let said = |name: &str| {
                let line = source.lines().find_map(|line| line.strip_prefix(&format!(";; {name}: ")));
                line.unwrap_or_default().to_owned()
            };
            let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
            let expect = said("expect");
            assert!(!expect.is_empty(), "{name} does not say what has to become of it");
            let imports = said("imports").split_whitespace().map(str::to_owned).collect();
            let number = |name: &str| said(name).parse().unwrap_or(1);
            let (runs, attempt) = (number("runs") as usize, number("attempt"));
            Guest { name, expect, imports, runs, attempt, source }
        })
        .collect()
}

/// Lets a guest handle one event; gives its first run as the record of why has it.
fn run(shop: &Shop) -> Value {
    let (customer, entry) = send(shop);
    until("the guest has run", || {
        let whys = shop.owner.get(&format!("/v1/customers/{customer}/whys"));
        let why = whys.body["items"].as_array()?.iter().find(|why| why["entry"] == entry)?.clone();
        Some(why["runs"][0].clone())
    })
}

/// Waits for a later attempt at what failed; gives that run.
fn again(shop: &Shop, attempt: u64) -> Value {
    let found = shop.owner.get("/v1/customers?address=chat:anna").with(200);
    let customer = text(&found["items"][0]["id"]);
    until("it was tried again", || {
        let whys = shop.owner.get(&format!("/v1/customers/{customer}/whys"));
        let mut runs = whys.body["items"].as_array()?.iter().map(|why| &why["runs"][0]);
        runs.find(|run| run["attempt"] == attempt).cloned()
    })
}

/// Sends an event for a guest; gives whom it is about and its entry.
fn send(shop: &Shop) -> (String, Value) {
    let data = json!({ "customer": { "addresses": ["chat:anna"] }, "weather": "rain" });
    let taken = shop.owner.event(&event("com.example.weather", data)).with(202);
    (text(&taken["customer"]), taken["id"].clone())
}

fn judge(server: &Arc<Server>, guest: &Guest) {
    let shop = Shop::open_on(server.clone());
    let wasm = components::guest(&guest.source, &guest.imports);
    if let Some(words) = guest.expect.strip_prefix("refused: ") {
        let refused = shop.owner.upload("guest", &wasm);
        assert_eq!(refused.status, 422, "{}: {}", guest.name, refused.text);
        assert!(refused.word("detail").contains(words), "{}: {}", guest.name, refused.text);
        return;
    }
    shop.enable_as("guest", &wasm);
    let mut last = Value::Null;
    for _ in 0..guest.runs {
        last = run(&shop);
    }
    if guest.attempt > 1 {
        last = again(&shop, guest.attempt);
    }
    let outcome = last["outcome"].as_str().unwrap_or_default();
    assert!(outcome.contains(&guest.expect), "{}: {last:#}", guest.name);
    let log = last["log"].as_str().unwrap_or_default();
    assert!(log.chars().all(|c| c == '\n' || !c.is_control()) && log.len() < 20_000, "{}: {log:?}", guest.name);
}

fn resident_bytes(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1_024
}

#[test]
fn every_hostile_guest_comes_to_its_end_and_harms_nobody() {
    let server = Arc::new(Server::start());
    let healthy = Shop::open_on(server.clone());
    healthy.enable("order-status");
    healthy.shipped("chat:anna", "#1001");
    let mut asked = 0;
    let mut is_well = || {
        asked += 1;
        let (_, answer) = healthy.asks("chat:anna", &format!("Where is my order? I ask for the {asked}th time"));
        assert!(says(&answer, "#1001"), "{answer}");
    };
    is_well();
    let before = resident_bytes(&server);
    for guest in &guests() {
        judge(&server, guest);
        is_well();
    }
    let after = resident_bytes(&server);
    assert!(after < before + GROWTH_BYTES, "the host holds {before} bytes before and {after} after");
}

#[test]
fn a_plugin_that_keeps_failing_is_stopped_and_the_owner_reads_why() {
    let shop = Shop::open();
    let endless = "(func $handle (param i32 i32 i32 i32) (result i32) (loop $again (br $again)) (unreachable))";
    shop.enable_as("guest", &components::guest(endless, &[]));
    for customer in 0..5 {
        // Somebody else each time: what failed for one customer waits, and is no failure of the next.
        let data = json!({ "customer": { "addresses": [format!("chat:{customer}")] } });
        shop.owner.event(&event("com.example.weather", data)).with(202);
    }
    let paused = until("the plugin is stopped", || {
        let plugin = shop.owner.get("/v1/plugins/guest").with(200);
        plugin["paused"].is_object().then(|| plugin["paused"].clone())
    });
    assert_eq!(
        paused["reason"],
        "stopped after 5 failures in a row; the last time, when any other event comes in, it used up its 200 ms of computing"
    );
    // It runs no more, and the owner can turn it on again.
    assert!(run(&shop).is_null());
    let again = shop.owner.patch("/v1/plugins/guest", &json!({ "enabled": true })).with(200);
    assert!(again["paused"].is_null(), "{again:#}");
}

#[test]
fn a_component_cut_at_any_byte_is_refused_in_words() {
    let sandbox = Sandbox::new(Cache::none(), Compiler::Here).unwrap();
    let whole = guest("(func $handle (param i32 i32 i32 i32) (result i32) (i32.const 16))", &[]);
    assert!(sandbox.load(&whole).is_ok());
    for cut in 0..whole.len() {
        let refused = sandbox.load(&whole[..cut]).err().unwrap_or_else(|| panic!("taken though cut at byte {cut}"));
        assert!(refused.to_string().contains("component"), "byte {cut}: {refused}");
    }
}
