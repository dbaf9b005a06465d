"""Which sessions are here: wakes them on first use, puts them to sleep, keeps their sockets meanwhile."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping

import structlog

from ..agent.chat import ChatAgent
from ..clock import Clock
from ..config import Settings
from ..errors import CuttyError, ShuttingDown
from ..ids import Address
from ..ports.store import SessionStore
from .actor import Actor
from .connection import Connection
from .journal import Journal
from .recovery import recover

log = structlog.get_logger("cutty_agent.session")

AgentFactory = Callable[[], ChatAgent]

REMEMBERED_LOSSES = 10_000
"""Clients that vanished in mid-answer and are remembered until they come back."""

SETTLING_S = 600.0
"""After a start, clients that return may have missed the end of an answer; seconds."""

WAKE_AT_ONCE = 16
"""Sessions that are recovered at the same time after a start."""


class Slot:
    """A session's place: its sockets, and its actor while it is awake. All that a sleeping session costs."""

    __slots__ = ("actor", "address", "connections", "disowned", "early", "registry", "waking")

    def __init__(self, registry: Registry, address: Address) -> None:
        self.registry = registry
        self.address = address
        self.connections: list[Connection] = []
        self.actor: Actor | None = None
        self.waking: asyncio.Task[Actor] | None = None
        self.early: list[tuple[Connection, bytes | str | None]] | None = None
        self.disowned: set[str] = set()


