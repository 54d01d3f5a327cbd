//! The chat on a shop's pages, as its script asks for it: which pages may, who is known again, how much is taken. What a visitor
//! sees of it in a browser is tried by `tests/all/widget`.

use std::io::{BufRead, BufReader};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use attune_tests::{Answer, Client, Server, Shop, Start, text, until};
use serde_json::{Value, json};

const PAGE: &str = "https://bakery.example";

/// A shop whose pages may use its chat.
fn shop() -> Shop {
    let shop = Shop::open();
    shop.owner.patch("/v1/business", &json!({ "chat": { "origins": [PAGE] } })).with(200);
    shop
}

/// A browser on a page of the shop, at an address of the network.
struct Browser {
    client: Client,
    place: String,
    network: String,
    cookie: String,
}

impl Browser {
    fn at(shop: &Shop, network: &str) -> Self {
        let (client, place) = (shop.server.client(""), format!("/v1/chat/{}", shop.business));
        Self { client, place, network: network.to_owned(), cookie: String::new() }
    }

    fn headers(&self) -> Vec<(&str, &str)> {
        let own = [("origin", PAGE), ("x-forwarded-for", self.network.as_str())];
        own.into_iter().chain([("cookie", self.cookie.as_str())]).filter(|(_, value)| !value.is_empty()).collect()
    }

    fn get(&self, path: &str) -> Answer {
        self.client.send("GET", &format!("{}{path}", self.place), &self.headers(), b"")
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        let headers = [self.headers(), vec![("content-type", "application/json")]].concat();
        self.client.send("POST", &format!("{}{path}", self.place), &headers, body.to_string().as_bytes())
    }

    /// Begins a conversation, and keeps the cookie as a browser does.
    fn visits(mut self) -> Self {
        let visit = self.post("/visit", &json!({ "language": "en" }));
        assert_eq!(visit.status, 201, "{}", visit.text);
        self.cookie = visit.header("set-cookie").split(';').next().unwrap().to_owned();
        self
    }

    fn writes(&self, words: &str) -> Answer {
        self.post("/messages", &json!({ "text": words }))
    }

    /// What was said, oldest first, once so many messages are there.
    fn hears(&self, count: usize) -> Vec<Value> {
        until(&format!("there are {count} messages"), || {
            let mut items = self.get("/messages").with(200)["items"].as_array()?.clone();
            items.reverse();
            (items.len() >= count).then_some(items)
        })
    }

    /// The customer behind the cookie, as staff find them.
    fn customer(&self, shop: &Shop) -> String {
        let id = text(&self.hears(1)[0]["id"]);
        text(&shop.owner.get(&format!("/v1/messages/{id}/why")).with(200)["message"]["customer"])
    }
}

#[test]
fn a_page_of_an_origin_that_the_owner_named_and_no_other_may_use_it() {
    let shop = Shop::open();
    let (client, place) = (shop.server.client(""), format!("/v1/chat/{}", shop.business));
    let ask = |method: &str, headers: &[(&str, &str)]| client.send(method, &place, headers, b"");
    let none = ask("GET", &[("origin", PAGE)]);
    assert_eq!((none.status, none.word("code")), (403, "origin"), "{}", none.text);
    assert!(none.word("detail").contains("this business has named no pages"), "{}", none.text);

    let origins = [PAGE, "http://localhost:3000"];
    shop.owner.patch("/v1/business", &json!({ "chat": { "origins": origins } })).with(200);
    for (origin, status) in [
        (PAGE, 200),
        ("http://localhost:3000", 200),
        ("http://bakery.example", 403),
        ("https://bakery.example:8443", 403),
        ("https://www.bakery.example", 403),
        ("https://bakery.example.evil.example", 403),
        ("https://BAKERY.example", 403),
        ("http://localhost:3001", 403),
        ("null", 403),
        ("*", 403),
    ] {
        let answer = ask("GET", &[("origin", origin)]);
        assert_eq!(answer.status, status, "{origin}: {}", answer.text);
        // One that may not can read why, and nothing else.
        assert_eq!(answer.header("access-control-allow-origin"), origin);
        assert!(answer.header("vary").contains("origin"), "{origin}");
        if status == 403 {
            assert!(answer.word("detail").contains("the owner adds its origin to `chat.origins`"), "{}", answer.text);
        }
        let wants = [("origin", origin), ("access-control-request-method", "POST")];
        let first = client.send("OPTIONS", &format!("{place}/messages"), &wants, b"");
        assert_eq!(first.status, if status == 200 { 204 } else { 403 }, "{origin}: {}", first.text);
        assert_eq!(first.header("access-control-allow-methods").is_empty(), status == 403, "{origin}");
        let json = [("origin", origin), ("content-type", "application/json")];
        let visit = client.send("POST", &format!("{place}/visit"), &json, b"{}");
        assert_eq!(visit.status, if status == 200 { 201 } else { 403 }, "{origin}: {}", visit.text);
    }
    // What changes something says from which page; a form of another site could not say it.
    let silent = client.send("POST", &format!("{place}/visit"), &[("content-type", "application/json")], b"{}");
    assert_eq!((silent.status, silent.word("code")), (403, "origin"), "{}", silent.text);
    let nobody = format!("/v1/chat/{}", shop.business.replace("biz_0", "biz_1"));
    let nobody = client.send("GET", &nobody, &[("origin", PAGE)], b"");
    assert!(nobody.status == 403 && nobody.word("detail").contains("there is no business"), "{}", nobody.text);
    // The rest of the API is for no page.
    let elsewhere = shop.owner.send("GET", "/v1/business", &[("origin", PAGE)], b"");
    assert_eq!(elsewhere.header("access-control-allow-origin"), "");
}

