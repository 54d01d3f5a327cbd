//! What `wit-bindgen` makes of the contract: what a channel may call, and what it answers.
#![expect(unsafe_code, reason = "generated: it carries values into the sandbox and out of it")]

use super::Twilio;

wit_bindgen::generate!({
    path: "../../wit",
    world: "attune:channel/channel",
    generate_all,
});

export!(Twilio with_types_in self);
