//! Troubles in Spanish.

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
                1 => format!("No se pudo enviar un mensaje por {channel}: {reason}."),
                _ => format!("No se pudieron enviar {count} mensajes por {channel}: {reason}."),
            },
            "Resuelva lo que indica el motivo. Lo que falló no se vuelve a enviar por sí solo: escriba de nuevo al cliente si todavía importa."
                .to_owned(),
        ),
        What::Uncertain { channel, reason, count } => (
            match count {
                1 => format!("Nadie sabe si se envió un mensaje por {channel}: {reason}."),
                _ => format!("Nadie sabe si se enviaron {count} mensajes por {channel}: {reason}."),
            },
            "Mire en el proveedor o pregunte al cliente; después diga si llegó (`POST /v1/messages/{id}/settle`). Nunca se envía dos veces por \
             sí solo."
                .to_owned(),
        ),
        What::Unserved { channel, count } => (
            match count {
                1 => format!("No se pudo enviar un mensaje por {channel}: ningún plugin atiende este canal."),
                _ => format!("No se pudieron enviar {count} mensajes por {channel}: ningún plugin atiende este canal."),
            },
            format!("Instale y active un plugin que atienda {channel}; `attune connect --list` muestra los que hay."),
        ),
        What::Gone { plugin, reason } => (
            format!("El canal {plugin} se desactivó porque el otro extremo no quiere más mensajes (410): {reason}."),
            format!("Compruebe allí si la dirección sigue siendo correcta; después actívelo de nuevo con `attune plugin enable {plugin}`."),
        ),
        What::Stopped { plugin, reason } => (
            format!("El plugin {plugin} está detenido: {reason}."),
            format!("Cuando esté resuelto, actívelo de nuevo con `attune plugin enable {plugin}`."),
        ),
        What::Unapproved { plugin, wants } => (
            format!("El plugin {plugin} está activado pero no funciona: pide más de lo que usted aprobó ({wants})."),
            format!("Lea lo que pide con `attune plugin show {plugin}` y apruébelo con `attune plugin grant`."),
        ),
        What::NoSecret { plugin, secret, verifies } => (
            match verifies {
                true => format!("Al plugin {plugin} le falta el secreto `{secret}`, por lo que no se cree nada de lo que envía su proveedor."),
                false => format!("Al plugin {plugin} le falta el secreto `{secret}`, por lo que no puede enviar."),
            },
            format!("`attune plugin show {plugin}` dice dónde se encuentra; guárdelo con `attune plugin secret {plugin} {secret}`."),
        ),
        What::GivenUp { plugin, reason, count } => (
            match count {
                1 => format!("El plugin {plugin} no pudo tratar un evento, tampoco tras varios intentos: {reason}."),
                _ => format!("El plugin {plugin} no pudo tratar {count} eventos, tampoco tras varios intentos: {reason}."),
            },
            "Cuando el motivo esté resuelto, haga que se intente de nuevo (`POST /v1/dead-letters/{id}/retry`).".to_owned(),
        ),
        What::AllPaused { by, reason } => (
            format!("Todo lo automático está en pausa, por {by}: {reason}."),
            "Deje que continúe con `attune resume` cuando nada lo impida.".to_owned(),
        ),
    }
}

fn refused(plugin: &str, reason: Reason, secret: &str, count: u64) -> (String, String) {
    let because = match reason {
        Reason::NoConnector => {
            let requests = many(count, "Una solicitud llegó", "solicitudes llegaron");
            return (
                format!("{requests} a una dirección de este negocio en la que no hay ningún conector."),
                "Quizá un proveedor conoce todavía un plugin que ya no está, o la dirección tiene un error: `attune plugin show` muestra la \
                 correcta."
                    .to_owned(),
            );
        }
        Reason::ConnectorFailed => {
            let requests = many(count, "una solicitud", "solicitudes");
            return (
                format!("El conector {plugin} falló con {requests}."),
                format!(
                    "El proveedor la envía de nuevo. Si continúa, instale otra versión de {plugin} o comunique a su autor lo que dice."
                ),
            );
        }
        Reason::Off => "el conector está desactivado",
        Reason::NoSecret => "su secreto no está guardado",
        Reason::Unsigned => "no había firma",
        Reason::WrongSignature => "la firma era incorrecta",
        Reason::Stale => "la hora de la firma estaba demasiado lejos de ahora",
        Reason::Unreadable => "no se pudo leer lo que prueba el remitente",
        Reason::Replayed => "una firma antigua llegó de nuevo con otro contenido",
        Reason::Malformed => "el conector no puede leer el contenido",
        Reason::Misfit => "lo que cuenta no encaja",
        Reason::Conflict => "cuenta otra cosa de un evento ya comunicado",
        Reason::TooLarge => "el contenido era demasiado grande",
        Reason::BrokenOff => "el contenido se cortó por el camino",
        Reason::Busy => "había demasiado en espera",
    };
    let remedy = match reason {
        Reason::Off => format!("Actívelo con `attune plugin enable {plugin}`, o quite el webhook en el proveedor."),
        Reason::NoSecret => format!(
            "Guárdelo con `attune plugin secret {plugin} {secret}`; `attune plugin show {plugin}` dice dónde se encuentra."
        ),
        Reason::Unsigned => "Si fue el proveedor, active allí la firma; si fue un extraño, no hay nada que hacer.".to_owned(),
        Reason::WrongSignature => format!(
            "Guarde de nuevo el secreto tal como lo muestra el proveedor (`attune plugin secret {plugin} {secret}`) y compare la dirección con \
             la que muestra `attune plugin show {plugin}`. Si fue un extraño, no hay nada que hacer."
        ),
        Reason::Stale => {
            "Mire el reloj de esta máquina. Si va bien, alguien envía solicitudes antiguas de nuevo y no hay nada que hacer.".to_owned()
        }
        Reason::Replayed => format!(
            "No se creyó nada de ello. Si continúa, cree un secreto nuevo en el proveedor y guárdelo con `attune plugin secret {plugin} {secret}`."
        ),
        Reason::Unreadable | Reason::Malformed | Reason::Misfit | Reason::Conflict => format!(
            "Lea el detalle. Si el proveedor lo envía de verdad así, instale una versión más nueva de {plugin} o dígaselo a su autor; \
             `attune call` muestra lo que el conector entiende de una solicitud."
        ),
        Reason::TooLarge => "Haga que el proveedor envíe menos de una vez, por ejemplo correos sin adjuntos grandes.".to_owned(),
        _ => "El proveedor la envía de nuevo. Si continúa, mire la red y el proxy delante de Attune.".to_owned(),
    };
    let requests = many(count, "Se rechazó una solicitud", "solicitudes");
    let head = if count == 1 { requests } else { format!("Se rechazaron {requests}") };
    (format!("{head} a {plugin}: {because}."), remedy)
}
