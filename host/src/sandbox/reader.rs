//! One reading: a fresh store, one call of a component that exports the reading, and its answer as the host uses it.
//!
//! A reader sees a text and the names of the business, and can log.

use wasmtime::component::InstancePre;

use crate::domain::plugin::Export;
use crate::reading::{Brand, Evidence, Intent, Read, Reading, foreign, head};
use crate::turn::limits::Limits;
use crate::turn::reader::{Answer, Unread};
use crate::turn::trace::Trace;

use super::bindings::attune::types::types as wit;
use super::bindings::reader::exports::attune::reader::reading as contract;
use super::component::{Code, check_type};
use super::pure::{Allowance, Context, Ended};
use super::{Component, Sandbox};

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
        let allowed = Allowance { limits, fuel: limits.reader_fuel, answer_bytes: limits.hostcall_bytes };
        let asked = self.ask(allowed, |store| {
            let instance = reader.pre.instantiate(&mut *store)?;
            reader.indices.load(&mut *store, &instance)?.call_read(store, head(text), brand.names())
        });
        let read = match asked.answer {
            Ok(answer) => answer.map(|answer| foreign::checked(read(answer))).transpose().map_err(Unread::Failed),
            Err(Ended::Failed(words)) => Err(Unread::Failed(words)),
            Err(Ended::Overtime) => Err(Unread::Overtime),
        };
        Answer { read, fuel: asked.fuel, log: asked.log }
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
