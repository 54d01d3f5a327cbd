//! Crashes and full disks: what was acknowledged is there, whole; what was not is there whole or not at all.
//!
//! The disk of these tests keeps what was written since the last sync apart. A crash gives an image in which each of
//! those writes is there, missing, or there in part, sector by sector, whatever order they came in.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::redb::StorageBackend;

use super::*;
use crate::domain::ids::{BusinessId, CustomerId};

const SECTOR_BYTES: usize = 512;

/// Numbers from a seed (splitmix64): a failure names its seed and happens again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }
}

#[derive(Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

fn apply(image: &mut Vec<u8>, change: &Change, mut keeps: impl FnMut(usize) -> bool) {
    match change {
        Change::Length(len) => image.resize(*len, 0),
        Change::Write(offset, bytes) => {
            let end = offset + bytes.len();
            if image.len() < end {
                image.resize(end, 0);
            }
            let mut at = *offset;
            while at < end {
                let next = (at / SECTOR_BYTES * SECTOR_BYTES + SECTOR_BYTES).min(end);
                if keeps(at) {
                    image[at..next].copy_from_slice(&bytes[at - offset..next - offset]);
                }
                at = next;
            }
        }
    }
}

/// What is on the disk.
#[derive(Debug, Default)]
struct Surface {
    synced: Vec<u8>,
    current: Vec<u8>,
    unsynced: Vec<Change>,
}

impl Surface {
    fn change(&mut self, change: Change) {
        apply(&mut self.current, &change, |_| true);
        self.unsynced.push(change);
    }

    fn sync(&mut self) {
        self.unsynced.drain(..).for_each(|change| apply(&mut self.synced, &change, |_| true));
    }

    /// What a crash leaves now.
    fn crash(&self, dice: &mut Dice) -> Vec<u8> {
        let mut image = self.synced.clone();
        let fate = dice.below(4);
        for change in &self.unsynced {
            // Of a crash's writes all may be there, or each may be there, missing or torn.
            let fate = if fate == 0 { 0 } else { dice.below(3) };
            match fate {
                0 => apply(&mut image, change, |_| true),
                1 => {}
                _ => apply(&mut image, change, |_| dice.below(2) == 0),
            }
        }
        image
    }
}

/// A disk that takes images of itself at random moments.
#[derive(Debug, Clone)]
struct Disk {
    surface: Arc<Mutex<Surface>>,
    crashes: Arc<Mutex<Crashes>>,
    acknowledged: Arc<AtomicU64>,
}

struct Crashes {
    dice: Dice,
    /// One image in so many writes and syncs.
    rarity: u64,
    /// Whether there is a store on the disk yet.
    begun: bool,
    images: Images,
}

impl std::fmt::Debug for Crashes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} images", self.images.len())
    }
}

impl Disk {
    fn new(seed: u64, rarity: u64) -> Disk {
        let crashes = Crashes { dice: Dice(seed), rarity, begun: false, images: Vec::new() };
        Disk { surface: Arc::default(), crashes: Arc::new(Mutex::new(crashes)), acknowledged: Arc::default() }
    }

    fn of(image: Vec<u8>) -> Disk {
        let disk = Disk::new(0, u64::MAX);
        *lock(&disk.surface) = Surface { synced: image.clone(), current: image, unsynced: Vec::new() };
        disk
    }

