"""The turn that runs now, and what is kept of the last one."""

from __future__ import annotations

import msgspec

from ..agent.turn import Turn
from ..core.reconcile import Row
from ..core.turn_queue import Ticket
from ..stream.bodies import Deltas, unpack
from ..stream.live import LiveStream
from ..wire.turn_record import TurnRecord
from .spending import Reservation


class Parked(Exception):
    """The server goes down; the turn stays open in the store and is recovered at the next wake-up."""


class Running(msgspec.Struct, eq=False):
    """The turn that runs now. ``stopped`` somebody stopped it, ``parked`` the server goes down, ``stalled`` its handler
    gave nothing for too long, ``interrupted`` any of these. ``producing`` is true while the handler may be interrupted, ``folded`` once the answer is
    taken as it is, to be stored. ``last_read`` is the last message the handler was given, ``turn`` what it works on,
    ``first_ms`` when its first chunk was shown (milliseconds since 1970, 0 before), ``reservation`` what was set aside
    of the day's budgets."""

    ticket: Ticket
    record: TurnRecord
    stream: LiveStream
    base: Row | None = None
    stopped: bool = False
    parked: bool = False
    stalled: bool = False
    interrupted: bool = False
    producing: bool = False
    folded: bool = False
    last_read: str | None = None
    turn: Turn | None = None
    first_ms: int = 0
    reservation: Reservation | None = None


class Finished(msgspec.Struct, frozen=True, gc=False):
    """The chunks of the last turn, for a client that was cut off at its end. In few pieces, because it waits beside many
    others for a moment that rarely comes."""

    request_id: str
    packed: tuple[bytes | Deltas, ...]

    @classmethod
    def of(cls, stream: LiveStream) -> Finished:
        """What was shown of an ended stream."""
        return cls(stream.request_id, stream.bodies.packed())

    def bodies(self) -> list[bytes]:
        """The chunks, one by one."""
        return unpack(self.packed)
