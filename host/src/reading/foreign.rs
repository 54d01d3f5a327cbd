//! What another reading than the built-in one answered, held to what the contract promises of it
//! (`wit/deps/reader/reader.wit`): mended where it is plain what was meant, refused where a number is none.
//!
//! It knows nothing of where the answer came from.

use std::borrow::Cow;

use super::{EVIDENCE, Evidence, Intent, Read, cut};

/// The most intents of one text. The built-in reading knows of as many.
pub const INTENTS: usize = 16;

/// The most bytes of a term in the evidence.
pub const TERM_BYTES: usize = 64;

/// The most bytes of an intent's name.
const NAME_BYTES: usize = 64;

/// The most bytes of a language tag: what every registered one fits into.
const TAG_BYTES: usize = 35;

/// An answer as it is used.
///
/// # Errors
/// Which number in it is none.
pub fn checked(read: Read) -> Result<Read, String> {
    let Read { mut mood, intents } = read;
    mood.polarity = within(mood.polarity, -1.0, "polarity")?;
    mood.frustration = within(mood.frustration, 0.0, "frustration")?;
    mood.urgency = within(mood.urgency, 0.0, "urgency")?;
    mood.confidence = within(mood.confidence, 0.0, "confidence")?;
    mood.because = evidence(mood.because)?;
    mood.language = mood.language.filter(|tag| is_tag(tag));
    let mut kept: Vec<Intent> = Vec::new();
    for intent in intents {
        let confidence = within(intent.confidence, 0.0, "confidence of an intent")?;
        let because = evidence(intent.because)?;
        if is_name(&intent.name) {
            kept.push(Intent { name: intent.name, confidence, because });
        }
    }
    kept.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let mut intents: Vec<Intent> = Vec::new();
    for intent in kept.into_iter().filter(|intent| intent.name != "none") {
        if intents.len() < INTENTS && intents.iter().all(|known| known.name != intent.name) {
            intents.push(intent);
        }
    }
    if intents.is_empty() {
        intents.push(Intent { name: Cow::Borrowed("none"), confidence: 1.0, because: Vec::new() });
    }
    Ok(Read { mood, intents })
}

/// A number from `least` to 1.
fn within(number: f32, least: f32, what: &str) -> Result<f32, String> {
    if number.is_finite() { Ok(number.clamp(least, 1.0)) } else { Err(format!("its {what} is no number")) }
}

fn evidence(because: Vec<Evidence>) -> Result<Vec<Evidence>, String> {
    if because.iter().any(|one| !one.weight.is_finite()) {
        return Err("a weight in its evidence is no number".to_owned());
    }
    let short = |one: Evidence| Evidence { term: cut(&one.term, TERM_BYTES).to_owned(), weight: one.weight };
    Ok(because.into_iter().take(EVIDENCE).map(short).collect())
}

fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Whether it has the shape of a BCP 47 tag: a language of two or three letters, then parts of one to eight letters or digits.
fn is_tag(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let is_language = |part: &str| matches!(part.len(), 2 | 3) && part.bytes().all(|b| b.is_ascii_alphabetic());
    let is_part = |part: &str| matches!(part.len(), 1..=8) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    tag.len() <= TAG_BYTES && parts.next().is_some_and(is_language) && parts.all(is_part)
}

#[cfg(test)]
mod tests {
    use super::super::Reading;
    use super::*;

    fn evidence(term: &str, weight: f32) -> Evidence {
        Evidence { term: term.to_owned(), weight }
    }

    fn intent(name: &str, confidence: f32) -> Intent {
        Intent { name: Cow::Owned(name.to_owned()), confidence, because: Vec::new() }
    }

    fn moody(polarity: f32, frustration: f32, urgency: f32, confidence: f32) -> Read {
        let mood = Reading { polarity, frustration, urgency, confidence, ..Reading::default() };
        Read { mood, intents: Vec::new() }
    }

