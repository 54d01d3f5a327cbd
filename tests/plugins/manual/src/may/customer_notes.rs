//! `attune:host/customer-notes`.

use crate::bindings::attune::host::customer_notes;
use crate::bindings::attune::types::types::Failure;
use crate::failed;

pub fn note_allergy(to: &str) -> Result<String, Failure> {
    customer_notes::remember("allergy", to).map_err(failed)?;
    customer_notes::tag("allergic").map_err(failed)?;
    Ok(format!("Noted: no {to}."))
}
