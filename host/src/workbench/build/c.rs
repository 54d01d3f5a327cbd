//! Plugins in C: bindings, then clang or zig. No WASI and no C library: what bindings and plugins need of one is linked from
//! here (`c/`).
//!
//! Never looks at the source itself, and leaves what the compiler says as it is.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::Resolve;

use super::{Compiled, tool};

/// What a project's world is called; the bindings are named after it.
const WORLD: &str = "plugin";

/// What a plugin has of a C library.
const INCLUDES: [(&str, &str); 3] = [
    ("stdlib.h", include_str!("c/include/stdlib.h")),
    ("string.h", include_str!("c/include/string.h")),
    ("assert.h", include_str!("c/include/assert.h")),
];
const FREESTANDING: &str = include_str!("c/freestanding.c");

/// The function that the bindings have where a world imports `attune:host/log`.
const LOG: &str = "attune_host_log_write";

/// Compilers that can make WebAssembly, in the order in which they are looked for, with what each has to be told.
const COMPILERS: [(&str, &[&str]); 3] = [
    ("clang", &["--target=wasm32"]),
    ("zig", &["cc", "-target", "wasm32-freestanding"]),
    ("python-zig", &["cc", "-target", "wasm32-freestanding"]),
];
const INSTALL: &str = "apt-get install clang lld, or brew install llvm lld, or pip install ziglang";

/// A small stack keeps a plugin's memory to few pages, which is quicker to set up for every run. It stands first, so that
/// what overflows it traps and overwrites nothing.
const LINK: [&str; 4] = ["-nostdlib", "-Wl,--no-entry", "-Wl,--stack-first", "-Wl,-z,stack-size=65536"];

/// Compiles `src/*.c` of a plugin's folder. What is made on the way stands in `target/c` of that folder.
pub(super) fn compile(folder: &Path) -> Result<Compiled> {
    let target = folder.join("target");
    let made = target.join("c");
    let compiler = Compiler { command: find(folder)?, made: &made };
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

/// The compiler, with what it has to be told first.
fn find(folder: &Path) -> Result<(PathBuf, &'static [&'static str])> {
    let found = COMPILERS.iter().find_map(|(name, told)| Some((tool::find(folder, name, INSTALL).ok()?, *told)));
    found.with_context(|| format!("no compiler for C is installed that can make WebAssembly: {INSTALL}"))
}

struct Compiler<'a> {
    command: (PathBuf, &'static [&'static str]),
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
        command.args(["-ffreestanding", "-std=c11", "-O2", "-g"]).args(warnings);
        command.arg("-isystem").arg(includes).arg("-I").arg(self.made).args(files);
        if !run(command)? {
            bail!("{} does not compile", source.display());
        }
        Ok(object)
    }

    fn link(&self, objects: &[PathBuf]) -> Result<PathBuf> {
        let module = self.made.join("plugin.wasm");
        let mut command = self.command();
        command.args(LINK).args(objects).arg("-o").arg(&module);
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
        let mut command = Command::new(&self.command.0);
        command.args(self.command.1);
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
    let wit = folder.join("wit");
    let wrong = || wit.display().to_string();
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(&wit).with_context(wrong)?;
    let world = resolve.select_world(&[package], Some(WORLD)).with_context(wrong)?;
    let mut files = Files::default();
    wit_bindgen_c::Opts::default().build().generate(&mut resolve, world, &mut files).with_context(wrong)?;
    let mut wants_log = false;
    for (name, contents) in files.iter() {
        wants_log |= name == "plugin.h" && String::from_utf8_lossy(contents).contains(LOG);
        write(&made.join(name), contents)?;
    }
    for (name, text) in INCLUDES {
        write(&made.join("include").join(name), text.as_bytes())?;
    }
    write(&made.join("freestanding.c"), FREESTANDING.as_bytes())?;
    Ok(wants_log)
}

/// Writes a file unless it stands there as it should be.
fn write(path: &Path, contents: &[u8]) -> Result<()> {
    if std::fs::read(path).is_ok_and(|old| old == contents) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(path, contents))
        .with_context(|| path.display().to_string())
}
