"""The seam between a transport and the sessions: what a socket may ask for, and what it is told."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

import msgspec

from ..ids import Address
from ..wire.client import Dialect
from ..wire.principal import NOBODY, Principal
from .identity import Identified
from .outlet import Outlet


class Opening(msgspec.Struct, frozen=True, gc=False):
    """What a transport knows about a connection when it opens.

    ``label`` is the client's ``_pk`` or, when that is missing or empty, an id the server made; it is
    client-controlled and not unique. ``labelled`` is true when the client sent one. ``dialect`` is set only by
    an explicit override (query ``dialect=`` or a subprotocol of that name). ``by_query`` is true when the session
    came from the ``sessionId`` query, the ``X-Session-Id`` header or the cookie of a minted session (protocol 5.4).
    ``principal`` is who it is; while ``identifying`` is still to be awaited nobody knows yet. ``peer`` is the
    network address it comes from, ``origin`` the web origin of the page that opens it; empty where there is none.
    ``old`` is set where the session was named in a way that is to be given up, and says how, for those who count it.
    """

    address: Address
    label: str
    labelled: bool = True
    dialect: Dialect | None = None
    by_query: bool = False
    principal: Principal = NOBODY
    peer: str = ""
    origin: str = ""
    identifying: Awaitable[Identified] | None = None
    old: str = ""


class Link(Protocol):
    """The session's end of one open socket. Calls never block and never raise."""

    def receive(self, text: bytes | str) -> None:
        """A whole text frame arrived. Frames are handled in order."""
        ...

    def receive_binary(self, data: bytes) -> None:
        """A whole binary frame arrived; for the application only (protocol 8.48)."""
        ...

    def writable(self) -> None:
        """The peer reads again: ``outlet.congested`` went from true to false."""
        ...

    def lost(self) -> None:
        """The socket is gone, whichever side ended it. Called exactly once, and nothing is called after it."""
        ...


class Door(Protocol):
    """Where sockets come in."""

    def connect(self, outlet: Outlet, opening: Opening) -> Link:
        """Attach a socket whose handshake is done; returns at once, the session wakes behind it.

        Raises:
            CuttyError: the socket is not let in; the transport closes it with ``error.close_code``.
        """
        ...
