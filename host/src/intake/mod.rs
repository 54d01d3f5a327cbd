//! Intake: from a CloudEvent to journal entries. Who is it about? Was it here before? Does its data fit its schema?
//!
//! Identity is settled before the journal: the customer decides the lane and the key that seals. Nothing here runs a plugin,
//! and nothing is acknowledged before it is durable.

pub mod cloudevent;
pub mod hook;
pub mod knowledge;
mod one;
pub mod schema;
pub mod tidy;
pub mod verify;

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::address::Address;
use crate::domain::business::Business;
use crate::domain::entry::{Entry, Event, Input, News, Who};
use crate::domain::ids::{BusinessId, CustomerId, EventId};
use crate::domain::message::of_mail;
use crate::domain::order::Order;
use crate::engine::{Engine, NotTaken};
use crate::store::{Batch, Check, IndexKey, Key, Range, Row, StoreError, Table, View};
use crate::turn::commit::link_key;
use crate::turn::records::{Records, VERSION, address_key, hex, reference_key};

use cloudevent::CloudEvent;
use schema::{Home, Misfit};

/// How often an event is looked at again when another one about the same new customer comes in between.
const RACES: u32 = 8;

/// What became of an event that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It is in the journal.
    New {
        /// Its entry.
        entry: EventId,
        /// Whom it is about; none for the business as a whole.
        customer: Option<CustomerId>,
    },
    /// The same event is in the journal already; nothing changed.
    Repeated {
        /// The entry that it became then.
        entry: EventId,
    },
}

/// Why an event was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAccepted {
    /// It does not fit its schema; each line names a path and a rule.
    #[error("the data does not fit the schema of {kind}")]
    Invalid {
        /// The event's type.
        kind: String,
        /// What does not fit.
        misfits: Vec<Misfit>,
    },
    /// The same source and id came before, with another body.
    #[error("an event with this source and id was taken before, with another body; give the new one another id")]
    Conflict,
    /// The engine cannot take it now.
    #[error(transparent)]
    NotTaken(#[from] NotTaken),
}

/// What the dedupe table remembers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Seen {
    /// The entry it became.
    e: EventId,
    /// A keyed hash of its body.
    b: String,
}

/// Takes one event. `done` is called once it is durable, or was refused; never before.
pub fn take(
    engine: &Arc<Engine>,
    business: BusinessId,
    event: CloudEvent,
    done: impl FnOnce(Result<Taken, NotAccepted>) + Send + 'static,
) {
    take_again(engine, business, Arc::new(event), 0, Box::new(done));
}

type Done = Box<dyn FnOnce(Result<Taken, NotAccepted>) + Send>;

fn take_again(engine: &Arc<Engine>, business: BusinessId, event: Arc<CloudEvent>, races: u32, done: Done) {
    // Nearly every event is new. The commit checks it, so what came before is looked for only when that check has failed,
    // and for data that does not fit, since a repeated event is answered as one whatever it says now.
    let planned = plan(engine, business, &event, races > 0).or_else(|_| plan(engine, business, &event, true));
    let Plan { entries, newcomer, batch, taken } = match planned {
        Ok(Planned::Known(taken)) => return done(Ok(taken)),
        Ok(Planned::New(plan)) => plan,
        Err(error) => return done(Err(error)),
    };
    let (again, business_engine) = (event.clone(), engine.clone());
    engine.append_for(newcomer, entries, batch, move |result| match result {
        Ok(_) => done(Ok(taken)),
        // Another event made the same customer, or was the same event, or the customer was erased: look again. This runs in the
        // store's own thread, which must not wait, but it may submit.
        Err(NotTaken::Raced | NotTaken::Gone(_)) if races < RACES => {
            take_again(&business_engine, business, again, races + 1, done);
        }
        // What is known already needs no room.
        Err(error @ NotTaken::Busy { .. }) => match plan(&business_engine, business, &again, true) {
            Ok(Planned::Known(taken)) => done(Ok(taken)),
            Err(known @ NotAccepted::Conflict) => done(Err(known)),
            _ => done(Err(error.into())),
        },
        Err(error) => done(Err(error.into())),
    });
}

enum Planned {
    Known(Taken),
    New(Plan),
}

struct Plan {
    entries: Vec<Entry>,
    /// The customer whom these entries make.
    newcomer: Option<CustomerId>,
    batch: Batch,
    taken: Taken,
}

