"""Who acts: the one name under which a caller owns sessions, whatever showed who it is."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

NEVER_MS: Final = 2**62
"""An end that does not come; larger than every time in milliseconds since 1970 UTC."""

USER: Final = "user:"
VISITOR: Final = "visitor:"
LINK: Final = "link:"
"""Beginnings of names: somebody signed in, a browser that was given a cookie, a shared link (then the SHA-256 of its
secret in hexadecimal)."""


def link_of(secret: str) -> str:
    """The grantee that a link's secret stands for; the secret itself is never stored."""
    return LINK + hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


OPERATOR: Final = "operator"
"""The name under which an operator's actions are recorded."""


class Principal(msgspec.Struct, frozen=True, gc=False):
    """A caller, as an identity provider vouches for it.

    ``id`` is ``user:{subject}``, ``visitor:{random}`` or empty where the server has no access rule, and then all
    callers are one. ``also`` are names the caller may act under besides, such as the visitor it was before it signed
    in. ``links`` are shared links it showed with this request (``link:{sha256}``). ``token_id`` is the ``jti`` of its
    token; ``expires_ms`` ends what it may do, also on sockets that are open then.
    """

    id: str = ""
    also: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    scopes: frozenset[str] = frozenset()
    token_id: str = ""
    expires_ms: int = NEVER_MS

    @property
    def signed_in(self) -> bool:
        """Whether it is a user of the application, not an anonymous visitor."""
        return self.id.startswith(USER)

    @property
    def subject(self) -> str:
        """The user's own id, without our prefix; empty for everybody else."""
        return self.id.removeprefix(USER) if self.signed_in else ""


NOBODY: Final = Principal()
"""Every caller of a server without an access rule."""
