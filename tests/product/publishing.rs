//! Handing plugins on: registries, digests, signatures, and whose word a plugin is installed on.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use attune::domain::entry::{Change, PluginChange};
use attune::domain::trust::Vouched;
use attune::engine::config::{install, install_on};
use attune::engine::replay::replay;
use attune::sandbox::signature::{SecretKey, sign};
use attune::store::{Batch, Key, Keyring, MemoryKeyring, MemoryStore, Range, Table};
use attune::turn::limits::Limits;
use attune_tests::{
    Answer, Folder, Server, Shop, Start, cache_folder, plugin_file, plugins_folder, program, repository, text,
};
use serde_json::{Value, json};

use crate::registry::{Mood, Registry, digest};
use crate::replay::{SANDBOX, Stage, reference, settle};

/// A folder to work in, with a registry to talk to. Nobody is signed in.
struct Desk {
    folder: Folder,
    registry: Registry,
}

/// What a command printed.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    #[track_caller]
    fn well(self) -> String {
        assert_eq!(self.code, 0, "{self:#?}");
        self.out.trim_end().to_owned()
    }

    #[track_caller]
    fn fails(&self, words: &[&str]) {
        assert_eq!(self.code, 1, "{self:#?}");
        for word in words {
            assert!(self.err.contains(word), "`{word}` is missing: {self:#?}");
        }
        assert!(!self.err.contains('\u{1b}'), "nothing that a terminal obeys is shown: {self:#?}");
    }
}

impl Desk {
    fn new() -> Self {
        Self { folder: Folder::new(), registry: Registry::start() }
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ATTUNE_") || name.ends_with("_proxy")) {
            command.env_remove(name);
        }
        command.env("XDG_CACHE_HOME", cache_folder());
        command.env("DOCKER_CONFIG", self.folder.path()).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    fn ran(command: &mut Command) -> Ran {
        let output = command.output().expect("the program can be started");
        let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran { code: output.status.code().unwrap_or(-1), out: words(&output.stdout), err: words(&output.stderr) }
    }

    /// Runs a line of the program; `REG` in it is the registry.
    fn run(&self, line: &str) -> Ran {
        self.run_as(line, None)
    }

    /// The same as the owner of a shop.
    fn run_as(&self, line: &str, shop: Option<&Shop>) -> Ran {
        let line = line.replace("REG", &self.registry.host);
        let mut command = self.command(program());
        if let Some(shop) = shop {
            command.env("ATTUNE_URL", &shop.server.url).env("ATTUNE_TOKEN", shop.owner.secret());
        }
        Self::ran(command.args(line.split_whitespace()))
    }

    /// A prebuilt plugin's file, copied here.
    fn plugin(&self, name: &str) -> Vec<u8> {
        let wasm = std::fs::read(plugin_file(name)).expect("a plugin's file");
        self.folder.write(&format!("{name}.wasm"), &wasm);
        wasm
    }

    fn file(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.folder.path().join(name)).ok()
    }

    /// A key in a file; gives the public key.
    fn key(&self, name: &str) -> String {
        self.run(&format!("key new {name}")).well()
    }
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str, words: &[&str]) {
    assert_eq!((answer.status, answer.word("code")), (status, code), "{}", answer.text);
    for word in words {
        assert!(answer.word("detail").contains(word), "`{word}` is missing: {}", answer.text);
    }
}

