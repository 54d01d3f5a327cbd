//! The events of the benchmark: an order for each customer, and the one question that everybody asks.

use serde_json::json;

/// What everybody asks.
pub const TEXT: &str = "Where is my order?";

/// Where a customer is reached.
pub fn address(customer: usize) -> String {
    format!("chat:customer-{customer:04}")
}

/// A customer asks. All of these have the same length, so that a request can be made of one by writing into it.
pub fn message(number: usize, customer: usize) -> Vec<u8> {
    let event = json!({
        "specversion": "1.0",
        "id": format!("question-{number:010}"),
        "source": "bench",
        "type": "attune.message.received.v1",
        "data": { "customer": { "addresses": [address(customer)] }, "text": TEXT },
    });
    event.to_string().into_bytes()
}

/// A customer's order: shipped, and expected in two days.
pub fn order(customer: usize, now_ms: u64) -> serde_json::Value {
    let day = 24 * 3_600_000;
    let at = |ms: u64| attune::domain::time::Instant(ms).to_string();
    json!({
        "specversion": "1.0",
        "id": format!("order-{customer:04}"),
        "source": "bench",
        "type": "attune.order.shipped.v1",
        "data": {
            "customer": { "addresses": [address(customer)], "language": "en" },
            "order": {
                "id": format!("order-{customer:04}"),
                "number": format!("#10{customer:04}"),
                "placed": at(now_ms - 2 * day),
                "items": ["Rye bread", "Sourdough starter"],
                "total": { "amount_minor": 1_850, "currency": "EUR" },
                "shipments": [{
                    "carrier": "DHL",
                    "tracking": format!("JD01460000{customer:04}"),
                    "url": format!("https://tracking.example.com/JD01460000{customer:04}"),
                    "expected": at(now_ms + 2 * day),
                }],
            },
        },
    })
}
