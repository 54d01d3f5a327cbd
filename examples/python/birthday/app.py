"""Wishes customers a happy birthday: once a year, from nine in the morning by their own clock, in their language, and only if
they agreed to such messages.

A birthday comes with an event of the type `customer.birthday.v1` and the data `{"customer": {...}, "birthday":
"1992-02-29"}`; `02-29` will do. Only day and month are kept, as the fact `birthday`. Whoever was born on 29 February is
greeted on 1 March where there is none: never before the day.

Consent, STOP and quiet hours are the host's to see to. A greeting that cannot go out on the day does not go out.
"""

import json
import re
from calendar import isleap, monthrange

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import business, clock, customer, customer_notes, message, schedule, settings
from wit_world.imports.types import Civil, Failure_Reject, Profile

# 29 February is a day that can be told, so days are counted in a leap year.
LEAP_YEAR = 2000


class OnEvent(exports.OnEvent):
    def handle(self, kind: str, data: str) -> None:
        if kind != "customer.birthday.v1":
            return
        told = str(json.loads(data).get("birthday", ""))
        birthday = read(told)
        if birthday is None:
            raise reject(f"birthday `{told}` is no day such as 1992-02-29 or 02-29")
        month, day = birthday
        customer_notes.remember("birthday", f"{month:02}-{day:02}")
        look_at_the_day()


class OnTimer(exports.OnTimer):
    def handle(self, key: str, due: int, note: str) -> None:
        look_at_the_day()


def look_at_the_day() -> None:
    """Greets if today is the day, and sets the timer for the next time. It asks what is known now: since the timer was set the
    customer may have moved, and a host that was down wakes us late."""
    profile = customer.current()
    if profile is None:
        raise reject("the event names no customer")
    birthday = read(customer.recall("birthday") or "")
    if birthday is None:
        return
    zone = profile.zone or business.current().zone
    hour = json.loads(settings.get())["hour"]
    today = business.to_civil(clock.now(), zone)
    this_year = day_in(today.year, birthday)
    if (today.month, today.day) == this_year and today.hour >= hour:
        greet(profile, zone, today)
    is_over = (today.month, today.day, today.hour) >= (*this_year, hour)
    year = today.year + 1 if is_over else today.year
    month, day = day_in(year, birthday)
    schedule.set("birthday", business.to_instant(Civil(year, month, day, hour, 0, 0), zone), "")


def greet(profile: Profile, zone: str, today: Civil) -> None:
    name = message.Value_Text(f", {profile.name}" if profile.name else "")
    message.send(
        message.Draft(
            purpose="marketing",
            content=message.Content_Template(("greeting", [("name", name)])),
            channel=None,
            about=None,
            expires=business.to_instant(Civil(today.year, today.month, today.day, 23, 59, 0), zone),
            once=f"birthday/{today.year}",
        )
    )


def read(text: str) -> tuple[int, int] | None:
    """Month and day of `1992-02-29` or `02-29`. The year is not looked at."""
    found = re.fullmatch(r"(?:.{4}-)?(\d\d)-(\d\d)", text, re.ASCII)
    if found is None:
        return None
    month, day = int(found[1]), int(found[2])
    if not 1 <= month <= 12 or not 1 <= day <= monthrange(LEAP_YEAR, month)[1]:
        return None
    return month, day


def day_in(year: int, birthday: tuple[int, int]) -> tuple[int, int]:
    """When a birthday is celebrated in a year: 29 February is 1 March where there is none."""
    return (3, 1) if birthday == (2, 29) and not isleap(year) else birthday


def reject(reason: str) -> Err:
    return Err(Failure_Reject(reason))
