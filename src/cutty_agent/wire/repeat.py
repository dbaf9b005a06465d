"""The transcript that a client sends again with every chat request: what was read before is not read again.

``useAgentChat`` sends the whole conversation each time (protocol 3.2): at 5,000 messages a megabyte and more, of which
only the last few hundred bytes are new. The text of a request tells where those begin.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

LEAST = 16 * 1024
"""Bytes from which on a frame is worth comparing; shorter ones are read faster than compared."""

_LIST = b'"body":"{\\"messages\\":['
_FAR = 1024
"""Where the list begins at the latest: the frame's id stands before it."""

_text = msgspec.json.Decoder(str).decode
_values = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Repeat:
    """One chat request, as far as the next one is expected to repeat it.

    ``text`` is the frame; its list of ``count`` messages lies between ``start`` and ``end``. Of these, the first
    ``checked`` are known to end at ``checked_end``: the rest is counted when it is needed for the first time.
    """

    __slots__ = ("_checked", "_checked_end", "_end", "_start", "_text", "count")

    def __init__(
        self,
        text: bytes,
        start: int,
        end: int,
        count: int,
        *,
        checked: int = 0,
        checked_end: int | None = None,
    ) -> None:
        self.count = count
        self._text = text
        self._start = start
        self._end = end
        self._checked = checked
        self._checked_end = start if checked_end is None else checked_end

    @classmethod
    def of(
        cls, text: bytes, messages: Sequence[msgspec.Raw | bytes], *, after: Repeat | None = None
    ) -> Repeat | None:
        """The request of this frame. ``messages`` are those that were read of it, behind those of ``after`` where it
        was cut. ``None`` when it is too short, or not written as the clients write it."""
        if len(text) < LEAST or not messages:
            return None
        start = _list_start(text)
        if start is None:
            return None
        length = 0 if after is None else after._end - after._start
        last = _escaped(messages[-1])
        at = text.rfind(last, start + length)
        end = at + len(last)
        if at < 0 or text[end : end + 1] != b"]":
            return None
        if after is None:
            return cls(text, start, end, len(messages))
        return cls(
            text,
            start,
            end,
            after.count + len(messages),
            checked=after.count,
            checked_end=start + length,
        )

    def cut(self, text: bytes | str) -> bytes | None:
        """A frame without the messages of this one, with which its list must begin and not end; else ``None``."""
        if not isinstance(text, bytes) or len(text) < LEAST:
            return None
        start = _list_start(text)
        if start is None:
            return None
        end = start + self._end - self._start
        if text[end : end + 1] != b"," or not text.startswith(self._text[self._start : self._end], start):
            return None
        if not self._counted():
            return None
        return text[:start] + text[end + 1 :]

    def _counted(self) -> bool:
        """Whether what is compared really is that many messages, and not the beginning of one or more than a list."""
        if self._checked == self.count:
            return True
        at = self._checked_end + 1 if self._checked else self._start
        try:
            found = _values("[" + _text(b'"' + self._text[at : self._end] + b'"') + "]")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        if self._checked + len(found) != self.count:
            return False
        self._checked, self._checked_end = self.count, self._end
        return True


def _list_start(text: bytes) -> int | None:
    at = text.find(_LIST, 1, _FAR)
    return None if at < 0 or text[at - 1] not in b"{," else at + len(_LIST)


def _escaped(message: msgspec.Raw | bytes) -> bytes:
    """A JSON text as it stands in a JSON string, without the quotes."""
    return msgspec.json.encode(bytes(message).decode())[1:-1]
