"""Visitors: browsers without an account, told apart by a signed cookie that the server gives them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence

import msgspec

from ..clock import Clock
from ..errors import Unauthorized
from ..wire.principal import VISITOR, Principal

COOKIE = "cutty_visitor"
"""Name of the cookie. Its value is ``v1.{visitor}.{issued, seconds since 1970 UTC}.{HMAC-SHA256, base64url}``."""

TOKEN_PREFIX = "v1."
"""Beginning of every visitor's token; no JSON Web Token begins like that."""

_FORM = re.compile(r"v1\.([A-Za-z0-9_-]{22})\.([0-9]{1,12})\.([A-Za-z0-9_-]{43})", re.ASCII)


class Visitor(msgspec.Struct, frozen=True):
    """A visitor whose token is good. ``aged`` is true past half of its life: then the browser gets a new one."""

    principal: Principal
    aged: bool = False


class Visitors:
    """Makes and reads visitors' tokens. Nothing is stored: the signature is the proof.

    ``signing`` are the secrets: the first signs, all verify. ``visitor_s`` is the life of a token in seconds.
    """

    def __init__(
        self, clock: Clock, signing: Sequence[str], *, visitor_s: float, cross_site: bool = False
    ) -> None:
        if not signing:
            raise ValueError("Visitors need at least one secret to sign with.")
        self._clock = clock
        self._keys = [secret.encode() for secret in signing]
        self._lives_s = max(1, int(visitor_s))
        self._cross_site = cross_site

    def new(self) -> tuple[Principal, str]:
        """A visitor nobody has met, and its token."""
        return self._issued(secrets.token_urlsafe(16))

    def renewed(self, visitor: Visitor) -> tuple[Principal, str]:
        """The same visitor with a token that begins now."""
        return self._issued(visitor.principal.id.removeprefix(VISITOR))

    def read(self, token: str) -> Visitor | None:
        """The visitor of a token; ``None`` when it is false or has ended."""
        parts = _FORM.fullmatch(token)
        if parts is None:
            return None
        name, issued, shown = parts.groups()
        good = [hmac.compare_digest(_signature(key, name, issued), shown) for key in self._keys]
        ends_ms = (int(issued) + self._lives_s) * 1000
        left_ms = ends_ms - self._clock.now_ms()
        if not any(good) or left_ms <= 0:
            return None
        return Visitor(Principal(VISITOR + name, expires_ms=ends_ms), aged=left_ms < self._lives_s * 500)

    def shown(self, token: str) -> Principal:
        """The visitor of a token that was shown on purpose, not as a cookie.

        Raises:
            Unauthorized: it is false or has ended.
        """
        visitor = self.read(token)
        if visitor is None:
            raise Unauthorized(
                "The visitor's token is false or has ended.",
                remedy="Leave it out to be given a new one.",
            )
        return visitor.principal

    def set_cookie(self, token: str, *, secure: bool) -> str:
        """The value of ``Set-Cookie``. ``secure`` is whether the request came over TLS."""
        attributes = f"{COOKIE}={token}; Path=/; Max-Age={self._lives_s}; HttpOnly"
        if self._cross_site:
            # Browsers take cookies for pages of other sites only like this.
            return f"{attributes}; SameSite=None; Secure; Partitioned"
        return f"{attributes}; SameSite=Lax{'; Secure' if secure else ''}"

    def _issued(self, name: str) -> tuple[Principal, str]:
        issued = self._clock.now_ms() // 1000
        token = f"v1.{name}.{issued}.{_signature(self._keys[0], name, str(issued))}"
        return Principal(VISITOR + name, expires_ms=(issued + self._lives_s) * 1000), token


def _signature(key: bytes, name: str, issued: str) -> str:
    # The cookie's name in front, so that a signature made with the same secret for another purpose is none here.
    signed = hmac.digest(key, f"{COOKIE}:v1.{name}.{issued}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(signed).decode().rstrip("=")
