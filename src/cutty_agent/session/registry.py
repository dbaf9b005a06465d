"""Which sessions are here: wakes them on first use, puts them to sleep, keeps their sockets meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from ..agent.base import overrides
from ..agent.chat import AgentFactory, ChatAgent
from ..clock import Clock
from ..config import Settings
from ..core import access
from ..errors import CuttyError, NotFound, SessionExpired, ShuttingDown, Unauthorized
from ..ids import Address
from ..ports.identity import Identity
from ..ports.store import Removed, SessionStore, Snapshot
from ..wire.card import Right
from ..wire.principal import NEVER_MS, Principal
from . import instances
from .actor import Actor
from .admission import Admission
from .audit import Audit
from .connection import Connection
from .journal import Journal
from .limiter import Limiter
from .pricing import Pricing
from .recovery import recover
from .slot import Slot
from .slots import DAY_S, Slots
from .sweeper import Sweeper
from .telemetry import Telemetry

log = structlog.get_logger("cutty_agent.session")

ERASED = "This session was deleted"

WAKE_AT_ONCE = 16
"""Sessions that are recovered at the same time after a start."""


class Registry(Slots):
    """Who comes in, and the sessions it wakes for them."""

    def __init__(
        self,
        store: SessionStore,
        agents: Mapping[str, AgentFactory],
        settings: Settings,
        clock: Clock,
        *,
        audit: Audit | None = None,
        limiter: Limiter | None = None,
        pricing: Pricing | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        super().__init__(settings, clock, telemetry or Telemetry())
        self.store = store
        self.agents = agents
        self.audit = audit or Audit(store, clock)
        self.limiter = limiter or Limiter(settings.limits, clock, store)
        self.pricing = pricing or Pricing(clock, model=settings.model)
        self.admission = Admission(store, settings.access, settings.lifetimes, clock)
        self.sweeper = Sweeper(
            store, agents, self.admission, settings, clock, self.limiter, self.pricing, self.telemetry
        )
        self.erasing: set[Address] = set()
        self._answering: dict[str, bool] = {}
        self.sockets = 0
        self.recovering = True  # sessions with an open turn may still be asleep
        self.unidentified = 0  # sockets of which nobody knows yet who it is
        self.sockets_opened = 0
        self.frames_received = 0

    def answers_requests(self, agent: str) -> bool:
        """Whether this agent answers HTTP requests of its own; found out without waking or making a session."""
        known = self._answering.get(agent)
        if known is None:
            known = self._answering[agent] = overrides(self.agents[agent](), "on_request")
        return known

    # -- finding and waking

    async def actor(self, slot: Slot, who: Principal | None, *, create: bool | None = None) -> Actor:
        """The awake session, for ``who`` or for the server itself; wakes it if it sleeps. Cancelling the caller does
        not cancel the wake-up. ``create`` says whether it may be made, where the settings are not to decide.

        Raises:
            NotFound: it is not ``who``'s to enter.
            CuttyError: the store did not give it, or the server is stopping.
        """
        while True:
            self.end_if_expired(slot)
            slot = self.slot(slot.address)  # it may have been given up while we waited, or just now
            actor = slot.actor
            if actor is not None:
                if who is not None and self.right(actor, who) is None:
                    raise access.no_such_session()
                self.touch(slot)
                return actor
            mine = slot.waking is None or slot.waker == who
            waking = self._waking(slot, who, create)
            try:
                await asyncio.shield(waking)
            except NotFound:
                if mine:
                    raise

    def right(self, actor: Actor, who: Principal) -> Right | None:
        """What a caller may do with an awake session; one that waits for its first caller is its from now on."""
        if self.admission.adoptable(actor.card, who):
            actor.adopt(who.id, self.admission.lifetime(who.id, actor.agent.lifetimes))
        return access.right(actor.card, who, self.clock.now_ms())

    def post(self, slot: Slot, conn: Connection, text: bytes | str | None) -> None:
        """A frame of a connection, or its arrival: to the actor, or kept in order until the session is awake."""
        self.end_if_expired(slot)
        if not conn.heeded:
            return
        actor = slot.actor
        if actor is None:
            slot.early = slot.early or []
            slot.early.append((conn, text))
            self._waking(slot, conn.principal)
            return
        self.touch(slot)
        if text is None:
            self._let_in(slot, actor, conn)
        if conn.right is not None:
            actor.post(conn, text)

    def _waking(self, slot: Slot, who: Principal | None, create: bool | None = None) -> asyncio.Task[Actor]:
        if slot.waking is None:
            self.slots.setdefault(slot.address, slot)  # its session may just have come to its end
            slot.waker = who
            slot.waking = asyncio.get_running_loop().create_task(self._wake(slot, who, create))
            slot.waking.add_done_callback(_retrieved)
        return slot.waking

    async def _wake(self, slot: Slot, who: Principal | None, create: bool | None) -> Actor:
        woken: Actor | None = None
        try:
            self._refuse_erased(slot)
            if self.stopping:
                raise ShuttingDown("The server is stopping.", remedy="Reconnect in a moment.")
            agent = instances.take(self.agents[slot.address.agent](), slot.address)
            snapshot = await self._load(slot, who, agent, create)
            card = snapshot.card
            journal = Journal(
                self.store,
                slot.address,
                snapshot.epoch,
                self.clock,
                lifetime=self.admission.lifetime(card.owner, agent.lifetimes),
                created_ms=card.created_ms,
                expires_ms=card.expires_ms,
            )
            actor: Actor = Actor(
                agent,
                snapshot,
                journal,
                slot.connections,
                self.settings,
                self.clock,
                self.limiter,
                self.pricing,
                self.telemetry,
                rested=lambda: self._rested(slot, actor),
                broken=lambda: self._broken(slot, actor),
            )
            woken = actor
            actor.disowned = set(slot.disowned)
            await recover(actor)
            await actor.start()
            self._refuse_erased(slot)
            slot.disowned.clear()
            if any(turn.open for turn in snapshot.turns):
                for conn in self._all(slot):  # they may come from before the crash
                    conn.missed = conn.missed or conn.opening.labelled
        except BaseException as caught:
            error = _erased() if slot.address in self.erasing else caught
            slot.waking = None
            if woken is not None:
                woken.abandon()
            self._refuse(slot, error, who)
            self._drop_if_empty(slot)
            raise error from caught
        slot.actor, slot.waking = actor, None
        self.touch(slot)
        self._time_expiry(slot)
        if self.settings.debug:
            awake = (each.actor.agent for each in list(self.awake) if each.actor is not None)
            instances.compare(agent, awake, slot.address.agent, self.telemetry.warnings)
        self.telemetry.metrics.woke(slot.address.agent, created=snapshot.created)
        log.debug("session.awake", created=snapshot.created, messages=len(snapshot.messages), **actor.names)
        for conn in list(slot.connections):
            if (
                conn.visitor and self.right(actor, conn.principal) is None
            ):  # its share ended while the session slept
                conn.close(NotFound.close_code, access.no_such_session().sentence)
        early, slot.early = slot.early, None
        for conn, text in early or ():
            self.post(slot, conn, text)
        reason = self.limiter.note_wake(slot.address)
        if reason is not None:
            await actor.park(reason)
        actor.runner.kick()
        return actor

    async def erase(self, address: Address) -> Removed:
        """Remove a session with all it has, also one that is just waking; its sockets are closed with a terminal code.
        What was loaded of it before is not served any more."""
        self.erasing.add(address)
        try:
            slot = self.slots.get(address)
            if slot is not None:
                if slot.waking is not None:
                    slot.waking.cancel()
                    await asyncio.wait([slot.waking])
                if slot.actor is not None:
                    slot.actor.runner.discard()
                    await slot.actor.runner.shut_down(grace_s=0)
                self.end(slot, SessionExpired.close_code, ERASED)
            return await self.store.delete(address)
        finally:
            self.erasing.discard(address)

    def _refuse_erased(self, slot: Slot) -> None:
        if slot.address in self.erasing:
            raise _erased()

    async def _load(
        self, slot: Slot, who: Principal | None, agent: ChatAgent, create: bool | None
    ) -> Snapshot:
        while True:
            try:
                return await self.admission.load(slot.address, who, agent.lifetimes, create=create)
            except SessionExpired:
                self._end_sockets(slot)  # they belong to the session that was
                await self.sweeper.wind_up(slot.address)

    def _refuse(self, slot: Slot, error: BaseException, who: Principal | None) -> None:
        """A session that cannot wake: its sockets are told, so that they come back or stay away. When only this caller
        may not enter it, the others try again."""
        early, slot.early = slot.early or [], None
        affected = self._all(slot) | {conn for conn, _ in early}
        if isinstance(error, NotFound) and who is not None:
            affected = {conn for conn in affected if conn.principal == who}
            slot.early = [each for each in early if each[0] not in affected] or None
            code, reason = error.close_code, error.sentence
            for conn in affected:
                self._note_refusal(conn)
        elif isinstance(error, CuttyError):
            code, reason = error.close_code, str(error)
            log.warning(
                "session.not_woken", error=reason, agent=slot.address.agent, session=slot.address.session
            )
        else:
            code, reason = 1011, "The session could not be loaded"
            log.error(
                "session.not_woken", exc_info=error, agent=slot.address.agent, session=slot.address.session
            )
        for conn in affected:
            conn.close(code, reason)
        if slot.early:
            self._waking(slot, slot.early[0][0].principal)

    # -- who comes in

    def attach(self, conn: Connection) -> None:
        """A socket came in."""
        slot = self.slot(conn.address)
        conn.since_ms = self.clock.now_ms()
        conn.missed = self.losses.came_back(slot, conn)
        self.sockets += 1
        self.sockets_opened += 1
        ends = conn.principal.expires_ms
        if ends < NEVER_MS:
            self._time_lease(conn)
        self.post(slot, conn, None)

    def _let_in(self, slot: Slot, actor: Actor, conn: Connection) -> None:
        """The session is awake: does its card let this socket in?"""
        right = self.right(actor, conn.principal)
        limit = self.settings.limits.sockets_per_session
        if right is None:
            self._note_refusal(conn)
            conn.close(NotFound.close_code, access.no_such_session().sentence)
        elif len(slot.connections) >= limit:
            self.limiter.count_refusal("sockets_per_session")
            conn.close(
                1013,
                f"This session has {len(slot.connections)} open sockets; limits.sockets_per_session is {limit}. "
                "Close some of its windows.",
            )
        else:
            conn.right = "read" if right != "read" and actor.wants_readonly(conn) else right
            if not conn.closed:
                slot.connections.append(conn)

    def _note_refusal(self, conn: Connection) -> None:
        self.audit.refused(
            conn.principal.id, conn.address, peer=conn.opening.peer, detail="The session is somebody else's."
        )

    def detach(self, conn: Connection) -> None:
        """A socket is gone."""
        slot = self.slot(conn.address)
        conn.closed = True
        self.sockets -= 1
        self.behind.discard(conn)
        if conn.lease is not None:
            conn.lease.cancel()
        actor = slot.actor
        if conn.waiting and conn.heeded:  # what it sent last is still to be answered
            self.losses.note(slot, conn)
        if conn not in slot.connections:  # it was not let in, or not yet
            self._drop_if_empty(slot)
            return
        slot.connections.remove(conn)
        if conn.missed or conn.behind or (actor is not None and not actor.runner.idle):
            self.losses.note(slot, conn)
        if actor is not None:
            actor.lost(conn)
            self.touch(slot)
        else:
            self._drop_if_empty(slot)

    def _time_lease(self, conn: Connection) -> None:
        left_s = (conn.principal.expires_ms - self.clock.now_ms()) / 1000
        if left_s <= 0:
            conn.close(Unauthorized.close_code, "The sign-in has expired; connect again with a new token")
            return
        loop = asyncio.get_running_loop()
        conn.lease = loop.call_later(min(left_s, DAY_S), self._time_lease, conn)

    def expel(self, identity: Identity) -> int:
        """Close the sockets of those whose principal or token was revoked, and what they follow over HTTP; how many sockets
        there were."""
        gone = [conn for slot in self.slots.values() for conn in self._all(slot)]
        gone = [conn for conn in gone if not conn.closed and identity.revoked(conn.principal)]
        for conn in gone:
            conn.close(Unauthorized.close_code, "The sign-in was revoked")
        for slot in self.slots.values():
            for answer in slot.actor.following() if slot.actor is not None else ():
                if identity.revoked(answer.who):
                    answer.let_go()
        return len(gone)

    def _all(self, slot: Slot) -> set[Connection]:
        return {*slot.connections, *(conn for conn, _ in slot.early or ())}

    # -- start and stop

    async def recover(self) -> None:
        """Wake every session that a crash or shutdown left with an open turn. Sessions of agents that are no
        longer registered are left alone."""
        gate = asyncio.Semaphore(WAKE_AT_ONCE)

        async def wake(address: Address) -> None:
            async with gate:
                try:
                    await self.actor(self.slot(address), None)
                except Exception as error:  # one session that cannot wake must not keep the others asleep
                    log.warning(
                        "session.not_recovered",
                        agent=address.agent,
                        session=address.session,
                        error=str(error),
                    )

        addresses = [found for found in await self.store.interrupted() if found.agent in self.agents]
        self.losses.recovered = frozenset(addresses)
        if addresses:
            log.info("recovery.started", sessions=len(addresses))
            await asyncio.gather(*(wake(address) for address in addresses))
        self.recovering = False

    async def close(self, *, grace_s: float) -> None:
        """Close every socket with 1012, let running turns finish within ``grace_s`` seconds, park the others."""
        self.stopping = True
        if self._timer is not None:
            self._timer.cancel()
        for slot in list(self.slots.values()):
            for conn in list(slot.connections):
                conn.close(1012, "The server is restarting; reconnect")
        waking = [slot.waking for slot in self.slots.values() if slot.waking is not None]
        if waking:
            await asyncio.wait(waking, timeout=5.0)
        actors = [slot.actor for slot in self.slots.values() if slot.actor is not None]
        running = sum(not actor.runner.idle for actor in actors)
        if running:
            log.info("shutdown.waiting", turns=running, grace_s=grace_s)
        await asyncio.gather(*(actor.shut_down(grace_s=grace_s) for actor in actors))
        for slot in self.slots.values():
            slot.actor = None

    def hurry(self) -> None:
        """Park what :meth:`close` still waits for; without effect before it."""
        for slot in self.slots.values():
            if self.stopping and slot.actor is not None:
                slot.actor.runner.park()


def _erased() -> SessionExpired:
    return SessionExpired(f"{ERASED}.", remedy="Start a new one.")


def _retrieved(task: asyncio.Task[Actor]) -> None:
    """The error of a wake-up nobody awaits has been logged and told to the sockets."""
    if not task.cancelled():
        task.exception()
