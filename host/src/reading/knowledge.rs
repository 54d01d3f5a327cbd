//! Finding the owner's answer to a question.
//!
//! Questions are compared by their words, pieces of words and topics (`features`), each counting more the fewer articles have it (TF-IDF,
//! sublinear, over articles). What an article's phrasings have in common is found by their mean, what tells it from others by a few steps
//! of regression (`fit`). The same articles and the same question always give the same answers.
//!
//! Never makes an answer up: whatever it gives is an article as the owner wrote it.

mod features;
mod fit;

use crate::domain::knowledge::Article;

use self::features::{Feature, Parts, SHARES, VIEWS, Word, parts};
use self::fit::{FITTED, Pull, SHARPNESS, fit, pull};
use super::words::ByHash;
use super::{EVIDENCE, Evidence, head};

/// From this score up an answer is sure enough to be given. On questions to assistants, banks and shops, nine in ten of those
/// above it were right, and one in twenty questions about something else got there.
pub const SURE: f32 = 0.5;

/// How many answers a search gives at the most.
pub const FOUND: usize = 20;

/// An article that may be the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Found<'a> {
    /// Which.
    pub article: &'a Article,
    /// 0 to 1: how sure it is that this is the answer. Act from [`SURE`] up.
    pub score: f32,
    /// The words of the question that led here, each with how much of the question it is; at most [`EVIDENCE`].
    pub because: Vec<Evidence>,
}

/// The articles of a business, made ready for searching.
#[derive(Default)]
pub struct Index {
    articles: Vec<Article>,
    known: Vec<Known>,
    features: ByHash<Weighed>,
    /// Phrasings that have a feature, and how much it is of the phrasing; those of one feature stand together.
    postings: Vec<(u32, f32)>,
    /// The article of each phrasing.
    owner: Vec<u32>,
    /// Of each phrasing, its own article first.
    pulls: Vec<Vec<Pull>>,
    /// How much words count that every question has.
    function: f32,
    /// How much a feature counts that no article has.
    unknown: f32,
}

/// What an article's phrasings have.
#[derive(Default)]
struct Known {
    /// The stems of their words, sorted.
    stems: Vec<u64>,
    topics: u128,
}

/// A feature of some phrasing.
struct Weighed {
    /// How much it counts: more the fewer articles have it.
    weight: f32,
    /// Where its postings begin and end.
    postings: (u32, u32),
}

/// A number for each view.
type Views = [f32; VIEWS];

impl Index {
    /// Makes articles ready. A thousand with a phrasing each take a tenth of a second.
    pub fn new(articles: Vec<Article>) -> Self {
        let count: usize = articles.iter().map(|article| article.questions().count()).sum();
        // With one phrasing an article, the words that every question has say little; with many they say what kind of question it is.
        let function = 1.0 - 0.6 * articles.len() as f32 / count.max(1) as f32;
        let mut index = Self { function, unknown: weight(articles.len(), 0), ..Self::default() };
        let mut phrasings: Vec<Parts> = Vec::with_capacity(count);
        for (owner, article) in (0..).zip(&articles) {
            let mut known = Known::default();
            for question in article.questions() {
                let parts = parts(question, function);
                known.stems.extend(parts.words.iter().map(|word| word.stem));
                known.topics |= parts.words.iter().fold(0, |topics, word| topics | word.topics);
                index.owner.push(owner);
                phrasings.push(parts);
            }
            known.stems.sort_unstable();
            index.known.push(known);
        }
        index.articles = articles;
        index.weigh(&phrasings);
        index.take_means(&phrasings);
        if count > index.articles.len() && count <= FITTED {
            let similar: Vec<Vec<f32>> = phrasings.iter().map(|one| index.similar(&one.features)).collect();
            fit(index.articles.len(), &similar, &mut index.pulls);
        }
        index
    }

    /// The articles, in the order in which they were given.
    pub fn articles(&self) -> &[Article] {
        &self.articles
    }

