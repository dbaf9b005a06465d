"""Which turn of a session runs next, and what becomes of those that overlap (protocol 3.5)."""

from __future__ import annotations

from collections import deque
from typing import Literal

import msgspec

from ..wire.turn_record import Kind


class Concurrency(msgspec.Struct, frozen=True):
    """What a submit does that arrives while another turn runs or waits.

    ``debounce_s`` is the quiet period in seconds, for ``debounce`` only.
    """

    strategy: Literal["queue", "latest", "merge", "drop", "debounce"] = "queue"
    debounce_s: float = 0.75


DEFAULT_DEBOUNCE_S = 0.75


def concurrency(value: object) -> Concurrency:
    """The author's setting: a strategy name, or ``{"strategy": "debounce", "debounceMs": 500}``.

    A missing or unusable ``debounceMs`` counts as 750 (protocol 3.5); an unknown strategy is a ``ValueError``.
    """
    if isinstance(value, Concurrency):
        return value
    if isinstance(value, dict):
        pause = value.get("debounceMs")
        usable = isinstance(pause, (int, float)) and not isinstance(pause, bool) and 0 <= pause < float("inf")
        seconds = float(pause) / 1000 if usable and pause is not None else DEFAULT_DEBOUNCE_S
        return msgspec.structs.replace(concurrency(value.get("strategy")), debounce_s=seconds)
    match value:
        case "queue" | "latest" | "merge" | "drop" | "debounce":
            return Concurrency(value)
    raise ValueError(
        f"message_concurrency is {value!r}; use queue, latest, merge, drop, or "
        '{"strategy": "debounce", "debounceMs": 500}.'
    )


class Ticket(msgspec.Struct, eq=False, gc=False):
    """One accepted turn. ``not_before`` is a monotonic time in seconds; 0 means at once.

    ``message_ids`` are the user messages the request ends with, ``own`` those it brought: a client that sends two
    messages in a row names both in its second request, but only one is new.
    """

    request_id: str
    kind: Kind
    message_ids: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    generation: int = 0
    not_before: float = 0.0
    merged: list[Ticket] = msgspec.field(default_factory=list)


class TurnQueue:
    """The serial queue of one session. Pure: the caller owns the clock and runs what :meth:`start` hands out."""

    __slots__ = ("generation", "running", "waiting")

    def __init__(self) -> None:
        self.generation = 0
        self.running: Ticket | None = None
        self.waiting: deque[Ticket] = deque()

    def overlaps(self) -> bool:
        """Whether a submit arriving now overlaps a turn of the present generation.

        A turn that a clear has overtaken does not count (protocol 3.5).
        """
        running = self.running
        return bool(self.waiting) or (running is not None and running.generation == self.generation)

    def refuses(self, kind: Kind, rule: Concurrency) -> bool:
        """Whether the ``drop`` strategy turns this request away."""
        return kind == "submit" and rule.strategy == "drop" and self.overlaps()

    def push(self, ticket: Ticket, rule: Concurrency, *, now: float) -> list[Ticket]:
        """Accept ``ticket``; returns the waiting tickets it supersedes, which end as ``skipped``.

        With ``merge`` the superseded tickets are also kept on ``ticket.merged``, oldest first, so that their
        messages can be collapsed when the turn starts.
        """
        ticket.generation = self.generation
        superseded: list[Ticket] = []
        if ticket.kind == "submit" and self.overlaps() and rule.strategy in {"latest", "merge", "debounce"}:
            superseded = [waiting for waiting in self.waiting if waiting.kind == "submit"]
            if superseded:
                self.waiting = deque(waiting for waiting in self.waiting if waiting.kind != "submit")
            if rule.strategy == "merge":
                for old in superseded:
                    ticket.merged += [*old.merged, old]
                    old.merged = []
            if rule.strategy == "debounce":
                ticket.not_before = now + rule.debounce_s
        self.waiting.append(ticket)
        return superseded

    def start(self, *, now: float) -> Ticket | float | None:
        """The ticket to run now, the seconds until one may run, or ``None`` when nothing waits."""
        if self.running is not None or not self.waiting:
            return None
        head = self.waiting[0]
        if head.not_before > now:
            return head.not_before - now
        self.running = self.waiting.popleft()
        return self.running

    def finish(self) -> None:
        """The running turn has ended."""
        self.running = None

    def cancel(self, request_id: str) -> Ticket | None:
        """Take a waiting turn out of the queue; ``None`` when it does not wait."""
        for ticket in self.waiting:
            if ticket.request_id == request_id:
                self.waiting.remove(ticket)
                return ticket
        return None

    def clear(self) -> list[Ticket]:
        """Start a new generation; returns the tickets that waited, which end as ``skipped``."""
        self.generation += 1
        dropped = list(self.waiting)
        self.waiting.clear()
        return dropped

    def is_waiting(self, request_id: str) -> bool:
        """Whether this request was accepted and has not started."""
        return any(ticket.request_id == request_id for ticket in self.waiting)

    @property
    def unread(self) -> frozenset[str]:
        """Messages that waiting turns brought: what runs now does not know them."""
        if not self.waiting:
            return frozenset()
        return frozenset(
            mid for ticket in self.waiting for each in (ticket, *ticket.merged) for mid in each.own
        )

    @property
    def idle(self) -> bool:
        """Nothing runs and nothing waits."""
        return self.running is None and not self.waiting
