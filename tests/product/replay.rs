//! The guard of the second idea: nothing writes business state except a step, and a step is a function of the journal. Any
//! random journal, replayed, gives a byte-identical store, on both backends, with any number of workers.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use attune::domain::business::Business;
use attune::domain::customer::Customer;
use attune::domain::entry::{Change, Input, Outcome, PluginChange, StaffAct};
use attune::domain::ids::{BusinessId, CustomerId};
use attune::domain::knowledge::{Article, KnowledgeChange};
use attune::domain::merge::Tie;
use attune::domain::message::Purpose;
use attune::domain::time::{Instant, MINUTE};
use attune::engine::replay::{replay, state};
use attune::engine::{Courier, Engine, Parcel, Parts, WriteBack};
use attune::intake::{self, cloudevent};
use attune::sandbox::{Cache, Compiler, Sandbox};
use attune::store::{Batch, Keyring, MemoryKeyring, MemoryStore, RedbStore, Settings, Store, Table, View};
use attune::turn::limits::Limits;
use attune::world::{Test, World};
use attune_tests::Folder;
use proptest::prelude::*;
use serde_json::json;

pub static SANDBOX: LazyLock<Arc<Sandbox>> = LazyLock::new(|| {
    let compiled = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled");
    Sandbox::new(Cache::new(compiled, [5; 32]), Compiler::Here).expect("the sandbox starts")
});

const PLUGINS: [&str; 7] =
    ["escalation", "order-status", "appointment-reminders", "faq", "sender", "house-reader", "diary"];

/// Something that happens. Numbers choose among few customers, orders and texts, so that cases meet each other.
#[derive(Debug, Clone)]
enum Happening {
    Says {
        customer: u8,
        text: u8,
        email: bool,
    },
    Order {
        customer: u8,
        order: u8,
        change: u8,
        version: u64,
    },
    Appointment {
        customer: u8,
        appointment: u8,
        change: u8,
        in_hours: u64,
    },
    Custom {
        customer: Option<u8>,
    },
    Repeat,
    Time {
        minutes: u64,
    },
    Staff {
        customer: u8,
        act: u8,
    },
    Owner {
        plugin: u8,
        act: u8,
    },
    /// The owner adds an answer, takes one away, or imports others in the place of all.
    Knowledge {
        article: u8,
        act: u8,
    },
    Erase {
        customer: u8,
    },
    /// Two turn out to be one, by staff's word or by a record of all their addresses.
    Merge {
        customer: u8,
        other: u8,
        by_record: bool,
    },
    /// The last who was put together with somebody is parted again.
    Part {
        customer: u8,
    },
    /// The plugin that sends what it is told to: for which purpose, with which key, for how long it is of use.
    Send {
        customer: u8,
        purpose: u8,
        once: Option<u8>,
        minutes: Option<u32>,
    },
    /// Everything is paused while a message still waits for its turn, or goes on, or is a simulation, or is none.
    Brake {
        act: u8,
    },
    Unsubscribe {
        customer: u8,
    },
}

const FURIOUS: &str = "This is the third time I write, it is unacceptable and I am furious!!!";

