"""Which web pages may talk to this server: the Origin of a browser against the Host it talks to."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from ..errors import OriginRefused

ANY_ORIGIN = "*"
"""On an allow-list: every page of every site."""

METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
"""Our own addresses and those of an application's agents (``on_request``)."""

EXPOSE = "access-control-expose-headers"

EXPOSED = "link, location, retry-after, x-request-id, x-session-id"
"""Headers of answers that the scripts of an allowed page may read."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


def check_origin(origin: str | None, host: str | None, allowed: Collection[str]) -> None:
    """Let a request pass that is no browser's, comes from a page of this host, or of an allowed origin.

    ``origin`` and ``host`` are the values of those headers; ``allowed`` holds exact origins such as
    ``https://app.example.com``, or ``*``. The scheme is not compared with the server's own, which a proxy hides.

    Raises:
        OriginRefused: none of that holds; the remedy names the origin to allow.
    """
    if origin is None or _same_host(origin, host) or _listed(origin, allowed):
        return
    raise OriginRefused(
        f"Pages of the origin {origin[:80]} may not talk to this server.",
        remedy="Add the origin to the server's allow-list, exactly as scheme://host[:port].",
    )


def speaks_for(origin: str | None, host: str | None, allowed: Collection[str]) -> bool:
    """Whether cookies that come with a request of this page may count; not when only ``*`` lets the page in."""
    return origin is None or _same_host(origin, host) or _named(origin, allowed)


def cors_headers(
    origin: str | None,
    allowed: Collection[str],
    *,
    request_headers: str | None = None,
) -> dict[str, str]:
    """Headers for an HTTP answer to a page of ``origin``, lower-case names; ``vary`` alone when it is not allowed.

    An origin named on the list is echoed and may send credentials. One that only ``*`` lets in is echoed without
    credentials: otherwise any site could read a visitor's chat with that visitor's cookies.
    ``request_headers`` is the ``Access-Control-Request-Headers`` of a preflight; browsers take ``*`` literally on
    requests with credentials, so it is echoed when known.
    """
    headers = {"vary": "Origin"}
    if origin is None or not _listed(origin, allowed):
        return headers
    headers["access-control-allow-origin"] = origin
    if _named(origin, allowed):
        headers["access-control-allow-credentials"] = "true"
    headers["access-control-allow-methods"] = METHODS
    headers["access-control-allow-headers"] = request_headers or "*"
    headers[EXPOSE] = EXPOSED
    headers["access-control-max-age"] = "86400"
    return headers


def _listed(origin: str, allowed: Collection[str]) -> bool:
    return ANY_ORIGIN in allowed or _named(origin, allowed)


def _named(origin: str, allowed: Collection[str]) -> bool:
    return origin in allowed or origin.lower() in {entry.lower().rstrip("/") for entry in allowed}


def _same_host(origin: str, host: str | None) -> bool:
    if not host:
        return False
    try:
        page = urlsplit(origin)
        default = _DEFAULT_PORTS.get(page.scheme)
        here = urlsplit(f"//{host}")
        return (
            default is not None
            and page.hostname is not None
            and (page.hostname, page.port or default) == (here.hostname, here.port or default)
        )
    except ValueError:  # not a URL, or a port that is not a number
        return False
