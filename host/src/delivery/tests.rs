//! Delivery against real and against nasty mail servers. Nothing here asserts on time; waits are bounded so that a fault
//! ends in a failure.

mod server;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::domain::entry::{Change, Event, Inbound, Input, News, Outcome, StaffAct, Who};
use crate::domain::ids::{BusinessId, CustomerId, EventId, MessageId};
use crate::domain::message::{Author, Delivery, Message, Origin, Original, Purpose};
use crate::domain::time::Instant;
use crate::engine::{Courier, Engine, NotTaken, Parcel, Parts};
use crate::sandbox::{Cache, Compiler, Sandbox};
use crate::store::{MemoryKeyring, MemoryStore};
use crate::turn::limits::Limits;
use crate::world;

use super::courier::Tell;
use super::egress::{Allowed, Egress};
use super::letter;
use super::line::Line;
use super::{Post, Recording, Settings, Smtp};
use server::{CLOSE, HANG, Mail, Wants, real, scripted};

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// 2026-11-22T10:00:00Z.
const NOW: Instant = Instant(1_795_341_600_000);

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn smtp(port: u16, more: &str) -> Smtp {
    Smtp::parse(&format!("smtp://127.0.0.1:{port}?tls=none&from=clinic@example.com{more}")).unwrap()
}

fn parcel(number: u8, channel: &str, text: &str) -> Parcel {
    let message = Message {
        id: MessageId::new(NOW, [number; 10]),
        customer: CustomerId::new(NOW, [1; 10]),
        at: NOW,
        author: Author::Automation,
        channel: channel.to_owned(),
        text: text.to_owned(),
        subject: Some("Your appointment".to_owned()),
        language: None,
        in_reply_to: None,
        polarity: None,
        staff: None,
        origin: None,
        entry: EventId::new(NOW, [1; 10]),
        attempts: 1,
        machine: None,
        original: None,
        sent_as: None,
        reported: None,
        in_spite: false,
        trail: Vec::new(),
        delivery: Delivery::Attempting { attempt: 1 },
    };
    Parcel {
        business: BusinessId::new(NOW, [1; 10]),
        business_name: "Zahnklinik Müller".to_owned(),
        address: "anna@example.org".to_owned(),
        message: Arc::new(message),
        attempt: 1,
        unsubscribe: None,
        answers: None,
        notice: None,
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Sent | Outcome::Accepted { .. } => "sent",
        Outcome::Retry(_) | Outcome::Later { .. } => "retry",
        Outcome::Failed(_) | Outcome::Unwanted | Outcome::Unreachable(_) | Outcome::Gone { .. } => "failed",
        Outcome::Unknown(_) => "unknown",
    }
}

fn reason(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Sent | Outcome::Unwanted | Outcome::Accepted { .. } => "",
        Outcome::Retry(reason)
        | Outcome::Later { reason, .. }
        | Outcome::Failed(reason)
        | Outcome::Unreachable(reason)
        | Outcome::Gone { reason, .. }
        | Outcome::Unknown(reason) => reason,
    }
}

/// Where outcomes go in tests without an engine.
fn desk() -> (Tell, Receiver<(MessageId, Outcome)>) {
    let (sender, receiver): (Sender<(MessageId, Outcome)>, _) = channel();
    let sender = Mutex::new(sender);
    let tell: Tell = Arc::new(move |parcel, outcome, done| {
        sender.lock().unwrap().send((parcel.message.id, outcome)).unwrap();
        done(Ok(vec![1]));
    });
    (tell, receiver)
}

// what a server's words mean

