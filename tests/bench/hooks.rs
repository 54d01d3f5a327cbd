//! What a shop sends: an order of ten kilobytes, signed. What one costs to verify and to understand, and how many of them a server
//! takes.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use attune::intake::home_of;
use attune::intake::hook::{Knock, hear};
use attune_tests::{Server, Shop, plugin_file};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::load::{BUSY, CONNECTIONS, all, runtime};
use crate::step;
use crate::wire::Wire;

/// What the shop and Attune share.
const SECRET: &str = "the secret of the benchmark";

/// Requests in one round of [`connector_us`].
const ROUND: usize = 200;

/// An order as Shopify sends it, with as many lines as ten kilobytes take.
fn order(number: usize, customer: usize) -> String {
    let mut lines = String::new();
    for line in 0..17 {
        let comma = if line == 0 { "" } else { "," };
        let id = 9_000_000 + number * 17 + line;
        // Nobody fails to write into a text.
        let _ = write!(
            lines,
            r#"{comma}{{"id":{id},"admin_graphql_api_id":"gid:\/\/shopify\/LineItem\/{id}","attributed_staffs":[],"current_quantity":2,"fulfillable_quantity":2,"fulfillment_service":"manual","fulfillment_status":null,"gift_card":false,"grams":1000,"name":"Rye loaf - 1 kg","price":"6.50","price_set":{{"shop_money":{{"amount":"6.50","currency_code":"EUR"}},"presentment_money":{{"amount":"6.50","currency_code":"EUR"}}}},"product_exists":true,"product_id":{id},"properties":[],"quantity":2,"requires_shipping":true,"sku":"RYE-1","taxable":true,"title":"Rye loaf","variant_title":"1 kg"}}"#
        );
    }
    format!(
        r##"{{"id":{number},"name":"#{number}","email":"customer-{customer:04}@example.com","phone":null,"created_at":"2026-03-01T18:20:00+01:00","processed_at":"2026-03-01T18:20:00+01:00","updated_at":"2026-03-01T18:20:01+01:00","currency":"EUR","total_price":"34.50","current_total_price":"34.50","financial_status":"paid","fulfillment_status":null,"cancelled_at":null,"cancel_reason":null,"customer_locale":"de","customer":{{"id":{customer},"email":"customer-{customer:04}@example.com","phone":null,"first_name":"Mia","last_name":"Lang"}},"shipping_address":{{"name":"Mia Lang","zip":"10115","country_code":"DE","phone":"030 1234567"}},"billing_address":{{"name":"Mia Lang","zip":"10115","country_code":"DE","phone":"030 1234567"}},"line_items":[{lines}],"fulfillments":[]}}"##
    )
}

