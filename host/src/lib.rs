//! Attune: customer automations as sandboxed WebAssembly components. `ARCHITECTURE.md` has the drawing of the rooms.

pub mod cli;
pub mod delivery;
pub mod domain;
pub mod engine;
pub mod intake;
pub mod reading;
pub mod sandbox;
pub mod server;
pub mod store;
pub mod turn;
pub mod workbench;
pub mod world;

/// Texts live as long as a step: an allocator made for that takes a quarter off its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