#[test]
fn each_thing_that_a_server_may_do_has_one_meaning() {
    let garbage = "HTTP/1.1 400 Bad Request";
    let long: &'static str = Box::leak(format!("250-{}\r\n", "x".repeat(900)).repeat(1 << 10).into_boxed_str());
    let cases: Vec<(&str, &'static str, &'static str, &str, &str)> = vec![
        ("all is well", "dot", "250 2.0.0 taken", "sent", ""),
        ("an answer of several lines", "dot", "250-2.0.0 taken\r\n250 as 4711", "sent", ""),
        ("closes at once", "greeting", CLOSE, "retry", "cannot be reached"),
        ("never greets", "greeting", HANG, "retry", "nothing within"),
        ("greets with a no", "greeting", "554 no service here", "retry", "554 no service here"),
        ("greets with not now", "greeting", "421 too busy", "retry", "421 too busy"),
        ("is no mail server", "greeting", garbage, "retry", "cannot be reached"),
        ("does not like us", "EHLO", "550 go away", "retry", "550 go away"),
        ("closes at EHLO", "EHLO", CLOSE, "retry", ""),
        ("refuses the sender", "MAIL", "550 5.7.1 not your domain", "failed", "550 5.7.1 not your domain"),
        ("refuses the sender for now", "MAIL", "451 4.7.1 greylisted", "retry", "451 4.7.1 greylisted"),
        ("closes at MAIL", "MAIL", CLOSE, "retry", "did not answer"),
        ("refuses the recipient", "RCPT", "550 5.1.1 no such user", "failed", "550 5.1.1 no such user"),
        ("refuses in several lines", "RCPT", "550-no such\r\n550 user", "failed", "550 no such user"),
        ("refuses the recipient for now", "RCPT", "450 mailbox busy", "retry", "450 mailbox busy"),
        ("closes at RCPT", "RCPT", CLOSE, "retry", "did not answer"),
        ("hangs at RCPT", "RCPT", HANG, "retry", "nothing within"),
        ("talks nonsense at RCPT", "RCPT", garbage, "retry", "did not answer"),
        ("wants no text", "DATA", "554 no valid recipients", "failed", "554 no valid recipients"),
        ("wants no text now", "DATA", "451 disk full", "retry", "451 disk full"),
        ("takes it before it has it", "DATA", "250 taken", "retry", "did not ask for the text"),
        ("closes at DATA", "DATA", CLOSE, "retry", "did not answer"),
        ("stops reading in the text", "text", HANG, "retry", "nothing within"),
        ("refuses the text for now", "dot", "451 4.3.0 try later", "retry", "451 4.3.0 try later"),
        ("shuts down after the text", "dot", "421 shutting down", "retry", "421 shutting down"),
        ("refuses the text", "dot", "554 5.7.1 looks like spam", "failed", "554 5.7.1 looks like spam"),
        ("hangs after the text", "dot", HANG, "unknown", "nothing within"),
        ("closes after the text", "dot", CLOSE, "unknown", "has the text"),
        ("talks nonsense after the text", "dot", garbage, "unknown", "has the text"),
        ("asks for more after the text", "dot", "354 go on", "unknown", "354 go on"),
        ("never ends its answer", "dot", long, "unknown", "has the text"),
    ];
    let runtime = runtime();
    let mut running = Vec::new();
    for (case, at, says, expected, words) in cases {
        let server = scripted(at, says);
        let mut line = Line::new(Arc::new(smtp(server.port, "")));
        // Short where nothing comes, long where something does: how busy the machine is must not matter.
        let short = Duration::from_millis(300);
        (line.patience, line.patience_with_text) = match (at, says) {
            ("dot" | "text", HANG) => (PATIENCE, short),
            (_, HANG) => (short, PATIENCE),
            _ => (PATIENCE, PATIENCE),
        };
        // More than any system keeps for a reader that does not read.
        let text = if at == "text" { "so much to say\n".repeat(2 << 20) } else { "Until tomorrow".to_owned() };
        running.push(runtime.spawn(async move {
            let letter = letter::write(line.smtp(), &parcel(1, "email", &text)).unwrap();
            let handed_over = AtomicBool::new(false);
            let outcome = line.send(&letter, &handed_over).await;
            let texts = *server.texts.lock().unwrap();
            let is_over = handed_over.load(Ordering::SeqCst);
            assert_eq!(word(&outcome), expected, "{case}: {outcome:?}");
            assert!(reason(&outcome).contains(words), "{case}: {outcome:?}");
            assert!(reason(&outcome).chars().count() < 500 && !reason(&outcome).contains('\n'), "{case}: {outcome:?}");
            assert_eq!((is_over, texts), (at == "dot", usize::from(at == "dot")), "{case}: handed over, texts read");
            assert_eq!(line.is_open(), expected == "sent", "{case}: only a connection without a fault is kept");
        }));
    }
    runtime.block_on(async {
        for case in running {
            case.await.unwrap();
        }
    });
}

#[test]
fn a_server_that_is_not_there_is_asked_again() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut line = Line::new(Arc::new(smtp(port, "")));
    let letter = letter::write(line.smtp(), &parcel(1, "email", "hello")).unwrap();
    let outcome = runtime().block_on(line.send(&letter, &AtomicBool::new(false)));
    assert!(matches!(&outcome, Outcome::Retry(reason) if reason.contains("cannot be reached")), "{outcome:?}");
}

// a real server

/// Sends one parcel over a channel of its own, and gives what came of it.
fn send(smtp: Smtp, parcel: Parcel) -> Outcome {
    let runtime = runtime();
    let post = Post::start(runtime.handle().clone(), Settings { smtp: Some(smtp), ..Settings::default() }).unwrap();
    let (tell, outcomes) = desk();
    post.put(parcel, tell);
    let (_, outcome) = outcomes.recv_timeout(PATIENCE).unwrap();
    assert_eq!(runtime.block_on(post.stop()), 0);
    outcome
}

