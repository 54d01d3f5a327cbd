//! Answers from a file that the owner has: a table (CSV) or a page (Markdown), read into articles.
//!
//! A file is read as a whole or not at all; an error names the line and says what to do. Nothing is kept here.

use std::collections::HashMap;

use crate::domain::knowledge::{Article, PHRASINGS};

/// What kind of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `text/csv`, RFC 4180.
    Csv,
    /// `text/markdown`.
    Markdown,
}

impl Form {
    /// By a media type without parameters.
    pub fn of_type(kind: &str) -> Option<Self> {
        match kind {
            "text/csv" => Some(Self::Csv),
            "text/markdown" => Some(Self::Markdown),
            _ => None,
        }
    }

    /// By a file's name.
    pub fn of_name(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "md" | "markdown" => Some(Self::Markdown),
            _ => None,
        }
    }

    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Markdown => "text/markdown",
        }
    }
}

/// Where a file cannot be read, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {words}")]
pub struct Misread {
    /// From 1; where a row goes over several lines, its first.
    pub line: u64,
    /// What is wrong, in which column, and what to do.
    pub words: String,
}

fn wrong<T>(line: u64, words: impl Into<String>) -> Result<T, Misread> {
    Err(Misread { line, words: words.into() })
}

/// Reads a file. A row or section with the answer of an earlier one is another phrasing of it.
///
/// # Errors
/// The first place that does not fit.
pub fn read(form: Form, file: &[u8]) -> Result<Vec<Article>, Misread> {
    let text = std::str::from_utf8(file).or_else(|error| {
        let before = file.get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count() as u64;
        wrong(line, "is not UTF-8; save the file as UTF-8 and send it again")
    })?;
    let mut misread = Vec::new();
    let articles = articles(rows(form, text, &mut misread)?, form, true, &mut misread);
    match misread.into_iter().min_by_key(|misread| misread.line) {
        Some(misread) => Err(misread),
        None => Ok(articles),
    }
}

/// Reads what fits of a file, for trying it out: whatever does not is left out and told, and nothing is too much.
///
/// # Errors
/// When it has no columns for question and answer, or nothing fits.
pub fn read_what_fits(form: Form, file: &[u8]) -> Result<(Vec<Article>, Vec<Misread>), Misread> {
    let mut misread = Vec::new();
    let rows = rows(form, &String::from_utf8_lossy(file), &mut misread)?;
    let articles = articles(rows, form, false, &mut misread);
    if articles.is_empty() {
        misread.into_iter().next().map_or_else(|| wrong(1, NOTHING), Err)
    } else {
        Ok((articles, misread))
    }
}

const NOTHING: &str = "has no question with an answer";

fn rows(form: Form, text: &str, misread: &mut Vec<Misread>) -> Result<Vec<Line>, Misread> {
    // Spreadsheets put a byte order mark first.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rows = match form {
        Form::Csv => csv_rows(text, misread)?,
        Form::Markdown => sections(text)?,
    };
    if rows.is_empty() && misread.is_empty() { wrong(1, NOTHING) } else { Ok(rows) }
}

/// A question with its answer, and where it stands.
#[derive(Debug)]
struct Line {
    line: u64,
    article: Article,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Question,
    Answer,
    Language,
    Id,
}

impl Column {
    fn of_header(name: &str) -> Option<Self> {
        Some(match name.trim().to_lowercase().as_str() {
            "question" | "utterance" | "text" | "query" => Self::Question,
            "answer" | "response" | "category" | "label" | "intent" => Self::Answer,
            "language" => Self::Language,
            "id" => Self::Id,
            _ => return None,
        })
    }
}

