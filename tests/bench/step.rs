//! The engine's step in the memory world, on one thread: from a journal entry to its commit, order-status alone enabled.
//!
//! Entries are put into the journal outside the measured time, in slices, so that what is measured is the step.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use attune::domain::address::Address;
use attune::domain::business::Business;
use attune::domain::entry::{Change, Input, PluginChange};
use attune::domain::ids::{BusinessId, CustomerId};
use attune::domain::message::{Author, Delivery, Message};
use attune::engine::{Engine, Parts};
use attune::intake::{self, cloudevent};
use attune::sandbox::{Cache, Compiler, Sandbox};
use attune::store::{Batch, MemoryKeyring, MemoryStore};
use attune::turn::limits::Limits;
use attune::world::{Test, World};

use crate::events;

/// When the virtual clock starts, in milliseconds.
const START: u64 = 1_790_000_000_000;

/// A shop in the memory world.
pub struct Shop {
    engine: Arc<Engine>,
    world: Arc<Test>,
    business: BusinessId,
    customers: usize,
    asked: usize,
}

impl Shop {
    /// Opens a shop whose customers have an order each.
    pub fn open(plugin: &Path, customers: usize) -> Result<Self> {
        // Orders are given to the customers without a word to them.
        let shop = Self::bare(plugin, "order-status", &serde_json::json!({ "write_when": [] }), customers)?;
        let orders: Vec<Vec<u8>> =
            (0..customers).map(|customer| events::order(customer, START).to_string().into_bytes()).collect();
        shop.journal(&orders)?;
        shop.work();
        Ok(shop)
    }

    /// Opens a shop with one plugin, whose customers nothing is known of.
    pub fn bare(plugin: &Path, name: &str, settings: &serde_json::Value, customers: usize) -> Result<Self> {
        let world = Arc::new(Test::new(attune::domain::time::Instant(START), 1));
        let sandbox = Sandbox::new(Cache::none(), Compiler::Here)?;
        let engine = Engine::start(Parts {
            store: Arc::new(MemoryStore::new()),
            keyring: Arc::new(MemoryKeyring::new([7; 32])),
            world: world.clone(),
            sandbox: sandbox.clone(),
            limits: Limits::default(),
            workers: 0,
            queue: 1_000_000,
            public_url: None,
        })?;
        let business = BusinessId::new(world.now(), world.unique());
        let shop = Self { engine, world, business, customers, asked: 0 };
        let known = Business::new(business, "Shop", "Europe/Berlin", "en");
        shop.change(Change::Business(Box::new(known)), Batch::new())?;
        let wasm = std::fs::read(plugin).with_context(|| plugin.display().to_string())?;
        let about = sandbox.load(&wasm)?.about.clone();
        let (install, batch) = attune::engine::config::install(name, &about, &wasm);
        shop.change(install, batch)?;
        let set = PluginChange {
            enabled: Some(true),
            grants: Some(about.wants.iter().cloned().collect()),
            settings: Some(settings.clone()),
            ..PluginChange::default()
        };
        let change = Change::Plugin { name: name.to_owned(), seen: None, set: Box::new(set) };
        shop.change(change, Batch::new())?;
        Ok(shop)
    }

    /// The engine, and which business the shop is.
    pub fn house(&self) -> (&Arc<Engine>, BusinessId) {
        (&self.engine, self.business)
    }

    /// Every customer's birthday is told once more; gives microseconds an event.
    pub fn birthdays(&mut self) -> Result<f64> {
        let first = self.asked * self.customers;
        let events: Vec<Vec<u8>> = (0..self.customers).map(|c| birthday(first + c, c)).collect();
        self.journal(&events)?;
        self.asked += 1;
        let took = self.work();
        Ok(took.as_secs_f64() * 1e6 / self.customers as f64)
    }

    /// Every customer waits for their birthday.
    pub fn check_birthdays(&self) -> Result<()> {
        let query = self.engine.query(self.business);
        for customer in [0, self.customers - 1] {
            let address = Address::parse(&events::address(customer))?;
            let found = query.customer_by_address(&address)?.context("a customer is missing")?;
            ensure!(found.facts.contains_key("birthday"), "customer {customer} has no birthday");
        }
        Ok(())
    }

    fn change(&self, change: Change, batch: Batch) -> Result<()> {
        let input = Input::Owner { by: "bench".to_owned(), change };
        match self.engine.act_with(self.business, CustomerId::BUSINESS, input, batch)?.refused {
            Some((code, words)) => Err(anyhow!("{code}: {words}")),
            None => Ok(()),
        }
    }

    /// Puts events into the journal, and does no more with them.
    fn journal(&self, events: &[Vec<u8>]) -> Result<()> {
        self.world.advance_to(self.world.now().plus(1_000));
        let taken = Arc::new(AtomicUsize::new(0));
        for event in events {
            let taken = taken.clone();
            intake::take(&self.engine, self.business, cloudevent::structured(event)?, move |result| {
                taken.fetch_add(usize::from(result.is_ok()), Ordering::Relaxed);
            });
        }
        ensure!(taken.load(Ordering::Relaxed) == events.len(), "not every event was taken");
        Ok(())
    }

    /// Handles everything in the journal; gives how long it took.
    fn work(&self) -> Duration {
        let started = Instant::now();
        self.engine.run_until_idle();
        started.elapsed()
    }

    /// Every customer asks once; gives events a second.
    pub fn round(&mut self) -> Result<f64> {
        let first = self.asked * self.customers;
        let events: Vec<Vec<u8>> = (0..self.customers).map(|c| events::message(first + c, c)).collect();
        self.journal(&events)?;
        self.asked += 1;
        let took = self.work();
        Ok(self.customers as f64 / took.as_secs_f64())
    }

    /// Every customer has an answer for each time they asked.
    pub fn check(&self) -> Result<()> {
        let query = self.engine.query(self.business);
        for customer in [0, self.customers / 2, self.customers - 1] {
            let address = Address::parse(&events::address(customer))?;
            let found = query.customer_by_address(&address)?.context("a customer is missing")?;
            let messages = query.records(found.id)?.messages(None, usize::MAX)?;
            let asked = messages.iter().filter(|one| one.author == Author::Customer).count();
            let is_answer =
                |one: &&Message| one.author == Author::Automation && matches!(one.delivery, Delivery::Sent { .. });
            let answered = messages.iter().filter(is_answer).count();
            ensure!((asked, answered) == (self.asked, self.asked), "asked {asked} times, answered {answered} times");
        }
        Ok(())
    }
}

/// A customer's birthday becomes known.
fn birthday(number: usize, customer: usize) -> Vec<u8> {
    let event = serde_json::json!({
        "specversion": "1.0",
        "id": format!("birthday-{number:010}"),
        "source": "bench",
        "type": "customer.birthday.v1",
        "data": { "customer": { "addresses": [events::address(customer)] }, "birthday": "1992-02-29" },
    });
    event.to_string().into_bytes()
}