fn stopped(error: &StoreError) -> NotAccepted {
    NotAccepted::NotTaken(NotTaken::Stopped(error.to_string()))
}

/// What to write for an event. `look`: whether to look first if it was here before.
fn plan(engine: &Arc<Engine>, business: BusinessId, event: &CloudEvent, look: bool) -> Result<Planned, NotAccepted> {
    let now = engine.world().now();
    let index = engine.keyring().index_key(business).map_err(|e| stopped(&e))?;
    let view = engine.view();
    let at = dedupe_key(business, &index, &event.source, &event.id);
    let body = hex(&index.hash(
        "body",
        &[event.kind.as_bytes(), event.time.as_deref().unwrap_or("").as_bytes(), event.data.get().as_bytes()],
    ));
    let before = if look { view.get(&at).map_err(|e| stopped(&e))? } else { None };
    if let Some(row) = before {
        let seen: Seen = row.read_clear().map_err(|e| stopped(&e))?;
        return if seen.b == body {
            Ok(Planned::Known(Taken::Repeated { entry: seen.e }))
        } else {
            Err(NotAccepted::Conflict)
        };
    }
    let mut read = schema::read(event, now, &home(engine, business))
        .map_err(|misfits| NotAccepted::Invalid { kind: event.kind.clone(), misfits })?;
    if let News::Report(report) = &read.news
        && let Some(id) = of_mail(&report.id)
    {
        let message = engine.query(business).message(id).map_err(|e| stopped(&e))?;
        read.customer = message.map(|message| message.customer);
    }
    let (mut known_by, mut newcomer) = (None, None);
    let home = |customer| engine.home_in(view.as_ref(), business, customer).map_err(|e| stopped(&e));
    let is_leaving = |customer| engine.is_leaving(view.as_ref(), business, customer).map_err(|e| stopped(&e));
    let customer = match identify(view.as_ref(), business, &index, &read, (&event.source, event.by_connector))
        .map_err(|e| stopped(&e))?
    {
        // Their addresses are free once they are gone, which is a matter of moments: it is for the sender to come again.
        Identity::Known(customer, _) if is_leaving(home(customer)?)? => {
            return Err(NotAccepted::NotTaken(NotTaken::Raced));
        }
        Identity::Known(customer, by) => {
            known_by = by;
            Some(home(customer)?)
        }
        Identity::New => {
            newcomer = Some(CustomerId::new(now, engine.world().unique()));
            newcomer
        }
        Identity::Business => None,
        Identity::NoSuch(path, rule) => {
            return Err(NotAccepted::Invalid { kind: event.kind.clone(), misfits: vec![Misfit { path, rule }] });
        }
    };
    let merges = match customer {
        Some(customer) if newcomer.is_none() => one::ties(engine, &view, business, customer, event, &read),
        _ => Ok(Vec::new()),
    }
    .map_err(|e| stopped(&e))?;
    let customer = merges.first().map_or(customer, |first| Some(first.into));
    let id = EventId::new(now, engine.world().unique());
    let entry = |id, customer, copy| Entry {
        number: 0,
        id,
        business,
        customer,
        at: now,
        happened: read.happened,
        depth: 0,
        input: Input::Event(Box::new(Event {
            kind: event.kind.clone(),
            source: event.source.clone(),
            id: event.id.clone(),
            body: body.clone(),
            copy,
            who: if copy { crate::domain::entry::Who::default() } else { read.who.clone() },
            news: read.news.clone(),
        })),
    };
    let first = entry(id, customer.unwrap_or(CustomerId::BUSINESS), false);
    let mut batch = Batch::new();
    arrive(view.as_ref(), &index, &first, known_by, &mut batch).map_err(|e| stopped(&e))?;
    let mut entries: Vec<Entry> = merges.into_iter().map(|one| one.entry(engine, business, now)).collect();
    entries.push(first);
    if let News::Order { order, .. } = &read.news {
        let records = engine.records(view.clone(), business, CustomerId::BUSINESS).map_err(|e| stopped(&e))?;
        for linked in claimants(&records, order).map_err(|e| stopped(&e))? {
            let linked = home(linked)?;
            if Some(linked) != customer && !is_leaving(linked)? {
                entries.push(entry(EventId::new(now, engine.world().unique()), linked, true));
            }
        }
    }
    Ok(Planned::New(Plan { entries, newcomer, batch, taken: Taken::New { entry: id, customer } }))
}

