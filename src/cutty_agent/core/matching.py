"""Which stored row a client means by an id the server never gave (protocol 3.11, rules 2 and 3)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec

from ..wire.chunks import UIMessage
from .parts import Part, as_input, calls_of, parts_of, text_of, tool_name
from .rows import Row
from .sanitize import sanitize

_encode = msgspec.json.Encoder(order="sorted").encode


class Candidates:
    """Rows that no incoming message has claimed yet. Each is given away once, the oldest match first."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows: dict[str, Row] = {}
        self._by_call: dict[tuple[str, str, str, bytes], deque[str]] = {}
        self._by_content: dict[tuple[str, bytes], deque[str]] = {}
        self._by_text: dict[tuple[str, str], deque[str]] = {}
        for row in rows:
            self._add(row)

    def _add(self, row: Row) -> None:
        message = row.message()
        self._rows[row.id] = row
        calls = list(calls_of(message))
        for id, part in calls:
            self._by_call.setdefault((row.role, *_call_key(id, part)), deque()).append(row.id)
        if not calls:
            self._by_content.setdefault((row.role, content_key(message)), deque()).append(row.id)
        self._by_text.setdefault((row.role, text_of(message).strip()), deque()).append(row.id)

    def claim(self, message: UIMessage, *, bare: bool) -> Row | None:
        """The row of the same role that this message is a copy of, and it is gone; ``None`` when there is none.

        ``bare`` says the client knows only text (it sent ``content`` and no ``parts``): then the joined text
        decides, whatever else the row holds.
        """
        role = message["role"]
        calls = list(calls_of(message))
        if calls:
            for id, part in calls:
                row = self._take(self._by_call.get((role, *_call_key(id, part))))
                if row is not None:
                    return row
            return None
        if bare:
            return self._take(self._by_text.get((role, text_of(message).strip())))
        return self._take(self._by_content.get((role, content_key(message))))

    def _take(self, ids: deque[str] | None) -> Row | None:
        while ids:
            row = self._rows.pop(ids.popleft(), None)
            if row is not None:
                return row
        return None


def _call_key(id: str, part: Part) -> tuple[str, str, bytes]:
    return id, tool_name(part), _encode(as_input(part.get("input")))


def content_key(message: UIMessage) -> bytes:
    """What is the same in two copies of one message without tool calls: its text, else all of its parts."""
    text = text_of(message).strip()
    if text:
        return text.encode("utf-8", "surrogatepass")
    kept = [part for part in parts_of(sanitize(message)) if part.get("type") != "step-start"]
    return b"\0" + _encode(kept)
