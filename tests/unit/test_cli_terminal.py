from __future__ import annotations

import pytest

from cutty_agent.cli.terminal import ago, count, dollars, plural, printable, took, until


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain, ünï, 日本, 🐙\n\ttab", "plain, ünï, 日本, 🐙\n\ttab"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\x1b[2J\x1b[1;1Hb", "ab"),
        ("a\rb\x08c\x00d\x7f\x9be", "abcde"),
        ("\u202egnirts\u2066", "gnirts"),
        ("\x1bc", "c"),
    ],
)
def test_a_terminal_is_told_nothing_it_would_obey(text: str, safe: str) -> None:
    assert printable(text) == safe


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "now"),
        (-5, "now"),
        (30, "30 s ago"),
        (90, "1 min ago"),
        (7_200, "2 h ago"),
        (86_400 * 3, "3 d ago"),
        (86_400 * 800, "2 y ago"),
    ],
)
def test_ago(seconds: int, said: str) -> None:
    assert ago(1_000_000_000_000, 1_000_000_000_000 + seconds * 1000) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, ""), (-1, "over"), (0, "over"), (30, "in 30 s"), (7_200, "in 2 h"), (86_400 * 3, "in 3 d")],
)
def test_until(seconds: int | None, said: str) -> None:
    now = 1_000_000_000_000
    assert until(None if seconds is None else now + seconds * 1000, now) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0"), (999, "999"), (1000, "1.0k"), (12_345, "12k"), (2_500_000, "2.5M"), (3 * 10**10, "30G")],
)
def test_count(number: int, said: str) -> None:
    assert count(number) == said


@pytest.mark.parametrize(
    ("nano", "said"),
    [(0, ""), (1, "<$0.0001"), (12_300_000, "$0.0123"), (1_500_000_000, "$1.50")],
)
def test_dollars(nano: int, said: str) -> None:
    assert dollars(nano) == said


@pytest.mark.parametrize(("ms", "said"), [(0, "0 ms"), (999, "999 ms"), (2_100, "2.1 s"), (75_000, "75 s")])
def test_took(ms: int, said: str) -> None:
    assert took(ms) == said


def test_plural() -> None:
    assert [plural(number, "turn") for number in (0, 1, 2)] == ["0 turns", "1 turn", "2 turns"]
