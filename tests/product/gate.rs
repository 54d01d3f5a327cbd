//! What Attune promises every customer, tried on the gate itself: a table of cases with the verdict that each must have, and
//! random lives of a customer in which no promise is ever broken.
//!
//! The promises are checked by other means than the gate's own: from a list of what happened, in the plainest way.

use attune::domain::business::Business;
use attune::domain::consent::{Consent, EVERYWHERE, Source};
use attune::domain::customer::Customer;
use attune::domain::gate::{Decision, Rule, decide};
use attune::domain::ids::{BusinessId, CustomerId, EventId, MessageId};
use attune::domain::message::{Author, Delivery, Message, Origin, Purpose};
use attune::domain::promises::{Cap, Promises};
use attune::domain::quiet::QuietHours;
use attune::domain::recent::Recent;
use attune::domain::situation::Situation;
use attune::domain::time::{self, DAY, HOUR, Instant, MINUTE};
use attune::domain::tone::Tone;
use serde_json::{Value, json};

fn moment(text: &str) -> Instant {
    Instant::parse(text).unwrap_or_else(|| panic!("`{text}` is no moment"))
}

fn message(number: u64, author: Author, purpose: Purpose, channel: &str, text: &str) -> Message {
    let origin = Origin {
        plugin: "any".to_owned(),
        purpose,
        template: None,
        tone: Tone::Neutral,
        about: None,
        once: None,
        expires: None,
    };
    Message {
        id: MessageId(u128::from(number).to_be_bytes()),
        customer: CustomerId([7; 16]),
        at: Instant(0),
        author,
        channel: channel.to_owned(),
        text: text.to_owned(),
        subject: None,
        language: None,
        in_reply_to: None,
        polarity: None,
        staff: None,
        origin: (author == Author::Automation).then_some(origin),
        entry: EventId([0; 16]),
        attempts: 0,
        machine: None,
        original: None,
        sent_as: None,
        reported: None,
        trail: Vec::new(),
        in_spite: false,
        delivery: Delivery::Queued,
    }
}

fn business() -> Business {
    Business::new(BusinessId([1; 16]), "Baker Street Bakery", "Europe/Berlin", "en")
}

fn customer() -> Customer {
    let mut customer = Customer::new(CustomerId([7; 16]), Instant(0));
    customer.addresses = ["email:anna@example.com", "chat:anna"].map(|address| address.parse().unwrap()).to_vec();
    customer
}

// the table

/// Reads a part of a case as what it stands for; absent parts are as usual.
fn part<T: serde::de::DeserializeOwned>(case: &Value, name: &str) -> Option<T> {
    let part = case.get(name)?.clone();
    Some(serde_json::from_value(part).unwrap_or_else(|error| panic!("{}: {name}: {error}", case["what"])))
}

