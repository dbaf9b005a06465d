"""What can be read of the sums by hour and day, on any connection."""

from __future__ import annotations

import sqlite3

import msgspec

from ...errors import BadRequest
from ...ports.analytics import (
    DAY_MS,
    HOUR_MS,
    By,
    Period,
    Step,
    Sums,
    Totals,
    UsagePage,
    UsageRow,
    by_owner,
    parse_rank,
    rank_cursor,
    wrong_cursor,
)
from .hours import DURATION, FIRST, HOURS_A_DAY, SUMS

_COUNTED = ("messages", "created", "active", "returning", "first_active", "first_returning", "expired")
"""Fields of a period, in the order in which they are read."""

_COUNTS = slice(len(SUMS), len(SUMS) + len(_COUNTED))
_FIRST = slice(_COUNTS.stop, _COUNTS.stop + len(FIRST))
_DURATION = slice(_FIRST.stop, None)
_SUMS_SQL = ", ".join(f"sum({name})" for name in SUMS)


def periods(
    connection: sqlite3.Connection, *, step: Step, from_ms: int, to_ms: int, agent: str | None
) -> list[Period]:
    """The hours or days of a range in which something happened, oldest first."""
    size_ms, hours = (HOUR_MS, 1) if step == "hour" else (DAY_MS, HOURS_A_DAY)
    first, end = from_ms // size_ms * hours, -(-to_ms // size_ms) * hours
    once = "" if step == "hour" else "_day"
    counts = (
        "messages",
        "created",
        f"active{once}",
        f"came_back{once}",
        "active_day",
        "came_back_day",
        "expired",
    )
    shown = (*SUMS, *counts, *FIRST, *DURATION)
    columns = ", ".join(f"sum({name})" for name in shown)
    # The rows lie in the order of their hours: summing up hours needs no sorting.
    group = "hour" if step == "hour" else f"hour / {hours}"
    values: list[int | str] = [first, end]
    where = "hour >= ? AND hour < ?"
    if agent is not None:
        where += " AND agent = ?"
        values.append(agent)
    found: dict[int, Period] = {}
    rows = connection.execute(f"SELECT {group}, {columns} FROM hours WHERE {where} GROUP BY 1", values)
    for at, *sums in rows.fetchall():
        found[at] = Period(
            at * size_ms,
            Sums(*sums[: len(SUMS)]),
            first=tuple(sums[_FIRST]),
            duration=tuple(sums[_DURATION]),
            **dict(zip(_COUNTED, sums[_COUNTS], strict=True)),
        )
    peaks = connection.execute(
        f"SELECT {group}, max(running), max(sockets) FROM peaks WHERE hour >= ? AND hour < ? GROUP BY 1",
        (first, end),
    )
    for at, running, sockets in peaks.fetchall():
        there = found.get(at) or Period(at * size_ms)
        found[at] = msgspec.structs.replace(there, peak_running=running, peak_sockets=sockets)
    return [found[at] for at in sorted(found)]


def usage(
    connection: sqlite3.Connection,
    *,
    by: By,
    from_ms: int,
    to_ms: int,
    agent: str | None,
    owner: str | None,
    after: str | None,
    limit: int,
) -> UsagePage:
    """Sums of the turns of a range.

    Raises:
        BadRequest: ``limit`` is not 1 to 1000, ``after`` is no ``next``, or by hour of one owner.
    """
    if not 1 <= limit <= 1000:
        raise BadRequest(f"limit is {limit}.", remedy="Ask for 1 to 1000 rows a page.")
    source, values = _source(by, from_ms, to_ms, agent, owner)
    key = {
        "hour": f"hour * {HOUR_MS}",
        "day": f"day * {DAY_MS}",
        "agent": "agent",
        "owner": "owner",
        "model": "model",
    }[by]
    sql = f"SELECT {key} AS key, {_SUMS_SQL} FROM {source} GROUP BY 1 HAVING sum(turns) > 0"
    if by in {"hour", "day"}:
        if after is not None:
            if not after.isdecimal() or len(after) > 18:
                raise wrong_cursor(after)
            sql += " AND key > ?"
            values.append(int(after))
        sql += " ORDER BY key LIMIT ?"
    else:
        if after is not None:
            cost, turns, last = parse_rank(after)
            sql += (
                " AND (sum(cost_nano) < ? OR sum(cost_nano) = ?"
                " AND (sum(turns) < ? OR sum(turns) = ? AND key > ?))"
            )
            values += [cost, cost, turns, turns, last]
        sql += " ORDER BY sum(cost_nano) DESC, sum(turns) DESC, key LIMIT ?"
    found = connection.execute(sql, (*values, limit + 1)).fetchall()
    rows = [UsageRow(str(key), Sums(*sums)) for key, *sums in found[:limit]]
    if len(found) <= limit:
        return UsagePage(rows)
    return UsagePage(rows, rows[-1].key if by in {"hour", "day"} else rank_cursor(rows[-1]))


def _source(
    by: By, from_ms: int, to_ms: int, agent: str | None, owner: str | None
) -> tuple[str, list[int | str]]:
    """A table expression with the rows of a range, and its values."""
    values: list[int | str]
    if by_owner(by, owner):
        values = [from_ms // DAY_MS, -(-to_ms // DAY_MS)]
        if owner is None:
            source, where = "usage_days", "day >= ? AND day < ?"
        else:
            # A look into each day: the rows of a day lie in the order of owners.
            source = (
                "(WITH RECURSIVE days (at, end) AS (SELECT ?, ? UNION ALL SELECT at + 1, end FROM days"
                " WHERE at + 1 < end) SELECT usage_days.* FROM days CROSS JOIN usage_days"
                " ON usage_days.day = days.at AND usage_days.owner = ? WHERE days.at < days.end)"
            )
            where = "1"
            values.append(owner)
    else:
        size_ms, hours = (HOUR_MS, 1) if by != "day" else (DAY_MS, HOURS_A_DAY)
        values = [from_ms // size_ms * hours, -(-to_ms // size_ms) * hours]
        source, where = f"(SELECT *, hour / {HOURS_A_DAY} AS day FROM hours)", "hour >= ? AND hour < ?"
    if agent is not None:
        where += " AND agent = ?"
        values.append(agent)
    return f"{source} WHERE {where}", values


def totals(connection: sqlite3.Connection) -> Totals:
    """How many sessions there are."""
    row = connection.execute(
        "SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM sessions WHERE parked IS NOT NULL)"
    ).fetchone()
    return Totals(*row)
