"""Removes sessions that have expired, a few at a time, after their agents have had a last look at them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import msgspec
import structlog

from ..agent.base import overrides
from ..agent.chat import AgentFactory
from ..clock import Clock
from ..config import Settings
from ..errors import CuttyError, NotFound, SessionExpired, SharedAgent
from ..ids import Address
from ..ports.store import Lifetime, Removed, SessionStore
from . import instances
from .actor import Actor
from .admission import Admission
from .journal import Journal
from .limiter import Limiter
from .pricing import Pricing
from .telemetry import Telemetry

log = structlog.get_logger("cutty_agent.sweeper")

BATCH = 100
"""Sessions removed in one transaction."""

PAUSE_S = 0.02
"""Between two batches, so that the commits of living sessions go between them; seconds."""

HOOK_S = 60.0
"""Time an agent's ``on_expire`` has, in seconds."""

HOOKS_AT_ONCE = 8


class Swept(msgspec.Struct):
    """What the sweeper has done since the server started. ``waiting`` are expired sessions that ``on_expire`` has not
    let go of; ``round_s`` is how long the last round took."""

    sessions: int = 0
    messages: int = 0
    turns: int = 0
    rounds: int = 0
    failed: int = 0
    waiting: int = 0
    round_s: float = 0.0


class Sweeper:
    """One for each registry of sessions."""

    def __init__(
        self,
        store: SessionStore,
        agents: Mapping[str, AgentFactory],
        admission: Admission,
        settings: Settings,
        clock: Clock,
        limiter: Limiter,
        pricing: Pricing,
        telemetry: Telemetry,
    ) -> None:
        self._telemetry = telemetry
        self._limiter = limiter
        self._pricing = pricing
        self._store = store
        self._agents = agents
        self._admission = admission
        self._settings = settings
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._winding: dict[Address, asyncio.Task[None]] = {}
        self._hooked: dict[str, bool] = {}
        self._round = asyncio.Lock()
        self.swept = Swept()

    def start(self) -> None:
        """Begin to sweep now and then."""
        self._task = asyncio.get_running_loop().create_task(self._forever())

    async def stop(self) -> None:
        """End at once; what is left is swept after the next start."""
        tasks = [task for task in (self._task, *self._winding.values()) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _forever(self) -> None:
        lifetimes = self._settings.lifetimes
        while True:
            await asyncio.sleep(lifetimes.sweep_s)
            self._limiter.tidy()
            try:
                await self.sweep()
                if lifetimes.audit_s is not None:
                    before = self._clock.now_ms() - round(lifetimes.audit_s * 1000)
                    await self._store.forget_audit(before_ms=before)
            except CuttyError as error:
                log.warning("sweep.failed", error=str(error))
            except Exception:
                log.exception("sweep.crashed")

    async def sweep(self) -> Removed:
        """One round: everything that has expired by now. Returns what it removed. Rounds do not overlap."""
        async with self._round:
            return await self._sweep()

    async def _sweep(self) -> Removed:
        began = time.perf_counter()
        total = Removed()
        self.swept.waiting = 0
        skipped: set[Address] = set()
        while True:
            # Those that could not be wound up come first again and again: ask for as many more.
            page = await self._store.expired(
                now_ms=self._clock.now_ms(), limit=min(1000, BATCH + len(skipped))
            )
            batch = [address for address in page if address not in skipped]
            if not batch:
                break
            kept = await self._last_looks(batch)
            skipped |= kept
            gone = [address for address in batch if address not in kept]
            removed = await self._store.delete_expired(gone, now_ms=self._clock.now_ms())
            skipped.update(gone if not removed.sessions else ())  # alive again meanwhile
            total = _sum(total, removed)
            self._count(removed)
            if total.sessions and total.sessions % (10 * BATCH) < BATCH:
                log.info("sweep.progress", sessions=total.sessions, messages=total.messages)
            await asyncio.sleep(PAUSE_S)
        self.swept.rounds += 1
        self.swept.waiting = len(skipped)
        self.swept.round_s = time.perf_counter() - began
        if total.sessions or skipped:
            log.info(
                "sweep.done",
                sessions=total.sessions,
                messages=total.messages,
                waiting=len(skipped),
                seconds=round(self.swept.round_s, 3),
            )
        return total

    async def wind_up(self, address: Address) -> None:
        """Remove one expired session now, because somebody begins a new one at its address.

        Raises:
            SessionExpired: its agent would not let go of it; it stays out of reach.
        """
        task = self._winding.get(address)
        if task is None:
            task = self._winding[address] = asyncio.get_running_loop().create_task(self._wind_up(address))
            task.add_done_callback(lambda _: self._winding.pop(address, None))
        await asyncio.shield(task)

    async def _wind_up(self, address: Address) -> None:
        if await self._last_looks([address]):
            raise SessionExpired(
                "This session has expired and is being archived.", remedy="Start a new session."
            )
        removed = await self._store.delete_expired([address], now_ms=self._clock.now_ms())
        self._count(removed)

    def _count(self, removed: Removed) -> None:
        self.swept.sessions += removed.sessions
        self.swept.messages += removed.messages
        self.swept.turns += removed.turns

    # -- on_expire

    async def _last_looks(self, addresses: list[Address]) -> set[Address]:
        """Run the hooks of those that have one; the sessions whose hook failed."""
        hooked = [address for address in addresses if self._has_hook(address.agent)]
        gate = asyncio.Semaphore(HOOKS_AT_ONCE)

        async def look(address: Address) -> bool:
            async with gate:
                return await self._last_look(address)

        looks = await asyncio.gather(*(look(address) for address in hooked))
        return {address for address, well in zip(hooked, looks, strict=True) if not well}

    def _has_hook(self, agent: str) -> bool:
        if agent not in self._hooked:
            factory = self._agents.get(agent)
            self._hooked[agent] = factory is not None and overrides(factory(), "on_expire")
        return self._hooked[agent]

    async def _last_look(self, address: Address) -> bool:
        try:
            snapshot = await self._admission.wind_up(address)
        except (SessionExpired, NotFound):
            return True  # removed, or alive again: the removal looks once more
        try:
            agent = instances.take(self._agents[address.agent](), address)
        except SharedAgent as error:
            self.swept.failed += 1
            log.error("session.not_wound_up", error=str(error), agent=address.agent, session=address.session)
            return False
        ended = Lifetime(0, 0)  # whatever is written now, the session stays expired
        journal = Journal(
            self._store,
            address,
            snapshot.epoch,
            self._clock,
            lifetime=ended,
            created_ms=snapshot.card.created_ms,
            expires_ms=snapshot.card.expires_ms,
        )
        actor = Actor(
            agent,
            snapshot,
            journal,
            [],
            self._settings,
            self._clock,
            self._limiter,
            self._pricing,
            self._telemetry,
            rested=_nothing,
            broken=_nothing,
        )
        agent._host = actor
        try:
            async with asyncio.timeout(HOOK_S):
                await agent.on_expire()
        except Exception:
            self.swept.failed += 1
            log.exception("session.not_wound_up", **actor.names)
            return False
        finally:
            await actor.stop_working()
            actor.dismiss()
        return True


def _nothing() -> None:
    pass


def _sum(one: Removed, other: Removed) -> Removed:
    return Removed(one.sessions + other.sessions, one.messages + other.messages, one.turns + other.turns)
