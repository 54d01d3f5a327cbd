//! How dates, times and amounts are written in English, German, French and Spanish, and the host's own sentences in
//! these languages. Any other language gets English words and a clock of 24 hours.
//!
//! Never picks a zone or a currency; both come with the value. Spaces are plain ones: a no-break space would make a
//! text message cost twice (it is not in the GSM alphabet).

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;

use super::order::Money;
use super::time::Instant;

/// When a person will answer.
#[derive(Debug, Clone)]
pub enum PersonWhen {
    /// Somebody is there.
    Now,
    /// From a moment on.
    At {
        /// When.
        at: Instant,
        /// The zone in which the customer should read it.
        zone: TimeZone,
        /// The moment at which this is said, for "today" and "tomorrow".
        now: Instant,
    },
    /// It cannot be told.
    Unknown,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    English,
    German,
    French,
    Spanish,
}

impl Language {
    fn of(locale: &str) -> Self {
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

/// Tells a customer when a person will answer: `A person at Bakery Sol will answer you here from Monday 9:00 am.` Today
/// and tomorrow are called so; more than six days ahead the date is said.
pub fn person_will_answer(lang: &str, when: PersonWhen, business_name: &str) -> String {
    let name = name(business_name);
    let language = Language::of(lang);
    let at = |preposition: &str| if name.is_empty() { String::new() } else { format!(" {preposition} {name}") };
    let who = match language {
        Language::English => format!("A person{}", at("at")),
        Language::German => format!("jemand{} persönlich", at("von")),
        Language::French => format!("Une personne{}", at("de")),
        Language::Spanish => format!("Una persona{}", at("de")),
    };
    let moment = match when {
        PersonWhen::Now => None,
        PersonWhen::Unknown => {
            return match language {
                Language::English => format!("{who} will answer you here as soon as possible."),
                Language::German => format!("Sobald wie möglich antwortet Ihnen hier {who}."),
                Language::French => format!("{who} vous répondra ici dès que possible."),
                Language::Spanish => format!("{who} le responderá aquí lo antes posible."),
            };
        }
        PersonWhen::At { at, zone, now } => (at > now).then(|| (at.in_zone(&zone), now.in_zone(&zone))),
    };
    let Some((then, now)) = moment else {
        return match language {
            Language::English => format!("{who} will answer you here shortly."),
            Language::German => format!("In Kürze antwortet Ihnen hier {who}."),
            Language::French => format!("{who} va vous répondre ici sous peu."),
            Language::Spanish => format!("{who} le responderá aquí en breve."),
        };
    };
    let clock = time(lang, then.time());
    let days = now.date().until(then.date()).map_or(i32::MAX, |span| span.get_days());
    let day = weekday(lang, then.date().weekday());
    let long = date(lang, then.date());
    match language {
        Language::English => {
            let from = match days {
                0 => format!("{clock} today"),
                1 => format!("tomorrow {clock}"),
                2..=6 => format!("{day} {clock}"),
                _ => format!("{long}, {clock}"),
            };
            format!("{who} will answer you here from {from}.")
        }
        Language::German => {
            let from = match days {
                0 => format!("Ab heute, {clock} Uhr,"),
                1 => format!("Ab morgen, {clock} Uhr,"),
                2..=6 => format!("Ab {day}, {clock} Uhr,"),
                _ => format!("Ab {long}, {clock} Uhr,"),
            };
            format!("{from} antwortet Ihnen hier {who}.")
        }
        Language::French => {
            let from = match days {
                0 => format!("d'aujourd'hui {clock}"),
                1 => format!("de demain {clock}"),
                2..=6 => format!("de {day} {clock}"),
                _ => format!("du {long}, {clock}"),
            };
            format!("{who} vous répondra ici à partir {from}.")
        }
        Language::Spanish => {
            let from = match days {
                0 => format!("de hoy a las {clock}"),
                1 => format!("de mañana a las {clock}"),
                2..=6 => format!("del {day} a las {clock}"),
                _ => format!("del {long}, a las {clock}"),
            };
            format!("{who} le responderá aquí a partir {from}.")
        }
    }
}

/// The one confirmation of a stop.
pub fn opted_out(lang: &str, business: &str) -> String {
    let name = prefix(business);
    match Language::of(lang) {
        Language::English => {
            format!("{name}You will get no more automated messages here. To get them again, reply START.")
        }
        Language::German => {
            format!("{name}Sie erhalten hier keine automatischen Nachrichten mehr. Mit START erhalten Sie sie wieder.")
        }
        Language::French => {
            format!(
                "{name}Vous ne recevrez plus de messages automatiques ici. Pour les recevoir à nouveau, répondez START."
            )
        }
        Language::Spanish => {
            format!("{name}No recibirá más mensajes automáticos aquí. Para recibirlos de nuevo, responda START.")
        }
    }
}

/// The confirmation of a start.
pub fn opted_in(lang: &str, business: &str) -> String {
    let name = prefix(business);
    match Language::of(lang) {
        Language::English => format!("{name}You will get automated messages here again. To end them, reply STOP."),
        Language::German => {
            format!("{name}Sie erhalten hier wieder automatische Nachrichten. Mit STOP beenden Sie sie.")
        }
        Language::French => {
            format!("{name}Vous recevrez à nouveau des messages automatiques ici. Pour les arrêter, répondez STOP.")
        }
        Language::Spanish => {
            format!("{name}Volverá a recibir mensajes automáticos aquí. Para no recibirlos más, responda STOP.")
        }
    }
}

/// What stands below an automated message: that it is one, and how to reach a person.
pub fn automated(lang: &str, business: &str) -> String {
    let name = name(business);
    let from = |preposition: &str| if name.is_empty() { String::new() } else { format!(" {preposition} {name}") };
    match Language::of(lang) {
        Language::English => format!("This is an automated message{}. To reach a person, reply PERSON.", from("from")),
        Language::German => {
            format!(
                "Dies ist eine automatische Nachricht{}. Antworten Sie PERSON, um einen Menschen zu erreichen.",
                from("von")
            )
        }
        Language::French => {
            format!("Ceci est un message automatique{}. Pour joindre une personne, répondez PERSONNE.", from("de"))
        }
        Language::Spanish => {
            format!("Este es un mensaje automático{}. Para hablar con una persona, responda PERSONA.", from("de"))
        }
    }
}

/// The answer to "are you a bot?", which is always yes.
pub fn is_automated(lang: &str, business: &str) -> String {
    let name = name(business);
    let of = |preposition: &str| if name.is_empty() { String::new() } else { format!(" {preposition} {name}") };
    match Language::of(lang) {
        Language::English => {
            format!("Yes, this is the automated assistant{}. To reach a person, reply PERSON.", of("of"))
        }
        Language::German => {
            format!(
                "Ja, hier schreibt der automatische Assistent{}. Antworten Sie PERSON, um einen Menschen zu erreichen.",
                of("von")
            )
        }
        Language::French => {
            format!("Oui, je suis l'assistant automatique{}. Pour joindre une personne, répondez PERSONNE.", of("de"))
        }
        Language::Spanish => {
            format!("Sí, soy el asistente automático{}. Para hablar con una persona, responda PERSONA.", of("de"))
        }
    }
}

/// The line below an offer by mail, before the address that ends such mails.
pub fn unsubscribe(lang: &str) -> &'static str {
    match Language::of(lang) {
        Language::English => "To get no more such mails:",
        Language::German => "Keine solchen Mails mehr erhalten:",
        Language::French => "Ne plus recevoir de tels messages :",
        Language::Spanish => "No recibir más correos como este:",
    }
}

/// What the page says on which somebody unsubscribes.
pub struct Unsubscribing {
    /// Before.
    pub question: String,
    /// On the button.
    pub button: &'static str,
    /// After.
    pub done: String,
}

/// The words of the page on which somebody ends offers by mail.
pub fn unsubscribing(lang: &str, business: &str) -> Unsubscribing {
    let name = name(business);
    let (question, button, done) = match Language::of(lang) {
        Language::English => (
            format!("Do you want to get no more such mails from {name}?"),
            "Unsubscribe",
            format!("Done: you will get no more such mails from {name}."),
        ),
        Language::German => (
            format!("Möchten Sie keine solchen Mails mehr von {name} erhalten?"),
            "Abbestellen",
            format!("Erledigt: Sie erhalten keine solchen Mails mehr von {name}."),
        ),
        Language::French => (
            format!("Ne plus recevoir de tels messages de {name} ?"),
            "Se désabonner",
            format!("C'est fait : vous ne recevrez plus de tels messages de {name}."),
        ),
        Language::Spanish => (
            format!("¿No quiere recibir más correos como este de {name}?"),
            "Darse de baja",
            format!("Hecho: no recibirá más correos como este de {name}."),
        ),
    };
    Unsubscribing { question, button, done }
}

/// The answer to HELP: who writes, how to reach a person, how to make it stop.
pub fn help(lang: &str, business_name: &str, contact: Option<&str>) -> String {
    let name = prefix(business_name);
    let contact = contact.map(self::name).filter(|contact| !contact.is_empty());
    let (who, reach, stop) = match Language::of(lang) {
        Language::English => (
            "Automated messages about your orders and appointments.",
            "You reach us at",
            "To end the messages, reply STOP.",
        ),
        Language::German => (
            "Automatische Nachrichten zu Ihren Bestellungen und Terminen.",
            "Sie erreichen uns unter",
            "Mit STOP beenden Sie die Nachrichten.",
        ),
        Language::French => (
            "Messages automatiques sur vos commandes et rendez-vous.",
            "Pour nous joindre :",
            "Pour arrêter les messages, répondez STOP.",
        ),
        Language::Spanish => (
            "Mensajes automáticos sobre sus pedidos y citas.",
            "Para contactarnos:",
            "Para no recibir más mensajes, responda STOP.",
        ),
    };
    match contact {
        Some(contact) => format!("{name}{who} {reach} {contact}. {stop}"),
        None => format!("{name}{who} {stop}"),
    }
}

/// A name within a sentence of one line.
fn name(text: &str) -> String {
    clean(text).replace('\n', " ").trim().to_owned()
}

fn prefix(business: &str) -> String {
    let name = name(business);
    if name.is_empty() { name } else { format!("{name}: ") }
}

#[cfg(test)]
mod tests {
    use super::super::time;
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

