//! The stage of a scenario: a business with its plugins and customers in the `test` world, on which each step acts and time passes as
//! the scenario says. What it should come to is not its concern.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, anyhow};
use serde_json::json;
use tokio::sync::broadcast;

use crate::domain::business::Business;
use crate::domain::entry::{Change, Input, Outcome, StaffAct};
use crate::domain::ids::{BusinessId, CustomerId, MessageId, NoticeId};
use crate::domain::knowledge::{Article, KnowledgeChange};
use crate::domain::message::{Author, Message};
use crate::domain::time::{self, Instant};
use crate::engine::unsubscribe::CHANNEL;
use crate::engine::why::Why;
use crate::engine::{Courier, Engine, Happened, Parcel, Parts, WriteBack};
use crate::sandbox::Sandbox;
use crate::store::{Batch, MemoryKeyring, MemoryStore};
use crate::turn::limits::Limits;
use crate::world::{Test, World};

use super::act;
use super::moment::{duration_ms, moment};
use super::play::Part;
use super::scenario::{Person, Scenario, Step};
use super::transcript::{self, Line};

/// Who the owner is in a scenario.
const BY: &str = "scenario";

/// Delivers everything at once, and keeps what went to staff and to calendars.
#[derive(Default)]
struct Recording {
    errands: Mutex<Vec<String>>,
}