class Registry:
    """Every session this process knows. One timer serves all sleeps and all slow readers."""

    def __init__(
        self, store: SessionStore, agents: Mapping[str, AgentFactory], settings: Settings, clock: Clock
    ) -> None:
        self.store = store
        self.agents = agents
        self.settings = settings
        self.clock = clock
        self.slots: dict[Address, Slot] = {}
        self.awake: OrderedDict[Slot, float] = OrderedDict()
        self.behind: set[Connection] = set()
        self.losses: OrderedDict[tuple[Address, str], None] = OrderedDict()
        self.sockets = 0
        self.stopping = False
        self.started = clock.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._recovered: frozenset[Address] = frozenset()

    # -- finding and waking

    def slot(self, address: Address) -> Slot:
        """The place of a session, made if need be."""
        slot = self.slots.get(address)
        if slot is None:
            slot = self.slots[address] = Slot(self, address)
        return slot

    async def actor(self, slot: Slot) -> Actor:
        """The awake session; wakes it if it sleeps. Cancelling the caller does not cancel the wake-up.

        Raises:
            CuttyError: the store did not give it, or the server is stopping.
        """
        if slot.actor is not None:
            self.touch(slot)
            return slot.actor
        return await asyncio.shield(self._waking(slot))

    def post(self, slot: Slot, conn: Connection, text: bytes | str | None) -> None:
        """An event of a connection: to the actor, or kept in order until the session is awake."""
        if slot.actor is not None:
            self.touch(slot)
            slot.actor.post(conn, text)
            return
        slot.early = slot.early or []
        slot.early.append((conn, text))
        self._waking(slot)

    def _waking(self, slot: Slot) -> asyncio.Task[Actor]:
        if slot.waking is None:
            slot.waking = asyncio.get_running_loop().create_task(self._wake(slot))
            slot.waking.add_done_callback(_retrieved)
        return slot.waking

    async def _wake(self, slot: Slot) -> Actor:
        try:
            if self.stopping:
                raise ShuttingDown("The server is stopping.", remedy="Reconnect in a moment.")
            snapshot = await self.store.claim(slot.address, now_ms=self.clock.now_ms())
            agent = self.agents[slot.address.agent]()
            journal = Journal(self.store, slot.address, snapshot.epoch, self.clock)
            actor: Actor = Actor(
                agent,
                snapshot,
                journal,
                slot.connections,
                self.settings,
                self.clock,
                rested=lambda: self._rested(slot, actor),
                broken=lambda: self._broken(slot, actor),
            )
            actor.disowned = set(slot.disowned)
            await recover(actor)
            await actor.start()
            slot.disowned.clear()
            if any(turn.open for turn in snapshot.turns):
                for conn in slot.connections:  # they may come from before the crash
                    conn.missed = conn.missed or conn.opening.labelled
        except BaseException as error:
            slot.waking = None
            self._refuse(slot, error)
            self._drop_if_empty(slot)
            raise
        slot.actor, slot.waking = actor, None
        self.touch(slot)
        log.debug("session.awake", created=snapshot.created, messages=len(snapshot.messages), **actor.names)
        early, slot.early = slot.early, None
        for conn, text in early or ():
            actor.post(conn, text)
        actor.runner.kick()
        return actor

    def _refuse(self, slot: Slot, error: BaseException) -> None:
        """A session that cannot wake: its sockets are told, so that they come back or stay away."""
        slot.early = None
        if isinstance(error, CuttyError):
            code, reason = error.close_code, str(error)
            log.warning(
                "session.not_woken", error=reason, agent=slot.address.agent, session=slot.address.session
            )
        else:
            code, reason = 1011, "The session could not be loaded"
            log.error(
                "session.not_woken", exc_info=error, agent=slot.address.agent, session=slot.address.session
            )
        for conn in list(slot.connections):
            conn.close(code, reason)

    # -- sleeping

    def touch(self, slot: Slot) -> None:
        """Something happened; the session stays awake for another idle time."""
        self.awake[slot] = self.clock.monotonic()
        self.awake.move_to_end(slot)
        if self._timer is None and not self.stopping:
            self._arm()

    def _rested(self, slot: Slot, actor: Actor) -> None:
        """The turn queue of a session came to rest, or waits for a quiet period."""
        if slot.actor is not actor:
            return
        self.touch(slot)
        if actor.runner.queue.idle:
            actor.continuation.turn_ended()
            if actor.continuation.request_id is None:
                actor.audience.release()

    def _broken(self, slot: Slot, actor: Actor) -> None:
        """The memory of a session can no longer be trusted: drop it; the next event loads it anew."""
        slot.disowned |= actor.disowned
        if slot.actor is actor:
            slot.actor = None
            self.awake.pop(slot, None)
            for conn in slot.connections:
                self._note_loss(slot, conn)
                conn.close(1012, "The session is being reloaded; reconnect")
            actor.audience.leave()
            actor.runner.abandon()
            self._drop_if_empty(slot)

    def _arm(self) -> None:
        pause = min(max(self.settings.lifetimes.idle_s / 4, 0.05), 5.0)
        self._timer = asyncio.get_running_loop().call_later(pause, self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        now = self.clock.monotonic()
        for conn in list(self.behind):
            conn.drop_if_stuck(asyncio.get_running_loop().time(), self.settings.limits.unread_s)
        busy: list[Slot] = []
        while self.awake:
            slot, touched = next(iter(self.awake.items()))
            if now - touched < self.settings.lifetimes.idle_s:
                break
            del self.awake[slot]
            if slot.actor is not None and slot.actor.busy:
                busy.append(slot)
            else:
                self._sleep(slot)
        for slot in busy:
            self.awake[slot] = now
        for slot in self.awake:
            if slot.actor is not None:
                slot.actor.runner.expire_replay(now, self.settings.lifetimes.replay_s)
        if (self.awake or self.behind) and not self.stopping:
            self._arm()

    def _sleep(self, slot: Slot) -> None:
        if slot.actor is not None:
            log.debug("session.asleep", **slot.actor.names)
            slot.actor.dismiss()
        slot.actor = None
        self._drop_if_empty(slot)

    def _drop_if_empty(self, slot: Slot) -> None:
        if slot.actor is None and slot.waking is None and not slot.connections and not slot.disowned:
            self.slots.pop(slot.address, None)

    # -- connections

    def attach(self, conn: Connection) -> None:
        """A socket came in."""
        slot = self.slot(conn.address)
        key = (slot.address, conn.opening.label)
        if conn.opening.labelled:
            conn.missed = key in self.losses or self._may_have_missed(slot) or _came_before(slot, conn)
            self.losses.pop(key, None)
        slot.connections.append(conn)
        self.sockets += 1
        self.post(slot, conn, None)

    def _may_have_missed(self, slot: Slot) -> bool:
        """Before a restart nobody noted who was cut off: for a while, who returns is taken to have missed an end."""
        return slot.address in self._recovered and self.clock.monotonic() - self.started < SETTLING_S

    def detach(self, conn: Connection) -> None:
        """A socket is gone."""
        slot = self.slot(conn.address)
        conn.closed = True
        self.sockets -= 1
        self.behind.discard(conn)
        slot.connections.remove(conn)
        actor = slot.actor
        if conn.missed or conn.behind or (actor is not None and not actor.runner.idle):
            self._note_loss(slot, conn)
        if actor is not None:
            actor.lost(conn)
            self.touch(slot)
        else:
            self._drop_if_empty(slot)

    def _note_loss(self, slot: Slot, conn: Connection) -> None:
        """A client is gone that may miss the end of an answer."""
        if conn.opening.labelled:
            self.losses[(slot.address, conn.opening.label)] = None
            while len(self.losses) > REMEMBERED_LOSSES:
                self.losses.popitem(last=False)

    # -- start and stop

    async def recover(self) -> None:
        """Wake every session that a crash or shutdown left with an open turn. Sessions of agents that are no
        longer registered are left alone."""
        gate = asyncio.Semaphore(WAKE_AT_ONCE)

        async def wake(address: Address) -> None:
            async with gate:
                try:
                    await self.actor(self.slot(address))
                except Exception as error:  # one session that cannot wake must not keep the others asleep
                    log.warning(
                        "session.not_recovered",
                        agent=address.agent,
                        session=address.session,
                        error=str(error),
                    )

        addresses = [found for found in await self.store.interrupted() if found.agent in self.agents]
        self._recovered = frozenset(addresses)
        if addresses:
            log.info("recovery.started", sessions=len(addresses))
            await asyncio.gather(*(wake(address) for address in addresses))

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


def _came_before(slot: Slot, conn: Connection) -> bool:
    """Whether an earlier socket of this client is still here; its network broke, and nobody knows what it got."""
    return any(other.opening.label == conn.opening.label for other in slot.connections)


def _retrieved(task: asyncio.Task[Actor]) -> None:
    """The error of a wake-up nobody awaits has been logged and told to the sockets."""
    if not task.cancelled():
        task.exception()
