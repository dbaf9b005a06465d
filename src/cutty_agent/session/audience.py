"""The connections of one session, and who of them gets which frame (protocol 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ..core.reconcile import Row
from ..stream.live import Ending, LiveStream
from ..wire import server
from ..wire.response import ChunkFrames, ResponseFrames
from .connection import Connection


class Audience:
    """Sends one frame to many. The list of connections belongs to the slot and outlives a sleep."""

    __slots__ = ("_connections",)

    def __init__(self, connections: list[Connection]) -> None:
        self._connections = connections

    def leave(self) -> None:
        """Send nothing to anybody from now on; the connections belong to a later wake-up of the session."""
        self._connections = []

    def __iter__(self) -> Iterator[Connection]:
        conns = self._connections
        if len(conns) == 1:  # nearly always
            return iter(conns[:] if conns[0].greeted and not conns[0].closed else ())
        return iter([conn for conn in conns if conn.greeted and not conn.closed])

    def everyone(self, frame: bytes, *, without: Connection | None = None) -> None:
        """A frame for all, except one."""
        for conn in self:
            if conn is not without:
                conn.push(frame)

    def transcript(self, rows: Sequence[Row], *, without: Connection | None = None) -> None:
        """The whole stored transcript, encoded once for each dialect that is present."""
        if len(self._connections) == 1 and self._connections[0] is without:
            return  # nearly always
        frames: dict[str, bytes] = {}
        for conn in self:
            if conn is without:
                continue
            dialect = conn.speaker.dialect if conn.speaker else "v5"
            if dialect not in frames:
                frames[dialect] = (
                    conn.speaker.transcript(rows)
                    if conn.speaker
                    else server.transcript([row.body for row in rows])
                )
            if frames[dialect]:
                conn.push(frames[dialect])

    def chunks(self, stream: LiveStream, first: int, end: int) -> None:
        """Chunks that have just become durable, to all that do not owe an acknowledgement."""
        frames: ChunkFrames | None = None
        for conn in self:
            if conn.owes == stream.request_id:
                continue
            if frames is None:
                frames = stream.bodies.frames(stream.frames, first, end)
            conn.push_chunks(stream, frames, first, end)

    def begin(self, stream: LiveStream) -> None:
        """A stream has its first chunk: tell those who wait for it; they get it after their acknowledgement."""
        for conn in self:
            if conn.parked:
                conn.parked = False
                if conn.acked != stream.request_id:
                    conn.owes = stream.request_id
                    conn.push(server.resuming(stream.request_id))

    def end(
        self,
        request_id: str,
        frames: ResponseFrames,
        ending: Ending,
        *,
        only: Connection | None = None,
    ) -> None:
        """The terminal frames of a request, to all or to one."""
        plain = terminal_frames(frames, ending)
        for conn in self if only is None else [only]:
            if conn.owes == request_id:
                conn.owes = None
            if conn.speaker is not None:
                conn.end(request_id, ending)
                continue
            for frame in terminal_frames(frames.plain, ending) if conn.plain == request_id else plain:
                conn.push(frame)
            if conn.plain == request_id:
                conn.plain = None

    def release(self) -> None:
        """Nothing runs and nothing waits any more: those who waited for a stream are told so."""
        self._parked(lambda conn: conn.push(server.resume_none()))

    def _parked(self, tell: Callable[[Connection], None]) -> None:
        for conn in self:
            if conn.parked:
                conn.parked = False
                tell(conn)


def terminal_frames(frames: ResponseFrames, ending: Ending, *, replay: bool = False) -> list[bytes]:
    """How a turn's end looks on the wire (the table of protocol 3.3)."""
    if ending.error is not None and ending.in_band:
        last = frames.terminal(ending.outcome, ending.message_ids, replay=replay)
        return [frames.error(ending.error), last]
    return [frames.terminal(ending.outcome, ending.message_ids, error=ending.error, replay=replay)]
