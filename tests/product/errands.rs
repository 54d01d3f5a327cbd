//! Errands, from outside: notices that reach staff by a channel, and answers that reach the calendar of their appointment; whatever the
//! other end says, or does not say.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use attune::domain::business::Business;
use attune::domain::entry::{Change, Input, Outcome, PluginChange, StaffAct};
use attune::domain::ids::{BusinessId, CustomerId};
use attune::domain::message::Delivery;
use attune::domain::time::{DAY, HOUR, Instant};
use attune::engine::{Courier, Engine, Parcel, Parts, config};
use attune::intake::{self, cloudevent};
use attune::store::{Batch, MemoryKeyring, MemoryStore};
use attune::turn::limits::Limits;
use attune::world::{Serve, Test, World};
use attune_tests::{Server, Shop, Start, event, fresh, plugin_file, text, until};
use serde_json::{Value, json};

const TAKEN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const REFUSED: &str = "HTTP/1.1 422 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const TROUBLE: &str = "HTTP/1.1 503 Down\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const LATER: &str = "HTTP/1.1 429 Wait\r\nretry-after: 7200\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const GONE: &str = "HTTP/1.1 410 Gone\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
/// The connection ends without a word.
const DROPPED: &str = "";
const GARBAGE: &str = "this is no HTTP\r\n\r\n";
/// Nothing is said, and the connection stays.
const HANGS: &str = "...";

/// Longer than the first pause between attempts.
const PATIENCE: Duration = Duration::from_secs(30);

/// The other end: it says these one after the other, then the last one for ever. Gives its port and the bodies it was sent.
fn other_end(answers: &'static [&'static str]) -> (u16, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for number in 0.. {
            let answer = answers[number.min(answers.len() - 1)];
            let Ok((stream, _)) = listener.accept() else { return };
            let mut reader = BufReader::new(stream);
            let mut length = 0;
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).is_err() || line.trim().is_empty() {
                    break;
                }
                if let Some((name, value)) = line.split_once(':')
                    && name.eq_ignore_ascii_case("content-length")
                {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            if reader.read_exact(&mut body).is_err() {
                continue;
            }
            if sender.send(serde_json::from_slice(&body).unwrap()).is_err() {
                return;
            }
            let mut stream = reader.into_inner();
            match answer {
                HANGS => held.push(stream),
                // Whoever asked may be gone.
                answer => drop(stream.write_all(answer.as_bytes())),
            }
        }
    });
    (port, receiver)
}

fn start(port: u16) -> Start {
    Start::with(&["--egress-allow", &format!("127.0.0.1:{port}"), "--public-url", "https://attune.example"])
}

fn set_secret(shop: &Shop, plugin: &str, name: &str, value: &str) {
    let body = json!({ "values": [value] }).to_string();
    let path = format!("/v1/plugins/{plugin}/secrets/{name}");
    assert_eq!(shop.owner.send("PUT", &path, &[("content-type", "application/json")], body.as_bytes()).status, 204);
}

