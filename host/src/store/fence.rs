//! A fence before a file: it counts what is written, and after the first failed write or sync lets nothing more pass.
//!
//! A sync that failed must never be tried again: the second may succeed without the pages of the first. The file layer
//! stops by itself, but refuses reads too. So the fence takes the failure down, keeps the rest of that commit in memory
//! for as long as the process lives, and the writer, which asks after every commit, gives the commit up. Published views
//! stay readable, and the file keeps exactly what was synced before.
//!
//! It never reports a failed commit as a good one: [`Gauge::failure`] is asked before anything is acknowledged.

use std::io;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use redb::{BackendError, StorageBackend};

use super::lock;

/// What went through the fences of a store.
#[derive(Debug, Default)]
pub struct Gauge {
    written_bytes: AtomicU64,
    syncs: AtomicU64,
    file_bytes: AtomicU64,
    failure: OnceLock<String>,
}

impl Gauge {
    /// Bytes written so far.
    pub fn written_bytes(&self) -> u64 {
        self.written_bytes.load(Ordering::Relaxed)
    }

    /// Syncs so far.
    pub fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// Length of the files.
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes.load(Ordering::Relaxed)
    }

    /// The first failure, if there was one.
    pub fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    fn fail(&self, what: &str, error: &io::Error) {
        if self.failure.set(format!("{what}: {error}")).is_ok() {
            tracing::error!(%error, what, "the file of the store failed");
        }
    }
}

/// A backend behind a fence.
#[derive(Debug)]
pub(super) struct Fence<B> {
    inner: B,
    gauge: Arc<Gauge>,
    /// What the gauge has of this file's length.
    len: AtomicU64,
    beyond: Mutex<Beyond>,
}

/// What was meant for the file after the failure.
#[derive(Debug, Default)]
struct Beyond {
    len: Option<u64>,
    writes: Vec<(u64, Vec<u8>)>,
}

impl<B: StorageBackend> Fence<B> {
    pub(super) fn new(inner: B, gauge: Arc<Gauge>) -> Fence<B> {
        Fence { inner, gauge, len: AtomicU64::new(0), beyond: Mutex::default() }
    }

    fn measured(&self, len: u64) {
        let before = self.len.swap(len, Ordering::Relaxed);
        // Wraps round to the difference, and so never below zero.
        self.gauge.file_bytes.fetch_add(len.wrapping_sub(before), Ordering::Relaxed);
    }

    fn failed(&self) -> bool {
        self.gauge.failure.get().is_some()
    }
}

impl<B: StorageBackend> StorageBackend for Fence<B> {
    fn len(&self) -> io::Result<u64> {
        match lock(&self.beyond).len {
            Some(len) => Ok(len),
            None => {
                let len = self.inner.len()?;
                self.measured(len);
                Ok(len)
            }
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if !self.failed() {
            return self.inner.read(offset, out).inspect_err(|error| self.gauge.fail("read", error));
        }
        let there = self.inner.len()?.saturating_sub(offset);
        let there = usize::try_from(there).unwrap_or(usize::MAX).min(out.len());
        out.fill(0);
        self.inner.read(offset, out.get_mut(..there).unwrap_or_default())?;
        for (start, bytes) in &lock(&self.beyond).writes {
            overlap(offset, out, *start, bytes);
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        if !self.failed() {
            match self.inner.set_len(len) {
                Ok(()) => {
                    self.measured(len);
                    return Ok(());
                }
                Err(error) => self.gauge.fail("set the length", &error),
            }
        }
        lock(&self.beyond).len = Some(len);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        if !self.failed() {
            self.gauge.syncs.fetch_add(1, Ordering::Relaxed);
            if let Err(error) = self.inner.sync_data() {
                self.gauge.fail("sync", &error);
            }
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if !self.failed() {
            match self.inner.write(offset, data) {
                Ok(()) => {
                    self.gauge.written_bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
                    return Ok(());
                }
                Err(error) => self.gauge.fail("write", &error),
            }
        }
        lock(&self.beyond).writes.push((offset, data.to_vec()));
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.query_lock_range(start, end)
    }
}

/// Copies what `bytes` at `start` has in common with `out` at `offset`.
fn overlap(offset: u64, out: &mut [u8], start: u64, bytes: &[u8]) {
    let first = offset.max(start);
    let last = (offset + out.len() as u64).min(start + bytes.len() as u64);
    let Some(len) = last.checked_sub(first) else { return };
    let (from, to) = ((first - start) as usize, (first - offset) as usize);
    if let (Some(from), Some(to)) = (bytes.get(from..from + len as usize), out.get_mut(to..to + len as usize)) {
        to.copy_from_slice(from);
    }
}
