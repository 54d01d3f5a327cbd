//! The format of a scenario: a business, customers, then steps with what is expected of each.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::domain::address::Address;
use crate::domain::hours::OpeningHours;
use crate::domain::knowledge::Article;
use crate::domain::message::Purpose;
use crate::domain::promises::Promises;
use crate::domain::quiet::QuietHours;
use crate::domain::time::{DAY, HOUR, Instant, MINUTE, SECOND};

/// One scenario file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, as a sentence.
    pub name: String,
    /// The business.
    pub business: Setting,
    /// Settings of the plugin under test.
    #[serde(default)]
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Further plugins by folder name, with their settings.
    #[serde(default)]
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
}

/// The business of a scenario.
#[derive(Debug, Deserialize)]
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
    /// How a customer reaches a person.
    pub contact: Option<String>,
    /// When the virtual clock starts.
    pub start: String,
}

fn english() -> String {
    "en".to_owned()
}

/// A customer of a scenario.
#[derive(Debug, Deserialize)]
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
    pub addresses: Vec<Address>,
}

/// One step. Exactly one of `event`, `says`, `wait`, `at`, `staff`, `owner` and `unsubscribes` says what happens.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// An event of this type comes in.
    pub event: Option<String>,
    /// Its data; the customer is added.
    pub data: Option<serde_json::Value>,
    /// Its id at the source; absent: a new one.
    pub id: Option<String>,
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
    /// Time passes up to this moment.
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
#[derive(Debug, Default, Clone, Deserialize)]
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
    /// So many timers are set.
    pub timers: Option<usize>,
    /// A plugin failed with these words.
    pub failure: Option<String>,
    /// The host noted these words in a record of why.
    pub noted: Option<String>,
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
}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// What is wrong, with the place in the file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let scenario: Self = toml::from_str(&text).with_context(|| path.display().to_string())?;
        scenario.check().with_context(|| path.display().to_string())?;
        Ok(scenario)
    }

    fn check(&self) -> Result<()> {
        moment(&self.business.start)?;
        if crate::domain::time::zone(&self.business.zone).is_none() {
            bail!("business.zone: `{}` is not an IANA time zone, such as Europe/Berlin", self.business.zone);
        }
        for (number, step) in self.steps.iter().enumerate() {
            step.check(self).with_context(|| format!("step {}", number + 1))?;
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
            format!("there is no customer `{alias}`; there is {}", known.join(", "))
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
        if let Some(at) = &self.at {
            moment(at)?;
        }
        for expectation in &self.expect {
            for alias in [&expectation.to, &expectation.customer, &expectation.passed].into_iter().flatten() {
                scenario.person(alias)?;
            }
        }
        Ok(())
    }
}

/// Reads `90s`, `30m`, `21h`, `3d`; a `d` is 24 hours. Milliseconds.
///
/// # Errors
/// When it is none of these.
pub fn duration_ms(text: &str) -> Result<u64> {
    let wrong = || format!("`{text}` is no time span such as 30m, 21h or 3d");
    let unit = text.chars().last().with_context(wrong)?;
    let unit_ms = match unit {
        's' => SECOND,
        'm' => MINUTE,
        'h' => HOUR,
        'd' => DAY,
        _ => bail!(wrong()),
    };
    let count: u64 = text[..text.len() - 1].trim().parse().with_context(wrong)?;
    count.checked_mul(unit_ms).with_context(wrong)
}

/// Reads a moment.
///
/// # Errors
/// When it is none.
pub fn moment(text: &str) -> Result<Instant> {
    Instant::parse(text).with_context(|| {
        format!("`{text}` is no moment such as 2026-03-02T09:00[Europe/Berlin] or 2026-03-02T08:00:00Z")
    })
}
