//! What follows from moods, through the API: the tone of an answer and its why, the numbers, and a notice about a surge with
//! examples for staff.

use std::sync::Arc;
use std::time::Duration;

use attune::domain::business::Business;
use attune::domain::entry::{Change, Input, Role, Token};
use attune::domain::ids::{BusinessId, CustomerId, TokenId};
use attune::domain::time::{HOUR, Instant};
use attune::engine::{Engine, Parts};
use attune::server::{App, Limits, secret_hash, serve};
use attune::store::{MemoryKeyring, MemoryStore};
use attune::world::{Test, World};
use attune_tests::{Client, Shop, event, plugin_file, text, until};
use serde_json::{Value, json};

const ANGRY: &str = "My parcel is late again, this is unacceptable and I am furious! Where is my order?";

#[test]
fn who_is_upset_is_answered_in_another_tone_and_the_why_says_so() {
    let shop = Shop::open();
    shop.enable("order-status");
    let order = json!({ "id": "1", "number": "#1001", "items": ["Rye bread"], "shipments": [] });
    shop.owner.patch("/v1/plugins/order-status", &json!({ "settings": { "write_when": [] } })).with(200);
    shop.tell("chat:anna", "attune.order.delayed.v1", json!({ "order": order }));

    let (_, calm) = shop.asks("chat:anna", "Where is my order?");
    assert_eq!(calm["origin"]["tone"], Value::Null, "the plain one is not named: {calm:#}");
    let (_, sorry) = shop.asks("chat:anna", ANGRY);
    assert!(text(&sorry["text"]).starts_with("We apologise"), "{sorry:#}");
    assert_eq!((&sorry["origin"]["template"], &sorry["origin"]["tone"]), (&json!("delayed"), &json!("apologetic")));

    let why = |language: &str| {
        let path = format!("/v1/messages/{}/why?language={language}", text(&sorry["id"]));
        shop.owner.get(&path).with(200)
    };
    for (language, words) in [
        ("en", "It is worded apologetically, because the message it answers shows frustration 0."),
        ("de", "Sie ist entschuldigend formuliert, weil aus der Nachricht, auf die sie antwortet, Frust spricht (0,"),
        ("es", "Está redactado con una disculpa, porque en el mensaje al que responde se nota frustración (0,"),
    ] {
        let told = why(language);
        let sentences = told["sentences"].as_array().into_iter().flatten();
        assert!(sentences.clone().any(|sentence| text(sentence).starts_with(words)), "{told:#}");
    }
    let record = why("en").to_string();
    assert!(record.contains("\"words\":\"worded apologetically, because the message it answers"), "{record}");

    // The owner words the variant; or words the plain text only, and then means all of it.
    for (wording, starts) in [
        (json!({ "delayed.apologetic": { "en": "So sorry about {number}{parcel}!{link}" } }), "So sorry about #1001!"),
        (json!({ "delayed": { "en": "{number} takes longer." } }), "#1001 takes longer."),
        (
            json!({ "delayed": { "en": "{number} takes longer." }, "delayed.apologetic": { "en": "Sorry, {number}." } }),
            "Sorry, #1001.",
        ),
        (json!({}), "We apologise"),
    ] {
        shop.owner.patch("/v1/plugins/order-status", &json!({ "wording": wording })).with(200);
        let (_, answer) = shop.asks("chat:anna", &format!("{ANGRY} ({starts})"));
        assert!(text(&answer["text"]).starts_with(starts), "{answer:#}");
    }
    let wrong = json!({ "wording": { "delayed.apologetic": { "en": "So sorry about {number}!" } } });
    let refused = shop.owner.patch("/v1/plugins/order-status", &wrong);
    assert_eq!((refused.status, refused.word("code")), (422, "invalid"), "{}", refused.text);
    assert!(
        refused.text.contains("/wording/delayed.apologetic/en") && refused.text.contains("`{link}`"),
        "{}",
        refused.text
    );
}

#[test]
fn owners_and_staff_see_how_many_are_unhappy_and_about_what() {
    let shop = Shop::open();
    shop.says("chat:anna", ANGRY);
    shop.says("chat:ben", "Hello!");
    shop.says("chat:ben", "What does a loaf cost?");
    shop.settled();
    // The hour may be over by now, so two are asked for.
    let trends = shop.token("staff").get("/v1/trends?hours=2").with(200);
    let topic = |name: &str| {
        let found = trends["topics"].as_array().unwrap().iter().find(|topic| topic["name"] == name);
        let found = found.unwrap_or_else(|| panic!("{name}: {trends:#}"));
        (found["messages"].as_u64().unwrap(), found["unhappy"].as_u64().unwrap(), found["usual_unhappy"].as_f64())
    };
    assert_eq!(trends["hours"], 2);
    assert_eq!(topic("all"), (3, 1, Some(0.0)));
    assert_eq!(topic("order-status"), (1, 1, Some(0.0)));
    assert_eq!(topic("price"), (1, 0, Some(0.0)));
    assert_eq!(shop.token("ingest").get("/v1/trends").status, 403);
    for query in ["hours=0", "hours=25", "hours=x", "days=1"] {
        let answer = shop.owner.get(&format!("/v1/trends?{query}"));
        assert_eq!((answer.status, answer.word("code")), (400, "bad-query"), "{}", answer.text);
    }
}

/// A server over an engine whose clock only moves when it is told to.
struct House {
    engine: Arc<Engine>,
    world: Arc<Test>,
    business: BusinessId,
    owner: Client,
}

