//! The schemas of the events that Attune knows: data is checked against the JSON Schema that the API describes, then read.
//! What does not fit is named with its path and the rule.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jsonschema::{ValidationError, error::ValidationErrorKind};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::address::Address;
use crate::domain::appointment::{Answer, Appointment, AppointmentStatus};
use crate::domain::consent::{Consent, EVERYWHERE, Source};
use crate::domain::entry::{Inbound, News, Report, Who};
use crate::domain::event::{
    AppointmentData, AppointmentNews, CUSTOMER_UPDATED, ConsentNews, ConsentSource, ConsentTold, CustomerRef,
    CustomerUpdated, DELIVERY_REPORTED, DeliveryReport, DeliveryReported, DeliveryStatus, MESSAGE_RECEIVED,
    MessageReceived, OrderData, OrderNews, ShipmentData,
};
use crate::domain::ids::CustomerId;
use crate::domain::machine;
use crate::domain::message::{Attachment, Original, Purpose};
use crate::domain::order::{Money, Order, OrderStatus, Shipment};
use crate::domain::phone;
use crate::domain::time::{self, HOUR, Instant};

use super::cloudevent::CloudEvent;

/// One thing that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Misfit {
    /// Where, as a JSON Pointer into `data`.
    pub path: String,
    /// Which rule it breaks.
    pub rule: String,
}

/// What was read from an event.
pub struct Read {
    /// When it happened.
    pub happened: Instant,
    /// The customer's own id, if it was given.
    pub customer: Option<CustomerId>,
    /// What it says of the customer.
    pub who: Who,
    /// What it says.
    pub news: News,
}

/// Appointment changes and the status each leads to.
const APPOINTMENT_CHANGES: [(&str, AppointmentStatus); 5] = [
    ("booked", AppointmentStatus::Booked),
    ("moved", AppointmentStatus::Booked),
    ("cancelled", AppointmentStatus::Cancelled),
    ("completed", AppointmentStatus::Completed),
    ("missed", AppointmentStatus::Missed),
];

/// Order changes and the status each leads to.
const ORDER_CHANGES: [(&str, OrderStatus); 7] = [
    ("placed", OrderStatus::Placed),
    ("updated", OrderStatus::Processing),
    ("shipped", OrderStatus::Shipped),
    ("delayed", OrderStatus::Delayed),
    ("delivered", OrderStatus::Delivered),
    ("cancelled", OrderStatus::Cancelled),
    ("refunded", OrderStatus::Refunded),
];

/// The name of the schema of an event type's data, if Attune knows the type.
pub fn schema_name(kind: &str) -> Option<&'static str> {
    if kind == MESSAGE_RECEIVED {
        return Some("MessageReceived");
    }
    if kind == DELIVERY_REPORTED {
        return Some("DeliveryReported");
    }
    if kind == CUSTOMER_UPDATED {
        return Some("CustomerUpdated");
    }
    if appointment_change(kind).is_some() {
        return Some("AppointmentNews");
    }
    order_change(kind).map(|_| "OrderNews")
}

/// Every event type that Attune knows, with the name of its data's schema.
pub fn known_types() -> Vec<(String, &'static str)> {
    let appointments = APPOINTMENT_CHANGES.map(|(change, _)| format!("attune.appointment.{change}.v1"));
    let orders = ORDER_CHANGES.map(|(change, _)| format!("attune.order.{change}.v1"));
    [MESSAGE_RECEIVED.to_owned(), DELIVERY_REPORTED.to_owned(), CUSTOMER_UPDATED.to_owned()]
        .into_iter()
        .chain(appointments)
        .chain(orders)
        .filter_map(|kind| schema_name(&kind).map(|name| (kind, name)))
        .collect()
}

fn appointment_change(kind: &str) -> Option<(&'static str, AppointmentStatus)> {
    let change = kind.strip_prefix("attune.appointment.")?.strip_suffix(".v1")?;
    APPOINTMENT_CHANGES.into_iter().find(|(known, _)| *known == change)
}

fn order_change(kind: &str) -> Option<(&'static str, OrderStatus)> {
    let change = kind.strip_prefix("attune.order.")?.strip_suffix(".v1")?;
    ORDER_CHANGES.into_iter().find(|(known, _)| *known == change)
}

