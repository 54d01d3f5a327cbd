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
#[derive(Default)]
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

/// A disk with the two files of a store, which takes images of itself at random moments.
#[derive(Debug, Clone, Default)]
struct Disk {
    state: Arc<Mutex<State>>,
    acknowledged: Arc<AtomicU64>,
}

/// One of the files.
#[derive(Debug)]
struct File {
    disk: Disk,
    place: usize,
}

/// The rows' file, then the log.
type Image = [Vec<u8>; 2];

#[derive(Default)]
struct State {
    files: [Surface; 2],
    dice: Dice,
    /// One image in so many writes and syncs; none while it is 0.
    rarity: u64,
    /// What crashes left: how many batches were acknowledged, and the image.
    images: Vec<(u64, Image)>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} images", self.images.len())
    }
}

impl State {
    /// What a crash leaves now.
    fn crash(&mut self) -> Image {
        let State { files, dice, .. } = self;
        files.each_ref().map(|file| file.crash(dice))
    }
}

impl Disk {
    fn new(seed: u64) -> Disk {
        let disk = Disk::default();
        lock(&disk.state).dice = Dice(seed);
        disk
    }

    fn of(image: Image) -> Disk {
        let disk = Disk::default();
        lock(&disk.state).files =
            image.map(|image| Surface { synced: image.clone(), current: image, unsynced: Vec::new() });
        disk
    }

    fn open(&self, settings: Settings) -> Result<RedbStore, StoreError> {
        let [rows, log] = [0, 1].map(|place| File { disk: self.clone(), place });
        RedbStore::open_with_backends(rows, log, settings)
    }

    fn maybe_crash(&self, state: &mut State) {
        if state.rarity > 0 && state.dice.below(state.rarity) == 0 {
            let image = state.crash();
            state.images.push((self.acknowledged.load(Ordering::SeqCst), image));
        }
    }
}

