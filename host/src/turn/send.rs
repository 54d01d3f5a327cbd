//! Staging a message: whether the words fit the purpose, what the text is, and what the gate says of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::domain::gate::Rule;
use crate::domain::locale;
use crate::domain::message::{Author, Delivery, Message, OWN, Origin, Purpose, WITHDRAWN, is_own};
use crate::domain::template::{Template, Value};
use crate::domain::time::Instant;

use super::judge::Written;
use super::tone::Called;
use super::{Effect, Refusal, Turn};

/// What a plugin wants to say.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// Free text.
    Text(String),
    /// A template by name, with its values.
    Template(String, BTreeMap<String, Value>),
}

/// A message that a plugin wants sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Draft {
    /// `reply`, `service`, `survey`, `marketing`.
    pub purpose: String,
    /// What to say.
    pub content: Content,
    /// On which channel; none leaves it to the host.
    pub channel: Option<String>,
    /// The order or appointment it is about.
    pub about: Option<String>,
    /// When it becomes pointless.
    pub expires: Option<Instant>,
    /// At most one message for one key.
    pub once: Option<String>,
}

/// The gate's word, as the plugin hears it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Goes out with this commit.
    Queued,
    /// Goes out at this moment at the earliest.
    Deferred(Instant),
    /// Does not go out.
    Withheld(&'static str, &'static str),
}

/// What became of a draft.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Receipt {
    /// The id it has, whatever the verdict.
    pub message: String,
    /// The gate's word.
    pub verdict: Verdict,
}

impl Turn {
    /// `message.send`: checks the draft, renders it, asks the gate and stages the message, withheld or not.
    pub fn send(&mut self, draft: Draft) -> Result<Receipt, Refusal> {
        let result = self.try_send(&draft);
        self.note("message.send", &draft, &result);
        result
    }

    fn try_send(&mut self, draft: &Draft) -> Result<Receipt, Refusal> {
        let plugin = self.running()?;
        let limits = self.limits;
        if self.used.messages >= limits.messages {
            return Err(Refusal::new("too-many", format!("one run may stage {} messages", limits.messages)));
        }
        let customer = self.customer().ok_or_else(no_customer)?;
        let purpose = Purpose::parse(&draft.purpose).ok_or_else(|| {
            Refusal::new("bad-purpose", format!("`{}` is none of reply, service, survey, marketing", draft.purpose))
        })?;
        if let Some(once) = &draft.once {
            self.fits("once", once, limits.key_bytes)?;
        }
        if purpose == Purpose::Reply && !self.handles_own_message() {
            return Err(Refusal::new(
                "bad-purpose",
                "a reply is only possible while handling this customer's own message",
            ));
        }
        if purpose == Purpose::Service && !self.is_theirs(draft.about.as_deref()) {
            let about = draft.about.as_deref().unwrap_or("nothing");
            return Err(Refusal::new(
                "no-subject",
                format!("a service message is about an order or appointment of this customer; `{about}` is none"),
            ));
        }
        let language = customer.language.clone().unwrap_or_else(|| self.scene.config.business.language.clone());
        let (mut called, mut template) = (None, None);
        let (text, subject) = match &draft.content {
            Content::Text(text) if purpose == Purpose::Reply => (text.clone(), None),
            Content::Text(_) => {
                return Err(Refusal::new("needs-template", "free text is only possible in a reply; use a template"));
            }
            Content::Template(name, values) => {
                let prepared = plugin.templates.get(name).ok_or_else(|| {
                    Refusal::new("no-template", format!("plugin `{}` has no template `{name}`", plugin.name))
                })?;
                if prepared.purpose != purpose && purpose != Purpose::Reply {
                    let wanted = prepared.purpose.word();
                    return Err(Refusal::new("bad-purpose", format!("template `{name}` is for {wanted} messages")));
                }
                let values = &self.with_zones(values);
                called = self.call_for_tone(prepared, purpose, draft.about.as_deref(), &language);
                let tone = called.as_ref().map(|called| called.tone);
                let (text, locale, _) = prepared
                    .in_language(&language, &self.scene.config.business.language, tone)
                    .ok_or_else(|| Refusal::new("no-template", format!("template `{name}` has no text")))?;
                let text = text
                    .render(values, locale)
                    .map_err(|error| Refusal::new("missing-value", format!("template `{name}`: {error}")))?;
                template = Some(name.clone());
                (text, fill(&prepared.subject, values, locale))
            }
        };
        if text.trim().is_empty() {
            return Err(Refusal::new("empty", "the message has no text"));
        }
        self.fits("text", &text, limits.message_bytes)?;
        let origin = Origin {
            plugin: plugin.name.to_string(),
            purpose,
            template,
            tone: called.as_ref().map(Called::used).unwrap_or_default(),
            about: draft.about.clone(),
            once: draft.once.clone(),
            expires: draft.expires,
        };
        let channel = self.pick_channel(draft.channel.as_deref(), purpose);
        self.used.messages += 1;
        self.used.bytes += text.len();
        let message = self.stage_message(Written {
            author: Author::Automation,
            channel,
            text,
            subject,
            language: Some(language),
            origin: Some(origin),
            staff: None,
            in_spite: false,
        });
        self.worded.extend(called.map(|called| called.worded(message.id)));
        Ok(Receipt { message: message.id.to_string(), verdict: verdict(&message.delivery) })
    }

