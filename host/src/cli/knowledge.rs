//! Questions and answers on the command line: which answer a question finds, and importing a file into a running server.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use crate::intake::knowledge::{Form, read_what_fits};
use crate::reading::Evidence;
use crate::reading::knowledge::{FOUND, Found, Index, SURE};

use super::remote::{Body, Server};

/// Import questions and answers, and try which answer a question finds.
#[derive(Debug, Args)]
pub(super) struct Knowledge {
    #[command(subcommand)]
    act: KnowledgeAct,
}

#[derive(Debug, Subcommand)]
enum KnowledgeAct {
    /// Look for answers in a file, without a server. Questions are read from standard input, one a line; each gets a line of JSON.
    Search {
        /// Questions and answers: `.csv` or `.md`, as `attune knowledge import` takes them.
        #[arg(long)]
        file: PathBuf,
        /// How many answers to each question.
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=FOUND as i64))]
        limit: u16,
    },
    /// Send a file of questions and answers to a server: all of it is taken, or nothing.
    Import {
        /// `.csv` with the columns question and answer, or `.md` with a heading for each question.
        #[arg(long)]
        file: PathBuf,
        /// What becomes of the answers that are there.
        #[arg(long, value_enum, default_value_t)]
        mode: Mode,
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Mode {
    /// They stay, but for those that the file has too.
    #[default]
    Add,
    /// They are deleted.
    Replace,
}

impl Knowledge {
    pub(super) fn run(self) -> Result<ExitCode> {
        match self.act {
            KnowledgeAct::Search { file, limit } => search(&file, usize::from(limit)),
            KnowledgeAct::Import { file, mode, server } => {
                let (form, bytes) = open(&file)?;
                let mode = match mode {
                    Mode::Add => "add",
                    Mode::Replace => "replace",
                };
                let path = format!("/v1/knowledge/import?mode={mode}");
                let body = server.get_or_fail("POST", &path, Body::File(form.media_type(), &bytes))?;
                server.print(&body, |body| format!("{} answers imported, {} in all", body["imported"], body["total"]));
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

fn open(file: &Path) -> Result<(Form, Vec<u8>)> {
    let place = || file.display().to_string();
    let form = file.to_str().and_then(Form::of_name);
    let form = form.with_context(|| format!("{}: is neither .csv nor .md; rename it to what it is", place()))?;
    Ok((form, std::fs::read(file).with_context(place)?))
}

/// What a line of questions gets.
#[derive(Serialize)]
struct Told<'a> {
    answers: Vec<Answer<'a>>,
    /// Whether the first is sure enough to be said.
    sure: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    question: &'a str,
    answer: &'a str,
    /// 0 to 1.
    score: f32,
    because: Vec<Evidence>,
}

impl<'a> Answer<'a> {
    fn of(found: Found<'a>) -> Self {
        let Found { article, score, because } = found;
        Self { question: &article.question, answer: &article.answer, score, because }
    }
}

/// Answers each line with a line. Whoever asks sees it at once.
fn search(file: &Path, limit: usize) -> Result<ExitCode> {
    let (form, bytes) = open(file)?;
    let (articles, misread) = read_what_fits(form, &bytes).with_context(|| file.display().to_string())?;
    misread.iter().for_each(|misread| eprintln!("{}: {misread}; left out", file.display()));
    let index = Index::new(articles);
    let (mut questions, mut out) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut line = Vec::new();
    while questions.read_until(b'\n', &mut line)? > 0 {
        let found = index.search(&String::from_utf8_lossy(&line), limit);
        let sure = found.first().is_some_and(|best| best.score >= SURE);
        let told = Told { answers: found.into_iter().map(Answer::of).collect(), sure };
        writeln!(out, "{}", serde_json::to_string(&told)?)?;
        out.flush()?;
        line.clear();
    }
    Ok(ExitCode::SUCCESS)
}