/// A shop whose notices go to the other end by the webhook channel.
fn with_staff(port: u16, details: bool) -> Shop {
    let shop = Shop::open_on(Arc::new(Server::start_with(&start(port))));
    shop.enable("webhook");
    let settings = json!({ "settings": { "url": format!("http://127.0.0.1:{port}/in") } });
    shop.owner.patch("/v1/plugins/webhook", &settings).with(200);
    set_secret(&shop, "webhook", "signing", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let routes = json!({ "notices": [{ "channel": "webhook", "from": "normal", "details": details }] });
    shop.owner.patch("/v1/business", &routes).with(200);
    shop
}

/// A shop with a calendar at the other end, and Anna with an appointment in it tomorrow, who can answer `?declined a1`.
fn with_calendar(port: u16) -> (Shop, String) {
    let shop = Shop::open_on(Arc::new(Server::start_with(&start(port))));
    shop.enable("diary");
    shop.enable("sender");
    let settings = json!({ "settings": { "url": format!("http://127.0.0.1:{port}/answers") } });
    shop.owner.patch("/v1/plugins/diary", &settings).with(200);
    set_secret(&shop, "diary", "key", "k");
    let anna = booked(&shop, "a1");
    (shop, anna)
}

fn booked(shop: &Shop, id: &str) -> String {
    let tomorrow = Serve::new().now().plus(20 * HOUR);
    let data = json!({
        "customer": { "addresses": ["chat:anna"], "name": "Anna" },
        "appointment": { "id": id, "service": "Haircut", "starts": tomorrow.to_string() },
    });
    let mut told = event("attune.appointment.booked.v1", data);
    told["source"] = json!("diary");
    text(&shop.owner.event(&told).with(202)["customer"])
}

/// A notice with this in its title, once it went where it goes as `fits` wants it.
fn notice(shop: &Shop, title: &str, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
    until(&format!("a notice `{title}` is {what}"), || {
        let all = shop.owner.get("/v1/notices").body;
        all["items"].as_array()?.iter().find(|one| text(&one["title"]).contains(title) && fits(one)).cloned()
    })
}

fn went(notice: &Value, state: &str) -> bool {
    notice["went"][0]["delivery"]["state"] == state
}

/// What became of the answers of a customer, oldest first.
fn errands(shop: &Shop, customer: &str, wanted: &[&str]) -> Value {
    until(&format!("the errands are {wanted:?}"), || {
        let mut all = shop.owner.get(&format!("/v1/customers/{customer}/export")).body["errands"].take();
        all.as_array_mut()?.retain(|one| one["what"]["answer"].is_object());
        let states: Vec<&str> = all.as_array()?.iter().filter_map(|one| one["state"]["state"].as_str()).collect();
        (states == wanted).then_some(all)
    })
}

const NEEDED: &str = "A conversation needs a person";

#[test]
fn a_conversation_that_needs_a_person_reaches_staff_without_a_word_of_the_customer() {
    let (port, asked) = other_end(&[TAKEN]);
    let shop = with_staff(port, false);
    let anna = shop.tell("chat:anna", "attune.customer.updated.v1", json!({ "customer": { "name": "Anna" } }));
    shop.says("chat:anna", "Person");
    let body = asked.recv_timeout(PATIENCE).unwrap();
    assert_eq!((&body["type"], &body["data"]["title"]), (&json!("attune.notice.send.v1"), &json!(NEEDED)), "{body}");
    let link = format!("https://attune.example/v1/customers/{anna}/messages");
    assert_eq!(body["data"]["text"], json!(format!("{NEEDED}\n\n{link}")));
    assert!(!body.to_string().contains("Anna") && !body.to_string().contains("Person"), "{body}");
    let told = notice(&shop, NEEDED, "done", |one| went(one, "done"));
    assert_eq!((&told["went"][0]["channel"], &told["went"][0]["attempts"]), (&json!("webhook"), &json!(1)), "{told}");

    // The owner's word lets all of it go.
    let routes = json!({ "notices": [{ "channel": "webhook", "details": true }] });
    shop.owner.patch("/v1/business", &routes).with(200);
    shop.tell("chat:ben", "attune.customer.updated.v1", json!({ "customer": { "name": "Ben" } }));
    shop.says("chat:ben", "Person");
    let body = asked.recv_timeout(PATIENCE).unwrap();
    assert!(text(&body["data"]["text"]).contains("Ben: The customer asked for a person."), "{body}");
    // What is not urgent enough stays in the list, and in a simulation nothing goes anywhere.
    let routes = json!({ "notices": [{ "channel": "webhook", "from": "high" }] });
    shop.owner.patch("/v1/business", &routes).with(200);
    shop.says("chat:cleo", "Person");
    let routes = json!({ "notices": [{ "channel": "webhook" }], "simulation": true });
    shop.owner.patch("/v1/business", &routes).with(200);
    shop.says("chat:dora", "Person");
    notice(&shop, NEEDED, "simulated", |one| went(one, "simulated"));
    assert!(asked.try_recv().is_err(), "nobody else was asked for");
}

#[test]
fn what_the_other_end_of_a_notice_says_decides_and_a_lost_answer_is_asked_again() {
    for (answers, state, attempts) in [
        (&[REFUSED] as &'static [&'static str], "failed", 1),
        (&[LATER], "deferred", 1),
        (&[TROUBLE, TAKEN], "done", 2),
        (&[DROPPED, TAKEN], "done", 2),
        (&[GARBAGE, TAKEN], "done", 2),
    ] {
        let (port, _asked) = other_end(answers);
        let shop = with_staff(port, false);
        shop.says("chat:anna", "Person");
        let told = notice(&shop, NEEDED, state, |one| went(one, state));
        assert_eq!(told["went"][0]["attempts"], attempts, "{answers:?}: {told}");
        if answers == [LATER] {
            let until = told["went"][0]["delivery"]["until"].as_u64().unwrap();
            let wait_ms = until - told["at"].as_u64().unwrap();
            assert!((7_200_000..7_400_000).contains(&wait_ms), "{wait_ms}");
        }
    }
}

