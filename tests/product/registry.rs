//! An OCI registry in memory: what the distribution specification asks of one, honest about digests, unless a test tells it to
//! lie, to talk nonsense, or to say nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, Response, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mood {
    /// As the specification says, for everybody.
    #[default]
    Honest,
    /// Only for `anna` with the password `secret`, by a token.
    Tokens,
    /// The same by HTTP's basic authentication.
    Basic,
    /// For nobody.
    Locked,
    /// It gives blobs with another byte at the end.
    OtherBlob,
    /// It gives blobs with a byte more.
    LongerBlob,
    /// It gives the start of blobs.
    ShorterBlob,
    /// It gives manifests without an end.
    EndlessManifest,
    /// It gives blobs without an end.
    EndlessBlob,
    /// It refuses without an end.
    EndlessRefusal,
    /// Whatever manifest is asked for, it gives the one that was pushed last.
    OtherManifest,
    /// It answers everything with a page.
    Page,
    /// It fails.
    Broken,
    /// It does not answer.
    Silent,
}

#[derive(Debug, Default)]
struct Kept {
    mood: Mood,
    blobs: BTreeMap<String, Vec<u8>>,
    uploads: Vec<Vec<u8>>,
    /// By repository and tag or digest.
    manifests: BTreeMap<(String, String), Vec<u8>>,
    last: String,
}

/// A registry on this machine, for as long as the process lives.
#[derive(Debug, Clone)]
pub struct Registry {
    kept: Arc<Mutex<Kept>>,
    /// `127.0.0.1:PORT`
    pub host: String,
}

impl Registry {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let host = listener.local_addr().expect("an address").to_string();
        let registry = Self { kept: Arc::default(), host };
        let app = Router::new().fallback(answer).with_state(registry.clone());
        std::thread::spawn(move || runtime.block_on(async { axum::serve(listener, app).await }));
        registry
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn becomes(&self, mood: Mood) {
        self.kept().mood = mood;
    }

    /// A manifest, by repository and tag.
    pub fn manifest(&self, repository: &str, tag: &str) -> Option<Value> {
        let body = self.kept().manifests.get(&(repository.to_owned(), tag.to_owned())).cloned()?;
        serde_json::from_slice(&body).ok()
    }

    /// A blob, by its digest.
    pub fn blob(&self, digest: &str) -> Option<Vec<u8>> {
        self.kept().blobs.get(digest).cloned()
    }

    /// Puts something there that `attune push` would not.
    pub fn put(&self, repository: &str, tag: &str, manifest: impl FnOnce(Value) -> Value, blob: &[u8]) {
        let blob_digest = digest(blob);
        let layer = json!({ "mediaType": "application/wasm", "digest": blob_digest, "size": blob.len() });
        let usual = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": { "mediaType": "application/vnd.wasm.config.v0+json", "digest": digest(b"{}"), "size": 2 },
            "layers": [layer],
        });
        let mut kept = self.kept();
        kept.blobs.insert(blob_digest, blob.to_vec());
        kept.keep(repository, tag, manifest(usual).to_string().into_bytes());
    }
}

impl Kept {
    fn keep(&mut self, repository: &str, reference: &str, body: Vec<u8>) -> String {
        let digest = digest(&body);
        for reference in [reference, &digest] {
            self.manifests.insert((repository.to_owned(), reference.to_owned()), body.clone());
        }
        self.last = digest.clone();
        digest
    }

    /// What it gives for a blob that it has.
    fn blob(&self, digest: &str) -> Option<Vec<u8>> {
        let mut blob = self.blobs.get(digest)?.clone();
        match self.mood {
            Mood::OtherBlob => *blob.last_mut()? ^= 1,
            Mood::LongerBlob => blob.push(0),
            Mood::ShorterBlob => blob.truncate(blob.len() / 2),
            _ => {}
        }
        Some(blob)
    }

    fn manifest(&self, repository: &str, reference: &str) -> Option<Vec<u8>> {
        let reference = if self.mood == Mood::OtherManifest { &self.last } else { reference };
        self.manifests.get(&(repository.to_owned(), reference.to_owned())).cloned()
    }
}

pub fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

type Answer = Response<Body>;

fn empty(status: u16, headers: &[(&str, &str)]) -> Answer {
    filled(status, headers, Vec::new())
}

fn filled(status: u16, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    answer.body(body.into()).expect("an answer")
}

/// An answer that goes on until nobody listens.
fn endless(status: u16) -> Answer {
    let piece = || Ok::<_, std::convert::Infallible>(vec![b' '; 64 << 10]);
    let body = Body::from_stream(tokio_stream::iter(std::iter::repeat_with(piece)));
    Response::builder().status(status).body(body).expect("an answer")
}

fn refused(status: u16, code: &str) -> Answer {
    let body = json!({ "errors": [{ "code": code, "message": code.to_lowercase(), "detail": null }] });
    filled(status, &[("content-type", "application/json")], body.to_string().into_bytes())
}

