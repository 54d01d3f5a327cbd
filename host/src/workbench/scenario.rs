//! The format of a scenario: a business, customers, then steps with what is expected of each.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::address::Address;
use crate::domain::errand::NoticeRoute;
use crate::domain::hours::OpeningHours;
use crate::domain::knowledge::Article;
use crate::domain::message::Purpose;
use crate::domain::nearest::nearest;
use crate::domain::plugin::Export;
use crate::domain::promises::Promises;
use crate::domain::quiet::QuietHours;

use super::moment::{duration_ms, moment};
use super::place;

/// One scenario file.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, as a sentence.
    pub name: String,
    /// The business.
    pub business: Setting,
    /// Settings of the plugin under test.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Further plugins by folder name, with their settings.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Object>)]
    pub plugins: BTreeMap<String, serde_json::Map<String, serde_json::Value>>,
    /// What the owner wants answered.
    #[serde(default)]
    pub knowledge: Vec<Article>,
    /// The customers.
    #[serde(default, rename = "customer")]
    pub customers: Vec<Person>,
    /// What happens.
    #[serde(default, rename = "step")]
    pub steps: Vec<Step>,
    /// The line of each step in its file, from 1; empty where it was not read from a file.
    #[serde(skip)]
    pub lines: Vec<usize>,
}

/// Where the steps of a scenario file begin.
#[derive(Deserialize)]
struct Places {
    #[serde(default)]
    step: Vec<toml::Spanned<serde::de::IgnoredAny>>,
}

/// The business of a scenario.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// Its language.
    #[serde(default = "english")]
    pub language: String,
    /// When it is open; absent: working days from 9 to 17.
    pub hours: Option<OpeningHours>,
    /// When customers are left alone; absent: from 21 to 8.
    pub quiet: Option<QuietHours>,
    /// Further rules for automated messages; what is left out is as usual.
    pub promises: Option<Promises>,
    /// Whether it is a simulation.
    #[serde(default)]
    pub simulation: bool,
    /// Where notices to staff go beside the list of them.
    #[serde(default)]
    pub notices: Vec<NoticeRoute>,
    /// How a customer reaches a person.
    pub contact: Option<String>,
    /// When the virtual clock starts.
    pub start: String,
}

fn english() -> String {
    "en".to_owned()
}

/// A customer of a scenario.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// What the steps call them.
    #[serde(rename = "as")]
    pub alias: String,
    /// Their name.
    pub name: Option<String>,
    /// Their language.
    pub language: Option<String>,
    /// Their zone.
    pub zone: Option<String>,
    /// Their postcode.
    pub postcode: Option<String>,
    /// Where they can be reached.
    #[schema(value_type = Vec<String>)]
    pub addresses: Vec<Address>,
}

/// One step. Exactly one of `event`, `says`, `wait`, `at`, `staff`, `owner` and `unsubscribes` says what happens.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// An event of this type comes in.
    pub event: Option<String>,
    /// Its data; the customer is added.
    #[schema(value_type = Option<Object>)]
    pub data: Option<serde_json::Value>,
    /// Its id at the source; absent: a new one.
    pub id: Option<String>,
    /// Who tells of it, such as the name of a connector among the plugins; absent: `scenario`.
    pub source: Option<String>,
    /// When it happened, as its source says; absent: now.
    pub happened: Option<String>,
    /// A customer writes this.
    pub says: Option<String>,
    /// Who.
    pub customer: Option<String>,
    /// How many times they write it; absent: once.
    pub times: Option<u32>,
    /// On which channel; absent: chat.
    pub channel: Option<String>,
    /// `last`: it answers the last message they got.
    pub reply_to: Option<String>,
    /// Time passes: `90m`, `21h`, `3d`.
    pub wait: Option<String>,
    /// Time passes up to this moment: `2026-10-26T09:00[Europe/Berlin]`. A time that the clock shows twice says which one is meant by
    /// its offset: `2026-10-25T02:30+02:00[Europe/Berlin]`.
    pub at: Option<String>,
    /// Staff act: `take`, `reply`, `resolve`.
    pub staff: Option<String>,
    /// What staff write.
    pub text: Option<String>,
    /// Staff write though the customer said stop.
    #[serde(default)]
    pub in_spite: bool,
    /// The owner acts: `pause`, `resume`, `erase` (the customer).
    pub owner: Option<String>,
    /// The customer follows the link in a mail: `marketing`, `survey`.
    pub unsubscribes: Option<Purpose>,
    /// Headers of the mail that a customer writes, such as `Auto-Submitted`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// What is expected. Every message that goes out in the step has to stand here, in order.
    #[serde(default)]
    pub expect: Vec<Expectation>,
}

