//! Mails that were really sent, with what must come out of them. They are not part of this repository: where the folder is
//! missing this says so and checks nothing.

use std::path::Path;

use serde_json::Value;

use crate::read;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/payloads/email");

#[test]
fn mails_that_were_really_sent_are_understood() {
    // A worktree lies one folder deeper than a checkout.
    let folders = [FOLDER.to_owned(), FOLDER.replace("/../../../", "/../../../../")];
    let Some(folder) = folders.iter().map(Path::new).find(|folder| folder.is_dir()) else {
        println!("skipped: there is no {FOLDER}");
        return;
    };
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let body = file["body"].as_str().unwrap();
        let raw = match file["body_encoding"].as_str() {
            Some("base64") => mail_parser::decoders::base64::base64_decode(body.as_bytes()).unwrap(),
            _ => body.as_bytes().to_vec(),
        };
        check(&raw, &file["expect"], &path.display().to_string());
        count += 1;
    }
    assert!(count > 0, "{} is empty", folder.display());
}

fn check(raw: &[u8], expect: &Value, name: &str) {
    let mail = read(raw);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let ids = &expect["ids"];
    assert_eq!(mail.message_id, text(&ids["message_id"]), "{name}: message_id");
    assert_eq!(mail.in_reply_to, text(&ids["in_reply_to"]), "{name}: in_reply_to");
    assert_eq!(mail.subject, text(&expect["subject"]), "{name}: subject");
    assert_eq!(mail.machine.is_some(), expect["automatic"] == true, "{name}: automatic");
    if let Some(at) = text(&expect["occurred_at"]["at"]) {
        assert_eq!(mail.date, Some(at), "{name}: date");
    }
    let to: Vec<&str> = mail.to.iter().map(|one| one.address.as_str()).collect();
    let expected: Vec<&str> = expect["to"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    assert_eq!(to, expected, "{name}: to");
    if let Some(references) = ids["references"].as_array() {
        let expected: Vec<&str> = references.iter().filter_map(Value::as_str).collect();
        assert_eq!(mail.references, expected, "{name}: references");
    }
    let attachments: Vec<(Option<&str>, &str)> =
        mail.attachments.iter().map(|one| (one.name.as_deref(), one.content_type.as_str())).collect();
    let expected = expect["attachments"].as_array().cloned().unwrap_or_default();
    if expect["is_bounce"] == true {
        let bounce = mail.bounce.unwrap_or_else(|| panic!("{name}: no bounce"));
        assert_eq!(Some(bounce.recipient), text(&expect["bounce"]["recipient"]), "{name}");
        assert_eq!(bounce.status, text(&expect["bounce"]["status"]), "{name}");
        assert_eq!(Some(bounce.action), text(&expect["bounce"]["action"]), "{name}");
        assert_eq!(bounce.message_id, text(&expect["original_message_id"]), "{name}");
        let diagnostic = bounce.diagnostic.unwrap_or_default();
        assert!(
            diagnostic.contains(expect["bounce"]["diagnostic"].as_str().unwrap_or_default()),
            "{name}: {diagnostic}"
        );
        if let Some(permanent) = expect["bounce"]["permanent"].as_bool() {
            assert_eq!(bounce.permanent, permanent, "{name}");
        }
        return;
    }
    assert_eq!(mail.bounce, None, "{name}: bounce");
    let from = mail.from.unwrap_or_default();
    assert_eq!(Some(from.address), text(&expect["customer"]["email"]), "{name}: from");
    assert_eq!(from.name, text(&expect["customer"]["name"]), "{name}: name");
    assert_eq!(mail.words.text, text(&expect["text"]).unwrap_or_default().replace("\r\n", "\n").trim(), "{name}: text");
    let expected: Vec<(Option<&str>, &str)> =
        expected.iter().map(|one| (one["name"].as_str(), one["content_type"].as_str().unwrap_or_default())).collect();
    assert_eq!(attachments, expected, "{name}: attachments");
}
