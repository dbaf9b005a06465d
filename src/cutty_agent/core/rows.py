"""A stored message in a cheap form: JSON text that is decoded only when somebody reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, overload

import msgspec

from ..wire.chunks import UIMessage
from .legacy import normalise

MAX_DEPTH = 200
"""Levels of objects and arrays in one message. Deeper ones are unreadable: walking them would exhaust the stack."""

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode

UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What decoding somebody else's JSON may raise (``msgspec.ValidationError`` is one of the first)."""

_OPEN_STATES = (b'"input-streaming"', b'"input-available"', b'"approval-requested"', b'"approval-responded"')


def read(body: bytes) -> dict[str, Any]:
    """The JSON object a client or an older version wrote.

    Raises:
        DecodeError, UnicodeError, RecursionError: not a JSON object, or nested deeper than :data:`MAX_DEPTH`.
    """
    value = _decode(body)
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH:
        level: list[Any] = [value]
        for _ in range(MAX_DEPTH):
            level = [
                item
                for holder in level
                for item in (holder.values() if isinstance(holder, dict) else holder)
                if isinstance(item, (dict, list))
            ]
            if not level:
                return value
        raise msgspec.DecodeError(f"The message is nested deeper than {MAX_DEPTH} levels.")
    return value


class Row(msgspec.Struct, eq=False, gc=False):
    """One message of a transcript: ``id``, ``role`` and the JSON text of the whole message. Treat as immutable.

    ``seen`` remembers the last client copy that changed nothing, as a hash, so that it need not be read again.
    """

    id: str
    role: str
    body: bytes
    seen: int | None = None
    _open_calls: bool | None = None

    @classmethod
    def of(cls, message: UIMessage, *, seen: int | None = None) -> Row:
        """The row of a message in v5 form."""
        return cls(message["id"], message["role"], _encode(message), seen=seen)

    def message(self) -> UIMessage:
        """The message, decoded anew for each call: the caller may change what it gets."""
        return _decode(self.body)

    @property
    def open_calls(self) -> bool:
        """May have a tool call without an outcome. False is certain; true may be text that looks like one."""
        if self._open_calls is None:
            body = self.body
            self._open_calls = b'"toolCallId"' in body and any(state in body for state in _OPEN_STATES)
        return self._open_calls

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Row):
            return NotImplemented
        return self.id == other.id and self.role == other.role and self.body == other.body

    def __hash__(self) -> int:
        return hash((self.id, self.body))

    def __repr__(self) -> str:
        return f"Row(id={self.id!r}, role={self.role!r}, body={self.body!r})"


class Grown(Sequence[Row]):
    """The rows ``before`` with ``added`` at their end, without a copy. Good until ``before`` grows itself."""

    __slots__ = ("added", "before")

    def __init__(self, before: Sequence[Row], added: list[Row]) -> None:
        self.before = before
        self.added = added

    def __len__(self) -> int:
        return len(self.before) + len(self.added)

    def __iter__(self) -> Iterator[Row]:
        return chain(self.before, self.added)

    def __reversed__(self) -> Iterator[Row]:
        return chain(reversed(self.added), reversed(self.before))

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, list | Grown) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # like that of a list

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> list[Row]: ...
    def __getitem__(self, at: Any) -> Any:
        return [*self.before, *self.added][at]


class _PartShape(msgspec.Struct):
    type: str
    input: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    text: str | msgspec.UnsetType = msgspec.UNSET
    url: str | msgspec.UnsetType = msgspec.UNSET
    toolInvocation: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Shape(msgspec.Struct):
    id: str
    role: str
    parts: list[_PartShape]
    content: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_shape = msgspec.json.Decoder(_Shape).decode


def load(bodies: Iterable[bytes]) -> list[Row]:
    """The rows of a stored transcript, in order.

    v4 shapes and malformed tool inputs are healed (the row's body is then the healed one), rows that cannot be
    read and second rows of one id are skipped.
    """
    rows: list[Row] = []
    ids: set[str] = set()
    for index, body in enumerate(bodies):
        row = _sound(body) or _healed(body, index)
        if row is not None and row.id not in ids:
            ids.add(row.id)
            rows.append(row)
    return rows


def _sound(body: bytes) -> Row | None:
    """The row when a look at its outline shows today's form."""
    try:
        shape = _shape(body)
    except UNREADABLE:
        return None
    if (
        not shape.id
        or shape.role not in {"user", "assistant", "system"}
        or shape.content is not msgspec.UNSET
    ):
        return None
    return Row(shape.id, shape.role, body) if all(_is_current(part) for part in shape.parts) else None


def _is_current(part: _PartShape) -> bool:
    if part.toolInvocation is not msgspec.UNSET or part.type == "source":
        return False
    if part.type in {"text", "reasoning"}:
        return part.text is not msgspec.UNSET
    if part.type == "file":
        return part.url is not msgspec.UNSET
    return part.input is msgspec.UNSET or bytes(part.input).startswith(b"{")


def _healed(body: bytes, index: int) -> Row | None:
    try:
        message = normalise(read(body), index)
    except UNREADABLE:
        return None
    return Row.of(message) if message is not None else None
