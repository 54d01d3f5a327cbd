//! What the owner wants answered: added, imported, searched and said to customers, through HTTP and the command line.

use std::io::Write;
use std::process::{Command, Stdio};

use attune_tests::{Answer, Folder, Shop, pages, program, text};
use serde_json::{Value, json};

const TABLE: &str = "question,answer,language\n\
    When are you open?,Monday to Saturday from 7 to 18.,en\n\
    What are your hours?,Monday to Saturday from 7 to 18.,en\n\
    Where can I park?,Behind the house.,en\n\
    Wo kann ich parken?,Hinter dem Haus.,de\n";

fn import(shop: &Shop, mode: &str, kind: &str, file: &[u8]) -> Answer {
    shop.owner.send("POST", &format!("/v1/knowledge/import?mode={mode}"), &[("content-type", kind)], file)
}

fn put(shop: &Shop, id: &str, seen: Option<&str>, article: &Value) -> Answer {
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(seen.map(|seen| ("if-match", seen)));
    shop.owner.send("PUT", &format!("/v1/knowledge/{id}"), &headers, article.to_string().as_bytes())
}

/// The question that a search is sure of; empty if it is of none.
fn found(shop: &Shop, query: &str) -> String {
    let query = query.replace(' ', "+").replace('?', "%3F");
    let found = shop.owner.get(&format!("/v1/knowledge/search?q={query}")).with(200);
    let best = &found["items"][0];
    if best["score"].as_f64() >= Some(0.5) { text(&best["question"]) } else { String::new() }
}

#[test]
fn an_article_is_added_found_changed_and_deleted() {
    let shop = Shop::open();
    let open = json!({ "id": "hours", "question": "When are you open?", "answer": "From 7 to 18." });
    let added = shop.owner.post("/v1/knowledge", &open);
    assert_eq!((added.status, added.body["revision"].as_u64()), (201, Some(1)), "{}", added.text);
    assert_eq!(shop.owner.post("/v1/knowledge", &open).word("code"), "conflict");
    let search = shop.owner.get("/v1/knowledge/search?q=what+are+your+opening+hours").with(200);
    let best = &search["items"][0];
    assert_eq!((&best["id"], &best["answer"]), (&json!("hours"), &json!("From 7 to 18.")));
    assert!(best["score"].as_f64() > Some(0.5) && best["because"][1]["term"] == "opening", "{search:#}");

    let later = json!({ "question": "When are you open?", "phrasings": ["Your hours?"], "answer": "From 8 to 18." });
    let changed = put(&shop, "hours", Some("\"1\""), &later);
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""), "{}", changed.text);
    assert_eq!(put(&shop, "hours", Some("\"1\""), &open).word("code"), "changed");
    assert_eq!(put(&shop, "hours", None, &later).with(200)["revision"], 2, "what stays the same is no change");
    let one = shop.owner.get("/v1/knowledge/hours").with(200);
    assert_eq!((&one["answer"], &one["phrasings"]), (&json!("From 8 to 18."), &json!(["Your hours?"])));

    let gone = shop.owner.send("DELETE", "/v1/knowledge/hours", &[("if-match", "\"1\"")], b"");
    assert_eq!(gone.word("code"), "changed", "{}", gone.text);
    shop.owner.delete("/v1/knowledge/hours").with(204);
    assert_eq!(shop.owner.get("/v1/knowledge/hours").status, 404);
    assert_eq!(shop.owner.delete("/v1/knowledge/hours").word("code"), "not-found");
    assert_eq!(found(&shop, "When are you open?"), "");
}

#[test]
fn a_file_is_imported_as_a_whole_and_again_changes_nothing() {
    let shop = Shop::open();
    for _ in 0..2 {
        let answer = import(&shop, "add", "text/csv; charset=utf-8", TABLE.as_bytes()).with(200);
        assert_eq!(answer, json!({ "imported": 3, "total": 3 }));
    }
    let all = pages(&shop.owner, "/v1/knowledge?limit=2", "after");
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|article| article["revision"] == 1), "{all:#?}");
    assert_eq!(found(&shop, "are you open?"), "When are you open?");
    assert_eq!(found(&shop, "Wo kann man parken?"), "Wo kann ich parken?");

    let page = "# When are you open?\nAlways.\n\n# Do you deliver?\nYes.\n";
    assert_eq!(import(&shop, "add", "text/markdown", page.as_bytes()).with(200)["total"], 4);
    let broken = import(&shop, "replace", "text/csv", b"question,answer\nOpen?,Never.\nWhere?,\n");
    assert_eq!((broken.status, broken.word("code")), (422, "invalid"), "{}", broken.text);
    assert!(broken.word("detail").contains("line 3: column answer: has 1 to 4096 bytes"), "{}", broken.text);
    assert_eq!(pages(&shop.owner, "/v1/knowledge", "after").len(), 4, "nothing of a broken file is taken");
    assert_eq!(import(&shop, "replace", "text/markdown", page.as_bytes()).with(200)["total"], 2);
    assert_eq!(found(&shop, "where can I park"), "");
}

