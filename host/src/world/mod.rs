//! The worlds in which one engine runs: `serve` (real clock, real randomness; in `attune dev` with the clock put forward), `test`
//! (virtual clock, derived ids) and `replay` (history: every time and id stands in the journal).
//!
//! This is the only place that reads a clock or draws a random number for the engine.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::domain::time::Instant;

/// What the engine cannot know by itself.
pub trait World: Send + Sync {
    /// What time it is.
    fn now(&self) -> Instant;
    /// Ten bytes that make an id unique. Each is greater than the one before, so that ids made within one millisecond sort in
    /// the order in which they were made; and well apart, so that ids derived from one do not reach the next.
    fn unique(&self) -> [u8; 10];
    /// Ten bytes that nobody can guess, for secrets.
    fn secret(&self) -> [u8; 10];
    /// A clock for measuring, in microseconds from some start; zero throughout where time is virtual.
    fn stopwatch_us(&self) -> u64;
}

/// The real world.
pub struct Serve {
    started: std::time::Instant,
    /// The last unique bytes, as a number; zero before the first.
    last: Mutex<u128>,
}

/// How far apart unique numbers are at least, and how much is drawn on top.
const APART: u128 = 1 << 16;
const DRAWN_BYTES: usize = 5;

impl Serve {
    /// The real world, from now on.
    #[expect(clippy::disallowed_methods, reason = "this is the world's own clock")]
    #[expect(clippy::new_without_default, reason = "it reads the clock, which a default should not")]
    pub fn new() -> Self {
        Self { started: std::time::Instant::now(), last: Mutex::new(0) }
    }
}

impl World for Serve {
    #[expect(clippy::disallowed_methods, reason = "this is the world's own clock")]
    fn now(&self) -> Instant {
        Instant::from(jiff::Timestamp::now())
    }

    fn unique(&self) -> [u8; 10] {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // It begins in the lower half and there is room for 2^39 more, which no process lives to see.
        *last = match *last {
            0 => number(random()) >> 1,
            last => last + APART + (number(random()) >> (80 - 8 * DRAWN_BYTES)),
        };
        tail(*last)
    }

    fn secret(&self) -> [u8; 10] {
        random()
    }

    fn stopwatch_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the world's own randomness")]
fn random() -> [u8; 10] {
    let mut bytes = [0; 10];
    if let Err(error) = getrandom::fill(&mut bytes) {
        // Without randomness ids could repeat, and a repeated id loses a message: stop rather than go on.
        tracing::error!(%error, "the system gives no randomness");
        std::process::abort();
    }
    bytes
}

fn number(bytes: [u8; 10]) -> u128 {
    bytes.iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

fn tail(number: u128) -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes.copy_from_slice(&number.to_be_bytes()[6..]);
    bytes
}

/// The real world with a clock that can be put forward, to see now what happens later.
pub struct Ahead {
    real: Serve,
    ahead_ms: AtomicU64,
}

impl Ahead {
    /// The real world, so many milliseconds ahead of it.
    pub fn new(ahead_ms: u64) -> Self {
        Self { real: Serve::new(), ahead_ms: AtomicU64::new(ahead_ms) }
    }

    /// By how many milliseconds the clock is ahead.
    pub fn ahead_ms(&self) -> u64 {
        self.ahead_ms.load(Ordering::SeqCst)
    }

    /// Puts the clock forward to a moment; never back.
    pub fn advance_to(&self, at: Instant) {
        self.ahead_ms.fetch_max(at.0.saturating_sub(self.real.now().0), Ordering::SeqCst);
    }
}

impl World for Ahead {
    fn now(&self) -> Instant {
        self.real.now().plus(self.ahead_ms())
    }

    fn unique(&self) -> [u8; 10] {
        self.real.unique()
    }

    fn secret(&self) -> [u8; 10] {
        self.real.secret()
    }

    fn stopwatch_us(&self) -> u64 {
        self.real.stopwatch_us()
    }
}

/// A world whose clock moves only when it is told to, and whose ids follow from a seed.
pub struct Test {
    now_ms: AtomicU64,
    seed: u64,
    drawn: AtomicU64,
}

impl Test {
    /// A world that starts at a moment.
    pub fn new(now: Instant, seed: u64) -> Self {
        Self { now_ms: AtomicU64::new(now.0), seed, drawn: AtomicU64::new(0) }
    }

    /// The number of this draw, and what follows from it and the seed.
    fn draw(&self) -> (u64, [u8; 10]) {
        let drawn = self.drawn.fetch_add(1, Ordering::SeqCst);
        let digest = Sha256::new().chain_update(self.seed.to_be_bytes()).chain_update(drawn.to_be_bytes()).finalize();
        let mut bytes = [0; 10];
        bytes.copy_from_slice(&digest[..10]);
        (drawn, bytes)
    }

    /// Moves the clock forward to a moment; never back.
    pub fn advance_to(&self, at: Instant) {
        self.now_ms.fetch_max(at.0, Ordering::SeqCst);
    }
}

impl World for Test {
    fn now(&self) -> Instant {
        Instant(self.now_ms.load(Ordering::SeqCst))
    }

    fn unique(&self) -> [u8; 10] {
        let (drawn, random) = self.draw();
        tail(u128::from(drawn + 1) << 24 | number(random) >> 60)
    }

    fn secret(&self) -> [u8; 10] {
        self.draw().1
    }

    fn stopwatch_us(&self) -> u64 {
        0
    }
}

/// History: every time and id stands in the journal, so nothing is asked of this world; what is asked gets the last entry's time.
pub struct Replay(pub Instant);

impl World for Replay {
    fn now(&self) -> Instant {
        self.0
    }

    fn unique(&self) -> [u8; 10] {
        [0; 10]
    }

    fn secret(&self) -> [u8; 10] {
        [0; 10]
    }

    fn stopwatch_us(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::DAY;

    #[test]
    fn a_clock_that_was_put_forward_goes_on_and_never_back() {
        let world = Ahead::new(DAY);
        let before = world.now();
        assert!(before >= Serve::new().now().plus(DAY - 1_000), "{before}");
        world.advance_to(before.plus(3 * DAY));
        let later = world.now();
        assert!(later >= before.plus(3 * DAY), "{later}");
        world.advance_to(before);
        assert!(world.now() >= later);
    }

    #[test]
    fn unique_bytes_rise_and_leave_room_in_between() {
        let worlds: [&dyn World; 2] = [&Serve::new(), &Test::new(Instant(0), 7)];
        for world in worlds {
            let drawn: Vec<u128> = (0..1_000).map(|_| number(world.unique())).collect();
            assert!(drawn.windows(2).all(|two| two[0] + 1_000 < two[1]), "{drawn:x?}");
        }
    }
}
