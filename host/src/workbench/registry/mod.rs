//! Packages: a component file in an OCI registry, as other tools for WebAssembly keep theirs, one layer and a small
//! configuration. What is pulled is known by the digest of its manifest, whatever a tag says later.
//!
//! It takes nothing on the registry's word: each digest is reckoned here, and each size is counted while it comes. What it cannot limit
//! is how long the answers are that the client library reads whole (tokens, errors); the time for all of it is.

mod manifest;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use docker_credential::{CredentialRetrievalError, DockerCredential};
use oci_client::client::{Client, ClientConfig, ClientProtocol, Config, ImageLayer};
use oci_client::errors::OciDistributionError;
use oci_client::manifest::{OCI_IMAGE_MEDIA_TYPE, OciImageManifest};
use oci_client::secrets::RegistryAuth;
use oci_client::{Reference, RegistryOperation, annotations};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio_stream::StreamExt;

use crate::sandbox::{self, About};
use crate::turn::limits::COMPONENT_BYTES;
use crate::turn::records::hex;

use manifest::Access;

/// What the manifest says of its configuration, and of its layer.
const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const LAYER: &str = "application/wasm";

/// How long a connection may take, in seconds.
const CONNECT_S: u64 = 10;

/// The most characters of what a registry says that are shown.
const SAID: usize = 300;

/// How the program names itself.
const USER_AGENT: &str = concat!("attune/", env!("CARGO_PKG_VERSION"));

/// How registries are talked to.
#[derive(Debug, Clone)]
pub struct Registry {
    /// Without TLS; only with registries on this machine.
    pub plain_http: bool,
    /// User and password; absent: what the file of `docker login` has.
    pub login: Option<(String, String)>,
    /// How long all of a push or a pull may take, in seconds.
    pub timeout_s: u64,
}

/// A package that was pulled.
pub struct Pulled {
    /// The component file.
    pub wasm: Vec<u8>,
    /// Its own name.
    pub name: String,
    /// Which package it is, for good: `registry/name@sha256:...`.
    pub source: String,
}

impl Registry {
    /// Pushes a component file under a tag. Gives the package's name with its digest: `registry/name@sha256:...`.
    ///
    /// # Errors
    /// What is wrong with the reference, or what the registry said.
    pub fn push(&self, wasm: Vec<u8>, about: &About, package: &str) -> Result<String> {
        let reference = parse(package)?;
        if reference.digest().is_some() || !named(package).contains(':') {
            bail!("{package}: a push needs a tag and no digest, such as {}:{}", named(package), about.manifest.version);
        }
        let config = Config::new(configuration(about)?, CONFIG.to_owned(), None);
        let title = |title: &str| (annotations::ORG_OPENCONTAINERS_IMAGE_TITLE.to_owned(), title.to_owned());
        let file = BTreeMap::from([title(&format!("{}.wasm", about.manifest.name))]);
        let layer = ImageLayer::new(wasm, LAYER.to_owned(), Some(file));
        let about = BTreeMap::from([
            title(&about.manifest.name),
            (annotations::ORG_OPENCONTAINERS_IMAGE_VERSION.to_owned(), about.manifest.version.clone()),
            (annotations::ORG_OPENCONTAINERS_IMAGE_DESCRIPTION.to_owned(), about.manifest.description.clone()),
        ]);
        let mut manifest = OciImageManifest::build(std::slice::from_ref(&layer), &config, Some(about));
        manifest.media_type = Some(OCI_IMAGE_MEDIA_TYPE.to_owned());
        let body = serde_json::to_vec(&manifest)?;
        let digest = digest(&body);
        self.ask(&reference, RegistryOperation::Push, async |client, _| {
            let [layer_digest, config_digest] =
                [manifest.layers.first().map_or("", |layer| &layer.digest), &manifest.config.digest];
            client.push_blob(&reference, layer.data, layer_digest).await?;
            client.push_blob(&reference, config.data, config_digest).await?;
            let kind = OCI_IMAGE_MEDIA_TYPE.parse().map_err(|_| anyhow!("a media type is no header"))?;
            client.push_manifest_raw(&reference, body, kind).await?;
            Ok(())
        })?;
        Ok(format!("{}/{}@{digest}", reference.registry(), reference.repository()))
    }

    /// Pulls a package by its tag (`latest` when none is named) or its digest. Nothing else than what a digest says is taken.
    ///
    /// # Errors
    /// What is wrong with the reference or the package, or what the registry said.
    pub fn pull(&self, package: &str) -> Result<Pulled> {
        let reference = parse(package)?;
        let (wasm, digest) = self.ask(&reference, RegistryOperation::Pull, async |client, access| {
            self.take(client, access, &reference).await
        })?;
        let (_, manifest) = sandbox::about(&wasm).map_err(|error| anyhow!("{package}: {error}"))?;
        sandbox::signature::signer(&wasm).map_err(|error| anyhow!("{package}: {error}"))?;
        let source = format!("{}/{}@{digest}", reference.registry(), reference.repository());
        Ok(Pulled { wasm, name: manifest.name, source })
    }

