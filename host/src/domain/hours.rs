//! When a business is open.
//!
//! Everything goes by the clock on the wall: a business is open when a clock in its zone shows a time within a range of
//! that day. So both clock changes come out as a person would expect: a range that would open in the hour that is
//! skipped opens at the first moment after it, one that lies wholly within it does not occur, and an hour that occurs
//! twice counts twice.
//!
//! Never reads a clock; the zone is always an argument.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use utoipa::ToSchema;

use super::time::{DAY, Instant};

/// When a business is open: for each weekday the ranges in which it is, and whole days on which it is not. A weekday
/// without ranges is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"mon": ["09:00-12:30", "13:30-17:00"], "fri": ["22:00-02:00"], "holidays": ["2026-12-25"]}))]
pub struct OpeningHours {
    /// Monday's ranges, such as `09:00-17:00`. One that ends before it begins runs over midnight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub mon: Vec<Range>,
    /// Tuesday's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub tue: Vec<Range>,
    /// Wednesday's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub wed: Vec<Range>,
    /// Thursday's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub thu: Vec<Range>,
    /// Friday's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub fri: Vec<Range>,
    /// Saturday's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub sat: Vec<Range>,
    /// Sunday's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub sun: Vec<Range>,
    /// Days (`2026-12-25`) on which it is closed from midnight to midnight, whatever the ranges say.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub holidays: BTreeSet<Day>,
}

/// A time of day to the minute: minutes after midnight, 0 to 1440, written `HH:MM`. 1440 (`24:00`) can only end a
/// range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Clock(pub(super) u16);

/// A range of a day: open from `open` on, no longer open at `close`. Written `09:00-17:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Range {
    /// The first minute.
    pub open: Clock,
    /// The minute after the last; not after `open` means on the next day.
    pub close: Clock,
}

/// A calendar day, written `2026-12-25`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub Date);

/// Hours that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadHours {
    /// Not a time of day.
    #[error("`{0}` is not a time of day; write it as 09:00, from 00:00 to 24:00")]
    Clock(String),
    /// Not a range.
    #[error("`{0}` is not a range of times; write it as 09:00-17:00")]
    Range(String),
    /// A range that is empty.
    #[error("the range `{0}` is empty; for the whole day write 00:00-24:00, for a closed day leave it out")]
    Empty(String),
    /// Not a day.
    #[error("`{0}` is not a day; write it as 2026-12-25")]
    Day(String),
    /// Quiet hours that begin when they end.
    #[error("quiet hours from `{0}` to `{0}` are none; to switch them off set `enabled` to false")]
    NoQuiet(Clock),
    /// More rules than anybody needs.
    #[error("quiet hours have at most {0} exceptions and {0} further times")]
    TooManyRules(usize),
    /// A spread that reaches into the next day.
    #[error("spread_minutes is {0}; it is 0 to {1}")]
    Spread(u16, u16),
}

/// How far ahead [`OpeningHours::next_open`] looks, in days: a leap year.
pub const LOOK_AHEAD_DAYS: u64 = 366;

impl Default for OpeningHours {
    /// Monday to Friday, 09:00 to 17:00.
    fn default() -> Self {
        let day = vec![Range { open: Clock(9 * 60), close: Clock(17 * 60) }];
        Self {
            mon: day.clone(),
            tue: day.clone(),
            wed: day.clone(),
            thu: day.clone(),
            fri: day,
            sat: Vec::new(),
            sun: Vec::new(),
            holidays: BTreeSet::new(),
        }
    }
}

impl OpeningHours {
    /// The ranges of a weekday, those that begin on it.
    pub fn ranges(&self, weekday: Weekday) -> &[Range] {
        match weekday {
            Weekday::Monday => &self.mon,
            Weekday::Tuesday => &self.tue,
            Weekday::Wednesday => &self.wed,
            Weekday::Thursday => &self.thu,
            Weekday::Friday => &self.fri,
            Weekday::Saturday => &self.sat,
            Weekday::Sunday => &self.sun,
        }
    }

