//! What a customer has a right to, from outside: everything that is kept of them in one document, and that all of it goes.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use attune::domain::entry::{Change, Input};
use attune::domain::ids::{BusinessId, CustomerId};
use attune::engine::about::word;
use attune::engine::{Engine, Parts};
use attune::store::{
    CustomerKey, IndexKey, Key, Keyring, MemoryKeyring, MemoryStore, Range, RedbStore, Row, Settings, Store,
    StoreError, Table,
};
use attune::turn::limits::Limits;
use attune::world::World;
use attune_tests::{Folder, Server, Shop, Start, event, says, text, until};
use serde_json::{Value, json};

use crate::components;
use crate::mail::MailServer;
use crate::replay::{SANDBOX, Stage};

/// What is told of her that is nobody else's.
const PLANTED: [&str; 16] = [
    "Zyxomira Quellenkrug",
    "zyxomira@quellenkrug.example",
    "+4915550199877",
    "visitor-zyxomira",
    "QX7 9ZZ",
    "xylotrompe",
    "KWYZZ771",
    "ORD-QUELL-31",
    "Blorpentorte",
    "JDZYX014600003828",
    "Vexlorine fitting",
    "APT-QUELL-9",
    "KWYZZ772",
    "wrong@77123.example",
    "Petra writes: murbelwurz",
    "dunkelgrumpf",
];
const MAIL: &str = "email:zyxomira@quellenkrug.example";
const CHAT: &str = "chat:visitor-zyxomira";

/// A shop of which a customer has everything that there is; gives the customer's id.
fn known_by_all(shop: &Shop) -> String {
    for plugin in ["order-status", "escalation", "appointment-reminders"] {
        shop.enable(plugin);
    }
    shop.enable_as("small", &components::rejects());
    // One that fails waits for another try.
    let traps = "(func $handle (param i32 i32 i32 i32) (result i32) (unreachable))";
    shop.enable_as("broken", &components::guest(traps, &[]));
    let of = |addresses: &[&str]| json!({ "addresses": addresses });
    let tell = |kind: &str, data: Value| text(&shop.owner.event(&event(kind, data)).with(202)["customer"]);
    let mut who = of(&[MAIL, CHAT, "phone:+4915550199877"]);
    who["name"] = json!("Zyxomira Quellenkrug");
    who["postcode"] = json!("QX7 9ZZ");
    who["consents"] = json!(["marketing"]);
    let customer = tell("attune.customer.updated.v1", json!({ "customer": who }));
    let shipments = json!([{ "carrier": "DHL", "tracking": "JDZYX014600003828" }]);
    let order =
        json!({ "id": "ORD-QUELL-31", "number": "#KWYZZ771", "items": ["Blorpentorte"], "shipments": shipments });
    tell("attune.order.shipped.v1", json!({ "customer": of(&[MAIL]), "order": order }));
    let starts = attune::world::Serve::new().now().plus(3 * 86_400_000).to_string();
    let appointment = json!({ "id": "APT-QUELL-9", "service": "Vexlorine fitting", "starts": starts });
    tell("attune.appointment.booked.v1", json!({ "customer": of(&[MAIL]), "appointment": appointment }));
    // An order of somebody else that she has the proof of, and one that she has not.
    let other = json!({ "id": "other", "number": "#KWYZZ772", "shipments": [{ "carrier": "DHL" }] });
    tell("attune.order.shipped.v1", json!({ "customer": of(&["email:other@example.com"]), "order": other }));
    // That is another lane, and she asks for what has come of it.
    shop.settled();
    for words in [
        "where is my order #KWYZZ772, other@example.com",
        "where is order #KWYZZ779, wrong@77123.example",
        "my xylotrompe is broken",
        "I want to talk to a person",
    ] {
        tell("attune.message.received.v1", json!({ "customer": of(&[CHAT]), "text": words }));
    }
    tell("test.weather", json!({ "customer": of(&[CHAT]), "weather": "dunkelgrumpf" }));
    shop.settled();
    let says = json!({ "text": "Petra writes: murbelwurz" });
    shop.owner.post(&format!("/v1/customers/{customer}/messages"), &says).with(201);
    tell("attune.message.received.v1", json!({ "customer": of(&[CHAT]), "text": "STOP" }));
    shop.settled();
    customer
}

