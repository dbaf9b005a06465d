"""What a tool call looks like among the parts of a message (protocol 4.4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec

from ..wire.chunks import UIMessage

Part: TypeAlias = dict[str, Any]
"""One entry of a message's ``parts``."""

TERMINAL = frozenset({"output-available", "output-error", "output-denied"})
"""States of a tool call that has its outcome."""


def call_id(part: Part) -> str | None:
    """The ``toolCallId`` when the part is a tool call, static or dynamic; ``None`` for every other part."""
    kind = part.get("type")
    if not isinstance(kind, str) or not (kind.startswith("tool-") or kind == "dynamic-tool"):
        return None
    id = part.get("toolCallId")
    return id if isinstance(id, str) and id else None


def state_of(part: Part) -> str:
    """The state of the part; ``""`` when it has none."""
    state = part.get("state")
    return state if isinstance(state, str) else ""


def tool_name(part: Part) -> str:
    """The name of the tool: from the type of a static part, else from ``toolName``; ``""`` when unknown."""
    kind = part.get("type")
    if isinstance(kind, str) and kind.startswith("tool-"):
        return kind[len("tool-") :]
    name = part.get("toolName")
    return name if isinstance(name, str) else ""


def as_input(value: Any) -> dict[str, Any]:
    """A tool input as models need it: the object, the object a JSON string holds, else ``{}``."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def parts_of(message: UIMessage) -> list[Part]:
    """The parts that are objects with a type; empty when the message has none."""
    parts = message.get("parts")
    if not isinstance(parts, list):
        return []
    return [part for part in parts if isinstance(part, dict) and isinstance(part.get("type"), str)]


def calls_of(message: UIMessage) -> Iterator[tuple[str, Part]]:
    """Every tool call of the message with its id, in order."""
    for part in parts_of(message):
        id = call_id(part)
        if id is not None:
            yield id, part


def text_of(message: UIMessage) -> str:
    """All visible text of the message, joined without a separator."""
    return "".join(
        part["text"]
        for part in parts_of(message)
        if part.get("type") == "text" and isinstance(part.get("text"), str)
    )
