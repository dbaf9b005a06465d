"""Plots out of characters, and moments as people write them."""

from __future__ import annotations

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from cutty_agent.cli import moments, plots

NOW_MS = 1_790_000_000_000


def test_a_sparkline_rises_and_falls_with_its_values() -> None:
    assert plots.sparkline([0, 1, 4, 8, 4, 0], 10) == " ▂▅█▅ "
    assert plots.sparkline([5, 5], 10) == "██"
    assert plots.sparkline([0, 0], 10) == "  "
    assert plots.sparkline([], 10) == ""
    assert plots.sparkline([1, 9, 1, 1], 2) == "█▁", "the largest of those that share a place"


@given(st.lists(st.floats(0, 1e12), min_size=1), st.integers(1, 200))
def test_a_sparkline_fits_and_shows_everything_that_is_there(values: list[float], width: int) -> None:
    line = plots.sparkline(values, width)
    assert len(line) == min(width, len(values))
    assert (not line.strip()) == (max(values) == 0)
    if max(values) > 0:
        assert "█" in line


@given(st.floats(0, 1e12), st.floats(0, 1e12), st.integers(1, 100))
def test_a_bar_fits(value: float, most: float, width: int) -> None:
    bar = plots.bar(value, most, width)
    assert len(bar) <= width + 1
    assert bool(bar) == (value > 0 and most > 0)


def test_a_full_bar_is_as_long_as_it_may_be() -> None:
    assert plots.bar(3, 3, 10) == "█" * 10
    assert plots.bar(1, 2, 10) == "█" * 5


@pytest.mark.parametrize(
    ("written", "ms"),
    [
        ("2026-09-21", 1_789_948_800_000),
        ("2026-09-21T18:30", 1_789_948_800_000 + 18 * 3_600_000 + 30 * 60_000),
        ("2026-09-21T18:30+02:00", 1_789_948_800_000 + 16 * 3_600_000 + 30 * 60_000),
        ("24h", NOW_MS - 86_400_000),
        ("7d", NOW_MS - 7 * 86_400_000),
    ],
)
def test_moments(written: str, ms: int) -> None:
    assert moments.parse(written).ms(NOW_MS) == ms


@pytest.mark.parametrize("written", ["", "yesterday", "2026-13-01", "1969-01-01", "7"])
def test_what_is_no_moment_is_refused_with_examples(written: str) -> None:
    with pytest.raises(typer.BadParameter):
        moments.parse(written)
