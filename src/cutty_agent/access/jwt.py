"""The application's JSON Web Tokens: who they name, once their signature and claims have been checked."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import jwt
import msgspec

from ..clock import Clock
from ..config import Jwt
from ..errors import Unauthorized
from ..wire.principal import NEVER_MS, Principal
from .keys import Key, local_key
from .names import MAX_ID, user_id
from .token_settings import check

if TYPE_CHECKING:
    from .jwks import RemoteKeys

MAX_TOKEN = 16 * 1024
"""Characters of a token."""

MAX_REMEMBERED = 4_096
"""Verified tokens that are remembered, so that the next connect with one costs a lookup."""

_LAST_S = NEVER_MS // 1000
_MAX_TRIED = 8  # keys that are tried for a token which does not name one
_ANEW = "Get a new token from the application and connect again."
_WRONG = "Send a token that the application has issued for this server."

# Times are compared with our own clock, below; the rest of the claims is checked by PyJWT.
_UNCHECKED: Final = dict.fromkeys(
    ("verify_exp", "verify_nbf", "verify_iat", "verify_sub", "verify_jti"), False
)


class _Header(msgspec.Struct):
    alg: str
    kid: str | None = None


class Tokens:
    """Checks tokens. Those that were good are remembered until they end, at most 4,096, the latest used.

    With ``secret`` or ``public_key`` a check is done at once; with ``jwks_url`` too, unless keys must be fetched.
    """

    def __init__(self, config: Jwt, clock: Clock) -> None:
        """Raises :class:`ConfigError` when the settings do not make a usable key."""
        check(config)
        self._config = config
        self._clock = clock
        self._leeway_ms = int(config.leeway_s * 1000)
        self._remembered: OrderedDict[bytes, Principal] = OrderedDict()
        self._remote = self._fetched() if config.jwks_url is not None else None
        self._local = () if self._remote else (local_key(config),)
        self._options: Any = {
            **_UNCHECKED,
            "verify_aud": config.audience is not None,
            "verify_iss": config.issuer is not None,
        }

    def _fetched(self) -> RemoteKeys:
        from .jwks import RemoteKeys  # with an HTTP client

        return RemoteKeys(self._config, self._clock, self._remembered.clear)

    def verify(self, token: str) -> Principal | Awaitable[Principal]:
        """The principal a token names: ``user:{claim}``, its scopes, ``jti`` and end.

        Raises:
            Unauthorized: it is false, expired, not yet good, or for another audience or of another issuer.
            IdentityUnavailable: the issuer's keys could not be fetched yet.
        """
        if len(token) > MAX_TOKEN:
            raise Unauthorized(f"The token is longer than {MAX_TOKEN} characters.", remedy=_WRONG)
        if self._remote is not None and (fetch := self._remote.due()) is not None:
            return self._later(token, fetch)
        digest = _digest(token)
        known = self._remembered.get(digest)
        if known is not None:
            if known.expires_ms <= self._clock.now_ms():
                del self._remembered[digest]
                raise _expired()
            self._remembered.move_to_end(digest)
            return known
        claims = self._claims(token)
        if claims is not None:
            return self._remember(digest, claims)
        if self._remote is None or (fetch := self._remote.refetch()) is None:
            raise _false()
        return self._later(token, fetch)

    async def _later(self, token: str, fetch: asyncio.Task[None]) -> Principal:
        # Others wait for the same fetch: one who goes away must not end it.
        await asyncio.shield(fetch)
        claims = self._claims(token)
        if claims is None:
            raise _false()
        return self._remember(_digest(token), claims)

    def _remember(self, digest: bytes, claims: Mapping[str, Any]) -> Principal:
        principal = self._principal(claims)
        self._remembered[digest] = principal
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return principal

    def _claims(self, token: str) -> Mapping[str, Any] | None:
        """What a token says, its times not yet looked at; ``None`` when no key fits it, which another key might."""
        keys = self._local if self._remote is None else self._remote.keys
        for key in _candidates(keys, _header(token)):
            try:
                return jwt.decode(
                    token,
                    key.material,
                    algorithms=sorted(key.algorithms),
                    audience=self._config.audience,
                    issuer=self._config.issuer,
                    options=self._options,
                )
            except jwt.InvalidSignatureError:
                continue
            except jwt.InvalidAudienceError:
                raise Unauthorized("The token is for another audience.", remedy=_WRONG) from None
            except jwt.InvalidIssuerError:
                raise Unauthorized("The token is of another issuer.", remedy=_WRONG) from None
            except jwt.MissingRequiredClaimError as error:
                raise Unauthorized(f"The token has no claim {error.claim}.", remedy=_WRONG) from None
            except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
                raise _false() from None
        return None

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        now = self._clock.now_ms()
        begins_ms, ends_ms = _time_ms(claims, "nbf"), _time_ms(claims, "exp")
        expires_ms = NEVER_MS if ends_ms is None else min(ends_ms + self._leeway_ms, NEVER_MS)
        if expires_ms <= now:
            raise _expired()
        if begins_ms is not None and begins_ms > now + self._leeway_ms:
            raise Unauthorized("The token is not good yet.", remedy="Check the clocks of both servers.")
        name = self._config.user_claim
        return Principal(
            user_id(claims.get(name), f"The token's claim {name}"),
            scopes=_scopes(claims.get(self._config.scope_claim)),
            token_id=_token_id(claims),
            expires_ms=expires_ms,
        )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _header(token: str) -> _Header:
    segment = token.partition(".")[0]
    try:
        # Read again, and strictly, when the signature is checked.
        return msgspec.json.decode(
            base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)), type=_Header
        )
    except (msgspec.MsgspecError, ValueError, binascii.Error, RecursionError):
        raise _false() from None


def _candidates(keys: Iterable[Key], header: _Header) -> list[Key]:
    """The keys that may have signed a token: of its name, where both have one, and for its algorithm."""
    fitting = [
        key
        for key in keys
        if header.alg in key.algorithms and (None in (key.kid, header.kid) or key.kid == header.kid)
    ]
    return fitting[:_MAX_TRIED]


def _time_ms(claims: Mapping[str, Any], name: str) -> int | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise Unauthorized(f"The token's claim {name} is not a time.", remedy=_WRONG)
    return int(max(-_LAST_S, min(value, _LAST_S)) * 1000)


def _scopes(value: object) -> frozenset[str]:
    words = value.split() if isinstance(value, str) else value if isinstance(value, list) else []
    return frozenset(word for word in words if isinstance(word, str) and word)


def _token_id(claims: Mapping[str, Any]) -> str:
    value = claims.get("jti")
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > MAX_ID:
        raise Unauthorized(
            f"The token's claim jti is not a text of at most {MAX_ID} characters.", remedy=_WRONG
        )
    return value


def _expired() -> Unauthorized:
    return Unauthorized("The token has expired.", remedy=_ANEW)


def _false() -> Unauthorized:
    return Unauthorized("The token is not valid.", remedy=_WRONG)
