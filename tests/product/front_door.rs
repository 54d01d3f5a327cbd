//! What a stranger finds at the front door: everything the HTTP interface does when it is used as it should be.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use attune::domain::time::{HOUR, Instant, SECOND, zone};
use attune::world::{Serve, World};
use attune_tests::{Client, Server, Shop, Start, event, figure, fresh, pages, plugin_file, says, text, until};
use serde_json::{Value, json};

use crate::components;
use crate::mail::{self, MailServer};

const WHERE: &str = "Where is my order?";

/// A shop with plugins turned on.
fn shop(plugins: &[&str]) -> Shop {
    let shop = Shop::open();
    plugins.iter().for_each(|plugin| shop.enable(plugin));
    shop
}

/// Who wrote each message, and what became of it.
fn states(messages: &[Value]) -> Vec<(&str, &str)> {
    messages.iter().filter_map(|one| Some((one["author"].as_str()?, one["delivery"]["state"].as_str()?))).collect()
}

#[test]
fn a_question_in_any_binding_of_cloudevents_is_answered_in_the_conversation() {
    let shop = shop(&["order-status"]);
    let question = |address: &str| json!({ "customer": { "addresses": [address] }, "text": WHERE });
    let whole = |address: &str| event("attune.message.received.v1", question(address));
    let structured = |address: &str| shop.owner.event(&whole(address));
    let batch = |address: &str| shop.owner.batch(&json!([whole(address)]));
    let binary = |address: &str| {
        let headers = [
            ("content-type", "application/json"),
            ("ce-specversion", "1.0"),
            ("ce-id", "a%20question"),
            ("ce-source", "test"),
            ("ce-type", "attune.message.received.v1"),
        ];
        shop.owner.send("POST", "/v1/events", &headers, question(address).to_string().as_bytes())
    };
    type Send<'a> = &'a dyn Fn(&str) -> attune_tests::Answer;
    let cases: [(&str, &str, Send<'_>); 3] =
        [("chat:a", "#1001", &structured), ("chat:b", "#1002", &binary), ("chat:c", "#1003", &batch)];
    for (address, number, send) in cases {
        let customer = shop.shipped(address, number);
        shop.message(&customer, "the news of the order", |message| says(message, number));
        send(address).with(202);
        let is_answer = |message: &Value| message["origin"]["purpose"] == "reply";
        let answer = shop.message(&customer, "an answer", is_answer);
        assert!(says(&answer, number) && says(&answer, "is on its way"), "{answer}");
        shop.message(&customer, "the answer, sent", |message| {
            is_answer(message) && message["delivery"]["state"] == "sent"
        });
        let told = shop.conversation(&customer);
        assert_eq!(
            states(&told),
            [("automation", "sent"), ("customer", "received"), ("automation", "sent")],
            "{address}: {told:#?}"
        );
        assert_eq!(told[2]["entry"], told[1]["entry"], "one step has both");
    }
}

#[test]
fn why_is_told_in_sentences() {
    let shop = shop(&["order-status"]);
    let customer = shop.shipped("chat:anna", "#1001");
    let (_, answer) = shop.asks("chat:anna", WHERE);
    let why = shop.owner.get(&format!("/v1/messages/{}/why", text(&answer["id"]))).with(200);
    let sentences: Vec<&str> = why["sentences"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let told = sentences.join(" ");
    for words in [
        "a message of the customer came in, as `test` told.",
        "The plugin order-status (version 0.1.0) wrote this message from the template `shipped`",
        "an answer to the customer's own message",
        "looked up the customer's orders",
        "When it was written, nothing spoke against sending it: no stop, no open case, ",
        "It was sent by chat on ",
    ] {
        assert!(told.contains(words), "`{words}` is missing in: {told}");
    }
    assert_eq!(why["message"]["id"], answer["id"]);
    let run = &why["entries"][0]["runs"][0];
    assert_eq!((&run["plugin"], &run["outcome"]), (&json!("order-status"), &json!("answered")), "{why:#}");
    assert!(run["fuel"].as_u64() > Some(0), "{run:#}");
    // The same records stand with the customer.
    let whys = shop.owner.get(&format!("/v1/customers/{customer}/whys?limit=10")).with(200);
    assert!(whys["items"].as_array().unwrap().iter().any(|one| one["entry"] == answer["entry"]), "{whys:#}");
}

/// The why of a message in a language, and its sentences as one text.
fn why_in(shop: &Shop, message: &Value, language: &str) -> (Value, String) {
    let why = shop.owner.get(&format!("/v1/messages/{}/why?language={language}", text(&message["id"]))).with(200);
    let sentences: Vec<String> = why["sentences"].as_array().unwrap().iter().map(text).collect();
    (why, sentences.join(" "))
}

#[test]
fn a_message_that_is_not_sent_says_which_rule_which_facts_and_what_would_have_to_change() {
    let shop = shop(&["order-status"]);
    let customer = shop.says("chat:anna", "STOP");
    shop.message(&customer, "the confirmation of the stop", |message| message["author"] == "host");
    shop.shipped("chat:anna", "#1001");
    let withheld = shop.message(&customer, "the news", |message| says(message, "#1001"));
    assert_eq!(withheld["delivery"]["state"], "withheld", "{withheld:#}");
    assert_eq!(withheld["delivery"]["code"], "opted-out", "{withheld:#}");
    for (language, sentences) in [
        (
            "en",
            [
                "When it was written, the rules did not let it go out: the customer said stop. On ",
                ", they wrote \"STOP\". It holds for all messages by chat. So it was not sent (rule opted-out). For such a \
                 message to go out, the customer would have to write START, or agree again.",
            ],
        ),
        (
            "de",
            [
                "Als sie geschrieben wurde, ließen die Regeln sie nicht hinaus: Der Kunde hat Stopp gesagt. Am ",
                " schrieb der Kunde „STOP“. Das gilt für alle Nachrichten per Chat. Deshalb wurde sie nicht gesendet \
                 (Regel opted-out). Damit eine solche Nachricht hinausgeht, müsste der Kunde START schreiben oder wieder \
                 zustimmen.",
            ],
        ),
        (
            "es",
            [
                "Cuando se escribió, las reglas no lo dejaron salir: el cliente ha dicho stop. El ",
                " el cliente escribió «STOP». Vale para todos los mensajes por chat. Por eso no se envió (regla \
                 opted-out). Para que un mensaje así salga, el cliente tendría que escribir START o aceptar de nuevo.",
            ],
        ),
    ] {
        let (why, told) = why_in(&shop, &withheld, language);
        sentences.iter().for_each(|words| assert!(told.contains(words), "`{words}` is missing in: {told}"));
        let decision = &why["decisions"][0];
        assert_eq!((&decision["rule"], &decision["message"]), (&json!("opted-out"), &withheld["id"]), "{why:#}");
        assert_eq!(decision["facts"]["withdrawn"]["text"], "STOP", "{why:#}");
        assert!(told.contains(&text(&decision["remedy"])), "{why:#}");
    }
    for query in ["language=fr", "language=", "lang=de", "language=de&language=es"] {
        let refused = shop.owner.get(&format!("/v1/messages/{}/why?{query}", text(&withheld["id"])));
        assert_eq!((refused.status, refused.word("code")), (400, "bad-query"), "{query}: {}", refused.text);
    }
    let french = shop.owner.get(&format!("/v1/messages/{}/why?language=fr", text(&withheld["id"])));
    assert!(french.word("detail").ends_with("expected one of `en`, `de`, `es`"), "{}", french.text);
    // The host's own words have a story as well.
    let confirmed = shop.message(&customer, "the confirmation of the stop", |message| message["author"] == "host");
    let (_, told) = why_in(&shop, &confirmed, "de");
    assert!(told.contains("Attune selbst hat diese Nachricht geschrieben: Sie bestätigt"), "{told}");
    assert!(told.contains("Der Kunde hat Stopp gesagt; Attune antwortet"), "{told}");
}

#[test]
fn a_message_that_waits_for_the_morning_names_the_customers_clock() {
    let shop = shop(&["order-status"]);
    // Quiet is what lies around the customer's present, wherever the sun stands.
    let zone = zone("America/New_York").unwrap();
    let now = Serve::new().now();
    let clock = |at: Instant| at.in_zone(&zone).strftime("%H:%M").to_string();
    let quiet = json!({ "from": clock(now.minus(2 * HOUR)), "to": clock(now.plus(4 * HOUR)), "spread_minutes": 0 });
    shop.owner.patch("/v1/business", &json!({ "quiet": quiet })).with(200);
    let order = json!({ "id": "#1001", "number": "#1001", "items": ["Rye bread"] });
    let news = json!({ "customer": { "zone": "America/New_York" }, "order": order });
    let customer = shop.tell("chat:anna", "attune.order.shipped.v1", news);
    let waits = shop.message(&customer, "the news", |message| says(message, "#1001"));
    assert_eq!(waits["delivery"]["code"], "quiet-hours", "{waits:#}");
    for (language, words) in [
        ("en", "the customer is left alone at this time. For the customer it was "),
        ("de", "Um diese Zeit wird der Kunde in Ruhe gelassen. Beim Kunden war es "),
        ("es", "a esta hora se deja tranquilo al cliente. Para el cliente era "),
    ] {
        let (why, told) = why_in(&shop, &waits, language);
        assert!(told.contains(words), "`{words}` is missing in: {told}");
        let decision = &why["decisions"][0];
        let moment = |value: &Value| clock(Instant(value.as_u64().unwrap()));
        let (asked, ends) = (moment(&decision["facts"]["now"]), moment(&decision["until"]));
        let local = text(&decision["sentences"][1]);
        assert!(local.contains(&format!(" {asked}")) && local.contains(&format!(" {ends}")), "{asked} {ends}: {local}");
        assert_eq!(local.matches("(America/New_York)").count(), 2, "{local}");
        assert_eq!(decision["remedy"], Value::Null, "it goes out by itself: {why:#}");
    }
}

#[test]
fn the_same_event_again_changes_nothing_and_with_another_body_it_is_a_conflict() {
    let shop = shop(&["order-status"]);
    let mut one =
        event("attune.message.received.v1", json!({ "customer": { "addresses": ["chat:anna"] }, "text": "Hello" }));
    let first = shop.owner.event(&one).with(202);
    let again = shop.owner.event(&one).with(200);
    assert_eq!((&again["status"], &again["id"]), (&json!("repeated"), &first["id"]));
    one["data"]["text"] = json!("Good-bye");
    let other = shop.owner.event(&one);
    assert_eq!((other.status, other.word("code")), (409, "conflict"), "{}", other.text);
    assert_eq!(other.header("content-type"), "application/problem+json");
    let customer = text(&first["customer"]);
    shop.message(&customer, "the message", |message| says(message, "Hello"));
    assert_eq!(shop.conversation(&customer).len(), 1);
    // Another source may use the same id.
    one["source"] = json!("elsewhere");
    shop.owner.event(&one).with(202);
}

#[test]
fn a_batch_gets_a_result_for_each_event_in_its_place() {
    let shop = shop(&[]);
    let said = |words: &str| json!({ "customer": { "addresses": ["chat:anna"] }, "text": words });
    let one = event("attune.message.received.v1", said("one"));
    let mut other = one.clone();
    other["data"] = said("another");
    let batch = json!([
        one,
        event("attune.message.received.v1", json!({ "text": 5 })),
        { "id": "no-version" },
        one,
        other,
        event("attune.message.received.v1", said("two")),
    ]);
    let results = shop.owner.batch(&batch).with(202)["results"].take();
    let shown: Vec<(&str, u64)> = results
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["status"].as_str().unwrap(), one["problem"]["status"].as_u64().unwrap_or_default()))
        .collect();
    let expected =
        [("accepted", 0), ("refused", 422), ("refused", 400), ("repeated", 0), ("refused", 409), ("accepted", 0)];
    assert_eq!(shown, expected, "{results:#}");
    assert_eq!(results[0]["id"], results[3]["id"]);
    let customer = text(&results[0]["customer"]);
    shop.message(&customer, "the last message", |message| says(message, "two"));
    let told: Vec<String> = shop.conversation(&customer).iter().map(|message| text(&message["text"])).collect();
    assert_eq!(told, ["one", "two"]);
}

#[test]
fn a_list_goes_on_where_the_page_before_ended() {
    let shop = shop(&[]);
    let customers: Vec<String> = (0..5).map(|n| shop.says(&format!("chat:{n}"), "Hello")).collect();
    for words in ["two", "three", "four", "five"] {
        shop.says("chat:0", words);
    }
    shop.message(&customers[0], "the last message", |message| says(message, "five"));
    until("every customer is there", || {
        let all = shop.owner.get("/v1/customers").with(200);
        (all["items"].as_array().unwrap().len() == 5).then_some(())
    });
    let ids = |found: Vec<Value>, name: &str| found.iter().map(|one| text(&one[name])).collect::<Vec<_>>();
    assert_eq!(ids(pages(&shop.owner, "/v1/customers?limit=2", "after"), "id"), customers);
    let path = format!("/v1/customers/{}/messages?limit=2", customers[0]);
    assert_eq!(ids(pages(&shop.owner, &path, "before"), "text"), ["five", "four", "three", "two", "Hello"]);
    let page = shop.owner.get(&path).with(200);
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
}

#[test]
fn a_change_of_what_has_changed_meanwhile_is_refused() {
    let shop = shop(&["order-status"]);
    let at = "/v1/plugins/order-status";
    let seen = shop.owner.get(at);
    let tag = seen.header("etag").to_owned();
    assert_eq!(tag, format!("\"{}\"", seen.body["revision"]), "{}", seen.text);
    let change = |tag: &str, order: u32| {
        let headers = [("content-type", "application/json"), ("if-match", tag)];
        shop.owner.send("PATCH", at, &headers, json!({ "order": order }).to_string().as_bytes())
    };
    let first = change(&tag, 1);
    assert_eq!((first.status, &first.body["order"]), (200, &json!(1)), "{}", first.text);
    let second = change(&tag, 2);
    assert_eq!((second.status, second.word("code")), (412, "changed"), "{}", second.text);
    assert_eq!(shop.owner.get(at).body["order"], 1);
    change(first.header("etag"), 3).with(200);
    change("*", 4).with(200);
}

#[test]
fn a_visitor_reads_and_writes_their_own_conversation_only() {
    let shop = shop(&["order-status"]);
    shop.shipped("chat:anna", "#1001");
    let source = shop.token("ingest");
    let anna = source.post("/v1/visitors", &json!({ "address": "chat:anna" })).with(201);
    let ben = source.post("/v1/visitors", &json!({ "name": "Ben", "language": "de" })).with(201);
    let (customer, other) = (text(&anna["customer"]), text(&ben["customer"]));
    assert_ne!(customer, other);
    let visitor = source.token(&text(&anna["token"]));
    let own = format!("/v1/customers/{customer}/messages");

    let said = json!({ "text": WHERE, "id": "one" });
    let first = visitor.post(&own, &said).with(202);
    assert_eq!(visitor.post(&own, &said).with(200)["id"], first["id"], "twice is once");
    let answer = shop.message(&customer, "an answer", |message| message["origin"]["purpose"] == "reply");
    let seen = visitor.get(&own).with(200);
    let seen = seen["items"].as_array().unwrap();
    assert_eq!(seen[0]["text"], answer["text"]);
    assert_eq!(seen.iter().filter(|message| message["author"] == "customer").count(), 1, "{seen:#?}");
    assert!(seen.iter().all(|message| message["origin"].is_null()), "not a visitor's business: {seen:#?}");
    // The token may come in a cookie as well.
    let cookie = format!("a=b; attune_visitor={}", text(&anna["token"]));
    source.token("").send("GET", &own, &[("cookie", &cookie)], &[]).with(200);

    for (path, status) in [
        (format!("/v1/customers/{other}/messages"), 404),
        (format!("/v1/customers/{other}/messages/stream"), 404),
        (format!("/v1/customers/{customer}"), 403),
        (format!("/v1/messages/{}/why", text(&answer["id"])), 403),
        ("/v1/customers".to_owned(), 403),
        ("/v1/plugins".to_owned(), 403),
        ("/v1/cases".to_owned(), 403),
        ("/v1/tokens".to_owned(), 403),
    ] {
        assert_eq!(visitor.get(&path).status, status, "{path}");
    }
    assert_eq!(visitor.post(&format!("/v1/customers/{other}/messages"), &said).status, 404);
    assert_eq!(visitor.event(&event("any", json!({}))).status, 403);
    // A token that somebody changed is none.
    let forged = text(&anna["token"]).replace("vis_0", "vis_1");
    assert_eq!(source.token(&forged).get(&own).status, 401);
}

/// Follows a conversation in a thread of its own; each event's id and data come as they arrive.
fn follow(client: &Client, customer: &str, last: Option<&str>) -> Receiver<(String, Value)> {
    let (sender, receiver) = channel();
    let headers: Vec<(&str, &str)> = last.iter().map(|last| ("last-event-id", *last)).collect();
    let path = format!("/v1/customers/{customer}/messages/stream");
    let stream = client.open("GET", &path, &headers, &[]).unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    std::thread::spawn(move || {
        let mut id = String::new();
        for line in BufReader::new(stream.into_body().into_reader()).lines().map_while(Result::ok) {
            if let Some(value) = line.strip_prefix("id: ") {
                value.clone_into(&mut id);
            }
            let data = line.strip_prefix("data: ").map(|data| serde_json::from_str(data).unwrap());
            if data.is_some_and(|data| sender.send((id.clone(), data)).is_err()) {
                return;
            }
        }
    });
    receiver
}

/// Waits for an event of a stream that fits.
fn comes(stream: &Receiver<(String, Value)>, fits: impl Fn(&Value) -> bool) -> (String, Value) {
    loop {
        let (id, message) = stream.recv_timeout(Duration::from_secs(30)).expect("the stream goes on");
        if fits(&message) {
            return (id, message);
        }
    }
}

#[test]
fn a_conversation_is_followed_live_and_taken_up_again_after_a_break() {
    let shop = shop(&["order-status"]);
    let customer = shop.shipped("chat:anna", "#1001");
    shop.message(&customer, "the news", |message| message["delivery"]["state"] == "sent");
    let visitor = shop.owner.post("/v1/visitors", &json!({ "address": "chat:anna" })).with(201);
    let visitor = shop.owner.token(&text(&visitor["token"]));

    for reader in [&shop.owner, &visitor] {
        let live = follow(reader, &customer, None);
        // What is said before the stream is open need not be in it, so it is said until something comes.
        let (first, heard) = until("the stream is open", || {
            shop.says("chat:anna", "Are you there?");
            live.recv_timeout(Duration::from_millis(200)).ok()
        });
        assert_eq!((&heard["id"], &heard["author"]), (&json!(first), &json!("customer")), "{heard}");
        shop.says("chat:anna", WHERE);
        let (_, asked) = comes(&live, |message| says(message, WHERE));
        let (id, answer) = comes(&live, |message| message["author"] == "automation");
        assert!(text(&answer["id"]) > text(&asked["id"]), "{answer}");
        assert_eq!(answer["id"], json!(id));
        drop(live);

        shop.says("chat:anna", "Thank you");
        let missed = follow(reader, &customer, Some(&text(&asked["id"])));
        comes(&missed, |message| message["id"] == answer["id"]);
        let (thanks, said) = comes(&missed, |message| says(message, "Thank you"));
        let end = follow(reader, &customer, Some(&thanks));
        shop.says("chat:anna", "Good-bye");
        // What was said in the same millisecond is told again, see the stream.
        let (_, bye) = comes(&end, |message| message["at"].as_u64() > said["at"].as_u64());
        assert_eq!(bye["text"], "Good-bye", "nothing before is told again");
    }
}

#[test]
fn automations_are_silent_from_the_call_for_a_person_until_the_case_is_resolved() {
    let shop = shop(&["escalation", "order-status"]);
    let customer = shop.shipped("chat:anna", "#1001");
    shop.says("chat:anna", "I want to talk to a human being, please");
    let case = until("a case is open", || shop.owner.get("/v1/cases").with(200)["items"].get(0).cloned());
    assert_eq!((&case["customer"], &case["stage"]), (&json!(customer), &json!("waiting")), "{case:#}");
    assert_eq!(case["opened_by"], "escalation");
    shop.message(&customer, "word of when a person will be there", |message| message["author"] == "host");

    let otto = shop.token("staff");
    let at = format!("/v1/cases/{}", text(&case["id"]));
    let seen = otto.get(&at);
    let tag = seen.header("etag").to_owned();
    let taken = otto.send("POST", &format!("{at}/take"), &[("if-match", &tag)], &[]).with(200);
    assert_eq!((&taken["stage"], &taken["by"]), (&json!("taken"), &json!("Otto")));
    let late = otto.send("POST", &format!("{at}/take"), &[("if-match", &tag)], &[]);
    assert_eq!((late.status, late.word("code")), (412, "changed"), "{}", late.text);

    let before = shop.conversation(&customer).len();
    shop.says("chat:anna", WHERE);
    shop.message(&customer, "the question", |message| says(message, WHERE));
    let said = otto.post(&format!("{at}/reply"), &json!({ "text": "I am looking." })).with(201);
    assert_eq!((&said["author"], &said["staff"]), (&json!("staff"), &json!("Otto")), "{said:#}");
    shop.message(&customer, "the reply", |message| {
        message["staff"] == "Otto" && message["delivery"]["state"] == "sent"
    });
    let since: Vec<String> =
        shop.conversation(&customer)[before..].iter().map(|message| text(&message["author"])).collect();
    assert_eq!(since, ["customer", "staff"], "automations are silent");

    assert_eq!(otto.post(&format!("{at}/resolve"), &json!({})).with(200)["stage"], "resolved");
    assert_eq!(otto.get(&at).with(200)["stage"], "resolved");
    assert!(otto.get("/v1/cases").with(200)["items"].as_array().unwrap().is_empty());
    let (_, answer) = shop.asks("chat:anna", "And where is my order now?");
    assert!(says(&answer, "#1001"), "{answer}");
}

#[test]
fn a_dead_letter_is_done_after_all_once_its_plugin_is_mended() {
    let shop = shop(&[]);
    shop.enable_as("small", &components::rejects());
    let data = json!({ "customer": { "addresses": ["chat:anna"] }, "weather": "rain" });
    shop.owner.event(&event("test.weather", data)).with(202);
    let letters = || shop.owner.get("/v1/dead-letters").with(200)["items"].as_array().cloned().unwrap_or_default();
    let letter = until("there is a dead letter", || letters().first().cloned());
    assert_eq!((&letter["plugin"], &letter["reason"]), (&json!("small"), &json!("not today")), "{letter:#}");
    let retry =
        |letter: &Value| shop.owner.post(&format!("/v1/dead-letters/{}/retry", text(&letter["id"])), &json!({}));

    assert_eq!(retry(&letter).with(202)["status"], "tried-again");
    let still = until("it is a dead letter again", || letters().into_iter().find(|one| one["id"] != letter["id"]));
    assert_eq!(letters().len(), 1, "the first is gone");
    assert_eq!(retry(&letter).status, 404);

    let mended = shop.owner.upload("small", &components::well()).with(200);
    assert!(mended["runs"] == true && mended["digest"].is_string(), "{mended:#}");
    retry(&still).with(202);
    let no = "rejected the event: not today";
    until("the third run went well", || {
        let whys = shop.owner.get(&format!("/v1/customers/{}/whys", text(&letter["customer"]))).with(200);
        let whys = whys["items"].as_array()?.iter().rev();
        let runs = whys.flat_map(|why| why["runs"].as_array().into_iter().flatten());
        let outcomes: Vec<&str> = runs.filter_map(|run| run["outcome"].as_str()).collect();
        assert!([no, no, "done"].starts_with(&outcomes), "{outcomes:?}");
        (outcomes.len() == 3).then_some(())
    });
    assert!(letters().is_empty());
}

#[test]
fn a_plugin_runs_once_it_is_granted_and_turned_on_and_can_be_worded_and_removed() {
    let shop = shop(&[]);
    let wasm = std::fs::read(plugin_file("order-status")).unwrap();
    let at = "/v1/plugins/orders";
    let new = shop.owner.upload("orders", &wasm).with(201);
    assert_eq!((&new["name"], &new["own_name"]), (&json!("orders"), &json!("order-status")));
    assert_eq!((&new["enabled"], &new["runs"]), (&json!(false), &json!(false)));
    let permissions = new["permissions"].as_array().unwrap();
    assert!(permissions.iter().any(|one| one["sentence"] == "see the customer's orders" && one["granted"] == false));

    let early = shop.owner.patch(at, &json!({ "enabled": true }));
    assert_eq!((early.status, early.word("code")), (409, "ungranted"), "{}", early.text);
    shop.owner.patch(at, &json!({ "grants": new["ungranted"] })).with(200);
    let on = shop.owner.patch(at, &json!({ "enabled": true, "settings": { "write_when": [] } })).with(200);
    assert_eq!((&on["runs"], &on["effective_settings"]), (&json!(true), &json!({ "write_when": [] })));

    let wording = json!({ "shipped": { "en": "{number} rolls towards you." } });
    shop.owner.patch(at, &json!({ "wording": wording })).with(200);
    let customer = shop.shipped("chat:anna", "#1001");
    let (_, answer) = shop.asks("chat:anna", WHERE);
    assert!(text(&answer["text"]).starts_with("#1001 rolls towards you.\n"), "{answer}");
    assert_eq!(shop.conversation(&customer).len(), 2, "the settings say to write only when asked");

    shop.owner.patch(at, &json!({ "enabled": false })).with(200);
    shop.says("chat:anna", "And where is my order now?");
    shop.message(&customer, "the question", |message| says(message, "And where"));
    assert_eq!(shop.conversation(&customer).len(), 3);

    assert_eq!(shop.owner.delete(at).status, 204);
    assert_eq!(shop.owner.get(at).status, 404);
    assert!(shop.owner.get("/v1/plugins").with(200)["items"].as_array().unwrap().is_empty());
}

#[test]
fn the_owners_order_says_which_plugin_answers_first() {
    let shop = shop(&[]);
    let wasm = std::fs::read(plugin_file("order-status")).unwrap();
    shop.enable_as("one", &wasm);
    shop.enable_as("two", &wasm);
    shop.shipped("chat:anna", "#1001");
    for (first, place) in [("one", 50), ("two", 5)] {
        shop.owner.patch("/v1/plugins/two", &json!({ "order": place })).with(200);
        let (_, answer) = shop.asks("chat:anna", &format!("{WHERE} I ask {first}."));
        assert_eq!(answer["origin"]["plugin"], first, "{answer:#}");
    }
    let listed = shop.owner.get("/v1/plugins").with(200);
    assert_eq!((&listed["items"][0]["name"], &listed["items"][1]["name"]), (&json!("two"), &json!("one")));
}

#[test]
fn a_token_is_good_for_its_role_until_it_is_taken_back() {
    let shop = shop(&[]);
    let customer = shop.says("chat:anna", "Hello");
    let messages = format!("/v1/customers/{customer}/messages");
    shop.message(&customer, "the message", |message| says(message, "Hello"));
    for (role, events, reading, plugins, tokens) in
        [("ingest", 202, 403, 403, 403), ("staff", 403, 200, 403, 403), ("owner", 202, 200, 200, 200)]
    {
        let made = shop.owner.post("/v1/tokens", &json!({ "role": role, "label": "Otto" })).with(201);
        let bearer = shop.owner.token(&text(&made["secret"]));
        assert_eq!(bearer.event(&event("any", json!({}))).status, events, "{role}");
        assert_eq!(bearer.get(&messages).status, reading, "{role}");
        assert_eq!(bearer.get("/v1/plugins").status, plugins, "{role}");
        assert_eq!(bearer.get("/v1/tokens").status, tokens, "{role}");
        let id = text(&made["id"]);
        let listed = shop.owner.get("/v1/tokens").with(200);
        assert!(listed["items"].as_array().unwrap().iter().any(|one| one["id"] == id && one["secret"].is_null()));
        assert_eq!(shop.owner.delete(&format!("/v1/tokens/{id}")).status, 204);
        assert_eq!(bearer.get(&messages).status, 401, "{role}");
        assert_eq!(bearer.event(&event("any", json!({}))).status, 401, "{role}");
    }
    // Nothing of a token's secret is in the store.
    let secret = shop.owner.secret().as_bytes();
    for file in ["attune.redb", "attune.redb-wal"] {
        let kept = std::fs::read(shop.server.data().join(file)).unwrap();
        assert!(!kept.windows(secret.len()).any(|window| window == secret), "{file}");
    }
}

#[test]
fn health_figures_and_the_description_are_there_for_everyone() {
    let shop = shop(&[]);
    let anyone = shop.server.client("");
    for (path, words) in [("/healthz", "ok"), ("/readyz", "ready"), ("/", "/v1/openapi.json")] {
        let answer = anyone.get(path);
        assert!(answer.status == 200 && answer.text.contains(words), "{path}: {}", answer.text);
    }
    let taken = || figure(&anyone, "attune_events_taken_total").unwrap();
    let before = taken();
    shop.says("chat:anna", "Hello");
    assert!(taken() > before);
    assert_eq!(figure(&anyone, "attune_store_healthy"), Some(1.0));
    for line in anyone.get("/metrics").text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("attune_") && value.parse::<f64>().is_ok(), "{line}");
    }

    let described = anyone.get("/v1/openapi.json").with(200);
    assert!(text(&described["openapi"]).starts_with("3.1"));
    for (path, method) in [
        ("/v1/events", "post"),
        ("/v1/customers", "get"),
        ("/v1/customers/{id}/messages", "post"),
        ("/v1/messages/{id}/why", "get"),
        ("/v1/cases/{id}/resolve", "post"),
        ("/v1/plugins/{name}", "patch"),
        ("/v1/dead-letters/{id}/retry", "post"),
        ("/v1/tokens", "post"),
    ] {
        assert!(described["paths"][path][method].is_object(), "{method} {path}");
    }
    // Every reference leads somewhere.
    let whole = described.to_string();
    for reference in whole.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(described.pointer(pointer).is_some(), "{pointer} leads nowhere");
    }
    for schema in ["MessageReceived", "AppointmentNews", "OrderNews", "CustomerUpdated"] {
        assert!(described["components"]["schemas"][schema].is_object(), "{schema}");
    }
}

