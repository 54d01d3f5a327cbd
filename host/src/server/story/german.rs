//! The story in German. How to edit it stands in [`sentence`](super::sentence).

use crate::domain::consent::Source;
use crate::domain::gate::Rule;
use crate::domain::message::Purpose;
use crate::domain::tone::{Because, Heard, Tone, Trouble};

use super::language::{count, decimal};
use super::sentence::{Did, Event, HostWords, Note, Phrase, Ran, Seen, Sentence, Stands};

/// A whole sentence.
pub fn sentence(sentence: Sentence<'_>) -> String {
    match sentence {
        Sentence::Began { when, event, entry } => {
            let entry = entry.map(|entry| format!(" Das ist Eintrag {entry} im Journal.")).unwrap_or_default();
            format!("Am {when} {event}.{entry}")
        }
        Sentence::Forgotten { days } => {
            format!("Wie es dazu kam, ist nicht mehr bekannt: Die Aufzeichnung wird {days} Tage aufbewahrt.")
        }
        Sentence::ByCustomer { channel } => format!("Der Kunde hat diese Nachricht per {channel} geschrieben."),
        Sentence::ByStaff { who, in_spite } => {
            let who = who.unwrap_or("Jemand");
            let in_spite = if in_spite { ", und zwar trotz des Stopps; das ist festgehalten" } else { "" };
            format!("{who} vom Team hat diese Nachricht geschrieben{in_spite}.")
        }
        Sentence::ByPlugin { plugin, version, template, purpose, about } => {
            let version = version.map(|version| format!(" (Version {version})")).unwrap_or_default();
            let template = template.map(|name| format!(" nach der Vorlage `{name}`")).unwrap_or_default();
            let about = about.map(|about| format!(", zu `{about}`")).unwrap_or_default();
            format!("Das Plugin {plugin}{version} hat diese Nachricht{template} geschrieben: {purpose}{about}.")
        }
        Sentence::BySomePlugin => "Ein Plugin hat diese Nachricht geschrieben.".to_owned(),
        Sentence::ByHost(words) => {
            let what = match words {
                HostWords::StopConfirmed => "Sie bestätigt, dass der Kunde Stopp gesagt hat",
                HostWords::StartConfirmed => "Sie bestätigt, dass der Kunde wieder Nachrichten möchte",
                HostWords::Help => "Sie antwortet auf die Bitte des Kunden um Hilfe",
                HostWords::IsAutomated => "Sie beantwortet die Frage, ob hier eine Maschine schreibt",
                HostWords::PersonComes => "Sie sagt, wann ein Mensch antwortet",
            };
            format!("Attune selbst hat diese Nachricht geschrieben: {what}.")
        }
        Sentence::Looked { did } => format!("Es hat {did}."),
        Sentence::Worded { tone, because, missing } => {
            let (how, because) = (self::tone(tone), self::because(because));
            if missing {
                format!("Sie wäre {how} formuliert, weil {because}, aber in dieser Sprache gibt es keinen Wortlaut dafür.")
            } else {
                format!("Sie ist {how} formuliert, weil {because}.")
            }
        }
        Sentence::Beside { plugin, version, ran } => {
            let ran = match ran {
                Ran::Answered => "hat darauf geantwortet",
                Ran::Passed => "hatte nichts dazu zu sagen",
                Ran::Done => "lief ebenfalls",
                Ran::Read => "hat den Text gelesen",
            };
            format!("Das Plugin {plugin} (Version {version}) {ran}.")
        }
        Sentence::Broke { plugin, version, reason } => format!(
            "Das Plugin {plugin} (Version {version}) ist gescheitert, und nichts von dem, was es wollte, wurde getan: \
             {reason}."
        ),
        Sentence::Noted { note } => format!("Attune hat dazu vermerkt: {note}."),
        Sentence::Refused { reason } => format!("Attune hat es abgelehnt: {reason}."),
        Sentence::Later { when, event, notes } => {
            let notes = if notes.is_empty() { String::new() } else { format!(": {notes}") };
            format!("Am {when} {event}{notes}.")
        }

        Sentence::Withheld { asked, rule } => format!("{asked}, ließen die Regeln sie nicht hinaus: {rule}."),
        Sentence::Waits { asked, rule, until } => format!("{asked}, musste sie bis {until} warten: {rule}."),
        Sentence::WaitsForResume { asked, rule } => {
            format!("{asked}, musste sie warten, bis die Automatik weiterläuft: {rule}.")
        }
        Sentence::Clear { asked, seen } => format!("{asked}, sprach nichts gegen den Versand: {seen}."),

        Sentence::Withdrawn { when, source, text, by, scope } => {
            let colon = text.map(|text| format!(": {text}")).unwrap_or_default();
            let how = match source {
                Source::Word => match text {
                    Some(text) => format!("Am {when} schrieb der Kunde {text}"),
                    None => format!("Am {when} schrieb der Kunde das"),
                },
                Source::OneClick => format!("Am {when} folgte der Kunde dem Link zum Abbestellen in einer E-Mail"),
                Source::Form => format!("Am {when} gab der Kunde das in einem Formular an{colon}"),
                Source::Event => format!("Das hat ein Ereignis gemeldet, mit Stand vom {when}{colon}"),
                Source::Import => format!("Das steht in einer eingelesenen Liste, mit Stand vom {when}{colon}"),
                Source::Staff => format!(
                    "Am {when} hat der Kunde das mitgeteilt, aufgeschrieben von {}{colon}",
                    by.unwrap_or("jemandem vom Team")
                ),
                Source::Channel => format!("Am {when} nahm ihre Adresse dort keine Nachrichten mehr an{colon}"),
                Source::Kept => format!(
                    "Am {when} hat das jemand erklärt, der diese Adresse damals hatte; die Daten dazu sind inzwischen \
                     gelöscht, der Widerruf gilt weiter"
                ),
            };
            format!("{how}. Das gilt für {scope}.")
        }
        Sentence::NoAddress { channel } => format!("Sie sollte per {channel} hinausgehen."),
        Sentence::Pointless { at } => format!("Ihr Plugin hat angegeben, dass sie ab {at} keinen Sinn mehr hat."),
        Sentence::PointlessByThen { at, allowed } => format!(
            "Ihr Plugin hat angegeben, dass sie ab {at} keinen Sinn mehr hat, und wegen der Ruhezeiten könnte sie \
             frühestens am {allowed} hinausgehen."
        ),
        Sentence::Machine => {
            "Worauf sie antwortet, sieht nach einer automatischen Antwort oder einem Rundschreiben aus.".to_owned()
        }
        Sentence::PluginOff { plugin } => {
            format!("Als sie an der Reihe war, war das Plugin {plugin} ausgeschaltet oder entfernt.")
        }
        Sentence::Paused => {
            "In diesem Augenblick war alles Automatische angehalten oder nur dieses Plugin.".to_owned()
        }
        Sentence::KeyUsed { key } => format!("Der Schlüssel ist `{key}`."),
        Sentence::SameAnswer => {
            "Dieselbe Nachricht des Kunden wurde schon mit denselben Worten beantwortet.".to_owned()
        }
        Sentence::SameText => {
            "Eine Nachricht mit demselben Text war innerhalb der Zeit, in der nichts zweimal gesagt wird, schon \
             hinausgegangen oder wartete darauf."
                .to_owned()
        }
        Sentence::NoConsent { kind, channel } => {
            format!("Der Betrieb verlangt für {kind} eine Einwilligung, und für {channel} hat der Kunde keine gegeben.")
        }
        Sentence::PersonHere { service: true } => {
            "Ein Fall des Kunden war offen, und nach den Regeln des Betriebs bleiben dann auch Neuigkeiten zu \
             Bestellungen und Terminen aus."
                .to_owned()
        }
        Sentence::PersonHere { service: false } => "In diesem Augenblick war ein Fall des Kunden offen.".to_owned(),
        Sentence::TooOften { sent, most, hours } => format!(
            "Innerhalb von {} waren es schon {}, die hinausgegangen sind oder warten; erlaubt sind {most}.",
            count(hours, "Stunde", "Stunden"),
            count(sent, "solche Nachricht", "solche Nachrichten")
        ),
        Sentence::RoomAgain { at } => format!("Ab {at} ist wieder Platz für eine weitere."),
        Sentence::InARow { sent, most } => format!(
            "Seit der Kunde oder das Team zuletzt geschrieben hat, gab es schon {}; erlaubt sind {most}.",
            count(sent, "automatische Nachricht", "automatische Nachrichten")
        ),
        Sentence::NoLink { kind } => format!("Per E-Mail gilt diese Regel für {kind}."),
        Sentence::Quiet { now, ends: Some(ends) } => {
            format!("Beim Kunden war es {now}; seine Ruhezeit endet am {ends}.")
        }
        Sentence::Quiet { now, ends: None } => {
            format!("Beim Kunden war es {now}; seine Ruhezeit endet innerhalb eines Jahres nicht.")
        }
        Sentence::Spread => {
            "Das ist etwas später, als die Ruhezeiten eingestellt sind, damit nicht alles in derselben Minute hinausgeht."
                .to_owned()
        }

        Sentence::Stands(stands) => self::stands(stands),
        Sentence::Remedy { remedy } => format!("Damit eine solche Nachricht hinausgeht, {remedy}."),
        Sentence::KeyFree { key } => format!(
            "Ihren Schlüssel `{key}` hat sie nicht verbraucht: Dafür kann noch eine andere Nachricht hinausgehen."
        ),
        Sentence::KeyTaken { key } => format!("Ihren Schlüssel `{key}` hat schon eine frühere Nachricht verbraucht."),
        Sentence::KeyUsedUp { key } => format!(
            "Ihren Schlüssel `{key}` hat sie trotzdem verbraucht: Dafür geht keine andere Nachricht mehr hinaus."
        ),
    }
}

fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Neutral => "schlicht",
        Tone::Apologetic => "entschuldigend",
        Tone::Warm => "herzlich",
    }
}

fn because(because: Because) -> String {
    let (heard, what) = match because {
        Because::Order(Trouble::Late) => return "die Bestellung überfällig ist".to_owned(),
        Because::Order(Trouble::Delayed) => return "sich die Bestellung verzögert".to_owned(),
        Because::Frustration(heard, much) => (heard, format!("Frust spricht ({})", decimal(much))),
        Because::Unhappy(heard, polarity) => (heard, format!("Unmut spricht (Polarität {})", decimal(polarity))),
        Because::Complaint(heard) => (heard, "eine Beschwerde spricht".to_owned()),
        Because::Happy(heard, polarity) => (heard, format!("Freude spricht (Polarität {})", decimal(polarity))),
        Because::Thanks(heard) => (heard, "Dank spricht".to_owned()),
    };
    let heard = match heard {
        Heard::Answered => "der Nachricht, auf die sie antwortet,",
        Heard::Last => "dem, was der Kunde zuletzt schrieb,",
        Heard::OpenCase => "der Nachricht, die zum offenen Fall des Kunden führte,",
        Heard::ClosedCase => {
            "der Nachricht, die zu einem Fall des Kunden führte, der in den letzten sieben Tagen abgeschlossen wurde,"
        }
    };
    format!("aus {heard} {what}")
}

