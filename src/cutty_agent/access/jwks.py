"""The issuer's key set: fetched when it is needed, shared by all who wait for it, kept for a while."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import httpx
import structlog

from ..clock import Clock
from ..config import Jwt
from ..errors import ConfigError, IdentityUnavailable
from .keys import Key, key_set, remote_algorithms

log = structlog.get_logger("cutty_agent.access")

PAUSE_S: Final = 10.0
"""Shortest time between the beginnings of two fetches: unknown keys in forged tokens must not flood the issuer."""

FETCH_S: Final = 5.0
"""How long one fetch may take altogether."""

MAX_BYTES: Final = 512 * 1024
"""Largest key set."""

_AHEAD = 0.8  # from this part of its life on a set in use is renewed, while the old one still serves
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class RemoteKeys:
    """The keys behind ``config.jwks_url``.

    A set is trusted for ``keys_s`` seconds, and beyond while it cannot be fetched anew, which is logged.
    ``changed`` is called after each fetch that succeeded.
    """

    def __init__(self, config: Jwt, clock: Clock, changed: Callable[[], None] = lambda: None) -> None:
        """Raises :class:`ConfigError` for an address that is not https, unless it is on this machine."""
        self._url = _checked(config.jwks_url or "")
        self._allowed = remote_algorithms(config)
        self._keys_s = config.keys_s
        self._clock = clock
        self._changed = changed
        # Made once: it reads the machine's certificates, which takes tens of milliseconds.
        self._tls: ssl.SSLContext | bool = self._url.startswith("https:") and httpx.create_ssl_context()
        self._keys: tuple[Key, ...] = ()
        self._fetched_s: float | None = None
        self._asked_s: float | None = None
        self._fetching: asyncio.Task[None] | None = None

    @property
    def keys(self) -> tuple[Key, ...]:
        """The set as it was last fetched.

        Raises:
            IdentityUnavailable: it could not be fetched yet.
        """
        if self._fetched_s is None:
            raise IdentityUnavailable(
                "Tokens cannot be checked at present: the issuer's keys could not be fetched.",
                remedy="Try again in a moment; the server's log says why.",
            )
        return self._keys

    def due(self) -> asyncio.Task[None] | None:
        """A fetch to wait for before the set may be used; ``None`` when it may be used now.

        Towards the end of its life the set is fetched anew without anybody waiting.
        """
        if self._fetched_s is None:
            return self.refetch()
        age_s = self._clock.monotonic() - self._fetched_s
        if age_s < self._keys_s * _AHEAD:
            return None
        fetch = self.refetch()
        return fetch if age_s >= self._keys_s else None

    def refetch(self) -> asyncio.Task[None] | None:
        """The fetch that is under way, else a new one; ``None`` when the last one began less than 10 s ago.

        It never fails: what went wrong is logged and the set stays as it was. Wait for it shielded.
        """
        if self._fetching is not None:
            return self._fetching
        now_s = self._clock.monotonic()
        if self._asked_s is not None and now_s - self._asked_s < PAUSE_S:
            return None
        self._asked_s = now_s
        self._fetching = asyncio.get_running_loop().create_task(self._fetch())
        self._fetching.add_done_callback(self._done)
        return self._fetching

    def _done(self, _fetch: asyncio.Task[None]) -> None:
        self._fetching = None

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(FETCH_S):
                keys = key_set(await self._document(), self._allowed)
        except (
            httpx.HTTPError,
            httpx.InvalidURL,
            OSError,
            ValueError,
        ) as error:  # TimeoutError is an OSError
            reason = str(error) if type(error) is ValueError else type(error).__name__
            log.warning(
                "keys.not_fetched", host=urlsplit(self._url).hostname, reason=reason, kept=len(self._keys)
            )
            return
        if not keys:
            log.warning("keys.none_usable", host=urlsplit(self._url).hostname)
        self._keys, self._fetched_s = keys, self._clock.monotonic()
        self._changed()

    async def _document(self) -> bytes:
        # No redirects: they could lead from https to http, or into the own network.
        async with (
            httpx.AsyncClient(verify=self._tls, timeout=FETCH_S, follow_redirects=False) as client,
            client.stream("GET", self._url, headers={"accept": "application/json"}) as response,
        ):
            if response.status_code != 200:
                raise ValueError(f"the answer was {response.status_code}")
            document = bytearray()
            async for piece in response.aiter_bytes():
                document += piece
                if len(document) > MAX_BYTES:
                    raise ValueError(f"it is larger than {MAX_BYTES} bytes")
            return bytes(document)


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        if secure and parts.hostname and parts.port != 0:
            return url
    except ValueError:  # not an address, or a port that is no number
        pass
    raise ConfigError(
        "access.jwt.jwks_url is not an https address.",
        remedy="Give the whole address of the issuer's key set, such as https://issuer.example/.well-known/jwks.json.",
    )
