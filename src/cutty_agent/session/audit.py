"""The audit log: what operators did, and which accesses were refused."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import structlog

from ..clock import Clock
from ..errors import StoreError
from ..ids import Address
from ..ports.store import AuditEntry, SessionStore
from ..wire.principal import OPERATOR

log = structlog.get_logger("cutty_agent.audit")

GATHERED_S = 1.0
"""Equal refusals within this time are one entry with a count, so that a flood of them fills no disk."""

MAX_GATHERED = 1_000
"""Different refusals that may wait; further ones within the same time are counted in one entry."""

_Key = tuple[str, str, str, str, str]


class Audit:
    """Writes entries. An operator's action is durable before it is carried out; refusals follow a moment later."""

    def __init__(self, store: SessionStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._gathered: dict[_Key, AuditEntry] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    async def acted(
        self,
        action: str,
        address: Address | None = None,
        *,
        actor: str = OPERATOR,
        peer: str = "",
        detail: str = "",
    ) -> None:
        """An operator, or an owner through the API, does something; durable when this returns."""
        agent, session = (address.agent, address.session) if address is not None else ("", "")
        entry = AuditEntry(self._clock.now_ms(), actor, action, agent, session, peer, detail)
        log.info("audit", action=action, actor=actor, agent=agent, session=session, detail=detail)
        await self._store.note([entry])

    def refused(self, actor: str, address: Address | None, *, peer: str = "", detail: str = "") -> None:
        """Somebody was not let in."""
        agent, session = (address.agent, address.session) if address is not None else ("", "")
        key: _Key = (actor, agent, session, peer, detail)
        entry = self._gathered.get(key)
        if entry is None and len(self._gathered) >= MAX_GATHERED:
            key = ("", "", "", "", "more refusals than can be listed")
            entry = self._gathered.get(key)
        if entry is None:
            actor, agent, session, peer, detail = key
            entry = AuditEntry(
                self._clock.now_ms(), actor, "access.refused", agent, session, peer, detail, count=0
            )
        self._gathered[key] = msgspec.structs.replace(entry, count=entry.count + 1)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHERED_S, self._flush)

    def _flush(self) -> None:
        self._timer = None
        entries, self._gathered = list(self._gathered.values()), {}
        if entries:
            self._writing = asyncio.get_running_loop().create_task(self._write(entries))

    async def _write(self, entries: Sequence[AuditEntry]) -> None:
        try:
            await self._store.note(entries)
        except StoreError as error:
            log.error("audit.not_written", entries=len(entries), error=str(error))

    async def close(self) -> None:
        """Write what is gathered."""
        if self._timer is not None:
            self._timer.cancel()
        self._flush()
        if self._writing is not None:
            await self._writing
