//! A turn: one customer's view, what was staged so far, and the rules for staging more.
//!
//! Every host call of the contract is a plain method here, so that it can be tried without any Wasm. A turn never writes:
//! it hands a batch to the engine. It never reads a clock, and it cannot name another customer.

pub mod calls;
pub mod cases;
pub mod commit;
pub mod config;
pub mod errands;
pub mod judge;
pub mod limits;
pub mod reader;
pub mod records;
pub mod send;
pub mod tone;
pub mod trace;
pub mod trends;
pub mod warm;

use std::sync::Arc;

use crate::domain::address::Address;
use crate::domain::appointment::Appointment;
use crate::domain::case::Case;
use crate::domain::consent::{Consent, Consents};
use crate::domain::customer::Customer;
use crate::domain::entry::{Entry, Input, News};
use crate::domain::errand::Errand;
use crate::domain::ids::{self, DeadLetterId, MessageId};
use crate::domain::message::Message;
use crate::domain::order::Order;
use crate::domain::recent::Recent;
use crate::domain::time::Instant;
use crate::store::{Append, Key, Order as Direction, Range, Row, StoreError, Table, Write};

use config::{Config, Plugin};
use judge::Decided;
use limits::Limits;
use reader::{Known, Reader, Reads};
use records::{DeadLetter, Notice, OrderPointer, Records, Share, Timer, Tries};
use tone::Worded;
use trace::Trace;
use trends::Said;
use warm::{Notes, Warm};

/// Why the host refused a call.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refusal {
    /// Stable, for programs.
    pub code: &'static str,
    /// For people.
    pub text: String,
}

impl Refusal {
    /// A refusal with this code and text.
    pub fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}

/// One thing that was staged. Nothing of it is real before the commit.
#[derive(Debug, Clone)]
pub enum Effect {
    /// What is known of the customer now.
    Customer(Arc<Customer>),
    /// A message, new or changed.
    Message(Arc<Message>),
    /// A note of a plugin, set or deleted.
    State {
        /// Whose.
        plugin: Arc<str>,
        /// The plugin's key.
        key: String,
        /// None deletes it.
        value: Option<String>,
    },
    /// A timer of a plugin, set or cancelled.
    Timer {
        /// Whose.
        plugin: Arc<str>,
        /// The plugin's key.
        key: String,
        /// None cancels it.
        timer: Option<Timer>,
    },
    /// A `once` key is used up.
    Once {
        /// Whose.
        plugin: Arc<str>,
        /// The key.
        key: String,
        /// The message it was used for.
        message: MessageId,
    },
    /// A `once` key is free again: its message was never sent.
    OnceFree {
        /// Whose key.
        plugin: Arc<str>,
        /// The key.
        key: String,
    },
    /// An appointment, new or changed.
    Appointment(Arc<Appointment>),
    /// An order, new or changed.
    Order(Arc<Order>),
    /// A case, new or changed.
    Case(Arc<Case>),
    /// What the customer got lately.
    Recent(Arc<Recent>),
    /// A line of the ledger of consents, with its id.
    Consent(ids::Raw, Arc<Consent>),
    /// A notice to staff.
    Notice(Notice),
    /// An errand, new or changed.
    Errand(Arc<Errand>),
    /// A message of the customer that counts.
    Said(Said),
    /// Something was counted.
    Tally {
        /// By which plugin.
        plugin: Arc<str>,
        /// Under which key.
        key: String,
        /// How much.
        amount: u32,
    },
    /// A share waits.
    Share(Share),
    /// A share is done with.
    ShareDone {
        /// Whose.
        plugin: String,
        /// The entry's number.
        number: u64,
    },
    /// The shares of a plugin are to be tried again at this time.
    RetryAt {
        /// Whose.
        plugin: String,
        /// When.
        at: Instant,
    },
    /// A share was given up.
    DeadLetter(DeadLetter),
    /// A dead letter is taken up again.
    DeadLetterDone(DeadLetterId),
    /// Wrong proofs.
    Tries(Tries),
    /// A row of the business that a step of its own lane writes, as it stands.
    Raw(Key, Option<Row>),
    /// Something to be done at a time, for the engine.
    DueRow(Key, Row),
}

