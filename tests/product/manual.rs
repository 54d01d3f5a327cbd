//! The authors' manual in `docs/` is so: its commands run, its scenarios play, its Rust is cut from a plugin that is built, its
//! numbers are the program's. Commands that need the tools of other languages are tried by `tests/all/templates`.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use attune::domain::plugin::{Export, permission_sentence};
use attune::turn::limits::Limits;
use attune::workbench::schemas;
use attune_tests::{Folder, Shop, plugin_file, profile_folder, program, repository};
use serde_json::Value;

use crate::papers::{Block, blocks};

fn page(name: &str) -> String {
    let path = repository().join("docs").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files in a folder of the repository that end like this, as one text each.
fn texts(folder: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(repository().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}")) {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(texts(&format!("{folder}/{name}"), ending));
        } else if name.ends_with(ending) {
            found.push(std::fs::read_to_string(path).unwrap());
        }
    }
    found
}

/// The section of a page below a heading, without those below it.
fn section<'a>(page: &'a str, heading: &str) -> Option<&'a str> {
    let (_, rest) = page.split_once(&format!("\n{heading}\n"))?;
    Some(rest.find("\n#").map_or(rest, |end| &rest[..end]))
}

/// The interfaces of the contract that have functions: package and name.
fn interfaces() -> Vec<(String, String)> {
    let mut wit = wit_parser::Resolve::default();
    wit.push_dir(repository().join("wit")).expect("the contract");
    let with_functions = wit.interfaces.iter().filter(|(_, one)| !one.functions.is_empty());
    let name =
        |(_, one): (_, &wit_parser::Interface)| Some((wit.packages[one.package?].name.name.clone(), one.name.clone()?));
    let found: Vec<_> = with_functions.filter_map(name).collect();
    assert!(found.len() > 25, "{found:?}");
    found
}

