//! Whether people are read and answered alike however they write: on the labelled texts that ship, and on a business's own
//! history.

use std::process::{Command, Output};

use attune_tests::{Folder, Shop, program, says, text};
use serde_json::{Value, json};

/// Runs `attune audit fairness`.
fn audit(arguments: &[&str], of: Option<&Shop>) -> Output {
    let mut command = Command::new(program());
    command.env_remove("ATTUNE_URL").env_remove("ATTUNE_TOKEN").env_remove("ATTUNE_BUSINESS");
    if let Some(shop) = of {
        command.env("ATTUNE_URL", &shop.server.url).env("ATTUNE_TOKEN", shop.owner.secret());
    }
    command.args(["audit", "fairness"]).args(arguments).output().expect("the program can be started")
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn no_way_of_writing_is_read_far_worse_than_the_others() {
    let output = audit(&[], None);
    let printed = printed(&output);
    assert_eq!(output.status.code(), Some(0), "{printed}");
    assert!(printed.contains("666 labelled texts: 74 situations, each told by every group"), "{printed}");
    let as_json = audit(&["--format", "json"], None);
    let report: Value = serde_json::from_slice(&as_json.stdout).expect("it is JSON");
    let groups: Vec<&str> =
        report["groups"].as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
    let english = ["en-standard", "en-lowercase", "en-misspelt", "en-nonnative", "en-dialect", "en-formal"];
    assert_eq!(groups, [&english[..], &["de", "fr", "es"]].concat());
    // A reader that calls nobody and finds nothing is just to all, and is not meant.
    for line in report["groups"].as_array().unwrap() {
        let share = |measure: &str| line[measure]["share"].as_f64().unwrap();
        assert!(share("escalated") > 0.3 && share("answered") > 0.3, "{line:#}");
    }
}

/// Labelled texts of two groups, of which the second writes what nobody can read.
fn unjust() -> String {
    let line = |group: &str, said: &str| format!("{group}\tchat\tcomplaint\t3\t-1\t0\t{said}\n");
    let angry = "This is outrageous. I have been waiting for three weeks and nobody answers. Unacceptable!";
    line("en", angry).repeat(30) + &line("xx", "blorp zif quen").repeat(30)
}

#[test]
fn a_gap_past_the_limit_fails_and_names_the_group() {
    let folder = Folder::new();
    let file = folder.write("unjust.tsv", unjust());
    let file = file.to_string_lossy();
    let output = audit(&["--file", &file], None);
    let words = printed(&output);
    assert_eq!(output.status.code(), Some(1), "{words}");
    for word in ["PAST THE LIMIT of 15 points", "xx, 100 points fewer than the others", "0/30"] {
        assert!(words.contains(word), "`{word}` is missing: {words}");
    }
    let wrong = folder.write("wrong.tsv", "en\tchat\tpizza\t0\t0\t0\tHello\n");
    for (arguments, code, word) in [
        (vec!["--file", &wrong.to_string_lossy()], 1, "line 1: `pizza` is no intent"),
        (vec!["--file", "nowhere.tsv"], 1, "nowhere.tsv"),
        (vec!["--file", &folder.write("empty.tsv", "").to_string_lossy()], 1, "there is no labelled text"),
        (vec!["--file", &file, "--history"], 2, "cannot be used with"),
        (vec!["--days", "7"], 2, "--history"),
        (vec!["--history", "--days", "0"], 2, "0"),
        (vec!["--history"], 2, "there is no access token"),
    ] {
        let output = audit(&arguments, None);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", printed(&output));
        assert!(printed(&output).contains(word), "{arguments:?}: {}", printed(&output));
    }
    let mixed = Command::new(program()).args(["audit", "--limit", "3", "fairness"]).output().unwrap();
    assert_eq!(mixed.status.code(), Some(2), "{}", printed(&mixed));
}

/// The numbers of a kind: messages, customers, escalated, answered, left.
fn numbers(report: &Value, property: &str, name: &str) -> [u64; 5] {
    let lines = report[property].as_array().unwrap_or_else(|| panic!("{report:#}"));
    let line = lines.iter().find(|line| line["name"] == name).unwrap_or_else(|| panic!("no {name}: {report:#}"));
    let number = |value: &Value| value.as_u64().unwrap();
    let count = |measure: &str| number(&line[measure]["count"]);
    [number(&line["messages"]), number(&line["customers"]), count("escalated"), count("answered"), count("left")]
}

#[test]
fn a_business_sees_what_became_of_its_customers_messages_in_numbers() {
    let shop = Shop::open();
    shop.enable("order-status");
    shop.enable("escalation");
    shop.shipped("chat:ben", "A-4711");
    shop.settled();
    // Anna gets a person, and what she writes to that person is not counted.
    shop.says("chat:anna", "I want to talk to a person.");
    shop.settled();
    let anna = shop.says("chat:anna", "hello? is anybody there xylotrompe");
    let ben = shop.says("chat:ben", "WHERE IS MY ORDER?");
    shop.message(&ben, "an answer to Ben", |message| message["author"] == "automation");
    shop.says("chat:ben", "ok");
    let carla =
        json!({ "text": "Wir haben am Sonntag die neuen Fenster gestrichen", "language": "de-AT", "channel": "email" });
    shop.tell("email:carla@example.com", "attune.message.received.v1", carla);
    shop.settled();
    shop.message(&anna, "what Anna wrote", |message| says(message, "xylotrompe"));

    let report = shop.owner.get("/v1/audit/fairness?days=30").with(200);
    assert_eq!((&report["messages"], &report["customers"]), (&json!(4), &json!(3)), "{report:#}");
    assert_eq!((&report["with_a_person"], &report["is_cut"]), (&json!(1), &json!(false)), "{report:#}");
    for (property, name, expected) in [
        ("channels", "chat", [3, 2, 1, 1, 1]),
        ("channels", "email", [1, 1, 0, 0, 1]),
        ("languages", "de", [1, 1, 0, 0, 1]),
        ("ways", "ordinary", [1, 1, 1, 0, 0]),
        ("ways", "all capitals", [1, 1, 0, 1, 0]),
        ("ways", "few words", [1, 1, 0, 0, 1]),
        ("ways", "no punctuation", [1, 1, 0, 0, 1]),
    ] {
        assert_eq!(numbers(&report, property, name), expected, "{name}: {report:#}");
    }
    // Three people are no groups.
    assert_eq!(report["is_within_limits"], true);
    let compared = report["gaps"].as_array().unwrap().iter().flat_map(|gap| gap["compared"].as_array().unwrap());
    assert!(compared.clone().count() > 4 && compared.into_iter().all(|one| one["is_judged"] == false), "{report:#}");
    for secret in ["xylotrompe", "Fenster", "carla", "cus_", &text(&json!(anna))] {
        assert!(!report.to_string().contains(secret), "{secret}: {report:#}");
    }

    let output = audit(&["--history", "--days", "7"], Some(&shop));
    let words = printed(&output);
    assert_eq!(output.status.code(), Some(0), "{words}");
    for word in ["4 messages of 3 customers", "all capitals", "no two groups are large enough to be compared"] {
        assert!(words.contains(word), "`{word}` is missing: {words}");
    }
    let as_json = audit(&["--history", "--format", "json"], Some(&shop));
    let same: Value = serde_json::from_slice(&as_json.stdout).expect("it is JSON");
    assert_eq!(same["ways"], report["ways"]);
}

#[test]
fn only_the_owner_and_operators_see_it_and_only_their_own() {
    let shop = Shop::open();
    shop.says("chat:anna", "Hello there, how are you?");
    shop.settled();
    let path = "/v1/audit/fairness";
    for role in ["staff", "ingest"] {
        assert_eq!(shop.token(role).get(path).status, 403, "{role}");
    }
    let operator = shop.server.as_operator();
    assert_eq!(operator.get(path).status, 400, "an operator has to say which business");
    assert_eq!(operator.of(&shop.business).get(path).with(200)["messages"], 1);
    assert_eq!(Shop::open().owner.get(path).with(200)["messages"], 0);
    for query in ["days=0", "days=367", "days=x", "dys=3"] {
        assert_eq!(shop.owner.get(&format!("{path}?{query}")).status, 400, "{query}");
    }
}
