//! The yardstick: one thread, bare wasmtime with Attune's own settings. A fresh store, an instance, one call of
//! order-status's `on-message`, with host calls that answer from memory.
//!
//! It uses nothing of Attune but the settings and the limits: no engine, no store, no turn.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use attune::turn::limits::Limits;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Engine, Store, StoreLimits, StoreLimitsBuilder};

use crate::events::TEXT;

mod bindings {
    wasmtime::component::bindgen!({ path: "../wit", world: "attune:automation/automation" });
}

use bindings::attune::host::business::Business;
use bindings::attune::host::message::{Content, Draft, Receipt, Verdict};
use bindings::attune::types::types::{Intent, Message, Money, Order, Refusal, Shipment};
use bindings::exports::attune::automation::on_message::{self, GuestIndices};

/// Moments of the pretended event, in milliseconds.
const NOW: u64 = 1_790_000_000_000;
const DAY: u64 = 24 * 3_600_000;

/// What a store holds: what the host answers from, and what it was told.
struct Memory {
    limits: StoreLimits,
    sent: Option<Draft>,
}

/// Everything that is made once.
pub struct Bare {
    engine: Engine,
    pre: InstancePre<Memory>,
    handler: GuestIndices,
    limits: Limits,
}

impl Bare {
    /// Makes everything ready.
    pub fn open(plugin: &Path) -> Result<Self> {
        let wasm = std::fs::read(plugin).with_context(|| plugin.display().to_string())?;
        Self::new(&wasm).map_err(|error| anyhow!("{error:#}"))
    }

    /// Runs for a while; gives events a second.
    pub fn round(&self, time: Duration) -> Result<f64> {
        let started = Instant::now();
        let mut events = 0_u32;
        while started.elapsed() < time {
            for _ in 0..100 {
                self.event().map_err(|error| anyhow!("{error:#}"))?;
            }
            events += 100;
            // What the sandbox's own thread does every 10 ms.
            self.engine.increment_epoch();
        }
        Ok(f64::from(events) / started.elapsed().as_secs_f64())
    }

    fn new(wasm: &[u8]) -> wasmtime::Result<Self> {
        let engine = Engine::new(&attune::sandbox::Kind::Lean.config())?;
        let component = Component::new(&engine, wasm)?;
        let mut linker = Linker::new(&engine);
        answers(&mut linker)?;
        linker.define_unknown_imports_as_traps(&component)?;
        let pre = linker.instantiate_pre(&component)?;
        let handler = GuestIndices::new(&pre)?;
        Ok(Self { engine, pre, handler, limits: Limits::default() })
    }

    /// One event, as `Sandbox::run` runs it.
    fn event(&self) -> wasmtime::Result<()> {
        let limits = StoreLimitsBuilder::new()
            .memory_size(self.limits.memory_bytes)
            .table_elements(self.limits.table_elements)
            .instances(64)
            .memories(4)
            .tables(16)
            .trap_on_grow_failure(true)
            .build();
        let mut store = Store::new(&self.engine, Memory { limits, sent: None });
        store.limiter(|memory| &mut memory.limits);
        store.set_hostcall_fuel(self.limits.hostcall_bytes);
        store.set_epoch_deadline(self.limits.wall_ms / 10);
        store.set_fuel(self.limits.fuel)?;
        let instance = self.pre.instantiate(&mut store)?;
        let guest = self.handler.load(&mut store, &instance)?;
        let verdict = guest.call_handle(&mut store, &message())?;
        let sent = store.into_data().sent;
        match (verdict, sent) {
            (Ok(on_message::Verdict::Answered), Some(draft)) if draft.purpose == "reply" => Ok(()),
            (verdict, sent) => Err(wasmtime::Error::msg(format!("no answer: {verdict:?}, {sent:?}"))),
        }
    }
}

/// The host calls that an answer to "Where is my order?" takes, each from memory. All else is a trap.
fn answers(linker: &mut Linker<Memory>) -> wasmtime::Result<()> {
    linker.instance("attune:host/understanding@0.1.0")?.func_wrap("intents", |_, (_text,): (String,)| {
        Ok((vec![Intent { name: "order-status".to_owned(), confidence: 0.9, because: Vec::new() }],))
    })?;
    linker.instance("attune:host/orders@0.1.0")?.func_wrap("recent", |_, (_limit,): (u32,)| Ok((vec![shipped()],)))?;
    linker.instance("attune:host/state@0.1.0")?.func_wrap("get", |_, (_key,): (String,)| Ok((None::<String>,)))?;
    let mut clock = linker.instance("attune:host/clock@0.1.0")?;
    clock.func_wrap("now", |_, (): ()| Ok((NOW,)))?;
    linker.instance("attune:host/business@0.1.0")?.func_wrap("current", |_, (): ()| {
        let (name, zone, language) = ("Shop".to_owned(), "Europe/Berlin".to_owned(), "en".to_owned());
        Ok((Business { name, zone, language },))
    })?;
    linker.instance("attune:host/message@0.1.0")?.func_wrap("send", |mut store, (draft,): (Draft,)| {
        let whole = matches!(&draft.content, Content::Template((_, values)) if !values.is_empty());
        store.data_mut().sent = whole.then_some(draft);
        let message = "msg_01k5a2b3c4d5e6f7g8h9j0k1m2".to_owned();
        Ok((Ok::<_, Refusal>(Receipt { message, verdict: Verdict::Queued }),))
    })?;
    Ok(())
}

fn message() -> Message {
    Message {
        id: "msg_01k5a2b3c4d5e6f7g8h9j0k1m3".to_owned(),
        at: NOW,
        author: "customer".to_owned(),
        channel: "chat".to_owned(),
        text: TEXT.to_owned(),
        language: Some("en".to_owned()),
        in_reply_to: None,
        extra: vec![("state".to_owned(), "received".to_owned())],
    }
}

fn shipped() -> Order {
    Order {
        id: "order-0001".to_owned(),
        number: "#100001".to_owned(),
        placed: NOW - 2 * DAY,
        status: "shipped".to_owned(),
        items: vec!["Rye bread".to_owned(), "Sourdough starter".to_owned()],
        total: Some(Money { amount_minor: 1_850, currency: "EUR".to_owned() }),
        shipments: vec![Shipment {
            carrier: Some("DHL".to_owned()),
            tracking: Some("JD014600003828".to_owned()),
            url: Some("https://tracking.example.com/JD014600003828".to_owned()),
            expected: Some(NOW + 2 * DAY),
            delivered: None,
        }],
        extra: Vec::new(),
    }
}
