//! One reading: a fresh store, one call of a component that exports the reading, and its answer as the host uses it.
//!
//! A reader sees a text and the names of the business, and can log; there is nothing else in its linker.

use wasmtime::component::{HasSelf, InstancePre, Linker};
use wasmtime::{Engine, Store};

use crate::domain::plugin::Export;
use crate::reading::{Brand, Evidence, Intent, Read, Reading, foreign, head};
use crate::turn::limits::Limits;
use crate::turn::reader::{Answer, Unread};
use crate::turn::trace::Trace;

use super::bindings::attune::host::log;
use super::bindings::attune::types::types as wit;
use super::bindings::reader::exports::attune::reader::reading as contract;
use super::component::{Code, check_type};
use super::host::level;
use super::run::{Beyond, Ceiling, FUEL_PER_MS, OVERTIME_RUNS, Outcome, explain};
use super::{Component, Sandbox, TICK_MS};

/// How much longer a call may take by the clock than its fuel takes: the same as with other runs.
const WALL_TIMES: u64 = 10;

/// What a reader's store holds.
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

/// A linker with what a reader may import.
pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Context>> {
    let mut linker = Linker::new(engine);
    log::add_to_linker::<_, HasSelf<Context>>(&mut linker, |context| context)?;
    wit::add_to_linker::<_, HasSelf<Context>>(&mut linker, |context| context)?;
    Ok(linker)
}

/// A component that reads, ready to be called.
pub(super) struct Reader {
    pre: InstancePre<Context>,
    indices: contract::GuestIndices,
}

impl Reader {
    /// Finds the reading in a component, and checks its type.
    pub(super) fn new(pre: InstancePre<Context>) -> wasmtime::Result<Self> {
        check_type::<_, (&str, &[String]), (Option<contract::Understood>,)>(&pre, Export::Reading, "read")?;
        let indices = contract::GuestIndices::new(&pre)?;
        Ok(Self { pre, indices })
    }
}

impl Sandbox {
    /// Reads a text with a component that exports the reading. Whatever the component does, there is an answer; the same text
    /// gives the same one, unless the clock stopped it ([`Unread::Overtime`]). Of a long text the beginning is read.
    pub fn read_with(&self, component: &Component, text: &str, brand: &Brand, limits: &Limits) -> Answer {
        let Code::Reader(reader) = &component.code else {
            let read = Err(Unread::Failed("its component does not read".to_owned()));
            return Answer { read, fuel: 0, log: Trace::default() };
        };
        // The clock says more of the machine than of the reader.
        for _ in 0..OVERTIME_RUNS {
            let answer = self.read_once(reader, head(text), brand, limits);
            if answer.read != Err(Unread::Overtime) {
                return answer;
            }
        }
        Answer { read: Err(Unread::Overtime), fuel: 0, log: Trace::default() }
    }

    fn read_once(&self, reader: &Reader, text: &str, brand: &Brand, limits: &Limits) -> Answer {
        let log = Trace::new(0, limits.log_bytes);
        let context = Context { log, calls: 0, most_calls: limits.host_calls, ceiling: Ceiling(*limits) };
        let mut store = Store::new(&self.lean.engine, context);
        store.limiter(|context| &mut context.ceiling);
        store.set_hostcall_fuel(limits.hostcall_bytes);
        // At least ten ticks: one may be about to come.
        store.set_epoch_deadline((limits.reader_fuel / FUEL_PER_MS * WALL_TIMES / TICK_MS).max(10));
        let fueled = store.set_fuel(limits.reader_fuel);
        let ended = fueled.and_then(|()| {
            let instance = reader.pre.instantiate(&mut store)?;
            reader.indices.load(&mut store, &instance)?.call_read(&mut store, text, brand.names())
        });
        let fuel = limits.reader_fuel.saturating_sub(store.get_fuel().unwrap_or(0));
        let log = store.into_data().log;
        let read = match ended {
            Ok(answer) => answer.map(|answer| foreign::checked(read(answer))).transpose().map_err(Unread::Failed),
            Err(error) => Err(match explain(&error, limits.reader_fuel, log.last_error()) {
                Outcome::Failed(words) => Unread::Failed(words),
                _ => Unread::Overtime,
            }),
        };
        Answer { read, fuel, log }
    }
}

fn read(answer: contract::Understood) -> Read {
    let contract::Understood { mood, language, intents } = answer;
    Read {
        mood: Reading {
            polarity: mood.polarity,
            frustration: mood.frustration,
            urgency: mood.urgency,
            confidence: mood.confidence,
            because: mood.because.into_iter().map(evidence).collect(),
            language,
        },
        intents: intents
            .into_iter()
            .map(|intent| Intent {
                name: intent.name.into(),
                confidence: intent.confidence,
                because: intent.because.into_iter().map(evidence).collect(),
            })
            .collect(),
    }
}

fn evidence(one: wit::Evidence) -> Evidence {
    Evidence { term: one.term, weight: one.weight }
}
