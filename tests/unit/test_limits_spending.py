"""Budgets of a day: of a session, of its owner, of the server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import msgspec
import pytest

from cutty_agent.config import Limits
from cutty_agent.core.budget import Account, Amount, Ceiling, Hold
from cutty_agent.errors import LimitReached, StoreUnavailable
from cutty_agent.ids import Address
from cutty_agent.ports.store import PutValue, Spent
from cutty_agent.session.accounts import Accounts
from cutty_agent.session.limiter import Limiter
from cutty_agent.session.spending import NOTHING, SPENT_KEY

ADA, BOB = "user:ada-lovelace", "user:bob-4321"
ONE, TWO = Address("chat", "s-4711"), Address("chat", "s-4712")
NOON_MS = 20_000 * 86_400_000 + 43_200_000
TWELVE_HOURS_S = 43_200
DOLLAR = 1_000_000_000


class HandClock:
    """A clock that is set by hand; it begins at noon."""

    def __init__(self) -> None:
        self.ms = NOON_MS

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ms / 1000


class Sums:
    """The store's sums: what was spent by whom, how often that was asked, and a gate that answers wait for."""

    def __init__(self, by_owner: dict[str | None, Spent] | None = None) -> None:
        self.by_owner = by_owner or {}
        self.asked: list[tuple[int, str | None]] = []
        self.answering = asyncio.Event()
        self.answering.set()
        self.failing = False

    def spent(self, *, day_ms: int, owner: str | None = None) -> Awaitable[Spent]:
        self.asked.append((day_ms, owner))
        return self._answer(owner)

    async def _answer(self, owner: str | None) -> Spent:
        await self.answering.wait()
        if self.failing:
            raise StoreUnavailable("The disk is full.", remedy="Make room.")
        return self.by_owner.get(owner, Spent())


def limiter(clock: HandClock, sums: Sums, **limits: Any) -> Limiter:
    return Limiter(Limits.model_validate(limits), clock, sums)


def tokens(count: int) -> Amount:
    return Amount(tokens=count)


async def refusal(limits: Limiter, address: Address, owner: str, amount: Amount) -> LimitReached:
    with pytest.raises(LimitReached) as caught:
        await limits.reserve(address, owner, amount)
    error = caught.value
    for name in ("ada", "bob", "4711", "4712"):
        assert name not in str(error), "a refusal names nobody"
    return error


async def test_without_a_budget_nothing_is_asked_and_nothing_is_kept() -> None:
    clock, sums = HandClock(), Sums()
    limits = limiter(clock, sums)
    assert not limits.budgeted
    reservation = await limits.reserve(ONE, ADA, tokens(10**12))
    assert reservation is NOTHING
    assert limits.spent_value(reservation, 5, 5) is None
    limits.settle(reservation, 5, 5)
    assert sums.asked == []


@pytest.mark.parametrize(
    ("setting", "whose"),
    [
        ("session_tokens_per_day", "This session"),
        ("tokens_per_day", "The owner of this session"),
        ("total_tokens_per_day", "This server"),
    ],
)
async def test_tokens_of_a_day(setting: str, whose: str) -> None:
    clock = HandClock()
    limits = limiter(clock, Sums(), **{setting: 100})
    assert limits.budgeted
    first = await limits.reserve(ONE, ADA, tokens(60))

    error = await refusal(limits, ONE, ADA, tokens(60))
    assert (error.limit, error.value, error.retry_after_s) == (f"limits.{setting}", 100, 5)
    assert error.sentence.startswith(
        f"Running answers may use up what {whose[0].lower()}{whose[1:]} has left"
    )

    limits.settle(first, 70, 0)
    error = await refusal(limits, ONE, ADA, tokens(60))
    assert (error.limit, error.retry_after_s) == (f"limits.{setting}", TWELVE_HOURS_S)
    assert error.sentence == f"{whose} has too few tokens left for today. limits.{setting} is 100."

    error = await refusal(limits, ONE, ADA, tokens(101))
    assert (error.limit, error.retry_after_s) == (f"limits.{setting}", None)
    assert error.sentence.startswith("This turn reserves 101 tokens.")
    assert "Shorten the conversation" in error.remedy

    await limits.reserve(ONE, ADA, tokens(30))
    clock.ms += 1000 * TWELVE_HOURS_S
    await limits.reserve(ONE, ADA, tokens(70))  # a new day; the reservation of 30 is still open
    await refusal(limits, ONE, ADA, tokens(1))


