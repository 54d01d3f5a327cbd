//! What one decision of the gate costs: its facts gathered from plain data, and the rules asked.

use std::hint::black_box;
use std::time::Instant as Watch;

use attune::domain::business::Business;
use attune::domain::consent::{Consent, EVERYWHERE, Source};
use attune::domain::customer::Customer;
use attune::domain::gate::{Decision, decide};
use attune::domain::ids::{BusinessId, CustomerId, EventId, MessageId};
use attune::domain::message::{Author, Delivery, Message, Origin, Purpose};
use attune::domain::recent::Recent;
use attune::domain::situation::Situation;
use attune::domain::time::{self, HOUR, Instant};
use attune::domain::tone::Tone;
use serde_json::json;

/// Decisions of one measurement.
const DECISIONS: u32 = 20_000;

/// Measurements; the one in the middle counts.
const ROUNDS: usize = 15;

/// A moment in March, by day in Berlin; every other decision is at night.
const NOON: u64 = 1_772_535_600_000;

/// Microseconds a decision: about a customer who got thirty messages lately and said something about every channel and purpose,
/// in a business that has its own rules for Sundays; every other one at night, where the morning has to be found.
pub fn measure() -> f64 {
    let mut business = Business::new(BusinessId([1; 16]), "Baker Street Bakery", "Europe/Berlin", "en");
    let quiet =
        json!({ "except": [{ "purposes": ["reply"] }], "also": [{ "purposes": ["marketing"], "days": ["sun"] }] });
    if let Ok(quiet) = serde_json::from_value(quiet) {
        business.quiet = quiet;
    }
    let zone = time::zone_or_utc("Europe/Berlin");
    let mut customer = Customer::new(CustomerId([7; 16]), Instant(0));
    customer.addresses.extend("email:anna@example.com".parse());
    customer.zone = Some("Europe/London".to_owned());
    for (number, channel) in ["email", "chat", "sms", EVERYWHERE].into_iter().enumerate() {
        for purpose in [Some(Purpose::Survey), Some(Purpose::Marketing), None] {
            let at = Instant(number as u64);
            let channel = channel.to_owned();
            customer.consents.take(Consent {
                channel,
                purpose,
                granted: true,
                at,
                source: Source::Word,
                text: None,
                by: None,
            });
        }
    }
    let mut recent = Recent::default();
    for number in 0..30_u64 {
        let id = MessageId(u128::from(number).to_be_bytes());
        recent.note(
            id,
            Instant(NOON - number * 5 * HOUR),
            Purpose::Service,
            &format!("Your order #{number} is on its way."),
        );
    }
    let message = message();
    let mut took_us: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let (watch, mut sent) = (Watch::now(), 0);
            for number in 0..DECISIONS {
                let situation = Situation {
                    now: Instant(NOON + u64::from(number % 2) * 12 * HOUR),
                    business: &business,
                    zone: &zone,
                    customer: Some(&customer),
                    recent: &recent,
                    message: &message,
                    claiming: false,
                    confirms_stop: false,
                    case_open: false,
                    to_machine: false,
                    plugin_off: false,
                    paused: false,
                    once_used: false,
                    same_answer: false,
                    no_way_out: false,
                };
                let decision = decide(&black_box(&situation).facts());
                sent += u32::from(black_box(decision) == Decision::Send);
            }
            assert_eq!(sent, DECISIONS / 2, "by day it is sent, at night it waits");
            watch.elapsed().as_secs_f64() * 1e6 / f64::from(DECISIONS)
        })
        .collect();
    super::median(&mut took_us)
}

fn message() -> Message {
    let origin = Origin {
        plugin: "order-status".to_owned(),
        purpose: Purpose::Service,
        template: Some("news-shipped".to_owned()),
        tone: Tone::Neutral,
        about: Some("order-1".to_owned()),
        once: Some("shipped/order-1".to_owned()),
        expires: None,
    };
    Message {
        id: MessageId([9; 16]),
        customer: CustomerId([7; 16]),
        at: Instant(NOON),
        author: Author::Automation,
        channel: "email".to_owned(),
        text: "Your order #1001 (DHL JD014600003828) is on its way and should arrive on Tuesday 24 November."
            .to_owned(),
        subject: Some("Your order".to_owned()),
        language: Some("en".to_owned()),
        in_reply_to: None,
        polarity: None,
        staff: None,
        origin: Some(origin),
        entry: EventId([0; 16]),
        attempts: 0,
        machine: None,
        original: None,
        sent_as: None,
        reported: None,
        trail: Vec::new(),
        in_spite: false,
        delivery: Delivery::Queued,
    }
}
