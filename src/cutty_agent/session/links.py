"""The session's end of a socket, from the moment it opens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import structlog

from ..errors import CuttyError
from ..ports.door import Link, Opening
from ..ports.identity import Identified
from ..ports.outlet import Outlet
from .connection import Connection
from .registry import Registry
from .slot import Slot

log = structlog.get_logger("cutty_agent.connection")


class SocketLink:
    """The session's end of one socket (ports.door.Link)."""

    __slots__ = ("_conn", "_registry", "_slot")

    def __init__(self, registry: Registry, slot: Slot, conn: Connection) -> None:
        self._registry = registry
        self._slot = slot
        self._conn = conn

    def receive(self, text: bytes | str) -> None:
        """A text frame; a client that floods a session that cannot keep up is closed."""
        conn = self._conn
        if self._counts(len(text)):
            conn.waiting += 1
            conn.waiting_bytes += len(text)
            self._registry.post(self._slot, conn, text)

    def receive_binary(self, data: bytes) -> None:
        """A binary frame is the application's."""
        actor = self._slot.actor
        if self._counts(len(data)) and actor is not None:
            actor.binary(self._conn, data)

    def _counts(self, size: int) -> bool:
        """Whether one more frame of so many bytes may come in; the socket is closed when too many wait."""
        conn, registry = self._conn, self._registry
        if conn.closed:
            return False
        registry.frames_received += 1
        meter = conn.meter = conn.meter or registry.limiter.frame_meter()
        limits = registry.settings.limits
        if wait_s := meter.take():
            reason = str(registry.limiter.too_many_frames(wait_s))
        elif conn.waiting >= limits.early_frames:
            registry.limiter.count_refusal("early_frames")
            reason = f"More than limits.early_frames = {limits.early_frames} frames wait; send slower"
        elif conn.waiting_bytes + size > 2 * limits.frame_bytes:
            registry.limiter.count_refusal("frame_bytes")
            reason = f"More than twice limits.frame_bytes = {limits.frame_bytes} bytes wait; send slower"
        else:
            return True
        log.warning("connection.floods", connection=conn.id, **_names(conn))
        conn.close(1013, reason)
        return False

    def writable(self) -> None:
        """The peer reads again."""
        self._conn.writable()

    def lost(self) -> None:
        """The socket is gone."""
        conn = self._conn
        self._registry.limiter.disconnect(conn.principal.id, conn.opening.peer)
        self._registry.detach(conn)
        log.info(
            "connection.closed",
            connection=conn.id,
            **_names(conn),
        )


def _names(conn: Connection) -> dict[str, str]:
    return {"agent": conn.address.agent, "session": conn.address.session}


def _nothing() -> None:
    """In the place of what has been called."""


class WaitingLink:
    """A socket of which nobody knows yet who it is: what it sends is kept in order until its caller is known."""

    __slots__ = (
        "_bytes",
        "_connect",
        "_ended",
        "_frames",
        "_known",
        "_limit",
        "_limit_bytes",
        "_link",
        "_outlet",
        "_task",
    )

    def __init__(
        self,
        outlet: Outlet,
        opening: Opening,
        connect: Callable[[Outlet, Opening], Link],
        known: Callable[[], None],
        *,
        frames: int,
        frame_bytes: int,
    ) -> None:
        """``known`` is called once, when the caller is known or the socket is given up."""
        self._outlet = outlet
        self._connect = connect
        self._known = known
        self._limit = frames
        self._limit_bytes = frame_bytes
        self._frames: list[tuple[bool, bytes | str]] = []
        self._bytes = 0
        self._link: Link | None = None
        self._ended = False
        self._task = asyncio.get_running_loop().create_task(self._enter(opening))
        self._task.add_done_callback(self._settled)

    async def _enter(self, opening: Opening) -> None:
        assert opening.identifying is not None
        try:
            identified: Identified = await opening.identifying
            self._settled()
            known = msgspec.structs.replace(opening, principal=identified.principal, identifying=None)
            link = self._link = self._connect(self._outlet, known)
        except CuttyError as error:
            self._outlet.close(error.close_code, error.sentence)
            return
        except Exception:
            log.exception(
                "connection.not_identified", agent=opening.address.agent, session=opening.address.session
            )
            self._outlet.close(1011, "Who is calling could not be told; try again")
            return
        frames, self._frames = self._frames, []
        for is_text, frame in frames:
            if is_text:
                link.receive(frame)
            else:
                link.receive_binary(frame if isinstance(frame, bytes) else frame.encode())
        if self._ended:
            link.lost()

    def _settled(self, _task: asyncio.Task[None] | None = None) -> None:
        known, self._known = self._known, _nothing
        known()

    def receive(self, text: bytes | str) -> None:
        """A text frame."""
        if self._link is not None:
            self._link.receive(text)
        else:
            self._keep(True, text)

    def receive_binary(self, data: bytes) -> None:
        """A binary frame."""
        if self._link is not None:
            self._link.receive_binary(data)
        else:
            self._keep(False, data)

    def _keep(self, is_text: bool, frame: bytes | str) -> None:
        if self._ended:
            return
        self._bytes += len(frame)
        if len(self._frames) >= self._limit or self._bytes > self._limit_bytes:
            self._ended = True
            self._task.cancel()
            self._frames.clear()
            self._outlet.close(
                1013, f"More than limits.early_frames = {self._limit} frames wait; send slower"
            )
            return
        self._frames.append((is_text, frame))

    def writable(self) -> None:
        """The peer reads again."""
        if self._link is not None:
            self._link.writable()

    def lost(self) -> None:
        """The socket is gone."""
        self._ended = True
        if self._link is not None:
            self._link.lost()
        elif not self._frames:  # what it has sent counts
            self._task.cancel()
