//! Which language a text is written in.
//!
//! The model's weights and lists of the most common words decide between English, German, French and Spanish; what they
//! leave open is put to `whatlang`, and believed only when it is sure.
//!
//! Never guesses: none is a good answer for a text such as "ok".

use std::sync::LazyLock;

use super::Text;
use super::model::{LANGUAGE, LANGUAGE_SIGNS, Model, Weighed, odds};
use super::words::{ByHash, phrase};

/// The fewest letters from which a language is told.
const LETTERS: u32 = 3;
/// The fewest letters for which `whatlang` is asked about Latin script: below, its trigrams are guesses.
const LETTERS_FOR_TRIGRAMS: u32 = 24;
/// How sure the weights must be, 0 to 1.
const KNOWN: f32 = 0.7;
/// How sure `whatlang` must be, 0 to 1.
const SURE: f64 = 0.6;
/// How many words are looked at; more change nothing.
const WORDS: usize = 48;

/// The languages whose words are known here.
pub const LANGUAGES: [&str; 4] = ["en", "de", "fr", "es"];

/// Words that settle it alone (3), that tell much (2) and that several languages share (1).
const LISTS: [[(u8, &str); 3]; 4] = [
    [
        (
            3,
            "the where what when please thanks hello you your youre im ive dont doesnt didnt cant wheres whats hasnt \
            isnt havent wont would could should arrived delivered shipped appointment order parcel package cancel \
            refund waiting tomorrow today yesterday why how are",
        ),
        (
            2,
            "my is it has have been and of to for with this that there they was were not still i can do does did any \
            yes hi hey",
        ),
        (1, "in at on a me be by am an no we he she or from"),
    ],
    [
        (
            3,
            "ich nicht bitte danke wann mein meine meinen meinem ist und das der wie bestellung paket termin lieferung \
            habe haben kann konnen mochte wurde fur seit noch immer warum guten hallo gruss sie euch ihr ihre kein \
            keine schon stornieren absagen verschieben rechnung heute morgen geoffnet frechheit sind wird auch oder \
            sehr vielen",
        ),
        (
            2,
            "wo bleibt ein eine einen dem den des mit auf zu zum zur von ja nein bin hat mir mich dir wir was war es \
            gibt",
        ),
        (1, "die in an im am um so da er"),
    ],
    [
        (
            3,
            "je bonjour merci bonsoir votre vos mon mes ma est commande colis livraison vous nous pas ou_est quand \
            pourquoi comment rendez rdv une des les dans avec depuis toujours jai cest quel quelle suis avez pouvez \
            voudrais veux annuler rembourser remboursement aujourdhui demain svp plait parler recu merci etes",
        ),
        (2, "le du et pour sur au aux ce cette il elle ne oui non mais sont ou quest bien tres"),
        (1, "la un que qui en de tu te se me on a"),
    ],
    [
        (
            3,
            "donde esta pedido hola gracias cuando por_favor mi mis el los las una usted ustedes como porque por para \
            con paquete envio cita quiero quisiera puedo puede necesito cancelar cambiar hoy manana buenos buenas dias \
            tardes llegado llega ha he todavia aun muy estoy hace desde hablar cuanto cuesta y",
        ),
        (2, "del lo al es son sin pero mas si no_es nada este que_es tengo tiene hay su sus le"),
        (1, "la un que en de no se me te a o ya"),
    ],
];

static WEIGHTS: LazyLock<ByHash<[u8; 4]>> = LazyLock::new(|| {
    let mut map = ByHash::<[u8; 4]>::default();
    for (index, lists) in LISTS.iter().enumerate() {
        for (weight, list) in lists {
            for word in list.split_whitespace().filter(|word| !word.contains('_')) {
                if let Some(own) = map.entry(phrase(word).0).or_default().get_mut(index) {
                    *own = *weight;
                }
            }
        }
    }
    map
});

