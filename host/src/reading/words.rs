//! Splitting a text into words, and tables of words and phrases.
//!
//! A word is compared by a hash of its folded form, so no text is copied. Never looks at what a word means.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::domain::words::fold;

/// A word of a text: where it stands, and a hash of its folded form (lower case, no accents, no apostrophes).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Token {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) hash: u64,
    /// How many letters or digits it has.
    pub(super) letters: u32,
    /// Whether all its letters are capitals.
    pub(super) is_loud: bool,
    /// Whether it contains a digit.
    pub(super) has_digit: bool,
    /// Whether a sentence ends somewhere between this word and the one before.
    pub(super) begins_sentence: bool,
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo): short words, no state, the same everywhere.
pub(super) const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
pub(super) const FNV_PRIME: u64 = 0x0100_0000_01b3;

pub(super) fn mix(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)
}

/// The hash of a phrase, from that of its beginning and its next word.
pub(super) fn join(phrase: u64, word: u64) -> u64 {
    (phrase.rotate_left(23) ^ word).wrapping_mul(FNV_PRIME)
}

/// Splits a text into words, in one pass. Apostrophes belong to the word (`don't` is `dont`), every other sign ends it.
/// E-mail addresses, @names and links are left out.
pub(super) fn words(text: &str, out: &mut Vec<Token>) {
    out.clear();
    let mut word = Token { hash: FNV_BASIS, is_loud: true, begins_sentence: true, ..Token::default() };
    let mut skip_until_space = false;
    let mut close = |word: &mut Token, end: usize| {
        let begins_sentence = if word.letters > 0 {
            word.end = end as u32;
            word.is_loud &= word.letters > 1;
            out.push(*word);
            false
        } else {
            word.begins_sentence
        };
        *word = Token { hash: FNV_BASIS, is_loud: true, begins_sentence, ..Token::default() };
    };
    for (at, c) in text.char_indices() {
        if skip_until_space {
            skip_until_space = !c.is_whitespace();
            if skip_until_space {
                continue;
            }
        }
        let is_word = if c.is_ascii() { c.is_ascii_alphanumeric() } else { c.is_alphanumeric() };
        if is_word {
            if word.letters == 0 {
                word.start = at as u32;
            }
            word.letters += 1;
            if c.is_ascii() {
                word.is_loud &= !c.is_ascii_lowercase();
                word.has_digit |= c.is_ascii_digit();
                word.hash = mix(word.hash, c.to_ascii_lowercase() as u8);
            } else {
                word.is_loud &= !c.is_lowercase();
                let hash = &mut word.hash;
                fold(c, &mut |c| {
                    let mut bytes = [0; 4];
                    for byte in c.encode_utf8(&mut bytes).bytes() {
                        *hash = mix(*hash, byte);
                    }
                });
            }
            continue;
        }
        match c {
            '\'' | '\u{2019}' | '\u{2018}' | '`' | '\u{300}'..='\u{36f}' => {}
            '@' => {
                // What stood before belongs to the address.
                word.letters = 0;
                close(&mut word, at);
                skip_until_space = true;
            }
            ':' if text.get(at..at + 3) == Some("://") => {
                word.letters = 0;
                close(&mut word, at);
                skip_until_space = true;
            }
            _ => {
                close(&mut word, at);
                word.begins_sentence |= matches!(c, '.' | '!' | '?' | ';' | '\n' | '\u{bf}' | '\u{a1}' | '\u{3002}');
            }
        }
    }
    if !skip_until_space {
        close(&mut word, text.len());
    }
}

/// The letters of a word as they are compared: small, without accents or apostrophes.
pub(super) fn folded(text: &str, token: &Token, out: &mut String) {
    for c in text.get(token.start as usize..token.end as usize).unwrap_or_default().chars() {
        fold(c, &mut |c| {
            if c.is_alphanumeric() {
                out.push(c);
            }
        });
    }
}

/// A phrase as a table writes it (`where_is`), as its hash and how many words it has.
pub(super) fn phrase(text: &str) -> (u64, usize) {
    let mut tokens = Vec::new();
    words(&text.replace('_', " "), &mut tokens);
    let hash = tokens.iter().map(|token| token.hash).reduce(join).unwrap_or_default();
    (hash, tokens.len())
}

/// A map whose keys are hashes already.
pub(super) type ByHash<T> = HashMap<u64, T, BuildHasherDefault<AsIs>>;

#[derive(Default)]
pub(super) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, &byte| mix(hash, byte));
    }
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Words and phrases of up to four words, each with what it means.
pub(super) struct Phrases<T> {
    pub(super) meanings: ByHash<T>,
    /// For each word that begins a phrase, the most words such a phrase has.
    pub(super) beginnings: ByHash<u8>,
}

impl<T: Copy> Phrases<T> {
    /// From phrases and meanings; where a phrase stands twice, `merge` combines them.
    pub(super) fn new<'a>(entries: impl Iterator<Item = (&'a str, T)>, merge: impl Fn(T, T) -> T) -> Self {
        let mut table = Self { meanings: ByHash::default(), beginnings: ByHash::default() };
        for (text, meaning) in entries {
            let (hash, length) = phrase(text);
            if length == 0 {
                continue;
            }
            let (first, _) = phrase(text.split(['_', ' ']).find(|word| phrase(word).1 > 0).unwrap_or_default());
            table.meanings.entry(hash).and_modify(|old| *old = merge(*old, meaning)).or_insert(meaning);
            let longest = table.beginnings.entry(first).or_default();
            *longest = (*longest).max(length as u8);
        }
        table
    }

    /// The phrases that begin with the first of these words: their lengths in words, longest last, and meanings.
    pub(super) fn at(&self, tokens: &[Token], mut found: impl FnMut(usize, T)) {
        let Some((first, rest)) = tokens.split_first() else { return };
        let Some(&longest) = self.beginnings.get(&first.hash) else { return };
        let mut hash = first.hash;
        if let Some(&meaning) = self.meanings.get(&hash) {
            found(1, meaning);
        }
        for (index, token) in rest.iter().take(usize::from(longest).saturating_sub(1)).enumerate() {
            if token.begins_sentence {
                break;
            }
            hash = join(hash, token.hash);
            if let Some(&meaning) = self.meanings.get(&hash) {
                found(index + 2, meaning);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<String> {
        let mut tokens = Vec::new();
        words(text, &mut tokens);
        tokens.iter().map(|t| text[t.start as usize..t.end as usize].to_owned()).collect()
    }

    #[test]
    fn splits_a_text_into_words() {
        for (text, expected) in [
            ("Don't stop, #1001!", &["Don't", "stop", "1001"][..]),
            ("mail anna@example.com or https://x.y/z?q now", &["mail", "or", "now"]),
            ("@shop où est-il", &["où", "est", "il"]),
            ("", &[]),
            ("\0 \u{301}", &[]),
        ] {
            assert_eq!(split(text), expected, "{text}");
        }
    }

    #[test]
    fn words_are_the_same_however_they_are_written() {
        for (one, other) in [("Straße", "STRASSE"), ("où", "OU"), ("don\u{2019}t", "dont"), ("cafe\u{301}", "café")]
        {
            assert_eq!(phrase(one), phrase(other), "{one}");
        }
    }
}
