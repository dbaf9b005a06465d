"""Tickets: secrets that open one socket of a session, for clients that cannot show a token when they open a socket."""

from __future__ import annotations

import hashlib
import secrets

import msgspec

from ..clock import Clock
from ..errors import Unauthorized
from ..ids import Address
from ..wire.principal import Principal

MAX_TICKETS = 100_000
"""Tickets that wait to be used; beyond it the oldest are void."""


class _Ticket(msgspec.Struct, frozen=True):
    principal: Principal
    address: Address
    origin: str | None
    ends_ms: int


class Tickets:
    """The tickets of this process. They are gone when it ends; clients ask for a new one each time they connect."""

    def __init__(self, clock: Clock, *, ticket_s: float, limit: int = MAX_TICKETS) -> None:
        self._clock = clock
        self._lives_ms = int(ticket_s * 1000)
        self._limit = limit
        # By the hash of the secret, oldest first: all live equally long, so the oldest also end first.
        self._open: dict[bytes, _Ticket] = {}

    def __len__(self) -> int:
        return len(self._open)

    def issue(self, principal: Principal, address: Address, origin: str | None) -> tuple[str, int]:
        """A new ticket and its end, in milliseconds since 1970 UTC; it does not outlive the principal's token.

        ``origin`` is that of the page which will use it, ``None`` for a client that is no page.
        """
        now = self._clock.now_ms()
        self._forget(now)
        secret = secrets.token_urlsafe(24)
        ends_ms = min(now + self._lives_ms, principal.expires_ms)
        self._open[_digest(secret)] = _Ticket(principal, address, origin, ends_ms)
        return secret, ends_ms

    def redeem(self, secret: str, address: Address | None, origin: str | None) -> Principal:
        """Whom the ticket was made for, as a socket opens with it. It is void afterwards, also when it is refused.

        Raises:
            Unauthorized: there is no such ticket any more, or it is for another session or page.
        """
        return self._checked(self._open.pop(_digest(secret), None), address, origin)

    def look(self, secret: str, address: Address | None, origin: str | None) -> Principal:
        """Whom the ticket was made for, as a request shows it; it stays good. Clients fetch the history with the ticket
        of the socket they are about to open (protocol 1.5), and a page's own ``GET`` names no origin.

        Raises:
            Unauthorized: as :meth:`redeem`.
        """
        ticket = self._open.get(_digest(secret))
        return self._checked(ticket, address, ticket.origin if ticket and origin is None else origin)

    def _checked(self, ticket: _Ticket | None, address: Address | None, origin: str | None) -> Principal:
        if ticket is None or ticket.ends_ms <= self._clock.now_ms():
            raise _refused("The ticket is unknown, used or too old.")
        if ticket.address != address:
            raise _refused("The ticket is for another session.")
        if ticket.origin != origin:
            raise _refused("The ticket is for a page of another origin.")
        return ticket.principal

    def _forget(self, now: int) -> None:
        while self._open:
            oldest = next(iter(self._open))
            if self._open[oldest].ends_ms > now and len(self._open) < self._limit:
                return
            del self._open[oldest]


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _refused(sentence: str) -> Unauthorized:
    return Unauthorized(
        sentence,
        remedy="Ask for a new one (POST …/ticket below the session's address) and use it once, at once.",
    )
