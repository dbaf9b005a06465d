"""What visitors say, and what happens to their turns."""

from __future__ import annotations

from random import Random
from typing import Literal

TOLD = (
    "Please remember {c}.",
    "My name is {c}.",
    "What is the weather in {c}? Use a tool.",
    "think about {c}",
    "Look up {c} for me.",
    "count to 20, {c}",
)
ASKED = ("What is my name?", "What did I tell you?", "What is the weather here? Use a tool.")
"""Without a canary and the same for all: whatever is kept by the question alone now answers somebody else."""

LAST = "Please remember {c} as well."

FAIL = "fail {c}"
"""The demo model and the repeating model fail when they are asked to; what others make of it is their affair."""

MALFORMED = (
    '{"type":"cf_agent_use_chat_request","id":7}',
    '{"type":"cf_agent_use_chat_request","id":"bad","init":{"method":"POST","body":"{"}}',
    '{"type":"cf_agent_chat_request_cancel"}',
    '{"type":"cf_agent_tool_result","toolCallId":"none","output":1}',
    "{",
)


Fate = Literal["plain", "fail", "cancel", "break off", "clear", "sleep", "http", "http stop"]

_FATES: tuple[Fate, ...] = (
    *(("plain",) * 7),
    *(("fail",) * 2),
    *(("cancel",) * 4),
    *(("http",) * 3),
    *(("break off",) * 2),
    "clear",
    "sleep",
    "http stop",
)


def fates(count: int, rng: Random) -> list[Fate]:
    """What happens to so many turns, in an order by chance and in fixed shares, so that short runs have all of it."""
    return [_FATES[at % len(_FATES)] for at in rng.sample(range(count), count)]
