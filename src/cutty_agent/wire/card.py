"""A session's card: whose it is, who else may enter, and until when it lives. Read before anything else of it."""

from __future__ import annotations

from typing import Literal

import msgspec

from .principal import NEVER_MS

Mode = Literal["read", "write"]
"""What a share permits: to look on, or to take part."""

Right = Literal["read", "write", "own"]
"""What a caller may do with a session; ``own`` adds sharing, export and erasure."""


class Grant(msgspec.Struct, frozen=True):
    """A share of one session with one grantee; ends by itself at ``expires_ms``."""

    mode: Mode
    created_ms: int
    expires_ms: int = NEVER_MS


class Card(msgspec.Struct, frozen=True):
    """What is known of a session without loading it. Times are milliseconds since 1970 UTC.

    ``owner`` is a principal's id, empty for a session made while the server had no access rule. ``grants`` are by
    grantee: a principal's id, or ``link:{sha256}``. ``parked`` is why the runaway guard stopped it, ``None`` when it
    runs. From ``expires_ms`` on the session does not exist for anybody, although its rows may still be there.
    """

    owner: str
    created_ms: int
    active_ms: int
    expires_ms: int = NEVER_MS
    grants: dict[str, Grant] = {}
    parked: str | None = None
