"""What waits for the writer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from ...ids import Address
from ...ports.store import AuditEntry, Lifetime, Op, Removed

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")


class Claimed(NamedTuple):
    """A claim that is durable. ``idx`` is the integer index of the session."""

    epoch: int
    idx: int
    created_ms: int
    active_ms: int
    expires_ms: int

    @property
    def created(self) -> bool:
        """Whether this claim made the session."""
        return self.idx == self.epoch


class Purged(NamedTuple):
    """What one round of removing expired sessions took away, and the addresses it did not come to."""

    removed: Removed
    left: tuple[Address, ...]


class Job(Generic[T]):
    """A write, and once it is queued the loop and future that wait for it.

    ``since`` is when it was queued (``time.perf_counter``). Whoever carries it out sets ``value`` or ``error``, and
    overwrites them when it has to start again; the waiter sees them only after the transaction is over.
    """

    __slots__ = ("answer", "error", "loop", "since", "value")

    answer: asyncio.Future[T]
    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        self.since = 0.0
        self.value: T | None = None
        self.error: Exception | None = None

    def expect(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[T]:
        """Note that somebody waits for this job in ``loop``, from now on."""
        self.since = time.perf_counter()
        self.loop = loop
        self.answer = answer = loop.create_future()
        return answer

    def tell(self) -> None:
        """Wake the waiter; in its loop. One that was cancelled is not disturbed."""
        if self.answer.done():
            return
        if self.error is not None:
            self.answer.set_exception(self.error)
        else:
            self.answer.set_result(self.value)  # type: ignore[arg-type]  # a job without an error has its value


class ClaimJob(Job[Claimed]):
    __slots__ = ("address", "create", "expired", "lifetime", "now_ms", "owner")

    def __init__(
        self,
        address: Address,
        *,
        owner: str | None,
        now_ms: int,
        lifetime: Lifetime,
        create: bool,
        expired: bool,
    ) -> None:
        super().__init__()
        self.address = address
        self.owner = owner
        self.now_ms = now_ms
        self.lifetime = lifetime
        self.create = create and not expired
        self.expired = expired


class CommitJob(Job[None]):
    __slots__ = ("address", "epoch", "expires_ms", "now_ms", "ops")

    def __init__(
        self, address: Address, epoch: int, ops: Sequence[Op], *, now_ms: int, expires_ms: int
    ) -> None:
        super().__init__()
        self.address = address
        self.epoch = epoch
        self.ops = tuple(ops)
        self.now_ms = now_ms
        self.expires_ms = expires_ms


class DeleteJob(Job[Removed]):
    __slots__ = ("address",)

    def __init__(self, address: Address) -> None:
        super().__init__()
        self.address = address


class PurgeJob(Job[Purged]):
    """Remove those of these sessions that have expired, as many as fit into one round."""

    __slots__ = ("addresses", "now_ms")

    def __init__(self, addresses: Sequence[Address], now_ms: int) -> None:
        super().__init__()
        self.addresses = tuple(addresses)
        self.now_ms = now_ms


class NoteJob(Job[None]):
    __slots__ = ("entries",)

    def __init__(self, entries: Sequence[AuditEntry]) -> None:
        super().__init__()
        self.entries = tuple(entries)


class ForgetAuditJob(Job[int]):
    """Remove audit entries older than a moment, as many as fit into one round."""

    __slots__ = ("before_ms",)

    def __init__(self, before_ms: int) -> None:
        super().__init__()
        self.before_ms = before_ms


class RevokeJob(Job[None]):
    __slots__ = ("key", "now_ms", "until_ms")

    def __init__(self, key: str, *, until_ms: int, now_ms: int) -> None:
        super().__init__()
        self.key = key
        self.until_ms = until_ms
        self.now_ms = now_ms


class SampleJob(Job[None]):
    """Raise the peaks of an hour."""

    __slots__ = ("at_ms", "running", "sockets")

    def __init__(self, *, at_ms: int, running: int, sockets: int) -> None:
        super().__init__()
        self.at_ms = at_ms
        self.running = running
        self.sockets = sockets


class ScrubJob(Job[bool]):
    """Rewrite the files without what was removed; the one job that is not part of a transaction."""

    __slots__ = ()


BookJob = NoteJob | ForgetAuditJob | RevokeJob | SampleJob
"""Writes that concern no session's rows."""
