//! What a piece of news becomes by the rules in the settings.

use attune_vendor::{Object, addresses, fingerprint, header, list, millis, moment, money, text};
use serde_json::{Map, Value};

use super::bindings::exports::attune::connector::receiving::Incoming;

/// Where an order may stand; another word of a sender's is no news of that.
const STATUSES: [&str; 7] = ["placed", "processing", "shipped", "delayed", "delivered", "cancelled", "refunded"];

/// The most characters of a topic that become part of an event's type.
const TOPIC_CHARS: usize = 200;

/// One piece of news, and where it came from.
pub struct Told<'a> {
    /// The body, or one of the pieces in it.
    pub item: &'a Value,
    /// In lower case.
    pub headers: &'a [(String, String)],
    /// The business's.
    pub zone: &'a str,
}

impl Told<'_> {
    /// What it becomes by the first rule that fits; nothing where that says so. `at` is its place among several.
    pub fn event(&self, settings: &Value, at: Option<usize>) -> Option<Incoming> {
        let rule = list(settings, "/rules").iter().find(|rule| self.fits(rule)).unwrap_or(&Value::Null);
        if rule.get("ignore").and_then(Value::as_bool) == Some(true) {
            return None;
        }
        let kind = rule.get("kind").and_then(Value::as_str).map_or_else(|| self.topic(settings), str::to_owned);
        let time = self.at(rule, "time").or_else(|| self.at(settings, "time"));
        let id = self.at(rule, "id").unwrap_or_else(|| self.name(at));
        let time = time.and_then(|time| moment(&time, self.zone));
        Some(Incoming { data: self.data(&kind, rule).value().to_string(), kind, id, time })
    }

    fn fits(&self, rule: &Value) -> bool {
        let Some(when) = rule.get("when") else { return true };
        let word = self.at(when, "at");
        list(when, "/is").iter().any(|one| one.as_str() == word.as_deref())
    }

    /// What custom events are called by.
    fn topic(&self, settings: &Value) -> String {
        let topic = self.at(settings, "topic").unwrap_or_else(|| "received".to_owned());
        let topic: String = topic.chars().filter(|c| !c.is_control()).take(TOPIC_CHARS).collect();
        format!("webhook.{topic}")
    }

    /// What a request is known by that has no rule for it: its own id, which the sender says again when it sends the same again, else
    /// what it says.
    fn name(&self, at: Option<usize>) -> String {
        match (header(self.headers, "webhook-id"), at) {
            (Some(id), None) => id.to_owned(),
            (Some(id), Some(at)) => format!("{id}:{at}"),
            (None, _) => format!("body:{}", fingerprint(self.item.to_string().as_bytes())),
        }
    }

    fn data(&self, kind: &str, rule: &Value) -> Object {
        let extra = self.fields(rule, "extra");
        let customer = self.customer(rule);
        let about = ["order", "appointment"].into_iter().find(|about| kind.starts_with(&format!("attune.{about}.")));
        match about {
            Some(about) => {
                let about_it = self.fields(rule, about).with_object("extra", extra);
                Object::new().with("customer", Some(customer)).with(about, Some(about_it))
            }
            None if kind == "attune.message.received.v1" => {
                self.fields(rule, "message").with("customer", Some(customer))
            }
            None if kind.starts_with("attune.customer.") => Object::new().with("customer", Some(customer)),
            None => {
                let data = Object::new().with_object("customer", customer).with_object("extra", extra);
                data.with("webhook", Some(self.item.clone()))
            }
        }
    }

    fn customer(&self, rule: &Value) -> Object {
        let Some(places) = rule.get("customer") else { return Object::new() };
        let mut known = addresses(self.at(places, "email"), self.at(places, "phone"));
        known.extend(self.at(places, "chat").map(|chat| Value::from(format!("chat:{chat}"))));
        let plain = ["external_id", "name", "language", "country", "zone", "postcode"];
        let customer = Object::new().with_list("addresses", known);
        plain.into_iter().fold(customer, |customer, name| customer.with(name, self.at(places, name)))
    }

    /// The fields of a part of a rule, each in the form that an event has it in.
    fn fields(&self, rule: &Value, part: &str) -> Object {
        let empty = Map::new();
        let places = rule.get(part).and_then(Value::as_object).unwrap_or(&empty);
        let at = |name: &str| places.get(name).and_then(|place| self.told(place));
        let zone = at("zone").unwrap_or_else(|| self.zone.to_owned());
        let mut fields = Object::new();
        for name in places.keys().map(String::as_str) {
            let said = at(name);
            fields = match name {
                _ if part == "extra" => fields.with(name, said),
                "starts" | "ends" | "placed" => {
                    fields.with(name, said.map(|time| moment(&time, &zone).unwrap_or(time)))
                }
                "version" => fields.with(name, said.and_then(|told| told.parse().ok().or_else(|| millis(&told)))),
                "status" => fields.with(name, said.filter(|word| STATUSES.contains(&word.as_str()))),
                "items" => fields.with_list(name, self.items(places)),
                "total" => fields.with(name, money(said, at("currency"))),
                "tracking" => {
                    let parcel = Object::new().with("carrier", at("carrier")).with("url", at("tracking_url"));
                    fields.with_list(
                        "shipments",
                        said.map(|number| parcel.with(name, Some(number)).value()).into_iter().collect(),
                    )
                }
                "item" | "currency" | "carrier" | "tracking_url" => fields,
                _ => fields.with(name, said),
            };
        }
        fields
    }

    fn items(&self, places: &Map<String, Value>) -> Vec<Value> {
        let place = |name: &str| places.get(name).and_then(Value::as_str).unwrap_or_default();
        list(self.item, place("items")).iter().filter_map(|item| text(item, place("item")).map(Value::from)).collect()
    }

    fn at(&self, places: &Value, name: &str) -> Option<String> {
        self.told(places.get(name)?)
    }

    /// What stands at a place, or at several.
    fn told(&self, place: &Value) -> Option<String> {
        let one = |place: &str| match (place.strip_prefix('='), place.strip_prefix("header:")) {
            (Some(fixed), _) => Some(fixed.to_owned()),
            (_, Some(name)) => header(self.headers, &name.to_ascii_lowercase()).map(str::to_owned),
            _ => match self.item.pointer(place)? {
                Value::Bool(yes) => Some(yes.to_string()),
                _ => text(self.item, place),
            },
        };
        let several = place.as_array().map_or(std::slice::from_ref(place), Vec::as_slice);
        let known: Vec<String> = several.iter().filter_map(|place| one(place.as_str()?)).collect();
        (!known.is_empty()).then(|| known.join(" "))
    }
}
