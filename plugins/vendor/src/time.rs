//! Times as vendors write them.

/// Seconds since 1970, perhaps with a fraction (`1534108637.153125`), as RFC 3339. None where it is no such number.
pub fn of_unix(seconds: &str) -> Option<String> {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let whole: i64 = whole.parse().ok().filter(|whole| (0..=253_402_300_799).contains(whole))?;
    let (days, second) = (whole.div_euclid(86_400), whole.rem_euclid(86_400));
    // The civil date of days since 1970: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let digits: String = fraction.chars().take_while(char::is_ascii_digit).take(6).collect();
    let fraction = if digits.is_empty() { String::new() } else { format!(".{digits}") };
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z"))
}

/// Milliseconds since 1970 of a time in an HTTP header: `Sun, 06 Nov 1994 08:49:37 GMT`. None where it is written otherwise.
pub fn of_http(date: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = date.split_whitespace().collect();
    let [_, day, month, year, clock, "GMT"] = words.as_slice() else { return None };
    let month = MONTHS.iter().position(|known| known == month)? + 1;
    crate::millis(&format!("{year}-{month:02}-{day:0>2}T{clock}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_since_1970_are_a_time() {
        for (seconds, expected) in [
            ("0", Some("1970-01-01T00:00:00Z")),
            ("1461095250", Some("2016-04-19T19:47:30Z")),
            ("1534108637.153125", Some("2018-08-12T21:17:17.153125Z")),
            ("1709251199.9999999", Some("2024-02-29T23:59:59.999999Z")),
            ("-1", None),
            ("99999999999999", None),
            ("soon", None),
        ] {
            assert_eq!(of_unix(seconds).as_deref(), expected, "{seconds}");
        }
    }

    #[test]
    fn a_time_in_a_header_is_the_same_moment() {
        assert_eq!(of_http("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777_000));
        for odd in ["Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT", "é", ""] {
            assert_eq!(of_http(odd), None, "{odd}");
        }
    }
}
