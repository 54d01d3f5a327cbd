//! What the runtime of a language needs of WASI, and nothing of it that could tell one run from its replay: the clock stands at
//! the step's `now`, random numbers follow from the entry, what is printed goes to the run's log. There are no files, no
//! arguments, no environment and no network; to ask for them is answered with an error, where the call has one.
//!
//! Each function is defined when a component that imports it is loaded. An interface that is not in [`OFFERED`] is refused then,
//! by name.

use sha2::{Digest, Sha256};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{ComponentType, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType, Type, Val};
use wasmtime::{Engine, StoreContextMut, Trap};

use super::Rejected;
use super::host::Context;

/// The interfaces of WASI 0.2 that a component may import. What Python's runtime imports is all here.
const OFFERED: [&str; 27] = [
    "cli/environment",
    "cli/exit",
    "cli/stdin",
    "cli/stdout",
    "cli/stderr",
    "cli/terminal-input",
    "cli/terminal-output",
    "cli/terminal-stdin",
    "cli/terminal-stdout",
    "cli/terminal-stderr",
    "clocks/monotonic-clock",
    "clocks/wall-clock",
    "filesystem/preopens",
    "filesystem/types",
    "io/error",
    "io/poll",
    "io/streams",
    "random/random",
    "random/insecure",
    "random/insecure-seed",
    "sockets/instance-network",
    "sockets/ip-name-lookup",
    "sockets/network",
    "sockets/tcp",
    "sockets/tcp-create-socket",
    "sockets/udp",
    "sockets/udp-create-socket",
];

/// The version of WASI that is offered; later ones of the same line fit as well.
const VERSION: &str = "0.2.";

/// Where what is printed is cut into lines even if there is no end of one, in bytes.
const LINE_BYTES: usize = 1_000;

/// How much of what a run printed on standard error is kept, in bytes. The first error counts as well as the last: JavaScript
/// tells what happened first, Python last.
const ERROR_BYTES: usize = 4_000;

/// The most random bytes of one call.
const RANDOM_BYTES: u64 = 64 << 10;

/// What a random byte costs in fuel, and any other call that does work: about as much as it takes of the host.
const FUEL_A_RANDOM_BYTE: u64 = 40;
const FUEL_A_CALL: u64 = 500;

/// Bytes that a stream takes at once.
const STREAM_BYTES: u64 = 64 << 10;

/// One type for every resource of WASI. What one is stands in its number.
struct Thing;

const INPUT: u32 = 0;
const OUTPUT: u32 = 1;
const ERROR: u32 = 2;
const READY: u32 = 3;

/// What a run has printed, drawn and slept.
#[derive(Default)]
pub(super) struct Outside {
    line: Vec<u8>,
    error: Vec<u8>,
    error_cut: bool,
    drawn: u64,
    slept_ns: u64,
}

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    LastOperationFailed(Resource<Thing>),
    #[component(name = "closed")]
    Closed,
}

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

/// Whether an import is one of WASI's.
pub(super) fn is_wasi(name: &str) -> bool {
    name.starts_with("wasi:")
}

/// The interface that an import names, if it is offered.
fn offered(name: &str) -> Option<&'static str> {
    let (interface, version) = name.strip_prefix("wasi:")?.split_once('@')?;
    OFFERED.into_iter().find(|one| *one == interface).filter(|_| version.starts_with(VERSION))
}

