//! How the result of `attune test` is shown: to people, to scripts, to build servers.

use std::io::{IsTerminal, Write};

use serde_json::json;

use crate::sandbox::About;
use crate::workbench::transcript::Mark;

use super::test::{Case, Judged};

/// Prints how a scenario went.
pub(super) fn print_case(about: &About, case: &Case, verbose: bool) {
    let (plugin, file, name) = (&about.manifest.name, &case.file, &case.played.name);
    let paint = Paint::new();
    match &case.failure {
        None => println!("{} {plugin}/{file}: {name}", paint.green("ok    ")),
        Some(failure) => println!("{} {plugin}/{file}: {name}\n  {failure}", paint.red("FAILED")),
    }
    if let Some(differs) = &case.differs {
        for (mark, line) in differs {
            print_marked(*mark, line, &paint);
        }
    } else if case.failure.is_some() || verbose {
        for (mark, line) in marked(case) {
            print_marked(mark, &line, &paint);
        }
    }
    for wrote in &case.wrote {
        println!("  wrote {}", wrote.display());
    }
    // Whoever reads it through a pipe is to see it at once; if nobody reads any more, that is no failure.
    let _ = std::io::stdout().flush();
}

/// Prints what no scenario tried.
pub(super) fn print_coverage(judged: &Judged) {
    let name = &judged.about.manifest.name;
    for word in judged.never_ran() {
        println!("{name}: {word} never ran; no scenario makes it run");
    }
    let fullest = judged.cases.iter().max_by_key(|case| case.played.most_fuel);
    if let Some(case) = fullest.filter(|case| case.played.most_fuel > 0) {
        println!("{name}: a run used {} fuel at the most, in {}", case.played.most_fuel, case.file);
    }
}

fn print_marked(mark: Mark, line: &str, paint: &Paint) {
    for part in line.lines().chain(line.is_empty().then_some("")) {
        let shown = format!("  {} {part}", mark.sign());
        println!(
            "{}",
            match mark {
                Mark::Same => shown.trim_end().to_owned(),
                Mark::Missing => paint.red(&shown),
                Mark::Beyond => paint.green(&shown),
            }
        );
    }
}

/// The transcript of a scenario, with what was expected and what happened instead marked.
fn marked(case: &Case) -> Vec<(Mark, String)> {
    let failure = case.played.failure.as_ref();
    let (expected, instead) = (failure.and_then(|one| one.expected.clone()), failure.and_then(|one| one.instead));
    let lines = &case.played.transcript;
    // A message that waited and then went out has two lines: the second one is meant.
    let at = instead.and_then(|id| lines.iter().rposition(|line| line.message == Some(id)));
    let wanted = expected.map(|words| (Mark::Missing, format!("{:18}expected: {words}", "")));
    let mut marked: Vec<(Mark, String)> = lines.iter().map(|line| (Mark::Same, line.to_string())).collect();
    match at {
        Some(at) => {
            if let Some(line) = marked.get_mut(at) {
                line.0 = Mark::Beyond;
            }
            marked.splice(at..at, wanted);
        }
        None => marked.extend(wanted),
    }
    marked
}

/// The results as JSON: one object a scenario.
pub(super) fn json(judged: &[Judged]) -> serde_json::Value {
    let cases = judged.iter().flat_map(|one| one.cases.iter().map(move |case| (one, case)));
    let one = |(judged, case): (&Judged, &Case)| {
        let played = &case.played;
        let lines: Vec<String> = played.transcript.iter().map(ToString::to_string).collect();
        let differs = case.differs.iter().flatten().filter(|(mark, _)| *mark != Mark::Same);
        let differs: Vec<String> = differs.map(|(mark, line)| format!("{}{line}", mark.sign())).collect();
        json!({
            "plugin": judged.about.manifest.name,
            "file": case.file,
            "name": played.name,
            "passed": case.failure.is_none(),
            "failure": case.failure,
            "differs": differs,
            "transcript": lines,
            "most_fuel": played.most_fuel,
            "fuel_by_step": played.fuel,
            "ran": played.ran.get(&judged.about.manifest.name),
            "never_ran_in_any": judged.never_ran(),
            "wrote": case.wrote,
        })
    };
    cases.map(one).collect()
}

/// The results as JUnit's XML: a suite a plugin, a case a scenario. There are no times: a scenario has a clock of its own.
pub(super) fn junit(judged: &[Judged]) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for one in judged {
        let name = escaped(&one.about.manifest.name);
        let failed = one.cases.iter().filter(|case| case.failure.is_some()).count();
        xml.push_str(&format!("  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failed}\">\n", one.cases.len()));
        for case in &one.cases {
            let shown = escaped(&format!("{}: {}", case.file, case.played.name));
            let path = escaped(&case.path.display().to_string());
            xml.push_str(&format!("    <testcase classname=\"{name}\" name=\"{shown}\" file=\"{path}\""));
            let Some(failure) = &case.failure else {
                xml.push_str("/>\n");
                continue;
            };
            let lines = case.differs.clone().unwrap_or_else(|| marked(case));
            let lines: String = lines.iter().map(|(mark, line)| format!("{} {line}\n", mark.sign())).collect();
            let first = escaped(failure.lines().next().unwrap_or_default());
            let all = escaped(&format!("{failure}\n{lines}"));
            xml.push_str(&format!(">\n      <failure message=\"{first}\">{all}</failure>\n    </testcase>\n"));
        }
        for word in one.never_ran() {
            xml.push_str(&format!("    <system-out>{}</system-out>\n", escaped(&format!("{word} never ran"))));
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

/// A text as XML may have it: what it may not have at all becomes a question mark.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(char),
            '\u{fffe}' | '\u{ffff}' => escaped.push('?'),
            char if char.is_control() => escaped.push('?'),
            char => escaped.push(char),
        }
    }
    escaped
}

/// Colours, on a terminal.
struct Paint(bool);

impl Paint {
    fn new() -> Self {
        Self(std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none())
    }

    fn red(&self, text: &str) -> String {
        if self.0 { format!("\x1b[31m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn green(&self, text: &str) -> String {
        if self.0 { format!("\x1b[32m{text}\x1b[0m") } else { text.to_owned() }
    }
}