/// The rows of a store that was stopped.
fn rows(data: &Path) -> Vec<(Key, Row)> {
    let store = RedbStore::open(&data.join("attune.redb"), Settings::default()).unwrap();
    let rows = store.view().all(&Range::all()).unwrap();
    store.close().unwrap();
    rows
}

/// The tables in which anything has a customer's id, in its key or in clear.
fn tables_about(rows: &[(Key, Row)], customer: &str) -> BTreeSet<Table> {
    let id: CustomerId = customer.parse().unwrap();
    let has = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    let about = |(key, row): &&(Key, Row)| has(key.as_bytes(), &id.0) || has(&row.clear, customer.as_bytes());
    rows.iter().filter(about).map(|(key, _)| key.table()).collect()
}

/// Every file below a folder, with what is in it.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    found
}

fn holders<'a>(files: &'a [(String, Vec<u8>)], part: &[u8]) -> Vec<&'a str> {
    let has = |bytes: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    files.iter().filter(|(_, bytes)| has(bytes)).map(|(name, _)| name.as_str()).collect()
}

/// The bytes of the keys that one keyring has and another has not.
fn lost_keys(before: &[u8], after: &[u8]) -> Vec<Vec<u8>> {
    let slots = before.chunks_exact(128).zip(after.chunks_exact(128));
    slots.filter(|(before, after)| before != after).map(|(before, _)| before[33..65].to_vec()).collect()
}

#[test]
fn an_export_has_every_kind_of_row_that_is_kept_of_a_customer() {
    let shop = Shop::open_on(Arc::new(Server::start()));
    let customer = known_by_all(&shop);
    let path = format!("/v1/customers/{customer}/export");
    assert_eq!(shop.token("staff").get(&path).status, 403);
    let answer = shop.owner.get(&path);
    assert!(answer.header("content-disposition").contains(&format!("{customer}.json")));
    let document = answer.clone().with(200);
    for planted in PLANTED {
        assert!(answer.text.contains(planted), "`{planted}` is missing");
    }
    for kind in ["notes", "shares", "dead_letters", "wrong_proofs", "said_once", "claimed_orders", "timers", "notices"]
    {
        assert!(document[kind].as_array().is_some_and(|list| !list.is_empty()), "no {kind}: {document:#}");
    }
    assert!(document["journal"].as_array().unwrap().iter().any(|entry| entry["saw"].is_array()), "{document:#}");
    assert!(document["customer"]["consents"].as_array().is_some_and(|stand| !stand.is_empty()));
    let since = text(&document["customer"]["since"]);
    assert!(since.contains('T') && since.ends_with('Z'), "{since}");
    assert_eq!(shop.owner.get("/v1/customers/cus_00000000000000000000000000/export").status, 404);

    assert!(shop.server.stop());
    let tables = tables_about(&rows(&shop.server.data()), &customer);
    assert!(tables.len() > 18, "{tables:?}");
    for table in tables.into_iter().filter(|table| *table != Table::Audit) {
        let kind = word(table).unwrap_or_else(|| panic!("{table:?} has rows of a customer, and an export does not"));
        assert!(!document[kind].is_null() && document[kind] != json!([]), "{table:?}, `{kind}`, is left out");
    }
}