#[test]
fn what_does_not_fit_is_refused_with_what_to_do() {
    let shop = Shop::open();
    let long = "x".repeat(4_097);
    for (article, path) in [
        (json!({ "question": "", "answer": "a" }), "/question"),
        (json!({ "question": "???", "answer": "a" }), "/question"),
        (json!({ "question": "a", "answer": long }), "/answer"),
        (json!({ "question": "a", "answer": "b", "phrasings": ["!"] }), "/phrasings/0"),
        (json!({ "question": "a", "answer": "b", "language": "?" }), "/language"),
        (json!({ "question": "a", "answer": "b", "id": "search" }), "/id"),
        (json!({ "question": "a", "answer": "b", "reply": "c" }), "/reply"),
        (json!({ "question": "a" }), ""),
    ] {
        let refused = shop.owner.post("/v1/knowledge", &article);
        assert_eq!((refused.status, refused.word("code")), (422, "invalid"), "{article}: {}", refused.text);
        assert_eq!(refused.body["errors"][0]["path"], path, "{article}: {}", refused.text);
    }
    for (mode, kind, file, status, words) in [
        ("add", "application/json", &b"[]"[..], 415, "`Content-Type: text/csv` or `text/markdown`"),
        ("add", "text/csv", b"", 422, "line 1: has no question with an answer"),
        ("add", "text/csv", b"a,b,c\n", 422, "line 1: the first row names no column for the question"),
        ("add", "text/csv", b"question,answer\nOpen?,\xff\n", 422, "line 2: is not UTF-8; save the file as UTF-8"),
        ("add", "text/markdown", b"Hello\n", 422, "line 1: stands before the first question"),
        ("over", "text/csv", b"", 400, "mode"),
    ] {
        let refused = import(&shop, mode, kind, file);
        assert_eq!(refused.status, status, "{}", refused.text);
        assert!(refused.word("detail").contains(words), "{}", refused.text);
    }
    let rows: String = (0..2_001).map(|n| format!("question {n},answer {n}\n")).collect();
    let many = import(&shop, "add", "text/csv", rows.as_bytes());
    assert_eq!(many.status, 422, "{}", many.text);
    assert!(many.word("detail").contains("at most 2000 articles; this would make 2001"), "{}", many.text);
    assert_eq!(shop.owner.get("/v1/knowledge/search?q=a&limit=21").word("code"), "bad-query");
    assert_eq!(shop.owner.get("/v1/knowledge/search").word("code"), "bad-query");
    assert_eq!(shop.token("staff").get("/v1/knowledge").status, 403);
    assert_eq!(pages(&shop.owner, "/v1/knowledge", "after"), [Value::Null; 0]);
}

#[test]
fn what_one_business_knows_another_does_not() {
    let (one, other) = (Shop::open(), Shop::open());
    import(&one, "add", "text/csv", TABLE.as_bytes()).with(200);
    assert_eq!(pages(&other.owner, "/v1/knowledge", "after"), [Value::Null; 0]);
    assert_eq!(found(&other, "When are you open?"), "");
    let id = text(&one.owner.get("/v1/knowledge?limit=1").with(200)["items"][0]["id"]);
    assert_eq!(other.owner.delete(&format!("/v1/knowledge/{id}")).status, 404);
    assert_eq!(other.owner.get(&format!("/v1/knowledge/{id}")).status, 404);
}

#[test]
fn a_customer_is_told_what_the_owner_wrote_and_the_why_says_how() {
    let shop = Shop::open();
    shop.enable("faq");
    import(&shop, "add", "text/csv", TABLE.as_bytes()).with(200);
    let (_, answer) = shop.asks("chat:anna", "Where is the parking?");
    assert!(text(&answer["text"]).starts_with("Behind the house."), "{answer:#}");
    let why = shop.owner.get(&format!("/v1/messages/{}/why", text(&answer["id"]))).with(200);
    let sentences = why["sentences"].to_string();
    assert!(sentences.contains("looked into the answers of the business"), "{sentences}");
    let calls = &why["entries"][0]["runs"][0]["calls"];
    let search = calls.as_array().unwrap().iter().find(|call| call["call"] == "knowledge.search").unwrap();
    assert_eq!(search["result"][0][2][0]["term"], "parking", "{search:#}");
    // Changed once, it is the new one that is said.
    let id = text(&search["result"][0][0]);
    put(&shop, &id, None, &json!({ "question": "Where can I park?", "answer": "In the yard." })).with(200);
    let (_, answer) = shop.asks("chat:anna", "where can I park?");
    assert!(text(&answer["text"]).starts_with("In the yard."), "{answer:#}");
}

