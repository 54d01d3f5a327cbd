//! The store in one file, on redb.
//!
//! Three tables: `rows` has each row in its place; `log` has the effects of the latest group commits, as they came;
//! `meta` has the format of the file and the next number of the sequence. Rows of many customers lie far apart, and to
//! write each in its place at once costs a page a row. So a commit writes one value to the log and keeps its rows in an
//! overlay in memory; they move to their places later, in slices of neighbours ([`group`](super::group)). A view is a copy
//! of the overlay over a snapshot of `rows`, published together. Opening replays the log into the overlay.
//!
//! Commits are durable when acknowledged, in one phase or two as [`Settings::two_phase`] says.
//!
//! It never writes from any thread but one, and never goes on after a failure of the file.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use redb::backends::FileBackend;
use redb::{
    AccessGuard, Builder, Database, ReadOnlyTable, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition,
    TableError,
};

use super::fence::{Fence, Gauge};
use super::group::{Queue, Writer};
use super::key::{Key, Order, Range};
use super::overlay::{Layer, Overlay, Place};
use super::row::Row;
use super::stage::Ground;
use super::{Batch, Done, Health, Refused, Stats, Store, StoreError, View, keyring, lock, log};

pub(super) type Bytes = &'static [u8];
pub(super) const ROWS: TableDefinition<Bytes, Bytes> = TableDefinition::new("rows");
pub(super) const LOG: TableDefinition<u64, Bytes> = TableDefinition::new("log");
pub(super) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

pub(super) const FORMAT: &str = "format";
pub(super) const NEXT: &str = "next";

/// The format of the file that this program writes.
pub const FORMAT_VERSION: u64 = 1;

/// How a store in a file behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// About how much memory the overlay takes before rows are moved to their places, in bytes. The log grows to about
    /// twice as much.
    pub overlay_bytes: usize,
    /// How much of the overlay one commit moves at least, once it moves any, in bytes.
    pub slice_bytes: usize,
    /// How much of the file is kept in memory, in bytes.
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
    /// Whether a commit syncs its pages before it syncs the header that points to them.
    pub two_phase: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            overlay_bytes: 64 << 20,
            slice_bytes: 96 << 10,
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

/// A store in one file. Dropping it leaves the log for the next start to replay; [`close`](Store::close) tidies up.
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
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// When it is in use, damaged or newer than this program, or cannot be read or written.
    pub fn open(path: &Path, settings: Settings) -> Result<RedbStore, StoreError> {
        if !path.exists() {
            create_file(path, &settings)?;
        }
        let in_use = |error| match error {
            StoreError::InUse(_) => StoreError::InUse(path.display().to_string()),
            other => other,
        };
        let file = open_file(path).map_err(|e| failed(path, &e))?;
        let backend = FileBackend::new(file).map_err(|e| in_use(store_error(e)))?;
        RedbStore::open_with_backend(backend, settings).map_err(in_use)
    }

    /// Opens a store in something that is like a file. A crash within the first call for a new one may leave it of no
    /// use; [`RedbStore::open`] takes care of that.
    ///
    /// # Errors
    /// As [`RedbStore::open`].
    pub fn open_with_backend(backend: impl StorageBackend, settings: Settings) -> Result<RedbStore, StoreError> {
        let gauge = Arc::new(Gauge::default());
        let database = Builder::new()
            .set_cache_size(settings.cache_bytes)
            .create_with_backend(Fence::new(backend, gauge.clone()))
            .map_err(store_error)?;
        prepare(&database)?;
        let log = replay(&database)?;
        if let Some(reason) = gauge.failure() {
            return Err(StoreError::Failed(reason.to_owned()));
        }
        let view = RedbView::take(&database, log.overlay.layer())?;
        let shared = Arc::new(Shared {
            queue: Queue::new(&settings),
            published: RwLock::new(Arc::new(view)),
            gauge,
            stats: Mutex::default(),
        });
        let writer = Writer::new(database, shared.clone(), settings, log);
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

    pub(super) fn publish(&self, view: RedbView) {
        let mut published = self.published.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let old = std::mem::replace(&mut *published, Arc::new(view));
        drop(published);
        // Not within the lock: it may be the last copy, and then there is much to free.
        drop(old);
    }
}

/// The overlay over a snapshot of the rows in their places.
pub(super) struct RedbView {
    pub(super) layer: Layer,
    pub(super) rows: ReadOnlyTable<Bytes, Bytes>,
}

