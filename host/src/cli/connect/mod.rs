//! `attune connect`: a vendor, from nothing to its first request. It sets the vendor's plugin up, says what to paste where, and shows
//! what comes in as it was understood.

mod screen;
mod secrets;
mod watch;

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory};
use serde_json::{Value, json};

use crate::domain::nearest::nearest;
use crate::domain::plugin::Manifest;
use crate::sandbox;
use crate::workbench::moment::duration_ms;

use super::Format;
use super::remote::{Body, Server, permissions, segment};

/// Connect a vendor: set up its plugin, say what to paste there, and show what it sends.
///
/// Installs the vendor's plugin if it is not there, asks before it approves what that asks for, makes or asks for its secret, prints the
/// address, the topics and where they go at the vendor, and then waits: each request is shown as it was understood, or with why it was
/// refused. Ends with Ctrl-C, with the first request that is taken (`--once`), or after a time (`--wait`), then with 1 if none was taken.
#[derive(Debug, Args)]
pub(super) struct Connect {
    /// The vendor, by its plugin's name: shopify, calcom, twilio, ...
    #[arg(required_unless_present = "list")]
    vendor: Option<String>,
    /// List the vendors.
    #[arg(long)]
    list: bool,
    /// The folder with the plugins' files; absent: `plugins` beside this program, or one folder up.
    #[arg(long, env = "ATTUNE_PLUGINS", value_name = "FOLDER")]
    plugins: Option<PathBuf>,
    /// Approve what the plugin asks for, without a question.
    #[arg(long)]
    yes: bool,
    /// Install it although nobody signed it whom you trust.
    #[arg(long)]
    accept_unsigned: bool,
    /// Read a secret from standard input: `signing=-`. Several are lines in this order. A value never stands on the command line, where
    /// others can read it.
    #[arg(long = "secret", value_name = "NAME=-", value_parser = from_input)]
    secrets: Vec<String>,
    /// Make those secrets anew that are yours to choose, though they are set.
    #[arg(long)]
    renew: bool,
    /// How long to wait, such as 10m; 0s: not at all. Absent: until Ctrl-C.
    #[arg(long, value_name = "SPAN", value_parser = span)]
    wait: Option<u64>,
    /// End with the first request that is taken.
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    server: Server,
}

fn from_input(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((name, "-")) if !name.is_empty() => Ok(name.to_owned()),
        _ => Err("write NAME=- and give the value on standard input: others can read the command line".to_owned()),
    }
}

fn span(text: &str) -> Result<u64, String> {
    duration_ms(text).map_err(|error| error.to_string())
}

/// A plugin's file that knows a vendor.
struct Vendor {
    manifest: Manifest,
    wasm: Vec<u8>,
}

impl Connect {
    pub(super) fn run(self) -> Result<ExitCode> {
        if self.list {
            return self.show_list();
        }
        let vendor = self.vendor.as_deref().unwrap_or_default();
        self.server.token();
        let plugin = match self.find(vendor)? {
            Some(plugin) => plugin,
            None => self.install(vendor)?,
        };
        self.turn_on(vendor, &plugin)?;
        let made = secrets::set(&self, vendor, &plugin)?;
        let plugin = self.server.get_or_fail("GET", &path(vendor), Body::None)?;
        let receives = plugin["hook"].is_object();
        let before = if receives { watch::Before::now(&self.server, vendor)? } else { watch::Before::default() };
        match self.server.format {
            Format::Json => {
                let made: serde_json::Map<String, Value> =
                    made.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
                println!("{}", json!({ "plugin": plugin, "made": made }));
            }
            Format::Text => print!("{}", screen::screen(&plugin, &made)),
        }
        if !receives || self.wait == Some(0) {
            return Ok(ExitCode::SUCCESS);
        }
        before.watch(&self.server, vendor, self.wait, self.once)
    }

    /// The plugin as the server has it, if it has it.
    fn find(&self, vendor: &str) -> Result<Option<Value>> {
        let listed = self.server.get_or_fail("GET", "/v1/plugins", Body::None)?;
        let mut items = listed["items"].as_array().into_iter().flatten();
        Ok(items
            .find(|one| one["name"] == vendor && (one["hook"].is_object() || one["channels"] != json!([])))
            .cloned())
    }

