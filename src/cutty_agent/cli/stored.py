"""The operator's commands straight on the data directory, for when no server runs on it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from ..admin import report
from ..admin.receipts import Purged, Receipt
from ..engines.embedded.readonly import ReadOnlyStore, open_readonly
from ..ids import Address
from .operator import PAGE, Entries, Subject, Wanted, unknown

if TYPE_CHECKING:
    from ..config import Settings
    from ..engines.sealed import Keyring
    from ..engines.sealed.contents import Contents
    from .locked import Locked

T = TypeVar("T")


class StoredOperator:
    """Looks without a lock, and takes the lock of the directory for what it changes: ``DataDirectoryInUse`` when a
    server started meanwhile. What is encrypted is read with the keys of the settings. Use it as a context manager.

    What it changes is in the audit log as with a server; what it only shows is not.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        if settings.encryption.keys:
            _ = self._keyring  # a wrong key is an error before anything is looked at
        self._reader: ReadOnlyStore | None = open_readonly(settings.data)

    # -- looking

    def rows(self, wanted: Wanted) -> Iterator[dict[str, Any]]:
        idle_since_ms = None if wanted.idle_s is None else _now_ms() - round(wanted.idle_s * 1000)
        after: Address | None = None
        while page := self._store.sessions(
            agent=wanted.agent,
            owner=wanted.owner,
            parked=wanted.parked,
            idle_since_ms=idle_since_ms,
            after=after,
            limit=PAGE,
        ):
            yield from map(report.row, page)
            after = page[-1].address

    def show(self, address: Address) -> dict[str, Any]:
        page = self._store.sessions(agent=address.agent, after=report.just_before(address), limit=1)
        card = self._store.card(address)
        if not page or page[0].address != address or card is None:
            raise unknown(address)
        turns = self._contents(address).turns(self._store.turns(address))
        return {
            **report.row(page[0]),
            "shares": msgspec.to_builtins(card.grants),
            "turns": report.turns(turns),
        }

    def messages(self, address: Address) -> list[dict[str, Any]]:
        found = self._store.messages(address)
        if found is None:
            raise unknown(address)
        rows = self._contents(address).messages(found.messages)
        return [msgspec.json.decode(row.body) for row in rows]

    def audit(self, wanted: Entries, limit: int) -> Iterator[dict[str, Any]]:
        before: int | None = None
        while limit > 0:
            size = min(limit, PAGE)
            page = self._store.audit(
                before=before, action=wanted.action, actor=wanted.actor, address=wanted.address, limit=size
            )
            yield from ({"seq": row.seq, **msgspec.to_builtins(row.entry)} for row in page)
            if len(page) < size:
                return
            before, limit = page[-1].seq, limit - size

    # -- taking away

    def delete(self, addresses: list[Address]) -> Iterator[tuple[Address, bool]]:
        yield from self._work(lambda locked: locked.delete(addresses))

    def export(self, subject: Subject, write: Callable[[bytes], object]) -> None:
        async def work(locked: Locked) -> None:
            if isinstance(subject, str):
                pieces = await locked.operations.export_owner(subject)
            else:
                pieces = await locked.operations.export_session(subject)
            async for piece in pieces:
                write(piece)

        self._work(work)

    def erase(self, subject: Subject) -> Receipt:
        async def work(locked: Locked) -> Receipt:
            if isinstance(subject, str):
                return await locked.operations.erase_owner(subject)
            return await locked.operations.erase_session(subject)

        return self._work(work)

    def purge(
        self, older_s: float, agent: str | None, *, dry_run: bool, told: Callable[[Purged], object]
    ) -> Purged:
        async def work(locked: Locked) -> Purged:
            last = Purged(0, 0, 0)
            async for last in await locked.operations.purge(
                older_than_ms=round(older_s * 1000), agent=agent, dry_run=dry_run
            ):
                told(last)
            return last

        return self._work(work)

    # -- ruling

    def park(self, address: Address, reason: str | None) -> None:
        self._work(lambda locked: locked.park(address, reason))

    def expire(self, address: Address) -> bool:
        self._work(lambda locked: locked.expire(address))
        return False

    def revoke(self, key: str, seconds: float | None) -> int | None:
        until_ms = None if seconds is None else _now_ms() + round(seconds * 1000)
        self._work(lambda locked: locked.operations.revoke(key, until_ms))
        return None

    # -- the directory

    @cached_property
    def _keyring(self) -> Keyring:
        from ..engines.sealed import Keyring  # lists and sums do without

        return Keyring.parse(self._settings.encryption.keys)

    def _contents(self, address: Address) -> Contents:
        from ..engines.sealed.contents import Contents

        return Contents(self._keyring, address)

    @property
    def _store(self) -> ReadOnlyStore:
        if self._reader is None:
            self._reader = open_readonly(self._settings.data)
        return self._reader

    def _work(self, work: Callable[[Locked], Awaitable[T]]) -> T:
        self._close()  # an open reader could keep erased pages from being overwritten

        from .locked import open_locked  # with all that a server has of sessions

        async def run() -> T:
            async with open_locked(self._settings, self._keyring) as locked:
                return await work(locked)

        return asyncio.run(run())

    def _close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def __enter__(self) -> StoredOperator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