#[test]
fn a_real_server_gets_the_whole_mail() {
    let server = real(Wants::Nothing);
    let text = "Guten Tag Anna,\r\n.\r\nbis morgen 🦷\r\n..\nRSET\n";
    let mut sent = parcel(7, "email", text);
    Arc::make_mut(&mut sent.message).subject = Some("Ihr Termin: Dienstag, 10:30 – bitte bestätigen".to_owned());
    assert_eq!(send(smtp(server.port, "&reply-to=desk%40example.com"), sent), Outcome::Sent);
    let mail = server.mails.recv_timeout(PATIENCE).unwrap();
    assert_eq!((mail.from.as_str(), mail.to.as_slice()), ("clinic@example.com", &["anna@example.org".to_owned()][..]));
    let (head, body) = mail.content.split_once("\r\n\r\n").unwrap();
    let unfolded = head.replace("\r\n ", " ");
    for line in [
        "From: =?utf-8?b?WmFobmtsaW5payBNw7xsbGVy?= <clinic@example.com>",
        "To: anna@example.org",
        "Reply-To: desk@example.com",
        "Date: Sun, 22 Nov 2026 10:00:00 +0000",
        &format!("Message-ID: <{}@example.com>", MessageId::new(NOW, [7; 10])),
        "Auto-Submitted: auto-generated",
        "Content-Type: text/plain; charset=utf-8",
    ] {
        assert!(unfolded.lines().any(|has| has == line), "{line}\nis missing in\n{head}");
    }
    assert!(unfolded.contains("Subject: Ihr Termin: Dienstag, 10:30 =?utf-8?b?"), "{head}");
    let body = unquoted(body);
    assert_eq!(body.trim_end(), "Guten Tag Anna,\r\n.\r\nbis morgen 🦷\r\n..\r\nRSET");
}

