// What the chat says of its own, in four languages; every other page gets the business's language, or English.

const WORDS = {
  en: {
    open: "Chat with {name}", unread: "{n} new", close: "Close chat", log: "Conversation with {name}",
    label: "Your message", place: "Write a message…", send: "Send", you: "You", bot: "automated", person: "a person",
    greeting: "Hello! How can we help?",
    status: "Automated answers are marked. Write PERSON to reach a person.",
    waiting: "A person was called and will answer you here.",
    from: "A person was called. Somebody will be there from {when}.",
    taken: "You are talking to {by}.",
    offline: "No connection. Trying again…",
    sending: "Sending…", unsent: "Not sent yet. It will be sent by itself.",
    wait: "That was a lot at once. It will be sent in {n} s.",
    refused: "Not sent.", long: "This is too long for one message. Please shorten it.", edit: "Edit", again: "Send again",
    shut: "Messages cannot be taken here at the moment.", older: "Earlier messages", tab: "opens in a new tab",
  },
  de: {
    open: "Chat mit {name}", unread: "{n} neu", close: "Chat schließen", log: "Unterhaltung mit {name}",
    label: "Ihre Nachricht", place: "Nachricht schreiben…", send: "Senden", you: "Sie", bot: "automatisch", person: "ein Mensch",
    greeting: "Guten Tag! Wie können wir helfen?",
    status: "Automatische Antworten sind gekennzeichnet. Mit PERSON erreichen Sie einen Menschen.",
    waiting: "Ein Mensch ist gerufen und antwortet Ihnen hier.",
    from: "Ein Mensch ist gerufen. Ab {when} ist jemand da.",
    taken: "Sie sprechen mit {by}.",
    offline: "Keine Verbindung. Neuer Versuch…",
    sending: "Wird gesendet…", unsent: "Noch nicht gesendet. Das geschieht von selbst.",
    wait: "Das war viel auf einmal. Wird in {n} s gesendet.",
    refused: "Nicht gesendet.", long: "Das ist zu lang für eine Nachricht. Bitte kürzen.", edit: "Ändern", again: "Erneut senden",
    shut: "Hier können gerade keine Nachrichten angenommen werden.", older: "Frühere Nachrichten", tab: "öffnet einen neuen Tab",
  },
  fr: {
    open: "Discuter avec {name}", unread: "{n} non lus", close: "Fermer la discussion", log: "Discussion avec {name}",
    label: "Votre message", place: "Écrire un message…", send: "Envoyer", you: "Vous", bot: "automatique", person: "une personne",
    greeting: "Bonjour ! Comment pouvons-nous vous aider ?",
    status: "Les réponses automatiques sont signalées. Écrivez PERSONNE pour joindre une personne.",
    waiting: "Une personne a été appelée et vous répondra ici.",
    from: "Une personne a été appelée. Quelqu'un sera là à partir de : {when}.",
    taken: "Vous parlez avec {by}.",
    offline: "Pas de connexion. Nouvel essai…",
    sending: "Envoi…", unsent: "Pas encore envoyé. L'envoi se fera tout seul.",
    wait: "Cela fait beaucoup d'un coup. Envoi dans {n} s.",
    refused: "Non envoyé.", long: "C'est trop long pour un message. Veuillez le raccourcir.", edit: "Modifier", again: "Renvoyer",
    shut: "Aucun message ne peut être pris ici pour le moment.", older: "Messages précédents", tab: "ouvre un nouvel onglet",
  },
  es: {
    open: "Chatear con {name}", unread: "{n} nuevos", close: "Cerrar el chat", log: "Conversación con {name}",
    label: "Su mensaje", place: "Escriba un mensaje…", send: "Enviar", you: "Usted", bot: "automático", person: "una persona",
    greeting: "¡Hola! ¿En qué podemos ayudarle?",
    status: "Las respuestas automáticas están marcadas. Escriba PERSONA para hablar con una persona.",
    waiting: "Hemos avisado a una persona, que le responderá aquí.",
    from: "Hemos avisado a una persona. Habrá alguien a partir de: {when}.",
    taken: "Está hablando con {by}.",
    offline: "Sin conexión. Nuevo intento…",
    sending: "Enviando…", unsent: "Aún no enviado. Se enviará solo.",
    wait: "Son muchos mensajes a la vez. Se enviará en {n} s.",
    refused: "No enviado.", long: "Es demasiado largo para un mensaje. Acórtelo, por favor.", edit: "Editar", again: "Reenviar",
    shut: "Ahora mismo no se pueden recibir mensajes aquí.", older: "Mensajes anteriores", tab: "se abre en otra pestaña",
  },
};

// The first of some language tags that we speak, else English.
const speak = (...tags) => tags.map((tag) => (tag || "").toLowerCase().split("-")[0]).find((tag) => WORDS[tag]) || "en";

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
