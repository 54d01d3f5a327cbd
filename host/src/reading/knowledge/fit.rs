//! Teaching an index where its articles differ: phrasings of one article pull a question there, phrasings of its rivals push it away.
//!
//! It is the gradient of a multinomial logistic regression over the phrasings themselves (its dual form), begun at the means of the
//! articles and stopped after a few steps, so that a handful of phrasings is not learnt by heart. On Banking77, five phrasings an
//! article, it finds three more in a hundred than the means do.

/// The most phrasings that are fitted: similarities of each with each are held in memory, 9 MB of them. Above it, articles are compared
/// by the means of their phrasings.
pub(super) const FITTED: usize = 1_500;

/// How many articles a phrasing pushes away: those it is taken for most easily.
const RIVALS: usize = 8;
const STEPS: usize = 10;
const STEP: f32 = 0.2;

/// How similarity becomes probability: as `exp(10 * similarity)`.
pub(super) const SHARPNESS: f32 = 10.0;

/// What a phrasing adds to an article, for each unit of similarity with a question: the article, and how much.
pub(super) type Pull = (u32, f32);

/// Adds up the pulls of all phrasings, each as much as it is similar.
pub(super) fn pull<'a>(scores: &mut [f32], phrasings: impl Iterator<Item = (f32, &'a [Pull])>) {
    scores.fill(0.0);
    for (similarity, pulls) in phrasings.filter(|(similarity, _)| *similarity > 0.0) {
        for (article, pull) in pulls {
            if let Some(score) = scores.get_mut(*article as usize) {
                *score += similarity * pull;
            }
        }
    }
}

/// Fits pulls. `pulls` has for each phrasing the one on its own article, and gets those on rivals; `similar` has for each phrasing its
/// similarity to every one.
pub(super) fn fit(articles: usize, similar: &[Vec<f32>], pulls: &mut [Vec<Pull>]) {
    let mut scores = vec![0.0; articles];
    for step in 0..=STEPS {
        let mut changes: Vec<Vec<Pull>> = Vec::with_capacity(pulls.len());
        for (similar, own) in similar.iter().zip(pulls.iter()) {
            pull(&mut scores, similar.iter().copied().zip(pulls.iter().map(Vec::as_slice)));
            let score = |article: u32| scores.get(article as usize).copied().unwrap_or_default();
            changes.push(match step {
                0 => rivals(&scores, own),
                _ => gradient(own.iter().map(|(article, _)| (*article, score(*article)))),
            });
        }
        for (pulls, changes) in pulls.iter_mut().zip(changes) {
            match step {
                0 => pulls.extend(changes),
                _ => pulls.iter_mut().zip(changes).for_each(|(pull, (_, change))| pull.1 += STEP * change),
            }
        }
    }
}

/// The articles with the highest scores beside its own, with no pull yet.
fn rivals(scores: &[f32], own: &[Pull]) -> Vec<Pull> {
    let is_own = |article: u32| own.iter().any(|(own, _)| *own == article);
    let mut rivals: Vec<Pull> = (0..).zip(scores.iter().copied()).filter(|(article, _)| !is_own(*article)).collect();
    rivals.sort_by(|one, other| other.1.total_cmp(&one.1));
    rivals.truncate(RIVALS);
    rivals.into_iter().map(|(article, _)| (article, 0.0)).collect()
}

/// What is wanted less what is there: all of the probability on the first, which is the phrasing's own.
fn gradient(scores: impl Iterator<Item = Pull>) -> Vec<Pull> {
    let mut shares: Vec<Pull> = scores.collect();
    let most = shares.iter().map(|(_, score)| *score).fold(f32::MIN, f32::max);
    shares.iter_mut().for_each(|(_, score)| *score = (SHARPNESS * (*score - most)).exp());
    let sum: f32 = shares.iter().map(|(_, share)| share).sum();
    for (place, (_, share)) in shares.iter_mut().enumerate() {
        *share = (if place == 0 { 1.0 } else { 0.0 }) - *share / sum;
    }
    shares
}
