from __future__ import annotations

import pytest

from cutty_agent.cli.terminal import ago, printable


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
