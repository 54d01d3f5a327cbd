//! A business: its name, zone, language, opening hours, and what its owner decided for all automations.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::chat::Chat;
use super::errand::NoticeRoute;
use super::hours::OpeningHours;
use super::ids::BusinessId;
use super::promises::{Pause, Promises};
use super::quiet::QuietHours;
use super::retention::Retention;
use super::trust::TrustedKey;

/// What is known of a business.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Business {
    /// `biz_...`.
    #[schema(value_type = String)]
    pub id: BusinessId,
    /// As customers know it.
    pub name: String,
    /// IANA zone in which its hours are written.
    pub zone: String,
    /// BCP 47: what it speaks when nothing is known of a customer's language.
    pub language: String,
    /// In which country it is: ISO 3166-1, two capital letters. Telephone numbers without a country are read as its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// How a customer reaches a person; told on request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// Names of what it sells, or by which it is known beside its name. In a customer's message they say nothing of the
    /// mood, whatever their words mean elsewhere. At most 50, of 1 to 60 bytes each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brand_words: Vec<String>,
    /// When it is open.
    #[serde(default)]
    pub hours: OpeningHours,
    /// When customers are left alone.
    #[serde(default)]
    pub quiet: QuietHours,
    /// Further rules for automated messages.
    #[serde(default)]
    pub promises: Promises,
    /// Set while everything automated is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Pause>,
    /// In a simulation everything is decided and recorded, and nothing is sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub simulation: bool,
    /// Where notices to staff go beside the list of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<NoticeRoute>,
    /// For how long what is known is kept.
    #[serde(default, skip_serializing_if = "Retention::is_usual")]
    pub retention: Retention,
    /// The chat on its pages.
    #[serde(default, skip_serializing_if = "Chat::is_usual")]
    pub chat: Chat,
    /// Whose plugins are installed without asking.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted_keys: Vec<TrustedKey>,
}

impl Business {
    /// A business with the usual settings: open on working days from 9 to 17, quiet from 21 to 8.
    pub fn new(id: BusinessId, name: &str, zone: &str, language: &str) -> Self {
        Self {
            id,
            name: name.to_owned(),
            zone: zone.to_owned(),
            language: language.to_owned(),
            country: None,
            contact: None,
            brand_words: Vec::new(),
            hours: OpeningHours::default(),
            quiet: QuietHours::default(),
            promises: Promises::default(),
            paused: None,
            simulation: false,
            notices: Vec::new(),
            retention: Retention::default(),
            chat: Chat::default(),
            trusted_keys: Vec::new(),
        }
    }
}
