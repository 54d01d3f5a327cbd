//! Troubles in English.

use super::super::lately::Reason;
use super::What;

fn many(count: u64, one: &str, more: &str) -> String {
    if count == 1 { one.to_owned() } else { format!("{count} {more}") }
}

/// What is wrong, and what to do.
pub fn words(what: &What<'_>) -> (String, String) {
    match *what {
        What::Refused { plugin, reason, secret, count } => refused(plugin, reason, secret, count),
        What::Failed { channel, reason, count } => {
            let messages = many(count, "A message", "messages");
            (
                format!("{messages} by {channel} could not be sent: {reason}."),
                "See to what the reason names. What failed is not sent again by itself: write to the customer once more if it still matters."
                    .to_owned(),
            )
        }
        What::Uncertain { channel, reason, count } => (
            match count {
                1 => format!("Nobody knows whether a message by {channel} was sent: {reason}."),
                _ => format!("Nobody knows whether {count} messages by {channel} were sent: {reason}."),
            },
            "Look at the provider, or ask the customer; then say whether it arrived (`POST /v1/messages/{id}/settle`). It is never sent twice \
             by itself."
                .to_owned(),
        ),
        What::Unserved { channel, count } => {
            let messages = many(count, "A message", "messages");
            (
                format!("{messages} by {channel} could not be sent: no plugin serves this channel."),
                format!("Install and turn on a plugin that serves {channel}; `attune connect --list` shows those that there are."),
            )
        }
        What::Gone { plugin, reason } => (
            format!("The channel {plugin} was turned off, because the other end wants no more messages (410): {reason}."),
            format!("Look there whether the address is still right; then turn it on again with `attune plugin enable {plugin}`."),
        ),
        What::Stopped { plugin, reason } => (
            format!("The plugin {plugin} is stopped: {reason}."),
            format!("Once that is mended, turn it on again with `attune plugin enable {plugin}`."),
        ),
        What::Unapproved { plugin, wants } => (
            format!("The plugin {plugin} is on but does not run: it asks for more than you approved ({wants})."),
            format!("Read what it asks for with `attune plugin show {plugin}`, and approve it with `attune plugin grant`."),
        ),
        What::NoSecret { plugin, secret, verifies } => (
            match verifies {
                true => format!("The plugin {plugin} has no secret `{secret}`, so nothing that its vendor sends is believed."),
                false => format!("The plugin {plugin} has no secret `{secret}`, so it cannot send."),
            },
            format!("`attune plugin show {plugin}` says where it is found; set it with `attune plugin secret {plugin} {secret}`."),
        ),
        What::GivenUp { plugin, reason, count } => {
            let events = many(count, "An event", "events");
            (
                format!("{events} could not be handled by the plugin {plugin}, which gave up after several attempts: {reason}."),
                "Once the reason is mended, have them tried again (`POST /v1/dead-letters/{id}/retry`).".to_owned(),
            )
        }
        What::AllPaused { by, reason } => (
            format!("Everything automated is paused by {by}: {reason}."),
            "Let it go on with `attune resume` once nothing speaks against it.".to_owned(),
        ),
    }
}

fn refused(plugin: &str, reason: Reason, secret: &str, count: u64) -> (String, String) {
    let requests = many(count, "A request", "requests");
    let was = if count == 1 { "was" } else { "were" };
    let because = match reason {
        Reason::NoConnector => {
            return (
                format!("{requests} {was} sent to an address of this business at which there is no connector."),
                "A vendor may still know a plugin that is gone, or the address has a slip: `attune plugin show` prints the right one.".to_owned(),
            );
        }
        Reason::ConnectorFailed => {
            return (
                format!("The connector {plugin} failed over {}.", many(count, "a request", "requests")),
                format!(
                    "The vendor sends it again. If it goes on, install another version of {plugin}, or tell its author what it says."
                ),
            );
        }
        Reason::Off => "the connector is off",
        Reason::NoSecret => "its secret is not set",
        Reason::Unsigned => "there was no signature",
        Reason::WrongSignature => "the signature was wrong",
        Reason::Stale => "the time of the signature was too far from now",
        Reason::Unreadable => "what proves its sender could not be read",
        Reason::Replayed => "an old signature came again with another body",
        Reason::Malformed => "the connector cannot read it",
        Reason::Misfit => "what it tells of does not fit",
        Reason::Conflict => "it tells something else of an event that was told before",
        Reason::TooLarge => "it was too large",
        Reason::BrokenOff => "it broke off on its way",
        Reason::Busy => "too much was waiting",
    };
    let remedy = match reason {
        Reason::Off => format!("Turn it on with `attune plugin enable {plugin}`, or take the webhook away at the vendor."),
        Reason::NoSecret => format!("Set it with `attune plugin secret {plugin} {secret}`; `attune plugin show {plugin}` says where it is found."),
        Reason::Unsigned => "If it was the vendor, turn on signing there; if it was a stranger, nothing is to be done.".to_owned(),
        Reason::WrongSignature => format!(
            "Set the secret again as the vendor shows it (`attune plugin secret {plugin} {secret}`), and compare the address there with the one \
             that `attune plugin show {plugin}` prints. If it was a stranger, nothing is to be done."
        ),
        Reason::Stale => "Look at this machine's clock. If it is right, somebody sends old requests again, and nothing is to be done.".to_owned(),
        Reason::Replayed => format!("Nothing of it was believed. If it goes on, make a new secret at the vendor and set it with `attune plugin secret {plugin} {secret}`."),
        Reason::Unreadable | Reason::Malformed | Reason::Misfit | Reason::Conflict => format!(
            "Read the detail. If it is what the vendor really sends, install a newer version of {plugin}, or tell its author; `attune call` shows \
             what the connector makes of a request."
        ),
        Reason::TooLarge => "Have the vendor send less at once, such as mails without large attachments.".to_owned(),
        _ => "The vendor sends it again. If it goes on, look at the network and the proxy in front of Attune.".to_owned(),
    };
    (format!("{requests} to {plugin} {was} refused: {because}."), remedy)
}