    fn maybe_crash(&self, surface: &Surface) {
        let mut crashes = lock(&self.crashes);
        let rarity = crashes.rarity;
        if crashes.begun && crashes.dice.below(rarity) == 0 {
            let image = surface.crash(&mut crashes.dice);
            crashes.images.push((self.acknowledged.load(Ordering::SeqCst), image));
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(lock(&self.surface).current.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let offset = offset as usize;
        let surface = lock(&self.surface);
        let bytes = surface.current.get(offset..offset + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        lock(&self.surface).change(Change::Length(len as usize));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut surface = lock(&self.surface);
        self.maybe_crash(&surface);
        surface.sync();
        self.maybe_crash(&surface);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut surface = lock(&self.surface);
        surface.change(Change::Write(offset as usize, data.to_vec()));
        self.maybe_crash(&surface);
        Ok(())
    }
}

const SHOP: BusinessId = BusinessId([7; 16]);

/// The n-th batch: an append, a row of its own, rows that it shares with others, a deletion, a sum, at times a range.
fn batch(n: u64, dice: &mut Dice) -> Batch {
    let customer = CustomerId([(n % 11) as u8 + 1; 16]);
    let row = |n: u64, bytes: u64| Row {
        version: 1,
        clear: n.to_string().into_bytes(),
        sealed: vec![n as u8; bytes as usize],
    };
    let own = |n: u64| Key::new(SHOP, CustomerId([(n % 11) as u8 + 1; 16]), Table::Message).number(n);
    let mut batch = Batch::new();
    batch.append(vec![(Key::new(SHOP, customer, Table::Journal), row(n, dice.below(300)))]);
    let bytes = if dice.below(50) == 0 { 20_000 } else { dice.below(200) };
    batch.put(own(n), row(n, bytes));
    batch.put(Key::new(SHOP, customer, Table::State).text("last"), row(n, 30));
    batch.add(Key::new(SHOP, CustomerId::BUSINESS, Table::Tally).text("all"), 1);
    if n > 20 {
        batch.delete(own(n - 20 + dice.below(10)));
    }
    if dice.below(40) == 0 {
        let customer = CustomerId([dice.below(11) as u8 + 1; 16]);
        batch.writes.insert(0, Write::DeleteRange(Range::prefix(Key::new(SHOP, customer, Table::Journal))));
    }
    batch
}

fn dump(view: &dyn View) -> Vec<(Key, Row)> {
    view.all(&Range::all()).unwrap()
}

fn settings(dice: &mut Dice, two_phase: bool) -> Settings {
    Settings {
        overlay_bytes: [0, 20_000, 1 << 20][dice.below(3) as usize],
        slice_bytes: [500, 5_000][dice.below(2) as usize],
        gather: Duration::ZERO,
        idle: Duration::from_millis(1),
        cache_bytes: 1 << 20,
        two_phase,
        ..Settings::default()
    }
}

/// What crashes left: how many batches were acknowledged, and the image.
type Images = Vec<(u64, Vec<u8>)>;

/// Runs random batches in random groups; gives what crashes left, and what the store holds after each number of batches.
fn crashes(seed: u64, batches: u64, rarity: u64, two_phase: bool) -> (Images, Vec<Arc<dyn View>>) {
    let mut dice = Dice(seed);
    let disk = Disk::new(seed ^ 1, rarity);
    let expected = MemoryStore::new();
    let mut views = vec![expected.view()];
    let store = RedbStore::open_with_backend(disk.clone(), settings(&mut dice, two_phase)).unwrap();
    lock(&disk.crashes).begun = true;
    let mut n = 0;
    while n < batches {
        let burst = dice.below(3) * dice.below(6) + 1;
        let (sender, receiver) = mpsc::channel();
        for _ in 0..burst {
            n += 1;
            let batch = batch(n, &mut dice);
            views.push(expected.commit(batch.clone()).unwrap().view);
            let (sender, acknowledged) = (sender.clone(), disk.acknowledged.clone());
            let done: Done = Box::new(move |result| {
                assert_eq!(result.unwrap().numbers, [acknowledged.fetch_add(1, Ordering::SeqCst) + 1]);
                sender.send(()).unwrap();
            });
            store.submit(batch, done);
        }
        drop(sender);
        assert_eq!(receiver.iter().count() as u64, burst);
    }
    drop(store);
    let images = std::mem::take(&mut lock(&disk.crashes).images);
    (images, views)
}

fn check_crashes(two_phase: bool, seeds: std::ops::Range<u64>, images_wanted: usize) {
    let mut checked = 0;
    for seed in seeds {
        let (images, views) = crashes(seed, 300, 60, two_phase);
        for (place, (acknowledged, image)) in images.into_iter().enumerate() {
            let about = format!("seed {seed}, image {place}, {acknowledged} acknowledged");
            let mut dice = Dice(seed + place as u64);
            let disk = Disk::of(image);
            let store = match RedbStore::open_with_backend(disk.clone(), settings(&mut dice, two_phase)) {
                Ok(store) => store,
                Err(error) => panic!("{about}: {error}"),
            };
            let there = store.stats().next_number - 1;
            assert!(there >= acknowledged, "{about}: only {there} are there");
            assert_eq!(dump(&*store.view()), dump(&*views[there as usize]), "{about}: not the rows of {there} batches");
            // And it goes on from there.
            let next = batch(there + 1, &mut dice);
            assert_eq!(store.commit(next).map(|c| c.numbers), Ok(vec![there + 1]), "{about}");
            checked += 1;
        }
        if checked >= images_wanted {
            println!("{checked} images, seeds up to {seed}");
            return;
        }
    }
    panic!("only {checked} images");
}

#[test]
fn a_thousand_crashes_lose_nothing_acknowledged_and_leave_nothing_in_part() {
    check_crashes(Settings::default().two_phase, 1..1_000, 1_000);
}

#[test]
#[ignore = "the other way to commit, for comparison"]
fn a_thousand_crashes_with_the_other_kind_of_commit() {
    check_crashes(!Settings::default().two_phase, 1..1_000, 1_000);
}

/// A disk that fails, from a certain write or sync on, once or for good.
#[derive(Debug)]
struct Failing {
    disk: Disk,
    left: AtomicU64,
    for_good: bool,
}

impl Failing {
    fn maybe_fail(&self) -> io::Result<()> {
        let left = self.left.load(Ordering::SeqCst);
        if left > 1 || (left == 1 && !self.for_good) {
            self.left.store(left - 1, Ordering::SeqCst);
        }
        if left == 1 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl StorageBackend for Failing {
    fn len(&self) -> io::Result<u64> {
        self.disk.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.disk.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.maybe_fail()?;
        self.disk.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.maybe_fail()?;
        self.disk.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.maybe_fail()?;
        self.disk.write(offset, data)
    }
}

#[test]
fn a_full_disk_stops_the_store_keeps_its_views_and_loses_nothing_acknowledged() {
    for seed in 0..60u64 {
        let mut dice = Dice(seed);
        let disk = Disk::new(seed, u64::MAX);
        let failing =
            Failing { disk: disk.clone(), left: AtomicU64::new(60 + dice.below(900)), for_good: seed % 2 == 0 };
        let store = RedbStore::open_with_backend(failing, settings(&mut dice, seed % 3 == 0)).unwrap();
        let expected = MemoryStore::new();
        let (mut views, mut acknowledged) = (vec![expected.view()], 0);
        let refused = loop {
            let batch = batch(views.len() as u64, &mut dice);
            views.push(expected.commit(batch.clone()).unwrap().view);
            match store.commit(batch) {
                Ok(_) => acknowledged += 1,
                Err(refused) => break refused,
            }
        };
        assert!(matches!(&refused, Refused::Broken(reason) if reason.contains("storage")), "seed {seed}: {refused:?}");
        assert!(matches!(store.health(), Health::Broken(_)), "seed {seed}");
        assert_eq!(store.commit(Batch::new()).unwrap_err(), refused, "seed {seed}: stopped for good");
        assert_eq!(dump(&*store.view()), dump(&*views[acknowledged]), "seed {seed}: the view of the last good commit");
        assert_eq!(store.close(), Err(refused), "seed {seed}");
        drop(store);

        // The machine goes down as well.
        let image = lock(&disk.surface).crash(&mut dice);
        let store = RedbStore::open_with_backend(Disk::of(image), settings(&mut dice, false)).unwrap();
        let there = (store.stats().next_number - 1) as usize;
        assert!(there >= acknowledged, "seed {seed}: {there} of {acknowledged}");
        assert_eq!(dump(&*store.view()), dump(&*views[there]), "seed {seed}");
    }
}
