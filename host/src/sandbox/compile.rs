//! Compiling code that nobody here has read: in a process of its own, with limits on memory, computing and time. A component
//! that makes the compiler take without end then costs one child process, not the host.
//!
//! What it does not hold: whoever subverts the compiler still hands native code over, which the host runs (see the threat model in
//! ARCHITECTURE.md).

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use wasmtime::{Engine, InstanceAllocationStrategy};

use super::{Kind, Rejected};
use crate::turn::limits::{COMPONENT_BYTES, Limits};

/// The subcommand that is the child.
pub const COMMAND: &str = "compile";

/// How often it is looked whether the child has ended.
const LOOK: Duration = Duration::from_millis(2);

/// How far a compiling process stands behind others, as `nice` counts.
const BEHIND: i32 = 10;

/// The most compiled code that is taken, in bytes: twenty times the largest component.
const CODE_BYTES: u64 = 640 << 20;

/// The most bytes that are read of what a child says when it fails.
const LAST_WORDS_BYTES: u64 = 8 << 10;

/// What the child's answer begins with.
const CODE: u8 = 1;
const REFUSED: u8 = 2;

/// How components are compiled.
#[derive(Debug, Clone)]
pub enum Compiler {
    /// In this process: for components of one's own, in tests.
    Here,
    /// In a child process.
    Child(Child),
}

/// A process to compile in.
#[derive(Debug, Clone)]
pub struct Child {
    /// Which program.
    program: PathBuf,
    /// See [`Limits::compile_memory_bytes`].
    memory_bytes: u64,
    /// See [`Limits::compile_s`].
    computing_s: u64,
}

impl Compiler {
    /// In a child process of the running program; in this process where it is not known which program that is.
    pub fn child(limits: &Limits) -> Self {
        let (memory_bytes, computing_s) = (limits.compile_memory_bytes, limits.compile_s);
        let child = |program| Self::Child(Child { program, memory_bytes, computing_s });
        // Still there when the file was replaced by a newer one, whose code would not fit.
        if cfg!(target_os = "linux") {
            return child(PathBuf::from("/proc/self/exe"));
        }
        match std::env::current_exe() {
            Ok(program) => child(program),
            Err(error) => {
                tracing::warn!(%error, "components are compiled in this process: it is not known which program it is");
                Self::Here
            }
        }
    }

    /// Compiles a component. `engine` is used for it only [here](Compiler::Here).
    ///
    /// # Errors
    /// [`Rejected`], with what was wrong.
    pub(super) fn compile(&self, engine: &Engine, kind: Kind, wasm: &[u8]) -> Result<Vec<u8>, Rejected> {
        match self {
            Self::Here => precompile(engine, wasm).map_err(Rejected::NotAComponent),
            Self::Child(child) => {
                let Asked { ended, mut answer, last_words } = child.ask(kind, wasm)?;
                match answer.first() {
                    Some(&CODE) if ended.success() => Ok(answer.split_off(1)),
                    Some(&REFUSED) if ended.success() => {
                        Err(Rejected::NotAComponent(String::from_utf8_lossy(&answer.split_off(1)).into_owned()))
                    }
                    _ => {
                        if !last_words.is_empty() {
                            tracing::error!(%ended, said = last_words, "a compiling process ended badly");
                        }
                        Err(match of_a_panic(&last_words) {
                            Some(words) => Rejected::CompilerFailed(words.to_owned()),
                            None => Rejected::TooCostly(child.cost(ended)),
                        })
                    }
                }
            }
        }
    }
}

/// What a child came to.
struct Asked {
    ended: ExitStatus,
    /// What it gave.
    answer: Vec<u8>,
    /// What it said on the side, in one line.
    last_words: String,
}

impl Child {
    /// The most time by the clock: the machine may be busy.
    fn wall(&self) -> Duration {
        Duration::from_secs(self.computing_s.saturating_mul(2))
    }

