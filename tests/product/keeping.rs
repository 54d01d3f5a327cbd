//! For how long things are kept, and who looked at them.

use std::sync::Arc;

use attune::domain::business::Business;
use attune::domain::entry::Change;
use attune::domain::ids::CustomerId;
use attune::domain::retention::Retention;
use attune::domain::time::DAY;
use attune::engine::journal::journal;
use attune::engine::replay::replay;
use attune::store::{Batch, Key, Keyring, MemoryKeyring, MemoryStore, Range, Table};
use attune::turn::limits::Limits;
use attune::world::World;
use attune_tests::{Server, Shop, event, pages, text};
use serde_json::{Value, json};

use crate::replay::{SANDBOX, Stage, reference, settle};

/// A business that keeps everything for so many days.
fn keeps(stage: &mut Stage, days: u32) {
    let days = Some(days);
    let retention =
        Retention { whys: days, messages: days, journal: days, orders: days, appointments: days, notices: days };
    let about = Business { retention, ..Business::new(stage.business, "Clinic", "Europe/Berlin", "en") };
    stage.change(Change::Business(Box::new(about)), Batch::new());
}

/// Three customers: one who had an answer, one with an appointment, one whose conversation a person has.
fn peopled(limits: Limits) -> (Stage, Arc<dyn Keyring>) {
    let keyring: Arc<dyn Keyring> = Arc::new(MemoryKeyring::new([3; 32]));
    let mut stage = Stage::new(Arc::new(MemoryStore::new()), keyring.clone(), limits);
    let order = json!({ "id": "1", "number": "#1", "shipments": [{ "carrier": "DHL" }] });
    stage.event("attune.order.shipped.v1", json!({ "customer": reference(0), "order": order }));
    let says = |customer: u8, text: &str| json!({ "customer": reference(customer), "channel": "chat", "text": text });
    stage.event("attune.message.received.v1", says(0, "Where is my order?"));
    let starts = stage.world.now().plus(2 * DAY).to_string();
    let appointment = json!({ "id": "1", "service": "Check", "starts": starts });
    stage.event("attune.appointment.booked.v1", json!({ "customer": reference(1), "appointment": appointment }));
    stage.event("attune.message.received.v1", says(2, "I want to talk to a person"));
    (stage, keyring)
}

fn count(stage: &Stage, customer: CustomerId, table: Table) -> usize {
    let range = Range::prefix(Key::new(stage.business, customer, table));
    stage.engine.view().count(&range, usize::MAX).expect("the store is read")
}

#[test]
fn what_was_kept_for_its_time_goes_and_what_is_under_way_stays() {
    let (mut stage, keyring) = peopled(Limits::default());
    let [zero, one, two] = [0, 1, 2].map(|number| stage.customer(number).expect("a customer"));
    stage.pass(stage.world.now().plus(20 * DAY));
    let tables = [Table::Message, Table::Order, Table::Appointment, Table::Why];
    let kept = |stage: &Stage, customer| tables.map(|table| count(stage, customer, table) > 0);
    assert_eq!(kept(&stage, zero), [true, true, false, true], "nothing was decided yet");
    keeps(&mut stage, 30);
    stage.pass(stage.world.now().plus(8 * DAY));
    assert_eq!(kept(&stage, zero), [true, true, false, true], "it is not time yet");
    assert!(kept(&stage, one)[2]);
    let entries = count(&stage, CustomerId::BUSINESS, Table::Journal);
    stage.pass(stage.world.now().plus(7 * DAY));
    assert_eq!(kept(&stage, zero), [false; 4]);
    assert_eq!(kept(&stage, one)[2..], [false; 2]);
    assert!(kept(&stage, two)[0], "a person has this conversation");
    assert_eq!(count(&stage, CustomerId::BUSINESS, Table::OrderIndex), 0, "nothing leads to an order that is gone");
    assert!(count(&stage, CustomerId::BUSINESS, Table::Journal) < entries);
    // The case can still be found by its id, though its entry is gone.
    let cases = stage.engine.query(stage.business).open_cases(None, 10).expect("the store is read");
    assert!(stage.engine.query(stage.business).case(cases[0].id).expect("the store is read").is_some());
    // Whoever comes back is who they were, and nothing that is gone is told to them.
    let again = json!({ "customer": reference(0), "channel": "chat", "text": "Where is my order?" });
    stage.event("attune.message.received.v1", again);
    assert_eq!(stage.customer(0), Some(zero));
    assert!(!kept(&stage, zero)[1]);

    let (from, into) = (stage.engine.view(), Arc::new(MemoryStore::new()));
    let engine = replay(from.as_ref(), into, keyring, SANDBOX.clone(), Limits::default(), 2).expect("the rest replays");
    settle(&engine);
    engine.stop().expect("the engine stops");
}

