//! Troubles in German.

use super::super::lately::Reason;
use super::What;

fn many(count: u64, one: &str, more: &str) -> String {
    if count == 1 { one.to_owned() } else { format!("{count} {more}") }
}

/// What is wrong, and what to do.
pub fn words(what: &What<'_>) -> (String, String) {
    match *what {
        What::Refused { plugin, reason, secret, count } => refused(plugin, reason, secret, count),
        What::Failed { channel, reason, count } => (
            match count {
                1 => format!("Eine Nachricht per {channel} konnte nicht gesendet werden: {reason}."),
                _ => format!("{count} Nachrichten per {channel} konnten nicht gesendet werden: {reason}."),
            },
            "Beheben Sie, was der Grund nennt. Was gescheitert ist, wird nicht von selbst noch einmal gesendet: Schreiben Sie dem Kunden erneut, \
             wenn es noch wichtig ist."
                .to_owned(),
        ),
        What::Uncertain { channel, reason, count } => (
            match count {
                1 => format!("Niemand weiß, ob eine Nachricht per {channel} gesendet wurde: {reason}."),
                _ => format!("Niemand weiß, ob {count} Nachrichten per {channel} gesendet wurden: {reason}."),
            },
            "Sehen Sie beim Anbieter nach oder fragen Sie den Kunden; sagen Sie dann, ob sie angekommen ist (`POST /v1/messages/{id}/settle`). \
             Von selbst wird sie nie zweimal gesendet."
                .to_owned(),
        ),
        What::Unserved { channel, count } => (
            match count {
                1 => format!("Eine Nachricht per {channel} konnte nicht gesendet werden: Kein Plugin bedient diesen Kanal."),
                _ => format!("{count} Nachrichten per {channel} konnten nicht gesendet werden: Kein Plugin bedient diesen Kanal."),
            },
            format!("Installieren Sie ein Plugin, das {channel} bedient, und schalten Sie es ein; `attune connect --list` zeigt, welche es gibt."),
        ),
        What::Gone { plugin, reason } => (
            format!("Der Kanal {plugin} wurde abgeschaltet, weil die Gegenseite keine Nachrichten mehr möchte (410): {reason}."),
            format!("Prüfen Sie dort, ob die Adresse noch stimmt; schalten Sie ihn dann mit `attune plugin enable {plugin}` wieder ein."),
        ),
        What::Stopped { plugin, reason } => (
            format!("Das Plugin {plugin} ist angehalten: {reason}."),
            format!("Schalten Sie es mit `attune plugin enable {plugin}` wieder ein, sobald das behoben ist."),
        ),
        What::Unapproved { plugin, wants } => (
            format!("Das Plugin {plugin} ist eingeschaltet und läuft nicht: Es verlangt mehr, als Sie erlaubt haben ({wants})."),
            format!("Lesen Sie mit `attune plugin show {plugin}`, was es verlangt, und erlauben Sie es mit `attune plugin grant`."),
        ),
        What::NoSecret { plugin, secret, verifies } => (
            match verifies {
                true => format!("Dem Plugin {plugin} fehlt das Geheimnis `{secret}`, deshalb wird nichts geglaubt, was sein Anbieter schickt."),
                false => format!("Dem Plugin {plugin} fehlt das Geheimnis `{secret}`, deshalb kann es nichts senden."),
            },
            format!("`attune plugin show {plugin}` sagt, wo es steht; hinterlegen Sie es mit `attune plugin secret {plugin} {secret}`."),
        ),
        What::GivenUp { plugin, reason, count } => (
            match count {
                1 => format!("Ein Ereignis konnte das Plugin {plugin} auch nach mehreren Versuchen nicht bearbeiten: {reason}."),
                _ => format!("{count} Ereignisse konnte das Plugin {plugin} auch nach mehreren Versuchen nicht bearbeiten: {reason}."),
            },
            "Ist der Grund behoben, lassen Sie es noch einmal versuchen (`POST /v1/dead-letters/{id}/retry`).".to_owned(),
        ),
        What::AllPaused { by, reason } => (
            format!("Alles Automatische ist angehalten, durch {by}: {reason}."),
            "Lassen Sie es mit `attune resume` weiterlaufen, sobald nichts mehr dagegen spricht.".to_owned(),
        ),
    }
}

