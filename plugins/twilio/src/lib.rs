//! Twilio's text messages and WhatsApp messages, both ways.
//!
//! Source: Twilio's "Messaging webhooks" for what comes in, the "Message resource" for what goes out, and its list of error codes.

mod bindings;
mod incoming;
mod outgoing;

use bindings::attune::host::log;
use bindings::exports::attune::channel::sending::{self, Delivery, HttpRequest, HttpResponse, Outgoing};
use bindings::exports::attune::connector::receiving::{self, Incoming, Rejection, Request};

struct Twilio;

impl receiving::Guest for Twilio {
    fn receive(request: Request) -> Result<Vec<Incoming>, Rejection> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        incoming::read(&request)
    }
}

impl sending::Guest for Twilio {
    fn encode(message: Outgoing) -> Result<HttpRequest, String> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        outgoing::request(&message)
    }

    fn decode(message: Outgoing, response: HttpResponse) -> Delivery {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        outgoing::delivery(&message, &response)
    }
}

/// Of Twilio's error codes, those that say that the address is good for nothing: no such number, no telephone for text messages,
/// no WhatsApp there.
fn is_no_address(code: &str) -> bool {
    matches!(code, "21211" | "21214" | "21217" | "21614" | "30005" | "30006" | "63003" | "63024")
}

/// The one that says that somebody told Twilio to stop.
const STOPPED: &str = "21610";
