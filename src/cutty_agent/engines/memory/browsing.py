"""Lists of sessions in any order, in the most obvious way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...ports.analytics import wrong_cursor
from ...ports.listing import Listing, SessionPage, SessionRow
from ...wire.principal import USER, VISITOR

_MINUTE_MS = 60_000

Key = tuple[Any, ...]
"""Of one listing all alike: agent and session, or numbers."""


def browse(rows: Iterable[tuple[int, SessionRow]], listing: Listing) -> SessionPage:
    """A page of these rows, each given with the epoch that made its session."""
    found = [(_key(listing, made, row), row) for made, row in rows if _fits(listing, row)]
    found.sort(key=lambda each: each[0], reverse=listing.descending)
    if listing.after:
        last = _parse(listing, listing.after)
        found = [each for each in found if (each[0] < last if listing.descending else each[0] > last)]
    shown = found[: listing.limit]
    page = [row for _, row in shown]
    if listing.sort == "active":
        page.sort(key=lambda row: row.active_ms, reverse=listing.descending)
    return SessionPage(page, _cursor(listing, shown[-1][0]) if len(found) > len(shown) else None)


def _fits(listing: Listing, row: SessionRow) -> bool:
    return (
        listing.agent in {None, row.address.agent}
        and listing.owner in {None, row.owner}
        and (not listing.beginning or _begins(row, listing.beginning))
        and (not listing.parked or row.parked is not None)
        and (not listing.answering or row.open_turns > 0)
        and (listing.idle_since_ms is None or row.active_ms < listing.idle_since_ms)
        and (listing.active_from_ms is None or row.active_ms >= listing.active_from_ms)
        and (listing.active_to_ms is None or row.active_ms < listing.active_to_ms)
        and (listing.min_cost_nano is None or row.cost_nano >= listing.min_cost_nano)
        and (listing.among is None or row.address in listing.among)
        and row.address not in listing.without
    )


def _begins(row: SessionRow, text: str) -> bool:
    return row.address.session.startswith(text) or row.owner.startswith((USER + text, VISITOR + text))


def _key(listing: Listing, made: int, row: SessionRow) -> Key:
    match listing.sort:
        case "address":
            return row.address.agent, row.address.session
        case "active":
            return row.active_ms // _MINUTE_MS, made
        case "cost":
            return row.cost_nano, made
        case _:
            return (made,)


def _cursor(listing: Listing, key: Key) -> str:
    return ("/" if listing.sort == "address" else ".").join(map(str, key))


def _parse(listing: Listing, after: str) -> Key:
    if listing.sort == "address":
        agent, slash, session = after.partition("/")
        if not slash or not agent:
            raise wrong_cursor(after)
        return agent, session
    numbers = after.split(".")
    if len(numbers) != (1 if listing.sort == "created" else 2) or not all(
        each.isdecimal() and len(each) <= 18 for each in numbers
    ):
        raise wrong_cursor(after)
    return tuple(map(int, numbers))
