//! How a customer feels: polarity, frustration, urgency.
//!
//! What the weights ([`super::model`]) make of the words, and of signs beside them, decides. The signs come from three places:
//! VADER (Hutto and Gilbert, 2014; crate `vader-parity`), for English; a vocabulary, in four languages, of what goes wrong
//! with orders and appointments ("still waiting", "third time", "on hold"); and form: capitals, exclamation marks, who is
//! spoken of. VADER was made for social media and calls many angry messages to a business positive, so what is manners in
//! such a message ("please", "help", "thanks in advance") is taken out before it.
//!
//! - Polarity comes of two probabilities, that the writer feels good and that they feel bad; where neither reaches a half it
//!   is neutral.
//! - Frustration and urgency are probabilities. In a long text the most annoyed part says how annoyed its writer is.
//! - In a language that is not known, emoji and loudness alone are read, with little confidence.
//!
//! Never reads irony: "great, thanks for nothing" is known as a phrase, not understood.

use std::sync::LazyLock;

use vader_parity::SentimentIntensityAnalyzer;

use super::model::{FRUSTRATED, HAPPY, MOOD_SIGNS, Model, UNHAPPY, URGENT, Weighed, odds};
use super::words::{Phrases, Token};
use super::{EVIDENCE, Evidence, Reading, Text, probability, round};

/// What a word of the vocabulary says. The words of a text are added up and weighed as signs.
#[derive(Clone, Copy, Default)]
struct Mood {
    /// On VADER's scale, -4 to 4.
    polarity: f32,
    /// 0 to 1.1.
    frustration: f32,
    /// 0 to 1.1.
    urgency: f32,
}

const fn mood(polarity: f32, frustration: f32, urgency: f32) -> Mood {
    Mood { polarity, frustration, urgency }
}

