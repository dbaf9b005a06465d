"""Audit entries that may come in floods: equal ones within a time become one, with a count."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import structlog

from ..errors import StoreError
from ..ports.store import AuditEntry, SessionStore

log = structlog.get_logger("cutty_agent.audit")

MAX_GATHERED = 1_000
"""Different entries that may wait; further ones within the same time are counted in one entry for each action."""

_Key = tuple[str, str, str, str, str, str]


class Gathering:
    """Writes what is added within ``after_s`` seconds of the first, then begins anew. ``rest`` is the sentence of the
    entry that counts what there was no room for."""

    def __init__(self, store: SessionStore, *, after_s: float, rest: str) -> None:
        self._store = store
        self._after_s = after_s
        self._rest = rest
        self._waiting: dict[_Key, AuditEntry] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    def add(self, entry: AuditEntry) -> None:
        """Count an entry; equal are those that differ in their times alone, and the first time stays."""
        found = self._waiting.get(_key(entry))
        if found is None and len(self._waiting) >= MAX_GATHERED:
            entry = AuditEntry(entry.at_ms, "", entry.action, detail=self._rest)
            found = self._waiting.get(_key(entry))
        if found is not None:
            entry = msgspec.structs.replace(found, count=found.count + 1)
        self._waiting[_key(entry)] = entry
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._after_s, self._flush)

    def _flush(self) -> None:
        self._timer = None
        entries, self._waiting = list(self._waiting.values()), {}
        if entries:
            self._writing = asyncio.get_running_loop().create_task(self._write(entries))

    async def _write(self, entries: Sequence[AuditEntry]) -> None:
        try:
            await self._store.note(entries)
        except StoreError as error:
            log.error("audit.not_written", entries=len(entries), error=str(error))

    async def close(self) -> None:
        """Write what waits."""
        if self._timer is not None:
            self._timer.cancel()
        self._flush()
        if self._writing is not None:
            await self._writing


def _key(entry: AuditEntry) -> _Key:
    return (entry.action, entry.actor, entry.agent, entry.session, entry.peer, entry.detail)
