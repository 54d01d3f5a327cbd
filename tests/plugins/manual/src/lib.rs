//! What `docs/interfaces.md` quotes: a bakery's plugin that uses each interface of the contract once, one file for each. The
//! scenarios beside it make each of them run; `tests/product/manual.rs` holds the page to these files.

mod bindings;
mod handles;
mod may;

use bindings::attune::host::log;
use bindings::attune::types::types::{Failure, Refusal};

struct Plugin;

/// What a refusal comes to where the plugin has nothing better to do: the run fails, and the owner reads why.
fn failed(refusal: Refusal) -> Failure {
    Failure::Reject(format!("{}: {}", refusal.code, refusal.text))
}

/// A plugin has no standard error: a panic's text reaches the record of why through the log.
fn tell_of_panics() {
    std::panic::set_hook(Box::new(|panic| log::write(log::Level::Error, &panic.to_string())));
}

const HOUR_MS: u64 = 3_600_000;
