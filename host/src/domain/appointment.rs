//! Appointments, as a calendar tells of them and a customer answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::Instant;

/// An appointment of a customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Appointment {
    /// The calendar's own id.
    pub id: String,
    /// Which calendar, as the event's `source` says.
    pub source: String,
    /// The upstream version; news with a lower one is late and changes nothing.
    pub version: u64,
    /// The id that it had before it was moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// What was booked; empty while nobody told.
    pub service: String,
    /// When it starts, in milliseconds since the Unix epoch; 0 while nobody told.
    #[schema(value_type = u64)]
    pub starts: Instant,
    /// When it ends, in milliseconds since the Unix epoch.
    #[schema(value_type = u64)]
    pub ends: Instant,
    /// The IANA zone of the place where it happens.
    pub zone: String,
    /// Who will be there for the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staff: Option<String>,
    /// Where it happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What else the vendor says, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, String>,
    /// The calendar's word.
    pub status: AppointmentStatus,
    /// The customer's word.
    #[serde(default)]
    pub answer: Answer,
}

impl Appointment {
    /// Takes from other news of the same appointment what this one does not say.
    pub fn fill(&mut self, other: &Self) {
        if self.service.is_empty() {
            self.service.clone_from(&other.service);
        }
        if self.starts == Instant(0) {
            (self.starts, self.ends) = (other.starts, other.ends);
            self.zone.clone_from(&other.zone);
        }
        self.staff = self.staff.take().or_else(|| other.staff.clone());
        self.place = self.place.take().or_else(|| other.place.clone());
    }

    /// Whether it is known what it is about.
    pub fn is_known(&self) -> bool {
        self.starts != Instant(0)
    }
}

/// The calendar's word on an appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AppointmentStatus {
    /// It stands.
    Booked,
    /// It was called off.
    Cancelled,
    /// The customer came.
    Completed,
    /// The customer did not come.
    Missed,
}

impl AppointmentStatus {
    /// The contract's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Booked => "booked",
            Self::Cancelled => "cancelled",
            Self::Completed => "completed",
            Self::Missed => "missed",
        }
    }
}

/// The customer's word on an appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// They said nothing.
    #[default]
    None,
    /// They will come.
    Confirmed,
    /// They will not come.
    Declined,
    /// They want another time.
    AskedToMove,
}

impl Answer {
    /// The contract's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Confirmed => "confirmed",
            Self::Declined => "declined",
            Self::AskedToMove => "asked-to-move",
        }
    }

    /// Reads the contract's word; `none` cannot be answered.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "confirmed" => Self::Confirmed,
            "declined" => Self::Declined,
            "asked-to-move" => Self::AskedToMove,
            _ => return None,
        })
    }
}
