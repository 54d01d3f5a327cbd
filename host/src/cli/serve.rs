//! `attune serve`: puts the rooms together, in the real world.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;
use tokio::net::TcpListener;

use crate::delivery::{Post, Settings as Delivery, Smtp};
use crate::domain::entry::{Change, Input, Role, Token};
use crate::domain::ids::{BusinessId, CustomerId, TokenId};
use crate::engine::{Engine, Parts};
use crate::sandbox::{self, Cache, Compiler, Sandbox};
use crate::server::{self, App, new_secret, secret_hash};
use crate::store::{FileKeyring, Keyring, RedbStore, Settings, Store};
use crate::turn::limits::Limits;
use crate::world::{self, World};

use super::demo;

/// Start the server.
///
/// All state is in the data directory: the store in `attune.redb` and its log `attune.redb-wal`, which belong together; the
/// customers' keys in `keys` (leave that file out of backups, or erased customers come back with them); compiled plugins in
/// `compiled` (may be deleted at any time).
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The data directory.
    #[arg(long, env = "ATTUNE_DATA", default_value = "attune-data")]
    data: PathBuf,
    /// Where to listen.
    #[arg(long, env = "ATTUNE_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The mail server: smtp://user:password@host:port?from=clinic@example.com
    #[arg(long, env = "ATTUNE_SMTP", hide_env_values = true)]
    smtp: Option<String>,
    /// Open the demonstration business with the sample events of this folder.
    #[arg(long, requires = "plugins")]
    demo: Option<PathBuf>,
    /// A folder with component files that you, the operator, vouch for: they are installed without a signature that the owner
    /// trusts. The demonstration takes its plugins from here.
    #[arg(long)]
    plugins: Option<PathBuf>,
    /// Threads that run plugins; absent: twice as many as there are cores.
    #[arg(long)]
    workers: Option<usize>,
    /// What plugins may use: a TOML file with limits by name, such as `fuel = 400000000`; those left out stay as they are.
    #[arg(long)]
    limits: Option<PathBuf>,
    /// Where customers reach this server from outside, such as https://attune.example; offers by mail need it for the link that ends
    /// them. Absent: for the demonstration where it listens, else such mails are withheld.
    #[arg(long, env = "ATTUNE_PUBLIC_URL", value_parser = public_url)]
    public_url: Option<String>,
    /// A host (or host:port) that channel plugins may reach though it is not public, or without TLS: on this machine or in your own
    /// network. May be given several times.
    #[arg(long, value_name = "HOST")]
    egress_allow: Vec<String>,
    /// How many entries may wait before more are answered with 503.
    #[arg(long, default_value_t = 20_000)]
    queue: usize,
}

impl Serve {
    pub(super) fn run(self) -> Result<ExitCode> {
        let smtp = self.smtp.as_deref().map(Smtp::parse).transpose().context("--smtp")?;
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(cores).enable_all().build()?;
        let world: Arc<dyn World> = Arc::new(world::Serve::new());
        let shown = || self.demo.is_some().then(|| format!("http://{}", self.listen));
        let engine = open(Opening {
            data: &self.data,
            world,
            limits: self.limits()?,
            workers: self.workers.unwrap_or(cores * 2),
            queue: self.queue,
            public_url: self.public_url.clone().or_else(shown),
            cache: None,
        })?;
        let post = Post::start(
            runtime.handle().clone(),
            Delivery { smtp, private: self.egress_allow.clone(), ..Delivery::default() },
        )
        .map_err(anyhow::Error::msg)?;
        engine.set_courier(Arc::new(post.clone()));
        let lost = engine.settle_lost_attempts()?;
        if lost > 0 {
            tracing::warn!(lost, "messages were with a channel when the last process stopped; they are uncertain now");
        }
        engine.start_clock()?;
        let listener = runtime
            .block_on(TcpListener::bind(self.listen))
            .with_context(|| format!("{} cannot be listened on; choose another with --listen", self.listen))?;
        let address = listener.local_addr()?;
        if let Some(secret) = first_operator(&engine)? {
            println!("operator token (shown once): {secret}");
        }
        let app = App::new(engine.clone(), server::Limits::default(), env!("CARGO_PKG_VERSION"));
        if let Some(folder) = &self.plugins {
            app.vouch(digests(folder)?);
        }
        if let (Some(events), Some(plugins)) = (&self.demo, &self.plugins) {
            let open = demo::open(&engine, events, plugins, address)?;
            println!("{}", demo::welcome(&open, address));
        }
        println!("attune is listening on http://{address}");
        runtime.block_on(server::serve(listener, app, stop_signal()))?;
        println!("stopping: what was taken is finished or stays in the journal");
        runtime.block_on(post.stop());
        engine.stop().context("the store could not be closed in order")?;
        Ok(ExitCode::SUCCESS)
    }

