//! `attune:automation/on-timer`.

use crate::bindings::attune::host::{clock, orders};
use crate::bindings::attune::types::types::{Failure, Instant};
use crate::bindings::exports::attune::automation::on_timer;
use crate::may::message::ask_how_it_was;
use crate::{HOUR_MS, Plugin, tell_of_panics};

impl on_timer::Guest for Plugin {
    fn handle(_key: String, due: Instant, note: String) -> Result<(), Failure> {
        tell_of_panics();
        // What was true when the timer was set need not be true any more, and a host that was down wakes us late.
        let is_late = clock::now() > due + 48 * HOUR_MS;
        let stands = orders::recent(50).iter().any(|order| order.id == note && order.status == "delivered");
        if stands && !is_late { ask_how_it_was() } else { Ok(()) }
    }
}
