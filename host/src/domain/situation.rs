//! A message and everything around it that the gate has to know: plain data, and how the gate's [`Facts`] follow from it.
//!
//! Whoever asks the gate looks these things up; from there on nothing is looked up any more.

use jiff::tz::TimeZone;

use super::business::Business;
use super::customer::Customer;
use super::gate::Facts;
use super::ids::CustomerId;
use super::message::{Author, Message, Purpose, is_own};
use super::recent::Recent;
use super::time::{self, HOUR, Instant};

/// A message and what is around it.
pub struct Situation<'a> {
    /// The journalled time of the step.
    pub now: Instant,
    /// Who speaks, with the owner's rules.
    pub business: &'a Business,
    /// The business's zone.
    pub zone: &'a TimeZone,
    /// Whom it is for, if anybody.
    pub customer: Option<&'a Customer>,
    /// What they got lately.
    pub recent: &'a Recent,
    /// The message.
    pub message: &'a Message,
    /// Whether this is the transaction that sends it: its own `once` key does not speak against it then.
    pub claiming: bool,
    /// Whether it is the one confirmation of a stop.
    pub confirms_stop: bool,
    /// Whether a person has the conversation, or is asked for.
    pub case_open: bool,
    /// Whether it would answer a machine.
    pub to_machine: bool,
    /// Whether the plugin that wrote it has been turned off since.
    pub plugin_off: bool,
    /// Whether everything automated is paused, or the plugin that wrote it.
    pub paused: bool,
    /// Whether its `once` key was used up by another message.
    pub once_used: bool,
    /// Whether the same answer was given in this step.
    pub same_answer: bool,
    /// Whether it lacks the link to unsubscribe that it needs.
    pub no_way_out: bool,
}

impl Situation<'_> {
    /// What the gate has to know.
    pub fn facts(&self) -> Facts {
        let Self { now, business, message, customer, .. } = *self;
        let (promises, channel) = (&business.promises, message.channel.as_str());
        let purpose = message.purpose();
        let automated = message.author == Author::Automation;
        let own_zone = customer.and_then(|customer| customer.zone.as_deref()).and_then(time::zone);
        let zone = own_zone.as_ref().unwrap_or(self.zone);
        let capped = message.capped();
        let since = now.minus(u64::from(promises.repeat_hours) * HOUR);
        let same_lately =
            promises.repeat_hours > 0 && capped.is_some() && self.recent.has_text(&message.text, since, message.id);
        Facts {
            now,
            author: message.author,
            purpose,
            channel: channel.to_owned(),
            reachable: is_own(channel) || customer.is_some_and(|known| known.reachable_on(channel)),
            withdrawn: customer.and_then(|known| known.consents.withdrawal(channel, purpose).cloned()),
            confirms_stop: self.confirms_stop,
            in_spite: message.in_spite,
            consent_needed: automated && promises.consent_for.contains(&purpose),
            consented: customer.is_some_and(|known| known.consents.grant(channel, purpose).is_some()),
            case_open: automated && self.case_open,
            service_during_case: promises.service_during_case,
            to_machine: purpose == Purpose::Reply && self.to_machine,
            plugin_off: self.plugin_off,
            paused: self.paused,
            once_used: self.once_used && !self.claiming,
            same_text: same_lately || automated && self.same_answer && !self.claiming,
            room: capped
                .and_then(|purpose| promises.caps.get(&purpose))
                .map(|cap| self.recent.room(*cap, purpose, now, message.id)),
            expires: message.origin.as_ref().and_then(|origin| origin.expires),
            allowed_at: if automated { self.allowed_at(zone) } else { Some(now) },
            zone: zone.iana_name().unwrap_or("UTC").to_owned(),
            in_a_row: customer
                .map_or(0, |known| known.automated_in_a_row)
                .saturating_sub(u32::from(message.attempts > 0)),
            in_a_row_allowed: promises.automated_in_a_row,
            no_way_out: self.no_way_out,
        }
    }

    /// When the quiet hours let the message out. For each customer they end a little later than for others, so that not
    /// everything goes out at once; what would be pointless by then, or fall into the next quiet hours, goes out when they end.
    fn allowed_at(&self, zone: &TimeZone) -> Option<Instant> {
        let Self { now, business, message, .. } = *self;
        let (purpose, channel) = (message.purpose(), message.channel.as_str());
        let next = |at| business.quiet.next_allowed(at, zone, &business.hours, purpose, channel);
        let spread_ms = spread_ms(message.customer, business.quiet.spread_minutes);
        let in_time = |at: &Instant| {
            let expires = message.origin.as_ref().and_then(|origin| origin.expires);
            expires.is_none_or(|expires| *at < expires) && next(*at) == Some(*at)
        };
        let ends = next(now)?;
        if ends > now {
            let later = ends.plus(spread_ms);
            return Some(if in_time(&later) { later } else { ends });
        }
        // They ended a moment ago: what was written before waits still, and this may not overtake it.
        let before = now.minus(spread_ms);
        let ended = next(before)?;
        let later = Some(ended.plus(spread_ms)).filter(|_| ended > before);
        Some(later.filter(in_time).unwrap_or(now))
    }
}

/// How much later than others a customer's messages go out after the quiet hours. It is the same for all of a customer's, so they
/// stay in order.
fn spread_ms(customer: CustomerId, minutes: u16) -> u64 {
    let all_ms = u64::from(minutes) * 60_000;
    // The last bytes of an id are as good as random.
    let chance = customer.0.last_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    if all_ms == 0 { 0 } else { chance % all_ms }
}
