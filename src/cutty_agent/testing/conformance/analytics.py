"""Sums by the hour and the day: every turn once, whatever became of its session."""

from __future__ import annotations

import asyncio

from ...errors import BadRequest, StaleEpoch
from ...ids import Address
from ...ports.analytics import DAY_MS, HOUR_MS, By, Period, Sums, Totals, UsageRow
from ...ports.store import AddUsage, Lifetime, Park, SessionStore
from ...wire.histogram import counted
from .rule import ADA, BOB, ME, NOW, Opener, committed, refused, restart_rule, rule

HOUR = NOW - NOW % HOUR_MS
DAY = NOW - NOW % DAY_MS
LATER = DAY + DAY_MS
"""The beginning of the day after."""


def used(
    at_ms: int = NOW,
    *,
    outcome: str = "completed",
    model: str = "m",
    cost_nano: int = 100,
    first_ms: int | None = 30,
    owner: str = ME,
) -> AddUsage:
    """A turn that read ten tokens and wrote one."""
    return AddUsage(
        owner,
        at_ms,
        outcome,
        model,
        input_tokens=10,
        output_tokens=1,
        cost_nano=cost_nano,
        calls=2,
        tools=1,
        first_ms=first_ms,
        duration_ms=90,
        messages=2,
    )


async def _day(store: SessionStore, agent: str | None = None) -> Period:
    periods = await store.periods(step="day", from_ms=DAY, to_ms=LATER, agent=agent)
    assert len(periods) == 1
    return periods[0]


@rule
async def a_turn_is_found_in_its_hour_and_its_day(store: SessionStore) -> None:
    await committed(store, used(), used(outcome="error", first_ms=None), used(outcome="aborted"))
    expected = Period(
        HOUR,
        Sums(3, 1, 1, 30, 3, 300, 6, 3, duration_ms=270, first_ms=60, first_count=2),
        messages=6,
        created=1,
        active=1,
        first_active=1,
        first=counted([30, 30]),
        duration=counted([90, 90, 90]),
    )
    assert await store.periods(step="hour", from_ms=NOW, to_ms=NOW + 1) == [expected]
    day = await _day(store)
    assert day.at_ms == DAY
    assert (day.sums, day.messages, day.created, day.active) == (expected.sums, 6, 1, 1)
    assert await store.periods(step="hour", from_ms=HOUR + HOUR_MS, to_ms=HOUR + 2 * HOUR_MS) == []


@rule
async def a_session_is_active_once_an_hour_and_once_a_day(store: SessionStore) -> None:
    await committed(store, used(DAY), used(DAY + 1), used(DAY + HOUR_MS))
    await committed(store, used(DAY + HOUR_MS + 1), used(DAY + 3 * HOUR_MS))
    await committed(store, used(DAY + HOUR_MS), address=BOB)
    hours = await store.periods(step="hour", from_ms=DAY, to_ms=DAY + 4 * HOUR_MS)
    assert [(period.at_ms - DAY, period.active, period.first_active) for period in hours] == [
        (0, 1, 1),
        (HOUR_MS, 2, 1),
        (3 * HOUR_MS, 1, 0),
    ]
    assert (await _day(store)).active == 2


@rule
async def who_comes_back_was_made_on_an_earlier_day(store: SessionStore) -> None:
    await committed(store, used(NOW))
    await committed(store, used(LATER), used(LATER + HOUR_MS))
    assert (await _day(store)).returning == 0
    [day] = await store.periods(step="day", from_ms=LATER, to_ms=LATER + 1)
    assert (day.active, day.returning, day.first_returning) == (1, 1, 1)
    hours = await store.periods(step="hour", from_ms=LATER, to_ms=LATER + DAY_MS)
    assert [(hour.returning, hour.first_returning) for hour in hours] == [(1, 1), (1, 0)]


@rule
async def sums_are_by_agent(store: SessionStore) -> None:
    await committed(store, used())
    await committed(store, used(cost_nano=7), used(cost_nano=7), address=Address("support", "x"))
    assert (await _day(store)).sums.turns == 3
    support = await _day(store, "support")
    assert (support.sums.turns, support.sums.cost_nano, support.created, support.active) == (2, 14, 1, 1)
    assert await store.periods(step="day", from_ms=DAY, to_ms=LATER, agent="nobody") == []


@rule
async def sessions_that_expired_are_counted_when_they_are_removed(store: SessionStore) -> None:
    for address in (ADA, BOB):
        await store.claim(address, owner=ME, now_ms=NOW, lifetime=Lifetime(idle_ms=10))
    await store.delete_expired([ADA, BOB, Address("chat", "unknown")], now_ms=NOW + 5)
    assert (await _day(store)).expired == 0
    await store.delete_expired([ADA, BOB], now_ms=NOW + 10)
    assert (await _day(store)).expired == 2
    await committed(store, address=ADA)
    await store.delete(ADA)
    day = await _day(store)
    assert (day.expired, day.created) == (2, 3)


