//! A case: a conversation in a person's hands.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids::{CaseId, CustomerId};
use super::time::Instant;

/// How soon a person should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// When there is time.
    Low,
    /// Today.
    Normal,
    /// Now.
    High,
}

impl Urgency {
    /// Reads the contract's word.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "low" => Self::Low,
            "normal" => Self::Normal,
            "high" => Self::High,
            _ => return None,
        })
    }

    /// The contract's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}

/// Where a case stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "stage", rename_all = "lowercase")]
pub enum Stage {
    /// Nobody has taken it.
    Waiting,
    /// Somebody has.
    Taken {
        /// Who.
        by: String,
    },
    /// It is done; automations speak again.
    Resolved {
        /// Who said so.
        by: String,
        /// When, in milliseconds since the Unix epoch.
        #[schema(value_type = u64)]
        at: Instant,
    },
}

/// A conversation in a person's hands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Case {
    /// `cas_...`.
    #[schema(value_type = String)]
    pub id: CaseId,
    /// Whose conversation.
    #[schema(value_type = String)]
    pub customer: CustomerId,
    /// When it was opened, in milliseconds since the Unix epoch.
    #[schema(value_type = u64)]
    pub opened: Instant,
    /// Why.
    pub reason: String,
    /// How soon.
    pub urgency: Urgency,
    /// What staff should know; a paragraph for every time it was asked for.
    pub summary: String,
    /// The plugin that opened it, or `staff`.
    pub opened_by: String,
    /// Where it stands.
    #[serde(flatten)]
    pub stage: Stage,
    /// Counts changes; the API's `ETag`.
    pub revision: u64,
}

impl Case {
    /// Whether a person still has to do with it.
    pub fn is_open(&self) -> bool {
        !matches!(self.stage, Stage::Resolved { .. })
    }
}
