//! The doors to vendors and providers, from outside: webhooks that come in at a connector, messages that leave by a channel plugin.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use attune_tests::{Answer, Server, Shop, Start, repository, until};
use serde_json::{Value, json};

/// A request that the connector's own tests use, signed with this secret.
pub const SECRET: &str = "a-secret-of-this-test";

pub fn request(name: &str) -> Value {
    let path = repository().join("plugins/shopify/requests").join(name).with_extension("json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A vendor calls: no token, only what it signed.
pub fn knock(shop: &Shop, plugin: &str, request: &Value) -> Answer {
    let headers = request["headers"].as_object().unwrap();
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    let path = format!("/hooks/{}/{plugin}", shop.business);
    shop.owner.token("").send("POST", &path, &headers, request["body"].as_str().unwrap().as_bytes())
}

pub fn set_secret(shop: &Shop, plugin: &str, name: &str, values: &[&str]) {
    let body = json!({ "values": values }).to_string();
    let path = format!("/v1/plugins/{plugin}/secrets/{name}");
    let answer = shop.owner.send("PUT", &path, &[("content-type", "application/json")], body.as_bytes());
    assert_eq!(answer.status, 204, "{}", answer.text);
}

/// All that is known of whoever has an address, once there are so many orders.
fn export(shop: &Shop, address: &str, orders: usize) -> Value {
    until("the customer's step is done", || {
        let found = shop.owner.get(&format!("/v1/customers?address={}", address.replace('+', "%2B"))).body;
        let id = found["items"][0]["id"].as_str()?.to_owned();
        let all = shop.owner.get(&format!("/v1/customers/{id}/export")).body;
        (all["orders"].as_array().map_or(0, Vec::len) == orders).then_some(all)
    })
}

#[test]
fn what_a_shop_sends_is_believed_by_its_signature_only() {
    let shop = Shop::open();
    shop.enable("shopify");
    let order = request("order-placed");
    let nobody = knock(&shop, "shopify", &order);
    assert_eq!(nobody.status, 401, "{}", nobody.text);
    assert!(nobody.text.contains("the secret `signing` is not set"), "{}", nobody.text);

    set_secret(&shop, "shopify", "signing", &["the-next-secret", SECRET]);
    let wrong = knock(&shop, "shopify", &request("signature-wrong"));
    assert_eq!(wrong.status, 401, "{}", wrong.text);
    let mut unsigned = order.clone();
    unsigned["headers"].as_object_mut().unwrap().remove("X-Shopify-Hmac-Sha256");
    assert_eq!(knock(&shop, "shopify", &unsigned).status, 401);
    let cut = knock(&shop, "shopify", &request("body-cut-short"));
    assert_eq!(cut.status, 400, "{}", cut.text);
    assert!(cut.text.contains("the body is not JSON"), "{}", cut.text);
    assert_eq!(knock(&shop, "nothing", &order).status, 404);
    assert_eq!(shop.owner.get("/v1/customers").body["items"], json!([]), "nothing of it left a trace");

    // A vendor sends the same fifty times.
    for _ in 0..50 {
        let taken = knock(&shop, "shopify", &order);
        assert_eq!((taken.status, taken.text.as_str()), (200, ""));
    }
    let mia = export(&shop, "email:mia@example.com", 1);
    assert_eq!(mia["orders"][0]["number"], "#2041");
    assert_eq!(export(&shop, "phone:+4915123456789", 1)["customer"]["id"], mia["customer"]["id"]);

    shop.owner.patch("/v1/plugins/shopify", &json!({ "enabled": false })).with(200);
    let off = knock(&shop, "shopify", &request("customer"));
    assert_eq!(off.status, 503, "{}", off.text);
}

#[test]
fn news_of_a_part_of_an_order_finds_its_customer_in_whatever_order_it_comes() {
    let shop = Shop::open();
    shop.enable("shopify");
    set_secret(&shop, "shopify", "signing", &[SECRET]);
    // The parcel comes before the order does, and nobody is named in the news of the cancellation.
    for name in ["parcel", "order-placed", "parcel-delivered", "order-partly-shipped"] {
        assert_eq!(knock(&shop, "shopify", &request(name)).status, 200, "{name}");
    }
    let delivered = until("the last news had its turn", || {
        let mia = export(&shop, "email:mia@example.com", 1);
        (mia["orders"][0]["number"] == "#2041" && mia["orders"][0]["status"] == "delivered").then_some(mia)
    });
    let order = &delivered["orders"][0];
    assert_eq!(order["items"], json!(["Rye loaf - 1 kg", "Butter croissant"]));
    let parcels = order["shipments"].as_array().unwrap();
    assert_eq!(parcels.len(), 1, "{order}");
    assert_eq!(parcels[0]["tracking"], "JD0146000001");
    assert!(parcels[0]["delivered"].is_string(), "{order}");
    // It says nothing of whose it is but the order's id.
    assert_eq!(knock(&shop, "shopify", &request("order-cancelled")).status, 200);
    assert_eq!(shop.owner.get("/v1/customers").body["items"].as_array().unwrap().len(), 1);
}

#[test]
fn a_secret_is_set_and_never_shown() {
    let shop = Shop::open();
    shop.enable("shopify");
    let listed = |count: usize| {
        let shown = shop.owner.get("/v1/plugins/shopify");
        assert_eq!(shown.body["secrets"][0]["name"], "signing");
        assert_eq!(shown.body["secrets"][0]["values"], count);
        assert!(!shown.text.contains(SECRET));
    };
    listed(0);
    set_secret(&shop, "shopify", "signing", &[SECRET]);
    listed(1);
    let audit = shop.server.as_operator().of(&shop.business).get("/v1/audit").text;
    assert!(audit.contains("secrets.set") && !audit.contains(SECRET), "{audit}");
    let hook = &shop.owner.get("/v1/plugins/shopify").body["hook"];
    assert!(hook["address"].as_str().unwrap().ends_with(&format!("/hooks/{}/shopify", shop.business)), "{hook}");
    assert_eq!(hook["topics"][0], "orders/create");

    let put = |name: &str, body: Value| {
        let path = format!("/v1/plugins/shopify/secrets/{name}");
        shop.owner.send("PUT", &path, &[("content-type", "application/json")], body.to_string().as_bytes())
    };
    for (name, body, status, words) in [
        ("other", json!({ "values": ["x"] }), 404, "it has signing"),
        ("signing", json!({ "values": [] }), 422, "1 to 3 values"),
        ("signing", json!({ "values": [""] }), 422, "1 to 2048 bytes"),
        ("signing", json!({ "values": ["a", "b", "c", "d"] }), 422, "1 to 3 values"),
        ("signing", json!({ "value": "x" }), 422, "unknown field"),
    ] {
        let answer = put(name, body.clone());
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
        assert!(answer.text.contains(words), "{body}: {}", answer.text);
    }
    assert_eq!(shop.token("staff").send("DELETE", "/v1/plugins/shopify/secrets/signing", &[], b"").status, 403);
    assert_eq!(shop.owner.delete("/v1/plugins/shopify/secrets/signing").status, 204);
    listed(0);
}

/// What a provider was sent.
pub struct Asked {
    headers: Vec<String>,
    body: Value,
}

/// A provider on this machine that answers with these, one after the other; an empty one is no answer at all.
pub fn provider(answers: &'static [&'static str]) -> (u16, Receiver<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for answer in answers {
            let Ok((stream, _)) = listener.accept() else { return };
            let mut reader = BufReader::new(stream);
            let (mut headers, mut length) = (Vec::new(), 0);
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
                headers.push(line.trim().to_owned());
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let body = serde_json::from_slice(&body).unwrap();
            if sender.send(Asked { headers, body }).is_err() {
                return;
            }
            let mut stream = reader.into_inner();
            // Whoever asked may be gone.
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (port, receiver)
}

/// A shop whose webhook channel leads to a provider, and a customer who can be written to.
pub fn with_provider(port: u16) -> (Shop, String) {
    let server = Server::start_with(&Start::with(&["--egress-allow", &format!("127.0.0.1:{port}")]));
    let shop = Shop::open_on(Arc::new(server));
    shop.enable("webhook");
    let settings = json!({ "settings": { "url": format!("http://127.0.0.1:{port}/in") } });
    shop.owner.patch("/v1/plugins/webhook", &settings).with(200);
    let anna = shop.tell("phone:+4915112345678", "attune.customer.updated.v1", json!({ "customer": {} }));
    (shop, anna)
}

pub fn write(shop: &Shop, customer: &str, text: &str) {
    let path = format!("/v1/customers/{customer}/messages");
    until("the customer's step is done", || {
        let answer = shop.owner.post(&path, &json!({ "text": text, "channel": "webhook" }));
        (answer.status != 404).then(|| assert!((200..300).contains(&answer.status), "{}", answer.text))
    });
}

pub fn state(shop: &Shop, customer: &str, text: &str, wanted: &str) -> Value {
    shop.message(customer, wanted, |one| one["text"] == text && one["delivery"]["state"] == wanted)
}

pub const TAKEN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

#[test]
fn a_message_leaves_by_a_channel_plugin_signed_with_a_secret_it_never_sees() {
    let (port, asked) = provider(&[TAKEN]);
    let (shop, anna) = with_provider(port);
    write(&shop, &anna, "Your bread is ready.");
    let failed = state(&shop, &anna, "Your bread is ready.", "failed");
    assert!(failed["delivery"]["reason"].as_str().unwrap().contains("the secret `signing` is not set"), "{failed}");

    set_secret(&shop, "webhook", "signing", &["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]);
    write(&shop, &anna, "Your cake is ready.");
    let request = asked.recv_timeout(std::time::Duration::from_secs(30)).unwrap();
    assert_eq!(request.body["data"]["text"], "Your cake is ready.");
    assert_eq!(request.body["data"]["to"], "+4915112345678");
    let signature = request.headers.iter().find(|line| line.to_ascii_lowercase().starts_with("webhook-signature:"));
    assert!(signature.is_some_and(|line| line.contains("v1,") && !line.contains("{{")), "{:?}", request.headers);
    state(&shop, &anna, "Your cake is ready.", "sent");
}

#[test]
fn a_provider_that_wants_no_more_is_not_asked_again() {
    let gone = "HTTP/1.1 410 Gone\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (port, asked) = provider(Box::leak(Box::new([gone])));
    let (shop, anna) = with_provider(port);
    set_secret(&shop, "webhook", "signing", &["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]);
    write(&shop, &anna, "Hello.");
    asked.recv_timeout(std::time::Duration::from_secs(30)).unwrap();
    state(&shop, &anna, "Hello.", "failed");
    let paused = until("the plugin is stopped", || {
        let plugin = shop.owner.get("/v1/plugins/webhook").body;
        plugin["paused"]["reason"].as_str().map(str::to_owned)
    });
    assert!(paused.contains("wants no more"), "{paused}");
}

#[test]
fn what_a_provider_answers_decides_and_a_lost_answer_is_asked_again_where_that_is_harmless() {
    let later = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 120\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let refused = "HTTP/1.1 422 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let elsewhere =
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (port, asked) = provider(Box::leak(Box::new([later, refused, elsewhere, "", "this is no HTTP\r\n\r\n"])));
    let (shop, anna) = with_provider(port);
    set_secret(&shop, "webhook", "signing", &["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]);
    // The signed webhook knows a request that it had before, so what is lost is tried again.
    for (text, wanted) in [
        ("Later.", "deferred"),
        ("Refused.", "failed"),
        ("Elsewhere.", "failed"),
        ("Silence.", "deferred"),
        ("Garbage.", "deferred"),
    ] {
        write(&shop, &anna, text);
        asked.recv_timeout(std::time::Duration::from_secs(30)).unwrap();
        state(&shop, &anna, text, wanted);
    }
}

#[test]
fn without_the_operators_word_nothing_goes_to_this_machine() {
    let shop = Shop::open();
    shop.enable("webhook");
    set_secret(&shop, "webhook", "signing", &["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]);
    let anna = shop.tell("phone:+4915112345678", "attune.customer.updated.v1", json!({ "customer": {} }));
    for (url, words) in
        [("https://127.0.0.1/in", "no public address"), ("http://example.com/in", "only https is allowed")]
    {
        shop.owner.patch("/v1/plugins/webhook", &json!({ "settings": { "url": url } })).with(200);
        write(&shop, &anna, url);
        let failed = state(&shop, &anna, url, "failed");
        assert!(failed["delivery"]["reason"].as_str().unwrap().contains(words), "{failed}");
    }
}
