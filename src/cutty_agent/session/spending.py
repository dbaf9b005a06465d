"""What callers consume in a day (UTC): reserved before a model call, refused when it is too much, settled after."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from typing import Final, Protocol

import msgspec

from ..clock import Clock
from ..config import Limits
from ..core.budget import DAY_MS, Account, Amount, Ceiling, Hold, Shortage
from ..errors import LimitReached
from ..ids import Address
from ..ports.store import PutValue, Spent
from .accounts import Accounts
from .pricing import NANO

SPENT_KEY: Final = "__spent"
"""The session's own value that keeps what it consumed on its last day."""

BUSY_S: Final = 5.0
"""When to try again where that hangs on the end of somebody's turn, which nobody knows; seconds."""


class Sums(Protocol):
    """The part of a ``SessionStore`` that is needed here."""

    def spent(self, *, day_ms: int, owner: str | None = None) -> Awaitable[Spent]:
        """As :meth:`cutty_agent.ports.store.SessionStore.spent`."""
        ...


class Kept(msgspec.Struct, frozen=True):
    """The JSON form of :data:`SPENT_KEY`; ``day`` counts from 1970."""

    day: int
    tokens: int = 0
    cost_nano: int = 0


class Reservation(msgspec.Struct, frozen=True):
    """What was set aside for one turn. Settle or release it exactly when the turn ends; a second time does nothing."""

    session: Account | None = None
    holds: tuple[tuple[Account, Hold], ...] = ()


NOTHING: Final = Reservation()
"""The reservation of a server without a budget."""

_WHOSE: Final = {"session_": "this session", "": "the owner of this session", "total_": "this server"}


