//! Every sentence in every language, and the story of each rule's decision.

use crate::domain::consent::{Consent, EVERYWHERE, Source};
use crate::domain::gate::{Decision, Facts, Rule, decide};
use crate::domain::ids::{CustomerId, EventId, MessageId};
use crate::domain::message::{Author, Delivery, Message, Origin, Purpose, WITHDRAWN};
use crate::domain::promises::Cap;
use crate::domain::recent::Room;
use crate::domain::time;
use crate::domain::tone::{Because, Heard, Tone, Trouble};
use crate::engine::why::Measured;
use crate::turn::tone::Worded;

use super::sentence::Seen;
use super::*;

const LANGUAGES: [Language; 3] = [Language::English, Language::German, Language::Spanish];
const FOREIGN: [Language; 2] = [Language::German, Language::Spanish];

fn moment(text: &str) -> Instant {
    Instant::parse(text).unwrap_or_else(|| panic!("`{text}` is no moment"))
}

/// Ten in the morning for the business, four at night for the customer; nothing speaks against the message.
fn facts() -> Facts {
    let now = moment("2026-03-03T10:00[Europe/Berlin]");
    Facts {
        now,
        author: Author::Automation,
        purpose: Purpose::Service,
        channel: "email".to_owned(),
        reachable: true,
        withdrawn: None,
        confirms_stop: false,
        in_spite: false,
        consent_needed: false,
        consented: false,
        case_open: false,
        service_during_case: false,
        to_machine: false,
        plugin_off: false,
        paused: false,
        once_used: false,
        same_text: false,
        room: Some(Room { cap: Cap { most: 4, hours: 24 }, sent: 1, again: None }),
        expires: None,
        allowed_at: Some(now),
        zone: "America/New_York".to_owned(),
        in_a_row: 2,
        in_a_row_allowed: 10,
        no_way_out: false,
    }
}

fn stop() -> Consent {
    Consent {
        channel: "email".to_owned(),
        purpose: None,
        granted: false,
        at: moment("2026-03-01T18:30[Europe/Berlin]"),
        source: Source::Word,
        text: Some("STOP\n\u{1b}[31mplease".to_owned()),
        by: None,
    }
}

fn message(facts: &Facts) -> Message {
    let origin = Origin {
        plugin: "order-status".to_owned(),
        purpose: facts.purpose,
        template: Some("shipped".to_owned()),
        tone: Tone::Neutral,
        about: Some("#1001".to_owned()),
        once: Some("shipped/#1001".to_owned()),
        expires: facts.expires,
    };
    Message {
        id: MessageId([1; 16]),
        customer: CustomerId([7; 16]),
        at: facts.now,
        author: facts.author,
        channel: facts.channel.clone(),
        text: "On its way.".to_owned(),
        subject: None,
        language: None,
        in_reply_to: None,
        polarity: None,
        staff: (facts.author == Author::Staff).then(|| "Petra".to_owned()),
        origin: (facts.author == Author::Automation).then_some(origin),
        entry: EventId([2; 16]),
        attempts: 0,
        machine: None,
        original: None,
        sent_as: None,
        reported: None,
        trail: Vec::new(),
        in_spite: facts.in_spite,
        delivery: Delivery::Queued,
    }
}

/// The story of a message of which the gate is asked with these facts, when it is written or when its turn comes.
fn story(facts: &Facts, claiming: bool) -> Story {
    let mut message = message(facts);
    let decision = decide(facts);
    let rule = decision.rule();
    let until = if let Decision::Wait(until, _) = decision { Some(until) } else { None };
    message.delivery = match decision {
        Decision::Send => Delivery::Sent { at: facts.now },
        Decision::Wait(until, rule) => Delivery::Deferred { until, code: rule.code().to_owned() },
        Decision::Withhold(rule) => {
            Delivery::Withheld { code: rule.code().to_owned(), reason: rule.sentence().to_owned() }
        }
    };
    let decided = Decided { message: message.id, claiming, rule, until, facts: facts.clone() };
    let other = Decided { message: MessageId([9; 16]), ..decided.clone() };
    let (entry, what) = if claiming {
        message.trail.push(EventId([3; 16]));
        (EventId([3; 16]), "a message is due for sending")
    } else {
        (message.entry, "attune.order.shipped.v1 from test")
    };
    let why = Why {
        entry: Some(entry),
        at: facts.now,
        what: what.to_owned(),
        decisions: vec![other, decided],
        ..Why::default()
    };
    Story { message, whys: vec![(why, Measured::default())] }
}

