//! `attune:host/staff`.

use crate::bindings::attune::host::staff;

pub fn tell_of_cakes(cakes: u64) {
    staff::notify("low", "Cakes were asked for", &format!("{cakes} in the last 24 hours"));
}
