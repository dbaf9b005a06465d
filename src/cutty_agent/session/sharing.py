"""Shares: other principals, or whoever has a link, may look on or take part."""

from __future__ import annotations

import secrets

from ..errors import BadRequest
from ..wire.card import Grant, Mode
from ..wire.principal import USER, VISITOR, link_of
from .room import Room

MAX_GRANTS = 100
"""Shares of one session."""

MAX_GRANTEE = 200
"""Characters of a grantee's own id."""


async def share(room: Room, grantee: str | None, mode: Mode, *, for_s: float | None) -> str:
    """Let a principal in, or with ``None`` whoever has the secret that is returned.

    Raises:
        BadRequest: the grantee is no principal's id, the mode is not known, or there are too many shares.
    """
    if mode not in ("read", "write"):
        raise BadRequest(f"The mode is {str(mode)[:20]!r}.", remedy="Share for read or for write.")
    if for_s is not None and for_s <= 0:
        raise BadRequest(
            f"The share would end {-for_s:g} s ago.", remedy="Give a positive number of seconds."
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
    for conn in room.audience:  # who looked on may take part now, or the other way round
        if (
            grantee in (conn.principal.id, *conn.principal.also, *conn.principal.links)
            and conn.right != "own"
        ):
            conn.right = mode
    return shown or grantee


async def unshare(room: Room, grantee: str) -> bool:
    """End a share, by its grantee or by the secret of its link; its sockets are closed."""
    found = next((name for name in (grantee, link_of(grantee)) if name in room.card.grants), None)
    if found is None:
        return False
    await room.grant(found, None)
    for conn in room.audience:
        principal = conn.principal
        if conn.right != "own" and found in (principal.id, *principal.also, *principal.links):
            conn.close(4403, "This session is no longer shared with you")
    return True