#[test]
fn an_erasure_leaves_nothing_in_any_file_nor_the_key() {
    let shop = Shop::open_on(Arc::new(Server::start()));
    let customer = known_by_all(&shop);
    let other = text(&shop.owner.get("/v1/customers?address=email:other@example.com").with(200)["items"][0]["id"]);
    let keys = shop.server.data().join("keys");
    let before = std::fs::read(&keys).unwrap();
    let path = format!("/v1/customers/{customer}");
    assert_eq!(shop.token("staff").delete(&path).status, 403);
    let gone = shop.owner.delete(&path).with(200);
    for kind in
        ["customer", "messages", "orders", "appointments", "cases", "notes", "timers", "whys", "consents", "journal"]
    {
        assert!(gone["erased"][kind].as_u64() > Some(0), "{kind}: {gone:#}");
    }
    for part in ["", "/export", "/messages", "/whys"] {
        assert_eq!(shop.owner.get(&format!("{path}{part}")).status, 404, "{part}");
    }
    assert_eq!(shop.owner.delete(&path).status, 404);
    for list in ["/v1/cases", "/v1/notices", "/v1/dead-letters"] {
        let listed = shop.owner.get(list).with(200);
        assert!(!listed.to_string().contains(&customer), "{list}: {listed:#}");
    }
    let wrote = shop.owner.post(&format!("{path}/messages"), &json!({ "text": "Hello?" }));
    assert_eq!(wrote.status, 404, "{}", wrote.text);
    shop.owner.get(&format!("/v1/customers/{other}")).with(200);

    assert!(shop.server.stop());
    let files = files(&shop.server.data());
    assert!(!holders(&files, b"Baker Street Bakery").is_empty(), "what is not personal is found, so this looks well");
    for planted in PLANTED {
        assert_eq!(holders(&files, planted.as_bytes()), Vec::<&str>::new(), "`{planted}`");
    }
    let lost = lost_keys(&before, &std::fs::read(&keys).unwrap());
    assert_eq!(lost.len(), 1, "the key of one customer is gone");
    assert_eq!(holders(&files, &lost[0]), Vec::<&str>::new());
    let left = tables_about(&rows(&shop.server.data()), &customer);
    assert!(left.iter().all(|table| [Table::Erased, Table::Audit].contains(table)), "{left:?}");

    // Nobody is made anew by what was still under way.
    let again = shop.moved(Arc::new(shop.server.restart(&Start::default())));
    again.settled();
    assert_eq!(again.owner.get(&path).status, 404);
    assert_eq!(lost_keys(&before, &std::fs::read(&keys).unwrap()), lost);
}

#[test]
fn a_copy_of_the_store_that_is_put_back_opens_nothing_and_the_rest_goes_on() {
    let shop = Shop::open_on(Arc::new(Server::start()));
    let customer = known_by_all(&shop);
    assert!(shop.server.stop());
    let (data, copy) = (shop.server.data(), Folder::new());
    let copied = |from: &Path, to: &Path| {
        for name in ["attune.redb", "attune.redb-wal"] {
            std::fs::copy(from.join(name), to.join(name)).unwrap();
        }
    };
    copied(&data, copy.path());
    let shop = shop.moved(Arc::new(shop.server.restart(&Start::default())));
    shop.owner.delete(&format!("/v1/customers/{customer}")).with(200);
    assert!(shop.server.stop());
    copied(copy.path(), &data);
    let shop = shop.moved(Arc::new(shop.server.restart(&Start::default())));

    for part in ["", "/export", "/messages"] {
        assert_eq!(shop.owner.get(&format!("/v1/customers/{customer}{part}")).status, 404, "{part}");
    }
    let listed = shop.owner.get("/v1/customers").with(200);
    assert!(!listed.to_string().contains(&customer) && listed["items"].as_array().unwrap().len() == 1, "{listed:#}");
    for list in ["/v1/cases", "/v1/notices", "/v1/dead-letters"] {
        let listed = shop.owner.get(list).with(200);
        assert!(!listed.to_string().contains(&customer), "{list}: {listed:#}");
    }
    // Whoever writes from their address is somebody new, as soon as what is left of the old one is gone.
    let hello =
        event("attune.message.received.v1", json!({ "customer": { "addresses": [CHAT] }, "text": "Hello again" }));
    let taken = until("the address is free", || {
        let answer = shop.owner.event(&hello);
        assert!(matches!(answer.status, 202 | 503), "{}", answer.text);
        (answer.status == 202).then_some(answer.body)
    });
    let new = text(&taken["customer"]);
    assert_ne!(new, customer);
    shop.message(&new, "the message", |message| says(message, "Hello again"));
    assert!(shop.server.stop());
    let left = tables_about(&rows(&data), &customer);
    assert!(left.iter().all(|table| [Table::Erased, Table::Audit].contains(table)), "{left:?}");
}