    /// Whether it is open.
    pub fn is_open(&self, at: Instant, zone: &TimeZone) -> bool {
        let wall = at.in_zone(zone).datetime();
        let (today, minute) = (wall.date(), minute_of(wall.time()));
        if self.is_holiday(today) {
            return false;
        }
        let open_since_today =
            self.ranges(today.weekday()).iter().any(|r| minute >= r.open && (r.is_overnight() || minute < r.close));
        let open_since_yesterday = || {
            today.yesterday().is_ok_and(|day| {
                !self.is_holiday(day) && self.ranges(day.weekday()).iter().any(|r| r.is_overnight() && minute < r.close)
            })
        };
        open_since_today || open_since_yesterday()
    }

    /// The first moment from `after` on at which it is open: `after` itself if it is, none if there is none within
    /// [`LOOK_AHEAD_DAYS`].
    pub fn next_open(&self, after: Instant, zone: &TimeZone) -> Option<Instant> {
        if self.is_open(after, zone) {
            return Some(after);
        }
        let mut day = after.in_zone(zone).date();
        let horizon = after.plus(LOOK_AHEAD_DAYS * DAY);
        let opens = |at: &Instant| *at > after && *at <= horizon && self.is_open(*at, zone);
        for _ in 0..=LOOK_AHEAD_DAYS {
            let starts = self.ranges(day.weekday()).iter().map(|r| r.open);
            let first = starts.flat_map(|clock| moments(day, clock, zone)).filter(opens).min();
            if let Some(first) = first {
                // A change of the clocks may put it into a range earlier than any range begins.
                return changes(after, first, zone).find(opens).or(Some(first));
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    /// Whether it is closed on a day whatever the ranges say.
    pub fn is_holiday(&self, day: Date) -> bool {
        self.holidays.contains(&Day(day))
    }
}

/// When a clock in the zone shows this time on this day: once, twice where the hour repeats, and where the time is
/// skipped the first moment after the gap.
pub(super) fn moments(day: Date, clock: Clock, zone: &TimeZone) -> impl Iterator<Item = Instant> {
    let wall = clock.on(day);
    let at = |wall: DateTime, offset: jiff::tz::Offset| offset.to_timestamp(wall).ok().map(Instant::from);
    let found = wall.map(|wall| match zone.to_ambiguous_timestamp(wall).offset() {
        AmbiguousOffset::Unambiguous { offset } => [at(wall, offset), None],
        AmbiguousOffset::Fold { before, after } => [at(wall, before), at(wall, after)],
        AmbiguousOffset::Gap { before, after } => {
            // Read by the later offset the skipped time lies before the change, so the change is the next one after it.
            let change = after.to_timestamp(wall).ok().and_then(|t| zone.following(t).next());
            [change.map(|c| Instant::from(c.timestamp())).or_else(|| at(wall, before)), None]
        }
    });
    found.into_iter().flatten().flatten()
}

/// The moments strictly between two at which the zone's clocks are changed.
pub(super) fn changes(after: Instant, before: Instant, zone: &TimeZone) -> impl Iterator<Item = Instant> + use<'_> {
    zone.following(after.timestamp())
        .map(|change| Instant::from(change.timestamp()))
        .take_while(move |&at| at < before)
        .filter(move |&at| at > after)
}

pub(super) fn minute_of(time: Time) -> Clock {
    Clock(u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs()))
}

impl Clock {
    /// The last minute of a day, as an end: `24:00`.
    pub const END: Self = Self(24 * 60);

    /// Reads `HH:MM`, 00:00 to 24:00; one digit for the hour is enough.
    pub fn parse(text: &str) -> Result<Self, BadHours> {
        let bad = || BadHours::Clock(shown(text));
        let (hour, minute) = text.split_once(':').ok_or_else(bad)?;
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<u16>().ok()).flatten();
        if hour.len() > 2 || minute.len() != 2 {
            return Err(bad());
        }
        match (digits(hour), digits(minute)) {
            (Some(hour), Some(minute)) if minute < 60 && hour * 60 + minute <= Self::END.0 => {
                Ok(Self(hour * 60 + minute))
            }
            _ => Err(bad()),
        }
    }

    /// Minutes after midnight, 0 to 1440.
    pub fn minutes(self) -> u16 {
        self.0
    }

