"""What follows a turn that a crash cut off (protocol 3.10)."""

from __future__ import annotations

from typing import Literal

import msgspec

Policy = Literal["continue", "retry", "keep"]

EXHAUSTED = "The assistant was interrupted and could not recover. Please try again."
"""The text of the terminal error when the budget is spent."""


class Budget(msgspec.Struct, frozen=True):
    """Bounds of recovery. ``attempts`` without progress, ``interruptions`` in all, and ``quiet_s`` seconds since
    the turn last made progress (streamed something)."""

    attempts: int = 10
    interruptions: int = 5
    quiet_s: float = 300.0


class Interrupted(msgspec.Struct, frozen=True):
    """A turn as the crash left it. ``streamed``: it had stored chunks with content, beyond a bare start.
    ``attempts`` and ``interruptions`` count before this one; ``progress_ms`` is when it last made progress."""

    streamed: bool
    attempts: int
    interruptions: int
    progress_ms: int
    waits_for_human: bool = False
    stopped: bool = False


class Plan(msgspec.Struct, frozen=True):
    """``retry`` and ``continue`` start a new request; ``keep`` ends the turn as it is; ``park`` leaves it to the
    visitor; ``give-up`` ends it with :data:`EXHAUSTED`. The counters go into the new turn."""

    action: Literal["retry", "continue", "keep", "park", "give-up"]
    attempts: int = 0
    interruptions: int = 0


def plan(turn: Interrupted, policy: Policy, budget: Budget, *, now_ms: int) -> Plan:
    """Decide. Progress resets the attempt counter; a turn that waits for a human is not charged."""
    if turn.stopped:
        return Plan("keep")
    if turn.waits_for_human:
        return Plan("park", turn.attempts, turn.interruptions)
    if policy == "keep":
        return Plan("keep")
    attempts = 1 if turn.streamed else turn.attempts + 1
    interruptions = turn.interruptions + 1
    quiet_s = (now_ms - turn.progress_ms) / 1000
    spent = attempts > budget.attempts or interruptions > budget.interruptions
    if spent or (not turn.streamed and turn.attempts > 0 and quiet_s > budget.quiet_s):
        return Plan("give-up")
    resume = turn.streamed and policy == "continue"
    return Plan("continue" if resume else "retry", attempts, interruptions)
