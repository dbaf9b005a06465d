"""Lines of the AI SDK 4 data stream (protocol 5.1): a code, a colon, one JSON value, a newline."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from ..wire.chunks import Chunk
from ..wire.response import Outcome

STEP: Final = "f"
TEXT: Final = "0"
REASONING: Final = "g"
SIGNATURE: Final = "j"
CALL_START: Final = "b"
CALL_DELTA: Final = "c"
CALL: Final = "9"
RESULT: Final = "a"
SOURCE: Final = "h"
FILE: Final = "k"
DATA: Final = "2"
ERROR: Final = "3"
STEP_END: Final = "e"
END: Final = "d"

FINISH_REASONS: Final = frozenset(
    {"stop", "length", "content-filter", "tool-calls", "error", "other", "unknown"}
)
"""All that an AI SDK 4 client knows."""

NO_ERROR_TEXT: Final = "The request failed."
"""Said when a turn ended in an error that has no text."""


def line(code: str, value: Any) -> str:
    """One complete line; line breaks inside ``value`` are escaped, so the only raw one is the last character."""
    try:
        return f"{code}:{msgspec.json.encode(value).decode()}\n"
    except (TypeError, ValueError, OverflowError, RecursionError):
        # Integers above 64 bits and lone surrogates: what an author may yield, and msgspec does not write.
        return f"{code}:{json.dumps(value, default=str, separators=(',', ':'))}\n"


def text_of(chunk: Chunk, key: str) -> str:
    """The string at ``key``, or ``""`` when it is missing or of another kind."""
    value = chunk.get(key)
    return value if isinstance(value, str) else ""


def finish_reason(value: object, outcome: Outcome | None = None) -> str:
    """A reason that every AI SDK 4 client knows."""
    if isinstance(value, str) and value:
        return value if value in FINISH_REASONS else "other"
    if outcome == "error":
        return "error"
    return "stop" if outcome in {None, "completed"} else "other"


def usage_of(metadata: object) -> dict[str, int] | None:
    """Token counts from the ``usage`` of message metadata, by the names of AI SDK 4 or of later versions."""
    usage = metadata.get("usage") if isinstance(metadata, dict) else None
    if not isinstance(usage, dict):
        return None
    prompt = _count(usage, "promptTokens", "inputTokens", "input_tokens")
    completion = _count(usage, "completionTokens", "outputTokens", "output_tokens")
    if prompt is None and completion is None:
        return None
    return {"promptTokens": prompt or 0, "completionTokens": completion or 0}


def _count(usage: dict[str, Any], *names: str) -> int | None:
    for name in names:
        value = usage.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return None