#[test]
fn a_place_that_wants_no_more_notices_is_turned_off_and_the_owner_reads_it() {
    let (port, asked) = other_end(&[GONE]);
    let shop = with_staff(port, false);
    shop.says("chat:anna", "Person");
    asked.recv_timeout(PATIENCE).unwrap();
    notice(&shop, NEEDED, "failed", |one| went(one, "failed"));
    // That goes nowhere either: the only place is the one that is gone. Nor does it go on for ever.
    let stopped = notice(&shop, "The plugin webhook is stopped", "failed", |one| went(one, "failed"));
    assert!(text(&stopped["went"][0]["delivery"]["reason"]).contains("no plugin serves"), "{stopped}");
    assert!(shop.owner.get("/v1/plugins/webhook").body["paused"].is_object());
    assert_eq!(shop.owner.get("/v1/notices").body["items"].as_array().unwrap().len(), 2);
    assert!(asked.try_recv().is_err());
}

#[test]
fn an_answer_reaches_the_calendar_or_else_staff() {
    for (answers, answer, state, title, words) in [
        (&[TAKEN] as &'static [&'static str], "declined", "done", "", ""),
        (&[TROUBLE, TAKEN], "confirmed", "done", "", ""),
        (&[REFUSED], "declined", "failed", "An appointment was declined", "diary did not take it: it refuses (422)"),
        (&[REFUSED], "confirmed", "failed", "An appointment was confirmed", "so enter it there yourself."),
        (&[TAKEN], "asked-to-move", "failed", "A customer asks for another time", "diary takes no such answer"),
        (&[DROPPED], "declined", "uncertain", "An appointment was declined", "it is not known whether diary has it"),
        (&[GARBAGE], "declined", "uncertain", "An appointment was declined", "look there."),
        (&[LATER], "declined", "deferred", "", ""),
        (&[GONE], "declined", "failed", "The plugin diary is stopped", "wants no more"),
    ] {
        let (port, asked) = other_end(answers);
        let (shop, anna) = with_calendar(port);
        shop.says("chat:anna", &format!("?{answer} a1"));
        let told = errands(&shop, &anna, &[state]);
        if answer != "asked-to-move" {
            let body = asked.recv_timeout(PATIENCE).unwrap();
            assert_eq!((&body["answer"], &body["errand"]), (&json!(answer), &told[0]["id"]), "{body}");
        }
        match title {
            "" => assert_eq!(shop.owner.get("/v1/notices").body["items"], json!([]), "{answers:?}"),
            title => {
                let told = notice(&shop, title, "there", |_| true);
                assert!(text(&told["text"]).contains(words), "{told}");
                let known = title.starts_with("The plugin") || text(&told["text"]).starts_with("Anna ");
                assert!(
                    known && (title.starts_with("The plugin") || text(&told["text"]).contains("Haircut on ")),
                    "{told}"
                );
            }
        }
    }
}

#[test]
fn a_calendar_that_cannot_be_told_leaves_it_to_staff() {
    let (port, asked) = other_end(&[TAKEN]);
    let (shop, anna) = with_calendar(port);
    shop.owner.patch("/v1/plugins/diary", &json!({ "enabled": false })).with(200);
    shop.says("chat:anna", "?declined a1");
    let told = notice(&shop, "An appointment was declined", "there", |_| true);
    assert!(text(&told["text"]).contains("diary is turned off, so enter it there yourself"), "{told}");
    // The same answer again is nothing new; another one is, and what was said before it is of no use any more.
    shop.owner.patch("/v1/plugins/diary", &json!({ "enabled": true })).with(200);
    shop.says("chat:anna", "?declined a1");
    shop.owner.post("/v1/pause", &json!({ "reason": "wait" }));
    until("everything is paused", || shop.owner.get("/v1/business").body["paused"].is_object().then_some(()));
    assert!(asked.try_recv().is_err());
    // While automations are paused no plugin runs, so nobody answers; what was answered before waits.
    shop.owner.post("/v1/resume", &json!({}));
    until("it goes on", || shop.owner.get("/v1/business").body["paused"].is_null().then_some(()));
    shop.says("chat:anna", "?confirmed a1");
    assert_eq!(asked.recv_timeout(PATIENCE).unwrap()["answer"], "confirmed");
    errands(&shop, &anna, &["failed", "done"]);
}

