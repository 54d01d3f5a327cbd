//! A connection to a mail server, and what its words mean for a message.
//!
//! | what happens | before MAIL | MAIL, RCPT, DATA | the text | after the final dot |
//! |---|---|---|---|---|
//! | 2xx | go on | go on | | sent |
//! | 4xx | retry | retry | | retry |
//! | 5xx | retry: it is about the host's login, not about this message | failed | | failed |
//! | no answer in time, connection lost, words that are no SMTP | retry | retry | retry | **unknown** |
//!
//! The boundary is the final dot: before its first byte is handed to the system the server must not deliver, after it
//! nobody knows. `lettre` asks for the text piece by piece and writes the dot when there is no more, so the moment at which it asks
//! in vain is that boundary. A connection that breaks while the dot itself is written counts as unknown.
//!
//! Never says `Sent` for anything but the server's 2xx to the text, and never hands a text in twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::{Response, Severity};

use crate::domain::entry::Outcome;

use super::letter::Letter;
use super::smtp::{Smtp, Tls};

/// A line to a mail server: at most one connection, kept for the next letter while all goes well.
pub(super) struct Line {
    smtp: Arc<Smtp>,
    open: Option<Open>,
    /// How long the answer to a command may take.
    pub(super) patience: Duration,
    /// How long the text and the answer to it may take.
    pub(super) patience_with_text: Duration,
}

struct Open {
    connection: AsyncSmtpConnection,
    letters: u32,
}

/// Letters on one connection: many servers close it after a hundred.
const LETTERS: u32 = 50;
/// Giving up after the text leaves a message for a person to settle, so more patience is spent there.
const TEXT_PATIENCE: u32 = 5;
/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// The longest of a server's words that are kept, in characters.
const WORDS_CHARS: usize = 300;

/// Why something that was asked was not done.
enum No {
    /// The server said no for good.
    Never(String),
    /// The server said not now.
    NotNow(String),
    /// There was no answer that can be understood.
    Silence(String),
}

impl Line {
    pub(super) fn new(smtp: Arc<Smtp>) -> Self {
        let patience = smtp.timeout();
        Self { smtp, open: None, patience, patience_with_text: patience * TEXT_PATIENCE }
    }