/// Defines what a component imports of WASI.
pub(super) fn link(
    linker: &mut Linker<Context>,
    engine: &Engine,
    component: &wasmtime::component::Component,
) -> Result<(), Rejected> {
    let misfit = |error: wasmtime::Error| Rejected::Misfit(format!("{error:#}"));
    for (name, item) in component.component_type().imports(engine).filter(|(name, _)| is_wasi(name)) {
        let unknown = || Rejected::UnknownWasi(name.to_owned());
        let interface = offered(name).ok_or_else(unknown)?;
        let ComponentItem::ComponentInstance(kind) = item.ty else { return Err(unknown()) };
        let mut instance = linker.instance(name).map_err(misfit)?;
        for (function, item) in kind.exports(engine) {
            match item.ty {
                ComponentItem::ComponentFunc(_) => define(&mut instance, interface, function).map_err(misfit)?,
                ComponentItem::Resource(_) => {
                    instance.resource(function, ResourceType::host::<Thing>(), |_, _| Ok(())).map_err(misfit)?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

type Store<'a> = StoreContextMut<'a, Context>;
type This = (Resource<Thing>,);

fn define(into: &mut LinkerInstance<'_, Context>, interface: &'static str, function: &str) -> wasmtime::Result<()> {
    let thing = |number: u32| move |_: Store<'_>, (): ()| Ok((Resource::<Thing>::new_own(number),));
    let ready = |_: Store<'_>, _: This| Ok((Resource::<Thing>::new_own(READY),));
    let no_terminal = |_: Store<'_>, (): ()| Ok((None::<Resource<Thing>>,));
    match (interface, function) {
        ("cli/environment", "get-environment") => {
            into.func_wrap(function, |_, (): ()| Ok((Vec::<(String, String)>::new(),)))
        }
        ("cli/environment", "get-arguments") => into.func_wrap(function, |_, (): ()| Ok((Vec::<String>::new(),))),
        ("cli/environment", "initial-cwd") => into.func_wrap(function, |_, (): ()| Ok((None::<String>,))),
        ("cli/exit", "exit") => into.func_wrap(function, |_, (status,): (Result<(), ()>,)| -> wasmtime::Result<()> {
            Err(wasmtime::Error::msg(match status {
                Ok(()) => "the plugin ended its own process; a handler returns",
                Err(()) => "the plugin ended its own process with an error",
            }))
        }),
        ("cli/stdin", "get-stdin") => into.func_wrap(function, thing(INPUT)),
        ("cli/stdout", "get-stdout") => into.func_wrap(function, thing(OUTPUT)),
        ("cli/stderr", "get-stderr") => into.func_wrap(function, thing(ERROR)),
        ("cli/terminal-stdin" | "cli/terminal-stdout" | "cli/terminal-stderr", _) => {
            into.func_wrap(function, no_terminal)
        }
        ("io/streams", "[method]input-stream.read" | "[method]input-stream.blocking-read") => {
            into.func_wrap(function, |_, _: (Resource<Thing>, u64)| Ok((Err::<Vec<u8>, _>(StreamError::Closed),)))
        }
        ("io/streams", "[method]output-stream.check-write") => {
            into.func_wrap(function, |_, _: This| Ok((Ok::<u64, StreamError>(STREAM_BYTES),)))
        }
        ("io/streams", "[method]output-stream.write" | "[method]output-stream.blocking-write-and-flush") => into
            .func_wrap(function, |mut store: Store<'_>, (stream, bytes): (Resource<Thing>, Vec<u8>)| {
                charge(&mut store, bytes.len() as u64)?;
                store.data_mut().print(stream.rep(), &bytes);
                Ok((Ok::<(), StreamError>(()),))
            }),
        ("io/streams", "[method]output-stream.flush" | "[method]output-stream.blocking-flush") => {
            into.func_wrap(function, |_, _: This| Ok((Ok::<(), StreamError>(()),)))
        }
        ("io/streams", "[method]input-stream.subscribe" | "[method]output-stream.subscribe") => {
            into.func_wrap(function, ready)
        }
        ("io/error", "[method]error.to-debug-string") => {
            into.func_wrap(function, |_, _: This| Ok(("there is nothing outside a plugin".to_owned(),)))
        }
        ("io/poll", "[method]pollable.ready") => into.func_wrap(function, |_, _: This| Ok((true,))),
        ("io/poll", "[method]pollable.block") => into.func_wrap(function, |_, _: This| Ok(())),
        ("io/poll", "poll") => into.func_wrap(function, |_, (all,): (Vec<Resource<Thing>>,)| {
            Ok(((0..u32::try_from(all.len()).unwrap_or(u32::MAX)).collect::<Vec<u32>>(),))
        }),
        ("clocks/monotonic-clock", "now") => {
            into.func_wrap(function, |store: Store<'_>, (): ()| Ok((store.data().monotonic_ns(),)))
        }
        ("clocks/monotonic-clock", "resolution") => into.func_wrap(function, |_, (): ()| Ok((1_000_000_u64,))),
        // Nobody waits here: the run's own clock moves on instead.
        ("clocks/monotonic-clock", "subscribe-duration") => {
            into.func_wrap(function, |mut store: Store<'_>, (sleep_ns,): (u64,)| {
                let outside = &mut store.data_mut().outside;
                outside.slept_ns = outside.slept_ns.saturating_add(sleep_ns);
                Ok((Resource::<Thing>::new_own(READY),))
            })
        }
        ("clocks/monotonic-clock", "subscribe-instant") => {
            into.func_wrap(function, |mut store: Store<'_>, (until_ns,): (u64,)| {
                let context = store.data_mut();
                let sleep_ns = until_ns.saturating_sub(context.monotonic_ns());
                context.outside.slept_ns = context.outside.slept_ns.saturating_add(sleep_ns);
                Ok((Resource::<Thing>::new_own(READY),))
            })
        }
        ("clocks/wall-clock", "now") => into.func_wrap(function, |store: Store<'_>, (): ()| {
            let now = store.data().turn.now();
            let nanoseconds = u32::try_from(now.0 % 1_000).unwrap_or_default() * 1_000_000;
            Ok((Datetime { seconds: now.0 / 1_000, nanoseconds },))
        }),
        ("clocks/wall-clock", "resolution") => {
            into.func_wrap(function, |_, (): ()| Ok((Datetime { seconds: 0, nanoseconds: 1_000_000 },)))
        }
        ("filesystem/preopens", "get-directories") => {
            into.func_wrap(function, |_, (): ()| Ok((Vec::<(Resource<Thing>, String)>::new(),)))
        }
        ("random/random", "get-random-bytes") | ("random/insecure", "get-insecure-random-bytes") => {
            into.func_wrap(function, |mut store: Store<'_>, (count,): (u64,)| {
                if count > RANDOM_BYTES {
                    return Err(wasmtime::Error::msg(format!("asked for {count} random bytes at once")));
                }
                charge(&mut store, count * FUEL_A_RANDOM_BYTE)?;
                let context = store.data_mut();
                let bytes = (0..count.div_ceil(8)).flat_map(|_| context.draw().to_le_bytes());
                Ok((bytes.take(count as usize).collect::<Vec<u8>>(),))
            })
        }
        ("random/random", "get-random-u64") | ("random/insecure", "get-insecure-random-u64") => {
            into.func_wrap(function, |mut store: Store<'_>, (): ()| {
                charge(&mut store, 8 * FUEL_A_RANDOM_BYTE)?;
                Ok((store.data_mut().draw(),))
            })
        }
        ("random/insecure-seed", "insecure-seed") => into.func_wrap(function, |mut store: Store<'_>, (): ()| {
            let context = store.data_mut();
            Ok(((context.draw(), context.draw()),))
        }),
        _ => deny(into, interface, function),
    }
}

