//! What a WooCommerce shop sends, as Attune's events.
//!
//! Source: the REST API's resources (version 3), which webhooks carry as they are, and "Webhooks" for the headers.

mod bindings;

use attune_vendor::{
    Object, addresses, details, first, header, joined, list, millis, money, object, paired, text, unescaped,
};
use bindings::attune::host::log;
use bindings::exports::attune::connector::receiving::{Guest, Incoming, Rejection, Request};
use serde_json::Value;

struct WooCommerce;

/// An order whose completion is so long ago was only saved once more, so nobody has to hear of it, in milliseconds.
const JUST_NOW: u64 = 60_000;

impl Guest for WooCommerce {
    fn receive(request: Request) -> Result<Vec<Incoming>, Rejection> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let topic = header(&request.headers, "x-wc-webhook-topic")
            .ok_or_else(|| Rejection::Malformed("there is no X-WC-Webhook-Topic header".to_owned()))?;
        let body = object(&request.body).map_err(Rejection::Malformed)?;
        let Some(about) = text(&body, "/id") else {
            return Err(Rejection::Ignored(format!("{topic} without an id is about no order and no customer")));
        };
        let zone = request.zone.as_str();
        // The delivery's id is another one each time that the same is sent.
        let changed = first(&body, &["/date_modified_gmt", "/date_modified", "/date_created_gmt", "/date_created"]);
        // Two saves in one second are told apart by what they came to.
        let status = text(&body, "/status").map(|status| format!(":{status}"));
        let id = format!("{about}:{topic}:{}{}", changed.unwrap_or_default(), status.unwrap_or_default());
        let (made, saved) = (when(&body, "date_created", zone), when(&body, "date_modified", zone));
        let time = if topic.ends_with(".created") { made.or(saved) } else { saved.or(made) };
        let (kind, data) = read(topic, &body, zone);
        Ok(vec![Incoming { kind, id, time, data: data.value().to_string() }])
    }
}

/// The event's type and data. A topic that is not known is kept as it is.
fn read(topic: &str, body: &Value, zone: &str) -> (String, Object) {
    let status = text(body, "/status").unwrap_or_default();
    match topic {
        // A draft is what somebody may still buy, and what is deleted has an id and nothing else.
        "order.created" | "order.updated" | "order.restored"
            if !matches!(status.as_str(), "checkout-draft" | "auto-draft" | "trash") =>
        {
            let change = match status.as_str() {
                "cancelled" => "cancelled",
                "refunded" => "refunded",
                "completed" if topic == "order.updated" && is_just_completed(body) => "shipped",
                "completed" => "updated",
                _ if topic == "order.created" => "placed",
                _ => "updated",
            };
            (format!("attune.order.{change}.v1"), order(body, &status, zone))
        }
        "customer.created" | "customer.updated" => {
            let data = Object::new().with("customer", Some(person(body, "/id")));
            ("attune.customer.updated.v1".to_owned(), data)
        }
        _ => {
            let data = Object::new().with_object("customer", person(body, "/customer_id"));
            (format!("woocommerce.{topic}"), data.with("woocommerce", Some(body.clone())))
        }
    }
}

/// `order.updated` comes whenever somebody saves an order, years later too.
fn is_just_completed(body: &Value) -> bool {
    let at = |name: &str| text(body, &format!("/date_{name}_gmt")).and_then(|time| millis(&format!("{time}Z")));
    at("completed").zip(at("modified")).is_some_and(|(completed, saved)| saved.saturating_sub(completed) <= JUST_NOW)
}

fn order(body: &Value, status: &str, zone: &str) -> Object {
    let named = |item: &Value| text(item, "/name").map(|name| Value::from(unescaped(&name)));
    let version = when(body, "date_modified", zone).and_then(|time| millis(&time));
    let places = [
        ("status", "/status"),
        ("payment_method", "/payment_method_title"),
        ("payment_url", "/payment_url"),
        ("customer_note", "/customer_note"),
    ];
    let order = Object::new()
        .with("id", text(body, "/id"))
        .with("version", version)
        .with("number", first(body, &["/number", "/id"]))
        .with("status", Some(standing(status)))
        .with("placed", when(body, "date_created", zone))
        .with("total", money(text(body, "/total"), text(body, "/currency")))
        .with_list("items", list(body, "/line_items").iter().filter_map(named).collect())
        .with_list("shipments", parcels(body))
        .with_object(
            "extra",
            details(body, &places)
                .with("paid_at", when(body, "date_paid", zone))
                .with("completed_at", when(body, "date_completed", zone))
                .with("refund_total", refunded(body)),
        );
    Object::new().with("customer", Some(person(body, "/customer_id"))).with("order", Some(order))
}

/// Statuses that a shop added itself are somewhere in between.
fn standing(status: &str) -> &'static str {
    match status {
        "pending" | "on-hold" | "failed" => "placed",
        "completed" => "shipped",
        "cancelled" => "cancelled",
        "refunded" => "refunded",
        _ => "processing",
    }
}

/// What went back so far; the shop writes it below zero, with as many decimals as its currency has.
fn refunded(body: &Value) -> Option<String> {
    let parts: Vec<String> = list(body, "/refunds").iter().filter_map(|refund| text(refund, "/total")).collect();
    let decimals = parts.first()?.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let minor: i64 = parts.iter().filter_map(|part| part.replace('.', "").parse::<i64>().ok()).sum();
    let digits = format!("{:0width$}", minor.abs(), width = decimals + 1);
    let (whole, part) = digits.split_at(digits.len() - decimals);
    Some(if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") })
}

/// Parcels as the extension "Shipment Tracking" notes them.
fn parcels(body: &Value) -> Vec<Value> {
    let noted = list(body, "/meta_data")
        .iter()
        .filter(|meta| text(meta, "/key").as_deref() == Some("_wc_shipment_tracking_items"));
    let parcel = |item: &Value| {
        Object::new()
            .with("carrier", first(item, &["/custom_tracking_provider", "/tracking_provider"]))
            .with("tracking", text(item, "/tracking_number"))
            .with("url", text(item, "/custom_tracking_link"))
            .value()
    };
    noted
        .flat_map(|meta| list(meta, "/value"))
        .filter(|item| text(item, "/tracking_number").is_some())
        .map(parcel)
        .collect()
}

/// A time without a zone says how far from UTC it is only beside its twin in GMT.
fn when(body: &Value, name: &str, zone: &str) -> Option<String> {
    paired(text(body, &format!("/{name}")), text(body, &format!("/{name}_gmt")), zone)
}

/// Whose a record is. A guest's order is that of customer 0. The telephone number of the delivery may be a neighbour's.
fn person(record: &Value, id: &str) -> Object {
    let name = |part: &str| first(record, &[&format!("/{part}_name"), &format!("/billing/{part}_name")]);
    Object::new()
        .with_list("addresses", addresses(first(record, &["/email", "/billing/email"]), text(record, "/billing/phone")))
        .with("external_id", text(record, id).filter(|id| id != "0"))
        .with("name", joined([name("first"), name("last")]))
        .with("country", first(record, &["/billing/country", "/shipping/country"]))
        .with("postcode", first(record, &["/billing/postcode", "/shipping/postcode"]))
}
