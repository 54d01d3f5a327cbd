//! `attune:host/business`.

use crate::bindings::attune::host::{business, clock};
use crate::bindings::attune::types::types::{Civil, Failure, Instant};
use crate::failed;

/// Noon of today where the business is, whatever the clocks do there.
pub fn noon() -> Result<Instant, Failure> {
    let zone = business::current().zone;
    let today = business::to_civil(clock::now(), &zone).map_err(failed)?;
    business::to_instant(Civil { hour: 12, minute: 0, ..today }, &zone).map_err(failed)
}

pub fn when_open() -> String {
    let business = business::current();
    match business::next_open(clock::now()) {
        Some(at) if at == clock::now() => format!("{} is open.", business.name),
        Some(at) => format!("{} opens in {} minutes.", business.name, (at - clock::now()) / 60_000),
        None => format!("{} is closed.", business.name),
    }
}
