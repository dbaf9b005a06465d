"""A session's write path: every durable change goes through here, fenced by the epoch of this wake-up."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from ..clock import Clock
from ..ids import Address
from ..ports.store import Lifetime, Op, SessionStore


class Journal:
    """``store.commit`` for one owner of one session.

    Every commit is activity: ``expires_ms`` moves with it as far as ``lifetime`` allows.
    """

    __slots__ = ("_clock", "_created_ms", "_epoch", "_store", "address", "expires_ms", "lifetime")

    def __init__(
        self,
        store: SessionStore,
        address: Address,
        epoch: int,
        clock: Clock,
        *,
        lifetime: Lifetime,
        created_ms: int,
        expires_ms: int,
    ) -> None:
        self._store = store
        self._epoch = epoch
        self._clock = clock
        self._created_ms = created_ms
        self.address = address
        self.lifetime = lifetime
        self.expires_ms = expires_ms

    def commit(self, ops: Sequence[Op]) -> Awaitable[None]:
        """Apply all or none; queued in the moment of the call, durable when awaited."""
        now_ms = self._clock.now_ms()
        self.expires_ms = self.lifetime.end_ms(self._created_ms, now_ms)
        return self._store.commit(self.address, self._epoch, ops, now_ms=now_ms, expires_ms=self.expires_ms)

    def chunks(self, turn: str) -> Awaitable[list[bytes]]:
        """Stored chunk bodies of a turn."""
        return self._store.chunks(self.address, turn)
