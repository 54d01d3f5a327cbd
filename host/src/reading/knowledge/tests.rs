//! What a search finds, what it is sure of, and what it does not fall over.

use super::*;

fn article(id: &str, questions: &[&str]) -> Article {
    let mut questions = questions.iter().map(|question| (*question).to_owned());
    Article {
        id: id.to_owned(),
        question: questions.next().unwrap_or_default(),
        phrasings: questions.collect(),
        answer: format!("The answer to {id}."),
        language: None,
    }
}

fn bakery() -> Index {
    Index::new(vec![
        article("hours", &["When are you open?"]),
        article("parking", &["Where can I park?"]),
        article("gluten", &["Do you have gluten-free bread?"]),
        article("cakes", &["Can I order a birthday cake?", "Do you make cakes for weddings?"]),
        article("delivery", &["Do you deliver to my home?"]),
        article("pay", &["Can I pay by card?"]),
        article("stunden", &["Wann habt ihr geöffnet?"]),
        article("parken", &["Gibt es bei euch Parkplätze?"]),
    ])
}

fn best(index: &Index, query: &str) -> (String, bool) {
    let found = index.search(query, 3);
    found.first().map_or((String::new(), false), |one| (one.article.id.clone(), one.score >= SURE))
}

#[test]
fn a_question_finds_its_answer_in_other_words_and_spellings() {
    let index = bakery();
    for (query, expected, sure) in [
        ("When are you open?", "hours", true),
        ("WHEN ARE YOU OPEN", "hours", true),
        ("what are your opening hours?", "hours", true),
        ("where can i prak my car", "parking", false),
        ("is there parking", "parking", true),
        ("Do you ship?", "delivery", false),
        ("is your bread glutenfree", "gluten", true),
        ("I would like a cake for our wedding", "cakes", true),
        ("do you take cards", "pay", true),
        ("Wann habt ihr offen?", "stunden", true),
        ("Habt ihr einen Parkplatz?", "parken", true),
    ] {
        assert_eq!(best(&index, query), (expected.to_owned(), sure), "{query}: {:?}", index.search(query, 3));
    }
}

#[test]
fn a_question_about_something_else_is_not_sure() {
    let index = bakery();
    for query in [
        "what is the capital of France",
        "tell me a joke",
        "my leg hurts since yesterday",
        "asdf qwer zxcv",
        "the the the",
        "do you",
        "can I",
        "42",
        "🎂🎂",
        "我要找律师谈谈",
        "كم الساعة",
        "Ich habe mein Passwort vergessen",
    ] {
        assert!(!best(&index, query).1, "{query}: {:?}", index.search(query, 3));
    }
}

#[test]
fn answers_come_best_first_and_say_why() {
    let index = bakery();
    let found = index.search("Can I pay for the cake by card when you deliver?", 4);
    assert_eq!(found.len(), 4);
    assert!(found.is_sorted_by(|one, other| one.score >= other.score));
    assert!(found.iter().all(|one| (0.0..=1.0).contains(&one.score)));
    let terms: Vec<&str> = found[0].because.iter().map(|one| one.term.as_str()).collect();
    assert_eq!((found[0].article.id.as_str(), &terms[..2]), ("pay", &["pay", "card"][..]));
    assert!(found[0].because.iter().map(|one| one.weight).sum::<f32>() <= 1.001);
    assert_eq!(index.search("Can I pay?", 0), []);
}

#[test]
fn few_articles_are_no_reason_to_be_sure() {
    let index = Index::new(vec![article("hours", &["When are you open?"])]);
    assert!(best(&index, "are you open on sundays?").1);
    for query in ["when is my order coming", "are you a robot", "do you have bread"] {
        assert!(!best(&index, query).1, "{query}: {:?}", index.search(query, 3));
    }
    assert_eq!(Index::new(Vec::new()).search("When are you open?", 3), []);
    assert_eq!(Index::default().search("", 3), []);
}

#[test]
fn phrasings_help_and_the_same_articles_give_the_same_answers() {
    let questions = |from: usize| -> Vec<Article> {
        (0..40)
            .map(|n| article(&n.to_string(), &[&format!("word{} alpha{n}", n % 7), &format!("beta{n} word{from}")]))
            .collect()
    };
    let (one, other) = (Index::new(questions(3)), Index::new(questions(3)));
    for n in 0..40 {
        let query = format!("word3 please alpha{n} beta{n}");
        assert_eq!(one.search(&query, 20), other.search(&query, 20));
        assert_eq!(best(&one, &query).0, n.to_string());
    }
}

#[test]
fn every_question_has_an_end() {
    let index = bakery();
    for piece in ["not good ", "\0", "é", "\u{202e}a", "!", "@", "://", "😡", "A", "?\n", "open ", "wo ist "] {
        for times in [1, 40, 1_000_000 / piece.len()] {
            let found = index.search(&piece.repeat(times), 3);
            assert!(found.iter().all(|one| one.score.is_finite()), "{piece:?}");
        }
    }
    let strange = Index::new(vec![article("a", &["?"]), article("b", &["\u{301}"]), article("c", &["price"])]);
    assert_eq!(best(&strange, "price").0, "c");
    assert_eq!(strange.search("?", 3), []);
}
