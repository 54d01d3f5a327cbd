//! The command line: what it prints, for people and for scripts, and with which code it ends. 0 is done, 1 did not work, 2 is
//! a wrong argument.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use attune_tests::{Folder, Shop, cache_folder, event, plugin_file, program, repository, says, text, until};
use serde_json::{Value, json};

/// What a command printed, and its exit code.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// What it printed as JSON, if it ended well.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:#?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// Checks code and words.
    #[track_caller]
    pub fn fits(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{self:#?}");
        for word in words {
            assert!(self.out.contains(word) || self.err.contains(word), "`{word}` is missing: {self:#?}");
        }
    }
}

/// Runs the program with nothing known of any server.
pub fn plain() -> Command {
    let mut command = Command::new(program());
    for name in ["ATTUNE_URL", "ATTUNE_TOKEN", "ATTUNE_BUSINESS", "ATTUNE_DATA", "ATTUNE_LISTEN", "ATTUNE_SMTP"] {
        command.env_remove(name);
    }
    command.env("XDG_CACHE_HOME", cache_folder());
    command.current_dir(repository());
    command
}

/// Runs it as the owner of a shop.
pub fn of(shop: &Shop) -> Command {
    let mut command = plain();
    command.env("ATTUNE_URL", &shop.server.url).env("ATTUNE_TOKEN", shop.owner.secret());
    command
}

pub fn run(mut command: Command, arguments: &[&str], input: &str) -> Ran {
    let mut child = command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    // A command that does not read its input may be gone before it is written.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let words = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it prints UTF-8");
    Ran { code: output.status.code().unwrap_or(-1), out: words(output.stdout), err: words(output.stderr) }
}

pub fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[test]
fn events_are_sent_from_files_with_their_times_filled_in() {
    let shop = Shop::open();
    let folder = Folder::new();
    let booked = json!({
        "specversion": "1.0", "id": "booked", "source": "calendar", "type": "attune.appointment.booked.v1",
        "time": "{now}",
        "data": {
            "customer": { "addresses": ["chat:anna"] },
            "appointment": { "id": "a1", "service": "Dental check", "starts": "{now+3d}" }
        }
    });
    let file = folder.write("booked.json", booked.to_string());
    run(of(&shop), &["event", &path(&file)], "").fits(0, &["accepted evt_", " cus_"]);

    // Standard input, several at once, each with a fresh id, and as JSON.
    let said = |words: &str| {
        let mut said = event("attune.message.received.v1", json!({ "text": words }));
        said["id"] = json!("{new}");
        said["data"]["customer"] = json!({ "addresses": ["chat:anna"] });
        said
    };
    let both = json!([said("one"), said("two")]).to_string();
    let results = run(of(&shop), &["event", "-", "--format", "json"], &both).json()["results"].take();
    assert_eq!((&results[0]["status"], &results[1]["status"]), (&json!("accepted"), &json!("accepted")));
    let customer = text(&results[0]["customer"]);
    shop.message(&customer, "the second message", |message| says(message, "two"));
    run(of(&shop), &["event", "-"], &both).fits(0, &["accepted"]);

    // One that is refused does not keep the others out, and is an error all the same.
    let mixed = json!([said("three"), { "specversion": "1.0", "id": "x", "source": "s" }]).to_string();
    run(of(&shop), &["event", "-"], &mixed).fits(1, &["accepted evt_", "refused", "`type` is missing"]);
    run(of(&shop), &["event", "-"], "{").fits(1, &["error: -: "]);
    run(of(&shop), &["event", "nowhere.json"], "").fits(1, &["error: nowhere.json: "]);
}

