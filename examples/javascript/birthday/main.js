// Wishes customers a happy birthday: once a year, from nine in the morning by their own clock, in their language, and only if
// they agreed to such messages.
//
// A birthday comes with an event of the type `customer.birthday.v1` and the data `{"customer": {...}, "birthday":
// "1992-02-29"}`; `02-29` will do. Only day and month are kept, as the fact `birthday`. Whoever was born on 29 February is
// greeted on 1 March where there is none: never before the day.
//
// Consent, STOP and quiet hours are the host's to see to. A greeting that cannot go out on the day does not go out.

import business from "attune:host/business@0.1.0";
import clock from "attune:host/clock@0.1.0";
import notes from "attune:host/customer-notes@0.1.0";
import customer from "attune:host/customer@0.1.0";
import message from "attune:host/message@0.1.0";
import schedule from "attune:host/schedule@0.1.0";
import settings from "attune:host/settings@0.1.0";

export const onEvent = {
  handle(kind, data) {
    if (kind !== "customer.birthday.v1") return;
    const told = String(JSON.parse(data).birthday ?? "");
    const birthday = read(told);
    if (!birthday) throw reject(`birthday \`${told}\` is no day such as 1992-02-29 or 02-29`);
    notes.remember("birthday", birthday.map((number) => String(number).padStart(2, "0")).join("-"));
    lookAtTheDay();
  },
};

export const onTimer = {
  handle(_key, _due, _note) {
    lookAtTheDay();
  },
};

/**
 * Greets if today is the day, and sets the timer for the next time. It asks what is known now: since the timer was set the
 * customer may have moved, and a host that was down wakes us late.
 */
function lookAtTheDay() {
  const profile = customer.current();
  if (!profile) throw reject("the event names no customer");
  const birthday = read(customer.recall("birthday") ?? "");
  if (!birthday) return;
  const zone = profile.zone ?? business.current().zone;
  const { hour } = JSON.parse(settings.get());
  const today = business.toCivil(clock.now(), zone);
  const thisYear = dayIn(today.year, birthday);
  if (today.month === thisYear[0] && today.day === thisYear[1] && today.hour >= hour) greet(profile, zone, today);
  const isOver = compare([today.month, today.day, today.hour], [...thisYear, hour]) >= 0;
  const year = isOver ? today.year + 1 : today.year;
  const [month, day] = dayIn(year, birthday);
  schedule.set("birthday", business.toInstant({ year, month, day, hour, minute: 0, weekday: 0 }, zone), "");
}

function greet(profile, zone, today) {
  message.send({
    purpose: "marketing",
    content: {
      tag: "template",
      val: ["greeting", [["name", { tag: "text", val: profile.name === null ? "" : `, ${profile.name}` }]]],
    },
    channel: null,
    about: null,
    expires: business.toInstant({ ...today, hour: 23, minute: 59 }, zone),
    once: `birthday/${today.year}`,
  });
}

/** Month and day of `1992-02-29` or `02-29`. The year is not looked at. */
function read(text) {
  const [, month, day] = (/^(?:.{4}-)?(\d\d)-(\d\d)$/.exec(text) ?? []).map(Number);
  const days = month === 2 ? 29 : [4, 6, 9, 11].includes(month) ? 30 : 31;
  return month >= 1 && month <= 12 && day >= 1 && day <= days ? [month, day] : null;
}

/** When a birthday is celebrated in a year: 29 February is 1 March where there is none. */
function dayIn(year, [month, day]) {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && day === 29 && !isLeap ? [3, 1] : [month, day];
}

/** Which of two lists of numbers comes first: below zero the one on the left. */
function compare(left, right) {
  const differs = left.findIndex((number, place) => number !== right[place]);
  return differs < 0 ? 0 : left[differs] - right[differs];
}

function reject(reason) {
  return { tag: "reject", val: reason };
}
