//! The room as a whole, without a socket: a router over an engine in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use tokio_stream::StreamExt;
use tower::ServiceExt;

use crate::domain::business::Business;
use crate::domain::entry::{Change, Input, Install, Role, StaffAct, Token};
use crate::domain::ids::{BusinessId, CustomerId, MessageId, TokenId};
use crate::domain::plugin::{Export, Manifest, TemplateDeclaration};
use crate::domain::time::{HOUR, Instant};
use crate::domain::trust::Vouched;
use crate::engine::{Engine, Parts};
use crate::sandbox::{Cache, Compiler, Sandbox};
use crate::store::{Batch, MemoryKeyring, MemoryStore};
use crate::world;

use super::secret::{VisitorPass, secret_hash};
use super::{App, Limits, router, routes, serve};

const NOW: Instant = Instant(1_790_000_000_000);
const SHOP: BusinessId = BusinessId([1; 16]);
const BAKERY: BusinessId = BusinessId([2; 16]);

struct House {
    app: Arc<App>,
    engine: Arc<Engine>,
    clock: Arc<world::Test>,
    router: Router,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
    text: String,
}

impl House {
    fn new() -> Self {
        Self::with(10_000, 1)
    }

    fn with(queue: usize, workers: usize) -> Self {
        static SANDBOX: LazyLock<Arc<Sandbox>> = LazyLock::new(|| Sandbox::new(Cache::none(), Compiler::Here).unwrap());
        let clock = Arc::new(world::Test::new(NOW, 7));
        let engine = Engine::start(Parts {
            store: Arc::new(MemoryStore::new()),
            keyring: Arc::new(MemoryKeyring::new([3; 32])),
            world: clock.clone(),
            sandbox: SANDBOX.clone(),
            limits: crate::turn::limits::Limits::default(),
            workers,
            queue,
            public_url: Some("https://attune.example".to_owned()),
        })
        .unwrap();
        let app = App::new(engine.clone(), Limits { body_bytes: 4_096, ..Limits::default() }, "1.2.3");
        let house = Self { router: router(app.clone()), app, engine, clock };
        house.change(BusinessId::SYSTEM, Change::Token(token(None, Role::Operator, "operator", 1)));
        for (place, (id, name)) in [(SHOP, "shop"), (BAKERY, "bakery")].into_iter().enumerate() {
            house.change(id, Change::Business(Box::new(Business::new(id, name, "Europe/Berlin", "en"))));
            for (n, role) in [Role::Owner, Role::Staff, Role::Ingest].into_iter().enumerate() {
                let secret = format!("{name}-{}", role.word());
                let unique = u8::try_from(10 * (place + 1) + n).unwrap();
                house.change(id, Change::Token(token(Some(id), role, &secret, unique)));
            }
        }
        house
    }

    fn change(&self, business: BusinessId, change: Change) {
        let input = Input::Owner { by: "test".into(), change };
        let report = self.engine.act(business, CustomerId::BUSINESS, input).unwrap();
        assert_eq!(report.refused, None);
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
        let is_script = path == "/chat.js" && parts.status.is_success();
        let kept = if is_script { "public, max-age=3600, stale-while-revalidate=86400" } else { "no-store" };
        assert_eq!(parts.headers["cache-control"], kept, "{path}");
        assert_eq!(parts.headers["x-content-type-options"], "nosniff", "{path}");
        let body = serde_json::from_str(&text).unwrap_or_default();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body, text }
    }

    async fn as_(&self, secret: &str, method: &str, path: &str, body: Value) -> Answer {
        let bearer = format!("Bearer {secret}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.ask(method, path, &headers, body).await
    }

    async fn event(&self, secret: &str, event: &Value) -> Answer {
        let bearer = format!("Bearer {secret}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/cloudevents+json")];
        self.ask("POST", "/v1/events", &headers, event.to_string()).await
    }

    /// A visitor of the shop, who is there once this returns.
    async fn visitor(&self, address: &str) -> (String, String) {
        let visitor = self.as_("shop-ingest", "POST", "/v1/visitors", json!({ "address": address })).await;
        assert_eq!(visitor.status, 201, "{}", visitor.text);
        let text = |field: &str| visitor.body[field].as_str().unwrap().to_owned();
        (text("customer"), text("token"))
    }

    async fn conversation(&self, customer: &str, count: usize) -> Vec<Value> {
        for _ in 0..500 {
            let page = self.as_("shop-staff", "GET", &format!("/v1/customers/{customer}/messages"), Value::Null).await;
            let items = page.body["items"].as_array().unwrap().clone();
            if items.len() >= count {
                return items;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("{customer} does not get {count} messages");
    }
}

fn token(business: Option<BusinessId>, role: Role, secret: &str, n: u8) -> Token {
    Token { id: TokenId([n; 16]), hash: secret_hash(secret), role, business, label: format!("{secret} label") }
}

fn message(id: &str, address: &str, text: &str) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "test", "type": "attune.message.received.v1",
        "data": { "customer": { "addresses": [address] }, "text": text }
    })
}

fn plugin() -> Install {
    let text = BTreeMap::from([("en".to_owned(), "Hello {name}".to_owned())]);
    let template = TemplateDeclaration {
        purpose: crate::domain::message::Purpose::Service,
        description: String::new(),
        values: vec!["name".into()],
        text,
        apologetic: BTreeMap::new(),
        warm: BTreeMap::new(),
        subject: BTreeMap::new(),
    };
    Install {
        name: "greeter".into(),
        digest: "00".into(),
        manifest: Manifest {
            name: "greeter".into(),
            version: "1.0.0".into(),
            description: "Greets.".into(),
            settings: json!({
                "type": "object", "additionalProperties": false,
                "properties": { "hours": { "type": "integer", "default": 3 } }
            }),
            templates: BTreeMap::from([("hello".to_owned(), template)]),
            tally: Vec::new(),
            secrets: BTreeMap::new(),
            chosen: BTreeMap::new(),
            webhook: None,
            channel: None,
            writing_back: None,
        },
        exports: vec![Export::OnMessage],
        wants: vec!["message".into(), "customer".into()],
        signer: None,
        vouched: Vouched::Operator,
        source: None,
    }
}

