//! What a language's runtime prints when an exception ends a run, made readable: the exception's text and stack with the author's
//! own files and lines, without what the runtime says of itself.

/// How lines begin that only tell of the runtime.
const OF_THE_RUNTIME: [&str; 4] = [
    "thread '<unnamed>'",
    "note: run with `RUST_BACKTRACE=",
    "Python function threw an unexpected exception",
    "Failed to call '",
];

/// What was printed, as an author reads it.
pub(super) fn readable(printed: &str) -> String {
    let (before, exception, after) = javascript(printed).unwrap_or((printed, String::new(), ""));
    let own = |line: &&str| !line.trim().is_empty() && !OF_THE_RUNTIME.iter().any(|start| line.starts_with(start));
    let lines = before.lines().chain(exception.lines()).chain(after.lines().filter(|line| *line != ")"));
    // Where the sources were when the component was made: at its root, for Python in a numbered folder there.
    let at_home = |line: &str| line.replace("File \"/0/", "File \"").replace(" (/", " (");
    lines.filter(own).map(at_home).collect::<Vec<_>>().join("\n")
}

/// QuickJS's exception, as its runtime prints it, and what is before and after it.
fn javascript(printed: &str) -> Option<(&str, String, &str)> {
    let (before, rest) = printed.split_once("Exception { message: ")?;
    let before = before.strip_suffix("Value(Exception(\n").unwrap_or(before);
    let (message, rest) = optional(rest)?;
    let (stack, rest) = optional(rest.strip_prefix(", stack: ")?)?;
    let message = message.unwrap_or_else(|| "an exception without words".to_owned());
    Some((before, format!("{message}\n{}", stack.unwrap_or_default()), rest.strip_prefix(" })")?))
}

/// `None` or `Some("text")` at the beginning, and the rest.
fn optional(text: &str) -> Option<(Option<String>, &str)> {
    if let Some(rest) = text.strip_prefix("None") {
        return Some((None, rest));
    }
    let text = text.strip_prefix("Some(\"")?;
    let mut unescaped = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((Some(unescaped), text.get(at + 1..)?.strip_prefix(')')?)),
            '\\' => match chars.next()?.1 {
                'n' => unescaped.push('\n'),
                't' => unescaped.push('\t'),
                'u' => {
                    let digits: String = chars.by_ref().map(|(_, c)| c).skip(1).take_while(|c| *c != '}').collect();
                    unescaped.push(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32).unwrap_or('?'));
                }
                other => unescaped.push(other),
            },
            other => unescaped.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn an_exception_in_javascript_is_its_message_and_stack() {
        let printed = "about to fail\n\nthread '<unnamed>' (1) panicked at crates/runtime/src/interpreter.rs:51:31:\n\
            Failed to call 'handle': Value(Exception(\nException { message: Some(\"no \\\"sugar\\\"\\u{7}\"), stack: Some(\"    at boom \
            (/other.js:3:13)\\n    at handle (/main.js:12:3)\\n\") })\n)\n\
            note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
        let read = "about to fail\nno \"sugar\"\u{7}\n    at boom (other.js:3:13)\n    at handle (main.js:12:3)";
        assert_eq!(readable(printed), read);
    }

    #[test]
    fn an_exception_in_python_is_its_traceback() {
        let printed = "Traceback (most recent call last):\n  File \"/0/app.py\", line 26, in handle\nValueError: no sugar\n\n\
            thread '<unnamed>' (1) panicked at runtime/src/lib.rs:1293:29:\nPython function threw an unexpected exception\n\
            note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
        let read = "Traceback (most recent call last):\n  File \"app.py\", line 26, in handle\nValueError: no sugar";
        assert_eq!(readable(printed), read);
    }

    #[test]
    fn what_is_no_exception_is_left_as_it_is() {
        for printed in ["", "a line\nanother", "Exception { message: Some(\"cut"] {
            assert_eq!(readable(printed), printed);
        }
    }
}