/// Words and phrases (`_` between words), by what they say. Those that say nothing are there to be taken out before
/// VADER.
const VOCABULARY: &[(Mood, &str)] = &[
    // Manners, and words that name a thing rather than a feeling.
    (
        mood(0.0, 0.0, 0.0),
        "please help care support thanks_in_advance thank_you_in_advance kind_regards best_regards warm_regards \
        regards dear best hope_this_helps id_like would_like like_to customer_care customer_service hi hello share \
        shared number no_no interest trust pay alert matter kindly help_me no_problem gift gifts free_shipping value \
        credit sincerely bitte danke_im_voraus vielen_dank_im_voraus svp sil_vous_plait merci_davance por_favor \
        gracias_de_antemano",
    ),
    // At the end of their patience.
    (
        mood(-3.0, 1.1, 0.1),
        "unacceptable outrageous disgraceful ridiculous_service worst_service worst_company worst_customer_service \
        fed_up rip_off ripoff joke_of_a_company never_again last_straw sick_of sick_and_tired had_enough beyond_a_joke \
        taking_the_piss lawyer legal_action chargeback scammers thanks_for_nothing thanks_a_lot_for_nothing a_joke \
        no_excuse how_dare frechheit unverschamt unverschamtheit saftladen sauerei zumutung unzumutbar inakzeptabel \
        mir_reicht es_reicht schnauze_voll nie_wieder anwalt abzocke betrug verarschen wutend stinksauer \
        unter_aller_sau danke_fur_nichts inadmissible scandaleux honteux inacceptable une_honte ras_le_bol \
        jen_ai_marre marre plus_jamais arnaque avocat furieux furieuse merci_pour_rien se_moque_de vous_foutez \
        verguenza vergonzoso inaceptable indignante estafa harto harta hasta_las_narices nunca_mas abogado ladrones \
        furioso furiosa gracias_por_nada tomadura_de_pelo me_tienen",
    ),
    // Let down.
    (
        mood(-2.0, 0.7, 0.1),
        "ridiculous appalling terrible awful horrible pathetic disgusting useless joke incompetent rude let_down \
        let_me_down disappointed disappointing very_disappointed frustrated frustrating furious angry annoyed annoying \
        lied ignored ignoring third_time fourth_time second_time_this times_now how_many_times yet_again once_again \
        again_and_again same_problem_again no_one_answers nobody_answers no_answer no_reply no_response not_answered \
        never_answered never_called no_one_responds nobody_responds hung_up on_hold waste_of_time wasted \
        not_good_enough not_acceptable not_happy unhappy not_impressed poor_service bad_service never_arrived \
        never_came never_showed still_nothing still_no and_nothing no_explanation no_apology what_a_joke what_a_mess \
        shambles unprofessional zum_dritten_mal zum_x_ten_mal schon_wieder niemand_antwortet keine_antwort \
        niemand_meldet meldet_sich_niemand keiner_antwortet enttauscht enttauschend argerlich verargert sauer schlecht \
        schlechter_service katastrophe lacherlich furchtbar schrecklich unmoglich nie_angekommen warteschleife nervt \
        genervt unfreundlich troisieme_fois encore_une_fois personne_ne_repond aucune_reponse pas_de_reponse \
        sans_reponse decu decue deception mecontent mecontente catastrophe nul horrible lamentable jamais_recu \
        jamais_arrive mauvais_service ridicule enerve enervee tercera_vez otra_vez_lo_mismo nadie_responde \
        nadie_contesta sin_respuesta ninguna_respuesta decepcionado decepcionada enfadado enfadada enojado enojada \
        molesto molesta pesimo pesima fatal lamentable horrible mal_servicio nunca_llego ridiculo",
    ),
    // Something goes wrong.
    (
        mood(-1.2, 0.4, 0.1),
        "cancelled canceled delayed delay delays late overdue waiting_for_weeks still_waiting been_waiting \
        waiting_since waited still_hasnt still_havent still_not still_isnt still_cant hasnt_arrived havent_received \
        not_received not_arrived didnt_arrive never_received wrong_item wrong_order wrong_size wrong_address broken \
        damaged defective faulty missing doesnt_work not_working does_not_work overcharged charged_twice \
        double_charged lost_my lost_luggage stuck problem issue issues complaint complain no_update no_updates no_show \
        for_weeks for_hours for_months for_days two_weeks three_weeks weeks_ago an_hour hours_late two_hours all_day \
        what_is_going_on whats_going_on wartet warte_seit warte_immer noch_immer_nicht immer_noch_nicht noch_nicht_da \
        noch_nichts verspatet verspatung storniert ausgefallen kaputt beschadigt defekt falsch fehlt problem \
        beschwerde seit_wochen seit_tagen seit_stunden zwei_wochen drei_wochen vier_wochen nicht_angekommen \
        nicht_erhalten funktioniert_nicht geht_nicht reklamation attends_depuis toujours_pas pas_encore_recu en_retard \
        retard annule annulee casse cassee abime abimee probleme reclamation ne_marche_pas ne_fonctionne_pas \
        depuis_des_semaines trois_semaines deux_semaines pas_recu plainte esperando_desde sigo_esperando \
        llevo_esperando aun_no_ha todavia_no retrasado retraso cancelado cancelada roto rota danado problema queja \
        reclamacion no_funciona no_ha_llegado no_he_recibido desde_hace tres_semanas dos_semanas equivocado",
    ),
    // Haste.
    (
        mood(0.0, 0.0, 1.1),
        "urgent urgently asap as_soon_as_possible emergency immediately right_now right_away straight_away at_once \
         dringend sofort umgehend schnellstmoglich notfall so_schnell_wie_moglich unverzuglich eilt eilig \
         urgence tout_de_suite immediatement au_plus_vite des_que_possible le_plus_vite \
         urgente urgentemente inmediatamente cuanto_antes lo_antes_posible ahora_mismo ya_mismo emergencia \
         de_inmediato",
    ),
    (
        mood(0.0, 0.0, 0.5),
        "today tonight quickly hurry deadline this_morning this_afternoon in_an_hour need_it_by need_it_for \
        running_out_of_time heute heute_noch schnell bis_morgen aujourdhui vite ce_soir rapidement hoy rapido \
        esta_tarde esta_noche pronto",
    ),
    // Content.
    (
        mood(2.0, 0.0, 0.0),
        "super toll perfekt prima klasse danke vielen_dank dankeschon wunderbar hervorragend zufrieden gefreut freue \
        freut gut sehr_gut ausgezeichnet lecker spitze genial freundlich 😊 😀 😍 👍 🙏 ❤ merci merci_beaucoup parfait \
        genial excellent ravi ravie content contente magnifique bravo formidable bien gracias muchas_gracias perfecto \
        excelente genial contento contenta encantado encantada estupendo fantastico maravilloso bueno buen_servicio \
        rapida",
    ),
];

