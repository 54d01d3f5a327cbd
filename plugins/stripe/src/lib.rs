//! What Stripe sends, as Attune's events. Payments are no orders: what happens to them reaches plugins as `stripe.TYPE`, in the
//! customer's lane and with what a plugin needs at the top.
//!
//! Source: Stripe's API reference (events, invoices, charges, payment intents, customers).

mod bindings;

use attune_vendor::{Object, addresses, details, first, object, rfc3339, text};
use bindings::attune::host::log;
use bindings::exports::attune::connector::receiving::{Guest, Incoming, Rejection, Request};
use serde_json::Value;

struct Stripe;

impl Guest for Stripe {
    fn receive(request: Request) -> Result<Vec<Incoming>, Rejection> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let body = object(&request.body).map_err(Rejection::Malformed)?;
        let told = |name: &str| {
            text(&body, &format!("/{name}"))
                .ok_or_else(|| Rejection::Malformed(format!("an event of Stripe has `{name}`")))
        };
        let (id, topic) = (told("id")?, told("type")?);
        let about =
            body.pointer("/data/object").filter(|about| about.as_object().is_some_and(|fields| !fields.is_empty()));
        let Some(about) = about else {
            return Err(Rejection::Ignored(format!("{topic} is about nothing; take snapshot payloads at Stripe")));
        };
        let (kind, data) = match topic.as_str() {
            "customer.created" | "customer.updated" => {
                ("attune.customer.updated.v1".to_owned(), Object::new().with("customer", Some(themselves(about))))
            }
            _ => (format!("stripe.{topic}"), payment(&topic, &body, about)),
        };
        Ok(vec![Incoming { kind, id, time: moment(&body, "/created"), data: data.value().to_string() }])
    }
}

/// Stripe counts seconds since 1970.
fn moment(body: &Value, place: &str) -> Option<String> {
    body.pointer(place)?.as_u64()?.checked_mul(1_000).and_then(rfc3339)
}

/// A payment, an invoice, a refund, or whatever else it is about, which is kept whole beside.
fn payment(topic: &str, body: &Value, about: &Value) -> Object {
    let is_refund = topic == "charge.refunded";
    let amounts: &[&str] = if is_refund { &["/amount_refunded"] } else { &["/amount_due", "/amount", "/amount_total"] };
    let minor = amounts.iter().find_map(|place| about.pointer(place)?.as_i64());
    let amount = minor.zip(text(about, "/currency")).map(|(minor, currency)| {
        Object::new().with("amount_minor", Some(minor)).with("currency", Some(currency.to_ascii_uppercase()))
    });
    let is = text(about, "/object").unwrap_or_default();
    let own = |kind: &str, place: &str| {
        if is == kind { text(about, "/id") } else { first(about, &[place, &format!("{place}/id")]) }
    };
    let reasons = [
        "/last_payment_error/message",
        "/last_finalization_error/message",
        "/failure_message",
        "/failure_reason",
        "/reason",
    ];
    let codes = ["/last_payment_error/decline_code", "/last_payment_error/code", "/failure_code"];
    details(body, &[("account", "/account")])
        .with_object("customer", person(about))
        .with("amount", amount)
        .with("invoice", own("invoice", "/invoice"))
        .with("charge", own("charge", "/charge"))
        .with("payment_intent", own("payment_intent", "/payment_intent"))
        .with("number", text(about, "/number"))
        .with("status", standing(&is, about))
        .with("reason", first(about, &reasons))
        .with("code", first(about, &codes))
        .with("attempt_count", about.pointer("/attempt_count").and_then(Value::as_u64))
        .with("next_attempt", moment(about, "/next_payment_attempt"))
        .with("pay_url", first(about, &["/hosted_invoice_url", "/next_action/redirect_to_url/url"]))
        .with("receipt_url", text(about, "/receipt_url"))
        .with("live", body.pointer("/livemode").and_then(Value::as_bool))
        .with("stripe", Some(about.clone()))
}

/// Old versions of the API say of an invoice in three fields what newer ones say in `status`.
fn standing(is: &str, about: &Value) -> Option<String> {
    let yes = |place: &str| about.pointer(place).and_then(Value::as_bool);
    let old = || match (yes("/paid")?, yes("/closed")) {
        (true, _) => Some("paid"),
        (false, Some(false)) => Some("open"),
        _ => None,
    };
    text(about, "/status").or_else(|| old().filter(|_| is == "invoice").map(str::to_owned))
}

/// Whose it is, which is told in other fields in each kind of thing. The customer is an id, or all of them.
fn person(about: &Value) -> Object {
    let whole = about.pointer("/customer").filter(|customer| customer.is_object());
    let all = whole.map(|customer| [text(customer, "/email"), text(customer, "/phone"), text(customer, "/name")]);
    let [email, phone, name] = all.unwrap_or_default();
    let parts = |what: &str| {
        let places =
            [format!("/customer_{what}"), format!("/customer_details/{what}"), format!("/billing_details/{what}")];
        places.iter().find_map(|place| text(about, place))
    };
    let email = email.or_else(|| parts("email")).or_else(|| text(about, "/receipt_email"));
    let country =
        ["/customer_address/country", "/customer_details/address/country", "/billing_details/address/country"];
    Object::new()
        .with_list("addresses", addresses(email, phone.or_else(|| parts("phone"))))
        .with("external_id", first(about, &["/customer", "/customer/id"]))
        .with("name", name.or_else(|| parts("name")))
        .with("country", first(about, &country))
}

fn themselves(customer: &Value) -> Object {
    Object::new()
        .with_list("addresses", addresses(text(customer, "/email"), text(customer, "/phone")))
        .with("external_id", text(customer, "/id"))
        .with("name", text(customer, "/name"))
        .with("language", text(customer, "/preferred_locales/0"))
        .with("country", text(customer, "/address/country"))
}
