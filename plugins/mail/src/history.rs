//! How mail programs announce what was said before: "On ... wrote:", "-----Original Message-----", and the block of headers
//! that Outlook repeats; in the languages that people here write.
//!
//! It looks at a few lines from where it is asked and no further.

/// The longest announcement "On ... wrote:", in bytes and in lines.
const LONGEST: usize = 400;
const WRAPPED: usize = 4;

const OPENERS: &[&str] = &["on ", "am ", "le ", "el ", "op ", "em ", "il ", "den ", "w dniu ", "dnia ", "at ", "vào "];
const VERBS: &[&str] = &[
    "wrote",
    "schrieb",
    "a écrit",
    "escribió",
    "escribio",
    "ha scritto",
    "schreef",
    "skrev",
    "escreveu",
    "napisał",
    "geschrieben",
    "writes",
];

/// How sure an announcement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sure {
    /// It names a date, an address and a verb, as mail programs do.
    Yes,
    /// Only if something quoted follows.
    IfQuoted,
}

/// Whether "On ... wrote:" begins here: over how many lines, and how sure that is.
pub fn attribution(lines: &[&str]) -> Option<(usize, Sure)> {
    let first = lines.first()?.trim();
    if first.is_empty() || first.len() > LONGEST {
        return None;
    }
    let opens = |line: &str| {
        // Only the head: most lines are long, and no announcement.
        let head: String = line.chars().take(8).flat_map(char::to_lowercase).collect();
        OPENERS.iter().any(|opener| head.starts_with(opener))
    };
    let opens = opens(first);
    if !opens && !first.contains(['@', '<']) && !first.trim_start().starts_with(|char: char| char.is_ascii_digit()) {
        return None;
    }
    let mut whole = String::new();
    for (place, line) in lines.iter().take(WRAPPED).enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('>') || whole.len() + line.len() > LONGEST {
            return None;
        }
        if place > 0 {
            whole.push(' ');
        }
        whole.push_str(line);
        let lower = whole.to_lowercase();
        let has_verb = VERBS.iter().any(|verb| lower.contains(verb));
        let has_digit = lower.bytes().any(|byte| byte.is_ascii_digit());
        if line.ends_with([':', '：']) {
            if has_verb && has_digit && (opens || lower.contains('@')) {
                return Some((
                    place + 1,
                    if lower.contains('@') && is_dated(&lower) { Sure::Yes } else { Sure::IfQuoted },
                ));
            }
            return (lower.contains('@') && is_dated(&lower)).then_some((place + 1, Sure::IfQuoted));
        }
        // "2026/4/2 Anna <anna@example.com>", without a verb.
        if place == 0 && lower.ends_with('>') && lower.contains('@') && lower.starts_with(|c: char| c.is_ascii_digit())
        {
            return is_dated(&lower).then_some((1, Sure::IfQuoted));
        }
    }
    None
}

/// Whether it has a time of day, or a year.
fn is_dated(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |at: Option<&u8>| at.is_some_and(u8::is_ascii_digit);
    let time = bytes.windows(4).any(|some| {
        digit(some.first())
            && some.get(1).is_some_and(|c| *c == b':' || *c == b'h')
            && digit(some.get(2))
            && digit(some.get(3))
    });
    let mut numbers = text.split(|char: char| !char.is_ascii_digit());
    time || numbers.any(|number| number.len() == 4 && (number.starts_with("19") || number.starts_with("20")))
}

/// What stands between dashes before an earlier mail.
const SEPARATORS: &[&str] = &[
    "original message",
    "originalnachricht",
    "original-nachricht",
    "ursprüngliche nachricht",
    "ursprüngliche mitteilung",
    "message d'origine",
    "message original",
    "mensaje original",
    "messaggio originale",
    "oorspronkelijk bericht",
    "mensagem original",
    "oprindelig meddelelse",
    "original appointment",
    "ursprünglicher termin",
    "forwarded message",
    "weitergeleitete nachricht",
    "message transféré",
    "mensaje reenviado",
    "messaggio inoltrato",
    "reply message",
    "please type your reply above this line",
    "reply above this line",
    "write above this line",
    "bitte antworten sie oberhalb dieser linie",
    "bitte oberhalb dieser linie antworten",
    "répondre au-dessus de cette ligne",
    "responda por encima de esta línea",
];
/// The same without dashes.
const BARE: &[&str] = &[
    "begin forwarded message:",
    "anfang der weitergeleiteten nachricht:",
    "anfang der weitergeleiteten e-mail:",
    "début du message transféré :",
    "début du message réexpédié :",
    "inicio del mensaje reenviado:",
];

/// Whether a line says that an earlier mail begins.
pub fn is_separator(line: &str) -> bool {
    let line = line.trim();
    if line.is_empty() || line.len() > 200 {
        return false;
    }
    let lower = line.to_lowercase().replace('’', "'").replace(['\u{a0}', '\u{202f}'], " ");
    let dash = |char: char| matches!(char, '-' | '_' | '=' | '*' | '#' | '–' | '—' | ' ' | ':');
    let has_dashes = lower.starts_with("--")
        || lower.starts_with("__")
        || lower.starts_with("==")
        || lower.starts_with("##")
        || lower.starts_with('–')
        || lower.starts_with('—')
        || lower.starts_with("**");
    has_dashes && SEPARATORS.contains(&lower.trim_matches(dash)) || BARE.contains(&lower.as_str())
}

/// Which header of a mail a line repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeated {
    From,
    Subject,
    Sent,
    To,
}

const REPEATED: &[(Repeated, &[&str])] = &[
    (Repeated::From, &["from", "von", "de", "da", "van", "fra", "från", "expéditeur"]),
    (Repeated::Subject, &["subject", "betreff", "objet", "asunto", "oggetto", "onderwerp", "assunto", "emne", "ämne"]),
    (
        Repeated::Sent,
        &[
            "sent",
            "date",
            "gesendet",
            "gesendet am",
            "datum",
            "envoyé",
            "envoyé le",
            "enviado",
            "enviado el",
            "fecha",
            "enviada",
            "inviato",
            "data",
            "verzonden",
            "sendt",
            "skickat",
        ],
    ),
    (
        Repeated::To,
        &["to", "an", "à", "a", "para", "aan", "til", "till", "cc", "kopie", "reply-to", "antwort an", "destinataire"],
    ),
];

fn repeated(line: &str) -> Option<Repeated> {
    let (name, _) = line.split_once(':')?;
    if name.len() > 40 {
        return None;
    }
    let name = name.trim_matches(|char: char| char.is_whitespace() || char == '*').to_lowercase();
    REPEATED.iter().find(|(_, names)| names.contains(&name.as_str())).map(|(which, _)| *which)
}

/// Whether the headers of an earlier mail are repeated from here on: sender and subject, and when or to whom. People write
/// "From: Berlin" and "To: Munich" too, but no subject below it.
pub fn is_header_block(lines: &[&str]) -> bool {
    if lines.first().is_none_or(|line| repeated(line).is_none()) {
        return false;
    }
    let mut seen: Vec<Repeated> = Vec::new();
    let mut others = 0;
    for line in lines.iter().filter(|line| !line.trim().is_empty()).take(10) {
        match repeated(line) {
            Some(which) => seen.push(which),
            // Long lists of addresses go on in a line of their own.
            None if others < 2 => others += 1,
            None => break,
        }
    }
    let has = |which| seen.contains(&which);
    has(Repeated::From) && has(Repeated::Subject) && (has(Repeated::Sent) || has(Repeated::To))
}
