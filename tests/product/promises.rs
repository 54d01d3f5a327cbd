//! What Attune promises every customer, through its real doors: HTTP and a mail server.

use std::sync::Arc;
use std::time::Duration;

use attune_tests::{Client, Server, Shop, Start, event, says, text, until};
use serde_json::{Value, json};

use crate::mail::MailServer;

const OFFER: &str = "example.send";

fn offer(shop: &Shop, text: &str) {
    shop.tell("email:anna@example.com", OFFER, json!({ "purpose": "marketing", "template": "offer", "text": text }));
}

/// The value of a header of a mail, without the folding of long lines.
fn header(mail: &str, name: &str) -> Option<String> {
    let unfolded = mail.replace("\r\n ", " ").replace("\r\n\t", " ");
    unfolded.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(": ")?.trim().to_owned()))
}

fn anonymous(server: &Server) -> Client {
    server.client("")
}

#[test]
fn an_offer_by_mail_ends_with_one_click() {
    let mail = MailServer::start(Duration::ZERO);
    let server =
        Arc::new(Server::start_with(&Start::with(&["--smtp", &mail.url(), "--public-url", "https://shop.example"])));
    let shop = Shop::open_on(server.clone());
    shop.owner.patch("/v1/business", &json!({ "quiet": { "enabled": false } })).with(200);
    shop.enable("sender");
    let agreed = json!([{ "purpose": "marketing", "source": "form", "text": "Yes, send me offers" }]);
    let news = json!({ "customer": { "addresses": ["email:anna@example.com"], "consents": agreed, "language": "de" } });
    let customer = text(&shop.owner.event(&event("attune.customer.updated.v1", news)).with(202)["customer"]).to_owned();
    offer(&shop, "Fresh rolls today!");
    let sent = until("the offer", || mail.taken().into_iter().next());
    let link = header(&sent.content, "List-Unsubscribe").expect("the header");
    assert_eq!(header(&sent.content, "List-Unsubscribe-Post").as_deref(), Some("List-Unsubscribe=One-Click"));
    assert!(sent.content.contains("Dies ist eine automatische Nachricht"), "{}", sent.content);
    let link = link.trim_start_matches("<https://shop.example").trim_end_matches('>').to_owned();
    let reader = anonymous(&server);

    let page = reader.get(&link);
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.text.contains("<form method=\"post\">") && page.text.contains("Abbestellen"), "{}", page.text);
    let consents = || shop.owner.get(&format!("/v1/customers/{customer}/consents")).with(200);
    assert_eq!(consents()["ledger"].as_array().map(Vec::len), Some(1), "looking at the page ends nothing");

    let form = [("content-type", "application/x-www-form-urlencoded")];
    for _ in 0..2 {
        let done = reader.send("POST", &link, &form, b"List-Unsubscribe=One-Click");
        assert_eq!(done.status, 200, "{}", done.text);
    }
    let ledger = consents()["ledger"].clone();
    assert_eq!(ledger.as_array().map(Vec::len), Some(2), "twice is once: {ledger:#}");
    assert_eq!((&ledger[1]["source"], &ledger[1]["granted"]), (&json!("one-click"), &json!(false)));
    assert_eq!(ledger[0]["text"], "Yes, send me offers");

    offer(&shop, "Fresh buns today!");
    let withheld = shop.message(&customer, "the next offer", |message| says(message, "buns"));
    assert_eq!(
        (&withheld["delivery"]["state"], &withheld["delivery"]["code"]),
        (&json!("withheld"), &json!("opted-out"))
    );
    for wrong in [link.replace("/unsubscribe/", "/unsubscribe/0"), "/unsubscribe/x".to_owned(), flipped(&link)] {
        let refused = reader.send("POST", &wrong, &form, b"");
        assert_eq!((refused.status, refused.word("code")), (404, "not-found"), "{wrong}: {}", refused.text);
    }
    assert_eq!(mail.taken().len(), 1);
}

/// A link whose last character is another one.
fn flipped(link: &str) -> String {
    let (start, end) = link.split_at(link.len() - 1);
    format!("{start}{}", if end == "0" { "1" } else { "0" })
}

