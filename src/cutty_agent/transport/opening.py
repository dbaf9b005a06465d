"""The opening of a WebSocket: from a request target and headers to what a door is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import cast, get_args

import msgspec

from ..core import addressing
from ..errors import BadAddress, BadRequest, NotFound, UnknownAgent
from ..ids import Address, new_connection_id
from ..ports.door import Opening
from ..ports.identity import BEARER_SUBPROTOCOL, PLAIN_SUBPROTOCOL, Credentials, Identified
from ..wire.client import Dialect
from ..wire.principal import NOBODY
from .caller import check_host, credentials
from .old_addresses import OldAddresses
from .origin import check_origin, speaks_for

MAX_LABEL = 128
"""Characters of a ``_pk``."""

_DIALECTS: tuple[str, ...] = get_args(Dialect)


Identify = Callable[[Credentials], Identified | Awaitable[Identified]]


def anybody(_: Credentials) -> Identified:
    """Where there is no access rule, all callers are one."""
    return Identified(NOBODY)


class Entrance(msgspec.Struct, frozen=True):
    """The rules for coming in, the same for every transport.

    ``resolve`` gives the registered kebab name for an agent segment, or ``None``. ``origins`` are the allowed
    origins beside the server's own host (see :func:`~.origin.check_origin`). ``allow_default`` permits the
    session ``default``. ``identify`` tells who is calling. ``hosts`` are the names this server answers to, ``None``
    meaning any; ``proxies`` are believed about where a request comes from. ``old`` are the rules for addresses from
    the time when all callers shared one session.
    """

    resolve: Callable[[str], str | None]
    prefix: str = "agents"
    origins: frozenset[str] = frozenset()
    allow_default: bool = True
    identify: Identify = anybody
    hosts: frozenset[str] | None = None
    proxies: tuple[str, ...] = ()
    old: OldAddresses = OldAddresses()

    def admit(
        self, target: str, headers: Mapping[str, str], *, peer: str = "", secure: bool = False
    ) -> tuple[Opening, str | None]:
        """Read the raw request target (path and query) and the headers, whose names are lower case.

        ``peer`` is the network address of the other end. Returns the opening, and the value of a ``Set-Cookie``
        header when the caller has just been given a name.

        Raises:
            OriginRefused, NotFound, UnknownAgent, BadAddress, BadRequest, Unauthorized, Gone: why this socket may
                not come in.
        """
        check_host(headers.get("host"), self.hosts)
        check_origin(headers.get("origin"), headers.get("host"), self.origins)
        path, _, query = target.partition("?")
        address, by_query, _ = self.address(path, query, headers)
        old = self.old.look("WebSocket", path, query, headers, peer)
        if address.session == addressing.DEFAULT_SESSION and self.old.no_shared_room:
            raise BadAddress(
                "This server has no session that all share.",
                remedy="Put a session id of your own in the path: /agents/{agent}/{sessionId}.",
            )
        offered = offered_subprotocols(headers)
        shown = credentials(
            headers,
            query,
            subprotocols=offered,
            peer=peer,
            secure=secure,
            websocket=True,
            address=address,
            origins=self.origins,
            proxies=self.proxies,
        )
        label = _label(shown.query)
        dialect = named_dialect(shown.query) or cast(
            "Dialect | None", next((name for name in offered if name in _DIALECTS), None)
        )
        found = self.identify(shown)
        pending = found if not isinstance(found, Identified) else None
        known = found if isinstance(found, Identified) else Identified(NOBODY)
        opening = Opening(
            address=address,
            label=label or new_connection_id(),
            labelled=bool(label),
            dialect=dialect,
            by_query=by_query,
            principal=known.principal,
            peer=shown.peer,
            origin=headers.get("origin", "")[:256],
            identifying=pending,
            old=old or "",
        )
        # A page whose cookies do not count must not replace them either.
        own_page = speaks_for(headers.get("origin"), headers.get("host"), self.origins)
        return opening, known.cookie if own_page else None

    def address(
        self, path: str, query: str, headers: Mapping[str, str]
    ) -> tuple[Address, bool, tuple[str, ...]]:
        """What a raw path points at: the session, whether the query, a header or a cookie named it, and what
        follows.

        Raises:
            NotFound, UnknownAgent, BadAddress: it points at no session of ours.
        """
        route = addressing.parse(
            path,
            self.prefix,
            query=query,
            session_header=headers.get("x-session-id") or self._minted(path, headers),
            allow_default=self.allow_default,
        )
        if route is None:
            raise NotFound(
                f"This path names no session; sessions live at /{self.prefix}/{{agent}}/{{sessionId}}.",
                remedy="Check the path of the address.",
            )
        agent = self.resolve(route.agent_segment)
        if agent is None:
            raise UnknownAgent(
                f"No agent is called {route.agent_segment[:40]!r} here.",
                remedy="Check the agent's name in the address (a class ChatAgent is reached as chat-agent); "
                "GET /info.json lists them.",
            )
        return Address(agent, route.session), route.by_query, route.rest

    def _minted(self, path: str, headers: Mapping[str, str]) -> str | None:
        """The minted session of this browser, for an address that names none (``default``)."""
        segments = path.split("/")
        if len(segments) < 4 or segments[3] != addressing.DEFAULT_SESSION:
            return None
        return minted_session(segments[2], headers, self.origins)


def session_cookie(agent: str) -> str:
    """Name of the cookie that holds the id of a minted session of this agent."""
    return f"cutty_session_{agent}"


def minted_session(agent: str, headers: Mapping[str, str], origins: Collection[str]) -> str | None:
    """The minted session that this browser keeps for an agent."""
    return kept(session_cookie(agent), headers, origins)


def kept(name: str, headers: Mapping[str, str], origins: Collection[str]) -> str | None:
    """A cookie of ours. As all cookies it counts only for pages that are named."""
    cookie = headers.get("cookie")
    if not cookie or not speaks_for(headers.get("origin"), headers.get("host"), origins):
        return None
    try:
        found = SimpleCookie(cookie).get(name)
    except CookieError:
        return None
    return found.value if found is not None else None


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
    """What to select of the offered values: one that names a dialect, else our own name, else the one that carries a
    token. ``None`` selects nothing, which clients that offered something else accept or not as they like."""
    names = list(offered)
    plain = next((name for name in names if name in _DIALECTS or name == PLAIN_SUBPROTOCOL), None)
    return plain or next((name for name in names if name.startswith(BEARER_SUBPROTOCOL)), None)


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
