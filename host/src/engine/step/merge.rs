//! Two customers who turned out to be one, and the way back: steps of the business's own lane, so they run alone, and every entry
//! of both is done.
//!
//! What stood in the range of the one moves into the range of the other and is sealed anew with the other's key. Entries stay in the
//! journal as they are, under the key of whom they were accepted for; indexes lead to the old id, and the old id leads on.

use std::collections::HashSet;

use serde_json::Value;

use crate::domain::appointment::Appointment;
use crate::domain::case::Case;
use crate::domain::errand::{Errand, State};
use crate::domain::ids::{BusinessId, CustomerId};
use crate::domain::merge::{Before, Merged, Suffixes, Tie};
use crate::domain::message::{Delivery, Message};
use crate::domain::order::{Order, fold_number};
use crate::domain::recent::Recent;
use crate::engine::due::{due_at, due_of};
use crate::engine::erasure::erased_key;
use crate::store::{Key, Range, Row, StoreError, Table, Write};
use crate::turn::Effect;
use crate::turn::commit::{DueWhat, due_key, link_key};
use crate::turn::records::{OrderPointer, Records, Tries};

use super::{Action, Step};

/// Business and customer at the beginning of a key.
const WHOSE_BYTES: usize = 32;

/// Ids of messages and hashes of timers that moved: what is due is known by those.
type Moved = HashSet<[u8; 16]>;