/// Words that English shares with the vocabulary of the other languages, or that VADER knows better.
const NOT_IN_ENGLISH: &[&str] =
    &["super", "gut", "bien", "content", "excellent", "fatal", "bravo", "genial", "prima", "sauer", "nul", "mal"];

const NEGATIONS: &str = "not no never dont doesnt didnt isnt wasnt cant wont nicht kein keine keinen nie niemals pas \
    jamais aucun nunca jamas tampoco sin";

static MOODS: LazyLock<Phrases<Mood>> = LazyLock::new(|| {
    let entries = VOCABULARY.iter().flat_map(|(mood, list)| list.split_whitespace().map(|word| (word, *mood)));
    // A word that stands in two lists has what the stronger one says.
    Phrases::new(entries, |one, other| if other.polarity.abs() > one.polarity.abs() { other } else { one })
});

/// Every word and phrase of the vocabulary.
pub(super) fn phrases() -> impl Iterator<Item = &'static str> {
    VOCABULARY.iter().map(|(_, list)| *list).chain([NEGATIONS]).flat_map(str::split_whitespace)
}

static SMALL_WORDS: LazyLock<Phrases<bool>> = LazyLock::new(|| {
    let negations = NEGATIONS.split_whitespace().map(|word| (word, true));
    let shared = NOT_IN_ENGLISH.iter().map(|word| (*word, false));
    Phrases::new(negations.chain(shared), |one, _| one)
});

const YOU: u8 = 1;
const ME: u8 = 2;
static PERSONS: LazyLock<Phrases<u8>> = LazyLock::new(|| {
    let you = "you your youre u ur yall ihr euch sie ihnen du dein vous votre vos tu te ustedes usted su vosotros";
    let me = "i im ive my me we our ich mir mich mein wir uns je jai mon ma nous yo mi me nos";
    let entries = you.split(' ').map(|word| (word, YOU)).chain(me.split(' ').map(|word| (word, ME)));
    Phrases::new(entries, |one, other| one | other)
});

fn speaks(tokens: &[Token], of: u8) -> bool {
    tokens.iter().any(|token| PERSONS.meanings.get(&token.hash).is_some_and(|known| known & of != 0))
}

static VADER: LazyLock<SentimentIntensityAnalyzer> = LazyLock::new(SentimentIntensityAnalyzer::new);

/// How far VADER's score may reach; a long rant has no need of more.
const VADER_LIMIT: f32 = 10.0;

/// What was noticed in a text, before it is weighed.
struct Noticed {
    signs: [f32; MOOD_SIGNS],
    /// What the lists and VADER say of the polarity, on VADER's scale.
    polarity: f32,
    because: Vec<Evidence>,
    /// What VADER was given, and its sum.
    wording: String,
    wording_sum: f32,
}

/// VADER's own word on the polarity of a text, -1 to 1: its compound, to four places.
pub fn vader(text: &str) -> f64 {
    VADER.polarity_scores(text).compound
}

/// The mood of a text, of which the first words are weighed already.
pub fn read(text: &Text<'_>, whole: &Weighed, model: &Model) -> Reading {
    let noticed = notice(text);
    let language = text.language.map(str::to_owned);
    if !text.is_readable() || text.tokens.is_empty() {
        return wordless(noticed, language);
    }
    let base = |head| model.base(head, &noticed.signs);
    let (mut frustrated, mut urgent) = (whole.sum(FRUSTRATED), whole.sum(URGENT));
    let (mut happy, mut unhappy) = (whole.sum(HAPPY), whole.sum(UNHAPPY));
    let (mut from, mut parts) = (whole.place.end, 1.0);
    let mut weighed = Weighed::default();
    while from < text.tokens.len() {
        weighed.weigh(text, text.window(from), model);
        from = weighed.place.end;
        frustrated = frustrated.max(weighed.sum(FRUSTRATED));
        urgent = urgent.max(weighed.sum(URGENT));
        happy += weighed.sum(HAPPY);
        unhappy += weighed.sum(UNHAPPY);
        parts += 1.0;
    }
    let happy = odds(base(HAPPY) + happy / parts);
    let unhappy = odds(base(UNHAPPY) + unhappy / parts);
    let polarity = polarity(happy, unhappy);
    let frustration = odds(base(FRUSTRATED) + frustrated);
    let is_felt = polarity.abs() > 0.05 || frustration >= 0.5;
    Reading {
        polarity: round(polarity),
        frustration: probability(frustration),
        urgency: probability(odds(base(URGENT) + urgent)),
        confidence: probability(confidence(text, happy, unhappy)),
        because: if is_felt { evidence(text, noticed, whole, model) } else { ranked(noticed.because) },
        language,
    }
}

