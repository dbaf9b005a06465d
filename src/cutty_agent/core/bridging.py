"""Which session a request to an old, shared address means: one of the caller's own, whatever it says (protocol 5.4)."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from ..errors import BadAddress
from ..ids import check_session_id
from .addressing import DEFAULT_SESSION

PREFIX: Final = "api-"
"""Begins the ids of sessions that were made out of the chat ids of old clients."""

_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_TIMED = re.compile(r"(?:.*[^0-9])?[0-9]{13}[-_.]?[A-Za-z0-9]{8,}", re.ASCII)
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+", re.ASCII)

_CLUSTER = re.compile(r"[b-df-hj-np-tv-xz]{5}", re.ASCII | re.IGNORECASE)
"""More consonants in a row than words of people have."""

_RANDOM_LENGTH: Final = 12
_FEW_WORDS: Final = 4
_DISORDER: Final = 0.35
"""Words per character: what people write has few and long ones, what is drawn at random many short ones."""


def named(query: str | None, header: str | None) -> str | None:
    """The session that ``?sessionId=`` or ``X-Session-Id`` names; ``None`` when neither names one of its own.

    Raises:
        BadAddress: what it names cannot be a session id.
    """
    given = query or header
    return None if not given or given == DEFAULT_SESSION else check_session_id(given)


def own(principal: str, id: str) -> str:
    """The session that a chat id stands for when this principal sends it, and for no other."""
    return f"{PREFIX}{_digest(principal, 8)}-{_plain(id, 40)}"


def secret(cookie: str, chat: str) -> str:
    """The session of a chat id that anybody could guess, for the browser that holds this cookie alone."""
    return f"{PREFIX}{_digest(f'{cookie}/{chat}', 32)}"


def unguessable(chat: str) -> str:
    """The session of a chat id that nobody could guess, for whoever knows it."""
    return f"{PREFIX}{_plain(chat, 40)}"


def hard_to_guess(id: str) -> bool:
    """Whether an id looks as if it was drawn at random: a UUID, a time with random letters behind it, or 12 and more
    letters and digits in disorder. It errs on the side of no, one time in a hundred; ``main`` and ``SupportChat2026``
    are not."""
    if _UUID.fullmatch(id) or _TIMED.fullmatch(id):
        return True
    return any(len(token) >= _RANDOM_LENGTH and _disordered(token) for token in re.split(r"[^A-Za-z0-9]", id))


def _disordered(token: str) -> bool:
    words = len(_WORDS.findall(token))
    return words > _DISORDER * len(token) or (words >= _FEW_WORDS and _CLUSTER.search(token) is not None)


def _plain(id: str, length: int) -> str:
    """The id itself where it may be part of a session's, else a hash of it with so many characters."""
    try:
        if len(id) <= 100:
            return check_session_id(id)
    except BadAddress:
        pass
    return _digest(id, length)


def _digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]
