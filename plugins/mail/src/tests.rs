//! Mails, and what is read from them.

mod hostile;
mod samples;
mod words;

use super::{Mail, read, read_parsed};

fn mail(head: &str, body: &str) -> Mail {
    read(format!("From: Anna <anna@example.com>\n{head}\n\n{body}").as_bytes())
}

#[test]
fn headers_are_decoded() {
    let mail = read(
        b"From someone Tue Jul  7 22:47:39 2026\r\n\
        From: =?UTF-8?Q?J=C3=B6rg_M=C3=BCller?= <joerg@example.com>\r\n\
        Reply-To: \"M, J\" <home@example.com>\r\n\
        To: team: a@example.com, B <b@example.com>;, undisclosed\r\n\
        Cc: c@example.com (Carla)\r\n\
        Subject: =?iso-8859-1?Q?Gr=FC=DFe?=\r\n =?iso-8859-1?Q?_aus_K=F6ln?=\r\n\
        Date: Mon, 2 Nov 2026 20:21:52 +0100\r\n\
        Message-ID: <one@example.com>\r\n\
        In-Reply-To: <zero@example.com>\r\n\
        References: <first@example.com>\r\n <zero@example.com>\r\n\
        \r\n\
        Hallo\r\n",
    );
    let from = mail.from.unwrap();
    assert_eq!((from.address.as_str(), from.name.as_deref()), ("joerg@example.com", Some("Jörg Müller")));
    let addresses = |list: &[super::Address]| list.iter().map(|one| one.address.clone()).collect::<Vec<_>>().join(" ");
    assert_eq!(addresses(&mail.reply_to), "home@example.com");
    assert_eq!(addresses(&mail.to), "a@example.com b@example.com");
    assert_eq!((addresses(&mail.cc).as_str(), mail.cc[0].name.as_deref()), ("c@example.com", Some("Carla")));
    assert_eq!(mail.subject.as_deref(), Some("Grüße aus Köln"));
    assert_eq!(mail.date.as_deref(), Some("2026-11-02T20:21:52+01:00"));
    assert_eq!(mail.message_id.as_deref(), Some("<one@example.com>"));
    assert_eq!(mail.in_reply_to.as_deref(), Some("<zero@example.com>"));
    assert_eq!(mail.references, ["<first@example.com>", "<zero@example.com>"]);
    assert_eq!((mail.words.text.as_str(), mail.machine, mail.bounce), ("Hallo", None, None));
}

#[test]
fn no_header_gets_a_line_end_or_a_nul() {
    let mail = mail("Subject: a\0b =?utf-8?q?c=0D=0ABcc:_x=00y?=\nMessage-ID: <a b@c>", "x");
    assert_eq!(mail.subject.as_deref(), Some("a b c Bcc: x y"));
    for id in mail.message_id.iter().chain(&mail.references) {
        assert!(!id.contains(|char: char| char.is_whitespace() || char.is_control()), "{id:?}");
    }
}

#[test]
fn charsets_are_read_as_what_they_are_and_not_as_what_they_claim() {
    for (label, bytes, text) in [
        ("utf-8", "Grüße".as_bytes(), "Grüße"),
        ("iso-8859-1", b"Gr\xfc\xdfe", "Grüße"),
        ("us-ascii", "Grüße".as_bytes(), "Grüße"),
        ("us-ascii", b"Gr\xfc\xdfe", "Grüße"),
        ("utf-8", b"Gr\xfc\xdfe", "Grüße"),
        ("iso-8859-1", "Grüße".as_bytes(), "Grüße"),
        ("windows-1252", b"\x8010", "€10"),
        ("nonsense", b"Gr\xfc\xdfe", "Grüße"),
        ("koi8-r", b"\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"),
        ("iso-2022-jp", b"\x1b$B$3$s\x1b(B", "こん"),
        ("gb2312", b"\xc4\xe3\xba\xc3", "你好"),
        ("utf-8", b"Gr\xc3\xbc\xc3\x9fe \xff!", "Grüße \u{fffd}!"),
    ] {
        let mut raw = format!("From: a@example.com\nContent-Type: text/plain; charset={label}\n\n").into_bytes();
        raw.extend_from_slice(bytes);
        assert_eq!(read(&raw).words.text, text, "{label} {bytes:?}");
    }
}

