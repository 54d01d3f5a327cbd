//! Connectors and channels: what a vendor sends becomes events, a message becomes a provider's request, and the provider's answer
//! what became of it. Each call is a function of what it is given.

use wasmtime::component::InstancePre;

use crate::domain::door::{
    Answered as Told, Delivery, HttpRequest, HttpResponse, Incoming, NotReceived, Outgoing, Received, Request,
};
use crate::domain::plugin::Export;
use crate::turn::limits::Limits;

use super::bindings::calendar::exports::attune::connector::writing_back as calendar;
use super::bindings::channel::attune::types::provider;
use super::bindings::channel::exports::attune::channel::sending as channel;
use super::bindings::channel::exports::attune::connector::receiving as connector;
use super::component::{Code, check_type};
use super::host::appointment;
use super::pure::{Allowance, Answered, Context, Ended};
use super::{Component, Sandbox};

/// The most bytes that a connector's events, or a channel's request, may have.
const ANSWER_BYTES: usize = 8 << 20;

/// A component that receives, sends, or does both, ready to be called.
pub(super) struct Door {
    pre: InstancePre<Context>,
    receiving: Option<connector::GuestIndices>,
    sending: Option<channel::GuestIndices>,
    writing_back: Option<calendar::GuestIndices>,
}

impl Door {
    /// Finds what a component exports of the three interfaces (it receives, sends, writes back), and checks its types.
    pub(super) fn new(pre: InstancePre<Context>, [receives, sends, writes_back]: [bool; 3]) -> wasmtime::Result<Self> {
        type Events = (Result<Vec<connector::Incoming>, connector::Rejection>,);
        type Encoded = (Result<provider::HttpRequest, String>,);
        type Wanted = (Result<Option<provider::HttpRequest>, String>,);
        if receives {
            check_type::<_, (&connector::Request,), Events>(&pre, Export::Receiving, "receive")?;
        }
        if sends {
            check_type::<_, (&channel::Outgoing,), Encoded>(&pre, Export::Sending, "encode")?;
            type Answer<'a> = (&'a channel::Outgoing, &'a provider::HttpResponse);
            check_type::<_, Answer<'_>, (provider::Delivery,)>(&pre, Export::Sending, "decode")?;
        }
        if writes_back {
            check_type::<_, (&calendar::Answered,), Wanted>(&pre, Export::WritingBack, "encode")?;
            type Answer<'a> = (&'a calendar::Answered, &'a provider::HttpResponse);
            check_type::<_, Answer<'_>, (provider::Delivery,)>(&pre, Export::WritingBack, "decode")?;
        }
        let receiving = receives.then(|| connector::GuestIndices::new(&pre)).transpose()?;
        let sending = sends.then(|| channel::GuestIndices::new(&pre)).transpose()?;
        let writing_back = writes_back.then(|| calendar::GuestIndices::new(&pre)).transpose()?;
        Ok(Self { pre, receiving, sending, writing_back })
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
        Ok(request(told(asked).0??))
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
        let response = answer(response);
        let asked = self.ask(allowance(limits), |store| {
            let instance = pre.instantiate(&mut *store)?;
            indices.load(&mut *store, &instance)?.call_decode(store, &given, &response)
        });
        told(asked).0.map(delivery)
    }

    /// Has a connector write the request that tells a calendar of an answer; none if the calendar takes no such answer.
    ///
    /// # Errors
    /// As [`Sandbox::encode`].
    pub fn encode_answer(
        &self,
        component: &Component,
        answered: &Told,
        limits: &Limits,
    ) -> Result<Option<HttpRequest>, String> {
        let Code::Door(Door { pre, writing_back: Some(indices), .. }) = &component.code else {
            return Err(NO_WRITING_BACK.to_owned());
        };
        let given = self::answered(answered);
        let asked = self.ask(allowance(limits), |store| {
            let instance = pre.instantiate(&mut *store)?;
            indices.load(&mut *store, &instance)?.call_encode(store, &given)
        });
        Ok(told(asked).0??.map(request))
    }

    /// Has a connector say what the calendar's answer means.
    ///
    /// # Errors
    /// As [`Sandbox::decode`].
    pub fn decode_answer(
        &self,
        component: &Component,
        answered: &Told,
        response: &HttpResponse,
        limits: &Limits,
    ) -> Result<Delivery, String> {
        let Code::Door(Door { pre, writing_back: Some(indices), .. }) = &component.code else {
            return Err(NO_WRITING_BACK.to_owned());
        };
        let (given, response) = (self::answered(answered), answer(response));
        let asked = self.ask(allowance(limits), |store| {
            let instance = pre.instantiate(&mut *store)?;
            indices.load(&mut *store, &instance)?.call_decode(store, &given, &response)
        });
        told(asked).0.map(delivery)
    }
}

const NO_RECEIVING: &str = "it exports no attune:connector/receiving";
const NO_SENDING: &str = "it exports no attune:channel/sending";
const NO_WRITING_BACK: &str = "it exports no attune:connector/writing-back";

fn request(request: provider::HttpRequest) -> HttpRequest {
    let provider::HttpRequest { method, url, headers, body } = request;
    HttpRequest { method, url, headers, body }
}

fn answer(response: &HttpResponse) -> provider::HttpResponse {
    let HttpResponse { status, headers, body } = response.clone();
    provider::HttpResponse { status, headers, body }
}

fn delivery(delivery: provider::Delivery) -> Delivery {
    match delivery {
        provider::Delivery::Accepted(id) => Delivery::Accepted(id),
        provider::Delivery::Retry((words, after_ms)) => Delivery::Retry(words, after_ms),
        provider::Delivery::Failed(words) => Delivery::Failed(words),
        provider::Delivery::Unreachable(words) => Delivery::Unreachable(words),
        provider::Delivery::Gone(words) => Delivery::Gone(words),
    }
}

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

fn answered(answered: &Told) -> calendar::Answered {
    let mut appointment = appointment(&answered.appointment);
    appointment.extra.push(("version".to_owned(), answered.appointment.version.to_string()));
    calendar::Answered {
        errand: answered.errand.clone(),
        appointment,
        at: answered.at.0,
        settings: answered.settings.clone(),
        now: answered.now.0,
        extra: answered.extra.clone(),
    }
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