#[test]
fn a_visitor_is_known_again_by_a_cookie_that_pages_cannot_read() {
    let shop = shop();
    let browser = Browser::at(&shop, "203.0.113.1");
    assert_eq!(browser.get("").with(200)["visiting"], false);
    assert_eq!(browser.get("/messages").word("code"), "unauthorized");
    assert_eq!(browser.writes("Hello").word("code"), "unauthorized");

    let visit = browser.post("/visit", &json!({}));
    let cookie = visit.header("set-cookie");
    let place = format!("; Path=/v1/chat/{}; Max-Age=604800; HttpOnly; SameSite=Lax", shop.business);
    assert!(cookie.starts_with("attune_visitor=vis_") && cookie.ends_with(&place), "{cookie}");
    let secure =
        [browser.headers(), vec![("content-type", "application/json"), ("x-forwarded-proto", "https")]].concat();
    let secure = browser.client.send("POST", &format!("{}/visit", browser.place), &secure, b"{}");
    let cookie = secure.header("set-cookie");
    assert!(cookie.ends_with("; HttpOnly; SameSite=None; Secure; Partitioned"), "{cookie}");

    let token = text(&visit.body["token"]);
    let known = Browser { cookie: format!("theme=dark; attune_visitor={token}"), ..Browser::at(&shop, "203.0.113.1") };
    assert_eq!(known.get("").with(200)["visiting"], true);
    known.writes("Hello").with(202);
    assert_eq!(known.hears(1)[0]["text"], "Hello");
    // Whoever comes with the cookie keeps the conversation, and the page does not get the pass into its hands.
    let again = known.post("/visit", &json!({}));
    assert_eq!((again.status, &again.body["token"]), (200, &Value::Null), "{}", again.text);
    assert!(again.header("set-cookie").starts_with("attune_visitor=vis_"));

    // Where the browser keeps no cookie, the pass is the page's, as bearer.
    let bearer = browser.client.token(&token);
    let bearer = Browser { client: bearer, ..Browser::at(&shop, "203.0.113.1") };
    assert_eq!(bearer.hears(1)[0]["text"], "Hello");
    assert!(text(&bearer.post("/visit", &json!({})).with(200)["token"]).starts_with("vis_"));

    let other = Shop::open();
    other.owner.patch("/v1/business", &json!({ "chat": { "origins": [PAGE] } })).with(200);
    let mut forged = token.clone();
    forged.replace_range(10..11, if &token[10..11] == "0" { "1" } else { "0" });
    for (at, token, what) in [
        (&other, token.as_str(), "another business's"),
        (&shop, forged.as_str(), "forged"),
        (&shop, "vis_", "cut short"),
        (&shop, shop.owner.secret(), "an owner's"),
    ] {
        let stranger = Browser { client: shop.server.client(token), ..Browser::at(at, "203.0.113.1") };
        assert_eq!(stranger.get("").with(200)["visiting"], false, "{what}");
        assert_eq!(stranger.get("/messages").status, 401, "{what}");
        assert_eq!(stranger.get("/stream").status, 401, "{what}");
        assert_eq!(stranger.writes("Hello").status, 401, "{what}");
    }
    // Nothing but the own conversation.
    let customer = known.customer(&shop);
    let visitor = shop.server.client(&token);
    assert_eq!(visitor.get("/v1/business").status, 403);
    assert_eq!(visitor.get(&format!("/v1/customers/{customer}")).status, 403);
    // Whoever was erased is nobody, and begins anew.
    shop.owner.delete(&format!("/v1/customers/{customer}"));
    assert_eq!(known.get("").with(200)["visiting"], false);
    assert_eq!(known.get("/messages").status, 401);
    assert_eq!(known.post("/visit", &json!({})).status, 201);
}

