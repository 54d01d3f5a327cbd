// The line to the server: what is asked, sent and heard. It draws nothing; it tells `on` what happened.
//
// What was written is kept until the server has it, and sent again under the same id, which the server takes once. A stream that
// broke goes on after the last message that is known, so nothing is missed and nothing is asked twice.

const PATIENCE_MS = 45000; // The server says something every 15 s; so much silence is a dead line (or a laptop that slept).
const ANSWER_MS = 30000;
const HIDDEN_MS = 30000; // A page that nobody looks at lets its stream go after this.
const FINAL = [400, 403, 404, 409, 413, 415, 422]; // Answers that will be the same next time.

const pause = (ms) =>
  new Promise((done) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener("online", end);
      done();
    };
    const timer = setTimeout(end, ms);
    addEventListener("online", end);
  });

// One second, two, four ... thirty, each spread so that not all pages come back in the same moment.
const backOff = (tries) => Math.min(30000, 1000 * 2 ** Math.min(tries, 5)) * (0.5 + Math.random() / 2);

const openLine = (place, kept, on) => {
  let pass = kept.get("token");
  let visiting = false;
  let outbox = kept.get("outbox") || [];
  let last; // The newest message that is known.
  let next; // Where earlier messages go on.
  let sending = false;
  let stream; // Ends the stream that is open.
  let hidden;
  let heardAt = 0;

  const call = async (method, path, body, options = {}) => {
    const headers = {};
    if (pass && !options.bare) headers.Authorization = "Bearer " + pass;
    if (body) headers["Content-Type"] = "application/json";
    const answer = await fetch(place + path, {
      method, headers, body: body && JSON.stringify(body), credentials: "include", cache: "no-store",
      signal: options.signal || AbortSignal.timeout(ANSWER_MS),
    });
    if (answer.ok) return answer;
    const told = await answer.json().catch(() => ({}));
    const wait = Number(answer.headers.get("Retry-After")) || 0;
    throw Object.assign(new Error(told.detail || "HTTP " + answer.status), { status: answer.status, wait });
  };
  const ask = async (...request) => (await call(...request)).json();

  const keepOutbox = () => {
    kept.set("outbox", outbox.map(({ id, text }) => ({ id, text })));
    on.outbox(outbox);
  };

  const setPass = (token, store) => {
    pass = token;
    kept.set("token", store ? token : undefined);
  };

  const lose = () => {
    visiting = false;
    setPass(undefined);
  };

  // A cookie keeps the pass out of the page's reach. Only a browser that does not send it back gets it into its storage.
  const visit = async () => {
    const language = document.documentElement.lang;
    const told = await ask("POST", "/visit", /^[a-z]{2,3}(-\w{2,8})*$/i.test(language) ? { language } : {});
    visiting = true;
    if (!told.token) return setPass(undefined);
    setPass(told.token, !!kept.get("token"));
    const seen = await ask("GET", "", undefined, { bare: true }).catch(() => ({}));
    setPass(seen.visiting ? undefined : told.token, true);
  };

  const load = async (before) => {
    const told = await ask("GET", "/messages" + (before ? "?before=" + before : ""));
    next = told.next;
    if (!before) {
      last = told.after;
      on.person(told.person);
    }
    on.messages(told.items.reverse(), !!before, !!next);
  };

  const heard = (part) => {
    const fields = {};
    for (const row of part.split("\n")) {
      const at = row.indexOf(":");
      if (at > 0) fields[row.slice(0, at)] = row.slice(at + 1).trimStart();
    }
    if (!fields.data) return;
    const data = JSON.parse(fields.data);
    if (fields.event === "person") on.person(data);
    if (fields.event === "message") {
      if (!last || data.id > last) last = data.id;
      on.messages([data], false);
    }
  };

  // Follows the conversation until the page is left or hidden.
  const follow = async () => {
    if (stream || !visiting || document.hidden) return;
    const ends = (stream = { tries: 0 });
    while (stream === ends && visiting) {
      const control = (ends.control = new AbortController());
      let alarm;
      const alive = () => {
        heardAt = Date.now();
        clearTimeout(alarm);
        alarm = setTimeout(() => control.abort(), PATIENCE_MS);
      };
      try {
        alive();
        if (!last) await load();
        const answer = await call("GET", "/stream?after=" + last, undefined, { signal: control.signal });
        on.connected(true);
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        for (let rest = ""; ; ) {
          const { value, done } = await reader.read();
          if (done) break;
          alive();
          ends.tries = 0;
          const parts = (rest + value).split("\n\n");
          rest = parts.pop();
          parts.forEach(heard);
        }
      } catch (error) {
        if (error.status === 401) lose();
        else if (error.wait) ends.wait = error.wait * 1000;
      }
      clearTimeout(alarm);
      if (stream !== ends || !visiting) break;
      if (ends.tries++) on.connected(false);
      await pause(ends.wait || backOff(ends.tries - 1));
      ends.wait = 0;
    }
    if (stream === ends) stream = undefined;
  };

  const letGo = () => {
    const ends = stream;
    stream = undefined;
    ends?.control?.abort();
  };

  // Sends what waits, one after the other, until all of it is there or refused for good.
  const flush = async () => {
    if (sending) return;
    sending = true;
    let tries = 0;
    for (let one; (one = outbox.find((waits) => !waits.refused)); ) {
      try {
        one.state = "sending";
        on.outbox(outbox);
        if (!visiting) {
          await visit();
          last = undefined;
        }
        const told = await ask("POST", "/messages", { id: one.id, text: one.text });
        tries = 0;
        one.entry = told.id;
        one.state = "sent";
        outbox = outbox.filter((waits) => waits !== one);
        on.sent(one);
        keepOutbox();
        follow();
      } catch (error) {
        if (error.status === 401 && tries < 3) {
          tries++;
          lose();
        } else if (FINAL.includes(error.status)) {
          Object.assign(one, { refused: true, state: "refused", status: error.status });
          on.outbox(outbox);
        } else {
          const ms = error.wait ? error.wait * 1000 : backOff(tries++);
          Object.assign(one, { state: error.status === 429 ? "wait" : "unsent", until: Date.now() + ms });
          on.outbox(outbox);
          await pause(ms);
        }
      }
    }
    sending = false;
  };

  // After a sleep, or when the browser kept the page aside, the stream may be dead without a word.
  const wake = () => {
    if (Date.now() - heardAt > PATIENCE_MS / 2) letGo();
    follow();
  };
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hidden);
    if (document.hidden) hidden = setTimeout(letGo, HIDDEN_MS);
    else wake();
  });
  addEventListener("pageshow", (event) => event.persisted && wake());
  addEventListener("online", wake);

  return {
    // What the chat looks like; then the conversation, if there is one.
    begin: async () => {
      const about = await ask("GET", "");
      if (about.token) setPass(about.token, true);
      visiting = about.visiting;
      if (pass && !visiting) setPass(undefined);
      return about;
    },
    follow,
    flush,
    older: () => load(next),
    waiting: () => outbox,
    send: (text) => {
      outbox.push({ id: freshId(), text });
      keepOutbox();
      flush();
    },
    drop: (one) => {
      outbox = outbox.filter((waits) => waits !== one);
      keepOutbox();
    },
    again: (one) => {
      one.refused = false;
      flush();
    },
  };
};
