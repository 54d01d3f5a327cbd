//! HTML to lines, with what its elements say of them: quoted, part of a signature, or the beginning of what was said before.
//!
//! It runs nothing, loads nothing and follows nothing: of the elements only what shows as text remains.

use std::convert::Infallible;

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};

use super::cut::{Kind, LINES, Line};

/// How many open elements an end tag is looked for among.
const LOOK_BACK: usize = 64;

/// Elements that have no content.
const VOID: &[&str] =
    &["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"];
/// Elements whose content does not show.
const HIDDEN: &[&str] = &["head", "script", "style", "title", "template", "noscript", "select", "svg"];
/// Elements that begin a line and end one.
const BLOCK: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "br",
    "center",
    "dd",
    "div",
    "dl",
    "dt",
    "fieldset",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "li",
    "main",
    "ol",
    "p",
    "pre",
    "section",
    "table",
    "tbody",
    "thead",
    "tr",
    "ul",
];
/// Those with an empty line around them.
const PARAGRAPH: &[&str] = &["blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "ul"];
/// Those that end when the next one of the same name begins.
const ONE_AFTER_ANOTHER: &[&str] = &["dd", "dt", "li", "p", "td", "th", "tr"];

/// Classes and ids that mail programs give to what they quote,
const QUOTES: &[&str] =
    &["gmail_attr", "moz-cite-prefix", "protonmail_quote", "tutanota_quote", "yahoo_quoted", "zmail_extra"];
/// to signatures,
const SIGNATURES: &[&str] = &[
    "gmail_signature",
    "gmail_signature_prefix",
    "moz-signature",
    "protonmail_signature_block",
    "applemailsignature",
    "ms-outlook-mobile-signature",
    "signature",
    "x_signature",
];
/// and to the beginning of all that was said before.
const HISTORY: &[&str] = &[
    "appendonsend",
    "divrplyfwdmsg",
    "x_divrplyfwdmsg",
    "outlookmessageheader",
    "olk_src_body_section",
    "mail-editor-reference-message-container",
];

/// What an open element does to the text in it.
#[derive(Debug, Clone, Copy, Default)]
struct Does {
    hides: bool,
    quotes: bool,
    signs: bool,
    keeps_spaces: bool,
}

#[derive(Debug, Default)]
struct Page {
    lines: Vec<Line>,
    line: String,
    /// An empty line is wanted before the next text.
    apart: bool,
    open: Vec<(Vec<u8>, Does)>,
    hidden: usize,
    quoted: usize,
    signed: usize,
    spaced: usize,
    history: bool,
    tag: Vec<u8>,
    tag_does: Does,
    attribute: Vec<u8>,
}

/// The lines that show.
pub fn lines(html: &str) -> Vec<Line> {
    let mut page = Page::default();
    let mut emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, _: Span<()>| -> Option<Infallible> {
        page.take(&event);
        None
    });
    emitter.naively_switch_states(true);
    // The page has taken all of it; no token is left to be given.
    Tokenizer::new_with_emitter(html, emitter).for_each(drop);
    page.end_line();
    page.lines
}

fn is(list: &[&str], name: &[u8]) -> bool {
    list.iter().any(|one| one.as_bytes() == name)
}

