//! Instants and zones. An instant is UTC; a civil time always carries the zone it is read in.

use jiff::{Timestamp, Zoned, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Instant(pub u64);

/// The last instant that calendars here can write: the end of the year 9999.
pub const LAST: Instant = Instant(253_402_207_200_000);

/// One second, in milliseconds.
pub const SECOND: u64 = 1_000;
/// One minute, in milliseconds.
pub const MINUTE: u64 = 60 * SECOND;
/// One hour, in milliseconds.
pub const HOUR: u64 = 60 * MINUTE;
/// Twenty-four hours, in milliseconds; a civil day may be longer or shorter.
pub const DAY: u64 = 24 * HOUR;

impl Instant {
    /// This instant, so many milliseconds later; never past [`LAST`].
    pub fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms).min(LAST.0))
    }

    /// This instant, so many milliseconds earlier; never before the epoch.
    pub fn minus(self, ms: u64) -> Self {
        Self(self.0.saturating_sub(ms))
    }

    /// As a timestamp of `jiff`.
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0.min(LAST.0) as i64).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// As wall-clock time in a zone.
    pub fn in_zone(self, zone: &TimeZone) -> Zoned {
        self.timestamp().to_zoned(zone.clone())
    }

    /// Reads RFC 3339 (`2026-11-22T10:00:00Z`, any offset) or RFC 9557 (`...[Europe/Berlin]`).
    pub fn parse(text: &str) -> Option<Self> {
        let timestamp = text.parse::<Timestamp>().ok().or_else(|| text.parse::<Zoned>().ok().map(|z| z.timestamp()))?;
        u64::try_from(timestamp.as_millisecond()).ok().map(Self)
    }
}

impl std::fmt::Display for Instant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3}", self.timestamp())
    }
}

impl From<Timestamp> for Instant {
    fn from(timestamp: Timestamp) -> Self {
        Self(u64::try_from(timestamp.as_millisecond()).unwrap_or(0))
    }
}

/// The zone of an IANA name, from the data compiled into this program.
pub fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

/// The zone of a name, or UTC when there is none of that name.
pub fn zone_or_utc(name: &str) -> TimeZone {
    zone(name).unwrap_or(TimeZone::UTC)
}