/// What the arrival of an event writes beside the entry itself: that it was here, and where its new addresses lead. Of one
/// address it may be known already that it is not new.
fn arrive(
    view: &dyn View,
    index: &IndexKey,
    entry: &Entry,
    known: Option<&Address>,
    batch: &mut Batch,
) -> Result<(), StoreError> {
    let Input::Event(event) = &entry.input else { return Ok(()) };
    if event.copy {
        return Ok(());
    }
    let at = dedupe_key(entry.business, index, &event.source, &event.id);
    batch.check(Check::Absent(at.clone()));
    batch.put(at, Row::clear(VERSION, &Seen { e: entry.id, b: event.body.clone() })?);
    let mut added: Vec<Key> = Vec::new();
    let addresses = event.who.addresses.iter().filter(|address| Some(*address) != known);
    let addresses = addresses.map(|address| address_key(entry.business, index, address));
    let known_by = references(entry.business, index, &event.source, &event.who, &event.news);
    for at in addresses.chain(known_by).filter(|_| !entry.customer.is_business()) {
        if !added.contains(&at) && view.get(&at)?.is_none() {
            batch.check(Check::Absent(at.clone()));
            batch.put(at.clone(), Row::clear(VERSION, &entry.customer)?);
            added.push(at);
        }
    }
    Ok(())
}

/// In a replay: what an entry's arrival had written beside the entry itself.
///
/// # Errors
/// When the store cannot be read.
pub fn replayed(view: &dyn View, engine: &Engine, entry: &Entry, batch: &mut Batch) -> Result<(), StoreError> {
    let index = engine.keyring().index_key(entry.business)?;
    arrive(view, &index, entry, None, batch)
}

/// Rows of events whose own entries are not among these: their customers were erased, or the time they are kept is over. In a
/// replay nothing else would write them.
///
/// # Errors
/// When the store cannot be read.
pub fn outlived(
    view: &dyn View,
    business: BusinessId,
    entries: &HashSet<EventId>,
) -> Result<Vec<(Key, Row)>, StoreError> {
    let mut rows = view.all(&Range::prefix(Key::new(business, CustomerId::BUSINESS, Table::Dedupe)))?;
    let mut broken = None;
    rows.retain(|(_, row)| match row.read_clear::<Seen>() {
        Ok(seen) => !entries.contains(&seen.e),
        Err(error) => {
            broken = Some(error);
            false
        }
    });
    broken.map_or(Ok(rows), Err)
}

fn home(engine: &Engine, business: BusinessId) -> Home {
    let ready = engine.ready(business);
    ready.map_or_else(|| Home { zone: "UTC".to_owned(), country: None }, |ready| home_of(&ready.config.business))
}

/// Where a business is.
pub fn home_of(business: &Business) -> Home {
    Home { zone: business.zone.clone(), country: business.country.clone() }
}

/// Notes that a vendor's token was used with a body. `done` is called once that is durable; with [`NotAccepted::Conflict`] if it
/// was used with another body.
pub fn spend(
    engine: &Arc<Engine>,
    business: BusinessId,
    plugin: &str,
    token: &str,
    body: &[u8],
    done: impl FnOnce(Result<(), NotAccepted>) + Send + 'static,
) {
    let index = match engine.keyring().index_key(business) {
        Ok(index) => index,
        Err(error) => return done(Err(stopped(&error))),
    };
    let hash = index.hash("token", &[plugin.as_bytes(), token.as_bytes()]);
    let at = Key::new(business, CustomerId::BUSINESS, Table::Dedupe).hash(&hash);
    let seen = Seen { e: engine.new_event_id(), b: hex(&index.hash("body", &[body])) };
    let before = |engine: &Engine, at: &Key| {
        let row = engine.view().get(at).map_err(|error| stopped(&error))?;
        row.map(|row| row.read_clear::<Seen>().map_err(|error| stopped(&error))).transpose()
    };
    let judge = |before: Seen, now: &Seen| if before.b == now.b { Ok(()) } else { Err(NotAccepted::Conflict) };
    match before(engine, &at) {
        Ok(None) => {}
        Ok(Some(known)) => return done(judge(known, &seen)),
        Err(error) => return done(Err(error)),
    }
    let row = match Row::clear(VERSION, &seen) {
        Ok(row) => row,
        Err(error) => return done(Err(stopped(&error))),
    };
    let mut batch = Batch::new();
    batch.check(Check::Absent(at.clone()));
    batch.put(at.clone(), row);
    let again = engine.clone();
    engine.store().submit(
        batch,
        Box::new(move |result| {
            done(match result {
                Ok(_) => Ok(()),
                Err(error) => match before(&again, &at) {
                    Ok(Some(known)) => judge(known, &seen),
                    Ok(None) => Err(NotAccepted::NotTaken(NotTaken::Stopped(error.to_string()))),
                    Err(error) => Err(error),
                },
            });
        }),
    );
}