/// From two probabilities: neutral (within 0.05 of zero) where neither reaches a half.
fn polarity(happy: f32, unhappy: f32) -> f32 {
    let (winner, sign) = if happy >= unhappy { (happy, 1.0) } else { (unhappy, -1.0) };
    if winner < 0.5 {
        return (happy - unhappy) * 0.1;
    }
    // Both at once is a mixed message.
    let mixed = happy.min(unhappy) * 0.5;
    sign * (0.05 + 1.9 * (winner - 0.5) * (1.0 - mixed)).min(1.0)
}

/// Where there are no words that are known: emoji and loudness alone, and little trust.
fn wordless(noticed: Noticed, language: Option<String>) -> Reading {
    let sum = noticed.polarity;
    let loud = noticed.signs[LOUD] + noticed.signs[EXCLAMATIONS];
    let frustration = if sum < 0.0 { 1.0 - (sum * 0.3 * (1.0 + loud)).exp() } else { 0.0 };
    let confidence = if sum == 0.0 { 0.1 } else { 0.3 };
    let polarity = sum / (sum * sum + 15.0).sqrt();
    Reading {
        polarity: round(polarity),
        frustration: probability(frustration),
        urgency: 0.0,
        confidence,
        because: ranked(noticed.because),
        language,
    }
}

/// How sure the surest of good, bad and neutral is.
fn confidence(text: &Text<'_>, happy: f32, unhappy: f32) -> f32 {
    let surest = happy.max(unhappy).max(1.0 - happy - unhappy);
    let words = text.tokens.len();
    let known = match text.language {
        Some("en") => 1.0,
        Some(_) => 0.9,
        None if words > 2 => 0.7,
        None => 0.4,
    };
    (surest * known).max(0.05)
}

/// Which words led to the polarity, strongest first: what the model gives each, and what the lists do.
fn evidence(text: &Text<'_>, noticed: Noticed, whole: &Weighed, model: &Model) -> Vec<Evidence> {
    let mut because = noticed.because;
    if noticed.wording_sum != 0.0 {
        by_word(&noticed.wording, noticed.wording_sum, &mut because);
    }
    let tokens = text.tokens.get(whole.place.clone()).unwrap_or_default();
    let mut shares = vec![0.0; tokens.len()];
    whole.shares(model, HAPPY, 1.0, &mut shares);
    whole.shares(model, UNHAPPY, -1.0, &mut shares);
    for (token, share) in tokens.iter().zip(shares).filter(|(_, share)| share.abs() > 0.1) {
        let term = text.own.get(token.start as usize..token.end as usize).unwrap_or_default();
        match because.iter_mut().find(|known| known.term.eq_ignore_ascii_case(term)) {
            Some(known) => known.weight += share,
            None => because.push(Evidence { term: term.to_owned(), weight: share }),
        }
    }
    ranked(because)
}

fn ranked(mut because: Vec<Evidence>) -> Vec<Evidence> {
    because.retain(|evidence| evidence.weight.abs() >= 0.1 || evidence.term == "!!!" || evidence.term == "CAPITALS");
    because.sort_by(|one, other| other.weight.abs().total_cmp(&one.weight.abs()));
    because.truncate(EVIDENCE);
    because.iter_mut().for_each(|evidence| evidence.weight = round(evidence.weight));
    because
}

/// The signs of a mood, for the model's training.
pub fn signs(text: &Text<'_>) -> [f32; MOOD_SIGNS] {
    notice(text).signs
}

/// Where in the signs something stands.
const EXCLAMATIONS: usize = 7;
const LOUD: usize = 8;

