//! Where mail is handed in: the operator's one line of settings, as a URL.
//!
//! Never shows the password: not in an error, not in debug output, not in what is displayed.

use std::fmt;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use url::{Host, Url};

use crate::domain::address;

/// A mail server, and who speaks there.
#[derive(Clone)]
pub struct Smtp {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Tls,
    pub(super) tls_parameters: Option<TlsParameters>,
    pub(super) login: Option<Credentials>,
    pub(super) from: Address,
    pub(super) reply_to: Option<Address>,
    pub(super) timeout_ms: u64,
    pub(super) connections: usize,
}

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Not at all: for a server on this machine or in a network of one's own.
    None,
    /// It starts open and is protected before anything is said; a server that cannot is not used.
    StartTls,
    /// From the first byte.
    Implicit,
}

/// A URL of a mail server that is refused. It tells nothing of the URL, in which a password may stand anywhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the mail server's URL is refused: {0}")]
pub struct BadSmtp(String);

/// How long one answer may take unless the URL says otherwise, in milliseconds.
const TIMEOUT_MS: u64 = 30_000;
/// What `timeout-ms` may be.
const TIMEOUTS_MS: std::ops::RangeInclusive<u64> = 100..=600_000;
/// Connections at a time unless the URL says otherwise.
const CONNECTIONS: usize = 2;
/// What `connections` may be.
const CONNECTIONS_LIMITS: std::ops::RangeInclusive<usize> = 1..=32;

