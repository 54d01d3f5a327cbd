//! `attune:automation/on-hour`.

use crate::bindings::attune::types::types::{Failure, Instant};
use crate::bindings::exports::attune::automation::on_hour;
use crate::may::business::noon;
use crate::may::staff::tell_of_cakes;
use crate::may::staff_examples::tell_of_topic;
use crate::may::tally::cakes_today;
use crate::may::trends::unusual_topic;
use crate::{Plugin, tell_of_panics};

impl on_hour::Guest for Plugin {
    fn handle(ended: Instant) -> Result<(), Failure> {
        tell_of_panics();
        if let Some(topic) = unusual_topic() {
            tell_of_topic(&topic);
        }
        if ended == noon()? {
            tell_of_cakes(cakes_today()?);
        }
        Ok(())
    }
}
