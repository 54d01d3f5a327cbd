//! How every store behaves: one suite, run over each of them.
//!
//! Three stores take part: memory, a file with room (the overlay keeps everything), and a file without (every commit
//! moves a few rows to their places).

use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use ::redb::backends::InMemoryBackend;
use proptest::prelude::*;

use super::*;
use crate::domain::ids::{BusinessId, CustomerId};

const SHOP: BusinessId = BusinessId([0x11; 16]);
const ANN: CustomerId = CustomerId([0x22; 16]);
const BOB: CustomerId = CustomerId([0x23; 16]);

/// A folder that goes when it is dropped.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("attune-store-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Settings under which every commit moves a few rows.
pub(super) fn tight() -> Settings {
    Settings { overlay_bytes: 0, slice_bytes: 600, gather: Duration::ZERO, ..Settings::default() }
}

fn in_memory(settings: Settings) -> RedbStore {
    RedbStore::open_with_backends(InMemoryBackend::new(), InMemoryBackend::new(), settings).unwrap()
}

fn every_store() -> Vec<(&'static str, Arc<dyn Store>)> {
    vec![
        ("memory", Arc::new(MemoryStore::new())),
        ("a file with room", Arc::new(in_memory(Settings::default()))),
        ("a file without room", Arc::new(in_memory(tight()))),
    ]
}