#[test]
fn the_sample_events_are_taken_as_they_are() {
    let shop = Shop::open();
    let mut files: Vec<String> = std::fs::read_dir(repository().join("examples/events"))
        .unwrap()
        .map(|entry| path(&entry.unwrap().path()))
        .collect();
    files.sort();
    let arguments: Vec<&str> = ["event"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let ran = run(of(&shop), &arguments, "");
    ran.fits(0, &["accepted evt_"]);
    assert_eq!(ran.out.lines().filter(|line| line.starts_with("accepted ")).count(), files.len(), "{ran:#?}");
}

#[test]
fn a_plugin_is_set_up_from_the_command_line() {
    let shop = Shop::open();
    let file = path(&plugin_file("order-status"));
    let plugin = |arguments: &[&str]| {
        let arguments: Vec<&str> = ["plugin"].into_iter().chain(arguments.iter().copied()).collect();
        run(of(&shop), &arguments, "")
    };
    let now = || shop.owner.get("/v1/plugins/order-status").body;
    plugin(&["install", &file]).fits(1, &["409", "is not signed", "--accept-unsigned"]);
    plugin(&["install", &file, "--accept-unsigned"])
        .fits(0, &["order-status 0.1.0 (off)", "not signed; you said yes", "asks for: business, handoff, message"]);
    plugin(&["enable", "order-status"]).fits(1, &["409", "needs grants first", "order-claims"]);
    plugin(&["grant", "order-status", "message", "orders"]).fits(0, &["may: message, orders", "asks for: business"]);
    plugin(&["grant", "order-status", "tally"]).fits(1, &["422", "tally"]);
    plugin(&["enable", "order-status", "--grant-all"]).fits(0, &["order-status 0.1.0 (on)", "may: business, handoff"]);
    assert_eq!((&now()["runs"], &now()["ungranted"]), (&json!(true), &json!([])));
    plugin(&["settings", "order-status", r#"{"write_when":["delayed"]}"#]).fits(0, &["order-status"]);
    assert_eq!(now()["settings"], json!({ "write_when": ["delayed"] }));
    plugin(&["settings", "order-status", r#"{"write_when":["lost"]}"#]).fits(1, &["422", "write_when", "lost"]);
    plugin(&["settings", "order-status", "{"]).fits(1, &["the settings are not JSON"]);
    plugin(&["order", "order-status", "7"]).fits(0, &["order 7"]);
    plugin(&["install", &file, "--name", "another", "--accept-unsigned"]).fits(0, &["another 0.1.0 (off)"]);
    plugin(&["list"]).fits(0, &["order-status 0.1.0 (on), order 7", "another 0.1.0 (off)"]);
    let listed = plugin(&["list", "--format", "json"]).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    assert_eq!(plugin(&["show", "another", "--format", "json"]).json()["name"], "another");
    plugin(&["show", "another"]).fits(0, &["another 0.1.0 (off)"]);
    plugin(&["disable", "order-status"]).fits(0, &["order-status 0.1.0 (off)"]);
    plugin(&["remove", "another"]).fits(0, &["another is removed"]);
    plugin(&["remove", "another"]).fits(1, &["404"]);
    plugin(&["show", "another"]).fits(1, &["404", "no plugin `another`"]);
    let text_file = Folder::new();
    let text_file = text_file.write("order-status.wasm", "Dear Attune");
    plugin(&["install", &path(&text_file), "--name", "x"]).fits(1, &["not a WebAssembly component"]);
    plugin(&["install", "nowhere.wasm"]).fits(1, &["nowhere.wasm"]);
}

#[test]
fn why_is_told_on_the_command_line() {
    let shop = Shop::open();
    shop.enable("order-status");
    let customer = shop.shipped("chat:anna", "#1001");
    let news = shop.message(&customer, "the news", |message| says(message, "#1001"));
    let id = text(&news["id"]);
    run(of(&shop), &["why", &id], "")
        .fits(0, &["an order was shipped, as `test` told", "The plugin order-status", "sent by chat"]);
    let told = run(of(&shop), &["why", &id, "--format", "json"], "").json();
    assert!(told["sentences"].is_array() && told["entries"].is_array(), "{told:#}");
    assert_eq!((&told["decisions"][0]["rule"], &told["decisions"][0]["message"]), (&json!("clear"), &json!(id)));
    run(of(&shop), &["why", &id, "--language", "de"], "").fits(
        0,
        &[
            "wurde eine Bestellung versandt, gemeldet von `test`. Das ist Eintrag evt_",
            "Das Plugin order-status (Version 0.1.0) hat diese Nachricht",
            "Als sie geschrieben wurde, sprach nichts gegen den Versand: kein Stopp",
            "per Chat gesendet.",
        ],
    );
    run(of(&shop), &["why", &id, "--language", "es"], "")
        .fits(0, &["se envió un pedido, según `test`", "Se envió por chat"]);
    let german = run(of(&shop), &["why", &id, "--language", "de", "--format", "json"], "").json();
    assert!(text(german["sentences"].as_array().unwrap().last().unwrap()).starts_with("Sie wurde am "), "{german:#}");
    run(of(&shop), &["why", &id, "--language", "fr"], "").fits(2, &["'fr'", "en, de, es"]);
    let mut elsewhere = of(&shop);
    elsewhere.env("LANG", "de_DE.UTF-8").env("LC_ALL", "de_DE.UTF-8");
    run(elsewhere, &["why", &id], "").fits(0, &["an order was shipped"]);
    run(of(&shop), &["why", "msg_01m80pqgpnbfxs6a5ejk7fv3vw"], "").fits(1, &["404", "there is no message"]);
    run(of(&shop), &["why", "nonsense"], "").fits(1, &["400"]);
}

#[test]
fn tokens_are_made_listed_and_taken_back() {
    let shop = Shop::open();
    let made = run(of(&shop), &["token", "create", "--role", "staff", "--label", "Otto"], "");
    made.fits(0, &["att_"]);
    let otto = shop.owner.token(made.out.trim());
    assert_eq!(otto.get("/v1/cases").status, 200);
    let listed = run(of(&shop), &["token", "list"], "");
    listed.fits(0, &["staff", "Otto", "owner", "Petra"]);
    assert!(!listed.out.contains("att_"), "{listed:#?}");
    let id = listed.out.lines().find(|line| line.contains("Otto")).and_then(|line| line.split(' ').next()).unwrap();
    run(of(&shop), &["token", "revoke", id], "").fits(0, &["is taken back"]);
    assert_eq!(otto.get("/v1/cases").status, 401);
    let owner =
        run(of(&shop), &["token", "create", "--role", "ingest", "--label", "Till", "--format", "json"], "").json();
    assert!(text(&owner["secret"]).starts_with("att_") && owner["role"] == "ingest", "{owner}");

    // An operator names the business.
    let mut operator = of(&shop);
    operator.env("ATTUNE_TOKEN", &shop.server.operator).env("ATTUNE_BUSINESS", &shop.business);
    run(operator, &["token", "list"], "").fits(0, &["Petra"]);
}

#[test]
fn wrong_arguments_end_with_2_and_the_right_ones() {
    let cases: &[(&[&str], &str)] = &[
        (&[], "Usage: attune"),
        (&["dance"], "unrecognized subcommand 'dance'"),
        (&["serve", "--listen", "here"], "--listen"),
        (&["serve", "--demo", "examples/events"], "--plugins"),
        (&["event"], "FILES"),
        (&["event", "x.json"], "--token"),
        (&["plugin", "settings", "x"], "JSON"),
        (&["plugin", "order", "x", "first"], "first"),
        (&["token", "create", "--role", "king", "--label", "x"], "one of operator, owner, staff, ingest"),
        (&["why"], "MESSAGE"),
        (&["inspect"], "FILE"),
    ];
    for (arguments, words) in cases {
        run(plain(), arguments, "").fits(2, &[words]);
    }
    for command in ["serve", "build", "test", "inspect", "event", "plugin", "why", "token"] {
        run(plain(), &[command, "--help"], "").fits(0, &["Usage: attune"]);
        run(plain(), &["--help"], "").fits(0, &[command]);
    }
    run(plain(), &["--version"], "").fits(0, &["attune 0.1.0"]);
}

#[test]
fn what_cannot_be_reached_or_opened_is_named() {
    // Nobody listens on port 1.
    let nowhere = "http://127.0.0.1:1";
    for arguments in [&["plugin", "list"][..], &["why", "msg_x"], &["token", "list"], &["event", "-"]] {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--url", nowhere, "--token", "att_x"]).collect();
        run(plain(), &arguments, "[]").fits(1, &["error: ", "http://127.0.0.1:1/v1/", "cannot be reached"]);
    }
    let shop = Shop::open();
    let mut stranger = of(&shop);
    stranger.env("ATTUNE_TOKEN", "att_nonsense");
    run(stranger, &["plugin", "list"], "").fits(1, &["401", "token"]);

    let folder = Folder::new();
    let file = path(&folder.write("file", "no folder"));
    let taken = shop.server.url.trim_start_matches("http://").to_owned();
    let data = path(&folder.path().join("data"));
    for (arguments, words) in [
        (vec!["serve", "--listen", "127.0.0.1:0", "--data", &file], "the data directory"),
        (vec!["serve", "--listen", &taken, "--data", &data], "choose another with --listen"),
        (vec!["serve", "--listen", "127.0.0.1:0", "--data", &data, "--smtp", "mail.example.com"], "--smtp"),
    ] {
        run(plain(), &arguments, "").fits(1, &["error: ", words]);
    }
    // Two servers on one data directory would ruin it.
    let own = path(&shop.server.data());
    run(plain(), &["serve", "--listen", "127.0.0.1:0", "--data", &own], "").fits(1, &["error: "]);
    until("the first goes on", || (shop.server.client("").get("/readyz").status == 200).then_some(()));
}

#[test]
fn a_component_is_inspected_without_running_it() {
    let file = path(&plugin_file("order-status"));
    run(plain(), &["inspect", &file], "").fits(
        0,
        &[
            "order-status 0.1.0: Tells customers",
            "runs when",
            "a customer writes (it may answer)",
            "see the customer's orders",
        ],
    );
    let about = run(plain(), &["inspect", &file, "--format", "json"], "").json();
    assert_eq!((&about["name"], &about["subscribes_to"]), (&json!("order-status"), &json!(["on-message", "on-order"])));
    run(plain(), &["inspect", "README.md"], "").fits(1, &["README.md: not a WebAssembly component"]);
}

/// A copy of order-status with scenarios of its own. It is not compiled again: what stands in for Cargo says where the
/// module is that the real one has made.
pub fn copy_of_order_status(scenarios: &[(&str, &str)]) -> (Folder, Command) {
    let folder = Folder::new();
    let from = repository().join("plugins/order-status");
    for name in ["plugin.toml", "settings.schema.json", "Cargo.toml"] {
        folder.write(&format!("orders/{name}"), std::fs::read(from.join(name)).unwrap());
    }
    for (name, text) in scenarios {
        folder.write(&format!("orders/scenarios/{name}.toml"), text);
    }
    let built = attune_tests::plugins_folder().with_file_name("wasm32-unknown-unknown/release/order_status.wasm");
    let built = std::fs::read(&built).unwrap_or_else(|error| panic!("{}: {error}; run `make test`", built.display()));
    let module = folder.write("target/wasm32-unknown-unknown/release/order_status.wasm", built);
    let crate_file = std::fs::canonicalize(folder.path().join("orders/Cargo.toml")).unwrap();
    let says = json!({ "reason": "compiler-artifact", "manifest_path": crate_file, "filenames": [module] });
    let cargo = folder.write("cargo", format!("#!/bin/sh\necho '{says}'\n"));
    let runs = Command::new("chmod").arg("+x").arg(&cargo).status();
    assert!(runs.is_ok_and(|status| status.success()));
    let mut command = plain();
    command.env("CARGO", cargo);
    (folder, command)
}

pub const BUSINESS: &str = r#"
[business]
name = "Baker Street Bakery"
zone = "Europe/Berlin"
start = "2026-03-02T10:00[Europe/Berlin]"

[[customer]]
as = "anna"
addresses = ["chat:anna"]
"#;

pub const ASKS: &str = r#"
[[step]]
says = "Where is my order?"
customer = "anna"
"#;

#[test]
fn a_failing_scenario_ends_with_1_and_shows_what_happened() {
    let right =
        format!("name = \"It asks for the number\"\n{BUSINESS}{ASKS}expect = [{{ message = \"order number\" }}]");
    let wrong =
        format!("name = \"It knows by magic\"\n{BUSINESS}{ASKS}expect = [{{ message = \"tomorrow at noon\" }}]");
    let (folder, command) = copy_of_order_status(&[("right", &right), ("wrong", &wrong)]);
    let orders = path(&folder.path().join("orders"));
    run(command, &["test", &orders], "").fits(
        1,
        &[
            "ok     order-status/right: It asks for the number",
            "FAILED order-status/wrong: It knows by magic",
            "tomorrow at noon",
            "Where is my order?",
            "I will gladly look.",
            "1 passed, 1 failed",
        ],
    );

    let (folder, command) = copy_of_order_status(&[("right", &right), ("wrong", &wrong)]);
    let orders = path(&folder.path().join("orders"));
    let ran = run(command, &["test", &orders, "--format", "json"], "");
    assert_eq!(ran.code, 1, "{ran:#?}");
    let results: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:#?}"));
    assert_eq!((&results[0]["passed"], &results[1]["passed"]), (&json!(true), &json!(false)));

    let (folder, command) = copy_of_order_status(&[("right", &right), ("wrong", &wrong)]);
    let orders = path(&folder.path().join("orders"));
    run(command, &["test", &orders, "--filter", "right"], "").fits(0, &["1 passed, 0 failed"]);
    let (folder, command) = copy_of_order_status(&[("right", &right)]);
    let orders = path(&folder.path().join("orders"));
    run(command, &["test", &orders, "--filter", "nothing has this name"], "").fits(1, &["no scenario was played"]);
}

#[test]
fn a_mistake_in_a_scenario_is_named_with_its_place() {
    let cases = [
        (format!("name = \"x\"\n{BUSINESS}{ASKS}expects = []"), "expects"),
        (format!("name = \"x\"\n{BUSINESS}{ASKS}expect = [{{ mesage = \"x\" }}]"), "mesage"),
        (format!("name = \"x\"\n{BUSINESS}[[step]]\nsays = \"Hi\"\ncustomer = \"ben\""), "there is no customer `ben`"),
        (format!("name = \"x\"\n{BUSINESS}[[step]]\nwait = \"soon\""), "`soon` is no time span"),
        (format!("name = \"x\"\n{BUSINESS}[[step]]\ncustomer = \"anna\""), "exactly one of"),
        (format!("name = \"x\"\n{}", BUSINESS.replace("Europe/Berlin\"\n", "Mars/X\"\n")), "Mars/X"),
        (format!("name = \"x\"\n{BUSINESS}[settings]\nwrite_when = [\"lost\"]"), "write_when"),
    ];
    for (scenario, words) in cases {
        let (folder, command) = copy_of_order_status(&[("mistake", &scenario)]);
        let orders = path(&folder.path().join("orders"));
        run(command, &["test", &orders], "").fits(1, &["mistake", words]);
    }
}

#[test]
fn a_folder_that_is_no_plugin_is_not_built() {
    let folder = Folder::new();
    let at = path(folder.path());
    for command in ["build", "test"] {
        run(plain(), &[command, &at], "").fits(1, &[&at, "no plugin here; a plugin's folder has a plugin.toml"]);
    }
    let mistakes = [
        ("", "plugin"),
        ("[plugin]\nname = \"x\"\nversion = \"1.0.0\"\n", "description"),
        ("[plugin]\nname = \"x\"\nversion = \"1.0.0\"\ndescription = \"X.\"\nlicence = \"MIT\"\n", "licence"),
        ("[plugin]\nname = \"x\"\nversion = \"1.0.0\"\ndescription = \"X.\"\n", "no source here"),
    ];
    for (manifest, words) in mistakes {
        folder.write("plugin.toml", manifest);
        run(plain(), &["build", &at], "").fits(1, &[words]);
    }
}

#[test]
fn a_real_plugin_is_built_and_its_scenarios_pass() {
    let ran = run(plain(), &["test", "plugins/order-status", "--filter", "number-in-the-text", "--format", "json"], "");
    let results = ran.json();
    assert_eq!((&results[0]["plugin"], &results[0]["passed"]), (&json!("order-status"), &json!(true)), "{results:#}");
    let out = Folder::new();
    let built =
        run(plain(), &["build", "plugins/order-status", "--out", &path(out.path()), "--format", "json"], "").json();
    assert_eq!(built[0]["about"]["name"], "order-status");
    let made = std::fs::read(out.path().join("order-status.wasm")).unwrap();
    assert_eq!(made, std::fs::read(plugin_file("order-status")).unwrap(), "the same source gives the same file");
}

#[test]
fn scenarios_that_stand_elsewhere_judge_folders_and_component_files() {
    let (folder, command) = copy_of_order_status(&[("own", "this is not read")]);
    let orders = path(&folder.path().join("orders"));
    let passes = format!("name = \"It asks back\"\n{BUSINESS}{ASKS}expect = [{{ message = \"I will gladly look.\" }}]");
    let file = path(&folder.write("elsewhere/asks.toml", passes));
    let folder_of_it = path(&folder.path().join("elsewhere"));
    run(command, &["test", &orders, "--scenarios", &folder_of_it], "").fits(0, &["order-status/asks", "1 passed"]);
    let component = path(&plugin_file("order-status"));
    run(plain(), &["test", &component, "--scenarios", &file], "").fits(0, &["order-status/asks", "1 passed"]);
    run(plain(), &["test", &component], "").fits(1, &["name them with --scenarios"]);

    // Another plugin is looked for beside the one that is judged.
    let beside = format!("name = \"With faq\"\n{BUSINESS}[plugins.faq]\n[plugins.nobody]\n");
    let with = |text: &str| path(&folder.write("others/with.toml", text));
    run(plain(), &["test", &component, "--scenarios", &with(&beside)], "").fits(1, &["plugins.nobody", "nobody.wasm"]);
    let beside = beside.replace("[plugins.nobody]", "");
    run(plain(), &["test", &component, "--scenarios", &with(&beside)], "").fits(0, &["1 passed"]);
}

#[test]
fn a_customer_is_exported_to_a_file_and_erased_on_ones_word() {
    let (shop, folder) = (Shop::open(), Folder::new());
    let customer = shop.says("chat:anna", "my xylotrompe is broken");
    shop.settled();
    let file = folder.path().join("anna.json");
    let out = file.to_string_lossy().into_owned();
    run(of(&shop), &["customer", "export", &customer, "--out", &out], "").fits(0, &[]);
    let written: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(written["customer"]["id"], json!(customer));
    assert!(says(&written["messages"][0], "xylotrompe"), "{written:#}");
    let mut printed = run(of(&shop), &["customer", "export", &customer], "").json();
    printed["exported"] = written["exported"].clone();
    assert_eq!(printed, written);
    run(of(&shop), &["customer", "erase", &customer], "").fits(2, &["--yes"]);
    run(of(&shop), &["customer", "erase", &customer, "--yes"], "").fits(0, &["is erased", "1 messages"]);
    run(of(&shop), &["customer", "erase", &customer, "--yes"], "").fits(1, &["there is no customer"]);
    run(of(&shop), &["audit", "--customer", &customer], "").fits(0, &["Petra (owner)  customers.erase"]);
    run(of(&shop), &["audit", "--limit", "1"], "").fits(0, &["there is more: --after aud_"]);
}
