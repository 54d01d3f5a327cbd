//! A line of the audit log: who looked at something or changed it, when, and what.
//!
//! It holds ids and the labels of those who work for the business, nothing of a customer: it outlives them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::entry::Role;
use super::ids::{AuditId, CustomerId, TokenId};
use super::time::{Instant, MINUTE};

/// Looks of one person at one thing within so many milliseconds are one line, or a page that asks every second would bury
/// all others.
pub const LOOK_MS: u64 = MINUTE;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Line {
    /// `aud_...`: lines sort by it.
    #[schema(value_type = String)]
    pub id: AuditId,
    /// When, in milliseconds since the Unix epoch.
    #[schema(value_type = u64)]
    pub at: Instant,
    /// What the token's bearer may do.
    pub role: Role,
    /// Whose token it is.
    pub label: String,
    /// Which token: `tok_...`.
    #[schema(value_type = String)]
    pub token: TokenId,
    /// What they did: `customers.export`, `cases.take`, ...
    pub act: String,
    /// Whom it is about: `cus_...`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub customer: Option<CustomerId>,
    /// What else it is about, as the path named it: a case, a plugin, a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Whether something was changed; else it was looked at.
    pub changed: bool,
    /// The status of the answer.
    pub status: u16,
}
