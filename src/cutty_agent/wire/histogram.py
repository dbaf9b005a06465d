"""Latencies counted in fixed buckets, so that sums of any number of turns have percentiles."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final

LOWEST_MS: Final = 1
HIGHEST_MS: Final = 600_000

BUCKETS: Final = 24

_FACTOR: Final = (HIGHEST_MS / LOWEST_MS) ** (1 / (BUCKETS - 2))

BOUNDS_MS: Final = tuple(round(LOWEST_MS * _FACTOR**n) for n in range(BUCKETS - 1))
"""Upper bounds of the buckets, inclusive, from 1 ms to 10 min; the last bucket has none. Each is 1.83 times the one
before, and stored counts depend on them: they stay as they are."""

NONE: Final = (0,) * BUCKETS
"""Nothing counted."""


def bucket_of(ms: int) -> int:
    """The bucket that counts a latency."""
    return bisect_left(BOUNDS_MS, ms)


def counted(latencies_ms: Iterable[int]) -> tuple[int, ...]:
    """The counts of these latencies."""
    counts = [0] * BUCKETS
    for ms in latencies_ms:
        counts[bucket_of(ms)] += 1
    return tuple(counts)


def percentile(counts: Sequence[int], share: float) -> float | None:
    """An estimate of the latency, in milliseconds, that this share (0 to 1) of the turns stayed within; ``None`` when
    nothing was counted. It lies in the right bucket, so it is wrong by a factor of 1.83 at most; what took longer than
    10 min counts as 10 min."""
    total = sum(counts)
    if total == 0:
        return None
    wanted, below = share * total, 0
    for bucket, count in enumerate(counts):
        if count and below + count >= wanted:
            return _within(bucket, (wanted - below) / count)
        below += count
    return float(HIGHEST_MS)


def _within(bucket: int, part: float) -> float:
    """A place in a bucket, its values taken as spread evenly over their logarithms."""
    if bucket == 0:
        return float(BOUNDS_MS[0])
    if bucket >= len(BOUNDS_MS):
        return float(HIGHEST_MS)
    low, high = BOUNDS_MS[bucket - 1], BOUNDS_MS[bucket]
    return float(low * (high / low) ** min(max(part, 0.0), 1.0))
