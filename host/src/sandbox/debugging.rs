//! What a sandbox keeps for whoever looks into a component of their own: a core dump of each run that broke off, and a profile of what
//! all runs did. A server keeps neither.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use wasmtime::{GuestProfiler, Store, UpdateDeadline, WasmCoreDump};

use crate::domain::plugin::Export;

use super::host::Context;
use super::run::Call;
use super::{Component, Sandbox};

/// A sample is taken at every so many calls of functions and turns of loops: prebuilt plugins have some five hundred an event.
const EVERY: u64 = 10;

/// The same of a component with a runtime, which has a hundred thousand.
const EVERY_ROOMY: u64 = 1_000;

/// The most samples of a profile; its file then has some ten megabytes.
const SAMPLES: u32 = 100_000;

/// What a run that broke off left behind.
pub struct Dump {
    /// The plugin, by its own name.
    pub plugin: String,
    /// The subscription that ran.
    pub export: Export,
    /// A WebAssembly core dump: stack, memory and globals.
    pub bytes: Vec<u8>,
}

/// In which functions the runs of a plugin were.
pub struct Profile {
    /// The plugin, by its own name.
    pub plugin: String,
    /// The profile as the Firefox Profiler takes it: JSON.
    pub json: Vec<u8>,
}

/// What is kept.
pub(super) struct Debugging {
    dumps: Mutex<Vec<Dump>>,
    /// By the component's digest; none where no profiles are kept.
    profiles: Option<Mutex<BTreeMap<String, Arc<Mutex<Sampling>>>>>,
}

/// A profile that is being taken. It goes by what the guest does and not by a clock, so that short runs are seen as well and two
/// profiles of one scenario can be compared.
struct Sampling {
    plugin: String,
    /// None once it was written.
    profiler: Option<GuestProfiler>,
    every: u64,
    calls: u64,
    samples: u32,
}

impl Debugging {
    pub(super) fn new(profiles: bool) -> Self {
        Self { dumps: Mutex::default(), profiles: profiles.then(Mutex::default) }
    }

    /// Looks at a run that is about to begin, if profiles are kept. The clock then does not stop it; fuel does.
    pub(super) fn watch(&self, store: &mut Store<Context>, component: &Component) -> wasmtime::Result<()> {
        let (Some(profiles), Some(code)) = (&self.profiles, component.automation()) else { return Ok(()) };
        let about = &component.about;
        let mut profiles = profiles.lock().unwrap_or_else(PoisonError::into_inner);
        let sampling = match profiles.get(&about.digest) {
            Some(known) => known.clone(),
            None => {
                let name = &about.manifest.name;
                // The distance is one of work, for which the format has no unit.
                let profiler =
                    GuestProfiler::new_component(store.engine(), name, Duration::from_micros(1), code.clone(), [])?;
                let every = if about.is_roomy() { EVERY_ROOMY } else { EVERY };
                let sampling = Sampling { plugin: name.clone(), profiler: Some(profiler), every, calls: 0, samples: 0 };
                let sampling = Arc::new(Mutex::new(sampling));
                profiles.insert(about.digest.clone(), sampling.clone());
                sampling
            }
        };
        // Each call and each turn of a loop comes by, since the moment at which they are to come by has always passed.
        store.set_epoch_deadline(0);
        store.epoch_deadline_callback(move |context| {
            sampling.lock().unwrap_or_else(PoisonError::into_inner).look(&context);
            Ok(UpdateDeadline::Continue(0))
        });
        Ok(())
    }

    /// Keeps the core dump of a run that broke off.
    pub(super) fn keep(&self, error: &wasmtime::Error, store: &mut Store<Context>, component: &Component, call: &Call) {
        let Some(dump) = error.downcast_ref::<WasmCoreDump>() else { return };
        let plugin = component.about.manifest.name.clone();
        let bytes = dump.serialize(store, &plugin);
        let dump = Dump { plugin, export: call.export(), bytes };
        self.dumps.lock().unwrap_or_else(PoisonError::into_inner).push(dump);
    }
}

impl Sampling {
    fn look(&mut self, context: &wasmtime::StoreContextMut<'_, Context>) {
        self.calls += 1;
        let Some(profiler) = self.profiler.as_mut().filter(|_| self.calls.is_multiple_of(self.every)) else { return };
        if self.samples < SAMPLES {
            self.samples += 1;
            profiler.sample(context, Duration::ZERO);
        }
    }
}

impl Sandbox {
    /// The core dumps since the last time.
    pub fn take_dumps(&self) -> Vec<Dump> {
        let kept = self.debugging.as_ref().map(|kept| &kept.dumps);
        kept.map(|dumps| std::mem::take(&mut *dumps.lock().unwrap_or_else(PoisonError::into_inner))).unwrap_or_default()
    }

    /// The profiles since the last time, one for each component that ran.
    pub fn take_profiles(&self) -> Vec<Profile> {
        let Some(profiles) = self.debugging.as_ref().and_then(|kept| kept.profiles.as_ref()) else { return Vec::new() };
        let taken = std::mem::take(&mut *profiles.lock().unwrap_or_else(PoisonError::into_inner));
        let mut done = Vec::new();
        for sampling in taken.into_values() {
            let mut sampling = sampling.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(profiler) = sampling.profiler.take() else { continue };
            let mut json = Vec::new();
            match profiler.finish(&mut json) {
                Ok(()) => done.push(Profile { plugin: sampling.plugin.clone(), json }),
                Err(error) => tracing::warn!(plugin = sampling.plugin, "a profile could not be written: {error:#}"),
            }
        }
        done
    }
}
