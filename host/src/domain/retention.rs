//! For how long a business keeps what it keeps: days for each kind, as its owner decides. What is still under way stays whatever
//! its age.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::{DAY, Instant};

/// The longest that can be asked for, in days: a hundred years.
pub const MOST_DAYS: u32 = 36_500;

/// Entries of the journal, when nothing is said: a year and a month, so that a season can be replayed with the plugins of the
/// next. What they led to stands in rows of its own.
pub const JOURNAL_DAYS: u32 = 400;

/// Days for each kind. What is absent is kept for ever, but for records of why and the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Records of why. Absent, or longer than the operator's limit: that limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 36500)]
    pub whys: Option<u32>,
    /// Messages, unless they are still to be sent or a person has the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 36500)]
    pub messages: Option<u32>,
    /// Entries of the journal that are done. Absent: 400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 36500)]
    pub journal: Option<u32>,
    /// Orders, counted from the last that is known of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 36500)]
    pub orders: Option<u32>,
    /// Appointments, counted from their end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 36500)]
    pub appointments: Option<u32>,
    /// Notices to staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 36500)]
    pub notices: Option<u32>,
}

/// For each kind the moment before which it goes; none for what stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cutoffs {
    /// Records of why.
    pub whys: Instant,
    /// Messages.
    pub messages: Option<Instant>,
    /// Entries of the journal.
    pub journal: Instant,
    /// Orders.
    pub orders: Option<Instant>,
    /// Appointments.
    pub appointments: Option<Instant>,
    /// Notices.
    pub notices: Option<Instant>,
}

impl Retention {
    /// Whether nothing was decided.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// The kinds whose days are no number of days, by name.
    pub fn misfits(&self) -> impl Iterator<Item = &'static str> {
        let kinds = [
            ("whys", self.whys),
            ("messages", self.messages),
            ("journal", self.journal),
            ("orders", self.orders),
            ("appointments", self.appointments),
            ("notices", self.notices),
        ];
        let wrong = |days: u32| !(1..=MOST_DAYS).contains(&days);
        kinds.into_iter().filter(move |(_, days)| days.is_some_and(wrong)).map(|(name, _)| name)
    }

    /// What goes at a moment. Records of why from before `whys_by_operator` go in any case.
    pub fn cutoffs(&self, now: Instant, whys_by_operator: Instant) -> Cutoffs {
        let before = |days: u32| now.minus(u64::from(days) * DAY);
        Cutoffs {
            whys: self.whys.map_or(whys_by_operator, |days| before(days).max(whys_by_operator)),
            messages: self.messages.map(before),
            journal: before(self.journal.unwrap_or(JOURNAL_DAYS)),
            orders: self.orders.map(before),
            appointments: self.appointments.map(before),
            notices: self.notices.map(before),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_why_are_kept_no_longer_than_the_operator_says() {
        let now = Instant(1_000 * DAY);
        let whys = |days| Retention { whys: days, ..Retention::default() }.cutoffs(now, now.minus(90 * DAY)).whys;
        assert_eq!(whys(None), now.minus(90 * DAY));
        assert_eq!(whys(Some(30)), now.minus(30 * DAY));
        assert_eq!(whys(Some(365)), now.minus(90 * DAY));
    }

    #[test]
    fn what_nobody_decided_on_stays_but_for_the_journal() {
        let now = Instant(1_000 * DAY);
        let cutoffs = Retention::default().cutoffs(now, now);
        assert_eq!((cutoffs.messages, cutoffs.orders, cutoffs.appointments, cutoffs.notices), (None, None, None, None));
        assert_eq!(cutoffs.journal, now.minus(400 * DAY));
    }

    #[test]
    fn days_are_one_to_a_hundred_years() {
        let wrong = Retention {
            messages: Some(0),
            orders: Some(MOST_DAYS + 1),
            notices: Some(MOST_DAYS),
            ..Retention::default()
        };
        assert_eq!(wrong.misfits().collect::<Vec<_>>(), ["messages", "orders"]);
    }
}
