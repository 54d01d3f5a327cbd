//! Attacks that one file alone does not show: what a guest reaches by mail, by another customer or plugin, by an upgrade, by a
//! timer, by what its file says of itself, and by the folder in which compiled code is kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use attune::sandbox::{Cache, Compiler, Sandbox};
use attune::turn::limits::Limits;
use attune_tests::{Folder, Server, Shop, Start, event, says, text, until};
use serde_json::{Value, json};

use crate::attacks::{self, weather};
use crate::components::{self, HANDLES, about, guest, raw};
use crate::mail::MailServer;

/// A shop with a guest of `tests/guests` turned on.
fn shop_with(name: &str) -> Shop {
    let shop = Shop::open();
    shop.enable_as("guest", &attacks::guest(name).wasm());
    shop
}

/// A guest that keeps no note and calls nothing but these interfaces.
fn asking(interfaces: &[&str]) -> Vec<u8> {
    let calls = interfaces.iter().map(|interface| match *interface {
        "state" => "(call $state_get (i32.const 512) (i32.const 1) (i32.const 1024))",
        "schedule" => {
            "(call $schedule_set (i32.const 512) (i32.const 1) (i64.const 4102444800000) (i32.const 512) (i32.const 1)
                (i32.const 1024))"
        }
        other => panic!("no call of {other}"),
    });
    let calls: String = calls.collect();
    let fields = format!(
        r#"(data (i32.const 512) "a") (func $handle (param i32 i32 i32 i32) (result i32) {calls} (i32.const 16))"#
    );
    let interfaces: Vec<String> = interfaces.iter().map(|&interface| interface.to_owned()).collect();
    guest(&fields, &interfaces)
}

#[test]
fn of_a_flood_of_messages_a_customer_gets_what_the_business_allows() {
    let shop = shop_with("17");
    let customer = shop.says("chat:anna", "Hello");
    shop.message(&customer, "the last of the flood", |message| message["delivery"]["code"] == "same-text");
    let told = shop.conversation(&customer);
    let sent =
        told.iter().filter(|message| message["author"] == "automation" && message["delivery"]["state"] == "sent");
    let withheld = told.iter().filter(|message| message["delivery"]["code"] == "same-text");
    assert_eq!((sent.count(), withheld.count()), (1, 7), "the same answer is given once: {told:#?}");
}

#[test]
fn injected_lines_are_text_in_the_api_and_no_headers_in_a_mail() {
    let mails = MailServer::start(Duration::ZERO);
    let shop = Shop::open_on(Arc::new(Server::start_with(&Start::with(&["--smtp", &mails.url()]))));
    shop.enable_as("guest", &attacks::guest("25").wasm());
    let hello = json!({ "text": "Hello", "channel": "email" });
    let customer = shop.tell("email:anna@example.com", "attune.message.received.v1", hello);
    shop.message(&customer, "both mails", |_| mails.taken().len() >= 2);
    shop.settled();
    let told = shop.conversation(&customer);
    let raw = "<script>alert(1)</script>\r\nBcc: mallory@example.com\r\n\r\n.\r\nMAIL FROM:<mallory@example.com>\r\n\u{1b}[2J";
    // A template's values lose control characters other than line ends; a text is kept as it was said.
    let filled = &told[1];
    let is_filled = text(&filled["text"]).starts_with(&text(&filled["subject"]));
    assert!(is_filled && says(filled, "\nBcc: mallory@example.com"), "{filled:#}");
    assert!(!says(filled, "\r") && !says(filled, "\u{1b}"), "{filled:#}");
    assert_eq!(told[2]["text"], raw, "{told:#?}");
    let page = shop.owner.get(&format!("/v1/customers/{customer}/messages"));
    assert!(page.header("content-type").starts_with("application/json"), "{:?}", page.headers);
    assert!(!page.text.contains('\u{1b}') && !page.text.contains("\nBcc"), "escaped: {}", page.text);

    let taken = mails.taken();
    assert_eq!(taken.len(), 2, "one message is one mail: {taken:#?}");
    for mail in &taken {
        assert!(mail.to.len() == 1 && mail.to[0].contains("anna@example.com"), "{mail:#?}");
        assert!(!mail.content.contains('\u{1b}'), "{mail:#?}");
        is_a_plain_mail(&mail.content);
    }
}

