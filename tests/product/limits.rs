//! What an operator lets plugins use, and that one who uses much holds up nobody else.

use std::sync::Arc;

use attune_tests::{Folder, Server, Shop, Start, event, says, text, until};
use serde_json::{Value, json};

use crate::components;

/// Takes every event after so many rounds of computing; a million are about five milliseconds.
pub fn busy(rounds: u32) -> Vec<u8> {
    let handle = format!(
        "(func $handle (param i32 i32 i32 i32) (result i32) (local $n i32)
            (local.set $n (i32.const {rounds}))
            (loop $again (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (i32.const 16))"
    );
    components::guest(&handle, &[])
}

/// Sends an event about a customer; gives the outcome of the plugin that ran on it.
fn outcome(shop: &Shop) -> String {
    let data = json!({ "customer": { "addresses": ["chat:anna"] } });
    let taken = shop.owner.event(&event("com.example.weather", data)).with(202);
    let (customer, entry) = (text(&taken["customer"]), taken["id"].clone());
    until("the plugin has run", || {
        let whys = shop.owner.get(&format!("/v1/customers/{customer}/whys"));
        let why = whys.body["items"].as_array()?.iter().find(|why| why["entry"] == entry)?.clone();
        Some(text(&why["runs"][0]["outcome"]))
    })
}

#[test]
fn an_operator_sets_limits_for_one_plugin() {
    let shop = Shop::open();
    shop.enable_as("busy", &busy(100_000));
    let operator = shop.server.as_operator().of(&shop.business);
    let plugin = "/v1/plugins/busy";
    let set = |limits: Value| operator.patch(plugin, &json!({ "limits": limits }));
    assert_eq!(outcome(&shop), "done");
    assert_eq!(operator.get(plugin).with(200)["limits"]["fuel"], 200_000_000);

    let changed = set(json!({ "fuel": 50_000 })).with(200);
    assert_eq!((&changed["limits"]["fuel"], &changed["own_limits"]), (&json!(50_000), &json!({ "fuel": 50_000 })));
    assert_eq!(outcome(&shop), "used up its 50000 instructions");
    // It stays when there is another version, and goes when it is taken back.
    assert_eq!(shop.owner.upload("busy", &busy(99_999)).with(200)["own_limits"], json!({ "fuel": 50_000 }));
    assert_eq!(set(json!({})).with(200)["limits"]["fuel"], 200_000_000);

    let refused = shop.owner.patch(plugin, &json!({ "limits": { "fuel": 1 } }));
    assert_eq!((refused.status, refused.word("code")), (403, "forbidden"), "{}", refused.text);
    for (limits, words) in [
        (json!({ "fule": 5 }), "`fule` is no limit of a plugin; there are fuel, wall_ms"),
        (json!({ "fuel": 0 }), "fuel is 0; it is from 1 to"),
        (json!({ "memory_bytes": 1 << 30 }), "memory_bytes is 1073741824; it is from 1 to 67108864"),
        (json!({ "claim_tries": 9 }), "`claim_tries` is no limit of a plugin"),
    ] {
        let refused = set(limits.clone());
        assert_eq!(refused.status, 422, "{limits}: {}", refused.text);
        assert!(refused.text.contains(words), "{limits}: {}", refused.text);
    }
}

#[test]
fn an_operator_sets_limits_for_all_plugins_in_a_file() {
    let folder = Folder::new();
    let file = folder.write("limits.toml", "fuel = 50_000\nfailures_in_a_row = 2\n");
    let start = Start::with(&["--limits", file.to_str().unwrap()]);
    let shop = Shop::open_on(Arc::new(Server::start_with(&start)));
    shop.enable_as("busy", &busy(100_000));
    assert_eq!(outcome(&shop), "used up its 50000 instructions");
    assert_eq!(shop.owner.get("/v1/plugins/busy").with(200)["limits"]["fuel"], 50_000);
}

#[test]
fn a_plugin_that_computes_all_the_time_holds_up_no_other_business() {
    const FLOOD: usize = 400;
    let server = Arc::new(Server::start());
    let (healthy, greedy) = (Shop::open_on(server.clone()), Shop::open_on(server.clone()));
    healthy.enable("order-status");
    healthy.shipped("chat:anna", "#1001");
    greedy.enable_as("busy", &busy(30_000_000));
    let flood: Vec<Value> = (0..FLOOD)
        .map(|n| event("com.example.weather", json!({ "customer": { "addresses": [format!("chat:{n}")] } })))
        .collect();
    greedy.owner.batch(&json!(flood)).with(202);
    for n in 0..20 {
        let (_, answer) = healthy.asks("chat:anna", &format!("Where is my order? I ask for the {n}th time"));
        assert!(says(&answer, "#1001"), "{answer}");
    }
    let waiting = attune_tests::figure(&server.client(""), "attune_queue_entries").unwrap();
    assert!(waiting > FLOOD as f64 / 2.0, "twenty answers came only after the flood, of which {waiting} are left");
}

#[test]
fn a_business_that_fills_the_queue_leaves_room_for_others() {
    let server = Arc::new(Server::start_with(&Start::with(&["--queue", "40", "--workers", "2"])));
    let (healthy, greedy) = (Shop::open_on(server.clone()), Shop::open_on(server.clone()));
    greedy.enable_as("busy", &busy(30_000_000));
    let about = |n: usize| event("com.example.weather", json!({ "customer": { "addresses": [format!("chat:{n}")] } }));
    let mut sent = (0..200).map(|n| greedy.owner.event(&about(n)));
    let (taken, refused) = sent.by_ref().enumerate().find(|(_, answer)| answer.status != 202).expect("one was refused");
    assert!(taken >= 15, "{taken} events were taken before the first was refused");
    assert_eq!((refused.status, refused.word("code")), (503, "busy"), "{}", refused.text);
    healthy.owner.event(&about(1)).with(202);
}

#[test]
fn what_a_plugin_said_before_it_broke_off_is_its_reason_and_its_functions_are_named() {
    let shop = Shop::open();
    let breaks = r#"(data (i32.const 512) "panicked at src/lib.rs:3:5:\0ano sugar")
        (func $_ZN4cake4bake17h0123456789abcdefE (call $log (i32.const 3) (i32.const 512) (i32.const 36)) (unreachable))
        (func $handle (param i32 i32 i32 i32) (result i32) (call $_ZN4cake4bake17h0123456789abcdefE) (i32.const 16))"#;
    shop.enable_as("breaks", &components::guest(breaks, &["log".to_owned()]));
    let told = outcome(&shop);
    assert!(
        told.starts_with("broke off: panicked at src/lib.rs:3:5: no sugar\n  in cake::bake\n  in handle\n"),
        "{told}"
    );
}