fn told(story: &Story, language: Language) -> Told {
    tell(story, &time::zone_or_utc("Europe/Berlin"), 90, language)
}

/// Facts by which each rule decides, with words that its story has in English, German and Spanish.
fn each_rule() -> Vec<(Rule, Facts, [&'static str; 3])> {
    let with = |change: fn(&mut Facts)| {
        let mut facts = facts();
        change(&mut facts);
        facts
    };
    vec![
        (
            Rule::OptedOut,
            with(|facts| facts.withdrawn = Some(stop())),
            [
                "On Sunday, 1 March 2026, 18:30 (Europe/Berlin), they wrote \"STOP [31mplease\". It holds for all \
                 messages by email.",
                "Am Sonntag, 1. März 2026, 18:30 Uhr (Europe/Berlin) schrieb der Kunde „STOP [31mplease“. Das gilt für \
                 alle Nachrichten per E-Mail.",
                "El domingo, 1 de marzo de 2026, 18:30 h (Europe/Berlin) el cliente escribió «STOP [31mplease». Vale \
                 para todos los mensajes por correo electrónico.",
            ],
        ),
        (
            Rule::Unreachable,
            with(|facts| facts.reachable = false),
            ["It was to go out by email.", "Sie sollte per E-Mail hinausgehen.", "Debía salir por correo electrónico."],
        ),
        (
            Rule::Expired,
            with(|facts| facts.expires = Some(facts.now.minus(time::HOUR))),
            [
                "pointless from Tuesday, 3 March 2026, 09:00 (Europe/Berlin) on",
                "ab Dienstag, 3. März 2026, 09:00 Uhr (Europe/Berlin) keinen Sinn mehr",
                "a partir del martes, 3 de marzo de 2026, 09:00 h (Europe/Berlin)",
            ],
        ),
        (
            Rule::Expired,
            with(|facts| {
                facts.expires = Some(facts.now.plus(time::HOUR));
                facts.allowed_at = Some(facts.now.plus(4 * time::HOUR));
            }),
            [
                "could go out on Tuesday, 3 March 2026, 14:00",
                "frühestens am Dienstag, 3. März 2026, 14:00 Uhr",
                "antes del martes, 3 de marzo de 2026, 14:00 h",
            ],
        ),
        (
            Rule::ToMachine,
            with(|facts| {
                facts.purpose = Purpose::Reply;
                facts.to_machine = true;
            }),
            ["looks like an automatic reply", "nach einer automatischen Antwort", "parece una respuesta automática"],
        ),
        (
            Rule::PluginOff,
            with(|facts| facts.plugin_off = true),
            ["the plugin order-status was off", "das Plugin order-status", "el plugin order-status"],
        ),
        (
            Rule::Paused,
            with(|facts| {
                facts.purpose = Purpose::Reply;
                facts.paused = true;
            }),
            ["was paused at that moment", "angehalten", "en pausa"],
        ),
        (
            Rule::Paused,
            with(|facts| facts.paused = true),
            ["wait until automations go on", "warten, bis die Automatik weiterläuft", "a que se reanuden"],
        ),
        (
            Rule::Repeated,
            with(|facts| facts.once_used = true),
            ["The key is `shipped/#1001`.", "Der Schlüssel ist `shipped/#1001`.", "La clave es `shipped/#1001`."],
        ),
        (
            Rule::SameText,
            with(|facts| facts.same_text = true),
            ["with the same text", "mit demselben Text", "con el mismo texto"],
        ),
        (
            Rule::SameText,
            with(|facts| {
                facts.purpose = Purpose::Reply;
                facts.same_text = true;
            }),
            ["answered in the same words", "mit denselben Worten beantwortet", "con las mismas palabras"],
        ),
        (
            Rule::NoConsent,
            with(|facts| {
                facts.purpose = Purpose::Marketing;
                facts.consent_needed = true;
            }),
            ["asks for consent to offers", "verlangt für Angebote", "pide consentimiento para ofertas"],
        ),
        (
            Rule::PersonHere,
            with(|facts| facts.case_open = true),
            [
                "news of orders and appointments as well",
                "Neuigkeiten zu Bestellungen",
                "las novedades de pedidos y citas",
            ],
        ),
        (
            Rule::TooOften,
            with(|facts| {
                let again = Some(facts.now.plus(time::HOUR));
                facts.room = Some(Room { cap: Cap { most: 4, hours: 24 }, sent: 4, again });
            }),
            [
                "Within 24 hours 4 messages of this kind had gone out or were waiting, and 4 may. There is room again \
                 from Tuesday, 3 March 2026, 11:00",
                "Innerhalb von 24 Stunden waren es schon 4 solche Nachrichten, die hinausgegangen sind oder warten; \
                 erlaubt sind 4. Ab Dienstag, 3. März 2026, 11:00 Uhr",
                "En 24 horas ya eran 4 mensajes de este tipo, contando los que esperan; se permiten 4. Habrá sitio para \
                 otro a partir del martes, 3 de marzo de 2026, 11:00 h",
            ],
        ),
        (
            Rule::TooManyInARow,
            with(|facts| (facts.in_a_row, facts.in_a_row_allowed) = (1, 1)),
            [
                "1 automated message had gone out, and 1 may",
                "1 automatische Nachricht; erlaubt",
                "1 mensaje automático",
            ],
        ),
        (
            Rule::NoWayOut,
            with(|facts| {
                facts.purpose = Purpose::Marketing;
                facts.no_way_out = true;
            }),
            ["this rule holds for offers", "gilt diese Regel für Angebote", "esta regla vale para ofertas"],
        ),
        (
            Rule::QuietHours,
            with(|facts| facts.allowed_at = Some(moment("2026-03-03T08:12:34[America/New_York]"))),
            [
                "For the customer it was Tuesday, 3 March 2026, 04:00 (America/New_York); their quiet hours end on \
                 Tuesday, 3 March 2026, 08:12 (America/New_York). That is a little later",
                "Beim Kunden war es Dienstag, 3. März 2026, 04:00 Uhr (America/New_York); seine Ruhezeit endet am \
                 Dienstag, 3. März 2026, 08:12 Uhr (America/New_York). Das ist etwas später",
                "Para el cliente era martes, 3 de marzo de 2026, 04:00 h (America/New_York); sus horas de silencio \
                 terminan el martes, 3 de marzo de 2026, 08:12 h (America/New_York). Es algo más tarde",
            ],
        ),
        (
            Rule::QuietHours,
            with(|facts| facts.allowed_at = None),
            ["do not end within a year", "endet innerhalb eines Jahres nicht", "no terminan en todo un año"],
        ),
        (
            Rule::Clear,
            facts(),
            [
                "nothing spoke against sending it: no stop, an address for it, no open case, 1 of at most 4 of this kind \
                 within 24 hours, 2 of at most 10 automated ones in a row and no quiet hours for it (for the customer \
                 it was 04:00, America/New_York).",
                "sprach nichts gegen den Versand: kein Stopp, eine Adresse dafür, kein offener Fall, 1 von höchstens 4 \
                 dieser Art innerhalb von 24 Stunden, 2 von höchstens 10 automatischen hintereinander und für sie keine \
                 Ruhezeit (beim Kunden war es 04:00 Uhr, America/New_York).",
                "nada se oponía a enviarlo: ninguna baja, una dirección para ello, ningún caso abierto, 1 de 4 como \
                 máximo de este tipo en 24 horas, 2 de 10 como máximo automáticos seguidos y sin horas de silencio para \
                 él (para el cliente eran las 04:00 h, America/New_York).",
            ],
        ),
    ]
}

/// A sentence for people: no gap, nothing left to fill in, and it begins and ends like one.
#[track_caller]
fn is_sentence(sentence: &str) {
    assert!(sentence.chars().next().is_some_and(|first| first.is_uppercase() || first == '`'), "{sentence}");
    assert!(sentence.ends_with('.') && !sentence.ends_with(".."), "{sentence}");
    assert!(!sentence.contains(['{', '}', '\n', '\u{1b}']) && !sentence.contains("  "), "{sentence}");
    assert!(!sentence.contains(" ,") && !sentence.contains(" ."), "{sentence}");
}

#[test]
fn every_decision_names_its_rule_its_facts_and_what_would_have_to_change() {
    let cases = each_rule();
    for rule in Rule::ALL {
        assert!(cases.iter().any(|(case, _, _)| case == rule), "no case is decided by {}", rule.code());
    }
    for (rule, facts, expected) in cases {
        for claiming in [false, true] {
            let story = story(&facts, claiming);
            let withheld = matches!(decide(&facts), Decision::Withhold(_));
            let mut before: Vec<String> = Vec::new();
            for (language, words) in LANGUAGES.into_iter().zip(expected) {
                let Told { sentences, decisions } = told(&story, language);
                sentences.iter().for_each(|sentence| is_sentence(sentence));
                assert_eq!(decisions.len(), 1, "about another message is another story");
                let [decision] = &decisions[..] else { panic!("one decision") };
                assert_eq!(decision.decided.rule, rule, "{facts:?}");
                let all = sentences.join(" ");
                assert!(all.contains(&decision.sentences.join(" ")), "{all}");
                assert!(
                    decision.sentences.join(" ").contains(words),
                    "{}: `{words}` is missing in: {all}",
                    rule.code()
                );
                if rule != Rule::Clear && rule != Rule::OptedOut {
                    assert!(all.contains(&language.phrase(Phrase::Rule(rule))), "{all}");
                }
                assert_eq!(decision.remedy.is_some(), withheld, "{all}");
                if let Some(remedy) = &decision.remedy {
                    assert!(all.contains(remedy.as_str()), "{all}");
                    assert!(all.contains(&format!(
                        "({} {})",
                        ["rule", "Regel", "regla"][language as usize],
                        rule.code()
                    )));
                    assert!(all.contains("`shipped/#1001`"), "what became of its key: {all}");
                }
                for (own, other) in decision.sentences.iter().zip(&before) {
                    assert_ne!(own, other, "it is not translated");
                }
                before.extend(decision.sentences.iter().cloned());
            }
        }
    }
}

#[test]
fn it_says_whether_the_gate_was_asked_when_the_message_was_written_or_when_its_turn_came() {
    let facts = Facts { case_open: true, ..facts() };
    for (language, written, due) in [
        (
            Language::English,
            "When it was written, the",
            "On Tuesday, 3 March 2026, 10:00 (Europe/Berlin), when its turn",
        ),
        (Language::German, "Als sie geschrieben wurde, ließen", "Als sie am Dienstag, 3. März 2026, 10:00 Uhr"),
        (
            Language::Spanish,
            "Cuando se escribió, las",
            "El martes, 3 de marzo de 2026, 10:00 h (Europe/Berlin), cuando",
        ),
    ] {
        for (claiming, words) in [(false, written), (true, due)] {
            let sentences = told(&story(&facts, claiming), language).sentences;
            assert!(sentences.iter().any(|sentence| sentence.starts_with(words)), "{sentences:#?}");
        }
    }
}

#[test]
fn a_withdrawal_is_told_by_how_it_became_known() {
    let sources =
        [Source::Word, Source::OneClick, Source::Form, Source::Event, Source::Import, Source::Staff, Source::Kept];
    for language in LANGUAGES {
        let mut all = std::collections::BTreeSet::new();
        for source in sources {
            for (text, by) in [(None, None), (Some("no more"), Some("Otto"))] {
                let withdrawn = Consent {
                    source,
                    channel: EVERYWHERE.to_owned(),
                    text: text.map(str::to_owned),
                    by: by.map(str::to_owned),
                    ..stop()
                };
                let told = told(&story(&Facts { withdrawn: Some(withdrawn), ..facts() }, false), language);
                let how = told.decisions[0].sentences[1].clone();
                is_sentence(&how);
                let quotes = text.is_some() && !matches!(source, Source::OneClick | Source::Kept);
                assert_eq!(how.contains("no more"), quotes, "{how}");
                assert_eq!(how.contains("Otto"), by.is_some() && source == Source::Staff, "{how}");
                all.insert(how);
            }
        }
        assert!(all.len() >= sources.len() + 3, "{all:#?}");
    }
    // Who unsubscribed from offers need not write START but agree again, and staff may write in spite of a stop.
    let offers = Consent { purpose: Some(Purpose::Marketing), source: Source::OneClick, ..stop() };
    let offers = Facts { withdrawn: Some(offers), purpose: Purpose::Marketing, ..facts() };
    let staff = Facts { withdrawn: Some(stop()), author: Author::Staff, purpose: Purpose::Reply, ..facts() };
    for (facts, words) in [
        (&offers, ["to agree to messages of this kind again", "wieder zustimmen", "aceptar de nuevo"]),
        (&staff, ["in spite of the stop", "trotz des Stopps", "a pesar de la baja"]),
    ] {
        for (language, words) in LANGUAGES.into_iter().zip(words) {
            let told = told(&story(facts, false), language).sentences.join(" ");
            assert!(told.contains(words), "{told}");
        }
    }
}

#[test]
fn staff_and_attune_itself_have_stories_too() {
    let in_spite =
        Facts { author: Author::Staff, purpose: Purpose::Reply, withdrawn: Some(stop()), in_spite: true, ..facts() };
    let mut spite = story(&in_spite, false);
    spite.whys[0].0.host.push("Petra decided to write though the customer had said stop".to_owned());
    let told = tell(&spite, &TimeZone::UTC, 90, Language::English).sentences.join(" ");
    assert!(told.contains("Petra wrote this message, as staff, in spite of the customer's stop; that is recorded."));
    assert!(told.contains("a stop, in spite of which staff decided to write"), "{told}");
    assert!(!told.contains("noted"), "it is said once: {told}");

    let confirms = Facts { author: Author::Host, confirms_stop: true, withdrawn: Some(stop()), ..facts() };
    let mut confirms = story(&confirms, false);
    confirms.message.origin = Some(Origin {
        plugin: "host".to_owned(),
        purpose: Purpose::Reply,
        template: Some(CONFIRMS_STOP.to_owned()),
        tone: Tone::Neutral,
        about: None,
        once: None,
        expires: None,
    });
    for (language, words) in LANGUAGES.into_iter().zip([
        "Attune itself wrote this message: it confirms that the customer said stop.",
        "Attune selbst hat diese Nachricht geschrieben: Sie bestätigt, dass der Kunde Stopp gesagt hat.",
        "El propio Attune escribió este mensaje: confirma que el cliente ha dicho stop.",
    ]) {
        let told = self::told(&confirms, language).sentences.join(" ");
        assert!(told.contains(words) && !told.contains("START"), "{told}");
    }
}

#[test]
fn the_tone_is_told_with_its_reason() {
    let mut story = story(&facts(), false);
    let because = Because::Frustration(Heard::Answered, 0.812);
    let one =
        Worded { message: story.message.id, tone: Tone::Apologetic, because, missing: false, words: String::new() };
    let other = Worded { message: MessageId([9; 16]), tone: Tone::Warm, ..one.clone() };
    story.whys[0].0.worded = vec![other, one];
    for (language, words) in LANGUAGES.into_iter().zip([
        "It is worded apologetically, because the message it answers shows frustration 0.81.",
        "Sie ist entschuldigend formuliert, weil aus der Nachricht, auf die sie antwortet, Frust spricht (0,81).",
        "Está redactado con una disculpa, porque en el mensaje al que responde se nota frustración (0,81).",
    ]) {
        let sentences = told(&story, language).sentences;
        assert!(sentences.iter().any(|sentence| sentence == words), "{sentences:#?}");
    }
}

#[test]
fn a_key_is_said_to_be_used_up_or_not() {
    let refused = |once_used| Facts { withdrawn: Some(stop()), once_used, ..facts() };
    let mut taken_back = story(&facts(), false);
    taken_back.message.delivery =
        Delivery::Withheld { code: WITHDRAWN.to_owned(), reason: "the plugin took it back".to_owned() };
    for (story, words) in [
        (story(&refused(false), false), "It has not used up its key `shipped/#1001`: another message may"),
        (story(&refused(true), false), "Its key `shipped/#1001` was used up by an earlier message."),
        (story(&Facts { once_used: true, ..facts() }, false), "Its key `shipped/#1001` was used up by an earlier"),
        (taken_back, "It has used up its key `shipped/#1001` all the same"),
    ] {
        let told = told(&story, Language::English).sentences;
        assert!(told.last().is_some_and(|last| last.starts_with(words)), "{told:#?}");
    }
}

#[test]
fn what_is_withheld_is_told_though_its_record_is_gone() {
    let mut story = story(&Facts { case_open: true, ..facts() }, false);
    story.whys.clear();
    for (language, words) in LANGUAGES.into_iter().zip([
        "for 90 days. It was not sent: a person has this conversation, so automations are silent (rule person-here). For \
         such a message to go out, staff would have to resolve the case. It has not used up its key",
        "90 Tage aufbewahrt. Sie wurde nicht gesendet: Ein Mensch führt dieses Gespräch, deshalb schweigt die Automatik \
         (Regel person-here). Damit eine solche Nachricht hinausgeht, müsste das Team den Fall abschließen. Ihren",
        "durante 90 días. No se envió: una persona lleva esta conversación, así que los mensajes automáticos callan \
         (regla person-here). Para que un mensaje así salga, el equipo tendría que cerrar el caso. No ha gastado",
    ]) {
        let told = told(&story, language).sentences.join(" ");
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn what_happened_and_what_was_noted_is_told_in_every_language() {
    let mut events: Vec<String> = [
        "a message is due for sending",
        "a channel told what became of a message",
        "a timer of order-status fell due",
        "order-status is tried again",
        "Petra writes to the customer",
        "Petra decides what became of a message",
        "attune.message.received.v1 from chat",
        "attune.customer.updated.v1 from till",
        "com.example.rain from the sky",
    ]
    .map(str::to_owned)
    .to_vec();
    let appointments = ["booked", "moved", "cancelled", "completed", "missed"];
    let orders = ["placed", "updated", "shipped", "delayed", "delivered", "cancelled", "refunded"];
    events.extend(appointments.map(|change| format!("attune.appointment.{change}.v1 from test")));
    events.extend(orders.map(|change| format!("attune.order.{change}.v1 from test")));
    let notes = [
        "a person has this conversation or is asked for: no automation answers",
        "the customer asked whether a machine is writing; the host says yes",
        "the customer said stop; the host answers, no plugin is asked",
        "the customer said start; the host answers, no plugin is asked",
        "the customer asked for help; the host answers, no plugin is asked",
        "the customer asked for a person; the host calls one in, no plugin is asked",
        "the message is sent",
        "the message is failed",
        "the message is uncertain",
        "the message is deferred",
        "not yet: 450",
        "the reader house failed (broke off (badly)): Attune's own reading was used",
    ];
    for language in FOREIGN {
        let (mut seen, mut phrases) = (0, std::collections::BTreeSet::new());
        let own = events.iter().map(|words| Phrase::Event(event(words)));
        for phrase in own.chain(notes.iter().map(|words| Phrase::Note(note(words)))) {
            let words = language.phrase(phrase);
            assert!(!matches!(phrase, Phrase::Event(Event::Logged(_)) | Phrase::Note(Note::Logged(_))), "{phrase:?}");
            assert!(!words.is_empty() && words != Language::English.phrase(phrase), "{words}");
            seen += 1;
            phrases.insert(words);
        }
        assert_eq!(phrases.len(), seen, "each is another: {phrases:#?}");
        // What is not known is told as it was written down.
        assert!(language.phrase(Phrase::Note(note("it rains"))).contains("it rains"));
        assert!(language.phrase(Phrase::Event(event("it rains"))).contains("it rains"));
    }
}

#[test]
fn every_part_of_a_sentence_is_there_in_every_language() {
    let purposes = [Purpose::Reply, Purpose::Service, Purpose::Survey, Purpose::Marketing];
    let mut phrases: Vec<Phrase<'_>> = Did::ALL.iter().map(|(_, did)| Phrase::Did(*did)).collect();
    phrases.extend(Rule::ALL.iter().flat_map(|rule| [Phrase::Rule(*rule), Phrase::Remedy(*rule)]));
    phrases.extend(purposes.iter().flat_map(|purpose| [Phrase::Purpose(*purpose), Phrase::Kind(*purpose)]));
    phrases.extend([Phrase::WhenWritten, Phrase::WhenDue { when: "x" }, Phrase::TookBack, Phrase::AgreeAgain]);
    phrases.extend([Phrase::StartOrInSpite, Phrase::Channel("email"), Phrase::Quote("x")]);
    phrases.push(Phrase::Scope { kind: None, channel: None });
    let clock = Seen::Awake { clock: "10:00", zone: "UTC" };
    let counts = [Seen::Room { sent: 1, most: 2, hours: 1 }, Seen::InARow { sent: 1, most: 2 }, clock];
    let plain = [Seen::NoStop, Seen::InSpite, Seen::ConfirmsStop, Seen::Address, Seen::Agreed, Seen::NobodyHere];
    phrases.extend(counts.into_iter().chain(plain).chain([Seen::DuringCase]).map(Phrase::Seen));
    for phrase in phrases {
        let english = Language::English.phrase(phrase);
        for language in FOREIGN {
            let words = language.phrase(phrase);
            assert!(!words.is_empty() && !words.contains(['{', '}']) && !words.ends_with('.'), "{words}");
            assert_ne!(words, english, "{phrase:?} is not translated");
        }
    }
}

#[test]
fn where_a_message_stands_is_told_in_every_language() {
    let (channel, at, until, reason) = ("chat", "monday", "tuesday", "no room");
    let stands = [
        Stands::Received,
        Stands::Queued { channel },
        Stands::Waits { until },
        Stands::WaitsForResume,
        Stands::WaitsForChannel { channel, until },
        Stands::Simulated { channel, at },
        Stands::Attempting { channel },
        Stands::Sent { channel, at },
        Stands::Failed { reason },
        Stands::SoWithheld { code: "x" },
        Stands::Withheld { rule: "x", code: "x" },
        Stands::TakenBack,
        Stands::Uncertain { reason },
    ];
    let (plugin, version, purpose) = ("p", "1.0.0", "x");
    let mut sentences: Vec<Sentence<'_>> = stands.into_iter().map(Sentence::Stands).collect();
    sentences.extend([Ran::Answered, Ran::Passed, Ran::Done, Ran::Read].map(|ran| Sentence::Beside {
        plugin,
        version,
        ran,
    }));
    sentences.extend(
        [
            HostWords::StopConfirmed,
            HostWords::StartConfirmed,
            HostWords::Help,
            HostWords::IsAutomated,
            HostWords::PersonComes,
        ]
        .map(Sentence::ByHost),
    );
    sentences.extend([
        Sentence::ByCustomer { channel },
        Sentence::ByStaff { who: None, in_spite: true },
        Sentence::ByStaff { who: Some("Petra"), in_spite: false },
        Sentence::ByPlugin { plugin, version: None, template: None, purpose, about: None },
        Sentence::BySomePlugin,
        Sentence::Looked { did: "x" },
        Sentence::Worded { tone: Tone::Neutral, because: Because::Order(Trouble::Late), missing: false },
        Sentence::Worded { tone: Tone::Warm, because: Because::Happy(Heard::Last, 0.6), missing: true },
        Sentence::Worded { tone: Tone::Warm, because: Because::Thanks(Heard::Answered), missing: false },
        Sentence::Worded { tone: Tone::Apologetic, because: Because::Order(Trouble::Delayed), missing: false },
        Sentence::Worded { tone: Tone::Apologetic, because: Because::Complaint(Heard::OpenCase), missing: false },
        Sentence::Worded { tone: Tone::Apologetic, because: Because::Unhappy(Heard::ClosedCase, -0.5), missing: true },
        Sentence::Broke { plugin, version, reason },
        Sentence::Noted { note: "x" },
        Sentence::Refused { reason },
        Sentence::Later { when: at, event: "x", notes: "" },
        Sentence::Later { when: at, event: "x", notes: "y" },
        Sentence::KeyUsedUp { key: "x" },
        Sentence::PersonHere { service: false },
    ]);
    for sentence in sentences {
        let english = Language::English.say(sentence);
        is_sentence(&english);
        for language in FOREIGN {
            let words = language.say(sentence);
            is_sentence(&words);
            assert_ne!(words, english);
        }
    }
}
