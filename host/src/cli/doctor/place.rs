//! What `attune serve` would be started with: the port, the data directory, the clock, the mail server.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::delivery::Smtp;
use crate::domain::time::{Instant, SECOND};
use crate::world::{Serve, World};

use super::super::serve::public_url;
use super::{Finding, State};

/// How long a server may take to answer.
const WAIT: Duration = Duration::from_secs(3);

/// Whether a server can listen there.
pub(super) fn port(listen: SocketAddr) -> Finding {
    let check = "port";
    match TcpListener::bind(listen) {
        Ok(_) => Finding::ok(check, format!("{listen} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => match is_attune(listen) {
            true => Finding::ok(check, format!("an Attune listens on {listen} already")),
            false => Finding::bad(
                State::Fail,
                check,
                format!("another program listens on {listen}"),
                "end that program, or choose another port with --listen or ATTUNE_LISTEN",
            ),
        },
        Err(error) => Finding::bad(
            State::Fail,
            check,
            format!("{listen} cannot be listened on: {error}"),
            "choose an address of this machine, and a port from 1024 on, with --listen or ATTUNE_LISTEN",
        ),
    }
}

fn is_attune(address: SocketAddr) -> bool {
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(WAIT)).build().into();
    let answer = agent.get(format!("http://{address}/")).call();
    let text = answer.ok().and_then(|mut answer| answer.body_mut().with_config().limit(1_000).read_to_string().ok());
    text.is_some_and(|text| text.starts_with("Attune "))
}

/// Less free space than this is a warning, and than the second a failure, in bytes.
const LITTLE_BYTES: u64 = 1 << 30;
const NONE_BYTES: u64 = 64 << 20;

/// Whether the data directory can be written, has room, is nobody else's at the moment, and keeps its secret.
pub(super) fn data(data: &Path) -> Vec<Finding> {
    let check = "data directory";
    let shown = data.display();
    let place = match std::fs::metadata(data) {
        Ok(about) if about.is_dir() => data.to_path_buf(),
        Ok(_) => {
            let fix = "give a directory with --data or ATTUNE_DATA";
            return vec![Finding::bad(State::Fail, check, format!("{shown} is a file"), fix)];
        }
        Err(_) => existing(data),
    };
    if let Err(error) = probe(&place) {
        let words = format!("{} cannot be written: {error}", place.display());
        let fix = "give it to the user that Attune runs as, or choose another with --data or ATTUNE_DATA";
        return vec![Finding::bad(State::Fail, check, words, fix)];
    }
    let mut found = vec![if place == data {
        Finding::ok(check, format!("{shown} can be written"))
    } else {
        Finding::ok(check, format!("{shown} is not there yet and can be made"))
    }];
    found.extend(room(&place));
    found.extend(keys(&data.join("keys")));
    found
}

/// The nearest folder above that is there.
fn existing(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    path.ancestors().find(|above| above.is_dir()).map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Writes a file in a folder and takes it away; gives when the file system says that it was written.
fn probe(folder: &Path) -> std::io::Result<SystemTime> {
    let path = folder.join(format!(".attune-doctor-{}", std::process::id()));
    let written = OpenOptions::new().write(true).create_new(true).open(&path).and_then(|mut file| {
        std::io::Write::write_all(&mut file, b"?")?;
        file.sync_all()?;
        file.metadata()?.modified()
    });
    std::fs::remove_file(&path)?;
    written
}

#[cfg(unix)]
fn room(folder: &Path) -> Option<Finding> {
    let check = "free space";
    let about = rustix::fs::statvfs(folder).ok()?;
    let free_bytes = about.f_bavail.saturating_mul(about.f_frsize);
    let words = format!("{} MB", free_bytes >> 20);
    let fix = "make room: a disk that is full stops Attune, and nothing is taken until there is room again";
    Some(match free_bytes {
        0..NONE_BYTES => Finding::bad(State::Fail, check, words, fix),
        NONE_BYTES..LITTLE_BYTES => Finding::bad(State::Warn, check, words, fix),
        _ => Finding::ok(check, words),
    })
}

#[cfg(not(unix))]
fn room(_: &Path) -> Option<Finding> {
    None
}

/// The file that a running server holds, and that nobody else may read.
fn keys(path: &Path) -> Vec<Finding> {
    let check = "keys";
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            let words = format!("{} cannot be read: {error}", path.display());
            return vec![Finding::bad(State::Fail, check, words, "give it to the user that Attune runs as")];
        }
    };
    let mut found = vec![match file.try_lock() {
        Ok(()) => Finding::ok(check, format!("{} is held by nobody", path.display())),
        Err(TryLockError::WouldBlock) => Finding::bad(
            State::Warn,
            check,
            "another Attune has this data directory open",
            "only one can: end that one before you start another, or give the other a directory of its own with --data",
        ),
        Err(TryLockError::Error(error)) => Finding::bad(
            State::Warn,
            check,
            format!("{} cannot be locked: {error}", path.display()),
            "put the data directory on a file system of this machine: two servers on one would ruin it",
        ),
    }];
    #[cfg(unix)]
    if let Ok(about) = file.metadata()
        && std::os::unix::fs::MetadataExt::mode(&about) & 0o077 != 0
    {
        let words = format!("{} can be read by others", path.display());
        found.push(Finding::bad(State::Warn, check, words, format!("chmod 600 {}", path.display())));
    }
    found
}

