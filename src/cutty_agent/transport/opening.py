"""The opening of a WebSocket: from a request target and headers to what a door is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import cast, get_args
from urllib.parse import parse_qsl

import msgspec

from ..core import addressing
from ..errors import BadRequest, NotFound, UnknownAgent
from ..ids import Address, new_connection_id
from ..ports.door import Opening
from ..wire.client import Dialect
from .origin import check_origin

MAX_LABEL = 128
"""Characters of a ``_pk``."""

_DIALECTS: tuple[str, ...] = get_args(Dialect)


class Entrance(msgspec.Struct, frozen=True):
    """The rules for coming in, the same for every WebSocket transport.

    ``resolve`` gives the registered kebab name for an agent segment, or ``None``. ``origins`` are the allowed
    origins beside the server's own host (see :func:`~.origin.check_origin`). ``allow_default`` permits the
    shared session ``default``.
    """

    resolve: Callable[[str], str | None]
    prefix: str = "agents"
    origins: frozenset[str] = frozenset()
    allow_default: bool = True

    def admit(self, target: str, headers: Mapping[str, str]) -> Opening:
        """Read the raw request target (path and query) and the headers, whose names are lower case.

        Raises:
            OriginRefused, NotFound, UnknownAgent, BadAddress, BadRequest: why this socket may not come in.
        """
        check_origin(headers.get("origin"), headers.get("host"), self.origins)
        path, _, query = target.partition("?")
        route = addressing.parse(
            path,
            self.prefix,
            query=query,
            session_header=headers.get("x-session-id"),
            allow_default=self.allow_default,
        )
        if route is None:
            raise NotFound(
                f"No agent lives here; connect to /{self.prefix}/{{agent}}/{{sessionId}}.",
                remedy="Check the path of the WebSocket address.",
            )
        agent = self.resolve(route.agent_segment)
        if agent is None:
            raise UnknownAgent(
                f"No agent is called {route.agent_segment[:40]!r} here.",
                remedy="Check the agent name in the address: a class ChatAgent is reached as chat-agent.",
            )
        values = _first_values(query)
        label = _label(values)
        return Opening(
            address=Address(agent, route.session),
            label=label or new_connection_id(),
            labelled=bool(label),
            dialect=named_dialect(values)
            or cast("Dialect | None", select_subprotocol(offered_subprotocols(headers))),
            by_query=route.by_query,
        )


def merge_headers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by lower-case name; repeated ones are joined with a comma, so two origins are never one."""
    headers: dict[str, str] = {}
    for name, value in pairs:
        name = name.lower()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def offered_subprotocols(headers: Mapping[str, str]) -> list[str]:
    """The subprotocols a client offers, in its order."""
    offered = headers.get("sec-websocket-protocol", "")
    return [token.strip() for token in offered.split(",") if token.strip()]


def select_subprotocol(offered: Iterable[str]) -> str | None:
    """The first offered value that names a dialect; ``None`` selects nothing, which every client accepts."""
    return next((name for name in offered if name in _DIALECTS), None)


def _first_values(query: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for key, value in parse_qsl(query):
        values.setdefault(key, value)
    return values


def _label(values: Mapping[str, str]) -> str:
    label = values.get("_pk", "")
    if len(label) > MAX_LABEL:
        raise BadRequest(
            f"The query field _pk has {len(label)} characters; the limit is {MAX_LABEL}.",
            remedy="Leave it to the client library, or send a UUID.",
        )
    return label


def named_dialect(values: Mapping[str, str]) -> Dialect | None:
    """The ``dialect`` field of a query, when it has one.

    Raises:
        BadRequest: it names no dialect of ours.
    """
    named = values.get("dialect")
    if named is None:
        return None
    if named not in _DIALECTS:
        raise BadRequest(
            f"The query field dialect is {named[:20]!r}; known are {', '.join(_DIALECTS)}.",
            remedy="Leave the field out to let the server tell from the first request.",
        )
    return cast(Dialect, named)
