//! The texts that the reading is trained on and judged by: ours, in `texts/`, and open data where it is at hand.

use std::path::Path;

use attune::reading::intent::NAMES;
use attune::reading::language::LANGUAGES;
use attune::reading::model::{FRUSTRATED, HAPPY, HEADS, INTENTS, LANGUAGE, UNHAPPY, URGENT};

use crate::learn::Example;

/// What is known of each head.
pub type Labels = [Option<bool>; HEADS];

/// A text of ours.
#[derive(Clone)]
pub struct Own {
    /// What it asks for, first the most wanted.
    pub intents: Vec<String>,
    /// 0 none, 1 let down but calm, 2 annoyed, 3 furious.
    pub frustration: u8,
    /// -1, 0 or 1.
    pub polarity: i8,
    pub urgent: bool,
    pub text: String,
    /// BCP 47.
    pub language: String,
}

/// Says which language a text is in, if it is one of those that are told apart.
fn say_language(labels: &mut Labels, language: &str) {
    for (at, known) in LANGUAGES.iter().enumerate() {
        labels[LANGUAGE + at] = Some(*known == language);
    }
}

/// Texts in languages that are not known: language and text.
pub fn elsewhere() -> impl Iterator<Item = Example> {
    let example = |line: String| {
        let (language, text) = line.split_once('\t')?;
        let mut labels: Labels = [None; HEADS];
        say_language(&mut labels, language);
        Some(Example { text: text.to_owned(), labels, weight: 1.0 })
    };
    lines("elsewhere.tsv").filter_map(example)
}

impl Own {
    pub fn of(language: &str, columns: &[&str]) -> Own {
        let [intents, frustration, polarity, urgent, text] = columns else { panic!("not five columns: {columns:?}") };
        Own {
            intents: intents.split(',').map(str::to_owned).collect(),
            frustration: frustration.parse().expect("frustration is 0 to 3"),
            polarity: polarity.parse().expect("polarity is -1 to 1"),
            urgent: *urgent == "1",
            text: text.replace("\\n", "\n"),
            language: language.to_owned(),
        }
    }

    pub fn example(&self) -> Example {
        let mut labels: Labels = [Some(false); HEADS];
        say_language(&mut labels, &self.language);
        for name in &self.intents {
            if let Some(head) = head(name) {
                labels[head] = Some(true);
            }
        }
        labels[FRUSTRATED] = match self.frustration {
            0 => Some(false),
            1 => None,
            _ => Some(true),
        };
        labels[UNHAPPY] = Some(self.polarity < 0);
        labels[HAPPY] = Some(self.polarity > 0);
        labels[URGENT] = Some(self.urgent);
        Example { text: self.text.clone(), labels, weight: 1.0 }
    }
}

/// The text as somebody might type it who spells badly: of the longer words every second has a letter left out, doubled,
/// changed for another vowel or swapped with the next. The same text always gives the same.
pub fn misspelt(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for (place, word) in text.split(' ').enumerate() {
        if place > 0 {
            out.push(' ');
        }
        let mut letters: Vec<char> = word.chars().collect();
        let sum = letters.iter().fold(place as u32 * 7, |sum, c| sum.wrapping_mul(31).wrapping_add(*c as u32)) >> 3;
        if letters.len() > 3 && sum % 2 == 0 && letters.iter().all(|c| c.is_alphabetic()) {
            let at = 1 + (sum / 2) as usize % (letters.len() - 2);
            match sum / 64 % 4 {
                0 => drop(letters.remove(at)),
                1 => letters.insert(at, letters[at]),
                2 => letters.swap(at, at + 1),
                _ if "aeiou".contains(letters[at]) => letters[at] = ['e', 'a', 'o', 'i', 'u'][(sum / 256 % 5) as usize],
                _ => letters.swap(at - 1, at),
            }
        }
        out.extend(letters);
    }
    out
}

