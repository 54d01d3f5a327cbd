//! Messages that no person wrote: out-of-office replies, bounces, newsletters, and our own words coming back. They are shown to
//! staff and never answered, or two machines would write to each other.
//!
//! Goes by what mail says of itself (RFC 3834, section 5; RFC 2919) and by texts; never decides what follows.

use super::message::{Author, Message};

/// What mail says of itself; connectors for mail share these rules.
pub use attune_mail::machine::{by_headers, by_subject};

/// Texts that are shorter than this, in characters, are not looked at: people say "ok" again and again.
pub const ECHO_CHARS: usize = 40;

/// How many messages before it are looked at.
pub const ECHO_MESSAGES: usize = 12;

/// How often somebody may say the same in a row.
const SAME: usize = 3;

/// Why a message was written by a machine, going by what was said before it, newest first: it is what we wrote ourselves, or
/// what it wrote three times already, each time after an answer of ours.
pub fn by_echo<'a>(text: &str, before: impl IntoIterator<Item = &'a Message>) -> Option<&'static str> {
    let own = folded(text);
    if own.chars().count() < ECHO_CHARS {
        return None;
    }
    let (mut same, mut answered) = (0, false);
    // A word or two around it ("You wrote:") make it no message of a person.
    let echoes = |ours: &str| {
        let ours = folded(ours);
        ours.len() >= ECHO_CHARS && own.contains(&ours) && own.len() < ours.len() * 5 / 4
    };
    for message in before {
        match message.author {
            Author::Automation | Author::Host => {
                // Below the plugin's words may stand the host's own, which not every echo repeats.
                let without_notice = message.text.rsplit_once("\n\n").map(|(text, _)| text);
                if echoes(&message.text) || without_notice.is_some_and(echoes) {
                    return Some("it repeats what was written to it");
                }
                answered = true;
            }
            Author::Customer if message.machine.is_some() => {
                if folded(&message.text) == own {
                    return Some("it says the same over and over");
                }
            }
            Author::Customer if answered && folded(&message.text) == own => {
                (same, answered) = (same + 1, false);
                if same >= SAME {
                    return Some("it says the same over and over");
                }
            }
            Author::Customer | Author::Staff => return None,
        }
    }
    None
}

/// A text without what it quotes, in lower case with single spaces.
fn folded(text: &str) -> String {
    let own = text.lines().filter(|line| !line.trim_start().starts_with('>'));
    own.flat_map(str::split_whitespace).map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::ids::{CustomerId, EventId, MessageId};
    use super::super::message::Delivery;
    use super::super::time::Instant;
    use super::*;

    fn message(author: Author, text: &str) -> Message {
        Message {
            id: MessageId([0; 16]),
            customer: CustomerId([1; 16]),
            at: Instant(0),
            author,
            channel: "email".into(),
            text: text.into(),
            subject: None,
            language: None,
            in_reply_to: None,
            polarity: None,
            staff: None,
            origin: None,
            entry: EventId([0; 16]),
            attempts: 0,
            trail: Vec::new(),
            machine: None,
            original: None,
            sent_as: None,
            reported: None,
            in_spite: false,
            delivery: Delivery::Received,
        }
    }

    #[test]
    fn our_own_words_and_endless_repeats_are_from_a_machine() {
        const OURS: &str = "Your order #1001 is on its way and should arrive on Tuesday.";
        const THEIRS: &str = "Thank you for your message. We will answer as soon as we can.";
        let ours = || message(Author::Automation, OURS);
        let theirs = || message(Author::Customer, THEIRS);
        let repeats = vec![ours(), theirs(), ours(), theirs(), ours(), theirs()];
        for (text, before, machine) in [
            (OURS, vec![ours()], true),
            (
                "You wrote: Your order #1001 is on its way\\nand should arrive on Tuesday."
                    .replace("\\n", "\n")
                    .as_str(),
                vec![ours()],
                true,
            ),
            (&format!("> {OURS}\n\nThank you, but which Tuesday is that going to be?"), vec![ours()], false),
            (
                &format!("{OURS} Is that so? I was told on the phone that it would be on Wednesday."),
                vec![ours()],
                false,
            ),
            (THEIRS, repeats.clone(), true),
            (THEIRS, vec![Message { machine: Some("again".into()), ..theirs() }, ours()], true),
            (OURS, vec![Message { machine: Some("another".into()), ..theirs() }, ours()], true),
            (OURS, vec![message(Author::Automation, &format!("{OURS}\n\nThis is an automated message."))], true),
            (THEIRS, repeats[2..].to_vec(), false),
            (THEIRS, vec![theirs(), theirs(), theirs()], false),
            ("ok", vec![ours(), message(Author::Customer, "ok")], false),
        ] {
            assert_eq!(by_echo(text, &before).is_some(), machine, "{text}");
        }
    }
}
