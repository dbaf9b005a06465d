"""A session's write path: every durable change goes through here, fenced by the epoch of this wake-up."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from ..clock import Clock
from ..ids import Address
from ..ports.store import Op, SessionStore


class Journal:
    """``store.commit`` for one owner of one session."""

    __slots__ = ("_clock", "_epoch", "_store", "address")

    def __init__(self, store: SessionStore, address: Address, epoch: int, clock: Clock) -> None:
        self._store = store
        self._epoch = epoch
        self._clock = clock
        self.address = address

    def commit(self, ops: Sequence[Op]) -> Awaitable[None]:
        """Apply all or none; queued in the moment of the call, durable when awaited."""
        return self._store.commit(self.address, self._epoch, ops, now_ms=self._clock.now_ms())

    def chunks(self, turn: str) -> Awaitable[list[bytes]]:
        """Stored chunk bodies of a turn."""
        return self._store.chunks(self.address, turn)