/// What a step stands on; it does not change while the step runs.
pub struct Scene {
    /// The business and its plugins.
    pub config: Arc<Config>,
    /// The entry.
    pub entry: Arc<Entry>,
    /// The customer's rows.
    pub records: Records,
    /// What may be used.
    pub limits: Limits,
    /// The plugins that are paused at this moment, though the configuration does not say so yet; `*` is everything automated.
    pub paused_now: Vec<String>,
    /// Whether customers can reach this server, to unsubscribe.
    pub has_public_url: bool,
    /// Finds another customer's order, for a claim.
    pub elsewhere: Option<Elsewhere>,
    /// In a replay: what the step saw outside its lane when it ran.
    pub observed: Option<Vec<Observed>>,
    /// Reads texts in the place of the built-in reading, if the owner chose a plugin for that.
    pub reader: Option<Reader>,
}

/// Finds an order that is not this customer's.
pub type Elsewhere = Arc<dyn Fn(&OrderPointer) -> Option<Order> + Send + Sync>;

/// What a step saw outside its lane. It stands in the journal beside the entry, because it depends on how far other lanes were.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observed {
    /// An order that a customer claimed.
    Claim {
        /// The folded order number that was looked up.
        number: String,
        /// The folded proof that was given.
        proof: String,
        /// The order, if the proof fitted.
        order: Option<Order>,
    },
    /// A plugin, or everything automated (`*`), was paused at that moment, before the configuration said so.
    Paused(String),
    /// Customers could not reach the server to unsubscribe.
    NoPublicUrl,
    /// What was kept of an address whose customer was erased.
    Kept {
        /// The address.
        address: Address,
        /// What was withdrawn there.
        consents: Consents,
    },
    /// The clock stopped the reader at this text of the step, counted from 1.
    ReaderLate(u32),
}

impl Observed {
    /// What was paused, if that is what was seen.
    pub fn paused(&self) -> Option<&String> {
        match self {
            Self::Paused(name) => Some(name),
            Self::Claim { .. } | Self::NoPublicUrl | Self::Kept { .. } | Self::ReaderLate(_) => None,
        }
    }
}

/// What one run has used up.
#[derive(Debug, Default, Clone, Copy)]
struct Used {
    calls: u32,
    messages: u32,
    notices: u32,
    bytes: usize,
}

/// One step's turn: what it stands on, and what is staged.
pub struct Turn {
    /// What it stands on.
    pub scene: Arc<Scene>,
    /// Everything staged so far, in order.
    effects: Vec<Effect>,
    /// What the running plugin may use; between runs, what anybody may.
    pub limits: Limits,
    /// The entry whose news the running plugin handles: this step's own, or the one of a share that is tried again.
    subject: Arc<Entry>,
    plugin: Option<Arc<Plugin>>,
    mark: usize,
    used: Used,
    trace: Trace,
    minted: u128,
    /// What the gate said, in order.
    decided: Vec<Decided>,
    decided_mark: usize,
    /// How messages are worded, where not plainly.
    worded: Vec<Worded>,
    worded_mark: usize,
    loaded_recent: Option<Arc<Recent>>,
    loaded_customer: Option<Arc<Customer>>,
    /// Whether that one stands in the store, or is new.
    customer_is_stored: bool,
    loaded_case: Option<Option<Arc<Case>>>,
    loaded_shares: Option<Vec<Share>>,
    loaded_orders: Option<Vec<Arc<Order>>>,
    loaded_appointments: Option<Vec<Arc<Appointment>>>,
    loaded_notes: Notes,
    /// How many notes of the running plugin are stored, and how many bytes they take.
    stored_state: Option<(usize, usize)>,
    /// What was read in this step, newest last: the host, watchers and responders ask about the same text.
    read: Vec<Known>,
    /// What the chosen reader did so far; none if it was not asked.
    reads: Option<Reads>,
    /// What was seen outside the lane.
    pub(crate) observations: Vec<Observed>,
    /// Set when a limit or the store says that this run must end; the sandbox turns it into a trap.
    halted: Option<Halt>,
}

