//! The story in English. How to edit it stands in [`sentence`](super::sentence).

use crate::domain::consent::Source;
use crate::domain::message::Purpose;
use crate::domain::tone::Tone;

use super::language::count;
use super::sentence::{Did, Event, HostWords, Note, Phrase, Ran, Seen, Sentence, Stands};

/// A whole sentence.
pub fn sentence(sentence: Sentence<'_>) -> String {
    match sentence {
        Sentence::Began { when, event, entry } => {
            let entry = entry.map(|entry| format!(" It is entry {entry} of the journal.")).unwrap_or_default();
            format!("On {when}, {event}.{entry}")
        }
        Sentence::Forgotten { days } => {
            format!("How it came about is no longer known: the record is kept for {days} days.")
        }
        Sentence::ByCustomer { channel } => format!("The customer wrote this message, by {channel}."),
        Sentence::ByStaff { who, in_spite } => {
            let who = who.unwrap_or("A member of staff");
            let in_spite = if in_spite { ", in spite of the customer's stop; that is recorded" } else { "" };
            format!("{who} wrote this message, as staff{in_spite}.")
        }
        Sentence::ByPlugin { plugin, version, template, purpose, about } => {
            let version = version.map(|version| format!(" (version {version})")).unwrap_or_default();
            let template = template.map(|name| format!(" from the template `{name}`")).unwrap_or_default();
            let about = about.map(|about| format!(", about `{about}`")).unwrap_or_default();
            format!("The plugin {plugin}{version} wrote this message{template}: {purpose}{about}.")
        }
        Sentence::BySomePlugin => "A plugin wrote this message.".to_owned(),
        Sentence::ByHost(words) => {
            let what = match words {
                HostWords::StopConfirmed => "it confirms that the customer said stop",
                HostWords::StartConfirmed => "it confirms that the customer wants messages again",
                HostWords::Help => "it answers the customer's call for help",
                HostWords::IsAutomated => "it answers whether a machine is writing",
                HostWords::PersonComes => "it says when a person will answer",
            };
            format!("Attune itself wrote this message: {what}.")
        }
        Sentence::Looked { did } => format!("It {did}."),
        Sentence::Worded { tone, because, missing } => {
            let how = match tone {
                Tone::Neutral => "plainly",
                Tone::Apologetic => "apologetically",
                Tone::Warm => "warmly",
            };
            if missing {
                format!("It would be worded {how}, because {because}, but there is no such wording in this language.")
            } else {
                format!("It is worded {how}, because {because}.")
            }
        }
        Sentence::Beside { plugin, version, ran } => {
            let ran = match ran {
                Ran::Answered => "answered it",
                Ran::Passed => "had nothing to say to it",
                Ran::Done => "ran as well",
                Ran::Read => "read what was written",
            };
            format!("The plugin {plugin} (version {version}) {ran}.")
        }
        Sentence::Broke { plugin, version, reason } => {
            format!("The plugin {plugin} (version {version}) failed, and nothing it wanted was done: {reason}.")
        }
        Sentence::Noted { note } => format!("Attune noted: {note}."),
        Sentence::Refused { reason } => format!("Attune refused it: {reason}."),
        Sentence::Later { when, event, notes } => {
            let notes = if notes.is_empty() { String::new() } else { format!(": {notes}") };
            format!("On {when}, {event}{notes}.")
        }

        Sentence::Withheld { asked, rule } => format!("{asked}, the rules did not let it go out: {rule}."),
        Sentence::Waits { asked, rule, until } => format!("{asked}, it was told to wait until {until}: {rule}."),
        Sentence::WaitsForResume { asked, rule } => {
            format!("{asked}, it was told to wait until automations go on: {rule}.")
        }
        Sentence::Clear { asked, seen } => format!("{asked}, nothing spoke against sending it: {seen}."),

        Sentence::Withdrawn { when, source, text, by, scope } => {
            let colon = text.map(|text| format!(": {text}")).unwrap_or_default();
            let how = match source {
                Source::Word => match text {
                    Some(text) => format!("On {when}, they wrote {text}"),
                    None => format!("On {when}, they wrote so"),
                },
                Source::OneClick => format!("On {when}, they followed the link in a mail that ends such mails"),
                Source::Form => format!("On {when}, they said so in a form{colon}"),
                Source::Event => format!("An event told so; they did it on {when}{colon}"),
                Source::Import => format!("A list that was taken in says so; they did it on {when}{colon}"),
                Source::Staff => {
                    format!("On {when}, they told so, as {} wrote down{colon}", by.unwrap_or("a member of staff"))
                }
                Source::Channel => format!("On {when}, their address there was found to take no messages{colon}"),
                Source::Kept => format!(
                    "On {when}, whoever had this address said so; they were erased since, and what they withdrew \
                     still holds"
                ),
            };
            format!("{how}. It holds for {scope}.")
        }
        Sentence::NoAddress { channel } => format!("It was to go out by {channel}."),
        Sentence::Pointless { at } => format!("Its plugin said that it is pointless from {at} on."),
        Sentence::PointlessByThen { at, allowed } => format!(
            "Its plugin said that it is pointless from {at} on, and because of the quiet hours it could go out on \
             {allowed} at the earliest."
        ),
        Sentence::Machine => "What it answers looks like an automatic reply or the mail of a list.".to_owned(),
        Sentence::PluginOff { plugin } => format!("When its turn came, the plugin {plugin} was off or removed."),
        Sentence::Paused => "Everything automated, or this plugin alone, was paused at that moment.".to_owned(),
        Sentence::KeyUsed { key } => format!("The key is `{key}`."),
        Sentence::SameAnswer => "The same message of the customer was answered in the same words already.".to_owned(),
        Sentence::SameText => {
            "A message with the same text had gone out, or was waiting to, within the time in which nothing is said \
             twice."
                .to_owned()
        }
        Sentence::NoConsent { kind, channel } => {
            format!("The business asks for consent to {kind}, and for {channel} the customer gave none.")
        }
        Sentence::PersonHere { service: true } => {
            "A case of the customer was open, and the owner's rules hold back news of orders and appointments as well."
                .to_owned()
        }
        Sentence::PersonHere { service: false } => "A case of the customer was open at that moment.".to_owned(),
        Sentence::TooOften { sent, most, hours } => format!(
            "Within {} {} had gone out or were waiting, and {most} may.",
            count(hours, "hour", "hours"),
            count(sent, "message of this kind", "messages of this kind")
        ),
        Sentence::RoomAgain { at } => format!("There is room again from {at} on."),
        Sentence::InARow { sent, most } => format!(
            "Since the customer or staff last wrote, {} had gone out, and {most} may.",
            count(sent, "automated message", "automated messages")
        ),
        Sentence::NoLink { kind } => format!("By mail, this rule holds for {kind}."),
        Sentence::Quiet { now, ends: Some(ends) } => {
            format!("For the customer it was {now}; their quiet hours end on {ends}.")
        }
        Sentence::Quiet { now, ends: None } => {
            format!("For the customer it was {now}; their quiet hours do not end within a year.")
        }
        Sentence::Spread => {
            "That is a little later than the quiet hours are set, so that not everything goes out in the same minute."
                .to_owned()
        }

        Sentence::Stands(stands) => self::stands(stands),
        Sentence::Remedy { remedy } => format!("For such a message to go out, {remedy}."),
        Sentence::KeyFree { key } => {
            format!("It has not used up its key `{key}`: another message may still go out for it.")
        }
        Sentence::KeyTaken { key } => format!("Its key `{key}` was used up by an earlier message."),
        Sentence::KeyUsedUp { key } => {
            format!("It has used up its key `{key}` all the same: no other message goes out for it.")
        }
    }
}