/// The JSON Schemas by name, as the API's description has them under `components/schemas`.
pub fn schemas() -> BTreeMap<String, Value> {
    let mut schemas = BTreeMap::new();
    let mut add = |name: &str, schema: Value| schemas.insert(name.to_owned(), schema);
    let value =
        |schema: utoipa::openapi::RefOr<utoipa::openapi::Schema>| serde_json::to_value(schema).unwrap_or_default();
    add("MessageReceived", value(MessageReceived::schema()));
    add("CustomerUpdated", value(CustomerUpdated::schema()));
    add("DeliveryReported", value(DeliveryReported::schema()));
    add("DeliveryReport", value(DeliveryReport::schema()));
    add("DeliveryStatus", value(DeliveryStatus::schema()));
    add("AppointmentNews", value(AppointmentNews::schema()));
    add("AppointmentData", value(AppointmentData::schema()));
    add("OrderNews", value(OrderNews::schema()));
    add("OrderData", value(OrderData::schema()));
    add("ShipmentData", value(ShipmentData::schema()));
    add("CustomerRef", value(CustomerRef::schema()));
    add("Money", value(Money::schema()));
    add("Address", value(Address::schema()));
    add("OrderStatus", value(OrderStatus::schema()));
    add("Attachment", value(Attachment::schema()));
    add("Purpose", value(Purpose::schema()));
    add("ConsentNews", value(ConsentNews::schema()));
    add("ConsentTold", value(ConsentTold::schema()));
    add("ConsentSource", value(ConsentSource::schema()));
    schemas
}

static VALIDATORS: LazyLock<BTreeMap<&'static str, jsonschema::Validator>> = LazyLock::new(|| {
    let components = json!({ "schemas": schemas() });
    ["MessageReceived", "DeliveryReported", "CustomerUpdated", "AppointmentNews", "OrderNews", "CustomerRef"]
        .into_iter()
        .filter_map(|name| {
            let root = json!({ "$ref": format!("#/components/schemas/{name}"), "components": components });
            // The schemas are our own; a test compiles them all.
            jsonschema::validator_for(&root).ok().map(|validator| (name, validator))
        })
        .collect()
});

/// Where a business is, for times and numbers that do not say where they are from.
#[derive(Debug, Clone)]
pub struct Home {
    /// Its zone.
    pub zone: String,
    /// Its country.
    pub country: Option<String>,
}

/// Checks an event's data and reads it.
///
/// # Errors
/// What does not fit, at most eight things.
pub fn read(event: &CloudEvent, now: Instant, home: &Home) -> Result<Read, Vec<Misfit>> {
    let happened = match &event.time {
        None => now,
        Some(text) => Instant::parse(text)
            .ok_or_else(|| misfit("/time", format!("`{text}` is not a time such as 2026-11-22T10:00:00Z")))?,
    };
    let (customer, news) = if event.kind == MESSAGE_RECEIVED {
        let data: MessageReceived = fit("MessageReceived", event, home)?;
        let headers = data.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let by_subject = || data.subject.as_deref().filter(|_| data.channel == "email").and_then(machine::by_subject);
        let machine = machine::by_headers(headers).or_else(by_subject).map(str::to_owned);
        let full = data.full.filter(|full| *full != data.text);
        let (message_id, in_reply_to_id) = (data.message_id, data.in_reply_to_id);
        let original = Original { message_id, in_reply_to_id, full, attachments: data.attachments };
        let inbound = Inbound {
            channel: data.channel,
            text: data.text,
            subject: data.subject,
            in_reply_to: data.in_reply_to.and_then(|id| id.parse().ok()),
            language: data.language,
            machine,
            original: original.known(),
            confirmed: data.confirmed,
        };
        (data.customer, News::Message(inbound))
    } else if event.kind == DELIVERY_REPORTED {
        let DeliveryReport { id, status, reason, permanent, .. } =
            fit::<DeliveryReported>("DeliveryReported", event, home)?.delivery;
        let report = Report { id, status: status.word().to_owned(), reason, permanent };
        (CustomerRef::default(), News::Report(report))
    } else if event.kind == CUSTOMER_UPDATED {
        (fit::<CustomerUpdated>("CustomerUpdated", event, home)?.customer, News::Customer)
    } else if let Some((change, status)) = appointment_change(&event.kind) {
        let data: AppointmentNews = fit("AppointmentNews", event, home)?;
        let appointment = appointment(data.appointment, status, event, happened, &home.zone)?;
        (data.customer, News::Appointment { change: change.to_owned(), appointment })
    } else if let Some((change, status)) = order_change(&event.kind) {
        let data: OrderNews = fit("OrderNews", event, home)?;
        let order = order(data.order, status, event, happened)?;
        (data.customer, News::Order { change: change.to_owned(), order })
    } else {
        (custom_customer(event, home)?, News::Other(event.data.get().to_owned()))
    };
    if let Some(zone) = customer.zone.as_deref().filter(|zone| time::zone(zone).is_none()) {
        return Err(misfit("/customer/zone", format!("`{zone}` is not an IANA time zone, such as Europe/Berlin")));
    }
    let id =
        customer.id.map(|id| id.parse().map_err(|error| misfit("/customer/id", format!("{error}")))).transpose()?;
    let who = Who {
        addresses: customer.addresses,
        external_id: customer.external_id,
        name: customer.name,
        language: customer.language,
        zone: customer.zone,
        postcode: customer.postcode,
        unverified: customer.unverified,
        consents: customer.consents.map(|news| consents(news, happened)).transpose()?,
    };
    Ok(Read { happened, customer: id, who, news })
}

