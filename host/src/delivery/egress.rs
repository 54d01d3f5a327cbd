//! Requests to providers: only to hosts that were granted, only to addresses that are public, with no redirect, in limited time and
//! bytes.
//!
//! The name is resolved here and the connection goes to the addresses that were looked at, so no second look-up can lead elsewhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use url::{Host, Url};

use crate::domain::door::{HttpRequest, HttpResponse};

/// The most bytes of a request's body.
pub const BODY_BYTES: usize = 4 << 20;

/// The most bytes of an answer that are read.
pub const ANSWER_BYTES: usize = 256 << 10;

/// How long connecting may take, and all of it.
const CONNECT: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_secs(30);

/// What the operator allows beyond public hosts.
#[derive(Debug, Clone, Default)]
pub struct Allowed {
    /// `host` or `host:port`: may be reached whatever its address is, and without TLS.
    pub private: Vec<String>,
}

impl Allowed {
    fn has(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let with_port = url.port_or_known_default().map(|port| format!("{host}:{port}")).unwrap_or_default();
        self.private.iter().any(|known| known.eq_ignore_ascii_case(host) || known.eq_ignore_ascii_case(&with_port))
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAnswer {
    /// It may not be sent at all, in words for the owner.
    Forbidden(String),
    /// Nothing of it reached the provider.
    NotSent(String),
    /// It was sent, and nobody knows what became of it.
    Lost(String),
}

/// The way out.
pub struct Egress {
    client: reqwest::Client,
    /// For what the operator allowed besides.
    private: reqwest::Client,
    allowed: Allowed,
}

impl Egress {
    /// Opens the way out.
    ///
    /// # Errors
    /// When TLS cannot be set up on this machine.
    pub fn new(allowed: Allowed) -> Result<Self, String> {
        // Somebody has to say that TLS stands on ring; whoever was first is right.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let build = |only_public: bool| {
            let builder = reqwest::Client::builder()
                .redirect(Policy::none())
                .no_proxy()
                .connect_timeout(CONNECT)
                .timeout(WHOLE)
                .https_only(only_public)
                .user_agent(concat!("attune/", env!("CARGO_PKG_VERSION")));
            let builder = if only_public { builder.dns_resolver(Arc::new(PublicOnly)) } else { builder };
            builder.build().map_err(|error| format!("requests to providers cannot be made: {error}"))
        };
        Ok(Self { client: build(true)?, private: build(false)?, allowed })
    }

    /// Sends a request to one of these hosts.
    ///
    /// # Errors
    /// [`NoAnswer`]: it tells whether it may be sent again.
    pub async fn send(&self, request: HttpRequest, hosts: &[String]) -> Result<HttpResponse, NoAnswer> {
        let forbidden = |words: String| NoAnswer::Forbidden(words);
        let url = Url::parse(&request.url).map_err(|error| forbidden(format!("its address is none: {error}")))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        if !hosts.iter().any(|known| known.eq_ignore_ascii_case(&host)) {
            let hosts = hosts.join(", ");
            return Err(forbidden(format!("it was to go to {host}, and the owner allowed {hosts} only")));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(forbidden("its address has a name or a password in it; that belongs into a header".to_owned()));
        }
        let is_private = self.allowed.has(&url);
        if !is_private {
            check(&url).map_err(forbidden)?;
        }
        if request.body.len() > BODY_BYTES {
            return Err(forbidden(format!("it has more than {BODY_BYTES} bytes")));
        }
        let client = if is_private { &self.private } else { &self.client };
        let method = reqwest::Method::from_bytes(request.method.as_bytes());
        let method = method.map_err(|_| forbidden(format!("`{}` is no method", request.method)))?;
        let mut built = client.request(method, url).body(request.body);
        for (name, value) in &request.headers {
            if ["host", "content-length", "transfer-encoding", "connection"]
                .contains(&name.to_ascii_lowercase().as_str())
            {
                continue;
            }
            built = built.header(name, value);
        }
        let built = built.build().map_err(|error| forbidden(format!("it is no request: {error}")))?;
        let mut response = client.execute(built).await.map_err(|error| no_answer(&error))?;
        let mut answer = HttpResponse {
            status: response.status().as_u16(),
            headers: response
                .headers()
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
                .collect(),
            body: Vec::new(),
        };
        while answer.body.len() < ANSWER_BYTES {
            match response.chunk().await {
                Ok(Some(piece)) => {
                    let room = ANSWER_BYTES - answer.body.len();
                    answer.body.extend_from_slice(piece.get(..room.min(piece.len())).unwrap_or_default());
                }
                Ok(None) => break,
                // The status is what decides; a provider whose words broke off has still said it.
                Err(_) if answer.status >= 300 => break,
                Err(error) => return Err(NoAnswer::Lost(format!("its answer broke off: {}", root(&error)))),
            }
        }
        Ok(answer)
    }
}

fn no_answer(error: &reqwest::Error) -> NoAnswer {
    let words = root(error);
    if error.is_connect() {
        NoAnswer::NotSent(format!("the provider cannot be reached: {words}"))
    } else if error.is_builder() {
        NoAnswer::Forbidden(format!("it is no request: {words}"))
    } else if error.is_timeout() {
        NoAnswer::Lost(format!("the provider did not answer within {} s", WHOLE.as_secs()))
    } else {
        NoAnswer::Lost(format!("the connection broke before the provider had answered: {words}"))
    }
}

/// The innermost words of an error; the outer ones have the address, which may have a secret in it.
fn root(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

/// Whether an address may be sent to at all, before its name is resolved.
fn check(url: &Url) -> Result<(), String> {
    if url.scheme() != "https" {
        return Err(format!("it was to go by {}; only https is allowed", url.scheme()));
    }
    let is_public = match url.host() {
        Some(Host::Domain(_)) => true,
        Some(Host::Ipv4(address)) => is_public(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => is_public(IpAddr::V6(address)),
        None => false,
    };
    if is_public { Ok(()) } else { Err(not_public(url.host_str().unwrap_or_default())) }
}

fn not_public(host: &str) -> String {
    format!("{host} is no public address; an operator allows it with --egress-allow {host}")
}

/// Looks a name up, and gives public addresses only.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let public: Vec<SocketAddr> = found.iter().copied().filter(|one| is_public(one.ip())).collect();
            if public.is_empty() && !found.is_empty() {
                return Err(not_public(&host).into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Whether anybody on the internet is at an address: not this machine, not this network, not one that stands for either.
/// Source: the IANA special-purpose address registries (RFC 6890 and what updates it).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || a == 10
        || a == 127
        || (a == 100 && (64..128).contains(&b))
        || (a == 169 && b == 254)
        || (a == 172 && (16..32).contains(&b))
        || (a == 192 && b == 168)
        || (a == 192 && b == 0 && (c == 0 || c == 2))
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19))
        || (a == 198 && b == 51 && c == 100)
        || (a == 203 && b == 0 && c == 113)
        || a >= 224)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    // Those that carry an address of the fourth version are as public as that one: mapped, compatible, translated (64:ff9b::/96,
    // 64:ff9b:1::/48), 6to4 and Teredo are simply none to send to.
    if address.to_ipv4().is_some() || (a == 0x64 && b == 0xff9b) || a == 0x2002 || (a == 0x2001 && b == 0) {
        return false;
    }
    // What is given out at all is 2000::/3; in it documentation and benchmarks are nobody's.
    (a & 0xe000) == 0x2000 && !(a == 0x2001 && (b == 0xdb8 || b == 2)) && !(a == 0x3fff && b < 0x1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_sent_to() {
        for (address, expected) in [
            ("93.184.216.34", true),
            ("1.1.1.1", true),
            ("127.0.0.1", false),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("100.64.0.1", false),
            ("100.128.0.1", true),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("172.32.0.1", true),
            ("192.168.1.1", false),
            ("198.18.0.1", false),
            ("203.0.113.9", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:4700::1111", true),
            ("::1", false),
            ("::", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:93.184.216.34", false),
            ("64:ff9b::7f00:1", false),
            ("2002:7f00:1::", false),
            ("2001:0:7f00:1::", false),
            ("2001:db8::1", false),
            ("fe80::1", false),
            ("fc00::1", false),
            ("ff02::1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[tokio::test]
    async fn a_request_goes_nowhere_but_to_the_granted_host_by_https() {
        let egress = Egress::new(Allowed::default()).unwrap();
        for (url, hosts, words) in [
            ("https://elsewhere.example/x", "api.example", "the owner allowed api.example only"),
            ("http://api.example/x", "api.example", "only https"),
            ("https://127.0.0.1/x", "127.0.0.1", "no public address"),
            ("https://[::1]/x", "[::1]", "no public address"),
            ("https://name:word@api.example/x", "api.example", "belongs into a header"),
            ("api.example", "api.example", "its address is none"),
        ] {
            let request = HttpRequest { method: "POST".into(), url: url.into(), headers: Vec::new(), body: Vec::new() };
            match egress.send(request, &[hosts.to_owned()]).await {
                Err(NoAnswer::Forbidden(said)) => assert!(said.contains(words), "{url}: {said}"),
                other => panic!("{url}: {other:?}"),
            }
        }
        let request = HttpRequest {
            method: "POST".into(),
            url: "https://localhost/".into(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        match egress.send(request, &["localhost".to_owned()]).await {
            Err(NoAnswer::NotSent(said)) => assert!(said.contains("no public address"), "{said}"),
            other => panic!("{other:?}"),
        }
    }
}
