//! The host calls of the contract, each a plain method. What they mean for a plugin stands in `wit/deps/host/host.wit`.
//!
//! Every call is counted and written into the trace; none of them can fail the host.

use std::sync::Arc;

use jiff::civil::DateTime;
use serde::Serialize;

use crate::domain::address::Address;
use crate::domain::appointment::{Answer, Appointment, AppointmentStatus};
use crate::domain::case::Urgency;
use crate::domain::customer::Customer;
use crate::domain::ids::NoticeId;
use crate::domain::knowledge::Article;
use crate::domain::message::{Author, Delivery, Message};
use crate::domain::order::{Order, fold_number};
use crate::domain::time::{self, HOUR, Instant, MINUTE};
use crate::reading::{Intent, Reading};
use crate::store::{Order as Direction, Range, Table};

use super::config::Plugin;
use super::records::{Example, Notice, OrderPointer, Timer};
use super::send::no_customer;
use super::{Effect, Halt, Observed, Refusal, Turn};

/// Wall-clock time as the contract has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Civil {
    /// The year.
    pub year: i16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 1 is Monday.
    pub weekday: u8,
}

/// How many rows a listing gives at the most.
const LISTED: usize = 50;

impl Turn {
    /// Counts a call and writes it into the trace.
    pub(super) fn note<A: Serialize, R: Serialize>(&mut self, name: &str, args: &A, result: &R) {
        self.count_call();
        self.trace.call(name, args, result);
    }

    /// The same for a text that was read; `by` is the reader that did it, if it was not the built-in reading.
    fn note_read<R: Serialize>(&mut self, name: &str, text: &str, result: &R, by: Option<&str>) {
        self.count_call();
        self.trace.call_by(name, &text, result, by);
    }

    fn count_call(&mut self) {
        self.used.calls += 1;
        let limits = &self.limits;
        let over = if self.used.calls > limits.host_calls {
            format!("made more than {} calls to the host in one run", limits.host_calls)
        } else if self.effects.len() - self.mark > limits.effects as usize {
            format!("staged more than {} changes in one run", limits.effects)
        } else if self.used.bytes > limits.staged_bytes {
            format!("staged more than {} bytes in one run", limits.staged_bytes)
        } else {
            return;
        };
        self.halted.get_or_insert(Halt::Limit(over));
    }

    pub(super) fn running(&self) -> Result<Arc<Plugin>, Refusal> {
        self.plugin.clone().ok_or_else(|| Refusal::new("bad-argument", "no plugin is running"))
    }

    pub(super) fn fits(&self, what: &str, text: &str, limit: usize) -> Result<(), Refusal> {
        if text.len() > limit {
            return Err(Refusal::new("too-long", format!("{what} has {} bytes; at most {limit}", text.len())));
        }
        Ok(())
    }

    fn key_fits(&self, key: &str) -> Result<(), Refusal> {
        if key.is_empty() {
            return Err(Refusal::new("bad-argument", "the key is empty"));
        }
        self.fits("key", key, self.limits.key_bytes)
    }

    pub(super) fn spend(&mut self, bytes: usize) {
        self.used.bytes += bytes;
    }

    // customer

    /// `customer.current`.
    pub fn customer_current(&mut self) -> Option<Arc<Customer>> {
        let customer = self.customer();
        self.note("customer.current", &(), &customer.as_ref().map(|c| c.id));
        customer
    }

    /// `customer.recall`.
    pub fn customer_recall(&mut self, fact: &str) -> Option<String> {
        let value = self.customer().and_then(|customer| customer.facts.get(fact).cloned());
        self.note("customer.recall", &fact, &value);
        value
    }

    // customer-notes

    /// `customer-notes.remember`.
    pub fn remember(&mut self, fact: &str, value: &str) -> Result<(), Refusal> {
        let result = self.try_remember(fact, value);
        self.note("customer-notes.remember", &(fact, value), &result);
        result
    }

    fn try_remember(&mut self, fact: &str, value: &str) -> Result<(), Refusal> {
        let limits = self.limits;
        self.name_fits("fact", fact)?;
        self.fits("value", value, limits.note_bytes)?;
        let customer = self.customer().ok_or_else(no_customer)?;
        if !customer.facts.contains_key(fact) && customer.facts.len() >= limits.facts {
            return Err(Refusal::new("too-many", format!("a customer has at most {} facts", limits.facts)));
        }
        self.spend(fact.len() + value.len());
        self.change_customer(|customer| {
            customer.facts.insert(fact.to_owned(), value.to_owned());
        });
        Ok(())
    }

