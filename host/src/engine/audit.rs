//! The audit log: written at the door, like the journal, and not by steps, so a replay does not repeat it. Lines are added; there
//! is no way to change or delete one.

use std::ops::ControlFlow;

use crate::domain::audit::Line;
use crate::domain::ids::{AuditId, BusinessId, CustomerId};
use crate::store::{Batch, Check, Key, Order, Range, Row, StoreError, Table};
use crate::turn::records::VERSION;

use super::Engine;
use super::query::Query;

fn audit(business: BusinessId) -> Key {
    Key::new(business, CustomerId::BUSINESS, Table::Audit)
}

impl Engine {
    /// An id for a line: it sorts after those before it.
    pub fn new_audit_id(&self) -> AuditId {
        AuditId(self.new_event_id().0)
    }

    /// Adds a line. `done` is called once it is durable, or could not be written.
    pub fn audit(&self, business: BusinessId, line: &Line, done: impl FnOnce(Result<(), StoreError>) + Send + 'static) {
        let at = audit(business).id(&line.id.0);
        let row = match Row::clear(VERSION, line) {
            Ok(row) => row,
            Err(error) => return done(Err(error)),
        };
        let mut batch = Batch::new();
        batch.check(Check::Absent(at.clone()));
        batch.put(at, row);
        let failed = |error: crate::store::Refused| StoreError::Failed(error.to_string());
        self.store().submit(batch, Box::new(move |result| done(result.map(drop).map_err(failed))));
    }
}

impl Query<'_> {
    /// Lines of the audit log, oldest first, after one; of all customers or of one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn audit(
        &self,
        after: Option<AuditId>,
        customer: Option<CustomerId>,
        limit: usize,
    ) -> Result<Vec<Line>, StoreError> {
        let start = audit(self.business());
        let range = match after {
            Some(id) => Range::after(start.id(&id.0)),
            None => Range::prefix(start),
        };
        let (mut found, mut broken): (Vec<Line>, _) = (Vec::new(), None);
        self.view().scan(&range, Order::Ascending, &mut |_, row| {
            match row.read_clear::<Line>() {
                Ok(line) if customer.is_none_or(|customer| line.customer == Some(customer)) => found.push(line),
                Ok(_) => {}
                Err(error) => broken = Some(error),
            }
            if broken.is_some() || found.len() >= limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        broken.map_or(Ok(found), Err)
    }
}
