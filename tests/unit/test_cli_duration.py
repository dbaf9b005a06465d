from __future__ import annotations

import pytest
import typer

from cutty_agent.cli.duration import parse


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        ("12h", 43_200),
        ("30d", 2_592_000),
        ("4w", 2_419_200),
        ("1.5h", 5400),
        (" 2 D ", 172_800),
    ],
)
def test_a_number_with_a_unit(written: str, seconds: float) -> None:
    assert parse(written).seconds == seconds


def test_it_is_said_as_it_was_written() -> None:
    assert str(parse(" 30 D ")) == "30d"


@pytest.mark.parametrize(
    "written",
    ["", "30", "d", "0d", "-1d", "1y", "1d12h", "1e9d", "999999999w", "٣d", "nan", "1.d", "30d\n30d"],
)
def test_anything_else_is_refused(written: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse(written)
