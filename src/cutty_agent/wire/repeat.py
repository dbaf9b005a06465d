"""The transcript that a client sends again with every chat request: what was read before is not read again.

``useAgentChat`` sends the whole conversation each time (protocol 3.2): at 5,000 messages a megabyte and more, of which
only the last few hundred bytes are new. The text of a request tells where those begin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

import msgspec

LEAST = 16 * 1024
"""Bytes from which on a frame is worth comparing; shorter ones are read faster than compared."""

_LIST = b'"body":"{\\"messages\\":['
_FAR = 1024
"""Where the list begins at the latest: the frame's id stands before it."""

_text = msgspec.json.Decoder(str).decode
_values = msgspec.json.Decoder(list[msgspec.Raw]).decode


def comparable(text: bytes | str) -> TypeGuard[bytes]:
    """Whether a frame is long enough."""
    return isinstance(text, bytes) and len(text) >= LEAST


class Repeat:
    """The ``count`` messages of a chat request, as the list of the next one is expected to begin."""

    __slots__ = ("_list", "count")

    def __init__(self, list: bytes, count: int) -> None:
        self.count = count
        self._list = list

    @classmethod
    def of(
        cls, text: bytes, messages: Sequence[msgspec.Raw | bytes], *, after: Repeat | None = None
    ) -> Repeat | None:
        """The list of this frame. ``messages`` are those that were read of it, behind those of ``after`` where it was
        cut. ``None`` when the frame is too short, or not written as the clients write it."""
        if not comparable(text) or not messages:
            return None
        start = _list_start(text)
        if start is None:
            return None
        fresh, count = (start, 0) if after is None else (start + len(after._list) + 1, after.count)
        last = _escaped(messages[-1])
        at = text.rfind(last, fresh)
        end = at + len(last)
        if at < 0 or text[end : end + 1] != b"]" or not _are(text[fresh:end], len(messages)):
            return None
        return cls(text[start:end], count + len(messages))

    def cut(self, text: bytes | str) -> bytes | None:
        """A frame without the messages of this one, with which its list must begin and not end; else ``None``."""
        if not comparable(text):
            return None
        start = _list_start(text)
        if start is None:
            return None
        end = start + len(self._list)
        if text[end : end + 1] != b"," or not text.startswith(self._list, start):
            return None
        return text[:start] + text[end + 1 :]


def _are(escaped: bytes, count: int) -> bool:
    """Whether that really is so many messages, and not the beginning of one or more than a list."""
    try:
        return len(_values("[" + _text(b'"' + escaped + b'"') + "]")) == count
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _list_start(text: bytes) -> int | None:
    at = text.find(_LIST, 1, _FAR)
    return None if at < 0 or text[at - 1] not in b"{," else at + len(_LIST)


def _escaped(message: msgspec.Raw | bytes) -> bytes:
    """A JSON text as it stands in a JSON string, without the quotes."""
    return msgspec.json.encode(bytes(message).decode())[1:-1]
