//! What is new in a mail and what it only quotes.

use crate::{cut, cut_parsed};

/// Each as it is written, and what is new in it.
const TEXTS: &[(&str, &str)] = &[
    // Announcements in the four languages, with marks before the quotation, wrapped, and without.
    ("Yes, please.\n\nOn Mon, Nov 2, 2026 at 6:26 PM, Clinic <c@example.com> wrote:\n\n> Shall we?\n", "Yes, please."),
    (
        "Ja, gern.\n\nAm Mo., 2. Nov. 2026 um 18:26 Uhr schrieb Praxis <\npraxis@example.com>:\n\n> Passt es?\n",
        "Ja, gern.",
    ),
    ("Oui.\n\nLe lun. 2 nov. 2026 à 18:26, Clinique <c@example.com> a écrit :\n\n> Ça va ?\n", "Oui."),
    ("Sí.\n\nEl lun, 2 nov 2026 a las 18:26, Clínica (<c@example.com>) escribió:\n\n> ¿Le va bien?\n", "Sí."),
    ("Yes.\n\nOn 2 Nov 2026, at 18:26, Clinic <c@example.com> wrote:\n\nShall we say Monday?\n\nYour clinic", "Yes."),
    ("Ja.\n\nPraxis <praxis@example.com> schrieb am Mo., 2. Nov. 2026, 18:26:\n> Passt es?", "Ja."),
    ("Yes.\n\n2026/11/2 Clinic <c@example.com>\n> Shall we?", "Yes."),
    // Outlook, in several languages.
    ("Yes.\n\n-----Original Message-----\nFrom: Clinic\nSent: Monday\nTo: Anna\nSubject: Visit\n\nShall we?", "Yes."),
    ("Ja.\n\n-----Ursprüngliche Nachricht-----\nVon: Praxis\nGesendet: Montag\n\nPasst es?", "Ja."),
    (
        "Ja.\n\nVon: Praxis <p@example.com>\nGesendet: Montag, 2. November 2026\nAn: Anna\nBetreff: Termin\n\nPasst es?",
        "Ja.",
    ),
    (
        "Oui.\n________________________________\nDe : Clinique\nEnvoyé : lundi\nÀ : Anna\nObjet : Visite\n\nÇa va ?",
        "Oui.",
    ),
    ("Sí.\n\n*De:* Clínica\n*Enviado:* lunes\n*Para:* Ana\n*Asunto:* Cita\n\n¿Le va bien?", "Sí."),
    ("See below.\n\n---------- Forwarded message ---------\nFrom: Shop\n\nYour parcel", "See below."),
    ("My answer.\n\n##- Please type your reply above this line -##\n\nTicket 7", "My answer."),
    // Answers below and between what is quoted.
    (
        "On 2 Nov 2026 at 18:26 Clinic <c@example.com> wrote:\n> Monday?\nYes.\n> At ten?\nBetter eleven.",
        "Yes.\nBetter eleven.",
    ),
    ("> Monday?\n\nYes.\n\n-- \nAnna\n+49 151 000", "Yes."),
    // Signatures and what mail programs add.
    ("It is late.\n\n-- \nAnna Muster\nMusterweg 1", "It is late."),
    ("It is late.\n--\nAnna", "It is late."),
    ("It is late.\n\nSent from my iPhone", "It is late."),
    ("Zu spät.\n\nVon meinem iPhone gesendet", "Zu spät."),
    ("Zu spät.\n\nGesendet mit der GMX Mail App", "Zu spät."),
    (
        "Trop tard.\n\nEnvoyé de mon iPhone\n\nLe 2 nov. 2026 à 18:26, C <c@example.com> a écrit :\n\n> Ça va ?",
        "Trop tard.",
    ),
    ("Tarde.\n\nEnviado desde mi iPhone", "Tarde."),
    ("Late.\n\nGet Outlook for iOS<https://aka.ms/o0ukef>", "Late."),
    // What people write themselves stays.
    ("On Monday my wife wrote:\nplease move it.\nCan you?", "On Monday my wife wrote:\nplease move it.\nCan you?"),
    (
        "From: Berlin\nTo: Munich\nDate: 2 May\nTwo tickets please",
        "From: Berlin\nTo: Munich\nDate: 2 May\nTwo tickets please",
    ),
    ("Sent from my window, as you wanted", "Sent from my window, as you wanted"),
    (
        "It was sent.\nSent from my old flat last week it never arrived",
        "It was sent.\nSent from my old flat last week it never arrived",
    ),
    ("Von meinem Konto wurde zweimal abgebucht", "Von meinem Konto wurde zweimal abgebucht"),
    ("Two things:\n--\nfirst\n\n\n\nsecond\n--\nno", "Two things:"),
    (
        "Am 3.5.2026 um 10:00 Uhr schrieb ich Ihnen:\nWo ist es?",
        "Am 3.5.2026 um 10:00 Uhr schrieb ich Ihnen:\nWo ist es?",
    ),
    (
        "Hallo,\n\nam 3.5.2026 um 10:00 Uhr schrieb ich:\nWo ist es?",
        "Hallo,\n\nam 3.5.2026 um 10:00 Uhr schrieb ich:\nWo ist es?",
    ),
    ("-- \nAnna", "--\nAnna"),
    ("Price > 50 euros?\nyes", "Price > 50 euros?\nyes"),
];