/// The text as somebody might type it who spells as they hear, all in small letters and without apostrophes. The same text
/// always gives the same.
pub fn as_heard(text: &str) -> String {
    const HEARD: [(&str, &str); 24] = [
        ("where", "were"),
        ("their", "there"),
        ("tion", "shun"),
        ("ould", "ud"),
        ("ough", "uf"),
        ("ight", "ite"),
        ("ph", "f"),
        ("wh", "w"),
        ("kn", "n"),
        ("ck", "k"),
        ("ie", "ei"),
        ("ea", "ee"),
        ("ou", "ow"),
        ("ll", "l"),
        ("ss", "s"),
        ("tt", "t"),
        ("mm", "m"),
        ("pp", "p"),
        ("nn", "n"),
        ("rr", "r"),
        ("qu", "kw"),
        ("ance", "ence"),
        ("er", "ar"),
        ("c", "k"),
    ];
    let heard = |word: &str| {
        let mut word = word.to_lowercase().replace(['\'', '\u{2019}'], "");
        let sum = word.bytes().fold(5_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))) >> 4;
        if word.len() > 3 && sum % 3 > 0 {
            let from = sum as usize % HEARD.len();
            let turned = HEARD.iter().cycle().skip(from).take(HEARD.len());
            if let Some((plain, heard)) =
                turned.clone().find(|(plain, _)| word.get(1..).is_some_and(|end| end.contains(plain)))
            {
                let (first, rest) = word.split_at(1);
                word = format!("{first}{}", rest.replacen(plain, heard, 1));
            }
        }
        word
    };
    text.split(' ')
        .map(|word| if word.is_ascii() { heard(word) } else { word.to_owned() })
        .collect::<Vec<_>>()
        .join(" ")
}

/// The head of an intent; none for `none`.
pub fn head(name: &str) -> Option<usize> {
    NAMES.iter().position(|known| *known == name).filter(|at| *at < INTENTS)
}

/// Our texts of one file, beside this one.
pub fn own(file: &str) -> Vec<Own> {
    let language = file.get(..2).unwrap_or_default();
    lines(file).map(|line| Own::of(language, &line.split('\t').collect::<Vec<_>>())).collect()
}