const TEXTS: [&str; 23] = [
    "When are you open?",
    "can i prak or pay",
    "Where is my order?",
    "Wo bleibt mein Paket #1?",
    "where is order #2, a@example.com",
    "it is #0 and my postcode is 10115",
    "I want to talk to a person",
    FURIOUS,
    "C",
    "R",
    "?confirmed 0",
    "?declined 1",
    "?asked-to-move 2",
    "STOP",
    "START",
    "HELP",
    "thanks",
    // The reader decides, breaks off, never ends, and gives no number.
    "loaf watch? it was a brick",
    "break off",
    "go round for ever",
    "no number, but where is my order?",
    "",
    "nothing of yours \u{0} \u{1b}[2J {name} </script>",
];

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => (0..4_u8, 0..23_u8, any::<bool>()).prop_map(|(customer, text, email)| Happening::Says { customer, text, email }),
        3 => (0..4_u8, 0..4_u8, 0..7_u8, 0..4_u64)
            .prop_map(|(customer, order, change, version)| Happening::Order { customer, order, change, version }),
        3 => (0..4_u8, 0..3_u8, 0..5_u8, 0..96_u64).prop_map(|(customer, appointment, change, in_hours)| {
            Happening::Appointment { customer, appointment, change, in_hours }
        }),
        1 => proptest::option::of(0..4_u8).prop_map(|customer| Happening::Custom { customer }),
        1 => Just(Happening::Repeat),
        4 => (1..3_000_u64).prop_map(|minutes| Happening::Time { minutes }),
        2 => (0..4_u8, 0..4_u8).prop_map(|(customer, act)| Happening::Staff { customer, act }),
        1 => (0..7_u8, 0..4_u8).prop_map(|(plugin, act)| Happening::Owner { plugin, act }),
        2 => (0..4_u8, 0..4_u8).prop_map(|(article, act)| Happening::Knowledge { article, act }),
        1 => (0..4_u8).prop_map(|customer| Happening::Erase { customer }),
        1 => (0..4_u8, 0..4_u8, any::<bool>())
            .prop_map(|(customer, other, by_record)| Happening::Merge { customer, other, by_record }),
        1 => (0..4_u8).prop_map(|customer| Happening::Part { customer }),
        4 => (0..4_u8, 0..3_u8, proptest::option::of(0..2_u8), proptest::option::of(1..900_u32))
            .prop_map(|(customer, purpose, once, minutes)| Happening::Send { customer, purpose, once, minutes }),
        2 => (0..5_u8).prop_map(|act| Happening::Brake { act }),
        1 => (0..4_u8).prop_map(|customer| Happening::Unsubscribe { customer }),
    ]
}

/// A channel of moods: what it says of a message follows from the message's id.
struct Moody;

impl Courier for Moody {
    fn take(&self, engine: &Arc<Engine>, parcel: Parcel) {
        let outcome = match parcel.message.id.0[15] % 4 {
            0 => Outcome::Retry("451 later".to_owned()),
            1 => Outcome::Failed("550 no".to_owned()),
            2 => Outcome::Unknown("the line went dead".to_owned()),
            _ => Outcome::Sent,
        };
        engine.outcome(&parcel, outcome, |result| drop(result.expect("an outcome is taken")));
    }

    fn write_back(&self, engine: &Arc<Engine>, answer: WriteBack) {
        let outcome = match answer.errand.0[15] % 5 {
            0 => Outcome::Retry("503 later".to_owned()),
            1 => Outcome::Later { reason: "429 not now".to_owned(), after_ms: 60 * MINUTE },
            2 => Outcome::Unknown("the line went dead".to_owned()),
            3 => Outcome::Unwanted,
            _ => Outcome::Sent,
        };
        engine.written_back(&answer, outcome, |result| drop(result.expect("an outcome is taken")));
    }
}

pub struct Stage {
    pub engine: Arc<Engine>,
    pub world: Arc<Test>,
    pub business: BusinessId,
    events: u64,
    last: Option<String>,
    /// Whether anybody was erased: what plugins counted because of them a replay cannot count again.
    erased: bool,
    /// Whether any were parted: what the one was told while they were two in one follows from entries of the other.
    parted: bool,
}

impl Stage {
    pub fn new(store: Arc<dyn Store>, keyring: Arc<dyn Keyring>, limits: Limits) -> Self {
        let start = Instant::parse("2026-10-20T09:00[Europe/Berlin]").expect("a moment");
        let world = Arc::new(Test::new(start, 7));
        let parts = Parts {
            store,
            keyring,
            world: world.clone(),
            sandbox: SANDBOX.clone(),
            limits,
            workers: 0,
            queue: 100_000,
            public_url: None,
        };
        let engine = Engine::start(parts).expect("the engine starts");
        engine.set_courier(Arc::new(Moody));
        let business = BusinessId::new(start, world.unique());
        let mut stage = Self { engine, world, business, events: 0, last: None, erased: false, parted: false };
        let mut about = Business::new(business, "Clinic", "Europe/Berlin", "en");
        let to_staff = json!([
            { "channel": "email", "to": "team@example.com", "from": "low", "details": true },
            { "channel": "pager", "when_open": true },
        ]);
        about.notices = serde_json::from_value(to_staff).expect("routes");
        stage.change(Change::Business(Box::new(about)), Batch::new());
        for name in PLUGINS {
            stage.install(name);
        }
        stage
    }

