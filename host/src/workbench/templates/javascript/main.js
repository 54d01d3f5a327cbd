// Tells customers who ask whether the business is open, and when it opens again.

import business from "attune:host/business@0.1.0";
import clock from "attune:host/clock@0.1.0";
import message from "attune:host/message@0.1.0";
import settings from "attune:host/settings@0.1.0";
import understanding from "attune:host/understanding@0.1.0";

export const onMessage = {
  handle({ text }) {
    const asks = understanding.intents(text).some((one) => one.name === "opening-hours" && one.confidence >= 0.5);
    if (!asks) return "passed";
    const now = clock.now();
    if (business.isOpen(now)) {
      if (JSON.parse(settings.get()).only_when_closed) return "passed";
      return reply("open", []);
    }
    const at = business.nextOpen(now);
    if (at === null) return "passed";
    const { zone } = business.current();
    return reply("closed", [["opens", { tag: "moment", val: { at, zone } }]]);
  },
};

/** What the host refuses is thrown, and ends the run. */
function reply(template, values) {
  message.send({
    purpose: "reply",
    content: { tag: "template", val: [template, values] },
    channel: null,
    about: null,
    expires: null,
    once: null,
  });
  return "answered";
}
