"""Laws of the token bucket."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutty_agent.core.rate import Bucket, Rate

rates = st.builds(
    Rate,
    per_second=st.floats(1e-4, 1e5),
    burst=st.floats(1.0, 1e4),
)
starts = st.floats(0.0, 1e8)
pauses = st.lists(st.floats(0.0, 100.0) | st.floats(0.0, 1e-3) | st.just(0.0), max_size=60)


@given(
    rate=rates, start=starts, pauses=pauses, costs=st.lists(st.floats(0.1, 20.0), min_size=60, max_size=60)
)
def test_no_window_sees_more_than_the_burst_and_what_flows_in(
    rate: Rate, start: float, pauses: list[float], costs: list[float]
) -> None:
    bucket, now = rate.full(start), start
    taken: list[tuple[float, float]] = []
    for pause, cost in zip(pauses, costs, strict=False):
        now += pause
        if not rate.take(bucket, now, cost):
            taken.append((now, cost))
    for first in range(len(taken)):
        total = 0.0
        for at, cost in taken[first:]:
            total += cost
            allowed = rate.burst + rate.per_second * (at - taken[first][0])
            assert total <= allowed * (1 + 1e-9)


@given(rate=rates, start=starts, pauses=pauses, cost=st.floats(0.1, 1.0))
def test_the_wait_is_exact(rate: Rate, start: float, pauses: list[float], cost: float) -> None:
    bucket, now = rate.full(start), start
    for pause in pauses:
        now += pause
        rate.take(bucket, now, min(rate.burst, 37.0))
        wait = rate.wait(bucket, now, cost)
        if wait:
            early = now + wait * (1 - 1e-6) - 1e-6
            if early > bucket.at:
                assert rate.wait(bucket, early, cost) > 0, "it could have been sooner"
        assert rate.wait(bucket, now + wait, cost) == 0.0
        then = Bucket(bucket.level, bucket.at)
        assert rate.take(then, now + wait, cost) == 0.0
        assert then != bucket, "it was taken"


def test_rounding_never_makes_a_wait_too_short() -> None:
    """With odd numbers, because round ones add up exactly."""
    for number in range(1, 5_000):
        rate = Rate(per_second=number * 0.0137, burst=1.0 + number % 7)
        now = 1_000.0 / 3 * number
        bucket = rate.full(now)
        while not (wait := rate.take(bucket, now)):
            pass
        assert rate.take(bucket, now + wait) == 0.0
        assert bucket.at == now + wait, "it was taken"


@given(rate=rates, start=starts, pauses=pauses)
def test_a_refusal_takes_nothing(rate: Rate, start: float, pauses: list[float]) -> None:
    often, seldom, now = rate.full(start), rate.full(start), start
    for pause in pauses:
        now += pause
        for _ in range(3):
            if rate.wait(often, now, 1.0):
                assert rate.take(often, now, 1.0) > 0
        assert often == seldom
        assert rate.take(often, now, 1.0) == rate.take(seldom, now, 1.0)


@given(rate=rates, start=starts, count=st.integers(0, 50))
def test_a_bucket_is_full_again_after_the_time_it_names(rate: Rate, start: float, count: int) -> None:
    bucket = rate.full(start)
    for _ in range(count):
        rate.take(bucket, start)
    assert rate.wait(bucket, (start + rate.fill_s) * (1 + 1e-9), rate.burst * (1 - 1e-6)) == 0.0


def test_a_burst_then_the_rate() -> None:
    rate = Rate(per_second=2.0, burst=3.0)
    bucket = rate.full(100.0)
    assert [rate.take(bucket, 100.0) for _ in range(5)] == [0, 0, 0, 0.5, 0.5]
    assert rate.take(bucket, 100.25) == pytest.approx(0.25)
    assert rate.take(bucket, 100.5) == 0.0
    assert rate.take(bucket, 100.5) == 0.5


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    rate = Rate(per_second=1.0, burst=1.0)
    bucket = rate.full(100.0)
    assert rate.take(bucket, 100.0) == 0.0
    assert rate.take(bucket, 50.0) == 51.0
    assert rate.take(bucket, 100.5) == 0.5


def test_more_than_the_burst_never_comes() -> None:
    rate = Rate(per_second=1.0, burst=3.0)
    assert rate.take(rate.full(0.0), 10.0, 3.5) == inf
