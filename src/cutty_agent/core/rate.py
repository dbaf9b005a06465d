"""How often something may happen: a token bucket, which allows a burst and a rate behind it."""

from __future__ import annotations

from math import inf, ulp

import msgspec


class Bucket(msgspec.Struct, gc=False):
    """What is left to take, as of a monotonic time in seconds. Belongs to one :class:`Rate`."""

    level: float
    at: float


class Rate(msgspec.Struct, frozen=True, gc=False):
    """``per_second`` on average, ``burst`` at once; both above 0.

    In any stretch of ``t`` seconds no more than ``burst + per_second * t`` is taken out of one bucket. The caller owns
    the clock; a time before that of the last take counts as the time of the last take.
    """

    per_second: float
    burst: float

    def full(self, now: float) -> Bucket:
        """A bucket nothing was taken out of."""
        return Bucket(self.burst, now)

    @property
    def fill_s(self) -> float:
        """Seconds after which every bucket is full again, and need not be kept."""
        return self.burst / self.per_second

    def take(self, bucket: Bucket, now: float, cost: float = 1.0) -> float:
        """Take ``cost`` and return 0.0; or leave the bucket as it is and return what :meth:`wait` does."""
        level = self._level(bucket, now)
        if level < cost:
            return self._wait(bucket, now, cost, level)
        bucket.level = level - cost
        if now > bucket.at:
            bucket.at = now
        return 0.0

    def wait(self, bucket: Bucket, now: float, cost: float = 1.0) -> float:
        """Seconds until ``cost`` can be taken, 0.0 when it can now. Takes nothing.

        Exact: at ``now`` plus this it succeeds, if nothing else is taken meanwhile, and not noticeably earlier.
        Infinite when ``cost`` is above the burst.
        """
        level = self._level(bucket, now)
        return 0.0 if level >= cost else self._wait(bucket, now, cost, level)

    def _level(self, bucket: Bucket, now: float) -> float:
        elapsed = now - bucket.at
        if elapsed <= 0.0:
            return bucket.level
        level = bucket.level + elapsed * self.per_second
        if level > self.burst:
            level = self.burst
        return level

    def _wait(self, bucket: Bucket, now: float, cost: float, level: float) -> float:
        if cost > self.burst:
            return inf
        due = max(now, bucket.at) + (cost - level) / self.per_second
        step = ulp(due)
        # The sum that decides is rounded; without this a caller that waits just so long could be refused again.
        while self._level(bucket, now + (due - now)) < cost:
            due += step
            step *= 2
        return due - now