#[test]
fn a_plugin_goes_through_a_registry_and_is_known_by_its_digest() {
    let desk = Desk::new();
    let wasm = desk.plugin("order-status");
    let key = desk.key("acme.key");
    let push = "push order-status.wasm REG/acme/order-status:1 --plain-http --key acme.key";
    let first = desk.run(push).well();
    assert!(first.starts_with(&format!("{}/acme/order-status@sha256:", desk.registry.host)), "{first}");
    assert_eq!(desk.run(push).well(), first, "the same file is the same package");
    assert_eq!(desk.file("order-status.wasm").as_ref(), Some(&wasm), "the file stays as it was");

    let manifest = desk.registry.manifest("acme/order-status", "1").expect("a manifest");
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.wasm.config.v0+json");
    assert_eq!(manifest["layers"].as_array().map(Vec::len), Some(1));
    assert_eq!(manifest["layers"][0]["mediaType"], "application/wasm");
    assert_eq!(manifest["annotations"]["org.opencontainers.image.title"], "order-status");
    assert_eq!(manifest["annotations"]["org.opencontainers.image.version"], "0.1.0");
    assert!(text(&manifest["annotations"]["org.opencontainers.image.description"]).contains("order"));
    let config = desk.registry.blob(&text(&manifest["config"]["digest"])).expect("the configuration");
    let config: Value = serde_json::from_slice(&config).expect("JSON");
    assert_eq!((&config["architecture"], &config["os"]), (&json!("wasm"), &json!("wasip2")));
    assert_eq!(config["layerDigests"], json!([manifest["layers"][0]["digest"]]));

    let pulled = desk.run("pull REG/acme/order-status:1 --plain-http --out first.wasm");
    assert!(pulled.err.contains(&format!("signed by {key}")), "{pulled:#?}");
    assert_eq!(pulled.well(), first);
    let signed = desk.file("first.wasm").expect("the file");
    assert_eq!((signed.starts_with(&wasm), digest(&signed)), (true, text(&manifest["layers"][0]["digest"])));

    // Somebody moves the tag. The tag gives the new package, the digest gives the old one.
    let other = desk.plugin("escalation");
    let second = desk.run("push escalation.wasm REG/acme/order-status:1 --plain-http").well();
    assert_ne!(first, second);
    std::fs::remove_file(desk.folder.path().join("escalation.wasm")).expect("the file is there");
    assert_eq!(desk.run("pull REG/acme/order-status:1 --plain-http").well(), second);
    assert_eq!(desk.file("escalation.wasm"), Some(other), "a file is called as the plugin in it");
    assert_eq!(desk.run(&format!("pull {first} --plain-http --out again.wasm")).well(), first);
    assert_eq!(desk.file("again.wasm"), Some(signed));
}

#[test]
fn what_does_not_have_its_digest_is_refused() {
    let desk = Desk::new();
    desk.plugin("order-status");
    desk.plugin("escalation");
    let pinned = desk.run("push order-status.wasm REG/acme/orders:1 --plain-http").well();
    desk.run("push escalation.wasm REG/acme/orders:2 --plain-http").well();
    for (mood, package, words) in [
        (Mood::OtherManifest, pinned.as_str(), "does not have the digest that it should have"),
        (Mood::OtherBlob, &pinned, "did not come whole"),
        (Mood::OtherBlob, "REG/acme/orders:1", "did not come whole"),
        (Mood::LongerBlob, &pinned, "has more than the"),
        (Mood::ShorterBlob, &pinned, "did not come whole"),
        (Mood::EndlessBlob, &pinned, "has more than the"),
        (Mood::EndlessManifest, &pinned, "its manifest has more than the 4194304 bytes"),
    ] {
        desk.registry.becomes(mood);
        let ran = desk.run(&format!("pull {package} --plain-http --out got.wasm"));
        ran.fails(&[words, "nothing was taken", "acme/orders"]);
        assert_eq!(desk.file("got.wasm"), None, "{mood:?}");
    }
    desk.registry.becomes(Mood::Honest);
    desk.run(&format!("pull {pinned} --plain-http --out got.wasm")).well();
}