#[test]
fn who_said_stop_and_was_erased_does_not_come_back_with_the_next_list() {
    let shop = Shop::open();
    shop.enable("order-status");
    let first = shop.says("chat:stopper", "STOP");
    shop.settled();
    shop.owner.delete(&format!("/v1/customers/{first}")).with(200);
    // The same event again is known, though nothing is known of whom it was about.
    let mut who = json!({ "addresses": ["chat:stopper"], "consents": ["marketing", "service"] });
    let imported = shop.owner.event(&event("attune.customer.updated.v1", json!({ "customer": who }))).with(202);
    let second = text(&imported["customer"]);
    assert_ne!(first, second);
    shop.shipped("chat:stopper", "#1001");
    let news = shop.message(&second, "the news", |message| says(message, "#1001"));
    assert_eq!((&news["delivery"]["state"], &news["delivery"]["code"]), (&json!("withheld"), &json!("opted-out")));
    let known = shop.owner.get(&format!("/v1/customers/{second}")).with(200);
    let kept = known["consents"].as_array().unwrap().iter().find(|one| one["source"] == "kept").cloned().unwrap();
    assert_eq!((&kept["granted"], &kept["channel"], &kept["text"]), (&json!(false), &json!("chat"), &Value::Null));
    // It holds for the address, so also for somebody who is known already and gets it.
    shop.owner.delete(&format!("/v1/customers/{second}")).with(200);
    let third = shop.says("chat:elsewhere", "Hello");
    who["addresses"] = json!(["chat:elsewhere", "chat:stopper"]);
    shop.owner.event(&event("attune.customer.updated.v1", json!({ "customer": who }))).with(202);
    shop.settled();
    shop.shipped("chat:elsewhere", "#1002");
    let news = shop.message(&third, "the news", |message| says(message, "#1002"));
    assert_eq!(news["delivery"]["code"], "opted-out", "{news:#}");
    // And their own word lifts it, for good.
    shop.says("chat:stopper", "START");
    shop.settled();
    shop.owner.delete(&format!("/v1/customers/{third}")).with(200);
    let fourth = shop.shipped("chat:stopper", "#1003");
    let news = shop.message(&fourth, "the news", |message| says(message, "#1003"));
    assert_eq!(news["delivery"]["state"], "sent", "{news:#}");
}

#[test]
fn a_message_that_is_on_its_way_while_its_customer_is_erased_brings_nobody_back() {
    let mails = MailServer::start(Duration::from_millis(1_500));
    let shop = Shop::open_on(Arc::new(Server::start_with(&Start::with(&["--smtp", &mails.url()]))));
    shop.enable("order-status");
    let customer = shop.shipped("email:zyxomira@quellenkrug.example", "#1001");
    shop.message(&customer, "a mail on its way", |message| message["delivery"]["state"] == "attempting");
    let before = std::fs::read(shop.server.data().join("keys")).unwrap();
    shop.owner.delete(&format!("/v1/customers/{customer}")).with(200);
    until("the mail server has it", || (mails.taken().len() == 1).then_some(()));
    assert!(shop.server.stop());
    let left = tables_about(&rows(&shop.server.data()), &customer);
    assert!(left.iter().all(|table| [Table::Erased, Table::Audit].contains(table)), "{left:?}");
    assert_eq!(lost_keys(&before, &std::fs::read(shop.server.data().join("keys")).unwrap()).len(), 1);
    let said = shop.server.said();
    assert!(!said.iter().any(|line| line.contains("ERROR") || line.contains("panicked")), "{said:#?}");
}

/// A keyring whose file cannot be written for a while, as when the process stops before it is.
struct Stuck {
    keys: MemoryKeyring,
    is_stuck: AtomicBool,
}

