//! What talks to a running server: events, plugins, why, tokens.

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Subcommand};
use serde_json::{Value, json};

use crate::domain::entry::Role;
use crate::sandbox;
use crate::world::Serve;

use super::Format;
use super::publish::Access;
use super::stamp::stamp;

/// Which server, and who asks.
#[derive(Debug, Args)]
pub(super) struct Server {
    /// The server.
    #[arg(long, global = true, env = "ATTUNE_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// The access token. Needed.
    #[arg(long, global = true, env = "ATTUNE_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Which business (`biz_...`), for an operator.
    #[arg(long, global = true, env = "ATTUNE_BUSINESS")]
    business: Option<String>,
    /// How the result is printed.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(super) format: Format,
}

/// The longest answer that is read, in bytes: the export of a customer with a hundred thousand messages is shorter.
const ANSWER_BYTES: u64 = 1 << 30;

/// What a server answered.
struct Answer {
    status: u16,
    body: Value,
}

pub(super) enum Body<'a> {
    None,
    Json(&'a str, &'a Value),
    Wasm(&'a [u8]),
    File(&'a str, &'a [u8]),
}

impl Server {
    /// The access token. An option that every subcommand takes cannot be a required one, so it is asked for here.
    pub(super) fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_else(|| {
            let words = "there is no access token; give it with --token or in ATTUNE_TOKEN";
            super::Cli::command().error(ErrorKind::MissingRequiredArgument, words).exit()
        })
    }

    fn ask(&self, method: &str, path: &str, body: Body<'_>) -> Result<Answer> {
        let url = format!("{}{path}", self.url.trim_end_matches('/'));
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let (kind, bytes) = match body {
            Body::None => (None, Vec::new()),
            Body::Json(kind, value) => (Some(kind), value.to_string().into_bytes()),
            Body::File(kind, bytes) => (Some(kind), bytes.to_vec()),
            Body::Wasm(bytes) => (Some("application/wasm"), bytes.to_vec()),
        };
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(&url)
            .header("authorization", format!("Bearer {}", self.token()));
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        if let Some(business) = &self.business {
            request = request.header("attune-business", business);
        }
        let mut response = agent.run(request.body(bytes)?).with_context(|| format!("{url} cannot be reached"))?;
        let status = response.status().as_u16();
        let text = response.body_mut().with_config().limit(ANSWER_BYTES).read_to_string()?;
        let body =
            if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
        Ok(Answer { status, body })
    }

    /// Asks, and makes an error of whatever is not a success.
    pub(super) fn get_or_fail(&self, method: &str, path: &str, body: Body<'_>) -> Result<Value> {
        let answer = self.ask(method, path, body)?;
        if (200..300).contains(&answer.status) {
            return Ok(answer.body);
        }
        bail!("{}", problem(&answer))
    }

    pub(super) fn print(&self, value: &Value, text: impl FnOnce(&Value) -> String) {
        match self.format {
            Format::Json => println!("{value}"),
            Format::Text => println!("{}", text(value).trim_end()),
        }
    }
}

/// A problem as the server tells it, in one line and one line for each thing that does not fit.
fn problem(answer: &Answer) -> String {
    let word = |name: &str| answer.body[name].as_str().unwrap_or_default().to_owned();
    let mut text = format!("{} {}", answer.status, word("title"));
    if !word("detail").is_empty() {
        text.push_str(&format!(": {}", word("detail")));
    }
    for error in answer.body["errors"].as_array().into_iter().flatten() {
        let part = |name: &str| error[name].as_str().unwrap_or_default();
        text.push_str(&format!("\n  {}: {}", part("path"), part("rule")));
    }
    text
}

/// Send events to a server.
///
/// Each file holds a CloudEvent or an array of them. In a file, `{now}`, `{now+3d}` and `{now-2h}` stand for times, and `{new}` for
/// a fresh id. Exits with 1 if an event was refused.
#[derive(Debug, Args)]
pub(super) struct Event {
    /// Files with events; `-` is standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    server: Server,
}