    pub fn change(&mut self, change: Change, batch: Batch) {
        let input = Input::Owner { by: "owner".to_owned(), change };
        self.engine.act_with(self.business, CustomerId::BUSINESS, input, batch).expect("a change is taken");
    }

    fn install(&mut self, name: &str) {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../target/plugins/{name}.wasm"));
        let wasm = std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}; run `make plugins`", file.display()));
        self.install_file(name, &wasm);
    }

    pub fn install_file(&mut self, name: &str, wasm: &[u8]) {
        let about = &SANDBOX.load(wasm).expect("a plugin loads").about;
        let (install, batch) = attune::engine::config::install(name, about, wasm);
        self.change(install, batch);
        let grants = Some(about.wants.iter().cloned().collect());
        self.set(name, PluginChange { enabled: Some(true), grants, ..PluginChange::default() });
    }

    /// Every unhappy message is a surge.
    fn watch_for_surges(&mut self) {
        self.install("surge-alert");
        let settings = Some(json!({ "at_least": 1, "times_usual": 1 }));
        self.set("surge-alert", PluginChange { settings, ..PluginChange::default() });
    }

    fn set(&mut self, name: &str, set: PluginChange) {
        self.change(Change::Plugin { name: name.to_owned(), seen: None, set: Box::new(set) }, Batch::new());
    }

    pub fn event(&mut self, kind: &str, data: serde_json::Value) {
        self.event_of("test", kind, data);
    }

    fn event_of(&mut self, source: &str, kind: &str, data: serde_json::Value) {
        self.events += 1;
        let id = self.events.to_string();
        let event = json!({ "specversion": "1.0", "type": kind, "source": source, "id": id, "data": data });
        self.last = Some(event.to_string());
        self.take(&event.to_string());
    }

    fn take(&mut self, event: &str) {
        let event = cloudevent::structured(event.as_bytes()).expect("an event");
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        intake::take(&self.engine, self.business, event, move |result| drop(sender.send(result)));
        receiver.recv().expect("an answer").expect("the event is taken");
        self.engine.run_until_idle();
    }

    pub fn customer(&self, number: u8) -> Option<CustomerId> {
        let address = reference(number)["addresses"][0].as_str().map(str::to_owned)?;
        let address = attune::domain::address::Address::parse(&address).expect("an address");
        let found = self.engine.query(self.business).customer_by_address(&address).expect("the store is read");
        found.map(|customer| customer.id)
    }

    fn happen(&mut self, happening: &Happening) {
        match happening {
            Happening::Says { customer, text, email } => {
                let channel = if *email { "email" } else { "chat" };
                let text = TEXTS[usize::from(*text)];
                let data = json!({ "customer": reference(*customer), "channel": channel, "text": text });
                self.event("attune.message.received.v1", data);
            }
            Happening::Order { customer, order, change, version } => {
                let changes = ["placed", "updated", "shipped", "delayed", "delivered", "cancelled", "refunded"];
                let kind = format!("attune.order.{}.v1", changes[usize::from(*change)]);
                let order = json!({
                    "id": order.to_string(), "number": format!("#{order}"), "version": version,
                    "shipments": [{ "carrier": "DHL", "tracking": "JD1" }],
                });
                self.event(&kind, json!({ "customer": reference(*customer), "order": order }));
            }
            Happening::Appointment { customer, appointment, change, in_hours } => {
                let changes = ["booked", "moved", "cancelled", "completed", "missed"];
                let kind = format!("attune.appointment.{}.v1", changes[usize::from(*change)]);
                let starts = self.world.now().plus(in_hours * 60 * MINUTE).to_string();
                let appointment =
                    json!({ "id": appointment.to_string(), "service": "Check", "starts": starts, "place": "Here" });
                // The calendar hears what is answered to it.
                self.event_of("diary", &kind, json!({ "customer": reference(*customer), "appointment": appointment }));
            }
            Happening::Custom { customer } => {
                let data = customer.map_or(json!({ "x": 1 }), |number| json!({ "customer": reference(number) }));
                self.event("shop.custom", data);
            }
            Happening::Repeat => {
                if let Some(last) = self.last.clone() {
                    self.take(&last);
                }
            }
            Happening::Send { customer, purpose, once, minutes } => {
                let (purpose, template) =
                    [("service", "news"), ("survey", "question"), ("marketing", "offer")][usize::from(*purpose)];
                let data = json!({
                    "customer": reference(*customer), "purpose": purpose, "template": template, "about": "1",
                    "text": format!("number {}", self.events), "once": once.map(|key| key.to_string()),
                    "expires_minutes": minutes, "channel": "email",
                });
                self.event("example.send", data);
            }
            Happening::Brake { act } => self.brake(*act),
            Happening::Unsubscribe { customer } => {
                if let Some(id) = self.customer(*customer) {
                    let input = Input::Unsubscribe { channel: "email".to_owned(), purpose: Purpose::Marketing };
                    self.engine.act(self.business, id, input).expect("anybody may unsubscribe");
                }
            }
            Happening::Time { minutes } => self.pass(self.world.now().plus(minutes * MINUTE)),
            Happening::Staff { customer, act } => self.staff(*customer, *act),
            Happening::Owner { plugin, act } => {
                let name = PLUGINS[usize::from(*plugin)];
                let set = match act {
                    0 => PluginChange { enabled: Some(false), ..PluginChange::default() },
                    1 => PluginChange { order: Some(5), ..PluginChange::default() },
                    _ => PluginChange { enabled: Some(true), ..PluginChange::default() },
                };
                self.set(name, set);
            }
            Happening::Knowledge { article: number, act } => {
                let article = |number: u8| {
                    let question =
                        ["When are you open?", "Where can I park?", "Can I pay by card?", "Where is my order?"];
                    let question = question[usize::from(number % 4)].to_owned();
                    Article { question, answer: format!("Answer {}", self.events), ..Article::default() }.tidy()
                };
                let change = match act {
                    0 => KnowledgeChange::Add(article(*number)),
                    1 => KnowledgeChange::Delete { id: article(*number).id, seen: None },
                    2 => KnowledgeChange::Put { article: article(*number), seen: Some(1) },
                    _ => KnowledgeChange::Import {
                        articles: (0..3).map(|n| article(number + n)).collect(),
                        replace: true,
                    },
                };
                self.change(Change::Knowledge(Box::new(change)), Batch::new());
            }
            Happening::Merge { customer, other, by_record: true } => {
                let of = |number| reference(number)["addresses"].as_array().cloned().unwrap_or_default();
                let addresses = [of(*customer), of(*other)].concat();
                self.event("attune.customer.updated.v1", json!({ "customer": { "addresses": addresses } }));
            }
            Happening::Merge { customer, other, by_record: false } => {
                if let (Some(into), Some(from)) = (self.customer(*customer), self.customer(*other))
                    && into != from
                {
                    let because = Tie::Staff { by: "owner".to_owned() };
                    self.change(Change::Merge { from, into, because }, Batch::new());
                    assert_eq!(self.customer(*other), Some(into), "an address leads to whoever it is part of");
                }
            }
            Happening::Part { customer } => {
                let query = self.engine.query(self.business);
                let known = self.customer(*customer).and_then(|id| query.customer(id).expect("the store is read"));
                if let Some(known) = known
                    && let Some(last) = known.merged.iter().max_by_key(|one| (one.at, one.entry))
                    && !self.erased
                {
                    self.change(Change::Part { from: last.id, into: known.id }, Batch::new());
                    let again = query_customer(self, last.id).expect("they are a customer again");
                    assert_eq!(again.id, last.id);
                    self.parted = true;
                }
            }
            // Of whoever was parted some of what they are was decided in entries of the other.
            Happening::Erase { .. } if self.parted => {}
            Happening::Erase { customer } => {
                if let Some(id) = self.customer(*customer) {
                    self.change(Change::Erase(id), Batch::new());
                    let query = self.engine.query(self.business);
                    assert!(query.customer(id).expect("the store is read").is_none(), "{id} is still there");
                    self.erased = true;
                }
            }
        }
    }

    fn brake(&mut self, act: u8) {
        match act {
            0 | 1 => {
                // It waits while everything is paused, so its step meets a pause that has not had its turn.
                let data = json!({ "customer": reference(1), "text": "Where is my order?" });
                let data = if act == 0 {
                    data
                } else {
                    json!({ "customer": reference(2), "purpose": "survey",
                    "template": "question", "text": "How was it?" })
                };
                let kind = if act == 0 { "attune.message.received.v1" } else { "example.send" };
                self.events += 1;
                let id = format!("paused-{}", self.events);
                let event = json!({ "specversion": "1.0", "type": kind, "source": "test", "id": id, "data": data });
                let event = cloudevent::structured(event.to_string().as_bytes()).expect("an event");
                intake::take(&self.engine, self.business, event, |result| {
                    result.expect("it is taken");
                });
                self.engine.pause_all(self.business, "owner", "to see").expect("everything is paused");
                self.engine.run_until_idle();
            }
            2 => self.change(Change::Resume, Batch::new()),
            _ => {
                let ready = self.engine.ready(self.business).expect("the business");
                let mut business = ready.config.business.clone();
                business.simulation = act == 3;
                business.promises.breaker.messages = 4;
                self.change(Change::Business(Box::new(business)), Batch::new());
            }
        }
    }

    fn staff(&mut self, customer: u8, act: u8) {
        let Some(id) = self.customer(customer) else { return };
        let case = self.engine.query(self.business).records(id).and_then(|r| r.last_case()).expect("the store is read");
        let act = match (act, case) {
            (0, Some(case)) => StaffAct::Take(case.id, None),
            (1, Some(case)) => StaffAct::Resolve(case.id, Some(case.revision)),
            _ => StaffAct::Write { text: "Petra here".to_owned(), channel: None, in_spite: act == 3 },
        };
        self.engine.act(self.business, id, Input::Staff { by: "Petra".to_owned(), act }).expect("staff may act");
    }

    pub fn pass(&mut self, until: Instant) {
        loop {
            self.engine.run_until_idle();
            let rung = self.engine.ring().expect("the due table is read");
            match rung.next.filter(|next| *next <= until) {
                _ if rung.fired > 0 => {}
                Some(next) => self.world.advance_to(next),
                None => break,
            }
        }
        self.world.advance_to(until);
    }
}

