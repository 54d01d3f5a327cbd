//! Which words people write: those that a misspelt word may have been meant to be, and those that only look misspelt.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use attune::reading::spelling::{LETTERS, LONGEST, Meant, each_word, each_word_of};

/// How often a word must be met to be one: a slip is seldom made twice.
const LEAST: usize = 2;
/// How much rarer than the word that it nearly is a word may be, to be one of its own; and one that is met only two or three
/// times.
const RARER: usize = 40;
const RARER_IF_RARE: usize = 10;

/// The file `spelling.txt` from texts that are mostly well spelt.
pub fn file(texts: &[String]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for text in texts {
        each_word_of(text, |word| *counts.entry(word.to_owned()).or_default() += 1);
    }
    counts.retain(|word, count| {
        *count >= LEAST && word.bytes().all(|b| b.is_ascii_lowercase()) && (LETTERS..=LONGEST).contains(&word.len())
    });
    let mut concepts = BTreeSet::new();
    each_word(|word| {
        concepts.insert(word.to_owned());
    });
    let mut meant: Vec<(&str, usize)> = counts
        .iter()
        .filter(|(word, _)| concepts.contains(*word))
        .map(|(word, count)| (word.as_str(), *count))
        .collect();
    meant.sort_by_key(|(_, count)| Reverse(*count));
    let near = Meant::new(meant.iter().map(|(word, _)| (*word).to_owned()));
    let others: Vec<&str> = counts
        .iter()
        .filter(|(word, _)| !concepts.contains(*word))
        .filter(|(word, count)| {
            let rarer = if **count < 4 { RARER_IF_RARE } else { RARER };
            near.nearest(word).is_some_and(|meant| **count * rarer >= counts[meant])
        })
        .map(|(word, _)| word.as_str())
        .collect();
    let meant: Vec<&str> = meant.into_iter().map(|(word, _)| word).collect();
    format!("{}\n\n{}\n", meant.join("\n"), others.join("\n"))
}