/// How far the clock may be from that of the file system, in milliseconds.
const APART_MS: u64 = 5 * SECOND;
/// The clock is wrong before this, which is when this program was made, and after that: 2026 and 2100, in milliseconds.
const EARLIEST: Instant = Instant(1_767_225_600_000);
const LATEST: Instant = Instant(4_102_444_800_000);

/// Whether the clock can be right: by itself, by what the file system says, and by what was written here before.
pub(super) fn clock(data: &Path) -> Finding {
    let (check, now) = ("clock", Serve::new().now());
    let fix = "set the clock, and have it kept: timedatectl set-ntp true";
    if !(EARLIEST..LATEST).contains(&now) {
        return Finding::bad(State::Fail, check, format!("it says {now}, which cannot be"), fix);
    }
    let written = [data.join("attune.redb-wal"), data.join("attune.redb")].into_iter();
    let written = written.filter_map(|path| path.metadata().ok()?.modified().ok()).max().map(instant);
    if let Some(written) = written.filter(|written| *written > now.plus(APART_MS)) {
        let words = format!("it says {now}, but the data directory was written at {written}: it was put back");
        return Finding::bad(State::Fail, check, words, fix);
    }
    let folder = if data.is_dir() { data.to_path_buf() } else { existing(data) };
    match probe(&folder).map(instant) {
        Ok(at) if at.0.abs_diff(now.0) > APART_MS => {
            let words = format!("it says {now}, but the file system of {} says {at}", folder.display());
            Finding::bad(State::Warn, check, words, fix)
        }
        _ => Finding::ok(check, format!("{now}")),
    }
}

fn instant(at: SystemTime) -> Instant {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Instant(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Whether mails can go out, and have a link back.
pub(super) fn mail(smtp: Option<&str>, public: Option<&str>) -> Vec<Finding> {
    let check = "mail";
    let Some(smtp) = smtp else {
        let fix = "give one with --smtp or ATTUNE_SMTP: smtp://user:password@host:port?from=clinic@example.com";
        return vec![Finding::bad(State::Warn, check, "no mail server is set, so only chat goes out", fix)];
    };
    let mut found = vec![match Smtp::parse(smtp) {
        Err(error) => Finding::bad(State::Fail, check, error.to_string(), "mend --smtp or ATTUNE_SMTP"),
        Ok(server) => match reach(server.server()) {
            Ok(()) => Finding::ok(check, format!("{}:{} answers", server.server().0, server.server().1)),
            Err(error) => Finding::bad(
                State::Fail,
                check,
                format!("{}:{} cannot be reached: {error}", server.server().0, server.server().1),
                "look at host and port in --smtp or ATTUNE_SMTP, and whether a firewall lets them out",
            ),
        },
    }];
    let check = "public address";
    found.push(match public.map(public_url) {
        Some(Ok(url)) => Finding::ok(check, url),
        Some(Err(words)) => Finding::bad(State::Fail, check, "it is none", words),
        None => Finding::bad(
            State::Warn,
            check,
            "it is not set, so mails with offers and surveys are withheld",
            "give it with --public-url or ATTUNE_PUBLIC_URL: they need a link that ends them",
        ),
    });
    found
}

fn reach(server: (&str, u16)) -> std::io::Result<()> {
    let mut last = std::io::Error::new(ErrorKind::NotFound, "the name leads nowhere");
    for address in server.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, WAIT) {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}
