//! Starts the built program and talks to it; what the tests and the benchmark share.
//!
//! Everything is on loopback and in folders that are removed again. Nothing here asserts on time: what has to happen
//! sooner or later is waited for with [`until`], which is bounded.

pub mod dev;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use serde_json::{Value, json};

/// How often a condition is looked at before waiting ends, with [`PAUSE`] in between: half a minute and more.
const LOOKS: u32 = 3_000;
const PAUSE: Duration = Duration::from_millis(10);

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Cargo's target directory: a test binary runs from `TARGET/PROFILE/deps`, other binaries from `TARGET/PROFILE`.
pub fn profile_folder() -> PathBuf {
    let own = std::env::current_exe().expect("a program knows where it is");
    let folder = own.parent().expect("a program is in a folder");
    if folder.ends_with("deps") { folder.parent().unwrap_or(folder).to_path_buf() } else { folder.to_path_buf() }
}

/// Where the program is to keep what is its user's, so that tests leave nothing in the home of whoever runs them.
pub fn cache_folder() -> PathBuf {
    repository().join("target/tests")
}

/// The built program.
///
/// # Panics
/// When it is not built, with what to run.
pub fn program() -> PathBuf {
    let path = profile_folder().join(format!("attune{}", std::env::consts::EXE_SUFFIX));
    assert!(path.is_file(), "{} is missing; run `cargo build -p attune`, or `make test`", path.display());
    path
}

/// The file of a prebuilt plugin.
///
/// # Panics
/// When it is not built, with what to run.
pub fn plugin_file(name: &str) -> PathBuf {
    let path = plugins_folder().join(format!("{name}.wasm"));
    assert!(path.is_file(), "{} is missing; run `attune build plugins`, or `make test`", path.display());
    path
}

/// The folder with the prebuilt plugins.
pub fn plugins_folder() -> PathBuf {
    profile_folder().parent().map(|target| target.join("plugins")).unwrap_or_default()
}

/// A number that no other call in this process gives.
pub fn fresh() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}

/// Waits until something is there. The wait is generous, since the machine may be busy, and bounded.
///
/// # Panics
/// When it is not there in the end.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..LOOKS {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(PAUSE);
    }
    panic!("waited in vain until {what}");
}

/// A folder of one's own, removed with all that is in it when this is dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes one.
    ///
    /// # Panics
    /// When there can be none.
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("attune-test-{}-{}", std::process::id(), fresh()));
        std::fs::create_dir_all(&path).expect("a temporary folder can be made");
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file in it, with the folders above it, and gives its path.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        if let Some(above) = path.parent() {
            std::fs::create_dir_all(above).expect("folders can be made in a temporary folder");
        }
        std::fs::write(&path, content).expect("files can be written in a temporary folder");
        path
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left for the system to tidy up.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// How a server is started.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// Further arguments of `attune serve`.
    pub arguments: Vec<String>,
    /// What the shell does before it becomes the server, such as setting a limit; empty: no shell.
    pub shell: String,
}

impl Start {
    /// With further arguments.
    pub fn with(arguments: &[&str]) -> Self {
        Self { arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(), ..Self::default() }
    }

    fn command(&self) -> Command {
        if self.shell.is_empty() {
            return Command::new(program());
        }
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("{}; exec \"$0\" \"$@\"", self.shell)).arg(program());
        command
    }
}

/// A running `attune serve`. It is killed when this is dropped.
#[derive(Debug)]
pub struct Server {
    child: Mutex<Child>,
    /// Where it listens, such as `http://127.0.0.1:33533`.
    pub url: String,
    /// The operator's token, which the first start on a data directory prints.
    pub operator: String,
    /// Lines it printed, of both kinds.
    said: Arc<Mutex<Vec<String>>>,
    data: Arc<Folder>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    /// Starts a server on a data directory of its own, and waits until it is ready.
    pub fn start() -> Self {
        Self::start_with(&Start::default())
    }

    /// The same, started in some way.
    pub fn start_with(start: &Start) -> Self {
        Self::start_on(Arc::new(Folder::new()), start, String::new())
    }