class Spending:
    """The budgets of one server: of each session, of each owner, and of all together.

    Owners without a name, on a server that has no access rule, are one owner with one budget. Several servers on one
    store each read the day's sums once and do not see what the others add after that.
    """

    def __init__(self, limits: Limits, clock: Clock, store: Sums) -> None:
        self._limits = limits
        self._clock = clock
        self._store = store
        self._sessions: Accounts[Address] = Accounts(
            _ceiling(limits.session_tokens_per_day, limits.session_dollars_per_day)
        )
        self._owners: Accounts[str | None] = Accounts(_ceiling(limits.tokens_per_day, limits.dollars_per_day))
        self._total: Accounts[str | None] = Accounts(
            _ceiling(limits.total_tokens_per_day, limits.total_dollars_per_day)
        )
        self._loading: dict[str | None, asyncio.Task[Account]] = {}
        self.limited = not (
            self._sessions.ceiling.open and self._owners.ceiling.open and self._total.ceiling.open
        )

    async def reserve(
        self, address: Address, owner: str, estimate: Amount, *, kept: bytes | None = None
    ) -> Reservation:
        """Set ``estimate`` aside in every account that has a limit, or in none.

        ``kept`` is the session's value :data:`SPENT_KEY`; it is looked at when the session's account is not here.

        Raises:
            LimitReached: names the first setting that does not allow it. Nothing was changed.
            StoreUnavailable: the sums of the day cannot be read. Nothing was changed.
        """
        if not self.limited:
            return NOTHING
        while missing := self._missing(owner):  # again, because one may be forgotten while another is read
            for accounts, name in missing:
                await self._load(accounts, name)
        day = self._clock.now_ms() // DAY_MS
        found = list(self._found(address, owner, kept, day))
        # No await since all were there, so what is found to fit is still free when it is taken.
        for scope, account in found:
            shortage = account.shortage(day, estimate)
            if shortage is not None:
                raise self._refusal(scope, shortage, estimate)
        holds: list[tuple[Account, Hold]] = []
        for _, account in found:
            hold = account.reserve(day, estimate)
            assert isinstance(hold, Hold)
            holds.append((account, hold))
        session = found[0][1] if found[0][0] == "session_" else None
        return Reservation(session, tuple(holds))

    def value(self, reservation: Reservation, tokens: int, cost_nano: int) -> PutValue | None:
        """The operation that keeps the session's sum, this turn's use included, for the commit that ends the turn."""
        if reservation.session is None:
            return None
        day = self._clock.now_ms() // DAY_MS
        spent = reservation.session.spent(day)
        kept = Kept(reservation.session.day, spent.tokens + tokens, spent.cost_nano + cost_nano)
        return PutValue(SPENT_KEY, msgspec.json.encode(kept))

    def settle(self, reservation: Reservation, tokens: int, cost_nano: int) -> None:
        """Count what was really consumed, and give back the rest."""
        day, actual = self._clock.now_ms() // DAY_MS, Amount(tokens, cost_nano)
        for account, hold in reservation.holds:
            account.settle(day, hold, actual)

    def tidy(self) -> None:
        """Forget what belongs to earlier days."""
        day = self._clock.now_ms() // DAY_MS
        self._sessions.tidy(day)
        self._owners.tidy(day)
        self._total.tidy(day)

    def _missing(self, owner: str) -> list[tuple[Accounts[str | None], str | None]]:
        """The accounts that have a limit and are to be read from the store."""
        wanted: list[tuple[Accounts[str | None], str | None]] = [(self._owners, owner), (self._total, None)]
        return [(kind, name) for kind, name in wanted if not kind.ceiling.open and kind.find(name) is None]

    def _found(
        self, address: Address, owner: str, kept: bytes | None, day: int
    ) -> Iterator[tuple[str, Account]]:
        """The accounts that have a limit, the narrowest first, each with the beginning of its settings' names."""
        if not self._sessions.ceiling.open:
            yield "session_", self._sessions.find(address) or self._restored(address, kept, day)
        owned = self._owners.find(owner)
        if owned is not None:
            yield "", owned
        total = self._total.find(None)
        if total is not None:
            yield "total_", total

    def _restored(self, address: Address, body: bytes | None, day: int) -> Account:
        try:
            kept = msgspec.json.decode(body, type=Kept) if body is not None else Kept(day)
        except msgspec.DecodeError:
            kept = Kept(day)  # unreadable, and healed by the next commit
        if kept.day != day:
            kept = Kept(day)
        return self._sessions.open(address, day, kept.tokens, kept.cost_nano)

    async def _load(self, accounts: Accounts[str | None], owner: str | None) -> Account:
        """One read of the store for everybody who waits for it; a waiter that is cancelled leaves it to the others."""
        loading = self._loading.get(owner)
        if loading is None:
            loading = self._loading[owner] = asyncio.ensure_future(self._read(accounts, owner))
            loading.add_done_callback(lambda _: self._loading.pop(owner, None))
        return await asyncio.shield(loading)

    async def _read(self, accounts: Accounts[str | None], owner: str | None) -> Account:
        now_ms = self._clock.now_ms()
        spent = await self._store.spent(day_ms=now_ms, owner=owner)
        return accounts.open(owner, now_ms // DAY_MS, spent.tokens, spent.cost_nano)

    def _refusal(self, scope: str, shortage: Shortage, wanted: Amount) -> LimitReached:
        money = shortage.what == "cost_nano"
        setting = f"{scope}{'dollars' if money else 'tokens'}_per_day"
        if shortage.never:
            reserves = f"{wanted.cost_nano / NANO:.6f} US dollars" if money else f"{wanted.tokens} tokens"
            sentence, remedy, retry_after_s = (
                f"This turn reserves {reserves}.",
                "Shorten the conversation.",
                None,
            )
        elif shortage.held:
            sentence = f"Running answers may use up what {_WHOSE[scope]} has left for today."
            remedy, retry_after_s = "Wait for one of them to end.", BUSY_S
        else:
            sentence = f"{_WHOSE[scope].capitalize()} has {'too little money' if money else 'too few tokens'} left for today."
            remedy, retry_after_s = "", (DAY_MS - self._clock.now_ms() % DAY_MS) / 1000
        return LimitReached(
            sentence,
            limit=f"limits.{setting}",
            value=float(getattr(self._limits, setting)),
            retry_after_s=retry_after_s,
            remedy=remedy,
        )


def _ceiling(tokens: int | None, dollars: float | None) -> Ceiling:
    return Ceiling(tokens, None if dollars is None else round(dollars * NANO))
