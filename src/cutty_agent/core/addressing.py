"""Addresses of sessions: how classes are named in a URL, and what a request path points at."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote

import msgspec

from ..errors import BadAddress
from ..ids import check_session_id

DEFAULT_SESSION = "default"
"""The segment a client sends when its page chose no session (protocol 1.1, 5.4)."""

_CAPITAL = re.compile(r"[A-Z]")
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Route(msgspec.Struct, frozen=True):
    """What a path of the form ``/{prefix}/{agent}/{session}/…`` points at.

    ``agent_segment`` is as sent, not yet looked up. ``session`` is decoded and checked. ``rest`` holds the
    decoded segments that follow. ``by_query`` is true when the session came from the ``sessionId`` query or the
    ``X-Session-Id`` header instead of the path.
    """

    agent_segment: str
    session: str
    rest: tuple[str, ...] = ()
    by_query: bool = False


def kebab(name: str) -> str:
    """The URL segment of a class name as the clients compute it, which is the one to report (protocol 1.2).

    Every capital starts a piece: ``AIAssistant`` is ``a-i-assistant``.
    """
    if name == name.upper() and name != name.lower():
        return name.lower().replace("_", "-")
    pieces = _CAPITAL.sub(lambda capital: "-" + capital.group().lower(), name)
    return pieces.removeprefix("-").replace("_", "-").removesuffix("-")


def aliases(name: str) -> set[str]:
    """Other segments under which a class is found: the documented spelling, which keeps acronyms together.

    ``AIAssistant`` gives ``{"ai-assistant"}``; a name whose two spellings agree gives an empty set.
    """
    documented = _WORD_START.sub("-", name).lower().replace("_", "-").strip("-")
    return {documented} - {kebab(name)}


def parse(
    path: str,
    prefix: str = "agents",
    *,
    query: str = "",
    session_header: str | None = None,
    allow_default: bool = True,
) -> Route | None:
    """Read a raw, percent-encoded path; ``None`` when it is not the address of an agent.

    The same function serves WebSocket and HTTP, so both agree on the decoded name. A session segment that is
    literally ``default`` is replaced by the ``sessionId`` of the raw ``query``, else by ``session_header``; when
    neither is there it stays ``default``, the room that all such clients share, unless ``allow_default`` is false.

    Raises:
        BadAddress: the session id is not acceptable, or is ``default`` and that is not allowed.
    """
    root = f"/{prefix.strip('/')}/"
    if not path.startswith(root):
        return None
    agent, slash, tail = path[len(root) :].partition("/")
    if not slash or not tail:
        return None
    first, *others = tail.split("/")
    session = _decode(first)
    by_query = False
    if session == DEFAULT_SESSION:
        chosen = _session_of(query) or session_header
        if chosen:
            session, by_query = chosen, True
        if session == DEFAULT_SESSION and not allow_default:
            raise BadAddress(
                "This server has no shared session called default.",
                remedy="Put a session id of your own in the path, the sessionId query or the X-Session-Id header.",
            )
    rest = tuple(_decode(segment) for segment in others if segment)
    return Route(_decode(agent), check_session_id(session), rest, by_query)


def _session_of(query: str) -> str | None:
    if "sessionId" not in query:
        return None
    for key, value in parse_qsl(query):
        if key == "sessionId":
            return value
    return None


def _decode(segment: str) -> str:
    try:
        return unquote(segment, errors="strict")
    except UnicodeDecodeError:
        raise BadAddress(
            "The address is not UTF-8 after percent-decoding.",
            remedy="Encode each path segment as UTF-8, then percent-encode it.",
        ) from None
