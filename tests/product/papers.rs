//! What the papers say is so: their commands run, their snippets parse, their links lead somewhere.

use std::path::Path;
use std::process::{Command, Stdio};

use attune::domain::message::Author;
use attune_tests::{Client, Server, Start, cache_folder, plugins_folder, profile_folder, repository, text, until};
use serde_json::Value;

/// The papers that stand at the top. Those in `docs/` are papers too; their commands are tried by `manual.rs` and `publishing.rs`.
const PAPERS: [&str; 2] = ["README.md", "ARCHITECTURE.md"];

/// A block of a paper between fences.
#[derive(Debug)]
pub struct Block {
    /// Where it is.
    pub place: String,
    /// The first word behind the opening fence.
    pub kind: String,
    /// The second.
    pub about: String,
    /// What is in it.
    pub text: String,
}

/// All papers, each with its text.
fn papers() -> Vec<(String, String)> {
    let mut names: Vec<String> = PAPERS.map(str::to_owned).to_vec();
    for entry in std::fs::read_dir(repository().join("docs")).expect("docs/ is there") {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        names.extend(name.ends_with(".md").then(|| format!("docs/{name}")));
    }
    let read =
        |name: &String| std::fs::read_to_string(repository().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    names.into_iter().map(|name| (name.clone(), read(&name))).collect()
}

/// The blocks of all papers whose name begins like this.
pub fn blocks(begins: &str) -> Vec<Block> {
    let mut found = Vec::new();
    for (name, text) in papers().into_iter().filter(|(name, _)| name.starts_with(begins)) {
        let mut open: Option<Block> = None;
        for (number, line) in text.lines().enumerate() {
            match (line.trim_start().strip_prefix("```"), open.take()) {
                (Some(kind), None) => {
                    let mut words = kind.split([' ', ',']).map(str::to_owned);
                    let mut word = || words.next().unwrap_or_default();
                    let place = format!("{name}:{}", number + 1);
                    open = Some(Block { place, kind: word(), about: word(), text: String::new() });
                }
                (Some(_), Some(block)) => found.push(block),
                (None, Some(mut block)) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                    open = Some(block);
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{name}: a block is not closed: {open:?}");
    }
    found
}

/// The commands of a block, each whole: a line that ends in `\`, or within a quotation, goes on in the next. In a
/// `console` block that has lines beginning with `$ ` those are the commands, and all else is what they print.
fn commands(block: &Block) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut open = String::new();
    let prompted = block.kind == "console" && block.text.lines().any(|line| line.starts_with("$ "));
    for line in block.text.lines() {
        let line = match (prompted, open.is_empty()) {
            (true, true) => match line.strip_prefix("$ ") {
                Some(line) => line,
                None => continue,
            },
            _ => line,
        };
        open.push_str(line);
        let quoted = |quote: char| open.matches(quote).count() % 2 == 1;
        if open.ends_with('\\') || quoted('\'') || (quoted('"') && !open.contains('\'')) {
            open.push('\n');
            continue;
        }
        let command = std::mem::take(&mut open);
        if !command.trim().is_empty() && !command.trim_start().starts_with('#') {
            found.push(command);
        }
    }
    assert!(open.is_empty(), "{}: a command does not end: {open}", block.place);
    found
}

fn run(command: &str, server: &Server, token: &str) -> Result<(), String> {
    let folder = profile_folder();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
    // A refusal by the server is a failure of the command.
    let script = format!("set -o pipefail; curl() {{ command curl --fail-with-body \"$@\"; }}\n{command}");
    let output = Command::new("bash")
        .arg("-c")
        .arg(&script)
        .env("PATH", path)
        .env("XDG_CACHE_HOME", cache_folder())
        .env("ATTUNE_URL", &server.url)
        .env("ATTUNE_TOKEN", token)
        .current_dir(repository())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("bash cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Err(format!("{}\n{}{}", output.status, words(&output.stdout), words(&output.stderr)))
}

/// Ids that a paper leaves open, `msg_...`, are those of Anna's last answer.
fn fill_in(command: &str, owner: &Client) -> String {
    if !["cus_", "msg_"].iter().any(|prefix| command.contains(&format!("{prefix}..."))) {
        return command.to_owned();
    }
    let found = owner.get("/v1/customers?address=chat:anna").with(200);
    let anna = text(&found["items"][0]["id"]);
    let answer = until("Anna has an answer", || {
        let told = owner.get(&format!("/v1/customers/{anna}/messages"));
        let own = told.body["items"].as_array()?.iter().find(|one| one["author"] == Author::Automation.word())?;
        own["id"].as_str().map(str::to_owned)
    });
    command.replace("cus_...", &anna).replace("msg_...", &answer)
}

#[test]
fn the_commands_of_the_papers_run() {
    let blocks: Vec<Block> = PAPERS.into_iter().flat_map(blocks).collect();
    let makefile = std::fs::read_to_string(repository().join("Makefile")).unwrap_or_default();
    let (events, plugins) = (repository().join("examples/events"), plugins_folder());
    let demo = ["--demo", &events.to_string_lossy(), "--plugins", &plugins.to_string_lossy()].map(str::to_owned);
    let server = Server::start_with(&Start { arguments: demo.to_vec(), ..Start::default() });
    let token = until("the welcome names a token", || {
        let line = server.said().into_iter().find(|line| line.contains("ATTUNE_TOKEN="))?;
        line.rsplit_once("ATTUNE_TOKEN=").map(|(_, token)| token.to_owned())
    });
    let owner = server.client(&token);
    let mut broken = Vec::new();
    for block in blocks.iter().filter(|block| matches!(block.kind.as_str(), "sh" | "console" | "bash" | "shell")) {
        for command in commands(block) {
            let result = match command.split_whitespace().next().unwrap_or_default() {
                "make" => command
                    .split_whitespace()
                    .skip(1)
                    .take_while(|word| !word.starts_with('#'))
                    .filter(|word| !word.contains('='))
                    .find(|target| !makefile.lines().any(|line| line.starts_with(&format!("{target}:"))))
                    .map_or(Ok(()), |target| Err(format!("the Makefile has no target `{target}`"))),
                // It would go on for ever; that it knows its arguments is seen all the same.
                "attune" if command.contains("attune serve") => run(&format!("{command} --help"), &server, &token),
                "attune" | "curl" => run(&fill_in(&command, &owner), &server, &token),
                _ => Ok(()),
            };
            if let Err(words) = result {
                broken.push(format!("{}: {command}\n{words}", block.place));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
}

#[test]
fn what_the_demonstration_prints_works_when_it_is_pasted() {
    let (events, plugins) = (repository().join("examples/events"), plugins_folder());
    let demo = ["--demo", &events.to_string_lossy(), "--plugins", &plugins.to_string_lossy()].map(str::to_owned);
    let server = Server::start_with(&Start { arguments: demo.to_vec(), ..Start::default() });
    let printed = until("the welcome is printed", || {
        let said = server.said();
        said.iter().any(|line| line.ends_with("/why -H \"Authorization: Bearer $ATTUNE_TOKEN\"")).then_some(said)
    });
    let is_command = |line: &&String| line.starts_with("export ") || line.starts_with("curl ");
    let pasted: Vec<&str> = printed.iter().filter(is_command).map(String::as_str).collect();
    assert_eq!(pasted.len(), 4, "{printed:#?}");
    let (exports, anna) = (pasted[0], pasted[1]);
    // A person takes a moment between one line and the next; so does this.
    let (conversation, why) = (pasted[2], pasted[3]);
    run(&format!("{exports}\n{anna}"), &server, "").unwrap();
    let wait = format!("{exports}\nuntil {conversation} | grep -q 'is on its way'; do sleep 0.05; done");
    run(&wait, &server, "").unwrap();
    run(
        &format!("{exports}\n{why} | grep -q 'The plugin order-status (version 0.1.0) wrote this message'"),
        &server,
        "",
    )
    .unwrap();
}

#[test]
fn the_snippets_of_the_papers_parse() {
    for Block { place, kind, text, .. } in blocks("") {
        match kind.as_str() {
            "json" => drop(serde_json::from_str::<Value>(&text).unwrap_or_else(|error| panic!("{place}: {error}"))),
            "toml" => drop(text.parse::<toml::Table>().unwrap_or_else(|error| panic!("{place}: {error}"))),
            "rust" => rust_parses(&place, &text),
            _ => {}
        }
    }
}

/// Whether rustfmt, which comes with Rust, can read it.
fn rust_parses(place: &str, text: &str) {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--emit", "stdout"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("rustfmt can be run; rustup component add rustfmt");
    std::io::Write::write_all(&mut rustfmt.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let output = rustfmt.wait_with_output().unwrap();
    assert!(output.status.success(), "{place}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_links_of_the_papers_lead_to_files() {
    let mut broken = Vec::new();
    for (name, text) in papers() {
        let folder = repository().join(&name);
        let folder = folder.parent().unwrap_or_else(|| Path::new("."));
        for (number, line) in text.lines().enumerate() {
            for link in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let file = link.split(['#', ' ']).next().unwrap_or_default();
                let elsewhere = file.is_empty() || file.contains("://") || file.starts_with("mailto:");
                if !elsewhere && !folder.join(file).exists() {
                    broken.push(format!("{name}:{}: there is no {file}", number + 1));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
