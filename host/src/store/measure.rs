//! Figures, not verdicts: run with `cargo test --lib store::measure -- --ignored --nocapture --test-threads 1`.
#![expect(clippy::disallowed_methods, reason = "measuring needs a clock")]

use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::suite::Folder;
use super::*;
use crate::domain::ids::{BusinessId, CustomerId};

const SHOP: BusinessId = BusinessId([0x11; 16]);
const CUSTOMERS: u64 = 1_000;

fn customer(n: u64) -> CustomerId {
    CustomerId::new(crate::domain::time::Instant(1_000_000 + n.wrapping_mul(0x9E37_79B9) % CUSTOMERS), [7; 10])
}

fn id(n: u64, kind: u64) -> [u8; 16] {
    let high = 0x0193_0000_0000_0000 + (n << 16);
    let mut id = [0; 16];
    id[..8].copy_from_slice(&high.to_be_bytes());
    id[8..].copy_from_slice(&(n * 31 + kind).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    id
}

fn hash(n: u64) -> [u8; 16] {
    u128::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).to_be_bytes()
}

fn row(clear: usize, sealed: usize) -> Row {
    Row { version: 1, clear: vec![b'c'; clear], sealed: vec![0xA5; sealed] }
}

/// What taking an event in writes: 3 rows.
fn intake(n: u64) -> Batch {
    let customer = customer(n);
    let dedupe = Key::new(SHOP, CustomerId::BUSINESS, Table::Dedupe).hash(&hash(n));
    let mut batch = Batch::new();
    batch.check(Check::Absent(dedupe.clone())).put(dedupe, row(60, 0));
    batch.append(vec![
        (Key::new(SHOP, customer, Table::Journal), row(80, 220)),
        (Key::new(SHOP, customer, Table::Pending), row(20, 0)),
    ]);
    batch
}

/// What handling it writes: 9 rows.
fn step(n: u64, number: u64) -> Batch {
    let customer = customer(n);
    let pending = Key::new(SHOP, customer, Table::Pending).number(number);
    let mut batch = Batch::new();
    batch.check(Check::Present(pending.clone())).delete(pending);
    batch.put(Key::new(SHOP, customer, Table::Customer), row(60, 120));
    batch.put(Key::new(SHOP, customer, Table::Message).id(&id(n, 1)), row(120, 160));
    batch.put(Key::new(SHOP, customer, Table::Message).id(&id(n, 2)), row(120, 160));
    batch.put(Key::new(SHOP, customer, Table::Why).number(number), row(180, 60));
    batch.put(Key::new(SHOP, customer, Table::State).id(&[3; 16]).text("last"), row(0, 60));
    batch.put(Key::new(SHOP, CustomerId::BUSINESS, Table::Due).number(n).id(&id(n, 3)), row(40, 0));
    batch.put(Key::new(SHOP, customer, Table::Timer).id(&id(n, 3)), row(60, 0));
    batch.add(Key::new(SHOP, CustomerId::BUSINESS, Table::Tally).text("replies"), 1);
    batch
}

fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks: u64 = stat
        .rsplit(')')
        .next()
        .map_or(0, |rest| rest.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum());
    Duration::from_millis(10 * ticks)
}

/// Runs events, so many in flight at once; gives what every commit took.
fn drive(store: &dyn Store, events: std::ops::Range<u64>, in_flight: u64, think: Duration) -> Vec<Duration> {
    let (sender, receiver) = mpsc::channel::<(u64, Option<u64>, Duration)>();
    let send = |n: u64, number: Option<u64>, batch: Batch| {
        let (sender, began) = (sender.clone(), Instant::now());
        store.submit(
            batch,
            Box::new(move |result| {
                let committed = result.unwrap();
                let number = if number.is_none() { committed.numbers.first().copied() } else { None };
                sender.send((n, number, began.elapsed())).unwrap();
            }),
        );
    };
    let mut next = events.start;
    while next < events.end.min(events.start + in_flight) {
        send(next, None, intake(next));
        next += 1;
    }
    let mut took = Vec::new();
    let mut left = events.end - events.start;
    while left > 0 {
        let (n, number, took_this) = receiver.recv().unwrap();
        took.push(took_this);
        let began = Instant::now();
        while began.elapsed() < think {}
        match number {
            Some(number) => send(n, Some(number), step(n, number)),
            None => {
                left -= 1;
                if next < events.end {
                    send(next, None, intake(next));
                    next += 1;
                }
            }
        }
    }
    took.sort();
    took
}

