"""What is counted for figures: plain dictionaries, because counting happens in the middle of everything."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

OTHER: Final = "other"
"""The label of all values beyond the cap."""


class Counter:
    """Sums by the values of some labels."""

    def __init__(self, name: str, what: str, *labels: str) -> None:
        self.name, self.what, self.labels = name, what, labels
        self.sums: dict[tuple[str, ...], float] = {}

    def add(self, amount: float, *values: str) -> None:
        """More of it."""
        sums = self.sums
        sums[values] = sums.get(values, 0.0) + amount


class Histogram:
    """Counts by size, for the values of at most one label; of each, how many were up to each bound, and beyond all."""

    def __init__(self, name: str, what: str, bounds: tuple[float, ...], *labels: str) -> None:
        self.name, self.what, self.bounds, self.labels = name, what, bounds, labels
        self.counts: dict[tuple[str, ...], list[int]] = {}
        self.sums: dict[tuple[str, ...], float] = {}
        if not labels:
            self._open(())

    def _open(self, values: tuple[str, ...]) -> list[int]:
        self.sums[values] = 0.0
        counts = self.counts[values] = [0] * (len(self.bounds) + 1)
        return counts

    def observe(self, size: float, *values: str) -> None:
        """One more, of this size."""
        counts = self.counts.get(values) or self._open(values)
        counts[bisect_left(self.bounds, size)] += 1
        self.sums[values] += size


class Capped:
    """The first so many values have a label of their own."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def label(self, value: str) -> str:
        """The value itself, or :data:`OTHER`."""
        if value in self._known:
            return value
        if len(self._known) >= self._most or len(value) > 100:
            return OTHER
        self._known.add(value)
        return value
