//! `attune:host/orders`.

use crate::bindings::attune::host::orders;

pub fn status(number: &str) -> Option<String> {
    let order = orders::get(number).or_else(|| orders::recent(1).pop())?;
    let follow = order.shipments.iter().find_map(|shipment| shipment.url.as_deref());
    Some(format!("Order {} is {}. {}", order.number, order.status, follow.unwrap_or_default()))
}
