//! The stage of `attune dev`: one loop that hears of builds, lines and what became durable, one after another, and is the only
//! one who prints.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};
use tokio::sync::broadcast::{self, error::TryRecvError};

use crate::domain::address::Address;
use crate::domain::customer::Customer;
use crate::domain::entry::{Change, Input, PluginChange, StaffAct};
use crate::domain::event::MESSAGE_RECEIVED;
use crate::domain::ids::{BusinessId, CustomerId, EventId};
use crate::domain::time::{DAY, HOUR, Instant, MINUTE};
use crate::engine::why::Why;
use crate::engine::{Engine, Happened};
use crate::store::Batch;
use crate::workbench::act;
use crate::world::{Ahead, World};

use super::super::demo;
use super::super::stamp::stamp;
use super::build::Built;
use super::line::{self, HELP, Line};
use super::plugin::Plugin;
use super::show::{Paint, Teller};
use super::{BY, News};

/// How often it is looked whether something is due or became durable.
const TICK: Duration = Duration::from_millis(20);
/// How often it is looked whether all is done, while it waits for that.
const PAUSE: Duration = Duration::from_millis(2);
/// How many customers are looked through for a name.
const CUSTOMERS: usize = 500;

/// All that the loop holds.
pub(super) struct Stage {
    pub(super) engine: Arc<Engine>,
    pub(super) world: Arc<Ahead>,
    pub(super) business: BusinessId,
    pub(super) plugins: Vec<Plugin>,
    /// As whom lines are said.
    pub(super) me: Address,
    pub(super) clock_file: PathBuf,
    pub(super) news: Receiver<News>,
    pub(super) live: broadcast::Receiver<Arc<Happened>>,
    pub(super) interrupted: Arc<AtomicBool>,
    /// The last record of why that was shown.
    pub(super) last: Option<Why>,
    pub(super) paint: Paint,
    /// Whether to say whose line comes next.
    pub(super) prompts: bool,
    pub(super) prompt_is_shown: bool,
}

/// Whether to go on.
#[derive(PartialEq)]
enum Then {
    GoOn,
    End,
}

impl Stage {
    /// Waits for the first builds, and lets the sample events come in.
    pub(super) fn open(&mut self, is_new: bool) -> Result<()> {
        while self.plugins.iter().any(|plugin| !plugin.was_built) {
            match self.news.recv() {
                Ok(News::End) | Err(_) => return Ok(()),
                Ok(news) => _ = self.hear(news)?,
            }
        }
        if is_new {
            demo::send_samples(&self.engine, self.business)?;
            self.settle()?;
        }
        self.say(&format!(
            "You are {}. A line is a message, +3d puts the clock forward, /help lists the rest.",
            self.me
        ));
        self.remind();
        Ok(())
    }

