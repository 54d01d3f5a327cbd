//! How a customer feels: polarity, frustration, urgency.
//!
//! For English, VADER (Hutto and Gilbert, 2014; crate `vader-parity`) scores the general wording. It was made for
//! social media and calls many angry messages to a business positive, so three things stand before it: what is manners
//! in a message to a business ("please", "help", "thanks in advance") is taken out, @names and links too, and a
//! vocabulary of what goes wrong with orders and appointments ("still waiting", "third time", "on hold") counts beside
//! it. Other languages are read by that vocabulary alone, in German, French and Spanish.
//!
//! - Polarity is `s / sqrt(s * s + 15)`, VADER's own curve, over the sum of VADER's score and the vocabulary's weights.
//! - Frustration is `1 - exp(-x)`, where `x` sums the vocabulary's weights and a fifth of VADER's score below zero.
//!   Capitals, exclamation marks and repeated signs raise `x` by at most six tenths, and do nothing where `x` is zero.
//! - Urgency is the same curve over the words that ask for haste.
//!
//! Never reads irony: "great, thanks for nothing" is known as a phrase, not understood.

use std::sync::LazyLock;

use vader_parity::SentimentIntensityAnalyzer;

use super::{EVIDENCE, Evidence, Phrases, Reading, Token, head, language, words};

/// What a word of the vocabulary says.
#[derive(Clone, Copy, Default)]
struct Mood {
    /// On VADER's scale, -4 to 4.
    polarity: f32,
    /// 0 to 1.2; 1 alone gives a frustration of 0.63.
    frustration: f32,
    /// 0 to 1.2.
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

static SMALL_WORDS: LazyLock<Phrases<bool>> = LazyLock::new(|| {
    let negations = NEGATIONS.split_whitespace().map(|word| (word, true));
    let shared = NOT_IN_ENGLISH.iter().map(|word| (*word, false));
    Phrases::new(negations.chain(shared), |one, _| one)
});

static VADER: LazyLock<SentimentIntensityAnalyzer> = LazyLock::new(SentimentIntensityAnalyzer::new);

/// How far VADER's score may reach; a long rant has no need of more.
const VADER_LIMIT: f32 = 10.0;

/// Reads a text. The same text always gives the same reading.
pub fn read(text: &str) -> Reading {
    let text = head(text);
    let mut tokens = Vec::with_capacity(24);
    words(text, &mut tokens);
    let lists = language::of_words(&tokens);
    let language = lists.or_else(|| language::detect(text));
    // Short texts without a known word are mostly English or a name, and VADER finds nothing in most of the others.
    let is_english = language.is_none_or(|language| language == "en");

    let mut because = Vec::new();
    let (mut polarity, mut frustration, mut urgency) = (0.0f32, 0.0f32, 0.0f32);
    let mut wording = String::with_capacity(if is_english { text.len() } else { 0 });
    let mut copied = 0usize;
    let mut index = 0;
    while let Some(from) = tokens.get(index..).filter(|rest| !rest.is_empty()) {
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
            push_wording(&mut wording, text.get(copied..start).unwrap_or_default());
            copied = end;
        }
        let before = tokens.get(index.saturating_sub(2)..index).unwrap_or_default();
        let is_negated = !first.begins_sentence && before.iter().any(|token| small_word(token) == Some(true));
        let mood = if is_negated { negated(mood) } else { mood };
        polarity += mood.polarity;
        frustration += mood.frustration;
        urgency += mood.urgency;
        let strength = if mood.polarity == 0.0 { mood.urgency } else { mood.polarity };
        if strength != 0.0 {
            because.push(Evidence { term: text.get(start..end).unwrap_or_default().to_owned(), weight: mood.polarity });
        }
        index += length;
    }

    if is_english {
        push_wording(&mut wording, text.get(copied..).unwrap_or_default());
        // VADER's sum, from which it computed the compound by the same curve as below.
        let compound = (VADER.polarity_scores(&wording).compound as f32).clamp(-0.999, 0.999);
        let sum = (compound * (15.0 / (1.0 - compound * compound)).sqrt()).clamp(-VADER_LIMIT, VADER_LIMIT);
        if sum != 0.0 {
            because.push(Evidence { term: "general wording".to_owned(), weight: sum });
        }
        polarity += sum;
        frustration += (-sum).max(0.0) / 5.0;
    }

