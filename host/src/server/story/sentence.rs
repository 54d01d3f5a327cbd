//! Everything that a story can say, as data. Each language is one file with the words for it, and the compiler finds what a
//! language lacks: no sentence is without words in any of them. To change how something is said, change the text in the
//! language's file; `{braces}` stand for what is filled in, and each of them is named here.
//!
//! Decides nothing: what is to be said is decided before, and is the same in every language.

use crate::domain::consent::Source;
use crate::domain::gate::Rule;
use crate::domain::message::Purpose;
use crate::domain::tone::{Because, Tone};

/// A whole sentence. Its parts come as words of the same language, or as they were written down.
#[derive(Debug, Clone, Copy)]
pub enum Sentence<'a> {
    /// What came in and led to the message; `event` is the clause that follows the time.
    Began { when: &'a str, event: &'a str, entry: Option<&'a str> },
    /// The record is no longer kept.
    Forgotten { days: u32 },
    /// The customer wrote it.
    ByCustomer { channel: &'a str },
    /// Staff wrote it, perhaps in spite of a stop.
    ByStaff { who: Option<&'a str>, in_spite: bool },
    /// A plugin wrote it.
    ByPlugin {
        plugin: &'a str,
        version: Option<&'a str>,
        template: Option<&'a str>,
        purpose: &'a str,
        about: Option<&'a str>,
    },
    /// A plugin wrote it, and it is not known which.
    BySomePlugin,
    /// Attune wrote it.
    ByHost(HostWords),
    /// What a plugin did before it decided; `did` is a list of [`Phrase::Did`].
    Looked { did: &'a str },
    /// In which tone it is worded, and why; `missing` if the language has no such wording.
    Worded { tone: Tone, because: Because, missing: bool },
    /// Another plugin ran for the same event.
    Beside { plugin: &'a str, version: &'a str, ran: Ran },
    /// A plugin failed.
    Broke { plugin: &'a str, version: &'a str, reason: &'a str },
    /// What Attune noted beside.
    Noted { note: &'a str },
    /// Attune refused what was asked of it.
    Refused { reason: &'a str },
    /// What happened later; `event` is the clause that follows the time, `notes` a list or empty.
    Later { when: &'a str, event: &'a str, notes: &'a str },

    /// The gate said no; `asked` is [`Phrase::WhenWritten`] or [`Phrase::WhenDue`], here and below.
    Withheld { asked: &'a str, rule: &'a str },
    /// The gate said later.
    Waits { asked: &'a str, rule: &'a str, until: &'a str },
    /// The gate said later, and nobody knows when.
    WaitsForResume { asked: &'a str, rule: &'a str },
    /// The gate said yes; `seen` is a list of what it looked at.
    Clear { asked: &'a str, seen: &'a str },

    /// The withdrawal that spoke against it.
    Withdrawn { when: &'a str, source: Source, text: Option<&'a str>, by: Option<&'a str>, scope: &'a str },
    /// Which channel has no address.
    NoAddress { channel: &'a str },
    /// It had become pointless.
    Pointless { at: &'a str },
    /// It will be pointless by the time it might go out.
    PointlessByThen { at: &'a str, allowed: &'a str },
    /// It would have answered a machine.
    Machine,
    /// Its plugin is off.
    PluginOff { plugin: &'a str },
    /// Automations are paused.
    Paused,
    /// Its key was used.
    KeyUsed { key: &'a str },
    /// The same answer was given to the same message.
    SameAnswer,
    /// The same text went out lately.
    SameText,
    /// No consent.
    NoConsent { kind: &'a str, channel: &'a str },
    /// A person has the conversation; `service` if the message is news of an order or appointment.
    PersonHere { service: bool },
    /// The cap is reached.
    TooOften { sent: u32, most: u32, hours: u32 },
    /// When there is room again below the cap.
    RoomAgain { at: &'a str },
    /// Too many in a row.
    InARow { sent: u32, most: u32 },
    /// A link is missing.
    NoLink { kind: &'a str },
    /// What time it was for the customer, and when their quiet hours end.
    Quiet { now: &'a str, ends: Option<&'a str> },
    /// The quiet hours end for this customer a little later than they are set.
    Spread,

    /// What became of it.
    Stands(Stands<'a>),
    /// What would have to change for such a message to go out.
    Remedy { remedy: &'a str },
    /// It did not use up its key.
    KeyFree { key: &'a str },
    /// An earlier message used up its key.
    KeyTaken { key: &'a str },
    /// It used up its key though it did not go out.
    KeyUsedUp { key: &'a str },
}

/// Where a message stands.
#[derive(Debug, Clone, Copy)]
pub enum Stands<'a> {
    /// It came in.
    Received,
    /// It goes out soon.
    Queued { channel: &'a str },
    /// It waits.
    Waits { until: &'a str },
    /// It waits until automations go on.
    WaitsForResume,
    /// Its channel wants to be asked again.
    WaitsForChannel { channel: &'a str, until: &'a str },
    /// It would have gone out.
    Simulated { channel: &'a str, at: &'a str },
    /// It is on its way.
    Attempting { channel: &'a str },
    /// It went out.
    Sent { channel: &'a str, at: &'a str },
    /// It was given up.
    Failed { reason: &'a str },
    /// A rule withheld it, and the sentences before say which and why.
    SoWithheld { code: &'a str },
    /// A rule withheld it.
    Withheld { rule: &'a str, code: &'a str },
    /// Its plugin took it back.
    TakenBack,
    /// Nobody knows.
    Uncertain { reason: &'a str },
}

/// A part of a sentence: no full stop, and no capital but where the language wants one.
#[derive(Debug, Clone, Copy)]
pub enum Phrase<'a> {
    /// A moment on a clock.
    Moment { weekday: &'a str, day: i8, month: &'a str, year: i16, clock: &'a str, zone: &'a str },
    /// A list of things, and the last of them.
    And { some: &'a str, last: &'a str },
    /// What somebody wrote, word by word.
    Quote(&'a str),
    /// How a channel is called.
    Channel(&'a str),
    /// What a message is, by its purpose.
    Purpose(Purpose),
    /// Messages of a purpose.
    Kind(Purpose),
    /// What happened, as it follows a time.
    Event(Event<'a>),
    /// What Attune noted.
    Note(Note<'a>),
    /// What a plugin did, as it follows "it".
    Did(Did),
    /// When the message was written.
    WhenWritten,
    /// When it was its turn.
    WhenDue { when: &'a str },
    /// A rule, in plain words.
    Rule(Rule),
    /// What would have to change for a rule to let a message out.
    Remedy(Rule),
    /// The rule about stops, where only messages of one kind were withdrawn.
    TookBack,
    /// What would have to change then.
    AgreeAgain,
    /// What would have to change for staff to write after a stop.
    StartOrInSpite,
    /// What a withdrawal holds for; none is everything, everywhere.
    Scope { kind: Option<&'a str>, channel: Option<&'a str> },
    /// What the gate looked at and found in order.
    Seen(Seen<'a>),
}

/// What the gate looked at and found in order.
#[derive(Debug, Clone, Copy)]
pub enum Seen<'a> {
    /// No stop.
    NoStop,
    /// A stop, and staff who write all the same.
    InSpite,
    /// It confirms the stop.
    ConfirmsStop,
    /// An address for the channel.
    Address,
    /// Consent, where it is needed.
    Agreed,
    /// No case.
    NobodyHere,
    /// A case, which this message may ignore.
    DuringCase,
    /// Room below the cap.
    Room { sent: u32, most: u32, hours: u32 },
    /// Few in a row.
    InARow { sent: u32, most: u32 },
    /// No quiet hours.
    Awake { clock: &'a str, zone: &'a str },
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event<'a> {
    /// A customer wrote.
    Message { source: &'a str },
    /// Something became known of the customer.
    Customer { source: &'a str },
    /// Something became of an appointment: `booked`, `moved`, ...
    Appointment { change: &'a str, source: &'a str },
    /// Something became of an order: `placed`, `shipped`, ...
    Order { change: &'a str, source: &'a str },
    /// Some other event.
    Other { kind: &'a str, source: &'a str },
    /// A plugin's timer.
    Timer { plugin: &'a str },
    /// A plugin was tried again.
    Retry { plugin: &'a str },
    /// Staff wrote.
    StaffWrote { by: &'a str },
    /// Staff decided what became of it.
    Settled { by: &'a str },
    /// It was the message's turn.
    Due,
    /// Its channel answered.
    Answered { channel: &'a str },
    /// Anything else, as it was written down.
    Logged(&'a str),
}

/// What Attune noted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Note<'a> {
    /// A person has the conversation.
    PersonHas,
    /// The customer asked whether a machine writes.
    AskedIfMachine,
    /// The customer said stop.
    SaidStop,
    /// The customer said start.
    SaidStart,
    /// The customer asked for help.
    AskedHelp,
    /// The customer asked for a person.
    AskedPerson,
    /// The channel has it.
    Sent,
    /// The channel refused it.
    Failed,
    /// The channel's answer is lost.
    Uncertain,
    /// It waits.
    Deferred,
    /// The channel wants to be asked again.
    NotYet(&'a str),
    /// The owner's reader failed, and Attune read instead.
    ReaderFailed { plugin: &'a str, reason: &'a str },
    /// Anything else, as it was written down.
    Logged(&'a str),
}

/// How the run of another plugin ended.
#[derive(Debug, Clone, Copy)]
pub enum Ran {
    /// It answered.
    Answered,
    /// It had nothing to say.
    Passed,
    /// It watched.
    Done,
    /// It read what was written.
    Read,
}

/// What Attune itself says.
#[derive(Debug, Clone, Copy)]
pub enum HostWords {
    /// The confirmation of a stop.
    StopConfirmed,
    /// The confirmation of a start.
    StartConfirmed,
    /// The answer to HELP.
    Help,
    /// That a machine writes.
    IsAutomated,
    /// When a person will answer.
    PersonComes,
}

macro_rules! dids {
    ($($name:ident = $call:literal;)*) => {
        /// What a plugin does by a call of the host. Calls that say nothing about a decision are left out.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Did {
            $(#[doc = concat!("`", $call, "`.")] $name,)*
        }

        impl Did {
            /// All of them, each with its call.
            pub const ALL: &'static [(&'static str, Did)] = &[$(($call, Did::$name),)*];
        }
    };
}

dids! {
    LookedWho = "customer.current";
    Recalled = "customer.recall";
    Remembered = "customer-notes.remember";
    Tagged = "customer-notes.tag";
    Untagged = "customer-notes.untag";
    ReadLast = "conversation.recent";
    JudgedMood = "sentiment.analyze";
    LookedAtMoods = "sentiment.trend";
    Understood = "understanding.intents";
    SearchedKnowledge = "knowledge.search";
    CalledPerson = "handoff.open";
    LookedForPerson = "handoff.current";
    LookedUpAppointment = "appointments.get";
    LookedUpAppointments = "appointments.upcoming";
    NotedAnswer = "appointment-answers.answer";
    LookedUpOrders = "orders.recent";
    LookedUpOrder = "orders.get";
    CheckedOrder = "order-claims.claim";
    SetReminder = "schedule.set";
    CancelledReminder = "schedule.cancel";
    LookedIntoNotes = "state.get";
    WroteNotes = "state.set";
    DeletedNote = "state.delete";
    Counted = "tally.add";
    LookedUpCount = "tally.sum";
    LookedUpBusiness = "business.current";
    LookedIfOpen = "business.is-open";
    LookedWhenOpen = "business.next-open";
    LookedAtTrends = "trends.topics";
    ToldStaff = "staff.notify";
    ShowedStaff = "staff-examples.notify-about";
    AskedToSend = "message.send";
    TookBack = "message.withdraw";
}