fn query_customer(stage: &Stage, id: CustomerId) -> Option<Customer> {
    stage.engine.query(stage.business).customer(id).expect("the store is read")
}

pub fn reference(number: u8) -> serde_json::Value {
    let chat = format!("chat:{number}");
    match number {
        0 => json!({ "addresses": [chat] }),
        1 => json!({ "addresses": [chat, "email:a@example.com"], "name": "Anna", "language": "de" }),
        2 => json!({ "addresses": [chat, "email:b@example.com"], "postcode": "10115", "zone": "Australia/Lord_Howe" }),
        _ => json!({ "addresses": [chat, "email:c@example.com"], "consents": ["marketing"] }),
    }
}

fn redb(folder: &Folder, name: &str) -> Arc<dyn Store> {
    // A tiny overlay, so that rows are swept into place all the time.
    let settings = Settings { overlay_bytes: 64 << 10, slice_bytes: 8 << 10, ..Settings::default() };
    Arc::new(RedbStore::open(&folder.path().join(name), settings).expect("a store opens"))
}

/// Waits until nothing is still to be done. Replays hold finite journals, so this ends.
pub fn settle(engine: &Arc<Engine>) {
    engine.run_until_idle();
    while engine.queue().0 > 0 {
        std::thread::yield_now();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_replayed_journal_gives_the_same_store(
        happenings in proptest::collection::vec(happening(), 1..80),
        scarce in any::<bool>(),
    ) {
        // With little fuel many runs break off: shares, retries, dead letters and pauses are in the journal then.
        let limits = Limits { fuel: if scarce { 60_000 } else { Limits::default().fuel }, ..Limits::default() };
        let keyring: Arc<dyn Keyring> = Arc::new(MemoryKeyring::new([3; 32]));
        let mut stage = Stage::new(Arc::new(MemoryStore::new()), keyring.clone(), limits);
        // What a plugin does because of counts follows from those who are erased as well, and a replay has not got them.
        if !happenings.iter().any(|happening| matches!(happening, Happening::Erase { .. })) {
            stage.watch_for_surges();
        }
        for happening in &happenings {
            stage.happen(happening);
        }
        stage.pass(stage.world.now().plus(3_000 * MINUTE));
        let original = stage.engine.view();
        let of = |view: &dyn View| {
            let mut rows = state(view).expect("the state is read");
            // Whose an order is that was told of two customers, too, is decided by the one who is left.
            rows.retain(|(key, _)| !(stage.erased && [Table::Tally, Table::Reference].contains(&key.table())));
            rows
        };
        let expected = of(original.as_ref());
        for workers in [0, 1, 4] {
            let into: Arc<dyn Store> = Arc::new(MemoryStore::new());
            let engine = replay(original.as_ref(), into.clone(), keyring.clone(), SANDBOX.clone(), limits, workers)
                .expect("a replay runs");
            settle(&engine);
            let replayed = of(into.view().as_ref());
            prop_assert_eq!(first_difference(&expected, &replayed), None, "memory, {} workers", workers);
            engine.stop().expect("the engine stops");
        }
        let folder = Folder::new();
        let into = redb(&folder, "target");
        let engine = replay(original.as_ref(), into.clone(), keyring, SANDBOX.clone(), limits, 3).expect("a replay runs");
        settle(&engine);
        let replayed = of(into.view().as_ref());
        prop_assert_eq!(first_difference(&expected, &replayed), None, "redb, 3 workers");
        engine.stop().expect("the engine stops");
    }
}

#[test]
fn the_ends_of_hours_and_what_plugins_made_of_the_counts_are_replayed() {
    let keyring: Arc<dyn Keyring> = Arc::new(MemoryKeyring::new([3; 32]));
    let mut stage = Stage::new(Arc::new(MemoryStore::new()), keyring.clone(), Limits::default());
    stage.watch_for_surges();
    for hour in 0..40_u8 {
        for customer in 0..hour % 4 {
            let text = if hour % 2 == 0 { FURIOUS } else { "When are you open?" };
            stage.event("attune.message.received.v1", json!({ "customer": reference(customer), "text": text }));
        }
        stage.pass(stage.world.now().plus(60 * MINUTE));
    }
    let original = stage.engine.view();
    let notices = stage.engine.query(stage.business).notices(None, 100).expect("the store is read");
    let surges: Vec<_> = notices.iter().filter(|(_, notice)| notice.plugin == "surge-alert").collect();
    assert!(surges.len() > 2 && surges.iter().all(|(_, notice)| !notice.examples.is_empty()), "{surges:#?}");
    let expected = state(original.as_ref()).expect("the state is read");
    for workers in [0, 1, 4] {
        let into: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let limits = Limits::default();
        let engine = replay(original.as_ref(), into.clone(), keyring.clone(), SANDBOX.clone(), limits, workers)
            .expect("a replay runs");
        settle(&engine);
        let replayed = state(into.view().as_ref()).expect("the state is read");
        assert_eq!(first_difference(&expected, &replayed), None, "{workers} workers");
        engine.stop().expect("the engine stops");
    }
}

pub type Rows = [(attune::store::Key, attune::store::Row)];

pub fn first_difference(one: &Rows, other: &Rows) -> Option<String> {
    let pair = one.iter().zip(other).find(|(a, b)| a != b);
    match pair {
        Some((a, b)) => Some(format!("{a:?}\n{b:?}")),
        None if one.len() != other.len() => Some(format!("{} rows against {}", one.len(), other.len())),
        None => None,
    }
}
