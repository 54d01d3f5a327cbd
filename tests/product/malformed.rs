//! Components that no compiler would make: made at random, changed at random, cut and spliced. The loader takes them or refuses
//! them in words; it never crashes. A failure names its kind and seed, and `ATTUNE_TEST_SEED` makes it again.

use std::panic::AssertUnwindSafe;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use arbitrary::Unstructured;
use attune::sandbox::{Cache, Compiler, Rejected, Sandbox};
use attune::workbench::build::wrap;
use wasm_mutate::WasmMutate;
use wasm_smith::Config;

use crate::components;

/// Cases of each kind; `make soak` asks for more.
const CASES: [(&str, usize, Make); 3] =
    [("made", 6_000, made), ("mutated", 4_000, mutated), ("spliced", 10_000, spliced)];

/// A good plugin, and its core module.
static WELL: LazyLock<Vec<u8>> = LazyLock::new(components::well);
static WELL_MODULE: LazyLock<Vec<u8>> = LazyLock::new(components::well_module);

type Make = fn(&mut Dice) -> Option<Vec<u8>>;

/// Numbers from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

/// A component made at random, which says of itself what a plugin has to.
fn made(dice: &mut Dice) -> Option<Vec<u8>> {
    let count = 64 + dice.below(2_000);
    let bytes = dice.bytes(count);
    let mut source = Unstructured::new(&bytes);
    let config = Config { max_components: 3, max_instances: 6, max_modules: 4, ..Config::default() };
    let component = wasm_smith::Component::new(config, &mut source).ok()?;
    Some(components::says(component.to_bytes(), &components::about()))
}

/// A good plugin whose core module was changed at random so that it is still a module.
fn mutated(dice: &mut Dice) -> Option<Vec<u8>> {
    let mut mutate = WasmMutate::default();
    mutate.seed(dice.next()).fuel(200).preserve_semantics(false);
    let changed = mutate.run(&WELL_MODULE).ok()?.next()?.ok()?;
    // What no component can be made of is not the loader's to judge.
    let wrapped = std::panic::catch_unwind(AssertUnwindSafe(|| wrap(&changed, &components::manifest())));
    wrapped.ok()?.ok()
}

/// A good plugin with bytes changed, taken out, put in or moved.
fn spliced(dice: &mut Dice) -> Option<Vec<u8>> {
    let mut bytes = WELL.clone();
    for _ in 0..1 + dice.below(4) {
        let (at, len) = (dice.below(bytes.len()), 1 + dice.below(24));
        let end = (at + len).min(bytes.len());
        match dice.below(4) {
            0 => bytes[at] ^= 1 << dice.below(8),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let new = dice.bytes(len);
                bytes.splice(at..at, new);
            }
            _ => {
                let piece = bytes[at..end].to_vec();
                let to = dice.below(bytes.len());
                bytes.splice(to..to, piece);
            }
        }
        if bytes.is_empty() {
            break;
        }
    }
    Some(bytes)
}

#[test]
fn twenty_thousand_components_that_nobody_would_make_are_taken_or_refused() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("ATTUNE_TEST_SEED").unwrap_or(1);
    let times = number("ATTUNE_TEST_TIMES").unwrap_or(1) as usize;
    let sandbox = Sandbox::new(Cache::none(), Compiler::Here).unwrap();
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    for (kind, cases, make) in CASES {
        let (next, taken, refused) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let work = || {
            while let n = next.fetch_add(1, Ordering::Relaxed)
                && n < cases * times
            {
                let seed = first.wrapping_add(n as u64);
                let mut dice = Dice(seed);
                let judged = std::panic::catch_unwind(AssertUnwindSafe(|| {
                    // A seed of which nothing can be made is followed by others.
                    let component = std::iter::repeat_with(|| make(&mut dice)).flatten().next().unwrap_or_default();
                    sandbox.load(&component).map(|_| ()).map_err(|refused| refused.to_string())
                }));
                match judged.unwrap_or_else(|_| panic!("{kind}, ATTUNE_TEST_SEED={seed}: the loader crashed")) {
                    Ok(()) => taken.fetch_add(1, Ordering::Relaxed),
                    Err(words) => {
                        assert!(!words.is_empty(), "{kind}, ATTUNE_TEST_SEED={seed}");
                        refused.fetch_add(1, Ordering::Relaxed)
                    }
                };
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(work);
            }
        });
        println!(
            "{kind}: seeds {first} to {}: {taken:?} taken, {refused:?} refused",
            first + (cases * times) as u64 - 1
        );
    }
}

#[test]
fn proposals_that_plugins_do_not_need_are_off() {
    let sandbox = Sandbox::new(Cache::none(), Compiler::Here).unwrap();
    let with = |fields: &str| {
        let component = wat::parse_str(format!("(component (core module {fields}))")).unwrap();
        sandbox.load(&components::says(component, &components::about())).err()
    };
    assert!(matches!(with("(memory 1) (func)"), Some(Rejected::NoExport { .. })), "it is compiled");
    for (proposal, fields) in [
        ("threads", "(memory 1 1 shared)"),
        ("64-bit memories", "(memory i64 1)"),
        ("several memories", "(memory 1) (memory 1)"),
        ("garbage collection", "(type $pair (struct (field i32) (field i32)))"),
        ("typed function references", "(type $f (func)) (func (param (ref $f)))"),
        ("relaxed vectors", "(func (param v128) (drop (i32x4.relaxed_trunc_f32x4_s (local.get 0))))"),
        ("tail calls", "(func $again (return_call $again))"),
        ("exceptions", "(tag $thrown) (func (throw $thrown))"),
        ("stack switching", "(type $f (func)) (type $k (cont $f))"),
    ] {
        let refused = with(fields);
        assert!(matches!(refused, Some(Rejected::NotAComponent(_))), "{proposal}: {refused:?}");
    }
}
