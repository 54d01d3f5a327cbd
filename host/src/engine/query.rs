//! Questions about what is there, for the API and the command line. Reading only.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::domain::business::Business;
use crate::domain::case::Case;
use crate::domain::consent::Consent;
use crate::domain::customer::Customer;
use crate::domain::entry::Token;
use crate::domain::errand::Errand;
use crate::domain::ids::{
    BusinessId, CaseId, CustomerId, DeadLetterId, ErrandId, EventId, MessageId, NoticeId, TokenId,
};
use crate::domain::message::Message;
use crate::domain::plugin::Installed;
use crate::domain::time::Instant;
use crate::domain::trust::TrustedKey;
use crate::domain::webhook::Secret;
use crate::store::{Key, Order, Range, StoreError, Table, View};
use crate::turn::records::{DeadLetter, Example, Notice, Records};
use crate::turn::trends::{self, Span, Topic};

use super::Engine;
use super::config::{business_key, listed_key, secret_key, token_key};
use super::erasure::erased_key;
use super::step::customers_after;
use super::why::{Handled, Measured, Why};

/// One business as it is now.
pub struct Query<'a> {
    engine: &'a Engine,
    view: Arc<dyn View>,
    business: BusinessId,
}

/// The whole story of a message.
pub struct Story {
    /// The message.
    pub message: Message,
    /// Why it came to be, and what happened to it later; in order. Some may have been kept for their time and are gone.
    pub whys: Vec<(Why, Measured)>,
}

impl Engine {
    /// Questions about one business, all answered from one view.
    pub fn query(&self, business: BusinessId) -> Query<'_> {
        Query { engine: self, view: self.view(), business }
    }

    /// A token by the hash of its secret.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn token(&self, hash: &str) -> Result<Option<Token>, StoreError> {
        self.view().get(&token_key(hash))?.map(|row| row.read_clear()).transpose()
    }

    /// Whether there is such a business.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn has_business(&self, business: BusinessId) -> Result<bool, StoreError> {
        self.view().has(&listed_key(business))
    }
}

