//! Asking the gate: gathering what it has to know, writing down what it said, and what follows for a message.
//!
//! Decides nothing by itself: every message of anyone but the customer goes through [`Turn::judge`], when it is staged and
//! when it is claimed for sending.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::entry::{Input, News};
use crate::domain::gate::{self, Decision, Facts, Rule};
use crate::domain::ids::MessageId;
use crate::domain::message::{Author, CONFIRMS_STOP, Delivery, Message, Origin, Purpose, is_own};
use crate::domain::sentences;
use crate::domain::situation::Situation;
use crate::domain::time::{DAY, Instant};
use crate::domain::tone::Tone;

use super::config::Plugin;
use super::{Effect, Observed, Turn};

/// One answer of the gate, as the record of why has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Decided {
    /// About which message.
    #[schema(value_type = String)]
    pub message: MessageId,
    /// Whether it was asked in the transaction that sends; else when the message was staged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub claiming: bool,
    /// The rule that decided.
    pub rule: Rule,
    /// Until when the message has to wait, if it has to, in milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub until: Option<Instant>,
    /// All that it knew.
    pub facts: Facts,
}

/// What a draft becomes before the gate has seen it.
pub struct Written {
    /// Who wrote it.
    pub author: Author,
    /// On which channel it is to go out.
    pub channel: String,
    /// What it says.
    pub text: String,
    /// Its subject, on channels that have one.
    pub subject: Option<String>,
    /// BCP 47.
    pub language: Option<String>,
    /// The plugin and purpose, or the host's own reason.
    pub origin: Option<Origin>,
    /// The member of staff who wrote it.
    pub staff: Option<String>,
    /// Whether staff write in spite of a stop.
    pub in_spite: bool,
}

impl Written {
    /// The host's own words, in answer to something; `template` is the name under which the record of why knows them.
    pub fn by_host(channel: String, text: String, language: String, template: Option<&str>) -> Self {
        let origin = template.map(|template| Origin {
            plugin: "host".to_owned(),
            purpose: Purpose::Reply,
            template: Some(template.to_owned()),
            tone: Tone::Neutral,
            about: None,
            once: None,
            expires: None,
        });
        let language = Some(language);
        Self { author: Author::Host, channel, text, subject: None, language, origin, staff: None, in_spite: false }
    }
}

/// After so long a customer is told again that messages are automated.
const TOLD_AGAIN: u64 = 30 * DAY;

impl Turn {
    /// Stages a message by anyone but the customer: asks the gate, and writes down what it said. A message that may go out
    /// now on a channel of this host's own (`chat`) is sent with this commit; others wait to be claimed.
    pub fn stage_message(&mut self, written: Written) -> Arc<Message> {
        let Written { author, channel, text, subject, language, origin, staff, in_spite } = written;
        let mut message = Message {
            id: MessageId::new(self.now(), self.mint()),
            customer: self.scene.entry.customer,
            at: self.now(),
            author,
            channel,
            text,
            subject,
            language,
            in_reply_to: None,
            polarity: None,
            staff,
            origin,
            entry: self.scene.entry.id,
            attempts: 0,
            machine: None,
            trail: Vec::new(),
            original: None,
            sent_as: None,
            reported: None,
            in_spite,
            delivery: Delivery::Queued,
        };
        message.delivery = self.judge(&message, false);
        self.count(&message);
        if message.delivery == Delivery::Queued && is_own(&message.channel) {
            self.goes_out(&mut message);
        }
        if let Some(Origin { plugin, once: Some(once), .. }) = &message.origin
            && message.delivery.is_live()
        {
            let plugin = Arc::from(plugin.as_str());
            self.stage(Effect::Once { plugin, key: once.clone(), message: message.id });
        }
        let message = Arc::new(message);
        self.stage(Effect::Message(message.clone()));
        message
    }