    fn on(self, day: Date) -> Option<DateTime> {
        let day = if self == Self::END { day.tomorrow().ok()? } else { day };
        let minutes = self.0 % Self::END.0;
        Time::new((minutes / 60) as i8, (minutes % 60) as i8, 0, 0).ok().map(|time| day.to_datetime(time))
    }
}

impl Range {
    /// Reads `09:00-17:00`; `22:00-02:00` runs over midnight.
    pub fn parse(text: &str) -> Result<Self, BadHours> {
        let (open, close) = text.split_once(['-', '\u{2013}']).ok_or_else(|| BadHours::Range(shown(text)))?;
        let (open, close) = (Clock::parse(open.trim())?, Clock::parse(close.trim())?);
        if open == close || open == Clock::END {
            return Err(BadHours::Empty(shown(text)));
        }
        Ok(Self { open, close })
    }

    fn is_overnight(&self) -> bool {
        self.close <= self.open
    }
}

impl Day {
    /// Reads `2026-12-25`.
    pub fn parse(text: &str) -> Result<Self, BadHours> {
        // jiff reads more than a date here (times, zones); only the plain form is written back the same.
        match text.parse::<Date>() {
            Ok(date) if text.len() == 10 => Ok(Self(date)),
            _ => Err(BadHours::Day(shown(text))),
        }
    }
}

/// What an error repeats of a value: its beginning.
fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.open, self.close)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

macro_rules! as_text {
    ($($name:ident)*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(D::Error::custom)
            }
        }
    )*};
}

as_text! { Clock Range Day }

#[cfg(test)]
mod tests {
    use super::super::time;
    use super::*;