/// Why a run must end at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// The store could not be read: the whole step is off.
    #[error("the store could not be read: {0}")]
    Store(String),
    /// A limit that has no refusal of its own.
    #[error("{0}")]
    Limit(String),
}

impl Turn {
    /// A turn in which nothing is staged.
    pub fn new(scene: Arc<Scene>) -> Self {
        let (subject, limits) = (scene.entry.clone(), scene.limits);
        Self {
            scene,
            limits,
            effects: Vec::new(),
            subject,
            plugin: None,
            mark: 0,
            used: Used::default(),
            trace: Trace::default(),
            minted: 0,
            decided: Vec::new(),
            decided_mark: 0,
            worded: Vec::new(),
            worded_mark: 0,
            loaded_recent: None,
            loaded_customer: None,
            customer_is_stored: false,
            loaded_case: None,
            loaded_shares: None,
            loaded_orders: None,
            loaded_appointments: None,
            loaded_notes: Notes::default(),
            stored_state: None,
            read: Vec::new(),
            reads: None,
            observations: Vec::new(),
            halted: None,
        }
    }

    /// A turn that need not read what the last step in its lane knew.
    pub fn warmed(scene: Arc<Scene>, warm: Warm) -> Self {
        let mut turn = Self::new(scene);
        turn.customer_is_stored = warm.customer.is_some();
        turn.loaded_customer = warm.customer;
        turn.loaded_recent = warm.recent;
        turn.loaded_case = warm.case;
        turn.loaded_shares = warm.shares;
        turn.loaded_orders = warm.orders;
        turn.loaded_appointments = warm.appointments;
        turn.loaded_notes = warm.notes;
        turn
    }

    /// What the next step in this lane need not read, once what is staged is durable.
    pub fn warm(&mut self) -> Warm {
        let stored = self.customer_is_stored || self.effects.iter().any(|effect| matches!(effect, Effect::Customer(_)));
        let mut notes = std::mem::take(&mut self.loaded_notes);
        for effect in &self.effects {
            if let Effect::State { plugin, key, value } = effect {
                notes.set(plugin, key, value.as_deref());
            }
        }
        let recent_is_known =
            self.loaded_recent.is_some() || self.effects.iter().any(|e| matches!(e, Effect::Recent(_)));
        let case_is_known = self.loaded_case.is_some() || self.effects.iter().any(|e| matches!(e, Effect::Case(_)));
        Warm {
            customer: if stored { self.customer() } else { None },
            recent: recent_is_known.then(|| self.lately()),
            case: case_is_known.then(|| self.case()),
            shares: self.loaded_shares.is_some().then(|| self.shares()),
            orders: self.loaded_orders.is_some().then(|| self.orders()),
            appointments: self.loaded_appointments.is_some().then(|| self.appointments()),
            notes,
        }
    }

    /// The journalled time of this step.
    pub fn now(&self) -> Instant {
        self.scene.entry.at
    }

    /// Lets a plugin run next, on the news of an entry.
    pub fn begin(&mut self, plugin: Arc<Plugin>, subject: Arc<Entry>) {
        self.limits = plugin.limits;
        self.mark = self.effects.len();
        self.decided_mark = self.decided.len();
        self.worded_mark = self.worded.len();
        self.used = Used::default();
        self.stored_state = None;
        self.trace = Trace::new(self.limits.why_bytes, self.limits.log_bytes);
        self.subject = subject;
        self.plugin = Some(plugin);
    }

