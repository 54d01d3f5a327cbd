//! A small additive model: words, pairs of words and pieces of words, hashed, each with a weight for what it speaks for.
//!
//! It knows what people write that no list of words holds, and still every term's share of a judgement can be shown, as
//! it is a sum. `make model` trains it on texts of ours and on open data (see NOTICE); its weights are one file of less
//! than 0.5 MB that the program carries.
//!
//! The file: `ATTM`, a version, then for each head its bias, the size of one step of its weights and the weights of what is
//! counted (as many as [`signs_of`] says), as little-endian `f32`; then entries of 4 bytes, sorted: a
//! bucket (19 bits), a head (5 bits), a weight in steps (8 bits, signed).
//!
//! Never learns here: what is trained stays as it is until the next version.

use std::ops::Range;
use std::sync::LazyLock;

use super::Text;
use super::concepts::{self, Hit, Set};
use super::words::{FNV_PRIME, Token, mix};
use crate::domain::words::fold;

/// What the model judges: what a text asks for, as [`super::intent::NAMES`] has it without `none`, then the mood, then the
/// language.
pub const HEADS: usize = LANGUAGE + super::language::LANGUAGES.len();
/// How many of them are intents.
pub const INTENTS: usize = 16;
/// Annoyed or worse.
pub const FRUSTRATED: usize = INTENTS;
/// Feels bad, in whatever way.
pub const UNHAPPY: usize = INTENTS + 1;
/// Feels good.
pub const HAPPY: usize = INTENTS + 2;
/// Needs something soon.
pub const URGENT: usize = INTENTS + 3;

/// The first of the languages, in the order of [`super::language::LANGUAGES`].
pub const LANGUAGE: usize = INTENTS + 4;

/// What is counted of a text beside its words, for its mood.
pub const MOOD_SIGNS: usize = 24;
/// The same for what it asks for.
pub const INTENT_SIGNS: usize = 24;
/// The same for its language.
pub const LANGUAGE_SIGNS: usize = 4;

/// How many bits of a hash name a bucket.
const BUCKET_BITS: u32 = 19;
/// How many buckets there are.
pub const BUCKETS: usize = 1 << BUCKET_BITS;

/// The longest piece of a word, in letters; the shortest has three. The ends of a word count as letters.
const PIECE: usize = 5;
/// How many concepts of a text are looked at.
const CONCEPTS: usize = 16;
/// No word is cut into pieces beyond this many letters.
const WORD_LETTERS: usize = 24;

/// What of a text the model has weights for: buckets, each with the place of its word. None occurs twice.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Words, pairs and triples of words.
    pub words: Vec<(u32, u32)>,
    /// Pieces of words.
    pub pieces: Vec<(u32, u32)>,
    /// What its words stand for, alone and in pairs; instead of a word's place, the two concepts' numbers, eight bits each.
    pub concepts: Vec<(u32, u32)>,
}

fn bucket(hash: u64, kind: u8) -> u32 {
    // FNV mixes its lower bits well and its upper ones late: fold them before cutting.
    let hash = mix(hash, kind).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (hash >> (64 - BUCKET_BITS)) as u32
}

