//! Quiet hours: when customers are left alone, by channel and purpose.
//!
//! Everything goes by the clock on the recipient's wall, so both clock changes come out as a person would expect (see
//! [`hours`](super::hours)). Never reads a clock; the zone is always an argument.

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::hours::{BadHours, Clock, LOOK_AHEAD_DAYS, OpeningHours, changes, minute_of, moments};
use super::message::Purpose;
use super::time::Instant;

/// When customers are left alone: every day from one time to another in the recipient's zone, with exceptions, and further
/// times for some messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "QuietFields")]
#[schema(example = json!({"from": "21:00", "to": "08:00", "enabled": true, "except": [{"purposes": ["reply"]}],
    "also": [{"purposes": ["marketing"], "days": ["sun", "holiday"], "from": "00:00", "to": "24:00"}]}))]
pub struct QuietHours {
    /// From when they are left alone, such as `21:00`.
    #[schema(value_type = String, examples("21:00"))]
    pub from: Clock,
    /// When they may be written to again, such as `08:00`. Before `from` it is the next day; the same as `from` is
    /// refused.
    #[schema(value_type = String, examples("08:00"))]
    pub to: Clock,
    /// Whether any of this is kept at all.
    pub enabled: bool,
    /// What may go out between `from` and `to` all the same. Absent, it is answers to the customer's own messages.
    pub except: Vec<Which>,
    /// Further quiet times, each for some messages on some days.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<QuietTime>,
    /// What waited for the morning goes out over this many minutes and not all at once, 0 to 180; 30 when absent.
    #[schema(minimum = 0, maximum = 180)]
    pub spread_minutes: u16,
}

/// Some messages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// With these purposes; none named is every purpose but `reply`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub purposes: BTreeSet<Purpose>,
    /// On these channels; none named is every channel.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub channels: BTreeSet<String>,
}

/// A further quiet time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "TimeFields")]
pub struct QuietTime {
    /// For which messages.
    #[serde(flatten)]
    pub which: Which,
    /// On which days it begins; none named is every day. Holidays are those of the opening hours, and a holiday is no other
    /// day beside.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub days: BTreeSet<DayKind>,
    /// From when, such as `12:00`.
    #[schema(value_type = String, examples("12:00"))]
    pub from: Clock,
    /// Until when, such as `24:00`. Not after `from` it is the next day.
    #[schema(value_type = String, examples("24:00"))]
    pub to: Clock,
}

/// A day of the week, or a holiday of the business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DayKind {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
    /// A holiday of the business.
    Holiday,
}

/// More exceptions or further times than this are refused: a week has seven days.
const MOST_RULES: usize = 16;

/// The longest spread, in minutes: what waits for the morning should still come in the morning.
const MOST_SPREAD: u16 = 180;

impl Default for QuietHours {
    /// From 21:00 to 08:00: texts that can wait go out between 8 and 21 in the recipient's zone (47 CFR 64.1200(c)(1),
    /// and what carriers ask for). Answers are no calls at night: the customer wrote first.
    fn default() -> Self {
        let replies = Which { purposes: BTreeSet::from([Purpose::Reply]), ..Which::default() };
        Self {
            from: Clock(21 * 60),
            to: Clock(8 * 60),
            enabled: true,
            except: vec![replies],
            also: Vec::new(),
            spread_minutes: 30,
        }
    }
}

impl Which {
    fn has(&self, purpose: Purpose, channel: &str) -> bool {
        let by_purpose =
            if self.purposes.is_empty() { purpose != Purpose::Reply } else { self.purposes.contains(&purpose) };
        by_purpose && (self.channels.is_empty() || self.channels.contains(channel))
    }
}

/// A daily time at which customers are left alone.
struct Window<'a> {
    days: Option<&'a BTreeSet<DayKind>>,
    from: Clock,
    to: Clock,
}