/// A mail that has no headers but those that this host writes, and is text.
fn is_a_plain_mail(content: &str) {
    let content = content.replace("\r\n", "\n");
    let (head, body) = content.split_once("\n\n").unwrap();
    let names = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version"];
    for line in head.lines().filter(|line| !line.starts_with([' ', '\t'])) {
        let name = line.split(':').next().unwrap();
        assert!(names.contains(&name) || name.starts_with("Content-"), "`{line}` in {head}");
    }
    assert!(head.contains("Content-Type: text/plain"), "{head}");
    assert!(body.contains("alert(1)"), "all of it is in the text: {body}");
}

#[test]
fn a_timer_that_sets_itself_ends_and_the_owner_reads_why() {
    let shop = shop_with("26");
    let customer = text(&shop.owner.event(&weather("chat:anna")).with(202)["customer"]);
    let whys = || shop.owner.get(&format!("/v1/customers/{customer}/whys?limit=200")).body["items"].clone();
    until("it has come to its end", || whys().to_string().contains("too-deep").then_some(()));
    shop.settled();
    let whys = whys();
    let timers = |why: &&Value| why["runs"][0]["export"] == "on-timer";
    let fired = whys.as_array().unwrap().iter().filter(timers).count();
    assert_eq!(fired, usize::from(Limits::default().depth), "{whys:#}");
    let last = whys.as_array().unwrap().iter().find(|why| why.to_string().contains("too-deep")).unwrap();
    assert!(last.to_string().contains("set it at least a minute ahead"), "{last:#}");
}

#[test]
fn a_note_is_found_by_its_own_customer_and_plugin_alone() {
    let shop = shop_with("29");
    shop.enable_as("other", &attacks::guest("29").wasm());
    let outcomes = |address: &str, kind: &str| -> Vec<(String, String)> {
        let taken = shop.owner.event(&event(kind, json!({ "customer": { "addresses": [address] } }))).with(202);
        let runs = until("both have run", || {
            let whys = shop.owner.get(&format!("/v1/customers/{}/whys?limit=200", text(&taken["customer"])));
            let why = whys.body["items"].as_array()?.iter().find(|why| why["entry"] == taken["id"])?.clone();
            Some(why["runs"].as_array()?.clone())
        });
        runs.iter().map(|run| (text(&run["plugin"]), text(&run["outcome"]))).collect()
    };
    // Only `guest` hears of Anna's event and keeps a note.
    shop.owner.patch("/v1/plugins/other", &json!({ "enabled": false })).with(200);
    outcomes("chat:anna", "com.example.weather");
    shop.owner.patch("/v1/plugins/other", &json!({ "enabled": true })).with(200);
    let anna = text(&shop.owner.get("/v1/customers?address=chat:anna").with(200)["items"][0]["id"]);
    let business = &shop.business;
    let guesses = [
        "secret".to_owned(),
        "SECRET".to_owned(),
        " secret".to_owned(),
        "/secret".to_owned(),
        "../secret".to_owned(),
        "*".to_owned(),
        "%".to_owned(),
        "secret%".to_owned(),
        "guest/secret".to_owned(),
        "guest:secret".to_owned(),
        format!("{anna}/secret"),
        format!("{anna}/guest/secret"),
        format!("{anna}|guest|secret"),
        format!("../{anna}/secret"),
        format!("../../{anna}/state/guest/secret"),
        format!("{business}/{anna}/state/guest/secret"),
        format!("{}secret", anna.trim_start_matches("cus_")),
        "chat:anna/secret".to_owned(),
    ];
    let well = |name: &str| (name.to_owned(), "done".to_owned());
    for guess in &guesses {
        assert_eq!(outcomes("chat:ben", guess), [well("guest"), well("other")], "{guess:?}");
    }
    // The guesses are real ones: where the note is, the right one finds it, and the other plugin does not.
    let found = outcomes("chat:anna", "secret");
    assert!(found[0].1.starts_with("broke off") && found[1] == well("other"), "{found:?}");
}

