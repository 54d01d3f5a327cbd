//! The story in Spanish. How to edit it stands in [`sentence`](super::sentence).

use crate::domain::consent::Source;
use crate::domain::gate::Rule;
use crate::domain::message::Purpose;
use crate::domain::tone::{Because, Heard, Tone, Trouble};

use super::language::{count, decimal};
use super::sentence::{Did, Event, HostWords, Note, Phrase, Ran, Seen, Sentence, Stands};

/// A whole sentence.
pub fn sentence(sentence: Sentence<'_>) -> String {
    match sentence {
        Sentence::Began { when, event, entry } => {
            let entry = entry.map(|entry| format!(" Es la entrada {entry} del diario.")).unwrap_or_default();
            format!("El {when} {event}.{entry}")
        }
        Sentence::Forgotten { days } => {
            format!("Ya no se sabe cómo se llegó a esto: el registro se guarda durante {days} días.")
        }
        Sentence::ByCustomer { channel } => format!("El cliente escribió este mensaje por {channel}."),
        Sentence::ByStaff { who, in_spite } => {
            let who = who.unwrap_or("Alguien");
            let in_spite =
                if in_spite { ", a pesar de que el cliente había dicho stop; eso queda anotado" } else { "" };
            format!("{who}, del equipo, escribió este mensaje{in_spite}.")
        }
        Sentence::ByPlugin { plugin, version, template, purpose, about } => {
            let version = version.map(|version| format!(" (versión {version})")).unwrap_or_default();
            let template = template.map(|name| format!(" con la plantilla `{name}`")).unwrap_or_default();
            let about = about.map(|about| format!(", sobre `{about}`")).unwrap_or_default();
            format!("El plugin {plugin}{version} escribió este mensaje{template}: {purpose}{about}.")
        }
        Sentence::BySomePlugin => "Un plugin escribió este mensaje.".to_owned(),
        Sentence::ByHost(words) => {
            let what = match words {
                HostWords::StopConfirmed => "confirma que el cliente ha dicho stop",
                HostWords::StartConfirmed => "confirma que el cliente quiere recibir mensajes de nuevo",
                HostWords::Help => "responde a la petición de ayuda del cliente",
                HostWords::IsAutomated => "responde si aquí escribe una máquina",
                HostWords::PersonComes => "dice cuándo responderá una persona",
            };
            format!("El propio Attune escribió este mensaje: {what}.")
        }
        Sentence::Looked { did } => format!("Para ello {did}."),
        Sentence::Worded { tone, because, missing } => {
            let (how, because) = (self::tone(tone), self::because(because));
            if missing {
                format!("Se habría redactado {how}, porque {because}, pero no hay un texto así en este idioma.")
            } else {
                format!("Está redactado {how}, porque {because}.")
            }
        }
        Sentence::Beside { plugin, version, ran } => {
            let ran = match ran {
                Ran::Answered => "respondió",
                Ran::Passed => "no tenía nada que decir",
                Ran::Done => "también se ejecutó",
                Ran::Read => "leyó el texto",
            };
            format!("El plugin {plugin} (versión {version}) {ran}.")
        }
        Sentence::Broke { plugin, version, reason } => {
            format!("El plugin {plugin} (versión {version}) falló, y no se hizo nada de lo que quería: {reason}.")
        }
        Sentence::Noted { note } => format!("Attune anotó: {note}."),
        Sentence::Refused { reason } => format!("Attune lo rechazó: {reason}."),
        Sentence::Later { when, event, notes } => {
            let notes = if notes.is_empty() { String::new() } else { format!(": {notes}") };
            format!("El {when} {event}{notes}.")
        }

        Sentence::Withheld { asked, rule } => format!("{asked}, las reglas no lo dejaron salir: {rule}."),
        Sentence::Waits { asked, rule, until } => format!("{asked}, tuvo que esperar hasta el {until}: {rule}."),
        Sentence::WaitsForResume { asked, rule } => {
            format!("{asked}, tuvo que esperar a que se reanuden los mensajes automáticos: {rule}.")
        }
        Sentence::Clear { asked, seen } => format!("{asked}, nada se oponía a enviarlo: {seen}."),

        Sentence::Withdrawn { when, source, text, by, scope } => {
            let colon = text.map(|text| format!(": {text}")).unwrap_or_default();
            let how = match source {
                Source::Word => match text {
                    Some(text) => format!("El {when} el cliente escribió {text}"),
                    None => format!("El {when} el cliente lo escribió"),
                },
                Source::OneClick => format!("El {when} el cliente siguió el enlace de un correo para darse de baja"),
                Source::Form => format!("El {when} el cliente lo indicó en un formulario{colon}"),
                Source::Event => format!("Lo comunicó un evento, con fecha del {when}{colon}"),
                Source::Import => format!("Consta en una lista importada, con fecha del {when}{colon}"),
                Source::Staff => {
                    format!("El {when} el cliente lo dijo, según anotó {}{colon}", by.unwrap_or("alguien del equipo"))
                }
                Source::Channel => format!("El {when} se supo que su dirección allí ya no recibe mensajes{colon}"),
                Source::Kept => format!(
                    "El {when} lo dijo quien tenía entonces esta dirección; sus datos se han borrado, pero la baja \
                     sigue en vigor"
                ),
            };
            format!("{how}. Vale para {scope}.")
        }
        Sentence::NoAddress { channel } => format!("Debía salir por {channel}."),
        Sentence::Pointless { at } => format!("Su plugin indicó que deja de tener sentido a partir del {at}."),
        Sentence::PointlessByThen { at, allowed } => format!(
            "Su plugin indicó que deja de tener sentido a partir del {at}, y por las horas de silencio no podría salir \
             antes del {allowed}."
        ),
        Sentence::Machine => {
            "El mensaje al que responde parece una respuesta automática o el correo de una lista.".to_owned()
        }
        Sentence::PluginOff { plugin } => {
            format!("Cuando llegó su turno, el plugin {plugin} estaba desactivado o eliminado.")
        }
        Sentence::Paused => {
            "En ese momento estaban en pausa todos los mensajes automáticos o solo este plugin.".to_owned()
        }
        Sentence::KeyUsed { key } => format!("La clave es `{key}`."),
        Sentence::SameAnswer => {
            "Al mismo mensaje del cliente ya se había respondido con las mismas palabras.".to_owned()
        }
        Sentence::SameText => {
            "Un mensaje con el mismo texto ya había salido, o esperaba para salir, dentro del tiempo en que nada se \
             dice dos veces."
                .to_owned()
        }
        Sentence::NoConsent { kind, channel } => {
            format!("El negocio pide consentimiento para {kind}, y para {channel} el cliente no lo ha dado.")
        }
        Sentence::PersonHere { service: true } => {
            "Había un caso abierto del cliente, y según las reglas del negocio tampoco salen entonces las novedades de \
             pedidos y citas."
                .to_owned()
        }
        Sentence::PersonHere { service: false } => "En ese momento había un caso abierto del cliente.".to_owned(),
        Sentence::TooOften { sent, most, hours } => format!(
            "En {} ya eran {}, contando los que esperan; se permiten {most}.",
            count(hours, "hora", "horas"),
            count(sent, "mensaje de este tipo", "mensajes de este tipo")
        ),
        Sentence::RoomAgain { at } => format!("Habrá sitio para otro a partir del {at}."),
        Sentence::InARow { sent, most } => format!(
            "Desde que el cliente o el equipo escribió por última vez, ya eran {}; se permiten {most}.",
            count(sent, "mensaje automático", "mensajes automáticos")
        ),
        Sentence::NoLink { kind } => format!("Por correo electrónico, esta regla vale para {kind}."),
        Sentence::Quiet { now, ends: Some(ends) } => {
            format!("Para el cliente era {now}; sus horas de silencio terminan el {ends}.")
        }
        Sentence::Quiet { now, ends: None } => {
            format!("Para el cliente era {now}; sus horas de silencio no terminan en todo un año.")
        }
        Sentence::Spread => {
            "Es algo más tarde de lo que indican las horas de silencio, para que no salga todo en el mismo minuto."
                .to_owned()
        }

        Sentence::Stands(stands) => self::stands(stands),
        Sentence::Remedy { remedy } => format!("Para que un mensaje así salga, {remedy}."),
        Sentence::KeyFree { key } => {
            format!("No ha gastado su clave `{key}`: todavía puede salir otro mensaje con ella.")
        }
        Sentence::KeyTaken { key } => format!("Su clave `{key}` ya la gastó un mensaje anterior."),
        Sentence::KeyUsedUp { key } => {
            format!("Aun así ha gastado su clave `{key}`: ningún otro mensaje sale con ella.")
        }
    }
}

fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Neutral => "de forma sencilla",
        Tone::Apologetic => "con una disculpa",
        Tone::Warm => "con calidez",
    }
}

fn because(because: Because) -> String {
    let (heard, what) = match because {
        Because::Order(Trouble::Late) => return "el pedido llega tarde".to_owned(),
        Because::Order(Trouble::Delayed) => return "el pedido se retrasa".to_owned(),
        Because::Frustration(heard, much) => (heard, format!("se nota frustración ({})", decimal(much))),
        Because::Unhappy(heard, polarity) => (heard, format!("se nota disgusto (polaridad {})", decimal(polarity))),
        Because::Complaint(heard) => (heard, "hay una queja".to_owned()),
        Because::Happy(heard, polarity) => (heard, format!("se nota alegría (polaridad {})", decimal(polarity))),
        Because::Thanks(heard) => (heard, "se dan las gracias".to_owned()),
    };
    let heard = match heard {
        Heard::Answered => "el mensaje al que responde",
        Heard::Last => "lo último que escribió el cliente",
        Heard::OpenCase => "el mensaje que llevó al caso abierto del cliente",
        Heard::ClosedCase => "el mensaje que llevó a un caso del cliente, cerrado en los últimos siete días,",
    };
    format!("en {heard} {what}")
}

