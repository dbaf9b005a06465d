"""The running parts of one server and what they share, from its start to its stop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import structlog

from .access.rule import Given, has_rule
from .access.rule import identity as access_identity
from .admin.api import AdminEndpoints
from .admin.exposition import MetricsEndpoint
from .admin.gauges import Gauges
from .admin.operations import Operations
from .agent.chat import AgentFactory
from .clock import Clock
from .config import Settings
from .ports.identity import Identity
from .ports.store import SessionStore
from .session.audit import Audit
from .session.gate import SessionGate
from .session.limiter import Limiter
from .session.pricing import Pricing
from .session.registry import Registry
from .session.standing import SessionsStanding
from .session.telemetry import Telemetry
from .session.watchdog import Watchdog

log = structlog.get_logger("cutty_agent.app")


class House:
    """Everything that lives as long as the store is open."""

    def __init__(
        self,
        store: SessionStore,
        identity: Identity,
        agents: Mapping[str, AgentFactory],
        settings: Settings,
        clock: Clock,
        telemetry: Telemetry,
        *,
        token: str | None,
        ruled: bool,
        resolve: Callable[[str], str | None],
    ) -> None:
        self.store = store
        self.identity = identity
        self.settings = settings
        self.audit = Audit(store, clock)
        self.registry = Registry(
            store,
            agents,
            settings,
            clock,
            audit=self.audit,
            limiter=Limiter(settings.limits, clock, store),
            pricing=Pricing(clock, model=settings.model),
            telemetry=telemetry,
        )
        telemetry.metrics.watch(SessionsStanding(self.registry))
        self.gate = SessionGate(self.registry)
        self.operations = Operations(self.gate, self.registry, store, self.audit, identity, clock)
        self.operator = AdminEndpoints(
            self.gate,
            self.registry,
            store,
            self.operations,
            self.audit,
            token=token,
            resolve=resolve,
            identify=identity.identify if ruled else None,
        )
        self.metrics = MetricsEndpoint(
            telemetry.metrics, self.audit, settings.metrics, token=token, open_here=not ruled
        )
        self.gauges = Gauges(self.registry)
        self._watchdog = Watchdog(telemetry.metrics, telemetry.warnings)
        self._hurried = False
        self._recovery: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def lived_in(self) -> AsyncIterator[None]:
        """Recover what a crash cut off, and look after the sessions; at the end finish or park their turns."""
        self._watchdog.start()
        recovery = self._recovery = asyncio.create_task(self.registry.recover())
        recovery.add_done_callback(_report)
        self.registry.sweeper.start()
        if self.settings.analytics:
            self.gauges.start()
        try:
            yield
        finally:
            await self.wind_down()
            if self.settings.analytics:
                await self.gauges.stop()
            await self._watchdog.stop()
            await self.audit.close()

    async def wind_down(self) -> None:
        """Take nothing new, close the sockets and let turns finish within ``lifetimes.grace_s``; those who follow one
        over HTTP hear its end. What is left then is parked, and they are let go. A second time there is nothing left."""
        grace_s = 0.0 if self._hurried else self.settings.lifetimes.grace_s
        self.operator.hang_up()
        if self._recovery is not None:
            self._recovery.cancel()
        await self.registry.sweeper.stop()
        over = asyncio.get_running_loop().call_later(grace_s, self.hang_up)
        try:
            await self.registry.close(grace_s=grace_s)
        finally:
            over.cancel()

    def hang_up(self) -> None:
        """End open event streams and tails."""
        self.gate.hang_up()
        self.operator.hang_up()

    def hurry(self) -> None:
        """While stopping: park running answers now instead of waiting for them."""
        self._hurried = True
        if self.registry.stopping:
            self.hang_up()
        self.registry.hurry()


async def known_callers(
    store: SessionStore, settings: Settings, clock: Clock, given: Given, directory: Path | None
) -> tuple[Identity, bool]:
    """What tells who is calling, with the revocations that are in force; and whether callers are told apart at all.

    Raises:
        ConfigError: the access rule cannot be followed.
    """
    found = access_identity(
        settings.access,
        clock,
        given=given,
        directory=directory,
        revocations=await store.revocations(now_ms=clock.now_ms()),
    )
    return found, has_rule(settings.access, given)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("recovery.failed", exc_info=task.exception())
