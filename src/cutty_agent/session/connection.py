"""One client of a session: what it is owed, how fast it reads, which dialect it speaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import msgspec
import structlog

from ..core.dialect import detect_opening
from ..ports.door import Opening
from ..ports.outlet import Outlet
from ..stream.live import Ending, LiveStream
from ..wire.card import Right
from ..wire.client import Dialect
from ..wire.principal import Principal
from ..wire.response import ChunkFrames
from .dialects import Speaker, speaker
from .rates import FrameMeter

log = structlog.get_logger("cutty_agent.connection")

BATCH = 64
"""Chunks sent to a reader between two looks at whether it keeps up."""

SOFT_BYTES = 256 * 1024
"""What may wait in memory for one socket before chunks are left in the stream for it."""

TOO_SLOW = 1013
"""Close code for a reader that does not read: not terminal, so the client comes back and resumes."""


class Reading(msgspec.Struct, gc=False):
    """Where a connection is in a stream it follows by itself: it replays, or it is behind.

    Chunks below ``replay_to`` were stored before it asked and are marked as replay.
    """

    stream: LiveStream
    next: int
    replay_to: int = 0
    completed: bool = True


class Connection:
    """A socket's record in its session. Kept while the session sleeps, so it is small.

    ``owes`` is the request whose live chunks it does not get until it acknowledges a resume; ``acked`` is the one
    it has acknowledged. ``missed``: an earlier socket of this client was lost in mid-answer. ``plain`` is a
    continuation that this connection sees rebuilt as a whole message, without the continuation flag. ``right`` is what
    it may do here, ``None`` until it was let in; ``lease`` ends it with its caller's token; ``since_ms`` is when it came
    (milliseconds since 1970 UTC). ``heeded``: what it has sent counts, also after it has left by itself; no longer once it
    was closed from here.
    """

    visitor: ClassVar[bool] = True
    """False for an operator who only watches: the author's agent is not told of such a connection."""

    __slots__ = (
        "_held",
        "_held_bytes",
        "_laggards",
        "_let_in",
        "_limit_bytes",
        "_reading",
        "acked",
        "address",
        "behind_since",
        "closed",
        "explicit",
        "greeted",
        "heeded",
        "lease",
        "meter",
        "missed",
        "opening",
        "outlet",
        "owes",
        "parked",
        "plain",
        "right",
        "since_ms",
        "speaker",
        "waiting",
        "waiting_bytes",
    )

    def __init__(
        self, outlet: Outlet, opening: Opening, *, limit_bytes: int, laggards: set[Connection]
    ) -> None:
        self.address = opening.address
        self.outlet = outlet
        self.opening = opening
        # A bare front end cannot be asked; until its first request it must not get frames that it would show as text.
        self.speaker: Speaker | None = speaker(
            detect_opening(labelled=opening.labelled, by_query=opening.by_query, override=opening.dialect)
        )
        self.explicit = opening.dialect is not None
        self.owes: str | None = None
        self.acked: str | None = None
        self.missed = False
        self.parked = False
        self.plain: str | None = None
        self.greeted = False
        self.closed = False
        self.heeded = True
        self.waiting = 0  # frames that came and were not dealt with yet
        self.waiting_bytes = 0
        self.right: Right | None = None
        self.lease: asyncio.TimerHandle | None = None
        self.meter: FrameMeter | None = None
        self.behind_since = 0.0
        self.since_ms = 0
        self._limit_bytes = limit_bytes
        self._laggards = laggards
        self._reading: Reading | None = None
        self._held: list[Callable[[], Iterable[bytes]]] | None = None
        self._held_bytes = 0
        self._let_in = 0

    # -- as the author of an agent sees it

    @property
    def id(self) -> str:
        """The client's label; not unique."""
        return self.opening.label

    @property
    def principal(self) -> Principal:
        """Who it is."""
        return self.opening.principal

    @property
    def readonly(self) -> bool:
        """Whether it may only look on."""
        return self.right == "read"

    def send(self, message: str | bytes | dict[str, Any]) -> None:
        """Send an application frame."""
        if isinstance(message, dict):
            message = msgspec.json.encode(message)
        self.push(message.encode() if isinstance(message, str) else message)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the socket."""
        self.heeded = False
        if not self.closed:
            self.closed = True
            self.outlet.close(code, reason)

    # -- what the session sends

    def speak(self, dialect: Dialect) -> None:
        """The client showed which dialect it speaks; sticks until it shows another."""
        if not self.explicit and (self.speaker.dialect if self.speaker else "v5") != dialect:
            self.speaker = speaker(dialect)

    def push(self, frame: bytes) -> None:
        """A frame that is not a chunk; behind the chunks this connection still has to read."""
        if self.closed:
            return
        if self._reading is not None:
            self._hold(lambda: [frame], len(frame))
        elif self._room(self.outlet.buffered, len(frame)):
            self.outlet.send(frame)
        else:
            self._drop()

    def push_chunks(self, stream: LiveStream, frames: ChunkFrames, first: int, end: int) -> None:
        """Live chunks from index ``first`` to before ``end``; left in the stream when the peer does not keep up."""
        if self.closed:
            return
        reading = self._reading
        if reading is not None:
            if reading.stream is not stream:  # the next turn, while this one still reads the last
                self._hold_chunks(stream, first, end)
            return
        if self.outlet.congested or self.outlet.buffered > SOFT_BYTES:
            self._reading = Reading(stream, first)
            if self.outlet.congested:
                self.fall_behind()
            else:  # only not flushed yet: the peer may take it all, and then nothing else would wake this reader
                asyncio.get_running_loop().call_soon(self.pump)
        elif self.speaker is not None or self.plain == stream.request_id:
            self.outlet.send_many(self._encode(stream, first, end, 0))
        else:
            self.outlet.send_many(frames)

    def end(self, request_id: str, ending: Ending) -> None:
        """The end of a request for a client of an older dialect; behind the chunks it still has to read."""
        speaker = self.speaker
        if self.closed or speaker is None:
            return
        if self._reading is not None:
            self._hold(lambda: speaker.ending(request_id, ending), len(ending.error or ""))
            return
        for frame in speaker.ending(request_id, ending):
            self.push(frame)

    def replay(self, stream: LiveStream, *, plain: bool, prefix: list[bytes]) -> None:
        """All shown chunks again, then ``replayComplete``, then live; one list, so no gap and no double."""
        self.owes = None
        if self.closed:
            return
        self.plain = stream.request_id if plain else None
        if self.speaker is not None:
            self.speaker.begin(stream.request_id)
        if prefix:
            self.outlet.send_many(prefix)
        self._reading = Reading(stream, 0, stream.shown, completed=False)
        self.pump()

    def pump(self) -> None:
        """Go on reading a stream as far as the peer takes it."""
        reading = self._reading
        if reading is None or self.closed:
            return
        stream, outlet = reading.stream, self.outlet
        while not outlet.congested and outlet.buffered <= SOFT_BYTES:
            end = min(reading.next + BATCH, stream.shown)
            if reading.next < reading.replay_to:
                end = min(end, reading.replay_to)
            if end > reading.next:
                outlet.send_many(self._encode(stream, reading.next, end, reading.replay_to))
                reading.next = end
            if not reading.completed and reading.next >= reading.replay_to:
                reading.completed = True
                if self.speaker is None:
                    frames = stream.frames.plain if self.plain == stream.request_id else stream.frames
                    outlet.send(frames.replay_complete())
            if reading.next >= stream.shown:
                self._caught_up()
                return
        if outlet.congested:
            self.fall_behind()
        else:
            asyncio.get_running_loop().call_soon(self.pump)

    def fall_behind(self) -> None:
        """Note since when this peer has not been reading; the sweep drops it when that gets too long."""
        if not self.behind_since:
            self.behind_since = asyncio.get_running_loop().time()
            self._laggards.add(self)

    def writable(self) -> None:
        """The peer reads again."""
        self.behind_since = 0.0
        self._laggards.discard(self)
        self.pump()

    @property
    def behind(self) -> bool:
        """Whether it has not been sent all that the others have."""
        return self._reading is not None

    def drop_if_stuck(self, now: float, after_s: float) -> None:
        """Close a peer that has not read anything for ``after_s`` seconds."""
        if self.behind_since and not self.closed and now - self.behind_since > after_s:
            self._drop()

    # -- inside

    def _encode(self, stream: LiveStream, first: int, end: int, replay_to: int) -> Iterable[bytes]:
        if self.speaker is not None:
            return self.speaker.chunks(stream.request_id, stream.bodies[first:end])
        frames = stream.frames.plain if self.plain == stream.request_id else stream.frames
        if first >= replay_to:
            return stream.bodies.frames(frames, first, end)
        return [frames.replay(stream.bodies[seq], seq) for seq in range(first, end)]

    def _caught_up(self) -> None:
        self._reading = None
        held, self._held, self._held_bytes = self._held, None, 0
        frames = [frame for make in held or () for frame in make()]
        if frames:
            self.outlet.send_many(frames)

    def _hold_chunks(self, stream: LiveStream, first: int, end: int) -> None:
        bodies = stream.bodies[first:end]
        self._hold(lambda: self._encode(stream, first, end, 0), sum(map(len, bodies)))

    def _hold(self, make: Callable[[], Iterable[bytes]], size: int) -> None:
        """Frames for later, made only then: a translator must see things in the order in which they are sent."""
        if not self._room(self._held_bytes, size):
            self._drop()
            return
        self._held = held = self._held or []
        held.append(make)
        self._held_bytes += size

    def _room(self, waiting: int, size: int) -> bool:
        """Whether a frame may be added to what waits. One frame may be larger than the limit, and others wait behind
        it: a transcript of many megabytes is no sign of a slow reader."""
        if waiting <= self._limit_bytes:
            self._let_in = size
            return True
        return waiting - self._let_in + size <= self._limit_bytes

    def _drop(self) -> None:
        log.warning(
            "connection.not_reading",
            connection=self.id,
            agent=self.address.agent,
            session=self.address.session,
            waiting_bytes=self.outlet.buffered + self._held_bytes,
        )
        self.missed = True
        self.close(TOO_SLOW, "This client does not read; reconnect to resume")
