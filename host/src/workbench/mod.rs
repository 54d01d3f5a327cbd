//! The workbench: what a plugin author uses. It begins a plugin, builds it into one component file, and plays scenarios on a virtual
//! clock with the real engine, gate and sandbox.
//!
//! It reaches no network but the registry that it is told to, and changes nothing outside the plugin's own
//! folder.

pub mod act;
pub mod build;
pub mod call;
pub mod changes;
pub mod contract;
pub mod door;
pub mod expect;
pub mod kept;
pub mod moment;
pub mod new;
pub mod place;
pub mod play;
pub mod registry;
pub mod scenario;
pub mod schemas;
pub mod sizes;
pub mod sources;
pub mod stage;
pub mod transcript;
