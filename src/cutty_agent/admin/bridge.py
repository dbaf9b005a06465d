"""Who still uses the old shared addresses, by the day: sums of what the audit log has of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
from starlette.responses import Response

from ..ports.store import AuditEntry
from .desk import Asked, Desk, json

ACTIONS = "bridge."
"""Begins the actions in question."""

_USED = "bridge.used"
_PAGE = 1000


class BridgeUse(msgspec.Struct):
    """One caller (``who``: a principal's id, or a network address) by one route from pages of one origin, on one day.
    ``first_ms`` is within a minute of the first time, ``last_ms`` of the last."""

    route: str
    origin: str
    who: str
    first_ms: int
    last_ms: int
    used: int = 0
    refused: int = 0


class BridgeDay(msgspec.Struct):
    """A day (UTC, ``2026-11-22``): how often old addresses were used, how often refused because the bridge was over,
    and by whom, the most frequent first."""

    day: str
    used: int
    refused: int
    uses: list[BridgeUse]


def by_day(entries: Iterable[AuditEntry]) -> list[BridgeDay]:
    """The sums, the newest day first."""
    days: dict[str, dict[tuple[str, str, str], BridgeUse]] = {}
    for entry in entries:
        if not entry.action.startswith(ACTIONS):
            continue
        route, _, origin = entry.detail.partition(" from ")
        who = entry.actor or entry.peer
        day = datetime.fromtimestamp(entry.at_ms / 1000, UTC).strftime("%Y-%m-%d")
        uses = days.setdefault(day, {})
        use = uses.setdefault((route, origin, who), BridgeUse(route, origin, who, entry.at_ms, entry.at_ms))
        use.first_ms, use.last_ms = min(use.first_ms, entry.at_ms), max(use.last_ms, entry.at_ms)
        if entry.action == _USED:
            use.used += entry.count
        else:
            use.refused += entry.count
    return [_day(day, list(uses.values())) for day, uses in sorted(days.items(), reverse=True)]


def _day(day: str, uses: list[BridgeUse]) -> BridgeDay:
    uses.sort(key=lambda use: (-use.used - use.refused, use.route, use.origin, use.who))
    return BridgeDay(day, sum(use.used for use in uses), sum(use.refused for use in uses), uses)


async def uses(desk: Desk, asked: Asked) -> Response:
    """``GET /admin/bridge``: who still uses the old shared addresses, by the day, the newest first."""
    entries: list[AuditEntry] = []
    before: int | None = None
    while True:
        page = await desk.store.audit(before=before, action=ACTIONS, limit=_PAGE)
        entries += [row.entry for row in page]
        if len(page) < _PAGE:
            return json({"days": msgspec.to_builtins(by_day(entries))})
        before = page[-1].seq