fn stands(stands: Stands<'_>) -> String {
    match stands {
        Stands::Received => "Sie steht im Gespräch.".to_owned(),
        Stands::Queued { channel } => {
            format!("Sie ist noch nicht gesendet: Sie geht bei nächster Gelegenheit per {channel} hinaus.")
        }
        Stands::Waits { until } => format!("Sie ist noch nicht gesendet: Sie wartet bis {until}."),
        Stands::WaitsForResume => "Sie ist noch nicht gesendet: Sie wartet, bis die Automatik weiterläuft.".to_owned(),
        Stands::WaitsForChannel { channel, until } => format!(
            "Sie ist noch nicht gesendet: Der Kanal {channel} hat sie nicht angenommen und wird am {until} wieder \
             gefragt."
        ),
        Stands::Simulated { channel, at } => format!(
            "Sie wäre am {at} per {channel} hinausgegangen; dies ist eine Simulation, deshalb ging sie nicht hinaus."
        ),
        Stands::Attempting { channel } => {
            format!("Sie ist per {channel} unterwegs; die Antwort des Kanals steht noch aus.")
        }
        Stands::Sent { channel, at } => format!("Sie wurde am {at} per {channel} gesendet."),
        Stands::Failed { reason } => {
            format!("Sie wurde nicht gesendet, weil sie nicht zugestellt werden konnte: {reason}.")
        }
        Stands::SoWithheld { code } => format!("Deshalb wurde sie nicht gesendet (Regel {code})."),
        Stands::Withheld { rule, code } => format!("Sie wurde nicht gesendet: {rule} (Regel {code})."),
        Stands::TakenBack => {
            "Sie wurde nicht gesendet: Ihr Plugin hat sie zurückgenommen, bevor sie hinausging.".to_owned()
        }
        Stands::Uncertain { reason } => format!(
            "Niemand weiß, ob der Kunde sie hat: {reason}. Sie wird nicht noch einmal gesendet, außer jemand \
             entscheidet das."
        ),
    }
}