#[test]
fn a_package_of_another_kind_is_named_as_that() {
    let desk = Desk::new();
    let wasm = desk.plugin("order-status");
    let mut wrong = sign(&wasm, &SecretKey::new().expect("a key").0).expect("a signed file");
    wrong[100] ^= 1;
    let layer = |kind: &str, size: Value| {
        let (kind, digest) = (kind.to_owned(), digest(&wasm));
        move |mut manifest: Value| {
            manifest["layers"] = json!([{ "mediaType": kind, "digest": digest, "size": size }]);
            manifest
        }
    };
    let put = |tag: &str, manifest: &dyn Fn(Value) -> Value, blob: &[u8]| desk.registry.put("a/b", tag, manifest, blob);
    put("image", &layer("application/vnd.oci.image.layer.v1.tar+gzip", json!(wasm.len())), &wasm);
    put("large", &layer("application/wasm", json!(33 << 20)), &wasm);
    put("negative", &layer("application/wasm", json!(-1)), &wasm);
    put("short", &layer("application/wasm", json!(10)), &wasm);
    put("none", &|mut manifest| (manifest["layers"] = json!([]), manifest).1, b"");
    put("nonsense", &|_| json!({ "layers": 7 }), b"");
    put("text", &|manifest| manifest, b"Dear Attune");
    put("changed", &|manifest| manifest, &wrong);
    for (tag, words) in [
        ("image", "it holds `application/vnd.oci.image.layer.v1.tar+gzip`"),
        ("large", "its component has 34603008 bytes; at most"),
        ("negative", "its component has -1 bytes; at most"),
        ("short", "has more than the 10 bytes that its manifest says"),
        ("none", "it has 0 layers; a WebAssembly package has one"),
        ("nonsense", "its manifest cannot be read"),
        ("text", "not a WebAssembly component"),
        ("changed", "the component's signature is wrong: the file is not the one that ed25519:"),
        ("absent", "there is no such package (MANIFEST_UNKNOWN)"),
    ] {
        let ran = desk.run(&format!("pull REG/a/b:{tag} --plain-http --out got.wasm"));
        ran.fails(&[&format!("a/b:{tag}: "), words]);
        assert_eq!(desk.file("got.wasm"), None, "{tag}");
    }
}

