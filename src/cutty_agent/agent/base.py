"""The agent an application author subclasses: one instance per session and wake-up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from ..ids import Address
from .host import Connection, Host

F = TypeVar("F", bound=Callable[..., Any])


def rpc(method: F) -> F:
    """Mark a method as callable by clients (``agent.call("name", [args])`` or ``agent.stub.name(...)``)."""
    method.__cutty_rpc__ = True  # type: ignore[attr-defined]  # a mark on the function, read by rpc_methods()
    return method


class Agent:
    """State, connections and RPC of one session.

    The server makes the instance when the session wakes and drops it when the session sleeps: keep in
    ``self.state`` what must survive, and nothing in class attributes or module variables. Handlers of one
    session run on one event loop; chat turns run one at a time.
    """

    initial_state: ClassVar[Any] = None
    """State of a session that has none yet; ``None`` means there is none."""

    def __init__(self) -> None:
        self._host: Host | None = None

    @property
    def host(self) -> Host:
        """The session behind this instance; exists from :meth:`on_start` on."""
        if self._host is None:
            raise RuntimeError(
                "The agent is not attached to a session yet; use on_start instead of __init__."
            )
        return self._host

    @property
    def session(self) -> Address:
        """Agent name and session id."""
        return self.host.address

    @property
    def state(self) -> Any:
        """The session's state; JSON values. Change it with :meth:`set_state` only."""
        return self.host.state

    async def set_state(self, state: Any) -> None:
        """Store a new state, whole, and show it to every client. Durable when this returns."""
        await self.host.set_state(state)

    @property
    def connections(self) -> list[Connection]:
        """Clients with an open socket."""
        return self.host.connections()

    def broadcast(self, message: str | bytes | dict[str, Any], *, without: Iterable[str] = ()) -> None:
        """Send an application frame to every client but those with these ids."""
        self.host.broadcast(message, without=without)

    async def on_start(self) -> None:
        """Called once per wake-up, before any traffic."""

    async def on_connect(self, connection: Connection) -> None:
        """A client joined; identity and state have been sent."""

    async def on_message(self, connection: Connection, message: str | bytes) -> None:
        """A frame the protocol does not define arrived."""

    async def on_request(self, request: Request) -> Response | None:
        """An HTTP request below the session's address that the protocol does not define; ``None`` is a 404.

        ``get-messages``, ``stream``, ``stop`` and the ``POST`` to the session itself never come here.
        """
        return None

    async def on_close(self, connection: Connection) -> None:
        """A client left."""

    def validate_state(self, state: Any, connection: Connection) -> None:
        """Raise to refuse a state that a client wants to set."""

    async def on_state_changed(self, state: Any, connection: Connection | None) -> None:
        """The state changed; ``connection`` is the client that set it, ``None`` for the server."""


def overrides(agent: Agent, hook: str, *, of: type[Agent] = Agent) -> bool:
    """Whether the class of this agent defines ``hook`` of ``of`` itself; one that does not need not be called."""
    return getattr(type(agent), hook) is not getattr(of, hook)


def rpc_methods(agent: Agent) -> frozenset[str]:
    """Names of the methods of this agent that clients may call, own and inherited."""
    return frozenset(
        name
        for cls in type(agent).__mro__
        for name, value in vars(cls).items()
        if getattr(value, "__cutty_rpc__", False) and not name.startswith("_")
    )
