//! What is wrong is refused with a reason, and what cannot be taken now is not half taken.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use attune_tests::{Client, Server, Shop, Start, event, fresh, plugin_file, text, until};
use serde_json::{Value, json};

use crate::components;

/// The problem that an answer is, with its status and code checked, as far as its words go.
#[track_caller]
fn problem(answer: &attune_tests::Answer, status: u16, code: &str) -> String {
    assert_eq!((answer.status, answer.word("code")), (status, code), "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.word("type"), format!("urn:attune:problem:{code}"));
    assert_eq!(answer.body["status"], status);
    assert!(!answer.word("title").is_empty() && !answer.word("detail").is_empty(), "{}", answer.text);
    answer.word("detail").to_owned()
}

#[test]
fn a_malformed_event_is_refused_with_what_is_wrong() {
    let shop = Shop::open();
    let json = "application/json";
    let (structured, batch) = ("application/cloudevents+json", "application/cloudevents-batch+json");
    // Headers, body; status, code, and words of the answer.
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, u16, &'a str, &'a str);
    let cases: &[Case] = &[
        (&[("content-type", structured)], "", 400, "malformed", "not a CloudEvent"),
        (&[("content-type", structured)], "{", 400, "malformed", "not a CloudEvent"),
        (&[("content-type", structured)], "[]", 400, "malformed", "not a CloudEvent"),
        (&[("content-type", structured)], r#"{"id":"1","source":"s","type":"t"}"#, 400, "malformed", "`specversion`"),
        (
            &[("content-type", structured)],
            r#"{"specversion":"0.3","id":"1","source":"s","type":"t"}"#,
            400,
            "malformed",
            "this takes CloudEvents `1.0`",
        ),
        (
            &[("content-type", structured)],
            r#"{"specversion":"1.0","source":"s","type":"t"}"#,
            400,
            "malformed",
            "`id` is missing",
        ),
        (
            &[("content-type", structured)],
            r#"{"specversion":"1.0","id":"1","source":"s","type":""}"#,
            400,
            "malformed",
            "`type` is empty",
        ),
        (
            &[("content-type", structured)],
            r#"{"specversion":"1.0","id":"1","source":"s","type":"t","datacontenttype":"text/xml"}"#,
            400,
            "malformed",
            "`text/xml`",
        ),
        (&[("content-type", batch)], "{}", 400, "malformed", "not a JSON array"),
        (
            &[("content-type", json), ("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "s")],
            "{}",
            400,
            "malformed",
            "`type` is missing",
        ),
        (
            &[("content-type", json), ("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "s"), ("ce-type", "t")],
            "{",
            400,
            "malformed",
            "not JSON",
        ),
        (&[("content-type", json)], "{}", 415, "bad-content-type", "no `ce-` headers"),
        (&[("content-type", "text/plain")], "{}", 415, "bad-content-type", "`text/plain`"),
        (&[], "{}", 415, "bad-content-type", "no content type"),
    ];
    for (headers, body, status, code, words) in cases {
        let answer = shop.owner.send("POST", "/v1/events", headers, body.as_bytes());
        let told = problem(&answer, *status, code);
        assert!(told.contains(words), "{headers:?} {body}: {told}");
    }
}

#[test]
fn data_that_fits_no_schema_is_refused_with_path_and_rule() {
    let shop = Shop::open();
    let who = json!({ "addresses": ["chat:anna"] });
    let booked = |appointment: Value| json!({ "customer": who, "appointment": appointment });
    let cases = [
        ("message.received", json!({ "customer": who }), "", "\"text\" is a required property"),
        ("message.received", json!({ "customer": who, "text": 5 }), "/text", "is not of type \"string\""),
        ("message.received", json!({ "customer": {}, "text": "Hi" }), "/customer", "at least one address"),
        (
            "message.received",
            json!({ "customer": { "addresses": ["anna"] }, "text": "Hi" }),
            "/customer/addresses/0",
            "`anna` is refused",
        ),
        (
            "message.received",
            json!({ "customer": { "id": "cus_01m80pqgp3rw7rfc3jb128z4rc" }, "text": "Hi" }),
            "/customer/id",
            "there is no customer",
        ),
        (
            "customer.updated",
            json!({ "customer": { "addresses": ["chat:a"], "zone": "Mars/X" } }),
            "/customer/zone",
            "IANA",
        ),
        ("customer.updated", json!({ "customer": { "addresses": ["chat:a"], "nam": "A" } }), "/customer", "nam"),
        (
            "appointment.booked",
            booked(json!({ "id": "a", "service": "s", "starts": "tomorrow at ten, please" })),
            "/appointment/starts",
            "`tomorrow at ten, please` is not a time",
        ),
        (
            "appointment.booked",
            booked(json!({
                "id": "a", "service": "s", "starts": "2030-01-01T10:00:00Z", "ends": "2030-01-01T09:00:00Z"
            })),
            "/appointment/ends",
            "ends before it starts",
        ),
        (
            "order.placed",
            json!({ "customer": who, "order": { "id": "1", "number": "1", "total": { "amount_minor": 1, "currency": "euro" } } }),
            "/order/total/currency",
            "does not match",
        ),
    ];
    for (kind, data, path, rule) in cases {
        let answer = shop.owner.event(&event(&format!("attune.{kind}.v1"), data.clone()));
        problem(&answer, 422, "invalid");
        let errors = answer.body["errors"].as_array().unwrap();
        let fits =
            |error: &Value| error["path"] == path && error["rule"].as_str().is_some_and(|told| told.contains(rule));
        assert!(errors.iter().any(fits), "{kind} {data}: {errors:#?}");
    }
    assert!(shop.owner.get("/v1/customers").with(200)["items"].as_array().unwrap().is_empty(), "nothing was taken");
}

#[test]
fn an_event_of_an_unknown_type_is_taken_as_a_custom_one() {
    let shop = Shop::open();
    shop.enable_as("small", &components::well());
    let data = json!({ "customer": { "addresses": ["chat:anna"] }, "weather": ["rain", 7] });
    let taken = shop.owner.event(&event("com.example.weather", data)).with(202);
    let customer = text(&taken["customer"]);
    let run = until("the plugin has seen it", || {
        let whys = shop.owner.get(&format!("/v1/customers/{customer}/whys"));
        whys.body["items"].as_array()?.iter().find_map(|why| why["runs"].get(0).cloned())
    });
    assert_eq!((&run["export"], &run["outcome"]), (&json!("on-event"), &json!("done")), "{run:#}");
    // About nobody, with any data or none; and a type that only looks like one of ours.
    for kind in ["com.example.nobody", "attune.order.eaten.v1", "attune.message.received.v2"] {
        assert_eq!(
            shop.owner.event(&event(kind, json!([1, "two", null]))).with(202)["customer"],
            Value::Null,
            "{kind}"
        );
    }
}

#[test]
fn a_body_over_its_limit_is_refused() {
    let shop = Shop::open();
    let long = "x".repeat(2 << 20);
    let data = json!({ "customer": { "addresses": ["chat:anna"] }, "text": long });
    let told = problem(&shop.owner.event(&event("attune.message.received.v1", data)), 413, "too-large");
    assert!(told.contains("1048576 bytes"), "{told}");
    let many: Vec<Value> = (0..1_001).map(|_| event("any", json!({}))).collect();
    let told = problem(&shop.owner.batch(&json!(many)), 413, "too-large");
    assert!(told.contains("1001 events, and 1000 are the limit"), "{told}");
    // However long the client goes on sending, it hears the answer.
    problem(&shop.owner.upload("large", &vec![0; (32 << 20) + 1]), 413, "too-large");
    // Of one who sends three times the limit no more is taken than twice the limit: the connection may end before the answer.
    let endless = shop.owner.upload("large", &vec![0; 100 << 20]);
    assert!(matches!(endless.status, 413 | 0), "{}", endless.text);
    assert_eq!(shop.owner.get("/v1/plugins/large").status, 404);
    problem(&shop.owner.token("").upload("large", &vec![0; 16 << 20]), 401, "unauthorized");
    problem(&shop.owner.patch("/v1/business", &json!({ "name": long })), 413, "too-large");
}

#[test]
fn a_component_just_below_the_limit_is_kept_and_runs_after_a_restart() {
    let shop = Shop::open_on(Arc::new(Server::start()));
    shop.enable_as("large", &components::padded(components::well(), 30 << 20));
    let shop = shop.moved(Arc::new(shop.server.restart(&Start::default())));
    let data = json!({ "customer": { "addresses": ["chat:anna"] } });
    let customer = text(&shop.owner.event(&event("com.example.weather", data)).with(202)["customer"]);
    until("it has run", || {
        let whys = shop.owner.get(&format!("/v1/customers/{customer}/whys"));
        let runs = whys.body["items"].get(0)?["runs"].clone();
        (runs[0]["outcome"] == "done").then_some(())
    });
}

#[test]
fn a_wrong_token_is_refused_everywhere() {
    let shop = Shop::open();
    let secret = shop.owner.secret().to_owned();
    let mut changed = secret.clone();
    let last = changed.pop().unwrap();
    changed.push(if last == '0' { '1' } else { '0' });
    for path in ["/v1/customers", "/v1/plugins", "/v1/cases", "/v1/dead-letters", "/v1/tokens", "/v1/businesses"] {
        for token in ["", "nonsense", &changed, "vis_nonsense"] {
            let answer = shop.owner.token(token).get(path);
            problem(&answer, 401, "unauthorized");
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{path}");
        }
    }
    let basic = shop.server.client("").send("GET", "/v1/plugins", &[("authorization", "Basic eDp5")], &[]);
    problem(&basic, 401, "unauthorized");
    let nobody = shop.owner.token("").event(&event("any", json!({})));
    problem(&nobody, 401, "unauthorized");
    // An operator has to name a business, and one that is there.
    problem(&shop.server.as_operator().get("/v1/plugins"), 400, "no-business");
    problem(&shop.server.as_operator().of("biz_01m80pqfy64adgx0j3brws1ngc").get("/v1/plugins"), 404, "not-found");
    problem(&shop.server.as_operator().of("nonsense").get("/v1/plugins"), 400, "bad-header");
    problem(&shop.owner.get("/v1/businesses"), 403, "forbidden");
}

#[test]
fn a_file_that_is_no_plugin_for_this_host_is_refused_with_the_reason() {
    let shop = Shop::open();
    let real = std::fs::read(plugin_file("order-status")).unwrap();
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("a text", b"Dear Attune, please answer my customers.".to_vec(), &["not a WebAssembly component"]),
        ("nothing", Vec::new(), &["not a WebAssembly component"]),
        ("a component as text", b"(component)".to_vec(), &["not a WebAssembly component"]),
        ("half a component", real[..real.len() / 2].to_vec(), &["not a WebAssembly component"]),
        ("a core module", components::core_module(), &["it is a core module", "`attune build` wraps it"]),
        (
            "one that says nothing of itself",
            components::says_nothing(),
            &["no `attune:plugin` section", "`attune build`"],
        ),
        ("one that says nonsense of itself", components::says_nonsense(), &["`attune:plugin` section is wrong"]),
        (
            "one that exports nothing known",
            components::exports_nothing_known(),
            &[
                "exports nothing that Attune knows",
                "attune:automation/on-message",
                "attune:reader/reading",
                components::CONTRACT,
            ],
        ),
        (
            "one that imports something unknown",
            components::imports("wasi:http@0.2.0", "types"),
            &["imports `wasi:http/types@0.2.0`", "which no plugin has"],
        ),
        (
            "one that imports something that no Attune has",
            components::imports("attune:telepathy@0.1.0", "mind"),
            &["imports `attune:telepathy/mind@0.1.0`", "does not offer"],
        ),
        (
            "one for another contract",
            components::of_version("0.2.0"),
            &["`attune:types/types` at version 0.2.0", "serves version 0.1.0"],
        ),
        (
            "one that imports of another contract",
            components::imports("attune:host@0.9.0", "message"),
            &["imports `attune:host/message` at version 0.9.0", "serves version 0.1.0"],
        ),
        (
            "a reader that sends messages",
            components::reads_and_sends(),
            &[
                "exports `attune:reader/reading` and imports `attune:host/message`",
                "make what needs `message` a plugin",
            ],
        ),
        (
            "a reader that handles events",
            components::reads_and_handles(),
            &["exports `attune:reader/reading` and `attune:automation/on-event`", "make it two components"],
        ),
        ("a reader of several components", components::reads_composed(), &["several components in one", "make it one"]),
        (
            "a reader with another answer",
            components::reads_otherwise(),
            &[
                "does not fit the contract",
                "`read` of `attune:reader/reading@0.1.0` has another type",
                "expected `record`",
            ],
        ),
        (
            "a plugin with another answer",
            components::handles_otherwise(),
            &[
                "does not fit the contract",
                "`handle` of `attune:automation/on-event@0.1.0` has another type",
                "expected `variant`",
            ],
        ),
    ];
    for (what, wasm, words) in cases {
        let told = problem(&shop.owner.upload("wrong", &wasm), 422, "rejected");
        for word in words {
            assert!(told.contains(word), "{what}: `{word}` is missing in: {told}");
        }
    }
    assert_eq!(shop.owner.get("/v1/plugins/wrong").status, 404);
    let plain = shop.owner.send("POST", "/v1/plugins?name=x", &[("content-type", "text/plain")], &real);
    problem(&plain, 415, "bad-content-type");
    for name in ["", "Order Status", "host", &"x".repeat(65)] {
        problem(&shop.owner.upload(&name.replace(' ', "%20"), &real), 400, "bad-query");
    }
}

#[test]
fn settings_wording_and_grants_that_do_not_fit_are_refused_with_the_place() {
    let shop = Shop::open();
    shop.enable("order-status");
    shop.enable("escalation");
    let orders = "/v1/plugins/order-status";
    let escalation = "/v1/plugins/escalation";
    let before = (shop.owner.get(orders).body, shop.owner.get(escalation).body);
    let wording = |template: &str, words: &str| json!({ "wording": { template: { "en": words } } });
    let cases = [
        (orders, json!({ "settings": { "write_when": ["lost"] } }), "/settings/write_when/0", "\"lost\""),
        (orders, json!({ "settings": { "write": [] } }), "/settings", "write"),
        (orders, json!({ "settings": [] }), "/settings", "object"),
        (escalation, json!({ "settings": { "frustration_above": 2 } }), "/settings/frustration_above", "maximum"),
        (escalation, json!({ "settings": { "times_asked": "2" } }), "/settings/times_asked", "integer"),
        (orders, wording("shipped", "{numbre} is on its way"), "/wording/shipped/en", "numbre"),
        (orders, wording("shipped", "{number is on its way"), "/wording/shipped/en", ""),
        (orders, wording("eaten", "gone"), "/wording", "no template `eaten`"),
        (orders, json!({ "grants": ["tally"] }), "/grants", "tally"),
        (orders, json!({ "enable": true }), "/enable", "unknown field"),
        (orders, json!({}), "", "changes nothing"),
    ];
    for (at, change, path, rule) in cases {
        let answer = shop.owner.patch(at, &change);
        problem(&answer, 422, "invalid");
        let errors = answer.body["errors"].as_array().unwrap();
        let fits = |error: &Value| {
            error["path"].as_str().is_some_and(|told| told.starts_with(path))
                && error["rule"].as_str().is_some_and(|told| told.contains(rule))
        };
        assert!(errors.iter().any(fits), "{change}: {errors:#?}");
    }
    assert_eq!((shop.owner.get(orders).body, shop.owner.get(escalation).body), before, "nothing has changed");
}

#[test]
fn a_path_a_method_a_query_or_an_id_that_is_none_is_refused() {
    let shop = Shop::open();
    let owner = &shop.owner;
    let customer = shop.says("chat:anna", "Hello");
    shop.message(&customer, "the message", |_| true);
    let message = "msg_01m80pqgpnbfxs6a5ejk7fv3vw";
    for (answer, status, code) in [
        (owner.get("/v1/nothing"), 404, "no-route"),
        (owner.delete("/v1/events"), 405, "bad-method"),
        (owner.get("/v1/customers/anna"), 400, "bad-id"),
        (owner.get(&format!("/v1/customers/{message}")), 400, "bad-id"),
        (owner.get(&format!("/v1/messages/{message}/why")), 404, "not-found"),
        (owner.get("/v1/customers?adress=chat:anna"), 400, "bad-query"),
        (owner.get("/v1/customers?address=anna"), 400, "bad-query"),
        (owner.get("/v1/customers?limit=201"), 400, "bad-query"),
        (owner.get("/v1/customers?limit=many"), 400, "bad-query"),
        (owner.get("/v1/customers?after=chat:anna"), 400, "bad-query"),
        (
            owner.send("GET", &format!("/v1/customers/{customer}/messages/stream"), &[("last-event-id", "7")], &[]),
            400,
            "bad-header",
        ),
        (
            owner.send("PATCH", "/v1/plugins/x", &[("content-type", "application/json"), ("if-match", "new")], b"{}"),
            400,
            "bad-header",
        ),
        (owner.patch("/v1/plugins/nothing", &json!({ "enabled": true })), 404, "not-found"),
        (owner.send("PATCH", "/v1/business", &[("content-type", "application/json")], b"{"), 400, "bad-json"),
        (owner.patch("/v1/business", &json!({ "zone": "Mars/X" })), 422, "invalid"),
        (owner.patch("/v1/business", &json!({ "hours": { "mon": ["9 to 5"] } })), 422, "invalid"),
        (owner.post("/v1/tokens", &json!({ "role": "king", "label": "Otto" })), 422, "invalid"),
        (owner.post("/v1/tokens", &json!({ "role": "operator", "label": "Otto" })), 403, "forbidden"),
        (owner.post(&format!("/v1/customers/{customer}/messages"), &json!({ "text": " " })), 422, "invalid"),
        (
            owner.post(&format!("/v1/customers/{customer}/messages"), &json!({ "text": "x".repeat(5_000) })),
            422,
            "invalid",
        ),
        (
            owner.post(&format!("/v1/customers/{customer}/messages"), &json!({ "text": "Hi", "channel": "email" })),
            409,
            "withheld",
        ),
        (owner.post("/v1/visitors", &json!({ "address": "email:a@example.com" })), 422, "invalid"),
        (owner.post("/v1/visitors", &json!({ "minutes": 0 })), 422, "invalid"),
    ] {
        problem(&answer, status, code);
    }
}

#[test]
fn a_refused_request_leaves_its_connection_fit_for_the_next() {
    use std::io::{Read, Write};
    let server = Server::start();
    let mut wire = std::net::TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
    wire.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
    for round in 0..3 {
        // The head alone is enough to be refused; the body comes later.
        wire.write_all(b"PATCH /v1/business HTTP/1.1\r\nhost: attune\r\ncontent-length: 9\r\n\r\n").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(50));
        wire.write_all(b"{\"a\": 12}").unwrap();
        let mut answer = Vec::new();
        let mut piece = [0; 4_096];
        while !answer.ends_with(b"}") {
            let count = wire.read(&mut piece).unwrap();
            assert!(count > 0, "round {round}: the connection was closed: {}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&piece[..count]);
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 401 ") && !answer.contains("connection: close"), "{answer}");
    }
}

/// Threads that send messages of their own customer, one after the other, and note which were taken.
fn crowd(shop: &Shop, threads: usize, enough: &AtomicBool) -> Vec<(Vec<Value>, Vec<Value>)> {
    std::thread::scope(|scope| {
        let send = |thread: usize| {
            let (mut taken, mut refused) = (Vec::new(), Vec::new());
            let client = shop.server.client(shop.owner.secret());
            for n in 0..2_000 {
                let data =
                    json!({ "customer": { "addresses": [format!("chat:{thread}")] }, "text": format!("{thread}-{n}") });
                let event = event("attune.message.received.v1", data);
                let answer = client.event(&event);
                if answer.status == 503 {
                    assert_eq!((answer.word("code"), answer.header("retry-after")), ("busy", "1"), "{}", answer.text);
                    refused.push(event);
                    if refused.len() > 5 {
                        enough.store(true, Ordering::SeqCst);
                    }
                } else {
                    answer.with(202);
                    taken.push(event);
                }
                if enough.load(Ordering::SeqCst) {
                    break;
                }
            }
            (taken, refused)
        };
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || send(thread))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn a_full_queue_says_when_to_come_again_and_takes_nothing_by_halves() {
    let shop = Shop::open_on(Arc::new(Server::start_with(&Start::with(&["--queue", "1", "--workers", "1"]))));
    let sent = crowd(&shop, 8, &AtomicBool::new(false));
    assert!(sent.iter().any(|(_, refused)| !refused.is_empty()), "the queue of one was never full");
    for (taken, refused) in sent {
        // What was refused is not there, so sending it again is sending it for the first time.
        for event in refused {
            until("there is room again", || match shop.owner.event(&event).status {
                503 => None,
                status => {
                    assert_eq!(status, 202, "{event}");
                    Some(())
                }
            });
            until("it is known", || (shop.owner.event(&event).status == 200).then_some(()));
        }
        for event in taken {
            shop.owner.event(&event).with(200);
        }
    }
    assert_eq!(shop.server.client("").get("/readyz").status, 200, "busy is not broken");
}

/// Letters that nobody can make shorter.
fn noise(seed: u64, length: usize) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut letter = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'a' + (state >> 40) as u8 % 26)
    };
    std::iter::repeat_with(&mut letter).take(length).collect()
}

/// Sends large messages of one customer until the server takes no more. Gives the words of those that were taken.
fn fill(client: &Client) -> (Vec<String>, attune_tests::Answer) {
    let mut taken = Vec::new();
    for n in 0..3_000 {
        let words = format!("{n} {}", noise(n, 60_000));
        let data = json!({ "customer": { "addresses": ["chat:anna"] }, "text": words });
        let answer = client.event(&event("attune.message.received.v1", data));
        if answer.status != 202 {
            return (taken, answer);
        }
        taken.push(n.to_string());
    }
    panic!("3000 large messages fit into a file of limited size");
}

#[test]
fn when_the_disk_is_full_events_are_refused_and_nothing_acknowledged_is_lost() {
    // A file may not grow beyond some size; the signal that would kill the process for trying is ignored, so that it
    // gets an error, as from a full disk. The unit is 512 bytes in some shells and 1024 in others.
    let limited = Start { shell: "trap '' XFSZ; ulimit -f 20000".to_owned(), ..Start::default() };
    let shop = Shop::open_on(Arc::new(Server::start_with(&limited)));
    let (taken, refused) = fill(&shop.owner);
    let told = problem(&refused, 503, "stopped");
    assert!(!refused.header("retry-after").is_empty());
    assert!(told.starts_with("events cannot be taken: "), "{told}");
    let ready = shop.server.client("").get("/readyz");
    let told = problem(&ready, 503, "stopped");
    assert!(told.contains("the store has stopped after a failure") && told.contains("restart"), "{told}");
    assert_eq!(shop.server.client("").get("/healthz").status, 200, "it is alive and says what is wrong");
    problem(&shop.owner.event(&event("any", json!({}))), 503, "stopped");

    let shop = shop.moved(Arc::new(shop.server.restart(&Start::default())));
    shop.settled();
    let found = shop.owner.get("/v1/customers?address=chat:anna").with(200);
    let told = shop.conversation(&text(&found["items"][0]["id"]));
    let first = |message: &Value| message["text"].as_str().and_then(|text| text.split(' ').next()).map(str::to_owned);
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    told.iter().filter_map(first).for_each(|number| *count.entry(number).or_default() += 1);
    for number in &taken {
        assert_eq!(count.remove(number), Some(1), "message {number} of {} that were acknowledged", taken.len());
    }
    // The refused one may be there, once: its answer was about what could be promised.
    assert!(count.len() <= 1 && count.values().all(|times| *times == 1), "{count:?}");
    shop.says("chat:anna", &format!("And on it goes {}", fresh()));
}
