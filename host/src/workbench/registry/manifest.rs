//! Fetching a manifest. The client library would read whatever a registry sends; here no more is read than a manifest may have.

use anyhow::{Result, bail};
use oci_client::Reference;
use oci_client::errors::OciDistributionError;
use oci_client::manifest::OCI_IMAGE_MEDIA_TYPE;
use reqwest::header::ACCEPT;
use reqwest::{Client, Response, StatusCode};

use super::USER_AGENT;

/// The largest manifest that is taken, in bytes: what the specification wants of registries.
const MANIFEST_BYTES: usize = 4 << 20;

/// The most bytes that are read of what a registry says when it refuses.
const REFUSAL_BYTES: usize = 16 << 10;

/// How a registry lets us in.
pub(super) enum Access {
    /// It lets in everybody.
    Free,
    /// By a token that it gave us.
    Token(String),
    /// By user and password.
    Password(String, String),
}

/// Fetches a manifest as it is. The caller checks its digest and limits the time.
///
/// # Errors
/// What the registry said, as the client library tells it; that the manifest is too large.
pub(super) async fn fetch(plain_http: bool, access: &Access, reference: &Reference) -> Result<Vec<u8>> {
    let scheme = if plain_http { "http" } else { "https" };
    let wanted = reference.digest().or(reference.tag()).unwrap_or("latest");
    let (host, name) = (reference.resolve_registry(), reference.repository());
    let url = format!("{scheme}://{host}/v2/{name}/manifests/{wanted}");
    let client = Client::builder().user_agent(USER_AGENT).build().map_err(OciDistributionError::from)?;
    let request = client.get(&url).header(ACCEPT, OCI_IMAGE_MEDIA_TYPE);
    let request = match access {
        Access::Free => request,
        Access::Token(token) => request.bearer_auth(token),
        Access::Password(user, password) => request.basic_auth(user, Some(password)),
    };
    let mut answer = request.send().await.map_err(OciDistributionError::from)?;
    if answer.status() != StatusCode::OK {
        return Err(refusal(answer, url).await?.into());
    }
    match read(&mut answer, MANIFEST_BYTES).await? {
        (body, true) => Ok(body),
        _ => bail!("its manifest has more than the {MANIFEST_BYTES} bytes that are taken; nothing was taken"),
    }
}

/// What a registry says that refuses, in the client library's words.
async fn refusal(mut answer: Response, url: String) -> Result<OciDistributionError, OciDistributionError> {
    let status = answer.status();
    if status == StatusCode::UNAUTHORIZED {
        return Ok(OciDistributionError::UnauthorizedError { url });
    }
    let (body, _) = read(&mut answer, REFUSAL_BYTES).await?;
    Ok(match serde_json::from_slice(&body) {
        Ok(envelope) if status.is_client_error() => OciDistributionError::RegistryError { envelope, url },
        _ => {
            let message = String::from_utf8_lossy(&body).into_owned();
            OciDistributionError::ServerError { code: status.as_u16(), url, message }
        }
    })
}

/// Reads an answer up to so many bytes, and whether that is all of it.
async fn read(answer: &mut Response, most: usize) -> Result<(Vec<u8>, bool), OciDistributionError> {
    let mut body = Vec::new();
    while let Some(bytes) = answer.chunk().await? {
        let room = most - body.len();
        if bytes.len() > room {
            body.extend_from_slice(bytes.get(..room).unwrap_or_default());
            return Ok((body, false));
        }
        body.extend_from_slice(&bytes);
    }
    Ok((body, true))
}
