//! Orders and the parcels that carry them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::Instant;

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// In the smallest unit of the currency (cents).
    pub amount_minor: i64,
    /// ISO 4217: three capital letters.
    #[schema(pattern = "^[A-Z]{3}$")]
    pub currency: String,
}

/// A parcel.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Shipment {
    /// Who carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// The carrier's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking: Option<String>,
    /// Where to follow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When it should arrive, in milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub expected: Option<Instant>,
    /// When it arrived, in milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub delivered: Option<Instant>,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OrderStatus {
    /// It came in.
    Placed,
    /// The shop works on it.
    Processing,
    /// A parcel is under way.
    Shipped,
    /// It will be later than was said.
    Delayed,
    /// It arrived.
    Delivered,
    /// It was called off.
    Cancelled,
    /// The money went back.
    Refunded,
}

impl OrderStatus {
    /// The contract's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Processing => "processing",
            Self::Shipped => "shipped",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
        }
    }
}

/// An order of a customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Order {
    /// The shop's own id.
    pub id: String,
    /// Which shop, as the event's `source` says.
    pub source: String,
    /// The upstream version; news with a lower one is late and changes nothing.
    pub version: u64,
    /// What the customer knows it by.
    pub number: String,
    /// When it was placed, in milliseconds since the Unix epoch.
    #[schema(value_type = u64)]
    pub placed: Instant,
    /// Where it stands.
    pub status: OrderStatus,
    /// What was bought.
    #[serde(default)]
    pub items: Vec<String>,
    /// What it cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
    /// Its parcels.
    #[serde(default)]
    pub shipments: Vec<Shipment>,
    /// What else the vendor says, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, String>,
    /// Whether the shop knows it as another customer's, and this one proved that it is theirs.
    #[serde(default)]
    pub claimed: bool,
}

impl Order {
    /// Takes from other news of the same order what this one does not say. News with a number tells of all parcels; news without is
    /// about some, which are known by their tracking number.
    pub fn fill(&mut self, other: &Self) {
        let is_part = self.number.is_empty();
        if is_part || self.number == self.id {
            self.number.clone_from(&other.number);
        }
        if other.placed != Instant(0) {
            self.placed = if self.placed == Instant(0) { other.placed } else { self.placed.min(other.placed) };
        }
        if self.items.is_empty() {
            self.items.clone_from(&other.items);
        }
        self.total = self.total.take().or_else(|| other.total.clone());
        if !is_part {
            return;
        }
        let is_told = |known: &Shipment| self.shipments.iter().any(|told| told.tracking == known.tracking);
        let others: Vec<Shipment> = other.shipments.iter().filter(|known| !is_told(known)).cloned().collect();
        self.shipments.splice(0..0, others);
    }
}

/// An order number as it is compared: without `#`, spaces, and difference of case.
pub fn fold_number(number: &str) -> String {
    number.chars().filter(|c| c.is_alphanumeric() || *c == '-').flat_map(char::to_lowercase).collect()
}
