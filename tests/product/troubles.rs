//! What an owner should look at (`GET /v1/troubles`). Wrong input of every kind goes through the real door of real plugins: what the
//! vendor is answered, what is told of it in the log and in the troubles, and that the server lives on. Then everything else that goes
//! wrong, and that each trouble goes when it is over.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;

use attune::world::{Serve, World};
use attune_tests::{Answer, Client, Server, Shop, Start, event, text, until};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::components;
use crate::doors::{SECRET, provider, request, set_secret, state, with_provider, write};

/// The secret of senders that sign by Standard Webhooks.
const STANDARD_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn mac(key: &[u8], message: &[u8]) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(message).finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn now_s() -> u64 {
    Serve::new().now().0 / 1_000
}

/// A request as a vendor sends it.
#[derive(Clone)]
struct Sent {
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Sent {
    fn to(&self, shop: &Shop, plugin: &str) -> Answer {
        let headers: Vec<(&str, &str)> = self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        shop.owner.token("").send("POST", &format!("/hooks/{}/{plugin}", shop.business), &headers, &self.body)
    }

    fn without(&self, header: &str) -> Self {
        let mut sent = self.clone();
        sent.headers.retain(|(name, _)| *name != header);
        sent
    }

    fn with_body(&self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self.clone() }
    }
}

/// What Shopify sends, with an id of its own.
fn shopify(topic: &str, id: &str, body: impl Into<Vec<u8>>) -> Sent {
    let body = body.into();
    let signature = STANDARD.encode(mac(SECRET.as_bytes(), &body));
    let headers = [("x-shopify-topic", topic), ("x-shopify-webhook-id", id), ("x-shopify-hmac-sha256", &signature)];
    Sent { headers: headers.map(|(name, value)| (name, value.to_owned())).to_vec(), body }
}

/// What WooCommerce sends.
fn woocommerce(body: impl Into<Vec<u8>>) -> Sent {
    let body = body.into();
    let signature = STANDARD.encode(mac(SECRET.as_bytes(), &body));
    let headers = [("x-wc-webhook-topic", "order.created"), ("x-wc-webhook-resource", "order")].into_iter();
    let headers = headers.chain([("x-wc-webhook-event", "created"), ("x-wc-webhook-signature", &signature)]);
    let headers =
        headers.chain([("x-wc-webhook-source", "https://backstube.example/"), ("content-type", "application/json")]);
    Sent { headers: headers.map(|(name, value)| (name, value.to_owned())).collect(), body }
}

/// A mail as a mail server hands it on, signed at some moment.
fn mail(id: &str, signed: &str, body: impl Into<Vec<u8>>) -> Sent {
    let body = body.into();
    let key = STANDARD.decode(STANDARD_SECRET.trim_start_matches("whsec_")).unwrap();
    let message = [format!("{id}.{signed}.").as_bytes(), &body].concat();
    let signature = format!("v1,{}", STANDARD.encode(mac(&key, &message)));
    let headers = [("webhook-id", id), ("webhook-timestamp", signed), ("webhook-signature", &signature)].into_iter();
    let headers = headers.chain([("content-type", "message/rfc822")]);
    Sent { headers: headers.map(|(name, value)| (name, value.to_owned())).collect(), body }
}

/// What Mailgun sends: its signature is over a time and a token, and not over the rest.
fn mailgun(token: &str, about: &Value) -> Sent {
    let signed = now_s().to_string();
    let signature = hex(&mac(SECRET.as_bytes(), format!("{signed}{token}").as_bytes()));
    let body =
        json!({ "signature": { "timestamp": signed, "token": token, "signature": signature }, "event-data": about });
    Sent { headers: vec![("content-type", "application/json".to_owned())], body: body.to_string().into_bytes() }
}

/// An order of the shop, by its id, at some time.
fn order(id: u64, updated: &str) -> Value {
    let mut order: Value = serde_json::from_str(request("order-placed")["body"].as_str().unwrap()).unwrap();
    (order["id"], order["updated_at"]) = (json!(id), json!(updated));
    order
}