#[test]
fn an_offer_by_mail_waits_for_nobody_who_cannot_unsubscribe() {
    let mail = MailServer::start(Duration::ZERO);
    let shop = Shop::open_on(Arc::new(Server::start_with(&Start::with(&["--smtp", &mail.url()]))));
    shop.enable("sender");
    let news = json!({ "customer": { "addresses": ["email:anna@example.com"], "consents": ["marketing"] } });
    let customer = text(&shop.owner.event(&event("attune.customer.updated.v1", news)).with(202)["customer"]).to_owned();
    offer(&shop, "Fresh rolls today!");
    let withheld = shop.message(&customer, "the offer", |message| says(message, "rolls"));
    assert_eq!(withheld["delivery"]["code"], "no-way-out", "{withheld:#}");
}

#[test]
fn a_pause_acts_at_once_however_much_waits() {
    const FLOOD: usize = 150;
    let server = Arc::new(Server::start_with(&Start::with(&["--workers", "2"])));
    let shop = Shop::open_on(server.clone());
    shop.owner.patch("/v1/business", &json!({ "quiet": { "enabled": false } })).with(200);
    // Every event takes a while, before the plugin that writes gets its turn.
    shop.enable_as("busy", &crate::limits::busy(30_000_000));
    shop.enable("sender");
    let staff = shop.token("staff");
    let question = |n: usize| {
        json!({ "customer": { "addresses": [format!("chat:{n}")] }, "purpose": "survey",
        "template": "question", "text": "How was it?" })
    };
    let flood: Vec<Value> = (0..FLOOD).map(|n| event(OFFER, question(n))).collect();
    shop.owner.batch(&json!(flood)).with(202);
    let sent = || attune_tests::pages(&shop.owner, "/v1/customers?limit=200", "after").len();
    until("the first messages", || (sent() > 0).then_some(()));
    let paused = staff.post("/v1/pause", &json!({ "reason": "something is wrong" })).with(200);
    assert_eq!(paused["paused"]["reason"], "something is wrong");
    let waits = attune_tests::figure(&server.client(""), "attune_queue_entries").unwrap();
    assert!(waits > 20.0, "the pause was answered only when {waits} entries were left");
    let count = |state: &str| {
        let customers = attune_tests::pages(&shop.owner, "/v1/customers?limit=200", "after");
        let ids = customers.iter().map(|customer| text(&customer["id"]).to_owned());
        ids.filter(|id| shop.conversation(id).iter().any(|one| one["delivery"]["state"] == state)).count()
    };
    let before = count("sent");
    shop.settled();
    let (after, waiting) = (count("sent"), count("deferred"));
    // What ran at that moment may still have gone out, one a worker.
    assert!(after <= before + 3, "{before} were sent before and {after} afterwards");
    assert!(waiting > 20 && waiting + after == FLOOD, "{waiting} wait, {after} were sent");
    let business = shop.owner.get("/v1/business").with(200);
    assert_eq!(business["paused"]["reason"], "something is wrong");

    assert_eq!(staff.post("/v1/resume", &json!({})).status, 403, "the owner lets them go on");
    shop.owner.post("/v1/resume", &json!({})).with(200);
    until("all of them", || (count("sent") == FLOOD).then_some(()));
}

#[test]
fn staff_write_in_spite_of_a_stop_only_if_they_say_so_and_it_is_recorded() {
    let shop = Shop::open();
    let customer = shop.says("chat:anna", "STOP");
    shop.message(&customer, "the confirmation", |message| message["author"] == "host");
    let (staff, path) = (shop.token("staff"), format!("/v1/customers/{customer}/messages"));
    let refused = staff.post(&path, &json!({ "text": "Your cake is ready" }));
    assert_eq!((refused.status, refused.word("rule")), (409, "opted-out"), "{}", refused.text);
    assert!(refused.word("detail").contains("in_spite"), "{}", refused.text);
    let written = staff.post(&path, &json!({ "text": "Your cake is ready", "in_spite": true })).with(201);
    assert_eq!((&written["in_spite"], &written["delivery"]["state"]), (&json!(true), &json!("sent")));
    let why = shop.owner.get(&format!("/v1/messages/{}/why", text(&written["id"]))).with(200);
    let notes = why["entries"][0]["host"].to_string();
    assert!(notes.contains("though the customer had said stop"), "{notes}");
}

