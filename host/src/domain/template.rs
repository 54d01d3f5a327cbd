//! Templates: messages whose words the owner approved, with places to be filled in.
//!
//! `Hello {name}, we see you on {starts:weekday} at {starts:time}.` A brace that is meant as one is written twice. How
//! dates, times and amounts are written follows the language (see [`super::locale`]).
//!
//! Never runs anything: a template has no conditions and no loops, and a value is never read as a template.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::locale;
use super::nearest::nearest;
use super::order::Money;
use super::time::{self, Instant};

/// A template that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
    placeholders: Vec<(String, Format)>,
}

/// How a placeholder shows its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// `{name}`: a text as it is.
    Text,
    /// `{starts:date}`: weekday, day and month.
    Date,
    /// `{starts:time}`: the time of day.
    Time,
    /// `{starts:weekday}`: the weekday alone.
    Weekday,
    /// `{total:money}`: an amount.
    Money,
}

/// A value for a placeholder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    /// A text.
    Text(String),
    /// A moment, and the IANA zone in which a person should read it.
    Moment {
        /// When.
        at: Instant,
        /// Such as `Europe/Berlin`.
        zone: String,
    },
    /// An amount.
    Money(Money),
}

/// The longest name of a placeholder, in bytes.
pub const NAME_BYTES: usize = 64;

/// A template that cannot be read or does not fit what was declared. Positions count characters from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `{` without `}`.
    #[error("the brace opened at character {at} is not closed; write {{{{ for a brace that is meant as one")]
    Unclosed {
        /// Where the brace stands.
        at: usize,
    },
    /// `}` without `{`.
    #[error("the brace at character {at} closes nothing; write }}}} for a brace that is meant as one")]
    Stray {
        /// Where the brace stands.
        at: usize,
    },
    /// A name that is none.
    #[error("`{name}` at character {at} is not a name; a name is a letter, then up to 63 letters, digits, `_` or `-`")]
    BadName {
        /// Where the brace stands.
        at: usize,
        /// What stands there.
        name: String,
    },
    /// A format that does not exist.
    #[error(
        "`{format}` in `{{{name}:{format}}}` at character {at} is not a format; there are date, time, weekday, money"
    )]
    UnknownFormat {
        /// Where the brace stands.
        at: usize,
        /// The placeholder's name.
        name: String,
        /// The format that was asked for.
        format: String,
    },
    /// A placeholder that nothing fills.
    #[error("`{{{name}}}` is not a value of this template{}; there are: {}", did_you_mean(.nearest), listed(.declared))]
    Undeclared {
        /// The placeholder's name.
        name: String,
        /// What was probably meant.
        nearest: Option<String>,
        /// What there is.
        declared: Vec<String>,
    },
}

/// A template that cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A placeholder has no value.
    #[error("no value was given for `{{{name}}}`")]
    Missing {
        /// The placeholder's name.
        name: String,
    },
    /// A value is of the wrong kind.
    #[error("`{{{name}}}` was given {given}, but is shown as {wanted}")]
    WrongKind {
        /// The placeholder's name.
        name: String,
        /// What the template shows.
        wanted: Format,
        /// What was given: `a text`, `a moment`, `an amount`.
        given: &'static str,
    },
    /// A moment in a zone that does not exist.
    #[error("`{{{name}}}` was given the zone `{zone}`, which is not an IANA zone such as Europe/Berlin")]
    BadZone {
        /// The placeholder's name.
        name: String,
        /// The zone that was given.
        zone: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Placeholder(String, Format),
}

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut placeholders: Vec<(String, Format)> = Vec::new();
        let mut literal = String::new();
        let mut chars = text.chars().enumerate().map(|(index, c)| (index + 1, c)).peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '{' | '}' if chars.next_if(|&(_, next)| next == c).is_some() => literal.push(c),
                '}' => return Err(TemplateError::Stray { at }),
                '{' => {
                    let mut inside = String::new();
                    loop {
                        match chars.next() {
                            Some((_, '}')) => break,
                            Some((_, '{')) | None => return Err(TemplateError::Unclosed { at }),
                            Some((_, c)) => inside.push(c),
                        }
                    }
                    let (name, format) = placeholder(&inside, at)?;
                    if !literal.is_empty() {
                        parts.push(Part::Literal(std::mem::take(&mut literal)));
                    }
                    parts.push(Part::Placeholder(name.clone(), format));
                    placeholders.push((name, format));
                }
                _ => literal.push(c),
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        placeholders.sort();
        placeholders.dedup();
        Ok(Self { parts, placeholders })
    }

    /// What has to be filled in: names and formats, each once, sorted. A name stands more than once if it is shown in
    /// several formats.
    pub fn placeholders(&self) -> &[(String, Format)] {
        &self.placeholders
    }

    /// The values that have to be given: names, each with the kind of value (`a text`, `a moment`, `an amount`).
    pub fn kinds(&self) -> BTreeSet<(String, &'static str)> {
        self.placeholders.iter().map(|(name, format)| (name.clone(), format.kind())).collect()
    }

    /// Checks that every placeholder is among those declared. Names the first one that is not, and what was probably
    /// meant.
    pub fn check(&self, declared: &[String]) -> Result<(), TemplateError> {
        match self.placeholders.iter().find(|(name, _)| !declared.contains(name)) {
            None => Ok(()),
            Some((name, _)) => Err(TemplateError::Undeclared {
                name: name.clone(),
                nearest: nearest(name, declared.iter().map(String::as_str)).map(str::to_owned),
                declared: declared.to_vec(),
            }),
        }
    }

    /// Fills it in. Values that no placeholder asks for are ignored. In texts, control characters other than line ends
    /// become spaces.
    pub fn render(&self, values: &BTreeMap<String, Value>, locale: &str) -> Result<String, RenderError> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Placeholder(name, format) => {
                    let value = values.get(name).ok_or_else(|| RenderError::Missing { name: name.clone() })?;
                    show(name, *format, value, locale, &mut out)?;
                }
            }
        }
        Ok(out)
    }
}

