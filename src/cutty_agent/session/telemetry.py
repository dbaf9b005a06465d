"""What a server tells about itself while it works: figures and spans, and what is warned of once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from opentelemetry.trace import TracerProvider

from .metrics import NoMetrics
from .tracing import Tracing
from .warnings import Warnings

SLOW_S: Final = 0.25
"""A commit that takes longer than this is slow, in seconds."""


class Telemetry:
    """Given to every session of one server, and to its engine (``ports.meter.Meter``)."""

    __slots__ = ("metrics", "tracing", "warnings")

    def __init__(self, metrics: NoMetrics | None = None, provider: TracerProvider | None = None) -> None:
        """Without ``metrics`` nothing is counted; ``provider`` makes the spans instead of the process's."""
        self.metrics = metrics or NoMetrics()
        self.tracing = Tracing(provider)
        self.warnings = Warnings()

    def wrote(self, jobs: int, waited_s: float, took_s: float) -> None:
        """A transaction is over. A slow one is warned of: everybody who writes waits for it."""
        self.metrics.wrote(jobs, waited_s, took_s)
        if waited_s <= SLOW_S:
            return
        if took_s > SLOW_S:
            cause = "the disk"
            remedy = "Put the data directory on a local SSD, not on a network file system, and see what else writes there."
        else:
            cause = "writes before it"
            remedy = "See cutty_store_queue_depth: fewer sessions at once, or a larger lifetimes.flush_s."
        self.warnings.once(
            "commit.slow",
            cause,
            remedy=remedy,
            seconds=round(waited_s, 3),
            transaction_s=round(took_s, 3),
            writes=jobs,
        )

    def watch_queue(self, depth: Callable[[], int]) -> None:
        """See :class:`cutty_agent.ports.meter.Meter`."""
        self.metrics.watch_queue(depth)