async fn answer(State(registry): State<Registry>, request: Request) -> Answer {
    let mood = registry.kept().mood;
    match mood {
        Mood::Silent => std::future::pending().await,
        Mood::Page => return filled(200, &[("content-type", "text/html")], b"<h1>\x1b[2JWelcome!</h1>".to_vec()),
        Mood::EndlessManifest if request.uri().path().contains("/manifests/") => return endless(200),
        Mood::EndlessRefusal if request.uri().path().contains("/manifests/") => return endless(404),
        Mood::EndlessBlob if request.uri().path().contains("/blobs/") => return endless(200),
        Mood::Broken => return filled(500, &[], b"the database is gone".to_vec()),
        _ => {}
    }
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let query = head.uri.query().unwrap_or_default().to_owned();
    let shown = head.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let basic = format!("Basic {}", STANDARD.encode("anna:secret"));
    if path == "/token" {
        let known = mood == Mood::Tokens && shown == basic;
        let token = json!({ "token": format!("may-{}", if query.contains("push") { "push" } else { "pull" }) });
        return if known { filled(200, &[], token.to_string().into_bytes()) } else { refused(401, "UNAUTHORIZED") };
    }
    let challenge = format!("Bearer realm=\"http://{}/token\",service=\"here\"", registry.host);
    let (challenge, allowed) = match mood {
        Mood::Tokens if head.method == Method::GET => (challenge.as_str(), shown.starts_with("Bearer may-p")),
        Mood::Tokens => (challenge.as_str(), shown == "Bearer may-push"),
        Mood::Basic => ("Basic realm=\"here\"", shown == basic),
        Mood::Locked => ("Basic realm=\"here\"", false),
        _ => ("", true),
    };
    if !allowed {
        let mut answer = refused(401, "UNAUTHORIZED");
        answer.headers_mut().insert("www-authenticate", challenge.parse().expect("a header"));
        return answer;
    }
    let Ok(body) = to_bytes(body, 64 << 20).await else { return refused(400, "SIZE_INVALID") };
    serve(&mut registry.kept(), &head.method, &path, &query, body.to_vec())
}

/// What is asked for, by method and path. Names of repositories have slashes in them.
fn serve(kept: &mut Kept, method: &Method, path: &str, query: &str, body: Vec<u8>) -> Answer {
    let Some(path) = path.strip_prefix("/v2/") else { return refused(404, "NAME_UNKNOWN") };
    if path.is_empty() {
        return empty(200, &[]);
    }
    let own = |rest: &str| format!("/v2/{rest}");
    if let Some((repository, upload)) = path.split_once("/blobs/uploads/") {
        let number = upload.parse::<usize>().ok();
        let digest_wanted = query.split('&').find_map(|part| part.strip_prefix("digest=")).unwrap_or_default();
        let digest_wanted = digest_wanted.replace("%3A", ":");
        return match (method.as_str(), number) {
            ("POST", None) => {
                kept.uploads.push(Vec::new());
                let place = own(&format!("{repository}/blobs/uploads/{}", kept.uploads.len() - 1));
                empty(202, &[("location", &place)])
            }
            ("PATCH", Some(number)) if number < kept.uploads.len() => {
                kept.uploads[number].extend(body);
                let range = format!("0-{}", kept.uploads[number].len().saturating_sub(1));
                empty(202, &[("location", &own(path)), ("range", &range)])
            }
            ("PUT", Some(number)) if number < kept.uploads.len() => {
                let mut blob = std::mem::take(&mut kept.uploads[number]);
                blob.extend(body);
                if digest(&blob) != digest_wanted {
                    return refused(400, "DIGEST_INVALID");
                }
                kept.blobs.insert(digest_wanted.clone(), blob);
                empty(201, &[("location", &own(&format!("{repository}/blobs/{digest_wanted}")))])
            }
            _ => refused(404, "BLOB_UPLOAD_UNKNOWN"),
        };
    }
    if let Some((_, wanted)) = path.rsplit_once("/blobs/") {
        return match (method.as_str(), kept.blob(wanted)) {
            ("GET" | "HEAD", Some(blob)) => filled(200, &[("docker-content-digest", wanted)], blob),
            _ => refused(404, "BLOB_UNKNOWN"),
        };
    }
    if let Some((repository, reference)) = path.rsplit_once("/manifests/") {
        return match method.as_str() {
            "PUT" => put_manifest(kept, repository, reference, body),
            "GET" | "HEAD" => match kept.manifest(repository, reference) {
                Some(body) => {
                    let read: Value = serde_json::from_slice(&body).unwrap_or_default();
                    let kind = read["mediaType"].as_str().unwrap_or("application/octet-stream").to_owned();
                    filled(200, &[("content-type", &kind), ("docker-content-digest", &digest(&body))], body)
                }
                None => refused(404, "MANIFEST_UNKNOWN"),
            },
            _ => refused(405, "UNSUPPORTED"),
        };
    }
    empty(StatusCode::NOT_FOUND.as_u16(), &[])
}

/// Takes a manifest, if all that it names is there.
fn put_manifest(kept: &mut Kept, repository: &str, reference: &str, body: Vec<u8>) -> Answer {
    let Ok(read) = serde_json::from_slice::<Value>(&body) else { return refused(400, "MANIFEST_INVALID") };
    let layers = read["layers"].as_array().into_iter().flatten();
    let mut named = layers.chain([&read["config"]]).map(|one| one["digest"].as_str().unwrap_or_default());
    if let Some(missing) = named.find(|digest| !kept.blobs.contains_key(*digest)) {
        return refused(404, if missing.is_empty() { "MANIFEST_INVALID" } else { "MANIFEST_BLOB_UNKNOWN" });
    }
    if reference.starts_with("sha256:") && reference != digest(&body) {
        return refused(400, "DIGEST_INVALID");
    }
    let digest = kept.keep(repository, reference, body);
    let place = format!("/v2/{repository}/manifests/{digest}");
    empty(201, &[("location", &place), ("docker-content-digest", &digest)])
}
