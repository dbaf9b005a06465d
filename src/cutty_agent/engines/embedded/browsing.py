"""Lists of sessions in any order, as an operator asks for them, on any connection."""

from __future__ import annotations

import sqlite3
from typing import Final

import msgspec

from ...errors import BadRequest
from ...ids import Address
from ...ports.analytics import wrong_cursor
from ...ports.listing import Listing, SessionPage, SessionRow
from ...wire.principal import USER, VISITOR
from .claims import MINUTE_MS

FEW: Final = 3_000
"""Sessions that a filter leaves, up to which they are looked up and sorted; otherwise the list is walked in its order,
and rows that do not fit are passed over."""

_END: Final = "\U0010ffff"

_ORDER: Final = {
    "address": ("agent", "session"),
    "active": ("active_min", "idx"),
    "created": ("idx",),
    "cost": ("cost_nano", "idx"),
}
"""The columns of each order, the last of them or all together unique; an index begins with them."""

_SHOWN: Final = """sessions.agent, sessions.session, created_ms, active_ms,
    (SELECT count(*) FROM messages WHERE messages.idx = sessions.idx),
    (SELECT count(*) FROM turns WHERE turns.idx = sessions.idx AND turns.open = 1),
    owner, expires_ms, parked, turns, errors, input_tokens, output_tokens, cost_nano"""

Value = str | int
Part = tuple[str, list[Value]]
"""SQL and its values."""


def browse(connection: sqlite3.Connection, listing: Listing) -> SessionPage:
    """A page of sessions. A filter that leaves few is resolved first; the rows of a session are counted for those of
    the page alone.

    Raises:
        BadRequest: ``limit`` is not 1 to 1000, or ``after`` is no ``next`` of such a listing.
    """
    if not 1 <= listing.limit <= 1000:
        raise BadRequest(f"limit is {listing.limit}.", remedy="Ask for 1 to 1000 sessions a page.")
    sql, values = page(connection, listing)
    found = connection.execute(sql, values).fetchall()
    keys = len(_ORDER[listing.sort])
    shown = found[: listing.limit]
    if len(found) > listing.limit:
        last = shown[-1][:keys]
        next = f"{last[0]}/{last[1]}" if listing.sort == "address" else ".".join(map(str, last))
    else:
        next = None
    rows = [SessionRow(Address(row[keys], row[keys + 1]), *row[keys + 2 :]) for row in shown]
    if listing.sort == "active":  # the walk knows minutes only
        rows.sort(key=lambda row: row.active_ms, reverse=listing.descending)
    return SessionPage(rows, next)


def page(connection: sqlite3.Connection, listing: Listing) -> Part:
    """The statement for a page and one row more, and its values."""
    columns = _ORDER[listing.sort]
    direction = " DESC" if listing.descending else ""
    order = ", ".join(f"sessions.{column}{direction}" for column in columns)
    where: list[str] = []
    its_values: list[Value] = []
    for sql, values in (*_filters(listing), *_behind(listing)):
        where.append(sql)
        its_values += values
    condition = " AND ".join(where) or "1"
    tail: Part = f"{condition} ORDER BY {order} LIMIT ?", [*its_values, listing.limit + 1]
    source = _candidates(connection, listing)
    if source is not None:
        inner: Part = f"SELECT sessions.idx FROM {source[0]} WHERE {tail[0]}", [*source[1], *tail[1]]
    elif listing.sort == "address" and listing.beginning:
        inner = _first_of_each(_beginning(connection, listing.agent, listing.beginning), tail)
    else:
        inner = f"SELECT sessions.idx FROM sessions WHERE {tail[0]}", tail[1]
    keys = ", ".join(f"sessions.{column}" for column in columns)
    return (
        f"SELECT {keys}, {_SHOWN} FROM ({inner[0]}) AS page CROSS JOIN sessions ON sessions.idx = page.idx"
        f" ORDER BY {order} LIMIT ?"
    ), [*inner[1], listing.limit + 1]


def _first_of_each(parts: list[Part], tail: Part) -> Part:
    """The first rows of each part, of which some are the first of all."""
    values: list[Value] = []
    for _, its_values in parts:
        values += [*its_values, *tail[1]]
    sql = " UNION ".join(
        f"SELECT idx FROM (SELECT sessions.idx FROM sessions WHERE {part} AND {tail[0]})" for part, _ in parts
    )
    return sql, values


def _candidates(connection: sqlite3.Connection, listing: Listing) -> Part | None:
    """The sessions that the narrowest filter leaves, where these are few; ``None`` when there is no such filter."""
    if listing.among is not None:
        return f"({_AMONG}) AS few CROSS JOIN sessions ON sessions.idx = few.idx", [_listed(listing.among)]
    for sql, values in _sources(connection, listing):
        count = connection.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM ({sql}) LIMIT {FEW + 1})", values
        ).fetchone()[0]
        if count <= FEW:
            return f"({sql}) AS few CROSS JOIN sessions ON sessions.idx = few.idx", values
    return None


def _sources(connection: sqlite3.Connection, listing: Listing) -> list[Part]:
    """Indexes that may leave few sessions, each without a row twice."""
    sources: list[Part] = []
    if listing.answering:
        sources.append(("SELECT DISTINCT idx FROM turns WHERE open = 1", []))
    if listing.owner:
        sources.append(("SELECT idx FROM sessions WHERE owner = ? AND owner <> ''", [listing.owner]))
    if listing.parked:
        sources.append(("SELECT idx FROM sessions WHERE parked IS NOT NULL", []))
    if listing.beginning:
        parts = _beginning(connection, listing.agent, listing.beginning)
        sources.append(
            (
                " UNION ".join(f"SELECT sessions.idx FROM sessions WHERE {part}" for part, _ in parts),
                [value for _, values in parts for value in values],
            )
        )
    elif listing.agent is not None:
        sources.append(("SELECT idx FROM sessions WHERE agent = ?", [listing.agent]))
    if listing.min_cost_nano is not None and listing.min_cost_nano > 0:
        sources.append(("SELECT idx FROM sessions WHERE cost_nano >= ?", [listing.min_cost_nano]))
    first, last = _minutes(listing)
    if first is not None or last is not None:
        bounds: list[Value] = [first if first is not None else 0, last if last is not None else 2**62]
        sources.append(("SELECT idx FROM sessions WHERE active_min BETWEEN ? AND ?", bounds))
    return sources


