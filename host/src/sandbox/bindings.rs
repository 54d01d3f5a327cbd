//! What wasmtime generates from the contract.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "attune:automation/automation",
    imports: { default: trappable },
});