impl Window<'_> {
    fn begins_on(&self, day: Date, hours: &OpeningHours) -> bool {
        self.days.is_none_or(|days| days.is_empty() || days.contains(&kind(day, hours)))
    }

    fn covers(&self, at: Instant, zone: &TimeZone, hours: &OpeningHours) -> bool {
        let wall = at.in_zone(zone).datetime();
        let (today, minute) = (wall.date(), minute_of(wall.time()));
        if self.from < self.to {
            return minute >= self.from && minute < self.to && self.begins_on(today, hours);
        }
        minute >= self.from && self.begins_on(today, hours)
            || minute < self.to && today.yesterday().is_ok_and(|day| self.begins_on(day, hours))
    }
}

fn kind(day: Date, hours: &OpeningHours) -> DayKind {
    if hours.is_holiday(day) {
        return DayKind::Holiday;
    }
    match day.weekday() {
        Weekday::Monday => DayKind::Mon,
        Weekday::Tuesday => DayKind::Tue,
        Weekday::Wednesday => DayKind::Wed,
        Weekday::Thursday => DayKind::Thu,
        Weekday::Friday => DayKind::Fri,
        Weekday::Saturday => DayKind::Sat,
        Weekday::Sunday => DayKind::Sun,
    }
}

impl QuietHours {
    /// The times that are quiet for a message.
    fn windows(&self, purpose: Purpose, channel: &str) -> Vec<Window<'_>> {
        let mut windows = Vec::new();
        if !self.enabled {
            return windows;
        }
        if !self.except.iter().any(|which| which.has(purpose, channel)) {
            windows.push(Window { days: None, from: self.from, to: self.to });
        }
        let also = self.also.iter().filter(|one| one.which.has(purpose, channel));
        windows.extend(also.map(|one| Window { days: Some(&one.days), from: one.from, to: one.to }));
        windows
    }

    /// Whether a message has to wait, by a clock in the recipient's zone. `hours` say which days are holidays.
    pub fn is_quiet(
        &self,
        at: Instant,
        zone: &TimeZone,
        hours: &OpeningHours,
        purpose: Purpose,
        channel: &str,
    ) -> bool {
        self.windows(purpose, channel).iter().any(|window| window.covers(at, zone, hours))
    }

    /// The first moment from `at` on at which a message need not wait: `at` itself if it need not, none if there is none within
    /// [`LOOK_AHEAD_DAYS`].
    pub fn next_allowed(
        &self,
        at: Instant,
        zone: &TimeZone,
        hours: &OpeningHours,
        purpose: Purpose,
        channel: &str,
    ) -> Option<Instant> {
        let windows = self.windows(purpose, channel);
        let is_quiet = |at: Instant| windows.iter().any(|window| window.covers(at, zone, hours));
        if !is_quiet(at) {
            return Some(at);
        }
        let allowed = |moment: &Instant| *moment > at && !is_quiet(*moment);
        // Quiet ends when one of the times ends, or at midnight where another kind of day begins.
        let ends: BTreeSet<Clock> = windows.iter().map(|window| window.to).chain([Clock(0)]).collect();
        let mut day = at.in_zone(zone).date();
        for _ in 0..=LOOK_AHEAD_DAYS {
            let first = ends.iter().flat_map(|clock| moments(day, *clock, zone)).filter(allowed).min();
            if let Some(first) = first {
                // A change of the clocks may end it earlier than any of them.
                return changes(at, first, zone).find(allowed).or(Some(first));
            }
            day = day.tomorrow().ok()?;
        }
        None
    }
}

/// Quiet hours as they are written; what is left out is as in the default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct QuietFields {
    from: Clock,
    to: Clock,
    enabled: bool,
    except: Vec<Which>,
    also: Vec<QuietTime>,
    spread_minutes: u16,
}

impl Default for QuietFields {
    fn default() -> Self {
        let QuietHours { from, to, enabled, except, also, spread_minutes } = QuietHours::default();
        Self { from, to, enabled, except, also, spread_minutes }
    }
}

impl TryFrom<QuietFields> for QuietHours {
    type Error = BadHours;
    fn try_from(fields: QuietFields) -> Result<Self, BadHours> {
        let QuietFields { from, to, enabled, except, also, spread_minutes } = fields;
        // 24:00 and 00:00 are one time of day here.
        let midnight = |clock: Clock| Clock(clock.minutes() % Clock::END.minutes());
        let (from, to) = (midnight(from), midnight(to));
        if from == to {
            return Err(BadHours::NoQuiet(from));
        }
        if except.len().max(also.len()) > MOST_RULES {
            return Err(BadHours::TooManyRules(MOST_RULES));
        }
        if spread_minutes > MOST_SPREAD {
            return Err(BadHours::Spread(spread_minutes, MOST_SPREAD));
        }
        Ok(Self { from, to, enabled, except, also, spread_minutes })
    }
}