    /// Has a child compile a component.
    fn ask(&self, kind: Kind, wasm: &[u8]) -> Result<Asked, Rejected> {
        let mut child = Command::new(&self.program)
            .args([COMMAND, &self.memory_bytes.to_string(), &self.computing_s.to_string()])
            .args((kind == Kind::Roomy).then_some("--roomy"))
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| Rejected::Host(format!("no process to compile in: {error}")))?;
        let (input, output, aside) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        std::thread::scope(|scope| {
            scope.spawn(move || {
                // A child that ended early takes no more; how it ended says the rest.
                let _ = input.map(|mut input| input.write_all(wasm));
            });
            let reader = scope.spawn(move || {
                let mut answer = Vec::new();
                // An answer cut short is none, and the child's end says why.
                let _ = output.map(|output| output.take(CODE_BYTES).read_to_end(&mut answer));
                answer
            });
            let listener = scope.spawn(move || {
                let mut said = Vec::new();
                if let Some(mut aside) = aside {
                    let _ = aside.by_ref().take(LAST_WORDS_BYTES).read_to_end(&mut said);
                    // It must not wait for somebody to listen.
                    let _ = std::io::copy(&mut aside, &mut std::io::sink());
                }
                said
            });
            let ended = self.wait(&mut child)?;
            let said = listener.join().unwrap_or_default();
            let last_words = in_one_line(&String::from_utf8_lossy(&said));
            Ok(Asked { ended, answer: reader.join().unwrap_or_default(), last_words })
        })
    }

    /// Waits for a child, and ends one that takes too long.
    fn wait(&self, child: &mut std::process::Child) -> Result<ExitStatus, Rejected> {
        let failed = |error: std::io::Error| Rejected::Host(format!("a compiling process was lost: {error}"));
        for _ in 0..self.wall().as_nanos() / LOOK.as_nanos() {
            if let Some(ended) = child.try_wait().map_err(failed)? {
                return Ok(ended);
            }
            std::thread::sleep(LOOK);
        }
        // It may have ended by itself just now.
        let _ = child.kill();
        child.wait().map_err(failed)
    }

    /// What a child that ended badly ran into, in words.
    fn cost(&self, ended: ExitStatus) -> String {
        let computing_s = self.computing_s;
        #[cfg(unix)]
        if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&ended) {
            return match signal {
                // What is nested too deeply ends it in the same way.
                6 => format!("more than {} MiB of memory, or more levels than there may be,", self.memory_bytes >> 20),
                9 => format!("more than {computing_s} s of computing or {} s in all", self.wall().as_secs()),
                24 => format!("more than {computing_s} s of computing"),
                other => format!("what ended the compiler with signal {other}"),
            };
        }
        format!("what ended the compiler with {ended}")
    }
}

/// Words that stand in one line of a log and hold nothing that a terminal would obey.
fn in_one_line(words: &str) -> String {
    let lines: Vec<&str> = words.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(" | ").chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

/// What a panic said, out of the last words of a process: they say where it was, then what, then perhaps more.
fn of_a_panic(last_words: &str) -> Option<&str> {
    let (_, told) = last_words.split_once(" panicked at ")?;
    told.split(" | ").nth(1)
}

/// The child: takes a component on standard input and gives its code, or why there is none, on standard output.
///
/// # Errors
/// When it cannot be limited, read or written; the parent then hears no answer.
pub fn child(kind: Kind, memory_bytes: u64, computing_s: u64) -> anyhow::Result<()> {
    limit(memory_bytes, computing_s)?;
    let mut wasm = Vec::new();
    std::io::stdin().take(COMPONENT_BYTES as u64 + 1).read_to_end(&mut wasm)?;
    let mut config = kind.settings();
    // The same code comes out, and no pool is set up in a process that runs nothing. One thread: its computing is limited.
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand).parallel_compilation(false);
    let (kind, bytes) = match Engine::new(&config).map_err(|error| format!("{error:#}")) {
        Ok(engine) => match precompile(&engine, &wasm) {
            Ok(code) => (CODE, code),
            Err(words) => (REFUSED, words.into_bytes()),
        },
        Err(words) => anyhow::bail!(words),
    };
    let mut output = std::io::stdout().lock();
    output.write_all(&[kind])?;
    output.write_all(&bytes)?;
    output.flush()?;
    Ok(())
}

fn precompile(engine: &Engine, wasm: &[u8]) -> Result<Vec<u8>, String> {
    engine.precompile_component(wasm).map_err(|error| format!("{error:#}"))
}

/// Limits this process, and offers it first when the machine runs out of memory.
#[cfg(unix)]
fn limit(memory_bytes: u64, computing_s: u64) -> anyhow::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let limited = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    // The first of the two ends it with a signal that says why.
    let computing = Rlimit { current: Some(computing_s), maximum: Some(computing_s.saturating_add(10)) };
    // Memory that is only reserved does not count: the allocator reserves more than it ever uses.
    setrlimit(Resource::Data, limited(memory_bytes))?;
    setrlimit(Resource::Cpu, computing)?;
    setrlimit(Resource::Core, limited(0))?;
    // Nobody who is served now waits for somebody who installs something. Where it is not allowed it is no harm.
    let _ = rustix::process::nice(BEHIND);
    // Not on every system, and not needed for the limits.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    Ok(())
}

#[cfg(not(unix))]
fn limit(_: u64, _: u64) -> anyhow::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_compiler_is_told_from_what_ran_out() {
        let table = [
            (
                "\nthread 'main' (7) panicked at adapt.rs:249:14:\ninvalid module: \u{1b}[31mred\nnote: run with more\n",
                Some("invalid module:  [31mred"),
            ),
            ("memory allocation of 100 bytes failed\n", None),
            ("\nthread 'main' has overflowed its stack\nfatal runtime error: stack overflow\n", None),
            ("", None),
        ];
        for (said, expected) in table {
            assert_eq!(of_a_panic(&in_one_line(said)), expected, "{said}");
        }
    }
}