/// A part of a sentence.
pub fn phrase(phrase: Phrase<'_>) -> String {
    match phrase {
        Phrase::Moment { weekday, day, month, year, clock, zone } => {
            format!("{weekday}, {day}. {month} {year}, {clock} Uhr ({zone})")
        }
        Phrase::And { some, last } => format!("{some} und {last}"),
        Phrase::Quote(text) => format!("„{text}“"),
        Phrase::Channel(name) => match name {
            "chat" => "Chat",
            "email" => "E-Mail",
            "sms" => "SMS",
            other => other,
        }
        .to_owned(),
        Phrase::Purpose(purpose) => match purpose {
            Purpose::Reply => "eine Antwort auf die eigene Nachricht des Kunden",
            Purpose::Service => "Neues zu einer Bestellung oder einem Termin des Kunden",
            Purpose::Survey => "eine Frage, wie es war",
            Purpose::Marketing => "ein Angebot",
        }
        .to_owned(),
        Phrase::Kind(purpose) => match purpose {
            Purpose::Reply => "Antworten",
            Purpose::Service => "Neuigkeiten zu Bestellungen und Terminen",
            Purpose::Survey => "Fragen, wie es war",
            Purpose::Marketing => "Angebote",
        }
        .to_owned(),
        Phrase::Event(event) => self::event(event),
        Phrase::Note(note) => self::note(note),
        Phrase::Did(did) => self::did(did).to_owned(),
        Phrase::WhenWritten => "Als sie geschrieben wurde".to_owned(),
        Phrase::WhenDue { when } => format!("Als sie am {when} an der Reihe war"),
        Phrase::Rule(rule) => self::rule(rule).to_owned(),
        Phrase::Remedy(rule) => self::remedy(rule).to_owned(),
        Phrase::TookBack => "Der Kunde hat seine Einwilligung in Nachrichten dieser Art zurückgenommen".to_owned(),
        Phrase::AgreeAgain => "müsste der Kunde Nachrichten dieser Art wieder zustimmen".to_owned(),
        Phrase::StartOrInSpite => {
            "müsste der Kunde START schreiben, oder jemand vom Team müsste sich entscheiden, trotz des Stopps zu \
             schreiben, was festgehalten wird"
                .to_owned()
        }
        Phrase::Scope { kind, channel } => {
            let place = channel.map_or_else(|| "auf allen Kanälen".to_owned(), |channel| format!("per {channel}"));
            format!("{} {place}", kind.unwrap_or("alle Nachrichten"))
        }
        Phrase::Seen(seen) => self::seen(seen),
    }
}

/// A rule stands behind a colon and is a whole sentence, which German begins with a capital.
fn rule(rule: Rule) -> &'static str {
    match rule {
        Rule::OptedOut => "Der Kunde hat Stopp gesagt",
        Rule::Unreachable => "Für diesen Kanal ist keine Adresse des Kunden bekannt",
        Rule::Expired => "Sie wäre zu spät gekommen, um noch zu nützen",
        Rule::ToMachine => "Die Nachricht, auf die sie antwortet, hat kein Mensch geschrieben",
        Rule::PluginOff => "Das Plugin, das sie geschrieben hat, wurde inzwischen ausgeschaltet",
        Rule::Paused => "Die Automatik ist angehalten",
        Rule::Repeated => {
            "Das Plugin hat denselben Schlüssel schon für eine frühere Nachricht benutzt, und ein Schlüssel gilt für \
             eine Nachricht"
        }
        Rule::SameText => "Dieselben Worte hat dieser Kunde vor Kurzem schon bekommen",
        Rule::NoConsent => "Der Kunde hat Nachrichten dieser Art nicht zugestimmt",
        Rule::PersonHere => "Ein Mensch führt dieses Gespräch, deshalb schweigt die Automatik",
        Rule::TooOften => "Der Kunde hat zuletzt schon so viele Nachrichten dieser Art bekommen, wie er soll",
        Rule::TooManyInARow => "Zu viele automatische Nachrichten ohne ein Wort des Kunden",
        Rule::NoWayOut => {
            "Ein Angebot per E-Mail braucht einen Link zum Abbestellen, und dieser Server hat dafür keine öffentliche \
             Adresse"
        }
        Rule::QuietHours => "Um diese Zeit wird der Kunde in Ruhe gelassen",
        Rule::Clear => "Nichts spricht dagegen",
    }
}