fn stands(stands: Stands<'_>) -> String {
    match stands {
        Stands::Received => "Está en la conversación.".to_owned(),
        Stands::Queued { channel } => {
            format!("Todavía no se ha enviado: sale por {channel} en cuanto sea posible.")
        }
        Stands::Waits { until } => format!("Todavía no se ha enviado: espera hasta el {until}."),
        Stands::WaitsForResume => {
            "Todavía no se ha enviado: espera a que se reanuden los mensajes automáticos.".to_owned()
        }
        Stands::WaitsForChannel { channel, until } => {
            format!("Todavía no se ha enviado: el canal {channel} no lo aceptó, y se le pregunta de nuevo el {until}.")
        }
        Stands::Simulated { channel, at } => {
            format!("Habría salido por {channel} el {at}; esto es una simulación, así que no salió.")
        }
        Stands::Attempting { channel } => {
            format!("Está en camino por {channel}; aún no se conoce la respuesta del canal.")
        }
        Stands::Sent { channel, at } => format!("Se envió por {channel} el {at}."),
        Stands::Failed { reason } => format!("No se envió, porque no se pudo entregar: {reason}."),
        Stands::SoWithheld { code } => format!("Por eso no se envió (regla {code})."),
        Stands::Withheld { rule, code } => format!("No se envió: {rule} (regla {code})."),
        Stands::TakenBack => "No se envió: su plugin lo retiró antes de que saliera.".to_owned(),
        Stands::Uncertain { reason } => {
            format!("Nadie sabe si el cliente lo tiene: {reason}. No se envía de nuevo si nadie lo decide.")
        }
    }
}