fn notice(text: &Text<'_>) -> Noticed {
    let (own, tokens) = (&*text.own, &text.tokens);
    let is_english = text.is_english();
    let mut because = Vec::new();
    let (mut polarity, mut good, mut bad, mut frustration, mut urgency) = (0.0f32, 0.0f32, 0.0f32, 0.0f32, 0.0f32);
    let mut wording = String::with_capacity(if is_english { own.len() } else { 0 });
    let mut copied = 0usize;
    let mut index = 0;
    while let Some(from) = tokens.get(index..).filter(|rest| !rest.is_empty() && text.is_readable()) {
        let Some(first) = from.first() else { break };
        let mut longest = None;
        MOODS.at(from, |length, mood| longest = Some((length, mood)));
        if is_english && matches!(longest, Some((1, _))) && small_word(first) == Some(false) {
            longest = None;
        }
        let Some((length, mood)) = longest else {
            index += 1;
            continue;
        };
        let last = from.get(length.saturating_sub(1)).unwrap_or(first);
        let (start, end) = (first.start as usize, last.end as usize);
        if is_english {
            wording.push_str(own.get(copied..start).unwrap_or_default());
            copied = end;
        }
        let before = tokens.get(index.saturating_sub(2)..index).unwrap_or_default();
        let is_negated = !first.begins_sentence && before.iter().any(|token| small_word(token) == Some(true));
        let mood = if is_negated { negated(mood) } else { mood };
        polarity += mood.polarity;
        good += mood.polarity.max(0.0);
        bad += mood.polarity.min(0.0);
        frustration += mood.frustration;
        urgency += mood.urgency;
        if mood.polarity != 0.0 {
            because.push(Evidence { term: own.get(start..end).unwrap_or_default().to_owned(), weight: mood.polarity });
        }
        index += length;
    }

    let (mut sum, mut scores) = (0.0, (0.0, 0.0, 0.0));
    if is_english {
        wording.push_str(own.get(copied..).unwrap_or_default());
    } else if !text.is_readable() {
        wording
            .extend(own.chars().filter(|c| *c >= '\u{2190}' && !c.is_alphanumeric()).take(64).flat_map(|c| [c, ' ']));
    }
    if !wording.trim().is_empty() {
        let found = VADER.polarity_scores(&wording);
        // VADER's sum, from which it computed the compound by its own curve.
        let compound = (found.compound as f32).clamp(-0.999, 0.999);
        sum = (compound * (15.0 / (1.0 - compound * compound)).sqrt()).clamp(-VADER_LIMIT, VADER_LIMIT);
        scores = (compound, found.pos as f32, found.neg as f32);
        polarity += sum;
    }

    let (exclamations, loud, asks_twice) = loudness(own, tokens);
    if exclamations == 3 {
        because.push(Evidence { term: "!!!".to_owned(), weight: 0.0 });
    }
    if loud {
        because.push(Evidence { term: "CAPITALS".to_owned(), weight: 0.0 });
    }
    let (tells_you, tells_me) = (speaks(tokens, YOU), speaks(tokens, ME));
    let yes = |is: bool| if is { 1.0 } else { 0.0 };
    let signs = [
        sum.max(0.0) / 4.0,
        sum.min(0.0) / 4.0,
        scores.0,
        good / 4.0,
        bad.max(-12.0) / 4.0,
        frustration.min(4.0),
        urgency.min(3.0),
        exclamations as f32 / 3.0,
        yes(loud),
        yes(asks_twice),
        (1.0 + tokens.len() as f32).ln().min(5.0) / 4.0,
        yes(own.contains('?')),
        yes(text.language == Some("en")),
        yes(matches!(text.language, Some("de" | "fr" | "es"))),
        scores.1,
        scores.2,
        yes(sum < -1.5),
        yes(sum < -3.0),
        yes(sum < -5.0),
        yes(sum > 1.5),
        yes(tells_you),
        yes(tells_you && polarity < -1.5),
        yes(tells_me),
        yes(tells_me && polarity < -1.5),
    ];
    Noticed { signs, polarity, because, wording, wording_sum: sum }
}

/// Shares VADER's sum out among the words that it knows. VADER weighs words by what stands around them, and tells only the sum;
/// so each word gets the part that it would have by itself.
fn by_word(wording: &str, sum: f32, because: &mut Vec<Evidence>) {
    let mut known: Vec<(&str, f32)> = Vec::new();
    for word in wording.split_whitespace().take(60) {
        let alone = VADER.polarity_scores(word).compound as f32;
        let word = word.trim_matches(|c: char| c.is_ascii_punctuation());
        if alone != 0.0 && !word.is_empty() {
            known.push((word, alone));
        }
    }
    let all: f32 = known.iter().map(|(_, alone)| alone.abs()).sum();
    for (word, alone) in known {
        // A word that was turned round ("not good") points where the sum does.
        let weight = if sum * alone < 0.0 && all <= alone.abs() { sum } else { alone / all * sum.abs() };
        because.push(Evidence { term: word.to_owned(), weight });
    }
}

