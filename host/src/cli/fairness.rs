//! Whether people are read and answered alike however they write: on labelled texts without a server, and on a business's own
//! history with one.

use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::Value;

use crate::reading::fairness::{SHIPPED, labelled, report};
use crate::reading::{Brand, read};

use super::remote::{Body, Server};

/// Tell whether people are read, answered and given to a person alike, however they write.
///
/// By itself it reads labelled texts that ship with Attune: the same situations in four languages and six ways of writing
/// English. Exits with 1 when a group is further from the others than the limit, and chance does not explain it.
#[derive(Debug, Args)]
pub(super) struct Fairness {
    /// Labelled texts of your own instead: lines of group, channel, intents (with commas), frustration (0 to 3), polarity (-1, 0, 1),
    /// urgent (0, 1) and text (`\n` is a new line), between tabs.
    #[arg(long, value_name = "LABELLED.tsv", conflicts_with = "history")]
    file: Option<PathBuf>,
    /// Look at the business's own history on the server instead: what became of customers' messages.
    #[arg(long)]
    history: bool,
    /// How many days of it, 1 to 366; 30 when absent.
    #[arg(long, requires = "history", value_parser = clap::value_parser!(u16).range(1..=366))]
    days: Option<u16>,
}

/// The longest file of labelled texts that is read, in bytes.
const FILE_BYTES: u64 = 16 << 20;

/// A column: the field and its heading.
type Column = (&'static str, &'static str);

/// On labelled texts.
const LABELLED: [Column; 5] = [
    ("escalated", "called"),
    ("escalated_in_vain", "in vain"),
    ("answered", "answered"),
    ("misread", "misread"),
    ("mood_wrong", "mood wrong"),
];

/// On the business's history.
const HISTORY: [Column; 3] = [("escalated", "called"), ("answered", "answered"), ("left", "left")];

