//! `attune doctor`: whether this machine has what Attune and the languages of plugins need. It looks, and changes nothing: the one
//! file that it writes, to see whether it can, is gone when it ends.

mod place;
mod tools;

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::json;

use super::Format;

/// Check what Attune and its plugins' languages need, and say what to do.
///
/// Looks at the tool chains, and at what `attune serve` would be started with: the port, the data directory, the clock, the mail
/// server. Exits with 1 if something of that cannot work.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// The data directory.
    #[arg(long, env = "ATTUNE_DATA", default_value = "attune-data")]
    data: PathBuf,
    /// Where the server is to listen.
    #[arg(long, env = "ATTUNE_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The mail server, as `attune serve --smtp` takes it.
    #[arg(long, env = "ATTUNE_SMTP", hide_env_values = true)]
    smtp: Option<String>,
    /// Where customers reach the server from outside, as `attune serve --public-url` takes it.
    #[arg(long, env = "ATTUNE_PUBLIC_URL")]
    public_url: Option<String>,
    /// A language that has to work; without it a tool chain that is missing is no failure. May be given several times.
    #[arg(long, value_enum)]
    lang: Vec<Language>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A language that plugins are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    Rust,
    #[value(alias = "typescript")]
    Javascript,
    Python,
    C,
    Go,
}

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    /// It works without, or not always.
    Warn,
    /// It does not work.
    Fail,
}

/// What was found about one thing.
#[derive(Debug, PartialEq, Serialize)]
struct Finding {
    /// The thing.
    check: String,
    state: State,
    /// What was found.
    found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl Finding {
    fn ok(check: &str, found: impl Into<String>) -> Self {
        Self { check: check.to_owned(), state: State::Ok, found: found.into(), fix: None }
    }

    fn bad(state: State, check: &str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check: check.to_owned(), state, found: found.into(), fix: Some(fix.into()) }
    }
}

impl Doctor {
    pub(super) fn run(self) -> Result<ExitCode> {
        let mut findings = tools::look(&self.lang);
        findings.push(place::port(self.listen));
        findings.extend(place::data(&self.data));
        findings.push(place::clock(&self.data));
        findings.extend(place::mail(self.smtp.as_deref(), self.public_url.as_deref()));
        let failed = findings.iter().any(|finding| finding.state == State::Fail);
        match self.format {
            Format::Json => println!("{}", json!({ "ok": !failed, "findings": findings })),
            Format::Text => findings.iter().for_each(|finding| print!("{}", line(finding))),
        }
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

fn line(finding: &Finding) -> String {
    let color = std::io::stdout().is_terminal();
    let (code, word) = match finding.state {
        State::Ok => ("32", "ok  "),
        State::Warn => ("33", "warn"),
        State::Fail => ("31", "FAIL"),
    };
    let word = if color { format!("\x1b[{code}m{word}\x1b[0m") } else { word.to_owned() };
    let fix = finding.fix.as_ref().map(|fix| format!("       {fix}\n")).unwrap_or_default();
    format!("{word}  {}: {}\n{fix}", finding.check, finding.found)
}
