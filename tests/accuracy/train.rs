//! Which texts the model is trained on, and where its heads say a half.

use std::path::Path;

use attune::reading::intent::NAMES;
use attune::reading::model::{FRUSTRATED, HEADS, INTENTS, LANGUAGE, URGENT};

use crate::data;
use crate::learn::{Example, Learnt, Plan, Prepared, says, train};

/// Everything that the model is trained on, ready.
pub struct Corpus {
    own: Vec<Prepared>,
    emotions: Vec<Prepared>,
    others: Vec<Prepared>,
    /// The same with slips of the pen, in the same order: what is misspelt is to be read alike.
    slips: Vec<[Prepared; 2]>,
    elsewhere: Vec<Prepared>,
    /// CLINC150's texts: text, intent, prepared.
    pub clinc: Vec<(String, String, Prepared)>,
}

/// How many of the GoEmotions texts are taken as texts that ask for nothing of ours.
const NOT_OURS: usize = 12_000;
/// How much a text of ours counts for what it asks for, against one of the open sets, which hold fewer of our intents.
const OWN_WEIGHT: f32 = 1.0;

impl Corpus {
    /// The texts alone, ours and the open data's.
    pub fn texts(folder: &Path) -> Option<Vec<String>> {
        let own = data::TRAINED_ON.iter().flat_map(|file| data::own(file)).map(|own| own.text);
        let emotions = data::goemotions(folder, "train.tsv")?.into_iter().map(|(text, _)| text);
        let banking = data::csv(&folder.join("banking77/train.csv"))?.into_iter().map(|(text, _)| text);
        let clinc = data::clinc(folder, &["train", "val", "oos_train", "oos_val"])?.into_iter().map(|(text, _)| text);
        Some(own.chain(emotions).chain(banking).chain(clinc).collect())
    }

    /// Reads the open data from a folder; none if some is not there.
    pub fn read(folder: &Path) -> Option<Corpus> {
        let all = |examples: Vec<Example>| examples.iter().map(Prepared::of).collect::<Vec<_>>();
        let own = data::TRAINED_ON.iter().flat_map(|file| data::own(file));
        let own: Vec<Example> = own.map(|own| own.example()).collect();
        let slip = |own: &Example| {
            let other = |text| Prepared::of(&Example { text, ..own.clone() });
            [other(data::misspelt(&own.text)), other(data::as_heard(&own.text))]
        };
        let slips = own.iter().map(slip).collect();
        let emotions = data::goemotions(folder, "train.tsv")?;
        let emotions = emotions.iter().map(|(text, emotions)| data::of_goemotions(text, emotions)).collect();
        let banking = data::csv(&folder.join("banking77/train.csv"))?;
        let bitext = data::csv(&folder.join("bitext_8k/train.csv"))?;
        let others = banking.iter().map(|(text, label)| data::of_banking(text, label));
        let others = others.chain(bitext.iter().map(|(text, label)| data::of_bitext(text, label))).collect();
        let clinc = data::clinc(folder, &["train", "val", "oos_train", "oos_val"])?;
        let clinc = clinc.into_iter().map(|(text, intent)| {
            let prepared = Prepared::of(&data::of_clinc(&text, &intent));
            (text, intent, prepared)
        });
        let elsewhere = all(data::elsewhere().collect());
        Some(Corpus {
            slips,
            elsewhere,
            own: all(own),
            emotions: all(emotions),
            others: all(others),
            clinc: clinc.collect(),
        })
    }

    /// Trains on all of it but the texts of CLINC150 that are kept back, and of ours those.
    fn intents(&self, keeps_clinc: impl Fn(usize) -> bool, keeps_own: impl Fn(usize) -> bool) -> Learnt {
        let own = self.own.iter().enumerate().filter(|(at, _)| !keeps_own(*at)).map(|(_, own)| (own, OWN_WEIGHT));
        let clinc = self.clinc.iter().enumerate().filter(|(at, _)| !keeps_clinc(*at)).map(|(_, (.., clinc))| clinc);
        let slips = self.slips.iter().enumerate().filter(|(at, _)| !keeps_own(*at)).flat_map(|(_, slips)| slips);
        let slips = slips.map(|slip| (slip, SLIP_WEIGHT));
        let not_ours = self.emotions.iter().take(NOT_OURS);
        let others = clinc.chain(&self.others).chain(not_ours).map(|other| (other, other.weight));
        let examples: Vec<_> = own.chain(slips).chain(others).collect();
        train(&examples, 0..INTENTS, Plan { so: 1.0, entries: 54_000, ..Plan::default() })
    }

    fn mood(&self, keeps: impl Fn(usize) -> bool) -> Learnt {
        let own = self.own.iter().enumerate().filter(|(at, _)| !keeps(*at)).map(|(_, own)| (own, OWN_WEIGHT));
        let emotions = self.emotions.iter().enumerate().filter(|(at, _)| !keeps(self.own.len() + at));
        let emotions = emotions.map(|(_, example)| (example, example.weight));
        // What people tell an assistant is said without annoyance: plain questions are plain.
        let plain = self.clinc.iter().map(|(.., clinc)| (clinc, PLAIN_WEIGHT));
        let slips =
            self.slips.iter().enumerate().filter(|(at, _)| !keeps(*at)).map(|(_, [slip, _])| (slip, SLIP_WEIGHT));
        let examples: Vec<_> = own.chain(emotions).chain(plain).chain(slips).collect();
        train(&examples, INTENTS..LANGUAGE, Plan { epochs: 12, entries: 65_000, ..Plan::default() })
    }