/// A further quiet time as it is written: the whole day when no time is said.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TimeFields {
    #[serde(default)]
    purposes: BTreeSet<Purpose>,
    #[serde(default)]
    channels: BTreeSet<String>,
    #[serde(default)]
    days: BTreeSet<DayKind>,
    #[serde(default)]
    from: Option<Clock>,
    #[serde(default)]
    to: Option<Clock>,
}

impl TryFrom<TimeFields> for QuietTime {
    type Error = BadHours;
    fn try_from(fields: TimeFields) -> Result<Self, BadHours> {
        let (from, to) = (fields.from.unwrap_or(Clock(0)), fields.to.unwrap_or(Clock::END));
        if from == to || from == Clock::END {
            return Err(BadHours::NoQuiet(from));
        }
        let which = Which { purposes: fields.purposes, channels: fields.channels };
        Ok(Self { which, days: fields.days, from, to })
    }
}

#[cfg(test)]
mod tests {
    use super::super::time;
    use super::*;

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    fn next(quiet: &str, hours: &str, zone: &str, when: &str, purpose: Purpose, channel: &str) -> Option<Instant> {
        let quiet: QuietHours = serde_json::from_str(quiet).unwrap_or_else(|error| panic!("{quiet}: {error}"));
        let hours: OpeningHours = serde_json::from_str(hours).unwrap();
        let zone = time::zone(zone).unwrap();
        let found = quiet.next_allowed(at(when), &zone, &hours, purpose, channel);
        assert_eq!(quiet.is_quiet(at(when), &zone, &hours, purpose, channel), found != Some(at(when)), "{when}");
        assert!(found.is_none_or(|found| !quiet.is_quiet(found, &zone, &hours, purpose, channel)), "{when}");
        found
    }

