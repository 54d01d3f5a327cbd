//! The workbench: what a plugin author uses. It builds a plugin into one component file, and plays scenarios on a virtual
//! clock with the real engine, gate and sandbox.
//!
//! It reaches no network and changes nothing outside the plugin's own target directory.

pub mod build;
pub mod expect;
pub mod play;
pub mod scenario;
pub mod sources;