    /// `message.withdraw`: takes back a message of the running plugin that has not gone out.
    pub fn withdraw(&mut self, id: &str) -> Result<(), Refusal> {
        let result = self.try_withdraw(id);
        self.note("message.withdraw", &id, &result);
        result
    }

    fn try_withdraw(&mut self, id: &str) -> Result<(), Refusal> {
        let plugin = self.running()?;
        let not_found = || Refusal::new("not-found", format!("this plugin has sent this customer no message `{id}`"));
        let message = id.parse().ok().and_then(|id| self.message(id));
        let own = |message: &Arc<Message>| message.origin.as_ref().is_some_and(|origin| *origin.plugin == *plugin.name);
        let message = message.filter(own).ok_or_else(not_found)?;
        if !matches!(message.delivery, Delivery::Queued | Delivery::Deferred { .. }) {
            return Err(Refusal::new("too-late", format!("the message is {} already", message.delivery.word())));
        }
        let mut message = Message::clone(&message);
        message.delivery = Delivery::Withheld {
            code: WITHDRAWN.to_owned(),
            reason: "the plugin took it back before it went out".to_owned(),
        };
        if message.entry != self.scene.entry.id {
            message.trail.push(self.scene.entry.id);
        }
        self.uncount(&message);
        self.stage(Effect::Message(Arc::new(message)));
        Ok(())
    }

    /// Fills in the zone of moments that were given none: the customer's, else the business's.
    fn with_zones(&mut self, values: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
        let own = self.customer().and_then(|customer| customer.zone.clone());
        let usual = own.unwrap_or_else(|| self.scene.config.business.zone.clone());
        let mut values = values.clone();
        for value in values.values_mut() {
            if let Value::Moment { zone, .. } = value
                && zone.is_empty()
            {
                zone.clone_from(&usual);
            }
        }
        values
    }

    /// Whether an id names an order or appointment of this customer.
    fn is_theirs(&mut self, about: Option<&str>) -> bool {
        about.is_some_and(|id| {
            self.appointments().iter().any(|one| one.id == id) || self.orders().iter().any(|one| one.id == id)
        })
    }

    /// The channel for a message: the one asked for; for a reply the one the customer wrote on; else where they last wrote if
    /// they can be reached there; else the first address; else the conversation itself.
    pub fn pick_channel(&mut self, asked: Option<&str>, purpose: Purpose) -> String {
        if let Some(channel) = asked {
            return channel.to_owned();
        }
        let config = self.scene.config.clone();
        let Some(customer) = self.customer() else { return OWN.to_owned() };
        let last = customer.last_channel.as_deref();
        match last {
            Some(channel) if purpose == Purpose::Reply || is_own(channel) || customer.reachable_on(channel) => {
                channel.to_owned()
            }
            _ => {
                let goes_out = |channel: &&str| DELIVERED.contains(channel) || config.channel(channel).is_some();
                customer.addresses.iter().map(|a| a.channel()).find(goes_out).unwrap_or(OWN).to_owned()
            }
        }
    }
}

/// The channels by which this host can reach an address without a plugin.
const DELIVERED: &[&str] = &["email", OWN];

fn verdict(delivery: &Delivery) -> Verdict {
    match delivery {
        Delivery::Deferred { until, .. } => Verdict::Deferred(*until),
        Delivery::Withheld { code, .. } => {
            let rule = Rule::ALL.iter().find(|rule| rule.code() == code).unwrap_or(&Rule::Unreachable);
            Verdict::Withheld(rule.code(), rule.sentence())
        }
        _ => Verdict::Queued,
    }
}

/// A subject in the language of the text, or the nearest one there is; none where it cannot be filled in.
fn fill(subjects: &BTreeMap<String, Template>, values: &BTreeMap<String, Value>, wanted: &str) -> Option<String> {
    let locale = locale::pick(subjects.keys().map(String::as_str), wanted, wanted)?;
    subjects.get(locale)?.render(values, locale).ok()
}

pub(super) fn no_customer() -> Refusal {
    Refusal::new("no-customer", "this event is about the business as a whole, not about a customer")
}
