//! What the owner wants answered: questions as customers put them, each with the owner's own answer.
//!
//! Never finds an answer to a question; that is the reading's business.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Articles of a business. An index of so many is made in half a second.
pub const ARTICLES: usize = 2_000;
/// Further phrasings of one article.
pub const PHRASINGS: usize = 20;
/// Questions and phrasings of all articles of a business together.
pub const PHRASINGS_OF_ALL: usize = 10_000;
/// Bytes of a question or phrasing.
pub const QUESTION_BYTES: usize = 500;
/// Bytes of an answer: what a message may have.
pub const ANSWER_BYTES: usize = 4_096;
/// Bytes of all articles of a business together: one change of the journal may have them all.
pub const BYTES_OF_ALL: usize = 4 << 20;
/// Bytes of an id.
pub const ID_BYTES: usize = 64;

/// A question with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Article {
    /// 1 to 64 letters, digits, `.`, `-` and `_`. Absent: it follows from the question, so that the same question is the same article.
    #[serde(default)]
    #[schema(max_length = 64, example = "opening-hours")]
    pub id: String,
    /// As a customer would ask it.
    #[schema(min_length = 1, max_length = 500, example = "When are you open?")]
    pub question: String,
    /// Other ways to ask the same. Five of them find the answer far more often than none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    pub phrasings: Vec<String>,
    /// What customers are told, word for word.
    #[schema(min_length = 1, max_length = 4096)]
    pub answer: String,
    /// BCP 47: the language of the answer. Absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "en")]
    pub language: Option<String>,
}

/// An article as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// What the owner wrote.
    pub article: Article,
    /// Counts its changes, from 1.
    pub revision: u64,
}

/// A change of what the owner wants answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KnowledgeChange {
    /// An article that must not be there yet.
    Add(Article),
    /// An article, in the place of the one of its id if there is one.
    Put {
        /// What it says now.
        article: Article,
        /// The revision the owner saw.
        seen: Option<u64>,
    },
    /// Many at once, each in the place of the one of its id.
    Import {
        /// All of them.
        articles: Vec<Article>,
        /// Whether those that are not among them are deleted.
        replace: bool,
    },
    /// No longer this article.
    Delete {
        /// Which.
        id: String,
        /// The revision the owner saw.
        seen: Option<u64>,
    },
}

/// Ids that are paths of the API.
const TAKEN_IDS: [&str; 2] = ["import", "search"];

/// What is wrong with an article: the field, and the rule.
pub type Misfit = (String, String);

impl Article {
    /// The question and its other phrasings.
    pub fn questions(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.question).chain(&self.phrasings).map(String::as_str)
    }

    /// The same without blanks that say nothing, and with an id.
    pub fn tidy(mut self) -> Self {
        let trim = |text: &mut String| *text = text.trim().to_owned();
        trim(&mut self.id);
        // A question is one line, so that it can be offered in a list.
        let line = |text: &mut String| *text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        line(&mut self.question);
        trim(&mut self.answer);
        self.phrasings.iter_mut().for_each(line);
        let mut seen = vec![self.question.clone()];
        self.phrasings.retain(|one| {
            let is_new = !one.is_empty() && !seen.contains(one);
            seen.push(one.clone());
            is_new
        });
        self.language =
            self.language.map(|language| language.trim().to_owned()).filter(|language| !language.is_empty());
        if self.id.is_empty() {
            self.id = id_of(&self.question);
        }
        self
    }

    /// How many bytes of text it has.
    pub fn bytes(&self) -> usize {
        self.answer.len() + self.questions().map(str::len).sum::<usize>()
    }

    /// What does not fit, field by field.
    pub fn misfits(&self) -> Vec<Misfit> {
        let mut wrong = Vec::new();
        let mut check = |holds: bool, field: &str, rule: String| {
            if !holds {
                wrong.push((field.to_owned(), rule));
            }
        };
        let is_name = |text: &str| {
            (1..=ID_BYTES).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        };
        check(is_name(&self.id), "id", format!("has 1 to {ID_BYTES} letters, digits, dots, hyphens and underscores"));
        check(!TAKEN_IDS.contains(&self.id.as_str()), "id", "is Attune's own; choose another".to_owned());
        let question = |text: &str| {
            (1..=QUESTION_BYTES).contains(&text.len()) && text.chars().any(char::is_alphanumeric) && is_text(text)
        };
        let rule = || format!("has 1 to {QUESTION_BYTES} bytes of text with at least one letter or digit");
        check(question(&self.question), "question", rule());
        check(self.phrasings.len() <= PHRASINGS, "phrasings", format!("has at most {PHRASINGS} items"));
        for (number, phrasing) in self.phrasings.iter().enumerate() {
            check(question(phrasing), &format!("phrasings/{number}"), rule());
        }
        check(
            (1..=ANSWER_BYTES).contains(&self.answer.len()) && is_text(&self.answer),
            "answer",
            format!("has 1 to {ANSWER_BYTES} bytes of text, which is what a message may have"),
        );
        let is_language = |text: &str| {
            (2..=35).contains(&text.len())
                && text.split('-').all(|p| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric()))
        };
        check(
            self.language.as_deref().is_none_or(is_language),
            "language",
            "is no BCP 47 language, such as en or pt-BR".to_owned(),
        );
        wrong
    }
}