/// One expectation. Exactly one of the first group says what is expected; the others narrow it down.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// A message with this in its text.
    pub message: Option<String>,
    /// A message with this in its text was withheld.
    pub withheld: Option<String>,
    /// The customer's case is `none`, `waiting`, `taken` or `resolved`.
    pub case: Option<String>,
    /// An appointment, by its id.
    pub appointment: Option<String>,
    /// A notice to staff with this in its title or text.
    pub notice: Option<String>,
    /// So many notices to staff in this step.
    pub notices: Option<usize>,
    /// Something with this went to staff (`slack: A conversation needs a person`) or to a calendar (`calcom: declined bK9`).
    pub errand: Option<String>,
    /// So many timers are set.
    pub timers: Option<usize>,
    /// A plugin failed with these words.
    pub failure: Option<String>,
    /// The host noted these words in a record of why.
    pub noted: Option<String>,
    /// These words are in a record of why of this step: what came in, what the host noted, what the gate decided (its rule), what
    /// plugins asked, were told, logged and came to.
    pub why: Option<String>,
    /// A plugin ran by this subscription, such as `on-timer`.
    pub ran: Option<String>,
    /// A plugin's call was refused with these words or this code.
    pub refused: Option<String>,
    /// The plugin under test keeps something for the customer under this key of its state; `value` says what.
    pub keeps: Option<String>,
    /// The plugin under test keeps nothing for the customer under this key.
    pub forgot: Option<String>,
    /// A fact of this name is noted about the customer; `value` says which.
    pub fact: Option<String>,
    /// No plugin answered this customer's last message.
    pub passed: Option<String>,

    /// To whom.
    pub to: Option<String>,
    /// What the message does not say.
    pub lacks: Option<String>,
    /// By which channel.
    pub channel: Option<String>,
    /// In which state; absent: sent.
    pub state: Option<String>,
    /// How many messages the notice shows to staff as examples. With this, a notice of an earlier step may be meant.
    pub examples: Option<usize>,
    /// From which template.
    pub template: Option<String>,
    /// In which tone: `neutral`, `apologetic`, `warm`.
    pub tone: Option<String>,
    /// By whom: automation, staff, host.
    pub author: Option<String>,
    /// For which purpose.
    pub purpose: Option<String>,
    /// Withheld by which rule.
    pub code: Option<String>,
    /// Whose case or timers.
    pub customer: Option<String>,
    /// The case's urgency.
    pub urgency: Option<String>,
    /// A part of the case's reason.
    pub reason: Option<String>,
    /// A part of the case's summary.
    pub summary: Option<String>,
    /// The appointment's answer.
    pub answer: Option<String>,
    /// What is kept or noted, whole.
    pub value: Option<String>,
}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// What is wrong, with the place in the file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let mut scenario: Self = place::read(path, &text)?;
        let places: Places = place::read(path, &text)?;
        let starts = places.step.iter().map(|step| place::line_and_column(&text, step.span().start).0);
        scenario.lines = starts.collect();
        scenario.check(&path.display().to_string())?;
        Ok(scenario)
    }

    /// Where a step stands, counted from 0: `FILE:LINE: step 3`.
    pub fn place(&self, file: &str, step: usize) -> String {
        match self.lines.get(step) {
            Some(line) => format!("{file}:{line}: step {}", step + 1),
            None => format!("{file}: step {}", step + 1),
        }
    }

    /// The same steps, with nothing expected of them.
    #[must_use]
    pub fn without_expectations(mut self) -> Self {
        self.steps.iter_mut().for_each(|step| step.expect.clear());
        self
    }

    fn check(&self, file: &str) -> Result<()> {
        moment(&self.business.start).with_context(|| format!("{file}: business.start"))?;
        if crate::domain::time::zone(&self.business.zone).is_none() {
            bail!("{file}: business.zone: `{}` is not an IANA time zone, such as Europe/Berlin", self.business.zone);
        }
        for (number, step) in self.steps.iter().enumerate() {
            step.check(self).with_context(|| self.place(file, number))?;
        }
        Ok(())
    }

    /// A customer by what the steps call them.
    ///
    /// # Errors
    /// When there is none, with those that there are.
    pub fn person(&self, alias: &str) -> Result<&Person> {
        self.customers.iter().find(|person| person.alias == alias).with_context(|| {
            let known: Vec<_> = self.customers.iter().map(|person| person.alias.as_str()).collect();
            let meant = nearest(alias, known.iter().copied()).map(|name| format!("; did you mean `{name}`?"));
            let there_is =
                || format!("; there is {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") });
            format!("there is no customer `{alias}`{}", meant.unwrap_or_else(there_is))
        })
    }
}