    /// The articles that may answer a question, best first; at most `limit`, and [`FOUND`]. None that has nothing in common with it.
    pub fn search(&self, query: &str, limit: usize) -> Vec<Found<'_>> {
        let query = head(query);
        let Parts { words, features } = parts(query, self.function);
        let similar = self.similar(&features);
        let mut scores = vec![0.0; self.articles.len()];
        pull(&mut scores, similar.into_iter().zip(self.pulls.iter().map(Vec::as_slice)));
        let most = scores.iter().copied().fold(f32::MIN, f32::max);
        let power = |score: f32| (SHARPNESS * (score - most)).exp();
        // An owner with three articles has not said all that people ask about: there are always rivals.
        let unsaid = RIVALS.saturating_sub(scores.len()) as f32 * power(UNSAID);
        let all = scores.iter().copied().map(power).sum::<f32>() + unsaid;
        let mut order: Vec<(usize, f32)> = scores.into_iter().enumerate().filter(|(_, score)| *score > 0.0).collect();
        order.sort_by(|one, other| other.1.total_cmp(&one.1));
        let mut least = 1.0_f32;
        let found = order.into_iter().take(limit.min(FOUND)).filter_map(|(number, score)| {
            let (article, known) = (self.articles.get(number)?, self.known.get(number)?);
            let (covered, because) = self.covered(query, &words, known);
            least = least.min(confidence(covered, power(score) / all));
            Some(Found { article, score: least, because })
        });
        found.collect()
    }

    /// Weighs features, and writes down which phrasings have them.
    fn weigh(&mut self, phrasings: &[Parts]) {
        let mut all: Vec<(Feature, u32)> = Vec::new();
        for (phrasing, parts) in (0..).zip(phrasings) {
            all.extend(parts.features.iter().map(|feature| (*feature, phrasing)));
        }
        all.sort_unstable_by_key(|(feature, phrasing)| (feature.hash, *phrasing));
        let owner = |phrasing: u32| self.owner.get(phrasing as usize);
        let mut end = 0;
        for alike in all.chunk_by(|one, other| one.0.hash == other.0.hash) {
            // Phrasings of one article follow each other.
            let owners = alike.chunk_by(|one, other| owner(one.1) == owner(other.1)).count();
            let postings = (end, end + alike.len() as u32);
            end = postings.1;
            if let Some((feature, _)) = alike.first() {
                self.features.insert(feature.hash, Weighed { weight: weight(self.articles.len(), owners), postings });
            }
        }
        let lengths: Vec<Views> = phrasings.iter().map(|parts| self.lengths(&parts.features)).collect();
        self.postings = all
            .iter()
            .map(|(feature, phrasing)| {
                let length = lengths.get(*phrasing as usize).map_or(1.0, |length| length[usize::from(feature.view)]);
                let weight = self.features.get(&feature.hash).map_or(0.0, |weighed| weighed.weight);
                (*phrasing, feature.weight * weight / length)
            })
            .collect();
    }

    /// Lets each phrasing pull to its article by its share in the article's mean, which gets the length 1.
    fn take_means(&mut self, phrasings: &[Parts]) {
        let lengths: Vec<Views> = phrasings.iter().map(|parts| self.lengths(&parts.features)).collect();
        let mut at = 0;
        for (number, article) in (0..).zip(&self.articles) {
            let count = article.questions().count();
            let mut sums: ByHash<(usize, f32)> = ByHash::default();
            for (parts, length) in phrasings.iter().zip(&lengths).skip(at).take(count) {
                for feature in &parts.features {
                    let weight = self.features.get(&feature.hash).map_or(0.0, |weighed| weighed.weight);
                    let view = usize::from(feature.view);
                    sums.entry(feature.hash).or_insert((view, 0.0)).1 += feature.weight * weight / length[view];
                }
            }
            at += count;
            let mut sums: Vec<(u64, (usize, f32))> = sums.into_iter().collect();
            // A sum of floats depends on its order.
            sums.sort_unstable_by_key(|(hash, _)| *hash);
            let square: f32 = sums.iter().map(|(_, (view, sum))| SHARES[*view] * sum * sum).sum();
            let pull = 1.0 / square.sqrt().max(f32::MIN_POSITIVE);
            self.pulls.extend(std::iter::repeat_n(vec![(number, pull)], count));
        }
    }

    /// The length of each view. What no phrasing has counts half: of a question that is mostly unknown the rest says little.
    fn lengths(&self, features: &[Feature]) -> Views {
        let mut squares = [0.0; VIEWS];
        for feature in features {
            let (weight, share) = match self.features.get(&feature.hash) {
                Some(weighed) => (weighed.weight, 1.0),
                None => (self.unknown, 0.5),
            };
            squares[usize::from(feature.view)] += share * (feature.weight * weight).powi(2);
        }
        squares.map(|square| if square > 0.0 { square.sqrt() } else { 1.0 })
    }

    /// How similar a question is to each phrasing, 0 to 1.
    fn similar(&self, features: &[Feature]) -> Vec<f32> {
        let mut products = vec![[0.0; VIEWS]; self.owner.len()];
        for feature in features {
            let Some(Weighed { weight, postings: (start, end) }) = self.features.get(&feature.hash) else { continue };
            let view = usize::from(feature.view);
            let here = feature.weight * weight;
            for (phrasing, there) in self.postings.get(*start as usize..*end as usize).unwrap_or_default() {
                if let Some(product) = products.get_mut(*phrasing as usize) {
                    product[view] += here * there;
                }
            }
        }
        let lengths = self.lengths(features);
        let factors: Views = std::array::from_fn(|view| SHARES[view] / lengths[view]);
        let sum = |product: &Views| product.iter().zip(&factors).map(|(one, factor)| one * factor).sum();
        products.iter().map(sum).collect()
    }

    /// How much of a question an article's phrasings have, 0 to 1, and the words that they have.
    fn covered(&self, query: &str, words: &[Word], known: &Known) -> (f32, Vec<Evidence>) {
        let mut because: Vec<Evidence> = Vec::new();
        let (mut whole, mut covered) = (0.0_f32, 0.0);
        for word in words {
            let weight = word.weight * self.features.get(&word.stem).map_or(self.unknown, |weighed| weighed.weight);
            let share = if known.stems.binary_search(&word.stem).is_ok() {
                weight
            } else if word.topics & known.topics != 0 {
                SAME_TOPIC * weight
            } else {
                0.0
            };
            whole += weight;
            covered += share;
            if share > 0.0 {
                let term = query.get(word.start as usize..word.end as usize).unwrap_or_default().to_owned();
                because.push(Evidence { term, weight: share });
            }
        }
        // Whoever asks, asks for one thing at least: "do you" is not all of a question.
        whole = whole.max(self.unknown);
        because.sort_by(|one, other| other.weight.total_cmp(&one.weight));
        because.truncate(EVIDENCE);
        because.iter_mut().for_each(|one| one.weight /= whole);
        (covered / whole, because)
    }
}

/// The inverse document frequency of what so many articles have.
fn weight(articles: usize, having: usize) -> f32 {
    ((1.0 + articles as f32) / (1.0 + having as f32)).ln() + 1.0
}

/// What a word counts whose topic the article has, but not the word.
const SAME_TOPIC: f32 = 0.7;

/// How many articles there would be if the owner had thought of more, and how similar a question is to what was not thought of.
const RIVALS: usize = 20;
const UNSAID: f32 = 0.15;

/// How sure it is that an article is the answer: a logistic regression over how much of the question its phrasings cover, and how far
/// it is ahead of the others. It was found on questions to assistants, banks and shops, a third of them about something else, for 2 to
/// 100 articles of 1 to 5 phrasings; then made more careful by half a unit, since a wrong answer costs more than a question back.
fn confidence(covered: f32, ahead: f32) -> f32 {
    1.0 / (1.0 + (3.6 - 3.2 * covered - 4.9 * ahead).exp())
}

#[cfg(test)]
mod tests;