#[tokio::test]
async fn who_may_what() {
    let house = House::new();
    let (customer, visitor) = house.visitor("chat:anna").await;
    let (other, _) = house.visitor("chat:berta").await;
    let messages = format!("/v1/customers/{customer}/messages");
    let others = format!("/v1/customers/{other}/messages");
    let one = format!("/v1/customers/{customer}");
    let shop = SHOP.to_string();
    let nobody = BusinessId([9; 16]).to_string();
    let bearer = |secret: &str| vec![("authorization".to_owned(), format!("Bearer {secret}"))];
    let naming = |business: &str| [bearer("operator"), vec![("attune-business".into(), business.to_owned())]].concat();
    let cookie = |value: &str| vec![("cookie".to_owned(), format!("theme=dark; attune_visitor={value}"))];
    let ended = {
        let key = house.engine.keyring().index_key(SHOP).unwrap();
        VisitorPass { business: SHOP, customer: customer.parse().unwrap(), expires: NOW }.sign(&key)
    };
    let forged = {
        let key = house.engine.keyring().index_key(BAKERY).unwrap();
        VisitorPass { business: SHOP, customer: customer.parse().unwrap(), expires: NOW.plus(HOUR) }.sign(&key)
    };
    // Headers, method, path; status, words.
    type Case<'a> = (Vec<(String, String)>, &'a str, &'a str, u16, &'a str);
    let cases: Vec<Case<'_>> = vec![
        (vec![], "GET", &one, 401, "Authorization: Bearer"),
        (vec![("authorization".into(), "Basic YTpi".into())], "GET", &one, 401, "another form"),
        (bearer("wrong"), "GET", &one, 401, "not known"),
        (bearer("shop-staff"), "GET", &one, 200, ""),
        (bearer("shop-owner"), "GET", &one, 200, ""),
        (bearer("shop-ingest"), "GET", &one, 403, "the role staff or owner, and the token's role is ingest"),
        (bearer("bakery-owner"), "GET", &one, 404, "there is no customer"),
        (bearer("bakery-staff"), "GET", &messages, 404, "there is no customer"),
        (bearer("operator"), "GET", &one, 400, "Attune-Business"),
        (naming(&shop), "GET", &one, 200, ""),
        (naming(&nobody), "GET", &one, 404, "there is no business"),
        (naming("biz_x"), "GET", &one, 400, "Attune-Business"),
        (
            [bearer("shop-owner"), vec![("attune-business".into(), BAKERY.to_string())]].concat(),
            "GET",
            "/v1/business",
            404,
            "there is no business",
        ),
        (bearer(&visitor), "GET", &messages, 200, ""),
        (cookie(&visitor), "GET", &messages, 200, ""),
        (bearer(&visitor), "GET", &others, 404, "there is no customer"),
        (bearer(&visitor), "GET", &one, 403, "the token's role is visitor"),
        (bearer(&ended), "GET", &messages, 401, "has ended or is not genuine"),
        (bearer(&forged), "GET", &messages, 401, "has ended or is not genuine"),
        (bearer("vis_zzzz"), "GET", &messages, 401, "not known"),
        (cookie("vis_zzzz"), "GET", &messages, 401, "not known"),
        (bearer("shop-staff"), "GET", "/v1/plugins", 403, "the role owner"),
        (bearer("shop-owner"), "GET", "/v1/plugins", 200, ""),
        (bearer("shop-staff"), "GET", "/v1/business", 403, "the role owner"),
        (bearer("shop-owner"), "GET", "/v1/businesses", 403, "the role operator"),
        (bearer("operator"), "GET", "/v1/businesses", 200, ""),
        (bearer("shop-staff"), "GET", "/v1/tokens", 403, "owner or operator"),
        (bearer("shop-staff"), "POST", "/v1/events", 403, "the role ingest or owner"),
        (bearer("shop-staff"), "GET", "/v1/cases", 200, ""),
        (bearer("shop-staff"), "GET", "/v1/dead-letters", 200, ""),
        (bearer("shop-staff"), "GET", "/v1/notices", 200, ""),
        (bearer("shop-staff"), "GET", "/v1/troubles", 200, ""),
        (bearer("shop-ingest"), "GET", "/v1/troubles", 403, "the role staff or owner"),
        (bearer("shop-staff"), "GET", "/v1/plugins/faq/requests", 403, "the role owner"),
        (bearer("shop-owner"), "GET", "/v1/plugins/faq/requests", 404, "there is no plugin"),
    ];
    for (headers, method, path, status, words) in cases {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let answer = house.ask(method, path, &headers, Body::empty()).await;
        assert_eq!(answer.status, status, "{method} {path} {headers:?}: {}", answer.text);
        assert!(answer.text.contains(words), "{method} {path}: {}", answer.text);
        assert_eq!(answer.headers.contains_key("www-authenticate"), status == 401, "{path}");
        let kind = if status < 400 { "application/json" } else { "application/problem+json" };
        assert_eq!(answer.headers["content-type"], kind);
    }
}

