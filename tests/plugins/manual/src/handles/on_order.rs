//! `attune:automation/on-order`.

use crate::bindings::attune::types::types::{Failure, Order};
use crate::bindings::exports::attune::automation::on_order;
use crate::may::clock::is_stale;
use crate::may::message::say_ready;
use crate::may::schedule::{ask_nothing, ask_tomorrow};
use crate::{Plugin, tell_of_panics};

impl on_order::Guest for Plugin {
    fn handle(change: String, order: Order) -> Result<(), Failure> {
        tell_of_panics();
        match change.as_str() {
            "shipped" if !is_stale() => say_ready(&order)?,
            "delivered" => ask_tomorrow(&order)?,
            "refunded" => ask_nothing(),
            _ => {}
        }
        Ok(())
    }
}