    /// Starts another one on the data directory of this one, which is killed before.
    pub fn restart(&self, start: &Start) -> Self {
        self.kill();
        Self::start_on(self.data.clone(), start, self.operator.clone())
    }

    fn start_on(data: Arc<Folder>, start: &Start, operator: String) -> Self {
        let mut child = start
            .command()
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data.path().join("data"))
            .args(&start.arguments)
            .env_remove("ATTUNE_SMTP")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        let said = Arc::new(Mutex::new(Vec::new()));
        listen(child.stdout.take(), &said);
        listen(child.stderr.take(), &said);
        let mut server = Self { child: Mutex::new(child), url: String::new(), operator, said, data };
        server.url = until("the server listens", || {
            if lock(&server.child).try_wait().is_ok_and(|ended| ended.is_some()) {
                panic!("the server ended at once: {:#?}", server.said());
            }
            server.after("attune is listening on ")
        });
        if let Some(token) = server.after("operator token (shown once): ") {
            server.operator = token;
        }
        let client = server.client("");
        until("the server is ready", || (client.get("/readyz").status == 200).then_some(()));
        server
    }

    /// Every line it has printed.
    pub fn said(&self) -> Vec<String> {
        lock(&self.said).clone()
    }

    /// What follows some words in a line it has printed.
    fn after(&self, words: &str) -> Option<String> {
        lock(&self.said).iter().find_map(|line| line.strip_prefix(words).map(str::to_owned))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        lock(&self.child).id()
    }

    /// Ends it as a power cut would, by SIGKILL.
    pub fn kill(&self) {
        let mut child = lock(&self.child);
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Asks it to stop, waits, and says whether it ended well.
    ///
    /// # Panics
    /// When it does not end.
    pub fn stop(&self) -> bool {
        let asked = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", self.pid())).status();
        assert!(asked.is_ok_and(|status| status.success()), "the server is gone already");
        until("the server stops", || lock(&self.child).try_wait().ok().flatten()).success()
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.data.path().join("data")
    }

    /// Talks to it with a token; an empty one is none.
    pub fn client(&self, token: &str) -> Client {
        Client::new(&self.url, token)
    }

    /// Talks to it as the operator.
    pub fn as_operator(&self) -> Client {
        self.client(&self.operator)
    }

    /// A server that tests share for as long as one of them holds it.
    ///
    /// # Panics
    /// When it has ended.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = lock(&SHARED);
        let server = shared.upgrade().unwrap_or_else(|| Arc::new(Self::start()));
        *shared = Arc::downgrade(&server);
        if let Ok(Some(status)) = lock(&server.child).try_wait() {
            panic!("the shared server ended with {status}: {:#?}", server.said());
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn listen(pipe: Option<impl Read + Send + 'static>, said: &Arc<Mutex<Vec<String>>>) {
    let (Some(pipe), said) = (pipe, said.clone()) else { return };
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            lock(&said).push(line);
        }
    });
}

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status; 0 when there was no answer.
    pub status: u16,
    /// The headers, with names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body as text; without an answer, what went wrong.
    pub text: String,
    /// The body as JSON; null if it is none.
    pub body: Value,
}

impl Answer {
    /// The body, if the status is this one.
    ///
    /// # Panics
    /// When it is another one.
    #[track_caller]
    pub fn with(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// A header; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// A text in the body; empty if there is none.
    pub fn word(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_default()
    }
}

/// Talks to a server with one token.
#[derive(Debug, Clone)]
pub struct Client {
    agent: ureq::Agent,
    url: String,
    token: String,
    business: Option<String>,
}

impl Client {
    /// Talks to a server; an empty token is none.
    pub fn new(url: &str, token: &str) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_recv_response(Some(Duration::from_secs(60)))
            .build();
        Self { agent: agent.into(), url: url.to_owned(), token: token.to_owned(), business: None }
    }

    /// The same with another token.
    pub fn token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// The same, naming a business, as an operator does.
    pub fn of(&self, business: &str) -> Self {
        Self { business: Some(business.to_owned()), ..self.clone() }
    }

    /// What it shows.
    pub fn secret(&self) -> &str {
        &self.token
    }

