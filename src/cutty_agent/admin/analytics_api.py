"""The operator's API about figures: the overview over time, and usage by day, agent, owner and model."""

from __future__ import annotations

from starlette.responses import Response

from ..ports.analytics import DAY_MS, HOUR_MS, By, Step
from . import figures
from .desk import Asked, Desk, json

USUAL_MS = {"hour": DAY_MS, "day": 30 * DAY_MS}
"""Range of an overview when the caller names no beginning."""


async def overview(desk: Desk, asked: Asked) -> Response:
    """``GET /admin/overview?from=&to=&step=hour|day&agent=``: figures over time, their sums, and how it is now."""
    now_ms = desk.clock.now_ms()
    step: Step = asked.choice("step", Step, "hour")
    from_ms, to_ms = _range(asked, now_ms, USUAL_MS[step])
    figures.check_range(from_ms, to_ms, step)
    periods = await desk.store.periods(
        step=step, from_ms=from_ms, to_ms=to_ms, agent=desk.agent(asked.text("agent"))
    )
    return json({**figures.overview(periods, step, from_ms, to_ms), "now": await now(desk)})


async def usage(desk: Desk, asked: Asked) -> Response:
    """``GET /admin/usage?by=day|hour|agent|owner|model&from=&to=&agent=&owner=&limit=&after=``: what turns consumed."""
    by: By = asked.choice("by", By)
    from_ms, to_ms = _range(asked, desk.clock.now_ms(), USUAL_MS["hour" if by == "hour" else "day"])
    page = await desk.store.usage(
        by=by,
        from_ms=from_ms,
        to_ms=to_ms,
        agent=desk.agent(asked.text("agent")),
        owner=asked.text("owner"),
        after=asked.text("after"),
        limit=asked.limit(),
    )
    return json({"rows": [figures.usage_row(row, by) for row in page.rows], "next": page.next})


def _range(asked: Asked, now_ms: int, usual_ms: int) -> tuple[int, int]:
    """The hour that runs now is part of what ends now."""
    to_ms = asked.whole("to")
    to_ms = now_ms + HOUR_MS - now_ms % HOUR_MS if to_ms is None else to_ms
    from_ms = asked.whole("from")
    return to_ms - usual_ms if from_ms is None else from_ms, to_ms


async def now(desk: Desk) -> dict[str, int | float]:
    """How many sockets, sessions and turns there are in this moment."""
    registry, totals = desk.registry, await desk.store.totals()
    actors = [slot.actor for slot in registry.slots.values() if slot.actor is not None]
    now_ms = desk.clock.now_ms()
    return {
        "sockets": registry.sockets,
        "awake": len(actors),
        "running": sum(actor.runner.running is not None for actor in actors),
        "queued": sum(len(actor.runner.queue.waiting) for actor in actors),
        "sessions": totals.sessions,
        "parked": totals.parked,
        "uptime_s": (now_ms - desk.started_ms) / 1000,
        "started_ms": desk.started_ms,
    }