    #[test]
    fn numbers_out_of_range_are_brought_back_into_it() {
        for ((polarity, frustration, urgency, confidence), expected) in [
            ((0.5, 0.25, 0.0, 1.0), [0.5, 0.25, 0.0, 1.0]),
            ((7.0, 7.0, 1.5, 1.000_1), [1.0, 1.0, 1.0, 1.0]),
            ((-7.0, -0.5, -1e30, f32::MIN), [-1.0, 0.0, 0.0, 0.0]),
        ] {
            let mood = checked(moody(polarity, frustration, urgency, confidence)).expect("an answer").mood;
            assert_eq!([mood.polarity, mood.frustration, mood.urgency, mood.confidence], expected);
        }
    }

    #[test]
    fn a_number_that_is_none_spoils_the_answer() {
        let with = |because| Read { mood: Reading { because, ..Reading::default() }, intents: Vec::new() };
        let wanting = |confidence| Read { intents: vec![intent("price", confidence)], ..Read::default() };
        for (read, expected) in [
            (moody(f32::NAN, 0.0, 0.0, 0.0), "its polarity is no number"),
            (moody(0.0, f32::INFINITY, 0.0, 0.0), "its frustration is no number"),
            (moody(0.0, 0.0, f32::NEG_INFINITY, 0.0), "its urgency is no number"),
            (moody(0.0, 0.0, 0.0, f32::NAN), "its confidence is no number"),
            (with(vec![evidence("x", f32::NAN)]), "a weight in its evidence is no number"),
            (wanting(f32::NAN), "its confidence of an intent is no number"),
        ] {
            assert_eq!(checked(read), Err(expected.to_owned()));
        }
    }

    #[test]
    fn evidence_is_cut_between_characters() {
        let long = "é".repeat(TERM_BYTES);
        let mood = Reading { because: vec![evidence(&long, 2.0); 20], ..Reading::default() };
        let mood = checked(Read { mood, intents: Vec::new() }).expect("an answer").mood;
        assert_eq!(mood.because, vec![evidence(&"é".repeat(TERM_BYTES / 2), 2.0); EVIDENCE]);
    }

    #[test]
    fn intents_are_sorted_and_wrong_ones_left_out() {
        let names = |intents: Vec<Intent>| {
            let read = checked(Read { intents, ..Read::default() }).expect("an answer");
            read.intents.into_iter().map(|one| (one.name.into_owned(), one.confidence)).collect::<Vec<_>>()
        };
        let some = vec![
            intent("price", 0.2),
            intent("Not A Name", 0.9),
            intent("", 0.9),
            intent("join-the-club", 2.0),
            intent("price", 0.7),
            intent("none", 1.0),
        ];
        assert_eq!(names(some), [("join-the-club".to_owned(), 1.0), ("price".to_owned(), 0.7)]);
        for nothing in [Vec::new(), vec![intent("none", 0.3)], vec![intent("\n", 1.0)]] {
            assert_eq!(names(nothing), [("none".to_owned(), 1.0)]);
        }
        let many = names((0..99).map(|n| intent(&format!("i-{n}"), n as f32 / 100.0)).collect());
        assert_eq!((many.len(), many[0].0.as_str()), (INTENTS, "i-98"));
    }

    #[test]
    fn a_language_is_a_tag_or_none() {
        for (tag, fits) in [
            ("pl", true),
            ("pt-BR", true),
            ("zh-Hant-TW", true),
            ("gsw-u-sd-chzh", true),
            ("", false),
            ("Polish", false),
            ("pl_PL", false),
            ("p", false),
            ("pl-", false),
            ("de\n", false),
            ("de-abcdefgh-abcdefgh-abcdefgh-abcdefgh", false),
        ] {
            let mood = Reading { language: Some(tag.to_owned()), ..Reading::default() };
            let mood = checked(Read { mood, intents: Vec::new() }).expect("an answer").mood;
            assert_eq!(mood.language.is_some(), fits, "{tag:?}");
        }
    }
}