def _minutes(listing: Listing) -> tuple[int | None, int | None]:
    """The first and the last minute of activity that is wanted."""
    first = listing.active_from_ms
    ends = [end for end in (listing.active_to_ms, listing.idle_since_ms) if end is not None]
    return (
        None if first is None else first // MINUTE_MS,
        min(ends) // MINUTE_MS if ends else None,
    )


def _beginning(connection: sqlite3.Connection, agent: str | None, text: str) -> list[Part]:
    """The conditions of which a session with this beginning fulfils one, each a range of an index."""
    agents = [agent] if agent is not None else _agents(connection)
    of_ids = "sessions.agent = ? AND sessions.session >= ? AND sessions.session < ?"
    of_owners = "sessions.owner >= ? AND sessions.owner < ? AND sessions.owner <> ''"
    parts: list[Part] = [(of_ids, [name, text, text + _END]) for name in agents]
    parts += [(of_owners, [kind + text, kind + text + _END]) for kind in (USER, VISITOR)]
    return parts


def _agents(connection: sqlite3.Connection) -> list[str]:
    """The agents of all sessions, by a look into the index for each."""
    rows = connection.execute(
        "WITH RECURSIVE agents (name) AS (SELECT min(agent) FROM sessions UNION ALL"
        " SELECT (SELECT min(agent) FROM sessions WHERE agent > name) FROM agents WHERE name IS NOT NULL)"
        " SELECT name FROM agents WHERE name IS NOT NULL"
    )
    return [name for (name,) in rows.fetchall()]


def _filters(listing: Listing) -> list[Part]:
    """Every condition, whether or not it has been looked up before. The plus keeps SQLite from looking it up in an
    index instead of walking the list in its order, which would have to be sorted then."""
    # Of one agent, the addresses have an order of their own; and a list by cost begins where its filter does.
    agent = "sessions.agent" if listing.sort == "address" else "+sessions.agent"
    cost = "sessions.cost_nano" if listing.sort == "cost" else "+sessions.cost_nano"
    wanted: list[tuple[str, list[Value] | None]] = [
        (f"{agent} = ?", None if listing.agent is None else [listing.agent]),
        ("+sessions.owner = ?", None if listing.owner is None else [listing.owner]),
        ("+sessions.parked IS NOT NULL", [] if listing.parked else None),
        (
            "+sessions.idx IN (SELECT turns.idx FROM turns WHERE turns.open = 1)",
            [] if listing.answering else None,
        ),
        ("sessions.active_ms < ?", None if listing.idle_since_ms is None else [listing.idle_since_ms]),
        ("sessions.active_ms >= ?", None if listing.active_from_ms is None else [listing.active_from_ms]),
        ("sessions.active_ms < ?", None if listing.active_to_ms is None else [listing.active_to_ms]),
        (f"{cost} >= ?", None if listing.min_cost_nano is None else [listing.min_cost_nano]),
        (
            "(sessions.agent || '/' || sessions.session) NOT IN (SELECT value FROM json_each(?))",
            [_listed(listing.without)] if listing.without else None,
        ),
    ]
    if listing.sort == "active":
        first, last = _minutes(listing)
        wanted += [
            ("sessions.active_min >= ?", None if first is None else [first]),
            ("sessions.active_min <= ?", None if last is None else [last]),
        ]
    if listing.beginning:
        text = listing.beginning
        bounds: list[Value] = []
        for start in (text, USER + text, VISITOR + text):
            bounds += [start, start + _END]
        owner = "+sessions.owner >= ? AND +sessions.owner < ?"
        wanted.append((f"(+sessions.session >= ? AND +sessions.session < ? OR {owner} OR {owner})", bounds))
    return [(sql, values) for sql, values in wanted if values is not None]


_AMONG: Final = (
    "SELECT DISTINCT named.idx FROM json_each(?) AS one CROSS JOIN sessions AS named"
    " ON named.agent = substr(one.value, 1, instr(one.value, '/') - 1)"
    " AND named.session = substr(one.value, instr(one.value, '/') + 1)"
)


def _listed(addresses: tuple[Address, ...]) -> str:
    return msgspec.json.encode(list(map(str, addresses))).decode()


def _behind(listing: Listing) -> list[Part]:
    """The condition that a page goes on behind the one before."""
    if not listing.after:
        return []
    columns = _ORDER[listing.sort]
    values: list[Value] = []
    if listing.sort == "address":
        agent, slash, session = listing.after.partition("/")
        if not slash or not agent:
            raise wrong_cursor(listing.after)
        values = [agent, session]
    else:
        numbers = listing.after.split(".")
        if len(numbers) != len(columns) or not all(n.isdecimal() and len(n) <= 18 for n in numbers):
            raise wrong_cursor(listing.after)
        values = [int(number) for number in numbers]
    names = ", ".join(f"sessions.{column}" for column in columns)
    sign = "<" if listing.descending else ">"
    if len(columns) == 1:
        return [(f"{names} {sign} ?", values)]
    return [(f"({names}) {sign} (?, ?)", values)]
