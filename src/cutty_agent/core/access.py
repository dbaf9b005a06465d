"""Who may do what with a session, and which names a caller may ask for."""

from __future__ import annotations

import hashlib
import re

from ..errors import NotFound
from ..wire.card import Card, Right
from ..wire.principal import LINK, Principal

_USER_ID = "user-"
_TIMESTAMP = re.compile(r"[0-9]{1,20}(-[A-Za-z0-9]{1,64})?", re.ASCII)


def right(card: Card, who: Principal, now_ms: int) -> Right | None:
    """What ``who`` may do with the session of this card; ``None`` when it is not to learn that there is one."""
    names = (who.id, *who.also)
    if card.owner in names:
        return "own"
    best: Right | None = None
    for grantee in (*names, *who.links):
        grant = card.grants.get(grantee)
        if grant is None or grant.expires_ms <= now_ms:
            continue
        if grant.mode == "write":
            return "write"
        best = "read"
    return best


def expired(card: Card, now_ms: int) -> bool:
    """Whether the session has come to its end, its rows being there or not."""
    return card.expires_ms <= now_ms


def may_create(who: Principal) -> bool:
    """Whether a session may be made for this caller; who only follows a link owns nothing."""
    return not who.id.startswith(LINK)


def own_default(who: Principal) -> str:
    """The id of the session that ``default`` stands for: one for each caller."""
    return f"default-{hashlib.sha256(who.id.encode()).hexdigest()[:20]}"


def check_user_id(session: str, who: Principal) -> None:
    """See to it that an id of the form ``user-{userId}-session-{timestamp}`` names the user who asks.

    Raises:
        NotFound: it names somebody else; not a word about whether there is such a session.
    """
    if not session.startswith(_USER_ID):
        return
    own, rest = f"{_USER_ID}{who.subject}-session-", ""
    if who.subject and session.startswith(own):
        rest = session[len(own) :]
    # The rest is checked too: another user's name may begin with this one's and "-session-".
    if not _TIMESTAMP.fullmatch(rest):
        raise no_such_session()


def no_such_session() -> NotFound:
    """The answer to whoever may not enter, the same whether the session exists or not."""
    return NotFound(
        "There is no such session for you.",
        remedy="Sign in as its owner, ask for a share, or use a session id of your own.",
    )