    fn install(&self, vendor: &str) -> Result<Value> {
        let mut known = self.vendors()?;
        let Some(found) = known.iter().position(|one| one.manifest.name == vendor) else {
            let names = known.iter().map(|one| one.manifest.name.as_str());
            let meant = nearest(vendor, names).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
            let words = format!("there is no vendor `{vendor}`{meant} (`attune connect --list` lists all)");
            super::Cli::command().error(ErrorKind::InvalidValue, words).exit();
        };
        let Vendor { wasm, .. } = known.swap_remove(found);
        let unsigned = if self.accept_unsigned { "&unsigned=true" } else { "" };
        let place = format!("/v1/plugins?name={}{unsigned}", segment(vendor));
        self.server.get_or_fail("POST", &place, Body::Wasm(&wasm))
    }

    /// Approves what the plugin asks for, with the owner's word, and turns it on.
    fn turn_on(&self, vendor: &str, plugin: &Value) -> Result<()> {
        if plugin["runs"] == true {
            return Ok(());
        }
        let word = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
        let asked: Vec<String> = permissions(plugin)
            .filter(|one| one["granted"] == false)
            .map(|one| format!("  {}: {}\n", word(one, "interface"), word(one, "sentence")))
            .collect();
        if !asked.is_empty() && !self.yes {
            let asked = asked.concat();
            if !self.asks() {
                bail!("{vendor} asks for what you have to approve:\n{asked}approve it with --yes");
            }
            eprint!("{vendor} asks for this:\n{asked}Approve it, and turn {vendor} on? [y/N] ");
            std::io::stderr().flush()?;
            let mut answer = String::new();
            std::io::stdin().lock().read_line(&mut answer)?;
            if !matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
                bail!("nothing was approved; {vendor} is installed and off");
            }
        }
        let grants: Value = permissions(plugin).map(|one| one["interface"].clone()).collect();
        let change = json!({ "enabled": true, "grants": grants, "unsigned": self.accept_unsigned });
        self.server.get_or_fail("PATCH", &path(vendor), Body::Json("application/json", &change)).map(drop)
    }

    /// Whether somebody sits there who can be asked.
    fn asks(&self) -> bool {
        self.secrets.is_empty() && std::io::stdin().is_terminal()
    }

    /// The vendors whose plugins' files are at hand, by name.
    fn vendors(&self) -> Result<Vec<Vendor>> {
        let folder = self.folder()?;
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "wasm") {
                continue;
            }
            let wasm = std::fs::read(&path).with_context(|| path.display().to_string())?;
            // What is no plugin, or none that knows a vendor, is somebody else's file.
            if let Ok((_, manifest)) = sandbox::about(&wasm)
                && (manifest.webhook.is_some() || manifest.channel.is_some())
            {
                found.push(Vendor { manifest, wasm });
            }
        }
        found.sort_by(|one, other| one.manifest.name.cmp(&other.manifest.name));
        Ok(found)
    }

    fn folder(&self) -> Result<PathBuf> {
        if let Some(folder) = &self.plugins {
            return Ok(folder.clone());
        }
        let own = std::env::current_exe().context("where this program is")?;
        let near = own.ancestors().skip(1).take(2).map(|folder| folder.join("plugins"));
        near.into_iter().find(|folder| folder.is_dir()).with_context(|| {
            let beside = own.parent().unwrap_or(Path::new("."));
            format!(
                "there is no folder `plugins` at {}; name the one with the plugins' files with --plugins",
                beside.display()
            )
        })
    }

    fn show_list(&self) -> Result<ExitCode> {
        let vendors = self.vendors()?;
        let about = |one: &Vendor| {
            let Manifest { name, version, description, webhook, channel, .. } = &one.manifest;
            let channels = channel.as_ref().map(|channel| channel.serves.clone()).unwrap_or_default();
            json!({ "name": name, "version": version, "description": description, "receives": webhook.is_some(),
                "channels": channels })
        };
        let body = json!({ "items": vendors.iter().map(about).collect::<Vec<_>>() });
        self.server.print(&body, |_| {
            vendors.iter().map(|one| format!("{:<18} {}\n", one.manifest.name, one.manifest.description)).collect()
        });
        Ok(ExitCode::SUCCESS)
    }
}

/// Where the server has a plugin.
fn path(vendor: &str) -> String {
    format!("/v1/plugins/{}", segment(vendor))
}
