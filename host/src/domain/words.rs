//! The words that are the host's own business, whatever plugins are installed: stop, start, help, and the wish for a person.
//!
//! Only a whole message counts. "STOP" is an opt-out, "Can you stop by tomorrow?" is not. The English words are those
//! that American carriers ask for (CTIA Messaging Principles and Best Practices, 5.1.3; 47 CFR 64.1200(a)(10)).
//!
//! Never decides what follows from a word; that is the step's business.

/// What a message says when it is nothing but such a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Word {
    /// No more automated messages on this channel.
    Stop,
    /// No more automated messages on any channel.
    StopAll,
    /// Automated messages again.
    Start,
    /// Who is this, and how do I make it stop?
    Help,
    /// A person, please.
    Person,
}

/// As they are compared: folded, without spaces.
const WORDS: &[(Word, &[&str])] = &[
    (
        Word::Stop,
        &[
            "stop",
            "unsubscribe",
            "cancel",
            "end",
            "quit",
            "revoke",
            "optout",
            "stopplease",
            "pleasestop",
            "unsubscribeme",
            "optmeout",
            "stoptextingme",
            "stopmessagingme",
            "stopp",
            "bittestopp",
            "bittestop",
            "abmelden",
            "abbestellen",
            "arret",
            "arreter",
            "arretez",
            "stopsvp",
            "desabonner",
            "desabonnement",
            "medesabonner",
            "desinscrire",
            "desinscription",
            "medesinscrire",
            "parar",
            "baja",
            "darmedebaja",
            "dardebaja",
            "cancelarsuscripcion",
            "cancelarlasuscripcion",
            "cancelarmisuscripcion",
        ],
    ),
    (
        Word::StopAll,
        &["stopall", "unsubscribeall", "alleabbestellen", "allesabbestellen", "stoptout", "arrettout", "parartodo"],
    ),
    (Word::Start, &["start", "unstop", "optin", "optmein", "resubscribe"]),
    (Word::Help, &["help", "info", "hilfe", "aide", "ayuda"]),
    // What the host itself says one should answer.
    (Word::Person, &["person", "human", "mensch", "personne", "humain", "persona", "humano"]),
];

/// Longer than any of the words, in letters.
const LETTERS: usize = 24;

/// Which word the message consists of, if any. Case, spaces, punctuation and accents do not matter. YES starts again
/// only for someone who is opted out; for everyone else it is the answer to a question.
pub fn recognise(text: &str, opted_out_now: bool) -> Option<Word> {
    let text = own(text);
    let mut folded = String::with_capacity(LETTERS + 4);
    // Most messages are longer than any word here and are put aside after a few letters; a megabyte of spaces is too.
    for c in text.trim().chars().take(200) {
        if c.is_alphanumeric() {
            fold(c, &mut |c| folded.push(c));
            if folded.len() > LETTERS {
                return None;
            }
        }
    }
    if folded.is_empty() || text.trim().chars().nth(200).is_some() {
        return None;
    }
    if folded == "yes" {
        return opted_out_now.then_some(Word::Start);
    }
    WORDS.iter().find(|(_, words)| words.contains(&folded.as_str())).map(|(word, _)| *word)
}

/// Whether what follows this line of a mail is a signature, or somebody else's words.
pub fn begins_quote(line: &str) -> bool {
    const SAYS: [&str; 6] = ["wrote:", "schrieb:", "crit :", "crit\u{a0}:", "crit:", "escribió:"];
    // "On 3 March, Anna <anna@example.com> wrote:" is a mail program's line, "he wrote:" a person's.
    let names = || line.bytes().any(|byte| byte.is_ascii_digit() || byte == b'@');
    line == "--" || line.starts_with("-----") || SAYS.iter().any(|says| line.ends_with(says)) && names()
}

/// What somebody wrote themselves: up to the message that their mail program quotes below, or their signature.
fn own(text: &str) -> &str {
    let mut at = 0;
    // Whoever says one word says it in the first lines.
    for line in text.split_inclusive('\n').take(8) {
        if line.trim().starts_with('>') || begins_quote(line.trim()) {
            return text.get(..at).unwrap_or(text);
        }
        at += line.len();
    }
    text
}

