//! Load on a server from this process: as much as it takes, or so many events a second.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wire::{Wire, word};

/// Connections that send events.
pub const CONNECTIONS: usize = 64;

/// Customers whose answers are watched for, in the paced load. The others have the rest of the numbers.
pub const WATCHED: usize = 4;

/// One event in so many is a probe in the paced load.
const PROBE_EVERY: usize = 16;

/// How long to leave a server alone that says it is busy.
pub const BUSY: Duration = Duration::from_millis(20);

/// Where the load goes, and what came of it so far.
pub struct Load {
    address: SocketAddr,
    token: String,
    customers: usize,
    /// The number of the next event, so that none is sent twice.
    next: AtomicUsize,
    /// Events taken, by customer.
    pub taken: Vec<AtomicU32>,
    /// How often the server said it was busy.
    pub busy: AtomicUsize,
}

/// When probes went out and when their answers were heard of.
#[derive(Default)]
struct Probes {
    sent: Mutex<HashMap<String, Instant>>,
    heard: Mutex<HashMap<String, Instant>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Load {
    /// Load on a server, in the name of a token's owner.
    pub fn new(url: &str, token: &str, customers: usize) -> Result<Arc<Self>> {
        let address = url.strip_prefix("http://").context("the server's address is a URL")?.parse()?;
        let taken = (0..customers).map(|_| AtomicU32::new(0)).collect();
        let (next, busy) = (AtomicUsize::new(1), AtomicUsize::new(0));
        Ok(Arc::new(Self { address, token: token.to_owned(), customers, next, taken, busy }))
    }

    /// How many events were taken, of all customers.
    pub fn total(&self) -> u32 {
        self.taken.iter().map(|taken| taken.load(Ordering::Relaxed)).sum()
    }

    /// On every connection one event after the other, for a while.
    pub fn as_much_as_it_takes(self: &Arc<Self>, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        runtime()?.block_on(async {
            let mut connections = tokio::task::JoinSet::new();
            for place in 0..CONNECTIONS {
                let load = self.clone();
                connections.spawn(async move {
                    let mut wire = Wire::connect(load.address, &load.token).await?;
                    let mut dice = Dice::new(place);
                    while Instant::now() < until {
                        load.ask(&mut wire, dice.below(load.customers)).await?;
                    }
                    Ok(())
                });
            }
            all(connections).await
        })
    }

    /// So many events a second, however long the server takes. Gives how long each probe took from being sent until its
    /// answer came, in milliseconds, sorted.
    pub fn paced(self: &Arc<Self>, per_s: f64, time: Duration, watched: &[String]) -> Result<Vec<f64>> {
        let probes = Arc::new(Probes::default());
        runtime()?.block_on(async {
            for customer in watched {
                let stream = self.follow(customer).await?;
                let probes = probes.clone();
                tokio::spawn(listen(stream, probes));
            }
            let mut connections = tokio::task::JoinSet::new();
            let started = Instant::now() + Duration::from_millis(50);
            for place in 0..CONNECTIONS {
                let (load, probes) = (self.clone(), probes.clone());
                connections.spawn(async move { load.pace(place, started, per_s, time, &probes).await });
            }
            all(connections).await?;
            for _ in 0..1_000 {
                if lock(&probes.sent).keys().all(|entry| lock(&probes.heard).contains_key(entry)) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Ok::<_, anyhow::Error>(())
        })?;
        let (sent, heard) = (lock(&probes.sent), lock(&probes.heard));
        let took =
            |(entry, sent): (&String, &Instant)| Some(heard.get(entry)?.duration_since(*sent).as_secs_f64() * 1e3);
        let mut took: Vec<f64> = sent.iter().filter_map(took).collect();
        ensure!(took.len() == sent.len(), "{} of {} probes had no answer", sent.len() - took.len(), sent.len());
        took.sort_by(f64::total_cmp);
        Ok(took)
    }

    /// One connection's part of a paced load: every 64th event.
    async fn pace(&self, place: usize, started: Instant, per_s: f64, time: Duration, probes: &Probes) -> Result<()> {
        let mut wire = Wire::connect(self.address, &self.token).await?;
        let mut dice = Dice::new(place);
        for turn in 0.. {
            let number = turn * CONNECTIONS + place;
            let due = started + Duration::from_secs_f64(number as f64 / per_s);
            if due > started + time {
                break;
            }
            let late = Instant::now() > due;
            if !late {
                tokio::time::sleep_until(due.into()).await;
            }
            // What had to wait for this connection counts from when it was due; a clock that rings late does not count.
            let sent = if late { due } else { Instant::now() };
            if turn % PROBE_EVERY == place % PROBE_EVERY {
                if self.ask(&mut wire, number / PROBE_EVERY % WATCHED).await? {
                    let entry = wire.entry().context("an answer without an entry")?.to_owned();
                    lock(&probes.sent).insert(entry, sent);
                }
            } else {
                self.ask(&mut wire, WATCHED + dice.below(self.customers - WATCHED)).await?;
            }
        }
        Ok(())
    }

    /// A customer asks; gives whether the event was taken.
    async fn ask(&self, wire: &mut Wire, customer: usize) -> Result<bool> {
        match wire.ask(self.next.fetch_add(1, Ordering::Relaxed), customer).await? {
            202 => {
                self.taken[customer].fetch_add(1, Ordering::Relaxed);
                Ok(true)
            }
            503 => {
                self.busy.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(BUSY).await;
                Ok(false)
            }
            status => bail!("an event was answered with {status}: {}", wire.body()),
        }
    }

    /// Opens the live stream of a conversation.
    async fn follow(&self, customer: &str) -> Result<TcpStream> {
        let mut stream = TcpStream::connect(self.address).await?;
        let request = format!(
            "GET /v1/customers/{customer}/messages/stream HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n",
            self.address, self.token
        );
        stream.write_all(request.as_bytes()).await?;
        let mut head = [0; 12];
        stream.read_exact(&mut head).await?;
        ensure!(head.ends_with(b" 200"), "a conversation cannot be followed: {}", String::from_utf8_lossy(&head));
        Ok(stream)
    }
}

/// Notes when each answer is heard of, as long as the stream goes on.
async fn listen(mut stream: TcpStream, probes: Arc<Probes>) {
    let mut text = Vec::new();
    while let Ok(1..) = stream.read_buf(&mut text).await {
        let now = Instant::now();
        while let Some(end) = text.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = text.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            if line.starts_with("data:")
                && line.contains("\"author\":\"automation\"")
                && line.contains("\"state\":\"sent\"")
                && let Some(entry) = word(&line, "\"entry\":\"")
            {
                lock(&probes.heard).entry(entry.to_owned()).or_insert(now);
            }
        }
    }
}

/// Waits for all of them.
pub async fn all(mut tasks: tokio::task::JoinSet<Result<()>>) -> Result<()> {
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

/// One thread: the load should leave the machine to the server.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn new(seed: usize) -> Self {
        Self((seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as usize % limit
    }
}