#[test]
fn an_upgrade_that_asks_for_more_does_not_run_until_it_is_granted() {
    let shop = Shop::open();
    shop.enable_as("guest", &asking(&["state"]));
    assert_eq!(attacks::run(&shop, &weather("chat:anna"))["outcome"], "done");

    let upgraded = shop.owner.upload("guest", &asking(&["state", "schedule"])).with(200);
    assert_eq!((&upgraded["runs"], &upgraded["ungranted"]), (&json!(false), &json!(["schedule"])), "{upgraded:#}");
    assert!(attacks::run(&shop, &weather("chat:anna")).is_null(), "it ran without the grant");
    let early = shop.owner.patch("/v1/plugins/guest", &json!({ "enabled": true }));
    assert_eq!((early.status, early.word("code")), (409, "ungranted"), "{}", early.text);
    // What was granted once is not granted for something else.
    shop.owner.patch("/v1/plugins/guest", &json!({ "grants": ["schedule"] })).with(200);
    assert!(attacks::run(&shop, &weather("chat:anna")).is_null(), "it ran without the other grant");
    shop.owner.patch("/v1/plugins/guest", &json!({ "grants": ["schedule", "state"] })).with(200);
    let run = attacks::run(&shop, &weather("chat:anna"));
    assert_eq!((&run["outcome"], &run["digest"]), (&json!("done"), &upgraded["digest"]), "{run:#}");
}

#[test]
fn a_file_that_claims_another_plugins_name_is_not_that_plugin() {
    let shop = Shop::open();
    shop.enable("order-status");
    let real = shop.owner.get("/v1/plugins/order-status").with(200);
    let mut claims = about();
    claims["name"] = json!("order-status");
    claims["description"] = json!("<img src=x onerror=alert(1)>\u{202e}");
    shop.enable_as("forged", &components::says(raw(HANDLES, ""), &claims));
    assert_eq!(shop.owner.get("/v1/plugins/order-status").with(200), real, "the real one is as it was");
    let forged = shop.owner.get("/v1/plugins/forged");
    assert!(forged.header("content-type").starts_with("application/json"), "{:?}", forged.headers);
    assert_eq!((forged.word("name"), forged.word("own_name")), ("forged", "order-status"));
    assert_eq!(forged.body["description"], claims["description"], "it is text, and stays it");
    // What it does stands under the name that the owner gave it.
    assert_eq!(attacks::run(&shop, &weather("chat:anna"))["plugin"], "forged");
    shop.shipped("chat:anna", "#1001");
    let (_, answer) = shop.asks("chat:anna", "Where is my order?");
    assert!(says(&answer, "#1001") && answer["origin"]["plugin"] == "order-status", "{answer:#}");
}

#[test]
fn a_file_that_says_two_things_of_itself_is_refused() {
    let shop = Shop::open();
    let mut second = about();
    second["version"] = json!("2.0.0");
    let refused = shop.owner.upload("guest", &components::says(components::says(raw(HANDLES, ""), &about()), &second));
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert!(refused.word("detail").contains("there are two of them"), "{}", refused.text);
}

#[test]
fn a_greedy_plugin_leaves_others_their_timers_and_notes() {
    let shop = Shop::open();
    shop.enable_as("a-timers", &attacks::guest("18").wasm());
    shop.enable_as("b-notes", &attacks::guest("19").wasm());
    // Both break off if one of theirs is refused too early: the first takes all hundred timers, the second a quarter of its notes.
    shop.enable_as("c-timers", &attacks::guest("18").wasm());
    shop.enable_as("d-notes", &attacks::guest("19").wasm());
    let taken = shop.owner.event(&weather("chat:anna")).with(202);
    let runs = until("all have run", || {
        let whys = shop.owner.get(&format!("/v1/customers/{}/whys", text(&taken["customer"])));
        Some(whys.body["items"].get(0)?["runs"].as_array()?.clone())
    });
    let outcomes: Vec<_> = runs.iter().map(|run| text(&run["outcome"])).collect();
    assert_eq!(outcomes, ["done"; 4], "{runs:#?}");
}

