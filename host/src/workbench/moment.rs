//! Spans and moments of time as authors write them. A moment that the clock never shows, or shows twice, is an error that says what to
//! write instead.

use anyhow::{Context, Result, bail};
use jiff::fmt::temporal::Pieces;
use jiff::tz::AmbiguousOffset;

use crate::domain::time::{DAY, HOUR, Instant, MINUTE, SECOND};

/// Reads `90s`, `30m`, `21h`, `3d`; a `d` is 24 hours. Milliseconds.
///
/// # Errors
/// When it is none of these.
pub fn duration_ms(text: &str) -> Result<u64> {
    let wrong = || format!("`{text}` is no time span such as 30m, 21h or 3d");
    let unit = text.chars().last().with_context(wrong)?;
    let unit_ms = match unit {
        's' => SECOND,
        'm' => MINUTE,
        'h' => HOUR,
        'd' => DAY,
        _ => bail!(wrong()),
    };
    let count: u64 = text[..text.len() - 1].trim().parse().with_context(wrong)?;
    count.checked_mul(unit_ms).with_context(wrong)
}

/// Reads a moment. A wall-clock time with a zone and without an offset has to be one that the clock shows exactly once.
///
/// # Errors
/// When it is none; when clocks go forward over it or show it twice, with what to write instead.
pub fn moment(text: &str) -> Result<Instant> {
    if let Some(words) = gap_or_fold(text) {
        bail!(words);
    }
    Instant::parse(text).with_context(|| {
        format!("`{text}` is no moment such as 2026-03-02T09:00[Europe/Berlin] or 2026-03-02T08:00:00Z")
    })
}

/// What is wrong with a wall-clock time that is no single moment.
fn gap_or_fold(text: &str) -> Option<String> {
    let pieces = Pieces::parse(text).ok()?;
    if pieces.offset().is_some() {
        return None;
    }
    let zone = pieces.to_time_zone().ok()??;
    let time = pieces.date().to_datetime(pieces.time()?);
    let ambiguous = zone.to_ambiguous_timestamp(time);
    let zone_name = zone.iana_name()?;
    let minutes = |time: jiff::civil::DateTime| time.strftime("%Y-%m-%dT%H:%M").to_string();
    let with = |offset: jiff::tz::Offset| {
        let seconds = offset.seconds();
        let (sign, seconds) = (if seconds < 0 { '-' } else { '+' }, seconds.unsigned_abs());
        format!("{}{sign}{:02}:{:02}[{zone_name}]", minutes(time), seconds / 3_600, seconds / 60 % 60)
    };
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => None,
        AmbiguousOffset::Gap { before, after } => {
            // Read with the offset of before it lies after the gap, and the other way round.
            let shown = |offset: jiff::tz::Offset| {
                let at = offset.to_timestamp(time).ok()?;
                Some(format!("{}[{zone_name}]", minutes(at.to_zoned(zone.clone()).datetime())))
            };
            Some(format!(
                "`{text}` never comes: clocks go forward over it; write {} or {}",
                shown(after)?,
                shown(before)?
            ))
        }
        AmbiguousOffset::Fold { before, after } => Some(format!(
            "`{text}` comes twice: clocks go back then; write {} for the first time or {} for the second",
            with(before),
            with(after)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_in_a_gap_or_a_fold_of_the_clock_is_an_error_that_says_what_to_write() {
        let told = |text: &str| moment(text).map(|at| at.to_string()).unwrap_or_else(|error| error.to_string());
        let table = [
            ("2026-10-25T01:59[Europe/Berlin]", "2026-10-24T23:59:00.000Z"),
            (
                "2026-10-25T02:30[Europe/Berlin]",
                "`2026-10-25T02:30[Europe/Berlin]` comes twice: clocks go back then; write \
                 2026-10-25T02:30+02:00[Europe/Berlin] for the first time or 2026-10-25T02:30+01:00[Europe/Berlin] for the second",
            ),
            ("2026-10-25T02:30+02:00[Europe/Berlin]", "2026-10-25T00:30:00.000Z"),
            ("2026-10-25T02:30+01:00[Europe/Berlin]", "2026-10-25T01:30:00.000Z"),
            ("2026-10-25T03:00[Europe/Berlin]", "2026-10-25T02:00:00.000Z"),
            (
                "2026-03-29T02:30[Europe/Berlin]",
                "`2026-03-29T02:30[Europe/Berlin]` never comes: clocks go forward over it; write \
                 2026-03-29T01:30[Europe/Berlin] or 2026-03-29T03:30[Europe/Berlin]",
            ),
            (
                "2026-11-01T01:30[America/St_Johns]",
                "`2026-11-01T01:30[America/St_Johns]` comes twice: clocks go back then; write \
                 2026-11-01T01:30-02:30[America/St_Johns] for the first time or 2026-11-01T01:30-03:30[America/St_Johns] for the second",
            ),
            ("2026-03-29T02:30:00Z", "2026-03-29T02:30:00.000Z"),
            (
                "2026-03-29T02:30",
                "`2026-03-29T02:30` is no moment such as 2026-03-02T09:00[Europe/Berlin] or 2026-03-02T08:00:00Z",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(told(text), expected);
        }
    }
}
