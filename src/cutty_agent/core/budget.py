"""What may be consumed in a day: reserved before a model is called, settled when its real use is known."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

DAY_MS: Final = 86_400_000
"""Milliseconds of a day. Days are those of UTC, counted from 1970."""


class Amount(msgspec.Struct, frozen=True, gc=False):
    """Tokens, in and out together, and money in thousand-millionths of a US dollar. Never negative."""

    tokens: int = 0
    cost_nano: int = 0


class Ceiling(msgspec.Struct, frozen=True, gc=False):
    """The most a day may take; ``None`` is no limit."""

    tokens: int | None = None
    cost_nano: int | None = None

    @property
    def open(self) -> bool:
        """Whether it limits nothing."""
        return self.tokens is None and self.cost_nano is None


class Shortage(msgspec.Struct, frozen=True, gc=False):
    """Why an amount cannot be reserved.

    ``what`` does not suffice: ``left`` of it is neither spent nor reserved (never below 0). ``never`` says that the
    amount alone is above the ceiling, ``held`` that it would fit if all open reservations came to nothing.
    """

    what: Literal["tokens", "cost_nano"]
    left: int
    never: bool
    held: bool


class Hold(msgspec.Struct):
    """An amount that is reserved in one account. ``open`` until it is settled or released."""

    amount: Amount
    open: bool = True


class Account(msgspec.Struct):
    """The ledger of one session, one caller or the whole server, for the day it was last used on.

    With a new day, what was spent starts at 0. What is still reserved stays reserved: a turn that is running at
    midnight is settled on the day it ends. ``day`` is a number of days since 1970; one before the account's own
    counts as the account's own, so that a clock that is set back gives nothing away.
    """

    ceiling: Ceiling
    day: int
    tokens: int = 0
    cost_nano: int = 0
    held_tokens: int = 0
    held_cost_nano: int = 0
    holds: int = 0

    def spent(self, day: int) -> Amount:
        """What was settled on this day."""
        self._turn_to(day)
        return Amount(self.tokens, self.cost_nano)

    def shortage(self, day: int, amount: Amount) -> Shortage | None:
        """Why ``amount`` cannot be reserved now; ``None`` when it can. Changes nothing but the day.

        An account with nothing left refuses every amount, also that of a model whose price nobody knows.
        """
        self._turn_to(day)
        return _short("tokens", self.ceiling.tokens, self.tokens, self.held_tokens, amount.tokens) or _short(
            "cost_nano", self.ceiling.cost_nano, self.cost_nano, self.held_cost_nano, amount.cost_nano
        )

    def reserve(self, day: int, amount: Amount) -> Hold | Shortage:
        """Set ``amount`` aside; spent and reserved together are then within the ceiling."""
        shortage = self.shortage(day, amount)
        if shortage is not None:
            return shortage
        self.held_tokens += amount.tokens
        self.held_cost_nano += amount.cost_nano
        self.holds += 1
        return Hold(amount)

    def settle(self, day: int, hold: Hold, actual: Amount) -> None:
        """Put what was really consumed in the place of the reservation; it may be more than that, and above the
        ceiling. A hold that is not open any more is left alone."""
        if not hold.open:
            return
        self._turn_to(day)
        hold.open = False
        self.holds -= 1
        self.held_tokens -= hold.amount.tokens
        self.held_cost_nano -= hold.amount.cost_nano
        self.tokens += actual.tokens
        self.cost_nano += actual.cost_nano

    def release(self, day: int, hold: Hold) -> None:
        """Give the reservation back; nothing was consumed."""
        self.settle(day, hold, Amount())

    def _turn_to(self, day: int) -> None:
        if day > self.day:
            self.day, self.tokens, self.cost_nano = day, 0, 0


def _short(
    what: Literal["tokens", "cost_nano"], ceiling: int | None, spent: int, held: int, wanted: int
) -> Shortage | None:
    if ceiling is None:
        return None
    wanted = max(wanted, 1)
    left = ceiling - spent - held
    if wanted <= left:
        return None
    return Shortage(what, max(left, 0), never=wanted > ceiling, held=wanted <= ceiling - spent)