#[test]
fn every_interface_is_in_the_manual_with_what_the_owner_reads_and_an_example_that_runs() {
    let page = page("interfaces.md");
    let scenarios = texts("tests/plugins/manual/scenarios", ".toml").concat();
    let mut missing = Vec::new();
    for (package, name) in interfaces() {
        let Some(section) = section(&page, &format!("### `{name}`")) else {
            missing.push(format!("{package}/{name} has no section"));
            continue;
        };
        let export = Export::ALL.into_iter().find(|one| one.word() == name && package != "host");
        let sentence = permission_sentence(&name).or(export.map(|export| Cow::Borrowed(export.sentence())));
        let reads =
            sentence.map_or("It needs no approval.".to_owned(), |words| format!("The owner reads: \"{words}\""));
        if !section.contains(&reads) {
            missing.push(format!("{name}: the page lacks `{reads}`"));
        }
        // In the example, and in a scenario that plays it.
        let module = name.replace('-', "_");
        let (example, played) = match package.as_str() {
            "host" => (format!("{module}::"), format!("why = \"{name}.")),
            "automation" => (format!("impl {module}::Guest"), format!("ran = \"{name}\"")),
            "connector" if name == "receiving" => ("Incoming {".to_owned(), String::new()),
            "connector" | "channel" => ("HttpRequest {".to_owned(), String::new()),
            _ => ("Understood {".to_owned(), String::new()),
        };
        // The record of why keeps no call for the time or for a log line: what they lead to is expected instead.
        let told = !["clock", "log"].contains(&name.as_str());
        for (what, is) in [(&example, section.contains(&example)), (&played, !told || scenarios.contains(&played))] {
            if !is {
                missing.push(format!("{name}: `{what}` is not there"));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn what_the_manual_quotes_is_code_that_is_built() {
    let mut sources = texts("tests/plugins/manual/src", ".rs");
    sources.extend(texts("tests/plugins/house-reader/src", ".rs"));
    for plugin in ["plugins/shopify", "plugins/webhook", "plugins/calcom"] {
        sources.extend(texts(&format!("{plugin}/src"), ".rs"));
        sources.extend(texts(plugin, "plugin.toml"));
    }
    sources.extend(texts("tests/plugins/manual", "plugin.toml"));
    let mut quoted = 0;
    let is_quoted = |block: &Block| block.kind == "rust" || (block.kind == "toml" && block.about.is_empty());
    for block in blocks("docs/").into_iter().filter(is_quoted) {
        for part in block.text.split("\n\n").map(str::trim_end) {
            assert!(sources.iter().any(|source| source.contains(part)), "{}: no source has\n{part}", block.place);
        }
        quoted += 1;
    }
    assert!(quoted > 30, "{quoted}");

    let world = blocks("docs/interfaces.md").into_iter().find(|block| block.kind == "wit").expect("a world");
    let mut wit = wit_parser::Resolve::default();
    wit.push_dir(repository().join("wit")).expect("the contract");
    wit.push_str("world.wit", &world.text).unwrap_or_else(|error| panic!("{}: {error}", world.place));
}

#[test]
fn the_numbers_of_the_manual_are_the_programs() {
    let page = page("limits.md");
    let limits = serde_json::to_value(Limits::default()).unwrap();
    let limits = limits.as_object().unwrap();
    let mut seen = BTreeSet::new();
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let told = number(cells[1]).unwrap_or_else(|| panic!("no number: {line}"));
        for name in cells[0].split(", ").map(|name| name.trim_matches('`')) {
            let is = limits.get(name).and_then(Value::as_u64).unwrap_or_else(|| panic!("there is no limit `{name}`"));
            assert_eq!(told, is, "{line}");
            seen.insert(name.to_owned());
        }
    }
    let missing: Vec<_> = limits.keys().filter(|name| !seen.contains(*name)).collect();
    assert!(missing.is_empty(), "limits.md does not tell of {missing:?}");

    // When a failed run is tried again: at the earliest, and what jitter adds at the most.
    let limits = Limits::default();
    let waits: Vec<u64> = (2..=limits.attempts).map(|attempt| limits.backoff_ms(attempt, 0) / 1_000).collect();
    let words: Vec<String> = waits.iter().map(|&wait| span(wait)).collect();
    let told = format!("after {}", words.join(", "));
    assert!(page.contains(&told), "limits.md lacks `{told}`");
    for attempt in 2..=limits.attempts {
        let base = limits.backoff_ms(attempt, 0);
        let most = (0..).step_by(997).take(100_000).map(|seed| limits.backoff_ms(attempt, seed)).max().unwrap();
        assert!(most <= base + base / 4, "jitter is a quarter at the most: {most} of {base}");
    }
}

fn span(seconds: u64) -> String {
    if seconds < 60 {
        format!("{seconds} seconds")
    } else if seconds == 60 {
        "1 minute".to_owned()
    } else {
        format!("{} minutes", seconds / 60)
    }
}

/// A number as the page writes it: `200,000,000`, `64 MiB`, `2 s`.
fn number(text: &str) -> Option<u64> {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    let times = match unit {
        "" | "s" | "days" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    Some(number.replace(',', "").parse::<u64>().ok()? * times)
}

#[test]
fn every_key_of_a_scenario_is_in_the_manual() {
    let page = page("testing.md");
    let schema = schemas::scenario();
    for kind in ["Setting", "Person", "Step", "Expectation"] {
        for key in schema["$defs"][kind]["properties"].as_object().unwrap_or_else(|| panic!("{kind}")).keys() {
            assert!(page.contains(&format!("`{key}`")), "testing.md does not tell of `{key}` ({kind})");
        }
    }
    let known = |word: &str| {
        let within = |kind: &str| schema["$defs"][kind]["properties"].get(word).is_some();
        ["Setting", "Person", "Step", "Expectation"].iter().any(|kind| within(kind))
    };
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cell = line.trim_matches('|').split('|').next().unwrap_or_default();
        for word in cell.split(", ").map(|word| word.trim().trim_matches('`')) {
            assert!(known(word), "testing.md tells of `{word}`, which no scenario has");
        }
    }
}

/// A scenario of the manual. Blocks name the plugin that plays them, as in `toml order-status`. One without a business goes on where
/// the first of its page ends: it has that one's business and customers.
fn scenario(block: &Block, first: &Block) -> String {
    if block.text.contains("[business]") {
        return block.text.clone();
    }
    let steps = first.text.find("[[step]]").unwrap_or(first.text.len());
    let mut head: String = first.text[..steps].to_owned();
    if let Some(at) = head.find("[settings]") {
        let end = head[at..].find("\n\n").map_or(head.len(), |length| at + length);
        head.replace_range(at..end, "");
    }
    format!("{head}\n{}", block.text)
}

#[test]
fn the_scenarios_of_the_manual_play() {
    let folder = Folder::new();
    let mut played = 0;
    for name in ["docs/testing.md", "docs/limits.md"] {
        let all = blocks(name);
        let scenarios: Vec<&Block> =
            all.iter().filter(|block| block.kind == "toml" && !block.about.is_empty()).collect();
        let first = scenarios.first().unwrap_or_else(|| panic!("{name} has no scenario"));
        for (number, block) in
            all.iter().enumerate().filter(|(_, block)| block.kind == "toml" && !block.about.is_empty())
        {
            let file = format!("{number}.toml");
            let path = folder.write(&file, scenario(block, first));
            let mut command = Command::new(program());
            command.arg("test").arg(plugin_file(&block.about)).arg("--scenarios").arg(&path);
            let ran = command.current_dir(folder.path()).output().unwrap();
            let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
            // What is refused is followed by the words.
            match all.get(number + 1).filter(|next| next.kind == "text") {
                Some(words) => {
                    assert!(!ran.status.success(), "{}: it is not refused", block.place);
                    assert!(said.contains(words.text.trim()), "{}: it says\n{said}", words.place);
                }
                None => assert!(ran.status.success(), "{}:\n{said}", block.place),
            }
            played += 1;
        }
    }
    assert!(played >= 8, "{played}");
}

/// What is run before each block of commands.
const SHELL: &str = r#"
set -e -o pipefail
# A project shares what is compiled already, and has the versions that are there: nothing is fetched.
attune() {
  command attune "$@"
  if [ "$1" = new ] && [ "$2" != --list ]; then
    cp "$REPOSITORY/Cargo.lock" "$2/"
    mkdir "$2/target"
    for made in debug release wasm32-unknown-unknown; do ln -s "$TARGET/$made" "$2/target/$made"; done
  fi
}
"#;

/// A terminal in which an author follows the manual: where they are is kept from one block to the next.
struct Terminal {
    folder: Folder,
    here: PathBuf,
    shop: Shop,
}

impl Terminal {
    fn open() -> Self {
        let folder = Folder::new();
        let here = folder.path().to_path_buf();
        Self { folder, here, shop: Shop::open() }
    }

    /// Runs commands; gives whether they ended well, and all that they printed.
    fn run(&mut self, commands: &str) -> (bool, String) {
        let target = profile_folder().parent().map(Path::to_path_buf).unwrap_or_default();
        // It would go on for ever; that it knows its arguments is seen all the same.
        let commands = commands.replace(" --watch", " --watch --help");
        let at = self.folder.path().join(".here");
        let script = format!("{SHELL}trap 'pwd > {}' EXIT\n{commands}", at.display());
        let path = format!("{}:{}", profile_folder().display(), std::env::var("PATH").unwrap_or_default());
        let output = Command::new("bash")
            .args(["-c", &format!("{{ {script}\n}} 2>&1")])
            .current_dir(&self.here)
            .env("PATH", path)
            .env("REPOSITORY", repository())
            .env("TARGET", target)
            .env("CARGO_NET_OFFLINE", "true")
            .env_remove("CARGO_TARGET_DIR")
            .env("ATTUNE_URL", &self.shop.server.url)
            .env("ATTUNE_TOKEN", self.shop.owner.secret())
            .stdin(Stdio::null())
            .output()
            .expect("bash can be run");
        if let Ok(here) = std::fs::read_to_string(at) {
            self.here = PathBuf::from(here.trim_end());
        }
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// A block: its commands, and in a `console` block what each of them prints, where `...` is anything. A command that fails does
    /// so on purpose if the paper shows what it prints then.
    fn follow(&mut self, block: &Block) {
        if block.kind == "sh" {
            let (well, said) = self.run(&block.text);
            assert!(well, "{}: {}\n{said}", block.place, block.text);
            return;
        }
        for part in format!("\n{}", block.text).split("\n$ ").skip(1) {
            let (command, printed) = part.split_once('\n').unwrap_or((part, ""));
            let (well, said) = self.run(command);
            assert!(well || !printed.trim().is_empty(), "{}: {command}\n{said}", block.place);
            let mut rest = said.as_str();
            for piece in printed.trim_end().split("...").map(|piece| piece.trim_matches('\n')) {
                let Some(at) = rest.find(piece) else {
                    panic!("{}: {command}\nshall print\n{piece}\nand printed\n{said}", block.place);
                };
                rest = &rest[at + piece.len()..];
            }
        }
    }
}

#[test]
fn an_author_who_follows_the_manual_gets_what_it_says() {
    let mut terminal = Terminal::open();
    let mut followed = 0;
    for page in ["docs/first-plugin.md", "docs/testing.md", "docs/upgrading.md"] {
        for block in blocks(page).iter().filter(|block| ["sh", "console"].contains(&block.kind.as_str())) {
            terminal.follow(block);
            followed += 1;
        }
    }
    assert!(followed > 15, "{followed}");
}

#[test]
fn every_page_is_listed_and_has_no_commands_that_nobody_tries() {
    let listed = page("README.md");
    for block in blocks("docs/") {
        let tried =
            ["first-plugin", "testing", "upgrading", "publishing"].iter().any(|page| block.place.contains(page));
        assert!(tried || !["sh", "console", "bash", "shell"].contains(&block.kind.as_str()), "{}", block.place);
    }
    for entry in std::fs::read_dir(repository().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(name == "README.md" || listed.contains(&format!("]({name})")), "docs/README.md does not list {name}");
    }
}
