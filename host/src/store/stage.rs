//! Judges a batch against the rows as they stand and says what it would change. Both stores commit through here.
//!
//! It never changes anything itself, so a refused batch leaves no trace.

use std::collections::HashMap;

use super::key::{KEY_LIMIT_BYTES, Key, Range};
use super::row::{NEWEST_VERSION, ROW_LIMIT_BYTES, Row};
use super::{Batch, Check, Refused, StoreError, Write};

/// The most that one batch may weigh, in bytes. Heavier ones are refused as misuse.
const BATCH_LIMIT_BYTES: usize = 64 << 20;

/// A row that was put, or `None` for one that was deleted.
pub(super) type Effect = (Key, Option<Row>);

/// The rows that a batch is judged against: those of every batch before it.
pub(super) trait Ground {
    fn get(&self, key: &Key) -> Result<Option<Row>, StoreError>;
    fn has(&self, key: &Key) -> Result<bool, StoreError>;
    fn keys(&self, range: &Range) -> Result<Vec<Key>, StoreError>;
}

/// What a batch changes, in order, and the numbers it was given.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) effects: Vec<Effect>,
    /// Where in `effects` those begin that were given a number just now: nothing can stand at their keys already.
    pub(super) fresh: usize,
    pub(super) numbers: Vec<u64>,
}

/// Judges a batch; `next` is the next number of the sequence.
pub(super) fn stage(batch: Batch, next: u64, ground: &impl Ground) -> Result<Result<Staged, Refused>, StoreError> {
    let bytes = weight(&batch);
    if bytes > BATCH_LIMIT_BYTES {
        let reason = format!("it has about {bytes} bytes, and the limit is {BATCH_LIMIT_BYTES}");
        return Ok(Err(Refused::Misuse(reason)));
    }
    for check in &batch.checks {
        let (key, holds) = match check {
            Check::Absent(key) => (key, !ground.has(key)?),
            Check::Present(key) => (key, ground.has(key)?),
            Check::Equals(key, row) => (key, ground.get(key)?.is_some_and(|there| there == *row)),
        };
        if !holds {
            return Ok(Err(Refused::Check(key.clone())));
        }
    }
    let reads_itself = batch.writes.iter().any(|w| matches!(w, Write::Add(..) | Write::DeleteRange(_)));
    let rows: usize = batch.appends.iter().map(|append| append.rows.len()).sum();
    let mut effects: Vec<Effect> = Vec::with_capacity(batch.writes.len() + rows);
    // Where the latest effect on a key stands; needed only where a write depends on those before it.
    let mut latest: HashMap<Key, usize> = HashMap::new();
    for write in batch.writes {
        let before = effects.len();
        match write {
            Write::Put(key, row) => {
                if let Some(refused) = limits(&key, &row) {
                    return Ok(Err(refused));
                }
                effects.push((key, Some(row)));
            }
            Write::Delete(key) => effects.push((key, None)),
            Write::DeleteRange(range) => {
                effects.extend(ground.keys(&range)?.into_iter().map(|key| (key, None)));
                effects.extend(latest.keys().filter(|key| range.contains(key)).map(|key| (key.clone(), None)));
                // Map order is not the same every time, and what is written should be.
                if let Some(added) = effects.get_mut(before..) {
                    added.sort_unstable_by(|a, b| a.0.cmp(&b.0));
                }
            }
            Write::Add(key, amount) => {
                let there = match latest.get(&key).and_then(|&place| effects.get(place)) {
                    Some((_, row)) => row.clone(),
                    None => ground.get(&key)?,
                };
                match add(there.as_ref(), amount) {
                    Some(row) => effects.push((key, Some(row))),
                    None => return Ok(Err(Refused::Misuse(format!("{key} is added to, but is no number with room")))),
                }
            }
        }
        if reads_itself {
            latest.extend(effects.iter().enumerate().skip(before).map(|(place, (key, _))| (key.clone(), place)));
        }
    }
    let fresh = effects.len();
    let mut numbers = Vec::with_capacity(batch.appends.len());
    for (append, number) in batch.appends.into_iter().zip(next..) {
        for (prefix, row) in append.rows {
            let key = prefix.number(number);
            if let Some(refused) = limits(&key, &row) {
                return Ok(Err(refused));
            }
            effects.push((key, Some(row)));
        }
        numbers.push(number);
    }
    Ok(Ok(Staged { effects, fresh, numbers }))
}

