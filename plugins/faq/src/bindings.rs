//! What `wit-bindgen` makes of the contract: what this plugin may call, and what it handles.
#![expect(unsafe_code, reason = "generated: it carries values into the sandbox and out of it")]

use super::Plugin;

wit_bindgen::generate!({
    path: "../../wit",
    inline: "
        package attune:faq;
        world plugin {
            include attune:host/imports@0.1.0;
            export attune:automation/on-message@0.1.0;
        }
    ",
    world: "attune:faq/plugin",
    generate_all,
});

export!(Plugin with_types_in self);
