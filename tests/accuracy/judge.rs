//! The figures: each with the size of its set, each the way somebody outside would take it, by the whole reading.

use std::path::Path;
use std::time::Instant;

use attune::reading::intent::LEAST;
use attune::reading::model::Model;
use attune::reading::{Brand, Read, read_by, sentiment};

use crate::data::{self, Own};
use crate::train::Corpus;

/// A line of the table.
pub struct Figure {
    pub what: String,
    pub value: f64,
    /// How many texts it rests on.
    pub size: usize,
    /// The least or most that it should be, and which.
    pub bar: Option<(bool, f64)>,
}

/// Right and wrong, told apart.
#[derive(Default, Clone, Copy)]
pub struct Tally {
    right: f64,
    taken: f64,
    all: f64,
}

impl Tally {
    pub fn add(&mut self, said: bool, is: bool) {
        self.right += f64::from(u8::from(said && is));
        self.taken += f64::from(u8::from(said));
        self.all += f64::from(u8::from(is));
    }

    pub fn precision(&self) -> f64 {
        self.right / self.taken.max(1.0)
    }

    pub fn recall(&self) -> f64 {
        self.right / self.all.max(1.0)
    }

    pub fn f1(&self) -> f64 {
        2.0 * self.right / (self.taken + self.all).max(1.0)
    }

    fn lines(&self, what: &str, precision: Option<f64>, recall: Option<f64>, out: &mut Vec<Figure>) {
        for (name, value, size, bar) in
            [("precision", self.precision(), self.taken, precision), ("recall", self.recall(), self.all, recall)]
        {
            let (low, high) = wilson(value, size);
            let what = format!("{what}: {name} ({low:.3} to {high:.3})");
            out.push(Figure { what, value, size: size as usize, bar: bar.map(|bar| (true, bar)) });
        }
    }
}

/// The 95 % interval of a share (Wilson 1927).
fn wilson(share: f64, of: f64) -> (f64, f64) {
    let (z, of) = (1.96_f64, of.max(1.0));
    let middle = (share + z * z / (2.0 * of)) / (1.0 + z * z / of);
    let half = z / (1.0 + z * z / of) * (share * (1.0 - share) / of + z * z / (4.0 * of * of)).sqrt();
    (middle - half, middle + half)
}

fn read(model: &Model, text: &str) -> Read {
    read_by(model, text, &Brand::default())
}

fn wants(read: &Read, intent: &str) -> bool {
    read.confidence_in(intent) >= LEAST
}

/// What VADER says of our texts, against what its Python package said of them (vaderSentiment 3.3.2).
pub fn vader(out: &mut Vec<Figure>) {
    let (mut same, mut all) = (0, 0);
    for line in data::lines("vader.tsv") {
        let Some((expected, text)) = line.split_once('\t') else { continue };
        all += 1;
        same += usize::from(format!("{:.4}", sentiment::vader(text)) == expected);
    }
    let what = "VADER, the same to four places as in Python".to_owned();
    out.push(Figure { what, value: same as f64 / f64::from(all.max(1)), size: all as usize, bar: Some((true, 1.0)) });
}

/// GoEmotions' development set, which is never trained on: who is angry or annoyed.
pub fn emotions(model: &Model, folder: &Path, out: &mut Vec<Figure>) -> Option<()> {
    let rows = data::goemotions(folder, "dev.tsv")?;
    let mut tally = Tally::default();
    for (text, emotions) in &rows {
        tally.add(read(model, text).mood.frustration >= 0.5, data::is_angry(emotions));
    }
    let what = format!("GoEmotions dev, angry or annoyed: F1 ({:.2}, {:.2})", tally.precision(), tally.recall());
    out.push(Figure { what, value: tally.f1(), size: rows.len(), bar: Some((true, 0.52)) });
    Some(())
}

/// CLINC150, five-fold over its train and validation parts: each text is read by weights that never saw it.
pub fn clinc(corpus: &Corpus, models: &[Model], out: &mut Vec<Figure>, shows: bool) {
    let (mut orders, mut bots) = (Tally::default(), Tally::default());
    let (mut outside, mut taken, mut persons) = (0, 0, 0);
    for (at, (text, intent, _)) in corpus.clinc.iter().enumerate() {
        let Some(model) = models.get(at % models.len()) else { continue };
        let read = read(model, text);
        let said = wants(&read, "order-status");
        orders.add(said, intent == "order_status");
        if shows && said != (intent == "order_status") {
            eprintln!("order-status? {said}: {text} ({intent})");
        }
        bots.add(wants(&read, "are-you-a-bot"), intent == "are_you_a_bot");
        persons += usize::from(intent == "are_you_a_bot" && wants(&read, "talk-to-a-person"));
        if intent == "oos" {
            outside += 1;
            let ours = read.intents.iter().any(|intent| intent.name != "none" && intent.confidence >= LEAST);
            taken += usize::from(ours);
            if shows && ours {
                eprintln!(
                    "out of scope: {text} {:?}",
                    read.intents.first().map(|intent| (&intent.name, intent.confidence))
                );
            }
        }
    }
    orders.lines("CLINC150 five-fold, order-status", Some(0.95), Some(0.90), out);
    let share = taken as f64 / f64::from(outside.max(1));
    let what = "CLINC150 five-fold, out of scope taken for ours".to_owned();
    out.push(Figure { what, value: share, size: outside as usize, bar: Some((false, 0.02)) });
    let what = "CLINC150 five-fold, are-you-a-bot taken for talk-to-a-person".to_owned();
    out.push(Figure {
        what,
        value: persons as f64 / bots.all.max(1.0),
        size: bots.all as usize,
        bar: Some((false, 0.02)),
    });
    bots.lines("CLINC150 five-fold, are-you-a-bot", None, None, out);
}

