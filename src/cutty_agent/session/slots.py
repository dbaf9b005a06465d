"""The places of sessions in this process: how long they stay awake, and when they come to their end."""

from __future__ import annotations

import asyncio
from typing import Literal

import structlog

from ..clock import Clock
from ..config import Settings
from ..errors import SessionExpired
from ..ids import Address
from ..ports.store import Lifetime
from ..wire.principal import NEVER_MS
from .actor import Actor
from .connection import Connection
from .losses import Losses
from .slot import Slot
from .telemetry import Telemetry

log = structlog.get_logger("cutty_agent.session")

DAY_S = 86_400.0
"""No timer runs longer; it is set again then."""


class Slots:
    """Every session this process knows. One timer serves all sleeps and all slow readers."""

    def __init__(self, settings: Settings, clock: Clock, telemetry: Telemetry) -> None:
        self.settings = settings
        self.clock = clock
        self.telemetry = telemetry
        self.losses = Losses(clock)
        self.slots: dict[Address, Slot] = {}
        self.awake: dict[Slot, float] = {}
        self.behind: set[Connection] = set()
        self.stopping = False
        self._timer: asyncio.TimerHandle | None = None

    def slot(self, address: Address) -> Slot:
        """The place of a session, made if need be."""
        slot = self.slots.get(address)
        if slot is None:
            slot = self.slots[address] = Slot(address)
        return slot

    # -- expiry

    def end_if_expired(self, slot: Slot) -> None:
        """An awake session that has come to its end is out of reach from this moment on."""
        if slot.actor is not None and slot.actor.journal.expires_ms <= self.clock.now_ms():
            self.end(slot, SessionExpired.close_code, "This session has expired; start a new one")

    def end(self, slot: Slot, code: int, reason: str) -> None:
        """Drop a session from memory and close its sockets for good; nothing more is stored or shown."""
        actor, slot.actor = slot.actor, None
        self.awake.pop(slot, None)
        slot.disowned.clear()
        self._end_sockets(slot, code, reason)
        if actor is not None:
            actor.journal.lifetime = Lifetime(0, 0)  # what still runs of it must not bring it back
            actor.audience.leave()
            actor.abandon()
        self._drop_if_empty(slot)

    def _end_sockets(
        self,
        slot: Slot,
        code: int = SessionExpired.close_code,
        reason: str = "This session has expired; start a new one",
    ) -> None:
        for conn in list(slot.connections):
            conn.close(code, reason)

    def _time_expiry(self, slot: Slot) -> None:
        if slot.expiry is not None:
            slot.expiry.cancel()
            slot.expiry = None
        if slot.actor is not None:
            slot.expires_ms = slot.actor.journal.expires_ms
        if slot.expires_ms < NEVER_MS:
            left_s = (slot.expires_ms - self.clock.now_ms()) / 1000
            loop = asyncio.get_running_loop()
            slot.expiry = loop.call_later(max(0.0, min(left_s, DAY_S)), self._expiry_due, slot)

    def _expiry_due(self, slot: Slot) -> None:
        slot.expiry = None
        if slot.actor is not None:
            slot.expires_ms = slot.actor.journal.expires_ms
        if slot.expires_ms > self.clock.now_ms():
            self._time_expiry(slot)
        elif slot.waking is None:
            self.end(slot, SessionExpired.close_code, "This session has expired; start a new one")

    # -- sleeping

    def touch(self, slot: Slot) -> None:
        """Something happened; the session stays awake for another idle time."""
        self.awake[slot] = self.clock.monotonic()
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
                self.losses.note(slot, conn)
                conn.close(1012, "The session is being reloaded; reconnect")
            actor.audience.leave()
            actor.abandon()
            self._drop_if_empty(slot)

    def _arm(self) -> None:
        pause = min(max(self.settings.lifetimes.idle_s / 4, 0.05), 5.0)
        self._timer = asyncio.get_running_loop().call_later(pause, self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        now = self.clock.monotonic()
        for conn in list(self.behind):
            conn.drop_if_stuck(asyncio.get_running_loop().time(), self.settings.limits.unread_s)
        for slot, touched in list(self.awake.items()):
            actor = slot.actor
            if actor is None:
                del self.awake[slot]
            elif now - touched < self._seconds(actor, "idle_s"):
                actor.runner.expire_replay(now, self._seconds(actor, "replay_s"))
            elif actor.busy:
                self.awake[slot] = now
            else:
                del self.awake[slot]
                self._sleep(slot)
        if (self.awake or self.behind) and not self.stopping:
            self._arm()

    def _seconds(self, actor: Actor, name: Literal["idle_s", "replay_s"]) -> float:
        own = actor.agent.lifetimes.get(name)
        return own if own is not None else float(getattr(self.settings.lifetimes, name))

    def _sleep(self, slot: Slot) -> None:
        if slot.actor is not None:
            log.debug("session.asleep", **slot.actor.names)
            self.telemetry.metrics.slept(slot.address.agent)
            slot.expires_ms = slot.actor.journal.expires_ms
            slot.actor.dismiss()
        slot.actor = None
        self._drop_if_empty(slot)

    def _drop_if_empty(self, slot: Slot) -> None:
        if slot.actor is None and slot.waking is None and not slot.connections and not slot.disowned:
            if slot.expiry is not None:
                slot.expiry.cancel()
            if self.slots.get(slot.address) is slot:
                del self.slots[slot.address]
