"""Going on by itself after a client tool's result or an approval (protocol 3.8)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ..core.tools import settled
from ..core.turn_queue import TurnQueue
from ..ids import new_request_id
from ..wire.turn_record import TurnRecord
from .connection import Connection
from .room import Room
from .submission import Submission

COALESCE_S = 0.05
"""Results that arrive within this time belong to the same continuation."""


class Continuation:
    """At most one continuation that is wanted and not yet queued. Its id exists from the first result on, because
    clients ask for it long before it starts."""

    def __init__(self, room: Room, queue: TurnQueue) -> None:
        self._room = room
        self._queue = queue
        self.submit: Callable[[Submission, Connection | None], None] = _nobody
        self.request_id: str | None = None
        self.owner: Connection | None = None
        self._client_tools: list[dict[str, Any]] | None = None
        self._origin: TurnRecord | None = None
        self._timer: asyncio.TimerHandle | None = None

    def ask(self, conn: Connection, client_tools: list[dict[str, Any]] | None) -> None:
        """A result wants the assistant to go on; ``client_tools`` replace those of the last request."""
        if self.request_id is None:
            self.request_id = new_request_id()
            self.owner = conn
            # A request that comes later must not change what this continuation is given (protocol 3.2).
            started = (
                record
                for record in reversed(self._room.records.values())
                if not self._queue.is_waiting(record.request_id)
            )
            self._origin = next(started, None)
        if client_tools is not None:
            self._client_tools = client_tools
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(COALESCE_S, self._due)

    @property
    def soon(self) -> bool:
        """Whether results are being gathered."""
        return self._timer is not None

    def cancel(self) -> None:
        """The conversation was cleared."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self.request_id, self.owner, self._client_tools = None, None, None, None

    def turn_ended(self) -> None:
        """A turn ended; what was held back by it may go on."""
        if self.request_id is not None and self._timer is None:
            self._due()

    def _due(self) -> None:
        self._timer = None
        room = self._room
        if self.request_id is None or not self._queue.idle:
            return
        last = next((row for row in reversed(room.transcript.rows) if row.role == "assistant"), None)
        if last is None:
            self.cancel()
            room.audience.release()
        elif settled(last.message()):
            origin = self._origin
            tools = self._client_tools
            if tools is None and origin is not None:
                tools = origin.client_tools
            new = Submission(
                self.request_id,
                "continuation",
                [],
                whole=False,
                body=origin.body if origin else None,
                client_tools=tools,
                base=last.id,
                message_ids=origin.message_ids if origin else (),
            )
            if self.owner is not None:
                new.principal, new.peer = self.owner.principal, self.owner.opening.peer
            owner = self.owner if self.owner is not None and not self.owner.closed else None
            self.cancel()
            self.submit(new, owner)


def _nobody(new: Submission, owner: Connection | None) -> None:
    """Where a continuation goes before the session has started."""