    fn languages(&self) -> Learnt {
        let own = self.own.iter().chain(&self.elsewhere).chain(self.emotions.iter().take(NOT_OURS / 2));
        let examples: Vec<_> = own.map(|example| (example, example.weight)).collect();
        train(&examples, LANGUAGE..HEADS, Plan { entries: 5_000, ..Plan::default() })
    }

    /// How far each head has to be moved so that a half is where precision and recall together are best, on texts that
    /// were not trained on: of ours for intents, of ours and of GoEmotions for moods.
    pub fn shifts(&self) -> [f32; HEADS] {
        let mut scored: Vec<Vec<(f32, bool)>> = vec![Vec::new(); HEADS];
        let mut emotions = Vec::new();
        const FOLDS: usize = 3;
        for fold in 0..FOLDS {
            let kept = |at: usize| at % FOLDS == fold;
            let intents = self.intents(|_| false, kept).model();
            for (_, own) in self.own.iter().enumerate().filter(|(at, _)| kept(*at)) {
                for (head, scored) in scored.iter_mut().enumerate().take(INTENTS) {
                    scored.extend(own.labels[head].map(|label| (says(&intents, own, head), label)));
                }
            }
            // Fewer are kept back here: with fewer to learn from, the scale of what it says would be another.
            let kept = |at: usize| at % 10 == fold;
            let mood = self.mood(kept).model();
            for (at, text) in self.own.iter().chain(&self.emotions).enumerate().filter(|(at, _)| kept(*at)) {
                for head in INTENTS..LANGUAGE {
                    let scored = match (at < self.own.len(), head) {
                        (true, _) => &mut scored[head],
                        // Who is annoyed was asked there too; the rest is for customers.
                        (false, FRUSTRATED) => &mut emotions,
                        _ => continue,
                    };
                    scored.extend(text.labels[head].map(|label| (says(&mood, text, head), label)));
                }
            }
        }
        let mut shifts = [0.0; HEADS];
        for (head, (shift, scored)) in shifts.iter_mut().zip(&mut scored).enumerate().take(LANGUAGE) {
            let (best, at) = match head {
                // Among people at large fewer are annoyed: what is best there is the more careful.
                FRUSTRATED => best_of(&mut emotions, 0.7),
                head => best_of(scored, recall(head)),
            };
            eprintln!("head {head}: F {best:.3} where it says {at:.2}");
            *shift = -at;
        }
        shifts
    }

    /// The whole model, without the texts of CLINC150 that are kept back.
    pub fn model(&self, shifts: &[f32; HEADS], mood: &Learnt, keeps_clinc: impl Fn(usize) -> bool) -> Learnt {
        let mut learnt = self.intents(keeps_clinc, |_| false).join(mood.clone(), INTENTS..HEADS);
        for (head, shift) in shifts.iter().enumerate() {
            learnt.shift(head, *shift);
        }
        learnt
    }

    /// What it learns of moods and languages.
    pub fn moods(&self) -> Learnt {
        self.mood(|_| false).join(self.languages(), LANGUAGE..HEADS)
    }
}

/// How much a misspelt copy of a text of ours counts.
const SLIP_WEIGHT: f32 = 0.3;

/// How much a text of CLINC150 counts for moods.
const PLAIN_WEIGHT: f32 = 0.25;

/// How much recall counts against precision: an automation that acts on what nobody asked for does more harm than one that
/// passes. Whoever needs a person gets one; and courtesies and moods are acted on only beside something else.
fn recall(head: usize) -> f32 {
    match NAMES.get(head).filter(|_| head < INTENTS) {
        Some(&"order-status") => 0.1,
        Some(&"talk-to-a-person") => 0.6,
        Some(&("thanks" | "greeting" | "goodbye")) => 0.5,
        Some(_) => 0.15,
        None if head == URGENT => 1.0,
        None => 0.3,
    }
}

/// How good precision and recall together can be, if recall counts so much, and where: in the middle of where it is as good
/// but for chance.
fn best_of(scored: &mut [(f32, bool)], recall: f32) -> (f32, f32) {
    const CHANCE: f32 = 0.004;
    scored.sort_by(|one, other| other.0.total_cmp(&one.0));
    let all = scored.iter().filter(|(_, label)| *label).count() as f32;
    let mut right = 0.0;
    let good: Vec<(f32, f32)> = (1..)
        .zip(scored.iter())
        .map(|(taken, (score, label))| {
            right += f32::from(u8::from(*label));
            ((1.0 + recall) * right / (taken as f32 + recall * all), *score)
        })
        .collect();
    let best = good.iter().map(|(f, _)| *f).fold(0.0, f32::max);
    let near = || good.iter().filter(|(f, _)| *f >= best - CHANCE).map(|(_, score)| *score);
    let (least, most) = (near().fold(f32::INFINITY, f32::min), near().fold(f32::NEG_INFINITY, f32::max));
    (best, (least + most) / 2.0)
}
