"""The stream of one running answer: folded, stored, then shown; followed by any number of readers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import lru_cache
from typing import Any, Final

import msgspec

from ..core.fold import Fold, continuation_chunk
from ..core.rebuild import JOINED
from ..errors import TooLarge
from ..wire.chunks import Chunk
from ..wire.response import Outcome, ResponseFrames
from ..wire.surrogates import whole, whole_text
from .bodies import Bodies, Deltas

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode_lines = msgspec.json.Encoder().encode_lines

END: Final = object()
"""There are no more items."""

HIGH_WATER = 256
"""Chunks that may wait for the store before the producer has to wait."""

WORD = 1024
"""Characters of a piece of text up to which it is taken in without looking at every bound."""


_FINISH: Chunk = {"type": "finish", "finishReason": "stop"}
_FINISH_BODY = _encode(_FINISH)


@lru_cache(maxsize=8)
def _text_bodies(text_id: str) -> tuple[bytes, bytes, bytes]:
    """How the chunks of a text part of this id look: its start, what stands before the text of a delta, its end."""
    id = _encode(text_id)
    return (
        b'{"type":"text-start","id":%b}' % id,
        b'{"type":"text-delta","id":%b,"delta":' % id,
        b'{"type":"text-end","id":%b}' % id,
    )


class Ending(msgspec.Struct, frozen=True, gc=False):
    """How a stream ended. ``error`` is the text for the visitor, ``in_band`` when the producer sent it as a chunk;
    ``message_ids`` are of the request."""

    outcome: Outcome
    message_ids: tuple[str, ...]
    error: str | None = None
    in_band: bool = False


class LiveStream:
    """Takes what a handler produces, makes well-formed chunks of it, and shows each only once it is durable.

    Chunks gather while a write is under way and leave together with the next one, so a fast producer costs few
    writes and a slow one no delay. ``shown`` chunks are durable and have been handed to ``publish(stream, first,
    end)``; a crash can therefore never take back what somebody has read. The bodies stay here until the turn is
    over, so that a replay and the live chunks after it come from one list and cannot have a gap.

    ``successor`` is set when the answer goes on in another stream after this one has ended.
    """

    __slots__ = (
        "_append",
        "_appending",
        "_delta_head",
        "_failure",
        "_finished",
        "_flushed_at",
        "_fold",
        "_joined",
        "_loop",
        "_pause_s",
        "_publish",
        "_sealed",
        "_started",
        "_text_count",
        "_text_id",
        "_text_tail",
        "_timer",
        "_until",
        "_waiters",
        "_words",
        "bodies",
        "continuation",
        "ending",
        "frames",
        "limit_bytes",
        "request_id",
        "shown",
        "size",
        "successor",
    )

    def __init__(
        self,
        request_id: str,
        fold: Fold,
        *,
        continuation: bool,
        append: Callable[[int, tuple[bytes, ...]], Awaitable[None]],
        publish: Callable[[LiveStream, int, int], None],
        pause_s: float,
        limit_bytes: int,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.request_id = request_id
        self._fold = fold
        self.continuation = continuation
        self.frames = ResponseFrames(request_id, continuation=continuation)
        self.bodies = Bodies()
        self._words: list[str] = []  # text behind ``bodies`` that was not made chunks of yet
        self.shown = 0
        self.size = 0
        self.limit_bytes = limit_bytes
        self.ending: Ending | None = None
        self.successor: asyncio.Future[LiveStream | Ending] | None = None
        self._append = append
        self._publish = publish
        self._pause_s = pause_s
        self._loop = loop
        self._timer: asyncio.Handle | None = None
        self._appending: asyncio.Future[None] | None = None
        self._flushed_at = 0.0
        self._failure: BaseException | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self._sealed = False
        self._started = False
        self._finished = False
        self._text_count = 0
        self._text_id: str | None = None
        self._joined: object = None
        self._delta_head = self._text_tail = b""
        self._until = 0  # so many words may wait before anything has to be looked at again

    # -- what the producer calls

    def text(self, delta: str) -> bool:
        """More text; opens a text part when none is open. True when the producer should :meth:`wait` before more."""
        if not delta:
            return False
        if self._text_id is None:
            self._open_text()
        self._words.append(delta)
        self.size = self.bodies.size + sum(map(len, self._words))
        if self.size > self.limit_bytes or (self._timer is None and self._appending is None):
            self._gather()
            self._grown()
        room = HIGH_WATER - self.backlog
        self._until = len(self._words) + max(0, min(room, (self.limit_bytes - self.size) // WORD))
        return room < 0

    async def words_of(self, items: AsyncIterator[object]) -> object:
        """Take in short texts, as :meth:`text` does, up to one after which something has to be looked at.

        Returns that item, or whatever else is no short text, which is left to the caller; :data:`END` at the end.
        """
        words = self._words
        async for item in items:
            if type(item) is str and 0 < len(item) <= WORD and len(words) < self._until:
                words.append(item)
            else:
                return item
        return END

    def look(self) -> None:
        """Let :meth:`words_of` return with the next item."""
        self._until = 0

    def chunk(self, chunk: Chunk) -> None:
        """One chunk of the producer's own; closes a text part that :meth:`text` opened."""
        kind = chunk.get("type")
        if kind == "start":
            if not self._started:
                self._start(chunk)
            return
        if not self._started:
            self._begin()
        if self._text_id is not None:
            self._close_text()
        if kind == "finish":
            self._finished = True
        elif self.continuation:
            chunk = self._join(chunk)
        self._pass(chunk)

    def finish(self) -> None:
        """The producer is done: close what is open and supply the ``finish`` it left out."""
        if self._text_id is not None:
            self._close_text()
        if self._started and not self._finished:
            self._finished = True
            self._fold.apply(_FINISH)
            self._push(_FINISH_BODY)

    @property
    def fold(self) -> Fold:
        """The message so far."""
        if self._words:
            self._gather()
        return self._fold

    @property
    def failed(self) -> bool:
        """A write of chunks was refused or not answered."""
        return self._failure is not None

    @property
    def backlog(self) -> int:
        """Chunks that are not durable yet."""
        return len(self.bodies) + len(self._words) - self.shown

    @property
    def made(self) -> int:
        """Chunks so far, durable or not."""
        return len(self.bodies) + len(self._words)

    async def wait(self) -> None:
        """Let the store catch up when more than :data:`HIGH_WATER` chunks wait; raises what the store raised."""
        while self.backlog > HIGH_WATER and self._failure is None and not self._sealed:
            self._flush()
            await self._news()
        if self._failure is not None:
            raise self._failure

    # -- what the session calls at the end

    def discard(self) -> None:
        """The conversation was cleared: write and show nothing more."""
        self._sealed = True
        self._until = 0
        self._publish = _nobody

    async def seal(self) -> None:
        """Stop writing: waits for the write under way. What is not durable by then goes with the final commit."""
        self._sealed = True
        self._until = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._gather()
        while self._appending is not None:
            await self._news()

    async def park(self) -> None:
        """Make everything durable and show it, then seal; for a server that goes down in mid-answer."""
        while self.backlog and self._failure is None and not self._sealed:
            self._flush()
            await self._news()
        await self.seal()

    def show_rest(self) -> None:
        """The final commit is durable: show what had not been shown."""
        first, self.shown = self.shown, len(self.bodies)
        if self.shown > first:
            self._publish(self, first, self.shown)
        self._wake()

    def end(self, ending: Ending) -> None:
        """The terminal frame has been sent."""
        self.ending = ending
        self._wake()

    # -- what readers call

    async def follow(self, first: int = 0) -> AsyncIterator[list[bytes]]:
        """Shown bodies from index ``first`` on, in batches, until the stream has ended.

        Nothing is queued for a reader: one that is slow only falls behind in the shared list.
        """
        at = first
        while True:
            if at < self.shown:
                batch = self.bodies[at : self.shown]
                at += len(batch)
                yield batch
            elif self.ending is not None:
                return
            else:
                await self._news()

    # -- inside

    def _begin(self) -> None:
        """The ``start`` that a producer left out; it changes nothing in the message."""
        self._started = True
        if self.continuation:
            self._push(b'{"type":"start"}')
        else:
            self._push(b'{"type":"start","messageId":%b}' % _encode(self._fold.message_id))

    def _start(self, chunk: Chunk) -> None:
        self._started = True
        if self.continuation:
            chunk = {key: value for key, value in chunk.items() if key != "messageId"}
        elif not isinstance(chunk.get("messageId"), str) or not chunk["messageId"]:
            chunk = {**chunk, "messageId": self.fold.message_id}
        self._pass(chunk)

    def _open_text(self) -> None:
        if not self._started:
            self._begin()
        self._text_count += 1
        joins = self.continuation and self.fold.open_text
        self._text_id = text_id = JOINED if joins else f"text-{self._text_count}"
        start, self._delta_head, self._text_tail = _text_bodies(text_id)
        if self.continuation:
            self._pass({"type": "text-start", "id": text_id})
        else:
            self._fold.text_start(text_id)
            self._push(start)

    def _join(self, chunk: Chunk) -> Chunk:
        """Give the text that goes on in the part a crash cut off the one id that clients know that part by."""
        kind, text_id = chunk.get("type"), chunk.get("id")
        if kind == "text-start" and self._joined is None and self.fold.open_text:
            self._joined = text_id
        if self._joined is not None and text_id == self._joined and str(kind).startswith("text-"):
            return {**chunk, "id": JOINED}
        return chunk

    def _close_text(self) -> None:
        self._gather()
        text_id, self._text_id, self._until = self._text_id, None, 0
        if text_id is not None:
            self._fold.text_end(text_id)
            self._push(self._text_tail)

    def _pass(self, chunk: Chunk) -> None:
        passed = continuation_chunk(self._fold, chunk) if self.continuation else chunk
        if passed is None:
            return
        try:
            body = _encode(passed)
        except UnicodeEncodeError:  # half a character
            passed = _decode(whole(json.dumps(passed)) or b"{}")
            body = _encode(passed)
        self._fold.apply(passed)
        self._push(body)

    def _push(self, body: bytes) -> None:
        self.bodies.append(body)
        self.size = self.bodies.size
        self._grown()

    def _gather(self) -> None:
        """Make chunks of the words that came since the last time: many at once cost a third of one by one."""
        if not self._words:
            return
        words = self._words[:]
        self._words.clear()
        self._until = 0
        if self._text_id is not None:
            try:
                lines = _encode_lines(words)
            except UnicodeEncodeError:  # half a character
                words = [whole_text("".join(words))]
                lines = _encode_lines(words)
            self.bodies.add(Deltas(self._delta_head, lines, len(words)))
            self.size = self.bodies.size
            self._fold.text_deltas(self._text_id, words)

    def _grown(self) -> None:
        if self.size > self.limit_bytes:
            raise TooLarge(
                f"The answer is larger than limits.answer_bytes = {self.limit_bytes} bytes.",
                remedy="Answer in several turns, or raise the limit.",
            )
        if self._timer is None and self._appending is None and not self._sealed:
            self._schedule()

    def _schedule(self) -> None:
        wait = self._flushed_at + self._pause_s - self._loop.time()
        if wait <= 0:
            self._timer = self._loop.call_soon(self._flush)
        else:
            self._timer = self._loop.call_later(wait, self._flush)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._until = 0
        if self._appending is not None or self._sealed or not self.backlog or self._failure is not None:
            return
        self._gather()
        self._flushed_at = self._loop.time()
        end = len(self.bodies)
        write = self._append(self.shown, tuple(self.bodies[self.shown :]))
        self._appending = asyncio.ensure_future(write)
        self._appending.add_done_callback(lambda done: self._appended(done, end))

    def _appended(self, done: asyncio.Future[None], end: int) -> None:
        self._appending = None
        self._until = 0
        if done.cancelled() or done.exception() is not None:
            self._failure = done.exception() if not done.cancelled() else asyncio.CancelledError()
        else:
            first, self.shown = self.shown, end
            self._publish(self, first, end)
            if self.backlog and not self._sealed:
                self._schedule()
        self._wake()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def _news(self) -> None:
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        await waiter


def _nobody(stream: LiveStream, first: int, end: int) -> None:
    """Where chunks of a discarded stream go."""
