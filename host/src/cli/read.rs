//! Reads texts by hand and in bulk, without a server: what `sentiment` and `understanding` would tell a plugin.

use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use crate::reading::{Brand, Evidence, Intent, READ_BYTES, Read, read};

/// Read texts on standard input, one a line: mood and intents, a line of JSON for each.
#[derive(Debug, Args)]
pub(super) struct ReadTexts {
    /// A name of the business or of what it sells, which says nothing of a mood; may be given several times.
    #[arg(long = "brand", value_name = "NAME")]
    brands: Vec<String>,
}

/// A line of the output.
#[derive(Serialize)]
struct Line<'a> {
    polarity: f32,
    frustration: f32,
    urgency: f32,
    confidence: f32,
    language: Option<&'a str>,
    intents: &'a [Intent],
    because: &'a [Evidence],
}

impl<'a> Line<'a> {
    fn of(Read { mood, intents }: &'a Read) -> Self {
        Self {
            polarity: mood.polarity,
            frustration: mood.frustration,
            urgency: mood.urgency,
            confidence: mood.confidence,
            language: mood.language.as_deref(),
            intents,
            because: &mood.because,
        }
    }
}

impl ReadTexts {
    pub(super) fn run(self) -> Result<ExitCode> {
        let brand = Brand::new(self.brands.iter().map(String::as_str));
        let mut input = io::BufReader::with_capacity(1 << 16, io::stdin().lock());
        let mut output = io::BufWriter::new(io::stdout().lock());
        let mut line = Vec::new();
        while next_line(&mut input, &mut line)? {
            let text = String::from_utf8_lossy(&line);
            serde_json::to_writer(&mut output, &Line::of(&read(&text, &brand)))?;
            output.write_all(b"\n")?;
            // Whoever writes a line and waits for its reading gets it.
            if input.buffer().is_empty() {
                output.flush()?;
            }
        }
        output.flush()?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The next line without its end; false where there is none. Of a long line no more is kept than is read of a text.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let mut any = false;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        any = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
        let room = READ_BYTES.saturating_sub(line.len());
        line.extend_from_slice(part.get(..part.len().min(room)).unwrap_or_default());
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            break;
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_as_they_come() {
        let long = "x".repeat(100_000);
        let mut input = io::BufReader::with_capacity(7, io::Cursor::new(format!("one\r\n\n{long}\nlast")));
        let (mut line, mut lines) = (Vec::new(), Vec::new());
        while next_line(&mut input, &mut line).expect("reads") {
            lines.push(line.len());
        }
        assert_eq!(lines, [3, 0, READ_BYTES, 4]);
    }
}
