"""Making a message fit a byte limit, and a transcript a row limit (protocol 3.11, Size and Trim).

Storage is lossless by default; compaction is what an agent setting turns on.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..wire.chunks import UIMessage
from .parts import Part, call_id, state_of

LONG = 1000
"""Characters above which a tool output or a text may be shortened."""

PREVIEW = 500
"""Characters that stay of a shortened text or string."""

_LEAF = 200  # characters that stay of a string inside a structured output
_ANNOTATION = 64  # bytes for naming the shortened texts in the metadata, indexes apart


def compact(message: UIMessage, limit_bytes: int) -> UIMessage:
    """The message, shortened when its JSON is over ``limit_bytes`` of UTF-8; else the very same object.

    Tool outputs over :data:`LONG` characters go first, all of them; then texts, oldest first, until it fits. What
    was shortened is named in ``metadata.compactedToolOutputs`` (call ids) and ``metadata.compactedTextParts``
    (indexes). When that is not enough the result is as small as this gets, and still over the limit.
    """
    if _size(message) <= limit_bytes or not isinstance(message.get("parts"), list):
        return message
    parts = list(message["parts"])
    calls: list[str] = []
    for at, part in enumerate(parts):
        id = call_id(part) if isinstance(part, dict) else None
        if id is not None and state_of(part) == "output-available" and _length(part.get("output")) > LONG:
            parts[at] = {**part, "output": shortened(part["output"])}
            calls.append(id)
    result = _annotated(message, parts, "compactedToolOutputs", calls)
    if _size(result) <= limit_bytes:
        return result
    texts: list[int] = []
    over = _size(result) - limit_bytes + _ANNOTATION
    for at, part in enumerate(parts):
        if over <= 0:
            break
        if _is_long_text(part):
            parts[at] = _short_text(part)
            texts.append(at)
            over += _size(parts[at]) + len(f"{at},") - _size(part)
    return _annotated(result, parts, "compactedTextParts", texts)


def shortened(output: Any) -> Any:
    """A tool output of at most about :data:`LONG` characters, of the same shape where that is possible."""
    if isinstance(output, str):
        return _cut(output, PREVIEW)
    shape = _leaves_cut(output)
    if _length(shape) <= LONG:
        return shape
    if isinstance(shape, list):
        kept_items = shape[: _how_many([_chars(item) + 1 for item in shape])]
        if kept_items:
            return [*kept_items, _marker(_length(output) - _length(kept_items))]
    if isinstance(shape, dict):
        sizes = [_chars(key) + _chars(value) + 2 for key, value in shape.items()]
        kept = dict(list(shape.items())[: _how_many(sizes)])
        if kept:
            return {**kept, "truncated": _marker(_length(output) - _length(kept))}
    return _cut(_json(output).decode(), PREVIEW)


def _how_many(sizes: list[int]) -> int:
    room = LONG - 60  # for the marker and the brackets
    for count, size in enumerate(sizes):
        room -= size
        if room < 0:
            return count
    return len(sizes)


def _leaves_cut(value: Any) -> Any:
    if isinstance(value, str):
        return _cut(value, _LEAF)
    if isinstance(value, list):
        return [_leaves_cut(item) for item in value]
    if isinstance(value, dict):
        return {key: _leaves_cut(item) for key, item in value.items()}
    return value


def _cut(text: str, keep: int) -> str:
    return text if len(text) <= keep else text[:keep] + _marker(len(text) - keep)


def _marker(characters: int) -> str:
    return f"... [truncated {characters} chars]"


def _is_long_text(part: Any) -> bool:
    text = part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None
    return isinstance(text, str) and len(text) > LONG


def _short_text(part: Part) -> Part:
    text: str = part["text"]
    note = f"[Text truncated for storage ({len(text)} chars). First {PREVIEW} chars: {text[:PREVIEW]}...]"
    return {**part, "text": note}


def _annotated(message: UIMessage, parts: list[Any], key: str, value: list[Any]) -> UIMessage:
    if not value:
        return message
    metadata = message.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        return {**message, "parts": list(parts)}
    return {**message, "metadata": {**(metadata or {}), key: value}, "parts": list(parts)}


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str) else _chars(value)


def _chars(value: Any) -> int:
    return len(_json(value).decode())


def _size(value: Any) -> int:
    return len(_json(value))


_json = msgspec.json.Encoder().encode
