//! What a Shopify shop sends, as Attune's events.
//!
//! Source: the REST Admin API's resources, which webhooks carry as they are, and "About webhooks" for the headers.

mod bindings;

use attune_vendor::{Object, first, header, joined, list, millis, money, text, without};
use bindings::attune::host::log;
use bindings::exports::attune::connector::receiving::{Guest, Incoming, Rejection, Request};
use serde_json::{Value, json};

struct Shopify;

impl Guest for Shopify {
    fn receive(request: Request) -> Result<Vec<Incoming>, Rejection> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        // Newer headers come without the X.
        let header = |name: &str| {
            header(&request.headers, &format!("x-shopify-{name}"))
                .or_else(|| header(&request.headers, &format!("shopify-{name}")))
        };
        let topic =
            header("topic").ok_or_else(|| Rejection::Malformed("there is no X-Shopify-Topic header".to_owned()))?;
        // An event of a kind that is not known keeps all there is.
        let is_known = order_change(topic).is_some() || topic.starts_with("fulfillments/");
        let skips: fn(&str) -> bool = if is_known { is_passed_over } else { |_| false };
        let body = without(&request.body, skips)
            .map_err(|error| Rejection::Malformed(format!("the body is not JSON: {error}")))?;
        if !body.is_object() {
            return Err(Rejection::Malformed("the body is no object".to_owned()));
        }
        let time = first(&body, &["/updated_at", "/processed_at", "/created_at"]);
        let (kind, data) = read(topic, &body);
        let id = header("webhook-id")
            .map(str::to_owned)
            .or_else(|| Some(format!("{topic}:{}:{}", text(&body, "/id")?, time.clone().unwrap_or_default())));
        let id = id.ok_or_else(|| {
            Rejection::Malformed("there is neither an X-Shopify-Webhook-Id header nor an id".to_owned())
        })?;
        Ok(vec![Incoming { kind, id, time, data: data.to_string() }])
    }
}

/// What becomes of an order, by the topic.
fn order_change(topic: &str) -> Option<&'static str> {
    Some(match topic {
        "orders/create" => "placed",
        "orders/cancelled" => "cancelled",
        "orders/fulfilled" | "orders/partially_fulfilled" => "shipped",
        "orders/updated" | "orders/paid" | "orders/edited" => "updated",
        _ => return None,
    })
}

/// What an order has a lot of and no event tells: every price in two currencies, taxes and discounts a line.
fn is_passed_over(name: &str) -> bool {
    name.ends_with("_set")
        || name.ends_with("_lines")
        || matches!(name, "admin_graphql_api_id" | "discount_allocations")
}

/// The event's type and data. A topic that is not known is kept as it is.
fn read(topic: &str, body: &Value) -> (String, Value) {
    let news = |change: &str, data: Object| (format!("attune.order.{change}.v1"), data.value());
    if let Some(change) = order_change(topic) {
        return news(change, order(body));
    }
    match topic {
        "fulfillments/create" | "fulfillments/update" if text(body, "/order_id").is_some() => {
            news(fulfilment_change(topic, body), fulfilment(body))
        }
        "customers/create" | "customers/update" | "customers/enable" if text(body, "/id").is_some() => {
            let data = Object::new().with("customer", Some(person(body, body)));
            ("attune.customer.updated.v1".to_owned(), data.value())
        }
        _ => {
            let customer = body.pointer("/customer").map(|customer| person(body, customer));
            let data = Object::new().with("customer", customer).with("shopify", Some(body.clone()));
            (format!("shopify.{}", topic.replace('/', ".")), data.value())
        }
    }
}

fn order(body: &Value) -> Object {
    let named = |item: &Value| first(item, &["/name", "/title"]).map(Value::from);
    let order = Object::new()
        .with("id", text(body, "/id"))
        .with("version", text(body, "/updated_at").and_then(|at| millis(&at)))
        .with("number", first(body, &["/name", "/order_number", "/id"]))
        .with("status", Some(standing(body)))
        .with("placed", first(body, &["/processed_at", "/created_at"]))
        .with("total", money(text(body, "/total_price"), text(body, "/currency")))
        .with_list("items", list(body, "/line_items").iter().filter_map(named).collect())
        .with_list(
            "shipments",
            list(body, "/fulfillments").iter().filter(|one| is_under_way(one)).flat_map(parcels).collect(),
        )
        .with_object(
            "extra",
            extra(
                body,
                &["financial_status", "fulfillment_status", "cancel_reason", "checkout_id", "order_status_url"],
            ),
        );
    let customer = body.pointer("/customer").unwrap_or(&Value::Null);
    Object::new().with("customer", Some(person(body, customer))).with("order", Some(order))
}

