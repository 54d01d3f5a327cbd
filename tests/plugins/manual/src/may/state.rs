//! `attune:host/state`.

use crate::bindings::attune::host::state;
use crate::bindings::attune::types::types::Failure;
use crate::failed;

/// How many cakes this customer has asked for, this one included.
pub fn count_cakes() -> Result<u32, Failure> {
    let before: u32 = state::get("cakes").and_then(|number| number.parse().ok()).unwrap_or(0);
    state::set("cakes", &(before + 1).to_string()).map_err(failed)?;
    Ok(before + 1)
}
