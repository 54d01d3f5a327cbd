//! SendGrid: mail that goes out, and what became of it.
//!
//! Source: SendGrid's "Mail Send" and "Event Webhook Reference".

mod bindings;
mod incoming;
mod outgoing;

use bindings::attune::host::log;
use bindings::exports::attune::channel::sending::{self, Delivery, HttpRequest, HttpResponse, Outgoing};
use bindings::exports::attune::connector::receiving::{self, Incoming, Rejection, Request};

struct Sendgrid;

impl receiving::Guest for Sendgrid {
    fn receive(request: Request) -> Result<Vec<Incoming>, Rejection> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        incoming::read(&request.body)
    }
}

impl sending::Guest for Sendgrid {
    fn encode(message: Outgoing) -> Result<HttpRequest, String> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        outgoing::request(&message)
    }

    fn decode(message: Outgoing, response: HttpResponse) -> Delivery {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        outgoing::delivery(&message, &response)
    }
}