    fn name_fits(&self, what: &str, name: &str) -> Result<(), Refusal> {
        if name.trim().is_empty() || name.chars().any(char::is_control) {
            return Err(Refusal::new("bad-argument", format!("the {what} is empty or has control characters")));
        }
        self.fits(what, name, self.limits.name_bytes)
    }

    /// `customer-notes.tag`.
    pub fn tag(&mut self, name: &str) -> Result<(), Refusal> {
        let result = self.try_tag(name);
        self.note("customer-notes.tag", &name, &result);
        result
    }

    fn try_tag(&mut self, name: &str) -> Result<(), Refusal> {
        self.name_fits("tag", name)?;
        let customer = self.customer().ok_or_else(no_customer)?;
        let limit = self.limits.facts;
        if !customer.tags.contains(name) && customer.tags.len() >= limit {
            return Err(Refusal::new("too-many", format!("a customer has at most {limit} tags")));
        }
        self.change_customer(|customer| {
            customer.tags.insert(name.to_owned());
        });
        Ok(())
    }

    /// `customer-notes.untag`.
    pub fn untag(&mut self, name: &str) -> Result<(), Refusal> {
        let result = self.customer().map(|_| ()).ok_or_else(no_customer);
        if result.is_ok() {
            self.change_customer(|customer| {
                customer.tags.remove(name);
            });
        }
        self.note("customer-notes.untag", &name, &result);
        result
    }

    // conversation

    /// `conversation.recent`: newest last.
    pub fn recent(&mut self, limit: u32) -> Vec<Arc<Message>> {
        let limit = (limit as usize).min(LISTED);
        let mut found = self.messages(LISTED);
        found.retain(|message| !matches!(message.delivery, Delivery::Withheld { .. }));
        found.truncate(limit);
        found.reverse();
        let ids: Vec<_> = found.iter().map(|message| message.id).collect();
        self.note("conversation.recent", &limit, &ids);
        found
    }

    // sentiment and understanding

    /// `sentiment.analyze`.
    pub fn analyze(&mut self, text: &str) -> Reading {
        let (read, by) = self.reading_by(text);
        self.note_read("sentiment.analyze", text, &read.mood, by.as_deref());
        read.mood.clone()
    }

    /// `sentiment.trend`: mean polarity of the customer's last messages, and its slope a message.
    pub fn trend(&mut self, messages: u32) -> Option<(f32, f32)> {
        let wanted = (messages as usize).min(LISTED);
        let mut said = self.messages(LISTED * 2);
        said.retain(|message| message.author == Author::Customer);
        said.truncate(wanted);
        let mut polarities: Vec<f32> = said
            .iter()
            .map(|message| message.polarity.unwrap_or_else(|| self.reading(&message.text).mood.polarity))
            .collect();
        polarities.reverse();
        let trend = line(&polarities);
        self.note("sentiment.trend", &messages, &trend);
        trend
    }

    /// `understanding.intents`.
    pub fn intents(&mut self, text: &str) -> Vec<Intent> {
        let (read, by) = self.reading_by(text);
        self.note_read("understanding.intents", text, &read.intents, by.as_deref());
        read.intents.clone()
    }

    // knowledge

    /// `knowledge.search`: the owner's answers to a question, best first.
    pub fn search_knowledge(&mut self, query: &str, limit: u32) -> Vec<(Article, f32)> {
        let config = self.scene.config.clone();
        let found = config.knowledge.search(query, limit as usize);
        // The why has which answers and what led to them; their texts stand in the message that was sent.
        let told: Vec<_> = found.iter().map(|one| (&one.article.id, one.score, &one.because)).collect();
        self.note("knowledge.search", &query, &told);
        found.into_iter().map(|one| (one.article.clone(), one.score)).collect()
    }

    // appointments

    /// `appointments.get`.
    pub fn appointment(&mut self, id: &str) -> Option<Arc<Appointment>> {
        let found = self.appointments().into_iter().find(|one| one.id == id);
        self.note("appointments.get", &id, &found);
        found
    }

    /// `appointments.upcoming`.
    pub fn upcoming(&mut self) -> Vec<Arc<Appointment>> {
        let now = self.now();
        let mut found = self.appointments();
        found.retain(|one| one.status == AppointmentStatus::Booked && one.ends > now);
        found.truncate(LISTED);
        self.note("appointments.upcoming", &(), &found);
        found
    }

