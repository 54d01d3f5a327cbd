//! Reading what customers write: how they feel, what they want, which language it is.
//!
//! A sum over the words of a text, what they stand for and a few signs, each with a weight that was learnt beforehand, so that
//! every judgement can name the words that led to it. Everything is a pure function of the text.
//!
//! Never learns, never keeps a text, never asks anybody outside. Of a long text only the first [`READ_BYTES`] are read.

mod concepts;
pub mod fairness;
pub mod foreign;
pub mod intent;
pub mod knowledge;
pub mod language;
mod mask;
pub mod model;
pub mod sentiment;
pub mod shares;
pub mod spelling;
mod words;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use model::{Model, Weighed};
use words::{Phrases, Token, words};

/// How much of a text is read, in bytes. What somebody wants and how they feel stands at the beginning; what follows in
/// a long e-mail is mostly the thread it answers.
pub const READ_BYTES: usize = 16 * 1024;

/// The mood of a text.
#[derive(serde::Serialize, Debug, Clone, PartialEq, Default)]
pub struct Reading {
    /// -1 (angry) to 1 (happy); between -0.05 and 0.05 is neutral.
    pub polarity: f32,
    /// 0 to 1: annoyed, let down, at the end of their patience.
    pub frustration: f32,
    /// 0 to 1: needs something soon.
    pub urgency: f32,
    /// 0 to 1: how far to trust the above.
    pub confidence: f32,
    /// What led here, strongest first; at most [`EVIDENCE`].
    pub because: Vec<Evidence>,
    /// BCP 47, as far as it can be told.
    pub language: Option<String>,
}

/// All that is read out of a text.
#[derive(serde::Serialize, Debug, Clone, PartialEq, Default)]
pub struct Read {
    /// How its writer feels.
    pub mood: Reading,
    /// What they want, most confident first; `none` alone where there is nothing.
    pub intents: Vec<Intent>,
}

impl Read {
    /// How sure it is that the text asks for this, 0 to 1.
    pub fn confidence_in(&self, intent: &str) -> f32 {
        self.intents.iter().find(|found| found.name == intent).map_or(0.0, |found| found.confidence)
    }
}

/// Names that say nothing of a mood, whatever their words mean elsewhere: those of the business and of what it sells.
#[derive(Clone, Default)]
pub struct Brand {
    names: Vec<String>,
    table: Option<Arc<Phrases<()>>>,
}

impl Brand {
    /// From names of one or more words; case and accents do not matter.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let table = Phrases::new(names.iter().map(|name| (name.as_str(), ())), |(), ()| ());
        Self { names, table: (!table.meanings.is_empty()).then(|| Arc::new(table)) }
    }

    /// The text with spaces where its names stood; none where there were none.
    fn hide(&self, text: &str) -> Option<String> {
        let names = self.table.as_deref()?;
        let mut tokens = Vec::new();
        words(text, &mut tokens);
        let mut hidden: Option<String> = None;
        let mut until = 0;
        for index in 0..tokens.len() {
            let from = tokens.get(index..).unwrap_or_default();
            let mut longest = 0;
            names.at(from, |length, ()| longest = longest.max(length));
            let (Some(first), Some(last)) = (from.first(), from.get(longest.wrapping_sub(1))) else { continue };
            let (start, end) = ((first.start as usize).max(until), last.end as usize);
            if start < end {
                let hidden = hidden.get_or_insert_with(|| text.to_owned());
                hidden.replace_range(start..end, &" ".repeat(end - start));
                until = end;
            }
        }
        hidden
    }

    /// The names as they were given.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

/// Reads a text. The same text always gives the same.
pub fn read(text: &str, brand: &Brand) -> Read {
    read_by(&model::CARRIED, text, brand)
}

/// The same by other weights, for their training.
pub fn read_by(model: &Model, text: &str, brand: &Brand) -> Read {
    let mut text = Text::new(text, brand);
    let mut whole = Weighed::default();
    whole.weigh(&text, text.window(0), model);
    text.language = language::tell(&text, &whole, model);
    Read { mood: sentiment::read(&text, &whole, model), intents: intent::read(&text, &whole, model) }
}

/// A text made ready for reading: what its writer wrote themselves, in words.
pub struct Text<'a> {
    own: Cow<'a, str>,
    tokens: Vec<Token>,
    /// BCP 47, as far as it can be told.
    language: Option<&'static str>,
}

impl<'a> Text<'a> {
    /// Leaves out what others wrote and names that say nothing, and splits the rest into words.
    pub fn new(text: &'a str, brand: &Brand) -> Self {
        let own = mask::own(head(text), brand);
        let mut tokens = Vec::with_capacity(24);
        words(&own, &mut tokens);
        spelling::mend(&own, &mut tokens);
        Self { own, tokens, language: None }
    }