#[test]
fn what_is_sent_twice_is_said_once_and_comes_with_the_id_it_was_taken_under() {
    let shop = shop();
    let browser = Browser::at(&shop, "203.0.113.2").visits();
    let hello = json!({ "id": "m1", "text": "Hello" });
    let first = browser.post("/messages", &hello).with(202);
    assert_eq!(browser.post("/messages", &hello).with(200), json!({ "status": "repeated", "id": first["id"] }));
    assert_eq!(browser.post("/messages", &json!({ "id": "m1", "text": "Other" })).word("code"), "conflict");
    // The same id is another message in another visitor's hands.
    let other = Browser::at(&shop, "203.0.113.2").visits();
    assert_ne!(other.post("/messages", &hello).with(202)["id"], first["id"]);
    let said = browser.hears(1);
    assert_eq!((said.len(), &said[0]["entry"]), (1, &first["id"]), "{said:#?}");
    assert!(["delivery", "origin", "customer", "polarity"].iter().all(|hidden| said[0][hidden].is_null()), "{said:#?}");
}

/// Follows the conversation; each event's name and data come as they arrive.
fn follow(browser: &Browser, after: &str) -> Receiver<(String, Value)> {
    let (sender, receiver) = channel();
    let path = format!("{}/stream?after={after}", browser.place);
    let stream = browser.client.open("GET", &path, &browser.headers(), &[]).unwrap();
    assert_eq!(stream.headers()["access-control-allow-origin"], PAGE);
    std::thread::spawn(move || {
        let mut name = String::new();
        for line in BufReader::new(stream.into_body().into_reader()).lines().map_while(Result::ok) {
            if let Some(value) = line.strip_prefix("event: ") {
                value.clone_into(&mut name);
            }
            let data = line.strip_prefix("data: ").map(|data| serde_json::from_str(data).unwrap());
            if data.is_some_and(|data| sender.send((name.clone(), data)).is_err()) {
                return;
            }
        }
    });
    receiver
}

/// Waits for an event.
#[track_caller]
fn comes(stream: &Receiver<(String, Value)>, name: &str, fits: impl Fn(&Value) -> bool) -> Value {
    loop {
        let (is, data) = stream.recv_timeout(Duration::from_secs(30)).expect("the stream goes on");
        if is == name && fits(&data) {
            return data;
        }
    }
}

#[test]
fn a_visitor_hears_when_a_person_is_called_and_comes() {
    let shop = shop();
    shop.enable("escalation");
    let closed = json!({ "hours": { "holidays": [] } });
    shop.owner.patch("/v1/business", &closed).with(200);
    let browser = Browser::at(&shop, "203.0.113.3").visits();
    let empty = browser.get("/messages").with(200);
    assert_eq!((&empty["items"], &empty["person"]), (&json!([]), &Value::Null), "{empty:#}");
    let stream = follow(&browser, &text(&empty["after"]));
    assert_eq!(comes(&stream, "person", |_| true), Value::Null, "nobody yet");
    browser.writes("I want to talk to a person").with(202);
    comes(&stream, "message", |message| message["author"] == "customer");
    // The business never opens, so nobody can say from when.
    assert_eq!(comes(&stream, "person", |_| true), json!({ "stage": "waiting" }));
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let week = Value::from_iter(days.map(|day| (day.to_owned(), json!(["00:00-00:01"]))));
    shop.owner.patch("/v1/business", &json!({ "hours": week })).with(200);
    let waiting = browser.get("/messages").with(200)["person"].clone();
    let is_later = waiting["from"].as_u64() > Some(1_700_000_000_000);
    assert!(waiting["stage"] == "waiting" && (is_later || waiting["from"].is_null()), "{waiting}");

    let case = shop.owner.get("/v1/cases").with(200)["items"][0].clone();
    let act = |what: &str, body: &Value| shop.owner.post(&format!("/v1/cases/{}/{what}", text(&case["id"])), body);
    act("take", &Value::Null).with(200);
    assert_eq!(comes(&stream, "person", |one| one["stage"] == "taken")["by"], "Petra");
    act("reply", &json!({ "text": "Petra here." })).with(201);
    let reply = comes(&stream, "message", |message| message["author"] == "staff");
    assert_eq!((&reply["staff"], &reply["text"]), (&json!("Petra"), &json!("Petra here.")));
    act("resolve", &Value::Null).with(200);
    assert_eq!(comes(&stream, "person", Value::is_null), Value::Null);
    // After a break everything since is there.
    let missed = follow(&browser, &text(&empty["after"]));
    comes(&missed, "message", |message| message["text"] == "Petra here.");
}