    /// Asks for something and gives the answer as it comes, for streams.
    pub fn open(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        if let Some(business) = &self.business {
            request = request.header("attune-business", business);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        // GET and DELETE carry no body, not even an empty one.
        if body.is_empty() && matches!(method, "GET" | "DELETE") {
            self.agent.run(request.body(())?)
        } else {
            self.agent.run(request.body(body.to_vec())?)
        }
    }

    /// Asks for something. Without an answer the status is 0.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let nothing = |error: &dyn std::fmt::Display| Answer {
            status: 0,
            headers: BTreeMap::new(),
            text: error.to_string(),
            body: Value::Null,
        };
        let mut response = match self.open(method, path, headers, body) {
            Ok(response) => response,
            Err(error) => return nothing(&error),
        };
        let status = response.status().as_u16();
        let shown = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = response.headers().iter().map(|(name, value)| (name.to_string(), shown(value))).collect();
        match response.body_mut().with_config().limit(64 << 20).read_to_string() {
            Ok(text) => Answer { status, headers, body: serde_json::from_str(&text).unwrap_or_default(), text },
            Err(error) => nothing(&error),
        }
    }

    /// GET.
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], &[])
    }

    /// DELETE.
    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], &[])
    }

    /// POST with a body of JSON.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[("content-type", "application/json")], body.to_string().as_bytes())
    }

    /// PATCH with a body of JSON.
    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send("PATCH", path, &[("content-type", "application/json")], body.to_string().as_bytes())
    }

    /// Sends one event, structured.
    pub fn event(&self, event: &Value) -> Answer {
        let kind = [("content-type", "application/cloudevents+json")];
        self.send("POST", "/v1/events", &kind, event.to_string().as_bytes())
    }

    /// Sends a batch of events.
    pub fn batch(&self, events: &Value) -> Answer {
        let kind = [("content-type", "application/cloudevents-batch+json")];
        self.send("POST", "/v1/events", &kind, events.to_string().as_bytes())
    }

    /// Uploads a component, with the owner's yes to one that nobody signed.
    pub fn upload(&self, name: &str, wasm: &[u8]) -> Answer {
        self.upload_as(&format!("{name}&unsigned=true"), wasm)
    }

    /// Uploads a component under a name, which other parameters may follow.
    pub fn upload_as(&self, name: &str, wasm: &[u8]) -> Answer {
        self.send("POST", &format!("/v1/plugins?name={name}"), &[("content-type", "application/wasm")], wasm)
    }
}

/// An event of some type, with an id of its own.
pub fn event(kind: &str, data: Value) -> Value {
    json!({ "specversion": "1.0", "id": format!("e-{}", fresh()), "source": "test", "type": kind, "data": data })
}

/// A business on a server, quiet at no hour, with its owner's token.
#[derive(Debug)]
pub struct Shop {
    /// The server it is on.
    pub server: Arc<Server>,
    /// Its id.
    pub business: String,
    /// Talks as its owner.
    pub owner: Client,
}

impl Shop {
    /// Opens one on the shared server.
    pub fn open() -> Self {
        Self::open_on(Server::shared())
    }

    /// Opens one on a server.
    pub fn open_on(server: Arc<Server>) -> Self {
        let quiet = json!({ "from": "21:00", "to": "08:00", "enabled": false });
        let about = json!({ "name": "Baker Street Bakery", "zone": "Europe/Berlin", "quiet": quiet });
        let made = server.as_operator().post("/v1/businesses", &about).with(201);
        let business = text(&made["id"]);
        let token = json!({ "role": "owner", "label": "Petra" });
        let token = server.as_operator().of(&business).post("/v1/tokens", &token).with(201);
        let owner = server.client(&text(&token["secret"]));
        Self { server, business, owner }
    }

    /// The same shop after its server was started anew.
    pub fn moved(&self, server: Arc<Server>) -> Self {
        let owner = server.client(self.owner.secret());
        Self { server, business: self.business.clone(), owner }
    }

    /// Installs a prebuilt plugin, grants what it asks for, and turns it on.
    pub fn enable(&self, plugin: &str) {
        let wasm = std::fs::read(plugin_file(plugin)).expect("a plugin's file can be read");
        self.enable_as(plugin, &wasm);
    }

