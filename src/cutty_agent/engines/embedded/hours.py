"""Sums by the hour, agent and model, gathered in a round before they are written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

from ...ports.analytics import DAY_MS, HOUR_MS
from ...ports.store import AddUsage
from ...wire.histogram import BUCKETS, bucket_of
from .statements import Row, RowsStatement

HOURS_A_DAY: Final = DAY_MS // HOUR_MS

SUMS: Final = (
    "turns",
    "errors",
    "aborted",
    "input_tokens",
    "output_tokens",
    "cost_nano",
    "calls",
    "tools",
    "duration_ms",
    "first_ms",
    "first_count",
)
"""The fields of ``Sums``, in its order."""

COUNTS: Final = ("messages", "created", "active", "came_back", "active_day", "came_back_day", "expired")
"""``active`` counts a session once an hour, ``active_day`` once a day, in its first hour of that day."""

FIRST: Final = tuple(f"first_{n}" for n in range(BUCKETS))
DURATION: Final = tuple(f"duration_{n}" for n in range(BUCKETS))
COLUMNS: Final = (*SUMS, *COUNTS, *FIRST, *DURATION)

_AT: Final = {name: at for at, name in enumerate(COLUMNS)}
_MESSAGES: Final = _AT["messages"]
_FIRST: Final = _AT["first_0"]
_DURATION: Final = _AT["duration_0"]

Key = tuple[int, str, str]
"""Hours since 1970 UTC, agent, model; what concerns no model has an empty one."""


def sums_of(used: AddUsage) -> tuple[int, ...]:
    """One turn as :data:`SUMS`."""
    return (
        1,
        int(used.outcome == "error"),
        int(used.outcome == "aborted"),
        used.input_tokens,
        used.output_tokens,
        used.cost_nano,
        used.calls,
        used.tools,
        used.duration_ms,
        used.first_ms or 0,
        int(used.first_ms is not None),
    )


def summed(rows: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The sums of their columns; there is one row at least."""
    return rows[0] if len(rows) == 1 else tuple(map(sum, zip(*rows, strict=True)))


class Hours:
    """What a round adds to the hours: a hundred ended turns of one agent and model are one row."""

    __slots__ = ("_rows", "_turns")

    def __init__(self) -> None:
        self._rows: dict[Key, list[int]] = {}
        self._turns: dict[Key, list[tuple[AddUsage, tuple[int, ...]]]] = {}

    def turn(self, agent: str, used: AddUsage, sums: tuple[int, ...]) -> None:
        """A turn that ended; ``sums`` are its :func:`sums_of`."""
        key = (used.at_ms // HOUR_MS, agent, used.model)
        self._turns.setdefault(key, []).append((used, sums))

    def session(self, event: str, agent: str, at_ms: int, count: int = 1) -> None:
        """Sessions were ``created`` or have ``expired``."""
        self._row(at_ms // HOUR_MS, agent, "")[_AT[event]] += count

    def active(self, agent: str, created_ms: int, last_hour: int, hours: Iterable[int]) -> None:
        """A session had turns in these hours, and before them the latest one in ``last_hour``."""
        for hour in sorted(hours):
            if hour <= last_hour:
                continue
            row, day = self._row(hour, agent, ""), hour // HOURS_A_DAY
            returns = created_ms // DAY_MS < day
            row[_AT["active"]] += 1
            row[_AT["came_back"]] += returns
            if last_hour // HOURS_A_DAY < day:
                row[_AT["active_day"]] += 1
                row[_AT["came_back_day"]] += returns
            last_hour = hour

    def write(self, connection: sqlite3.Connection) -> None:
        """Add the rows to those that are there."""
        for key, turns in self._turns.items():
            row = self._row(*key)
            for at, amount in enumerate(summed([sums for _, sums in turns])):
                row[at] += amount
            for used, _ in turns:
                row[_MESSAGES] += used.messages
                row[_DURATION + bucket_of(used.duration_ms)] += 1
                if used.first_ms is not None:
                    row[_FIRST + bucket_of(used.first_ms)] += 1
        if self._rows:
            rows: list[Row] = [(*key, *amounts) for key, amounts in self._rows.items()]
            _ADD.run(connection, rows)

    def _row(self, hour: int, agent: str, model: str) -> list[int]:
        key = (hour, agent, model)
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = [0] * len(COLUMNS)
        return row


_ADD: Final = RowsStatement(
    f"INSERT INTO hours (hour, agent, model, {', '.join(COLUMNS)}) VALUES {{rows}}"
    " ON CONFLICT (hour, agent, model) DO UPDATE SET "
    + ", ".join(f"{name} = {name} + excluded.{name}" for name in COLUMNS),
    width=3 + len(COLUMNS),
)


def sample(connection: sqlite3.Connection, at_ms: int, running: int, sockets: int) -> None:
    """Raise the peaks of an hour."""
    connection.execute(
        "INSERT INTO peaks (hour, running, sockets) VALUES (?, ?, ?) ON CONFLICT (hour) DO UPDATE SET"
        " running = max(running, excluded.running), sockets = max(sockets, excluded.sockets)",
        (at_ms // HOUR_MS, running, sockets),
    )
