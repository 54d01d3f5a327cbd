//! Mails that somebody made to break what reads them.

use std::time::{Duration, Instant};

use crate::{ATTACHMENTS, FULL_CHARS, LINE_CHARS, LIST, Mail, TEXT_CHARS, read};

const MEGABYTE: usize = 1 << 20;

fn filled(head: &str, unit: &str, bytes: usize, tail: &str) -> Vec<u8> {
    format!("{head}{}{tail}", unit.repeat(bytes / unit.len())).into_bytes()
}

fn check_limits(mail: &Mail, name: &str) {
    let short = |text: &Option<String>| text.as_ref().is_none_or(|text| text.chars().count() <= LINE_CHARS);
    assert!(short(&mail.subject) && short(&mail.message_id) && short(&mail.in_reply_to), "{name}");
    assert!(mail.words.text.chars().count() <= TEXT_CHARS && mail.words.full.chars().count() <= FULL_CHARS, "{name}");
    assert!(mail.attachments.len() <= ATTACHMENTS && mail.to.len() <= LIST && mail.references.len() <= LIST, "{name}");
    assert!(!mail.words.full.contains('\0') && !mail.words.full.contains('\r'), "{name}");
}

/// Ten megabytes of everything. Optimised, each takes less than a tenth of a second; the limit here is for a busy machine and code
/// that is not optimised, and is passed by what grows faster than its mail.
#[test]
#[expect(clippy::disallowed_methods, reason = "it measures how long reading takes")]
fn ten_megabytes_of_anything_are_read_in_no_time() {
    let from = "From: a@example.com\n";
    let multipart = format!("{from}Content-Type: multipart/mixed; boundary=b\n\n");
    let html = format!("{from}Content-Type: text/html\n\n");
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("text", filled(&format!("{from}\n"), "Hello there, how are you?\n", 10 * MEGABYTE, "")),
        ("one line", filled(&format!("{from}\n"), "Hello there ", 10 * MEGABYTE, "")),
        (
            "an attachment",
            filled(
                &format!(
                    "{multipart}--b\n\nHello\n--b\nContent-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n"
                ),
                "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=\n",
                10 * MEGABYTE,
                "--b--",
            ),
        ),
        ("parts", filled(&multipart, "--b\n\nx\n", 10 * MEGABYTE, "")),
        ("parts in parts", filled(from, "Content-Type: multipart/mixed; boundary=b\n\n--b\n", 10 * MEGABYTE, "")),
        (
            "boundaries that never come",
            filled(&multipart, "--b\nContent-Type: multipart/mixed; boundary=c\n\nx\n", 10 * MEGABYTE, ""),
        ),
        ("mails in mails", filled(from, "Content-Type: message/rfc822\n\n", 10 * MEGABYTE, "")),
        (
            "digests",
            filled(
                &format!("{from}Content-Type: multipart/digest; boundary=b\n\n"),
                "--b\n\nFrom: x@y\n\nhi\n",
                10 * MEGABYTE,
                "",
            ),
        ),
        ("headers", filled(from, "X-A: b\n", 10 * MEGABYTE, "\n\nHello")),
        ("one header", filled(&format!("{from}Subject: "), "=?utf-8?q?=C3=BC?= ", 10 * MEGABYTE, "\n\nHello")),
        ("addresses", filled("To: ", "a@example.com, ", 10 * MEGABYTE, "\n\nHello")),
        ("brackets", filled("To: ", "<(\"", 10 * MEGABYTE, "\n\nHello")),
        ("references", filled("References: ", "<a@b> ", 10 * MEGABYTE, "\n\nHello")),
        ("parameters", filled("Content-Type: text/plain", "; a*1=b", 10 * MEGABYTE, "\n\nHello")),
        ("quotes", filled(&format!("{from}\n"), "> ", 10 * MEGABYTE, "")),
        ("announcements", filled(&format!("{from}\n"), "On 1 May 2026 at 10:00 a@b\n", 10 * MEGABYTE, "")),
        ("header blocks", filled(&format!("{from}\n"), "From: a\n\n\n", 10 * MEGABYTE, "")),
        ("open elements", filled(&html, "<div>", 10 * MEGABYTE, "x")),
        ("closed elements", filled(&html, "<blockquote></div>", 10 * MEGABYTE, "x")),
        ("open tag", filled(&html, "<a b=c ", 10 * MEGABYTE, "")),
        ("comments", filled(&html, "<!--", 10 * MEGABYTE, "")),
        ("entities", filled(&html, "&amp;&lt;&nosuch;", 10 * MEGABYTE, "")),
        ("line breaks", filled(&html, "<br>", 10 * MEGABYTE, "x")),
        ("nothing", vec![0; 10 * MEGABYTE]),
        ("line ends", vec![b'\n'; 10 * MEGABYTE]),
        ("high bytes", vec![0xFF; 10 * MEGABYTE]),
    ];
    for (name, raw) in cases {
        let started = Instant::now();
        let mail = read(&raw);
        let took = started.elapsed();
        println!("{name}: {} ms", took.as_millis());
        check_limits(&mail, name);
        assert!(took < Duration::from_secs(20), "{name}: {took:?}");
    }
}

#[test]
fn deep_nesting_ends_somewhere_and_what_is_above_is_read() {
    let mut raw = String::from("From: a@example.com\n");
    for depth in 0..2_000 {
        raw.push_str(&format!(
            "Content-Type: multipart/mixed; boundary=b{depth}\n\n--b{depth}\n\nlevel {depth}\n--b{depth}\n"
        ));
    }
    let mail = read(raw.as_bytes());
    assert!(mail.words.text.starts_with("level 0\n\nlevel 1\n\n"), "{}", &mail.words.text[..40]);
}

/// Cutting, flipping and repeating what is well-formed: no panic, and the limits hold.
#[test]
fn no_garbage_breaks_it() {
    let seed = format!(
        "From: =?utf-8?b?SsO2cmc=?= <a@example.com>\r\nContent-Type: multipart/report; boundary=out\r\n\r\n{}\r\n--out\r\n\
        Content-Type: text/html; charset=utf-16\r\n\r\n<p class=gmail_quote>On 1 May 2026 wrote:<blockquote>x</p>\r\n--out\r\n\
        Content-Type: message/delivery-status\r\n\r\nFinal-Recipient: rfc822; a@b\r\nStatus: 5.1.1\r\n--out--",
        super::PARTS
    );
    // A small generator: the same bytes at every run.
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % limit as u64) as usize
    };
    for _ in 0..4_000 {
        let mut raw = seed.clone().into_bytes();
        for _ in 0..next(8) {
            let at = next(raw.len().max(1));
            match next(4) {
                0 => raw.truncate(at),
                1 => raw.insert(at.min(raw.len()), [0, b'\n', b'=', b'<', 0xC3, b'"'][next(6)]),
                2 => raw.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << next(8)),
                _ => {
                    let part = raw.get(at..(at + next(60)).min(raw.len())).unwrap_or_default().to_vec();
                    let to = next(raw.len().max(1)).min(raw.len());
                    raw.splice(to..to, part);
                }
            }
        }
        check_limits(&read(&raw), "garbage");
    }
    for raw in
        [&b""[..], b"\n", b"From ", b":", b"\0", b"From: \n", b"Content-Type: multipart/mixed; boundary=\n\n--\n--"]
    {
        check_limits(&read(raw), "scrap");
    }
}