#[test]
fn a_pause_holds_answers_and_not_notices() {
    let (port, asked) = other_end(&[TROUBLE, TAKEN]);
    let (shop, anna) = with_calendar(port);
    shop.says("chat:anna", "?declined a1");
    asked.recv_timeout(PATIENCE).unwrap();
    errands(&shop, &anna, &["deferred"]);
    shop.owner.post("/v1/pause", &json!({ "reason": "something is odd" }));
    shop.enable("webhook");
    let settings = json!({ "settings": { "url": format!("http://127.0.0.1:{port}/in") } });
    shop.owner.patch("/v1/plugins/webhook", &settings).with(200);
    set_secret(&shop, "webhook", "signing", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    shop.owner.patch("/v1/business", &json!({ "notices": [{ "channel": "webhook" }] })).with(200);
    std::thread::sleep(Duration::from_secs(7));
    shop.says("chat:ben", "Person");
    assert_eq!(asked.recv_timeout(PATIENCE).unwrap()["data"]["title"], NEEDED, "the answer waits, the notice does not");
    shop.owner.post("/v1/resume", &json!({}));
    assert_eq!(asked.recv_timeout(PATIENCE).unwrap()["answer"], "declined");
    errands(&shop, &anna, &["done"]);
}

#[test]
fn after_a_crash_a_notice_goes_again_and_an_answer_does_not() {
    let (port, asked) = other_end(&[HANGS, HANGS, TAKEN]);
    let (shop, anna) = with_calendar(port);
    shop.says("chat:anna", "?declined a1");
    assert_eq!(asked.recv_timeout(PATIENCE).unwrap()["answer"], "declined");
    shop.enable("webhook");
    let settings = json!({ "settings": { "url": format!("http://127.0.0.1:{port}/in") } });
    shop.owner.patch("/v1/plugins/webhook", &settings).with(200);
    set_secret(&shop, "webhook", "signing", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    shop.owner.patch("/v1/business", &json!({ "notices": [{ "channel": "webhook" }] })).with(200);
    shop.says("chat:ben", "Person");
    let first = asked.recv_timeout(PATIENCE).unwrap();
    let shop = shop.moved(Arc::new(shop.server.restart(&start(port))));
    errands(&shop, &anna, &["uncertain"]);
    // The notice again, with the id it had; and one more, which says that nobody knows of the answer.
    let after = [asked.recv_timeout(PATIENCE).unwrap(), asked.recv_timeout(PATIENCE).unwrap()];
    assert!(after.iter().any(|one| one["data"]["message"] == first["data"]["message"]), "{after:?}");
    assert!(after.iter().any(|one| one["data"]["title"] == "An appointment was declined"), "{after:?}");
    assert!(after.iter().all(|one| one.get("answer").is_none()), "{after:?}");
}

#[test]
fn what_is_on_its_way_goes_with_an_erased_customer() {
    let (port, asked) = other_end(&[LATER, TAKEN]);
    let (shop, anna) = with_calendar(port);
    shop.says("chat:anna", "?declined a1");
    asked.recv_timeout(PATIENCE).unwrap();
    errands(&shop, &anna, &["deferred"]);
    let erased = shop.owner.delete(&format!("/v1/customers/{anna}")).body;
    assert_eq!((&erased["erased"]["errands"], &erased["erased"]["due"]), (&json!(1), &json!(1)), "{erased}");
    assert_eq!(shop.owner.get(&format!("/v1/customers/{anna}/export")).status, 404);
}

#[test]
fn an_owner_reads_where_a_place_for_notices_does_not_fit() {
    let shop = Shop::open();
    for (routes, place) in [
        (json!([{ "channel": "chat" }]), "/notices/0/channel"),
        (json!([{ "channel": "slack" }, { "channel": "email" }]), "/notices/1/to"),
        (json!([{ "channel": "sms", "to": "0151 23456" }]), "/notices/0/to"),
        (json!(vec![json!({ "channel": "slack" }); 9]), "/notices"),
    ] {
        let answer = shop.owner.patch("/v1/business", &json!({ "notices": routes }));
        assert_eq!((answer.status, answer.text.contains(&format!("\"{place}\""))), (422, true), "{}", answer.text);
    }
    for wrong in [json!([{ "channel": "slack", "from": "often" }]), json!([{ "to": "x" }])] {
        let answer = shop.owner.patch("/v1/business", &json!({ "notices": wrong }));
        assert!((400..=422).contains(&answer.status), "{}", answer.text);
    }
    let routes =
        json!([{ "channel": format!("pager-{}", fresh()), "from": "high", "when_open": true, "details": false }]);
    assert_eq!(shop.owner.patch("/v1/business", &json!({ "notices": routes })).with(200)["notices"], routes);
}

/// A channel that always asks to come again.
struct Busy;

impl Courier for Busy {
    fn take(&self, engine: &Arc<Engine>, parcel: Parcel) {
        engine.outcome(&parcel, Outcome::Retry("not now".to_owned()), |result| drop(result.expect("it is taken")));
    }
}

#[test]
fn a_channel_says_for_how_long_its_messages_are_tried() {
    let start = Instant::parse("2026-03-02T10:00[Europe/Berlin]").unwrap();
    let world = Arc::new(Test::new(start, 1));
    let engine = Engine::start(Parts {
        store: Arc::new(MemoryStore::new()),
        keyring: Arc::new(MemoryKeyring::new([7; 32])),
        world: world.clone(),
        sandbox: crate::replay::SANDBOX.clone(),
        limits: Limits::default(),
        workers: 0,
        queue: 1_000,
        public_url: None,
    });
    let engine = engine.unwrap();
    engine.set_courier(Arc::new(Busy));
    let business = BusinessId::new(start, world.unique());
    let change = |change: Change, batch: Batch| {
        let input = Input::Owner { by: "owner".to_owned(), change };
        engine.act_with(business, CustomerId::BUSINESS, input, batch).unwrap();
    };
    change(Change::Business(Box::new(Business::new(business, "Sol", "Europe/Berlin", "en"))), Batch::new());
    let wasm = std::fs::read(plugin_file("webhook")).unwrap();
    let about = &crate::replay::SANDBOX.load(&wasm).unwrap().about;
    let (install, batch) = config::install("webhook", about, &wasm);
    change(install, batch);
    let grants = Some(about.wants.iter().cloned().collect());
    let set = Box::new(PluginChange { enabled: Some(true), grants, ..PluginChange::default() });
    change(Change::Plugin { name: "webhook".to_owned(), seen: None, set }, Batch::new());
    let told = event("attune.customer.updated.v1", json!({ "customer": { "addresses": ["phone:+4915112345678"] } }));
    intake::take(&engine, business, cloudevent::structured(told.to_string().as_bytes()).unwrap(), |_| {});
    engine.run_until_idle();
    let customer = engine.query(business).customers(None, 1).unwrap().pop().unwrap().id;

    for (channel, attempts, days) in [("webhook", 10, 3..4), ("sms", 8, 0..2)] {
        let began = world.now();
        let act = StaffAct::Write { text: channel.to_owned(), channel: Some(channel.to_owned()), in_spite: false };
        let report = engine.act(business, customer, Input::Staff { by: "Eva".to_owned(), act }).unwrap();
        let id = report.messages[0].id;
        let failed = (0..100).find_map(|_| {
            engine.run_until_idle();
            let rung = engine.ring().unwrap();
            match engine.query(business).message(id).unwrap().unwrap().delivery {
                Delivery::Failed { reason } => Some(reason),
                _ => {
                    if let (0, Some(next)) = (rung.fired, rung.next) {
                        world.advance_to(next);
                    }
                    None
                }
            }
        });
        assert_eq!(failed.as_deref(), Some(&*format!("after {attempts} attempts: not now")), "{channel}");
        let took = (world.now().0 - began.0) / DAY;
        assert!(days.contains(&took), "{channel}: {took} days");
    }
}