    /// What plugins may use.
    fn limits(&self) -> Result<Limits> {
        let Some(file) = &self.limits else { return Ok(Limits::default()) };
        let text = std::fs::read_to_string(file).with_context(|| format!("the limits in {}", file.display()))?;
        let limits: Limits = toml::from_str(&text).with_context(|| format!("the limits in {}", file.display()))?;
        limits.check().map_err(|words| anyhow::anyhow!("the limits in {}: {words}", file.display()))?;
        Ok(limits)
    }
}

/// What an engine on a data directory is started with.
pub(super) struct Opening<'a> {
    pub(super) data: &'a Path,
    pub(super) world: Arc<dyn World>,
    pub(super) limits: Limits,
    pub(super) workers: usize,
    pub(super) queue: usize,
    pub(super) public_url: Option<String>,
    /// Where compiled code is kept; absent: in the data directory.
    pub(super) cache: Option<Cache>,
}

/// Opens the data directory and starts the engine on it.
pub(super) fn open(opening: Opening<'_>) -> Result<Arc<Engine>> {
    let Opening { data, world, limits, workers, queue, public_url, cache } = opening;
    std::fs::create_dir_all(data).with_context(|| format!("the data directory {}", data.display()))?;
    let keyring = Arc::new(FileKeyring::open(&data.join("keys"))?);
    let store: Arc<dyn Store> = Arc::new(RedbStore::open(&data.join("attune.redb"), Settings::default())?);
    let cache = cache.map_or_else(|| compiled(data, keyring.as_ref()), Ok)?;
    let sandbox = Sandbox::new(cache, Compiler::child(&limits))?;
    Ok(Engine::start(Parts { store, keyring, world, sandbox, limits, workers, queue, public_url })?)
}

/// The digests of the component files in a folder, as they are now.
fn digests(folder: &Path) -> Result<BTreeSet<String>> {
    let place = || format!("the plugins in {}", folder.display());
    let mut digests = BTreeSet::new();
    for entry in std::fs::read_dir(folder).with_context(place)? {
        let path = entry.with_context(place)?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            let wasm = std::fs::read(&path).with_context(|| path.display().to_string())?;
            // What is no component is nothing that could be installed.
            digests.extend(sandbox::about(&wasm).map(|(digest, _)| digest));
        }
    }
    Ok(digests)
}

/// An address that can stand before a path.
pub(super) fn public_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"'?#\\".contains(&b)) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err("give it as https://attune.example, without a query".to_owned()),
    }
}

/// The cache of compiled code, vouched for by a key that only this host has.
fn compiled(data: &Path, keyring: &dyn Keyring) -> Result<Cache> {
    let index = keyring.index_key(BusinessId::SYSTEM)?;
    let mut key = [0; 32];
    key[..16].copy_from_slice(&index.hash("compiled", &[b"1"]));
    key[16..].copy_from_slice(&index.hash("compiled", &[b"2"]));
    Ok(Cache::new(data.join("compiled"), key))
}

/// On the very first start: a token for the operator.
fn first_operator(engine: &Arc<Engine>) -> Result<Option<String>> {
    let tokens = engine.query(BusinessId::SYSTEM).tokens()?;
    if tokens.iter().any(|token| token.role == Role::Operator) {
        return Ok(None);
    }
    make_token(engine, BusinessId::SYSTEM, Role::Operator, "operator").map(Some)
}

/// Makes a token and gives its secret.
pub(super) fn make_token(engine: &Arc<Engine>, business: BusinessId, role: Role, label: &str) -> Result<String> {
    let secret = new_secret(engine.world());
    let token = Token {
        id: TokenId::new(engine.world().now(), engine.world().unique()),
        hash: secret_hash(&secret),
        role,
        business: (role != Role::Operator).then_some(business),
        label: label.to_owned(),
    };
    let input = Input::Owner { by: "attune serve".to_owned(), change: Change::Token(token) };
    engine.act(business, CustomerId::BUSINESS, input)?;
    Ok(secret)
}

/// Done once the system or a terminal asks the program to stop.
pub(super) async fn stop_signal() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        let Ok(mut terminated) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
            let _ = interrupted.await;
            return;
        };
        tokio::select! {
            _ = interrupted => {}
            _ = terminated.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = interrupted.await;
}