    /// Goes on until it is to end.
    pub(super) fn play(&mut self) -> Result<()> {
        loop {
            self.show()?;
            self.engine.ring()?;
            self.prompt();
            match self.news.recv_timeout(TICK) {
                Ok(news) => {
                    if self.hear(news)? == Then::End {
                        return Ok(());
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            if self.interrupted.load(Ordering::SeqCst) {
                return Ok(());
            }
        }
    }

    fn hear(&mut self, news: News) -> Result<Then> {
        match news {
            News::End => return Ok(Then::End),
            News::Building(number) => {
                if let Some(plugin) = self.plugins.get(number) {
                    let words = self.paint.dim(&format!("{} is being built", plugin.name));
                    self.say(&words);
                }
            }
            News::Built(number, built) => self.swap(number, built),
            News::Typed(text) => {
                self.prompt_is_shown = false;
                let then = match line::read(&text) {
                    Ok(Line::Nothing) => return Ok(Then::GoOn),
                    Ok(line) => self.act(line),
                    Err(words) => Err(anyhow!(words)),
                };
                let then = then.unwrap_or_else(|error| {
                    let words = self.paint.red(&format!("{error:#}"));
                    self.say(&words);
                    Then::GoOn
                });
                if then == Then::End {
                    return Ok(then);
                }
                self.settle()?;
                self.remind();
            }
        }
        Ok(Then::GoOn)
    }

    /// Puts a plugin's new version in the place of the old one, or says why it does not run.
    fn swap(&mut self, number: usize, built: Result<Built, String>) {
        let named =
            |plugin: &Plugin, name: &str| plugin.about.as_ref().is_some_and(|about| about.manifest.name == name);
        let swapped = built.and_then(|built| {
            let about = &built.component.about;
            let name = about.manifest.name.as_str();
            let mut others = self.plugins.iter().enumerate().filter(|(other, _)| *other != number);
            if others.any(|(_, other)| named(other, name)) {
                return Err(format!(
                    "the plugin of another folder has the name {name} already; give one of them another"
                ));
            }
            let old = self.plugins.get(number).and_then(|plugin| plugin.about.as_ref());
            let is_same = old.is_some_and(|old| old.digest == about.digest);
            let told = |error| format!("it cannot be turned on: {error:#}");
            if !is_same {
                act::install(&self.engine, self.business, BY, about, &built.wasm, None).map_err(told)?;
            }
            if let Some(old) = old.map(|old| &old.manifest.name).filter(|old| *old != name) {
                let remove = Change::Remove(old.clone());
                act::change(&self.engine, self.business, BY, remove, Batch::new()).map_err(told)?;
            }
            Ok((is_same, about.clone(), built.took_ms))
        });
        let Some(plugin) = self.plugins.get_mut(number) else { return };
        plugin.was_built = true;
        let paint = self.paint;
        let words = match swapped {
            Ok((is_same, about, took_ms)) => {
                plugin.error = None;
                plugin.name.clone_from(&about.manifest.name);
                let what = if is_same { "is as it was" } else { "runs" };
                let words = format!("{} {} {what}, after {took_ms} ms", plugin.name, about.manifest.version);
                plugin.about = Some(about);
                paint.green(&words)
            }
            Err(error) => {
                let words = format!("{error}\n{}", paint.red(&plugin.not_running()));
                plugin.error = Some(error);
                words
            }
        };
        self.say(&words);
    }

    /// Says which plugins do not run as they are written, so that it stays in sight.
    fn remind(&mut self) {
        let broken =
            self.plugins.iter().filter(|plugin| plugin.error.is_some()).map(Plugin::not_running).collect::<Vec<_>>();
        for words in broken {
            let words = self.paint.red(&format!("{words}; /error shows why"));
            self.say(&words);
        }
    }

    fn act(&mut self, line: Line) -> Result<Then> {
        match line {
            Line::Nothing => {}
            Line::Quit => return Ok(Then::End),
            Line::Help => self.say(HELP),
            Line::Says(text) => {
                let id = EventId::new(self.world.now(), self.world.unique()).to_string();
                let data =
                    json!({ "customer": { "addresses": [self.me] }, "channel": self.me.channel(), "text": text });
                let event =
                    json!({ "specversion": "1.0", "id": id, "source": "dev", "type": MESSAGE_RECEIVED, "data": data });
                act::take(&self.engine, self.business, event.to_string().as_bytes())?;
            }
            Line::As(name) => {
                self.me = self.address_of(&name)?;
                self.say(&format!("You are {}.", self.me));
            }
            Line::Event(file) => {
                let place = || file.display().to_string();
                let text = std::fs::read_to_string(&file).with_context(place)?;
                let value: Value = serde_json::from_str(&stamp(&text, self.world.as_ref())).with_context(place)?;
                let events = match value {
                    Value::Array(events) => events,
                    one => vec![one],
                };
                for event in events {
                    act::take(&self.engine, self.business, event.to_string().as_bytes()).with_context(place)?;
                }
            }
            Line::Staff(text) => self.staff(StaffAct::Write { text, channel: None, in_spite: false })?,
            Line::Resolve => {
                let case = self.engine.query(self.business).records(self.my_id()?)?.last_case()?;
                let case = case.filter(|case| case.is_open()).context("this customer has no open case")?;
                self.staff(StaffAct::Resolve(case.id, None))?;
            }
            Line::Forward(ms) => self.put_forward(self.world.now().plus(ms))?,
            Line::At(at) => {
                let now = self.world.now();
                if at < now {
                    return Err(anyhow!("{at} is in the past: the clock stands at {now} and is never put back"));
                }
                self.put_forward(at)?;
            }
            Line::Settings(name, text) => {
                let settings: Value = serde_json::from_str(&text).context("the settings are not JSON")?;
                let wants = self.engine.query(self.business).plugins()?.into_iter().find(|known| known.name == name);
                let grants = wants.with_context(|| format!("there is no plugin `{name}`"))?.wants;
                let set = PluginChange {
                    enabled: Some(true),
                    grants: Some(grants.into_iter().collect()),
                    settings: Some(settings),
                    ..PluginChange::default()
                };
                let change = Change::Plugin { name: name.clone(), seen: None, set: Box::new(set) };
                act::change(&self.engine, self.business, BY, change, Batch::new())?;
                if let Some(plugin) = self.plugins.iter_mut().find(|plugin| plugin.name == name && plugin.was_built) {
                    plugin.error = None;
                }
                self.say(&format!("{name} has other settings"));
            }
            Line::Why => match &self.last {
                Some(why) => {
                    let whole = serde_json::to_string_pretty(why)?;
                    self.say(&whole);
                }
                None => self.say("nothing has happened yet"),
            },
            Line::Error => {
                let mut errors: Vec<_> = self.plugins.iter().filter_map(|plugin| plugin.error.clone()).collect();
                if errors.is_empty() {
                    errors.push("all plugins run as they are written".to_owned());
                }
                errors.iter().for_each(|error| self.say(error));
            }
        }
        Ok(Then::GoOn)
    }

    fn staff(&self, act: StaffAct) -> Result<()> {
        let report = self.engine.act(self.business, self.my_id()?, Input::Staff { by: "Petra".to_owned(), act })?;
        match report.refused {
            Some((code, words)) => Err(anyhow!("{code}: {words}")),
            None => Ok(()),
        }
    }

    /// The address of a customer by their name, or an address; with neither, that of somebody new in chat.
    fn address_of(&self, name: &str) -> Result<Address> {
        if name.contains(':') {
            return Ok(Address::parse(name)?);
        }
        let named = |customer: &Customer| customer.name.as_ref().is_some_and(|known| known.eq_ignore_ascii_case(name));
        let known = self.engine.query(self.business).customers(None, CUSTOMERS)?;
        match known.into_iter().find(named).and_then(|customer| customer.addresses.into_iter().next()) {
            Some(address) => Ok(address),
            None => Ok(Address::parse(&format!("chat:{}", name.to_lowercase()))?),
        }
    }

    fn my_id(&self) -> Result<CustomerId> {
        let me = self.engine.query(self.business).customer_by_address(&self.me)?;
        Ok(me.with_context(|| format!("nobody is known as {}; write something first", self.me))?.id)
    }

    /// Puts the clock forward to a moment. What falls due on the way happens at its time, in order.
    fn put_forward(&mut self, until: Instant) -> Result<()> {
        loop {
            self.settle()?;
            let rung = self.engine.ring()?;
            match rung.next.filter(|next| *next <= until) {
                _ if self.interrupted.load(Ordering::SeqCst) => return Ok(()),
                _ if rung.fired > 0 => {}
                Some(next) => self.world.advance_to(next),
                None => break,
            }
        }
        self.world.advance_to(until);
        self.settle()?;
        let ahead_ms = self.world.ahead_ms();
        std::fs::write(&self.clock_file, ahead_ms.to_string()).context("the clock cannot be kept")?;
        let ahead = (ahead_ms + MINUTE / 2) / MINUTE * MINUTE;
        let (days, hours, minutes) = (ahead / DAY, ahead % DAY / HOUR, ahead % HOUR / MINUTE);
        let zone = self.zone();
        let stands = self.world.now().in_zone(&zone).strftime("%a %d %b %Y %H:%M").to_string();
        self.say(&format!("The clock stands at {stands}, {days} d {hours} h {minutes} min ahead."));
        Ok(())
    }

    /// Lets everything happen that is to happen now, and shows it.
    fn settle(&mut self) -> Result<()> {
        while !self.interrupted.load(Ordering::SeqCst) {
            let fired = self.engine.ring()?.fired;
            if fired == 0 && self.engine.queue().0 == 0 {
                break;
            }
            self.show()?;
            std::thread::sleep(PAUSE);
        }
        // An entry is done a moment before the world hears of it.
        std::thread::sleep(PAUSE);
        self.show()
    }

    /// Shows what became durable since the last time.
    fn show(&mut self) -> Result<()> {
        loop {
            let happened = match self.live.try_recv() {
                Ok(happened) if happened.business == self.business => happened,
                Ok(_) => continue,
                Err(TryRecvError::Empty | TryRecvError::Closed) => return Ok(()),
                Err(TryRecvError::Lagged(missed)) => {
                    self.say(&format!("{missed} entries came too fast to be shown"));
                    continue;
                }
            };
            let query = self.engine.query(self.business);
            let Some((why, _)) = query.why(happened.customer, happened.entry)? else { continue };
            if happened.customer.is_business() && why.what.starts_with(BY) {
                continue;
            }
            let name = |id| query.customer(id).ok().flatten().map_or_else(|| id.to_string(), |one| called(&one));
            let zone = self.zone();
            let teller = Teller { zone: &zone, paint: self.paint, name: &name };
            let lines = teller.lines(happened.customer, &why, &happened.messages);
            drop(query);
            lines.iter().for_each(|line| self.say(line));
            if !lines.is_empty() {
                self.last = Some(why);
            }
        }
    }

    fn zone(&self) -> jiff::tz::TimeZone {
        let ready = self.engine.ready(self.business);
        ready.map_or(jiff::tz::TimeZone::UTC, |ready| ready.config.zone.clone())
    }

    /// Prints. Somebody who does not read any more is no failure.
    pub(super) fn say(&mut self, text: &str) {
        let clear = if std::mem::take(&mut self.prompt_is_shown) { "\r\x1b[K" } else { "" };
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{clear}{text}").and_then(|()| out.flush());
    }

    fn prompt(&mut self) {
        if self.prompts && !self.prompt_is_shown {
            self.prompt_is_shown = true;
            let mut out = std::io::stdout().lock();
            let _ = write!(out, "{}> ", self.me.value()).and_then(|()| out.flush());
        }
    }
}

/// What a customer is called: their name, else their first address.
fn called(customer: &Customer) -> String {
    let address = || customer.addresses.first().map(|address| address.as_str().to_owned());
    customer.name.clone().or_else(address).unwrap_or_else(|| customer.id.to_string())
}