#[test]
fn what_is_new_is_left() {
    for (written, new) in TEXTS {
        let words = cut(written, None);
        assert_eq!(words.text, *new, "{written}");
        assert!(!words.only_quotes && !words.cut_short, "{written}");
        assert_eq!(cut(&written.replace('\n', "\r\n"), None), words, "{written}");
    }
}

#[test]
fn a_mail_that_only_quotes_says_so() {
    for written in [
        "On Mon, Nov 2, 2026 at 6:26 PM Clinic <c@example.com> wrote:\n> Shall we?",
        "> Shall we?\n> Monday?",
        "---------- Forwarded message ---------\nFrom: Shop <s@example.com>\nSubject: x\n\nYour parcel",
        "-----Original Message-----\nFrom: Clinic\n\nShall we?",
    ] {
        let words = cut(written, None);
        assert_eq!((words.text.as_str(), words.only_quotes), ("", true), "{written}");
        assert_eq!(words.full, written);
    }
    let nothing = cut(" \n", None);
    assert_eq!((nothing.text.as_str(), nothing.only_quotes), ("", false));
}

#[test]
fn html_is_cut_by_its_elements() {
    for (html, new) in [
        (
            "<div dir=ltr>Yes.<br></div><br><div class=\"gmail_quote\"><div dir=ltr class=\"gmail_attr\">On Mon Clinic wrote:<br>\
            </div><blockquote class=\"gmail_quote\">Shall we?</blockquote></div>",
            "Yes.",
        ),
        (
            "<div class=gmail_quote><div class=gmail_attr>On Mon Clinic wrote:</div><blockquote>Monday?</blockquote><div>Yes.</div>\
            <blockquote>At ten?</blockquote><div>Eleven.</div></div>",
            "Yes.\n\nEleven.",
        ),
        (
            "<div>Ja.</div><div id=\"Signature\">Anna<br>Muster GmbH</div><div id=\"appendonsend\"></div><hr><div \
            id=\"divRplyFwdMsg\"><b>Von:</b> Praxis<br></div><div>Passt es?</div>",
            "Ja.",
        ),
        (
            "<p>Ja.</p><div class=\"moz-cite-prefix\">Am 02.11.26 um 18:26 schrieb Praxis:<br></div><blockquote type=cite>\
            <p>Passt es?</p></blockquote><pre class=\"moz-signature\">-- \nAnna</pre>",
            "Ja.",
        ),
        (
            "<p class=MsoNormal>Oui.</p><div><p><b>De :</b> Clinique<br><b>Envoyé :</b> lundi<br><b>À :</b> Anna<br>\
            <b>Objet :</b> Visite</p></div><p>Ça va ?</p>",
            "Oui.",
        ),
        (
            "Yes.<br><br><div class=\"yahoo_quoted\"><div>On Monday, Clinic wrote:</div><div>Shall we?</div></div>",
            "Yes.",
        ),
        ("<div><br></div><div class=gmail_signature>Anna</div>", "Anna"),
        ("<p>1 &lt; 2 &amp; 3</p><script>alert('no')</script><a href=\"http://x\">link</a>", "1 < 2 & 3\n\nlink"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
    ] {
        assert_eq!(cut("", Some(html)).text, new, "{html}");
    }
    let words = cut("", Some("<p>Yes.</p><blockquote>Shall we?</blockquote>"));
    assert_eq!(words.full, "Yes.\n\n> Shall we?");
    assert_eq!(cut("plain", Some("<p>rich</p>")).text, "plain");
}

#[test]
fn what_a_vendor_has_cut_is_taken() {
    let full = "Yes.\n\n> Shall we?";
    for (stripped, new) in [(Some("Yes!\r\n"), "Yes!"), (Some("  "), "Yes."), (None, "Yes.")] {
        let words = cut_parsed(full, None, stripped);
        assert_eq!((words.text.as_str(), words.full.as_str()), (new, full), "{stripped:?}");
    }
    assert_eq!(cut_parsed("", None, Some("Yes.")).full, "Yes.");
}