/// The language of a text as a BCP 47 primary tag (`de`), or none if it cannot be told: fewer than three letters, or
/// words that could be any language's.
pub(super) fn tell(text: &Text<'_>, whole: &Weighed, model: &Model) -> Option<&'static str> {
    let letters: u32 = text.tokens.iter().map(|token| token.letters).sum();
    if letters < LETTERS {
        return None;
    }
    let signs = signs(text);
    let said = LANGUAGES.iter().enumerate().map(|(at, language)| {
        let head = LANGUAGE + at;
        (odds(whole.sum(head) + model.base(head, &signs)), at, *language)
    });
    let (confidence, at, language) = said.max_by(|one, other| one.0.total_cmp(&other.0))?;
    // One word is a word of a language only where it is known to be: "START" and "ok" are everybody's.
    let is_word = || signs.get(at).is_some_and(|share| *share >= 1.0);
    let is_known = if text.tokens.len() == 1 { is_word() } else { confidence >= KNOWN };
    if is_known { Some(language) } else { by_trigrams(&text.own) }
}

/// How many of a text's words stand in the lists of each language, 0 to 1, rarer ones more.
pub fn signs(text: &Text<'_>) -> [f32; LANGUAGE_SIGNS] {
    let mut scores = [0.0; LANGUAGE_SIGNS];
    let words = text.tokens.iter().take(WORDS);
    for weights in words.filter_map(|token| WEIGHTS.get(&token.hash)) {
        for (score, weight) in scores.iter_mut().zip(weights) {
            *score += f32::from(*weight);
        }
    }
    let all = 3.0 * text.tokens.len().clamp(1, WORDS) as f32;
    scores.map(|score| score / all)
}

fn by_trigrams(text: &str) -> Option<&'static str> {
    let mut letters = 0;
    let mut latin = 0;
    // Enough for trigrams, and a bound for what an e-mail costs.
    let mut end = 0;
    for (at, c) in text.char_indices().take(600) {
        end = at + c.len_utf8();
        if c.is_alphabetic() {
            letters += 1;
            latin += u32::from(c < '\u{250}');
        }
    }
    let is_latin = latin * 2 > letters;
    if letters < if is_latin { LETTERS_FOR_TRIGRAMS } else { LETTERS } {
        return None;
    }
    let found = whatlang::detect(text.get(..end)?)?;
    // Script alone settles Greek or Thai (1.0); among Latin and Cyrillic languages the trigrams have to agree.
    let found = (found.confidence() >= SURE).then(|| tag(found.lang())).flatten();
    // The weights know these four better.
    found.filter(|found| !LANGUAGES.contains(found))
}

/// ISO 639-1 where there is one, as BCP 47 asks for the shortest code.
fn tag(lang: whatlang::Lang) -> Option<&'static str> {
    use whatlang::Lang::*;
    Some(match lang {
        Eng => "en",
        Deu => "de",
        Fra => "fr",
        Spa => "es",
        Ita => "it",
        Por => "pt",
        Nld => "nl",
        Pol => "pl",
        Ces => "cs",
        Slk => "sk",
        Slv => "sl",
        Hrv => "hr",
        Srp => "sr",
        Swe => "sv",
        Dan => "da",
        Nob => "nb",
        Fin => "fi",
        Est => "et",
        Lav => "lv",
        Lit => "lt",
        Hun => "hu",
        Ron => "ro",
        Bul => "bg",
        Mkd => "mk",
        Rus => "ru",
        Ukr => "uk",
        Bel => "be",
        Tur => "tr",
        Aze => "az",
        Ell => "el",
        Ara => "ar",
        Heb => "he",
        Yid => "yi",
        Pes => "fa",
        Urd => "ur",
        Hin => "hi",
        Ben => "bn",
        Tam => "ta",
        Tel => "te",
        Tha => "th",
        Vie => "vi",
        Ind => "id",
        Tgl => "tl",
        Jpn => "ja",
        Kor => "ko",
        Cmn => "zh",
        Hye => "hy",
        Kat => "ka",
        Cat => "ca",
        Epo => "eo",
        Lat => "la",
        Afr => "af",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::reading::{Brand, read};

    #[test]
    fn tells_the_language_of_what_customers_write() {
        for (text, expected) in [
            ("Where is my order?", Some("en")),
            ("thanks", Some("en")),
            ("Wo bleibt mein Paket?", Some("de")),
            ("Das ist eine Frechheit, ich warte seit drei Wochen", Some("de")),
            ("Können Sie mir helfen?", Some("de")),
            ("Danke", Some("de")),
            ("Où est ma commande ?", Some("fr")),
            ("Je voudrais parler à quelqu'un", Some("fr")),
            ("¿Dónde está mi pedido?", Some("es")),
            ("Quiero cancelar la cita de mañana", Some("es")),
            ("Dov'è il mio ordine? Non è ancora arrivato da due settimane", Some("it")),
            ("Waar blijft mijn bestelling? Ik wacht al drie weken op jullie", Some("nl")),
            ("Πού είναι η παραγγελία μου;", Some("el")),
            // Too short to tell Russian from Bulgarian.
            ("Где мой заказ? Я жду уже три недели", None),
            ("注文はどこですか", Some("ja")),
            ("", None),
            ("ok", None),
            ("a", None),
            ("1001", None),
            ("😡😡😡", None),
            ("la la la", None),
        ] {
            assert_eq!(read(text, &Brand::default()).mood.language.as_deref(), expected, "{text}");
        }
    }
}
