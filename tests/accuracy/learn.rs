//! Trains the additive model of `attune::reading::model`: a logistic regression for each head, by AdaGrad (Duchi, Hazan,
//! Singer 2011) over hashed terms, then pruned to the weights that matter and rounded to eight bits.
//!
//! The same examples give the same file: one thread, a fixed order.

use attune::reading::language::{self, LANGUAGES};
use attune::reading::model::{
    BUCKETS, CONCEPT_SCALE, HEADS, Head, INTENTS, LANGUAGE, Model, Terms, Weighed, odds, signs_of,
};
use attune::reading::{Brand, Text, intent, sentiment};

/// A text and what is known of it.
#[derive(Clone)]
pub struct Example {
    /// As it was written.
    pub text: String,
    /// For each head: it is so, it is not so, or nobody knows.
    pub labels: [Option<bool>; HEADS],
    /// How much it counts.
    pub weight: f32,
}

/// An example as the model sees it.
pub struct Prepared {
    terms: Terms,
    mood: Vec<f32>,
    intent: Vec<f32>,
    language: Vec<f32>,
    /// What is known of it.
    pub labels: [Option<bool>; HEADS],
    /// How much it counts.
    pub weight: f32,
}

impl Prepared {
    pub fn of(example: &Example) -> Self {
        let known = LANGUAGES.iter().enumerate().find(|(at, _)| example.labels[LANGUAGE + at] == Some(true));
        let text = Text::new(&example.text, &Brand::default()).in_language(known.map(|(_, language)| *language));
        let found = Weighed::unweighed(&text);
        Self {
            mood: sentiment::signs(&text).to_vec(),
            language: language::signs(&text).to_vec(),
            intent: intent::signs(&text, &found).to_vec(),
            terms: found.terms().clone(),
            labels: example.labels,
            weight: example.weight,
        }
    }

    fn signs(&self, head: usize) -> &[f32] {
        match head {
            0..INTENTS => &self.intent,
            INTENTS..LANGUAGE => &self.mood,
            _ => &self.language,
        }
    }
}

/// How it is trained.
#[derive(Clone, Copy)]
pub struct Plan {
    pub epochs: usize,
    pub rate: f32,
    /// How strongly weights are drawn to zero each time they are met.
    pub decay: f32,
    /// How much more what is so counts than what is not: most texts ask for nothing of ours.
    pub so: f32,
    /// How many weights are kept at the most.
    pub entries: usize,
}

impl Default for Plan {
    fn default() -> Self {
        Self { epochs: 6, rate: 0.1, decay: 2e-5, so: 1.0, entries: 60_000 }
    }
}

/// What was learnt of some heads.
#[derive(Clone)]
pub struct Learnt {
    heads: Vec<Head>,
    weights: Vec<(u32, u8, i8)>,
}

impl Learnt {
    /// Takes over what another learnt of its heads.
    pub fn join(mut self, other: Learnt, heads: std::ops::Range<usize>) -> Learnt {
        self.weights.extend(other.weights);
        for head in heads {
            self.heads[head] = other.heads[head].clone();
        }
        self
    }

    /// Moves where a head says a half.
    pub fn shift(&mut self, head: usize, by: f32) {
        self.heads[head].bias += by;
    }

    pub fn model(&self) -> Model {
        Model::new(self.heads.clone(), self.weights.clone())
    }
}

/// Weights as they are trained.
struct Weights {
    terms: Vec<f32>,
    squares: Vec<f32>,
    met: Vec<u32>,
    /// How much more often a term is met where the head is so than where it is not, as a logarithm: what is met about as
    /// often either way is hard to move (naive Bayes features, Wang and Manning 2012).
    ratios: Vec<f32>,
    heads: Vec<Vec<f32>>,
    head_squares: Vec<Vec<f32>>,
}

pub fn train(examples: &[(&Prepared, f32)], heads: std::ops::Range<usize>, plan: Plan) -> Learnt {
    let heads: Vec<usize> = heads.collect();
    let heads = &heads[..];
    let mut w = Weights {
        terms: vec![0.0; BUCKETS * HEADS],
        squares: vec![1e-3; BUCKETS * HEADS],
        met: vec![0; BUCKETS],
        ratios: ratios(examples, heads),
        // The bias stands last.
        heads: (0..HEADS).map(|head| vec![0.0; signs_of(head) + 1]).collect(),
        head_squares: (0..HEADS).map(|head| vec![1e-2; signs_of(head) + 1]).collect(),
    };
    for (example, _) in examples {
        for (bucket, _) in example.terms.all() {
            w.met[*bucket as usize] += 1;
        }
    }
    let mut order: Vec<usize> = (0..examples.len()).collect();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..plan.epochs {
        for last in (1..order.len()).rev() {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            order.swap(last, (seed % (last as u64 + 1)) as usize);
        }
        for at in &order {
            let (example, weight) = examples[*at];
            learn(&mut w, example, weight, heads, plan);
        }
    }
    pack(&w, plan)
}

