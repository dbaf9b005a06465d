"""How things look in a terminal: safe text, times, errors."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import typer
from rich.console import Console
from rich.text import Text

from ..errors import CuttyError

_CONTROL = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)
_STEPS = ((60, "s"), (60, "min"), (24, "h"), (365, "d"))


def printable(text: str) -> str:
    """Text without what a terminal would obey: a visitor or a model may have written it."""
    return _CONTROL.sub("", text)


def clock(ms: int) -> str:
    """Local time of milliseconds since 1970, with the date unless it is today."""
    at = datetime.fromtimestamp(ms / 1000)
    return at.strftime("%H:%M:%S" if at.date() == datetime.now().date() else "%Y-%m-%d %H:%M:%S")


def day(ms: int) -> str:
    """Local date of milliseconds since 1970."""
    return datetime.fromtimestamp(ms / 1000).strftime("%Y-%m-%d")


def output() -> Console:
    """Standard output: as wide as the terminal, and wide enough for whole lines where there is none."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def ago(ms: int, now_ms: int | None = None) -> str:
    """How long ago something was, in the largest unit that fits: ``3 min ago``."""
    now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    amount = max(0, now - ms) // 1000
    return "now" if amount < 2 else f"{_largest(amount)} ago"


def _largest(amount: int) -> str:
    for size, unit in _STEPS:
        if amount < size:
            return f"{amount} {unit}"
        amount //= size
    return f"{amount} y"


def until(ms: int | None, now_ms: int | None = None) -> str:
    """When something ends, in the largest unit that fits: ``in 3 d``, ``over``; empty for never."""
    if ms is None:
        return ""
    now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    return f"in {_largest(-((now - ms) // 1000))}" if ms > now else "over"


def count(number: int) -> str:
    """A number in few characters: ``999``, ``1.2k``, ``34M``."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            amount = number / size
            return f"{amount:.1f}{unit}" if amount < 10 else f"{amount:.0f}{unit}"
    return str(number)


def plural(number: int, noun: str) -> str:
    """``1 session``, ``2 sessions``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def dollars(nano: int) -> str:
    """Thousand-millionths of a US dollar as money, with more digits where it is little; empty for nothing."""
    if not nano:
        return ""
    amount = nano / 1e9
    return f"${amount:.2f}" if amount >= 1 else f"${amount:.4f}" if amount >= 0.0001 else "<$0.0001"


def took(ms: int) -> str:
    """A time of milliseconds: ``340 ms``, ``2.1 s``, ``75 s``."""
    if ms < 1000:
        return f"{ms} ms"
    return f"{ms / 1000:.1f} s" if ms < 10_000 else f"{ms / 1000:.0f} s"


def confirm(question: str) -> None:
    """Ask on the terminal; ends the command with exit code 1 unless the answer is yes, or where nobody can answer."""
    if not sys.stdin.isatty():
        complain("This needs a confirmation. Say --yes to go on without being asked.")
        raise typer.Exit(1)
    if not typer.confirm(printable(question), err=True):
        note("Nothing was changed.")
        raise typer.Exit(1)


def complain(error: CuttyError | str) -> None:
    """An error on standard error, with its remedy."""
    said = str(error) if isinstance(error, str) else f"{error.sentence} {error.remedy}"
    Console(stderr=True).print(Text.assemble(("Error ", "bold red"), printable(said)), soft_wrap=True)


def note(text: str) -> None:
    """A remark on standard error, which is not part of the result."""
    Console(stderr=True).print(Text(printable(text), "dim"), soft_wrap=True)


@contextmanager
def readable_errors() -> Iterator[None]:
    """Print an error of ours and end with exit code 1."""
    try:
        yield
    except CuttyError as error:
        complain(error)
        raise typer.Exit(1) from error
