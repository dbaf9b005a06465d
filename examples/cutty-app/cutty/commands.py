"""What the agent understands without a model: a few sentences, each the same answer every time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from cutty.toolbox import SHOWN_ROWS, Toolbox, ToolError

Chunk = dict[str, Any]
"""A chunk of the AI SDK's UI message stream."""

HELP = """I have no model, so I understand only a few sentences:
- my name is Ada · what is my name?
- which lists do I have?
- describe people
- count people · count people where city is Inkhaven
- filter people where age > 40
- generate 20 people · generate 10 companies"""

_CONDITION = re.compile(
    r"\bwhere (?P<field>.+?) (?P<operator>is not|is|contains|starts with|>=|<=|>|<) (?P<value>.+?)[.?!]*$",
    re.IGNORECASE,
)
_LIST = re.compile(
    r"^\W*(?:describe|count|filter)\b(?: (?:the |my )?(?P<name>(?!where\b).+?))?(?: where\b.*|[.?!]*)$",
    re.IGNORECASE,
)


async def answer(said: Sequence[str], tools: Toolbox, *, call: str, pause_s: float) -> AsyncIterator[Chunk]:
    """Answer the last of ``said``, the user messages of one conversation, oldest first.

    ``call`` makes ids of tool calls unique; ``pause_s`` is the time between two words in seconds.
    """
    text = said[-1].strip() if said else ""
    yield {"type": "start"}
    yield {"type": "start-step"}
    planned = _plan(text)
    if planned is None:
        reply = _talk(text, said)
    else:
        tool, given, phrase = planned
        id = f"{tool}-{call}"
        yield {"type": "tool-input-available", "toolCallId": id, "toolName": tool, "input": given}
        action: Callable[..., Awaitable[Any]] = getattr(tools, tool)
        try:
            output = await action(**given)
        except ToolError as error:
            yield {"type": "tool-output-error", "toolCallId": id, "errorText": str(error)}
            reply = str(error)
        else:
            yield {"type": "tool-output-available", "toolCallId": id, "output": output}
            reply = phrase(output)
        yield {"type": "finish-step"}
        yield {"type": "start-step"}
    yield {"type": "text-start", "id": "text-1"}
    for word in re.findall(r"\S+\s*", reply):
        yield {"type": "text-delta", "id": "text-1", "delta": word}
        await asyncio.sleep(pause_s)
    yield {"type": "text-end", "id": "text-1"}
    yield {"type": "finish-step"}
    yield {"type": "finish", "finishReason": "stop"}


_Plan = tuple[str, dict[str, Any], Callable[[Any], str]]


def _plan(text: str) -> _Plan | None:
    """The tool a sentence asks for: its name, its arguments, and how to say its result."""
    if found := re.search(r"\bgenerate (\d{1,6}) (people|companies)\b", text, re.IGNORECASE):
        given: dict[str, Any] = {"kind": found[2].lower(), "rows": int(found[1])}
        return (
            "generate_rows",
            given,
            lambda made: f"I made the list “{made['name']}” with {_counted(made['rows'])}.",
        )
    if re.search(r"\b(?:which|what|my|list) (?:lists|datasets)\b", text, re.IGNORECASE):
        return "list_datasets", {}, _lists
    if not (found := _LIST.match(text)):
        return None
    named = {"name": found["name"].strip()} if found["name"] else {}
    condition = _CONDITION.search(text)
    where = {key: value.strip() for key, value in condition.groupdict().items()} if condition else {}
    where |= {"operator": where["operator"].lower()} if where else {}
    verb = re.sub(r"\W", "", text.split()[0]).lower()
    if verb == "describe":
        return "describe_list", named, _description
    if verb == "count":
        return "count", named | where, lambda counted: f"{_counted(counted['count'])} of “{counted['list']}”."
    return ("filter_list", named | where, _rows) if where else None


def _lists(lists: list[dict[str, Any]]) -> str:
    if not lists:
        return "You have no list yet. Upload one, or say: generate 20 people."
    return "Your lists: " + ", ".join(f"{each['name']} ({_counted(each['rows'])})" for each in lists) + "."


def _description(found: dict[str, Any]) -> str:
    fields = ", ".join(
        f"{each['field']} (such as {each['examples'][0]})" for each in found["fields"] if each["examples"]
    )
    return f"“{found['name']}” has {_counted(found['rows'])}. Its fields: {fields or 'empty'}."


def _rows(found: dict[str, Any]) -> str:
    first = f" The first {SHOWN_ROWS} are above." if found["total"] > SHOWN_ROWS else ""
    verb = "fits" if found["total"] == 1 else "fit"
    return f"{_counted(found['total'])} of “{found['list']}” {verb}.{first}"


def _counted(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows} rows"


def _talk(text: str, said: Sequence[str]) -> str:
    if re.search(r"\bwhat(?:'s|’s| is) my name\b", text, re.IGNORECASE):
        names = [found[1].strip() for each in said if (found := _NAME.search(each))]
        return (
            f"Your name is {names[-1]}."
            if names
            else "I do not know. In this conversation nobody told me a name."
        )
    if found := _NAME.search(text):
        return f"Nice to meet you, {found[1].strip()}!"
    if re.search(r"^\W*help\b", text, re.IGNORECASE):
        return HELP
    return f"This is message {len(said)} of this conversation. Say help to see what I understand."


_NAME = re.compile(r"\bmy name is (\w[^\n.,;!?]{0,39})", re.IGNORECASE)
