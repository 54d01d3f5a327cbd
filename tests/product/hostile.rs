//! What means harm, each on the built server beside a healthy business. What has to become of it stands with it; whatever that is,
//! the healthy business gets its answers and the host's memory stays.

use std::sync::Arc;

use attune::sandbox::{Cache, Compiler, Sandbox};
use attune_tests::{Server, Shop, event, says, until};
use serde_json::json;

use crate::attacks::{self, Guest};
use crate::bombs::{self, Bomb};
use crate::components::{self, guest};

/// How much more memory the host may hold after all of them, in bytes.
const GROWTH_BYTES: u64 = 16 << 20;

/// The same for files that take much while they are looked at: what the allocator keeps of that for next time, on each of the threads
/// that looked. Six times what one of them takes is more.
const ROOM_BYTES: u64 = 96 << 20;

/// A business that is asked again and again.
struct Healthy {
    shop: Shop,
    asked: usize,
}

impl Healthy {
    fn open_on(server: &Arc<Server>) -> Self {
        let shop = Shop::open_on(server.clone());
        shop.enable("order-status");
        shop.shipped("chat:anna", "#1001");
        let mut healthy = Self { shop, asked: 0 };
        healthy.is_well();
        healthy
    }

    fn is_well(&mut self) {
        self.asked += 1;
        // In letters: a number might be an order's.
        let time: String = self.asked.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect();
        let (_, answer) = self.shop.asks("chat:anna", &format!("Where is my order? I ask for the {time}th time"));
        assert!(says(&answer, "#1001"), "{answer}");
    }
}

fn judge(server: &Arc<Server>, guest: &Guest) {
    let shop = Shop::open_on(server.clone());
    match guest.refusal() {
        Some(words) => guest.is_refused(&shop, words),
        None => {
            shop.enable_as("guest", &guest.wasm());
            guest.strike(&shop, "chat:anna");
        }
    }
}

fn resident_bytes(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1_024
}

#[test]
fn every_hostile_guest_comes_to_its_end_and_harms_nobody() {
    let server = Arc::new(Server::start());
    let mut healthy = Healthy::open_on(&server);
    let before = resident_bytes(&server);
    for guest in &attacks::guests() {
        judge(&server, guest);
        healthy.is_well();
    }
    let after = resident_bytes(&server);
    assert!(after < before + GROWTH_BYTES, "the host holds {before} bytes before and {after} after");
}

/// Drops each so many times, and asks the healthy business for as long as it takes.
fn drop_all(bombs: &[Bomb], times: usize) {
    let server = Arc::new(Server::start());
    let mut healthy = Healthy::open_on(&server);
    let shop = Shop::open_on(server.clone());
    let before = resident_bytes(&server);
    for bomb in (0..times).flat_map(|_| bombs) {
        std::thread::scope(|scope| {
            let dropping = scope.spawn(|| attacks::drop_bomb(&shop, bomb, "chat:anna"));
            while !dropping.is_finished() {
                healthy.is_well();
            }
        });
    }
    let after = resident_bytes(&server);
    assert!(after < before + ROOM_BYTES, "the host holds {before} bytes before and {after} after");
}

#[test]
fn every_bomb_is_refused_in_words_or_runs_within_its_limits() {
    drop_all(&bombs::heavy(), 1);
}

#[test]
#[ignore = "takes minutes; the soak drops them too"]
fn every_greedy_bomb_is_refused_in_words() {
    drop_all(&bombs::greedy(), 1);
}

#[test]
fn what_a_file_says_of_itself_is_refused_in_words_or_harmless() {
    drop_all(&bombs::forged(), 6);
}

#[test]
fn a_plugin_that_keeps_failing_is_stopped_and_the_owner_reads_why() {
    let shop = Shop::open();
    let endless = "(func $handle (param i32 i32 i32 i32) (result i32) (loop $again (br $again)) (unreachable))";
    shop.enable_as("guest", &components::guest(endless, &[]));
    for customer in 0..5 {
        // Somebody else each time: what failed for one customer waits, and is no failure of the next.
        let data = json!({ "customer": { "addresses": [format!("chat:{customer}")] } });
        shop.owner.event(&event("com.example.weather", data)).with(202);
    }
    let paused = until("the plugin is stopped", || {
        let plugin = shop.owner.get("/v1/plugins/guest").with(200);
        plugin["paused"].is_object().then(|| plugin["paused"].clone())
    });
    assert_eq!(
        paused["reason"],
        "stopped after 5 failures in a row; the last time, when any other event comes in, it used up its 200 ms of computing"
    );
    // It runs no more, and the owner can turn it on again.
    assert!(attacks::run(&shop, &attacks::weather("chat:anna")).is_null());
    let again = shop.owner.patch("/v1/plugins/guest", &json!({ "enabled": true })).with(200);
    assert!(again["paused"].is_null(), "{again:#}");
}

#[test]
fn a_component_cut_at_any_byte_is_refused_in_words() {
    let sandbox = Sandbox::new(Cache::none(), Compiler::Here).unwrap();
    let whole = guest("(func $handle (param i32 i32 i32 i32) (result i32) (i32.const 16))", &[]);
    assert!(sandbox.load(&whole).is_ok());
    for cut in 0..whole.len() {
        let refused = sandbox.load(&whole[..cut]).err().unwrap_or_else(|| panic!("taken though cut at byte {cut}"));
        assert!(refused.to_string().contains("component"), "byte {cut}: {refused}");
    }
}
