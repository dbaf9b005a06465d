"""What waits for the writer, and which of it may be written together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from ...ids import Address
from ...ports.store import Op

T = TypeVar("T")


class Claimed(NamedTuple):
    """A claim that is durable. ``idx`` is the integer index of the session."""

    epoch: int
    idx: int
    created_ms: int

    @property
    def created(self) -> bool:
        """Whether this claim made the session."""
        return self.idx == self.epoch


class Job(Generic[T]):
    """A write of one session, and the loop and future that wait for it.

    The writer sets ``value`` or ``error`` and overwrites them when it has to start again; the waiter sees them
    only after the transaction is over.
    """

    __slots__ = ("address", "answer", "error", "loop", "value")

    def __init__(self, address: Address) -> None:
        self.address = address
        self.loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[T] = self.loop.create_future()
        self.value: T | None = None
        self.error: Exception | None = None

    def tell(self) -> None:
        """Wake the waiter; in its loop. One that was cancelled is not disturbed."""
        if self.answer.done():
            return
        if self.error is not None:
            self.answer.set_exception(self.error)
        else:
            self.answer.set_result(self.value)  # type: ignore[arg-type]  # a job without an error has its value


class ClaimJob(Job[Claimed]):
    __slots__ = ("now_ms",)

    def __init__(self, address: Address, now_ms: int) -> None:
        super().__init__(address)
        self.now_ms = now_ms


class CommitJob(Job[None]):
    __slots__ = ("epoch", "now_ms", "ops")

    def __init__(self, address: Address, epoch: int, ops: Sequence[Op], now_ms: int) -> None:
        super().__init__(address)
        self.epoch = epoch
        self.ops = tuple(ops)
        self.now_ms = now_ms


class DeleteJob(Job[bool]):
    __slots__ = ()


AnyJob = ClaimJob | CommitJob | DeleteJob


class Round:
    """Jobs whose order does not matter: one claim or one delete of a session, or commits of one epoch of it."""

    __slots__ = ("claims", "commits", "deletes")

    def __init__(self) -> None:
        self.claims: dict[Address, ClaimJob] = {}
        self.deletes: dict[Address, DeleteJob] = {}
        self.commits: dict[Address, list[CommitJob]] = {}

    def admit(self, job: AnyJob) -> bool:
        """Take the job in; false when it must come after what this round holds."""
        address = job.address
        if address in self.claims or address in self.deletes:
            return False
        earlier = self.commits.get(address)
        match job:
            case CommitJob():
                if earlier is None:
                    self.commits[address] = [job]
                elif earlier[0].epoch == job.epoch:
                    earlier.append(job)
                else:
                    return False
            case ClaimJob():
                if earlier is not None:
                    return False
                self.claims[address] = job
            case DeleteJob():
                if earlier is not None:
                    return False
                self.deletes[address] = job
        return True


def rounds(batch: Sequence[AnyJob]) -> Iterator[Round]:
    """The batch cut into rounds, to be written one after the other."""
    current = Round()
    for job in batch:
        if not current.admit(job):
            yield current
            current = Round()
            current.admit(job)
    yield current