fn stands(stands: Stands<'_>) -> String {
    match stands {
        Stands::Received => "It stands in the conversation.".to_owned(),
        Stands::Queued { channel } => format!("It is not sent yet: it goes out by {channel} at the next opportunity."),
        Stands::Waits { until } => format!("It is not sent yet: it waits until {until}."),
        Stands::WaitsForResume => "It is not sent yet: it waits until automations go on.".to_owned(),
        Stands::WaitsForChannel { channel, until } => {
            format!("It is not sent yet: {channel} did not take it, and is asked again on {until}.")
        }
        Stands::Simulated { channel, at } => {
            format!("It would have gone out by {channel} on {at}; this is a simulation, so it did not.")
        }
        Stands::Attempting { channel } => format!("It is on its way by {channel}; the answer is not known yet."),
        Stands::Sent { channel, at } => format!("It was sent by {channel} on {at}."),
        Stands::Failed { reason } => format!("It was not sent, because it could not be delivered: {reason}."),
        Stands::SoWithheld { code } => format!("So it was not sent (rule {code})."),
        Stands::Withheld { rule, code } => format!("It was not sent: {rule} (rule {code})."),
        Stands::TakenBack => "It was not sent: its plugin took it back before it went out.".to_owned(),
        Stands::Uncertain { reason } => format!(
            "Nobody knows whether the customer has it: {reason}. It is not sent again unless somebody decides so."
        ),
    }
}

