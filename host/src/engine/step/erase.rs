//! The erasure of a customer: a step of the business's own lane, so it runs alone, and every entry of theirs is done.

use std::collections::HashSet;

use crate::domain::consent::Consents;
use crate::domain::ids::CustomerId;
use crate::engine::about::{Counts, count, rows_about};
use crate::engine::erasure::{erased_key, erased_row};
use crate::store::{Key, Range, Row, StoreError, Table, Write};
use crate::turn::Effect;
use crate::turn::records::{Records, VERSION};

use super::{Action, Step};

impl Step<'_> {
    /// Deletes every row about a customer, keeps of their addresses what was withdrawn there, and has their key destroyed
    /// once that is durable.
    ///
    /// The record of why says nothing that depends on those rows: their entries go as well, so a replay does not have them.
    pub(super) fn erase(&mut self, by: &str, customer: CustomerId) -> Result<(), StoreError> {
        self.why.what = format!("{by} erases {customer}");
        if customer.is_business() {
            self.refuse("not-found", "there is no such customer; the business itself cannot be erased");
            return Ok(());
        }
        let business = self.entry.business;
        let records = (self.env.others)(customer)?;
        let (mut counts, mut addresses) = (Counts::new(), HashSet::new());
        let deletions = &mut self.deletions;
        let parts = records.parts()?;
        for one in parts.iter().chain([&customer]) {
            rows_about(records.view().as_ref(), business, *one, &mut |key, _| {
                count(&mut counts, key);
                if key.customer().is_business() {
                    deletions.push(Write::Delete(key.clone()));
                }
                if key.table() == Table::Address {
                    addresses.insert(key.clone());
                }
            })?;
        }
        deletions.push(Write::DeleteRange(Range::customer(business, customer)));
        self.keep_withdrawals(&records, &addresses)?;
        self.turn.stage(Effect::Raw(erased_key(business, customer), Some(erased_row(self.now(), true)?)));
        self.actions.extend(parts.into_iter().chain([customer]).map(Action::Forget));
        self.erased = counts;
        Ok(())
    }

    /// What was withdrawn at each address stays under a hash of it. Whoever had the address knew all that stood there, so
    /// what they leave replaces it; at an address that leads to somebody else it comes on top.
    fn keep_withdrawals(&mut self, records: &Records, own: &HashSet<Key>) -> Result<(), StoreError> {
        let Some(customer) = records.customer()? else { return Ok(()) };
        for address in &customer.addresses {
            let mut kept = if own.contains(&records.address_key(address)) {
                Consents::default()
            } else {
                records.suppressed(address)?
            };
            for one in customer.consents.kept(address.channel()).iter() {
                kept.take(one.clone());
            }
            let row = if kept.is_empty() { None } else { Some(Row::clear(VERSION, &kept)?) };
            self.turn.stage(Effect::Raw(records.suppressed_key(address), row));
        }
        Ok(())
    }
}