#[test]
fn a_reminder_and_news_of_an_order_go_out_by_mail_once() {
    let mails = MailServer::start(Duration::ZERO);
    let server = Server::start_with(&Start::with(&["--smtp", &mails.url()]));
    let shop = Shop::open_on(Arc::new(server));
    shop.enable("order-status");
    shop.enable("appointment-reminders");
    let settings = json!({ "settings": { "remind_before_hours": [1] } });
    shop.owner.patch("/v1/plugins/appointment-reminders", &settings).with(200);

    let ben = shop.shipped("email:ben@example.com", "#1002");
    // The reminder is due an hour before, which is in a moment.
    let starts = soon(3_602);
    let appointment = json!({ "id": "a1", "service": "Dental check", "starts": starts });
    let anna =
        shop.tell("email:anna@example.com", "attune.appointment.booked.v1", json!({ "appointment": appointment }));
    for (customer, words, to) in [(ben, "#1002", "ben@example.com"), (anna, "Dental check", "anna@example.com")] {
        let sent =
            shop.message(&customer, "a mail", |message| says(message, words) && message["delivery"]["state"] == "sent");
        assert_eq!(sent["channel"], "email");
        let taken = mails.taken();
        let same: Vec<_> = taken.iter().filter(|mail| mail.to.iter().any(|one| one.contains(to))).collect();
        assert_eq!(same.len(), 1, "{taken:#?}");
        assert!(same[0].from.contains("clinic@example.com"), "{same:#?}");
    }
    // Not even a restart sends anything again.
    assert!(shop.server.stop());
    let again = shop.server.restart(&Start::with(&["--smtp", &mails.url()]));
    shop.moved(Arc::new(again)).settled();
    assert_eq!(mails.taken().len(), 2);
}

