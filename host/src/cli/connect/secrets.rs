//! The secrets of a vendor's plugin: read from standard input, made where the owner chooses them, else asked for at the terminal. None
//! is ever taken from the command line, and only what is made here is shown, once.

use std::io::{BufRead, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::domain::webhook::{RANDOM_BYTES, new_value};
use crate::world::{Serve, World};

use super::super::remote::set_secret;
use super::Connect;

/// Sets what is not set. Gives those that stand on this side: what was made, or read, by name.
pub(super) fn set(connect: &Connect, vendor: &str, plugin: &Value) -> Result<Vec<(String, String)>> {
    let needed: Vec<&Value> = plugin["secrets"].as_array().into_iter().flatten().collect();
    let word = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let mut made = Vec::new();
    for name in &connect.secrets {
        if !needed.iter().any(|one| one["name"] == name.as_str()) {
            let names: Vec<String> = needed.iter().map(|one| word(one, "name")).collect();
            bail!("{vendor} has no secret `{name}`; it has {}", names.join(", "));
        }
        let mut value = String::new();
        std::io::stdin().lock().read_line(&mut value).context("standard input")?;
        if value.trim().is_empty() {
            bail!("there is no value for the secret `{name}` on standard input; give one a line");
        }
        set_secret(&connect.server, vendor, name, &[value.trim()])?;
    }
    for one in needed.iter().filter(|one| !connect.secrets.contains(&word(one, "name"))) {
        let (name, description) = (word(one, "name"), word(one, "description"));
        let template = one["chosen"].as_str();
        if one["values"] != 0 && !(connect.renew && template.is_some()) {
            continue;
        }
        if let Some(template) = template {
            let value = new_value(template, &random());
            set_secret(&connect.server, vendor, &name, &[&value])?;
            made.push((name, value));
        } else if connect.asks() {
            let value = ask(&format!(
                "Secret `{name}` of {vendor}. {description}\nIts value (it is not shown; empty: later): "
            ))?;
            if !value.is_empty() {
                set_secret(&connect.server, vendor, &name, &[&value])?;
            }
        } else if plugin["hook"]["secret"] == name.as_str() {
            bail!(
                "{vendor} is on, but its secret `{name}` is not set, so nothing that comes can be believed. {description}\nGive it on \
                 standard input, with --secret {name}=-, or run this at a terminal"
            );
        }
    }
    Ok(made)
}

fn random() -> [u8; RANDOM_BYTES] {
    let world = Serve::new();
    let mut bytes = std::iter::repeat_with(|| world.secret()).flatten();
    std::array::from_fn(|_| bytes.next().unwrap_or_default())
}

/// Asks at the terminal, without showing what is typed.
fn ask(words: &str) -> Result<String> {
    // Where there is no `stty` the value is shown, as in any other program without it.
    let echo = |how: &str| {
        let told = Command::new("stty").arg(how).stdin(Stdio::inherit()).stderr(Stdio::null()).status();
        told.is_ok_and(|status| status.success())
    };
    eprint!("{words}");
    std::io::stderr().flush()?;
    let hidden = echo("-echo");
    let mut value = String::new();
    let read = std::io::stdin().lock().read_line(&mut value);
    if hidden {
        echo("echo");
        eprintln!();
    }
    read.context("standard input")?;
    Ok(value.trim().to_owned())
}
