//! What `wit-bindgen` makes of the contract: what a reader may call, and what it answers.
#![expect(unsafe_code, reason = "generated: it carries values into the sandbox and out of it")]

use super::Reader;

wit_bindgen::generate!({
    path: "../../../wit",
    world: "attune:reader/reader",
    generate_all,
});

export!(Reader with_types_in self);
