//! `attune:host/customer`.

use crate::bindings::attune::host::customer;

/// Greets the customer, with what some plugin noted about them.
pub fn greeting() -> Option<String> {
    let profile = customer::current()?;
    let name = profile.name.unwrap_or_else(|| "there".into());
    Some(match customer::recall("allergy") {
        Some(allergy) => format!("Hello {name}. We bake without {allergy} for you."),
        None => format!("Hello {name}."),
    })
}
