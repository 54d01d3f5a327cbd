//! Erasures: what keeps somebody who was erased from coming back by a door that was open at that moment.
//!
//! A row of the business says of every erased customer that they are ([`Table::Erased`], an id and a time, nothing of the
//! person). It is put with the journal entry of the erasure, so from there on no entry of theirs gets into the journal, and
//! all that are in it stand before the barrier. The barrier's step deletes their rows; only then their key is
//! destroyed. If the process stops in between, the next start destroys it.
//!
//! A key is made for a customer who is new, and never again: whoever has none was erased. So a copy of the store that is put
//! back opens nothing; what is found of such a customer is erased anew, by an entry like any other.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use crate::domain::entry::{Change, Entry, Input};
use crate::domain::ids::{BusinessId, CustomerId};
use crate::domain::time::Instant;
use crate::store::{Batch, Check, CustomerKey, Key, Range, Row, StoreError, Table, View};
use crate::turn::records::VERSION;

use super::{Engine, NotTaken, lock};

/// That a customer is no more.
#[derive(Debug, Serialize, Deserialize)]
struct Erased {
    /// Since when.
    at: Instant,
    /// Whether they were erased and their rows are gone. Until then their key is needed.
    gone: bool,
    /// Whom their id leads to: they were not erased, but are part of this customer. Their key still opens their entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    into: Option<CustomerId>,
}

/// Where it stands that a customer was erased.
pub fn erased_key(business: BusinessId, customer: CustomerId) -> Key {
    Key::new(business, CustomerId::BUSINESS, Table::Erased).id(&customer.0)
}

/// That a customer is erased from a moment on, and whether their rows are gone.
pub fn erased_row(at: Instant, gone: bool) -> Result<Row, StoreError> {
    Row::clear(VERSION, &Erased { at, gone, into: None })
}

/// That a customer is part of another from a moment on.
fn merged_row(at: Instant, into: CustomerId) -> Result<Row, StoreError> {
    Row::clear(VERSION, &Erased { at, gone: false, into: Some(into) })
}

/// Where the ids of customers lead who are part of others.
#[derive(Debug, Default)]
pub(super) struct Homes(RwLock<HashMap<(BusinessId, CustomerId), CustomerId>>);

impl Homes {
    /// Whom an id leads to; itself, nearly always.
    pub(super) fn of(&self, business: BusinessId, customer: CustomerId) -> CustomerId {
        let homes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut home = customer;
        // Whoever is part of another may be that with all of theirs. It ends: nobody becomes part of themselves.
        while let Some(next) = homes.get(&(business, home)) {
            home = *next;
        }
        home
    }

    fn set(&self, business: BusinessId, from: CustomerId, into: Option<CustomerId>) {
        let mut homes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match into {
            Some(into) => homes.insert((business, from), into),
            None => homes.remove(&(business, from)),
        };
    }
}

impl Engine {
    /// The key that seals an entry. One is made for the business itself and for a newcomer; whoever else has none is gone.
    pub(super) fn key_for(&self, entry: &Entry, newcomer: Option<CustomerId>) -> Result<Arc<CustomerKey>, NotTaken> {
        let stopped = |error: StoreError| NotTaken::Stopped(error.to_string());
        let (keyring, business, customer) = (self.keyring(), entry.business, entry.customer);
        if customer.is_business() || newcomer == Some(customer) {
            return keyring.get_or_create(business, customer).map_err(stopped);
        }
        keyring.get(business, customer).map_err(stopped)?.ok_or(NotTaken::Gone(customer))
    }

    /// What has to hold for an entry, and what is put with it, so that nobody who was erased comes back.
    pub(super) fn guard(entry: &Entry, newcomer: Option<CustomerId>, batch: &mut Batch) -> Result<(), NotTaken> {
        if let Input::Owner { change: Change::Erase(customer), .. } = &entry.input {
            let at = erased_key(entry.business, *customer);
            let row = erased_row(entry.at, false).map_err(|error| NotTaken::Stopped(error.to_string()))?;
            batch.check(Check::Absent(at.clone()));
            batch.put(at, row);
        }
        if let Input::Owner { change: Change::Merge { from, into, .. }, .. } = &entry.input {
            let at = erased_key(entry.business, *from);
            let row = merged_row(entry.at, *into).map_err(|error| NotTaken::Stopped(error.to_string()))?;
            batch.check(Check::Absent(at.clone()));
            batch.check(Check::Absent(erased_key(entry.business, *into)));
            batch.put(at, row);
        }
        if !entry.customer.is_business() && newcomer != Some(entry.customer) {
            let check = Check::Absent(erased_key(entry.business, entry.customer));
            if !batch.checks.contains(&check) {
                batch.check(check);
            }
        }
        Ok(())
    }

