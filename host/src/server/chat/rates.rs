//! How often one visitor, or one address of the network, may begin and write, and how many streams it holds.
//!
//! All of it is in memory and bounded: a restart forgets it, and so does a crowd larger than the table. It is no promise to
//! anybody, only what keeps one sender from filling a business's conversations.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::domain::ids::{BusinessId, CustomerId};
use crate::domain::time::{Instant, SECOND};

use super::super::App;
use super::super::problem::Problem;

/// So many at once, and afterwards one in so long.
#[derive(Debug, Clone, Copy)]
struct Rate {
    burst: u64,
    every_ms: u64,
}

/// New conversations of one address: a family or a small office behind one address comes through at once, a script that makes
/// customers does not.
const BEGIN: Rate = Rate { burst: 20, every_ms: 60 * SECOND };
/// Messages of one visitor: faster than anybody types whole sentences.
const WRITE: Rate = Rate { burst: 10, every_ms: 3 * SECOND };
/// Messages of one address, of all its visitors.
const WRITE_ALL: Rate = Rate { burst: 60, every_ms: SECOND };
/// Streams of one address: a page holds one while it is looked at.
const STREAMS: u32 = 100;
/// When to come again for a stream, in seconds.
const STREAM_WAIT_S: u64 = 30;
/// How many visitors and addresses are remembered.
const KNOWN: usize = 65_536;

/// Whose count it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Who {
    Begins(BusinessId, Network),
    Writes(BusinessId, CustomerId),
    WritesFrom(BusinessId, Network),
}

/// An address of the network; of IPv6 the first 64 bits, which are one household's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

/// Whom a connection is from, as the system says.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// What was used lately.
#[derive(Default)]
pub struct Rates {
    /// When each would be as if nothing had been asked.
    rested: Mutex<HashMap<Who, Instant>>,
    streams: Arc<Mutex<HashMap<Network, u32>>>,
    /// Whether the operator was told that all visitors seem to be at one address.
    warned: AtomicBool,
}

/// A place among the streams of an address; it is free again when this is dropped.
pub struct Place(Network, Arc<Mutex<HashMap<Network, u32>>>);

impl Rates {
    /// A new conversation.
    ///
    /// # Errors
    /// The problem, with when to come again. So for all below.
    pub fn begin(&self, business: BusinessId, network: Network, now: Instant) -> Result<(), Problem> {
        let wait = self.count(Who::Begins(business, network), BEGIN, now);
        self.warn(wait, network);
        told(wait, "many new conversations come from your address")
    }

    /// A visitor's message.
    pub fn write(
        &self,
        business: BusinessId,
        customer: CustomerId,
        network: Network,
        now: Instant,
    ) -> Result<(), Problem> {
        told(self.count(Who::Writes(business, customer), WRITE, now), "you sent many messages in a short time")?;
        let wait = self.count(Who::WritesFrom(business, network), WRITE_ALL, now);
        self.warn(wait, network);
        told(wait, "many messages come from your address")
    }

    /// Behind a proxy that does not say whom it speaks for, all visitors have one address, and its limits are theirs together.
    fn warn(&self, wait_ms: Option<u64>, network: Network) {
        if wait_ms.is_some() && is_near(network.0) && !self.warned.swap(true, Ordering::Relaxed) {
            let address = network.0;
            tracing::warn!(%address, "visitors of the chat are held back; if a proxy is there, have it set X-Forwarded-For");
        }
    }

    /// A stream.
    pub fn stream(&self, network: Network) -> Result<Place, Problem> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let held = streams.entry(network).or_default();
        if *held >= STREAMS {
            return Err(Problem::too_many(STREAM_WAIT_S, "many conversations are followed from your address"));
        }
        *held += 1;
        drop(streams);
        Ok(Place(network, self.streams.clone()))
    }

    /// Counts one. If that is too many it does not count, and this is how long to wait, in milliseconds.
    fn count(&self, who: Who, rate: Rate, now: Instant) -> Option<u64> {
        let mut rested = self.rested.lock().unwrap_or_else(PoisonError::into_inner);
        if rested.len() >= KNOWN && !rested.contains_key(&who) {
            rested.retain(|_, at| *at > now);
            if rested.len() >= KNOWN {
                rested.clear();
            }
        }
        let at = rested.get(&who).copied().filter(|at| *at > now).unwrap_or(now).plus(rate.every_ms);
        let over = at.0.saturating_sub(now.plus(rate.burst * rate.every_ms).0);
        if over > 0 {
            return Some(over);
        }
        rested.insert(who, at);
        None
    }
}

