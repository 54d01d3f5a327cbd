//! Which rows of a business are about one customer: their own range, and what points to them or tells of them elsewhere. An
//! erasure deletes these, an export shows them; so neither can leave a table out that the other knows.
//!
//! It reads nothing that is sealed. A table that is new does not compile before it is said here whose its rows are.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::domain::ids::{BusinessId, CustomerId};
use crate::store::{Key, Order, Range, Row, StoreError, Table, View};

use super::journal;
use super::why::Handled;

/// How it is known whom a row of the business is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Its clear part is the customer.
    Clear,
    /// Its key ends with the customer.
    LastPart,
    /// Its key has the customer after a time.
    AfterTime,
    /// Its clear part has whose lane it was.
    Handled,
    /// It is an entry, or follows one.
    Entry,
    /// It has the number of an entry.
    Number,
    /// It is about nobody: what the business or a plugin set up or counted, or what outlives an erasure.
    Nobody,
    /// It stands in the customer's own range.
    Own,
}

fn told(table: Table) -> Told {
    match table {
        Table::Journal => Told::Entry,
        Table::Pending => Told::Number,
        Table::Address
        | Table::OpenCase
        | Table::Attempting
        | Table::DeadLetterOf
        | Table::NoticeOf
        | Table::Reference
        | Table::Unhappy => Told::Clear,
        Table::OrderIndex | Table::Link => Told::LastPart,
        Table::Due => Told::AfterTime,
        Table::Stepped => Told::Handled,
        Table::Dedupe
        | Table::Suppressed
        | Table::Audit
        | Table::Erased
        | Table::Plugin
        | Table::Knowledge
        | Table::Secret
        | Table::Template
        | Table::Business
        | Table::Token
        | Table::Component
        | Table::Tally
        | Table::Meta => Told::Nobody,
        Table::Usage
        | Table::Customer
        | Table::Message
        | Table::Appointment
        | Table::Order
        | Table::Case
        | Table::State
        | Table::Timer
        | Table::Once
        | Table::Share
        | Table::Why
        | Table::Notice
        | Table::Errand
        | Table::DeadLetter
        | Table::Recent
        | Table::Merge
        | Table::Consent => Told::Own,
    }
}

/// What the rows of a table are called where people count or read them; none for what only points to such rows.
pub fn word(table: Table) -> Option<&'static str> {
    Some(match table {
        Table::Customer => "customer",
        Table::Message => "messages",
        Table::Appointment => "appointments",
        Table::Order => "orders",
        Table::Case => "cases",
        Table::State => "notes",
        Table::Timer => "timers",
        Table::Once => "said_once",
        Table::Share => "shares",
        Table::Why => "whys",
        Table::Consent => "consents",
        Table::Usage => "wrong_proofs",
        Table::Recent => "lately_sent",
        Table::Merge => "merges",
        Table::DeadLetter | Table::DeadLetterOf => "dead_letters",
        Table::Notice | Table::NoticeOf => "notices",
        Table::Errand => "errands",
        Table::Unhappy => "unhappy_messages",
        Table::Journal => "journal",
        Table::Stepped => "steps",
        Table::Address => "addresses",
        Table::Reference => "references",
        Table::Due => "due",
        Table::Pending => "pending",
        Table::OrderIndex => "order_numbers",
        Table::Link => "claimed_orders",
        Table::OpenCase => "open_cases",
        Table::Attempting => "attempts",
        _ => return None,
    })
}

/// Visits every row of a business that is about a customer: those of their own first, table by table.
///
/// It goes through the journal and the indexes of the whole business, since nothing leads from a customer to their entries: a
/// row more for every event would cost each of them more than this costs the few who ask.
///
/// # Errors
/// When the store cannot be read.
pub fn rows_about(
    view: &dyn View,
    business: BusinessId,
    customer: CustomerId,
    visit: &mut dyn FnMut(&Key, &Row),
) -> Result<(), StoreError> {
    view.scan(&Range::customer(business, customer), Order::Ascending, &mut |key, row| {
        visit(key, row);
        ControlFlow::Continue(())
    })?;
    let mut numbers: Vec<u64> = Vec::new();
    for table in Table::ALL {
        let how = told(*table);
        if matches!(how, Told::Nobody | Told::Own) {
            continue;
        }
        let mut broken = None;
        let range = Range::prefix(Key::new(business, CustomerId::BUSINESS, *table));
        // What a step saw follows its entry, and is as much about its customer.
        let mut in_entry = false;
        view.scan(&range, Order::Ascending, &mut |key, row| {
            let is_about = match how {
                Told::Entry => match journal::number_of(key) {
                    Some(number) => {
                        in_entry = match journal::customer_of(row) {
                            Ok(whose) => whose == customer,
                            Err(error) => {
                                broken = Some(error);
                                return ControlFlow::Break(());
                            }
                        };
                        if in_entry {
                            numbers.push(number);
                        }
                        in_entry
                    }
                    None => in_entry,
                },
                // The journal has a lower code than what counts by its numbers.
                Told::Number => journal::number_of(key).is_some_and(|number| numbers.binary_search(&number).is_ok()),
                Told::LastPart => key.rest().last_chunk() == Some(&customer.0),
                Told::AfterTime => key.rest().get(8..24) == Some(customer.0.as_slice()),
                Told::Clear | Told::Handled => {
                    let whose = match how {
                        Told::Handled => row.read_clear::<Handled>().map(|handled| handled.customer),
                        _ => row.read_clear::<CustomerId>(),
                    };
                    match whose {
                        Ok(whose) => whose == customer,
                        Err(error) => {
                            broken = Some(error);
                            return ControlFlow::Break(());
                        }
                    }
                }
                Told::Nobody | Told::Own => false,
            };
            if is_about {
                visit(key, row);
            }
            ControlFlow::Continue(())
        })?;
        if let Some(error) = broken {
            return Err(error);
        }
    }
    Ok(())
}

/// How many rows there are of each kind; what only points to a row that counts already does not count again.
pub type Counts = BTreeMap<&'static str, u64>;

/// Counts a row.
pub fn count(counts: &mut Counts, key: &Key) {
    let points = matches!(key.table(), Table::DeadLetterOf | Table::NoticeOf);
    if let Some(word) = word(key.table()).filter(|_| !points) {
        *counts.entry(word).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_that_has_rows_about_customers_has_a_word() {
        for table in Table::ALL {
            assert_eq!(word(*table).is_some(), told(*table) != Told::Nobody, "{table:?}");
        }
    }
}