    /// `appointment-answers.answer`.
    pub fn answer(&mut self, id: &str, answer: &str) -> Result<(), Refusal> {
        let result = self.try_answer(id, answer);
        self.note("appointment-answers.answer", &(id, answer), &result);
        result
    }

    fn try_answer(&mut self, id: &str, answer: &str) -> Result<(), Refusal> {
        let answer = Answer::parse(answer).ok_or_else(|| {
            Refusal::new("bad-argument", format!("answer `{answer}` is none of confirmed, declined, asked-to-move"))
        })?;
        let found = self.appointments().into_iter().find(|one| one.id == id);
        let found =
            found.ok_or_else(|| Refusal::new("not-found", format!("this customer has no appointment `{id}`")))?;
        let changed = Appointment { answer, ..Appointment::clone(&found) };
        if changed.answer != found.answer {
            self.answer_goes_back(&changed);
        }
        self.stage(Effect::Appointment(Arc::new(changed)));
        Ok(())
    }

    // orders

    /// `orders.recent`: newest first.
    pub fn recent_orders(&mut self, limit: u32) -> Vec<Arc<Order>> {
        let mut found = self.orders();
        found.truncate((limit as usize).min(LISTED));
        self.note("orders.recent", &limit, &found);
        found
    }

    /// `orders.get`.
    pub fn order(&mut self, number: &str) -> Option<Arc<Order>> {
        let wanted = fold_number(number);
        let found = self.orders().into_iter().find(|order| fold_number(&order.number) == wanted);
        self.note("orders.get", &number, &found);
        found
    }

    /// `order-claims.claim`: the order's own customer must have what is given as proof.
    ///
    /// This is the one call that looks outside the customer's lane. What it finds is written into the journal with the step
    /// (see `engine::observe`), so that a replay finds the same.
    pub fn claim(&mut self, number: &str, proof: &str) -> Result<Arc<Order>, Refusal> {
        let result = self.try_claim(number, proof);
        // The proof is personal and of no use later: the trace says only whether one was given.
        self.note("order-claims.claim", &(number, if proof.is_empty() { "" } else { "(proof)" }), &result);
        result
    }

    fn try_claim(&mut self, number: &str, proof: &str) -> Result<Arc<Order>, Refusal> {
        self.customer().ok_or_else(no_customer)?;
        self.fits("number", number, self.limits.key_bytes)?;
        self.fits("proof", proof, self.limits.key_bytes)?;
        let limit = self.limits.claim_tries;
        let now = self.now();
        let mut tries = self.tries();
        tries.at.retain(|at| at.plus(24 * HOUR) > now);
        if tries.at.len() >= limit {
            return Err(Refusal::new("too-many-tries", format!("{limit} wrong tries in 24 hours")));
        }
        match self.look_up(number, proof) {
            Some(order) => {
                let order = Arc::new(Order { claimed: true, ..order });
                self.stage(Effect::Order(order.clone()));
                Ok(order)
            }
            None => {
                tries.at.push(now);
                self.stage(Effect::Tries(tries));
                Err(Refusal::new("no-match", "no order has this number and this proof"))
            }
        }
    }

    /// Looks for an order by number and proof, whosever it is.
    fn look_up(&mut self, number: &str, proof: &str) -> Option<Order> {
        let folded = fold_number(number);
        if let Some(observed) = &self.scene.observed {
            let given = fold_proof(proof);
            return observed.iter().find_map(|seen| match seen {
                Observed::Claim { number, proof, order } if *number == folded && *proof == given => order.clone(),
                _ => None,
            });
        }
        let elsewhere = self.scene.elsewhere.clone()?;
        let wanted = fold_proof(proof);
        let key = self.scene.records.order_index_key(&folded);
        let given = self.scene.records.proof(&wanted);
        // Two shops, or two customers, may have the same number.
        let pointers: Vec<OrderPointer> = self.read(|records| {
            let rows = records.view().first(&Range::prefix(key), Direction::Ascending, LISTED)?;
            rows.into_iter().map(|(_, row)| row.read_clear()).collect()
        });
        let order = pointers
            .into_iter()
            .find(|pointer| !wanted.is_empty() && pointer.proofs.contains(&given))
            .and_then(|pointer| elsewhere(&pointer));
        self.observations.push(Observed::Claim { number: folded, proof: wanted, order: order.clone() });
        order
    }

    // schedule

