"""Bodies of bytes read piece by piece, whatever the places where the network cuts them."""

from __future__ import annotations

import codecs
import re
from typing import Protocol

import msgspec

from ..errors import TooLarge
from ..wire.chunks import Chunk

MAX_LINE = 16 * 1024 * 1024
"""Characters of one line. A line carries one JSON chunk; files travel in it as data URLs."""

_LINE_END = re.compile(r"[\r\n]")  # not splitlines(): JSON may hold U+2028 and U+0085 unescaped
_FIELD = re.compile(r"(data|event|id|retry)?:")
_FIELD_LENGTH = len("event:")


class Decoder(Protocol):
    """Pieces of one body in, what they complete out. The cuts between pieces never change the result."""

    def feed(self, piece: bytes) -> list[Chunk | str]:
        """What this piece completes."""
        ...

    def finish(self) -> list[Chunk | str]:
        """What was still held back at the end of the body."""
        ...


class TextDecoder:
    """Plain text in UTF-8; bytes that are not become U+FFFD."""

    def __init__(self) -> None:
        self._text = codecs.getincrementaldecoder("utf-8-sig")("replace")

    def feed(self, piece: bytes) -> list[Chunk | str]:
        """The characters that this piece completes."""
        text = self._text.decode(piece)
        return [text] if text else []

    def finish(self) -> list[Chunk | str]:
        """U+FFFD when the body ended inside a character."""
        text = self._text.decode(b"", final=True)
        return [text] if text else []


class SseDecoder:
    """A ``text/event-stream`` body: the chunks in its ``data:`` lines.

    A chunk is a JSON object with a string ``type``, or with ``choices`` as OpenAI sends it. ``[DONE]``,
    comments, other fields and everything that is not such an object are skipped (protocol 4.5).
    """

    def __init__(self) -> None:
        self._text = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._line: list[str] = []
        self._length = 0

    def feed(self, piece: bytes) -> list[Chunk | str]:
        """The chunks that this piece completes.

        Raises:
            TooLarge: a line is longer than :data:`MAX_LINE`.
        """
        return self._take(self._text.decode(piece))

    def finish(self) -> list[Chunk | str]:
        """The chunk of a last line that has no line end."""
        return self._take(self._text.decode(b"", final=True) + "\n")

    def _take(self, text: str) -> list[Chunk | str]:
        first, *others = _LINE_END.split(text)
        self._line.append(first)
        self._length += len(first)
        found: list[Chunk | str] = []
        for start in others:
            if (chunk := _chunk_of("".join(self._line))) is not None:
                found.append(chunk)
            self._line = [start]
            self._length = len(start)
        if self._length > MAX_LINE:
            raise TooLarge(
                f"A line of the event stream is longer than {MAX_LINE} characters.",
                remedy="Send large files as links instead of data URLs.",
            )
        return found


class BodyDecoder:
    """A body that does not say what it is: events if it begins with a field of an event, else plain text."""

    def __init__(self) -> None:
        self._head = b""
        self._decoder: Decoder | None = None

    def feed(self, piece: bytes) -> list[Chunk | str]:
        """What this piece completes; nothing before the first six characters are known."""
        if self._decoder is None:
            self._head += piece
            if len(_beginning(self._head)) < _FIELD_LENGTH:
                return []
            return self._decide()
        return self._decoder.feed(piece)

    def finish(self) -> list[Chunk | str]:
        """What was still held back at the end of the body."""
        found = self._decide() if self._decoder is None else []
        return found + (self._decoder.finish() if self._decoder else [])

    def _decide(self) -> list[Chunk | str]:
        self._decoder = SseDecoder() if _FIELD.match(_beginning(self._head)) else TextDecoder()
        head, self._head = self._head, b""
        return self._decoder.feed(head)


def _beginning(head: bytes) -> str:
    return head.removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n").decode("utf-8", "ignore")


def _chunk_of(line: str) -> Chunk | None:
    if not line.startswith("data:"):
        return None
    try:
        value = msgspec.json.decode(line[5:])
    except (msgspec.DecodeError, RecursionError):
        return None
    if isinstance(value, dict) and (
        isinstance(value.get("type"), str) or isinstance(value.get("choices"), list)
    ):
        return value
    return None