impl Keyring for Stuck {
    fn get(&self, business: BusinessId, customer: CustomerId) -> Result<Option<Arc<CustomerKey>>, StoreError> {
        self.keys.get(business, customer)
    }

    fn get_or_create(&self, business: BusinessId, customer: CustomerId) -> Result<Arc<CustomerKey>, StoreError> {
        self.keys.get_or_create(business, customer)
    }

    fn erase(&self, business: BusinessId, customer: CustomerId) -> Result<(), StoreError> {
        match self.is_stuck.load(Ordering::SeqCst) {
            true => Err(StoreError::Failed("the disk is gone".to_owned())),
            false => self.keys.erase(business, customer),
        }
    }

    fn index_key(&self, business: BusinessId) -> Result<Arc<IndexKey>, StoreError> {
        self.keys.index_key(business)
    }
}

#[test]
fn a_start_destroys_the_key_that_a_stop_left() {
    let keyring = Arc::new(Stuck { keys: MemoryKeyring::new([3; 32]), is_stuck: AtomicBool::new(true) });
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let mut stage = Stage::new(store.clone(), keyring.clone(), Limits::default());
    stage.event("attune.customer.updated.v1", json!({ "customer": { "addresses": [CHAT] } }));
    let customer = stage.engine.query(stage.business).customers(None, 10).unwrap()[0].id;
    let erase = Input::Owner { by: "owner".to_owned(), change: Change::Erase(customer) };
    let report = stage.engine.act(stage.business, CustomerId::BUSINESS, erase).unwrap();
    let (code, words) = report.refused.expect("whoever asked is told that it is not done");
    assert!(code == "failed" && words.contains("not the key: ") && words.contains("restart"), "{words}");
    assert!(keyring.get(stage.business, customer).unwrap().is_some());

    keyring.is_stuck.store(false, Ordering::SeqCst);
    let parts = Parts {
        store,
        keyring: keyring.clone(),
        world: stage.world.clone(),
        sandbox: SANDBOX.clone(),
        limits: Limits::default(),
        workers: 0,
        queue: 100,
        public_url: None,
    };
    drop(Engine::start(parts).unwrap());
    assert!(keyring.get(stage.business, customer).unwrap().is_none());
}

#[test]
fn events_that_race_with_erasures_bring_nobody_back_and_none_is_lost_that_came_after() {
    let shop = Shop::open_on(Arc::new(Server::start()));
    let over = AtomicBool::new(false);
    let gone = std::thread::scope(|scope| {
        for thread in 0..3 {
            let (shop, over) = (&shop, &over);
            scope.spawn(move || {
                for n in 0.. {
                    let data = json!({ "customer": { "addresses": ["chat:racer"] }, "text": format!("{thread} {n}") });
                    let answer = shop.owner.event(&event("attune.message.received.v1", data));
                    assert!(matches!(answer.status, 202 | 503), "{}", answer.text);
                    if over.load(Ordering::SeqCst) {
                        break;
                    }
                }
            });
        }
        let mut gone = BTreeSet::new();
        while gone.len() < 30 {
            let found = shop.owner.get("/v1/customers?address=chat:racer").with(200);
            let Some(customer) = found["items"][0]["id"].as_str() else { continue };
            let erased = shop.owner.delete(&format!("/v1/customers/{customer}"));
            assert_eq!(erased.status, 200, "{}", erased.text);
            assert!(gone.insert(customer.to_owned()), "{customer} came back");
        }
        over.store(true, Ordering::SeqCst);
        gone
    });
    shop.settled();
    let last = shop.says("chat:racer", "the last word");
    shop.message(&last, "the last word", |message| says(message, "the last word"));
    assert!(shop.server.stop());
    let rows = rows(&shop.server.data());
    for customer in &gone {
        let left = tables_about(&rows, customer);
        assert!(left.iter().all(|table| [Table::Erased, Table::Audit].contains(table)), "{customer}: {left:?}");
    }
    let said = shop.server.said();
    assert!(!said.iter().any(|line| line.contains("ERROR") || line.contains("panicked")), "{said:#?}");
}