    pub(super) fn smtp(&self) -> &Smtp {
        &self.smtp
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Hands a letter in. `handed_over` is set just before its final dot is written: whoever drops this future may read there
    /// whether the server can have it.
    pub(super) async fn send(&mut self, letter: &Letter, handed_over: &AtomicBool) -> Outcome {
        // A connection on which something went wrong is not used again: it is put back after a success only.
        match self.hand_in(letter, handed_over).await {
            Ok(open) => {
                self.open = open.has_room().then_some(open);
                Outcome::Sent
            }
            Err(outcome) => outcome,
        }
    }

    /// Says goodbye to the server, if there is a connection.
    pub(super) async fn close(&mut self) {
        if let Some(mut open) = self.open.take() {
            // Whether it says goodbye too makes no difference.
            let _ = tokio::time::timeout(GOODBYE, open.connection.quit()).await;
        }
    }

    async fn hand_in(&mut self, letter: &Letter, handed_over: &AtomicBool) -> Result<Open, Outcome> {
        let mut open = self.begin(letter).await?;
        let connection = &mut open.connection;
        ask(self.patience, connection.command(Rcpt::new(letter.to.clone(), Vec::new()))).await.map_err(early)?;
        let go_on = ask(self.patience, connection.command(Data)).await.map_err(early)?;
        if go_on.code().severity != Severity::PositiveIntermediate {
            return Err(Outcome::Retry(format!("the mail server did not ask for the text: {}", words(&go_on))));
        }
        let pieces = std::iter::once(letter.content.as_slice()).chain(std::iter::from_fn(|| {
            handed_over.store(true, Ordering::SeqCst);
            None
        }));
        match ask(self.patience_with_text, connection.message_iter(pieces)).await {
            Ok(answer) if answer.code().severity == Severity::PositiveCompletion => {
                open.letters += 1;
                Ok(open)
            }
            Ok(answer) => Err(unknown(&words(&answer))),
            Err(No::Silence(reason)) if handed_over.load(Ordering::SeqCst) => Err(unknown(&reason)),
            Err(no) => Err(early(no)),
        }
    }

    /// A connection on which the server has taken the sender.
    async fn begin(&mut self, letter: &Letter) -> Result<Open, Outcome> {
        if let Some(mut kept) = self.open.take() {
            match self.mail(&mut kept, letter).await {
                Ok(()) => return Ok(kept),
                Err(no @ No::Never(_)) => return Err(early(no)),
                // It may have been closed meanwhile. Nothing of this letter was said, so a new one is as good.
                Err(No::NotNow(_) | No::Silence(_)) => {}
            }
        }
        let mut open = self.connect().await.map_err(Outcome::Retry)?;
        self.mail(&mut open, letter).await.map_err(early)?;
        Ok(open)
    }

    async fn mail(&self, open: &mut Open, letter: &Letter) -> Result<(), No> {
        let mut parameters = Vec::new();
        let info = open.connection.server_info();
        if [&letter.from, &letter.to].into_iter().any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
            if !info.supports_feature(Extension::SmtpUtfEight) {
                return Err(No::Never("it takes no addresses with letters outside ASCII (SMTPUTF8)".to_owned()));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !letter.content.is_ascii() {
            if !info.supports_feature(Extension::EightBitMime) {
                return Err(No::Never("it takes no letters outside ASCII (8BITMIME)".to_owned()));
            }
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let mail = Mail::new(Some(letter.from.clone()), parameters);
        ask(self.patience, open.connection.command(mail)).await.map(|_| ())
    }

    /// A new connection, protected and logged in as the settings want it.
    async fn connect(&self) -> Result<Open, String> {
        let smtp = &self.smtp;
        let hello = ClientId::Domain(smtp.from.domain().to_owned());
        let parameters = smtp.tls_parameters.clone();
        let at_once = parameters.clone().filter(|_| smtp.tls == Tls::Implicit);
        let server = (smtp.host.as_str(), smtp.port);
        // A host may have two addresses, of which the first is dead: half of the time is left for the other.
        let each = Some(self.patience / 2);
        let connecting = AsyncSmtpConnection::connect_tokio1(server, each, &hello, at_once, None);
        let mut connection = ask(self.patience, connecting)
            .await
            .map_err(|no| format!("the mail server {}:{} cannot be reached: {}", smtp.host, smtp.port, no.words()))?;
        if let (Tls::StartTls, Some(parameters)) = (smtp.tls, parameters) {
            ask(self.patience, connection.starttls(parameters, &hello))
                .await
                .map_err(|no| format!("the connection to the mail server cannot be protected: {}", no.words()))?;
        }
        if let Some(login) = &smtp.login {
            ask(self.patience, connection.auth(&[Mechanism::Plain, Mechanism::Login], login)).await.map_err(|no| {
                format!("the mail server refuses the login; check its user and password: {}", no.words())
            })?;
        }
        Ok(Open { connection, letters: 0 })
    }
}

impl Open {
    fn has_room(&self) -> bool {
        self.letters < LETTERS
    }
}

impl No {
    fn words(self) -> String {
        match self {
            Self::Never(words) | Self::NotNow(words) | Self::Silence(words) => words,
        }
    }
}

/// What it means before the server can have the letter.
fn early(no: No) -> Outcome {
    match no {
        No::Never(words) => Outcome::Failed(format!("the mail server refuses it: {words}")),
        No::NotNow(words) => Outcome::Retry(format!("the mail server does not take it now: {words}")),
        No::Silence(reason) => Outcome::Retry(format!("the mail server did not answer: {reason}")),
    }
}

fn unknown(reason: &str) -> Outcome {
    Outcome::Unknown(format!("the mail server has the text but did not say whether it takes it: {reason}"))
}

async fn ask<T>(patience: Duration, answer: impl Future<Output = Result<T, Error>>) -> Result<T, No> {
    match tokio::time::timeout(patience, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(no(&error)),
        Err(_) => Err(No::Silence(format!("nothing within {} ms", patience.as_millis()))),
    }
}

fn no(error: &Error) -> No {
    let text = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    match error.status() {
        Some(code) if error.is_permanent() => No::Never(printable(&format!("{code} {text}"))),
        Some(code) => No::NotNow(printable(&format!("{code} {text}"))),
        None => No::Silence(printable(&error.to_string())),
    }
}

fn words(answer: &Response) -> String {
    printable(&format!("{} {}", answer.code(), answer.message().collect::<Vec<_>>().join(" ")))
}

/// A server's words on one line, cut.
fn printable(words: &str) -> String {
    let line: String = words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(WORDS_CHARS).collect();
    line.trim().to_owned()
}