/// Gives a letter or digit in the form in which words are compared: lower case, without accents (`É` is `e`, `ß` is
/// `ss`). What is no letter or digit is given as it is, combining accents not at all.
pub fn fold(c: char, out: &mut impl FnMut(char)) {
    if c.is_ascii() {
        return out(c.to_ascii_lowercase());
    }
    match c {
        'À'..='Å' | 'à'..='å' | 'Ā'..='ą' => out('a'),
        'Ç' | 'ç' | 'Ć'..='č' => out('c'),
        'Ď'..='đ' | 'Ð' | 'ð' => out('d'),
        'È'..='Ë' | 'è'..='ë' | 'Ē'..='ě' => out('e'),
        'Ĝ'..='ģ' => out('g'),
        'Ì'..='Ï' | 'ì'..='ï' | 'Ĩ'..='ı' => out('i'),
        'Ĺ'..='ł' => out('l'),
        'Ñ' | 'ñ' | 'Ń'..='ň' => out('n'),
        'Ò'..='Ö' | 'ò'..='ö' | 'Ø' | 'ø' | 'Ō'..='ő' => out('o'),
        'Ŕ'..='ř' => out('r'),
        'Ś'..='š' => out('s'),
        'Ţ'..='ŧ' => out('t'),
        'Ù'..='Ü' | 'ù'..='ü' | 'Ũ'..='ų' => out('u'),
        'Ý' | 'ý' | 'ÿ' | 'Ÿ' => out('y'),
        'Ź'..='ž' => out('z'),
        'ß' | 'ẞ' => ['s', 's'].into_iter().for_each(out),
        'Æ' | 'æ' => ['a', 'e'].into_iter().for_each(out),
        'Œ' | 'œ' => ['o', 'e'].into_iter().for_each(out),
        // Full-width forms, which some keyboards write.
        'Ａ'..='Ｚ' | 'ａ'..='ｚ' | '０'..='９' => {
            out(char::from_u32(c as u32 - 0xfee0).unwrap_or(c).to_ascii_lowercase());
        }
        '\u{300}'..='\u{36f}' => {}
        _ => c.to_lowercase().for_each(out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_message_of_one_word_is_recognised_however_it_is_written() {
        for (text, expected) in [
            ("STOP", Some(Word::Stop)),
            (" stop.", Some(Word::Stop)),
            ("\"Stop!\"", Some(Word::Stop)),
            ("ＳＴＯＰ", Some(Word::Stop)),
            ("Stop 🛑", Some(Word::Stop)),
            ("Cancel", Some(Word::Stop)),
            ("Opt-out", Some(Word::Stop)),
            ("OPT OUT", Some(Word::Stop)),
            ("Arrêt", Some(Word::Stop)),
            ("arre\u{302}t", Some(Word::Stop)),
            ("Désinscrire", Some(Word::Stop)),
            ("ABMELDEN", Some(Word::Stop)),
            ("Cancelar suscripción", Some(Word::Stop)),
            ("STOP ALL", Some(Word::StopAll)),
            ("stopall", Some(Word::StopAll)),
            ("Start", Some(Word::Start)),
            ("UNSTOP", Some(Word::Start)),
            ("Help?", Some(Word::Help)),
            ("INFO", Some(Word::Help)),
            ("Hilfe", Some(Word::Help)),
            ("PERSON", Some(Word::Person)),
            ("Mensch!", Some(Word::Person)),
            ("first person", None),
            (
                "STOP\n\nOn Tue, 3 March 2026 at 10:00, Bakery <news@example.com> wrote:\n> Fresh rolls!",
                Some(Word::Stop),
            ),
            ("Stop\n> Fresh rolls!\n> Come in.", Some(Word::Stop)),
            ("Stopp\n\n-- \nAnna Meier\nMusterweg 3", Some(Word::Stop)),
            ("> STOP", None),
            ("Great rolls\n> STOP", None),
            ("yes", None),
            ("C", None),
            ("1", None),
            ("", None),
            ("\0", None),
            ("...", None),
            ("Can you stop by tomorrow?", None),
            ("stop 2", None),
            ("cancel my appointment", None),
            ("I need help", None),
            ("non-stop", None),
            ("стоп", None),
        ] {
            assert_eq!(recognise(text, false), expected, "{text:?}");
        }
    }

    #[test]
    fn yes_starts_again_only_for_someone_who_opted_out() {
        assert_eq!(recognise("Yes!", true), Some(Word::Start));
        assert_eq!(recognise("Yes!", false), None);
        assert_eq!(recognise("stop", true), Some(Word::Stop));
    }

    #[test]
    fn a_huge_message_is_put_aside() {
        for piece in [" ", "stop ", "\u{301}", "\0"] {
            assert_eq!(recognise(&piece.repeat(1_000_000), false), None);
        }
        // Trimming is what makes this the word it is.
        assert_eq!(recognise(&format!("stop{}", " ".repeat(1_000_000)), false), Some(Word::Stop));
    }
}