    fn hours(json: &str) -> OpeningHours {
        serde_json::from_str(json).unwrap()
    }

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    #[test]
    fn opens_and_closes_by_the_clock_on_the_wall() {
        let shop = r#"{"mon":["09:00-12:30","13:30-17:00"],"fri":["22:00-02:00"],"sun":["00:00-24:00"],
            "holidays":["2026-12-25"]}"#;
        for (zone, when, open) in [
            ("Europe/Berlin", "2026-03-02T09:00:00+01:00", true),
            ("Europe/Berlin", "2026-03-02T08:59:59+01:00", false),
            ("Europe/Berlin", "2026-03-02T12:30:00+01:00", false),
            ("Europe/Berlin", "2026-03-02T16:59:59.999+01:00", true),
            ("Europe/Berlin", "2026-03-03T10:00:00+01:00", false),
            ("Europe/Berlin", "2026-03-06T23:00:00+01:00", true),
            ("Europe/Berlin", "2026-03-07T01:59:00+01:00", true),
            ("Europe/Berlin", "2026-03-07T02:00:00+01:00", false),
            ("Europe/Berlin", "2026-03-08T23:59:59+01:00", true),
            // A holiday is closed as a whole, and what would begin on it does not reach into the next day.
            ("Europe/Berlin", "2026-12-25T23:00:00+01:00", false),
            ("Europe/Berlin", "2026-12-26T01:00:00+01:00", false),
            // Monday morning on Kiritimati (UTC+14) is still Sunday in UTC.
            ("Pacific/Kiritimati", "2026-03-01T19:30:00Z", true),
            ("Pacific/Kiritimati", "2026-03-01T18:30:00Z", false),
        ] {
            assert_eq!(hours(shop).is_open(at(when), &time::zone(zone).unwrap()), open, "{zone} {when}");
        }
    }

    #[test]
    fn finds_the_next_opening_across_clock_changes() {
        let default = serde_json::to_string(&OpeningHours::default()).unwrap();
        let early = r#"{"sun":["02:30-04:00"]}"#;
        let in_gap = r#"{"sun":["02:10-02:40"]}"#;
        let until_fold = r#"{"sun":["01:00-02:30"]}"#;
        let lord_howe = r#"{"sun":["02:15-05:00"]}"#;
        for (hours_json, zone, after, expected) in [
            (default.as_str(), "Europe/Berlin", "2026-03-03T10:00:00+01:00", Some("2026-03-03T10:00:00+01:00")),
            (&default, "Europe/Berlin", "2026-03-03T17:00:00+01:00", Some("2026-03-04T09:00:00+01:00")),
            // Over the weekends in which the clocks change.
            (&default, "Europe/Berlin", "2026-03-27T17:00:00+01:00", Some("2026-03-30T09:00:00+02:00")),
            (&default, "Europe/Berlin", "2026-10-23T17:00:00+02:00", Some("2026-10-26T09:00:00+01:00")),
            (&default, "America/New_York", "2026-03-06T18:00:00-05:00", Some("2026-03-09T09:00:00-04:00")),
            // 02:30 does not exist: open from the first moment after the gap.
            (early, "Europe/Berlin", "2026-03-29T01:00:00+01:00", Some("2026-03-29T03:00:00+02:00")),
            (early, "America/New_York", "2026-03-08T01:00:00-05:00", Some("2026-03-08T03:00:00-04:00")),
            // A range within the gap does not occur; the next one is a week later.
            (in_gap, "Europe/Berlin", "2026-03-29T01:00:00+01:00", Some("2026-04-05T02:10:00+02:00")),
            // 02:30 occurs twice; after the first one, the clock goes back into the range.
            (early, "Europe/Berlin", "2026-10-25T01:00:00+02:00", Some("2026-10-25T02:30:00+02:00")),
            (until_fold, "Europe/Berlin", "2026-10-25T02:45:00+02:00", Some("2026-10-25T02:00:00+01:00")),
            // Half an hour: at 02:00 clocks go to 02:30 (4 October), at 02:00 back to 01:30 (5 April).
            (lord_howe, "Australia/Lord_Howe", "2026-10-04T01:00:00+10:30", Some("2026-10-04T02:30:00+11:00")),
            (until_fold, "Australia/Lord_Howe", "2026-04-05T01:45:00+11:00", Some("2026-04-05T01:45:00+11:00")),
            (&default, "Pacific/Kiritimati", "2026-03-01T12:00:00Z", Some("2026-03-01T19:00:00Z")),
            ("{}", "Europe/Berlin", "2026-03-03T10:00:00+01:00", None),
            // What would begin on a holiday is left out as a whole.
            (
                r#"{"fri":["22:00-02:00"],"holidays":["2026-12-25"]}"#,
                "UTC",
                "2026-12-25T21:00:00Z",
                Some("2027-01-01T22:00:00Z"),
            ),
        ] {
            let zone = time::zone(zone).unwrap();
            let found = hours(hours_json).next_open(at(after), &zone);
            assert_eq!(found, expected.map(at), "{hours_json} {after}");
            assert!(found.is_none_or(|found| hours(hours_json).is_open(found, &zone)));
        }
    }

    #[test]
    fn what_is_malformed_is_refused_by_name() {
        for (json, named) in [
            (r#"{"mon":["9-17"]}"#, "`9`"),
            (r#"{"mon":["09:00-25:00"]}"#, "`25:00`"),
            (r#"{"mon":["09:00"]}"#, "`09:00`"),
            (r#"{"mon":["09:00-09:00"]}"#, "`09:00-09:00`"),
            (r#"{"mon":["+9:00-10:00"]}"#, "`+9:00`"),
            (r#"{"monday":["09:00-17:00"]}"#, "`monday`"),
            (r#"{"holidays":["2026-02-30"]}"#, "`2026-02-30`"),
            (r#"{"holidays":["25.12.2026"]}"#, "`25.12.2026`"),
        ] {
            let error = serde_json::from_str::<OpeningHours>(json).unwrap_err().to_string();
            assert!(error.contains(named), "{json}: {error}");
        }
    }

    #[test]
    fn what_was_read_is_written_the_same() {
        let json = r#"{"mon":["09:00-12:30","13:30-24:00"],"fri":["22:00-02:00"],"holidays":["2026-12-25"]}"#;
        assert_eq!(serde_json::to_string(&hours(json)).unwrap(), json);
    }

    #[test]
    fn the_ends_of_time_have_an_answer() {
        for at in [Instant(0), time::LAST, Instant(u64::MAX)] {
            for name in ["UTC", "Pacific/Kiritimati", "America/New_York", "Australia/Lord_Howe"] {
                let zone = time::zone(name).unwrap();
                let _ = OpeningHours::default().next_open(at, &zone);
            }
        }
    }
}