fn report(name: &str, store: &RedbStore, events: std::ops::Range<u64>, in_flight: u64, think: Duration) {
    let (before, syncs) = (store.stats(), store.gauge().syncs());
    let (began, cpu_before) = (Instant::now(), cpu());
    let count = events.end - events.start;
    let took = drive(store, events, in_flight, think);
    let (elapsed, cpu) = (began.elapsed(), cpu() - cpu_before);
    let after = store.stats();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_micros();
    println!(
        "{name}, {in_flight} in flight: {} B/event, {:.1} us CPU/event (of that {:.1} thinking), {} events/s, {:.1} \
         batches/group, {:.2} syncs/group, p50 {} us, p99 {} us, max {} us; file {} MB, log {} MB, overlay {} MB",
        (after.written_bytes - before.written_bytes) / count,
        cpu.as_micros() as f64 / count as f64,
        2.0 * think.as_micros() as f64,
        (count as f64 / elapsed.as_secs_f64()) as u64,
        (after.batches - before.batches) as f64 / (after.groups - before.groups) as f64,
        (store.gauge().syncs() - syncs) as f64 / (after.groups - before.groups) as f64,
        at(0.5),
        at(0.99),
        at(1.0),
        after.file_bytes >> 20,
        after.log_bytes >> 20,
        after.waiting_bytes >> 20,
    );
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
#[ignore = "takes a minute and decides nothing"]
fn events_in_a_file() {
    let events = number("EVENTS", 40_000);
    let think = Duration::from_micros(number("THINK", 30));
    let few = number("IN_FLIGHT", 0);
    for in_flight in if few > 0 { vec![few] } else { vec![1, 4, 16, 64, 256] } {
        let folder = Folder::new("measure");
        let settings = Settings {
            overlay_bytes: (number("OVERLAY_MB", 32) << 20) as usize,
            slice_bytes: (number("SLICE_KB", 256) << 10) as usize,
            gather: Duration::from_micros(number("GATHER", 1_000)),
            two_phase: number("TWO", 0) == 1,
            ..Settings::default()
        };
        let store = RedbStore::open(&folder.path("store"), settings.clone()).unwrap();
        let count = if in_flight == 1 { events / 20 } else { events };
        if in_flight > 4 {
            report("   filling", &store, 0..events, 256, Duration::ZERO);
        }
        report("file", &store, events..events + count, in_flight, think);
        std::fs::copy(folder.path("store"), folder.path("crashed")).unwrap();
        let began = Instant::now();
        drop(RedbStore::open(&folder.path("crashed"), settings.clone()).unwrap());
        println!("   opened after a crash in {:?}", began.elapsed());
        drop(store);
        let began = Instant::now();
        let store = RedbStore::open(&folder.path("store"), settings).unwrap();
        let opened = began.elapsed();
        let began = Instant::now();
        store.close().unwrap();
        println!("   opened in {opened:?} (log {} KB), closed in {:?}", store.stats().log_bytes >> 10, began.elapsed());
    }
}

#[test]
#[ignore = "takes a while and decides nothing"]
fn events_in_memory() {
    let store = MemoryStore::new();
    for round in 0..3 {
        let events = 50_000;
        let (began, cpu_before) = (Instant::now(), cpu());
        for n in round * events..(round + 1) * events {
            let number = store.commit(intake(n)).unwrap().numbers[0];
            store.commit(step(n, number)).unwrap();
        }
        println!(
            "memory: {:.2} us an event of 12 rows, {:?} CPU",
            began.elapsed().as_micros() as f64 / events as f64,
            cpu() - cpu_before
        );
    }
    let view = store.view();
    let began = Instant::now();
    let mut rows = 0;
    for n in 0..CUSTOMERS {
        view.scan(&Range::customer(SHOP, customer(n)), Order::Ascending, &mut |_, _| {
            rows += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
    }
    println!("memory: scan {:.3} us a row ({rows} rows)", began.elapsed().as_micros() as f64 / f64::from(rows));
}

#[test]
#[ignore = "takes a while and decides nothing"]
fn the_overlay_alone() {
    let mut overlay = super::overlay::Overlay::default();
    let mut old = overlay.layer().clone();
    for round in 0..4u64 {
        let began = Instant::now();
        for n in round * 50_000..(round + 1) * 50_000 {
            let key = Key::new(SHOP, customer(n % 10_007), Table::ALL[(n % 8) as usize]).id(&id(n / 8, 1));
            overlay.set(key, Some(super::overlay::Place::new(n / 384, 0..200, false)));
            if n % 384 == 0 {
                old = overlay.layer().clone();
            }
        }
        println!("overlay: {:.3} us a row, {} rows", began.elapsed().as_micros() as f64 / 5e4, old.entries.len());
    }
}

#[test]
#[ignore = "takes a while and decides nothing"]
fn sealing() {
    let key = CustomerKey::new(&[7; 32]);
    let text = vec![7; 200];
    let began = Instant::now();
    for n in 0..100_000u64 {
        std::hint::black_box(key.seal(&n.to_be_bytes(), &text));
    }
    println!("seal 200 bytes: {:.2} us", began.elapsed().as_micros() as f64 / 1e5);
    let began = Instant::now();
    for n in 0..100_000u64 {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&n.to_be_bytes());
        std::hint::black_box(CustomerKey::new(&bytes));
    }
    println!(
        "a key made ready: {:.2} us, {} bytes",
        began.elapsed().as_micros() as f64 / 1e5,
        size_of::<CustomerKey>()
    );
    let index = IndexKey::new(&[7; 32]);
    let began = Instant::now();
    for n in 0..100_000u64 {
        std::hint::black_box(index.hash("address", &[&n.to_be_bytes()]));
    }
    println!("hash: {:.2} us", began.elapsed().as_micros() as f64 / 1e5);
}