fn on_every_store(check: impl Fn(&'static str, &Arc<dyn Store>)) {
    for (name, store) in every_store() {
        check(name, &store);
    }
}

fn key(customer: CustomerId, text: &str) -> Key {
    Key::new(SHOP, customer, Table::State).text(text)
}

fn row(text: &str) -> Row {
    Row::clear(1, &text).unwrap()
}

fn batch(build: impl FnOnce(&mut Batch) -> &mut Batch) -> Batch {
    let mut batch = Batch::new();
    build(&mut batch);
    batch
}

/// What a range holds, as texts.
fn texts(view: &dyn View, range: &Range, order: Order) -> Vec<String> {
    let rows = view.first(range, order, usize::MAX).unwrap();
    rows.iter().map(|(_, row)| row.read_clear::<String>().unwrap()).collect()
}

/// Hands batches in while the callback of an earlier one holds everything up, so that a file store makes them one group.
fn together(store: &Arc<dyn Store>, batches: Vec<Batch>) -> Vec<Result<Vec<u64>, Refused>> {
    let (held, is_held) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let (sender, receiver) = mpsc::channel();
    let gate: Done = Box::new(move |_| {
        held.send(()).unwrap();
        released.recv().unwrap();
    });
    std::thread::scope(|scope| {
        scope.spawn(|| store.submit(Batch::new(), gate));
        is_held.recv().unwrap();
        for (place, batch) in batches.into_iter().enumerate() {
            let sender = sender.clone();
            store.submit(batch, Box::new(move |result| sender.send((place, result.map(|c| c.numbers))).unwrap()));
        }
        drop(sender);
        release.send(()).unwrap();
        receiver
            .iter()
            .enumerate()
            .map(|(turn, (place, result))| {
                assert_eq!(turn, place, "callbacks run in the order of the commits");
                result
            })
            .collect()
    })
}

#[test]
fn rows_come_in_the_order_of_their_keys_both_ways() {
    on_every_store(|name, store| {
        let table = Range::prefix(Key::new(SHOP, ANN, Table::State));
        for text in ["m", "c", "x", "a", "q"] {
            store.commit(batch(|b| b.put(key(ANN, text), row(text)))).unwrap();
        }
        store.commit(batch(|b| b.delete(key(ANN, "q")).put(key(ANN, "c"), row("c2")))).unwrap();
        let view = store.view();
        assert_eq!(texts(&*view, &table, Order::Ascending), ["a", "c2", "m", "x"], "{name}");
        assert_eq!(texts(&*view, &table, Order::Descending), ["x", "m", "c2", "a"], "{name}");
        let firsts = view.first(&table, Order::Descending, 2).unwrap();
        assert_eq!(firsts.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>(), [key(ANN, "x"), key(ANN, "m")]);
        assert_eq!(texts(&*view, &Range::after(key(ANN, "c")), Order::Ascending), ["m", "x"]);
        assert_eq!(texts(&*view, &Range::from(key(ANN, "c")), Order::Ascending), ["c2", "m", "x"]);
        assert_eq!(texts(&*view, &Range::before(key(ANN, "c")), Order::Ascending), ["a"]);
        assert_eq!(texts(&*view, &Range::between(key(ANN, "b"), key(ANN, "x")), Order::Descending), ["m", "c2"]);
        assert_eq!(texts(&*view, &Range::between(key(ANN, "x"), key(ANN, "b")), Order::Ascending), [""; 0]);
        assert_eq!(view.count(&table, 3), Ok(3));
        assert_eq!(view.get(&key(ANN, "q")), Ok(None));
    });
}

#[test]
fn no_text_reaches_out_of_its_customer_or_its_part() {
    on_every_store(|name, store| {
        let hostile = ["", "\0", "\0\0", "\0\u{ff}", "a\0", "a\0\0b", "/", "\u{10ffff}", "22", "a"];
        for (place, text) in hostile.iter().enumerate() {
            for customer in [ANN, BOB, CustomerId([0xFF; 16])] {
                let rest = if place % 2 == 0 { "" } else { "rest" };
                store.commit(batch(|b| b.put(key(customer, text).text(rest), row(text)))).unwrap();
            }
        }
        let view = store.view();
        for customer in [ANN, BOB, CustomerId([0xFF; 16])] {
            assert_eq!(view.count(&Range::customer(SHOP, customer), 99), Ok(hostile.len()), "{name}");
            for text in hostile {
                assert_eq!(texts(&*view, &Range::prefix(key(customer, text)), Order::Ascending), [text], "{name}");
            }
        }
        store.commit(batch(|b| b.delete_range(Range::customer(SHOP, ANN)))).unwrap();
        let view = store.view();
        assert_eq!(view.count(&Range::all(), 99), Ok(2 * hostile.len()), "{name}");
        assert_eq!(view.count(&Range::customer(SHOP, ANN), 99), Ok(0), "{name}");
    });
}

#[test]
fn a_batch_is_judged_against_those_before_it_in_its_group_and_refused_alone() {
    on_every_store(|name, store| {
        let once = |text: &str| {
            let mut batch = Batch::new();
            batch
                .check(Check::Absent(key(ANN, "once")))
                .put(key(ANN, "once"), row(text))
                .put(key(ANN, text), row(text));
            batch
        };
        let follows = |found: &str| {
            let mut batch = Batch::new();
            batch.check(Check::Equals(key(ANN, "once"), row(found))).check(Check::Present(key(ANN, found)));
            batch.put(key(ANN, "after"), row(found));
            batch
        };
        let refused = Err(Refused::Check(key(ANN, "once")));
        let results = together(store, vec![once("first"), once("second"), follows("second"), follows("first")]);
        assert_eq!(results, [Ok(vec![]), refused.clone(), refused, Ok(vec![])], "{name}");
        let all = texts(&*store.view(), &Range::all(), Order::Ascending);
        assert_eq!(all, ["first", "first", "first"], "{name}");
    });
}

#[test]
fn appends_are_numbered_from_one_in_commit_order_without_gaps() {
    on_every_store(|name, store| {
        let append = |check: Option<Check>| {
            let mut batch = Batch::new();
            batch.checks.extend(check);
            batch.append(vec![
                (Key::new(SHOP, ANN, Table::Journal), row("journal")),
                (Key::new(SHOP, ANN, Table::Pending), row("pending")),
            ]);
            batch.append(vec![(Key::new(SHOP, BOB, Table::Journal), row("other"))]);
            batch
        };
        let fails = Some(Check::Present(key(ANN, "nothing")));
        let results = together(store, vec![append(None), append(fails), append(None)]);
        assert_eq!(results[0], Ok(vec![1, 2]), "{name}");
        assert_eq!(results[1], Err(Refused::Check(key(ANN, "nothing"))), "{name}");
        assert_eq!(results[2], Ok(vec![3, 4]), "{name}");
        let rows = store.view().all(&Range::prefix(Key::new(SHOP, ANN, Table::Pending))).unwrap();
        assert_eq!(rows.iter().map(|(key, _)| key.last_number()).collect::<Vec<_>>(), [Some(1), Some(3)], "{name}");
        assert_eq!(store.stats().next_number, 5, "{name}");
    });
}

#[test]
fn adds_commute_start_at_zero_and_refuse_what_is_no_number() {
    on_every_store(|name, store| {
        let tally = Key::new(SHOP, CustomerId::BUSINESS, Table::Tally).text("sent");
        let add = |amount| batch(|b| b.add(tally.clone(), amount));
        let results = together(store, vec![add(5), add(-7), batch(|b| b.add(tally.clone(), 1).add(tally.clone(), 1))]);
        assert!(results.iter().all(Result::is_ok), "{name}: {results:?}");
        let sum = |store: &Arc<dyn Store>| store.view().get(&tally).unwrap().unwrap().read_clear::<i64>();
        assert_eq!(sum(store), Ok(0), "{name}");
        store.commit(add(i64::MAX)).unwrap();
        assert!(matches!(store.commit(add(1)), Err(Refused::Misuse(_))), "{name}: a sum that does not fit");
        store.commit(batch(|b| b.put(key(ANN, "text"), row("text")))).unwrap();
        let wrong = batch(|b| b.put(key(ANN, "other"), row("other")).add(key(ANN, "text"), 1));
        assert!(matches!(store.commit(wrong), Err(Refused::Misuse(_))), "{name}");
        assert_eq!(store.view().get(&key(ANN, "other")), Ok(None), "{name}: refused as a whole");
        store.commit(batch(|b| b.delete_range(Range::prefix(tally.clone())).add(tally.clone(), 3))).unwrap();
        assert_eq!(sum(store), Ok(3), "{name}: deleted, then added to");
    });
}

#[test]
fn a_view_stays_as_it_was_and_every_callback_sees_its_own_commit() {
    on_every_store(|name, store| {
        store.commit(batch(|b| b.put(key(ANN, "a"), row("old")).put(key(ANN, "b"), row("b")))).unwrap();
        let before = store.view();
        for n in 0..50 {
            let text = format!("new {n}");
            let committed = store.commit(batch(|b| b.put(key(ANN, "a"), row(&text)))).unwrap();
            assert_eq!(committed.view.get(&key(ANN, "a")), Ok(Some(row(&text))), "{name}");
            assert_eq!(store.view().get(&key(ANN, "a")), Ok(Some(row(&text))), "{name}");
        }
        store.commit(batch(|b| b.delete_range(Range::all()))).unwrap();
        assert_eq!(texts(&*before, &Range::all(), Order::Ascending), ["old", "b"], "{name}");
        assert_eq!(texts(&*store.view(), &Range::all(), Order::Ascending), [""; 0], "{name}");
    });
}

#[test]
fn a_callback_may_submit_and_order_holds() {
    on_every_store(|name, store| {
        let (sender, receiver) = mpsc::channel();
        let again = store.clone();
        let done: Done = Box::new(move |result| {
            let inner = sender.clone();
            let first = result.unwrap().numbers;
            again.submit(
                batch(|b| b.append(vec![(Key::new(SHOP, ANN, Table::Journal), row("inner"))])),
                Box::new(move |result| inner.send(("inner", result.unwrap().numbers)).unwrap()),
            );
            sender.send(("outer", first)).unwrap();
        });
        store.submit(batch(|b| b.append(vec![(Key::new(SHOP, ANN, Table::Journal), row("outer"))])), done);
        let order: Vec<_> = receiver.iter().collect();
        assert_eq!(order, [("outer", vec![1]), ("inner", vec![2])], "{name}");
    });
}

#[test]
fn many_threads_get_every_number_once_and_in_callback_order() {
    on_every_store(|name, store| {
        let (sender, receiver) = mpsc::channel();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let sender = sender.clone();
                        let batch = batch(|b| b.append(vec![(Key::new(SHOP, ANN, Table::Journal), row("x"))]));
                        store.submit(batch, Box::new(move |result| sender.send(result.unwrap().numbers[0]).unwrap()));
                    }
                });
            }
        });
        drop(sender);
        assert_eq!(receiver.iter().collect::<Vec<_>>(), (1..=400).collect::<Vec<_>>(), "{name}");
        assert_eq!(store.view().count(&Range::all(), 999), Ok(400), "{name}");
    });
}