impl StorageBackend for File {
    fn len(&self) -> io::Result<u64> {
        Ok(lock(&self.disk.state).files[self.place].current.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let offset = offset as usize;
        let state = lock(&self.disk.state);
        let bytes =
            state.files[self.place].current.get(offset..offset + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        lock(&self.disk.state).files[self.place].change(Change::Length(len as usize));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = lock(&self.disk.state);
        self.disk.maybe_crash(&mut state);
        state.files[self.place].sync();
        self.disk.maybe_crash(&mut state);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = lock(&self.disk.state);
        state.files[self.place].change(Change::Write(offset as usize, data.to_vec()));
        self.disk.maybe_crash(&mut state);
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

/// Random batches, and what a store holds after so many of them.
struct History {
    batches: Vec<Batch>,
    views: Vec<Arc<dyn View>>,
    store: MemoryStore,
}

impl History {
    fn new() -> History {
        let store = MemoryStore::new();
        History { batches: Vec::new(), views: vec![store.view()], store }
    }

    /// One that shares its first batches with another.
    fn like(other: &History, batches: usize) -> History {
        let mut history = History::new();
        other.batches[..batches].iter().for_each(|batch| history.push(batch.clone()));
        history
    }

    fn push(&mut self, batch: Batch) {
        self.views.push(self.store.commit(batch.clone()).unwrap().view);
        self.batches.push(batch);
    }

    /// The next batch.
    fn next(&mut self, dice: &mut Dice) -> Batch {
        self.push(batch(self.views.len() as u64, dice));
        self.batches[self.batches.len() - 1].clone()
    }

    /// Checks that a store has what some number of batches left, those acknowledged among them; gives that number.
    fn check(&self, store: &RedbStore, acknowledged: u64, about: &str) -> usize {
        let there = store.stats().next_number - 1;
        assert!(there >= acknowledged, "{about}: only {there} of {acknowledged} are there");
        let there = there as usize;
        assert_eq!(dump(&*store.view()), dump(&*self.views[there]), "{about}: not the rows of {there} batches");
        there
    }
}

/// Runs random batches in random groups on a disk that takes images of itself.
fn crashes(seed: u64, batches: usize, rarity: u64, two_phase: bool) -> (Vec<(u64, Image)>, History) {
    let mut dice = Dice(seed);
    let disk = Disk::new(seed ^ 1);
    let mut history = History::new();
    let store = disk.open(settings(&mut dice, two_phase)).unwrap();
    lock(&disk.state).rarity = rarity;
    while history.batches.len() < batches {
        let burst = dice.below(3) * dice.below(6) + 1;
        let (sender, receiver) = mpsc::channel();
        for _ in 0..burst {
            let batch = history.next(&mut dice);
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
    let images = std::mem::take(&mut lock(&disk.state).images);
    (images, history)
}

fn check_crashes(two_phase: bool, seeds: std::ops::Range<u64>, images_wanted: usize) {
    let mut checked = 0;
    for seed in seeds {
        let (images, history) = crashes(seed, 300, 60, two_phase);
        for (place, (acknowledged, image)) in images.into_iter().enumerate() {
            let about = format!("seed {seed}, image {place}");
            let mut dice = Dice(seed + place as u64);
            let disk = Disk::of(image);
            lock(&disk.state).dice = Dice(seed ^ place as u64);
            let open = |disk: &Disk, dice: &mut Dice| {
                disk.open(settings(dice, two_phase)).unwrap_or_else(|error| panic!("{about}: {error}"))
            };
            let store = open(&disk, &mut dice);
            let there = history.check(&store, acknowledged, &about);
            // It goes on from there, and crashes again.
            let mut after = History::like(&history, there);
            for n in there + 1..=there + 5 {
                let numbers = store.commit(after.next(&mut dice)).map(|committed| committed.numbers);
                assert_eq!(numbers, Ok(vec![n as u64]), "{about}");
            }
            let image = lock(&disk.state).crash();
            drop(store);
            after.check(&open(&Disk::of(image), &mut dice), there as u64 + 5, &format!("{about}, once more"));
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

/// Fails from a certain write or sync on, in either file, once or for good.
#[derive(Debug, Clone)]
struct Fault {
    left: Arc<AtomicU64>,
    for_good: bool,
}

impl Fault {
    fn maybe_fail(&self) -> io::Result<()> {
        let fail = |left: u64| (left > 1 || left == 1 && !self.for_good).then(|| left - 1);
        let before = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fail);
        if before.unwrap_or_else(|left| left) == 1 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

#[derive(Debug)]
struct Failing {
    file: File,
    fault: Fault,
}

impl StorageBackend for Failing {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.fault.maybe_fail()?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.fault.maybe_fail()?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.fault.maybe_fail()?;
        self.file.write(offset, data)
    }
}

#[test]
fn a_full_disk_stops_the_store_keeps_its_views_and_loses_nothing_acknowledged() {
    for seed in 0..60u64 {
        let about = format!("seed {seed}");
        let mut dice = Dice(seed);
        let disk = Disk::new(seed);
        let fault = Fault { left: Arc::new((60 + dice.below(900)).into()), for_good: seed % 2 == 0 };
        let [rows, log] =
            [0, 1].map(|place| Failing { file: File { disk: disk.clone(), place }, fault: fault.clone() });
        let store = RedbStore::open_with_backends(rows, log, settings(&mut dice, seed % 3 == 0)).unwrap();
        let mut history = History::new();
        let refused = loop {
            if let Err(refused) = store.commit(history.next(&mut dice)) {
                break refused;
            }
        };
        let acknowledged = history.batches.len() - 1;
        assert!(matches!(&refused, Refused::Broken(reason) if reason.contains("storage")), "{about}: {refused:?}");
        assert!(matches!(store.health(), Health::Broken(_)), "{about}");
        assert_eq!(store.commit(Batch::new()).unwrap_err(), refused, "{about}: stopped for good");
        assert_eq!(
            dump(&*store.view()),
            dump(&*history.views[acknowledged]),
            "{about}: the view of the last good commit"
        );
        assert_eq!(store.close(), Err(refused), "{about}");
        drop(store);

        // The machine goes down as well.
        let image = lock(&disk.state).crash();
        let store = Disk::of(image).open(settings(&mut dice, false)).unwrap();
        history.check(&store, acknowledged as u64, &about);
    }
}
