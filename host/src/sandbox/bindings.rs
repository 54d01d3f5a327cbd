//! What wasmtime generates from the contract.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "attune:automation/automation",
    imports: { default: trappable },
});

/// The same of a reader.
pub mod reader {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "attune:reader/reader",
        imports: { default: trappable },
        with: {
            "attune:types/types": super::attune::types::types,
            "attune:host/log": super::attune::host::log,
        },
    });
}

/// The same of a channel, which may be a connector too.
pub mod channel {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "attune:channel/channel",
        imports: { default: trappable },
        with: {
            "attune:types/types": super::attune::types::types,
            "attune:host/log": super::attune::host::log,
        },
    });
}

/// The same of a connector that writes back.
pub mod calendar {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "attune:connector/calendar",
        imports: { default: trappable },
        with: {
            "attune:types/types": super::attune::types::types,
            "attune:types/provider": super::channel::attune::types::provider,
            "attune:host/log": super::attune::host::log,
        },
    });
}