fn told(wait_ms: Option<u64>, what: &str) -> Result<(), Problem> {
    match wait_ms {
        None => Ok(()),
        Some(wait_ms) => Err(Problem::too_many(wait_ms.div_ceil(SECOND), what)),
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut streams = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        let left = streams.get(&self.0).map_or(0, |held| held.saturating_sub(1));
        if left == 0 {
            streams.remove(&self.0);
        } else {
            streams.insert(self.0, left);
        }
    }
}

impl FromRequestParts<Arc<App>> for Network {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0.ip());
        Ok(Self::of(peer, &parts.headers))
    }
}

impl Network {
    /// The address that asks. A peer on this machine or in its own network is taken for the proxy in front, whose word counts:
    /// the last address that it added. What came with the request before stands further left and counts for nothing.
    fn of(peer: IpAddr, headers: &HeaderMap) -> Self {
        let said = headers.get_all("x-forwarded-for").iter().next_back();
        let said = said.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
        let address = said.filter(|_| is_near(peer)).unwrap_or(peer).to_canonical();
        Self(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & !u128::from(u64::MAX))),
        })
    }
}

/// Whether an address is of this machine or of a private network.
fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(four) => four.is_loopback() || four.is_private() || four.is_link_local(),
        IpAddr::V6(six) => six.is_loopback() || six.is_unique_local() || six.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: BusinessId = BusinessId([1; 16]);
    const NOW: Instant = Instant(1_790_000_000_000);

    fn network(address: &str) -> Network {
        Network::of(address.parse().unwrap(), &HeaderMap::new())
    }

    #[test]
    fn a_burst_passes_then_one_in_so_long() {
        let rates = Rates::default();
        let who = Who::Writes(SHOP, CustomerId([2; 16]));
        for n in 0..WRITE.burst {
            assert_eq!(rates.count(who, WRITE, NOW), None, "{n}");
        }
        assert_eq!(rates.count(who, WRITE, NOW), Some(WRITE.every_ms));
        assert_eq!(rates.count(who, WRITE, NOW.plus(1_000)), Some(WRITE.every_ms - 1_000), "asking costs nothing");
        assert_eq!(rates.count(who, WRITE, NOW.plus(WRITE.every_ms)), None);
        assert_eq!(rates.count(who, WRITE, NOW.plus(WRITE.every_ms)), Some(WRITE.every_ms));
        assert_eq!(rates.count(Who::Writes(SHOP, CustomerId([3; 16])), WRITE, NOW), None, "another visitor");
        let rested = NOW.plus((WRITE.burst + 1) * WRITE.every_ms);
        let passed = (0..2 * WRITE.burst).filter(|_| rates.count(who, WRITE, rested).is_none()).count();
        assert_eq!(passed as u64, WRITE.burst);
    }

    #[test]
    fn a_crowd_does_not_fill_the_memory() {
        let rates = Rates::default();
        for n in 0..KNOWN as u128 + 10 {
            rates.count(Who::Writes(SHOP, CustomerId(n.to_be_bytes())), WRITE, NOW);
        }
        assert!(rates.rested.lock().unwrap().len() <= KNOWN);
    }

    #[test]
    fn an_address_follows_so_many_conversations_and_no_more() {
        let rates = Rates::default();
        let near = network("203.0.113.7");
        let mut places: Vec<Place> = (0..STREAMS).map(|_| rates.stream(near).unwrap()).collect();
        assert!(rates.stream(near).is_err());
        assert!(rates.stream(network("203.0.113.8")).is_ok(), "another address");
        places.pop();
        places.push(rates.stream(near).unwrap());
        drop(places);
        assert!(rates.streams.lock().unwrap().is_empty());
    }

    #[test]
    fn whom_a_request_is_from() {
        let of = |peer: &str, said: &str| {
            let mut headers = HeaderMap::new();
            if !said.is_empty() {
                headers.insert("x-forwarded-for", said.parse().unwrap());
            }
            Network::of(peer.parse().unwrap(), &headers).0.to_string()
        };
        for (peer, said, from) in [
            ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
            ("10.0.0.2", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
            ("::ffff:127.0.0.1", "203.0.113.7", "203.0.113.7"),
            ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
            ("127.0.0.1", "", "127.0.0.1"),
            ("127.0.0.1", "unknown", "127.0.0.1"),
            ("127.0.0.1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2:9:9:9:9", "", "2001:db8:1:2::"),
        ] {
            assert_eq!(of(peer, said), from, "{peer} says {said}");
        }
    }
}
