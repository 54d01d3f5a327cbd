//! The store in two files, on redb: one has each row in its place, the other is the [log](super::wal).
//!
//! Rows of many customers lie far apart, and to write each in its place at once costs a page a row. So a commit writes one
//! record to the log and keeps its rows in an overlay in memory; they move to their places later, in slices of neighbours
//! ([`settle`](super::settle)). A view is a copy of the overlay over a snapshot of the rows, published together. Opening
//! replays the log into the overlay.
//!
//! Two tables: `rows`, and `meta` with the format of the file, the secret number of its log, the first group of the log that is
//! needed, and the next number of the sequence.
//!
//! It never acknowledges what is not synced, and never goes on after a failure of a file.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use redb::backends::FileBackend;
use redb::{
    AccessGuard, Builder, Database, ReadOnlyTable, ReadableDatabase, StorageBackend, TableDefinition, TableError,
};

use super::fence::{Fence, Gauge};
use super::group::{Queue, Writer};
use super::key::{Key, Order, Range};
use super::overlay::{Layer, Overlay, Place};
use super::row::Row;
use super::settle::Settler;
use super::stage::Ground;
use super::wal::{Record, Wal};
use super::{Batch, Done, Health, Refused, Stats, Store, StoreError, View, keyring, lock, log};

pub(super) type Bytes = &'static [u8];
pub(super) const ROWS: TableDefinition<Bytes, Bytes> = TableDefinition::new("rows");
pub(super) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

pub(super) const FORMAT: &str = "format";
pub(super) const NEXT: &str = "next";
/// The first group of the log that is needed.
pub(super) const FROM: &str = "from";
/// The secret number of the log.
const LOG_ID: &str = "log";

/// The format of the files that this program writes. Formats 1 and 2, of before the first release, had the log in a
/// table, and knew less of what customers agreed to.
pub const FORMAT_VERSION: u64 = 3;

/// A snapshot of the rows in their places.
pub(super) type Rows = ReadOnlyTable<Bytes, Bytes>;

/// How a store in a file behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// About how much memory the overlay takes before rows are moved to their places, in bytes. Where rows come in faster
    /// than they move, commits wait once it is twice as much; the log may be twice as long as that.
    pub overlay_bytes: usize,
    /// How much of the overlay is moved in one transaction, in bytes.
    pub slice_bytes: usize,
    /// How much of the rows' file is kept in memory, in bytes.
    pub cache_bytes: usize,
    /// The most batches in one group commit.
    pub group_batches: usize,
    /// The most bytes in one group commit, unless a single batch has more.
    pub group_bytes: usize,
    /// The most batches that wait; more are refused as busy.
    pub queue_batches: usize,
    /// The most bytes that wait; more are refused as busy.
    pub queue_bytes: usize,
    /// How long a group waits for batches that are on their way, if the group before it had several.
    pub gather: Duration,
    /// After how long without a batch the overlay is moved out of memory.
    pub idle: Duration,
    /// Whether a transaction on the rows syncs its pages before it syncs the header that points to them.
    pub two_phase: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            overlay_bytes: 64 << 20,
            slice_bytes: 256 << 10,
            cache_bytes: 64 << 20,
            group_batches: 1_024,
            group_bytes: 8 << 20,
            queue_batches: 65_536,
            queue_bytes: 256 << 20,
            gather: Duration::from_millis(1),
            idle: Duration::from_secs(2),
            two_phase: false,
        }
    }
}

/// A store in two files. Dropping it leaves the log for the next start to replay; [`close`](Store::close) tidies up.
pub struct RedbStore {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<Option<Database>>>>,
    /// The file of a store that failed: views of it can be read until the store is dropped.
    failed: Mutex<Option<Database>>,
}

/// What the callers' threads and the writer's thread share.
pub(super) struct Shared {
    pub(super) queue: Queue,
    pub(super) published: RwLock<Arc<RedbView>>,
    pub(super) gauge: Arc<Gauge>,
    pub(super) stats: Mutex<Stats>,
}

