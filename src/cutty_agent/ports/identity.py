"""The seam between a transport and what knows who is calling."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Final, Protocol

import msgspec

from ..ids import Address
from ..wire.principal import Principal

BEARER_SUBPROTOCOL: Final = "cutty.bearer."
"""Beginning of a WebSocket subprotocol whose rest is a token; offered beside :data:`PLAIN_SUBPROTOCOL`, which the server
then selects, because browsers close a socket whose offers were all passed over."""

PLAIN_SUBPROTOCOL: Final = "cutty"


class Credentials(msgspec.Struct, frozen=True):
    """What a request shows of its caller. Header names are lower case; ``query`` holds first values.

    ``subprotocols`` are those a WebSocket offers, ``peer`` is the client's network address, ``secure`` whether it
    came over TLS, ``address`` the session it is about, where there is one. Never logged: most of it is secret.
    """

    headers: Mapping[str, str]
    query: Mapping[str, str]
    subprotocols: tuple[str, ...] = ()
    peer: str = ""
    secure: bool = False
    websocket: bool = False
    address: Address | None = None

    def __repr__(self) -> str:
        """Without what is secret: tracebacks may show values."""
        return f"Credentials(address={self.address!r}, peer={self.peer!r}, websocket={self.websocket})"


class Identified(msgspec.Struct, frozen=True):
    """Who it is, and the ``Set-Cookie`` value to answer with when the server has just given it a name."""

    principal: Principal
    cookie: str | None = None

    def __repr__(self) -> str:
        """Without the cookie's value."""
        return f"Identified(principal={self.principal!r}, cookie={'***' if self.cookie else None})"


class Identity(Protocol):
    """Tells who is calling."""

    def identify(self, credentials: Credentials) -> Identified | Awaitable[Identified]:
        """The caller. At once wherever nothing must be waited for: opening a socket waits for it.

        Raises:
            Unauthorized: it shows nothing where something is needed, or what it shows is false, expired, revoked or
                for somebody else. The text names what to do, never the token.
            IdentityUnavailable: it cannot be told at present; the caller may try again.
        """
        ...

    def ticket(self, principal: Principal, address: Address, origin: str | None) -> tuple[str, int]:
        """A secret that opens this session once, for this principal and from a page of this origin, and when it ends
        (milliseconds since 1970 UTC)."""
        ...

    def revoke(self, key: str, until_ms: int) -> None:
        """Refuse a principal's id or a token's ``jti`` from now on, until then."""
        ...

    def revoked(self, principal: Principal) -> bool:
        """Whether the principal or its token was revoked."""
        ...