    /// The same for any component, under a name.
    pub fn enable_as(&self, name: &str, wasm: &[u8]) {
        let uploaded = self.owner.upload(name, wasm);
        assert!(matches!(uploaded.status, 200 | 201), "{}", uploaded.text);
        let grants = uploaded.body["permissions"].as_array().into_iter().flatten();
        let grants: Vec<&Value> = grants.map(|permission| &permission["interface"]).collect();
        self.owner.patch(&format!("/v1/plugins/{name}"), &json!({ "grants": grants, "enabled": true })).with(200);
    }

    /// A token of some role.
    pub fn token(&self, role: &str) -> Client {
        let made = self.owner.post("/v1/tokens", &json!({ "role": role, "label": "Otto" })).with(201);
        self.owner.token(&text(&made["secret"]))
    }

    /// Takes an event about a customer, given by an address; gives the customer's id.
    ///
    /// # Panics
    /// When it is not taken as a new one.
    #[track_caller]
    pub fn tell(&self, address: &str, kind: &str, mut data: Value) -> String {
        data["customer"]["addresses"] = json!([address]);
        text(&self.owner.event(&event(kind, data)).with(202)["customer"])
    }

    /// A customer writes by chat; gives the customer's id.
    #[track_caller]
    pub fn says(&self, address: &str, words: &str) -> String {
        self.tell(address, "attune.message.received.v1", json!({ "text": words }))
    }

    /// An order of a customer is shipped; gives the customer's id.
    #[track_caller]
    pub fn shipped(&self, address: &str, number: &str) -> String {
        let shipments = json!([{ "carrier": "DHL", "tracking": "JD014600003828" }]);
        let order = json!({ "id": number, "number": number, "items": ["Rye bread"], "shipments": shipments });
        self.tell(address, "attune.order.shipped.v1", json!({ "order": order }))
    }

    /// A whole conversation, oldest message first.
    #[track_caller]
    pub fn conversation(&self, customer: &str) -> Vec<Value> {
        let mut messages = pages(&self.owner, &format!("/v1/customers/{customer}/messages?limit=200"), "before");
        messages.reverse();
        messages
    }

    /// Waits for a message of a conversation that fits.
    #[track_caller]
    pub fn message(&self, customer: &str, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        until(&format!("there is {what}"), || {
            // A customer that the journal knows may not have had their step yet.
            let path = format!("/v1/customers/{customer}/messages?limit=200");
            self.owner.get(&path).body["items"].as_array()?.iter().find(|message| fits(message)).cloned()
        })
    }

    /// A customer writes by chat; waits for the answer that the same step gives, and gives the message and the answer.
    /// The words have to be new in the conversation.
    #[track_caller]
    pub fn asks(&self, address: &str, words: &str) -> (Value, Value) {
        let customer = self.says(address, words);
        let asked = self.message(&customer, &format!("the message `{words}`"), |message| message["text"] == words);
        let answer = self.message(&customer, &format!("an answer to `{words}`"), |message| {
            message["author"] == "automation"
                && message["entry"] == asked["entry"]
                && message["delivery"]["state"] == "sent"
        });
        (asked, answer)
    }

    /// Waits until nothing waits in the journal of the whole server.
    pub fn settled(&self) {
        let client = self.server.client("");
        until("the queue is empty", || (figure(&client, "attune_queue_entries") == Some(0.0)).then_some(()));
    }
}

/// Whether a message has these words in it.
pub fn says(message: &Value, words: &str) -> bool {
    message["text"].as_str().is_some_and(|text| text.contains(words))
}

/// A text in JSON, without its quotes.
///
/// # Panics
/// When it is none.
#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// Everything a list has, page by page. `cursor` is the parameter that goes on; the path has a `?`.
#[track_caller]
pub fn pages(client: &Client, path: &str, cursor: &str) -> Vec<Value> {
    let (mut found, mut next) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("{path}{next}")).with(200);
        found.extend(page["items"].as_array().cloned().unwrap_or_default());
        match page["next"].as_str() {
            Some(at) => next = format!("&{cursor}={at}"),
            None => return found,
        }
    }
}

/// A figure of `/metrics`, without labels.
pub fn figure(client: &Client, name: &str) -> Option<f64> {
    let all = client.get("/metrics").text;
    all.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}
