//! The tone of a message: plain, apologetic or warm. Chosen by the customer's mood and by what went wrong for them.
//!
//! Never reads a text and never looks at a template: moods come in as numbers, and whether there is a wording in the tone is
//! for others to see.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::order::{Order, OrderStatus};
use super::time::{DAY, HOUR, Instant};

/// From this frustration up a message is an unhappy one.
pub const FRUSTRATED: f32 = 0.5;

/// Below this polarity a message is an unhappy one.
pub const NEGATIVE: f32 = -0.3;

/// Above this polarity a message is a happy one.
pub const POSITIVE: f32 = 0.4;

/// So long, in milliseconds, what a customer last wrote says how to word what they did not ask for.
pub const MOOD_LASTS: u64 = 48 * HOUR;

/// So long, in milliseconds, a case that is resolved says how to word what follows.
pub const CASE_LASTS: u64 = 7 * DAY;

/// How a message is worded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// The template's plain text.
    #[default]
    Neutral,
    /// To somebody who is upset, or for whom something went wrong.
    Apologetic,
    /// To somebody who is glad.
    Warm,
}

impl Tone {
    /// Those in which a template may have variants.
    pub const VARIANTS: [Self; 2] = [Self::Apologetic, Self::Warm];

    /// The name used in `plugin.toml` and the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Apologetic => "apologetic",
            Self::Warm => "warm",
        }
    }

    /// Whether it is the plain one.
    pub fn is_neutral(&self) -> bool {
        *self == Self::Neutral
    }

    /// The template and the tone that a name of an owner's wording stands for: `late-on.apologetic`, or `late-on` for its
    /// plain text.
    pub fn of_wording(name: &str) -> (&str, Self) {
        let variant = name.rsplit_once('.').and_then(|(template, word)| {
            Some((template, Self::VARIANTS.into_iter().find(|tone| tone.word() == word)?))
        });
        variant.unwrap_or((name, Self::Neutral))
    }
}

/// What a message of a customer says of their mood.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Mood {
    /// -1 (angry) to 1 (happy).
    pub polarity: f32,
    /// 0 to 1.
    pub frustration: f32,
    /// Whether it is a complaint.
    pub complains: bool,
    /// Whether it says thanks.
    pub thanks: bool,
}

impl Mood {
    /// Whether its writer is unhappy.
    pub fn is_unhappy(&self) -> bool {
        self.frustration >= FRUSTRATED || self.polarity < NEGATIVE || self.complains
    }
}

/// Where a mood was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Heard {
    /// In the message that is answered.
    Answered,
    /// In what the customer last wrote.
    Last,
    /// In the message that led to a case, which is open.
    OpenCase,
    /// In the message that led to a case, which was resolved lately.
    ClosedCase,
}

/// What the tone is chosen by.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts {
    /// The moods that were seen; the message that is answered, or the last one, first.
    pub heard: Vec<(Heard, Mood)>,
    /// What is wrong with the order that the message is about.
    pub order: Option<Trouble>,
}

/// What is wrong with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// It should have arrived by now.
    Late,
    /// The shop says that it will be later.
    Delayed,
}

impl Trouble {
    /// What is wrong with an order at a moment.
    pub fn of(order: &Order, now: Instant) -> Option<Self> {
        let is_late = || {
            let open = order.shipments.iter().filter(|shipment| shipment.delivered.is_none());
            open.filter_map(|shipment| shipment.expected).min().is_some_and(|expected| expected < now)
        };
        match order.status {
            OrderStatus::Delivered | OrderStatus::Cancelled | OrderStatus::Refunded => None,
            OrderStatus::Delayed => Some(Self::Delayed),
            OrderStatus::Placed | OrderStatus::Processing | OrderStatus::Shipped => is_late().then_some(Self::Late),
        }
    }
}

/// What led to a tone. Its text is the end of "worded apologetically, because ...".
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Because {
    /// A message shows so much frustration.
    Frustration(Heard, f32),
    /// A message has so low a polarity.
    Unhappy(Heard, f32),
    /// A message is a complaint.
    Complaint(Heard),
    /// Something is wrong with the order.
    Order(Trouble),
    /// A message has so high a polarity.
    Happy(Heard, f32),
    /// A message says thanks.
    Thanks(Heard),
}

