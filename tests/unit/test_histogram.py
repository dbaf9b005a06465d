"""Percentiles out of buckets: in the right bucket, whatever was counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutty_agent.wire.histogram import BOUNDS_MS, BUCKETS, HIGHEST_MS, NONE, bucket_of, counted, percentile

LATENCIES = st.integers(min_value=0, max_value=2_000_000)


def test_the_bounds_stay_as_they_are() -> None:
    """Counts that are stored depend on them."""
    assert BUCKETS == 24
    assert (
        *(1, 2, 3, 6, 11, 21, 38, 69, 126, 231, 423, 775, 1_418, 2_596, 4_753, 8_703, 15_933, 29_170),
        *(53_405, 97_774, 179_005, 327_724, 600_000),
    ) == BOUNDS_MS


@given(LATENCIES)
def test_every_latency_has_one_bucket(ms: int) -> None:
    bucket = bucket_of(ms)
    assert 0 <= bucket < BUCKETS
    assert bucket == len(BOUNDS_MS) or ms <= BOUNDS_MS[bucket]
    assert bucket == 0 or ms > BOUNDS_MS[bucket - 1]
    assert sum(counted([ms])) == 1


@given(st.lists(LATENCIES, min_size=1), st.sampled_from([0.01, 0.5, 0.9, 0.95, 0.99, 1.0]))
def test_a_percentile_lies_in_the_bucket_of_the_true_one(latencies: list[int], share: float) -> None:
    found = percentile(counted(latencies), share)
    assert found is not None
    place = max(1, -(-len(latencies) * share // 1))
    true = sorted(latencies)[int(place) - 1]
    bucket = bucket_of(true)
    low = BOUNDS_MS[bucket - 1] if bucket > 0 else 0
    high = BOUNDS_MS[bucket] if bucket < len(BOUNDS_MS) else HIGHEST_MS
    assert low <= found <= high


@given(st.lists(LATENCIES, min_size=1))
def test_percentiles_rise(latencies: list[int]) -> None:
    counts = counted(latencies)
    found = [percentile(counts, share) or 0.0 for share in (0.1, 0.5, 0.95, 0.99, 1.0)]
    assert found == sorted(found)


@given(st.lists(st.lists(LATENCIES)))
def test_counts_of_parts_add_up(parts: list[list[int]]) -> None:
    together = counted(ms for part in parts for ms in part)
    assert tuple(map(sum, zip(NONE, *map(counted, parts), strict=True))) == together


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_nothing_has_no_percentile(share: float) -> None:
    assert percentile(NONE, share) is None
