//! One customer across doors: when two turn out to be one, what holds then, and that it can be undone.

use std::sync::Arc;
use std::thread;

use attune_tests::{Server, Shop, Start, event, says, text, until};
use serde_json::{Value, json};

const MAIL: &str = "email:anna@example.com";
const PHONE: &str = "phone:+4915112345678";

fn updated(shop: &Shop, customer: Value) -> String {
    let told = shop.owner.event(&event("attune.customer.updated.v1", json!({ "customer": customer }))).with(202);
    shop.settled();
    text(&told["customer"])
}

fn known(shop: &Shop, id: &str) -> Value {
    shop.owner.get(&format!("/v1/customers/{id}")).with(200)
}

fn merge(shop: &Shop, into: &str, from: &str) -> Value {
    shop.owner.post(&format!("/v1/customers/{into}/merged"), &json!({ "customer": from })).with(200)
}

fn count(shop: &Shop) -> usize {
    shop.owner.get("/v1/customers").with(200)["items"].as_array().unwrap().len()
}

#[test]
fn a_record_with_the_addresses_of_two_makes_them_one() {
    let shop = Shop::open();
    shop.enable("order-status");
    let by_mail = shop.shipped(MAIL, "#1001");
    let by_phone = shop.says(PHONE, "do you have rye bread today?");
    shop.settled();
    assert_ne!(by_mail, by_phone);

    let both = updated(&shop, json!({ "external_id": "7", "addresses": [PHONE, MAIL], "name": "Anna" }));
    assert_eq!(both, by_mail, "who is known longest stays");
    assert_eq!(count(&shop), 1);
    let anna = known(&shop, &both);
    assert_eq!((&anna["addresses"], &anna["name"]), (&json!([MAIL, PHONE]), &json!("Anna")));
    assert_eq!(
        (&anna["merged"][0]["id"], &anna["merged"][0]["because"]["record"]["source"]),
        (&json!(by_phone), &json!("test"))
    );

    // The whole conversation is in one place, and the old id leads there.
    assert_eq!(known(&shop, &by_phone), anna);
    let told = shop.conversation(&by_phone);
    assert!(told.iter().all(|message| message["customer"] == json!(both)), "{told:#?}");
    assert!(told.iter().any(|message| says(message, "rye bread")), "{told:#?}");
    let asked = told.iter().find(|message| says(message, "rye bread")).unwrap();
    let why = shop.owner.get(&format!("/v1/messages/{}/why", text(&asked["id"]))).with(200);
    assert!(why.to_string().contains("rye bread"), "{why}");
    // An order that was told of by mail is found by phone.
    let (_, answer) = shop.asks(PHONE, "where is my order?");
    assert!(says(&answer, "#1001"), "{answer}");

    // Why they are one stands among all that happened to them.
    let whys = shop.owner.get(&format!("/v1/customers/{both}/whys")).with(200);
    let why = whys["items"].as_array().unwrap().iter().find(|why| why["entry"] == anna["merged"][0]["entry"]).unwrap();
    assert!(why["host"].to_string().contains("a record of `test` has both"), "{why}");
}

#[test]
fn neither_a_name_nor_two_records_make_one() {
    let shop = Shop::open();
    let first = updated(&shop, json!({ "external_id": "1", "addresses": [MAIL], "name": "Anna Berg" }));
    let second =
        updated(&shop, json!({ "external_id": "2", "addresses": ["email:other@example.com"], "name": "Anna Berg" }));
    assert_ne!(first, second, "a name is no proof");
    // The shop typed its own telephone number for everybody who had none.
    for id in ["1", "2"] {
        updated(&shop, json!({ "external_id": id, "addresses": [PHONE] }));
    }
    assert_eq!(count(&shop), 2, "the shop has a record of each");
    let about = |number: &str| json!({ "id": number, "number": number, "items": [] });
    let present = json!({ "customer": { "addresses": [MAIL, "email:other@example.com"] }, "order": about("#5") });
    shop.owner.event(&event("attune.order.placed.v1", present)).with(202);
    shop.settled();
    assert_eq!(count(&shop), 2, "an order with another address may be a present");
}

