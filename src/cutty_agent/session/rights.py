"""Who may do what with which session, for callers over HTTP."""

from __future__ import annotations

from ..core import access
from ..errors import Forbidden, NotFound, ShuttingDown, UnknownAgent
from ..ids import Address
from ..wire.card import Card, Right
from ..wire.principal import Principal
from .actor import Actor
from .registry import Registry

_RANK: dict[Right, int] = {"read": 0, "write": 1, "own": 2}


class Rights:
    """Finds sessions for callers and refuses those that may not; refusals are in the audit log."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def _check(self, address: Address, *, stopping: bool = True) -> None:
        if stopping and self._registry.stopping:
            raise ShuttingDown("The server is stopping.", remedy="Try again in a moment.")
        if address.agent not in self._registry.agents:
            raise UnknownAgent(
                f"There is no agent {address.agent!r}.",
                remedy=f"Known agents: {', '.join(sorted(self._registry.agents))}.",
            )

    def _check_makeable(self) -> None:
        """Where clients make no sessions, one that does not exist is answered like one that is somebody else's.

        Raises:
            NotFound: ids are the server's to make.
        """
        if self._registry.settings.access.ids == "minted":
            raise access.no_such_session()

    def _awake(self, address: Address) -> Actor | None:
        slot = self._registry.slots.get(address)
        if slot is None:
            return None
        self._registry.end_if_expired(slot)
        return slot.actor

    def _allow(self, card: Card, who: Principal, address: Address, needed: Right) -> None:
        """See to it that the caller has at least this right.

        Raises:
            NotFound: it may not even know that there is such a session.
            Forbidden: it may enter, and not do this.
        """
        right = access.right(card, who, self._registry.clock.now_ms())
        if right is None:
            self._registry.audit.refused(who.id, address, detail="The session is somebody else's.")
            raise access.no_such_session()
        if _RANK[right] < _RANK[needed]:
            self._registry.audit.refused(who.id, address, detail=f"Needs the right to {needed}.")
            raise Forbidden(
                "You may look on here, and not take part."
                if right == "read"
                else "Only the owner of this session may do this.",
                remedy="Ask the owner of this session.",
            )

    async def enterable(self, address: Address, who: Principal, *, may_make: bool) -> bool:
        """Whether the caller may talk in a session, or (``may_make``) make it; neither makes it nor wakes it."""
        self._check(address)
        actor = self._awake(address)
        card = await self._registry.store.card(address) if actor is None else actor.card
        now_ms = self._registry.clock.now_ms()
        if card is None or access.expired(card, now_ms):
            return may_make and access.may_create(who)
        if card.owner in who.also or self._registry.admission.adoptable(card, who):
            return True
        return _RANK.get(access.right(card, who, now_ms) or "read", 0) >= _RANK["write"]

    async def _enter(
        self, address: Address, who: Principal, needed: Right, *, create: bool | None = None
    ) -> Actor:
        """The awake session, for a caller that has at least this right."""
        self._check(address)
        try:
            actor = await self._registry.actor(self._registry.slot(address), who, create=create)
        except NotFound:
            self._registry.audit.refused(who.id, address, detail="The session is somebody else's.")
            raise
        self._allow(actor.card, who, address, needed)
        return actor

    async def _present(self, address: Address, who: Principal | None, needed: Right) -> Actor | None:
        """The session if it is awake or about to be, without making or waking it.

        A caller that may not enter it gets its refusal either way.
        """
        self._check(address)
        slot = self._registry.slots.get(address)
        if slot is not None and (slot.actor is not None or slot.waking is not None):
            if who is not None:
                return await self._enter(address, who, needed)
            return await self._registry.actor(slot, None)
        if who is not None:
            card = await self._registry.store.card(address)
            if card is None or access.expired(card, self._registry.clock.now_ms()):
                self._check_makeable()
            elif not self._registry.admission.adoptable(card, who):
                self._allow(card, who, address, needed)
        return None

    async def own(self, address: Address, who: Principal) -> None:
        """See to it that the session exists and is the caller's own, without waking it.

        Raises:
            NotFound: it does not, or is not; Forbidden: it is only shared with the caller.
        """
        card = await self._registry.store.card(address)
        if card is None or access.expired(card, self._registry.clock.now_ms()):
            raise access.no_such_session()
        self._allow(card, who, address, "own")
