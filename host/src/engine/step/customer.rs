//! What an event changes of a customer, and whom it is offered to.

use std::sync::Arc;

use crate::domain::appointment::{Answer, Appointment, AppointmentStatus};
use crate::domain::business::Business;
use crate::domain::case::Urgency;
use crate::domain::consent::{Consent, EVERYWHERE, Source};
use crate::domain::entry::{Event, Inbound, News, Who};
use crate::domain::ids::MessageId;
use crate::domain::machine;
use crate::domain::message::{self, Author, CONFIRMS_STOP, Delivery, Message, Purpose};
use crate::domain::order::{Order, OrderStatus};
use crate::domain::plugin::Export;
use crate::domain::sentences;
use crate::domain::time::Instant;
use crate::domain::words::{self, Word};
use crate::reading::intent;
use crate::sandbox::{Call, Outcome};
use crate::turn::Effect;
use crate::turn::judge::Written;

use super::{Action, Step};

/// The most of what cannot be an address that is kept of a customer.
const UNVERIFIED: usize = 16;
/// The most ids that one source has of a customer and that are kept.
const RECORDS: usize = 16;

impl Step<'_> {
    /// Something from outside.
    pub(super) fn event(&mut self, event: &Event) {
        self.why.what = format!("{} from {}", event.kind, event.source);
        self.learn(&event.source, &event.who);
        match &event.news {
            News::Message(inbound) => self.message(inbound),
            News::Appointment { change, appointment } => self.appointment(change, appointment),
            News::Order { change, order } => self.order(change, order),
            News::Report(report) => self.reported(report),
            News::Customer => {}
            News::Other(data) => {
                let call = Call::OnEvent(event.kind.clone(), data.clone());
                for plugin in self.exporters(Export::OnEvent) {
                    self.offer(&plugin, &call);
                }
            }
        }
    }

    /// Takes over what the event says of the customer. What it does not say stays.
    fn learn(&mut self, source: &str, who: &Who) {
        let known = self.turn.customer().map(|customer| customer.addresses.clone()).unwrap_or_default();
        self.turn.change_customer(|customer| {
            for address in &who.addresses {
                if !customer.addresses.contains(address) {
                    customer.addresses.push(address.clone());
                }
            }
            if let Some(id) = &who.external_id {
                let ids = customer.records.entry(source.to_owned()).or_default();
                if ids.len() < RECORDS {
                    ids.insert(id.clone());
                }
            }
            let added = who.unverified.iter().filter(|one| !customer.unverified.contains(one)).cloned();
            customer.unverified = customer.unverified.iter().cloned().chain(added).take(UNVERIFIED).collect();
            let keep = |new: &Option<String>, old: &mut Option<String>| {
                if new.is_some() {
                    old.clone_from(new);
                }
            };
            keep(&who.name, &mut customer.name);
            keep(&who.language, &mut customer.language);
            keep(&who.zone, &mut customer.zone);
            keep(&who.postcode, &mut customer.postcode);
        });
        for address in who.addresses.iter().filter(|address| !known.contains(address)) {
            if self.turn.take_over(address) {
                self.note(
                    "an address of theirs was somebody's who was erased, and what was withdrawn there still holds",
                );
            }
        }
        if let Some(consents) = &who.consents {
            self.agreed(consents);
        }
    }

    /// Takes over a whole list of what the customer agreed to. What such a list granted before and this one does not name is
    /// withdrawn.
    fn agreed(&mut self, list: &[Consent]) {
        let Some(customer) = self.turn.customer() else { return };
        let named = |old: &Consent| list.iter().any(|new| (&new.channel, new.purpose) == (&old.channel, old.purpose));
        let from_list =
            |old: &&Consent| old.granted && matches!(old.source, Source::Event | Source::Import | Source::Form);
        let happened = self.entry.happened;
        let gone = customer.consents.iter().filter(from_list).filter(|old| !named(old)).map(|old| Consent {
            granted: false,
            at: happened,
            source: Source::Event,
            text: None,
            ..old.clone()
        });
        for consent in gone.chain(list.iter().cloned()).collect::<Vec<_>>() {
            let what = consent.purpose.map_or("everything", Purpose::word);
            if !self.turn.consent(consent) {
                self.note(format!("the customer withdrew {what} themselves, and this list does not lift that"));
            }
        }
    }

    /// The customer wrote: the host's own words first, then every watcher, then responders until one answers.
    fn message(&mut self, inbound: &Inbound) {
        let message = self.receive(inbound);
        if self.host_word(&message, inbound.confirmed) {
            return;
        }
        if let Some(why) = &message.machine {
            return self.note(format!("no person wrote this ({why}): nothing answers it"));
        }
        if self.says_that_it_is_automated(&message) {
            return;
        }
        let watch = Call::WatchMessage(message.clone());
        for plugin in self.exporters(Export::WatchMessage) {
            self.offer(&plugin, &watch);
        }
        if self.turn.case_is_open() {
            self.note("a person has this conversation or is asked for: no automation answers");
            return;
        }
        self.respond(&Call::OnMessage(message));
    }

    /// Writes the message into the conversation.
    fn receive(&mut self, inbound: &Inbound) -> Arc<Message> {
        let mood = self.turn.reading(&inbound.text).mood.clone();
        let language = inbound.language.clone().or(mood.language);
        let machine = inbound.machine.clone().or_else(|| self.echoes(&inbound.text).map(str::to_owned));
        if machine.is_none() {
            self.turn.change_customer(|customer| {
                customer.last_channel = Some(inbound.channel.clone());
                customer.automated_in_a_row = 0;
                if language.is_some() {
                    customer.language.clone_from(&language);
                }
            });
        }
        let in_reply_to = inbound.in_reply_to.or_else(|| self.answered(inbound));
        let message = Arc::new(Message {
            id: MessageId::new(self.now(), self.turn.mint()),
            customer: self.entry.customer,
            at: self.now(),
            author: Author::Customer,
            channel: inbound.channel.clone(),
            text: inbound.text.clone(),
            subject: inbound.subject.clone(),
            language,
            in_reply_to,
            polarity: Some(mood.polarity),
            staff: None,
            origin: None,
            entry: self.entry.id,
            attempts: 0,
            machine,
            trail: Vec::new(),
            original: inbound.original.clone(),
            sent_as: None,
            reported: None,
            in_spite: false,
            delivery: Delivery::Received,
        });
        self.turn.stage(Effect::Message(message.clone()));
        if message.machine.is_none() {
            self.turn.count_said(&message);
        }
        message
    }

    /// The message of ours that a mail answers, going by the `Message-ID` it refers to. Only this customer's own are looked at.
    fn answered(&mut self, inbound: &Inbound) -> Option<MessageId> {
        let told = inbound.original.as_ref()?.in_reply_to_id.as_deref()?;
        let id = message::of_mail(told)?;
        self.turn.message(id).filter(|message| message.author != Author::Customer).map(|message| message.id)
    }

    /// Why a text is taken for a machine's, going by what was said before.
    fn echoes(&mut self, text: &str) -> Option<&'static str> {
        // Most messages are short, and for those nothing has to be read.
        if text.len() < machine::ECHO_CHARS {
            return None;
        }
        let before = self.turn.messages(machine::ECHO_MESSAGES);
        machine::by_echo(text, before.iter().map(Arc::as_ref))
    }

    /// Asked whether a machine is writing, the host says yes, unless a person has the conversation. True if nothing else was
    /// asked. The built-in reading decides, because no plugin may take this answer away.
    fn says_that_it_is_automated(&mut self, message: &Message) -> bool {
        if !intent::may_ask_whether_bot(&message.text) || self.turn.case_is_open() {
            return false;
        }
        let read = self.turn.own_reading(&message.text);
        let sure = || read.intents.iter().filter(|intent| intent.confidence >= intent::LEAST);
        if !sure().any(|intent| intent.name == "are-you-a-bot") {
            return false;
        }
        let (language, business) = self.language_and_business();
        let words = sentences::is_automated(&language, &business.name);
        self.note("the customer asked whether a machine is writing; the host says yes");
        let written = Written::by_host(message.channel.clone(), words, language, Some("is-automated"));
        if self.turn.stage_message(written).delivery.is_live() {
            self.turn.was_told_automated(&message.channel);
        }
        sure().all(|intent| matches!(&*intent.name, "are-you-a-bot" | "greeting" | "none"))
    }

    /// What the host speaks with this customer, and for whom.
    fn language_and_business(&mut self) -> (String, Business) {
        let business = self.env.ready.config.business.clone();
        let own = self.turn.customer().and_then(|customer| customer.language.clone());
        (own.unwrap_or_else(|| business.language.clone()), business)
    }

    /// Opt-out, opt-in and help words, and the word for a person, are the host's to answer, before any plugin sees them.
    fn host_word(&mut self, message: &Message, told: bool) -> bool {
        let Some(customer) = self.turn.customer() else { return false };
        let stopped = customer.consents.stop(&message.channel).is_some();
        let Some(word) = words::recognise(&message.text, stopped) else { return false };
        if message.machine.is_some() && !matches!(word, Word::Stop | Word::StopAll) {
            return false;
        }
        let (language, business) = self.language_and_business();
        let (said, template, words) = match word {
            Word::Stop | Word::StopAll => {
                let channel = if word == Word::StopAll { EVERYWHERE } else { message.channel.as_str() };
                self.said(channel, false, &message.text);
                self.actions.push(Action::SaidStop);
                ("the customer said stop", CONFIRMS_STOP, sentences::opted_out(&language, &business.name))
            }
            Word::Start => {
                self.said(&message.channel, true, &message.text);
                ("the customer said start", "opted-in", sentences::opted_in(&language, &business.name))
            }
            Word::Help => {
                let text = sentences::help(&language, &business.name, business.contact.as_deref());
                ("the customer asked for help", "help", text)
            }
            Word::Person => {
                self.note("the customer asked for a person; the host calls one in, no plugin is asked");
                let summary = format!("Wrote \"{}\".", message.text.trim());
                self.turn.call_person("host", "The customer asked for a person.", Urgency::Normal, &summary);
                return true;
            }
        };
        self.note(format!("{said}; the host answers, no plugin is asked"));
        if message.machine.is_some() {
            self.note("no person wrote this: it counts, and nothing answers it");
            return true;
        }
        if told {
            self.note("the channel's provider has told them so itself");
            return true;
        }
        let confirmed = match word {
            Word::Stop => stopped,
            Word::StopAll => customer.consents.stop(EVERYWHERE).is_some(),
            _ => false,
        };
        if confirmed {
            self.note("it was confirmed before, and once is enough");
            return true;
        }
        self.turn.stage_message(Written::by_host(message.channel.clone(), words, language, Some(template)));
        true
    }

    /// The customer's own word on a channel.
    fn said(&mut self, channel: &str, granted: bool, text: &str) {
        self.turn.consent(Consent {
            channel: channel.to_owned(),
            purpose: None,
            granted,
            at: self.now(),
            source: Source::Word,
            text: Some(text.trim().chars().take(200).collect()),
            by: None,
        });
    }

    /// Asks responders in the owner's order until one answers. One that fails counts as passed, and is tried again only if
    /// nobody answered and no case was opened.
    fn respond(&mut self, call: &Call) {
        let mut failed = Vec::new();
        for plugin in self.exporters(Export::OnMessage) {
            if self.has_share(&plugin) {
                failed.push((plugin, None));
                continue;
            }
            match self.invoke(&plugin, call, self.entry.clone(), 1) {
                Outcome::Answered => {
                    for (plugin, _) in &failed {
                        let name = &plugin.name;
                        self.note(format!("{name} failed and is not tried again, because another plugin answered"));
                    }
                    return;
                }
                Outcome::Passed | Outcome::Done => {}
                outcome => failed.push((plugin, Some(outcome))),
            }
        }
        if self.turn.case_is_open() {
            return;
        }
        for (plugin, outcome) in failed {
            let share = self.share(&plugin.name, call, 0);
            match outcome {
                Some(outcome) => self.settle(share, outcome),
                None => self.wait(share),
            }
        }
    }

    /// An appointment: older news than what is known only fills in what nobody told yet.
    fn appointment(&mut self, change: &str, news: &Appointment) {
        let known = self.turn.appointments().into_iter().find(|one| one.id == news.id && one.source == news.source);
        let mut appointment = news.clone();
        if let Some(known) = known {
            if known.version > news.version {
                self.note(format!("late news: version {} is known, this is {}", known.version, news.version));
                let mut filled = known.as_ref().clone();
                filled.fill(news);
                if filled != *known {
                    self.turn.stage(Effect::Appointment(Arc::new(filled)));
                }
                return;
            }
            appointment.fill(&known);
            // An answer was to a time; another time is another question.
            appointment.answer = if known.starts == appointment.starts { known.answer } else { Answer::None };
        }
        if let Some(before) = news.replaces.as_deref() {
            self.replaced(before, &mut appointment);
        }
        let appointment = Arc::new(appointment);
        self.turn.stage(Effect::Appointment(appointment.clone()));
        if !appointment.is_known() {
            self.note("what it is about was not told yet, so it waits for news that says so");
            return;
        }
        let call = Call::OnAppointment(change.to_owned(), appointment);
        for plugin in self.exporters(Export::OnAppointment) {
            self.offer(&plugin, &call);
        }
    }

    /// An appointment that a calendar moved by giving it another id: the one before it is over, and nobody is told that it was
    /// called off.
    fn replaced(&mut self, before: &str, now: &mut Appointment) {
        let known = self.turn.appointments().into_iter().find(|one| one.id == before && one.source == now.source);
        let Some(known) = known else { return };
        now.fill(&known);
        self.note(format!("it was appointment {before} before it was moved"));
        if known.status == AppointmentStatus::Booked {
            let over = Appointment { status: AppointmentStatus::Cancelled, ..known.as_ref().clone() };
            self.turn.stage(Effect::Appointment(Arc::new(over)));
        }
    }

    /// An order: older news than what is known only fills in what nobody told yet.
    fn order(&mut self, change: &str, news: &Order) {
        let known = self.turn.orders().into_iter().find(|one| one.id == news.id && one.source == news.source);
        let mut order = news.clone();
        if let Some(known) = known {
            if known.version > news.version {
                self.note(format!("late news: version {} is known, this is {}", known.version, news.version));
                let mut filled = known.as_ref().clone();
                filled.fill(news);
                if filled != *known {
                    self.turn.stage(Effect::Order(Arc::new(filled)));
                }
                return;
            }
            // News of a part that does not say where the whole stands.
            if news.number.is_empty() && news.status == OrderStatus::Processing {
                order.status = known.status;
            }
            order.fill(&known);
            order.claimed = known.claimed;
        }
        if order.placed == Instant(0) {
            order.placed = self.entry.happened;
        }
        if order.number.is_empty() {
            order.number.clone_from(&order.id);
        }
        let order = Arc::new(order);
        self.turn.stage(Effect::Order(order.clone()));
        let call = Call::OnOrder(change.to_owned(), order);
        for plugin in self.exporters(Export::OnOrder) {
            self.offer(&plugin, &call);
        }
    }
}