fn learn(w: &mut Weights, example: &Prepared, weight: f32, heads: &[usize], plan: Plan) {
    let (words, pieces) = example.terms.scales();
    let lists =
        [(&example.terms.words, words), (&example.terms.pieces, pieces), (&example.terms.concepts, CONCEPT_SCALE)];
    let mut sums = [0.0_f32; HEADS];
    for (list, scale) in lists {
        for (bucket, _) in list {
            let from = *bucket as usize * HEADS;
            for (sum, (weight, ratio)) in sums.iter_mut().zip(w.terms[from..][..HEADS].iter().zip(&w.ratios[from..])) {
                *sum += scale * weight * ratio;
            }
        }
    }
    let mut slopes = [0.0_f32; HEADS];
    for &head in heads {
        let Some(label) = example.labels[head] else { continue };
        let signs = example.signs(head);
        let own = &mut w.heads[head];
        let base: f32 = own.iter().zip(signs).map(|(a, b)| a * b).sum::<f32>() + own[signs.len()];
        let so = if label && head < INTENTS { plan.so } else { 1.0 };
        let slope = (odds(sums[head] + base) - f32::from(u8::from(label))) * weight * so;
        if slope.abs() < 0.002 {
            continue;
        }
        slopes[head] = slope;
        for (at, sign) in signs.iter().chain([&1.0]).enumerate() {
            let gradient = slope * sign;
            w.head_squares[head][at] += gradient * gradient;
            own[at] -= 0.1 * gradient / w.head_squares[head][at].sqrt() + 1e-6 * own[at];
        }
    }
    if slopes.iter().all(|slope| *slope == 0.0) {
        return;
    }
    for (list, scale) in lists {
        for (bucket, _) in list {
            let from = *bucket as usize * HEADS;
            for (at, slope) in (from..).zip(slopes).filter(|(_, slope)| *slope != 0.0) {
                let gradient = slope * scale * w.ratios[at] + plan.decay * w.terms[at];
                let square = &mut w.squares[at];
                *square += gradient * gradient;
                w.terms[at] -= plan.rate * gradient / square.sqrt();
            }
        }
    }
}

fn ratios(examples: &[(&Prepared, f32)], heads: &[usize]) -> Vec<f32> {
    let mut counts = vec![[SMOOTH; 2]; BUCKETS * HEADS];
    let mut totals = [[0.0_f32; 2]; HEADS];
    for (example, weight) in examples {
        for &head in heads {
            let Some(label) = example.labels[head] else { continue };
            totals[head][usize::from(label)] += weight;
            for (bucket, _) in example.terms.all() {
                counts[*bucket as usize * HEADS + head][usize::from(label)] += weight;
            }
        }
    }
    let share = |count: f32, total: f32| (count / (total + 2.0 * SMOOTH)).ln();
    let ratio = |(at, [no, yes]): (usize, &[f32; 2])| {
        let [nos, yeses] = totals[at % HEADS];
        (share(*yes, yeses.max(1.0)) - share(*no, nos.max(1.0))).clamp(-5.0, 5.0).abs() + FLOOR
    };
    counts.iter().enumerate().map(ratio).collect()
}

/// What every count begins with, so that what was met once says little.
const SMOOTH: f32 = 1.0;
/// What a term that says nothing can still be moved.
const FLOOR: f32 = 0.1;

/// Keeps what matters most: large weights that are met often.
fn pack(w: &Weights, plan: Plan) -> Learnt {
    let mut ranked: Vec<(f32, u32)> = Vec::new();
    for (at, weight) in w.terms.iter().enumerate() {
        let met = w.met[at / HEADS];
        let weight = weight * w.ratios[at];
        if met > 0 && weight.abs() > 1e-3 {
            ranked.push((weight.abs() * (met as f32).sqrt(), at as u32));
        }
    }
    ranked.sort_unstable_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
    ranked.truncate(plan.entries);
    let mut largest = [0.0_f32; HEADS];
    for (_, at) in &ranked {
        let head = *at as usize % HEADS;
        largest[head] = largest[head].max((w.terms[*at as usize] * w.ratios[*at as usize]).abs());
    }
    let entries = ranked.iter().filter_map(|(_, at)| {
        let (bucket, head) = (*at as usize / HEADS, *at as usize % HEADS);
        let steps = (w.terms[*at as usize] * w.ratios[*at as usize] / largest[head] * 127.0).round() as i8;
        (steps != 0).then_some((bucket as u32, head as u8, steps))
    });
    let heads = w.heads.iter().enumerate().map(|(head, own)| Head {
        bias: own[signs_of(head)],
        step: largest[head] / 127.0,
        signs: own[..signs_of(head)].to_vec(),
    });
    Learnt { heads: heads.collect(), weights: entries.collect() }
}

/// What a model says of an example, in log-odds.
pub fn says(model: &Model, example: &Prepared, head: usize) -> f32 {
    model.sums(&example.terms)[head] + model.base(head, example.signs(head))
}