/// The lines of the ledger that an event tells of. Nothing is agreed to before it happened.
fn consents(news: Vec<ConsentNews>, happened: Instant) -> Result<Vec<Consent>, Vec<Misfit>> {
    let line = |(place, news): (usize, ConsentNews)| {
        let told = match news {
            ConsentNews::Told(told) => told,
            ConsentNews::Purpose(purpose) => {
                ConsentTold { purpose, channel: None, granted: true, at: None, source: None, text: None }
            }
        };
        if told.purpose == Purpose::Reply {
            let rule = "an answer needs no consent; use survey, marketing or service".to_owned();
            return Err(misfit(&format!("/customer/consents/{place}/purpose"), rule));
        }
        let at = told.at.map(|at| instant(&format!("/customer/consents/{place}/at"), &at)).transpose()?;
        Ok(Consent {
            channel: told.channel.unwrap_or_else(|| EVERYWHERE.to_owned()),
            purpose: Some(told.purpose),
            granted: told.granted,
            at: at.unwrap_or(happened).min(happened),
            source: match told.source {
                Some(ConsentSource::Form) => Source::Form,
                Some(ConsentSource::Import) => Source::Import,
                Some(ConsentSource::Event) | None => Source::Event,
            },
            text: told.text,
            by: None,
        })
    };
    news.into_iter().enumerate().map(line).collect()
}

fn misfit(path: &str, rule: String) -> Vec<Misfit> {
    vec![Misfit { path: path.to_owned(), rule }]
}

/// Checks an event's data against a schema and reads it.
fn fit<T: DeserializeOwned>(name: &'static str, event: &CloudEvent, home: &Home) -> Result<T, Vec<Misfit>> {
    // Data that reads as its type nearly always fits; the schema is asked first all the same, because it knows lengths and
    // patterns that the type does not, and because it names the path.
    let mut data: Value = serde_json::from_str(event.data.get()).map_err(|error| misfit("", error.to_string()))?;
    if let Some(customer) = data.get_mut("customer") {
        numbers(customer, home);
    }
    check(name, &data)?;
    serde_json::from_value(data).map_err(|error| {
        // Only the slower way knows the place.
        let mut reader = serde_json::Deserializer::from_str(event.data.get());
        match serde_path_to_error::deserialize::<_, T>(&mut reader) {
            Err(placed) => misfit(&pointer(placed.path()), rule(placed.inner())),
            Ok(_) => misfit("", rule(&error)),
        }
    })
}