fn remedy(rule: Rule) -> &'static str {
    match rule {
        Rule::OptedOut => "müsste der Kunde START schreiben oder wieder zustimmen",
        Rule::Unreachable => "müsste eine Adresse für diesen Kanal bekannt werden",
        Rule::Expired => "müsste das Plugin sie früher wollen, oder sie müsste länger nützlich bleiben",
        Rule::ToMachine => "müsste ein Mensch schreiben",
        Rule::PluginOff => "müsste der Betrieb das Plugin einschalten, bevor sie an der Reihe ist",
        Rule::Paused => "müsste der Betrieb die Automatik weiterlaufen lassen",
        Rule::Repeated => "müsste das Plugin einen anderen Schlüssel benutzen",
        Rule::SameText => "müssten die Worte andere sein, oder es müsste mehr Zeit vergehen",
        Rule::NoConsent => "müsste der Kunde Nachrichten dieser Art zustimmen",
        Rule::PersonHere => "müsste das Team den Fall abschließen",
        Rule::TooOften => "müsste etwas Zeit vergehen, oder der Betrieb müsste mehr erlauben",
        Rule::TooManyInARow => "müsste der Kunde oder das Team schreiben",
        Rule::NoWayOut => "müsste Attune mit seiner öffentlichen Adresse gestartet werden",
        Rule::QuietHours => "müsste die Ruhezeit enden",
        Rule::Clear => "müsste sich nichts ändern",
    }
}

fn seen(seen: Seen<'_>) -> String {
    match seen {
        Seen::NoStop => "kein Stopp".to_owned(),
        Seen::InSpite => "ein Stopp, trotz dessen das Team schreiben wollte".to_owned(),
        Seen::ConfirmsStop => "die eine Bestätigung des Stopps, die hinausgehen darf".to_owned(),
        Seen::Address => "eine Adresse dafür".to_owned(),
        Seen::Agreed => "die Einwilligung des Kunden".to_owned(),
        Seen::NobodyHere => "kein offener Fall".to_owned(),
        Seen::DuringCase => "ein offener Fall, bei dem solche Neuigkeiten trotzdem hinausgehen".to_owned(),
        Seen::Room { sent, most, hours } => {
            format!("{sent} von höchstens {most} dieser Art innerhalb von {}", count(hours, "Stunde", "Stunden"))
        }
        Seen::InARow { sent, most } => format!("{sent} von höchstens {most} automatischen hintereinander"),
        Seen::Awake { clock, zone } => format!("für sie keine Ruhezeit (beim Kunden war es {clock} Uhr, {zone})"),
    }
}

fn event(event: Event<'_>) -> String {
    match event {
        Event::Message { source } => format!("kam eine Nachricht des Kunden herein, gemeldet von `{source}`"),
        Event::Customer { source } => format!("wurde Neues über den Kunden bekannt, gemeldet von `{source}`"),
        Event::Appointment { change, source } => {
            let happened = match change {
                "booked" => "wurde ein Termin gebucht",
                "moved" => "wurde ein Termin verschoben",
                "cancelled" => "wurde ein Termin abgesagt",
                "completed" => "wurde ein Termin wahrgenommen",
                "missed" => "wurde ein Termin versäumt",
                _ => "gab es Neues zu einem Termin",
            };
            format!("{happened}, gemeldet von `{source}`")
        }
        Event::Order { change, source } => {
            let happened = match change {
                "placed" => "wurde eine Bestellung aufgegeben",
                "updated" => "wurde eine Bestellung geändert",
                "shipped" => "wurde eine Bestellung versandt",
                "delayed" => "verzögerte sich eine Bestellung",
                "delivered" => "wurde eine Bestellung zugestellt",
                "cancelled" => "wurde eine Bestellung storniert",
                "refunded" => "wurde eine Bestellung erstattet",
                _ => "gab es Neues zu einer Bestellung",
            };
            format!("{happened}, gemeldet von `{source}`")
        }
        Event::Other { kind, source } => format!("kam das Ereignis {kind} herein, gemeldet von `{source}`"),
        Event::Timer { plugin } => format!("war eine Erinnerung des Plugins {plugin} fällig"),
        Event::Retry { plugin } => format!("bekam das Plugin {plugin} einen weiteren Versuch"),
        Event::StaffWrote { by } => format!("schrieb {by} dem Kunden"),
        Event::Settled { by } => format!("entschied {by}, was aus ihr geworden ist"),
        Event::Due => "war sie an der Reihe".to_owned(),
        Event::Answered { channel } => format!("antwortete der Kanal {channel}"),
        Event::Logged(words) => format!("geschah Folgendes: „{words}“"),
    }
}