/// A part of a sentence.
pub fn phrase(phrase: Phrase<'_>) -> String {
    match phrase {
        Phrase::Moment { weekday, day, month, year, clock, zone } => {
            format!("{weekday}, {day} de {month} de {year}, {clock} h ({zone})")
        }
        Phrase::And { some, last } => format!("{some} y {last}"),
        Phrase::Quote(text) => format!("«{text}»"),
        Phrase::Channel(name) => match name {
            "email" => "correo electrónico",
            "sms" => "SMS",
            other => other,
        }
        .to_owned(),
        Phrase::Purpose(purpose) => match purpose {
            Purpose::Reply => "una respuesta al mensaje del propio cliente",
            Purpose::Service => "novedades de un pedido o una cita del cliente",
            Purpose::Survey => "una pregunta sobre cómo fue",
            Purpose::Marketing => "una oferta",
        }
        .to_owned(),
        Phrase::Kind(purpose) => match purpose {
            Purpose::Reply => "respuestas",
            Purpose::Service => "novedades de pedidos y citas",
            Purpose::Survey => "preguntas sobre cómo fue",
            Purpose::Marketing => "ofertas",
        }
        .to_owned(),
        Phrase::Event(event) => self::event(event),
        Phrase::Note(note) => self::note(note),
        Phrase::Did(did) => self::did(did).to_owned(),
        Phrase::WhenWritten => "Cuando se escribió".to_owned(),
        Phrase::WhenDue { when } => format!("El {when}, cuando llegó su turno"),
        Phrase::Rule(rule) => self::rule(rule).to_owned(),
        Phrase::Remedy(rule) => self::remedy(rule).to_owned(),
        Phrase::TookBack => "el cliente ha retirado su consentimiento para mensajes de este tipo".to_owned(),
        Phrase::AgreeAgain => "el cliente tendría que aceptar de nuevo mensajes de este tipo".to_owned(),
        Phrase::StartOrInSpite => {
            "el cliente tendría que escribir START, o alguien del equipo tendría que decidir escribir a pesar de la \
             baja, lo que queda anotado"
                .to_owned()
        }
        Phrase::Scope { kind, channel } => {
            let place = channel.map_or_else(|| "por todos los canales".to_owned(), |channel| format!("por {channel}"));
            format!("{} {place}", kind.unwrap_or("todos los mensajes"))
        }
        Phrase::Seen(seen) => self::seen(seen),
    }
}

fn rule(rule: Rule) -> &'static str {
    match rule {
        Rule::OptedOut => "el cliente ha dicho stop",
        Rule::Unreachable => "no se conoce ninguna dirección del cliente para este canal",
        Rule::Expired => "habría llegado demasiado tarde para servir de algo",
        Rule::ToMachine => "el mensaje al que responde no lo escribió una persona",
        Rule::PluginOff => "el plugin que lo escribió se ha desactivado entretanto",
        Rule::Paused => "los mensajes automáticos están en pausa",
        Rule::Repeated => {
            "el plugin ya usó la misma clave para un mensaje anterior, y cada clave es para un solo mensaje"
        }
        Rule::SameText => "las mismas palabras le llegaron a este cliente hace poco",
        Rule::NoConsent => "el cliente no ha aceptado mensajes de este tipo",
        Rule::PersonHere => "una persona lleva esta conversación, así que los mensajes automáticos callan",
        Rule::TooOften => "el cliente ya ha recibido últimamente tantos mensajes de este tipo como debe",
        Rule::TooManyInARow => "demasiados mensajes automáticos sin una palabra del cliente",
        Rule::NoWayOut => {
            "una oferta por correo necesita un enlace para darse de baja, y este servidor no tiene una dirección \
             pública para ello"
        }
        Rule::QuietHours => "a esta hora se deja tranquilo al cliente",
        Rule::Clear => "nada se opone",
    }
}