#[test]
fn an_entry_that_somebody_may_want_to_be_tried_again_stays() {
    // With little fuel every run breaks off, and before long the plugins are stopped: what they have still to do waits.
    let (mut stage, _) = peopled(Limits { fuel: 1_000, ..Limits::default() });
    keeps(&mut stage, 5);
    stage.pass(stage.world.now().plus(30 * DAY));
    let query = stage.engine.query(stage.business);
    let given_up = query.dead_letters(None, 50).expect("the store is read").into_iter().map(|(_, letter)| letter.share);
    let customers = [0, 1, 2].map(|number| stage.customer(number).expect("a customer"));
    let waiting = customers.into_iter().flat_map(|id| query.records(id).and_then(|r| r.shares()).expect("shares"));
    let awaited: Vec<_> = given_up.chain(waiting).collect();
    assert!(!awaited.is_empty());
    for share in &awaited {
        let at = journal(stage.business).number(share.number);
        assert!(stage.engine.view().has(&at).expect("the store is read"), "{share:?}");
    }
    let left = count(&stage, CustomerId::BUSINESS, Table::Journal);
    let all = usize::try_from(stage.engine.store().stats().next_number).expect("a number");
    assert!(left < all / 4, "{left} of {all} entries are left");
    assert_eq!(stage.engine.query(stage.business).pending(10).expect("the store is read"), 0);
}

#[test]
fn days_are_set_like_everything_else_of_a_business() {
    let shop = Shop::open();
    let changed = shop.owner.patch("/v1/business", &json!({ "retention": { "messages": 90 } })).with(200);
    assert_eq!(changed["retention"], json!({ "messages": 90 }));
    assert_eq!(shop.owner.get("/v1/business").with(200)["retention"], json!({ "messages": 90 }));
    let wrong = shop.owner.patch("/v1/business", &json!({ "retention": { "orders": 0, "notices": 40_000 } }));
    assert_eq!(wrong.status, 422, "{}", wrong.text);
    assert_eq!(wrong.body["errors"][0]["path"], "/retention/orders");
    assert!(wrong.text.contains("is 1 to 36500 days"), "{}", wrong.text);
    let unknown = shop.owner.patch("/v1/business", &json!({ "retention": { "mesages": 9 } }));
    assert_eq!(unknown.status, 422, "{}", unknown.text);
    assert_eq!(shop.owner.patch("/v1/business", &json!({ "retention": {} })).with(200)["retention"], Value::Null);
}

/// What a log says: who did what, and whether something was changed.
fn said(lines: &[Value]) -> Vec<(String, String, bool)> {
    let one = |line: &Value| (text(&line["label"]), text(&line["act"]), line["changed"] == true);
    lines.iter().map(one).collect()
}

#[test]
fn every_look_and_every_change_of_a_person_leaves_a_line_that_nothing_removes() {
    let shop = Shop::open_on(Arc::new(Server::start()));
    let staff = shop.token("staff");
    let customer = shop.says("chat:anna", "Hello");
    shop.settled();
    let path = format!("/v1/customers/{customer}");
    for _ in 0..5 {
        staff.get(&path).with(200);
        staff.get(&format!("{path}/messages")).with(200);
    }
    staff.post(&format!("{path}/messages"), &json!({ "text": "Good morning" })).with(201);
    staff.post(&format!("{path}/messages"), &json!({ "text": "Good bye" })).with(201);
    assert_eq!(staff.get("/v1/audit").status, 403);
    assert_eq!(staff.delete(&path).status, 403, "what was refused is no change");
    shop.owner.get("/v1/customers?address=chat%3Aanna").with(200);
    shop.owner.get(&format!("{path}/export")).with(200);
    shop.owner.delete(&path).with(200);
    shop.owner.patch("/v1/business", &json!({ "promises": { "automated_in_a_row": 9 } })).with(200);

    let about = pages(&shop.owner, &format!("/v1/audit?limit=2&customer={customer}"), "after");
    let expected = [
        ("Otto", "customers.get", false),
        ("Otto", "messages.list", false),
        ("Otto", "messages.write", true),
        ("Otto", "messages.write", true),
        ("Petra", "customers.list", false),
        ("Petra", "customers.export", false),
        ("Petra", "customers.erase", true),
    ];
    let expected = expected.map(|(who, act, changed)| (who.to_owned(), act.to_owned(), changed));
    assert_eq!(said(&about), expected, "{about:#?}");
    assert_eq!((&about[0]["role"], &about[6]["role"]), (&json!("staff"), &json!("owner")));
    assert!(text(&about[0]["time"]).ends_with('Z'));
    let all = pages(&shop.owner, "/v1/audit?limit=200", "after");
    let acts: Vec<String> = said(&all).into_iter().map(|(_, act, _)| act).collect();
    for act in ["tokens.create", "events.send", "business.change"] {
        assert!(acts.iter().any(|one| one == act), "{act} is missing: {acts:?}");
    }
    assert!(!json!(all).to_string().contains("anna") && !json!(all).to_string().contains("Good"), "{all:#?}");
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let answer = shop.owner.send(method, "/v1/audit", &[("content-type", "application/json")], b"{}");
        assert_eq!(answer.status, 405, "{method}");
    }

    // A stop and a start change nothing of it.
    assert!(shop.server.stop());
    let again = shop.moved(Arc::new(shop.server.restart(&Default::default())));
    let after = pages(&again.owner, "/v1/audit?limit=200", "after");
    assert_eq!(after[..all.len()], all[..]);
    // What another business did stands in its own log.
    let other = Shop::open_on(again.server.clone());
    other.owner.event(&event("test.any", json!({}))).with(202);
    let own = pages(&other.owner, "/v1/audit?limit=200", "after");
    assert!(own.len() < 4 && !json!(own).to_string().contains(&customer), "{own:#?}");
}
