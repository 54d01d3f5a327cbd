//! Questions to a bank (Banking77): five examples of each of the 77 kinds are the phrasings of one article, all others are asked.

use std::collections::BTreeMap;
use std::path::Path;

use attune::domain::knowledge::Article;
use attune::intake::knowledge::{Form, read_what_fits};
use attune::reading::knowledge::{Index, SURE};

/// What chooses the examples.
const SEEDS: [u64; 10] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

/// Examples of each kind.
const EXAMPLES: usize = 5;

/// Figures of a CSV file with the columns `text` and `category`: for each seed and as a mean over all how often the right answer was
/// first, and among the first three; then how often the first was sure, and how often it was right then. Each with the number of
/// questions behind it. None if the file is not there.
pub fn run(data: &Path) -> Option<Vec<(String, f64, usize)>> {
    let file = std::fs::read(data).ok()?;
    let (articles, _) = read_what_fits(Form::Csv, &file).unwrap_or_else(|error| panic!("{}: {error}", data.display()));
    let texts = |article: &Article| article.questions().map(str::to_owned).collect();
    let kinds = articles.iter().map(|article| (article.answer.clone(), texts(article))).collect();
    let mut figures = Vec::new();
    let mut sums = [0.0; 4];
    let mut all = 0;
    for seed in SEEDS {
        let (counts, asked) = ask(&kinds, seed);
        let [first, three, sure, right] = counts.map(|count| count as f64);
        let shares = [first / asked as f64, three / asked as f64, sure / asked as f64, right / sure];
        figures.push((format!("Banking77, seed {seed}, right answer first"), shares[0], asked));
        figures.push((format!("Banking77, seed {seed}, among three"), shares[1], asked));
        sums.iter_mut().zip(shares).for_each(|(sum, share)| *sum += share / SEEDS.len() as f64);
        all += asked;
    }
    for (what, mean) in ["right answer first", "among three", "sure", "right when sure"].into_iter().zip(sums) {
        figures.push((format!("Banking77, mean of {} seeds, {what}", SEEDS.len()), mean, all));
    }
    Some(figures)
}

/// How many were right, right among three, sure, and right when sure; and how many were asked.
fn ask(kinds: &BTreeMap<String, Vec<String>>, seed: u64) -> ([usize; 4], usize) {
    let mut dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (mut articles, mut questions) = (Vec::new(), Vec::new());
    for (kind, texts) in kinds {
        let mut texts: Vec<&String> = texts.iter().collect();
        // Fisher and Yates, with xorshift.
        for last in (1..texts.len()).rev() {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            texts.swap(last, (dice % (last as u64 + 1)) as usize);
        }
        let (examples, rest) = texts.split_at(EXAMPLES.min(texts.len()));
        let mut examples = examples.iter().map(|text| (*text).clone());
        let question = examples.next().unwrap_or_default();
        let (phrasings, answer) = (examples.collect(), kind.clone());
        articles.push(Article { question, phrasings, answer, ..Article::default() }.tidy());
        questions.extend(rest.iter().map(|text| (*text, kind)));
    }
    let index = Index::new(articles);
    let mut counts = [0; 4];
    for (question, kind) in &questions {
        let found = index.search(question, 3);
        let first = found.first().is_some_and(|one| one.article.answer == **kind);
        let sure = found.first().is_some_and(|one| one.score >= SURE);
        let three = found.iter().any(|one| one.article.answer == **kind);
        for (count, holds) in counts.iter_mut().zip([first, three, sure, sure && first]) {
            *count += usize::from(holds);
        }
    }
    (counts, questions.len())
}