fn signed(body: &str) -> Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
    mac.update(body.as_bytes());
    Ok(BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

fn headers(number: usize, body: &str) -> Result<[(&'static str, String); 4]> {
    Ok([
        ("content-type", "application/json".to_owned()),
        ("x-shopify-topic", "orders/create".to_owned()),
        ("x-shopify-webhook-id", format!("bench-{number}")),
        ("x-shopify-hmac-sha256", signed(body)?),
    ])
}

/// How long a request takes on one core until what it tells of is in form, in microseconds: the median of so many rounds.
pub fn connector_us(rounds: usize) -> Result<f64> {
    let shop = step::Shop::bare(&plugin_file("shopify"), "shopify", &json!({}), 1)?;
    let (engine, business) = shop.house();
    let ready = engine.ready(business).context("the shop is there")?;
    let plugin = ready.config.plugin("shopify").context("the connector is there")?.clone();
    let component = ready.component("shopify").context("the connector is loaded")?;
    let (secrets, home, now) = ([SECRET.to_owned()], home_of(&ready.config.business), engine.world().now());
    let mut took: Vec<f64> = Vec::new();
    for round in 0..=rounds {
        let knocks: Vec<Knock> = (0..ROUND)
            .map(|place| {
                let number = round * ROUND + place;
                let body = order(number, place);
                let headers = headers(number, &body)?.map(|(name, value)| (name.to_owned(), value)).to_vec();
                let (target, url) =
                    ("/hooks/b/shopify".to_owned(), "https://attune.example/hooks/b/shopify".to_owned());
                let body = body.into_bytes();
                Ok(Knock { method: "POST".to_owned(), target, url, headers, body, received: now })
            })
            .collect::<Result<_>>()?;
        let bytes: usize = knocks.iter().map(|knock| knock.body.len()).sum();
        ensure!((9_000..12_000).contains(&(bytes / ROUND)), "an order has {} bytes", bytes / ROUND);
        let started = Instant::now();
        for knock in knocks {
            let told = hear(engine.sandbox(), &component, &plugin, &secrets, &home, knock);
            let told = told.map_err(|error| anyhow!("the connector did not understand it: {error}"))?;
            ensure!(told.events.iter().any(|event| event.kind == "attune.order.placed.v1"), "no order was understood");
        }
        // The first round warms up.
        if round > 0 {
            took.push(started.elapsed().as_secs_f64() * 1e6 / ROUND as f64);
        }
    }
    took.sort_by(f64::total_cmp);
    took.get(took.len() / 2).copied().context("there was a round")
}

/// A server that takes orders from a shop.
pub struct Hooked {
    shop: Shop,
    next: AtomicUsize,
    taken: AtomicU32,
    customers: usize,
}

impl Hooked {
    /// Starts a server with a shop that Shopify knows.
    pub fn open(customers: usize) -> Result<Arc<Self>> {
        let shop = Shop::open_on(Arc::new(Server::start()));
        shop.enable("shopify");
        let body = json!({ "values": [SECRET] }).to_string();
        let kind = [("content-type", "application/json")];
        let set = shop.owner.send("PUT", "/v1/plugins/shopify/secrets/signing", &kind, body.as_bytes());
        ensure!(set.status == 204, "the secret is not set: {}", set.text);
        Ok(Arc::new(Self { shop, next: AtomicUsize::new(1), taken: AtomicU32::new(0), customers }))
    }

    /// As many as the server takes in a while, all durable and done; gives how many a second.
    pub fn events_per_s(self: &Arc<Self>, warm: Duration, time: Duration) -> Result<f64> {
        self.load(warm)?;
        self.shop.settled();
        let (before, started) = (self.taken.load(Ordering::Relaxed), Instant::now());
        self.load(time)?;
        self.shop.settled();
        Ok(f64::from(self.taken.load(Ordering::Relaxed) - before) / started.elapsed().as_secs_f64())
    }

    /// Looks at some orders: every one that was taken is there.
    pub fn check(&self) -> Result<()> {
        let taken = self.taken.load(Ordering::Relaxed) as usize;
        let found = self.shop.owner.get("/v1/customers?address=email:customer-0001@example.com").with(200);
        let id = found["items"][0]["id"].as_str().context("there is no such customer")?;
        let all = self.shop.owner.get(&format!("/v1/customers/{id}/export")).with(200);
        let orders = all["orders"].as_array().map_or(0, Vec::len);
        let expected = taken / self.customers;
        ensure!(orders.abs_diff(expected) <= 1, "of {taken} orders {orders} are one customer's, not {expected}");
        Ok(())
    }

    fn load(self: &Arc<Self>, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        let address = self.shop.server.url.strip_prefix("http://").context("the server's address is a URL")?.parse()?;
        runtime()?.block_on(async {
            let mut connections = tokio::task::JoinSet::new();
            for _ in 0..CONNECTIONS {
                let hooked = self.clone();
                connections.spawn(async move {
                    let mut wire = Wire::connect(address, "").await?;
                    while Instant::now() < until {
                        hooked.knock(&mut wire).await?;
                    }
                    Ok(())
                });
            }
            all(connections).await
        })
    }

    async fn knock(&self, wire: &mut Wire) -> Result<()> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let body = order(number, number % self.customers);
        let mut request = format!("POST /hooks/{}/shopify HTTP/1.1\r\nhost: attune.example\r\n", self.shop.business);
        for (name, value) in headers(number, &body)? {
            let _ = write!(request, "{name}: {value}\r\n");
        }
        let _ = write!(request, "content-length: {}\r\n\r\n{body}", body.len());
        loop {
            match wire.send(request.as_bytes()).await? {
                200 => break,
                503 => tokio::time::sleep(BUSY).await,
                status => bail!("a webhook was answered with {status}: {}", wire.body()),
            }
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