/// About how many bytes a batch takes while it waits and when it is written.
pub(super) fn weight(batch: &Batch) -> usize {
    let writes = batch.writes.iter().map(|write| match write {
        Write::Put(_, row) => 64 + row.encoded_len(),
        _ => 64,
    });
    let appends = batch.appends.iter().flat_map(|append| &append.rows).map(|(_, row)| 64 + row.encoded_len());
    64 * batch.checks.len() + writes.sum::<usize>() + appends.sum::<usize>()
}

/// What a careless caller gets away with where nobody looks. The memory store looks.
pub(super) fn misuse(batch: &Batch) -> Option<String> {
    let mut written: HashMap<&Key, bool> = HashMap::new();
    let mut ranges: Vec<&Range> = Vec::new();
    for write in &batch.writes {
        let (key, adds) = match write {
            Write::Put(key, _) | Write::Delete(key) => (key, false),
            Write::Add(key, _) => (key, true),
            Write::DeleteRange(range) => {
                if let Some(key) = written.keys().find(|key| range.contains(key)) {
                    return Some(format!("{key} is written, and then deleted with a range"));
                }
                ranges.push(range);
                continue;
            }
        };
        if let Some(added) = written.insert(key, adds)
            && !(adds && added)
        {
            return Some(format!("{key} is written twice"));
        }
    }
    for append in &batch.appends {
        for (place, (prefix, _)) in append.rows.iter().enumerate() {
            if append.rows.iter().take(place).any(|(earlier, _)| earlier == prefix) {
                return Some(format!("{prefix} is appended to twice under one number"));
            }
        }
    }
    // Whoever checks the rows of one business and writes those of another has mixed the two up. The installation's own
    // rows may be checked by anyone.
    let writes_to = |key: &Key| {
        let business = key.business();
        business.0 == [0; 16]
            || written.keys().any(|key| key.business() == business)
            || ranges.iter().any(|range| range.contains(key) || range.start().get(..16) == Some(&business.0))
            || batch.appends.iter().flat_map(|append| &append.rows).any(|(key, _)| key.business() == business)
    };
    let checked = batch.checks.iter().map(|check| match check {
        Check::Absent(key) | Check::Present(key) | Check::Equals(key, _) => key,
    });
    if !(batch.writes.is_empty() && batch.appends.is_empty())
        && let Some(key) = checked.into_iter().find(|key| !writes_to(key))
    {
        return Some(format!("{key} is checked, but nothing of its business is written"));
    }
    None
}

fn limits(key: &Key, row: &Row) -> Option<Refused> {
    if key.as_bytes().len() > KEY_LIMIT_BYTES {
        let bytes = key.as_bytes().len();
        return Some(Refused::Misuse(format!("a key of {bytes} bytes, and the limit is {KEY_LIMIT_BYTES}")));
    }
    if row.encoded_len() > ROW_LIMIT_BYTES {
        let bytes = row.encoded_len();
        return Some(Refused::Misuse(format!("{key} has a row of {bytes} bytes, and the limit is {ROW_LIMIT_BYTES}")));
    }
    None
}

/// The row with the sum, or nothing if the row is no number or the sum does not fit.
fn add(there: Option<&Row>, amount: i64) -> Option<Row> {
    let Some(row) = there else {
        return Some(Row { version: NEWEST_VERSION, clear: amount.to_string().into_bytes(), sealed: Vec::new() });
    };
    let number: i64 = std::str::from_utf8(&row.clear).ok()?.trim().parse().ok()?;
    let sum = number.checked_add(amount)?;
    Some(Row { clear: sum.to_string().into_bytes(), ..row.clone() })
}
