"""An operator who watches one session live, unseen by its agent and without ever slowing it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import ClassVar, Final

import msgspec

from ..ids import Address, new_connection_id
from ..ports.door import Opening
from ..session.connection import Connection
from ..session.registry import Registry
from ..session.slot import Slot

KEEP_ALIVE_S: Final = 15.0
"""Silence after which an empty line shows that the stream is alive."""

GATHERED_S: Final = 0.02
"""What comes within this time leaves in one piece: each costs the loop more than many frames do."""

CONGESTED_BYTES: Final = 64 * 1024
"""What may wait for an operator before chunks are left in the stream for it."""

LIMIT_BYTES: Final = 16 * 1024 * 1024
"""What may wait at most, a whole transcript being one frame; an operator who reads slower than that is dropped."""


class Observer(Connection):
    """Gets every frame a visitor would get, and no greeting; a stream needs no acknowledgement."""

    visitor: ClassVar[bool] = False

    __slots__ = ()

    def __init__(self, registry: Registry, address: Address, outlet: Backlog) -> None:
        opening = Opening(address, f"observer-{new_connection_id()}", labelled=False, dialect="v5")
        super().__init__(outlet, opening, limit_bytes=LIMIT_BYTES, laggards=registry.behind)
        self.greeted = True
        self.right = "read"


class Backlog:
    """An outlet (ports.outlet.Outlet) that keeps frames until they are taken."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self._news = asyncio.Event()
        self.buffered = 0
        self.end: tuple[int, str] | None = None

    @property
    def congested(self) -> bool:
        """More waits than a reader that keeps up would leave."""
        return self.buffered > CONGESTED_BYTES

    def send(self, frame: bytes) -> None:
        """Keep one frame."""
        if self.end is None:
            self._frames.append(frame)
            self.buffered += len(frame)
            self._news.set()

    def send_many(self, frames: Iterable[bytes]) -> None:
        """Keep several frames."""
        for frame in frames:
            self.send(frame)

    def close(self, code: int, reason: str) -> None:
        """Nothing comes after what is kept."""
        if self.end is None:
            self.end = (code, reason)
            self._news.set()

    def take(self) -> list[bytes]:
        """All frames that wait."""
        frames = list(self._frames)
        self._frames.clear()
        self.buffered = 0
        self._news.clear()
        return frames

    async def news(self, timeout_s: float) -> None:
        """Wait for a frame or the end, at most this long."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            return


class Tail:
    """The live frames of one session as JSON lines, first a line of the type ``tail`` that says how it is now.

    A running answer is told from its beginning. The session is neither made nor woken. The last line, of the type
    ``end``, says why it ended.
    """

    def __init__(self, registry: Registry, address: Address, open_tails: set[Tail]) -> None:
        """``open_tails`` holds it while it is attached."""
        self._registry = registry
        self._address = address
        self._open_tails = open_tails
        self._backlog = Backlog()

    def close(self, code: int, reason: str) -> None:
        """Let it end after what it has kept."""
        self._backlog.close(code, reason)

    async def lines(self) -> AsyncIterator[bytes]:
        """The lines, each with its newline; attached from the first one until the iterator is closed."""
        registry, backlog = self._registry, self._backlog
        slot = registry.slot(self._address)
        observer = Observer(registry, self._address, backlog)
        registry.sockets += 1
        slot.connections.append(observer)
        self._open_tails.add(self)
        try:
            hello = _hello(slot)
            running = slot.actor.runner.running if slot.actor is not None else None
            if running is not None and running.stream.shown:
                observer.replay(running.stream, plain=False, prefix=[])
            yield hello
            while True:
                congested = backlog.congested
                frames = backlog.take()
                if congested:
                    observer.writable()
                if frames:
                    yield b"\n".join(frames) + b"\n"
                elif backlog.end is not None:
                    code, reason = backlog.end
                    yield _line({"type": "end", "code": code, "reason": reason})
                    return
                else:
                    await backlog.news(KEEP_ALIVE_S)
                    if backlog.buffered:
                        await asyncio.sleep(GATHERED_S)
                    if not backlog.buffered and backlog.end is None:
                        yield b"\n"
        finally:
            self._open_tails.discard(self)
            observer.greeted = False  # the agent was not told that it came, so not that it goes
            registry.detach(observer)


def _hello(slot: Slot) -> bytes:
    running = slot.actor.runner.running if slot.actor is not None else None
    return _line(
        {
            "type": "tail",
            "agent": slot.address.agent,
            "id": slot.address.session,
            "awake": slot.actor is not None,
            "running": running.ticket.request_id if running is not None else None,
        }
    )


def _line(value: dict[str, object]) -> bytes:
    return msgspec.json.encode(value) + b"\n"
