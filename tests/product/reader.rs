//! A plugin that reads texts in the place of Attune's own reading: what its owner approves, what it decides, and that Attune
//! reads itself where it cannot.

use attune_tests::{Shop, plugin_file, text, until};
use serde_json::{Value, json};

use crate::components;

const HOUSE: &str = "/v1/plugins/house-reader";

fn wasm() -> Vec<u8> {
    std::fs::read(plugin_file("house-reader")).expect("the file can be read")
}

/// A customer writes; gives the record of why of that entry once there is one.
fn says(shop: &Shop, words: &str) -> Value {
    let customer = shop.says("chat:anna", words);
    let message = shop.message(&customer, &format!("the message `{words}`"), |message| message["text"] == words);
    until("there is a record of why", || {
        let whys = shop.owner.get(&format!("/v1/customers/{customer}/whys"));
        let found = whys.body["items"].as_array()?.iter().find(|why| why["entry"] == message["entry"])?;
        let story = shop.owner.get(&format!("/v1/messages/{}/why?language=de", text(&message["id"]))).with(200);
        let sentences: Vec<String> = story["sentences"].as_array()?.iter().map(text).collect();
        let mut why = found.clone();
        why["told"] = sentences.join(" ").into();
        Some(why)
    })
}

fn run<'w>(why: &'w Value, plugin: &str) -> Option<&'w Value> {
    why["runs"].as_array()?.iter().find(|run| run["plugin"] == plugin)
}

/// What the escalation was told of a text's mood.
fn mood(why: &Value) -> &Value {
    let calls = run(why, "escalation").expect("the escalation ran")["calls"].as_array().expect("calls");
    calls.iter().find(|call| call["call"] == "sentiment.analyze").expect("it asked for the mood")
}

#[test]
fn a_reader_decides_once_its_owner_approves_and_enables_it() {
    let shop = Shop::open();
    shop.enable("escalation");
    let new = shop.owner.upload("house-reader", &wasm()).with(201);
    assert_eq!(
        new["permissions"],
        json!([{
            "interface": "reading",
            "sentence": "read messages in the place of Attune's own reading",
            "granted": false,
        }])
    );
    assert_eq!(new["subscriptions"], json!([{ "export": "reading", "sentence": "runs when a text is to be read" }]));
    let early = shop.owner.patch(HOUSE, &json!({ "enabled": true }));
    assert_eq!((early.status, early.word("code")), (409, "ungranted"), "{}", early.text);

    let before = says(&shop, "Your rye bread was a brick.");
    assert!(run(&before, "house-reader").is_none() && mood(&before).get("by").is_none(), "{before:#}");

    shop.owner.patch(HOUSE, &json!({ "grants": ["reading"], "enabled": true })).with(200);
    let why = says(&shop, "Your wheat bread was a brick.");
    let read = run(&why, "house-reader").expect("it read");
    assert_eq!((&read["outcome"], &read["export"]), (&json!("read"), &json!("reading")), "{read:#}");
    assert_eq!(read["calls"][0]["result"]["intents"][0]["name"], "complaint", "{read:#}");
    assert!(text(&read["log"]).contains("info: jargon: a brick"), "{read:#}");
    let asked = mood(&why);
    assert_eq!(asked["by"], "house-reader 0.1.0", "{asked:#}");
    assert!(asked["result"]["frustration"].as_f64() > Some(0.89), "{asked:#}");
    assert!(why.to_string().contains("is frustrated"), "the escalation follows it: {why:#}");
    assert!(text(&why["told"]).contains("house-reader (Version 0.1.0) hat den Text gelesen"), "{}", why["told"]);
}

#[test]
fn where_a_reader_fails_attune_reads_and_says_so() {
    let shop = Shop::open();
    shop.enable("escalation");
    shop.enable("house-reader");
    let why = says(&shop, "The oven will break off.");
    let failed = run(&why, "house-reader").expect("it was asked");
    assert!(failed["failed"] == true && text(&failed["outcome"]).contains("the oven is cold"), "{failed:#}");
    let noted = text(&why["host"][0]);
    assert!(noted.starts_with("the reader house-reader failed (broke off: "), "{noted}");
    assert!(noted.ends_with("the oven is cold): Attune's own reading was used"), "{noted}");
    assert!(mood(&why).get("by").is_none(), "{why:#}");
    let told = text(&why["told"]);
    assert!(told.contains("konnte den Text nicht lesen") && told.contains("hat Attune ihn selbst gelesen"), "{told}");

    shop.owner.patch(HOUSE, &json!({ "enabled": false })).with(200);
    let off = says(&shop, "Will the oven break off?");
    assert!(run(&off, "house-reader").is_none() && off.get("host").is_none(), "{off:#}");
}

#[test]
fn of_two_readers_the_first_in_the_owners_order_reads() {
    let shop = Shop::open();
    shop.enable_as("quiet", &components::reads());
    shop.enable_as("house", &wasm());
    let readers = |words: &str| -> Vec<(String, String)> {
        let why = says(&shop, words);
        let runs = why["runs"].as_array().cloned().unwrap_or_default();
        runs.iter().map(|run| (text(&run["plugin"]), text(&run["outcome"]))).collect()
    };
    assert_eq!(readers("It was a brick."), [("quiet".to_owned(), "passed".to_owned())]);
    shop.owner.patch("/v1/plugins/house", &json!({ "order": 1 })).with(200);
    assert_eq!(readers("It was a brick again."), [("house".to_owned(), "read".to_owned())]);
    shop.owner.patch("/v1/plugins/house", &json!({ "enabled": false })).with(200);
    assert_eq!(readers("And a brick once more."), [("quiet".to_owned(), "passed".to_owned())]);
}