/// A part of a sentence.
pub fn phrase(phrase: Phrase<'_>) -> String {
    match phrase {
        Phrase::Moment { weekday, day, month, year, clock, zone } => {
            format!("{weekday}, {day} {month} {year}, {clock} ({zone})")
        }
        Phrase::And { some, last } => format!("{some} and {last}"),
        Phrase::Quote(text) => format!("\"{text}\""),
        Phrase::Channel(name) => name.to_owned(),
        Phrase::Purpose(purpose) => match purpose {
            Purpose::Reply => "an answer to the customer's own message",
            Purpose::Service => "news of something that is the customer's own",
            Purpose::Survey => "a question how it was",
            Purpose::Marketing => "an offer",
        }
        .to_owned(),
        Phrase::Kind(purpose) => match purpose {
            Purpose::Reply => "answers",
            Purpose::Service => "news of orders and appointments",
            Purpose::Survey => "questions how it was",
            Purpose::Marketing => "offers",
        }
        .to_owned(),
        Phrase::Event(event) => self::event(event),
        Phrase::Note(note) => self::note(note),
        Phrase::Did(did) => self::did(did).to_owned(),
        Phrase::WhenWritten => "When it was written".to_owned(),
        Phrase::WhenDue { when } => format!("On {when}, when its turn came"),
        Phrase::Rule(rule) => rule.sentence().to_owned(),
        Phrase::Remedy(rule) => rule.remedy().to_owned(),
        Phrase::TookBack => "the customer took back their consent to messages of this kind".to_owned(),
        Phrase::AgreeAgain => "the customer would have to agree to messages of this kind again".to_owned(),
        Phrase::StartOrInSpite => {
            "the customer would have to write START, or staff would have to decide to write in spite of the stop, \
             which is recorded"
                .to_owned()
        }
        Phrase::Scope { kind, channel } => {
            let place = channel.map_or_else(|| "on every channel".to_owned(), |channel| format!("by {channel}"));
            format!("{} {place}", kind.unwrap_or("all messages"))
        }
        Phrase::Seen(seen) => self::seen(seen),
    }
}

fn seen(seen: Seen<'_>) -> String {
    match seen {
        Seen::NoStop => "no stop".to_owned(),
        Seen::InSpite => "a stop, in spite of which staff decided to write".to_owned(),
        Seen::ConfirmsStop => "one confirmation of a stop may go out".to_owned(),
        Seen::Address => "an address for it".to_owned(),
        Seen::Agreed => "the customer's consent".to_owned(),
        Seen::NobodyHere => "no open case".to_owned(),
        Seen::DuringCase => "an open case, during which such news go out all the same".to_owned(),
        Seen::Room { sent, most, hours } => {
            format!("{sent} of at most {most} of this kind within {}", count(hours, "hour", "hours"))
        }
        Seen::InARow { sent, most } => format!("{sent} of at most {most} automated ones in a row"),
        Seen::Awake { clock, zone } => format!("no quiet hours for it (for the customer it was {clock}, {zone})"),
    }
}