/// Takes fuel for what the host does, so that fuel and not the clock ends a run that asks without end.
fn charge(store: &mut Store<'_>, fuel: u64) -> wasmtime::Result<()> {
    let left = store.get_fuel()?.checked_sub(fuel.saturating_add(FUEL_A_CALL));
    store.set_fuel(left.unwrap_or(0))?;
    left.map(|_| ()).ok_or_else(|| Trap::OutOfFuel.into())
}

/// Defines a function that reaches for the world. Where it can answer with an error, that is "access denied", which the language
/// turns into an exception at the author's line; else it ends the run.
fn deny(into: &mut LinkerInstance<'_, Context>, interface: &'static str, function: &str) -> wasmtime::Result<()> {
    let name = format!("wasi:{interface} {function}");
    into.func_new(function, move |_, kind, _, results| {
        let denied = match kind.results().next() {
            Some(Type::Result(kind)) => match kind.err() {
                Some(Type::Enum(codes)) => {
                    let code = codes.names().find(|code| ["access", "access-denied"].contains(code));
                    code.map(|code| Val::Result(Err(Some(Box::new(Val::Enum(code.to_owned()))))))
                }
                _ => None,
            },
            Some(Type::Option(_)) => Some(Val::Option(None)),
            _ => None,
        };
        match (denied, results.first_mut()) {
            (Some(denied), Some(result)) => {
                *result = denied;
                Ok(())
            }
            _ => Err(wasmtime::Error::msg(format!(
                "called `{name}`: a plugin has no files and no network; what it needs comes through attune:host"
            ))),
        }
    })
}

impl Context {
    /// The clock that only moves forward: it begins at the step's `now` and moves when the run sleeps. Nanoseconds.
    fn monotonic_ns(&self) -> u64 {
        self.turn.now().0.saturating_mul(1_000_000).saturating_add(self.outside.slept_ns)
    }

    /// The next random number of this run. It follows from the entry and the plugin, so a replay draws the same; it is no secret.
    fn draw(&mut self) -> u64 {
        self.outside.drawn += 1;
        let digest = Sha256::new()
            .chain_update(self.turn.scene.entry.id.0)
            .chain_update(self.turn.plugin_name().as_bytes())
            .chain_update(self.outside.drawn.to_be_bytes())
            .finalize();
        digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn print(&mut self, stream: u32, bytes: &[u8]) {
        if stream == ERROR {
            let room = ERROR_BYTES.saturating_sub(self.outside.error.len());
            self.outside.error_cut |= bytes.len() > room;
            self.outside.error.extend(bytes.iter().take(room));
            return;
        }
        for byte in bytes {
            if *byte != b'\n' {
                self.outside.line.push(*byte);
            }
            if *byte == b'\n' || self.outside.line.len() >= LINE_BYTES {
                self.print_line();
            }
        }
    }

    fn print_line(&mut self) {
        let line = std::mem::take(&mut self.outside.line);
        self.turn.write_log("info", &String::from_utf8_lossy(&line));
    }

    /// Ends the last line that was printed, and gives what was printed on standard error, made safe to show.
    pub(super) fn last_words(&mut self) -> String {
        if !self.outside.line.is_empty() {
            self.print_line();
        }
        let error = std::mem::take(&mut self.outside.error);
        let cut = if self.outside.error_cut { " (cut)" } else { "" };
        let shown = |c: char| if c.is_control() && c != '\n' { '?' } else { c };
        format!("{}{cut}", String::from_utf8_lossy(&error).trim_end().chars().map(shown).collect::<String>())
    }
}