fn verdict(case: &Value) -> String {
    let word = |name: &str| case.get(name).and_then(Value::as_str);
    let flag = |name: &str| case.get(name).and_then(Value::as_bool).unwrap_or(false);
    let now = moment(word("now").unwrap_or("2026-03-03T10:00[Europe/Berlin]"));
    let mut business = business();
    business.zone = word("zone").unwrap_or("Europe/Berlin").to_owned();
    business.quiet =
        part(case, "quiet").unwrap_or_else(|| serde_json::from_value(json!({ "spread_minutes": 0 })).unwrap());
    business.hours = part(case, "hours").unwrap_or_default();
    business.promises = part(case, "promises").unwrap_or_default();
    let mut customer = customer();
    customer.zone = word("customer_zone").map(str::to_owned);
    customer.automated_in_a_row = part(case, "in_a_row").unwrap_or(0);
    for said in part::<Vec<Value>>(case, "said").unwrap_or_default() {
        let word = |name: &str| said.get(name).and_then(Value::as_str);
        customer.consents.take(Consent {
            channel: word("channel").unwrap_or(EVERYWHERE).to_owned(),
            purpose: word("purpose").map(|purpose| Purpose::parse(purpose).expect("a purpose")),
            granted: said["granted"].as_bool().expect("granted"),
            at: moment(word("at").unwrap_or("2026-03-01T10:00[Europe/Berlin]")),
            source: serde_json::from_value(said.get("source").cloned().unwrap_or(json!("word"))).expect("a source"),
            text: None,
            by: None,
        });
    }
    let mut recent = Recent::default();
    for (number, sent) in part::<Vec<Value>>(case, "sent").unwrap_or_default().into_iter().enumerate() {
        let word = |name: &str| sent[name].as_str().unwrap_or_else(|| panic!("{}: sent: {name}", case["what"]));
        let id = MessageId((number as u128 + 100).to_be_bytes());
        recent.note(id, moment(word("at")), Purpose::parse(word("purpose")).expect("a purpose"), word("text"));
    }
    let author = part(case, "author").unwrap_or(Author::Automation);
    let purpose = part(case, "purpose").unwrap_or(Purpose::Service);
    let channel = word("channel").unwrap_or("email");
    let mut message = message(1, author, purpose, channel, word("text").unwrap_or("Your order is on its way."));
    message.in_spite = flag("in_spite");
    if let Some(origin) = &mut message.origin {
        origin.expires = word("expires").map(moment);
    }
    let zone = time::zone(&business.zone).expect("a zone");
    let situation = Situation {
        now,
        business: &business,
        zone: &zone,
        customer: Some(&customer),
        recent: &recent,
        message: &message,
        claiming: flag("claiming"),
        confirms_stop: flag("confirms_stop"),
        case_open: flag("case_open"),
        to_machine: flag("to_machine"),
        plugin_off: flag("plugin_off"),
        paused: flag("paused"),
        once_used: flag("once_used"),
        same_answer: flag("same_answer"),
        no_way_out: flag("no_way_out"),
    };
    match decide(&situation.facts()) {
        Decision::Send => "send".to_owned(),
        Decision::Wait(until, rule) => {
            let zone = customer.zone.as_deref().and_then(time::zone).unwrap_or(zone);
            format!("wait until {} ({})", until.in_zone(&zone).strftime("%Y-%m-%d %H:%M"), rule.code())
        }
        Decision::Withhold(rule) => format!("withhold ({})", rule.code()),
    }
}