/// Reads telephone numbers without a country as those of the customer's country, else of the business's. What is none there stays
/// as it is.
fn numbers(customer: &mut Value, home: &Home) {
    let country = customer.get("country").and_then(Value::as_str).or(home.country.as_deref());
    let Some(country) = country.map(str::to_owned) else { return };
    for address in customer.get_mut("addresses").and_then(Value::as_array_mut).into_iter().flatten() {
        let number = address.as_str().and_then(|text| text.strip_prefix("phone:")).map(str::trim);
        let number = number.filter(|number| !number.starts_with('+') && !number.starts_with("00"));
        if let Some(known) = number.and_then(|number| phone::in_country(number, &country)) {
            *address = known.as_str().into();
        }
    }
}

/// A place as a JSON Pointer.
pub fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } | Segment::Enum { variant: key } => format!("/{key}"),
            Segment::Unknown => String::new(),
        })
        .collect()
}

/// The rule that an error names. The path says where; line and column would say it twice.
pub fn rule(error: &serde_json::Error) -> String {
    let words = error.to_string();
    words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words).to_owned()
}

fn check(name: &'static str, data: &Value) -> Result<(), Vec<Misfit>> {
    let Some(validator) = VALIDATORS.get(name) else {
        return Err(misfit("", format!("the schema {name} is missing from this build")));
    };
    if validator.is_valid(data) {
        return Ok(());
    }
    Err(validator.iter_errors(data).take(8).map(|error| told(&error)).collect())
}

/// An error in the words of the innermost rule that was broken: "none of these schemas" helps nobody, and of several schemas
/// (a value or null) the one that reached deepest is the one that was meant.
fn told(error: &ValidationError<'_>) -> Misfit {
    let inner = match error.kind() {
        ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
            context.iter().flatten().map(told).max_by_key(|misfit| misfit.path.matches('/').count())
        }
        _ => None,
    };
    let whole = || Misfit { path: error.instance_path().to_string(), rule: error.to_string() };
    inner.filter(|inner| inner.path.len() > error.instance_path().as_str().len()).unwrap_or_else(whole)
}

/// The customer of a custom event, if its data names one.
fn custom_customer(event: &CloudEvent, home: &Home) -> Result<CustomerRef, Vec<Misfit>> {
    #[derive(serde::Deserialize)]
    struct Named {
        customer: Option<Value>,
    }
    let Ok(Named { customer: Some(mut customer) }) = serde_json::from_str(event.data.get()) else {
        return Ok(CustomerRef::default());
    };
    numbers(&mut customer, home);
    check("CustomerRef", &customer).map_err(|misfits| {
        misfits.into_iter().map(|one| Misfit { path: format!("/customer{}", one.path), ..one }).collect::<Vec<_>>()
    })?;
    serde_json::from_value(customer).map_err(|error| misfit("/customer", error.to_string()))
}

fn instant(path: &str, text: &str) -> Result<Instant, Vec<Misfit>> {
    Instant::parse(text).filter(|at| *at < time::LAST).ok_or_else(|| {
        misfit(path, format!("`{text}` is not a time such as 2026-11-22T10:00:00Z or 2026-11-22T11:00[Europe/Berlin]"))
    })
}

fn appointment(
    data: AppointmentData,
    status: AppointmentStatus,
    event: &CloudEvent,
    happened: Instant,
    business_zone: &str,
) -> Result<Appointment, Vec<Misfit>> {
    check_extra("/appointment/extra", &data.extra)?;
    // What stands must have a time; that something was called off may be told without.
    let starts = match &data.starts {
        Some(starts) => instant("/appointment/starts", starts)?,
        None if status != AppointmentStatus::Booked => Instant(0),
        None => {
            return Err(misfit("/appointment/starts", "is missing; an appointment that stands has a time".to_owned()));
        }
    };
    let ends = match &data.ends {
        Some(ends) => instant("/appointment/ends", ends)?,
        None if starts == Instant(0) => starts,
        None => starts.plus(HOUR),
    };
    if ends < starts {
        return Err(misfit("/appointment/ends", "it ends before it starts".to_owned()));
    }
    let zone = data.zone.unwrap_or_else(|| business_zone.to_owned());
    if time::zone(&zone).is_none() {
        return Err(misfit("/appointment/zone", format!("`{zone}` is not an IANA time zone, such as Europe/Berlin")));
    }
    Ok(Appointment {
        id: data.id,
        source: event.source.clone(),
        version: data.version.unwrap_or(happened.0),
        replaces: data.replaces,
        service: data.service.unwrap_or_default(),
        starts,
        ends,
        zone,
        staff: data.staff,
        place: data.place,
        status,
        answer: Answer::None,
        extra: data.extra,
    })
}

