//! Playing a scenario: the real engine, gate and sandbox in the `test` world, where a month passes in milliseconds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use serde_json::json;
use tokio::sync::broadcast;

use crate::domain::business::Business;
use crate::domain::entry::{Change, Input, Outcome, PluginChange, StaffAct};
use crate::domain::ids::{BusinessId, CustomerId, MessageId};
use crate::domain::knowledge::{Article, KnowledgeChange};
use crate::domain::message::{Author, Message};
use crate::domain::time::{self, Instant};
use crate::engine::unsubscribe::CHANNEL;
use crate::engine::why::Why;
use crate::engine::{Courier, Engine, Happened, Parcel, Parts};
use crate::intake::{self, cloudevent};
use crate::sandbox::{About, Dump, Profile, Sandbox};
use crate::store::{Batch, MemoryKeyring, MemoryStore};
use crate::turn::limits::Limits;
use crate::world::{Test, World};

use super::expect::{self, Wrong};
use super::scenario::{Person, Scenario, Step, duration_ms, moment};
use super::transcript::{self, Line};

/// How a scenario went.
#[derive(Default)]
pub struct Played {
    /// Its name.
    pub name: String,
    /// What went wrong, if something did.
    pub failure: Option<Failure>,
    /// What happened, a line each.
    pub transcript: Vec<Line>,
    /// The most fuel that one run used.
    pub most_fuel: u64,
    /// The fuel that all runs of a step used, by step.
    pub fuel: Vec<u64>,
    /// The subscriptions that ran, by plugin.
    pub ran: BTreeMap<String, BTreeSet<String>>,
    /// A WebAssembly core dump for each run that broke off, where the sandbox keeps them.
    pub dumps: Vec<Dump>,
    /// A profile for each component that ran, where the sandbox keeps them.
    pub profiles: Vec<Profile>,
}

/// What went wrong in a scenario.
#[derive(Debug, Clone)]
pub struct Failure {
    /// In which step, counted from 0.
    pub step: usize,
    /// What was expected and what happened, in words.
    pub words: String,
    /// What was expected, as a line of the transcript.
    pub expected: Option<String>,
    /// The message in whose place that was expected, or that was not expected at all.
    pub instead: Option<MessageId>,
}

/// A component with its bytes, as it is installed.
#[derive(Clone)]
pub struct Part {
    /// What it says of itself.
    pub about: About,
    /// The file.
    pub wasm: Arc<Vec<u8>>,
}

/// Delivers everything at once.
struct Recording;

impl Courier for Recording {
    fn take(&self, engine: &Arc<Engine>, parcel: Parcel) {
        engine.outcome(&parcel, Outcome::Sent, |result| {
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
    /// The plugin under test.
    pub(super) tested: String,
}

/// What happened in one step.
#[derive(Default)]
pub struct Events {
    /// Messages as they were after each entry that changed them.
    pub messages: Vec<Arc<Message>>,
    /// The records of why.
    pub whys: Vec<Why>,
    /// Since when.
    pub since: Instant,
}

/// Plays a scenario with the plugin under test and those it names. `judged` is whether a reviewed transcript judges it as well:
/// steps without expectations may then send messages.
///
/// # Errors
/// When the scenario itself is wrong. An expectation that fails is told in [`Played`].
pub fn play(
    sandbox: &Arc<Sandbox>,
    scenario: &Scenario,
    tested: &Part,
    others: &[(String, Part)],
    judged: bool,
) -> Result<Played> {
    let mut stage = Stage::set(sandbox, scenario, tested, others)?;
    let mut played = Played { name: scenario.name.clone(), ..Played::default() };
    for (number, step) in scenario.steps.iter().enumerate() {
        let since = stage.world.now();
        let wrong = match stage.act(scenario, step) {
            Ok(()) => {
                let events = stage.collect(since)?;
                let mut fuel = 0;
                for run in events.whys.iter().flat_map(|why| &why.runs) {
                    fuel += run.fuel;
                    played.most_fuel = played.most_fuel.max(run.fuel);
                    played.ran.entry(run.plugin.clone()).or_default().insert(run.export.word().to_owned());
                }
                played.fuel.push(fuel);
                stage.write_down(&events);
                if judged && step.expect.is_empty() { None } else { expect::check(&stage, step, &events)? }
            }
            Err(error) => Some(Wrong::that(format!("{error:#}"))),
        };
        played.dumps.extend(sandbox.take_dumps());
        if let Some(Wrong { words, expected, instead }) = wrong {
            played.failure = Some(Failure { step: number, words, expected, instead });
            break;
        }
    }
    played.profiles = sandbox.take_profiles();
    played.transcript = stage.transcript;
    Ok(played)
}

impl Stage {
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
        engine.set_courier(Arc::new(Recording));
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
            tested: tested.about.manifest.name.clone(),
        };
        let setting = &scenario.business;
        let mut known = Business::new(business, &setting.name, &setting.zone, &setting.language);
        known.hours = setting.hours.clone().unwrap_or_default();
        known.quiet = setting.quiet.clone().unwrap_or_default();
        known.promises = setting.promises.clone().unwrap_or_default();
        known.simulation = setting.simulation;
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
            stage.event(crate::domain::event::CUSTOMER_UPDATED, data, None)?;
            let address = person.addresses.first().context("a customer needs at least one address")?;
            let found = stage.engine.query(business).customer_by_address(address)?;
            let found = found.with_context(|| format!("customer `{}` could not be made", person.alias))?;
            stage.customers.insert(person.alias.clone(), found.id);
        }
        stage.collect(start)?;
        Ok(stage)
    }