@pytest.mark.parametrize("setting", ["session_dollars_per_day", "dollars_per_day", "total_dollars_per_day"])
async def test_money_of_a_day(setting: str) -> None:
    limits = limiter(HandClock(), Sums(), **{setting: 0.5})
    reservation = await limits.reserve(ONE, ADA, Amount(10, DOLLAR // 4))
    limits.settle(reservation, 10, DOLLAR // 2 + 1)  # it cost more than was thought
    error = await refusal(limits, ONE, ADA, Amount(10, 1))
    assert (error.limit, error.value, error.retry_after_s) == (f"limits.{setting}", 0.5, TWELVE_HOURS_S)
    assert "too little money left for today" in error.sentence
    await refusal(limits, ONE, ADA, Amount(10, 0))
    error = await refusal(limits, ONE, ADA, Amount(10, DOLLAR))
    assert "This turn reserves 1.000000 US dollars." in error.sentence


async def test_each_session_and_each_owner_has_an_account_of_its_own() -> None:
    limits = limiter(HandClock(), Sums(), session_tokens_per_day=100, tokens_per_day=150)
    await limits.reserve(ONE, ADA, tokens(100))
    assert (await refusal(limits, ONE, ADA, tokens(1))).limit == "limits.session_tokens_per_day"
    await limits.reserve(TWO, ADA, tokens(50))
    assert (await refusal(limits, TWO, ADA, tokens(1))).limit == "limits.tokens_per_day"
    await limits.reserve(TWO, BOB, tokens(50))
    await limits.reserve(Address("other", ONE.session), BOB, tokens(100))


async def test_owners_without_a_name_are_one_owner() -> None:
    limits = limiter(HandClock(), Sums(), tokens_per_day=100)
    await limits.reserve(ONE, "", tokens(100))
    assert (await refusal(limits, TWO, "", tokens(1))).limit == "limits.tokens_per_day"


async def test_a_refusal_takes_nothing_from_the_other_accounts() -> None:
    limits = limiter(
        HandClock(), Sums(), session_tokens_per_day=100, tokens_per_day=100, total_tokens_per_day=50
    )
    for _ in range(5):
        assert (await refusal(limits, ONE, ADA, tokens(60))).limit == "limits.total_tokens_per_day"
    limits.settle(await limits.reserve(ONE, ADA, tokens(50)), 0, 0)
    limits.settle(await limits.reserve(ONE, ADA, tokens(50)), 0, 0)


async def test_a_settled_reservation_is_settled() -> None:
    limits = limiter(HandClock(), Sums(), tokens_per_day=100)
    reservation = await limits.reserve(ONE, ADA, tokens(60))
    for _ in range(3):
        limits.settle(reservation, 10, 0)
    await limits.reserve(ONE, ADA, tokens(90))


async def test_what_was_spent_before_a_restart_counts() -> None:
    clock, sums = HandClock(), Sums({ADA: Spent(90, 5)})
    sums.by_owner[None] = Spent(190, 0)
    limits = limiter(clock, sums, tokens_per_day=100, total_tokens_per_day=300)
    await refusal(limits, ONE, ADA, tokens(11))
    await limits.reserve(ONE, ADA, tokens(10))
    await limits.reserve(TWO, BOB, tokens(100))
    assert sums.asked == [(NOON_MS, ADA), (NOON_MS, None), (NOON_MS, BOB)], "each once"


async def test_those_who_wait_for_a_sum_share_one_read_and_then_the_budget() -> None:
    sums = Sums()
    sums.answering.clear()
    limits = limiter(HandClock(), sums, total_tokens_per_day=100)
    waiting = [
        asyncio.ensure_future(limits.reserve(Address("chat", f"s{number}"), ADA, tokens(30)))
        for number in range(10)
    ]
    await asyncio.sleep(0)
    waiting[0].cancel()
    sums.answering.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert len(sums.asked) == 1
    assert isinstance(found[0], asyncio.CancelledError)
    assert sum(isinstance(each, LimitReached) for each in found) == 6, "three of 30 fit into 100"


async def test_a_store_that_fails_refuses_and_is_asked_again() -> None:
    sums = Sums({ADA: Spent(90, 0)})
    sums.failing = True
    limits = limiter(HandClock(), sums, tokens_per_day=100)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await limits.reserve(ONE, ADA, tokens(1))
    sums.failing = False
    await refusal(limits, ONE, ADA, tokens(11))


async def test_a_session_keeps_its_sum_in_a_value_of_its_own() -> None:
    clock = HandClock()
    before = limiter(clock, Sums(), session_tokens_per_day=100, session_dollars_per_day=1.0)
    reservation = await before.reserve(ONE, ADA, tokens(10))
    before.settle(reservation, 30, 7)
    reservation = await before.reserve(ONE, ADA, tokens(10))
    operation = before.spent_value(reservation, 40, 8)
    assert operation == PutValue(SPENT_KEY, b'{"day":20000,"tokens":70,"cost_nano":15}')
    before.settle(reservation, 40, 8)

    after = limiter(clock, Sums(), session_tokens_per_day=100, session_dollars_per_day=1.0)
    with pytest.raises(LimitReached, match="too few tokens"):
        await after.reserve(ONE, ADA, tokens(31), kept=operation.body)
    await after.reserve(ONE, ADA, tokens(30), kept=operation.body)
    await refusal(after, ONE, ADA, tokens(1))

    clock.ms += 1000 * TWELVE_HOURS_S
    tomorrow = limiter(clock, Sums(), session_tokens_per_day=100)
    reservation = await tomorrow.reserve(ONE, ADA, tokens(100), kept=operation.body)
    fresh = tomorrow.spent_value(reservation, 1, 2)
    assert fresh is not None
    assert msgspec.json.decode(fresh.body or b"") == {"day": 20001, "tokens": 1, "cost_nano": 2}


@pytest.mark.parametrize("kept", [b"", b"no json", b"[]", b'{"day":"x"}', b"\xff", b"null"])
async def test_a_value_that_cannot_be_read_counts_as_none(kept: bytes) -> None:
    limits = limiter(HandClock(), Sums(), session_tokens_per_day=100)
    await limits.reserve(ONE, ADA, tokens(100), kept=kept)


async def test_what_is_in_memory_goes_before_what_was_kept() -> None:
    limits = limiter(HandClock(), Sums(), session_tokens_per_day=100)
    limits.settle(await limits.reserve(ONE, ADA, tokens(10)), 90, 0)
    with pytest.raises(LimitReached):
        await limits.reserve(ONE, ADA, tokens(11), kept=b'{"day":20000,"tokens":0,"cost_nano":0}')


async def test_accounts_of_earlier_days_are_forgotten() -> None:
    clock, sums = HandClock(), Sums()
    limits = limiter(clock, sums, tokens_per_day=100, session_tokens_per_day=100)
    reservation = await limits.reserve(ONE, ADA, tokens(1))
    limits.settle(await limits.reserve(TWO, BOB, tokens(1)), 1, 0)
    limits.tidy()
    assert len(limits._spending._owners) == len(limits._spending._sessions) == 2
    clock.ms += 86_400_000
    limits.tidy()
    assert len(limits._spending._owners) == len(limits._spending._sessions) == 1, "one is still open"
    limits.settle(reservation, 1, 0)
    assert len(sums.asked) == 2


def test_accounts_are_bounded_and_open_ones_stay() -> None:
    accounts: Accounts[str] = Accounts(Ceiling(tokens=100), remembered=10)
    held = accounts.open("held", 1, 0, 0)
    hold = held.reserve(1, Amount(tokens=1))
    assert isinstance(hold, Hold)
    for number in range(1_000):
        accounts.open(f"n{number}", 1, 0, 0)
        assert len(accounts) <= 10
    assert accounts.find("held") is held
    assert accounts.find("n999") is not None
    assert accounts.find("n0") is None


def test_accounts_that_are_all_open_are_all_kept_and_go_later() -> None:
    accounts: Accounts[int] = Accounts(Ceiling(tokens=100), remembered=10)
    open_ones: list[tuple[Account, Hold]] = []
    for number in range(50):
        account = accounts.open(number, 1, 0, 0)
        hold = account.reserve(1, Amount(tokens=1))
        assert isinstance(hold, Hold)
        open_ones.append((account, hold))
    assert len(accounts) == 50
    for account, hold in open_ones:
        account.settle(1, hold, Amount())
    for number in range(100, 140):
        accounts.open(number, 1, 0, 0)
    assert len(accounts) == 10
