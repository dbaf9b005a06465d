"""The seam through which an engine tells how it does, to whoever measures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Meter(Protocol):
    """What an engine reports of its writes. Calls return at once, never raise, and may come from any thread."""

    def wrote(self, jobs: int, waited_s: float, took_s: float) -> None:
        """One transaction is durable, or has failed for good.

        ``jobs`` are the writes in it; ``waited_s`` is how long its first had to wait from being handed in until its end,
        ``took_s`` how long the transaction itself took, both in seconds.
        """
        ...

    def watch_queue(self, depth: Callable[[], int]) -> None:
        """``depth`` says how many writes wait; it may be asked from any thread, until the store is closed."""
        ...


class Unmeasured:
    """Nobody measures."""

    def wrote(self, jobs: int, waited_s: float, took_s: float) -> None:
        """Nothing."""

    def watch_queue(self, depth: Callable[[], int]) -> None:
        """Nothing."""
