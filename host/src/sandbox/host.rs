//! The host's side of the contract: each call becomes one method of [`Turn`], and nothing more.

use std::collections::BTreeMap;

use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker};

use crate::domain::case::Stage;
use crate::domain::knowledge::Article;
use crate::domain::time::Instant;
use crate::domain::{self, template};
use crate::turn::calls::Civil;
use crate::turn::send::{self, Content};
use crate::turn::{Refusal, Turn};

use super::bindings::Automation;
use super::bindings::attune::host as contract;
use super::bindings::attune::types::types as wit;
use super::run::Ceiling;
use super::wasi::Outside;

/// What a store holds.
pub struct Context {
    pub(super) turn: Turn,
    pub(super) ceiling: Ceiling,
    pub(super) outside: Outside,
}

/// A linker with everything that a plugin may import.
pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Context>> {
    let mut linker = Linker::new(engine);
    Automation::add_to_linker::<_, HasSelf<Context>>(&mut linker, |context| context)?;
    Ok(linker)
}

impl Context {
    /// Gives the guest its answer, unless the turn says that the run must end here.
    fn answer<T>(&self, value: T) -> wasmtime::Result<T> {
        match self.turn.halt() {
            Some(halt) => Err(wasmtime::Error::msg(halt.to_string())),
            None => Ok(value),
        }
    }
}

fn refusal(refusal: Refusal) -> wit::Refusal {
    wit::Refusal { code: refusal.code.to_owned(), text: refusal.text }
}

type Answer<T> = wasmtime::Result<Result<T, wit::Refusal>>;

impl wit::Host for Context {}

impl contract::customer::Host for Context {
    fn current(&mut self) -> wasmtime::Result<Option<wit::Profile>> {
        let profile = self.turn.customer_current().map(|customer| {
            let mut channels: Vec<_> = customer.addresses.iter().map(|address| address.channel()).collect();
            channels.dedup();
            wit::Profile {
                id: customer.id.to_string(),
                name: customer.name.clone(),
                language: customer.language.clone().unwrap_or_else(|| self.turn.scene.config.business.language.clone()),
                zone: customer.zone.clone(),
                tags: customer.tags.iter().cloned().collect(),
                since: customer.since.0,
                extra: vec![("channels".to_owned(), channels.join(","))],
            }
        });
        self.answer(profile)
    }

    fn recall(&mut self, fact: String) -> wasmtime::Result<Option<String>> {
        let value = self.turn.customer_recall(&fact);
        self.answer(value)
    }
}

impl contract::customer_notes::Host for Context {
    fn remember(&mut self, fact: String, value: String) -> Answer<()> {
        let result = self.turn.remember(&fact, &value).map_err(refusal);
        self.answer(result)
    }

    fn tag(&mut self, name: String) -> Answer<()> {
        let result = self.turn.tag(&name).map_err(refusal);
        self.answer(result)
    }

    fn untag(&mut self, name: String) -> Answer<()> {
        let result = self.turn.untag(&name).map_err(refusal);
        self.answer(result)
    }
}

impl contract::message::Host for Context {
    fn send(&mut self, draft: contract::message::Draft) -> Answer<contract::message::Receipt> {
        let content = match draft.content {
            contract::message::Content::Text(text) => Content::Text(text),
            contract::message::Content::Template((name, values)) => Content::Template(
                name,
                values.into_iter().map(|(name, value)| (name, self::value(value))).collect::<BTreeMap<_, _>>(),
            ),
        };
        let draft = send::Draft {
            purpose: draft.purpose,
            content,
            channel: draft.channel,
            about: draft.about,
            expires: draft.expires.map(Instant),
            once: draft.once,
        };
        let result = self.turn.send(draft).map_err(refusal).map(|receipt| contract::message::Receipt {
            message: receipt.message,
            verdict: match receipt.verdict {
                send::Verdict::Queued => contract::message::Verdict::Queued,
                send::Verdict::Deferred(until) => contract::message::Verdict::Deferred(until.0),
                send::Verdict::Withheld(code, text) => {
                    contract::message::Verdict::Withheld((code.to_owned(), text.to_owned()))
                }
            },
        });
        self.answer(result)
    }