impl Event {
    pub(super) fn run(self) -> Result<ExitCode> {
        self.server.token();
        let world = Serve::new();
        let mut events = Vec::new();
        for file in &self.files {
            let text = if file.as_os_str() == "-" {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text)?;
                text
            } else {
                std::fs::read_to_string(file).with_context(|| file.display().to_string())?
            };
            let value: Value =
                serde_json::from_str(&stamp(&text, &world)).with_context(|| file.display().to_string())?;
            match value {
                Value::Array(many) => events.extend(many),
                one => events.push(one),
            }
        }
        let count = events.len();
        let kind = "application/cloudevents-batch+json";
        let body = self.server.get_or_fail("POST", "/v1/events", Body::Json(kind, &events.into()))?;
        let results = body["results"].as_array().cloned().unwrap_or_default();
        let refused = results.iter().filter(|result| result["status"] == "refused").count();
        self.server.print(&body, |_| {
            results
                .iter()
                .map(|result| {
                    let word = |name: &str| result[name].as_str().unwrap_or_default();
                    let detail = result["problem"]["detail"].as_str().unwrap_or_default();
                    format!("{} {} {}{detail}\n", word("status"), word("id"), word("customer"))
                })
                .collect()
        });
        if results.len() != count {
            bail!("{count} events were sent and {} answered", results.len());
        }
        Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// List, install and set up a business's plugins.
#[derive(Debug, Args)]
pub(super) struct Plugin {
    #[command(subcommand)]
    act: PluginAct,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, Subcommand)]
enum PluginAct {
    /// List the plugins with what they may do.
    List,
    /// Show one plugin.
    Show {
        /// Its name.
        name: String,
    },
    /// Install a component file, or another version of one. It does not run before it is enabled.
    Install {
        /// The component file, or a package in a registry: oci://registry.example/name:tag
        file: PathBuf,
        /// The name to run under; absent: the one in the file.
        #[arg(long)]
        name: Option<String>,
        /// Install it although nobody signed it whom you trust.
        #[arg(long)]
        accept_unsigned: bool,
        #[command(flatten)]
        access: Access,
    },
    /// Trust the public key of somebody who signs plugins: what they signed is installed without asking.
    Trust {
        /// Their public key: `ed25519:...`
        key: String,
        /// Whose it is.
        #[arg(long)]
        label: String,
    },
    /// Trust a key no more. Plugins that rested on it stop.
    Distrust {
        /// The public key: `ed25519:...`
        key: String,
    },
    /// List the keys that are trusted.
    Keys,
    /// Turn a plugin on.
    Enable {
        /// Its name.
        name: String,
        /// Grant everything that it asks for (see `attune plugin show`).
        #[arg(long)]
        grant_all: bool,
        /// Turn it on although nobody signed it whom you trust (any more).
        #[arg(long)]
        accept_unsigned: bool,
    },
    /// Turn a plugin off.
    Disable {
        /// Its name.
        name: String,
    },
    /// Grant permissions: all that it shall have, for example `message orders`.
    Grant {
        /// Its name.
        name: String,
        /// Interfaces, as `attune plugin show` lists them.
        permissions: Vec<String>,
    },
    /// Replace its settings.
    Settings {
        /// Its name.
        name: String,
        /// JSON.
        json: String,
    },
    /// Replace its own limits; an operator's to do. None takes them all back.
    Limits {
        /// Its name.
        name: String,
        /// Such as `fuel=400000000` or `messages=2`; `attune plugin show --format json` lists them.
        #[arg(value_parser = limit)]
        limits: Vec<(String, u64)>,
    },
    /// Set a secret that it needs, from standard input: a value a line, the newest first. None takes it away.
    Secret {
        /// Its name.
        name: String,
        /// Which, as `attune plugin show` lists them.
        secret: String,
        /// Take it away.
        #[arg(long)]
        remove: bool,
    },
    /// Say when it is asked: lower answers first.
    Order {
        /// Its name.
        name: String,
        /// Its place.
        order: u32,
    },
    /// Take a plugin away. Its notes on customers stay.
    Remove {
        /// Its name.
        name: String,
    },
}

