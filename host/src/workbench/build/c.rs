//! Plugins in C: bindings, then clang or zig. No WASI and no C library: what bindings and plugins need of one is linked from
//! here (`c/`).
//!
//! Never looks at the source itself, and leaves what the compiler says as it is.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use wit_bindgen_core::Files;

use super::{Compiled, tool};

/// Where a plugin's source begins.
pub(super) const SOURCE: &str = "src/plugin.c";

/// What a plugin has of a C library.
const INCLUDES: [(&str, &str); 3] = [
    ("stdlib.h", include_str!("c/include/stdlib.h")),
    ("string.h", include_str!("c/include/string.h")),
    ("assert.h", include_str!("c/include/assert.h")),
];
const FREESTANDING: &str = include_str!("c/freestanding.c");

/// The function that the bindings have where a world imports `attune:host/log`.
const LOG: &str = "attune_host_log_write";

/// A compiler that can make WebAssembly.
struct Tool {
    name: &'static str,
    /// What it has to be told first.
    target: &'static [&'static str],
    /// What it has to be told when it links, beside [`LINK`].
    link: &'static [&'static str],
}

/// Compilers in the order in which they are looked for. The stack stands before everything else, so that what overflows it traps
/// and overwrites nothing; zig does so unasked.
const TOOLS: [Tool; 3] = [
    Tool { name: "clang", target: &["--target=wasm32"], link: &["-Wl,--stack-first"] },
    Tool { name: "zig", target: ZIG, link: &[] },
    Tool { name: "python-zig", target: ZIG, link: &[] },
];
const ZIG: &[&str] = &["cc", "-target", "wasm32-freestanding"];
const INSTALL: &str = "apt-get install clang lld, or brew install llvm lld, or pip install ziglang";

/// A small stack keeps a plugin's memory to few pages, which is quicker to set up for every run.
const LINK: [&str; 3] = ["-nostdlib", "-Wl,--no-entry", "-Wl,-z,stack-size=65536"];

/// Compiles `src/*.c` of a plugin's folder. What is made on the way stands in `target/c` of that folder.
pub(super) fn compile(folder: &Path) -> Result<Compiled> {
    let target = tool::target(folder)?;
    let made = target.join("c");
    let (program, tool) = find(folder)?;
    let compiler = Compiler { program, tool, made: &made };
    let sources = sources(&folder.join("src"))?;
    let wants_log = write_bindings(folder, &made)?;
    let mut objects = vec![made.join("plugin_component_type.o")];
    for source in &sources {
        objects.push(compiler.object(source, &["-Wall", "-Wextra", "-Werror=implicit-function-declaration"])?);
    }
    // The bindings are generated; what a compiler thinks of them is no concern of the author's.
    objects.push(compiler.object(&made.join("plugin.c"), &["-w"])?);
    objects.push(
        compiler.object(&made.join("freestanding.c"), if wants_log { &["-w", "-DATTUNE_LOG"] } else { &["-w"] })?,
    );
    let module = compiler.link(&objects)?;
    let code = std::fs::read(&module).with_context(|| module.display().to_string())?;
    Ok(Compiled { code, target })
}

fn find(folder: &Path) -> Result<(PathBuf, &'static Tool)> {
    let found = TOOLS.iter().find_map(|one| Some((tool::find(folder, one.name, INSTALL).ok()?, one)));
    found.with_context(|| format!("no compiler for C is installed that can make WebAssembly: {INSTALL}"))
}

struct Compiler<'a> {
    program: PathBuf,
    tool: &'static Tool,
    /// Where the bindings stand, and what is made.
    made: &'a Path,
}

impl Compiler<'_> {
    /// Compiles one file. What the compiler tells, warnings too, goes to the terminal as it is.
    fn object(&self, source: &Path, warnings: &[&str]) -> Result<PathBuf> {
        let name = source.file_stem().unwrap_or_default().to_string_lossy();
        let own = if source.starts_with(self.made) { "made" } else { "src" };
        let object = self.made.join(format!("{own}.{name}.o"));
        let includes = self.made.join("include");
        let files = ["-c".as_ref(), source.as_os_str(), "-o".as_ref(), object.as_os_str()];
        let mut command = self.command();
        command.args(["-ffreestanding", "-std=c11", "-O2"]).args(warnings);
        command.arg("-isystem").arg(includes).arg("-I").arg(self.made).args(files);
        if !run(command)? {
            bail!("{} does not compile", source.display());
        }
        Ok(object)
    }

    fn link(&self, objects: &[PathBuf]) -> Result<PathBuf> {
        let module = self.made.join("plugin.wasm");
        let mut command = self.command();
        command.args(LINK).args(self.tool.link).args(objects).arg("-o").arg(&module);
        if !run(command)? {
            bail!(
                "the plugin cannot be linked; a symbol that is not defined is a handler that the world exports and no source \
                 has, a function that the world does not import, or one of the C library: a plugin has only those that \
                 stdlib.h, string.h and assert.h declare"
            );
        }
        Ok(module)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(self.tool.target);
        command
    }
}

fn run(mut command: Command) -> Result<bool> {
    // What `attune build` says is on standard output, and may be read by a script.
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("{} cannot be started", command.get_program().to_string_lossy()))?;
    Ok(output.status.success())
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("{}: a plugin's source stands here", folder.display()))?;
    let mut sources: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    sources.retain(|path| path.extension().is_some_and(|extension| extension == "c"));
    sources.sort();
    if sources.is_empty() {
        bail!("{}: no .c file here", folder.display());
    }
    Ok(sources)
}

/// Writes what a plugin is compiled with. Gives whether its world imports the log.
fn write_bindings(folder: &Path, made: &Path) -> Result<bool> {
    let (mut resolve, world) = super::world(folder)?;
    let mut files = Files::default();
    wit_bindgen_c::Opts::default()
        .build()
        .generate(&mut resolve, world, &mut files)
        .context("no bindings for C can be made of the plugin's world")?;
    let mut wants_log = false;
    for (name, contents) in files.iter() {
        wants_log |= name == "plugin.h" && String::from_utf8_lossy(contents).contains(LOG);
        tool::write(&made.join(name), contents)?;
    }
    for (name, text) in INCLUDES {
        tool::write(&made.join("include").join(name), text.as_bytes())?;
    }
    tool::write(&made.join("freestanding.c"), FREESTANDING.as_bytes())?;
    Ok(wants_log)
}