    fn withdraw(&mut self, message: String) -> Answer<()> {
        let result = self.turn.withdraw(&message).map_err(refusal);
        self.answer(result)
    }
}

fn value(value: contract::message::Value) -> template::Value {
    match value {
        contract::message::Value::Text(text) => template::Value::Text(text),
        contract::message::Value::Moment(moment) => {
            template::Value::Moment { at: Instant(moment.at), zone: moment.zone }
        }
        contract::message::Value::Money(money) => {
            template::Value::Money(domain::order::Money { amount_minor: money.amount_minor, currency: money.currency })
        }
    }
}

impl contract::conversation::Host for Context {
    fn recent(&mut self, limit: u32) -> wasmtime::Result<Vec<wit::Message>> {
        let recent = self.turn.recent(limit).iter().map(|one| message(one)).collect();
        self.answer(recent)
    }
}

impl contract::sentiment::Host for Context {
    fn analyze(&mut self, text: String) -> wasmtime::Result<wit::Reading> {
        let reading = self.turn.analyze(&text);
        self.answer(wit::Reading {
            polarity: reading.polarity,
            frustration: reading.frustration,
            urgency: reading.urgency,
            confidence: reading.confidence,
            because: reading.because.into_iter().map(evidence).collect(),
            extra: reading.language.into_iter().map(|language| ("language".to_owned(), language)).collect(),
        })
    }

    fn trend(&mut self, messages: u32) -> wasmtime::Result<Option<(f32, f32)>> {
        let trend = self.turn.trend(messages);
        self.answer(trend)
    }
}

fn evidence(evidence: crate::reading::Evidence) -> wit::Evidence {
    wit::Evidence { term: evidence.term, weight: evidence.weight }
}

impl contract::understanding::Host for Context {
    fn intents(&mut self, text: String) -> wasmtime::Result<Vec<wit::Intent>> {
        let intents = self.turn.intents(&text);
        self.answer(
            intents
                .into_iter()
                .map(|intent| wit::Intent {
                    name: intent.name.into_owned(),
                    confidence: intent.confidence,
                    because: intent.because.into_iter().map(evidence).collect(),
                })
                .collect(),
        )
    }
}

impl contract::knowledge::Host for Context {
    fn search(&mut self, query: String, limit: u32) -> wasmtime::Result<Vec<contract::knowledge::Answer>> {
        let found = self.turn.search_knowledge(&query, limit);
        let answer = |(article, score): (Article, f32)| contract::knowledge::Answer {
            id: article.id,
            question: article.question,
            text: article.answer,
            score,
            extra: article.language.into_iter().map(|language| ("language".to_owned(), language)).collect(),
        };
        self.answer(found.into_iter().map(answer).collect())
    }
}

impl contract::handoff::Host for Context {
    fn open(&mut self, reason: String, urgency: String, summary: String) -> Answer<()> {
        let result = self.turn.open_case(&reason, &urgency, &summary).map_err(refusal);
        self.answer(result)
    }

    fn current(&mut self) -> wasmtime::Result<contract::handoff::Stage> {
        let stage = match self.turn.case_stage() {
            Some(Stage::Waiting) => contract::handoff::Stage::Waiting,
            Some(Stage::Taken { by }) => contract::handoff::Stage::Taken(by),
            Some(Stage::Resolved { .. }) | None => contract::handoff::Stage::None,
        };
        self.answer(stage)
    }
}

impl contract::appointments::Host for Context {
    fn get(&mut self, id: String) -> wasmtime::Result<Option<wit::Appointment>> {
        let found = self.turn.appointment(&id).map(|one| appointment(&one));
        self.answer(found)
    }

    fn upcoming(&mut self) -> wasmtime::Result<Vec<wit::Appointment>> {
        let found = self.turn.upcoming().iter().map(|one| appointment(one)).collect();
        self.answer(found)
    }
}

