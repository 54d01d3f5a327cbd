//! `attune dev`: a local Attune around the plugins that somebody is writing. They are built and swapped when their sources are
//! saved, what each event leads to is shown, and the author types as the customer and puts the clock forward.
//!
//! It sends nothing anywhere: channels beyond chat take every message and drop it. Plugins are upgraded as an owner would do it,
//! by entries of the business's own lane, so nothing of their state is lost.

mod build;
mod line;
mod plugin;
mod show;
mod stage;

use std::io::{BufRead, IsTerminal};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use anyhow::{Context, Result, bail};
use clap::Args;
use tokio::net::TcpListener;

use crate::delivery::Recording;
use crate::domain::address::Address;
use crate::domain::entry::Role;
use crate::domain::ids::EventId;
use crate::server::{self, App};
use crate::turn::limits::Limits;
use crate::workbench::kept;
use crate::world::{Ahead, Serve, World};

use super::demo;
use super::plugins::all_plugins;
use super::serve::{Opening, make_token, open, stop_signal};

use build::{Built, keep_building};
use plugin::Plugin;
use stage::Stage;

/// Try plugins while you write them.
///
/// Opens a demonstration business with the plugins of these folders, builds them again whenever a file is saved, and swaps them
/// without losing state. If a build fails, the plugin goes on as it was. What each event leads to is shown. A line that you type is
/// a message of the customer, `+3d` puts the clock forward, `/help` lists the rest. Ends with its input, or with Ctrl-C.
#[derive(Debug, Args)]
pub(super) struct Dev {
    /// Plugin folders, or folders of plugins.
    #[arg(default_value = ".")]
    folders: Vec<PathBuf>,
    /// Keep the data in this directory, and go on with it next time; absent: a temporary one.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where the API listens; absent: any free port of this machine.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

/// What the stage hears of.
enum News {
    /// A plugin's sources changed; it is being built.
    Building(usize),
    /// A plugin was built, or the errors.
    Built(usize, Result<Built, String>),
    /// A line was typed.
    Typed(String),
    /// The program is to end: the input ended, or somebody pressed Ctrl-C.
    End,
}

/// The file in the data directory that says by how many milliseconds the clock is ahead. It is there in what `attune dev` made, and
/// nowhere else.
const CLOCK: &str = "dev-clock";

impl Dev {
    pub(super) fn run(self) -> Result<ExitCode> {
        let folders = all_plugins(&self.folders)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let temporary = if self.data.is_none() { Some(Temporary::new()?) } else { None };
        let data = self.data.as_deref().or(temporary.as_ref().map(|folder| folder.0.as_path()));
        let data = data.context("there is no data directory")?;
        let world = Arc::new(Ahead::new(clock_of(data)?));
        let listener = runtime
            .block_on(TcpListener::bind(self.listen))
            .with_context(|| format!("{} cannot be listened on; choose another with --listen", self.listen))?;
        let url = format!("http://{}", listener.local_addr()?);
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let engine = open(Opening {
            data,
            world: world.clone(),
            limits: Limits::default(),
            workers: cores.max(2),
            queue: 20_000,
            public_url: Some(url.clone()),
            cache: Some(kept::cache()),
        })?;
        engine.set_courier(Arc::new(Recording::new()));
        engine.settle_lost_attempts()?;
        std::fs::write(data.join(CLOCK), world.ahead_ms().to_string())?;
        let (is_new, business) = match demo::known(&engine)? {
            Some(business) => (false, business),
            None => (true, demo::found(&engine, BY)?),
        };
        let token = make_token(&engine, business, Role::Owner, "Petra")?;

        let (sender, news) = mpsc::channel();
        let interrupted = Arc::new(AtomicBool::new(false));
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let app = App::new(engine.clone(), server::Limits::default(), env!("CARGO_PKG_VERSION"));
        let serving = runtime.spawn(server::serve(listener, app, stopped));
        let (ends, is_interrupted) = (sender.clone(), interrupted.clone());
        runtime.spawn(async move {
            stop_signal().await;
            is_interrupted.store(true, Ordering::SeqCst);
            let _ = ends.send(News::End);
        });
        let plugins = folders.iter().map(|folder| Plugin::in_folder(folder)).collect();
        let mut stage = Stage {
            live: engine.watch(),
            engine: engine.clone(),
            world,
            business,
            plugins,
            me: Address::parse("chat:anna")?,
            clock_file: data.join(CLOCK),
            news,
            interrupted,
            last: None,
            paint: show::Paint(std::io::stdout().is_terminal()),
            prompts: std::io::stdout().is_terminal() && std::io::stdin().is_terminal(),
            prompt_is_shown: false,
        };
        let (builder, out, tells) = (engine.clone(), data.join("plugins"), sender.clone());
        std::thread::Builder::new()
            .name("builder".to_owned())
            .spawn(move || keep_building(&builder, &folders, &out, &tells))?;
        stage.say(&format!("API: export ATTUNE_URL={url} ATTUNE_TOKEN={token}"));
        let played = stage.open(is_new).and_then(|()| {
            // Lines are read only from here on: what is typed or piped in finds its plugins.
            std::thread::Builder::new().name("input".to_owned()).spawn(move || read_lines(&sender))?;
            stage.play()
        });
        let _ = stop.send(());
        runtime.block_on(serving)??;
        engine.stop().context("the store could not be closed in order")?;
        played.map(|()| ExitCode::SUCCESS)
    }
}

/// Who the owner is in what this program does for the author.
const BY: &str = "attune dev";

fn read_lines(news: &mpsc::Sender<News>) {
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        if news.send(News::Typed(line)).is_err() {
            return;
        }
    }
    let _ = news.send(News::End);
}

/// By how many milliseconds the clock of a data directory is ahead.
fn clock_of(data: &Path) -> Result<u64> {
    let path = data.join(CLOCK);
    match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().with_context(|| format!("{}: no number of milliseconds", path.display())),
        Err(_) if data.join("attune.redb").exists() => bail!(
            "{} was not made by `attune dev`, which puts the clock forward and sends nothing; give it a directory of its own",
            data.display()
        ),
        Err(_) => Ok(0),
    }
}

/// A directory that goes when the program ends.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> Result<Self> {
        let world = Serve::new();
        let unique = EventId::new(world.now(), world.secret());
        let path = std::env::temp_dir().join(format!("attune-dev-{unique}"));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).with_context(|| format!("the temporary directory {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "a temporary directory could not be removed");
        }
    }
}
