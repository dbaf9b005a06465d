"""Names of things: addresses of sessions, and the ids the server makes."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator

import msgspec

from .errors import BadAddress

MAX_SESSION_ID = 128
"""Characters of a session id, after percent-decoding."""

_SAFE = re.compile(r"[A-Za-z0-9._~:@+=,\- ]{1,128}", re.ASCII)


class Address(msgspec.Struct, frozen=True, order=True, gc=False):
    """``(agent, session)``: the kebab name of the agent and the decoded session id. Names one session."""

    agent: str
    session: str

    def __str__(self) -> str:
        return f"{self.agent}/{self.session}"


def check_session_id(session: str) -> str:
    """The id itself when it is 1-128 characters of letters, digits, space and ``. _ ~ : @ + = , -``.

    Raises:
        BadAddress: names what is wrong. ``.`` and ``..`` are refused because URL parsers fold them away.
    """
    if _SAFE.fullmatch(session) and session not in {".", ".."} and session == session.strip():
        return session
    if not session:
        reason = "The session id is empty."
    elif len(session) > MAX_SESSION_ID:
        reason = f"The session id has {len(session)} characters; the limit is {MAX_SESSION_ID}."
    else:
        reason = "The session id contains characters that are not allowed."
    raise BadAddress(
        reason,
        remedy=f"Use 1 to {MAX_SESSION_ID} letters, digits, inner spaces or . _ ~ : @ + = , - for the session id.",
    )


def new_message_id(now_ms: int) -> str:
    """``assistant_{ms}_{9 random}`` (protocol 3.11)."""
    return f"assistant_{now_ms}_{_random().hex()[:9]}"


_POOL_BYTES = 5 * 1024
_pool: Iterator[bytes] = iter(())


def _random() -> bytes:
    """Five random bytes out of a pool: a system call for each message id would cost more than the id."""
    global _pool
    taken = next(_pool, b"")
    if not taken:
        fresh = secrets.token_bytes(_POOL_BYTES)
        _pool = iter([fresh[at : at + 5] for at in range(0, _POOL_BYTES, 5)])
        taken = next(_pool)
    return taken


def new_request_id() -> str:
    """Id of a turn the server starts itself; 128 random bits, URL-safe."""
    return secrets.token_urlsafe(16)


def new_connection_id() -> str:
    """Label of a connection whose client sent no ``_pk``."""
    return secrets.token_hex(8)


def new_session_id() -> str:
    """Id of a session the server makes; 128 random bits, nothing a client must encode."""
    return f"s-{secrets.token_hex(16)}"