/// Chooses the tone. Without a reason it is the plain one.
pub fn choose(facts: &Facts) -> Option<(Tone, Because)> {
    let sorry = facts.heard.iter().find_map(|(heard, mood)| apology(*heard, mood));
    let sorry = sorry.or(facts.order.map(Because::Order));
    if let Some(because) = sorry {
        return Some((Tone::Apologetic, because));
    }
    // How a case began says nothing of joy.
    let (heard, mood) = facts.heard.iter().find(|(heard, _)| matches!(heard, Heard::Answered | Heard::Last))?;
    let glad = if mood.polarity > POSITIVE {
        Some(Because::Happy(*heard, mood.polarity))
    } else {
        mood.thanks.then_some(Because::Thanks(*heard))
    };
    glad.map(|because| (Tone::Warm, because))
}

fn apology(heard: Heard, mood: &Mood) -> Option<Because> {
    if mood.frustration >= FRUSTRATED {
        Some(Because::Frustration(heard, mood.frustration))
    } else if mood.polarity < NEGATIVE {
        Some(Because::Unhappy(heard, mood.polarity))
    } else {
        mood.complains.then_some(Because::Complaint(heard))
    }
}

/// What a message is about, as far as the tone is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// An order.
    Order,
    /// An appointment.
    Appointment,
}