/// The most that is read of a secret's values, in bytes.
const SECRET_BYTES: u64 = 16 << 10;

pub(super) fn segment(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn secret_path(plugin: &str, secret: &str) -> String {
    format!("/v1/plugins/{}/secrets/{}", segment(plugin), segment(secret))
}

/// Sets a secret of a plugin, the newest value first.
pub(super) fn set_secret(server: &Server, plugin: &str, secret: &str, values: &[&str]) -> Result<()> {
    let body = json!({ "values": values });
    server.get_or_fail("PUT", &secret_path(plugin, secret), Body::Json("application/json", &body)).map(drop)
}

impl Plugin {
    pub(super) fn run(self) -> Result<ExitCode> {
        let server = &self.server;
        let set = |name: &str, change: Value| {
            let path = format!("/v1/plugins/{}", segment(name));
            server.get_or_fail("PATCH", &path, Body::Json("application/json", &change))
        };
        let shown = match &self.act {
            PluginAct::List => {
                let body = server.get_or_fail("GET", "/v1/plugins", Body::None)?;
                let empty = Vec::new();
                let items = body["items"].as_array().or(body["plugins"].as_array()).unwrap_or(&empty);
                server.print(&body, |_| items.iter().map(describe).collect());
                return Ok(ExitCode::SUCCESS);
            }
            PluginAct::Show { name } => {
                server.get_or_fail("GET", &format!("/v1/plugins/{}", segment(name)), Body::None)?
            }
            PluginAct::Install { file, name, accept_unsigned, access } => {
                // A server that would refuse for want of a token is not worth a download.
                server.token();
                let (wasm, source) = match file.to_str().and_then(|file| file.strip_prefix("oci://")) {
                    Some(package) => {
                        let pulled = access.pull(package)?;
                        (pulled.wasm, Some(pulled.source))
                    }
                    None => (std::fs::read(file).with_context(|| file.display().to_string())?, None),
                };
                let name = match name {
                    Some(name) => name.clone(),
                    None => sandbox::about(&wasm).with_context(|| file.display().to_string())?.1.name,
                };
                let unsigned = if *accept_unsigned { "&unsigned=true" } else { "" };
                let source = source.map(|source| format!("&source={}", segment(&source))).unwrap_or_default();
                let path = format!("/v1/plugins?name={}{unsigned}{source}", segment(&name));
                server.get_or_fail("POST", &path, Body::Wasm(&wasm))?
            }
            PluginAct::Trust { key, label } => {
                let wanted = json!({ "key": key, "label": label });
                let body = server.get_or_fail("POST", "/v1/keys", Body::Json("application/json", &wanted))?;
                server.print(&body, key_line);
                return Ok(ExitCode::SUCCESS);
            }
            PluginAct::Distrust { key } => {
                server.get_or_fail("DELETE", &format!("/v1/keys/{}", segment(key)), Body::None)?;
                println!("{key} is trusted no more; plugins that rested on it are stopped");
                return Ok(ExitCode::SUCCESS);
            }
            PluginAct::Secret { name, secret, remove } => {
                if *remove {
                    server.get_or_fail("DELETE", &secret_path(name, secret), Body::None)?;
                } else {
                    let mut text = String::new();
                    std::io::stdin().take(SECRET_BYTES).read_to_string(&mut text).context("standard input")?;
                    let values: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
                    set_secret(server, name, secret, &values)?;
                }
                println!("the secret {secret} of {name} is {}", if *remove { "gone" } else { "set" });
                return Ok(ExitCode::SUCCESS);
            }
            PluginAct::Keys => {
                let body = server.get_or_fail("GET", "/v1/keys", Body::None)?;
                let items = body["items"].as_array().cloned().unwrap_or_default();
                server.print(&body, |_| items.iter().map(key_line).collect());
                return Ok(ExitCode::SUCCESS);
            }
            PluginAct::Enable { name, grant_all, accept_unsigned } => {
                let mut change = json!({ "enabled": true, "unsigned": accept_unsigned });
                if *grant_all {
                    let path = format!("/v1/plugins/{}", segment(name));
                    let plugin = server.get_or_fail("GET", &path, Body::None)?;
                    change["grants"] = permissions(&plugin).map(|one| one["interface"].clone()).collect();
                }
                set(name, change)?
            }
            PluginAct::Disable { name } => set(name, json!({ "enabled": false }))?,
            PluginAct::Grant { name, permissions } => set(name, json!({ "grants": permissions }))?,
            PluginAct::Settings { name, json: text } => {
                let settings: Value = serde_json::from_str(text).context("the settings are not JSON")?;
                set(name, json!({ "settings": settings }))?
            }
            PluginAct::Limits { name, limits } => {
                let limits: serde_json::Map<String, Value> =
                    limits.iter().map(|(name, number)| (name.clone(), json!(number))).collect();
                set(name, json!({ "limits": limits }))?
            }
            PluginAct::Order { name, order } => set(name, json!({ "order": order }))?,
            PluginAct::Remove { name } => {
                server.get_or_fail("DELETE", &format!("/v1/plugins/{}", segment(name)), Body::None)?;
                println!("{name} is removed");
                return Ok(ExitCode::SUCCESS);
            }
        };
        server.print(&shown, describe);
        Ok(ExitCode::SUCCESS)
    }
}

fn key_line(key: &Value) -> String {
    let word = |name: &str| key[name].as_str().unwrap_or_default();
    format!("{}  {}\n", word("key"), word("label"))
}

/// A limit on the command line.
fn limit(text: &str) -> Result<(String, u64), String> {
    let (name, number) = text.split_once('=').ok_or("write it as name=number")?;
    let number = number.parse().map_err(|_| format!("`{number}` is not a whole number"))?;
    Ok((name.to_owned(), number))
}

pub(super) fn permissions(plugin: &Value) -> impl Iterator<Item = &Value> {
    plugin["permissions"].as_array().into_iter().flatten()
}

/// Where a vendor sends to, and what its owner does there.
pub(super) struct Hook<'a> {
    pub(super) address: &'a str,
    pub(super) topics: Vec<&'a str>,
    pub(super) guide: &'a str,
}

