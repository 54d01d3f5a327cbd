//! What an owner should look at now, from the command line.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use crate::domain::time::Instant;

use super::remote::{Body, Server};

/// Show what you should look at now, newest first, and what to do about it.
///
/// A trouble goes by itself when it is over: what is missing is there, what was stopped runs, a dead letter is tried again, an uncertain
/// message is settled. Requests that were refused for their signature, their time or a missing secret are over with the next one that is
/// taken, and any after a day; messages that failed after seven days.
#[derive(Debug, Args)]
pub(super) struct Troubles {
    /// The language to tell them in.
    #[arg(long, value_parser = ["en", "de", "es"], default_value = "en")]
    language: String,
    #[command(flatten)]
    server: Server,
}

impl Troubles {
    pub(super) fn run(self) -> Result<ExitCode> {
        let path = format!("/v1/troubles?language={}", self.language);
        let body = self.server.get_or_fail("GET", &path, Body::None)?;
        self.server.print(&body, |body| {
            let items: Vec<String> = body["items"].as_array().into_iter().flatten().map(trouble).collect();
            if items.is_empty() { "nothing needs you now".to_owned() } else { items.join("\n") }
        });
        Ok(ExitCode::SUCCESS)
    }
}

/// A trouble: when and what, and below it what to do, what was said, and where to look.
pub(super) fn trouble(trouble: &Value) -> String {
    let word = |name: &str| trouble[name].as_str().unwrap_or_default();
    let at = Instant(trouble["at"].as_u64().unwrap_or_default());
    let mut text = format!("{at}  {}\n", word("text"));
    // What the sentence says already is not said again.
    let detail = if word("text").contains(word("detail")) { "" } else { word("detail") };
    for (what, words) in [("do", word("remedy")), ("detail", detail), ("see", word("link"))] {
        if !words.is_empty() {
            text.push_str(&format!("  {what}: {words}\n"));
        }
    }
    text
}