#[test]
fn too_much_at_once_is_refused_for_a_while() {
    let shop = shop();
    let browser = Browser::at(&shop, "203.0.113.4").visits();
    for number in 0..10 {
        browser.writes(&format!("Hello {number}")).with(202);
    }
    let eleventh = until("it is too much", || Some(browser.writes("Hello")).filter(|answer| answer.status != 202));
    assert_eq!((eleventh.status, eleventh.word("code")), (429, "too-many"), "{}", eleventh.text);
    let wait: u64 = eleventh.header("retry-after").parse().unwrap();
    assert!((1..=3).contains(&wait), "{wait}");
    assert!(eleventh.word("detail").contains(&format!("try again in {wait} seconds")), "{}", eleventh.text);
    assert_eq!(eleventh.header("access-control-expose-headers"), "retry-after");
    Browser::at(&shop, "203.0.113.4").visits().writes("Somebody else").with(202);

    let crowd = Browser::at(&shop, "203.0.113.5");
    let begun = (0..30).filter(|_| crowd.post("/visit", &json!({})).status == 201).count();
    assert!((20..=22).contains(&begun), "{begun} conversations of one address");
    assert_eq!(crowd.post("/visit", &json!({})).word("code"), "too-many");
    Browser::at(&shop, "203.0.113.6").visits();
    // Whoever looks, and does not write, makes nobody.
    let looked = shop.owner.get("/v1/customers?limit=200").with(200)["items"].as_array().unwrap().len();
    (0..5).for_each(|_| drop(Browser::at(&shop, "203.0.113.7").get("").with(200)));
    assert_eq!(shop.owner.get("/v1/customers?limit=200").with(200)["items"].as_array().unwrap().len(), looked);
}