#[test]
fn a_closed_store_takes_no_more_and_a_panicking_callback_stops_it() {
    on_every_store(|name, store| {
        store.commit(batch(|b| b.put(key(ANN, "a"), row("a")))).unwrap();
        store.close().unwrap();
        assert_eq!(store.commit(Batch::new()).unwrap_err(), Refused::Closed, "{name}");
        assert_eq!(store.health(), Health::Closed, "{name}");
    });
    on_every_store(|name, store| {
        store.submit(Batch::new(), Box::new(|_| panic!("on purpose")));
        while store.health() == Health::Well {
            std::thread::yield_now();
        }
        assert!(matches!(store.commit(Batch::new()), Err(Refused::Broken(_))), "{name}");
    });
}

#[test]
fn a_row_or_key_over_the_limit_is_refused_everywhere() {
    on_every_store(|name, store| {
        let big = Row { version: 1, clear: Vec::new(), sealed: vec![0; row::ROW_LIMIT_BYTES] };
        assert!(matches!(store.commit(batch(|b| b.put(key(ANN, "a"), big))), Err(Refused::Misuse(_))), "{name}");
        let long = key(ANN, &"x".repeat(key::KEY_LIMIT_BYTES));
        assert!(matches!(store.commit(batch(|b| b.put(long, row("a")))), Err(Refused::Misuse(_))), "{name}");
        let large = Row { version: 1, clear: Vec::new(), sealed: vec![7; 3 << 20] };
        store.commit(batch(|b| b.put(key(ANN, "large"), large.clone()))).unwrap();
        assert_eq!(store.view().get(&key(ANN, "large")), Ok(Some(large)), "{name}");
    });
}