#[test]
fn every_case_of_the_table_has_its_verdict() {
    let table: toml::Table = include_str!("gate.toml").parse().expect("the table is TOML");
    let table = serde_json::to_value(table).expect("the table");
    let cases = table["case"].as_array().expect("cases");
    assert!(cases.len() >= 60, "{} cases", cases.len());
    let known = [
        "what",
        "verdict",
        "now",
        "zone",
        "quiet",
        "hours",
        "promises",
        "customer_zone",
        "in_a_row",
        "said",
        "sent",
        "author",
        "purpose",
        "channel",
        "text",
        "in_spite",
        "expires",
        "claiming",
        "confirms_stop",
        "case_open",
        "to_machine",
        "paused",
        "once_used",
        "plugin_off",
        "same_answer",
        "no_way_out",
    ];
    let mut wrong = Vec::new();
    for case in cases {
        let unknown = case.as_object().expect("a case").keys().find(|key| !known.contains(&key.as_str()));
        assert_eq!(unknown, None, "{}", case["what"]);
        let is = verdict(case);
        if case["verdict"] != is.as_str() {
            wrong.push(format!("{}: {is}, not {}", case["what"], case["verdict"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let told: Vec<&str> = cases.iter().filter_map(|case| case["verdict"].as_str()).collect();
    for rule in Rule::ALL.iter().filter(|rule| **rule != Rule::Clear) {
        assert!(told.iter().any(|verdict| verdict.contains(rule.code())), "no case is decided by {}", rule.code());
    }
}

// random lives of a customer

/// Something that happens.
#[derive(Debug, Clone)]
enum Happens {
    /// A plugin wants to send: purpose, channel, which text, which `once` key, after how many minutes it is pointless.
    Wants(Purpose, &'static str, u8, Option<u8>, Option<u32>),
    /// What waits and is due is claimed.
    TimePasses(u64),
    Stops(&'static str),
    Starts(&'static str),
    Unsubscribes(Purpose),
    Agrees(Purpose, Source),
    Writes,
    StaffWrites,
    CaseOpens,
    CaseCloses,
    Pauses,
    Resumes,
    /// The owner changes the rules: quiet from, quiet to, cap, minutes over which the morning is spread.
    Changes(u16, u16, u32, u16),
    /// The owner says whether service messages go out during a case, and how many may follow each other.
    Decides(bool, u32),
}

/// A message that went out.
#[derive(Debug)]
struct Sent {
    at: Instant,
    purpose: Purpose,
    text: u8,
}

/// A life: what the gate's callers keep (as the engine does), and what the promises are checked with.
struct Life {
    business: Business,
    customer: Customer,
    recent: Recent,
    now: Instant,
    waiting: Vec<(Instant, Message, u8)>,
    once: Vec<u8>,
    case_open: bool,
    paused: bool,
    number: u64,
    // What the promises are checked with.
    stopped: Vec<(&'static str, bool)>,
    unsubscribed: Vec<Purpose>,
    agreed: Vec<Purpose>,
    quiet: (u16, u16),
    cap: u32,
    in_a_row: u32,
    sent: Vec<Sent>,
    sent_once: Vec<u8>,
}

const CHANNELS: [&str; 2] = ["email", "chat"];

impl Life {
    fn new() -> Self {
        let mut business = business();
        business.promises.consent_for = [Purpose::Marketing].into();
        let mut life = Self {
            business,
            customer: customer(),
            recent: Recent::default(),
            now: moment("2026-03-27T12:00[Europe/Berlin]"),
            waiting: Vec::new(),
            once: Vec::new(),
            case_open: false,
            paused: false,
            number: 1,
            stopped: CHANNELS.map(|channel| (channel, false)).to_vec(),
            unsubscribed: Vec::new(),
            agreed: Vec::new(),
            quiet: (0, 0),
            cap: 2,
            in_a_row: 0,
            sent: Vec::new(),
            sent_once: Vec::new(),
        };
        life.change(21 * 60, 8 * 60, 2, 30);
        life
    }

    fn change(&mut self, from: u16, to: u16, cap: u32, spread: u16) {
        let clock = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let quiet = json!({ "from": clock(from), "to": clock(to), "spread_minutes": spread });
        // From and to may be the same time, which is refused; the old rules stay then.
        if let Ok(quiet) = serde_json::from_value::<QuietHours>(quiet) {
            (self.business.quiet, self.quiet) = (quiet, (from, to));
        }
        let caps = [Purpose::Service, Purpose::Survey, Purpose::Marketing]
            .map(|purpose| (purpose, Cap { most: cap, hours: 24 }));
        self.business.promises = Promises { caps: caps.into(), ..self.business.promises.clone() };
        self.cap = cap;
    }

    fn consent(&mut self, granted: bool, channel: &str, purpose: Option<Purpose>, source: Source) {
        let (channel, at) = (channel.to_owned(), self.now);
        self.customer.consents.take(Consent { channel, purpose, granted, at, source, text: None, by: None });
    }

    fn happens(&mut self, what: &Happens) {
        match *what {
            Happens::Wants(purpose, channel, text, once, minutes) => self.wants(purpose, channel, text, once, minutes),
            Happens::TimePasses(ms) => self.passes(ms),
            Happens::Stops(channel) => {
                self.consent(false, channel, None, Source::Word);
                for (known, stopped) in &mut self.stopped {
                    *stopped |= channel == EVERYWHERE || *known == channel;
                }
            }
            Happens::Starts(channel) => {
                self.consent(true, channel, None, Source::Word);
                for (known, stopped) in &mut self.stopped {
                    *stopped &= *known != channel;
                }
            }
            Happens::Unsubscribes(purpose) => {
                self.consent(false, "email", Some(purpose), Source::OneClick);
                self.unsubscribed.push(purpose);
            }
            Happens::Agrees(purpose, source) => {
                self.consent(true, EVERYWHERE, Some(purpose), source);
                if source == Source::Form {
                    self.unsubscribed.retain(|one| *one != purpose);
                }
                self.agreed.push(purpose);
            }
            Happens::Writes => (self.customer.automated_in_a_row, self.in_a_row) = (0, 0),
            Happens::StaffWrites => {
                self.staff_writes();
                (self.customer.automated_in_a_row, self.in_a_row) = (0, 0);
            }
            Happens::CaseOpens => self.case_open = true,
            Happens::CaseCloses => self.case_open = false,
            Happens::Pauses => self.paused = true,
            Happens::Resumes => self.paused = false,
            Happens::Changes(from, to, cap, spread) => self.change(from, to, cap, spread),
            Happens::Decides(service, in_a_row) => {
                self.business.promises.service_during_case = service;
                self.business.promises.automated_in_a_row = in_a_row;
            }
        }
    }

    fn ask(&self, message: &Message, claiming: bool, once: Option<u8>) -> Decision {
        let zone = time::zone("Europe/Berlin").unwrap();
        let situation = Situation {
            now: self.now,
            business: &self.business,
            zone: &zone,
            customer: Some(&self.customer),
            recent: &self.recent,
            message,
            claiming,
            confirms_stop: false,
            case_open: self.case_open,
            to_machine: false,
            plugin_off: false,
            paused: self.paused,
            once_used: once.is_some_and(|key| self.once.contains(&key)),
            same_answer: false,
            no_way_out: false,
        };
        decide(&situation.facts())
    }

    fn wants(&mut self, purpose: Purpose, channel: &str, text: u8, once: Option<u8>, minutes: Option<u32>) {
        self.number += 1;
        let mut message = message(self.number, Author::Automation, purpose, channel, &format!("text {text}"));
        if let Some(origin) = &mut message.origin {
            origin.once = once.map(|key| key.to_string());
            origin.expires = minutes.map(|minutes| self.now.plus(u64::from(minutes) * MINUTE));
        }
        let decision = self.ask(&message, false, once);
        let at = match decision {
            Decision::Withhold(_) => return,
            Decision::Wait(until, _) => until,
            Decision::Send => self.now,
        };
        self.once.extend(once);
        if message.capped().is_some() {
            self.recent.note(message.id, at, purpose, &message.text);
        }
        // Half of them are sent with the step, as on chat; the others wait to be claimed.
        if decision == Decision::Send && channel == "chat" {
            self.goes_out(&message, text);
        } else {
            self.waiting.push((at, message, text));
        }
    }

    fn passes(&mut self, ms: u64) {
        self.now = self.now.plus(ms);
        if self.paused {
            return;
        }
        for (at, message, text) in std::mem::take(&mut self.waiting) {
            if at > self.now {
                self.waiting.push((at, message, text));
                continue;
            }
            match self.ask(&message, true, None) {
                Decision::Send => {
                    if message.capped().is_some() {
                        self.recent.note(message.id, self.now, message.purpose(), &message.text);
                    }
                    self.goes_out(&message, text);
                }
                Decision::Wait(until, _) => self.waiting.push((until, message, text)),
                Decision::Withhold(_) => {
                    self.recent.forget(message.id);
                    let key = message.origin.as_ref().and_then(|origin| origin.once.clone());
                    self.once.retain(|used| Some(used.to_string()) != key);
                }
            }
        }
    }

    fn staff_writes(&self) {
        let message = message(0, Author::Staff, Purpose::Reply, "email", "by hand");
        let stopped = self.stopped.iter().any(|(channel, stopped)| *channel == "email" && *stopped);
        let expected = if stopped { Decision::Withhold(Rule::OptedOut) } else { Decision::Send };
        assert_eq!(self.ask(&message, false, None), expected, "staff");
    }

    /// A message goes out: no promise may be broken by that.
    fn goes_out(&mut self, message: &Message, text: u8) {
        let (now, purpose, channel) = (self.now, message.purpose(), message.channel.as_str());
        assert!(!self.stopped.contains(&(CHANNELS[usize::from(channel == "chat")], true)), "sent after a stop");
        if channel == "email" {
            assert!(!self.unsubscribed.contains(&purpose), "sent after unsubscribing");
        }
        assert!(purpose != Purpose::Marketing || self.agreed.contains(&purpose), "sold without consent");
        let wall = now.in_zone(&time::zone("Europe/Berlin").unwrap());
        let minute = wall.hour() as u16 * 60 + wall.minute() as u16;
        let (from, to) = self.quiet;
        let at_night = if from < to { (from..to).contains(&minute) } else { minute >= from || minute < to };
        assert!(purpose == Purpose::Reply || !at_night, "sent at {wall}, quiet from {from} to {to}");
        let lately = |sent: &&Sent| sent.at.plus(DAY) > now;
        if purpose != Purpose::Reply {
            let of_purpose = self.sent.iter().filter(lately).filter(|sent| sent.purpose == purpose).count();
            assert!(
                of_purpose < self.cap as usize,
                "{of_purpose} of {purpose:?} within a day, the cap is {}",
                self.cap
            );
            let again = self.sent.iter().filter(lately).any(|sent| sent.text == text && sent.purpose != Purpose::Reply);
            assert!(!again, "the same text twice within a day");
        }
        if self.case_open {
            let allowed = purpose == Purpose::Service && self.business.promises.service_during_case;
            assert!(allowed, "{purpose:?} while a person is there");
        }
        assert!(!self.paused, "sent while everything is paused");
        let origin = message.origin.as_ref().unwrap();
        assert!(origin.expires.is_none_or(|expires| expires > now), "sent when it was pointless");
        assert!(self.in_a_row < self.business.promises.automated_in_a_row, "{} in a row", self.in_a_row);
        if let Some(key) = origin.once.as_ref().and_then(|key| key.parse::<u8>().ok()) {
            assert!(!self.sent_once.contains(&key), "twice for one key");
            self.sent_once.push(key);
        }
        self.customer.automated_in_a_row += 1;
        self.in_a_row += 1;
        self.sent.push(Sent { at: now, purpose, text });
    }
}

mod lives {
    use proptest::prelude::*;
    use proptest::sample::select;
    use proptest::strategy::ValueTree;

    use super::*;

    fn purpose() -> impl Strategy<Value = Purpose> {
        select(vec![Purpose::Reply, Purpose::Service, Purpose::Service, Purpose::Survey, Purpose::Marketing])
    }

    fn happens() -> impl Strategy<Value = Happens> {
        let channel = || select(CHANNELS.to_vec());
        let everywhere = select(vec!["email", "chat", EVERYWHERE]);
        let source = select(vec![Source::Event, Source::Import, Source::Form]);
        let sold = || select(vec![Purpose::Survey, Purpose::Marketing]);
        let wants =
            (purpose(), channel(), 0..6_u8, prop::option::weighted(0.3, 0..4_u8), prop::option::of(1..2_000_u32));
        prop_oneof![
            12 => wants.prop_map(|(p, c, t, o, e)| Happens::Wants(p, c, t, o, e)),
            8 => (0..30 * HOUR).prop_map(Happens::TimePasses),
            1 => everywhere.prop_map(Happens::Stops),
            2 => channel().prop_map(Happens::Starts),
            1 => sold().prop_map(Happens::Unsubscribes),
            2 => (sold(), source).prop_map(|(purpose, source)| Happens::Agrees(purpose, source)),
            4 => Just(Happens::Writes),
            1 => Just(Happens::StaffWrites),
            1 => Just(Happens::CaseOpens),
            2 => Just(Happens::CaseCloses),
            1 => Just(Happens::Pauses),
            2 => Just(Happens::Resumes),
            1 => (0..1_440_u16, 0..1_440_u16, 0..4_u32, 0..180_u16).prop_map(|(f, t, c, s)| Happens::Changes(f, t, c, s)),
            1 => (any::<bool>(), 1..6_u32).prop_map(|(service, row)| Happens::Decides(service, row)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_life_of_a_customer_breaks_a_promise(happened in prop::collection::vec(happens(), 1..60)) {
            let mut life = Life::new();
            for what in &happened {
                life.happens(what);
            }
        }
    }

    /// A promise that nothing can break is no promise: enough messages go out in such lives, of every purpose.
    #[test]
    fn messages_do_go_out_in_such_lives() {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let (mut sent, mut waited) = (Vec::new(), 0);
        for _ in 0..300 {
            let mut life = Life::new();
            for what in prop::collection::vec(happens(), 60).new_tree(&mut runner).unwrap().current() {
                life.happens(&what);
                waited += life.waiting.len();
            }
            sent.extend(life.sent.into_iter().map(|sent| sent.purpose));
        }
        for purpose in [Purpose::Reply, Purpose::Service, Purpose::Survey, Purpose::Marketing] {
            let count = sent.iter().filter(|one| **one == purpose).count();
            assert!(count > 20, "{count} of {purpose:?}");
        }
        assert!(waited > 100, "{waited}");
    }
}
