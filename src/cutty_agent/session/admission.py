"""Loading a session for somebody: the owner is named in every load, and whoever else comes needs a share."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ..clock import Clock
from ..config import Access, Lifetimes
from ..core import access
from ..errors import NotFound, NotOwner, SessionExpired
from ..ids import Address
from ..ports.store import Lifetime, PutOwner, SessionStore, Snapshot
from ..wire.card import Card
from ..wire.principal import NEVER_MS, USER, Principal

_ATTEMPTS = 5
"""Times a load starts again because the session changed hands or ended between two looks at it."""


class Admission:
    """Claims sessions for those who may enter them."""

    def __init__(self, store: SessionStore, rules: Access, lifetimes: Lifetimes, clock: Clock) -> None:
        self._store = store
        self._rules = rules
        self._lifetimes = lifetimes
        self._clock = clock

    def lifetime(self, owner: str, own: Mapping[str, float | None]) -> Lifetime:
        """How long a session of this owner lives; ``own`` are its agent's settings, which go before those of the
        server."""
        idle = "signed_in_s" if owner.startswith(USER) else "anonymous_s"
        return Lifetime(_ms(own, idle, self._lifetimes), _ms(own, "max_age_s", self._lifetimes))

    async def load(
        self,
        address: Address,
        who: Principal | None,
        own: Mapping[str, float | None],
        *,
        create: bool | None = None,
    ) -> Snapshot:
        """Claim and load the session for ``who``, or for the server itself.

        A session that does not exist is made, unless ids are the server's to make (``create`` overrides that).

        Raises:
            NotFound: it is somebody else's and not shared with ``who``, or does not exist and may not be made.
            SessionExpired: it has expired and its rows are still there.
        """
        for _ in range(_ATTEMPTS):
            try:
                return await self._claim(address, who, own, create)
            except NotOwner:
                if who is None:
                    raise
                card = await self._store.card(address)
                if card is None:
                    continue
                if access.expired(card, self._clock.now_ms()):
                    raise _expired() from None
                try:
                    snapshot = await self._enter(address, card, who, own)
                except (NotOwner, NotFound):
                    if access.right(card, who, self._clock.now_ms()) is None and not self.adoptable(
                        card, who
                    ):
                        raise access.no_such_session() from None
                    continue
                return snapshot
        raise access.no_such_session()

    async def _claim(
        self, address: Address, who: Principal | None, own: Mapping[str, float | None], create: bool | None
    ) -> Snapshot:
        owner = None if who is None else who.id
        if create is None:
            create = who is not None and self._rules.ids == "client"
        if who is not None and not access.may_create(who):
            raise NotOwner("A link owns no session.", remedy="Sign in.")
        try:
            return await self._store.claim(
                address,
                owner=owner,
                now_ms=self._clock.now_ms(),
                lifetime=self.lifetime(owner or "", own),
                create=create,
            )
        except NotFound:
            if who is None:
                raise
            raise access.no_such_session() from None

    async def _enter(
        self, address: Address, card: Card, who: Principal, own: Mapping[str, float | None]
    ) -> Snapshot:
        """Load the session of another owner for somebody whom its card lets in."""
        now_ms = self._clock.now_ms()
        adopts = self.adoptable(card, who) or (card.owner in who.also and access.may_create(who))
        if access.right(card, who, now_ms) is None and not adopts:
            raise access.no_such_session()
        lifetime = self.lifetime(card.owner, own)
        snapshot = await self._store.claim(
            address, owner=card.owner, now_ms=now_ms, lifetime=lifetime, create=False
        )
        if not adopts:
            return snapshot
        lifetime = self.lifetime(who.id, own)
        ends = lifetime.end_ms(snapshot.card.created_ms, now_ms)
        await self._store.commit(address, snapshot.epoch, [PutOwner(who.id)], now_ms=now_ms, expires_ms=ends)
        replace = msgspec.structs.replace
        card = replace(snapshot.card, owner=who.id, active_ms=now_ms, expires_ms=ends)
        return replace(snapshot, card=card)

    def adoptable(self, card: Card, who: Principal) -> bool:
        """A session from before there was a rule, where the operator lets the first who comes have it."""
        return self._rules.adopt and card.owner == "" and who.id != "" and access.may_create(who)

    async def wind_up(self, address: Address) -> Snapshot:
        """Claim an expired session, so that its agent can archive it.

        Raises:
            SessionExpired, NotFound: it lives, or is gone.
        """
        return await self._store.claim(address, owner=None, now_ms=self._clock.now_ms(), expired=True)


def _expired() -> SessionExpired:
    return SessionExpired("This session has expired.", remedy="Start a new session.")


def _ms(own: Mapping[str, float | None], name: str, everywhere: Lifetimes) -> int:
    seconds = own[name] if name in own else getattr(everywhere, name)
    return NEVER_MS if seconds is None else round(seconds * 1000)
