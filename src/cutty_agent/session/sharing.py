"""Shares: other principals, or whoever has a link, may look on or take part."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from ..core import access
from ..errors import BadRequest, Forbidden
from ..wire.card import Grant, Mode
from ..wire.principal import NEVER_MS, USER, VISITOR, link_of
from .connection import Connection
from .room import Room

MAX_GRANTS = 100
"""Shares of one session."""

MAX_SECONDS = 1e11
"""The longest life of a share that ends; three thousand years."""

_DAY_S = 86_400.0

MAX_GRANTEE = 200
"""Characters of a grantee's own id."""


async def share(room: Room, grantee: str | None, mode: Mode, *, for_s: float | None) -> str:
    """Let a principal in, or with ``None`` whoever has the secret that is returned.

    Raises:
        BadRequest: the grantee is no principal's id, the mode is not known, or there are too many shares.
    """
    if mode not in ("read", "write"):
        raise BadRequest(f"The mode is {str(mode)[:20]!r}.", remedy="Share for read or for write.")
    if for_s is not None and not 0 < for_s <= MAX_SECONDS:
        raise BadRequest(
            f"The share would end in {for_s:g} s.",
            remedy=f"Give a positive number of seconds, at most {MAX_SECONDS:g}; leave it out for a share without end.",
        )
    shown = grantee
    if grantee is None:
        shown = secrets.token_urlsafe(16)
        grantee = link_of(shown)
    elif not grantee.startswith((USER, VISITOR)) or not 0 < len(grantee.partition(":")[2]) <= MAX_GRANTEE:
        raise BadRequest(
            f"{grantee[:40]!r} is no principal.",
            remedy="Name a user as user:{id}, of at most 200 characters.",
        )
    if grantee not in room.card.grants and len(room.card.grants) >= MAX_GRANTS:
        raise BadRequest(f"This session has {MAX_GRANTS} shares.", remedy="End some of them first.")
    now_ms = room.clock.now_ms()
    ends = {} if for_s is None else {"expires_ms": now_ms + round(for_s * 1000)}
    await room.grant(grantee, Grant(mode, now_ms, **ends))
    return shown or grantee


async def unshare(room: Room, grantee: str) -> bool:
    """End a share, by its grantee or by the secret of its link."""
    found = next((name for name in (grantee, link_of(grantee)) if name in room.card.grants), None)
    if found is None:
        return False
    await room.grant(found, None)
    return True


def review(room: Room, conn: Connection, only_reads: Callable[[Connection], bool]) -> None:
    """Give an open socket the right that the card says now; one that has none left is closed.

    ``only_reads`` is the author's word on who may only look on.
    """
    right = access.right(room.card, conn.principal, room.clock.now_ms())
    if right is None:
        conn.close(Forbidden.close_code, "This session is no longer shared with you")
    else:
        conn.right = "read" if right != "read" and only_reads(conn) else right


def next_end_s(room: Room) -> float | None:
    """Seconds until a share ends by itself, at most a day; ``None`` when none does."""
    now_ms = room.clock.now_ms()
    ends = [grant.expires_ms for grant in room.card.grants.values() if now_ms < grant.expires_ms < NEVER_MS]
    return min((min(ends) - now_ms) / 1000, _DAY_S) if ends else None
