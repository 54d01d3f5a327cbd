//! One answer of the gate in sentences: the rule, the facts that decided, and what would have to change.
//!
//! All comes from the record: nothing is looked up, and nothing is decided anew.

use jiff::tz::TimeZone;

use crate::domain::consent::{Consent, EVERYWHERE};
use crate::domain::gate::{Facts, Rule};
use crate::domain::message::{Author, Message, OWN, Purpose};
use crate::domain::time::{self, Instant, MINUTE};
use crate::turn::judge::Decided;

use super::language::{Language, clock};
use super::sentence::{Phrase, Seen, Sentence};

/// An answer of the gate, about to be told.
pub struct Telling<'a> {
    /// In which language.
    pub language: Language,
    /// The business's zone.
    pub zone: &'a TimeZone,
    /// The message it is about.
    pub message: &'a Message,
    /// What the gate was asked and said.
    pub decided: &'a Decided,
}

impl Telling<'_> {
    /// What the gate said, and the facts that decided.
    pub fn sentences(&self) -> Vec<String> {
        let mut sentences = vec![self.answer()];
        sentences.extend(self.inputs());
        sentences
    }

    /// What would have to change for such a message to go out; none if it does, sooner or later.
    pub fn remedy(&self) -> Option<String> {
        let Decided { rule, until, facts, .. } = self.decided;
        if *rule == Rule::Clear || until.is_some() {
            return None;
        }
        let withdrawn = facts.withdrawn.as_ref().filter(|_| *rule == Rule::OptedOut);
        let phrase = match withdrawn {
            Some(withdrawn) if withdrawn.purpose.is_some() => Phrase::AgreeAgain,
            Some(_) if facts.author == Author::Staff => Phrase::StartOrInSpite,
            _ => Phrase::Remedy(*rule),
        };
        Some(self.language.phrase(phrase))
    }

    fn say(&self, sentence: Sentence<'_>) -> String {
        self.language.say(sentence)
    }

    fn phrase(&self, phrase: Phrase<'_>) -> String {
        self.language.phrase(phrase)
    }

    fn when(&self, at: Instant) -> String {
        self.language.moment(at, self.zone)
    }

    fn channel(&self) -> String {
        self.phrase(Phrase::Channel(&self.decided.facts.channel))
    }

    fn kind(&self, purpose: Purpose) -> String {
        self.phrase(Phrase::Kind(purpose))
    }

    /// When it was asked, and what it said.
    fn answer(&self) -> String {
        let Decided { claiming, rule, until, facts, .. } = self.decided;
        let when = self.when(facts.now);
        let asked = self.phrase(if *claiming { Phrase::WhenDue { when: &when } } else { Phrase::WhenWritten });
        let asked = asked.as_str();
        let words = self.phrase(match &facts.withdrawn {
            Some(Consent { purpose: Some(_), .. }) if *rule == Rule::OptedOut => Phrase::TookBack,
            _ => Phrase::Rule(*rule),
        });
        match until {
            _ if *rule == Rule::Clear => self.say(Sentence::Clear { asked, seen: &self.seen() }),
            None => self.say(Sentence::Withheld { asked, rule: &words }),
            Some(_) if *rule == Rule::Paused => self.say(Sentence::WaitsForResume { asked, rule: &words }),
            Some(until) => self.say(Sentence::Waits { asked, rule: &words, until: &self.when(*until) }),
        }
    }

    /// The facts that decided.
    fn inputs(&self) -> Vec<String> {
        let Decided { rule, facts, .. } = self.decided;
        let origin = self.message.origin.as_ref();
        let key = origin.and_then(|origin| origin.once.as_deref());
        match rule {
            Rule::OptedOut => facts.withdrawn.iter().map(|one| self.withdrawn(one)).collect(),
            Rule::Unreachable => vec![self.say(Sentence::NoAddress { channel: &self.channel() })],
            Rule::Expired => facts.expires.iter().map(|at| self.pointless(*at, facts)).collect(),
            Rule::ToMachine => vec![self.say(Sentence::Machine)],
            Rule::PluginOff => {
                origin.iter().map(|origin| self.say(Sentence::PluginOff { plugin: &origin.plugin })).collect()
            }
            Rule::Paused => vec![self.say(Sentence::Paused)],
            Rule::Repeated => key.iter().map(|key| self.say(Sentence::KeyUsed { key })).collect(),
            Rule::SameText => {
                let is_reply = facts.purpose == Purpose::Reply;
                vec![self.say(if is_reply { Sentence::SameAnswer } else { Sentence::SameText })]
            }
            Rule::NoConsent => {
                let (kind, channel) = (self.kind(facts.purpose), self.channel());
                vec![self.say(Sentence::NoConsent { kind: &kind, channel: &channel })]
            }
            Rule::PersonHere => {
                vec![self.say(Sentence::PersonHere { service: facts.purpose == Purpose::Service })]
            }
            Rule::TooOften => self.too_often(facts),
            Rule::TooManyInARow => {
                vec![self.say(Sentence::InARow { sent: facts.in_a_row, most: facts.in_a_row_allowed })]
            }
            Rule::NoWayOut => vec![self.say(Sentence::NoLink { kind: &self.kind(facts.purpose) })],
            Rule::QuietHours => self.quiet(facts),
            Rule::Clear => Vec::new(),
        }
    }

    fn withdrawn(&self, withdrawn: &Consent) -> String {
        let text = withdrawn.text.as_deref().map(|text| self.phrase(Phrase::Quote(&plain(text))));
        let kind = withdrawn.purpose.map(|purpose| self.kind(purpose));
        let channel = (withdrawn.channel != EVERYWHERE).then(|| self.phrase(Phrase::Channel(&withdrawn.channel)));
        self.say(Sentence::Withdrawn {
            when: &self.when(withdrawn.at),
            source: withdrawn.source,
            text: text.as_deref(),
            by: withdrawn.by.as_deref(),
            scope: &self.phrase(Phrase::Scope { kind: kind.as_deref(), channel: channel.as_deref() }),
        })
    }

    fn pointless(&self, expires: Instant, facts: &Facts) -> String {
        let at = self.when(expires);
        match facts.allowed_at.filter(|_| expires > facts.now) {
            Some(allowed) => self.say(Sentence::PointlessByThen { at: &at, allowed: &self.when(allowed) }),
            None => self.say(Sentence::Pointless { at: &at }),
        }
    }

    fn too_often(&self, facts: &Facts) -> Vec<String> {
        let Some(room) = facts.room else { return Vec::new() };
        let (sent, most, hours) = (room.sent, room.cap.most, room.cap.hours);
        let mut sentences = vec![self.say(Sentence::TooOften { sent, most, hours })];
        sentences.extend(room.again.map(|again| self.say(Sentence::RoomAgain { at: &self.when(again) })));
        sentences
    }

    /// The customer's clock decided, so it is the one that is told.
    fn quiet(&self, facts: &Facts) -> Vec<String> {
        let zone = time::zone_or_utc(&facts.zone);
        let now = self.language.moment(facts.now, &zone);
        let ends = facts.allowed_at.map(|at| self.language.moment(at, &zone));
        let mut sentences = vec![self.say(Sentence::Quiet { now: &now, ends: ends.as_deref() })];
        // Quiet hours are set by the minute; what ends within one was moved for this customer.
        if facts.allowed_at.is_some_and(|at| at.0 % MINUTE != 0) {
            sentences.push(self.say(Sentence::Spread));
        }
        sentences
    }

    /// What was looked at and in order, by who speaks: staff and Attune itself have fewer rules than plugins.
    fn seen(&self) -> String {
        let facts = &self.decided.facts;
        let mut seen = vec![match &facts.withdrawn {
            None => Seen::NoStop,
            Some(_) if facts.confirms_stop => Seen::ConfirmsStop,
            Some(_) => Seen::InSpite,
        }];
        if facts.channel != OWN {
            seen.push(Seen::Address);
        }
        let zone = time::zone_or_utc(&facts.zone);
        let clock = clock(facts.now, &zone);
        if facts.author == Author::Automation {
            if facts.consent_needed {
                seen.push(Seen::Agreed);
            }
            seen.push(if facts.case_open { Seen::DuringCase } else { Seen::NobodyHere });
            if let Some(room) = facts.room {
                seen.push(Seen::Room { sent: room.sent, most: room.cap.most, hours: room.cap.hours });
            }
            seen.push(Seen::InARow { sent: facts.in_a_row, most: facts.in_a_row_allowed });
            seen.push(Seen::Awake { clock: &clock, zone: &facts.zone });
        }
        let seen: Vec<String> = seen.into_iter().map(|one| self.phrase(Phrase::Seen(one))).collect();
        self.language.list(&seen)
    }
}

/// What somebody wrote, on one line and without what a terminal would obey.
pub fn plain(text: &str) -> String {
    let shown: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}