/// The lines of one of our files.
pub fn lines(file: &str) -> impl Iterator<Item = String> {
    let folder = if file == "fairness.tsv" { "../host/src/reading" } else { "accuracy/texts" };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// The files of ours that the model is trained on.
pub const TRAINED_ON: [&str; 12] = [
    "en-orders.tsv",
    "en-appointments.tsv",
    "en-more.tsv",
    "de-more.tsv",
    "fr-more.tsv",
    "es-more.tsv",
    "en-person.tsv",
    "en-intents.tsv",
    "en-mood.tsv",
    "de.tsv",
    "fr.tsv",
    "es.tsv",
];

/// CLINC150 (Larson and others 2019; CC BY 3.0): text and intent of a part, such as `train` or `oos_val`.
pub fn clinc(data: &Path, parts: &[&str]) -> Option<Vec<(String, String)>> {
    let file = std::fs::read(data.join("clinc150/train.json")).ok()?;
    let all: serde_json::Value = serde_json::from_slice(&file).ok()?;
    let mut out = Vec::new();
    for part in parts {
        for pair in all.get(part).and_then(|rows| rows.as_array())? {
            let at = |index: usize| pair.get(index).and_then(|text| text.as_str()).map(str::to_owned);
            out.push((at(0)?, at(1)?));
        }
    }
    Some(out)
}

/// What a label of CLINC150 is among ours.
pub fn of_clinc(text: &str, intent: &str) -> Example {
    let mut labels: Labels = [Some(false); HEADS];
    say_language(&mut labels, "en");
    let (is, unknown): (&[&str], &[&str]) = match intent {
        "order_status" => (&["order-status"], &["complaint"]),
        "are_you_a_bot" => (&["are-you-a-bot"], &[]),
        "greeting" => (&["greeting"], &[]),
        "goodbye" => (&["goodbye"], &["thanks"]),
        "thank_you" => (&["thanks"], &["goodbye"]),
        "restaurant_reservation" | "schedule_maintenance" => (&["book-appointment"], &[]),
        "cancel_reservation" => (&["cancel-appointment"], &[]),
        "schedule_meeting" => (&[], &["book-appointment"]),
        "confirm_reservation" => (&[], &["confirm-appointment", "book-appointment"]),
        "accept_reservations" | "how_busy" => (&[], &["book-appointment", "opening-hours"]),
        "cancel" => (&[], &["cancel-appointment", "change-or-cancel-order", "opt-out"]),
        "damaged_card" | "card_declined" | "report_fraud" | "account_blocked" => (&[], &["complaint"]),
        "lost_luggage" | "report_lost_card" => (&[], &["complaint", "order-status"]),
        "who_made_you" | "what_is_your_name" | "are_you_human" => (&[], &["are-you-a-bot"]),
        "calendar" | "meeting_schedule" => (&[], &["confirm-appointment"]),
        "replacement_card_duration" | "order" | "order_checks" => (&[], &[]),
        "repeat" | "yes" | "no" | "maybe" => (&[], &["confirm-appointment"]),
        _ => (&[], &[]),
    };
    set(&mut labels, is, unknown);
    labels[HAPPY] = None;
    labels[URGENT] = None;
    if matches!(intent, "oos" | "damaged_card" | "report_fraud" | "lost_luggage") {
        labels[UNHAPPY] = None;
    }
    Example { text: text.to_owned(), labels, weight: 1.0 }
}

fn set(labels: &mut Labels, is: &[&str], unknown: &[&str]) {
    for name in is {
        labels[head(name).expect("is an intent")] = Some(true);
    }
    for name in unknown {
        labels[head(name).expect("is an intent")] = None;
    }
}

/// GoEmotions (Demszky and others 2020; CC BY 4.0): text and emotions, by name.
pub fn goemotions(data: &Path, file: &str) -> Option<Vec<(String, Vec<String>)>> {
    let names = std::fs::read_to_string(data.join("goemotions/labels.txt")).ok()?;
    let names: Vec<&str> = names.lines().collect();
    let text = std::fs::read_to_string(data.join("goemotions").join(file)).ok()?;
    let row = |line: &str| {
        let mut columns = line.split('\t');
        let (text, ids) = (columns.next()?, columns.next()?);
        let emotion = |id: &str| Some((*names.get(id.parse::<usize>().ok()?)?).to_owned());
        Some((text.to_owned(), ids.split(',').filter_map(emotion).collect()))
    };
    Some(text.lines().filter_map(row).collect())
}

const BAD: [&str; 11] = [
    "anger",
    "annoyance",
    "disappointment",
    "disapproval",
    "disgust",
    "embarrassment",
    "fear",
    "grief",
    "nervousness",
    "remorse",
    "sadness",
];
const GOOD: [&str; 12] = [
    "admiration",
    "amusement",
    "approval",
    "caring",
    "desire",
    "excitement",
    "gratitude",
    "joy",
    "love",
    "optimism",
    "pride",
    "relief",
];

/// Whether somebody is angry or annoyed, by the emotions that raters saw.
pub fn is_angry(emotions: &[String]) -> bool {
    emotions.iter().any(|emotion| matches!(emotion.as_str(), "anger" | "annoyance"))
}

pub fn of_goemotions(text: &str, emotions: &[String]) -> Example {
    let mut labels: Labels = [Some(false); HEADS];
    say_language(&mut labels, "en");
    set(&mut labels, &[], &["complaint", "thanks", "greeting", "goodbye", "opt-out", "are-you-a-bot"]);
    labels[FRUSTRATED] = Some(is_angry(emotions));
    let any = |of: &[&str]| emotions.iter().any(|emotion| of.contains(&emotion.as_str()));
    labels[UNHAPPY] = Some(any(&BAD));
    labels[HAPPY] = Some(any(&GOOD));
    labels[URGENT] = None;
    Example { text: text.to_owned(), labels, weight: 1.0 }
}

/// A CSV file's first two columns, without its header.
pub fn csv(path: &Path) -> Option<Vec<(String, String)>> {
    let mut out = Vec::new();
    let text = std::fs::read_to_string(path).ok()?;
    for record in Records(&text).skip(1) {
        if let [text, label, ..] = record.as_slice() {
            out.push((text.clone(), label.clone()));
        }
    }
    Some(out)
}

/// Records of a CSV file (RFC 4180).
struct Records<'a>(&'a str);