/// 200 wordings that ask for a person, and 200 that nearly do, by somebody who saw no other set.
pub fn persons(model: &Model, out: &mut Vec<Figure>, shows: bool) {
    let mut tally = Tally::default();
    for line in data::lines("person.tsv") {
        let Some((label, text)) = line.split_once('\t') else { continue };
        let said = wants(&read(model, text), "talk-to-a-person");
        tally.add(said, label == "yes");
        if shows && said != (label == "yes") {
            eprintln!("person? {said}: {text}");
        }
    }
    tally.lines("asking for a person", Some(0.95), Some(0.90), out);
}

/// Texts of ours that are never trained on: all intents together, and the moods.
pub fn held_out(model: &Model, out: &mut Vec<Figure>, shows: bool) {
    let rows: Vec<Own> = data::lines("fairness.tsv")
        .map(|line| Own::of(line.get(..2).unwrap_or_default(), &line.split('\t').skip(2).collect::<Vec<_>>()))
        .collect();
    let (mut intents, mut frustrated, mut polarity) = (Tally::default(), Tally::default(), 0);
    let mut each: std::collections::BTreeMap<&str, Tally> = Default::default();
    let (mut none, mut none_taken, mut languages) = (0, 0, 0);
    for own in &rows {
        let read = read(model, &own.text);
        for name in attune::reading::intent::NAMES.iter().filter(|name| **name != "none") {
            let is = own.intents.iter().any(|known| known == name);
            intents.add(wants(&read, name), is);
            each.entry(name).or_default().add(wants(&read, name), is);
            if shows && wants(&read, name) != is {
                eprintln!("{name}? {}: {}", !is, own.text.replace('\n', " / "));
            }
        }
        if own.intents == ["none"] {
            none += 1;
            none_taken += usize::from(!wants(&read, "none"));
        }
        if own.frustration != 1 {
            frustrated.add(read.mood.frustration >= 0.5, own.frustration > 1);
        }
        languages += usize::from(read.mood.language.as_deref() == Some(&own.language));
        let found = if read.mood.polarity.abs() <= 0.05 { 0 } else { read.mood.polarity.signum() as i8 };
        polarity += usize::from(found == own.polarity);
    }
    intents.lines("held-out texts, all intents", None, None, out);
    for (name, tally) in each {
        let what = format!("held-out texts, {name}: F1 ({:.2}, {:.2})", tally.precision(), tally.recall());
        out.push(Figure { what, value: tally.f1(), size: tally.all as usize, bar: None });
    }
    let what = "held-out texts, nothing of ours taken for ours".to_owned();
    out.push(Figure { what, value: none_taken as f64 / f64::from(none.max(1)), size: none as usize, bar: None });
    frustrated.lines("held-out texts, frustrated", None, None, out);
    let what = "held-out texts, language told".to_owned();
    out.push(Figure { what, value: languages as f64 / rows.len() as f64, size: rows.len(), bar: None });
    let what = "held-out texts, polarity right of three".to_owned();
    out.push(Figure { what, value: polarity as f64 / rows.len() as f64, size: rows.len(), bar: None });
}

/// Short texts a second on one core, mood and intents together.
pub fn speed(model: &Model, out: &mut Vec<Figure>) {
    let texts: Vec<String> =
        data::own("en-intents.tsv").into_iter().map(|own| own.text).filter(|t| t.len() < 80).collect();
    let mut best = f64::MAX;
    for _ in 0..5 {
        let started = Instant::now();
        for text in &texts {
            std::hint::black_box(read(model, text));
        }
        best = best.min(started.elapsed().as_secs_f64());
    }
    let what = "short texts a second, mood and intents".to_owned();
    out.push(Figure { what, value: texts.len() as f64 / best, size: texts.len(), bar: Some((true, 50_000.0)) });
    let started = Instant::now();
    std::hint::black_box(read(model, &"not good ".repeat(1 << 20 >> 3)));
    let what = "seconds for 1 MB of \"not good \"".to_owned();
    out.push(Figure { what, value: started.elapsed().as_secs_f64(), size: 1, bar: Some((false, 1.0)) });
}
