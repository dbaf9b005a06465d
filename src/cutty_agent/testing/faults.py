"""A store that fails on a plan: faults come in at the seam, so production code needs no switches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from enum import Enum, auto
from typing import Any, TypeVar

from ..errors import StoreUnavailable
from ..ids import Address
from ..ports.passing import PassingStore
from ..ports.store import (
    FOREVER,
    Lifetime,
    Op,
    SessionStore,
    Snapshot,
)
from ..wire.principal import NEVER_MS

T = TypeVar("T")


class Fault(Enum):
    """What goes wrong with one write. Both look the same to the caller: ``StoreUnavailable``."""

    REFUSED = auto()
    """Nothing was written."""

    UNANSWERED = auto()
    """It was written, but the answer was lost."""


class FaultyStore(PassingStore):
    """Passes everything to ``inner``, but the n-th commit meets the n-th fault of ``plan``, and so for claims.

    ``None`` in a plan, and everything after its end, is a write that goes well. A plan may be endless.
    """

    def __init__(
        self, inner: SessionStore, plan: Iterable[Fault | None] = (), *, claims: Iterable[Fault | None] = ()
    ) -> None:
        super().__init__(inner)
        self._commits: Iterator[Fault | None] = iter(plan)
        self._claims: Iterator[Fault | None] = iter(claims)
        self._unfinished: set[asyncio.Task[Any]] = set()

    def claim(
        self,
        address: Address,
        *,
        owner: str | None,
        now_ms: int,
        lifetime: Lifetime = FOREVER,
        create: bool = True,
        expired: bool = False,
    ) -> Awaitable[Snapshot]:
        fault = next(self._claims, None)
        if fault is Fault.REFUSED:
            return _fail()
        answer = super().claim(
            address, owner=owner, now_ms=now_ms, lifetime=lifetime, create=create, expired=expired
        )
        return self._lose(answer) if fault is Fault.UNANSWERED else answer

    def commit(
        self, address: Address, epoch: int, ops: Sequence[Op], *, now_ms: int, expires_ms: int = NEVER_MS
    ) -> Awaitable[None]:
        fault = next(self._commits, None)
        if fault is Fault.REFUSED:
            return _fail()
        answer = super().commit(address, epoch, ops, now_ms=now_ms, expires_ms=expires_ms)
        return self._lose(answer) if fault is Fault.UNANSWERED else answer

    def _lose(self, answer: Awaitable[T]) -> Awaitable[T]:
        task = asyncio.ensure_future(_lost(answer))
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        return asyncio.shield(task)


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
