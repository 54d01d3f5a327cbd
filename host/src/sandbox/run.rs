//! One run: a fresh store, one handler, and what became of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use wasmtime::component::InstancePre;
use wasmtime::{ResourceLimiter, Store, Trap};

use crate::domain::appointment::Appointment;
use crate::domain::message::Message;
use crate::domain::order::Order;
use crate::domain::plugin::Export;
use crate::domain::time::Instant;
use crate::turn::limits::Limits;
use crate::turn::{Halt, Turn};

use super::bindings::attune::types::types::{self as wit, Failure};
use super::bindings::exports::attune::automation as exports;
use super::component::{Code, check_type};
use super::host::{self, Context};
use super::wasi::Outside;
use super::{Component, Sandbox, TICK_MS};

/// About how much fuel a millisecond takes, for words only: the limit's own reason (`Limits::fuel`) says so. What decides is the
/// fuel.
pub(super) const FUEL_PER_MS: u64 = 1_000_000;

/// How often a run that the clock stopped is begun again at once. The clock says more of the machine than of the plugin.
pub const OVERTIME_RUNS: u32 = 3;

/// Which handler to call, and with what.
#[derive(Debug, Clone)]
pub enum Call {
    /// A customer's message, to be answered.
    OnMessage(Arc<Message>),
    /// A customer's message, to be watched.
    WatchMessage(Arc<Message>),
    /// What became of an appointment.
    OnAppointment(String, Arc<Appointment>),
    /// What became of an order.
    OnOrder(String, Arc<Order>),
    /// A timer: key, when it was due, note.
    OnTimer(String, Instant, String),
    /// Any other event: type, data as JSON.
    OnEvent(String, String),
    /// The end of an hour.
    OnHour(Instant),
}

impl Call {
    /// The subscription that this is.
    pub fn export(&self) -> Export {
        match self {
            Self::OnMessage(_) => Export::OnMessage,
            Self::WatchMessage(_) => Export::WatchMessage,
            Self::OnAppointment(..) => Export::OnAppointment,
            Self::OnOrder(..) => Export::OnOrder,
            Self::OnTimer(..) => Export::OnTimer,
            Self::OnEvent(..) => Export::OnEvent,
            Self::OnHour(_) => Export::OnHour,
        }
    }
}

/// What became of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It did its work.
    Done,
    /// It answered the message.
    Answered,
    /// It left the message to others.
    Passed,
    /// It asks to be tried again, after this many milliseconds at the earliest.
    Retry(String, u64),
    /// It asks never to be tried again.
    Reject(String),
    /// It broke, or used up what it was given. The same input gives the same end.
    Failed(String),
    /// The clock stopped it, not fuel: nothing is known about it, so it is tried again.
    Overtime,
    /// The host could not go on: the step is off.
    Off(String),
}

/// A run that is over.
pub struct Ran {
    /// What became of it.
    pub outcome: Outcome,
    /// The fuel it used.
    pub fuel: u64,
}

/// Where a component's handlers are.
#[derive(Default)]
pub(super) struct Handlers {
    on_message: Option<exports::on_message::GuestIndices>,
    watch_message: Option<exports::watch_message::GuestIndices>,
    on_appointment: Option<exports::on_appointment::GuestIndices>,
    on_order: Option<exports::on_order::GuestIndices>,
    on_timer: Option<exports::on_timer::GuestIndices>,
    on_event: Option<exports::on_event::GuestIndices>,
    on_hour: Option<exports::on_hour::GuestIndices>,
}

impl Handlers {
    /// Finds the handlers of what a component exports, and checks their types.
    pub(super) fn new(pre: &InstancePre<Context>, exported: &BTreeSet<Export>) -> wasmtime::Result<Self> {
        type Done = (Result<(), Failure>,);
        type Verdict = (Result<exports::on_message::Verdict, Failure>,);
        let mut handlers = Self::default();
        for export in exported.iter().copied() {
            match export {
                Export::OnMessage => {
                    check_type::<_, (&wit::Message,), Verdict>(pre, export, "handle")?;
                    handlers.on_message = Some(exports::on_message::GuestIndices::new(pre)?);
                }
                Export::WatchMessage => {
                    check_type::<_, (&wit::Message,), Done>(pre, export, "handle")?;
                    handlers.watch_message = Some(exports::watch_message::GuestIndices::new(pre)?);
                }
                Export::OnAppointment => {
                    check_type::<_, (&str, &wit::Appointment), Done>(pre, export, "handle")?;
                    handlers.on_appointment = Some(exports::on_appointment::GuestIndices::new(pre)?);
                }
                Export::OnOrder => {
                    check_type::<_, (&str, &wit::Order), Done>(pre, export, "handle")?;
                    handlers.on_order = Some(exports::on_order::GuestIndices::new(pre)?);
                }
                Export::OnTimer => {
                    check_type::<_, (&str, u64, &str), Done>(pre, export, "handle")?;
                    handlers.on_timer = Some(exports::on_timer::GuestIndices::new(pre)?);
                }
                Export::OnHour => {
                    check_type::<_, (u64,), Done>(pre, export, "handle")?;
                    handlers.on_hour = Some(exports::on_hour::GuestIndices::new(pre)?);
                }
                Export::OnEvent => {
                    check_type::<_, (&str, &str), Done>(pre, export, "handle")?;
                    handlers.on_event = Some(exports::on_event::GuestIndices::new(pre)?);
                }
                // Such a component handles nothing.
                Export::Reading | Export::Receiving | Export::Sending | Export::WritingBack => {}
            }
        }
        Ok(handlers)
    }
}

