"""Where a request may carry what shows its caller: headers, cookies, the query, WebSocket subprotocols."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..ports.identity import BEARER_SUBPROTOCOL, Credentials
from ..wire.principal import link_of
from .scrubbing import scrub

__all__ = [
    "BEARER_SUBPROTOCOL",
    "SHARE_HEADER",
    "bearer_token",
    "cookie_values",
    "scrub",
    "shown_link",
]

SHARE_HEADER: Final = "x-cutty-share"
"""Carries the secret of a shared link, as ``?share=`` does; the query wins."""


def bearer_token(credentials: Credentials, cookie: str | None = None) -> str | None:
    """The first token shown: ``Authorization: Bearer``, subprotocol, ``?token=``, then the cookie of that name.

    Empty ones count as not shown, and so does another scheme than ``Bearer``.
    """
    scheme, _, shown = credentials.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer" and (token := shown.strip()):
        return token
    for offered in credentials.subprotocols:
        if offered.startswith(BEARER_SUBPROTOCOL) and (token := offered[len(BEARER_SUBPROTOCOL) :]):
            return token
    if token := credentials.query.get("token", ""):
        return token
    return next(cookie_values(credentials, cookie), None) if cookie else None


def cookie_values(credentials: Credentials, name: str) -> Iterator[str]:
    """The values of the cookies of exactly this name, in the browser's order; empty ones are left out.

    A browser sends several of one name when they were set for several paths or domains. Values are taken as they
    are, without the double quotes around them; what is no cookie is skipped.
    """
    header = credentials.headers.get("cookie", "")
    if name not in header:
        return
    for pair in header.split(";"):
        key, equals, value = pair.partition("=")
        if not equals or key.strip(" \t") != name:
            continue
        value = value.strip(" \t")
        if len(value) >= 2 and value[0] == value[-1] == '"':
            value = value[1:-1]
        if value:
            yield value


def shown_link(credentials: Credentials) -> str | None:
    """The shared link this request shows, by its name ``link:{sha256}``."""
    secret = credentials.query.get("share") or credentials.headers.get(SHARE_HEADER, "").strip()
    return link_of(secret) if secret else None
