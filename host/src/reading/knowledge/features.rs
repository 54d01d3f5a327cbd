//! What of a question counts when questions are compared: its words without their endings, pieces of its words, and what it is about.
//!
//! Three views, since each finds what the others miss: words are exact, pieces of three and four letters forgive spelling and join what
//! German writes as one, and topics know that `shipping` and `Versand` are the same. Stemmers of one language each need to know the
//! language, which three words do not tell; cutting common endings is as good to half a point in a hundred.

use std::sync::LazyLock;

use crate::domain::words::fold;

use super::super::words::{ByHash, FNV_BASIS, Phrases, Token, join, mix, phrase, words};

/// How many views there are: words, pieces, topics.
pub(super) const VIEWS: usize = 3;

/// How much each view counts, as the square of its weight, and together 1. Found on questions to assistants and banks; a third more or
/// less of one changes little.
pub(super) const SHARES: [f32; VIEWS] = [0.314, 0.531, 0.155];

/// How many words of a text count. A question has ten.
const WORDS: usize = 256;

/// The shortest and longest pieces of a word, in letters. Its ends count as letters.
const PIECES: [usize; 2] = [3, 4];

/// Topics with the words of each, in English, German, French and Spanish; a bit a topic.
static TOPICS: LazyLock<Phrases<u128>> = LazyLock::new(|| {
    let lines = include_str!("concepts.txt").lines().filter_map(|line| line.split_once(':')).enumerate();
    let entries = lines.flat_map(|(bit, (_, words))| words.split_whitespace().map(move |word| (word, 1_u128 << bit)));
    Phrases::new(entries, |one, other| one | other)
});

/// Words that every question has: they tell little.
static FUNCTION_WORDS: LazyLock<ByHash<()>> =
    LazyLock::new(|| include_str!("function-words.txt").split_whitespace().map(|word| (phrase(word).0, ())).collect());

/// One thing that counts: which, in which view, how often and how much.
#[derive(Debug, Clone, Copy)]
pub(super) struct Feature {
    pub view: u8,
    pub hash: u64,
    pub weight: f32,
}

/// A word of a question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    /// Where it stands.
    pub start: u32,
    pub end: u32,
    /// Of the word without its ending.
    pub stem: u64,
    /// What it is about.
    pub topics: u128,
    /// How much it counts: 1, or less for a word that every question has.
    pub weight: f32,
}

/// A question, taken apart.
pub(super) struct Parts {
    pub words: Vec<Word>,
    /// Each once, sorted by view and hash.
    pub features: Vec<Feature>,
}

/// Takes a question apart. `function` is the weight of words that every question has, 0 to 1.
pub(super) fn parts(text: &str, function: f32) -> Parts {
    let mut tokens: Vec<Token> = Vec::with_capacity(16);
    words(text, &mut tokens);
    tokens.truncate(WORDS);
    let mut found: Vec<Feature> = Vec::with_capacity(tokens.len() * 16);
    let mut parts = Parts { words: Vec::with_capacity(tokens.len()), features: Vec::new() };
    let (mut folded, mut letters) = (String::new(), Vec::new());
    for token in &tokens {
        let weight = if FUNCTION_WORDS.contains_key(&token.hash) { function } else { 1.0 };
        folded.clear();
        for c in text.get(token.start as usize..token.end as usize).unwrap_or_default().chars() {
            fold(c, &mut |c| {
                if c.is_alphanumeric() {
                    folded.push(c)
                }
            });
        }
        let stem = stem(&folded);
        found.push(Feature { view: 0, hash: stem, weight });
        letters.clear();
        letters.push(' ');
        letters.extend(folded.chars());
        letters.push(' ');
        for length in PIECES {
            let pieces = letters.windows(length);
            found.extend(pieces.map(|piece| Feature { view: 1, hash: hash(1, piece.iter().copied()), weight }));
        }
        parts.words.push(Word { start: token.start, end: token.end, stem, topics: 0, weight });
    }
    for (at, _) in tokens.iter().enumerate() {
        TOPICS.at(tokens.get(at..).unwrap_or_default(), |length, topics| {
            let (mut rest, mut bit) = (topics, 0);
            while rest != 0 {
                if rest & 1 == 1 {
                    found.push(Feature { view: 2, hash: join(2, bit), weight: 1.0 });
                }
                (rest, bit) = (rest >> 1, bit + 1);
            }
            parts.words.iter_mut().skip(at).take(length).for_each(|word| word.topics |= topics);
        });
    }
    parts.features = gather(found);
    parts
}

/// Each feature once: what stands there more often counts more, but less each time.
fn gather(mut found: Vec<Feature>) -> Vec<Feature> {
    found.sort_unstable_by_key(|one| (one.view, one.hash));
    let alike = found.chunk_by(|one, other| (one.view, one.hash) == (other.view, other.hash));
    alike
        .filter_map(|alike| {
            let weight = alike.iter().map(|one| one.weight).fold(0.0, f32::max);
            Some(Feature { weight: weight * (1.0 + (alike.len() as f32).ln()), ..*alike.first()? })
        })
        .collect()
}

/// The hash of a word without its ending, where so many letters stay. `deliveries` is `delivery`; where it is wrong it
/// is wrong for both questions.
fn stem(word: &str) -> u64 {
    const ENDINGS: [(&str, usize); 8] =
        [("ing", 4), ("ed", 4), ("es", 4), ("en", 4), ("er", 4), ("s", 3), ("e", 4), ("n", 4)];
    let stays = |rest: &str, letters: usize| rest.chars().nth(letters - 1).is_some();
    if let Some(rest) = word.strip_suffix("ies").filter(|rest| stays(rest, 3)) {
        return hash(0, rest.chars().chain(['y']));
    }
    let cut = |(ending, letters): &(&str, usize)| word.strip_suffix(ending).filter(|rest| stays(rest, *letters));
    let rest = ENDINGS.iter().find_map(cut);
    hash(0, rest.unwrap_or(word).chars())
}

fn hash(view: u8, letters: impl Iterator<Item = char>) -> u64 {
    let mut bytes = [0; 4];
    letters.fold(mix(FNV_BASIS, view), |hash, letter| letter.encode_utf8(&mut bytes).bytes().fold(hash, mix))
}
