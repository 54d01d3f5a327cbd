//! An hour in which customers wrote is over: plugins that want to know are told, and what is counted by the hour goes when it is
//! old.

use crate::domain::plugin::Export;
use crate::domain::time::Instant;
use crate::sandbox::Call;
use crate::store::{StoreError, Write};
use crate::turn::trends;

use super::Step;

/// How many rows of each kind and topic go at a time.
const ROWS: usize = 1_000;

impl Step<'_> {
    /// A full hour ended.
    pub(super) fn hour(&mut self, ended: Instant) -> Result<(), StoreError> {
        self.why.what = "an hour ended in which customers wrote".to_owned();
        let old = trends::outdated(self.records().view().as_ref(), self.entry.business, ended, ROWS)?;
        self.deletions.extend(old.into_iter().map(Write::Delete));
        let call = Call::OnHour(ended);
        for plugin in self.exporters(Export::OnHour) {
            self.offer(&plugin, &call);
        }
        Ok(())
    }
}