/// Runs `attune knowledge` with something on standard input; gives its code and what it printed.
fn attune(arguments: &[&str], environment: &[(&str, &str)], input: &[u8]) -> (i32, String, String) {
    let mut child = Command::new(program())
        .arg("knowledge")
        .args(arguments)
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    let mut pipe = child.stdin.take().expect("a pipe");
    // Whoever ends at once reads nothing.
    let _ = pipe.write_all(input);
    drop(pipe);
    let output = child.wait_with_output().expect("it ends");
    let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), words(&output.stdout), words(&output.stderr))
}

#[test]
fn on_the_command_line_each_question_gets_a_line() {
    let folder = Folder::new();
    let file = folder.write("answers.csv", TABLE);
    let file = file.to_str().unwrap();
    let mut input = b"when do you open?\n\n\xff\xfe parking\n\0\nasdf qwer\n".to_vec();
    input.extend("not good ".repeat(120_000).as_bytes());
    input.extend(b"\nWo kann ich parken?");
    let (code, out, err) = attune(&["search", "--file", file, "--limit", "2"], &[], &input);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<(&str, bool)> = lines
        .iter()
        .map(|line| (line["answers"][0]["answer"].as_str().unwrap_or(""), line["sure"].as_bool().unwrap()))
        .collect();
    let hours = "Monday to Saturday from 7 to 18.";
    assert_eq!(
        [&told[..2], &told[3..5], &told[6..]].concat(),
        [(hours, true), ("", false), ("", false), ("", false), ("Hinter dem Haus.", true)],
        "{out}"
    );
    assert_eq!(told[2].0, "Behind the house.");
    assert!(lines.iter().all(|line| line["answers"].as_array().unwrap().len() <= 2));
    let scores: Vec<f64> = lines[0]["answers"].as_array().unwrap().iter().filter_map(|a| a["score"].as_f64()).collect();
    assert!(scores.is_sorted_by(|one, other| one >= other) && !scores.is_empty(), "{scores:?}");
}

#[test]
fn on_the_command_line_files_that_do_not_fit_are_named() {
    let folder = Folder::new();
    for (name, content, code, words) in [
        ("answers.txt", "question,answer\na,b\n", 1, "answers.txt: is neither .csv nor .md"),
        ("none.csv", "a,b,c\n", 1, "line 1: the first row names no column"),
        ("empty.md", "", 1, "line 1: has no question with an answer"),
        ("some.csv", "question,answer\n?,x\nOpen?,9 to 5\n", 0, "line 2: column question: has 1 to 500 bytes"),
    ] {
        let file = folder.write(name, content);
        let (ended, out, err) = attune(&["search", "--file", file.to_str().unwrap()], &[], b"open?\n");
        assert_eq!(ended, code, "{name}: {out}{err}");
        assert!(err.contains(words), "{name}: {err}");
    }
    let (code, _, err) = attune(&["search", "--file", "nowhere.csv"], &[], b"");
    assert_eq!(code, 1);
    assert!(err.contains("nowhere.csv"), "{err}");
}

#[test]
fn a_file_is_imported_from_the_command_line() {
    let shop = Shop::open();
    let folder = Folder::new();
    let file = folder.write("faq.md", "# Do you deliver?\nYes.\n");
    let file = file.to_str().unwrap();
    let operator = [("ATTUNE_URL", shop.server.url.as_str()), ("ATTUNE_TOKEN", shop.server.operator.as_str())];
    let arguments = ["import", "--business", &shop.business, "--file", file, "--mode", "replace"];
    let (code, out, err) = attune(&arguments, &operator, b"");
    assert_eq!((code, out.trim()), (0, "1 answers imported, 1 in all"), "{err}");
    assert_eq!(found(&shop, "do you deliver"), "Do you deliver?");
    let wrong = folder.write("faq.csv", "question,answer\nOpen?,\n");
    let owner = [("ATTUNE_URL", shop.server.url.as_str()), ("ATTUNE_TOKEN", shop.owner.secret())];
    let (code, _, err) = attune(&["import", "--file", wrong.to_str().unwrap()], &owner, b"");
    assert_eq!(code, 1);
    assert!(err.contains("line 2: column answer"), "{err}");
}
