//! What of a message its writer did not write: quoted mails, signatures, markup, @names, links and the business's own
//! names.
//!
//! A quoted rant is not the mood of the one who answers it, and a shop named "Love & Hate" is not loved or hated by
//! everybody who names it. Runs once over the text. Never changes what is left: words keep their spelling and order.

use std::borrow::Cow;

use super::Brand;
use crate::domain::words::begins_quote;

/// What the writer wrote themselves.
pub(super) fn own<'a>(text: &'a str, brand: &Brand) -> Cow<'a, str> {
    let mut text = Cow::Borrowed(text);
    if is_markup(&text) {
        text = Cow::Owned(without_markup(&text));
    }
    if text.contains('\n') || text.starts_with('>') {
        text = Cow::Owned(without_quotes(&text));
    }
    if text.contains('@') || text.contains("://") || text.contains("www.") {
        text = Cow::Owned(without_names(&text));
    }
    match brand.hide(&text) {
        Some(hidden) => Cow::Owned(hidden),
        None => text,
    }
}

/// `<p>`, `</b>`, `<!doctype`: but not `<3`.
fn is_markup(text: &str) -> bool {
    text.match_indices('<').any(|(at, _)| begins_tag(text.get(at + 1..).unwrap_or_default())) && text.contains('>')
}

fn begins_tag(rest: &str) -> bool {
    let mut letters = rest.bytes();
    match letters.next() {
        Some(b'/' | b'!') => letters.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'-'),
        Some(first) => first.is_ascii_alphabetic(),
        None => false,
    }
}

/// Elements whose text nobody reads, or that their writer quotes.
const UNREAD: [&str; 5] = ["style", "script", "head", "title", "blockquote"];

/// What a reader of an HTML mail sees, without what it quotes. Tags that end a line in a browser end one here.
fn without_markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut unread: Option<&str> = None;
    let mut rest = text;
    while let Some(at) = rest.find(['<', '&']) {
        let (before, from) = rest.split_at(at);
        if unread.is_none() {
            out.push_str(before);
        }
        let Some(after) = from.get(1..) else { break };
        if from.starts_with('&') {
            let (letter, length) = entity(after);
            if unread.is_none() {
                out.push(letter);
            }
            rest = after.get(length..).unwrap_or_default();
            continue;
        }
        if !begins_tag(after) {
            if unread.is_none() {
                out.push('<');
            }
            rest = after;
            continue;
        }
        let Some(end) = after.find('>') else {
            // A tag that never ends is none.
            if unread.is_none() {
                out.push_str(from);
            }
            return out;
        };
        let tag = after.get(..end).unwrap_or_default();
        let (closes, name) = match tag.strip_prefix('/') {
            Some(name) => (true, name),
            None => (false, tag),
        };
        let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_ascii_lowercase();
        match unread {
            Some(open) if closes && open == name => unread = None,
            None if !closes => unread = UNREAD.into_iter().find(|unread| *unread == name),
            _ => {}
        }
        if matches!(name.as_str(), "p" | "br" | "div" | "li" | "tr" | "td" | "h1" | "h2" | "h3" | "blockquote") {
            out.push('\n');
        }
        rest = after.get(end + 1..).unwrap_or_default();
    }
    if unread.is_none() {
        out.push_str(rest);
    }
    out
}

/// The letter that an entity stands for, and how many bytes of it follow the `&`.
fn entity(after: &str) -> (char, usize) {
    let name = after.get(..after.find(';').filter(|end| *end <= 8).unwrap_or(0)).unwrap_or_default();
    let code = name.strip_prefix('#').and_then(|digits| match digits.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    });
    let letter = match name {
        "nbsp" => ' ',
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" | "rsquo" | "lsquo" => '\'',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "szlig" => 'ß',
        "eacute" => 'é',
        "egrave" => 'è',
        "agrave" => 'à',
        "ccedil" => 'ç',
        "ntilde" => 'ñ',
        _ => match code.and_then(char::from_u32) {
            Some(letter) => letter,
            None => return ('&', 0),
        },
    };
    (letter, name.len() + 1)
}