fn csv_rows(text: &str, misread: &mut Vec<Misread>) -> Result<Vec<Line>, Misread> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let (mut rows, mut columns): (Vec<Line>, Vec<Option<Column>>) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(1, csv::Position::line);
                return wrong(line, format!("is no row of a CSV file: {error}"));
            }
        };
        let line = record.position().map_or(1, csv::Position::line);
        if columns.is_empty() {
            columns = record.iter().map(Column::of_header).collect();
            // "text, label, category" has two names for the answer: the first one counts.
            for at in 1..columns.len() {
                if columns.get(..at).is_some_and(|before| before.contains(&columns[at])) {
                    columns[at] = None;
                }
            }
            if columns.contains(&Some(Column::Question)) && columns.contains(&Some(Column::Answer)) {
                continue;
            }
            if record.len() != 2 || columns.iter().any(Option::is_some) {
                let words = "the first row names no column for the question and one for the answer; name them \
                             `question` and `answer`, or give two columns without names";
                return wrong(line, words);
            }
            columns = vec![Some(Column::Question), Some(Column::Answer)];
        }
        if record.len() != columns.len() {
            let words = format!(
                "has {} columns where the first row has {}; put texts with commas in double quotes",
                record.len(),
                columns.len()
            );
            misread.push(Misread { line, words });
            continue;
        }
        let mut article = Article::default();
        for (value, column) in record.iter().zip(&columns) {
            match column {
                Some(Column::Question) => article.question = value.to_owned(),
                Some(Column::Answer) => article.answer = value.to_owned(),
                Some(Column::Language) => article.language = Some(value.to_owned()),
                Some(Column::Id) => article.id = value.to_owned(),
                None => {}
            }
        }
        rows.push(Line { line, article });
    }
    Ok(rows)
}

/// A question of a page: a heading, or a line in bold.
fn heading(line: &str) -> Option<&str> {
    let line = line.trim();
    let rest = line.trim_start_matches('#');
    let level = line.len() - rest.len();
    if (1..=6).contains(&level) && (rest.is_empty() || rest.starts_with([' ', '\t'])) {
        return Some(rest.trim().trim_end_matches('#').trim());
    }
    let item = line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")).unwrap_or(line).trim();
    let bold = item.strip_prefix("**")?.strip_suffix("**")?;
    (!bold.is_empty() && !bold.contains("**")).then(|| bold.trim())
}

fn sections(text: &str) -> Result<Vec<Line>, Misread> {
    let mut found: Vec<Line> = Vec::new();
    let mut fenced = false;
    for (number, line) in (1..).zip(text.lines()) {
        fenced ^= line.trim_start().starts_with("```");
        match heading(line).filter(|_| !fenced) {
            Some(question) => {
                let article = Article { question: question.to_owned(), ..Article::default() };
                found.push(Line { line: number, article });
            }
            None => match found.last_mut() {
                Some(section) => {
                    section.article.answer.push_str(line);
                    section.article.answer.push('\n');
                }
                None if line.trim().is_empty() => {}
                None => {
                    let words =
                        "stands before the first question; begin with a heading, such as `## When are you open?`";
                    return wrong(number, words);
                }
            },
        }
    }
    // A title above other headings asks nothing.
    let mut at = 0;
    found.retain(|section| {
        at += 1;
        at > 1 || !section.article.answer.trim().is_empty()
    });
    Ok(found)
}

