//! The languages of a story: whose words are asked for, moments, lists.
//!
//! Knows no words itself.

use jiff::tz::TimeZone;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::locale;
use crate::domain::time::Instant;

use super::sentence::{Phrase, Sentence};
use super::{english, german, spanish};

/// A language that stories are told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
pub enum Language {
    /// English.
    #[default]
    #[serde(rename = "en")]
    English,
    /// German.
    #[serde(rename = "de")]
    German,
    /// Spanish.
    #[serde(rename = "es")]
    Spanish,
}

impl Language {
    /// The words of a sentence.
    pub fn say(self, sentence: Sentence<'_>) -> String {
        match self {
            Self::English => english::sentence(sentence),
            Self::German => german::sentence(sentence),
            Self::Spanish => spanish::sentence(sentence),
        }
    }

    /// The words of a part of a sentence.
    pub fn phrase(self, phrase: Phrase<'_>) -> String {
        match self {
            Self::English => english::phrase(phrase),
            Self::German => german::phrase(phrase),
            Self::Spanish => spanish::phrase(phrase),
        }
    }

    /// The tag by which [`locale`] knows it.
    fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::Spanish => "es",
        }
    }

    /// A moment as a clock in a zone shows it.
    pub fn moment(self, at: Instant, zone: &TimeZone) -> String {
        let wall = at.in_zone(zone);
        self.phrase(Phrase::Moment {
            weekday: locale::weekday(self.tag(), wall.weekday()),
            day: wall.day(),
            month: locale::month(self.tag(), wall.month()),
            year: wall.year(),
            clock: &clock(at, zone),
            zone: zone.iana_name().unwrap_or("UTC"),
        })
    }

    /// Several parts as one list.
    pub fn list(self, parts: &[String]) -> String {
        match parts.split_last() {
            None => String::new(),
            Some((last, [])) => last.clone(),
            Some((last, rest)) => self.phrase(Phrase::And { some: &rest.join(", "), last }),
        }
    }
}

/// A number with the word for what it counts, for one and for any other number.
pub fn count(number: u32, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A number with two decimals, as most of Europe writes it.
pub fn decimal(number: f32) -> String {
    format!("{number:.2}").replace('.', ",")
}

/// The time of day in a zone.
pub fn clock(at: Instant, zone: &TimeZone) -> String {
    at.in_zone(zone).strftime("%H:%M").to_string()
}