impl Terms {
    /// The terms of these words of a text, and of the signs in the stretch in which they stand.
    pub(super) fn of(text: &str, tokens: &[Token], stretch: &str, terms: &mut Terms) {
        terms.words.clear();
        terms.pieces.clear();
        terms.words.reserve(tokens.len() * 3);
        terms.pieces.reserve(tokens.len() * 12);
        let (mut one, mut two) = (0_u64, 0_u64);
        let mut letters: Vec<u8> = Vec::with_capacity(WORD_LETTERS + 4);
        for (place, token) in (0..).zip(tokens) {
            // A number is a number.
            let word = if token.has_digit { u64::from(token.letters.min(6)) } else { token.hash };
            terms.words.push((bucket(word, b'1'), place));
            if token.begins_sentence {
                (one, two) = (FNV_PRIME, 0);
            }
            terms.words.push((bucket(one.rotate_left(21) ^ word, b'2'), place));
            if two != 0 {
                terms.words.push((bucket(two.rotate_left(42) ^ one.rotate_left(21) ^ word, b'3'), place));
            }
            (two, one) = (one, word);
            if token.has_digit {
                continue;
            }
            letters.clear();
            letters.push(b'_');
            for c in text.get(token.start as usize..token.end as usize).unwrap_or_default().chars() {
                fold(c, &mut |c| {
                    if c.is_alphanumeric() && letters.len() <= WORD_LETTERS {
                        letters.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    }
                });
            }
            letters.push(b'_');
            for from in 0..letters.len() {
                let mut hash = FNV_PRIME;
                for (at, byte) in letters.iter().skip(from).take(PIECE).enumerate() {
                    hash = mix(hash, *byte);
                    if at >= 2 {
                        terms.pieces.push((bucket(hash, b'4'), place));
                    }
                }
            }
        }
        let last = tokens.len().saturating_sub(1) as u32;
        for c in stretch.chars().filter(|c| *c >= '\u{2190}' && !c.is_alphanumeric()).take(32) {
            terms.words.push((bucket(u64::from(c as u32), b'5'), last));
        }
        for list in [&mut terms.words, &mut terms.pieces] {
            list.sort_unstable();
            list.dedup_by_key(|term| term.0);
        }
    }

    /// Adds what the words stand for (up to 128 concepts, a bit each), alone and two at a time.
    pub(super) fn add_concepts(&mut self, present: u128) {
        self.concepts.clear();
        let mut rest = present;
        for _ in 0..CONCEPTS {
            let one = rest.trailing_zeros();
            if one == u128::BITS {
                break;
            }
            rest &= rest - 1;
            self.concepts.push((bucket(u64::from(one), b'7'), one << 8 | one));
            let mut others = rest;
            for _ in 0..CONCEPTS {
                let other = others.trailing_zeros();
                if other == u128::BITS {
                    break;
                }
                others &= others - 1;
                self.concepts.push((bucket(u64::from(one) << 8 | u64::from(other), b'8'), one << 8 | other));
            }
        }
    }

    /// Every term.
    pub fn all(&self) -> impl Iterator<Item = &(u32, u32)> {
        self.words.iter().chain(&self.pieces).chain(&self.concepts)
    }

    /// What each word and each piece counts: in a long text a little less, by the eighth root of how many there are, which did best
    /// on texts that the weights were not trained on. (Square roots are the same on every machine.)
    pub fn scales(&self) -> (f32, f32) {
        let scale = |terms: &Vec<_>| SCALE / (terms.len().max(1) as f32).sqrt().sqrt().sqrt();
        (scale(&self.words), scale(&self.pieces))
    }
}

/// What a word or piece counts in a text that has no other.
const SCALE: f32 = 0.2;

/// What a concept counts.
pub const CONCEPT_SCALE: f32 = 0.3;

/// Some words of a text, weighed.
#[derive(Default)]
pub struct Weighed {
    /// Which words.
    pub(super) place: Range<usize>,
    terms: Terms,
    pub(super) hits: Vec<Hit>,
    pub(super) present: Set,
    sums: [f32; HEADS],
}

impl Weighed {
    /// Weighs these words of a text.
    pub(super) fn weigh(&mut self, text: &Text<'_>, place: Range<usize>, model: &Model) {
        self.find(text, place);
        self.sums = model.sums(&self.terms);
    }

    /// What there is to be weighed of the beginning of a text; for training.
    pub fn unweighed(text: &Text<'_>) -> Self {
        let mut found = Self::default();
        found.find(text, text.window(0));
        found
    }

    fn find(&mut self, text: &Text<'_>, place: Range<usize>) {
        let tokens = text.tokens.get(place.clone()).unwrap_or_default();
        self.place = place;
        self.present = concepts::find(&text.own, tokens, &mut self.hits);
        Terms::of(&text.own, tokens, text.stretch(&self.place), &mut self.terms);
        self.terms.add_concepts(self.present);
    }

    /// What it has.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// What its terms speak for a head, in log-odds.
    pub(super) fn sum(&self, head: usize) -> f32 {
        self.sums.get(head).copied().unwrap_or(0.0)
    }

