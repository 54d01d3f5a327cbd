//! How dates, times and amounts are written in English, German, French and Spanish. Any other language gets English words and a
//! clock of 24 hours.
//!
//! Never picks a zone or a currency; both come with the value. Spaces are plain ones: a no-break space would make a
//! text message cost twice (it is not in the GSM alphabet).

use jiff::civil::{Date, Time, Weekday};

use super::order::Money;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    English,
    German,
    French,
    Spanish,
}

impl Language {
    /// The language of a tag.
    pub(super) fn of(locale: &str) -> Self {
        match primary(locale) {
            p if p.eq_ignore_ascii_case("de") => Self::German,
            p if p.eq_ignore_ascii_case("fr") => Self::French,
            p if p.eq_ignore_ascii_case("es") => Self::Spanish,
            _ => Self::English,
        }
    }
}

/// The language of a BCP 47 tag without region and script: `de` of `de-AT`.
pub fn primary(tag: &str) -> &str {
    tag.split(['-', '_']).next().unwrap_or_default()
}

const WEEKDAYS: [[&str; 7]; 4] = [
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"],
    ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"],
    ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"],
];

const MONTHS: [[&str; 12]; 4] = [
    [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
    [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ],
    [
        "enero",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ],
];

/// The name of a weekday.
pub fn weekday(locale: &str, day: Weekday) -> &'static str {
    named(&WEEKDAYS, locale, day.to_monday_zero_offset())
}

/// The name of a month, 1 to 12.
pub fn month(locale: &str, month: i8) -> &'static str {
    named(&MONTHS, locale, month.saturating_sub(1))
}

fn named<const N: usize>(names: &[[&'static str; N]; 4], locale: &str, index: i8) -> &'static str {
    let names = names.get(Language::of(locale) as usize);
    names.and_then(|names| names.get(usize::try_from(index).ok()?)).copied().unwrap_or_default()
}

/// A day with its weekday, without the year: `Tuesday 3 March`, `Dienstag, 3. März`, `mardi 3 mars`, `martes, 3 de
/// marzo`.
pub fn date(locale: &str, date: Date) -> String {
    let (weekday, day, month) = (weekday(locale, date.weekday()), date.day(), month(locale, date.month()));
    match Language::of(locale) {
        Language::English => format!("{weekday} {day} {month}"),
        Language::German => format!("{weekday}, {day}. {month}"),
        Language::French if day == 1 => format!("{weekday} 1er {month}"),
        Language::French => format!("{weekday} {day} {month}"),
        Language::Spanish => format!("{weekday}, {day} de {month}"),
    }
}

/// A time of day: `2:30 pm` in English, but `14:30` in British and Irish English and in every other language.
pub fn time(locale: &str, time: Time) -> String {
    let (hour, minute) = (time.hour(), time.minute());
    let region = locale.rsplit(['-', '_']).next().unwrap_or_default();
    let is_british = ["GB", "UK", "IE"].iter().any(|tag| region.eq_ignore_ascii_case(tag));
    if !primary(locale).eq_ignore_ascii_case("en") || is_british {
        return format!("{hour:02}:{minute:02}");
    }
    let half = if hour < 12 { "am" } else { "pm" };
    format!("{}:{minute:02} {half}", if hour % 12 == 0 { 12 } else { hour % 12 })
}

/// An amount: `€12.50` in English, `12,50 €` in German, French and Spanish; without decimals where the currency has
/// none (ISO 4217). A currency without a sign of its own is written by its code: `CHF 12.50`, `12,50 CHF`.
pub fn money(locale: &str, amount: &Money) -> String {
    let decimals = decimals(&amount.currency);
    let unit = 10u64.pow(decimals as u32);
    let (whole, rest) = (amount.amount_minor.unsigned_abs() / unit, amount.amount_minor.unsigned_abs() % unit);
    let language = Language::of(locale);
    let (group, point, least) = match language {
        Language::English => (",", '.', 1_000),
        Language::German => (".", ',', 1_000),
        Language::French => (" ", ',', 1_000),
        // Four digits stand together in Spanish (Unicode CLDR, minimumGroupingDigits).
        Language::Spanish => (".", ',', 10_000),
    };
    let mut number = if whole >= least { grouped(whole, group) } else { whole.to_string() };
    if decimals > 0 {
        number.push(point);
        number.push_str(&format!("{rest:0decimals$}"));
    }
    let minus = if amount.amount_minor < 0 { "-" } else { "" };
    let code: String = amount.currency.chars().filter(|c| c.is_ascii_alphanumeric()).take(3).collect();
    match (language, sign(&code)) {
        (Language::English, Some(sign)) => format!("{minus}{sign}{number}"),
        (Language::English, None) => format!("{minus}{code} {number}"),
        (_, sign) => format!("{minus}{number} {}", sign.unwrap_or(&code)),
    }
}

fn grouped(whole: u64, group: &str) -> String {
    let digits = whole.to_string();
    let mut out = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push_str(group);
        }
        out.push(digit);
    }
    out
}

/// How many decimals a currency has (ISO 4217, list one).
fn decimals(currency: &str) -> usize {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND" | "VUV"
        | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

fn sign(currency: &str) -> Option<&'static str> {
    Some(match currency {
        "EUR" => "€",
        "USD" => "$",
        "GBP" => "£",
        "JPY" => "¥",
        "INR" => "₹",
        "KRW" => "₩",
        "CAD" => "CA$",
        "AUD" => "A$",
        "NZD" => "NZ$",
        "BRL" => "R$",
        _ => return None,
    })
}

/// A text fit for one message: control characters other than line ends become spaces.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

/// Chooses among the languages that there are: the wanted tag itself, else its primary language (in any region), else
/// the same for the fallback, else English, else the first. None only if there is none to choose from.
pub fn pick<'a>(available: impl Iterator<Item = &'a str>, wanted: &str, fallback: &str) -> Option<&'a str> {
    let rank = |tag: &str| {
        let near = |to: &str| {
            if is_same_tag(tag, to) {
                Some(0)
            } else if !primary(tag).eq_ignore_ascii_case(primary(to)) {
                None
            } else if is_same_tag(tag, primary(to)) {
                Some(1)
            } else {
                Some(2)
            }
        };
        let by = |order: u32, to: &str| near(to).map(|rank| order * 3 + rank);
        by(0, wanted).or_else(|| by(1, fallback)).or_else(|| by(2, "en")).unwrap_or(9)
    };
    available.min_by_key(|tag| rank(tag))
}