/// Puts what has one answer together. What does not fit is left out and told; `strict` is how much of it does not.
fn articles(rows: Vec<Line>, form: Form, strict: bool, misread: &mut Vec<Misread>) -> Vec<Article> {
    let mut articles: Vec<Article> = Vec::new();
    // By language, answer and given id; by question; by id.
    let mut by_answer: HashMap<(Option<String>, String, String), usize> = HashMap::new();
    let mut by_question: HashMap<String, (usize, u64)> = HashMap::new();
    let mut by_id: HashMap<String, u64> = HashMap::new();
    for Line { line, article } in rows {
        let given = article.id.trim().to_owned();
        let article = article.tidy();
        let mut wrong = |words: String| misread.push(Misread { line, words });
        if let Some((field, rule)) = article.misfits().into_iter().next() {
            wrong(match form {
                Form::Csv => format!("column {field}: {rule}"),
                Form::Markdown => format!("the {field}: {rule}"),
            });
            continue;
        }
        let key = (article.language.clone(), article.answer.clone(), given);
        let at = *by_answer.entry(key).or_insert(articles.len());
        if strict {
            match by_question.get(&article.question) {
                Some((other, first)) if *other != at => {
                    wrong(format!("the question of line {first} again, with another answer; keep one of the two"));
                }
                _ => {}
            }
            by_question.insert(article.question.clone(), (at, line));
        }
        let Some(known) = articles.get_mut(at) else {
            if let Some(first) = by_id.insert(article.id.clone(), line).filter(|_| strict) {
                wrong(format!("column id: `{}` stands in line {first} with another answer", article.id));
            }
            articles.push(article);
            continue;
        };
        if known.question != article.question && !known.phrasings.contains(&article.question) {
            if strict && known.phrasings.len() == PHRASINGS {
                wrong(format!("this answer has more than {PHRASINGS} phrasings; keep those that differ most"));
            }
            known.phrasings.push(article.question);
        }
    }
    articles
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Articles as `question | phrasing = answer`.
    fn told(form: Form, file: &str) -> Vec<String> {
        let articles = read(form, file.as_bytes()).unwrap_or_else(|error| panic!("{file:?}: {error}"));
        let questions = |article: &Article| article.questions().collect::<Vec<_>>().join(" | ");
        articles.iter().map(|article| format!("{} = {}", questions(article), article.answer)).collect()
    }

    #[test]
    fn tables_of_many_kinds_are_read() {
        for (file, expected) in [
            ("question,answer\nOpen?,9 to 5\n", &["Open? = 9 to 5"][..]),
            ("Answer,QUESTION\n\"9, to 5\",Open?", &["Open? = 9, to 5"]),
            (
                "\u{feff}utterance,intent\r\nopen?,hours\r\nwhere?,place\r\nclosed?,hours\r\n",
                &["open? | closed? = hours", "where? = place"],
            ),
            ("text,category\na,x\na,x\nb,x\n", &["a | b = x"]),
            ("tags,text,label,category\nt,a,x,y\n", &["a = x"]),
            ("Open?,9 to 5\nWhere?,here", &["Open? = 9 to 5", "Where? = here"]),
            ("question,answer\nOpen?,\"9 to 5\nand later\"\n", &["Open? = 9 to 5\nand later"]),
            ("id,language,query,response\nhours,de,Offen?,9-17\n,,Open?,9-17\n", &["Offen? = 9-17", "Open? = 9-17"]),
        ] {
            assert_eq!(told(Form::Csv, file), expected, "{file:?}");
        }
        let named = read(Form::Csv, b"id,language,query,response\nhours,de,Offen?,9-17\n").unwrap();
        assert_eq!((named[0].id.as_str(), named[0].language.as_deref()), ("hours", Some("de")));
    }

    #[test]
    fn to_try_a_file_out_what_fits_is_enough() {
        let many: String = (0..22).map(|n| format!("q{n},same\n")).collect();
        let file = [b"text,label\nOpen?,hours\nOpen?,doors\n?,x\na,b,c\n\xff wo?,place\n", many.as_bytes()].concat();
        let (articles, misread) = read_what_fits(Form::Csv, &file).unwrap();
        let told: Vec<_> = articles.iter().map(|one| (one.question.as_str(), one.phrasings.len())).collect();
        assert_eq!(told, [("Open?", 0), ("Open?", 0), ("\u{fffd} wo?", 0), ("q0", 21)]);
        assert_eq!(misread.iter().map(|one| one.line).collect::<Vec<_>>(), [5, 4]);
        assert_eq!(read_what_fits(Form::Csv, b"a,b,c\n").unwrap_err().line, 1);
        assert_eq!(read_what_fits(Form::Csv, b"question,answer\n?,x\n").unwrap_err().line, 2);
    }

    #[test]
    fn pages_are_read_by_their_headings() {
        for (page, expected) in [
            (
                "# FAQ\n\n## Open?\n\n9 to 5\n\n- and *later*\n\n## Where?\nhere\n",
                &["Open? = 9 to 5\n\n- and *later*", "Where? = here"][..],
            ),
            ("**Open?**\n9 to 5\n\n- **Where?**\n  here\n", &["Open? = 9 to 5", "Where? = here"]),
            ("## Open? ##\n9 to **5**\n", &["Open? = 9 to **5**"]),
            ("# Open?\n9 to 5\n# Closed?\n9 to 5\n", &["Open? | Closed? = 9 to 5"]),
            ("# Code?\n```\n# no heading\n```\n", &["Code? = ```\n# no heading\n```"]),
            ("# Where?\n#1 High Street\n", &["Where? = #1 High Street"]),
        ] {
            assert_eq!(told(Form::Markdown, page), expected, "{page:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_line() {
        let long = format!("question,answer\nOpen?,{}", "x".repeat(4_097));
        let many: String = (0..22).map(|n| format!("q{n},same\n")).collect();
        for (form, file, expected) in [
            (Form::Csv, &b""[..], "line 1: has no question with an answer"),
            (Form::Csv, b"question,answer\n", "line 1: has no question with an answer"),
            (
                Form::Csv,
                b"a,b,c\n1,2,3\n",
                "line 1: the first row names no column for the question and one for the answer",
            ),
            (Form::Csv, b"question,comment\na,b\n", "line 1: the first row names no column"),
            (
                Form::Csv,
                b"question,answer\nOpen?,9, to 5\n",
                "line 2: has 3 columns where the first row has 2; put texts",
            ),
            (Form::Csv, b"question,answer\nOpen?,9 to 5\nWhere?, \n", "line 3: column answer: has 1 to 4096 bytes"),
            (Form::Csv, b"question,answer\n?,9 to 5\n", "line 2: column question: has 1 to 500 bytes"),
            (Form::Csv, b"id,question,answer\na b,Open?,9 to 5\n", "line 2: column id: has 1 to 64 letters"),
            (Form::Csv, b"language,question,answer\nx,Open?,9 to 5\n", "line 2: column language: is no BCP 47"),
            (
                Form::Csv,
                b"id,question,answer\na,Open?,9 to 5\na,Where?,here\n",
                "line 3: column id: `a` stands in line 2 with",
            ),
            (
                Form::Csv,
                b"question,answer\nOpen?,9 to 5\nOpen?,8 to 6\n",
                "line 3: the question of line 2 again, with another",
            ),
            (
                Form::Csv,
                b"question,answer\nOpen?,9 to 5\nWhere?,\xff\n",
                "line 3: is not UTF-8; save the file as UTF-8",
            ),
            (Form::Csv, long.as_bytes(), "line 2: column answer: has 1 to 4096 bytes of text, which is what a message"),
            (Form::Csv, many.as_bytes(), "line 22: this answer has more than 20 phrasings"),
            (
                Form::Markdown,
                b"Welcome!\n# Open?\n9 to 5\n",
                "line 1: stands before the first question; begin with a heading",
            ),
            (Form::Markdown, b"# Open?\n9 to 5\n# Where?\n\n", "line 3: the answer: has 1 to 4096 bytes"),
            (Form::Markdown, b"# FAQ\n", "line 1: has no question with an answer"),
        ] {
            let file_text = String::from_utf8_lossy(file).chars().take(80).collect::<String>();
            let told = read(form, file).map(|found| found.len()).unwrap_err().to_string();
            assert!(told.starts_with(expected), "{file_text:?}: {told}");
        }
    }
}