    /// A message whose turn it is leaves: it is sent, handed to its channel, or, in a simulation, only written down. The first
    /// automated one of a conversation, and each first one after a person wrote, says that it is automated.
    pub fn goes_out(&mut self, message: &mut Message) {
        // Another attempt at a message is the same message.
        if message.author == Author::Automation && message.attempts == 0 {
            self.tell_automated(message);
            self.change_customer(|customer| customer.automated_in_a_row += 1);
        }
        // What staff write is no automation's doing, and somebody waits for it.
        message.delivery = if self.scene.config.business.simulation && message.author != Author::Staff {
            Delivery::Simulated { at: self.now() }
        } else if is_own(&message.channel) {
            Delivery::Sent { at: self.now() }
        } else {
            message.attempts += 1;
            Delivery::Attempting { attempt: message.attempts }
        };
    }

    /// Puts it below a text that it is automated, if the customer was not told so on this channel since a person last wrote.
    fn tell_automated(&mut self, message: &mut Message) {
        let Some(customer) = self.customer() else { return };
        let now = self.now();
        if customer.told_automated.get(&message.channel).is_some_and(|told| told.plus(TOLD_AGAIN) > now) {
            return;
        }
        let language = message.language.as_deref().unwrap_or(&self.scene.config.business.language);
        let words = sentences::automated(language, &self.scene.config.business.name);
        message.text = format!("{}\n\n{words}", message.text.trim_end());
        if !self.scene.config.business.simulation {
            self.was_told_automated(&message.channel);
        }
    }

    /// The customer was told on a channel that messages are automated.
    pub fn was_told_automated(&mut self, channel: &str) {
        let now = self.now();
        self.change_customer(|customer| {
            customer.told_automated.insert(channel.to_owned(), now);
        });
    }

    /// Counts a message that goes out as things stand, for the caps; a word of staff starts the count of automated ones anew.
    fn count(&mut self, message: &Message) {
        if !message.delivery.is_live() {
            return;
        }
        match message.author {
            Author::Automation => self.note_sent(message),
            Author::Staff => self.change_customer(|customer| {
                customer.automated_in_a_row = 0;
                customer.told_automated.clear();
            }),
            Author::Host | Author::Customer => {}
        }
    }

    /// Takes down for the caps when a message went out, or may.
    pub fn note_sent(&mut self, message: &Message) {
        let Some(purpose) = message.capped() else { return };
        let at = match message.delivery {
            Delivery::Deferred { until, .. } => until,
            _ => self.now(),
        };
        self.change_lately(|recent| recent.note(message.id, at, purpose, &message.text));
    }

    /// A message will not go out after all: it counts no more.
    pub fn uncount(&mut self, message: &Message) {
        if message.author == Author::Automation && message.attempts > 0 {
            // What did not arrive told nobody anything.
            self.change_customer(|customer| {
                customer.automated_in_a_row = customer.automated_in_a_row.saturating_sub(1);
                customer.told_automated.remove(&message.channel);
            });
        }
        if message.capped().is_some() {
            self.change_lately(|recent| recent.forget(message.id));
        }
    }

    /// A message that waited was withheld and never went out: its `once` key may be used again.
    pub fn free_once(&mut self, message: &Message) {
        if let Some(Origin { plugin, once: Some(once), .. }) = &message.origin {
            self.stage(Effect::OnceFree { plugin: Arc::from(plugin.as_str()), key: once.clone() });
        }
    }

    /// Asks the gate about a message as things stand, and notes what it said for the record of why. `claiming` is true in the
    /// transaction that sends it: its own `once` key and its own place among the automated messages do not speak against it
    /// then.
    pub fn judge(&mut self, message: &Message, claiming: bool) -> Delivery {
        let facts = self.facts(message, claiming);
        let decision = gate::decide(&facts);
        let until = match decision {
            Decision::Wait(until, _) => Some(until),
            Decision::Send | Decision::Withhold(_) => None,
        };
        let rule = decision.rule();
        self.decided.push(Decided { message: message.id, claiming, rule, until, facts });
        match decision {
            Decision::Send => Delivery::Queued,
            Decision::Wait(until, rule) => Delivery::Deferred { until, code: rule.code().to_owned() },
            Decision::Withhold(rule) => {
                Delivery::Withheld { code: rule.code().to_owned(), reason: rule.sentence().to_owned() }
            }
        }
    }

