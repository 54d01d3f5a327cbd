//! Connectors and channels: what a vendor sends becomes events, a message becomes a provider's request, and the provider's answer
//! what became of it. Each call is a function of what it is given.

use wasmtime::component::InstancePre;

use crate::domain::door::{Delivery, HttpRequest, HttpResponse, Incoming, NotReceived, Outgoing, Received, Request};
use crate::domain::plugin::Export;
use crate::turn::limits::Limits;

use super::bindings::channel::exports::attune::channel::sending as channel;
use super::bindings::channel::exports::attune::connector::receiving as connector;
use super::component::{Code, check_type};
use super::pure::{Allowance, Answered, Context, Ended};
use super::{Component, Sandbox};

/// The most bytes that a connector's events, or a channel's request, may have.
const ANSWER_BYTES: usize = 8 << 20;

/// A component that receives, sends, or does both, ready to be called.
pub(super) struct Door {
    pre: InstancePre<Context>,
    receiving: Option<connector::GuestIndices>,
    sending: Option<channel::GuestIndices>,
}

impl Door {
    /// Finds what a component exports of the two interfaces, and checks its types.
    pub(super) fn new(pre: InstancePre<Context>, receives: bool, sends: bool) -> wasmtime::Result<Self> {
        type Events = (Result<Vec<connector::Incoming>, connector::Rejection>,);
        type Encoded = (Result<channel::HttpRequest, String>,);
        if receives {
            check_type::<_, (&connector::Request,), Events>(&pre, Export::Receiving, "receive")?;
        }
        if sends {
            check_type::<_, (&channel::Outgoing,), Encoded>(&pre, Export::Sending, "encode")?;
            type Answer<'a> = (&'a channel::Outgoing, &'a channel::HttpResponse);
            check_type::<_, Answer<'_>, (channel::Delivery,)>(&pre, Export::Sending, "decode")?;
        }
        let receiving = receives.then(|| connector::GuestIndices::new(&pre)).transpose()?;
        let sending = sends.then(|| channel::GuestIndices::new(&pre)).transpose()?;
        Ok(Self { pre, receiving, sending })
    }
}

impl Sandbox {
    /// Has a connector say what a request tells of.
    pub fn receive(&self, component: &Component, request: &Request, limits: &Limits) -> Received {
        let Code::Door(Door { pre, receiving: Some(indices), .. }) = &component.code else {
            return Received { events: Err(NotReceived::Failed(NO_RECEIVING.to_owned())), fuel: 0, log: String::new() };
        };
        let given = connector::Request {
            method: request.method.clone(),
            target: request.target.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
            received: request.received.0,
            settings: request.settings.clone(),
            zone: request.zone.clone(),
        };
        let asked = self.ask(allowance(limits), |store| {
            let instance = pre.instantiate(&mut *store)?;
            indices.load(&mut *store, &instance)?.call_receive(store, &given)
        });
        let (answer, fuel, log) = told(asked);
        let events = match answer {
            Ok(Ok(events)) => Ok(events.into_iter().map(incoming).collect()),
            Ok(Err(connector::Rejection::Malformed(words))) => Err(NotReceived::Malformed(words)),
            Ok(Err(connector::Rejection::Ignored(words))) => Err(NotReceived::Ignored(words)),
            Err(words) => Err(NotReceived::Failed(words)),
        };
        Received { events, fuel, log }
    }

    /// Has a channel write the request that sends a message.
    ///
    /// # Errors
    /// In words for the owner: what the channel said, or how it failed. It would do so again.
    pub fn encode(&self, component: &Component, message: &Outgoing, limits: &Limits) -> Result<HttpRequest, String> {
        let Code::Door(Door { pre, sending: Some(indices), .. }) = &component.code else {
            return Err(NO_SENDING.to_owned());
        };
        let given = outgoing(message);
        let asked = self.ask(allowance(limits), |store| {
            let instance = pre.instantiate(&mut *store)?;
            indices.load(&mut *store, &instance)?.call_encode(store, &given)
        });
        let request = told(asked).0??;
        let channel::HttpRequest { method, url, headers, body } = request;
        Ok(HttpRequest { method, url, headers, body })
    }

    /// Has a channel say what the provider's answer means.
    ///
    /// # Errors
    /// How it failed, in words: then it is not known what became of the message.
    pub fn decode(
        &self,
        component: &Component,
        message: &Outgoing,
        response: &HttpResponse,
        limits: &Limits,
    ) -> Result<Delivery, String> {
        let Code::Door(Door { pre, sending: Some(indices), .. }) = &component.code else {
            return Err(NO_SENDING.to_owned());
        };
        let given = outgoing(message);
        let HttpResponse { status, headers, body } = response.clone();
        let response = channel::HttpResponse { status, headers, body };
        let asked = self.ask(allowance(limits), |store| {
            let instance = pre.instantiate(&mut *store)?;
            indices.load(&mut *store, &instance)?.call_decode(store, &given, &response)
        });
        Ok(match told(asked).0? {
            channel::Delivery::Accepted(id) => Delivery::Accepted(id),
            channel::Delivery::Retry((words, after_ms)) => Delivery::Retry(words, after_ms),
            channel::Delivery::Failed(words) => Delivery::Failed(words),
            channel::Delivery::Unreachable(words) => Delivery::Unreachable(words),
            channel::Delivery::Gone(words) => Delivery::Gone(words),
        })
    }
}

const NO_RECEIVING: &str = "it exports no attune:connector/receiving";
const NO_SENDING: &str = "it exports no attune:channel/sending";

fn allowance(limits: &Limits) -> Allowance<'_> {
    Allowance { limits, fuel: limits.door_fuel, answer_bytes: ANSWER_BYTES }
}

/// An answer, or in words why there is none; with the fuel and what was logged.
fn told<T>(asked: Answered<T>) -> (Result<T, String>, u64, String) {
    let Answered { answer, fuel, mut log } = asked;
    let answer = answer.map_err(|ended| match ended {
        Ended::Failed(words) => words,
        Ended::Overtime => "took longer than it may, several times".to_owned(),
    });
    (answer, fuel, log.take_log())
}

fn incoming(event: connector::Incoming) -> Incoming {
    let connector::Incoming { kind, id, time, data } = event;
    Incoming { kind, id, time, data }
}

fn outgoing(message: &Outgoing) -> channel::Outgoing {
    let message = message.clone();
    channel::Outgoing {
        message: message.message,
        channel: message.channel,
        to: message.to,
        name: message.name,
        subject: message.subject,
        text: message.text,
        language: message.language,
        in_reply_to: message.in_reply_to,
        unsubscribe: message.unsubscribe,
        reports: message.reports,
        settings: message.settings,
        now: message.now.0,
        extra: message.extra,
    }
}