@rule
async def peaks_only_rise(store: SessionStore) -> None:
    await store.sample(at_ms=NOW, running=3, sockets=5)
    await store.sample(at_ms=NOW + 1, running=2, sockets=9)
    await store.sample(at_ms=LATER, running=1, sockets=1)
    day = await _day(store, "chat")
    assert (day.peak_running, day.peak_sockets) == (3, 9)
    assert day.sums == Sums()


@rule
async def a_refused_commit_adds_nothing_to_its_hour(store: SessionStore) -> None:
    old = await store.claim(ADA, owner=ME, now_ms=NOW)
    new = await store.claim(ADA, owner=ME, now_ms=NOW)
    answers = await asyncio.gather(
        store.commit(ADA, old.epoch, [used()], now_ms=NOW),
        store.commit(ADA, new.epoch, [used()], now_ms=NOW),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [StaleEpoch, type(None)]
    day = await _day(store)
    assert (day.sums.turns, day.messages, day.created, day.active) == (1, 2, 1, 1)


@rule
async def usage_comes_by_what_is_asked(store: SessionStore) -> None:
    await committed(store, used(model="a", cost_nano=5), used(model="b", cost_nano=5), used(model="b"))
    await committed(
        store,
        used(LATER, owner="user:bob", outcome="error"),
        used(LATER, owner="user:bob"),
        address=Address("support", "x"),
    )

    async def keys(
        by: By, *, agent: str | None = None, owner: str | None = None
    ) -> list[tuple[str, int, int]]:
        page = await store.usage(by=by, from_ms=DAY, to_ms=LATER + DAY_MS, agent=agent, owner=owner)
        assert page.next is None
        return [(row.key, row.sums.turns, row.sums.cost_nano) for row in page.rows]

    assert await keys("day") == [(str(DAY), 3, 110), (str(LATER), 2, 200)]
    assert await keys("hour") == [(str(HOUR), 3, 110), (str(LATER), 2, 200)]
    assert await keys("agent") == [("support", 2, 200), ("chat", 3, 110)]
    assert await keys("owner") == [("user:bob", 2, 200), (ME, 3, 110)]
    assert await keys("model") == [("m", 2, 200), ("b", 2, 105), ("a", 1, 5)]
    assert await keys("model", agent="chat") == [("b", 2, 105), ("a", 1, 5)]
    assert await keys("model", owner=ME) == [("b", 2, 105), ("a", 1, 5)]
    assert await keys("day", owner="user:bob") == [(str(LATER), 2, 200)]
    assert await keys("day", owner="user:bob", agent="chat") == []
    await refused(store.usage(by="hour", from_ms=DAY, to_ms=LATER, owner=ME), BadRequest)
    page = await store.usage(by="owner", from_ms=LATER, to_ms=LATER + 1)
    assert page.rows == [
        UsageRow("user:bob", Sums(2, 1, 0, 20, 2, 200, 4, 2, duration_ms=180, first_ms=60, first_count=2))
    ]


@rule
async def pages_of_usage_hold_every_row_once(store: SessionStore) -> None:
    for number in range(7):
        at_ms = DAY + number * HOUR_MS
        address = Address(f"agent-{number}", "x")
        await committed(
            store,
            used(at_ms, model=f"model-{number % 5}", cost_nano=number // 2, owner=f"user:{number}"),
            address=address,
        )
    by: By
    for by in ("hour", "agent", "owner", "model", "day"):
        whole = await store.usage(by=by, from_ms=DAY, to_ms=LATER)
        assert whole.next is None
        for limit in (1, 2, 3, len(whole.rows)):
            seen: list[UsageRow] = []
            after: str | None = None
            while True:
                page = await store.usage(by=by, from_ms=DAY, to_ms=LATER, after=after, limit=limit)
                assert len(page.rows) <= limit
                seen += page.rows
                after = page.next
                if after is None:
                    break
            assert seen == whole.rows
        for wrong in ("", "x", "1.x"):
            await refused(store.usage(by=by, from_ms=DAY, to_ms=LATER, after=wrong), BadRequest)


@rule
async def sessions_are_counted(store: SessionStore) -> None:
    assert await store.totals() == Totals()
    await committed(store, Park("too many turns"))
    await committed(store, address=BOB)
    assert await store.totals() == Totals(2, 1)
    await store.delete(ADA)
    assert await store.totals() == Totals(1, 0)


@restart_rule
async def figures_survive_a_restart_and_their_sessions(opener: Opener) -> None:
    store = await opener()
    await committed(store, used(), used(model="n"))
    await store.sample(at_ms=NOW, running=1, sockets=1)
    before = await _day(store)
    await store.delete(ADA)
    await store.close()
    store = await opener()
    assert await _day(store) == before
    await committed(store, used(NOW + 1))
    after = await _day(store)
    assert (after.sums.turns, after.created, after.active) == (3, 2, 2)
    assert (after.peak_running, after.peak_sockets) == (1, 1)
    await store.close()
