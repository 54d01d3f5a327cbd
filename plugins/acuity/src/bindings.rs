//! What `wit-bindgen` makes of the contract: what a connector may call, and what it answers.
#![expect(unsafe_code, reason = "generated: it carries values into the sandbox and out of it")]

use super::Acuity;

wit_bindgen::generate!({
    path: "../../wit",
    world: "attune:connector/calendar",
    generate_all,
});

export!(Acuity with_types_in self);
