//! A connection to the server that costs next to nothing: one prepared request, into which a number and a customer are
//! written, and an answer of which no more is read than is needed.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::events;

/// A connection that stays open.
pub struct Wire {
    stream: TcpStream,
    request: Vec<u8>,
    /// Where the last digit of the event's number stands in the request, and that of the customer.
    number_ends: usize,
    customer_ends: usize,
    answer: Vec<u8>,
    body_starts: usize,
}

impl Wire {
    /// Connects.
    pub async fn connect(address: SocketAddr, token: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let body = String::from_utf8(events::message(0, 0))?;
        let head = format!(
            "POST /v1/events HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/cloudevents+json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let request = head + &body;
        let ends = |of: &str| request.find(of).map(|at| at + of.len()).context("the event has another form");
        let (number_ends, customer_ends) = (ends("question-0000000000")?, ends("customer-0000")?);
        let request = request.into_bytes();
        Ok(Self { stream, request, number_ends, customer_ends, answer: Vec::new(), body_starts: 0 })
    }

    /// A customer asks. Gives the status of the answer.
    pub async fn ask(&mut self, number: usize, customer: usize) -> Result<u16> {
        write_digits(&mut self.request[self.number_ends - 10..self.number_ends], number);
        write_digits(&mut self.request[self.customer_ends - 4..self.customer_ends], customer);
        let request = std::mem::take(&mut self.request);
        let status = self.send(&request).await;
        self.request = request;
        status
    }

    /// Sends a request. Gives the status of the answer.
    pub async fn send(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.answer).await?;
            ensure!(read > 0, "the server closed a connection");
            if let Some((starts, length)) = head(&self.answer)
                && self.answer.len() >= starts + length
            {
                self.body_starts = starts;
                return Ok(std::str::from_utf8(&self.answer[9..12])?.parse()?);
            }
        }
    }

    /// The entry that the last event became.
    pub fn entry(&self) -> Option<&str> {
        let body = std::str::from_utf8(&self.answer[self.body_starts..]).ok()?;
        word(body, "\"id\":\"")
    }

    /// The body of the last answer.
    pub fn body(&self) -> String {
        String::from_utf8_lossy(&self.answer[self.body_starts..]).into_owned()
    }
}

/// What stands between some words and the next quotation mark.
pub fn word<'a>(text: &'a str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(after)?;
    rest.split('"').next()
}

/// Where the body of an answer starts and how long it is, once its head is whole.
fn head(answer: &[u8]) -> Option<(usize, usize)> {
    let ends = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..ends]).ok()?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    Some((ends + 4, length.parse().ok()?))
}

fn write_digits(place: &mut [u8], mut number: usize) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}