impl RedbStore {
    /// Opens the file, or makes it. The log stands beside it, with `-wal` after its name.
    ///
    /// # Errors
    /// When it is in use, damaged, without its log or newer than this program, or cannot be read or written.
    pub fn open(path: &Path, settings: Settings) -> Result<RedbStore, StoreError> {
        let log_path = beside(path, "-wal");
        let is_new = !path.exists();
        if !is_new && !log_path.exists() {
            let (rows, log) = (path.display(), log_path.display());
            return Err(StoreError::Damaged(format!("{rows} is here, but not its log {log}")));
        }
        let log = FileBackend::new(open_file(&log_path)?).map_err(store_error)?;
        if is_new {
            if Wal::is_used(&log)? {
                let (rows, log) = (path.display(), log_path.display());
                return Err(StoreError::Damaged(format!("the log {log} is here, but not {rows}, which it belongs to")));
            }
            create_file(path)?;
        }
        let in_use = |error| match error {
            StoreError::InUse(_) => StoreError::InUse(path.display().to_string()),
            other => other,
        };
        let rows = FileBackend::new(open_file(path)?).map_err(|e| in_use(store_error(e)))?;
        RedbStore::open_with_backends(rows, log, settings).map_err(in_use)
    }

    /// Opens a store in two things that are like files: for the rows and for the log. A crash within the first call for
    /// a new one may leave it of no use; [`RedbStore::open`] takes care of that.
    ///
    /// # Errors
    /// As [`RedbStore::open`].
    pub fn open_with_backends(
        rows: impl StorageBackend,
        log: impl StorageBackend,
        settings: Settings,
    ) -> Result<RedbStore, StoreError> {
        let gauge = Arc::new(Gauge::default());
        let database = Builder::new()
            .set_cache_size(settings.cache_bytes)
            .create_with_backend(Fence::new(rows, gauge.clone()))
            .map_err(store_error)?;
        let facts = prepare(&database)?;
        let (wal, records) = Wal::open(Box::new(Fence::new(log, gauge.clone())), facts.log_id, facts.from)?;
        let replayed = replay(facts, records)?;
        if let Some(reason) = gauge.failure() {
            return Err(StoreError::Failed(reason.to_owned()));
        }
        let view = RedbView { layer: replayed.overlay.layer().clone(), rows: self::rows(&database)? };
        let shared = Arc::new(Shared {
            queue: Queue::new(&settings),
            published: RwLock::new(Arc::new(view)),
            gauge,
            stats: Mutex::default(),
        });
        let settler = Settler::start(database, shared.clone(), &settings)?;
        let writer = Writer::new(settler, wal, shared.clone(), settings, replayed);
        let thread = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || writer.run())
            .map_err(|e| StoreError::Failed(format!("no thread for the store: {e}")))?;
        Ok(RedbStore { shared, writer: Mutex::new(Some(thread)), failed: Mutex::default() })
    }

    /// What went to the file.
    pub fn gauge(&self) -> &Gauge {
        &self.shared.gauge
    }

    fn join(&self) {
        let mut writer = lock(&self.writer);
        // A callback runs in the writer's own thread, which ends by itself.
        if writer.as_ref().is_some_and(|thread| thread.thread().id() != std::thread::current().id())
            && let Some(thread) = writer.take()
        {
            // The writer catches its own panics and says so in the queue's health.
            *lock(&self.failed) = thread.join().unwrap_or_default();
        }
    }
}

impl Store for RedbStore {
    fn view(&self) -> Arc<dyn View> {
        self.shared.view()
    }

    fn submit(&self, batch: Batch, done: Done) {
        self.shared.queue.submit(batch, done);
    }

    fn health(&self) -> Health {
        match self.shared.queue.health() {
            Health::Well => match self.shared.gauge.failure() {
                Some(reason) => Health::Broken(reason.to_owned()),
                None => Health::Well,
            },
            health => health,
        }
    }

    fn stats(&self) -> Stats {
        Stats { written_bytes: self.shared.gauge.written_bytes(), ..lock(&self.shared.stats).clone() }
    }

    fn close(&self) -> Result<(), Refused> {
        self.shared.queue.close(true);
        self.join();
        match self.health() {
            Health::Broken(reason) => Err(Refused::Broken(reason)),
            _ => Ok(()),
        }
    }
}

impl Drop for RedbStore {
    fn drop(&mut self) {
        self.shared.queue.close(false);
        self.join();
    }
}