impl<'a> Hook<'a> {
    /// That of a plugin as the server tells of it, if anything comes in at it.
    pub(super) fn of(plugin: &'a Value) -> Option<Self> {
        let hook = &plugin["hook"];
        Some(Self {
            address: hook["address"].as_str()?,
            topics: hook["topics"].as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
            guide: hook["guide"].as_str().unwrap_or_default(),
        })
    }
}

fn describe(plugin: &Value) -> String {
    let interfaces = |granted: bool| {
        let some = permissions(plugin).filter(|one| one["granted"] == granted);
        some.filter_map(|one| one["interface"].as_str()).collect::<Vec<_>>().join(", ")
    };
    let state = if !plugin["paused"].is_null() {
        format!("stopped: {}", plugin["paused"]["reason"].as_str().unwrap_or_default())
    } else if plugin["enabled"] == true && !interfaces(false).is_empty() {
        "on, but does not run before it is granted what it asks for".to_owned()
    } else if plugin["enabled"] == true {
        "on".to_owned()
    } else {
        "off".to_owned()
    };
    let mut text = format!(
        "{} {} ({state}), order {}\n",
        plugin["name"].as_str().unwrap_or_default(),
        plugin["version"].as_str().unwrap_or_default(),
        plugin["order"],
    );
    text.push_str(&format!("  {}\n", plugin["signature"]["sentence"].as_str().unwrap_or_default()));
    if let Some(source) = plugin["source"].as_str() {
        text.push_str(&format!("  from: {source}\n"));
    }
    text.push_str(&format!("  may: {}\n", interfaces(true)));
    if !interfaces(false).is_empty() {
        text.push_str(&format!("  asks for: {}\n", interfaces(false)));
        for one in permissions(plugin).filter(|one| one["granted"] == false) {
            let word = |name: &str| one[name].as_str().unwrap_or_default();
            text.push_str(&format!("    {}: {}\n", word("interface"), word("sentence")));
        }
    }
    if let Some(Hook { address, topics, guide }) = Hook::of(plugin) {
        text.push_str(&format!("  the vendor sends to: {address}\n"));
        for (what, words) in [("topics to tick there", topics.join(", ")), ("where", guide.to_owned())] {
            if !words.is_empty() {
                text.push_str(&format!("  {what}: {words}\n"));
            }
        }
    }
    for secret in plugin["secrets"].as_array().into_iter().flatten() {
        let word = |name: &str| secret[name].as_str().unwrap_or_default();
        let state = if secret["values"] == 0 { "not set" } else { "set" };
        text.push_str(&format!("  secret {} ({state}): {}\n", word("name"), word("description")));
    }
    let own = plugin["own_limits"].as_object().into_iter().flatten();
    let own = own.map(|(name, number)| format!("{name} {number}")).collect::<Vec<_>>().join(", ");
    if !own.is_empty() {
        text.push_str(&format!("  limits of its own: {own}\n"));
    }
    text
}