fn note(note: Note<'_>) -> String {
    match note {
        Note::PersonHas => "Ein Mensch führt dieses Gespräch oder ist gerufen; keine Automatik antwortet".to_owned(),
        Note::AskedIfMachine => "Der Kunde hat gefragt, ob eine Maschine schreibt; Attune sagt ja".to_owned(),
        Note::SaidStop => "Der Kunde hat Stopp gesagt; Attune antwortet, kein Plugin wird gefragt".to_owned(),
        Note::SaidStart => "Der Kunde hat Start gesagt; Attune antwortet, kein Plugin wird gefragt".to_owned(),
        Note::AskedHelp => "Der Kunde hat um Hilfe gebeten; Attune antwortet, kein Plugin wird gefragt".to_owned(),
        Note::AskedPerson => {
            "Der Kunde möchte einen Menschen sprechen; Attune ruft einen, kein Plugin wird gefragt".to_owned()
        }
        Note::Sent => "Die Nachricht ist gesendet".to_owned(),
        Note::Failed => "Die Nachricht ist aufgegeben".to_owned(),
        Note::Uncertain => "Niemand weiß, was aus der Nachricht geworden ist".to_owned(),
        Note::Deferred => "Die Nachricht wartet".to_owned(),
        Note::ReaderFailed { plugin, reason } => {
            format!(
                "Das Plugin {plugin} konnte den Text nicht lesen („{reason}“), deshalb hat Attune ihn selbst gelesen"
            )
        }
        Note::NotYet(reason) => format!("Noch nicht, denn: „{reason}“"),
        Note::Logged(words) => format!("„{words}“"),
    }
}

/// What follows "Es hat".
fn did(did: Did) -> &'static str {
    match did {
        Did::LookedWho => "nachgesehen, wer der Kunde ist",
        Did::Recalled => "nachgesehen, was es über den Kunden notiert hatte",
        Did::Remembered => "etwas über den Kunden notiert",
        Did::Tagged => "dem Kunden ein Etikett gegeben",
        Did::Untagged => "dem Kunden ein Etikett abgenommen",
        Did::ReadLast => "die letzten Nachrichten gelesen",
        Did::JudgedMood => "die Stimmung der Nachricht eingeschätzt",
        Did::LookedAtMoods => "nachgesehen, wie sich die Stimmung entwickelt",
        Did::Understood => "herausgefunden, worum es in der Nachricht geht",
        Did::SearchedKnowledge => "in den Antworten des Unternehmens nachgesehen",
        Did::CalledPerson => "einen Menschen hinzugerufen",
        Did::LookedForPerson => "nachgesehen, ob ein Mensch das Gespräch führt",
        Did::LookedUpAppointment => "den Termin nachgeschlagen",
        Did::LookedUpAppointments => "die nächsten Termine des Kunden nachgeschlagen",
        Did::NotedAnswer => "notiert, was der Kunde zum Termin geantwortet hat",
        Did::LookedUpOrders => "die Bestellungen des Kunden nachgeschlagen",
        Did::LookedUpOrder => "die Bestellung nachgeschlagen",
        Did::CheckedOrder => "geprüft, ob eine Bestellung dem Kunden gehört",
        Did::SetReminder => "sich eine Erinnerung gestellt",
        Did::CancelledReminder => "eine eigene Erinnerung gestrichen",
        Did::LookedIntoNotes => "in den eigenen Notizen nachgesehen",
        Did::WroteNotes => "in die eigenen Notizen geschrieben",
        Did::DeletedNote => "eine eigene Notiz gelöscht",
        Did::Counted => "gezählt",
        Did::LookedUpCount => "eine eigene Zählung nachgeschlagen",
        Did::LookedUpBusiness => "Angaben zum Betrieb nachgeschlagen",
        Did::LookedIfOpen => "nachgesehen, ob der Betrieb geöffnet hat",
        Did::LookedWhenOpen => "nachgesehen, wann der Betrieb wieder öffnet",
        Did::LookedAtTrends => "nachgesehen, wie viele Kunden unzufrieden sind",
        Did::ShowedStaff => "dem Team Beispiele gezeigt",
        Did::ToldStaff => "das Team benachrichtigt",
        Did::AskedToSend => "darum gebeten, eine Nachricht zu senden",
        Did::TookBack => "eine Nachricht zurückgenommen",
    }
}