impl Recording {
    fn note(&self, line: String) {
        self.errands.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

impl Courier for Recording {
    fn take(&self, engine: &Arc<Engine>, parcel: Parcel) {
        if parcel.notice.is_some() {
            self.note(format!("{}: {}", parcel.message.channel, parcel.message.text));
        }
        engine.outcome(&parcel, Outcome::Sent, |result| {
            if let Err(error) = result {
                tracing::error!(%error, "an outcome was lost");
            }
        });
    }

    fn write_back(&self, engine: &Arc<Engine>, answer: WriteBack) {
        self.note(format!("{}: {} {}", answer.plugin, answer.appointment.answer.word(), answer.appointment.id));
        engine.written_back(&answer, Outcome::Sent, |result| {
            if let Err(error) = result {
                tracing::error!(%error, "an outcome was lost");
            }
        });
    }
}

/// The stage on which a scenario is played.
pub struct Stage {
    pub(super) engine: Arc<Engine>,
    world: Arc<Test>,
    pub(super) business: BusinessId,
    pub(super) customers: BTreeMap<String, CustomerId>,
    live: broadcast::Receiver<Arc<Happened>>,
    events: u64,
    transcript: Vec<Line>,
    /// The newest notices to staff when it was last looked.
    notices: BTreeSet<NoticeId>,
    courier: Arc<Recording>,
    /// The plugin under test.
    pub(super) tested: String,
}

/// How many notices to staff are looked at, newest first.
pub(super) const NOTICES: usize = 50;

/// What happened in one step.
#[derive(Default)]
pub struct Events {
    /// Messages as they were after each entry that changed them.
    pub messages: Vec<Arc<Message>>,
    /// The records of why.
    pub whys: Vec<Why>,
    /// The newest notices to staff as they were before it.
    pub earlier_notices: BTreeSet<NoticeId>,
    /// What went to staff and to calendars: `slack: A conversation needs a person`, `calcom: declined bK9`.
    pub errands: Vec<String>,
}

impl Stage {
    /// Makes the business, installs the plugins and introduces the customers.
    ///
    /// # Errors
    /// When the scenario says something that the business's rules refuse.
    pub(super) fn set(
        sandbox: &Arc<Sandbox>,
        scenario: &Scenario,
        tested: &Part,
        others: &[(String, Part)],
    ) -> Result<Self> {
        let start = moment(&scenario.business.start)?;
        let world = Arc::new(Test::new(start, 1));
        let engine = Engine::start(Parts {
            store: Arc::new(MemoryStore::new()),
            keyring: Arc::new(MemoryKeyring::new([7; 32])),
            world: world.clone(),
            sandbox: sandbox.clone(),
            limits: Limits::default(),
            workers: 0,
            queue: 1_000_000,
            public_url: Some("https://attune.example".to_owned()),
        })?;
        let courier = Arc::new(Recording::default());
        engine.set_courier(courier.clone());
        let business = BusinessId::new(start, world.unique());
        let live = engine.watch();
        let mut stage = Self {
            engine,
            world,
            business,
            customers: BTreeMap::new(),
            live,
            events: 0,
            transcript: Vec::new(),
            notices: BTreeSet::new(),
            courier,
            tested: tested.about.manifest.name.clone(),
        };
        let setting = &scenario.business;
        let mut known = Business::new(business, &setting.name, &setting.zone, &setting.language);
        known.hours = setting.hours.clone().unwrap_or_default();
        known.quiet = setting.quiet.clone().unwrap_or_default();
        known.promises = setting.promises.clone().unwrap_or_default();
        known.simulation = setting.simulation;
        known.notices.clone_from(&setting.notices);
        known.contact.clone_from(&setting.contact);
        stage.change(Change::Business(Box::new(known)))?;
        if !scenario.knowledge.is_empty() {
            let articles = scenario.knowledge.iter().cloned().map(Article::tidy).collect();
            let import = KnowledgeChange::Import { articles, replace: false };
            stage.change(Change::Knowledge(Box::new(import)))?;
        }
        stage.install(tested, &scenario.settings)?;
        for (name, part) in others {
            let settings = scenario.plugins.get(name).cloned().unwrap_or_default();
            stage.install(part, &settings)?;
        }
        for person in &scenario.customers {
            let data = json!({ "customer": reference(person) });
            stage.event(crate::domain::event::CUSTOMER_UPDATED, data, &Step::default())?;
            let address = person.addresses.first().context("a customer needs at least one address")?;
            let found = stage.engine.query(business).customer_by_address(address)?;
            let found = found.with_context(|| format!("customer `{}` could not be made", person.alias))?;
            stage.customers.insert(person.alias.clone(), found.id);
        }
        stage.collect()?;
        Ok(stage)
    }

    fn change(&self, change: Change) -> Result<()> {
        act::change(&self.engine, self.business, BY, change, Batch::new())
    }

    fn install(&self, part: &Part, settings: &serde_json::Map<String, serde_json::Value>) -> Result<()> {
        act::install(&self.engine, self.business, BY, &part.about, &part.wasm, Some(settings.clone().into()))
    }

    /// An event, with the id and the time that a step gives it.
    fn event(&mut self, kind: &str, data: serde_json::Value, step: &Step) -> Result<()> {
        self.events += 1;
        let id = step.id.clone().unwrap_or_else(|| format!("scenario-{}", self.events));
        let source = step.source.as_deref().unwrap_or("scenario");
        let mut event = json!({ "specversion": "1.0", "type": kind, "source": source, "id": id, "data": data });
        if let Some(happened) = &step.happened {
            event["time"] = json!(moment(happened)?.to_string());
        }
        self.take(&event)
    }

    /// Takes a CloudEvent as a server would, and lets all that follows at once happen.
    pub(super) fn take(&self, event: &serde_json::Value) -> Result<()> {
        act::take(&self.engine, self.business, event.to_string().as_bytes())?;
        self.engine.run_until_idle();
        Ok(())
    }

    /// Does what a step says, and lets time pass as it says.
    pub(super) fn act(&mut self, scenario: &Scenario, step: &Step) -> Result<()> {
        let person = step.customer.as_deref().map(|alias| scenario.person(alias)).transpose()?;
        if let Some(kind) = &step.event {
            let mut data = step.data.clone().unwrap_or_else(|| json!({}));
            if let (Some(person), Some(data)) = (person, data.as_object_mut()) {
                data.insert("customer".to_owned(), reference(person));
            }
            self.say(format!("{kind} {}", step.customer.as_deref().unwrap_or("")));
            self.event(kind, data, step)?;
        } else if let (Some(text), Some(person)) = (&step.says, person) {
            let channel = step.channel.as_deref().unwrap_or("chat");
            let mut data = json!({ "customer": reference(person), "channel": channel, "text": text });
            if step.reply_to.is_some() {
                data["in_reply_to"] = json!(self.last_message_to(person)?.to_string());
            }
            if !step.headers.is_empty() {
                data["headers"] = json!(step.headers);
            }
            self.say(format!("{} by {channel}: {text}", person.alias));
            for _ in 0..step.times.unwrap_or(1) {
                self.event(crate::domain::event::MESSAGE_RECEIVED, data.clone(), step)?;
            }
        } else if let (Some(act), Some(person)) = (&step.staff, person) {
            self.say(format!("staff {act} ({})", person.alias));
            self.staff(act, person, step)?;
        } else if let (Some(purpose), Some(person)) = (step.unsubscribes, person) {
            self.say(format!("{} unsubscribes from {}", person.alias, purpose.word()));
            let input = Input::Unsubscribe { channel: CHANNEL.to_owned(), purpose };
            self.engine.act(self.business, self.customer(&person.alias)?, input)?;
        } else if let Some(act) = &step.owner {
            self.say(format!("the owner acts: {act}"));
            self.change(match act.as_str() {
                "erase" => Change::Erase(self.customer(&person.context("needs `customer`")?.alias)?),
                "pause" => Change::PauseAll { reason: "the owner said so".to_owned() },
                "resume" => Change::Resume,
                other => return Err(anyhow!("owner = \"{other}\" is none of pause, resume, erase")),
            })?;
        }
        let until = match (&step.wait, &step.at) {
            (Some(wait), _) => self.world.now().plus(duration_ms(wait)?),
            (None, Some(at)) => moment(at)?,
            (None, None) => self.world.now(),
        };
        if until < self.world.now() {
            return Err(anyhow!("{until} is in the past; the clock stands at {}", self.world.now()));
        }
        if let Some(passes) = step.wait.as_ref().or(step.at.as_ref()) {
            self.say(format!("time passes: {passes}"));
        }
        self.pass_time(until)
    }

    /// Lets everything happen that falls due up to a moment.
    fn pass_time(&mut self, until: Instant) -> Result<()> {
        loop {
            self.engine.run_until_idle();
            let rung = self.engine.ring()?;
            match rung.next.filter(|next| *next <= until) {
                _ if rung.fired > 0 => {}
                Some(next) => self.world.advance_to(next),
                None => break,
            }
        }
        self.world.advance_to(until);
        Ok(())
    }

    fn staff(&self, act: &str, person: &Person, step: &Step) -> Result<()> {
        let customer = self.customer(&person.alias)?;
        let case = || -> Result<_> {
            let case = self.engine.query(self.business).records(customer)?.last_case()?;
            case.filter(|case| case.is_open()).context("this customer has no open case")
        };
        let act = match act {
            "take" => StaffAct::Take(case()?.id, None),
            "resolve" => StaffAct::Resolve(case()?.id, None),
            "reply" => StaffAct::Write {
                text: step.text.clone().context("needs `text`")?,
                channel: step.channel.clone(),
                in_spite: step.in_spite,
            },
            other => return Err(anyhow!("staff = \"{other}\" is none of take, reply, resolve")),
        };
        self.engine.act(self.business, customer, Input::Staff { by: "Petra".to_owned(), act })?;
        Ok(())
    }

    pub(super) fn customer(&self, alias: &str) -> Result<CustomerId> {
        self.customers.get(alias).copied().with_context(|| format!("there is no customer `{alias}`"))
    }

    fn last_message_to(&self, person: &Person) -> Result<MessageId> {
        let customer = self.customer(&person.alias)?;
        let messages = self.engine.query(self.business).records(customer)?.messages(None, 50)?;
        let last = messages.iter().find(|one| one.author != Author::Customer && one.delivery.is_live());
        Ok(last.with_context(|| format!("`{}` has got no message yet", person.alias))?.id)
    }

    /// What happened since the last time.
    pub(super) fn collect(&mut self) -> Result<Events> {
        let notices = self.engine.query(self.business).notices(None, NOTICES)?;
        let notices = notices.into_iter().map(|(_, notice)| notice.id).collect();
        let earlier_notices = std::mem::replace(&mut self.notices, notices);
        let errands = std::mem::take(&mut *self.courier.errands.lock().unwrap_or_else(PoisonError::into_inner));
        let mut events = Events { earlier_notices, errands, ..Events::default() };
        loop {
            match self.live.try_recv() {
                Ok(happened) => {
                    events.messages.extend(happened.messages.iter().cloned());
                    let why = self.engine.query(self.business).why(happened.customer, happened.entry)?;
                    events.whys.extend(why.map(|(why, _)| why));
                }
                Err(broadcast::error::TryRecvError::Empty | broadcast::error::TryRecvError::Closed) => {
                    return Ok(events);
                }
                Err(broadcast::error::TryRecvError::Lagged(missed)) => {
                    return Err(anyhow!(
                        "too much happens in one step: {missed} entries are over what can be looked at"
                    ));
                }
            }
        }
    }

    pub(super) fn alias(&self, id: CustomerId) -> &str {
        self.customers.iter().find(|(_, known)| **known == id).map_or("?", |(alias, _)| alias)
    }

    fn say(&mut self, line: String) {
        let line = format!("{}  {}", transcript::moment(self.world.now(), &self.zone()), line.trim_end());
        self.transcript.push(Line::told(line));
    }

    fn zone(&self) -> jiff::tz::TimeZone {
        let zone = self.engine.ready(self.business).map(|ready| ready.config.zone.clone());
        zone.unwrap_or_else(|| time::zone_or_utc("UTC"))
    }

    pub(super) fn write_down(&mut self, events: &Events) {
        let zone = self.zone();
        let by_others = events.messages.iter().filter(|one| one.author != Author::Customer);
        let mut lines: Vec<Line> =
            by_others.map(|message| transcript::of_message(message, &zone, self.alias(message.customer))).collect();
        let now = transcript::moment(self.world.now(), &zone);
        lines.extend(
            events.errands.iter().map(|one| Line::told(format!("{now}    goes to {}", one.replace("\n\n", "; ")))),
        );
        lines.extend(events.whys.iter().flat_map(|why| transcript::of_why(why, &zone)));
        self.transcript.extend(lines);
    }

    /// What happened so far.
    pub(super) fn transcript(&self) -> &[Line] {
        &self.transcript
    }
}

fn reference(person: &Person) -> serde_json::Value {
    let mut reference = json!({ "addresses": person.addresses });
    let known = [
        ("name", &person.name),
        ("language", &person.language),
        ("zone", &person.zone),
        ("postcode", &person.postcode),
    ];
    for (name, value) in known {
        if let Some(value) = value {
            reference[name] = json!(value);
        }
    }
    reference
}
