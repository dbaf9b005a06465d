"""A store that fails on a plan: faults come in at the seam, so production code needs no switches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from enum import Enum, auto
from typing import Any, TypeVar

from ..errors import StoreUnavailable
from ..ids import Address
from ..ports.store import Op, SessionRow, SessionStore, Snapshot, StoredMessage, StoredTurn

T = TypeVar("T")


class Fault(Enum):
    """What goes wrong with one write. Both look the same to the caller: ``StoreUnavailable``."""

    REFUSED = auto()
    """Nothing was written."""

    UNANSWERED = auto()
    """It was written, but the answer was lost."""


class FaultyStore:
    """Passes everything to ``inner``, but the n-th commit meets the n-th fault of ``plan``, and so for claims.

    ``None`` in a plan, and everything after its end, is a write that goes well. A plan may be endless.
    """

    def __init__(
        self, inner: SessionStore, plan: Iterable[Fault | None] = (), *, claims: Iterable[Fault | None] = ()
    ) -> None:
        self.inner = inner
        self._commits: Iterator[Fault | None] = iter(plan)
        self._claims: Iterator[Fault | None] = iter(claims)
        self._unfinished: set[asyncio.Task[Any]] = set()

    def claim(self, address: Address, *, now_ms: int) -> Awaitable[Snapshot]:
        fault = next(self._claims, None)
        if fault is Fault.REFUSED:
            return _fail()
        answer = self.inner.claim(address, now_ms=now_ms)
        return self._lose(answer) if fault is Fault.UNANSWERED else answer

    def commit(self, address: Address, epoch: int, ops: Sequence[Op], *, now_ms: int) -> Awaitable[None]:
        fault = next(self._commits, None)
        if fault is Fault.REFUSED:
            return _fail()
        answer = self.inner.commit(address, epoch, ops, now_ms=now_ms)
        return self._lose(answer) if fault is Fault.UNANSWERED else answer

    def _lose(self, answer: Awaitable[T]) -> Awaitable[T]:
        task = asyncio.ensure_future(_lost(answer))
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        return asyncio.shield(task)

    def chunks(self, address: Address, turn: str) -> Awaitable[list[bytes]]:
        return self.inner.chunks(address, turn)

    def messages(self, address: Address) -> Awaitable[list[StoredMessage] | None]:
        return self.inner.messages(address)

    def turns(self, address: Address) -> Awaitable[list[StoredTurn]]:
        return self.inner.turns(address)

    def interrupted(self) -> Awaitable[list[Address]]:
        return self.inner.interrupted()

    def sessions(
        self, *, agent: str | None = None, after: Address | None = None, limit: int = 100
    ) -> Awaitable[list[SessionRow]]:
        return self.inner.sessions(agent=agent, after=after, limit=limit)

    def delete(self, address: Address) -> Awaitable[bool]:
        return self.inner.delete(address)

    def check(self) -> Awaitable[list[str]]:
        return self.inner.check()

    def close(self) -> Awaitable[None]:
        return self.inner.close()


def _fail() -> asyncio.Future[Any]:
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    answer.set_exception(
        StoreUnavailable("The store refused by plan; nothing was written.", remedy="Try again.")
    )
    return answer


async def _lost(answer: Awaitable[T]) -> T:
    await answer
    raise StoreUnavailable(
        "The store wrote by plan, but the answer was lost.",
        remedy="Claim the session again to see what it holds.",
    )