impl RedbView {
    pub(super) fn take(database: &Database, layer: &Layer) -> Result<RedbView, StoreError> {
        let rows = database.begin_read().map_err(store_error)?.open_table(ROWS).map_err(store_error)?;
        Ok(RedbView { layer: layer.clone(), rows })
    }

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
    pub(super) rows: &'a ReadOnlyTable<Bytes, Bytes>,
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

/// What a start finds in the log.
pub(super) struct Replayed {
    pub(super) overlay: Overlay,
    /// Each group that is in the log, and its bytes.
    pub(super) groups: Vec<(u64, usize)>,
    /// The next number of the sequence.
    pub(super) next: u64,
}

/// Makes a new file under another name and then gives it its own, so that a crash leaves a whole store or none. Of two
/// processes that do this at once, one wins and both go on with its file.
fn create_file(path: &Path, settings: &Settings) -> Result<(), StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let new = Path::new(&name);
    let made = || {
        let file = open_file(new).map_err(|e| failed(new, &e))?;
        let backend = FileBackend::new(file).map_err(store_error)?;
        RedbStore::open_with_backend(backend, settings.clone())?
            .close()
            .map_err(|refused| StoreError::Failed(refused.to_string()))?;
        match std::fs::hard_link(new, path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                // Some file systems have no links.
                std::fs::rename(new, path).map_err(|e| failed(path, &e))
            }
            _ => Ok(()),
        }
    };
    let result = made();
    // It is gone already if it was renamed; and left over, it does no harm.
    let _ = std::fs::remove_file(new);
    result?;
    keyring::sync_folder(path).map_err(|e| failed(path, &e))
}

fn open_file(path: &Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn failed(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Failed(format!("{}: {error}", path.display()))
}

/// Makes the tables of a new file; refuses a file that is newer than this program, or something else.
fn prepare(database: &Database) -> Result<(), StoreError> {
    let read = database.begin_read().map_err(store_error)?;
    match read.open_table(META) {
        Ok(meta) => {
            let format = meta.get(FORMAT).map_err(store_error)?.map_or(0, |format| format.value());
            if format > FORMAT_VERSION {
                return Err(StoreError::Newer { what: "store", found: format, known: FORMAT_VERSION });
            }
            Ok(())
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

fn create(database: &Database) -> Result<(), StoreError> {
    let write = database.begin_write().map_err(store_error)?;
    write.open_table(ROWS).map_err(store_error)?;
    write.open_table(LOG).map_err(store_error)?;
    let mut meta = write.open_table(META).map_err(store_error)?;
    meta.insert(FORMAT, FORMAT_VERSION).map_err(store_error)?;
    meta.insert(NEXT, 1).map_err(store_error)?;
    drop(meta);
    write.commit().map_err(store_error)
}

/// Reads the log into an overlay. Effects that have reached their place already are only repeated: the log is always
/// the end of history, so for every key it mentions it has the last word.
fn replay(database: &Database) -> Result<Replayed, StoreError> {
    let read = database.begin_read().map_err(store_error)?;
    let meta = read.open_table(META).map_err(store_error)?;
    let next = meta.get(NEXT).map_err(store_error)?.map_or(1, |next| next.value());
    let mut replayed = Replayed { overlay: Overlay::default(), groups: Vec::new(), next };
    let mut group: Option<(u64, Vec<u8>)> = None;
    for chunk in read.open_table(LOG).map_err(store_error)?.iter().map_err(store_error)? {
        let (name, chunk) = chunk.map_err(store_error)?;
        let number = log::group_of(name.value());
        match &mut group {
            Some((open, bytes)) if *open == number => bytes.extend_from_slice(chunk.value()),
            _ => {
                replayed.take(group.take())?;
                group = Some((number, chunk.value().to_vec()));
            }
        }
    }
    replayed.take(group)?;
    Ok(replayed)
}

impl Replayed {
    fn take(&mut self, group: Option<(u64, Vec<u8>)>) -> Result<(), StoreError> {
        if let Some((number, bytes)) = group {
            self.groups.push((number, bytes.len()));
            self.next = log::read(&bytes, |key, row| {
                self.overlay.set(key, row.map(|bytes| Place::new(number, bytes, false)));
            })?;
            self.overlay.add_group(number, Arc::new(bytes));
        }
        Ok(())
    }
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
