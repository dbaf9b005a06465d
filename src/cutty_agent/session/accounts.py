"""The budgets' accounts that are kept in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

from ..core.budget import Account, Ceiling

Key = TypeVar("Key", bound=Hashable)

REMEMBERED: Final = 50_000
"""Accounts of one kind that are kept at most, not counting those with open reservations."""

_LOOKED_AT: Final = 4
"""Accounts that are looked at when one has to go; each new one lets up to so many go."""


class Accounts(Generic[Key]):
    """The accounts of one kind. An account with open reservations is never forgotten; of the others the one that was
    used least recently is, and read anew when it is needed again."""

    def __init__(self, ceiling: Ceiling, remembered: int = REMEMBERED) -> None:
        self.ceiling = ceiling
        self._remembered = remembered
        self._accounts: OrderedDict[Key, Account] = OrderedDict()

    def __len__(self) -> int:
        return len(self._accounts)

    def find(self, key: Key) -> Account | None:
        """The account, when it is here."""
        account = self._accounts.get(key)
        if account is not None:
            self._accounts.move_to_end(key)
        return account

    def open(self, key: Key, day: int, tokens: int, cost_nano: int) -> Account:
        """The account as it is here, else a new one that has spent so much on this day."""
        account = self.find(key)
        if account is None:
            account = self._accounts[key] = Account(self.ceiling, day, tokens, cost_nano)
            for _ in range(_LOOKED_AT):
                if len(self._accounts) <= self._remembered:
                    break
                oldest = next(iter(self._accounts))
                if self._accounts[oldest].holds or oldest == key:
                    self._accounts.move_to_end(oldest)
                else:
                    del self._accounts[oldest]
        return account

    def tidy(self, day: int) -> None:
        """Forget the accounts of earlier days."""
        for key in [
            key for key, account in self._accounts.items() if account.day < day and not account.holds
        ]:
            del self._accounts[key]
