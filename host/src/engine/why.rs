//! The record of why: for every entry what the host did, which plugins ran, what each asked and was told, and what it led to.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::domain::ids::{CustomerId, EventId};
use crate::domain::plugin::Export;
use crate::domain::time::Instant;
use crate::turn::judge::Decided;
use crate::turn::tone::Worded;

/// Why one entry led to what it led to. Kept for a set time ([`Limits::why_days`](crate::turn::limits::Limits)).
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct Why {
    /// The entry: `evt_...`.
    #[schema(value_type = String)]
    pub entry: Option<EventId>,
    /// When it was accepted, in milliseconds since the Unix epoch.
    #[schema(value_type = u64)]
    pub at: Instant,
    /// What came in, in words.
    pub what: String,
    /// What the host itself decided, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub host: Vec<String>,
    /// What the gate was asked and said, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<Decided>,
    /// How messages are worded and why, where another tone than the plain one was called for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub worded: Vec<Worded>,
    /// The plugins that ran, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<Run>,
    /// Why nothing became of it, when it was refused: a stable code, and words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<(String, String)>,
}

/// One run of a plugin.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Run {
    /// The name it was installed under.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its file, in hexadecimal.
    pub digest: String,
    /// Which subscription.
    pub export: Export,
    /// 1 for the first attempt at this entry.
    pub attempt: u32,
    /// `done`, `answered`, `passed`, `read`, or how it failed, in words.
    pub outcome: String,
    /// Whether it failed, and what it staged was dropped.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
    /// What it asked and was told, in order.
    #[schema(value_type = Vec<Object>)]
    pub calls: Vec<Box<RawValue>>,
    /// How many calls were left out because they were too long.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u32,
    /// What it staged.
    #[schema(value_type = Vec<Object>)]
    pub effects: Vec<serde_json::Value>,
    /// What it logged.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub log: String,
    /// The fuel it used.
    pub fuel: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// An entry that was handled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Handled {
    /// In whose lane.
    #[serde(rename = "c")]
    pub customer: CustomerId,
    /// What that took.
    #[serde(rename = "m")]
    pub measured: Measured,
}

/// What a step's parts took, in microseconds. It is a measurement, not state: it stands apart from the record of why, and a
/// replay does not repeat it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Measured {
    /// The whole step.
    pub step_us: u64,
    /// Each run, in order.
    pub runs_us: Vec<u64>,
}