#[test]
fn who_said_stop_at_one_door_is_not_written_to_at_the_other() {
    let shop = Shop::open();
    shop.enable("sender");
    let stopped = shop.says("chat:anna", "STOP");
    let mail = updated(&shop, json!({ "addresses": [MAIL], "consents": ["marketing"] }));
    shop.settled();
    merge(&shop, &mail, &stopped);
    let offer = json!({ "purpose": "marketing", "template": "offer", "text": "Cake", "channel": "chat" });
    shop.tell(MAIL, "example.send", offer);
    let withheld = shop.message(&mail, "the offer", |message| says(message, "Cake"));
    assert_eq!(
        (&withheld["delivery"]["state"], &withheld["delivery"]["code"]),
        (&json!("withheld"), &json!("opted-out"))
    );
}

#[test]
fn they_are_parted_as_they_were_and_what_was_withdrawn_since_holds_for_both() {
    let shop = Shop::open();
    let anna = shop.shipped(MAIL, "#1001");
    let otto = shop.shipped("chat:otto", "#1002");
    let asked = shop.says("chat:otto", "is this still my order?");
    assert_eq!(asked, otto);
    shop.settled();
    let staff = shop.token("staff");
    let path = format!("/v1/customers/{anna}/merged");
    let both = staff.post(&path, &json!({ "customer": otto })).with(200);
    assert_eq!(both["merged"][0]["because"], json!({ "staff": { "by": "Otto" } }));
    shop.says("chat:otto", "and since we are one");
    shop.says("chat:otto", "STOP");
    shop.settled();

    let alone = staff.delete(&format!("{path}/{otto}")).with(200);
    assert_eq!((&alone["id"], &alone["addresses"]), (&json!(otto), &json!(["chat:otto"])));
    assert_eq!(known(&shop, &anna)["addresses"], json!([MAIL]));
    for id in [&anna, &otto] {
        let stands = shop.owner.get(&format!("/v1/customers/{id}/consents")).with(200);
        assert!(stands["standing"].to_string().contains("\"granted\":false"), "{stands}");
    }
    let orders = |id: &str| {
        let all = shop.owner.get(&format!("/v1/customers/{id}/export")).with(200);
        all["orders"].as_array().unwrap().iter().map(|order| text(&order["number"])).collect::<Vec<_>>()
    };
    assert_eq!((orders(&anna), orders(&otto)), (vec!["#1001".to_owned()], vec!["#1002".to_owned()]));
    let said = |id: &str, words: &str| shop.conversation(id).iter().any(|message| says(message, words));
    assert!(said(&otto, "still my order") && !said(&anna, "still my order"), "what came along went back");
    assert!(said(&anna, "since we are one"), "what came since stays");
    assert_eq!(shop.says("chat:otto", "START"), otto, "the address leads to whose it was");

    // It is undone once.
    assert_eq!(staff.delete(&format!("{path}/{otto}")).status, 404);
    // Both stand in the log of who did what.
    let audit = shop.server.as_operator().of(&shop.business).get("/v1/audit").text;
    assert!(audit.contains("customers.merge") && audit.contains("customers.part"), "{audit}");
}

#[test]
fn of_several_the_last_is_parted_first() {
    let shop = Shop::open();
    let [a, b, c] = ["chat:a", "chat:b", "chat:c"].map(|address| shop.says(address, "hello there"));
    shop.settled();
    merge(&shop, &b, &c);
    merge(&shop, &a, &b);
    assert_eq!(known(&shop, &c)["id"], json!(a), "whoever is part of somebody goes with them");
    let path = |from: &str| format!("/v1/customers/{a}/merged/{from}");
    let refused = shop.owner.delete(&path(&c));
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert!(refused.text.contains(&format!("part {b} first")), "{}", refused.text);
    shop.owner.delete(&path(&b)).with(200);
    assert_eq!(known(&shop, &c)["id"], json!(b));
    shop.owner.delete(&format!("/v1/customers/{b}/merged/{c}")).with(200);
    assert_eq!(count(&shop), 3);
}

