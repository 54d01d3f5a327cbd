"""Tells customers who ask whether the business is open, and when it opens again."""

import json

from wit_world import exports
from wit_world.exports.on_message import Verdict
from wit_world.imports import business, clock, message, settings, understanding
from wit_world.imports.types import Message, Moment


class OnMessage(exports.OnMessage):
    def handle(self, written: Message) -> Verdict:
        found = understanding.intents(written.text)
        if not any(one.name == "opening-hours" and one.confidence >= 0.5 for one in found):
            return Verdict.PASSED
        now = clock.now()
        if business.is_open(now):
            if json.loads(settings.get())["only_when_closed"]:
                return Verdict.PASSED
            return reply("open", [])
        opens = business.next_open(now)
        if opens is None:
            return Verdict.PASSED
        moment = message.Value_Moment(Moment(opens, business.current().zone))
        return reply("closed", [("opens", moment)])


def reply(template: str, values: list[tuple[str, message.Value]]) -> Verdict:
    """What the host refuses is raised, and ends the run."""
    content = message.Content_Template((template, values))
    message.send(message.Draft("reply", content, None, None, None, None))
    return Verdict.ANSWERED