fn remedy(rule: Rule) -> &'static str {
    match rule {
        Rule::OptedOut => "el cliente tendría que escribir START o aceptar de nuevo",
        Rule::Unreachable => "tendría que conocerse una dirección para este canal",
        Rule::Expired => "el plugin tendría que pedirlo antes, o el mensaje tendría que servir durante más tiempo",
        Rule::ToMachine => "tendría que escribir una persona",
        Rule::PluginOff => "el dueño tendría que activar el plugin antes de que llegue su turno",
        Rule::Paused => "el dueño tendría que reanudar los mensajes automáticos",
        Rule::Repeated => "el plugin tendría que usar otra clave",
        Rule::SameText => "las palabras tendrían que ser otras, o tendría que pasar más tiempo",
        Rule::NoConsent => "el cliente tendría que aceptar mensajes de este tipo",
        Rule::PersonHere => "el equipo tendría que cerrar el caso",
        Rule::TooOften => "tendría que pasar algo de tiempo, o el dueño tendría que permitir más",
        Rule::TooManyInARow => "tendría que escribir el cliente o el equipo",
        Rule::NoWayOut => "Attune tendría que iniciarse con su dirección pública",
        Rule::QuietHours => "tendrían que terminar las horas de silencio",
        Rule::Clear => "no tendría que cambiar nada",
    }
}

fn seen(seen: Seen<'_>) -> String {
    match seen {
        Seen::NoStop => "ninguna baja".to_owned(),
        Seen::InSpite => "una baja, a pesar de la cual el equipo decidió escribir".to_owned(),
        Seen::ConfirmsStop => "una confirmación de la baja puede salir".to_owned(),
        Seen::Address => "una dirección para ello".to_owned(),
        Seen::Agreed => "el consentimiento del cliente".to_owned(),
        Seen::NobodyHere => "ningún caso abierto".to_owned(),
        Seen::DuringCase => "un caso abierto, durante el cual estas novedades salen de todos modos".to_owned(),
        Seen::Room { sent, most, hours } => {
            format!("{sent} de {most} como máximo de este tipo en {}", count(hours, "hora", "horas"))
        }
        Seen::InARow { sent, most } => format!("{sent} de {most} como máximo automáticos seguidos"),
        Seen::Awake { clock, zone } => {
            format!("sin horas de silencio para él (para el cliente eran las {clock} h, {zone})")
        }
    }
}

fn event(event: Event<'_>) -> String {
    match event {
        Event::Message { source } => format!("llegó un mensaje del cliente, según `{source}`"),
        Event::Customer { source } => format!("llegaron datos nuevos del cliente, según `{source}`"),
        Event::Appointment { change, source } => {
            let happened = match change {
                "booked" => "se reservó una cita",
                "moved" => "se cambió la hora de una cita",
                "cancelled" => "se canceló una cita",
                "completed" => "tuvo lugar una cita",
                "missed" => "el cliente faltó a una cita",
                _ => "hubo novedades de una cita",
            };
            format!("{happened}, según `{source}`")
        }
        Event::Order { change, source } => {
            let happened = match change {
                "placed" => "se hizo un pedido",
                "updated" => "se modificó un pedido",
                "shipped" => "se envió un pedido",
                "delayed" => "se retrasó un pedido",
                "delivered" => "se entregó un pedido",
                "cancelled" => "se canceló un pedido",
                "refunded" => "se reembolsó un pedido",
                _ => "hubo novedades de un pedido",
            };
            format!("{happened}, según `{source}`")
        }
        Event::Other { kind, source } => format!("llegó el evento {kind}, según `{source}`"),
        Event::Timer { plugin } => format!("venció un recordatorio del plugin {plugin}"),
        Event::Retry { plugin } => format!("se volvió a intentar con el plugin {plugin}"),
        Event::StaffWrote { by } => format!("{by} escribió al cliente"),
        Event::Settled { by } => format!("{by} decidió qué había sido de él"),
        Event::Due => "llegó su turno".to_owned(),
        Event::Answered { channel } => format!("respondió el canal {channel}"),
        Event::Logged(words) => format!("ocurrió lo siguiente: «{words}»"),
    }
}

