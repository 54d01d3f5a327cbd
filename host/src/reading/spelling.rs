//! Slips of the pen: a word that is not known, and is one slip away from one that is, is read as that one.
//!
//! Whoever writes in haste, or in a language that is not theirs, or does not see well, is to be read like everybody else. A
//! slip is a letter too many, too few, another one, or two changed about (Damerau 1964: four fifths of misspellings are one
//! of these); the first letter is nearly always right (Yannakoudakis and Fawthrop 1983). In a long word there may be two.
//!
//! What may be meant are words that stand for something ([`super::concepts`]). `spelling.txt` says which of them people
//! really write, the more common first, and, after an empty line, which other words are words too though they are only a
//! slip away from one of those ("while", "whole"); `make model` writes it.
//!
//! Never changes the text: only the word that a token is compared as.

use std::sync::LazyLock;

use super::words::{ByHash, FNV_BASIS, Token, folded, mix, words};
use super::{concepts, sentiment};

/// The fewest letters of a word that may be misspelt: shorter ones are too near to one another.
pub const LETTERS: usize = 4;
/// The most letters of one.
pub const LONGEST: usize = 20;
/// From how many letters on there may be two slips.
const TWO_SLIPS: usize = 9;
/// From how many letters on there may be two slips if it sounds the same.
const SOUNDS: usize = 6;
/// How many unknown words of a text are looked at; a text of nothing else is none that could be mended.
const MOST: usize = 64;

const WORDS: &str = include_str!("spelling.txt");

/// Words that may be meant, to be found by what is nearly them.
pub struct Meant {
    words: Vec<(String, u64)>,
    /// From the hash of a word, of it without one of its letters, or of its sound, to its place.
    without: ByHash<Vec<u16>>,
}

static MEANT: LazyLock<Meant> = LazyLock::new(|| {
    let (meant, _) = WORDS.split_once("\n\n").unwrap_or_default();
    Meant::new(meant.lines().map(str::to_owned))
});

/// Words that are none of those, or are right as they are.
static KNOWN: LazyLock<ByHash<()>> = LazyLock::new(|| {
    let others = WORDS.split_whitespace().map(|word| hash(word.bytes()));
    let mut known: ByHash<()> = others.map(|hash| (hash, ())).collect();
    each_word(|word| {
        known.insert(hash(word.bytes()), ());
    });
    known
});

/// Every word that stands for something, as words are compared; many stand in several phrases.
pub fn each_word(mut found: impl FnMut(&str)) {
    let mut tokens = Vec::new();
    let mut word = String::new();
    for phrase in concepts::phrases().chain(sentiment::phrases()) {
        let phrase = phrase.replace('_', " ");
        words(&phrase, &mut tokens);
        for token in &tokens {
            word.clear();
            folded(&phrase, token, &mut word);
            found(&word);
        }
    }
}

/// The words of a text as they are compared, without those that have a digit.
pub fn each_word_of(text: &str, mut found: impl FnMut(&str)) {
    let mut tokens = Vec::new();
    let mut word = String::new();
    words(text, &mut tokens);
    for token in tokens.iter().filter(|token| !token.has_digit) {
        word.clear();
        folded(text, token, &mut word);
        found(&word);
    }
}

fn hash(letters: impl Iterator<Item = u8>) -> u64 {
    letters.fold(FNV_BASIS, mix)
}

/// The hash of how a word sounds, roughly: its first letter and its consonants, those that sound alike as one, doubled ones
/// once (after Soundex, Russell 1918).
fn sound(word: &[u8]) -> u64 {
    let class = |letter: u8| match letter {
        b'a' | b'e' | b'i' | b'o' | b'u' | b'y' | b'h' | b'w' => None,
        b'c' | b'k' | b'q' | b'x' => Some(b'k'),
        b's' | b'z' => Some(b's'),
        b'f' | b'v' => Some(b'f'),
        other => Some(other),
    };
    let mut last = word.first().copied();
    let mut sound = last.map_or(FNV_BASIS, |first| mix(FNV_BASIS ^ 1, first));
    for letter in word.iter().skip(1).filter_map(|letter| class(*letter)) {
        if last != Some(letter) {
            sound = mix(sound, letter);
        }
        last = Some(letter);
    }
    sound
}

