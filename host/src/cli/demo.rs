//! The demonstration: a small clinic and shop with a few customers, the prebuilt plugins turned on, and lines to try.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};

use crate::domain::address::Address;
use crate::domain::business::Business;
use crate::domain::entry::{Change, Input, PluginChange, Role};
use crate::domain::ids::{BusinessId, CustomerId};
use crate::domain::knowledge::KnowledgeChange;
use crate::engine::Engine;
use crate::intake::knowledge::{Form, read};
use crate::intake::{self, cloudevent};
use crate::store::Batch;

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

/// The demonstration, open.
pub(super) struct Open {
    token: String,
    anna: CustomerId,
}

/// Opens the demonstration business, or finds the one that an earlier start opened. Its token is new at every start.
pub(super) fn open(engine: &Arc<Engine>, events: &Path, plugins: &Path) -> Result<Open> {
    let business = match known(engine)? {
        Some(business) => business,
        None => {
            let business = BusinessId::new(engine.world().now(), engine.world().unique());
            let mut about = Business::new(business, "Harbour Street Clinic & Shop", "Europe/Berlin", "en");
            about.contact = Some("hello@harbour.example, +49 30 1234567".to_owned());
            change(engine, business, Change::Business(Box::new(about)), Batch::new())?;
            let articles = read(Form::Markdown, ANSWERS.as_bytes())?;
            let import = KnowledgeChange::Import { articles, replace: false };
            change(engine, business, Change::Knowledge(Box::new(import)), Batch::new())?;
            for name in ["escalation", "order-status", "appointment-reminders", "faq", "surge-alert"] {
                install(engine, business, &plugins.join(format!("{name}.wasm")))?;
            }
            send(engine, business, events)?;
            business
        }
    };
    let token = make_token(engine, business, Role::Owner, "Petra")?;
    let address = Address::parse("chat:anna")?;
    let anna = engine.query(business).customer_by_address(&address)?;
    Ok(Open { token, anna: anna.context("the sample events name no customer chat:anna")?.id })
}

fn known(engine: &Engine) -> Result<Option<BusinessId>> {
    let view = engine.view();
    let mut businesses = crate::engine::config::businesses(view.as_ref())?;
    businesses.retain(|id| *id != BusinessId::SYSTEM);
    Ok(businesses.first().copied())
}

fn change(engine: &Arc<Engine>, business: BusinessId, change: Change, batch: Batch) -> Result<()> {
    let input = Input::Owner { by: "attune serve --demo".to_owned(), change };
    match engine.act_with(business, CustomerId::BUSINESS, input, batch)?.refused {
        Some((code, words)) => Err(anyhow!("{code}: {words}")),
        None => Ok(()),
    }
}

fn install(engine: &Arc<Engine>, business: BusinessId, file: &Path) -> Result<()> {
    let place = || format!("{}; `make plugins` builds the prebuilt ones", file.display());
    let wasm = std::fs::read(file).with_context(place)?;
    let component = engine.sandbox().load(&wasm).with_context(place)?;
    let about = &component.about;
    let name = about.manifest.name.clone();
    let (install, batch) = crate::engine::config::install(&name, about, &wasm);
    change(engine, business, install, batch)?;
    let grants = Some(about.wants.iter().cloned().collect());
    let set = PluginChange { enabled: Some(true), grants, ..PluginChange::default() };
    change(engine, business, Change::Plugin { name, seen: None, set: Box::new(set) }, Batch::new())
}

/// Sends the sample events, in the order of the files' names.
fn send(engine: &Arc<Engine>, business: BusinessId, folder: &Path) -> Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    for file in files {
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let event = cloudevent::structured(stamp(&text, engine.world()).as_bytes())
            .with_context(|| file.display().to_string())?;
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        intake::take(engine, business, event, move |result| {
            let _ = sender.send(result);
        });
        receiver.recv()?.map_err(|error| match error {
            intake::NotAccepted::Invalid { misfits, .. } => anyhow!("{}: {misfits:?}", file.display()),
            other => anyhow!("{}: {other}", file.display()),
        })?;
    }
    Ok(())
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

# Anna asks for her order
curl -s $ATTUNE_URL/v1/events -H "Authorization: Bearer $ATTUNE_TOKEN" -H 'Content-Type: application/cloudevents+json' -d '{{"specversion": "1.0", "id": "'$(date +%s%N)'", "source": "demo", "type": "attune.message.received.v1", "data": {{"customer": {{"addresses": ["chat:anna"]}}, "text": "Where is my order?"}}}}'

# the conversation, newest first: the answer stands there
curl -s $ATTUNE_URL/v1/customers/{anna}/messages -H "Authorization: Bearer $ATTUNE_TOKEN"

# and why: put the answer's id (msg_...) in
curl -s $ATTUNE_URL/v1/messages/$(curl -s $ATTUNE_URL/v1/customers/{anna}/messages -H "Authorization: Bearer $ATTUNE_TOKEN" | grep -o 'msg_[0-9a-z]*' | head -1)/why -H "Authorization: Bearer $ATTUNE_TOKEN"
"#
    )
}
