//! `attune:host/order-claims`.

use crate::bindings::attune::host::order_claims;
use crate::bindings::attune::types::types::Failure;
use crate::failed;

/// Ties an order to whoever knows its postcode. A wrong one is no failure of the plugin.
pub fn claim(number: &str, postcode: &str) -> Result<String, Failure> {
    match order_claims::claim(number, postcode) {
        Ok(order) => Ok(format!("Order {} is yours now.", order.number)),
        Err(refusal) if refusal.code == "no-match" => Ok("No order has that number and postcode.".into()),
        Err(refusal) => Err(failed(refusal)),
    }
}
