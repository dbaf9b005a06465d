"""From the items a handler produces to the chunks of its stream."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable

from ..agent.output import stream_of, to_chunks
from ..agent.sse import BodyDecoder
from ..agent.turn_trace import MARKS
from ..stream.live import LiveStream
from ..wire.chunks import Chunk


def items_of(result: object) -> AsyncIterator[object]:
    """What a handler returned, item by item. Its own async generator is used as it is: nothing stands between."""
    return result if inspect.isasyncgen(result) else stream_of(result)


class Feed:
    """Hands items to one stream; bytes among them are the body of a response and are decoded on the way.

    ``redact`` is the author's last word on every chunk, ``None`` where there is none. ``note`` is told of the chunks
    with which calls of models and tools begin and end.
    """

    __slots__ = ("_body", "_note", "_redact", "_stream")

    def __init__(
        self,
        stream: LiveStream,
        redact: Callable[[Chunk], Chunk | None] | None = None,
        note: Callable[[Chunk], None] | None = None,
    ) -> None:
        self._note = note
        self._stream = stream
        self._redact = redact
        self._body: BodyDecoder | None = None

    def take(self, item: object) -> str | None:
        """One item; the text of an in-band error, which ends the turn, else ``None``."""
        if isinstance(item, bytes | bytearray | memoryview):
            self._body = self._body or BodyDecoder()
            return self._take_all(self._body.feed(bytes(item)))
        chunks = to_chunks(item)
        return self._take_all([chunks] if isinstance(chunks, str) else chunks)

    def finish(self) -> str | None:
        """What was held back at the end of a body."""
        return self._take_all(self._body.finish()) if self._body is not None else None

    def _take_all(self, items: list[Chunk | str] | list[Chunk] | list[str]) -> str | None:
        for item in items:
            if isinstance(item, str):
                self._text(item)
            elif item.get("type") == "error":
                return str(item.get("errorText") or "The agent reported an error.")
            elif isinstance(kind := item.get("type"), str):
                if kind in MARKS and self._note is not None:
                    self._note(item)
                redacted = item if self._redact is None else self._redact(item)
                if redacted is not None:
                    self._stream.chunk(redacted)
            else:
                error = self.take(item)
                if error is not None:
                    return error
        return None

    def _text(self, text: str) -> None:
        if self._redact is not None:
            redacted = self._redact({"type": "text-delta", "delta": text})
            text = "" if redacted is None else str(redacted.get("delta", ""))
        if text:
            self._stream.text(text)
