//! Retention: what was kept for its time goes, a slice at a time so that nobody waits for it, in the business's own lane.
//!
//! What is still under way stays: messages that are to be sent, conversations in a person's hands, entries that are not done or
//! that a plugin is to try again. Changes of the business itself stay too: they are what a replay starts from.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::ControlFlow;

use crate::domain::entry::Input;
use crate::domain::errand::Errand;
use crate::domain::ids::{CustomerId, EventId, MessageId, NoticeId, Raw, raw};
use crate::domain::message::{Delivery, Message};
use crate::domain::order::{Order, fold_number};
use crate::domain::retention::Cutoffs;
use crate::domain::time::{DAY, Instant, SECOND};
use crate::engine::journal;
use crate::store::{Key, Order as Direction, Range, StoreError, Table, View, Write};
use crate::turn::commit::link_key;
use crate::turn::records::{DeadLetter, Records};

use super::change::customers_after;
use super::{Action, Step};

/// How many customers one step looks at.
const CUSTOMERS: usize = 200;

/// How many of their rows it deletes at the most, and entries of the journal after them. A range of records of why counts as
/// nothing: it is one write.
const ROWS: usize = 2_000;

/// How many entries of customers it looks at. Few that are old are still waited for.
const LOOKS: usize = 10 * ROWS;

/// What an entry made has an id that is this much greater at the most (see `World::unique`).
const MADE: u128 = 1 << 16;

impl Step<'_> {
    /// Deletes what is older than its kind is kept, from after a customer on; plans the next slice, or the next day.
    pub(super) fn retention(&mut self, before: Instant, after: Option<CustomerId>) -> Result<(), StoreError> {
        let business = self.env.ready.config.business.retention;
        let cutoffs = business.cutoffs(self.now(), before);
        self.why.what =
            format!("what was kept for its time goes: records of why from before {}, and the like", cutoffs.whys);
        let view = self.records().view().clone();
        let mut gone = BTreeSet::new();
        let mut last = after;
        let customers = customers_after(view.as_ref(), self.entry.business, after, CUSTOMERS)?;
        let mut is_through = customers.len() < CUSTOMERS;
        if after.is_none() {
            self.whys_go(CustomerId::BUSINESS, cutoffs.whys);
        }
        for customer in customers {
            self.whys_go(customer, cutoffs.whys);
            let records = (self.env.others)(customer)?;
            if self.rows_go(&records, &cutoffs, &mut gone)? {
                last = Some(customer);
            } else {
                is_through = false;
                break;
            }
        }
        if is_through {
            is_through = self.entries_go(view.as_ref(), cutoffs.journal, &mut gone)?;
        }
        self.deletions.extend(gone.into_iter().map(Write::Delete));
        match is_through {
            true => self.plan_retention(self.now().plus(DAY), None),
            false => self.plan_retention(self.now().plus(SECOND), last),
        }
        Ok(())
    }

    fn whys_go(&mut self, customer: CustomerId, before: Instant) {
        let start = Key::new(self.entry.business, customer, Table::Why);
        self.deletions.push(Write::DeleteRange(Range::between(start.clone(), start.id(&first(before)))));
    }

    /// Rows of one customer. False if there are more than one step deletes; those that are left are for the next.
    fn rows_go(&mut self, records: &Records, cutoffs: &Cutoffs, gone: &mut BTreeSet<Key>) -> Result<bool, StoreError> {
        if let Some(before) = cutoffs.notices {
            let start = records.at(Table::Notice);
            let range = Range::between(start.clone(), start.id(&NoticeId(first(before)).0));
            for (key, _) in records.view().first(&range, Direction::Ascending, ROWS)? {
                gone.extend(key.parts().id().map(|id| records.of_business(Table::NoticeOf).id(&id)));
                gone.insert(key);
            }
            // What is still on its way is told first.
            let start = records.at(Table::Errand);
            let range = Range::between(start.clone(), start.clone().id(&first(before)));
            let old: Vec<Errand> = records.list(&range, Direction::Ascending, ROWS)?;
            gone.extend(old.iter().filter(|one| one.state.is_over()).map(|one| start.clone().id(&one.id.0)));
        }
        let before = gone.len();
        if let Some(before) = cutoffs.appointments {
            let old = records.appointments()?.into_iter().filter(|one| one.ends < before);
            gone.extend(old.map(|one| records.appointment_key(&one.source, &one.id)));
        }
        if let Some(before) = cutoffs.orders {
            for order in records.orders()?.iter().filter(|order| last_known(order) < before) {
                gone.insert(records.order_key(&order.source, &order.id));
                gone.insert(records.order_index_key(&fold_number(&order.number)).id(&records.who().0));
                gone.insert(link_key(records, order).id(&records.who().0));
            }
        }
        if gone.len() > before {
            self.actions.push(Action::Cool(records.who()));
        }
        if let Some(before) = cutoffs.messages {
            self.messages_go(records, before, cutoffs.journal, gone)?;
        }
        Ok(gone.len() < ROWS)
    }

    /// Messages that are over, unless a person has the conversation.
    fn messages_go(
        &mut self,
        records: &Records,
        before: Instant,
        journal: Instant,
        gone: &mut BTreeSet<Key>,
    ) -> Result<(), StoreError> {
        if records.last_case()?.is_some_and(|case| case.is_open()) {
            return Ok(());
        }
        let start = records.at(Table::Message);
        let range = Range::between(start.clone(), start.clone().id(&first(before)));
        let old: Vec<Message> = records.list(&range, Direction::Ascending, ROWS)?;
        for message in old.into_iter().filter(is_over) {
            gone.insert(start.clone().id(&message.id.0));
            // Its entry went before, and left this row for the message's sake.
            if message.at < journal && !made(records, &[Table::Case], message.entry, message.at)? {
                gone.insert(records.of_business(Table::Stepped).id(&message.entry.0));
            }
        }
        Ok(())
    }

    /// Entries that are done and that nothing waits for. False if there are more than one step looks at.
    fn entries_go(&mut self, view: &dyn View, before: Instant, gone: &mut BTreeSet<Key>) -> Result<bool, StoreError> {
        let business = self.entry.business;
        let (old, is_through) = old_entries(view, &Range::prefix(journal::journal(business)), before)?;
        let mut awaited = self.given_up(view)?;
        let mut known: HashMap<CustomerId, Records> = HashMap::new();
        let mut deleted = 0;
        for Old { number, id, at, customer } in old {
            if deleted >= ROWS {
                return Ok(false);
            }
            let records = match known.entry(customer) {
                std::collections::hash_map::Entry::Occupied(there) => there.into_mut(),
                std::collections::hash_map::Entry::Vacant(place) => {
                    // Whoever is part of another has what was theirs there.
                    let records = (self.env.others)((self.env.home)(customer))?;
                    let shares = view.all(&Range::prefix(records.at(Table::Share)))?;
                    awaited.extend(shares.into_iter().filter_map(|(key, _)| key.last_number()));
                    place.insert(records)
                }
            };
            if awaited.contains(&number) || view.has(&journal::pending(business).number(number))? {
                continue;
            }
            let input = || Ok::<_, StoreError>(journal::read(records, number)?.map(|entry| entry.input));
            if customer.is_business() && !matches!(input()?, Some(Input::Retention { .. } | Input::Hour { .. })) {
                continue;
            }
            deleted += 1;
            gone.insert(journal::journal(business).number(number));
            gone.insert(journal::observed(business, number));
            if !made(records, &[Table::Message, Table::Case], id, at)? {
                gone.insert(records.of_business(Table::Stepped).id(&id.0));
            }
        }
        // What is left may all be waited for; tomorrow is early enough to look again.
        Ok(is_through || deleted == 0)
    }

    /// The numbers of entries of which a share was given up: somebody may want it to be tried again.
    fn given_up(&self, view: &dyn View) -> Result<HashSet<u64>, StoreError> {
        let mut numbers = HashSet::new();
        for (key, row) in view.all(&Range::prefix(self.records().of_business(Table::DeadLetterOf)))? {
            let (records, Some(id)) = ((self.env.others)(row.read_clear()?)?, key.parts().id()) else { continue };
            let letter: Option<DeadLetter> = records.get(&records.at(Table::DeadLetter).id(&id))?;
            numbers.extend(letter.map(|letter| letter.share.number));
        }
        Ok(numbers)
    }
}

