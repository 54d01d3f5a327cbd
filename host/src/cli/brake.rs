//! The brake from the command line: everything automated stops, and goes on.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::remote::{Body, Server};

/// Pause everything automated.
#[derive(Debug, Args)]
pub(super) struct Pause {
    /// Why, for whoever resumes.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    server: Server,
}

/// Let automations go on.
#[derive(Debug, Args)]
pub(super) struct Resume {
    #[command(flatten)]
    server: Server,
}

impl Pause {
    pub(super) fn run(self) -> Result<ExitCode> {
        let asked = json!({ "reason": self.reason });
        let body = self.server.get_or_fail("POST", "/v1/pause", Body::Json("application/json", &asked))?;
        self.server.print(&body, |body| {
            let reason = body["paused"]["reason"].as_str().unwrap_or_default();
            format!("everything automated is paused: {reason}\n`attune resume` lets it go on\n")
        });
        Ok(ExitCode::SUCCESS)
    }
}

impl Resume {
    pub(super) fn run(self) -> Result<ExitCode> {
        let body = self.server.get_or_fail("POST", "/v1/resume", Body::None)?;
        self.server.print(&body, |_| "automations go on; what waited is looked at again\n".to_owned());
        Ok(ExitCode::SUCCESS)
    }
}
