//! The whole product: a server of its own on a file, load from this process, order-status alone enabled.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use attune_tests::{Server, Shop, pages, text};
use serde_json::{Value, json};

use crate::events;
use crate::load::{Load, WATCHED};
use crate::process::{resident_mb, used};

/// How many customers are looked at in the end.
const SAMPLE: usize = 40;

/// What was measured.
pub struct Figures {
    /// Events a second, from the first request until every answer was committed.
    pub events_per_s: f64,
    /// How many events that were.
    pub events: u32,
    /// The server's own time on a processor, in microseconds an event.
    pub cpu_us: f64,
    /// This process's, likewise.
    pub client_cpu_us: f64,
    /// Bytes written by the server, an event.
    pub disk_bytes: f64,
    /// What the server held at the end of the load, in MB.
    pub loaded_rss_mb: f64,
    /// How often it said that it was busy.
    pub busy: usize,
}

/// How long probes took in a paced load.
pub struct Latency {
    /// Events a second.
    pub rate: f64,
    /// How many probes there were.
    pub probes: usize,
    /// The middle one, in milliseconds.
    pub p50_ms: f64,
    /// Of a hundred the last but one, in milliseconds.
    pub p99_ms: f64,
}

/// A shop on a server, and the load on it.
pub struct Bakery {
    /// The shop.
    pub shop: Shop,
    load: Arc<Load>,
}

impl Bakery {
    /// Starts a server and opens a shop whose customers have an order each.
    pub fn open(customers: usize) -> Result<Self> {
        let server = Arc::new(Server::start());
        let shop = Shop::open_on(server.clone());
        shop.enable("order-status");
        // Orders are given to the customers without a word to them.
        shop.owner.patch("/v1/plugins/order-status", &json!({ "settings": { "write_when": [] } })).with(200);
        let now_ms = std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis() as u64);
        let orders: Vec<Value> = (0..customers).map(|customer| events::order(customer, now_ms)).collect();
        let taken = shop.owner.batch(&json!(orders)).with(202);
        let is_taken = |result: &&Value| result["status"] == "accepted";
        let count = taken["results"].as_array().map_or(0, |results| results.iter().filter(is_taken).count());
        ensure!(count == customers, "{count} of {customers} orders were taken");
        shop.settled();
        let load = Load::new(&server.url, shop.owner.secret(), customers)?;
        Ok(Self { shop, load })
    }

    /// Warms up, and measures as much as it takes.
    pub fn measure(&self, warm: Duration, time: Duration) -> Result<Figures> {
        let pid = self.shop.server.pid();
        self.load.as_much_as_it_takes(warm)?;
        self.shop.settled();
        let (taken, server, client) = (self.load.total(), used(pid)?, used(std::process::id())?);
        let started = Instant::now();
        self.load.as_much_as_it_takes(time)?;
        self.shop.settled();
        let took_s = started.elapsed().as_secs_f64();
        let (server_then, client_then) = (used(pid)?, used(std::process::id())?);
        let events = self.load.total() - taken;
        let each = |figure: f64| figure / f64::from(events);
        Ok(Figures {
            events_per_s: f64::from(events) / took_s,
            events,
            cpu_us: each((server_then.cpu_s - server.cpu_s) * 1e6),
            client_cpu_us: each((client_then.cpu_s - client.cpu_s) * 1e6),
            disk_bytes: each(server_then.written_bytes - server.written_bytes),
            loaded_rss_mb: resident_mb(pid)?,
            busy: self.load.busy.load(Ordering::Relaxed),
        })
    }

    /// So many events a second; how long they take.
    pub fn latency(&self, rate: f64, time: Duration) -> Result<Latency> {
        let took = self.paced(rate, time)?;
        let at = |share: f64| took.get((took.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
        Ok(Latency { rate, probes: took.len(), p50_ms: at(0.5), p99_ms: at(0.99) })
    }

    /// So many events a second; gives how long each probe took, in milliseconds, sorted.
    pub fn paced(&self, rate: f64, time: Duration) -> Result<Vec<f64>> {
        let watched = (0..WATCHED).map(|customer| self.customer(customer)).collect::<Result<Vec<_>>>()?;
        self.load.paced(rate, time, &watched)
    }

    /// Looks at some customers: every question that was taken has exactly one answer, and it was sent.
    pub fn check(&self) -> Result<()> {
        let customers = self.load.taken.len();
        for customer in (0..customers).step_by((customers / SAMPLE).max(1)) {
            let mut entries: BTreeMap<String, (u32, u32)> = BTreeMap::new();
            let id = self.customer(customer)?;
            for message in pages(&self.shop.owner, &format!("/v1/customers/{id}/messages?limit=200"), "before") {
                let (asked, answered) = entries.entry(text(&message["entry"])).or_default();
                *asked += u32::from(message["author"] == "customer");
                *answered += u32::from(message["author"] == "automation" && message["delivery"]["state"] == "sent");
            }
            let taken = self.load.taken[customer].load(Ordering::Relaxed) as usize;
            let well = entries.values().filter(|counts| **counts == (1, 1)).count();
            ensure!(
                well == taken && entries.len() == taken,
                "customer {customer}: {taken} questions were taken, {} are there, {well} have one answer",
                entries.len()
            );
        }
        Ok(())
    }

    fn customer(&self, number: usize) -> Result<String> {
        let path = format!("/v1/customers?address={}", events::address(number));
        let found = self.shop.owner.get(&path).with(200);
        let id = found["items"][0]["id"].as_str().with_context(|| format!("there is no customer {number}"))?;
        Ok(id.to_owned())
    }
}