impl House {
    fn open() -> Self {
        let start = Instant::parse("2026-03-02T10:00[Europe/Berlin]").expect("a moment");
        let world = Arc::new(Test::new(start, 1));
        let parts = Parts {
            store: Arc::new(MemoryStore::new()),
            keyring: Arc::new(MemoryKeyring::new([7; 32])),
            world: world.clone(),
            sandbox: super::replay::SANDBOX.clone(),
            limits: attune::turn::limits::Limits::default(),
            workers: 1,
            queue: 1_000,
            public_url: None,
        };
        let engine = Engine::start(parts).expect("the engine starts");
        let business = BusinessId::new(start, world.unique());
        let token = Token {
            id: TokenId::new(start, world.unique()),
            hash: secret_hash("petra"),
            role: Role::Owner,
            business: Some(business),
            label: "Petra".to_owned(),
        };
        let about = Business::new(business, "Baker Street Bakery", "Europe/Berlin", "en");
        for change in [Change::Business(Box::new(about)), Change::Token(token)] {
            let input = Input::Owner { by: "test".to_owned(), change };
            engine.act(business, CustomerId::BUSINESS, input).expect("a change is taken");
        }
        let app = App::new(engine.clone(), Limits::default(), "test");
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                sender.send(listener.local_addr().expect("an address")).expect("somebody waits");
                serve(listener, app, std::future::pending::<()>()).await
            })
        });
        let address = receiver.recv_timeout(Duration::from_secs(10)).expect("the server listens");
        let owner = Client::new(&format!("http://{address}"), "petra");
        Self { engine, world, business, owner }
    }

    fn enable(&self, name: &str) {
        let uploaded = self.owner.upload(name, &std::fs::read(plugin_file(name)).expect("a plugin's file")).with(201);
        self.owner.patch(&format!("/v1/plugins/{name}"), &json!({ "grants": uploaded["ungranted"] })).with(200);
        self.owner.patch(&format!("/v1/plugins/{name}"), &json!({ "enabled": true })).with(200);
    }

    fn says(&self, address: &str, words: &str) -> String {
        let data = json!({ "customer": { "addresses": [address] }, "text": words });
        let taken = self.owner.event(&event("attune.message.received.v1", data)).with(202);
        self.settled();
        text(&taken["customer"])
    }

    fn settled(&self) {
        until("nothing is to be done", || (self.engine.queue().0 == 0).then_some(()));
    }

    /// Lets an hour pass, with what falls due at its end.
    fn hour(&self) {
        self.world.advance_to(self.world.now().plus(HOUR));
        while self.engine.ring().expect("what is due is read").fired > 0 {
            self.settled();
        }
    }

    fn notices(&self) -> Vec<Value> {
        self.owner.get("/v1/notices").with(200)["items"].as_array().expect("a list").clone()
    }
}

#[test]
fn a_surge_is_told_to_staff_with_examples_that_vanish_with_their_customers() {
    let house = House::open();
    house.enable("surge-alert");
    let permissions = house.owner.get("/v1/plugins/surge-alert").with(200)["permissions"].to_string();
    assert!(permissions.contains("see how many messages are unhappy, by topic (numbers only)"), "{permissions}");
    house.hour();
    assert!(house.notices().is_empty());
    for number in 0..4 {
        house.says("chat:anna", &format!("{ANGRY} I wait for parcel {number}."));
    }
    let ben = house.says("chat:ben", &format!("{ANGRY} Yours, Ben"));
    house.says("chat:eve", "I love your bread, thank you!");
    assert!(house.notices().is_empty(), "the hour is not over");
    house.hour();
    let [notice] = &house.notices()[..] else { panic!("one notice: {:#?}", house.notices()) };
    assert_eq!((&notice["plugin"], &notice["urgency"]), (&json!("surge-alert"), &json!("high")));
    assert_eq!(notice["title"], "Many unhappy messages: order status");
    let examples = notice["examples"].as_array().expect("examples");
    assert_eq!(examples.len(), 5, "{notice:#}");
    assert!(text(&examples[0]["text"]).ends_with("Yours, Ben") && examples[0]["customer"] == ben, "newest first");
    assert!(text(&examples[4]["text"]).ends_with("parcel 0."), "{notice:#}");

    // The plugin was told numbers and no words of anybody.
    let records = house.engine.query(house.business);
    let entry = text(&notice["id"]);
    let whys = records.records(CustomerId::BUSINESS).expect("the business's rows");
    let all = attune::store::Range::prefix(whys.at(attune::store::Table::Why));
    let whys: Vec<attune::engine::why::Why> =
        whys.list(&all, attune::store::Order::Descending, 10).expect("the records of why");
    let runs: Vec<_> = whys.iter().flat_map(|why| &why.runs).filter(|run| run.plugin == "surge-alert").collect();
    let told = serde_json::to_string(&runs).expect("runs are JSON");
    assert!(told.contains("trends.topics") && told.contains(&entry) && !told.contains("furious"), "{told}");

    house.hour();
    house.says("chat:eve", ANGRY);
    house.hour();
    assert_eq!(house.notices().len(), 1, "it is told once while it lasts");
    house.owner.delete(&format!("/v1/customers/{ben}"));
    house.settled();
    let notices = house.notices();
    let left = notices[0]["examples"].as_array().expect("examples");
    assert_eq!(left.len(), 4, "{notices:#?}");
    assert!(!notices[0].to_string().contains("Yours, Ben"));
}