#[test]
fn wrong_input_is_a_problem_that_says_so() {
    let shop = shop();
    let browser = Browser::at(&shop, "203.0.113.8").visits();
    let long = "é".repeat(2_100);
    for (path, body, status, words) in [
        ("/messages", json!({}), 422, "missing field `text`"),
        ("/messages", json!({ "text": " \n" }), 422, "is empty"),
        ("/messages", json!({ "text": long }), 422, "has 4200 bytes; at most 4096"),
        ("/messages", json!({ "text": 5 }), 422, "string"),
        ("/messages", json!({ "text": "a", "id": "" }), 422, "1 to 200 bytes"),
        ("/messages", json!({ "text": "a", "id": "a\r\nb" }), 422, "control characters"),
        ("/messages", json!({ "text": "a", "channel": "email" }), 422, "a visitor writes on `chat`"),
        ("/messages", json!({ "text": "a", "in_spite": true }), 422, "is for staff"),
        ("/messages", json!({ "text": "a", "customer": "cus_1" }), 422, "unknown field `customer`"),
        ("/visit", json!([]), 422, ""),
        ("/visit", json!({ "address": "chat:anna" }), 422, "unknown field `address`"),
        ("/visit", json!({ "name": "Anna" }), 422, "unknown field `name`"),
    ] {
        let answer = browser.post(path, &body);
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
        assert!(answer.text.contains(words), "{body}: {}", answer.text);
    }
    for (path, status) in
        [("/messages?before=x", 400), ("/messages?limit=0", 400), ("/stream?after=x", 400), ("?x=1", 400)]
    {
        assert_eq!(browser.get(path).status, status, "{path}");
    }
    let plain = [browser.headers(), vec![("content-type", "text/plain")]].concat();
    let plain = browser.client.send("POST", &format!("{}/messages", browser.place), &plain, br#"{"text":"a"}"#);
    assert_eq!(plain.word("code"), "bad-content-type", "what a form of another site could send");
    assert_eq!(browser.client.get("/v1/chat/x").word("code"), "bad-id");
    assert_eq!(browser.client.get(&format!("/v1/chat/{}", shop.business)).status, 200, "a page of the server's own");
    // A language that is none says so before anybody is made.
    let odd = Browser::at(&shop, "203.0.113.9").post("/visit", &json!({ "language": "x".repeat(40) }));
    assert_eq!(odd.status, 422, "{}", odd.text);
}

#[test]
fn an_owner_decides_how_it_looks() {
    let shop = shop();
    let set = |chat: Value| shop.owner.patch("/v1/business", &json!({ "chat": chat }));
    let chat = json!({ "origins": [PAGE], "colour": "#7a1f3d", "greeting": { "en": "Fresh bread?", "de": "Brot?" } });
    assert_eq!(set(chat.clone()).with(200)["chat"], chat);
    let about = Browser::at(&shop, "203.0.113.10").get("").with(200);
    assert_eq!(
        about,
        json!({ "name": "Baker Street Bakery", "language": "en", "zone": "Europe/Berlin", "colour": "#7a1f3d",
            "greeting": chat["greeting"], "message_bytes": 4096, "visiting": false })
    );
    for (chat, path) in [
        (json!({ "origins": ["https://bakery.example/"] }), "/chat/origins/0"),
        (json!({ "origins": [PAGE, "*"] }), "/chat/origins/1"),
        (json!({ "origins": vec![PAGE; 21] }), "/chat/origins"),
        (json!({ "colour": "red" }), "/chat/colour"),
        (json!({ "colour": "#12345g" }), "/chat/colour"),
        (json!({ "greeting": { "en": "" } }), "/chat/greeting/en"),
        (json!({ "greeting": { "en": "a\u{0}b" } }), "/chat/greeting/en"),
        (json!({ "greeting": { "english please": "Hi" } }), "/chat/greeting"),
        (json!({ "fonts": [] }), "/chat/fonts"),
    ] {
        let refused = set(chat.clone());
        assert_eq!(
            (refused.status, refused.body["errors"][0]["path"].as_str()),
            (422, Some(path)),
            "{chat}: {}",
            refused.text
        );
    }
    assert_eq!(shop.owner.get("/v1/business").with(200)["chat"], chat);
    let staff = shop.token("staff");
    assert_eq!(staff.patch("/v1/business", &json!({ "chat": {} })).status, 403);
}

#[test]
fn the_script_and_a_page_with_it_are_there() {
    let shop = shop();
    let client = shop.server.client("");
    let script = client.get("/chat.js");
    assert_eq!((script.status, script.header("content-type")), (200, "text/javascript; charset=utf-8"));
    let known = client.send("GET", "/chat.js", &[("if-none-match", script.header("etag"))], b"");
    assert_eq!((known.status, known.text.len()), (304, 0));
    let packed = client.open("GET", "/chat.js", &[("accept-encoding", "br, gzip;q=0.8")], b"").unwrap();
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let size: usize = packed.headers()["content-length"].to_str().unwrap().parse().unwrap();
    assert!(size < 15_000, "{size} bytes on the wire");

    let page = client.get(&format!("/chat/demo?business={}", shop.business));
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let tag = format!(r#"<script src="../chat.js" data-business="{}" async></script>"#, shop.business);
    assert!(page.text.contains(&tag) && page.text.contains("Baker Street Bakery"), "{}", page.text);
    assert!(page.header("content-security-policy").contains("script-src 'self'"));
    shop.owner.patch("/v1/business", &json!({ "name": "<script>alert(1)</script>" })).with(200);
    let page = client.get(&format!("/chat/demo?business={}", shop.business));
    assert!(!page.text.contains("<script>alert"), "{}", page.text);
    assert_eq!(client.get("/chat/demo?business=biz_x").status, 400);
}

#[test]
fn a_conversation_outlives_a_restart() {
    let server = std::sync::Arc::new(Server::start());
    let shop = Shop::open_on(server.clone());
    shop.owner.patch("/v1/business", &json!({ "chat": { "origins": [PAGE] } })).with(200);
    let browser = Browser::at(&shop, "203.0.113.11").visits();
    browser.writes("Hello").with(202);
    browser.hears(1);
    let shop = shop.moved(std::sync::Arc::new(server.restart(&Start::default())));
    let browser = Browser { cookie: browser.cookie, ..Browser::at(&shop, "203.0.113.11") };
    assert_eq!(browser.hears(1)[0]["text"], "Hello");
    browser.writes("Still there?").with(202);
    assert_eq!(browser.hears(2).len(), 2);
}
