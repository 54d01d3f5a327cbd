//! Mailgun: mail both ways, and what became of it.
//!
//! Source: Mailgun's "Receive, forward and store messages", "Webhooks" and "Messages".

mod bindings;
mod incoming;
mod outgoing;

use bindings::attune::host::log;
use bindings::exports::attune::channel::sending::{self, Delivery, HttpRequest, HttpResponse, Outgoing};
use bindings::exports::attune::connector::receiving::{self, Incoming, Rejection, Request};

struct Mailgun;

impl receiving::Guest for Mailgun {
    fn receive(request: Request) -> Result<Vec<Incoming>, Rejection> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        incoming::read(&request).map(|event| vec![event])
    }
}

impl sending::Guest for Mailgun {
    fn encode(message: Outgoing) -> Result<HttpRequest, String> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        outgoing::request(&message)
    }

    fn decode(message: Outgoing, response: HttpResponse) -> Delivery {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        outgoing::delivery(&message, &response)
    }
}
