//! How well texts are read: `make accuracy` prints the table, `make model` trains the weights that the program carries.
//!
//! The texts of ours stand in `texts/`; open data is looked for in a folder (`--data`), and what needs it is left out with
//! a word where it is not there.

#![expect(clippy::disallowed_methods, reason = "it measures how fast texts are read")]

mod banking;
mod data;
mod judge;
mod learn;
mod spelling;
mod train;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use attune::reading::model::Model;

use judge::Figure;
use train::Corpus;

/// The weights, as the program carries them.
const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../host/src/reading/model.bin");

/// The words that people write, the same.
const SPELLING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../host/src/reading/spelling.txt");

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (mut trains, mut spells, mut shows) = (false, false, false);
    let mut folder = PathBuf::from("../shared/data");
    while let Some(argument) = arguments.next() {
        match (argument.as_str(), arguments.next()) {
            ("train", None) => trains = true,
            ("spelling", None) => spells = true,
            ("--show", None) => shows = true,
            ("--data", Some(path)) => folder = path.into(),
            (argument, _) => {
                eprintln!(
                    "error: {argument}: give nothing, `spelling` or `train`, after `--data FOLDER` if the open data is elsewhere"
                );
                return ExitCode::from(2);
            }
        }
    }
    if spells {
        return match Corpus::texts(&folder) {
            Some(texts) => write(SPELLING, spelling::file(&texts).as_bytes()),
            None => ExitCode::FAILURE,
        };
    }
    let corpus = Corpus::read(&folder);
    if corpus.is_none() {
        println!("{}: no open data there; the figures that need it are left out", folder.display());
    }
    match (trains, corpus) {
        (true, Some(corpus)) => {
            let (mood, shifts) = (corpus.moods(), corpus.shifts());
            write(MODEL, &corpus.model(&shifts, &mood, |_| false).model().bytes())
        }
        (true, None) => ExitCode::FAILURE,
        (false, corpus) => table(corpus.as_ref(), &folder, shows),
    }
}

fn write(path: &str, bytes: &[u8]) -> ExitCode {
    match std::fs::write(path, bytes) {
        Ok(()) => {
            println!("{} bytes", bytes.len());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {path}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn table(corpus: Option<&Corpus>, folder: &Path, shows: bool) -> ExitCode {
    let carried = &*attune::reading::model::CARRIED;
    let mut figures: Vec<Figure> = Vec::new();
    judge::vader(&mut figures);
    if let Some(corpus) = corpus {
        judge::emotions(carried, folder, &mut figures);
        const FOLDS: usize = 5;
        let (mood, shifts) = (corpus.moods(), corpus.shifts());
        let fold = |fold| corpus.model(&shifts, &mood, |at| at % FOLDS == fold).model();
        let models: Vec<Model> = (0..FOLDS).map(fold).collect();
        judge::clinc(corpus, &models, &mut figures, shows);
    }
    for (what, value, size) in banking::run(&folder.join("banking77/train.csv")).unwrap_or_default() {
        let bar = match what.as_str() {
            "Banking77, mean of 10 seeds, right answer first" => Some((true, 0.60)),
            "Banking77, mean of 10 seeds, among three" => Some((true, 0.80)),
            _ => None,
        };
        figures.push(Figure { what, value, size, bar });
    }
    judge::persons(carried, &mut figures, shows);
    judge::held_out(carried, &mut figures, shows);
    judge::speed(carried, &mut figures);
    let mut missed = 0;
    println!("{:<88} {:>10} {:>7}  bar", "figure", "value", "of");
    for figure in &figures {
        let (bar, holds) = match figure.bar {
            Some((true, least)) => (format!(">= {least}"), figure.value >= least),
            Some((false, most)) => (format!("<= {most}"), figure.value <= most),
            None => (String::new(), true),
        };
        missed += usize::from(!holds);
        let mark = if holds { "" } else { "  MISSED" };
        println!("{:<88} {:>10.4} {:>7}  {bar}{mark}", figure.what, figure.value, figure.size);
    }
    println!("{missed} bars missed");
    ExitCode::SUCCESS
}