fn placeholder(inside: &str, at: usize) -> Result<(String, Format), TemplateError> {
    let (name, format) = match inside.split_once(':') {
        Some((name, format)) => (name.trim(), Some(format.trim())),
        None => (inside.trim(), None),
    };
    let shown = |text: &str| text.chars().take(NAME_BYTES).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let is_name = name.len() <= NAME_BYTES
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if !is_name {
        return Err(TemplateError::BadName { at, name: shown(name) });
    }
    match format.map_or(Some(Format::Text), Format::parse) {
        Some(format) => Ok((name.to_owned(), format)),
        None => {
            let format = shown(format.unwrap_or_default());
            Err(TemplateError::UnknownFormat { at, name: name.to_owned(), format })
        }
    }
}

fn show(name: &str, format: Format, value: &Value, locale: &str, out: &mut String) -> Result<(), RenderError> {
    let moment = |at: &Instant, zone: &str| match time::zone(zone) {
        Some(zone) => Ok(at.in_zone(&zone)),
        None => Err(RenderError::BadZone { name: name.to_owned(), zone: locale::clean(zone) }),
    };
    match (format, value) {
        (Format::Text, Value::Text(text)) => out.push_str(&locale::clean(text)),
        (Format::Date, Value::Moment { at, zone }) => {
            out.push_str(&locale::date(locale, moment(at, zone)?.date()));
        }
        (Format::Time, Value::Moment { at, zone }) => {
            out.push_str(&locale::time(locale, moment(at, zone)?.time()));
        }
        (Format::Weekday, Value::Moment { at, zone }) => {
            out.push_str(locale::weekday(locale, moment(at, zone)?.date().weekday()));
        }
        (Format::Money, Value::Money(amount)) => out.push_str(&locale::money(locale, amount)),
        (wanted, given) => {
            return Err(RenderError::WrongKind { name: name.to_owned(), wanted, given: given.kind() });
        }
    }
    Ok(())
}

impl Format {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "date" => Self::Date,
            "time" => Self::Time,
            "weekday" => Self::Weekday,
            "money" => Self::Money,
            _ => return None,
        })
    }
}

impl Format {
    /// The kind of value that is shown so, as [`Value::kind`] names it.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Date | Self::Time | Self::Weekday => "a moment",
            Self::Money => "an amount",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "a text",
            Self::Date => "a date",
            Self::Time => "a time",
            Self::Weekday => "a weekday",
            Self::Money => "an amount",
        })
    }
}

impl Value {
    /// `a text`, `a moment` or `an amount`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Moment { .. } => "a moment",
            Self::Money(_) => "an amount",
        }
    }
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!(" (did you mean `{{{name}}}`?)")).unwrap_or_default()
}