enum Identity<'a> {
    /// With the address that led there, if one did.
    Known(CustomerId, Option<&'a Address>),
    New,
    Business,
    NoSuch(String, String),
}

/// Whom an event is about. The source's own record of them decides, then the first address that is known, then whose the order
/// or appointment is; a name never does.
fn identify<'a>(
    view: &dyn View,
    business: BusinessId,
    index: &IndexKey,
    read: &'a schema::Read,
    (source, by_connector): (&str, bool),
) -> Result<Identity<'a>, StoreError> {
    if let Some(id) = read.customer {
        let known = view.get(&Key::new(business, id, Table::Customer))?.is_some();
        return Ok(if known {
            Identity::Known(id, None)
        } else {
            Identity::NoSuch("/customer/id".to_owned(), format!("there is no customer {id} in this business"))
        });
    }
    let references = references(business, index, source, &read.who, &read.news);
    let (record, rest) = references.split_at(usize::from(read.who.external_id.is_some()));
    let of_any = |keys: &[Key]| -> Result<Option<CustomerId>, StoreError> {
        for at in keys {
            if let Some(row) = view.get(at)? {
                return row.read_clear().map(Some);
            }
        }
        Ok(None)
    };
    if let Some(customer) = of_any(record)? {
        return Ok(Identity::Known(customer, None));
    }
    for address in &read.who.addresses {
        if let Some(customer) = by_address(view, business, index, address)? {
            return Ok(Identity::Known(customer, Some(address)));
        }
    }
    if let Some(customer) = of_any(rest)? {
        return Ok(Identity::Known(customer, None));
    }
    Ok(match (&read.news, read.who.addresses.is_empty() && read.who.external_id.is_none()) {
        (_, false) => Identity::New,
        // A report on a message that is not of this store, such as another program's mail: kept, and of no concern.
        (News::Other(_) | News::Report(_), true) => Identity::Business,
        // Whose it is will be told by other news of the same order.
        (News::Order { .. } | News::Appointment { .. }, true) if by_connector => Identity::New,
        (_, true) => Identity::NoSuch(
            "/customer".to_owned(),
            "needs an `id` or at least one address in `addresses`, for example \"email:anna@example.com\"".to_owned(),
        ),
    })
}

/// Where it stands whose a source's customer, order or appointment is; the customer first.
fn references(business: BusinessId, index: &IndexKey, source: &str, who: &Who, news: &News) -> Vec<Key> {
    let (mut ids, customer) = (Vec::new(), who.external_id.iter().map(|id| ("customer", id)));
    ids.extend(customer);
    match news {
        News::Order { order, .. } => ids.push(("order", &order.id)),
        News::Appointment { appointment, .. } => {
            ids.push(("appointment", &appointment.id));
            ids.extend(appointment.replaces.iter().map(|id| ("appointment", id)));
        }
        News::Report(report) => ids.push(("message", &report.id)),
        _ => {}
    }
    ids.into_iter().map(|(kind, id)| reference_key(business, index, kind, source, id)).collect()
}

/// The customer an address leads to.
///
/// # Errors
/// When the store cannot be read.
pub fn by_address(
    view: &dyn View,
    business: BusinessId,
    index: &IndexKey,
    address: &Address,
) -> Result<Option<CustomerId>, StoreError> {
    match view.get(&address_key(business, index, address))? {
        Some(row) => row.read_clear().map(Some),
        None => Ok(None),
    }
}

fn dedupe_key(business: BusinessId, index: &IndexKey, source: &str, id: &str) -> Key {
    let hash = index.hash("event", &[source.as_bytes(), id.as_bytes()]);
    Key::new(business, CustomerId::BUSINESS, Table::Dedupe).hash(&hash)
}

/// Customers who proved that an order is theirs.
fn claimants(records: &Records, order: &Order) -> Result<Vec<CustomerId>, StoreError> {
    let rows = records.view().all(&Range::prefix(link_key(records, order)))?;
    rows.into_iter().map(|(_, row)| row.read_clear()).collect()
}