/// The most of what a vendor says beside what Attune knows: names, and characters of a name and of a value.
pub const EXTRA: (usize, usize, usize) = (32, 64, 1_000);

fn check_extra(path: &str, extra: &BTreeMap<String, String>) -> Result<(), Vec<Misfit>> {
    let (most, name_chars, value_chars) = EXTRA;
    let is_long =
        |(name, value): (&String, &String)| name.chars().count() > name_chars || value.chars().count() > value_chars;
    if extra.len() > most || extra.iter().any(is_long) {
        let rule = format!("has at most {most} names of {name_chars} characters, each with up to {value_chars}");
        return Err(misfit(path, rule));
    }
    Ok(())
}

fn order(data: OrderData, status: OrderStatus, event: &CloudEvent, happened: Instant) -> Result<Order, Vec<Misfit>> {
    check_extra("/order/extra", &data.extra)?;
    let placed = match &data.placed {
        Some(placed) => instant("/order/placed", placed)?,
        None if data.number.is_none() => Instant(0),
        None => happened,
    };
    let mut shipments = Vec::with_capacity(data.shipments.len());
    for (place, shipment) in data.shipments.into_iter().enumerate() {
        let at = |what: &str, text: &Option<String>| {
            text.as_ref().map(|text| instant(&format!("/order/shipments/{place}/{what}"), text)).transpose()
        };
        let (expected, delivered) = (at("expected", &shipment.expected)?, at("delivered", &shipment.delivered)?);
        let ShipmentData { carrier, tracking, url, .. } = shipment;
        shipments.push(Shipment { carrier, tracking, url, expected, delivered });
    }
    let status = data.status.filter(|_| status == OrderStatus::Processing).unwrap_or(status);
    Ok(Order {
        id: data.id,
        source: event.source.clone(),
        version: data.version.unwrap_or(happened.0),
        number: data.number.unwrap_or_default(),
        placed,
        status,
        items: data.items,
        total: data.total,
        shipments,
        claimed: false,
        extra: data.extra,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_type_has_a_schema_that_compiles() {
        for (kind, name) in known_types() {
            assert!(VALIDATORS.contains_key(name), "{kind}: {name}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named_with_path_and_rule() {
        let who = r#""customer":{"addresses":["chat:a"]}"#;
        let cases = [
            (MESSAGE_RECEIVED, format!("{{{who}}}"), "", "\"text\" is a required property"),
            (MESSAGE_RECEIVED, format!(r#"{{{who},"text":5}}"#), "/text", "5 is not of type \"string\""),
            (MESSAGE_RECEIVED, r#"{"customer":{"zone":"Mars/X"},"text":""}"#.to_owned(), "/customer/zone", "Mars/X"),
            (
                "attune.appointment.booked.v1",
                format!(r#"{{{who},"appointment":{{"id":"a","service":"s","starts":"tomorrow at ten, please"}}}}"#),
                "/appointment/starts",
                "tomorrow at ten",
            ),
            (
                "attune.order.placed.v1",
                format!(
                    r#"{{{who},"order":{{"id":"a","number":"1","total":{{"amount_minor":1,"currency":"euro"}}}}}}"#
                ),
                "/order/total/currency",
                "does not match",
            ),
            ("shop.custom", r#"{"customer":{"addresses":"x"}}"#.to_owned(), "/customer/addresses", "array"),
        ];
        for (kind, data, path, rule) in cases {
            let event = CloudEvent {
                by_connector: false,
                id: "1".into(),
                source: "s".into(),
                kind: kind.into(),
                time: None,
                data: serde_json::value::RawValue::from_string(data.clone()).unwrap(),
            };
            let misfits = read(&event, Instant(0), &Home { zone: "UTC".to_owned(), country: None })
                .err()
                .unwrap_or_else(|| panic!("{data} fits"));
            assert_eq!(misfits[0].path, path, "{data}: {misfits:?}");
            assert!(misfits[0].rule.contains(rule), "{data}: {misfits:?}");
        }
    }
}
