"""Moments as people write them on a command line: ``2026-11-22``, ``2026-11-22T18:00``, or ``7d`` ago."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import typer

from . import duration


class Moment(msgspec.Struct, frozen=True):
    """A point in time (milliseconds since 1970 UTC), or how long ago it was, and how it was written."""

    written: str
    at_ms: int | None = None
    ago_s: float = 0.0

    def ms(self, now_ms: int) -> int:
        """Milliseconds since 1970 UTC."""
        return now_ms - round(self.ago_s * 1000) if self.at_ms is None else self.at_ms

    def __str__(self) -> str:
        return self.written


def parse(text: str) -> Moment:
    """A day or a minute of UTC, or a time that has passed since.

    Raises:
        typer.BadParameter: it is neither.
    """
    written = text.strip()
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        try:
            return Moment(written, ago_s=duration.parse(written).seconds)
        except typer.BadParameter:
            raise typer.BadParameter(
                f"{text[:30]!r} is no moment. Write a day (2026-11-22), a minute of UTC (2026-11-22T18:00), "
                "or how long ago it was (24h, 7d)."
            ) from None
    at_ms = round((at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp() * 1000)
    if at_ms < 0:
        raise typer.BadParameter(f"{text[:30]!r} is before 1970.")
    return Moment(written, at_ms)