/// Tell why a message was or was not sent, by which rule, and what would have to change.
#[derive(Debug, Args)]
pub(super) struct Why {
    /// The message: `msg_...`.
    message: String,
    /// The language to tell it in.
    #[arg(long, value_parser = ["en", "de", "es"], default_value = "en")]
    language: String,
    #[command(flatten)]
    server: Server,
}

impl Why {
    pub(super) fn run(self) -> Result<ExitCode> {
        let path = format!("/v1/messages/{}/why?language={}", segment(&self.message), self.language);
        let body = self.server.get_or_fail("GET", &path, Body::None)?;
        self.server.print(&body, |body| {
            let sentences = body["sentences"].as_array().into_iter().flatten().filter_map(Value::as_str);
            sentences.map(|sentence| format!("{sentence}\n")).collect()
        });
        Ok(ExitCode::SUCCESS)
    }
}

/// Make, list and take back access tokens.
#[derive(Debug, Args)]
pub(super) struct Token {
    #[command(subcommand)]
    act: TokenAct,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, Subcommand)]
enum TokenAct {
    /// Make a token. Its secret is shown once.
    Create {
        /// operator, owner, staff or ingest.
        #[arg(long, value_parser = role)]
        role: Role,
        /// Whose it is; staff's messages are signed with it.
        #[arg(long)]
        label: String,
    },
    /// List the tokens, without their secrets.
    List,
    /// Take a token back.
    Revoke {
        /// `tok_...`.
        id: String,
    },
}

fn role(word: &str) -> Result<Role, String> {
    Role::parse(word).ok_or_else(|| "one of operator, owner, staff, ingest".to_owned())
}

impl Token {
    pub(super) fn run(self) -> Result<ExitCode> {
        let server = &self.server;
        match &self.act {
            TokenAct::Create { role, label } => {
                let wanted = json!({ "role": role.word(), "label": label });
                let body = server.get_or_fail("POST", "/v1/tokens", Body::Json("application/json", &wanted))?;
                server.print(&body, |body| body["secret"].as_str().unwrap_or_default().to_owned());
            }
            TokenAct::List => {
                let body = server.get_or_fail("GET", "/v1/tokens", Body::None)?;
                let empty = Vec::new();
                let items = body["items"].as_array().or(body["tokens"].as_array()).unwrap_or(&empty);
                server.print(&body, |_| {
                    let word = |token: &Value, name: &str| token[name].as_str().unwrap_or_default().to_owned();
                    let line = |t: &Value| format!("{}  {:8}  {}\n", word(t, "id"), word(t, "role"), word(t, "label"));
                    items.iter().map(line).collect()
                });
            }
            TokenAct::Revoke { id } => {
                server.get_or_fail("DELETE", &format!("/v1/tokens/{}", segment(id)), Body::None)?;
                println!("{id} is taken back");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