    fn change(&self, change: Change) -> Result<()> {
        self.change_with(change, Batch::new())
    }

    fn change_with(&self, change: Change, batch: Batch) -> Result<()> {
        let input = Input::Owner { by: "scenario".to_owned(), change };
        let report = self.engine.act_with(self.business, CustomerId::BUSINESS, input, batch)?;
        match report.refused {
            Some((code, words)) => Err(anyhow!("{code}: {words}")),
            None => Ok(()),
        }
    }

    fn install(&self, part: &Part, settings: &serde_json::Map<String, serde_json::Value>) -> Result<()> {
        let about = &part.about;
        let name = about.manifest.name.clone();
        let (install, batch) = crate::engine::config::install(&name, about, &part.wasm);
        self.change_with(install, batch)?;
        let set = PluginChange {
            enabled: Some(true),
            settings: Some(settings.clone().into()),
            grants: Some(about.wants.iter().cloned().collect()),
            ..PluginChange::default()
        };
        self.change(Change::Plugin { name, seen: None, set: Box::new(set) })
    }

    fn event(&mut self, kind: &str, data: serde_json::Value, id: Option<&str>) -> Result<()> {
        self.events += 1;
        let id = id.map_or_else(|| format!("scenario-{}", self.events), str::to_owned);
        let event = json!({ "specversion": "1.0", "type": kind, "source": "scenario", "id": id, "data": data });
        self.take(&event)
    }

    /// Takes a CloudEvent as a server would, and lets all that follows at once happen.
    pub(super) fn take(&self, event: &serde_json::Value) -> Result<()> {
        let event = cloudevent::structured(event.to_string().as_bytes())?;
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        intake::take(&self.engine, self.business, event, move |result| {
            let _ = sender.send(result);
        });
        match receiver.recv()? {
            Ok(_) => {
                self.engine.run_until_idle();
                Ok(())
            }
            Err(intake::NotAccepted::Invalid { kind, misfits }) => {
                let misfits: Vec<_> = misfits.iter().map(|one| format!("{}: {}", one.path, one.rule)).collect();
                Err(anyhow!("the data does not fit {kind}: {}", misfits.join("; ")))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn act(&mut self, scenario: &Scenario, step: &Step) -> Result<()> {
        let person = step.customer.as_deref().map(|alias| scenario.person(alias)).transpose()?;
        if let Some(kind) = &step.event {
            let mut data = step.data.clone().unwrap_or_else(|| json!({}));
            if let (Some(person), Some(data)) = (person, data.as_object_mut()) {
                data.insert("customer".to_owned(), reference(person));
            }
            self.say(format!("{kind} {}", step.customer.as_deref().unwrap_or("")));
            self.event(kind, data, step.id.as_deref())?;
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
                self.event(crate::domain::event::MESSAGE_RECEIVED, data.clone(), step.id.as_deref())?;
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
    pub(super) fn collect(&mut self, since: Instant) -> Result<Events> {
        let mut events = Events { since, ..Events::default() };
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
