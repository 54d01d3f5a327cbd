//! `attune:host/tally`.

use crate::bindings::attune::host::tally;
use crate::bindings::attune::types::types::Failure;
use crate::failed;

/// While a customer's event is handled: `plugin.toml` declares the key, `[tally] keys = ["cakes"]`.
pub fn one_more_cake() -> Result<(), Failure> {
    tally::add("cakes", 1).map_err(failed)
}

/// While an event of the business is handled: only there are sums told.
pub fn cakes_today() -> Result<u64, Failure> {
    tally::sum("cakes", 24).map_err(failed)
}
