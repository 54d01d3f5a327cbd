//! Plugins in C: bindings, then clang or zig. No WASI and no C library: what bindings and plugins need of one is linked from
//! here (`c/`).
//!
//! Never looks at the source itself, and leaves what the compiler says as it is.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use wit_bindgen_core::Files;

use super::contract;

/// What a plugin has of a C library.
const INCLUDES: [(&str, &str); 3] = [
    ("stdlib.h", include_str!("c/include/stdlib.h")),
    ("string.h", include_str!("c/include/string.h")),
    ("assert.h", include_str!("c/include/assert.h")),
];
const FREESTANDING: &str = include_str!("c/freestanding.c");

/// The function that the bindings have where a world imports `attune:host/log`.
const LOG: &str = "attune_host_log_write";

/// Compilers that can make WebAssembly, in the order in which they are tried, with what each has to be told.
const COMPILERS: [(&str, &[&str]); 3] = [
    ("clang", &["--target=wasm32"]),
    ("zig", &["cc", "-target", "wasm32-freestanding"]),
    ("python-zig", &["cc", "-target", "wasm32-freestanding"]),
];

/// A small stack keeps a plugin's memory to few pages, which is quicker to set up for every run. It stands first, so that
/// what overflows it traps and overwrites nothing.
const LINK: [&str; 4] =
    ["-nostdlib", "-Wl,--no-entry", "-Wl,--stack-first", "-Wl,-z,stack-size=65536"];

/// Compiles `src/*.c` of a project. What is made on the way stands below `scratch`. Gives the module.
///
/// # Errors
/// No compiler, an error in the source (the compiler has told it), a world that is wrong.
pub fn compile(folder: &Path, scratch: &Path) -> Result<PathBuf> {
    let (program, target) = compiler()?;
    let sources = sources(&folder.join("src"))?;
    let made = scratch.join("c");
    let wants_log = write_bindings(folder, &made)?;
    let run = |warnings: &[&str], arguments: &[&OsStr]| -> Result<bool> {
        let mut command = Command::new(program);
        command.args(target).args(["-ffreestanding", "-std=c11", "-O2", "-g"]).args(warnings);
        command.arg("-isystem").arg(made.join("include")).arg("-I").arg(&made).args(arguments);
        // What it tells goes to the terminal as it is; there is nothing to read.
        let status = command.status().with_context(|| format!("{program} cannot be started"))?;
        Ok(status.success())
    };
    let mut objects = vec![made.join("plugin_component_type.o")];
    let mut compile = |source: &Path, warnings: &[&str]| -> Result<()> {
        let object = made.join(source.file_name().unwrap_or_default()).with_extension(format!("{}.o", objects.len()));
        let arguments = ["-c".as_ref(), source.as_os_str(), "-o".as_ref(), object.as_os_str()];
        if !run(warnings, &arguments)? {
            bail!("{} does not compile", source.display());
        }
        objects.push(object);
        Ok(())
    };
    for source in &sources {
        compile(source, &["-Wall", "-Wextra", "-Werror=implicit-function-declaration"])?;
    }
    // The bindings are generated; what a compiler thinks of them is no concern of the author's.
    compile(&made.join("plugin.c"), &["-w"])?;
    compile(&made.join("freestanding.c"), if wants_log { &["-w", "-DATTUNE_LOG"] } else { &["-w"] })?;
    let module = made.join("plugin.wasm");
    let mut arguments: Vec<&OsStr> = LINK.iter().map(OsStr::new).collect();
    arguments.extend(objects.iter().map(|object| object.as_os_str()));
    arguments.extend(["-o".as_ref(), module.as_os_str()]);
    if !run(&[], &arguments)? {
        bail!(
            "{} cannot be linked; a function that is not found is one that no source defines and the world does not \
             import, and a plugin has of the C library only what stdlib.h, string.h and assert.h declare",
            folder.display()
        );
    }
    Ok(module)
}

/// The compiler to use.
fn compiler() -> Result<(&'static str, &'static [&'static str])> {
    let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    // zig has no --version and says so, which shows as well that it is there.
    match COMPILERS.into_iter().find(|(program, _)| is_there(program)) {
        Some(found) => Ok(found),
        None => bail!(
            "there is no compiler for C here; install one that can make WebAssembly: \
             `apt-get install clang lld`, `brew install llvm lld` or `pip install ziglang`"
        ),
    }
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
    let (mut resolve, world) = contract::world(folder)?;
    let mut files = Files::default();
    wit_bindgen_c::Opts::default()
        .build()
        .generate(&mut resolve, world, &mut files)
        .with_context(|| format!("{}: no bindings can be made of this world", folder.join("wit").display()))?;
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