impl Step {
    fn check(&self, scenario: &Scenario) -> Result<()> {
        let kinds = [&self.event, &self.says, &self.wait, &self.at, &self.staff, &self.owner];
        let kinds = kinds.iter().filter(|kind| kind.is_some()).count() + usize::from(self.unsubscribes.is_some());
        if kinds != 1 {
            bail!("needs exactly one of event, says, wait, at, staff, owner, unsubscribes");
        }
        let needs_customer = self.says.is_some() || self.staff.is_some() || self.unsubscribes.is_some();
        match &self.customer {
            Some(alias) => drop(scenario.person(alias)?),
            None if needs_customer => bail!("needs `customer`"),
            None => {}
        }
        if let Some(wait) = &self.wait {
            duration_ms(wait)?;
        }
        for at in [&self.at, &self.happened].into_iter().flatten() {
            moment(at)?;
        }
        one_of("staff", self.staff.as_deref(), &["take", "reply", "resolve"])?;
        one_of("owner", self.owner.as_deref(), &["pause", "resume", "erase"])?;
        one_of("reply_to", self.reply_to.as_deref(), &["last"])?;
        if self.staff.as_deref() == Some("reply") && self.text.is_none() {
            bail!("staff = \"reply\" needs `text`");
        }
        for expectation in &self.expect {
            expectation.check()?;
            for alias in [&expectation.to, &expectation.customer, &expectation.passed].into_iter().flatten() {
                scenario.person(alias)?;
            }
        }
        Ok(())
    }
}

impl Expectation {
    fn check(&self) -> Result<()> {
        let words = [
            &self.message,
            &self.withheld,
            &self.case,
            &self.appointment,
            &self.notice,
            &self.errand,
            &self.failure,
            &self.noted,
            &self.why,
            &self.ran,
            &self.refused,
            &self.keeps,
            &self.forgot,
            &self.fact,
            &self.passed,
        ];
        let counts = usize::from(self.notices.is_some()) + usize::from(self.timers.is_some());
        if words.iter().filter(|word| word.is_some()).count() + counts != 1 {
            bail!(
                "expect: needs exactly one of message, withheld, case, appointment, notice, notices, errand, timers, failure, noted, why, \
                 ran, refused, keeps, forgot, fact, passed"
            );
        }
        one_of("case", self.case.as_deref(), &["none", "waiting", "taken", "resolved"])?;
        one_of("tone", self.tone.as_deref(), &["neutral", "apologetic", "warm"])?;
        one_of("ran", self.ran.as_deref(), &Export::ALL.map(Export::word))
    }
}

/// Checks that a word is one of those that there are.
fn one_of(key: &str, word: Option<&str>, known: &[&str]) -> Result<()> {
    let Some(word) = word.filter(|word| !known.contains(word)) else { return Ok(()) };
    match nearest(word, known.iter().copied()) {
        Some(meant) => bail!("{key} = \"{word}\" is unknown; did you mean `{meant}`?"),
        None => bail!("{key} = \"{word}\" is none of {}", known.join(", ")),
    }
}
