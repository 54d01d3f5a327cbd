//! What the disk does by itself: syncs of a small file that is only written over, at the pace of a busy server. A machine that
//! others share stalls now and then, and no server answers durably while its disk does not.

use std::fs::File;
use std::io::{Seek, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use attune_tests::Folder;

const FILE_BYTES: usize = 4 << 20;
const WRITE_BYTES: usize = 12 << 10;
/// About as often as the server commits at half of its rate.
const PAUSE: Duration = Duration::from_millis(3);

/// What syncs took, in milliseconds.
#[derive(Debug)]
pub struct Syncs {
    pub p99_ms: f64,
    pub max_ms: f64,
    /// In all, of those that took longer than 20 ms.
    pub stalled_ms: f64,
}

/// Writes and syncs for a while.
pub fn probe(time: Duration) -> Result<Syncs> {
    let folder = Folder::new();
    let mut file = File::options().write(true).open(folder.write("probe", vec![b'x'; FILE_BYTES]))?;
    file.sync_all()?;
    let (mut took, mut written, began) = (Vec::new(), 0, Instant::now());
    while began.elapsed() < time {
        if written + WRITE_BYTES > FILE_BYTES {
            file.rewind()?;
            written = 0;
        }
        let this = Instant::now();
        file.write_all(&[b'y'; WRITE_BYTES])?;
        file.sync_data()?;
        took.push(this.elapsed().as_secs_f64() * 1e3);
        written += WRITE_BYTES;
        std::thread::sleep(PAUSE);
    }
    took.sort_by(f64::total_cmp);
    let max_ms = *took.last().context("no sync within the time of a probe")?;
    let p99_ms = took[(took.len() - 1) * 99 / 100];
    Ok(Syncs { p99_ms, max_ms, stalled_ms: took.iter().filter(|ms| **ms > 20.0).fold(0.0, |all, ms| all + ms) })
}