impl Smtp {
    /// Reads `smtp://user:password@host:port?from=clinic@example.com` (protected by STARTTLS) or `smtps://...` (protected from
    /// the first byte). After the `?`, joined by `&`:
    ///
    /// - `from`: the sender's address; without it the user, if that is an address;
    /// - `reply-to`: where answers go, if not there;
    /// - `tls`: `none` or `starttls`, with `smtp://` only; `none` sends the password to this machine only;
    /// - `timeout-ms`: how long the server may take for one answer, 100 to 600000; 30000 otherwise. For the answer that follows
    ///   the text it has five times as long, since giving up there leaves a message of which nobody knows whether it was sent;
    /// - `connections`: how many there may be at a time, 1 to 32; 2 otherwise.
    ///
    /// The port is 587, without protection 25, with `smtps` 465. In user and password, what is special in a URL is written as
    /// `%40` and the like.
    ///
    /// # Errors
    /// [`BadSmtp`], with what would be right.
    pub fn parse(text: &str) -> Result<Self, BadSmtp> {
        let url = Url::parse(text.trim()).map_err(|error| {
            bad(format!(
                "{error}; write smtp://user:password@host:port?from=clinic@example.com, with `@ : / ? # %` in user and \
                 password as %40 %3A %2F %3F %23 %25"
            ))
        })?;
        let mut tls = match url.scheme() {
            "smtp" => Tls::StartTls,
            "smtps" => Tls::Implicit,
            _ => return Err(bad("it begins with smtp:// or smtps://")),
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(bad(
                "after host and port only ? and settings may follow; in a password write / as %2F and # as %23",
            ));
        }
        let host = match url.host_str().map(Host::parse) {
            Some(Ok(Host::Domain(name))) if !name.is_empty() => name,
            Some(Ok(Host::Ipv4(ip))) => ip.to_string(),
            Some(Ok(Host::Ipv6(ip))) => ip.to_string(),
            _ => return Err(bad("it names no host; write smtp://mail.example.com")),
        };

        let (mut from, mut reply_to) = (None, None);
        let (mut timeout_ms, mut connections) = (TIMEOUT_MS, CONNECTIONS);
        for pair in url.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value).ok_or_else(|| bad("a setting is not UTF-8 after decoding its %"))?;
            match name {
                "tls" => {
                    tls = match (url.scheme(), value.as_str()) {
                        ("smtp", "none") => Tls::None,
                        ("smtp", "starttls") => Tls::StartTls,
                        ("smtps", _) => {
                            return Err(bad("tls= goes with smtp:// only; smtps:// is protected from the first byte"));
                        }
                        _ => return Err(bad("tls= is none or starttls")),
                    }
                }
                "from" => from = Some(mailbox(&value).ok_or_else(|| bad("from= is no e-mail address"))?),
                "reply-to" => reply_to = Some(mailbox(&value).ok_or_else(|| bad("reply-to= is no e-mail address"))?),
                "timeout-ms" => {
                    timeout_ms = number(&value, &TIMEOUTS_MS)
                        .ok_or_else(|| bad("timeout-ms= is a number of milliseconds from 100 to 600000"))?;
                }
                "connections" => {
                    connections = number(&value, &CONNECTIONS_LIMITS)
                        .ok_or_else(|| bad("connections= is a number from 1 to 32"))?;
                }
                // Its name is not repeated: it may be a piece of a password.
                _ => {
                    return Err(bad(
                        "the settings are from, reply-to, tls, timeout-ms and connections; it has another one",
                    ));
                }
            }
        }

        let not_utf8 = || bad("user or password is not UTF-8 after decoding its %");
        let user = decoded(url.username()).ok_or_else(not_utf8)?;
        let password = decoded(url.password().unwrap_or_default()).ok_or_else(not_utf8)?;
        let login = match (user.is_empty(), password.is_empty()) {
            (true, true) => None,
            (false, false) => Some(Credentials::new(user.clone(), password)),
            _ => return Err(bad("a login has both a user and a password")),
        };
        if login.is_some() && tls == Tls::None && !is_this_machine(&host) {
            return Err(bad(
                "with tls=none the password would cross the network for everyone to read; use tls=starttls or smtps://",
            ));
        }
        let from = from
            .or_else(|| mailbox(&user))
            .ok_or_else(|| bad("it does not say who the sender is; add ?from=clinic@example.com"))?;
        let port = url.port().unwrap_or(match tls {
            Tls::None => 25,
            Tls::StartTls => 587,
            Tls::Implicit => 465,
        });
        if port == 0 {
            return Err(bad("there is no port 0"));
        }
        let mut smtp = Self { host, port, tls, tls_parameters: None, login, from, reply_to, timeout_ms, connections };
        smtp.prepare_tls(&[])?;
        Ok(smtp)
    }

    /// Its host and port.
    pub fn server(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// The same, trusting the certificates of a PEM file besides the usual ones: for a server with a certificate of its own.
    ///
    /// # Errors
    /// When there is no certificate in it.
    pub fn trusting(mut self, pem: &[u8]) -> Result<Self, BadSmtp> {
        self.prepare_tls(pem)?;
        Ok(self)
    }

    fn prepare_tls(&mut self, pem: &[u8]) -> Result<(), BadSmtp> {
        if self.tls == Tls::None {
            return Ok(());
        }
        let mut builder = TlsParameters::builder(self.host.clone());
        if !pem.is_empty() {
            let certificate =
                Certificate::from_pem(pem).map_err(|_| bad("the file of certificates is not in PEM form"))?;
            builder = builder.add_root_certificate(certificate);
        }
        self.tls_parameters =
            Some(builder.build().map_err(|error| bad(format!("it cannot be reached over TLS: {error}")))?);
        Ok(())
    }

    /// How long one answer may take.
    pub(super) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

/// Without the login: `smtps://mail.example.com:465 as clinic@example.com`.
impl fmt::Display for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls == Tls::Implicit { "smtps" } else { "smtp" };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        write!(f, "{scheme}://{host}:{} as {}", self.port, self.from)
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Smtp({self})")
    }
}

/// A mailbox that mail can be addressed to, its host in ASCII. What is allowed in it is a list in [`address`], so nothing that a
/// header or a command gives a meaning gets through.
pub(super) fn mailbox(text: &str) -> Option<Address> {
    let address = address::Address::parse(&format!("email:{text}")).ok()?;
    let (local, host) = address.value().split_once('@')?;
    match Host::parse(host).ok()? {
        Host::Domain(host) => Address::new(local, host).ok(),
        // An address of digits is a machine, not a customer's provider.
        _ => None,
    }
}

fn bad(reason: impl Into<String>) -> BadSmtp {
    BadSmtp(reason.into())
}