/// The moment in so many seconds.
fn soon(seconds: u64) -> String {
    Serve::new().now().plus(seconds * SECOND).to_string()
}

#[test]
fn a_dead_mail_server_holds_up_no_chat() {
    // A port that takes connections and never says a word, which is worse than one that refuses them.
    let mute = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = mute.local_addr().unwrap().port();
    let held = Arc::new(Mutex::new(Vec::new()));
    std::thread::spawn({
        let held = held.clone();
        move || mute.incoming().map_while(Result::ok).for_each(|stream| held.lock().unwrap().push(stream))
    });
    let shop = Shop::open_on(Arc::new(Server::start_with(&Start::with(&["--smtp", &mail::url(port)]))));
    shop.enable("order-status");
    let mailed: Vec<String> =
        (0..20).map(|n| shop.shipped(&format!("email:c{n}@example.com"), &format!("#2{n:03}"))).collect();
    until("the mail server is being talked to", || (!held.lock().unwrap().is_empty()).then_some(()));
    shop.shipped("chat:anna", "#1001");
    for please in ["Hello", "Please", "Now", "Well", "Excuse me", "Sorry"] {
        shop.asks("chat:anna", &format!("{please}, where is my order?"));
    }
    for customer in mailed {
        let waiting = shop.message(&customer, "the news", |message| message["author"] == "automation");
        let state = text(&waiting["delivery"]["state"]);
        assert!(["queued", "attempting", "deferred"].contains(&state.as_str()), "{waiting:#}");
    }
}

