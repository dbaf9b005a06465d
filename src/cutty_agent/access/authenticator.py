"""Who is calling: every way to show it, in a fixed order, checked against what was revoked."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from ..clock import Clock
from ..config import Access, Jwt
from ..errors import ConfigError, NotFound, Unauthorized
from ..ids import Address
from ..ports.identity import Credentials, Identified
from ..wire.principal import NOBODY, Principal
from .credentials import bearer_token, cookie_values, shown_link
from .custom import Custom, Who
from .revocations import Revocations
from .tickets import Tickets
from .visitor import COOKIE, TOKEN_PREFIX, Visitor, Visitors

if TYPE_CHECKING:
    from .jwt import Tokens


class Authenticator:
    """The rule of a server that has one (ports.identity.Identity).

    What is shown is looked at in this order, and the first that is there decides; when it is false, nothing after it
    helps: a ticket; a token (a visitor's, which begins with ``v1.``, else the application's JWT); the application's own
    function ``who``, which may say ``None``; the visitor's cookie, where visitors are welcome, and a new visitor
    without one. A token that is no JWT is left to ``who``, where there is one. A signed-in user who also carries a
    visitor's cookie may act as that visitor too. A shared link comes on top of all that, and is enough by itself where
    visitors are not known.

    ``secrets`` sign the visitors' cookies. ``revocations`` are those in force, with their ends (milliseconds).
    """

    def __init__(
        self,
        access: Access,
        clock: Clock,
        *,
        secrets: Sequence[str] = (),
        who: Who | None = None,
        revocations: Mapping[str, int] | None = None,
    ) -> None:
        """Raises :class:`ConfigError` when there is no rule, or one that cannot be followed."""
        if not access.visitors and access.jwt is None and who is None:
            raise ConfigError(
                "There is no access rule to follow.",
                remedy="Set access.visitors or access.jwt, or give App an identity.",
            )
        self._clock = clock
        self._tokens = _tokens(access.jwt, clock) if access.jwt else None
        self._token_cookie = _token_cookie(access)
        self._custom = Custom(who) if who else None
        self._visitors = (
            Visitors(clock, secrets, visitor_s=access.visitor_s, cross_site=access.cross_site)
            if access.visitors
            else None
        )
        self._tickets = Tickets(clock, ticket_s=access.ticket_s)
        self._revocations = Revocations(clock, revocations)
        self._remedy = _remedy(access, self._custom is not None)

    def identify(self, credentials: Credentials) -> Identified | Awaitable[Identified]:
        """The caller; at once unless ``who`` is async or the issuer's keys must be fetched.

        Raises:
            Unauthorized: nothing is shown that is enough, or what decides is false, expired, revoked or for another
                session or page.
            IdentityUnavailable: the issuer's keys could not be fetched yet, or ``who`` took too long.
        """
        if ticket := credentials.query.get("ticket"):
            origin = credentials.headers.get("origin")
            use = self._tickets.redeem if credentials.websocket else self._tickets.look
            return self._admit(use(ticket, credentials.address, origin), credentials)
        token = bearer_token(credentials, self._token_cookie)
        if token is not None:
            if self._visitors is not None and token.startswith(TOKEN_PREFIX):
                return self._admit(self._visitors.shown(token), credentials)
            if self._tokens is not None and (self._custom is None or _like_jwt(token)):
                verified = self._tokens.verify(token)
                if isinstance(verified, Principal):
                    return self._admit(verified, credentials)
                return self._once_verified(verified, credentials)
            if self._custom is None:
                raise Unauthorized("The token is not one of this server.", remedy=self._remedy)
        if self._custom is None:
            return self._unnamed(credentials)
        answer = self._custom.ask(credentials)
        if answer is None or isinstance(answer, Principal):
            return self._answered(answer, credentials)
        return self._once_answered(answer, credentials)

    def ticket(self, principal: Principal, address: Address, origin: str | None) -> tuple[str, int]:
        """A ticket and its end (milliseconds since 1970 UTC). With ``origin`` ``None`` only a client that is no web
        page can use it."""
        return self._tickets.issue(principal, address, origin)

    def revoke(self, key: str, until_ms: int) -> None:
        """Refuse a principal's id or a token's ``jti`` from now on, until then."""
        self._revocations.add(key, until_ms)

    def revoked(self, principal: Principal) -> bool:
        """Whether the principal or its token was revoked."""
        return self._revocations.strike(principal)

    async def _once_verified(self, verified: Awaitable[Principal], credentials: Credentials) -> Identified:
        return self._admit(await verified, credentials)

    async def _once_answered(
        self, answer: Awaitable[Principal | None], credentials: Credentials
    ) -> Identified:
        return self._answered(await answer, credentials)

    def _answered(self, answer: Principal | None, credentials: Credentials) -> Identified:
        return self._unnamed(credentials) if answer is None else self._admit(answer, credentials)

    def _unnamed(self, credentials: Credentials) -> Identified:
        """Who shows no name of its own: a visitor, or somebody with a link."""
        visitors = self._visitors
        if visitors is None:
            link = shown_link(credentials)
            if link is None:
                raise Unauthorized("This server wants to know who you are.", remedy=self._remedy)
            return self._admit(Principal(link, links=(link,)), credentials)
        known = self._visitor(credentials)
        if known is None or known.aged:
            principal, token = visitors.new() if known is None else visitors.renewed(known)
            cookie = visitors.set_cookie(token, secure=credentials.secure)
            return self._admit(principal, credentials, cookie)
        return self._admit(known.principal, credentials)

    def _visitor(self, credentials: Credentials) -> Visitor | None:
        """The visitor of the first good cookie; one that is false or has ended counts as none."""
        if self._visitors is None:
            return None
        read = map(self._visitors.read, cookie_values(credentials, COOKIE))
        return next((visitor for visitor in read if visitor is not None), None)

    def _admit(self, principal: Principal, credentials: Credentials, cookie: str | None = None) -> Identified:
        if principal.expires_ms <= self._clock.now_ms():
            raise Unauthorized("What you showed has expired.", remedy=self._remedy)
        if self._revocations.strike(principal):
            raise Unauthorized(
                "Your access was revoked.", remedy="Sign in again, or ask the operator of this server."
            )
        also, links = principal.also, principal.links
        if principal.signed_in and (visitor := self._visitor(credentials)) is not None:
            also = _with(also, visitor.principal.id)
        if (link := shown_link(credentials)) is not None:
            links = _with(links, link)
        also, links = self._revocations.spared(also), self._revocations.spared(links)
        if (also, links) != (principal.also, principal.links):
            principal = msgspec.structs.replace(principal, also=also, links=links)
        return Identified(principal, cookie)


class Anyone:
    """The identity of a server without a rule: all callers are one (ports.identity.Identity)."""

    def identify(self, credentials: Credentials) -> Identified:
        """``NOBODY``, with the shared link it shows. Tokens and tickets are not looked at."""
        link = shown_link(credentials)
        return Identified(Principal(links=(link,)) if link else NOBODY)

    def ticket(self, principal: Principal, address: Address, origin: str | None) -> tuple[str, int]:
        """Raises :class:`NotFound`: nobody needs one here."""
        raise _no_rule("tickets")

    def revoke(self, key: str, until_ms: int) -> None:
        """Raises :class:`NotFound`: nobody can be told apart here."""
        raise _no_rule("revocations")

    def revoked(self, principal: Principal) -> bool:
        """Never."""
        return False


def _no_rule(what: str) -> NotFound:
    return NotFound(
        f"There are no {what} here: this server has no access rule.",
        remedy="Set access.visitors or access.jwt, or give App an identity.",
    )


def _with(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return names if name in names else (*names, name)


def _like_jwt(token: str) -> bool:
    # The base64 of a JSON object begins with an e.
    return token.startswith("e") and token.count(".") == 2


def _tokens(config: Jwt, clock: Clock) -> Tokens:
    from .jwt import Tokens  # with the libraries that check signatures

    return Tokens(config, clock)


def _token_cookie(access: Access) -> str | None:
    cookie = access.jwt.cookie if access.jwt else None
    if cookie == COOKIE:
        raise ConfigError(
            f"access.jwt.cookie is {COOKIE}, the cookie of visitors.", remedy="Choose another name for it."
        )
    return cookie


def _remedy(access: Access, custom: bool) -> str:
    ways: list[str] = []
    if access.jwt or access.visitors:
        ways.append(
            "a token as Authorization: Bearer, ?token= or the WebSocket subprotocol cutty.bearer.{token}"
        )
    if access.jwt and access.jwt.cookie:
        ways.append(f"the cookie {access.jwt.cookie}")
    if custom:
        ways.append("what the application signs its users in with")
    return f"Show {', '.join(ways)}, or a ticket as ?ticket=."
