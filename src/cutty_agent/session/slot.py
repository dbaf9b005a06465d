"""A session's place in this process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..ids import Address
from ..wire.principal import NEVER_MS, Principal
from .connection import Connection

if TYPE_CHECKING:
    from .actor import Actor


class Slot:
    """Its sockets, and its actor while it is awake. All that a sleeping session costs.

    ``connections`` were let in; ``early`` holds what came before the session was awake, ``None`` standing for the
    arrival of the socket. ``waker`` is who the running wake-up is for, ``None`` for the server itself.
    """

    __slots__ = (
        "actor",
        "address",
        "connections",
        "disowned",
        "early",
        "expires_ms",
        "expiry",
        "waker",
        "waking",
    )

    def __init__(self, address: Address) -> None:
        self.address = address
        self.connections: list[Connection] = []
        self.actor: Actor | None = None
        self.waking: asyncio.Task[Actor] | None = None
        self.waker: Principal | None = None
        self.early: list[tuple[Connection, bytes | str | None]] | None = None
        self.disowned: set[str] = set()
        self.expires_ms = NEVER_MS
        self.expiry: asyncio.TimerHandle | None = None