    /// What each word speaks for a head, added to `shares`: its own terms, and its part of what it stands for.
    pub(super) fn shares(&self, model: &Model, head: usize, factor: f32, shares: &mut [f32]) {
        model.shares(&self.terms, head, factor, shares);
        for (bucket, pair) in &self.terms.concepts {
            let Some(speaks) = model.weight(*bucket, head) else { continue };
            for concept in [pair >> 8, pair & 255] {
                let longest =
                    self.hits.iter().filter(|hit| hit.concepts >> concept & 1 == 1).max_by_key(|hit| hit.words);
                let Some(hit) = longest else { continue };
                let share = factor * CONCEPT_SCALE * speaks / 2.0 / hit.words as f32;
                for place in hit.first..hit.first + hit.words {
                    if let Some(of) = shares.get_mut(place) {
                        *of += share;
                    }
                }
            }
        }
    }
}

/// One head's own numbers.
#[derive(Debug, Clone)]
pub struct Head {
    /// What it says of an empty text.
    pub bias: f32,
    /// How much one step of a weight is.
    pub step: f32,
    /// What each sign speaks for it.
    pub signs: Vec<f32>,
}

/// The weights.
pub struct Model {
    heads: Vec<Head>,
    /// For each bucket, where its entries begin.
    begins: Vec<u32>,
    /// Head and weight, by bucket.
    entries: Vec<(u8, i8)>,
}

const MAGIC: &[u8; 5] = b"ATTM\x01";

/// The one that the program carries.
pub static CARRIED: LazyLock<Model> = LazyLock::new(|| {
    // A test reads the file; should it ever be another, the rules and lists still read.
    Model::parse(include_bytes!("model.bin")).unwrap_or_else(Model::empty)
});

impl Model {
    /// One that has nothing to say.
    pub fn empty() -> Self {
        let head = |index| Head { bias: 0.0, step: 0.0, signs: vec![0.0; signs_of(index)] };
        Self { heads: (0..HEADS).map(head).collect(), begins: vec![0; BUCKETS + 1], entries: Vec::new() }
    }

    /// From heads and weights: bucket, head, steps.
    pub fn new(heads: Vec<Head>, mut weights: Vec<(u32, u8, i8)>) -> Self {
        weights.sort_unstable();
        let mut begins = vec![0_u32; BUCKETS + 1];
        for (bucket, ..) in &weights {
            if let Some(next) = begins.get_mut(*bucket as usize + 1) {
                *next += 1;
            }
        }
        let mut sum = 0;
        for begin in &mut begins {
            sum += *begin;
            *begin = sum;
        }
        Self { heads, begins, entries: weights.into_iter().map(|(_, head, weight)| (head, weight)).collect() }
    }