    /// Signs in, and does something within the time.
    fn ask<T>(
        &self,
        reference: &Reference,
        operation: RegistryOperation,
        act: impl AsyncFnOnce(&Client, &Access) -> Result<T>,
    ) -> Result<T> {
        let host = reference.registry();
        if self.plain_http && !is_here(host) {
            bail!("{host}: without TLS only registries on this machine are talked to; leave --plain-http out");
        }
        // Whoever was first has said the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = ClientConfig {
            protocol: if self.plain_http { ClientProtocol::Http } else { ClientProtocol::Https },
            connect_timeout: Some(Duration::from_secs(CONNECT_S.min(self.timeout_s))),
            read_timeout: Some(Duration::from_secs(self.timeout_s)),
            platform_resolver: None,
            user_agent: USER_AGENT,
            ..ClientConfig::default()
        };
        let client = Client::try_from(config).map_err(|error| anyhow!("{host}: {}", told(&error)))?;
        let login = self.login(host)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let work = async {
            let access = match (client.auth(reference, &login, operation).await?, &login) {
                (Some(token), _) => Access::Token(token),
                (None, RegistryAuth::Basic(user, password)) => Access::Password(user.clone(), password.clone()),
                (None, _) => Access::Free,
            };
            act(&client, &access).await
        };
        let done = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(self.timeout_s), work).await });
        match done {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) if !is_late(&error) => Err(self.explain(reference, &error)),
            _ => Err(anyhow!("{host}: the registry was not done after {} s; see --timeout", self.timeout_s)),
        }
    }

    /// The layer of a package, and the digest of its manifest.
    async fn take(&self, client: &Client, access: &Access, reference: &Reference) -> Result<(Vec<u8>, String)> {
        let body = manifest::fetch(self.plain_http, access, reference).await?;
        let digest = digest(&body);
        if let Some(wanted) = reference.digest().filter(|wanted| *wanted != digest) {
            bail!(
                "what the registry gave does not have the digest that it should have ({digest}, not {wanted}); nothing was taken"
            );
        }
        Ok((layer_of(client, reference, &body).await?, digest))
    }

    /// Who asks: whom the caller named, or whom `docker login` left for this registry.
    fn login(&self, host: &str) -> Result<RegistryAuth> {
        if let Some((user, password)) = &self.login {
            return Ok(RegistryAuth::Basic(user.clone(), password.clone()));
        }
        match docker_credential::get_credential(host) {
            Ok(DockerCredential::UsernamePassword(user, password)) => Ok(RegistryAuth::Basic(user, password)),
            Ok(DockerCredential::IdentityToken(_)) => {
                bail!("{host}: Docker's configuration has an identity token; give --username and --password")
            }
            Err(
                CredentialRetrievalError::ConfigNotFound
                | CredentialRetrievalError::ConfigReadError
                | CredentialRetrievalError::NoCredentialConfigured,
            ) => Ok(RegistryAuth::Anonymous),
            Err(error) => {
                bail!("{host}: Docker's configuration cannot be used ({error}); give --username and --password")
            }
        }
    }

    /// An error in words: what was asked of whom, what they said, what to do.
    fn explain(&self, reference: &Reference, error: &anyhow::Error) -> anyhow::Error {
        let host = reference.registry();
        let Some(error) = error.downcast_ref::<OciDistributionError>() else {
            return anyhow!("{reference}: {}", printable(&format!("{error:#}")));
        };
        let said = told(error);
        let codes: Vec<String> = match error {
            OciDistributionError::RegistryError { envelope, .. } => {
                let code = |error: &oci_client::errors::OciError| json!(error.code).as_str().map(str::to_owned);
                envelope.errors.iter().filter_map(code).collect()
            }
            _ => Vec::new(),
        };
        let keeps_out = match error {
            OciDistributionError::AuthenticationFailure(_) | OciDistributionError::UnauthorizedError { .. } => true,
            OciDistributionError::ServerError { code, .. } => matches!(code, 401 | 403),
            OciDistributionError::RequestError(error) => {
                error.status().is_some_and(|it| matches!(it.as_u16(), 401 | 403))
            }
            _ => codes.iter().any(|code| matches!(code.as_str(), "UNAUTHORIZED" | "DENIED")),
        };
        if keeps_out {
            return anyhow!(
                "{host}: the registry does not let us at {} ({said}); sign in with `docker login {host}`, or give --username and \
                 --password",
                reference.repository()
            );
        }
        match error {
            OciDistributionError::ImageManifestNotFoundError(_) => anyhow!("{reference}: there is no such package"),
            OciDistributionError::ServerError { code: 404, .. } => anyhow!("{reference}: there is no such package"),
            OciDistributionError::RegistryError { .. } => {
                match codes.iter().any(|code| code.ends_with("_UNKNOWN") || code == "NOT_FOUND") {
                    true => anyhow!("{reference}: there is no such package ({})", codes.join(", ")),
                    false => anyhow!("{reference}: the registry refused: {} ({said})", codes.join(", ")),
                }
            }
            OciDistributionError::DigestError(_) => anyhow!(
                "{reference}: what the registry gave does not have the digest that it should have ({said}); nothing was taken"
            ),
            OciDistributionError::RequestError(error) if error.is_connect() => {
                let has_tls = self.plain_http || said.contains("certificate");
                let hint = if !has_tls && is_here(host) { "; without TLS: --plain-http" } else { "" };
                anyhow!("{host}: the registry cannot be reached ({said}){hint}")
            }
            _ => anyhow!("{host}: the registry does not answer as one: {said}"),
        }
    }
}

