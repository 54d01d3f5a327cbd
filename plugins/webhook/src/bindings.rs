//! What `wit-bindgen` makes of the contract: what a channel may call, and what it answers. Nothing comes in here.
#![expect(unsafe_code, reason = "generated: it carries values into the sandbox and out of it")]

use super::Webhook;

wit_bindgen::generate!({
    path: "../../wit",
    inline: "
        package attune:webhook;
        world plugin {
            import attune:host/log@0.1.0;
            export attune:channel/sending@0.1.0;
        }
    ",
    world: "attune:webhook/plugin",
    generate_all,
});

export!(Webhook with_types_in self);