    /// The same text, known to be in this language; for training.
    #[must_use]
    pub fn in_language(self, language: Option<&'static str>) -> Self {
        Self { language, ..self }
    }

    /// Whether it is in one of the languages whose words are known here, or may be.
    fn is_readable(&self) -> bool {
        self.language.is_none_or(|language| language::LANGUAGES.contains(&language))
    }

    /// Short texts without a known word are mostly English or a name, and VADER finds nothing in most of the others.
    fn is_english(&self) -> bool {
        self.language.is_none_or(|language| language == "en")
    }

    /// The next words that are weighed together, at most [`WINDOW`], up to the end of a sentence if one ends there.
    fn window(&self, from: usize) -> Range<usize> {
        let rest = self.tokens.get(from..).unwrap_or_default();
        let most = rest.len().min(WINDOW);
        let ends = |at: &usize| rest.get(*at).is_none_or(|next| next.begins_sentence);
        from..from + (1..=most).rev().find(ends).unwrap_or(most)
    }

    /// Where these words stand, with what is between the word before and the word after.
    fn stretch(&self, place: &Range<usize>) -> &str {
        let before = place.start.checked_sub(1).and_then(|last| self.tokens.get(last));
        let from = before.map_or(0, |last| last.end as usize);
        let to = self.tokens.get(place.end).map_or(self.own.len(), |next| next.start as usize);
        self.own.get(from..to).unwrap_or_default()
    }

    /// Its first sentences, where it has several, without those of one word.
    fn sentences(&self) -> impl Iterator<Item = Range<usize>> {
        let tokens = self.tokens.get(..self.tokens.len().min(SENTENCES_WORDS)).unwrap_or_default();
        let starts = tokens.iter().enumerate().filter(|(at, token)| *at == 0 || token.begins_sentence);
        let starts: Vec<usize> = starts.map(|(at, _)| at).chain([tokens.len()]).collect();
        let several = starts.len() > 2;
        let pairs: Vec<Range<usize>> = starts.iter().zip(starts.iter().skip(1)).map(|(from, to)| *from..*to).collect();
        pairs.into_iter().filter(move |sentence| several && sentence.len() > 1)
    }
}

/// In how many words of a text sentences are read by themselves too.
const SENTENCES_WORDS: usize = 120;

/// How many words are weighed together. In a longer text the most annoyed part says how annoyed its writer is.
const WINDOW: usize = 60;

/// No reading is surer than this: what is learnt from examples is never certain.
const SUREST: f32 = 0.99;

/// A probability as a reading says it.
fn probability(number: f32) -> f32 {
    round(number.min(SUREST))
}

/// To four places: what is computed in another order, or on another machine, may differ after that.
fn round(number: f32) -> f32 {
    (number * 1e4).round() / 1e4
}

/// One thing in a text that led to a judgement.
#[derive(serde::Serialize, Debug, Clone, PartialEq)]
pub struct Evidence {
    /// As it stands in the text, or what was noticed (`!!!`, `CAPITALS`).
    pub term: String,
    /// How much it counted, in log-odds: in a reading for a good mood and, below zero, for a bad one; in an intent for it. One
    /// more makes it about three times as likely.
    pub weight: f32,
}

/// The most evidence that a judgement names.
pub const EVIDENCE: usize = 8;

/// What somebody wants.
#[derive(serde::Serialize, Debug, Clone, PartialEq)]
pub struct Intent {
    /// One of [`intent::NAMES`]; where somebody else's reading answered, or a name of its own.
    pub name: Cow<'static, str>,
    /// 0 to 1. Act from 0.5 up.
    pub confidence: f32,
    /// What led here.
    pub because: Vec<Evidence>,
}

/// The beginning of a text that is read, cut between characters.
pub fn head(text: &str) -> &str {
    cut(text, READ_BYTES)
}

/// The beginning of a text, at most so many bytes, cut between characters.
fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_has_an_answer() {
        for piece in ["not good ", "\0", "é", "\u{202e}a", "!", "@", "://", "😡", "A", "?\n", "the die ", "wo ist "]
        {
            for times in [1, 40, 1_000_000 / piece.len()] {
                let text = piece.repeat(times);
                let Read { mood: reading, intents } = read(&text, &Brand::default());
                assert!((-1.0..=1.0).contains(&reading.polarity) && reading.because.len() <= EVIDENCE);
                for number in [reading.frustration, reading.urgency, reading.confidence] {
                    assert!((0.0..=1.0).contains(&number), "{piece:?} {number}");
                }
                assert!(!intents.is_empty() && intents.iter().all(|i| (0.0..=1.0).contains(&i.confidence)));
            }
        }
    }
}
