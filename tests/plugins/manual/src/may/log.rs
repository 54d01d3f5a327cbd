//! `attune:host/log`.

use crate::bindings::attune::host::log;

pub fn note(text: &str) {
    log::write(log::Level::Info, text);
}