/// "Not good" is worse than nothing, "not late" is nothing: the factor is VADER's for a negation.
fn negated(mood: Mood) -> Mood {
    if mood.polarity > 0.0 {
        Mood { polarity: mood.polarity * -0.74, frustration: 0.2, urgency: mood.urgency }
    } else {
        Mood { polarity: 0.0, frustration: 0.0, urgency: 0.0 }
    }
}

fn small_word(token: &Token) -> Option<bool> {
    SMALL_WORDS.meanings.get(&token.hash).copied()
}

/// How loud it is: exclamation marks (up to three), words in capitals amid others, repeated question marks.
fn loudness(text: &str, tokens: &[Token]) -> (usize, bool, bool) {
    let exclamations = text.bytes().filter(|&byte| byte == b'!').take(3).count();
    let loud = tokens.iter().filter(|token| token.is_loud && !token.has_digit && token.letters > 2).take(2).count();
    (exclamations, loud >= 2 || loud == 1 && tokens.len() > 2, text.contains("??") || text.contains("?!"))
}

#[cfg(test)]
mod tests {
    use super::super::Brand;
    use super::*;

    fn read(text: &str) -> Reading {
        super::super::read(text, &Brand::default()).mood
    }

    #[test]
    fn tells_angry_messages_from_friendly_ones() {
        let mut misses = Vec::new();
        for (text, is_angry) in [
            ("Das ist eine Frechheit, ich warte seit drei Wochen", true),
            ("C'est inadmissible, j'attends depuis trois semaines", true),
            ("Es una vergüenza, sigo esperando mi pedido", true),
            ("This is the third time I am asking. Please help, I am still waiting!", true),
            ("I have been on hold for two hours, thanks for nothing", true),
            ("Nobody answers the phone. Unacceptable.", true),
            ("YOU CANCELLED MY ORDER AGAIN AND NO ONE CARES!!!", true),
            ("Where is my order?", false),
            ("Could you please help me with my order? Thanks in advance", false),
            ("Thank you so much, the cake was wonderful!", false),
            ("Vielen Dank, alles super!", false),
            ("Merci beaucoup, c'est parfait", false),
            ("Muchas gracias, excelente servicio", false),
            ("Ich möchte einen Termin buchen", false),
        ] {
            let reading = read(text);
            if (reading.frustration >= 0.5) != is_angry || (reading.polarity < -0.3) != is_angry {
                misses.push((text, reading.frustration, reading.polarity));
            }
        }
        assert!(misses.len() <= 3, "{misses:?}");
    }

    #[test]
    fn praise_is_positive_and_service_words_are_neutral() {
        for (text, least, most) in [
            ("Thank you so much, the cake was wonderful!", 0.5, 1.0),
            ("Vielen Dank, alles super!", 0.5, 1.0),
            ("Please help me, customer care", -0.05, 0.05),
            ("@HappyLove https://great.example/love", -0.05, 0.05),
            ("Das ist nicht gut", -1.0, -0.05),
            ("Die Lieferung war da", -0.05, 0.05),
            ("not good", -1.0, -0.05),
            ("", 0.0, 0.0),
        ] {
            let polarity = read(text).polarity;
            assert!((least..=most).contains(&polarity), "{text}: {polarity}");
        }
    }

    #[test]
    fn haste_is_not_anger() {
        for text in ["I need this urgently", "Bitte dringend melden", "C'est urgent", "Es urgente"] {
            let reading = read(text);
            assert!(reading.urgency > 0.3 && reading.frustration < 0.5, "{text}: {reading:?}");
        }
        assert!(read("Where is my order?").urgency < 0.3);
    }

    #[test]
    fn loudness_counts_a_little_and_only_beside_words() {
        let plain = read("this is unacceptable");
        let loud = read("this is UNACCEPTABLE!!!");
        assert!((loud.frustration - plain.frustration).abs() < 0.25, "{plain:?} {loud:?}");
        assert!(read("TABLE 12!!!").frustration < 0.5);
    }

    #[test]
    fn names_what_led_to_it_strongest_first() {
        let reading = read("Das ist eine Frechheit, das Paket ist kaputt");
        let terms: Vec<_> = reading.because.iter().map(|evidence| evidence.term.as_str()).collect();
        assert!(terms.contains(&"Frechheit") && terms.contains(&"kaputt"), "{terms:?}");
        assert_eq!(reading.language.as_deref(), Some("de"));
    }
}