#[test]
fn what_customers_tell_staff_is_written_down_with_who_says_so() {
    let shop = Shop::open();
    let customer = shop.says("chat:anna", "STOP");
    let path = format!("/v1/customers/{customer}/consents");
    let staff = shop.token("staff");
    let told = json!({ "channel": "chat", "granted": true, "text": "She called: it was a mistake" });
    let now = staff.post(&path, &told).with(201);
    assert_eq!(now["ledger"].as_array().map(Vec::len), Some(2), "{now:#}");
    let line = &now["ledger"][1];
    assert_eq!((&line["source"], &line["by"], &line["granted"]), (&json!("staff"), &json!("Otto"), &json!(true)));
    for (wrong, words) in [
        (json!({ "granted": true, "text": "" }), "/text"),
        (json!({ "granted": true }), "text"),
        (json!({ "granted": true, "text": "x", "purpose": "reply" }), "/purpose"),
        (json!({ "granted": true, "text": "x", "channel": "E-Mail" }), "/channel"),
        (json!({ "granted": true, "text": "x", "when": 1 }), "when"),
    ] {
        let refused = staff.post(&path, &wrong);
        assert!(matches!(refused.status, 400 | 422), "{wrong}: {}", refused.text);
        assert!(refused.text.contains(words), "{wrong}: {}", refused.text);
    }
}

#[test]
fn rules_that_cannot_be_meant_are_refused_with_the_place() {
    let shop = Shop::open();
    for (wrong, words) in [
        (
            json!({ "promises": { "caps": { "survey": { "most": 101, "hours": 1 } } } }),
            "/promises/caps/survey/most: is 101",
        ),
        (json!({ "promises": { "caps": { "reply": { "most": 1, "hours": 1 } } } }), "answers have no cap"),
        (json!({ "promises": { "caps": { "offers": { "most": 1, "hours": 1 } } } }), "offers"),
        (json!({ "promises": { "repeat_hours": 721 } }), "/promises/repeat_hours"),
        (json!({ "promises": { "breaker": { "times": 1 } } }), "/promises/breaker/times"),
        (json!({ "promises": { "automated": 3 } }), "automated"),
        (json!({ "quiet": { "also": [{ "days": ["someday"] }] } }), "someday"),
        (json!({ "quiet": { "spread_minutes": 999 } }), "999"),
        (json!({ "paused": null }), "paused"),
    ] {
        let refused = shop.owner.patch("/v1/business", &wrong);
        assert!(matches!(refused.status, 400 | 422), "{wrong}: {}", refused.text);
        assert!(refused.text.contains(words), "{wrong}: {}", refused.text);
    }
    let rules = json!({ "promises": { "caps": {}, "automated_in_a_row": 3 }, "simulation": true });
    let business = shop.owner.patch("/v1/business", &rules).with(200);
    assert_eq!((&business["promises"]["repeat_hours"], &business["simulation"]), (&json!(24), &json!(true)));
}

#[test]
fn a_stop_that_the_provider_confirmed_is_noted_and_not_confirmed_twice() {
    let shop = Shop::open();
    for (address, confirmed) in [("phone:+4915550100001", true), ("phone:+4915550100002", false)] {
        let data = json!({ "channel": "sms", "text": "STOP", "confirmed": confirmed });
        let customer = shop.tell(address, "attune.message.received.v1", data);
        shop.settled();
        let stands = shop.owner.get(&format!("/v1/customers/{customer}/consents")).with(200);
        assert_eq!(stands["standing"][0]["granted"], json!(false), "{stands}");
        let answers = shop.conversation(&customer).iter().filter(|message| message["author"] == "host").count();
        assert_eq!(answers, usize::from(!confirmed), "{address}");
    }
}