#[test]
fn the_memory_store_refuses_what_others_let_pass() {
    let other = Key::new(BusinessId([0x99; 16]), ANN, Table::State);
    let same =
        || vec![(Key::new(SHOP, ANN, Table::Journal), row("a")), (Key::new(SHOP, ANN, Table::Journal), row("b"))];
    let wrong = [
        batch(|b| b.put(key(ANN, "a"), row("a")).delete(key(ANN, "a"))),
        batch(|b| b.add(key(ANN, "a"), 1).put(key(ANN, "a"), row("a"))),
        batch(|b| b.put(key(ANN, "a"), row("a")).delete_range(Range::customer(SHOP, ANN))),
        batch(|b| b.check(Check::Absent(other)).put(key(ANN, "a"), row("a"))),
        batch(|b| b.append(same())),
    ];
    let store = MemoryStore::new();
    for batch in wrong {
        assert!(matches!(store.commit(batch.clone()), Err(Refused::Misuse(_))), "{batch:?}");
    }
    let system = Key::new(BusinessId::SYSTEM, CustomerId::BUSINESS, Table::Meta);
    store.commit(batch(|b| b.check(Check::Absent(system)).put(key(ANN, "a"), row("a")))).unwrap();
    assert_eq!(store.view().count(&Range::all(), 9), Ok(1));
}