fn is_same_tag(one: &str, other: &str) -> bool {
    let fold = |b: u8| if b == b'_' { b'-' } else { b.to_ascii_lowercase() };
    one.len() == other.len() && one.bytes().map(fold).eq(other.bytes().map(fold))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_written_as_the_language_does() {
        for (locale, expected_date, expected_time) in [
            ("en", "Tuesday 3 March", "2:30 pm"),
            ("en-US", "Tuesday 3 March", "2:30 pm"),
            ("en_GB", "Tuesday 3 March", "14:30"),
            ("de-AT", "Dienstag, 3. März", "14:30"),
            ("FR", "mardi 3 mars", "14:30"),
            ("es-419", "martes, 3 de marzo", "14:30"),
            ("nl", "Tuesday 3 March", "14:30"),
            ("", "Tuesday 3 March", "14:30"),
        ] {
            assert_eq!(date(locale, jiff::civil::date(2026, 3, 3)), expected_date, "{locale}");
            assert_eq!(super::time(locale, jiff::civil::time(14, 30, 0, 0)), expected_time, "{locale}");
        }
        assert_eq!(super::time("en", jiff::civil::time(0, 5, 0, 0)), "12:05 am");
        assert_eq!(super::time("en", jiff::civil::time(12, 0, 0, 0)), "12:00 pm");
        assert_eq!(date("fr", jiff::civil::date(2026, 5, 1)), "vendredi 1er mai");
    }

    #[test]
    fn amounts_are_written_as_the_language_does() {
        for (locale, amount_minor, currency, expected) in [
            ("en", 1_250, "EUR", "€12.50"),
            ("de", 1_250, "EUR", "12,50 €"),
            ("fr", 123_456_789, "EUR", "1 234 567,89 €"),
            ("es", 123_456, "EUR", "1234,56 €"),
            ("es", 1_234_567, "EUR", "12.345,67 €"),
            ("en", 1_500, "JPY", "¥1,500"),
            ("de", 1_500, "JPY", "1.500 ¥"),
            ("en", -5, "USD", "-$0.05"),
            ("en", 1_250, "CHF", "CHF 12.50"),
            ("de", 1_250, "CHF", "12,50 CHF"),
            ("en", 12_345, "KWD", "KWD 12.345"),
            ("en", i64::MIN, "USD", "-$92,233,720,368,547,758.08"),
            ("en", 100, "", " 1.00"),
        ] {
            assert_eq!(money(locale, &Money { amount_minor, currency: currency.to_owned() }), expected);
        }
    }

    #[test]
    fn picks_the_nearest_language_there_is() {
        for (available, wanted, fallback, expected) in [
            (&["en", "de", "de-AT"][..], "de-AT", "en", Some("de-AT")),
            (&["en", "de-AT", "de"], "de-CH", "en", Some("de")),
            (&["en", "de-AT"], "de", "en", Some("de-AT")),
            (&["en", "fr"], "de", "fr-FR", Some("fr")),
            (&["fr", "en-GB"], "de", "it", Some("en-GB")),
            (&["fr", "es"], "de", "it", Some("fr")),
            (&["pt_BR"], "PT-br", "", Some("pt_BR")),
            (&[], "de", "en", None),
        ] {
            assert_eq!(pick(available.iter().copied(), wanted, fallback), expected, "{wanted}");
        }
    }
}