/// Text for people: no control characters but line breaks and tabs.
fn is_text(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

/// The id that an article gets when nobody gives it one. FNV-1a, 64 bits, over the question without blanks and case.
pub fn id_of(question: &str) -> String {
    let letters = question.split_whitespace().flat_map(str::chars).flat_map(char::to_lowercase);
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut bytes = [0; 4];
    for letter in letters {
        for byte in letter.encode_utf8(&mut bytes).bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("q-{hash:016x}")
}

/// Whether so many articles are too many or too large for one business.
///
/// # Errors
/// Which limit is passed, in words.
pub fn check_all<'a>(articles: impl Iterator<Item = &'a Article>) -> Result<(), String> {
    let (mut count, mut questions, mut bytes) = (0, 0, 0);
    for article in articles {
        count += 1;
        questions += 1 + article.phrasings.len();
        bytes += article.bytes();
    }
    for (number, most, what) in [
        (count, ARTICLES, "articles"),
        (questions, PHRASINGS_OF_ALL, "questions and phrasings"),
        (bytes, BYTES_OF_ALL, "bytes of text"),
    ] {
        if number > most {
            return Err(format!("a business has at most {most} {what}; this would make {number}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn article(question: &str, answer: &str) -> Article {
        Article { question: question.to_owned(), answer: answer.to_owned(), ..Article::default() }.tidy()
    }

    #[test]
    fn the_same_question_is_the_same_article() {
        assert_eq!(article(" When are  you open?\n", "9 to 5").id, article("when are you OPEN?", "8 to 6").id);
        assert_ne!(article("When are you open?", "a").id, article("Where are you?", "a").id);
        let twice = Article { phrasings: vec!["b".into(), " a ".into(), "b".into(), " ".into()], ..article("a", "x") };
        assert_eq!(twice.tidy().phrasings, ["b"]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        assert_eq!(article("Open?", "9 to 5\nand at night").misfits(), []);
        for (wrong, field) in [
            (article("", "a"), "question"),
            (article("???", "a"), "question"),
            (article(&"é".repeat(251), "a"), "question"),
            (article("a", " "), "answer"),
            (article("a", "\u{1b}[2J"), "answer"),
            (article("a", &"x".repeat(4_097)), "answer"),
            (Article { id: "a/b".to_owned(), ..article("a", "b") }, "id"),
            (Article { id: "search".to_owned(), ..article("a", "b") }, "id"),
            (Article { id: "x".repeat(65), ..article("a", "b") }, "id"),
            (Article { phrasings: vec!["b".to_owned(), "!".to_owned()], ..article("a", "b") }, "phrasings/1"),
            (Article { phrasings: vec!["b".to_owned(); 21], ..article("a", "b") }, "phrasings"),
            (Article { language: Some("german!".to_owned()), ..article("a", "b") }, "language"),
        ] {
            let fields: Vec<String> = wrong.misfits().into_iter().map(|(field, _)| field).collect();
            assert_eq!(fields, [field], "{wrong:?}");
        }
    }

    #[test]
    fn a_business_has_a_limit_of_articles() {
        let one = article("a", "b");
        assert_eq!(check_all(std::iter::repeat_n(&one, ARTICLES)), Ok(()));
        let words = check_all(std::iter::repeat_n(&one, ARTICLES + 1)).unwrap_err();
        assert_eq!(words, "a business has at most 2000 articles; this would make 2001");
    }
}
