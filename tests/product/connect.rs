//! `attune connect` and `attune troubles`: a vendor from nothing to its first request, as its owner sees it.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use attune_tests::{Shop, plugins_folder, text, until};
use serde_json::{Value, json};

use crate::command_line::{of, path, plain, run};
use crate::doors::{SECRET, knock, request};

/// A command that runs, and the lines that it prints.
struct Running {
    child: std::process::Child,
    lines: Receiver<String>,
    seen: String,
}

impl Running {
    fn start(shop: &Shop, arguments: &[&str], input: &str) -> Self {
        let mut command = of(shop);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().expect("the program can be started");
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let (sender, lines) = channel();
        let out = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            BufReader::new(out).lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
        });
        Self { child, lines, seen: String::new() }
    }

    /// Waits until it has printed these words.
    fn until(&mut self, words: &str) {
        while !self.seen.contains(words) {
            let line = self.lines.recv_timeout(Duration::from_secs(60));
            self.seen.push_str(&line.unwrap_or_else(|_| panic!("`{words}` does not come: {}", self.seen)));
            self.seen.push('\n');
        }
    }

    fn ends(mut self) -> (i32, String) {
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        self.lines.iter().for_each(|line| self.seen.extend([line.as_str(), "\n"]));
        (code, self.seen)
    }
}

#[test]
fn a_vendor_is_connected_and_its_first_request_is_shown_as_it_was_understood() {
    let shop = Shop::open();
    let arguments =
        ["connect", "shopify", "--yes", "--accept-unsigned", "--secret", "signing=-", "--once", "--wait", "5m"];
    let mut connect = Running::start(&shop, &arguments, &format!("{SECRET}\n"));
    connect.until("Waiting for what shopify sends");
    for words in [
        "shopify 0.1.0 is on",
        &format!("/hooks/{}/shopify", shop.business),
        "This server does not know where it is reached from outside",
        "In the shop's admin: Settings, Notifications",
        "\n  orders/create\n  orders/updated\n",
        "Secret `signing` is set",
    ] {
        assert!(connect.seen.contains(words), "{words}: {}", connect.seen);
    }
    assert!(!connect.seen.contains(SECRET), "the secret is shown: {}", connect.seen);

    assert_eq!(knock(&shop, "shopify", &request("signature-wrong")).status, 401);
    connect.until("refused: ");
    connect.until("the signature was wrong");
    connect.until("  do: Set the secret again");
    assert_eq!(knock(&shop, "shopify", &request("order-placed")).status, 200);
    let (code, seen) = connect.ends();
    assert_eq!(code, 0, "{seen}");
    for words in [
        "1 event\n",
        "attune.order.placed.v1",
        "id: 6b271fcc-0000",
        "entry: evt_",
        "customer: cus_",
        "(Mia Lang, email:mia@example.com",
    ] {
        assert!(seen.contains(words), "{words}: {seen}");
    }

    // What came before is not shown again, and where nothing comes that is told.
    let again = run(of(&shop), &["connect", "shopify", "--wait", "1s"], "");
    again.fits(1, &["shopify 0.1.0 is on", "nothing of shopify was taken"]);
    assert!(!again.out.contains("taken:"), "{again:#?}");
    let shown = shop.owner.get("/v1/plugins/shopify/requests").with(200);
    assert_eq!(
        (&shown["taken"][0]["number"], &shown["taken"][0]["shown"][0]["status"]),
        (&json!(1), &json!("accepted"))
    );
    assert_eq!(shown["refused"][0]["reason"], "wrong-signature", "{shown:#}");
    run(of(&shop), &["troubles"], "").fits(0, &["nothing needs you now"]);
}

#[test]
fn a_secret_that_the_owner_chooses_is_made_and_shown_once() {
    let shop = Shop::open();
    let connect = |arguments: &[&str]| {
        let arguments: Vec<&str> = ["connect"].into_iter().chain(arguments.iter().copied()).collect();
        run(of(&shop), &arguments, "")
    };
    let made = |vendor: &str, secret: &str| {
        let told = connect(&[vendor, "--yes", "--accept-unsigned", "--wait", "0s", "--format", "json"]).json();
        (text(&told["made"][secret]), told["plugin"].clone())
    };
    let (calcom, plugin) = made("calcom", "signing");
    let secrets = plugin["secrets"].as_array().into_iter().flatten();
    let values: Vec<_> = secrets.map(|secret| (text(&secret["name"]), secret["values"].as_u64())).collect();
    let wanted = [("api-key".to_owned(), Some(0)), ("signing".to_owned(), Some(1))];
    assert!(calcom.len() == 32 && values == wanted, "{plugin:#}");
    let (mail, _) = made("email", "signing");
    assert!(mail.starts_with("whsec_"), "{mail}");
    assert!(made("webhook", "signing").0 != mail);
    connect(&["webhook"])
        .fits(0, &["Nothing comes in from it", "Settings that are not set", "\n  url: Where messages are posted to"]);

    let again = connect(&["calcom", "--wait", "0s"]);
    again.fits(0, &["Secret `signing` is set"]);
    assert!(!again.out.contains(&calcom), "it is shown once: {again:#?}");
    let anew = connect(&["calcom", "--renew", "--wait", "0s"]);
    anew.fits(0, &["made now and shown this once"]);
    assert!(!anew.out.contains(&calcom), "{anew:#?}");

    // A secret that stands in the address is pasted with it.
    let parse = connect(&["sendgrid-inbound", "--yes", "--accept-unsigned", "--wait", "0s"]);
    let key = parse.out.split("shown this once:\n  ").nth(1).and_then(|rest| rest.lines().next()).unwrap().to_owned();
    parse.fits(0, &[&format!("/sendgrid-inbound?key={key}")]);
    let inbound = format!("/hooks/{}/sendgrid-inbound", shop.business);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let send =
        |address: &str| shop.owner.token("").send("POST", address, &form, b"from=mia%40example.com&text=Cake%3F");
    assert_eq!((send(&inbound).status, send(&format!("{inbound}?key={key}")).status), (401, 200));
}