#[test]
fn transfer_encodings_are_undone_even_where_they_are_broken() {
    for (encoding, body, text) in [
        ("quoted-printable", "Gr=C3=BC=C3=9Fe, wr=\note", "Grüße, wrote"),
        ("quoted-printable", "1+1=2, 50=% =C3=BC", "1+1=2, 50=% ü"),
        ("base64", "R3LDvMOf\nZQ==", "Grüße"),
        ("BASE64", "R3LDvMOf!\nZQ", "Grüße"),
        ("x-unknown", "a=3D", "a=3D"),
    ] {
        let head = format!("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: {encoding}");
        assert_eq!(mail(&head, body).words.text, text, "{encoding} {body}");
    }
}

#[test]
fn flowed_lines_are_joined() {
    let body = "This is one \nline, wrapped.\nThis is another.\n\n-- \nAnna\n";
    let text = |head| mail(head, body).words.text;
    assert_eq!(text("Content-Type: text/plain; format=flowed"), "This is one line, wrapped.\nThis is another.");
    assert_eq!(
        text("Content-Type: text/plain; format=flowed; delsp=yes"),
        "This is oneline, wrapped.\nThis is another."
    );
    assert_eq!(text("Content-Type: text/plain"), "This is one\nline, wrapped.\nThis is another.");
}

const PARTS: &str = "preamble
--out
Content-Type: multipart/alternative; boundary=\"in\"

--in
Content-Type: text/plain; charset=utf-8

Plain
--in
Content-Type: multipart/related; boundary=rel

--rel
Content-Type: text/html

<p>Rich</p>
--rel
Content-Type: image/png; name=logo.png
Content-ID: <logo@x>
Content-Disposition: inline
Content-Transfer-Encoding: base64

AAAA
AAAA
--rel--
--in--
--out
Content-Type: APPLICATION/PDF
Content-Disposition: attachment; filename*=utf-8''M%C3%BCller%0D%0A.pdf

12345
--out
Content-Type: message/rfc822

From: other@example.com
Subject: inside

--in--
nothing of this is read
--out
Content-Type: text/plain

More below.
--out--
epilogue
";

#[test]
fn attachments_are_listed_and_the_best_text_is_taken() {
    let mail = mail("Content-Type: multipart/mixed; boundary=out", PARTS);
    assert_eq!(mail.words.text, "Plain\n\nMore below.");
    let listed: Vec<_> = mail
        .attachments
        .iter()
        .map(|one| {
            (one.name.as_deref(), one.content_type.as_str(), one.size_bytes, one.inline, one.content_id.as_deref())
        })
        .collect();
    assert_eq!(
        listed,
        [
            (Some("logo.png"), "image/png", 6, true, Some("logo@x")),
            (Some("Müller .pdf"), "application/pdf", 5, false, None),
            (None, "message/rfc822", 71, false, None),
        ]
    );
}

#[test]
fn a_mail_of_html_only_and_one_with_an_empty_plain_text_are_read() {
    let html = "<html><head><title>no</title><style>p { color: red }</style></head><body><p>Hello,<br>the vase&nbsp;is \
        <b>broken</b>.</p><div style=\"display: none\">hidden</div><ul><li>one<li>two</ul></body></html>";
    let text = "Hello,\nthe vase is broken.\n\n- one\n- two";
    assert_eq!(mail("Content-Type: text/html", html).words.text, text);
    let both = format!("--x\nContent-Type: text/plain\n\n \n--x\nContent-Type: text/html\n\n{html}\n--x--");
    assert_eq!(mail("Content-Type: multipart/alternative; boundary=x", &both).words.text, text);
}