    let emphasis = emphasis(text, &tokens, &mut because);
    frustration *= 1.0 + emphasis;
    urgency *= 1.0 + emphasis / 2.0;

    because.sort_by(|one, other| other.weight.abs().total_cmp(&one.weight.abs()));
    let confidence = confidence(&because, is_english, language.is_some());
    because.truncate(EVIDENCE);
    Reading {
        polarity: polarity / (polarity * polarity + 15.0).sqrt(),
        frustration: 1.0 - (-frustration).exp(),
        urgency: 1.0 - (-urgency).exp(),
        confidence,
        because,
        language: language.map(str::to_owned),
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

/// Copies what VADER is to see, without @names, e-mail addresses and links.
fn push_wording(wording: &mut String, piece: &str) {
    if !piece.contains('@') && !piece.contains("://") {
        wording.push_str(piece);
        return;
    }
    for part in piece.split_inclusive(char::is_whitespace) {
        if !part.contains('@') && !part.contains("://") {
            wording.push_str(part);
        }
    }
}

/// How loud it is, 0 to 0.6: a tenth for each exclamation mark up to three, a tenth for `??`, a fifth for words in
/// capitals amid others.
fn emphasis(text: &str, tokens: &[Token], because: &mut Vec<Evidence>) -> f32 {
    let exclamations = text.bytes().filter(|&byte| byte == b'!').take(3).count();
    let loud = tokens.iter().filter(|token| token.is_loud && !token.has_digit && token.letters > 2).take(2).count();
    let mut emphasis = 0.1 * exclamations as f32;
    if exclamations == 3 {
        because.push(Evidence { term: "!!!".to_owned(), weight: 0.0 });
    }
    if text.contains("??") || text.contains("?!") {
        emphasis += 0.1;
    }
    if loud >= 2 || loud == 1 && tokens.len() > 2 {
        emphasis += 0.2;
        because.push(Evidence { term: "CAPITALS".to_owned(), weight: 0.0 });
    }
    emphasis
}

/// More where several things point the same way, less where they contradict each other, little where nothing was found
/// or the language is one for which there are no lists.
fn confidence(because: &[Evidence], is_english: bool, is_known: bool) -> f32 {
    let good = because.iter().filter(|evidence| evidence.weight > 0.0).count();
    let bad = because.iter().filter(|evidence| evidence.weight < 0.0).count();
    match (good, bad) {
        (0, 0) if is_english && is_known => 0.3,
        (0, 0) => 0.1,
        _ => {
            let agreed = 0.5 + 0.1 * good.max(bad).min(4) as f32;
            if good.min(bad) > 0 { agreed - 0.2 } else { agreed }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_angry_messages_from_friendly_ones() {
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
            assert_eq!(reading.frustration >= 0.5, is_angry, "{text}: {reading:?}");
            assert_eq!(reading.polarity < -0.3, is_angry, "{text}: {reading:?}");
        }
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
            assert!(reading.urgency >= 0.5 && reading.frustration < 0.2, "{text}: {reading:?}");
        }
        assert_eq!(read("Where is my order?").urgency, 0.0);
    }

    #[test]
    fn loudness_counts_a_little_and_only_beside_words() {
        let plain = read("this is unacceptable");
        let loud = read("this is UNACCEPTABLE!!!");
        assert!(loud.frustration > plain.frustration && loud.frustration - plain.frustration < 0.25);
        assert_eq!(read("TABLE 12!!!").frustration, 0.0);
    }

    #[test]
    fn names_what_led_to_it_strongest_first() {
        let reading = read("Das ist eine Frechheit, das Paket ist kaputt");
        let terms: Vec<_> = reading.because.iter().map(|evidence| evidence.term.as_str()).collect();
        assert_eq!(terms, ["Frechheit", "kaputt"]);
        assert_eq!(reading.language.as_deref(), Some("de"));
    }
}
