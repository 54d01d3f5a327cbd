//! Mail servers for tests, on loopback: a real one (the protocol is the crate `mailin`'s), and one that follows a script.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use mailin::{Action, AuthMechanism, Handler, Response, SessionBuilder, response};

/// A mail as the server got it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mail {
    pub login: Option<(String, String)>,
    pub from: String,
    pub to: Vec<String>,
    pub content: String,
    /// Which connection it came on, from 0.
    pub connection: usize,
}

/// A real server.
pub struct Real {
    pub port: u16,
    pub mails: Receiver<Mail>,
    /// Its certificate, in PEM form.
    pub pem: String,
}

/// What a real server wants.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    Nothing,
    /// TLS by STARTTLS, and the login `clinic` with `s3cret`.
    StartTls,
    /// The same, from the first byte.
    Implicit,
}

/// A connection of either kind.
trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

#[derive(Clone)]
struct Desk {
    mail: Mail,
    out: Sender<Mail>,
}

impl Handler for Desk {
    fn rcpt(&mut self, to: &str) -> Response {
        if to.contains("nobody@") { response::NO_MAILBOX } else { response::OK }
    }

    fn data_start(&mut self, _: &str, from: &str, _: bool, to: &[String]) -> Response {
        (self.mail.from, self.mail.to, self.mail.content) = (from.to_owned(), to.to_vec(), String::new());
        response::OK
    }

    fn data(&mut self, line: &[u8]) -> std::io::Result<()> {
        self.mail.content.push_str(&String::from_utf8_lossy(line));
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        self.out.send(self.mail.clone()).map_or(response::INTERNAL_ERROR, |()| response::OK)
    }

    fn auth_plain(&mut self, _: &str, user: &str, password: &str) -> Response {
        self.mail.login = Some((user.to_owned(), password.to_owned()));
        if (user, password) == ("clinic", "s3cret") { response::AUTH_OK } else { response::INVALID_CREDENTIALS }
    }
}

/// Starts a real server. It ends with the process.
pub fn real(wants: Wants) -> Real {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let key = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], key.signing_key.serialize_der().try_into().unwrap())
        .unwrap();
    let (out, mails) = channel();
    let tls = Arc::new(tls);
    std::thread::spawn(move || {
        for (connection, stream) in listener.incoming().enumerate() {
            let desk = Desk { mail: Mail { connection, ..Mail::default() }, out: out.clone() };
            let tls = tls.clone();
            std::thread::spawn(move || talk(stream.unwrap(), wants, tls, desk));
        }
    });
    Real { port, mails, pem: key.cert.pem() }
}

fn talk(stream: TcpStream, wants: Wants, tls: Arc<rustls::ServerConfig>, desk: Desk) -> Option<()> {
    let protect = |stream: &TcpStream| -> Option<BufReader<Box<dyn Wire>>> {
        let connection = rustls::ServerConnection::new(tls.clone()).ok()?;
        Some(BufReader::new(Box::new(rustls::StreamOwned::new(connection, stream.try_clone().ok()?))))
    };
    let mut builder = SessionBuilder::new("mail.example.com");
    if wants != Wants::Nothing {
        builder.enable_start_tls().enable_auth(AuthMechanism::Plain);
    }
    let mut session = builder.build(Ipv4Addr::LOCALHOST.into(), desk);
    let mut wire: BufReader<Box<dyn Wire>> = BufReader::new(Box::new(stream.try_clone().ok()?));
    if wants == Wants::Implicit {
        wire = protect(&stream)?;
        session.tls_active();
    }
    wire.get_mut().write_all(&session.greeting().buffer().ok()?).ok()?;
    loop {
        let mut line = Vec::new();
        if wire.read_until(b'\n', &mut line).ok()? == 0 {
            return None;
        }
        let answer = session.process(&line);
        if answer.action != Action::NoReply {
            wire.get_mut().write_all(&answer.buffer().ok()?).ok()?;
            wire.get_mut().flush().ok()?;
        }
        match answer.action {
            Action::Close => return None,
            Action::UpgradeTls => {
                wire = protect(&stream)?;
                session.tls_active();
            }
            Action::NoReply | Action::Reply => {}
        }
    }
}

/// A server that does as a proper one would, but for one thing that it says, or does, at one point.
pub struct Scripted {
    pub port: u16,
    /// How often it has read a text with its final dot.
    pub texts: Arc<Mutex<usize>>,
}

/// Says nothing more and keeps the connection.
pub const HANG: &str = "(hang)";
/// Closes the connection.
pub const CLOSE: &str = "(close)";

/// Starts a scripted server: at `at` (`greeting`, `EHLO`, `MAIL`, `RCPT`, `DATA`, `text`, `dot`) it says `says`. `text` is before it
/// reads any of the text.
pub fn scripted(at: &'static str, says: &'static str) -> Scripted {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let texts = Arc::new(Mutex::new(0));
    let counted = texts.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let counted = counted.clone();
            std::thread::spawn(move || follow(stream.unwrap(), at, says, &counted));
        }
    });
    Scripted { port, texts }
}

fn follow(stream: TcpStream, at: &str, says: &str, texts: &Mutex<usize>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut now = "greeting".to_owned();
    loop {
        let usual = match now.as_str() {
            "greeting" => "220 mail.example.com ESMTP",
            "EHLO" => "250-mail.example.com\r\n250 8BITMIME",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            _ => "250 2.0.0 taken",
        };
        match if now == at { says } else { usual } {
            CLOSE => return None,
            HANG => loop {
                // The thread ends with the process, and the connection stays open until then.
                std::thread::park();
            },
            words => (&stream).write_all(format!("{words}\r\n").as_bytes()).ok()?,
        }
        if now == "DATA" && says == HANG && at == "text" {
            loop {
                std::thread::park();
            }
        }
        let in_text = now == "DATA";
        now = loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match (in_text, line.as_str()) {
                (true, ".\r\n") => {
                    *texts.lock().unwrap() += 1;
                    break "dot".to_owned();
                }
                (true, _) => {}
                (false, _) => break line.get(..4).unwrap_or_default().to_owned(),
            }
        };
    }
}
