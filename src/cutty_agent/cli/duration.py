"""Times as people write them on a command line: ``90s``, ``15m``, ``12h``, ``30d``, ``4w``."""

from __future__ import annotations

import re

import msgspec
import typer

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_WRITTEN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?([smhdw])", re.ASCII)
_LONGEST_S = 1000 * 365 * 86_400


class Duration(msgspec.Struct, frozen=True):
    """A time above 0 with its unit, and how it was written."""

    seconds: float
    written: str

    def __str__(self) -> str:
        return self.written


def parse(text: str) -> Duration:
    """A number with a unit.

    Raises:
        typer.BadParameter: it is something else, 0, or above a thousand years.
    """
    found = _WRITTEN.fullmatch(text.strip().lower())
    if found is None:
        raise typer.BadParameter(
            f"{text[:30]!r} is no time. Write a number and its unit: 90s, 15m, 12h, 30d or 4w."
        )
    seconds = float(found[1]) * _UNITS[found[2]]
    if not 0 < seconds <= _LONGEST_S:
        raise typer.BadParameter(f"{text[:30]!r} is not between 0 and a thousand years.")
    return Duration(seconds, found[1] + found[2])
