// The beginning: who is meant by the script's own tag, and the line and the panel put together.

const tag = document.currentScript;

const start = async () => {
  const business = tag.dataset.business || "";
  const place = new URL("v1/chat/" + encodeURIComponent(business), tag.src).href;
  const kept = keepFor(business);
  let panel;
  // A message of our own comes back in the conversation, before or after the answer to its sending. It stands there once: as
  // what is being sent, until both are there.
  let early = [];
  let late = [];
  const heard = new Set();
  const draw = () => panel?.outbox([...late, ...line.waiting()]);
  const line = openLine(place, kept, {
    messages: (messages, ...rest) => {
      const texts = line.waiting().filter((one) => !one.refused).map((one) => one.text);
      const entries = late.map((one) => one.entry);
      const isEarly = ({ author, entry, text }) =>
        author === "customer" && texts.includes(text) && !entries.includes(entry);
      early.push(...messages.filter(isEarly));
      panel.messages(messages.filter((one) => !isEarly(one)), ...rest);
      messages.forEach(({ entry }) => heard.add(entry));
      late = late.filter((one) => !heard.has(one.entry));
      draw();
    },
    sent: (one) => {
      if (!heard.has(one.entry)) late.push(one);
      if (early.length) panel.messages(early);
      early = [];
    },
    person: (person) => panel.person(person),
    connected: (is) => panel.connected(is),
    outbox: draw,
  });
  let about;
  for (let tries = 0; !about; tries++) {
    try {
      about = await line.begin();
    } catch (error) {
      // A wrong key or a page that may not is for the owner to read; a server that is away comes back.
      if (FINAL.includes(error.status)) return console.error("Attune chat: " + error.message);
      await pause(backOff(tries));
    }
  }
  panel = makePanel(about, kept, {
    send: line.send, drop: line.drop, again: line.again, older: line.older,
    opened: () => line.follow(),
  });
  // For whoever measures: after the frame in which the button is there.
  requestAnimationFrame(() => setTimeout(() => performance.mark("attune-chat-painted")));
  line.follow();
  draw();
  line.flush();
};

if (!tag?.dataset.business) console.error('Attune chat: the script tag needs data-business="biz_..."');
else if (!document.querySelector("attune-chat")) {
  if (document.body) start();
  else addEventListener("DOMContentLoaded", start);
}