fn listed(declared: &[String]) -> String {
    if declared.is_empty() { "none".to_owned() } else { declared.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> BTreeMap<String, Value> {
        let at = Instant::parse("2026-03-03T13:30:00Z").unwrap();
        [
            ("name", Value::Text("Anna\r\u{7}\nMüller {starts:date}".to_owned())),
            ("starts", Value::Moment { at, zone: "Europe/Berlin".to_owned() }),
            ("lost", Value::Moment { at, zone: "Mars/Olympus".to_owned() }),
            ("total", Value::Money(Money { amount_minor: 123_450, currency: "EUR".to_owned() })),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    #[test]
    fn fills_in_values_as_the_language_writes_them() {
        for (template, locale, expected) in [
            ("Hello {name}!", "en", "Hello Anna  \nMüller {starts:date}!"),
            ("{starts:date}, { starts : time }", "en", "Tuesday 3 March, 2:30 pm"),
            ("{starts:weekday} {starts:time}", "en-GB", "Tuesday 14:30"),
            (
                "Am {starts:date} um {starts:time} Uhr: {total:money}",
                "de",
                "Am Dienstag, 3. März um 14:30 Uhr: 1.234,50 €",
            ),
            ("le {starts:date}", "fr-CA", "le mardi 3 mars"),
            ("el {starts:date}", "es", "el martes, 3 de marzo"),
            ("{{name}} costs {total:money} }}{{", "en", "{name} costs €1,234.50 }{"),
            ("", "en", ""),
        ] {
            assert_eq!(Template::parse(template).unwrap().render(&values(), locale).unwrap(), expected);
        }
    }

    #[test]
    fn what_cannot_be_read_is_said_with_its_place() {
        for (template, error) in [
            ("Hi {name", "the brace opened at character 4 is not closed; write {{ for a brace that is meant as one"),
            ("Hi {na{me}}", "the brace opened at character 4 is not closed; write {{ for a brace that is meant as one"),
            ("ü} x", "the brace at character 2 closes nothing; write }} for a brace that is meant as one"),
            ("{}", "`` at character 1 is not a name; a name is a letter, then up to 63 letters, digits, `_` or `-`"),
            (
                "ä {first name}",
                "`first name` at character 3 is not a name; a name is a letter, then up to 63 letters, digits, `_` or `-`",
            ),
            (
                "{starts:hour}",
                "`hour` in `{starts:hour}` at character 1 is not a format; there are date, time, weekday, money",
            ),
        ] {
            assert_eq!(Template::parse(template).unwrap_err().to_string(), error);
        }
    }

    #[test]
    fn what_cannot_be_filled_in_is_named() {
        for (template, error) in [
            ("{nobody}", "no value was given for `{nobody}`"),
            ("{starts}", "`{starts}` was given a moment, but is shown as a text"),
            ("{name:money}", "`{name}` was given a text, but is shown as an amount"),
            (
                "{lost:time}",
                "`{lost}` was given the zone `Mars/Olympus`, which is not an IANA zone such as Europe/Berlin",
            ),
        ] {
            assert_eq!(Template::parse(template).unwrap().render(&values(), "en").unwrap_err().to_string(), error);
        }
    }

    #[test]
    fn an_undeclared_placeholder_is_named_with_what_was_meant() {
        let declared = ["name".to_owned(), "starts".to_owned()];
        for (template, error) in [
            ("{name} {starts:date}", None),
            (
                "{Name}",
                Some("`{Name}` is not a value of this template (did you mean `{name}`?); there are: name, starts"),
            ),
            (
                "{start:date}",
                Some("`{start}` is not a value of this template (did you mean `{starts}`?); there are: name, starts"),
            ),
            ("{order}", Some("`{order}` is not a value of this template; there are: name, starts")),
        ] {
            let error = error.map(str::to_owned);
            assert_eq!(Template::parse(template).unwrap().check(&declared).err().map(|e| e.to_string()), error);
        }
        let error = Template::parse("{x}").unwrap().check(&[]).unwrap_err().to_string();
        assert_eq!(error, "`{x}` is not a value of this template; there are: none");
    }

    #[test]
    fn lists_each_placeholder_once() {
        let template = Template::parse("{name} {starts:date} {starts:time} {name}").unwrap();
        let expected = [("name", Format::Text), ("starts", Format::Date), ("starts", Format::Time)];
        assert_eq!(template.placeholders(), expected.map(|(name, format)| (name.to_owned(), format)));
    }

    #[test]
    fn values_are_stored_with_their_kind() {
        for (value, json) in [
            (Value::Text("x".to_owned()), r#"{"text":"x"}"#),
            (Value::Moment { at: Instant(5), zone: "UTC".to_owned() }, r#"{"moment":{"at":5,"zone":"UTC"}}"#),
            (
                Value::Money(Money { amount_minor: 5, currency: "EUR".to_owned() }),
                r#"{"money":{"amount_minor":5,"currency":"EUR"}}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&value).unwrap(), json);
            assert_eq!(serde_json::from_str::<Value>(json).unwrap(), value);
        }
    }

    #[test]
    fn huge_templates_are_read_in_one_pass() {
        for piece in ["{", "{{", "}", "{a}", "{a:date}", "\0", "\u{202e}"] {
            let _ = Template::parse(&piece.repeat(300_000));
        }
    }
}
