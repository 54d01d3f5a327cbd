//! Times as vendors write them, as an event has them.

use super::millis;
use super::time::of_unix;

/// RFC 3339 of milliseconds since 1970. None after the year 9999.
pub fn rfc3339(millis: u64) -> Option<String> {
    let (seconds, rest) = (millis / 1_000, millis % 1_000);
    let fraction = if rest == 0 { String::new() } else { format!(".{rest:03}") };
    of_unix(&format!("{seconds}{fraction}"))
}

/// A time as an event has it: RFC 3339 stays, seconds or milliseconds since 1970 become it, and a time that does not say where it is
/// counted is one of this zone (IANA). None where it is no time.
pub fn moment(text: &str, zone: &str) -> Option<String> {
    let text = text.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return match text.len() {
            9..=10 => of_unix(text),
            12..=13 => text.parse().ok().and_then(rfc3339),
            _ => None,
        };
    }
    // `+0100`, which RFC 3339 does not have.
    let at = text.len().checked_sub(5).filter(|at| text.is_char_boundary(*at) && *at >= 19);
    let spelled =
        at.map(|at| text.split_at(at)).filter(|(_, zone)| zone.starts_with(['+', '-']) && !zone.contains(':'));
    let spelled = spelled.and_then(|(time, zone)| Some(format!("{time}{}:{}", zone.get(..3)?, zone.get(3..)?)));
    let whole = spelled.unwrap_or_else(|| text.to_owned());
    if millis(&whole).is_some() {
        return Some(whole);
    }
    let (date, time) = (text.get(..10)?, text.get(11..)?);
    let seconds = if time.len() == 5 { ":00" } else { "" };
    let is_time = text.get(10..11).is_some_and(|between| between == "T" || between == " ");
    let local = format!("{date}T{time}{seconds}");
    (is_time && millis(&format!("{local}Z")).is_some()).then(|| format!("{local}[{zone}]"))
}

/// A time without a zone and the same in GMT: together they say how far from UTC it is counted. Of the time alone, [`moment`].
pub fn paired(local: Option<String>, gmt: Option<String>, zone: &str) -> Option<String> {
    let Some(local) = local else { return moment(&format!("{}Z", gmt?), zone) };
    let minutes = |time: &str| millis(&format!("{time}Z")).and_then(|at| i64::try_from(at / 60_000).ok());
    let apart = gmt.and_then(|gmt| Some(minutes(&local)? - minutes(&gmt)?)).filter(|apart| apart.abs() < 24 * 60);
    let Some(apart) = apart else { return moment(&local, zone) };
    let (sign, far) = (if apart < 0 { '-' } else { '+' }, apart.abs());
    Some(format!("{local}{sign}{:02}:{:02}", far / 60, far % 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_it_is_read() {
        for time in ["1970-01-01T00:00:00Z", "2012-01-18T02:24:38Z", "2024-02-29T23:59:59.500Z", "2026-12-31T23:00:00Z"]
        {
            assert_eq!(millis(time).and_then(rfc3339).as_deref(), Some(time));
        }
    }

    #[test]
    fn a_twin_in_gmt_says_how_far_a_time_is_from_utc() {
        for (local, gmt, expected) in [
            (Some("2017-03-22T16:28:02"), Some("2017-03-22T19:28:02"), Some("2017-03-22T16:28:02-03:00")),
            (Some("2026-03-02T00:10:00"), Some("2026-03-01T18:40:00"), Some("2026-03-02T00:10:00+05:30")),
            (Some("2026-03-02T10:00:00"), None, Some("2026-03-02T10:00:00[Europe/Berlin]")),
            (Some("2026-03-02T10:00:00"), Some("0000-00-00T00:00:00"), Some("2026-03-02T10:00:00[Europe/Berlin]")),
            (None, Some("2026-03-02T09:00:00"), Some("2026-03-02T09:00:00Z")),
            (None, None, None),
        ] {
            let is = paired(local.map(str::to_owned), gmt.map(str::to_owned), "Europe/Berlin");
            assert_eq!(is.as_deref(), expected, "{local:?} and {gmt:?}");
        }
    }

    #[test]
    fn vendors_write_times_in_many_ways() {
        for (text, expected) in [
            ("2026-03-01T10:00:00+01:00", Some("2026-03-01T10:00:00+01:00")),
            ("2026-03-01T10:00:00+0100", Some("2026-03-01T10:00:00+01:00")),
            ("1772355600", Some("2026-03-01T09:00:00Z")),
            ("1772355600000", Some("2026-03-01T09:00:00Z")),
            ("2026-03-01 10:00", Some("2026-03-01T10:00:00[Europe/Berlin]")),
            ("2026-03-01T10:00:30", Some("2026-03-01T10:00:30[Europe/Berlin]")),
            ("2026-03-01", None),
            ("tomorrow at ten", None),
            ("übermorgen um zehn", None),
            ("7", None),
            ("", None),
        ] {
            assert_eq!(moment(text, "Europe/Berlin").as_deref(), expected, "{text}");
        }
    }
}