impl Sandbox {
    /// Runs one handler of a component on a turn, in a fresh store that is dropped afterwards.
    pub fn run(&self, component: &Component, call: &Call, turn: Turn) -> (Turn, Ran) {
        let limits = if component.about.is_roomy() { turn.limits.with_runtime() } else { turn.limits };
        let engine = component.automation().map_or(&self.lean.engine, |code| code.engine());
        let mut store = Store::new(engine, Context { turn, ceiling: Ceiling(limits), outside: Outside::default() });
        store.limiter(|context| &mut context.ceiling);
        store.set_hostcall_fuel(limits.hostcall_bytes);
        store.set_epoch_deadline((limits.wall_ms / TICK_MS).max(1));
        let ready = store.set_fuel(limits.fuel).and_then(|()| match &self.debugging {
            Some(debugging) => debugging.watch(&mut store, component),
            None => Ok(()),
        });
        let ended = ready.and_then(|()| handle(component, call, &mut store));
        let left = store.get_fuel().unwrap_or(0);
        if let (Some(debugging), Err(error)) = (&self.debugging, &ended) {
            debugging.keep(error, &mut store, component, call);
        }
        let mut context = store.into_data();
        let said = context.last_words();
        let mut turn = context.turn;
        let outcome = match (turn.take_halt(), ended) {
            (Some(Halt::Store(reason)), _) => Outcome::Off(reason),
            (Some(Halt::Limit(reason)), _) => Outcome::Failed(reason),
            (None, Ok(outcome)) => outcome,
            (None, Err(error)) if component.about.runtime => explain_runtime(&error, limits.fuel, &said),
            (None, Err(error)) => explain(&error, limits.fuel, turn.last_error()),
        };
        if !said.is_empty() && !matches!(outcome, Outcome::Failed(_)) {
            turn.write_log("warn", &said);
        }
        (turn, Ran { outcome, fuel: limits.fuel.saturating_sub(left) })
    }
}

fn handle(component: &Component, call: &Call, store: &mut Store<Context>) -> wasmtime::Result<Outcome> {
    let missing = || wasmtime::Error::msg(format!("exports no {}", call.export().word()));
    let Code::Automation(pre, handlers) = &component.code else { return Err(missing()) };
    let instance = pre.instantiate(&mut *store)?;
    let done = |result: Result<(), Failure>| result.map(|()| Outcome::Done);
    let result = match call {
        Call::OnMessage(message) => {
            let guest = handlers.on_message.as_ref().ok_or_else(missing)?.load(&mut *store, &instance)?;
            guest.call_handle(store, &host::message(message))?.map(|verdict| match verdict {
                exports::on_message::Verdict::Answered => Outcome::Answered,
                exports::on_message::Verdict::Passed => Outcome::Passed,
            })
        }
        Call::WatchMessage(message) => {
            let guest = handlers.watch_message.as_ref().ok_or_else(missing)?.load(&mut *store, &instance)?;
            done(guest.call_handle(store, &host::message(message))?)
        }
        Call::OnAppointment(change, appointment) => {
            let guest = handlers.on_appointment.as_ref().ok_or_else(missing)?.load(&mut *store, &instance)?;
            done(guest.call_handle(store, change, &host::appointment(appointment))?)
        }
        Call::OnOrder(change, order) => {
            let guest = handlers.on_order.as_ref().ok_or_else(missing)?.load(&mut *store, &instance)?;
            done(guest.call_handle(store, change, &host::order(order))?)
        }
        Call::OnTimer(key, due, note) => {
            let guest = handlers.on_timer.as_ref().ok_or_else(missing)?.load(&mut *store, &instance)?;
            done(guest.call_handle(store, key, due.0, note)?)
        }
        Call::OnHour(ended) => {
            let guest = handlers.on_hour.as_ref().ok_or_else(missing)?.load(&mut *store, &instance)?;
            done(guest.call_handle(store, ended.0)?)
        }
        Call::OnEvent(kind, data) => {
            let guest = handlers.on_event.as_ref().ok_or_else(missing)?.load(&mut *store, &instance)?;
            done(guest.call_handle(store, kind, data)?)
        }
    };
    Ok(result.unwrap_or_else(|failure| match failure {
        Failure::Retry((reason, after_ms)) => Outcome::Retry(reason, after_ms),
        Failure::Reject(reason) => Outcome::Reject(reason),
    }))
}

