"""Small plots out of characters."""

from __future__ import annotations

from collections.abc import Sequence

_STEPS = "▁▂▃▄▅▆▇█"
_PARTS = " ▏▎▍▌▋▊▉"


def sparkline(values: Sequence[float], width: int) -> str:
    """A line of at most ``width`` characters, each as high as the largest value at its place; nothing is blank."""
    if not values or width < 1:
        return ""
    columns = _columns(values, min(width, len(values)))
    most = max(columns)
    if most <= 0:
        return " " * len(columns)
    return "".join(
        " " if value <= 0 else _STEPS[min(len(_STEPS) - 1, int(value / most * len(_STEPS)))]
        for value in columns
    )


def bar(value: float, most: float, width: int) -> str:
    """A bar whose length is to ``width`` as ``value`` is to ``most``; anything above 0 can be seen."""
    if value <= 0 or most <= 0:
        return ""
    eighths = max(1, round(min(1.0, value / most) * width * len(_PARTS)))
    whole, rest = divmod(eighths, len(_PARTS))
    return "█" * whole + (_PARTS[rest] if rest else "")


def _columns(values: Sequence[float], count: int) -> list[float]:
    size = len(values)
    return [max(values[at * size // count : (at + 1) * size // count]) for at in range(count)]
