//! Reading an author's TOML files: what is wrong is told with file, line and column, and with what was probably meant.

use std::path::Path;

use anyhow::{Result, anyhow};
use serde::de::DeserializeOwned;

use crate::domain::nearest::nearest;

/// Reads a TOML file's text as a type.
///
/// # Errors
/// `FILE:LINE:COLUMN: what is wrong`, with the line itself below.
pub fn read<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T> {
    toml::from_str(text).map_err(|error| {
        let words = plainly(error.message());
        let Some(span) = error.span() else { return anyhow!("{}: {words}", path.display()) };
        let (line, column) = line_and_column(text, span.start);
        let source = text.lines().nth(line - 1).unwrap_or_default().trim_end();
        anyhow!("{}:{line}:{column}: {words}\n    {}", path.display(), source.trim_start())
    })
}

/// Line and column of a byte in a text, from 1; the column counts characters.
pub fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// What serde says of a name that it does not know, shorter and with the nearest one that it does.
fn plainly(message: &str) -> String {
    for (start, what) in [("unknown field ", "key"), ("unknown variant ", "value")] {
        let Some((name, known)) = message.strip_prefix(start).and_then(|rest| rest.split_once(", ")) else { continue };
        let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        let meant = nearest(name.trim_matches('`'), known.iter().copied());
        return match meant {
            Some(meant) => format!("unknown {what} {name}; did you mean `{meant}`?"),
            None => format!("unknown {what} {name}; there are: {}", known.join(", ")),
        };
    }
    message.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Step {
        #[serde(rename = "says")]
        _says: Option<String>,
        #[serde(rename = "wait")]
        _wait: Option<String>,
    }

    #[test]
    fn a_mistake_has_its_place_and_what_was_meant() {
        let told = |text: &str| read::<Step>(Path::new("a.toml"), text).unwrap_err().to_string();
        assert_eq!(
            told("wait = \"1d\"\n  sasy = \"Hi\""),
            "a.toml:2:3: unknown key `sasy`; did you mean `says`?\n    sasy = \"Hi\""
        );
        assert_eq!(told("colour = 1"), "a.toml:1:1: unknown key `colour`; there are: says, wait\n    colour = 1");
        assert_eq!(told("says = 1"), "a.toml:1:8: invalid type: integer `1`, expected a string\n    says = 1");
        assert!(told("says = \"Hi").starts_with("a.toml:1:"), "{}", told("says = \"Hi"));
    }
}