    #[test]
    fn tells_when_a_person_will_answer() {
        let zone = time::zone("Europe/Berlin").unwrap();
        // A Saturday afternoon.
        let now = Instant::parse("2026-03-07T16:00:00+01:00").unwrap();
        let at = |text: &str| PersonWhen::At { at: Instant::parse(text).unwrap(), zone: zone.clone(), now };
        for (lang, when, name, expected) in [
            ("en", at("2026-03-09T09:00:00+01:00"), "", "A person will answer you here from Monday 9:00 am."),
            ("en", at("2026-03-09T09:00:00+01:00"), "Sol", "A person at Sol will answer you here from Monday 9:00 am."),
            ("en", at("2026-03-07T18:00:00+01:00"), "Sol", "A person at Sol will answer you here from 6:00 pm today."),
            (
                "en",
                at("2026-03-08T09:00:00+01:00"),
                "Sol",
                "A person at Sol will answer you here from tomorrow 9:00 am.",
            ),
            ("en", at("2026-03-30T09:00:00+02:00"), "", "A person will answer you here from Monday 30 March, 9:00 am."),
            ("en", at("2026-03-07T15:00:00+01:00"), "", "A person will answer you here shortly."),
            ("en", PersonWhen::Now, "Sol\r\n", "A person at Sol will answer you here shortly."),
            ("en", PersonWhen::Unknown, "", "A person will answer you here as soon as possible."),
            (
                "de",
                at("2026-03-09T09:00:00+01:00"),
                "Sol",
                "Ab Montag, 09:00 Uhr, antwortet Ihnen hier jemand von Sol persönlich.",
            ),
            ("de", PersonWhen::Now, "", "In Kürze antwortet Ihnen hier jemand persönlich."),
            (
                "fr",
                at("2026-03-08T09:00:00+01:00"),
                "Sol",
                "Une personne de Sol vous répondra ici à partir de demain 09:00.",
            ),
            (
                "es",
                at("2026-03-09T09:00:00+01:00"),
                "",
                "Una persona le responderá aquí a partir del lunes a las 09:00.",
            ),
        ] {
            assert_eq!(person_will_answer(lang, when, name), expected);
        }
    }

    #[test]
    fn every_sentence_is_there_in_every_language() {
        for lang in ["en", "de", "fr", "es", "xx"] {
            for sentence in [opted_out(lang, "Sol"), opted_in(lang, "Sol"), help(lang, "Sol", Some("+49 30 1"))] {
                assert!(sentence.starts_with("Sol: ") && sentence.ends_with('.'), "{sentence}");
            }
            assert!(opted_out(lang, "").contains("START") && opted_in(lang, "").contains("STOP"));
            assert!(help(lang, "", None).contains("STOP") && help(lang, "", Some("x@y.z")).contains("x@y.z"));
        }
    }
}