impl contract::appointment_answers::Host for Context {
    fn answer(&mut self, id: String, answer: String) -> Answer<()> {
        let result = self.turn.answer(&id, &answer).map_err(refusal);
        Context::answer(self, result)
    }
}

impl contract::orders::Host for Context {
    fn recent(&mut self, limit: u32) -> wasmtime::Result<Vec<wit::Order>> {
        let found = self.turn.recent_orders(limit).iter().map(|one| order(one)).collect();
        self.answer(found)
    }

    fn get(&mut self, number: String) -> wasmtime::Result<Option<wit::Order>> {
        let found = self.turn.order(&number).map(|one| order(&one));
        self.answer(found)
    }
}

impl contract::order_claims::Host for Context {
    fn claim(&mut self, number: String, proof: String) -> Answer<wit::Order> {
        let result = self.turn.claim(&number, &proof).map(|one| order(&one)).map_err(refusal);
        self.answer(result)
    }
}

impl contract::schedule::Host for Context {
    fn set(&mut self, key: String, at: u64, note: String) -> Answer<()> {
        let result = self.turn.set_timer(&key, Instant(at), &note).map_err(refusal);
        self.answer(result)
    }

    fn cancel(&mut self, key: String) -> wasmtime::Result<()> {
        self.turn.cancel_timer(&key);
        self.answer(())
    }
}

impl contract::state::Host for Context {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        let value = self.turn.state_get(&key);
        self.answer(value)
    }

    fn set(&mut self, key: String, value: String) -> Answer<()> {
        let result = self.turn.state_set(&key, &value).map_err(refusal);
        self.answer(result)
    }

    fn delete(&mut self, key: String) -> wasmtime::Result<()> {
        self.turn.state_delete(&key);
        self.answer(())
    }
}

impl contract::tally::Host for Context {
    fn add(&mut self, key: String, amount: u32) -> Answer<()> {
        let result = self.turn.tally_add(&key, amount).map_err(refusal);
        self.answer(result)
    }

    fn sum(&mut self, key: String, hours: u32) -> Answer<u64> {
        let result = self.turn.tally_sum(&key, hours).map_err(refusal);
        self.answer(result)
    }
}

impl contract::business::Host for Context {
    fn current(&mut self) -> wasmtime::Result<contract::business::Business> {
        let (name, zone, language) = self.turn.business_current();
        self.answer(contract::business::Business { name, zone, language })
    }

    fn is_open(&mut self, at: u64) -> wasmtime::Result<bool> {
        let open = self.turn.is_open(Instant(at));
        self.answer(open)
    }

    fn next_open(&mut self, after: u64) -> wasmtime::Result<Option<u64>> {
        let next = self.turn.next_open(Instant(after)).map(|at| at.0);
        self.answer(next)
    }

    fn to_civil(&mut self, at: u64, zone: String) -> Answer<wit::Civil> {
        let result = self.turn.to_civil(Instant(at), &zone).map_err(refusal).map(|civil| wit::Civil {
            year: civil.year,
            month: civil.month,
            day: civil.day,
            hour: civil.hour,
            minute: civil.minute,
            weekday: civil.weekday,
        });
        self.answer(result)
    }

    fn to_instant(&mut self, civil: wit::Civil, zone: String) -> Answer<u64> {
        let civil = Civil {
            year: civil.year,
            month: civil.month,
            day: civil.day,
            hour: civil.hour,
            minute: civil.minute,
            weekday: civil.weekday,
        };
        let result = self.turn.to_instant(civil, &zone).map(|at| at.0).map_err(refusal);
        self.answer(result)
    }
}

impl contract::staff::Host for Context {
    fn notify(&mut self, urgency: String, title: String, text: String) -> wasmtime::Result<()> {
        self.turn.notify(&urgency, &title, &text);
        self.answer(())
    }
}

impl contract::staff_examples::Host for Context {
    fn notify_about(
        &mut self,
        urgency: String,
        title: String,
        text: String,
        topic: String,
        hours: u32,
    ) -> wasmtime::Result<()> {
        self.turn.notify_about(&urgency, &title, &text, &topic, hours);
        self.answer(())
    }
}

