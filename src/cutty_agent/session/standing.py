"""What the sessions of a server say of themselves when figures are asked for."""

from __future__ import annotations

from collections.abc import Iterator

from .metrics import Reading
from .registry import Registry


class SessionsStanding:
    """Looks at a registry at the moment of the question; nothing is counted for it on the way of a chunk."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def gauges(self) -> Iterator[tuple[str, str, float]]:
        """What there is now."""
        registry = self._registry
        runners = [slot.actor.runner for slot in registry.awake if slot.actor is not None]
        swept = registry.sweeper.swept
        yield "cutty_sockets", "Open sockets.", registry.sockets
        yield "cutty_sockets_behind", "Sockets whose peer does not read.", len(registry.behind)
        yield "cutty_sessions_awake", "Sessions in memory.", len(runners)
        yield "cutty_sessions_known", "Sessions in memory or with a socket.", len(registry.slots)
        yield (
            "cutty_turns_running",
            "Turns that run.",
            sum(runner.running is not None for runner in runners),
        )
        yield (
            "cutty_turns_queued",
            "Accepted turns that wait.",
            sum(len(runner.queue.waiting) for runner in runners),
        )
        yield "cutty_sweeper_waiting", "Expired sessions that on_expire has not let go of.", swept.waiting
        yield "cutty_sweeper_round_seconds", "How long the last round of the sweeper took.", swept.round_s

    def counters(self) -> Iterator[Reading]:
        """What has been counted since the start."""
        registry = self._registry
        swept = registry.sweeper.swept
        yield _one("cutty_sockets_opened", "Sockets that were let in.", registry.sockets_opened)
        yield _one("cutty_frames_received", "Frames that sockets sent.", registry.frames_received)
        yield _one("cutty_access_refused", "Accesses that were refused.", registry.audit.refusals)
        yield (
            "cutty_limit_refusals",
            "Refusals by the limit that was reached.",
            {name: float(count) for name, count in registry.limiter.refusals.items()},
            "limit",
        )
        yield _one("cutty_sweeper_sessions", "Expired sessions that were removed.", swept.sessions)
        yield _one("cutty_sweeper_messages", "Messages that were removed with them.", swept.messages)
        yield _one("cutty_sweeper_turns", "Turns that were removed with them.", swept.turns)
        yield _one("cutty_sweeper_rounds", "Rounds of the sweeper.", swept.rounds)
        yield _one("cutty_sweeper_failures", "on_expire hooks that failed.", swept.failed)


def _one(name: str, what: str, value: float) -> Reading:
    return name, what, {"": float(value)}, ""