impl Step<'_> {
    /// Puts one customer together with another.
    pub(super) fn merge(
        &mut self,
        by: &str,
        from: CustomerId,
        into: CustomerId,
        because: &Tie,
    ) -> Result<(), StoreError> {
        self.why.what = format!("{by} puts {from} together with {into}");
        self.note(format!("they are one because {}", because.words()));
        let (old, new) = ((self.env.others)(from)?, (self.env.others)(into)?);
        if new.is_closed() {
            // In a replay: they were erased since, with all that came along.
            return Ok(());
        }
        let merged = Merged { id: from, at: self.now(), entry: self.entry.id, because: because.clone() };
        let (mut rows, mut moved) = (Vec::new(), Moved::new());
        for (key, row) in old.view().all(&Range::customer(self.entry.business, from))? {
            if self.move_row(&old, &new, &key, &row, &mut moved)? {
                rows.extend(key.as_bytes().get(WHOSE_BYTES..).map(<[u8]>::to_vec));
            }
        }
        self.move_due(&old, &new, &moved, true)?;
        if let (Some(came), Some(kept)) = (old.customer()?, new.customer()?) {
            let mut both = kept.clone();
            both.absorb(&came, merged);
            self.own(&new, new.at(Table::Customer), &both)?;
            let at = new.at(Table::Merge).id(&from.0);
            self.own(&new, at, &Before { from: came, into: kept, at: self.now(), rows: Suffixes(rows) })?;
        }
        self.deletions.push(Write::DeleteRange(Range::customer(self.entry.business, from)));
        self.tell_why(&new)?;
        self.actions.extend([Action::Cool(from), Action::Cool(into)]);
        Ok(())
    }

    /// Parts two who were put together: what came along goes back, what came since stays.
    pub(super) fn part(&mut self, by: &str, from: CustomerId, into: CustomerId) -> Result<(), StoreError> {
        self.why.what = format!("{by} parts {from} from {into}");
        let (both, old) = ((self.env.others)(into)?, (self.env.others)(from)?);
        if both.is_closed() || old.is_closed() {
            // In a replay: one of them was erased since.
            self.turn.stage(Effect::Raw(erased_key(self.entry.business, from), None));
            self.actions.push(Action::Part(from));
            return Ok(());
        }
        let at = both.at(Table::Merge).id(&from.0);
        let (Some(before), Some(customer)) = (both.get::<Before>(&at)?, both.customer()?) else {
            self.refuse("not-found", format!("{from} is not part of {into}"));
            return Ok(());
        };
        let later = customer.merged.iter().find(|one| one.id != from && one.at > before.at);
        if before.into.id != into || later.is_some() {
            let last = later.map_or(before.into.id, |one| one.id);
            self.refuse("conflict", format!("part {last} first: they were put together with {into} later"));
            return Ok(());
        }
        let (came, kept) = customer.part(&before);
        let mut moved = Moved::new();
        let business = self.entry.business;
        for key in before.rows.0.iter().filter_map(|suffix| at_suffix(business, into, suffix)) {
            // Some was kept for its time and is gone.
            if let Some(row) = both.view().get(&key)?
                && self.move_row(&both, &old, &key, &row, &mut moved)?
            {
                self.turn.stage(Effect::Raw(key, None));
            }
        }
        self.move_due(&both, &old, &moved, false)?;
        // Both count against caps with what went out to either: nobody gets more for having been parted.
        if let Some(recent) = both.get::<Recent>(&both.at(Table::Recent))? {
            self.own(&old, old.at(Table::Recent), &recent)?;
        }
        if let Some(tries) = both.get::<Tries>(&both.at(Table::Usage))? {
            self.own(&old, old.at(Table::Usage), &tries)?;
        }
        self.own(&old, old.at(Table::Customer), &came)?;
        self.own(&both, both.at(Table::Customer), &kept)?;
        self.turn.stage(Effect::Raw(at, None));
        self.turn.stage(Effect::Raw(erased_key(self.entry.business, from), None));
        self.tell_why(&old)?;
        self.tell_why(&both)?;
        self.actions.extend([Action::Part(from), Action::Cool(from), Action::Cool(into)]);
        Ok(())
    }

    /// The record of why stands with the customer too, among all that happened to them.
    fn tell_why(&mut self, whose: &Records) -> Result<(), StoreError> {
        let why = self.why.clone();
        self.own(whose, whose.at(Table::Why).id(&self.entry.id.0), &why)
    }

    /// Writes a row of another customer.
    fn own<T: serde::Serialize>(&mut self, whose: &Records, key: Key, value: &T) -> Result<(), StoreError> {
        let row = whose.row(&key, value)?;
        self.turn.stage(Effect::Raw(key, Some(row)));
        Ok(())
    }

    /// Writes a row of one customer as a row of the other. False where there is nothing to take back later: it is known of both
    /// and stays where it is.
    fn move_row(
        &mut self,
        old: &Records,
        new: &Records,
        key: &Key,
        row: &Row,
        moved: &mut Moved,
    ) -> Result<bool, StoreError> {
        let Some(at) = at_other(key, new.who()) else { return Ok(false) };
        let known = new.view().get(&at)?;
        match key.table() {
            Table::Customer => return Ok(false),
            Table::Recent => {
                let mut recent = new.recent()?;
                recent.absorb(&old.open(key, row)?);
                self.own(new, at, &recent)?;
                return Ok(false);
            }
            Table::Usage => {
                let mut tries: Tries = new.get(&at)?.unwrap_or_default();
                tries.at.extend(old.open::<Tries>(key, row)?.at);
                self.own(new, at, &tries)?;
                return Ok(false);
            }
            Table::Order => {
                let order: Order = old.open(key, row)?;
                let own = known.map(|known| new.open::<Order>(&at, &known)).transpose()?;
                let is_newer = own.is_none_or(|own| own.version < order.version);
                self.move_index(old, new, &order, is_newer)?;
                if !is_newer {
                    return Ok(false);
                }
                self.own(new, at, &order)?;
            }
            Table::Appointment => {
                let one: Appointment = old.open(key, row)?;
                let own = known.map(|known| new.open::<Appointment>(&at, &known)).transpose()?;
                if own.is_some_and(|own| own.version >= one.version) {
                    return Ok(false);
                }
                self.own(new, at, &one)?;
            }
            // The one who stays has it: a note, a timer, what was said once.
            _ if known.is_some() => return Ok(false),
            Table::Message => {
                let mut message: Message = old.open(key, row)?;
                message.customer = new.who();
                moved.insert(message.id.0);
                if matches!(message.delivery, Delivery::Attempting { .. }) {
                    self.put(new.of_business(Table::Attempting).id(&message.id.0), &new.who());
                }
                self.own(new, at, &message)?;
            }
            Table::Case => {
                let mut case: Case = old.open(key, row)?;
                case.customer = new.who();
                if case.is_open() {
                    self.put(new.of_business(Table::OpenCase).id(&case.id.0), &new.who());
                }
                self.own(new, at, &case)?;
            }
            Table::Errand => {
                let errand: Errand = old.open(key, row)?;
                moved.insert(errand.id.0);
                if matches!(errand.state, State::Attempting { .. }) {
                    self.put(new.of_business(Table::Attempting).id(&errand.id.0), &new.who());
                }
                self.own(new, at, &errand)?;
            }
            Table::Notice | Table::DeadLetter | Table::Timer => {
                let index = match key.table() {
                    Table::Notice => Some(Table::NoticeOf),
                    Table::DeadLetter => Some(Table::DeadLetterOf),
                    _ => None,
                };
                let id = key.parts().id();
                moved.extend(id);
                if let Some((index, id)) = index.zip(id) {
                    self.put(new.of_business(index).id(&id), &new.who());
                }
                self.own(new, at, &old.open::<Value>(key, row)?)?;
            }
            _ => self.own(new, at, &old.open::<Value>(key, row)?)?,
        }
        Ok(true)
    }

    /// What leads from an order's number to the customer, and that they claimed it.
    fn move_index(&mut self, old: &Records, new: &Records, order: &Order, is_moved: bool) -> Result<(), StoreError> {
        let (index, link) = (old.order_index_key(&fold_number(&order.number)), link_key(old, order));
        let from = [index.clone(), link.clone()].map(|key| key.id(&old.who().0));
        if is_moved && let Some(row) = old.view().get(&from[0])? {
            self.put(index.id(&new.who().0), &OrderPointer { customer: new.who(), ..row.read_clear()? });
        }
        if is_moved && old.view().has(&from[1])? {
            self.put(link.id(&new.who().0), &new.who());
        }
        for key in from {
            self.turn.stage(Effect::Raw(key, None));
        }
        Ok(())
    }

    /// What is due for one customer is due for the other, where it is about something that moved. All that is due is looked
    /// through, since it is sorted by time. `leaves`: whether nothing is to be due for the one any more.
    fn move_due(&mut self, old: &Records, new: &Records, moved: &Moved, leaves: bool) -> Result<(), StoreError> {
        for (key, row) in old.view().all(&Range::prefix(old.of_business(Table::Due)))? {
            let Some((at, (whose, hash))) = due_at(&key).zip(due_of(&key)) else { continue };
            if whose != old.who() {
                continue;
            }
            // A plugin that is tried again without a reason finds nothing to do.
            let is_retry = matches!(row.read_clear()?, DueWhat::Retry(_));
            if is_retry || moved.contains(&hash) {
                self.turn.stage(Effect::Raw(due_key(new, at, &hash), Some(row)));
                self.actions.push(Action::Wake(at));
            }
            if leaves || moved.contains(&hash) {
                self.turn.stage(Effect::Raw(key, None));
            }
        }
        Ok(())
    }
}

/// The key of the same row of another customer.
fn at_other(key: &Key, customer: CustomerId) -> Option<Key> {
    at_suffix(key.business(), customer, key.as_bytes().get(WHOSE_BYTES..)?)
}

/// The key of a customer's row, from the table and the rest.
fn at_suffix(business: BusinessId, customer: CustomerId, suffix: &[u8]) -> Option<Key> {
    Key::from_bytes(&[&business.0, &customer.0, suffix].concat())
}