impl contract::trends::Host for Context {
    fn topics(&mut self, hours: u32) -> wasmtime::Result<Vec<contract::trends::Topic>> {
        let topics = self.turn.trends(hours).into_iter().map(|topic| contract::trends::Topic {
            name: topic.name.to_owned(),
            messages: topic.messages,
            unhappy: topic.unhappy,
            usual_messages: topic.usual_messages,
            usual_unhappy: topic.usual_unhappy,
        });
        let topics = topics.collect();
        self.answer(topics)
    }
}

impl contract::settings::Host for Context {
    fn get(&mut self) -> wasmtime::Result<String> {
        let settings = self.turn.settings();
        self.answer(settings)
    }
}

impl contract::clock::Host for Context {
    fn now(&mut self) -> wasmtime::Result<u64> {
        let now = self.turn.clock_now().0;
        self.answer(now)
    }

    fn happened(&mut self) -> wasmtime::Result<u64> {
        let happened = self.turn.clock_happened().0;
        self.answer(happened)
    }
}

impl contract::log::Host for Context {
    fn write(&mut self, level: contract::log::Level, text: String) -> wasmtime::Result<()> {
        self.turn.write_log(self::level(level), &text);
        self.answer(())
    }
}

/// How a log shows a level.
pub(super) fn level(level: contract::log::Level) -> &'static str {
    match level {
        contract::log::Level::Debug => "debug",
        contract::log::Level::Info => "info",
        contract::log::Level::Warn => "warn",
        contract::log::Level::Error => "error",
    }
}

/// A message as the contract has it.
pub(super) fn message(message: &domain::message::Message) -> wit::Message {
    let mut extra = vec![("state".to_owned(), message.delivery.word().to_owned())];
    if let Some(origin) = &message.origin {
        extra.push(("plugin".to_owned(), origin.plugin.clone()));
        extra.push(("purpose".to_owned(), origin.purpose.word().to_owned()));
        extra.extend(origin.template.iter().map(|name| ("template".to_owned(), name.clone())));
        extra.extend(origin.about.iter().map(|about| ("about".to_owned(), about.clone())));
    }
    wit::Message {
        id: message.id.to_string(),
        at: message.at.0,
        author: message.author.word().to_owned(),
        channel: message.channel.clone(),
        text: message.text.clone(),
        language: message.language.clone(),
        in_reply_to: message.in_reply_to.map(|id| id.to_string()),
        extra,
    }
}

/// An appointment as the contract has it.
pub(super) fn appointment(one: &domain::appointment::Appointment) -> wit::Appointment {
    wit::Appointment {
        id: one.id.clone(),
        service: one.service.clone(),
        starts: one.starts.0,
        ends: one.ends.0,
        zone: one.zone.clone(),
        staff: one.staff.clone(),
        place: one.place.clone(),
        status: one.status.word().to_owned(),
        answer: one.answer.word().to_owned(),
        extra: one.extra.clone().into_iter().collect(),
    }
}

/// An order as the contract has it.
pub(super) fn order(order: &domain::order::Order) -> wit::Order {
    let shipment = |shipment: &domain::order::Shipment| wit::Shipment {
        carrier: shipment.carrier.clone(),
        tracking: shipment.tracking.clone(),
        url: shipment.url.clone(),
        expected: shipment.expected.map(|at| at.0),
        delivered: shipment.delivered.map(|at| at.0),
    };
    wit::Order {
        id: order.id.clone(),
        number: order.number.clone(),
        placed: order.placed.0,
        status: order.status.word().to_owned(),
        items: order.items.clone(),
        total: order
            .total
            .as_ref()
            .map(|total| wit::Money { amount_minor: total.amount_minor, currency: total.currency.clone() }),
        shipments: order.shipments.iter().map(shipment).collect(),
        extra: order.extra.clone().into_iter().collect(),
    }
}
