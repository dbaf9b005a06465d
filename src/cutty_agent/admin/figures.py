"""Figures over time and sums of usage, as JSON-ready dictionaries; the same from a server and from a directory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from ..errors import BadRequest
from ..ports.analytics import DAY_MS, HOUR_MS, By, Period, Step, Sums, UsageRow
from ..wire.histogram import NONE, percentile

MAX_POINTS = 10_000
"""Of one overview: more than a year of hours."""

MAX_MS = 253_402_300_799_000
"""The last second of the year 9999."""

_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def check_range(from_ms: int, to_ms: int, step: Step) -> None:
    """See to it that a range can be shown.

    Raises:
        BadRequest: it is empty, or has too many points.
    """
    points = (to_ms - from_ms) / _size_ms(step)
    if not 0 <= from_ms < to_ms <= MAX_MS:
        raise BadRequest(
            f"The range is from {from_ms} to {to_ms}.",
            remedy="Send from and to in milliseconds since 1970, from before to.",
        )
    if points > MAX_POINTS:
        raise BadRequest(
            f"The range has {points:.0f} points; the limit is {MAX_POINTS}.",
            remedy="Ask for a shorter range, or by day.",
        )


def overview(periods: Sequence[Period], step: Step, from_ms: int, to_ms: int) -> dict[str, Any]:
    """A point for every hour or day of the range, those without activity too, and the sums of all.

    In the sums a session counts as active once a UTC day.
    """
    size_ms = _size_ms(step)
    known = {period.at_ms: period for period in periods}
    starts = range(from_ms // size_ms * size_ms, to_ms, size_ms)
    points = [_point(known.get(at) or Period(at)) for at in starts]
    total = _point(_total(periods))
    del total["at"]
    return {"from": from_ms, "to": to_ms, "step": step, "points": points, "totals": total}


def usage_row(row: UsageRow, by: By) -> dict[str, Any]:
    """What one hour (``2026-11-22T18``), day (``2026-11-22``), agent, owner or model comes to."""
    sums = row.sums
    return {
        "key": _key(row.key, by),
        "turns": sums.turns,
        "errors": sums.errors,
        "aborted": sums.aborted,
        "input_tokens": sums.input_tokens,
        "output_tokens": sums.output_tokens,
        "cost_nano": sums.cost_nano,
        "calls": sums.calls,
        "tools": sums.tools,
        "mean_first_ms": round(sums.first_ms / sums.first_count, 1) if sums.first_count else None,
        "mean_duration_ms": round(sums.duration_ms / sums.turns, 1) if sums.turns else None,
    }


def _key(key: str, by: By) -> str:
    if by not in {"hour", "day"}:
        return key
    at = datetime.fromtimestamp(int(key) / 1000, UTC)
    return at.strftime("%Y-%m-%dT%H" if by == "hour" else "%Y-%m-%d")


def _size_ms(step: Step) -> int:
    return HOUR_MS if step == "hour" else DAY_MS


def _point(period: Period) -> dict[str, Any]:
    sums = period.sums
    return {
        "at": period.at_ms,
        "turns": sums.turns,
        "errors": sums.errors,
        "aborted": sums.aborted,
        "messages": period.messages,
        "sessions_created": period.created,
        "sessions_active": period.active,
        "sessions_returning": period.returning,
        "sessions_expired": period.expired,
        "input_tokens": sums.input_tokens,
        "output_tokens": sums.output_tokens,
        "cost_nano": sums.cost_nano,
        "calls": sums.calls,
        "tools": sums.tools,
        "first_ms": _percentiles(period.first),
        "duration_ms": _percentiles(period.duration),
        "peak_running": period.peak_running,
        "peak_sockets": period.peak_sockets,
    }


def _percentiles(counts: Sequence[int]) -> dict[str, float] | None:
    found = {name: percentile(counts, share) for name, share in _SHARES.items()}
    return {name: round(ms, 1) for name, ms in found.items() if ms is not None} or None


def _total(periods: Sequence[Period]) -> Period:
    names = Sums.__struct_fields__
    return Period(
        0,
        Sums(*(sum(getattr(period.sums, name) for period in periods) for name in names)),
        messages=sum(period.messages for period in periods),
        created=sum(period.created for period in periods),
        active=_sessions(periods, "first_active", "active"),
        returning=_sessions(periods, "first_returning", "returning"),
        expired=sum(period.expired for period in periods),
        first=_columns(period.first for period in periods),
        duration=_columns(period.duration for period in periods),
        peak_running=max((period.peak_running for period in periods), default=0),
        peak_sockets=max((period.peak_sockets for period in periods), default=0),
    )


def _sessions(periods: Sequence[Period], once_a_day: str, once: str) -> int:
    """Once a day; those whose first hour of the first day lies before the range count in the hours they are in."""
    summed: int = sum(getattr(period, once_a_day) for period in periods)
    most: int = max((getattr(period, once) for period in periods), default=0)
    return max(summed, most)


def _columns(histograms: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(map(sum, zip(NONE, *histograms, strict=True)))