#[test]
fn a_business_has_so_many_plugins_and_no_more() {
    let folder = Folder::new();
    let limits = folder.write("limits.toml", "plugins = 2");
    let start = Start::with(&["--limits", limits.to_str().unwrap()]);
    let shop = Shop::open_on(Arc::new(Server::start_with(&start)));
    for name in ["one", "two"] {
        shop.owner.upload(name, &components::well()).with(201);
    }
    let refused = shop.owner.upload("three", &components::well());
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert!(refused.text.contains("at most 2 plugins; remove one first"), "{}", refused.text);
    shop.owner.upload("two", &components::rejects()).with(200);
}

/// The files of compiled code in a folder.
fn compiled(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn compiled_code_with_any_byte_changed_is_not_loaded() {
    let folder = Folder::new();
    let open = || Cache::new(folder.path().to_owned(), [7; 32]);
    Sandbox::new(open(), Compiler::Here).unwrap().load(&components::well()).unwrap();
    let file = compiled(folder.path()).remove(0);
    let name = file.file_name().unwrap().to_str().unwrap().to_owned();
    let whole = std::fs::read(&file).unwrap();
    let cache = open();
    assert_eq!(cache.load(&name).as_deref(), Some(&whole[32..]), "it is loaded as it was written");
    // Every byte of the tag and of the header behind it; then one in so many, each in another of its bits.
    let further = (4_096..whole.len()).step_by(whole.len() / 2_000 + 1);
    for at in (0..whole.len().min(4_096)).chain(further).chain([whole.len() - 1]) {
        let mut changed = whole.clone();
        changed[at] ^= 1 << (at % 8);
        std::fs::write(&file, &changed).unwrap();
        assert!(cache.load(&name).is_none(), "loaded though byte {at} of {} is another", whole.len());
    }
    for length in (0..whole.len()).step_by(whole.len() / 200) {
        std::fs::write(&file, &whole[..length]).unwrap();
        assert!(cache.load(&name).is_none(), "loaded though cut at byte {length} of {}", whole.len());
    }
}

#[test]
fn a_server_runs_no_compiled_code_that_it_did_not_write() {
    let shop = Shop::open_on(Arc::new(Server::start()));
    let folder = shop.server.data().join("compiled");
    shop.enable_as("well", &components::well());
    let own = compiled(&folder).remove(0);
    let whole = std::fs::read(&own).unwrap();
    // Turned on it would reject; what it left in the folder is what is planted.
    shop.owner.upload("rejects", &components::rejects()).with(201);
    let other = compiled(&folder).into_iter().find(|file| *file != own).unwrap();
    let planted = std::fs::read(&other).unwrap();
    assert_ne!(planted, whole);
    let of_another_server = {
        let elsewhere = Shop::open_on(Arc::new(Server::start()));
        elsewhere.enable_as("rejects", &components::rejects());
        std::fs::read(compiled(&elsewhere.server.data().join("compiled")).remove(0)).unwrap()
    };
    let changed = |at: usize| {
        let mut changed = whole.clone();
        changed[at] ^= 0x40;
        changed
    };
    let kinds: [(&str, Vec<u8>); 8] = [
        ("a changed tag", changed(3)),
        ("a changed header", changed(40)),
        ("changed code", changed(whole.len() / 2)),
        ("a changed end", changed(whole.len() - 1)),
        ("nothing", Vec::new()),
        ("half of it", whole[..whole.len() / 2].to_vec()),
        ("another component's code", planted),
        ("code of another server", of_another_server),
    ];
    let mut shop = shop;
    for (what, bytes) in kinds {
        shop.server.kill();
        std::fs::write(&own, bytes).unwrap();
        shop = shop.moved(Arc::new(shop.server.restart(&Start::default())));
        let run = attacks::run(&shop, &weather("chat:anna"));
        assert_eq!((&run["plugin"], &run["outcome"]), (&json!("well"), &json!("done")), "{what}: {run:#}");
        assert_eq!(std::fs::read(&own).unwrap(), whole, "{what}: it is not written anew");
    }
    // Something that is no file at all, and cannot be replaced by one.
    shop.server.kill();
    std::fs::remove_file(&own).unwrap();
    std::fs::create_dir_all(own.join("in-the-way")).unwrap();
    let shop = shop.moved(Arc::new(shop.server.restart(&Start::default())));
    assert_eq!(attacks::run(&shop, &weather("chat:anna"))["outcome"], "done");
}