#[test]
fn a_file_keeps_everything_whether_it_was_closed_or_left() {
    for (settings, close) in
        [(tight(), true), (tight(), false), (Settings::default(), true), (Settings::default(), false)]
    {
        let folder = Folder::new("reopen");
        let path = folder.path("store");
        let mut expected = Vec::new();
        for round in 0..3u64 {
            let store = RedbStore::open(&path, settings.clone()).unwrap();
            assert_eq!(store.view().all(&Range::all()).unwrap(), expected);
            assert_eq!(store.stats().next_number, 1 + 40 * round);
            for n in 0..40 {
                let journal = Key::new(SHOP, ANN, Table::Journal);
                let text = format!("{round} {n}");
                let mut batch =
                    batch(|b| b.append(vec![(journal, row(&text))]).put(key(BOB, &n.to_string()), row(&text)));
                if n % 3 == 0 {
                    batch.writes = vec![Write::Delete(key(BOB, &(n + 1).to_string()))];
                }
                store.commit(batch).unwrap();
            }
            expected = store.view().all(&Range::all()).unwrap();
            let in_use = RedbStore::open(&path, settings.clone()).err();
            assert_eq!(in_use, Some(StoreError::InUse(path.display().to_string())));
            if close {
                store.close().unwrap();
                assert_eq!(store.stats().waiting_rows, 0);
                assert_eq!(store.stats().log_bytes, 0);
            }
        }
    }
}

#[test]
fn a_file_of_a_newer_or_another_program_is_refused() {
    let folder = Folder::new("newer");
    let path = folder.path("store");
    drop(RedbStore::open(&path, Settings::default()).unwrap());
    let database = ::redb::Database::create(&path).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(super::redb::META).unwrap().insert("format", super::redb::FORMAT_VERSION + 1).unwrap();
    write.commit().unwrap();
    drop(database);
    let refused = RedbStore::open(&path, Settings::default()).err();
    assert_eq!(refused, Some(StoreError::Newer { what: "store", found: 4, known: 3 }));

    let path = folder.path("other");
    std::fs::write(&path, "no store at all").unwrap();
    assert!(matches!(RedbStore::open(&path, Settings::default()).err(), Some(StoreError::Damaged(_))));
}

#[test]
fn rows_without_their_log_and_a_log_without_its_rows_are_refused() {
    let folder = Folder::new("halves");
    let (path, log) = (folder.path("store"), folder.path("store-wal"));
    let store = RedbStore::open(&path, Settings::default()).unwrap();
    store.commit(batch(|b| b.put(key(ANN, "a"), row("a")))).unwrap();
    drop(store);
    for (lost, is_here) in [(&log, &path), (&path, &log)] {
        let aside = folder.path("aside");
        std::fs::rename(lost, &aside).unwrap();
        let refused = RedbStore::open(&path, Settings::default()).err();
        let words = refused.map(|error| error.to_string()).unwrap_or_default();
        assert!(words.contains(&format!("{} is here, but not", is_here.display())), "{words}");
        std::fs::rename(&aside, lost).unwrap();
    }
    assert!(RedbStore::open(&path, Settings::default()).unwrap().view().has(&key(ANN, "a")).unwrap());
}

#[test]
fn an_idle_store_gives_its_memory_back() {
    let store = in_memory(Settings { overlay_bytes: 6_400, idle: Duration::from_millis(5), ..tight() });
    for n in 0..8 {
        store.commit(batch(|b| b.put(key(ANN, &n.to_string()), row("a")))).unwrap();
    }
    while store.stats().waiting_rows > 0 {
        std::thread::sleep(Duration::from_millis(2));
    }
    let stats = store.stats();
    assert_eq!((stats.settled_rows, stats.log_bytes, stats.waiting_bytes), (8, 0, 0));
    assert_eq!(store.view().count(&Range::all(), 99), Ok(8));
}

#[test]
fn what_is_put_and_deleted_again_never_reaches_its_place() {
    let store = in_memory(Settings::default());
    for n in 0..100 {
        store.commit(batch(|b| b.put(key(ANN, &n.to_string()), row("a")))).unwrap();
        store.commit(batch(|b| b.delete(key(ANN, &n.to_string())))).unwrap();
    }
    assert_eq!(store.stats().settled_rows, 0);
    store.close().unwrap();
    assert_eq!((store.stats().settled_rows, store.stats().waiting_rows), (0, 0));
}