/// Whether the client noticed by itself that the time is over.
fn is_late(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<OciDistributionError>() {
        Some(OciDistributionError::RequestError(error)) => error.is_timeout() && !error.is_connect(),
        _ => false,
    }
}

/// The layer of a manifest.
async fn layer_of(client: &Client, reference: &Reference, body: &[u8]) -> Result<Vec<u8>> {
    let manifest: OciImageManifest =
        serde_json::from_slice(body).map_err(|error| anyhow!("its manifest cannot be read: {error}"))?;
    let [layer] = manifest.layers.as_slice() else {
        bail!("it has {} layers; a WebAssembly package has one, of type {LAYER}", manifest.layers.len());
    };
    if layer.media_type != LAYER {
        bail!("it holds `{}`; a WebAssembly package holds {LAYER}", layer.media_type);
    }
    let size = usize::try_from(layer.size).unwrap_or(usize::MAX);
    if size > COMPONENT_BYTES {
        bail!("its component has {} bytes; at most {COMPONENT_BYTES} are taken", layer.size);
    }
    let mut stream = client.pull_blob_stream(reference, layer).await?;
    let mut wasm = Vec::with_capacity(size);
    while let Some(bytes) = stream.next().await {
        let bytes = bytes.map_err(|error| anyhow!("its component did not come whole: {error}; nothing was taken"))?;
        if wasm.len() + bytes.len() > size {
            bail!("its component has more than the {size} bytes that its manifest says; nothing was taken");
        }
        wasm.extend_from_slice(&bytes);
    }
    if self::digest(&wasm) != layer.digest {
        bail!("its component is not the one that its manifest names ({}); nothing was taken", layer.digest);
    }
    Ok(wasm)
}

/// What other tools read of a component without fetching it. It has no time in it, so that the same file gives the same package.
fn configuration(about: &About) -> Result<Vec<u8>> {
    let exports: Vec<String> = about.exports.iter().map(|export| export.interface()).collect();
    let config = json!({
        "created": "1970-01-01T00:00:00Z",
        "architecture": "wasm",
        "os": "wasip2",
        "layerDigests": [format!("sha256:{}", about.digest)],
        "component": { "exports": exports, "imports": about.imports, "target": null },
    });
    Ok(serde_json::to_vec(&config)?)
}

/// A reference that names its registry: nobody should push to some registry by leaving its name out.
fn parse(package: &str) -> Result<Reference> {
    let host = package.split_once('/').map_or("", |(host, _)| host);
    let names_host = host == "localhost" || host.contains(['.', ':']);
    let parsed = Reference::try_from(package).ok().filter(|_| names_host);
    parsed.ok_or_else(|| {
        anyhow!(
            "`{}` names no package; write registry.example/name:tag or registry.example/name@sha256:...",
            printable(package)
        )
    })
}

/// A reference without its registry.
fn named(package: &str) -> &str {
    package.split_once('/').map_or(package, |(_, rest)| rest)
}

/// Whether a registry is on this machine.
fn is_here(host: &str) -> bool {
    let name = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
        .map_or(host, |(name, _)| name);
    let ip = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    name == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

/// An error with what lies behind it, in one line that can be shown on a terminal.
fn told(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut behind = error.source();
    while let Some(error) = behind {
        let _ = write!(words, ": {error}");
        behind = error.source();
    }
    printable(&words)
}

/// Words from elsewhere without what a terminal would obey, and not too many.
fn printable(words: &str) -> String {
    let mut shown: String = words.chars().map(|char| if char.is_control() { ' ' } else { char }).take(SAID).collect();
    if words.chars().nth(SAID).is_some() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_named_with_its_registry() {
        for package in ["localhost/a:1", "127.0.0.1:5000/a/b:1.0", "registry.example/name"] {
            assert!(parse(package).is_ok(), "{package}");
        }
        for package in
            ["", "faq", "faq:1.0", "acme/faq:1.0", "registry.example/", "registry.example/UPPER:1", "a b.c/d:1"]
        {
            assert!(parse(package).is_err_and(|error| error.to_string().contains("names no package")), "{package}");
        }
    }

    #[test]
    fn only_a_registry_on_this_machine_is_talked_to_without_tls() {
        for host in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.8.8.8", "[::1]:5000"] {
            assert!(is_here(host), "{host}");
        }
        for host in ["registry.example", "10.0.0.1:5000", "127.0.0.1.example:5000", "localhost.example", "[fe80::1]"] {
            assert!(!is_here(host), "{host}");
        }
    }
}
