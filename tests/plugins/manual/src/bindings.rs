//! What `wit-bindgen` makes of the contract: everything that a plugin may call, and everything that it can handle.
#![expect(unsafe_code, reason = "generated: it carries values into the sandbox and out of it")]

use super::Plugin;

wit_bindgen::generate!({
    path: "../../../wit",
    world: "attune:automation/automation",
    generate_all,
});

export!(Plugin with_types_in self);