fn refused(plugin: &str, reason: Reason, secret: &str, count: u64) -> (String, String) {
    let because = match reason {
        Reason::NoConnector => {
            let requests = many(count, "Eine Anfrage ging", "Anfragen gingen");
            return (
                format!("{requests} an eine Adresse dieses Betriebs, an der es keinen Anschluss gibt."),
                "Vielleicht kennt ein Anbieter noch ein Plugin, das es nicht mehr gibt, oder die Adresse hat einen Fehler: `attune plugin show` \
                 zeigt die richtige."
                    .to_owned(),
            );
        }
        Reason::ConnectorFailed => {
            let requests = many(count, "einer Anfrage", "Anfragen");
            return (
                format!("Der Anschluss {plugin} ist an {requests} gescheitert."),
                format!(
                    "Der Anbieter schickt sie noch einmal. Hört es nicht auf, installieren Sie eine andere Version von {plugin} oder sagen Sie \
                     dem Autor, was er meldet."
                ),
            );
        }
        Reason::Off => "Der Anschluss ist ausgeschaltet",
        Reason::NoSecret => "Sein Geheimnis ist nicht hinterlegt",
        Reason::Unsigned => "Es gab keine Signatur",
        Reason::WrongSignature => "Die Signatur war falsch",
        Reason::Stale => "Der Zeitpunkt der Signatur lag zu weit von jetzt entfernt",
        Reason::Unreadable => "Der Nachweis des Absenders war nicht lesbar",
        Reason::Replayed => "Eine alte Signatur kam mit anderem Inhalt noch einmal",
        Reason::Malformed => "Der Anschluss kann den Inhalt nicht lesen",
        Reason::Misfit => "Was darin steht, passt nicht",
        Reason::Conflict => "Zu einem schon gemeldeten Ereignis wird etwas anderes gemeldet",
        Reason::TooLarge => "Der Inhalt war zu groß",
        Reason::BrokenOff => "Der Inhalt brach unterwegs ab",
        Reason::Busy => "Es wartete zu viel",
    };
    let remedy = match reason {
        Reason::Off => format!("Schalten Sie ihn mit `attune plugin enable {plugin}` ein, oder nehmen Sie den Webhook beim Anbieter weg."),
        Reason::NoSecret => format!(
            "Hinterlegen Sie es mit `attune plugin secret {plugin} {secret}`; `attune plugin show {plugin}` sagt, wo es steht."
        ),
        Reason::Unsigned => "War es der Anbieter, schalten Sie dort das Signieren ein; war es ein Fremder, ist nichts zu tun.".to_owned(),
        Reason::WrongSignature => format!(
            "Hinterlegen Sie das Geheimnis noch einmal so, wie der Anbieter es zeigt (`attune plugin secret {plugin} {secret}`), und vergleichen \
             Sie die Adresse dort mit der, die `attune plugin show {plugin}` zeigt. War es ein Fremder, ist nichts zu tun."
        ),
        Reason::Stale => {
            "Prüfen Sie die Uhr dieses Rechners. Geht sie richtig, schickt jemand alte Anfragen noch einmal, und es ist nichts zu tun.".to_owned()
        }
        Reason::Replayed => format!(
            "Nichts davon wurde geglaubt. Hört es nicht auf, erzeugen Sie beim Anbieter ein neues Geheimnis und hinterlegen Sie es mit \
             `attune plugin secret {plugin} {secret}`."
        ),
        Reason::Unreadable | Reason::Malformed | Reason::Misfit | Reason::Conflict => format!(
            "Lesen Sie die Einzelheiten. Schickt der Anbieter das wirklich so, installieren Sie eine neuere Version von {plugin} oder sagen Sie \
             es dem Autor; `attune call` zeigt, was der Anschluss aus einer Anfrage macht."
        ),
        Reason::TooLarge => "Lassen Sie den Anbieter weniger auf einmal schicken, etwa Mails ohne große Anhänge.".to_owned(),
        _ => "Der Anbieter schickt sie noch einmal. Hört es nicht auf, prüfen Sie das Netz und den Proxy vor Attune.".to_owned(),
    };
    let requests = many(count, "Eine Anfrage", "Anfragen");
    let was = if count == 1 { "wurde" } else { "wurden" };
    (format!("{requests} an {plugin} {was} abgelehnt: {because}."), remedy)
}
