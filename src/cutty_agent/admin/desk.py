"""What the operator's API works with, and one request to it."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal, TypeVar, get_args

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ..clock import Clock
from ..config import Settings
from ..errors import BadRequest, Forbidden, NotFound, TooLarge, UnknownAgent
from ..ids import Address, check_session_id
from ..ports.store import SessionRow, SessionStore
from ..session.audit import Audit
from ..session.gate import SessionGate
from ..session.registry import Registry
from . import report
from .observer import Tail
from .operations import Operations

MAX_BODY = 64 * 1024
"""Bytes of a request body, but for a state."""

MAX_NUMBER = 2**53
"""Of a number in a query or body; larger ones are not exact in JSON."""

DEFAULT_PAGE = 100
"""Rows of a page when the caller names no ``limit``; at most 1000."""

Scope = Literal["view", "act"]

B = TypeVar("B", bound=msgspec.Struct)


class Asked:
    """One request by somebody who may at least look: ``actor`` is ``operator`` or a principal's id."""

    def __init__(self, request: Request, actor: str, scopes: frozenset[Scope]) -> None:
        self.request = request
        self.actor = actor
        self.scopes = scopes
        self.peer = request.client.host if request.client is not None else ""

    def must_act(self) -> None:
        """Let it pass if it may change something.

        Raises:
            Forbidden: it may only look.
        """
        if "act" not in self.scopes:
            raise Forbidden(
                "You may look, and change or take away nothing.",
                remedy="Sign in with the operator's token, or with a token whose scopes hold cutty:act.",
            )

    # -- the query

    def text(self, field: str) -> str | None:
        """A field of the query; ``None`` when it is missing or empty."""
        return self.request.query_params.get(field) or None

    def flag(self, field: str) -> bool:
        """A field that is there and means yes."""
        return self.request.query_params.get(field) in {"1", "true", "yes"}

    def choice(self, field: str, of: Any, default: str | None = None) -> Any:
        """A field that is one of the values of a ``Literal`` type; ``default`` when it is missing.

        Raises:
            BadRequest: it is something else, or missing without a default.
        """
        given = self.text(field) or default
        if given not in get_args(of):
            raise BadRequest(
                f"{field} is {(given or '')[:40]!r}.", remedy=f"Send one of {', '.join(get_args(of))}."
            )
        return given

    def number(self, field: str) -> float | None:
        """A field that is a number; ``None`` when it is missing.

        Raises:
            BadRequest: it is none, or too large to be exact.
        """
        given = self.text(field)
        if given is None:
            return None
        try:
            number = float(given)
        except ValueError:
            number = math.nan
        if not abs(number) <= MAX_NUMBER:
            raise BadRequest(f"{field} is {given[:20]!r}.", remedy=f"Give a number for {field}.")
        return number

    def whole(self, field: str) -> int | None:
        """As :meth:`number`, without what is behind the point."""
        number = self.number(field)
        return None if number is None else int(number)

    def limit(self) -> int:
        """Rows of a page; its range is the store's to check."""
        number = self.whole("limit")
        return DEFAULT_PAGE if number is None else number

    def address(self, field: str) -> Address | None:
        """A field that is ``agent/id``; ``None`` when it is missing.

        Raises:
            BadRequest: it is not.
        """
        given = self.text(field)
        if given is None:
            return None
        agent, slash, session = given.partition("/")
        if not slash or not agent:
            raise BadRequest(
                f"{field} is {given[:150]!r}.", remedy=f"Send agent/id for {field}, as lists show it."
            )
        return Address(agent, check_session_id(session))

    # -- the body

    async def bytes(self, limit: int, remedy: str) -> bytes:
        """The body.

        Raises:
            TooLarge: it has more than ``limit`` bytes.
        """
        body = b""
        async for piece in self.request.stream():
            body += piece
            if len(body) > limit:
                raise TooLarge(f"The request body is larger than {limit} bytes.", remedy=remedy)
        return body

    async def body(self, type: type[B], remedy: str) -> B:
        """The body, as JSON of this shape.

        Raises:
            BadRequest: it is not; TooLarge: it is larger than :data:`MAX_BODY`.
        """
        body = await self.bytes(MAX_BODY, remedy)
        try:
            return msgspec.json.decode(body or b"{}", type=type)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BadRequest(f"The request body is not valid: {error}.", remedy=remedy) from error


class Desk:
    """Everything the handlers share."""

    def __init__(
        self,
        gate: SessionGate,
        registry: Registry,
        store: SessionStore,
        operations: Operations,
        audit: Audit,
        resolve: Callable[[str], str | None],
    ) -> None:
        self.gate = gate
        self.registry = registry
        self.store = store
        self.operations = operations
        self.audit = audit
        self.tails: set[Tail] = set()
        self.started_ms = registry.clock.now_ms()
        self._resolve = resolve

    @property
    def clock(self) -> Clock:
        """Of the sessions."""
        return self.registry.clock

    @property
    def settings(self) -> Settings:
        """In force."""
        return self.registry.settings

    def agent(self, named: str | None) -> str | None:
        """The registered name of an agent; one that is no longer registered keeps the name it was stored with."""
        return (self._resolve(named) or named) if named else None

    async def row(self, address: Address) -> SessionRow:
        """The line of a session.

        Raises:
            NotFound: there is none.
        """
        page = await self.store.sessions(agent=address.agent, after=report.just_before(address), limit=1)
        if not page or page[0].address != address:
            raise unknown(address)
        return page[0]

    def check_served(self, address: Address) -> None:
        """See to it that a session's agent is one of this server's.

        Raises:
            UnknownAgent: it is not.
        """
        if address.agent not in self.registry.agents:
            raise UnknownAgent(
                f"There is no agent {address.agent!r}.",
                remedy=f"Known agents: {', '.join(sorted(self.registry.agents))}.",
            )


def milliseconds(seconds: float, field: str) -> int:
    """A positive time.

    Raises:
        BadRequest: it is not, or too large.
    """
    if not 0 < seconds <= MAX_NUMBER / 1000:
        raise BadRequest(f"{field} is {seconds:g}.", remedy=f"Give a positive number of seconds for {field}.")
    return max(1, round(seconds * 1000))


def json(value: dict[str, Any]) -> Response:
    """An answer."""
    return raw_json(msgspec.json.encode(value))


def raw_json(body: bytes) -> Response:
    """An answer that is JSON text already."""
    return Response(body, media_type="application/json", headers={"cache-control": "no-store"})


def lines(pieces: AsyncIterator[bytes]) -> Response:
    """An answer of JSON lines, each sent as it comes."""
    return StreamingResponse(
        pieces,
        media_type="application/x-ndjson",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


def unknown(address: Address) -> NotFound:
    """The error about a session that does not exist."""
    return NotFound(
        f"There is no session {address}.",
        remedy="GET /admin/sessions (cutty-agent sessions ls) lists those there are.",
    )