fn number<T: std::str::FromStr + PartialOrd>(text: &str, range: &std::ops::RangeInclusive<T>) -> Option<T> {
    text.parse().ok().filter(|number| range.contains(number))
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Without `%40` and the like; a `+` stays one, as in `anna+shop@example.com`.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = rest.split_at_checked(2).and_then(|(digits, after)| {
            rest = after;
            std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
        })?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_it_all() {
        for (url, expected, tls, login, replies) in [
            (
                "smtp://mail.example.com?from=a@b.de",
                "smtp://mail.example.com:587 as a@b.de",
                Tls::StartTls,
                false,
                None,
            ),
            ("smtp://localhost?tls=none&from=a@b.de", "smtp://localhost:25 as a@b.de", Tls::None, false, None),
            (
                "smtps://u:p@mail.example.com?from=A%40B.de",
                "smtps://mail.example.com:465 as a@b.de",
                Tls::Implicit,
                true,
                None,
            ),
            ("smtp://clinic%40b.de:p%40%2F+@h.de:2525", "smtp://h.de:2525 as clinic@b.de", Tls::StartTls, true, None),
            (
                "smtp://u:p@127.0.0.1:1025/?tls=none&from=a@b.de",
                "smtp://127.0.0.1:1025 as a@b.de",
                Tls::None,
                true,
                None,
            ),
            ("smtp://[::1]?tls=none&from=a@b.de", "smtp://[::1]:25 as a@b.de", Tls::None, false, None),
            (
                "smtp://müller.de?from=a@müller.de",
                "smtp://xn--mller-kva.de:587 as a@xn--mller-kva.de",
                Tls::StartTls,
                false,
                None,
            ),
            (
                "smtp://h.de?from=a+b@b.de&reply-to=c+d@b.de",
                "smtp://h.de:587 as a+b@b.de",
                Tls::StartTls,
                false,
                Some("c+d@b.de"),
            ),
        ] {
            let smtp = Smtp::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(smtp.to_string(), expected, "{url}");
            assert_eq!((smtp.tls, smtp.login.is_some()), (tls, login), "{url}");
            assert_eq!(smtp.reply_to.as_ref().map(ToString::to_string).as_deref(), replies, "{url}");
            assert_eq!((smtp.timeout_ms, smtp.connections), (30_000, 2));
        }
        let smtp = Smtp::parse("smtp://h.de?from=a@b.de&timeout-ms=500&connections=7").unwrap();
        assert_eq!((smtp.timeout_ms, smtp.connections), (500, 7));
    }

    #[test]
    fn a_wrong_url_is_refused_with_what_would_be_right_and_without_its_secrets() {
        for (url, reason) in [
            ("", "write smtp://"),
            ("mail.example.com", "write smtp://"),
            ("http://u:hunter2@h.de", "begins with smtp://"),
            ("smtp://", "host"),
            ("smtp://u:hunter2@", "host"),
            ("smtp://u:hunter2@h.de:99999", "port"),
            ("smtp://u:hunter2@h.de:0?from=a@b.de", "no port 0"),
            ("smtp://u:1#hunter2@h.de", "%23"),
            ("smtp://u:1/hunter2@h.de", "%2F"),
            ("smtp://u:1?hunter2@h.de", "the settings are"),
            ("smtp://u:hunter2@h.de", "who the sender is"),
            ("smtp://u@h.de?from=a@b.de", "both a user and a password"),
            ("smtp://:hunter2@h.de?from=a@b.de", "both a user and a password"),
            ("smtp://u:hunter2%ff@h.de?from=a@b.de", "UTF-8"),
            ("smtp://u:hunter2@h.de?from=hunter2", "from= is no"),
            ("smtp://u:hunter2@h.de?from=a@b.de%0D%0ABcc:x@y.de", "from= is no"),
            ("smtp://h.de?from=a@b.de&reply-to=x", "reply-to= is no"),
            ("smtp://h.de?from=a@b.de&tls=maybe", "none or starttls"),
            ("smtps://h.de?from=a@b.de&tls=none", "smtp:// only"),
            ("smtp://u:hunter2@h.de?from=a@b.de&tls=none", "everyone to read"),
            ("smtp://h.de?from=a@b.de&timeout-ms=0", "100 to 600000"),
            ("smtp://h.de?from=a@b.de&connections=1000", "1 to 32"),
        ] {
            let error = Smtp::parse(url).unwrap_err().to_string();
            assert!(error.contains(reason), "{url}: {error}");
            assert!(!error.contains("hunter2"), "{url}: {error}");
        }
        let smtp = Smtp::parse("smtp://u:hunter2@h.de?from=a@b.de").unwrap();
        assert!(!format!("{smtp:?} {smtp}").contains("hunter2"));
        assert!(Smtp::parse("smtp://h.de?from=a@b.de").unwrap().trusting(b"-----BEGIN CERTIFICATE-----\n???").is_err());
    }
}
