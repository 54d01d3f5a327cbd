// What is seen: a button, a panel with the conversation, a field to write in. All of it stands in a shadow root, and every text
// becomes a text node: nothing that anybody wrote is ever read as markup.

const SVG = "http://www.w3.org/2000/svg";

const el = (name, properties = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made && key !== "role") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== undefined));
  return made;
};

const icon = (path) => {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const drawn = document.createElementNS(SVG, "path");
  drawn.setAttribute("d", path);
  svg.append(drawn);
  return svg;
};

// Black or white, whichever is read better on a colour: one of them always has more than 4.5 to 1.
const onColour = (colour) => {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
};

// A text that runs in its own direction, whichever the page's is.
const own = (text) => el("bdi", {}, text);

// A text with its links: http and https only, shown as they are, and none that hides where it leads behind an @.
const linked = (text, words) => {
  const parts = [];
  let from = 0;
  for (const { 0: found, index } of text.matchAll(/\bhttps?:\/\/[^\s<>"'`]+/gi)) {
    let shown = found.replace(/[.,;:!?…]+$/, "");
    if (shown.endsWith(")") && !shown.includes("(")) shown = shown.slice(0, -1);
    let url;
    try {
      url = new URL(shown);
    } catch {
      continue;
    }
    if (url.username || url.password) continue;
    const hint = el("span", { className: "aside" }, " (" + words.tab + ")");
    parts.push(text.slice(from, index));
    parts.push(el("a", { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow ugc" }, shown, hint));
    from = index + shown.length;
  }
  return [...parts, text.slice(from)];
};

const makePanel = (about, kept, tells) => {
  const language = speak(document.documentElement.lang, about.language);
  const words = WORDS[language];
  const { name } = about;
  const say = (what, values) => fill(words[what], { name, ...values });
  const colour = about.colour || "#1f5f8b";

  const badge = el("span", { className: "badge", hidden: true });
  const launcher = el("button", { type: "button", className: "launcher", "aria-haspopup": "dialog", "aria-expanded": "false" },
    icon("M4 3h16a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2h-8l-5 4.5V17H4a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2z"), badge);
  const status = el("p", { className: "status", role: "status" });
  const close = el("button", { type: "button", className: "close", "aria-label": say("close") },
    icon("M6.4 5 12 10.6 17.6 5 19 6.4 13.4 12l5.6 5.6-1.4 1.4-5.6-5.6L6.4 19 5 17.6l5.6-5.6L5 6.4z"));
  const older = el("button", { type: "button", className: "older", hidden: true }, say("older"));
  const said = el("div", { className: "said" });
  // Read out once, when it stands in the conversation, not with every change of its state.
  const unsent = el("div", { className: "outbox", "aria-live": "off" });
  const log = el("div", { className: "log", role: "log", "aria-live": "polite", "aria-label": say("log"), tabIndex: 0 },
    older, said, unsent);
  const field = el("textarea", { id: "field", rows: 1, placeholder: say("place"), dir: "auto", enterKeyHint: "send" });
  const problem = el("p", { className: "problem", role: "alert" });
  const form = el("form", { noValidate: true },
    el("label", { htmlFor: "field", className: "aside" }, say("label")), field,
    el("button", { type: "submit", className: "send", "aria-label": say("send") },
      icon("M3 4.2 21.5 12 3 19.8l2.2-6.6L14 12 5.2 10.8z")));
  const panel = el("section", { className: "panel", role: "dialog", "aria-labelledby": "title", tabIndex: -1, hidden: true },
    el("header", {}, el("div", {}, el("h2", { id: "title" }, own(name)), status), close), log, problem, form);
  const host = document.createElement("attune-chat");
  const root = host.attachShadow({ mode: "open" });
  const style = new CSSStyleSheet();
  style.replaceSync(STYLE);
  root.adoptedStyleSheets = [style];
  const shell = el("div", { className: "shell", lang: language }, panel, launcher);
  shell.style.setProperty("--colour", colour);
  shell.style.setProperty("--on-colour", onColour(colour));
  root.append(shell);

  const shown = new Set(); // The ids of what stands in the log.
  let newest = "";
  let person = null;
  let connected = true;
  let unread = 0;
  const small = matchMedia("(max-width: 480px), (max-height: 480px)");
  const isOpen = () => !panel.hidden;

  const when = (at) => {
    const day = new Date(at);
    const today = day.toDateString() === new Date().toDateString();
    return day.toLocaleString(language, today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" });
  };

  // By the business's clock, as its own messages tell it; with the zone where that is not the reader's.
  const opens = (at) => {
    const { zone } = about;
    const usual = Intl.DateTimeFormat().resolvedOptions().timeZone === zone;
    const parts = { weekday: "long", day: "numeric", month: "long", hour: "numeric", minute: "2-digit", timeZone: zone };
    return new Date(at).toLocaleString(language, usual ? parts : { ...parts, timeZoneName: "short" });
  };

  const tellStatus = () => {
    let text = say("status");
    if (person?.stage === "taken") text = say("taken", { by: person.by });
    if (person?.stage === "waiting") text = person.from ? say("from", { when: opens(person.from) }) : say("waiting");
    if (!connected) text = say("offline");
    // The same words again would be read out again.
    if (status.textContent !== text) status.replaceChildren(own(text));
  };

  const tellUnread = () => {
    badge.hidden = !unread;
    badge.textContent = unread > 9 ? "9+" : unread;
    launcher.setAttribute("aria-label", say("open") + (unread ? ", " + say("unread", { n: unread }) : ""));
  };

  // Whatever is there is read.
  const look = () => {
    unread = 0;
    tellUnread();
    if (newest) kept.set("seen", newest);
  };

  const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  const toEnd = () => (log.scrollTop = log.scrollHeight);
  // Whoever reads the end goes on reading it when a keyboard or a long draft takes room away.
  let stuck = true;
  log.onscroll = () => (stuck = atEnd());
  new ResizeObserver(() => stuck && toEnd()).observe(log);

  // Who wrote it, for eyes and ears alike: a person by name, the business's automation as what it is.
  const who = (author, staff) => {
    if (author === "customer") return [el("b", {}, say("you"))];
    const isStaff = author === "staff";
    return [el("b", {}, own((isStaff && staff) || name)), " ", el("span", { className: "tag" }, say(isStaff ? "person" : "bot"))];
  };

  const bubble = (author, text, { staff, at, note } = {}) =>
    el("div", { className: "message " + author },
      el("p", { className: "who" }, ...who(author, staff)),
      el("p", { className: "text", dir: "auto" }, ...linked(text, words)),
      at || note ? el("p", { className: "at" }, own(note || when(at))) : undefined);

  const greet = () => {
    const texts = about.greeting;
    const tag = Object.keys(texts).find((one) => speak(one) === language && one.toLowerCase().startsWith(language));
    const text = texts[tag] || texts[about.language] || say("greeting");
    said.append(bubble("host", text));
  };

  const drawUnsent = (outbox) => {
    const follows = atEnd();
    unsent.replaceChildren(...outbox.map((one) => {
      const seconds = Math.max(1, Math.ceil((one.until - Date.now()) / 1000));
      const note = {
        sent: when(Date.now()),
        wait: say("wait", { n: seconds }),
        unsent: say("unsent"),
        refused: say("refused") + " " + say(one.status === 413 || one.status === 422 ? "long" : "shut"),
        sending: say("sending"),
      }[one.state] || say("unsent");
      const made = bubble("customer", one.text, { note });
      made.classList.add(one.state || "unsent");
      if (one.refused) {
        const edit = el("button", { type: "button", className: "small" }, say("edit"));
        edit.onclick = () => {
          field.value = one.text + (field.value ? "\n" + field.value : "");
          tells.drop(one);
          typed();
          field.focus();
        };
        const again = el("button", { type: "button", className: "small" }, say("again"));
        again.onclick = () => tells.again(one);
        made.append(edit, again);
      }
      return made;
    }));
    if (outbox.some((one) => one.refused)) problem.textContent = say("refused");
    if (follows) toEnd();
  };

  const grow = () => {
    field.style.height = "auto";
    field.style.height = field.scrollHeight + field.offsetHeight - field.clientHeight + "px";
  };

  const typed = () => {
    grow();
    problem.textContent = "";
    kept.set("draft", field.value);
  };

  const submit = () => {
    const text = field.value.trim();
    if (!text) return;
    if (new TextEncoder().encode(text).length > about.message_bytes) {
      problem.textContent = say("long");
      return;
    }
    field.value = "";
    typed();
    tells.send(text);
    toEnd();
  };

  // Room for the keyboard of a phone: the part of the window that it leaves.
  const fit = () => {
    const view = window.visualViewport;
    if (view) {
      shell.style.setProperty("--height", view.height + "px");
      shell.style.setProperty("--top", view.offsetTop + "px");
    }
    if (small.matches) panel.setAttribute("aria-modal", "true");
    else panel.removeAttribute("aria-modal");
    shell.classList.toggle("full", small.matches && isOpen());
  };

  const setOpen = (open) => {
    if (open === isOpen()) return;
    panel.hidden = !open;
    shell.dir = getComputedStyle(document.documentElement).direction;
    launcher.setAttribute("aria-expanded", open);
    fit();
    if (open) {
      look();
      grow();
      toEnd();
      tells.opened();
      // On a phone the keyboard would hide what there is to read.
      (matchMedia("(pointer: coarse)").matches ? panel : field).focus();
    } else launcher.focus();
  };

  launcher.onclick = () => setOpen(!isOpen());
  close.onclick = () => setOpen(false);
  older.onclick = () => tells.older();
  field.oninput = typed;
  field.onkeydown = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    }
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    submit();
    field.focus();
  };
  panel.onkeydown = (event) => {
    // What is typed here is not for the page's own shortcuts.
    event.stopPropagation();
    if (event.key === "Escape" && !event.isComposing) setOpen(false);
    if (event.key !== "Tab" || !small.matches) return;
    // A panel that covers the page keeps the focus.
    const stops = [...panel.querySelectorAll("button, a, textarea, [tabindex='0']")].filter((one) => one.offsetParent);
    const [first, final] = [stops[0], stops[stops.length - 1]];
    const at = root.activeElement;
    if (event.shiftKey ? at === first || at === panel : at === final) {
      event.preventDefault();
      (event.shiftKey ? final : first).focus();
    }
  };
  small.addEventListener("change", fit);
  window.visualViewport?.addEventListener("resize", fit);
  window.visualViewport?.addEventListener("scroll", fit);

  field.value = kept.get("draft") || "";
  shell.dir = getComputedStyle(document.documentElement).direction;
  greet();
  tellStatus();
  tellUnread();
  document.body.append(host);

  return {
    messages: (messages, areOlder, more) => {
      const follows = atEnd();
      const height = log.scrollHeight;
      // What was there before is not news to be read out.
      if (more !== undefined) log.setAttribute("aria-busy", "true");
      const seen = kept.get("seen");
      for (const { id, author, text, staff, at } of messages) {
        if (shown.has(id)) continue;
        const drawn = bubble(author, text, { staff, at });
        drawn.dataset.id = id;
        shown.add(id);
        // Ids sort as what they name was said; the greeting has none and stays first.
        let next = null;
        for (let one = said.lastElementChild; one.dataset.id > id; one = one.previousElementSibling) next = one;
        said.insertBefore(drawn, next);
        if (id > newest) newest = id;
        if (author !== "customer" && !isOpen() && (seen ? id > seen : more === undefined)) unread++;
      }
      if (isOpen()) look();
      if (more !== undefined) {
        older.hidden = !more;
        setTimeout(() => log.removeAttribute("aria-busy"), 200);
      }
      if (areOlder) log.scrollTop += log.scrollHeight - height;
      else if (follows) toEnd();
      tellUnread();
    },
    person: (now) => {
      person = now;
      tellStatus();
    },
    connected: (now) => {
      connected = now;
      tellStatus();
    },
    outbox: drawUnsent,
  };
};
