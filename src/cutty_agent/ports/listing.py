"""Lists of sessions, as an operator asks for them."""

from __future__ import annotations

from typing import Literal

import msgspec

from ..ids import Address
from ..wire.principal import NEVER_MS


class SessionRow(msgspec.Struct, frozen=True):
    """One line of a session list. Times are milliseconds since 1970 UTC; ``cost_nano`` are thousand-millionths of a US
    dollar."""

    address: Address
    created_ms: int
    active_ms: int
    messages: int
    open_turns: int
    owner: str = ""
    expires_ms: int = NEVER_MS
    parked: str | None = None
    turns: int = 0
    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nano: int = 0


Sort = Literal["address", "active", "created", "cost"]
"""By address, by the minute of the last activity, by the order of making, by what it has cost."""


class Listing(msgspec.Struct, frozen=True):
    """Which sessions are wanted, those that fit everything given, and in which order; ``1 <= limit <= 1000``.

    ``beginning`` is that of the session's id, or of its owner's own id (without ``user:`` or ``visitor:``). ``among``
    and ``without`` name sessions one by one. ``after`` is the ``next`` of the page before, of a listing that differs in
    nothing else. Times are milliseconds since 1970 UTC; ``idle_since_ms`` and ``active_to_ms`` are exclusive.
    """

    sort: Sort = "address"
    descending: bool = False
    agent: str | None = None
    owner: str | None = None
    beginning: str | None = None
    parked: bool = False
    answering: bool = False
    idle_since_ms: int | None = None
    active_from_ms: int | None = None
    active_to_ms: int | None = None
    min_cost_nano: int | None = None
    among: tuple[Address, ...] | None = None
    without: tuple[Address, ...] = ()
    after: str | None = None
    limit: int = 100


class SessionPage(msgspec.Struct, frozen=True):
    """Rows in the order wanted; ``next`` goes on behind them, ``None`` on the last page."""

    rows: list[SessionRow]
    next: str | None = None