#[test]
fn a_registry_that_does_not_answer_as_one_is_told_of_in_one_line() {
    let desk = Desk::new();
    desk.plugin("order-status");
    desk.run("push order-status.wasm REG/a/b:1 --plain-http").well();
    for (mood, words) in [
        (Mood::Page, "its manifest cannot be read"),
        (Mood::Broken, "does not answer as one"),
        (Mood::EndlessRefusal, "there is no such package"),
        (Mood::Silent, "the registry was not done after 1 s; see --timeout"),
        (Mood::Locked, "does not let us at a/b"),
        (Mood::Basic, "sign in with `docker login"),
        (Mood::Tokens, "sign in with `docker login"),
    ] {
        desk.registry.becomes(mood);
        let ran = desk.run("pull REG/a/b:1 --plain-http --timeout 1 --out got.wasm");
        ran.fails(&[words, &desk.registry.host]);
        assert_eq!(ran.err.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{ran:#?}");
        let push = desk.run("push order-status.wasm REG/a/b:2 --plain-http --timeout 1");
        push.fails(&[&desk.registry.host]);
    }
    desk.registry.becomes(Mood::Honest);
    assert!(desk.registry.manifest("a/b", "2").is_none());

    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    desk.run(&format!("pull {gone}/a/b:1 --plain-http")).fails(&["cannot be reached"]);
    desk.run("pull REG/a/b:1").fails(&["without TLS: --plain-http"]);
    desk.run("pull registry.example/a/b:1 --plain-http").fails(&["only registries on this machine"]);
    desk.run("pull a/b:1").fails(&["`a/b:1` names no package; write registry.example/name:tag"]);
    desk.run("push order-status.wasm REG/a/b --plain-http").fails(&["needs a tag and no digest"]);
    desk.folder.write("letter.wasm", "Dear Attune");
    desk.run("push letter.wasm REG/a/b:3 --plain-http").fails(&["not a WebAssembly component"]);
}

#[test]
fn a_registry_is_signed_in_to_with_what_is_given_or_what_docker_left() {
    let desk = Desk::new();
    desk.plugin("order-status");
    for mood in [Mood::Tokens, Mood::Basic] {
        desk.registry.becomes(mood);
        let push = "push order-status.wasm REG/a/b:1 --plain-http";
        let given = desk.run(&format!("{push} --username anna --password secret")).well();
        desk.run(&format!("{push} --username anna --password wrong")).fails(&["does not let us at a/b"]);
        let mut by_environment = desk.command(program());
        by_environment.env("ATTUNE_REGISTRY_USER", "anna").env("ATTUNE_REGISTRY_PASSWORD", "secret");
        by_environment.args(push.replace("REG", &desk.registry.host).split_whitespace());
        assert_eq!(Desk::ran(&mut by_environment).well(), given);
        // anna:secret, as `docker login` writes it.
        let left = json!({ "auths": { desk.registry.host.as_str(): { "auth": "YW5uYTpzZWNyZXQ=" } } });
        let config = desk.folder.write("config.json", left.to_string());
        assert_eq!(desk.run("pull REG/a/b:1 --plain-http --out got.wasm").well(), given);
        std::fs::remove_file(config).expect("the file is there");
    }
}

#[test]
fn a_key_is_made_once_and_signs_plugins_only() {
    let desk = Desk::new();
    let wasm = desk.plugin("order-status");
    let key = desk.key("acme.key");
    assert!(key.starts_with("ed25519:") && key.len() == 72, "{key}");
    assert_eq!(desk.run("key show acme.key").well(), key);
    desk.run("key new acme.key").fails(&["acme.key"]);
    assert_eq!(desk.run("key show acme.key").well(), key, "a key that is there is left alone");
    #[cfg(unix)]
    {
        let about = std::fs::metadata(desk.folder.path().join("acme.key")).expect("the file");
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o777, 0o600);
    }
    desk.run("inspect order-status.wasm").well().lines().find(|line| *line == "not signed").expect("so it says");
    desk.run("sign order-status.wasm --key acme.key").well();
    assert!(desk.run("inspect order-status.wasm").well().contains(&format!("signed by {key}")));
    let other = desk.key("other.key");
    desk.run("sign order-status.wasm --key other.key --out other.wasm").well();
    assert!(desk.run("inspect other.wasm").well().contains(&format!("signed by {other}")));
    let again = desk.file("other.wasm").expect("the file");
    assert_eq!(again.len(), desk.file("order-status.wasm").expect("the file").len(), "one signature, not two");
    assert!(again.starts_with(&wasm));
    desk.folder.write("letter.wasm", "Dear Attune");
    desk.run("sign letter.wasm --key acme.key").fails(&["not a WebAssembly component"]);
    desk.run("sign order-status.wasm --key letter.wasm").fails(&["letter.wasm is no secret key"]);
    desk.run("sign order-status.wasm --key nowhere.key").fails(&["nowhere.key"]);
}

#[test]
fn a_plugin_is_taken_on_a_trusted_signature_or_the_owners_yes() {
    let shop = Shop::open();
    let plain = std::fs::read(plugin_file("order-status")).expect("a plugin's file");
    let (secret, other) = (SecretKey::new().expect("a key").0, SecretKey::new().expect("a key").0);
    let signed = sign(&plain, &secret).expect("a signed file");
    let key = secret.public().to_string();
    let plugin = "/v1/plugins/orders";
    let sentence = |answer: &Answer| text(&answer.body["signature"]["sentence"]);

    refused(&shop.owner.upload_as("orders", &plain), 409, "unsigned", &["`orders` is not signed", "--accept-unsigned"]);
    refused(&shop.owner.upload_as("orders&unsigned=false", &plain), 409, "unsigned", &["is not signed"]);
    refused(
        &shop.owner.upload_as("orders", &signed),
        409,
        "unsigned",
        &[&format!("signed by {key}"), "does not trust"],
    );
    refused(&shop.owner.upload_as("orders&unsigned=perhaps", &plain), 400, "bad-query", &[]);
    assert_eq!(shop.owner.get(plugin).status, 404, "nothing was installed");

    let yes = shop.owner.upload_as("orders&unsigned=true", &plain);
    assert_eq!((yes.status, sentence(&yes)), (201, "not signed; you said yes to it".to_owned()), "{}", yes.text);
    assert_eq!(shop.owner.upload_as("orders", &plain).status, 200, "the yes was to this very file");
    refused(&shop.owner.upload_as("orders", &signed), 409, "unsigned", &[]);

    // A wrong signature helps nobody, whatever the owner says.
    let mut wrong = signed.clone();
    wrong[1000] ^= 1;
    let borrowed = [&wrong[..plain.len()], &signed[plain.len()..]].concat();
    let longer = crate::components::with_custom(signed.clone(), "more", b"x");
    for file in [&wrong, &borrowed, &longer] {
        let answer = shop.owner.upload_as("orders&unsigned=true", file);
        refused(&answer, 422, "rejected", &["the component's signature is wrong"]);
    }

    let trusted = shop.owner.post("/v1/keys", &json!({ "key": key, "label": "Acme" })).with(201);
    assert_eq!((&trusted["key"], &trusted["label"], &trusted["by"]), (&json!(key), &json!("Acme"), &json!("Petra")));
    let taken = shop.owner.upload_as("orders", &signed);
    assert_eq!(sentence(&taken), format!("signed by Acme ({key}), whose key you trust"), "{}", taken.text);
    assert_eq!((taken.status, &taken.body["signature"]["vouched"]), (200, &json!("signature")));
    refused(&shop.owner.upload_as("x", &sign(&plain, &other).expect("a file")), 409, "unsigned", &["does not trust"]);
    // Another business decides for itself.
    let neighbour = Shop::open_on(shop.server.clone());
    refused(&neighbour.owner.upload_as("orders", &signed), 409, "unsigned", &["does not trust"]);

    // The key is taken back: what rested on it stops, and says so.
    let grants: Vec<Value> = taken.body["ungranted"].as_array().expect("a list").clone();
    let on = shop.owner.patch(plugin, &json!({ "grants": grants, "enabled": true })).with(200);
    assert_eq!(on["runs"], json!(true));
    shop.owner.upload_as("escalation&unsigned=true", &sign(&plain, &secret).expect("a file")).with(201);
    shop.owner.delete(&format!("/v1/keys/{key}")).with(204);
    let stopped = shop.owner.get(plugin);
    assert_eq!(stopped.body["runs"], json!(false));
    assert!(text(&stopped.body["paused"]["reason"]).contains("no longer trusts the key that signed it"));
    assert_eq!(sentence(&stopped), format!("signed by {key}, a key that you do not trust any more"));
    refused(&shop.owner.patch(plugin, &json!({ "enabled": true })), 409, "unsigned", &["does not trust"]);
    refused(&shop.owner.upload_as("orders", &signed), 409, "unsigned", &["does not trust"]);
    let on = shop.owner.patch(plugin, &json!({ "enabled": true, "unsigned": true })).with(200);
    assert_eq!((&on["runs"], &on["signature"]["vouched"]), (&json!(true), &json!("owner")));
}

#[test]
fn the_keys_of_a_business_are_its_owners_to_say() {
    let shop = Shop::open();
    let key = SecretKey::new().expect("a key").0.public().to_string();
    let asked = json!({ "key": key, "label": "Acme" });
    refused(&shop.token("staff").post("/v1/keys", &asked), 403, "forbidden", &[]);
    for (key, label, path) in [
        ("rsa:1", "Acme", "/key"),
        ("ed25519:00", "Acme", "/key"),
        (key.as_str(), " ", "/label"),
        (&key, "a\nb", "/label"),
    ] {
        let answer = shop.owner.post("/v1/keys", &json!({ "key": key, "label": label }));
        refused(&answer, 422, "invalid", &[path]);
    }
    shop.owner.post("/v1/keys", &asked).with(201);
    shop.owner.post("/v1/keys", &json!({ "key": key, "label": "Acme Ltd" })).with(201);
    // What else changes of the business leaves them alone.
    shop.owner.patch("/v1/business", &json!({ "name": "Bakery" })).with(200);
    let keys = shop.owner.get("/v1/keys").with(200);
    assert_eq!((&keys["items"][0]["label"], &keys["items"][1]), (&json!("Acme Ltd"), &Value::Null));
    shop.owner.delete(&format!("/v1/keys/{key}")).with(204);
    refused(&shop.owner.delete(&format!("/v1/keys/{key}")), 404, "not-found", &["does not trust the key"]);
    refused(&shop.owner.delete("/v1/keys/acme"), 400, "bad-id", &["is no public key"]);
    let many = |number: u8| json!({ "key": format!("ed25519:{number:064}"), "label": "Acme" });
    for number in 0..50 {
        shop.owner.post("/v1/keys", &many(number)).with(201);
    }
    refused(&shop.owner.post("/v1/keys", &many(50)), 422, "invalid", &["at most 50 keys"]);
}

#[test]
fn what_the_operator_put_on_the_server_needs_no_yes() {
    let folder = plugins_folder();
    let server = Server::start_with(&Start::with(&["--plugins", &folder.to_string_lossy()]));
    let shop = Shop::open_on(Arc::new(server));
    let wasm = std::fs::read(plugin_file("order-status")).expect("a plugin's file");
    let taken = shop.owner.upload_as("orders", &wasm).with(201);
    assert_eq!(taken["signature"]["sentence"], "not signed; the operator of this server vouches for it");
    refused(&shop.owner.upload_as("well", &crate::components::well()), 409, "unsigned", &["is not signed"]);
}

#[test]
fn a_package_is_installed_by_its_digest_and_says_where_it_is_from() {
    let desk = Desk::new();
    let shop = Shop::open();
    desk.plugin("order-status");
    let key = desk.key("acme.key");
    let package = desk.run("push order-status.wasm REG/acme/orders:1 --plain-http --key acme.key").well();
    let install = "plugin install oci://REG/acme/orders:1 --plain-http";
    desk.run_as(install, Some(&shop)).fails(&["409", "does not trust", "attune plugin trust"]);
    desk.run_as(&format!("plugin trust {key} --label Acme"), Some(&shop)).well();
    assert_eq!(desk.run_as("plugin keys", Some(&shop)).well(), format!("{key}  Acme"));
    let shown = desk.run_as(install, Some(&shop)).well();
    assert!(shown.contains(&format!("signed by Acme ({key}), whose key you trust")), "{shown}");
    assert!(shown.contains(&format!("from: {package}")), "{shown}");
    assert_eq!(shop.owner.get("/v1/plugins/order-status").body["source"], json!(package));
    desk.run_as(&format!("plugin distrust {key}"), Some(&shop)).well();
    desk.run_as("plugin enable order-status --grant-all", Some(&shop)).fails(&["409", "does not trust"]);
    desk.run_as("plugin enable order-status --grant-all --accept-unsigned", Some(&shop)).well();
    desk.run(install).fails_usage();
    let wasm = std::fs::read(plugin_file("order-status")).expect("a plugin's file");
    for source in ["here", "a/b@sha256:00", "a%20b@sha256:"] {
        refused(
            &shop.owner.upload_as(&format!("x&unsigned=true&source={source}"), &wasm),
            400,
            "bad-query",
            &["source"],
        );
    }
}

impl Ran {
    #[track_caller]
    fn fails_usage(&self) {
        assert_eq!(self.code, 2, "{self:#?}");
        assert!(self.err.contains("there is no access token"), "{self:#?}");
    }
}

/// A stage with `order-status` installed anew, its rows holding what `stored` says.
fn stage_with(stored: &[u8], installed: &[u8], keyring: Arc<dyn Keyring>) -> (Stage, Arc<MemoryStore>) {
    let store = Arc::new(MemoryStore::new());
    let mut stage = Stage::new(store.clone(), keyring, Limits::default());
    let about = SANDBOX.load(installed).expect("a plugin").about.clone();
    let (change, _) = install("order-status", &about, installed);
    let (_, rows) = install("order-status", &about, stored);
    stage.change(change, rows);
    (stage, store)
}

#[test]
fn a_stored_component_that_is_not_the_one_installed_never_runs() {
    let keyring = || Arc::new(MemoryKeyring::new([3; 32])) as Arc<dyn Keyring>;
    let plain = std::fs::read(plugin_file("order-status")).expect("a plugin's file");
    let signed = sign(&plain, &SecretKey::new().expect("a key").0).expect("a signed file");
    let mut changed = signed.clone();
    changed[1000] ^= 1;
    let answers = |stored: &[u8], installed: &[u8]| {
        let (mut stage, _) = stage_with(stored, installed, keyring());
        let order = json!({ "id": "1", "number": "#1", "shipments": [{ "carrier": "DHL" }] });
        stage.event("attune.order.shipped.v1", json!({ "customer": reference(0), "order": order }));
        let customer = stage.customer(0).expect("a customer");
        let said = Range::prefix(Key::new(stage.business, customer, Table::Message));
        stage.engine.view().count(&said, 10).expect("the store is read")
    };
    assert!(answers(&signed, &signed) > 0, "the file that was installed runs");
    assert_eq!(answers(&plain, &signed), 0, "the same code without its signature is another file");
    assert_eq!(answers(&changed, &signed), 0, "a file that was changed in the store has a wrong signature");
}

#[test]
fn whom_a_business_trusts_follows_from_its_journal() {
    let keyring: Arc<dyn Keyring> = Arc::new(MemoryKeyring::new([3; 32]));
    let plain = std::fs::read(plugin_file("order-status")).expect("a plugin's file");
    let secret = SecretKey::new().expect("a key").0;
    let (key, signed) = (secret.public().to_string(), sign(&plain, &secret).expect("a signed file"));
    let (mut stage, store) = stage_with(&plain, &plain, keyring.clone());
    let about = SANDBOX.load(&signed).expect("a plugin").about.clone();
    stage.change(Change::Trust { key: key.clone(), label: "Acme".to_owned() }, Batch::new());
    let (change, rows) = install_on("order-status", &about, &signed, Vouched::Signature, None);
    stage.change(change.clone(), rows);
    stage.change(Change::Distrust(key), Batch::new());
    stage.change(change, Batch::new());
    let set = PluginChange { enabled: Some(true), unsigned: true, ..PluginChange::default() };
    stage.change(Change::Plugin { name: "order-status".into(), seen: None, set: Box::new(set) }, Batch::new());
    let installed = stage.engine.query(stage.business).plugins().expect("the store is read");
    let installed = installed.iter().find(|one| one.name == "order-status").expect("it is there");
    assert_eq!((installed.vouched, installed.runs()), (Vouched::Owner, true));
    settle(&stage.engine);
    stage.engine.stop().expect("the engine stops");

    let into = Arc::new(MemoryStore::new());
    let from: Arc<dyn attune::store::Store> = store;
    let engine =
        replay(from.view().as_ref(), into.clone(), keyring, SANDBOX.clone(), Limits::default(), 3).expect("it replays");
    settle(&engine);
    engine.stop().expect("the engine stops");
    let rows = |store: &dyn attune::store::Store| store.view().all(&Range::all()).expect("the store is read");
    assert_eq!(rows(into.as_ref()), rows(from.as_ref()));
}

#[test]
fn the_page_on_publishing_does_what_it_says() {
    let page = std::fs::read_to_string(repository().join("docs/publishing.md")).expect("the page");
    let desk = Desk::new();
    let shop = Shop::open();
    std::fs::copy(plugin_file("faq"), desk.folder.path().join("faq.wasm")).expect("a copy");
    let path: PathBuf = program().parent().expect("a folder").to_path_buf();
    let path = format!("{}:{}", path.display(), std::env::var("PATH").unwrap_or_default());
    let script: String = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(script.matches("attune ").count() >= 8, "the page has commands: {script}");
    let mut bash = desk.command("bash");
    bash.args(["-e", "-o", "pipefail", "-c", &script])
        .env("PATH", path)
        .env("REGISTRY", &desk.registry.host)
        .env("ATTUNE_URL", &shop.server.url)
        .env("ATTUNE_TOKEN", shop.owner.secret());
    Desk::ran(&mut bash).well();
    let installed = shop.owner.get("/v1/plugins/faq").with(200);
    assert_eq!(installed["signature"]["vouched"], "signature", "{installed:#}");
    assert!(text(&installed["source"]).starts_with(&format!("{}/acme/faq@sha256:", desk.registry.host)));
}
