//! `attune:host/settings`.

use crate::bindings::attune::host::settings;

/// It fits the plugin's schema, and has the schema's defaults filled in.
pub fn days_ahead() -> u64 {
    let settings: serde_json::Value = serde_json::from_str(&settings::get()).unwrap_or_default();
    settings["days_ahead"].as_u64().unwrap_or(2)
}
