// Tells customers who ask whether the business is open, and when it opens again.

import business from "attune:host/business@0.1.0";
import clock from "attune:host/clock@0.1.0";
import message, { type Value } from "attune:host/message@0.1.0";
import settings from "attune:host/settings@0.1.0";
import understanding from "attune:host/understanding@0.1.0";
import type { Verdict } from "attune:automation/on-message@0.1.0";
import type { Message } from "attune:types/types@0.1.0";

export const onMessage = {
  handle({ text }: Message): Verdict {
    const asks = understanding.intents(text).some((one) => one.name === "opening-hours" && one.confidence >= 0.5);
    if (!asks) return "passed";
    const now = clock.now();
    if (business.isOpen(now)) {
      const { only_when_closed } = JSON.parse(settings.get()) as { only_when_closed: boolean };
      return only_when_closed ? "passed" : reply("open", []);
    }
    const at = business.nextOpen(now);
    if (at === null) return "passed";
    const { zone } = business.current();
    return reply("closed", [["opens", { tag: "moment", val: { at, zone } }]]);
  },
};

/** What the host refuses is thrown, and ends the run. */
function reply(template: string, values: [string, Value][]): Verdict {
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
