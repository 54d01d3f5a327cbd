//! The sandbox: everything that is wasmtime. It compiles components, keeps compiled code, and runs one handler at a time
//! in a fresh store with limits.
//!
//! It translates between the contract (WIT) and [`Turn`](crate::turn::Turn) and nothing else: no rule about customers lives here. A plugin
//! that fails is data ([`Outcome`]), never an error.

mod bindings;
mod cache;
pub mod compile;
mod component;
mod host;
mod reader;
mod run;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use wasmtime::component::Linker;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails};

use crate::turn::limits::Limits;

pub use cache::Cache;
pub use compile::Compiler;
pub use component::{About, Component, Rejected, SECTION, about};
pub use run::{Call, Dump, OVERTIME_RUNS, Outcome, Ran};

/// How often the epoch moves, in milliseconds. It is the net under fuel, so it may be coarse.
const TICK_MS: u64 = 10;

/// Runs at one time. More than any machine this is for has cores; a slot is only address space until it is used.
const SLOTS: u32 = 64;

/// The sandbox of a process.
pub struct Sandbox {
    engine: Engine,
    linker: Linker<host::Context>,
    readers: Linker<reader::Context>,
    cache: Cache,
    compiler: Compiler,
    /// What runs that broke off left behind; none where dumps are not kept.
    dumps: Option<Mutex<Vec<Dump>>>,
}

impl Sandbox {
    /// Sets wasmtime up. Components are compiled by `compiler`, and their code is kept by `cache`.
    ///
    /// # Errors
    /// When this machine cannot run wasmtime as configured.
    pub fn new(cache: Cache, compiler: Compiler) -> Result<Arc<Self>, Rejected> {
        Self::with(&config(), cache, compiler, None)
    }

    /// The same for whoever looks for a mistake in a component of their own: a run that breaks off leaves a core dump, and its backtrace
    /// has files and lines where the component has them. It compiles in this process and caches nothing.
    ///
    /// # Errors
    /// When this machine cannot run wasmtime as configured.
    pub fn debugging() -> Result<Arc<Self>, Rejected> {
        let mut config = config();
        config.coredump_on_trap(true).wasm_backtrace_details(WasmBacktraceDetails::Enable);
        Self::with(&config, Cache::none(), Compiler::Here, Some(Mutex::default()))
    }

    /// The core dumps since the last time.
    pub fn take_dumps(&self) -> Vec<Dump> {
        let dumps = self.dumps.as_ref().map(|dumps| dumps.lock().unwrap_or_else(PoisonError::into_inner));
        dumps.map(|mut dumps| std::mem::take(&mut *dumps)).unwrap_or_default()
    }

    fn with(
        config: &Config,
        cache: Cache,
        compiler: Compiler,
        dumps: Option<Mutex<Vec<Dump>>>,
    ) -> Result<Arc<Self>, Rejected> {
        let engine = Engine::new(config).map_err(|error| Rejected::Host(format!("{error:#}")))?;
        let linker = host::linker(&engine).map_err(|error| Rejected::Host(format!("{error:#}")))?;
        let readers = reader::linker(&engine).map_err(|error| Rejected::Host(format!("{error:#}")))?;
        tick(&engine);
        Ok(Arc::new(Self { engine, linker, readers, cache, compiler, dumps }))
    }
}

/// The settings of wasmtime. Measured: with these a plugin's run costs about 13 microseconds, most of it saved by
/// resetting only the pages a run has touched.
pub fn config() -> Config {
    // The pool is laid out for the most that any plugin may be given.
    let limits = Limits::default();
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(SLOTS)
        .total_core_instances(SLOTS * 4)
        .total_memories(SLOTS)
        .total_tables(SLOTS * 4)
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
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
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