fn event(event: Event<'_>) -> String {
    match event {
        Event::Message { source } => format!("a message of the customer came in, as `{source}` told"),
        Event::Customer { source } => format!("news of the customer came in, as `{source}` told"),
        Event::Appointment { change, source } => format!("an appointment was {change}, as `{source}` told"),
        Event::Order { change, source } => format!("an order was {change}, as `{source}` told"),
        Event::Other { kind, source } => format!("the event {kind} came in, as `{source}` told"),
        Event::Timer { plugin } => format!("a reminder of the plugin {plugin} fell due"),
        Event::Retry { plugin } => format!("the plugin {plugin} was tried again"),
        Event::StaffWrote { by } => format!("{by} wrote to the customer"),
        Event::Settled { by } => format!("{by} decided what became of it"),
        Event::Due => "it was its turn to be sent".to_owned(),
        Event::Answered { channel } => format!("{channel} answered"),
        Event::Logged(words) => words.to_owned(),
    }
}

fn note(note: Note<'_>) -> String {
    match note {
        Note::PersonHas => "a person has this conversation or is asked for: no automation answers".to_owned(),
        Note::AskedIfMachine => "the customer asked whether a machine is writing; Attune says yes".to_owned(),
        Note::SaidStop => "the customer said stop; Attune answers, no plugin is asked".to_owned(),
        Note::SaidStart => "the customer said start; Attune answers, no plugin is asked".to_owned(),
        Note::AskedHelp => "the customer asked for help; Attune answers, no plugin is asked".to_owned(),
        Note::AskedPerson => "the customer asked for a person; Attune calls one in, no plugin is asked".to_owned(),
        Note::Sent => "the message is sent".to_owned(),
        Note::Failed => "the message is given up".to_owned(),
        Note::Uncertain => "nobody knows what became of the message".to_owned(),
        Note::Deferred => "the message waits".to_owned(),
        Note::ReaderFailed { plugin, reason } => {
            format!("the reader {plugin} failed ({reason}), so Attune's own reading was used")
        }
        Note::NotYet(reason) => format!("not yet, because {reason}"),
        Note::Logged(words) => words.to_owned(),
    }
}

fn did(did: Did) -> &'static str {
    match did {
        Did::LookedWho => "looked up who the customer is",
        Did::Recalled => "looked up what it had noted about the customer",
        Did::Remembered => "noted something about the customer",
        Did::Tagged => "tagged the customer",
        Did::Untagged => "took a tag off the customer",
        Did::ReadLast => "read the last messages",
        Did::JudgedMood => "judged the mood of the message",
        Did::LookedAtMoods => "looked how the mood was going",
        Did::Understood => "worked out what the message asks for",
        Did::SearchedKnowledge => "looked into the answers of the business",
        Did::CalledPerson => "called a person in",
        Did::LookedForPerson => "looked whether a person has the conversation",
        Did::LookedUpAppointment => "looked up the appointment",
        Did::LookedUpAppointments => "looked up the customer's next appointments",
        Did::NotedAnswer => "noted the customer's answer to the appointment",
        Did::LookedUpOrders => "looked up the customer's orders",
        Did::LookedUpOrder => "looked up the order",
        Did::CheckedOrder => "checked whether an order is the customer's",
        Did::SetReminder => "set itself a reminder",
        Did::CancelledReminder => "cancelled a reminder of its own",
        Did::LookedIntoNotes => "looked into its own notes",
        Did::WroteNotes => "wrote into its own notes",
        Did::DeletedNote => "deleted one of its own notes",
        Did::Counted => "counted",
        Did::LookedUpCount => "looked up a count of its own",
        Did::LookedUpBusiness => "looked up the business",
        Did::LookedIfOpen => "looked whether the business is open",
        Did::LookedWhenOpen => "looked when the business opens next",
        Did::LookedAtTrends => "looked at how many customers are unhappy",
        Did::ShowedStaff => "showed staff examples",
        Did::ToldStaff => "told staff",
        Did::AskedToSend => "asked for a message to be sent",
        Did::TookBack => "took a message back",
    }
}