impl Iterator for Records<'_> {
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Vec<String>> {
        if self.0.is_empty() {
            return None;
        }
        let (mut record, mut field, mut quoted) = (Vec::new(), String::new(), false);
        let mut letters = self.0.char_indices().peekable();
        let mut end = self.0.len();
        while let Some((at, c)) = letters.next() {
            match c {
                '"' if quoted && letters.peek().is_some_and(|(_, next)| *next == '"') => {
                    letters.next();
                    field.push('"');
                }
                '"' => quoted = !quoted,
                ',' if !quoted => record.push(std::mem::take(&mut field)),
                '\n' if !quoted => {
                    end = at + 1;
                    break;
                }
                '\r' if !quoted => {}
                c => field.push(c),
            }
        }
        self.0 = self.0.get(end..).unwrap_or_default();
        record.push(field);
        Some(record)
    }
}

/// Banking77 (Casanueva and others 2020; CC BY 4.0): what customers of a bank ask, mostly nothing of ours.
pub fn of_banking(text: &str, category: &str) -> Example {
    let mut labels: Labels = [Some(false); HEADS];
    say_language(&mut labels, "en");
    set(&mut labels, &[], &["complaint", "talk-to-a-person", "price", "thanks", "greeting"]);
    match category {
        "request_refund" | "Refund_not_showing_up" | "refund_not_showing_up" => {
            set(&mut labels, &["return-or-refund"], &[])
        }
        "reverted_card_payment?" | "cash_withdrawal_not_recognised" => set(&mut labels, &[], &["return-or-refund"]),
        "card_arrival" | "card_delivery_estimate" | "lost_or_stolen_card" => set(&mut labels, &[], &["order-status"]),
        "order_physical_card" | "get_physical_card" => {
            set(&mut labels, &[], &["order-status", "change-or-cancel-order"])
        }
        "cancel_transfer" => set(&mut labels, &[], &["change-or-cancel-order", "return-or-refund"]),
        _ => {}
    }
    [FRUSTRATED, UNHAPPY, HAPPY, URGENT].into_iter().for_each(|head| labels[head] = None);
    Example { text: text.to_owned(), labels, weight: 1.0 }
}

/// Bitext's customer support set (CDLA-Sharing-1.0): made from templates, so it counts little.
pub fn of_bitext(text: &str, intent: &str) -> Example {
    let mut labels: Labels = [Some(false); HEADS];
    say_language(&mut labels, "en");
    set(&mut labels, &[], &["complaint", "thanks", "greeting"]);
    let (is, unknown): (&[&str], &[&str]) = match intent {
        "track_order" => (&["order-status"], &[]),
        "delivery_period" => (&[], &["order-status"]),
        "delivery_options" | "place_order" => (&[], &["order-status"]),
        "cancel_order" | "change_order" => (&["change-or-cancel-order"], &[]),
        "change_shipping_address" | "set_up_shipping_address" => (&[], &["change-or-cancel-order"]),
        "check_cancellation_fee" => (&[], &["change-or-cancel-order", "price"]),
        "get_refund" | "track_refund" | "check_refund_policy" => (&["return-or-refund"], &["order-status"]),
        "complaint" => (&["complaint"], &[]),
        "contact_human_agent" => (&["talk-to-a-person"], &[]),
        "contact_customer_service" => (&[], &["talk-to-a-person", "opening-hours"]),
        "newsletter_subscription" => (&[], &["opt-out"]),
        _ => (&[], &[]),
    };
    set(&mut labels, is, unknown);
    [FRUSTRATED, UNHAPPY, HAPPY, URGENT].into_iter().for_each(|head| labels[head] = None);
    Example { text: text.to_owned(), labels, weight: 0.3 }
}