/// Whether a case whose message asks for this may be about such a thing: all but one that is clearly about the other.
pub fn may_be_about(subject: Subject, intents: &[&str]) -> bool {
    let order =
        intents.iter().any(|name| name.ends_with("order") || matches!(*name, "order-status" | "return-or-refund"));
    let appointment = intents.iter().any(|name| name.ends_with("-appointment"));
    match subject {
        Subject::Order => order || !appointment,
        Subject::Appointment => appointment || !order,
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frustration(heard, much) => write!(f, "{heard} shows frustration {much:.2}"),
            Self::Unhappy(heard, polarity) => write!(f, "{heard} is negative (polarity {polarity:.2})"),
            Self::Complaint(heard) => write!(f, "{heard} is a complaint"),
            Self::Order(Trouble::Late) => f.write_str("the order is late"),
            Self::Order(Trouble::Delayed) => f.write_str("the order is delayed"),
            Self::Happy(heard, polarity) => write!(f, "{heard} is positive (polarity {polarity:.2})"),
            Self::Thanks(heard) => write!(f, "{heard} says thanks"),
        }
    }
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answered => "the message it answers",
            Self::Last => "what the customer last wrote",
            Self::OpenCase => "the message that led to the customer's open case",
            Self::ClosedCase => "the message that led to the customer's case, resolved within the last seven days,",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::order::Shipment;

    const CALM: Mood = Mood { polarity: 0.0, frustration: 0.1, complains: false, thanks: false };
    const ANGRY: Mood = Mood { polarity: -0.7, frustration: 0.812, complains: true, thanks: false };
    const GLAD: Mood = Mood { polarity: 0.64, frustration: 0.0, complains: false, thanks: true };

    #[test]
    fn the_tone_follows_from_mood_and_trouble() {
        let answered = |mood| Facts { heard: vec![(Heard::Answered, mood)], order: None };
        for (facts, expected) in [
            (Facts::default(), None),
            (answered(CALM), None),
            (answered(ANGRY), Some("apologetic: the message it answers shows frustration 0.81")),
            (
                answered(Mood { frustration: 0.5, ..CALM }),
                Some("apologetic: the message it answers shows frustration 0.50"),
            ),
            (answered(Mood { frustration: 0.49, ..CALM }), None),
            (
                answered(Mood { polarity: -0.31, ..CALM }),
                Some("apologetic: the message it answers is negative (polarity -0.31)"),
            ),
            (answered(Mood { polarity: -0.3, ..CALM }), None),
            (answered(Mood { complains: true, ..CALM }), Some("apologetic: the message it answers is a complaint")),
            // Whoever thanks in anger is angry.
            (
                answered(Mood { thanks: true, ..ANGRY }),
                Some("apologetic: the message it answers shows frustration 0.81"),
            ),
            (answered(GLAD), Some("warm: the message it answers is positive (polarity 0.64)")),
            (answered(Mood { thanks: true, ..CALM }), Some("warm: the message it answers says thanks")),
            (answered(Mood { polarity: 0.4, ..CALM }), None),
            (
                Facts { heard: vec![(Heard::Last, ANGRY)], order: None },
                Some("apologetic: what the customer last wrote shows frustration 0.81"),
            ),
            (
                Facts { heard: vec![(Heard::Last, CALM), (Heard::OpenCase, ANGRY)], order: None },
                Some("apologetic: the message that led to the customer's open case shows frustration 0.81"),
            ),
            // A case that began with a trifle is no reason.
            (Facts { heard: vec![(Heard::Last, CALM), (Heard::ClosedCase, CALM)], order: None }, None),
            (Facts { heard: vec![(Heard::ClosedCase, GLAD)], order: None }, None),
            (
                Facts { heard: vec![(Heard::Last, GLAD)], order: Some(Trouble::Late) },
                Some("apologetic: the order is late"),
            ),
            (Facts { heard: Vec::new(), order: Some(Trouble::Delayed) }, Some("apologetic: the order is delayed")),
        ] {
            let chosen = choose(&facts).map(|(tone, because)| format!("{}: {because}", tone.word()));
            assert_eq!(chosen.as_deref(), expected, "{facts:?}");
        }
    }

    #[test]
    fn a_case_about_something_else_does_not_count() {
        use Subject::{Appointment, Order};
        for (subject, intents, expected) in [
            (Order, &[][..], true),
            (Order, &["complaint"], true),
            (Order, &["complaint", "order-status"], true),
            (Order, &["complaint", "move-appointment"], false),
            (Order, &["cancel-appointment", "change-or-cancel-order"], true),
            (Appointment, &["move-appointment"], true),
            (Appointment, &["return-or-refund"], false),
            (Appointment, &["talk-to-a-person"], true),
        ] {
            assert_eq!(may_be_about(subject, intents), expected, "{subject:?} {intents:?}");
        }
    }

    #[test]
    fn an_order_is_in_trouble_while_it_is_late_or_delayed() {
        let parcel = |expected: u64, delivered: Option<u64>| Shipment {
            expected: Some(Instant(expected)),
            delivered: delivered.map(Instant),
            ..Shipment::default()
        };
        for (status, shipments, expected) in [
            (OrderStatus::Shipped, vec![parcel(9, None)], Some(Trouble::Late)),
            (OrderStatus::Shipped, vec![parcel(11, None)], None),
            (OrderStatus::Shipped, vec![parcel(9, Some(9)), parcel(11, None)], None),
            (OrderStatus::Processing, vec![], None),
            (OrderStatus::Delayed, vec![parcel(11, None)], Some(Trouble::Delayed)),
            (OrderStatus::Delivered, vec![parcel(9, None)], None),
            (OrderStatus::Cancelled, vec![parcel(9, None)], None),
        ] {
            let order = Order {
                id: "1".into(),
                source: "shop".into(),
                version: 1,
                number: "1".into(),
                placed: Instant(0),
                status,
                items: Vec::new(),
                total: None,
                shipments,
                extra: Default::default(),
                claimed: false,
            };
            assert_eq!(Trouble::of(&order, Instant(10)), expected, "{order:?}");
        }
    }

    #[test]
    fn a_wording_is_named_after_its_template_and_tone() {
        for (name, expected) in [
            ("late-on", ("late-on", Tone::Neutral)),
            ("late-on.apologetic", ("late-on", Tone::Apologetic)),
            ("late-on.warm", ("late-on", Tone::Warm)),
            ("late-on.angry", ("late-on.angry", Tone::Neutral)),
            ("late-on.neutral", ("late-on.neutral", Tone::Neutral)),
        ] {
            assert_eq!(Tone::of_wording(name), expected);
        }
    }
}
