//! `attune dev`, driven by its standard input, and a small plugin to be tried in it. The tests and the benchmark share it.

use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::{PAUSE, cache_folder, listen, lock, profile_folder, program, repository};

/// How long something may take, in looks of [`PAUSE`]: three minutes, since compilers are at work.
const LOOKS: u32 = 18_000;

/// A plugin that answers every message with a word and how many messages there were, and sets a timer.
#[derive(Debug)]
pub struct Tryout {
    folder: PathBuf,
}

impl Tryout {
    /// Writes it below the target directory, where compiling it again is quick. No two that are built at the same time may have one
    /// name: the compiler puts what it makes into one file.
    ///
    /// # Panics
    /// When it cannot be written. So for all below.
    pub fn new(name: &str, word: &str) -> Self {
        Self::in_folder(&target().join("tryouts").join(name), name, word)
    }

    /// The same in some folder.
    pub fn in_folder(folder: &Path, name: &str, word: &str) -> Self {
        let tryout = Self { folder: folder.to_path_buf() };
        let repository = repository().display().to_string();
        let filled = |text: &str| text.replace("REPOSITORY", &repository).replace("NAME", name);
        tryout.write("plugin.toml", &filled(MANIFEST));
        let lock = std::fs::read_to_string(format!("{repository}/Cargo.lock"));
        tryout.write("Cargo.lock", &lock.expect("the repository has a Cargo.lock"));
        tryout.write("Cargo.toml", &filled(CRATE));
        tryout.write("src/bindings.rs", &filled(BINDINGS));
        tryout.says(word);
        tryout
    }

    /// Saves the source with another word. It stands between quotation marks, so one that has some of its own need not compile.
    pub fn says(&self, word: &str) {
        self.write("src/lib.rs", &SOURCE.replace("WORD", word));
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.join(name);
        let above = path.parent().expect("a file is in a folder");
        std::fs::create_dir_all(above).expect("folders can be made in the target directory");
        std::fs::write(path, text).expect("files can be written in the target directory");
    }
}

/// Cargo's target directory.
fn target() -> PathBuf {
    profile_folder().parent().map(Path::to_path_buf).expect("a profile is in a target directory")
}

const MANIFEST: &str = r#"
[plugin]
name = "NAME"
version = "1.0.0"
description = "Counts what a customer writes."
"#;

/// Its profile is that of the repository, so that what both depend on is compiled once.
const CRATE: &str = r#"
[package]
name = "NAME"
version = "1.0.0"
edition = "2024"

[lib]
crate-type = ["cdylib"]

[dependencies]
attune-guest = { path = "REPOSITORY/plugins/guest" }
wit-bindgen = { version = "0.61", default-features = false, features = ["macros", "realloc"] }

[profile.release]
opt-level = 3
lto = true
codegen-units = 1
panic = "abort"
strip = "debuginfo"

[workspace]
"#;

const BINDINGS: &str = r#"
use super::Plugin;

wit_bindgen::generate!({
    path: "REPOSITORY/wit",
    inline: "
        package attune:tryout;
        world plugin {
            include attune:host/imports@0.1.0;
            export attune:automation/on-message@0.1.0;
            export attune:automation/on-timer@0.1.0;
        }
    ",
    world: "attune:tryout/plugin",
    generate_all,
});

export!(Plugin with_types_in self);
"#;

const SOURCE: &str = r#"
mod bindings;

use bindings::attune::host::message::{self, Content, Draft};
use bindings::attune::host::{clock, log, schedule, state};
use bindings::attune::types::types::{Failure, Message};
use bindings::exports::attune::automation::{on_message, on_message::Verdict, on_timer};

struct Plugin;

impl on_message::Guest for Plugin {
    fn handle(_: Message) -> Result<Verdict, Failure> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let count = state::get("count").and_then(|text| text.parse().ok()).unwrap_or(0) + 1;
        state::set("count", &format!("{count}")).expect("a number fits");
        schedule::set("later", clock::now() + 3_600_000, "").expect("a timer fits");
        let text = format!("{} {count}", "WORD");
        let content = Content::Text(text);
        let (channel, about, expires, once) = (None, None, None, None);
        message::send(&Draft { purpose: "reply".into(), content, channel, about, expires, once }).expect("a reply fits");
        Ok(Verdict::Answered)
    }
}

impl on_timer::Guest for Plugin {
    fn handle(key: String, _: u64, _: String) -> Result<(), Failure> {
        log::write(log::Level::Info, &format!("it rang: {key}"));
        Ok(())
    }
}
"#;

/// A running `attune dev`. It is killed when this is dropped.
#[derive(Debug)]
pub struct Dev {
    child: Child,
    input: Option<ChildStdin>,
    said: Arc<Mutex<Vec<String>>>,
    /// How many lines were looked through.
    seen: usize,
}

impl Dev {
    /// Starts it with a plugin, whose crates are compiled in the repository's own target directory.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(plugin: &Tryout, arguments: &[&str]) -> Self {
        let mut child = Command::new(program())
            .arg("dev")
            .arg(plugin.path())
            .args(arguments)
            .env("CARGO_TARGET_DIR", target())
            .env("XDG_CACHE_HOME", cache_folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        let said = Arc::new(Mutex::new(Vec::new()));
        listen(child.stdout.take(), &said);
        listen(child.stderr.take(), &said);
        Self { input: child.stdin.take(), child, said, seen: 0 }
    }

    /// Types a line.
    ///
    /// # Panics
    /// When nobody reads it.
    pub fn types(&mut self, line: &str) {
        use std::io::Write;
        let input = self.input.as_mut().expect("its input is open");
        writeln!(input, "{line}").and_then(|()| input.flush()).expect("it reads its input");
    }

    /// Waits for a line with these words, after those that were waited for before, and gives it.
    ///
    /// # Panics
    /// When it does not come, with all that was said.
    #[track_caller]
    pub fn shows(&mut self, words: &str) -> String {
        for _ in 0..LOOKS {
            let said = lock(&self.said);
            if let Some((at, line)) = said.iter().enumerate().skip(self.seen).find(|(_, line)| line.contains(words)) {
                self.seen = at + 1;
                return line.clone();
            }
            let all = said.len();
            drop(said);
            if all == lock(&self.said).len() && self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                // Its last lines may still be on their way.
                std::thread::sleep(Duration::from_millis(200));
                if lock(&self.said).len() == all {
                    break;
                }
            }
            std::thread::sleep(PAUSE);
        }
        panic!("`{words}` is not shown: {:#?}", lock(&self.said));
    }

    /// Ends its input, and says whether it ended well.
    ///
    /// # Panics
    /// When it cannot be waited for.
    pub fn ends(mut self) -> bool {
        self.input = None;
        self.child.wait().expect("it can be waited for").success()
    }

    /// Presses Ctrl-C, and says whether it ended well.
    ///
    /// # Panics
    /// When it cannot be waited for.
    pub fn interrupted(mut self) -> bool {
        let asked = Command::new("sh").arg("-c").arg(format!("kill -INT {}", self.child.id())).status();
        assert!(asked.is_ok_and(|status| status.success()), "it is gone already");
        self.child.wait().expect("it can be waited for").success()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
