"""What turns and sessions come to by the hour: summed up as turns end, read without looking at any of them."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final, Literal, Protocol

import msgspec

from ..errors import BadRequest
from ..wire.histogram import NONE
from .listing import Listing, SessionPage

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000

Step = Literal["hour", "day"]
"""Of UTC."""

By = Literal["hour", "day", "agent", "owner", "model"]


class Sums(msgspec.Struct, frozen=True):
    """Of ended turns. ``cost_nano`` are thousand-millionths of a US dollar; ``duration_ms`` is summed over all turns,
    ``first_ms`` over the ``first_count`` turns that had a first chunk."""

    turns: int = 0
    errors: int = 0
    aborted: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nano: int = 0
    calls: int = 0
    tools: int = 0
    duration_ms: int = 0
    first_ms: int = 0
    first_count: int = 0


class Period(msgspec.Struct, frozen=True):
    """An hour or a day that begins at ``at_ms`` (milliseconds since 1970 UTC).

    ``active`` are the sessions in which a turn ended, each counted once; ``returning`` those of them that were made on
    an earlier day; ``first_active`` and ``first_returning`` count each in its first hour of a UTC day only, so that hours
    can be summed up; ``expired`` those removed because they had expired. ``first`` and ``duration`` count latencies by
    the buckets of :mod:`cutty_agent.wire.histogram`. The peaks are of the whole server, whatever the agent.
    """

    at_ms: int
    sums: Sums = Sums()
    messages: int = 0
    created: int = 0
    active: int = 0
    returning: int = 0
    first_active: int = 0
    first_returning: int = 0
    expired: int = 0
    first: tuple[int, ...] = NONE
    duration: tuple[int, ...] = NONE
    peak_running: int = 0
    peak_sockets: int = 0


class UsageRow(msgspec.Struct, frozen=True):
    """What the turns of one hour, day, agent, owner or model come to. The key of an hour or day is its beginning in
    milliseconds since 1970 UTC."""

    key: str
    sums: Sums


class UsagePage(msgspec.Struct, frozen=True):
    """Rows in order; ``next`` goes on behind them, ``None`` on the last page."""

    rows: list[UsageRow]
    next: str | None = None


class Totals(msgspec.Struct, frozen=True):
    """How many sessions are stored, and how many of them may not run for now."""

    sessions: int = 0
    parked: int = 0


class Analytics(Protocol):
    """The part of a store that answers an operator's questions. Every method may raise ``StoreUnavailable``."""

    def sample(self, *, at_ms: int, running: int, sockets: int) -> Awaitable[None]:
        """Raise the peaks of the hour that holds ``at_ms`` to these numbers."""
        ...

    def periods(
        self, *, step: Step, from_ms: int, to_ms: int, agent: str | None = None
    ) -> Awaitable[list[Period]]:
        """The hours or days that hold a moment of ``from_ms`` (inclusive) to ``to_ms`` (exclusive) and in which
        something happened, oldest first; hours and days are taken whole."""
        ...

    def usage(
        self,
        *,
        by: By,
        from_ms: int,
        to_ms: int,
        agent: str | None = None,
        owner: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Awaitable[UsagePage]:
        """Sums of the turns that ended from ``from_ms`` (inclusive) to ``to_ms`` (exclusive); ``1 <= limit <= 1000``.

        Hours and days come oldest first, everything else largest cost first, then most turns, then by key. Hours are
        taken whole; where owners are involved, days.

        Raises:
            BadRequest: by hour of one owner, which is not kept; an ``after`` that is no ``next``.
        """
        ...

    def totals(self) -> Awaitable[Totals]:
        """How many sessions there are."""
        ...

    def browse(self, listing: Listing) -> Awaitable[SessionPage]:
        """A page of sessions.

        Raises:
            BadRequest: an ``after`` that is no ``next`` of such a listing, or a ``limit`` out of range.
        """
        ...


def by_owner(by: By, owner: str | None) -> bool:
    """Whether sums are wanted that are kept by owner, and then by day only.

    Raises:
        BadRequest: by hour of one owner.
    """
    if by == "hour" and owner is not None:
        raise BadRequest("Usage of one owner is not kept by the hour.", remedy="Ask for it by day.")
    return by == "owner" or owner is not None


def rank_cursor(row: UsageRow) -> str:
    """Where a list by cost goes on behind this row."""
    return f"{row.sums.cost_nano}.{row.sums.turns}.{row.key}"


def parse_rank(after: str) -> tuple[int, int, str]:
    """Cost, turns and key of a :func:`rank_cursor`.

    Raises:
        BadRequest: it is none.
    """
    cost, _, rest = after.partition(".")
    turns, dot, key = rest.partition(".")
    if not dot or not cost.isdecimal() or not turns.isdecimal() or len(cost) > 18 or len(turns) > 18:
        raise wrong_cursor(after)
    return int(cost), int(turns), key


def wrong_cursor(after: str) -> BadRequest:
    """The error about an ``after`` that no page has given."""
    return BadRequest(
        f"after is {after[:150]!r}.",
        remedy='Send the "next" of the page before, and everything else the same.',
    )
