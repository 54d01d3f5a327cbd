//! A real mail server on loopback (the protocol is the crate `mailin`'s). It counts every mail that it took: what it has
//! answered with 250 after the final dot is delivered.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mailin::{Action, Handler, Response, SessionBuilder, response};

/// A mail as the server took it.
#[derive(Debug, Clone, Default)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    pub content: String,
}

/// A mail server. Its threads end with the process.
#[derive(Debug, Clone)]
pub struct MailServer {
    pub port: u16,
    taken: Arc<Mutex<Vec<Mail>>>,
}

#[derive(Clone)]
struct Desk {
    mail: Mail,
    taken: Arc<Mutex<Vec<Mail>>>,
    takes: Duration,
}

impl Handler for Desk {
    fn data_start(&mut self, _: &str, from: &str, _: bool, to: &[String]) -> Response {
        self.mail = Mail { from: from.to_owned(), to: to.to_vec(), content: String::new() };
        response::OK
    }

    fn data(&mut self, line: &[u8]) -> std::io::Result<()> {
        self.mail.content.push_str(&String::from_utf8_lossy(line));
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        std::thread::sleep(self.takes);
        self.taken.lock().unwrap().push(self.mail.clone());
        response::OK
    }
}

impl MailServer {
    /// Starts one that takes a while over each mail.
    pub fn start(takes: Duration) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let server = Self { port, taken: taken.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let desk = Desk { mail: Mail::default(), taken: taken.clone(), takes };
                std::thread::spawn(move || talk(stream, desk));
            }
        });
        server
    }

    /// What it took so far.
    pub fn taken(&self) -> Vec<Mail> {
        self.taken.lock().unwrap().clone()
    }

    /// How `attune serve --smtp` finds it.
    pub fn url(&self) -> String {
        url(self.port)
    }
}

/// How `attune serve --smtp` finds a server at some port, there or not.
pub fn url(port: u16) -> String {
    format!("smtp://127.0.0.1:{port}?tls=none&from=clinic@example.com")
}

fn talk(stream: TcpStream, desk: Desk) -> Option<()> {
    let mut session = SessionBuilder::new("mail.example.com").build(Ipv4Addr::LOCALHOST.into(), desk);
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    (&stream).write_all(&session.greeting().buffer().ok()?).ok()?;
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line).ok()? == 0 {
            return None;
        }
        let answer = session.process(&line);
        if answer.action != Action::NoReply {
            (&stream).write_all(&answer.buffer().ok()?).ok()?;
        }
        if answer.action == Action::Close {
            return None;
        }
    }
}