impl Page {
    fn take(&mut self, event: &CallbackEvent<'_>) {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.tag = name.to_vec();
                self.tag_does = Does {
                    hides: is(HIDDEN, name),
                    quotes: *name == b"blockquote",
                    signs: false,
                    keeps_spaces: *name == b"pre",
                };
            }
            CallbackEvent::AttributeName { name } => self.attribute = name.to_vec(),
            CallbackEvent::AttributeValue { value } => self.attribute(value),
            CallbackEvent::CloseStartTag { .. } => self.start(),
            CallbackEvent::EndTag { name } => self.end(name),
            CallbackEvent::String { value } if self.hidden == 0 => self.text(&String::from_utf8_lossy(value)),
            _ => {}
        }
    }

    fn attribute(&mut self, value: &[u8]) {
        match self.attribute.as_slice() {
            b"class" | b"id" => {
                let words = value.split(u8::is_ascii_whitespace).take(LOOK_BACK).map(<[u8]>::to_ascii_lowercase);
                for word in words {
                    self.tag_does.quotes |= is(QUOTES, &word);
                    self.tag_does.signs |= is(SIGNATURES, &word);
                    if is(HISTORY, &word) && self.hidden == 0 {
                        self.end_line();
                        self.history = true;
                    }
                }
            }
            b"style" => {
                let style: Vec<u8> =
                    value.iter().filter(|byte| !byte.is_ascii_whitespace()).map(u8::to_ascii_lowercase).collect();
                self.tag_does.hides |= style.windows(12).any(|some| some == b"display:none");
            }
            _ => {}
        }
    }

    fn start(&mut self) {
        let (name, does) = (std::mem::take(&mut self.tag), std::mem::take(&mut self.tag_does));
        if name == b"body" {
            // Whatever of the head was left open ends here.
            while self.close() {}
        }
        if is(ONE_AFTER_ANOTHER, &name) && self.open.last().is_some_and(|(open, _)| *open == name) {
            self.close();
        }
        self.breaks(&name);
        if is(VOID, &name) {
            return;
        }
        if does.quotes || does.signs {
            self.end_line();
        }
        self.hidden += usize::from(does.hides);
        self.quoted += usize::from(does.quotes);
        self.signed += usize::from(does.signs);
        self.spaced += usize::from(does.keeps_spaces);
        if name == b"li" && self.hidden == 0 {
            self.text("- ");
        }
        self.open.push((name, does));
    }

    fn end(&mut self, name: &[u8]) {
        // An end tag has no use for what the start tag before it may have left.
        self.tag_does = Does::default();
        let Some(back) = self.open.iter().rev().take(LOOK_BACK).position(|(open, _)| open == name) else { return };
        for _ in 0..=back {
            self.close();
        }
        self.breaks(name);
    }

    /// Closes the innermost element.
    fn close(&mut self) -> bool {
        let Some((_, does)) = self.open.pop() else { return false };
        if does.quotes || does.signs {
            self.end_line();
        }
        self.hidden -= usize::from(does.hides);
        self.quoted -= usize::from(does.quotes);
        self.signed -= usize::from(does.signs);
        self.spaced -= usize::from(does.keeps_spaces);
        true
    }

    fn breaks(&mut self, name: &[u8]) {
        if self.hidden > 0 {
            return;
        }
        if name == b"br" {
            self.push_line();
        } else if is(BLOCK, name) {
            self.end_line();
            self.apart |= is(PARAGRAPH, name);
        } else if (name == b"td" || name == b"th") && !self.line.is_empty() && !self.line.ends_with(' ') {
            self.line.push(' ');
        }
    }

    fn text(&mut self, text: &str) {
        for char in text.chars() {
            if self.spaced > 0 && char == '\n' {
                self.push_line();
            } else if self.spaced > 0 || !(char.is_whitespace() || char == '\u{200b}' || char == '\u{feff}') {
                if self.apart {
                    self.apart = false;
                    if self.lines.len() < LINES && self.lines.last().is_some_and(|line| !line.text.is_empty()) {
                        let kind = self.kind();
                        self.lines.push(Line { text: String::new(), kind });
                    }
                }
                self.line.push(char);
            } else if !self.line.is_empty() && !self.line.ends_with(' ') {
                self.line.push(' ');
            }
        }
    }

    /// Ends a line that has begun.
    fn end_line(&mut self) {
        if !self.line.trim().is_empty() {
            self.push_line();
        }
        self.line.clear();
    }

    fn push_line(&mut self) {
        if self.lines.len() >= LINES {
            return self.line.clear();
        }
        let kind = self.kind();
        let keep = if self.line == "-- " { self.line.len() } else { self.line.trim_end().len() };
        self.line.truncate(keep);
        self.lines.push(Line { text: std::mem::take(&mut self.line), kind });
    }

    fn kind(&self) -> Kind {
        if self.history {
            Kind::History
        } else if self.quoted > 0 {
            Kind::Quote
        } else if self.signed > 0 {
            Kind::Signature
        } else {
            Kind::Own
        }
    }
}
