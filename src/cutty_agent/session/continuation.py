"""Going on by itself after a client tool's result or an approval (protocol 3.8)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from ..core.parts import Part
from ..core.tools import pending, read_on, settled
from ..core.turn_queue import TurnQueue
from ..ids import new_request_id
from ..stream.live import LiveStream
from ..wire.turn_record import TurnRecord
from .connection import Connection
from .room import Room
from .submission import Submission

COALESCE_S = 0.05
"""Results that arrive within this time belong to the same continuation."""


class Continuation:
    """At most one continuation that is wanted and not yet queued. Its id exists from the first result on, because
    clients ask for it long before it starts.

    Three things may become of it: ``submit`` queues it, ``give_up`` tells those who wait that it is not needed, and
    until the last call of a message is answered it waits; ``fail`` then ends calls whose time is over.
    """

    __slots__ = (
        "_client_tools",
        "_deadline",
        "_origin",
        "_queue",
        "_room",
        "_timer",
        "_within",
        "fail",
        "give_up",
        "owner",
        "request_id",
        "submit",
    )

    def __init__(self, room: Room, queue: TurnQueue) -> None:
        self._room = room
        self._queue = queue
        self.submit: Callable[[Submission, Connection | None], None] = _nobody
        self.give_up: Callable[[], None] = self.cancel
        self.fail: Callable[[Sequence[Part]], None] = _leave
        self.request_id: str | None = None
        self.owner: Connection | None = None
        self._client_tools: list[dict[str, Any]] | None = None
        self._origin: TurnRecord | None = None
        self._within: set[LiveStream] | None = set()
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def ask(
        self,
        conn: Connection,
        client_tools: list[dict[str, Any]] | None,
        *,
        within: LiveStream | None,
    ) -> None:
        """A result wants the assistant to go on; ``client_tools`` replace those of the last request. ``within`` is the
        stream that was still running when the result came, ``None`` when the answer had ended before."""
        if self.request_id is None:
            self.request_id = new_request_id()
            self.owner = conn
            # A request that comes later must not change what this continuation is given (protocol 3.2).
            started = (
                record
                for record in reversed(self._room.records.values())
                if not self._queue.is_waiting(record.request_id) and not _never_ran(record)
            )
            self._origin = next(started, None)
        if client_tools is not None:
            self._client_tools = client_tools
        if within is None:
            self._within = None
        elif self._within is not None:
            self._within.add(within)
        self._stop_waiting()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(COALESCE_S, self._due)

    @property
    def soon(self) -> bool:
        """Whether something will happen by itself: results are being gathered, or the time of a call runs."""
        return self._timer is not None or self._deadline is not None

    def cancel(self) -> None:
        """It will not come, or it is queued now."""
        if self._timer is not None:
            self._timer.cancel()
        self._stop_waiting()
        self._timer, self.request_id, self.owner, self._client_tools = None, None, None, None
        self._within = set()

    def turn_ended(self) -> None:
        """A turn ended, or a call was answered; what was held back by it may go on."""
        if self.request_id is not None and self._timer is None:
            self._due()

    def _due(self) -> None:
        self._timer = None
        room = self._room
        if self.request_id is None or not self._queue.idle:
            return
        last = next((row for row in reversed(room.transcript.rows) if row.role == "assistant"), None)
        if last is None or (settled(last.message()) and not self._needed()):
            self.give_up()
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
        else:
            self._wait()

    def _needed(self) -> bool:
        """Whether a result is there that no model has read: not when each came in the middle of an answer that went on
        with it and came to its own end (protocol 3.8)."""
        if self._within is None:
            return True
        for stream in self._within:
            ending, row = stream.ending, self._room.transcript.find(stream.fold.message_id)
            if ending is None or ending.outcome != "completed" or row is None:
                return True
            if stream.fold.finish_reason != "stop" or not read_on(row.message()):
                return True
        return False

    # -- calls that are not answered

    def _wait(self) -> None:
        after_s = self._room.settings.lifetimes.tool_answer_s
        if after_s is not None and self._deadline is None:
            self._deadline = asyncio.get_running_loop().call_later(after_s, self._overdue)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _overdue(self) -> None:
        self._deadline = None
        rows = self._room.transcript.rows
        last = next((row for row in reversed(rows) if row.role == "assistant"), None)
        # While a turn runs, its end decides anew what is open.
        if self.request_id is not None and self._queue.idle and last is not None:
            self.fail(pending(last.message()))


def _never_ran(record: TurnRecord) -> bool:
    return record.outcome == "skipped" or (record.outcome == "aborted" and not record.ended_ms)


def _nobody(new: Submission, owner: Connection | None) -> None:
    """Where a continuation goes before the session has started."""


def _leave(calls: Sequence[Part]) -> None:
    """What is done about calls without an answer before anybody has asked for a continuation."""
