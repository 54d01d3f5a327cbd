//! What owners do with all that is kept of a customer: export it, erase it, and see who looked at it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Subcommand};
use serde_json::Value;

use super::Format;
use super::fairness::Fairness;
use super::remote::{Body, Server, segment};

/// Export, merge and erase customers.
#[derive(Debug, Args)]
pub(super) struct Customer {
    #[command(subcommand)]
    act: CustomerAct,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, Subcommand)]
enum CustomerAct {
    /// Write everything that is kept of a customer as one JSON document.
    Export {
        /// `cus_...`.
        id: String,
        /// The file to write, readable by you alone; absent: standard output.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Put another customer together with this one: they are the same person.
    Merge {
        /// `cus_...`: who stays.
        id: String,
        /// `cus_...`: who is put together with them.
        other: String,
    },
    /// Part two who were put together.
    Part {
        /// `cus_...`: who stayed.
        id: String,
        /// `cus_...`: who had been put together with them.
        other: String,
    },
    /// Erase everything that is kept of a customer. It cannot be undone.
    Erase {
        /// `cus_...`.
        id: String,
        /// That you mean it.
        #[arg(long, required = true)]
        yes: bool,
    },
}

impl Customer {
    pub(super) fn run(self) -> Result<ExitCode> {
        let server = &self.server;
        match &self.act {
            CustomerAct::Export { id, out } => {
                let body = server.get_or_fail("GET", &format!("/v1/customers/{}/export", segment(id)), Body::None)?;
                let text = format!("{body:#}\n");
                match out {
                    Some(file) => write(file, &text).with_context(|| file.display().to_string())?,
                    None => print!("{text}"),
                }
            }
            CustomerAct::Merge { id, other } => {
                let asked = serde_json::json!({ "customer": other });
                let body = server.get_or_fail(
                    "POST",
                    &format!("/v1/customers/{}/merged", segment(id)),
                    Body::Json("application/json", &asked),
                )?;
                server.print(&body, |body| {
                    let stays = body["id"].as_str().unwrap_or_default();
                    format!("{other} is part of {stays} now; `attune customer part {stays} {other}` undoes that\n")
                });
            }
            CustomerAct::Part { id, other } => {
                let path = format!("/v1/customers/{}/merged/{}", segment(id), segment(other));
                let body = server.get_or_fail("DELETE", &path, Body::None)?;
                server.print(&body, |_| format!("{other} is a customer again; what came since is with {id}\n"));
            }
            CustomerAct::Erase { id, .. } => {
                let body = server.get_or_fail("DELETE", &format!("/v1/customers/{}", segment(id)), Body::None)?;
                server.print(&body, |body| {
                    let counts = body["erased"].as_object().into_iter().flatten();
                    let counts: String = counts.map(|(kind, count)| format!("  {count} {kind}\n")).collect();
                    format!("{id} is erased\n{counts}")
                });
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Writes a file that nobody else may read.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(text.as_bytes())
}

/// Tell who looked at what, and who changed it; or, with `fairness`, whether people are read alike.
#[derive(Debug, Args)]
pub(super) struct Audit {
    #[command(subcommand)]
    act: Option<AuditAct>,
    /// Only what concerns this customer: `cus_...`.
    #[arg(long)]
    customer: Option<String>,
    /// Where to go on: the id of the last line seen.
    #[arg(long)]
    after: Option<String>,
    /// How many lines, 1 to 200; 50 when absent.
    #[arg(long)]
    limit: Option<u32>,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, Subcommand)]
enum AuditAct {
    /// Tell whether people are read, answered and given to a person alike, however they write.
    Fairness(Fairness),
}

impl Audit {
    pub(super) fn run(self) -> Result<ExitCode> {
        let limit = self.limit.map(|limit| limit.to_string());
        let asked = [("customer", &self.customer), ("after", &self.after), ("limit", &limit)];
        if let Some(AuditAct::Fairness(fairness)) = &self.act {
            if let Some((name, _)) = asked.iter().find(|(_, value)| value.is_some()) {
                let words = format!("`--{name}` is about lines of the audit log; `fairness` has none");
                super::Cli::command().error(ErrorKind::ArgumentConflict, words).exit()
            }
            return fairness.run(&self.server);
        }
        let query: Vec<String> = asked
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", segment(value.as_ref()?))))
            .collect();
        let body = self.server.get_or_fail("GET", &format!("/v1/audit?{}", query.join("&")), Body::None)?;
        self.server.print(&body, |body| body["items"].as_array().into_iter().flatten().map(line).collect());
        if self.server.format == Format::Text
            && let Some(next) = body["next"].as_str()
        {
            println!("there is more: --after {next}");
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn line(one: &Value) -> String {
    let word = |name: &str| one[name].as_str().unwrap_or_default();
    let about = [word("customer"), word("subject")].join(" ");
    format!(
        "{}  {}  {} ({})  {}  {}\n",
        word("id"),
        word("time"),
        word("label"),
        word("role"),
        word("act"),
        about.trim()
    )
}
