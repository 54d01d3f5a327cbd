//! The demonstration: a small clinic and shop with a few customers, the prebuilt plugins turned on, and lines to try.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};

use crate::domain::address::Address;
use crate::domain::business::Business;
use crate::domain::entry::{Change, Role};
use crate::domain::ids::{BusinessId, CustomerId};
use crate::domain::knowledge::KnowledgeChange;
use crate::engine::Engine;
use crate::intake::knowledge::{Form, read};
use crate::store::Batch;
use crate::workbench::act;

use super::serve::make_token;
use super::stamp::stamp;

/// What the demonstration knows.
const ANSWERS: &str = "\
# When are you open?
Monday to Friday from 9 to 17.
# Where can I park?
There are free places for our customers behind the house.
# Can I pay by card?
Yes: all cards, and cash.
# Do you ship abroad?
Yes, to all of Europe. It takes five to seven days.
# How do I return something?
Send it back within 30 days in its box; the label is in the parcel. You have your money back within a week.
";

/// The sample events that the program carries: those of `examples/events`, by the names of their files.
const SAMPLES: [(&str, &str); 4] = [
    ("01-anna.json", include_str!("../../../examples/events/01-anna.json")),
    ("02-anna-order-shipped.json", include_str!("../../../examples/events/02-anna-order-shipped.json")),
    ("03-anna-appointment.json", include_str!("../../../examples/events/03-anna-appointment.json")),
    ("04-ben.json", include_str!("../../../examples/events/04-ben.json")),
];

/// The demonstration, open.
pub(super) struct Open {
    token: String,
    anna: CustomerId,
}

/// Opens the demonstration business, or finds the one that an earlier start opened. Its token is new at every start.
pub(super) fn open(engine: &Arc<Engine>, events: &Path, plugins: &Path, address: SocketAddr) -> Result<Open> {
    let business = match known(engine)? {
        Some(business) => business,
        None => {
            let by = "attune serve --demo";
            let business = found(engine, by)?;
            for name in ["escalation", "order-status", "appointment-reminders", "faq", "surge-alert"] {
                install_file(engine, business, by, &plugins.join(format!("{name}.wasm")))?;
            }
            send(engine, business, events)?;
            business
        }
    };
    let token = make_token(engine, business, Role::Owner, "Petra")?;
    show_chat(engine, business, address.port())?;
    let address = Address::parse("chat:anna")?;
    let anna = engine.query(business).customer_by_address(&address)?;
    Ok(Open { token, anna: anna.context("the sample events name no customer chat:anna")?.id })
}

/// Lets this machine's browser use the chat, on whatever port the demonstration is today.
fn show_chat(engine: &Arc<Engine>, business: BusinessId, port: u16) -> Result<()> {
    let ready = engine.ready(business).context("the demonstration business is gone")?;
    let mut about = ready.config.business.clone();
    let mut own = ["127.0.0.1", "localhost"].map(|host| format!("http://{host}:{port}")).to_vec();
    if own.iter().all(|origin| about.chat.allows(origin)) {
        return Ok(());
    }
    // What was named before stays, as far as there is room.
    own.extend(about.chat.origins.into_iter().filter(|origin| !own.contains(origin)).collect::<Vec<_>>());
    own.truncate(crate::domain::chat::ORIGINS);
    about.chat.origins = own;
    act::change(engine, business, "attune serve --demo", Change::Business(Box::new(about)), Batch::new())
}

/// The demonstration business that an earlier start opened.
pub(super) fn known(engine: &Engine) -> Result<Option<BusinessId>> {
    let view = engine.view();
    let mut businesses = crate::engine::config::businesses(view.as_ref())?;
    businesses.retain(|id| *id != BusinessId::SYSTEM);
    Ok(businesses.first().copied())
}

/// Makes the demonstration business, with what it knows; without plugins and customers.
pub(super) fn found(engine: &Arc<Engine>, by: &str) -> Result<BusinessId> {
    let business = BusinessId::new(engine.world().now(), engine.world().unique());
    let mut about = Business::new(business, "Harbour Street Clinic & Shop", "Europe/Berlin", "en");
    about.contact = Some("hello@harbour.example, +49 30 1234567".to_owned());
    act::change(engine, business, by, Change::Business(Box::new(about)), Batch::new())?;
    let articles = read(Form::Markdown, ANSWERS.as_bytes())?;
    let import = KnowledgeChange::Import { articles, replace: false };
    act::change(engine, business, by, Change::Knowledge(Box::new(import)), Batch::new())?;
    Ok(business)
}

fn install_file(engine: &Arc<Engine>, business: BusinessId, by: &str, file: &Path) -> Result<()> {
    let place = || format!("{}; `make plugins` builds the prebuilt ones", file.display());
    let wasm = std::fs::read(file).with_context(place)?;
    let component = engine.sandbox().load(&wasm).with_context(place)?;
    act::install(engine, business, by, &component.about, &wasm, None)
}

/// Sends the sample events that the program carries.
pub(super) fn send_samples(engine: &Arc<Engine>, business: BusinessId) -> Result<()> {
    SAMPLES.iter().try_for_each(|(name, text)| send_event(engine, business, text).with_context(|| (*name).to_owned()))
}

/// Sends the sample events, in the order of the files' names.
fn send(engine: &Arc<Engine>, business: BusinessId, folder: &Path) -> Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    for file in files {
        let place = || file.display().to_string();
        let text = std::fs::read_to_string(&file).with_context(place)?;
        send_event(engine, business, &text).with_context(place)?;
    }
    Ok(())
}

/// Sends an event with the places in its text filled in.
fn send_event(engine: &Arc<Engine>, business: BusinessId, text: &str) -> Result<()> {
    act::take(engine, business, stamp(text, engine.world()).as_bytes())
}

/// What to try. Every line works when pasted into a shell.
pub(super) fn welcome(open: &Open, address: SocketAddr) -> String {
    let Open { token, anna } = open;
    let url = format!("http://{address}");
    format!(
        r#"
The demonstration is open: Harbour Street Clinic & Shop, with the plugins escalation, order-status,
appointment-reminders, faq and surge-alert turned on, and the customer Anna (chat:anna). Paste these into another terminal:

# who asks, and where
export ATTUNE_URL={url} ATTUNE_TOKEN={token}

# in a browser, the chat on a page: {url}/chat/demo

# Anna asks for her order
curl -s $ATTUNE_URL/v1/events -H "Authorization: Bearer $ATTUNE_TOKEN" -H 'Content-Type: application/cloudevents+json' -d '{{"specversion": "1.0", "id": "'$(date +%s%N)'", "source": "demo", "type": "attune.message.received.v1", "data": {{"customer": {{"addresses": ["chat:anna"]}}, "text": "Where is my order?"}}}}'

# the conversation, newest first: the answer stands there
curl -s $ATTUNE_URL/v1/customers/{anna}/messages -H "Authorization: Bearer $ATTUNE_TOKEN"

# and why: put the answer's id (msg_...) in
curl -s $ATTUNE_URL/v1/messages/$(curl -s $ATTUNE_URL/v1/customers/{anna}/messages -H "Authorization: Bearer $ATTUNE_TOKEN" | grep -o 'msg_[0-9a-z]*' | head -1)/why -H "Authorization: Bearer $ATTUNE_TOKEN"
"#
    )
}
