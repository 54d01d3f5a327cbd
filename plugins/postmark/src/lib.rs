//! Postmark: mail both ways, and what became of it.
//!
//! Source: Postmark's "Inbound webhook", "Bounce webhook" and its neighbours, and "Email API".

mod bindings;
mod incoming;
mod outgoing;

use bindings::attune::host::log;
use bindings::exports::attune::channel::sending::{self, Delivery, HttpRequest, HttpResponse, Outgoing};
use bindings::exports::attune::connector::receiving::{self, Incoming, Rejection, Request};

struct Postmark;

impl receiving::Guest for Postmark {
    fn receive(request: Request) -> Result<Vec<Incoming>, Rejection> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        incoming::read(&request.body).map(|event| vec![event])
    }
}

impl sending::Guest for Postmark {
    fn encode(message: Outgoing) -> Result<HttpRequest, String> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        outgoing::request(&message)
    }

    fn decode(message: Outgoing, response: HttpResponse) -> Delivery {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        outgoing::delivery(&message, &response)
    }
}