#[test]
fn a_report_says_who_did_not_get_what() {
    let report = |fields: &str| {
        let body = format!(
            "--r\n\nIt could not be delivered.\n--r\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\n{fields}\n\
            --r\nContent-Type: text/rfc822-headers\n\nSubject: lost\nMessage-ID: <lost@example.com>\n\n--r--\n"
        );
        let mail =
            mail("Return-Path: <>\nContent-Type: multipart/report; report-type=delivery-status; boundary=r", &body);
        assert!(mail.machine.is_some());
        mail.bounce.unwrap()
    };
    let bounce = report(
        "Final-Recipient: rfc822; gone@example.net\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no\n  such user\n",
    );
    assert_eq!((bounce.recipient.as_str(), bounce.action.as_str()), ("gone@example.net", "failed"));
    assert_eq!((bounce.status.as_deref(), bounce.permanent), (Some("5.1.1"), true));
    assert_eq!(bounce.diagnostic.as_deref(), Some("550 no such user"));
    assert_eq!(bounce.message_id.as_deref(), Some("<lost@example.com>"));
    let late = report("Final-Recipient: rfc822;slow@example.net\nAction: delayed\nStatus: 4.4.1 (timeout)\n");
    assert_eq!((late.action.as_str(), late.status.as_deref(), late.permanent), ("delayed", Some("4.4.1"), false));
    let full = report("Original-Recipient: rfc822;full@example.net\nAction: failed\nStatus: 4.2.2\n");
    assert_eq!((full.recipient.as_str(), full.permanent), ("full@example.net", false));
    let two = report(
        "Final-Recipient: rfc822; ok@example.net\nAction: delivered\nStatus: 2.0.0\n\n\
        Final-Recipient: rfc822; no@example.net\nAction: failed\nStatus: 5.7.1\n",
    );
    assert_eq!(two.recipient, "no@example.net");
}

#[test]
fn bounces_of_no_standard_are_read_as_far_as_they_say_something() {
    let exim = mail(
        "From: Mail Delivery System <Mailer-Daemon@mx.example.org>\nX-Failed-Recipients: gone@example.net",
        "This message was created automatically.\n\n  gone@example.net\n    550 5.1.1 User unknown\n\n\
        ------ This is a copy of the message, including all the headers. ------\n\nMessage-ID: <lost@example.com>\n",
    );
    let bounce = exim.bounce.unwrap();
    assert_eq!((bounce.recipient.as_str(), bounce.status.as_deref()), ("gone@example.net", Some("5.1.1")));
    assert_eq!((bounce.permanent, bounce.message_id.as_deref()), (true, Some("<lost@example.com>")));
    let qmail = read(
        b"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.org\nSubject: failure notice\n\nHi. This is the qmail-send program.\n\n\
        <gone@example.net>:\n451 try later. I'm not going to try again; this message will be retried by nobody.\n",
    );
    let bounce = qmail.bounce.unwrap();
    assert_eq!((bounce.recipient.as_str(), bounce.permanent), ("gone@example.net", false));
    // A person who forwards a bounce has not bounced, nor has an absent one who has an empty return path.
    let forwarded = mail("Subject: Fwd: failure notice", "<gone@example.net>:\n550 no\n");
    assert_eq!((forwarded.machine, forwarded.bounce), (None, None));
    let absent = mail("Return-Path: <>\nAuto-Submitted: auto-replied", "I am away. Write to\nben@example.com\n");
    assert_eq!((absent.machine.is_some(), absent.bounce), (true, None));
}

#[test]
fn what_tells_of_a_machine_is_handed_on() {
    let mail = mail("auto-submitted: no\nAuto-Submitted: auto-replied\nReceived: x\nPrecedence:\n bulk", "away");
    let headers: Vec<(&str, &str)> = mail.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        headers,
        [("auto-submitted", "auto-replied"), ("from", "Anna <anna@example.com>"), ("precedence", "bulk")]
    );
    assert!(mail.machine.is_some());
}

#[test]
fn a_mail_that_a_vendor_took_apart_is_read_the_same() {
    let headers = [
        ("From", "\"Anna M\" <anna+x@example.com>"),
        ("To", "Shop <shop@example.com>, other@example.com"),
        ("Subject", "Hello\r\nBcc: x"),
        ("Bad name", "x"),
        ("Message-Id", "<one@example.com>"),
        ("Content-Type", "multipart/mixed; boundary=\"b\""),
    ];
    let mail = read_parsed(headers, "Yes.\n\n> Shall we?", Some("<p>Yes.</p>"), None);
    assert_eq!(mail.from.unwrap().address, "anna+x@example.com");
    assert_eq!(mail.to.len(), 2);
    assert_eq!(
        (mail.subject.as_deref(), mail.message_id.as_deref()),
        (Some("Hello Bcc: x"), Some("<one@example.com>"))
    );
    assert_eq!((mail.words.text.as_str(), mail.attachments.len(), mail.machine), ("Yes.", 0, None));
    assert_eq!(read_parsed([], "Yes.", None, None).words.text, "Yes.");
}
