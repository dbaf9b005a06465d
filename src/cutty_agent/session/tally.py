"""How many there are at the same time: open sockets, turns that run or wait."""

from __future__ import annotations


class Tally:
    """Counts by name; a name with nothing is forgotten, so it is as large as what it counts. The empty name counts
    nothing: it stands for callers that are not told apart."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def of(self, name: str) -> int:
        """How many this name has."""
        return self._counts.get(name, 0)

    def add(self, name: str) -> None:
        """One more."""
        if name:
            self._counts[name] = self._counts.get(name, 0) + 1

    def remove(self, name: str) -> None:
        """One less; never less than none."""
        count = self._counts.get(name, 0)
        if count > 1:
            self._counts[name] = count - 1
        elif count:
            del self._counts[name]
