"""What a running session offers to the agent inside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from ..ids import Address
from ..wire.card import Grant, Mode
from ..wire.chunks import UIMessage
from ..wire.principal import Principal


class Connection(Protocol):
    """One client of the session, as an author sees it."""

    @property
    def id(self) -> str:
        """The client's label; chosen by the client and not unique."""
        ...

    @property
    def principal(self) -> Principal:
        """Who it is; its ``id`` is empty on a server without an access rule."""
        ...

    @property
    def readonly(self) -> bool:
        """Whether it may only look on."""
        ...

    def send(self, message: str | bytes | dict[str, Any]) -> None:
        """Send one text frame; a dict is sent as JSON. Does nothing when the client is gone."""
        ...

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the socket; 4000-4999 tell the client not to come back."""
        ...


class Host(Protocol):
    """The session's side of an agent instance."""

    @property
    def address(self) -> Address:
        """Whose session this is."""
        ...

    @property
    def state(self) -> Any:
        """The state as last stored."""
        ...

    async def set_state(self, state: Any) -> None:
        """Store and broadcast a new state."""
        ...

    @property
    def owner(self) -> str:
        """The principal the session belongs to, for example ``user:anna``; empty without an access rule."""
        ...

    @property
    def shares(self) -> dict[str, Grant]:
        """Who else may enter, by grantee."""
        ...

    async def share(self, grantee: str | None, mode: Mode, *, for_s: float | None = None) -> str:
        """Let a principal in, or with ``None`` whoever has the secret that is returned; durable when it returns."""
        ...

    async def unshare(self, grantee: str) -> bool:
        """End a share and close the sockets that came by it; false when there is none."""
        ...

    def messages(self) -> Sequence[UIMessage]:
        """The transcript, oldest first."""
        ...

    def connections(self) -> list[Connection]:
        """Clients with an open socket."""
        ...

    def broadcast(self, message: str | bytes | dict[str, Any], *, without: Iterable[str] = ()) -> None:
        """Send a frame to every client but those with these ids."""
        ...

    async def save_messages(self, messages: Sequence[UIMessage]) -> str:
        """Store messages and queue a turn on them; returns the request id of that turn."""
        ...

    def abort(self, request_id: str | None) -> None:
        """Stop one turn, or all."""
        ...