/// How mail programs sign for those who do not.
const SENT_FROM: [&str; 8] = [
    "sent from my",
    "sent from yahoo",
    "get outlook for",
    "von meinem",
    "gesendet von",
    "envoyé de",
    "envoyé depuis",
    "enviado desde",
];

/// Without quoted lines, what stands below a mail's header, and signatures.
fn without_quotes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.len();
    for line in text.split_inclusive('\n') {
        rest -= line.len();
        let bare = line.trim();
        if bare.starts_with('>') {
            continue;
        }
        if begins_quote(bare) {
            break;
        }
        let head: String = bare.chars().take(20).collect::<String>().to_lowercase();
        if bare.len() < 60 && SENT_FROM.iter().any(|sent| head.starts_with(sent)) {
            break;
        }
        // Its writer's name, and what else stands there, asks for nothing.
        if signs_off(&head, bare) && rest <= SIGNATURE_BYTES {
            break;
        }
        out.push_str(line);
    }
    out
}

/// The most that stands below a formula at the end of a mail, in bytes.
const SIGNATURE_BYTES: usize = 160;

/// Formulas that end a letter and say nothing, at the beginning of a line.
const SIGNS_OFF: [&str; 27] = [
    "regards",
    "kind regards",
    "best regards",
    "warm regards",
    "with kind regards",
    "with best regards",
    "best wishes",
    "best,",
    "many thanks,",
    "cheers,",
    "sincerely",
    "yours",
    "cordially",
    "respectfully",
    "mit freundlichen",
    "freundliche gr",
    "viele grüße",
    "viele gruesse",
    "liebe grüße",
    "beste grüße",
    "gruß",
    "mfg",
    "cordialement",
    "bien à vous",
    "salutations",
    "saludos",
    "atentamente",
];

fn signs_off(head: &str, line: &str) -> bool {
    line.len() < 60 && SIGNS_OFF.iter().any(|formula| head.starts_with(formula))
}

/// Without `@names`, addresses and links.
fn without_names(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for part in text.split_inclusive(char::is_whitespace) {
        let is_name = part.contains("://") || part.starts_with("www.") || part.contains('@') && part.trim() != "@";
        if !is_name {
            out.push_str(part);
            continue;
        }
        // What stands behind it ends a sentence all the same.
        out.extend(part.trim_end().chars().last().filter(|last| matches!(last, '.' | '!' | '?')));
        out.extend(part.chars().last().filter(|last| last.is_whitespace()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_writer_wrote_is_read() {
        let brand = Brand::new(["Happy Returns", "Fury"]);
        for (text, expected) in [
            ("plain", "plain"),
            ("I <3 your cakes & more", "I <3 your cakes & more"),
            ("@HappyLove where is it? https://love.example/x", " where is it? "),
            ("ask anna@example.com. Thanks", "ask . Thanks"),
            ("<p>Where is <b>my</b> order&nbsp;7?</p>", "\nWhere is my order 7?\n"),
            ("<style>.angry{}</style>Hi<br/>there", "Hi\nthere"),
            ("Fine.<blockquote>I hate it</blockquote>", "Fine.\n\n"),
            ("a &bogus; <b", "a &bogus; <b"),
            ("Thanks!\n> you are terrible\n> awful", "Thanks!\n"),
            ("OK\nOn Tue, 3 March 2026 Anna wrote:\n> terrible", "OK\n"),
            ("OK\n-- \nAnger Management Ltd", "OK\n"),
            ("OK\n\nSent from my iPhone", "OK\n\n"),
            ("OK\n-----Original Message-----\nFrom: me", "OK\n"),
            ("He wrote:\nyou are useless", "He wrote:\nyou are useless"),
            ("> only a quote", ""),
            ("the fury of HAPPY returns, Fürÿ!", "the      of              ,       !"),
            ("furyous", "furyous"),
        ] {
            assert_eq!(own(text, &brand).replace('\u{a0}', " "), expected, "{text}");
        }
    }
}
