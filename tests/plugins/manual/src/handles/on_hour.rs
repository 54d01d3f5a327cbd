//! `attune:automation/on-hour`.

use crate::bindings::attune::types::types::{Failure, Instant};
use crate::bindings::exports::attune::automation::on_hour;
use crate::may::{business, staff, staff_examples, tally, trends};
use crate::{Plugin, tell_of_panics};

impl on_hour::Guest for Plugin {
    fn handle(ended: Instant) -> Result<(), Failure> {
        tell_of_panics();
        if let Some(topic) = trends::unusual_topic() {
            staff_examples::tell_of_topic(&topic);
        }
        if ended == business::noon()? {
            staff::tell_of_cakes(tally::cakes_today()?);
        }
        Ok(())
    }
}