    /// Ends a plugin's run. Unless it succeeded, what it staged is dropped. Gives what it staged and its trace.
    pub fn end(&mut self, keep: bool) -> (Vec<serde_json::Value>, Trace) {
        let staged = self.effects.get(self.mark..).unwrap_or_default().iter().filter_map(commit::summary).collect();
        if !keep {
            self.effects.truncate(self.mark);
            self.decided.truncate(self.decided_mark);
            self.worded.truncate(self.worded_mark);
        }
        self.plugin = None;
        self.limits = self.scene.limits;
        self.subject = self.scene.entry.clone();
        (staged, std::mem::take(&mut self.trace))
    }

    /// What the gate said in this step, in order.
    pub fn take_decided(&mut self) -> Vec<Decided> {
        std::mem::take(&mut self.decided)
    }

    /// How messages of this step are worded, where not plainly.
    pub fn take_worded(&mut self) -> Vec<Worded> {
        std::mem::take(&mut self.worded)
    }

    /// The plugin that runs; between runs none, which is no name.
    pub fn plugin_name(&self) -> &str {
        self.plugin.as_ref().map_or("", |plugin| &plugin.name)
    }

    /// The last error that the running plugin logged.
    pub fn last_error(&self) -> Option<&str> {
        self.trace.last_error()
    }

    /// Why the run must end, if it must; the next run starts afresh.
    pub fn take_halt(&mut self) -> Option<Halt> {
        self.halted.take()
    }

    /// Whether the run must end.
    pub fn halt(&self) -> Option<&Halt> {
        self.halted.as_ref()
    }