#[tokio::test]
async fn what_is_wrong_is_a_problem_that_says_so() {
    let house = House::new();
    house.change(SHOP, Change::Install(Box::new(plugin())));
    let (customer, visitor) = house.visitor("chat:anna").await;
    let at = |path: &str| path.replace("CUS", &customer);
    let long = format!(r#"{{"text":"{}"}}"#, "x".repeat(5_000));
    let none = CustomerId([9; 16]).to_string();
    let nobody = format!("/v1/customers/{none}");
    let (json_, wasm, event) = ("application/json", "application/wasm", "application/cloudevents+json");
    let batch = "application/cloudevents-batch+json";
    let crowd = format!("[{}]", vec!["0"; 1_001].join(","));
    // Who, method, path, content type, body; status, code, words, path of the first misfit.
    type Case<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str, u16, &'a str, &'a str, &'a str);
    let cases: Vec<Case<'_>> = vec![
        ("shop-owner", "GET", "/nothing", "", "", 404, "no-route", "/v1/openapi.json", ""),
        ("shop-owner", "GET", "/v1/nothing", "", "", 404, "no-route", "`/v1/nothing`", ""),
        ("shop-owner", "PUT", "/v1/events", "", "", 405, "bad-method", "does not take PUT", ""),
        (
            "shop-staff",
            "GET",
            "/v1/customers/cus_1",
            "",
            "",
            400,
            "bad-id",
            "`cus_1` is not an id of the form cus_",
            "",
        ),
        ("shop-staff", "GET", "/v1/messages/x/why", "", "", 400, "bad-id", "msg_", ""),
        ("shop-staff", "GET", "/v1/customers/%ff", "", "", 400, "bad-id", "", ""),
        ("shop-staff", "GET", &nobody, "", "", 404, "not-found", "there is no customer", ""),
        ("shop-staff", "GET", "/v1/customers?colour=red", "", "", 400, "bad-query", "unknown field `colour`", ""),
        ("shop-staff", "GET", "/v1/customers?limit=0", "", "", 400, "bad-query", "limit is 1 to 200", ""),
        ("shop-staff", "GET", "/v1/customers?limit=many", "", "", 400, "bad-query", "limit", ""),
        ("shop-staff", "GET", "/v1/customers?address=anna", "", "", 400, "bad-query", "write email:", ""),
        ("shop-staff", "GET", "/v1/cases?before=x", "", "", 400, "bad-query", "`before`", ""),
        ("shop-staff", "POST", "/v1/customers/CUS/messages", "", "", 415, "bad-content-type", "none", ""),
        (
            "shop-staff",
            "POST",
            "/v1/customers/CUS/messages",
            "text/plain",
            "x",
            415,
            "bad-content-type",
            "text/plain",
            "",
        ),
        ("shop-staff", "POST", "/v1/customers/CUS/messages", json_, "", 400, "bad-json", "EOF", ""),
        ("shop-staff", "POST", "/v1/customers/CUS/messages", json_, "{", 400, "bad-json", "line 1", ""),
        ("shop-staff", "POST", "/v1/customers/CUS/messages", json_, "{} x", 422, "invalid", "missing field `text`", ""),
        ("shop-staff", "POST", "/v1/customers/CUS/messages", json_, r#"{"text":1}"#, 422, "invalid", "string", "/text"),
        (
            "shop-staff",
            "POST",
            "/v1/customers/CUS/messages",
            json_,
            r#"{"text":"a","tone":"b"}"#,
            422,
            "invalid",
            "unknown field `tone`",
            "/tone",
        ),
        (
            "shop-staff",
            "POST",
            "/v1/customers/CUS/messages",
            json_,
            r#"{"text":" "}"#,
            422,
            "invalid",
            "empty",
            "/text",
        ),
        ("shop-staff", "POST", "/v1/customers/CUS/messages", json_, &long, 413, "too-large", "4096 bytes", ""),
        (
            "shop-staff",
            "POST",
            "/v1/customers/CUS/messages",
            json_,
            r#"{"text":"a","channel":"email"}"#,
            409,
            "withheld",
            "no address",
            "",
        ),
        (
            "shop-staff",
            "POST",
            "/v1/customers/CUS/messages",
            json_,
            r#"{"text":"a","id":"1"}"#,
            422,
            "invalid",
            "visitors",
            "/id",
        ),
        (
            &visitor,
            "POST",
            "/v1/customers/CUS/messages",
            json_,
            r#"{"text":"a","channel":"email"}"#,
            422,
            "invalid",
            "staff",
            "/channel",
        ),
        ("shop-ingest", "POST", "/v1/visitors", json_, r#"{"minutes":0}"#, 422, "invalid", "between", "/minutes"),
        ("shop-ingest", "POST", "/v1/visitors", json_, r#"{"address":"x"}"#, 422, "invalid", "chat:", "/address"),
        ("shop-ingest", "POST", "/v1/visitors", json_, r#"{"address":"a@b.de"}"#, 422, "invalid", "chat:", "/address"),
        ("shop-ingest", "POST", "/v1/events", "", "{}", 415, "bad-content-type", "no content type", ""),
        ("shop-ingest", "POST", "/v1/events", json_, "{}", 415, "bad-content-type", "no `ce-` headers", ""),
        ("shop-ingest", "POST", "/v1/events", "application/cloudevents+xml", "", 415, "bad-content-type", "xml", ""),
        ("shop-ingest", "POST", "/v1/events", event, "{", 400, "malformed", "not a CloudEvent", ""),
        ("shop-ingest", "POST", "/v1/events", event, "{}", 400, "malformed", "`specversion` is missing", ""),
        ("shop-ingest", "POST", "/v1/events", batch, "{}", 400, "malformed", "not a JSON array", ""),
        ("shop-ingest", "POST", "/v1/events", batch, &crowd, 413, "too-large", "1001 events", ""),
        ("shop-ingest", "POST", "/v1/events", event, &long, 413, "too-large", "4096 bytes", ""),
        (
            "shop-ingest",
            "POST",
            "/v1/events",
            event,
            r#"{"specversion":"1.0","id":"1","source":"s","type":"attune.message.received.v1","data":{"customer":{}}}"#,
            422,
            "invalid",
            "\\\"text\\\" is a required property",
            "",
        ),
        (
            "shop-staff",
            "POST",
            "/v1/cases/cas_00000000000000000000000001/take",
            "",
            "",
            404,
            "not-found",
            "there is no case",
            "",
        ),
        (
            "shop-staff",
            "POST",
            "/v1/dead-letters/dlq_00000000000000000000000001/retry",
            "",
            "",
            404,
            "not-found",
            "no dead letter",
            "",
        ),
        (
            "shop-staff",
            "POST",
            "/v1/messages/msg_00000000000000000000000001/settle",
            json_,
            r#"{"arrived":true}"#,
            404,
            "not-found",
            "no message",
            "",
        ),
        ("shop-owner", "POST", "/v1/plugins", wasm, "x", 400, "bad-query", "missing field `name`", ""),
        ("shop-owner", "POST", "/v1/plugins?name=A", wasm, "x", 400, "bad-query", "lower-case", ""),
        ("shop-owner", "POST", "/v1/plugins?name=host", wasm, "x", 400, "bad-query", "Attune's own", ""),
        ("shop-owner", "POST", "/v1/plugins?name=a", json_, "x", 415, "bad-content-type", "application/wasm", ""),
        ("shop-owner", "POST", "/v1/plugins?name=a", wasm, "x", 422, "rejected", "not a WebAssembly component", ""),
        ("shop-owner", "GET", "/v1/plugins/a", "", "", 404, "not-found", "no plugin `a`", ""),
        ("shop-owner", "DELETE", "/v1/plugins/a", "", "", 404, "not-found", "no plugin `a`", ""),
        ("shop-owner", "PATCH", "/v1/plugins/greeter", json_, "{}", 422, "invalid", "changes nothing", ""),
        (
            "shop-owner",
            "PATCH",
            "/v1/plugins/greeter",
            json_,
            r#"{"settings":{"hours":"x"}}"#,
            422,
            "invalid",
            "integer",
            "/settings/hours",
        ),
        (
            "shop-owner",
            "PATCH",
            "/v1/plugins/greeter",
            json_,
            r#"{"grants":["orders"]}"#,
            422,
            "invalid",
            "`orders`",
            "/grants",
        ),
        (
            "shop-owner",
            "PATCH",
            "/v1/plugins/greeter",
            json_,
            r#"{"wording":{"hello":{"de":"Hallo {nam}"}}}"#,
            422,
            "invalid",
            "nam",
            "/wording/hello/de",
        ),
        (
            "shop-owner",
            "PATCH",
            "/v1/plugins/greeter",
            json_,
            r#"{"wording":{"hello.warm":{"de":"Hallo {name}!"}}}"#,
            422,
            "invalid",
            "no plain text in this language",
            "/wording/hello.warm/de",
        ),
        (
            "shop-owner",
            "PATCH",
            "/v1/plugins/greeter",
            json_,
            r#"{"wording":{"hello.warm":{"en":"Hi!"}}}"#,
            422,
            "invalid",
            "lacks `{name}` (a text), which the plain text has",
            "/wording/hello.warm/en",
        ),
        (
            "shop-owner",
            "PATCH",
            "/v1/plugins/greeter",
            json_,
            r#"{"enabled":true}"#,
            409,
            "ungranted",
            "customer, message",
            "",
        ),
        ("shop-owner", "PATCH", "/v1/business", json_, r#"{"zone":"Mars/X"}"#, 422, "invalid", "IANA", "/zone"),
        ("shop-owner", "PATCH", "/v1/business", json_, r#"{"name":" "}"#, 422, "invalid", "empty", "/name"),
        (
            "shop-owner",
            "PATCH",
            "/v1/business",
            json_,
            r#"{"nmae":"x"}"#,
            422,
            "invalid",
            "unknown field `nmae`",
            "/nmae",
        ),
        ("operator", "POST", "/v1/businesses", json_, "{}", 422, "invalid", "empty", "/name"),
        ("shop-owner", "POST", "/v1/tokens", json_, r#"{"role":"king","label":"x"}"#, 422, "invalid", "king", "/role"),
        (
            "shop-owner",
            "POST",
            "/v1/tokens",
            json_,
            r#"{"role":"staff","label":""}"#,
            422,
            "invalid",
            "printable",
            "/label",
        ),
        (
            "shop-owner",
            "POST",
            "/v1/tokens",
            json_,
            r#"{"role":"operator","label":"x"}"#,
            403,
            "forbidden",
            "only an operator",
            "",
        ),
        (
            "operator",
            "POST",
            "/v1/tokens",
            json_,
            r#"{"role":"staff","label":"x"}"#,
            400,
            "no-business",
            "Attune-Business",
            "",
        ),
        ("shop-owner", "DELETE", "/v1/tokens/tok_00000000000000000000000001", "", "", 404, "not-found", "no token", ""),
    ];
    for (who, method, path, kind, body, status, code, words, misfit) in cases {
        let bearer = format!("Bearer {who}");
        let mut headers = vec![("authorization", bearer.as_str())];
        if !kind.is_empty() {
            headers.push(("content-type", kind));
        }
        let answer = house.ask(method, &at(path), &headers, body.to_owned()).await;
        let name = format!("{method} {path} {body:.80}: {}", answer.text);
        assert_eq!(answer.status, status, "{name}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{name}");
        assert_eq!(answer.body["code"], code, "{name}");
        assert_eq!(answer.body["type"], format!("urn:attune:problem:{code}"), "{name}");
        assert_eq!(answer.body["status"], status, "{name}");
        assert!(answer.body["title"].is_string(), "{name}");
        assert!(answer.text.contains(words), "{name}");
        if !misfit.is_empty() {
            assert_eq!(answer.body["errors"][0]["path"], misfit, "{name}");
        }
    }
}

#[tokio::test]
async fn events_are_taken_once_in_all_three_forms() {
    let house = House::new();
    let hello = message("1", "email:anna@example.com", "hello");
    let first = house.event("shop-ingest", &hello).await;
    assert_eq!((first.status, &first.body["status"]), (202, &json!("accepted")), "{}", first.text);
    let again = house.event("shop-owner", &hello).await;
    assert_eq!((again.status, &again.body["status"], &again.body["id"]), (200, &json!("repeated"), &first.body["id"]));
    let other = house.event("shop-ingest", &message("1", "email:anna@example.com", "hallo")).await;
    assert_eq!((other.status, &other.body["code"]), (409, &json!("conflict")));
    let elsewhere = house.event("bakery-ingest", &hello).await;
    assert_eq!(elsewhere.status, 202, "another business has its own");
    let binary = [
        ("authorization", "Bearer shop-ingest"),
        ("content-type", "application/json; charset=utf-8"),
        ("ce-specversion", "1.0"),
        ("ce-id", "2"),
        ("ce-source", "test"),
        ("ce-type", "attune.message.received.v1"),
    ];
    let data = json!({ "customer": { "addresses": ["email:anna@example.com"] }, "text": "binary" });
    let answer = house.ask("POST", "/v1/events", &binary, data.to_string()).await;
    assert_eq!((answer.status, &answer.body["customer"]), (202, &first.body["customer"]), "{}", answer.text);
    let custom = json!({ "specversion": "1.0", "id": "3", "source": "test", "type": "shop.opened", "data": 1 });
    let answer = house.event("shop-ingest", &custom).await;
    assert_eq!((answer.status, &answer.body["customer"]), (202, &Value::Null), "{}", answer.text);
    let batch = [("authorization", "Bearer shop-ingest"), ("content-type", "application/cloudevents-batch+json")];
    let unfit =
        json!({ "specversion": "1.0", "id": "5", "source": "test", "type": "attune.order.placed.v1", "data": {} });
    let events = json!([message("4", "email:anna@example.com", "batch"), hello, unfit, { "id": "6" }]);
    let answer = house.ask("POST", "/v1/events", &batch, events.to_string()).await;
    assert_eq!(answer.status, 202);
    let results: Vec<_> = answer.body["results"].as_array().unwrap().iter().collect();
    let word = |place: usize| results[place]["status"].as_str().unwrap();
    assert_eq!([word(0), word(1), word(2), word(3)], ["accepted", "repeated", "refused", "refused"]);
    assert_eq!(results[2]["problem"]["code"], "invalid");
    assert_eq!(results[3]["problem"]["code"], "malformed");
    let figures = house.ask("GET", "/metrics", &[], Body::empty()).await.text;
    for line in [
        "attune_events_taken_total 5",
        "attune_events_repeated_total 2",
        "attune_events_refused_total{reason=\"conflict\"} 1",
        "attune_events_refused_total{reason=\"invalid\"} 1",
        "attune_store_healthy 1",
    ] {
        assert!(figures.lines().any(|one| one == line), "{line}: {figures}");
    }
}

#[tokio::test]
async fn a_full_queue_and_a_closed_store_take_nothing() {
    // Without workers what was taken waits.
    // One business may have half of the queue.
    let house = House::with(6, 0);
    let batch = [("authorization", "Bearer shop-ingest"), ("content-type", "application/cloudevents-batch+json")];
    let events = |ids: &[&str]| Value::from_iter(ids.iter().map(|id| message(id, "chat:a", "x"))).to_string();
    assert_eq!(house.event("shop-ingest", &message("1", "chat:a", "x")).await.status, 202);
    let full = house.ask("POST", "/v1/events", &batch, events(&["2", "3", "4"])).await;
    assert_eq!(
        (full.status, &full.body["code"], &full.headers["retry-after"]),
        (503, &json!("busy"), &"1".parse().unwrap())
    );
    let fits = house.ask("POST", "/v1/events", &batch, events(&["2", "3"])).await;
    assert_eq!(fits.body["results"][1]["status"], "accepted", "nothing was half taken: {}", fits.text);
    let full = house.event("shop-ingest", &message("4", "chat:a", "x")).await;
    assert_eq!((full.status, &full.body["code"]), (503, &json!("busy")));
    house.engine.run_until_idle();
    assert_eq!(house.event("shop-ingest", &message("4", "chat:a", "x")).await.status, 202);

    house.engine.stop().unwrap();
    let answer = house.event("shop-ingest", &message("5", "chat:a", "x")).await;
    assert_eq!((answer.status, &answer.body["code"]), (503, &json!("stopped")));
    assert!(answer.headers.contains_key("retry-after"));
    let ready = house.ask("GET", "/readyz", &[], Body::empty()).await;
    assert_eq!((ready.status, &ready.body["detail"]), (503, &json!("the store is closed")));
    assert_eq!(house.ask("GET", "/healthz", &[], Body::empty()).await.status, 200);
}

#[tokio::test]
async fn a_conversation_between_a_visitor_and_staff() {
    let house = House::new();
    let (customer, visitor) = house.visitor("chat:anna").await;
    assert_eq!(house.visitor("chat:anna").await.0, customer, "the same address is the same customer");
    let path = format!("/v1/customers/{customer}/messages");
    let said = house.as_(&visitor, "POST", &path, json!({ "text": "Are you open?", "id": "a" })).await;
    assert_eq!((said.status, &said.body["customer"]), (202, &json!(customer)), "{}", said.text);
    let twice = house.as_(&visitor, "POST", &path, json!({ "text": "Are you open?", "id": "a" })).await;
    assert_eq!((twice.status, &twice.body["id"]), (200, &said.body["id"]));
    let theirs = house.conversation(&customer, 1).await;
    assert_eq!(theirs[0]["text"], "Are you open?");
    house.clock.advance_to(NOW.plus(1_000));
    let answer = house.as_("shop-staff", "POST", &path, json!({ "text": "Yes, until six." })).await;
    assert_eq!((answer.status, &answer.body["staff"]), (201, &json!("shop-staff label")), "{}", answer.text);
    house.clock.advance_to(NOW.plus(2_000));
    let failed = house.as_("shop-staff", "POST", &path, json!({ "text": "By mail?", "channel": "email" })).await;
    assert_eq!((failed.status, &failed.body["rule"]), (409, &json!("unreachable")));
    assert!(failed.body["message"].as_str().unwrap().starts_with("msg_"), "{}", failed.text);

    let seen = house.as_(&visitor, "GET", &path, Value::Null).await.body["items"].clone();
    assert_eq!(seen.as_array().unwrap().len(), 2, "what was withheld is not for the visitor: {seen}");
    let fields: BTreeSet<_> = seen[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, BTreeSet::from(["id", "at", "author", "channel", "text", "staff", "state"]));

    let page = house.as_("shop-staff", "GET", &format!("{path}?limit=2"), Value::Null).await.body;
    let next = page["next"].as_str().unwrap();
    let rest = house.as_("shop-staff", "GET", &format!("{path}?limit=2&before={next}"), Value::Null).await.body;
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null));

    for (message, expected) in [
        (
            &answer.body["id"],
            ["shop-staff label wrote this message, as staff.", "It was sent by chat on Monday, 21 September"],
        ),
        (
            &failed.body["message"],
            ["shop-staff label wrote", "did not let it go out: no address of the customer is known"],
        ),
        (&theirs[0]["id"], ["a message of the customer came in, as `chat` told", "It stands in the conversation."]),
    ] {
        let why = format!("/v1/messages/{}/why", message.as_str().unwrap());
        let story = house.as_("shop-staff", "GET", &why, Value::Null).await;
        let sentences = story.body["sentences"].to_string();
        for words in expected {
            assert!(sentences.contains(words), "{sentences}");
        }
        assert!(story.body["entries"][0]["measured"].is_object(), "{}", story.text);
        assert_eq!(house.as_("bakery-staff", "GET", &why, Value::Null).await.status, 404);
    }
    let whys = house.as_("shop-staff", "GET", &format!("/v1/customers/{customer}/whys?limit=2"), Value::Null).await;
    assert_eq!(whys.body["items"].as_array().unwrap().len(), 2, "{}", whys.text);
    let found = house.as_("shop-staff", "GET", "/v1/customers?address=chat:anna", Value::Null).await;
    assert_eq!(found.body["items"][0]["id"], customer);
    let settled = format!("/v1/messages/{}/settle", answer.body["id"].as_str().unwrap());
    let settled = house.as_("shop-staff", "POST", &settled, json!({ "arrived": true })).await;
    assert_eq!((settled.status, &settled.body["code"]), (409, &json!("conflict")));
}

#[tokio::test]
async fn customers_come_in_pages() {
    let house = House::new();
    for name in ["chat:a", "chat:b", "chat:c"] {
        house.visitor(name).await;
    }
    let mut seen = Vec::new();
    let mut path = "/v1/customers?limit=2".to_owned();
    loop {
        let page = house.as_("shop-staff", "GET", &path, Value::Null).await.body;
        seen.extend(page["items"].as_array().unwrap().iter().map(|one| one["addresses"][0].clone()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/customers?limit=2&after={next}");
    }
    seen.sort_by_key(Value::to_string);
    assert_eq!(seen, ["chat:a", "chat:b", "chat:c"]);
}

/// Reads a stream until so many messages came; their ids and texts.
async fn follow(body: Body, count: usize) -> Vec<(String, String)> {
    let (mut pieces, mut text) = (body.into_data_stream(), String::new());
    while text.matches("\n\n").count() < count {
        let piece = tokio::time::timeout(Duration::from_secs(5), pieces.next()).await.expect("nothing comes");
        text.push_str(&String::from_utf8_lossy(&piece.unwrap().unwrap()));
    }
    let field = |lines: &str, name: &str| {
        lines.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned()).unwrap_or_default()
    };
    let events = text.split("\n\n").filter(|lines| lines.contains("event: message"));
    let data = |lines: &str| {
        serde_json::from_str::<Value>(&field(lines, "data:")).unwrap()["text"].as_str().unwrap().to_owned()
    };
    events.map(|lines| (field(lines, "id:"), data(lines))).collect()
}

#[tokio::test]
async fn a_stream_tells_what_comes_and_after_a_break_what_came() {
    let house = House::new();
    let (customer, visitor) = house.visitor("chat:anna").await;
    let path = format!("/v1/customers/{customer}/messages");
    let open = async |last: &str| {
        let request = Request::get(format!("{path}/stream"))
            .header("authorization", format!("Bearer {visitor}"))
            .header("last-event-id", last)
            .body(Body::empty());
        let response = house.router.clone().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        response.into_body()
    };
    let live = open("").await;
    tokio::task::yield_now().await;
    house.as_("shop-staff", "POST", &path, json!({ "text": "one" })).await;
    house.as_("shop-staff", "POST", &path, json!({ "text": "hidden", "channel": "email" })).await;
    house.clock.advance_to(NOW.plus(1_000));
    house.as_("shop-staff", "POST", &path, json!({ "text": "two" })).await;
    let told = follow(live, 2).await;
    let texts: Vec<_> = told.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["one", "two"]);
    let missed = follow(open(&told[0].0).await, 1).await;
    assert_eq!(missed, told[1..]);
    let everything = follow(open(&MessageId([0; 16]).to_string()).await, 2).await;
    assert_eq!(everything, told);
    let wrong = [("authorization", "Bearer shop-staff"), ("last-event-id", "x")];
    let answer = house.ask("GET", &format!("{path}/stream"), &wrong, Body::empty()).await;
    assert_eq!((answer.status, &answer.body["code"]), (400, &json!("bad-header")));
}

#[tokio::test]
async fn an_owner_sets_a_plugin_up() {
    let house = House::new();
    house.change(SHOP, Change::Install(Box::new(plugin())));
    let path = "/v1/plugins/greeter";
    let seen = house.as_("shop-owner", "GET", path, Value::Null).await;
    assert_eq!(seen.headers["etag"], "\"1\"");
    assert_eq!(seen.body["effective_settings"], json!({ "hours": 3 }));
    assert_eq!(seen.body["ungranted"], json!(["customer", "message"]));
    assert_eq!(seen.body["permissions"][1]["sentence"], "send messages to the customer");
    assert_eq!(seen.body["subscriptions"][0]["sentence"], "runs when a customer writes (it may answer)");
    let change = json!({ "grants": ["customer", "message"], "enabled": true, "settings": { "hours": 5 } });
    let headers =
        |tag| [("authorization", "Bearer shop-owner"), ("content-type", "application/json"), ("if-match", tag)];
    let late = house.ask("PATCH", path, &headers("\"7\""), change.to_string()).await;
    assert_eq!((late.status, &late.body["code"]), (412, &json!("changed")));
    let odd = house.ask("PATCH", path, &headers("seven"), change.to_string()).await;
    assert_eq!((odd.status, &odd.body["code"]), (400, &json!("bad-header")));
    let done = house.ask("PATCH", path, &headers("\"1\""), change.to_string()).await;
    assert_eq!(
        (done.status, &done.body["runs"], &done.headers["etag"]),
        (200, &json!(true), &"\"2\"".parse().unwrap())
    );
    assert_eq!(house.as_("bakery-owner", "GET", path, Value::Null).await.status, 404);
    assert_eq!(house.as_("shop-owner", "DELETE", path, Value::Null).await.status, 204);
    assert_eq!(house.as_("shop-owner", "GET", path, Value::Null).await.status, 404);
}

#[tokio::test]
async fn tokens_and_businesses() {
    let house = House::new();
    let made = house.as_("operator", "POST", "/v1/businesses", json!({ "name": "Clinic", "zone": "Asia/Tokyo" })).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.body["id"].as_str().unwrap();
    let named = [("authorization", "Bearer operator"), ("attune-business", id), ("content-type", "application/json")];
    let new = json!({ "role": "owner", "label": "Olga" }).to_string();
    let token = house.ask("POST", "/v1/tokens", &named, new).await;
    assert_eq!((token.status, &token.body["business"]), (201, &json!(id)), "{}", token.text);
    let secret = token.body["secret"].as_str().unwrap();
    let business = house.as_(secret, "PATCH", "/v1/business", json!({ "contact": "call 110" })).await;
    assert_eq!(
        (business.status, &business.body["contact"], &business.body["zone"]),
        (200, &json!("call 110"), &json!("Asia/Tokyo"))
    );
    let business = house.as_(secret, "PATCH", "/v1/business", json!({ "contact": null })).await;
    assert_eq!(business.body.get("contact"), None);
    let listed = house.as_(secret, "GET", "/v1/tokens", Value::Null).await;
    assert!(listed.text.contains("Olga") && !listed.text.contains("secret") && !listed.text.contains("hash"));
    let all = house.as_("operator", "GET", "/v1/businesses", Value::Null).await;
    assert_eq!(all.body["items"].as_array().unwrap().len(), 3, "{}", all.text);
    let revoked = format!("/v1/tokens/{}", token.body["id"].as_str().unwrap());
    assert_eq!(house.as_("shop-owner", "DELETE", &revoked, Value::Null).await.status, 404, "not theirs");
    assert_eq!(house.as_(secret, "GET", "/v1/business", Value::Null).await.status, 200);
    assert_eq!(house.ask("DELETE", &revoked, &named, Body::empty()).await.status, 204);
    assert_eq!(house.as_(secret, "GET", "/v1/business", Value::Null).await.status, 401, "at once, though it was known");
    let operators = house.as_("operator", "POST", "/v1/tokens", json!({ "role": "operator", "label": "Otto" })).await;
    assert_eq!(operators.status, 201, "{}", operators.text);
    let second = operators.body["secret"].as_str().unwrap();
    assert_eq!(house.as_(second, "GET", "/v1/businesses", Value::Null).await.status, 200);
}

#[tokio::test]
async fn a_case_is_taken_answered_and_resolved() {
    let house = House::new();
    let (customer, _) = house.visitor("chat:anna").await;
    let case = open_case(&house, customer.parse().unwrap());
    let path = format!("/v1/cases/{case}");
    let list = house.as_("shop-staff", "GET", "/v1/cases", Value::Null).await;
    assert_eq!(list.body["items"][0]["id"], case.to_string(), "{}", list.text);
    assert_eq!(house.as_("bakery-staff", "GET", &path, Value::Null).await.status, 404);
    assert_eq!(house.as_("shop-staff", "GET", &path, Value::Null).await.headers["etag"], "\"1\"");
    let headers =
        |tag| [("authorization", "Bearer shop-staff"), ("content-type", "application/json"), ("if-match", tag)];
    let take = format!("{path}/take");
    assert_eq!(house.ask("POST", &take, &headers("\"9\""), Body::empty()).await.status, 412);
    let taken = house.ask("POST", &take, &headers("\"1\""), Body::empty()).await;
    assert_eq!(
        (&taken.body["stage"], &taken.body["by"]),
        (&json!("taken"), &json!("shop-staff label")),
        "{}",
        taken.text
    );
    let reply = house.ask("POST", &format!("{path}/reply"), &headers("\"2\""), r#"{"text":"Hello"}"#).await;
    assert_eq!((reply.status, &reply.body["author"]), (201, &json!("staff")), "{}", reply.text);
    let resolved = house.ask("POST", &format!("{path}/resolve"), &headers("*"), Body::empty()).await;
    assert_eq!((resolved.status, &resolved.body["stage"]), (200, &json!("resolved")), "{}", resolved.text);
    let seen = house.ask("GET", &path, &headers("*"), Body::empty()).await;
    assert_eq!((seen.status, &seen.body["stage"]), (200, &json!("resolved")), "a resolved case can still be looked at");
    for act in ["resolve", "take"] {
        let again = house.ask("POST", &format!("{path}/{act}"), &headers("*"), Body::empty()).await;
        assert_eq!((again.status, &again.body["code"]), (409, &json!("conflict")), "{act}: {}", again.text);
    }
}

/// No plugin runs here, so a case is written as a step would.
fn open_case(house: &House, customer: CustomerId) -> crate::domain::ids::CaseId {
    use crate::domain::case::{Case, Stage, Urgency};
    use crate::store::{Row, Table};
    let id = crate::domain::ids::CaseId::new(NOW, [1; 10]);
    let case = Case {
        id,
        customer,
        opened: NOW,
        reason: "asked".into(),
        urgency: Urgency::Normal,
        summary: "Asked for a person.".into(),
        opened_by: "escalation".into(),
        stage: Stage::Waiting,
        revision: 1,
    };
    let records = house.engine.records(house.engine.view(), SHOP, customer).unwrap();
    let at = records.at(Table::Case).id(&id.0);
    let mut batch = Batch::new();
    batch.put(at.clone(), records.row(&at, &case).unwrap());
    batch.put(records.of_business(Table::OpenCase).id(&id.0), Row::clear(1, &customer).unwrap());
    house.engine.store().commit(batch).unwrap();
    id
}

#[tokio::test]
async fn every_route_is_described_and_the_other_way_round() {
    let house = House::new();
    let described = super::description();
    let paths = described["paths"].as_object().unwrap();
    let known: BTreeSet<&str> = routes().into_iter().map(|(path, _)| path).collect();
    assert_eq!(known, paths.keys().map(String::as_str).collect());
    for (path, methods) in paths {
        let at = path.replace("{id}", "x").replace("{name}", "x");
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let answer = house.ask(method.as_str(), &at, &[], Body::empty()).await;
            let taken = answer.status != 405;
            assert_eq!(taken, methods.get(method.as_str().to_lowercase()).is_some(), "{method} {path}");
        }
    }
    let served = house.ask("GET", "/v1/openapi.json", &[], Body::empty()).await;
    assert_eq!(&served.body, described);
}

#[test]
fn the_description_is_whole() {
    let described = super::description();
    assert!(described["openapi"].as_str().unwrap().starts_with("3.1."));
    assert!(described["info"]["title"].is_string() && described["info"]["version"].is_string());
    let mut names = BTreeSet::new();
    for (path, methods) in described["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name), "{name} is there twice");
            assert!(operation["summary"].is_string(), "{name}");
            assert!(operation["responses"].as_object().unwrap().len() > 1, "{name}");
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let in_path: Vec<_> = parameters.iter().filter(|one| one["in"] == "path").collect();
            assert_eq!(in_path.len(), path.matches('{').count(), "{name}");
            assert!(in_path.iter().all(|one| one["required"] == true && path.contains(one["name"].as_str().unwrap())));
            let schemes = &described["components"]["securitySchemes"];
            for wanted in operation["security"].as_array().into_iter().flatten() {
                assert!(wanted.as_object().unwrap().keys().all(|scheme| schemes.get(scheme).is_some()), "{name}");
            }
            let open = [
                "root",
                "healthz",
                "readyz",
                "metrics",
                "openapi",
                "unsubscribePage",
                "unsubscribe",
                "postHook",
                "chatScript",
                "chatDemo",
            ]
            .contains(&name);
            assert_eq!(operation["security"] == json!([{}]), open, "{method} {path}: {}", operation["security"]);
        }
    }
    each_reference(described, &mut |reference| {
        let place = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} leads elsewhere"));
        assert!(described.pointer(place).is_some(), "{reference} leads nowhere");
    });
    for name in described["components"]["schemas"].as_object().unwrap().keys() {
        let root = json!({ "$ref": format!("#/components/schemas/{name}"), "components": described["components"] });
        jsonschema::validator_for(&root).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

fn each_reference(value: &Value, visit: &mut dyn FnMut(&str)) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(reference) if name == "$ref" => visit(reference),
                    _ => each_reference(value, visit),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| each_reference(item, visit)),
        _ => {}
    }
}

#[tokio::test]
async fn a_server_answers_over_a_socket_and_stops_with_its_streams() {
    use std::io::{Read, Write};
    let house = House::new();
    let (customer, visitor) = house.visitor("chat:anna").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(serve(listener, house.app.clone(), stopped));
    let read = tokio::task::spawn_blocking(move || {
        let mut root = std::net::TcpStream::connect(address).unwrap();
        root.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        root.read_to_string(&mut text).unwrap();
        let mut live = std::net::TcpStream::connect(address).unwrap();
        let request = format!(
            "GET /v1/customers/{customer}/messages/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {visitor}\r\n\r\n"
        );
        live.write_all(request.as_bytes()).unwrap();
        let mut head = [0; 15];
        live.read_exact(&mut head).unwrap();
        let _ = stop.send(());
        let mut rest = String::new();
        live.read_to_string(&mut rest).unwrap();
        (text, String::from_utf8_lossy(&head).into_owned())
    });
    let (text, head) = tokio::time::timeout(Duration::from_secs(8), read).await.expect("the stream ends").unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK") && text.contains("Attune 1.2.3."), "{text}");
    assert_eq!(head, "HTTP/1.1 200 OK");
    tokio::time::timeout(Duration::from_secs(8), serving).await.expect("it stops").unwrap().unwrap();
}

#[tokio::test]
async fn what_a_step_refuses_keeps_its_meaning() {
    let house = House::new();
    let report =
        |code: &str| crate::engine::Report { refused: Some((code.into(), "words".into())), ..Default::default() };
    for (code, status) in [
        ("invalid", 422),
        ("changed", 412),
        ("not-found", 404),
        ("ungranted", 409),
        ("conflict", 409),
        ("opted-out", 409),
    ] {
        assert_eq!(super::Problem::of_report(report(code)).unwrap_err().body().status, status, "{code}");
    }
    let (customer, _) = house.visitor("chat:anna").await;
    let input =
        Input::Staff { by: "x".into(), act: StaffAct::RetryDeadLetter(crate::domain::ids::DeadLetterId([1; 16])) };
    let refused = house.app.act(SHOP, customer.parse().unwrap(), input, Batch::new()).await.unwrap_err();
    assert_eq!(refused.body().code, "not-found");
}