    /// From a file; none if it is not one of this version.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(MAGIC)?;
        let mut number = || -> Option<f32> {
            let (bytes, after) = rest.split_first_chunk()?;
            rest = after;
            Some(f32::from_le_bytes(*bytes))
        };
        let mut heads = Vec::with_capacity(HEADS);
        for index in 0..HEADS {
            let (bias, step) = (number()?, number()?);
            let signs = (0..signs_of(index)).map(|_| number()).collect::<Option<_>>()?;
            heads.push(Head { bias, step, signs });
        }
        let (entries, []) = rest.as_chunks::<4>() else { return None };
        let split = |entry: &[u8; 4]| {
            let packed = u32::from_be_bytes(*entry);
            (packed >> 13, (packed >> 8 & 31) as u8, packed as u8 as i8)
        };
        let weights: Vec<_> = entries.iter().map(split).collect();
        weights.iter().all(|(_, head, _)| usize::from(*head) < HEADS).then(|| Self::new(heads, weights))
    }

    /// As a file.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        for head in &self.heads {
            for number in [head.bias, head.step].iter().chain(&head.signs) {
                out.extend(number.to_le_bytes());
            }
        }
        for (bucket, bounds) in (0_u32..).zip(self.begins.windows(2)) {
            let [from, to] = bounds else { continue };
            for (head, weight) in self.entries.get(*from as usize..*to as usize).unwrap_or_default() {
                out.extend((bucket << 13 | u32::from(*head) << 8 | u32::from(*weight as u8)).to_be_bytes());
            }
        }
        out
    }

    /// What the terms speak for each head, in log-odds, without biases and signs.
    pub fn sums(&self, terms: &Terms) -> [f32; HEADS] {
        let (words, pieces) = terms.scales();
        let mut sums = [0.0; HEADS];
        for (list, scale) in [(&terms.words, words), (&terms.pieces, pieces), (&terms.concepts, CONCEPT_SCALE)] {
            let mut steps = [0_i32; HEADS];
            for (bucket, _) in list {
                for (head, weight) in self.of_bucket(*bucket) {
                    if let Some(sum) = steps.get_mut(usize::from(*head)) {
                        *sum += i32::from(*weight);
                    }
                }
            }
            for ((sum, steps), head) in sums.iter_mut().zip(steps).zip(&self.heads) {
                *sum += scale * steps as f32 * head.step;
            }
        }
        sums
    }

    /// What each word's terms speak for a head, by the word's place, added to `shares`.
    pub fn shares(&self, terms: &Terms, head: usize, factor: f32, shares: &mut [f32]) {
        let (words, pieces) = terms.scales();
        for (list, scale) in [(&terms.words, words), (&terms.pieces, pieces)] {
            for (bucket, place) in list {
                if let (Some(weight), Some(share)) = (self.weight(*bucket, head), shares.get_mut(*place as usize)) {
                    *share += factor * scale * weight;
                }
            }
        }
    }

    fn weight(&self, bucket: u32, head: usize) -> Option<f32> {
        let (_, steps) = self.of_bucket(bucket).iter().find(|(of, _)| usize::from(*of) == head)?;
        Some(f32::from(*steps) * self.heads.get(head)?.step)
    }

    /// What bias and signs speak for a head, in log-odds.
    pub fn base(&self, head: usize, signs: &[f32]) -> f32 {
        let Some(head) = self.heads.get(head) else { return 0.0 };
        head.bias + head.signs.iter().zip(signs).map(|(weight, sign)| weight * sign).sum::<f32>()
    }

    /// What one sign speaks for a head.
    pub fn sign(&self, head: usize, sign: usize) -> f32 {
        self.heads.get(head).and_then(|head| head.signs.get(sign)).copied().unwrap_or(0.0)
    }

    fn of_bucket(&self, bucket: u32) -> &[(u8, i8)] {
        let bucket = bucket as usize;
        match (self.begins.get(bucket), self.begins.get(bucket + 1)) {
            (Some(from), Some(to)) => self.entries.get(*from as usize..*to as usize).unwrap_or_default(),
            _ => &[],
        }
    }
}

/// How many signs a head looks at.
pub fn signs_of(head: usize) -> usize {
    match head {
        0..INTENTS => INTENT_SIGNS,
        INTENTS..LANGUAGE => MOOD_SIGNS,
        _ => LANGUAGE_SIGNS,
    }
}

/// Log-odds as a probability, 0 to 1.
pub fn odds(sum: f32) -> f32 {
    1.0 / (1.0 + (-sum).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_that_are_carried_are_small_and_whole() {
        let file = include_bytes!("model.bin");
        let model = Model::parse(file).expect("the file is one of this version");
        assert!(file.len() < 500_000, "{} bytes", file.len());
        assert!(model.entries.len() > 50_000, "{} weights", model.entries.len());
        assert!(model.bytes() == file, "what is written is what was read");
        for cut in [0, 4, 5, 100, file.len() - 1] {
            assert!(Model::parse(&file[..cut]).is_none(), "cut at {cut}");
        }
    }

    #[test]
    fn the_sum_of_a_text_is_what_its_words_are_said_to_share() {
        let text = Text::new("where is my parcel, I am so angry", &super::super::Brand::default());
        let mut weighed = Weighed::default();
        weighed.weigh(&text, text.window(0), &CARRIED);
        for head in [0, FRUSTRATED, UNHAPPY] {
            let mut shares = vec![0.0; text.tokens.len()];
            weighed.shares(&CARRIED, head, 1.0, &mut shares);
            let shared: f32 = shares.iter().sum();
            assert!((shared - weighed.sum(head)).abs() < 1e-3, "{head}: {shared} of {}", weighed.sum(head));
        }
    }
}