    /// `schedule.set`.
    pub fn set_timer(&mut self, key: &str, at: Instant, note: &str) -> Result<(), Refusal> {
        let result = self.try_set_timer(key, at, note);
        self.note("schedule.set", &(key, at, note), &result);
        result
    }

    fn try_set_timer(&mut self, key: &str, at: Instant, note: &str) -> Result<(), Refusal> {
        let plugin = self.running()?;
        self.key_fits(key)?;
        self.fits("note", note, self.limits.note_bytes)?;
        if at > time::LAST {
            return Err(Refusal::new("bad-argument", "the moment is after the year 9999"));
        }
        let limit = self.limits.timers;
        if self.timer(&plugin.name, key).is_none() && self.timer_count(&plugin.name) >= limit {
            return Err(Refusal::new("too-many", format!("a plugin has at most {limit} timers a customer")));
        }
        self.spend(key.len() + note.len());
        // A timer that fires at once and sets itself again would keep the machine busy for ever.
        let at_once = at <= self.now().plus(MINUTE);
        let depth = if at_once { self.scene.entry.depth + 1 } else { 0 };
        if depth > self.limits.depth {
            let text = format!("{depth} steps, each at once after the other; set it at least a minute ahead");
            return Err(Refusal::new("too-deep", text));
        }
        let (plugin_name, note) = (plugin.name.to_string(), note.to_owned());
        let timer = Timer { plugin: plugin_name, key: key.to_owned(), due: at, note, depth };
        self.stage(Effect::Timer { plugin: plugin.name.clone(), key: key.to_owned(), timer: Some(timer) });
        Ok(())
    }

    /// `schedule.cancel`.
    pub fn cancel_timer(&mut self, key: &str) {
        if let Ok(plugin) = self.running()
            && self.timer(&plugin.name, key).is_some()
        {
            self.stage(Effect::Timer { plugin: plugin.name.clone(), key: key.to_owned(), timer: None });
        }
        self.note("schedule.cancel", &key, &());
    }