/// The first id that could be made at a moment.
fn first(at: Instant) -> Raw {
    raw(at, [0; 10])
}

fn is_over(message: &Message) -> bool {
    !matches!(message.delivery, Delivery::Queued | Delivery::Deferred { .. } | Delivery::Attempting { .. })
}

/// The last moment that is known of an order.
fn last_known(order: &Order) -> Instant {
    let parcels = order.shipments.iter().flat_map(|one| [one.expected, one.delivered]).flatten();
    parcels.fold(order.placed, Instant::max)
}

/// An entry that is old enough to go.
struct Old {
    number: u64,
    id: EventId,
    at: Instant,
    customer: CustomerId,
}

/// The first entries of a journal, up to a moment, and whether these are all. The business's own, of which most stay, are few
/// and do not count.
fn old_entries(view: &dyn View, range: &Range, before: Instant) -> Result<(Vec<Old>, bool), StoreError> {
    let (mut old, mut customers, mut broken): (Vec<Old>, usize, _) = (Vec::new(), 0, None);
    view.scan(range, Direction::Ascending, &mut |key, row| {
        let Some(number) = journal::number_of(key) else { return ControlFlow::Continue(()) };
        match journal::head(row) {
            Ok((id, customer, at)) if at < before => {
                customers += usize::from(!customer.is_business());
                old.push(Old { number, id, at, customer });
            }
            Ok(_) => return ControlFlow::Break(()),
            Err(error) => broken = Some(error),
        }
        if broken.is_some() || customers >= LOOKS { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    broken.map_or(Ok((old, customers < LOOKS)), Err)
}

/// Whether something that an entry made is still in these tables. Whose it is is found by the entry (see `Query::made_for`).
fn made(records: &Records, tables: &[Table], id: EventId, at: Instant) -> Result<bool, StoreError> {
    let mut rest = [0; 10];
    rest.copy_from_slice(&id.0[6..]);
    let from = raw(at, rest);
    let until = u128::from_be_bytes(from).saturating_add(MADE).to_be_bytes();
    for table in tables {
        let start = records.at(*table);
        if records.view().count(&Range::between(start.clone().id(&MessageId(from).0), start.id(&until)), 1)? > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}
