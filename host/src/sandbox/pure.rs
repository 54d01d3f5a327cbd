//! Components that are functions: a reader, a connector, a channel. What they share is a store without a customer, in which there
//! is nothing but `log`; so their answer follows from what they are given.

use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Engine, Store};

use crate::turn::limits::Limits;
use crate::turn::trace::Trace;

use super::bindings::attune::host::log;
use super::bindings::attune::types::types as wit;
use super::bindings::channel::attune::types::provider;
use super::host::level;
use super::run::{Beyond, Ceiling, FUEL_PER_MS, OVERTIME_RUNS, Outcome, explain};
use super::{Sandbox, TICK_MS};

/// How much longer a call may take by the clock than its fuel takes: the same as with other runs.
const WALL_TIMES: u64 = 10;

/// What the store of such a call holds.
pub struct Context {
    log: Trace,
    calls: u32,
    most_calls: u32,
    ceiling: Ceiling,
}

impl log::Host for Context {
    fn write(&mut self, level: log::Level, text: String) -> wasmtime::Result<()> {
        self.calls += 1;
        if self.calls > self.most_calls {
            return Err(Beyond(format!("{} calls to the host", self.most_calls)).into());
        }
        self.log.log(self::level(level), &text);
        Ok(())
    }
}

impl wit::Host for Context {}

impl provider::Host for Context {}

/// A linker with what such a component may import.
pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Context>> {
    let mut linker = Linker::new(engine);
    log::add_to_linker::<_, HasSelf<Context>>(&mut linker, |context| context)?;
    wit::add_to_linker::<_, HasSelf<Context>>(&mut linker, |context| context)?;
    provider::add_to_linker::<_, HasSelf<Context>>(&mut linker, |context| context)?;
    Ok(linker)
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It failed, and would fail again: in words.
    Failed(String),
    /// The clock stopped it, several times.
    Overtime,
}

/// What a call may use.
#[derive(Clone, Copy)]
pub(super) struct Allowance<'a> {
    pub limits: &'a Limits,
    /// Instructions.
    pub fuel: u64,
    /// Bytes that its answer may have.
    pub answer_bytes: usize,
}

/// What came of a call.
pub(super) struct Answered<T> {
    pub answer: Result<T, Ended>,
    pub fuel: u64,
    pub log: Trace,
}

impl Sandbox {
    /// Calls a function of such a component in a fresh store; again, if the clock stopped it: that says more of the machine than
    /// of the component.
    pub(super) fn ask<T>(
        &self,
        allowed: Allowance<'_>,
        call: impl Fn(&mut Store<Context>) -> wasmtime::Result<T>,
    ) -> Answered<T> {
        for _ in 0..OVERTIME_RUNS {
            let answered = self.ask_once(allowed, &call);
            if !matches!(answered.answer, Err(Ended::Overtime)) {
                return answered;
            }
        }
        Answered { answer: Err(Ended::Overtime), fuel: 0, log: Trace::default() }
    }

    fn ask_once<T>(
        &self,
        allowed: Allowance<'_>,
        call: impl Fn(&mut Store<Context>) -> wasmtime::Result<T>,
    ) -> Answered<T> {
        let Allowance { limits, fuel, answer_bytes } = allowed;
        let log = Trace::new(0, limits.log_bytes);
        let context = Context { log, calls: 0, most_calls: limits.host_calls, ceiling: Ceiling(*limits) };
        let mut store = Store::new(&self.lean.engine, context);
        store.limiter(|context| &mut context.ceiling);
        store.set_hostcall_fuel(answer_bytes);
        // At least ten ticks: one may be about to come.
        store.set_epoch_deadline((fuel / FUEL_PER_MS * WALL_TIMES / TICK_MS).max(10));
        let ended = store.set_fuel(fuel).and_then(|()| call(&mut store));
        let used = fuel.saturating_sub(store.get_fuel().unwrap_or(0));
        let log = store.into_data().log;
        let answer = ended.map_err(|error| match explain(&error, fuel, log.last_error()) {
            Outcome::Failed(words) => Ended::Failed(words),
            _ => Ended::Overtime,
        });
        Answered { answer, fuel: used, log }
    }
}