    /// A timer, with what was staged.
    pub fn timer(&mut self, plugin: &str, key: &str) -> Option<Timer> {
        let staged = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Timer { plugin: whose, key: k, timer } if **whose == *plugin && k == key => Some(timer.clone()),
            _ => None,
        });
        match staged {
            Some(timer) => timer,
            None => self.read(|records| records.timer(plugin, key)),
        }
    }

    fn timer_count(&mut self, plugin: &str) -> usize {
        let stored = self.read(|records| records.timers());
        let is_own = |effect: &&Effect| matches!(effect, Effect::Timer { plugin: whose, timer: Some(_), .. } if **whose == *plugin);
        let staged = self.effects.iter().filter(is_own).count();
        stored.iter().filter(|timer| timer.plugin == plugin).count() + staged
    }

    // state

    /// `state.get`.
    pub fn state_get(&mut self, key: &str) -> Option<String> {
        let value = self.state(key);
        self.note("state.get", &key, &value);
        value
    }

    fn state(&mut self, key: &str) -> Option<String> {
        let plugin = self.running().ok()?;
        let staged = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::State { plugin: whose, key: k, value } if *whose == plugin.name && k == key => Some(value.clone()),
            _ => None,
        });
        if let Some(known) = staged.or_else(|| self.loaded_notes.get(&plugin.name, key)) {
            return known;
        }
        let value = self.read(|records| records.state(&plugin.name, key));
        if self.halt().is_none() {
            self.loaded_notes.set(&plugin.name, key, value.as_deref());
        }
        value
    }

    /// `state.set`.
    pub fn state_set(&mut self, key: &str, value: &str) -> Result<(), Refusal> {
        let result = self.try_state_set(key, value);
        self.note("state.set", &(key, value), &result);
        result
    }

    fn try_state_set(&mut self, key: &str, value: &str) -> Result<(), Refusal> {
        let plugin = self.running()?;
        let limits = self.limits;
        self.key_fits(key)?;
        self.fits("value", value, limits.state_value_bytes)?;
        // Short notes at keys that are there already cannot come to more than is allowed.
        if value.len() > limits.state_bytes / limits.state_keys || self.state(key).is_none() {
            // Looked up once a run: a thousand rows for each of a thousand calls would be the host's time, not the plugin's.
            let (mut keys, mut bytes) = match self.stored_state {
                Some(known) => known,
                None => self.read(|records| records.state_size(&plugin.name, limits.state_keys)),
            };
            self.stored_state = Some((keys, bytes));
            for effect in &self.effects {
                if let Effect::State { plugin: whose, value: Some(value), .. } = effect
                    && **whose == *plugin.name
                {
                    (keys, bytes) = (keys + 1, bytes + value.len());
                }
            }
            if self.state(key).is_none() && keys >= limits.state_keys {
                let limit = limits.state_keys;
                return Err(Refusal::new("too-many", format!("a plugin has at most {limit} notes a customer")));
            }
            if bytes + value.len() > limits.state_bytes {
                let limit = limits.state_bytes;
                return Err(Refusal::new(
                    "too-many",
                    format!("a plugin's notes on a customer take at most {limit} bytes"),
                ));
            }
        }
        self.spend(key.len() + value.len());
        self.stage(Effect::State { plugin: plugin.name.clone(), key: key.to_owned(), value: Some(value.to_owned()) });
        Ok(())
    }

    /// `state.delete`.
    pub fn state_delete(&mut self, key: &str) {
        if let Ok(plugin) = self.running()
            && self.state(key).is_some()
        {
            self.stage(Effect::State { plugin: plugin.name.clone(), key: key.to_owned(), value: None });
        }
        self.note("state.delete", &key, &());
    }

    // tally

    /// `tally.add`.
    pub fn tally_add(&mut self, key: &str, amount: u32) -> Result<(), Refusal> {
        let result = self.may_tally(key);
        if result.is_ok()
            && let Ok(plugin) = self.running()
        {
            self.stage(Effect::Tally { plugin: plugin.name.clone(), key: key.to_owned(), amount });
        }
        self.note("tally.add", &(key, amount), &result);
        result
    }

    /// `tally.sum`.
    pub fn tally_sum(&mut self, key: &str, hours: u32) -> Result<u64, Refusal> {
        let result = self.try_tally_sum(key, hours);
        self.note("tally.sum", &(key, hours), &result);
        result
    }

    fn may_tally(&self, key: &str) -> Result<(), Refusal> {
        let plugin = self.running()?;
        if plugin.tally.contains(key) {
            return Ok(());
        }
        Err(Refusal::new("not-declared", format!("`{key}` is not among the tally keys in plugin.toml")))
    }

    fn try_tally_sum(&mut self, key: &str, hours: u32) -> Result<u64, Refusal> {
        self.may_tally(key)?;
        if !self.scene.entry.customer.is_business() {
            return Err(Refusal::new("business-only", "sums are only told while an event of the business is handled"));
        }
        let plugin = self.running()?;
        let this_hour = self.now().0 / HOUR;
        let first = this_hour.saturating_sub(u64::from(hours.clamp(1, 1_000)) - 1);
        let mut sum = 0_u64;
        for hour in first..=this_hour {
            sum += self.read(|records| {
                let at = records.of_business(Table::Tally).text(&plugin.name).text(key).number(hour);
                Ok(match records.view().get(&at)? {
                    Some(row) => row.read_clear::<u64>()?,
                    None => 0,
                })
            });
        }
        for effect in &self.effects {
            if let Effect::Tally { plugin: whose, key: k, amount } = effect
                && *whose == plugin.name
                && k == key
            {
                sum += u64::from(*amount);
            }
        }
        Ok(sum)
    }

    // business

    /// `business.current`: name, zone, language.
    pub fn business_current(&mut self) -> (String, String, String) {
        let business = &self.scene.config.business;
        let current = (business.name.clone(), business.zone.clone(), business.language.clone());
        self.note("business.current", &(), &current);
        current
    }

    /// `business.is-open`.
    pub fn is_open(&mut self, at: Instant) -> bool {
        let open = self.scene.config.business.hours.is_open(at, &self.scene.config.zone);
        self.note("business.is-open", &at, &open);
        open
    }

    /// `business.next-open`.
    pub fn next_open(&mut self, after: Instant) -> Option<Instant> {
        let next = self.scene.config.business.hours.next_open(after, &self.scene.config.zone);
        self.note("business.next-open", &after, &next);
        next
    }

    /// `business.to-civil`.
    pub fn to_civil(&mut self, at: Instant, zone: &str) -> Result<Civil, Refusal> {
        let result = time::zone(zone).ok_or_else(|| bad_zone(zone)).map(|zone| {
            let zoned = at.in_zone(&zone);
            Civil {
                year: zoned.year(),
                month: zoned.month().unsigned_abs(),
                day: zoned.day().unsigned_abs(),
                hour: zoned.hour().unsigned_abs(),
                minute: zoned.minute().unsigned_abs(),
                weekday: zoned.weekday().to_monday_one_offset().unsigned_abs(),
            }
        });
        self.note("business.to-civil", &(at, zone), &result);
        result
    }

    /// `business.to-instant`.
    pub fn to_instant(&mut self, civil: Civil, zone: &str) -> Result<Instant, Refusal> {
        let result = to_instant(civil, zone);
        self.note("business.to-instant", &(civil, zone), &result);
        result
    }

    // staff, settings, clock, log

    /// `staff.notify`. What is over a limit is cut: a notice is better short than lost.
    pub fn notify(&mut self, urgency: &str, title: &str, text: &str) {
        self.stage_notice(urgency, title, text, Vec::new());
        self.note("staff.notify", &(urgency, title, text), &());
    }

    /// Stages a notice to staff, with messages that show what it is about.
    pub(super) fn stage_notice(&mut self, urgency: &str, title: &str, text: &str, examples: Vec<Example>) {
        let limits = self.limits;
        self.used.notices += 1;
        if self.used.notices > limits.notices {
            self.halted.get_or_insert(Halt::Limit(format!("sent more than {} notices in one run", limits.notices)));
        } else if let Ok(plugin) = self.running() {
            let notice = Notice {
                id: NoticeId::new(self.now(), self.mint()),
                at: self.now(),
                urgency: Urgency::parse(urgency).unwrap_or(Urgency::Normal).word().to_owned(),
                title: cut(title, limits.key_bytes),
                text: cut(text, limits.summary_bytes),
                plugin: plugin.name.to_string(),
                examples,
                errands: Vec::new(),
            };
            self.spend(notice.title.len() + notice.text.len());
            self.stage(Effect::Notice(notice));
        }
    }

    /// `settings.get`.
    pub fn settings(&mut self) -> String {
        let settings = self.running().map(|plugin| plugin.settings.clone()).unwrap_or_else(|_| "{}".to_owned());
        self.note("settings.get", &(), &());
        settings
    }

    /// `clock.now`.
    pub fn clock_now(&mut self) -> Instant {
        self.count_call();
        self.now()
    }

    /// `clock.happened`.
    pub fn clock_happened(&mut self) -> Instant {
        self.count_call();
        self.subject.happened
    }

    /// `log.write`.
    pub fn write_log(&mut self, level: &str, text: &str) {
        self.count_call();
        self.trace.log(level, text);
    }
}