/// Undoes quoted-printable.
fn unquoted(body: &str) -> String {
    let joined = body.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_str();
    while let Some((before, after)) = rest.split_once('=') {
        bytes.extend_from_slice(before.as_bytes());
        bytes.push(u8::from_str_radix(&after[..2], 16).unwrap());
        rest = &after[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_real_server_is_reached_as_the_settings_say_or_not_at_all() {
    let (starttls, implicit, open) = (real(Wants::StartTls), real(Wants::Implicit), real(Wants::Nothing));
    let cases = [
        ("STARTTLS and login", "smtp://clinic:s3cret@", starttls.port, Some(starttls.pem.as_str()), "sent", ""),
        ("TLS from the first byte", "smtps://clinic:s3cret@", implicit.port, Some(implicit.pem.as_str()), "sent", ""),
        (
            "wrong password",
            "smtp://clinic:wrong@",
            starttls.port,
            Some(starttls.pem.as_str()),
            "retry",
            "535 Invalid credentials",
        ),
        ("unknown certificate", "smtp://clinic:s3cret@", starttls.port, None, "retry", "certificate"),
        (
            "somebody else's certificate",
            "smtps://clinic:s3cret@",
            implicit.port,
            Some(starttls.pem.as_str()),
            "retry",
            "certificate",
        ),
        ("no TLS where it is wanted from the first byte", "smtps://", open.port, None, "retry", "cannot be reached"),
        (
            "TLS where none is spoken",
            "smtps://",
            starttls.port,
            Some(starttls.pem.as_str()),
            "retry",
            "cannot be reached",
        ),
        ("refuses the recipient", "nobody", open.port, None, "failed", "550 Mailbox unavailable"),
    ];
    for (case, login, port, pem, expected, words) in cases {
        let smtp = match login {
            "nobody" => smtp(port, ""),
            _ => Smtp::parse(&format!("{login}127.0.0.1:{port}?from=clinic@example.com")).unwrap(),
        };
        let smtp = smtp.trusting(pem.unwrap_or_default().as_bytes()).unwrap();
        let mut sent = parcel(1, "email", "hello");
        if login == "nobody" {
            sent.address = "nobody@example.org".to_owned();
        }
        let outcome = send(smtp, sent);
        assert_eq!(word(&outcome), expected, "{case}: {outcome:?}");
        assert!(reason(&outcome).contains(words), "{case}: {outcome:?}");
        assert!(!format!("{outcome:?}").contains("s3cret"), "{case}: {outcome:?}");
    }
    for server in [&starttls, &implicit] {
        let mails: Vec<Mail> = server.mails.try_iter().collect();
        let login = Some(("clinic".to_owned(), "s3cret".to_owned()));
        assert_eq!(mails.iter().map(|mail| &mail.login).collect::<Vec<_>>(), [&login]);
    }
    assert_eq!(open.mails.try_iter().count(), 0);
}

#[test]
fn a_connection_is_used_again() {
    let server = real(Wants::Nothing);
    let runtime = runtime();
    let smtp = smtp(server.port, "&connections=1");
    let mut line = Line::new(Arc::new(smtp));
    runtime.block_on(async {
        for number in 0..60 {
            let letter = letter::write(line.smtp(), &parcel(number, "email", "hello")).unwrap();
            assert_eq!(line.send(&letter, &AtomicBool::new(false)).await, Outcome::Sent);
        }
        line.close().await;
    });
    let connections: Vec<usize> = server.mails.try_iter().map(|mail| mail.connection).collect();
    assert_eq!(connections, [[0; 50].as_slice(), [1; 10].as_slice()].concat());
}

#[test]
fn a_connection_that_the_server_has_closed_meanwhile_is_opened_anew() {
    // It says 421 to the second MAIL of a connection, as servers do after a while, and closes.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (out, taken) = channel();
    std::thread::spawn(move || {
        use std::io::{BufRead, Write};
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = std::io::BufReader::new(stream.unwrap());
            let (mut mails, mut in_text) = (0, false);
            stream.get_mut().write_all(b"220 hi\r\n").unwrap();
            let mut line = String::new();
            while stream.read_line(&mut line).is_ok_and(|read| read > 0) {
                let said = std::mem::take(&mut line);
                mails += usize::from(said.starts_with("MAIL"));
                let answer: &[u8] = match (in_text, said.get(..4)) {
                    (true, _) if said == ".\r\n" => {
                        in_text = false;
                        out.send(number).unwrap();
                        b"250 taken\r\n"
                    }
                    (true, _) => continue,
                    (_, Some("MAIL")) if mails == 2 => b"421 idle for too long\r\n",
                    (_, Some("DATA")) => {
                        in_text = true;
                        b"354 go on\r\n"
                    }
                    _ => b"250 ok\r\n",
                };
                stream.get_mut().write_all(answer).unwrap();
                if answer.starts_with(b"421") {
                    break;
                }
            }
        }
    });
    let mut line = Line::new(Arc::new(smtp(port, "")));
    runtime().block_on(async {
        for number in 0..3 {
            let letter = letter::write(line.smtp(), &parcel(number, "email", "hello")).unwrap();
            assert_eq!(line.send(&letter, &AtomicBool::new(false)).await, Outcome::Sent);
        }
    });
    assert_eq!(taken.try_iter().collect::<Vec<_>>(), [0, 1, 2]);
}

// what a mail looks like

#[test]
fn the_header_says_whether_a_machine_wrote() {
    let smtp = smtp(25, "");
    for (author, purpose, expected) in [
        (Author::Automation, Some(Purpose::Reply), Some("Auto-Submitted: auto-replied")),
        (Author::Automation, Some(Purpose::Service), Some("Auto-Submitted: auto-generated")),
        (Author::Host, None, Some("Auto-Submitted: auto-generated")),
        (Author::Staff, None, None),
    ] {
        let mut parcel = parcel(1, "email", "hello");
        let message = Arc::make_mut(&mut parcel.message);
        message.author = author;
        message.origin = purpose.map(|purpose| Origin {
            plugin: "test".to_owned(),
            purpose,
            template: None,
            tone: crate::domain::tone::Tone::Neutral,
            about: None,
            once: None,
            expires: None,
        });
        let content = String::from_utf8(letter::write(&smtp, &parcel).unwrap().content).unwrap();
        assert_eq!(content.lines().find(|line| line.starts_with("Auto-Submitted")), expected, "{author:?}");
    }
}

#[test]
fn an_answer_refers_to_what_it_answers_unless_that_would_write_more_than_an_id() {
    let long = format!("<{}@x>", "a".repeat(500));
    for (id, before, subject, own, expected) in [
        (Some("<a@x>"), None, Some("Bread"), None, ("Re: Bread", Some("<a@x>"), Some("<a@x>"))),
        (Some("<a@x>"), Some("<b@x>"), Some("AW: Bread"), None, ("AW: Bread", Some("<a@x>"), Some("<b@x> <a@x>"))),
        (Some("<a@x>"), Some("<a@x>"), Some("Re: Re: x"), Some("News"), ("News", Some("<a@x>"), Some("<a@x>"))),
        (Some("<a@x>"), Some("<b\r\nBcc: c@x>"), None, None, ("Zahnklinik", Some("<a@x>"), Some("<a@x>"))),
        (Some("<a@x>\r\nBcc: c@x"), Some("<b@x>"), Some("x\r\nBcc: c@x"), None, ("Re: x Bcc: c@x", None, None)),
        (Some("<a b@x>"), None, Some(" "), None, ("Zahnklinik", None, None)),
        (Some("a@x"), None, None, None, ("Zahnklinik", None, None)),
        (Some("<ü@x>"), None, None, None, ("Zahnklinik", None, None)),
        (Some(long.as_str()), None, None, None, ("Zahnklinik", None, None)),
        (None, Some("<b@x>"), Some("Bread"), None, ("Re: Bread", None, None)),
    ] {
        let mut parcel = parcel(1, "email", "hello");
        parcel.business_name = "Zahnklinik".to_owned();
        let mut theirs = parcel.message.as_ref().clone();
        let (message_id, in_reply_to_id) = (id.map(str::to_owned), before.map(str::to_owned));
        theirs.original = Original { message_id, in_reply_to_id, ..Original::default() }.known();
        theirs.subject = subject.map(str::to_owned);
        parcel.answers = Some(Box::new(theirs));
        Arc::make_mut(&mut parcel.message).subject = own.map(str::to_owned);
        let content = String::from_utf8(letter::write(&smtp(25, ""), &parcel).unwrap().content).unwrap();
        let header = header(&content);
        let value = |name: &str| header.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
        let found = (value("Subject").unwrap(), value("In-Reply-To"), value("References"));
        assert_eq!(found, expected, "{id:?} {before:?} {subject:?}");
        assert_eq!(value("Bcc"), None);
    }
}

/// The header's lines, unfolded, each as name and value.
fn header(content: &str) -> Vec<(String, String)> {
    let (head, _) = content.split_once("\r\n\r\n").unwrap();
    assert!(!head.replace("\r\n", "").contains(['\r', '\n', '\0']), "a bare line end in {head:?}");
    assert!(head.lines().all(|line| line.len() <= 998), "a line that is too long in {head:?}");
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    unfolded
        .split("\r\n")
        .map(|line| line.split_once(": ").unwrap_or_else(|| panic!("no header: {line:?}")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

const NAMES: [&str; 9] = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "Content-Type",
    "Content-Transfer-Encoding",
    "MIME-Version",
];

/// Whatever a name, subject, text or address is made of: the header has its own lines and nothing else.
fn check_letter(name: &str, subject: Option<&str>, text: &str, address: &str) {
    let mut parcel = parcel(1, "email", text);
    parcel.business_name = name.to_owned();
    parcel.address = address.to_owned();
    Arc::make_mut(&mut parcel.message).subject = subject.map(ToOwned::to_owned);
    let letter = match letter::write(&smtp(25, ""), &parcel) {
        Ok(letter) => letter,
        Err(reason) => return assert!(!address.starts_with("anna@"), "{reason}"),
    };
    let (from, to): (&str, &str) = (letter.from.as_ref(), letter.to.as_ref());
    assert_eq!(from, "clinic@example.com");
    assert!(!to.contains(|c: char| c.is_control() || c.is_whitespace() || "<>,;:\"".contains(c)), "{to:?}");
    let content = String::from_utf8(letter.content.clone()).unwrap();
    let header = header(&content);
    let mut names: Vec<&str> = header.iter().map(|(name, _)| name.as_str()).collect();
    let mut expected = NAMES.to_vec();
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected, "{content:?}");
    let value = |wanted: &str| header.iter().find(|(name, _)| name == wanted).unwrap().1.clone();
    let from = value("From");
    assert!(from == "clinic@example.com" || from.ends_with(" <clinic@example.com>"), "{from:?}");
    assert_eq!(value("To"), to);
    assert!(!value("Subject").is_empty());
    let body = content.split_once("\r\n\r\n").unwrap().1;
    assert!(!body.replace("\r\n", "").contains(['\r', '\n', '\0']), "a bare line end in {body:?}");
}

#[test]
fn nothing_hostile_gets_into_the_header() {
    let hostile = [
        "x\r\nBcc: spy@example.net",
        "x\nBcc: spy@example.net\n\nsurprise",
        "x\rBcc: spy@example.net",
        "\r\n\r\n.\r\nMAIL FROM:<spy@example.net>",
        "x\" <spy@example.net>, \"y",
        "<spy@example.net>",
        "a, b; c: d",
        "\\",
        "\\\"",
        "=?utf-8?q?x=0D=0ABcc:_spy@example.net?=",
        "x\u{2028}Bcc: y\u{85}z\u{b}\u{c}\0",
        "\u{202e}gnitset",
        "",
        "   ",
        "🦷",
        "\u{7f}\u{1b}[31m",
    ];
    let long = ["x".repeat(10_000), "🦷".repeat(10_000), "x ".repeat(10_000), "\"".repeat(10_000)];
    for text in hostile.into_iter().chain(long.iter().map(String::as_str)) {
        check_letter(text, Some(text), text, "anna@example.org");
        check_letter(text, None, text, "ünal@müller.de");
    }
    for address in [
        "",
        "anna",
        "anna@",
        "@example.org",
        "anna@example.org\r\nBcc: spy@example.net",
        "anna@example.org>\r\nRCPT TO:<spy@example.net",
        "anna@example.org, spy@example.net",
        "<anna@example.org>",
        "\"anna\r\n\"@example.org",
        "anna@[127.0.0.1]",
        "anna@127.0.0.1",
        "an na@example.org",
        "anna@example.org\0",
        ".anna@example.org",
    ] {
        let mut parcel = parcel(1, "email", "hello");
        parcel.address = address.to_owned();
        assert!(letter::write(&smtp(25, ""), &parcel).is_err(), "{address:?}");
    }
}

proptest! {
    #[test]
    fn nothing_at_all_gets_into_the_header(
        name in ".{0,150}|[\\PC\r\n\t\0\"<>@,:=? ]{0,150}",
        subject in proptest::option::of("[a-z\r\n\t\0\"<>@,:=? üñ🦷]{0,300}"),
        text in "[a-z\r\n. =🦷]{0,300}",
        address in "[a-zü.\r\n<>\"@]{1,12}@[a-zü.]{1,8}\\.de",
    ) {
        check_letter(&name, subject.as_deref(), &text, &address);
        check_letter(&name, subject.as_deref(), &text, "anna@example.org");
    }
}

#[test]
fn a_subject_is_the_messages_own_or_the_business() {
    for (name, subject, expected) in [
        ("Clinic", Some("Tomorrow"), "Tomorrow"),
        ("Clinic", Some(" \r\n "), "Clinic"),
        ("Clinic", None, "Clinic"),
        ("", None, "Message"),
        ("Clinic", Some("a\r\nBcc: b"), "a Bcc: b"),
    ] {
        let mut parcel = parcel(1, "email", "hello");
        parcel.business_name = name.to_owned();
        Arc::make_mut(&mut parcel.message).subject = subject.map(ToOwned::to_owned);
        let content = String::from_utf8(letter::write(&smtp(25, ""), &parcel).unwrap().content).unwrap();
        assert!(header(&content).contains(&("Subject".to_owned(), expected.to_owned())), "{content}");
    }
}

// the post office

#[test]
fn what_no_channel_can_take_fails_at_once_with_the_reason() {
    let runtime = runtime();
    let (without, with) = (
        Post::start(runtime.handle().clone(), Settings::default()).unwrap(),
        Post::start(runtime.handle().clone(), Settings { smtp: Some(smtp(1, "")), ..Settings::default() }).unwrap(),
    );
    for (post, channel, address, expected) in [
        (&without, "email", "anna@example.org", "--smtp"),
        (&without, "sms", "+4915112345678", "no plugin serves the channel `sms`"),
        (&with, "sms", "+4915112345678", "no plugin serves the channel `sms`"),
        (&with, "email", "", "nothing is known of where to reach"),
        (&with, "email", "nonsense", "correct it"),
    ] {
        let (tell, outcomes) = desk();
        post.put(Parcel { address: address.to_owned(), ..parcel(1, channel, "hello") }, tell);
        let (_, outcome) = outcomes.recv_timeout(PATIENCE).unwrap();
        assert!(matches!(&outcome, Outcome::Failed(reason) if reason.contains(expected)), "{outcome:?}");
    }
}

#[test]
fn a_dead_channel_never_delays_another() {
    for (at, expected) in [("greeting", "retry"), ("RCPT", "retry"), ("dot", "unknown")] {
        let (dead, live) = (scripted(at, HANG), real(Wants::Nothing));
        let runtime = runtime();
        let channels = HashMap::from([
            ("pigeon".to_owned(), smtp(dead.port, "&timeout-ms=600000&connections=1")),
            ("email".to_owned(), smtp(live.port, "")),
        ]);
        let post =
            Post::start_with(runtime.handle().clone(), channels, Egress::new(Allowed::default()).unwrap(), 4, 50);
        let ((tell_dead, dead_outcomes), (tell, outcomes)) = (desk(), desk());

        // One with the worker, four in the queue, and more: those are sent back, and nothing waits.
        for number in 0..20 {
            post.put(parcel(number, "pigeon", "hello"), tell_dead.clone());
        }
        let mut back = 0;
        while back < 15 {
            let (_, outcome) = dead_outcomes.recv_timeout(PATIENCE).unwrap();
            assert!(matches!(&outcome, Outcome::Retry(reason) if reason.contains("too many")), "{outcome:?}");
            back += 1;
        }
        for number in 0..20 {
            post.put(parcel(number, "email", "hello"), tell.clone());
            assert_eq!(outcomes.recv_timeout(PATIENCE).unwrap().1, Outcome::Sent);
        }
        // A sixteenth may have been sent back, if the worker took its first one late.
        let rest: Vec<_> = dead_outcomes.try_iter().collect();
        assert!(rest.len() <= 1, "the dead channel has said nothing: {rest:?}");
        if at == "dot" {
            // Bounded, so that a fault ends in a failure.
            let has_text = || {
                (0..6_000).any(|_| {
                    *dead.texts.lock().unwrap() > 0 || {
                        std::thread::sleep(Duration::from_millis(10));
                        false
                    }
                })
            };
            assert!(has_text());
        }

        assert_eq!(runtime.block_on(post.stop()), 0);
        let given_up: Vec<Outcome> = dead_outcomes.try_iter().map(|(_, outcome)| outcome).collect();
        assert_eq!(given_up.len(), 5 - rest.len());
        let words: Vec<&str> = given_up.iter().map(word).collect();
        assert_eq!(words.iter().filter(|&&word| word == expected).count(), if at == "dot" { 1 } else { words.len() });
        assert!(words.iter().all(|&word| word == expected || word == "retry"), "{given_up:?}");

        // Closed is closed, and said so.
        post.put(parcel(99, "email", "hello"), tell);
        let (_, outcome) = outcomes.recv_timeout(PATIENCE).unwrap();
        assert!(matches!(&outcome, Outcome::Retry(reason) if reason.contains("stopping")), "{outcome:?}");
    }
}

#[test]
fn an_outcome_that_the_engine_has_no_room_for_is_told_again() {
    let server = real(Wants::Nothing);
    let runtime = runtime();
    let settings = Settings { smtp: Some(smtp(server.port, "")), ..Settings::default() };
    let post = Post::start(runtime.handle().clone(), settings).unwrap();
    let (sender, told) = channel();
    let (sender, busy) = (Mutex::new(sender), Mutex::new(3_usize));
    post.put(
        parcel(1, "email", "hello"),
        Arc::new(move |_, outcome, done| {
            let mut busy = busy.lock().unwrap();
            sender.lock().unwrap().send(outcome).unwrap();
            let left = *busy;
            *busy = left.saturating_sub(1);
            done(if left > 0 { Err(NotTaken::Busy { waiting: 9 }) } else { Ok(vec![1]) });
        }),
    );
    for _ in 0..4 {
        assert_eq!(told.recv_timeout(PATIENCE).unwrap(), Outcome::Sent);
    }
    assert_eq!(runtime.block_on(post.stop()), 0);
    assert_eq!(server.mails.try_iter().count(), 1, "it was told four times and sent once");
}

// with an engine

/// An engine with one customer who can be written to, and the message that staff wrote to them, due.
fn engine(courier: Arc<dyn Courier>, workers: usize) -> (Arc<Engine>, BusinessId, CustomerId) {
    let engine = Engine::start(Parts {
        store: Arc::new(MemoryStore::new()),
        keyring: Arc::new(MemoryKeyring::new([7; 32])),
        world: Arc::new(world::Test::new(NOW, 1)),
        sandbox: Sandbox::new(Cache::none(), Compiler::Here).unwrap(),
        limits: Limits::default(),
        workers,
        queue: 1_000,
        public_url: None,
    })
    .unwrap();
    engine.set_courier(courier);
    let (business, customer) = (BusinessId::new(NOW, [2; 10]), CustomerId::new(NOW, [3; 10]));
    let about = serde_json::json!({"id": business, "name": "Clinic", "zone": "Europe/Berlin", "language": "de"});
    let change = Change::Business(Box::new(serde_json::from_value(about).unwrap()));
    engine.act(business, CustomerId::BUSINESS, Input::Owner { by: "test".to_owned(), change }).unwrap();
    // Only an event that comes in by the door makes a customer.
    engine.keyring().get_or_create(business, customer).unwrap();
    engine.act(business, customer, Input::Event(Box::new(said("1", "when are you open?")))).unwrap();
    (engine, business, customer)
}

/// Anna writes a mail.
fn said(id: &str, text: &str) -> Event {
    Event {
        kind: "attune.message.received.v1".to_owned(),
        source: "test".to_owned(),
        id: id.to_owned(),
        body: String::new(),
        copy: false,
        who: Who { addresses: vec!["email:anna@example.org".parse().unwrap()], ..Who::default() },
        news: News::Message(Inbound {
            channel: "email".to_owned(),
            text: text.to_owned(),
            subject: None,
            in_reply_to: None,
            machine: None,
            original: None,
            language: None,
            confirmed: false,
        }),
    }
}

fn write(engine: &Arc<Engine>, business: BusinessId, customer: CustomerId) -> MessageId {
    let act = StaffAct::Write { text: "from nine to five".to_owned(), channel: None, in_spite: false };
    let report = engine.act(business, customer, Input::Staff { by: "Eva".to_owned(), act }).unwrap();
    assert_eq!(report.refused, None);
    let id = report.messages.first().unwrap().id;
    engine.ring().unwrap();
    id
}

#[test]
fn a_recording_courier_answers_as_it_was_told_to() {
    let script = [Some(Outcome::Sent), Some(Outcome::Failed("no such user".to_owned())), None];
    let answers = Mutex::new(script.clone().into_iter());
    let courier = Arc::new(Recording::answering(move |_| answers.lock().unwrap().next().flatten()));
    let (engine, business, customer) = engine(courier.clone(), 0);
    let states: Vec<String> = script
        .iter()
        .map(|_| {
            let id = write(&engine, business, customer);
            engine.run_until_idle();
            engine.query(business).message(id).unwrap().unwrap().delivery.word().to_owned()
        })
        .collect();
    assert_eq!(states, ["sent", "failed", "attempting"]);
    let taken = courier.taken();
    assert_eq!(taken.iter().map(|parcel| parcel.address.as_str()).collect::<Vec<_>>(), ["anna@example.org"; 3]);

    // What never answered is settled at the next start.
    assert_eq!(engine.settle_lost_attempts().unwrap(), 1);
    engine.run_until_idle();
    let last = taken.last().unwrap().message.id;
    assert_eq!(engine.query(business).message(last).unwrap().unwrap().delivery.word(), "uncertain");
}

#[test]
fn a_conversation_that_needs_a_person_reaches_staff_by_mail() {
    let server = real(Wants::Nothing);
    let runtime = runtime();
    let settings = Settings { smtp: Some(smtp(server.port, "")), ..Settings::default() };
    let post = Post::start(runtime.handle().clone(), settings).unwrap();
    let (engine, business, customer) = engine(Arc::new(post.clone()), 1);
    let about = serde_json::json!({
        "id": business, "name": "Clinic", "zone": "Europe/Berlin", "language": "en",
        "notices": [{ "channel": "email", "to": "team@example.com", "details": true }, { "channel": "email" }],
    });
    let change = Change::Business(Box::new(serde_json::from_value(about).unwrap()));
    engine.act(business, CustomerId::BUSINESS, Input::Owner { by: "test".to_owned(), change }).unwrap();
    engine.act(business, customer, Input::Event(Box::new(said("2", "Person")))).unwrap();
    engine.ring().unwrap();
    let mail = (0..2).map(|_| server.mails.recv_timeout(PATIENCE).unwrap());
    let mail = mail.into_iter().find(|mail| mail.content.contains("To: team@example.com")).expect("staff got one");
    for part in ["Subject: A conversation needs a person", "Auto-Submitted: auto-generated", "asked for a person"] {
        assert!(mail.content.contains(part), "{}", mail.content);
    }
    // A place that nobody named is told as such, and the notice says what became of both.
    let states = || {
        let notice = engine.query(business).notices(None, 1).unwrap().pop().unwrap().1;
        let errands = engine.query(business).errands(customer, &notice.errands).unwrap();
        errands.iter().map(|errand| errand.state.word().to_owned()).collect::<Vec<_>>()
    };
    let settled = (0..6_000).any(|_| {
        states() == ["done", "failed"] || {
            std::thread::sleep(Duration::from_millis(10));
            false
        }
    });
    assert!(settled, "{:?}", states());
    assert_eq!(runtime.block_on(post.stop()), 0);
    engine.stop().unwrap();
}

#[test]
fn from_the_engine_to_a_real_server_and_back() {
    let server = real(Wants::Nothing);
    let runtime = runtime();
    let settings = Settings { smtp: Some(smtp(server.port, "")), ..Settings::default() };
    let post = Post::start(runtime.handle().clone(), settings).unwrap();
    let (engine, business, customer) = engine(Arc::new(post.clone()), 1);
    let mut live = engine.watch();
    let id = write(&engine, business, customer);
    runtime.block_on(async {
        let sent = async {
            loop {
                let happened = live.recv().await.unwrap();
                if happened.messages.iter().any(|one| one.id == id && matches!(one.delivery, Delivery::Sent { .. })) {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, sent).await.expect("the message was sent");
        assert_eq!(post.stop().await, 0);
    });
    engine.stop().unwrap();
    let mails: Vec<Mail> = server.mails.try_iter().collect();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].content.contains("from nine to five"), "{}", mails[0].content);
    assert!(mails[0].content.contains("From: Clinic <clinic@example.com>"), "{}", mails[0].content);
}