fn note(note: Note<'_>) -> String {
    match note {
        Note::PersonHas => {
            "una persona lleva esta conversación o ha sido llamada, así que no hay respuesta automática".to_owned()
        }
        Note::AskedIfMachine => "el cliente preguntó si escribe una máquina; Attune dice que sí".to_owned(),
        Note::SaidStop => "el cliente ha dicho stop; responde Attune, no se pregunta a ningún plugin".to_owned(),
        Note::SaidStart => "el cliente ha dicho start; responde Attune, no se pregunta a ningún plugin".to_owned(),
        Note::AskedHelp => "el cliente ha pedido ayuda; responde Attune, no se pregunta a ningún plugin".to_owned(),
        Note::AskedPerson => {
            "el cliente quiere hablar con una persona; Attune la llama, no se pregunta a ningún plugin".to_owned()
        }
        Note::Sent => "el mensaje está enviado".to_owned(),
        Note::Failed => "se ha renunciado a enviar el mensaje".to_owned(),
        Note::Uncertain => "nadie sabe qué ha sido del mensaje".to_owned(),
        Note::Deferred => "el mensaje espera".to_owned(),
        Note::ReaderFailed { plugin, reason } => {
            format!("el plugin {plugin} no pudo leer el texto («{reason}»), así que lo leyó el propio Attune")
        }
        Note::NotYet(reason) => format!("todavía no, porque «{reason}»"),
        Note::Logged(words) => format!("«{words}»"),
    }
}

/// What follows "Para ello".
fn did(did: Did) -> &'static str {
    match did {
        Did::LookedWho => "consultó quién es el cliente",
        Did::Recalled => "consultó lo que había anotado sobre el cliente",
        Did::Remembered => "anotó algo sobre el cliente",
        Did::Tagged => "puso una etiqueta al cliente",
        Did::Untagged => "quitó una etiqueta al cliente",
        Did::ReadLast => "leyó los últimos mensajes",
        Did::JudgedMood => "valoró el tono del mensaje",
        Did::LookedAtMoods => "miró cómo evoluciona el tono",
        Did::Understood => "averiguó qué pide el mensaje",
        Did::SearchedKnowledge => "buscó en las respuestas del negocio",
        Did::CalledPerson => "llamó a una persona",
        Did::LookedForPerson => "miró si una persona lleva la conversación",
        Did::LookedUpAppointment => "consultó la cita",
        Did::LookedUpAppointments => "consultó las próximas citas del cliente",
        Did::NotedAnswer => "anotó lo que el cliente respondió sobre la cita",
        Did::LookedUpOrders => "consultó los pedidos del cliente",
        Did::LookedUpOrder => "consultó el pedido",
        Did::CheckedOrder => "comprobó si un pedido es del cliente",
        Did::SetReminder => "se puso un recordatorio",
        Did::CancelledReminder => "anuló un recordatorio propio",
        Did::LookedIntoNotes => "miró en sus propias notas",
        Did::WroteNotes => "escribió en sus propias notas",
        Did::DeletedNote => "borró una de sus propias notas",
        Did::Counted => "contó",
        Did::LookedUpCount => "consultó un recuento propio",
        Did::LookedUpBusiness => "consultó los datos del negocio",
        Did::LookedIfOpen => "miró si el negocio está abierto",
        Did::LookedWhenOpen => "miró cuándo vuelve a abrir el negocio",
        Did::LookedAtTrends => "miró cuántos clientes están descontentos",
        Did::ShowedStaff => "mostró ejemplos al equipo",
        Did::ToldStaff => "avisó al equipo",
        Did::AskedToSend => "pidió que se enviara un mensaje",
        Did::TookBack => "retiró un mensaje",
    }
}