/// Something given as proof, as it is compared: an address in its normal form, else letters and digits only.
pub fn fold_proof(proof: &str) -> String {
    match Address::parse(proof.trim()) {
        Ok(address) => address.to_string(),
        Err(_) => proof.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect(),
    }
}

fn bad_zone(zone: &str) -> Refusal {
    Refusal::new("bad-zone", format!("`{zone}` is not an IANA time zone, such as Europe/Berlin"))
}

fn to_instant(civil: Civil, zone: &str) -> Result<Instant, Refusal> {
    let zone = time::zone(zone).ok_or_else(|| bad_zone(zone))?;
    let small = |n: u8| i8::try_from(n).unwrap_or(i8::MAX);
    let (month, day, hour, minute) = (small(civil.month), small(civil.day), small(civil.hour), small(civil.minute));
    // jiff's "compatible" choice is the contract's: later in a gap, the first of two in a fold.
    DateTime::new(civil.year, month, day, hour, minute, 0, 0)
        .ok()
        .and_then(|datetime| zone.to_ambiguous_zoned(datetime).compatible().ok())
        .filter(|zoned| zoned.timestamp().as_millisecond() >= 0)
        .map(|zoned| Instant::from(zoned.timestamp()))
        .ok_or_else(|| Refusal::new("bad-argument", format!("{civil:?} is not a date and time after 1970")))
}

/// Cuts a text at a number of bytes, between characters.
pub(super) fn cut(text: &str, limit: usize) -> String {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

/// The mean of some values and the slope of the line that fits them best; none with fewer than two.
fn line(values: &[f32]) -> Option<(f32, f32)> {
    if values.len() < 2 {
        return None;
    }
    let n = values.len() as f32;
    let mean = values.iter().sum::<f32>() / n;
    let middle = (n - 1.0) / 2.0;
    let (mut above, mut below) = (0.0, 0.0);
    for (place, value) in values.iter().enumerate() {
        let x = place as f32 - middle;
        above += x * (value - mean);
        below += x * x;
    }
    Some((mean, above / below))
}