impl Query<'_> {
    /// The view that answers.
    pub fn view(&self) -> &Arc<dyn View> {
        &self.view
    }

    /// One customer's rows; of somebody who is part of another, the rows of both.
    ///
    /// # Errors
    /// When the keyring cannot be read.
    pub fn records(&self, customer: CustomerId) -> Result<Records, StoreError> {
        self.engine.records(self.view.clone(), self.business, self.engine.home(self.business, customer))
    }

    /// The rows under an id and no other: of somebody who is part of another, what was not moved.
    pub(super) fn records_of(&self, customer: CustomerId) -> Result<Records, StoreError> {
        self.engine.records(self.view.clone(), self.business, customer)
    }

    /// A customer, if there is one of that id.
    ///
    /// # Errors
    /// When the store cannot be read. So for all below.
    pub fn customer(&self, id: CustomerId) -> Result<Option<Customer>, StoreError> {
        let id = self.engine.home(self.business, id);
        if id.is_business() || !self.view.has(&Key::new(self.business, id, Table::Customer))? {
            return Ok(None);
        }
        self.records(id)?.customer()
    }

    /// Whether there is something of a customer to erase. An event that waits for its turn is enough: they have a key.
    pub fn is_there(&self, id: CustomerId) -> Result<bool, StoreError> {
        let has_key = !id.is_business() && self.engine.keyring().get(self.business, id)?.is_some();
        Ok(has_key && !self.view.has(&erased_key(self.business, id))?)
    }

    /// What time it is.
    pub(super) fn now(&self) -> Instant {
        self.engine.world().now()
    }

    /// Which business.
    pub(super) fn business(&self) -> BusinessId {
        self.business
    }

    /// The name of the business.
    pub(super) fn business_name(&self) -> String {
        self.engine.ready(self.business).map(|ready| ready.config.business.name.clone()).unwrap_or_default()
    }

    /// Customers in the order in which they became known, after one.
    pub fn customers(&self, after: Option<CustomerId>, limit: usize) -> Result<Vec<Customer>, StoreError> {
        let (mut found, mut last) = (Vec::new(), after);
        while found.len() < limit {
            let ids = customers_after(self.view.as_ref(), self.business, last, limit - found.len())?;
            let Some(end) = ids.last() else { break };
            last = Some(*end);
            for id in ids {
                found.extend(self.customer(id)?);
            }
        }
        Ok(found)
    }

    /// The customer an address leads to.
    pub fn customer_by_address(
        &self,
        address: &crate::domain::address::Address,
    ) -> Result<Option<Customer>, StoreError> {
        let index = self.engine.keyring().index_key(self.business)?;
        match crate::intake::by_address(self.view.as_ref(), self.business, &index, address)? {
            Some(id) => self.customer(id),
            None => Ok(None),
        }
    }

    /// Whose a message, case, notice or dead letter is, by the table that says so.
    fn owner(&self, table: Table, id: &[u8; 16]) -> Result<Option<CustomerId>, StoreError> {
        let at = Key::new(self.business, CustomerId::BUSINESS, table).id(id);
        self.view.get(&at)?.map(|row| row.read_clear()).transpose()
    }

    /// A page of something that an index of the business lists, newest first, before an id.
    fn page<T: DeserializeOwned>(
        &self,
        index: Table,
        table: Table,
        before: Option<[u8; 16]>,
        limit: usize,
    ) -> Result<Vec<(CustomerId, T)>, StoreError> {
        let start = Key::new(self.business, CustomerId::BUSINESS, index);
        let range = match before {
            Some(id) => Range::between(start.clone(), start.id(&id)),
            None => Range::prefix(start),
        };
        let mut found = Vec::new();
        for (key, row) in self.view.first(&range, Order::Descending, limit)? {
            let (customer, Ok(id)) = (row.read_clear::<CustomerId>()?, <[u8; 16]>::try_from(key.rest())) else {
                continue;
            };
            let records = self.records(customer)?;
            if let Some(value) = records.get(&records.at(table).id(&id))? {
                found.push((customer, value));
            }
        }
        Ok(found)
    }

    /// The rows of the customer in whose lane an id was made. It follows closely on that of its entry (see `Turn::mint`), and
    /// of each entry it is known whose lane it was in.
    fn made_for(&self, id: &[u8; 16]) -> Result<Option<Records>, StoreError> {
        let start = Key::new(self.business, CustomerId::BUSINESS, Table::Stepped);
        let range = Range::between(start.clone(), start.id(id));
        let handled = self.view.first(&range, Order::Descending, 1)?.pop();
        handled.map(|(_, row)| self.records(row.read_clear::<Handled>()?.customer)).transpose()
    }

    /// A message, whosever it is.
    pub fn message(&self, id: MessageId) -> Result<Option<Message>, StoreError> {
        self.made_for(&id.0)?.map_or(Ok(None), |records| records.message(id))
    }

    /// The story of a message: itself, and the records of why of every entry that made or changed it.
    pub fn story(&self, id: MessageId) -> Result<Option<Story>, StoreError> {
        let Some(message) = self.message(id)? else { return Ok(None) };
        let mut whys = Vec::new();
        for entry in std::iter::once(message.entry).chain(message.trail.iter().copied()) {
            whys.extend(self.why(message.customer, entry)?);
        }
        Ok(Some(Story { message, whys }))
    }

    /// The record of why of one entry, if it is still kept.
    pub fn why(&self, customer: CustomerId, entry: EventId) -> Result<Option<(Why, Measured)>, StoreError> {
        let records = self.records(customer)?;
        let Some(why) = records.get(&records.at(Table::Why).id(&entry.0))? else { return Ok(None) };
        let handled = self.view.get(&records.of_business(Table::Stepped).id(&entry.0))?;
        let handled: Option<Handled> = handled.map(|row| row.read_clear()).transpose()?;
        Ok(Some((why, handled.map(|handled| handled.measured).unwrap_or_default())))
    }

    /// The last records of why of a customer, newest first.
    pub fn whys(&self, customer: CustomerId, limit: usize) -> Result<Vec<Why>, StoreError> {
        let records = self.records(customer)?;
        records.list(&Range::prefix(records.at(Table::Why)), Order::Descending, limit)
    }

    /// All that a customer agreed to and took back, oldest first.
    pub fn ledger(&self, customer: CustomerId) -> Result<Vec<Consent>, StoreError> {
        let records = self.records(customer)?;
        records.list(&Range::prefix(records.at(Table::Consent)), Order::Ascending, usize::MAX)
    }

    /// Open cases, newest first.
    pub fn open_cases(&self, before: Option<CaseId>, limit: usize) -> Result<Vec<Case>, StoreError> {
        let page = self.page(Table::OpenCase, Table::Case, before.map(|id| id.0), limit)?;
        Ok(page.into_iter().map(|(_, case)| case).collect())
    }

    /// A case by its id, open or resolved.
    pub fn case(&self, id: CaseId) -> Result<Option<Case>, StoreError> {
        self.made_for(&id.0)?.map_or(Ok(None), |records| records.get(&records.at(Table::Case).id(&id.0)))
    }

    /// Dead letters, newest first, each with whose it is.
    pub fn dead_letters(
        &self,
        before: Option<DeadLetterId>,
        limit: usize,
    ) -> Result<Vec<(CustomerId, DeadLetter)>, StoreError> {
        self.page(Table::DeadLetterOf, Table::DeadLetter, before.map(|id| id.0), limit)
    }

    /// Whose a dead letter is.
    pub fn dead_letter_owner(&self, id: DeadLetterId) -> Result<Option<CustomerId>, StoreError> {
        self.owner(Table::DeadLetterOf, &id.0)
    }

    /// Notices to staff, newest first, each with whom it is about.
    pub fn notices(&self, before: Option<NoticeId>, limit: usize) -> Result<Vec<(CustomerId, Notice)>, StoreError> {
        self.page(Table::NoticeOf, Table::Notice, before.map(|id| id.0), limit)
    }

    /// Errands of a customer, or of the business, as far as they are still there.
    pub fn errands(&self, customer: CustomerId, ids: &[ErrandId]) -> Result<Vec<Errand>, StoreError> {
        let (records, mut found) = (self.records(customer)?, Vec::new());
        for id in ids {
            found.extend(records.errand(*id)?);
        }
        Ok(found)
    }

    /// The messages that a notice shows, as far as they are still there.
    pub fn examples(&self, examples: &[Example]) -> Result<Vec<Message>, StoreError> {
        let mut found = Vec::new();
        for example in examples {
            found.extend(self.records(example.customer)?.message(example.message)?);
        }
        Ok(found)
    }

    /// How many customers wrote about what in the last hours, the current one included, and how many of them unhappily.
    pub fn trends(&self, hours: u32) -> Result<Vec<Topic>, StoreError> {
        trends::counts(self.view.as_ref(), self.business, Span::before(self.now().plus(1), hours))
    }

    /// The public keys that the business trusts, those of longest standing first.
    pub fn trusted_keys(&self) -> Result<Vec<TrustedKey>, StoreError> {
        let row = self.view.get(&business_key(self.business))?;
        Ok(row
            .map(|row| row.read_clear::<Business>())
            .transpose()?
            .map(|business| business.trusted_keys)
            .unwrap_or_default())
    }

    /// The plugins, in the owner's order.
    pub fn plugins(&self) -> Result<Vec<Installed>, StoreError> {
        let mut found: Vec<Installed> = Vec::new();
        for (_, row) in self.view.all(&Range::prefix(Key::new(self.business, CustomerId::BUSINESS, Table::Plugin)))? {
            found.push(row.read_clear()?);
        }
        found.sort_by(|a, b| (a.order, &a.name).cmp(&(b.order, &b.name)));
        Ok(found)
    }

    /// The secret of a plugin, if it is set.
    pub fn secret(&self, plugin: &str, name: &str) -> Result<Option<Secret>, StoreError> {
        self.records(CustomerId::BUSINESS)?.get(&secret_key(self.business, plugin, name))
    }

    /// The tokens of this business.
    pub fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        let range = Range::prefix(Key::new(self.business, CustomerId::BUSINESS, Table::Token));
        let mut found = Vec::new();
        for (key, row) in self.view.all(&range)? {
            let id: Option<TokenId> = <[u8; 16]>::try_from(key.rest()).ok().map(TokenId);
            if id.is_some()
                && let Some(token) = self.engine.token(&row.read_clear::<String>()?)?
            {
                found.push(token);
            }
        }
        Ok(found)
    }

    /// How many entries of this business are still to be done, counted up to a limit.
    pub fn pending(&self, limit: usize) -> Result<usize, StoreError> {
        let mut count = 0;
        self.view.scan(&Range::prefix(super::journal::pending(self.business)), Order::Ascending, &mut |_, _| {
            count += 1;
            if count >= limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(count)
    }
}