/// The hashes by which a word is found: whole, without each of its letters, and as it sounds.
fn each_key(word: &[u8], mut found: impl FnMut(u64)) {
    found(sound(word));
    found(hash(word.iter().copied()));
    for left_out in 0..word.len() {
        let (before, after) = word.split_at(left_out);
        found(hash(before.iter().chain(after.iter().skip(1)).copied()));
    }
}

impl Meant {
    /// From words of ASCII letters, the more common first.
    pub fn new(words: impl Iterator<Item = String>) -> Self {
        let mut meant = Self { words: Vec::new(), without: ByHash::default() };
        for (place, word) in (0_u16..).zip(words) {
            each_key(word.as_bytes(), |hash| meant.without.entry(hash).or_default().push(place));
            let hash = hash(word.bytes());
            meant.words.push((word, hash));
        }
        meant
    }

    /// What a word that is not known was meant to be: the nearest, and of those the most common.
    pub fn nearest(&self, word: &str) -> Option<&str> {
        self.find(word).map(|(word, _)| word.as_str())
    }

    fn find(&self, word: &str) -> Option<&(String, u64)> {
        if !word.is_ascii() {
            return None;
        }
        let sounds = sound(word.as_bytes());
        let mut best: Option<(usize, u16)> = None;
        each_key(word.as_bytes(), |hash| {
            for place in self.without.get(&hash).into_iter().flatten() {
                let Some((candidate, _)) = self.words.get(usize::from(*place)) else { continue };
                if candidate.as_bytes().first() != word.as_bytes().first() {
                    continue;
                }
                let most = match word.len() {
                    TWO_SLIPS.. => 2,
                    SOUNDS.. if hash == sounds => 2,
                    _ => 1,
                };
                let found = (strsim::osa_distance(candidate, word), *place);
                let is_near = found.0 <= most && (candidate.len() > LETTERS || is_swapped(candidate, word));
                if is_near && best.is_none_or(|best| found < best) {
                    best = Some(found);
                }
            }
        });
        self.words.get(usize::from(best?.1))
    }
}

/// Whether two words have the same letters, as many times.
fn is_swapped(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.as_bytes().to_vec(), other.as_bytes().to_vec());
    one.sort_unstable();
    other.sort_unstable();
    one == other
}

/// Has misspelt words compared as what was meant.
pub(super) fn mend(text: &str, tokens: &mut [Token]) {
    let is_unknown = |token: &&mut Token| {
        !token.has_digit && (LETTERS..=LONGEST).contains(&(token.letters as usize)) && !KNOWN.contains_key(&token.hash)
    };
    let mut word = String::with_capacity(LONGEST);
    for token in tokens.iter_mut().filter(is_unknown).take(MOST) {
        word.clear();
        folded(text, token, &mut word);
        if let Some((_, meant)) = MEANT.find(&word) {
            token.hash = *meant;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::phrase;
    use super::*;

    #[test]
    fn a_misspelt_word_is_compared_as_what_was_meant() {
        for (written, meant) in [
            ("appiontmnt", "appointment"),
            ("delviery", "delivery"),
            ("refnud my ordre", "refund my order"),
            ("Bestellnug", "Bestellung"),
            ("trakcing", "tracking"),
            // These are words of their own, or too short to tell.
            ("while", "while"),
            ("sister", "sister"),
            ("hte", "hte"),
            ("xqzzy 12ab", "xqzzy 12ab"),
        ] {
            let mut tokens = Vec::new();
            words(written, &mut tokens);
            mend(written, &mut tokens);
            let hash = tokens.iter().map(|token| token.hash).reduce(super::super::words::join);
            assert_eq!(hash, Some(phrase(meant).0), "{written}");
        }
    }

    #[test]
    fn every_word_that_may_be_meant_is_one_that_stands_for_something() {
        let mut known = std::collections::BTreeSet::new();
        each_word(|word| {
            known.insert(word.to_owned());
        });
        assert!(MEANT.words.len() > 1_000, "{}", MEANT.words.len());
        assert!(MEANT.words.iter().all(|(word, _)| known.contains(word)));
    }
}