    /// Whom the id of a customer leads to: themselves, or whom they are part of.
    pub fn home(&self, business: BusinessId, customer: CustomerId) -> CustomerId {
        self.homes.of(business, customer)
    }

    /// Whom the id of a customer leads to as of a view, which may know of a merge that this process is still to hear of.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn home_in(
        &self,
        view: &dyn View,
        business: BusinessId,
        customer: CustomerId,
    ) -> Result<CustomerId, StoreError> {
        let mut home = self.home(business, customer);
        while let Some(row) = view.get(&erased_key(business, home))?
            && let Some(next) = row.read_clear::<Erased>()?.into
        {
            home = next;
        }
        Ok(home)
    }

    /// From here on nothing is taken in the name of whoever is put with another, and their id leads there; what was taken before
    /// is done before they are put together.
    pub(super) fn follow(&self, entry: &Entry) {
        if let Input::Owner { change: Change::Merge { from, into, .. }, .. } = &entry.input {
            self.homes.set(entry.business, *from, Some(*into));
        }
    }

    /// They are two again.
    pub(super) fn unfollow(&self, business: BusinessId, from: CustomerId) {
        self.homes.set(business, from, None);
    }

    /// Whether a customer is being erased, or is of a copy that was put back after they had been: then nothing is taken in
    /// their name, and what is left of them goes.
    ///
    /// # Errors
    /// When the store or the keyring cannot be read.
    pub fn is_leaving(
        self: &Arc<Self>,
        view: &dyn View,
        business: BusinessId,
        customer: CustomerId,
    ) -> Result<bool, StoreError> {
        if customer.is_business() {
            return Ok(false);
        }
        if view.has(&erased_key(business, customer))? {
            return Ok(true);
        }
        if self.keyring().get(business, customer)?.is_some() {
            return Ok(false);
        }
        tracing::warn!(%customer, "rows of somebody whose key is gone were found; they are erased");
        let at = self.world().now();
        let input = Input::Owner { by: "Attune".to_owned(), change: Change::Erase(customer) };
        let id = self.new_event_id();
        let entry =
            Entry { number: 0, id, business, customer: CustomerId::BUSINESS, at, happened: at, depth: 0, input };
        self.append(vec![entry], Batch::new(), move |result| match result {
            // Somebody else found them too.
            Ok(_) | Err(NotTaken::Raced) => {}
            Err(error) => {
                tracing::warn!(%customer, %error, "they could not be erased now; the next who finds them does")
            }
        });
        Ok(true)
    }

    /// Destroys the key of a customer whose rows are gone, and drops what was kept of them in memory. This writes a file and
    /// holds up the commits behind it for that long: few are erased, and whoever asked is to be told only when it is so.
    pub(super) fn forget(&self, business: BusinessId, customer: CustomerId) -> Result<(), StoreError> {
        lock(&self.warm).take((business, customer));
        if self.replayed.is_some() {
            // The keys are those of the store that is replayed.
            return Ok(());
        }
        self.keyring().erase(business, customer)
    }

    /// Destroys, at a start, the keys of those whose rows are gone: the last process may have stopped before. Learns where the ids
    /// lead of those who are part of others.
    pub(super) fn finish_erasures(&self, view: &dyn View, business: BusinessId) -> Result<(), StoreError> {
        let erased = Range::prefix(Key::new(business, CustomerId::BUSINESS, Table::Erased));
        let (mut gone, mut parts) = (HashSet::new(), Vec::new());
        for (key, row) in view.all(&erased)? {
            let Ok(raw) = key.rest().try_into() else { continue };
            let (customer, erased) = (CustomerId(raw), row.read_clear::<Erased>()?);
            if erased.gone {
                gone.insert(customer);
            }
            if erased.into.is_some() {
                self.homes.set(business, customer, erased.into);
                parts.push(customer);
            }
        }
        // Who was part of somebody who was erased went with them.
        let with = parts.into_iter().filter(|part| gone.contains(&self.home(business, *part)));
        for customer in with.chain(gone.iter().copied()) {
            self.forget(business, customer)?;
        }
        Ok(())
    }
}
