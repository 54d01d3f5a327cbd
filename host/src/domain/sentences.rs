//! The host's own sentences to customers, in English, German, French and Spanish; any other language gets English.
//!
//! One line each: a name that a business gave itself ends no line.

use jiff::tz::TimeZone;

use super::locale::{Language, clean, date, time, weekday};
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