    /// Stages an effect on the host's own account.
    pub fn stage(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Everything staged so far, in order.
    pub fn effects(&self) -> &[Effect] {
        &self.effects
    }

    /// A fresh id's ten lower bytes, derived from the entry, so that a replay gives the same ones.
    pub fn mint(&mut self) -> [u8; 10] {
        self.minted += 1;
        let mut wide = [0_u8; 16];
        wide[6..].copy_from_slice(&self.scene.entry.id.0[6..]);
        let next = (u128::from_be_bytes(wide) + self.minted).to_be_bytes();
        let mut rest = [0; 10];
        rest.copy_from_slice(&next[6..]);
        rest
    }

    /// Reads from the store; a failure halts the run, because nothing true can be said any more.
    fn read<T: Default>(&mut self, read: impl FnOnce(&Records) -> Result<T, StoreError>) -> T {
        match read(&self.scene.records) {
            Ok(value) => value,
            Err(error) => {
                self.halted = Some(Halt::Store(error.to_string()));
                T::default()
            }
        }
    }

    /// What is known of the customer, with what was staged. In the business's own lane there is none.
    pub fn customer(&mut self) -> Option<Arc<Customer>> {
        let staged = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Customer(customer) => Some(customer.clone()),
            _ => None,
        });
        if staged.is_some() || self.scene.entry.customer.is_business() {
            return staged;
        }
        if self.loaded_customer.is_none() {
            let loaded = self.read(Records::customer);
            self.customer_is_stored = loaded.is_some();
            let (id, at) = (self.scene.entry.customer, self.scene.entry.at);
            self.loaded_customer = Some(Arc::new(loaded.unwrap_or_else(|| Customer::new(id, at))));
        }
        self.loaded_customer.clone()
    }

    /// Changes what is known of the customer.
    pub fn change_customer(&mut self, change: impl FnOnce(&mut Customer)) {
        if let Some(before) = self.customer() {
            let mut after = Customer::clone(&before);
            change(&mut after);
            if after != *before {
                self.stage(Effect::Customer(Arc::new(after)));
            }
        }
    }

    /// What the customer got lately, with what was staged.
    pub fn lately(&mut self) -> Arc<Recent> {
        let staged = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Recent(recent) => Some(recent.clone()),
            _ => None,
        });
        staged.unwrap_or_else(|| {
            if self.loaded_recent.is_none() {
                self.loaded_recent = Some(Arc::new(self.read(Records::recent)));
            }
            self.loaded_recent.clone().unwrap_or_default()
        })
    }

    /// Changes what is remembered of it.
    pub fn change_lately(&mut self, change: impl FnOnce(&mut Recent)) {
        let before = self.lately();
        let mut after = Recent::clone(&before);
        change(&mut after);
        if after != *before {
            self.stage(Effect::Recent(Arc::new(after)));
        }
    }

    /// Takes a word on what the customer agrees to, and writes it into the ledger. False if an earlier withdrawal wins over it.
    pub fn consent(&mut self, new: Consent) -> bool {
        let Some(customer) = self.customer() else { return false };
        if customer.consents.iter().any(|old| *old == new) {
            return true;
        }
        let mut counts = false;
        self.change_customer(|customer| counts = customer.consents.take(new.clone()));
        if counts {
            let id = ids::raw(self.now(), self.mint());
            self.stage(Effect::Consent(id, Arc::new(new)));
        }
        counts
    }

    /// Takes over what was withdrawn at a new address of this customer before its last customer was erased: whoever said stop
    /// does not come back with the next list. False if nothing was.
    ///
    /// This looks outside the lane. It is the same however many workers there are, because such rows change in erasures only,
    /// and those are barriers; and it stands in the journal beside the entry, because the journal of the erased is gone.
    pub fn take_over(&mut self, address: &Address) -> bool {
        let kept = match &self.scene.observed {
            Some(observed) => {
                let of_address = observed.iter().find_map(|seen| match seen {
                    Observed::Kept { address: seen, consents } if seen == address => Some(consents.clone()),
                    _ => None,
                });
                of_address.unwrap_or_default()
            }
            None => {
                let kept = self.read(|records| records.suppressed(address));
                if !kept.is_empty() {
                    self.observations.push(Observed::Kept { address: address.clone(), consents: kept.clone() });
                }
                kept
            }
        };
        // A withdrawal is always taken.
        for withdrawal in kept.iter() {
            self.consent(withdrawal.clone());
        }
        !kept.is_empty()
    }

    /// The customer's newest case, with what was staged.
    pub fn case(&mut self) -> Option<Arc<Case>> {
        let staged = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Case(case) => Some(case.clone()),
            _ => None,
        });
        if staged.is_some() {
            return staged;
        }
        if self.loaded_case.is_none() {
            let loaded = self.read(Records::last_case);
            self.loaded_case = Some(loaded.map(Arc::new));
        }
        self.loaded_case.clone().flatten()
    }

    /// Whether a person has the conversation, or is asked for.
    pub fn case_is_open(&mut self) -> bool {
        self.case().is_some_and(|case| case.is_open())
    }

    /// A message of this customer, with what was staged.
    pub fn message(&mut self, id: MessageId) -> Option<Arc<Message>> {
        let staged = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Message(message) if message.id == id => Some(message.clone()),
            _ => None,
        });
        staged.or_else(|| self.read(|records| records.message(id)).map(Arc::new))
    }

    /// The last messages, newest first, with what was staged.
    pub fn messages(&mut self, limit: usize) -> Vec<Arc<Message>> {
        let mut found: Vec<Arc<Message>> =
            self.read(|records| records.messages(None, limit)).into_iter().map(Arc::new).collect();
        for effect in &self.effects {
            if let Effect::Message(message) = effect {
                match found.iter_mut().find(|known| known.id == message.id) {
                    Some(known) => *known = message.clone(),
                    None => found.push(message.clone()),
                }
            }
        }
        found.sort_by_key(|message| std::cmp::Reverse((message.at, message.id)));
        found.truncate(limit);
        found
    }

    /// All appointments of this customer, with what was staged.
    pub fn appointments(&mut self) -> Vec<Arc<Appointment>> {
        if self.loaded_appointments.is_none() {
            let loaded = self.read(Records::appointments);
            self.loaded_appointments = Some(loaded.into_iter().map(Arc::new).collect());
        }
        let mut found = self.loaded_appointments.clone().unwrap_or_default();
        for effect in &self.effects {
            if let Effect::Appointment(staged) = effect {
                match found.iter_mut().find(|known| known.id == staged.id && known.source == staged.source) {
                    Some(known) => *known = staged.clone(),
                    None => found.push(staged.clone()),
                }
            }
        }
        found.sort_by(|a, b| (a.starts, &a.id).cmp(&(b.starts, &b.id)));
        found
    }

    /// All orders of this customer, newest first, with what was staged.
    pub fn orders(&mut self) -> Vec<Arc<Order>> {
        if self.loaded_orders.is_none() {
            let loaded = self.read(Records::orders);
            self.loaded_orders = Some(loaded.into_iter().map(Arc::new).collect());
        }
        let mut found = self.loaded_orders.clone().unwrap_or_default();
        for effect in &self.effects {
            if let Effect::Order(staged) = effect {
                match found.iter_mut().find(|known| known.id == staged.id && known.source == staged.source) {
                    Some(known) => *known = staged.clone(),
                    None => found.push(staged.clone()),
                }
            }
        }
        found.sort_by(|a, b| (b.placed, &b.id).cmp(&(a.placed, &a.id)));
        found
    }

    /// Whether a `once` key of a plugin was used up.
    pub fn once_used(&mut self, plugin: &str, key: &str) -> bool {
        let staged = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Once { plugin: whose, key: used, .. } if **whose == *plugin && used == key => Some(true),
            Effect::OnceFree { plugin: whose, key: freed } if **whose == *plugin && freed == key => Some(false),
            _ => None,
        });
        staged.unwrap_or_else(|| self.read(|records| records.has(&records.once_key(plugin, key))))
    }

    /// The shares that wait, with what was staged.
    pub fn shares(&mut self) -> Vec<Share> {
        if self.loaded_shares.is_none() {
            let loaded = self.read(Records::shares);
            self.loaded_shares = Some(loaded);
        }
        let mut found = self.loaded_shares.clone().unwrap_or_default();
        for effect in &self.effects {
            match effect {
                Effect::Share(share) => {
                    match found.iter_mut().find(|s| s.plugin == share.plugin && s.number == share.number) {
                        Some(known) => *known = share.clone(),
                        None => found.push(share.clone()),
                    }
                }
                Effect::ShareDone { plugin, number } => {
                    found.retain(|share| !(share.plugin == *plugin && share.number == *number));
                }
                _ => {}
            }
        }
        found.sort_by(|a, b| (&a.plugin, a.number).cmp(&(&b.plugin, b.number)));
        found
    }

    /// Whether the running plugin handles this customer's own message.
    fn handles_own_message(&self) -> bool {
        matches!(&self.subject.input, Input::Event(event) if matches!(event.news, News::Message(_)))
    }

    /// The row range of one of this customer's tables.
    pub fn table(&self, table: Table) -> Range {
        Range::prefix(self.scene.records.at(table))
    }

    /// Wrong proofs so far.
    fn tries(&mut self) -> Tries {
        let staged = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Tries(tries) => Some(tries.clone()),
            _ => None,
        });
        staged.unwrap_or_else(|| {
            self.read(|records| records.list(&Range::prefix(records.at(Table::Usage)), Direction::Ascending, 1))
                .pop()
                .unwrap_or_default()
        })
    }
}

/// What a step hands to the store, and what is to be done once it is durable.
#[derive(Default)]
pub struct Commit {
    /// What to write.
    pub writes: Vec<Write>,
    /// Entries that this step causes.
    pub appends: Vec<Append>,
}
