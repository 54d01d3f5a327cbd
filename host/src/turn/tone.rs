//! The tone of a message that a plugin sends: gathering what the choice goes by, and the words in that tone.
//!
//! Decides nothing by itself: that is [`tone::choose`]. The plugin neither asks for a tone nor hears of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::case::Stage;
use crate::domain::entry::{Input, News};
use crate::domain::ids::MessageId;
use crate::domain::locale;
use crate::domain::message::{Author, Purpose};
use crate::domain::template::Template;
use crate::domain::time::Instant;
use crate::domain::tone::{self, Because, CASE_LASTS, Facts, Heard, MOOD_LASTS, Mood, Subject, Tone, Trouble};
use crate::reading::{Read, intent};

use super::Turn;
use super::config::Prepared;

/// Why a message is worded as it is, as the record of why has it. Kept only where another tone than the plain one was called
/// for and the template knows that tone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Worded {
    /// Which message.
    #[schema(value_type = String)]
    pub message: MessageId,
    /// The tone that was called for.
    pub tone: Tone,
    /// What called for it.
    pub because: Because,
    /// Set if there was no wording in this tone in the message's language, so that it has the plain one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub missing: bool,
    /// The same in words.
    pub words: String,
}

/// A tone that was called for.
pub(super) struct Called {
    /// Which.
    pub tone: Tone,
    because: Because,
    /// Whether there is no wording in it.
    missing: bool,
}

impl Called {
    /// The tone of the words that the message gets.
    pub fn used(&self) -> Tone {
        if self.missing { Tone::Neutral } else { self.tone }
    }

    /// For the record of why.
    pub fn worded(self, message: MessageId) -> Worded {
        let Self { tone, because, missing } = self;
        let word = match tone {
            Tone::Neutral => "plainly",
            Tone::Apologetic => "apologetically",
            Tone::Warm => "warmly",
        };
        let words = if missing {
            format!("would be worded {word}, because {because}, but there is no such wording in this language")
        } else {
            format!("worded {word}, because {because}")
        };
        Worded { message, tone, because, missing, words }
    }
}

impl Prepared {
    /// The text for a language: that in a tone where the language has one, else the plain one. None if there is no text. The
    /// second is the text's locale, the third whether it is in that tone.
    pub(super) fn in_language(
        &self,
        wanted: &str,
        fallback: &str,
        tone: Option<Tone>,
    ) -> Option<(&Template, &str, bool)> {
        let locale = locale::pick(self.text.keys().map(String::as_str), wanted, fallback)?;
        let plain = self.text.get(locale)?;
        let variants = tone.and_then(|tone| self.tones.get(&tone));
        Some(match variants.and_then(|texts| in_language(texts, locale)) {
            Some(variant) => (variant, locale, true),
            None => (plain, locale, false),
        })
    }
}

/// A variant in a language: never one in another language, whatever the tone.
fn in_language<'a>(texts: &'a BTreeMap<String, Template>, locale: &str) -> Option<&'a Template> {
    texts.get(locale).or_else(|| texts.get(locale.split(['-', '_']).next()?))
}

impl Turn {
    /// The tone that a message from a template is called for to have; none if it is the plain one, or the template has no
    /// variant of it.
    pub(super) fn call_for_tone(
        &mut self,
        prepared: &Prepared,
        purpose: Purpose,
        about: Option<&str>,
        language: &str,
    ) -> Option<Called> {
        if prepared.tones.is_empty() {
            return None;
        }
        let facts = self.tone_facts(purpose, about);
        let (tone, because) = tone::choose(&facts).filter(|(tone, _)| prepared.tones.contains_key(tone))?;
        let fallback = &self.scene.config.business.language;
        let (_, _, in_tone) = prepared.in_language(language, fallback, Some(tone))?;
        Some(Called { tone, because, missing: !in_tone })
    }

    fn tone_facts(&mut self, purpose: Purpose, about: Option<&str>) -> Facts {
        let now = self.now();
        let order = about.and_then(|id| self.orders().into_iter().find(|order| order.id == id));
        let subject = match (&order, about) {
            (Some(_), _) => Some(Subject::Order),
            (None, Some(_)) => Some(Subject::Appointment),
            (None, None) => None,
        };
        let mut heard = Vec::new();
        if let Some(text) = self.own_message() {
            heard.push((Heard::Answered, mood(&self.reading(&text))));
        } else if let Some(text) = self.last_said(now) {
            heard.push((Heard::Last, mood(&self.reading(&text))));
        }
        heard.extend(self.case_began(subject));
        // An answer is worded by the question; news of an order also by the order.
        let order = order.filter(|_| purpose != Purpose::Reply);
        Facts { heard, order: order.and_then(|order| Trouble::of(&order, now)) }
    }

    /// The text of the customer's message that the running plugin handles.
    fn own_message(&self) -> Option<String> {
        match &self.subject.input {
            Input::Event(event) => match &event.news {
                News::Message(inbound) => Some(inbound.text.clone()),
                _ => None,
            },
            _ => None,
        }
    }

    /// What the customer last wrote before a moment, if it still counts then.
    fn last_said(&mut self, before: Instant) -> Option<String> {
        let said = self.messages(TONE_MESSAGES).into_iter();
        let mut said = said.filter(|one| one.author == Author::Customer && one.machine.is_none());
        let last = said.find(|one| one.at <= before)?;
        (last.at.plus(MOOD_LASTS) > before).then(|| last.text.clone())
    }

    /// The mood of the message that led to the customer's case, if the case is open or was lately, and may be about the same.
    fn case_began(&mut self, subject: Option<Subject>) -> Option<(Heard, Mood)> {
        let now = self.now();
        let case = self.case()?;
        let heard = match case.stage {
            Stage::Resolved { at, .. } if at.plus(CASE_LASTS) <= now => return None,
            Stage::Resolved { .. } => Heard::ClosedCase,
            _ => Heard::OpenCase,
        };
        let text = self.last_said(case.opened)?;
        let read = self.reading(&text);
        let intents: Vec<&str> = sure(&read).collect();
        let counts = subject.is_none_or(|subject| tone::may_be_about(subject, &intents));
        counts.then(|| (heard, mood(&read)))
    }
}

/// How many messages back a mood is looked for.
const TONE_MESSAGES: usize = 50;

/// The intents that count.
pub(super) fn sure(read: &Read) -> impl Iterator<Item = &str> {
    read.intents.iter().filter(|intent| intent.confidence >= intent::LEAST).map(|intent| &*intent.name)
}

/// What a reading says of the mood.
pub fn mood(read: &Read) -> Mood {
    let asks = |wanted: &str| sure(read).any(|name| name == wanted);
    Mood {
        polarity: read.mood.polarity,
        frustration: read.mood.frustration,
        complains: asks("complaint"),
        thanks: asks("thanks"),
    }
}