    #[test]
    fn some_messages_have_quiet_times_of_their_own() {
        use Purpose::{Marketing, Reply, Service};
        let quiet = r#"{"except":[{"purposes":["reply"]},{"purposes":["service"],"channels":["email"]}],
            "also":[{"purposes":["marketing"],"days":["sun","holiday"]},
                    {"channels":["sms"],"days":["sat"],"from":"12:00","to":"10:00"}]}"#;
        let hours = r#"{"holidays":["2026-12-25"]}"#;
        for (purpose, channel, when, expected) in [
            (Reply, "sms", "2026-03-03T23:00:00Z", "2026-03-03T23:00:00Z"),
            (Service, "email", "2026-03-03T23:00:00Z", "2026-03-03T23:00:00Z"),
            (Service, "chat", "2026-03-03T23:00:00Z", "2026-03-04T08:00:00Z"),
            // A Saturday night runs into Sunday, which is quiet as a whole.
            (Marketing, "email", "2026-03-07T22:00:00Z", "2026-03-09T08:00:00Z"),
            (Service, "chat", "2026-03-08T12:00:00Z", "2026-03-08T12:00:00Z"),
            // Christmas is a Friday; the next morning is an ordinary one.
            (Marketing, "email", "2026-12-25T10:00:00Z", "2026-12-26T08:00:00Z"),
            (Marketing, "email", "2026-12-24T10:00:00Z", "2026-12-24T10:00:00Z"),
            // Saturday noon to Sunday 10:00, and for marketing the rest of Sunday.
            (Service, "sms", "2026-03-07T13:00:00Z", "2026-03-08T10:00:00Z"),
            (Marketing, "sms", "2026-03-07T13:00:00Z", "2026-03-09T08:00:00Z"),
            (Service, "sms", "2026-03-06T13:00:00Z", "2026-03-06T13:00:00Z"),
        ] {
            assert_eq!(next(quiet, hours, "UTC", when, purpose, channel), Some(at(expected)), "{purpose:?} {when}");
        }
        let never = r#"{"also":[{"purposes":["marketing"]}]}"#;
        assert_eq!(next(never, "{}", "UTC", "2026-03-03T12:00:00Z", Marketing, "email"), None);
        let off = r#"{"enabled":false,"also":[{"purposes":["marketing"]}]}"#;
        assert_eq!(
            next(off, "{}", "UTC", "2026-03-03T03:00:00Z", Marketing, "email"),
            Some(at("2026-03-03T03:00:00Z"))
        );
    }

    #[test]
    fn quiet_hours_end_at_the_recipients_morning() {
        let usual = r#"{"from":"21:00","to":"08:00","enabled":true}"#;
        for (quiet, zone, when, expected) in [
            (usual, "Europe/Berlin", "2026-03-03T20:59:59+01:00", "2026-03-03T20:59:59+01:00"),
            (usual, "Europe/Berlin", "2026-03-03T21:00:00+01:00", "2026-03-04T08:00:00+01:00"),
            (usual, "Europe/Berlin", "2026-03-29T00:30:00+01:00", "2026-03-29T08:00:00+02:00"),
            (usual, "Europe/Berlin", "2026-10-24T22:00:00+02:00", "2026-10-25T08:00:00+01:00"),
            (usual, "America/New_York", "2026-03-03T07:59:00-05:00", "2026-03-03T08:00:00-05:00"),
            (usual, "Pacific/Kiritimati", "2026-03-03T08:00:00Z", "2026-03-03T18:00:00Z"),
            // The end does not exist: the first moment after the gap.
            (
                r#"{"from":"21:00","to":"02:30"}"#,
                "Europe/Berlin",
                "2026-03-29T01:00:00+01:00",
                "2026-03-29T03:00:00+02:00",
            ),
            (
                r#"{"from":"21:00","to":"02:15"}"#,
                "Australia/Lord_Howe",
                "2026-10-04T01:00:00+10:30",
                "2026-10-04T02:30:00+11:00",
            ),
            (r#"{"from":"12:00","to":"14:00"}"#, "UTC", "2026-03-03T12:00:00Z", "2026-03-03T14:00:00Z"),
            (r#"{"enabled":false}"#, "UTC", "2026-03-03T23:00:00Z", "2026-03-03T23:00:00Z"),
        ] {
            assert_eq!(next(quiet, "{}", zone, when, Purpose::Service, "email"), Some(at(expected)), "{when}");
        }
    }

    #[test]
    fn what_is_malformed_is_refused_by_name() {
        for (json, named) in [
            (r#"{"from":"9pm"}"#, "`9pm`"),
            (r#"{"from":"08:00","to":"08:00"}"#, "`08:00`"),
            (r#"{"start":"08:00"}"#, "`start`"),
        ] {
            let error = serde_json::from_str::<QuietHours>(json).unwrap_err().to_string();
            assert!(error.contains(named), "{json}: {error}");
        }
    }

    #[test]
    fn rules_that_cannot_be_meant_are_refused_by_name() {
        for (json, named) in [
            (r#"{"spread_minutes":181}"#, "181"),
            (r#"{"also":[{"from":"09:00","to":"09:00"}]}"#, "`09:00`"),
            (r#"{"also":[{"days":["sunday"]}]}"#, "`sunday`"),
            (r#"{"also":[{"purpose":["marketing"]}]}"#, "`purpose`"),
            (r#"{"except":[{"purposes":["offers"]}]}"#, "`offers`"),
        ] {
            let error = serde_json::from_str::<QuietHours>(json).unwrap_err().to_string();
            assert!(error.contains(named), "{json}: {error}");
        }
        let usual = serde_json::to_string(&QuietHours::default()).unwrap();
        assert_eq!(serde_json::from_str::<QuietHours>(&usual).unwrap(), QuietHours::default());
    }

    #[test]
    fn the_ends_of_time_have_an_answer() {
        for at in [Instant(0), time::LAST, Instant(u64::MAX)] {
            for name in ["UTC", "Pacific/Kiritimati", "America/New_York", "Australia/Lord_Howe"] {
                let (zone, hours) = (time::zone(name).unwrap(), OpeningHours::default());
                let _ = QuietHours::default().next_allowed(at, &zone, &hours, Purpose::Service, "email");
            }
        }
    }
}