#[test]
fn a_reminder_of_the_other_goes_out_once() {
    let shop = Shop::open();
    shop.enable("appointment-reminders");
    let settings = json!({ "remind_before_hours": [1], "follow_up_after_hours": 0, "missed_follow_up_after_hours": 0 });
    shop.owner.patch("/v1/plugins/appointment-reminders", &json!({ "settings": settings })).with(200);
    // It is due in a moment: an appointment in an hour and a little, of which customers are reminded an hour before.
    let starts = attune::world::World::now(&attune::world::Serve::new()).plus(3_600_000 + 4_000).to_string();
    let appointment = json!({ "id": "a1", "service": "Tasting", "starts": starts });
    let other = shop.tell("chat:otto", "attune.appointment.booked.v1", json!({ "appointment": appointment }));
    let anna = shop.says("chat:anna", "hello there");
    shop.settled();
    merge(&shop, &anna, &other);
    shop.message(&anna, "the reminder", |message| says(message, "Tasting"));
    shop.settled();
    let reminders = shop.conversation(&anna).iter().filter(|message| says(message, "Tasting")).count();
    assert_eq!(reminders, 1);
}

#[test]
fn nothing_is_lost_of_what_comes_in_meanwhile() {
    const EACH: usize = 60;
    let server = Arc::new(Server::start());
    let shop = Shop::open_on(server);
    let [anna, otto] = ["chat:anna", "chat:otto"].map(|address| shop.says(address, "first of all"));
    shop.settled();
    thread::scope(|scope| {
        for address in ["chat:anna", "chat:otto"] {
            let shop = &shop;
            scope.spawn(move || {
                for number in 0..EACH {
                    shop.says(address, &format!("{address} {number}"));
                }
            });
        }
        for _ in 0..6 {
            merge(&shop, &anna, &otto);
            shop.owner.delete(&format!("/v1/customers/{anna}/merged/{otto}")).with(200);
        }
        merge(&shop, &anna, &otto);
    });
    shop.settled();
    let told = shop.conversation(&anna);
    let all = told.iter().filter(|message| message["author"] == "customer").count();
    assert_eq!(all, 2 * EACH + 2);

    // Where an id leads outlives the process.
    assert!(shop.server.stop());
    let shop = shop.moved(Arc::new(shop.server.restart(&Start::default())));
    assert_eq!(known(&shop, &otto)["id"], json!(anna));
    assert_eq!(shop.says("chat:otto", "after all that"), anna);
    until("it is there", || {
        shop.conversation(&otto).iter().any(|message| says(message, "after all that")).then_some(())
    });
}

#[test]
fn who_is_part_of_somebody_goes_with_them() {
    let shop = Shop::open();
    let anna = shop.says("chat:anna", "hello there");
    let otto = shop.says("chat:zyxomira", "my quellenkrug is broken");
    shop.settled();
    merge(&shop, &anna, &otto);
    let refused = shop.owner.delete(&format!("/v1/customers/{otto}"));
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert!(refused.text.contains(&anna), "{}", refused.text);
    let all = shop.owner.get(&format!("/v1/customers/{anna}/export")).with(200).to_string();
    assert!(all.contains("quellenkrug") && all.contains("\"merges\":[{"), "{all}");
    shop.owner.delete(&format!("/v1/customers/{anna}")).with(200);
    for id in [&anna, &otto] {
        assert_eq!(shop.owner.get(&format!("/v1/customers/{id}")).status, 404);
    }
    assert_eq!(count(&shop), 0);
    let again = shop.says("chat:zyxomira", "hello again");
    assert!(again != anna && again != otto, "whoever comes back is new");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let shop = Shop::open();
    let anna = shop.says("chat:anna", "hello there");
    shop.settled();
    let path = format!("/v1/customers/{anna}/merged");
    let post = |body: Value| shop.owner.post(&path, &body);
    let refused = post(json!({ "customer": anna }));
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert!(refused.text.contains("one customer already"), "{}", refused.text);
    let nobody = "cus_00000000000000000000000001";
    assert_eq!(post(json!({ "customer": nobody })).status, 404);
    assert_eq!(post(json!({ "customer": "Anna" })).status, 422);
    assert_eq!(post(json!({ "customers": [nobody] })).status, 422);
    assert_eq!(shop.owner.delete(&format!("{path}/{nobody}")).status, 404);
    assert_eq!(shop.owner.delete(&format!("{path}/otto")).status, 400);
    assert_eq!(shop.token("ingest").post(&path, &json!({ "customer": nobody })).status, 403);
}