impl Fairness {
    pub(super) fn run(&self, server: &Server) -> Result<ExitCode> {
        let value = if self.history {
            let path = format!("/v1/audit/fairness?days={}", self.days.unwrap_or(30));
            server.get_or_fail("GET", &path, Body::None)?
        } else {
            on_labelled(self.file.as_deref())?
        };
        server.print(&value, if self.history { history_text } else { labelled_text });
        let is_within = value["is_within_limits"] == true;
        Ok(if is_within { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn on_labelled(file: Option<&Path>) -> Result<Value> {
    let text = match file {
        Some(path) => text_of(path).with_context(|| path.display().to_string())?,
        None => SHIPPED.to_owned(),
    };
    let name = || file.map_or_else(|| "the labelled texts".to_owned(), |path| path.display().to_string());
    let texts = labelled(&text).with_context(name)?;
    ensure!(!texts.is_empty(), "{}: there is no labelled text in it", name());
    let brand = Brand::default();
    Ok(serde_json::to_value(report(&texts, |text| read(text, &brand)))?)
}

fn text_of(path: &Path) -> Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES {
        bail!("it has more than {FILE_BYTES} bytes; split it");
    }
    Ok(text)
}

fn labelled_text(value: &Value) -> String {
    let mut text = format!("{} labelled texts", value["texts"]);
    if let Some(situations) = value["situations"].as_u64() {
        let _ = write!(text, ": {situations} situations, each told by every group");
    }
    text.push_str(
        "\n
  called      a person is called, of those who need one
  in vain     a person is called, of those who need none
  answered    found what an automation can answer, of what one can
  misread     what would be acted on is not what was said, or nothing was found
  mood wrong  taken for happy, unhappy or neither, and it is another of these

Each as count/size, and the interval of 95 % (by situations).\n",
    );
    text.push_str(&table("who writes", &value["groups"], &["texts"], &LABELLED));
    text.push_str(&table("language", &value["languages"], &["texts"], &LABELLED));
    text.push_str(&table("channel", &value["channels"], &["texts"], &LABELLED));
    text.push_str(&gaps(&value["gaps"], &LABELLED));
    text.push_str(
        "\nChannels have situations of their own and are not compared. Of the texts that ship with Attune: one author wrote them
all, dialects too, and so few situations show large gaps only.\n",
    );
    text
}

fn history_text(value: &Value) -> String {
    let mut text = format!("{} messages of {} customers", value["messages"], value["customers"]);
    let _ = write!(text, "; {} more while a person had the conversation, not counted", value["with_a_person"]);
    if value["is_cut"] == true {
        text.push_str("\nThere was more than one report looks at; this is of the newest.");
    }
    text.push_str(
        "\n
  called      followed by a case, before the customer's next message and within a day
  answered    followed by an automated answer, and no case
  left        neither

Each as count/size, and the interval of 95 %, by customers.\n",
    );
    for (name, field) in [("language", "languages"), ("channel", "channels"), ("way of writing", "ways")] {
        text.push_str(&table(name, &value[field], &["messages", "customers"], &HISTORY));
    }
    text.push_str(&gaps(&value["gaps"], &HISTORY));
    text.push_str(
        "\nGroups of fewer than 20 customers, and messages of fewer than three words, are not judged. Groups ask for different
things: a gap says where to look, not that anybody was wronged. Misspelling and dialect cannot be told here.\n",
    );
    text
}

/// Lines of a kind, aligned; empty where there are none.
fn table(kind: &str, lines: &Value, sizes: &[&str], columns: &[Column]) -> String {
    let mut rows = vec![std::iter::once(kind).chain(sizes.iter().copied()).map(str::to_owned).collect::<Vec<_>>()];
    if let Some(heads) = rows.first_mut() {
        heads.extend(columns.iter().map(|(_, head)| (*head).to_owned()));
    }
    for line in lines.as_array().into_iter().flatten() {
        let mut cells = vec![line["name"].as_str().unwrap_or_default().to_owned()];
        cells.extend(sizes.iter().map(|size| line[size].to_string()));
        cells.extend(columns.iter().map(|(field, _)| share(&line[field])));
        rows.push(cells);
    }
    let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max();
    let mut text = "\n".to_owned();
    for row in &rows {
        for (at, cell) in row.iter().enumerate() {
            let width = width(at).unwrap_or_default();
            // Names to the left, figures to the right.
            let _ = if at == 0 { write!(text, "{cell:<width$}") } else { write!(text, "  {cell:>width$}") };
        }
        text.push('\n');
    }
    text
}

fn share(share: &Value) -> String {
    if share["of"] == 0 {
        return "-".to_owned();
    }
    format!("{}/{} {:>2.0}-{:.0} %", share["count"], share["of"], percent(&share["low"]), percent(&share["high"]))
}

fn percent(value: &Value) -> f64 {
    value.as_f64().unwrap_or_default() * 100.0
}

/// For each measure the largest gap, and who is past the limit.
fn gaps(gaps: &Value, columns: &[Column]) -> String {
    let mut text = "\n".to_owned();
    for gap in gaps.as_array().into_iter().flatten() {
        let measure = columns.iter().find(|(field, _)| gap["measure"] == *field).map_or("", |(_, head)| head);
        let compared = || gap["compared"].as_array().into_iter().flatten();
        let Some(largest) = compared().find(|one| one["is_judged"] == true) else {
            let _ = writeln!(text, "{measure}: no two groups are large enough to be compared");
            continue;
        };
        let past: Vec<String> = compared().filter(|one| one["is_past_limit"] == true).map(difference).collect();
        let limit = percent(&gap["limit"]);
        if past.is_empty() {
            let _ = writeln!(text, "{measure}: within the limit of {limit:.0} points, or of what chance explains");
            let _ = writeln!(text, "  the largest gap: {}", difference(largest));
            continue;
        }
        let _ = writeln!(text, "{measure}: PAST THE LIMIT of {limit:.0} points");
        for past in past {
            let _ = writeln!(text, "  {past}");
        }
    }
    text
}

/// How far a group is from the others, in points of a hundred.
fn difference(one: &Value) -> String {
    let name = one["name"].as_str().unwrap_or_default();
    let (points, low, high) = (percent(&one["difference"]), percent(&one["low"]), percent(&one["high"]));
    let word = if points < 0.0 { "fewer" } else { "more" };
    format!("{name}, {:.0} points {word} than the others (95 %: {low:.0} to {high:.0})", points.abs())
}
