//! What an event takes in languages with a runtime, as a ratio to Rust: the same plugin, `birthday`, in turns.

use std::path::{Path, PathBuf};

use anyhow::Result;
use attune_tests::{plugin_file, repository};

use crate::step::Shop;

const CUSTOMERS: usize = 200;
const ROUNDS: usize = 7;

/// Microseconds an event in Rust, and in another language.
pub struct Figures {
    pub rust_us: f64,
    pub other_us: f64,
}

/// Where a language's plugin is, once `tests/all/languages` has built it.
pub fn built(language: &str) -> Option<PathBuf> {
    let file = repository().join("examples").join(language).join("birthday/target/plugins/birthday.wasm");
    file.is_file().then_some(file)
}

/// Measures a language's plugin and Rust's, a round of each in turn.
pub fn measure(plugin: &Path) -> Result<Figures> {
    let mut rust = shop(&plugin_file("birthday"))?;
    let mut other = shop(plugin)?;
    let (mut rust_us, mut other_us) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        rust_us.push(rust.birthdays()?);
        other_us.push(other.birthdays()?);
    }
    rust.check_birthdays()?;
    other.check_birthdays()?;
    Ok(Figures { rust_us: super::median(&mut rust_us), other_us: super::median(&mut other_us) })
}

fn shop(plugin: &Path) -> Result<Shop> {
    let mut shop = Shop::bare(plugin, "birthday", &serde_json::json!({}), CUSTOMERS)?;
    // The first round makes the customers.
    shop.birthdays()?;
    Ok(shop)
}