impl Shared {
    pub(super) fn view(&self) -> Arc<RedbView> {
        self.published.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    pub(super) fn publish(&self, view: Arc<RedbView>) {
        *self.published.write().unwrap_or_else(std::sync::PoisonError::into_inner) = view;
    }
}

/// The overlay over a snapshot of the rows in their places.
pub(super) struct RedbView {
    pub(super) layer: Layer,
    pub(super) rows: Arc<Rows>,
}

/// The rows in their places as of now.
pub(super) fn rows(database: &Database) -> Result<Arc<Rows>, StoreError> {
    database.begin_read().map_err(store_error)?.open_table(ROWS).map(Arc::new).map_err(store_error)
}

impl RedbView {
    fn under<'a>(&'a self, open: &'a [u8]) -> Merged<'a> {
        Merged { layer: &self.layer, open, rows: &self.rows }
    }
}

impl View for RedbView {
    fn get(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        self.under(&[]).get(key)
    }

    fn has(&self, key: &Key) -> Result<bool, StoreError> {
        self.under(&[]).has(key)
    }

    fn scan(
        &self,
        range: &Range,
        order: Order,
        visit: &mut dyn FnMut(&Key, &Row) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.under(&[]).scan(range, order, visit)
    }
}

/// A layer over rows in their places. `open` is what there is of the group that is being written.
pub(super) struct Merged<'a> {
    pub(super) layer: &'a Layer,
    pub(super) open: &'a [u8],
    pub(super) rows: &'a Rows,
}

impl Merged<'_> {
    /// Visits the rows of a range: those of the layer, and those below that the layer says nothing about.
    pub(super) fn scan(
        &self,
        range: &Range,
        order: Order,
        visit: &mut dyn FnMut(&Key, &Row) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        if range.is_empty() {
            return Ok(());
        }
        let descending = order == Order::Descending;
        let mut upper = self.layer.entries.range::<_, [u8]>(range.bounds());
        let mut lower = self.rows.range::<&[u8]>(range.bounds()).map_err(store_error)?;
        let mut next_upper = || if descending { upper.next_back() } else { upper.next() };
        let mut next_lower = || {
            let next = if descending { lower.next_back() } else { lower.next() };
            next.transpose().map_err(store_error)
        };
        let (mut above, mut below) = (next_upper(), next_lower()?);
        let mut row = Row::default();
        loop {
            let side = match (&above, &below) {
                (None, None) => return Ok(()),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some((a, _)), Some((b, _))) => {
                    let side = a.as_bytes().cmp(b.value());
                    if descending { side.reverse() } else { side }
                }
            };
            let flow = if side.is_le() {
                let flow = match above {
                    Some((key, Some(place))) => {
                        row.decode_from(self.layer.bytes(place, self.open))?;
                        visit(key, &row)
                    }
                    _ => ControlFlow::Continue(()),
                };
                above = next_upper();
                flow
            } else {
                read_into(&below, &mut row, visit)?
            };
            if side.is_ge() {
                below = next_lower()?;
            }
            if flow.is_break() {
                return Ok(());
            }
        }
    }
}

impl Ground for Merged<'_> {
    fn get(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        match self.layer.entries.get(key.as_bytes()) {
            Some(place) => place.map(|place| Row::decode(self.layer.bytes(&place, self.open))).transpose(),
            None => match self.rows.get(key.as_bytes()).map_err(store_error)? {
                Some(bytes) => Row::decode(bytes.value()).map(Some),
                None => Ok(None),
            },
        }
    }

    fn has(&self, key: &Key) -> Result<bool, StoreError> {
        match self.layer.entries.get(key.as_bytes()) {
            Some(place) => Ok(place.is_some()),
            None => Ok(self.rows.get(key.as_bytes()).map_err(store_error)?.is_some()),
        }
    }

    fn keys(&self, range: &Range) -> Result<Vec<Key>, StoreError> {
        let mut keys = Vec::new();
        self.scan(range, Order::Ascending, &mut |key, _| {
            keys.push(key.clone());
            ControlFlow::Continue(())
        })?;
        Ok(keys)
    }
}

