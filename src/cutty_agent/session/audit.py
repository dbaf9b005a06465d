"""The audit log: what operators did, which accesses were refused, and who uses old addresses."""

from __future__ import annotations

import structlog

from ..clock import Clock
from ..ids import Address
from ..ports.store import AuditEntry, SessionStore
from ..wire.principal import OPERATOR
from .gathering import Gathering

log = structlog.get_logger("cutty_agent.audit")

GATHERED_S = 1.0
"""Equal refusals within this time are one entry with a count, so that a flood of them fills no disk."""

USES_S = 60.0
"""Equal uses of an old address within this time are one entry with a count."""


class Audit:
    """Writes entries. An operator's action is durable before it is carried out; refusals and uses follow later."""

    def __init__(self, store: SessionStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.refusals = 0
        self._refused = Gathering(store, after_s=GATHERED_S, rest="more refusals than can be listed")
        self._used = Gathering(store, after_s=USES_S, rest="more callers than can be listed")

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
        self.refusals += 1
        agent, session = (address.agent, address.session) if address is not None else ("", "")
        self._refused.add(
            AuditEntry(self._clock.now_ms(), actor, "access.refused", agent, session, peer, detail)
        )

    def used(self, actor: str, *, peer: str = "", detail: str = "", action: str = "bridge.used") -> None:
        """Somebody came to an old address; ``detail`` says to which, and from which page."""
        self._used.add(AuditEntry(self._clock.now_ms(), actor, action, peer=peer, detail=detail))

    async def close(self) -> None:
        """Write what is gathered."""
        await self._refused.close()
        await self._used.close()