#[test]
fn the_overlay_and_the_log_stay_bounded_whatever_is_written() {
    for distinct in [7u64, 1_000_000] {
        let settings =
            Settings { overlay_bytes: 100_000, slice_bytes: 8_000, gather: Duration::ZERO, ..Settings::default() };
        let store = in_memory(settings);
        for n in 0..6_000u64 {
            let key = Key::new(SHOP, CustomerId([(n % 5) as u8; 16]), Table::State).number(n * 7_919 % distinct);
            store.commit(batch(|b| b.put(key, row(&"x".repeat(100))))).unwrap();
            let stats = store.stats();
            assert!(stats.waiting_bytes <= 210_000 && stats.log_bytes <= 410_000, "{distinct}, {n}: {stats:?}");
        }
    }
}

#[derive(Debug, Clone)]
enum Verb {
    Put(u8, u8),
    Delete(u8),
    DeleteRange(u8, u8),
    Add(u8, i8),
    Append(u8),
    Absent(u8),
    Present(u8),
}

fn verbs() -> impl Strategy<Value = Vec<Vec<Verb>>> {
    let place = 0u8..40;
    let verb = prop_oneof![
        6 => (place.clone(), any::<u8>()).prop_map(|(at, what)| Verb::Put(at, what)),
        2 => place.clone().prop_map(Verb::Delete),
        1 => (place.clone(), 0u8..12).prop_map(|(at, many)| Verb::DeleteRange(at, many)),
        1 => (40u8..44, any::<i8>()).prop_map(|(at, amount)| Verb::Add(at, amount)),
        2 => place.clone().prop_map(Verb::Append),
        1 => place.clone().prop_map(Verb::Absent),
        1 => place.prop_map(Verb::Present),
    ];
    proptest::collection::vec(proptest::collection::vec(verb, 0..8), 1..60)
}

fn batch_of(verbs: &[Verb]) -> Batch {
    let at = |n: u8| Key::new(SHOP, CustomerId([n % 4; 16]), Table::State).number(n.into());
    let mut batch = Batch::new();
    for verb in verbs {
        match *verb {
            Verb::Put(n, what) => {
                batch.put(at(n), Row { version: 1, clear: vec![b'1'; what.into()], sealed: vec![what] })
            }
            Verb::Delete(n) => batch.delete(at(n)),
            Verb::DeleteRange(n, many) => batch.delete_range(Range::between(at(n), at(n.saturating_add(many)))),
            Verb::Add(n, amount) => batch.add(at(n), amount.into()),
            Verb::Append(n) => batch.append(vec![(Key::new(SHOP, CustomerId([n % 4; 16]), Table::Journal), row("a"))]),
            Verb::Absent(n) => batch.check(Check::Absent(at(n))),
            Verb::Present(n) => batch.check(Check::Present(at(n))),
        };
    }
    batch
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_batches_leave_every_store_the_same(batches in verbs()) {
        let stores = every_store();
        for verbs in &batches {
            let results: Vec<_> = stores.iter().map(|(_, store)| {
                // Only the memory store refuses misuse, so the others are spared it.
                if stage::misuse(&batch_of(verbs)).is_some() {
                    return Ok(vec![]);
                }
                store.commit(batch_of(verbs)).map(|committed| committed.numbers)
            }).collect();
            prop_assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{:?}", results);
        }
        let dumps: Vec<_> = stores.iter().map(|(_, store)| store.view().all(&Range::all()).unwrap()).collect();
        prop_assert_eq!(&dumps[0], &dumps[1]);
        prop_assert_eq!(&dumps[0], &dumps[2]);
        let mut backwards = stores[2].1.view().first(&Range::all(), Order::Descending, usize::MAX).unwrap();
        backwards.reverse();
        prop_assert_eq!(&dumps[0], &backwards);
    }
}
