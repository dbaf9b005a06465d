"""Laws of the ledger of one day."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cutty_agent.core.budget import Account, Amount, Ceiling, Hold, Shortage

amounts = st.builds(Amount, st.integers(0, 60), st.integers(0, 60))
ceilings = st.builds(Ceiling, st.none() | st.integers(1, 100), st.none() | st.integers(1, 100))


class Ledger(RuleBasedStateMachine):
    """Compares the account with a list of everything that happened."""

    def __init__(self) -> None:
        super().__init__()
        self.day = 20_000
        self.ceiling = Ceiling(100, 80)
        self.account = Account(self.ceiling, self.day)
        self.open: list[Hold] = []
        self.settled: list[tuple[int, Amount]] = []

    def both(self, what: str) -> int:
        spent = sum(getattr(amount, what) for day, amount in self.settled if day == self.day)
        return int(spent + sum(getattr(hold.amount, what) for hold in self.open))

    @rule(amount=amounts)
    def reserve(self, amount: Amount) -> None:
        before = {what: self.both(what) for what in ("tokens", "cost_nano")}
        fits = all(
            before[what] + max(1, getattr(amount, what)) <= getattr(self.ceiling, what) for what in before
        )
        found = self.account.reserve(self.day, amount)
        assert isinstance(found, Hold) == fits
        if isinstance(found, Hold):
            self.open.append(found)
            assert all(self.both(what) <= getattr(self.ceiling, what) for what in before)
        else:
            wanted = max(1, getattr(amount, found.what))
            ceiling = getattr(self.ceiling, found.what)
            assert found.left == max(0, ceiling - before[found.what]) < wanted
            assert found.never == (wanted > ceiling)
            held = sum(getattr(hold.amount, found.what) for hold in self.open)
            assert found.held == (before[found.what] - held + wanted <= ceiling)

    @rule(actual=amounts, data=st.data())
    def settle(self, actual: Amount, data: st.DataObject) -> None:
        if self.open:
            hold = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
            for _ in range(2):  # the second time does nothing
                self.account.settle(self.day, hold, actual)
            self.settled.append((self.day, actual))

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        if self.open:
            hold = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
            self.account.release(self.day, hold)
            self.account.settle(self.day, hold, Amount(1000, 1000))

    @rule(days=st.integers(1, 3))
    def midnight(self, days: int) -> None:
        self.day += days

    @invariant()
    def agrees(self) -> None:
        spent = self.account.spent(self.day)
        assert spent.tokens + self.account.held_tokens == self.both("tokens")
        assert spent.cost_nano + self.account.held_cost_nano == self.both("cost_nano")
        assert self.account.holds == len(self.open)


TestLedger = Ledger.TestCase


@given(ceiling=ceilings, wanted=st.lists(amounts, max_size=20))
def test_what_is_not_limited_is_never_short(ceiling: Ceiling, wanted: list[Amount]) -> None:
    account = Account(ceiling, 1)
    for amount in wanted:
        found = account.reserve(1, amount)
        if isinstance(found, Shortage):
            assert getattr(ceiling, found.what) is not None
        if ceiling.open:
            assert isinstance(found, Hold)


def test_a_turn_that_used_more_than_it_reserved_shuts_the_account() -> None:
    account = Account(Ceiling(tokens=100), 1)
    hold = account.reserve(1, Amount(tokens=10))
    assert isinstance(hold, Hold)
    account.settle(1, hold, Amount(tokens=150))
    assert account.spent(1).tokens == 150
    assert account.reserve(1, Amount()) == Shortage("tokens", 0, never=False, held=False)
    assert isinstance(account.reserve(2, Amount(tokens=100)), Hold), "and a new day opens it"


def test_a_turn_over_midnight_counts_on_the_day_it_ends() -> None:
    account = Account(Ceiling(tokens=100), 1)
    hold = account.reserve(1, Amount(tokens=60))
    assert isinstance(hold, Hold)
    assert account.reserve(2, Amount(tokens=60)) == Shortage("tokens", 40, never=False, held=True)
    account.settle(2, hold, Amount(tokens=70))
    assert account.spent(2).tokens == 70


def test_a_clock_that_is_set_back_gives_no_second_day() -> None:
    account = Account(Ceiling(tokens=100), 2, tokens=100)
    assert isinstance(account.reserve(1, Amount(tokens=1)), Shortage)
    assert account.spent(1).tokens == 100


def test_an_account_with_nothing_left_refuses_what_is_said_to_cost_nothing() -> None:
    account = Account(Ceiling(cost_nano=5), 1, cost_nano=5)
    assert account.reserve(1, Amount(tokens=10)) == Shortage("cost_nano", 0, never=False, held=False)
