//! What a plugin author calls to hand a plugin on: keys, signatures, registries.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::sandbox;
use crate::sandbox::signature::{self, SecretKey};
use crate::workbench::kept;
use crate::workbench::registry::{Pulled, Registry};

use super::Format;
use super::plugins::component_file;

/// Make keys that plugins are signed with.
#[derive(Debug, Args)]
pub(super) struct Key {
    #[command(subcommand)]
    act: KeyAct,
}

#[derive(Debug, Subcommand)]
enum KeyAct {
    /// Make a secret key, and print its public key. Keep the file to yourself: whoever has it signs in your name.
    New {
        /// The file to make; one that is there is left alone.
        file: PathBuf,
    },
    /// Print the public key of a secret key: what owners trust.
    Show {
        /// The secret key's file.
        file: PathBuf,
    },
}

/// Sign a component file.
///
/// The signature becomes part of the file, and speaks for all the rest of it. One that it has already is replaced.
#[derive(Debug, Args)]
pub(super) struct Sign {
    /// The component file.
    file: PathBuf,
    /// The secret key's file (see `attune key new`).
    #[arg(long)]
    key: PathBuf,
    /// Write the signed file here instead.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Push a component file to a registry.
///
/// Checks it first as a server would. Prints the package with its digest, by which it can be pulled for ever.
#[derive(Debug, Args)]
pub(super) struct Push {
    /// The component file.
    file: PathBuf,
    /// Where to: registry.example/name:tag
    package: String,
    /// Sign what is pushed with this secret key; the file stays as it is.
    #[arg(long)]
    key: Option<PathBuf>,
    #[command(flatten)]
    access: Access,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Pull a component file from a registry.
///
/// A tag is looked up once; prints the package with the digest that was pulled. With a digest nothing else is taken.
#[derive(Debug, Args)]
pub(super) struct Pull {
    /// Which: registry.example/name:tag or registry.example/name@sha256:...
    package: String,
    /// The file to write; absent: the plugin's own name and `.wasm`, here.
    #[arg(long)]
    out: Option<PathBuf>,
    #[command(flatten)]
    access: Access,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How a registry is talked to.
#[derive(Debug, Args)]
pub(super) struct Access {
    /// Talk without TLS, with a registry on this machine.
    #[arg(long)]
    plain_http: bool,
    /// Who asks the registry; absent: whom `docker login` left.
    #[arg(long, env = "ATTUNE_REGISTRY_USER", requires = "password")]
    username: Option<String>,
    /// Their password or token; better in the environment than here.
    #[arg(long, env = "ATTUNE_REGISTRY_PASSWORD", hide_env_values = true, requires = "username")]
    password: Option<String>,
    /// How long the registry may take for all of it, in seconds.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

impl Access {
    fn registry(&self) -> Registry {
        Registry {
            plain_http: self.plain_http,
            login: self.username.clone().zip(self.password.clone()),
            timeout_s: self.timeout,
        }
    }

    /// Pulls a package.
    pub(super) fn pull(&self, package: &str) -> Result<Pulled> {
        self.registry().pull(package)
    }
}

impl Key {
    pub(super) fn run(self) -> Result<ExitCode> {
        match &self.act {
            KeyAct::New { file } => {
                let place = || file.display().to_string();
                let (key, text) = SecretKey::new().map_err(anyhow::Error::msg)?;
                let mut options = std::fs::OpenOptions::new();
                options.write(true).create_new(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                options.open(file).and_then(|mut open| open.write_all(text.as_bytes())).with_context(place)?;
                println!("{}", key.public());
            }
            KeyAct::Show { file } => println!("{}", secret(file)?.public()),
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Sign {
    pub(super) fn run(self) -> Result<ExitCode> {
        let key = secret(&self.key)?;
        let signed = signed(component_file(&self.file)?, &key).with_context(|| self.file.display().to_string())?;
        let out = self.out.as_ref().unwrap_or(&self.file);
        write(out, &signed)?;
        println!("{} is signed by {}", out.display(), key.public());
        Ok(ExitCode::SUCCESS)
    }
}

impl Push {
    pub(super) fn run(self) -> Result<ExitCode> {
        let mut wasm = component_file(&self.file)?;
        if let Some(key) = &self.key {
            wasm = signed(wasm, &secret(key)?).with_context(|| self.file.display().to_string())?;
        }
        let loaded = kept::sandbox()?.load(&wasm);
        let component = loaded.with_context(|| self.file.display().to_string())?;
        let about = &component.about;
        let pushed = self.access.registry().push(wasm, about, &self.package)?;
        match self.format {
            Format::Text => {
                println!("{pushed}");
                eprintln!("{}", by_whom(about.signer.as_deref()));
            }
            Format::Json => {
                println!("{}", json!({ "package": pushed, "digest": about.digest, "signer": about.signer }))
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Pull {
    pub(super) fn run(self) -> Result<ExitCode> {
        let Pulled { wasm, name, source } = self.access.pull(&self.package)?;
        let out = self.out.unwrap_or_else(|| PathBuf::from(format!("{name}.wasm")));
        write(&out, &wasm)?;
        let signer = signature::signer(&wasm)?.map(|key| key.to_string());
        match self.format {
            Format::Text => {
                println!("{source}");
                eprintln!("{}: {}", out.display(), by_whom(signer.as_deref()));
            }
            Format::Json => println!("{}", json!({ "package": source, "file": out, "signer": signer })),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// By whom a file is signed, in words.
pub(super) fn by_whom(signer: Option<&str>) -> String {
    signer.map_or_else(|| "not signed".to_owned(), |key| format!("signed by {key}"))
}

fn secret(file: &Path) -> Result<SecretKey> {
    let text = String::from_utf8(std::fs::read(file).with_context(|| file.display().to_string())?).unwrap_or_default();
    SecretKey::parse(&text).map_err(|words| anyhow!("{} {words}", file.display()))
}

/// A file with a signature; what is no plugin is not signed by mistake.
fn signed(wasm: Vec<u8>, key: &SecretKey) -> Result<Vec<u8>> {
    sandbox::about(&wasm)?;
    Ok(signature::sign(&wasm, key)?)
}

/// Written beside and renamed, so that nobody ever reads half a file.
fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    let Some(name) = file.file_name() else { bail!("{}: is no file", file.display()) };
    let fresh = file.with_file_name(format!(".{}.{}.new", name.to_string_lossy(), std::process::id()));
    std::fs::write(&fresh, bytes).with_context(|| fresh.display().to_string())?;
    std::fs::rename(&fresh, file).with_context(|| file.display().to_string())
}
