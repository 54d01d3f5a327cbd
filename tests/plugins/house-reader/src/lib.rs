//! A reader that knows the jargon of a bakery, and leaves every other text to Attune's own reading.
//!
//! A few phrases make it misbehave, so that scenarios can try what the host makes of it: `break off`, `go round for ever`,
//! `take all memory`, `too loud` (numbers out of range) and `no number`.

mod bindings;

use attune_guest::text;
use bindings::attune::host::log;
use bindings::attune::types::types::{Evidence, Intent, Reading};
use bindings::exports::attune::reader::reading::{Guest, Understood};

struct Reader;

/// A phrase of the house.
struct Phrase {
    words: &'static str,
    polarity: f32,
    frustration: f32,
    /// An intent that Attune knows, or one of the house's own.
    intent: &'static str,
    language: &'static str,
}

const JARGON: [Phrase; 3] = [
    // A loaf as hard as one.
    Phrase { words: "a brick", polarity: -0.8, frustration: 0.9, intent: "complaint", language: "en" },
    // Where is the bread that I ordered?
    Phrase { words: "loaf watch", polarity: 0.0, frustration: 0.0, intent: "order-status", language: "en" },
    Phrase { words: "crumb club", polarity: 0.4, frustration: 0.0, intent: "join-the-club", language: "en" },
];

impl Guest for Reader {
    fn read(text: String, brand: Vec<String>) -> Option<Understood> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let mut folded = text::fold(&text);
        for name in &brand {
            folded = folded.replace(&text::fold(name), " ");
        }
        if let Some(answer) = misbehave(&folded) {
            return Some(answer);
        }
        let phrase = JARGON.iter().find(|phrase| text::says(&folded, phrase.words))?;
        log::write(log::Level::Info, &format!("jargon: {}", phrase.words));
        Some(answer(phrase))
    }
}

fn answer(phrase: &Phrase) -> Understood {
    let because = |weight| vec![Evidence { term: phrase.words.to_owned(), weight }];
    Understood {
        mood: Reading {
            polarity: phrase.polarity,
            frustration: phrase.frustration,
            urgency: 0.0,
            confidence: 0.9,
            because: because(phrase.polarity),
            extra: Vec::new(),
        },
        language: Some(phrase.language.to_owned()),
        intents: vec![Intent { name: phrase.intent.to_owned(), confidence: 0.9, because: because(0.9) }],
    }
}

fn misbehave(folded: &str) -> Option<Understood> {
    const LOUD: Phrase =
        Phrase { words: "too loud", polarity: -40.0, frustration: 12.0, intent: "Out Of Range!", language: "Klingon" };
    if text::says(folded, "break off") {
        panic!("the oven is cold");
    }
    if text::says(folded, "go round for ever") {
        loop {
            std::hint::black_box(());
        }
    }
    if text::says(folded, "take all memory") {
        std::hint::black_box(vec![1_u8; 1 << 30]);
    }
    if text::says(folded, "no number") {
        return Some(answer(&Phrase { polarity: f32::NAN, ..LOUD }));
    }
    text::says(folded, "too loud").then(|| answer(&LOUD))
}
