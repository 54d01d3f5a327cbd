//! `attune:automation/on-order`.

use crate::bindings::attune::types::types::{Failure, Order};
use crate::bindings::exports::attune::automation::on_order;
use crate::may::{clock, message, schedule};
use crate::{Plugin, tell_of_panics};

impl on_order::Guest for Plugin {
    fn handle(change: String, order: Order) -> Result<(), Failure> {
        tell_of_panics();
        match change.as_str() {
            "shipped" if !clock::is_stale() => message::say_ready(&order)?,
            "delivered" => schedule::ask_tomorrow(&order)?,
            "refunded" => schedule::ask_nothing(),
            _ => {}
        }
        Ok(())
    }
}
