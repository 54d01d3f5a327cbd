//! A mail as it is (RFC 5322), posted as `message/rfc822`.

mod bindings;

use attune_vendor::mail::told;
use attune_vendor::{fingerprint, header};
use bindings::attune::host::log;
use bindings::exports::attune::connector::receiving::{Guest, Incoming, Rejection, Request};

struct Email;

impl Guest for Email {
    fn receive(request: Request) -> Result<Vec<Incoming>, Rejection> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let kind = header(&request.headers, "content-type").unwrap_or("message/rfc822");
        if kind.starts_with("application/json") || kind.starts_with("application/x-www-form-urlencoded") {
            return Err(Rejection::Malformed(format!("a mail is expected (message/rfc822), and this is {kind}")));
        }
        let told = told(attune_mail::read(&request.body));
        let told = told.ok_or_else(|| Rejection::Malformed("nobody wrote this mail: it has no From".to_owned()))?;
        // Without an id of its own, it is known by its bytes: a pipe that tries again makes a new webhook-id.
        let id = told.id.unwrap_or_else(|| fingerprint(&request.body));
        Ok(vec![Incoming { kind: told.kind.to_owned(), id, time: told.time, data: told.data.to_string() }])
    }
}