fn read_into(
    below: &Option<(AccessGuard<'_, Bytes>, AccessGuard<'_, Bytes>)>,
    row: &mut Row,
    visit: &mut dyn FnMut(&Key, &Row) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, StoreError> {
    let Some((key, bytes)) = below else { return Ok(ControlFlow::Continue(())) };
    let key = Key::from_bytes(key.value()).ok_or_else(|| StoreError::Damaged("a key of no known table".into()))?;
    row.decode_from(bytes.value())?;
    Ok(visit(&key, row))
}

/// What the rows' file says of itself.
struct Facts {
    log_id: u64,
    from: u64,
    next: u64,
}

/// What a start finds in the log.
pub(super) struct Replayed {
    pub(super) overlay: Overlay,
    /// The groups that are in the log.
    pub(super) groups: std::ops::Range<u64>,
    /// The next number of the sequence.
    pub(super) next: u64,
}

/// Makes a new file under another name and then gives it its own, so that a crash leaves a whole store or none. Of two
/// processes that do this at once, one wins and both go on with its file.
fn create_file(path: &Path) -> Result<(), StoreError> {
    let new = beside(path, &format!(".new-{}", std::process::id()));
    let made = || {
        let backend = FileBackend::new(open_file(&new)?).map_err(store_error)?;
        let database = Builder::new().create_with_backend(backend).map_err(store_error)?;
        prepare(&database)?;
        database.close().map_err(store_error)?;
        match std::fs::hard_link(&new, path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                // Some file systems have no links.
                std::fs::rename(&new, path).map_err(|e| failed(path, &e))
            }
            _ => Ok(()),
        }
    };
    let result = made();
    // It is gone already if it was renamed; and left over, it does no harm.
    let _ = std::fs::remove_file(&new);
    result?;
    keyring::sync_folder(path).map_err(|e| failed(path, &e))
}

fn open_file(path: &Path) -> Result<std::fs::File, StoreError> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|e| failed(path, &e))
}

/// A path with more after its name.
fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(more);
    name.into()
}

fn failed(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Failed(format!("{}: {error}", path.display()))
}

/// Makes the tables of a new file; refuses a file that is older or newer than this program, or something else.
fn prepare(database: &Database) -> Result<Facts, StoreError> {
    let read = database.begin_read().map_err(store_error)?;
    match read.open_table(META) {
        Ok(meta) => {
            let fact = |name| Ok(meta.get(name).map_err(store_error)?.map_or(0, |value| value.value()));
            match fact(FORMAT)? {
                FORMAT_VERSION => Ok(Facts { log_id: fact(LOG_ID)?, from: fact(FROM)?, next: fact(NEXT)? }),
                newer if newer > FORMAT_VERSION => {
                    Err(StoreError::Newer { what: "store", found: newer, known: FORMAT_VERSION })
                }
                older => Err(StoreError::Damaged(format!(
                    "it has format {older}, of before the first release; begin with a new data folder"
                ))),
            }
        }
        Err(TableError::TableDoesNotExist(_)) => {
            if read.list_tables().map_err(store_error)?.next().is_some() {
                return Err(StoreError::Damaged("this file is of another program".into()));
            }
            drop(read);
            create(database)
        }
        Err(other) => Err(store_error(other)),
    }
}

#[expect(clippy::disallowed_methods, reason = "nobody must be able to write a record of the log into a text")]
fn create(database: &Database) -> Result<Facts, StoreError> {
    let mut secret = [0; 8];
    getrandom::fill(&mut secret).map_err(|e| StoreError::Failed(format!("no random numbers: {e}")))?;
    let facts = Facts { log_id: u64::from_be_bytes(secret), from: 0, next: 1 };
    let write = database.begin_write().map_err(store_error)?;
    write.open_table(ROWS).map_err(store_error)?;
    let mut meta = write.open_table(META).map_err(store_error)?;
    for (name, value) in [(FORMAT, FORMAT_VERSION), (LOG_ID, facts.log_id), (FROM, facts.from), (NEXT, facts.next)] {
        meta.insert(name, value).map_err(store_error)?;
    }
    drop(meta);
    write.commit().map_err(store_error)?;
    Ok(facts)
}

/// Reads the log into an overlay. Effects that have reached their place already are only repeated: the log is always
/// the end of history, so for every key it mentions it has the last word.
fn replay(facts: Facts, records: Vec<Record>) -> Result<Replayed, StoreError> {
    let groups = facts.from..facts.from + records.len() as u64;
    let mut replayed = Replayed { overlay: Overlay::default(), groups, next: facts.next };
    for (number, bytes) in records {
        replayed.next = log::read(&bytes, |key, row| {
            replayed.overlay.set(key, row.map(|bytes| Place::new(number, bytes, false)));
        })?;
        replayed.overlay.add_group(number, Arc::new(bytes));
    }
    Ok(replayed)
}

/// The words of this program for what the file layer says.
pub(super) fn store_error(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => StoreError::InUse("the store".into()),
        redb::Error::Corrupted(reason) => StoreError::Damaged(reason),
        redb::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            StoreError::Damaged(format!("this file is no store: {error}"))
        }
        other => StoreError::Failed(other.to_string()),
    }
}