/// Where an order stands, of which Shopify tells in several fields.
fn standing(body: &Value) -> &'static str {
    let is = |place: &str, word: &str| text(body, place).as_deref() == Some(word);
    let parcels: Vec<&Value> = list(body, "/fulfillments").iter().filter(|one| is_under_way(one)).collect();
    let arrived = |parcel: &&Value| text(parcel, "/shipment_status").as_deref() == Some("delivered");
    if text(body, "/cancelled_at").is_some() {
        "cancelled"
    } else if is("/financial_status", "refunded") {
        "refunded"
    } else if is("/fulfillment_status", "fulfilled") && !parcels.is_empty() && parcels.iter().all(arrived) {
        "delivered"
    } else if is("/fulfillment_status", "fulfilled") || is("/fulfillment_status", "partial") {
        "shipped"
    } else {
        "processing"
    }
}

/// A fulfilment that failed or was called off carries nothing to anybody.
fn is_under_way(fulfilment: &Value) -> bool {
    !matches!(text(fulfilment, "/status").as_deref(), Some("cancelled" | "failure" | "error"))
}

fn fulfilment_change(topic: &str, body: &Value) -> &'static str {
    match text(body, "/shipment_status").as_deref() {
        _ if !is_under_way(body) => "updated",
        Some("delivered") => "delivered",
        Some("attempted_delivery" | "failure" | "delayed") => "delayed",
        _ if topic == "fulfillments/create" => "shipped",
        _ => "updated",
    }
}

/// A fulfilment is news of a part of an order. The shop's own samples have nobody in them; real ones have an e-mail address.
fn fulfilment(body: &Value) -> Object {
    let parcels = if is_under_way(body) { parcels(body) } else { Vec::new() };
    let order = Object::new()
        .with("id", text(body, "/order_id"))
        .with("version", first(body, &["/updated_at", "/created_at"]).and_then(|at| millis(&at)))
        .with_list("shipments", parcels)
        .with_object("extra", extra(body, &["status", "shipment_status", "name", "id"]));
    let person = Object::new().with_list("addresses", address("email", text(body, "/email")));
    Object::new().with("customer", Some(person)).with("order", Some(order))
}

fn parcels(fulfilment: &Value) -> Vec<Value> {
    let urls = list(fulfilment, "/tracking_urls");
    let delivered = (text(fulfilment, "/shipment_status").as_deref() == Some("delivered"))
        .then(|| text(fulfilment, "/updated_at"))
        .flatten();
    let parcel = |(place, number): (usize, &Value)| {
        Object::new()
            .with("carrier", text(fulfilment, "/tracking_company"))
            .with("tracking", text(number, ""))
            .with("url", urls.get(place).and_then(|url| text(url, "")))
            .with("expected", text(fulfilment, "/estimated_delivery_at"))
            .with("delivered", delivered.clone())
            .value()
    };
    list(fulfilment, "/tracking_numbers").iter().enumerate().map(parcel).collect()
}

/// Whose a record is. Telephone numbers of the delivery may be a neighbour's, so they are not the customer's.
fn person(record: &Value, customer: &Value) -> Object {
    let mut addresses =
        address("email", first(record, &["/email", "/contact_email"]).or_else(|| text(customer, "/email")));
    addresses.extend(address("phone", first(record, &["/phone"]).or_else(|| text(customer, "/phone"))));
    let name = joined([text(customer, "/first_name"), text(customer, "/last_name")]);
    let country = [
        "/shipping_address/country_code",
        "/billing_address/country_code",
        "/customer/default_address/country_code",
        "/default_address/country_code",
    ];
    let consent = |channel: &str| {
        let told = customer.pointer(&format!("/{channel}_marketing_consent"))?;
        let granted = text(told, "/state")? == "subscribed";
        let at = text(told, "/consent_updated_at");
        Some(
            Object::new()
                .with("purpose", Some("marketing"))
                .with("channel", Some(channel))
                .with("granted", Some(granted))
                .with("at", at)
                .value(),
        )
    };
    Object::new()
        .with_list("addresses", addresses)
        .with("external_id", text(customer, "/id"))
        .with("name", name.or_else(|| first(record, &["/shipping_address/name", "/billing_address/name"])))
        .with("language", first(record, &["/customer_locale"]).or_else(|| text(customer, "/locale")))
        .with("country", first(record, &country))
        .with("postcode", first(record, &["/shipping_address/zip", "/billing_address/zip"]))
        .with_list("consents", ["email", "sms"].into_iter().filter_map(consent).collect())
}

fn address(kind: &str, value: Option<String>) -> Vec<Value> {
    value.map(|value| json!(format!("{kind}:{value}"))).into_iter().collect()
}

fn extra(body: &Value, names: &[&str]) -> Object {
    names.iter().fold(Object::new(), |extra, name| extra.with(name, text(body, &format!("/{name}"))))
}