    fn facts(&mut self, message: &Message, claiming: bool) -> Facts {
        let config = self.scene.config.clone();
        let (customer, origin) = (self.customer(), message.origin.as_ref());
        let once = origin.and_then(|origin| Some((origin.plugin.as_str(), origin.once.as_deref()?)));
        let automated = message.author == Author::Automation;
        let plugin = origin.filter(|_| automated).and_then(|origin| config.plugin(&origin.plugin));
        let recent = if message.capped().is_some() { self.lately() } else { Arc::default() };
        Situation {
            now: self.now(),
            business: &config.business,
            zone: &config.zone,
            customer: customer.as_deref(),
            recent: &recent,
            message,
            claiming,
            confirms_stop: message.author == Author::Host
                && origin.and_then(|origin| origin.template.as_deref()) == Some(CONFIRMS_STOP),
            case_open: message.author == Author::Automation && self.case_is_open(),
            to_machine: self.answers_machine(),
            plugin_off: claiming && automated && plugin.is_none_or(|plugin| !plugin.installed.enabled),
            paused: self.paused(claiming.then_some(plugin).flatten()),
            once_used: !claiming && once.is_some_and(|(plugin, key)| self.once_used(plugin, key)),
            same_answer: message.purpose() == Purpose::Reply && self.answered_with(&message.text),
            no_way_out: self.no_way_out(message),
        }
        .facts()
    }

    /// Whether the same answer was staged in this step.
    fn answered_with(&self, text: &str) -> bool {
        self.effects.iter().any(|effect| match effect {
            Effect::Message(message) => {
                let rest = message.text.strip_prefix(text.trim_end());
                let is_same = rest.is_some_and(|rest| rest.trim_end().is_empty() || rest.starts_with("\n\n"));
                message.author == Author::Automation && message.delivery.is_live() && is_same
            }
            _ => false,
        })
    }

    /// Whether the running plugin handles a message that a machine wrote.
    fn answers_machine(&self) -> bool {
        match &self.subject.input {
            Input::Event(event) => matches!(&event.news, News::Message(inbound) if inbound.machine.is_some()),
            _ => false,
        }
    }

    /// Whether a message lacks the link that it needs. The operator's setting stands in no journal, so it is written beside the
    /// entry.
    fn no_way_out(&mut self, message: &Message) -> bool {
        let lacks = message.needs_way_out() && !self.scene.has_public_url;
        if lacks {
            self.observe(Observed::NoPublicUrl);
        }
        lacks
    }

    /// Whether everything automated is paused, or the plugin that wrote a message: by the configuration, or at this very moment,
    /// before the configuration says so.
    fn paused(&mut self, plugin: Option<&Arc<Plugin>>) -> bool {
        let config = &self.scene.config;
        if config.business.paused.is_some() || plugin.is_some_and(|plugin| plugin.installed.paused.is_some()) {
            return true;
        }
        let is_it = |name: &&String| *name == "*" || plugin.is_some_and(|plugin| *plugin.name == ***name);
        let Some(name) = self.scene.paused_now.iter().find(is_it).cloned() else { return false };
        // What the configuration does not say yet depends on the moment, so it is written beside the entry.
        self.observe(Observed::Paused(name));
        true
    }

    /// Takes down once what was seen outside the lane. In a replay it stands beside the entry already.
    pub(super) fn observe(&mut self, seen: Observed) {
        if self.scene.observed.is_none() && !self.observations.contains(&seen) {
            self.observations.push(seen);
        }
    }
}