/// What a run may take of the host beside fuel. To ask for more ends it: a guest that is told "no" seldom goes on well.
pub(super) struct Ceiling(pub(super) Limits);

/// What a run asked for and may not have, in words.
#[derive(Debug, thiserror::Error)]
#[error("asked for more than its {0}")]
pub(super) struct Beyond(pub(super) String);

impl ResourceLimiter for Ceiling {
    fn memory_growing(&mut self, _: usize, wanted: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if wanted > self.0.memory_bytes {
            return Err(Beyond(format!("{} bytes of memory", self.0.memory_bytes)).into());
        }
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, wanted: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if wanted > self.0.table_elements {
            return Err(Beyond(format!("{} table elements", self.0.table_elements)).into());
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.0.instances
    }

    fn tables(&self) -> usize {
        self.0.tables
    }

    fn memories(&self) -> usize {
        self.0.memories
    }
}

/// What ended a run, in words for the owner. `said` is the last error that the guest logged: a panic's text comes that way.
pub(super) fn explain(error: &wasmtime::Error, fuel: u64, said: Option<&str>) -> Outcome {
    if let Some(beyond) = error.downcast_ref::<Beyond>() {
        return Outcome::Failed(beyond.to_string());
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) if fuel < FUEL_PER_MS => Outcome::Failed(format!("used up its {fuel} instructions")),
        Some(Trap::OutOfFuel) => Outcome::Failed(format!("used up its {} ms of computing", fuel / FUEL_PER_MS)),
        Some(Trap::Interrupt) => Outcome::Overtime,
        Some(Trap::StackOverflow) => Outcome::Failed("called itself too deeply".to_owned()),
        Some(trap) => {
            let why = said.map_or_else(|| trap.to_string(), str::to_owned);
            Outcome::Failed(format!("broke off: {why}\n{}", backtrace(error)))
        }
        None => Outcome::Failed(format!("broke off: {error:#}")),
    }
}

/// The same of a run with a language's runtime. What it printed as an error is the exception with the author's own file and line;
/// the functions on the stack are those of the runtime, and tell an author nothing.
fn explain_runtime(error: &wasmtime::Error, fuel: u64, said: &str) -> Outcome {
    let why = match error.downcast_ref::<Trap>() {
        // So a runtime ends itself when it has printed why.
        Some(Trap::UnreachableCodeReached) if !said.is_empty() => {
            return Outcome::Failed(format!("broke off:\n{said}"));
        }
        Some(Trap::OutOfFuel | Trap::Interrupt | Trap::StackOverflow) => explain(error, fuel, None),
        Some(trap) => Outcome::Failed(format!("broke off: {trap}")),
        None if error.is::<Beyond>() => explain(error, fuel, None),
        None => Outcome::Failed(format!("broke off: {}", error.root_cause())),
    };
    match why {
        Outcome::Failed(why) if !said.is_empty() => Outcome::Failed(format!("{why}\n{said}")),
        other => other,
    }
}

/// The guest's own functions on the stack, where the component has names, without those that only tell of the panic.
fn backtrace(error: &wasmtime::Error) -> String {
    let Some(trace) = error.downcast_ref::<wasmtime::WasmBacktrace>() else { return String::new() };
    let mut lines = Vec::new();
    for frame in trace.frames() {
        let Some(name) = frame.func_name().map(|name| format!("{:#}", rustc_demangle::demangle(name))) else {
            continue;
        };
        // Where the component has lines, and the sandbox looks at them.
        let place = frame.symbols().iter().find_map(|symbol| Some((symbol.file()?, symbol.line()?)));
        lines.push((name, place.map(|(file, line)| format!(" at {file}:{line}")).unwrap_or_default()));
    }
    let telling = |name: &str| TELLING.iter().any(|start| name.starts_with(start));
    let lines = lines.into_iter().skip_while(|(name, _)| telling(name)).take(16);
    lines.map(|(name, place)| format!("  in {name}{place}\n")).collect()
}

/// How the names of those functions begin that stand between a panic in Rust, an `assert` in C or a panic in Go and its trap.
const TELLING: &[&str] = &[
    "__rustc::",
    "std::panicking::",
    "std::sys::backtrace::",
    "<std::panicking::",
    "core::panicking::",
    "attune_assert_failed",
    "runtime.",
];
