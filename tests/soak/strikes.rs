//! One attack and how it strikes: once a round, on a server that stands.

use std::sync::Arc;

use attune_tests::{Server, Shop, fresh};
use serde_json::json;

use crate::attacks::{self, Guest};
use crate::bombs::{self, Bomb, Ends};
use crate::components;

/// In how many rounds a file is cut at every byte.
const CUTS: usize = 20;

/// An attack.
pub struct Attack {
    /// Its number and name.
    pub name: String,
    /// How it has to end, in a few words.
    pub ends: String,
    /// One strike for so many of the others: for what takes long.
    pub rarer: usize,
    kind: Kind,
}

enum Kind {
    Guest(Guest),
    Bomb(Bomb),
    Cut(Vec<u8>),
}

/// Every attack there is.
pub fn all() -> Vec<Attack> {
    let guests = attacks::guests().into_iter().map(|guest| {
        let rarer = if guest.attempt > 1 { 250 } else { 1 };
        Attack { name: guest.name.clone(), ends: guest.expect.clone(), rarer, kind: Kind::Guest(guest) }
    });
    let files = |bombs: Vec<Bomb>, rarer: usize| {
        bombs.into_iter().map(move |bomb| {
            let ends = match bomb.ends {
                Ends::Refused(_) => "refused",
                Ends::Runs(outcome) => outcome,
                Ends::StaysOff => "stays off",
            };
            Attack { name: bomb.name.to_owned(), ends: ends.to_owned(), rarer, kind: Kind::Bomb(bomb) }
        })
    };
    let cut = Attack {
        name: "38 a component cut at any byte".to_owned(),
        ends: "refused".to_owned(),
        rarer: 50,
        kind: Kind::Cut(components::well()),
    };
    guests
        .chain([cut])
        .chain(files(bombs::forged(), 1))
        .chain(files(bombs::heavy(), 50))
        .chain(files(bombs::greedy(), 500))
        .collect()
}

impl Attack {
    /// Strikes so many times, in a business of its own, and leaves nothing turned on.
    ///
    /// # Panics
    /// When it ends otherwise than it has to.
    pub fn strike(&self, server: &Arc<Server>, rounds: usize) {
        let shop = Shop::open_on(server.clone());
        match &self.kind {
            Kind::Guest(guest) => match guest.refusal() {
                Some(words) => (0..rounds).for_each(|_| guest.is_refused(&shop, words)),
                None if guest.attempt > 1 => (0..rounds).for_each(|_| waits(server, guest)),
                None => run(&shop, guest, rounds),
            },
            Kind::Bomb(bomb) => {
                for _ in 0..rounds {
                    // Another file each time, or its code would be at hand.
                    let wasm = components::with_custom(bomb.wasm.clone(), "round", fresh().to_string().as_bytes());
                    attacks::drop_bomb(&shop, &Bomb { wasm, ..*bomb }, "chat:anna");
                }
            }
            Kind::Cut(whole) => {
                for round in 0..rounds {
                    for at in (round % CUTS..whole.len()).step_by(CUTS) {
                        let refused = shop.owner.upload("cut", &whole[..at]);
                        assert!(refused.status == 422 && refused.text.contains("component"), "{at}: {}", refused.text);
                    }
                }
            }
        }
    }
}

/// Lets a guest run, each time for somebody else: what failed for one customer waits.
fn run(shop: &Shop, guest: &Guest, rounds: usize) {
    shop.enable_as("guest", &guest.wasm());
    let mut round = 0;
    while round < rounds {
        let last = guest.runs(shop, &format!("chat:{}", fresh()));
        if last.is_null() {
            // After five failures in a row, further attempts among them, it is paused: the owner turns it on again.
            let plugin = shop.owner.get("/v1/plugins/guest").with(200);
            assert!(plugin["paused"].is_object() || plugin["runs"] == true, "{}: {plugin:#}", guest.name);
            shop.owner.patch("/v1/plugins/guest", &json!({ "enabled": true })).with(200);
            continue;
        }
        guest.judge(&last);
        round += 1;
    }
    assert_eq!(shop.owner.delete("/v1/plugins/guest").status, 204);
}

/// A guest that is judged at a later attempt must not be paused before, so each has a business of its own.
fn waits(server: &Arc<Server>, guest: &Guest) {
    let shop = Shop::open_on(server.clone());
    shop.enable_as("guest", &guest.wasm());
    guest.strike(&shop, "chat:anna");
    assert_eq!(shop.owner.delete("/v1/plugins/guest").status, 204);
}
