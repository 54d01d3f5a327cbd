//! The sandbox: everything that is wasmtime. It compiles components, keeps compiled code, and runs one handler at a time
//! in a fresh store with limits.
//!
//! It translates between the contract (WIT) and [`Turn`](crate::turn::Turn) and nothing else: no rule about customers lives here. A plugin
//! that fails is data ([`Outcome`]), never an error.

mod bindings;
mod cache;
pub mod compile;
mod component;
mod debugging;
mod door;
mod exception;
mod host;
mod pure;
mod reader;
mod rejected;
mod run;
pub mod signature;
mod wasi;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use wasmtime::component::Linker;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails};

use crate::turn::limits::Limits;

use debugging::Debugging;

pub use cache::Cache;
pub use compile::Compiler;
pub use component::{About, Component, SECTION, about};
pub use debugging::{Dump, Profile};
pub use rejected::Rejected;
pub use run::{Call, OVERTIME_RUNS, Outcome, Ran};

/// How often the epoch moves, in milliseconds. It is the net under fuel, so it may be coarse.
const TICK_MS: u64 = 10;

/// Runs at one time. More than any machine this is for has cores; a slot is only address space until it is used.
const SLOTS: u32 = 64;

/// How much of a place's memory is kept between two runs of a component with a runtime, for how many places, in bytes.
const ROOMY_RESIDENT_BYTES: usize = 4 << 20;
const ROOMY_WARM_SLOTS: u32 = 4;

/// The stack of a run with a runtime, in bytes: threads of this process have 2 MiB.
const ROOMY_STACK_BYTES: usize = 1 << 20;

/// The sandbox of a process.
pub struct Sandbox {
    /// For components without a runtime, which is nearly all of them.
    lean: Room,
    /// For components with a language's runtime in them. Made when the first of them is loaded, so that a server without any
    /// pays nothing for it.
    roomy: OnceLock<Result<Room, String>>,
    /// For readers, connectors and channels.
    pure: Linker<pure::Context>,
    cache: Cache,
    compiler: Compiler,
    /// What is kept of runs for whoever looks into their own; absent on servers.
    debugging: Option<Debugging>,
}

/// An engine with a pool of its own, and what its components may import.
struct Room {
    engine: Engine,
    linker: Linker<host::Context>,
    kind: Kind,
}

/// What an engine is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Components without a runtime.
    Lean,
    /// Components with a language's runtime in them.
    Roomy,
}

impl Sandbox {
    /// Sets wasmtime up. Components are compiled by `compiler`, and their code is kept by `cache`.
    ///
    /// # Errors
    /// When this machine cannot run wasmtime as configured.
    pub fn new(cache: Cache, compiler: Compiler) -> Result<Arc<Self>, Rejected> {
        Self::with(cache, compiler, None)
    }

    /// The same for whoever looks for a mistake in a component of their own: a run that breaks off leaves a core dump, and its backtrace
    /// has files and lines where the component has them. With `profiles`, what all runs did is kept as well, and no clock stops them. It
    /// compiles in this process.
    ///
    /// # Errors
    /// When this machine cannot run wasmtime as configured.
    pub fn debugging(cache: Cache, profiles: bool) -> Result<Arc<Self>, Rejected> {
        Self::with(cache, Compiler::Here, Some(Debugging::new(profiles)))
    }

    fn with(cache: Cache, compiler: Compiler, debugging: Option<Debugging>) -> Result<Arc<Self>, Rejected> {
        let lean = Room::new(Kind::Lean, debugging.is_some()).map_err(Rejected::Host)?;
        let pure = pure::linker(&lean.engine).map_err(|error| Rejected::Host(format!("{error:#}")))?;
        Ok(Arc::new(Self { lean, roomy: OnceLock::new(), pure, cache, compiler, debugging }))
    }

    fn roomy(&self) -> Result<&Room, Rejected> {
        let room = self.roomy.get_or_init(|| Room::new(Kind::Roomy, self.debugging.is_some()));
        room.as_ref().map_err(|error| Rejected::Host(error.clone()))
    }
}

impl Room {
    /// `debugging`: runs that break off leave core dumps, and backtraces have files and lines.
    fn new(kind: Kind, debugging: bool) -> Result<Self, String> {
        let mut config = kind.config();
        if debugging {
            config.coredump_on_trap(true).wasm_backtrace_details(WasmBacktraceDetails::Enable);
        }
        let engine = Engine::new(&config).map_err(|error| format!("{error:#}"))?;
        let linker = host::linker(&engine).map_err(|error| format!("{error:#}"))?;
        tick(&engine);
        Ok(Self { engine, linker, kind })
    }
}

impl Kind {
    /// The settings of wasmtime. Measured: with these a run of a lean plugin costs about 13 microseconds, most of it saved by
    /// resetting only the pages a run has touched.
    pub fn config(self) -> Config {
        // The pool is laid out for the most that any plugin may be given.
        let limits = Limits::default();
        let mut config = self.settings();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(match self {
            Self::Lean => pool(&limits),
            Self::Roomy => {
                let mut pool = pool(&limits.with_runtime());
                pool.linear_memory_keep_resident(ROOMY_RESIDENT_BYTES).max_unused_warm_slots(ROOMY_WARM_SLOTS);
                pool
            }
        }));
        config
    }

    /// What is the same where code is compiled and where it runs.
    fn settings(self) -> Config {
        let mut config = settings();
        if self == Self::Roomy {
            // Interpreters call themselves for each call of the author's.
            config.max_wasm_stack(ROOMY_STACK_BYTES);
            // Such components are several in one, and what wasmtime makes to carry values between two has the memories of both.
            config.wasm_multi_memory(true);
        }
        config
    }
}

/// A pool with places of this size.
fn pool(limits: &Limits) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(SLOTS)
        .total_core_instances(SLOTS * limits.instances as u32)
        .total_memories(SLOTS * limits.memories as u32)
        .total_tables(SLOTS * limits.tables as u32)
        .max_memories_per_component(limits.memories as u32)
        .max_tables_per_component(limits.tables as u32)
        .max_core_instances_per_component(limits.instances as u32)
        .max_component_instance_size(1 << 20)
        .max_core_instance_size(1 << 20)
        .table_elements(limits.table_elements)
        .max_memory_size(limits.memory_bytes)
        .max_unused_warm_slots(SLOTS)
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// What is the same for both kinds.
fn settings() -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(256 << 10)
        .cranelift_nan_canonicalization(true)
        .memory_init_cow(true)
        .wasm_component_model(true)
        // Plugins need none of these; each one less is code that nobody can attack.
        .wasm_threads(false)
        .shared_memory(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_relaxed_simd(false)
        .wasm_tail_call(false)
        .wasm_exceptions(false)
        .wasm_stack_switching(false)
        .concurrency_support(false);
    config
}

/// Moves the epoch for as long as the engine lives.
fn tick(engine: &Engine) {
    let weak = engine.weak();
    let ticking = std::thread::Builder::new().name("epoch".to_owned()).spawn(move || {
        while let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(Duration::from_millis(TICK_MS));
        }
    });
    if let Err(error) = ticking {
        tracing::error!(%error, "the epoch thread could not be started; fuel alone limits plugins");
    }
}