const EARLIER: &str = "2026-03-01T18:20:01+01:00";
const LATER: &str = "2026-03-02T09:00:00+01:00";

/// The same with each text in it replaced.
fn each_text(value: &Value, replace: &impl Fn(&str) -> Value) -> Value {
    match value {
        Value::String(text) => replace(text),
        Value::Array(items) => items.iter().map(|item| each_text(item, replace)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| (name.clone(), each_text(field, replace)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// The same with each number in it as a text.
fn numbers_as_texts(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.to_string()),
        Value::Array(items) => items.iter().map(numbers_as_texts).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| (name.clone(), numbers_as_texts(field)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// The troubles of a shop that are of a kind.
fn of_kind(client: &Client, kind: &str) -> Vec<Value> {
    let mut items = client.get("/v1/troubles").with(200)["items"].as_array().cloned().unwrap();
    for item in &items {
        for part in ["text", "remedy", "link", "kind"] {
            assert!(item[part].as_str().is_some_and(|words| !words.is_empty()), "{part}: {item:#}");
        }
        assert!(item["at"].is_u64() && item["count"].as_u64() > Some(0), "{item:#}");
    }
    items.retain(|item| item["kind"] == kind);
    items
}

/// Waits until there is one trouble of a kind.
#[track_caller]
fn one(client: &Client, kind: &str) -> Value {
    until(&format!("there is one trouble of the kind {kind}"), || {
        let found = of_kind(client, kind);
        (found.len() == 1).then(|| found[0].clone())
    })
}

/// Waits until there is none of a kind.
#[track_caller]
fn none(client: &Client, kind: &str) {
    until(&format!("no trouble of the kind {kind} is left"), || of_kind(client, kind).is_empty().then_some(()));
}

/// What was refused, by plugin and reason: how often.
fn refused(shop: &Shop) -> Vec<(String, String, u64)> {
    let mut found: Vec<Value> = of_kind(&shop.owner, "request-refused");
    found.extend(of_kind(&shop.owner, "connector-failed"));
    let word = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let mut found: Vec<_> =
        found.iter().map(|one| (word(one, "plugin"), word(one, "reason"), one["count"].as_u64().unwrap())).collect();
    found.sort();
    found
}

/// How many lines of the server's log say that a request of this shop was refused for a reason.
fn logged(shop: &Shop, plugin: &str, reason: &str) -> usize {
    let (plugin, reason) = (format!("{plugin:?}"), format!("{reason:?}"));
    let said = shop.server.said();
    let ours = said.iter().filter(|line| line.contains("a webhook was not taken") && line.contains(&shop.business));
    ours.filter(|line| line.contains(&plugin) && line.contains(&reason)).count()
}

#[test]
fn whatever_is_wrong_at_a_door_is_answered_logged_and_told() {
    let shop = Shop::open();
    for plugin in ["shopify", "woocommerce", "mailgun", "email"] {
        shop.enable(plugin);
    }
    let good = |id: u64| shopify("orders/create", &format!("good-{id}"), order(id, EARLIER).to_string());
    let now = now_s().to_string();
    let plain_mail = "From: Mia <mia@example.com>\nTo: hello@backstube.example\nMessage-ID: <a@example.com>\n\nCake?\n";

    // No secret: nothing is believed.
    let nobody = good(1).to(&shop, "shopify");
    assert_eq!(nobody.status, 401, "{}", nobody.text);
    assert_eq!(refused(&shop), [("shopify".to_owned(), "no-secret".to_owned(), 1)]);
    for (plugin, secret) in
        [("shopify", SECRET), ("woocommerce", SECRET), ("mailgun", SECRET), ("email", STANDARD_SECRET)]
    {
        set_secret(&shop, plugin, "signing", &[secret]);
    }
    assert_eq!(good(1).to(&shop, "shopify").status, 200);
    assert_eq!(refused(&shop), [], "a good request ends it");

    let event_of_mail =
        json!({ "event": "opened", "id": "o1", "timestamp": 1_772_441_939.75, "recipient": "mia@example.com" });
    let other_event =
        json!({ "event": "clicked", "id": "o2", "timestamp": 1_772_441_939.75, "recipient": "mia@example.com" });
    let nested = "[".repeat(100_000);
    let wild = |text: &str| json!(format!("<img src=x onerror=alert(1)>\r\nBcc: all@example.com\r\n\0{text}"));
    let wild_words = |text: &str| if text.starts_with("2026-") { json!(text) } else { wild(text) };
    let mut latin = order(8, EARLIER).to_string().into_bytes();
    latin.extend_from_slice(b" \xe4\xf6\xfc");
    let mut no_country = order(9, EARLIER);
    for place in ["shipping_address", "billing_address"] {
        no_country[place] = Value::Null;
    }
    let zone_less: Value = serde_json::from_str(
        &std::fs::read_to_string(attune_tests::repository().join("plugins/woocommerce/requests/zone-less.json"))
            .unwrap(),
    )
    .unwrap();
    let big = |bytes: usize| {
        let attachment = "QUJD".repeat(18) + "\n";
        let head = "From: Mia <mia@example.com>\nMessage-ID: <big@example.com>\nMIME-Version: 1.0\n\
                    Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nSee the picture.\n\
                    --b\nContent-Type: image/png\nContent-Disposition: attachment; filename=a.png\n\
                    Content-Transfer-Encoding: base64\n\n";
        format!("{head}{}--b--\n", attachment.repeat(bytes / attachment.len()))
    };

    // What it is, which plugin, the request; the status, words of the answer, the reason; an empty one: it is taken.
    let cases: Vec<(&str, &str, Sent, u16, &str, &str)> = vec![
        ("a wrong signature", "shopify", good(2).with_body("{}"), 401, "the signature is wrong", "wrong-signature"),
        ("no signature", "shopify", good(2).without("x-shopify-hmac-sha256"), 401, "there is no signature", "unsigned"),
        (
            "a signature of an hour ago",
            "email",
            mail("m1", &(now_s() - 3_600).to_string(), plain_mail),
            401,
            "was signed 36",
            "stale",
        ),
        (
            "a signature at no time",
            "email",
            mail("m1", "yesterday", plain_mail),
            401,
            "no number of seconds",
            "unreadable",
        ),
        ("a token for the first time", "mailgun", mailgun("t1", &event_of_mail), 200, "", ""),
        ("the same token with another body", "mailgun", mailgun("t1", &other_event), 409, "used before", "replayed"),
        (
            "a body cut short",
            "shopify",
            shopify("orders/create", "cut", &order(3, EARLIER).to_string()[..200]),
            400,
            "not JSON",
            "malformed",
        ),
        (
            "another charset than it says",
            "shopify",
            shopify("orders/create", "latin", latin),
            400,
            "not JSON",
            "malformed",
        ),
        (
            "brackets a hundred thousand deep",
            "shopify",
            shopify("orders/create", "deep", nested.clone()),
            400,
            "not JSON",
            "malformed",
        ),
        (
            "the same to a vendor whose signature is in the body",
            "mailgun",
            Sent { headers: vec![("content-type", "application/json".to_owned())], body: nested.into_bytes() },
            401,
            "there is no signature",
            "unsigned",
        ),
        (
            "nulls everywhere",
            "shopify",
            shopify("orders/create", "nulls", request("nulls-everywhere")["body"].as_str().unwrap()),
            200,
            "",
            "",
        ),
        (
            "numbers as texts",
            "shopify",
            shopify("orders/create", "texts", numbers_as_texts(&order(4, EARLIER)).to_string()),
            200,
            "",
            "",
        ),
        ("times without a zone", "woocommerce", woocommerce(zone_less["body"].as_str().unwrap()), 200, "", ""),
        (
            "a telephone number without a country",
            "shopify",
            shopify("orders/create", "phone", no_country.to_string()),
            200,
            "",
            "",
        ),
        (
            "HTML, line ends and NUL in every text",
            "shopify",
            shopify("orders/create", "wild", each_text(&order(5, EARLIER), &wild_words).to_string()),
            200,
            "",
            "",
        ),
        (
            "the same in times too",
            "shopify",
            shopify("orders/create", "wilder", each_text(&order(11, EARLIER), &wild).to_string()),
            422,
            "is not a time such as",
            "misfit",
        ),
        ("10 MB of mail", "email", mail("m2", &now, big(10 << 20)), 200, "", ""),
        ("17 MB of mail", "email", mail("m3", &now, big(17 << 20)), 413, "is the limit", "too-large"),
        (
            "one id for two things",
            "shopify",
            shopify("orders/create", "good-1", order(6, EARLIER).to_string()),
            409,
            "another body",
            "conflict",
        ),
        ("an address without a connector", "nothing", good(2), 404, "no connector at this address", "no-connector"),
    ];
    for (what, plugin, sent, status, words, reason) in cases {
        let answer = sent.to(&shop, plugin);
        assert_eq!(answer.status, status, "{what}: {}", answer.text);
        assert!(answer.text.contains(words), "{what}: {}", answer.text);
        assert_eq!(shop.server.client("").get("/healthz").status, 200, "{what}: the server lives on");
        if reason.is_empty() {
            assert_eq!(answer.text, "", "{what}");
            continue;
        }
        let told = if reason == "no-connector" { "" } else { plugin };
        let known = refused(&shop);
        assert!(known.iter().any(|one| (one.0.as_str(), one.1.as_str()) == (told, reason)), "{what}: {known:?}");
        until(&format!("the log tells of {what}"), || (logged(&shop, plugin, reason) > 0).then_some(()));
    }

    // A vendor that sends the same fifty times, or tells the newer thing first.
    for _ in 0..50 {
        assert_eq!(good(7).to(&shop, "shopify").status, 200);
    }
    let mut cancelled = order(7, LATER);
    cancelled["cancelled_at"] = json!(LATER);
    assert_eq!(shopify("orders/cancelled", "c7", cancelled.to_string()).to(&shop, "shopify").status, 200);
    assert_eq!(shopify("orders/updated", "u7", order(7, EARLIER).to_string()).to(&shop, "shopify").status, 200);
    shop.settled();
    let mia = shop.owner.get("/v1/customers?address=email:mia@example.com").with(200);
    let all = shop.owner.get(&format!("/v1/customers/{}/export", text(&mia["items"][0]["id"]))).with(200);
    let orders: Vec<&Value> = all["orders"].as_array().unwrap().iter().filter(|order| order["id"] == "7").collect();
    assert_eq!((orders.len(), &orders[0]["status"]), (1, &json!("cancelled")), "{orders:#?}");

    // The connector is off, or fails.
    shop.owner.patch("/v1/plugins/woocommerce", &json!({ "enabled": false })).with(200);
    let off = woocommerce("{}").to(&shop, "woocommerce");
    assert_eq!(off.status, 503, "{}", off.text);
    let operator = shop.server.as_operator().of(&shop.business);
    operator.patch("/v1/plugins/shopify", &json!({ "limits": { "door_fuel": 10_000 } })).with(200);
    let failed = good(10).to(&shop, "shopify");
    assert_eq!(failed.status, 500, "{}", failed.text);
    operator.patch("/v1/plugins/shopify", &json!({ "limits": {} })).with(200);
    assert_eq!(good(10).to(&shop, "shopify").status, 200);

    // What was about one request is told for a day; what a good request disproves is not.
    let told = |plugin: &str, reason: &str, count: u64| (plugin.to_owned(), reason.to_owned(), count);
    assert_eq!(
        refused(&shop),
        [
            told("", "no-connector", 1),
            told("email", "too-large", 1),
            told("mailgun", "replayed", 1),
            told("mailgun", "unsigned", 1),
            told("shopify", "conflict", 1),
            told("shopify", "connector-failed", 1),
            told("shopify", "malformed", 3),
            told("shopify", "misfit", 1),
            told("woocommerce", "off", 1),
        ]
    );
    // The log has one line for each reason, however often it happened, and none that a stranger wrote.
    assert_eq!((logged(&shop, "shopify", "malformed"), logged(&shop, "shopify", "connector-failed")), (1, 1));
    assert!(shop.server.said().iter().all(|line| !line.starts_with("Bcc:")), "a line of the log is the vendor's");
    for language in ["de", "es"] {
        let told = shop.owner.get(&format!("/v1/troubles?language={language}")).with(200);
        assert_eq!(
            told["items"].as_array().unwrap().len(),
            shop.owner.get("/v1/troubles").with(200)["items"].as_array().unwrap().len()
        );
    }
    assert_eq!(shop.owner.get("/v1/troubles?language=fr").status, 400);
    assert_eq!(shop.owner.get("/v1/troubles?limit=3").status, 400);
}

#[test]
fn a_thousand_refusals_of_a_stranger_leave_one_line_and_no_row() {
    let shop = Shop::open_on(Arc::new(Server::start()));
    shop.enable("shopify");
    set_secret(&shop, "shopify", "signing", &[SECRET]);
    let entries = || attune_tests::figure(&shop.server.client(""), "attune_store_entries_total");
    let before = entries();
    for n in 0..1_000 {
        let sent = shopify("orders/create", &n.to_string(), "{}").with_body(format!("{{\"id\":{n}}}"));
        assert_eq!(sent.to(&shop, "shopify").status, 401);
    }
    assert_eq!(entries(), before);
    assert_eq!(refused(&shop), [("shopify".to_owned(), "wrong-signature".to_owned(), 1_000)]);
    // The first, and one more if the minute turned meanwhile.
    assert!((1..=2).contains(&logged(&shop, "shopify", "wrong-signature")), "{:#?}", shop.server.said());
    // A restart forgets them.
    let moved = shop.moved(Arc::new(shop.server.restart(&Start::default())));
    assert_eq!(refused(&moved), []);
}

#[test]
fn a_trouble_with_a_plugin_goes_when_its_owner_mends_it() {
    let shop = Shop::open();
    let owner = &shop.owner;
    assert_eq!(owner.get("/v1/troubles").with(200)["items"], json!([]));

    shop.enable("twilio");
    until("both secrets are missing", || (of_kind(owner, "secret-missing").len() == 2).then_some(()));
    for secret in ["account-sid", "auth-token"] {
        set_secret(&shop, "twilio", secret, &["AC0"]);
    }
    none(owner, "secret-missing");

    let takes = "(func $handle (param i32 i32 i32 i32) (result i32) (i32.const 16))";
    shop.enable_as("guest", &components::guest(takes, &[]));
    let more = components::guest(
        &format!("{takes} (func $use (call $log (i32.const 0) (i32.const 0) (i32.const 0)))"),
        &["log".into(), "state".into()],
    );
    owner.upload("guest", &more).with(200);
    let waits = one(owner, "plugin-unapproved");
    assert!(waits["plugin"] == "guest" && text(&waits["text"]).contains("state"), "{waits:#}");
    owner.patch("/v1/plugins/guest", &json!({ "grants": ["state"] })).with(200);
    none(owner, "plugin-unapproved");

    shop.enable_as("rejects", &components::rejects());
    let kind = "com.example.weather";
    shop.tell("chat:anna", kind, json!({ "customer": {} }));
    let given_up = one(owner, "dead-letters");
    assert!(given_up["plugin"] == "rejects" && text(&given_up["text"]).contains("not today"), "{given_up:#}");
    owner.upload("rejects", &components::well()).with(200);
    let letters = owner.get("/v1/dead-letters").with(200);
    owner.post(&format!("/v1/dead-letters/{}/retry", text(&letters["items"][0]["id"])), &json!({})).with(202);
    none(owner, "dead-letters");

    let breaks = "(func $handle (param i32 i32 i32 i32) (result i32) (unreachable))";
    owner.upload("guest", &components::guest(breaks, &[])).with(200);
    for customer in 0..5 {
        let data = json!({ "customer": { "addresses": [format!("chat:{customer}")] } });
        owner.event(&event(kind, data)).with(202);
    }
    let stopped = one(owner, "plugin-stopped");
    assert!(stopped["plugin"] == "guest" && text(&stopped["text"]).contains("5 failures in a row"), "{stopped:#}");
    owner.patch("/v1/plugins/guest", &json!({ "enabled": true })).with(200);
    none(owner, "plugin-stopped");

    owner.post("/v1/pause", &json!({ "reason": "wrong prices" })).with(200);
    assert!(text(&one(owner, "all-paused")["text"]).ends_with("by Petra: wrong prices."));
    owner.post("/v1/resume", &json!({})).with(200);
    none(owner, "all-paused");
}

#[test]
fn a_message_that_did_not_arrive_is_told_by_channel_and_reason() {
    let refuses = "HTTP/1.1 422 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let gone = "HTTP/1.1 410 Gone\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (port, _asked) = provider(Box::leak(Box::new([refuses, refuses, gone])));
    let (shop, anna) = with_provider(port);
    let owner = &shop.owner;
    set_secret(&shop, "webhook", "signing", &[STANDARD_SECRET]);
    for text in ["One.", "Two."] {
        write(&shop, &anna, text);
        state(&shop, &anna, text, "failed");
    }
    let failed = one(owner, "delivery-failed");
    assert_eq!(
        (&failed["count"], &failed["channel"], &failed["customer"]),
        (&json!(2), &json!("webhook"), &json!(anna)),
        "{failed:#}"
    );
    let last = state(&shop, &anna, "Two.", "failed");
    assert_eq!(
        (&failed["message"], &failed["link"]),
        (&last["id"], &json!(format!("/v1/messages/{}/why", text(&last["id"]))))
    );
    assert!(failed["since"].as_u64() < failed["at"].as_u64(), "{failed:#}");
    assert_eq!(owner.get(failed["link"].as_str().unwrap()).status, 200);

    write(&shop, &anna, "Three.");
    assert_eq!(one(owner, "channel-gone")["plugin"], "webhook");
    owner.patch("/v1/plugins/webhook", &json!({ "enabled": true })).with(200);
    none(owner, "channel-gone");

    let path = format!("/v1/customers/{anna}/messages");
    owner.post(&path, &json!({ "text": "Four.", "channel": "sms" })).with(201);
    let unserved = one(owner, "channel-unserved");
    assert!(unserved["channel"] == "sms" && text(&unserved["text"]).contains("no plugin serves"), "{unserved:#}");
    shop.enable("twilio");
    none(owner, "channel-unserved");
}

/// A mail server that takes a mail's text and never answers what became of it.
fn drops_the_last_reply() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let say = |words: &str| (&stream).write_all(words.as_bytes()).is_ok();
            let (mut in_text, mut open) = (false, say("220 mail.example\r\n"));
            while open {
                let mut line = String::new();
                open = reader.read_line(&mut line).is_ok_and(|bytes| bytes > 0);
                if in_text {
                    open &= line.trim_end() != ".";
                } else if line.to_ascii_uppercase().starts_with("DATA") {
                    (in_text, open) = (true, say("354 go on\r\n"));
                } else {
                    open &= say("250 mail.example\r\n");
                }
            }
        }
    });
    port
}

#[test]
fn a_message_that_may_have_arrived_is_told_until_a_person_has_settled_it() {
    let smtp = crate::mail::url(drops_the_last_reply());
    let shop = Shop::open_on(Arc::new(Server::start_with(&Start::with(&["--smtp", &smtp]))));
    let owner = &shop.owner;
    let mia = shop.tell("email:mia@example.com", "attune.customer.updated.v1", json!({ "customer": {} }));
    let path = format!("/v1/customers/{mia}/messages");
    until("she is known", || {
        (owner.post(&path, &json!({ "text": "Hello.", "channel": "email" })).status == 201).then_some(())
    });
    let uncertain = one(owner, "delivery-uncertain");
    assert_eq!((&uncertain["customer"], &uncertain["channel"]), (&json!(mia), &json!("email")), "{uncertain:#}");
    let staff = shop.token("staff");
    assert_eq!(one(&staff, "delivery-uncertain")["message"], uncertain["message"], "staff see it too");
    staff.post(&format!("/v1/messages/{}/settle", text(&uncertain["message"])), &json!({ "arrived": true })).with(200);
    none(owner, "delivery-uncertain");
}
