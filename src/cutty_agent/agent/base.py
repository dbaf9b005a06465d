"""The agent an application author subclasses: one instance per session and wake-up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, TypeVar, overload

from starlette.requests import Request
from starlette.responses import Response

from ..ids import Address
from ..wire.card import Grant, Mode
from .host import Connection, Host

F = TypeVar("F", bound=Callable[..., Any])


@overload
def rpc(method: F) -> F: ...


@overload
def rpc(*, read_only: bool) -> Callable[[F], F]: ...


def rpc(method: F | None = None, *, read_only: bool = False) -> F | Callable[[F], F]:
    """Mark a method as callable by clients (``agent.call("name", [args])`` or ``agent.stub.name(...)``).

    One marked with ``@rpc(read_only=True)`` changes nothing, so that those who may only look on may call it too.
    """
    if method is None:
        return lambda marked: _mark(marked, read_only)
    return _mark(method, read_only)


def _mark(method: F, read_only: bool) -> F:
    # Marks on the function, read by rpc_methods().
    method.__cutty_rpc__ = True  # type: ignore[attr-defined]
    method.__cutty_read_only__ = read_only  # type: ignore[attr-defined]
    return method


class Agent:
    """State, connections and RPC of one session.

    The server makes the instance when the session wakes and drops it when the session sleeps: keep in
    ``self.state`` what must survive, and nothing in class attributes or module variables. Handlers of one
    session run on one event loop; chat turns run one at a time.
    """

    initial_state: ClassVar[Any] = None
    """State of a session that has none yet; ``None`` means there is none."""

    lifetimes: ClassVar[Mapping[str, float | None]] = {}
    """Lifetimes of this agent's sessions in seconds, where they differ from the server's: any of ``idle_s``,
    ``replay_s``, ``anonymous_s``, ``signed_in_s`` and ``max_age_s`` (see ``config.Lifetimes``)."""

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

    @property
    def owner(self) -> str:
        """The principal this session belongs to, such as ``user:anna``; empty on a server without an access rule."""
        return self.host.owner

    @property
    def shares(self) -> Mapping[str, Grant]:
        """Who else may enter, by grantee."""
        return self.host.shares

    async def share(self, grantee: str | None, mode: Mode, *, for_s: float | None = None) -> str:
        """Let a principal (``user:bob``) in to ``read`` or to ``write``, for so many seconds or until it is ended.

        With ``None`` everybody may come who has the secret that is returned: put it behind ``?share=`` in the
        session's address. For a principal its id is returned. Durable when this returns.
        """
        return await self.host.share(grantee, mode, for_s=for_s)

    async def unshare(self, grantee: str) -> bool:
        """End a share (a principal's id, a ``link:…`` of :attr:`shares`, or a link's secret); its sockets are closed."""
        return await self.host.unshare(grantee)

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

    async def on_expire(self) -> None:
        """The session has come to its end and is removed when this returns: archive or summarise what is worth it.

        Nobody can reach the session any more, and it cannot be changed. When this raises, the session stays, still
        out of reach, and is tried again in the next round.
        """

    def connection_readonly(self, connection: Connection) -> bool:
        """Whether a client that may take part may only look on all the same; asked when it joins."""
        return False

    def validate_state(self, state: Any, connection: Connection) -> None:
        """Raise to refuse a state that a client wants to set."""

    async def on_state_changed(self, state: Any, connection: Connection | None) -> None:
        """The state changed; ``connection`` is the client that set it, ``None`` for the server."""


def overrides(agent: Agent, hook: str, *, of: type[Agent] = Agent) -> bool:
    """Whether the class of this agent defines ``hook`` of ``of`` itself; one that does not need not be called."""
    return getattr(type(agent), hook) is not getattr(of, hook)


def rpc_methods(agent: Agent, *, read_only: bool = False) -> frozenset[str]:
    """Names of the methods of this agent that clients may call, own and inherited; with ``read_only`` those that
    change nothing."""
    mark = "__cutty_read_only__" if read_only else "__cutty_rpc__"
    return frozenset(
        name
        for cls in type(agent).__mro__
        for name, value in vars(cls).items()
        if getattr(value, mark, False) and not name.startswith("_")
    )