#[test]
fn one_business_sees_nothing_of_another() {
    let (one, other) = (shop(&["order-status", "escalation"]), shop(&[]));
    let customer = one.shipped("chat:anna", "#1001");
    one.says("chat:anna", "I want to talk to a human being, please");
    let case = until("a case is open", || one.owner.get("/v1/cases").with(200)["items"].get(0).cloned());
    let message = one.message(&customer, "the news", |message| says(message, "#1001"));
    let (case, message) = (text(&case["id"]), text(&message["id"]));
    for path in [
        format!("/v1/customers/{customer}"),
        format!("/v1/customers/{customer}/messages"),
        format!("/v1/customers/{customer}/messages/stream"),
        format!("/v1/customers/{customer}/whys"),
        format!("/v1/messages/{message}/why"),
        format!("/v1/cases/{case}"),
        "/v1/plugins/order-status".to_owned(),
    ] {
        assert_eq!(one.owner.get(&path.replace("/stream", "")).status, 200, "{path}");
        assert_eq!(other.owner.get(&path).status, 404, "{path}");
    }
    for path in [
        format!("/v1/customers/{customer}/messages"),
        format!("/v1/cases/{case}/reply"),
        format!("/v1/cases/{case}/take"),
        format!("/v1/cases/{case}/resolve"),
    ] {
        assert_eq!(other.owner.post(&path, &json!({ "text": "Hello" })).status, 404, "{path}");
    }
    assert_eq!(other.owner.of(&one.business).get("/v1/plugins").status, 404, "not even by naming it");
    assert!(other.owner.get("/v1/customers?address=chat:anna").with(200)["items"].as_array().unwrap().is_empty());
    let own = other.says("chat:anna", &format!("Hello {}", fresh()));
    assert_ne!(own, customer, "the same address is another customer");
}