#[test]
fn what_is_wrong_with_connecting_is_told() {
    let shop = Shop::open();
    let connect = |arguments: &[&str], input: &str| {
        let arguments: Vec<&str> = ["connect"].into_iter().chain(arguments.iter().copied()).collect();
        run(of(&shop), &arguments, input)
    };
    connect(&["shopfy"], "").fits(2, &["there is no vendor `shopfy`; did you mean `shopify`?", "--list"]);
    connect(&["order-status"], "").fits(2, &["there is no vendor `order-status`"]);
    connect(&[], "").fits(2, &["VENDOR"]);
    connect(&["shopify"], "").fits(1, &["409", "--accept-unsigned"]);
    connect(&["shopify", "--accept-unsigned"], "")
        .fits(1, &["tell what happened, from what a vendor sends", "approve it with --yes"]);
    assert_eq!(shop.owner.get("/v1/plugins/shopify").with(200)["enabled"], false, "nothing was approved");
    connect(&["shopify", "--yes"], "")
        .fits(1, &["its secret `signing` is not set", "Shopify shows it", "--secret signing=-"]);
    let on_the_line = connect(&["shopify", "--secret", "signing=abc"], "");
    on_the_line.fits(2, &["write NAME=- and give the value on standard input"]);
    connect(&["shopify", "--secret", "signing=-"], "").fits(1, &["no value for the secret `signing`"]);
    connect(&["shopify", "--secret", "other=-"], "x\n").fits(1, &["has no secret `other`; it has signing"]);
    connect(&["shopify", "--wait", "soon"], "").fits(2, &["no time span"]);
    connect(&["shopify", "--plugins", "/nowhere"], "").fits(1, &["secret `signing` is not set"]);
    connect(&["stripe", "--plugins", "/nowhere"], "").fits(1, &["/nowhere"]);
    run(plain(), &["connect", "shopify"], "").fits(2, &["there is no access token"]);

    // A missing secret is a trouble, in three languages, until it is set.
    run(of(&shop), &["troubles"], "").fits(
        0,
        &["shopify has no secret `signing`", "  do: `attune plugin show shopify`", "  see: /v1/plugins/shopify"],
    );
    run(of(&shop), &["troubles", "--language", "de"], "").fits(0, &["fehlt das Geheimnis `signing`"]);
    run(of(&shop), &["troubles", "--language", "es"], "").fits(0, &["le falta el secreto `signing`"]);
    let told = run(of(&shop), &["troubles", "--format", "json"], "").json();
    assert_eq!((&told["items"][0]["kind"], &told["items"][0]["plugin"]), (&json!("secret-missing"), &json!("shopify")));
    connect(&["shopify", "--secret", "signing=-", "--wait", "0s"], "abc\n").fits(0, &["Secret `signing` is set"]);
    until("the trouble is gone", || {
        run(of(&shop), &["troubles"], "").out.contains("nothing needs you now").then_some(())
    });
}

#[test]
fn the_vendors_are_listed_without_a_server() {
    run(plain(), &["connect", "--list"], "").fits(0, &["shopify ", "calcom ", "twilio ", "slack "]);
    let folder = path(&plugins_folder());
    let listed = run(plain(), &["connect", "--list", "--plugins", &folder, "--format", "json"], "").json();
    let find = |name: &str| listed["items"].as_array().unwrap().iter().find(|one| one["name"] == name).cloned();
    let twilio = find("twilio").unwrap();
    assert_eq!((&twilio["receives"], &twilio["channels"]), (&json!(true), &json!(["sms", "whatsapp"])));
    assert_eq!((find("shopify").map(|one| one["channels"].clone()), find("faq")), (Some(json!([])), None::<Value>));
}
